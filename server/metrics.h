/*
 * Counters of the process, written as OpenMetrics text for the admin address.
 * Every function is safe from any thread; nothing here ever blocks.
 */
#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include "base/buf.h"
#include "server/http/pool.h"

#include <stdatomic.h>

enum srv_result {                  /* how a request to a SyncML address ended */
		  SRV_RESULT_OK,   /* 200, a message was answered */
		  SRV_RESULT_PAGE, /* the page for people */
		  SRV_RESULT_REFUSED,  /* 4xx */
		  SRV_RESULT_FAILED,   /* 500 */
		  SRV_RESULT_BUSY,     /* 503 */
		  SRV_RESULT_DEADLINE, /* too slow: cut off */
		  SRV_RESULT_ABORTED,  /* the client went away */
		  SRV_RESULT_N,
};

enum { SRV_METRICS_BUCKETS = 13 };

struct srv_metrics {
	atomic_uint_fast64_t requests[SRV_RESULT_N];
	atomic_uint_fast64_t messages, duplicates, tries;
	atomic_uint_fast64_t sessions_began, sessions_ended;
	atomic_uint_fast64_t items_in, items_out;
	atomic_uint_fast64_t auth_failed;
	atomic_uint_fast64_t bytes_in, bytes_out;
	atomic_uint_fast64_t deadlines; /* connections cut by the sweeper */
	atomic_uint_fast64_t refused;   /* connections over the limit */
	atomic_uint_fast64_t bucket[SRV_METRICS_BUCKETS + 1];
	atomic_uint_fast64_t message_us; /* sum of all */
	atomic_int_fast64_t connections; /* open now */
	atomic_int_fast64_t body_bytes;  /* of messages being received */
	atomic_uint_fast64_t prune_rows;
	atomic_uint_fast64_t reloads;
	atomic_uint_fast64_t notices, notices_sent, notices_failed;
	atomic_int_fast64_t tls_expires_s; /* 0: no certificate */
	int64_t started_s;                 /* set once, before threads */
};

/* Time a message took in a worker. */
void srv_metrics_message(struct srv_metrics *m, int64_t us);

static inline void
srv_metrics_add(atomic_uint_fast64_t *c, uint64_t n)
{
	(void)atomic_fetch_add_explicit(c, n, memory_order_relaxed);
}

struct srv_metrics_now { /* what is asked at the moment of writing */
	struct srv_pool_state pool;
	bool store_up;
};

extern const char srv_metrics_type[]; /* Content-Type of the text */

void srv_metrics_write(struct srv_metrics *m, const struct srv_metrics_now *now,
		       struct buf *b);

#endif
