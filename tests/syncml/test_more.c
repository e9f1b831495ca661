/*
 * Model phones again: what breaks in the middle, what is short, what comes
 * twice.
 */
#include "tests/syncml/raw.h"

static struct phone one, two;

static int
phones(void **state)
{
	(void)set_up(state);
	phone_init(&one, &bench, "IMEI:1");
	phone_init(&two, &bench, "IMEI:2");
	return 0;
}

static void
fill(struct phone *p, int n)
{
	for (int i = 0; i < n; i++)
		(void)phone_add(
		    p, card(&bench, arena_printf(bench.a, "Name%d", i).p,
			    arena_printf(bench.a, "+49%d", 1000 + i).p, NULL));
}

static void
settled(struct phone *p)
{
	assert_true(phone_sync(p, 200));
	assert_int_equal(p->alert, 200);
	assert_int_equal(p->sent_n, 0);
	assert_int_equal(p->got_add + p->got_replace + p->got_delete, 0);
}

/* ---- equal items ----------------------------------------------------------
 */

/* Thirty equal items on two phones stay thirty. */
static void
many_equal_items(void **state)
{
	(void)state;
	for (int i = 0; i < 30; i++) {
		(void)phone_add(&one, card(&bench, "Twin", "+491", NULL));
		(void)phone_add(&two, card(&bench, "Twin", "+491", NULL));
	}
	assert_true(phone_sync(&one, 201));
	two.per_msg = 7;
	assert_true(phone_sync(&two, 201));
	assert_int_equal(two.got_add, 0);
	assert_int_equal(items_stored(), 30);
	settled(&one);
	settled(&two);
}

/* One of two equal items was edited on a phone that the server has not met. */
static void
one_twin_was_edited(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		(void)phone_add(&one, card(&bench, "Twin", "+491", NULL));
	assert_true(phone_sync(&one, 201));
	(void)phone_add(&two, card(&bench, "Twin", "+491", NULL));
	(void)phone_add(&two, card(&bench, "Twin", "+491", "TITLE:Chief\r\n"));
	assert_true(phone_sync(&two, 201));
	assert_int_equal(phone_live(&two), 2);
	assert_int_equal(items_stored(), 2);
}

/* ---- deletions ------------------------------------------------------------
 */

/* The package with the deletions comes in pieces and breaks in the middle. */
static void
brake_over_a_broken_session(void **state)
{
	(void)state;
	fill(&one, 60);
	assert_true(phone_sync(&one, 201));
	assert_true(phone_sync(&two, 201));
	for (size_t i = 0; i < 24; i++)
		phone_delete(&one.item[i]);
	one.per_msg = 8;
	one.lose_reply_of = 3;
	assert_false(phone_sync(&one, 200));
	one.lose_reply_of = 0;
	assert_true(phone_sync(&one, 200));
	/* 24 of 60 are too many, however they came. */
	assert_int_equal(items_stored(), 60);
	settled(&two);
	assert_int_equal(phone_live(&two), 60);
	/* A few are not. */
	phone_delete(phone_find(&one, "Name50;"));
	phone_delete(phone_find(&one, "Name51;"));
	one.lose_reply_of = 2;
	assert_false(phone_sync(&one, 200));
	one.lose_reply_of = 0;
	assert_true(phone_sync(&one, 200));
	assert_int_equal(items_stored(), 58);
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.got_delete, 2);
	settled(&one);
	settled(&two);
}

/* ---- broken in the middle -------------------------------------------------
 */

/* Every sync type, broken at every message, in small messages. */
static void
break_one(int type, int msg, bool resume)
{
	size_t n;
	bool broke;

	fill(&one, 6);
	assert_true(phone_sync(&one, 201));
	fill(&two, 3); /* three of them, and one more */
	(void)phone_add(&two, card(&bench, "Mine", "+4999", NULL));
	assert_true(phone_sync(&two, 201));
	assert_true(phone_sync(&one, 200));
	assert_int_equal(items_stored(), 7);
	phone_edit(phone_find(&one, "Name4;"),
		   card(&bench, "Name4", "+49444", NULL), &one);
	(void)phone_add(&one, card(&bench, "New", "+4977", NULL));
	assert_true(phone_sync(&one, 200));
	two.max_msg = 2700;
	two.per_msg = 2;
	two.lose_reply_of = msg;
	broke = !phone_sync(&two, type);
	two.lose_reply_of = 0;
	/* Then as its user would: the same again, or what was left of it;
	   then ordinary ones. */
	assert_true(phone_sync(&two, resume ? 225 : type));
	if (resume && broke && two.alert != type)
		fail_msg("type %d broken at %d: resumed as %d", type, msg,
			 two.alert);
	assert_true(phone_sync(&two, 200));
	assert_true(phone_sync(&one, 200));
	assert_true(phone_sync(&two, 200));
	settled(&one);
	settled(&two);
	n = phone_live(&two);
	assert_int_equal(items_stored(), (int)n);
	assert_int_equal(phone_live(&one), n);
	/* Nothing is lost; only a refresh from it takes things away. */
	if (type != 203 && n != 8)
		fail_msg("type %d broken at %d: %zu items", type, msg, n);
	assert_non_null(phone_find(&two, "Mine"));
}

static void
every_type_broken_at_every_message(void **state)
{
	static const int types[] = { 200, 201, 202, 203, 204, 205 };

	for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
		for (int msg = 1; msg <= 7; msg++) {
			break_one(types[t], msg, false);
			(void)tear_down(state);
			(void)phones(state);
		}
	}
}

static void
every_type_resumed_at_every_message(void **state)
{
	for (int type = 200; type <= 205; type++) {
		for (int msg = 1; msg <= 7; msg++) {
			break_one(type, msg, true);
			(void)tear_down(state);
			(void)phones(state);
		}
	}
}

static const char *
big_card(const char *name)
{
	struct buf big = BUF_IN(bench.a);

	buf_str(&big, "NOTE:");
	for (int i = 0; i < 9000; i++)
		buf_byte(&big, (unsigned char)('a' + i % 26));
	buf_str(&big, "\r\n");
	return card(&bench, name, "+491", arena_cstr(bench.a, buf_slice(&big)));
}

/* A large object that goes out in pieces, broken at each of them. */
static void
large_object_broken_on_its_way(void **state)
{
	(void)state;
	for (int i = 0; i < 16; i++) {
		int msg = 2 + i % 8;
		struct phone_item *it;

		fill(&one, 3);
		(void)phone_add(&one, big_card("Large"));
		assert_true(phone_sync(&one, 201));
		assert_true(phone_sync(&two, 201));
		phone_edit(phone_find(&one, "Large"), big_card("Larger"), &one);
		(void)phone_add(&one, big_card("Second"));
		assert_true(phone_sync(&one, 200));
		two.max_msg = 3000;
		two.lose_reply_of = msg;
		assert_false(phone_sync(&two, 200));
		two.lose_reply_of = 0;
		assert_true(phone_sync(&two, i < 8 ? 200 : 225));
		assert_int_equal(phone_live(&two), 5);
		it = phone_find(&two, "Larger");
		assert_non_null(it);
		assert_true(it->body.n > 9000);
		assert_non_null(phone_find(&two, "Second"));
		settled(&two);
		settled(&one);
		(void)tear_down(state);
		(void)phones(state);
	}
}

/* ---- memory ---------------------------------------------------------------
 */

static void
items_of(struct raw *r, int n)
{
	for (int i = 0; i < n; i++) {
		const char *luid = arena_printf(bench.a, "m%d", i).p;

		change(r, "Add", luid, arena_printf(bench.a, "Item%d", i).p);
	}
	/* Like the first, and not the same. */
	change(r, "Replace", "like", "Item0 Smith");
}

/* The answer without what differs from session to session. */
static int
good_statuses(const struct sml_msg *m)
{
	int n = 0;

	for (int i = 0; code_nth(m, "Add", i) == 201; i++)
		n++;
	return n + (code_of(m, "Replace") == 200 || code_of(m, "Replace") == 201
			? 1
			: 0);
}

/*
 * Each allocation of a message fails in turn: the answer is "try again", or
 * the right one, and nothing is doubled.
 */
static void
memory_fails_once(void **state)
{
	enum { ITEMS = 6, ENOUGH = 200 };
	struct raw r;
	int in_row = 0;
	int stored;

	(void)state;
	open_raw(&r, "IMEI:7", "1");
	alert(&r, 201, "contacts", NULL, "n");
	(void)post(&r, FINAL | CRED);
	sync_open(&r, "contacts");
	items_of(&r, ITEMS);
	sync_close(&r);
	(void)post(&r, FINAL);
	stored = items_stored();
	for (size_t at = 1; in_row < ENOUGH; at += 1) {
		struct raw q;
		struct slice good, bytes;
		struct sml_reply out;

		/* Another device each time would hide a doubled item: the
		   same one, which has forgotten its map. */
		open_raw(&q, "IMEI:8", "1");
		again(&q, arena_printf(bench.a, "%zu", at).p);
		alert(&q, 201, "contacts", NULL, "n");
		(void)post(&q, FINAL | CRED);
		answer_all(&q, 200);
		sync_open(&q, "contacts");
		items_of(&q, ITEMS);
		sync_close(&q);
		prepare(&q, FINAL);
		bytes = q.sent;
		arena_fail_at(bench.a, at, false);
		bench_post(&bench, bytes, slice_c(q.token), &out);
		arena_fail_at(bench.a, 0, false);
		in_row = out.http == 200 ? in_row + 1 : 0;
		if (out.http != 200)
			if (out.http != 503)
				fail_msg("allocation %zu: HTTP %d, %.*s", at,
					 out.http, SLICE_ARG(out.note));
		good = out.body;
		bench_post(&bench, bytes, slice_c(q.token), &out);
		assert_int_equal(out.http, 200);
		/* What was answered with one failure is what is answered. */
		if (in_row > 0)
			assert_true(slice_eq(good, out.body));
		q.raw = out;
		read_answer(&q);
		if (good_statuses(q.m) != ITEMS + 1)
			fail_msg("allocation %zu: %.*s", at,
				 SLICE_ARG(out.body));
		if (items_stored() != stored)
			fail_msg("allocation %zu doubled an item", at);
	}
}

/* Memory of one message: a full one of a slow sync, matched once more. */
static void
memory_follows_the_message(void **state)
{
	struct raw r;
	size_t used;

	(void)state;
	bench.conf.max_msg_bytes = 1000000;
	open_raw(&r, "IMEI:7", "1");
	r.max_msg = 1000000;
	for (int round = 0; round < 2; round++) {
		r.dev = round == 0 ? "IMEI:7" : "IMEI:8";
		again(&r, "1");
		alert(&r, 201, "contacts", NULL, "n");
		(void)post(&r, FINAL | CRED);
		sync_open(&r, "contacts");
		items_of(&r, 3000);
		sync_close(&r);
		used = arena_used(bench.a);
		(void)post(&r, FINAL);
		used = arena_used(bench.a) - used;
		assert_int_equal(good_statuses(r.m), 3001);
		assert_true(used < SML_ARENA_BYTES_MAX / 2);
	}
	assert_int_equal(items_stored(), 3001);
}

#define P(f) cmocka_unit_test_setup_teardown(f, phones, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		P(many_equal_items),
		P(one_twin_was_edited),
		P(brake_over_a_broken_session),
		P(every_type_broken_at_every_message),
		P(every_type_resumed_at_every_message),
		P(large_object_broken_on_its_way),
		P(memory_fails_once),
		P(memory_follows_the_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
