/*
 * What the simulator found, each once more as a story of its own, so that it
 * is found again without chance.
 */
#include "tests/sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct sim sim;

enum { CONTACT = 1 << F_NAME | 1 << F_EMAIL };

static int
set_up(void **state)
{
	(void)state;
	if (sim_open(&sim) < 0)
		return -1;
	sim_begin(&sim, 1);
	return sim.failed ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	sim_end(&sim);
	sim_close(&sim);
	return 0;
}

static void
good(void)
{
	if (sim.failed)
		fail_msg("%s", sim.why);
}

static struct dev *
device(unsigned fields)
{
	struct dev *d = chaos_device(&sim, 0);

	d->t.fields = fields;
	return d;
}

/* A whole sync; with `cut` it breaks off at that message: the request gets
   lost, or its answer. */
static void
sync_cut(struct dev *d, int cut, bool arrives)
{
	struct sml_reply r;

	talk_begin(&sim, d, 200);
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

static void
sync_all(struct dev *d)
{
	sync_cut(d, 0, false);
	assert_int_equal(d->phase, TALK_IDLE);
	assert_false(d->broke);
}

/* One contact with these fields, known to d. */
static struct item *
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

static void
settled(void)
{
	judge_settle(&sim);
	good();
}

/* It edited an item of which it does not hold everything, and then deleted it:
   nobody else had touched it. */
static void
deletes_what_it_edited(void **state)
{
	struct dev *full = device(ALL_FIELDS);
	struct dev *small = device(CONTACT | 1 << F_NOTE);

	(void)state;
	(void)contact(full, 1 << F_TITLE | 1 << F_NOTE);
	sync_all(full);
	sync_all(small);
	assert_int_equal(dev_live(small), 1);
	dev_set(&sim, small, &small->m.item[0], F_NOTE);
	sync_all(small);
	dev_remove(&sim, small, &small->m.item[0]);
	sync_all(small);
	assert_int_equal(dev_live(small), 0);
	sync_all(full);
	assert_int_equal(dev_live(full), 0);
	settled();
}

/* The same, where the edit was another's and of a field that it lacks. */
static void
deletes_what_others_edited_out_of_sight(void **state)
{
	struct dev *full = device(ALL_FIELDS);
	struct dev *small = device(CONTACT | 1 << F_NOTE);

	(void)state;
	(void)contact(full, 1 << F_TITLE | 1 << F_NOTE);
	sync_all(full);
	sync_all(small);
	dev_set(&sim, full, &full->m.item[0], F_TITLE);
	sync_all(full);
	sync_all(small);
	assert_int_equal(small->got_replace, 0);
	dev_remove(&sim, small, &small->m.item[0]);
	sync_all(small);
	assert_int_equal(dev_live(small), 0);
	sync_all(full);
	assert_int_equal(dev_live(full), 0);
	settled();
}

/* ... but one that it has not been told of stays. */
static void
keeps_what_it_was_not_told(void **state)
{
	struct dev *full = device(ALL_FIELDS);
	struct dev *small = device(CONTACT | 1 << F_NOTE);

	(void)state;
	(void)contact(full, 1 << F_TITLE | 1 << F_NOTE);
	sync_all(full);
	sync_all(small);
	dev_set(&sim, full, &full->m.item[0], F_NOTE);
	sync_all(full);
	dev_remove(&sim, small, &small->m.item[0]);
	sync_all(small);
	assert_int_equal(dev_live(small), 1);
	settled();
}

/* It took a Delete, and could not say so; then the item came back, as it had
   looked to it: it must be sent again. */
static void
deleted_and_back_while_unheard(void **state)
{
	struct dev *one = device(ALL_FIELDS);
	struct dev *two = device(ALL_FIELDS);
	struct dev *small = device(CONTACT | 1 << F_NOTE);

	(void)state;
	(void)contact(one, 1 << F_TITLE | 1 << F_NOTE);
	sync_all(one);
	sync_all(two);
	sync_all(small);
	dev_remove(&sim, two, &two->m.item[0]);
	sync_all(two);
	sync_cut(small, 3, false);
	assert_int_equal(dev_live(small), 0);
	dev_set(&sim, one, &one->m.item[0], F_TITLE);
	sync_all(one);
	sync_all(small); /* it says 404 */
	sync_all(small);
	assert_int_equal(dev_live(small), 1);
	settled();
}

/* After a broken session a field that is gone is no deletion: then the device
   must get it back. */
static void
cleared_in_doubt_comes_back(void **state)
{
	struct dev *one = device(ALL_FIELDS);
	struct item *it;

	(void)state;
	it = contact(one, 1 << F_TITLE | 1 << F_NOTE);
	sync_all(one);
	dev_set(&sim, one, it, F_TITLE);
	sync_cut(one, 2, true);
	dev_unset(&sim, one, it, F_NOTE);
	sync_all(one);
	settled();
}

/* What it sent before, word for word, is no edit: the item stays deleted. */
static void
sent_again_after_a_delete(void **state)
{
	struct dev *one = device(ALL_FIELDS);
	struct dev *two = device(ALL_FIELDS);

	(void)state;
	sync_all(one);
	(void)contact(one, 1 << F_TITLE | 1 << F_NOTE);
	sync_cut(one, 2, true);
	sync_all(two);
	assert_int_equal(dev_live(two), 1);
	dev_remove(&sim, two, &two->m.item[0]);
	sync_all(two);
	sync_all(one);
	assert_int_equal(dev_live(one), 0);
	settled();
}

/* ... but an edit is one. */
static void
edited_after_a_delete(void **state)
{
	struct dev *one = device(ALL_FIELDS);
	struct dev *two = device(ALL_FIELDS);

	(void)state;
	(void)contact(one, 1 << F_TITLE | 1 << F_NOTE);
	sync_all(one);
	sync_all(two);
	dev_remove(&sim, two, &two->m.item[0]);
	sync_all(two);
	dev_set(&sim, one, &one->m.item[0], F_NOTE);
	sync_all(one);
	assert_int_equal(dev_live(one), 1);
	sync_all(two);
	assert_int_equal(dev_live(two), 1);
	settled();
}

/* What others do while a device refreshes the server reaches it. */
static void
others_during_a_refresh(void **state)
{
	struct dev *one = device(ALL_FIELDS);
	struct dev *two = device(ALL_FIELDS);

	(void)state;
	(void)contact(one, 1 << F_TITLE);
	dev_add(&sim, one);
	sync_all(one);
	sync_all(two);
	one->t.per_msg = 1;
	talk_begin(&sim, one, 203);
	while (one->msgid < 3)
		(void)chaos_exchange(&sim, one);
	dev_set(&sim, two, &two->m.item[0], F_TITLE);
	sync_all(two);
	while (one->phase != TALK_IDLE && !sim.failed)
		(void)chaos_exchange(&sim, one);
	good();
	sync_all(one);
	assert_int_equal(one->got_replace, 1);
	settled();
}

/* Another device edits an item between the Delete and the end of its package:
   the edit wins. */
static void
edited_while_being_deleted(void **state)
{
	struct dev *one = device(ALL_FIELDS);
	struct dev *two = device(ALL_FIELDS);

	(void)state;
	(void)contact(one, 1 << F_TITLE);
	sync_all(one);
	sync_all(two);
	one->t.per_msg = 1;
	dev_remove(&sim, one, &one->m.item[0]);
	dev_add(&sim, one);
	dev_add(&sim, one);
	talk_begin(&sim, one, 200);
	while (one->msgid < 3)
		(void)chaos_exchange(&sim, one);
	dev_set(&sim, two, &two->m.item[0], F_TITLE);
	sync_all(two);
	while (one->phase != TALK_IDLE && !sim.failed)
		(void)chaos_exchange(&sim, one);
	good();
	sync_all(two);
	assert_int_equal(dev_live(two), 3);
	assert_int_equal(dev_live(one), 3);
	settled();
}

/* Of two equal items another device deleted the one that comes first in a slow
   sync over several messages: it is taken for the one that is left, which then
   is not given away a second time. */
static void
twins_in_a_slow_sync(void **state)
{
	struct dev *one = device(ALL_FIELDS);
	struct dev *two = device(ALL_FIELDS);

	(void)state;
	(void)contact(one, 1 << F_TITLE | 1 << F_NOTE);
	sync_all(one);
	dev_copy(&sim, one);
	assert_int_equal(dev_live(one), 2);
	sync_all(one);
	sync_all(two);
	assert_int_equal(dev_live(two), 2);
	dev_remove(&sim, two, &two->m.item[0]);
	sync_all(two);
	one->t.per_msg = 1;
	one->slow_ok = true;
	talk_begin(&sim, one, 201);
	while (one->phase != TALK_IDLE && !sim.failed)
		(void)chaos_exchange(&sim, one);
	good();
	settled();
	/* A slow sync is a union: both are there again. */
	assert_int_equal(dev_live(one), 2);
	assert_int_equal(dev_live(two), 2);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(deletes_what_it_edited),
		T(deletes_what_others_edited_out_of_sight),
		T(keeps_what_it_was_not_told),
		T(deleted_and_back_while_unheard),
		T(cleared_in_doubt_comes_back),
		T(sent_again_after_a_delete),
		T(edited_after_a_delete),
		T(others_during_a_refresh),
		T(edited_while_being_deleted),
		T(twins_in_a_slow_sync),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
