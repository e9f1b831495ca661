/*
 * What is PostgreSQL's own: its URI, what it says when a site is not set up
 * right, roles, failures that the server reports, and the pool.
 */
#include "tests/store/t_store.h"

#include "backends/postgres/pg.h"
#include "backends/postgres/postgres.h"
#include "base/clock.h"

#include <pthread.h>
#include <stdlib.h>

enum { LAST_MOMENT_MS = 30000 };

/* ---- the server's other side ------------------------------------------------
 */

static void
be_quiet(void *ctx, const char *message)
{
	(void)ctx;
	(void)message;
}

/* Run SQL past the store; `who` is "" (the owner) or "user=postgres". Returns
   the first value as a number, 0 where there is none. */
static int64_t
raw(struct t_env *env, const char *who, const char *sql)
{
	char conninfo[320];
	int64_t n = 0;
	PGresult *r;
	PGconn *c;

	place_conninfo(&env->place, conninfo, sizeof(conninfo));
	(void)snprintf(conninfo + strlen(conninfo),
		       sizeof(conninfo) - strlen(conninfo), " %s", who);
	c = PQconnectdb(conninfo);
	(void)PQsetNoticeProcessor(c, be_quiet, NULL);
	r = PQexec(c, sql);
	if (PQresultStatus(r) != PGRES_COMMAND_OK &&
	    PQresultStatus(r) != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(c));
	if (PQntuples(r) > 0)
		(void)slice_i64(slice_c(PQgetvalue(r, 0, 0)), &n);
	PQclear(r);
	PQfinish(c);
	return n;
}

static void
close_store(struct t_env *env)
{
	env->s->v->close(&env->s);
}

static void
reopen(struct t_env *env)
{
	OK(env, store_open(env->uri, true, &env->s, &env->e));
}

/* Opening `uri` fails with ERR_CONFIG and a sentence that names the mend. */
static void
no_way(struct t_env *env, const char *uri, bool migrate, const char *mend)
{
	struct store *s = NULL;

	FAILS(env, ERR_CONFIG, store_open(uri, migrate, &s, &env->e));
	assert_null(s);
	if (strstr(env->e.msg, mend) == NULL)
		fail_msg("\"%s\" does not name: %s", env->e.msg, mend);
}

/* ---- the URI
 * ----------------------------------------------------------------- */

static void
reads(const char *rest, const char *conninfo, int pool, bool prepare)
{
	struct pg_uri u;
	struct err e = { 0 };

	if (pg_uri_read(rest, &u, &e) < 0)
		fail_msg("%s: %s", rest, e.msg);
	SLICE_IS(slice_trim(slice_c(u.conninfo)), conninfo);
	assert_int_equal(u.pool, pool);
	assert_int_equal(u.prepare, prepare);
	pg_uri_free(&u);
}

static void
uri(void **state)
{
	static const char *const bad[] = {
		"pool=0",        "pool=9999",      "pool=many",
		"prepare=maybe", "//h/db?pool=-1", "no_such_word=1",
		"host='half",
	};
	struct pg_uri u;
	struct err e = { 0 };

	(void)state;
	reads("", "", PG_POOL, true);
	reads("host=/run/x dbname=d", "host=/run/x dbname=d", PG_POOL, true);
	reads("pool=3 host=h prepare=off", "host=h", 3, false);
	reads("  dbname = d   pool = '4' ", "dbname=d", 4, true);
	reads("password='a b\\' pool=1' user=u",
	      "password='a b\\' pool=1' user=u", PG_POOL, true);
	reads("password=a\\ pool=1 user=u", "password=a\\ pool=1 user=u",
	      PG_POOL, true);
	reads("//h/d", "postgresql://h/d", PG_POOL, true);
	reads("//h/d?pool=5&sslmode=require&prepare=off",
	      "postgresql://h/d?sslmode=require", 5, false);
	reads("postgres://h/d?port=1", "postgres://h/d?port=1", PG_POOL, true);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		e.code = ERR_NONE;
		assert_int_equal(pg_uri_read(bad[i], &u, &e), -1);
		assert_int_equal(e.code, ERR_CONFIG);
		assert_null(u.conninfo);
	}
}

/* Wherever a password stands, and however wrong the rest is. */
static void
no_password_is_shown(void **state)
{
	static const char *const uris[] = {
		"postgres:host=/nowhere user=u password=geheim dbname=d",
		"postgres:host=/nowhere password=geheim geheim dbname=d",
		"postgres:host=/nowhere password='geheim",
		"postgresql://u:geheim@localhost:1/d",
		"postgresql://u:geheim@localhost:1/d?no_such=geheim",
		"postgresql://localhost:1/d?password=geheim",
		"postgress://u:geheim@localhost/d",
	};
	char shown[200];
	struct store *s;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
		assert_int_equal(store_open(uris[i], false, &s, &e), -1);
		assert_null(strstr(e.msg, "geheim"));
		store_uri_show(uris[i], shown, sizeof(shown));
		assert_null(strstr(shown, "geheim"));
	}
	store_uri_show("postgresql://u:geheim@h:1/d", shown, sizeof(shown));
	assert_string_equal(shown, "postgresql:host=h port=1 dbname=d user=u");
	store_uri_show("sqlite:/x/y.db", shown, sizeof(shown));
	assert_string_equal(shown, "sqlite:/x/y.db");
}

/* ---- a site that is not set up right
 * -------------------------------------------- */

static void
no_server(void **state)
{
	struct t_env *env = *state;
	struct store *s = NULL;

	FAILS(env, ERR_UNAVAILABLE,
	      store_open("postgres:host=/nowhere dbname=d", true, &s, &env->e));
	no_way(env, "postgres:host='x", true, "`store`");
}

static void
no_database(void **state)
{
	struct t_env *env = *state;
	char uri_to[400];

	(void)snprintf(uri_to, sizeof(uri_to), "%s dbname=nowhere", env->uri);
	no_way(env, uri_to, true, "createdb");
}

/* COPY lets a superuser write the server's own files. */
static void
wrong_password(void **state)
{
	static const char rules[] =
	    "DO $$ BEGIN EXECUTE format('COPY (SELECT unnest(ARRAY["
	    "''local all locked scram-sha-256'', ''local all all trust'']))"
	    " TO %L', current_setting('hba_file')); END $$;"
	    "DO $$ BEGIN IF to_regrole('locked') IS NULL THEN"
	    " CREATE ROLE locked LOGIN PASSWORD 'right'; END IF; END $$;"
	    "SELECT pg_reload_conf()";
	struct t_env *env = *state;
	int64_t until = clk_mono_ms() + LAST_MOMENT_MS;
	struct store *s = NULL;
	char uri_to[400];

	(void)raw(env, "user=postgres", rules);
	(void)snprintf(uri_to, sizeof(uri_to), "%s user=locked password=wrong",
		       env->uri);
	/* Until the server has read its rules anew anybody gets in. */
	while (store_open(uri_to, false, &s, &env->e) == 0 ||
	       env->e.sys != PG_STATE('2', '8', 'P', '0', '1')) {
		if (s != NULL)
			s->v->close(&s);
		assert_true(clk_mono_ms() < until);
	}
	no_way(env, uri_to, false, "passfile=");
	assert_null(strstr(env->e.msg, "wrong"));
	/* No password at all is no way in either. */
	(void)snprintf(uri_to, sizeof(uri_to), "%s user=locked", env->uri);
	FAILS(env, env->e.code, store_open(uri_to, false, &s, &env->e));
	assert_true(env->e.code == ERR_CONFIG ||
		    env->e.code == ERR_UNAVAILABLE);
}

static void
replica(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = NULL;
	char sql[200];

	/* It becomes one while a connection is there. */
	tx = t_begin(env, env->anna, STORE_READ, 1);
	OK(env, pg_script(((struct pg_tx *)(void *)tx)->c,
			  "SET default_transaction_read_only = on", "test",
			  &env->e));
	t_commit(env, &tx);
	FAILS(
	    env, ERR_UNAVAILABLE,
	    env->s->v->begin(env->s, env->anna, STORE_WRITE, 1, &tx, &env->e));
	assert_non_null(strstr(env->e.msg, "read-only replica"));
	close_store(env);
	/* It is one from the beginning. */
	(void)snprintf(sql, sizeof(sql),
		       "DO $$ BEGIN EXECUTE format('ALTER DATABASE %%I SET"
		       " default_transaction_read_only = on',"
		       " current_database()); END $$");
	(void)raw(env, "", sql);
	{
		struct store *s = NULL;

		FAILS(env, ERR_UNAVAILABLE,
		      store_open(env->uri, true, &s, &env->e));
		assert_non_null(strstr(env->e.msg, "primary"));
	}
	(void)raw(env, "",
		  "BEGIN READ WRITE; DO $$ BEGIN EXECUTE"
		  " format('ALTER DATABASE %I RESET"
		  " default_transaction_read_only', current_database());"
		  " END $$; COMMIT");
	reopen(env);
}

/* ---- the schema's number
 * ------------------------------------------------------- */

static void
schema_number(void **state)
{
	struct t_env *env = *state;

	close_store(env);
	(void)raw(env, "", "INSERT INTO migration VALUES (9999, 'x', 0)");
	no_way(env, env->uri, true, "newer program");
	(void)raw(env, "", "DELETE FROM migration WHERE number = 9999");
	reopen(env);
	t_sound(env);
}

/* An empty database, then one of somebody else. */
static void
other_tables(void **state)
{
	struct t_env *env = *state;

	close_store(env);
	(void)raw(env, "",
		  "CREATE SCHEMA other; DO $$ BEGIN EXECUTE format("
		  "'ALTER DATABASE %I SET search_path = other',"
		  " current_database()); END $$");
	no_way(env, env->uri, false, "run `funicular migrate`");
	(void)raw(env, "", "CREATE TABLE theirs (x int)");
	no_way(env, env->uri, true, "another program");
	(void)raw(env, "", "DROP TABLE theirs");
	reopen(env);
	t_sound(env);
	close_store(env);
	(void)raw(env, "",
		  "DROP SCHEMA other CASCADE; DO $$ BEGIN EXECUTE format("
		  "'ALTER DATABASE %I RESET search_path',"
		  " current_database()); END $$");
	reopen(env);
}

/*
 * From every number that the schema ever had (each released version is one of
 * them, since a released script is never edited): its tables are made, and
 * the program brings them up to date.
 */
static void
from_every_number(void **state)
{
	struct t_env *env = *state;
	char sql[200];

	for (size_t have = 1; have <= pg_migrations_n; have++) {
		close_store(env);
		(void)raw(env, "",
			  "DROP SCHEMA public CASCADE;"
			  "CREATE SCHEMA public;"
			  "CREATE TABLE migration (number bigint NOT"
			  " NULL PRIMARY KEY, name text NOT NULL,"
			  " applied_ms bigint NOT NULL)");
		for (size_t i = 0; i < have; i++) {
			(void)raw(env, "", pg_migrations[i].sql);
			(void)snprintf(sql, sizeof(sql),
				       "INSERT INTO migration VALUES (%d, '%s',"
				       " 1)",
				       pg_migrations[i].number,
				       pg_migrations[i].name);
			(void)raw(env, "", sql);
		}
		if (have < pg_migrations_n)
			no_way(env, env->uri, false, "run `funicular migrate`");
		reopen(env);
		env->anna = t_account(env, "Anna");
		(void)t_item(env, env->anna, 1, "body", 5);
		t_sound(env);
		assert_int_equal(raw(env, "", "SELECT count(*) FROM migration"),
				 pg_migrations_n);
	}
}

enum { MIGRATORS = 4 };

struct migrator {
	const char *uri;
	pthread_barrier_t *gate;
	struct err e;
	int rc;
};

static void *
open_and_close(void *p)
{
	struct migrator *m = p;
	struct store *s = NULL;

	(void)pthread_barrier_wait(m->gate);
	m->rc = store_open(m->uri, true, &s, &m->e);
	if (s != NULL)
		s->v->close(&s);
	return NULL;
}

/* Nodes that meet an empty database at once: each script runs once. */
static void
migrate_together(void **state)
{
	struct t_env *env = *state;
	struct migrator m[MIGRATORS];
	pthread_t thread[MIGRATORS];
	pthread_barrier_t gate;

	for (int round = 0; round < 3; round++) {
		if (env->s != NULL)
			close_store(env);
		(void)raw(env, "",
			  "DROP SCHEMA public CASCADE;"
			  "CREATE SCHEMA public");
		(void)pthread_barrier_init(&gate, NULL, MIGRATORS);
		for (size_t i = 0; i < MIGRATORS; i++) {
			m[i] = (struct migrator){ env->uri, &gate, { 0 }, -1 };
			assert_int_equal(pthread_create(&thread[i], NULL,
							open_and_close, &m[i]),
					 0);
		}
		for (size_t i = 0; i < MIGRATORS; i++) {
			(void)pthread_join(thread[i], NULL);
			if (m[i].rc < 0)
				print_error("%s\n", m[i].e.msg);
			assert_int_equal(m[i].rc, 0);
		}
		(void)pthread_barrier_destroy(&gate);
		assert_int_equal(raw(env, "", "SELECT count(*) FROM migration"),
				 pg_migrations_n);
	}
	reopen(env);
}

/* ---- roles
 * ----------------------------------------------------------------------- */

static char *
roles_sql(void)
{
	static char text[8000];
	FILE *f = fopen(ROLES_SQL, "re");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	(void)fclose(f);
	assert_true(n > 0 && n < sizeof(text) - 1);
	text[n] = 0;
	return text;
}

/* The daemon's role does all that a daemon does, and changes no table. */
static void
daemon_role(void **state)
{
	struct t_env *env = *state;
	char uri_to[400];
	int64_t gone = -1;

	(void)raw(env, "", roles_sql());
	(void)raw(env, "", roles_sql()); /* once more does no harm */
	(void)raw(env, "",
		  "DO $$ BEGIN IF to_regrole('runs') IS NULL THEN"
		  " CREATE ROLE runs LOGIN IN ROLE funicular_daemon; END IF;"
		  " END $$");
	close_store(env);
	(void)snprintf(uri_to, sizeof(uri_to), "%s user=runs", env->uri);
	OK(env, store_open(uri_to, true, &env->s, &env->e));
	env->anna = t_account(env, "Carl");
	(void)t_item(env, env->anna, 1, "body", 5);
	t_sound(env);
	OK(env, env->s->v->prune(env->s, 1000, 1000, 1000, &gone, &env->e));
	OK(env, env->s->v->account_erase(env->s, env->anna, &env->e));
	close_store(env);
	/* A newer program comes: only the owner may bring it up to date. */
	(void)raw(env, "",
		  "DELETE FROM migration WHERE number ="
		  " (SELECT max(number) FROM migration)");
	no_way(env, uri_to, false, "run `funicular migrate`");
	no_way(env, uri_to, true, "as their owner");
	(void)raw(env, "", "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
	no_way(env, uri_to, true, "roles.sql");
	reopen(env);
}

/* ---- what the server reports
 * ------------------------------------------------------- */

/* The next writing of an item fails with that SQLSTATE. */
static void
raise(struct t_env *env, const char *state)
{
	char sql[500];

	(void)snprintf(
	    sql, sizeof(sql),
	    "CREATE OR REPLACE FUNCTION trouble() RETURNS trigger LANGUAGE"
	    " plpgsql AS $$ BEGIN %s; RETURN NEW; END $$;"
	    "CREATE OR REPLACE TRIGGER trouble BEFORE INSERT ON revision"
	    " FOR EACH ROW EXECUTE FUNCTION trouble()",
	    state);
	(void)raw(env, "", sql);
}

static void
server_errors(void **state)
{
	static const struct {
		const char *raise;
		enum err_code code;
		const char *says;
	} each[] = {
		{ "RAISE 'x' USING ERRCODE = '53100'", ERR_UNAVAILABLE,
		  "free space" },
		{ "RAISE 'x' USING ERRCODE = '40001'", ERR_UNAVAILABLE,
		  "each other's way" },
		{ "RAISE 'x' USING ERRCODE = '40P01'", ERR_UNAVAILABLE,
		  "waited for each other" },
		{ "RAISE 'x' USING ERRCODE = '57014'", ERR_UNAVAILABLE,
		  "too long" },
		{ "RAISE 'x' USING ERRCODE = '53300'", ERR_UNAVAILABLE,
		  "max_connections" },
		{ "RAISE 'x' USING ERRCODE = '42501'", ERR_CONFIG,
		  "roles.sql" },
		{ "RAISE 'x' USING ERRCODE = '22012'", ERR_BUG, "22012" },
		/* The real ones, of a server that was told to be impatient. */
		{ "PERFORM pg_cancel_backend(pg_backend_pid());"
		  " PERFORM pg_sleep(9)",
		  ERR_UNAVAILABLE, "too long" },
		{ "PERFORM pg_terminate_backend(pg_backend_pid());"
		  " PERFORM pg_sleep(9)",
		  ERR_UNAVAILABLE, "database" },
	};
	struct t_env *env = *state;

	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
		struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
		struct store_account acc;
		struct store_write w;

		raise(env, each[i].raise);
		w = t_new(tx, 1, "body");
		FAILS(env, each[i].code, tx->v->item_put(tx, &w, 1, &env->e));
		assert_int_equal(env->e.lasting, i == 0); /* a full disk */
		if (strstr(env->e.msg, each[i].says) == NULL)
			fail_msg("\"%s\": %s", env->e.msg, each[i].says);
		FAILS(env, ERR_BUG,
		      tx->v->account_get(tx, env->a, &acc, &env->e));
		tx->v->rollback(&tx);
		/* Nothing half-done, and the store goes on. */
		(void)raw(env, "", "DROP TRIGGER trouble ON revision");
		tx = t_begin(env, env->anna, STORE_WRITE, 6);
		OK(env, tx->v->account_get(tx, env->a, &acc, &env->e));
		assert_int_equal(acc.used_items, (int64_t)i);
		t_put(env, tx, t_new(tx, 2 + i, "body"));
		t_commit(env, &tx);
		t_sound(env);
	}
}

/* Somebody holds the account's lock and says nothing. */
static void
lock_is_waited_for(void **state)
{
	struct t_env *env = *state;
	struct store_tx *holds = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_tx *tx = t_begin(env, env->bert, STORE_WRITE, 5);
	struct pg_conn *c = ((struct pg_tx *)(void *)tx)->c;

	OK(env, pg_script(c, "SET lock_timeout = '100ms'", "test", &env->e));
	t_commit(env, &tx);
	FAILS(
	    env, ERR_UNAVAILABLE,
	    env->s->v->begin(env->s, env->anna, STORE_WRITE, 5, &tx, &env->e));
	assert_int_equal(env->e.sys, PG_STATE('5', '5', 'P', '0', '3'));
	t_commit(env, &holds);
	tx = t_begin(env, env->anna, STORE_WRITE, 6);
	t_commit(env, &tx);
}

/* ---- the pool
 * ----------------------------------------------------------------------- */

struct taker {
	struct t_env *env;
	struct store *s;
	struct err e;
	int rc;
};

static void *
take_one(void *p)
{
	struct taker *t = p;
	struct store_tx *tx = NULL;

	t->rc = t->s->v->begin(t->s, t->env->bert, STORE_READ, 1, &tx, &t->e);
	if (t->rc == 0)
		tx->v->rollback(&tx);
	return NULL;
}

static void
pool(void **state)
{
	struct t_env *env = *state;
	struct taker t = { .env = env, .rc = -1 };
	int64_t until = clk_mono_ms() + LAST_MOMENT_MS;
	struct store_tx *one = NULL, *two = NULL, *three = NULL;
	struct store *s = NULL;
	bool waits = false;
	pthread_t thread;
	char uri_to[400];

	(void)snprintf(uri_to, sizeof(uri_to), "%s pool=2", env->uri);
	OK(env, store_open(uri_to, false, &s, &env->e));
	pg_of(s)->turn_ms = 50;
	OK(env, s->v->begin(s, env->anna, STORE_WRITE, 1, &one, &env->e));
	OK(env, s->v->begin(s, env->bert, STORE_WRITE, 1, &two, &env->e));
	FAILS(env, ERR_UNAVAILABLE,
	      s->v->begin(s, env->anna, STORE_READ, 1, &three, &env->e));
	assert_non_null(strstr(env->e.msg, "pool="));
	/* Who waits is handed the next one that comes back. */
	pg_of(s)->turn_ms = LAST_MOMENT_MS;
	t.s = s;
	assert_int_equal(pthread_create(&thread, NULL, take_one, &t), 0);
	while (!waits) {
		(void)pthread_mutex_lock(&pg_of(s)->lock);
		waits = pg_of(s)->first != NULL;
		(void)pthread_mutex_unlock(&pg_of(s)->lock);
		assert_true(clk_mono_ms() < until);
	}
	one->v->rollback(&one);
	(void)pthread_join(thread, NULL);
	assert_int_equal(t.rc, 0);
	two->v->rollback(&two);
	assert_int_equal(pg_of(s)->open, 2);
	s->v->close(&s);
}

/* ---- strings of a device
 * --------------------------------------------------------------- */

/* Whatever a phone calls itself is data: SQL is never made of it, and what
   PostgreSQL's text refuses does not stop a sync. */
static void
strings(void **state)
{
	static const struct slice evil[] = {
		SLICE_INIT("'; DROP TABLE item; --"),
		SLICE_INIT("\\'; DELETE FROM account; --"),
		SLICE_INIT("$1); TRUNCATE item; SELECT ($1"),
		SLICE_INIT("a\0b"),
		SLICE_INIT("\xff\xfe"),
		SLICE_INIT("\xed\xa0\x80"), /* half a surrogate pair */
		SLICE_INIT("%s%n{,}\"NULL\""),
	};
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	enum { N = sizeof(evil) / sizeof(evil[0]) };

	for (size_t i = 0; i < N; i++) {
		struct store_device d = { .id = 50 + (int64_t)i,
					  .dev_id = evil[i],
					  .label = evil[i],
					  .man = evil[i],
					  .rules = evil[i],
					  .last_addr = evil[i] };
		struct store_session ses = { .id = 80 + (int64_t)i,
					     .device = 50 + (int64_t)i,
					     .sid = evil[i],
					     .token_hash = evil[i],
					     .peer = evil[i],
					     .verdict = evil[i] };
		const struct store_story line = { 1, '>', evil[i] };
		struct store_device *got;
		struct store_session *found;

		OK(env, tx->v->device_put(tx, &d, &env->e));
		OK(env, tx->v->session_put(tx, &ses, &evil[i], &env->e));
		OK(env,
		   tx->v->story_add(tx, 80 + (int64_t)i, &line, 1, &env->e));
		OK(env, tx->v->device_get(tx, env->a, evil[i], &got, &env->e));
		assert_int_equal(got->id, d.id);
		assert_true(slice_eq(got->dev_id, evil[i]));
		assert_true(slice_eq(got->man, evil[i]));
		assert_true(slice_utf8_ok(got->label));
		assert_int_equal(slice_find(got->label, 0), SIZE_MAX);
		OK(env, tx->v->session_find(tx, env->a, evil[i], 0,
					    SLICE_LIT(""), &found, &env->e));
		assert_int_equal(found->id, ses.id);
	}
	t_commit(env, &tx);
	t_sound(env);
	assert_int_equal(raw(env, "", "SELECT count(*) FROM account"), 2);
}

/* ---- erasing
 * -----------------------------------------------------------------------------
 */

/* A row in every table of an account: none of them is forgotten. */
static void
erase_knows_every_table(void **state)
{
	static const char fill[] =
	    "DO $$ DECLARE t record; s text; BEGIN"
	    " FOR t IN SELECT name FROM table_class WHERE class <> 'site' LOOP"
	    "  SELECT format('INSERT INTO %I (%s) VALUES (%s)', t.name,"
	    "    string_agg(quote_ident(attname), ','),"
	    "    string_agg(CASE WHEN attname = 'account_id' THEN '4711'"
	    "     WHEN atttypid = 'bigint'::regtype THEN '1'"
	    "     WHEN atttypid = 'bytea'::regtype THEN '''x''::bytea'"
	    "     ELSE '''x''' END, ',')) INTO s FROM pg_attribute"
	    "   WHERE attrelid = t.name::regclass AND attnum > 0;"
	    "  EXECUTE s;"
	    " END LOOP; END $$";
	static const char left[] =
	    "CREATE OR REPLACE FUNCTION left_over() RETURNS bigint LANGUAGE"
	    " plpgsql AS $$ DECLARE t record; n bigint; all_n bigint := 0;"
	    " BEGIN FOR t IN SELECT name FROM table_class WHERE class <> 'site'"
	    "  LOOP EXECUTE format('SELECT count(*) FROM %I WHERE account_id ="
	    "   4711', t.name) INTO n; all_n := all_n + n;"
	    " END LOOP; RETURN all_n; END $$; SELECT left_over()";
	struct t_env *env = *state;

	(void)raw(env, "", fill);
	assert_int_equal(raw(env, "", left),
			 raw(env, "",
			     "SELECT count(*) FROM table_class"
			     " WHERE class <> 'site'"));
	OK(env, env->s->v->account_erase(env->s, 4711, &env->e));
	assert_int_equal(raw(env, "", left), 0);
}

static const struct CMUnitTest TESTS[] = {
	T(uri),
	T(no_password_is_shown),
	T(no_server),
	T(no_database),
	T(wrong_password),
	T(replica),
	T(schema_number),
	T(other_tables),
	T(server_errors),
	T(lock_is_waited_for),
	T(pool),
	T(strings),
	T(erase_knows_every_table),
	T(from_every_number),
	T(migrate_together),
	T(daemon_role),
};

int
main(int argc, char **argv)
{
	return cmocka_run_group_tests_name(place_name(t_choose_by(argc, argv)),
					   TESTS, NULL, NULL);
}
