/*
 * Whole rows in and out (backends/rows.h). These statements are made from the
 * table of tables; they are sent without preparing them, so that their text
 * need not stay where it is.
 */
#include "backends/rows.h"

#include "backends/postgres/pg.h"

#include <assert.h>
#include <stdlib.h>

enum { SQL_MAX = 8192 };

/* As memcmp() orders, whatever the database's own order of words is. */
static const struct rows_dialect PG_DIALECT = { '$', " COLLATE \"C\"" };

struct pg_rows {
	struct rows r; /* first */
	struct pg_conn *c;
	struct arena *sql;
};

static struct pg_rows *
of(struct rows *r)
{
	return (struct pg_rows *)(void *)r;
}

static struct buf
sql_start(struct pg_rows *r, const char *verb)
{
	struct buf b;

	arena_reset(r->sql);
	b = BUF_IN(r->sql);
	buf_str(&b, verb);
	return b;
}

static int
start(struct pg_rows *r, struct buf *sql, struct pg_q *q, const char *where,
      struct err *e)
{
	buf_byte(sql, 0);
	if (!buf_ok(sql))
		return pg_nomem(where, e);
	pg_start(r->c, q, sql->p, where);
	q->once = true;
	return 0;
}

/* ---- holding the database ------------------------------------------------
 */

/* An advisory lock of a transaction on a connection of its own: so it holds
   behind a pooler too, and the silence is meant. It has no snapshot, which
   vacuum would wait for. */
struct rows_hold {
	struct pg_conn *c;
};

static void
let_go(struct rows_hold **h)
{
	if (*h == NULL)
		return;
	pg_disconnect(&(*h)->c);
	free(*h);
	*h = NULL;
}

/* One that was killed a moment ago still has it until PostgreSQL, or the
   pooler, has noticed. */
static int
lock_base(struct pg_conn *c, struct err *e)
{
	static const char sql[] =
	    "SELECT pg_advisory_xact_lock(hashtext('funicular copy'))";
	struct pg_q q;

	pg_say(c, "BEGIN ISOLATION LEVEL READ COMMITTED", "store.hold");
	pg_say(c, "SET LOCAL idle_in_transaction_session_timeout = 0",
	       "store.hold");
	pg_say(c, "SET LOCAL lock_timeout = '2s'", "store.hold");
	pg_start(c, &q, sql, "store.hold");
	q.once = true;
	if (pg_once(&q, e) == 0)
		return 0;
	if (e->sys == PG_STATE('5', '5', 'P', '0', '3'))
		return store_held("store.hold", e);
	return -1;
}

static int
hold(struct store *s, struct rows_hold **out, struct err *e)
{
	struct rows_hold *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return pg_nomem("store.hold", e);
	*out = h;
	if (pg_connect(&pg_of(s)->uri, &h->c, e) == 0 &&
	    lock_base(h->c, e) == 0)
		return 0;
	let_go(out);
	return -1;
}

/* ---- transactions ------------------------------------------------------ */

static void
end(struct rows **rp)
{
	struct pg_rows *r = of(*rp);
	struct pg_conn *c = r->c;

	if (!c->broken &&
	    (PQtransactionStatus(c->pg) != PQTRANS_IDLE || c->sent_n > 0)) {
		pg_say(c, "ROLLBACK", "store.rows");
		if (pg_sync(c, NULL) < 0)
			c->broken = true;
	}
	pg_give(pg_of(r->r.s), c);
	arena_free(&r->sql);
	free(r);
	*rp = NULL;
}

static int
begin(struct store *s, enum store_mode mode, struct rows **out, struct err *e)
{
	struct pg_rows *r = calloc(1, sizeof(*r));

	if (r != NULL)
		r->sql = arena_new((size_t)SQL_MAX * 8);
	if (r == NULL || r->sql == NULL) {
		free(r);
		return pg_nomem("store.rows", e);
	}
	r->r = (struct rows){ .s = s, .mode = mode };
	if (pg_take(pg_of(s), &r->c, e) < 0) {
		arena_free(&r->sql);
		free(r);
		return -1;
	}
	*out = &r->r;
	pg_say(r->c,
	       mode == STORE_WRITE
		   ? "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
		   : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
	       "store.rows");
	if (!r->c->prepare)
		pg_settings(r->c, true);
	pg_no_hurry(r->c);
	if (pg_sync(r->c, e) == 0)
		return 0;
	end(out);
	return -1;
}

static int
commit(struct rows **r, struct err *e)
{
	int rc = -1;
	struct pg_q q;

	if ((*r)->failed) {
		(void)err_set(e, ERR_BUG, "store.rows", "commit of a failure");
	} else {
		pg_start(of(*r)->c, &q, "COMMIT", "store.rows");
		rc = pg_once(&q, e);
	}
	end(r);
	return rc;
}

static void
rollback(struct rows **r)
{
	if (*r != NULL)
		end(r);
}

static int
leave(struct rows *r, int rc)
{
	if (rc < 0)
		r->failed = true;
	return rc;
}

/* ---- reading ----------------------------------------------------------- */

static void
bind_cell(struct pg_q *q, enum rows_type type, const struct rows_cell *c)
{
	if (type == ROWS_BYTES)
		pg_bytes(q, c->s);
	else if (type == ROWS_TEXT)
		pg_text(q, c->s);
	else
		pg_int(q, c->i);
}

/* What the row's bytes and texts weigh; PostgreSQL knows it without fetching
   them. */
static void
weight(struct buf *sql, const struct rows_table *t)
{
	buf_str(sql, "0::bigint");
	for (int i = 0; i < t->col_n; i++) {
		if (t->col[i].type == ROWS_BYTES || t->col[i].type == ROWS_TEXT)
			buf_printf(sql, " + coalesce(octet_length(\"%s\"), 0)",
				   t->col[i].name);
	}
}

/* Rows until those before one weigh ask->bytes. */
static void
select_rows(struct buf *sql, const struct rows_ask *ask, int limit_at)
{
	rows_sql_columns(sql, ask->t);
	buf_str(sql, " FROM (SELECT *, sum(weight) OVER (");
	rows_sql_order(sql, &PG_DIALECT, ask);
	buf_str(sql, " ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
		     " - weight AS ahead FROM (SELECT ");
	rows_sql_columns(sql, ask->t);
	buf_str(sql, ", ");
	weight(sql, ask->t);
	buf_str(sql, " AS weight");
	rows_sql_from(sql, &PG_DIALECT, ask);
	buf_printf(sql, ") AS one) AS weighed WHERE ahead < $%d", limit_at + 1);
	rows_sql_order(sql, &PG_DIALECT, ask);
}

static void
read_row(struct pg_q *q, struct arena *a, const struct rows_table *t,
	 struct rows_cell *cell, size_t *bytes)
{
	for (int i = 0; i < t->col_n; i++) {
		cell[i] = (struct rows_cell){ .null = pg_col_null(q, i) };
		if (cell[i].null)
			continue;
		if (t->col[i].type == ROWS_INT || t->col[i].type == ROWS_SEAL) {
			cell[i].i = pg_col(q, i);
			continue;
		}
		cell[i].s = pg_col_bytes(q, a, i);
		*bytes += cell[i].s.n;
	}
}

static int
read_all(struct pg_q *q, struct arena *a, const struct rows_ask *ask,
	 struct rows_batch *out, struct err *e)
{
	struct rows_cell *cell;
	size_t bytes = 0;

	if (pg_run(q, e) < 0)
		return -1;
	*out = (struct rows_batch){ .t = ask->t, .n = pg_rows(q) };
	out->cell = cell = pg_room(q, a, sizeof(*cell) * (size_t)ask->t->col_n);
	for (; pg_next(q); cell += ask->t->col_n)
		read_row(q, a, ask->t, cell, &bytes);
	out->more = out->n == ask->limit || bytes >= ask->bytes;
	return pg_end(q, e);
}

static int
read_rows(struct rows *rr, struct arena *a, const struct rows_ask *ask,
	  struct rows_batch *out, struct err *e)
{
	struct pg_rows *r = of(rr);
	struct buf sql = sql_start(r, "SELECT ");
	int from = rows_key_from(ask);
	struct pg_q q;

	select_rows(&sql, ask,
		    from + (ask->after == NULL ? 0 : ask->t->key_n - from) + 1);
	if (start(r, &sql, &q, "store.rows_read", e) < 0)
		return leave(rr, -1);
	if (ask->account != NULL)
		pg_int(&q, *ask->account);
	for (int i = from; ask->after != NULL && i < ask->t->key_n; i++)
		bind_cell(&q, ask->t->col[i].type, &ask->after[i]);
	pg_int(&q, (int64_t)ask->limit);
	pg_int(&q, (int64_t)ask->bytes);
	return leave(rr, read_all(&q, a, ask, out, e));
}

/* ---- writing ----------------------------------------------------------- */

static void
add_cell(struct pg_q *q, enum rows_type type, const struct rows_cell *c)
{
	if (c->null)
		pg_add_null(q);
	else if (type == ROWS_BYTES)
		pg_add_bytes(q, c->s);
	else if (type == ROWS_TEXT)
		pg_add_text(q, c->s);
	else
		pg_add_int(q, c->i);
}

static void
bind_column(struct pg_q *q, const struct rows_batch *b, int col)
{
	static const enum pg_type types[] = {
		[ROWS_INT] = PG_INTS,
		[ROWS_BYTES] = PG_BYTES,
		[ROWS_TEXT] = PG_TEXTS,
		[ROWS_SEAL] = PG_INTS,
	};
	const struct rows_cell *c = b->cell + col;

	pg_array(q, types[b->t->col[col].type]);
	for (size_t n = 0; n < b->n; n++, c += b->t->col_n)
		add_cell(q, b->t->col[col].type, c);
	pg_array_end(q);
}

static int
write_rows(struct rows *rr, const struct rows_batch *b, struct err *e)
{
	struct pg_rows *r = of(rr);
	struct buf sql = sql_start(r, "INSERT INTO ");
	struct pg_q q;

	assert(b->t->col_n <= PG_PARAMS_MAX);
	buf_printf(&sql, "\"%s\" (", b->t->name);
	rows_sql_columns(&sql, b->t);
	buf_str(&sql, ") SELECT * FROM unnest($1");
	for (int i = 2; i <= b->t->col_n; i++)
		buf_printf(&sql, ", $%d", i);
	buf_str(&sql, ")");
	if (start(r, &sql, &q, "store.rows_write", e) < 0)
		return leave(rr, -1);
	for (int i = 0; i < b->t->col_n; i++)
		bind_column(&q, b, i);
	return leave(rr, pg_once(&q, e));
}

static int
clear_rows(struct rows *rr, const struct rows_table *t, struct err *e)
{
	struct pg_rows *r = of(rr);
	struct buf sql = sql_start(r, "DELETE FROM ");
	struct pg_q q;

	buf_printf(&sql, "\"%s\"", t->name);
	if (start(r, &sql, &q, "store.rows_clear", e) < 0)
		return leave(rr, -1);
	return leave(rr, pg_once(&q, e));
}

static int
seal(struct rows *rr, bool moved, struct err *e)
{
	static const char sql[] = "UPDATE account SET moved = $1"
				  " WHERE moved <> $1";
	struct pg_q q;

	pg_start(of(rr)->c, &q, sql, "store.seal");
	pg_int(&q, moved);
	return leave(rr, pg_once(&q, e));
}

static int
site_set(struct rows *rr, const char *key, const struct slice *value,
	 struct err *e)
{
	static const char put[] =
	    "INSERT INTO site (key, value) VALUES ($1, $2)"
	    " ON CONFLICT (key) DO UPDATE SET value = excluded.value";
	static const char drop[] = "DELETE FROM site WHERE key = $1";
	struct pg_q q;

	pg_start(of(rr)->c, &q, value == NULL ? drop : put, "store.site_set");
	pg_text(&q, slice_c(key));
	if (value != NULL)
		pg_bytes(&q, *value);
	return leave(rr, pg_once(&q, e));
}

const struct store_rows_vtbl pg_rows_vtbl = {
	.hold = hold,
	.let_go = let_go,
	.begin = begin,
	.commit = commit,
	.rollback = rollback,
	.read = read_rows,
	.write = write_rows,
	.clear = clear_rows,
	.seal = seal,
	.site_set = site_set,
};
