/*
 * funicular copy: a whole site from one store into another.
 */
#include "server/commands/call.h"

#include "backends/copy.h"
#include "base/clock.h"

#include <json-c/json.h>
#include <stdio.h>

enum { TELL_MS = 5000, NAME_MAX_BYTES = 300 };

/* ---- progress ---- */

struct progress {
	int64_t began, told; /* clk_mono_ms(); of the pass, of a line */
	int pass;
	bool sealed;
};

static void
tell(void *ctx, const struct store_copy_sum *s)
{
	struct progress *p = ctx;
	int64_t now = clk_mono_ms();
	int64_t left;

	if (s->pass != p->pass) {
		p->pass = s->pass;
		p->began = now;
	}
	if (s->sealed && !p->sealed)
		(void)fprintf(stderr,
			      "funicular: the source is sealed; devices "
			      "are asked to come back later\n");
	p->sealed = s->sealed;
	if (now - p->told < TELL_MS)
		return;
	p->told = now;
	(void)fprintf(
	    stderr,
	    "funicular: pass %d: %zu of %zu accounts, %zu copied "
	    "(%lld rows, %lld MB); %lld accounts/min",
	    s->pass, s->done, s->accounts, s->copied, (long long)s->rows,
	    (long long)s->bytes / 1000000,
	    (long long)((int64_t)s->done * 60000 / (now - p->began + 1)));
	left = s->done == 0
		   ? -1
		   : (now - p->began) * (int64_t)(s->accounts - s->done) /
			 (int64_t)s->done / 1000;
	if (left >= 0)
		(void)fprintf(stderr, "; about %lld min %lld s left",
			      (long long)(left / 60), (long long)(left % 60));
	(void)fputc('\n', stderr);
}

/* ---- the command ---- */

static const char *
outcome(const struct store_copy *c)
{
	if (c->finding.all > 0)
		return "differs";
	switch (c->what) {
	case STORE_COPY_MOVE:
		return "moved";
	case STORE_COPY_KEEP:
		return "copied";
	case STORE_COPY_AHEAD:
		return "ahead";
	case STORE_COPY_CHECK:
		break;
	}
	return "equal";
}

static struct json_object *
sayings(const struct store_copy_say *s)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < s->n && list != NULL; i++)
		(void)json_object_array_add(list, srv_json_text(s->text[i]));
	return list;
}

static int
print_json(struct srv_call *c, const struct store_copy *copy, int64_t ms)
{
	const struct store_copy_sum *s = &copy->sum;
	struct json_object *o = json_object_new_object();

	srv_json_set_text(o, "result", slice_c(outcome(copy)));
	srv_json_set_int(o, "accounts", (int64_t)s->accounts);
	srv_json_set_int(o, "copied", (int64_t)s->copied);
	srv_json_set_int(o, "compared", (int64_t)s->compared);
	srv_json_set_int(o, "rows", s->rows);
	srv_json_set_int(o, "bytes", s->bytes);
	srv_json_set_int(o, "passes", s->pass);
	srv_json_set_int(o, "ms", ms);
	srv_json_set_int(o, "sealed_ms", s->sealed_ms);
	srv_json_set_bool(o, "sealed", s->sealed);
	srv_json_set(o, "mended", sayings(&copy->note));
	srv_json_set(o, "differences", sayings(&copy->finding));
	return srv_call_record(c, NULL, 0, o);
}

static void
print_sayings(struct srv_call *c, const char *what,
	      const struct store_copy_say *s)
{
	for (size_t i = 0; i < s->n; i++)
		srv_call_say(c, "%s: %.*s", what, SLICE_ARG(s->text[i]));
	if (s->all > s->n)
		srv_call_say(c, "%s: and %zu more", what, s->all - s->n);
}

static void
print_end(struct srv_call *c, const struct store_copy *copy)
{
	if (copy->finding.all > 0) {
		srv_call_say(c, copy->what == STORE_COPY_CHECK
				    ? "the two differ"
				    : "the two differ: the source stays in "
				      "use, the copy is not finished");
		return;
	}
	switch (copy->what) {
	case STORE_COPY_MOVE:
		srv_call_say(c,
			     "the site is in %s now; set `store` in the "
			     "configuration and restart the daemon",
			     copy->to_name);
		break;
	case STORE_COPY_KEEP:
		srv_call_say(c, "both are the same now, and both can be used");
		break;
	case STORE_COPY_AHEAD:
		srv_call_say(c, "the source is still the site; without --ahead "
				"the rest is copied and the site moves");
		break;
	case STORE_COPY_CHECK:
		srv_call_say(c, "both are the same");
		break;
	}
}

static void
print(struct srv_call *c, const struct store_copy *copy, int64_t ms)
{
	const struct store_copy_sum *s = &copy->sum;

	print_sayings(c, "copied again", &copy->note);
	print_sayings(c, "differs", &copy->finding);
	srv_call_say(c,
		     "%zu accounts; %zu copied (%lld rows, %lld bytes), %zu "
		     "compared, %d passes, %lld.%lld s",
		     s->accounts, s->copied, (long long)s->rows,
		     (long long)s->bytes, s->compared, s->pass,
		     (long long)(ms / 1000), (long long)(ms % 1000 / 100));
	if (s->sealed_ms > 0)
		srv_call_say(c, "devices were turned away for %lld.%lld s",
			     (long long)(s->sealed_ms / 1000),
			     (long long)(s->sealed_ms % 1000 / 100));
	print_end(c, copy);
}

static int
run_copy(struct srv_call *c, struct store_copy *copy)
{
	int64_t began = clk_mono_ms();
	struct progress *p = ARENA_NEW(c->a, struct progress);
	struct err e = { 0 };
	int64_t ms;
	int code = SRV_EXIT_OK;

	if (p == NULL) {
		(void)err_set(&e, ERR_NOMEM, "copy", "out of memory");
		return srv_fail(&e);
	}
	*p = (struct progress){ .began = began, .told = began };
	copy->tell = tell;
	copy->ctx = p;
	if (store_copy_run(copy, c->a, &e) < 0)
		return srv_fail(&e);
	ms = clk_mono_ms() - began;
	if (c->json)
		code = print_json(c, copy, ms);
	else
		print(c, copy, ms);
	if (code != SRV_EXIT_OK)
		return code;
	return copy->finding.all > 0 ? SRV_EXIT_FINDINGS : SRV_EXIT_OK;
}

static int
reopen(struct srv_call *c, const char *uri)
{
	struct store *s = NULL;
	struct err e = { 0 };
	char name[NAME_MAX_BYTES];
	int rc = store_open(uri, false, &s, &e);

	store_uri_show(uri, name, sizeof(name));
	if (rc == 0)
		rc = store_copy_reopen(s, &e);
	if (s != NULL)
		s->v->close(&s);
	if (rc < 0)
		return srv_fail(&e);
	srv_call_say(c, "%s is open again", name);
	return SRV_EXIT_OK;
}

/* Which of the three was asked for; -1: more than one. */
static int
what_of(const struct srv_call *c)
{
	bool ahead = srv_call_flag(c, "--ahead");
	bool keep = srv_call_flag(c, "--keep");
	bool check = srv_call_flag(c, "--check");

	if (ahead + keep + check > 1)
		return -1;
	return ahead   ? STORE_COPY_AHEAD
	       : keep  ? STORE_COPY_KEEP
	       : check ? STORE_COPY_CHECK
		       : STORE_COPY_MOVE;
}

static int
copy(struct srv_call *c)
{
	const char *from = srv_call_text(c, "--from");
	const char *to = srv_call_text(c, "--to");
	const char *open_again = srv_call_text(c, "--reopen");
	int what = what_of(c);
	struct store_copy job = { .what = STORE_COPY_MOVE };
	char to_name[NAME_MAX_BYTES];
	struct err e = { 0 };
	int code;

	if (open_again != NULL && from == NULL && to == NULL &&
	    what == STORE_COPY_MOVE)
		return reopen(c, open_again);
	if (open_again != NULL || from == NULL || to == NULL)
		return srv_call_usage(c, "--from and --to are wanted, or "
					 "--reopen alone");
	if (what < 0)
		return srv_call_usage(c, "only one of --ahead, --keep, --check "
					 "can be had");
	if (strcmp(from, to) == 0)
		return srv_call_usage(c, "--from and --to are the same");
	job.what = (enum store_copy_what)what;
	store_uri_show(to, to_name, sizeof(to_name));
	job.to_name = to_name;
	code = SRV_EXIT_OK;
	if (store_open(from, false, &job.from, &e) < 0 ||
	    store_open(to, job.what != STORE_COPY_CHECK, &job.to, &e) < 0)
		code = srv_fail(&e);
	if (code == SRV_EXIT_OK)
		code = run_copy(c, &job);
	if (job.from != NULL)
		job.from->v->close(&job.from);
	if (job.to != NULL)
		job.to->v->close(&job.to);
	return code;
}

static const struct srv_verb verbs[] = {
	{ .usage = "--from STORE --to STORE [--ahead | --keep | --check]",
	  .opt = { "--from=", "--to=", "--ahead", "--keep", "--check",
		   "--reopen=", NULL },
	  .run = copy },
};

static int
run(const struct srv_args *args)
{
	return srv_call_run(&srv_cmd_copy, verbs, 1, args);
}

const struct srv_command srv_cmd_copy = {
	.name = "copy",
	.summary = "move the whole site into another database",
	.help =
	    "usage: funicular copy --from STORE --to STORE\n"
	    "                      [--ahead | --keep | --check]\n"
	    "       funicular copy --reopen STORE\n"
	    "\n"
	    "Copies a site from one store into another, empty one, from "
	    "SQLite\n"
	    "to PostgreSQL, back, or between two of a kind. Devices keep "
	    "their\n"
	    "anchors and maps: none needs a slow sync, not even one in the\n"
	    "middle of a session. STORE is written as in the configuration's\n"
	    "`store`. The key file is not in a store and is used further.\n"
	    "\n"
	    "The daemon may run on the source meanwhile. What devices change "
	    "is\n"
	    "copied again, until little is left; then the source is sealed: "
	    "the\n"
	    "daemon asks devices to come back later, the rest is copied, and\n"
	    "both sides are compared, count and hash for each account and\n"
	    "table. From then on no daemon starts on the source.\n"
	    "\n"
	    "It may be stopped or killed at any time: the same command goes "
	    "on\n"
	    "where it ended. If it fails after the seal it opens the source\n"
	    "again; killed there, --reopen does that.\n"
	    "\n"
	    "  --ahead   copy what can be done while the source is in use, "
	    "and\n"
	    "            end before the seal\n"
	    "  --keep    open the source again at the end: two equal sites, "
	    "for\n"
	    "            trying out (do not let a device sync with both)\n"
	    "  --check   change nothing, compare the two\n"
	    "  --reopen  open a sealed source again, to go back to it\n"
	    "\n"
	    "The exit code is 4 when the two differ at the end; each "
	    "difference\n"
	    "is a line.\n"
	    "\n"
	    "examples:\n"
	    "  funicular copy --from sqlite:/var/lib/funicular/funicular.db "
	    "\\\n"
	    "    --to \"postgres:host=/run/postgresql dbname=funicular\"\n",
	.run = run,
	.no_site = true,
};
