/*
 * Outlets that reach devices through a gateway over HTTP: Kannel's sendsms, a
 * push proxy gateway (PAP), and whatever takes a POST. libcurl, one thread,
 * several requests at a time.
 */
#ifndef BACKENDS_PUSH_PUSH_H
#define BACKENDS_PUSH_PUSH_H

#include "backends/outlet.h"

enum push_kind {
	PUSH_KANNEL, /* "kannel": GET .../cgi-bin/sendsms */
	PUSH_PPG,    /* "ppg": POST of multipart/related */
	PUSH_POST,   /* "post": POST of the notice itself */
	PUSH_KIND_N,
};

struct push_conf {
	enum push_kind kind;
	const char *url;     /* of a post: {to} in it becomes the address */
	const char *user;    /* kannel, ppg: in the query; "": none */
	const char *secret;  /* ... ; of a post: a bearer token; "": none */
	const char *from;    /* kannel: sender's number, "": the gateway's own;
				ppg: host in addresses */
	const char *ca_file; /* PEM; "": those that the system trusts */
	bool allow_plain;    /* HTTP to an address that is not loopback */
	int64_t answer_ms;   /* of one request; 0: half a minute */
	int64_t retry_ms;    /* first pause when it is down; 0: a second */
};

/* "kannel", "ppg", "post". */
const char *push_kind_name(enum push_kind kind);

/* ERR_CONFIG: what conf says cannot work. Opens nothing. */
int push_check(const struct push_conf *conf, struct err *e);

/* conf is borrowed for the call. */
int push_open(const struct push_conf *conf, const struct outlet_calls *calls,
	      struct outlet **out, struct err *e);

#endif
