/*
 * Package 1, the order of messages, logins: what phones really send.
 */
#include "tests/syncml/raw.h"

/* ---- package 1 ---------------------------------------------------------- */

/* A phone that asks without credentials first, and always as session 1. */
static void
same_session_id_right_after(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	for (int round = 0; round < 3; round++) {
		again(&r, "1");
		alert(&r, 200, "contacts", NULL, "n");
		assert_int_equal(code_of(post(&r, FINAL), "SyncHdr"), 407);
		assert_int_equal(code_of(r.m, "Alert"), 407);
		alert(&r, 201, "contacts", NULL, "n");
		assert_int_equal(code_of(post(&r, FINAL | CRED), "SyncHdr"),
				 212);
		answer_all(&r, 200);
		one_change(&r, "contacts", "Add", "1", "Anna");
		assert_int_equal(code_of(post(&r, FINAL), "Add"), 201);
		finish(&r);
	}
	assert_int_equal(items_stored(), 1);
}

/* A wrong password, twice the same bytes, then the right one. */
static void
refused_then_right(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	alert(&r, 200, "contacts", NULL, "n");
	assert_int_equal(code_of(post(&r, FINAL | BADCRED), "SyncHdr"), 401);
	send_bytes(&r, r.sent);
	assert_false(r.raw.duplicate);
	assert_int_equal(code_of(r.m, "SyncHdr"), 401);
	again(&r, "1"); /* MsgID 1 once more */
	first_sync(&r, 1, "n1");
	assert_int_equal(items_stored(), 1);
}

/* Logged in by a message without commands (M600i): the Alert comes later. */
static void
alert_in_second_message(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	assert_int_equal(code_of(post(&r, FINAL | CRED), "SyncHdr"), 212);
	alert(&r, 201, "contacts", NULL, "n1");
	assert_int_equal(code_of(post(&r, FINAL), "Alert"), 200);
	assert_int_equal(our_alert(r.m), 201);
	answer_all(&r, 200);
	one_change(&r, "contacts", "Add", "1", "Anna");
	assert_int_equal(code_of(post(&r, FINAL), "Add"), 201);
	finish(&r);
	ask(&r, "2", 200, "n1", "n2");
	assert_int_equal(count(r.m, SML_ADD), 0);
}

/* One database after the other in the same session. */
static void
databases_one_after_another(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 2, "n1");
	alert(&r, 201, "notes", NULL, "m1");
	assert_int_equal(code_of(post(&r, FINAL), "Alert"), 200);
	assert_int_equal(our_alert(r.m), 201);
	answer_all(&r, 200);
	sync_open(&r, "notes");
	sync_close(&r);
	assert_int_equal(code_of(post(&r, FINAL), "Sync"), 200);
	finish(&r);
	ask(&r, "2", 200, "n1", "n2");
	finish(&r);
}

/* Credentials in every message, no RespURI, package 1 in two messages. */
static void
package_1_in_two_messages(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	r.no_token = true;
	alert(&r, 201, "contacts", NULL, "n1");
	assert_int_equal(code_of(post(&r, CRED), "Alert"), 200);
	alert(&r, 201, "notes", NULL, "m1");
	assert_int_equal(code_of(post(&r, FINAL | CRED), "Alert"), 200);
	assert_int_equal(our_alert(r.m), 201);
	answer_all(&r, 200);
	one_change(&r, "contacts", "Add", "1", "Anna");
	sync_open(&r, "notes");
	sync_close(&r);
	(void)post(&r, FINAL | CRED);
	assert_int_equal(code_nth(r.m, "Sync", 0), 200);
	assert_int_equal(code_of(r.m, "Add"), 201);
	assert_int_equal(code_nth(r.m, "Sync", 1), 200);
}

/* Alert and Sync together; the anchors of one of two databases fail. */
static void
combined_init_and_sync(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 2, "n1");
	again(&r, "2");
	alert(&r, 200, "contacts", "n1", "n2");
	alert(&r, 200, "notes", "never", "m1");
	one_change(&r, "contacts", "Add", "9", "Nina");
	one_change(&r, "notes", "Add", "9", "Nobody");
	(void)post(&r, FINAL | CRED);
	assert_int_equal(code_nth(r.m, "Alert", 0), 200);
	assert_int_equal(code_nth(r.m, "Alert", 1), 508);
	assert_int_equal(code_nth(r.m, "Sync", 0), 200);
	assert_int_equal(code_nth(r.m, "Sync", 1), 508);
	assert_int_equal(code_nth(r.m, "Add", 0), 201);
	assert_int_equal(code_nth(r.m, "Add", 1), 508);
	assert_int_equal(items_stored(), 3);
	/* It sends the refused one as a slow sync. */
	answer_all(&r, 200);
	sync_open(&r, "notes");
	sync_close(&r);
	assert_int_equal(code_of(post(&r, FINAL), "Sync"), 200);
	assert_non_null(sync_of(r.m));
	finish(&r);
	ask(&r, "3", 200, "n2", "n3");
	assert_int_equal(count(r.m, SML_ADD), 0);
}

/* ---- order and repetition ----------------------------------------------- */

static void
repeated_and_late_messages(void **state)
{
	struct raw r;
	struct slice first, second, answer;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	alert(&r, 201, "contacts", NULL, "n1");
	(void)post(&r, FINAL | CRED);
	first = r.sent;
	answer = r.raw.body;
	send_bytes(&r, first);
	assert_true(r.raw.duplicate);
	assert_true(slice_eq(r.raw.body, answer));
	answer_all(&r, 200);
	one_change(&r, "contacts", "Add", "1", "Anna");
	(void)post(&r, FINAL);
	second = r.sent;
	answer = r.raw.body;
	send_bytes(&r, second);
	assert_true(r.raw.duplicate);
	assert_true(slice_eq(r.raw.body, answer));
	finish(&r);
	/* A late copy of an older one changes nothing. */
	send_bytes(&r, second);
	assert_false(r.raw.duplicate);
	assert_int_equal(code_of(r.m, "SyncHdr"), 400);
	assert_int_equal(items_stored(), 1);
	ask(&r, "2", 200, "n1", "n2");
	assert_int_equal(count(r.m, SML_ADD), 0);
}

static void
a_gap_ends_the_session(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 1, "n1");
	again(&r, "2");
	alert(&r, 200, "contacts", "n1", "n2");
	(void)post(&r, FINAL | CRED);
	r.msgid = 5;
	one_change(&r, "contacts", "Add", "7", "Lost");
	assert_int_equal(code_of(post(&r, FINAL), "SyncHdr"), 400);
	assert_int_equal(items_stored(), 1);
	r.msgid = 2;
	sync_open(&r, "contacts");
	sync_close(&r);
	assert_int_equal(code_of(post(&r, FINAL), "SyncHdr"), 408);
	ask(&r, "3", 200, "n1", "n3"); /* its anchors still fit */
}

/* A client keeps last year's RespURI: its credentials must still count. */
static void
stale_token_with_credentials(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 1, "n1");
	bench.now += SML_SESSION_IDLE_MS * 2;
	r.sid = "2";
	r.msgid = 1; /* with the old token */
	alert(&r, 200, "contacts", "n1", "n2");
	assert_int_equal(code_of(post(&r, FINAL | CRED), "SyncHdr"), 212);
	finish(&r);
	bench.now += SML_SESSION_IDLE_MS * 2;
	r.sid = "3";
	r.msgid = 2; /* as after a 407 */
	alert(&r, 200, "contacts", "n1", "n2");
	assert_int_equal(code_of(post(&r, FINAL | CRED), "SyncHdr"), 212);
}

/* No RespURI, and an address that changes: 407, then credentials. */
static void
address_changes_without_respuri(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	r.no_token = true;
	alert(&r, 201, "contacts", NULL, "n1");
	assert_int_equal(code_of(post(&r, FINAL | CRED), "SyncHdr"), 212);
	r.peer = "192.0.2.99";
	answer_all(&r, 200);
	one_change(&r, "contacts", "Add", "1", "Anna");
	assert_int_equal(code_of(post(&r, FINAL), "SyncHdr"), 407);
	one_change(&r, "contacts", "Add", "1", "Anna");
	assert_int_equal(code_of(post(&r, FINAL | CRED), "SyncHdr"), 200);
	assert_int_equal(code_of(r.m, "Add"), 201);
	assert_int_equal(items_stored(), 1);
}

/* The stored answer is for the one who was answered. */
static void
stored_answer_for_its_address(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	r.no_token = true;
	alert(&r, 201, "contacts", NULL, "n1");
	(void)post(&r, FINAL | CRED);
	answer_all(&r, 200);
	sync_open(&r, "contacts");
	sync_close(&r);
	(void)post(&r, FINAL);
	send_bytes(&r, r.sent);
	assert_true(r.raw.duplicate);
	r.peer = "198.51.100.1";
	send_bytes(&r, r.sent);
	assert_false(r.raw.duplicate);
	assert_int_equal(code_of(r.m, "SyncHdr"), 407);
}

/* Same SessionID and MsgIDs, one address, no RespURI: two devices. */
static void
two_devices_at_one_address(void **state)
{
	struct raw r, q;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	open_raw(&q, "IMEI:2", "1");
	r.no_token = q.no_token = true;
	alert(&r, 201, "contacts", NULL, "n1");
	(void)post(&r, FINAL | CRED);
	alert(&q, 201, "contacts", NULL, "n1");
	(void)post(&q, FINAL | CRED);
	answer_all(&r, 200);
	one_change(&r, "contacts", "Add", "1", "Anna");
	assert_int_equal(code_of(post(&r, FINAL), "Add"), 201);
	answer_all(&q, 200);
	one_change(&q, "contacts", "Add", "1", "Bert");
	assert_int_equal(code_of(post(&q, FINAL), "Add"), 201);
	assert_int_equal(count(q.m, SML_ADD), 1); /* Anna */
	assert_int_equal(items_stored(), 2);
}

static void
a_second_session_takes_over(void **state)
{
	struct raw r, q;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 1, "n1");
	again(&r, "2");
	alert(&r, 200, "contacts", "n1", "n2");
	(void)post(&r, FINAL | CRED);
	q = r;
	again(&q, "3");
	alert(&q, 200, "contacts", "n1", "n3");
	assert_int_equal(code_of(post(&q, FINAL | CRED), "SyncHdr"), 212);
	one_change(&r, "contacts", "Add", "2", "Late");
	assert_int_equal(code_of(post(&r, FINAL), "SyncHdr"), 408);
	assert_int_equal(items_stored(), 1);
	answer_all(&q, 200);
	one_change(&q, "contacts", "Add", "2", "Now");
	assert_int_equal(code_of(post(&q, FINAL), "Add"), 201);
	finish(&q);
}

static void
disabled_in_the_middle(void **state)
{
	struct raw r;
	struct store_tx *tx;
	struct store_account acc;
	struct err e;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	alert(&r, 201, "contacts", NULL, "n1");
	(void)post(&r, FINAL | CRED);
	assert_int_equal(bench.store->v->begin(bench.store, bench.account,
					       STORE_WRITE, bench.now, &tx, &e),
			 0);
	assert_int_equal(tx->v->account_get(tx, bench.a, &acc, &e), 0);
	acc.disabled = true;
	assert_int_equal(tx->v->account_set(tx, &acc, &e), 0);
	assert_int_equal(tx->v->commit(&tx, &e), 0);
	one_change(&r, "contacts", "Add", "1", "Anna");
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "SyncHdr"), 403);
	assert_int_equal(code_of(r.m, "Add"), 403);
	assert_int_equal(items_stored(), 0);
}

static void
expired_session(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	alert(&r, 201, "contacts", NULL, "n1");
	(void)post(&r, FINAL | CRED);
	bench.now += SML_SESSION_IDLE_MS + 1;
	one_change(&r, "contacts", "Add", "1", "Anna");
	assert_int_equal(code_of(post(&r, FINAL), "SyncHdr"), 408);
	assert_int_equal(items_stored(), 0);
}

/* S-SYNC-13: Sync and Map without the names of the databases, or with the two
   the wrong way round; where there are several, it is not guessed. */
static void
databases_unnamed(void **state)
{
	static const char *const rows[] = {
		"",
		"<Target><LocURI>./Ccontacts</LocURI></Target><Source><LocURI>"
		"./contacts</LocURI></Source>",
	};
	struct raw o, r;

	(void)state;
	open_raw(&o, "IMEI:9", "1");
	first_sync(&o, 1, "o1");
	for (int i = 0; i < 4; i++) {
		bool two = i >= 2;
		int good = i == 2 ? 404 : 200;

		open_raw(&r,
			 i == 0   ? "A"
			 : i == 1 ? "B"
			 : i == 2 ? "C"
				  : "D",
			 "1");
		alert(&r, 201, "contacts", NULL, "n1");
		if (two)
			alert(&r, 201, "notes", NULL, "n1");
		(void)post(&r, FINAL | CRED);
		answer_all(&r, 200);
		if (two) {
			sync_open(&r, "notes");
			sync_close(&r);
		}
		buf_printf(&r.body, "<Sync><CmdID>%d</CmdID>%s", ++r.cmdid,
			   rows[i % 2]);
		change(&r, "Add", "1", "u0");
		sync_close(&r);
		(void)post(&r, FINAL);
		assert_int_equal(code_nth(r.m, "Sync", two ? 1 : 0), good);
		assert_int_equal(code_of(r.m, "Add"), good == 404 ? 404 : 201);
		answer_all(&r, 201);
		buf_printf(&r.body,
			   "<Map><CmdID>%d</CmdID>%s<MapItem><Target><LocURI>1"
			   "</LocURI></Target><Source><LocURI>x</LocURI>"
			   "</Source></MapItem></Map>",
			   ++r.cmdid, rows[i % 2]);
		(void)post(&r, FINAL);
		assert_int_equal(code_of(r.m, "Map"), good);
	}
	assert_int_equal(items_stored(), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(same_session_id_right_after),
		T(refused_then_right),
		T(alert_in_second_message),
		T(databases_one_after_another),
		T(package_1_in_two_messages),
		T(combined_init_and_sync),
		T(repeated_and_late_messages),
		T(a_gap_ends_the_session),
		T(stale_token_with_credentials),
		T(databases_unnamed),
		T(address_changes_without_respuri),
		T(stored_answer_for_its_address),
		T(two_devices_at_one_address),
		T(a_second_session_takes_over),
		T(disabled_in_the_middle),
		T(expired_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
