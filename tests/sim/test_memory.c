/*
 * Memory that runs short: in turn, every allocation that a message of some
 * sessions takes from its arena fails, once, and from there on. The message
 * must be answered by 503 or be whole, and the device's next try must end as if
 * nothing had been.
 *
 *   test_sim_memory            every 97th allocation
 *   test_sim_memory --step 1   all of them
 */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>

enum { STEP = 97, LARGEST = 1000000 };

struct count {
	uint64_t points, refused;
};

static void
prepare(struct sim *s)
{
	struct dev *one = chaos_device(s, 0);
	struct dev *two = chaos_device(s, 0);

	one->t.enc = SML_XML;
	one->t.old_form = true;
	one->t.split = 900;
	two->t.fields = 1u << F_NAME | 1u << F_EMAIL | 1u << F_NOTE;
	for (int i = 0; i < 3; i++)
		dev_add(s, one);
	for (int i = 0; i < 2; i++)
		dev_add(s, two);
}

static void
whole(struct sim *s, struct dev *d)
{
	talk_begin(s, d, 200);
	while (d->phase != TALK_IDLE && !s->failed)
		(void)chaos_exchange(s, d);
}

/* What the devices' users do before the session that is looked at. */
static void
until(struct sim *s, bool second)
{
	prepare(s);
	if (!second)
		return;
	whole(s, &s->dev[0]);
	whole(s, &s->dev[1]);
	dev_set(s, &s->dev[0], &s->dev[0].m.item[0], F_NOTE);
	dev_set(s, &s->dev[1], &s->dev[1].m.item[0], F_NOTE);
	dev_remove(s, &s->dev[0], &s->dev[0].m.item[1]);
	whole(s, &s->dev[1]);
}

/* The session of the first device; in message `msg` the at-th allocation
   fails. Returns whether it did; *more: the session has such a message. */
static bool
session(struct sim *s, unsigned msg, size_t at, bool onwards, bool *more)
{
	struct dev *d = &s->dev[0];
	struct sml_reply r;
	bool hit = false;
	unsigned k = 0;

	*more = false;
	talk_begin(s, d, 200);
	while (d->phase != TALK_IDLE && !s->failed) {
		if (++k == msg) {
			size_t before = arena_refused(s->a);

			*more = true;
			arena_fail_at(s->a, at, onwards);
			sim_post(s, d, d->sent, d->token, &r);
			arena_fail_at(s->a, 0, false);
			hit = arena_refused(s->a) > before;
			if (r.http != 503 && r.http != 200)
				sim_fail(s, "HTTP %d", r.http);
		}
		(void)chaos_exchange(s, d);
	}
	return hit;
}

static bool
one_point(struct sim *s, bool second, unsigned msg, size_t at, bool onwards,
	  bool *more)
{
	bool hit;

	sim_begin(s, 11);
	s->dev_n = 0;
	until(s, second);
	hit = session(s, msg, at, onwards, more);
	if (!s->failed)
		judge_settle(s);
	sim_end(s);
	return hit;
}

static bool
every(struct sim *s, bool second, size_t step, struct count *c)
{
	bool more = true;

	for (unsigned msg = 1; more; msg++) {
		bool hit = true;

		for (size_t at = 1; hit && at < LARGEST; at += step) {
			for (int onwards = 0; onwards < 2; onwards++) {
				hit = one_point(s, second, msg, at,
						onwards != 0, &more);
				c->points++;
				c->refused += hit ? 1 : 0;
				if (!s->failed)
					continue;
				(void)printf(
				    "session %d, message %u, allocation %zu%s: "
				    "%s\n",
				    second ? 2 : 1, msg, at,
				    onwards ? " and on" : "", s->why);
				return false;
			}
		}
	}
	return true;
}

int
main(int argc, char **argv)
{
	struct sim *s = calloc(1, sizeof(*s));
	struct count c = { 0, 0 };
	size_t step = STEP;
	bool good;

	if (s == NULL || sim_open(s) < 0)
		return 1;
	if (argc == 3 && strcmp(argv[1], "--step") == 0)
		step = (size_t)strtoul(argv[2], NULL, 10);
	good =
	    step > 0 && every(s, false, step, &c) && every(s, true, step, &c);
	(void)printf("%llu points, memory was refused at %llu\n",
		     (unsigned long long)c.points,
		     (unsigned long long)c.refused);
	good = good && c.refused > 0;
	sim_close(s);
	free(s);
	return good ? 0 : 1;
}
