/*
 * Addresses to listen on: read from the configuration, or handed over by
 * systemd (socket activation).
 */
#ifndef SERVER_HTTP_LISTEN_H
#define SERVER_HTTP_LISTEN_H

#include "server/addr.h"
#include "server/conf.h"

enum { SRV_LISTEN_MAX = 32 }; /* addresses of each kind */

enum srv_scheme { SRV_HTTP, SRV_HTTPS, SRV_HTTPS_OLD };

struct srv_listen {
	struct sockaddr_storage sa;
	socklen_t sa_n;
	enum srv_scheme scheme;
	bool loopback;
	bool given;    /* by systemd: already bound */
	int fd;        /* -1: not open */
	char text[64]; /* "https://[::1]:8443", true port once open */
};

struct srv_listens {
	struct srv_listen *l;
	size_t n;
};

/*
 * "127.0.0.1:8880 https://[::]:8443 *:8880". ERR_CONFIG names the wrong part.
 * deflt  scheme of addresses without one
 */
int srv_listen_parse(struct arena *a, const char *text, enum srv_scheme deflt,
		     struct srv_listens *out, struct err *e);

/*
 * Take over sockets that systemd passed: those named "admin" go to *admin,
 * "https" and "https-old" speak TLS, others `deflt`. Untouched when there are
 * none. Call once, before threads.
 */
int srv_listen_given(struct arena *a, enum srv_scheme deflt,
		     struct srv_listens *pub, struct srv_listens *admin,
		     struct err *e);

/* Bind and listen; errors say what to change. */
int srv_listen_open(struct srv_listens *ls, struct err *e);

/* Closes what is still open (fd >= 0). */
void srv_listen_close(struct srv_listens *ls);

#endif
