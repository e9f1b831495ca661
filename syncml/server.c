/*
 * The server's side: one message in, one message out. Decoding comes before
 * the transaction, login too (it may be slow); then everything that the
 * message does and the answer's bytes are committed together, and only then
 * returned. Where the store fails on the way the whole message is tried again,
 * a copy of itself: that a COMMIT went through and nobody heard of it is the
 * same case as an answer that got lost.
 */
#include "syncml/server.h"
#include "syncml/session.h"

enum { RETRY_S = 5 };

/* ---- answers outside of SyncML ----------------------------------------------
 */

static void
plain(struct sml_reply *out, int http, struct slice text)
{
	out->http = http;
	out->content_type = SLICE_LIT("text/plain; charset=utf-8");
	out->body = text;
}

static void
give_up(struct sml_ctx *c, struct sml_reply *out)
{
	bool later = c->e.code == ERR_UNAVAILABLE || c->e.code == ERR_BUSY ||
		     c->e.code == ERR_NOMEM;
	char dev[201];

	log_line(c->srv->log, later ? LOG_LVL_WARN : LOG_LVL_ERROR,
		 "event=message-failed peer=%.*s dev=\"%s\" tries=%u "
		 "where=%s: %s",
		 SLICE_ARG(c->rq->peer),
		 log_quote(out->dev_id, dev, sizeof(dev)), c->tries,
		 c->e.where == NULL ? "?" : c->e.where, c->e.msg);
	out->note = slice_c(err_name(c->e.code));
	if (later) {
		out->retry_after_s = RETRY_S;
		plain(out, 503,
		      SLICE_LIT("The server is busy; please try again.\n"));
		return;
	}
	if (c->e.code == ERR_LIMIT) {
		plain(out, 413,
		      SLICE_LIT("This message asks for more than "
				"one message may.\n"));
		return;
	}
	plain(out, 500,
	      SLICE_LIT("The server could not handle this "
			"message; its log says why.\n"));
}

static void
failed(struct sml_ctx *c, struct sml_reply *out)
{
	c->again = c->e.code == ERR_UNAVAILABLE && !c->e.lasting &&
		   c->srv->again != NULL && c->tries < SML_TRIES_MAX;
	if (!c->again)
		give_up(c, out);
}

static void
answer(struct sml_ctx *c, struct sml_reply *out, struct slice body)
{
	out->http = 200;
	out->content_type = c->msg->doc.enc == SML_XML
				? SLICE_LIT("application/vnd.syncml+xml")
				: SLICE_LIT("application/vnd.syncml+wbxml");
	out->body = body;
}

/* ---- refusals in SyncML
 * -------------------------------------------------------- */

static void
refuse(struct sml_ctx *c, struct sml_reply *out, int code,
       const struct sml_chal *chal, struct slice text)
{
	struct slice body;

	c->s.doc = c->msg->doc;
	c->s.sid = c->msg->hdr.sid;
	c->s.dev_uri = sml_short_uri(c->msg->hdr.source);
	c->s.server_uri = sml_short_uri(c->msg->hdr.target);
	c->s.out_msgid = c->msgid;
	c->s.respuri = SLICE_LIT("");
	c->s.peer_msg = c->msg->hdr.meta.max_msg_size;
	if (sml_reply_refuse(c, code, chal, text, &body) < 0) {
		failed(c, out);
		return;
	}
	answer(c, out, body);
}

/* The version that the header names; false: it was answered. */
static bool
version(struct sml_ctx *c, struct sml_reply *out)
{
	struct slice proto = slice_trim(c->msg->hdr.verproto);
	struct slice dtd = slice_trim(c->msg->hdr.verdtd);
	static const struct {
		const char *proto, *dtd;
		int version;
	} known[] = {
		{ "SyncML/1.0", "1.0", 10 },
		{ "SyncML/1.1", "1.1", 11 },
		{ "SyncML/1.2", "1.2", 12 },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!slice_is_nocase(proto, known[i].proto))
			continue;
		c->s.version = known[i].version;
		if (slice_is(dtd, known[i].dtd))
			return true;
		out->note = SLICE_LIT("VerDTD does not fit VerProto");
		refuse(c, out, 505, NULL, slice_c(known[i].dtd));
		return false;
	}
	c->s.version = 12;
	out->note = SLICE_LIT("unknown protocol version");
	refuse(c, out, 513, NULL,
	       SLICE_LIT("SyncML/1.0, SyncML/1.1, SyncML/1.2"));
	return false;
}

static bool
header(struct sml_ctx *c, struct sml_reply *out)
{
	const struct sml_hdr *h = &c->msg->hdr;

	if (!slice_i64(h->msgid, &c->msgid) || c->msgid < 1)
		c->msgid = 0;
	if (!version(c, out))
		return false;
	if (c->msgid < 1 || c->msgid > SML_MESSAGES_MAX || h->sid.n == 0 ||
	    h->sid.n > SML_SID_BYTES_MAX || h->source.n == 0 ||
	    h->source.n > SML_DEVID_BYTES_MAX ||
	    h->target.n > SML_LOCURI_BYTES_MAX) {
		out->note = SLICE_LIT("header without MsgID, SessionID or "
				      "Source, or with an impossible one");
		refuse(c, out, 400, NULL, SLICE_LIT(""));
		return false;
	}
	return true;
}

/* ---- login
 * ----------------------------------------------------------------------- */

/* Some clients put their credentials into the Alert (SE K700i). */
static const struct sml_cred *
credentials(const struct sml_msg *m)
{
	if (m->hdr.cred.present)
		return &m->hdr.cred;
	for (size_t i = 0; i < m->cmd_n; i++) {
		if (m->cmds[i].tag == SML_ALERT && m->cmds[i].cred.present)
			return &m->cmds[i].cred;
	}
	return &m->hdr.cred;
}

static bool
has_proof(const struct sml_ctx *c)
{
	return c->rq->mac.n > 0 || credentials(c->msg)->present;
}

static int
login_code(enum sml_login_verdict v)
{
	switch (v) {
	case SML_LOGIN_OK:
		return 200;
	case SML_LOGIN_MISSING:
		return 407;
	case SML_LOGIN_WRONG:
		return 401;
	case SML_LOGIN_FORBIDDEN:
		return 403;
	case SML_LOGIN_SCHEME:
		return 406;
	case SML_LOGIN_FORMAT:
		return 415;
	case SML_LOGIN_NODATA:
		return 400;
	}
	return 500;
}

static void
refuse_login(struct sml_ctx *c, struct sml_reply *out,
	     const struct sml_login *l)
{
	int code = login_code(l->verdict);
	struct sml_chal chal = { 0 };
	bool challenge = code == 401 || code == 407;
	char user[201];
	char dev[201];

	log_line(c->srv->log, LOG_LVL_INFO,
		 "event=login-refused peer=%.*s user=\"%s\" dev=\"%s\": %s",
		 SLICE_ARG(c->rq->peer), log_quote(l->user, user, sizeof(user)),
		 log_quote(out->dev_id, dev, sizeof(dev)), l->why);
	out->note = slice_c(l->why);
	if (challenge &&
	    sml_login_challenge(c->srv, c->a, l, c->msg->hdr.source, &chal,
				&c->e) < 0) {
		failed(c, out);
		return;
	}
	refuse(c, out, code, challenge ? &chal : NULL, SLICE_LIT(""));
}

static void
refuse_entry(struct sml_ctx *c, struct sml_reply *out, enum sml_entry how)
{
	switch (how) {
	case SML_ENTER_STALE:
		out->note = SLICE_LIT("a message older than the last one: "
				      "nothing done");
		refuse(c, out, 400, NULL, SLICE_LIT(""));
		return;
	case SML_ENTER_GAP:
		out->note = SLICE_LIT("message out of order: session ended");
		refuse(c, out, 400, NULL, SLICE_LIT(""));
		return;
	case SML_ENTER_DISABLED:
		out->note = SLICE_LIT("account or device is disabled");
		refuse(c, out, 403, NULL, SLICE_LIT(""));
		return;
	case SML_ENTER_CROWDED:
		out->note = SLICE_LIT("too many open sessions of the account");
		refuse(c, out, 503, NULL, SLICE_LIT(""));
		return;
	case SML_ENTER_EXPIRED:
	case SML_ENTER_LATE:
	case SML_ENTER_GO:
	case SML_ENTER_DUPLICATE:
	case SML_ENTER_UNPROVEN:
		break;
	}
	out->note = SLICE_LIT("the session has expired");
	refuse(c, out, 408, NULL, SLICE_LIT(""));
}

/* ---- the transaction
 * ---------------------------------------------------------------- */

static int
send_stored(struct sml_ctx *c, struct sml_reply *out, bool *sent)
{
	struct slice *stored = NULL;

	*sent = false;
	if (c->tx->v->answer_get(c->tx, c->a, c->row.id, &stored, &c->e) < 0)
		return -1;
	if (stored == NULL)
		return 0;
	/* The header of that answer comes out the same again. */
	if (sml_state_load(c->a, c->row.state, &c->s, &c->e) == 0) {
		if (sml_own_mac(c, *stored, &out->mac) < 0)
			return -1;
	} else if (c->e.code != ERR_NOTFOUND) {
		return -1;
	}
	out->duplicate = true;
	out->note = SLICE_LIT("the same message again: the stored answer");
	answer(c, out, *stored);
	*sent = true;
	return 0;
}

/* A piece of an answer that found no memory may only have been left out. */
int
sml_memory_came(struct sml_ctx *c)
{
	if (arena_refused(c->a) + arena_refused(c->scratch) == c->refused)
		return 0;
	return err_set(&c->e, ERR_NOMEM, "server.memory",
		       "memory ran short on the way");
}

/* A message out of order ends its session; the map repairs. */
static int
end_session(struct sml_ctx *c)
{
	struct err e = { .code = ERR_NONE };

	c->row.closed = true;
	c->row.failed = 1;
	c->row.state = SLICE_LIT(""); /* its numbers mean nothing now */
	c->row.verdict = SLICE_LIT("ended: a message came out of order");
	if (c->tx->v->session_put(c->tx, &c->row, NULL, &e) < 0) {
		c->e = e;
		return -1;
	}
	return c->tx->v->commit(&c->tx, &c->e);
}

static void
note_done(struct sml_ctx *c, struct sml_reply *out)
{
	out->user = c->acc.user;
	out->items_in = c->items_in;
	out->items_out = c->items_out;
	out->session_began = c->fresh;
	out->session_ended = c->row.closed && !c->was_closed;
	out->note = arena_printf(c->a, "msg %lld: in %u out %u; %.*s",
				 (long long)c->msgid, c->items_in, c->items_out,
				 SLICE_ARG(c->row.verdict));
}

/* The next nonce; and who must send credentials each time is told so. */
static int
header_challenge(struct sml_ctx *c, const struct sml_login *login)
{
	enum sml_auth scheme = login != NULL ? login->scheme : c->s.scheme;

	if (!c->s.auth_every && (login == NULL || scheme == SML_AUTH_BASIC))
		return 0;
	if (sml_login_next(c->a, scheme, c->dev.nonce, &c->hdr_chal) < 0)
		return err_set(&c->e, ERR_NOMEM, "server.chal",
			       "no memory for a challenge");
	return 0;
}

/* Committed: now others may hear of it. */
static void
tell_mail(struct sml_ctx *c, struct sml_reply *out)
{
	unsigned words = c->mail_words | (c->effects > 0 ? SML_MAIL_WORK : 0);

	if (words != 0 && c->srv->mail != NULL)
		c->srv->mail(c->srv->mail_ctx, c->acc.id, words);
	if (c->mail_waits)
		out->mail = c->acc.id;
}

static int
work(struct sml_ctx *c, const struct sml_place *at,
     const struct sml_login *login, struct sml_reply *out)
{
	enum sml_entry how;
	struct slice body;
	bool sent;

	if (sml_session_enter(c, at, login, &how) < 0)
		return -1;
	if (how == SML_ENTER_DUPLICATE) {
		if (send_stored(c, out, &sent) < 0)
			return -1;
		if (!sent)
			refuse_entry(c, out, SML_ENTER_EXPIRED);
		return 0;
	}
	/* A phone may keep our RespURI and begin there: it is challenged. */
	if (login == NULL &&
	    (how == SML_ENTER_UNPROVEN ||
	     (how == SML_ENTER_EXPIRED && (has_proof(c) || c->msgid == 1)))) {
		c->login_wanted = true;
		return 0;
	}
	if (how == SML_ENTER_GAP && end_session(c) < 0)
		return -1;
	if (how != SML_ENTER_GO && how != SML_ENTER_LATE) {
		refuse_entry(c, out, how);
		return 0;
	}
	if (sml_alert_creds_due(c)) {
		c->alerts_wanted = true;
		return 0;
	}
	if (sml_alert_commit(c) < 0 || header_challenge(c, login) < 0 ||
	    sml_session_run(c, &body) < 0 || sml_session_leave(c, &body) < 0 ||
	    sml_own_mac(c, body, &out->mac) < 0 || sml_memory_came(c) < 0 ||
	    c->tx->v->commit(&c->tx, &c->e) < 0)
		return -1;
	tell_mail(c, out);
	answer(c, out, body);
	note_done(c, out);
	return 0;
}

static void
transact(struct sml_ctx *c, int64_t account, const struct sml_place *at,
	 const struct sml_login *login, struct sml_reply *out)
{
	struct store *st = c->srv->store;

	/* It may be the second time: nothing of the first one counts. */
	c->story_n = 0;
	c->dev_dirty = c->fresh = c->login_wanted = c->alerts_wanted = false;
	c->effects = 0;
	c->mail_words = 0;
	c->mail_waits = false;
	c->folder_read = c->dirs_read = false;
	c->dir_n = 0;
	c->dir_link = 0;
	if (st->v->begin(st, account, STORE_WRITE, c->now, &c->tx, &c->e) < 0) {
		if (c->e.code != ERR_NOTFOUND)
			failed(c, out);
		else if (login == NULL && (has_proof(c) || c->msgid == 1))
			c->login_wanted = true;
		else
			refuse_entry(c, out, SML_ENTER_EXPIRED);
		return;
	}
	if (work(c, at, login, out) < 0) {
		if (c->e.code == ERR_AUTH && login != NULL) {
			struct sml_login lost = *login;

			lost.verdict = SML_LOGIN_WRONG;
			lost.why = "its nonce was used meanwhile";
			if (lost.nonce_floor_ms < lost.nonce_issued_ms)
				lost.nonce_floor_ms = lost.nonce_issued_ms;
			refuse_login(c, out, &lost);
		} else {
			failed(c, out);
		}
	}
	if (c->tx != NULL)
		c->tx->v->rollback(&c->tx);
}

/* Does a session that the store knows need no credentials now? */
static bool
session_suffices(const struct sml_ctx *c, const struct sml_place *at)
{
	if (at->duplicate)
		return true;
	if (at->by_token)
		return c->msgid > 1 || !has_proof(c);
	return at->account != 0 && !has_proof(c);
}

/* The transaction, and once more when credentials in Alerts turn up in it:
   they are looked at outside. */
static void
handle(struct sml_ctx *c, int64_t account, const struct sml_place *at,
       const struct sml_login *login, struct sml_reply *out)
{
	int version = c->s.version;

	transact(c, account, at, login, out);
	if (c->alerts_wanted) {
		c->s.version = version;
		if (sml_alert_creds(c) < 0) {
			failed(c, out);
			return;
		}
		transact(c, account, at, login, out);
	}
	c->s.version = version;
}

/*
 * Who is it? The header says so, or the first Alert whose credentials are
 * right (SE K700i).
 */
static int
log_in(struct sml_ctx *c, struct sml_login *out)
{
	struct sml_login_in in = sml_proof(c, &c->msg->hdr.cred);

	in.mac = c->rq->mac;
	if (in.mac.n > 0 || in.cred->present || !sml_alert_creds_due(c))
		return sml_login(c->srv, c->a, &in, out, &c->e);
	if (sml_alert_creds(c) < 0)
		return -1;
	*out = c->alert_cred[0].login;
	for (size_t i = 0; i < c->alert_cred_n; i++) {
		if (c->alert_cred[i].login.verdict != SML_LOGIN_OK)
			continue;
		*out = c->alert_cred[i].login;
		c->alert_cred[i].session = true;
		break;
	}
	return 0;
}

/* The session's token from one hand, the credentials from another. */
static int
token_ok(struct sml_ctx *c, const struct sml_place *at, bool *ok)
{
	struct sml_login_in in = sml_proof(c, credentials(c->msg));
	char dev[201];
	bool foreign;

	*ok = true;
	in.mac = c->rq->mac;
	if (!has_proof(c))
		return 0;
	if (sml_token_foreign(c, at, &in, &foreign) < 0)
		return -1;
	*ok = !foreign;
	if (foreign)
		log_line(c->srv->log, LOG_LVL_WARN,
			 "event=token-foreign peer=%.*s dev=\"%s\" "
			 "account=%lld: the credentials are another account's",
			 SLICE_ARG(c->rq->peer),
			 log_quote(c->msg->hdr.source, dev, sizeof(dev)),
			 (long long)at->account);
	return 0;
}

static void
dispatch(struct sml_ctx *c, struct sml_reply *out)
{
	struct sml_login login = { .verdict = SML_LOGIN_WRONG,
				   .why = "another account's session" };
	struct sml_place at;
	bool ok;

	if (sml_place_find(c, &at) < 0 || token_ok(c, &at, &ok) < 0) {
		failed(c, out);
		return;
	}
	if (!ok) {
		refuse_login(c, out, &login);
		return;
	}
	if (session_suffices(c, &at)) {
		handle(c, at.account, &at, NULL, out);
		if (!c->login_wanted)
			return;
	}
	if (log_in(c, &login) < 0) {
		failed(c, out);
		return;
	}
	out->user = login.user;
	if (login.verdict != SML_LOGIN_OK) {
		if (login.verdict == SML_LOGIN_MISSING &&
		    c->scheme_due != SML_AUTH_NONE)
			login.scheme = c->scheme_due;
		refuse_login(c, out, &login);
		return;
	}
	at.by_token = at.by_token && at.account == login.account;
	handle(c, login.account, &at, &login, out);
}

static struct slice
not_readable(struct arena *a, const struct err *e)
{
	struct slice s = arena_printf(
	    a, "This is not a SyncML message that can be read: %s.\n", e->msg);

	return s.p == NULL ? SLICE_LIT("malformed\n") : s;
}

static int
read_message(struct sml_ctx *c, enum sml_enc enc, struct sml_msg **msg)
{
	const struct sml_request *rq = c->rq;
	char dev[201];
	int r;

	if (enc != SML_XML)
		return sml_msg_read(c->a, enc, rq->body, NULL, msg, &c->e);
	r = sml_msg_read_mended(c->a, rq->content_type, rq->body, msg, &c->e);
	if (r != 1)
		return r;
	log_line(c->srv->log, LOG_LVL_INFO,
		 "event=message-mended peer=%.*s dev=\"%s\": %s",
		 SLICE_ARG(rq->peer),
		 log_quote((*msg)->hdr.source, dev, sizeof(dev)), c->e.msg);
	c->e = (struct err){ .code = ERR_NONE };
	return 0;
}

/* false: it is no message; that was answered. */
static bool
decode(struct sml_ctx *c, struct sml_reply *out)
{
	struct sml_msg *msg;
	enum sml_enc enc;

	if (!sml_enc_detect(c->rq->content_type, c->rq->body, &enc)) {
		/* The type is one of ours, the bytes are not. */
		bool bytes = slice_starts_nocase(c->rq->content_type,
						 "application/vnd.syncml");

		out->note = bytes ? SLICE_LIT("neither XML nor WBXML")
				  : SLICE_LIT("not a SyncML content type");
		plain(out, bytes ? 400 : 415,
		      SLICE_LIT("This address takes SyncML messages only.\n"));
		return false;
	}
	if (read_message(c, enc, &msg) < 0) {
		if (c->e.code == ERR_NOMEM) {
			failed(c, out);
			return false;
		}
		out->note = arena_copy(c->a, slice_c(c->e.msg));
		plain(out, c->e.code == ERR_LIMIT ? 413 : 400,
		      not_readable(c->a, &c->e));
		return false;
	}
	c->msg = msg;
	out->dev_id = msg->hdr.source;
	out->sid = msg->hdr.sid;
	return true;
}

static struct arena *
scratch_new(const struct sml_server_conf *conf)
{
	size_t n = (size_t)conf->max_obj_bytes * SML_ARENA_OBJECTS;

	return arena_new(n > SML_ARENA_BYTES_MAX ? n : SML_ARENA_BYTES_MAX);
}

/* A try begins with nothing but the message: what the one before it did to
   this struct does not count. */
static void
start_try(struct sml_ctx *c, struct sml_reply *out)
{
	const struct sml_server *srv = c->srv;
	const struct sml_request *rq = c->rq;
	const struct sml_msg *msg = c->msg;
	struct arena *a = c->a;
	struct arena *scratch = c->scratch;
	unsigned tries = c->tries;
	int64_t came_ms = c->came_ms;

	if (tries > 0)
		memset(c, 0, sizeof(*c));
	c->srv = srv;
	c->rq = rq;
	c->a = a;
	c->scratch = scratch;
	c->msg = msg;
	c->tries = tries + 1;
	c->refused = arena_refused(a) + arena_refused(scratch);
	c->now = srv->clk->now_ms(srv->clk);
	c->came_ms = tries > 0 ? came_ms : c->now;
	*out = (struct sml_reply){ .dev_id = out->dev_id,
				   .sid = out->sid,
				   .tries = c->tries };
}

static bool
once_more(struct sml_ctx *c, struct sml_reply *out)
{
	char dev[201];

	if (!c->again)
		return false;
	if (!c->srv->again(c->srv->again_ctx, c->tries)) {
		give_up(c, out);
		return false;
	}
	log_line(c->srv->log, LOG_LVL_INFO,
		 "event=message-again peer=%.*s dev=\"%s\" tries=%u "
		 "where=%s: %s",
		 SLICE_ARG(c->rq->peer),
		 log_quote(out->dev_id, dev, sizeof(dev)), c->tries,
		 c->e.where == NULL ? "?" : c->e.where, c->e.msg);
	return true;
}

void
sml_server_handle(const struct sml_server *srv, struct arena *a,
		  const struct sml_request *rq, struct sml_reply *out)
{
	struct sml_ctx *c = ARENA_NEW(a, struct sml_ctx);
	struct arena *scratch = scratch_new(srv->conf);
	struct arena_mark decoded;

	*out = (struct sml_reply){ .tries = 1 };
	if (c == NULL || scratch == NULL) {
		out->retry_after_s = RETRY_S;
		plain(out, 503, SLICE_LIT("The server is out of memory.\n"));
		arena_free(&scratch);
		return;
	}
	c->srv = srv;
	c->rq = rq;
	c->a = a;
	c->scratch = scratch;
	if (decode(c, out)) {
		decoded = arena_mark(a);
		do {
			arena_rewind(a, decoded);
			arena_reset(scratch);
			start_try(c, out);
			if (header(c, out))
				dispatch(c, out);
		} while (once_more(c, out));
	}
	arena_free(&scratch);
}
