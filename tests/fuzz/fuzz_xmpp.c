/*
 * What comes over a line to an XMPP server: its head, logins, stanzas of
 * anybody. Whatever it is, what we say stays well-formed, nothing that was
 * said to us becomes an element of ours, and memory stays bounded.
 */
#include "backends/xmpp/talk.h"
#include "tests/fuzz/fuzz.h"

enum { HELD_MAX = 1048576 };

struct seen {
	size_t n;
	bool closed;
};

static void
on_in(void *ctx, const struct outlet_in *in, struct arena *a,
      struct outlet_answer *out)
{
	size_t *asked = ctx;

	(*asked)++;
	FUZZ_CHECK(in->text.n <= IM_STANZA_BYTES_MAX);
	FUZZ_CHECK(in->kind != OUTLET_IN_TEXT ||
		   in->text.n <= OUTLET_IN_TEXT_MAX);
	FUZZ_CHECK(in->about.n <= OUTLET_ID_MAX);
	FUZZ_CHECK(slice_find(in->from, '/') == SIZE_MAX);
	out->refused = *asked % 3 == 0;
	out->text = arena_copy(a, in->text);
}

static void
on_confirmed(void *driver, uint64_t n)
{
	(void)driver;
	(void)n;
}

static void
on_bounced(void *driver, struct slice id, struct slice from, bool for_good,
	   const char *why)
{
	(void)driver;
	(void)from;
	(void)for_good;
	FUZZ_CHECK(id.n <= IM_STANZA_BYTES_MAX && strlen(why) < 200);
}

/* ---- what we said -------------------------------------------------------- */

static void
heard_head(void *ctx, const struct im_node *n)
{
	(void)ctx;
	(void)n;
}

static void
heard(void *ctx, const struct im_node *n)
{
	static const char *const ours[] = { "iq",       "message",  "presence",
					    "auth",     "response", "starttls",
					    "handshake" };
	struct seen *s = ctx;
	bool known = false;

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		known = known || slice_is(n->name, ours[i]);
	FUZZ_CHECK(known);
	s->n++;
}

static void
heard_end(void *ctx)
{
	struct seen *s = ctx;

	s->closed = true;
}

static void
check_said(struct slice text)
{
	static const char head[] = "<stream:stream xmlns='jabber:client' "
				   "xmlns:stream='" IM_NS_STREAM "'>";
	struct seen seen = { 0 };
	struct im_reader_calls calls = { &seen, heard_head, heard, heard_end };
	struct im_reader *r = im_reader_new(&calls);
	struct err e = { 0 };
	struct slice s;
	size_t at;

	FUZZ_CHECK(r != NULL);
	FUZZ_CHECK(im_reader_feed(r, slice_c(head), &e) == 0);
	/* Each stream begins with a head of ours. */
	while ((at = slice_find_str(text, "<?xml")) != SIZE_MAX) {
		s = slice_sub(text, 0, at);
		FUZZ_CHECK(im_reader_feed(r, s, &e) == 0);
		text = slice_from(text, at);
		text = slice_from(text, slice_find_str(text, "'>") + 2);
	}
	FUZZ_CHECK(im_reader_feed(r, text, &e) == 0);
	FUZZ_CHECK(!seen.closed);
	FUZZ_CHECK(im_reader_feed(r, SLICE_LIT("</stream:stream>"), &e) == 0);
	FUZZ_CHECK(seen.closed);
	im_reader_free(&r);
}

static void
converse(struct im_talk *t, struct im_reader *r, struct slice in, size_t piece)
{
	struct err e = { 0 };

	while (in.n > 0 && t->step != IM_STEP_OVER) {
		if (im_reader_feed(r, slice_sub(in, 0, piece), &e) < 0)
			return;
		FUZZ_CHECK(im_reader_held(r) <= HELD_MAX);
		in = slice_from(in, piece);
		if (t->restart && t->step != IM_STEP_OVER) {
			FUZZ_CHECK(im_reader_restart(r, &e) == 0);
			im_talk_again(t, t->step == IM_STEP_HANDSHAKE);
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = fuzz_input(data, size);
	unsigned how = fuzz_byte(&in);
	size_t piece = 1 + fuzz_byte(&in);
	bool component = (how & 1) != 0;
	struct rnd_seeded rnd;
	struct im_conf conf = {
		.jid = component ? "reminder@notify.example.org"
				 : "reminder@example.org",
		.secret = "pencil",
		.component = component,
		.clk = &clk_system,
		.rnd = &rnd.r,
	};
	size_t asked = 0;
	struct outlet_calls calls = { .ctx = &asked, .in = on_in };
	struct im_talk *t = calloc(1, sizeof(*t));
	struct im_reader_calls reader;
	struct im_reader *r;
	struct err e;

	FUZZ_CHECK(t != NULL);
	rnd_seed(&rnd, how);
	t->conf = &conf;
	t->calls = &calls;
	t->confirmed = on_confirmed;
	t->bounced = on_bounced;
	FUZZ_CHECK(im_talk_init(t, &e) == 0);
	reader = im_talk_calls(t);
	r = im_reader_new(&reader);
	FUZZ_CHECK(r != NULL);
	im_talk_begin(t, (how & 2) != 0);
	if ((how & 4) != 0) { /* straight to what strangers reach */
		static const char head[] =
		    "<stream:stream xmlns='jabber:client' "
		    "xmlns:stream='" IM_NS_STREAM "' id='1'>";

		FUZZ_CHECK(im_reader_feed(r, slice_c(head), &e) == 0);
		t->step = IM_STEP_UP;
	}
	converse(t, r, in, piece);
	check_said((struct slice){ t->out.p, t->out.n });
	im_reader_free(&r);
	im_talk_free(t);
	free(t);
	return 0;
}
