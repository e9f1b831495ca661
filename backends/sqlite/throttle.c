/*
 * Wrong logins and known devices, shared by the nodes of a site. A small site
 * table: each sharing that changes it takes the next number, which its rows
 * bear, so that a node reads what it has not seen and nothing else.
 */
#include "backends/sqlite/lite.h"

/* The row of the counter of sharings, among the others: kind 0. */
static const char SQL_NUMBER[] =
    "INSERT INTO throttle (kind, key, fails, last_ms, seq)"
    " VALUES (0, 0, 1, 0, 0)"
    " ON CONFLICT (kind, key) DO UPDATE SET fails = fails + 1"
    " RETURNING fails";

static int
next_number(struct lite_conn *c, int64_t *seq, struct err *e)
{
	struct lite_q q;
	int rc;

	if (lite_prepare(c, &q, SQL_NUMBER, "store.throttle", e) < 0)
		return -1;
	rc = lite_step(&q, e);
	if (rc == 1) {
		*seq = lite_col(&q, 0);
		rc = lite_step(&q, e); /* to its end: it changes rows */
	}
	lite_end(&q);
	return rc;
}

static int
add(struct lite_conn *c, const struct store_throttle *in, size_t n, int64_t seq,
    struct err *e)
{
	static const char sql[] =
	    "INSERT INTO throttle (kind, key, fails, last_ms, seq)"
	    " VALUES (?1, ?2, max(?3, 0), ?4, ?5)"
	    " ON CONFLICT (kind, key) DO UPDATE SET fails = max(0, ?3 +"
	    "  CASE WHEN ?6 THEN 0 ELSE fails END),"
	    " last_ms = max(last_ms, ?4), seq = ?5";
	struct lite_q q;
	int rc;

	rc = lite_prepare(c, &q, sql, "store.throttle", e);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		lite_int(&q, in[i].kind);
		lite_int(&q, (int64_t)in[i].key);
		lite_int(&q, in[i].fails);
		lite_int(&q, in[i].last_ms);
		lite_int(&q, seq);
		lite_int(&q, in[i].reset);
		rc = lite_run(&q, e);
		lite_rewind(&q);
	}
	lite_end(&q);
	return rc;
}

/* What is too old goes, and of what is too much that which matters least. */
static int
bound(struct lite_conn *c, int kind, const struct store_throttle_keep *keep,
      struct err *e)
{
	static const char old[] =
	    "DELETE FROM throttle WHERE kind = ?1 AND last_ms < ?2";
	static const char many[] =
	    "DELETE FROM throttle WHERE kind = ?1 AND key IN"
	    " (SELECT key FROM throttle WHERE kind = ?1 ORDER BY fails, last_ms"
	    "  LIMIT max(0, (SELECT count(*) FROM throttle WHERE kind = ?1)"
	    "   - ?2))";
	struct lite_q q;

	if (lite_prepare(c, &q, old, "store.throttle", e) < 0)
		return -1;
	lite_int(&q, kind);
	lite_int(&q, keep->since_ms);
	if (lite_once(&q, e) < 0 ||
	    lite_prepare(c, &q, many, "store.throttle", e) < 0)
		return -1;
	lite_int(&q, kind);
	lite_int(&q, (int64_t)keep->max);
	return lite_once(&q, e);
}

static int
write_all(struct store *s, const struct store_throttle *in, size_t n,
	  const struct store_throttle_keep keep[static STORE_THROTTLE_KINDS],
	  struct err *e)
{
	struct lite_conn *c;
	int64_t seq = 0;
	int rc;

	if (lite_site_begin(lite_of(s), &c, e) < 0)
		return -1;
	rc = next_number(c, &seq, e);
	if (rc == 0)
		rc = add(c, in, n, seq, e);
	for (int i = 0; rc == 0 && i < STORE_THROTTLE_KINDS; i++)
		rc = bound(c, i + 1, &keep[i], e);
	return lite_site_end(lite_of(s), c, rc, e);
}

/* The number first: rows of a later one are read once more next time. */
static int
last_number(struct lite_conn *c, int64_t *seq, struct err *e)
{
	static const char sql[] = "SELECT fails FROM throttle"
				  " WHERE kind = 0 AND key = 0";
	struct lite_q q;
	int rc;

	*seq = 0;
	if (lite_prepare(c, &q, sql, "store.throttle", e) < 0)
		return -1;
	rc = lite_step(&q, e);
	if (rc == 1)
		*seq = lite_col(&q, 0);
	lite_end(&q);
	return rc < 0 ? -1 : 0;
}

static int
read_rows(struct lite_conn *c, int64_t seen, struct lite_list *l, struct err *e)
{
	static const char sql[] = "SELECT kind, key, fails, last_ms"
				  " FROM throttle WHERE seq > ?1 AND kind > 0";
	struct lite_q q;
	int rc;

	if (lite_prepare(c, &q, sql, "store.throttle", e) < 0)
		return -1;
	lite_int(&q, seen);
	while ((rc = lite_step(&q, e)) == 1) {
		struct store_throttle *one = lite_list_add(l);

		if (one == NULL) {
			rc = lite_nomem("store.throttle", e);
			break;
		}
		*one = (struct store_throttle){ .kind = (int)lite_col(&q, 0),
						.key = lite_col_u64(&q, 1),
						.fails = lite_col(&q, 2),
						.last_ms = lite_col(&q, 3) };
	}
	lite_end(&q);
	return rc;
}

int
lite_throttle_share(
    struct store *s, struct arena *a, const struct store_throttle *in, size_t n,
    const struct store_throttle_keep keep[static STORE_THROTTLE_KINDS],
    int64_t *seen, struct store_throttle **out, size_t *out_n, struct err *e)
{
	struct lite_list l = { .a = a, .size = sizeof(**out) };
	struct lite_conn *c;
	int64_t seq;
	int rc;

	if (n > 0 && write_all(s, in, n, keep, e) < 0)
		return -1;
	if (lite_take(lite_of(s), &c, e) < 0)
		return -1;
	rc = last_number(c, &seq, e);
	/* A smaller one: the database is another, or an older copy. */
	if (rc == 0 && seq != *seen)
		rc = read_rows(c, seq < *seen ? 0 : *seen, &l, e);
	lite_give(lite_of(s), c);
	if (rc < 0)
		return -1;
	*seen = seq;
	*out = (struct store_throttle *)(void *)l.p;
	*out_n = l.n;
	return 0;
}
