/*
 * What a person set for reminders (`funicular user set USER KEY VALUE`): one
 * table of keys, their checks and what they mean.
 */
#ifndef SERVER_ALARMS_WAYS_H
#define SERVER_ALARMS_WAYS_H

#include "backends/store.h"
#include "server/alarms/words.h"

enum {
	SRV_WAYS_ADDRESSES = 4, /* of one channel */
	SRV_WAYS_VALUE_MAX = 1024,
};

struct srv_ways {
	bool on;
	struct slice jid[SRV_WAYS_ADDRESSES];
	size_t jid_n;
	struct slice mail[SRV_WAYS_ADDRESSES];
	size_t mail_n;
	int quiet_from, quiet_to; /* minutes of the day; equal: no such hours */
	struct slice mute;        /* names of collections, by commas */
	bool show_private;
	enum srv_lang lang;
	int escalate_min;       /* by mail without receipt; 0: never */
	int64_t muted_until_ms; /* nothing is sent before */
};

/* The account's settings. ERR_NOMEM and what the store says. */
int srv_ways_read(struct store_tx *tx, struct arena *a, struct srv_ways *out,
		  struct err *e);

/*
 * Set one key, or with an empty value take it back; alarms that are due at
 * other times from now on are computed anew, in the same transaction.
 *
 * ERR_NOTFOUND: no such key; ERR_PARSE: not a value for it, with a sentence;
 * ERR_CONFLICT: another user's address.
 */
int srv_ways_set(struct store_tx *tx, struct arena *a, struct slice key,
		 struct slice value, struct err *e);

/* All of the account's alarms anew: zone, morning hour, lead time changed.
   What is due already stays. */
int srv_ways_again(struct store_tx *tx, struct err *e);
/* Do the rows say when the items' alarms go off? A sentence for each that does
   not, at most max of them, in the arena. */
int srv_ways_compare(struct store_tx *tx, struct arena *out, size_t max,
		     struct slice **finding, size_t *n, struct err *e);

/* Is a collection among the muted ones? */
bool srv_ways_muted(const struct srv_ways *w, struct slice collection);
/* "22:00-07:00" in minutes of the day. */
bool srv_ways_quiet_of(struct slice s, int *from, int *to);
/* Until when nothing is to be sent that would be sent now; now_ms: it may. */
int64_t srv_ways_quiet_until(const struct srv_ways *w, struct slice zone,
			     int64_t now_ms);

/* For help and manuals: key, what it takes, what it means; NULL at the end. */
struct srv_ways_key {
	const char *key;
	const char *takes;
	const char *means;
};
extern const struct srv_ways_key srv_ways_keys[];

/* As an address is kept: without a resource, ASCII in lower case. .p NULL:
   memory is short. */
struct slice srv_ways_address(struct arena *a, struct slice s);

#endif
