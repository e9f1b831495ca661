/*
 * Inside of the SQLite store; nobody outside this folder (and its tests)
 * includes it. One struct lite is a store, one struct lite_conn a connection
 * of its pool, one struct lite_tx a transaction. Every statement goes through
 * struct lite_q, which prepares it once per connection, binds and reads.
 */
#ifndef BACKENDS_SQLITE_LITE_H
#define BACKENDS_SQLITE_LITE_H

#include "backends/common.h"
#include "backends/store.h"

#include <pthread.h>
#include <sqlite3.h>

enum {
	LITE_CACHE = 256,    /* slots for prepared statements: a power of 2 */
	LITE_IDLE_MAX = 16,  /* idle connections that are kept */
	LITE_BUSY_MS = 5000, /* how long a writer waits for another */
	LITE_APP_ID = 0x46756E69, /* "Funi" in the file's header */
};

struct lite_cached {
	const char *sql; /* static text: its address is the key */
	sqlite3_stmt *st;
};

struct lite_conn {
	sqlite3 *db;
	struct lite_conn *next;
	struct lite_cached cache[LITE_CACHE];
	size_t cached_n;
};

/* A thread that waits for its turn to write; lives on its stack. */
struct lite_waiter {
	struct lite_waiter *next;
	pthread_cond_t turn;
	bool granted;
};

struct lite {
	struct store s; /* first */
	char *path;
	int busy_ms;            /* LITE_BUSY_MS; tests have less patience */
	pthread_mutex_t lock;   /* guards all below */
	struct lite_conn *idle; /* last used first: its page cache is warm */
	size_t idle_n;
	bool writing; /* a thread of this process holds the write turn */
	struct lite_waiter *first, **last; /* the queue behind it */
	struct store_ears ears;
};

struct lite_delta { /* usage that is not in the account's row yet */
	int64_t bytes;
	int64_t items;
};

struct lite_tx {
	struct store_tx tx; /* first */
	struct lite_conn *c;
	bool failed; /* only a rollback is allowed */
	bool push;   /* the account has devices that are told of changes */
	bool wrote;  /* an item's head */
	int64_t first_id;
	struct lite_delta used;
	int level; /* open savepoints */
	struct lite_delta saved[STORE_SAVE_MAX];
};

/* ---- statements (query.c) ------------------------------------------- */

struct lite_q {
	struct lite_conn *c;
	sqlite3_stmt *st;
	const char *where;
	int at;     /* parameters bound so far */
	int base;   /* of them, those that stay over lite_rewind() */
	int bad;    /* sticky SQLite code of a failed bind */
	bool nomem; /* sticky: the arena could not hold a value */
};

/*
 * Prepare (or take from the cache) one statement. `sql` is a static array: its
 * address is the cache's key. End it with lite_end(), also after a failure of
 * a later call.
 */
int lite_prepare(struct lite_conn *c, struct lite_q *q, const char *sql,
		 const char *where, struct err *e);
/* The same, with the account's id bound as ?1, also for further runs. */
int lite_query(struct lite_tx *t, struct lite_q *q, const char *sql,
	       const char *where, struct err *e);

/* Bind the next parameter; bytes are borrowed until lite_end(). */
void lite_int(struct lite_q *q, int64_t v);
void lite_null(struct lite_q *q);
void lite_blob(struct lite_q *q, struct slice s);
void lite_blob_null(struct lite_q *q, struct slice s); /* empty: NULL */
void lite_text(struct lite_q *q, struct slice s);
void lite_when(struct lite_q *q, int64_t ms); /* INT64_MAX, none: NULL */

/* 1: there is a row, 0: no more, -1: failed. */
int lite_step(struct lite_q *q, struct err *e);
/* For statements without rows: step and rewind, for the next bindings. */
int lite_run(struct lite_q *q, struct err *e);
/* lite_run and lite_end in one. */
int lite_once(struct lite_q *q, struct err *e);
void lite_rewind(struct lite_q *q);
void lite_end(struct lite_q *q);

static inline int64_t
lite_col(const struct lite_q *q, int col)
{
	return sqlite3_column_int64(q->st, col);
}

static inline uint64_t
lite_col_u64(const struct lite_q *q, int col)
{
	return (uint64_t)sqlite3_column_int64(q->st, col);
}

static inline bool
lite_col_bool(const struct lite_q *q, int col)
{
	return sqlite3_column_int64(q->st, col) != 0;
}

/* Bytes as long as the row is the current one. */
static inline struct slice
lite_col_view(const struct lite_q *q, int col)
{
	const char *p = sqlite3_column_blob(q->st, col);
	int n = sqlite3_column_bytes(q->st, col);

	return (struct slice){ p, p == NULL ? 0 : (size_t)n };
}

/* Bytes or text copied into the arena; sets q->nomem when it is full. */
struct slice lite_col_bytes(struct lite_q *q, struct arena *a, int col);

int64_t lite_col_when(const struct lite_q *q, int col);

/* Did all binds and copies go well? 0, or -1 with *e filled. */
int lite_good(struct lite_q *q, struct err *e);

/* The error for a SQLite result code, in words that name the mend. */
int lite_fail(struct lite_conn *c, int rc, const char *where, struct err *e);
int lite_nomem(const char *where, struct err *e);

/* Run a script of several statements (a migration, pragmas). */
int lite_script(struct lite_conn *c, const char *sql, const char *where,
		struct err *e);

/*
 * Room for one more element in an arena's array that doubles: returns the
 * place of element n or NULL.
 */
struct lite_list {
	struct arena *a;
	size_t size; /* of an element */
	char *p;
	size_t n, cap;
};
void *lite_list_add(struct lite_list *l);
/*
 * The next row of a query, and room for it in the list. NULL: there is none
 * (*rc 0), or it failed (*rc -1).
 */
void *lite_row(struct lite_q *q, struct lite_list *l, int *rc, struct err *e);

/* ---- connections (conn.c) ------------------------------------------- */

int lite_connect(const char *path, bool create, struct lite_conn **out,
		 struct err *e);
void lite_disconnect(struct lite_conn **c);
int lite_take(struct lite *s, struct lite_conn **out, struct err *e);
void lite_give(struct lite *s, struct lite_conn *c);
/* Writers of one process take turns in order of arrival. */
int lite_turn_take(struct lite *s, struct err *e);
void lite_turn_give(struct lite *s);

/* ---- schema (migrate.c, and a file made from schema/sqlite) ---------- */

int lite_migrate(struct lite_conn *c, const char *path, bool apply,
		 struct err *e);

/* ---- transactions (tx.c) -------------------------------------------- */

/*
 * Every function of the vtable enters and leaves through these: a transaction
 * that failed refuses all but rollback, a reading one refuses writes.
 */
struct lite_tx *lite_enter(struct store_tx *tx, enum store_mode mode,
			   const char *where, struct err *e);
static inline int
lite_leave(struct lite_tx *t, int rc)
{
	if (rc < 0)
		t->failed = true;
	return rc;
}

static inline struct lite *
lite_of(struct store *s)
{
	return (struct lite *)(void *)s;
}

int lite_begin(struct store *s, int64_t account, enum store_mode mode,
	       int64_t now_ms, struct store_tx **tx, struct err *e);
int lite_commit(struct store_tx **tx, struct err *e);
void lite_rollback(struct store_tx **tx);
int lite_save(struct store_tx *tx, int level, struct err *e);
int lite_save_keep(struct store_tx *tx, int level, struct err *e);
int lite_save_undo(struct store_tx *tx, int level, struct err *e);
/* A write transaction on site tables; ends with lite_site_end(rc). */
int lite_site_begin(struct lite *s, struct lite_conn **c, struct err *e);
int lite_site_end(struct lite *s, struct lite_conn *c, int rc, struct err *e);

/* ---- the rest of the vtable, by file --------------------------------- */

/* rows.c */
extern const struct store_rows_vtbl lite_rows_vtbl;

/* alarm.c, and delivery.c beside it */
extern const struct store_alarm_vtbl lite_alarm_vtbl;
int lite_next_put(struct lite_tx *t, const struct store_alarm_next *v, size_t n,
		  bool overdue, struct err *e);
/*
 * Rows of work that is due, of each bucket that is mine: ?1 is the bucket, ?2
 * the limit; `rows` reads those of one.
 */
int lite_due_rows(struct store *s, const char *sql, const char *where,
		  const bool mine[static STORE_BUCKETS], size_t limit,
		  int (*rows)(struct lite_q *q, struct lite_list *l,
			      struct err *e),
		  struct lite_list *l, struct err *e);
/* Leases on the buckets of one kind of work. */
int lite_buckets_of(struct store *s, struct slice what, struct slice owner,
		    int64_t ms, bool mine[static STORE_BUCKETS], struct err *e);
int lite_outbox(struct store *s, struct arena *a, struct slice channel,
		const size_t limit[static STORE_BUCKETS],
		struct store_delivery **out, size_t *n, struct err *e);
int lite_delivery_add(struct store_tx *tx, const struct store_delivery *d,
		      size_t n, struct err *e);
int lite_delivery_set(struct store_tx *tx, const struct store_delivery *d,
		      size_t n, struct err *e);
int lite_delivery_mark(struct store *s, const struct store_mark *m, size_t n,
		       struct err *e);
int lite_delivery_get(struct store_tx *tx, struct arena *a,
		      const struct slice *id, size_t n,
		      struct store_delivery **out, size_t *out_n,
		      struct err *e);
int lite_delivery_list(struct store_tx *tx, struct arena *a, int64_t since_ms,
		       size_t limit, struct store_delivery **out, size_t *n,
		       struct err *e);

/* mail.c, and mail_effect.c beside it */
extern const struct store_mail_vtbl lite_mail_vtbl;
int lite_effects_due(struct store *s, struct arena *a,
		     const bool mine[static STORE_BUCKETS], size_t limit,
		     struct store_mail_effect **out, size_t *n, struct err *e);
int lite_effect_add(struct store_tx *tx, const struct store_mail_effect *f,
		    size_t n, struct err *e);
int lite_effect_set(struct store_tx *tx, const struct store_mail_effect *f,
		    size_t n, struct err *e);
int lite_effect_get(struct store_tx *tx, struct arena *a,
		    const struct slice *id, size_t n,
		    struct store_mail_effect **out, size_t *out_n,
		    struct err *e);
int lite_effect_of(struct store_tx *tx, struct arena *a, const int64_t *item,
		   size_t n, struct store_mail_effect **out, size_t *out_n,
		   struct err *e);
int lite_effect_list(struct store_tx *tx, struct arena *a, int64_t since_ms,
		     size_t limit, struct store_mail_effect **out, size_t *n,
		     struct err *e);
int lite_effect_due(struct store_tx *tx, struct arena *a, int64_t by_ms,
		    size_t limit, struct store_mail_effect **out, size_t *n,
		    struct err *e);
/* push.c */
extern const struct store_push_vtbl lite_push_vtbl;
/* An item was written in an account with devices that are told of it. */
int lite_push_changed(struct lite_tx *t, struct err *e);

/* site.c */
int lite_site_get(struct store *s, struct arena *a, const char *key,
		  struct slice **out, struct err *e);
int lite_site_init(struct store *s, struct arena *a, const char *key,
		   struct slice value, struct slice *out, struct err *e);
int lite_login_find(struct store *s, struct slice user, int64_t *account,
		    struct err *e);
int lite_device_find(struct store *s, struct slice dev_id, int64_t *account,
		     size_t max, size_t *n, struct err *e);
int lite_account_create(struct store *s, const struct store_account *in,
			int64_t *id, struct err *e);
int lite_account_erase(struct store *s, int64_t account, struct err *e);
int lite_account_list(struct store *s, struct arena *a,
		      struct store_account **out, size_t *n, struct err *e);

/* throttle.c */
int lite_throttle_share(
    struct store *s, struct arena *a, const struct store_throttle *in, size_t n,
    const struct store_throttle_keep keep[static STORE_THROTTLE_KINDS],
    int64_t *seen, struct store_throttle **out, size_t *out_n, struct err *e);

/* node.c */
int lite_auth_count(struct store *s, const struct store_auth_day *in, size_t n,
		    size_t max, struct err *e);
int lite_node_beat(struct store *s, const struct store_node *in, struct err *e);
int lite_lease_take(struct store *s, const char *name, struct slice owner,
		    int64_t ms, bool *got, struct err *e);

/* ask.c */
int lite_ask(struct store *s, struct arena *a, const char *sql,
	     const struct slice *param, size_t n, size_t limit,
	     struct store_table *out, struct err *e);

/* report.c */
int lite_report_put(struct store_tx *tx, const struct store_report *in,
		    struct err *e);
int lite_report_get(struct store_tx *tx, struct arena *a, int64_t session,
		    struct store_report *out, struct err *e);
int lite_holds_decided(struct store_tx *tx, int64_t session,
		       enum store_event_how how, struct err *e);

/* account.c */
int lite_account_get(struct store_tx *tx, struct arena *a,
		     struct store_account *out, struct err *e);
int lite_account_set(struct store_tx *tx, const struct store_account *in,
		     struct err *e);
int lite_cred_list(struct store_tx *tx, struct arena *a,
		   struct store_cred **out, size_t *n, struct err *e);
int lite_cred_put(struct store_tx *tx, const struct store_cred *in,
		  struct err *e);
int lite_cred_drop(struct store_tx *tx, int64_t id, struct err *e);
#define LITE_ACCOUNT_COLS                                                      \
	"account_id, user, disabled, zone, quota_bytes, quota_items,"          \
	" used_bytes, used_items, change_no, cred_gen, created_ms,"            \
	" alarm_on, alarm_hour, alarm_lead, push"
void lite_account_read(struct lite_q *q, struct arena *a,
		       struct store_account *out);

/* collection.c */
int lite_collection_list(struct store_tx *tx, struct arena *a,
			 struct store_collection **out, size_t *n,
			 struct err *e);
int lite_collection_put(struct store_tx *tx, const struct store_collection *in,
			struct err *e);
int lite_collection_drop(struct store_tx *tx, int64_t id, struct err *e);

/* item_write.c */
int lite_item_put(struct store_tx *tx, const struct store_write *w, size_t n,
		  struct err *e);
int lite_item_purge(struct store_tx *tx, int64_t item, struct err *e);
/* Every row of an item but its map rows; its head may be gone already. */
int lite_item_remove(struct lite_tx *t, int64_t item, struct err *e);

/* item_read.c */
#define LITE_HEAD_COLS                                                         \
	"i.item_id, i.collection_id, i.kind, i.revision, i.last_revision,"     \
	" i.change_no, i.deleted, i.uid, i.h_uid, i.h_content, i.h_identity,"  \
	" i.size, i.created_ms, i.modified_ms, i.span_from, i.span_to"
enum { LITE_HEAD_N = 16 };
void lite_head_read(struct lite_q *q, struct arena *a, struct store_item *out);
int lite_item_get(struct store_tx *tx, struct arena *a, const int64_t *id,
		  size_t n, bool bodies, struct store_item **out, size_t *out_n,
		  struct err *e);
int lite_item_page(struct store_tx *tx, struct arena *a, int64_t collection,
		   int64_t after, size_t limit, bool deleted_too, bool bodies,
		   struct store_item **out, size_t *n, struct err *e);
int lite_item_match(struct store_tx *tx, struct arena *a,
		    const struct store_likeness *ask,
		    struct store_candidate **out, size_t *n, struct err *e);

/* revision.c */
int lite_revision_get(struct store_tx *tx, struct arena *a,
		      const struct store_rev_key *k, size_t n,
		      struct store_revision **out, size_t *out_n,
		      struct err *e);
int lite_revision_list(struct store_tx *tx, struct arena *a, int64_t item,
		       bool bodies, struct store_revision **out, size_t *n,
		       struct err *e);
int lite_revision_match(struct store_tx *tx, struct arena *a,
			const int64_t *item, const uint64_t *h_content,
			size_t n, struct store_revision **out, size_t *out_n,
			struct err *e);

/* device.c */
int lite_device_get(struct store_tx *tx, struct arena *a, struct slice dev_id,
		    struct store_device **out, struct err *e);
int lite_device_list(struct store_tx *tx, struct arena *a,
		     struct store_device **out, size_t *n, struct err *e);
int lite_device_put(struct store_tx *tx, const struct store_device *in,
		    struct err *e);
int lite_device_drop(struct store_tx *tx, int64_t device, struct err *e);

/* link.c */
int lite_link_list(struct store_tx *tx, struct arena *a, int64_t device,
		   struct store_link **out, size_t *n, struct err *e);
int lite_link_put(struct store_tx *tx, const struct store_link *in,
		  struct err *e);

/* map.c */
int lite_map_by_luid(struct store_tx *tx, struct arena *a, int64_t link,
		     const struct slice *luid, size_t n, struct store_map **out,
		     size_t *out_n, struct err *e);
int lite_map_by_item(struct store_tx *tx, struct arena *a, int64_t link,
		     int64_t gen, const int64_t *item, size_t n,
		     struct store_map **out, size_t *out_n, struct err *e);
int lite_map_pending(struct store_tx *tx, struct arena *a,
		     const struct store_pending *ask, struct store_map **out,
		     size_t *n, struct err *e);
int lite_map_put(struct store_tx *tx, const struct store_map *m, size_t n,
		 struct err *e);
int lite_map_drop(struct store_tx *tx, int64_t link, int64_t gen,
		  const int64_t *item, size_t n, struct err *e);
int lite_map_drop_others(struct store_tx *tx, int64_t link, int64_t keep,
			 int64_t keep2, struct err *e);
int lite_map_count(struct store_tx *tx, int64_t link, int64_t gen, int64_t *n,
		   struct err *e);
/* The generations of all the account's links that have rows. */
struct lite_gen {
	int64_t link;
	int64_t gen;
};
int lite_map_gens(struct lite_tx *t, struct arena *a, struct lite_gen **out,
		  size_t *n, struct err *e);
/* Is the item (revision 0), or this revision of it, in any of these? */
int lite_map_refers(struct lite_tx *t, const struct lite_gen *g, size_t n,
		    int64_t item, int64_t revision, bool *yes, struct err *e);

/* change.c */
int lite_changes(struct store_tx *tx, struct arena *a, int64_t link,
		 int64_t gen, const struct store_cursor *from, int64_t upto,
		 size_t limit, struct store_change **out, size_t *n,
		 struct err *e);
int lite_changes_count(struct store_tx *tx, int64_t link, int64_t gen,
		       const struct store_cursor *from, int64_t upto,
		       int64_t *n, struct err *e);
int lite_window(struct store_tx *tx, struct arena *a,
		const struct store_window *ask, struct store_change **out,
		size_t *n, struct err *e);
int lite_unmapped(struct store_tx *tx, struct arena *a, int64_t link,
		  int64_t gen, int64_t collection, int64_t after, size_t limit,
		  struct store_item **out, size_t *n, struct err *e);
#define LITE_MAP_COLS                                                          \
	"m.link_id, m.gen, m.item_id, m.luid, m.state, m.held, m.held_form,"   \
	" m.offers, m.reason, m.touched"
int lite_map_read(struct lite_q *q, struct arena *a, int col,
		  struct store_map *m, struct err *e);

/* session.c */
int lite_session_find(struct store_tx *tx, struct arena *a,
		      struct slice token_hash, int64_t device, struct slice sid,
		      struct store_session **out, struct err *e);
int lite_session_put(struct store_tx *tx, const struct store_session *in,
		     const struct slice *answer, struct err *e);
int lite_answer_get(struct store_tx *tx, struct arena *a, int64_t session,
		    struct slice **out, struct err *e);
int lite_session_supersede(struct store_tx *tx, int64_t device, int64_t except,
			   struct slice verdict, struct err *e);
int lite_session_list(struct store_tx *tx, struct arena *a, int64_t device,
		      size_t limit, struct store_session **out, size_t *n,
		      struct err *e);
int lite_session_open(struct store_tx *tx, struct arena *a, int64_t since_ms,
		      struct store_session **out, size_t *n, struct err *e);
int lite_story_add(struct store_tx *tx, int64_t session,
		   const struct store_story *s, size_t n, struct err *e);
int lite_story_get(struct store_tx *tx, struct arena *a, int64_t session,
		   struct store_story **out, size_t *n, struct err *e);

/* chunk.c */
int lite_chunk_add(struct store_tx *tx, struct store_chunk_key k,
		   struct slice bytes, struct err *e);
int lite_chunk_join(struct store_tx *tx, struct arena *a,
		    struct store_chunk_key k, struct slice *out, struct err *e);
int lite_chunk_read(struct store_tx *tx, struct arena *a,
		    struct store_chunk_key k, int64_t offset, size_t n,
		    struct slice *out, struct err *e);
int lite_chunk_drop(struct store_tx *tx, struct store_chunk_key k,
		    struct err *e);

/* backup.c, check.c, prune.c */
int lite_backup(struct store *s, const char *path, struct err *e);
int lite_check(struct store *s, struct arena *a, struct slice **finding,
	       size_t *n, struct err *e);
int lite_prune(struct store *s, int64_t history_ms, int64_t sessions_ms,
	       int64_t chunks_ms, int64_t *n, struct err *e);

#endif
