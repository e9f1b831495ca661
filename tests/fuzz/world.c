#include "tests/fuzz/world.h"

#include "tests/fuzz/tree.h"

#include "base/digest.h"

enum { SETTLE_MESSAGES_MAX = 400 };

static struct bench bench;

/* ---- the store ---------------------------------------------------------- */

/* The store draws account numbers: the same for each input, so that a finding
   does not hang on those before it. */
static struct rnd_seeded draws;

static void
draw(struct rnd *r, void *p, size_t n)
{
	(void)r;
	draws.r.fill(&draws.r, p, n);
}

static void
leave(void)
{
	bench_close(&bench);
}

static void
no_account(void)
{
	struct err e;

	FUZZ_CHECK(
	    bench.store->v->account_erase(bench.store, bench.account, &e) == 0);
}

static void
open_once(void)
{
	static bool open;

	if (open)
		return;
	rnd_seed(&draws, 1);
	rnd_system.fill = draw;
	bench_open(&bench);
	no_account();
	FUZZ_CHECK(atexit(leave) == 0);
	open = true;
}

void
world_begin(struct world *w)
{
	static const char *const id[] = { "dev-a", "dev-b", "dev-new" };
	static const char *const peer[] = { "192.0.2.7", "192.0.2.8",
					    "192.0.2.9" };

	open_once();
	rnd_seed(&draws, 1);
	rnd_seed(&bench.rnd, 1);
	bench.now = 1767225600000; /* 2026-01-01 */
	bench_account(&bench);
	*w = (struct world){ .b = &bench, .a = arena_new(FUZZ_MEMORY_MAX) };
	FUZZ_CHECK(w->a != NULL);
	for (size_t i = 0; i < sizeof(w->dev) / sizeof(w->dev[0]); i++) {
		w->dev[i] = (struct world_dev){ .id = id[i],
						.peer = peer[i],
						.version = 12 };
		world_again(w, &w->dev[i]);
	}
}

static void
check_store(struct world *w)
{
	struct slice *finding;
	struct err e;
	size_t n;

	if (bench.store->v->check(bench.store, w->a, &finding, &n, &e) < 0) {
		(void)fprintf(stderr, "check: %s\n", e.msg);
		abort();
	}
	for (size_t i = 0; i < n; i++)
		(void)fprintf(stderr, "store: %.*s\n", SLICE_ARG(finding[i]));
	FUZZ_CHECK(n == 0);
}

void
world_end(struct world *w, bool check)
{
	if (check)
		check_store(w);
	no_account();
	fuzz_arena_end(&w->a);
}

/* ---- commands ------------------------------------------------------------ */

void
world_again(struct world *w, struct world_dev *d)
{
	d->sid++;
	d->msgid = 1;
	d->cmdid = 0;
	d->token[0] = '\0';
	d->body = BUF_IN(w->a);
	d->in_sync = d->in_map = false;
	d->anchor++;
	(void)snprintf(d->next, sizeof(d->next), "n%d", d->anchor);
	d->reply = NULL;
}

void
world_alert(struct world_dev *d, int code, const char *db, const char *last)
{
	buf_printf(&d->body,
		   "<Alert><CmdID>%d</CmdID><Data>%d</Data><Item><Target>"
		   "<LocURI>./%s</LocURI></Target><Source><LocURI>./C%s"
		   "</LocURI></Source><Meta><Anchor xmlns='syncml:metinf'>",
		   ++d->cmdid, code, db, db);
	if (last != NULL)
		buf_printf(&d->body, "<Last>%s</Last>", last);
	buf_printf(&d->body, "<Next>%s</Next></Anchor></Meta></Item></Alert>",
		   d->next);
}

static void
open_box(struct world_dev *d, const char *cmd, const char *db)
{
	buf_printf(&d->body,
		   "<%s><CmdID>%d</CmdID><Target><LocURI>./%s</LocURI>"
		   "</Target><Source><LocURI>./C%s</LocURI></Source>",
		   cmd, ++d->cmdid, db, db);
}

void
world_sync_open(struct world_dev *d, const char *db)
{
	world_close(d);
	open_box(d, "Sync", db);
	d->in_sync = true;
}

void
world_map_open(struct world_dev *d, const char *db)
{
	world_close(d);
	open_box(d, "Map", db);
	d->in_map = true;
}

void
world_close(struct world_dev *d)
{
	if (d->in_sync)
		buf_str(&d->body, "</Sync>");
	if (d->in_map)
		buf_str(&d->body, "</Map>");
	d->in_sync = d->in_map = false;
}

void
world_status(struct world_dev *d, struct slice msgref, struct slice cmdref,
	     const char *cmd, int code)
{
	world_close(d);
	buf_printf(&d->body,
		   "<Status><CmdID>%d</CmdID><MsgRef>%.*s</MsgRef><CmdRef>%.*s"
		   "</CmdRef><Cmd>%s</Cmd><Data>%d</Data></Status>",
		   ++d->cmdid, SLICE_ARG(msgref), SLICE_ARG(cmdref), cmd, code);
}

size_t
world_found(const struct world_dev *d,
	    const struct sml_cmd *out[static WORLD_FOUND])
{
	const struct sml_msg *m = d->reply;
	size_t n = 0;

	for (size_t i = 0; m != NULL && i < m->cmd_n; i++) {
		const struct sml_cmd *c = &m->cmds[i];

		if (n < WORLD_FOUND && c->tag != SML_STATUS)
			out[n++] = c;
		for (size_t k = 0; k < c->kid_n && n < WORLD_FOUND; k++)
			out[n++] = &c->kids[k];
	}
	return n;
}

void
world_answer(struct world_dev *d, int code)
{
	const struct sml_cmd *found[WORLD_FOUND];
	size_t n = world_found(d, found);

	if (d->reply == NULL)
		return;
	world_status(d, d->reply->hdr.msgid, SLICE_LIT("0"), "SyncHdr", 200);
	for (size_t i = 0; i < n; i++)
		world_status(d, d->reply->hdr.msgid, found[i]->cmdid,
			     sml_tag_name(found[i]->tag), code);
}

/* ---- messages ------------------------------------------------------------ */

static void
put_cred(struct buf *m, unsigned how)
{
	static const char *const type[] = { "", "basic", "basic", "md5" };
	static const char *const data[] = { "", "YW5uYTpzZWNyZXQ=",
					    "YW5uYTp3cm9uZw==",
					    "MDEyMzQ1Njc4OWFiY2RlZg==" };

	if (how == 0)
		return;
	buf_printf(m,
		   "<Cred><Meta><Format xmlns='syncml:metinf'>b64</Format>"
		   "<Type xmlns='syncml:metinf'>syncml:auth-%s</Type></Meta>"
		   "<Data>%s</Data></Cred>",
		   type[how], data[how]);
}

static struct slice
message(struct world *w, struct world_dev *d, const struct world_post *p)
{
	struct buf m = BUF_IN(w->a);
	int v = d->version % 10;

	world_close(d);
	buf_printf(&m,
		   "<SyncML xmlns='SYNCML:SYNCML1.%d'><SyncHdr><VerDTD>1.%d"
		   "</VerDTD><VerProto>SyncML/1.%d</VerProto><SessionID>%d"
		   "</SessionID><MsgID>%d</MsgID><Target><LocURI>http://h/sync"
		   "</LocURI></Target><Source><LocURI>%s</LocURI><LocName>anna"
		   "</LocName></Source>%s",
		   v, v, v, d->sid, d->msgid, d->id,
		   p->noresp ? "<NoResp/>" : "");
	put_cred(&m, p->cred);
	if (d->max_msg > 0)
		buf_printf(&m,
			   "<Meta><MaxMsgSize xmlns='syncml:metinf'>%d"
			   "</MaxMsgSize></Meta>",
			   d->max_msg);
	buf_str(&m, "</SyncHdr><SyncBody>");
	buf_add(&m, buf_slice(&d->body));
	buf_printf(&m, "%s</SyncBody></SyncML>", p->final ? "<Final/>" : "");
	FUZZ_CHECK(buf_ok(&m));
	return buf_slice(&m);
}

/* As WBXML, if it is well-formed. */
static struct slice
in_wbxml(struct world *w, struct slice xml)
{
	struct sml_doc doc;
	struct sml_node *root;
	struct buf out = BUF_IN(w->a);

	if (sml_read(w->a, SML_XML, xml, NULL, &doc, &root, NULL) < 0)
		return xml;
	doc.enc = SML_WBXML;
	fuzz_tree_write(&out, &doc, root);
	FUZZ_CHECK(buf_ok(&out));
	return buf_slice(&out);
}

static struct slice
damaged(struct world *w, struct slice s, const struct world_post *p)
{
	struct buf out = BUF_IN(w->a);
	size_t at = s.n == 0 ? 0 : p->damage_at % s.n;

	buf_add(&out, slice_sub(s, 0, at));
	buf_add(&out, p->damage);
	buf_add(&out, slice_from(s, at + p->damage.n));
	return buf_slice(&out);
}

/* With FUZZ_SHOW in the environment the conversation is printed. */
static void
show(const struct world_dev *d, const struct sml_reply *raw)
{
	if (getenv("FUZZ_SHOW") == NULL) /* NOLINT(*-mt-unsafe) */
		return;
	(void)fprintf(stderr, "> %s token=%.*s\n%.*s\n< HTTP %d %.*s\n%.*s\n",
		      d->id, SLICE_ARG(d->sent_token), SLICE_ARG(d->sent),
		      raw->http, SLICE_ARG(raw->note), SLICE_ARG(raw->body));
}

/* The engine's answer, which is well-formed and as long as it may be. */
static void
send_bytes(struct world *w, struct world_dev *d, struct sml_reply *raw)
{
	struct sml_request rq = {
		.content_type = SLICE_LIT("application/vnd.syncml+xml"),
		.body = d->sent,
		.token = d->sent_token,
		.peer = slice_c(d->peer),
		.base_url = SLICE_LIT("http://h/sync"),
	};
	struct arena *a = arena_new(SML_ARENA_BYTES_MAX);

	if (d->wbxml)
		rq.content_type = SLICE_LIT("application/vnd.syncml+wbxml");
	w->b->now += 1000;
	w->messages++;
	FUZZ_CHECK(a != NULL);
	sml_server_handle(&w->b->srv, a, &rq, raw);
	if (raw->http != 200 && raw->http != 400 && raw->http != 413) {
		(void)fprintf(stderr, "HTTP %d: %.*s: %.*s\n", raw->http,
			      SLICE_ARG(raw->note), SLICE_ARG(raw->body));
		abort();
	}
	show(d, raw);
	raw->body = arena_copy(w->a, raw->body);
	raw->note = arena_copy(w->a, raw->note);
	FUZZ_CHECK(raw->body.p != NULL && raw->note.p != NULL);
	fuzz_arena_end(&a);
}

static void
read_answer(struct world *w, struct world_dev *d)
{
	struct err e = { .code = ERR_NONE };
	enum sml_enc enc;
	size_t at;

	d->reply = NULL;
	if (d->raw.http != 200 || d->raw.body.n == 0)
		return;
	FUZZ_CHECK(sml_enc_detect(SLICE_LIT(""), d->raw.body, &enc));
	if (sml_msg_read(w->a, enc, d->raw.body, NULL, &d->reply, &e) < 0) {
		(void)fprintf(stderr, "answer: %s\n%.*s\n", e.msg,
			      SLICE_ARG(d->raw.body));
		abort();
	}
	at = slice_find_str(d->reply->hdr.respuri, "?s=");
	if (at != SIZE_MAX)
		(void)snprintf(
		    d->token, sizeof(d->token), "%.*s",
		    SLICE_ARG(slice_from(d->reply->hdr.respuri, at + 3)));
}

/* What was taken is answered by the same bytes when it comes again. */
static void
send_again(struct world *w, struct world_dev *d)
{
	struct sml_reply second;
	bool taken = slice_starts(d->raw.note, "msg ");

	send_bytes(w, d, &second);
	if (!taken && !d->raw.duplicate)
		return;
	FUZZ_CHECK(second.http == 200 && second.duplicate);
	FUZZ_CHECK(slice_eq(second.body, d->raw.body));
}

void
world_post(struct world *w, struct world_dev *d, const struct world_post *p)
{
	struct sml_msg *before = d->reply;

	d->sent = message(w, d, p);
	d->sent_token =
	    p->no_token ? SLICE_LIT("") : arena_copy(w->a, slice_c(d->token));
	if (d->wbxml)
		d->sent = in_wbxml(w, d->sent);
	if (p->damage.n > 0)
		d->sent = damaged(w, d->sent, p);
	send_bytes(w, d, &d->raw);
	if (p->lost)
		d->reply = before;
	else
		read_answer(w, d);
	if (p->twice)
		send_again(w, d);
	d->msgid++;
	d->cmdid = 0;
	d->body = BUF_IN(w->a);
}

/* ---- after all of it ------------------------------------------------------
 */

static int64_t
collection_of(struct world *w, struct store_tx *tx, const char *name)
{
	struct store_collection *col;
	struct err e;
	size_t n;

	FUZZ_CHECK(tx->v->collection_list(tx, w->a, &col, &n, &e) == 0);
	for (size_t i = 0; i < n; i++) {
		if (slice_is(col[i].name, name))
			return col[i].id;
	}
	abort();
}

static size_t
stored(struct world *w)
{
	struct store *st = w->b->store;
	struct store_tx *tx;
	struct store_item *it;
	struct err e;
	size_t n;

	FUZZ_CHECK(st->v->begin(st, w->b->account, STORE_READ, w->b->now, &tx,
				&e) == 0);
	FUZZ_CHECK(tx->v->item_page(tx, w->a, collection_of(w, tx, "contacts"),
				    0, 100000, false, false, &it, &n, &e) == 0);
	tx->v->rollback(&tx);
	return n;
}

static size_t
adds_in(const struct sml_msg *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->cmd_n; i++) {
		for (size_t k = 0; k < m->cmds[i].kid_n; k++) {
			const struct sml_cmd *c = &m->cmds[i].kids[k];

			if (c->tag == SML_ADD && c->item_n == 1 &&
			    !c->items[0].more)
				n++;
		}
	}
	return n;
}

void
world_settle(struct world *w)
{
	struct world_dev *d = &w->dev[WORLD_DEVICES];
	struct world_post first = { .final = true, .cred = 1 };
	struct world_post last = { .final = true };
	struct world_post more = { .final = false };
	size_t got = 0;
	unsigned n = 0;

	world_alert(d, 205, "contacts", NULL);
	world_post(w, d, &first);
	FUZZ_CHECK(d->reply != NULL);
	world_answer(d, 200);
	world_sync_open(d, "contacts");
	world_post(w, d, &last);
	for (;; n++) {
		FUZZ_CHECK(d->reply != NULL && n < SETTLE_MESSAGES_MAX);
		got += adds_in(d->reply);
		world_answer(d, 200);
		if (d->reply->final)
			break;
		buf_printf(&d->body,
			   "<Alert><CmdID>%d</CmdID><Data>222</Data></Alert>",
			   ++d->cmdid);
		world_post(w, d, &more);
	}
	world_post(w, d, &last);
	FUZZ_CHECK(d->reply != NULL && d->reply->final);
	if (got != stored(w))
		(void)fprintf(stderr, "%zu of %zu came\n", got, stored(w));
	FUZZ_CHECK(got == stored(w));
}
