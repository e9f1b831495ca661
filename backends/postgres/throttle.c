/*
 * Wrong logins and known devices, shared by the nodes of a site. A small site
 * table: each sharing that changes it takes the next number, which its rows
 * bear, so that a node reads what it has not seen and nothing else. One round
 * trip; the number's row is locked first, so that sharings never meet.
 */
#include "backends/postgres/pg.h"

#define WHERE "store.throttle"

/* The row of the counter of sharings, among the others: kind 0. */
static const char SQL_NUMBER[] =
    "INSERT INTO throttle (kind, key, fails, last_ms, seq)"
    " VALUES (0, 0, 1, 0, 0) ON CONFLICT (kind, key)"
    " DO UPDATE SET fails = throttle.fails + 1";

#define CHANGES                                                                \
	" unnest($1, $2, $3, $4, $5) AS u (kind, key, fails, last_ms, reset)"
#define THIS "(SELECT fails FROM throttle WHERE kind = 0 AND key = 0)"

static const char SQL_CHANGE[] =
    "UPDATE throttle t SET fails = greatest(0, u.fails +"
    " CASE WHEN u.reset = 1 THEN 0 ELSE t.fails END),"
    " last_ms = greatest(t.last_ms, u.last_ms), seq = " THIS " FROM" CHANGES
    " WHERE t.kind = u.kind AND t.key = u.key";
static const char SQL_ADD[] =
    "INSERT INTO throttle (kind, key, fails, last_ms, seq)"
    " SELECT u.kind, u.key, greatest(0, u.fails), u.last_ms, " THIS
    " FROM" CHANGES " ON CONFLICT (kind, key) DO NOTHING";

/* What is too old goes, and of what is too much that which matters least. */
static const char SQL_OLD[] =
    "DELETE FROM throttle WHERE kind = $1 AND last_ms < $2";
static const char SQL_MANY[] =
    "DELETE FROM throttle WHERE kind = $1 AND key IN"
    " (SELECT key FROM throttle WHERE kind = $1 ORDER BY fails, last_ms"
    "  LIMIT greatest(0, (SELECT count(*) FROM throttle WHERE kind = $1)"
    "   - $2))";

/* The number first: rows of a later one are read once more next time. */
static const char SQL_LAST[] =
    "SELECT coalesce(max(fails), 0) FROM throttle WHERE kind = 0 AND key = 0";
/* A smaller number than what was seen: the database is another, or an older
   copy. */
static const char SQL_ROWS[] =
    "SELECT kind, key, fails, last_ms FROM throttle WHERE kind > 0"
    " AND seq > CASE WHEN $1 > coalesce(" THIS ", 0) THEN 0 ELSE $1 END";

static void
bind_changes(struct pg_q *q, const struct store_throttle *in, size_t n)
{
	for (int col = 0; col < 5; col++) {
		pg_array(q, PG_INTS);
		for (size_t i = 0; i < n; i++) {
			const int64_t v[] = { in[i].kind, (int64_t)in[i].key,
					      in[i].fails, in[i].last_ms,
					      in[i].reset };

			pg_add_int(q, v[col]);
		}
		pg_array_end(q);
	}
	pg_send(q);
}

struct share {
	struct pg_q number, change, add;
	struct pg_q bound[STORE_THROTTLE_KINDS][2];
	struct pg_q last, rows;
};

static void
send_changes(struct pg_conn *c, struct share *q,
	     const struct store_throttle *in, size_t n,
	     const struct store_throttle_keep keep[static STORE_THROTTLE_KINDS])
{
	pg_start(c, &q->number, SQL_NUMBER, WHERE);
	pg_send(&q->number);
	pg_start(c, &q->change, SQL_CHANGE, WHERE);
	bind_changes(&q->change, in, n);
	pg_start(c, &q->add, SQL_ADD, WHERE);
	bind_changes(&q->add, in, n);
	for (int i = 0; i < STORE_THROTTLE_KINDS; i++) {
		pg_start(c, &q->bound[i][0], SQL_OLD, WHERE);
		pg_int(&q->bound[i][0], i + 1);
		pg_int(&q->bound[i][0], keep[i].since_ms);
		pg_send(&q->bound[i][0]);
		pg_start(c, &q->bound[i][1], SQL_MANY, WHERE);
		pg_int(&q->bound[i][1], i + 1);
		pg_int(&q->bound[i][1], (int64_t)keep[i].max);
		pg_send(&q->bound[i][1]);
	}
}

static int
read_rows(struct share *q, struct arena *a, int64_t *seen,
	  struct store_throttle **out, size_t *n, struct err *e)
{
	struct store_throttle *one;

	if (pg_next(&q->last))
		*seen = pg_col(&q->last, 0);
	*n = pg_rows(&q->rows);
	*out = one = pg_room(&q->rows, a, sizeof(*one));
	while (pg_next(&q->rows))
		*one++ = (struct store_throttle){
			.kind = (int)pg_col(&q->rows, 0),
			.key = pg_col_u64(&q->rows, 1),
			.fails = pg_col(&q->rows, 2),
			.last_ms = pg_col(&q->rows, 3),
		};
	return pg_end(&q->rows, e);
}

static void
end_all(struct share *q)
{
	(void)pg_end(&q->number, NULL);
	(void)pg_end(&q->change, NULL);
	(void)pg_end(&q->add, NULL);
	for (int i = 0; i < STORE_THROTTLE_KINDS; i++) {
		(void)pg_end(&q->bound[i][0], NULL);
		(void)pg_end(&q->bound[i][1], NULL);
	}
	(void)pg_end(&q->last, NULL);
}

static int
share(struct pg_conn *c, struct arena *a, const struct store_throttle *in,
      size_t n,
      const struct store_throttle_keep keep[static STORE_THROTTLE_KINDS],
      int64_t *seen, struct store_throttle **out, size_t *out_n, struct err *e)
{
	struct share *q = ARENA_NEW(a, struct share);
	int rc;

	if (q == NULL)
		return pg_nomem(WHERE, e);
	if (n > 0)
		send_changes(c, q, in, n, keep);
	pg_start(c, &q->last, SQL_LAST, WHERE);
	pg_send(&q->last);
	pg_start(c, &q->rows, SQL_ROWS, WHERE);
	pg_int(&q->rows, *seen);
	if (pg_run(&q->rows, e) < 0)
		return -1;
	rc = read_rows(q, a, seen, out, out_n, e);
	end_all(q);
	return rc;
}

int
pg_throttle_share(
    struct store *s, struct arena *a, const struct store_throttle *in, size_t n,
    const struct store_throttle_keep keep[static STORE_THROTTLE_KINDS],
    int64_t *seen, struct store_throttle **out, size_t *out_n, struct err *e)
{
	struct pg_conn *c;
	int rc;

	if (pg_site_begin(s, &c, e) < 0)
		return -1;
	rc = share(c, a, in, n, keep, seen, out, out_n, e);
	pg_site_end(s, c);
	return rc;
}
