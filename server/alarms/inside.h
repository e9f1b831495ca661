/* Inside of server/alarms. */
#ifndef SERVER_ALARMS_INSIDE_H
#define SERVER_ALARMS_INSIDE_H

#include "pim/alarm.h"
#include "server/alarms/alarms.h"
#include "server/alarms/flight.h"
#include "server/alarms/ways.h"
#include "server/share.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
	ALARMS_AT_ONCE = 8,      /* alarms of one item at one instant */
	ALARMS_DUE_PAGE = 64,    /* rows of a bucket looked at together */
	ALARMS_CLAIM_ROWS = 200, /* items of an account in one transaction */
	ALARMS_SEND_PAGE = 128,  /* messages of a bucket given together */
	ALARMS_ARENA = 64 << 20,
	ALARMS_RETRY_MS = 5000, /* the first pause, doubled */
	ALARMS_RETRY_MAX_MS = 10 * 60000,
	ALARMS_ATTEMPTS_MAX = 300, /* two days of them */
	/* A step looks after its leases between two such stretches. */
	ALARMS_STRETCH_MS = 5000,
	ALARMS_BAD_MAX = 64,
	ALARMS_BAD_MS = 60000,
};

struct channel {
	struct srv_alarms *al;
	size_t index;
	const struct srv_alarms_channel *in;
	struct outlet *o; /* NULL: another node's, or not open */
	bool ours;
	bool refused; /* it would not open: said already */
	struct flights *flights;
	struct flight_receipt *receipts; /* that are being written down */
};

struct bad { /* an account whose claim failed: not at once again */
	int64_t account;
	int64_t until_mono;
};

struct srv_alarms {
	struct srv_alarms_in in;
	struct arena *a;
	struct arena *work; /* of one account */
	struct srv_share share;
	bool again; /* leases that could not be taken: at the next step */
	struct channel channel[SRV_ALARMS_CHANNELS];
	struct bad bad[ALARMS_BAD_MAX];
	size_t bad_n;
	bool failing; /* the store: said once */

	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t wake;
	bool woken, stop, runs;
	pthread_t thread;
	_Atomic int64_t sleeps_until; /* by clk */
};

static inline int64_t
alarms_now(const struct srv_alarms *al)
{
	return al->in.clk->now_ms(al->in.clk);
}

void alarms_wake(struct srv_alarms *al);
bool alarms_has_channel(const struct srv_alarms *al, struct slice name);

/* One account, its settings, its items, in a transaction. */
struct alarms_view {
	struct srv_alarms *al;
	struct store_tx *tx;
	struct arena *a;
	struct store_account acc;
	struct srv_ways ways;
	int64_t now_ms;
	struct store_item *item;
	size_t item_n;
	struct store_collection *col; /* read where something is muted */
	size_t col_n;
};

/* Account and settings; items with their bodies by id. */
int alarms_view_open(struct alarms_view *v, struct srv_alarms *al,
		     int64_t account, enum store_mode mode, struct arena *a,
		     struct err *e);
int alarms_view_items(struct alarms_view *v, const int64_t *id, size_t n,
		      struct err *e);
/* NULL: gone. */
const struct store_item *alarms_view_item(const struct alarms_view *v,
					  int64_t id);
bool alarms_view_muted(const struct alarms_view *v,
		       const struct store_item *it);
struct srv_eye alarms_view_eye(const struct alarms_view *v);
/* The alarms of an item at an instant; *n 0: not any more. */
int alarms_at(const struct alarms_view *v, const struct pim_item *pim,
	      int64_t due_ms, bool settled, struct pim_alarm *out, size_t *n,
	      struct err *e);
/* Where to: addresses of the first channel that both sides have. */
const struct slice *alarms_addresses(const struct alarms_view *v, bool mail,
				     const char **channel, size_t *n);
/* The address that gets a copy, by mail, of what goes to the user; empty: none
   does. */
struct slice alarms_archive(const struct alarms_view *v);
/* The text of a message of STORE_DELIVERY_NOTE to all addresses. */
int alarms_note(const struct alarms_view *v, struct slice about,
		struct slice subject, struct slice text, struct err *e);

/* claim.c: due rows become messages. *next_ms: when the next one is
   due. *more: there are more that are due already. */
int alarms_claim(struct srv_alarms *al, int64_t *next_ms, bool *more,
		 struct err *e);
/* One account must not keep the others from theirs: is it to be left alone for
   now, and is what happened more than its own affair (-1)? */
bool alarms_is_bad(struct srv_alarms *al, int64_t account);
int alarms_went_wrong(struct srv_alarms *al, int64_t account, struct err *e);
/* mark.c. *more: there is more than was written down. */
int alarms_results(struct srv_alarms *al, bool *more, struct err *e);
/* send.c */
int alarms_send(struct srv_alarms *al, struct channel *ch, int64_t *next_ms,
		bool *more, struct err *e);
/* in.c: what came in, on the outlet's thread. */
void alarms_in(void *ctx, const struct outlet_in *in, struct arena *a,
	       struct outlet_answer *out);

#endif
