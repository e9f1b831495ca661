/*
 * The schema's version: numbered scripts out of schema/postgres, each applied
 * in one transaction under a lock on the ledger, `migration`, and recorded
 * there. Whose role may not create tables can start where nothing is missing.
 */
#include "backends/postgres/pg.h"

#include "base/clock.h"

#include <time.h>

enum { MIGRATE_WAIT_MS = 5000 };

/* Held until the transaction's end, so also right behind a pooler. */
static const char LEDGER[] = "CREATE TABLE IF NOT EXISTS migration ("
			     " number bigint NOT NULL PRIMARY KEY,"
			     " name text NOT NULL,"
			     " applied_ms bigint NOT NULL);"
			     "LOCK TABLE migration IN SHARE ROW EXCLUSIVE MODE";

static int
number(struct pg_conn *c, const char *sql, int64_t *out, struct err *e)
{
	struct pg_q q;

	pg_start(c, &q, sql, "store.migrate");
	if (pg_run(&q, e) < 0)
		return -1;
	*out = pg_next(&q) ? pg_col(&q, 0) : 0;
	return pg_end(&q, e);
}

/* The highest migration applied; 0 where nothing of ours is there yet. */
static int
version(struct pg_conn *c, int64_t *out, struct err *e)
{
	static const char ours[] =
	    "SELECT to_regclass('migration') IS NOT NULL"
	    " AND to_regclass('table_class') IS NOT NULL";
	static const char tables[] =
	    "SELECT count(*) FROM pg_catalog.pg_class WHERE relkind IN"
	    " ('r', 'p') AND relname <> 'migration' AND relnamespace ="
	    " (SELECT oid FROM pg_catalog.pg_namespace"
	    "  WHERE nspname = current_schema())";
	static const char last[] = "SELECT max(number) FROM migration";
	int64_t n;

	*out = 0;
	if (number(c, ours, &n, e) < 0)
		return -1;
	if (n != 0)
		return number(c, last, out, e);
	if (number(c, tables, &n, e) < 0)
		return -1;
	if (n == 0)
		return 0;
	return err_set(e, ERR_CONFIG, "store.open",
		       "the database %s holds tables of another program: name "
		       "another one in `store`",
		       PQdb(c->pg));
}

static void
record(struct pg_conn *c, struct pg_q *q, const struct store_migration *m)
{
	static const char sql[] =
	    "INSERT INTO migration (number, name, applied_ms)"
	    " VALUES ($1, $2, $3)";

	pg_start(c, q, sql, "store.migrate");
	pg_int(q, m->number);
	pg_text(q, slice_c(m->name));
	pg_int(q, clk_system.now_ms(&clk_system));
	pg_send(q);
}

/* Apply one script unless another process was faster. */
static int
apply(struct pg_conn *c, const struct store_migration *m, struct err *e)
{
	struct pg_q q = { .res = NULL };
	int64_t have;

	pg_say(c, "BEGIN ISOLATION LEVEL READ COMMITTED", "store.migrate");
	pg_no_hurry(c);
	if (pg_sync(c, e) < 0 || pg_script(c, LEDGER, "store.migrate", e) < 0 ||
	    version(c, &have, e) < 0)
		return -1;
	if (have < m->number) {
		if (pg_script(c, m->sql, "store.migrate", e) < 0)
			return -1;
		record(c, &q, m);
	}
	pg_say(c, "COMMIT", "store.migrate");
	if (pg_sync(c, e) < 0)
		return -1;
	PQclear(q.res);
	return 0;
}

/* Two that create the ledger at the same instant: one of them fails, and
   finds it there the next time. */
static bool
was_raced(const struct err *e)
{
	return e->sys == PG_STATE('2', '3', '5', '0', '5') ||
	       e->sys == PG_STATE('4', '2', 'P', '0', '7') ||
	       e->sys == PG_STATE('4', '0', 'P', '0', '1');
}

static int
apply_one(struct pg_conn *c, const struct store_migration *m, struct err *e)
{
	static const struct timespec pause = { .tv_nsec = 20000000 };
	int64_t until = clk_mono_ms() + MIGRATE_WAIT_MS;
	struct err own = { .code = ERR_NONE };

	while (apply(c, m, &own) < 0) {
		if (c->broken)
			break;
		pg_say(c, "ROLLBACK", "store.migrate");
		if (pg_sync(c, NULL) < 0 || !was_raced(&own) ||
		    clk_mono_ms() > until)
			break;
		own.code = ERR_NONE;
		(void)nanosleep(&pause, NULL);
	}
	c->wait_ms = PG_ANSWER_MS;
	if (own.code == ERR_NONE)
		return 0;
	if (e != NULL)
		*e = own;
	return -1;
}

/* The daemon's role is not to change tables. */
static int
not_the_owner(struct pg_conn *c, int64_t have, int64_t newest, struct err *e)
{
	return err_set(e, ERR_CONFIG, "store.open",
		       "the database has schema %lld, this program needs %lld, "
		       "and the role %s may not change tables: run `funicular "
		       "migrate` as their owner",
		       (long long)have, (long long)newest, PQuser(c->pg));
}

int
pg_migrate(struct pg_conn *c, bool may_apply, struct err *e)
{
	int64_t newest = pg_migrations[pg_migrations_n - 1].number;
	struct err own = { .code = ERR_NONE };
	int64_t have;

	if (version(c, &have, e) < 0)
		return -1;
	if (have > newest)
		return err_set(e, ERR_CONFIG, "store.open",
			       "the database has schema %lld and this program "
			       "knows %lld: use the newer program",
			       (long long)have, (long long)newest);
	if (have < newest && !may_apply)
		return err_set(e, ERR_CONFIG, "store.open",
			       "the database has schema %lld and this program "
			       "needs %lld: run `funicular migrate`",
			       (long long)have, (long long)newest);
	for (size_t i = 0; i < pg_migrations_n; i++) {
		if (pg_migrations[i].number > have &&
		    apply_one(c, &pg_migrations[i], &own) < 0) {
			if (own.sys == PG_STATE('4', '2', '5', '0', '1'))
				(void)not_the_owner(c, have, newest, &own);
			if (e != NULL)
				*e = own;
			return -1;
		}
	}
	return 0;
}
