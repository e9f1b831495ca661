/*
 * The SQLite store's front door; store_open() is the only one who uses it.
 */
#ifndef BACKENDS_SQLITE_SQLITE_H
#define BACKENDS_SQLITE_SQLITE_H

#include "backends/store.h"

/* path: the database file; otherwise as store_open(). */
int lite_open(const char *path, bool migrate, struct store **out,
	      struct err *e);

#endif
