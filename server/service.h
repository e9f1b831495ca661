/*
 * What the HTTP front and the daemon's life need from behind: the protocol and
 * the store. commands/serve.c makes it of an open site; tests bring their own.
 */
#ifndef SERVER_SERVICE_H
#define SERVER_SERVICE_H

#include "server/later.h"
#include "syncml/server.h"

#include <stdatomic.h>

enum { SRV_TICK_MS = 1000 };

struct srv_service {
	void *ctx;
	/* Before the first request, after the sockets are bound; may fail. */
	int (*open)(void *ctx, struct err *e);
	/* After the last request. */
	void (*close)(void *ctx);
	/* One message; from any worker thread. */
	void (*handle)(void *ctx, struct arena *a, const struct sml_request *rq,
		       struct sml_reply *out);
	/* The answer to a message is made. true: it goes out when `later` is
	   told so, which happens once, soon, on any thread. NULL, or false: at
	   once. */
	bool (*hold)(void *ctx, const struct sml_reply *reply,
		     struct srv_later *later);
	/* Does the store answer? From any thread. */
	int (*healthy)(void *ctx, struct err *e);
	/* Every second or so, by the housekeeping thread, and once before
	   close(); NULL: nothing to do. */
	int (*tick)(void *ctx, struct err *e);
	/* Housekeeping: drop what is older than the given numbers of days.
	   Returns soon after *stop. *rows: how many went. */
	int (*prune)(void *ctx, int64_t history_days, const atomic_bool *stop,
		     int64_t *rows, struct err *e);
};

#endif
