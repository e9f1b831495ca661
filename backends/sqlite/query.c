/*
 * Statements: prepared once per connection, bound and read in one place.
 */
#include "backends/sqlite/lite.h"

#include <assert.h>

/* The cached statement's slot, or the free one where it belongs. */
static struct lite_cached *
cache_slot(struct lite_conn *c, const char *sql)
{
	size_t i = ((size_t)(uintptr_t)sql >> 4) & (LITE_CACHE - 1);

	while (c->cache[i].sql != NULL && c->cache[i].sql != sql)
		i = (i + 1) & (LITE_CACHE - 1);
	return &c->cache[i];
}

int
lite_prepare(struct lite_conn *c, struct lite_q *q, const char *sql,
	     const char *where, struct err *e)
{
	struct lite_cached *slot = cache_slot(c, sql);
	int rc;

	*q = (struct lite_q){ .c = c, .st = slot->st, .where = where };
	if (q->st != NULL)
		return 0;
	/* A full table would make the search above endless. */
	assert(c->cached_n < LITE_CACHE - 1);
	rc = sqlite3_prepare_v3(c->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
				&q->st, NULL);
	if (rc != SQLITE_OK)
		return lite_fail(c, rc, where, e);
	slot->sql = sql;
	slot->st = q->st;
	c->cached_n++;
	return 0;
}

int
lite_query(struct lite_tx *t, struct lite_q *q, const char *sql,
	   const char *where, struct err *e)
{
	if (lite_prepare(t->c, q, sql, where, e) < 0)
		return -1;
	lite_int(q, t->tx.account);
	q->base = 1;
	return 0;
}

static void
bound(struct lite_q *q, int rc)
{
	if (rc != SQLITE_OK && q->bad == SQLITE_OK)
		q->bad = rc;
}

void
lite_int(struct lite_q *q, int64_t v)
{
	bound(q, sqlite3_bind_int64(q->st, ++q->at, v));
}

void
lite_null(struct lite_q *q)
{
	bound(q, sqlite3_bind_null(q->st, ++q->at));
}

void
lite_blob(struct lite_q *q, struct slice s)
{
	/* A NULL pointer would bind NULL, not an empty value. */
	bound(q, sqlite3_bind_blob64(q->st, ++q->at, s.n == 0 ? "" : s.p, s.n,
				     SQLITE_STATIC));
}

void
lite_blob_null(struct lite_q *q, struct slice s)
{
	if (s.n == 0)
		bound(q, sqlite3_bind_null(q->st, ++q->at));
	else
		lite_blob(q, s);
}

void
lite_text(struct lite_q *q, struct slice s)
{
	bound(q, sqlite3_bind_text64(q->st, ++q->at, s.n == 0 ? "" : s.p, s.n,
				     SQLITE_STATIC, SQLITE_UTF8));
}

void
lite_when(struct lite_q *q, int64_t ms)
{
	if (ms == INT64_MAX)
		lite_null(q);
	else
		lite_int(q, ms);
}

int64_t
lite_col_when(const struct lite_q *q, int col)
{
	return sqlite3_column_type(q->st, col) == SQLITE_NULL
		   ? INT64_MAX
		   : lite_col(q, col);
}

int
lite_good(struct lite_q *q, struct err *e)
{
	if (q->bad != SQLITE_OK)
		return lite_fail(q->c, q->bad, q->where, e);
	if (q->nomem)
		return lite_nomem(q->where, e);
	return 0;
}

int
lite_step(struct lite_q *q, struct err *e)
{
	int rc;

	if (q->bad != SQLITE_OK || q->nomem)
		return lite_good(q, e);
	rc = sqlite3_step(q->st);
	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE)
		return 0;
	return lite_fail(q->c, rc, q->where, e);
}

void
lite_rewind(struct lite_q *q)
{
	(void)sqlite3_reset(q->st);
	q->at = q->base;
}

int
lite_run(struct lite_q *q, struct err *e)
{
	int rc = lite_step(q, e);

	lite_rewind(q);
	return rc < 0 ? -1 : 0;
}

void
lite_end(struct lite_q *q)
{
	if (q->st == NULL)
		return;
	(void)sqlite3_reset(q->st);
	/* What was bound is the caller's and may vanish now. */
	(void)sqlite3_clear_bindings(q->st);
	q->st = NULL;
}

int
lite_once(struct lite_q *q, struct err *e)
{
	int rc = lite_step(q, e);

	lite_end(q);
	return rc < 0 ? -1 : 0;
}

struct slice
lite_col_bytes(struct lite_q *q, struct arena *a, int col)
{
	const void *p = sqlite3_column_blob(q->st, col);
	int n = sqlite3_column_bytes(q->st, col);
	struct slice s = { p, n < 0 ? 0 : (size_t)n };

	if (p == NULL) {
		/* NULL and empty come back alike; with a length it is
		   SQLite's own memory that ran out. */
		if (s.n > 0)
			q->nomem = true;
		return SLICE_LIT("");
	}
	s = arena_copy(a, s);
	if (s.p == NULL)
		q->nomem = true;
	return s;
}

void *
lite_list_add(struct lite_list *l)
{
	size_t cap = l->cap == 0 ? 16 : l->cap * 2;
	char *p;

	if (l->n == l->cap) {
		p = arena_array(l->a, cap, l->size);
		if (p == NULL)
			return NULL;
		if (l->n > 0)
			memcpy(p, l->p, l->n * l->size);
		l->p = p;
		l->cap = cap;
	}
	return l->p + l->size * l->n++;
}

void *
lite_row(struct lite_q *q, struct lite_list *l, int *rc, struct err *e)
{
	void *one;

	*rc = lite_step(q, e);
	if (*rc != 1)
		return NULL;
	one = lite_list_add(l);
	if (one == NULL)
		*rc = lite_nomem(q->where, e);
	return one;
}

int
lite_nomem(const char *where, struct err *e)
{
	return err_set(e, ERR_NOMEM, where,
		       "no memory for what the database returned");
}

static const char *
file_of(struct lite_conn *c)
{
	const char *p =
	    c->db == NULL ? NULL : sqlite3_db_filename(c->db, "main");

	return p == NULL || *p == 0 ? "the database" : p;
}

static int
constraint(struct lite_conn *c, int rc, const char *where, struct err *e)
{
	if (rc == SQLITE_CONSTRAINT_UNIQUE ||
	    rc == SQLITE_CONSTRAINT_PRIMARYKEY)
		return err_sys(e, ERR_CONFLICT, rc, where, "exists already: %s",
			       sqlite3_errmsg(c->db));
	return err_sys(e, ERR_BUG, rc, where, "%s", sqlite3_errmsg(c->db));
}

/* Waiting some seconds does not mend a disk. */
static int
lasting(struct err *e, int rc)
{
	if (e != NULL)
		e->lasting = true;
	return rc;
}

int
lite_fail(struct lite_conn *c, int rc, const char *where, struct err *e)
{
	const char *file = file_of(c);
	const char *said =
	    c->db == NULL ? sqlite3_errstr(rc) : sqlite3_errmsg(c->db);

	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_sys(e, ERR_UNAVAILABLE, rc, where,
			       "another process is writing to %s and did not "
			       "finish within %d seconds",
			       file, LITE_BUSY_MS / 1000);
	case SQLITE_FULL:
		return lasting(
		    e, err_sys(e, ERR_UNAVAILABLE, rc, where,
			       "no room to write to %s: free space on its disk",
			       file));
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return lasting(
		    e, err_sys(e, ERR_UNAVAILABLE, rc, where,
			       "%s cannot be written: let this user own the "
			       "file and its folder",
			       file));
	case SQLITE_CANTOPEN:
		return lasting(
		    e, err_sys(e, ERR_UNAVAILABLE, rc, where,
			       "%s cannot be opened: is the folder there, and "
			       "may this user use it?",
			       file));
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return lasting(
		    e, err_sys(e, ERR_UNAVAILABLE, rc, where,
			       "%s is damaged (%s): run `funicular check` and "
			       "restore the last backup",
			       file, said));
	case SQLITE_CONSTRAINT:
		return constraint(c, rc, where, e);
	case SQLITE_NOMEM:
		return err_sys(e, ERR_NOMEM, rc, where, "no memory left");
	case SQLITE_TOOBIG:
		return err_sys(e, ERR_LIMIT, rc, where,
			       "a value is larger than SQLite can hold");
	case SQLITE_IOERR:
		if (rc == SQLITE_IOERR_NOMEM)
			return err_sys(e, ERR_NOMEM, rc, where,
				       "no memory left");
		return lasting(
		    e, err_sys(e, ERR_UNAVAILABLE, rc, where,
			       "reading or writing %s failed (%s): look at its "
			       "disk",
			       file, sqlite3_errstr(rc)));
	default:
		return err_sys(e, ERR_BUG, rc, where, "%s", said);
	}
}

int
lite_script(struct lite_conn *c, const char *sql, const char *where,
	    struct err *e)
{
	while (*sql != 0) {
		sqlite3_stmt *st = NULL;
		int rc = sqlite3_prepare_v2(c->db, sql, -1, &st, &sql);

		if (rc != SQLITE_OK)
			return lite_fail(c, rc, where, e);
		if (st == NULL) /* blanks or a comment */
			continue;
		do {
			rc = sqlite3_step(st);
		} while (rc == SQLITE_ROW);
		(void)sqlite3_finalize(st);
		if (rc != SQLITE_DONE)
			return lite_fail(c, rc, where, e);
	}
	return 0;
}
