/*
 * How long a worker tries a message again whose store failed under it: a
 * database that was restarted, a deadlock, a serialisation failure.
 *
 * Some seconds from when the store was first seen to fail, by whichever worker:
 * when it stays away, later messages are told so at once, and no worker is
 * kept from the next one by a store that does not come back. A silence as long
 * as that begins anew.
 */
#ifndef SERVER_PATIENCE_H
#define SERVER_PATIENCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct srv_patience {
	/* clk_mono_ms() of the first failure since the store last worked; 0: it
	   works. */
	atomic_int_fast64_t down_ms;
	atomic_int_fast64_t last_ms; /* of the last one */
	/* Tests count what would be waited; NULL: sleep. */
	void (*sleep)(void *ctx, int64_t ms);
	void *ctx;
};

/*
 * After the tries-th failure (from 1): wait, then true; or false: the patience
 * is at its end. Safe from any thread.
 */
bool srv_patience_wait(struct srv_patience *p, unsigned tries);

/* The store did something. */
void srv_patience_works(struct srv_patience *p);

#endif
