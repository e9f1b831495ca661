/*
 * One message inside its transaction: find or start the session, do what the
 * message says, make the answer, and put all of it into the store together.
 */
#include "base/digest.h"
#include "syncml/session.h"

static const struct slice nothing = { NULL, 0 };

/* ---- enter -----------------------------------------------------------------
 */

static int
load_account(struct sml_ctx *c)
{
	struct store_tx *tx = c->tx;

	if (tx->v->account_get(tx, c->a, &c->acc, &c->e) < 0)
		return -1;
	return tx->v->collection_list(tx, c->a, &c->col, &c->col_n, &c->e);
}

static int
load_device(struct sml_ctx *c)
{
	struct store_device *dev;

	if (c->tx->v->device_get(c->tx, c->a, c->msg->hdr.source, &dev, &c->e) <
	    0)
		return -1;
	if (dev != NULL) {
		c->dev = c->dev_before = *dev;
		return 0;
	}
	c->dev = c->dev_before = (struct store_device){
		.id = c->tx->next_id++,
		.dev_id = c->msg->hdr.source,
		.first_ms = c->now,
	};
	c->dev_dirty = true;
	return 0;
}

static int
load_links(struct sml_ctx *c)
{
	struct store_link *list;
	size_t n;

	if (c->tx->v->link_list(c->tx, c->a, c->dev.id, &list, &n, &c->e) < 0)
		return -1;
	c->link_cap = n + SML_LINKS_MAX;
	c->link = ARENA_ARRAY(c->a, c->link_cap, struct store_link);
	c->link_dirty = ARENA_ARRAY(c->a, c->link_cap, bool);
	if (c->link == NULL || c->link_dirty == NULL)
		return err_set(&c->e, ERR_NOMEM, "session.links",
			       "no memory for the device's databases");
	if (n > 0)
		memcpy(c->link, list, n * sizeof(*list));
	c->link_n = n;
	return 0;
}

static int
find_session(struct sml_ctx *c, const struct sml_place *at,
	     struct store_session **out)
{
	if (at->by_token)
		return c->tx->v->session_find(c->tx, c->a, at->token_hash, 0,
					      nothing, out, &c->e);
	return c->tx->v->session_find(c->tx, c->a, nothing, c->dev.id,
				      c->msg->hdr.sid, out, &c->e);
}

static struct slice
respuri(struct sml_ctx *c)
{
	struct slice base = c->rq->base_url;
	struct slice token;
	size_t query;

	if (base.n == 0)
		base = c->msg->hdr.target;
	query = slice_find(base, '?');
	if (query != SIZE_MAX)
		base = slice_sub(base, 0, query);
	token = sml_token_new(c, &c->row.token_hash);
	/* It ignores it, or breaks on it, or there is no URL. */
	if (c->dev.every_message_auth ||
	    (sml_rules(c) & PIM_RULE_RESPURI_NO) != 0 ||
	    slice_find_str(base, "://") == SIZE_MAX)
		return SLICE_LIT("");
	return arena_printf(c->a, "%.*s?s=%.*s", SLICE_ARG(base),
			    SLICE_ARG(token));
}

/*
 * Room for one more session of the account. Each is bounded work at any time,
 * so their number is bounded too, whatever device ids a client makes up.
 */
static int
make_room(struct sml_ctx *c, enum sml_entry *how)
{
	struct store_session *open = NULL;
	size_t others = 0;
	size_t oldest = SIZE_MAX;
	size_t n;

	if (c->tx->v->session_open(c->tx, c->a,
				   c->now - c->srv->conf->session_idle_ms,
				   &open, &n, &c->e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (open[i].device == c->dev.id)
			continue; /* the new one takes its place */
		if (oldest == SIZE_MAX)
			oldest = i;
		others++;
	}
	if (others < SML_SESSIONS_MAX)
		return 0;
	if (c->now - open[oldest].last_ms < SML_SESSION_YIELD_MS) {
		*how = SML_ENTER_CROWDED;
		return 0;
	}
	return c->tx->v->session_supersede(
	    c->tx, open[oldest].device, 0,
	    SLICE_LIT("broken off: the account has too many open sessions"),
	    &c->e);
}

static int
start(struct sml_ctx *c, const struct sml_login *login, enum sml_entry *how)
{
	struct sml_session *s = &c->s;
	int version = s->version;
	struct slice respects;

	*how = SML_ENTER_GO;
	if (make_room(c, how) < 0)
		return -1;
	if (*how != SML_ENTER_GO)
		return 0;
	if (sml_login_commit(c->srv, c->tx, c->a, login, &c->dev, &c->e) < 0)
		return -1;
	c->dev_dirty = true;
	c->fresh = true;
	*s = (struct sml_session){
		.version = version,
		.sid = c->msg->hdr.sid,
		.dev_uri = c->msg->hdr.source,
		.server_uri = c->msg->hdr.target,
		.out_msgid = c->msgid - 1,
		.peer_msg = -1,
		.peer_obj = -1,
		.auth_every = c->dev.every_message_auth,
		.scheme = login->scheme,
		.cred = login->cred.id,
	};
	c->row = (struct store_session){
		.id = c->tx->next_id++,
		.device = c->dev.id,
		.sid = c->msg->hdr.sid,
		.started_ms = c->now,
	};
	respects = respuri(c);
	if (respects.p == NULL)
		return err_set(&c->e, ERR_NOMEM, "session.start",
			       "no memory for a session");
	s->respuri = respects;
	/* A MAC vouches for one message. */
	c->hdr_code =
	    s->auth_every || login->scheme == SML_AUTH_MAC ? 200 : 212;
	sml_tell(c, '=', "session %.*s of %.*s, SyncML 1.%d %s, from %.*s",
		 SLICE_ARG(c->msg->hdr.sid), SLICE_ARG(c->msg->hdr.source),
		 version % 10, c->msg->doc.enc == SML_XML ? "XML" : "WBXML",
		 SLICE_ARG(c->rq->peer));
	return c->tx->v->session_supersede(
	    c->tx, c->dev.id, c->row.id,
	    SLICE_LIT("broken off: the device began a new session"), &c->e);
}

/* Has the device begun another session since? */
static int
superseded(struct sml_ctx *c, const struct store_session *s, bool *yes)
{
	struct store_session *newest;
	size_t n;

	*yes = false;
	if (!s->closed)
		return 0;
	if (c->tx->v->session_list(c->tx, c->a, c->dev.id, 1, &newest, &n,
				   &c->e) < 0)
		return -1;
	*yes = n > 0 && newest[0].id != s->id;
	return 0;
}

/* What a known session makes of this MsgID. */
static int
order(struct sml_ctx *c, const struct store_session *s, enum sml_entry *how)
{
	bool next = c->msgid == s->last_msgid + 1;
	bool over;

	if (c->msgid == s->last_msgid &&
	    digest_same(s->body_hash, sml_body_hash(c))) {
		*how = SML_ENTER_DUPLICATE;
		return 0;
	}
	if (superseded(c, s, &over) < 0)
		return -1;
	/* One that ended well may go on: some clients send their Final too
	   early. */
	over = over || (s->closed && s->failed != 0);
	if (!sml_session_live(c, s) || (over && !next))
		*how = SML_ENTER_EXPIRED;
	else if (next)
		*how = over ? SML_ENTER_LATE : SML_ENTER_GO;
	else
		*how =
		    c->msgid < s->last_msgid ? SML_ENTER_STALE : SML_ENTER_GAP;
	return 0;
}

static int
go_on(struct sml_ctx *c, const struct store_session *row,
      const struct sml_login *login, enum sml_entry *how)
{
	int version = c->s.version;

	c->row = *row;
	c->was_closed = row->closed;
	c->late = *how == SML_ENTER_LATE;
	c->row.closed = c->late; /* one that ended well may go on */
	if (sml_state_load(c->a, row->state, &c->s, &c->e) < 0) {
		if (c->e.code != ERR_NOTFOUND)
			return -1;
		*how = SML_ENTER_EXPIRED;
		return 0;
	}
	if (c->s.version != version) {
		*how = SML_ENTER_GAP;
		return 0;
	}
	c->hdr_code = c->late ? 408 : 200;
	if (login == NULL && c->s.scheme == SML_AUTH_MAC) {
		c->scheme_due = SML_AUTH_MAC;
		*how = SML_ENTER_UNPROVEN;
		return 0;
	}
	if (login != NULL) {
		if (sml_login_commit(c->srv, c->tx, c->a, login, &c->dev,
				     &c->e) < 0)
			return -1;
		c->s.cred = login->cred.id;
		c->dev_dirty = true;
	}
	/* A device that stays at our first address does not know RespURI. */
	if (c->rq->token.n == 0 && c->s.respuri.n > 0 &&
	    !c->dev.every_message_auth) {
		c->dev.every_message_auth = true;
		c->dev_dirty = true;
		sml_tell(c, '=', "the device does not use our RespURI");
	}
	return 0;
}

static bool
has_sync_alert(const struct sml_msg *m)
{
	for (size_t i = 0; i < m->cmd_n; i++) {
		uint32_t code;

		if (m->cmds[i].tag == SML_ALERT &&
		    slice_u32(m->cmds[i].data, &code) &&
		    ((code >= 200 && code <= 210) || code == 225))
			return true;
	}
	return false;
}

/* Is the session's package 1 not complete? Then an Alert is a part of it. */
static bool
in_package_1(struct sml_ctx *c, const struct store_session *row)
{
	struct sml_session *s = ARENA_NEW(c->a, struct sml_session);
	struct err e = { .code = ERR_NONE };

	return s != NULL && sml_state_load(c->a, row->state, s, &e) == 0 &&
	       s->in == SML_IN_INIT;
}

/*
 * Package 1 with credentials, after a refused first message: phones reuse
 * SessionIDs, so it may look like any message of an old session.
 */
static bool
begins_anew(struct sml_ctx *c, const struct store_session *row,
	    enum sml_entry how)
{
	if (!has_sync_alert(c->msg) || how == SML_ENTER_DUPLICATE)
		return false;
	return how != SML_ENTER_GO || !in_package_1(c, row);
}

/*
 * This message came before the session's last one did, and gets its turn only
 * now: its line was cut, and the device repeated it and went on. Nobody waits
 * for an answer, and it must not end the session that lives. (The clocks of two
 * nodes may differ; no message is worked at for longer than this.)
 */
static bool
overtaken(const struct sml_ctx *c, const struct store_session *row)
{
	return c->came_ms < row->last_ms &&
	       row->last_ms - c->came_ms < SML_PATIENCE_MS;
}

/*
 * A first message that came to the address of an older session and began a new
 * one: its repetition comes to that address too.
 */
static int
find_repeated(struct sml_ctx *c, struct store_session **row,
	      enum sml_entry *how)
{
	struct store_session *newest;
	enum sml_entry was;

	if (c->tx->v->session_find(c->tx, c->a, nothing, c->dev.id,
				   c->msg->hdr.sid, &newest, &c->e) < 0)
		return -1;
	if (newest == NULL)
		return 0;
	if (order(c, newest, &was) < 0)
		return -1;
	if (was == SML_ENTER_DUPLICATE) {
		*row = newest;
		*how = SML_ENTER_DUPLICATE;
	}
	return 0;
}

int
sml_session_enter(struct sml_ctx *c, const struct sml_place *at,
		  const struct sml_login *login, enum sml_entry *how)
{
	struct store_session *row = NULL;

	*how = SML_ENTER_GO;
	if (load_account(c) < 0 || load_device(c) < 0)
		return -1;
	if (c->acc.disabled || c->dev.disabled) {
		*how = SML_ENTER_DISABLED;
		return 0;
	}
	if (load_links(c) < 0 || find_session(c, at, &row) < 0)
		return -1;
	if (row != NULL && row->device != c->dev.id) {
		char dev[201];

		log_line(c->srv->log, LOG_LVL_WARN,
			 "event=token-foreign peer=%.*s dev=\"%s\" "
			 "account=%lld: another device's session",
			 SLICE_ARG(c->rq->peer),
			 log_quote(c->dev.dev_id, dev, sizeof(dev)),
			 (long long)c->tx->account);
		row = NULL;
	}
	*how = SML_ENTER_EXPIRED;
	if (row != NULL && order(c, row, how) < 0)
		return -1;
	if (row != NULL && overtaken(c, row) &&
	    (*how == SML_ENTER_STALE || *how == SML_ENTER_EXPIRED)) {
		c->row = *row;
		return 0;
	}
	if (at->by_token && login != NULL && *how != SML_ENTER_GO &&
	    *how != SML_ENTER_LATE && *how != SML_ENTER_DUPLICATE &&
	    find_repeated(c, &row, how) < 0)
		return -1;
	/* The one between was refused for want of these credentials. */
	if (*how == SML_ENTER_GAP && login != NULL &&
	    c->msgid == row->last_msgid + 2)
		*how = SML_ENTER_GO;
	if (login != NULL && begins_anew(c, row, *how))
		return start(c, login, how);
	if (*how == SML_ENTER_GO || *how == SML_ENTER_LATE)
		return go_on(c, row, login, how);
	if (*how == SML_ENTER_DUPLICATE) {
		c->row = *row;
		return 0;
	}
	/* It goes on with what is over: an answer would pass for a sync. */
	if (row != NULL && *how == SML_ENTER_EXPIRED && c->msgid > 1 &&
	    c->msgid == row->last_msgid + 1) {
		c->row = *row;
		return 0;
	}
	/* With good credentials a message may begin a session, unless it is a
	   late one of a session that lives. */
	if (login != NULL && (c->msgid == 1 || *how == SML_ENTER_EXPIRED))
		return start(c, login, how);
	if (row != NULL)
		c->row = *row;
	return 0;
}

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
		c->row.failed = 0;
		c->row.closed = true;
		c->row.verdict = sml_verdict(c);
	} else {
		c->row.failed = 1;
		if (!c->row.closed)
			c->row.verdict = sml_verdict(c);
	}
	if (sml_state_save(c->a, &c->s, &c->row.state, &c->e) < 0 ||
	    tx->v->session_put(tx, &c->row, answer, &c->e) < 0)
		return -1;
	if (sml_report_put(c) < 0)
		return -1;
	if (c->story_n == 0)
		return 0;
	return tx->v->story_add(tx, c->row.id, c->story, c->story_n, &c->e);
}
