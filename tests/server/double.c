/*
 * The daemon with a service of the tests' own behind it: everything of
 * `funicular serve` but engine and store. What a message says is what happens.
 *
 *   echo ...      the answer tells what the engine would have been given
 *   status N      HTTP status N, with a text
 *   size N        an answer of N bytes
 *   wait FILE     the answer waits until FILE is there
 *   arena         takes all memory the request may have, and tells how much
 */
#include "server/life.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct twin {
	const char *down_file; /* while it exists, the store is away */
};

static struct slice
word(struct slice *rest)
{
	struct slice w = { "", 0 };

	(void)slice_split(rest, ' ', &w);
	return slice_trim(w);
}

static void
wait_for(struct arena *a, struct slice path)
{
	const struct timespec nap = { 0, 2000000 };
	const char *p = arena_cstr(a, slice_trim(path));
	struct stat st;

	while (p != NULL && stat(p, &st) != 0)
		(void)nanosleep(&nap, NULL);
}

static struct slice
fill(struct arena *a, size_t n)
{
	char *p = arena_alloc(a, n);

	if (p != NULL)
		memset(p, 'x', n);
	return (struct slice){ p, p == NULL ? 0 : n };
}

static void
take_all(struct arena *a)
{
	enum { PIECE = 1 << 20 };
	void *p;

	while ((p = arena_alloc(a, PIECE)) != NULL)
		memset(p, 1, PIECE);
}

static void
on_message(void *ctx, struct arena *a, const struct sml_request *rq,
	   struct sml_reply *out)
{
	struct slice rest = rq->body;
	struct slice what = word(&rest);
	int64_t n = 0;

	(void)ctx;
	*out = (struct sml_reply){ .http = 200,
				   .content_type = rq->content_type,
				   .user = SLICE_INIT("anna"),
				   .dev_id = SLICE_INIT("IMEI:\"1\" x=y"),
				   .sid = SLICE_INIT("7"),
				   .note = SLICE_INIT("msg 1\n: done"),
				   .items_in = 3,
				   .items_out = 2,
				   .session_began = true };
	if (slice_is(what, "status") && slice_i64(rest, &n)) {
		out->http = (int)n;
		out->content_type = SLICE_LIT("text/plain");
		out->body = SLICE_LIT("so be it\n");
		out->retry_after_s = n == 503 ? 7 : 0;
	} else if (slice_is(what, "size") && slice_i64(rest, &n)) {
		out->body = fill(a, (size_t)n);
	} else if (slice_is(what, "wait")) {
		wait_for(a, rest);
		out->body = SLICE_LIT("waited");
	} else if (slice_is(what, "arena")) {
		take_all(a);
		out->body = SLICE_LIT("took all");
	} else {
		out->duplicate = slice_is(what, "twice");
		out->body = arena_printf(
		    a, "token=%.*s\npeer=%.*s\nbase=%.*s\nn=%zu\nbody=%.*s\n",
		    SLICE_ARG(rq->token), SLICE_ARG(rq->peer),
		    SLICE_ARG(rq->base_url), rq->body.n,
		    (int)(rq->body.n > 100 ? 100 : rq->body.n), rq->body.p);
	}
}

static int
on_open(void *ctx, struct err *e)
{
	(void)ctx;
	if (getenv("DOUBLE_FAILS") != NULL)
		return err_set(e, ERR_UNAVAILABLE, "double", "it failed");
	return 0;
}

static void
on_close(void *ctx)
{
	(void)ctx;
	(void)fputs("double: closed\n", stderr);
}

static int
on_health(void *ctx, struct err *e)
{
	const struct twin *t = ctx;

	if (t->down_file == NULL || access(t->down_file, F_OK) != 0)
		return 0;
	return err_set(e, ERR_UNAVAILABLE, "double", "the store is away");
}

static int
on_prune(void *ctx, int64_t history_days, const atomic_bool *stop,
	 int64_t *rows, struct err *e)
{
	(void)ctx;
	(void)stop;
	(void)e;
	*rows = history_days;
	return 0;
}

int
main(int argc, char **argv)
{
	struct log log = { .write = log_stderr.write, .min = LOG_LVL_INFO };
	struct twin twin = { .down_file = getenv("DOUBLE_DOWN") };
	struct srv_metrics metrics = { 0 };
	struct srv_service service = {
		.ctx = &twin,
		.open = on_open,
		.close = on_close,
		.handle = on_message,
		.healthy = on_health,
		.prune = on_prune,
	};
	struct srv_life_in in = {
		.conf_path = argc > 1 ? argv[1] : NULL,
		.allow_root = argc > 2 && strcmp(argv[2], "--allow-root") == 0,
		.service = &service,
		.metrics = &metrics,
		.log = &log,
	};
	struct err e = { 0 };

	if (srv_life_run(&in, &e) == 0)
		return 0;
	(void)fprintf(stderr, "funicular: %s\n", e.msg);
	return e.code == ERR_CONFIG ? 5 : 1;
}
