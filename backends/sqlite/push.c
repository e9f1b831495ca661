/*
 * Notices: accounts to look at, how their devices are told, what was told.
 */
#include "backends/sqlite/lite.h"

/* ---- accounts to look at ------------------------------------------------- */

static int
due_by(struct lite_tx *t, int64_t due_ms, struct err *e)
{
	static const char sql[] =
	    "INSERT INTO push_due (account_id, bucket, due_ms)"
	    " VALUES (?1, ?2, ?3) ON CONFLICT (account_id)"
	    " DO UPDATE SET due_ms = ?3 WHERE due_ms > ?3";
	struct lite_q q;

	if (lite_query(t, &q, sql, "store.commit", e) < 0)
		return -1;
	lite_int(&q, store_bucket(t->tx.account));
	lite_int(&q, due_ms);
	store_wake(&t->tx, STORE_WAKE_PUSH, due_ms);
	return lite_once(&q, e);
}

int
lite_push_changed(struct lite_tx *t, struct err *e)
{
	return due_by(t, t->tx.now_ms, e);
}

static int
lite_push_due_by(struct store_tx *tx, int64_t due_ms, struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, "store.push_due_by", e);

	return t == NULL ? -1 : lite_leave(t, due_by(t, due_ms, e));
}

static int
due_rows(struct lite_q *q, struct lite_list *l, struct err *e)
{
	struct store_push_due *one;
	int rc;

	while ((one = lite_row(q, l, &rc, e)) != NULL)
		*one =
		    (struct store_push_due){ lite_col(q, 0), lite_col(q, 1) };
	return rc;
}

static int
lite_push_due(struct store *s, struct arena *a,
	      const bool mine[static STORE_BUCKETS], size_t limit,
	      struct store_push_due **out, size_t *n, struct err *e)
{
	static const char sql[] = "SELECT account_id, due_ms FROM push_due"
				  " WHERE bucket = ?1 ORDER BY due_ms LIMIT ?2";
	struct lite_list l = { .a = a, .size = sizeof(**out) };
	int rc = lite_due_rows(s, sql, "store.push_due", mine, limit, due_rows,
			       &l, e);

	*out = (struct store_push_due *)(void *)l.p;
	*n = l.n;
	return rc;
}

static int
due_put(struct lite_tx *t, int64_t due_ms, struct err *e)
{
	static const char put[] =
	    "INSERT INTO push_due (account_id, bucket, due_ms)"
	    " VALUES (?1, ?2, ?3) ON CONFLICT (account_id)"
	    " DO UPDATE SET due_ms = ?3";
	static const char drop[] = "DELETE FROM push_due WHERE account_id = ?1";
	bool goes = due_ms == INT64_MAX;
	struct lite_q q;

	if (lite_query(t, &q, goes ? drop : put, "store.push_due_put", e) < 0)
		return -1;
	if (!goes) {
		lite_int(&q, store_bucket(t->tx.account));
		lite_int(&q, due_ms);
	}
	return lite_once(&q, e);
}

static int
lite_push_due_put(struct store_tx *tx, int64_t due_ms, struct err *e)
{
	struct lite_tx *t =
	    lite_enter(tx, STORE_WRITE, "store.push_due_put", e);

	return t == NULL ? -1 : lite_leave(t, due_put(t, due_ms, e));
}

/* ---- devices ------------------------------------------------------------- */

static int
push_list(struct lite_tx *t, struct lite_list *l, struct err *e)
{
	static const char sql[] =
	    "SELECT device_id, channel, address, ways, secret, last_no,"
	    " last_ms, tries, day_ms, day_n FROM push_device WHERE account_id "
	    "= ?1"
	    " ORDER BY device_id";
	struct store_push *one;
	struct lite_q q;
	int rc;

	if (lite_query(t, &q, sql, "store.push_list", e) < 0)
		return -1;
	while ((one = lite_row(&q, l, &rc, e)) != NULL)
		*one = (struct store_push){
			.device = lite_col(&q, 0),
			.channel = lite_col_bytes(&q, l->a, 1),
			.address = lite_col_bytes(&q, l->a, 2),
			.ways = lite_col_bytes(&q, l->a, 3),
			.secret = lite_col_bytes(&q, l->a, 4),
			.last_no = lite_col(&q, 5),
			.last_ms = lite_col(&q, 6),
			.tries = lite_col(&q, 7),
			.day_ms = lite_col(&q, 8),
			.day_n = lite_col(&q, 9),
		};
	lite_end(&q);
	return rc;
}

static int
lite_push_list(struct store_tx *tx, struct arena *a, struct store_push **out,
	       size_t *n, struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.push_list", e);
	struct lite_list l = { .a = a, .size = sizeof(**out) };

	if (t == NULL || lite_leave(t, push_list(t, &l, e)) < 0)
		return -1;
	*out = (struct store_push *)(void *)l.p;
	*n = l.n;
	return 0;
}

static int
push_put(struct lite_tx *t, const struct store_push *in, struct err *e)
{
	/* Its day is counted by lite_delivery_mark(). */
	static const char put[] =
	    "INSERT INTO push_device (account_id, device_id, channel, address,"
	    " ways, secret, last_no, last_ms, tries, day_ms, day_n)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
	    " ON CONFLICT (account_id, device_id) DO UPDATE SET"
	    " channel = excluded.channel, address = excluded.address,"
	    " ways = excluded.ways, secret = excluded.secret,"
	    " last_no = excluded.last_no, last_ms = excluded.last_ms,"
	    " tries = excluded.tries";
	static const char drop[] =
	    "DELETE FROM push_device WHERE account_id = ?1 AND device_id = ?2";
	static const char flag[] =
	    "UPDATE account SET push = EXISTS (SELECT 1 FROM push_device"
	    " WHERE account_id = ?1) WHERE account_id = ?1";
	bool goes = in->channel.n == 0;
	struct lite_q q;

	if (lite_query(t, &q, goes ? drop : put, "store.push_put", e) < 0)
		return -1;
	lite_int(&q, in->device);
	if (!goes) {
		lite_text(&q, in->channel);
		lite_text(&q, in->address);
		lite_text(&q, in->ways);
		lite_blob(&q, in->secret);
		lite_int(&q, in->last_no);
		lite_int(&q, in->last_ms);
		lite_int(&q, in->tries);
		lite_int(&q, in->day_ms);
		lite_int(&q, in->day_n);
	}
	if (lite_once(&q, e) < 0 ||
	    lite_query(t, &q, flag, "store.push_put", e) < 0)
		return -1;
	return lite_once(&q, e);
}

static int
lite_push_put(struct store_tx *tx, const struct store_push *in, struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, "store.push_put", e);

	return t == NULL ? -1 : lite_leave(t, push_put(t, in, e));
}

/* ---- notices ------------------------------------------------------------- */

/* add: all of them; else what an answer changes. */
static int
notices(struct lite_tx *t, const char *sql, bool add,
	const struct store_notice *v, size_t n, struct err *e)
{
	struct lite_q q;
	int rc = 0;

	if (n == 0)
		return 0;
	if (lite_query(t, &q, sql, "store.notice", e) < 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		lite_int(&q, v[i].device);
		lite_int(&q, v[i].no);
		lite_int(&q, v[i].collection);
		lite_int(&q, v[i].session);
		lite_int(&q, v[i].started_ms);
		lite_int(&q, (int64_t)v[i].answer);
		if (add) {
			lite_text(&q, v[i].delivery);
			lite_int(&q, v[i].event_ms);
			lite_int(&q, v[i].queued_ms);
		}
		rc = lite_run(&q, e);
	}
	lite_end(&q);
	return rc;
}

static int
lite_notice_add(struct store_tx *tx, const struct store_notice *v, size_t n,
		struct err *e)
{
	static const char sql[] =
	    "INSERT OR IGNORE INTO notice (account_id, device_id, notice_no,"
	    " collection_id, session_id, started_ms, answer, delivery_id,"
	    " event_ms, queued_ms)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, "store.notice_add", e);

	if (t == NULL)
		return -1;
	return lite_leave(t, notices(t, sql, true, v, n, e));
}

static int
lite_notice_set(struct store_tx *tx, const struct store_notice *v, size_t n,
		struct err *e)
{
	static const char sql[] =
	    "UPDATE notice SET session_id = ?5, started_ms = ?6, answer = ?7"
	    " WHERE account_id = ?1 AND device_id = ?2 AND notice_no = ?3"
	    " AND collection_id = ?4";
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, "store.notice_set", e);

	if (t == NULL)
		return -1;
	return lite_leave(t, notices(t, sql, false, v, n, e));
}

static int
notice_list(struct lite_tx *t, int64_t device, size_t limit,
	    struct lite_list *l, struct err *e)
{
#define COLS                                                                   \
	"SELECT device_id, notice_no, collection_id, delivery_id, event_ms,"   \
	" queued_ms, session_id, started_ms, answer FROM notice"               \
	" WHERE account_id = ?1"
	static const char all[] =
	    COLS " AND ?2 = 0 ORDER BY queued_ms DESC, device_id,"
		 " notice_no DESC, collection_id LIMIT ?3";
	static const char one_device[] =
	    COLS " AND device_id = ?2 ORDER BY notice_no DESC,"
		 " collection_id LIMIT ?3";
#undef COLS
	struct store_notice *one;
	struct lite_q q;
	int rc;

	if (lite_query(t, &q, device == 0 ? all : one_device,
		       "store.notice_list", e) < 0)
		return -1;
	lite_int(&q, device);
	lite_int(&q, (int64_t)limit);
	while ((one = lite_row(&q, l, &rc, e)) != NULL)
		*one = (struct store_notice){
			.device = lite_col(&q, 0),
			.no = lite_col(&q, 1),
			.collection = lite_col(&q, 2),
			.delivery = lite_col_bytes(&q, l->a, 3),
			.event_ms = lite_col(&q, 4),
			.queued_ms = lite_col(&q, 5),
			.session = lite_col(&q, 6),
			.started_ms = lite_col(&q, 7),
			.answer = (enum store_notice_answer)lite_col(&q, 8),
		};
	lite_end(&q);
	return rc;
}

static int
lite_notice_list(struct store_tx *tx, struct arena *a, int64_t device,
		 size_t limit, struct store_notice **out, size_t *n,
		 struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.notice_list", e);
	struct lite_list l = { .a = a, .size = sizeof(**out) };

	if (t == NULL ||
	    lite_leave(t, notice_list(t, device, limit, &l, e)) < 0)
		return -1;
	*out = (struct store_notice *)(void *)l.p;
	*n = l.n;
	return 0;
}

const struct store_push_vtbl lite_push_vtbl = {
	.push_due = lite_push_due,
	.push_due_put = lite_push_due_put,
	.push_due_by = lite_push_due_by,
	.push_list = lite_push_list,
	.push_put = lite_push_put,
	.notice_add = lite_notice_add,
	.notice_set = lite_notice_set,
	.notice_list = lite_notice_list,
};
