/*
 * XML to a tree, by libxml2's SAX2 push parser: no entities, no DTD, nothing
 * fetched. Namespaces and prefixes are not looked at, but for the version that
 * the root's namespace tells: clients forget them too often.
 */
#include "syncml/codec.h"

#include <libxml/parser.h>
#include <pthread.h>

enum {
	/* The parser is fed in such pieces; a tag that is longer than one is
	   refused, since its time is the square of its attributes. */
	CHUNK_BYTES = 32768,
	/* Far above what SyncML needs, and few enough to be cheap. */
	ATTRS_MAX = 64,
	NAMESPACES_MAX = 16,
};

struct xml {
	struct sml_tree *t;
	struct sml_doc *doc;
	xmlParserCtxtPtr ctx;
	bool stopped; /* the error is told already */
};

static void
stop(struct xml *x)
{
	x->stopped = true;
	xmlStopParser(x->ctx);
}

static void
refuse(struct xml *x, enum err_code code, const char *why)
{
	if (x->stopped)
		return;
	(void)err_set(x->t->e, code, "xml.read", "%s", why);
	stop(x);
}

/* ---- what the parser calls ---------------------------------------------- */

static void
on_root(struct xml *x, const xmlChar *uri)
{
	struct slice ns = slice_c((const char *)uri);

	x->doc->no_xmlns = uri == NULL;
	if (slice_starts_nocase(ns, "syncml:syncml"))
		x->doc->version = sml_version_of(ns);
}

/* The parser's own signatures, here and below. */
static void /* NOLINTNEXTLINE(readability-function-size) */
on_start(void *ctx, const xmlChar *name, const xmlChar *prefix,
	 const xmlChar *uri, int namespace_n, const xmlChar **namespaces,
	 int attr_n, int defaulted_n, const xmlChar **attrs)
{
	struct xml *x = ctx;
	const struct sml_node *top = sml_tree_top(x->t);
	enum sml_page page = SML_PAGE_SYNCML;

	(void)prefix;
	(void)namespaces;
	(void)defaulted_n;
	(void)attrs;
	if (x->stopped)
		return;
	if (namespace_n > NAMESPACES_MAX || attr_n > ATTRS_MAX) {
		refuse(x, ERR_LIMIT, "an element has too many attributes");
		return;
	}
	if (top != NULL)
		page = sml_tag_page(top->tag);
	if (x->t->root == NULL)
		on_root(x, uri);
	if (sml_tree_open(x->t,
			  sml_tag_find(slice_c((const char *)name), page)) < 0)
		stop(x);
}

/*
 * Encodings that devices use. The others that the C library converts from have
 * states and shifts, in which '<' hides, and code that nobody else runs.
 */
bool
sml_xml_encoding_ok(struct slice name)
{
	static const char *const known[] = {
		"utf-8",     "utf8",  "utf-16",   "iso-8859-", "us-ascii",
		"ascii",     "cp125", "windows-", "gb2312",    "gbk",
		"shift_jis", "big5",  "euc-",
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (slice_starts_nocase(name, known[i]))
			return true;
	}
	return name.n == 0;
}

/* The declaration was read. */
static void
on_document(void *ctx)
{
	struct xml *x = ctx;

	if (x->ctx->encoding != NULL &&
	    !sml_xml_encoding_ok(slice_c((const char *)x->ctx->encoding)))
		refuse(x, ERR_PARSE, "an encoding that is not read here");
}

static void
on_end(void *ctx, const xmlChar *name, const xmlChar *prefix,
       const xmlChar *uri)
{
	struct xml *x = ctx;

	(void)name;
	(void)prefix;
	(void)uri;
	if (!x->stopped)
		sml_tree_close(x->t);
}

static void
on_text(void *ctx, const xmlChar *p, int n)
{
	struct xml *x = ctx;

	if (x->stopped || n <= 0)
		return;
	if (sml_tree_text(x->t, (struct slice){ (const char *)p, (size_t)n },
			  false) < 0)
		stop(x);
}

/*
 * CR LF in a section comes as it was sent (in push mode the parser does not
 * fold it): good, since that is what an announced Size was counted from.
 */
static void
on_cdata(void *ctx, const xmlChar *p, int n)
{
	struct xml *x = ctx;
	struct sml_node *top = sml_tree_top(x->t);

	if (top != NULL)
		top->cdata = true;
	if (sml_tree_in_item_data(x->t))
		x->doc->cdata = true;
	on_text(ctx, p, n);
}

/* A DOCTYPE may name its DTD (it is not fetched), and may not hold one. */
static void
on_doctype(void *ctx, const xmlChar *name, const xmlChar *public_id,
	   const xmlChar *system_id)
{
	struct xml *x = ctx;

	(void)name;
	(void)public_id;
	(void)system_id;
	if (*x->ctx->input->cur == '[')
		refuse(x, ERR_PARSE, "a DOCTYPE with declarations");
}

static void
on_entity(void *ctx, const xmlChar *name, int type, const xmlChar *public_id,
	  const xmlChar *system_id,
	  xmlChar *content) /* NOLINT(readability-non-const-parameter) */
{
	(void)name;
	(void)type;
	(void)public_id;
	(void)system_id;
	(void)content;
	refuse(ctx, ERR_PARSE, "an entity declaration");
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

/* ---- running it --------------------------------------------------------- */

static int
parser_error(const struct xml *x)
{
	const xmlError *last = xmlCtxtGetLastError(x->ctx);
	char text[160] = "it ends too early";
	size_t n = 0;

	if (last != NULL && last->code == XML_ERR_NO_MEMORY)
		return err_set(x->t->e, ERR_NOMEM, "xml.read",
			       "memory is short");
	if (last == NULL || last->message == NULL)
		return err_set(x->t->e, ERR_PARSE, "xml.read",
			       "not well-formed XML: %s", text);
	for (const char *p = last->message;
	     *p != '\0' && *p != '\n' && n < sizeof(text) - 1; p++)
		text[n++] = (char)(*p >= 0x20 && *p < 0x7F ? *p : '?');
	text[n] = '\0';
	return err_set(x->t->e, ERR_PARSE, "xml.read",
		       "not well-formed XML, line %d: %s", last->line, text);
}

/*
 * How much to feed next: cut before a '<', so that tags and characters stay
 * whole wherever it can be.
 */
static size_t
next_chunk(struct slice rest)
{
	size_t n = CHUNK_BYTES;

	if (rest.n <= n)
		return rest.n;
	while (n > CHUNK_BYTES / 2 && rest.p[n] != '<')
		n--;
	return rest.p[n] == '<' ? n : (size_t)CHUNK_BYTES;
}

static bool
tag_too_long(const struct xml *x)
{
	return x->ctx->instate == XML_PARSER_START_TAG &&
	       x->ctx->input != NULL &&
	       x->ctx->input->end - x->ctx->input->cur >= CHUNK_BYTES;
}

static int
feed(struct xml *x, struct slice body)
{
	size_t n;

	for (size_t at = 0; at < body.n; at += n) {
		struct slice rest = slice_from(body, at);

		n = next_chunk(rest);
		(void)xmlParseChunk(x->ctx, rest.p, (int)n, n == rest.n);
		if (x->stopped)
			return -1;
		if (!x->ctx->wellFormed)
			return parser_error(x);
		if (n < rest.n && tag_too_long(x))
			return err_set(x->t->e, ERR_LIMIT, "xml.read",
				       "a tag is too long");
	}
	return x->ctx->wellFormed && x->t->root != NULL && x->t->depth == 0
		   ? 0
		   : parser_error(x);
}

static int
run(struct xml *x, struct slice body)
{
	int r;

	(void)xmlCtxtUseOptions(x->ctx, XML_PARSE_NONET);
	r = feed(x, body);
	xmlFreeDoc(x->ctx->myDoc);
	x->ctx->myDoc = NULL;
	xmlFreeParserCtxt(x->ctx);
	return r;
}

static void
init_parser(void)
{
	xmlInitParser();
}

int
sml_xml_read(struct sml_tree *t, struct slice body, struct sml_doc *doc)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	xmlSAXHandler sax = {
		.initialized = XML_SAX2_MAGIC,
		.startDocument = on_document,
		.startElementNs = on_start,
		.endElementNs = on_end,
		.characters = on_text,
		.ignorableWhitespace = on_text,
		.cdataBlock = on_cdata,
		.internalSubset = on_doctype,
		.entityDecl = on_entity,
		.reference = on_reference,
		.serror = on_message,
	};
	struct xml x = { .t = t, .doc = doc };
	xmlStructuredErrorFunc old;
	void *old_ctx;
	int r;

	(void)pthread_once(&once, init_parser);
	if (body.n == 0)
		return err_set(t->e, ERR_PARSE, "xml.read",
			       "the document is empty");
	/* Errors of its converters know no parser: without this thread's own
	   function they are printed. */
	old = xmlStructuredError;
	old_ctx = xmlStructuredErrorContext;
	xmlSetStructuredErrorFunc(NULL, on_message);
	x.ctx = xmlCreatePushParserCtxt(&sax, &x, NULL, 0, NULL);
	r = x.ctx == NULL
		? err_set(t->e, ERR_NOMEM, "xml.read", "memory is short")
		: run(&x, body);
	xmlSetStructuredErrorFunc(old_ctx, old);
	return r;
}
