/*
 * What is due next, and what a person set for it: rows beside the items, the
 * leases on buckets, settings and addresses.
 */
#include "backends/sqlite/lite.h"

/* SQLite's clock, which every process of this file shares. */
#define NOW "CAST((julianday('now') - 2440587.5) * 86400000.0 + 0.5 AS INTEGER)"

/* ---- what is due next --------------------------------------------------- */

static int
next_rows(struct lite_q *q, struct lite_list *l, struct err *e)
{
	struct store_alarm_next *one;
	int rc;

	while ((one = lite_row(q, l, &rc, e)) != NULL) {
		*one =
		    (struct store_alarm_next){ lite_col(q, 0), lite_col(q, 1),
					       lite_col(q, 2) };
	}
	return rc;
}

int
lite_due_rows(struct store *s, const char *sql, const char *where,
	      const bool mine[static STORE_BUCKETS], size_t limit,
	      int (*rows)(struct lite_q *q, struct lite_list *l, struct err *e),
	      struct lite_list *l, struct err *e)
{
	struct lite_conn *c;
	struct lite_q q;
	int rc;

	if (lite_take(lite_of(s), &c, e) < 0)
		return -1;
	rc = lite_prepare(c, &q, sql, where, e);
	if (rc == 0) {
		for (int b = 0; rc == 0 && b < STORE_BUCKETS; b++) {
			if (!mine[b])
				continue;
			lite_int(&q, b);
			lite_int(&q, (int64_t)limit);
			rc = rows(&q, l, e);
			lite_rewind(&q);
		}
		lite_end(&q);
	}
	lite_give(lite_of(s), c);
	return rc;
}

static int
lite_due(struct store *s, struct arena *a,
	 const bool mine[static STORE_BUCKETS], size_t limit,
	 struct store_alarm_next **out, size_t *n, struct err *e)
{
	static const char sql[] =
	    "SELECT account_id, item_id, due_ms FROM alarm_next"
	    " WHERE bucket = ?1 ORDER BY due_ms LIMIT ?2";
	struct lite_list l = { .a = a, .size = sizeof(**out) };
	int rc =
	    lite_due_rows(s, sql, "store.due", mine, limit, next_rows, &l, e);

	*out = (struct store_alarm_next *)(void *)l.p;
	*n = l.n;
	return rc;
}

static int
lite_next_list(struct store_tx *tx, struct arena *a, int64_t upto_ms,
	       size_t limit, struct store_alarm_next **out, size_t *n,
	       struct err *e)
{
	static const char sql[] =
	    "SELECT account_id, item_id, due_ms FROM alarm_next"
	    " WHERE account_id = ?1 AND due_ms <= ?2"
	    " ORDER BY due_ms, item_id LIMIT ?3";
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.next_list", e);
	struct lite_list l = { .a = a, .size = sizeof(**out) };
	struct lite_q q;
	int rc;

	if (t == NULL)
		return -1;
	rc = lite_query(t, &q, sql, "store.next_list", e);
	if (rc == 0) {
		lite_int(&q, upto_ms);
		lite_int(&q, (int64_t)limit);
		rc = next_rows(&q, &l, e);
		lite_end(&q);
	}
	*out = (struct store_alarm_next *)(void *)l.p;
	*n = l.n;
	return lite_leave(t, rc);
}

static int
next_one(struct lite_tx *t, const struct store_alarm_next *v, bool overdue,
	 struct err *e)
{
	static const char put[] =
	    "INSERT INTO alarm_next (account_id, item_id, bucket, due_ms)"
	    " VALUES (?1, ?3, ?4, ?5) ON CONFLICT (account_id, item_id)"
	    " DO UPDATE SET due_ms = ?5 WHERE due_ms > ?2";
	static const char drop[] =
	    "DELETE FROM alarm_next WHERE account_id = ?1 AND due_ms > ?2"
	    " AND item_id = ?3";
	bool goes = v->due_ms == INT64_MAX;
	struct lite_q q;

	if (!goes)
		store_wake(&t->tx, STORE_WAKE_ALARM, v->due_ms);
	if (lite_query(t, &q, goes ? drop : put, "store.next_put", e) < 0)
		return -1;
	lite_int(&q, overdue ? INT64_MIN : t->tx.now_ms);
	lite_int(&q, v->item);
	if (!goes) {
		lite_int(&q, store_bucket(t->tx.account));
		lite_int(&q, v->due_ms);
	}
	return lite_once(&q, e);
}

int
lite_next_put(struct lite_tx *t, const struct store_alarm_next *v, size_t n,
	      bool overdue, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = next_one(t, &v[i], overdue, e);
	return rc;
}

static int
next_put(struct store_tx *tx, const struct store_alarm_next *v, size_t n,
	 bool overdue, struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, "store.next_put", e);

	return t == NULL ? -1
			 : lite_leave(t, lite_next_put(t, v, n, overdue, e));
}

static int
lite_next_clear(struct store_tx *tx, struct err *e)
{
	static const char sql[] =
	    "DELETE FROM alarm_next WHERE account_id = ?1";
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, "store.next_clear", e);
	struct lite_q q;

	if (t == NULL)
		return -1;
	if (lite_query(t, &q, sql, "store.next_clear", e) < 0)
		return lite_leave(t, -1);
	return lite_leave(t, lite_once(&q, e));
}

/* ---- leases on buckets -------------------------------------------------- */

/* ?1 owner, ?2 ms, ?3 what for. A row of its own says that a node is there: how
   many there are decides how many buckets are one's share. */
#define SHARE                                                                  \
	" (SELECT (15 + count(*)) / max(count(*), 1) FROM lease"               \
	" WHERE name GLOB ?3 || '-node/*' AND until_ms > " NOW ")"
static const char *const SQL_BUCKETS[] = {
	("INSERT INTO lease (name, owner, until_ms)"
	 " VALUES (?3 || '-node/' || ?1, ?1, " NOW " + ?2)"
	 " ON CONFLICT (name) DO UPDATE SET until_ms = excluded.until_ms"),
	("UPDATE lease SET until_ms = 0 WHERE owner = ?1"
	 " AND name GLOB ?3 || '/*' AND (?2 = 0 OR name NOT IN"
	 " (SELECT name FROM lease WHERE owner = ?1 AND name GLOB ?3 || '/*'"
	 "  AND until_ms > " NOW " ORDER BY name LIMIT" SHARE "))"),
	("WITH RECURSIVE b(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM b"
	 " WHERE n < 15)"
	 " INSERT INTO lease (name, owner, until_ms)"
	 " SELECT printf('%s/%02d', ?3, b.n), ?1, " NOW " + ?2 FROM b"
	 " LEFT JOIN lease l ON l.name = printf('%s/%02d', ?3, b.n)"
	 " WHERE ?2 > 0 AND (l.name IS NULL OR l.until_ms <= " NOW
	 "  OR l.owner = ?1)"
	 " ORDER BY l.owner = ?1 AND l.until_ms > " NOW " DESC, b.n LIMIT" SHARE
	 " ON CONFLICT (name) DO UPDATE SET owner = excluded.owner,"
	 " until_ms = excluded.until_ms"),
};
_Static_assert(STORE_BUCKETS == 16, "the statements above count to 16");

static int
buckets_mine(struct lite_conn *c, struct slice owner, struct slice what,
	     bool mine[static STORE_BUCKETS], struct err *e)
{
	static const char sql[] =
	    "SELECT CAST(substr(name, length(?2) + 2) AS INTEGER) FROM lease"
	    " WHERE owner = ?1 AND name GLOB ?2 || '/*' AND until_ms > " NOW;
	struct lite_q q;
	int rc;

	if (lite_prepare(c, &q, sql, "store.buckets", e) < 0)
		return -1;
	lite_text(&q, owner);
	lite_text(&q, what);
	while ((rc = lite_step(&q, e)) == 1) {
		int64_t b = lite_col(&q, 0);

		if (b >= 0 && b < STORE_BUCKETS)
			mine[b] = true;
	}
	lite_end(&q);
	return rc;
}

int
lite_buckets_of(struct store *s, struct slice what, struct slice owner,
		int64_t ms, bool mine[static STORE_BUCKETS], struct err *e)
{
	struct lite_conn *c;
	struct lite_q q;
	int rc = 0;

	memset(mine, 0, sizeof(bool) * STORE_BUCKETS);
	if (lite_site_begin(lite_of(s), &c, e) < 0)
		return -1;
	for (size_t i = 0;
	     rc == 0 && i < sizeof(SQL_BUCKETS) / sizeof(SQL_BUCKETS[0]); i++) {
		rc = lite_prepare(c, &q, SQL_BUCKETS[i], "store.buckets", e);
		if (rc < 0)
			break;
		lite_text(&q, owner);
		lite_int(&q, ms);
		lite_text(&q, what);
		rc = lite_once(&q, e);
	}
	if (rc == 0 && ms > 0)
		rc = buckets_mine(c, owner, what, mine, e);
	rc = lite_site_end(lite_of(s), c, rc, e);
	if (rc < 0)
		memset(mine, 0, sizeof(bool) * STORE_BUCKETS);
	return rc;
}

static int
lite_buckets(struct store *s, struct slice owner, int64_t ms,
	     bool mine[static STORE_BUCKETS], struct err *e)
{
	return lite_buckets_of(s, SLICE_LIT("alarm"), owner, ms, mine, e);
}

/* ---- settings and addresses ---------------------------------------------- */

static int
lite_seen(struct store_tx *tx, struct slice key, bool *fresh, struct err *e)
{
	static const char sql[] =
	    "INSERT OR IGNORE INTO reminder_seen (account_id, seen_key, at_ms)"
	    " VALUES (?1, ?2, ?3)";
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, "store.seen", e);
	struct lite_q q;

	if (t == NULL)
		return -1;
	if (lite_query(t, &q, sql, "store.seen", e) < 0)
		return lite_leave(t, -1);
	lite_text(&q, key);
	lite_int(&q, tx->now_ms);
	if (lite_once(&q, e) < 0)
		return lite_leave(t, -1);
	*fresh = sqlite3_changes64(t->c->db) > 0;
	return 0;
}

static int
setting_list(struct lite_tx *t, struct lite_list *l, struct err *e)
{
	static const char sql[] = "SELECT key, value FROM setting"
				  " WHERE account_id = ?1 ORDER BY key";
	struct store_setting *one;
	struct lite_q q;
	int rc;

	if (lite_query(t, &q, sql, "store.setting_list", e) < 0)
		return -1;
	while ((one = lite_row(&q, l, &rc, e)) != NULL) {
		one->key = lite_col_bytes(&q, l->a, 0);
		one->value = lite_col_bytes(&q, l->a, 1);
	}
	lite_end(&q);
	return rc;
}

static int
lite_setting_list(struct store_tx *tx, struct arena *a,
		  struct store_setting **out, size_t *n, struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.setting_list", e);
	struct lite_list l = { .a = a, .size = sizeof(**out) };

	if (t == NULL || lite_leave(t, setting_list(t, &l, e)) < 0)
		return -1;
	*out = (struct store_setting *)(void *)l.p;
	*n = l.n;
	return 0;
}

static int
lite_setting_put(struct store_tx *tx, struct slice key, struct slice value,
		 struct err *e)
{
	static const char put[] =
	    "INSERT INTO setting (account_id, key, value) VALUES (?1, ?2, ?3)"
	    " ON CONFLICT (account_id, key) DO UPDATE SET value = ?3";
	static const char drop[] =
	    "DELETE FROM setting WHERE account_id = ?1 AND key = ?2";
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, "store.setting_put", e);
	struct lite_q q;

	if (t == NULL)
		return -1;
	if (lite_query(t, &q, value.n > 0 ? put : drop, "store.setting_put",
		       e) < 0)
		return lite_leave(t, -1);
	lite_text(&q, key);
	if (value.n > 0)
		lite_text(&q, value);
	return lite_leave(t, lite_once(&q, e));
}

static int
lite_address_find(struct store *s, struct slice channel,
		  const struct slice *address, size_t n, int64_t *account,
		  struct err *e)
{
	static const char sql[] = "SELECT account_id FROM address_directory"
				  " WHERE channel = ?1 AND address = ?2";
	struct lite_conn *c;
	struct lite_q q;
	int rc;

	if (n == 0)
		return 0;
	if (lite_take(lite_of(s), &c, e) < 0)
		return -1;
	rc = lite_prepare(c, &q, sql, "store.address_find", e);
	for (size_t i = 0; rc >= 0 && i < n; i++) {
		lite_text(&q, channel);
		lite_text(&q, address[i]);
		rc = lite_step(&q, e);
		account[i] = rc == 1 ? lite_col(&q, 0) : 0;
		lite_rewind(&q);
	}
	lite_end(&q);
	lite_give(lite_of(s), c);
	return rc < 0 ? -1 : 0;
}

static int
address_add(struct lite_tx *t, struct slice channel, struct slice address,
	    struct err *e)
{
	static const char sql[] =
	    "INSERT INTO address_directory (account_id, channel, address)"
	    " VALUES (?1, ?2, ?3) ON CONFLICT (channel, address) DO UPDATE"
	    " SET account_id = account_id WHERE account_id = ?1";
	struct lite_q q;

	if (lite_query(t, &q, sql, "store.address_put", e) < 0)
		return -1;
	lite_text(&q, channel);
	lite_text(&q, address);
	if (lite_once(&q, e) < 0)
		return -1;
	if (sqlite3_changes64(t->c->db) > 0)
		return 0;
	return err_set(e, ERR_CONFLICT, "store.address_put",
		       "%.*s is another user's address", SLICE_ARG(address));
}

static int
lite_address_put(struct store_tx *tx, struct slice channel,
		 const struct slice *address, size_t n, struct err *e)
{
	static const char drop[] = "DELETE FROM address_directory"
				   " WHERE account_id = ?1 AND channel = ?2";
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, "store.address_put", e);
	struct lite_q q;
	int rc;

	if (t == NULL)
		return -1;
	rc = lite_query(t, &q, drop, "store.address_put", e);
	if (rc == 0) {
		lite_text(&q, channel);
		rc = lite_once(&q, e);
	}
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = address_add(t, channel, address[i], e);
	return lite_leave(t, rc);
}

const struct store_alarm_vtbl lite_alarm_vtbl = {
	.due = lite_due,
	.outbox = lite_outbox,
	.buckets = lite_buckets,
	.delivery_mark = lite_delivery_mark,
	.address_find = lite_address_find,
	.next_list = lite_next_list,
	.next_put = next_put,
	.next_clear = lite_next_clear,
	.delivery_add = lite_delivery_add,
	.delivery_set = lite_delivery_set,
	.delivery_get = lite_delivery_get,
	.delivery_list = lite_delivery_list,
	.seen = lite_seen,
	.setting_list = lite_setting_list,
	.setting_put = lite_setting_put,
	.address_put = lite_address_put,
};
