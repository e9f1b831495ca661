/*
 * PostgreSQL has its own ways to be copied while it runs, which know its
 * log, its roles and its replicas. A copy made through SQL would be a worse
 * one, so this says which to take.
 */
#include "backends/postgres/pg.h"

int
pg_backup(struct store *s, const char *path, struct err *e)
{
	(void)s;
	return err_set(e, ERR_UNSUPPORTED, "store.backup",
		       "PostgreSQL is backed up with its own tools: `pg_dump "
		       "-Fc -f %.80s DATABASE` for one database, "
		       "`pg_basebackup` and its log archive for a moment in "
		       "time",
		       path);
}
