/*
 * Of work that the nodes share, what is this node's: buckets of accounts,
 * leased by the database's clock. One thread's.
 *
 * A node that dies is taken over when its leases have run out; one that begins
 * anew gives back at once what its dead run held, and one that stops what it
 * holds. One that cannot reach the store for so long holds nothing any more,
 * and must not go on as if it did.
 */
#ifndef SERVER_SHARE_H
#define SERVER_SHARE_H

#include "backends/store.h"

enum {
	SRV_SHARE_LEASE_MS = 30 * 1000,
	SRV_SHARE_RENEW_MS = 10 * 1000,
};

_Static_assert((int)SRV_SHARE_RENEW_MS < (int)STORE_WAKE_SOON_MS,
	       "who sleeps longer misses what is due sooner");

struct srv_share {
	struct store *store;
	/* Whose leases: store->v->alarm->buckets, say. */
	int (*buckets)(struct store *s, struct slice owner, int64_t ms,
		       bool mine[static STORE_BUCKETS], struct err *e);
	struct slice node;   /* unique to this run */
	struct slice before; /* the last run of this node; empty: none */
	bool mine[STORE_BUCKETS];
	int64_t taken_mono; /* INT64_MIN: it holds none */
};

/* All but mine and taken_mono are set. */
void srv_share_begin(struct srv_share *sh);
/* Is it time to take or renew them? */
bool srv_share_due(const struct srv_share *sh);
/* How long until then: the longest sleep. */
int64_t srv_share_wait_ms(const struct srv_share *sh);
/* *moved: others than before are this node's now. */
int srv_share_take(struct srv_share *sh, bool *moved, struct err *e);
/* After a failure: have they run out? Then it holds none. */
bool srv_share_lost(struct srv_share *sh);
void srv_share_give_back(struct srv_share *sh);

#endif
