/*
 * Worker threads with a bounded queue: what a request costs beyond moving its
 * bytes happens here, never in the threads that serve sockets. Each worker
 * owns one arena and lends it to one job after the other.
 */
#ifndef SERVER_HTTP_POOL_H
#define SERVER_HTTP_POOL_H

#include "base/arena.h"
#include "base/err.h"

struct srv_pool;

/* Embedded in what shall be done; the pool never owns it. */
struct srv_job {
	/* a is NULL when memory is short; it is emptied after the call. The
	   job may be gone when run() returns. */
	void (*run)(struct srv_job *job, struct arena *a);
	struct srv_job *next;
};

struct srv_pool_conf {
	size_t workers;     /* 1 or more */
	size_t queue;       /* jobs that may wait */
	size_t arena_bytes; /* cap of each worker's arena */
};

struct srv_pool_state {
	size_t workers, busy, waiting;
	/* All workers are busy, and the youngest job runs for so long; 0:
	   somebody is free. */
	int64_t stuck_ms;
};

int srv_pool_start(const struct srv_pool_conf *conf, struct srv_pool **out,
		   struct err *e);

/* False: the queue is full, or the pool is being stopped. */
bool srv_pool_push(struct srv_pool *p, struct srv_job *job);

void srv_pool_look(struct srv_pool *p, struct srv_pool_state *out);

/* Runs what is queued, ends the threads, sets *p to NULL; accepts NULL. */
void srv_pool_stop(struct srv_pool **p);

#endif
