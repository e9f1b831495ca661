/*
 * What the device says about our commands: Status of every kind, and Map.
 */
#include "tests/syncml/raw.h"

/* ---- what the device says about our commands ---------------------------- */

/* The server has one item more than the device, and sends it. */
static void
offer_one(struct raw *r)
{
	struct raw other;

	open_raw(&other, "IMEI:9", "1");
	first_sync(&other, 1, "x");
	open_raw(r, "IMEI:1", "1");
	alert(r, 201, "contacts", NULL, "n1");
	(void)post(r, FINAL | CRED);
	answer_all(r, 200);
	sync_open(r, "contacts");
	sync_close(r);
	(void)post(r, FINAL);
	assert_int_equal(count(r->m, SML_ADD), 1);
}

/* Is it sent again in the next session? */
static int
sent_again(struct raw *r)
{
	ask(r, "2", 200, "n1", "n2");
	return count(r->m, SML_ADD);
}

static void
error_for_our_add(void **state)
{
	static const int bad[] = {
		404, 409, 410, 413, 415, 420, 500, 506, 510
	};
	struct raw r;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		offer_one(&r);
		answer_all(&r, bad[i]);
		(void)post(&r, FINAL);
		assert_int_equal(sent_again(&r), 1);
		bench_close(&bench);
		bench_open(&bench);
	}
}

/* Sync itself refused, and not a word on its items: they did not arrive. */
static void
error_for_our_sync(void **state)
{
	struct raw r;
	const char *msg;

	(void)state;
	offer_one(&r);
	msg = text(r.m->hdr.msgid);
	status(&r, msg, "0", "SyncHdr", 200);
	status(&r, msg, text(sync_of(r.m)->cmdid), "Sync", 500);
	(void)post(&r, FINAL);
	assert_int_equal(sent_again(&r), 1);
}

/* Nor did they when it could not read our message. */
static void
error_for_our_header(void **state)
{
	struct raw r;

	(void)state;
	offer_one(&r);
	status(&r, text(r.m->hdr.msgid), "0", "SyncHdr", 413);
	(void)post(&r, FINAL);
	assert_int_equal(sent_again(&r), 1);
}

/* A Sync refused, but its item accepted by name: that one is there. */
static void
error_for_our_sync_but_not_the_item(void **state)
{
	struct raw r;
	const char *msg;

	(void)state;
	offer_one(&r);
	msg = text(r.m->hdr.msgid);
	status(&r, msg, "0", "SyncHdr", 200);
	status(&r, msg, text(sync_of(r.m)->kids[0].cmdid), "Add", 201);
	status(&r, msg, text(sync_of(r.m)->cmdid), "Sync", 500);
	(void)post(&r, FINAL);
	assert_int_equal(sent_again(&r), 0);
}

static void
no_status_at_all(void **state)
{
	struct raw r;

	(void)state;
	offer_one(&r);
	answer_all(&r, 0);
	(void)post(&r, FINAL);
	assert_int_equal(sent_again(&r), 0);
}

/* Refused by the client: its database stays as it is. */
static void
error_for_our_alert(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 2, "n1");
	again(&r, "2");
	alert(&r, 200, "contacts", "n1", "n2");
	(void)post(&r, FINAL | CRED);
	for (size_t i = 0; i < r.m->cmd_n; i++) {
		if (r.m->cmds[i].tag == SML_ALERT)
			status(&r, "1", text(r.m->cmds[i].cmdid), "Alert", 404);
	}
	(void)post(&r, FINAL);
	assert_true(r.m->final);
	assert_null(sync_of(r.m));
	ask(&r, "3", 200, "n1", "n3");
}

/* 508 from the client: a slow sync, of the direction that was asked for. */
static void
client_wants_slow(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 2, "n1");
	again(&r, "2");
	alert(&r, 200, "contacts", "n1", "n2");
	(void)post(&r, FINAL | CRED);
	for (size_t i = 0; i < r.m->cmd_n; i++) {
		if (r.m->cmds[i].tag == SML_ALERT)
			status(&r, "1", text(r.m->cmds[i].cmdid), "Alert", 508);
	}
	one_change(&r, "contacts", "Replace", "u0", "u0");
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Replace"), 200);
	assert_int_equal(count(r.m, SML_ADD), 1); /* u1 */
	finish(&r);
	assert_int_equal(items_stored(), 2);
	/* A refresh is a slow sync already. */
	again(&r, "3");
	alert(&r, 203, "contacts", "n2", "n3");
	(void)post(&r, FINAL | CRED);
	for (size_t i = 0; i < r.m->cmd_n; i++) {
		if (r.m->cmds[i].tag == SML_ALERT)
			status(&r, "1", text(r.m->cmds[i].cmdid), "Alert", 508);
	}
	one_change(&r, "contacts", "Replace", "u0", "u0");
	(void)post(&r, FINAL);
	assert_int_equal(count(r.m, SML_ADD), 0);
	assert_int_equal(items_stored(), 1);
}

/* ---- Map ---------------------------------------------------------------- */

/* Other device edits the only item: the map decides Replace or Add. */
static void
edit_elsewhere(const char *sid, const char *last, const char *next,
	       const char *name)
{
	struct raw other;

	open_raw(&other, "IMEI:9", "1");
	again(&other, sid);
	alert(&other, 200, "contacts", last, next);
	(void)post(&other, FINAL | CRED);
	answer_all(&other, 200);
	one_change(&other, "contacts", "Replace", "u0", name);
	assert_int_equal(code_of(post(&other, FINAL), "Replace"), 200);
	finish(&other);
}

/* The Map of an earlier session, in package 1, 3 or 5 of the next one. */
static void
map_of_an_earlier_session(void **state)
{
	(void)state;
	for (int where = 0; where < 4; where++) {
		struct raw r;
		struct slice id;

		offer_one(&r);
		id = sync_of(r.m)->kids[0].items[0].source;
		answer_all(&r, 201);
		(void)post(&r, FINAL); /* no Map */
		edit_elsewhere("2", "x", "x2", "Second");
		again(&r, "2");
		if (where == 3) /* nothing but the login in message 1 */
			(void)post(&r, FINAL | CRED);
		alert(&r, 200, "contacts", "n1", "n2");
		if (where == 0 || where == 3) {
			map_open(&r, "contacts");
			map_item(&r, id, "55");
			map_close(&r);
		}
		(void)post(&r, FINAL | (where == 3 ? 0 : CRED));
		if (where == 0 || where == 3)
			assert_int_equal(code_of(r.m, "Map"), 200);
		answer_all(&r, 200);
		if (where == 1) {
			map_open(&r, "contacts");
			map_item(&r, id, "55");
			map_close(&r);
		}
		sync_open(&r, "contacts");
		sync_close(&r);
		(void)post(&r, FINAL);
		assert_int_equal(count(r.m, SML_ADD), 0);
		answer_all(&r, 200);
		if (where == 2) {
			map_open(&r, "contacts");
			map_item(&r, id, "55");
			map_close(&r);
		} else {
			assert_int_equal(count(r.m, SML_REPLACE), 1);
		}
		(void)post(&r, FINAL);
		ask(&r, "3", 200, "n2", "n3");
		assert_int_equal(count(r.m, SML_ADD), 0);
		assert_int_equal(count(r.m, SML_REPLACE), where == 2);
		bench_close(&bench);
		bench_open(&bench);
	}
}

/* A Map that comes again says nothing about what was sent since. */
static void
map_repeated_after_a_replace(void **state)
{
	struct raw r;
	struct slice id;

	(void)state;
	offer_one(&r);
	id = sync_of(r.m)->kids[0].items[0].source;
	answer_all(&r, 201);
	map_open(&r, "contacts");
	map_item(&r, id, "55");
	map_close(&r);
	(void)post(&r, FINAL);
	edit_elsewhere("2", "x", "x2", "Second");
	ask(&r, "2", 200, "n1", "n2");
	assert_int_equal(count(r.m, SML_REPLACE), 1);
	/* It is lost on the way; so was the Status of the Map. */
	again(&r, "3");
	map_open(&r, "contacts");
	map_item(&r, id, "55");
	map_close(&r);
	alert(&r, 200, "contacts", "n1", "n3");
	map_open(&r, "contacts");
	map_item(&r, id, "55");
	map_close(&r);
	(void)post(&r, FINAL | CRED);
	answer_all(&r, 200);
	map_open(&r, "contacts");
	map_item(&r, id, "55");
	map_close(&r);
	sync_open(&r, "contacts");
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Map"), 200);
	assert_int_equal(count(r.m, SML_REPLACE), 1);
}

/* Offered twice in two forms: whichever it kept, it ends with the last. */
static void
map_after_two_offers(void **state)
{
	struct raw r;
	struct slice id;

	(void)state;
	offer_one(&r);
	id = sync_of(r.m)->kids[0].items[0].source; /* stored; answer lost */
	edit_elsewhere("2", "x", "x2", "Second");
	ask(&r, "2", 200, "n1", "n2");
	assert_int_equal(count(r.m, SML_ADD), 1); /* never arrives */
	again(&r, "3");
	alert(&r, 200, "contacts", "n1", "n3");
	(void)post(&r, FINAL | CRED);
	answer_all(&r, 200);
	map_open(&r, "contacts");
	map_item(&r, id, "55");
	map_close(&r);
	sync_open(&r, "contacts");
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(count(r.m, SML_REPLACE), 1);
}

static void
map_for_nothing(void **state)
{
	struct raw r;

	(void)state;
	offer_one(&r);
	answer_all(&r, 201);
	map_open(&r, "nowhere");
	map_item(&r, SLICE_LIT("zz9"), "1");
	map_close(&r);
	map_open(&r, "contacts");
	map_item(&r, SLICE_LIT("zzzz9"), "2");
	map_item(&r, SLICE_LIT("-!"), "3");
	map_item(&r, SLICE_LIT(""), "");
	map_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_nth(r.m, "Map", 0), 404);
	assert_int_equal(code_nth(r.m, "Map", 1), 200);
	ask(&r, "2", 200, "n1", "n2");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(error_for_our_add),
		T(error_for_our_sync),
		T(error_for_our_header),
		T(error_for_our_sync_but_not_the_item),
		T(no_status_at_all),
		T(error_for_our_alert),
		T(client_wants_slow),
		T(map_of_an_earlier_session),
		T(map_repeated_after_a_replace),
		T(map_after_two_offers),
		T(map_for_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
