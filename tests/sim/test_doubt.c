/*
 * What the simulator found in its hundred thousandth seeds: stories of two or
 * more faults, one upon the other, or of what nobody could know.
 */
#include "tests/sim/story.h"

/* Its edit lost in a slow sync that broke, and it does not tell it again. */
static void
lost_in_a_slow_sync_that_broke(void **state)
{
	struct dev *one = device(ALL_FIELDS);

	(void)state;
	one->t.settles = true;
	one->t.per_msg = 1;
	(void)contact(one, 1 << F_NOTE);
	dev_add(&sim, one);
	sync_all(one);
	dev_set(&sim, one, &one->m.item[0], F_NOTE);
	sync_as(one, 201, 3, false);
	assert_int_equal(one->m.item[0].change, 0);
	sync_all(one);
	assert_int_equal(one->got_replace, 1);
	settled();
}

/* Of two slow syncs that broke the first told something. */
static void
told_in_two_slow_syncs_that_broke(void **state)
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
	sync_as(one, 201, 2, false);
	sync_all(one);
	assert_int_equal(one->got_add, 0);
	assert_int_equal(dev_live(one), 3);
	settled();
}

/* ... under a LUID that a deleted item had before. */
static void
told_under_a_luid_of_old(void **state)
{
	struct dev *one = device(ALL_FIELDS);

	(void)state;
	one->t.settles = one->t.reuses_luid = true;
	one->t.per_msg = 1;
	(void)contact(one, 1 << F_NOTE);
	dev_add(&sim, one);
	sync_all(one);
	dev_remove(&sim, one, &one->m.item[0]);
	sync_all(one);
	dev_add(&sim, one);
	assert_int_equal(one->m.item[0].luid, 1);
	sync_as(one, 201, 3, false);
	assert_int_equal(one->m.item[0].change, 0);
	sync_all(one);
	assert_int_equal(one->got_add, 0);
	assert_int_equal(dev_live(one), 2);
	settled();
}

/* A deletion that was answered, and no more of its package came: it holds in
   the new map, too. */
static void
noted_before_a_new_map(int type)
{
	struct dev *one = device(ALL_FIELDS);
	struct dev *two = device(ALL_FIELDS);

	one->t.settles = true;
	one->t.per_msg = 1;
	(void)contact(one, 1 << F_NOTE);
	dev_add(&sim, one);
	sync_all(one);
	sync_all(two);
	dev_remove(&sim, one, &one->m.item[0]);
	dev_set(&sim, one, &one->m.item[1], F_NOTE);
	sync_cut(one, 3, false);
	assert_int_equal(one->m.item[0].change, 0);
	one->slow_ok = true;
	sync_as(one, type, 0, false);
	assert_int_equal(dev_live(one), 1);
	sync_all(two);
	assert_int_equal(dev_live(two), 1);
	settled();
}

static void
noted_before_a_refresh(void **state)
{
	(void)state;
	noted_before_a_new_map(205);
}

static void
noted_before_a_slow_sync(void **state)
{
	(void)state;
	noted_before_a_new_map(201);
}

/* ... but what it has again is there again. */
static void
noted_and_there_again(void **state)
{
	struct dev *one = device(ALL_FIELDS);

	(void)state;
	one->t.settles = true;
	one->t.per_msg = 1;
	(void)contact(one, 1 << F_NOTE);
	dev_add(&sim, one);
	sync_all(one);
	sync_all(one);
	dev_save(&sim, one);
	dev_remove(&sim, one, &one->m.item[0]);
	dev_set(&sim, one, &one->m.item[1], F_NOTE);
	sync_cut(one, 3, false);
	dev_restore(&sim, one);
	sync_as(one, 201, 0, false);
	assert_int_equal(dev_live(one), 2);
	settled();
}

/* Its own LUID comes later in the message: a twin that was edited does not take
   its place. */
static void
twin_before_its_like(void **state)
{
	struct dev *one = device(ALL_FIELDS);
	uint32_t title;

	(void)state;
	(void)contact(one, 1 << F_NOTE);
	dev_add(&sim, one);
	sync_all(one);
	dev_remove(&sim, one, &one->m.item[0]);
	sync_all(one);
	sync_all(one);
	dev_copy(&sim, one);
	assert_true(one->m.item[0].live);
	dev_set(&sim, one, &one->m.item[0], F_TITLE);
	title = one->m.item[0].r.v[F_TITLE][0];
	one->slow_ok = true;
	sync_as(one, 201, 0, false);
	assert_int_equal(dev_live(one), 2);
	assert_true(rec_has(&one->m.item[0].r, F_TITLE, title));
	assert_false(rec_has(&one->m.item[1].r, F_TITLE, title));
	settled();
}

/* It has two equal ones, of which one was edited elsewhere since. */
static void
twins_of_which_one_was_edited(void **state)
{
	struct dev *one = device(ALL_FIELDS);
	struct dev *two = device(ALL_FIELDS);

	(void)state;
	(void)contact(one, 1 << F_TITLE | 1 << F_NOTE);
	sync_all(one);
	dev_copy(&sim, one);
	sync_all(one);
	sync_cut(two, 3, false);
	assert_int_equal(dev_live(two), 2);
	dev_set(&sim, one, &one->m.item[1], F_TITLE);
	sync_all(one);
	sync_all(two); /* a slow sync, under LUIDs that nobody knows */
	assert_int_equal(two->alert, 201);
	assert_int_equal(dev_live(two), 2);
	sync_all(one);
	assert_int_equal(dev_live(one), 2);
	settled();
}

/* Twice restored: each time another item gets the same LUID. That does not say
   that they are one. */
static void
restored_twice(void **state)
{
	struct dev *one = device(ALL_FIELDS);
	struct dev *two = device(ALL_FIELDS);

	(void)state;
	sync_all(two);
	sync_all(two);
	dev_save(&sim, two);
	dev_add(&sim, two);
	sync_all(two);
	dev_restore(&sim, two);
	dev_add(&sim, one);
	sync_all(one);
	sync_all(two);
	dev_restore(&sim, two);
	assert_int_equal(dev_live(two), 0);
	sync_all(two);
	assert_int_equal(two->alert, 200);
	sync_all(two);
	assert_int_equal(dev_live(two), 2);
	settled();
}

/* A backup with Maps that were not sent: it repeats them, and has what the Add
   brought, not what was sent since. */
static void
restored_with_maps(void **state)
{
	struct dev *one = device(ALL_FIELDS);
	struct dev *two = device(ALL_FIELDS);

	(void)state;
	sync_all(two);
	sync_all(two);
	(void)contact(one, 1 << F_TITLE);
	sync_all(one);
	sync_cut(two, 3, false);
	assert_int_equal(two->m.map_n, 1);
	dev_save(&sim, two);
	dev_set(&sim, one, &one->m.item[0], F_TITLE);
	sync_all(one);
	sync_all(two);
	assert_int_equal(two->got_replace, 1);
	dev_restore(&sim, two);
	sync_all(two);
	assert_int_equal(two->alert, 200);
	assert_int_equal(two->got_replace, 1);
	settled();
}

/* A session that was suspended took a Delete; the one that went on with it
   ended well. A backup of before has the item again. */
static void
restored_after_it_resumed(void **state)
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
	sync_suspended(two, 200);
	assert_int_equal(dev_live(two), 0);
	sync_as(two, 225, 0, false);
	dev_restore(&sim, two);
	sync_all(two);
	assert_int_equal(two->alert, 200);
	assert_int_equal(dev_live(two), 0);
	settled();
}

/* It told a Delete, and got another's item under that LUID; restored, it tells
   the Delete again, and means what it meant before. */
static void
repeats_a_delete(void **state)
{
	struct dev *one = device(ALL_FIELDS);
	struct dev *two = device(ALL_FIELDS);

	(void)state;
	two->t.settles = two->t.reuses_luid = true;
	(void)contact(one, 1 << F_NOTE);
	sync_all(one);
	sync_all(two);
	sync_all(two);
	dev_remove(&sim, two, &two->m.item[0]);
	dev_save(&sim, two);
	dev_add(&sim, one);
	sync_all(one);
	sync_all(two);
	assert_int_equal(two->m.item[0].luid, 1);
	dev_restore(&sim, two);
	assert_int_equal(dev_live(two), 0);
	sync_all(two);
	assert_int_equal(two->alert, 200);
	assert_int_equal(dev_live(two), 1);
	sync_all(one);
	assert_int_equal(dev_live(one), 1);
	settled();
}

/* ... its own new item. */
static void
repeats_a_delete_of_its_own(void **state)
{
	struct dev *one = device(ALL_FIELDS);
	struct dev *two = device(ALL_FIELDS);

	(void)state;
	two->t.settles = two->t.reuses_luid = true;
	(void)contact(two, 1 << F_NOTE);
	sync_all(two);
	sync_all(two);
	dev_remove(&sim, two, &two->m.item[0]);
	dev_save(&sim, two);
	sync_cut(two, 3, false);
	dev_add(&sim, two);
	assert_int_equal(two->m.item[0].luid, 1);
	sync_all(two);
	dev_restore(&sim, two);
	assert_int_equal(dev_live(two), 0);
	sync_all(two);
	assert_int_equal(two->alert, 200);
	assert_int_equal(dev_live(two), 1);
	sync_all(one);
	assert_int_equal(dev_live(one), 1);
	settled();
}

/* ... but one that came under the LUID after the device had shown that the
   session ended is what it means. */
static void
deletes_under_a_luid_of_old(void **state)
{
	struct dev *one = device(ALL_FIELDS);
	struct dev *two = device(ALL_FIELDS);

	(void)state;
	one->t.settles = one->t.reuses_luid = true;
	(void)contact(one, 1 << F_NOTE);
	sync_all(one);
	dev_remove(&sim, one, &one->m.item[0]);
	sync_all(one);
	dev_add(&sim, one);
	assert_int_equal(one->m.item[0].luid, 1);
	sync_cut(one, 3, false);
	dev_remove(&sim, one, &one->m.item[0]);
	sync_all(one);
	assert_int_equal(dev_live(one), 0);
	sync_all(two);
	assert_int_equal(dev_live(two), 0);
	settled();
}

/* It deleted what another had edited, and got it back as a new item; a backup
   of before has the old one. */
static void
restored_after_it_came_back(void **state)
{
	struct dev *one = device(ALL_FIELDS);
	struct dev *two = device(ALL_FIELDS);

	(void)state;
	(void)contact(one, 1 << F_NOTE);
	sync_all(one);
	sync_all(two);
	sync_all(two);
	dev_save(&sim, two);
	dev_set(&sim, one, &one->m.item[0], F_NOTE);
	sync_all(one);
	dev_remove(&sim, two, &two->m.item[0]);
	sync_all(two);
	assert_int_equal(dev_live(two), 1);
	dev_restore(&sim, two);
	sync_all(two);
	assert_int_equal(two->alert, 200);
	sync_all(two);
	assert_int_equal(dev_live(two), 1);
	settled();
}

/* ... where the edit came between the Delete and the end of its package. */
static void
restored_after_it_came_back_late(void **state)
{
	struct dev *one = device(ALL_FIELDS);
	struct dev *two = device(ALL_FIELDS);

	(void)state;
	(void)contact(one, 1 << F_TITLE);
	dev_add(&sim, one);
	sync_all(one);
	sync_all(two);
	sync_all(one);
	dev_save(&sim, one);
	one->t.per_msg = 1;
	dev_remove(&sim, one, &one->m.item[0]);
	dev_set(&sim, one, &one->m.item[1], F_TITLE);
	talk_begin(&sim, one, 200);
	while (one->msgid < 3)
		(void)chaos_exchange(&sim, one);
	dev_set(&sim, two, &two->m.item[0], F_TITLE);
	sync_all(two);
	while (one->phase != TALK_IDLE && !sim.failed)
		(void)chaos_exchange(&sim, one);
	good();
	assert_int_equal(dev_live(one), 2);
	dev_restore(&sim, one);
	sync_all(one);
	assert_int_equal(one->alert, 200);
	sync_all(one);
	assert_int_equal(dev_live(one), 2);
	settled();
}

/* Its edit was merged with what it cannot hold, and stands elsewhere in the
   card: that is nothing to be sent back. */
static void
only_the_order_differs(void **state)
{
	struct dev *full = device(ALL_FIELDS);
	struct dev *small = device(CONTACT | 1 << F_NOTE);

	(void)state;
	(void)contact(full, 1 << F_URL);
	dev_unset(&sim, full, &full->m.item[0], F_NOTE);
	sync_all(full);
	sync_all(small);
	assert_int_equal(small->m.item[0].r.n[F_NOTE], 0);
	dev_set(&sim, small, &small->m.item[0], F_NOTE);
	sync_all(small);
	assert_int_equal(small->got_replace, 0);
	dev_remove(&sim, small, &small->m.item[0]);
	sync_all(small);
	assert_int_equal(dev_live(small), 0);
	settled();
}

/* It says nothing of what it is sent, took a Delete, and then the item came
   back: a Replace of it may be one of nothing. */
static void
back_where_nothing_is_said(bool suspended)
{
	struct dev *one = device(ALL_FIELDS);
	struct dev *two = device(ALL_FIELDS);
	struct dev *mute = device(ALL_FIELDS);

	mute->t.no_status = true;
	(void)contact(one, 1 << F_TITLE);
	sync_all(one);
	sync_all(two);
	sync_all(mute);
	sync_all(mute);
	dev_remove(&sim, one, &one->m.item[0]);
	sync_all(one);
	if (suspended)
		sync_suspended(mute, 200);
	else
		sync_cut(mute, 3, false);
	assert_int_equal(dev_live(mute), 0);
	dev_set(&sim, two, &two->m.item[0], F_TITLE);
	sync_all(two);
	sync_as(mute, suspended ? 225 : 200, 0, false);
	sync_all(mute);
	sync_all(mute);
	assert_int_equal(dev_live(mute), 1);
	settled();
}

static void
back_while_it_says_nothing(void **state)
{
	(void)state;
	back_where_nothing_is_said(false);
}

static void
back_while_it_was_suspended(void **state)
{
	(void)state;
	back_where_nothing_is_said(true);
}

/* Half of a large item had come when its user edited it: the other half does
   not follow. */
static void
edited_while_it_came(void **state)
{
	struct dev *one = device(ALL_FIELDS);
	struct dev *two = device(ALL_FIELDS);
	struct item *it;

	(void)state;
	two->t.max_msg = 3000;
	it = contact(one, 1 << F_NOTE);
	sync_all(one);
	sync_all(two);
	dev_set(&sim, one, it, F_NOTE);
	sim.model[0].deed[it->r.v[F_NOTE][0] & 0xffff].size = 5000;
	sync_all(one);
	sync_suspended(two, 200);
	assert_true(two->parted);
	dev_set(&sim, two, &two->m.item[0], F_NOTE);
	sim.model[0].deed[two->m.item[0].r.v[F_NOTE][0] & 0xffff].size = 0;
	sync_as(two, 225, 0, false);
	settled();
}

/* ---- what nobody could know ---------------------------------------------- */

/* A sync one way from the device does not look into what is in doubt: a field
   that is gone is no deletion yet. */
static void
cleared_after_a_sync_one_way(void **state)
{
	struct dev *one = device(ALL_FIELDS);
	struct item *it;

	(void)state;
	it = contact(one, 1 << F_TITLE | 1 << F_NOTE);
	sync_all(one);
	dev_set(&sim, one, it, F_TITLE);
	sync_cut(one, 2, true);
	sync_as(one, 202, 0, false);
	dev_unset(&sim, one, it, F_NOTE);
	sync_all(one);
	assert_int_equal(it->r.n[F_NOTE], 1);
	settled();
}

/* ... and tells it nothing: what another edited since stays. */
static void
deletes_after_a_sync_one_way(void **state)
{
	struct dev *full = device(ALL_FIELDS);
	struct dev *small = device(CONTACT | 1 << F_NOTE);

	(void)state;
	(void)contact(full, 1 << F_TITLE);
	sync_all(full);
	sync_all(small);
	dev_set(&sim, full, &full->m.item[0], F_TITLE);
	sync_all(full);
	sync_as(small, 202, 0, false);
	dev_remove(&sim, small, &small->m.item[0]);
	sync_all(small);
	assert_int_equal(dev_live(small), 1);
	settled();
}

/* A value was replaced, and the new one cleared; a device that knows the old
   one only brings it along in a slow sync. */
static void
cleared_and_back_by_a_slow_sync(void **state)
{
	struct dev *one = device(ALL_FIELDS);
	struct dev *two = device(ALL_FIELDS);

	(void)state;
	(void)contact(one, 1 << F_NOTE);
	sync_all(one);
	sync_all(two);
	dev_set(&sim, one, &one->m.item[0], F_NOTE);
	sync_all(one);
	dev_unset(&sim, one, &one->m.item[0], F_NOTE);
	sync_all(one);
	dev_set(&sim, two, &two->m.item[0], F_TITLE);
	sync_as(two, 201, 0, false);
	settled();
	assert_int_equal(two->m.item[0].r.n[F_NOTE], 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(lost_in_a_slow_sync_that_broke),
		T(told_in_two_slow_syncs_that_broke),
		T(told_under_a_luid_of_old),
		T(noted_before_a_refresh),
		T(noted_before_a_slow_sync),
		T(noted_and_there_again),
		T(twin_before_its_like),
		T(twins_of_which_one_was_edited),
		T(restored_twice),
		T(restored_with_maps),
		T(restored_after_it_resumed),
		T(repeats_a_delete),
		T(repeats_a_delete_of_its_own),
		T(deletes_under_a_luid_of_old),
		T(restored_after_it_came_back),
		T(restored_after_it_came_back_late),
		T(only_the_order_differs),
		T(back_while_it_says_nothing),
		T(back_while_it_was_suspended),
		T(edited_while_it_came),
		T(cleared_after_a_sync_one_way),
		T(deletes_after_a_sync_one_way),
		T(cleared_and_back_by_a_slow_sync),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
