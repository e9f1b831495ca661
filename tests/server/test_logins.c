#include "server/logins.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "backends/fault.h"
#include "server/house.h"

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
	char dir[64];
	struct arena *a;
	struct store *s, *fault;
	struct srv_logins *l;
	struct err e;
};

static int
setup(void **state)
{
	static struct fix f;
	const struct store_account anna = { .user = SLICE_LIT("Anna") };
	char uri[128];
	int64_t id;

	f = (struct fix){ .clk = { { fake_now }, 1700000000000 } };
	(void)snprintf(f.dir, sizeof(f.dir), "/tmp/funicular.XXXXXX");
	assert_non_null(mkdtemp(f.dir));
	(void)snprintf(uri, sizeof(uri), "sqlite:%s/db", f.dir);
	f.a = arena_new(16 << 20);
	f.l = srv_logins_new(&f.clk.c);
	*state = &f;
	if (f.a == NULL || f.l == NULL ||
	    store_open(uri, true, &f.s, &f.e) != 0 ||
	    store_fault_new(f.s, &f.fault, &f.e) != 0)
		return -1;
	return f.s->v->account_create(f.s, &anna, &id, &f.e);
}

static int
teardown(void **state)
{
	struct fix *f = *state;
	static const char *const files[] = { "db", "db-wal", "db-shm", "run" };
	char path[128];

	srv_logins_free(&f->l);
	assert_null(f->l);
	f->fault->v->close(&f->fault);
	f->s->v->close(&f->s);
	arena_free(&f->a);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", f->dir, files[i]);
		(void)unlink(path);
	}
	return rmdir(f->dir);
}

static void
count(struct fix *f, const char *peer, const char *user, enum store_auth what,
      int times)
{
	while (times-- > 0)
		srv_logins_count(f->l, slice_c(peer), slice_c(user), what);
}

static void
share(struct fix *f)
{
	assert_int_equal(srv_logins_share(f->l, f->fault, &f->e), 0);
}

/* The rows, each as a line. */
static const char *
rows(struct fix *f)
{
	struct buf b = { .a = f->a };
	struct store_table t;

	assert_int_equal(
	    f->s->v->query(f->s, f->a,
			   "SELECT day, CASE account_id WHEN 0 THEN '-' ELSE"
			   " 'known' END, net, what, n FROM auth_day"
			   " ORDER BY day, 2, net, what",
			   NULL, 0, 5000, &t, &f->e),
	    0);
	for (size_t i = 0; i < t.row_n * 5; i++)
		buf_printf(&b, "%.*s%c", SLICE_ARG(t.cell[i]),
			   i % 5 == 4 ? '\n' : ' ');
	buf_byte(&b, 0);
	return b.p;
}

static void
networks(void **state)
{
	static const char *const t[][2] = {
		{ "192.0.2.77", "192.0.2.0/24" },
		{ "127.0.0.1", "local" },
		{ "::1", "local" },
		{ "2001:db8:1:2:3:4:5:6", "2001:db8:1::/48" },
		{ "", "unknown" },
		{ "unix", "unknown" },
	};
	char net[SRV_LOGINS_NET_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		assert_string_equal(srv_logins_net(slice_c(t[i][0]), net),
				    t[i][1]);
}

static void
adds_up(void **state)
{
	struct fix *f = *state;

	share(f); /* nothing yet */
	assert_string_equal(rows(f), "");
	count(f, "192.0.2.1", "anna", STORE_AUTH_WRONG, 3);
	count(f, "192.0.2.2", "ANNA", STORE_AUTH_WRONG, 2);
	count(f, "192.0.2.2", "anna", STORE_AUTH_RIGHT, 1);
	count(f, "192.0.2.2", "eve", STORE_AUTH_HELD, 4);
	share(f);
	count(f, "192.0.2.2", "anna", STORE_AUTH_WRONG, 1);
	f->clk.ms += 86400000;
	count(f, "::1",
	      "a name that is much too long to be one, and which is"
	      " cut where it is kept",
	      STORE_AUTH_WRONG, 1);
	share(f);
	share(f);
	assert_string_equal(rows(f), "19675 - 192.0.2.0/24 3 4\n"
				     "19675 known 192.0.2.0/24 1 1\n"
				     "19675 known 192.0.2.0/24 2 6\n"
				     "19676 - local 2 1\n");
}

/* Whoever comes from everywhere fills a small table, and no more. */
static void
bounded(void **state)
{
	struct fix *f = *state;
	int most = SRV_LOGINS_ROWS; /* rows between two batches */
	const char *r;
	char peer[32];

	for (int i = 0; i < most + 500; i++) {
		(void)snprintf(peer, sizeof(peer), "10.%d.%d.1", i / 256,
			       i % 256);
		count(f, peer, "anna", STORE_AUTH_WRONG, 1);
	}
	share(f);
	r = rows(f);
	assert_non_null(strstr(r, "19675 - other 2 500\n"));
	/* Of a whole day too. */
	for (int k = 0; k < SRV_LOGINS_DAY_ROWS; k++) {
		(void)snprintf(peer, sizeof(peer), "11.%d.%d.1", k / 256,
			       k % 256);
		count(f, peer, "anna", STORE_AUTH_WRONG, 1);
		if (k % most == most - 1)
			share(f);
	}
	share(f);
	/* 5000 rows with that of the others. */
	(void)snprintf(peer, sizeof(peer), "19675 - other 2 %d\n",
		       500 + most + 1);
	assert_non_null(strstr(rows(f), peer));
}

/* What the store did not take is not lost, nor counted twice. */
static void
store_fails(void **state)
{
	struct fix *f = *state;

	for (int i = 0; i < 3; i++) {
		count(f, "192.0.2.1", "anna", STORE_AUTH_WRONG, 2);
		store_fault_set(f->fault, (struct store_fault_plan){
					      .at = 1, .onwards = true });
		assert_int_equal(srv_logins_share(f->l, f->fault, &f->e), -1);
	}
	store_fault_set(f->fault, (struct store_fault_plan){ .at = 0 });
	share(f);
	assert_string_equal(rows(f), "19675 known 192.0.2.0/24 2 6\n");
}

/* ---- nodes ----------------------------------------------------------------
 */

static struct slice
one(struct fix *f, const char *sql)
{
	struct store_table t;

	assert_int_equal(f->s->v->query(f->s, f->a, sql, NULL, 0, 5, &t, &f->e),
			 0);
	assert_int_equal(t.row_n, 1);
	return t.cell[0];
}

static void
tells_that_it_lives(void **state)
{
	struct fix *f = *state;
	struct srv_house a, b;
	bool ours;

	srv_house_open(&a, f->fault, &f->clk.c, &rnd_system, "north", NULL);
	srv_house_open(&b, f->fault, &f->clk.c, &rnd_system, "", NULL);
	assert_string_not_equal(a.id, b.id);
	assert_string_equal(a.name, "north");
	assert_true(b.name[0] != '\0');
	assert_int_equal(srv_house_beat(&a, &f->e), 0);
	/* Not each second: this one would fail. */
	store_fault_set(f->fault,
			(struct store_fault_plan){ .at = 1, .onwards = true });
	assert_int_equal(srv_house_beat(&a, &f->e), 0);
	a.beat_mono_ms -= SRV_HOUSE_BEAT_MS;
	assert_false(srv_house_stuck(&a));
	assert_int_equal(srv_house_beat(&a, &f->e), -1);
	assert_true(srv_house_stuck(&a));
	/* Until it can be written, at each beat. */
	assert_int_equal(srv_house_beat(&a, &f->e), -1);
	store_fault_set(f->fault, (struct store_fault_plan){ .at = 0 });
	assert_int_equal(srv_house_beat(&a, &f->e), 0);
	assert_false(srv_house_stuck(&a));
	/* A message that could not be stored: not in half a minute, now. */
	store_fault_set(f->fault,
			(struct store_fault_plan){ .at = 1, .onwards = true });
	srv_house_doubt(&a);
	assert_int_equal(srv_house_beat(&a, &f->e), -1);
	assert_true(srv_house_stuck(&a));
	store_fault_set(f->fault, (struct store_fault_plan){ .at = 0 });
	assert_int_equal(srv_house_beat(&b, &f->e), 0);
	srv_house_close(&a);
	assert_true(slice_is(one(f, "SELECT name || stopped || version AS x"
				    " FROM node WHERE stopped = 1"),
			     "north1" FUNICULAR_VERSION));
	assert_true(slice_is(one(f, "SELECT count(*) AS x FROM node"), "2"));
	/* One of the two. */
	assert_int_equal(srv_house_lease(&b, "prune", &ours, &f->e), 0);
	assert_true(ours);
	assert_int_equal(srv_house_lease(&a, "prune", &ours, &f->e), 0);
	assert_false(ours);
	srv_house_give_back(&a, "prune");
	assert_int_equal(srv_house_lease(&a, "prune", &ours, &f->e), 0);
	assert_false(ours);
	srv_house_give_back(&b, "prune");
	assert_int_equal(srv_house_lease(&a, "prune", &ours, &f->e), 0);
	assert_true(ours);
}

/* Who was killed holds no lock, so the next one of the place knows it. */
static void
knows_who_died(void **state)
{
	struct fix *f = *state;
	struct srv_house a, b;

	srv_house_open(&a, f->s, &f->clk.c, &rnd_system, "", f->dir);
	assert_string_equal(a.before, "");
	/* It lives. */
	srv_house_open(&b, f->s, &f->clk.c, &rnd_system, "", f->dir);
	assert_string_equal(b.before, "");
	srv_house_close(&b);
	assert_int_equal(close(a.run_fd), 0);
	srv_house_open(&b, f->s, &f->clk.c, &rnd_system, "", f->dir);
	assert_string_equal(b.before, a.id);
	/* What somebody else wrote there is no run. */
	assert_true(pwrite(b.run_fd, "/", 1, 4) == 1);
	srv_house_close(&b);
	srv_house_open(&b, f->s, &f->clk.c, &rnd_system, "", f->dir);
	assert_string_equal(b.before, "");
	srv_house_close(&b);
	/* No such place. */
	srv_house_open(&b, f->s, &f->clk.c, &rnd_system, "", "/nowhere/at/all");
	assert_string_equal(b.before, "");
	assert_int_equal(b.run_fd, -1);
	srv_house_close(&b);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(networks),
		T(adds_up),
		T(bounded),
		T(store_fails),
		T(tells_that_it_lives),
		T(knows_who_died),
	};

	return cmocka_run_group_tests_name("server: logins", tests, NULL, NULL);
}
