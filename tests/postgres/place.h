/*
 * Where a test's store lives. A test asks for a place, opens the store at its
 * URI and gives the place back; what kind of store that is, its caller or the
 * environment says:
 *
 *   FUNICULAR_TEST_STORE  sqlite (default), postgres, pgbouncer, partitioned
 *
 * All but the first want a server: tests/postgres/server.py COMMAND.
 */
#ifndef TESTS_POSTGRES_PLACE_H
#define TESTS_POSTGRES_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum place_kind {
	PLACE_SQLITE,
	PLACE_POSTGRES,
	PLACE_PGBOUNCER,   /* transaction mode, prepare=off */
	PLACE_PARTITIONED, /* every account table hashed by account */
	PLACE_KINDS,
};

struct place {
	enum place_kind kind;
	char uri[320];
	int database; /* the process's own number of it */
};

/* A kind by its name; NULL: as the environment says. Ends the process where
   there is no such kind. */
enum place_kind place_kind(const char *name);
const char *place_name(enum place_kind k);

/*
 * A store that holds nothing and may not even have tables: open it with
 * migrate. `file` is where SQLite's would be (not there yet). A process may
 * hold several places; a PostgreSQL database that was given back is emptied
 * and used again. Whatever fails ends the process with a sentence.
 */
void place_take(struct place *p, enum place_kind k, const char *file);
/* The store is closed, nothing of it is wanted any more. */
void place_give(struct place *p);

/* On PostgreSQL: run a script there, past the store; the first column of its
   last row as a number, 0 where there is none. */
int64_t place_ask(const struct place *p, const char *sql);
/* The same as somebody else than the owner: "user=postgres". */
int64_t place_ask_as(const struct place *p, const char *who, const char *sql);

/* "host=... dbname=..." of a place on PostgreSQL, past any pooler. */
void place_conninfo(const struct place *p, char *out, size_t n);

#endif
