/*
 * What a node does beside answering: it tells the others that it lives, brings
 * counted logins into the store, and prunes where it holds the lease. All of
 * it by the housekeeping thread.
 */
#ifndef SERVER_HOUSE_H
#define SERVER_HOUSE_H

#include "backends/store.h"
#include "base/clock.h"
#include "base/random.h"

#include <stdatomic.h>

enum {
	SRV_HOUSE_BEAT_MS = 30 * 1000,
	/* A node that dies while it prunes keeps the others from it so long;
	   one that prunes renews it in time. */
	SRV_HOUSE_LEASE_MS = 10 * 60 * 1000,
	SRV_HOUSE_RENEW_MS = 60 * 1000,
	SRV_HOUSE_NAME_BYTES = 64,
};

struct srv_house {
	struct store *store;
	const struct clk *clk;
	char id[33];     /* of this run: 128 random bits */
	char before[33]; /* of the run before, which is dead; "": not known */
	int run_fd;      /* the file that tells them; -1: none */
	char name[SRV_HOUSE_NAME_BYTES + 1];
	int64_t started_ms;
	bool beating; /* the row is there */
	int64_t beat_mono_ms;
	atomic_bool doubt; /* somebody could not write: try at once */
	atomic_bool stuck; /* the last beat could not be written */
};

/*
 * name: empty for the machine's own. dir: state_dir, where a locked file tells
 * the next run who this one was: a process that was killed keeps no lock, so
 * its leases need not run out. NULL: no such file.
 */
void srv_house_open(struct srv_house *h, struct store *s, const struct clk *clk,
		    struct rnd *rnd, const char *name, const char *dir);
/* Once a second or so; writes every SRV_HOUSE_BEAT_MS, and each time while
   that fails or is in doubt. */
int srv_house_beat(struct srv_house *h, struct err *e);
/* A message could not be stored: the next beat tries whether one can write at
   all. From any thread, as srv_house_stuck(). */
void srv_house_doubt(struct srv_house *h);
/* Can nothing be written (a full disk, a replica)? */
bool srv_house_stuck(struct srv_house *h);
/* The last word: it stopped. */
void srv_house_close(struct srv_house *h);

/* Is this work ours for SRV_HOUSE_LEASE_MS? */
int srv_house_lease(struct srv_house *h, const char *work, bool *ours,
		    struct err *e);
/* No longer, if it was; and no longer that of a run that is dead. */
void srv_house_give_back(struct srv_house *h, const char *work);
void srv_house_give_back_of(struct srv_house *h, const char *id,
			    const char *work);

#endif
