#include "clients/client_int.h"

#include <stdlib.h>

/* ---- a message under way ---------------------------------------------------
 */

static struct cli_out *
out_new(struct cli *c, struct err *e)
{
	struct arena *a = arena_new(CLI_LOCAL_ARENA);
	struct cli_out *m = a == NULL ? NULL : ARENA_NEW(a, struct cli_out);

	if (m == NULL) {
		arena_free(&a);
		err_set(e, ERR_NOMEM, "client.build", "no memory");
		return NULL;
	}
	m->a = a;
	m->cmds = BUF_IN(a);
	m->sent_n = 2; /* 0: SyncHdr, 1: our Status for theirs */
	m->next = c->out;
	c->out = m;
	return m;
}

void
cli_out_drop(struct cli *c, struct cli_out *m)
{
	struct cli_out **at = &c->out;

	while (*at != NULL && *at != m)
		at = &(*at)->next;
	if (*at == m)
		*at = m->next;
	struct arena *a = m->a;
	arena_free(&a);
}

/* Messages that were answered whole are forgotten. */
static void
drop_answered(struct cli *c)
{
	for (struct cli_out *m = c->out, *next; m != NULL; m = next) {
		next = m->next;
		if (m->waiting == 0)
			cli_out_drop(c, m);
	}
}

bool
cli_remember(struct cli_out *m, const struct cli_sent *sent)
{
	if (m->sent_n >= m->sent_cap) {
		size_t cap = m->sent_cap == 0 ? 64 : 2 * m->sent_cap;
		struct cli_sent *p = ARENA_ARRAY(m->a, cap, struct cli_sent);

		if (p == NULL)
			return false;
		if (m->sent_cap > 0)
			memcpy(p, m->sent, m->sent_n * sizeof(*p));
		m->sent = p;
		m->sent_cap = cap;
	}
	m->sent[m->sent_n++] = *sent;
	if (sent->tag != SML_UNKNOWN)
		m->waiting++;
	return true;
}

/*
 * Put a command into the message. sent: what its Status will be about
 * (SML_UNKNOWN where none is due). false: it does not fit, nothing happened.
 */
bool
cli_emit(struct cli *c, struct cli_out *m, struct sml_cmd *cmd,
	 const struct cli_sent *sent)
{
	size_t mark = m->cmds.n;

	cmd->cmdid = arena_printf(m->a, "%zu", m->sent_n);
	sml_cmd_write(m->a, &m->cmds, &c->doc, cmd);
	if (cmd->cmdid.p == NULL || !buf_ok(&m->cmds))
		return false;
	if (m->cmds.n > m->room) {
		buf_cut(&m->cmds, mark);
		return false;
	}
	if (!cli_remember(m, sent)) {
		m->cmds.bad = true;
		return false;
	}
	return true;
}

/* ---- header
 * ------------------------------------------------------------------ */

static const char *
ver_dtd(int version)
{
	return version == 10 ? "1.0" : version == 11 ? "1.1" : "1.2";
}

static int
put_cred(struct cli *c, struct arena *a, struct sml_hdr *h, struct err *e)
{
	c->cred_sent = false;
	if (c->auth == SML_AUTH_NONE || c->authed)
		return 0;
	c->cred_sent = true;
	return sml_auth_cred(a, c->auth, c->conf->user, c->conf->password,
			     c->nonce, c->doc.version == 10, &h->cred, e);
}

static int
put_header(struct cli *c, struct cli_out *m, struct buf *b, struct err *e)
{
	struct sml_hdr h = { 0 };
	const char *v = ver_dtd(c->doc.version);

	h.verdtd = slice_c(v);
	h.verproto = arena_printf(m->a, "SyncML/%s", v);
	h.sid = c->sid;
	h.msgid = arena_printf(m->a, "%lld", (long long)m->msgid);
	h.target = c->url;
	h.source = c->conf->dev_id;
	h.source_name = c->conf->user;
	h.meta = sml_meta_none();
	if (c->conf->max_msg_bytes > 0)
		h.meta.max_msg_size = c->conf->max_msg_bytes;
	if (c->conf->max_obj_bytes > 0 && c->doc.version > 10)
		h.meta.max_obj_size = c->conf->max_obj_bytes;
	if (put_cred(c, m->a, &h, e) != 0)
		return -1;
	sml_write_open(b, &c->doc);
	sml_hdr_write(m->a, b, &c->doc, &h);
	sml_write_body(b, &c->doc);
	return 0;
}

static void
put_header_status(struct cli *c, struct cli_out *m, struct buf *b)
{
	struct sml_cmd s = sml_cmd_none(SML_STATUS);

	if (!c->got_any || c->got_noresp)
		return;
	s.cmdid = SLICE_LIT("1");
	s.msgref = arena_printf(m->a, "%lld", (long long)c->got_msgid);
	s.cmdref = SLICE_LIT("0");
	s.cmd = SLICE_LIT("SyncHdr");
	s.data = SLICE_LIT("200");
	cli_ask(c, m->a, &s);
	if (c->got_target.n > 0) {
		s.target_refs = &c->got_target;
		s.target_ref_n = 1;
	}
	if (c->got_source.n > 0) {
		s.source_refs = &c->got_source;
		s.source_ref_n = 1;
	}
	sml_cmd_write(m->a, b, &c->doc, &s);
}

/* Header, what m->cmds holds, end. */
int
cli_assemble(struct cli *c, struct cli_out *m, struct err *e)
{
	struct buf b = BUF_IN(m->a);

	if (put_header(c, m, &b, e) != 0)
		return -1;
	put_header_status(c, m, &b);
	buf_add(&b, buf_slice(&m->cmds));
	sml_write_close(&b, &c->doc, m->final);
	if (!buf_ok(&b) || !buf_ok(&m->cmds))
		return err_set(e, ERR_NOMEM, "client.build", "no memory");
	m->bytes = buf_slice(&b);
	return 0;
}

/* How many bytes the commands may have, by what frames them. */
static int
measure(struct cli *c, struct cli_out *m, struct err *e)
{
	struct buf b = BUF_IN(m->a);
	int64_t limit = c->peer_msg_bytes;

	if (limit < 0)
		limit = c->phase == CLI_P_INIT ? INT32_MAX : CLI_SEND_DEFAULT;
	if (c->conf->send_bytes > 0 && c->phase != CLI_P_INIT &&
	    limit > c->conf->send_bytes)
		limit = c->conf->send_bytes;
	if (limit < CLI_SEND_MIN)
		limit = CLI_SEND_MIN;
	if (put_header(c, m, &b, e) != 0)
		return -1;
	put_header_status(c, m, &b);
	sml_write_close(&b, &c->doc, true);
	if (!buf_ok(&b))
		return err_set(e, ERR_NOMEM, "client.build", "no memory");
	/* Whatever the header takes, one command must fit. */
	m->room = (size_t)limit > b.n + CLI_SEND_MIN / 2 ? (size_t)limit - b.n
							 : CLI_SEND_MIN / 2;
	return 0;
}

/* ---- statuses and the like
 * ------------------------------------------------------ */

static bool
emit_status(struct cli *c, struct cli_out *m, const struct cli_owed *o)
{
	struct sml_cmd s = sml_cmd_none(SML_STATUS);
	struct sml_item it = sml_item_none();
	struct slice target = o->target, source = o->source;

	s.msgref = arena_printf(m->a, "%lld", (long long)o->msgref);
	s.cmdref = o->cmdref;
	s.cmd = slice_c(sml_tag_name(o->cmd));
	s.data = arena_printf(m->a, "%d", o->code);
	if (target.n > 0) {
		s.target_refs = &target;
		s.target_ref_n = 1;
	}
	if (source.n > 0) {
		s.source_refs = &source;
		s.source_ref_n = 1;
	}
	if (o->anchor.n > 0) {
		struct sml_node *data = sml_node_new(m->a, NULL, SML_DATA);
		struct sml_node *an = sml_node_new(m->a, data, SML_MI_ANCHOR);

		sml_node_text(m->a, an, SML_MI_NEXT, o->anchor);
		it.data_node = data;
		it.has_data = true;
		s.items = &it;
		s.item_n = 1;
	}
	return cli_emit(c, m, &s, &(struct cli_sent){ 0 });
}

/* What we owe, as much as fits. */
static void
fill_statuses(struct cli *c, struct cli_out *m)
{
	size_t n = 0;

	for (; c->owed != NULL; n++) {
		if (!emit_status(c, m, c->owed)) {
			m->full = true;
			break;
		}
		c->owed = c->owed->next;
	}
	if (c->owed == NULL)
		c->owed_tail = &c->owed;
	if (n > 0)
		cli_say(c, '>', "Status for %zu commands", n);
}

static bool
emit_alert(struct cli *c, struct cli_out *m, const char *code,
	   struct slice target, struct slice source)
{
	struct sml_cmd a = sml_cmd_none(SML_ALERT);
	struct sml_item it = sml_item_none();

	a.data = slice_c(code);
	it.target = target;
	it.source = source;
	it.has_target = it.has_source = true;
	a.items = &it;
	a.item_n = 1;
	return cli_emit(c, m, &a, &(struct cli_sent){ 0 });
}

static int
fill_results(struct cli *c, struct cli_out *m, struct err *e)
{
	struct sml_cmd r = sml_cmd_none(SML_RESULTS);
	struct sml_item it = sml_item_none();

	if (c->results_for.n == 0 || m->full)
		return 0;
	r.msgref = arena_printf(m->a, "%lld", (long long)c->results_msgref);
	r.cmdref = c->results_for;
	if (cli_devinf_item(c, m->a, &it, &r.meta, e) != 0)
		return -1;
	r.items = &it;
	r.item_n = 1;
	/* A server that takes only tiny messages gets it over the limit
	   rather than never. */
	size_t room = m->room;
	if (m->cmds.n < m->room / 2)
		m->room = SIZE_MAX;
	if (cli_emit(c, m, &r, &(struct cli_sent){ .tag = SML_RESULTS }))
		c->results_for = SLICE_LIT("");
	m->room = room;
	m->full = c->results_for.n > 0;
	return 0;
}

/* ---- package 1
 * ---------------------------------------------------------------------- */

/* A first or slow sync may mean that the server forgot us, or is another. */
static bool
anew(const struct cli *c)
{
	for (size_t i = 0; i < c->run_n; i++)
		if (c->runs[i].db->last_client.n == 0 ||
		    c->runs[i].db->ask == CLI_SLOW)
			return true;
	return false;
}

static int
emit_put_get(struct cli *c, struct cli_out *m, struct err *e)
{
	struct sml_cmd cmd = sml_cmd_none(SML_PUT);
	struct sml_item it = sml_item_none();

	if (cli_devinf_item(c, m->a, &it, &cmd.meta, e) != 0)
		return -1;
	cmd.items = &it;
	cmd.item_n = 1;
	if (c->devinf_known != c->devinf_hash || anew(c)) {
		cli_emit(c, m, &cmd, &(struct cli_sent){ .tag = SML_PUT });
		c->put_sent = true;
	}
	if (c->conf->never_get || (c->peer.known && !anew(c)))
		return 0;
	struct slice type = cmd.meta.type;
	cmd = sml_cmd_none(SML_GET);
	cmd.meta.type = type;
	it = sml_item_none();
	it.target = slice_c(cli_devinf_uri(c));
	it.has_target = true;
	cmd.items = &it;
	cmd.item_n = 1;
	cli_emit(c, m, &cmd, &(struct cli_sent){ .tag = SML_GET });
	return 0;
}

static void
emit_sync_alert(struct cli *c, struct cli_out *m, struct cli_run *r)
{
	struct sml_cmd a = sml_cmd_none(SML_ALERT);
	struct sml_item it = sml_item_none();
	const struct cli_db *db = r->db;
	struct slice last = db->last_client;

	/* Slow and refresh start anew: no Last. */
	if (db->ask == CLI_SLOW || db->ask == CLI_REFRESH_FROM_CLIENT ||
	    db->ask == CLI_REFRESH_FROM_SERVER)
		last = SLICE_LIT("");
	a.data = arena_printf(m->a, "%d", db->ask);
	it.target = db->remote;
	it.source = db->local;
	it.has_target = it.has_source = true;
	it.meta = sml_meta_none();
	it.meta.anchor = (struct sml_anchor){ true, last, r->next_client };
	a.items = &it;
	a.item_n = 1;
	cli_emit(c, m, &a, &(struct cli_sent){ .tag = SML_ALERT, .run = r });
	cli_say(c, '>', "Alert %d %s for %s, last anchor %s", db->ask,
		cli_type_name(db->ask), cli_show(db->remote).s,
		last.n > 0 ? cli_show(last).s : "none");
}

static int
fill_init(struct cli *c, struct cli_out *m, struct err *e)
{
	if (c->got_any) /* package 2 has more messages */
		return 0;
	if (emit_put_get(c, m, e) != 0)
		return -1;
	for (size_t i = 0; i < c->run_n; i++)
		emit_sync_alert(c, m, &c->runs[i]);
	m->final = true;
	return 0;
}

/* ---- packages 3 to 5
 * ------------------------------------------------------------------ */

static int
fill_phase(struct cli *c, struct cli_out *m, struct err *e)
{
	switch (c->phase) {
	case CLI_P_INIT:
		return fill_init(c, m, e);
	case CLI_P_SYNC:
		if (cli_fill_maps(c, m, true, e) != 0 ||
		    cli_fill_sync(c, m, e) != 0)
			return -1;
		m->final = !m->full;
		if (m->final)
			c->phase = CLI_P_RECV;
		return 0;
	case CLI_P_MAP:
		if (cli_fill_maps(c, m, false, e) != 0)
			return -1;
		m->final = !m->full;
		if (m->final)
			c->phase = CLI_P_LAST;
		return 0;
	case CLI_P_RECV:
	case CLI_P_LAST:
	case CLI_P_OVER:
		break;
	}
	return 0;
}

static int
fill(struct cli *c, struct cli_out *m, struct err *e)
{
	fill_statuses(c, m);
	if (c->alert_223_run != NULL && !m->full) {
		struct cli_db *db = c->alert_223_run->db;

		if (emit_alert(c, m, "223", db->remote, c->alert_223))
			c->alert_223_run = NULL;
	}
	if (c->suspend && !m->full) {
		cli_say(c, '>', "Alert 224 suspend");
		emit_alert(c, m, "224", c->conf->url, c->conf->dev_id);
		m->final = true;
		c->suspending = true;
		return 0;
	}
	if (fill_results(c, m, e) != 0)
		return -1;
	if (!m->full && fill_phase(c, m, e) != 0)
		return -1;
	if (c->ask_222 && !m->full)
		emit_alert(c, m, "222", c->conf->url, c->conf->dev_id);
	return 0;
}

int
cli_build(struct cli *c, struct err *e)
{
	struct cli_out *m;

	drop_answered(c);
	if (c->devinf_hash == 0 && cli_devinf_node(c, c->life) == NULL)
		return err_set(e, ERR_NOMEM, "client.build", "no memory");
	m = out_new(c, e);
	if (m == NULL)
		return -1;
	m->msgid = ++c->msgid;
	if (measure(c, m, e) != 0 || fill(c, m, e) != 0 ||
	    cli_assemble(c, m, e) != 0)
		return -1;
	cli_say(c, '>', "message %lld of ours, %zu bytes%s",
		(long long)m->msgid, m->bytes.n,
		m->final ? ", package complete" : "");
	return 0;
}
