#include "syncml/codec.h"

static bool
holds_nocase(struct slice s, const char *word)
{
	for (size_t i = 0; i < s.n; i++) {
		if (slice_starts_nocase(slice_from(s, i), word))
			return true;
	}
	return false;
}

/*
 * Content types that may carry a message of ours: SyncML's own in all their
 * spellings (device management excluded), and those that say nothing.
 */
static bool
type_ok(struct slice type)
{
	if (holds_nocase(type, "syncml"))
		return !holds_nocase(type, "syncml.dm") &&
		       !holds_nocase(type, "notification");
	return slice_trim(type).n == 0 || holds_nocase(type, "octet-stream") ||
	       slice_starts_nocase(type, "text/xml") ||
	       slice_starts_nocase(type, "application/xml") ||
	       holds_nocase(type, "wbxml");
}

bool
sml_enc_detect(struct slice content_type, struct slice body, enum sml_enc *out)
{
	unsigned char c;

	if (!type_ok(content_type))
		return false;
	if (body.n == 0) {
		*out =
		    holds_nocase(content_type, "wbxml") ? SML_WBXML : SML_XML;
		return content_type.n > 0;
	}
	/* The bytes decide: WBXML starts with its version, XML with '<',
	   white space or the mark of an encoding. */
	c = (unsigned char)body.p[0];
	if (c <= 3 && !(c == 0 && body.n > 1 && body.p[1] == '<')) {
		*out = SML_WBXML;
		return true;
	}
	*out = SML_XML;
	return c == '<' || c == 0 || c == ' ' || c == '\t' || c == '\r' ||
	       c == '\n' || c == 0xEF || c == 0xFE || c == 0xFF;
}

int
sml_read(struct arena *a, enum sml_enc enc, struct slice body,
	 const struct sml_limits *lim, struct sml_doc *doc,
	 struct sml_node **root, struct err *e)
{
	struct sml_tree t;
	int r;

	*root = NULL;
	*doc = (struct sml_doc){ .enc = enc };
	if (sml_tree_init(&t, a, lim, e) < 0)
		return -1;
	sml_tree_expands(&t, body.n);
	r = enc == SML_WBXML ? sml_wbxml_read(&t, body, doc)
			     : sml_xml_read(&t, body, doc);
	if (r < 0)
		return -1;
	if (t.root == NULL)
		return err_set(e, ERR_PARSE, "sml.read",
			       "the document holds no element");
	*root = t.root;
	return 0;
}

int
sml_read_devinf(struct arena *a, const struct sml_node *data,
		struct sml_node **root, struct err *e)
{
	struct sml_doc doc;
	struct slice text;

	*root = NULL;
	if (data == NULL)
		return 0;
	for (struct sml_node *k = data->kids; k != NULL; k = k->next) {
		if (k->tag == SML_DI_DEVINF) {
			*root = k;
			return 0;
		}
	}
	text = slice_trim(data->text);
	if (text.n == 0)
		return 0;
	if (text.p[0] == '<') {
		if (sml_read(a, SML_XML, text, NULL, &doc, root, e) < 0)
			return -1;
	} else if ((unsigned char)data->text.p[0] <= 3) {
		if (sml_read(a, SML_WBXML, data->text, NULL, &doc, root, e) < 0)
			return -1;
	} else {
		return err_set(e, ERR_PARSE, "sml.devinf",
			       "the device information is neither XML nor "
			       "WBXML");
	}
	if (*root != NULL && (*root)->tag == SML_DI_DEVINF)
		return 0;
	*root = NULL;
	return err_set(e, ERR_PARSE, "sml.devinf",
		       "the device information is another document");
}

const struct sml_node *
sml_kid(const struct sml_node *n, enum sml_tag tag)
{
	if (n == NULL)
		return NULL;
	for (const struct sml_node *k = n->kids; k != NULL; k = k->next) {
		if (k->tag == tag)
			return k;
	}
	return NULL;
}

struct slice
sml_kid_text(const struct sml_node *n, enum sml_tag tag)
{
	const struct sml_node *k = sml_kid(n, tag);

	return k == NULL ? SLICE_LIT("") : slice_trim(k->text);
}

struct sml_node *
sml_node_new(struct arena *a, struct sml_node *parent, enum sml_tag tag)
{
	struct sml_node *n = ARENA_NEW(a, struct sml_node);

	if (n == NULL)
		return NULL;
	n->tag = tag;
	n->text = SLICE_LIT("");
	if (parent == NULL)
		return n;
	if (parent->last == NULL)
		parent->kids = n;
	else
		parent->last->next = n;
	parent->last = n;
	return n;
}

struct sml_node *
sml_node_text(struct arena *a, struct sml_node *parent, enum sml_tag tag,
	      struct slice text)
{
	struct sml_node *n = sml_node_new(a, parent, tag);

	if (n != NULL)
		n->text = text;
	return n;
}

int
sml_version_of(struct slice text)
{
	text = slice_trim(text);
	if (text.n < 3 || text.p[text.n - 3] != '1' ||
	    text.p[text.n - 2] != '.')
		return 0;
	switch (text.p[text.n - 1]) {
	case '0':
		return 10;
	case '1':
		return 11;
	case '2':
		return 12;
	default:
		return 0;
	}
}

void
sml_write(struct buf *out, const struct sml_doc *doc, const struct sml_node *n)
{
	if (n == NULL)
		out->bad = true; /* a tree for which memory was short */
	else if (doc->enc == SML_WBXML)
		sml_wbxml_node(out, doc, n);
	else
		sml_xml_node(out, doc, n);
}

void
sml_write_devinf(struct buf *out, const struct sml_doc *doc,
		 const struct sml_node *devinf)
{
	if (devinf == NULL) {
		out->bad = true;
		return;
	}
	if (doc->enc == SML_XML) {
		buf_str(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
		sml_xml_node(out, doc, devinf);
		return;
	}
	sml_wbxml_devinf(out, doc, devinf);
}

void
sml_write_start(struct buf *out, const struct sml_doc *doc, enum sml_tag tag)
{
	if (doc->enc == SML_WBXML)
		sml_wbxml_start(out, tag);
	else
		sml_xml_start(out, tag);
}

void
sml_write_end(struct buf *out, const struct sml_doc *doc, enum sml_tag tag)
{
	if (doc->enc == SML_WBXML)
		sml_wbxml_end(out);
	else
		sml_xml_end(out, tag);
}

void
sml_write_open(struct buf *out, const struct sml_doc *doc)
{
	if (doc->enc == SML_WBXML)
		sml_wbxml_open(out, doc);
	else
		sml_xml_open(out, doc);
}

void
sml_write_body(struct buf *out, const struct sml_doc *doc)
{
	sml_write_start(out, doc, SML_SYNCBODY);
}

void
sml_write_close(struct buf *out, const struct sml_doc *doc, bool final)
{
	static const struct sml_node last = { .tag = SML_FINAL };

	if (final)
		sml_write(out, doc, &last);
	sml_write_end(out, doc, SML_SYNCBODY);
	sml_write_end(out, doc, SML_SYNCML);
}
