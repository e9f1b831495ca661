/*
 * The least that a phase can cost: the very rows that the daemon wrote, put
 * into a copy of its database as it was before, by nothing but prepared
 * statements, in as many transactions as the phase had messages. What a
 * download reads is read the same way.
 *
 *	bench_floor BEFORE.db AFTER.db COMMITS
 *
 * BEFORE.db is changed. Prints {"rows", "cpu_us", "read", "read_cpu_us"}.
 */
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { TABLES_MAX = 64 };

struct table {
	char *name;
	sqlite3_stmt *insert;
	int columns;
	sqlite3_value **v; /* rows * columns */
	size_t rows, cap;
};

static sqlite3 *db;

static void
die(const char *what)
{
	fprintf(stderr, "bench_floor: %s: %s\n", what,
		db == NULL ? "" : sqlite3_errmsg(db));
	exit(1);
}

static void
run(const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		die(sql);
}

static sqlite3_stmt *
prepare(const char *sql)
{
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
		die(sql);
	return st;
}

static uint64_t
cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000u +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* All rows of one table that are new or other than before, into memory. */
static void
load(struct table *t, const char *name)
{
	char sql[512];
	sqlite3_stmt *st;

	t->name = sqlite3_mprintf("%s", name);
	sqlite3_snprintf(sizeof(sql), sql,
			 "SELECT * FROM after.\"%w\" EXCEPT "
			 "SELECT * FROM main.\"%w\"",
			 name, name);
	st = prepare(sql);
	t->columns = sqlite3_column_count(st);
	while (sqlite3_step(st) == SQLITE_ROW) {
		size_t n = (size_t)t->columns;

		if (t->rows == t->cap) {
			t->cap = t->cap == 0 ? 1024 : 2 * t->cap;
			t->v = realloc(t->v, t->cap * n * sizeof(*t->v));
			if (t->v == NULL)
				die("memory");
		}
		for (int i = 0; i < t->columns; i++)
			t->v[t->rows * n + (size_t)i] =
			    sqlite3_value_dup(sqlite3_column_value(st, i));
		t->rows++;
	}
	sqlite3_finalize(st);
	char *marks = sqlite3_mprintf("?");
	for (int i = 1; i < t->columns; i++) {
		char *longer = sqlite3_mprintf("%s,?", marks);

		sqlite3_free(marks);
		marks = longer;
	}
	sqlite3_snprintf(sizeof(sql), sql,
			 "INSERT OR REPLACE INTO main.\"%w\" VALUES(%s)", name,
			 marks);
	sqlite3_free(marks);
	t->insert = prepare(sql);
}

static void
put(struct table *t, size_t row)
{
	for (int i = 0; i < t->columns; i++)
		sqlite3_bind_value(t->insert, i + 1,
				   t->v[row * (size_t)t->columns + (size_t)i]);
	if (sqlite3_step(t->insert) != SQLITE_DONE)
		die(t->name);
	sqlite3_reset(t->insert);
}

/* The part of a table that the k-th of n transactions writes. */
static void
put_part(struct table *t, size_t k, size_t n)
{
	for (size_t i = t->rows * k / n; i < t->rows * (k + 1) / n; i++)
		put(t, i);
}

static size_t
read_bodies(uint64_t *us)
{
	uint64_t from = cpu_us();
	size_t n = 0, bytes = 0;
	sqlite3_stmt *list = prepare("SELECT account_id, item_id, revision "
				     "FROM item WHERE deleted = 0");
	sqlite3_stmt *one =
	    prepare("SELECT body FROM revision WHERE account_id = ?1 AND "
		    "item_id = ?2 AND revision = ?3");

	while (sqlite3_step(list) == SQLITE_ROW) {
		for (int i = 0; i < 3; i++)
			sqlite3_bind_int64(one, i + 1,
					   sqlite3_column_int64(list, i));
		if (sqlite3_step(one) == SQLITE_ROW) {
			bytes += (size_t)sqlite3_column_bytes(one, 0);
			n++;
		}
		sqlite3_reset(one);
	}
	sqlite3_finalize(list);
	sqlite3_finalize(one);
	*us = cpu_us() - from;
	return bytes > 0 ? n : 0;
}

static size_t
load_all(struct table *t)
{
	sqlite3_stmt *names =
	    prepare("SELECT name FROM main.sqlite_master WHERE type = 'table' "
		    "AND name NOT LIKE 'sqlite_%' ORDER BY rootpage");
	size_t n = 0;

	while (sqlite3_step(names) == SQLITE_ROW && n < TABLES_MAX)
		load(&t[n++], (const char *)sqlite3_column_text(names, 0));
	sqlite3_finalize(names);
	return n;
}

int
main(int argc, char **argv)
{
	static struct table t[TABLES_MAX];
	uint64_t from, us, read_us;
	size_t n, rows = 0, read, commits;

	if (argc != 4) {
		fputs("usage: bench_floor BEFORE.db AFTER.db COMMITS\n",
		      stderr);
		return 2;
	}
	commits = (size_t)strtoul(argv[3], NULL, 10);
	if (commits == 0)
		commits = 1;
	if (sqlite3_open(argv[1], &db) != SQLITE_OK)
		die(argv[1]);
	/* As the daemon opens it. */
	run("PRAGMA journal_mode = WAL");
	run("PRAGMA synchronous = FULL");
	run("PRAGMA cache_size = -16384");
	char *attach = sqlite3_mprintf("ATTACH %Q AS after", argv[2]);
	run(attach);
	sqlite3_free(attach);
	n = load_all(t);
	for (size_t i = 0; i < n; i++)
		rows += t[i].rows;
	run("DETACH after");
	from = cpu_us();
	for (size_t k = 0; k < commits; k++) {
		run("BEGIN IMMEDIATE");
		for (size_t i = 0; i < n; i++)
			put_part(&t[i], k, commits);
		run("COMMIT");
	}
	us = cpu_us() - from;
	read = read_bodies(&read_us);
	printf("{\"rows\": %zu, \"cpu_us\": %llu, \"read\": %zu, "
	       "\"read_cpu_us\": %llu}\n",
	       rows, (unsigned long long)us, read, (unsigned long long)read_us);
	return 0;
}
