/*
 * The outlet by mail: SMTP submission (RFC 6409) with libcurl. One connection
 * at a time, kept from one message to the next.
 */
#ifndef BACKENDS_SMTP_SMTP_H
#define BACKENDS_SMTP_SMTP_H

#include "backends/outlet.h"
#include "backends/submission.h"
#include "base/clock.h"

enum smtp_tls {
	SMTP_STARTTLS, /* before anything else is said */
	SMTP_IMPLICIT, /* from the first byte (port 465) */
	SMTP_NONE,
};

struct smtp_conf {
	const char *server; /* "host:port", "host" */
	const char *from;   /* mail address of the sender */
	const char *user;   /* "": no login */
	const char *secret;
	const char *ca_file; /* PEM; "": those that the system trusts */
	const char *helo;    /* how we greet; "": the domain of `from` */
	enum smtp_tls tls;
	bool allow_plain; /* SMTP_NONE to an address that is not loopback */
	const struct clk *clk;
	int64_t answer_ms; /* one message; 0: a minute */
	int64_t retry_ms;  /* first pause; 0: a second */
};

/* ERR_CONFIG: what conf says cannot work. Opens nothing. */
int smtp_check(const struct smtp_conf *conf, struct err *e);

/* conf is borrowed for the call (clk until the close), the table copied. */
int smtp_open(const struct smtp_conf *conf, const struct outlet_calls *calls,
	      struct outlet **out, struct err *e);

/* conf is copied, clk not used. Connects when there is something to send;
   give_up is asked now and then meanwhile. */
int smtp_submitter(const struct smtp_conf *conf, bool (*give_up)(void *ctx),
		   void *ctx, struct submitter **out, struct err *e);

/* "starttls", "implicit", "none"; false: none of them. */
bool smtp_tls_of(struct slice word, enum smtp_tls *out);

#endif
