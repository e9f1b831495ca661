/*
 * Whole rows in and out (backends/rows.h). These statements are made from the
 * table of tables and run a few times each: they are not kept.
 */
#include "backends/rows.h"

#include "backends/sqlite/lite.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SQL_MAX = 4096 };

static const struct rows_dialect LITE_DIALECT = { '?', "" };

struct lite_rows {
	struct rows r; /* first */
	struct lite_conn *c;
	struct arena *sql;
};

static struct lite_rows *
of(struct rows *r)
{
	return (struct lite_rows *)(void *)r;
}

/* ---- statements ------------------------------------------------------- */

static struct buf
sql_start(struct lite_rows *r, const char *verb)
{
	struct buf b;

	arena_reset(r->sql);
	b = BUF_IN(r->sql);
	buf_str(&b, verb);
	return b;
}

static int
prepare(struct lite_rows *r, struct buf *sql, const char *where,
	struct lite_q *q, struct err *e)
{
	int rc;

	*q = (struct lite_q){ .c = r->c, .where = where };
	if (!buf_ok(sql))
		return lite_nomem(where, e);
	rc = sqlite3_prepare_v2(r->c->db, sql->p, (int)sql->n, &q->st, NULL);
	return rc == SQLITE_OK ? 0 : lite_fail(r->c, rc, where, e);
}

static void
finish(struct lite_q *q)
{
	(void)sqlite3_finalize(q->st);
	q->st = NULL;
}

static int
run(struct lite_q *q, struct err *e)
{
	int rc = lite_step(q, e);

	finish(q);
	return rc < 0 ? -1 : 0;
}

/* ---- holding the database ------------------------------------------------
 */

/* A lock on a file beside the database: closing the database's own file
   would let SQLite's locks go. */
struct rows_hold {
	int fd;
	char path[PATH_MAX];
};

static void
let_go(struct rows_hold **h)
{
	if (*h == NULL)
		return;
	(void)unlink((*h)->path);
	(void)close((*h)->fd);
	free(*h);
	*h = NULL;
}

/* The file may have been taken away between its opening and its lock. */
static bool
is_there(const struct rows_hold *h)
{
	struct stat mine;
	struct stat there;

	return fstat(h->fd, &mine) == 0 && stat(h->path, &there) == 0 &&
	       mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

static int
lock_base(struct rows_hold *h, struct err *e)
{
	for (;;) {
		h->fd = open(h->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (h->fd < 0)
			return err_errno(e, ERR_UNAVAILABLE, errno,
					 "store.hold", "cannot make %s",
					 h->path);
		if (flock(h->fd, LOCK_EX | LOCK_NB) != 0) {
			(void)close(h->fd);
			return store_held("store.hold", e);
		}
		if (is_there(h))
			return 0;
		(void)close(h->fd);
	}
}

static int
hold(struct store *s, struct rows_hold **out, struct err *e)
{
	struct rows_hold *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return lite_nomem("store.hold", e);
	(void)snprintf(h->path, sizeof(h->path), "%s-copy", lite_of(s)->path);
	if (lock_base(h, e) == 0) {
		*out = h;
		return 0;
	}
	free(h);
	return -1;
}

/* ---- transactions ------------------------------------------------------ */

static int
script(struct lite_rows *r, const char *sql, struct err *e)
{
	return lite_script(r->c, sql, "store.rows", e);
}

static void
end(struct rows **rp)
{
	struct lite_rows *r = of(*rp);
	struct lite *s = lite_of(r->r.s);

	if (sqlite3_get_autocommit(r->c->db) == 0 &&
	    script(r, "ROLLBACK", NULL) < 0)
		lite_disconnect(&r->c);
	else
		lite_give(s, r->c);
	if (r->r.mode == STORE_WRITE)
		lite_turn_give(s);
	arena_free(&r->sql);
	free(r);
	*rp = NULL;
}

static int
take(struct lite_rows *r, struct err *e)
{
	struct lite *s = lite_of(r->r.s);

	if (r->r.mode == STORE_WRITE && lite_turn_take(s, e) < 0)
		return -1;
	if (lite_take(s, &r->c, e) == 0)
		return 0;
	if (r->r.mode == STORE_WRITE)
		lite_turn_give(s);
	return -1;
}

static int
begin(struct store *s, enum store_mode mode, struct rows **out, struct err *e)
{
	struct lite_rows *r = calloc(1, sizeof(*r));

	if (r != NULL)
		r->sql = arena_new((size_t)SQL_MAX * 8);
	if (r == NULL || r->sql == NULL) {
		free(r);
		return lite_nomem("store.rows", e);
	}
	r->r = (struct rows){ .s = s, .mode = mode };
	if (take(r, e) < 0) {
		arena_free(&r->sql);
		free(r);
		return -1;
	}
	*out = &r->r;
	if (script(r, mode == STORE_WRITE ? "BEGIN IMMEDIATE" : "BEGIN", e) ==
	    0)
		return 0;
	end(out);
	return -1;
}

static int
commit(struct rows **r, struct err *e)
{
	int rc = (*r)->failed
		     ? err_set(e, ERR_BUG, "store.rows", "commit of a failure")
		     : script(of(*r), "COMMIT", e);

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
bind_cell(struct lite_q *q, enum rows_type type, const struct rows_cell *c)
{
	if (c->null)
		lite_null(q);
	else if (type == ROWS_BYTES)
		lite_blob(q, c->s);
	else if (type == ROWS_TEXT)
		lite_text(q, c->s);
	else
		lite_int(q, c->i);
}

/* The row's bytes. */
static size_t
read_row(struct lite_q *q, struct arena *a, const struct rows_table *t,
	 struct rows_cell *cell)
{
	size_t n = 0;

	for (int i = 0; i < t->col_n; i++) {
		cell[i] = (struct rows_cell){
			.null = sqlite3_column_type(q->st, i) == SQLITE_NULL,
		};
		if (cell[i].null)
			continue;
		if (t->col[i].type == ROWS_INT || t->col[i].type == ROWS_SEAL) {
			cell[i].i = lite_col(q, i);
			continue;
		}
		cell[i].s = lite_col_bytes(q, a, i);
		n += cell[i].s.n;
	}
	return n;
}

static int
read_all(struct lite_q *q, struct arena *a, const struct rows_ask *ask,
	 struct rows_batch *out, struct err *e)
{
	struct lite_list l = {
		.a = a,
		.size = sizeof(struct rows_cell) * (size_t)ask->t->col_n,
	};
	size_t bytes = 0;
	int rc = 1;

	while (bytes < ask->bytes && (rc = lite_step(q, e)) == 1) {
		struct rows_cell *row = lite_list_add(&l);

		if (row == NULL)
			q->nomem = true;
		else
			bytes += read_row(q, a, ask->t, row);
		if (lite_good(q, e) < 0)
			return -1;
	}
	*out = (struct rows_batch){
		.t = ask->t,
		.cell = (struct rows_cell *)(void *)l.p,
		.n = l.n,
		.more = rc == 1 || l.n == ask->limit,
	};
	return rc < 0 ? -1 : 0;
}

static int
read_rows(struct rows *rr, struct arena *a, const struct rows_ask *ask,
	  struct rows_batch *out, struct err *e)
{
	struct lite_rows *r = of(rr);
	struct buf sql = sql_start(r, "SELECT ");
	struct lite_q q;
	int rc;

	rows_sql_columns(&sql, ask->t);
	rows_sql_from(&sql, &LITE_DIALECT, ask);
	if (prepare(r, &sql, "store.rows_read", &q, e) < 0)
		return leave(rr, -1);
	if (ask->account != NULL)
		lite_int(&q, *ask->account);
	for (int i = rows_key_from(ask);
	     ask->after != NULL && i < ask->t->key_n; i++)
		bind_cell(&q, ask->t->col[i].type, &ask->after[i]);
	lite_int(&q, (int64_t)ask->limit);
	rc = read_all(&q, a, ask, out, e);
	finish(&q);
	return leave(rr, rc);
}

/* ---- writing ----------------------------------------------------------- */

static int
write_rows(struct rows *rr, const struct rows_batch *b, struct err *e)
{
	struct lite_rows *r = of(rr);
	struct buf sql = sql_start(r, "INSERT INTO ");
	struct lite_q q;
	int rc = 0;

	buf_printf(&sql, "\"%s\" (", b->t->name);
	rows_sql_columns(&sql, b->t);
	buf_str(&sql, ") VALUES (?1");
	for (int i = 2; i <= b->t->col_n; i++)
		buf_printf(&sql, ", ?%d", i);
	buf_str(&sql, ")");
	if (prepare(r, &sql, "store.rows_write", &q, e) < 0)
		return leave(rr, -1);
	for (size_t n = 0; rc == 0 && n < b->n; n++) {
		for (int i = 0; i < b->t->col_n; i++)
			bind_cell(
			    &q, b->t->col[i].type,
			    &b->cell[n * (size_t)b->t->col_n + (size_t)i]);
		rc = lite_run(&q, e);
	}
	finish(&q);
	return leave(rr, rc);
}

static int
clear_rows(struct rows *rr, const struct rows_table *t, struct err *e)
{
	struct lite_rows *r = of(rr);
	struct buf sql = sql_start(r, "DELETE FROM ");
	struct lite_q q;

	buf_printf(&sql, "\"%s\"", t->name);
	if (prepare(r, &sql, "store.rows_clear", &q, e) < 0)
		return leave(rr, -1);
	return leave(rr, run(&q, e));
}

static int
seal(struct rows *rr, bool moved, struct err *e)
{
	struct lite_rows *r = of(rr);
	struct buf sql = sql_start(r, "UPDATE account SET moved = ?1");
	struct lite_q q;

	if (prepare(r, &sql, "store.seal", &q, e) < 0)
		return leave(rr, -1);
	lite_int(&q, moved);
	return leave(rr, run(&q, e));
}

static int
site_set(struct rows *rr, const char *key, const struct slice *value,
	 struct err *e)
{
	struct lite_rows *r = of(rr);
	struct buf sql = sql_start(
	    r,
	    value == NULL
		? "DELETE FROM site WHERE key = ?1"
		: "INSERT OR REPLACE INTO site (key, value) VALUES (?1, ?2)");
	struct lite_q q;

	if (prepare(r, &sql, "store.site_set", &q, e) < 0)
		return leave(rr, -1);
	lite_text(&q, slice_c(key));
	if (value != NULL)
		lite_blob(&q, *value);
	return leave(rr, run(&q, e));
}

const struct store_rows_vtbl lite_rows_vtbl = {
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
