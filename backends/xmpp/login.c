/* From a stream's head to the line that carries messages. */
#include "backends/xmpp/talk.h"

#include "base/digest.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#define NS_TLS "urn:ietf:params:xml:ns:xmpp-tls"
#define NS_SASL "urn:ietf:params:xml:ns:xmpp-sasl"
#define NS_BIND "urn:ietf:params:xml:ns:xmpp-bind"
#define NS_SESSION "urn:ietf:params:xml:ns:xmpp-session"

enum { STREAM_ID_MAX = 256, SASL_TEXT_MAX = 4096 };

static void
up(struct im_talk *t)
{
	if (!t->conf->component)
		(void)im_talk_put(t, SLICE_LIT("<presence/>"));
	t->step = IM_STEP_UP;
}

/* XEP-0114: the secret is shown by a digest of it with the stream's id. */
static void
handshake(struct im_talk *t, const struct im_node *head)
{
	struct slice id = im_attr(head, "id");
	struct slice text, hex;
	unsigned char sha[20];
	struct buf b = BUF_IN(t->scratch);

	if (id.n == 0 || id.n > STREAM_ID_MAX) {
		im_talk_over(t, "the server's stream has no id");
		return;
	}
	text =
	    arena_printf(t->scratch, "%.*s%s", SLICE_ARG(id), t->conf->secret);
	if (text.p == NULL ||
	    gnutls_hash_fast(GNUTLS_DIG_SHA1, text.p, text.n, sha) != 0) {
		im_talk_over(t, "no memory");
		return;
	}
	hex = digest_hex(t->scratch,
			 (struct slice){ (const char *)sha, sizeof(sha) });
	buf_printf(&b, "<handshake>%.*s</handshake>", SLICE_ARG(hex));
	im_say(t, &b);
	t->step = IM_STEP_LOGIN;
}

void
im_login_opened(struct im_talk *t, const struct im_node *head)
{
	arena_reset(t->scratch);
	if (t->conf->component)
		handshake(t, head);
	else
		t->step = IM_STEP_FEATURES;
}

/* ---- what the server offers ---------------------------------------------- */

static bool
offers(const struct im_node *features, const char *mechanism)
{
	const struct im_node *m = im_child(features, "mechanisms", NS_SASL);

	for (m = m == NULL ? NULL : m->first; m != NULL; m = m->next) {
		if (slice_is(slice_trim(m->text), mechanism))
			return true;
	}
	return false;
}

static void
log_in(struct im_talk *t, const struct im_node *features)
{
	struct im_sasl *s = &t->sasl;
	struct buf b = BUF_IN(t->scratch);
	struct slice first;
	size_t at = slice_find(t->bare, '@');

	if (offers(features, im_sasl_name(IM_SASL_SHA256)))
		s->kind = IM_SASL_SHA256;
	else if (offers(features, im_sasl_name(IM_SASL_SHA1)))
		s->kind = IM_SASL_SHA1;
	else if (t->tls && offers(features, im_sasl_name(IM_SASL_PLAIN)))
		s->kind = IM_SASL_PLAIN;
	else {
		im_talk_over(t, "the server offers no login that is known "
				"here (SCRAM-SHA-256, SCRAM-SHA-1, and PLAIN "
				"under TLS)");
		return;
	}
	s->user = slice_sub(t->bare, 0, at == SIZE_MAX ? 0 : at);
	s->password = slice_c(t->conf->secret);
	first = im_sasl_first(s, t->conf->rnd, t->scratch);
	first = digest_b64(t->scratch, first);
	if (first.p == NULL) {
		im_talk_over(t, "no memory");
		return;
	}
	buf_printf(&b, "<auth xmlns='" NS_SASL "' mechanism='%s'>%.*s</auth>",
		   im_sasl_name(s->kind), SLICE_ARG(first));
	im_say(t, &b);
	t->step = IM_STEP_LOGIN;
}

static void
features(struct im_talk *t, const struct im_node *n)
{
	if (!im_is(n, "features", IM_NS_STREAM)) {
		im_talk_over(t, "the server offers nothing");
	} else if (t->logged_in) {
		(void)im_talk_put(t, SLICE_LIT("<iq type='set' id='bind'><bind "
					       "xmlns='" NS_BIND
					       "'><resource>funicular"
					       "</resource></bind></iq>"));
		/* Servers from before RFC 6121 want one step more. */
		t->session_wanted =
		    im_child(n, "session", NS_SESSION) != NULL &&
		    im_child(im_child(n, "session", NS_SESSION), "optional",
			     NULL) == NULL;
		t->step = IM_STEP_BIND;
	} else if (!t->tls && im_child(n, "starttls", NS_TLS) != NULL) {
		(void)im_talk_put(t,
				  SLICE_LIT("<starttls xmlns='" NS_TLS "'/>"));
		t->step = IM_STEP_STARTTLS;
	} else if (!t->tls && !t->plain_ok) {
		im_talk_over(t, "the server offers no TLS");
	} else {
		log_in(t, n);
	}
}

/* ---- the steps of a login ------------------------------------------------ */

static void
starttls(struct im_talk *t, const struct im_node *n)
{
	if (!im_is(n, "proceed", NS_TLS)) {
		im_talk_over(t, "the server refuses TLS");
		return;
	}
	t->step = IM_STEP_HANDSHAKE;
	t->restart = true;
}

static void
success(struct im_talk *t, struct slice text)
{
	struct slice answer;
	struct err e;

	if (!t->sasl.done &&
	    im_sasl_next(&t->sasl, t->scratch, text, &answer, &e) < 0) {
		im_talk_over(t, "%s", e.msg);
		return;
	}
	if (!t->sasl.done) {
		im_talk_over(t, "a login that ended before its time");
		return;
	}
	t->logged_in = true;
	t->step = IM_STEP_OPEN;
	t->restart = true;
}

static void
sasl(struct im_talk *t, const struct im_node *n)
{
	bool ended = im_is(n, "success", NS_SASL);
	struct slice text = SLICE_LIT(""), answer;
	struct buf b = BUF_IN(t->scratch);
	struct err e;

	if (im_is(n, "failure", NS_SASL)) {
		struct slice c =
		    n->first == NULL ? SLICE_LIT("no reason") : n->first->name;

		im_talk_over(t, "the server refuses the login: %.*s",
			     (int)(c.n > 60 ? 60 : c.n), c.p);
		return;
	}
	if ((!ended && !im_is(n, "challenge", NS_SASL)) ||
	    n->text.n > SASL_TEXT_MAX ||
	    (n->text.n > 0 && !slice_is(n->text, "=") &&
	     !digest_unb64(t->scratch, n->text, &text))) {
		im_talk_over(t, "a login in words that are not SASL's");
	} else if (ended) {
		success(t, text);
	} else if (im_sasl_next(&t->sasl, t->scratch, text, &answer, &e) < 0) {
		im_talk_over(t, "%s", e.msg);
	} else {
		answer = digest_b64(t->scratch, answer);
		buf_printf(&b, "<response xmlns='" NS_SASL "'>%.*s</response>",
			   SLICE_ARG(answer));
		im_say(t, &b);
	}
}

static void
bound(struct im_talk *t, const struct im_node *n)
{
	if (!im_is(n, "iq", NULL) || !slice_is(im_attr(n, "type"), "result")) {
		im_talk_over(t, "the server refuses the session");
		return;
	}
	if (t->step == IM_STEP_BIND && t->session_wanted) {
		(void)im_talk_put(
		    t, SLICE_LIT("<iq type='set' id='session'><session "
				 "xmlns='" NS_SESSION "'/></iq>"));
		t->step = IM_STEP_SESSION;
		return;
	}
	up(t);
}

void
im_login_stanza(struct im_talk *t, const struct im_node *n)
{
	switch (t->step) {
	case IM_STEP_FEATURES:
		features(t, n);
		break;
	case IM_STEP_STARTTLS:
		starttls(t, n);
		break;
	case IM_STEP_LOGIN:
		if (!t->conf->component)
			sasl(t, n);
		else if (im_is(n, "handshake", NULL))
			up(t);
		else
			im_talk_over(t, "the server refuses the component");
		break;
	case IM_STEP_BIND:
	case IM_STEP_SESSION:
		bound(t, n);
		break;
	case IM_STEP_OPEN:
	case IM_STEP_HANDSHAKE:
	case IM_STEP_UP:
	case IM_STEP_OVER:
	default:
		im_talk_over(t, "the server speaks out of turn");
		break;
	}
}
