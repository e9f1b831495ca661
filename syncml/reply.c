/*
 * The answer: Statuses first (oldest first), then Alerts, device information
 * and package 4, as much as the client's MaxMsgSize takes; what does not fit
 * waits in the session for the next message.
 */
#include "syncml/session.h"

enum {
	MSG_DEFAULT = 65536, /* for clients that announce no MaxMsgSize */
	MSG_LEAST = 1200,    /* smaller ones could hold no answer at all */
	MSG_LEAST_MAX = 16 * MSG_LEAST, /* the longest names take more */
	MSG_SMALL = 2 * MSG_LEAST, /* names of usual length fit into more */
	FEW = 4,        /* Statuses of a message that has no room for more */
	MSG_S40 = 5000, /* PIM_RULE_MSG_5000 */
	STATUS_BARE = 4096, /* more than one takes, its challenge with it */
};

size_t
sml_out_room(const struct sml_out *o)
{
	size_t used = o->b.n + o->reserve;

	return used < o->limit ? o->limit - used : 0;
}

static bool
append(struct sml_ctx *c, struct sml_out *o, struct sml_cmd *cmd, size_t room)
{
	struct buf tmp = BUF_IN(c->scratch);

	cmd->cmdid = arena_printf(c->scratch, "%lld", (long long)o->cmdid + 1);
	sml_cmd_write(c->scratch, &tmp, &c->s.doc, cmd);
	if (!buf_ok(&tmp) || cmd->cmdid.p == NULL) {
		o->b.bad = true;
		return false;
	}
	if (tmp.n > room) {
		o->full = true;
		o->refused = tmp.n;
		return false;
	}
	o->cmdid++;
	buf_add(&o->b, buf_slice(&tmp));
	return true;
}

bool
sml_out_cmd(struct sml_ctx *c, struct sml_out *o, struct sml_cmd *cmd)
{
	if (!append(c, o, cmd, sml_out_room(o)))
		return false;
	o->commands++;
	return true;
}

/* ---- header ---------------------------------------------------------------
 */

static struct slice
number(struct sml_ctx *c, int64_t v)
{
	return arena_printf(c->a, "%lld", (long long)v);
}

static void
header(struct sml_ctx *c, struct sml_out *o, bool with_respuri)
{
	struct sml_hdr h = {
		.verdtd = c->s.version == 10   ? SLICE_LIT("1.0")
			  : c->s.version == 11 ? SLICE_LIT("1.1")
					       : SLICE_LIT("1.2"),
		.verproto = c->s.version == 10   ? SLICE_LIT("SyncML/1.0")
			    : c->s.version == 11 ? SLICE_LIT("SyncML/1.1")
						 : SLICE_LIT("SyncML/1.2"),
		.sid = c->s.sid,
		.msgid = number(c, c->s.out_msgid),
		.target = c->s.dev_uri,
		.source = c->s.server_uri,
		.meta = sml_meta_none(),
	};

	if (with_respuri)
		h.respuri = c->s.respuri;
	if (with_respuri && sml_own_cred(c, &h) < 0)
		o->b.bad = true;
	h.meta.max_msg_size = c->srv->conf->max_msg_bytes;
	if (c->s.version >= 11)
		h.meta.max_obj_size = c->srv->conf->max_obj_bytes;
	sml_write_open(&o->b, &c->s.doc);
	sml_hdr_write(c->a, &o->b, &c->s.doc, &h);
	sml_write_body(&o->b, &c->s.doc);
}

/* ---- the end of a message -------------------------------------------------
 */

static struct sml_cmd
next_alert(struct sml_ctx *c, struct sml_item *it)
{
	struct sml_cmd cmd = sml_cmd_none(SML_ALERT);

	*it = sml_item_none();
	cmd.data = SLICE_LIT("222");
	it->target = c->s.dev_uri;
	it->source = c->s.server_uri;
	it->has_target = it->has_source = true;
	cmd.items = it;
	cmd.item_n = 1;
	return cmd;
}

/* Bytes that the end takes: of an open Sync, of the message, and of the Alert
   222 that a message without any other command needs. */
static void
reserve_end(struct sml_ctx *c, struct sml_out *o)
{
	struct buf tmp = BUF_IN(c->a);
	struct sml_item it;
	struct sml_cmd cmd = next_alert(c, &it);

	cmd.cmdid = SLICE_LIT("100000");
	sml_sync_close(&tmp, &c->s.doc);
	sml_write_close(&tmp, &c->s.doc, true);
	o->reserve_close = tmp.n;
	if (!c->msg->final)
		sml_cmd_write(c->a, &tmp, &c->s.doc, &cmd);
	o->reserve = tmp.n;
}

static void
next_message(struct sml_ctx *c, struct sml_out *o)
{
	struct sml_item it;
	struct sml_cmd cmd = next_alert(c, &it);

	o->reserve = o->reserve_close;
	(void)sml_out_cmd(c, o, &cmd);
}

static void
out_start(struct sml_ctx *c, struct sml_out *o, int64_t least)
{
	int64_t limit = c->s.peer_msg > 0 ? c->s.peer_msg : MSG_DEFAULT;

	if (limit > MSG_S40 && (sml_rules(c) & PIM_RULE_MSG_5000) != 0)
		limit = MSG_S40;
	if (limit < least)
		limit = least;
	if (limit > SML_MSG_BYTES_MAX)
		limit = SML_MSG_BYTES_MAX;
	*o = (struct sml_out){
		.b = BUF_IN(c->a),
		.limit = (size_t)limit,
	};
	reserve_end(c, o);
}

/* ---- Status ----------------------------------------------------------------
 */

static struct sml_cmd
status_cmd(struct sml_ctx *c, struct sml_status *st, struct sml_item *it)
{
	struct sml_cmd cmd = sml_cmd_none(SML_STATUS);

	cmd.msgref = number(c, st->msgref);
	cmd.cmdref = st->cmdref;
	cmd.cmd = st->cmd;
	if (st->target_ref.n > 0) {
		cmd.target_refs = &st->target_ref;
		cmd.target_ref_n = 1;
	}
	if (st->source_ref.n > 0) {
		cmd.source_refs = &st->source_ref;
		cmd.source_ref_n = 1;
	}
	cmd.chal = st->chal;
	cmd.data = number(c, st->code);
	if (st->anchor_next.n == 0 && st->text.n == 0)
		return cmd;
	*it = sml_item_none();
	if (st->anchor_next.n > 0) {
		struct sml_node *data = sml_node_new(c->a, NULL, SML_DATA);
		struct sml_node *anchor =
		    sml_node_new(c->a, data, SML_MI_ANCHOR);

		(void)sml_node_text(c->a, anchor, SML_MI_NEXT, st->anchor_next);
		it->data_node = data;
	} else {
		it->data = st->text;
	}
	it->has_data = true;
	cmd.items = it;
	cmd.item_n = 1;
	return cmd;
}

static bool
put_status(struct sml_ctx *c, struct sml_out *o, struct sml_status *st)
{
	struct sml_item it;
	struct sml_cmd cmd = status_cmd(c, st, &it);

	return append(c, o, &cmd, sml_out_room(o));
}

/* A Status that fits into no message of this device: its names go. */
static bool
put_bare(struct sml_ctx *c, struct sml_out *o, struct sml_status *st)
{
	st->target_ref = st->source_ref = st->text = SLICE_LIT("");
	o->full = false;
	return put_status(c, o, st);
}

static void
header_status(struct sml_ctx *c, struct sml_out *o)
{
	struct sml_status st = {
		.msgref = c->msgid,
		.cmdref = SLICE_LIT("0"),
		.cmd = SLICE_LIT("SyncHdr"),
		.target_ref = sml_short_uri(c->msg->hdr.target),
		.source_ref = sml_short_uri(c->msg->hdr.source),
		.code = c->hdr_code,
		.chal = c->hdr_chal,
		.text = c->hdr_text,
	};

	/* It goes out even where a header with long names left no room. */
	if (!c->msg->hdr.noresp && !put_status(c, o, &st)) {
		o->limit += STATUS_BARE;
		(void)put_bare(c, o, &st);
		o->limit -= STATUS_BARE;
	}
	o->base = o->b.n;
	o->full = false;
}

static void
statuses(struct sml_ctx *c, struct sml_out *o)
{
	size_t done = 0;

	while (done < c->s.status_n && put_status(c, o, &c->s.status[done]))
		done++;
	if (done == 0 && c->s.status_n > 0 && put_bare(c, o, &c->s.status[0]))
		done = 1;
	c->s.status_n -= done;
	if (done > 0 && c->s.status_n > 0)
		memmove(c->s.status, c->s.status + done,
			c->s.status_n * sizeof(*c->s.status));
}

/* ---- package 2
 * --------------------------------------------------------------- */

static bool
our_alert(struct sml_ctx *c, struct sml_out *o, struct sml_ds *ds)
{
	struct sml_cmd cmd = sml_cmd_none(SML_ALERT);
	struct sml_item it = sml_item_none();
	struct sml_sent sent = { .msgid = c->s.out_msgid, .what = 'L' };

	cmd.data = number(c, ds->reply);
	it.target = ds->client_uri;
	it.source = ds->server_uri;
	it.has_target = it.has_source = true;
	it.meta.anchor.present = true;
	it.meta.anchor.last = ds->server_last;
	it.meta.anchor.next = ds->server_next;
	if (c->s.version >= 11)
		it.meta.max_obj_size = c->srv->conf->max_obj_bytes;
	cmd.items = &it;
	cmd.item_n = 1;
	if (!sml_out_cmd(c, o, &cmd))
		return false;
	ds->alert_sent = true;
	sent.cmdid = o->cmdid;
	sent.ds = (int)(ds - c->s.ds);
	if (sml_sent_add(c, sent) < 0)
		o->b.bad = true;
	return true;
}

static struct slice
devinf_uri(const struct sml_ctx *c)
{
	return c->s.version == 10   ? SLICE_LIT("./devinf10")
	       : c->s.version == 11 ? SLICE_LIT("./devinf11")
				    : SLICE_LIT("./devinf12");
}

static struct slice
devinf_type(const struct sml_ctx *c)
{
	return c->s.doc.enc == SML_WBXML
		   ? SLICE_LIT("application/vnd.syncml-devinf+wbxml")
		   : SLICE_LIT("application/vnd.syncml-devinf+xml");
}

static bool
put_results(struct sml_ctx *c, struct sml_out *o, enum sml_devinf_part part)
{
	struct sml_cmd cmd = sml_cmd_none(SML_RESULTS);
	struct sml_item it = sml_item_none();
	struct sml_devinf *own = sml_own_devinf(c, part);
	struct sml_node *data = sml_node_new(c->a, NULL, SML_DATA);
	struct sml_node *node =
	    own == NULL
		? NULL
		: sml_devinf_node(c->a, own, part >= SML_DEVINF_NO_CAPS);

	if (data == NULL || node == NULL) {
		o->b.bad = true;
		return false;
	}
	data->kids = data->last = node;
	cmd.msgref = number(c, c->s.get[0].msgref);
	cmd.cmdref = c->s.get[0].cmdref;
	cmd.meta.type = devinf_type(c);
	it.source = devinf_uri(c);
	it.has_source = true;
	it.data_node = data;
	it.has_data = true;
	cmd.items = &it;
	cmd.item_n = 1;
	return sml_out_cmd(c, o, &cmd);
}

/* Device information that does not fit is shortened. */
static bool
results_one(struct sml_ctx *c, struct sml_out *o)
{
	int part = SML_DEVINF_ALL;

	while (part < SML_DEVINF_PARTS &&
	       !put_results(c, o, (enum sml_devinf_part)part)) {
		part++;
		if (part == SML_DEVINF_ALERTED && o->commands > 0)
			return false; /* the next message is emptier */
		o->full = false;
	}
	if (part == SML_DEVINF_PARTS && o->commands > 0)
		return false;
	if (part == SML_DEVINF_PARTS)
		sml_tell(c, '<',
			 "device information does not fit "
			 "into its messages: left away");
	c->s.told = c->s.get[0];
	c->s.get_n--;
	memmove(c->s.get, c->s.get + 1, c->s.get_n * sizeof(c->s.get[0]));
	return true;
}

static bool
results(struct sml_ctx *c, struct sml_out *o)
{
	while (c->s.get_n > 0 && results_one(c, o))
		;
	return c->s.get_n == 0;
}

bool
sml_results_fit(struct sml_ctx *c)
{
	struct sml_out o;

	out_start(c, &o, MSG_LEAST);
	header(c, &o, true);
	header_status(c, &o);
	return put_results(c, &o, SML_DEVINF_ONE) || o.b.bad;
}

static bool
ask_devinf(struct sml_ctx *c, struct sml_out *o)
{
	struct sml_cmd cmd = sml_cmd_none(SML_GET);
	struct sml_item it = sml_item_none();

	if (c->s.get_sent || c->dev.devinf.n > 0 || c->s.ds_n == 0)
		return true;
	cmd.meta.type = devinf_type(c);
	it.target = devinf_uri(c);
	it.has_target = true;
	cmd.items = &it;
	cmd.item_n = 1;
	if (!sml_out_cmd(c, o, &cmd))
		return false;
	c->s.get_sent = true;
	return true;
}

/* true: all of package 2 is in this message, or was in an earlier one. */
static bool
package2(struct sml_ctx *c, struct sml_out *o)
{
	for (size_t i = 0; i < c->s.ds_n; i++) {
		if (!c->s.ds[i].alert_sent && !our_alert(c, o, &c->s.ds[i]))
			return false;
	}
	return results(c, o) && ask_devinf(c, o);
}

/* ---- the message
 * -------------------------------------------------------------- */

static bool
lost_chunk(struct sml_ctx *c, struct sml_out *o)
{
	struct sml_cmd cmd = sml_cmd_none(SML_ALERT);
	struct sml_item it = sml_item_none();

	if (!c->s.chunk_lost)
		return true;
	cmd.data = SLICE_LIT("223");
	it.source = c->s.lost_luid;
	it.has_source = true;
	cmd.items = &it;
	cmd.item_n = 1;
	if (!sml_out_cmd(c, o, &cmd))
		return false;
	c->s.chunk_lost = false;
	return true;
}

static bool
all_in(const struct sml_session *s)
{
	bool any = false;

	for (size_t i = 0; i < s->ds_n; i++) {
		if (s->ds[i].refused)
			continue;
		if (!s->ds[i].in_done)
			return false;
		any = true;
	}
	return any;
}

static bool
none_left(const struct sml_session *s)
{
	for (size_t i = 0; i < s->ds_n; i++) {
		if (!s->ds[i].refused)
			return false;
	}
	return true;
}

/* Fill the message; *final: a package of ours ends with it. */
static int
fill(struct sml_ctx *c, struct sml_out *o, bool *final)
{
	bool init_now = c->msg->final || c->s.in != SML_IN_INIT;
	bool done = false;

	*final = false;
	statuses(c, o);
	if (c->s.suspended || c->late) {
		*final = true;
		return 0;
	}
	/* A message with a command in it needs no Alert 222. */
	o->reserve = o->reserve_close;
	if (c->s.status_n > 0 || !lost_chunk(c, o) || !init_now)
		return 0;
	if (!package2(c, o))
		return 0;
	if (!c->s.out_init_done) {
		c->s.out_init_done = true;
		*final = true;
	}
	if (c->s.out_sync_done || none_left(&c->s)) {
		*final = c->msg->final;
		return 0;
	}
	if (!all_in(&c->s))
		return 0;
	if (sml_out_changes(c, o, &done) < 0)
		return -1;
	c->s.out_sync_done = done;
	*final = done;
	return 0;
}

/*
 * Its MaxMsgSize leaves no room for a command of ours, not even beside the
 * Status of its Alert 222: a message that is a little longer than it likes is
 * the only one that gets on.
 */
static bool
no_way_on(const struct sml_ctx *c, const struct sml_out *o)
{
	if (!o->full || o->b.bad || o->commands > 0)
		return false;
	return o->b.n == o->base ||
	       (c->s.idle_rounds > 1 && c->s.peer_msg < MSG_SMALL);
}

int
sml_reply(struct sml_ctx *c, struct slice *out)
{
	struct sml_out o;
	bool final;
	struct sml_status few[FEW] = { { 0 } };
	size_t few_n = c->s.status_n;
	bool init_done = c->s.out_init_done;
	int64_t least = MSG_LEAST;

	for (size_t i = 0; i < few_n && i < FEW; i++)
		few[i] = c->s.status[i];
	for (;;) {
		arena_reset(c->scratch);
		out_start(c, &o, least);
		header(c, &o, true);
		header_status(c, &o);
		if (fill(c, &o, &final) < 0)
			return -1;
		least *= 2;
		if (least > MSG_LEAST_MAX || !no_way_on(c, &o) ||
		    (c->s.status_n != few_n && few_n > FEW))
			break;
		for (size_t i = 0; i < few_n && i < FEW; i++)
			c->s.status[i] = few[i];
		c->s.status_n = few_n;
		c->s.out_init_done = init_done;
	}
	if (!final && o.commands == 0 && !c->msg->final)
		next_message(c, &o);
	sml_write_close(&o.b, &c->s.doc, final);
	if (!buf_ok(&o.b))
		return err_set(&c->e, ERR_NOMEM, "reply.write",
			       "the answer does not fit into memory");
	if (c->msg->hdr.noresp && o.commands == 0)
		*out = SLICE_LIT("");
	else
		*out = buf_slice(&o.b);
	return 0;
}

int
sml_reply_refuse(struct sml_ctx *c, int code, const struct sml_chal *chal,
		 struct slice text, struct slice *out)
{
	struct sml_out o;

	c->hdr_code = code;
	c->hdr_text = text;
	if (chal != NULL)
		c->hdr_chal = *chal;
	c->s.status_n = 0;
	for (size_t i = 0; i < c->msg->cmd_n; i++) {
		if (sml_status_all(c, &c->msg->cmds[i], code) < 0)
			return -1;
	}
	out_start(c, &o, MSG_LEAST);
	header(c, &o, false);
	header_status(c, &o);
	statuses(c, &o);
	sml_write_close(&o.b, &c->s.doc, true);
	if (!buf_ok(&o.b))
		return err_set(&c->e, ERR_NOMEM, "reply.refuse",
			       "the answer does not fit into memory");
	if (sml_memory_came(c) < 0)
		return -1;
	*out = buf_slice(&o.b);
	return 0;
}
