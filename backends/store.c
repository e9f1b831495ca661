#include "backends/store.h"

#include "backends/postgres/postgres.h"
#include "backends/sqlite/sqlite.h"

/* A new backend is one line here. */
static const struct {
	const char *scheme;
	int (*open)(const char *rest, bool migrate, struct store **out,
		    struct err *e);
} BACKENDS[] = {
	{ "sqlite:", lite_open },
	{ "postgres:", pg_open },
	{ "postgresql:", pg_open },
};

int
store_open(const char *uri, bool migrate, struct store **out, struct err *e)
{
	*out = NULL;
	for (size_t i = 0; i < sizeof(BACKENDS) / sizeof(BACKENDS[0]); i++) {
		size_t n = strlen(BACKENDS[i].scheme);

		if (strncmp(uri, BACKENDS[i].scheme, n) == 0)
			return BACKENDS[i].open(uri + n, migrate, out, e);
	}
	/* What follows the scheme may hold a password. */
	return err_set(e, ERR_CONFIG, "store.open",
		       "no store is called \"%.*s\": write it as "
		       "sqlite:/var/lib/funicular/funicular.db or "
		       "postgres:dbname=funicular",
		       (int)strcspn(uri, ":"), uri);
}
