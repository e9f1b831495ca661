#include "server/throttle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "backends/fault.h"

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
	f.t = srv_throttle_new(&f.clk.c, SLICE_LIT("key"));
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
		/* As many right ones as wrong ones, each as a new device. */
		srv_throttle_passed(f->t, &(struct srv_throttle_who){
					      SLICE_LIT("p"), SLICE_LIT("own"),
					      slice_c(name) });
		f->clk.ms += 10;
	}
	assert_true(looked_at < 20);
}

/* Who mistypes and gets it right in the end leaves nothing at an address that
   many share. */
static void
test_own_mistakes_are_forgiven(void **state)
{
	struct fix *f = *state;

	for (int i = 0; i < 50; i++) {
		char name[32];
		struct srv_throttle_who w;

		(void)snprintf(name, sizeof(name), "user%d", i);
		w = who("p", name, name);
		for (int k = 0; k < 4; k++)
			assert_true(guess(f, w));
		assert_int_equal(srv_throttle_wait_ms(f->t, &w), 0);
		srv_throttle_passed(f->t, &w);
	}
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

/* ---- nodes of one site -------------------------------------------------- */

enum { NODES = 2 };

struct site {
	struct fake_clock clk;
	struct srv_throttle *t[NODES];
	struct store *s[NODES];
	char dir[64], uri[96];
};

static void
open_node(struct site *f, int i)
{
	struct err e;

	f->t[i] = srv_throttle_new(&f->clk.c, SLICE_LIT("key"));
	assert_non_null(f->t[i]);
	assert_int_equal(store_open(f->uri, true, &f->s[i], &e), 0);
	assert_int_equal(srv_throttle_share(f->t[i], f->s[i], &e), 0);
}

static void
close_node(struct site *f, int i)
{
	srv_throttle_free(&f->t[i]);
	f->s[i]->v->close(&f->s[i]);
}

static int
setup_site(void **state)
{
	static struct site f;

	f = (struct site){ .clk = { { fake_now }, 1700000000000 },
			   .dir = "/tmp/funicular-test-XXXXXX" };
	*state = &f;
	if (mkdtemp(f.dir) == NULL)
		return -1;
	(void)snprintf(f.uri, sizeof(f.uri), "sqlite:%s/db", f.dir);
	for (int i = 0; i < NODES; i++)
		open_node(&f, i);
	return 0;
}

static int
teardown_site(void **state)
{
	static const char *const tail[] = { "", "-wal", "-shm" };
	struct site *f = *state;

	for (int i = 0; i < NODES; i++)
		close_node(f, i);
	for (size_t i = 0; i < 3; i++) {
		char path[128];

		(void)snprintf(path, sizeof(path), "%s/db%s", f->dir, tail[i]);
		(void)unlink(path);
	}
	return rmdir(f->dir);
}

static void
share(struct site *f, int i)
{
	struct err e;

	if (srv_throttle_share(f->t[i], f->s[i], &e) < 0)
		fail_msg("%s", e.msg);
}

static size_t
rows_stored(struct site *f)
{
	const struct store_throttle_keep keep[STORE_THROTTLE_KINDS] = { 0 };
	struct store_throttle *row;
	struct arena *a = arena_new(64 << 20);
	int64_t seen = 0;
	size_t n;
	struct err e;

	assert_int_equal(f->s[0]->v->throttle_share(f->s[0], a, NULL, 0, keep,
						    &seen, &row, &n, &e),
			 0);
	arena_free(&a);
	return n;
}

static void
fail_n(struct srv_throttle *t, struct srv_throttle_who w, int n)
{
	for (int i = 0; i < n; i++)
		srv_throttle_failed(t, &w);
}

static void
test_shared(void **state)
{
	struct site *f = *state;
	struct srv_throttle_who w = who("p", "anna", "phone");

	fail_n(f->t[0], w, 4);
	fail_n(f->t[1], w, 3);
	assert_int_equal(srv_throttle_wait_ms(f->t[0], &w), 0);
	for (int i = 0; i < 2 * NODES; i++)
		share(f, i % NODES);
	for (int i = 0; i < NODES; i++) {
		assert_int_equal(srv_throttle_tries(f->t[i], &w), 7);
		assert_int_equal(srv_throttle_wait_ms(f->t[i], &w), 2000);
	}
	/* Right credentials at one node are good news for the other. */
	f->clk.ms += 2000;
	srv_throttle_passed(f->t[0], &w);
	share(f, 0);
	share(f, 1);
	assert_int_equal(srv_throttle_tries(f->t[1], &w), 0);
	/* Known there too: the guesses of others do not hold it up. */
	fail_n(f->t[0], who("evil", "anna", "x"), 20);
	share(f, 0);
	share(f, 1);
	assert_int_equal(srv_throttle_wait_ms(f->t[1], &w), 0);
	w.dev_id = SLICE_LIT("other");
	assert_true(srv_throttle_wait_ms(f->t[1], &w) > 0);
}

static void
test_survives_restart(void **state)
{
	struct site *f = *state;
	struct srv_throttle_who w = who("p", "anna", "phone");
	struct srv_throttle_who good = who("q", "anna", "tablet");

	srv_throttle_passed(f->t[0], &good);
	fail_n(f->t[0], w, 9);
	share(f, 0);
	close_node(f, 0);
	f->clk.ms += 1000;
	open_node(f, 0);
	assert_int_equal(srv_throttle_tries(f->t[0], &w), 9);
	assert_int_equal(srv_throttle_wait_ms(f->t[0], &w), 7000);
	assert_int_equal(srv_throttle_wait_ms(f->t[0], &good), 0);
	/* With another key file they are other people's. */
	srv_throttle_free(&f->t[0]);
	f->t[0] = srv_throttle_new(&f->clk.c, SLICE_LIT("another"));
	share(f, 0);
	assert_int_equal(srv_throttle_tries(f->t[0], &w), 0);
}

/* A try every 10 ms at either node in turn, shared once a second. */
static void
test_at_most_20_at_two_nodes(void **state)
{
	struct site *f = *state;
	int verified = 0;

	for (int i = 0; i < 10000; i++) {
		struct srv_throttle *t = f->t[i % NODES];
		struct srv_throttle_who w;
		char name[32];

		(void)snprintf(name, sizeof(name), "host-%d", i);
		w = who(name, "anna", name);
		if (srv_throttle_wait_ms(t, &w) == 0) {
			srv_throttle_failed(t, &w);
			verified++;
		}
		f->clk.ms += 10;
		if (i % 100 == 99)
			share(f, i / 100 % NODES);
	}
	assert_in_range(verified, SRV_THROTTLE_FREE, 20);
}

/* However many names, addresses and devices: so many rows and no more. */
static void
test_store_bounded(void **state)
{
	struct site *f = *state;
	struct srv_throttle_who w = who("p", "anna", "phone");

	fail_n(f->t[0], w, 12);
	for (int i = 0; i < 3 * SRV_THROTTLE_SLOTS; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "x%d", i);
		srv_throttle_failed(
		    f->t[0], &(struct srv_throttle_who){
				 slice_c(name), slice_c(name), slice_c(name) });
		if (i % 1000 == 999)
			share(f, 0);
	}
	for (int i = 0; i < 10; i++)
		share(f, 0);
	assert_in_range(rows_stored(f), 1000,
			SRV_THROTTLE_SLOTS + SRV_THROTTLE_KNOWN);
	share(f, 1);
	assert_int_equal(srv_throttle_tries(f->t[1], &w), 12);
}

/* The store is away: nothing is lost, and nothing counts twice. */
static void
test_store_away(void **state)
{
	struct site *f = *state;
	struct srv_throttle_who w = who("p", "anna", "phone");
	struct store *bad = NULL;
	struct err e;

	assert_int_equal(store_fault_new(f->s[0], &bad, &e), 0);
	for (int i = 0; i < 3; i++) {
		fail_n(f->t[0], w, 2);
		store_fault_set(bad, (struct store_fault_plan){ .at = 1 });
		assert_int_equal(srv_throttle_share(f->t[0], bad, &e), -1);
		fail_n(f->t[0], w, 1);
	}
	bad->v->close(&bad);
	assert_int_equal(srv_throttle_tries(f->t[0], &w), 9);
	share(f, 0);
	share(f, 0);
	share(f, 1);
	assert_int_equal(srv_throttle_tries(f->t[0], &w), 9);
	assert_int_equal(srv_throttle_tries(f->t[1], &w), 9);
}

/* Once a day is enough for who comes all the time. */
static void
test_quiet(void **state)
{
	struct site *f = *state;
	struct srv_throttle_who w = who("p", "anna", "phone");
	struct store *counting = NULL;
	uint64_t calls;
	struct err e;

	assert_int_equal(store_fault_new(f->s[0], &counting, &e), 0);
	srv_throttle_passed(f->t[0], &w);
	share(f, 0);
	assert_int_equal(rows_stored(f), 1);
	for (int i = 0; i < 24; i++) {
		struct store_throttle *row;
		struct arena *a = arena_new(1 << 20);
		const struct store_throttle_keep keep[STORE_THROTTLE_KINDS] = {
			0
		};
		int64_t seen = 1;
		size_t n;

		f->clk.ms += 3600 * 1000 - 1;
		srv_throttle_passed(f->t[0], &w);
		share(f, 0);
		assert_int_equal(f->s[0]->v->throttle_share(f->s[0], a, NULL, 0,
							    keep, &seen, &row,
							    &n, &e),
				 0);
		assert_int_equal(n, 0); /* nothing was written since */
		arena_free(&a);
	}
	calls = store_fault_calls(counting);
	assert_int_equal(srv_throttle_share(f->t[0], counting, &e), 0);
	assert_int_equal(store_fault_calls(counting), calls + 1);
	counting->v->close(&counting);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define N(f) cmocka_unit_test_setup_teardown(f, setup_site, teardown_site)

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
		T(test_own_mistakes_are_forgiven),
		T(test_many_at_once),
		T(test_forgets),
		T(test_clock_set_back),
		T(test_flood),
		T(test_empty_parts),
		N(test_shared),
		N(test_survives_restart),
		N(test_at_most_20_at_two_nodes),
		N(test_store_bounded),
		N(test_store_away),
		N(test_quiet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
