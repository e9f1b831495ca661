#include "server/commands/call.h"

#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>

enum { CALL_ARENA_BYTES = 1 << 30 };

/* ---- speaking ---- */

int
srv_call_usage(const struct srv_call *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)fputs("funicular: ", stderr);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fprintf(stderr, "\nusage: funicular %s", c->cmd->name);
	if (c->verb != NULL && c->verb->name != NULL)
		(void)fprintf(stderr, " %s", c->verb->name);
	(void)fprintf(stderr, " %s\n(funicular %s --help tells more)\n",
		      c->verb == NULL ? "..." : c->verb->usage, c->cmd->name);
	return SRV_EXIT_USAGE;
}

int
srv_call_refuse(int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)fputs("funicular: ", stderr);
	(void)vfprintf(stderr, fmt, ap);
	(void)fputc('\n', stderr);
	va_end(ap);
	return code;
}

void
srv_call_say(const struct srv_call *c, const char *fmt, ...)
{
	va_list ap;

	if (c->json)
		return;
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	(void)putchar('\n');
	va_end(ap);
}

static int
printed(int rc)
{
	if (rc == 0)
		return SRV_EXIT_OK;
	return srv_call_refuse(SRV_EXIT_FAILED,
			       "cannot write to standard output");
}

int
srv_call_rows(const struct srv_call *c, const struct srv_field *f, size_t n,
	      struct json_object *rows)
{
	int rc;

	if (rows == NULL)
		return srv_call_refuse(SRV_EXIT_FAILED, "out of memory");
	rc = c->json ? srv_json_print(stdout, rows)
		     : srv_table_print(stdout, f, n, rows);
	(void)json_object_put(rows);
	return printed(rc);
}

int
srv_call_record(const struct srv_call *c, const struct srv_field *f, size_t n,
		struct json_object *obj)
{
	int rc;

	if (obj == NULL)
		return srv_call_refuse(SRV_EXIT_FAILED, "out of memory");
	rc = c->json ? srv_json_print(stdout, obj)
		     : srv_record_print(stdout, f, n, obj);
	(void)json_object_put(obj);
	return printed(rc);
}

/* ---- options ---- */

static const char *
opt_value(const struct srv_call *c, const char *name)
{
	for (size_t i = c->opt_n; i > 0; i--)
		if (strcmp(c->opt[i - 1].name, name) == 0)
			return c->opt[i - 1].value;
	return NULL;
}

bool
srv_call_flag(const struct srv_call *c, const char *name)
{
	return opt_value(c, name) != NULL;
}

const char *
srv_call_text(const struct srv_call *c, const char *name)
{
	return opt_value(c, name);
}

int
srv_call_number(const struct srv_call *c, const char *name, int64_t min,
		int64_t *out)
{
	const char *text = opt_value(c, name);
	struct slice s = slice_c(text);
	int64_t v, unit = 1;

	if (text == NULL)
		return SRV_EXIT_OK;
	if (s.n > 1 && strchr("kMG", s.p[s.n - 1]) != NULL) {
		unit = s.p[s.n - 1] == 'k'   ? 1000
		       : s.p[s.n - 1] == 'M' ? 1000000
					     : 1000000000;
		s.n--;
	}
	if (!slice_i64(s, &v) || v < min || v > INT64_MAX / unit)
		return srv_call_usage(c,
				      "%s wants a whole number from %lld on, "
				      "not \"%s\"",
				      name, (long long)min, text);
	*out = v * unit;
	return SRV_EXIT_OK;
}

/* The spec ("--zone=" or "--md5") that a word on the command line is. */
static const char *
spec_of(const struct srv_verb *v, struct slice word)
{
	for (size_t i = 0;
	     i < sizeof(v->opt) / sizeof(v->opt[0]) && v->opt[i] != NULL; i++) {
		struct slice spec = slice_c(v->opt[i]);

		if (slice_ends(spec, "="))
			spec.n--;
		if (slice_eq(spec, word))
			return v->opt[i];
	}
	return NULL;
}

static int
add_option(struct srv_call *c, const char *word, const char *next, int *used)
{
	const char *eq = word[1] == '-' ? strchr(word, '=') : NULL;
	struct slice name = eq == NULL
				? slice_c(word)
				: (struct slice){ word, (size_t)(eq - word) };
	const char *value = eq == NULL ? NULL : eq + 1;
	const char *spec = spec_of(c->verb, name);
	bool wants = spec != NULL && slice_ends(slice_c(spec), "=");

	*used = 0;
	if (spec == NULL)
		return srv_call_usage(c, "there is no option %.*s here",
				      SLICE_ARG(name));
	if (!wants && value != NULL)
		return srv_call_usage(c, "%.*s takes no value",
				      SLICE_ARG(name));
	if (wants && value == NULL) {
		if (next == NULL)
			return srv_call_usage(c, "%.*s wants a value",
					      SLICE_ARG(name));
		value = next;
		*used = 1;
	}
	if (c->opt_n == SRV_CALL_OPTS)
		return srv_call_usage(c, "too many options");
	c->opt[c->opt_n].name = arena_cstr(c->a, name);
	c->opt[c->opt_n].value = wants ? value : "";
	if (c->opt[c->opt_n++].name == NULL)
		return srv_call_refuse(SRV_EXIT_FAILED, "out of memory");
	return SRV_EXIT_OK;
}

static int
read_line(struct srv_call *c, int argc, char **argv)
{
	bool words_only = false;

	for (int i = 0; i < argc; i++) {
		int used = 0, code;

		if (!words_only && strcmp(argv[i], "--") == 0) {
			words_only = true;
			continue;
		}
		if (!words_only && argv[i][0] == '-' && argv[i][1] != '\0') {
			code = add_option(c, argv[i],
					  i + 1 < argc ? argv[i + 1] : NULL,
					  &used);
			if (code != SRV_EXIT_OK)
				return code;
			i += used;
			continue;
		}
		if (c->arg_n == SRV_CALL_ARGS)
			return srv_call_usage(c, "too many arguments");
		c->arg[c->arg_n++] = argv[i];
	}
	if (c->arg_n < c->verb->min)
		return srv_call_usage(c, "something is missing");
	if (c->arg_n > c->verb->max)
		return srv_call_usage(c, "\"%s\" is too much here",
				      c->arg[c->verb->max]);
	return SRV_EXIT_OK;
}

/* ---- running ---- */

static const struct srv_verb *
verb_of(const struct srv_verb *v, size_t n, const char *word)
{
	if (n == 1 && v[0].name == NULL)
		return v;
	for (size_t i = 0; i < n; i++)
		if (word != NULL && strcmp(v[i].name, word) == 0)
			return &v[i];
	return NULL;
}

static int
run_open(struct srv_call *c)
{
	struct err e = { 0 };
	int code;

	if (c->cmd->no_site)
		return c->verb->run(c);
	if (srv_site_open_as(&c->site, c->conf_path,
			     srv_call_flag(c, "--new-key"), &e) < 0)
		return srv_fail(&e);
	code = c->verb->run(c);
	srv_site_close(&c->site);
	return code;
}

static int
run_verb(struct srv_call *c, const struct srv_args *args)
{
	int skip = c->verb->name == NULL ? 1 : 2;
	int code;

	c->a = arena_new(CALL_ARENA_BYTES);
	if (c->a == NULL)
		return srv_call_refuse(SRV_EXIT_FAILED, "out of memory");
	code = read_line(c, args->argc - skip, args->argv + skip);
	if (code == SRV_EXIT_OK)
		code = run_open(c);
	arena_free(&c->a);
	if (fflush(stdout) != 0 && code == SRV_EXIT_OK)
		code = printed(-1);
	return code;
}

int
srv_call_run(const struct srv_command *cmd, const struct srv_verb *verb,
	     size_t verb_n, const struct srv_args *args)
{
	struct srv_call c = { .cmd = cmd,
			      .conf_path = args->conf_path,
			      .json = args->json };
	const char *word = args->argc > 1 ? args->argv[1] : NULL;

	c.verb = verb_of(verb, verb_n, word);
	if (c.verb != NULL)
		return run_verb(&c, args);
	if (word == NULL)
		(void)srv_call_usage(&c, "what shall be done?");
	else
		(void)srv_call_usage(&c, "there is no \"%s %s\"", cmd->name,
				     word);
	for (size_t i = 0; i < verb_n; i++)
		(void)fprintf(stderr, "  %s %s %s\n", cmd->name, verb[i].name,
			      verb[i].usage);
	return SRV_EXIT_USAGE;
}

/* ---- accounts ---- */

int
srv_call_account(const struct srv_call *c, const char *user, int64_t *id)
{
	struct store *s = c->site.store;
	struct err e = { 0 };

	if (s->v->login_find(s, slice_c(user), id, &e) < 0)
		return srv_fail(&e);
	if (*id == 0)
		return srv_call_refuse(SRV_EXIT_NOTFOUND,
				       "there is no user \"%s\" (`funicular "
				       "user list` shows all)",
				       user);
	return SRV_EXIT_OK;
}

int
srv_call_begin(struct srv_call *c, const char *user, enum store_mode mode,
	       struct store_tx **tx)
{
	struct store *s = c->site.store;
	struct err e = { 0 };
	int64_t id;
	int code = srv_call_account(c, user, &id);

	*tx = NULL;
	if (code != SRV_EXIT_OK)
		return code;
	if (s->v->begin(s, id, mode, c->site.clk->now_ms(c->site.clk), tx, &e) <
	    0)
		return srv_fail(&e);
	return SRV_EXIT_OK;
}

int
srv_call_end(struct store_tx **tx, int code)
{
	struct err e = { 0 };

	if (*tx == NULL)
		return code;
	if (code == SRV_EXIT_OK && (*tx)->mode == STORE_WRITE) {
		if ((*tx)->v->commit(tx, &e) == 0)
			return code;
		code = srv_fail(&e);
	}
	if (*tx != NULL)
		(*tx)->v->rollback(tx);
	return code;
}

struct slice
srv_call_device_name(const struct store_device *dev, size_t n, int64_t id)
{
	for (size_t i = 0; i < n; i++)
		if (dev[i].id == id)
			return dev[i].label.n > 0 ? dev[i].label
						  : dev[i].dev_id;
	return SLICE_LIT("");
}

bool
srv_call_goes_by(const struct store_collection *col, struct slice name)
{
	struct slice rest = col->aliases, word;

	if (slice_eq_nocase(col->name, name))
		return true;
	while (slice_split(&rest, ' ', &word))
		if (word.n > 0 && slice_eq_nocase(word, name))
			return true;
	return false;
}

int
srv_call_collection(struct srv_call *c, struct store_tx *tx, const char *name,
		    struct store_collection *out)
{
	struct store_collection *all;
	struct err e = { 0 };
	size_t n;

	if (tx->v->collection_list(tx, c->a, &all, &n, &e) < 0)
		return srv_fail(&e);
	for (size_t i = 0; i < n; i++) {
		if (!srv_call_goes_by(&all[i], slice_c(name)))
			continue;
		*out = all[i];
		return SRV_EXIT_OK;
	}
	return srv_call_refuse(SRV_EXIT_NOTFOUND,
			       "there is no collection \"%s\" in this account "
			       "(`funicular collection list USER` shows all)",
			       name);
}
