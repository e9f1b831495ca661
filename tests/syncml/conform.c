#include "tests/syncml/conform.h"

void
say(struct raw *r, const char *fmt, ...)
{
	char *text;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	assert_true(n >= 0);
	text = arena_alloc(bench.a, (size_t)n + 1);
	assert_non_null(text);
	va_start(ap, fmt);
	(void)vsnprintf(text, (size_t)n + 1, fmt, ap);
	va_end(ap);
	for (int i = 0; i < n; i++) {
		if (text[i] == '#')
			buf_printf(&r->body, "%d", ++r->cmdid);
		else
			buf_byte(&r->body, (unsigned char)text[i]);
	}
}

void
say_item(struct raw *r, const char *cmd, const char *luid, const char *meta,
	 const char *data)
{
	say(r,
	    "<%s><CmdID>#</CmdID><Item><Source><LocURI>%s</LocURI></Source>"
	    "<Meta>%s</Meta><Data>",
	    cmd, luid, meta);
	buf_str(&r->body, data); /* its '#' is its own */
	say(r, "</Data></Item></%s>", cmd);
}

struct sml_msg *
post_whole(struct raw *r, const char *header, const char *body)
{
	struct slice m = arena_printf(bench.a,
				      "<SyncML><SyncHdr>%s</SyncHdr><SyncBody>"
				      "%s</SyncBody></SyncML>",
				      header, body);

	r->sent = m;
	send_bytes(r, m);
	return r->m;
}

struct sml_msg *
post_wbxml(struct raw *r, int flags)
{
	struct sml_request rq = {
		.content_type = SLICE_LIT("application/vnd.syncml+wbxml"),
		.token = slice_c(r->token),
		.peer = slice_c(r->peer),
		.base_url = SLICE_LIT("http://h/sync"),
	};
	struct buf b = BUF_IN(bench.a);
	struct sml_msg *m;
	struct err e = { 0 };
	size_t at;

	prepare(r, flags);
	assert_int_equal(sml_msg_read(bench.a, SML_XML, r->sent, NULL, &m, &e),
			 0);
	m->doc.enc = SML_WBXML;
	m->doc.textual_id = (flags & TEXTUAL) != 0;
	assert_int_equal(sml_msg_write(bench.a, m, &b, &e), 0);
	rq.body = r->sent = buf_slice(&b);
	bench.now += 1000;
	sml_server_handle(&bench.srv, bench.a, &rq, &r->raw);
	assert_int_equal(r->raw.http, 200);
	assert_int_equal(
	    sml_msg_read(bench.a, SML_WBXML, r->raw.body, NULL, &r->m, &e), 0);
	at = slice_find_str(r->m->hdr.respuri, "?s=");
	if (at != SIZE_MAX)
		(void)snprintf(
		    r->token, sizeof(r->token), "%.*s",
		    SLICE_ARG(slice_from(r->m->hdr.respuri, at + 3)));
	return r->m;
}

void
begin(struct raw *r, const char *sid, int code, const char *last,
      const char *next)
{
	again(r, sid);
	alert(r, code, "contacts", last, next);
	(void)post(r, FINAL | CRED);
	assert_int_equal(code_of(r->m, "SyncHdr"), 212);
	answer_all(r, 200);
}

const struct sml_cmd *
status_for(const struct sml_msg *m, const char *cmd, int nth)
{
	for (size_t i = 0; m != NULL && i < m->cmd_n; i++) {
		if (m->cmds[i].tag == SML_STATUS &&
		    slice_is(m->cmds[i].cmd, cmd) && nth-- == 0)
			return &m->cmds[i];
	}
	fail_msg("no such Status: %s", cmd);
	return NULL;
}

const struct sml_cmd *
nth_cmd(const struct sml_msg *m, enum sml_tag tag, int nth)
{
	for (size_t i = 0; m != NULL && i < m->cmd_n; i++) {
		if (m->cmds[i].tag == tag && nth-- == 0)
			return &m->cmds[i];
	}
	return NULL;
}

const struct sml_cmd *
nth_kid(const struct sml_msg *m, enum sml_tag tag, int nth)
{
	for (size_t i = 0; m != NULL && i < m->cmd_n; i++) {
		for (size_t k = 0; k < m->cmds[i].kid_n; k++) {
			if (m->cmds[i].kids[k].tag == tag && nth-- == 0)
				return &m->cmds[i].kids[k];
		}
	}
	return NULL;
}

void
assert_text(struct slice got, const char *want)
{
	if (!slice_is(got, want))
		fail_msg("\"%.*s\" is not \"%s\"", SLICE_ARG(got), want);
}

bool
has_text(struct slice in, const char *text)
{
	return slice_find_str(in, text) != SIZE_MAX;
}

/* ---- what the store holds ------------------------------------------------ */

const char *
stored(const char *text)
{
	struct store_collection *col;
	struct store_tx *tx;
	const char *found = NULL;
	struct err e;
	size_t n;

	assert_int_equal(bench.store->v->begin(bench.store, bench.account,
					       STORE_READ, bench.now, &tx, &e),
			 0);
	assert_int_equal(tx->v->collection_list(tx, bench.a, &col, &n, &e), 0);
	for (size_t i = 0; i < n; i++) {
		struct store_item *it;
		size_t it_n;

		assert_int_equal(tx->v->item_page(tx, bench.a, col[i].id, 0,
						  1000, false, true, &it, &it_n,
						  &e),
				 0);
		for (size_t k = 0; k < it_n; k++) {
			if (!it[k].deleted && has_text(it[k].body, text))
				found = arena_cstr(bench.a, it[k].body);
		}
	}
	tx->v->rollback(&tx);
	return found;
}
