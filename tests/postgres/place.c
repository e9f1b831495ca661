#include "tests/postgres/place.h"

#include "backends/store.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DATABASES = 64 };

static const char *const NAME[PLACE_KINDS] = {
	[PLACE_SQLITE] = "sqlite",
	[PLACE_POSTGRES] = "postgres",
	[PLACE_PGBOUNCER] = "pgbouncer",
	[PLACE_PARTITIONED] = "partitioned",
};

/* The databases this process has made; [i] is called t<process>_<i>. */
static struct {
	bool used;
	bool partitioned;
} made[DATABASES];
static int made_n;

static void __attribute__((noreturn)) die(const char *what, const char *why)
{
	(void)fprintf(stderr, "place: %s: %s\n", what, why);
	exit(1);
}

enum place_kind
place_kind(const char *name)
{
	if (name == NULL)
		name = getenv("FUNICULAR_TEST_STORE");
	if (name == NULL)
		return PLACE_SQLITE;
	for (int k = 0; k < PLACE_KINDS; k++) {
		if (strcmp(NAME[k], name) == 0)
			return (enum place_kind)k;
	}
	die(name, "no such kind of store");
}

const char *
place_name(enum place_kind k)
{
	return NAME[k];
}

static const char *
server(bool bouncer)
{
	const char *var =
	    bouncer ? "FUNICULAR_TEST_PGBOUNCER" : "FUNICULAR_TEST_POSTGRES";
	const char *v = getenv(var);

	if (v == NULL)
		die(var, "not set: run this by tests/postgres/server.py");
	return v;
}

static void
database_name(int i, char *out, size_t n)
{
	(void)snprintf(out, n, "t%ld_%d", (long)getpid(), i);
}

void
place_conninfo(const struct place *p, char *out, size_t n)
{
	char name[32];

	database_name(p->database, name, sizeof(name));
	(void)snprintf(out, n, "%s dbname=%s", server(false), name);
}

static void
quiet(void *ctx, const char *text)
{
	(void)ctx;
	(void)text;
}

/* One script on a connection of its own. */
static int64_t
run(const char *conninfo, const char *sql)
{
	PGconn *c = PQconnectdb(conninfo);
	PGresult *r;
	int64_t n = 0;

	if (PQstatus(c) != CONNECTION_OK)
		die(conninfo, PQerrorMessage(c));
	(void)PQsetNoticeProcessor(c, quiet, NULL);
	r = PQexec(c, sql);
	if (PQresultStatus(r) != PGRES_COMMAND_OK &&
	    PQresultStatus(r) != PGRES_TUPLES_OK)
		die(conninfo, PQresultErrorMessage(r));
	if (PQntuples(r) > 0)
		n = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
	PQclear(r);
	PQfinish(c);
	return n;
}

int64_t
place_ask_as(const struct place *p, const char *who, const char *sql)
{
	char conninfo[320];

	place_conninfo(p, conninfo, sizeof(conninfo));
	(void)snprintf(conninfo + strlen(conninfo),
		       sizeof(conninfo) - strlen(conninfo), " %s", who);
	return run(conninfo, sql);
}

int64_t
place_ask(const struct place *p, const char *sql)
{
	return place_ask_as(p, "", sql);
}

/* Somebody who still holds a lock was left behind by the test before. */
static const char SQL_EMPTY[] =
    "SET lock_timeout = '20s';"
    "DO $$ DECLARE t record; BEGIN"
    " IF to_regclass('table_class') IS NOT NULL THEN"
    "  FOR t IN SELECT name FROM table_class"
    "   WHERE name NOT IN ('migration', 'table_class') LOOP"
    "   EXECUTE format('DELETE FROM %I', t.name);"
    "  END LOOP;"
    " END IF; END $$";

static void
make(const struct place *p)
{
	char conninfo[256], sql[128], name[32];

	(void)snprintf(conninfo, sizeof(conninfo), "%s dbname=postgres",
		       server(false));
	database_name(p->database, name, sizeof(name));
	(void)snprintf(sql, sizeof(sql),
		       "CREATE DATABASE %s TEMPLATE template0", name);
	(void)run(conninfo, sql);
}

static char *
read_script(const char *path)
{
	static char text[8000];
	FILE *f = fopen(path, "re");
	size_t n;

	if (f == NULL)
		die(path, "cannot be read");
	n = fread(text, 1, sizeof(text) - 1, f);
	(void)fclose(f);
	if (n == sizeof(text) - 1)
		die(path, "too long");
	text[n] = 0;
	return text;
}

static void
partition(const struct place *p)
{
	struct store *s;
	struct err e;

	if (store_open(p->uri, true, &s, &e) < 0)
		die(p->uri, e.msg);
	s->v->close(&s);
	(void)place_ask(p, read_script(PARTITION_SQL));
}

static bool
reuse(struct place *p)
{
	for (int i = 0; i < made_n; i++) {
		if (made[i].used ||
		    made[i].partitioned != (p->kind == PLACE_PARTITIONED))
			continue;
		p->database = i;
		(void)place_ask(p, SQL_EMPTY);
		return true;
	}
	return false;
}

void
place_take(struct place *p, enum place_kind k, const char *file)
{
	bool bouncer = k == PLACE_PGBOUNCER;
	bool old;
	char name[32];

	*p = (struct place){ .kind = k, .database = made_n };
	if (k == PLACE_SQLITE) {
		(void)snprintf(p->uri, sizeof(p->uri), "sqlite:%s", file);
		return;
	}
	old = reuse(p);
	if (!old) {
		if (made_n == DATABASES)
			die("databases", "too many at a time");
		make(p);
		made_n++;
	}
	database_name(p->database, name, sizeof(name));
	(void)snprintf(p->uri, sizeof(p->uri), "postgres:%s dbname=%s%s",
		       server(bouncer), name, bouncer ? " prepare=off" : "");
	made[p->database].used = true;
	made[p->database].partitioned = k == PLACE_PARTITIONED;
	if (!old && k == PLACE_PARTITIONED)
		partition(p);
}

void
place_give(struct place *p)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	char path[340];

	if (p->kind != PLACE_SQLITE) {
		made[p->database].used = false;
		return;
	}
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s%s",
			       p->uri + strlen("sqlite:"), ends[i]);
		(void)unlink(path);
	}
}
