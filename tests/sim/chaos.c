/* The scenario of one seed: who does what when, and what goes wrong. */
#include "tests/sim/sim.h"

#include <stdio.h>

enum {
	STEPS_MIN = 20,
	STEPS_MORE = 120,
	TRIES = 4,
	CALLS = 70, /* store calls of a message, about */
	DAY = 24 * 3600 * 1000,
};

/* ---- the network -------------------------------------------------------- */

static void
keep_for_later(struct sim *s, const struct dev *d)
{
	struct late *l = &s->stash[s->stash_n % STASH];

	s->stash_n++;
	*l = (struct late){ .body = d->sent, .dev = d->no };
	memcpy(l->token, d->token, sizeof(l->token));
}

static void
late_one(struct sim *s)
{
	unsigned n = s->stash_n < STASH ? s->stash_n : STASH;
	const struct late *l;
	struct sml_reply r;

	if (n == 0)
		return;
	l = &s->stash[dice_below(&s->dice, n)];
	sim_say(s, "late: a message of %s", s->dev[l->dev].id);
	sim_post(s, &s->dev[l->dev], l->body, l->token, &r);
	sim_say(s, "    http %d, %.*s", r.http, SLICE_ARG(r.note));
	if (r.http != 200 && r.http != 503)
		sim_fail(s, "HTTP %d for a late message", r.http);
	/* For all the server knows the device has emptied itself now; or old
	   messages in their order passed for a whole slow sync. */
	if (slice_find_str(r.note, "refresh-from-server") != SIZE_MAX ||
	    (slice_find_str(r.note, "contacts slow") != SIZE_MAX &&
	     !slice_starts(r.note, "msg 1:")))
		s->dev[l->dev].slow_ok = true;
}

static bool
nothing_came(struct sim *s, struct dev *d, const char *why)
{
	d->tries++;
	sim_say(s, "    %s", why);
	if (s->calm)
		sim_fail(s, "%s: %s, without a fault", d->id, why);
	if (d->tries > TRIES || dice_hits(&s->dice, s->f.give_up))
		talk_break(s, d, "no answer");
	return false;
}

/* The process dies at a store call, or right after its work. */
static bool
crash(struct sim *s, struct dev *d)
{
	struct store_fault_plan plan = {
		.at = 1 + dice_below(&s->dice, CALLS),
		.onwards = true,
		.when = dice_hits(&s->dice, 50) ? STORE_FAULT_BEFORE
						: STORE_FAULT_AFTER,
	};
	struct sml_reply r;

	store_fault_set(s->store, plan);
	sim_post(s, d, d->sent, d->token, &r);
	store_fault_set(s->store, (struct store_fault_plan){ 0 });
	if (dice_hits(&s->dice, s->f.reopen))
		sim_reopen(s);
	return nothing_came(s, d,
			    r.http == 200 ? "CRASH after the commit" : "CRASH");
}

/* It arrives twice: the same bytes must go out, if any do. */
static void
twice(struct sim *s, struct dev *d, struct sml_reply *r)
{
	struct slice first;
	int http = r->http;

	if (http != 200)
		return;
	first = arena_copy(s->keep, r->body);
	sim_post(s, d, d->sent, d->token, r);
	sim_say(s, "    twice: %.*s", SLICE_ARG(r->note));
	if (r->http == http && !slice_eq(first, r->body))
		sim_fail(s, "%s: another answer for a repeated message", d->id);
	r->body = first;
	r->http = http;
}

bool
chaos_exchange(struct sim *s, struct dev *d)
{
	struct sml_reply r;
	bool sick;

	sim_say(s, "%s: msg %d%s", d->id, d->msgid,
		d->tries > 0 ? " again" : "");
	if (dice_hits(&s->dice, s->f.late))
		keep_for_later(s, d);
	if (dice_hits(&s->dice, s->f.lose_request))
		return nothing_came(s, d, "request lost");
	if (dice_hits(&s->dice, s->f.crash))
		return crash(s, d);
	sick = dice_hits(&s->dice, s->f.store);
	if (sick)
		store_fault_set(s->store,
				(struct store_fault_plan){
				    .at = 1 + dice_below(&s->dice, CALLS),
				    .when = dice_hits(&s->dice, 50)
						? STORE_FAULT_BEFORE
						: STORE_FAULT_AFTER });
	sim_post(s, d, d->sent, d->token, &r);
	store_fault_set(s->store, (struct store_fault_plan){ 0 });
	sim_say(s, "    http %d, %.*s", r.http, SLICE_ARG(r.note));
	if (r.http == 503 && sick)
		return nothing_came(s, d, "the server was busy");
	if (r.http != 200) {
		sim_fail(s, "%s: HTTP %d", d->id, r.http);
		return false;
	}
	if (dice_hits(&s->dice, s->f.twice))
		twice(s, d, &r);
	if (dice_hits(&s->dice, s->f.lose_reply))
		return nothing_came(s, d, "reply lost");
	talk_answer(s, d, &r);
	return true;
}

/* ---- the users ---------------------------------------------------------- */

static void
user(struct sim *s, struct dev *d)
{
	unsigned n = dice_below(&s->dice, 100);

	if (d->phase != TALK_IDLE)
		return;
	if (n < 30)
		dev_add(s, d);
	else if (n < 70)
		dev_edit(s, d);
	else if (n < 85)
		dev_delete(s, d);
	else if (n < 93)
		dev_clear(s, d);
	else
		dev_copy(s, d);
}

/* A sync type that its user picks; 205 gives up what it has not sent. */
static int
type_of(struct sim *s, const struct dev *d)
{
	static const int odd[] = { 201, 202, 203, 204, 205, 201, 202, 204 };
	int type;

	if (d->m.suspended)
		return 225;
	if (!dice_hits(&s->dice, s->f.odd_type))
		return 200;
	type = odd[dice_below(&s->dice, 8)];
	/* What is empty there tells nothing of a device that tells nothing. */
	if (type == 203 && d->t.no_devinf)
		return 201;
	/* What it keeps for itself must not be overwritten. */
	return type == 204 && dev_changes(d) > 0 ? 200 : type;
}

static void
start(struct sim *s, struct dev *d)
{
	int type = type_of(s, d);

	if (type == 205)
		d->slow_ok = true;
	talk_begin(s, d, type);
	d->want_suspend = dice_hits(&s->dice, s->f.suspend);
}

static void
mishap(struct sim *s)
{
	struct dev *d = &s->dev[dice_below(&s->dice, s->dev_n)];

	if (dice_hits(&s->dice, s->f.clock)) {
		s->now += dice_hits(&s->dice, 50) ? 365 * (int64_t)DAY
						  : -(int64_t)DAY;
		sim_say(s, "CLOCK jumps to %lld", (long long)s->now);
	}
	if (d->phase == TALK_IDLE && dice_hits(&s->dice, s->f.backup))
		dev_save(s, d);
	if (dice_hits(&s->dice, s->f.restore) && d->has_backup) {
		talk_break(s, d, "it was restored");
		dev_restore(s, d);
	}
	if (dice_hits(&s->dice, s->f.reset)) {
		talk_break(s, d, "it was reset");
		dev_hard_reset(s, d);
	}
	if (s->f.late > 0 && dice_hits(&s->dice, 20))
		late_one(s);
}

static void
step(struct sim *s)
{
	struct dev *d = &s->dev[dice_below(&s->dice, s->dev_n)];
	unsigned n = dice_below(&s->dice, 100);

	if (n < 25)
		user(s, d);
	else if (n < 30)
		sim_edit_server(s, (unsigned)d->account);
	else if (n < 36)
		mishap(s);
	else if (d->phase == TALK_IDLE && n < 60)
		start(s, d);
	/* Mostly a session goes on; sometimes another device's between. */
	for (unsigned k = 0; k < 4 && d->phase != TALK_IDLE && !s->failed; k++)
		(void)chaos_exchange(s, d);
}

/* ---- the plan of a seed ------------------------------------------------- */

static unsigned
maybe(struct sim *s, unsigned often, unsigned most)
{
	return dice_hits(&s->dice, often) ? 1 + dice_below(&s->dice, most) : 0;
}

static void
plan(struct sim *s)
{
	s->f = (struct faults){ 0 };
	if (dice_hits(&s->dice, 10))
		return; /* all goes well: it must work then, too */
	s->f = (struct faults){
		.lose_request = maybe(s, 50, 10),
		.lose_reply = maybe(s, 60, 15),
		.twice = maybe(s, 40, 20),
		.late = maybe(s, 40, 30),
		.give_up = maybe(s, 70, 80),
		.store = maybe(s, 40, 20),
		.crash = maybe(s, 40, 10),
		.reopen = 5,
		.clock = maybe(s, 25, 30),
		.backup = maybe(s, 30, 60),
		.restore = maybe(s, 30, 40),
		.reset = maybe(s, 15, 20),
		.suspend = maybe(s, 30, 30),
		.odd_type = maybe(s, 35, 40),
	};
}

struct dev *
chaos_device(struct sim *s, unsigned account)
{
	struct dev *d = &s->dev[s->dev_n];

	memset(d, 0, sizeof(*d));
	d->no = (int)s->dev_n;
	d->account = (int)account;
	(void)snprintf(d->id, sizeof(d->id), "IMEI:%u%u", account, s->dev_n);
	d->t = (struct traits){ .version = 12,
				.enc = SML_WBXML,
				.fields = ALL_FIELDS };
	d->m.next_luid = 1;
	s->dev_n++;
	return d;
}

static void
devices(struct sim *s)
{
	for (unsigned a = 0; a < s->account_n; a++) {
		unsigned n = 1 + dice_below(&s->dice, DEVS);

		while (n-- > 0)
			dev_traits(s, chaos_device(s, a));
	}
}

void
chaos_run(struct sim *s, uint64_t seed)
{
	unsigned steps;

	sim_begin(s, seed);
	plan(s);
	devices(s);
	steps = STEPS_MIN + dice_below(&s->dice, STEPS_MORE);
	for (unsigned i = 0; i < steps && !s->failed; i++)
		step(s);
	if (!s->failed)
		judge_settle(s);
	sim_end(s);
}
