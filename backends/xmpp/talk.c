#include "backends/xmpp/talk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { OUT_FIRST = 16384, LASTING_BYTES = 16384 };

static void
opened(void *ctx, const struct im_node *head)
{
	struct im_talk *t = ctx;

	if (t->step != IM_STEP_OVER && !t->restart)
		im_login_opened(t, head);
}

/* What the server says before it hangs up. */
static void
stream_error(struct im_talk *t, const struct im_node *n)
{
	const struct im_node *c = n->first;
	struct slice text = SLICE_LIT("");

	if (im_child(n, "text", NULL) != NULL)
		text = slice_utf8_cut(im_child(n, "text", NULL)->text, 80);
	if (c == NULL)
		im_talk_over(t, "the server ended the stream");
	else
		im_talk_over(t, "the server ended the stream: %.*s%s%.*s",
			     (int)(c->name.n > 60 ? 60 : c->name.n), c->name.p,
			     text.n > 0 ? ", " : "", SLICE_ARG(text));
}

static void
stanza(void *ctx, const struct im_node *n)
{
	struct im_talk *t = ctx;

	/* What stands behind a <proceed/> was not said under TLS. */
	if (t->step == IM_STEP_OVER || t->restart)
		return;
	arena_reset(t->scratch);
	if (im_is(n, "error", IM_NS_STREAM))
		stream_error(t, n);
	else if (t->step == IM_STEP_UP)
		im_in_stanza(t, n);
	else
		im_login_stanza(t, n);
}

static void
closed(void *ctx)
{
	im_talk_over(ctx, "the server ended the stream");
}

struct im_reader_calls
im_talk_calls(struct im_talk *t)
{
	return (struct im_reader_calls){ t, opened, stanza, closed };
}

int
im_talk_init(struct im_talk *t, struct err *e)
{
	struct slice jid = slice_c(t->conf->jid);

	t->a = arena_new(LASTING_BYTES);
	t->scratch = arena_new(IM_SCRATCH_BYTES);
	if (t->a == NULL || t->scratch == NULL)
		return err_set(e, ERR_NOMEM, "xmpp.open", "no memory");
	t->jid = arena_copy(t->a, jid);
	t->bare = im_jid_normal(t->a, jid);
	t->domain = im_jid_domain(t->bare);
	return 0;
}

void
im_talk_free(struct im_talk *t)
{
	arena_free(&t->a);
	arena_free(&t->scratch);
	free(t->out.p);
	t->out = (struct im_out){ 0 };
}

static void
greet(struct im_talk *t)
{
	struct buf b = BUF_IN(t->scratch);

	t->step = IM_STEP_OPEN;
	buf_str(&b, "<?xml version='1.0'?><stream:stream");
	im_put_attr(&b, "to", t->domain, IM_JID_MAX);
	buf_printf(&b, "%s xmlns='%s' xmlns:stream='" IM_NS_STREAM "'>",
		   t->conf->component ? "" : " version='1.0' xml:lang='en'",
		   t->conf->component ? IM_NS_COMPONENT : IM_NS_CLIENT);
	im_say(t, &b);
}

void
im_talk_begin(struct im_talk *t, bool plain_ok)
{
	t->plain_ok = plain_ok;
	t->tls = t->logged_in = t->session_wanted = t->restart = false;
	t->out.n = t->out.at = 0;
	t->why[0] = '\0';
	rnd_text(t->conf->rnd, t->ping, sizeof(t->ping));
	arena_reset(t->scratch);
	greet(t);
}

void
im_talk_again(struct im_talk *t, bool tls)
{
	t->tls = t->tls || tls;
	t->restart = false;
	arena_reset(t->scratch);
	greet(t);
}

void
im_talk_bye(struct im_talk *t)
{
	(void)im_talk_put(t, SLICE_LIT("</stream:stream>"));
}

void
im_talk_over(struct im_talk *t, const char *fmt, ...)
{
	va_list ap;

	if (t->step == IM_STEP_OVER)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(t->why, sizeof(t->why), fmt, ap);
	va_end(ap);
	t->step = IM_STEP_OVER;
}

/* ---- what goes out ------------------------------------------------------- */

bool
im_talk_room(const struct im_talk *t)
{
	return t->out.n - t->out.at < IM_OUT_BYTES_MAX / 2;
}

static bool
widen(struct im_out *o, size_t need)
{
	size_t cap = o->cap > 0 ? o->cap : OUT_FIRST;
	char *p;

	if (need > IM_OUT_BYTES_MAX)
		return false;
	while (cap < need)
		cap *= 2;
	p = realloc(o->p, cap);
	if (p == NULL)
		return false;
	o->p = p;
	o->cap = cap;
	return true;
}

bool
im_talk_put(struct im_talk *t, struct slice text)
{
	struct im_out *o = &t->out;

	if (o->at == o->n)
		o->at = o->n = 0;
	if (o->at > 0 && o->n + text.n > o->cap) {
		memmove(o->p, o->p + o->at, o->n - o->at);
		o->n -= o->at;
		o->at = 0;
	}
	if (o->n + text.n > o->cap && !widen(o, o->n + text.n))
		return false;
	memcpy(o->p + o->n, text.p, text.n);
	o->n += text.n;
	return true;
}

void
im_say(struct im_talk *t, const struct buf *b)
{
	if (buf_ok(b))
		(void)im_talk_put(t, buf_slice(b));
}

/*
 * A component asks itself: the server hands it back behind all that it was
 * given before. An account asks the server.
 */
void
im_talk_ping(struct im_talk *t, uint64_t n)
{
	struct buf b = BUF_IN(t->scratch);

	arena_reset(t->scratch);
	buf_printf(&b, "<iq type='get' id='%s-%llu'", t->ping,
		   (unsigned long long)n);
	if (t->conf->component) {
		im_put_attr(&b, "from", t->bare, IM_JID_MAX);
		im_put_attr(&b, "to", t->bare, IM_JID_MAX);
	}
	buf_str(&b, "><ping xmlns='urn:xmpp:ping'/></iq>");
	im_say(t, &b);
}
