/*
 * Fit to be sharded: what the catalogue says of the tables, and which tables a
 * message touches. The other half of the proof is the whole suite on tables
 * that are split by account (store.conformance_partitioned).
 */
#include "tests/store/t_message.h"

#include "backends/postgres/pg.h"

/* Each counts what is against a rule. */
static const struct rule {
	const char *what;
	const char *sql;
	const char *harm; /* breaks it: so much for a rule that finds nothing */
} RULES[] = {
	{ "a table without a class",
	  "SELECT count(*) FROM pg_class c"
	  " WHERE c.relnamespace = 'public'::regnamespace"
	  " AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
	  " AND c.relname NOT IN (SELECT name FROM table_class)",
	  "CREATE TABLE harm (a bigint)" },
	{ "an account's table without a primary key",
	  "SELECT count(*) FROM table_class t WHERE class <> 'site'"
	  " AND NOT EXISTS (SELECT 1 FROM pg_index i"
	  "  WHERE i.indrelid = t.name::regclass AND i.indisprimary)",
	  "CREATE TABLE harm (account_id bigint);"
	  "INSERT INTO table_class VALUES ('harm', 'account')" },
	{ "a unique index that does not begin with the account",
	  "SELECT count(*) FROM table_class t JOIN pg_index i"
	  " ON i.indrelid = t.name::regclass WHERE t.class <> 'site'"
	  " AND (i.indisunique OR i.indisprimary)"
	  " AND 'account_id' IS DISTINCT FROM (SELECT a.attname"
	  "  FROM pg_attribute a WHERE a.attrelid = i.indrelid"
	  "  AND a.attnum = i.indkey[0])",
	  "CREATE UNIQUE INDEX harm ON item (uid, account_id)" },
	{ "an index of an account's table that does not begin with the account",
	  "SELECT count(*) FROM table_class t JOIN pg_index i"
	  " ON i.indrelid = t.name::regclass WHERE t.class = 'account'"
	  " AND 'account_id' IS DISTINCT FROM (SELECT a.attname"
	  "  FROM pg_attribute a WHERE a.attrelid = i.indrelid"
	  "  AND a.attnum = i.indkey[0])",
	  "CREATE INDEX harm ON session (last_ms)" },
	{ "a foreign key that leaves the account",
	  "SELECT count(*) FROM pg_constraint k"
	  " JOIN table_class f ON f.name::regclass = k.conrelid"
	  " JOIN table_class t ON t.name::regclass = k.confrelid"
	  " WHERE k.contype = 'f' AND ((f.class = 'site') <>"
	  " (t.class = 'site') OR f.class <> 'site' AND NOT EXISTS"
	  " (SELECT 1 FROM pg_attribute a, pg_attribute b,"
	  "  generate_subscripts(k.conkey, 1) AS n"
	  "  WHERE a.attrelid = k.conrelid AND a.attnum = k.conkey[n]"
	  "  AND b.attrelid = k.confrelid AND b.attnum = k.confkey[n]"
	  "  AND a.attname = 'account_id' AND b.attname = 'account_id'))",
	  "ALTER TABLE login ADD CONSTRAINT harm FOREIGN KEY (account_id)"
	  " REFERENCES account" },
	{ "a column that may lack its account",
	  "SELECT count(*) FROM table_class t WHERE class <> 'site'"
	  " AND NOT EXISTS (SELECT 1 FROM pg_attribute a"
	  "  WHERE a.attrelid = t.name::regclass"
	  "  AND a.attname = 'account_id' AND a.attnotnull)",
	  "CREATE TABLE harm (id bigint PRIMARY KEY);"
	  "INSERT INTO table_class VALUES ('harm', 'work')" },
	{ "a sequence",
	  "SELECT count(*) FROM pg_class WHERE relkind = 'S'"
	  " AND relnamespace = 'public'::regnamespace",
	  "CREATE SEQUENCE harm" },
	{ "a trigger", "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal",
	  "CREATE FUNCTION harm() RETURNS trigger LANGUAGE plpgsql AS"
	  " 'BEGIN RETURN NULL; END';"
	  "CREATE TRIGGER harm AFTER INSERT ON item"
	  " EXECUTE FUNCTION harm()" },
};
enum { RULES_N = sizeof(RULES) / sizeof(RULES[0]) };

static void
catalogue(void **state)
{
	struct t_env *env = *state;
	char sql[2000];

	for (size_t i = 0; i < RULES_N; i++) {
		if (place_ask(&env->place, RULES[i].sql) != 0)
			fail_msg("there is %s", RULES[i].what);
		(void)snprintf(sql, sizeof(sql), "BEGIN; %s; %s", RULES[i].harm,
			       RULES[i].sql);
		if (place_ask(&env->place, sql) == 0)
			fail_msg("not found: %s", RULES[i].what);
	}
}

/* ---- what a message touches ------------------------------------------------
 */

/* Scans and writes of the site's tables so far; a session tells them when it
   ends, so the store is closed. */
static int64_t
site_touched(struct t_env *env)
{
	return place_ask(
	    &env->place,
	    "SELECT coalesce(sum(seq_scan + coalesce(idx_scan, 0) + n_tup_ins +"
	    " n_tup_upd + n_tup_del), 0) FROM pg_stat_user_tables"
	    " WHERE relname IN"
	    " (SELECT name FROM table_class WHERE class = 'site')");
}

static bool
sessions_left(struct t_env *env)
{
	return place_ask(&env->place,
			 "SELECT count(*) FROM pg_stat_activity"
			 " WHERE datname = current_database()"
			 " AND pid <> pg_backend_pid()"
			 " AND backend_type = 'client backend'") != 0;
}

static void
opened(struct t_env *env, int64_t rounds)
{
	static int64_t round;

	OK(env, store_open(env->uri, false, &env->s, &env->e));
	for (int64_t i = 0; i < rounds; i++)
		OK(env, t_message(env->s, env->anna, ++round, &env->e));
	env->s->v->close(&env->s);
	for (int i = 0; sessions_left(env); i++)
		assert_true(i < 10000);
}

/* The look at the classes is itself one: equal steps are what is wanted. */
static void
messages(void **state)
{
	struct t_env *env = *state;
	int64_t at[4];

	t_message_prepare(env);
	env->s->v->close(&env->s);
	opened(env, 0);
	at[0] = site_touched(env);
	opened(env, 0);
	at[1] = site_touched(env);
	opened(env, 0);
	at[2] = site_touched(env);
	assert_true(at[1] > at[0]); /* it does count */
	assert_int_equal(at[2] - at[1], at[1] - at[0]);
	opened(env, 30);
	at[3] = site_touched(env);
	assert_int_equal(at[3] - at[2], at[2] - at[1]);
	OK(env, store_open(env->uri, false, &env->s, &env->e));
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { T(catalogue), T(messages) };

	return cmocka_run_group_tests_name(place_name(t_choose_by(argc, argv)),
					   tests, NULL, NULL);
}
