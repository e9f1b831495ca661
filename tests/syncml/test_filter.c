/*
 * Filters of devices and windows of administrators: what is sent, what leaves
 * the device, and that nothing of it ever leaves the server.
 */
#include "tests/syncml/phone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define DAY_MS INT64_C(86400000)

static struct phone one, two;
static struct bench bench;

static int
set_up(void **state)
{
	(void)state;
	bench_open(&bench);
	phone_init(&one, &bench, "IMEI:1");
	phone_init(&two, &bench, "IMEI:2");
	one.db = two.db = "calendar";
	one.type = two.type = "text/calendar";
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	bench_close(&bench);
	return 0;
}

/* An event of an hour at 10 o'clock, so many days from 2026-01-01. */
static const char *
event(const char *name, int day, const char *more)
{
	char iso[17];
	int64_t at = INT64_C(1767225600000) + day * DAY_MS + 36000000;

	clk_iso_basic(at, iso);
	return arena_printf(bench.a,
			    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\n"
			    "UID:%s@example.com\r\nSUMMARY:%s\r\nDTSTART:%s\r\n"
			    "DURATION:PT1H\r\n%sEND:VEVENT\r\nEND:VCALENDAR"
			    "\r\n",
			    name, name, iso, more == NULL ? "" : more)
	    .p;
}

static const char *
record(const char *terms, const char *how)
{
	return arena_printf(
		   bench.a,
		   "<Filter><Meta><Type xmlns='syncml:metinf'>text/calendar"
		   "</Type></Meta><Record><Item><Meta><Type xmlns="
		   "'syncml:metinf'>syncml:filtertype-cgi</Type></Meta><Data>"
		   "<![CDATA[%s]]></Data></Item></Record>%s</Filter>",
		   terms, how)
	    .p;
}

#define INCLUSIVE "<FilterType>INCLUSIVE</FilterType>"
#define SINCE_JAN "SINCE&EQ;20260101T000000Z"

/* On the server: an old event, one of now, one far ahead, and an endless
   series that began long ago. */
static void
fill(void)
{
	(void)phone_add(&one, event("old", -200, NULL));
	(void)phone_add(&one, event("now", 3, NULL));
	(void)phone_add(&one, event("far", 900, NULL));
	(void)phone_add(&one, event("series", -400, "RRULE:FREQ=WEEKLY\r\n"));
	assert_true(phone_sync(&one, 200));
	assert_int_equal(phone_live(&one), 4);
}

static int64_t
on_server(const char *name)
{
	struct store_tx *tx;
	struct store_collection *col;
	struct store_item *it;
	struct err e;
	size_t col_n;
	size_t n;
	int64_t found = 0;

	assert_int_equal(bench.store->v->begin(bench.store, bench.account,
					       STORE_READ, bench.now, &tx, &e),
			 0);
	assert_int_equal(tx->v->collection_list(tx, bench.a, &col, &col_n, &e),
			 0);
	for (size_t i = 0; i < col_n; i++) {
		assert_int_equal(tx->v->item_page(tx, bench.a, col[i].id, 0,
						  1000, false, true, &it, &n,
						  &e),
				 0);
		for (size_t k = 0; k < n; k++)
			found += name == NULL ||
				 slice_find_str(it[k].body, name) != SIZE_MAX;
	}
	tx->v->rollback(&tx);
	return found;
}

/* All four are still there, and the other phone keeps all of them. */
static void
nothing_lost(void)
{
	assert_int_equal(on_server(NULL), 4);
	assert_true(phone_sync(&one, 200));
	assert_int_equal(one.got_delete, 0);
	assert_int_equal(phone_live(&one), 4);
}

static void
quiet(struct phone *p)
{
	assert_true(phone_sync(p, 200));
	assert_int_equal(p->alert, 200);
	assert_int_equal(p->got_add + p->got_replace + p->got_delete, 0);
	assert_int_equal(p->announced, 0);
}

/* The administrator's window of the second phone's calendar. */
static void
set_window(const char *dev, int64_t past, int64_t future)
{
	struct store_tx *tx;
	struct store_device *d;
	struct store_link *l;
	struct err e;
	size_t n;

	assert_int_equal(bench.store->v->begin(bench.store, bench.account,
					       STORE_WRITE, bench.now, &tx, &e),
			 0);
	assert_int_equal(tx->v->device_get(tx, bench.a, slice_c(dev), &d, &e),
			 0);
	assert_int_equal(tx->v->link_list(tx, bench.a, d->id, &l, &n, &e), 0);
	assert_int_equal(n, 1);
	l[0].past_days = past;
	l[0].future_days = future;
	assert_int_equal(tx->v->link_put(tx, &l[0], &e), 0);
	assert_int_equal(tx->v->commit(&tx, &e), 0);
}

static void
only_what_is_inside_is_sent(void **state)
{
	(void)state;
	fill();
	two.filter = record(SINCE_JAN "&AND;BEFORE&EQ;20270101T000000Z", "");
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.got_add, 2);
	assert_int_equal(two.announced, 2);
	assert_non_null(phone_find(&two, "SUMMARY:now"));
	assert_non_null(phone_find(&two, "SUMMARY:series"));
	assert_null(phone_find(&two, "SUMMARY:old"));
	quiet(&two);
	nothing_lost();
}

/* The same words behind the '?' of the target, in both dialects. */
static void
words_of_the_target(void **state)
{
	(void)state;
	fill();
	two.db = "calendar?SINCE&amp;EQ;20260101T000000Z";
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.got_add, 3);
	two.db = "calendar?/dr(-30,90)";
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.got_delete, 1);
	assert_null(phone_find(&two, "SUMMARY:far"));
	nothing_lost();
}

static void
filter_goes_away(void **state)
{
	(void)state;
	fill();
	two.filter = record(SINCE_JAN, "");
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.got_add, 3);
	two.filter = NULL;
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.got_add, 1);
	assert_int_equal(two.announced, 1);
	quiet(&two);
	two.filter = record(SINCE_JAN, "");
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.got_delete, 1);
	assert_int_equal(two.got_soft, 1);
	assert_int_equal(two.announced, 1);
	quiet(&two);
	nothing_lost();
}

/* Terms that are no dates: the change of an item moves it in and out. */
static void
by_terms(void **state)
{
	struct phone_item *it;

	(void)state;
	fill();
	two.filter = record("LOCATION&iEQ;work", "");
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.got_add, 0);
	assert_int_equal(two.announced, 0);
	it = phone_find(&one, "SUMMARY:now");
	phone_edit(it, event("now", 3, "LOCATION:Work\r\n"), &one);
	assert_true(phone_sync(&one, 200));
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.got_add, 1);
	assert_int_equal(two.announced, 1);
	phone_edit(it, event("now", 3, "LOCATION:Home\r\n"), &one);
	assert_true(phone_sync(&one, 200));
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.got_delete, 1);
	assert_int_equal(phone_live(&two), 0);
	quiet(&two);
	/* Other terms: all are looked at once. */
	two.filter = record("SUMMARY&CON;o", "");
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.got_add, 2);
	quiet(&two);
	nothing_lost();
}

/* Inclusive: what it has stays, and stays true; only Adds are kept back. */
static void
inclusive_takes_nothing(void **state)
{
	struct phone_item *it;

	(void)state;
	fill();
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.got_add, 4);
	two.filter = record(SINCE_JAN, INCLUSIVE);
	quiet(&two);
	(void)phone_add(&one, event("older", -300, NULL));
	it = phone_find(&one, "SUMMARY:old\r");
	phone_edit(it, event("old", -201, NULL), &one);
	assert_true(phone_sync(&one, 200));
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.got_add, 0);
	assert_int_equal(two.got_replace, 1);
	assert_int_equal(two.got_delete, 0);
}

/* What the device itself adds outside is taken and kept. */
static void
own_item_outside(void **state)
{
	struct phone_item *it;

	(void)state;
	two.filter = record(SINCE_JAN, "");
	assert_true(phone_sync(&two, 200));
	it = phone_add(&two, event("mine", -50, NULL));
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.bad_status, 0);
	assert_true(it->live);
	assert_int_equal(on_server("SUMMARY:mine"), 1);
	quiet(&two);
	assert_true(it->live);
	/* It tidies up: outside of its filter that deletes nothing here. */
	phone_delete(it);
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.bad_status, 0);
	assert_int_equal(on_server("SUMMARY:mine"), 1);
	/* Inside it is its user's word. */
	it = phone_add(&two, event("inside", 5, NULL));
	assert_true(phone_sync(&two, 200));
	phone_delete(it);
	assert_true(phone_sync(&two, 200));
	assert_int_equal(on_server("SUMMARY:inside"), 0);
}

/* A refresh from a device that sees a part speaks for that part only. */
static void
refresh_from_a_part(void **state)
{
	(void)state;
	fill();
	two.filter = record(SINCE_JAN, "");
	assert_true(phone_sync(&two, 200));
	phone_find(&two, "SUMMARY:now")->live = false;
	assert_true(phone_sync(&two, 203));
	assert_int_equal(on_server("SUMMARY:now"), 0);
	assert_int_equal(on_server("SUMMARY:old"), 1);
	assert_int_equal(on_server(NULL), 3);
	quiet(&two);
}

static void
window_moves_with_time(void **state)
{
	(void)state;
	fill();
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.got_add, 4);
	set_window("IMEI:2", 90, 365);
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.got_delete, 2);
	assert_int_equal(two.got_soft, 2);
	assert_int_equal(two.announced, 2);
	quiet(&two);
	/* "now" (day 3) leaves 90 days behind, "far" (day 900) comes near. */
	bench.now += 93 * DAY_MS;
	quiet(&two);
	bench.now += DAY_MS;
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.got_delete, 1);
	assert_null(phone_find(&two, "SUMMARY:now"));
	bench.now += 500 * DAY_MS;
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.got_add, 1);
	assert_non_null(phone_find(&two, "SUMMARY:far"));
	quiet(&two);
	set_window("IMEI:2", 0, 0);
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.got_add, 2);
	assert_int_equal(phone_live(&two), 4);
	quiet(&two);
	nothing_lost();
}

/* More than the brake on mass deletion would let through: not its business. */
static void
window_is_no_mass_delete(void **state)
{
	char name[16];

	(void)state;
	for (int i = 0; i < 60; i++) {
		(void)snprintf(name, sizeof(name), "e%d", i);
		(void)phone_add(&one, event(name, -300 - i, NULL));
	}
	assert_true(phone_sync(&one, 200));
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.got_add, 60);
	set_window("IMEI:2", 30, 0);
	two.max_msg = 2000;
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.got_delete, 60);
	assert_int_equal(two.announced, 60);
	assert_true(two.messages > 4);
	assert_int_equal(on_server(NULL), 60);
	quiet(&two);
	quiet(&one);
}

/* Broken at each message: in the end the device has its part, the server all,
   and nothing came twice. */
static void
broken_sessions(void **state)
{
	char name[16];

	(void)state;
	for (int i = 0; i < 30; i++) {
		(void)snprintf(name, sizeof(name), "e%d", i);
		(void)phone_add(&one, event(name, i % 2 ? 10 : -200, NULL));
	}
	assert_true(phone_sync(&one, 200));
	two.max_msg = 4000;
	for (int cut = 1; cut < 12; cut++) {
		two.filter = cut % 2 ? record(SINCE_JAN, "") : NULL;
		two.lose_reply_of = cut;
		(void)phone_sync(&two, 200);
		two.lose_reply_of = 0;
		assert_true(phone_sync(&two, 200));
		assert_int_equal(phone_live(&two), cut % 2 ? 15 : 30);
		quiet(&two);
	}
	assert_int_equal(on_server(NULL), 30);
	quiet(&one);
}

/* A device that knows no SftDel gets a Delete, in the same session. */
static void
soft_delete_refused(void **state)
{
	(void)state;
	fill();
	assert_true(phone_sync(&two, 200));
	two.filter = record(SINCE_JAN, "");
	two.refuse_soft = 406;
	assert_true(phone_sync(&two, 200));
	assert_true(phone_sync(&two, 200));
	assert_int_equal(phone_live(&two), 3);
	quiet(&two);
	nothing_lost();
}

/* A device that lost its memory of our Delete tells it as its own. */
static void
delete_comes_back(void **state)
{
	struct phone_item *it;

	(void)state;
	fill();
	assert_true(phone_sync(&two, 200));
	two.filter = record(SINCE_JAN, "");
	two.no_status = true;
	two.lose_reply_of = 3;
	(void)phone_sync(&two, 200);
	two.lose_reply_of = 0;
	two.no_status = false;
	it = phone_find(&two, "SUMMARY:old");
	if (it != NULL)
		phone_delete(it);
	two.filter = NULL;
	assert_true(phone_sync(&two, 200));
	assert_int_equal(on_server(NULL), 4);
}

static void
refused_filters(void **state)
{
	static const char field[] =
	    "<Filter><Meta><Type xmlns='syncml:metinf'>text/calendar</Type>"
	    "</Meta><Field><Item><Data>x</Data></Item></Field></Filter>";
	static const char grammar[] =
	    "<Filter><Record><Item><Meta><Type xmlns='syncml:metinf'>text/sql"
	    "</Type></Meta><Data>x</Data></Item></Record></Filter>";
	static const char type[] =
	    "<Filter><Meta><Type xmlns='syncml:metinf'>text/x-vcard</Type>"
	    "</Meta></Filter>";

	(void)state;
	two.filter = field;
	(void)phone_sync(&two, 200);
	assert_int_equal(two.alert_status, 406);
	two.filter = grammar;
	(void)phone_sync(&two, 200);
	assert_int_equal(two.alert_status, 422);
	two.filter = type;
	(void)phone_sync(&two, 200);
	assert_int_equal(two.alert_status, 415);
	two.filter = record("SINCE&EQ;soon", "");
	(void)phone_sync(&two, 200);
	assert_int_equal(two.alert_status, 422);
	two.filter = record(SINCE_JAN, "<FilterType>SOME</FilterType>");
	(void)phone_sync(&two, 200);
	assert_int_equal(two.alert_status, 422);
	two.filter = record(SINCE_JAN, "");
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.alert_status, 508);
}

/* Fields left out are no fields deleted: it is refused, not taken as whole. */
static void
field_level_replace(void **state)
{
	struct phone_item *it;

	(void)state;
	it = phone_add(&one, event("now", 3, "LOCATION:Here\r\n"));
	assert_true(phone_sync(&one, 200));
	one.field_level = true;
	phone_edit(it, event("now", 4, NULL), &one);
	assert_true(phone_sync(&one, 200));
	assert_int_equal(one.bad_status, 406);
	assert_int_equal(on_server("LOCATION:Here"), 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(only_what_is_inside_is_sent),
		T(words_of_the_target),
		T(filter_goes_away),
		T(by_terms),
		T(inclusive_takes_nothing),
		T(own_item_outside),
		T(refresh_from_a_part),
		T(window_moves_with_time),
		T(window_is_no_mass_delete),
		T(broken_sessions),
		T(soft_delete_refused),
		T(delete_comes_back),
		T(refused_filters),
		T(field_level_replace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
