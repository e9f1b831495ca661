/* How long workers wait for a store that failed. */
#include "server/patience.h"

#include "base/clock.h"
#include "syncml/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct waits {
	int64_t sum, longest;
	unsigned n;
};

static void
note(void *ctx, int64_t ms)
{
	struct waits *w = ctx;

	w->sum += ms;
	w->n++;
	if (ms > w->longest)
		w->longest = ms;
}

/* A deadlock is over at once, a restart takes seconds; both are waited for. */
static void
longer_each_time(void **state)
{
	struct waits w = { 0 };
	struct srv_patience p = { .sleep = note, .ctx = &w };

	(void)state;
	assert_true(srv_patience_wait(&p, 1));
	assert_true(w.sum < 100);
	for (unsigned tries = 2; tries < SML_TRIES_MAX; tries++) {
		int64_t before = w.longest;

		assert_true(srv_patience_wait(&p, tries));
		assert_true(w.longest >= before);
	}
	assert_int_equal(w.n, SML_TRIES_MAX - 1);
	assert_true(w.longest <= 1000);
	/* As often as it may be tried takes as long as it may take. */
	assert_true(w.sum >= SML_PATIENCE_MS - 1000);
	assert_true(w.sum <= SML_PATIENCE_MS + 1000);
}

static void
ends(void **state)
{
	struct waits w = { 0 };
	struct srv_patience p = { .sleep = note, .ctx = &w };

	(void)state;
	assert_true(srv_patience_wait(&p, 1));
	/* It is down for longer: other messages are told at once. */
	atomic_store(&p.down_ms, clk_mono_ms() - SML_PATIENCE_MS);
	assert_false(srv_patience_wait(&p, 1));
	assert_false(srv_patience_wait(&p, 5));
	assert_int_equal(w.n, 1);
	/* It worked once between: another failure is another story. */
	srv_patience_works(&p);
	assert_true(srv_patience_wait(&p, 1));
}

/* Nobody came while it was down, and nobody saw it come back. */
static void
silence_begins_anew(void **state)
{
	struct waits w = { 0 };
	struct srv_patience p = { .sleep = note, .ctx = &w };

	(void)state;
	assert_true(srv_patience_wait(&p, 1));
	atomic_store(&p.down_ms, clk_mono_ms() - 100 * SML_PATIENCE_MS);
	assert_false(srv_patience_wait(&p, 2));
	atomic_store(&p.last_ms, clk_mono_ms() - SML_PATIENCE_MS);
	assert_true(srv_patience_wait(&p, 1));
}

static void
really_sleeps(void **state)
{
	struct srv_patience p = { 0 };
	int64_t began = clk_mono_ms();

	(void)state;
	for (unsigned tries = 1; tries < 3; tries++)
		assert_true(srv_patience_wait(&p, tries));
	assert_true(clk_mono_ms() - began >= 50);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(longer_each_time),
		cmocka_unit_test(ends),
		cmocka_unit_test(silence_begins_anew),
		cmocka_unit_test(really_sleeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
