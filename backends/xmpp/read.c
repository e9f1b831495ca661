#include "backends/xmpp/node.h"

#include <libxml/parser.h>
#include <stdlib.h>

struct im_reader {
	struct im_reader_calls calls;
	xmlParserCtxtPtr ctx;
	struct arena *a;     /* the stanza that is coming */
	struct im_node *top; /* the innermost open element of it */
	struct buf text;     /* of the innermost element, as far as it came */
	size_t depth;        /* of elements, the stream's is 1 */
	size_t stanza_bytes; /* fed since the last stanza began */
	size_t skipped;
	bool skip;    /* the stanza that is coming is too large */
	bool priming; /* the head is one that we made ourselves */
	bool component;
	bool closed;
	struct err *e; /* of the call that is running */
	bool failed;
};

enum { FEED_BYTES = 4096 };

static void
refuse(struct im_reader *r, enum err_code code, const char *why)
{
	if (r->failed)
		return;
	r->failed = true;
	(void)err_set(r->e, code, "xmpp.read", "%s", why);
	xmlStopParser(r->ctx);
}

/* ---- the tree ------------------------------------------------------------ */

static bool
add_attr(struct im_reader *r, struct im_node *n, const char *name,
	 struct slice value)
{
	struct im_attr *at = ARENA_NEW(r->a, struct im_attr);

	if (at == NULL)
		return false;
	at->name = arena_copy(r->a, slice_c(name));
	at->value = arena_copy(r->a, value);
	at->next = n->attrs;
	n->attrs = at;
	return at->name.p != NULL && at->value.p != NULL;
}

/* Five pointers each: name, prefix, namespace, value, its end. */
static bool
add_attrs(struct im_reader *r, struct im_node *n, const xmlChar **attrs,
	  int attr_n)
{
	for (int i = 0; i < attr_n; i++, attrs += 5) {
		const char *prefix = (const char *)attrs[1];
		struct slice value = { (const char *)attrs[3],
				       (size_t)(attrs[4] - attrs[3]) };

		if (prefix != NULL && !slice_is(slice_c(prefix), "xml"))
			continue;
		if (!add_attr(r, n, (const char *)attrs[0], value))
			return false;
	}
	return true;
}

/* What has come of the innermost element's text moves into it. */
static bool
settle_text(struct im_reader *r)
{
	struct slice more = buf_slice(&r->text);
	struct slice all = more;

	if (!buf_ok(&r->text))
		return false;
	if (r->top == NULL || more.n == 0)
		return true;
	if (r->top->text.n > 0)
		all = arena_printf(r->a, "%.*s%.*s", SLICE_ARG(r->top->text),
				   SLICE_ARG(more));
	r->top->text = all;
	r->text = BUF_IN(r->a);
	return all.p != NULL;
}

static struct im_node *
add_node(struct im_reader *r, const xmlChar *name, const xmlChar *uri)
{
	struct im_node *n;

	if (!settle_text(r) || (n = ARENA_NEW(r->a, struct im_node)) == NULL)
		return NULL;
	n->name = arena_copy(r->a, slice_c((const char *)name));
	n->ns = arena_copy(r->a, slice_c((const char *)uri));
	n->parent = r->top;
	if (n->name.p == NULL || n->ns.p == NULL)
		return NULL;
	if (r->top != NULL && r->top->last != NULL)
		r->top->last->next = n;
	else if (r->top != NULL)
		r->top->first = n;
	if (r->top != NULL)
		r->top->last = n;
	return n;
}

static void
forget(struct im_reader *r)
{
	arena_reset(r->a);
	r->top = NULL;
	r->text = BUF_IN(r->a);
	r->skip = false;
}

/* Too large or too deep: nothing of it is kept until it ends. */
static void
pass_over(struct im_reader *r)
{
	forget(r);
	r->skip = true;
	r->skipped++;
}

/* ---- what the parser calls ----------------------------------------------- */

static void
on_head(struct im_reader *r, const xmlChar *name, const xmlChar *uri,
	const xmlChar **attrs, int attr_n, const char *content_ns)
{
	struct im_node *n;

	if (r->priming)
		return;
	if (r->ctx->input->buf != NULL && r->ctx->input->buf->encoder != NULL) {
		refuse(r, ERR_PARSE, "a stream that is not UTF-8");
		return;
	}
	r->component = content_ns != NULL &&
		       slice_is(slice_c(content_ns), IM_NS_COMPONENT);
	n = add_node(r, name, uri);
	if (n == NULL || !add_attrs(r, n, attrs, attr_n))
		refuse(r, ERR_LIMIT, "the stream's head is too large");
	else if (!im_is(n, "stream", IM_NS_STREAM))
		refuse(r, ERR_PARSE, "this is no XMPP stream");
	else
		r->calls.open(r->calls.ctx, n);
	forget(r);
}

/* The parser's own signatures, here and below. */
static void /* NOLINTNEXTLINE(readability-function-size) */
on_start(void *ctx, const xmlChar *name, const xmlChar *prefix,
	 const xmlChar *uri, int namespace_n, const xmlChar **namespaces,
	 int attr_n, int defaulted_n, const xmlChar **attrs)
{
	struct im_reader *r = ctx;
	struct im_node *n;

	(void)prefix;
	(void)defaulted_n;
	if (r->failed)
		return;
	if (++r->depth == 1) {
		const char *ns = NULL;

		for (int i = 0; i < namespace_n; i++) {
			if (namespaces[(size_t)i * 2] == NULL)
				ns =
				    (const char *)namespaces[(size_t)i * 2 + 1];
		}
		on_head(r, name, uri, attrs, attr_n, ns);
		return;
	}
	if (r->skip)
		return;
	if (r->depth > IM_DEPTH_MAX) {
		pass_over(r);
		return;
	}
	n = add_node(r, name, uri);
	if (n != NULL && add_attrs(r, n, attrs, attr_n))
		r->top = n;
	else
		pass_over(r);
}

static void
on_end(void *ctx, const xmlChar *name, const xmlChar *prefix,
       const xmlChar *uri)
{
	struct im_reader *r = ctx;

	(void)name;
	(void)prefix;
	(void)uri;
	if (r->failed)
		return;
	if (--r->depth == 0) {
		r->closed = true;
		r->calls.close(r->calls.ctx);
		return;
	}
	if (!r->skip && !settle_text(r))
		pass_over(r);
	if (r->depth > 1) {
		if (!r->skip)
			r->top = r->top->parent;
		return;
	}
	if (!r->skip)
		r->calls.stanza(r->calls.ctx, r->top);
	r->stanza_bytes = 0;
	forget(r);
}

static void
on_text(void *ctx, const xmlChar *p, int n)
{
	struct im_reader *r = ctx;

	if (r->failed || r->skip || r->top == NULL || n <= 0)
		return;
	buf_add(&r->text, (struct slice){ (const char *)p, (size_t)n });
	if (!buf_ok(&r->text))
		pass_over(r);
}

static void
on_doctype(void *ctx, const xmlChar *name, const xmlChar *public_id,
	   const xmlChar *system_id)
{
	(void)name;
	(void)public_id;
	(void)system_id;
	refuse(ctx, ERR_PARSE, "a DOCTYPE");
}

static void
on_reference(void *ctx, const xmlChar *name)
{
	(void)name;
	refuse(ctx, ERR_PARSE, "a reference to an undeclared entity");
}

/* The parser's messages are read from it at the end, not printed. */
static void
on_message(void *ctx, xmlErrorPtr error)
{
	(void)ctx;
	(void)error;
}

/* ---- running it ---------------------------------------------------------- */

static xmlParserCtxtPtr
new_parser(struct im_reader *r)
{
	xmlSAXHandler sax = {
		.initialized = XML_SAX2_MAGIC,
		.startElementNs = on_start,
		.endElementNs = on_end,
		.characters = on_text,
		.ignorableWhitespace = on_text,
		.cdataBlock = on_text,
		.internalSubset = on_doctype,
		.reference = on_reference,
		.serror = on_message,
	};
	xmlParserCtxtPtr ctx = xmlCreatePushParserCtxt(&sax, r, NULL, 0, NULL);

	/* Else "&amp;" in an attribute is not resolved; other entities than
	   XML's own cannot be declared. */
	if (ctx != NULL)
		(void)xmlCtxtUseOptions(ctx, XML_PARSE_NONET | XML_PARSE_NOENT);
	return ctx;
}

static void
drop_parser(struct im_reader *r)
{
	if (r->ctx == NULL)
		return;
	xmlFreeDoc(r->ctx->myDoc);
	xmlFreeParserCtxt(r->ctx);
	r->ctx = NULL;
}

int
im_reader_restart(struct im_reader *r, struct err *e)
{
	drop_parser(r);
	forget(r);
	r->depth = 0;
	r->stanza_bytes = 0;
	r->failed = r->closed = false;
	r->ctx = new_parser(r);
	if (r->ctx == NULL)
		return err_set(e, ERR_NOMEM, "xmpp.read", "no memory");
	return 0;
}

struct im_reader *
im_reader_new(const struct im_reader_calls *calls)
{
	struct im_reader *r = calloc(1, sizeof(*r));
	struct err e;

	if (r == NULL)
		return NULL;
	r->calls = *calls;
	r->a = arena_new(IM_STANZA_BYTES_MAX);
	if (r->a == NULL || im_reader_restart(r, &e) < 0)
		im_reader_free(&r);
	return r;
}

void
im_reader_free(struct im_reader **r)
{
	if (*r == NULL)
		return;
	drop_parser(*r);
	arena_free(&(*r)->a);
	free(*r);
	*r = NULL;
}

size_t
im_reader_skipped(const struct im_reader *r)
{
	return r->skipped;
}

static size_t
waiting(const struct im_reader *r)
{
	return r->ctx->input == NULL
		   ? 0
		   : (size_t)(r->ctx->input->end - r->ctx->input->cur);
}

size_t
im_reader_held(const struct im_reader *r)
{
	return waiting(r) + xmlDictGetUsage(r->ctx->dict) + arena_used(r->a);
}

static bool
parse(struct im_reader *r, const char *p, size_t n)
{
	(void)xmlParseChunk(r->ctx, p, (int)n, 0);
	if (!r->failed && !r->ctx->wellFormed)
		refuse(r, ERR_PARSE, "bytes that are no XML");
	return !r->failed;
}

/*
 * The parser keeps each name that it has met for as long as it lives, and a
 * stream lives for months. Between two stanzas another one takes over, which
 * is told the head that the first one read.
 */
static int
renew(struct im_reader *r)
{
	static const char head[] =
	    "<stream:stream xmlns='%s' xmlns:stream='" IM_NS_STREAM "'>";
	xmlParserCtxtPtr old = r->ctx;
	size_t rest = waiting(r);
	char text[160];
	int n = snprintf(text, sizeof(text), head,
			 r->component ? IM_NS_COMPONENT : IM_NS_CLIENT);
	bool ok;

	r->ctx = new_parser(r);
	if (r->ctx == NULL) {
		r->ctx = old;
		return err_set(r->e, ERR_NOMEM, "xmpp.read", "no memory");
	}
	r->depth = 0;
	r->priming = true;
	ok = parse(r, text, (size_t)n);
	r->priming = false;
	if (ok && rest > 0)
		ok = parse(r, (const char *)old->input->cur, rest);
	xmlFreeDoc(old->myDoc);
	xmlFreeParserCtxt(old);
	return ok ? 0 : -1;
}

int
im_reader_feed(struct im_reader *r, struct slice bytes, struct err *e)
{
	r->e = e;
	for (size_t at = 0; at < bytes.n && !r->closed; at += FEED_BYTES) {
		struct slice part = slice_sub(bytes, at, FEED_BYTES);

		if (r->failed)
			return err_set(e, ERR_PARSE, "xmpp.read",
				       "the stream is broken");
		r->stanza_bytes += part.n;
		if (!parse(r, part.p, part.n))
			return -1;
		if (waiting(r) > IM_TAG_BYTES_MAX ||
		    r->stanza_bytes > IM_WIRE_BYTES_MAX)
			refuse(r, ERR_LIMIT, "a stanza without an end");
		if (r->failed)
			return -1;
		if (r->depth == 1) /* blanks keep a line alive, too */
			r->stanza_bytes = 0;
		if (r->depth == 1 && !r->closed &&
		    xmlDictGetUsage(r->ctx->dict) > IM_NAMES_BYTES_MAX &&
		    renew(r) < 0)
			return -1;
	}
	return 0;
}
