/*
 * Notices: accounts to look at, how their devices are told, what was told.
 */
#include "backends/postgres/pg.h"

/* ---- accounts to look at ------------------------------------------------- */

static void
due_by(struct pg_tx *t, struct pg_q *q, int64_t due_ms)
{
	static const char sql[] =
	    "INSERT INTO push_due AS x (account_id, bucket, due_ms)"
	    " VALUES ($1, $2, $3) ON CONFLICT (account_id)"
	    " DO UPDATE SET due_ms = excluded.due_ms"
	    " WHERE x.due_ms > excluded.due_ms";

	pg_query(t, q, sql, "store.commit");
	pg_int(q, store_bucket(t->tx.account));
	pg_int(q, due_ms);
	store_wake(&t->tx, STORE_WAKE_PUSH, due_ms);
}

void
pg_push_changed(struct pg_tx *t, struct pg_q *q)
{
	due_by(t, q, t->tx.now_ms);
	pg_send(q);
}

static int
pg_push_due_by(struct store_tx *tx, int64_t due_ms, struct err *e)
{
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.push_due_by", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	due_by(t, &q, due_ms);
	return pg_leave(t, pg_once(&q, e));
}

static int
due_rows(struct pg_q *q, struct arena *a, struct store_push_due **out,
	 size_t *n, struct err *e)
{
	struct store_push_due *one;

	if (pg_run(q, e) < 0)
		return -1;
	*n = pg_rows(q);
	*out = one = pg_room(q, a, sizeof(*one));
	while (one != NULL && pg_next(q))
		*one++ = (struct store_push_due){ pg_col(q, 0), pg_col(q, 1) };
	return pg_end(q, e);
}

static int
pg_push_due(struct store *s, struct arena *a,
	    const bool mine[static STORE_BUCKETS], size_t limit,
	    struct store_push_due **out, size_t *n, struct err *e)
{
	static const char sql[] =
	    "SELECT d.* FROM unnest($1::bigint[]) AS u(bucket)"
	    " CROSS JOIN LATERAL (SELECT account_id, due_ms"
	    "  FROM push_due v WHERE v.bucket = u.bucket"
	    "  ORDER BY v.due_ms LIMIT $2) d";
	struct pg_conn *c;
	struct pg_q q;
	int rc;

	*n = 0;
	if (pg_site_begin(s, &c, e) < 0)
		return -1;
	pg_start(c, &q, sql, "store.push_due");
	pg_due_of(&q, mine, limit);
	rc = due_rows(&q, a, out, n, e);
	pg_site_end(s, c);
	return rc;
}

static int
pg_push_due_put(struct store_tx *tx, int64_t due_ms, struct err *e)
{
	static const char put[] =
	    "INSERT INTO push_due (account_id, bucket, due_ms)"
	    " VALUES ($1, $2, $3) ON CONFLICT (account_id)"
	    " DO UPDATE SET due_ms = excluded.due_ms";
	static const char drop[] = "DELETE FROM push_due WHERE account_id = $1";
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.push_due_put", e);
	bool goes = due_ms == INT64_MAX;
	struct pg_q q;

	if (t == NULL)
		return -1;
	pg_query(t, &q, goes ? drop : put, "store.push_due_put");
	if (!goes) {
		pg_int(&q, store_bucket(tx->account));
		pg_int(&q, due_ms);
	}
	return pg_leave(t, pg_once(&q, e));
}

/* ---- devices ------------------------------------------------------------- */

static int
push_list(struct pg_tx *t, struct arena *a, struct store_push **out, size_t *n,
	  struct err *e)
{
	static const char sql[] =
	    "SELECT device_id, channel, address, ways, secret, last_no,"
	    " last_ms, tries, day_ms, day_n FROM push_device WHERE account_id "
	    "= $1"
	    " ORDER BY device_id";
	struct store_push *one;
	struct pg_q q;

	pg_query(t, &q, sql, "store.push_list");
	if (pg_run(&q, e) < 0)
		return -1;
	*n = pg_rows(&q);
	*out = one = pg_room(&q, a, sizeof(*one));
	while (one != NULL && pg_next(&q))
		*one++ = (struct store_push){
			.device = pg_col(&q, 0),
			.channel = pg_col_bytes(&q, a, 1),
			.address = pg_col_bytes(&q, a, 2),
			.ways = pg_col_bytes(&q, a, 3),
			.secret = pg_col_bytes(&q, a, 4),
			.last_no = pg_col(&q, 5),
			.last_ms = pg_col(&q, 6),
			.tries = pg_col(&q, 7),
			.day_ms = pg_col(&q, 8),
			.day_n = pg_col(&q, 9),
		};
	return pg_end(&q, e);
}

static int
pg_push_list(struct store_tx *tx, struct arena *a, struct store_push **out,
	     size_t *n, struct err *e)
{
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.push_list", e);

	return t == NULL ? -1 : pg_leave(t, push_list(t, a, out, n, e));
}

static int
push_put(struct pg_tx *t, const struct store_push *in, struct err *e)
{
	/* Its day is counted by pg_delivery_mark(), without the account's
	   lock. */
	static const char put[] =
	    "INSERT INTO push_device (account_id, device_id, channel, address,"
	    " ways, secret, last_no, last_ms, tries, day_ms, day_n)"
	    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
	    " ON CONFLICT (account_id, device_id) DO UPDATE SET"
	    " channel = excluded.channel, address = excluded.address,"
	    " ways = excluded.ways, secret = excluded.secret,"
	    " last_no = excluded.last_no, last_ms = excluded.last_ms,"
	    " tries = excluded.tries";
	static const char drop[] =
	    "DELETE FROM push_device WHERE account_id = $1 AND device_id = $2";
	static const char flag[] =
	    "UPDATE account SET push = (SELECT count(*) FROM (SELECT 1"
	    "  FROM push_device WHERE account_id = $1 LIMIT 1) p)"
	    " WHERE account_id = $1";
	bool goes = in->channel.n == 0;
	struct pg_q first;
	struct pg_q q;

	pg_query(t, &first, goes ? drop : put, "store.push_put");
	pg_int(&first, in->device);
	if (!goes) {
		pg_text(&first, in->channel);
		pg_text(&first, in->address);
		pg_text(&first, in->ways);
		pg_bytes(&first, in->secret);
		pg_int(&first, in->last_no);
		pg_int(&first, in->last_ms);
		pg_int(&first, in->tries);
		pg_int(&first, in->day_ms);
		pg_int(&first, in->day_n);
	}
	pg_send(&first);
	pg_query(t, &q, flag, "store.push_put");
	if (pg_run(&q, e) < 0)
		return -1;
	(void)pg_end(&first, NULL);
	return pg_end(&q, e);
}

static int
pg_push_put(struct store_tx *tx, const struct store_push *in, struct err *e)
{
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.push_put", e);

	return t == NULL ? -1 : pg_leave(t, push_put(t, in, e));
}

/* ---- notices ------------------------------------------------------------- */

enum number {
	DEVICE,
	NO,
	COLLECTION,
	SESSION,
	STARTED,
	ANSWER,
	NUMBER_SET, /* those below never change */
	EVENT = NUMBER_SET,
	QUEUED,
	NUMBER_N,
};

static int64_t
number(const struct store_notice *v, enum number c)
{
	switch (c) {
	case DEVICE:
		return v->device;
	case NO:
		return v->no;
	case COLLECTION:
		return v->collection;
	case SESSION:
		return v->session;
	case STARTED:
		return v->started_ms;
	case ANSWER:
		return (int64_t)v->answer;
	case EVENT:
		return v->event_ms;
	case QUEUED:
	case NUMBER_N:
		break;
	}
	return v->queued_ms;
}

static void
bind_numbers(struct pg_q *q, const struct store_notice *v, size_t n,
	     enum number upto)
{
	for (enum number c = DEVICE; c < upto; c++) {
		pg_array(q, PG_INTS);
		for (size_t i = 0; i < n; i++)
			pg_add_int(q, number(&v[i], c));
		pg_array_end(q);
	}
}

static int
pg_notice_add(struct store_tx *tx, const struct store_notice *v, size_t n,
	      struct err *e)
{
	static const char sql[] =
	    "INSERT INTO notice (account_id, device_id, notice_no,"
	    " collection_id, session_id, started_ms, answer, event_ms,"
	    " queued_ms, delivery_id)"
	    " SELECT $1, u.* FROM unnest($2::bigint[], $3::bigint[],"
	    " $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],"
	    " $8::bigint[], $9::bigint[], $10::text[]) AS u"
	    " ON CONFLICT (account_id, device_id, notice_no, collection_id)"
	    " DO NOTHING";
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.notice_add", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	if (n == 0)
		return 0;
	pg_query(t, &q, sql, "store.notice_add");
	bind_numbers(&q, v, n, NUMBER_N);
	pg_array(&q, PG_TEXTS);
	for (size_t i = 0; i < n; i++)
		pg_add_text(&q, v[i].delivery);
	pg_array_end(&q);
	return pg_leave(t, pg_once(&q, e));
}

static int
pg_notice_set(struct store_tx *tx, const struct store_notice *v, size_t n,
	      struct err *e)
{
	static const char sql[] =
	    "UPDATE notice d SET session_id = u.session_id,"
	    " started_ms = u.started_ms, answer = u.answer"
	    " FROM unnest($2::bigint[], $3::bigint[], $4::bigint[],"
	    " $5::bigint[], $6::bigint[], $7::bigint[])"
	    " WITH ORDINALITY AS u(device_id, notice_no, collection_id,"
	    " session_id, started_ms, answer, at) WHERE d.account_id = $1"
	    " AND d.device_id = u.device_id AND d.notice_no = u.notice_no"
	    " AND d.collection_id = u.collection_id AND" PG_FEW;
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.notice_set", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	if (n == 0)
		return 0;
	pg_query(t, &q, sql, "store.notice_set");
	bind_numbers(&q, v, n, NUMBER_SET);
	return pg_leave(t, pg_once(&q, e));
}

static int
notice_rows(struct pg_q *q, struct arena *a, struct store_notice **out,
	    size_t *n, struct err *e)
{
	struct store_notice *one;

	if (pg_run(q, e) < 0)
		return -1;
	*n = pg_rows(q);
	*out = one = pg_room(q, a, sizeof(*one));
	while (one != NULL && pg_next(q))
		*one++ = (struct store_notice){
			.device = pg_col(q, 0),
			.no = pg_col(q, 1),
			.collection = pg_col(q, 2),
			.delivery = pg_col_bytes(q, a, 3),
			.event_ms = pg_col(q, 4),
			.queued_ms = pg_col(q, 5),
			.session = pg_col(q, 6),
			.started_ms = pg_col(q, 7),
			.answer = (enum store_notice_answer)pg_col(q, 8),
		};
	return pg_end(q, e);
}

static int
pg_notice_list(struct store_tx *tx, struct arena *a, int64_t device,
	       size_t limit, struct store_notice **out, size_t *n,
	       struct err *e)
{
#define COLS                                                                   \
	"SELECT device_id, notice_no, collection_id, delivery_id, event_ms,"   \
	" queued_ms, session_id, started_ms, answer FROM notice"               \
	" WHERE account_id = $1"
	static const char all[] =
	    COLS " AND $2::bigint = 0 ORDER BY queued_ms DESC, device_id,"
		 " notice_no DESC, collection_id LIMIT $3";
	static const char one_device[] =
	    COLS " AND device_id = $2 ORDER BY notice_no DESC,"
		 " collection_id LIMIT $3";
#undef COLS
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.notice_list", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	pg_query(t, &q, device == 0 ? all : one_device, "store.notice_list");
	pg_int(&q, device);
	pg_int(&q, (int64_t)limit);
	return pg_leave(t, notice_rows(&q, a, out, n, e));
}

const struct store_push_vtbl pg_push_vtbl = {
	.push_due = pg_push_due,
	.push_due_put = pg_push_due_put,
	.push_due_by = pg_push_due_by,
	.push_list = pg_push_list,
	.push_put = pg_push_put,
	.notice_add = pg_notice_add,
	.notice_set = pg_notice_set,
	.notice_list = pg_notice_list,
};
