/*
 * From what one device changes to what wakes the other: model phones, the
 * loop, and an outlet that keeps what it was given. The clock is set.
 */
#include "tests/syncml/phone.h"

#include "base/digest.h"
#include "server/alarms/alarms.h"
#include "server/push/push.h"
#include "syncml/auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SEEN_MAX = 64, BODY_MAX = 1024, PHONE_TWO = 1, MINUTE = 60000 };

enum way { CONFIRMS, HOLDS, DOWN, FAILS, REFUSES };

struct seen {
	char id[STORE_DELIVERY_ID_MAX + 1];
	char to[64];
	char type[64];
	char app[64];
	char text[256];
	char body[BODY_MAX];
	size_t n;
};

static struct phone one, two;
static struct bench bench;
static struct {
	struct outlet o;
	struct outlet_calls calls;
	enum way way;
	struct seen msg[SEEN_MAX];
	size_t n;
	bool open;
} gate;
static struct srv_alarms *al;

/* ---- the outlet ---------------------------------------------------------- */

static void
copy(char *out, size_t n, struct slice s)
{
	(void)snprintf(out, n, "%.*s", SLICE_ARG(s));
}

static void
keep(const struct outlet_msg *m)
{
	struct seen *s = &gate.msg[gate.n++];

	assert_true(gate.n < SEEN_MAX);
	memset(s, 0, sizeof(*s));
	copy(s->id, sizeof(s->id), m->id);
	copy(s->to, sizeof(s->to), m->to);
	copy(s->text, sizeof(s->text), m->text);
	if (m->notice == NULL)
		return;
	copy(s->type, sizeof(s->type), m->notice->type);
	copy(s->app, sizeof(s->app), m->notice->app);
	assert_true(m->notice->body.n <= BODY_MAX);
	memcpy(s->body, m->notice->body.p, m->notice->body.n);
	s->n = m->notice->body.n;
}

static size_t
gate_send(struct outlet *o, const struct outlet_msg *msg, size_t n)
{
	(void)o;
	for (size_t i = 0; i < n; i++) {
		if (gate.way == DOWN)
			return i;
		keep(&msg[i]);
		if (gate.way == CONFIRMS)
			gate.calls.sent(gate.calls.ctx, msg[i].id);
		else if (gate.way != HOLDS)
			gate.calls.failed(gate.calls.ctx, msg[i].id,
					  gate.way == REFUSES,
					  "it was made to fail");
	}
	return n;
}

static void
gate_close(struct outlet **o)
{
	gate.open = false;
	*o = NULL;
}

static int
gate_open(void *ctx, const struct outlet_calls *calls, struct outlet **out,
	  struct err *e)
{
	static const struct outlet_vtable v = { "kannel", gate_send,
						gate_close };

	(void)ctx;
	(void)e;
	assert_false(gate.open);
	gate.o.v = &v;
	gate.calls = *calls;
	gate.open = true;
	*out = &gate.o;
	return 0;
}

/* ---- set up -------------------------------------------------------------- */

static void
node(void)
{
	const struct srv_alarms_in in = {
		.store = bench.store,
		.clk = &bench.clk,
		.rnd = &bench.rnd.r,
		.node = SLICE_LIT("node-1"),
		.channel = { { "kannel", gate_open, NULL } },
		.channel_n = 1,
		.secrets = &bench.secrets,
		.server_id = SLICE_LIT("groupsrv"),
	};

	assert_int_equal(srv_alarms_new(&in, &al, NULL), 0);
}

/* Until nothing more is to be done now. */
static void
go(void)
{
	for (int quiet = 0, i = 0; quiet < 2; quiet++) {
		while (srv_alarms_step(al) == 0)
			assert_true(i++ < 1000);
	}
}

static struct store_tx *
begin(enum store_mode mode)
{
	struct store_tx *tx;

	assert_int_equal(bench.store->v->begin(bench.store, bench.account, mode,
					       bench.now, &tx, NULL),
			 0);
	return tx;
}

static void
commit(struct store_tx **tx)
{
	assert_int_equal((*tx)->v->commit(tx, NULL), 0);
}

static struct store_device
device(struct store_tx *tx, const char *dev_id)
{
	struct store_device *d;

	assert_int_equal(
	    tx->v->device_get(tx, bench.a, slice_c(dev_id), &d, NULL), 0);
	assert_non_null(d);
	return *d;
}

/* How the second phone is told: "form san\ngap 60". */
static void
wants(const char *ways)
{
	struct store_tx *tx = begin(STORE_WRITE);
	struct store_push p = { .device = device(tx, two.dev).id,
				.channel = SLICE_LIT("kannel"),
				.address = SLICE_LIT("+49123"),
				.ways = slice_c(ways) };
	struct store_push *was;
	size_t n;

	assert_int_equal(tx->v->push->push_list(tx, bench.a, &was, &n, NULL),
			 0);
	if (n > 0) {
		p.last_no = was->last_no;
		p.last_ms = was->last_ms;
	}
	assert_int_equal(tx->v->push->push_put(tx, &p, NULL), 0);
	commit(&tx);
}

static int
set_up(void **state)
{
	(void)state;
	bench_open(&bench);
	memset(&gate, 0, sizeof(gate));
	bench.now = INT64_C(1772438400000); /* 2026-03-02T08:00:00Z */
	phone_init(&one, &bench, "IMEI:1");
	phone_init(&two, &bench, "IMEI:2");
	assert_true(phone_sync(&one, 201));
	assert_true(phone_sync(&two, 201));
	assert_true(phone_sync(&two, 200));
	node();
	wants("");
	go();
	assert_int_equal(gate.n, 0);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	srv_alarms_free(&al);
	bench_close(&bench);
	return 0;
}

static void
one_adds(const char *name)
{
	(void)phone_add(&one, card(&bench, name, "+4977", NULL));
	assert_true(phone_sync(&one, 200));
}

static void
saw(size_t n)
{
	go();
	assert_int_equal(gate.n, n);
}

static struct store_notice
last_notice(void)
{
	struct store_tx *tx = begin(STORE_READ);
	struct store_notice *v;
	size_t n;

	assert_int_equal(
	    tx->v->push->notice_list(tx, bench.a, 0, 1, &v, &n, NULL), 0);
	tx->v->rollback(&tx);
	assert_int_equal(n, 1);
	return *v;
}

static struct store_delivery
row(const char *id)
{
	struct store_tx *tx = begin(STORE_READ);
	struct slice s = slice_c(id);
	struct store_delivery *d;
	size_t n;

	assert_int_equal(
	    tx->v->alarm->delivery_get(tx, bench.a, &s, 1, &d, &n, NULL), 0);
	tx->v->rollback(&tx);
	assert_int_equal(n, 1);
	return *d;
}

/* ---- who is woken -------------------------------------------------------- */

static void
the_other_device(void **state)
{
	static const char trigger[] = "\x03\x18\0\0\0\0\x01\x08groupsrv\x10"
				      "\x60\0\0\x07\x0a./contacts";
	const struct seen *m = &gate.msg[0];

	(void)state;
	one_adds("Bert");
	saw(1);
	assert_string_equal(m->to, "+49123");
	assert_string_equal(m->type, "application/vnd.syncml.ds.notification");
	assert_string_equal(m->app, "x-wap-application:push.syncml");
	/* No secret: no digest. */
	for (size_t i = 0; i < 16; i++)
		assert_int_equal(m->body[i], 0);
	assert_int_equal(m->n, 16 + sizeof(trigger) - 1);
	assert_memory_equal(m->body + 16, trigger, sizeof(trigger) - 1);
	assert_int_equal(last_notice().answer, STORE_NOTICE_WAITS);
	/* Once, however often anybody looks, and whatever more comes. */
	one_adds("Carl");
	saw(1);
	/* It comes, and has all. */
	bench.now += 5000;
	assert_true(phone_sync(&two, 206));
	assert_int_equal(two.got_add, 2);
	saw(1);
	assert_int_equal(last_notice().answer, STORE_NOTICE_TYPE);
	assert_true(last_notice().session > 0);
	assert_in_range(bench.now - last_notice().started_ms, 0, 5000);
	bench.now += 2 * 24 * 3600 * (int64_t)1000;
	saw(1);
}

static void
not_for_its_own_changes(void **state)
{
	(void)state;
	(void)phone_add(&two, card(&bench, "Own", "+491", NULL));
	assert_true(phone_sync(&two, 200));
	saw(0);
	bench.now += 10 * MINUTE;
	saw(0);
	/* A merge that it was not told of yet, does wake it. */
	assert_true(phone_sync(&one, 200));
	saw(0);
}

/* Imports and administrators write items, too. */
static void
whoever_writes(void **state)
{
	struct store_tx *tx = begin(STORE_WRITE);
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
	commit(&tx);
	saw(1);
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.got_add, 1);
	assert_int_equal(last_notice().answer, STORE_NOTICE_SYNC);
}

static void
only_for_what_it_wants(void **state)
{
	(void)state;
	wants("collections calendar, notes\n");
	one_adds("Bert");
	saw(0);
	wants("collections calendar, Contacts\n");
	one_adds("Carl");
	saw(1);
}

static void
disabled_or_gone(void **state)
{
	struct store_tx *tx;
	struct store_device d;

	(void)state;
	gate.way = DOWN;
	one_adds("Bert");
	saw(0);
	tx = begin(STORE_WRITE);
	d = device(tx, two.dev);
	d.disabled = true;
	assert_int_equal(tx->v->device_put(tx, &d, NULL), 0);
	commit(&tx);
	gate.way = CONFIRMS;
	bench.now += MINUTE;
	saw(0);
	assert_true(
	    slice_is(row(arena_cstr(bench.a, last_notice().delivery)).reason,
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
	one_adds("Bert");
	saw(0);
	tx = begin(STORE_WRITE);
	assert_int_equal(tx->v->push->push_list(tx, bench.a, &p, &n, NULL), 0);
	p->address = SLICE_LIT("+49555");
	assert_int_equal(tx->v->push->push_put(tx, p, NULL), 0);
	commit(&tx);
	gate.way = CONFIRMS;
	bench.now += MINUTE;
	saw(0);
}

/* ---- when ---------------------------------------------------------------- */

static void
pauses_between(void **state)
{
	int64_t first;

	(void)state;
	one_adds("Bert");
	saw(1);
	first = row(gate.msg[0].id).written_ms;
	assert_true(phone_sync(&two, 206));
	one_adds("Carl");
	saw(1);
	bench.now = first + MINUTE - 1;
	saw(1);
	bench.now = first + MINUTE;
	saw(2);
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
	one_adds("Bert");
	saw(1);
	assert_true(phone_sync(&two, 206));
	one_adds("Carl");
	saw(1);
	bench.now += 20000;
	one_adds("Dora");
	saw(1);
	bench.now += 41000;
	saw(2);
	bench.now += MINUTE;
	saw(2);
}

static void
not_in_quiet_hours(void **state)
{
	(void)state;
	wants("quiet 08:30-10:15\n"); /* in Berlin; there it is 09:00 */
	one_adds("Bert");
	saw(0);
	bench.now += 74 * MINUTE;
	saw(0);
	bench.now += 1 * MINUTE;
	saw(1);
}

static void
again_until_answered(void **state)
{
	static const int64_t at_min[] = { 10, 60, 360, 1440 };
	int64_t start;

	(void)state;
	one_adds("Bert");
	saw(1);
	start = row(gate.msg[0].id).written_ms;
	for (size_t i = 0; i < 4; i++) {
		bench.now = start + at_min[i] * MINUTE - 1000;
		saw(1 + i);
		bench.now += 2000;
		saw(2 + i);
	}
	/* The same event, the same number, the same id. */
	for (size_t i = 1; i < 5; i++) {
		assert_string_equal(gate.msg[0].id, gate.msg[i].id);
		assert_memory_equal(gate.msg[0].body, gate.msg[i].body,
				    gate.msg[0].n);
	}
	bench.now = start + 72 * 60 * (int64_t)MINUTE;
	saw(5);
	/* Given up; the next change wakes it anew. */
	one_adds("Carl");
	saw(6);
	assert_string_not_equal(gate.msg[0].id, gate.msg[5].id);
}

static void
answered_before_it_left(void **state)
{
	(void)state;
	gate.way = DOWN;
	one_adds("Bert");
	saw(0);
	assert_true(phone_sync(&two, 200));
	gate.way = CONFIRMS;
	bench.now += MINUTE;
	saw(0);
	assert_int_equal(row(arena_cstr(bench.a, last_notice().delivery)).state,
			 STORE_DELIVERY_DROPPED);
}

/* A device that comes and fails each time is not asked each minute. */
static void
longer_pauses_without_success(void **state)
{
	size_t n = 0;

	(void)state;
	one_adds("Bert");
	for (int i = 0; i < 6 * 60; i++) {
		go();
		if (gate.n > n) {
			n = gate.n;
			two.lose_reply_of = 2;
			(void)phone_sync(&two, 206);
		}
		bench.now += MINUTE;
	}
	/* After 1, 2, 4, 8 ... minutes, and no session ends well. */
	assert_in_range(n, 6, 10);
	two.lose_reply_of = 0;
	assert_true(phone_sync(&two, 206));
	n = gate.n;
	bench.now += 3 * MINUTE;
	one_adds("Carl");
	saw(n + 1);
}

/* A device in a session is not woken; what it missed, it hears of then. */
static void
not_in_a_session(void **state)
{
	(void)state;
	two.lose_reply_of = 2;
	(void)phone_sync(&two, 200);
	one_adds("Bert");
	saw(0);
	bench.now += STORE_PUSH_HOLD_MS + 1000;
	saw(1);
}

/* ---- the way out --------------------------------------------------------- */

static void
killed_on_the_way(void **state)
{
	(void)state;
	gate.way = HOLDS;
	one_adds("Bert");
	saw(1);
	srv_alarms_free(&al);
	node();
	gate.way = CONFIRMS;
	saw(2);
	assert_string_equal(gate.msg[0].id, gate.msg[1].id);
	assert_memory_equal(gate.msg[0].body, gate.msg[1].body, gate.msg[0].n);
	srv_alarms_free(&al);
	node();
	saw(2);
}

static void
failed_and_refused(void **state)
{
	struct store_delivery d;

	(void)state;
	gate.way = FAILS;
	one_adds("Bert");
	saw(1);
	bench.now += 4000;
	saw(1);
	bench.now += 1000;
	gate.way = REFUSES;
	saw(2);
	d = row(gate.msg[0].id);
	assert_int_equal(d.state, STORE_DELIVERY_FAILED);
	assert_int_equal(d.attempts, 2);
	bench.now += 30 * MINUTE;
	one_adds("Carl");
	saw(2);
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
	tx = begin(STORE_WRITE);
	d = device(tx, two.dev);
	d.own_nonce = SLICE_LIT("n0nce-1234");
	assert_int_equal(tx->v->device_put(tx, &d, NULL), 0);
	assert_int_equal(tx->v->push->push_list(tx, bench.a, &p, &n, NULL), 0);
	p->secret = SLICE_LIT("srvsecret"); /* the bench seals nothing */
	assert_int_equal(tx->v->push->push_put(tx, p, NULL), 0);
	commit(&tx);
	one_adds("Bert");
	saw(1);
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
		{ "form emn\nmailbox mailat:anna@example.com\n",
		  "application/vnd.wap.emn+wbxml", "x-wap-application:emn.ua" },
		{ "form text\n", "", "" },
	};
	struct sml_msg *m;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		wants(form[i].ways);
		one_adds("Bert");
		bench.now += 2 * MINUTE;
		saw(i + 1);
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
	assert_memory_equal(gate.msg[3].body, "\x02\x0d\x6a", 3);
	assert_int_equal(gate.msg[4].n, 0);
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
	struct store_tx *tx = begin(STORE_WRITE);
	struct store_device d = device(tx, two.dev);
	struct store_link *l;
	size_t n;

	(void)state;
	d.devinf = slice_c(devinf);
	assert_int_equal(tx->v->device_put(tx, &d, NULL), 0);
	assert_int_equal(tx->v->link_list(tx, bench.a, d.id, &l, &n, NULL), 0);
	assert_int_equal(n, 1);
	l->client_db = SLICE_LIT("./C");
	assert_int_equal(tx->v->link_put(tx, l, NULL), 0);
	commit(&tx);
	one_adds("Bert");
	saw(1);
	assert_memory_equal(gate.msg[0].body + 33, "\x60\x00\x03\x09\x0a", 5);
}

/* What cannot be said is no reason to stop: it is written down. */
static void
cannot_be_said(void **state)
{
	char ways[512];

	(void)state;
	(void)snprintf(ways, sizeof(ways), "server %0255d\n", 7);
	wants(ways);
	one_adds("Bert");
	saw(1);
	(void)phone_sync(&two, 206);
	bench.now += 2 * MINUTE;
	wants("form 1.1\nsync 209\nui ask\n");
	one_adds("Carl");
	saw(2);
}

static void
a_test(void **state)
{
	struct store_tx *tx;
	struct store_push *p;
	struct slice id;
	size_t n;

	(void)state;
	wants("quiet 08:30-10:15\n");
	tx = begin(STORE_WRITE);
	assert_int_equal(tx->v->push->push_list(tx, bench.a, &p, &n, NULL), 0);
	assert_int_equal(srv_push_test(tx, bench.a, p, &id, NULL), 0);
	commit(&tx);
	saw(1);
	assert_string_equal(gate.msg[0].id, arena_cstr(bench.a, id));
	/* The phone takes the number as its SessionID. */
	two.sid = 0;
	assert_true(phone_sync(&two, 206));
	assert_int_equal(last_notice().answer, STORE_NOTICE_SID);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_other_device),
		T(not_for_its_own_changes),
		T(whoever_writes),
		T(only_for_what_it_wants),
		T(disabled_or_gone),
		T(moved_elsewhere),
		T(pauses_between),
		T(one_for_all_that_waits),
		T(not_in_quiet_hours),
		T(again_until_answered),
		T(answered_before_it_left),
		T(longer_pauses_without_success),
		T(not_in_a_session),
		T(killed_on_the_way),
		T(failed_and_refused),
		T(proves_who_sends_it),
		T(forms),
		T(type_that_it_prefers),
		T(cannot_be_said),
		T(a_test),
	};

	return cmocka_run_group_tests_name("notices", tests, NULL, NULL);
}
