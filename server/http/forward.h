/*
 * What proxies in front of us say about the client: X-Forwarded-For or
 * Forwarded (RFC 7239), read from the right, since everything left of the
 * last proxy that we believe may be the client's own invention.
 */
#ifndef SERVER_HTTP_FORWARD_H
#define SERVER_HTTP_FORWARD_H

#include "server/addr.h"

enum srv_forward_kind { SRV_FORWARD_X, SRV_FORWARD_RFC7239 };

enum { SRV_FORWARD_LINES_MAX = 8 };

/* The request's headers of one name, in order; later ones beyond the maximum
   push out the first, which are the least believable. */
struct srv_forward_lines {
	struct slice line[SRV_FORWARD_LINES_MAX];
	size_t n;
};

void srv_forward_push(struct srv_forward_lines *l, struct slice value);

struct srv_forward_in {
	enum srv_forward_kind kind;
	struct srv_forward_lines hops;  /* X-Forwarded-For, or Forwarded */
	struct srv_forward_lines proto; /* X-Forwarded-Proto */
	struct srv_forward_lines host;  /* X-Forwarded-Host */
	struct slice host_header;       /* Host */
};

struct srv_forward {
	struct srv_addr client;
	bool trusted;       /* the direct peer is a trusted proxy */
	struct slice proto; /* "http" or "https"; empty: not told */
	struct slice host;  /* checked host[:port]; empty: not told */
};

/*
 * peer  the address at the other end of the socket. Unless it is one of
 *       `trusted` nothing in the headers counts.
 */
void srv_forward_find(const struct srv_nets *trusted,
		      const struct srv_addr *peer,
		      const struct srv_forward_in *in, struct srv_forward *out);

/* May it stand in a URL as host[:port]? */
bool srv_forward_host_ok(struct slice host);

#endif
