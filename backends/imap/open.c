/* A connection from its first byte to the login, and its end. */
#include "backends/imap/int.h"

#include "base/clock.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

enum { SASL_MAX = 1024, SERVER_MAX = 300 };

int
mbox_trust_open(const char *ca_file, struct mbox_trust **out, struct err *e)
{
	struct mbox_trust *t = calloc(1, sizeof(*t));

	*out = NULL;
	if (t == NULL)
		return err_set(e, ERR_NOMEM, "imap", "out of memory");
	if (tls_line_trust(ca_file, &t->cred, e) < 0) {
		free(t);
		return -1;
	}
	*out = t;
	return 0;
}

void
mbox_trust_close(struct mbox_trust **t)
{
	if (*t == NULL)
		return;
	gnutls_certificate_free_credentials((*t)->cred);
	free(*t);
	*t = NULL;
}

/* ---- TLS ----------------------------------------------------------------- */

static int
tls(struct mbox *m, struct err *e)
{
	struct tls_wait w = imap_wait(m);
	struct err own = { .code = ERR_NONE };

	if (m->conf.trust == NULL)
		return err_set(e, ERR_BUG, "imap", "no certificates to trust");
	if (tls_line_tls_by(&m->l, m->conf.host, m->conf.trust->cred, &w,
			    &own) == 0)
		return 0;
	/* A certificate that does not fit is no wrong password. */
	if (own.code == ERR_AUTH)
		own.code = ERR_CONFIG;
	if (e != NULL)
		*e = own;
	return -1;
}

static int
starttls(struct mbox *m, struct err *e)
{
	struct imap_ask q = { .a = NULL };
	int rc = imap_command(m, &q, "CAPABILITY");

	if (imap_ended(m, rc, &q, ERR_PARSE, "CAPABILITY", e) < 0)
		return -1;
	if (!m->starttls)
		return err_set(e, ERR_CONFIG, "imap",
			       "the server offers no STARTTLS");
	rc = imap_command(m, &q, "STARTTLS");
	if (imap_ended(m, rc, &q, ERR_CONFIG, "STARTTLS", e) < 0)
		return -1;
	/* What came before TLS and was not asked for is not of the server. */
	if (imap_buffered(m))
		return err_set(e, ERR_CONFIG, "imap",
			       "somebody put bytes in front of STARTTLS");
	return tls(m, e);
}

static int
greeting(struct mbox *m, struct err *e)
{
	enum imap_got got;

	if (imap_talk(m) < 0 || imap_answer(m, &got) < 0)
		return imap_died(m, e);
	if (got != IMAP_GOT_UNTAGGED || m->said_bye)
		return err_set(e, ERR_UNAVAILABLE, "imap",
			       "the server does not want to talk now");
	return 0;
}

static int
connect_to(struct mbox *m, struct err *e)
{
	const struct mbox_conf *c = &m->conf;
	struct tls_wait w = imap_wait(m);
	char server[SERVER_MAX], port[8];
	int64_t p = c->port > 0 ? c->port : c->tls == MBOX_TLS ? 993 : 143;
	bool six = strchr(c->host, ':') != NULL && c->host[0] != '[';

	if (p > 65535 || strlen(c->host) > 255)
		return err_set(e, ERR_CONFIG, "imap", "\"%.100s\" is no server",
			       c->host);
	(void)snprintf(port, sizeof(port), "%d", (int)p);
	(void)snprintf(server, sizeof(server), "%s%s%s:%s", six ? "[" : "",
		       c->host, six ? "]" : "", port);
	if (tls_line_connect(&m->l, server, port, &w, e) < 0)
		return -1;
	if (c->tls == MBOX_PLAIN && !m->l.loopback && !c->allow_plain)
		return err_set(e, ERR_CONFIG, "imap",
			       "without TLS to a server that is not on this "
			       "machine: see imap_allow_plain");
	if (c->tls == MBOX_TLS && tls(m, e) < 0)
		return -1;
	if (greeting(m, e) < 0)
		return -1;
	return c->tls == MBOX_STARTTLS ? starttls(m, e) : 0;
}

/* ---- login --------------------------------------------------------------- */

/* authzid NUL authcid NUL password (RFC 4616) */
static int
sasl_plain(struct mbox *m, struct imap_ask *q, struct err *e)
{
	const struct mbox_conf *c = &m->conf;
	bool other = c->master[0] != '\0';
	char raw[SASL_MAX], text[SASL_MAX * 2];
	int n = snprintf(raw, sizeof(raw), "%s%c%s%c%s", other ? c->user : "",
			 '\0', other ? c->master : c->user, '\0', c->secret);
	int rc;

	if (n < 0 || (size_t)n >= sizeof(raw))
		return err_set(e, ERR_CONFIG, "imap",
			       "user and password are too long");
	(void)sodium_bin2base64(text, sizeof(text), (const unsigned char *)raw,
				(size_t)n, sodium_base64_VARIANT_ORIGINAL);
	sodium_memzero(raw, sizeof(raw));
	rc = imap_begin(m, q, 0);
	(void)imap_say(m, "AUTHENTICATE PLAIN%s", m->sasl_ir ? " " : "\r\n");
	if (rc == 0 && !m->sasl_ir)
		rc = imap_until_plus(m);
	if (rc == 0) {
		(void)imap_put(m, slice_c(text));
		rc = imap_end(m);
	}
	sodium_memzero(text, sizeof(text));
	return rc < 0 ? imap_died(m, e) : 0;
}

static int
plain_login(struct mbox *m, struct imap_ask *q, struct err *e)
{
	const struct mbox_conf *c = &m->conf;
	char user[SASL_MAX];
	int rc;

	(void)snprintf(user, sizeof(user), "%s%s%s", c->user,
		       c->master[0] == '\0' ? "" : "*", c->master);
	rc = imap_begin(m, q, 0);
	(void)imap_say(m, "LOGIN ");
	if (rc == 0)
		rc = imap_arg(m, slice_c(user));
	(void)imap_say(m, " ");
	if (rc == 0)
		rc = imap_arg(m, slice_c(c->secret));
	if (rc == 0)
		rc = imap_end(m);
	return rc < 0 ? imap_died(m, e) : 0;
}

static bool
for_a_while(const char *code)
{
	return strcmp(code, "UNAVAILABLE") == 0 || strcmp(code, "LIMIT") == 0 ||
	       strcmp(code, "INUSE") == 0 || strcmp(code, "SERVERBUG") == 0 ||
	       strcmp(code, "CONTACTADMIN") == 0;
}

static int
log_in(struct mbox *m, struct err *e)
{
	struct imap_ask q = { .a = NULL };
	int rc = imap_command(m, &q, "CAPABILITY");

	if (imap_ended(m, rc, &q, ERR_PARSE, "CAPABILITY", e) < 0)
		return -1;
	if (!m->auth_plain && m->login_disabled)
		return err_set(e, ERR_CONFIG, "imap",
			       "the server takes no password on this line: is "
			       "TLS missing?");
	rc = m->auth_plain ? sasl_plain(m, &q, e) : plain_login(m, &q, e);
	if (rc < 0)
		return -1;
	if (q.status != IMAP_OK)
		return imap_refused(
		    &q, for_a_while(q.code) ? ERR_UNAVAILABLE : ERR_AUTH,
		    "login", e);
	/* Most servers can more than they tell strangers. */
	rc = imap_command(m, &q, "CAPABILITY");
	return imap_ended(m, rc, &q, ERR_PARSE, "CAPABILITY", e);
}

/* Who we are, for the server's log; and QRESYNC, which has to be asked for. */
static int
introduce(struct mbox *m, struct err *e)
{
	struct imap_ask q = { .a = NULL };

	if (m->id && imap_command(m, &q, "ID (\"name\" \"Funicular\")") < 0)
		return imap_died(m, e);
	q.status = IMAP_NO;
	if ((m->caps & MBOX_CAN_QRESYNC) != 0 && m->enable &&
	    imap_command(m, &q, "ENABLE QRESYNC") < 0)
		return imap_died(m, e);
	if (q.status != IMAP_OK)
		m->caps &= ~(unsigned)MBOX_CAN_QRESYNC;
	return 0;
}

/* ---- open and close ------------------------------------------------------ */

int
mbox_open(const struct mbox_conf *conf, struct mbox **out, struct err *e)
{
	struct mbox *m = calloc(1, sizeof(*m));

	*out = NULL;
	if (m == NULL)
		return err_set(e, ERR_NOMEM, "imap", "out of memory");
	m->conf = *conf;
	m->l.fd = -1;
	m->until_ms = clk_mono_ms() +
		      (conf->answer_ms > 0 ? conf->answer_ms : IMAP_ANSWER_MS);
	m->left = IMAP_SMALL_TALK;
	if (connect_to(m, e) < 0 || log_in(m, e) < 0 || introduce(m, e) < 0) {
		m->is_dead = true;
		mbox_close(&m);
		return -1;
	}
	/* These are the caller's, and it need not keep them. */
	m->conf.host = m->conf.user = m->conf.master = m->conf.secret = "";
	*out = m;
	return 0;
}

void
mbox_close(struct mbox **mp)
{
	static const char bye[] = "F0 LOGOUT\r\n";
	struct mbox *m = *mp;
	size_t n;

	if (m == NULL)
		return;
	if (!m->is_dead && m->idling)
		(void)tls_line_write(&m->l, SLICE_LIT("DONE\r\n"), &n);
	if (!m->is_dead)
		(void)tls_line_write(&m->l, slice_c(bye), &n);
	tls_line_close(&m->l);
	if (m->t != NULL)
		sodium_memzero(m->t, sizeof(*m->t));
	free(m->t);
	free(m);
	*mp = NULL;
}

bool
mbox_dead(const struct mbox *m)
{
	return m->is_dead;
}

unsigned
mbox_caps(const struct mbox *m)
{
	return m->caps;
}
