/*
 * The engine's limits, each at its edge: what is just inside works, what is
 * just outside gets its defined answer and harms nothing. (Those of documents:
 * test_wbxml.c, test_xml.c, test_msg.c.)
 */
#include "tests/syncml/phone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

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

/* Post a message; gives the status of its SyncHdr, or minus the HTTP code. */
static int
post(const char *dev, const char *sid, int msgid, bool cred, const char *body,
     struct sml_msg **reply, const char *token)
{
	struct slice m = arena_printf(
	    bench.a,
	    "<SyncML><SyncHdr><VerDTD>1.2</VerDTD><VerProto>SyncML/1.2"
	    "</VerProto><SessionID>%s</SessionID><MsgID>%d</MsgID><Target>"
	    "<LocURI>http://h/sync</LocURI></Target><Source><LocURI>%s"
	    "</LocURI></Source>%s<Meta><MaxMsgSize>1200</MaxMsgSize></Meta>"
	    "</SyncHdr><SyncBody>%s</SyncBody></SyncML>",
	    sid, msgid, dev,
	    cred ? "<Cred><Data>YW5uYTpzZWNyZXQ=</Data></Cred>" : "", body);
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

static void
header_fields(void **state)
{
	struct sml_msg *m;
	const char *a = alert("C", "1");

	(void)state;
	assert_int_equal(
	    post(filler(SML_DEVID_BYTES_MAX), "1", 1, true, a, &m, ""), 212);
	assert_int_equal(
	    post(filler(SML_DEVID_BYTES_MAX + 1), "1", 1, true, a, &m, ""),
	    400);
	assert_int_equal(
	    post("D", filler(SML_SID_BYTES_MAX), 1, true, a, &m, ""), 212);
	assert_int_equal(post("D", "2", SML_MESSAGES_MAX, true, a, &m, ""),
			 212);
	assert_int_equal(post("D", "3", SML_MESSAGES_MAX + 1, true, a, &m, ""),
			 400);
	assert_int_equal(post("D", "4", 1, true,
			      alert("C", filler(SML_ANCHOR_BYTES_MAX)), &m, ""),
			 212);
	assert_int_equal(status_of(m, "Alert"), 200);
	assert_int_equal(post("D", "5", 1, true,
			      alert("C", filler(SML_ANCHOR_BYTES_MAX + 1)), &m,
			      ""),
			 212);
	assert_int_equal(status_of(m, "Alert"), 400);
	assert_int_equal(post("D", "6", 1, true,
			      alert(filler(SML_LOCURI_BYTES_MAX + 1), "1"), &m,
			      ""),
			 212);
	assert_int_equal(status_of(m, "Alert"), 414);
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
	assert_int_equal(
	    post("D", "2", 1, true, put(SML_DEVINF_BYTES_MAX - head), &m, ""),
	    212);
	assert_int_equal(status_of(m, "Put"), 200);
	assert_int_equal(post("D", "3", 1, true,
			      put(SML_DEVINF_BYTES_MAX - head + 1), &m, ""),
			 212);
	assert_int_equal(status_of(m, "Put"), 413);
}

static void
links_of_one_session(void **state)
{
	struct buf b = BUF_IN(bench.a);
	struct sml_msg *m;

	(void)state;
	for (int i = 0; i < SML_LINKS_MAX + 1; i++)
		buf_printf(&b,
			   "<Alert><CmdID>%d</CmdID><Data>201</Data><Item>"
			   "<Target><LocURI>contacts</LocURI></Target><Source>"
			   "<LocURI>C%d</LocURI></Source><Meta><Anchor><Next>1"
			   "</Next></Anchor></Meta></Item></Alert>",
			   i + 1, i);
	buf_str(&b, "<Final/>");
	assert_int_equal(
	    post("D", "1", 1, true, arena_cstr(bench.a, buf_slice(&b)), &m, ""),
	    212);
	/* What did not fit into 1,200 bytes comes in the next messages. */
	for (int msg = 2; status_of(m, "Alert") != 403; msg++) {
		assert_true(msg < 20);
		assert_int_equal(
		    post("D", "1", msg, false,
			 "<Alert><CmdID>1</CmdID><Data>222</Data></Alert>", &m,
			 token_of(m)),
		    200);
	}
}

static void
time_of_a_session(void **state)
{
	enum { STEP_MS = SML_SESSION_IDLE_MS - 2000 };
	static const char next[] =
	    "<Alert><CmdID>1</CmdID><Data>100</Data></Alert><Map><CmdID>2"
	    "</CmdID><Target><LocURI>contacts</LocURI></Target><Source>"
	    "<LocURI>C</LocURI></Source></Map>";
	struct sml_msg *m;
	const char *token;
	int msg = 2;
	int code = 200;
	int64_t began;

	(void)state;
	/* Idle: one message just in time, one too late. */
	assert_int_equal(post("D", "1", 1, true, alert("C", "1"), &m, ""), 212);
	token = token_of(m);
	bench.now += SML_SESSION_IDLE_MS - 1000;
	assert_int_equal(post("D", "1", 2, false, next, &m, token), 200);
	bench.now += SML_SESSION_IDLE_MS;
	assert_int_equal(post("D", "1", 3, false, next, &m, token), 408);
	/* Life: never idle, but a day is enough. */
	assert_int_equal(post("D", "2", 1, true, alert("C", "1"), &m, ""), 212);
	token = token_of(m);
	began = bench.now;
	while (code == 200) {
		bench.now += STEP_MS;
		code = post("D", "2", msg++, false, next, &m, token);
	}
	assert_int_equal(code, 408);
	assert_true(bench.now - began > SML_SESSION_LIFE_MS);
	assert_true(bench.now - began < SML_SESSION_LIFE_MS + 2 * STEP_MS);
}

static void
rounds_without_news(void **state)
{
	struct sml_msg *m;
	const char *token;
	int code = 200;
	int msg = 2;

	(void)state;
	assert_int_equal(post("D", "1", 1, true, alert("C", "1"), &m, ""), 212);
	token = token_of(m);
	while (code == 200 && msg < 100)
		code = post("D", "1", msg++, false,
			    "<Alert><CmdID>1</CmdID><Data>222</Data></Alert>",
			    &m, token);
	assert_int_equal(code, 408);
	assert_true(msg > SML_IDLE_ROUNDS_MAX);
	assert_true(msg < SML_IDLE_ROUNDS_MAX + 6);
}

/* A device that takes 1,200 bytes asks for more statuses than can wait. */
static void
statuses_that_wait(void **state)
{
	enum { PART = 15000 };
	struct buf b = BUF_IN(bench.a);
	struct sml_msg *m;
	const char *token;

	(void)state;
	assert_true(2 * (int)PART > (int)SML_STATUS_QUEUE_MAX);
	assert_int_equal(post("D", "1", 1, true, alert("C", "1"), &m, ""), 212);
	token = token_of(m);
	buf_str(&b, "<Sync><CmdID>1</CmdID><Target><LocURI>contacts</LocURI>"
		    "</Target><Source><LocURI>C</LocURI></Source>");
	for (int i = 0; i < PART; i++)
		buf_printf(&b,
			   "<Delete><CmdID>%d</CmdID><Item><Source><LocURI>%d"
			   "</LocURI></Source></Item></Delete>",
			   i + 2, i);
	buf_str(&b, "</Sync>");
	assert_int_equal(post("D", "1", 2, false,
			      arena_cstr(bench.a, buf_slice(&b)), &m, token),
			 200);
	/* Nothing half-done: the session stands where it stood. */
	assert_int_equal(post("D", "1", 3, false,
			      arena_cstr(bench.a, buf_slice(&b)), &m, token),
			 -413);
	assert_int_equal(post("D", "1", 3, false,
			      "<Alert><CmdID>1</CmdID><Data>222</Data></Alert>",
			      &m, token),
			 200);
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
	enum { N = 3 * SML_CANDIDATES_MAX };

	(void)state;
	for (int i = 0; i < N; i++)
		(void)phone_add(&one, card(&bench, "Same", "+491", NULL));
	assert_true(phone_sync(&one, 201));
	for (int per_msg = 0; per_msg < 10; per_msg += 3) {
		one.per_msg = per_msg;
		assert_true(phone_sync(&one, 201));
		assert_int_equal(one.got_add + one.got_replace, 0);
	}
	assert_true(phone_sync(&two, 201));
	assert_int_equal(phone_live(&two), N);
	assert_true(phone_sync(&one, 200));
	assert_int_equal(phone_live(&one), N);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(header_fields),        T(device_information),
		T(links_of_one_session), T(time_of_a_session),
		T(rounds_without_news),  T(statuses_that_wait),
		T(many_items),           T(equal_items),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
