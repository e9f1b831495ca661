/* Logins: the account's own words, the site's behind them. */
#include "server/mail/inside.h"

#include "server/outlets.h"
#include "server/secrets.h"

#include <sodium.h>

static const char where[] = "mail.login";

const struct srv_mail_key srv_mail_keys[] = {
	{ "on", "yes or no", "whether the mailbox is looked at" },
	{ "host", "a name", "IMAP server, as its certificate names it" },
	{ "port", "a number", "its port" },
	{ "security", "tls, starttls or none", "how the line is kept private" },
	{ "user", "a name", "at the IMAP server; else the account's own" },
	{ "password", "a password",
	  "at the IMAP server, kept encrypted; else "
	  "the site's master user logs in" },
	{ "addresses", "addresses, blanks between",
	  "whom this account may send as; the first one is its sender" },
	{ "folders", "names, commas between",
	  "folders that devices see besides INBOX: mail/NAME" },
	{ "days", "a number", "how far back mail is kept ready; 0: all" },
	{ "count", "a number", "how many mails of each folder; 0: all" },
	{ "cap", "bytes",
	  "of a longer mail the rest comes when it is asked "
	  "for; 0: never cut" },
	{ NULL, NULL, NULL },
};

const char *
srv_mail_health_name(enum store_mail_health h)
{
	switch (h) {
	case STORE_MAIL_NEW:
		break;
	case STORE_MAIL_OK:
		return "ok";
	case STORE_MAIL_AWAY:
		return "away";
	case STORE_MAIL_REFUSED:
		return "refused";
	}
	return "new";
}

const char *
srv_mail_role_name(enum store_mail_role r)
{
	switch (r) {
	case STORE_MAIL_NONE:
		break;
	case STORE_MAIL_INBOX:
		return "inbox";
	case STORE_MAIL_SENT:
		return "sent";
	case STORE_MAIL_DRAFTS:
		return "drafts";
	case STORE_MAIL_TRASH:
		return "trash";
	case STORE_MAIL_OUTBOX:
		return "outbox";
	}
	return "";
}

static enum store_mail_security
security_of(struct slice word)
{
	return slice_is_nocase(word, "tls")        ? STORE_MAIL_TLS
	       : slice_is_nocase(word, "starttls") ? STORE_MAIL_STARTTLS
	       : slice_is_nocase(word, "none")     ? STORE_MAIL_PLAIN
						   : 0;
}

/* ---- the site's part ----------------------------------------------------- */

int
srv_mail_env_open(struct srv_mail_env *env, struct err *e)
{
	const struct srv_conf *c = env->conf;

	env->trust = NULL;
	if (security_of(slice_c(c->imap_security)) == 0)
		return err_set(e, ERR_CONFIG, where,
			       "imap_security must be tls, starttls or none");
	if (c->mail_archive[0] != '\0' &&
	    !submit_address_ok(slice_c(c->mail_archive)))
		return err_set(e, ERR_CONFIG, where,
			       "mail_archive is no mail address");
	if (srv_outlets_secret("imap_master_password_file",
			       c->imap_master_password_file, env->master_secret,
			       e) < 0)
		return -1;
	if (c->imap_master_user[0] != '\0' && env->master_secret[0] == '\0')
		return err_set(e, ERR_CONFIG, where,
			       "imap_master_user needs "
			       "imap_master_password_file");
	return mbox_trust_open(c->imap_ca_file, &env->trust, e);
}

void
srv_mail_env_close(struct srv_mail_env *env)
{
	mbox_trust_close(&env->trust);
	sodium_memzero(env->master_secret, sizeof(env->master_secret));
}

int
srv_mail_effective(const struct srv_mail_env *env, struct arena *a,
		   struct slice account_user,
		   const struct store_mail_login *own,
		   struct store_mail_login *out, struct err *e)
{
	const struct srv_conf *c = env->conf;

	(void)a;
	*out = *own;
	if (out->host.n == 0)
		out->host = slice_c(c->imap_host);
	/* A server of one's own has nothing to do with the site's port. */
	if (out->port == 0 && own->host.n == 0)
		out->port = c->imap_port;
	if (out->security == 0)
		out->security = own->host.n > 0
				    ? STORE_MAIL_TLS
				    : security_of(slice_c(c->imap_security));
	if (out->user.n == 0)
		out->user = account_user;
	out->master = out->sealed.n == 0;
	if (out->days < 0)
		out->days = c->mail_days;
	if (out->count < 0)
		out->count = c->mail_count;
	if (out->cap < 0)
		out->cap = c->mail_cap_bytes;
	if (out->host.n == 0)
		return err_set(
		    e, ERR_CONFIG, where,
		    "no IMAP server is named: set host, or imap_host "
		    "in the configuration");
	/* The site's master password is for the site's server only. */
	if (out->master && (c->imap_master_user[0] == '\0' || own->host.n > 0))
		return err_set(e, ERR_CONFIG, where,
			       "there is no password, and no master user that "
			       "would do without");
	return 0;
}

int
srv_mail_connect(const struct srv_mail_env *env, struct arena *a,
		 const struct store_mail_login *l,
		 const struct srv_mail_wait *w, struct mbox **out,
		 struct err *e)
{
	struct sml_secrets *s = &env->secrets->s;
	struct mbox_conf conf = {
		.host = arena_cstr(a, l->host),
		.port = l->port,
		.tls = (enum mbox_tls)l->security,
		.allow_plain = env->conf->imap_allow_plain,
		.trust = env->trust,
		.user = arena_cstr(a, l->user),
		.master = l->master ? env->conf->imap_master_user : "",
		.secret = env->master_secret,
		.wake = w->wake,
		.give_up = w->give_up,
		.ctx = w->ctx,
	};
	struct slice clear = { NULL, 0 };
	char *own = NULL;
	int rc;

	_Static_assert((int)MBOX_TLS == (int)STORE_MAIL_TLS, "tls");
	_Static_assert((int)MBOX_STARTTLS == (int)STORE_MAIL_STARTTLS, "tls");
	_Static_assert((int)MBOX_PLAIN == (int)STORE_MAIL_PLAIN, "tls");
	*out = NULL;
	if (!l->master) {
		if (s->unseal(s, a, l->sealed, &clear, e) < 0)
			return -1;
		own = arena_cstr(a, clear);
		conf.secret = own;
	}
	if (conf.host == NULL || conf.user == NULL || conf.secret == NULL)
		return mail_no_memory(e);
	rc = mbox_open(&conf, out, e);
	if (own != NULL)
		sodium_memzero(own, strlen(own));
	return rc;
}
