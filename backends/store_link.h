/*
 * Part of backends/store.h: devices, what pairs their databases with ours, and
 * what each device holds.
 */
#ifndef BACKENDS_STORE_LINK_H
#define BACKENDS_STORE_LINK_H

#include "base/slice.h"

enum { STORE_MEMBERS_MAX = 33 }; /* collections that a combined one shows */

struct store_device {
	int64_t id;
	struct slice dev_id; /* SyncHdr Source LocURI */
	struct slice label;
	bool disabled;
	struct slice devinf; /* its DevInf as XML; empty: none yet */
	struct slice man, mod, swv;
	struct slice rules;      /* administrator's quirk overrides */
	struct slice nonce;      /* the one it shall use next (auth-md5) */
	int64_t nonce_floor_ms;  /* stateless nonces up to here are used up */
	bool every_message_auth; /* it ignores RespURI */
	bool no_pieces; /* it took a piece of a large object for the whole */
	int64_t first_ms, last_ms;
	struct slice last_addr;
	struct slice own_nonce; /* that it gave us for our next proof */
};

struct store_cursor {
	int64_t collection;
	int64_t change_no; /* everything up to (change_no, item) was sent */
	int64_t item;
};

/*
 * A link pairs one database of one device with one of ours. It carries the
 * anchors, the cursors and the map's generations.
 */
struct store_link {
	int64_t id;
	int64_t device;
	int64_t collection;     /* as alerted (may be a combined one) */
	struct slice client_db; /* the device's name for its side */
	struct store_cursor cursor[STORE_MEMBERS_MAX];
	size_t cursor_n;
	/* The pair that the device has shown to have. */
	struct slice a_client, a_server;
	/* The pair of the last session whose package 3 was complete. */
	struct slice n_client, n_server;
	bool n_valid;
	int64_t n_sync_no;
	int64_t sync_no;      /* counts the sessions of this link */
	int64_t confirmed_no; /* the device has shown this one's anchors */
	int64_t gen;          /* generation of the map in force; 0: none yet */
	int64_t stage; /* the one being built by slow and refresh; 0: none */
	int64_t
	    gen_last; /* the highest ever used: generations never come back */
	int64_t last_ok_ms;
	int64_t last_type; /* alert code of the last sync that went well */
	struct slice open; /* the engine's: a sync that did not end, to be
			      resumed; empty: none */
	/* The administrator's window: days back and ahead; of mail so many, of
	   each enum pim_mail_parts, bytes, bytes of an attachment. 0: none. */
	int64_t past_days, future_days;
	int64_t mail_count, mail_parts, mail_bytes, mail_attach;
	/* The engine's own words (syncml/session_filter.c): the filter by which
	   the device was filled, and the one of its last session. */
	struct slice filter, filter_asked;
	struct slice server_uri; /* our side, as the device calls it */
};

enum store_map_state {
	STORE_MAP_LIVE = 1,     /* the device has it under `luid` */
	STORE_MAP_SENT = 2,     /* Add sent, LUID not known yet */
	STORE_MAP_DELETING = 3, /* Delete sent; there need be no such item */
	STORE_MAP_DEBT = 4,     /* could not go out; `reason` says why */
	STORE_MAP_GONE = 5,     /* the device deleted it; the others keep it */
};

enum { STORE_OFFERS_MAX = 8 };

struct store_offer {
	int64_t revision;
	uint64_t form;
};

struct store_map {
	int64_t link;
	int64_t gen;
	int64_t item;
	struct slice luid; /* empty: not known */
	enum store_map_state state;
	int64_t held;       /* revision that the device holds; 0: none */
	uint64_t held_form; /* 0: as it sent it; else the form we sent it in */
	struct store_offer offer[STORE_OFFERS_MAX]; /* oldest first */
	size_t offer_n;
	int reason;      /* SyncML status of a debt */
	int64_t touched; /* sync_no of the last event on this row */
};

/* What map_pending looks for. */
struct store_pending {
	int64_t link;
	int64_t gen;
	int64_t after;      /* item ids beyond this one */
	int64_t doubt_from; /* rows touched by this sync or later count too;
			       INT64_MAX: none */
	int64_t this_sync;  /* rows touched by it do not count */
	size_t limit;
};

/* Items by their place in time, or all of a collection. */
enum store_edge {
	STORE_EDGE_NONE = 0, /* every item, by id */
	STORE_EDGE_FROM,     /* those whose span begins in [low, high) */
	STORE_EDGE_TO,       /* ... ends there */
};

struct store_window {
	int64_t link;
	int64_t gen;
	int64_t collection;
	enum store_edge edge;
	int64_t low, high;
	int64_t after_ms; /* go on behind (after_ms, after); NONE: `after` */
	int64_t after;    /* item id */
	size_t limit;
};

#endif
