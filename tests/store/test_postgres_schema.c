/*
 * PostgreSQL's schema: its number, its migrations, its roles, and what erasing
 * an account must know of it.
 */
#include "tests/store/t_store.h"

#include "backends/postgres/pg.h"

#include <pthread.h>

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

/* ---- the schema's number
 * ------------------------------------------------------- */

static void
schema_number(void **state)
{
	struct t_env *env = *state;

	close_store(env);
	(void)place_ask(&env->place,
			"INSERT INTO migration VALUES (9999, 'x', 0)");
	no_way(env, env->uri, true, "newer program");
	(void)place_ask(&env->place,
			"DELETE FROM migration WHERE number = 9999");
	reopen(env);
	t_sound(env);
}

/* An empty database, then one of somebody else. */
static void
other_tables(void **state)
{
	struct t_env *env = *state;

	close_store(env);
	(void)place_ask(&env->place,
			"CREATE SCHEMA other; DO $$ BEGIN EXECUTE format("
			"'ALTER DATABASE %I SET search_path = other',"
			" current_database()); END $$");
	no_way(env, env->uri, false, "run `funicular migrate`");
	(void)place_ask(&env->place, "CREATE TABLE theirs (x int)");
	no_way(env, env->uri, true, "another program");
	(void)place_ask(&env->place, "DROP TABLE theirs");
	reopen(env);
	t_sound(env);
	close_store(env);
	(void)place_ask(&env->place,
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
		(void)place_ask(&env->place,
				"DROP SCHEMA public CASCADE;"
				"CREATE SCHEMA public;"
				"CREATE TABLE migration (number bigint NOT"
				" NULL PRIMARY KEY, name text NOT NULL,"
				" applied_ms bigint NOT NULL)");
		for (size_t i = 0; i < have; i++) {
			(void)place_ask(&env->place, pg_migrations[i].sql);
			(void)snprintf(sql, sizeof(sql),
				       "INSERT INTO migration VALUES (%d, '%s',"
				       " 1)",
				       pg_migrations[i].number,
				       pg_migrations[i].name);
			(void)place_ask(&env->place, sql);
		}
		if (have < pg_migrations_n)
			no_way(env, env->uri, false, "run `funicular migrate`");
		reopen(env);
		env->anna = t_account(env, "Anna");
		(void)t_item(env, env->anna, 1, "body", 5);
		t_sound(env);
		assert_int_equal(
		    place_ask(&env->place, "SELECT count(*) FROM migration"),
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
		(void)place_ask(&env->place, "DROP SCHEMA public CASCADE;"
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
		assert_int_equal(
		    place_ask(&env->place, "SELECT count(*) FROM migration"),
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

	(void)place_ask(&env->place, roles_sql());
	(void)place_ask(&env->place, roles_sql()); /* once more does no harm */
	(void)place_ask(
	    &env->place,
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
	(void)place_ask(&env->place, "DELETE FROM migration WHERE number ="
				     " (SELECT max(number) FROM migration)");
	no_way(env, uri_to, false, "run `funicular migrate`");
	no_way(env, uri_to, true, "as their owner");
	(void)place_ask(&env->place,
			"DROP SCHEMA public CASCADE; CREATE SCHEMA public");
	no_way(env, uri_to, true, "roles.sql");
	reopen(env);
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

	(void)place_ask(&env->place, fill);
	assert_int_equal(place_ask(&env->place, left),
			 place_ask(&env->place,
				   "SELECT count(*) FROM table_class"
				   " WHERE class <> 'site'"));
	OK(env, env->s->v->account_erase(env->s, 4711, &env->e));
	assert_int_equal(place_ask(&env->place, left), 0);
}

static const struct CMUnitTest TESTS[] = {
	T(schema_number),     T(other_tables),     T(erase_knows_every_table),
	T(from_every_number), T(migrate_together), T(daemon_role),
};

int
main(int argc, char **argv)
{
	return cmocka_run_group_tests_name(place_name(t_choose_by(argc, argv)),
					   TESTS, NULL, NULL);
}
