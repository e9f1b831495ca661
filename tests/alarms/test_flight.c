/* What is under way: found by its id, counted by bucket, told once. */
#include "server/alarms/flight.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct flight
flight(int i)
{
	struct flight f = { .account = i, .attempts = i % 7 };

	(void)snprintf(f.id, sizeof(f.id), "fn-%d", i);
	return f;
}

static struct slice
id(int i, char buf[static 32])
{
	(void)snprintf(buf, 32, "fn-%d", i);
	return slice_c(buf);
}

static void
full_and_empty(void **state)
{
	struct flights *f = flights_new();
	size_t have[STORE_BUCKETS];
	char b[32];

	(void)state;
	assert_non_null(f);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < FLIGHT_MAX; i++) {
			struct flight one = flight(i);

			assert_true(flights_room(f, have) > 0);
			flights_add(f, &one);
		}
		assert_int_equal(flights_room(f, have), 0);
		assert_int_equal(have[3], FLIGHT_MAX / STORE_BUCKETS);
		/* the odd ones end, the even ones go back */
		for (int i = 0; i < FLIGHT_MAX; i++) {
			assert_true(flights_has(f, id(i, b)));
			if (i % 2 == 0)
				flights_drop(f, id(i, b));
			else
				assert_true(flights_end(f, id(i, b), i % 4 == 1,
							false, "why"));
			assert_true(flights_has(f, id(i, b)) == (i % 2 == 1));
		}
		assert_int_equal(flights_room(f, have), FLIGHT_MAX / 2);
		assert_int_equal(have[2], 0);
		assert_int_equal(flights_done(f), FLIGHT_MAX / 2);
		for (int i = 1; i < FLIGHT_MAX; i += 2)
			flights_drop(f, id(i, b));
		assert_int_equal(flights_room(f, have), FLIGHT_MAX);
		assert_int_equal(flights_done(f), 0);
	}
	flights_free(&f);
	assert_null(f);
}

static void
ends_once(void **state)
{
	struct flights *f = flights_new();
	struct flight_end end[4];
	struct flight one = flight(5);

	(void)state;
	assert_false(flights_end(f, SLICE_LIT("fn-5"), true, false, NULL));
	flights_add(f, &one);
	assert_int_equal(flights_ended(f, end, 4), 0);
	assert_true(flights_end(f, SLICE_LIT("fn-5"), false, true, "no such"));
	assert_false(flights_end(f, SLICE_LIT("fn-5"), true, false, NULL));
	/* it stays until it is written down */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(flights_ended(f, end, 4), 1);
		assert_true(!end[0].sent && end[0].for_good);
		assert_string_equal(end[0].why, "no such");
		assert_true(end[0].f.account == 5 && end[0].f.attempts == 5);
	}
	flights_drop(f, SLICE_LIT("fn-5"));
	assert_int_equal(flights_ended(f, end, 4), 0);
	flights_drop(f, SLICE_LIT("fn-5"));
	flights_free(&f);
}

static void
receipts_are_bounded(void **state)
{
	struct flights *f = flights_new();
	struct flight_receipt *list;
	size_t n = 0;

	(void)state;
	flights_receipt(f, SLICE_LIT(""), SLICE_LIT("a@example.org"));
	flights_receipt(f, SLICE_LIT("x"), SLICE_LIT(""));
	assert_null(flights_receipts(f));
	for (int i = 0; i < RECEIPTS_MAX + 100; i++)
		flights_receipt(f, SLICE_LIT("x"), SLICE_LIT("a@example.org"));
	list = flights_receipts(f);
	assert_string_equal(list->id, "x");
	assert_true(list->n == 13 &&
		    memcmp(list->from, "a@example.org", 13) == 0);
	while (list != NULL) {
		struct flight_receipt *r = list;

		list = r->next;
		free(r);
		n++;
	}
	assert_int_equal(n, RECEIPTS_MAX);
	/* what nobody fetches goes with it */
	flights_receipt(f, SLICE_LIT("x"), SLICE_LIT("a@example.org"));
	flights_free(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_and_empty),
		cmocka_unit_test(ends_once),
		cmocka_unit_test(receipts_are_bounded),
	};

	return cmocka_run_group_tests_name("alarms: flight", tests, NULL, NULL);
}
