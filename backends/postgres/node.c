/*
 * Site tables of the nodes: who lives, who does the work that one does for
 * all, and how many logins each saw. One statement each.
 */
#include "backends/postgres/pg.h"

/* The database's clock, now and not when the transaction began. */
#define NOW "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)"

/* ---- logins -------------------------------------------------------------- */

/*
 * Equal keys are added up first: a statement may not meet a row twice. New
 * rows of a day count on from those that it has. In the order of the key, so
 * that two nodes never wait for each other.
 */
static const char SQL_COUNT[] =
    "WITH u AS (SELECT x.day, coalesce(l.account_id, 0) AS account_id, x.net,"
    "  x.what, CAST(sum(x.n) AS bigint) AS n, max(x.last_ms) AS last_ms"
    "  FROM unnest($1, $2, $3, $4, $5, $6)"
    "   AS x (day, user_key, net, what, n, last_ms)"
    "  LEFT JOIN login l ON l.user_key = x.user_key"
    "  GROUP BY 1, 2, 3, 4),"
    " had AS (SELECT day, what, count(*) AS n FROM auth_day"
    "  WHERE day IN (SELECT day FROM u) GROUP BY 1, 2),"
    " m AS (SELECT u.*, EXISTS (SELECT 1 FROM auth_day d WHERE d.day = u.day"
    "  AND d.account_id = u.account_id AND d.net = u.net"
    "  AND d.what = u.what) AS there FROM u),"
    " r AS (SELECT m.*, m.there OR $7 >= coalesce(had.n, 0) + row_number()"
    "  OVER (PARTITION BY m.day, m.what, m.there"
    "  ORDER BY m.account_id, m.net) AS fits"
    "  FROM m LEFT JOIN had ON had.day = m.day AND had.what = m.what)"
    " INSERT INTO auth_day (day, account_id, net, what, n, last_ms)"
    " SELECT day, CASE WHEN fits THEN account_id ELSE 0 END,"
    "  CASE WHEN fits THEN net ELSE 'other' END, what,"
    "  CAST(sum(n) AS bigint), max(last_ms)"
    " FROM r GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
    " ON CONFLICT (day, account_id, net, what) DO UPDATE SET"
    "  n = auth_day.n + excluded.n,"
    "  last_ms = greatest(auth_day.last_ms, excluded.last_ms)";

static int64_t
number(const struct store_auth_day *in, int col)
{
	const int64_t v[] = { in->day, in->what, in->n, in->last_ms };

	return v[col];
}

static void
bind_numbers(struct pg_q *q, const struct store_auth_day *in, size_t n, int col)
{
	pg_array(q, PG_INTS);
	for (size_t i = 0; i < n; i++)
		pg_add_int(q, number(&in[i], col));
	pg_array_end(q);
}

static void
bind_users(struct pg_q *q, const struct store_auth_day *in, size_t n)
{
	char buf[STORE_USER_MAX];

	pg_array(q, PG_BYTES);
	for (size_t i = 0; i < n; i++) {
		struct slice key = SLICE_LIT("");

		/* A name that cannot exist is nobody's, as an empty one. */
		(void)store_user_key(in[i].user, buf, &key, NULL);
		pg_add_bytes(q, key);
	}
	pg_array_end(q);
}

int
pg_auth_count(struct store *s, const struct store_auth_day *in, size_t n,
	      size_t max, struct err *e)
{
	struct pg_conn *c;
	struct pg_q q;
	int rc;

	if (n == 0)
		return 0;
	if (pg_site_begin(s, &c, e) < 0)
		return -1;
	pg_start(c, &q, SQL_COUNT, "store.auth_count");
	bind_numbers(&q, in, n, 0);
	bind_users(&q, in, n);
	pg_array(&q, PG_TEXTS);
	for (size_t i = 0; i < n; i++)
		pg_add_text(&q, in[i].net);
	pg_array_end(&q);
	for (int col = 1; col < 4; col++)
		bind_numbers(&q, in, n, col);
	pg_int(&q, pg_limit(max));
	rc = pg_once(&q, e);
	pg_site_end(s, c);
	return rc;
}

/* ---- nodes --------------------------------------------------------------- */

int
pg_node_beat(struct store *s, const struct store_node *in, struct err *e)
{
	static const char sql[] =
	    "INSERT INTO node (node_id, name, version, schema_no, started_ms,"
	    " last_ms, stopped)"
	    " SELECT $1, $2, $3, max(number), $4, " NOW ", $5 FROM migration"
	    " ON CONFLICT (node_id) DO UPDATE SET"
	    " name = excluded.name, version = excluded.version,"
	    " schema_no = excluded.schema_no,"
	    " started_ms = excluded.started_ms, last_ms = excluded.last_ms,"
	    " stopped = excluded.stopped";
	struct pg_conn *c;
	struct pg_q q;
	int rc;

	if (pg_site_begin(s, &c, e) < 0)
		return -1;
	pg_start(c, &q, sql, "store.node_beat");
	pg_text(&q, in->id);
	pg_text(&q, in->name);
	pg_text(&q, in->version);
	pg_int(&q, in->started_ms);
	pg_int(&q, in->stopped);
	rc = pg_once(&q, e);
	pg_site_end(s, c);
	return rc;
}

int
pg_lease_take(struct store *s, const char *name, struct slice owner, int64_t ms,
	      bool *got, struct err *e)
{
	static const char sql[] =
	    "INSERT INTO lease (name, owner, until_ms)"
	    " VALUES ($1, $2, " NOW " + $3)"
	    " ON CONFLICT (name) DO UPDATE SET owner = excluded.owner,"
	    " until_ms = excluded.until_ms"
	    " WHERE lease.owner = excluded.owner OR lease.until_ms <= " NOW;
	struct pg_conn *c;
	struct pg_q q;
	int rc;

	*got = false;
	if (pg_site_begin(s, &c, e) < 0)
		return -1;
	pg_start(c, &q, sql, "store.lease_take");
	pg_text(&q, slice_c(name));
	pg_text(&q, owner);
	pg_int(&q, ms);
	rc = pg_run(&q, e);
	if (rc == 0) {
		*got = ms > 0 && pg_changed(&q) > 0;
		rc = pg_end(&q, e);
	}
	pg_site_end(s, c);
	return rc;
}
