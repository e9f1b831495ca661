/*
 * Network addresses: who is the peer, and is it one of the proxies that we
 * believe? Every address is held as 16 bytes; IPv4 in its mapped form
 * (::ffff:a.b.c.d), so that both families compare alike.
 */
#ifndef SERVER_ADDR_H
#define SERVER_ADDR_H

#include "base/arena.h"
#include "base/err.h"

#include <sys/socket.h>

struct srv_addr {
	unsigned char b[16];
};

struct srv_net {
	struct srv_addr a;
	unsigned bits; /* of 128: an IPv4 prefix length plus 96 */
};

struct srv_nets {
	const struct srv_net *net;
	size_t n;
};

enum { SRV_ADDR_TEXT_BYTES = 46 };

/*
 * An address as proxies write it: "192.0.2.1", "192.0.2.1:4711", "2001:db8::1",
 * "[2001:db8::1]", "[2001:db8::1]:4711", quoted or not. False: it is none.
 */
bool srv_addr_parse(struct slice s, struct srv_addr *out);

/* False: neither IPv4 nor IPv6. */
bool srv_addr_of(const struct sockaddr *sa, struct srv_addr *out);

/* Text without port; returns out. */
const char *srv_addr_text(const struct srv_addr *a,
			  char out[static SRV_ADDR_TEXT_BYTES]);

bool srv_addr_same(const struct srv_addr *a, const struct srv_addr *b);
bool srv_addr_loopback(const struct srv_addr *a);
bool srv_addr_any(const struct srv_addr *a);

/*
 * Addresses and networks with blanks or commas between: "127.0.0.1 ::1
 * 10.0.0.0/8". ERR_CONFIG names the part that is wrong.
 */
int srv_nets_parse(struct arena *a, const char *text, struct srv_nets *out,
		   struct err *e);

bool srv_nets_have(const struct srv_nets *nets, const struct srv_addr *a);

#endif
