/*
 * What an outlet was given and has not settled, and what came back of it until
 * it is written down. Of one channel; any thread.
 */
#ifndef SERVER_ALARMS_FLIGHT_H
#define SERVER_ALARMS_FLIGHT_H

#include "backends/store.h"

enum {
	FLIGHT_MAX = 4096,    /* under way and not written down */
	RECEIPTS_MAX = 16384, /* that came and are not written down */
};

/* A message, as much of it as is needed to write down what became of it. */
struct flight {
	int64_t account;
	int64_t attempts; /* those that failed */
	int64_t wait_ms;  /* when sent, look for its answer then; 0: not */
	int64_t device;   /* a notice to it; 0: to a person */
	bool again;       /* it had been sent before */
	char id[STORE_DELIVERY_ID_MAX + 1];
};

/* What came back. */
struct flight_end {
	struct flight f;
	bool sent, for_good;
	char why[120];
};

struct flight_receipt {
	struct flight_receipt *next;
	char id[STORE_DELIVERY_ID_MAX + 1];
	size_t n;
	char from[]; /* the address, as it is kept */
};

struct flights;

/* NULL: no memory. */
struct flights *flights_new(void);
void flights_free(struct flights **f);

bool flights_has(struct flights *f, struct slice id);
/* How many more there is room for; of each bucket, how many there are. */
size_t flights_room(struct flights *f, size_t have[static STORE_BUCKETS]);
/* Before it is given: the outlet may settle it at once. There is room. */
void flights_add(struct flights *f, const struct flight *in);
/* It was not taken, or is written down. */
void flights_drop(struct flights *f, struct slice id);

/* The outlet is done with it. false: it is none of these. */
bool flights_end(struct flights *f, struct slice id, bool sent, bool for_good,
		 const char *why);
/* How many are done; and up to `max` of them, which stay until dropped. */
size_t flights_done(struct flights *f);
size_t flights_ended(struct flights *f, struct flight_end *out, size_t max);

/* A receipt came. Beyond the limit, or without memory, it is forgotten: what
   it costs is a mail that nobody needed. */
void flights_receipt(struct flights *f, struct slice id, struct slice from);
/* All receipts, to be freed by the caller, in the order they came. */
struct flight_receipt *flights_receipts(struct flights *f);

#endif
