/*
 * Devices do not notice that their site has moved into another store: between
 * two syncs, between two messages, between the halves of a large object.
 *
 *	test_syncml_copy [KIND]    every other store is of that kind, the rest
 *	                           is SQLite; see tests/postgres/place.h
 */
#include "tests/syncml/phone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "backends/copy.h"
#include "tests/postgres/place.h"

static struct phone one, two;
static struct bench bench;
static enum place_kind kind;

static struct store *first; /* the bench's own, to be closed by it */
static struct place here, there;
static struct store *next; /* copied to; the server is still on the old one */
static int moves;

static int
set_up(void **state)
{
	(void)state;
	bench_open(&bench);
	phone_init(&one, &bench, "IMEI:1");
	phone_init(&two, &bench, "IMEI:2");
	one.retries = two.retries = 1000;
	first = bench.store;
	moves = 0;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	if (bench.store != first) {
		bench.store->v->close(&bench.store);
		place_give(&here);
	}
	bench.store = first;
	bench_close(&bench);
	return 0;
}

/* Copy into a new store; the old one is sealed. */
static void
copy_away(void)
{
	struct store_copy c = { .from = bench.store,
				.to_name = "elsewhere",
				.what = STORE_COPY_MOVE };
	struct err e = { 0 };
	char file[100];

	moves++;
	(void)snprintf(file, sizeof(file), "%s/m%d.db", bench.dir, moves);
	place_take(&there, moves % 2 == 1 ? kind : PLACE_SQLITE, file);
	if (store_open(there.uri, true, &c.to, &e) < 0 ||
	    store_copy_run(&c, bench.a, &e) < 0)
		fail_msg("%s", e.msg);
	for (size_t i = 0; i < c.finding.n; i++)
		print_error("%.*s\n", SLICE_ARG(c.finding.text[i]));
	assert_int_equal(c.finding.all, 0);
	next = c.to;
}

/* What the administrator does then: the server is started on the new one. */
static void
switch_over(void)
{
	if (bench.store != first) {
		bench.store->v->close(&bench.store);
		place_give(&here);
	}
	here = there;
	bench.store = bench.srv.store = next;
	next = NULL;
}

/* Each message finds the site moved: it is answered by 503, and when it comes
   again the server is on the new store. */
static void
before_each(struct bench *b)
{
	(void)b;
	if (next == NULL)
		copy_away();
	else
		switch_over();
}

static void
fill(struct phone *p, int n)
{
	char name[32];

	for (int i = 0; i < n; i++) {
		(void)snprintf(name, sizeof(name), "Name%d", i);
		(void)phone_add(p, card(&bench, name, "+491", NULL));
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

/* There and back again. */
static void
between_syncs(void **state)
{
	(void)state;
	fill(&one, 30);
	assert_true(phone_sync(&one, 201));
	assert_true(phone_sync(&two, 201));
	for (int i = 0; i < 4; i++) {
		copy_away();
		switch_over();
		settled(&one);
		settled(&two);
		phone_delete(&one.item[i]);
		phone_edit(&one.item[10 + i],
			   card(&bench, arena_printf(bench.a, "Ed%d", i).p,
				"+492", NULL),
			   &one);
		assert_true(phone_sync(&one, 200));
		assert_int_equal(one.sent_n, 2);
		copy_away();
		switch_over();
		assert_true(phone_sync(&two, 200));
		assert_int_equal(two.alert, 200);
		assert_int_equal(two.got_delete, 1);
		assert_int_equal(two.got_replace, 1);
		assert_int_equal(two.got_add, 0);
	}
	assert_int_equal(phone_live(&two), 26);
}

static void
add_large(struct phone *p)
{
	struct buf big = BUF_IN(bench.a);

	buf_str(&big, "NOTE:");
	for (int i = 0; i < 9000; i++)
		buf_byte(&big, (unsigned char)('a' + i % 26));
	buf_str(&big, "\r\n");
	(void)phone_add(p, card(&bench, "Large", "+491",
				arena_cstr(bench.a, buf_slice(&big))));
}

/* The site moves at every message of both devices' first syncs. */
static void
between_messages(void **state)
{
	(void)state;
	bench.before = before_each;
	one.per_msg = 2;
	fill(&one, 8);
	add_large(&one);
	assert_true(phone_sync(&one, 201));
	assert_int_equal(one.bad_status, 0);
	/* The large one goes out in pieces. */
	two.max_msg = 2700;
	assert_true(phone_sync(&two, 201));
	assert_true(two.messages >= 6);
	assert_int_equal(two.bad_status, 0);
	assert_int_equal(phone_live(&two), 9);
	assert_true(phone_find(&two, "Large")->body.n > 9000);
	assert_int_equal(one.retried + two.retried, moves - (next != NULL));
	assert_true(moves > 12);
	settled(&one);
	settled(&two);
}

/* The session broke, the site moved, the device comes back. */
static void
after_a_broken_session(void **state)
{
	(void)state;
	one.per_msg = 1;
	fill(&one, 6);
	assert_true(phone_sync(&one, 201));
	assert_true(phone_sync(&two, 201));
	for (int msg = 1; msg <= 5; msg++) {
		(void)phone_add(
		    &one, card(&bench, arena_printf(bench.a, "More%d", msg).p,
			       "+493", NULL));
		(void)phone_add(
		    &two, card(&bench, arena_printf(bench.a, "Other%d", msg).p,
			       "+494", NULL));
		assert_true(phone_sync(&two, 200));
		one.lose_reply_of = msg;
		(void)phone_sync(&one, 200);
		one.lose_reply_of = 0;
		copy_away();
		switch_over();
		assert_true(phone_sync(&one, 200));
		assert_int_equal(one.alert, 200); /* no slow sync */
		assert_true(phone_sync(&two, 200));
		settled(&one);
		settled(&two);
		assert_int_equal(phone_live(&one), 6 + 2 * msg);
		assert_int_equal(phone_live(&two), 6 + 2 * msg);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

static const struct CMUnitTest TESTS[] = {
	T(between_syncs),
	T(between_messages),
	T(after_a_broken_session),
};

int
main(int argc, char **argv)
{
	kind = place_kind(argc > 1 ? argv[1] : NULL);
	return cmocka_run_group_tests_name("a site that moves", TESTS, NULL,
					   NULL);
}
