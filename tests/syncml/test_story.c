/*
 * What a person reads about a session: it must lead to the item and say why a
 * sync was not the one that was asked for.
 */
#include "tests/syncml/raw.h"

#include "syncml/session.h"

/* Is there a line of the newest session with this text? */
static bool
told(const char *line)
{
	struct store_tx *tx;
	struct store_session *s;
	struct store_story *l;
	struct err e;
	size_t l_n = 0;
	bool is = false;

	assert_int_equal(bench.store->v->begin(bench.store, bench.account,
					       STORE_READ, bench.now, &tx, &e),
			 0);
	s = bench_session(&bench, tx);
	assert_int_equal(tx->v->story_get(tx, bench.a, s[0].id, &l, &l_n, &e),
			 0);
	for (size_t i = 0; i < l_n; i++)
		is = is || slice_find_str(l[i].text, line) != SIZE_MAX;
	tx->v->rollback(&tx);
	return is;
}

static void
a_first_sync_is_called_so(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	alert(&r, 200, "contacts", NULL, "n1");
	assert_int_equal(code_of(post(&r, FINAL | CRED), "Alert"), 508);
	assert_true(told("contacts: first sync, slow sync"));
	assert_false(told("anchors do not fit"));
	answer_all(&r, 200);
	sync_open(&r, "contacts");
	sync_close(&r);
	(void)post(&r, FINAL);
	finish(&r);
	again(&r, "2");
	alert(&r, 200, "contacts", "other", "n2");
	assert_int_equal(code_of(post(&r, FINAL | CRED), "Alert"), 508);
	assert_true(told("contacts: anchors do not fit, slow sync"));
	assert_false(told("first sync"));
}

/* The number is the one that `funicular item show` takes. */
static void
a_conflict_names_our_item(void **state)
{
	struct raw r, q;
	int64_t id = 0;
	const struct sml_cmd *add;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 1, "n1");
	open_raw(&q, "IMEI:2", "1");
	alert(&q, 201, "contacts", NULL, "n1");
	(void)post(&q, FINAL | CRED);
	answer_all(&q, 200);
	sync_open(&q, "contacts");
	sync_close(&q);
	add = &sync_of(post(&q, FINAL))->kids[0];
	assert_true(sml_wire_item(add->items[0].source, &id));
	map_open(&q, "contacts");
	map_item(&q, add->items[0].source, "q9");
	map_close(&q);
	finish(&q);
	/* Both change it. */
	again(&r, "2");
	alert(&r, 200, "contacts", "n1", "n2");
	(void)post(&r, FINAL | CRED);
	answer_all(&r, 200);
	one_change(&r, "contacts", "Replace", "u0", "Anna");
	(void)post(&r, FINAL);
	finish(&r);
	again(&q, "2");
	alert(&q, 200, "contacts", "n1", "n2");
	(void)post(&q, FINAL | CRED);
	answer_all(&q, 200);
	one_change(&q, "contacts", "Replace", "q9", "Bert");
	(void)post(&q, FINAL);
	assert_true(told(
	    arena_printf(bench.a,
			 "conflict in item %lld (LUID q9): ", (long long)id)
		.p));
}

/* Days, and no numbers of milliseconds. */
static void
a_filter_is_told_in_dates(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	alert(&r, 201, "calendar?/dr(-7,30)", NULL, "n1");
	(void)post(&r, FINAL | CRED);
	assert_true(told("only items from 2025-12-25 before 2026-02-01; the "
			 "others leave the device"));
	open_raw(&r, "IMEI:2", "1");
	alert(&r, 201, "calendar?SINCE&amp;EQ;20260102T030405Z", NULL, "n1");
	(void)post(&r, FINAL | CRED);
	assert_true(told("only items from 2026-01-02T03:04:05Z; the others "
			 "leave the device"));
	open_raw(&r, "IMEI:3", "1");
	alert(&r, 201, "contacts?CATEGORIES&amp;EQ;work", NULL, "n1");
	(void)post(&r, FINAL | CRED);
	assert_true(told("only items with CATEGORIES&EQ;work; the others "));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_first_sync_is_called_so),
		T(a_conflict_names_our_item),
		T(a_filter_is_told_in_dates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
