/* Who is woken when, what goes out, and what comes of it. */
#include "tests/push/kit.h"

#include "server/push/push.h"
#include "syncml/auth.h"

#include <stdio.h>

/* ---- who is woken -------------------------------------------------------- */

static void
the_other_device(void **state)
{
	static const char trigger[] = "\x03\x18\0\0\0\0\x01\x08groupsrv\x10"
				      "\x60\0\0\x07\x0a./contacts";
	const struct w_seen *m = &gate.msg[0];

	(void)state;
	w_one_adds("Bert");
	w_saw(1);
	assert_string_equal(m->to, "+49123");
	assert_string_equal(m->type, "application/vnd.syncml.ds.notification");
	assert_string_equal(m->app, "x-wap-application:push.syncml");
	/* No secret: no digest. */
	for (size_t i = 0; i < 16; i++)
		assert_int_equal(m->body[i], 0);
	assert_int_equal(m->n, 16 + sizeof(trigger) - 1);
	assert_memory_equal(m->body + 16, trigger, sizeof(trigger) - 1);
	assert_int_equal(w_last_notice().answer, STORE_NOTICE_WAITS);
	/* Once, however often anybody looks, and whatever more comes. */
	w_one_adds("Carl");
	w_saw(1);
	/* It comes, and has all. */
	bench.now += 5000;
	assert_true(phone_sync(&two, 206));
	assert_int_equal(two.got_add, 2);
	w_saw(1);
	assert_int_equal(w_last_notice().answer, STORE_NOTICE_TYPE);
	assert_true(w_last_notice().session > 0);
	assert_in_range(bench.now - w_last_notice().started_ms, 0, 5000);
	bench.now += 2 * 24 * 3600 * (int64_t)1000;
	w_saw(1);
}

static void
not_for_its_own_changes(void **state)
{
	(void)state;
	(void)phone_add(&two, card(&bench, "Own", "+491", NULL));
	assert_true(phone_sync(&two, 200));
	w_saw(0);
	bench.now += 10 * W_MINUTE;
	w_saw(0);
	/* A merge that it was not told of yet, does wake it. */
	assert_true(phone_sync(&one, 200));
	w_saw(0);
}

/* Imports and administrators write items, too. */
static void
whoever_writes(void **state)
{
	struct store_tx *tx = w_begin(STORE_WRITE);
	struct store_collection *col;
	struct store_write w;
	size_t n;

	(void)state;
	assert_int_equal(tx->v->collection_list(tx, bench.a, &col, &n, NULL),
			 0);
	w = (struct store_write){
		.item = tx->next_id++,
		.create = true,
		.revision = 1,
		.collection = col[0].id,
		.kind = PIM_CONTACT,
		.body = SLICE_LIT("BEGIN:VCARD\r\nVERSION:3.0\r\nN:X\r\n"
				  "FN:X\r\nEND:VCARD\r\n"),
		.origin = STORE_BY_IMPORT,
	};
	for (size_t i = 0; i < n; i++) {
		if (slice_is(col[i].name, "contacts"))
			w.collection = col[i].id;
	}
	assert_int_equal(tx->v->item_put(tx, &w, 1, NULL), 0);
	w_commit(&tx);
	w_saw(1);
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.got_add, 1);
	assert_int_equal(w_last_notice().answer, STORE_NOTICE_SYNC);
}

static void
only_for_what_it_wants(void **state)
{
	(void)state;
	w_wants("collections calendar, notes\n");
	w_one_adds("Bert");
	w_saw(0);
	w_wants("collections calendar, Contacts\n");
	w_one_adds("Carl");
	w_saw(1);
}

static void
disabled_or_gone(void **state)
{
	struct store_tx *tx;
	struct store_device d;

	(void)state;
	gate.way = DOWN;
	w_one_adds("Bert");
	w_saw(0);
	tx = w_begin(STORE_WRITE);
	d = w_device(tx, two.dev);
	d.disabled = true;
	assert_int_equal(tx->v->device_put(tx, &d, NULL), 0);
	w_commit(&tx);
	gate.way = CONFIRMS;
	bench.now += W_MINUTE;
	w_saw(0);
	assert_true(slice_is(
	    w_row(arena_cstr(bench.a, w_last_notice().delivery)).reason,
	    "the device is disabled"));
}

/* Another address meanwhile: not to the old one. */
static void
moved_elsewhere(void **state)
{
	struct store_tx *tx;
	struct store_push *p;
	size_t n;

	(void)state;
	gate.way = DOWN;
	w_one_adds("Bert");
	w_saw(0);
	tx = w_begin(STORE_WRITE);
	assert_int_equal(tx->v->push->push_list(tx, bench.a, &p, &n, NULL), 0);
	p->address = SLICE_LIT("+49555");
	assert_int_equal(tx->v->push->push_put(tx, p, NULL), 0);
	w_commit(&tx);
	gate.way = CONFIRMS;
	bench.now += W_MINUTE;
	w_saw(0);
}

/* ---- when ---------------------------------------------------------------- */

static void
pauses_between(void **state)
{
	int64_t first;

	(void)state;
	w_one_adds("Bert");
	w_saw(1);
	first = w_row(gate.msg[0].id).written_ms;
	assert_true(phone_sync(&two, 206));
	w_one_adds("Carl");
	w_saw(1);
	srv_alarms_free(&w_al);
	w_node();
	bench.now = first + W_MINUTE - 1;
	w_saw(1);
	bench.now = first + W_MINUTE;
	w_saw(2);
	/* Each notice has a number of its own. */
	assert_int_equal(gate.msg[0].body[22], 1);
	assert_int_equal(gate.msg[1].body[22], 2);
	assert_string_not_equal(gate.msg[0].id, gate.msg[1].id);
}

/* What changes in a pause is one notice. */
static void
one_for_all_that_waits(void **state)
{
	struct phone cal;

	(void)state;
	phone_init(&cal, &bench, "IMEI:2");
	cal.db = "notes";
	cal.type = "text/plain";
	w_one_adds("Bert");
	w_saw(1);
	assert_true(phone_sync(&two, 206));
	w_one_adds("Carl");
	w_saw(1);
	bench.now += 20000;
	w_one_adds("Dora");
	w_saw(1);
	bench.now += 41000;
	w_saw(2);
	bench.now += W_MINUTE;
	w_saw(2);
}

static void
not_in_quiet_hours(void **state)
{
	(void)state;
	w_wants("quiet 08:30-10:15\n"); /* in Berlin; there it is 09:00 */
	w_one_adds("Bert");
	w_saw(0);
	bench.now += 74 * W_MINUTE;
	w_saw(0);
	bench.now += 1 * W_MINUTE;
	w_saw(1);
}

/* Nor is one repeated in them, or sent late, or when the daemon was away. */
static void
quiet_for_the_late_too(void **state)
{
	(void)state;
	w_wants("quiet 09:05-10:15\n"); /* it is 09:00 */
	w_one_adds("Bert");
	w_saw(1);
	bench.now += 11 * W_MINUTE; /* of a repeat */
	w_saw(1);
	assert_true(slice_is(w_row(gate.msg[0].id).reason, "quiet hours"));
	assert_int_equal(w_row(gate.msg[0].id).state, STORE_DELIVERY_SENT);
	bench.now += 65 * W_MINUTE;
	w_saw(2);
	assert_string_equal(gate.msg[0].id, gate.msg[1].id);
	assert_true(phone_sync(&two, 206));
	w_wants("quiet 10:20-11:00\ngap 0\n");
	gate.way = DOWN;
	w_one_adds("Carl"); /* at 10:16 */
	w_saw(2);
	bench.now += 10 * W_MINUTE;
	gate.way = CONFIRMS;
	srv_alarms_free(&w_al);
	w_node();
	w_saw(2);
	bench.now += 40 * W_MINUTE;
	w_saw(3);
}

/* What a phone gets within a day is bounded; what is more waits for the next
   one. */
static void
share_of_the_day(void **state)
{
	const int64_t start = bench.now;

	(void)state;
	w_wants("day 3\ngap 0\n");
	for (size_t i = 1; i <= 3; i++) {
		w_one_adds("Bert");
		w_saw(i);
		assert_true(phone_sync(&two, 206));
		bench.now += W_MINUTE;
	}
	w_one_adds("Carl");
	w_saw(3);
	/* It holds for who comes after a restart, and for repeats. */
	srv_alarms_free(&w_al);
	w_node();
	w_saw(3);
	assert_true(slice_is(
	    w_row(arena_cstr(bench.a, w_last_notice().delivery)).reason,
	    "the device's share of the day is used up"));
	bench.now = start + STORE_PUSH_DAY_MS - 1000;
	w_saw(3);
	bench.now = start + STORE_PUSH_DAY_MS + 10000;
	w_saw(4);
	/* What it came for meanwhile it needs no message of. */
	for (size_t i = 1; i < 3; i++) {
		assert_true(phone_sync(&two, 206));
		w_one_adds("Dora");
		w_saw(4 + i);
	}
	assert_true(phone_sync(&two, 206));
	w_one_adds("Emil");
	w_saw(6);
	assert_true(phone_sync(&two, 206));
	bench.now += 2 * (int64_t)STORE_PUSH_DAY_MS;
	w_saw(6);
}

/* Repeats are messages, too, and what does not leave is none. */
static void
repeats_have_their_share(void **state)
{
	(void)state;
	w_wants("day 2\n");
	gate.way = FAILS;
	w_one_adds("Bert");
	for (size_t i = 1; i < 5; i++) {
		w_saw(i);
		bench.now += 10 * W_MINUTE;
	}
	gate.way = CONFIRMS;
	w_saw(5);
	bench.now += 2 * 60 * W_MINUTE;
	w_saw(6);
	bench.now += 7 * 60 * W_MINUTE;
	w_saw(6);
	/* A test is somebody's wish. */
	(void)w_test();
	w_saw(7);
	bench.now += 25 * 60 * W_MINUTE;
	w_saw(8);
}

/* SMS have a limit if nobody said one; 0 takes it away. */
static void
share_by_default(void **state)
{
	(void)state;
	for (size_t i = 0; i < W_DAY_MAX + 2; i++) {
		w_wants(i < W_DAY_MAX + 1 ? "gap 0\n" : "gap 0\nday 0\n");
		w_one_adds("Bert");
		w_saw(i <= W_DAY_MAX ? i + (i < W_DAY_MAX) : i);
		if (i < W_DAY_MAX)
			assert_true(phone_sync(&two, 206));
	}
}

static void
again_until_answered(void **state)
{
	static const int64_t at_min[] = { 10, 60, 360, 1440 };
	int64_t start;

	(void)state;
	w_one_adds("Bert");
	w_saw(1);
	start = w_row(gate.msg[0].id).written_ms;
	for (size_t i = 0; i < 4; i++) {
		bench.now = start + at_min[i] * W_MINUTE - 1000;
		w_saw(1 + i);
		bench.now += 2000;
		w_saw(2 + i);
	}
	/* The same event, the same number, the same id. */
	for (size_t i = 1; i < 5; i++) {
		assert_string_equal(gate.msg[0].id, gate.msg[i].id);
		assert_memory_equal(gate.msg[0].body, gate.msg[i].body,
				    gate.msg[0].n);
	}
	bench.now = start + 72 * 60 * W_MINUTE;
	w_saw(5);
	/* Given up; the next change wakes it anew. */
	w_one_adds("Carl");
	w_saw(6);
	assert_string_not_equal(gate.msg[0].id, gate.msg[5].id);
}

static void
answered_before_it_left(void **state)
{
	(void)state;
	gate.way = DOWN;
	w_one_adds("Bert");
	w_saw(0);
	assert_true(phone_sync(&two, 200));
	gate.way = CONFIRMS;
	bench.now += W_MINUTE;
	w_saw(0);
	assert_int_equal(
	    w_row(arena_cstr(bench.a, w_last_notice().delivery)).state,
	    STORE_DELIVERY_DROPPED);
}

/* A device that comes and fails each time is not asked each minute. */
static void
longer_pauses_without_success(void **state)
{
	size_t n = 0;

	(void)state;
	w_one_adds("Bert");
	for (int i = 0; i < 6 * 60; i++) {
		w_go();
		if (gate.n > n) {
			n = gate.n;
			two.lose_reply_of = 2;
			(void)phone_sync(&two, 206);
		}
		bench.now += W_MINUTE;
	}
	/* After 1, 2, 4, 8 ... minutes, and no session ends well. */
	assert_in_range(n, 6, 10);
	two.lose_reply_of = 0;
	assert_true(phone_sync(&two, 206));
	n = gate.n;
	bench.now += 3 * W_MINUTE;
	w_one_adds("Carl");
	w_saw(n + 1);
}

/* A device in a session is not woken; what it missed, it hears of then. */
static void
not_in_a_session(void **state)
{
	(void)state;
	two.lose_reply_of = 2;
	(void)phone_sync(&two, 200);
	w_one_adds("Bert");
	w_saw(0);
	bench.now += STORE_PUSH_HOLD_MS + 1000;
	w_saw(1);
}

/* Wherever its session broke off, and whatever it had got by then: if it does
   not come by itself, it is woken once more. */
static void
again_after_a_break(void **state)
{
	int broken = 0;

	(void)state;
	w_wants("gap 0\nday 0\n");
	for (int lost = 1; lost <= 4; lost++) {
		size_t n = gate.n + 1;

		w_one_adds("Bert");
		w_saw(n);
		two.lose_reply_of = lost;
		if (phone_sync(&two, 206))
			break;
		broken++;
		w_saw(n);
		bench.now += STORE_PUSH_HOLD_MS + 1000;
		/* In its third message it says that it has all. */
		n += lost < 3;
		w_saw(n);
		two.lose_reply_of = 0;
		assert_true(phone_sync(&two, 206));
		bench.now += STORE_PUSH_HOLD_MS + 1000;
		w_saw(n);
	}
	assert_in_range(broken, 2, 3);
	assert_int_equal(phone_live(&two), phone_live(&one));
}

/* ---- the way out --------------------------------------------------------- */

static void
killed_on_the_way(void **state)
{
	(void)state;
	gate.way = HOLDS;
	w_one_adds("Bert");
	w_saw(1);
	srv_alarms_free(&w_al);
	w_node();
	gate.way = CONFIRMS;
	w_saw(2);
	assert_string_equal(gate.msg[0].id, gate.msg[1].id);
	assert_memory_equal(gate.msg[0].body, gate.msg[1].body, gate.msg[0].n);
	srv_alarms_free(&w_al);
	w_node();
	w_saw(2);
}

static void
failed_and_refused(void **state)
{
	struct store_delivery d;

	(void)state;
	gate.way = FAILS;
	w_one_adds("Bert");
	w_saw(1);
	bench.now += 4000;
	w_saw(1);
	bench.now += 1000;
	gate.way = REFUSES;
	w_saw(2);
	d = w_row(gate.msg[0].id);
	assert_int_equal(d.state, STORE_DELIVERY_FAILED);
	assert_int_equal(d.attempts, 2);
	bench.now += 30 * W_MINUTE;
	w_one_adds("Carl");
	w_saw(2);
}

/* ---- what it says -------------------------------------------------------- */

static void
proves_who_sends_it(void **state)
{
	struct store_tx *tx;
	struct store_device d;
	struct store_push *p;
	struct sml_mac mac;
	size_t n;

	(void)state;
	tx = w_begin(STORE_WRITE);
	d = w_device(tx, two.dev);
	d.own_nonce = SLICE_LIT("n0nce-1234");
	assert_int_equal(tx->v->device_put(tx, &d, NULL), 0);
	assert_int_equal(tx->v->push->push_list(tx, bench.a, &p, &n, NULL), 0);
	p->secret = SLICE_LIT("srvsecret"); /* the bench seals nothing */
	assert_int_equal(tx->v->push->push_put(tx, p, NULL), 0);
	w_commit(&tx);
	w_one_adds("Bert");
	w_saw(1);
	assert_int_equal(sml_auth_mac(bench.a, SLICE_LIT("groupsrv"),
				      SLICE_LIT("srvsecret"),
				      SLICE_LIT("n0nce-1234"),
				      (struct slice){ gate.msg[0].body + 16,
						      gate.msg[0].n - 16 },
				      &mac, NULL),
			 0);
	assert_memory_equal(gate.msg[0].body, mac.digest, 16);
}

static void
forms(void **state)
{
	static const struct {
		const char *ways, *type, *app;
	} form[] = {
		{ "form notification\nserver s\n",
		  "application/vnd.syncml.notification",
		  "x-wap-application:push.syncml" },
		{ "form 1.1\n", "application/vnd.syncml+wbxml",
		  "x-wap-application:push.syncml" },
		{ "form 1.0-xml\n", "application/vnd.syncml+xml",
		  "x-wap-application:push.syncml" },
		{ "form text\n", "", "" },
	};
	struct sml_msg *m;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		w_wants(form[i].ways);
		w_one_adds("Bert");
		bench.now += 2 * W_MINUTE;
		w_saw(i + 1);
		assert_string_equal(gate.msg[i].type, form[i].type);
		assert_string_equal(gate.msg[i].app, form[i].app);
		assert_string_equal(gate.msg[i].text, "New to sync: Contacts");
		assert_true(phone_sync(&two, 206));
	}
	for (size_t i = 1; i < 3; i++) {
		struct slice body = { gate.msg[i].body, gate.msg[i].n };

		assert_int_equal(sml_msg_read(bench.a,
					      i == 1 ? SML_WBXML : SML_XML,
					      body, NULL, &m, NULL),
				 0);
		assert_true(slice_is(m->hdr.target, "IMEI:2"));
		assert_true(slice_is(m->hdr.source, "groupsrv"));
		assert_true(slice_is(m->cmds[0].data, "206"));
		assert_true(slice_is(m->cmds[0].items[0].source, "./contacts"));
	}
	assert_int_equal(gate.msg[3].n, 0);
}

/* The content type is what the device says it likes best. */
static void
type_that_it_prefers(void **state)
{
	static const char devinf[] =
	    "<DevInf xmlns='syncml:devinf'><VerDTD>1.2</VerDTD><DevID>x"
	    "</DevID><DevTyp>phone</DevTyp><DataStore><SourceRef>./C"
	    "</SourceRef><Rx-Pref><CTType>text/vcard</CTType><VerCT>3.0"
	    "</VerCT></Rx-Pref><Tx-Pref><CTType>text/vcard</CTType><VerCT>3.0"
	    "</VerCT></Tx-Pref><SyncCap><SyncType>1</SyncType></SyncCap>"
	    "</DataStore></DevInf>";
	struct store_tx *tx = w_begin(STORE_WRITE);
	struct store_device d = w_device(tx, two.dev);
	struct store_link *l;
	size_t n;

	(void)state;
	d.devinf = slice_c(devinf);
	assert_int_equal(tx->v->device_put(tx, &d, NULL), 0);
	assert_int_equal(tx->v->link_list(tx, bench.a, d.id, &l, &n, NULL), 0);
	assert_int_equal(n, 1);
	l->client_db = SLICE_LIT("./C");
	assert_int_equal(tx->v->link_put(tx, l, NULL), 0);
	w_commit(&tx);
	w_one_adds("Bert");
	w_saw(1);
	assert_memory_equal(gate.msg[0].body + 33, "\x60\x00\x03\x09\x0a", 5);
}

/* What cannot be said is no reason to stop: it is written down. */
static void
cannot_be_said(void **state)
{
	char ways[512];

	(void)state;
	(void)snprintf(ways, sizeof(ways), "server %0255d\n", 7);
	w_wants(ways);
	w_one_adds("Bert");
	w_saw(1);
	(void)phone_sync(&two, 206);
	bench.now += 2 * W_MINUTE;
	w_wants("form 1.1\nsync 209\nui ask\n");
	w_one_adds("Carl");
	w_saw(2);
}

static void
a_test(void **state)
{
	struct slice id;

	(void)state;
	w_wants("quiet 08:30-10:15\n");
	id = w_test();
	w_saw(1);
	assert_string_equal(gate.msg[0].id, arena_cstr(bench.a, id));
	/* The phone takes the number as its SessionID. */
	two.sid = 0;
	assert_true(phone_sync(&two, 206));
	assert_int_equal(w_last_notice().answer, STORE_NOTICE_SID);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		W(the_other_device),
		W(not_for_its_own_changes),
		W(whoever_writes),
		W(only_for_what_it_wants),
		W(disabled_or_gone),
		W(moved_elsewhere),
		W(pauses_between),
		W(one_for_all_that_waits),
		W(not_in_quiet_hours),
		W(quiet_for_the_late_too),
		W(share_of_the_day),
		W(repeats_have_their_share),
		W(share_by_default),
		W(again_until_answered),
		W(answered_before_it_left),
		W(longer_pauses_without_success),
		W(not_in_a_session),
		W(again_after_a_break),
		W(killed_on_the_way),
		W(failed_and_refused),
		W(proves_who_sends_it),
		W(forms),
		W(type_that_it_prefers),
		W(cannot_be_said),
		W(a_test),
	};

	return cmocka_run_group_tests_name("notices", tests, NULL, NULL);
}
