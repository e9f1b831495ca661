/*
 * The least that rows cost in PostgreSQL: those that the daemon wrote, put into
 * an empty database with the same schema by nothing but prepared statements,
 * in so many transactions.
 *
 *	bench_floor_pg FROM TO COMMITS single|pipeline
 *
 * FROM and TO are conninfo; TO has the schema and is emptied first. single:
 * one statement after the other, as pgbench does it; pipeline: all of a
 * transaction are sent together. Prints {"rows", "cpu_us", "wall_us"}; the
 * processor time is ours and that of our server process.
 */
#include "base/clock.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { TABLES_MAX = 64, COLUMNS_MAX = 64 };

struct table {
	char name[64];
	PGresult *rows;
	Oid type[COLUMNS_MAX];
	int columns, n;
};

static void
die(const char *what, const char *why)
{
	fprintf(stderr, "bench_floor_pg: %s: %s\n", what, why);
	exit(1);
}

static PGconn *
open_db(const char *conninfo)
{
	PGconn *c = PQconnectdb(conninfo);

	if (PQstatus(c) != CONNECTION_OK)
		die("connect", PQerrorMessage(c));
	return c;
}

static PGresult *
ask(PGconn *c, const char *sql, int binary)
{
	PGresult *r = PQexecParams(c, sql, 0, NULL, NULL, NULL, NULL, binary);

	if (PQresultStatus(r) != PGRES_TUPLES_OK &&
	    PQresultStatus(r) != PGRES_COMMAND_OK)
		die(sql, PQresultErrorMessage(r));
	return r;
}

static void
run(PGconn *c, const char *sql)
{
	PQclear(ask(c, sql, 0));
}

static void
load(PGconn *from, PGconn *to, struct table *t)
{
	char sql[2048];
	int n;

	snprintf(sql, sizeof(sql), "SELECT * FROM %s", t->name);
	t->rows = ask(from, sql, 1);
	t->n = PQntuples(t->rows);
	t->columns = PQnfields(t->rows);
	if (t->columns > COLUMNS_MAX)
		die(t->name, "too many columns");
	n = snprintf(sql, sizeof(sql), "INSERT INTO %s VALUES (", t->name);
	for (int i = 0; i < t->columns; i++) {
		t->type[i] = PQftype(t->rows, i);
		n += snprintf(sql + n, sizeof(sql) - (size_t)n, "%s$%d",
			      i > 0 ? "," : "", i + 1);
	}
	snprintf(sql + n, sizeof(sql) - (size_t)n, ")");
	PQclear(PQprepare(to, t->name, sql, t->columns, t->type));
	snprintf(sql, sizeof(sql), "TRUNCATE %s", t->name);
	run(to, sql);
}

static int
load_all(PGconn *from, PGconn *to, struct table *t)
{
	PGresult *names = ask(from,
			      "SELECT name FROM table_class WHERE name NOT IN "
			      "('migration', 'table_class') ORDER BY name",
			      0);
	int n = PQntuples(names);

	if (n > TABLES_MAX)
		die("tables", "too many");
	for (int i = 0; i < n; i++) {
		snprintf(t[i].name, sizeof(t[i].name), "%s",
			 PQgetvalue(names, i, 0));
		load(from, to, &t[i]);
	}
	PQclear(names);
	return n;
}

static void
put(PGconn *c, const struct table *t, int row, bool pipeline)
{
	const char *v[COLUMNS_MAX];
	int len[COLUMNS_MAX], format[COLUMNS_MAX];

	for (int i = 0; i < t->columns; i++) {
		v[i] = PQgetisnull(t->rows, row, i)
			   ? NULL
			   : PQgetvalue(t->rows, row, i);
		len[i] = PQgetlength(t->rows, row, i);
		format[i] = 1;
	}
	if (pipeline) {
		if (PQsendQueryPrepared(c, t->name, t->columns, v, len, format,
					1) == 0)
			die(t->name, PQerrorMessage(c));
		return;
	}
	PGresult *r = PQexecPrepared(c, t->name, t->columns, v, len, format, 1);

	if (PQresultStatus(r) != PGRES_COMMAND_OK)
		die(t->name, PQresultErrorMessage(r));
	PQclear(r);
}

/* All answers of a pipeline. */
static void
answers(PGconn *c)
{
	if (PQpipelineSync(c) == 0)
		die("sync", PQerrorMessage(c));
	for (;;) {
		PGresult *r = PQgetResult(c);
		ExecStatusType st = PQresultStatus(r);

		if (r == NULL)
			continue;
		if (st != PGRES_COMMAND_OK && st != PGRES_PIPELINE_SYNC)
			die("pipeline", PQresultErrorMessage(r));
		PQclear(r);
		if (st == PGRES_PIPELINE_SYNC)
			return;
	}
}

/* libpq reads only when it is asked: not too much without an answer. */
static void
put_part(PGconn *c, const struct table *t, long k, long n, bool pipeline)
{
	int sent = 0;

	for (long i = t->n * k / n; i < t->n * (k + 1) / n; i++) {
		put(c, t, (int)i, pipeline);
		if (pipeline && ++sent % 200 == 0)
			answers(c);
	}
}

static void
say(PGconn *c, const char *sql, bool pipeline)
{
	if (!pipeline) {
		run(c, sql);
		return;
	}
	if (PQsendQueryParams(c, sql, 0, NULL, NULL, NULL, NULL, 0) == 0)
		die(sql, PQerrorMessage(c));
	answers(c);
}

static uint64_t
cpu_us(const char *server)
{
	unsigned long long ns = 0;
	struct rusage u;
	FILE *f = fopen(server, "r");

	if (f == NULL || fscanf(f, "%llu", &ns) != 1)
		die(server, "the server is on another machine");
	fclose(f);
	getrusage(RUSAGE_SELF, &u);
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000u +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) + ns / 1000;
}

int
main(int argc, char **argv)
{
	static struct table t[TABLES_MAX];
	PGconn *from, *to;
	char server[64];
	uint64_t cpu;
	int64_t wall;
	long commits, rows = 0;
	bool pipeline;
	int n;

	if (argc != 5) {
		fputs("usage: bench_floor_pg FROM TO COMMITS "
		      "single|pipeline\n",
		      stderr);
		return 2;
	}
	commits = strtol(argv[3], NULL, 10);
	if (commits < 1)
		commits = 1;
	pipeline = strcmp(argv[4], "pipeline") == 0;
	from = open_db(argv[1]);
	to = open_db(argv[2]);
	n = load_all(from, to, t);
	snprintf(server, sizeof(server), "/proc/%d/schedstat",
		 PQbackendPID(to));
	if (pipeline && PQenterPipelineMode(to) == 0)
		die("pipeline", PQerrorMessage(to));
	cpu = cpu_us(server);
	wall = clk_mono_ms();
	for (long k = 0; k < commits; k++) {
		say(to, "BEGIN", pipeline);
		for (int i = 0; i < n; i++)
			put_part(to, &t[i], k, commits, pipeline);
		say(to, "COMMIT", pipeline);
	}
	cpu = cpu_us(server) - cpu;
	wall = clk_mono_ms() - wall;
	for (int i = 0; i < n; i++) {
		rows += t[i].n;
		PQclear(t[i].rows);
	}
	PQfinish(from);
	PQfinish(to);
	printf("{\"rows\": %ld, \"cpu_us\": %llu, \"wall_us\": %lld}\n", rows,
	       (unsigned long long)cpu, (long long)wall * 1000);
	return 0;
}
