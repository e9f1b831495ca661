/*
 * A site copied from one store into another (backends/copy.h).
 *
 *	test_store_copy [TARGET [SOURCE]]    kinds as in tests/postgres/place.h
 */
#include "tests/store/t_store.h"

#include "backends/copy.h"
#include "backends/rows.h"
#include "base/random.h"

#include <libpq-fe.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

static enum place_kind to_kind;

struct c_env {
	struct t_env *t; /* its store is the source */
	struct place to;
	struct store *s; /* the target */
	struct arena *a; /* for what is large */
	struct rnd_seeded rnd;
};

static int
setup(void **state)
{
	struct c_env *env = calloc(1, sizeof(*env));
	char file[120];
	void *t = NULL;

	assert_non_null(env);
	assert_int_equal(t_setup(&t), 0);
	env->t = t;
	(void)snprintf(file, sizeof(file), "%s/target.db", env->t->dir);
	place_take(&env->to, to_kind, file);
	OK(env->t, store_open(env->to.uri, true, &env->s, &env->t->e));
	env->a = arena_new((size_t)1 << 30);
	assert_non_null(env->a);
	rnd_seed(&env->rnd, 7);
	*state = env;
	return 0;
}

static int
teardown(void **state)
{
	struct c_env *env = *state;
	void *t = env->t;

	if (env->s != NULL)
		env->s->v->close(&env->s);
	arena_free(&env->a);
	place_give(&env->to);
	(void)t_teardown(&t);
	free(env);
	return 0;
}

static struct store_copy
job(struct c_env *env, enum store_copy_what what)
{
	return (struct store_copy){
		.from = env->t->s,
		.to = env->s,
		.to_name = "the other one",
		.what = what,
	};
}

/* Runs it; no differences. */
static struct store_copy_sum
copied(struct c_env *env, enum store_copy_what what)
{
	struct store_copy c = job(env, what);

	OK(env->t, store_copy_run(&c, env->t->a, &env->t->e));
	for (size_t i = 0; i < c.finding.n; i++)
		print_error("differs: %.*s\n", SLICE_ARG(c.finding.text[i]));
	assert_int_equal(c.finding.all, 0);
	assert_int_equal(c.note.all, 0);
	return c.sum;
}

/* Whatever SQL both engines understand, past our own code. */
static void
raw(struct c_env *env, const struct place *p, const char *sql)
{
	char conninfo[320];
	char *why = NULL;
	PGresult *r;
	PGconn *pg;
	sqlite3 *db;

	if (p->kind == PLACE_SQLITE) {
		assert_int_equal(sqlite3_open(p->uri + strlen("sqlite:"), &db),
				 SQLITE_OK);
		if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
			fail_msg("%s: %s", sql, why);
		assert_int_equal(sqlite3_close(db), SQLITE_OK);
		return;
	}
	(void)env;
	place_conninfo(p, conninfo, sizeof(conninfo));
	pg = PQconnectdb(conninfo);
	r = PQexec(pg, sql);
	if (PQresultStatus(r) != PGRES_COMMAND_OK)
		fail_msg("%s: %s", sql, PQresultErrorMessage(r));
	PQclear(r);
	PQfinish(pg);
}

/* ---- the catalogue ---------------------------------------------------------
 */

static const char SQL_LITE_COLUMNS[] =
    "SELECT replace(c.class, 'work', 'account') || ' ' || c.name || '.' || "
    "t.name || ' ' ||"
    " CASE t.type WHEN 'INTEGER' THEN 'number' WHEN 'BLOB' THEN 'bytes'"
    " WHEN 'TEXT' THEN 'text' END || CASE WHEN t.pk > 0"
    " THEN ' key ' || t.pk ELSE '' END"
    " FROM table_class c, pragma_table_info(c.name) t"
    " WHERE c.name NOT IN ('migration', 'table_class')"
    " ORDER BY c.name, t.cid";
static const char SQL_PG_COLUMNS[] =
    "SELECT replace(c.class, 'work', 'account') || ' ' || c.name || '.' || "
    "a.attname || ' ' ||"
    " CASE a.atttypid WHEN 'bigint'::regtype THEN 'number'"
    " WHEN 'bytea'::regtype THEN 'bytes' WHEN 'text'::regtype THEN 'text'"
    " END || coalesce(' key ' || array_position(i.indkey::int[],"
    " a.attnum::int) + 1, '')"
    " FROM table_class c JOIN pg_attribute a ON a.attrelid = c.name::regclass"
    " AND a.attnum > 0 AND NOT a.attisdropped"
    " JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary"
    " WHERE c.name NOT IN ('migration', 'table_class')"
    " ORDER BY c.name COLLATE \"C\", a.attnum";

static void
lite_columns(const struct place *p, struct buf *out)
{
	sqlite3_stmt *st = NULL;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(p->uri + strlen("sqlite:"), &db),
			 SQLITE_OK);
	assert_int_equal(
	    sqlite3_prepare_v2(db, SQL_LITE_COLUMNS, -1, &st, NULL), SQLITE_OK);
	while (sqlite3_step(st) == SQLITE_ROW)
		buf_printf(out, "%s\n",
			   (const char *)sqlite3_column_text(st, 0));
	(void)sqlite3_finalize(st);
	(void)sqlite3_close(db);
}

static void
pg_columns(const struct place *p, struct buf *out)
{
	char conninfo[320];
	PGconn *pg;
	PGresult *r;

	place_conninfo(p, conninfo, sizeof(conninfo));
	pg = PQconnectdb(conninfo);
	r = PQexec(pg, SQL_PG_COLUMNS);
	if (PQresultStatus(r) != PGRES_TUPLES_OK)
		fail_msg("%s", PQresultErrorMessage(r));
	for (int i = 0; i < PQntuples(r); i++)
		buf_printf(out, "%s\n", PQgetvalue(r, i, 0));
	PQclear(r);
	PQfinish(pg);
}

static int
by_name(const void *x, const void *y)
{
	const struct rows_table *const *a = x;
	const struct rows_table *const *b = y;

	return strcmp((*a)->name, (*b)->name);
}

static void
our_columns(struct buf *out)
{
	static const char *const type[] = { [ROWS_INT] = "number",
					    [ROWS_BYTES] = "bytes",
					    [ROWS_TEXT] = "text",
					    [ROWS_SEAL] = "number" };
	const struct rows_table *t[64];
	size_t n = 0;

	assert_true(rows_table_n <= 64);
	for (size_t i = 0; i < rows_table_n; i++)
		if (rows_tables[i].class != ROWS_LOCAL)
			t[n++] = &rows_tables[i];
	qsort(t, n, sizeof(t[0]), by_name);
	for (size_t i = 0; i < n; i++) {
		for (int k = 0; k < t[i]->col_n; k++) {
			buf_printf(out, "%s %s.%s %s",
				   t[i]->class == ROWS_ACCOUNT ? "account"
							       : "site",
				   t[i]->name, t[i]->col[k].name,
				   type[t[i]->col[k].type]);
			if (k < t[i]->key_n)
				buf_printf(out, " key %d", k + 1);
			buf_byte(out, '\n');
		}
	}
}

/* Tables that stay behind are named, too. */
static bool
is_local(struct slice line)
{
	for (size_t i = 0; i < rows_table_n; i++) {
		char start[80];

		if (rows_tables[i].class != ROWS_LOCAL)
			continue;
		(void)snprintf(start, sizeof(start), "site %s.",
			       rows_tables[i].name);
		if (slice_starts(line, start))
			return true;
	}
	return false;
}

static void
no_column_is_forgotten(void **state)
{
	struct c_env *env = *state;
	const struct place *both[] = { &env->t->place, &env->to };

	for (size_t i = 0; i < 2; i++) {
		struct buf there = BUF_IN(env->t->a);
		struct buf ours = BUF_IN(env->t->a);
		struct slice x, y, line, want;

		if (both[i]->kind == PLACE_SQLITE)
			lite_columns(both[i], &there);
		else
			pg_columns(both[i], &there);
		our_columns(&ours);
		assert_true(buf_ok(&there) && buf_ok(&ours) && there.n > 0);
		x = buf_slice(&there);
		y = buf_slice(&ours);
		while (slice_split(&x, '\n', &line)) {
			if (is_local(line))
				continue;
			if (!slice_split(&y, '\n', &want) ||
			    !slice_eq(line, want))
				fail_msg("%s: the catalogue says \"%.*s\", "
					 "backends/rows.c \"%.*s\"",
					 both[i]->uri, SLICE_ARG(line),
					 SLICE_ARG(want));
		}
		assert_false(slice_split(&y, '\n', &want));
	}
}

/* ---- a site of every kind of value
 * -------------------------------------------
 */

enum { FIRST = 1000003, ACCOUNTS = 3, ROWS = 7, MANY = 2500 };

struct fill {
	struct c_env *env;
	const struct rows_table *t;
	int64_t account;
	uint64_t count; /* makes values unique */
	size_t big;     /* bytes of some large values */
};

static uint64_t
draw(struct c_env *env, uint64_t below)
{
	uint64_t v;

	env->rnd.r.fill(&env->rnd.r, &v, sizeof(v));
	return v % below;
}

static int64_t
some_int(struct c_env *env)
{
	static const int64_t odd[] = { 0, 1, -1, INT64_MAX, INT64_MIN, 77 };

	return odd[draw(env, sizeof(odd) / sizeof(odd[0]))];
}

static struct slice
some_bytes(struct fill *f, bool text)
{
	static const char *const start[] = { "plain", "\xC3\xA4\xC3\xB6",
					     "\xFF\xFE", "a\nb\"',\\" };
	struct buf b = BUF_IN(f->env->a);

	/* First what makes it unique: SQLite's NOCASE looks up to a NUL. */
	buf_printf(&b, "%llu", (unsigned long long)f->count);
	buf_str(&b, start[draw(f->env, 4)]);
	if (!text || draw(f->env, 3) == 0)
		buf_byte(&b, 0);
	buf_str(&b, "end");
	assert_true(buf_ok(&b));
	return buf_slice(&b);
}

static bool
is_big(const char *column)
{
	return strcmp(column, "body") == 0 || strcmp(column, "bytes") == 0;
}

static bool
may_be_null(const char *column)
{
	static const char *const names[] = { "span_from", "span_to", "luid",
					     "offers", "token_hash" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(column, names[i]) == 0)
			return true;
	return false;
}

static void
fill_cell(struct fill *f, int i, size_t n, struct rows_cell *out)
{
	const struct rows_column *c = &f->t->col[i];

	*out = (struct rows_cell){ .null = false };
	f->count++;
	if (strcmp(c->name, "account_id") == 0)
		out->i = f->account;
	else if (strcmp(c->name, "change_no") == 0 || i < f->t->key_n)
		out->i = (int64_t)n + 1;
	else
		out->i = some_int(f->env);
	if (c->type == ROWS_SEAL)
		out->i = 0;
	if (c->type == ROWS_BYTES || c->type == ROWS_TEXT)
		out->s = some_bytes(f, c->type == ROWS_TEXT);
	if (n == 0 && i >= f->t->key_n) /* once in a table: it may be unique */
		out->s = SLICE_LIT("");
	if ((n == 1 || n == 2) && f->account == FIRST && is_big(c->name)) {
		char *p = arena_alloc(f->env->a, f->big);

		assert_non_null(p);
		memset(p, (int)f->count, f->big);
		out->s = (struct slice){ p, f->big };
	}
	if (n % 3 == 2 && may_be_null(c->name))
		out->null = true;
}

static void
fill_table(struct fill *f, struct rows *r, size_t n)
{
	struct rows_batch b = { .t = f->t, .n = n };

	b.cell =
	    ARENA_ARRAY(f->env->a, n * (size_t)f->t->col_n, struct rows_cell);
	assert_non_null(b.cell);
	for (size_t k = 0; k < n; k++)
		for (int i = 0; i < f->t->col_n; i++)
			fill_cell(f, i, k,
				  &b.cell[k * (size_t)f->t->col_n + (size_t)i]);
	OK(f->env->t, r->s->v->rows->write(r, &b, &f->env->t->e));
}

/* Accounts that no engine would write, with odd values in every column; rows of
   one of them, and bytes of some values in another. */
static void
fill(struct c_env *env, size_t many, size_t big)
{
	struct fill f = { .env = env, .big = big };
	struct store *s = env->t->s;
	struct rows *r = NULL;

	OK(env->t, s->v->rows->begin(s, STORE_WRITE, &r, &env->t->e));
	for (int64_t a = 1; a <= ACCOUNTS; a++) {
		f.account = a * FIRST;
		for (size_t i = 0; i < rows_table_n; i++) {
			f.t = &rows_tables[i];
			if (f.t->class == ROWS_ACCOUNT)
				fill_table(&f, r,
					   f.t->key_n == 1 ? 1
					   : a == 2        ? many
							   : ROWS);
		}
	}
	for (size_t i = 0; i < rows_table_n; i++) {
		f.t = &rows_tables[i];
		if (f.t->class == ROWS_SITE || f.t->class == ROWS_LOOSE)
			fill_table(&f, r, ROWS);
	}
	OK(env->t, s->v->rows->commit(&r, &env->t->e));
}

/* ---- reading back, without the copy's own walk
 * --------------------------------
 */

static struct rows_batch
all_rows(struct c_env *env, struct store *s, const struct rows_table *t)
{
	struct rows_ask ask = { .t = t,
				.limit = 100000,
				.bytes = SIZE_MAX / 4 };
	struct rows_batch b;
	struct rows *r = NULL;

	OK(env->t, s->v->rows->begin(s, STORE_READ, &r, &env->t->e));
	OK(env->t, s->v->rows->read(r, env->a, &ask, &b, &env->t->e));
	s->v->rows->rollback(&r);
	return b;
}

static bool
same_cell(enum rows_type type, const struct rows_cell *x,
	  const struct rows_cell *y)
{
	if (x->null || y->null || type == ROWS_SEAL)
		return x->null == y->null;
	if (type == ROWS_INT)
		return x->i == y->i;
	if (type == ROWS_BYTES || slice_eq(x->s, y->s))
		return slice_eq(x->s, y->s);
	/* A text made safe has the character that stands for what is none. */
	return slice_utf8_ok(y->s) && slice_find(y->s, 0) == SIZE_MAX &&
	       slice_find_str(y->s, "\xEF\xBF\xBD") != SIZE_MAX;
}

static void
same_rows(struct c_env *env)
{
	for (size_t i = 0; i < rows_table_n; i++) {
		const struct rows_table *t = &rows_tables[i];
		struct rows_batch x, y;

		if (t->class == ROWS_LOCAL || strcmp(t->name, "site") == 0)
			continue;
		x = all_rows(env, env->t->s, t);
		y = all_rows(env, env->s, t);
		if (x.n != y.n)
			fail_msg("%s: %zu rows and %zu", t->name, x.n, y.n);
		assert_true(x.n >= ROWS || t->key_n == 1);
		for (size_t k = 0; k < x.n * (size_t)t->col_n; k++) {
			int col = (int)(k % (size_t)t->col_n);

			if (!same_cell(t->col[col].type, &x.cell[k],
				       &y.cell[k]))
				fail_msg("%s.%s differs in row %zu", t->name,
					 t->col[col].name,
					 k / (size_t)t->col_n);
		}
	}
}

static void
everything_arrives(void **state)
{
	enum { BIG = 3 << 20 };
	struct c_env *env = *state;
	struct store_copy_sum sum;

	/* Two of the big ones are more than a batch. */
	fill(env, MANY, BIG);
	sum = copied(env, STORE_COPY_MOVE);
	assert_int_equal(sum.accounts, ACCOUNTS + 2);
	assert_int_equal(sum.copied, ACCOUNTS + 2);
	assert_true(sum.bytes > BIG);
	same_rows(env);
	sum = copied(env, STORE_COPY_CHECK);
	assert_int_equal(sum.compared, ACCOUNTS + 2);
}

/* ---- who may work on what ---------------------------------------------------
 */

static void
try_write(struct c_env *env, struct store *s, bool may)
{
	struct store_tx *tx = NULL;
	int rc = s->v->begin(s, env->t->anna, STORE_WRITE, 1, &tx, &env->t->e);

	if (may) {
		OK(env->t, rc);
		s->v->rollback(&tx);
		return;
	}
	FAILS(env->t, ERR_UNAVAILABLE, rc);
	assert_non_null(strstr(env->t->e.msg, "moved"));
}

static void
the_source_is_sealed(void **state)
{
	struct c_env *env = *state;
	struct store *from = env->t->s;
	struct store_tx *tx;
	struct store_copy c = job(env, STORE_COPY_MOVE);

	(void)t_item(env->t, env->t->anna, 1, "body", 1);
	OK(env->t, store_copy_usable(from, &env->t->e));
	(void)copied(env, STORE_COPY_AHEAD);
	OK(env->t, store_copy_usable(from, &env->t->e));
	try_write(env, from, true);
	FAILS(env->t, ERR_CONFIG, store_copy_usable(env->s, &env->t->e));
	assert_int_equal(copied(env, STORE_COPY_MOVE).copied, 0);
	FAILS(env->t, ERR_CONFIG, store_copy_usable(from, &env->t->e));
	OK(env->t, store_copy_usable(env->s, &env->t->e));
	try_write(env, from, false);
	try_write(env, env->s, true);
	/* Reading is harmless. */
	tx = t_begin(env->t, env->t->anna, STORE_READ, 1);
	t_commit(env->t, &tx);
	/* Nobody copies a site that has moved once more. */
	FAILS(env->t, ERR_CONFLICT, store_copy_run(&c, env->t->a, &env->t->e));
	assert_non_null(strstr(env->t->e.msg, "the other one"));
	try_write(env, from, false);
	OK(env->t, store_copy_reopen(from, &env->t->e));
	OK(env->t, store_copy_usable(from, &env->t->e));
	try_write(env, from, true);
}

static void
kept_both_can_be_used(void **state)
{
	struct c_env *env = *state;

	(void)copied(env, STORE_COPY_KEEP);
	OK(env->t, store_copy_usable(env->t->s, &env->t->e));
	OK(env->t, store_copy_usable(env->s, &env->t->e));
	try_write(env, env->t->s, true);
	try_write(env, env->s, true);
}

static void
targets_in_use_are_refused(void **state)
{
	struct c_env *env = *state;
	struct store_account in = { .user = SLICE_LIT("carla") };
	struct store_copy c = job(env, STORE_COPY_MOVE);
	int64_t id;

	OK(env->t, env->s->v->account_create(env->s, &in, &id, &env->t->e));
	FAILS(env->t, ERR_CONFLICT, store_copy_run(&c, env->t->a, &env->t->e));
	try_write(env, env->t->s, true);
	OK(env->t, env->s->v->account_erase(env->s, id, &env->t->e));
	raw(env, &env->to,
	    env->to.kind == PLACE_SQLITE
		? "INSERT INTO site VALUES ('copy_of', x'61')"
		: "INSERT INTO site VALUES ('copy_of', 'a')");
	FAILS(env->t, ERR_CONFLICT, store_copy_run(&c, env->t->a, &env->t->e));
	assert_non_null(strstr(env->t->e.msg, "another site"));
	/* And an unfinished copy is no source. */
	c.from = env->s;
	c.to = env->t->s;
	FAILS(env->t, ERR_CONFLICT, store_copy_run(&c, env->t->a, &env->t->e));
}

/* ---- a source in use
 * --------------------------------------------------------- */

struct meddler {
	struct c_env *env;
	int64_t late; /* an account made meanwhile */
	int64_t item;
	bool done, sealed;
};

/* When both are copied: a change in the first, and a new one; under the seal
   nobody gets in. */
static void
meddle(void *ctx, const struct store_copy_sum *s)
{
	struct meddler *m = ctx;
	struct t_env *t = m->env->t;

	if (!m->done && s->pass == 1 && s->done == 2) {
		m->done = true;
		m->item = t_item(t, t->anna, 1, "meanwhile", 5);
		m->late = t_account(t, "late");
	}
	if (s->sealed && !m->sealed) {
		m->sealed = true;
		try_write(m->env, t->s, false);
	}
}

static void
changes_meanwhile_are_copied(void **state)
{
	struct c_env *env = *state;
	struct meddler m = { .env = env };
	struct store_copy c = job(env, STORE_COPY_MOVE);
	struct store *from = env->t->s;
	struct store_tx *tx;

	c.tell = meddle;
	c.ctx = &m;
	OK(env->t, store_copy_run(&c, env->t->a, &env->t->e));
	assert_true(m.done && m.sealed);
	assert_int_equal(c.finding.all, 0);
	assert_int_equal(c.sum.accounts, 3);
	assert_int_equal(c.sum.copied, 4);
	assert_true(c.sum.sealed);
	(void)copied(env, STORE_COPY_CHECK);
	env->t->s = env->s;
	tx = t_begin(env->t, env->t->anna, STORE_READ, 1);
	SLICE_IS(t_head(env->t, tx, m.item).body, "meanwhile");
	t_commit(env->t, &tx);
	t_sound(env->t);
	env->t->s = from;
}

/* Another one while the first is at work, whatever it wants to do; under the
   seal too. */
static void
try_second(void *ctx, const struct store_copy_sum *s)
{
	struct meddler *m = ctx;
	struct t_env *t = m->env->t;
	struct store_copy c = job(m->env, STORE_COPY_AHEAD);
	bool *done = s->sealed ? &m->sealed : &m->done;
	struct err e = { 0 };

	if (*done)
		return;
	*done = true;
	assert_int_equal(store_copy_run(&c, t->a, &e), -1);
	assert_int_equal(e.code, ERR_CONFLICT);
	assert_non_null(strstr(e.msg, "another `funicular copy`"));
	e = (struct err){ 0 };
	assert_int_equal(store_copy_reopen(t->s, &e), -1);
	assert_int_equal(e.code, ERR_CONFLICT);
}

static void
a_second_one_is_refused(void **state)
{
	struct c_env *env = *state;
	struct meddler m = { .env = env };
	struct store_copy c = job(env, STORE_COPY_MOVE);

	fill(env, ROWS, 5000);
	c.tell = try_second;
	c.ctx = &m;
	OK(env->t, store_copy_run(&c, env->t->a, &env->t->e));
	assert_true(m.done && m.sealed);
	assert_int_equal(c.finding.all, 0);
	/* The first one is over. */
	(void)copied(env, STORE_COPY_CHECK);
	OK(env->t, store_copy_reopen(env->t->s, &env->t->e));
}

static void
removed_users_go(void **state)
{
	struct c_env *env = *state;

	(void)copied(env, STORE_COPY_AHEAD);
	OK(env->t,
	   env->t->s->v->account_erase(env->t->s, env->t->bert, &env->t->e));
	assert_int_equal(copied(env, STORE_COPY_MOVE).accounts, 1);
	(void)copied(env, STORE_COPY_CHECK);
}

/* ---- what differs is found
 * ---------------------------------------------------- */

static bool
found(const struct store_copy_say *say, const char *text)
{
	for (size_t i = 0; i < say->n; i++)
		if (slice_find_str(say->text[i], text) != SIZE_MAX)
			return true;
	return false;
}

static void
must_differ(struct c_env *env, const char *sql, const char *text)
{
	struct store_copy c = job(env, STORE_COPY_CHECK);

	raw(env, &env->to, sql);
	OK(env->t, store_copy_run(&c, env->t->a, &env->t->e));
	if (!found(&c.finding, text))
		fail_msg("\"%s\" is not found after %s", text, sql);
}

/* One value of one row. */
static void
harm_column(struct c_env *env, const struct rows_table *t)
{
	const struct rows_column *c = &t->col[t->col_n - 1];
	char sql[400];
	char said[80];

	if (c->type == ROWS_SEAL)
		c--;
	(void)snprintf(
	    sql, sizeof(sql),
	    "UPDATE \"%s\" SET \"%s\" = %s WHERE \"%s\" ="
	    " (SELECT min(\"%s\") FROM \"%s\"%s)%s",
	    t->name, c->name,
	    c->type == ROWS_TEXT           ? "'x'"
	    : c->type == ROWS_INT          ? "4"
	    : env->to.kind == PLACE_SQLITE ? "x'7878'"
					   : "'xx'",
	    t->col[t->key_n - 1].name, t->col[t->key_n - 1].name, t->name,
	    t->class == ROWS_ACCOUNT ? " WHERE account_id = 2000006" : "",
	    t->class == ROWS_ACCOUNT ? " AND account_id = 2000006" : "");
	(void)snprintf(said, sizeof(said), "table %s has", t->name);
	must_differ(env, sql, said);
}

static void
differences_are_found(void **state)
{
	struct c_env *env = *state;
	char sql[200];
	char said[80];

	fill(env, ROWS, 5000);
	(void)copied(env, STORE_COPY_MOVE);
	for (size_t i = rows_table_n; i-- > 0;) {
		const struct rows_table *t = &rows_tables[i];

		if (t->class == ROWS_LOCAL || t->class == ROWS_LOOSE)
			continue;
		if (t->key_n < t->col_n && i > 0 &&
		    (t->class == ROWS_ACCOUNT || t->key_n == 1) &&
		    t->col[t->key_n - 1].type == ROWS_INT)
			harm_column(env, t);
		(void)snprintf(
		    sql, sizeof(sql), "DELETE FROM \"%s\"%s", t->name,
		    t->class == ROWS_ACCOUNT ? " WHERE account_id = 3000009"
					     : "");
		(void)snprintf(said, sizeof(said),
			       i == 0 ? "is not in the target" : "table %s has",
			       t->name);
		must_differ(env, sql, said);
	}
}

/* A row that was damaged in an unfinished copy is mended, and said. */
static void
damage_is_mended(void **state)
{
	struct c_env *env = *state;
	struct store_copy c = job(env, STORE_COPY_MOVE);

	(void)t_item(env->t, env->t->anna, 1, "body", 1);
	(void)copied(env, STORE_COPY_AHEAD);
	raw(env, &env->to, "UPDATE item SET size = 5000");
	OK(env->t, store_copy_run(&c, env->t->a, &env->t->e));
	assert_int_equal(c.finding.all, 0);
	assert_int_equal(c.note.all, 1);
	assert_true(found(&c.note, "account Anna: table item has 1 rows"));
	assert_true(found(&c.note, "item_id 2"));
	assert_int_equal(c.sum.copied, 1);
	(void)copied(env, STORE_COPY_CHECK);
}

/* The directory of logins changes under the copy's hands. */
static void
spoil_site(void *ctx, const struct store_copy_sum *s)
{
	struct meddler *m = ctx;
	struct t_env *t = m->env->t;
	struct store_account in = { .user = SLICE_LIT("late") };

	if (m->done || !s->sealed || s->done < s->accounts)
		return;
	m->sealed =
	    !m->sealed; /* this is the account's; the next is a table's */
	if (m->sealed)
		return;
	m->done = true;
	OK(t, t->s->v->account_create(t->s, &in, &m->late, &t->e));
}

/* After a failure under the seal the source is in use again, and the next run
   goes on. */
static void
a_failure_opens_the_source(void **state)
{
	struct c_env *env = *state;
	struct meddler m = { .env = env };
	struct store_copy c = job(env, STORE_COPY_MOVE);

	(void)copied(env, STORE_COPY_AHEAD);
	c.tell = spoil_site;
	c.ctx = &m;
	OK(env->t, store_copy_run(&c, env->t->a, &env->t->e));
	assert_true(m.done);
	assert_true(found(&c.finding, "the site: table login has"));
	assert_false(c.sum.sealed);
	OK(env->t, store_copy_usable(env->t->s, &env->t->e));
	try_write(env, env->t->s, true);
	FAILS(env->t, ERR_CONFIG, store_copy_usable(env->s, &env->t->e));
	assert_int_equal(copied(env, STORE_COPY_MOVE).accounts, 3);
	(void)copied(env, STORE_COPY_CHECK);
}

/* ---- killed
 * ---------------------------------------------------------------------
 */

struct killer {
	int at; /* dies when it hears for this time */
	int heard;
};

static void
die(void *ctx, const struct store_copy_sum *s)
{
	struct killer *k = ctx;

	(void)s;
	if (++k->heard == k->at)
		(void)kill(getpid(), SIGKILL);
}

/* In a process of its own. true: it lived to the end. */
static bool
run_until(struct c_env *env, int at)
{
	struct killer k = { .at = at };
	struct store_copy c = job(env, STORE_COPY_MOVE);
	struct err e = { 0 };
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		c.tell = die;
		c.ctx = &k;
		if (store_open(env->t->uri, false, &c.from, &e) < 0 ||
		    store_open(env->to.uri, false, &c.to, &e) < 0 ||
		    store_copy_run(&c, env->t->a, &e) < 0) {
			print_error("%s\n", e.msg);
			_exit(1);
		}
		_exit(c.finding.all > 0 ? 2 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGKILL);
		return false;
	}
	assert_int_equal(WEXITSTATUS(status), 0);
	return true;
}

static void
reopen_stores(struct c_env *env, bool open)
{
	if (!open) {
		env->t->s->v->close(&env->t->s);
		env->s->v->close(&env->s);
		return;
	}
	OK(env->t, store_open(env->t->uri, false, &env->t->s, &env->t->e));
	OK(env->t, store_open(env->to.uri, false, &env->s, &env->t->e));
}

/* Killed again and again, a step later each time, it comes to its end. */
static void
killed_it_goes_on(void **state)
{
	struct c_env *env = *state;
	int at = 1;

	fill(env, ROWS, 5000);
	reopen_stores(env, false);
	while (!run_until(env, at)) {
		at += 3;
		assert_true(at < 600);
	}
	assert_true(at > 20);
	reopen_stores(env, true);
	OK(env->t, store_copy_usable(env->s, &env->t->e));
	FAILS(env->t, ERR_CONFIG, store_copy_usable(env->t->s, &env->t->e));
	(void)copied(env, STORE_COPY_CHECK);
	same_rows(env);
}

/* Killed once, at each instant there is; then one run mends all. */
static void
killed_anywhere(void **state)
{
	struct c_env *env = *state;
	bool end = false;
	int at;

	for (at = 1; !end; at++) {
		reopen_stores(env, false);
		end = run_until(env, at);
		/* Half a copy is no site, whatever the instant. */
		reopen_stores(env, true);
		if (!end)
			FAILS(env->t, ERR_CONFIG,
			      store_copy_usable(env->s, &env->t->e));
		reopen_stores(env, false);
		assert_true(end || run_until(env, 0));
		reopen_stores(env, true);
		OK(env->t, store_copy_usable(env->s, &env->t->e));
		(void)copied(env, STORE_COPY_CHECK);
		/* Once more from the beginning. */
		OK(env->t, store_copy_reopen(env->t->s, &env->t->e));
		OK(env->t,
		   env->s->v->account_erase(env->s, env->t->anna, &env->t->e));
		OK(env->t,
		   env->s->v->account_erase(env->s, env->t->bert, &env->t->e));
	}
	assert_true(at > 10);
}

#define C(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static const struct CMUnitTest TESTS[] = {
	C(no_column_is_forgotten),
	C(everything_arrives),
	C(the_source_is_sealed),
	C(kept_both_can_be_used),
	C(targets_in_use_are_refused),
	C(changes_meanwhile_are_copied),
	C(a_second_one_is_refused),
	C(removed_users_go),
	C(differences_are_found),
	C(damage_is_mended),
	C(a_failure_opens_the_source),
	C(killed_it_goes_on),
	C(killed_anywhere),
};

int
main(int argc, char **argv)
{
	char name[80];

	to_kind = place_kind(argc > 1 ? argv[1] : "sqlite");
	t_choose(place_kind(argc > 2 ? argv[2] : "sqlite"));
	(void)snprintf(name, sizeof(name), "copy from %s to %s",
		       argc > 2 ? argv[2] : "sqlite", place_name(to_kind));
	return cmocka_run_group_tests_name(name, TESTS, NULL, NULL);
}
