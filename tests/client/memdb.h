/*
 * A client's database in memory, for tests of the engine and for the bench: it
 * does the least that the engine asks for, so that little of the client is in
 * the figures.
 */
#ifndef TESTS_CLIENT_MEMDB_H
#define TESTS_CLIENT_MEMDB_H

#include "clients/client.h"

struct mem_item {
	char *body;
	size_t n;
	bool live, known, changed, deleted; /* deleted: to be told */
	int status;                         /* of what we sent */
	char guid[72];                      /* of a Map not confirmed */
};

struct memdb {
	struct cli_db db;       /* first */
	struct mem_item *items; /* [luid - 1] */
	size_t n, cap;
	size_t next;
	bool keep_bodies;            /* of what comes in */
	char client[64], server[64]; /* anchors */
	unsigned finished, applied, confirmed;
	int refuse; /* status for everything that comes in; 0: take it */
};

void memdb_init(struct memdb *m, const char *remote);
void memdb_free(struct memdb *m);
/* Returns its LUID. */
size_t memdb_add(struct memdb *m, const char *body, size_t n);
void memdb_change(struct memdb *m, size_t luid, const char *body, size_t n);
void memdb_delete(struct memdb *m, size_t luid);
size_t memdb_live(const struct memdb *m);

#endif
