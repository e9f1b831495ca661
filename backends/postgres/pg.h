/*
 * Inside of the PostgreSQL store; nobody outside this folder (and its tests)
 * includes it. One struct pg is a store, one struct pg_conn a connection of
 * its pool, one struct pg_tx a transaction.
 *
 * A call of the vtable is one round trip wherever it can be: its statements
 * are sent together (struct pg_q, pg_send) and answered together (pg_sync).
 * Many rows travel as array parameters, taken apart with unnest().
 */
#ifndef BACKENDS_POSTGRES_PG_H
#define BACKENDS_POSTGRES_PG_H

#include "backends/common.h"
#include "backends/store.h"
#include "base/buf.h"

#include <libpq-fe.h>
#include <pthread.h>

enum {
	PG_CACHE = 256,       /* slots for prepared statements: a power of 2 */
	PG_PARAMS_MAX = 40,   /* parameters of one statement */
	PG_SENT_MAX = 96,     /* statements sent together */
	PG_SCRATCH = 1 << 30, /* bytes of array parameters sent together */
	PG_POOL = 16,         /* connections, unless the URI says pool= */
	PG_POOL_MAX = 512,
	PG_CONNECT_S = 5,        /* how long one host may take to answer */
	PG_TURN_MS = 10000,      /* waiting for a free connection */
	PG_LOCK_MS = 5000,       /* ... for a row that another one locked */
	PG_STATEMENT_MS = 15000, /* a statement; then the server ends it */
	PG_ANSWER_MS = 20000,    /* an answer; then the line is dead */
	PG_SILENT_MS = 30000,    /* a transaction that says nothing: its node
				    is frozen or cut off, its locks go */
	PG_BACKOFF_MIN_MS = 50,
	PG_BACKOFF_MAX_MS = 2000,
};

/* A SQLSTATE as one number, as struct err's `sys` carries it. */
#define PG_SIXBIT(c) (((c) - '0') & 0x3f)
#define PG_STATE(a, b, c, d, e)                                                \
	(PG_SIXBIT(a) | PG_SIXBIT(b) << 6 | PG_SIXBIT(c) << 12 |               \
	 PG_SIXBIT(d) << 18 | PG_SIXBIT(e) << 24)
/* The class of one: its first two characters. */
#define PG_CLASS(a, b) (PG_SIXBIT(a) | PG_SIXBIT(b) << 6)

/* What the URI says. */
struct pg_uri {
	char *conninfo; /* libpq's part of it; may hold a password */
	char *listen;   /* the same for who listens; NULL: nobody does */
	int pool;
	bool prepare; /* false: a pooler hands out connections by
			 transaction; nothing may outlive one */
};

struct pg_cached {
	const char *sql; /* static text: its address is the key */
	enum { PG_UNKNOWN, PG_ASKED, PG_PREPARED } state;
};

struct pg_q;

struct pg_sent {
	struct pg_q *q;         /* whose result it is; NULL: nobody's */
	struct pg_cached *slot; /* the PREPARE of this statement, or NULL */
	const char *where;
};

struct pg_conn {
	PGconn *pg;
	struct pg_conn *next;
	bool prepare;
	bool used;   /* it has been in the pool: may be dead unnoticed */
	bool broken; /* to be closed, not to be kept */
	int wait_ms; /* for an answer; 0: as long as it takes */
	/* Part of its statements' names: behind a pooler in transaction mode
	   another connection's must never be taken for its own. */
	uint32_t tag;
	struct pg_cached cache[PG_CACHE];
	size_t cached_n;
	struct arena *scratch; /* parameters, until they are sent */
	struct pg_sent sent[PG_SENT_MAX];
	size_t sent_n;
	struct err bad; /* sticky, of what could not be sent */
	uint64_t trips; /* round trips made; for the tests */
};

/* A thread that waits for a connection; lives on its stack. */
struct pg_waiter {
	struct pg_waiter *next;
	pthread_cond_t turn;
	bool granted;
	struct pg_conn *c; /* handed over, or NULL: it may open one */
};

struct pg {
	struct store s; /* first */
	struct pg_uri uri;
	int turn_ms;          /* PG_TURN_MS; tests have less patience */
	pthread_mutex_t lock; /* guards all below */
	struct pg_conn *idle; /* last used first */
	int open;             /* connections, idle or in use or being made */
	struct pg_waiter *first, **last;
	int64_t retry_ms; /* clk_mono_ms() before which none is opened */
	int backoff_ms;
	struct err down; /* why the last one could not be opened */
	struct store_ears ears;
	struct pg_listen *listen; /* NULL: nobody listens */
	char tag[17];             /* of this store's words, among the nodes */
};

struct pg_delta { /* usage that is not in the account's row yet */
	int64_t bytes;
	int64_t items;
};

struct pg_tx {
	struct store_tx tx; /* first */
	struct pg_conn *c;
	bool failed; /* only a rollback is allowed */
	bool push;   /* the account has devices that are told of changes */
	bool wrote;  /* an item's head */
	int64_t first_id;
	struct pg_delta used;
	int level; /* open savepoints */
	struct pg_delta saved[STORE_SAVE_MAX];
};

static inline struct pg *
pg_of(struct store *s)
{
	return (struct pg *)(void *)s;
}

/* ---- statements (query.c) ------------------------------------------- */

/*
 * One statement and its result.
 *
 *	pg_query(t, &q, SQL, "store.x");     $1 is the account
 *	pg_int(&q, 7);                       $2
 *	if (pg_run(&q, e) < 0) return -1;
 *	while (pg_next(&q)) ... pg_col(&q, 0) ...
 *	return pg_end(&q, e);
 *
 * Several in one round trip: pg_send() each, then pg_sync(c, e), then read
 * them. What goes wrong before that is remembered by the connection, and
 * pg_sync() tells it: nothing needs a look in between. After pg_send() always
 * call pg_sync(), and keep the struct where it is until then. Without BEGIN
 * around them all statements of one pg_sync() are one transaction.
 */
struct pg_q {
	struct pg_conn *c;
	const char *sql; /* static text, as it is the cache's key */
	const char *where;
	int n;
	Oid type[PG_PARAMS_MAX];
	const char *v[PG_PARAMS_MAX];
	int len[PG_PARAMS_MAX];
	unsigned char num[PG_PARAMS_MAX][8];
	struct buf arr; /* an array parameter in the making */
	uint32_t arr_n;
	PGresult *res;
	int row, rows;
	bool nomem; /* sticky: the arena could not hold a value */
	bool once;  /* not worth preparing; sql need not be static */
};

void pg_start(struct pg_conn *c, struct pg_q *q, const char *sql,
	      const char *where);
/* The same, with the account's id bound as $1. */
void pg_query(struct pg_tx *t, struct pg_q *q, const char *sql,
	      const char *where);

/* Bind the next parameter; bytes are borrowed until pg_send(). */
void pg_int(struct pg_q *q, int64_t v);
void pg_null(struct pg_q *q); /* a bigint that is not there */
void pg_bytes(struct pg_q *q, struct slice s);
void pg_bytes_null(struct pg_q *q, struct slice s); /* empty: NULL */
/* PostgreSQL refuses NUL and bytes that are no UTF-8 in text: each becomes
   U+FFFD here. */
void pg_text(struct pg_q *q, struct slice s);
/*
 * An array as the next parameter: pg_array(), one pg_add_*() for each element
 * (all of the type named), pg_array_end().
 */
enum pg_type { PG_INTS, PG_BYTES, PG_TEXTS };
void pg_array(struct pg_q *q, enum pg_type type);
void pg_add_int(struct pg_q *q, int64_t v);
void pg_add_bytes(struct pg_q *q, struct slice s); /* also texts made by us */
void pg_add_text(struct pg_q *q, struct slice s);
void pg_add_null(struct pg_q *q);
void pg_array_end(struct pg_q *q);
/* The whole of it in one call. */
void pg_ints(struct pg_q *q, const int64_t *v, size_t n);

void pg_send(struct pg_q *q);
/* A statement without parameters and without a result to look at. */
void pg_say(struct pg_conn *c, const char *sql, const char *where);
/*
 * Send all and take all answers. -1: the first statement that failed; no
 * result is kept then. Every pg_q sent is to be ended with pg_end() after it
 * went well.
 */
int pg_sync(struct pg_conn *c, struct err *e);
/* pg_send and pg_sync. */
int pg_run(struct pg_q *q, struct err *e);
/*
 * A condition for u.at of unnest(...) WITH ORDINALITY AS u(..., at): it always
 * holds, but PostgreSQL takes such a range for very selective and expects one
 * row. With one row a look-up by the whole key is never dearer than any other
 * way; with ten it may read all rows of an account instead, where it believes
 * them to be few (a table that was empty a minute ago).
 */
#define PG_FEW " u.at BETWEEN 1 AND 2147483647"
/*
 * For DELETE FROM ... d USING `from`: the row at a place (ctid) that the same
 * statement looked up by its key. There is no other plan for it, while a join
 * by the key may well become a scan of the account. The account is compared
 * too, since partitions have the same places; "+ 0" leaves the place alone to
 * choose the plan.
 */
#define PG_PLACE(from) "d.ctid = " from ".place AND d.account_id + 0 = $1"
/* pg_run for what returns no rows. */
int pg_once(struct pg_q *q, struct err *e);

/* Statements about the account ($1) and one id ($2), together. */
int pg_each(struct pg_tx *t, const char *const *sql, size_t n, int64_t id,
	    const char *where, struct err *e);

/* Step to the next row of the result. */
bool pg_next(struct pg_q *q);
static inline size_t
pg_rows(const struct pg_q *q)
{
	return (size_t)q->rows;
}
/* Rows that the statement changed. */
int64_t pg_changed(const struct pg_q *q);
/* A number or truth value of any width; 0 for NULL. Beware: sum() of bigint
   is numeric in PostgreSQL, cast it. */
int64_t pg_col(const struct pg_q *q, int col);
static inline uint64_t
pg_col_u64(const struct pg_q *q, int col)
{
	return (uint64_t)pg_col(q, col);
}
static inline bool
pg_col_bool(const struct pg_q *q, int col)
{
	return pg_col(q, col) != 0;
}
bool pg_col_null(const struct pg_q *q, int col);
/* Bytes or text where libpq keeps them: valid until pg_end(). */
struct slice pg_col_view(const struct pg_q *q, int col);
/* Copied into the arena; sets q->nomem when it is full. */
struct slice pg_col_bytes(struct pg_q *q, struct arena *a, int col);
/* Room for all rows of the result, zeroed; NULL sets q->nomem. NULL as well
   where there are no rows. */
void *pg_room(struct pg_q *q, struct arena *a, size_t size);
/* Let the result go; -1 where a copy found no room. */
int pg_end(struct pg_q *q, struct err *e);

/* A script of several statements, one by one (a migration); waits as long as
   it takes. */
int pg_script(struct pg_conn *c, const char *sql, const char *where,
	      struct err *e);

/* ---- errors (error.c) ----------------------------------------------- */

/* The error for a failed result (NULL: the connection itself), in words that
   name the mend; marks a connection that is lost as broken. */
int pg_fail(struct pg_conn *c, const PGresult *r, const char *where,
	    struct err *e);
int pg_nomem(const char *where, struct err *e);
/* PG_STATE() of five characters; 0 for NULL. */
int pg_state(const char *five);
/* Why no connection came about: ERR_UNAVAILABLE, or where it never can
   ERR_CONFIG. `said` is what libpq says, SQLSTATE included if it knows it. */
int pg_refused(const char *said, struct err *e);

/* ---- the URI (uri.c) ------------------------------------------------- */

/* What follows the scheme. Free with pg_uri_free(). */
int pg_uri_read(const char *rest, struct pg_uri *out, struct err *e);
void pg_uri_free(struct pg_uri *u);

/* ---- connections (conn.c) ------------------------------------------- */

int pg_connect(const struct pg_uri *u, struct pg_conn **out, struct err *e);
void pg_disconnect(struct pg_conn **c);
/* One out of the pool; waits for its turn. */
int pg_take(struct pg *s, struct pg_conn **out, struct err *e);
/* Back to the pool, or to its end where it is broken. */
void pg_give(struct pg *s, struct pg_conn *c);
/*
 * The settings of a session: how long a statement, a lock, a silent
 * transaction may take. A connection of our own has them from its beginning,
 * one behind a pooler once in each transaction.
 */
void pg_settings(struct pg_conn *c, bool local);
/* Statements of this transaction may take as long as they need, and read whole
   tables. */
void pg_no_hurry(struct pg_conn *c);

/* ---- words from node to node (listen.c) ------------------------------- */

/* With the connection that listens, and its thread, where the URI says so. */
int pg_hear(struct store *s, const struct store_ear *ear, struct err *e);
/* Behind a commit: tell this process, and the other nodes of what is soon. */
void pg_tell(struct pg *s, const struct store_tx *said);

/* ---- schema (migrate.c) ---------------------------------------------- */

int pg_migrate(struct pg_conn *c, bool apply, struct err *e);

/* ---- transactions (tx.c) --------------------------------------------- */

/*
 * Every function of the vtable enters and leaves through these: a transaction
 * that failed refuses all but rollback, a reading one refuses writes.
 */
struct pg_tx *pg_enter(struct store_tx *tx, enum store_mode mode,
		       const char *where, struct err *e);
static inline int
pg_leave(struct pg_tx *t, int rc)
{
	if (rc < 0)
		t->failed = true;
	return rc;
}

int pg_begin(struct store *s, int64_t account, enum store_mode mode,
	     int64_t now_ms, struct store_tx **tx, struct err *e);
int pg_commit(struct store_tx **tx, struct err *e);
void pg_rollback(struct store_tx **tx);
int pg_save(struct store_tx *tx, int level, struct err *e);
int pg_save_keep(struct store_tx *tx, int level, struct err *e);
int pg_save_undo(struct store_tx *tx, int level, struct err *e);
/*
 * Statements on site tables, without an account: take a connection, send, and
 * pg_sync() once: that is one transaction. pg_site_end() gives it back.
 */
int pg_site_begin(struct store *s, struct pg_conn **c, struct err *e);
void pg_site_end(struct store *s, struct pg_conn *c);

/* ---- the rest of the vtable, by file --------------------------------- */

/* backup.c, check.c, prune.c */
int pg_backup(struct store *s, const char *path, struct err *e);
int pg_check(struct store *s, struct arena *a, struct slice **finding,
	     size_t *n, struct err *e);
int pg_prune(struct store *s, int64_t history_ms, int64_t sessions_ms,
	     int64_t chunks_ms, int64_t *n, struct err *e);

/* rows.c */
extern const struct store_rows_vtbl pg_rows_vtbl;

/* push.c */
extern const struct store_push_vtbl pg_push_vtbl;
/* An item was written in an account with devices that are told of it: send what
   leaves a row of push_due. */
void pg_push_changed(struct pg_tx *t, struct pg_q *q);

/* alarm.c, and delivery.c beside it */
extern const struct store_alarm_vtbl pg_alarm_vtbl;
/* Send what brings the rows of alarm_next up to date (n > 0): up to two
   statements, to be ended with pg_end() after pg_sync(). */
void pg_next_send(struct pg_tx *t, struct pg_q q[static 2],
		  const struct store_alarm_next *v, size_t n, bool overdue);
int pg_outbox(struct store *s, struct arena *a, struct slice channel,
	      const size_t limit[static STORE_BUCKETS],
	      struct store_delivery **out, size_t *n, struct err *e);
int pg_delivery_add(struct store_tx *tx, const struct store_delivery *d,
		    size_t n, struct err *e);
int pg_delivery_set(struct store_tx *tx, const struct store_delivery *d,
		    size_t n, struct err *e);
int pg_delivery_mark(struct store *s, const struct store_mark *m, size_t n,
		     struct err *e);
int pg_delivery_get(struct store_tx *tx, struct arena *a,
		    const struct slice *id, size_t n,
		    struct store_delivery **out, size_t *out_n, struct err *e);
int pg_delivery_list(struct store_tx *tx, struct arena *a, int64_t since_ms,
		     size_t limit, struct store_delivery **out, size_t *n,
		     struct err *e);

/* mail.c, and mail_effect.c beside it */
extern const struct store_mail_vtbl pg_mail_vtbl;
/* An instant that may be none: INT64_MAX is NULL. */
void pg_when(struct pg_q *q, int64_t ms);
int64_t pg_col_when(const struct pg_q *q, int col);
int pg_effects_due(struct store *s, struct arena *a,
		   const bool mine[static STORE_BUCKETS], size_t limit,
		   struct store_mail_effect **out, size_t *n, struct err *e);
int pg_effect_add(struct store_tx *tx, const struct store_mail_effect *f,
		  size_t n, struct err *e);
int pg_effect_set(struct store_tx *tx, const struct store_mail_effect *f,
		  size_t n, struct err *e);
int pg_effect_get(struct store_tx *tx, struct arena *a, const struct slice *id,
		  size_t n, struct store_mail_effect **out, size_t *out_n,
		  struct err *e);
int pg_effect_of(struct store_tx *tx, struct arena *a, const int64_t *item,
		 size_t n, struct store_mail_effect **out, size_t *out_n,
		 struct err *e);
int pg_effect_list(struct store_tx *tx, struct arena *a, int64_t since_ms,
		   size_t limit, struct store_mail_effect **out, size_t *n,
		   struct err *e);
int pg_effect_due(struct store_tx *tx, struct arena *a, int64_t by_ms,
		  size_t limit, struct store_mail_effect **out, size_t *n,
		  struct err *e);
/* alarm.c: of work that is due: $1 are the buckets that are mine, $2 the limit
   for each. */
void pg_due_of(struct pg_q *q, const bool mine[static STORE_BUCKETS],
	       size_t limit);
/* Leases on the buckets of one kind of work. */
int pg_buckets_of(struct store *s, struct slice what, struct slice owner,
		  int64_t ms, bool mine[static STORE_BUCKETS], struct err *e);

/* site.c */
int pg_site_get(struct store *s, struct arena *a, const char *key,
		struct slice **out, struct err *e);
int pg_site_init(struct store *s, struct arena *a, const char *key,
		 struct slice value, struct slice *out, struct err *e);
int pg_login_find(struct store *s, struct slice user, int64_t *account,
		  struct err *e);
int pg_device_find(struct store *s, struct slice dev_id, int64_t *account,
		   size_t max, size_t *n, struct err *e);
int pg_account_create(struct store *s, const struct store_account *in,
		      int64_t *id, struct err *e);
int pg_account_erase(struct store *s, int64_t account, struct err *e);
int pg_account_list(struct store *s, struct arena *a,
		    struct store_account **out, size_t *n, struct err *e);

/* throttle.c */
int pg_throttle_share(
    struct store *s, struct arena *a, const struct store_throttle *in, size_t n,
    const struct store_throttle_keep keep[static STORE_THROTTLE_KINDS],
    int64_t *seen, struct store_throttle **out, size_t *out_n, struct err *e);

/* node.c */
int pg_auth_count(struct store *s, const struct store_auth_day *in, size_t n,
		  size_t max, struct err *e);
int pg_node_beat(struct store *s, const struct store_node *in, struct err *e);
int pg_lease_take(struct store *s, const char *name, struct slice owner,
		  int64_t ms, bool *got, struct err *e);

/* ask.c */
int pg_ask(struct store *s, struct arena *a, const char *sql,
	   const struct slice *param, size_t n, size_t limit,
	   struct store_table *out, struct err *e);

/* report.c */
int pg_report_put(struct store_tx *tx, const struct store_report *in,
		  struct err *e);
int pg_report_get(struct store_tx *tx, struct arena *a, int64_t session,
		  struct store_report *out, struct err *e);
int pg_holds_decided(struct store_tx *tx, int64_t session,
		     enum store_event_how how, struct err *e);

/* account.c */
int pg_account_get(struct store_tx *tx, struct arena *a,
		   struct store_account *out, struct err *e);
int pg_account_set(struct store_tx *tx, const struct store_account *in,
		   struct err *e);
int pg_cred_list(struct store_tx *tx, struct arena *a, struct store_cred **out,
		 size_t *n, struct err *e);
int pg_cred_put(struct store_tx *tx, const struct store_cred *in,
		struct err *e);
int pg_cred_drop(struct store_tx *tx, int64_t id, struct err *e);
#define PG_ACCOUNT_COLS                                                        \
	"account_id, \"user\", disabled, zone, quota_bytes, quota_items,"      \
	" used_bytes, used_items, change_no, cred_gen, created_ms,"            \
	" alarm_on, alarm_hour, alarm_lead, push"
void pg_account_read(struct pg_q *q, struct arena *a,
		     struct store_account *out);

/* collection.c */
int pg_collection_list(struct store_tx *tx, struct arena *a,
		       struct store_collection **out, size_t *n, struct err *e);
int pg_collection_put(struct store_tx *tx, const struct store_collection *in,
		      struct err *e);
int pg_collection_drop(struct store_tx *tx, int64_t id, struct err *e);

/* item_write.c; usage goes into t->used, commit writes it */
int pg_item_put(struct store_tx *tx, const struct store_write *w, size_t n,
		struct err *e);
int pg_item_put_all(struct pg_tx *t, const struct store_write *w, size_t n,
		    struct err *e);

/* purge.c */
int pg_item_purge(struct store_tx *tx, int64_t item, struct err *e);

/* item_read.c */
#define PG_HEAD_COLS                                                           \
	"i.item_id, i.collection_id, i.kind, i.revision, i.last_revision,"     \
	" i.change_no, i.deleted, i.uid, i.h_uid, i.h_content, i.h_identity,"  \
	" i.size, i.created_ms, i.modified_ms, i.span_from, i.span_to"
enum { PG_HEAD_N = 16 };
void pg_head_read(struct pg_q *q, struct arena *a, struct store_item *out);
/* Send, and read every row as a head; `bodies`: one more column. */
int pg_heads(struct pg_q *q, struct arena *a, bool bodies,
	     struct store_item **out, size_t *n, struct err *e);
/* A LIMIT as PostgreSQL takes it. */
static inline int64_t
pg_limit(size_t n)
{
	return n > INT32_MAX ? INT32_MAX : (int64_t)n;
}
int pg_item_get(struct store_tx *tx, struct arena *a, const int64_t *id,
		size_t n, bool bodies, struct store_item **out, size_t *out_n,
		struct err *e);
int pg_item_page(struct store_tx *tx, struct arena *a, int64_t collection,
		 int64_t after, size_t limit, bool deleted_too, bool bodies,
		 struct store_item **out, size_t *n, struct err *e);
int pg_item_match(struct store_tx *tx, struct arena *a,
		  const struct store_likeness *ask,
		  struct store_candidate **out, size_t *n, struct err *e);

/* revision.c */
int pg_revision_get(struct store_tx *tx, struct arena *a,
		    const struct store_rev_key *k, size_t n,
		    struct store_revision **out, size_t *out_n, struct err *e);
int pg_revision_list(struct store_tx *tx, struct arena *a, int64_t item,
		     bool bodies, struct store_revision **out, size_t *n,
		     struct err *e);
int pg_revision_match(struct store_tx *tx, struct arena *a, const int64_t *item,
		      const uint64_t *h_content, size_t n,
		      struct store_revision **out, size_t *out_n,
		      struct err *e);

/* device.c */
int pg_device_get(struct store_tx *tx, struct arena *a, struct slice dev_id,
		  struct store_device **out, struct err *e);
int pg_device_list(struct store_tx *tx, struct arena *a,
		   struct store_device **out, size_t *n, struct err *e);
int pg_device_put(struct store_tx *tx, const struct store_device *in,
		  struct err *e);
int pg_device_drop(struct store_tx *tx, int64_t device, struct err *e);

/* link.c */
int pg_link_list(struct store_tx *tx, struct arena *a, int64_t device,
		 struct store_link **out, size_t *n, struct err *e);
int pg_link_put(struct store_tx *tx, const struct store_link *in,
		struct err *e);

/* map.c */
int pg_map_by_luid(struct store_tx *tx, struct arena *a, int64_t link,
		   const struct slice *luid, size_t n, struct store_map **out,
		   size_t *out_n, struct err *e);
int pg_map_by_item(struct store_tx *tx, struct arena *a, int64_t link,
		   int64_t gen, const int64_t *item, size_t n,
		   struct store_map **out, size_t *out_n, struct err *e);
int pg_map_pending(struct store_tx *tx, struct arena *a,
		   const struct store_pending *ask, struct store_map **out,
		   size_t *n, struct err *e);
int pg_map_put(struct store_tx *tx, const struct store_map *m, size_t n,
	       struct err *e);
int pg_map_drop(struct store_tx *tx, int64_t link, int64_t gen,
		const int64_t *item, size_t n, struct err *e);
int pg_map_drop_others(struct store_tx *tx, int64_t link, int64_t keep,
		       int64_t keep2, struct err *e);
int pg_map_count(struct store_tx *tx, int64_t link, int64_t gen, int64_t *n,
		 struct err *e);
#define PG_MAP_COLS                                                            \
	"m.link_id, m.gen, m.item_id, m.luid, m.state, m.held, m.held_form,"   \
	" m.offers, m.reason, m.touched"
int pg_map_read(struct pg_q *q, struct arena *a, int col, struct store_map *m,
		struct err *e);
/* g: every (link, generation) of the account with rows, by a seek for each and
   not by a read of all rows. Stands behind WITH RECURSIVE. */
#define PG_GENS                                                                \
	"g AS ((SELECT m.link_id, m.gen FROM map m WHERE m.account_id = $1"    \
	" ORDER BY m.link_id, m.gen LIMIT 1) UNION ALL SELECT n.link_id, "     \
	"n.gen"                                                                \
	" FROM g CROSS JOIN LATERAL (SELECT m.link_id, m.gen FROM map m"       \
	" WHERE m.account_id = $1 AND (m.link_id, m.gen) > (g.link_id, g.gen)" \
	" ORDER BY m.link_id, m.gen LIMIT 1) n)"

/* change.c */
int pg_changes(struct store_tx *tx, struct arena *a, int64_t link, int64_t gen,
	       const struct store_cursor *from, int64_t upto, size_t limit,
	       struct store_change **out, size_t *n, struct err *e);
int pg_changes_count(struct store_tx *tx, int64_t link, int64_t gen,
		     const struct store_cursor *from, int64_t upto, int64_t *n,
		     struct err *e);
int pg_unmapped(struct store_tx *tx, struct arena *a, int64_t link, int64_t gen,
		int64_t collection, int64_t after, size_t limit,
		struct store_item **out, size_t *n, struct err *e);
int pg_window(struct store_tx *tx, struct arena *a,
	      const struct store_window *ask, struct store_change **out,
	      size_t *n, struct err *e);

/* session.c */
int pg_session_find(struct store_tx *tx, struct arena *a,
		    struct slice token_hash, int64_t device, struct slice sid,
		    struct store_session **out, struct err *e);
int pg_session_put(struct store_tx *tx, const struct store_session *in,
		   const struct slice *answer, struct err *e);
int pg_answer_get(struct store_tx *tx, struct arena *a, int64_t session,
		  struct slice **out, struct err *e);
int pg_session_supersede(struct store_tx *tx, int64_t device, int64_t except,
			 struct slice verdict, struct err *e);
int pg_session_list(struct store_tx *tx, struct arena *a, int64_t device,
		    size_t limit, struct store_session **out, size_t *n,
		    struct err *e);
int pg_session_open(struct store_tx *tx, struct arena *a, int64_t since_ms,
		    struct store_session **out, size_t *n, struct err *e);
int pg_story_add(struct store_tx *tx, int64_t session,
		 const struct store_story *s, size_t n, struct err *e);
int pg_story_get(struct store_tx *tx, struct arena *a, int64_t session,
		 struct store_story **out, size_t *n, struct err *e);

/* chunk.c */
int pg_chunk_add(struct store_tx *tx, struct store_chunk_key k,
		 struct slice bytes, struct err *e);
int pg_chunk_join(struct store_tx *tx, struct arena *a,
		  struct store_chunk_key k, struct slice *out, struct err *e);
int pg_chunk_read(struct store_tx *tx, struct arena *a,
		  struct store_chunk_key k, int64_t offset, size_t n,
		  struct slice *out, struct err *e);
int pg_chunk_drop(struct store_tx *tx, struct store_chunk_key k, struct err *e);

#endif
