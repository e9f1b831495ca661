/*
 * The schema's version: numbered scripts out of schema/sqlite, each applied
 * in one transaction under the write lock and recorded in `migration`.
 */
#include "backends/sqlite/lite.h"
#include "base/clock.h"

#include <time.h>

enum { MIGRATE_WAIT_MS = 5000 };

static const char LEDGER[] =
    "CREATE TABLE IF NOT EXISTS migration ("
    " number INTEGER NOT NULL PRIMARY KEY,"
    " name TEXT NOT NULL,"
    " applied_ms INTEGER NOT NULL);"
    "PRAGMA application_id = 1182101097;"; /* LITE_APP_ID */

/* One number out of the database; 0 where there is no row. */
static int
number(struct lite_conn *c, const char *sql, int64_t *out, struct err *e)
{
	struct lite_q q;
	int rc;

	if (lite_prepare(c, &q, sql, "store.migrate", e) < 0)
		return -1;
	rc = lite_step(&q, e);
	*out = rc == 1 ? lite_col(&q, 0) : 0;
	lite_end(&q);
	return rc < 0 ? -1 : 0;
}

/* The highest migration applied; 0 for an empty file. */
static int
version(struct lite_conn *c, const char *path, int64_t *out, struct err *e)
{
	static const char app[] = "PRAGMA application_id";
	static const char tables[] = "SELECT count(*) FROM sqlite_schema";
	static const char ledger[] =
	    "SELECT count(*) FROM sqlite_schema WHERE name = 'migration'";
	static const char last[] = "SELECT max(number) FROM migration";
	int64_t id;
	int64_t n;

	*out = 0;
	if (number(c, app, &id, e) < 0 || number(c, tables, &n, e) < 0)
		return -1;
	if (n == 0)
		return 0;
	if (id != LITE_APP_ID)
		return err_set(e, ERR_CONFIG, "store.open",
			       "%s is a database of another program: name "
			       "another file in `store`",
			       path);
	if (number(c, ledger, &n, e) < 0)
		return -1;
	return n == 0 ? 0 : number(c, last, out, e);
}

static int
record(struct lite_conn *c, const struct store_migration *m, struct err *e)
{
	static const char sql[] = "INSERT INTO migration"
				  " (number, name, applied_ms)"
				  " VALUES (?1, ?2, ?3)";
	struct lite_q q;

	if (lite_prepare(c, &q, sql, "store.migrate", e) < 0)
		return -1;
	lite_int(&q, m->number);
	lite_text(&q, slice_c(m->name));
	lite_int(&q, clk_system.now_ms(&clk_system));
	return lite_once(&q, e);
}

/* Apply one script unless another process was faster. */
static int
apply_one(struct lite_conn *c, const char *path,
	  const struct store_migration *m, struct err *e)
{
	int64_t have;

	if (lite_script(c, "BEGIN EXCLUSIVE", "store.migrate", e) < 0)
		return -1;
	if (version(c, path, &have, e) == 0 &&
	    (have >= m->number ||
	     (lite_script(c, LEDGER, "store.migrate", e) == 0 &&
	      lite_script(c, m->sql, "store.migrate", e) == 0 &&
	      record(c, m, e) == 0)) &&
	    lite_script(c, "COMMIT", "store.migrate", e) == 0)
		return 0;
	if (sqlite3_get_autocommit(c->db) == 0)
		(void)lite_script(c, "ROLLBACK", "store.migrate", NULL);
	return -1;
}

/* Write-ahead logging is a property of the file; it needs shared memory. */
static int
use_wal(struct lite_conn *c, const char *path, struct err *e)
{
	static const char sql[] = "PRAGMA journal_mode = WAL";
	struct lite_q q;
	int rc;

	if (lite_prepare(c, &q, sql, "store.open", e) < 0)
		return -1;
	rc = lite_step(&q, e);
	if (rc == 1 &&
	    sqlite3_stricmp((const char *)sqlite3_column_text(q.st, 0),
			    "wal") != 0)
		rc = err_set(e, ERR_CONFIG, "store.open",
			     "%s lies where write-ahead logging does not work: "
			     "put it on a local disk that can be written",
			     path);
	lite_end(&q);
	return rc < 0 ? -1 : 0;
}

static int
migrate(struct lite_conn *c, const char *path, bool apply, struct err *e)
{
	int64_t newest = lite_migrations[lite_migrations_n - 1].number;
	int64_t have;

	if (version(c, path, &have, e) < 0)
		return -1;
	if (have > newest)
		return err_set(e, ERR_CONFIG, "store.open",
			       "%s has schema %lld and this program knows %lld:"
			       " use the newer program",
			       path, (long long)have, (long long)newest);
	if (have < newest && !apply)
		return err_set(e, ERR_CONFIG, "store.open",
			       "%s has schema %lld and this program needs %lld:"
			       " run `funicular migrate`",
			       path, (long long)have, (long long)newest);
	if (use_wal(c, path, e) < 0)
		return -1;
	for (size_t i = 0; i < lite_migrations_n; i++) {
		if (lite_migrations[i].number <= have)
			continue;
		if (apply_one(c, path, &lite_migrations[i], e) < 0)
			return -1;
	}
	return 0;
}

/*
 * Several programs may open a new file at the same moment. SQLite does not wait
 * for its busy timeout where a file changes to write-ahead logging, so the
 * waiting is ours; what was applied meanwhile is seen by the next try.
 */
int
lite_migrate(struct lite_conn *c, const char *path, bool apply, struct err *e)
{
	static const struct timespec pause = { .tv_nsec = 20000000 };
	int64_t until = clk_mono_ms() + MIGRATE_WAIT_MS;
	struct err first = { .code = ERR_NONE };

	while (migrate(c, path, apply, &first) < 0) {
		if (first.code != ERR_UNAVAILABLE || clk_mono_ms() > until) {
			*e = first;
			return -1;
		}
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}
