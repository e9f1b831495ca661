/*
 * Every store call of a pair of syncs fails in turn: before it had an effect,
 * and after it had (a connection lost once the server had committed). The
 * client sends its message again, and both sides must agree in the end.
 *
 * FUNICULAR_FAULT_STEP: 1 tries every call, the default every 11th.
 */
#include "backends/fault.h"
#include "tests/syncml/phone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { STEP = 11, ITEMS = 7 };

static struct phone one, two;
static struct bench bench;

static void
change_both(void)
{
	phone_edit(phone_find(&one, "Name1;"),
		   card(&bench, "Name1", "+491", "NOTE:edited\r\n"), &one);
	phone_delete(phone_find(&one, "Name2;"));
	(void)phone_add(&one, card(&bench, "Added", "+492", NULL));
	phone_edit(phone_find(&two, "Name3;"),
		   card(&bench, "Name3", "+493", NULL), &two);
	phone_edit(phone_find(&two, "Name1;"),
		   card(&bench, "Name1", "+491001", "TITLE:Chief\r\n"), &two);
}

static void
sync_all(void)
{
	char name[32];

	for (int i = 0; i < ITEMS; i++) {
		(void)snprintf(name, sizeof(name), "Name%d", i);
		(void)phone_add(&one, card(&bench, name, "+4910", NULL));
	}
	assert_true(phone_sync(&one, 201));
	assert_true(phone_sync(&two, 201));
	change_both();
	assert_true(phone_sync(&one, 200));
	assert_true(phone_sync(&two, 200));
	assert_true(phone_sync(&one, 200));
}

static void
check_all(void)
{
	struct phone *p[] = { &one, &two };

	for (int i = 0; i < 2; i++) {
		assert_true(phone_sync(p[i], 200));
		assert_int_equal(p[i]->alert, 200);
		assert_int_equal(p[i]->sent_n, 0);
		assert_int_equal(
		    p[i]->got_add + p[i]->got_replace + p[i]->got_delete, 0);
		assert_int_equal(phone_live(p[i]), ITEMS);
		assert_null(phone_find(p[i], "Name2;"));
		assert_non_null(phone_find(p[i], "Added"));
		assert_non_null(phone_find(p[i], "+493"));
		assert_non_null(phone_find(p[i], "edited"));
		assert_non_null(phone_find(p[i], "Chief"));
	}
}

/* One run; returns how many calls it made. */
static uint64_t
run(uint64_t at, enum store_fault_when when)
{
	struct store_fault_plan plan = { .at = at, .when = when };
	struct store *faulty;
	struct err e;
	uint64_t calls;

	bench_open(&bench);
	assert_int_equal(store_fault_new(bench.store, &faulty, &e), 0);
	bench.srv.store = faulty;
	phone_init(&one, &bench, "IMEI:1");
	phone_init(&two, &bench, "IMEI:2");
	one.retries = two.retries = 3;
	store_fault_set(faulty, plan);
	sync_all();
	calls = store_fault_calls(faulty);
	if (at > 0)
		assert_int_equal(store_fault_failed(faulty), 1);
	store_fault_set(faulty, (struct store_fault_plan){ 0 });
	check_all();
	faulty->v->close(&faulty);
	bench_close(&bench);
	return calls;
}

static void
every_call_fails_in_turn(void **state)
{
	const char *env = getenv("FUNICULAR_FAULT_STEP");
	uint64_t step = env == NULL ? STEP : strtoull(env, NULL, 10);
	uint64_t calls = run(0, STORE_FAULT_BEFORE);
	uint64_t points = 0;

	(void)state;
	for (uint64_t at = 1; at <= calls; at += step) {
		(void)run(at, STORE_FAULT_BEFORE);
		(void)run(at, STORE_FAULT_AFTER);
		points += 2;
	}
	(void)printf("%llu store calls, %llu points, 0 lost, 0 doubled\n",
		     (unsigned long long)calls, (unsigned long long)points);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_call_fails_in_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
