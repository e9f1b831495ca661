/*
 * What a session leaves for the reports: what was asked of each database, what
 * was done and why, how much, and each match, conflict and held delete.
 */
#include "tests/syncml/phone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct phone one, two;
static struct bench bench;

static int
set_up(void **state)
{
	(void)state;
	bench_open(&bench);
	phone_init(&one, &bench, "IMEI:1");
	phone_init(&two, &bench, "IMEI:2");
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	bench_close(&bench);
	return 0;
}

static void
fill(struct phone *p, int n)
{
	char name[32];
	char tel[32];

	for (int i = 0; i < n; i++) {
		(void)snprintf(name, sizeof(name), "Name%d", i);
		(void)snprintf(tel, sizeof(tel), "+49%d", 1000 + i);
		(void)phone_add(p, card(&bench, name, tel, NULL));
	}
}

/* Of the newest session. */
static struct store_report
report(void)
{
	struct store_report r = { 0 };
	struct store_session *s;
	struct store_tx *tx = NULL;
	struct err e = { 0 };

	assert_int_equal(bench.store->v->begin(bench.store, bench.account,
					       STORE_READ, 0, &tx, &e),
			 0);
	s = bench_session(&bench, tx);
	assert_int_equal(tx->v->report_get(tx, bench.a, s->id, &r, &e), 0);
	tx->v->rollback(&tx);
	return r;
}

/* Its only database. */
static struct store_session_store
db(void)
{
	struct store_report r = report();

	assert_int_equal(r.store_n, 1);
	return r.store[0];
}

static size_t
events(const struct store_report *r, enum store_event_kind kind,
       enum store_event_how how)
{
	size_t n = 0;

	for (size_t i = 0; i < r->event_n; i++)
		n += r->event[i].kind == kind && r->event[i].how == how;
	return n;
}

static void
assert_tally(struct store_tally t, int added, int replaced, int deleted)
{
	assert_int_equal(t.added, added);
	assert_int_equal(t.replaced, replaced);
	assert_int_equal(t.deleted, deleted);
	assert_int_equal(t.failed, 0);
}

static void
assert_why(struct store_session_store d, const char *why)
{
	assert_int_equal(d.forced, why[0] != 0);
	if (!slice_is(d.why, why))
		fail_msg("%.*s", SLICE_ARG(d.why));
}

static void
counts_each_way(void **state)
{
	struct store_session_store d;

	(void)state;
	fill(&one, 12);
	assert_true(phone_sync(&one, 200));
	d = db();
	assert_int_equal(d.asked, 200);
	assert_int_equal(d.done, 201);
	assert_true(d.first && d.complete);
	assert_false(d.resumed || d.refused);
	assert_why(d, "first sync");
	assert_tally(d.in, 12, 0, 0);
	assert_tally(d.out, 0, 0, 0);
	assert_true(phone_sync(&two, 201));
	d = db();
	assert_why(d, ""); /* it asked for it */
	assert_true(d.first);
	assert_tally(d.out, 12, 0, 0);
	phone_edit(phone_find(&one, "Name3"), card(&bench, "Name3", "+1", NULL),
		   &one);
	phone_delete(phone_find(&one, "Name4"));
	(void)phone_add(&one, card(&bench, "New", "+2", NULL));
	one.per_msg = 1; /* over several messages */
	assert_true(phone_sync(&one, 200));
	d = db();
	assert_false(d.first);
	assert_int_equal(d.done, 200);
	assert_tally(d.in, 1, 1, 1);
	assert_true(phone_sync(&two, 200));
	assert_tally(db().out, 1, 1, 1);
	assert_int_equal(report().event_n, 0);
}

static void
says_why_it_forced(void **state)
{
	(void)state;
	fill(&one, 2);
	assert_true(phone_sync(&one, 200));
	(void)snprintf(one.last, sizeof(one.last), "never heard of");
	assert_true(phone_sync(&one, 200));
	assert_why(db(), "anchors do not fit");
	assert_false(db().first);
	one.last[0] = 0;
	assert_true(phone_sync(&one, 200));
	assert_why(db(), "the device has no anchor");
	/* It was told to empty its database, and broke off. */
	one.lose_reply_of = 1;
	assert_false(phone_sync(&one, 205));
	assert_false(db().complete);
	one.lose_reply_of = 0;
	assert_true(phone_sync(&one, 200));
	assert_why(db(), "a refresh from the server did not end");
}

static void
matches(void **state)
{
	struct store_report r;

	(void)state;
	fill(&one, 5);
	assert_true(phone_sync(&one, 201));
	assert_true(phone_sync(&one, 201)); /* each under its LUID */
	r = report();
	assert_int_equal(r.store[0].matched, 5);
	assert_int_equal(events(&r, STORE_EVENT_MATCH, STORE_HOW_LUID), 5);
	assert_int_equal(r.event_n, 5);
	/* Another device has them too, one with more in it. */
	fill(&two, 4);
	(void)phone_add(&two,
			card(&bench, "Name4", "+491004", "NOTE:and more\r\n"));
	assert_true(phone_sync(&two, 201));
	r = report();
	assert_int_equal(r.store[0].matched, 5);
	assert_int_equal(events(&r, STORE_EVENT_MATCH, STORE_HOW_CONTENT), 4);
	assert_int_equal(events(&r, STORE_EVENT_MATCH, STORE_HOW_IDENTITY), 1);
	assert_int_equal(r.event[0].link, r.store[0].link);
	assert_true(r.event[0].item > 0 && r.event[0].revision == 1);
}

static void
conflicts(void **state)
{
	struct store_report r;

	(void)state;
	fill(&one, 3);
	assert_true(phone_sync(&one, 201));
	assert_true(phone_sync(&two, 201));
	phone_edit(phone_find(&one, "Name1"),
		   card(&bench, "Name1", "+491001", "NOTE:one\r\n"), &one);
	phone_edit(phone_find(&two, "Name1"),
		   card(&bench, "Name1", "+491001", "NOTE:two\r\n"), &two);
	phone_edit(phone_find(&one, "Name2"), card(&bench, "Name2", "+7", NULL),
		   &one);
	phone_delete(phone_find(&two, "Name2"));
	assert_true(phone_sync(&one, 200));
	assert_int_equal(report().event_n, 0);
	assert_true(phone_sync(&two, 200));
	r = report();
	assert_int_equal(r.store[0].conflicts, 2);
	assert_int_equal(events(&r, STORE_EVENT_CONFLICT, STORE_HOW_DEVICE), 1);
	assert_int_equal(events(&r, STORE_EVENT_CONFLICT, STORE_HOW_EDIT), 1);
	assert_int_equal(r.event_n, 2);
	assert_int_equal(r.event[0].revision, 2);
}

static void
held_deletes(void **state)
{
	struct store_report r;

	(void)state;
	fill(&one, 30);
	assert_true(phone_sync(&one, 201));
	for (size_t i = 0; i < 20; i++)
		phone_delete(&one.item[i]);
	assert_true(phone_sync(&one, 200));
	r = report();
	assert_int_equal(r.store[0].held_back, 20);
	assert_int_equal(events(&r, STORE_EVENT_HOLD, STORE_HOW_NONE), 20);
	/* And in a refresh, by what did not come. */
	fill(&two, 30);
	assert_true(phone_sync(&two, 203));
	for (size_t i = 0; i < 20; i++)
		two.item[i].live = false;
	assert_true(phone_sync(&two, 203));
	r = report();
	assert_int_equal(r.store[0].held_back, 20);
	assert_int_equal(events(&r, STORE_EVENT_HOLD, STORE_HOW_NONE), 20);
	/* What the brake lets go is no hold. */
	for (size_t i = 20; i < 22; i++)
		two.item[i].live = false;
	for (size_t i = 0; i < 20; i++)
		two.item[i].live = true;
	assert_true(phone_sync(&two, 203));
	r = report();
	assert_int_equal(r.store[0].in.deleted, 2);
	assert_int_equal(events(&r, STORE_EVENT_HOLD, STORE_HOW_NONE), 0);
}

/* What was undone with its Atomic is not told. */
static void
broken_and_resumed(void **state)
{
	struct store_session_store d;

	(void)state;
	fill(&one, 6);
	assert_true(phone_sync(&one, 201));
	for (int i = 0; i < 6; i++)
		phone_edit(&one.item[i], card(&bench, "Changed", "+3", NULL),
			   &one);
	one.per_msg = 2;
	one.lose_reply_of = 3;
	assert_false(phone_sync(&one, 200));
	d = db();
	assert_false(d.complete || d.resumed);
	assert_int_equal(d.in.replaced, 4);
	one.lose_reply_of = 0;
	assert_true(phone_sync(&one, 225));
	d = db();
	assert_true(d.resumed && d.complete);
	assert_int_equal(d.asked, 225);
	assert_int_equal(d.in.replaced, 2);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(counts_each_way), T(says_why_it_forced),
		T(matches),         T(conflicts),
		T(held_deletes),    T(broken_and_resumed),
	};

	return cmocka_run_group_tests_name("syncml: reports", tests, NULL,
					   NULL);
}
