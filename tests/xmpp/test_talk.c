/* The conversation with an XMPP server, without a socket: reader, writer,
   login, and what is answered to whom. */
#include "backends/xmpp/talk.h"

#include "base/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- a conversation ------------------------------------------------------ */

struct world {
	struct im_conf conf;
	struct outlet_calls calls;
	struct im_talk talk;
	struct im_reader *reader;
	struct rnd_seeded rnd;
	struct outlet_in last; /* slices into text[] */
	char text[4][256];
	size_t in_n;
	uint64_t confirmed;
	char bounced[256];
};

static struct slice
keep(char *to, struct slice s)
{
	s = slice_sub(s, 0, 255);
	if (s.n > 0)
		memcpy(to, s.p, s.n);
	to[s.n] = '\0';
	return (struct slice){ to, s.n };
}

static void
on_in(void *ctx, const struct outlet_in *in, struct arena *a,
      struct outlet_answer *out)
{
	struct world *w = ctx;

	w->in_n++;
	w->last.kind = in->kind;
	w->last.from = keep(w->text[0], in->from);
	w->last.id = keep(w->text[1], in->id);
	w->last.text = keep(w->text[2], in->text);
	w->last.about = keep(w->text[3], in->about);
	out->refused = !slice_is(in->from, "alice@example.org");
	if (!out->refused)
		out->text = arena_printf(a, "<%.*s>", SLICE_ARG(in->text));
}

static void
on_confirmed(void *driver, uint64_t n)
{
	struct world *w = driver;

	w->confirmed = n;
}

static void
on_bounced(void *driver, struct slice id, struct slice from, bool for_good,
	   const char *why)
{
	struct world *w = driver;

	(void)snprintf(w->bounced, sizeof(w->bounced), "%.*s %.*s %d %s",
		       SLICE_ARG(id), SLICE_ARG(from), for_good, why);
}

static void
begin(struct world *w, bool component, bool plain_ok)
{
	struct im_reader_calls calls;
	struct err e;

	memset(w, 0, sizeof(*w));
	rnd_seed(&w->rnd, 1);
	w->conf = (struct im_conf){
		.jid = component ? "reminder@notify.example.org"
				 : "reminder@example.org",
		.server = "",
		.secret = component ? "secret" : "pencil",
		.ca_file = "",
		.component = component,
		.clk = &clk_system,
		.rnd = &w->rnd.r,
	};
	w->calls = (struct outlet_calls){ .ctx = w, .in = on_in };
	w->talk.conf = &w->conf;
	w->talk.calls = &w->calls;
	w->talk.driver = w;
	w->talk.confirmed = on_confirmed;
	w->talk.bounced = on_bounced;
	assert_int_equal(im_talk_init(&w->talk, &e), 0);
	calls = im_talk_calls(&w->talk);
	w->reader = im_reader_new(&calls);
	assert_non_null(w->reader);
	im_talk_begin(&w->talk, plain_ok);
}

static void
end(struct world *w)
{
	im_reader_free(&w->reader);
	im_talk_free(&w->talk);
}

static void
hear(struct world *w, const char *text)
{
	struct err e = { 0 };

	assert_int_equal(im_reader_feed(w->reader, slice_c(text), &e), 0);
}

/* What was said since the last time. */
static const char *
said(struct world *w)
{
	static char text[65536];
	struct im_out *o = &w->talk.out;
	size_t n = o->n - o->at;

	assert_true(n < sizeof(text));
	memcpy(text, o->p + o->at, n);
	text[n] = '\0';
	o->at = o->n;
	return text;
}

static void
assert_said(struct world *w, const char *part)
{
	const char *text = said(w);

	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", part, text);
}

static void
again(struct world *w, bool tls)
{
	struct err e;

	assert_true(w->talk.restart);
	assert_int_equal(im_reader_restart(w->reader, &e), 0);
	im_talk_again(&w->talk, tls);
}

#define HEAD                                                                   \
	"<stream:stream xmlns='jabber:client' xmlns:stream='" IM_NS_STREAM     \
	"' id='s' version='1.0'>"
#define HEAD_COMPONENT                                                         \
	"<stream:stream xmlns='jabber:component:accept' "                      \
	"xmlns:stream='" IM_NS_STREAM                                          \
	"' id='3BF96D32' from='notify.example.org'>"
#define SASL "urn:ietf:params:xml:ns:xmpp-sasl"
#define STARTTLS                                                               \
	"<stream:features><starttls "                                          \
	"xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>"
#define MECHANISMS(m)                                                          \
	"<stream:features><mechanisms xmlns='" SASL "'>" m                     \
	"</mechanisms></stream:features>"

static void
up_component(struct world *w)
{
	begin(w, true, true);
	hear(w, HEAD_COMPONENT "<handshake/>");
	assert_int_equal(w->talk.step, IM_STEP_UP);
	(void)said(w);
}

/* ---- logins -------------------------------------------------------------- */

/* The example of XEP-0114. */
static void
test_component(void **state)
{
	struct world w;

	(void)state;
	begin(&w, true, true);
	assert_said(&w, "to='notify.example.org'");
	hear(&w, HEAD_COMPONENT);
	/* printf '3BF96D32secret' | sha1sum */
	assert_said(&w, "<handshake>"
			"b09ea9b3b7f586be8a08d0a3dd7466f110aeb136"
			"</handshake>");
	hear(&w, "<handshake/>");
	assert_int_equal(w.talk.step, IM_STEP_UP);
	end(&w);
}

static void
test_tls_is_wanted(void **state)
{
	struct world w;

	(void)state;
	begin(&w, false, false);
	hear(&w, HEAD MECHANISMS("<mechanism>SCRAM-SHA-1</mechanism>"));
	assert_int_equal(w.talk.step, IM_STEP_OVER);
	assert_string_equal(w.talk.why, "the server offers no TLS");
	end(&w);

	/* Refused, or something else in its place. */
	begin(&w, false, false);
	hear(&w, HEAD STARTTLS);
	assert_said(&w, "<starttls");
	hear(&w, "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
	assert_int_equal(w.talk.step, IM_STEP_OVER);
	end(&w);
}

/* What was sent in front of TLS is not believed behind it. */
static void
test_nothing_sneaks_in_before_tls(void **state)
{
	struct world w;

	(void)state;
	begin(&w, false, false);
	hear(&w,
	     HEAD STARTTLS "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-"
			   "tls'/>" MECHANISMS("<mechanism>PLAIN</mechanism>"));
	assert_int_equal(w.talk.step, IM_STEP_HANDSHAKE);
	(void)said(&w);
	again(&w, true);
	assert_said(&w, "<stream:stream");
	hear(&w, HEAD);
	assert_int_equal(w.talk.step, IM_STEP_FEATURES);
	assert_string_equal(said(&w), "");
	end(&w);
}

static void
test_mechanisms(void **state)
{
	struct world w;

	(void)state;
	/* The password itself only under TLS, and only where nothing else
	   goes. */
	begin(&w, false, true);
	hear(&w, HEAD MECHANISMS("<mechanism>PLAIN</mechanism>"));
	assert_int_equal(w.talk.step, IM_STEP_OVER);
	end(&w);
	begin(&w, false, true);
	hear(&w, HEAD MECHANISMS("<mechanism>PLAIN</mechanism>"
				 "<mechanism>SCRAM-SHA-1</mechanism>"
				 "<mechanism>SCRAM-SHA-256</mechanism>"));
	assert_said(&w, "mechanism='SCRAM-SHA-256'");
	hear(&w, "<failure xmlns='" SASL "'><not-authorized/></failure>");
	assert_string_equal(w.talk.why,
			    "the server refuses the login: not-authorized");
	end(&w);
}

/* Without the server's signature a success is none. */
static void
test_server_must_prove_itself(void **state)
{
	static const char *const lies[] = {
		"<success xmlns='" SASL "'/>",
		/* v=wrong */
		"<success xmlns='" SASL "'>dj1sd0RoQQ==</success>",
		"<challenge xmlns='" SASL "'>e30=</challenge>",
		"<success xmlns='" SASL "'>====</success>",
		"<other xmlns='" SASL "'/>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct world w;

		begin(&w, false, true);
		hear(&w, HEAD MECHANISMS("<mechanism>SCRAM-SHA-1</mechanism>"));
		hear(&w, lies[i]);
		assert_int_equal(w.talk.step, IM_STEP_OVER);
		end(&w);
	}
}

static void
test_stream_errors(void **state)
{
	struct world w;

	(void)state;
	up_component(&w);
	hear(&w, "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-"
		 "streams'/><text>twice</text></stream:error>");
	assert_string_equal(w.talk.why,
			    "the server ended the stream: conflict, twice");
	end(&w);
	up_component(&w);
	hear(&w, "</stream:stream>");
	assert_int_equal(w.talk.step, IM_STEP_OVER);
	end(&w);
}

/* ---- SCRAM --------------------------------------------------------------- */

struct scram {
	enum im_sasl_kind kind;
	const char *nonce, *challenge, *answer, *last;
};

/* RFC 5802, 5 and RFC 7677, 3. */
static const struct scram scrams[] = {
	{ IM_SASL_SHA1, "fyko+d2lbbFgONRv9qkxdawL",
	  "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,"
	  "i=4096",
	  "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
	  "p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
	  "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=" },
	{ IM_SASL_SHA256, "rOprNGfwEbeRWgbNEkqO",
	  "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
	  "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
	  "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
	  "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
	  "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" },
};

static void
first(struct im_sasl *s, const struct scram *v, struct arena *a)
{
	*s = (struct im_sasl){ .kind = v->kind,
			       .user = SLICE_LIT("user"),
			       .password = SLICE_LIT("pencil") };
	assert_non_null(im_sasl_first(s, &rnd_system, a).p);
	(void)snprintf(s->nonce, sizeof(s->nonce), "%s", v->nonce);
}

static void
test_scram_vectors(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct err e;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const struct scram *v = &scrams[i];
		struct im_sasl s;
		struct slice answer;

		first(&s, v, a);
		assert_int_equal(
		    im_sasl_next(&s, a, slice_c(v->challenge), &answer, &e), 0);
		assert_true(slice_is(answer, v->answer));
		assert_false(s.done);
		assert_int_equal(
		    im_sasl_next(&s, a, slice_c(v->last), &answer, &e), 0);
		assert_true(s.done);
		/* And never once more. */
		assert_int_equal(
		    im_sasl_next(&s, a, slice_c(v->last), &answer, &e), -1);
	}
	arena_free(&a);
}

static void
test_scram_refusals(void **state)
{
	static const char *const wrong[] = {
		"",
		"r=short,s=QSXCR+Q6sek8bf92,i=4096",
		"r=fyko+d2lbbFgONRv9qkxdawL,s=QSXCR+Q6sek8bf92,i=4096",
		"r=fyko+d2lbbFgONRv9qkxdawLx,s=,i=4096",
		"r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92",
		"r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=1",
		"r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=2000000000",
		"m=x,r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=4096",
		"r=fyko+d2lbbFgONRv9qkxdawLx,s=!,i=4096",
	};
	struct arena *a = arena_new(1 << 20);
	struct im_sasl s;
	struct slice answer;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		first(&s, &scrams[0], a);
		assert_int_equal(
		    im_sasl_next(&s, a, slice_c(wrong[i]), &answer, &e), -1);
	}
	/* A server that does not know the password. */
	first(&s, &scrams[0], a);
	assert_int_equal(
	    im_sasl_next(&s, a, slice_c(scrams[0].challenge), &answer, &e), 0);
	assert_int_equal(
	    im_sasl_next(&s, a, SLICE_LIT("v=rmF9pqV8S7suAoZWja4dJRkFsKA="),
			 &answer, &e),
	    -1);
	assert_false(s.done);
	/* "," and "=" in a name. */
	s = (struct im_sasl){ .kind = IM_SASL_SHA1,
			      .user = SLICE_LIT("a,b=c") };
	assert_true(slice_starts(im_sasl_first(&s, &rnd_system, a),
				 "n,,n=a=2Cb=3Dc,r="));
	arena_free(&a);
}

/* ---- what comes in ------------------------------------------------------- */

static void
test_confirmations(void **state)
{
	struct world w;
	char text[512];

	(void)state;
	up_component(&w);
	im_talk_ping(&w.talk, 7);
	assert_said(&w, "to='reminder@notify.example.org'");
	/* Somebody else cannot say how far the server is. */
	(void)snprintf(text, sizeof(text),
		       "<iq type='get' id='%s-7' from='mallory@example.org/x' "
		       "to='reminder@notify.example.org'>"
		       "<ping xmlns='urn:xmpp:ping'/></iq>",
		       w.talk.ping);
	hear(&w, text);
	assert_int_equal(w.confirmed, 0);
	(void)snprintf(text, sizeof(text),
		       "<iq type='get' id='%s-7' "
		       "from='reminder@notify.example.org' "
		       "to='reminder@notify.example.org'>"
		       "<ping xmlns='urn:xmpp:ping'/></iq>",
		       w.talk.ping);
	hear(&w, text);
	assert_int_equal(w.confirmed, 7);
	end(&w);
}

struct bounce {
	const char *type, *condition, *want;
};

static const struct bounce bounces[] = {
	{ "cancel", "service-unavailable", "0 " },
	{ "cancel", "item-not-found", "1 " },
	{ "modify", "jid-malformed", "1 " },
	{ "auth", "forbidden", "1 " },
	{ "wait", "forbidden", "0 " },
	{ "cancel", "remote-server-not-found", "0 " },
	{ "wait", "resource-constraint", "0 " },
	{ "cancel", "gone", "1 " },
};

static void
test_bounces(void **state)
{
	struct world w;
	char text[512];
	char want[256];

	(void)state;
	up_component(&w);
	for (size_t i = 0; i < sizeof(bounces) / sizeof(bounces[0]); i++) {
		(void)snprintf(
		    text, sizeof(text),
		    "<message type='error' id='m1' from='bob@example.org'>"
		    "<body>x</body><error type='%s'><%s xmlns='urn:ietf:params:"
		    "xml:ns:xmpp-stanzas'/></error></message>",
		    bounces[i].type, bounces[i].condition);
		hear(&w, text);
		(void)snprintf(want, sizeof(want),
			       "m1 bob@example.org %srefused by the server: %s",
			       bounces[i].want, bounces[i].condition);
		assert_string_equal(w.bounced, want);
	}
	hear(&w, "<message type='error' id='m2' from='bob@example.org'/>");
	assert_true(slice_starts(slice_c(w.bounced), "m2 bob@example.org 0 "));
	assert_int_equal(w.in_n, 0);
	assert_string_equal(said(&w), "");
	end(&w);
}

/* What comes from our users is answered as text, whatever is in it. */
static void
test_answers_stay_text(void **state)
{
	struct world w;

	(void)state;
	up_component(&w);
	hear(&w, "<message type='chat' from='Alice@Example.org/a&amp;&lt;b' "
		 "to='reminder@notify.example.org/&quot;' id='i&apos;1'>"
		 "<thread>t&lt;1</thread><body>&lt;/body&gt;&amp;</body>"
		 "<request xmlns='urn:xmpp:receipts'/></message>");
	assert_true(slice_is(w.last.from, "alice@example.org"));
	assert_true(slice_is(w.last.text, "</body>&"));
	assert_string_equal(
	    said(&w),
	    "<message type='chat' from='reminder@notify.example.org/&#34;' "
	    "to='Alice@Example.org/a&amp;&lt;b'><received "
	    "xmlns='urn:xmpp:receipts' id='i&#39;1'/></message>"
	    "<message type='chat' from='reminder@notify.example.org/&#34;' "
	    "to='Alice@Example.org/a&amp;&lt;b'><body>&lt;&lt;/body&gt;&amp;"
	    "&gt;</body><thread>t&lt;1</thread></message>");
	end(&w);
}

static void
test_what_is_passed_over(void **state)
{
	static const char *const silent[] = {
		"<message from='bob@example.org/x' type='groupchat'><body>x"
		"</body></message>",
		"<message from='bob@example.org/x' type='headline'><body>x"
		"</body></message>",
		"<message from='bob@example.org/x'><body> </body></message>",
		"<message from='bob@example.org/x'><subject>x</subject>"
		"</message>",
		"<message from='reminder@notify.example.org'><body>x</body>"
		"</message>",
		"<presence from='bob@example.org/x'/>",
		"<presence from='bob@example.org/x' type='error'/>",
		"<iq type='result' id='x' from='bob@example.org/x'/>",
		"<iq type='error' id='x' from='bob@example.org/x'/>",
		"<unknown/>",
	};
	struct world w;

	(void)state;
	up_component(&w);
	for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++) {
		hear(&w, silent[i]);
		assert_string_equal(said(&w), "");
	}
	assert_int_equal(w.in_n, 0);
	hear(&w, "<iq type='get' id='x' from='bob@example.org/x'><query "
		 "xmlns='jabber:iq:last'/></iq>");
	assert_said(&w, "service-unavailable");
	hear(&w, "<iq type='get' id='x' from='bob@example.org/x'><ping "
		 "xmlns='urn:xmpp:ping'/></iq>");
	assert_said(&w, "<iq type='result' id='x'");
	end(&w);
}

/* ---- limits -------------------------------------------------------------- */

static size_t
stanzas(struct im_quota *q, const char *who, int64_t now, size_t n)
{
	size_t taken = 0;

	for (size_t i = 0; i < n; i++)
		taken += im_quota_take(q, slice_c(who), now) != NULL;
	return taken;
}

static void
test_quota(void **state)
{
	struct im_quota *q = calloc(1, sizeof(*q));
	struct im_sender *s;
	size_t taken = 0;
	char who[64];

	(void)state;
	assert_int_equal(stanzas(q, "a@b", 1000, 100), IM_QUOTA_BURST);
	assert_int_equal(stanzas(q, "a@b", 1000 + IM_QUOTA_EVERY_MS * 3, 100),
			 3);
	/* Many strangers are one crowd, in which ours are not lost. */
	im_quota_sent(q, SLICE_LIT("ours@b"), 10000000);
	for (size_t i = 0; i < 100000; i++) {
		(void)snprintf(who, sizeof(who), "stranger-%zu@b", i);
		taken += stanzas(q, who, 10000000, 1);
	}
	assert_int_equal(taken, IM_QUOTA_STRANGERS_BURST);
	assert_int_equal(stanzas(q, "ours@b", 10000000, 1), 1);
	/* A receipt for each message, and no more. */
	for (size_t i = 0; i < 500; i++)
		im_quota_sent(q, SLICE_LIT("busy@b"), 20000000);
	taken = 0;
	for (size_t i = 0; i < 1000; i++)
		taken +=
		    im_quota_receipt(q, SLICE_LIT("busy@b"), 20000000) != NULL;
	assert_int_equal(taken, 500 + IM_QUOTA_BURST);
	s = im_quota_take(q, SLICE_LIT("new@b"), 30000000);
	assert_true(im_quota_refusal(s, 30000000));
	assert_false(im_quota_refusal(s, 30000001));
	assert_true(im_quota_refusal(s, 30000000 + IM_QUOTA_REFUSAL_MS));
	free(q);
}

static int
feed(struct world *w, struct slice s)
{
	struct err e;

	return im_reader_feed(w->reader, s, &e);
}

static char *
fill(const char *head, char c, size_t n, const char *tail)
{
	char *text = calloc(1, strlen(head) + n + strlen(tail) + 1);

	memcpy(text, head, strlen(head));
	memset(text + strlen(head), c, n);
	memcpy(text + strlen(head) + n, tail, strlen(tail));
	return text;
}

static void
test_reader_limits(void **state)
{
	static const char ping[] =
	    "<iq type='get' id='x' from='bob@example.org/x'><ping "
	    "xmlns='urn:xmpp:ping'/></iq>";
	struct world w;
	char *text;

	(void)state;
	up_component(&w);
	/* Too large, too deep: passed over, and the stream goes on. */
	text = fill("<message from='alice@example.org'><body>", 'x', 200000,
		    "</body></message>");
	assert_int_equal(feed(&w, slice_c(text)), 0);
	free(text);
	for (int i = 0; i < IM_DEPTH_MAX + 10; i++)
		assert_int_equal(feed(&w, SLICE_LIT("<a>")), 0);
	for (int i = 0; i < IM_DEPTH_MAX + 10; i++)
		assert_int_equal(feed(&w, SLICE_LIT("</a>")), 0);
	assert_int_equal(im_reader_skipped(w.reader), 2);
	assert_int_equal(w.in_n, 0);
	hear(&w, ping);
	assert_said(&w, "type='result'");
	end(&w);

	/* A tag, a stanza without an end: the stream is over. */
	up_component(&w);
	text = fill("<message from='", 'x', IM_TAG_BYTES_MAX + 8192, "'/>");
	assert_int_equal(feed(&w, slice_c(text)), -1);
	free(text);
	end(&w);
	up_component(&w);
	text = fill("<message><body>", 'x', IM_WIRE_BYTES_MAX + 8192, "");
	assert_int_equal(feed(&w, slice_c(text)), -1);
	free(text);
	end(&w);
}

static void
test_reader_refuses(void **state)
{
	static const char *const wrong[] = {
		"<!DOCTYPE x [<!ENTITY a 'b'>]>" HEAD_COMPONENT,
		"<!DOCTYPE x SYSTEM 'y'>" HEAD_COMPONENT,
		HEAD_COMPONENT "<a>&lol;</a>",
		HEAD_COMPONENT "<a></b>",
		HEAD_COMPONENT "<a>&#1;</a>",
		HEAD_COMPONENT "<a>\xff</a>",
		"<html>",
		"<?xml version='1.0' encoding='UTF-16'?>" HEAD_COMPONENT,
		"HTTP/1.1 400 Bad Request\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct world w;

		begin(&w, true, true);
		if (feed(&w, slice_c(wrong[i])) == 0)
			fail_msg("%s", wrong[i]);
		/* And stays so. */
		assert_int_equal(feed(&w, SLICE_LIT("<a/>")), -1);
		end(&w);
	}
}

/* A stream lives for months: what names it met is forgotten again, wherever
   the bytes are cut. */
static void
test_reader_forgets(void **state)
{
	struct world w;
	size_t most = 0;
	char text[300];

	(void)state;
	up_component(&w);
	for (size_t i = 0; i < 40000; i++) {
		int n = snprintf(text, sizeof(text),
				 "<message name-%zu-%0100zu='x'><e%zu/>"
				 "</message><iq type='get' id='%zu' "
				 "from='bob%zu@example.org'><ping "
				 "xmlns='urn:xmpp:ping'/></iq>",
				 i, i, i, i, i);
		size_t cut = i % (size_t)n;

		assert_int_equal(feed(&w, (struct slice){ text, cut }), 0);
		assert_int_equal(
		    feed(&w, (struct slice){ text + cut, (size_t)n - cut }), 0);
		if (im_reader_held(w.reader) > most)
			most = im_reader_held(w.reader);
		if (i < IM_QUOTA_STRANGERS_BURST)
			assert_said(&w, "type='result'");
	}
	assert_in_range(most, 1, IM_NAMES_BYTES_MAX * 2);
	/* The namespaces of the stream's head are still known. */
	im_quota_sent(&w.talk.quota, SLICE_LIT("alice@example.org"),
		      clk_mono_ms());
	hear(&w, "<message from='alice@example.org' id='z'><body>ok</body>"
		 "</message><stream:error><conflict/></stream:error>");
	assert_true(slice_is(w.last.text, "ok"));
	assert_int_equal(w.talk.step, IM_STEP_OVER);
	end(&w);
}

static void
test_addresses(void **state)
{
	static const char *const good[] = {
		"a@b",
		"a.b-c@d.example",
		"example.org",
		"a@b/any thing <&>",
		"\xc3\xa4@example.org",
		"a@[::1]",
	};
	static const char *const bad[] = {
		"",     "@",     "a@",    "@b",       "a@b@c",  "a b@c", "a<@b",
		"a'@b", "a:b@c", "a@b\n", "a@b/\x01", "\xff@b", "/x",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (!im_jid_ok(slice_c(good[i])))
			fail_msg("%s", good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (im_jid_ok(slice_c(bad[i])))
			fail_msg("%s", bad[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_component),
		cmocka_unit_test(test_tls_is_wanted),
		cmocka_unit_test(test_nothing_sneaks_in_before_tls),
		cmocka_unit_test(test_mechanisms),
		cmocka_unit_test(test_server_must_prove_itself),
		cmocka_unit_test(test_stream_errors),
		cmocka_unit_test(test_scram_vectors),
		cmocka_unit_test(test_scram_refusals),
		cmocka_unit_test(test_confirmations),
		cmocka_unit_test(test_bounces),
		cmocka_unit_test(test_answers_stay_text),
		cmocka_unit_test(test_what_is_passed_over),
		cmocka_unit_test(test_quota),
		cmocka_unit_test(test_reader_limits),
		cmocka_unit_test(test_reader_refuses),
		cmocka_unit_test(test_reader_forgets),
		cmocka_unit_test(test_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
