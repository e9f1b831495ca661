/*
 * A disk that loses power: a file system for SQLite that remembers, for each
 * file, what has been synced and every write since. At any moment it can tell
 * what a power loss would leave: each unsynced write is there, or not, or in
 * some of its sectors, or as garbage, in any combination.
 */
#ifndef TESTS_STORE_POWER_H
#define TESTS_STORE_POWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct power_image { /* of a database and its log */
	unsigned char *db, *wal;
	size_t db_n, wal_n; /* wal_n 0: the log is not there */
};

/*
 * From now on databases are opened through it; sync_lies: a sync does nothing.
 * hook is called before each write, sync and truncation, and behind a sync.
 */
void power_on(uint64_t seed, bool sync_lies, void (*hook)(void *ctx),
	      void *ctx);
/* Databases opened later are left alone, those open still are ours. */
void power_pass(bool pass);
/* All that it knows is forgotten; no database may be open. */
void power_off(void);

/* The database's file has changes that are not synced: a checkpoint runs. */
bool power_writes_back(void);
/* What a loss at this moment would leave. Free both parts. */
void power_loss(struct power_image *out);
/* Uniform below n. */
uint64_t power_random(uint64_t n);

#endif
