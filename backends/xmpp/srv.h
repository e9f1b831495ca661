/*
 * Where the server of an XMPP domain is (RFC 6120, 3.2; RFC 2782): the SRV
 * records of _xmpp-client._tcp, in the order in which they are to be tried.
 */
#ifndef BACKENDS_XMPP_SRV_H
#define BACKENDS_XMPP_SRV_H

#include "base/err.h"
#include "base/random.h"

#include <netinet/in.h>
#include <stddef.h>

enum {
	IM_SRV_MAX = 8, /* records; more are passed over */
	IM_SRV_HOST_MAX = 256,
	IM_SRV_TIMEOUT_S = 3, /* of a question; each is asked twice */
};

struct im_srv {
	char host[IM_SRV_HOST_MAX];
	unsigned port, priority, weight;
};

/*
 * Asks and waits, some seconds at most. *n 0: there are none, or nobody
 * answers; then the server is at the domain itself. ERR_CONFIG: the domain
 * says that it offers no XMPP.
 *
 * dns  which server to ask, for tests; NULL: the system's
 */
int im_srv_find(const char *domain, const struct sockaddr_in *dns,
		struct rnd *rnd, struct im_srv out[static IM_SRV_MAX],
		size_t *n, struct err *e);

/* The records of an answer as it came, in no order; -1: it is none. */
int im_srv_read(const unsigned char *answer, size_t len,
		struct im_srv out[static IM_SRV_MAX], size_t *n);
/* In the order to be tried: by priority, then by chance and weight. */
void im_srv_order(struct im_srv *v, size_t n, struct rnd *rnd);

#endif
