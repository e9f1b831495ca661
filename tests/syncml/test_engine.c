/*
 * The engine, session by session: what model phones and the server hold after
 * ordinary syncs, conflicts, lost replies and broken sessions.
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

/* A further sync must move nothing: both sides agree. */
static void
settled(struct phone *p)
{
	assert_true(phone_sync(p, 200));
	assert_int_equal(p->alert, 200);
	assert_int_equal(p->alert_status, 200);
	assert_int_equal(p->sent_n, 0);
	assert_int_equal(p->got_add + p->got_replace + p->got_delete, 0);
}

static void
first_sync_and_second_device(void **state)
{
	(void)state;
	fill(&one, 10);
	assert_true(phone_sync(&one, 200));
	assert_int_equal(one.alert_status, 508);
	assert_int_equal(one.alert, 201);
	assert_int_equal(one.bad_status, 0);
	settled(&one);
	assert_true(phone_sync(&two, 201));
	assert_int_equal(two.got_add, 10);
	assert_int_equal(phone_live(&two), 10);
	settled(&two);
	settled(&one);
}

static void
edits_and_deletes_both_ways(void **state)
{
	struct phone_item *it;

	(void)state;
	fill(&one, 12);
	assert_true(phone_sync(&one, 201));
	assert_true(phone_sync(&two, 201));
	phone_edit(phone_find(&one, "Name3"),
		   card(&bench, "Name3", "+49777", NULL), &one);
	phone_delete(phone_find(&one, "Name4"));
	(void)phone_add(&one, card(&bench, "New", "+49888", NULL));
	assert_true(phone_sync(&one, 200));
	assert_int_equal(one.sent_n, 3);
	assert_int_equal(one.bad_status, 0);
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.got_add, 1);
	assert_int_equal(two.got_replace, 1);
	assert_int_equal(two.got_delete, 1);
	it = phone_find(&two, "Name3");
	assert_non_null(it);
	assert_true(slice_find_str(it->body, "+49777") != SIZE_MAX);
	assert_null(phone_find(&two, "Name4"));
	settled(&two);
	settled(&one);
}

static void
concurrent_edits_merge(void **state)
{
	struct phone_item *it;

	(void)state;
	fill(&one, 3);
	assert_true(phone_sync(&one, 201));
	assert_true(phone_sync(&two, 201));
	phone_edit(phone_find(&one, "Name1"),
		   card(&bench, "Name1", "+491001", "NOTE:from one\r\n"), &one);
	phone_edit(phone_find(&two, "Name1"),
		   card(&bench, "Name1", "+491001", "TITLE:Chief\r\n"), &two);
	assert_true(phone_sync(&one, 200));
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.got_replace, 1);
	assert_true(phone_sync(&one, 200));
	it = phone_find(&one, "Name1");
	assert_true(slice_find_str(it->body, "from one") != SIZE_MAX);
	assert_true(slice_find_str(it->body, "Chief") != SIZE_MAX);
	it = phone_find(&two, "Name1");
	assert_true(slice_find_str(it->body, "from one") != SIZE_MAX);
	assert_true(slice_find_str(it->body, "Chief") != SIZE_MAX);
	assert_int_equal(phone_live(&one), 3);
	settled(&one);
	settled(&two);
}

static void
slow_sync_again_doubles_nothing(void **state)
{
	(void)state;
	fill(&one, 20);
	/* Two equal items made on purpose stay two. */
	(void)phone_add(&one, card(&bench, "Twin", "+491", NULL));
	(void)phone_add(&one, card(&bench, "Twin", "+491", NULL));
	assert_true(phone_sync(&one, 201));
	assert_true(phone_sync(&one, 201));
	assert_int_equal(one.got_add + one.got_replace, 0);
	settled(&one);
	assert_true(phone_sync(&two, 201));
	assert_int_equal(phone_live(&two), 22);
	assert_true(phone_sync(&two, 201));
	assert_int_equal(two.got_add + two.got_replace, 0);
	settled(&two);
	settled(&one);
}

static void
brake_on_mass_deletion(void **state)
{
	(void)state;
	fill(&one, 40);
	assert_true(phone_sync(&one, 201));
	assert_true(phone_sync(&two, 201));
	for (size_t i = 0; i < one.n; i++)
		phone_delete(&one.item[i]);
	assert_true(phone_sync(&one, 200));
	assert_int_equal(one.sent_n, 40);
	assert_int_equal(one.bad_status, 0);
	settled(&two); /* nothing is deleted for the others */
	assert_int_equal(phone_live(&two), 40);
	settled(&one); /* and nothing comes back */
	/* A few are deleted for good. */
	phone_delete(phone_find(&two, "Name7"));
	assert_true(phone_sync(&two, 200));
	assert_true(phone_sync(&one, 200));
	assert_int_equal(one.got_delete + one.got_add, 0);
}

static void
no_brake_where_it_is_off(void **state)
{
	struct store_collection *col;
	struct store_tx *tx;
	struct err e = { 0 };
	size_t n;

	(void)state;
	fill(&one, 40);
	assert_true(phone_sync(&one, 201));
	assert_true(phone_sync(&two, 201));
	assert_int_equal(bench.store->v->begin(bench.store, bench.account,
					       STORE_WRITE, bench.now, &tx, &e),
			 0);
	assert_int_equal(tx->v->collection_list(tx, bench.a, &col, &n, &e), 0);
	for (size_t i = 0; i < n; i++) {
		col[i].no_brake = slice_is(col[i].name, "contacts");
		assert_int_equal(tx->v->collection_put(tx, &col[i], &e), 0);
	}
	assert_int_equal(tx->v->commit(&tx, &e), 0);
	for (size_t i = 0; i < one.n; i++)
		phone_delete(&one.item[i]);
	assert_true(phone_sync(&one, 200));
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.got_delete, 40);
	settled(&one);
}

static void
the_same_message_again(void **state)
{
	struct sml_reply again;

	(void)state;
	fill(&one, 5);
	assert_true(phone_sync(&one, 201));
	bench_post(&bench, one.sent_bytes, slice_c(one.token), &again);
	assert_int_equal(again.http, 200);
	assert_true(again.duplicate);
	assert_true(slice_eq(again.body, one.reply_bytes));
	settled(&one);
}

/* Break off at each message in turn; then ordinary syncs must repair. */
static void
lost_reply_at(int msg)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "Extra%d", msg);
	(void)phone_add(&one, card(&bench, name, "+495", NULL));
	(void)snprintf(name, sizeof(name), "Name%d;", msg);
	phone_edit(phone_find(&one, name),
		   card(&bench, arena_printf(bench.a, "Name%d", msg).p,
			arena_printf(bench.a, "+4955%d", msg).p, NULL),
		   &one);
	(void)phone_add(&two,
			card(&bench, arena_printf(bench.a, "Other%d", msg).p,
			     "+496", NULL));
	assert_true(phone_sync(&two, 200));
	one.lose_reply_of = msg;
	assert_false(phone_sync(&one, 200));
	one.lose_reply_of = 0;
	assert_true(phone_sync(&one, 200));
	assert_int_equal(one.alert, 200); /* no slow sync */
	assert_true(phone_sync(&one, 200));
	assert_true(phone_sync(&two, 200));
	settled(&one);
	settled(&two);
	assert_int_equal(phone_live(&one), phone_live(&two));
}

static void
broken_sessions_cost_nothing(void **state)
{
	(void)state;
	one.per_msg = 1;
	fill(&one, 8);
	assert_true(phone_sync(&one, 201));
	assert_true(phone_sync(&two, 201));
	for (int msg = 1; msg <= 4; msg++) {
		lost_reply_at(msg);
		assert_int_equal(phone_live(&one), 8 + 2 * msg);
	}
}

/* Its anchors count seconds: of two syncs within one it breaks the second. */
static void
broken_within_the_same_second(void **state)
{
	(void)state;
	one.per_msg = 1;
	fill(&one, 8);
	assert_true(phone_sync(&one, 201));
	assert_true(phone_sync(&two, 201));
	for (int msg = 1; msg <= 4; msg++) {
		assert_true(phone_sync(&one, 200));
		one.same_second = true;
		lost_reply_at(msg);
		one.same_second = false;
		assert_int_equal(phone_live(&one), 8 + 2 * msg);
	}
}

static void
small_messages_and_large_objects(void **state)
{
	struct buf big = BUF_IN(bench.a);
	struct phone_item *it;

	(void)state;
	fill(&one, 60);
	buf_str(&big, "NOTE:");
	for (int i = 0; i < 30000; i++)
		buf_byte(&big, (unsigned char)('a' + i % 26));
	buf_str(&big, "<&>\r\n");
	(void)phone_add(&one, card(&bench, "Large", "+491",
				   arena_cstr(bench.a, buf_slice(&big))));
	assert_true(phone_sync(&one, 201));
	two.max_msg = 2700;
	assert_true(phone_sync(&two, 201));
	assert_int_equal(phone_live(&two), 61);
	it = phone_find(&two, "Large");
	assert_true(it->body.n > 30000);
	assert_true(slice_find_str(it->body, "xyzabc") != SIZE_MAX);
	settled(&two);
	assert_true(phone_sync(&two, 205));
	assert_int_equal(phone_live(&two), 61);
	settled(&two);
}

static void
refresh_and_one_way(void **state)
{
	(void)state;
	fill(&one, 15);
	assert_true(phone_sync(&one, 201));
	assert_true(phone_sync(&two, 201));
	/* One-way from client: the server's change waits. */
	phone_edit(phone_find(&one, "Name1;"),
		   card(&bench, "Name1", "+4911", NULL), &one);
	assert_true(phone_sync(&one, 200));
	(void)phone_add(&two, card(&bench, "Mine", "+4912", NULL));
	assert_true(phone_sync(&two, 202));
	assert_int_equal(two.got_replace, 0);
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.got_replace, 1);
	/* Refresh from client: what it has not is deleted, others learn. */
	phone_find(&two, "Name2;")->live = false;
	assert_true(phone_sync(&two, 203));
	assert_true(phone_sync(&one, 200));
	assert_int_equal(one.got_add, 1);
	assert_int_equal(one.got_delete, 1);
	assert_int_equal(phone_live(&one), 15);
	/* One-way from server: the client's own change stays its own. */
	phone_edit(phone_find(&one, "Name5;"),
		   card(&bench, "Name5", "+4915", NULL), &one);
	(void)phone_add(&two, card(&bench, "Later", "+4916", NULL));
	assert_true(phone_sync(&two, 200));
	assert_true(phone_sync(&one, 204));
	assert_int_equal(one.got_add, 1);
	settled(&two);
}

static void
maps_that_never_come(void **state)
{
	(void)state;
	fill(&one, 6);
	assert_true(phone_sync(&one, 201));
	two.no_map = true;
	assert_true(phone_sync(&two, 201));
	settled(&two);
	/* Its own bookkeeping got lost: it sends them as its own. */
	for (size_t i = 0; i < two.n; i++)
		two.item[i].change = 'A';
	two.no_map = false;
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.bad_status, 0);
	settled(&two);
	settled(&one);
	assert_int_equal(phone_live(&one), 6);
	assert_int_equal(phone_live(&two), 6);
}

static void
no_status_and_no_respuri(void **state)
{
	(void)state;
	fill(&one, 6);
	assert_true(phone_sync(&one, 201));
	two.no_status = true;
	two.no_respuri = true;
	assert_true(phone_sync(&two, 201));
	settled(&two);
	settled(&two);
	assert_int_equal(phone_live(&two), 6);
}

static void
reused_luids_after_a_reset(void **state)
{
	(void)state;
	fill(&one, 5);
	assert_true(phone_sync(&one, 201));
	/* Hard reset: empty, LUIDs start again, other items under them. */
	one.n = 0;
	one.next_luid = 1;
	one.last[0] = '\0';
	(void)phone_add(&one, card(&bench, "Fresh", "+4900", NULL));
	assert_true(phone_sync(&one, 200));
	assert_int_equal(one.alert, 201);
	assert_int_equal(phone_live(&one), 6);
	settled(&one);
	assert_true(phone_sync(&two, 201));
	assert_int_equal(phone_live(&two), 6);
}

static void
old_versions(void **state)
{
	(void)state;
	one.version = 10;
	two.version = 11;
	fill(&one, 7);
	assert_true(phone_sync(&one, 201));
	settled(&one);
	assert_true(phone_sync(&two, 201));
	assert_int_equal(phone_live(&two), 7);
	settled(&two);
}

static void
edit_against_delete(void **state)
{
	(void)state;
	fill(&one, 5);
	assert_true(phone_sync(&one, 201));
	assert_true(phone_sync(&two, 201));
	phone_delete(phone_find(&one, "Name2;"));
	assert_true(phone_sync(&one, 200));
	phone_edit(phone_find(&two, "Name2;"),
		   card(&bench, "Name2", "+49222", NULL), &two);
	assert_true(phone_sync(&two, 200));
	assert_true(phone_sync(&one, 200));
	assert_non_null(phone_find(&one, "Name2;"));
	/* The other way round. */
	phone_edit(phone_find(&one, "Name3;"),
		   card(&bench, "Name3", "+49333", NULL), &one);
	assert_true(phone_sync(&one, 200));
	phone_delete(phone_find(&two, "Name3;"));
	assert_true(phone_sync(&two, 200));
	assert_non_null(phone_find(&two, "+49333"));
	settled(&one);
	settled(&two);
	assert_int_equal(phone_live(&one), 5);
	assert_int_equal(phone_live(&two), 5);
}

static const char *
event(int i)
{
	return arena_printf(
		   bench.a,
		   "BEGIN:VCALENDAR\r\nVERSION:1.0\r\nBEGIN:VEVENT"
		   "\r\nSUMMARY:Meeting%d\r\nDTSTART:202602%02dT090000Z"
		   "\r\nDTEND:202602%02dT100000Z\r\nEND:VEVENT\r\n"
		   "END:VCALENDAR\r\n",
		   i, i, i)
	    .p;
}

static const char *
todo(int i)
{
	return arena_printf(bench.a,
			    "BEGIN:VCALENDAR\r\nVERSION:1.0\r\nBEGIN:VTODO\r\n"
			    "SUMMARY:Task%d\r\nDUE:202603%02dT120000Z\r\n"
			    "END:VTODO\r\nEND:VCALENDAR\r\n",
			    i, i)
	    .p;
}

static void
events_and_tasks_in_one(void **state)
{
	struct phone three;

	(void)state;
	phone_init(&three, &bench, "IMEI:3");
	one.type = two.type = three.type = "text/x-vcalendar";
	one.db = "calendar";
	two.db = "tasks";
	three.db = "caltask";
	(void)phone_add(&one, event(1));
	(void)phone_add(&two, todo(1));
	assert_true(phone_sync(&one, 201));
	assert_true(phone_sync(&two, 201));
	assert_true(phone_sync(&three, 201));
	assert_int_equal(three.got_add, 2);
	/* This phone keeps its tasks in the calendar: from now on it gets the
	   account's tasks there. */
	(void)phone_add(&one, todo(2));
	assert_true(phone_sync(&one, 200));
	assert_int_equal(one.bad_status, 0);
	assert_non_null(phone_find(&one, "Task1"));
	settled(&one);
	assert_true(phone_sync(&two, 200));
	assert_non_null(phone_find(&two, "Task2"));
	assert_null(phone_find(&two, "Meeting1"));
	assert_true(phone_sync(&three, 200));
	assert_int_equal(phone_live(&three), 3);
	settled(&two);
	settled(&three);
}

static void
quota_and_unreadable_items(void **state)
{
	struct store_tx *tx;
	struct store_account acc;
	struct err e;

	(void)state;
	assert_int_equal(bench.store->v->begin(bench.store, bench.account,
					       STORE_WRITE, bench.now, &tx, &e),
			 0);
	assert_int_equal(tx->v->account_get(tx, bench.a, &acc, &e), 0);
	acc.quota_items = 4;
	assert_int_equal(tx->v->account_set(tx, &acc, &e), 0);
	assert_int_equal(tx->v->commit(&tx, &e), 0);
	fill(&one, 3);
	(void)phone_add(&one, "this is no vCard");
	assert_true(phone_sync(&one, 201));
	assert_int_equal(one.bad_status, 415);
	fill(&one, 6);
	assert_true(phone_sync(&one, 200));
	assert_int_equal(one.bad_status, 420);
	assert_true(phone_sync(&two, 201));
	assert_int_equal(phone_live(&two), 4);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(first_sync_and_second_device),
		T(edits_and_deletes_both_ways),
		T(concurrent_edits_merge),
		T(slow_sync_again_doubles_nothing),
		T(brake_on_mass_deletion),
		T(no_brake_where_it_is_off),
		T(the_same_message_again),
		T(broken_sessions_cost_nothing),
		T(broken_within_the_same_second),
		T(small_messages_and_large_objects),
		T(refresh_and_one_way),
		T(maps_that_never_come),
		T(no_status_and_no_respuri),
		T(reused_luids_after_a_reset),
		T(old_versions),
		T(edit_against_delete),
		T(events_and_tasks_in_one),
		T(quota_and_unreadable_items),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
