#include "server/throttle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

struct fake_clock {
	struct clk c;
	int64_t ms;
};

static int64_t
fake_now(const struct clk *c)
{
	return ((const struct fake_clock *)c)->ms;
}

struct fix {
	struct fake_clock clk;
	struct srv_throttle *t;
};

static int
setup(void **state)
{
	static struct fix f;

	f = (struct fix){ .clk = { { fake_now }, 1700000000000 } };
	f.t = srv_throttle_new(&f.clk.c);
	*state = &f;
	return f.t == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	struct fix *f = *state;

	srv_throttle_free(&f->t);
	assert_null(f->t);
	return 0;
}

static struct srv_throttle_who
who(const char *peer, const char *user, const char *dev)
{
	return (struct srv_throttle_who){ slice_c(peer), slice_c(user),
					  slice_c(dev) };
}

/* One wrong try if it is let through. */
static bool
guess(struct fix *f, struct srv_throttle_who w)
{
	if (srv_throttle_wait_ms(f->t, &w) > 0)
		return false;
	srv_throttle_failed(f->t, &w);
	return true;
}

static void
test_delays(void **state)
{
	static const int64_t want[] = { 1000,   2000,   4000,   8000,
					16000,  32000,  64000,  128000,
					256000, 512000, 900000, 900000 };
	struct fix *f = *state;
	struct srv_throttle_who w = who("192.0.2.1", "anna", "IMEI:1");

	for (int i = 0; i < SRV_THROTTLE_FREE; i++) {
		assert_int_equal(srv_throttle_wait_ms(f->t, &w), 0);
		srv_throttle_failed(f->t, &w);
	}
	assert_int_equal(srv_throttle_tries(f->t, &w), SRV_THROTTLE_FREE);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_true(guess(f, w));
		assert_int_equal(srv_throttle_wait_ms(f->t, &w), want[i]);
		f->clk.ms += want[i] - 1;
		assert_int_equal(srv_throttle_wait_ms(f->t, &w), 1);
		assert_false(guess(f, w));
		f->clk.ms += 1;
	}
	assert_int_equal(srv_throttle_wait_ms(f->t, &w), 0);
}

static void
test_at_most_20_of_10000(void **state)
{
	struct fix *f = *state;
	int verified = 0;

	/* A try every 10 ms, each from another address and device. */
	for (int i = 0; i < 10000; i++) {
		char peer[32], dev[32];

		(void)snprintf(peer, sizeof(peer), "198.51.%d.%d", i / 250,
			       i % 250);
		(void)snprintf(dev, sizeof(dev), "dev-%d", i);
		verified += guess(f, who(peer, i % 2 ? "Anna" : "aNNA", dev));
		f->clk.ms += 10;
	}
	assert_true(verified <= 20);
	assert_true(verified >= SRV_THROTTLE_FREE);
}

static void
test_each_key(void **state)
{
	struct fix *f = *state;
	struct srv_throttle_who same[3] = { who("p", "x", "y"),
					    who("q", "u", "z"),
					    who("r", "v", "d") };

	/* The same address, account or device alone is enough. */
	for (int i = 0; i < SRV_THROTTLE_FREE + 1; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "n%d", i);
		assert_true(guess(f, who("p", name, name)));
		(void)snprintf(name, sizeof(name), "m%d", i);
		assert_true(guess(f, who(name, "u", name)));
		(void)snprintf(name, sizeof(name), "k%d", i);
		assert_true(guess(f, who(name, name, "d")));
	}
	for (size_t i = 0; i < 3; i++)
		assert_true(srv_throttle_wait_ms(f->t, &same[i]) > 0);
	same[0] = who("other", "person", "here");
	assert_int_equal(srv_throttle_wait_ms(f->t, &same[0]), 0);
}

static void
test_known_device(void **state)
{
	struct fix *f = *state;
	struct srv_throttle_who good = who("p", "anna", "phone");
	struct srv_throttle_who other = who("p", "anna", "tablet");

	srv_throttle_passed(f->t, &good);
	for (int i = 0; i < 50; i++)
		srv_throttle_failed(
		    f->t, &(struct srv_throttle_who){ SLICE_LIT("evil"),
						      SLICE_LIT("anna"),
						      SLICE_LIT("phone") });
	assert_int_equal(srv_throttle_wait_ms(f->t, &good), 0);
	assert_true(srv_throttle_wait_ms(f->t, &other) > 0);
	/* Known or not, its own wrong tries count. */
	for (int i = 0; i < SRV_THROTTLE_FREE + 1; i++)
		assert_true(guess(f, good));
	assert_true(srv_throttle_wait_ms(f->t, &good) > 0);
}

static void
test_known_ends(void **state)
{
	struct fix *f = *state;
	struct srv_throttle_who good = who("p", "anna", "phone");

	srv_throttle_passed(f->t, &good);
	f->clk.ms += SRV_THROTTLE_KNOWN_MS;
	for (int i = 0; i < 10; i++)
		srv_throttle_failed(
		    f->t, &(struct srv_throttle_who){ SLICE_LIT("evil"),
						      SLICE_LIT("anna"),
						      SLICE_LIT("other") });
	assert_true(srv_throttle_wait_ms(f->t, &good) > 0);
}

static void
test_success_resets(void **state)
{
	struct fix *f = *state;
	struct srv_throttle_who w = who("p", "anna", "phone");
	struct srv_throttle_who v = who("other", "anna", "tablet");

	for (int i = 0; i < 8; i++)
		srv_throttle_failed(f->t, &w);
	assert_true(srv_throttle_wait_ms(f->t, &v) > 0);
	f->clk.ms += 10000;
	srv_throttle_passed(f->t, &w);
	assert_int_equal(srv_throttle_wait_ms(f->t, &w), 0);
	assert_int_equal(srv_throttle_wait_ms(f->t, &v), 0);
	assert_int_equal(srv_throttle_tries(f->t, &w), 0);
}

/* With an account of one's own the guesses at others' cannot be washed off. */
static void
test_own_account_does_not_help(void **state)
{
	struct fix *f = *state;
	int looked_at = 0;

	for (int i = 0; i < 1000; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "victim%d", i);
		looked_at += guess(f, who("p", name, "d"));
		if (i % 3 == 0)
			srv_throttle_passed(
			    f->t, &(struct srv_throttle_who){ SLICE_LIT("p"),
							      SLICE_LIT("own"),
							      SLICE_LIT("o") });
		f->clk.ms += 10;
	}
	assert_true(looked_at < 40);
}

static void
test_many_at_once(void **state)
{
	struct fix *f = *state;
	struct srv_throttle_who w = who("p", "anna", "phone");
	int through = 0;

	for (int i = 0; i < SRV_THROTTLE_FREE; i++)
		assert_true(guess(f, w));
	/* None of these has failed yet: one is let through. */
	for (int i = 0; i < 100; i++)
		through += srv_throttle_wait_ms(f->t, &w) == 0;
	assert_int_equal(through, 1);
}

static void
test_forgets(void **state)
{
	struct fix *f = *state;
	struct srv_throttle_who w = who("p", "anna", "phone");

	for (int i = 0; i < 30; i++)
		srv_throttle_failed(f->t, &w);
	f->clk.ms += SRV_THROTTLE_FORGET_MS;
	assert_int_equal(srv_throttle_tries(f->t, &w), 0);
	for (int i = 0; i < SRV_THROTTLE_FREE; i++)
		assert_true(guess(f, w));
}

static void
test_clock_set_back(void **state)
{
	struct fix *f = *state;
	struct srv_throttle_who w = who("p", "anna", "phone");

	for (int i = 0; i < 30; i++)
		srv_throttle_failed(f->t, &w);
	f->clk.ms -= SRV_THROTTLE_FORGET_MS;
	assert_true(srv_throttle_wait_ms(f->t, &w) <= SRV_THROTTLE_LONGEST_MS);
}

/* A flood of names does not push a counter out that has many tries. */
static void
test_flood(void **state)
{
	struct fix *f = *state;
	struct srv_throttle_who w = who("p", "anna", "phone");

	for (int i = 0; i < 12; i++)
		srv_throttle_failed(f->t, &w);
	for (int i = 0; i < 4 * SRV_THROTTLE_SLOTS; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "x%d", i);
		srv_throttle_failed(
		    f->t, &(struct srv_throttle_who){
			      slice_c(name), slice_c(name), slice_c(name) });
	}
	assert_int_equal(srv_throttle_tries(f->t, &w), 12);
	assert_true(srv_throttle_wait_ms(f->t, &w) > 0);
}

/* Nothing said is nobody: it must not become a counter that all share. */
static void
test_empty_parts(void **state)
{
	struct fix *f = *state;
	struct srv_throttle_who x = who("", "anna", "");
	struct srv_throttle_who y = who("", "bert", "");

	for (int i = 0; i < 20; i++)
		srv_throttle_failed(f->t, &x);
	assert_true(srv_throttle_wait_ms(f->t, &x) > 0);
	assert_int_equal(srv_throttle_wait_ms(f->t, &y), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_delays),
		T(test_at_most_20_of_10000),
		T(test_each_key),
		T(test_known_device),
		T(test_known_ends),
		T(test_success_resets),
		T(test_own_account_does_not_help),
		T(test_many_at_once),
		T(test_forgets),
		T(test_clock_set_back),
		T(test_flood),
		T(test_empty_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
