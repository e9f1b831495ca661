/*
 * Counters of wrong logins: by address, by account name, by device, and by the
 * three together. After some free tries each further one must wait, from a
 * second on and twice as long every time, up to a quarter of an hour.
 *
 * Fixed memory: a table of counters under a keyed hash. Where a row of it is
 * full, the counter that matters least gives way; whoever wants to push out a
 * certain one must fill the whole table, since the hash key is secret.
 *
 * A device that came in with right credentials from the same address is
 * remembered, and is held up by its own wrong tries only.
 *
 * The table is a cache: srv_throttle_share() brings what it counted into the
 * store and takes from there what other nodes counted, so that counters hold
 * for the site and outlive the process. One write for many wrong tries.
 */
#ifndef SERVER_THROTTLE_H
#define SERVER_THROTTLE_H

#include "backends/store.h"
#include "base/clock.h"
#include "base/slice.h"

enum {
	SRV_THROTTLE_FREE = 5, /* wrong tries without waiting */
	SRV_THROTTLE_FIRST_MS = 1000,
	SRV_THROTTLE_LONGEST_MS = 15 * 60 * 1000,
	/* Counters of wrong tries; four are used by one wrong try. */
	SRV_THROTTLE_SLOTS = 16384,
	/* Devices remembered as good. */
	SRV_THROTTLE_KNOWN = 32768,
	/* Changes that one sharing writes; the rest waits for the next. */
	SRV_THROTTLE_BATCH = 4096,
};

/* A device remembered as good is written to the store again after so long. */
#define SRV_THROTTLE_AGAIN_MS ((int64_t)24 * 60 * 60 * 1000)
/* Wrong tries are forgotten so long after the last one. */
#define SRV_THROTTLE_FORGET_MS ((int64_t)24 * 60 * 60 * 1000)
#define SRV_THROTTLE_KNOWN_MS ((int64_t)30 * 24 * 60 * 60 * 1000)

struct srv_throttle;

/* Who tries; account names are compared without regard to ASCII case. */
struct srv_throttle_who {
	struct slice peer, user, dev_id;
};

/*
 * key  of the hash under which counters are kept; all nodes of a site have the
 *      same. NULL when memory is short. Safe from any thread.
 */
struct srv_throttle *srv_throttle_new(const struct clk *clk, struct slice key);
void srv_throttle_free(struct srv_throttle **t);

/*
 * Milliseconds to wait before another try may be looked at; 0: go on. A try
 * that goes on beyond the free ones is charged at once, so that many at the
 * same time count one by one.
 */
int64_t srv_throttle_wait_ms(struct srv_throttle *t,
			     const struct srv_throttle_who *who);
void srv_throttle_failed(struct srv_throttle *t,
			 const struct srv_throttle_who *who);
void srv_throttle_passed(struct srv_throttle *t,
			 const struct srv_throttle_who *who);
/* Wrong tries in a row of exactly this address, account and device. */
unsigned srv_throttle_tries(struct srv_throttle *t,
			    const struct srv_throttle_who *who);

/* Once a second, by one thread. After a failure nothing is lost (and what was
   written in spite of it counts twice, on the strict side). */
int srv_throttle_share(struct srv_throttle *t, struct store *s, struct err *e);

#endif
