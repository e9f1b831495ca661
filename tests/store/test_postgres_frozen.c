/*
 * A node that is frozen while PostgreSQL has more to tell it than the line
 * holds: the server neither waits for a statement (it has answered) nor for the
 * node's next word (it is still talking). What the node has locked must become
 * free all the same. Over TCP; on a socket of one machine there is no such
 * limit.
 */
#include "tests/store/t_store.h"

#include "backends/postgres/pg.h"
#include "base/clock.h"

enum { SOON_MS = 1000, ANSWER_BYTES = 64 << 20 };

static void
ask(PGconn *c, const char *sql)
{
	PGresult *r = PQexec(c, sql);

	if (PQresultStatus(r) != PGRES_TUPLES_OK &&
	    PQresultStatus(r) != PGRES_COMMAND_OK)
		fail_msg("%s: %s", sql, PQresultErrorMessage(r));
	PQclear(r);
}

static int64_t
shown(PGconn *c, const char *name)
{
	char sql[100];
	PGresult *r;
	int64_t n = -1;

	(void)snprintf(sql, sizeof(sql),
		       "SELECT setting FROM pg_settings WHERE name = '%s'",
		       name);
	r = PQexec(c, sql);
	assert_int_equal(PQntuples(r), 1);
	assert_true(slice_i64(slice_c(PQgetvalue(r, 0, 0)), &n));
	PQclear(r);
	return n;
}

static void
an_answer_that_nobody_reads(void **state)
{
	struct t_env *env = *state;
	struct pg *s = pg_of(env->s);
	struct pg_conn *c = NULL;
	struct store_tx *tx;
	char sql[200];
	int64_t began;

	OK(env, pg_connect(&s->uri, &c, &env->e));
	assert_int_equal(PQexitPipelineMode(c->pg), 1);
	assert_int_equal(PQsetnonblocking(c->pg, 0), 0);
	/* As in every connection of the store; here it shall not take long. */
	assert_int_equal(shown(c->pg, "tcp_user_timeout"), PG_SILENT_MS);
	(void)snprintf(sql, sizeof(sql), "SET tcp_user_timeout = %d", SOON_MS);
	ask(c->pg, sql);
	ask(c->pg, "BEGIN");
	(void)snprintf(sql, sizeof(sql),
		       "UPDATE account SET change_no = change_no + 1"
		       " WHERE account_id = %lld",
		       (long long)env->anna);
	ask(c->pg, sql);
	(void)snprintf(sql, sizeof(sql), "SELECT repeat('x', %d)",
		       ANSWER_BYTES);
	assert_int_equal(PQsendQuery(c->pg, sql), 1);
	assert_int_equal(PQflush(c->pg), 0);
	began = clk_mono_ms();
	tx = t_begin(env, env->anna, STORE_WRITE, 5);
	t_commit(env, &tx);
	assert_true(clk_mono_ms() - began < PG_LOCK_MS);
	pg_disconnect(&c);
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T(an_answer_that_nobody_reads),
	};

	(void)t_choose_by(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
