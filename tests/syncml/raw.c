#include "tests/syncml/raw.h"

struct bench bench;

int
set_up(void **state)
{
	(void)state;
	bench_open(&bench);
	return 0;
}

int
tear_down(void **state)
{
	(void)state;
	bench_close(&bench);
	return 0;
}

void
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
void
again(struct raw *r, const char *sid)
{
	r->sid = sid;
	r->msgid = 1;
	r->cmdid = 0;
	r->token[0] = '\0';
	r->body = BUF_IN(bench.a);
}

/* ---- what it sends ------------------------------------------------------ */

void
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

void
plain_alert(struct raw *r, int code)
{
	buf_printf(&r->body, "<Alert><CmdID>%d</CmdID><Data>%d</Data></Alert>",
		   ++r->cmdid, code);
}

void
sync_open(struct raw *r, const char *db)
{
	buf_printf(&r->body,
		   "<Sync><CmdID>%d</CmdID><Target><LocURI>./%s</LocURI>"
		   "</Target><Source><LocURI>./C%s</LocURI></Source>",
		   ++r->cmdid, db, db);
}

void
sync_close(struct raw *r)
{
	buf_str(&r->body, "</Sync>");
}

/* An Add, Replace (with a name) or Delete (without one). */
void
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
void
one_change(struct raw *r, const char *db, const char *cmd, const char *luid,
	   const char *name)
{
	sync_open(r, db);
	change(r, cmd, luid, name);
	sync_close(r);
}

void
piece(struct raw *r, const char *luid, int size, struct slice data, bool more)
{
	buf_printf(&r->body,
		   "<Add><CmdID>%d</CmdID><Meta><Type xmlns='syncml:metinf'>"
		   "text/vcard</Type>",
		   ++r->cmdid);
	if (size > 0)
		buf_printf(&r->body, "<Size xmlns='syncml:metinf'>%d</Size>",
			   size);
	if (size < 0)
		buf_printf(&r->body,
			   "<EMI xmlns='syncml:metinf'>datapos=%d</EMI>",
			   -size);
	buf_printf(&r->body,
		   "</Meta><Item><Source><LocURI>%s</LocURI></Source><Data>"
		   "%.*s</Data>%s</Item></Add>",
		   luid, SLICE_ARG(data), more ? "<MoreData/>" : "");
}

void
status(struct raw *r, const char *msgref, const char *cmdref, const char *cmd,
       int code)
{
	buf_printf(&r->body,
		   "<Status><CmdID>%d</CmdID><MsgRef>%s</MsgRef><CmdRef>%s"
		   "</CmdRef><Cmd>%s</Cmd><Data>%d</Data></Status>",
		   ++r->cmdid, msgref, cmdref, cmd, code);
}

const char *
text(struct slice s)
{
	return arena_cstr(bench.a, s);
}

/* Answer the last message's header, Alerts and Syncs well, items by `code`
   (0: no Status for them). */
void
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

void
open_command(struct raw *r, const char *name)
{
	buf_printf(&r->body, "<%s><CmdID>%d</CmdID>", name, ++r->cmdid);
}

void
close_command(struct raw *r, const char *name)
{
	buf_printf(&r->body, "</%s>", name);
}

void
map_open(struct raw *r, const char *db)
{
	buf_printf(&r->body,
		   "<Map><CmdID>%d</CmdID><Target><LocURI>./%s</LocURI>"
		   "</Target><Source><LocURI>./C%s</LocURI></Source>",
		   ++r->cmdid, db, db);
}

void
map_item(struct raw *r, struct slice ours, const char *luid)
{
	buf_printf(&r->body,
		   "<MapItem><Target><LocURI>%.*s</LocURI></Target><Source>"
		   "<LocURI>%s</LocURI></Source></MapItem>",
		   SLICE_ARG(ours), luid);
}

void
map_close(struct raw *r)
{
	buf_str(&r->body, "</Map>");
}

void
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
void
send_bytes(struct raw *r, struct slice bytes)
{
	struct sml_request rq = {
		.content_type = SLICE_LIT("application/vnd.syncml+xml"),
		.body = bytes,
		.token = slice_c(r->token),
		.mac = r->mac,
		.peer = slice_c(r->peer),
		.base_url = SLICE_LIT("http://h/sync"),
	};

	bench.now += 1000;
	sml_server_handle(&bench.srv, bench.a, &rq, &r->raw);
	read_answer(r);
}

void
prepare(struct raw *r, int flags)
{
	struct buf m = BUF_IN(bench.a);
	int v = r->version % 10;

	buf_printf(
	    &m,
	    "<SyncML xmlns='SYNCML:SYNCML1.%d'><SyncHdr><VerDTD>1.%d"
	    "</VerDTD><VerProto>SyncML/1.%d</VerProto><SessionID>%s"
	    "</SessionID><MsgID>%d</MsgID><Target><LocURI>http://h/sync"
	    "</LocURI></Target><Source><LocURI>%s</LocURI>%s%s%s</Source>"
	    "%s%.*s",
	    v, v, v, r->sid, r->msgid, r->dev,
	    r->name == NULL ? "" : "<LocName>", r->name == NULL ? "" : r->name,
	    r->name == NULL ? "" : "</LocName>", r->noresp ? "<NoResp/>" : "",
	    SLICE_ARG(r->cred));
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
			   "</MaxMsgSize>",
			   r->max_msg);
	if (r->max_msg > 0 && r->version > 10 && r->max_obj >= 0)
		buf_printf(&m,
			   "<MaxObjSize xmlns='syncml:metinf'>%d</MaxObjSize>",
			   r->max_obj == 0 ? 9000000 : r->max_obj);
	if (r->max_msg > 0)
		buf_str(&m, "</Meta>");
	buf_str(&m, "</SyncHdr><SyncBody>");
	buf_add(&m, buf_slice(&r->body));
	buf_printf(&m, "%s</SyncBody></SyncML>",
		   (flags & FINAL) != 0 ? "<Final/>" : "");
	assert_true(buf_ok(&m));
	r->sent = buf_slice(&m);
	r->msgid++;
	r->cmdid = 0;
	r->body = BUF_IN(bench.a);
}

struct sml_msg *
post(struct raw *r, int flags)
{
	prepare(r, flags);
	send_bytes(r, r->sent);
	return r->m;
}

/* ---- what it is answered ------------------------------------------------ */

/* Code of the n-th Status for this kind of command; 0: there is none. */
int
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

int
code_of(const struct sml_msg *m, const char *cmd)
{
	return code_nth(m, cmd, 0);
}

int
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

const struct sml_cmd *
sync_of(const struct sml_msg *m)
{
	for (size_t i = 0; m != NULL && i < m->cmd_n; i++) {
		if (m->cmds[i].tag == SML_SYNC)
			return &m->cmds[i];
	}
	return NULL;
}

/* Commands of one kind in all Syncs of the message. */
int
count(const struct sml_msg *m, enum sml_tag tag)
{
	int n = 0;

	for (size_t i = 0; m != NULL && i < m->cmd_n; i++) {
		for (size_t k = 0; k < m->cmds[i].kid_n; k++)
			n += m->cmds[i].kids[k].tag == tag ? 1 : 0;
	}
	return n;
}

int
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
void
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
void
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

void
finish(struct raw *r)
{
	answer_all(r, 200);
	(void)post(r, FINAL);
	assert_true(r->m->final);
}
