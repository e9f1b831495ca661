#include "clients/client_int.h"

bool
cli_is_header_status(const struct sml_cmd *s)
{
	return s->tag == SML_STATUS &&
	       (slice_is(slice_trim(s->cmdref), "0") ||
		slice_is(slice_trim(s->cmd), "SyncHdr"));
}

/* ---- the header's
 * ---------------------------------------------------------------- */

static enum sml_auth
chal_scheme(const struct sml_cmd *s)
{
	return sml_auth_named(s->chal.type);
}

static int
take_nonce(struct cli *c, const struct sml_cmd *s, struct err *e)
{
	struct slice raw;

	if (!sml_auth_nonce(c->life, &s->chal, &raw))
		return 0;
	c->nonce = arena_copy(c->life, raw);
	if (c->nonce.p == NULL)
		return err_set(e, ERR_NOMEM, "client.auth", "no memory");
	c->has_nonce = true;
	return 0;
}

static int
refused(struct cli *c, const struct sml_cmd *s, int code, struct err *e)
{
	enum sml_auth want = chal_scheme(s);
	bool same = c->cred_sent && want == c->auth;

	if (c->conf->user.n == 0)
		return err_set(e, ERR_AUTH, "client.auth",
			       "the server asks for a user name");
	if (want == SML_AUTH_OTHER)
		return err_set(e, ERR_AUTH, "client.auth",
			       "the server wants %s, which we cannot do",
			       cli_show(s->chal.type).s);
	if (c->conf->auth_fixed && want != c->conf->auth)
		return err_set(e, ERR_AUTH, "client.auth",
			       "the server wants another way to log in than "
			       "--auth allows");
	/* Basic does not get better by repeating; a digest with a new nonce
	   may. */
	if (++c->tries >= CLI_AUTH_TRIES ||
	    (same && (want == SML_AUTH_BASIC || c->tries > 1)))
		return err_set(e, ERR_AUTH, "client.auth",
			       "the server does not accept user and password "
			       "(%d)",
			       code);
	if (!s->chal.present && c->cred_sent)
		return err_set(e, ERR_AUTH, "client.auth",
			       "the server does not accept user and password "
			       "(%d, no challenge)",
			       code);
	c->auth = want;
	c->authed = false;
	c->again = true;
	cli_say(c, '=', "logging in with %s",
		want == SML_AUTH_MD5   ? "MD5"
		: want == SML_AUTH_MAC ? "MAC"
				       : "basic");
	return 0;
}

/* 505 and 513: try the next lower version from the start. */
static int
wrong_version(struct cli *c, int code, struct err *e)
{
	if (c->doc.version <= 10 || c->phase != CLI_P_INIT)
		return err_set(e, ERR_UNSUPPORTED, "client.version",
			       "the server speaks none of our versions (%d)",
			       code);
	c->doc.version--;
	c->restart = true;
	c->devinf_hash = 0;
	cli_say(c, '=', "the server does not speak this version, trying 1.%d",
		c->doc.version - 10);
	return 0;
}

int
cli_on_header_status(struct cli *c, const struct sml_cmd *s, struct err *e)
{
	int64_t code = 0;

	if (!slice_i64(s->data, &code))
		return 0;
	if (take_nonce(c, s, e) != 0)
		return -1;
	if (code == 401 || code == 407)
		return refused(c, s, (int)code, e);
	if (code == 212)
		c->authed = true;
	if (code >= 200 && code < 300)
		return 0;
	if (code == 505 || code == 513)
		return wrong_version(c, (int)code, e);
	if (code == 101 || code == 417 || code == 503 || code == 408)
		return err_set(e, ERR_UNAVAILABLE, "client.header",
			       "the server is busy (%d %s)", (int)code,
			       cli_status_text((int)code));
	return err_set(e, code == 403 ? ERR_AUTH : ERR_PARSE, "client.header",
		       "the server refuses the session (%d %s)", (int)code,
		       cli_status_text((int)code));
}

/* ---- those of commands
 * --------------------------------------------------------------- */

static void
on_change_status(struct cli *c, const struct cli_sent *s, int code)
{
	struct cli_db *db = s->run->db;
	bool gone =
	    s->op == CLI_DELETE && (code == 404 || code == 410 || code == 211);

	if (s->chunk) {
		/* 213: go on. A refusal ends this object. */
		if (code < 300 || !s->run->chunking)
			return;
		s->run->chunking = s->run->have = false;
	} else if (cli_code_ok(code) || gone) {
		if (s->op == CLI_ADD)
			db->sent.add++;
		else if (s->op == CLI_REPLACE)
			db->sent.replace++;
		else
			db->sent.del++;
		db->ops->sent(db, s->luid, gone ? 200 : code);
		return;
	}
	db->refused++;
	cli_say(c, '=', "%s: the server refuses item %s: %d %s",
		cli_show(db->local).s, cli_show(s->luid).s, code,
		cli_status_text(code));
	db->ops->sent(db, s->luid, code);
}

static void
on_alert_status(struct cli_run *r, int code)
{
	r->alert_status = code;
	if (code < 300 || code == 508)
		return;
	cli_run_fail(r, "the server refuses it: %d %s", code,
		     cli_status_text(code));
}

static void
on_sync_status(struct cli_run *r, int code)
{
	if (code < 300)
		return;
	cli_run_fail(r, "the server could not sync it: %d %s", code,
		     cli_status_text(code));
}

static int
on_answer(struct cli *c, const struct cli_sent *s, int code, struct err *e)
{
	struct cli_run *r = s->run;

	if (s->tag == SML_PUT || s->tag == SML_RESULTS) {
		if (code < 300)
			c->devinf_known = c->devinf_hash;
		return 0;
	}
	if (r == NULL)
		return 0;
	if (s->tag == SML_ALERT)
		on_alert_status(r, code);
	else if (s->tag == SML_SYNC)
		on_sync_status(r, code);
	else if (s->tag == SML_MAP && code < 300)
		return r->db->ops->mapped(r->db, &r->maps[s->map_from],
					  s->map_n, e);
	else if (s->tag == SML_MAP)
		cli_say(c, '=', "%s: the server refuses a Map: %d %s",
			cli_show(r->db->local).s, code, cli_status_text(code));
	else
		on_change_status(c, s, code);
	return 0;
}

int
cli_on_status(struct cli *c, const struct sml_cmd *st, struct err *e)
{
	int64_t msgref = 0, cmdref = 0, code = 0;
	struct cli_out *m = c->out;

	if (cli_is_header_status(st))
		return 0; /* done before all others */
	if (!slice_i64(st->cmdref, &cmdref) || !slice_i64(st->data, &code))
		return 0;
	if (!slice_i64(st->msgref, &msgref))
		msgref = c->msgid;
	while (m != NULL && m->msgid != msgref)
		m = m->next;
	if (m == NULL || cmdref < 2 || (size_t)cmdref >= m->sent_n)
		return 0;
	struct cli_sent *s = &m->sent[cmdref];
	if (s->tag == SML_UNKNOWN || code < 200)
		return 0;
	struct cli_sent copy = *s;
	s->tag = SML_UNKNOWN;
	m->waiting--;
	return on_answer(c, &copy, (int)code, e);
}
