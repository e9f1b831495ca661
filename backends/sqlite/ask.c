/*
 * Questions for the reports: SQL that is not ours word by word, so it is
 * prepared for one run, and refused unless it only reads.
 */
#include "backends/sqlite/lite.h"

#include <stdio.h>

static const char WHERE[] = "store.query";

static int
wrong(struct lite_conn *c, struct err *e)
{
	return err_set(e, ERR_CONFIG, WHERE, "the query is refused: %s",
		       sqlite3_errmsg(c->db));
}

static int
prepare(struct lite_conn *c, const char *sql, sqlite3_stmt **st, struct err *e)
{
	const char *rest = NULL;
	int rc = sqlite3_prepare_v2(c->db, sql, -1, st, &rest);

	if (rc == SQLITE_ERROR || rc == SQLITE_AUTH)
		return wrong(c, e);
	if (rc != SQLITE_OK)
		return lite_fail(c, rc, WHERE, e);
	if (*st == NULL || slice_trim(slice_c(rest)).n > 0)
		return err_set(e, ERR_CONFIG, WHERE,
			       "a query is one statement");
	if (sqlite3_stmt_readonly(*st) == 0 || sqlite3_column_count(*st) == 0)
		return err_set(e, ERR_CONFIG, WHERE, "a query only reads");
	return 0;
}

static int
bind(struct lite_conn *c, sqlite3_stmt *st, const struct slice *param, size_t n,
     struct err *e)
{
	char name[24];

	for (size_t i = 0; i < n; i++) {
		int at, rc;

		(void)snprintf(name, sizeof(name), "$%zu", i + 1);
		at = sqlite3_bind_parameter_index(st, name);
		if (at == 0)
			continue; /* the text does not use it */
		rc = sqlite3_bind_text64(
		    st, at, param[i].n == 0 ? "" : param[i].p, param[i].n,
		    SQLITE_STATIC, SQLITE_UTF8);
		if (rc != SQLITE_OK)
			return lite_fail(c, rc, WHERE, e);
	}
	return 0;
}

static int
heads(sqlite3_stmt *st, struct arena *a, struct store_table *out, struct err *e)
{
	out->col_n = (size_t)sqlite3_column_count(st);
	out->name = ARENA_ARRAY(a, out->col_n, struct slice);
	out->number = ARENA_ARRAY(a, out->col_n, bool);
	if (out->name == NULL || out->number == NULL)
		return lite_nomem(WHERE, e);
	for (size_t i = 0; i < out->col_n; i++) {
		const char *name = sqlite3_column_name(st, (int)i);

		if (name == NULL)
			return lite_nomem(WHERE, e);
		out->name[i] = arena_copy(a, slice_c(name));
		out->number[i] = false;
		if (out->name[i].p == NULL)
			return lite_nomem(WHERE, e);
	}
	return 0;
}

/* A column's values are numbers when the first of them is one. */
static int
cell(sqlite3_stmt *st, struct arena *a, int col, bool *seen, bool *number,
     struct slice *out, struct err *e)
{
	int type = sqlite3_column_type(st, col);

	*out = (struct slice){ NULL, 0 };
	if (type == SQLITE_NULL)
		return 0;
	if (!*seen)
		*number = type == SQLITE_INTEGER || type == SQLITE_FLOAT;
	*seen = true;
	*out = (struct slice){ (const char *)sqlite3_column_text(st, col),
			       (size_t)sqlite3_column_bytes(st, col) };
	if (out->p == NULL)
		return lite_nomem(WHERE, e);
	*out = arena_copy(a, *out);
	return out->p == NULL ? lite_nomem(WHERE, e) : 0;
}

static int
rows(struct lite_conn *c, sqlite3_stmt *st, struct arena *a, size_t limit,
     struct store_table *out, struct err *e)
{
	struct lite_list l = { .a = a, .size = sizeof(struct slice) };
	bool *seen = ARENA_ARRAY(a, out->col_n, bool);
	int rc;

	if (seen == NULL)
		return lite_nomem(WHERE, e);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		if (out->row_n == limit) {
			out->more = true;
			break;
		}
		for (size_t i = 0; i < out->col_n; i++) {
			struct slice *one = lite_list_add(&l);

			if (one == NULL)
				return lite_nomem(WHERE, e);
			if (cell(st, a, (int)i, &seen[i], &out->number[i], one,
				 e) < 0)
				return -1;
		}
		out->row_n++;
	}
	out->cell = (struct slice *)(void *)l.p;
	if (rc == SQLITE_ERROR)
		return wrong(c, e);
	return rc == SQLITE_ROW || rc == SQLITE_DONE
		   ? 0
		   : lite_fail(c, rc, WHERE, e);
}

int
lite_ask(struct store *s, struct arena *a, const char *sql,
	 const struct slice *param, size_t n, size_t limit,
	 struct store_table *out, struct err *e)
{
	struct lite_conn *c;
	sqlite3_stmt *st = NULL;
	int rc;

	*out = (struct store_table){ .row_n = 0 };
	if (lite_take(lite_of(s), &c, e) < 0)
		return -1;
	rc = prepare(c, sql, &st, e);
	if (rc == 0)
		rc = bind(c, st, param, n, e);
	if (rc == 0)
		rc = heads(st, a, out, e);
	if (rc == 0)
		rc = rows(c, st, a, limit, out, e);
	(void)sqlite3_finalize(st);
	lite_give(lite_of(s), c);
	return rc;
}
