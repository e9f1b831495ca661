/*
 * What is due next, and what a person set for it: rows beside the items, the
 * leases on buckets, settings and addresses.
 */
#include "backends/postgres/pg.h"

/* The database's clock, now and not when the transaction began. */
#define NOW "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)"

/* ---- what is due next --------------------------------------------------- */

static int
next_rows(struct pg_q *q, struct arena *a, struct store_alarm_next **out,
	  size_t *n, struct err *e)
{
	struct store_alarm_next *one;

	if (pg_run(q, e) < 0)
		return -1;
	*n = pg_rows(q);
	*out = one = pg_room(q, a, sizeof(*one));
	while (one != NULL && pg_next(q))
		*one++ = (struct store_alarm_next){ pg_col(q, 0), pg_col(q, 1),
						    pg_col(q, 2) };
	return pg_end(q, e);
}

void
pg_due_of(struct pg_q *q, const bool mine[static STORE_BUCKETS], size_t limit)
{
	pg_array(q, PG_INTS);
	for (int b = 0; b < STORE_BUCKETS; b++) {
		if (mine[b])
			pg_add_int(q, b);
	}
	pg_array_end(q);
	pg_int(q, (int64_t)limit);
}

static int
pg_due(struct store *s, struct arena *a, const bool mine[static STORE_BUCKETS],
       size_t limit, struct store_alarm_next **out, size_t *n, struct err *e)
{
	static const char sql[] =
	    "SELECT d.* FROM unnest($1::bigint[]) AS u(bucket)"
	    " CROSS JOIN LATERAL (SELECT account_id, item_id, due_ms"
	    "  FROM alarm_next v WHERE v.bucket = u.bucket"
	    "  ORDER BY v.due_ms LIMIT $2) d";
	struct pg_conn *c;
	struct pg_q q;
	int rc;

	*n = 0;
	if (pg_site_begin(s, &c, e) < 0)
		return -1;
	pg_start(c, &q, sql, "store.due");
	pg_due_of(&q, mine, limit);
	rc = next_rows(&q, a, out, n, e);
	pg_site_end(s, c);
	return rc;
}

static int
pg_next_list(struct store_tx *tx, struct arena *a, int64_t upto_ms,
	     size_t limit, struct store_alarm_next **out, size_t *n,
	     struct err *e)
{
	static const char sql[] =
	    "SELECT account_id, item_id, due_ms FROM alarm_next"
	    " WHERE account_id = $1 AND due_ms <= $2"
	    " ORDER BY due_ms, item_id LIMIT $3";
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.next_list", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	pg_query(t, &q, sql, "store.next_list");
	pg_int(&q, upto_ms);
	pg_int(&q, (int64_t)limit);
	return pg_leave(t, next_rows(&q, a, out, n, e));
}

static void
next_ids(struct pg_q *q, const struct store_alarm_next *v, size_t n, bool goes)
{
	pg_array(q, PG_INTS);
	for (size_t i = 0; i < n; i++) {
		if ((v[i].due_ms == INT64_MAX) == goes)
			pg_add_int(q, v[i].item);
	}
	pg_array_end(q);
}

void
pg_next_send(struct pg_tx *t, struct pg_q q[static 2],
	     const struct store_alarm_next *v, size_t n, bool overdue)
{
	static const char put[] =
	    "INSERT INTO alarm_next AS x (account_id, item_id, bucket, due_ms)"
	    " SELECT $1, u.item_id, $3, u.due_ms"
	    " FROM unnest($4::bigint[], $5::bigint[]) AS u(item_id, due_ms)"
	    " ON CONFLICT (account_id, item_id)"
	    " DO UPDATE SET due_ms = excluded.due_ms WHERE x.due_ms > $2";
	static const char drop[] =
	    "WITH dead AS MATERIALIZED (SELECT x.place"
	    " FROM unnest($3::bigint[]) WITH ORDINALITY AS u(item_id, at)"
	    " CROSS JOIN LATERAL (SELECT v.ctid AS place, v.due_ms"
	    "  FROM alarm_next v WHERE v.account_id = $1"
	    "  AND v.item_id = u.item_id OFFSET 0) x"
	    " WHERE x.due_ms > $2 AND" PG_FEW ")"
	    " DELETE FROM alarm_next d USING dead WHERE " PG_PLACE("dead");
	int64_t after = overdue ? INT64_MIN : t->tx.now_ms;
	size_t gone = 0;

	for (size_t i = 0; i < n; i++)
		gone += v[i].due_ms == INT64_MAX;
	if (gone > 0) {
		pg_query(t, &q[0], drop, "store.next_put");
		pg_int(&q[0], after);
		next_ids(&q[0], v, n, true);
		pg_send(&q[0]);
	}
	if (gone == n)
		return;
	pg_query(t, &q[1], put, "store.next_put");
	pg_int(&q[1], after);
	pg_int(&q[1], store_bucket(t->tx.account));
	next_ids(&q[1], v, n, false);
	pg_array(&q[1], PG_INTS);
	for (size_t i = 0; i < n; i++) {
		if (v[i].due_ms == INT64_MAX)
			continue;
		pg_add_int(&q[1], v[i].due_ms);
		store_wake(&t->tx, STORE_WAKE_ALARM, v[i].due_ms);
	}
	pg_array_end(&q[1]);
	pg_send(&q[1]);
}

static int
pg_next_put(struct store_tx *tx, const struct store_alarm_next *v, size_t n,
	    bool overdue, struct err *e)
{
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.next_put", e);
	struct pg_q q[2] = { 0 };

	if (t == NULL)
		return -1;
	if (n == 0)
		return 0;
	pg_next_send(t, q, v, n, overdue);
	if (pg_sync(t->c, e) < 0)
		return pg_leave(t, -1);
	(void)pg_end(&q[0], NULL);
	(void)pg_end(&q[1], NULL);
	return 0;
}

static int
pg_next_clear(struct store_tx *tx, struct err *e)
{
	static const char sql[] =
	    "DELETE FROM alarm_next WHERE account_id = $1";
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.next_clear", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	pg_query(t, &q, sql, "store.next_clear");
	return pg_leave(t, pg_once(&q, e));
}

/* ---- leases on buckets -------------------------------------------------- */

#define NODES                                                                  \
	"(SELECT (15 + count(*)) / greatest(count(*), 1) FROM lease"           \
	" WHERE name LIKE $3 || '-node/%' AND until_ms > " NOW ")"
#define NAME "$3 || '/' || lpad(b.n::text, 2, '0')"

/* $1 owner, $2 ms, $3 what for. A row of its own says that a node is there: how
   many there are decides how many buckets are one's share. */
static const char *const SQL_BUCKETS[] = {
	("INSERT INTO lease (name, owner, until_ms)"
	 " VALUES ($3::text || '-node/' || $1::text, $1, " NOW " + $2::bigint)"
	 " ON CONFLICT (name) DO UPDATE SET until_ms = excluded.until_ms"),
	("UPDATE lease SET until_ms = 0 WHERE owner = $1"
	 " AND name LIKE $3::text || '/%' AND ($2::bigint = 0 OR name NOT IN"
	 " (SELECT name FROM lease WHERE owner = $1 AND name LIKE $3 || '/%'"
	 "  AND until_ms > " NOW " ORDER BY name LIMIT " NODES "))"),
	("INSERT INTO lease AS o (name, owner, until_ms)"
	 " SELECT " NAME ", $1, " NOW " + $2::bigint"
	 " FROM generate_series(0, 15) AS b(n) LEFT JOIN lease l"
	 " ON l.name = $3::text || '/' || lpad(b.n::text, 2, '0')"
	 " WHERE $2 > 0 AND (l.name IS NULL"
	 "  OR l.until_ms <= " NOW " OR l.owner = $1)"
	 " ORDER BY coalesce(l.owner = $1 AND l.until_ms > " NOW
	 ", false) DESC, b.n LIMIT " NODES
	 " ON CONFLICT (name) DO UPDATE SET owner = excluded.owner,"
	 " until_ms = excluded.until_ms WHERE o.owner = excluded.owner"
	 " OR o.until_ms <= " NOW
	 " RETURNING substr(name, length($3) + 2)::bigint"),
};
_Static_assert(STORE_BUCKETS == 16, "the statements above count to 16");

int
pg_buckets_of(struct store *s, struct slice what, struct slice owner,
	      int64_t ms, bool mine[static STORE_BUCKETS], struct err *e)
{
	enum { N = sizeof(SQL_BUCKETS) / sizeof(SQL_BUCKETS[0]) };
	struct pg_q q[N];
	struct pg_conn *c;
	int rc;

	memset(mine, 0, sizeof(bool) * STORE_BUCKETS);
	if (pg_site_begin(s, &c, e) < 0)
		return -1;
	for (size_t i = 0; i < N; i++) {
		pg_start(c, &q[i], SQL_BUCKETS[i], "store.buckets");
		pg_text(&q[i], owner);
		pg_int(&q[i], ms);
		pg_text(&q[i], what);
		pg_send(&q[i]);
	}
	rc = pg_sync(c, e);
	while (rc == 0 && pg_next(&q[N - 1])) {
		int64_t b = pg_col(&q[N - 1], 0);

		if (b >= 0 && b < STORE_BUCKETS)
			mine[b] = true;
	}
	for (size_t i = 0; rc == 0 && i < N; i++)
		(void)pg_end(&q[i], NULL);
	pg_site_end(s, c);
	return rc;
}

static int
pg_buckets(struct store *s, struct slice owner, int64_t ms,
	   bool mine[static STORE_BUCKETS], struct err *e)
{
	return pg_buckets_of(s, SLICE_LIT("alarm"), owner, ms, mine, e);
}

/* ---- settings and addresses ---------------------------------------------- */

static int
pg_seen(struct store_tx *tx, struct slice key, bool *fresh, struct err *e)
{
	static const char sql[] =
	    "INSERT INTO reminder_seen (account_id, seen_key, at_ms)"
	    " VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.seen", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	pg_query(t, &q, sql, "store.seen");
	pg_text(&q, key);
	pg_int(&q, tx->now_ms);
	if (pg_run(&q, e) < 0)
		return pg_leave(t, -1);
	*fresh = pg_changed(&q) > 0;
	return pg_leave(t, pg_end(&q, e));
}

static int
pg_setting_list(struct store_tx *tx, struct arena *a,
		struct store_setting **out, size_t *n, struct err *e)
{
	static const char sql[] = "SELECT key, value FROM setting"
				  " WHERE account_id = $1 ORDER BY key"
				  " COLLATE \"C\"";
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.setting_list", e);
	struct store_setting *one;
	struct pg_q q;

	if (t == NULL)
		return -1;
	pg_query(t, &q, sql, "store.setting_list");
	if (pg_run(&q, e) < 0)
		return pg_leave(t, -1);
	*n = pg_rows(&q);
	*out = one = pg_room(&q, a, sizeof(*one));
	for (; one != NULL && pg_next(&q); one++) {
		one->key = pg_col_bytes(&q, a, 0);
		one->value = pg_col_bytes(&q, a, 1);
	}
	return pg_leave(t, pg_end(&q, e));
}

static int
pg_setting_put(struct store_tx *tx, struct slice key, struct slice value,
	       struct err *e)
{
	static const char put[] =
	    "INSERT INTO setting (account_id, key, value) VALUES ($1, $2, $3)"
	    " ON CONFLICT (account_id, key)"
	    " DO UPDATE SET value = excluded.value";
	static const char drop[] =
	    "DELETE FROM setting WHERE account_id = $1 AND key = $2";
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.setting_put", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	pg_query(t, &q, value.n > 0 ? put : drop, "store.setting_put");
	pg_text(&q, key);
	if (value.n > 0)
		pg_text(&q, value);
	return pg_leave(t, pg_once(&q, e));
}

static int
pg_address_find(struct store *s, struct slice channel,
		const struct slice *address, size_t n, int64_t *account,
		struct err *e)
{
	static const char sql[] =
	    "SELECT u.at, d.account_id FROM unnest($2::text[]) WITH ORDINALITY"
	    " AS u(address, at) JOIN address_directory d ON d.channel = $1"
	    " AND d.address = u.address WHERE" PG_FEW;
	struct pg_conn *c;
	struct pg_q q;
	int rc;

	if (n == 0)
		return 0;
	memset(account, 0, n * sizeof(*account));
	if (pg_site_begin(s, &c, e) < 0)
		return -1;
	pg_start(c, &q, sql, "store.address_find");
	pg_text(&q, channel);
	pg_array(&q, PG_TEXTS);
	for (size_t i = 0; i < n; i++)
		pg_add_text(&q, address[i]);
	pg_array_end(&q);
	rc = pg_run(&q, e);
	while (rc == 0 && pg_next(&q)) {
		int64_t at = pg_col(&q, 0);

		if (at >= 1 && at <= (int64_t)n)
			account[at - 1] = pg_col(&q, 1);
	}
	if (rc == 0)
		rc = pg_end(&q, e);
	pg_site_end(s, c);
	return rc;
}

static int
address_put(struct pg_tx *t, struct slice channel, const struct slice *address,
	    size_t n, struct err *e)
{
	static const char drop[] = "DELETE FROM address_directory"
				   " WHERE account_id = $1 AND channel = $2";
	static const char put[] =
	    "INSERT INTO address_directory AS d (account_id, channel, address)"
	    " SELECT DISTINCT $1::bigint, $2, u.address"
	    " FROM unnest($3::text[]) AS u(address)"
	    " ON CONFLICT (channel, address)"
	    " DO UPDATE SET account_id = excluded.account_id"
	    " WHERE d.account_id = excluded.account_id RETURNING address";
	struct pg_q q[2];
	size_t got;

	pg_query(t, &q[0], drop, "store.address_put");
	pg_text(&q[0], channel);
	pg_send(&q[0]);
	pg_query(t, &q[1], put, "store.address_put");
	pg_text(&q[1], channel);
	pg_array(&q[1], PG_TEXTS);
	for (size_t i = 0; i < n; i++)
		pg_add_text(&q[1], address[i]);
	pg_array_end(&q[1]);
	if (pg_run(&q[1], e) < 0)
		return -1;
	got = pg_rows(&q[1]);
	(void)pg_end(&q[0], NULL);
	if (pg_end(&q[1], e) < 0)
		return -1;
	return got == n ? 0
			: err_set(e, ERR_CONFLICT, "store.address_put",
				  "one of these is another user's address");
}

static int
pg_address_put(struct store_tx *tx, struct slice channel,
	       const struct slice *address, size_t n, struct err *e)
{
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.address_put", e);

	return t == NULL ? -1
			 : pg_leave(t, address_put(t, channel, address, n, e));
}

const struct store_alarm_vtbl pg_alarm_vtbl = {
	.due = pg_due,
	.outbox = pg_outbox,
	.buckets = pg_buckets,
	.delivery_mark = pg_delivery_mark,
	.address_find = pg_address_find,
	.next_list = pg_next_list,
	.next_put = pg_next_put,
	.next_clear = pg_next_clear,
	.delivery_add = pg_delivery_add,
	.delivery_set = pg_delivery_set,
	.delivery_get = pg_delivery_get,
	.delivery_list = pg_delivery_list,
	.seen = pg_seen,
	.setting_list = pg_setting_list,
	.setting_put = pg_setting_put,
	.address_put = pg_address_put,
};
