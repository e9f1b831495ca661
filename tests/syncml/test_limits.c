/*
 * The engine's limits, each at its edge: what is just inside works, what is
 * just outside gets its defined answer and harms nothing. (Those of documents:
 * test_wbxml.c, test_xml.c, test_msg.c.)
 */
#include "backends/fault.h"
#include "tests/syncml/phone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { POST_MS = 1000 }; /* between two messages of a bench */

static struct phone one, two;
static struct bench bench;

static int
set_up(void **state)
{
	(void)state;
	bench_open(&bench);
	phone_init(&one, &bench, "IMEI:1");
	phone_init(&two, &bench, "IMEI:2");
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	bench_close(&bench);
	return 0;
}

static const char *
filler(size_t n)
{
	struct buf b = BUF_IN(bench.a);

	while (b.n < n)
		buf_byte(&b, 'x');
	return arena_cstr(bench.a, buf_slice(&b));
}

static const char *target; /* of the header; NULL: as always */
static int max_msg = 1200; /* what it says it takes */

static const char *
text(struct slice s)
{
	return arena_cstr(bench.a, s);
}

/* Post a message; gives the status of its SyncHdr, or minus the HTTP code. */
static int
post(const char *dev, const char *sid, int msgid, bool cred, const char *body,
     struct sml_msg **reply, const char *token)
{
	struct slice m = arena_printf(
	    bench.a,
	    "<SyncML><SyncHdr><VerDTD>1.2</VerDTD><VerProto>SyncML/1.2"
	    "</VerProto><SessionID>%s</SessionID><MsgID>%d</MsgID><Target>"
	    "<LocURI>%s</LocURI></Target><Source><LocURI>%s"
	    "</LocURI></Source>%s<Meta><MaxMsgSize>%d</MaxMsgSize></Meta>"
	    "</SyncHdr><SyncBody>%s</SyncBody></SyncML>",
	    sid, msgid, target == NULL ? "http://h/sync" : target, dev,
	    cred ? "<Cred><Data>YW5uYTpzZWNyZXQ=</Data></Cred>" : "", max_msg,
	    body);
	struct sml_reply out;
	struct err e = { 0 };
	uint32_t code = 0;

	bench_post(&bench, m, slice_c(token), &out);
	if (out.http != 200)
		return -out.http;
	assert_int_equal(
	    sml_msg_read(bench.a, SML_XML, out.body, NULL, reply, &e), 0);
	assert_true((*reply)->cmd_n > 0);
	assert_true(slice_u32((*reply)->cmds[0].data, &code));
	return (int)code;
}

static int
status_of(const struct sml_msg *m, const char *cmd)
{
	int last = 0;

	for (size_t i = 0; i < m->cmd_n; i++) {
		uint32_t code = 0;

		if (m->cmds[i].tag == SML_STATUS &&
		    slice_is(m->cmds[i].cmd, cmd) &&
		    slice_u32(m->cmds[i].data, &code))
			last = (int)code;
	}
	return last;
}

static const char *
token_of(const struct sml_msg *m)
{
	size_t at = slice_find_str(m->hdr.respuri, "?s=");

	assert_true(at != SIZE_MAX);
	return arena_cstr(bench.a, slice_from(m->hdr.respuri, at + 3));
}

static const char *
alert(const char *db, const char *next)
{
	return arena_printf(bench.a,
			    "<Alert><CmdID>1</CmdID><Data>201</Data><Item>"
			    "<Target><LocURI>contacts</LocURI></Target><Source>"
			    "<LocURI>%s</LocURI></Source><Meta><Anchor><Next>%s"
			    "</Next></Anchor></Meta></Item></Alert><Final/>",
			    db, next)
	    .p;
}

/* An id that nobody used before, of n bytes. */
static const char *
fresh(size_t n)
{
	static int count;
	struct slice id = arena_printf(bench.a, "%d-%s", ++count, filler(n));

	return arena_cstr(bench.a, slice_sub(id, 0, n));
}

static void
header_fields(void **state)
{
	struct sml_msg *m;
	const char *a = alert("C", "1");

	(void)state;
	for (int more = -1; more <= 1; more++) {
		bool ok = more <= 0;

		/* It makes room for the next ones' sessions. */
		bench.now += SML_SESSION_IDLE_MS;
		assert_int_equal(
		    post(fresh((size_t)(SML_DEVID_BYTES_MAX + more)), "1", 1,
			 true, a, &m, ""),
		    ok ? 212 : 400);
		assert_int_equal(post("D",
				      fresh((size_t)(SML_SID_BYTES_MAX + more)),
				      1, true, a, &m, ""),
				 ok ? 212 : -400);
		assert_int_equal(post("D", fresh(9), SML_MESSAGES_MAX + more,
				      true, a, &m, ""),
				 ok ? 212 : 400);
		assert_int_equal(
		    post("D", fresh(9), 1, true,
			 alert("C",
			       filler((size_t)(SML_ANCHOR_BYTES_MAX + more))),
			 &m, ""),
		    212);
		assert_int_equal(status_of(m, "Alert"), ok ? 200 : 400);
		assert_int_equal(
		    post("D", fresh(9), 1, true,
			 alert(filler((size_t)(SML_LOCURI_BYTES_MAX + more)),
			       "1"),
			 &m, ""),
		    212);
		assert_int_equal(status_of(m, "Alert"), ok ? 200 : 414);
	}
}

/* The server's own URI in the header, and an item's. */
static void
uris(void **state)
{
	struct sml_msg *m;

	(void)state;
	for (int more = -1; more <= 1; more++) {
		size_t n = (size_t)(SML_LOCURI_BYTES_MAX + more);

		max_msg = 10000;
		target = fresh(n);
		assert_int_equal(
		    post("D", fresh(9), 1, true, alert("C", "1"), &m, ""),
		    more <= 0 ? 212 : 400);
		target = NULL;
		assert_int_equal(
		    post("D", fresh(9), 1, true, alert("C", "1"), &m, ""), 212);
		assert_int_equal(
		    post("D", text(m->hdr.sid), 2, false,
			 arena_printf(bench.a,
				      "<Sync><CmdID>1</CmdID><Target><LocURI>"
				      "contacts</LocURI></Target><Source>"
				      "<LocURI>C</LocURI></Source><Add><CmdID>2"
				      "</CmdID><Meta><Type>text/vcard</Type>"
				      "</Meta><Item><Source><LocURI>%s</LocURI>"
				      "</Source><Data>%s</Data></Item></Add>"
				      "</Sync>",
				      fresh(n),
				      card(&bench, fresh(9), "+491", NULL))
			     .p,
			 &m, token_of(m)),
		    200);
		assert_int_equal(status_of(m, "Add"), more <= 0 ? 201 : 414);
		max_msg = 1200;
	}
}

static const char *
put(size_t n)
{
	return arena_printf(bench.a,
			    "<Put><CmdID>1</CmdID><Item><Source><LocURI>"
			    "./devinf12</LocURI></Source><Data><DevInf><VerDTD>"
			    "1.2</VerDTD><Man>%s</Man></DevInf></Data></Item>"
			    "</Put><Final/>",
			    filler(n))
	    .p;
}

static void
device_information(void **state)
{
	struct store_device *dev;
	struct store_tx *tx;
	struct sml_msg *m;
	struct err e;
	size_t head;

	(void)state;
	assert_int_equal(post("D", "1", 1, true, put(1), &m, ""), 212);
	assert_int_equal(status_of(m, "Put"), 200);
	assert_int_equal(bench.store->v->begin(bench.store, bench.account,
					       STORE_READ, bench.now, &tx, &e),
			 0);
	assert_int_equal(
	    tx->v->device_get(tx, bench.a, SLICE_LIT("D"), &dev, &e), 0);
	head = dev->devinf.n - 1;
	tx->v->rollback(&tx);
	for (size_t n = SML_DEVINF_BYTES_MAX - 1; n <= SML_DEVINF_BYTES_MAX + 1;
	     n++) {
		assert_int_equal(
		    post("D", fresh(9), 1, true, put(n - head), &m, ""), 212);
		assert_int_equal(status_of(m, "Put"),
				 n <= SML_DEVINF_BYTES_MAX ? 200 : 413);
	}
}

/* How many of n databases' Alerts are taken. */
static int
links_taken(int n)
{
	struct buf b = BUF_IN(bench.a);
	struct sml_msg *m;
	const char *sid = fresh(9);
	int taken = 0;
	int seen = 0;
	int code;

	for (int i = 0; i < n; i++)
		buf_printf(&b,
			   "<Alert><CmdID>%d</CmdID><Data>201</Data><Item>"
			   "<Target><LocURI>contacts</LocURI></Target><Source>"
			   "<LocURI>C%d</LocURI></Source><Meta><Anchor><Next>1"
			   "</Next></Anchor></Meta></Item></Alert>",
			   i + 1, i);
	buf_str(&b, "<Final/>");
	code = post("D", sid, 1, true, text(buf_slice(&b)), &m, "");
	assert_int_equal(code, 212);
	/* What did not fit into 1,200 bytes comes in the next messages. */
	for (int msg = 2;; msg++) {
		for (size_t i = 0; i < m->cmd_n; i++) {
			if (m->cmds[i].tag != SML_STATUS ||
			    !slice_is(m->cmds[i].cmd, "Alert"))
				continue;
			if (slice_is(m->cmds[i].cmdref, "222"))
				continue;
			seen++;
			taken += slice_is(m->cmds[i].data, "200");
			if (!slice_is(m->cmds[i].data, "200"))
				assert_true(slice_is(m->cmds[i].data, "403"));
		}
		if (seen == n)
			return taken;
		assert_true(msg < 30);
		assert_int_equal(
		    post("D", sid, msg, false,
			 "<Alert><CmdID>222</CmdID><Data>222</Data></Alert>",
			 &m, token_of(m)),
		    200);
	}
}

static void
links_of_one_session(void **state)
{
	(void)state;
	for (int n = SML_LINKS_MAX - 1; n <= SML_LINKS_MAX + 1; n++)
		assert_int_equal(links_taken(n),
				 n <= SML_LINKS_MAX ? n : SML_LINKS_MAX);
}

static const char next[] =
    "<Alert><CmdID>1</CmdID><Data>100</Data></Alert><Map><CmdID>2"
    "</CmdID><Target><LocURI>contacts</LocURI></Target><Source>"
    "<LocURI>C</LocURI></Source></Map>";

/* Silent for just so long. */
static void
idle_time_of_a_session(void **state)
{
	struct sml_msg *m;

	(void)state;
	for (int more = -1; more <= 1; more++) {
		const char *sid = fresh(9);

		assert_int_equal(
		    post("D", sid, 1, true, alert("C", "1"), &m, ""), 212);
		bench.now += SML_SESSION_IDLE_MS + more - POST_MS;
		assert_int_equal(
		    post("D", sid, 2, false, next, &m, token_of(m)),
		    more <= 0 ? 200 : 408);
	}
}

/* Never idle, but a day is enough. */
static void
life_of_a_session(void **state)
{
	enum { STEP_MS = SML_SESSION_IDLE_MS - 2000 };
	struct sml_msg *m;

	(void)state;
	for (int more = -1; more <= 1; more++) {
		const char *sid = fresh(9);
		const char *token;
		int64_t end;
		int msg = 2;

		assert_int_equal(
		    post("D", sid, 1, true, alert("C", "1"), &m, ""), 212);
		token = token_of(m);
		end = bench.now + SML_SESSION_LIFE_MS + more;
		while (end - bench.now > STEP_MS) {
			bench.now += STEP_MS - POST_MS;
			assert_int_equal(
			    post("D", sid, msg++, false, next, &m, token), 200);
		}
		bench.now = end - POST_MS;
		assert_int_equal(post("D", sid, msg, false, next, &m, token),
				 more <= 0 ? 200 : 408);
	}
}

/* Devices of one account that have a session at the same time. */
static void
sessions_of_an_account(void **state)
{
	struct sml_msg *m;
	const char *first = fresh(9);
	const char *token = NULL;

	(void)state;
	for (int i = 1; i <= SML_SESSIONS_MAX + 1; i++) {
		assert_int_equal(post(i == 1 ? first : fresh(9), "1", 1, true,
				      alert("C", "1"), &m, ""),
				 i <= SML_SESSIONS_MAX ? 212 : 503);
		if (i == 1)
			token = token_of(m);
	}
	assert_int_equal(status_of(m, "Alert"), 503);
	/* A device that has one may always begin anew. */
	assert_int_equal(post(first, "1", 2, false, next, &m, token), 200);
	assert_int_equal(post(first, "2", 1, true, alert("C", "1"), &m, ""),
			 212);
	token = token_of(m);
	assert_int_equal(post(fresh(9), "1", 1, true, alert("C", "1"), &m, ""),
			 503);
}

/* The one that is silent longest gives way, when it is silent so long. */
static void
sessions_that_give_way(void **state)
{
	struct sml_msg *m;
	const char *dev[SML_SESSIONS_MAX];
	const char *token[SML_SESSIONS_MAX];
	int64_t at = 0;

	(void)state;
	for (int i = 0; i < SML_SESSIONS_MAX; i++) {
		dev[i] = fresh(9);
		assert_int_equal(
		    post(dev[i], "1", 1, true, alert("C", "1"), &m, ""), 212);
		token[i] = token_of(m);
	}
	assert_int_equal(post(dev[0], "1", 2, false, next, &m, token[0]), 200);
	/* dev[1] is the one now: it spoke SML_SESSIONS_MAX - 1 posts ago. */
	at = bench.now - (SML_SESSIONS_MAX - 1) * (int64_t)POST_MS;
	for (int more = -1; more <= 0; more++) {
		bench.now = at + SML_SESSION_YIELD_MS + more - POST_MS;
		assert_int_equal(
		    post(fresh(9), "1", 1, true, alert("C", "1"), &m, ""),
		    more < 0 ? 503 : 212);
	}
	assert_int_equal(post(dev[1], "1", 2, false, next, &m, token[1]), 408);
	assert_int_equal(post(dev[0], "1", 3, false, next, &m, token[0]), 200);
	assert_int_equal(post(dev[2], "1", 2, false, next, &m, token[2]), 200);
}

/* After so many rounds without news; is the session still open? */
static bool
open_after(int rounds)
{
	struct sml_msg *m;
	const char *sid = fresh(9);
	const char *token;
	int code = 200;
	int msg = 2;

	assert_int_equal(post("D", sid, 1, true, alert("C", "1"), &m, ""), 212);
	token = token_of(m);
	/* The Map is news, so the count begins behind it. */
	assert_int_equal(post("D", sid, msg++, false, next, &m, token), 200);
	for (int i = 0; i < rounds; i++)
		assert_int_equal(
		    post("D", sid, msg++, false,
			 "<Alert><CmdID>1</CmdID><Data>222</Data></Alert>", &m,
			 token),
		    200);
	code = post("D", sid, msg, false, next, &m, token);
	assert_true(code == 200 || code == 408);
	return code == 200;
}

static void
rounds_without_news(void **state)
{
	(void)state;
	for (int n = SML_IDLE_ROUNDS_MAX - 1; n <= SML_IDLE_ROUNDS_MAX + 1; n++)
		assert_int_equal(open_after(n), n <= SML_IDLE_ROUNDS_MAX);
}

/* Send n Deletes; gives how many Statuses went out, or minus HTTP's code. */
static int
deletes(int msg, int n, const char *token)
{
	struct buf b = BUF_IN(bench.a);
	struct sml_msg *m;
	int sent = 0;
	int code;

	buf_str(&b, "<Sync><CmdID>1</CmdID><Target><LocURI>contacts</LocURI>"
		    "</Target><Source><LocURI>C</LocURI></Source>");
	for (int i = 0; i < n; i++)
		buf_printf(&b,
			   "<Delete><CmdID>%d</CmdID><Item><Source><LocURI>%d"
			   "</LocURI></Source></Item></Delete>",
			   i + 2, i);
	buf_str(&b, "</Sync>");
	code = post("D", "1", msg, false, text(buf_slice(&b)), &m, token);
	if (code < 0)
		return code;
	assert_int_equal(code, 200);
	for (size_t i = 0; i < m->cmd_n; i++)
		sent += m->cmds[i].tag == SML_STATUS ? 1 : 0;
	return sent - 1; /* the header's does not wait */
}

/* A device that takes 1,200 bytes asks for more statuses than can wait. */
static void
statuses_that_wait(void **state)
{
	enum { PART = 15000, SYNC = 1 };
	struct sml_msg *m;
	const char *token;
	int room;

	assert_int_equal(post("D", "1", 1, true, alert("C", "1"), &m, ""), 212);
	token = token_of(m);
	room = SML_STATUS_QUEUE_MAX - (PART + SYNC - deletes(2, PART, token));
	/* Nothing half-done: the session stands where it stood. */
	assert_int_equal(deletes(3, room - SYNC + 1, token), -413);
	assert_true(deletes(3, room - SYNC, token) > 0);
	assert_int_equal(tear_down(state), 0);
	assert_int_equal(set_up(state), 0);
	assert_int_equal(post("D", "1", 1, true, alert("C", "1"), &m, ""), 212);
	token = token_of(m);
	(void)deletes(2, PART, token);
	assert_true(deletes(3, room - SYNC - 1, token) > 0);
}

static void
many_items(void **state)
{
	enum { N = SML_OUTSTANDING_MAX + 60 };
	char name[32];

	(void)state;
	for (int i = 0; i < N; i++) {
		(void)snprintf(name, sizeof(name), "Name%d", i);
		(void)phone_add(&one,
				card(&bench, name, "+491",
				     "NOTE:some words to make it longer, and "
				     "some more words to make it longer still, "
				     "so that they are over a message\r\n"));
	}
	one.per_msg = 500;
	assert_true(phone_sync(&one, 201));
	assert_int_equal(one.bad_status, 0);
	/* It sends no Status at all, and takes the largest messages. */
	two.no_status = true;
	two.max_msg = 5000000;
	assert_true(phone_sync(&two, 201));
	assert_int_equal(phone_live(&two), N);
	assert_true(two.largest <= SML_MSG_BYTES_MAX);
	assert_true(two.largest > SML_MSG_BYTES_MAX / 10 * 9);
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.got_add + two.got_replace + two.got_delete, 0);
}

/* More equal items than candidates are looked at: they stay as many. */
static void
equal_items(void **state)
{
	static const int counts[] = { SML_CANDIDATES_MAX - 1,
				      SML_CANDIDATES_MAX,
				      SML_CANDIDATES_MAX + 1,
				      3 * SML_CANDIDATES_MAX };

	(void)state;
	for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++) {
		while ((int)phone_live(&one) < counts[k])
			(void)phone_add(&one,
					card(&bench, "Same", "+491", NULL));
		assert_true(phone_sync(&one, k == 0 ? 201 : 200));
		for (int per_msg = 0; per_msg < 10; per_msg += 3) {
			one.per_msg = per_msg;
			assert_true(phone_sync(&one, 201));
			assert_int_equal(one.got_add + one.got_replace, 0);
		}
		assert_true(phone_sync(&two, k == 0 ? 201 : 200));
		assert_int_equal(phone_live(&two), counts[k]);
		assert_true(phone_sync(&one, 200));
		assert_int_equal(phone_live(&one), counts[k]);
	}
}

static bool
always(void *ctx, unsigned tries)
{
	unsigned *n = ctx;

	assert_int_equal(tries, ++*n);
	return true;
}

/* Whoever says when to stop: there is an end. */
static void
tries_have_an_end(void **state)
{
	struct store_fault_plan plan = { .at = 1, .onwards = true };
	struct sml_reply r;
	struct store *faulty;
	struct err e;
	unsigned n = 0;

	(void)state;
	assert_int_equal(store_fault_new(bench.store, &faulty, &e), 0);
	bench.srv.store = faulty;
	bench.srv.again = always;
	bench.srv.again_ctx = &n;
	(void)phone_add(&one, card(&bench, "Name", "+491", NULL));
	assert_true(phone_sync(&one, 201));
	assert_int_equal(one.raw.tries, 1);
	store_fault_set(faulty, plan);
	bench_post(&bench, one.sent_bytes, SLICE_LIT("1-never"), &r);
	assert_int_equal(r.http, 503);
	assert_true(r.retry_after_s > 0);
	assert_int_equal(r.tries, SML_TRIES_MAX);
	assert_int_equal(n, SML_TRIES_MAX - 1);
	bench.srv.store = bench.store;
	faulty->v->close(&faulty);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(header_fields),
		T(uris),
		T(device_information),
		T(links_of_one_session),
		T(idle_time_of_a_session),
		T(life_of_a_session),
		T(sessions_of_an_account),
		T(sessions_that_give_way),
		T(rounds_without_news),
		T(statuses_that_wait),
		T(many_items),
		T(equal_items),
		T(tries_have_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
