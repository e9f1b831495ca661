/*
 * A tree to XML 1.0 in UTF-8.
 *
 * CR LF goes out as it is, never as a character reference: readers that phones
 * and plug-ins bring along know five entities at most, and would keep "&#13;"
 * as text of the item. Readers by the book make LF of it, which every item's
 * grammar takes for a line end.
 *
 * XML has no way to say most control characters, and none at all for bytes
 * that are no characters. Control characters are left out (they mean nothing
 * in a text), other bytes become U+FFFD, so that the loss can be seen: binary
 * content has to be base64.
 */
#include "syncml/codec.h"
#include "syncml/limits.h"

enum { ROOM = SML_DEPTH_MAX + 8 };

enum style {
	STYLE_TEXT, /* escaped */
	STYLE_CDATA,
};

static void
flush(struct buf *out, struct slice s, size_t from, size_t to)
{
	buf_add(out, slice_sub(s, from, to - from));
}

/* What stands for an ASCII character; NULL: itself. */
static const char *
ascii_form(unsigned char c, enum style style, struct slice before)
{
	switch (c) {
	case '\t':
	case '\n':
	case '\r':
		return NULL;
	case '&':
		return style == STYLE_CDATA ? NULL : "&amp;";
	case '<':
		return style == STYLE_CDATA ? NULL : "&lt;";
	case '>':
		if (style != STYLE_CDATA)
			return "&gt;";
		/* "]]>" ends a section: cut it between two of them. */
		return slice_ends(before, "]]") ? "]]><![CDATA[>" : NULL;
	default:
		return c < 0x20 ? "" : NULL;
	}
}

/*
 * Form of the character at s[i]: *len is its length in s. NULL: as it is.
 */
static const char *
form(struct slice s, size_t i, enum style style, size_t *len)
{
	unsigned char c = (unsigned char)s.p[i];

	*len = 1;
	if (c < 0x80)
		return ascii_form(c, style, slice_sub(s, 0, i));
	*len = slice_utf8_len(slice_from(s, i));
	if (*len == 0) {
		*len = 1;
		return "\xEF\xBF\xBD";
	}
	/* U+FFFE and U+FFFF are no characters of XML. */
	if (c == 0xEF && (unsigned char)s.p[i + 1] == 0xBF &&
	    (unsigned char)s.p[i + 2] >= 0xBE)
		return "\xEF\xBF\xBD";
	return NULL;
}

static void
put_text(struct buf *out, struct slice s, enum style style)
{
	size_t from = 0;
	size_t len;

	for (size_t i = 0; i < s.n; i += len) {
		unsigned char c = (unsigned char)s.p[i];
		const char *as;

		len = 1;
		if (c >= 0x20 && c < 0x80 && c != '&' && c != '<' && c != '>')
			continue;
		as = form(s, i, style, &len);
		if (as == NULL)
			continue;
		flush(out, s, from, i);
		buf_str(out, as);
		from = i + len;
	}
	flush(out, s, from, s.n);
}

static bool
wants_cdata(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		switch (s.p[i]) {
		case '\r':
		case '\n':
		case '&':
		case '<':
		case '>':
			return true;
		default:
			break;
		}
	}
	return false;
}

static void
put_item_data(struct buf *out, const struct sml_doc *doc, struct slice s)
{
	if (!doc->cdata || !wants_cdata(s)) {
		put_text(out, s, STYLE_TEXT);
		return;
	}
	buf_str(out, "<![CDATA[");
	put_text(out, s, STYLE_CDATA);
	buf_str(out, "]]>");
}

/* DevInf 1.2 renamed one element; its token stayed. */
static const char *
name_of(const struct sml_doc *doc, enum sml_tag tag)
{
	return tag == SML_DI_SIZE && doc->version == 12 ? "MaxSize"
							: sml_tag_name(tag);
}

static void
put_start(struct buf *out, const struct sml_doc *doc, const struct sml_node *n,
	  enum sml_page around)
{
	enum sml_page page = sml_tag_page(n->tag);

	buf_byte(out, '<');
	buf_str(out, name_of(doc, n->tag));
	if (page == SML_PAGE_METINF && around != SML_PAGE_METINF)
		buf_str(out, " xmlns='syncml:metinf'");
	if (page == SML_PAGE_DEVINF && around != SML_PAGE_DEVINF)
		buf_str(out, " xmlns='syncml:devinf'");
}

static void
put_end(struct buf *out, const struct sml_doc *doc, enum sml_tag tag)
{
	buf_str(out, "</");
	buf_str(out, name_of(doc, tag));
	buf_byte(out, '>');
}

/* An element without kids, or the start of one with kids: true. */
static bool
enter(struct buf *out, const struct sml_doc *doc, const struct sml_node *n,
      const struct sml_node *up)
{
	if (n->tag == SML_UNKNOWN)
		return false;
	put_start(out, doc, n,
		  up == NULL ? SML_PAGE_SYNCML : sml_tag_page(up->tag));
	if (n->kids == NULL && n->text.n == 0 &&
	    sml_tag_kind(n->tag) != SML_KIND_TEXT) {
		buf_str(out, "/>");
		return false;
	}
	buf_byte(out, '>');
	if (n->kids != NULL)
		return true;
	if (n->tag == SML_DATA && up != NULL && up->tag == SML_ITEM)
		put_item_data(out, doc, n->text);
	else
		put_text(out, n->text, STYLE_TEXT);
	put_end(out, doc, n->tag);
	return false;
}

void
sml_xml_node(struct buf *out, const struct sml_doc *doc,
	     const struct sml_node *n)
{
	const struct sml_node *up[ROOM];
	unsigned depth = 0;

	for (;;) {
		if (enter(out, doc, n, depth == 0 ? NULL : up[depth - 1])) {
			if (depth == ROOM) {
				out->bad = true;
				return;
			}
			up[depth++] = n;
			n = n->kids;
			continue;
		}
		while (depth > 0 && n->next == NULL) {
			n = up[--depth];
			put_end(out, doc, n->tag);
		}
		if (depth == 0)
			return;
		n = n->next;
	}
}

void
sml_xml_open(struct buf *out, const struct sml_doc *doc)
{
	buf_str(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><SyncML");
	if (!doc->no_xmlns) {
		buf_str(out, " xmlns='SYNCML:SYNCML1.");
		buf_byte(out, (unsigned char)(doc->version == 10   ? '0'
					      : doc->version == 11 ? '1'
								   : '2'));
		buf_byte(out, '\'');
	}
	buf_byte(out, '>');
}

void
sml_xml_start(struct buf *out, enum sml_tag tag)
{
	buf_byte(out, '<');
	buf_str(out, sml_tag_name(tag));
	buf_byte(out, '>');
}

void
sml_xml_end(struct buf *out, enum sml_tag tag)
{
	buf_str(out, "</");
	buf_str(out, sml_tag_name(tag));
	buf_byte(out, '>');
}

struct slice
sml_xml_folded(struct arena *a, struct slice s)
{
	size_t n = 0;
	char *p;

	if (slice_find(s, '\r') == SIZE_MAX)
		return s;
	p = arena_alloc(a, s.n);
	if (p == NULL)
		return (struct slice){ NULL, 0 };
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '\r')
			p[n++] = s.p[i];
		else if (i + 1 >= s.n || s.p[i + 1] != '\n')
			p[n++] = '\n';
	}
	return (struct slice){ p, n };
}
