#include "tests/crash/base.h"

#include "tests/crash/site.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX = 64, WORDS_MAX = 400 };

static const char *
server(void)
{
	return getenv("FUNICULAR_TEST_POSTGRES");
}

static const char *
name_of(const char *dir, char out[static NAME_MAX])
{
	const char *p = strrchr(dir, '/');

	(void)snprintf(out, NAME_MAX, "%s", p == NULL ? dir : p + 1);
	return out;
}

static void
quiet(void *ctx, const char *text)
{
	(void)ctx;
	(void)text;
}

/* Who ends others' connections, autovacuum's too, is somebody else than the
   owner of the database. */
static PGconn *
enter(bool root)
{
	char words[WORDS_MAX];
	PGconn *c;

	(void)snprintf(words, sizeof(words), "%s dbname=postgres%s", server(),
		       root ? " user=postgres" : "");
	c = PQconnectdb(words);
	if (PQstatus(c) != CONNECTION_OK)
		site_die("%s", PQerrorMessage(c));
	(void)PQsetNoticeProcessor(c, quiet, NULL);
	return c;
}

static void
say(PGconn *c, const char *sql)
{
	PGresult *r = PQexec(c, sql);

	if (PQresultStatus(r) != PGRES_COMMAND_OK &&
	    PQresultStatus(r) != PGRES_TUPLES_OK)
		site_die("%s: %s", sql, PQresultErrorMessage(r));
	PQclear(r);
}

/* A template may be in use by nobody. Who is shut out comes again later, as
   after a restart of the server. */
static void
shut_out(PGconn *c, const char *name)
{
	char sql[WORDS_MAX];

	(void)snprintf(sql, sizeof(sql),
		       "ALTER DATABASE \"%s\" CONNECTION LIMIT 0", name);
	say(c, sql);
	(void)snprintf(sql, sizeof(sql),
		       "SELECT pg_terminate_backend(pid, 10000) FROM "
		       "pg_stat_activity WHERE datname = '%s'",
		       name);
	say(c, sql);
}

static void
let_in(PGconn *c, const char *name)
{
	char sql[WORDS_MAX];

	(void)snprintf(sql, sizeof(sql),
		       "ALTER DATABASE \"%s\" CONNECTION LIMIT -1", name);
	say(c, sql);
}

static void
drop(const char *name)
{
	PGconn *c = enter(true);
	char sql[WORDS_MAX];

	(void)snprintf(sql, sizeof(sql),
		       "DROP DATABASE IF EXISTS \"%s\" WITH (FORCE)", name);
	say(c, sql);
	PQfinish(c);
}

static void
create(const char *name, const char *from)
{
	PGconn *c = enter(false);
	char sql[WORDS_MAX];

	(void)snprintf(sql, sizeof(sql),
		       "CREATE DATABASE \"%s\" TEMPLATE \"%s\"", name, from);
	say(c, sql);
	PQfinish(c);
}

/* ---- files ---------------------------------------------------------------
 */

static const char *const FILES[] = { "db", "db-wal" };

static void
copy_files(const char *from, const char *to)
{
	char a[WORDS_MAX], b[WORDS_MAX];

	for (size_t i = 0; i < sizeof(FILES) / sizeof(FILES[0]); i++) {
		(void)snprintf(a, sizeof(a), "%s/%s", from, FILES[i]);
		(void)snprintf(b, sizeof(b), "%s/%s", to, FILES[i]);
		site_copy_file(a, b);
	}
}

/* ---- either ----------------------------------------------------------------
 */

void
base_uri(const char *dir, char *out, size_t n)
{
	char name[NAME_MAX];

	if (server() == NULL)
		(void)snprintf(out, n, "sqlite:%s/db", dir);
	else
		(void)snprintf(out, n, "postgres:%s dbname=%s", server(),
			       name_of(dir, name));
}

void
base_new(const char *dir)
{
	char name[NAME_MAX];

	if (server() == NULL)
		return;
	drop(name_of(dir, name));
	create(name, "template0");
}

void
base_copy(const char *from, const char *to, bool used)
{
	char a[NAME_MAX], b[NAME_MAX];
	PGconn *c;

	if (server() == NULL) {
		copy_files(from, to);
		return;
	}
	(void)name_of(from, a);
	drop(name_of(to, b));
	c = enter(true);
	if (used)
		shut_out(c, a);
	create(b, a);
	if (used)
		let_in(c, a);
	PQfinish(c);
}

void
base_remove(const char *dir)
{
	char name[NAME_MAX];

	if (server() != NULL)
		drop(name_of(dir, name));
}
