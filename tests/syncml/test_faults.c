/*
 * Every store call of a pair of syncs fails in turn: before it had an effect,
 * and after it had (a connection lost once the server had committed). Either
 * the worker tries the message again and the client sees nothing of it, or the
 * client sends it again; both sides must agree in the end.
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

enum { STEP = 11, ITEMS = 7, GIVES_UP = 3 };

enum way {
	NO_PATIENCE, /* the client gets 503 and sends its message again */
	PASSES,      /* one call fails, the worker tries again */
	STAYS,       /* all calls fail, until the worker has given up */
};

static struct phone one, two;
static struct bench bench;
static unsigned waited;

static bool
again(void *ctx, unsigned tries)
{
	struct store *faulty = ctx;

	waited++;
	if (tries < GIVES_UP)
		return true;
	store_fault_set(faulty, (struct store_fault_plan){ 0 });
	return false;
}

/* A write that was done twice would make revisions. */
static int64_t
revisions(void)
{
	struct store_tx *tx;
	struct store_collection *col;
	struct store_item *item;
	struct err e;
	int64_t sum = 0;
	size_t col_n;
	size_t n;

	assert_int_equal(bench.store->v->begin(bench.store, bench.account,
					       STORE_READ, bench.now, &tx, &e),
			 0);
	assert_int_equal(tx->v->collection_list(tx, bench.a, &col, &col_n, &e),
			 0);
	for (size_t k = 0; k < col_n; k++) {
		assert_int_equal(tx->v->item_page(tx, bench.a, col[k].id, 0,
						  1000, true, false, &item, &n,
						  &e),
				 0);
		for (size_t i = 0; i < n; i++)
			sum += item[i].last_revision;
	}
	tx->v->rollback(&tx);
	return sum;
}

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
run(uint64_t at, enum store_fault_when when, enum way way)
{
	struct store_fault_plan plan = { .at = at,
					 .when = when,
					 .onwards = way == STAYS };
	static int64_t made;
	struct store *faulty;
	struct err e;
	uint64_t calls;

	bench_open(&bench);
	assert_int_equal(store_fault_new(bench.store, &faulty, &e), 0);
	bench.srv.store = faulty;
	phone_init(&one, &bench, "IMEI:1");
	phone_init(&two, &bench, "IMEI:2");
	one.retries = two.retries = way == PASSES ? 0 : 3;
	waited = 0;
	if (way != NO_PATIENCE) {
		bench.srv.again = again;
		bench.srv.again_ctx = faulty;
	}
	store_fault_set(faulty, plan);
	sync_all();
	calls = store_fault_calls(faulty);
	if (at == 0) {
		made = revisions();
	} else {
		assert_int_equal(store_fault_failed(faulty),
				 way == STAYS ? GIVES_UP : 1);
		assert_int_equal(waited, way == NO_PATIENCE ? 0
					 : way == PASSES    ? 1
							    : GIVES_UP);
		assert_int_equal(one.retried + two.retried,
				 way == PASSES ? 0 : 1);
		assert_int_equal(revisions(), made);
	}
	store_fault_set(faulty, (struct store_fault_plan){ 0 });
	check_all();
	faulty->v->close(&faulty);
	bench_close(&bench);
	return calls;
}

static void
every_call(enum way way, uint64_t step)
{
	const char *env = getenv("FUNICULAR_FAULT_STEP");
	uint64_t calls = run(0, STORE_FAULT_BEFORE, way);
	uint64_t points = 0;

	if (env != NULL)
		step = strtoull(env, NULL, 10);
	for (uint64_t at = 1; at <= calls; at += step) {
		(void)run(at, STORE_FAULT_BEFORE, way);
		(void)run(at, STORE_FAULT_AFTER, way);
		points += 2;
	}
	(void)printf("%llu store calls, %llu points, 0 lost, 0 doubled\n",
		     (unsigned long long)calls, (unsigned long long)points);
}

static void
every_call_fails_in_turn(void **state)
{
	(void)state;
	every_call(NO_PATIENCE, STEP);
}

/* As if nothing had been: no 503, nothing done twice. */
static void
the_worker_tries_again(void **state)
{
	(void)state;
	every_call(PASSES, STEP + 2);
}

static void
the_worker_gives_up(void **state)
{
	(void)state;
	every_call(STAYS, STEP + 6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_call_fails_in_turn),
		cmocka_unit_test(the_worker_tries_again),
		cmocka_unit_test(the_worker_gives_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
