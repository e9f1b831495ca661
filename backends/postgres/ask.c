/*
 * Questions for the reports: SQL that is not ours word by word. It is the
 * text of a cursor in a transaction that only reads, so that it can be
 * nothing but one question, and no more rows come than were asked for.
 */
#include "backends/postgres/pg.h"

#include <stdio.h>

#define WHERE "store.query"

enum { ASK_PARAMS_MAX = 8, TEXT_OID = 25 };

/* Of a number's type. */
static bool
is_number(Oid type)
{
	return type == 20 || type == 21 || type == 23 || type == 700 ||
	       type == 701 || type == 1700;
}

/* The asker's fault: its text, or what its role may see. */
static bool
is_wrong(const PGresult *r)
{
	const char *five = PQresultErrorField(r, PG_DIAG_SQLSTATE);

	return five != NULL &&
	       (memcmp(five, "42", 2) == 0 || memcmp(five, "22", 2) == 0 ||
		memcmp(five, "25", 2) == 0);
}

static int
good(struct pg_conn *c, PGresult *r, struct err *e)
{
	if (PQresultStatus(r) == PGRES_COMMAND_OK ||
	    PQresultStatus(r) == PGRES_TUPLES_OK)
		return 0;
	if (r != NULL && is_wrong(r))
		return err_set(e, ERR_CONFIG, WHERE, "the query is refused: %s",
			       PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY));
	return pg_fail(c, r, WHERE, e);
}

static int
say(struct pg_conn *c, const char *sql, struct err *e)
{
	PGresult *r = PQexec(c->pg, sql);
	int rc = good(c, r, e);

	PQclear(r);
	return rc;
}

static int
declare(struct pg_conn *c, struct arena *a, const char *sql,
	const struct slice *param, size_t n, struct err *e)
{
	const char *v[ASK_PARAMS_MAX];
	Oid type[ASK_PARAMS_MAX];
	struct slice text;
	PGresult *r;
	int rc;

	if (n > ASK_PARAMS_MAX)
		return err_set(e, ERR_CONFIG, WHERE,
			       "a query has at most %d parameters",
			       ASK_PARAMS_MAX);
	for (size_t i = 0; i < n; i++) {
		type[i] = TEXT_OID;
		v[i] = arena_cstr(a, param[i]);
		if (v[i] == NULL)
			return err_set(e, ERR_CONFIG, WHERE,
				       "a parameter is not text");
	}
	text = arena_printf(a, "DECLARE question NO SCROLL CURSOR FOR %s", sql);
	if (text.p == NULL)
		return pg_nomem(WHERE, e);
	r = PQexecParams(c->pg, text.p, (int)n, type, v, NULL, NULL, 0);
	rc = good(c, r, e);
	PQclear(r);
	return rc;
}

static int
copy(struct arena *a, const PGresult *r, size_t limit, struct store_table *out,
     struct err *e)
{
	size_t rows = (size_t)PQntuples(r);

	out->col_n = (size_t)PQnfields(r);
	out->more = rows > limit;
	out->row_n = out->more ? limit : rows;
	out->name = ARENA_ARRAY(a, out->col_n, struct slice);
	out->number = ARENA_ARRAY(a, out->col_n, bool);
	out->cell = ARENA_ARRAY(a, out->row_n * out->col_n + 1, struct slice);
	if (out->name == NULL || out->number == NULL || out->cell == NULL)
		return pg_nomem(WHERE, e);
	for (size_t i = 0; i < out->col_n; i++) {
		out->name[i] = arena_copy(a, slice_c(PQfname(r, (int)i)));
		out->number[i] = is_number(PQftype(r, (int)i));
		if (out->name[i].p == NULL)
			return pg_nomem(WHERE, e);
	}
	for (size_t i = 0; i < out->row_n * out->col_n; i++) {
		int row = (int)(i / out->col_n), col = (int)(i % out->col_n);

		if (PQgetisnull(r, row, col))
			continue;
		out->cell[i] = arena_copy(
		    a, (struct slice){ PQgetvalue(r, row, col),
				       (size_t)PQgetlength(r, row, col) });
		if (out->cell[i].p == NULL)
			return pg_nomem(WHERE, e);
	}
	return 0;
}

static int
fetch(struct pg_conn *c, struct arena *a, size_t limit, struct store_table *out,
      struct err *e)
{
	char sql[64];
	PGresult *r;
	int rc;

	(void)snprintf(sql, sizeof(sql), "FETCH %lld FROM question",
		       (long long)pg_limit(limit) + 1);
	r = PQexec(c->pg, sql);
	rc = good(c, r, e);
	if (rc == 0 && PQnfields(r) == 0)
		rc = err_set(e, ERR_CONFIG, WHERE, "a query brings columns");
	if (rc == 0)
		rc = copy(a, r, limit, out, e);
	PQclear(r);
	return rc;
}

/* A report may take longer than a message; a lock it never waits for long. */
static const char BEGIN[] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
			    "SET LOCAL statement_timeout = '10min'";

static int
ask(struct pg_conn *c, struct arena *a, const char *sql,
    const struct slice *param, size_t n, size_t limit, struct store_table *out,
    struct err *e)
{
	int rc = say(c, BEGIN, e);

	if (rc == 0)
		rc = declare(c, a, sql, param, n, e);
	if (rc == 0)
		rc = fetch(c, a, limit, out, e);
	if (say(c, "ROLLBACK", rc < 0 ? NULL : e) < 0) {
		c->broken = true;
		rc = -1;
	}
	return rc;
}

int
pg_ask(struct store *s, struct arena *a, const char *sql,
       const struct slice *param, size_t n, size_t limit,
       struct store_table *out, struct err *e)
{
	struct pg_conn *c;
	int rc;

	*out = (struct store_table){ .row_n = 0 };
	if (pg_take(pg_of(s), &c, e) < 0)
		return -1;
	if (PQexitPipelineMode(c->pg) == 0) {
		rc = pg_fail(c, NULL, WHERE, e);
	} else {
		rc = ask(c, a, sql, param, n, limit, out, e);
		if (PQenterPipelineMode(c->pg) == 0)
			c->broken = true;
	}
	pg_give(pg_of(s), c);
	return rc;
}
