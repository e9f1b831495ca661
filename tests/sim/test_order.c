/*
 * Messages in every order.
 *
 * Two devices of one account, eight messages each: all C(16,8) = 12,870 ways to
 * interleave them end in the same agreement. And each message of a session
 * comes twice, late, too early, under a wrong MsgID, and after the end: its
 * effect is there once.
 *
 *   test_sim_order            every 40th interleaving
 *   test_sim_order --step 1   all of them
 */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>

enum { STEP = 40, EACH = 8, TOGETHER = 16, ALL = 12870 };

static void
device_like(struct sim *s, int per_msg, enum sml_enc enc)
{
	struct dev *d = chaos_device(s, 0);

	d->t.enc = enc;
	d->t.per_msg = per_msg;
	d->t.settles = enc == SML_XML;
}

static void
whole_sync(struct sim *s, struct dev *d)
{
	talk_begin(s, d, 200);
	while (d->phase != TALK_IDLE && !s->failed)
		(void)chaos_exchange(s, d);
}

/* Both hold four contacts, and then their users go on, apart and against each
   other. */
static void
prepare(struct sim *s)
{
	struct dev *one, *two;

	device_like(s, 1, SML_XML);
	device_like(s, 1, SML_WBXML);
	one = &s->dev[0];
	two = &s->dev[1];
	for (int i = 0; i < 4; i++)
		dev_add(s, one);
	whole_sync(s, one);
	whole_sync(s, two);
	for (int i = 0; i < 3; i++)
		dev_add(s, one);
	dev_set(s, one, &one->m.item[0], F_TITLE);
	dev_set(s, one, &one->m.item[1], F_NOTE);
	dev_remove(s, one, &one->m.item[3]);
	for (int i = 0; i < 2; i++)
		dev_add(s, two);
	dev_set(s, two, &two->m.item[0], F_TEL);
	dev_set(s, two, &two->m.item[1], F_NOTE);
	dev_remove(s, two, &two->m.item[2]);
	dev_set(s, two, &two->m.item[3], F_TITLE);
}

/* ---- interleavings ------------------------------------------------------ */

/* The next larger number with as many bits. */
static unsigned
next_mask(unsigned m)
{
	unsigned low = m & (0u - m);
	unsigned up = m + low;

	return up | (((m ^ up) >> 2) / low);
}

/* Bit i of the mask: whose message comes i-th. */
static unsigned
interleave(struct sim *s, unsigned mask)
{
	unsigned sent[2] = { 0, 0 };

	talk_begin(s, &s->dev[0], 200);
	talk_begin(s, &s->dev[1], 200);
	for (unsigned i = 0; i < TOGETHER && !s->failed; i++) {
		unsigned who = mask >> i & 1u;

		if (s->dev[who].phase == TALK_IDLE)
			continue;
		(void)chaos_exchange(s, &s->dev[who]);
		sent[who]++;
	}
	return sent[0] < sent[1] ? sent[0] : sent[1];
}

static bool
interleavings(struct sim *s, unsigned step)
{
	unsigned mask = (1u << EACH) - 1;
	unsigned run = 0;
	unsigned shortest = EACH;

	for (unsigned i = 0; i < ALL; i++, mask = next_mask(mask)) {
		unsigned n;

		if (i % step != 0)
			continue;
		sim_begin(s, 7);
		s->dev_n = 0;
		prepare(s);
		n = interleave(s, mask);
		shortest = n < shortest ? n : shortest;
		if (!s->failed)
			judge_settle(s);
		sim_end(s);
		run++;
		if (s->failed) {
			(void)printf("order %04x: %s\n", mask, s->why);
			return false;
		}
	}
	(void)printf("%u interleavings, at least %u messages of each device\n",
		     run, shortest);
	return true;
}

/* ---- one message, delivered badly --------------------------------------- */

enum bad { TWICE, AT_THE_END, ONE_LATER, WRONG_ID, TOO_EARLY, BADS };

static const char *const bad_name[BADS] = { "twice", "after the end",
					    "one message later",
					    "under a wrong MsgID",
					    "too early" };

struct seen {
	struct slice body;
	char token[80];
};

/* Its MsgID in the header, replaced: XML only. */
static struct slice
with_id(struct sim *s, struct slice body, int id)
{
	struct slice tag = SLICE_LIT("<MsgID>");
	size_t at = slice_find_str(body, "<MsgID>");
	struct slice rest = slice_from(body, at + tag.n);
	size_t end = slice_find(rest, '<');

	return arena_printf(s->keep, "%.*s<MsgID>%d%.*s",
			    SLICE_ARG(slice_sub(body, 0, at)), id,
			    SLICE_ARG(slice_from(rest, end)));
}

static void
deliver(struct sim *s, const struct seen *m)
{
	struct sml_reply r;

	sim_post(s, &s->dev[0], m->body, m->token, &r);
	if (r.http != 200)
		sim_fail(s, "HTTP %d", r.http);
}

static struct seen
note(struct sim *s, const struct dev *d)
{
	struct seen m = { .body = arena_copy(s->keep, d->sent) };

	memcpy(m.token, d->token, sizeof(m.token));
	return m;
}

/* The session of the first device, where message n is delivered badly. Returns
   how many messages it had. */
static unsigned
badly(struct sim *s, unsigned n, enum bad how)
{
	struct dev *d = &s->dev[0];
	struct seen it = { { NULL, 0 }, "" };
	struct seen odd;
	unsigned k = 0;

	talk_begin(s, d, 200);
	while (d->phase != TALK_IDLE && !s->failed) {
		k++;
		if (k == n) {
			it = note(s, d);
			odd = it;
			if (how == WRONG_ID)
				odd.body = with_id(s, it.body, d->msgid + 7);
			if (how == TOO_EARLY)
				odd.body = with_id(s, it.body, d->msgid + 1);
			if (how == WRONG_ID || how == TOO_EARLY)
				deliver(s, &odd);
		}
		if (k == n + 1 && how == ONE_LATER)
			deliver(s, &it);
		(void)chaos_exchange(s, d);
		if (k == n && how == TWICE)
			deliver(s, &it);
	}
	if (it.body.p != NULL && how == AT_THE_END)
		deliver(s, &it);
	return k;
}

static bool
deliveries(struct sim *s)
{
	unsigned points = 0;

	for (int how = 0; how < BADS; how++) {
		unsigned n = 1;
		unsigned k;

		do {
			sim_begin(s, 7);
			s->dev_n = 0;
			prepare(s);
			k = badly(s, n, (enum bad)how);
			if (!s->failed)
				judge_settle(s);
			sim_end(s);
			points++;
			if (s->failed) {
				(void)printf("message %u %s: %s\n", n,
					     bad_name[how], s->why);
				return false;
			}
		} while (n++ < k);
	}
	(void)printf("%u messages delivered badly\n", points);
	return true;
}

int
main(int argc, char **argv)
{
	struct sim *s = calloc(1, sizeof(*s));
	unsigned step = STEP;
	bool good;

	if (s == NULL || sim_open(s) < 0)
		return 1;
	if (argc == 3 && strcmp(argv[1], "--step") == 0)
		step = (unsigned)strtoul(argv[2], NULL, 10);
	s->verbose = argc == 2 && strcmp(argv[1], "-v") == 0;
	good = step > 0 && interleavings(s, step) && deliveries(s);
	sim_close(s);
	free(s);
	return good ? 0 : 1;
}
