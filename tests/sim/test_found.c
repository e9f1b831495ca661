/*
 * What the simulator found, each once more as a story of its own, so that it
 * is found again without chance.
 */
#include "tests/sim/story.h"

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

/* What it sent in a slow sync was merged without a trace: there is nothing in
   the item that it does not know of. */
static void
deletes_after_a_slow_sync(void **state)
{
	struct dev *full = device(ALL_FIELDS);
	struct dev *small = device(CONTACT | 1 << F_NOTE);

	(void)state;
	(void)contact(full, 1 << F_TITLE | 1 << F_NOTE);
	sync_all(full);
	sync_all(small);
	sync_suspended(small, 201);
	sync_as(small, 225, 0, false);
	dev_remove(&sim, small, &small->m.item[0]);
	sync_all(small);
	assert_int_equal(dev_live(small), 0);
	sync_all(full);
	assert_int_equal(dev_live(full), 0);
	settled();
}

/* Its edit was merged with what it cannot hold, and the session broke before
   it was its turn to hear of that. */
static void
deletes_after_a_merge_unheard(void **state)
{
	struct dev *full = device(ALL_FIELDS);
	struct dev *small = device(CONTACT | 1 << F_NOTE);

	(void)state;
	(void)contact(full, 1 << F_TITLE | 1 << F_NOTE);
	sync_all(full);
	sync_all(small);
	small->t.per_msg = 1;
	dev_set(&sim, small, &small->m.item[0], F_NOTE);
	dev_add(&sim, small);
	sync_cut(small, 3, false);
	dev_remove(&sim, small, &small->m.item[0]);
	sync_all(small);
	assert_int_equal(dev_live(small), 1);
	sync_all(full);
	assert_int_equal(dev_live(full), 1);
	settled();
}

/* ... but what it was offered and did not hear of is an edit. */
static void
deletes_what_it_was_offered(void **state)
{
	struct dev *one = device(ALL_FIELDS);
	struct dev *two = device(ALL_FIELDS);

	(void)state;
	(void)contact(one, 1 << F_TITLE | 1 << F_NOTE);
	sync_all(one);
	sync_all(two);
	dev_set(&sim, one, &one->m.item[0], F_TITLE);
	sync_all(one);
	dev_set(&sim, two, &two->m.item[0], F_NOTE);
	sync_cut(two, 2, true);
	dev_remove(&sim, two, &two->m.item[0]);
	sync_all(two);
	assert_int_equal(dev_live(two), 1);
	settled();
}

/* A backup of before the last sync: what that one deleted is there again. */
static void
restored_after_it_deleted(void **state)
{
	struct dev *one = device(ALL_FIELDS);

	(void)state;
	(void)contact(one, 1 << F_NOTE);
	sync_all(one);
	sync_all(one);
	dev_save(&sim, one);
	dev_remove(&sim, one, &one->m.item[0]);
	sync_all(one);
	dev_restore(&sim, one);
	assert_int_equal(dev_live(one), 1);
	sync_all(one);
	assert_int_equal(one->alert, 200);
	assert_int_equal(dev_live(one), 0);
	settled();
}

static void
restored_after_others_deleted(void **state)
{
	struct dev *one = device(ALL_FIELDS);
	struct dev *two = device(ALL_FIELDS);

	(void)state;
	(void)contact(one, 1 << F_NOTE);
	sync_all(one);
	sync_all(two);
	sync_all(two);
	dev_save(&sim, two);
	dev_remove(&sim, one, &one->m.item[0]);
	sync_all(one);
	sync_all(two);
	assert_int_equal(dev_live(two), 0);
	dev_restore(&sim, two);
	sync_all(two);
	assert_int_equal(two->alert, 200);
	assert_int_equal(dev_live(two), 0);
	settled();
}

/* The LUID of what it deleted is another item's by then: that one stays. */
static void
luid_of_what_is_gone(void **state)
{
	struct dev *one = device(ALL_FIELDS);

	(void)state;
	one->t.reuses_luid = true;
	(void)contact(one, 1 << F_NOTE);
	sync_all(one);
	dev_remove(&sim, one, &one->m.item[0]);
	sync_all(one);
	dev_add(&sim, one);
	assert_int_equal(one->m.item[0].luid, 1);
	sync_cut(one, 3, false);
	sync_all(one);
	assert_int_equal(one->got_delete, 0);
	assert_int_equal(dev_live(one), 1);
	settled();
}

/* ... also one that the server sends, in the same session. */
static void
luid_of_what_is_gone_for_ours(void **state)
{
	struct dev *one = device(ALL_FIELDS);
	struct dev *two = device(ALL_FIELDS);

	(void)state;
	two->t.reuses_luid = true;
	(void)contact(one, 1 << F_NOTE);
	sync_all(one);
	sync_all(two);
	dev_remove(&sim, two, &two->m.item[0]);
	dev_add(&sim, one);
	sync_all(one);
	sync_all(two);
	assert_int_equal(two->m.item[0].luid, 1);
	sync_cut(two, 3, false);
	sync_all(two);
	assert_int_equal(two->got_delete, 0);
	assert_int_equal(dev_live(two), 1);
	settled();
}

/* What is in doubt is looked at before an Add can take its LUID, which a backup
   has set free. */
static void
probes_come_first(void **state)
{
	struct dev *one = device(ALL_FIELDS);
	struct dev *two = device(ALL_FIELDS);

	(void)state;
	two->t.reuses_luid = true;
	sync_all(two);
	sync_all(two);
	dev_save(&sim, two);
	dev_add(&sim, one);
	sync_all(one);
	dev_add(&sim, two);
	sync_cut(two, 2, true); /* its own went, and one's was on the way */
	dev_restore(&sim, two);
	assert_int_equal(dev_live(two), 0);
	sync_all(two);
	assert_int_equal(two->alert, 200);
	sync_all(two);
	assert_int_equal(dev_live(two), 2);
	settled();
}

/* Its new item was told in a slow sync that broke, and is not told again. */
static void
told_in_a_slow_sync_that_broke(void **state)
{
	struct dev *one = device(ALL_FIELDS);

	(void)state;
	one->t.settles = true;
	one->t.per_msg = 1;
	(void)contact(one, 1 << F_NOTE);
	sync_all(one);
	dev_add(&sim, one);
	dev_add(&sim, one);
	sync_as(one, 201, 4, false);
	assert_int_equal(one->m.item[1].change, 0);
	sync_all(one);
	assert_int_equal(one->alert, 200);
	assert_int_equal(one->got_add, 0);
	assert_int_equal(dev_live(one), 3);
	settled();
}

/* A sync one way from the device says nothing of what is in doubt. */
static void
doubts_outlive_a_sync_one_way(void **state)
{
	struct dev *one = device(ALL_FIELDS);

	(void)state;
	(void)contact(one, 1 << F_NOTE);
	sync_all(one);
	sync_all(one);
	dev_save(&sim, one);
	dev_set(&sim, one, &one->m.item[0], F_NOTE);
	sync_all(one);
	dev_restore(&sim, one);
	sync_suspended(one, 202);
	sync_as(one, 225, 0, false);
	sync_all(one);
	assert_int_equal(one->alert, 200);
	assert_int_equal(one->got_replace, 1);
	settled();
}

/* A backup of a first sync that was suspended: what it resumes is not the sync
   that the server knows last. */
static void
resumes_what_is_long_over(void **state)
{
	struct dev *one = device(ALL_FIELDS);
	struct dev *two = device(ALL_FIELDS);

	(void)state;
	sync_suspended(two, 200);
	dev_save(&sim, two);
	sync_as(two, 225, 0, false);
	dev_add(&sim, one);
	sync_all(one);
	sync_all(two);
	sync_all(two);
	assert_int_equal(dev_live(two), 1);
	dev_restore(&sim, two);
	assert_int_equal(dev_live(two), 0);
	sync_as(two, 225, 0, false);
	assert_int_equal(two->alert, 201);
	assert_int_equal(dev_live(two), 1);
	settled();
}

/* Half of a large item went; then it is small, and comes in one piece. */
static void
smaller_while_suspended(void **state)
{
	struct dev *one = device(ALL_FIELDS);
	struct item *it;

	(void)state;
	one->t.split = 800;
	it = contact(one, 1 << F_NOTE);
	sim.model[0].deed[it->r.v[F_NOTE][0] & 0xffff].size = 3000;
	sync_suspended(one, 200);
	dev_set(&sim, one, it, F_NOTE);
	sim.model[0].deed[it->r.v[F_NOTE][0] & 0xffff].size = 10;
	sync_as(one, 225, 0, false);
	assert_int_equal(it->change, 0);
	settled();
}

/* Its session expired, and it goes on: an answer to that is no sync. */
static void
goes_on_with_what_is_over(void **state)
{
	struct dev *one = device(ALL_FIELDS);

	(void)state;
	one->t.no_respuri = true;
	(void)contact(one, 1 << F_NOTE);
	sync_all(one);
	dev_set(&sim, one, &one->m.item[0], F_NOTE);
	talk_begin(&sim, one, 200);
	(void)chaos_exchange(&sim, one);
	sim.now += 2 * (int64_t)SML_SESSION_IDLE_MS;
	(void)chaos_exchange(&sim, one);
	good();
	assert_int_equal(one->phase, TALK_IDLE);
	assert_true(one->broke);
	sync_all(one);
	assert_int_equal(one->alert, 200);
	settled();
}

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
		T(deletes_after_a_slow_sync),
		T(deletes_after_a_merge_unheard),
		T(deletes_what_it_was_offered),
		T(restored_after_it_deleted),
		T(restored_after_others_deleted),
		T(luid_of_what_is_gone),
		T(luid_of_what_is_gone_for_ours),
		T(probes_come_first),
		T(told_in_a_slow_sync_that_broke),
		T(doubts_outlive_a_sync_one_way),
		T(resumes_what_is_long_over),
		T(smaller_while_suspended),
		T(goes_on_with_what_is_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
