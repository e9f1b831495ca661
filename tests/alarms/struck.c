/*
 * funicular-struck: the daemon's own objects, linked with this file between
 * the reminders and notices, their store and their outlets (ld --wrap), which
 * ends the process by SIGKILL at one point of a message's way:
 *
 *	FUNICULAR_STRIKE=POINT:N      at that point, the N-th time
 *
 *	changing   an item is written, not committed
 *	changed    ... and committed: nobody has looked yet
 *	claiming   its row is written, not committed
 *	claimed    ... and committed
 *	giving     the outlet is about to get it
 *	given      the outlet has it
 *	confirmed  the server has it
 *	marking    that is about to be written down
 *	marked     ... and is committed
 *	answering  a session that a notice asked for is in the books
 *	answered   ... and committed
 *
 * Its last words are "struck at POINT, N under way": messages that were given
 * and not written down, so that may come once more. Without the variable it is
 * the daemon.
 */
#include "backends/fault.h"
#include "backends/push/push.h"
#include "backends/xmpp/xmpp.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int __real_store_open(const char *uri, bool migrate, struct store **out,
		      struct err *e);
int __wrap_store_open(const char *uri, bool migrate, struct store **out,
		      struct err *e);
int __real_im_open(const struct im_conf *conf, const struct outlet_calls *calls,
		   struct outlet **out, struct err *e);
int __wrap_im_open(const struct im_conf *conf, const struct outlet_calls *calls,
		   struct outlet **out, struct err *e);
int __real_push_open(const struct push_conf *conf,
		     const struct outlet_calls *calls, struct outlet **out,
		     struct err *e);
int __wrap_push_open(const struct push_conf *conf,
		     const struct outlet_calls *calls, struct outlet **out,
		     struct err *e);

static char point[16];
static atomic_long left; /* times until it is ours */
static atomic_long under_way;

static void
reached(const char *here)
{
	if (strcmp(here, point) != 0 || atomic_fetch_sub(&left, 1) != 1)
		return;
	(void)fprintf(stderr, "struck at %s, %ld under way\n", here,
		      atomic_load(&under_way));
	(void)kill(getpid(), SIGKILL);
	abort();
}

/* ---- the outlet ------------------------------------------------------------
 */

struct shell {
	struct outlet o; /* first */
	struct outlet_vtable v;
	struct outlet *in;
	struct outlet_calls calls; /* the loop's */
};

static void
on_sent(void *ctx, struct slice id)
{
	struct shell *s = ctx;

	reached("confirmed");
	s->calls.sent(s->calls.ctx, id);
}

static void
on_failed(void *ctx, struct slice id, bool for_good, const char *why)
{
	struct shell *s = ctx;

	(void)atomic_fetch_sub(&under_way, 1);
	s->calls.failed(s->calls.ctx, id, for_good, why);
}

static void
on_in(void *ctx, const struct outlet_in *in, struct arena *a,
      struct outlet_answer *out)
{
	struct shell *s = ctx;

	s->calls.in(s->calls.ctx, in, a, out);
}

static void
on_state(void *ctx, bool up, const char *why)
{
	struct shell *s = ctx;

	s->calls.state(s->calls.ctx, up, why);
}

static size_t
on_send(struct outlet *o, const struct outlet_msg *msg, size_t n)
{
	struct shell *s = (struct shell *)(void *)o;
	size_t took;

	reached("giving");
	(void)atomic_fetch_add(&under_way, (long)n);
	took = s->in->v->send(s->in, msg, n);
	(void)atomic_fetch_sub(&under_way, (long)(n - took));
	if (took > 0)
		reached("given");
	return took;
}

static void
on_close(struct outlet **o)
{
	struct shell *s = (struct shell *)(void *)*o;

	s->in->v->close(&s->in);
	free(s);
	*o = NULL;
}

/* Between the loop and an outlet; NULL: no memory. */
static struct shell *
shell_new(const char *name, const struct outlet_calls *calls,
	  struct outlet_calls *ours, struct err *e)
{
	struct shell *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		(void)err_set(e, ERR_NOMEM, "struck", "no memory");
		return NULL;
	}
	s->v = (struct outlet_vtable){ name, on_send, on_close };
	s->o.v = &s->v;
	s->calls = *calls;
	*ours = (struct outlet_calls){ s, on_sent, on_failed, on_in, on_state };
	return s;
}

int
__wrap_im_open(const struct im_conf *conf, const struct outlet_calls *calls,
	       struct outlet **out, struct err *e)
{
	struct outlet_calls ours;
	struct shell *s = shell_new("xmpp", calls, &ours, e);

	*out = s == NULL ? NULL : &s->o;
	if (s != NULL && __real_im_open(conf, &ours, &s->in, e) == 0)
		return 0;
	free(s);
	*out = NULL;
	return -1;
}

int
__wrap_push_open(const struct push_conf *conf, const struct outlet_calls *calls,
		 struct outlet **out, struct err *e)
{
	struct outlet_calls ours;
	struct shell *s =
	    shell_new(push_kind_name(conf->kind), calls, &ours, e);

	*out = s == NULL ? NULL : &s->o;
	if (s != NULL && __real_push_open(conf, &ours, &s->in, e) == 0)
		return 0;
	free(s);
	*out = NULL;
	return -1;
}

/* ---- the store -------------------------------------------------------------
 */

/* What a transaction did that the points between it and its end are about. */
static const struct {
	const char *fn, *done, *committed;
} steps[] = {
	{ "item_put", "changing", "changed" },
	{ "delivery_add", "claiming", "claimed" },
	{ "notice_set", "answering", "answered" },
};

enum { STEPS = sizeof(steps) / sizeof(steps[0]) };

static void
on_call(void *ctx, const char *fn, uint64_t n, enum store_fault_when when)
{
	static _Thread_local bool did[STEPS];
	bool after = when == STORE_FAULT_AFTER;

	(void)ctx;
	(void)n;
	if (strcmp(fn, "begin") == 0)
		memset(did, 0, sizeof(did));
	for (size_t i = 0; after && i < STEPS; i++) {
		if (strcmp(fn, steps[i].fn) == 0) {
			did[i] = true;
			reached(steps[i].done);
		}
		if (did[i] && strcmp(fn, "commit") == 0)
			reached(steps[i].committed);
	}
	if (strcmp(fn, "delivery_mark") == 0)
		reached(after ? "marked" : "marking");
}

static struct store *inner;

static void
close_inner(void)
{
	inner->v->close(&inner);
}

int
__wrap_store_open(const char *uri, bool migrate, struct store **out,
		  struct err *e)
{
	const char *strike = getenv("FUNICULAR_STRIKE");
	long times;

	if (strike == NULL || sscanf(strike, "%15[a-z]:%ld", point, &times) < 2)
		return __real_store_open(uri, migrate, out, e);
	atomic_store(&left, times);
	if (__real_store_open(uri, migrate, &inner, e) < 0)
		return -1;
	(void)atexit(close_inner);
	if (store_fault_new(inner, out, e) < 0)
		return -1;
	store_fault_on_call(*out, on_call, NULL);
	return 0;
}
