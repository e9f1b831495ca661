/*
 * The HTTP front: libmicrohttpd moves the bytes, this checks what came in,
 * keeps the deadlines that the library does not know, and hands messages to
 * the workers. Public addresses answer SyncML and a page for people; the admin
 * address answers /healthz and /metrics.
 */
#ifndef SERVER_HTTP_FRONT_H
#define SERVER_HTTP_FRONT_H

#include "server/http/listen.h"
#include "server/http/tls.h"
#include "server/metrics.h"
#include "server/service.h"
#include "server/settings.h"

struct srv_front;

struct srv_front_in {
	struct srv_settings *settings; /* a reference is taken */
	/* Open sockets; the front closes those it could start. Borrowed until
	   srv_front_stop(). */
	struct srv_listens *pub, *admin;
	const struct srv_tls *tls; /* NULL: none; borrowed for the call */
	const struct srv_service *service;
	struct srv_metrics *metrics;
	struct log *log;
};

int srv_front_start(const struct srv_front_in *in, struct srv_front **out,
		    struct err *e);

/*
 * Take over reloadable settings (a reference is taken). With `tls` every TLS
 * address starts anew with it: running requests finish with what they began.
 */
int srv_front_reload(struct srv_front *f, struct srv_settings *settings,
		     const struct srv_tls *tls, struct err *e);

void srv_front_look(struct srv_front *f, struct srv_pool_state *out);

/* Graceful: refuse new connections, let running requests finish. */
void srv_front_stop(struct srv_front **f);

#endif
