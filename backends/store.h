/*
 * The one store interface: everything that Funicular remembers goes through
 * these functions. syncml/ and server/ call them, backends/<name>/ implement
 * them (SQLite, PostgreSQL), and one conformance suite (tests/store) runs over
 * every implementation.
 *
 * The idea: one SyncML message is one write transaction on one account. It
 * begins with the account's lock, which also takes the account's next change
 * number; whatever the message changes, the session's state and the answer's
 * bytes are committed together.
 *
 * Rules for who implements this:
 *  1. MUST: store_begin(STORE_WRITE) locks the account's row before anything
 *     else and sets tx->change_no to the number that this transaction's writes
 *     carry; numbers commit in order, so no reader passes a gap.
 *  2. MUST: every function below that takes a tx touches rows of tx->account
 *     only. Only functions that take a struct store* touch site tables.
 *  3. MUST: batch functions cost a bounded number of round trips, whatever n.
 *  4. MUST: results live in the caller's arena; nothing borrowed outlives it.
 *  5. MUST: bodies, LUIDs and anchors are bytes and come back as they went in.
 *  6. MUST: "not there" is a count or NULL, never an error. Errors are
 *     ERR_UNAVAILABLE (busy, disk full, connection lost: the same may work
 *     later), ERR_CONFLICT (unique key), ERR_NOMEM, ERR_BUG.
 *  7. MUST: after any failure the transaction can only be rolled back (to a
 *     savepoint or whole).
 *  8. MUST: one struct store serves many threads; one tx belongs to one.
 *
 * Slices in structs that go in are borrowed for the call.
 */
#ifndef BACKENDS_STORE_H
#define BACKENDS_STORE_H

#include "backends/store_account.h" /* people and their secrets */
#include "backends/store_alarm.h"   /* reminders and what they need */
#include "backends/store_link.h"    /* devices, links, maps */
#include "backends/store_mail.h"    /* the mirror of a mailbox */
#include "backends/store_push.h"    /* notices that wake devices */
#include "backends/store_report.h"  /* what reports and nodes need */
#include "backends/store_wake.h"    /* a word to who sleeps */
#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

struct store;

/* ---- collections ---------------------------------------------------- */

enum store_policy { /* who wins when both edited the same property */
		    STORE_POLICY_NEWEST = 0,
		    STORE_POLICY_SERVER,
		    STORE_POLICY_CLIENT,
		    STORE_POLICY_DUPLICATE,
};

/*
 * A database as a phone sees it. Most hold their own items; a combined one
 * (events and tasks in one) holds none and shows its members'.
 */
struct store_collection {
	int64_t id;
	struct slice name;    /* "contacts": what DevInf and the admin show */
	struct slice display; /* "Contacts" */
	struct slice aliases; /* blank-separated further names */
	unsigned kinds;       /* PIM_* bits of the items it takes */
	enum store_policy policy;
	bool read_only;
	bool no_brake; /* mass deletion by a device is not held back */
	int64_t member[STORE_MEMBERS_MAX]; /* {id} unless combined */
	size_t member_n;
};

/* ---- items and their history ---------------------------------------- */

/* From when to when an item matters (ms since 1970): what a window of dates
   is compared with. */
struct store_span {
	bool set; /* false: it has no dates */
	int64_t from_ms;
	int64_t to_ms; /* INT64_MAX: it does not end */
};

struct store_item {
	int64_t id; /* per account, from tx->next_id; never used again */
	int64_t collection;
	unsigned kind;         /* one PIM_* bit */
	int64_t revision;      /* the current one */
	int64_t last_revision; /* highest number used, side ones counted */
	int64_t change_no;
	bool deleted; /* tombstone: the current revision has no body */
	struct slice uid;
	uint64_t h_uid; /* 0: none */
	uint64_t h_content;
	uint64_t h_identity;
	int64_t size; /* of the current body */
	int64_t created_ms;
	int64_t modified_ms;
	struct store_span span;
	struct slice body; /* canonical form; only where asked for */
};

enum store_origin {
	STORE_BY_DEVICE = 1,
	STORE_BY_MERGE, /* what the merge of a device's edit made */
	STORE_BY_IMPORT,
	STORE_BY_ADMIN,
	STORE_BY_RESTORE,
	STORE_BY_ALARM,
	STORE_BY_MAILBOX, /* what the mirror took from IMAP */
};

/*
 * One write of one item. Revision numbers are the caller's: the item's last
 * one plus 1, counted on over several writes of one item in one batch (in
 * order). `side` keeps a revision that never was the current one (what a
 * device holds where its edit was merged; the loser of a conflict).
 */
struct store_write {
	int64_t item;
	bool create; /* first revision of a new item */
	bool side;   /* history only: the item's head stays as it is */
	bool deleted;
	int64_t collection;
	unsigned kind;
	int64_t revision;
	struct slice uid;
	uint64_t h_uid, h_content, h_identity;
	struct store_span span;
	struct store_due due; /* a deleted item has none, whatever it says */
	struct slice body;
	enum store_origin origin;
	int64_t device;   /* 0: none */
	int64_t session;  /* 0: none */
	int64_t old_size; /* of the body that the head had (0 if deleted) */
	bool was_deleted; /* the head was a tombstone */
};

struct store_revision {
	int64_t item;
	int64_t revision;
	bool deleted;
	bool side;
	uint64_t h_content;
	enum store_origin origin;
	int64_t device, session, change_no, at_ms;
	struct slice body;
};

struct store_rev_key {
	int64_t item;
	int64_t revision;
};

/* What item_match looks for. */
struct store_likeness {
	const int64_t *collection;
	size_t collection_n;
	const uint64_t *hash; /* 0: none, passed over */
	size_t hash_n;
	size_t per_hash; /* candidates for each, at most */
	int64_t link;    /* items with a LUID here are taken; 0: none is */
	int64_t gen;
};

/* An item found by one of its hashes. */
struct store_candidate {
	int64_t item;
	int64_t collection;
	int64_t revision;
	int64_t last_revision;
	unsigned kind;
	uint64_t h_uid, h_content, h_identity;
	bool mapped; /* has a row in (link, gen) as asked */
	int64_t size;
};

/* ---- what a device lacks --------------------------------------------- */

/* What a device has not got yet, or not in its current form. */
struct store_change {
	struct store_item item; /* body empty: ask item_bodies */
	bool mapped;
	struct store_map map; /* if mapped */
};

/* ---- sessions ------------------------------------------------------- */

struct store_session {
	int64_t id;
	int64_t device;
	struct slice sid;        /* SyncHdr SessionID */
	struct slice token_hash; /* of RespURI's token */
	int64_t last_msgid;      /* the client's last processed MsgID */
	struct slice body_hash;  /* of that message */
	struct slice peer;       /* its address */
	bool closed;             /* ended, or superseded */
	int64_t started_ms, last_ms;
	struct slice state;   /* the engine's own serialisation */
	struct slice verdict; /* one line for people, once closed */
	int64_t failed;       /* 0: went well (so far) */
};

/* ---- transactions --------------------------------------------------- */

enum store_mode { STORE_READ, STORE_WRITE };

struct store_vtbl;

struct store_tx {
	const struct store_vtbl *v;
	struct store *s;
	int64_t account;
	enum store_mode mode;
	int64_t change_no; /* WRITE: the number that its writes bear */
	int64_t
	    next_id;    /* WRITE: take ids with tx->next_id++; kept at commit */
	int64_t now_ms; /* set by the caller of begin: stamps its writes */
	struct store_word word[STORE_WAKES]; /* by store_wake() */
};

/* Say behind the commit of tx that something is due at due_ms. A rollback to a
   savepoint does not take it back. */
static inline void
store_wake(struct store_tx *tx, enum store_wake what, int64_t due_ms)
{
	store_word_add(tx->word, what, due_ms);
}

/* One object half received ('i') or half sent ('o') by a link. */
struct store_chunk_key {
	int64_t link;
	char dir;
};

struct store_rows_vtbl;

struct store_vtbl {
	const char *name;
	const struct store_rows_vtbl *rows; /* backends/rows.h */
	const struct store_alarm_vtbl *alarm;
	const struct store_mail_vtbl *mail;
	const struct store_push_vtbl *push;

	/* -- the store as a whole -- */
	void (*close)(struct store **s);
	/*
	 * From now on this ear (copied) hears what becomes due; NULL: none, and
	 * no call of it is under way any more. One ear of a store; before the
	 * store is closed it is taken away.
	 */
	int (*hear)(struct store *s, const struct store_ear *ear,
		    struct err *e);
	/* Online copy of everything to a new file (ERR_CONFLICT: exists;
	   ERR_UNSUPPORTED: by tools of its own, which the message names). */
	int (*backup)(struct store *s, const char *path, struct err *e);
	/*
	 * Verify: structure, and what the schema cannot promise (heads have
	 * their revision, maps point at items, usage adds up). Each finding
	 * is one sentence. *n findings; 0: sound.
	 */
	int (*check)(struct store *s, struct arena *a, struct slice **finding,
		     size_t *n, struct err *e);
	/* A value of the site ("epoch", "node_key", ...); NULL: not set. */
	int (*site_get)(struct store *s, struct arena *a, const char *key,
			struct slice **out, struct err *e);
	/* Set it only if it was not set; *out is what holds afterwards. */
	int (*site_init)(struct store *s, struct arena *a, const char *key,
			 struct slice value, struct slice *out, struct err *e);

	/*
	 * Share counters of wrong logins: add n changes (one transaction; none
	 * where n is 0), a sum never falls below 0, the later last_ms stays,
	 * and keep[kind - 1] bounds what is kept. Then read the rows that
	 * anybody changed since *seen (0: all), which moves on. May give a row
	 * twice, and those just written.
	 */
	int (*throttle_share)(
	    struct store *s, struct arena *a, const struct store_throttle *in,
	    size_t n,
	    const struct store_throttle_keep keep[static STORE_THROTTLE_KINDS],
	    int64_t *seen, struct store_throttle **out, size_t *out_n,
	    struct err *e);

	/*
	 * Add to the counters of logins (one transaction, a bounded number of
	 * round trips). Of one day at most `max` rows are kept for each `what`:
	 * what would be one more counts for account 0 and the network "other".
	 */
	int (*auth_count)(struct store *s, const struct store_auth_day *in,
			  size_t n, size_t max, struct err *e);
	/* This node lives. When it was seen tells the database's clock. */
	int (*node_beat)(struct store *s, const struct store_node *in,
			 struct err *e);
	/*
	 * Take or renew a lease for ms milliseconds of the database's clock;
	 * *got: it is ours until then. 0 ms gives it back (*got is false). It
	 * works behind a pooler.
	 */
	int (*lease_take)(struct store *s, const char *name, struct slice owner,
			  int64_t ms, bool *got, struct err *e);
	/*
	 * Ask a question in SQL that every engine understands, over the views
	 * report_*; it cannot write. Parameters are text, named $1, $2, ...
	 * ERR_CONFIG: the SQL is wrong, or this role may not see what it names.
	 */
	int (*query)(struct store *s, struct arena *a, const char *sql,
		     const struct slice *param, size_t n, size_t limit,
		     struct store_table *out, struct err *e);

	/* -- directories: touched at login and by the administrator -- */
	int (*login_find)(struct store *s, struct slice user, int64_t *account,
			  struct err *e); /* *account 0: none */
	/* Accounts that know a device with this id (at most max). */
	int (*device_find)(struct store *s, struct slice id, int64_t *account,
			   size_t max, size_t *n, struct err *e);
	/* ERR_CONFLICT when the name is taken (names compare by ASCII case).
	   The store picks the id; usage and change number start at 0. */
	int (*account_create)(struct store *s, const struct store_account *in,
			      int64_t *id, struct err *e);
	/* Removes every row of the account, history too. */
	int (*account_erase)(struct store *s, int64_t account, struct err *e);
	int (*account_list)(struct store *s, struct arena *a,
			    struct store_account **out, size_t *n,
			    struct err *e);
	/*
	 * Housekeeping in small batches, times in ms since 1970: revisions
	 * replaced before history_ms that no map row holds or offers,
	 * tombstones and closed sessions with their stories and reports before
	 * it; days of logins and silent nodes before it;
	 * answers and states of sessions silent since sessions_ms; objects
	 * whose last chunk came before chunks_ms. *n rows went; a call ends
	 * after some thousands, so call again until it is 0.
	 */
	int (*prune)(struct store *s, int64_t history_ms, int64_t sessions_ms,
		     int64_t chunks_ms, int64_t *n, struct err *e);

	/* -- transactions -- */
	/* ERR_NOTFOUND when there is no such account. ERR_UNAVAILABLE for a
	   writer where the site has moved to another store (copy.h). */
	int (*begin)(struct store *s, int64_t account, enum store_mode mode,
		     int64_t now_ms, struct store_tx **tx, struct err *e);
	int (*commit)(struct store_tx **tx, struct err *e); /* frees tx */
	void (*rollback)(struct store_tx **tx); /* frees tx; accepts NULL */
	/* Nested; level is 1 for the first. */
	int (*save)(struct store_tx *tx, int level, struct err *e);
	int (*save_keep)(struct store_tx *tx, int level, struct err *e);
	int (*save_undo)(struct store_tx *tx, int level, struct err *e);

	/* -- account and credentials -- */
	int (*account_get)(struct store_tx *tx, struct arena *a,
			   struct store_account *out, struct err *e);
	/* Name, disabled, zone, quotas, cred_gen, alarm; not the usage. */
	int (*account_set)(struct store_tx *tx, const struct store_account *in,
			   struct err *e);
	int (*cred_list)(struct store_tx *tx, struct arena *a,
			 struct store_cred **out, size_t *n, struct err *e);
	/* Insert (id not there yet) or replace. */
	int (*cred_put)(struct store_tx *tx, const struct store_cred *in,
			struct err *e);
	int (*cred_drop)(struct store_tx *tx, int64_t id, struct err *e);

	/* -- collections -- */
	int (*collection_list)(struct store_tx *tx, struct arena *a,
			       struct store_collection **out, size_t *n,
			       struct err *e);
	int (*collection_put)(struct store_tx *tx,
			      const struct store_collection *in, struct err *e);
	/* Refused (ERR_CONFLICT) while it holds items that are not deleted, or
	   a combined one shows it. Its tombstones, links and maps go too. */
	int (*collection_drop)(struct store_tx *tx, int64_t id, struct err *e);

	/* -- items -- */
	/* ERR_CONFLICT: a revision that is not above the item's last one.
	   ERR_BUG: the item is not there, or old_size and was_deleted are not
	   its head's. */
	int (*item_put)(struct store_tx *tx, const struct store_write *w,
			size_t n, struct err *e);
	/* Heads by id, with bodies if asked; ids not there are left out. */
	int (*item_get)(struct store_tx *tx, struct arena *a, const int64_t *id,
			size_t n, bool bodies, struct store_item **out,
			size_t *out_n, struct err *e);
	/* Items of a collection by id from `after` on; for list and export. */
	int (*item_page)(struct store_tx *tx, struct arena *a,
			 int64_t collection, int64_t after, size_t limit,
			 bool deleted_too, bool bodies, struct store_item **out,
			 size_t *n, struct err *e);
	/* Bodies of any retained revisions; those gone are left out. */
	int (*revision_get)(struct store_tx *tx, struct arena *a,
			    const struct store_rev_key *k, size_t n,
			    struct store_revision **out, size_t *out_n,
			    struct err *e);
	/*
	 * Revisions (any retained, side ones too, not tombstones) of item[i]
	 * whose content hash is h_content[i]; the newest one for each pair,
	 * without bodies. One statement for all pairs.
	 */
	int (*revision_match)(struct store_tx *tx, struct arena *a,
			      const int64_t *item, const uint64_t *h_content,
			      size_t n, struct store_revision **out,
			      size_t *out_n, struct err *e);
	/* All of one item, newest first; bodies if asked. */
	int (*revision_list)(struct store_tx *tx, struct arena *a, int64_t item,
			     bool bodies, struct store_revision **out,
			     size_t *n, struct err *e);
	/*
	 * Items of these collections, not deleted, with any of these hashes
	 * in any of their three columns; at most per_hash for each, the
	 * smallest ids first; each item once. Items whose row in (link, gen)
	 * has a LUID are taken, and left out; `mapped`: a row without one.
	 */
	int (*item_match)(struct store_tx *tx, struct arena *a,
			  const struct store_likeness *ask,
			  struct store_candidate **out, size_t *n,
			  struct err *e);
	/* Erase an item and its history for good. Where a map row refers to it
	   an empty tombstone stays, so that the device is told. */
	int (*item_purge)(struct store_tx *tx, int64_t item, struct err *e);

	/* -- devices -- */
	int (*device_get)(struct store_tx *tx, struct arena *a,
			  struct slice dev_id, struct store_device **out,
			  struct err *e); /* NULL: unknown */
	int (*device_list)(struct store_tx *tx, struct arena *a,
			   struct store_device **out, size_t *n, struct err *e);
	/* Also enters it into the site's device directory when it is new. */
	int (*device_put)(struct store_tx *tx, const struct store_device *in,
			  struct err *e);
	/* With its links, maps, sessions (and what reports say of them) and
	   chunks; items stay. */
	int (*device_drop)(struct store_tx *tx, int64_t device, struct err *e);

	/* -- links and maps -- */
	int (*link_list)(struct store_tx *tx, struct arena *a, int64_t device,
			 struct store_link **out, size_t *n, struct err *e);
	int (*link_put)(struct store_tx *tx, const struct store_link *in,
			struct err *e);
	/* Rows under these LUIDs, of every generation of the link. */
	int (*map_by_luid)(struct store_tx *tx, struct arena *a, int64_t link,
			   const struct slice *luid, size_t n,
			   struct store_map **out, size_t *out_n,
			   struct err *e);
	int (*map_by_item)(struct store_tx *tx, struct arena *a, int64_t link,
			   int64_t gen, const int64_t *item, size_t n,
			   struct store_map **out, size_t *out_n,
			   struct err *e);
	/*
	 * Rows that want attention, by item id from `after` on: state neither
	 * LIVE nor GONE, or offers not settled, or touched >= doubt_from
	 * (INT64_MAX: no doubt); rows touched by this_sync are left out.
	 */
	int (*map_pending)(struct store_tx *tx, struct arena *a,
			   const struct store_pending *ask,
			   struct store_map **out, size_t *n, struct err *e);
	/*
	 * Insert or replace by (link, gen, item). A LUID that another row of
	 * the same generation had moves here: that row is removed.
	 */
	int (*map_put)(struct store_tx *tx, const struct store_map *m, size_t n,
		       struct err *e);
	int (*map_drop)(struct store_tx *tx, int64_t link, int64_t gen,
			const int64_t *item, size_t n, struct err *e);
	/* Drop whole generations of the link: all but `keep` and `keep2`. */
	int (*map_drop_others)(struct store_tx *tx, int64_t link, int64_t keep,
			       int64_t keep2, struct err *e);
	/* Rows of a generation that are LIVE. */
	int (*map_count)(struct store_tx *tx, int64_t link, int64_t gen,
			 int64_t *n, struct err *e);
	/*
	 * Items of one collection in change order after (change_no, item) up
	 * to `upto`, except those whose map row (link, gen) is LIVE or GONE
	 * and holds the current revision, and tombstones without a row.
	 */
	int (*changes)(struct store_tx *tx, struct arena *a, int64_t link,
		       int64_t gen, const struct store_cursor *from,
		       int64_t upto, size_t limit, struct store_change **out,
		       size_t *n, struct err *e);
	/* How many of them there are. */
	int (*changes_count)(struct store_tx *tx, int64_t link, int64_t gen,
			     const struct store_cursor *from, int64_t upto,
			     int64_t *n, struct err *e);
	/* Live items of a collection without any row in (link, gen). */
	int (*unmapped)(struct store_tx *tx, struct arena *a, int64_t link,
			int64_t gen, int64_t collection, int64_t after,
			size_t limit, struct store_item **out, size_t *n,
			struct err *e);

	/*
	 * Items (no tombstones) at an edge of a window, ascending by the edge's
	 * instant and id, each with its row of (link, gen) if it has one. Cost
	 * follows what is found, but for STORE_EDGE_NONE, which walks all.
	 */
	int (*window)(struct store_tx *tx, struct arena *a,
		      const struct store_window *ask, struct store_change **out,
		      size_t *n, struct err *e);

	/* -- sessions -- */
	/* Exactly one of token_hash and (device, sid) is used; NULL: none.
	   With sid the newest session that fits. */
	int (*session_find)(struct store_tx *tx, struct arena *a,
			    struct slice token_hash, int64_t device,
			    struct slice sid, struct store_session **out,
			    struct err *e);
	/* Insert or replace; `answer` is the reply's bytes (NULL: keep). */
	int (*session_put)(struct store_tx *tx, const struct store_session *in,
			   const struct slice *answer, struct err *e);
	/* The stored answer of a session's last message; NULL: none. */
	int (*answer_get)(struct store_tx *tx, struct arena *a, int64_t session,
			  struct slice **out, struct err *e);
	/* Mark the device's other sessions that were open as closed with this
	   verdict, and drop their answers and states; but the state of the
	   newest of them stays: it still hears late Statuses and Maps.
	   except 0: all of them end, and nothing more is heard. */
	int (*session_supersede)(struct store_tx *tx, int64_t device,
				 int64_t except, struct slice verdict,
				 struct err *e);
	/* Newest first; device 0: every device's. States are left out. */
	int (*session_list)(struct store_tx *tx, struct arena *a,
			    int64_t device, size_t limit,
			    struct store_session **out, size_t *n,
			    struct err *e);
	/* The account's open sessions that were heard from since then, the one
	   that is silent longest first. States are left out. */
	int (*session_open)(struct store_tx *tx, struct arena *a,
			    int64_t since_ms, struct store_session **out,
			    size_t *n, struct err *e);
	int (*story_add)(struct store_tx *tx, int64_t session,
			 const struct store_story *s, size_t n, struct err *e);
	int (*story_get)(struct store_tx *tx, struct arena *a, int64_t session,
			 struct store_story **out, size_t *n, struct err *e);
	/* Insert or replace what the reports say of these databases, and add
	   these events. The times are the store's (tx->now_ms). */
	int (*report_put)(struct store_tx *tx, const struct store_report *in,
			  struct err *e);
	/* Of one session: databases by link, events by time. */
	int (*report_get)(struct store_tx *tx, struct arena *a, int64_t session,
			  struct store_report *out, struct err *e);
	/* How all of the session's holds were decided: their events say it from
	   now on. */
	int (*holds_decided)(struct store_tx *tx, int64_t session,
			     enum store_event_how how, struct err *e);

	/* -- large objects -- */
	int (*chunk_add)(struct store_tx *tx, struct store_chunk_key k,
			 struct slice bytes, struct err *e);
	/* All chunks joined, in order; empty when there are none. */
	int (*chunk_join)(struct store_tx *tx, struct arena *a,
			  struct store_chunk_key k, struct slice *out,
			  struct err *e);
	/* At most n bytes from `offset` on of the joined object. */
	int (*chunk_read)(struct store_tx *tx, struct arena *a,
			  struct store_chunk_key k, int64_t offset, size_t n,
			  struct slice *out, struct err *e);
	int (*chunk_drop)(struct store_tx *tx, struct store_chunk_key k,
			  struct err *e);
};

struct store { /* first member of every backend's own type */
	const struct store_vtbl *v;
};

/*
 * Open a store by its URI: "sqlite:/var/lib/funicular/funicular.db",
 * "postgres:dbname=funicular", "postgresql://user@host/funicular" (its words:
 * backends/postgres/README.md).
 *
 * migrate  apply missing migrations first (under a lock); without it an older
 *          schema is ERR_CONFIG with the mend in its message. A newer one
 *          always is.
 *
 * Returns owned in *out; close with (*out)->v->close(out).
 */
int store_open(const char *uri, bool migrate, struct store **out,
	       struct err *e);

/* A URI without any password, cut to what buf holds (n > 0). */
void store_uri_show(const char *uri, char *buf, size_t n);

#endif
