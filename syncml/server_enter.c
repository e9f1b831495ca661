/*
 * Which session a message belongs to, and what it is to that session: the next
 * message, a copy of one that was answered, one too late or too early; or the
 * first of a session that begins with it.
 */
#include "base/digest.h"
#include "syncml/session.h"

static const struct slice nothing = { NULL, 0 };

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

/* Another device's session is none: its token was guessed or shared. */
static bool
is_foreign(struct sml_ctx *c, const struct store_session *row)
{
	char dev[201];

	if (row == NULL || row->device == c->dev.id)
		return false;
	log_line(c->srv->log, LOG_LVL_WARN,
		 "event=token-foreign peer=%.*s dev=\"%s\" "
		 "account=%lld: another device's session",
		 SLICE_ARG(c->rq->peer),
		 log_quote(c->dev.dev_id, dev, sizeof(dev)),
		 (long long)c->tx->account);
	return true;
}

/*
 * What the message is to the session *row (NULL: none was found), or to the
 * newest one of its id. True in *last: no session begins by this message.
 */
static int
judge(struct sml_ctx *c, const struct sml_place *at,
      const struct sml_login *login, struct store_session **row,
      enum sml_entry *how, bool *last)
{
	*how = SML_ENTER_EXPIRED;
	if (*row != NULL && order(c, *row, how) < 0)
		return -1;
	*last = *row != NULL && overtaken(c, *row) &&
		(*how == SML_ENTER_STALE || *how == SML_ENTER_EXPIRED);
	if (*last || login == NULL || *how == SML_ENTER_GO)
		return 0;
	if (at->by_token && *how != SML_ENTER_LATE &&
	    *how != SML_ENTER_DUPLICATE && find_repeated(c, row, how) < 0)
		return -1;
	/* The one between was refused for want of these credentials. */
	if (*how == SML_ENTER_GAP && c->msgid == (*row)->last_msgid + 2)
		*how = SML_ENTER_GO;
	return 0;
}

/* It goes on with what is over: an answer would pass for a sync. */
static bool
goes_on_with_what_is_over(const struct sml_ctx *c,
			  const struct store_session *row, enum sml_entry how)
{
	return how == SML_ENTER_EXPIRED && c->msgid > 1 && row != NULL &&
	       c->msgid == row->last_msgid + 1;
}

/* Begins a session, goes on in *row, or leaves it at what *how says. */
static int
enter_by(struct sml_ctx *c, const struct store_session *row,
	 const struct sml_login *login, bool last, enum sml_entry *how)
{
	if (!last && login != NULL && begins_anew(c, row, *how))
		return start(c, login, how);
	if (*how == SML_ENTER_GO || *how == SML_ENTER_LATE)
		return go_on(c, row, login, how);
	/* With good credentials a message may begin a session, unless it is a
	   late one of a session that lives. */
	if (!last && login != NULL && *how != SML_ENTER_DUPLICATE &&
	    !goes_on_with_what_is_over(c, row, *how) &&
	    (c->msgid == 1 || *how == SML_ENTER_EXPIRED))
		return start(c, login, how);
	if (row != NULL)
		c->row = *row;
	return 0;
}

int
sml_session_enter(struct sml_ctx *c, const struct sml_place *at,
		  const struct sml_login *login, enum sml_entry *how)
{
	struct store_session *row = NULL;
	bool last = false;

	*how = SML_ENTER_GO;
	if (load_account(c) < 0 || load_device(c) < 0)
		return -1;
	if (c->acc.disabled || c->dev.disabled) {
		*how = SML_ENTER_DISABLED;
		return 0;
	}
	if (load_links(c) < 0 || find_session(c, at, &row) < 0)
		return -1;
	if (is_foreign(c, row))
		row = NULL;
	if (judge(c, at, login, &row, how, &last) < 0)
		return -1;
	return enter_by(c, row, login, last, how);
}
