/*
 * Part of backends/store.h: work that is due at an instant. Which item's alarm
 * goes off next, what was written to be sent, and what a person set for it.
 *
 * The idea: `alarm_next` has one row for each item whose alarms still go off,
 * written with the item; `delivery` has one row for each message to somebody,
 * written in the transaction that moves alarm_next on. Either both are there
 * or none, so nothing is queued twice and nothing is forgotten.
 */
#ifndef BACKENDS_STORE_ALARM_H
#define BACKENDS_STORE_ALARM_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

struct store;
struct store_tx;

enum { STORE_BUCKETS = 16 }; /* shares of the work; a node leases some */

/* Which share an account's work is in. */
static inline int64_t
store_bucket(int64_t account)
{
	return account % STORE_BUCKETS;
}

/* Part of the account's row, since every write of an item needs it. */
struct store_alarm_ways {
	bool on;  /* false: nobody is reminded, and no row is kept */
	int hour; /* in the morning, of all-day events; 0..23 */
	bool lead;
	int lead_min; /* before events without alarm, if lead */
};

/*
 * With the write of an item: when does its next alarm go off? A row that is
 * due already (by tx->now_ms) stays as it is: whoever sends has yet to see it,
 * and computes the next one from the item as it is then.
 */
enum store_due_what {
	STORE_DUE_KEEP = 0, /* it has none and never had */
	STORE_DUE_NONE,     /* it has none, or none any more */
	STORE_DUE_AT,
};

struct store_due {
	enum store_due_what what;
	int64_t at_ms;
};

struct store_alarm_next {
	int64_t account;
	int64_t item;
	int64_t due_ms; /* in: INT64_MAX: the row goes */
};

/* ---- the outbox --------------------------------------------------------- */

enum store_delivery_kind {
	STORE_DELIVERY_ALARM = 1,
	STORE_DELIVERY_NOTE = 2, /* digest, test: `text` is all of it */
	STORE_DELIVERY_PUSH = 3, /* wakes a device: `item` is its id, `start_ms`
				    the notice's number (store_push.h) */
};

enum store_delivery_state {
	STORE_DELIVERY_QUEUED = 1,
	STORE_DELIVERY_SENT,    /* the channel's server has it */
	STORE_DELIVERY_RECEIPT, /* the person's client has it */
	STORE_DELIVERY_FAILED,  /* for good; `reason` says why */
	STORE_DELIVERY_DROPPED, /* not wanted any more; `reason` says why */
};

enum { STORE_DELIVERY_ID_MAX = 64 };

/* One message to one address. */
struct store_delivery {
	int64_t account; /* out only */
	struct slice id; /* [0-9a-z-]: made of what makes it unique */
	enum store_delivery_kind kind;
	int64_t item;
	struct slice recurrence; /* as pim_alarm.occurrence */
	struct slice alarm;      /* which one of the item */
	int64_t due_ms;          /* the instant of the alarm */
	int64_t start_ms;        /* of what it is about */
	struct slice channel;    /* "xmpp", "smtp" */
	struct slice address;
	bool late; /* it was written after its time */
	enum store_delivery_state state;
	struct slice reason;
	struct slice text; /* of a note: subject, LF, text */
	int64_t written_ms;
	int64_t next_ms; /* not to be sent before; INT64_MAX: settled */
	int64_t sent_ms, receipt_ms; /* 0: not yet */
	int64_t attempts;            /* those that failed */
};

/* What became of a message. */
struct store_mark {
	int64_t account;
	struct slice id;
	/* SENT, FAILED or RECEIPT; QUEUED: it failed, and is tried again. */
	enum store_delivery_state state;
	int64_t at_ms;
	/* SENT: when to look for its receipt, QUEUED: when to try again;
	   INT64_MAX: not any more. */
	int64_t next_ms;
	struct slice reason;  /* of what failed */
	struct slice address; /* RECEIPT: from whom */
	int64_t device;       /* SENT: one message more of this device's day
				 (store_push.h); 0: of none */
};

struct store_setting {
	struct slice key;
	struct slice value;
};

struct store_alarm_vtbl {
	/* -- the store as a whole -- */
	/* Of each bucket that is `mine` the `limit` rows due first, whether
	   due already or not; in no order. */
	int (*due)(struct store *s, struct arena *a,
		   const bool mine[static STORE_BUCKETS], size_t limit,
		   struct store_alarm_next **out, size_t *n, struct err *e);
	/* Of the channel's rows that are not settled the first of each bucket,
	   by next_ms: at most limit[bucket]. */
	int (*outbox)(struct store *s, struct arena *a, struct slice channel,
		      const size_t limit[static STORE_BUCKETS],
		      struct store_delivery **out, size_t *n, struct err *e);
	/*
	 * Renew this node's leases on buckets for ms milliseconds of the
	 * database's clock, give back what is more than its share among the
	 * nodes that do the same, and take what is free. 0 ms: give back all.
	 */
	int (*buckets)(struct store *s, struct slice owner, int64_t ms,
		       bool mine[static STORE_BUCKETS], struct err *e);
	/*
	 * Write down what became of messages of any accounts, each id once
	 * but for its receipt: one transaction, a bounded number of round
	 * trips, and none of the accounts' locks. A row only goes on from
	 * queued to sent to receipt, in whichever order it is told; a notice to
	 * a device may be sent once more. Rows that are not there, and receipts
	 * of others than who got the message, are passed over.
	 */
	int (*delivery_mark)(struct store *s, const struct store_mark *m,
			     size_t n, struct err *e);
	/* Whose addresses these are; account[i] 0: nobody's. */
	int (*address_find)(struct store *s, struct slice channel,
			    const struct slice *address, size_t n,
			    int64_t *account, struct err *e);

	/* -- of an account -- */
	/* Rows due up to an instant (INT64_MAX: all), the first ones first. */
	int (*next_list)(struct store_tx *tx, struct arena *a, int64_t upto_ms,
			 size_t limit, struct store_alarm_next **out, size_t *n,
			 struct err *e);
	/* overdue: change rows that are due already too. */
	int (*next_put)(struct store_tx *tx, const struct store_alarm_next *v,
			size_t n, bool overdue, struct err *e);
	/* None of the account's items has a row any more. */
	int (*next_clear)(struct store_tx *tx, struct err *e);
	/* Those whose id is there already stay as they are. */
	int (*delivery_add)(struct store_tx *tx, const struct store_delivery *d,
			    size_t n, struct err *e);
	/* State, reason, next_ms, sent_ms, receipt_ms and attempts of rows by
	   their id; those not there are passed over. */
	int (*delivery_set)(struct store_tx *tx, const struct store_delivery *d,
			    size_t n, struct err *e);
	int (*delivery_get)(struct store_tx *tx, struct arena *a,
			    const struct slice *id, size_t n,
			    struct store_delivery **out, size_t *out_n,
			    struct err *e);
	/* The last ones written first, from then on. */
	int (*delivery_list)(struct store_tx *tx, struct arena *a,
			     int64_t since_ms, size_t limit,
			     struct store_delivery **out, size_t *n,
			     struct err *e);
	/* Remember something that came in; *fresh: it was not known. */
	int (*seen)(struct store_tx *tx, struct slice key, bool *fresh,
		    struct err *e);
	int (*setting_list)(struct store_tx *tx, struct arena *a,
			    struct store_setting **out, size_t *n,
			    struct err *e);
	/* An empty value: it is not set any more. */
	int (*setting_put)(struct store_tx *tx, struct slice key,
			   struct slice value, struct err *e);
	/* These are the account's addresses, and no others. ERR_CONFLICT where
	   one is somebody else's. */
	int (*address_put)(struct store_tx *tx, struct slice channel,
			   const struct slice *address, size_t n,
			   struct err *e);
};

#endif
