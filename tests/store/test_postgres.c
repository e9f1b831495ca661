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

/* Where the words of other nodes are heard. */
static void
listens(const char *rest, const char *host, const char *port)
{
	PQconninfoOption *o = NULL;
	struct pg_uri u;
	struct err e = { 0 };

	if (pg_uri_read(rest, &u, &e) < 0)
		fail_msg("%s: %s", rest, e.msg);
	if (host == NULL) {
		assert_null(u.listen);
	} else {
		o = PQconninfoParse(u.listen, NULL);
		assert_non_null(o);
	}
	for (PQconninfoOption *p = o; p != NULL && p->keyword != NULL; p++) {
		const char *v = p->val == NULL ? "" : p->val;

		if (strcmp(p->keyword, "host") == 0)
			assert_string_equal(v, host);
		if (strcmp(p->keyword, "port") == 0)
			assert_string_equal(v, port);
		if (strcmp(p->keyword, "hostaddr") == 0)
			assert_string_equal(v, "");
		if (strcmp(p->keyword, "dbname") == 0)
			assert_string_equal(v, "d");
	}
	PQconninfoFree(o);
	pg_uri_free(&u);
}

static void
uri_to_listen(void **state)
{
	(void)state;
	listens("dbname=d", NULL, NULL);
	listens("dbname=d listen=off", NULL, NULL);
	listens("dbname=d host=h port=7 listen=on", "h", "7");
	listens("host=h hostaddr=10.0.0.1 port=6 dbname=d listen=db:7", "db",
		"7");
	listens("dbname=d host=/run/x port=6 listen=/run/y", "/run/y", "");
	listens("//h:6/d?listen=db:7&prepare=off", "db", "7");
	listens("//h:6/d?sslmode=disable&listen=db", "db", "");
	listens("//h:6/d?listen=on", "h", "6");
}

static void
uri(void **state)
{
	static const char *const bad[] = {
		"pool=0",
		"pool=9999",
		"pool=many",
		"prepare=maybe",
		"//h/db?pool=-1",
		"no_such_word=1",
		"host='half",
		"listen=",
		"listen=h port",
		"listen=a'b",
		"//h/d?listen=a&listen=b%20",
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

	(void)place_ask_as(&env->place, "user=postgres", rules);
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
	no_way(env, uri_to, false, "passfile=");
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
	(void)place_ask(&env->place, sql);
	{
		struct store *s = NULL;

		FAILS(env, ERR_UNAVAILABLE,
		      store_open(env->uri, true, &s, &env->e));
		assert_non_null(strstr(env->e.msg, "primary"));
	}
	(void)place_ask(&env->place,
			"BEGIN READ WRITE; DO $$ BEGIN EXECUTE"
			" format('ALTER DATABASE %I RESET"
			" default_transaction_read_only', current_database());"
			" END $$; COMMIT");
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
	(void)place_ask(&env->place, sql);
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
		(void)place_ask(&env->place,
				"DROP TRIGGER trouble ON revision");
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
	assert_int_equal(place_ask(&env->place, "SELECT count(*) FROM account"),
			 2);
}

/* ---- a pooler that was not told of ------------------------------------------
 */

/* Two connections behind PgBouncer in transaction mode, each with statements
   of its own: sooner or later one asks a server connection for what only the
   other knows. It must not get another statement, but a sentence. */
static void
pooler_without_a_word(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx[2] = { NULL };
	struct store *s[2] = { NULL };
	char uri_to[400];
	int rc = 0;

	(void)snprintf(uri_to, sizeof(uri_to), "%.*s",
		       (int)(strstr(env->uri, " prepare=off") - env->uri),
		       env->uri);
	OK(env, store_open(uri_to, false, &s[0], &env->e));
	OK(env, store_open(uri_to, false, &s[1], &env->e));
	for (int i = 0; i < 100 && rc == 0; i++) {
		struct store *a = s[i / 2 % 2];
		struct store *b = s[1 - i / 2 % 2];

		rc = a->v->begin(a, env->anna, STORE_READ, 1, &tx[0], &env->e);
		if (rc == 0)
			rc = b->v->begin(b, env->bert, STORE_READ, 1, &tx[1],
					 &env->e);
		for (int k = 0; k < 2; k++) {
			if (tx[k] != NULL)
				tx[k]->v->rollback(&tx[k]);
		}
	}
	FAILS(env, ERR_CONFIG, rc);
	assert_non_null(strstr(env->e.msg, "prepare=off"));
	s[0]->v->close(&s[0]);
	s[1]->v->close(&s[1]);
}

static const struct CMUnitTest TESTS[] = {
	T(uri),       T(uri_to_listen), T(no_password_is_shown),
	T(no_server), T(no_database),   T(wrong_password),
	T(replica),   T(server_errors), T(lock_is_waited_for),
	T(pool),      T(strings),
};

static const struct CMUnitTest POOLER[] = {
	T(pooler_without_a_word),
	T(strings),
};

int
main(int argc, char **argv)
{
	enum place_kind kind = t_choose_by(argc, argv);

	if (kind == PLACE_PGBOUNCER)
		return cmocka_run_group_tests_name("pgbouncer", POOLER, NULL,
						   NULL);
	return cmocka_run_group_tests_name(place_name(kind), TESTS, NULL, NULL);
}
