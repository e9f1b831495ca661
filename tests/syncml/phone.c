#include "tests/syncml/phone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/digest.h"
#include "tests/syncml/secrets.h"

/* ---- the server's side ------------------------------------------------------
 */

static int64_t
test_now(const struct clk *c)
{
	const struct bench *b =
	    (const struct bench *)((const char *)c -
				   offsetof(struct bench, clk));

	return b->now;
}

void
bench_account(struct bench *b)
{
	struct err e;
	struct store_tx *tx;
	struct store_account acc = {
		.user = SLICE_LIT("anna"),
		.zone = SLICE_LIT("Europe/Berlin"),
	};
	struct store_cred cred = {
		.kind = STORE_CRED_PASSWORD,
		.hash = SLICE_LIT("secret"),
	};
	struct store_collection col[] = {
		{ .name = SLICE_LIT("contacts"),
		  .display = SLICE_LIT("Contacts"),
		  .aliases = SLICE_LIT("card addressbook scard"),
		  .kinds = PIM_CONTACT },
		{ .name = SLICE_LIT("calendar"),
		  .display = SLICE_LIT("Calendar"),
		  .kinds = PIM_EVENT },
		{ .name = SLICE_LIT("tasks"),
		  .display = SLICE_LIT("Tasks"),
		  .kinds = PIM_TODO },
		{ .name = SLICE_LIT("notes"),
		  .display = SLICE_LIT("Notes"),
		  .kinds = PIM_NOTE },
		{ .name = SLICE_LIT("caltask"),
		  .display = SLICE_LIT("Calendar and tasks"),
		  .kinds = PIM_EVENT | PIM_TODO },
	};
	enum { CALENDAR = 1, TASKS = 2, BOTH = 4 };

	assert_int_equal(
	    b->store->v->account_create(b->store, &acc, &b->account, &e), 0);
	assert_int_equal(b->store->v->begin(b->store, b->account, STORE_WRITE,
					    b->now, &tx, &e),
			 0);
	cred.id = tx->next_id++;
	assert_int_equal(tx->v->cred_put(tx, &cred, &e), 0);
	for (size_t i = 0; i < sizeof(col) / sizeof(col[0]); i++) {
		col[i].id = tx->next_id++;
		col[i].member[0] = col[i].id;
		col[i].member_n = 1;
		if (i == BOTH) {
			col[i].member[0] = col[CALENDAR].id;
			col[i].member[1] = col[TASKS].id;
			col[i].member_n = 2;
		}
		assert_int_equal(tx->v->collection_put(tx, &col[i], &e), 0);
	}
	assert_int_equal(tx->v->commit(&tx, &e), 0);
}

struct store_session *
bench_session(struct bench *b, struct store_tx *tx)
{
	struct store_session *s;
	struct err e = { 0 };
	size_t n;

	assert_int_equal(tx->v->session_list(tx, b->a, 0, 1, &s, &n, &e), 0);
	assert_int_equal(n, 1);
	return s;
}

int64_t
bench_folder(struct store_tx *tx, const char *name, const char *display,
	     enum store_mail_role role)
{
	struct store_collection col = {
		.id = tx->next_id++,
		.name = slice_c(name),
		.display = slice_c(display),
		.kinds = PIM_MAIL,
		.member_n = 1,
	};
	const struct store_mail_folder f = {
		.collection = col.id,
		.name = slice_c(name),
		.role = role,
	};
	struct err e = { 0 };

	col.member[0] = col.id;
	assert_int_equal(tx->v->collection_put(tx, &col, &e), 0);
	assert_int_equal(tx->v->mail->folder_put(tx, &f, 1, &e), 0);
	return col.id;
}

void
bench_open(struct bench *b)
{
	const char *tmp = getenv("TMPDIR"); /* NOLINT(*-mt-unsafe) */
	struct err e = { 0 };
	char file[128];

	memset(b, 0, sizeof(*b));
	b->a = arena_new(SIZE_MAX / 2);
	b->now = 1767225600000; /* 2026-01-01 */
	b->clk.now_ms = test_now;
	(void)snprintf(b->dir, sizeof(b->dir), "%.40s/fun-engine-XXXXXX",
		       tmp == NULL ? "/tmp" : tmp);
	assert_non_null(mkdtemp(b->dir));
	(void)snprintf(file, sizeof(file), "%s/t.db", b->dir);
	place_take(&b->place, place_kind(NULL), file);
	if (store_open(b->place.uri, true, &b->store, &e) < 0)
		fail_msg("store: %s", e.msg);
	rnd_seed(&b->rnd, 1);
	b->secrets = plain_secrets();
	assert_int_equal(pim_rules_load(b->a, NULL, &b->rules, &e), 0);
	b->conf = (struct sml_server_conf){
		.max_msg_bytes = 200000,
		.max_obj_bytes = 2000000,
		.session_idle_ms = SML_SESSION_IDLE_MS,
		.man = SLICE_LIT("Funicular"),
		.mod = SLICE_LIT("Test"),
		.devid = SLICE_LIT("test"),
	};
	b->srv = (struct sml_server){
		.store = b->store,
		.clk = &b->clk,
		.rnd = &b->rnd.r,
		.secrets = &b->secrets,
		.rules = b->rules,
		.conf = &b->conf,
	};
	bench_account(b);
}

void
bench_close(struct bench *b)
{
	b->store->v->close(&b->store);
	place_give(&b->place);
	assert_int_equal(rmdir(b->dir), 0);
	arena_free(&b->a);
}

void
bench_post(struct bench *b, struct slice body, struct slice token,
	   struct sml_reply *out)
{
	struct sml_request rq = {
		.content_type = SLICE_LIT("application/vnd.syncml+xml"),
		.body = body,
		.token = token,
		.peer = SLICE_LIT("192.0.2.7"),
		.base_url = SLICE_LIT("http://h/sync"),
	};

	b->now += 1000;
	if (b->before != NULL)
		b->before(b);
	sml_server_handle(&b->srv, b->a, &rq, out);
}

/* ---- the phone's items
 * -------------------------------------------------------- */

const char *
card(struct bench *b, const char *name, const char *tel, const char *more)
{
	return arena_printf(
		   b->a,
		   "BEGIN:VCARD\r\nVERSION:3.0\r\nN:%s;;;;\r\nFN:%s\r\n"
		   "TEL;TYPE=CELL:%s\r\n%sEND:VCARD\r\n",
		   name, name, tel, more == NULL ? "" : more)
	    .p;
}

void
phone_init(struct phone *p, struct bench *b, const char *dev)
{
	memset(p, 0, sizeof(*p));
	p->b = b;
	p->dev = dev;
	p->db = "contacts";
	p->type = "text/vcard";
	p->version = 12;
	p->next_luid = 1;
}

struct phone_item *
phone_add(struct phone *p, const char *body)
{
	struct phone_item *it = &p->item[p->n++];

	assert_true(p->n <= PHONE_ITEMS);
	(void)snprintf(it->luid, sizeof(it->luid), "%d", p->next_luid++);
	it->body = slice_c(body);
	it->live = true;
	it->change = 'A';
	return it;
}

struct phone_item *
phone_find(struct phone *p, const char *text)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->item[i].live &&
		    slice_find_str(p->item[i].body, text) != SIZE_MAX)
			return &p->item[i];
	}
	return NULL;
}

void
phone_edit(struct phone_item *it, const char *body, struct phone *p)
{
	(void)p;
	it->body = slice_c(body);
	if (it->change == 0)
		it->change = 'R';
}

void
phone_delete(struct phone_item *it)
{
	it->live = false;
	it->change = it->change == 'A' ? 0 : 'D';
}

size_t
phone_live(const struct phone *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += p->item[i].live ? 1 : 0;
	return n;
}

/* ---- messages
 * --------------------------------------------------------------------- */

static void
xml(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '<')
			buf_str(b, "&lt;");
		else if (s.p[i] == '>')
			buf_str(b, "&gt;");
		else if (s.p[i] == '&')
			buf_str(b, "&amp;");
		else if (s.p[i] == '\r')
			buf_str(b, "&#13;");
		else
			buf_byte(b, (unsigned char)s.p[i]);
	}
}

static struct slice
message(struct phone *p, bool cred, bool final)
{
	struct buf m = BUF_IN(p->b->a);
	int v = p->version % 10;

	buf_printf(&m,
		   "<SyncML xmlns='SYNCML:SYNCML1.%d'><SyncHdr><VerDTD>1.%d"
		   "</VerDTD><VerProto>SyncML/1.%d</VerProto><SessionID>%d"
		   "</SessionID><MsgID>%d</MsgID><Target><LocURI>http://h/sync"
		   "</LocURI></Target><Source><LocURI>%s</LocURI></Source>",
		   v, v, v, p->sid, p->msgid, p->dev);
	if (cred)
		buf_str(&m, "<Cred><Meta><Format xmlns='syncml:metinf'>b64"
			    "</Format><Type xmlns='syncml:metinf'>"
			    "syncml:auth-basic</Type></Meta>"
			    "<Data>YW5uYTpzZWNyZXQ=</Data></Cred>");
	if (p->max_msg > 0)
		buf_printf(&m,
			   "<Meta><MaxMsgSize xmlns='syncml:metinf'>%d"
			   "</MaxMsgSize>%s</Meta>",
			   p->max_msg,
			   p->version < 11 || p->no_obj
			       ? ""
			       : "<MaxObjSize xmlns='syncml:metinf'>9000000"
				 "</MaxObjSize>");
	buf_str(&m, "</SyncHdr><SyncBody>");
	buf_add(&m, buf_slice(&p->out));
	buf_printf(&m, "%s</SyncBody></SyncML>", final ? "<Final/>" : "");
	assert_true(buf_ok(&m));
	return buf_slice(&m);
}

static void
take_token(struct phone *p)
{
	size_t at = slice_find_str(p->reply->hdr.respuri, "?s=");

	if (at == SIZE_MAX || p->no_respuri)
		return;
	(void)snprintf(p->token, sizeof(p->token), "%.*s",
		       SLICE_ARG(slice_from(p->reply->hdr.respuri, at + 3)));
}

/* Send; false: the answer is lost on the way. */
static bool
exchange(struct phone *p, bool cred, bool final)
{
	struct err e = { 0 };

	p->sent_bytes = message(p, cred, final);
	p->out = BUF_IN(p->b->a);
	bench_post(p->b, p->sent_bytes, slice_c(p->token), &p->raw);
	/* The server's trouble: a client sends the same bytes again. */
	while (p->raw.http == 503 && p->retried < p->retries) {
		p->retried++;
		bench_post(p->b, p->sent_bytes, slice_c(p->token), &p->raw);
	}
	p->messages++;
	if (p->lose_reply_of == p->msgid) {
		p->broken = true;
		return false;
	}
	if (p->raw.http != 200)
		fail_msg("HTTP %d: %.*s", p->raw.http, SLICE_ARG(p->raw.body));
	if (p->max_msg > 0)
		assert_true(p->raw.body.n <= (size_t)p->max_msg);
	p->reply_bytes = p->raw.body;
	if (p->raw.body.n > p->largest)
		p->largest = p->raw.body.n;
	if (sml_msg_read(p->b->a, SML_XML, p->raw.body, NULL, &p->reply, &e) <
	    0)
		fail_msg("reply: %s", e.msg);
	take_token(p);
	p->msgid++;
	p->cmdid = 0;
	return true;
}

static void
status(struct phone *p, const struct sml_cmd *cmd, int code)
{
	if (p->no_status && cmd->tag != SML_ALERT)
		return;
	buf_printf(&p->out,
		   "<Status><CmdID>%d</CmdID><MsgRef>%.*s</MsgRef><CmdRef>%.*s"
		   "</CmdRef><Cmd>%s</Cmd><Data>%d</Data></Status>",
		   ++p->cmdid, SLICE_ARG(p->reply->hdr.msgid),
		   SLICE_ARG(cmd->cmdid), sml_tag_name(cmd->tag), code);
}

static void
hdr_status(struct phone *p)
{
	buf_printf(&p->out,
		   "<Status><CmdID>%d</CmdID><MsgRef>%.*s</MsgRef><CmdRef>0"
		   "</CmdRef><Cmd>SyncHdr</Cmd><Data>200</Data></Status>",
		   ++p->cmdid, SLICE_ARG(p->reply->hdr.msgid));
}

static void
put_alert(struct phone *p, int code)
{
	buf_printf(&p->out,
		   "<Alert><CmdID>%d</CmdID><Data>%d</Data><Item><Target>"
		   "<LocURI>./%s</LocURI>%s</Target><Source><LocURI>./C"
		   "</LocURI></Source><Meta><Anchor xmlns='syncml:metinf'>",
		   ++p->cmdid, code, p->db, p->filter == NULL ? "" : p->filter);
	if (p->last[0] != '\0')
		buf_printf(&p->out, "<Last>%s</Last>", p->last);
	buf_printf(&p->out, "<Next>%s-%d</Next></Anchor></Meta></Item></Alert>",
		   p->dev, p->anchor);
}

static void
put_devinf(struct phone *p)
{
	if (p->devinf == NULL)
		return;
	buf_printf(&p->out,
		   "<Put><CmdID>%d</CmdID><Meta><Type xmlns='syncml:metinf'>"
		   "application/vnd.syncml-devinf+xml</Type></Meta><Item>"
		   "<Source><LocURI>./devinf%d</LocURI></Source><Data><DevInf "
		   "xmlns='syncml:devinf'><VerDTD>1.%d</VerDTD>%s</DevInf>"
		   "</Data></Item></Put>",
		   ++p->cmdid, p->version, p->version % 10, p->devinf);
}

static void
put_change(struct phone *p, const struct phone_item *it, bool slow)
{
	const char *cmd = slow || it->change == 'A' ? "Add"
			  : it->change == 'R'       ? "Replace"
						    : "Delete";

	buf_printf(&p->out, "<%s><CmdID>%d</CmdID>", cmd, ++p->cmdid);
	if (it->live)
		buf_printf(&p->out,
			   "<Meta><Type xmlns='syncml:metinf'>%s</Type>%s"
			   "</Meta>",
			   p->type,
			   p->field_level
			       ? "<FieldLevel xmlns='syncml:metinf'/>"
			       : "");
	buf_printf(&p->out, "<Item><Source><LocURI>%s</LocURI></Source>",
		   it->luid);
	if (it->parent.n > 0)
		buf_printf(&p->out,
			   "<SourceParent><LocURI>%.*s</LocURI></SourceParent>",
			   SLICE_ARG(it->parent));
	if (it->live) {
		if (p->b64)
			buf_str(&p->out, "<Meta><Format xmlns='syncml:metinf'>"
					 "b64</Format></Meta>");
		buf_str(&p->out, "<Data>");
		xml(&p->out, p->b64 ? digest_b64(p->b->a, it->body) : it->body);
		buf_str(&p->out, "</Data>");
	}
	buf_printf(&p->out, "</Item></%s>", cmd);
	p->sent_n++;
}

/* ---- what the server says
 * ------------------------------------------------------------ */

static void
take_item(struct phone *p, const struct sml_cmd *cmd, struct buf *maps)
{
	const struct sml_item *in = &cmd->items[0];
	struct phone_item *it = NULL;
	struct slice body = in->data;

	if (in->more || p->partial.n > 0) {
		p->partial =
		    arena_printf(p->b->a, "%.*s%.*s", SLICE_ARG(p->partial),
				 SLICE_ARG(in->data));
		if (in->more) {
			status(p, cmd, 213);
			return;
		}
		body = p->partial;
		p->partial = (struct slice){ NULL, 0 };
	}
	if (p->b64 && cmd->tag != SML_DELETE) {
		struct slice format =
		    in->meta.format.n > 0 ? in->meta.format : cmd->meta.format;

		assert_true(slice_is(format, "b64"));
		assert_true(slice_is(cmd->meta.type, p->type));
		assert_true(digest_unb64(p->b->a, body, &body));
	}
	if (cmd->tag == SML_ADD) {
		it = phone_add(p, arena_cstr(p->b->a, body));
		it->change = 0;
		it->parent = arena_copy(p->b->a, in->source_parent);
		p->got_add++;
		buf_printf(maps,
			   "<MapItem><Target><LocURI>%.*s</LocURI></Target>"
			   "<Source><LocURI>%s</LocURI></Source></MapItem>",
			   SLICE_ARG(in->source), it->luid);
		status(p, cmd, 201);
		return;
	}
	for (size_t i = 0; i < p->n; i++) {
		if (p->item[i].live && slice_is(in->target, p->item[i].luid))
			it = &p->item[i];
	}
	if (it == NULL) {
		status(p, cmd, 404);
		return;
	}
	if (cmd->tag == SML_DELETE && cmd->sftdel) {
		p->got_soft++;
		if (p->refuse_soft != 0) {
			status(p, cmd, p->refuse_soft);
			return;
		}
	}
	if (cmd->tag == SML_DELETE) {
		it->live = false;
		it->change = 0;
		p->got_delete++;
	} else {
		it->body = arena_copy(p->b->a, body);
		if (in->source_parent.n > 0)
			it->parent = arena_copy(p->b->a, in->source_parent);
		it->change = 0;
		p->got_replace++;
	}
	status(p, cmd, 200);
}

static void
take_alert(struct phone *p, const struct sml_cmd *cmd)
{
	uint32_t code = 0;

	if (!slice_u32(cmd->data, &code) || code < 200 || code > 210)
		return;
	p->alert = (int)code;
	(void)snprintf(p->server_last, sizeof(p->server_last), "%.*s",
		       SLICE_ARG(cmd->items[0].meta.anchor.last));
	(void)snprintf(p->server_next, sizeof(p->server_next), "%.*s",
		       SLICE_ARG(cmd->items[0].meta.anchor.next));
	/* As real clients do: another Last would make it a slow sync. */
	if (code == 200 || code == 202 || code == 204)
		assert_string_equal(p->server_last, p->peer_last);
	status(p, cmd, 200);
}

static void
take_reply(struct phone *p, struct buf *maps)
{
	const struct sml_msg *m = p->reply;

	hdr_status(p);
	for (size_t i = 0; i < m->cmd_n; i++) {
		const struct sml_cmd *c = &m->cmds[i];
		uint32_t code = 0;

		if (c->tag == SML_ALERT)
			take_alert(p, c);
		if (c->tag == SML_GET)
			status(p, c, 404);
		if (c->tag == SML_STATUS && slice_u32(c->data, &code)) {
			if (slice_is(c->cmd, "Alert"))
				p->alert_status = (int)code;
			else if (code >= 300 && p->bad_status == 0)
				p->bad_status = (int)code;
		}
		if (c->tag != SML_SYNC)
			continue;
		status(p, c, 200);
		if (c->number_of_changes >= 0)
			p->announced = c->number_of_changes;
		for (size_t k = 0; k < c->kid_n; k++)
			take_item(p, &c->kids[k], maps);
	}
}

/* ---- a sync
 * ------------------------------------------------------------------------------
 */

static void
put_maps(struct phone *p, struct buf *maps)
{
	if (maps->n == 0 || p->no_map)
		return;
	buf_printf(&p->out,
		   "<Map><CmdID>%d</CmdID><Target><LocURI>./%s"
		   "</LocURI></Target><Source><LocURI>./C</LocURI>"
		   "</Source>",
		   ++p->cmdid, p->db);
	buf_add(&p->out, buf_slice(maps));
	buf_str(&p->out, "</Map>");
}

/* The answer to the message with the items from..to-1 came. */
static void
said(struct phone *p, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		p->item[i].said = true;
}

static bool
send_changes(struct phone *p, struct buf *maps)
{
	bool slow = p->alert == 201 || p->alert == 203;
	bool from_server = p->alert == 204 || p->alert == 205;
	int in_msg = 0;
	size_t from = 0;

	put_maps(p, maps); /* of a broken session, where there are */
	*maps = BUF_IN(p->b->a);
	buf_printf(&p->out,
		   "<Sync><CmdID>%d</CmdID><Target><LocURI>./%s</LocURI>"
		   "</Target><Source><LocURI>./C</LocURI></Source>",
		   ++p->cmdid, p->db);
	for (size_t i = 0; i < p->n; i++) {
		const struct phone_item *it = &p->item[i];

		if (from_server || it->said ||
		    (slow ? !it->live : it->change == 0))
			continue;
		if (p->per_msg > 0 && in_msg == p->per_msg) {
			buf_str(&p->out, "</Sync>");
			if (!exchange(p, false, false))
				return false;
			take_reply(p, maps);
			said(p, from, i);
			from = i;
			in_msg = 0;
			buf_printf(&p->out,
				   "<Sync><CmdID>%d</CmdID><Target><LocURI>./%s"
				   "</LocURI></Target><Source><LocURI>./C"
				   "</LocURI></Source>",
				   ++p->cmdid, p->db);
		}
		put_change(p, it, slow);
		in_msg++;
	}
	from = p->n;
	buf_str(&p->out, "</Sync>");
	if (!exchange(p, false, true))
		return false;
	said(p, 0, from);
	return true;
}

/* Package 4 and 5: take what comes until the server is through. */
static bool
receive(struct phone *p, struct buf *maps)
{
	while (!p->reply->final) {
		take_reply(p, maps);
		buf_printf(&p->out,
			   "<Alert><CmdID>%d</CmdID><Data>222</Data></Alert>",
			   ++p->cmdid);
		if (!exchange(p, false, false))
			return false;
		assert_true(p->messages < 3000);
	}
	take_reply(p, maps);
	put_maps(p, maps);
	return exchange(p, false, true);
}

static void
start_anew(struct phone *p, struct buf *maps)
{
	for (size_t i = 0; i < p->n; i++)
		p->item[i].said = false;
	p->wiped = false;
	*maps = BUF_IN(p->b->a);
}

static bool
run(struct phone *p, int alert, struct buf *maps)
{
	if (alert != 225)
		start_anew(p, maps);
	put_devinf(p);
	put_alert(p, alert);
	if (!exchange(p, true, true))
		return false;
	p->alert_status = 0;
	take_reply(p, maps);
	if (p->alert_status == 508)
		start_anew(p, maps);
	for (size_t i = 0; p->alert == 205 && !p->wiped && i < p->n; i++)
		p->item[i].live = false;
	p->wiped = p->wiped || p->alert == 205;
	if (!send_changes(p, maps) || !receive(p, maps))
		return false;
	for (size_t i = 0; i < p->n && p->alert != 204; i++)
		p->item[i].change = 0;
	(void)snprintf(p->last, sizeof(p->last), "%s-%d", p->dev, p->anchor);
	(void)snprintf(p->peer_last, sizeof(p->peer_last), "%s",
		       p->server_next);
	return true;
}

bool
phone_sync(struct phone *p, int alert)
{
	struct buf maps = BUF_IN(p->b->a);
	bool ok;

	buf_add(&maps, p->maps);
	p->sid++;
	p->anchor += p->same_second ? 0 : 1;
	p->msgid = 1;
	p->cmdid = 0;
	p->token[0] = '\0';
	p->out = BUF_IN(p->b->a);
	p->got_add = p->got_replace = p->got_delete = p->got_soft = 0;
	p->announced = -1;
	p->sent_n = p->messages = p->bad_status = 0;
	p->largest = 0;
	if (alert != 225)
		p->partial = (struct slice){ NULL, 0 };
	p->broken = false;
	ok = run(p, alert, &maps);
	p->maps = ok ? (struct slice){ NULL, 0 } : buf_slice(&maps);
	return ok;
}
