/*
 * What a story is told with: no chance, no faults but those that it names.
 */
#ifndef TESTS_SIM_STORY_H
#define TESTS_SIM_STORY_H

#include "tests/sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct sim sim;

enum { CONTACT = 1 << F_NAME | 1 << F_EMAIL };

static inline int
set_up(void **state)
{
	(void)state;
	if (sim_open(&sim) < 0)
		return -1;
	sim_begin(&sim, 1);
	return sim.failed ? -1 : 0;
}

static inline int
tear_down(void **state)
{
	(void)state;
	sim_end(&sim);
	sim_close(&sim);
	return 0;
}

static inline void
good(void)
{
	if (sim.failed)
		fail_msg("%s", sim.why);
}

static inline struct dev *
device(unsigned fields)
{
	struct dev *d = chaos_device(&sim, 0);

	d->t.fields = fields;
	return d;
}

/* A sync of this type; with `cut` it breaks off at that message: the request
   gets lost, or its answer. */
static inline void
sync_as(struct dev *d, int type, int cut, bool arrives)
{
	struct sml_reply r;

	talk_begin(&sim, d, type);
	while (d->phase != TALK_IDLE && !sim.failed) {
		if (d->msgid == cut) {
			if (arrives)
				sim_post(&sim, d, d->sent, d->token, &r);
			talk_break(&sim, d, "cut");
		} else {
			(void)chaos_exchange(&sim, d);
		}
	}
	good();
}

static inline void
sync_cut(struct dev *d, int cut, bool arrives)
{
	sync_as(d, 200, cut, arrives);
}

static inline void
sync_suspended(struct dev *d, int type)
{
	talk_begin(&sim, d, type);
	d->want_suspend = true;
	while (d->phase != TALK_IDLE && !sim.failed)
		(void)chaos_exchange(&sim, d);
	good();
	assert_true(d->m.suspended);
}

static inline void
sync_all(struct dev *d)
{
	sync_cut(d, 0, false);
	assert_int_equal(d->phase, TALK_IDLE);
	assert_false(d->broke);
}

/* One contact with these fields, known to d. */
static inline struct item *
contact(struct dev *d, unsigned fields)
{
	struct item *it;

	dev_add(&sim, d);
	it = &d->m.item[0];
	for (int f = F_TEL; f < FIELDS; f++) {
		if ((fields & (1u << f)) != 0)
			dev_set(&sim, d, it, (enum field)f);
	}
	it->change = 'A';
	return it;
}

static inline void
settled(void)
{
	judge_settle(&sim);
	good();
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
