/*
 * The protocol, message by message: what phones really send, wrong orders,
 * repeated and missing messages. Messages are written out as XML; what is
 * looked at is the parsed answer.
 */
#include "tests/syncml/phone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct bench bench;

/* One client, as far as its header goes. */
struct raw {
	const char *dev, *sid, *peer;
	int version, msgid, max_msg;
	bool no_token; /* it ignores RespURI */
	bool noresp;
	char token[80];
	struct buf body;
	int cmdid;
	struct slice sent; /* its last message */
	struct sml_reply raw;
	struct sml_msg *m; /* the last answer; NULL: it had no body */
};

enum { FINAL = 1, CRED = 2, BADCRED = 4 };

static int
set_up(void **state)
{
	(void)state;
	bench_open(&bench);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	bench_close(&bench);
	return 0;
}

static void
open_raw(struct raw *r, const char *dev, const char *sid)
{
	memset(r, 0, sizeof(*r));
	r->dev = dev;
	r->sid = sid;
	r->peer = "192.0.2.7";
	r->version = 12;
	r->msgid = 1;
	r->body = BUF_IN(bench.a);
}

/* The next session of the same device. */
static void
again(struct raw *r, const char *sid)
{
	r->sid = sid;
	r->msgid = 1;
	r->cmdid = 0;
	r->token[0] = '\0';
	r->body = BUF_IN(bench.a);
}

/* ---- what it sends ------------------------------------------------------ */

static void
alert(struct raw *r, int code, const char *db, const char *last,
      const char *next)
{
	buf_printf(&r->body,
		   "<Alert><CmdID>%d</CmdID><Data>%d</Data><Item><Target>"
		   "<LocURI>./%s</LocURI></Target><Source><LocURI>./C%s"
		   "</LocURI></Source><Meta><Anchor xmlns='syncml:metinf'>",
		   ++r->cmdid, code, db, db);
	if (last != NULL)
		buf_printf(&r->body, "<Last>%s</Last>", last);
	buf_printf(&r->body, "<Next>%s</Next></Anchor></Meta></Item></Alert>",
		   next);
}

static void
plain_alert(struct raw *r, int code)
{
	buf_printf(&r->body, "<Alert><CmdID>%d</CmdID><Data>%d</Data></Alert>",
		   ++r->cmdid, code);
}

static void
sync_open(struct raw *r, const char *db)
{
	buf_printf(&r->body,
		   "<Sync><CmdID>%d</CmdID><Target><LocURI>./%s</LocURI>"
		   "</Target><Source><LocURI>./C%s</LocURI></Source>",
		   ++r->cmdid, db, db);
}

static void
sync_close(struct raw *r)
{
	buf_str(&r->body, "</Sync>");
}

/* An Add, Replace (with a name) or Delete (without one). */
static void
change(struct raw *r, const char *cmd, const char *luid, const char *name)
{
	buf_printf(&r->body, "<%s><CmdID>%d</CmdID>", cmd, ++r->cmdid);
	if (name != NULL)
		buf_str(&r->body, "<Meta><Type xmlns='syncml:metinf'>"
				  "text/vcard</Type></Meta>");
	buf_printf(&r->body, "<Item><Source><LocURI>%s</LocURI></Source>",
		   luid);
	if (name != NULL)
		buf_printf(&r->body, "<Data>%s</Data>",
			   card(&bench, name, "+491", NULL));
	buf_printf(&r->body, "</Item></%s>", cmd);
}

/* One piece of a large object; size 0: not the first. */
static void
piece(struct raw *r, const char *luid, int size, struct slice data, bool more)
{
	buf_printf(&r->body,
		   "<Add><CmdID>%d</CmdID><Meta><Type xmlns='syncml:metinf'>"
		   "text/vcard</Type>",
		   ++r->cmdid);
	if (size > 0)
		buf_printf(&r->body, "<Size xmlns='syncml:metinf'>%d</Size>",
			   size);
	buf_printf(&r->body,
		   "</Meta><Item><Source><LocURI>%s</LocURI></Source><Data>"
		   "%.*s</Data>%s</Item></Add>",
		   luid, SLICE_ARG(data), more ? "<MoreData/>" : "");
}

static void
status(struct raw *r, const char *msgref, const char *cmdref, const char *cmd,
       int code)
{
	buf_printf(&r->body,
		   "<Status><CmdID>%d</CmdID><MsgRef>%s</MsgRef><CmdRef>%s"
		   "</CmdRef><Cmd>%s</Cmd><Data>%d</Data></Status>",
		   ++r->cmdid, msgref, cmdref, cmd, code);
}

static const char *
text(struct slice s)
{
	return arena_cstr(bench.a, s);
}

/* Answer the last message's header, Alerts and Syncs well, items by `code`
   (0: no Status for them). */
static void
answer_all(struct raw *r, int code)
{
	const char *msg = text(r->m->hdr.msgid);

	status(r, msg, "0", "SyncHdr", 200);
	for (size_t i = 0; i < r->m->cmd_n; i++) {
		const struct sml_cmd *c = &r->m->cmds[i];

		if (c->tag == SML_ALERT || c->tag == SML_SYNC)
			status(r, msg, text(c->cmdid), sml_tag_name(c->tag),
			       200);
		for (size_t k = 0; code != 0 && k < c->kid_n; k++)
			status(r, msg, text(c->kids[k].cmdid),
			       sml_tag_name(c->kids[k].tag), code);
	}
}

static void
map_open(struct raw *r, const char *db)
{
	buf_printf(&r->body,
		   "<Map><CmdID>%d</CmdID><Target><LocURI>./%s</LocURI>"
		   "</Target><Source><LocURI>./C%s</LocURI></Source>",
		   ++r->cmdid, db, db);
}

static void
map_item(struct raw *r, struct slice ours, const char *luid)
{
	buf_printf(&r->body,
		   "<MapItem><Target><LocURI>%.*s</LocURI></Target><Source>"
		   "<LocURI>%s</LocURI></Source></MapItem>",
		   SLICE_ARG(ours), luid);
}

static void
map_close(struct raw *r)
{
	buf_str(&r->body, "</Map>");
}

static void
read_answer(struct raw *r)
{
	struct err e = { 0 };
	size_t at;

	r->m = NULL;
	if (r->raw.http != 200)
		fail_msg("HTTP %d: %.*s", r->raw.http, SLICE_ARG(r->raw.body));
	if (r->raw.body.n == 0)
		return;
	if (sml_msg_read(bench.a, SML_XML, r->raw.body, NULL, &r->m, &e) < 0)
		fail_msg("answer: %s", e.msg);
	at = slice_find_str(r->m->hdr.respuri, "?s=");
	if (at != SIZE_MAX && !r->no_token)
		(void)snprintf(
		    r->token, sizeof(r->token), "%.*s",
		    SLICE_ARG(slice_from(r->m->hdr.respuri, at + 3)));
}

/* Send bytes from this client's address. */
static void
send_bytes(struct raw *r, struct slice bytes)
{
	struct sml_request rq = {
		.content_type = SLICE_LIT("application/vnd.syncml+xml"),
		.body = bytes,
		.token = slice_c(r->token),
		.peer = slice_c(r->peer),
		.base_url = SLICE_LIT("http://h/sync"),
	};

	bench.now += 1000;
	sml_server_handle(&bench.srv, bench.a, &rq, &r->raw);
	read_answer(r);
}

static struct sml_msg *
post(struct raw *r, int flags)
{
	struct buf m = BUF_IN(bench.a);
	int v = r->version % 10;

	buf_printf(&m,
		   "<SyncML xmlns='SYNCML:SYNCML1.%d'><SyncHdr><VerDTD>1.%d"
		   "</VerDTD><VerProto>SyncML/1.%d</VerProto><SessionID>%s"
		   "</SessionID><MsgID>%d</MsgID><Target><LocURI>http://h/sync"
		   "</LocURI></Target><Source><LocURI>%s</LocURI></Source>%s",
		   v, v, v, r->sid, r->msgid, r->dev,
		   r->noresp ? "<NoResp/>" : "");
	if ((flags & (CRED | BADCRED)) != 0)
		buf_printf(&m,
			   "<Cred><Meta><Format xmlns='syncml:metinf'>b64"
			   "</Format><Type xmlns='syncml:metinf'>"
			   "syncml:auth-basic</Type></Meta><Data>%s</Data>"
			   "</Cred>",
			   (flags & CRED) != 0 ? "YW5uYTpzZWNyZXQ="
					       : "YW5uYTp3cm9uZw==");
	if (r->max_msg > 0)
		buf_printf(&m,
			   "<Meta><MaxMsgSize xmlns='syncml:metinf'>%d"
			   "</MaxMsgSize></Meta>",
			   r->max_msg);
	buf_str(&m, "</SyncHdr><SyncBody>");
	buf_add(&m, buf_slice(&r->body));
	buf_printf(&m, "%s</SyncBody></SyncML>",
		   (flags & FINAL) != 0 ? "<Final/>" : "");
	assert_true(buf_ok(&m));
	r->sent = buf_slice(&m);
	send_bytes(r, r->sent);
	r->msgid++;
	r->cmdid = 0;
	r->body = BUF_IN(bench.a);
	return r->m;
}

/* ---- what it is answered ------------------------------------------------ */

/* Code of the n-th Status for this kind of command; 0: there is none. */
static int
code_nth(const struct sml_msg *m, const char *cmd, int nth)
{
	for (size_t i = 0; m != NULL && i < m->cmd_n; i++) {
		uint32_t code = 0;

		if (m->cmds[i].tag != SML_STATUS ||
		    !slice_is(m->cmds[i].cmd, cmd) || nth-- > 0)
			continue;
		return slice_u32(m->cmds[i].data, &code) ? (int)code : -1;
	}
	return 0;
}

static int
code_of(const struct sml_msg *m, const char *cmd)
{
	return code_nth(m, cmd, 0);
}

static int
our_alert(const struct sml_msg *m)
{
	for (size_t i = 0; m != NULL && i < m->cmd_n; i++) {
		uint32_t code = 0;

		if (m->cmds[i].tag == SML_ALERT &&
		    slice_u32(m->cmds[i].data, &code))
			return (int)code;
	}
	return 0;
}

static const struct sml_cmd *
sync_of(const struct sml_msg *m)
{
	for (size_t i = 0; m != NULL && i < m->cmd_n; i++) {
		if (m->cmds[i].tag == SML_SYNC)
			return &m->cmds[i];
	}
	return NULL;
}

/* Commands of one kind in all Syncs of the message. */
static int
count(const struct sml_msg *m, enum sml_tag tag)
{
	int n = 0;

	for (size_t i = 0; m != NULL && i < m->cmd_n; i++) {
		for (size_t k = 0; k < m->cmds[i].kid_n; k++)
			n += m->cmds[i].kids[k].tag == tag ? 1 : 0;
	}
	return n;
}

static int
items_stored(void)
{
	struct store_tx *tx;
	struct store_account acc;
	struct err e;

	assert_int_equal(bench.store->v->begin(bench.store, bench.account,
					       STORE_READ, bench.now, &tx, &e),
			 0);
	assert_int_equal(tx->v->account_get(tx, bench.a, &acc, &e), 0);
	tx->v->rollback(&tx);
	return (int)acc.used_items;
}

/* ---- whole syncs -------------------------------------------------------- */

/* Its items are u0 ... u<n-1>; a slow sync uploads them. */
static void
first_sync(struct raw *r, int n, const char *next)
{
	char name[32];

	alert(r, 201, "contacts", NULL, next);
	assert_int_equal(code_of(post(r, FINAL | CRED), "SyncHdr"), 212);
	assert_int_equal(our_alert(r->m), 201);
	answer_all(r, 200);
	sync_open(r, "contacts");
	for (int i = 0; i < n; i++) {
		(void)snprintf(name, sizeof(name), "u%d", i);
		change(r, "Add", name, name);
	}
	sync_close(r);
	(void)post(r, FINAL);
	answer_all(r, 200);
	(void)post(r, FINAL);
	assert_true(r->m->final);
}

/* Packages 1 and 3 (empty) of an ordinary sync; leaves package 4 in r->m. */
static void
ask(struct raw *r, const char *sid, int code, const char *last,
    const char *next)
{
	again(r, sid);
	alert(r, code, "contacts", last, next);
	(void)post(r, FINAL | CRED);
	assert_int_equal(our_alert(r->m), code);
	answer_all(r, 200);
	sync_open(r, "contacts");
	sync_close(r);
	(void)post(r, FINAL);
}

static void
finish(struct raw *r)
{
	answer_all(r, 200);
	(void)post(r, FINAL);
	assert_true(r->m->final);
}

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
		sync_open(&r, "contacts");
		change(&r, "Add", "1", "Anna");
		sync_close(&r);
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
	sync_open(&r, "contacts");
	change(&r, "Add", "1", "Anna");
	sync_close(&r);
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
	sync_open(&r, "contacts");
	change(&r, "Add", "1", "Anna");
	sync_close(&r);
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
	sync_open(&r, "contacts");
	change(&r, "Add", "9", "Nina");
	sync_close(&r);
	sync_open(&r, "notes");
	change(&r, "Add", "9", "Nobody");
	sync_close(&r);
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
	sync_open(&r, "contacts");
	change(&r, "Add", "1", "Anna");
	sync_close(&r);
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
	sync_open(&r, "contacts");
	change(&r, "Add", "7", "Lost");
	sync_close(&r);
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
	sync_open(&r, "contacts");
	change(&r, "Add", "1", "Anna");
	sync_close(&r);
	assert_int_equal(code_of(post(&r, FINAL), "SyncHdr"), 407);
	sync_open(&r, "contacts");
	change(&r, "Add", "1", "Anna");
	sync_close(&r);
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
	sync_open(&r, "contacts");
	change(&r, "Add", "1", "Anna");
	sync_close(&r);
	assert_int_equal(code_of(post(&r, FINAL), "Add"), 201);
	answer_all(&q, 200);
	sync_open(&q, "contacts");
	change(&q, "Add", "1", "Bert");
	sync_close(&q);
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
	sync_open(&r, "contacts");
	change(&r, "Add", "2", "Late");
	sync_close(&r);
	assert_int_equal(code_of(post(&r, FINAL), "SyncHdr"), 408);
	assert_int_equal(items_stored(), 1);
	answer_all(&q, 200);
	sync_open(&q, "contacts");
	change(&q, "Add", "2", "Now");
	sync_close(&q);
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
	sync_open(&r, "contacts");
	change(&r, "Add", "1", "Anna");
	sync_close(&r);
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
	sync_open(&r, "contacts");
	change(&r, "Add", "1", "Anna");
	sync_close(&r);
	assert_int_equal(code_of(post(&r, FINAL), "SyncHdr"), 408);
	assert_int_equal(items_stored(), 0);
}

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
	static const int bad[] = { 404, 409, 410, 413, 415, 420, 500, 506,
				   510 };
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
	sync_open(&r, "contacts");
	change(&r, "Replace", "u0", "u0");
	sync_close(&r);
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
	sync_open(&r, "contacts");
	change(&r, "Replace", "u0", "u0");
	sync_close(&r);
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
	sync_open(&other, "contacts");
	change(&other, "Replace", "u0", name);
	sync_close(&other);
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

/* ---- packages and Final ------------------------------------------------- */

/* Final in the messages that only ask for the next one, then still a Map. */
static void
final_in_every_message(void **state)
{
	struct raw r, other;
	struct buf ids = BUF_IN(bench.a);
	int n = 0;

	(void)state;
	open_raw(&other, "IMEI:9", "1");
	first_sync(&other, 40, "x");
	open_raw(&r, "IMEI:1", "1");
	r.max_msg = 4000;
	alert(&r, 201, "contacts", NULL, "n1");
	(void)post(&r, FINAL | CRED);
	answer_all(&r, 200);
	sync_open(&r, "contacts");
	sync_close(&r);
	(void)post(&r, FINAL);
	for (int i = 0; i < 60 && !r.m->final; i++) {
		const struct sml_cmd *s = sync_of(r.m);

		for (size_t k = 0; s != NULL && k < s->kid_n; k++) {
			char luid[16];

			(void)snprintf(luid, sizeof(luid), "p%d", n++);
			buf_printf(&ids,
				   "<MapItem><Target><LocURI>%.*s</LocURI>"
				   "</Target><Source><LocURI>%s</LocURI>"
				   "</Source></MapItem>",
				   SLICE_ARG(s->kids[k].items[0].source), luid);
		}
		answer_all(&r, 201);
		plain_alert(&r, 222);
		(void)post(&r, FINAL);
	}
	n += count(r.m, SML_ADD);
	assert_int_equal(n, 40);
	finish(&r);
	map_open(&r, "contacts");
	buf_add(&r.body, buf_slice(&ids));
	map_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Map"), 200);
	ask(&r, "2", 200, "n1", "n2");
	assert_int_equal(count(r.m, SML_ADD), 0);
}

/* A client that asks for the next message for ever. */
static void
endless_222(void **state)
{
	struct raw r;
	int n = 0;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	alert(&r, 201, "contacts", NULL, "n1");
	(void)post(&r, CRED);
	while (code_of(r.m, "SyncHdr") != 408) {
		assert_true(n++ < 2 * SML_IDLE_ROUNDS_MAX);
		plain_alert(&r, 222);
		(void)post(&r, 0);
	}
}

/* Statuses that take more messages than an idle client may ask for. */
static void
many_statuses_in_small_messages(void **state)
{
	struct raw r;
	char name[32];
	int got = 0;
	int rounds = 0;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	r.max_msg = 2700;
	alert(&r, 201, "contacts", NULL, "n1");
	(void)post(&r, FINAL | CRED);
	answer_all(&r, 200);
	sync_open(&r, "contacts");
	for (int i = 0; i < 300; i++) {
		(void)snprintf(name, sizeof(name), "n%d", i);
		change(&r, "Add", name, name);
	}
	sync_close(&r);
	(void)post(&r, FINAL);
	for (;;) {
		assert_true(r.raw.body.n <= 2700);
		for (int i = 0; code_nth(r.m, "Add", i) == 201; i++)
			got++;
		if (r.m->final)
			break;
		assert_true(rounds++ < 150);
		status(&r, text(r.m->hdr.msgid), "0", "SyncHdr", 200);
		plain_alert(&r, 222);
		(void)post(&r, 0);
		assert_int_equal(code_of(r.m, "SyncHdr"), 200);
	}
	assert_int_equal(got, 300);
	finish(&r);
	ask(&r, "2", 200, "n1", "n2");
}

/* Smaller than our own header likes it: still every message gets on. */
static void
tiny_messages(void **state)
{
	(void)state;
	for (int max = 1200; max <= 2400; max += 200) {
		struct raw r, other;
		int adds = 0;
		int rounds = 0;

		open_raw(&other, "IMEI:9", "1");
		first_sync(&other, 3, "x");
		open_raw(&r, "IMEI:1", "1");
		r.max_msg = max;
		alert(&r, 201, "contacts", NULL, "n1");
		(void)post(&r, FINAL | CRED);
		while (!r.m->final && rounds++ < 30) {
			answer_all(&r, 200);
			plain_alert(&r, 222);
			(void)post(&r, 0);
		}
		answer_all(&r, 200);
		sync_open(&r, "contacts");
		change(&r, "Add", "1", "Mine");
		sync_close(&r);
		(void)post(&r, FINAL);
		for (rounds = 0; rounds < 60; rounds++) {
			for (size_t i = 0; sync_of(r.m) != NULL &&
					   i < sync_of(r.m)->kid_n;
			     i++)
				adds += sync_of(r.m)->kids[i].items[0].more
					    ? 0
					    : 1;
			if (r.m->final)
				break;
			answer_all(&r, 213);
			plain_alert(&r, 222);
			(void)post(&r, 0);
			assert_int_equal(code_of(r.m, "SyncHdr"), 200);
		}
		if (!r.m->final)
			fail_msg("no end with messages of %d bytes", max);
		if (max >= 2000)
			assert_int_equal(adds, 3);
		finish(&r);
		bench_close(&bench);
		bench_open(&bench);
	}
}

static void
no_response_wanted(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	alert(&r, 201, "contacts", NULL, "n1");
	(void)post(&r, FINAL | CRED);
	answer_all(&r, 200);
	r.noresp = true;
	sync_open(&r, "contacts");
	change(&r, "Add", "1", "Anna");
	sync_close(&r);
	(void)post(&r, 0);
	assert_int_equal(r.raw.http, 200);
	assert_int_equal(code_of(r.m, "SyncHdr"), 0);
	assert_int_equal(code_of(r.m, "Add"), 0);
	assert_int_equal(items_stored(), 1);
	send_bytes(&r, r.sent);
	assert_true(r.raw.duplicate);
	r.noresp = false;
	sync_open(&r, "contacts");
	buf_printf(&r.body,
		   "<Delete><CmdID>%d</CmdID><NoResp/><Item><Source><LocURI>"
		   "none</LocURI></Source></Item></Delete>",
		   ++r.cmdid);
	change(&r, "Add", "2", "Bert");
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "SyncHdr"), 200);
	assert_int_equal(code_of(r.m, "Delete"), 0);
	assert_int_equal(code_of(r.m, "Add"), 201);
}

/* A client's Sync without a command, commands without an item. */
static void
odd_commands(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 2, "n1");
	again(&r, "2");
	alert(&r, 200, "contacts", "n1", "n2");
	plain_alert(&r, 221);
	plain_alert(&r, 999);
	plain_alert(&r, 200);
	(void)post(&r, FINAL | CRED);
	assert_int_equal(code_nth(r.m, "Alert", 0), 200);
	assert_int_equal(code_nth(r.m, "Alert", 1), 400);
	assert_int_equal(code_nth(r.m, "Alert", 2), 406);
	assert_int_equal(code_nth(r.m, "Alert", 3), 400);
	answer_all(&r, 200);
	sync_open(&r, "contacts");
	buf_printf(&r.body, "<Add><CmdID>%d</CmdID></Add>", ++r.cmdid);
	change(&r, "Delete", "nobody", NULL);
	change(&r, "Replace", "77", "New");
	change(&r, "Replace", "78", NULL);
	change(&r, "Copy", "79", "Copied");
	buf_printf(&r.body,
		   "<Sequence><CmdID>%d</CmdID><Delete><CmdID>%d</CmdID><Item>"
		   "<Source><LocURI>u0</LocURI></Source></Item></Delete>"
		   "</Sequence>",
		   r.cmdid + 1, r.cmdid + 2);
	r.cmdid += 2;
	sync_close(&r);
	change(&r, "Delete", "u1", NULL); /* outside of Sync */
	sync_open(&r, "notes");           /* not alerted */
	sync_close(&r);
	sync_open(&r, "nowhere");
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_nth(r.m, "Sync", 0), 200);
	assert_int_equal(code_nth(r.m, "Sync", 1), 403);
	assert_int_equal(code_nth(r.m, "Sync", 2), 404);
	assert_int_equal(code_of(r.m, "Add"), 400);
	assert_int_equal(code_nth(r.m, "Delete", 0), 211);
	assert_int_equal(code_nth(r.m, "Delete", 1), 200);
	assert_int_equal(code_nth(r.m, "Delete", 2), 403);
	assert_int_equal(code_nth(r.m, "Replace", 0), 201);
	assert_int_equal(code_nth(r.m, "Replace", 1), 415);
	assert_int_equal(code_of(r.m, "Copy"), 406);
	assert_int_equal(code_of(r.m, "Sequence"), 200);
	assert_int_equal(items_stored(), 2); /* u1 and 77 */
}

/* ---- large objects ------------------------------------------------------ */

static struct slice
large(void)
{
	struct buf b = BUF_IN(bench.a);

	buf_str(&b, "BEGIN:VCARD\nVERSION:3.0\nN:Large;;;;\nFN:Large\nNOTE:");
	for (int i = 0; i < 3000; i++)
		buf_byte(&b, (unsigned char)('a' + i % 26));
	buf_str(&b, "\nEND:VCARD\n");
	return buf_slice(&b);
}

static void
start_slow(struct raw *r, const char *sid, const char *next)
{
	again(r, sid);
	alert(r, 201, "contacts", NULL, next);
	(void)post(r, FINAL | CRED);
	answer_all(r, 200);
}

static void
object_in_pieces(void **state)
{
	struct raw r;
	struct slice all = large();

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	start_slow(&r, "1", "n1");
	sync_open(&r, "contacts");
	piece(&r, "L", (int)all.n, slice_sub(all, 0, 1000), true);
	sync_close(&r);
	(void)post(&r, 0);
	assert_int_equal(code_of(r.m, "Add"), 213);
	assert_int_equal(our_alert(r.m), 222);
	send_bytes(&r, r.sent);
	assert_true(r.raw.duplicate);
	sync_open(&r, "contacts");
	piece(&r, "L", 0, slice_sub(all, 1000, 2000), true);
	sync_close(&r);
	assert_int_equal(code_of(post(&r, 0), "Add"), 213);
	sync_open(&r, "contacts");
	piece(&r, "L", 0, slice_from(all, 2000), false);
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Add"), 424); /* 1000 are missing */
	assert_int_equal(items_stored(), 0);
}

static void
pieces_that_break_off(void **state)
{
	struct raw r;
	struct slice all = large();

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	start_slow(&r, "1", "n1");
	sync_open(&r, "contacts");
	piece(&r, "L", (int)all.n, slice_sub(all, 0, 1000), true);
	sync_close(&r);
	(void)post(&r, 0);
	/* Something else instead of its second half. */
	sync_open(&r, "contacts");
	change(&r, "Add", "2", "Bert");
	piece(&r, "M", 0, slice_sub(all, 0, 1000), true); /* no Size */
	piece(&r, "N", 90000000, slice_sub(all, 0, 1000), true);
	sync_close(&r);
	(void)post(&r, 0);
	assert_int_equal(our_alert(r.m), 223);
	assert_int_equal(code_nth(r.m, "Add", 0), 201);
	assert_int_equal(code_nth(r.m, "Add", 1), 411);
	assert_int_equal(code_nth(r.m, "Add", 2), 416);
	/* Final in the middle of one. */
	sync_open(&r, "contacts");
	piece(&r, "L", (int)all.n, slice_sub(all, 0, 1000), true);
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(our_alert(r.m), 223);
	finish(&r);
	assert_int_equal(items_stored(), 1);
	/* Whole, in the next session. */
	again(&r, "2");
	alert(&r, 200, "contacts", "n1", "n2");
	(void)post(&r, FINAL | CRED);
	answer_all(&r, 200);
	sync_open(&r, "contacts");
	piece(&r, "L", (int)all.n, slice_sub(all, 0, 1000), true);
	sync_close(&r);
	assert_int_equal(code_of(post(&r, 0), "Add"), 213);
	sync_open(&r, "contacts");
	piece(&r, "L", 0, slice_from(all, 1000), false);
	sync_close(&r);
	assert_int_equal(code_of(post(&r, FINAL), "Add"), 201);
	assert_int_equal(items_stored(), 2);
}

/* ---- suspend and resume ------------------------------------------------- */

static void
suspend_and_resume_slow(void **state)
{
	struct raw r, other;

	(void)state;
	open_raw(&other, "IMEI:9", "1");
	first_sync(&other, 2, "x"); /* u0, u1 */
	open_raw(&r, "IMEI:1", "1");
	start_slow(&r, "1", "n1");
	sync_open(&r, "contacts");
	change(&r, "Add", "1", "Anna");
	sync_close(&r);
	plain_alert(&r, 224);
	change(&r, "Add", "2", "Bert");
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Alert"), 200);
	assert_int_equal(code_nth(r.m, "Add", 0), 201);
	assert_int_equal(code_nth(r.m, "Add", 1), 514);
	assert_true(r.m->final);
	again(&r, "2");
	alert(&r, 225, "contacts", NULL, "n2");
	(void)post(&r, FINAL | CRED);
	assert_int_equal(code_of(r.m, "Alert"), 200);
	assert_int_equal(our_alert(r.m), 201);
	answer_all(&r, 200);
	sync_open(&r, "contacts");
	change(&r, "Add", "2", "Bert");
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(count(r.m, SML_ADD), 2); /* not Anna */
	finish(&r);
	assert_int_equal(items_stored(), 4);
}

/* A slow sync that broke long ago is not what a resume means. */
static void
resume_means_the_last_sync(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 5, "n1");
	start_slow(&r, "2", "n2"); /* breaks after one item */
	sync_open(&r, "contacts");
	change(&r, "Add", "u0", "u0");
	sync_close(&r);
	(void)post(&r, 0);
	ask(&r, "3", 200, "n1", "n3"); /* an ordinary one goes well */
	finish(&r);
	again(&r, "4"); /* and one is suspended */
	alert(&r, 200, "contacts", "n3", "n4");
	(void)post(&r, FINAL | CRED);
	plain_alert(&r, 224);
	(void)post(&r, FINAL);
	again(&r, "5");
	alert(&r, 225, "contacts", "n3", "n5");
	(void)post(&r, FINAL | CRED);
	assert_int_equal(our_alert(r.m), 200);
	answer_all(&r, 200);
	sync_open(&r, "contacts");
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(count(r.m, SML_ADD), 0);
}

static void
resume_of_nothing(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	alert(&r, 225, "contacts", "gone", "n1");
	(void)post(&r, FINAL | CRED);
	assert_int_equal(code_of(r.m, "Alert"), 508);
	assert_int_equal(our_alert(r.m), 201);
	open_raw(&r, "IMEI:2", "1");
	r.version = 11;
	alert(&r, 225, "contacts", "gone", "n1");
	(void)post(&r, FINAL | CRED);
	assert_int_equal(code_of(r.m, "Alert"), 406);
	assert_int_equal(our_alert(r.m), 0);
}

/* ---- refresh and one-way ------------------------------------------------ */

static void
set_read_only(const char *name)
{
	struct store_tx *tx;
	struct store_collection *col;
	size_t n;
	struct err e;

	assert_int_equal(bench.store->v->begin(bench.store, bench.account,
					       STORE_WRITE, bench.now, &tx, &e),
			 0);
	assert_int_equal(tx->v->collection_list(tx, bench.a, &col, &n, &e), 0);
	for (size_t i = 0; i < n; i++) {
		if (!slice_is(col[i].name, name))
			continue;
		col[i].read_only = true;
		assert_int_equal(tx->v->collection_put(tx, &col[i], &e), 0);
	}
	assert_int_equal(tx->v->commit(&tx, &e), 0);
}

/* A refresh from the client deletes nothing where it may not write. */
static void
refresh_of_a_read_only_database(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 4, "n1");
	set_read_only("contacts");
	again(&r, "2");
	alert(&r, 203, "contacts", "n1", "n2");
	(void)post(&r, FINAL | CRED);
	answer_all(&r, 200);
	sync_open(&r, "contacts");
	change(&r, "Add", "9", "Nina");
	sync_close(&r);
	assert_int_equal(code_of(post(&r, FINAL), "Add"), 403);
	assert_int_equal(items_stored(), 4);
}

/* It wiped its database for a refresh that broke: it must get all again. */
static void
refresh_from_server_breaks(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 30, "n1");
	r.max_msg = 4000;
	ask(&r, "2", 205, "n1", "n2");
	assert_false(r.m->final); /* the rest never comes */
	again(&r, "3");
	alert(&r, 200, "contacts", "n1", "n3");
	(void)post(&r, FINAL | CRED);
	assert_int_equal(code_of(r.m, "Alert"), 508);
	assert_int_equal(our_alert(r.m), 201);
}

/* What it deleted in a session that broke does not come back to it. */
static void
noted_deletes_and_one_way(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 4, "n1");
	again(&r, "2");
	alert(&r, 200, "contacts", "n1", "n2");
	(void)post(&r, FINAL | CRED);
	answer_all(&r, 200);
	sync_open(&r, "contacts");
	change(&r, "Delete", "u1", NULL);
	sync_close(&r);
	assert_int_equal(code_of(post(&r, 0), "Delete"), 200);
	ask(&r, "3", 204, "n1", "n3");
	assert_int_equal(count(r.m, SML_REPLACE), 3); /* in doubt: u0, 2, 3 */
	assert_int_equal(count(r.m, SML_ADD), 0);
	assert_int_equal(items_stored(), 3);
}

/* Data in a one-way sync from the server. */
static void
data_where_none_is_taken(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 1, "n1");
	again(&r, "2");
	alert(&r, 204, "contacts", "n1", "n2");
	(void)post(&r, FINAL | CRED);
	answer_all(&r, 200);
	sync_open(&r, "contacts");
	change(&r, "Add", "9", "Nina");
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Sync"), 200);
	assert_int_equal(code_of(r.m, "Add"), 403);
	start_slow(&r, "3", "n3");
	sync_open(&r, "contacts");
	change(&r, "Delete", "u0", NULL);
	sync_close(&r);
	assert_int_equal(code_of(post(&r, FINAL), "Delete"), 403);
	assert_int_equal(items_stored(), 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

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
		T(address_changes_without_respuri),
		T(stored_answer_for_its_address),
		T(two_devices_at_one_address),
		T(a_second_session_takes_over),
		T(disabled_in_the_middle),
		T(expired_session),
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
		T(final_in_every_message),
		T(endless_222),
		T(many_statuses_in_small_messages),
		T(tiny_messages),
		T(no_response_wanted),
		T(odd_commands),
		T(object_in_pieces),
		T(pieces_that_break_off),
		T(suspend_and_resume_slow),
		T(resume_means_the_last_sync),
		T(resume_of_nothing),
		T(refresh_of_a_read_only_database),
		T(refresh_from_server_breaks),
		T(noted_deletes_and_one_way),
		T(data_where_none_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
