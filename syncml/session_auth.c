/*
 * Proof inside a session, both ways: credentials that stand in an Alert and
 * count for that database only, and our own towards a device that challenges
 * us.
 *
 * Ours are the server's name (server_id) and the secret that the device itself
 * logged in with, where that is kept so that it can be had (--md5). Only as a
 * digest, never as basic: who holds a stolen session must not be told a secret.
 * And never under the account's own name: the digest could be played back to
 * us as the device's.
 */
#include "syncml/session.h"

#include "base/digest.h"

enum { OWN_TRIES_MAX = 2, OWN_NONCE_BYTES_MAX = 255 };

struct sml_login_in
sml_proof(const struct sml_ctx *c, const struct sml_cred *cred)
{
	return (struct sml_login_in){
		.cred = cred,
		.body = c->rq->body,
		.user_hint = c->msg->hdr.source_name,
		.dev_id = c->msg->hdr.source,
		.peer = c->rq->peer,
		.version = c->s.version,
	};
}

/* ---- credentials in Alerts --------------------------------------------- */

static struct sml_alert_cred *
alert_cred(struct sml_ctx *c, const struct sml_cmd *cmd)
{
	for (size_t i = 0; i < c->alert_cred_n; i++) {
		if (c->alert_cred[i].cmd == cmd)
			return &c->alert_cred[i];
	}
	return NULL;
}

bool
sml_alert_creds_due(const struct sml_ctx *c)
{
	for (size_t i = 0; !c->alerts_read && i < c->msg->cmd_n; i++) {
		if (c->msg->cmds[i].tag == SML_ALERT &&
		    c->msg->cmds[i].cred.present)
			return true;
	}
	return false;
}

int
sml_alert_creds(struct sml_ctx *c)
{
	for (size_t i = 0; i < c->msg->cmd_n; i++) {
		const struct sml_cmd *cmd = &c->msg->cmds[i];
		struct sml_login_in in = sml_proof(c, &cmd->cred);
		struct sml_alert_cred *ac;

		if (cmd->tag != SML_ALERT || !cmd->cred.present ||
		    alert_cred(c, cmd) != NULL)
			continue;
		if (c->alert_cred_n == SML_CREDS_MAX)
			break;
		ac = &c->alert_cred[c->alert_cred_n];
		ac->cmd = cmd;
		if (sml_login(c->srv, c->a, &in, &ac->login, &c->e) < 0)
			return -1;
		c->alert_cred_n++;
	}
	c->alerts_read = true;
	return 0;
}

static bool
uses_nonce(const struct sml_login *l)
{
	return l->scheme == SML_AUTH_MD5;
}

/* Those of another account open nothing in this one's session. */
static bool
fits_here(const struct sml_ctx *c, const struct sml_login *l)
{
	return l->verdict == SML_LOGIN_OK && l->account == c->tx->account;
}

int
sml_alert_commit(struct sml_ctx *c)
{
	for (size_t i = 0; i < c->alert_cred_n; i++) {
		struct sml_alert_cred *ac = &c->alert_cred[i];
		/* One message may use one nonce several times: what counts is
		   that none was used before it. */
		struct store_device dev = c->dev_before;

		if (ac->session || !fits_here(c, &ac->login) ||
		    !uses_nonce(&ac->login))
			continue;
		if (sml_login_commit(c->srv, c->tx, c->a, &ac->login, &dev,
				     &c->e) < 0) {
			if (c->e.code != ERR_AUTH)
				return -1;
			ac->login.verdict = SML_LOGIN_WRONG;
			ac->login.why = "its nonce was used meanwhile";
			continue;
		}
		c->dev.nonce = dev.nonce;
		if (c->dev.nonce_floor_ms < dev.nonce_floor_ms)
			c->dev.nonce_floor_ms = dev.nonce_floor_ms;
		c->dev_dirty = true;
	}
	return 0;
}

static int
code_of(enum sml_login_verdict v)
{
	switch (v) {
	case SML_LOGIN_FORBIDDEN:
		return 403;
	case SML_LOGIN_SCHEME:
		return 406;
	case SML_LOGIN_FORMAT:
		return 415;
	case SML_LOGIN_NODATA:
		return 400;
	case SML_LOGIN_OK: /* of another account */
	case SML_LOGIN_MISSING:
	case SML_LOGIN_WRONG:
		break;
	}
	return 401;
}

static int
refuse_alert(struct sml_ctx *c, const struct sml_cmd *cmd,
	     const struct sml_login *l)
{
	const struct sml_item *it = cmd->item_n > 0 ? &cmd->items[0] : NULL;
	int code = l == NULL ? 401 : code_of(l->verdict);
	const char *why = l == NULL ? "too many credentials in one message"
			  : l->verdict == SML_LOGIN_OK ? "another account's"
						       : l->why;
	const struct sml_login ask = {
		.scheme = l == NULL ? SML_AUTH_BASIC : l->scheme,
		.nonce_floor_ms = c->dev.nonce_floor_ms,
	};
	struct sml_status *st;

	sml_tell(c, '=', "credentials for %.*s refused (%d): %s",
		 SLICE_ARG(it == NULL ? SLICE_LIT("an alert") : it->target),
		 code, why);
	log_line(c->srv->log, LOG_LVL_INFO,
		 "event=login-refused peer=%.*s account=%lld in=alert: %s",
		 SLICE_ARG(c->rq->peer), (long long)c->tx->account, why);
	if (sml_status_all(c, cmd, code) < 0)
		return -1;
	st = cmd->noresp ? NULL : sml_status_last(c);
	if (st == NULL || code != 401)
		return 0;
	return sml_login_challenge(c->srv, c->a, &ask, c->dev.dev_id, &st->chal,
				   &c->e);
}

int
sml_alert_enter(struct sml_ctx *c, const struct sml_cmd *cmd, bool *go)
{
	const struct sml_alert_cred *ac = alert_cred(c, cmd);

	*go = !cmd->cred.present || (ac != NULL && fits_here(c, &ac->login));
	if (*go)
		return 0;
	return refuse_alert(c, cmd, ac == NULL ? NULL : &ac->login);
}

int
sml_alert_leave(struct sml_ctx *c, const struct sml_cmd *cmd)
{
	const struct sml_alert_cred *ac = alert_cred(c, cmd);
	struct sml_status *st = cmd->noresp ? NULL : sml_status_last(c);

	if (ac == NULL || st == NULL || !uses_nonce(&ac->login))
		return 0;
	if (sml_login_next(c->a, ac->login.scheme, c->dev.nonce, &st->chal) < 0)
		return err_set(&c->e, ERR_NOMEM, "alert.chal",
			       "no memory for a challenge");
	return 0;
}

/* ---- who we are -------------------------------------------------------- */

static struct slice
own_name(const struct sml_ctx *c)
{
	return c->srv->conf->devid;
}

/* The credential that the session began with, as it is now. */
static int
session_cred(struct sml_ctx *c, const struct store_cred **out)
{
	struct store_cred *list;
	size_t n;

	*out = NULL;
	if (c->tx->v->cred_list(c->tx, c->a, &list, &n, &c->e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (list[i].id == c->s.cred && list[i].sealed.n > 0)
			*out = &list[i];
	}
	return 0;
}

/* Into c->own_secret; it stays NULL where it cannot be known. */
static int
own_secret(struct sml_ctx *c)
{
	struct sml_secrets *s = c->srv->secrets;
	const struct store_cred *cred;
	struct err why = { .code = ERR_NONE };

	if (c->own_read)
		return 0;
	c->own_read = true;
	if (own_name(c).n == 0 || slice_eq_nocase(own_name(c), c->acc.user))
		return 0;
	if (session_cred(c, &cred) < 0)
		return -1;
	if (cred == NULL)
		return 0;
	if (s->unseal(s, c->a, cred->sealed, &c->own_secret, &why) == 0)
		return 0;
	c->own_secret = (struct slice){ NULL, 0 };
	log_line(c->srv->log, LOG_LVL_ERROR, "account=%lld credential=%lld: %s",
		 (long long)c->tx->account, (long long)cred->id, why.msg);
	return 0;
}

/* What that message held beside items goes out once more. */
static void
send_again(struct sml_ctx *c, int64_t msgid)
{
	bool any = false;

	for (size_t i = 0; i < c->s.sent_n; i++) {
		struct sml_sent *s = &c->s.sent[i];

		if (s->msgid != msgid || s->what != 'L')
			continue;
		s->what = 0;
		c->s.ds[s->ds].alert_sent = false;
		any = true;
	}
	if (!any)
		return;
	c->s.out_init_done = false;
	c->s.get_sent = false;
	if (c->s.told.cmdref.n > 0 && c->s.get_n == 0)
		c->s.get[c->s.get_n++] = c->s.told;
}

/* A notice proves who sends it with the last one. */
static void
keep_nonce(struct sml_ctx *c)
{
	if (digest_same(c->dev.own_nonce, c->s.own.nonce))
		return;
	c->dev.own_nonce = c->s.own.nonce;
	c->dev_dirty = true;
}

static int
challenged(struct sml_ctx *c, const struct sml_cmd *st, int code)
{
	struct sml_own *own = &c->s.own;
	enum sml_auth scheme = sml_auth_named(st->chal.type);
	struct slice nonce = SLICE_LIT("");
	int64_t msgref = 0;

	own->scheme = SML_AUTH_NONE;
	own->done = false;
	if (own_secret(c) < 0)
		return -1;
	if (++own->tries > OWN_TRIES_MAX) {
		sml_tell(c, '=',
			 "it does not believe who we are (%d): given up", code);
	} else if (!st->chal.present ||
		   (scheme != SML_AUTH_MD5 && scheme != SML_AUTH_MAC)) {
		sml_tell(c, '=',
			 "it asks who we are (%d), but not by MD5 or MAC: a "
			 "server tells its secret to nobody",
			 code);
	} else if (c->own_secret.p == NULL) {
		sml_tell(c, '=',
			 "it asks who we are (%d): that can be shown only with "
			 "a secret made for MD5",
			 code);
	} else {
		(void)sml_auth_nonce(c->a, &st->chal, &nonce);
		own->nonce =
		    nonce.n > OWN_NONCE_BYTES_MAX ? SLICE_LIT("") : nonce;
		keep_nonce(c);
		own->scheme = scheme;
		sml_tell(c, '=', "it asks who we are (%d): shown as \"%.*s\"",
			 code, SLICE_ARG(own_name(c)));
		if (slice_i64(st->msgref, &msgref))
			send_again(c, msgref);
	}
	return 0;
}

int
sml_own_statuses(struct sml_ctx *c)
{
	for (size_t i = 0; i < c->msg->cmd_n; i++) {
		const struct sml_cmd *st = &c->msg->cmds[i];
		struct slice nonce;
		uint32_t code;

		if (st->tag != SML_STATUS ||
		    !slice_is(slice_trim(st->cmdref), "0") ||
		    !slice_u32(st->data, &code))
			continue;
		if (code == 401 || code == 407)
			return challenged(c, st, (int)code);
		if (sml_auth_nonce(c->a, &st->chal, &nonce) &&
		    nonce.n <= OWN_NONCE_BYTES_MAX) {
			c->s.own.nonce = nonce;
			keep_nonce(c);
		}
		if (code == 212)
			c->s.own.done = true;
	}
	return 0;
}

int
sml_own_cred(struct sml_ctx *c, struct sml_hdr *h)
{
	const struct sml_own *own = &c->s.own;

	if (own->scheme != SML_AUTH_MD5 || own->done)
		return 0;
	if (own_secret(c) < 0)
		return -1;
	if (c->own_secret.p == NULL)
		return 0;
	h->source_name = own_name(c);
	return sml_auth_cred(c->a, SML_AUTH_MD5, own_name(c), c->own_secret,
			     own->nonce, c->s.version == 10, &h->cred, &c->e);
}

int
sml_own_mac(struct sml_ctx *c, struct slice body, struct slice *out)
{
	struct sml_mac mac;

	*out = SLICE_LIT("");
	if (c->s.scheme != SML_AUTH_MAC && c->s.own.scheme != SML_AUTH_MAC)
		return 0;
	if (own_secret(c) < 0)
		return -1;
	if (c->own_secret.p == NULL)
		return 0;
	if (sml_auth_mac(c->a, own_name(c), c->own_secret, c->s.own.nonce, body,
			 &mac, &c->e) < 0)
		return -1;
	*out = sml_auth_mac_write(c->a, &mac);
	if (out->p == NULL)
		return err_set(&c->e, ERR_NOMEM, "auth.mac",
			       "no memory for a header");
	return 0;
}
