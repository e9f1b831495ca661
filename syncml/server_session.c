/*
 * One message inside its transaction: do what the message says, make the
 * answer, and put all of it into the store together.
 */
#include "syncml/session.h"

/* ---- run -------------------------------------------------------------------
 */

static void
note_header(struct sml_ctx *c)
{
	const struct sml_meta *m = &c->msg->hdr.meta;

	c->s.doc = c->msg->doc;
	if (c->s.doc.version == 0)
		c->s.doc.version = c->s.version;
	/* VerProto decides: some name an older version in the namespace, and
	   get their answers under it. */
	if (m->max_msg_size > 0)
		c->s.peer_msg = m->max_msg_size;
	if (m->max_obj_size > 0)
		c->s.peer_obj = m->max_obj_size;
	for (size_t i = 0; i < c->s.ds_n; i++)
		c->s.doc.cdata = c->s.doc.cdata || c->s.ds[i].wants_cdata;
}

/* As deep as SML_DEPTH_MAX lets a document be. */
/* NOLINTBEGIN(misc-no-recursion) */
static int command(struct sml_ctx *c, const struct sml_cmd *cmd);

static int
sequence(struct sml_ctx *c, const struct sml_cmd *cmd)
{
	if (sml_status_add(c, cmd, NULL, NULL, 200) < 0)
		return -1;
	for (size_t i = 0; i < cmd->kid_n; i++) {
		if (command(c, &cmd->kids[i]) < 0)
			return -1;
	}
	return 0;
}

static int
command(struct sml_ctx *c, const struct sml_cmd *cmd)
{
	if ((c->s.suspended || c->late) && cmd->tag != SML_STATUS &&
	    cmd->tag != SML_MAP)
		return sml_status_all(c, cmd, c->late ? 408 : 514);
	switch ((unsigned)cmd->tag) {
	case SML_STATUS:
		return 0; /* all of them were looked at before */
	case SML_ALERT:
		return sml_cmd_alert(c, cmd);
	case SML_SYNC:
		return sml_cmd_sync(c, cmd);
	case SML_MAP:
		return sml_cmd_map(c, cmd);
	case SML_PUT:
	case SML_RESULTS:
		return sml_cmd_put(c, cmd);
	case SML_GET:
		return sml_cmd_get(c, cmd);
	case SML_SEQUENCE:
		return sequence(c, cmd);
	case SML_ADD:
	case SML_REPLACE:
	case SML_DELETE:
		return sml_status_all(c, cmd, 403); /* outside of Sync */
	default:
		return sml_status_all(c, cmd, 406);
	}
}

static int
maps(struct sml_ctx *c, const struct sml_cmd *cmd, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if ((cmd[i].tag == SML_MAP && sml_map_take(c, &cmd[i]) < 0) ||
		    (cmd[i].tag == SML_SEQUENCE &&
		     maps(c, cmd[i].kids, cmd[i].kid_n) < 0))
			return -1;
	}
	return 0;
}
/* NOLINTEND(misc-no-recursion) */

static bool
says_more_than_status(const struct sml_ctx *c)
{
	for (size_t i = 0; i < c->msg->cmd_n; i++) {
		enum sml_tag tag = c->msg->cmds[i].tag;

		if (tag != SML_STATUS && tag != SML_ALERT)
			return true;
	}
	return false;
}

/* The client's package ends with this message. */
static int
package_end(struct sml_ctx *c)
{
	/* The Final of a suspended session completes nothing. */
	if (c->s.suspended)
		return 0;
	/* An object that is resumed goes on in package 3. */
	if (c->s.in != SML_IN_INIT && sml_chunk_broken(c) < 0)
		return -1;
	for (size_t i = 0; i < c->s.ds_n; i++) {
		struct sml_ds *ds = &c->s.ds[i];
		bool due =
		    ds->alert_sent &&
		    (ds->sync_seen || (ds->type != 203 && !c->next_wanted));

		/* Sync in the same message as its Alert. */
		if (ds->sync_seen && !ds->forced)
			due = true;
		if (due && sml_ds_complete(c, ds) < 0)
			return -1;
	}
	if (c->s.in == SML_IN_INIT)
		c->s.in = SML_IN_SYNC;
	if (!c->s.out_sync_done || c->s.done)
		return 0;
	/* Package 5 is complete: what got no Status was done. */
	if (c->s.sent_n > 0 && sml_sent_assume(c) < 0)
		return -1;
	c->s.in = SML_IN_END;
	c->s.done = true;
	return 0;
}

/* Nobody says anything new any more: end it. */
static void
watch_idle(struct sml_ctx *c)
{
	/* Statuses that wait for room are news too, while they get fewer. */
	if (says_more_than_status(c) || c->items_out > 0 ||
	    c->s.og.offset != c->og_before || c->s.status_n < c->status_before)
		c->s.idle_rounds = 0;
	else
		c->s.idle_rounds++;
	if (c->s.idle_rounds > SML_IDLE_ROUNDS_MAX) {
		c->row.closed = true;
		c->row.verdict =
		    SLICE_LIT("ended: the device only asked for more");
		sml_tell(c, '=', "nothing new in %d messages: session ended",
			 SML_IDLE_ROUNDS_MAX);
	}
}

static bool
none_alive(const struct sml_session *s)
{
	for (size_t i = 0; i < s->ds_n; i++) {
		if (!s->ds[i].refused)
			return false;
	}
	return true;
}

/*
 * What it answers to us comes first, wherever it stands: its changes are
 * decided with it. Maps before Statuses: a Map says all that the Status of its
 * Add says. (Their own Statuses keep their place: command().)
 */
static int
answers(struct sml_ctx *c)
{
	if (maps(c, c->msg->cmds, c->msg->cmd_n) < 0)
		return -1;
	return sml_sent_statuses(c);
}

/*
 * A session that was superseded works on rows that the new one may have moved
 * since: what it still says is said today, and counts only for rows that are
 * as it left them (session_sent.c). Back: its own numbers again, for its state.
 */
static void
late_numbers(struct sml_ctx *c, bool back)
{
	for (size_t i = 0; i < c->s.ds_n; i++) {
		struct sml_ds *ds = &c->s.ds[i];
		const struct store_link *l = sml_link(c, ds->link);

		if (back) {
			ds->sync_no = c->late_no[i];
			continue;
		}
		c->late_no[i] = ds->sync_no;
		if (l != NULL)
			ds->sync_no = l->sync_no;
	}
}

static int
run_late(struct sml_ctx *c, struct slice *answer)
{
	late_numbers(c, false);
	if (answers(c) < 0)
		return -1;
	for (size_t i = 0; i < c->msg->cmd_n; i++) {
		if (command(c, &c->msg->cmds[i]) < 0)
			return -1;
	}
	late_numbers(c, true);
	sml_tell(c, '=', "late: only what it says about our commands counts");
	return sml_reply(c, answer);
}

int
sml_session_run(struct sml_ctx *c, struct slice *answer)
{
	note_header(c);
	c->s.out_msgid++;
	sml_report_begin(c);
	c->ds_before = c->s.ds_n;
	c->status_before = c->s.status_n;
	c->og_before = c->s.og.offset;
	if (c->late)
		return run_late(c, answer);
	if (sml_own_statuses(c) < 0 || answers(c) < 0)
		return -1;
	for (size_t i = 0; i < c->msg->cmd_n; i++) {
		if (command(c, &c->msg->cmds[i]) < 0)
			return -1;
	}
	if (c->s.sent_n > SML_OUTSTANDING_MAX && sml_sent_assume(c) < 0)
		return -1;
	if (c->msg->final && package_end(c) < 0)
		return -1;
	if (sml_reply(c, answer) < 0)
		return -1;
	watch_idle(c);
	/* Nothing to sync (unknown databases only): that was all. */
	if (c->msg->final && c->s.out_init_done && none_alive(&c->s))
		c->s.done = true;
	return 0;
}

/* ---- leave -----------------------------------------------------------------
 */

int
sml_session_leave(struct sml_ctx *c, const struct slice *answer)
{
	struct store_tx *tx = c->tx;

	c->dev.last_ms = c->now;
	c->dev.last_addr = c->rq->peer;
	if ((c->dev_dirty || c->fresh) &&
	    tx->v->device_put(tx, &c->dev, &c->e) < 0)
		return -1;
	if (!c->late && sml_open_note(c) < 0)
		return -1;
	for (size_t i = 0; i < c->link_n; i++) {
		if (c->link_dirty[i] &&
		    tx->v->link_put(tx, &c->link[i], &c->e) < 0)
			return -1;
	}
	c->row.last_msgid = c->msgid;
	c->row.body_hash = sml_body_hash(c);
	c->row.peer = c->rq->peer;
	c->row.last_ms = c->now;
	if (c->late) {
		; /* how it ended was said when it was superseded */
	} else if (c->s.done || c->s.suspended) {
		c->row.failed = c->s.unknown && c->s.ds_n == 0;
		c->row.closed = true;
		c->row.verdict = sml_verdict(c);
	} else {
		c->row.failed = 1;
		if (!c->row.closed)
			c->row.verdict = sml_verdict(c);
	}
	if (sml_push_leave(c) < 0 ||
	    sml_state_save(c->a, &c->s, &c->row.state, &c->e) < 0 ||
	    tx->v->session_put(tx, &c->row, answer, &c->e) < 0)
		return -1;
	if (sml_report_put(c) < 0)
		return -1;
	if (c->story_n == 0)
		return 0;
	return tx->v->story_add(tx, c->row.id, c->story, c->story_n, &c->e);
}
