/*
 * The PostgreSQL store's front door; store_open() is the only one who uses it.
 */
#ifndef BACKENDS_POSTGRES_POSTGRES_H
#define BACKENDS_POSTGRES_POSTGRES_H

#include "backends/store.h"

/* rest: what follows "postgres:" or "postgresql:"; otherwise as store_open().
 */
int pg_open(const char *rest, bool migrate, struct store **out, struct err *e);

/* Which database `rest` names: host, port, database and user, no more; nothing
   where it cannot be read. n > 0. */
void pg_show(const char *rest, char *buf, size_t n);

#endif
