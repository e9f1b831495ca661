/*
 * The store's URI: libpq's own words, in either of its two forms, and among
 * them three of ours, which are taken out before libpq sees the rest:
 *
 *	postgres:host=/run/postgresql dbname=funicular pool=8
 *	postgresql://funicular@db.example.net/funicular?prepare=off
 *	... listen=on, or behind a pooler listen=HOST:PORT of the database
 */
#include "backends/postgres/pg.h"
#include "backends/postgres/postgres.h"

#include <stdlib.h>

enum { LISTEN_MAX = 300 };

static int
bad_option(struct slice key, struct slice value, struct err *e)
{
	return err_set(e, ERR_CONFIG, "store.open",
		       "`store`: %.*s cannot be \"%.*s\"", SLICE_ARG(key),
		       (int)(value.n > 40 ? 40 : value.n), value.p);
}

/* "on", "off", or where the database itself is: HOST:PORT, HOST. */
static int
listen_option(struct pg_uri *u, struct slice value, struct err *e)
{
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && strchr("-._:/", c) == NULL)
			return bad_option(SLICE_LIT("listen"), value, e);
	}
	if (value.n == 0 || value.n > LISTEN_MAX)
		return bad_option(SLICE_LIT("listen"), value, e);
	free(u->listen);
	u->listen = slice_is(value, "off") ? NULL : strndup(value.p, value.n);
	if (u->listen == NULL && !slice_is(value, "off"))
		return pg_nomem("store.open", e);
	return 1;
}

/* 1: it is one of ours, and taken; 0: it is libpq's. */
static int
own_option(struct pg_uri *u, struct slice key, struct slice value,
	   struct err *e)
{
	int64_t n;

	if (slice_is(key, "pool")) {
		if (!slice_i64(value, &n) || n < 1 || n > PG_POOL_MAX)
			return bad_option(key, value, e);
		u->pool = (int)n;
		return 1;
	}
	if (slice_is(key, "listen"))
		return listen_option(u, value, e);
	if (!slice_is(key, "prepare"))
		return 0;
	if (!slice_is(value, "on") && !slice_is(value, "off"))
		return bad_option(key, value, e);
	u->prepare = slice_is(value, "on");
	return 1;
}

/* ---- postgresql://...?key=value&key=value -------------------------------- */

static int
read_url(struct slice in, struct pg_uri *u, struct buf *out, struct err *e)
{
	size_t mark = slice_find(in, '?');
	struct slice rest = slice_from(in, mark == SIZE_MAX ? in.n : mark + 1);
	struct slice field;
	char before = '?';

	buf_add(out, slice_sub(in, 0, mark));
	while (rest.n > 0 && slice_split(&rest, '&', &field)) {
		size_t eq = slice_find(field, '=');
		int ours = own_option(
		    u, slice_sub(field, 0, eq),
		    slice_from(field, eq == SIZE_MAX ? field.n : eq + 1), e);

		if (ours < 0)
			return -1;
		if (ours == 1)
			continue;
		buf_byte(out, (unsigned char)before);
		buf_add(out, field);
		before = '&';
	}
	return 0;
}

/* ---- key=value key='value' -------------------------------------------------
 */

static bool
blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* How many bytes of `in` are one value: quoted, or up to a blank. */
static size_t
value_len(struct slice in)
{
	bool quoted = in.n > 0 && in.p[0] == '\'';
	size_t i = quoted ? 1 : 0;

	while (i < in.n) {
		char c = in.p[i++];

		if (c == '\\' && i < in.n)
			i++;
		else if (quoted && c == '\'')
			return i;
		else if (!quoted && blank(c))
			return i - 1;
	}
	return in.n;
}

static struct slice
unquoted(struct slice v)
{
	if (v.n >= 2 && v.p[0] == '\'' && v.p[v.n - 1] == '\'')
		return slice_sub(v, 1, v.n - 2);
	return v;
}

static int
read_words(struct slice in, struct pg_uri *u, struct buf *out, struct err *e)
{
	while ((in = slice_trim(in)).n > 0) {
		size_t eq = slice_find(in, '=');
		struct slice key = slice_trim(slice_sub(in, 0, eq));
		struct slice value =
		    slice_trim(slice_from(in, eq == SIZE_MAX ? in.n : eq + 1));
		int ours;

		in = value;
		value = slice_sub(value, 0, value_len(value));
		in = slice_from(in, value.n);
		ours = own_option(u, key, unquoted(value), e);
		if (ours < 0)
			return -1;
		if (ours == 1)
			continue;
		buf_add(out, key);
		buf_byte(out, eq == SIZE_MAX ? ' ' : '=');
		buf_add(out, value);
		buf_byte(out, ' ');
	}
	return 0;
}

/* libpq repeats the part that it does not like, which may be a part of a
   password. */
static int
verify(const char *conninfo, struct err *e)
{
	char *said = NULL;
	PQconninfoOption *o = PQconninfoParse(conninfo, &said);
	bool secret = strstr(conninfo, "password") != NULL ||
		      strchr(conninfo, '@') != NULL;
	struct slice line = slice_c(said);

	if (o != NULL) {
		PQconninfoFree(o);
		return 0;
	}
	line = slice_trim(slice_sub(line, 0, slice_find(line, '\n')));
	if (secret)
		line = SLICE_LIT("it cannot be read, and is not shown since it "
				 "holds a password");
	(void)err_set(e, ERR_CONFIG, "store.open", "`store`: %.*s",
		      SLICE_ARG(line));
	PQfreemem(said);
	return -1;
}

/* Where the words of other nodes are heard: the same with another host, since a
   pooler passes none on. */
static int
listen_at(struct pg_uri *u, const char *conninfo, struct arena *a,
	  struct err *e)
{
	bool url = strncmp(conninfo, "postgres", 8) == 0 &&
		   strstr(conninfo, "://") != NULL;
	struct slice at = slice_c(u->listen);
	struct slice port = SLICE_LIT("");
	struct buf b = BUF_IN(a);
	size_t colon = slice_find(at, ':');

	if (colon != SIZE_MAX) {
		port = slice_from(at, colon + 1);
		at = slice_sub(at, 0, colon);
	}
	buf_str(&b, conninfo);
	if (!slice_is(at, "on"))
		buf_printf(&b,
			   url ? "%shost=%.*s&hostaddr=&port=%.*s"
			       : "%shost='%.*s' hostaddr='' port='%.*s'",
			   !url                            ? " "
			   : strchr(conninfo, '?') == NULL ? "?"
							   : "&",
			   SLICE_ARG(at), SLICE_ARG(port));
	buf_byte(&b, 0);
	free(u->listen);
	u->listen = buf_ok(&b) ? strdup(b.p) : NULL;
	return u->listen == NULL ? pg_nomem("store.open", e)
				 : verify(u->listen, e);
}

int
pg_uri_read(const char *rest, struct pg_uri *out, struct err *e)
{
	struct slice in = slice_c(rest);
	struct arena *a = arena_new(65536);
	struct buf b = BUF_IN(a);
	int rc;

	*out = (struct pg_uri){ .pool = PG_POOL, .prepare = true };
	if (a == NULL)
		return pg_nomem("store.open", e);
	if (slice_starts(in, "//"))
		buf_str(&b, "postgresql:");
	if (slice_starts(in, "//") || slice_starts(in, "postgres://") ||
	    slice_starts(in, "postgresql://"))
		rc = read_url(in, out, &b, e);
	else
		rc = read_words(in, out, &b, e);
	if (rc == 0) {
		buf_byte(&b, 0);
		out->conninfo = buf_ok(&b) ? strdup(b.p) : NULL;
		rc = out->conninfo == NULL ? pg_nomem("store.open", e)
					   : verify(out->conninfo, e);
	}
	if (rc == 0 && out->conninfo != NULL && out->listen != NULL)
		rc = listen_at(out, out->conninfo, a, e);
	arena_free(&a);
	if (rc < 0)
		pg_uri_free(out);
	return rc;
}

void
pg_uri_free(struct pg_uri *u)
{
	free(u->conninfo);
	free(u->listen);
	u->conninfo = u->listen = NULL;
}

void
pg_show(const char *rest, char *buf, size_t n)
{
	static const char *const shown[] = { "host",   "hostaddr", "port",
					     "dbname", "user",     "service" };
	struct pg_uri u;
	PQconninfoOption *o;
	size_t at = 0;

	buf[0] = 0;
	if (pg_uri_read(rest, &u, NULL) < 0)
		return;
	o = PQconninfoParse(u.conninfo, NULL);
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		for (PQconninfoOption *p = o; p != NULL && p->keyword != NULL;
		     p++) {
			if (p->val == NULL || strcmp(p->keyword, shown[i]) != 0)
				continue;
			(void)snprintf(buf + at, n - at, "%s%s=%s",
				       at == 0 ? "" : " ", p->keyword, p->val);
			at = strlen(buf);
		}
	}
	PQconninfoFree(o);
	pg_uri_free(&u);
}
