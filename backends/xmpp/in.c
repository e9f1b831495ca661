/* What comes over a line that is up. */
#include "backends/xmpp/talk.h"

#include <stdio.h>

#define NS_STANZAS "urn:ietf:params:xml:ns:xmpp-stanzas"

static const char stranger_text[] =
    "This address sends reminders to its own users, and I do not know you. "
    "Ask your administrator to enter your address.";

/* ---- bounces ------------------------------------------------------------- */

/*
 * Whether to try again is of use. An unknown user, one who is offline where
 * nothing is stored, and one whose store is full are one and the same answer
 * (service-unavailable): so it is tried again, as it is where a server of
 * others cannot be reached.
 */
static bool
is_for_good(struct slice type, struct slice condition)
{
	static const char *const passing[] = {
		"service-unavailable",     "remote-server-not-found",
		"remote-server-timeout",   "recipient-unavailable",
		"internal-server-error",   "resource-constraint",
		"undefined-condition",     "policy-violation",
		"feature-not-implemented",
	};

	if (slice_is(type, "wait"))
		return false;
	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++) {
		if (slice_is(condition, passing[i]))
			return false;
	}
	return true;
}

static void
bounce(struct im_talk *t, const struct im_node *n)
{
	const struct im_node *error = im_child(n, "error", NULL);
	const struct im_node *c = error == NULL ? NULL : error->first;
	struct slice name = SLICE_LIT("undefined-condition");
	char why[120];

	while (c != NULL &&
	       (!slice_is(c->ns, NS_STANZAS) || im_is(c, "text", NULL)))
		c = c->next;
	if (c != NULL)
		name = slice_sub(c->name, 0, 60);
	(void)snprintf(why, sizeof(why), "refused by the server: %.*s",
		       SLICE_ARG(name));
	t->bounced(t->driver, im_attr(n, "id"), im_attr(n, "from"),
		   is_for_good(im_attr(error, "type"), name), why);
}

/* ---- questions ----------------------------------------------------------- */

bool
im_ask(struct im_talk *t, struct slice from, struct outlet_in *in,
       struct outlet_answer *answer)
{
	int64_t now = clk_mono_ms();
	struct im_sender *s;

	memset(answer, 0, sizeof(*answer));
	in->from = im_jid_normal(t->scratch, from);
	if (in->from.p == NULL)
		return false;
	s = in->kind == OUTLET_IN_RECEIPT
		? im_quota_receipt(&t->quota, in->from, now)
		: im_quota_take(&t->quota, in->from, now);
	if (s == NULL)
		return false;
	t->calls->in(t->calls->ctx, in, t->scratch, answer);
	if (in->kind != OUTLET_IN_RECEIPT)
		s->known = !answer->refused;
	if (answer->refused && in->kind == OUTLET_IN_TEXT) {
		if (!im_quota_refusal(s, now))
			return false;
		answer->text = slice_c(stranger_text);
	}
	return true;
}

/* Clients put what is answered in front of the answer, line by line. */
static struct slice
without_quotes(struct slice body)
{
	struct slice rest = body, line;

	while (rest.n > 0 && rest.p[0] == '>' &&
	       slice_split(&rest, '\n', &line))
		body = rest;
	return slice_trim(body);
}

static struct slice
about(const struct im_node *n)
{
	struct slice id =
	    im_attr(im_child(n, "reply", "urn:xmpp:reply:0"), "id");
	const struct im_node *thread = im_child(n, "thread", NULL);

	if (id.n == 0 && thread != NULL)
		id = slice_trim(thread->text);
	return id.n <= OUTLET_ID_MAX ? id : SLICE_LIT("");
}

/* The head of a message back to who wrote n. */
static struct buf
reply(struct im_talk *t, const struct im_node *n, const char *type)
{
	struct buf b = BUF_IN(t->scratch);

	buf_printf(&b, "<message type='%s'", type);
	if (t->conf->component)
		im_put_attr(&b, "from", im_attr(n, "to"), IM_JID_MAX);
	im_put_attr(&b, "to", im_attr(n, "from"), IM_JID_MAX);
	buf_str(&b, ">");
	return b;
}

static void
text(struct im_talk *t, const struct im_node *n, struct slice body)
{
	struct outlet_in in = { .kind = OUTLET_IN_TEXT,
				.id = slice_sub(im_attr(n, "id"), 0, 256),
				.about = about(n) };
	const struct im_node *thread = im_child(n, "thread", NULL);
	bool chat = slice_is(im_attr(n, "type"), "chat");
	struct outlet_answer answer;
	struct buf b;

	in.text = slice_utf8_cut(without_quotes(body), OUTLET_IN_TEXT_MAX);
	if (!im_ask(t, im_attr(n, "from"), &in, &answer))
		return;
	if (!answer.refused && in.id.n > 0 &&
	    im_child(n, "request", IM_NS_RECEIPTS) != NULL) {
		b = reply(t, n, chat ? "chat" : "normal");
		buf_str(&b, "<received xmlns='" IM_NS_RECEIPTS "'");
		im_put_attr(&b, "id", in.id, 256);
		buf_str(&b, "/></message>");
		im_say(t, &b);
	}
	if (answer.text.n == 0)
		return;
	b = reply(t, n, chat ? "chat" : "normal");
	im_put_element(&b, "body", answer.text, OUTLET_TEXT_MAX);
	if (thread != NULL)
		im_put_element(&b, "thread", thread->text, 256);
	buf_str(&b, "</message>");
	im_say(t, &b);
}

static void
message(struct im_talk *t, const struct im_node *n)
{
	const struct im_node *received =
	    im_child(n, "received", IM_NS_RECEIPTS);
	const struct im_node *body = im_child(n, "body", NULL);
	struct slice type = im_attr(n, "type");
	struct outlet_answer answer;

	if (slice_is(type, "error")) {
		bounce(t, n);
		return;
	}
	if (slice_is(type, "groupchat") || slice_is(type, "headline"))
		return;
	if (received != NULL) {
		struct outlet_in in = {
			.kind = OUTLET_IN_RECEIPT,
			.id = slice_sub(im_attr(received, "id"), 0,
					OUTLET_ID_MAX),
		};

		if (in.id.n > 0)
			(void)im_ask(t, im_attr(n, "from"), &in, &answer);
	} else if (body != NULL && slice_trim(body->text).n > 0) {
		text(t, n, body->text);
	}
}

/* ---- who sees us --------------------------------------------------------- */

static void
say_presence(struct im_talk *t, const struct im_node *n, const char *type)
{
	struct buf b = BUF_IN(t->scratch);

	buf_str(&b, "<presence");
	if (t->conf->component)
		im_put_attr(&b, "from", im_jid_bare(im_attr(n, "to")),
			    IM_JID_MAX);
	im_put_attr(&b, "to", im_jid_bare(im_attr(n, "from")), IM_JID_MAX);
	im_put_attr(&b, "type", slice_c(type), 32);
	buf_str(&b, "/>");
	im_say(t, &b);
}

static void
presence(struct im_talk *t, const struct im_node *n)
{
	struct outlet_in in = { .kind = OUTLET_IN_CONTACT };
	struct slice type = im_attr(n, "type");
	struct outlet_answer answer;

	if (!slice_is(type, "subscribe") &&
	    !(t->conf->component && slice_is(type, "probe")))
		return;
	if (!im_ask(t, im_attr(n, "from"), &in, &answer))
		return;
	if (slice_is(type, "subscribe"))
		say_presence(t, n,
			     answer.refused ? "unsubscribed" : "subscribed");
	if (!answer.refused && t->conf->component)
		say_presence(t, n, "");
}

/* ---- iq ------------------------------------------------------------------ */

struct buf
im_answer(struct im_talk *t, const struct im_node *iq, const char *type)
{
	struct buf b = BUF_IN(t->scratch);

	buf_printf(&b, "<iq type='%s'", type);
	im_put_attr(&b, "id", im_attr(iq, "id"), 1024);
	if (t->conf->component)
		im_put_attr(&b, "from", im_attr(iq, "to"), IM_JID_MAX);
	im_put_attr(&b, "to", im_attr(iq, "from"), IM_JID_MAX);
	buf_str(&b, ">");
	return b;
}

void
im_refuse(struct im_talk *t, const struct im_node *iq, const char *type,
	  const char *condition)
{
	struct buf b = im_answer(t, iq, "error");

	buf_printf(&b,
		   "<error type='%s'><%s xmlns='" NS_STANZAS "'/></error></iq>",
		   type, condition);
	im_say(t, &b);
}

/* Ours, the server's: nobody else can say how far it has come. */
static bool
from_our_side(const struct im_talk *t, const struct im_node *n)
{
	struct slice from = im_jid_bare(im_attr(n, "from"));

	return from.n == 0 || slice_eq_nocase(from, t->bare) ||
	       (!t->conf->component && slice_eq_nocase(from, t->domain));
}

/* "<ping>-<number>": our own, come back. */
static bool
ping_back(struct im_talk *t, const struct im_node *n)
{
	struct slice id = im_attr(n, "id");
	size_t head = strlen(t->ping);
	int64_t number;

	if (!slice_starts(id, t->ping) || id.n < head + 2 ||
	    !from_our_side(t, n) ||
	    !slice_i64(slice_from(id, head + 1), &number) || number < 0)
		return false;
	t->confirmed(t->driver, (uint64_t)number);
	return true;
}

static void
question(struct im_talk *t, const struct im_node *n)
{
	const struct im_node *c = n->first;
	struct slice from = im_jid_normal(t->scratch, im_attr(n, "from"));

	if (im_is(c, "command", IM_NS_COMMANDS)) {
		im_command(t, n, c);
		return;
	}
	if (im_is(c, "query", "jabber:iq:roster") && from_our_side(t, n)) {
		struct buf b = im_answer(t, n, "result");

		buf_str(&b, "</iq>");
		im_say(t, &b);
		return;
	}
	if (!from_our_side(t, n) &&
	    (from.p == NULL ||
	     im_quota_take(&t->quota, from, clk_mono_ms()) == NULL))
		return;
	if (im_is(c, "ping", "urn:xmpp:ping")) {
		struct buf b = im_answer(t, n, "result");

		buf_str(&b, "</iq>");
		im_say(t, &b);
	} else if (im_is(c, "query", IM_NS_INFO) ||
		   im_is(c, "query", IM_NS_ITEMS)) {
		im_disco(t, n, c);
	} else {
		im_refuse(t, n, "cancel", "service-unavailable");
	}
}

void
im_in_stanza(struct im_talk *t, const struct im_node *n)
{
	struct slice type = im_attr(n, "type");

	if (im_is(n, "iq", NULL)) {
		bool asks = slice_is(type, "get") || slice_is(type, "set");

		if (!ping_back(t, n) && asks)
			question(t, n);
		return;
	}
	/* What our own side says of itself: echoes, carbons, news. */
	if (!slice_is(type, "error") && from_our_side(t, n))
		return;
	if (im_is(n, "message", NULL))
		message(t, n);
	else if (im_is(n, "presence", NULL))
		presence(t, n);
}
