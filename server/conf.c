#include "server/conf.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CONF_FILE_MAX = 262144, CONF_VALUE_MAX = 4096, CONF_KEYS_MAX = 96 };

static const char default_path[] = "/etc/funicular/funicular.conf";

struct reader {
	struct arena *a;
	struct slice rest;
	const char *name;
	unsigned line;
	struct srv_conf *conf;
	unsigned seen[CONF_KEYS_MAX]; /* line of each key; 0: not yet */
	bool overlong;
	struct err *e;
	bool failed;
};

static const char *const level_name[] = { "debug", "info", "warning", "error" };

struct suffix {
	const char *name;
	int64_t times;
};

static const struct suffix byte_suffix[] = {
	{ "", 1 },
	{ "b", 1 },
	{ "kb", 1000 },
	{ "k", 1000 },
	{ "mb", 1000000 },
	{ "m", 1000000 },
	{ "gb", 1000000000 },
	{ "g", 1000000000 },
	{ "kib", 1024 },
	{ "mib", 1048576 },
	{ "gib", 1073741824 },
};

static const struct suffix time_suffix[] = {
	{ "", 1 }, { "s", 1 }, { "min", 60 }, { "h", 3600 }, { "d", 86400 },
};

static const struct suffix no_suffix[] = { { "", 1 } };

/* "30", "30 s", "500 kB"; false: not like that, or beyond the type. */
static bool
number(struct slice v, const struct suffix *suf, size_t suf_n, int64_t *out)
{
	size_t digits = 0;
	struct slice tail;

	while (digits < v.n && v.p[digits] >= '0' && v.p[digits] <= '9')
		digits++;
	tail = slice_trim(slice_from(v, digits));
	if (digits == 0 || !slice_i64(slice_sub(v, 0, digits), out))
		return false;
	for (size_t i = 0; i < suf_n; i++)
		if (slice_is_nocase(tail, suf[i].name))
			return !__builtin_mul_overflow(*out, suf[i].times, out);
	return false;
}

static bool
number_of(const struct srv_conf_key *k, struct slice v, int64_t *out)
{
	if (k->type == SRV_CONF_BYTES)
		return number(v, byte_suffix,
			      sizeof(byte_suffix) / sizeof(byte_suffix[0]),
			      out);
	if (k->type == SRV_CONF_SECONDS)
		return number(v, time_suffix,
			      sizeof(time_suffix) / sizeof(time_suffix[0]),
			      out);
	return number(v, no_suffix, 1, out);
}

static bool
truth(struct slice v, bool *out)
{
	static const char *const yes[] = { "yes", "true", "on", "1" };
	static const char *const no[] = { "no", "false", "off", "0" };

	for (size_t i = 0; i < 4; i++) {
		if (slice_is_nocase(v, yes[i]) || slice_is_nocase(v, no[i])) {
			*out = slice_is_nocase(v, yes[i]);
			return true;
		}
	}
	return false;
}

static bool
level(struct slice v, enum log_level *out)
{
	for (size_t i = 0; i < 4; i++) {
		if (slice_is_nocase(v, level_name[i])) {
			*out = (enum log_level)i;
			return true;
		}
	}
	return false;
}

/* Say what would be right. Values are quoted: they may be long or odd. */
static int
wrong(const struct srv_conf_key *k, struct slice v, struct err *e)
{
	char text[80];
	const char *q = log_quote(v, text, sizeof(text));

	if (k->type == SRV_CONF_BOOL)
		return err_set(e, ERR_CONFIG, "conf",
			       "%s = %s: must be yes or no", k->name, q);
	if (k->type == SRV_CONF_LEVEL)
		return err_set(e, ERR_CONFIG, "conf",
			       "%s = %s: must be debug, info, warning or error",
			       k->name, q);
	return err_set(e, ERR_CONFIG, "conf",
		       "%s = %s: must be a number from %lld to %lld%s%s",
		       k->name, q, (long long)k->min, (long long)k->max,
		       k->unit[0] == '\0' ? "" : " ", k->unit);
}

static int
set_text(struct arena *a, const struct srv_conf_key *k, struct slice v,
	 void *field, struct err *e)
{
	char *s = arena_cstr(a, v);

	if (s == NULL)
		return err_set(e, ERR_NOMEM, "conf", "%s: out of memory",
			       k->name);
	for (size_t i = 0; i < v.n; i++)
		if ((unsigned char)s[i] < 0x20 && s[i] != '\t')
			return err_set(e, ERR_CONFIG, "conf",
				       "%s: holds a control character",
				       k->name);
	*(const char **)field = s;
	return 0;
}

static int
set_value(struct arena *a, const struct srv_conf_key *k, struct slice v,
	  struct srv_conf *conf, struct err *e)
{
	void *field = (char *)conf + k->at;
	int64_t n = 0;

	switch (k->type) {
	case SRV_CONF_TEXT:
	case SRV_CONF_LIST:
		return set_text(a, k, v, field, e);
	case SRV_CONF_BOOL:
		return truth(v, field) ? 0 : wrong(k, v, e);
	case SRV_CONF_LEVEL:
		return level(v, field) ? 0 : wrong(k, v, e);
	case SRV_CONF_INT:
	case SRV_CONF_BYTES:
	case SRV_CONF_SECONDS:
		break;
	}
	if (!number_of(k, v, &n) || n < k->min || n > k->max)
		return wrong(k, v, e);
	*(int64_t *)field = n;
	return 0;
}

static const struct srv_conf_key *
find(const char *name)
{
	for (size_t i = 0; i < srv_conf_key_n; i++)
		if (strcmp(srv_conf_keys[i].name, name) == 0)
			return &srv_conf_keys[i];
	return NULL;
}

/* A list goes on in further lines: join them with a blank. */
static int
append(struct reader *r, const struct srv_conf_key *k, struct slice v)
{
	const char **field = (void *)((char *)r->conf + k->at);
	struct slice s = arena_printf(r->a, "%s %.*s", *field, SLICE_ARG(v));

	if (s.p == NULL)
		return err_set(r->e, ERR_NOMEM, "conf", "out of memory");
	return set_text(r->a, k, s, (void *)field, r->e);
}

static int
take(struct reader *r, const char *section, const char *name, const char *value)
{
	const struct srv_conf_key *k = find(name);
	struct slice v = slice_trim(slice_c(value));
	unsigned *seen;

	if (section[0] != '\0')
		return err_set(r->e, ERR_CONFIG, "conf",
			       "[%.40s]: this file has no sections", section);
	if (k == NULL)
		return err_set(r->e, ERR_CONFIG, "conf",
			       "\"%.60s\" is no key; `funicular serve "
			       "--print-config` prints them all",
			       name);
	if (v.n > CONF_VALUE_MAX)
		return err_set(r->e, ERR_CONFIG, "conf", "%s: too long", name);
	seen = &r->seen[k - srv_conf_keys];
	if (*seen != 0 && k->type == SRV_CONF_LIST && *seen == r->line - 1) {
		*seen = r->line;
		return append(r, k, v);
	}
	if (*seen != 0)
		return err_set(r->e, ERR_CONFIG, "conf",
			       "%s was already set in line %u%s", name, *seen,
			       *seen == r->line - 1
				   ? " (a line that starts with a blank goes "
				     "on with the one above)"
				   : "");
	*seen = r->line;
	return set_value(r->a, k, v, r->conf, r->e);
}

/* Put file and line in front of the message. */
static void
locate(struct reader *r)
{
	char msg[sizeof(r->e->msg)];

	r->failed = true;
	if (r->e == NULL)
		return;
	(void)snprintf(msg, sizeof(msg), "%s", r->e->msg);
	(void)err_set(r->e, r->e->code, "conf", "%s line %u: %s", r->name,
		      r->line, msg);
}

static int
on_value(void *user, const char *section, const char *name, const char *value)
{
	struct reader *r = user;

	if (r->failed)
		return 0;
	if (take(r, section, name, value) == 0)
		return 1;
	locate(r);
	return 0;
}

/*
 * fgets for the parser. It counts the lines, since the parser tells the number
 * only when all is over, and sees lines that its buffer cannot hold.
 */
static char *
next_line(char *out, int size, void *stream)
{
	struct reader *r = stream;
	size_t n;

	if (r->rest.n == 0 || size < 2 || r->failed)
		return NULL;
	n = slice_find(r->rest, '\n');
	n = n == SIZE_MAX ? r->rest.n : n + 1;
	r->line++;
	if (n > (size_t)size - 1) {
		(void)err_set(r->e, ERR_CONFIG, "conf",
			      "the line is longer than %d characters (a list "
			      "may go on in further, indented lines)",
			      size - 3);
		locate(r);
		return NULL;
	}
	memcpy(out, r->rest.p, n);
	out[n] = '\0';
	r->rest = slice_from(r->rest, n);
	return out;
}

static int
defaults(struct arena *a, struct srv_conf *out, struct err *e)
{
	*out = (struct srv_conf){ 0 };
	for (size_t i = 0; i < srv_conf_key_n; i++)
		if (set_value(a, &srv_conf_keys[i],
			      slice_c(srv_conf_keys[i].def), out, e) != 0)
			return -1;
	return 0;
}

/* What no single key can tell. */
static int
check(const struct srv_conf *c, const char *name, struct err *e)
{
	struct slice url = slice_c(c->public_url);

	if (c->proxy_protocol)
		return err_set(e, ERR_CONFIG, "conf",
			       "%s: proxy_protocol is not offered; let the "
			       "proxy speak HTTP and set proxy_header",
			       name);
	if (url.n > 0 && !slice_starts(url, "http://") &&
	    !slice_starts(url, "https://"))
		return err_set(e, ERR_CONFIG, "conf",
			       "%s: public_url must start with https:// or "
			       "http://",
			       name);
	if (strcmp(c->proxy_header, "x-forwarded-for") != 0 &&
	    strcmp(c->proxy_header, "forwarded") != 0)
		return err_set(e, ERR_CONFIG, "conf",
			       "%s: proxy_header must be x-forwarded-for or "
			       "forwarded",
			       name);
	if (strcmp(c->auth_first, "basic") != 0 &&
	    strcmp(c->auth_first, "md5") != 0 &&
	    strcmp(c->auth_first, "mac") != 0)
		return err_set(e, ERR_CONFIG, "conf",
			       "%s: auth_first must be basic, md5 or mac",
			       name);
	if ((c->tls_cert[0] == '\0') != (c->tls_key[0] == '\0'))
		return err_set(e, ERR_CONFIG, "conf",
			       "%s: tls_cert and tls_key belong together: one "
			       "of them is missing",
			       name);
	return 0;
}

int
srv_conf_parse(struct arena *a, const char *name, struct slice text,
	       struct srv_conf *out, struct err *e)
{
	struct reader r = {
		.a = a, .rest = text, .name = name, .conf = out, .e = e
	};
	int line;

	if (srv_conf_key_n > CONF_KEYS_MAX)
		return err_set(e, ERR_BUG, "conf", "too many keys");
	if (defaults(a, out, e) != 0)
		return -1;
	if (text.n > 0 && memchr(text.p, 0, text.n) != NULL)
		return err_set(e, ERR_CONFIG, "conf",
			       "%s: holds a NUL byte: is it a text file?",
			       name);
	line = ini_parse_stream(next_line, &r, on_value, &r);
	if (r.failed)
		return -1;
	if (line != 0)
		return err_set(e, ERR_CONFIG, "conf",
			       "%s line %d: neither a comment nor KEY = VALUE",
			       name, line);
	return check(out, name, e);
}

const char *
srv_conf_find(void)
{
	const char *env = getenv("FUNICULAR_CONF"); /* NOLINT(*-mt-unsafe) */

	if (env != NULL && env[0] != '\0')
		return env;
	return access(default_path, F_OK) == 0 ? default_path : NULL;
}

static int
read_file(struct arena *a, const char *path, struct slice *out, struct err *e)
{
	struct buf b = { .a = a, .max = CONF_FILE_MAX };
	FILE *f = fopen(path, "re");
	char part[4096];
	size_t n;
	bool bad;

	if (f == NULL)
		return err_errno(e, ERR_CONFIG, errno, "conf",
				 "cannot read the configuration %s", path);
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		buf_add(&b, (struct slice){ part, n });
	bad = ferror(f) != 0;
	(void)fclose(f);
	if (bad || !buf_ok(&b))
		return err_set(e, ERR_CONFIG, "conf",
			       "cannot read the configuration %s: %s", path,
			       bad ? "reading failed (is it a directory?)"
				   : "larger than 256 kB");
	*out = buf_slice(&b);
	return 0;
}

int
srv_conf_load(struct arena *a, const char *path, struct srv_conf *out,
	      struct err *e)
{
	struct slice text = { "", 0 };

	if (path == NULL)
		path = srv_conf_find();
	if (path != NULL && read_file(a, path, &text, e) != 0)
		return -1;
	return srv_conf_parse(a, path == NULL ? "defaults" : path, text, out,
			      e);
}

bool
srv_conf_same(const struct srv_conf_key *k, const struct srv_conf *x,
	      const struct srv_conf *y)
{
	const void *fx = (const char *)x + k->at;
	const void *fy = (const char *)y + k->at;

	switch (k->type) {
	case SRV_CONF_TEXT:
	case SRV_CONF_LIST:
		return strcmp(*(const char *const *)fx,
			      *(const char *const *)fy) == 0;
	case SRV_CONF_BOOL:
		return *(const bool *)fx == *(const bool *)fy;
	case SRV_CONF_LEVEL:
		return *(const enum log_level *)fx ==
		       *(const enum log_level *)fy;
	case SRV_CONF_INT:
	case SRV_CONF_BYTES:
	case SRV_CONF_SECONDS:
		break;
	}
	return *(const int64_t *)fx == *(const int64_t *)fy;
}
