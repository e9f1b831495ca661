/*
 * Part of backends/store.h: notices that wake devices. Which device wants to be
 * told how, whose items changed since anybody looked, and what was told.
 *
 * The idea: a transaction that writes an item's head leaves a row in push_due,
 * and only where a device of the account wants to be told; accounts without
 * such a device pay nothing. The message of a notice is a row of the outbox
 * (store_alarm.h).
 */
#ifndef BACKENDS_STORE_PUSH_H
#define BACKENDS_STORE_PUSH_H

#include "backends/store_alarm.h"

enum {
	/* A device in a session is not woken; one that is silent for so long
	   has lost it. */
	STORE_PUSH_HOLD_MS = 60 * 1000,
	/* Messages to a device are counted for so long from the first one on.
	 */
	STORE_PUSH_DAY_MS = 24 * 60 * 60 * 1000,
};

/* How one device is told. */
struct store_push {
	int64_t device;
	struct slice channel; /* "kannel", "ppg", "post", "xmpp"; in: empty: it
				 is not told any more, the row goes */
	struct slice address; /* phone number, URL, JID */
	struct slice ways;    /* the rest, in words of server/push */
	struct slice secret;  /* of ours, sealed; empty: another one is used */
	int64_t last_no;      /* number of its last notice; 0: none yet */
	int64_t last_ms;      /* when that was queued */
	int64_t tries;        /* notices since the last sync that went well */
	int64_t day_ms;       /* when the first message left that counts */
	int64_t day_n;        /* how many did, in STORE_PUSH_DAY_MS from then */
};

/* An account whose devices are to be looked at. */
struct store_push_due {
	int64_t account;
	int64_t due_ms;
};

enum store_notice_answer {
	STORE_NOTICE_WAITS = 0,
	STORE_NOTICE_SID,  /* a session with its number */
	STORE_NOTICE_TYPE, /* one that says it was asked for (206 to 210) */
	STORE_NOTICE_SYNC, /* some other sync of the same database */
	STORE_NOTICE_VOID, /* none is waited for: it is told another way
				 now, or nothing is new any more */
};

/* One database of one notice. */
struct store_notice {
	int64_t device;
	int64_t no;
	int64_t collection;
	struct slice delivery; /* id in the outbox */
	int64_t event_ms;      /* when the change was seen */
	int64_t queued_ms;
	int64_t session; /* that answered it; 0: none yet */
	int64_t started_ms;
	enum store_notice_answer answer;
};

struct store_push_vtbl {
	/* Of each bucket that is `mine` the `limit` rows due first, whether
	   due already or not; in no order. */
	int (*push_due)(struct store *s, struct arena *a,
			const bool mine[static STORE_BUCKETS], size_t limit,
			struct store_push_due **out, size_t *n, struct err *e);
	/* When to look at this account again; INT64_MAX: when it changes. */
	int (*push_due_put)(struct store_tx *tx, int64_t due_ms, struct err *e);
	/* ... no later than then. */
	int (*push_due_by)(struct store_tx *tx, int64_t due_ms, struct err *e);
	/* The account's devices that are told, by id. */
	int (*push_list)(struct store_tx *tx, struct arena *a,
			 struct store_push **out, size_t *n, struct err *e);
	/* Insert, replace, or with an empty channel remove. The messages of
	   the day stay as they were counted. */
	int (*push_put)(struct store_tx *tx, const struct store_push *in,
			struct err *e);
	/* Those that are there already stay as they are. */
	int (*notice_add)(struct store_tx *tx, const struct store_notice *v,
			  size_t n, struct err *e);
	/* Session, started_ms and answer of rows by device, number and
	   collection. */
	int (*notice_set)(struct store_tx *tx, const struct store_notice *v,
			  size_t n, struct err *e);
	/* Of a device (0: of all), the newest ones first. */
	int (*notice_list)(struct store_tx *tx, struct arena *a, int64_t device,
			   size_t limit, struct store_notice **out, size_t *n,
			   struct err *e);
};

#endif
