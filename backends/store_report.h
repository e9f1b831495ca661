/*
 * Part of backends/store.h: rows that no sync depends on. What the reports are
 * made of, and what the nodes of a site tell each other.
 */
#ifndef BACKENDS_STORE_REPORT_H
#define BACKENDS_STORE_REPORT_H

#include "base/slice.h"

/* ---- wrong logins, shared by the nodes of a site --------------------- */

enum {
	STORE_THROTTLE_WRONG = 1, /* a counter of wrong logins */
	STORE_THROTTLE_KNOWN = 2, /* a device that came in with right ones */
	STORE_THROTTLE_KINDS = 2,
};

/* Whom it is about only the caller knows: the key is a keyed hash. */
struct store_throttle {
	int kind;
	uint64_t key;
	bool reset;    /* in: what was counted before counts no more */
	int64_t fails; /* in: to be added, may be negative; out: the sum */
	int64_t last_ms;
};

struct store_throttle_keep { /* of one kind */
	int64_t since_ms;    /* rows last touched before it go */
	size_t max;          /* rows; beyond it those with the fewest fails,
				then the oldest, go */
};

/* ---- what the reports are made of ------------------------------------ */

struct store_story {
	int64_t at_ms;
	char who; /* '>' device spoke, '<' server spoke, '=' server decided */
	struct slice text;
};

struct store_tally { /* items that went one way */
	int64_t added, replaced, deleted, failed;
};

/* One database of one session: what was asked, done, and why. */
struct store_session_store {
	int64_t session;
	int64_t link; /* with the session: the key */
	int64_t collection;
	int64_t asked;    /* alert code of the device */
	int64_t done;     /* 200 to 205: what was really done */
	bool first;       /* nothing was ever synced over this link */
	bool forced;      /* the device did not ask for this type */
	bool resumed;     /* it goes on with a sync that broke */
	bool refused;     /* the device refused our Alert */
	bool complete;    /* package 4 is out, or there is none */
	struct slice why; /* of what was forced, in plain words; else empty */
	struct store_tally in, out; /* from the device, to it */
	int64_t matched, conflicts, held_back;
	int64_t started_ms, last_ms; /* the store's: when it came first, last */
};

enum store_event_kind {
	STORE_EVENT_MATCH = 1, /* what came was an item that was here */
	STORE_EVENT_CONFLICT,
	STORE_EVENT_HOLD, /* a delete by the device that the brake held */
};

enum store_event_how {
	STORE_HOW_NONE = 0,
	/* of a match */
	STORE_HOW_LUID,
	STORE_HOW_UID,
	STORE_HOW_CONTENT,
	STORE_HOW_IDENTITY,
	/* of a conflict: who won */
	STORE_HOW_DEVICE,
	STORE_HOW_SERVER,
	STORE_HOW_EACH,      /* different properties */
	STORE_HOW_DUPLICATE, /* both stayed, as two items */
	STORE_HOW_EDIT,      /* against a delete */
	/* of a hold, once somebody has decided */
	STORE_HOW_ALLOWED, /* deleted for everybody */
	STORE_HOW_REFUSED, /* sent back to the device */
};

/* What was decided about one item; it happens once per session, link, kind,
   item and revision: a repetition changes nothing. */
struct store_event {
	int64_t session, link;
	enum store_event_kind kind;
	int64_t item;
	int64_t revision; /* the current one before the decision */
	enum store_event_how how;
	int64_t at_ms; /* the store's */
};

struct store_report {
	struct store_session_store *store;
	size_t store_n;
	struct store_event *event;
	size_t event_n;
};

enum store_auth {
	STORE_AUTH_RIGHT = 1,
	STORE_AUTH_WRONG,
	STORE_AUTH_HELD, /* not looked at: too many wrong ones before it */
};

/* Logins of one day; rows with equal keys add up. */
struct store_auth_day {
	int64_t day;       /* since 1970, UTC */
	struct slice user; /* as it was given; one that is no account's is not
			      kept, and counts for account 0 */
	struct slice net;  /* of the address; our own words */
	enum store_auth what;
	int64_t n;
	int64_t last_ms;
};

struct store_node {      /* one process that serves */
	struct slice id; /* new at each start */
	struct slice name, version;
	int64_t started_ms; /* by its own clock */
	bool stopped;       /* it says goodbye */
};

/* What a query brought: text as the engine writes it. */
struct store_table {
	struct slice *name; /* of col_n columns */
	bool *number;       /* ... whose values are numbers */
	size_t col_n;
	struct slice *cell; /* row by row; .p NULL: there is no value */
	size_t row_n;
	bool more; /* there are rows beyond the limit */
};

#endif
