#include "backends/store.h"

#include "backends/postgres/postgres.h"
#include "backends/sqlite/sqlite.h"

#include <stdio.h>

/* A new backend is one line here. */
static const struct {
	const char *scheme;
	int (*open)(const char *rest, bool migrate, struct store **out,
		    struct err *e);
	/* What follows the scheme without its secrets; NULL: there are none. */
	void (*show)(const char *rest, char *buf, size_t n);
} BACKENDS[] = {
	{ "sqlite:", lite_open, NULL },
	{ "postgres:", pg_open, pg_show },
	{ "postgresql:", pg_open, pg_show },
};
enum { BACKENDS_N = sizeof(BACKENDS) / sizeof(BACKENDS[0]) };

/* Which of them the URI names, and what follows its scheme; BACKENDS_N: none.
 */
static size_t
backend_of(const char *uri, const char **rest)
{
	for (size_t i = 0; i < BACKENDS_N; i++) {
		size_t n = strlen(BACKENDS[i].scheme);

		*rest = uri + n;
		if (strncmp(uri, BACKENDS[i].scheme, n) == 0)
			return i;
	}
	return BACKENDS_N;
}

int
store_open(const char *uri, bool migrate, struct store **out, struct err *e)
{
	const char *rest;
	size_t i = backend_of(uri, &rest);

	*out = NULL;
	if (i < BACKENDS_N)
		return BACKENDS[i].open(rest, migrate, out, e);
	/* What follows the scheme may hold a password. */
	return err_set(e, ERR_CONFIG, "store.open",
		       "no store is called \"%.*s\": write it as "
		       "sqlite:/var/lib/funicular/funicular.db or "
		       "postgres:dbname=funicular",
		       (int)strcspn(uri, ":"), uri);
}

void
store_uri_show(const char *uri, char *buf, size_t n)
{
	const char *rest;
	size_t i = backend_of(uri, &rest);
	int scheme = (int)strcspn(uri, ":");

	if (i == BACKENDS_N) { /* nobody knows what may stand in it */
		(void)snprintf(buf, n, "%.*s", scheme, uri);
	} else if (BACKENDS[i].show == NULL) {
		(void)snprintf(buf, n, "%s", uri);
	} else {
		(void)snprintf(buf, n, "%.*s:", scheme, uri);
		BACKENDS[i].show(rest, buf + strlen(buf), n - strlen(buf));
	}
}
