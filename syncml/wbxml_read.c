/*
 * WBXML to a tree: one pass over the bytes, no recursion, every length checked
 * against what is left. Texts that came as one token stay where they are.
 *
 * Which vocabulary it is, the root's token tells: 0x2D is SyncML, 0x0A DevInf.
 * That is surer than the public id, which peers leave out, give as "unknown",
 * or get wrong.
 */
#include "syncml/codec.h"
#include "syncml/limits.h"

enum {
	WB_SWITCH_PAGE = 0x00,
	WB_END = 0x01,
	WB_ENTITY = 0x02,
	WB_STR_I = 0x03,
	WB_LITERAL = 0x04,
	WB_EXT_I_0 = 0x40,
	WB_EXT_I_2 = 0x42,
	WB_PI = 0x43,
	WB_LITERAL_C = 0x44,
	WB_EXT_T_0 = 0x80,
	WB_EXT_T_2 = 0x82,
	WB_STR_T = 0x83,
	WB_LITERAL_A = 0x84,
	WB_EXT_0 = 0xC0,
	WB_EXT_2 = 0xC2,
	WB_OPAQUE = 0xC3,
	WB_LITERAL_AC = 0xC4,

	WB_TOKEN = 0x3F,
	WB_CONTENT = 0x40,
	WB_ATTRS = 0x80,

	WB_ROOT_SYNCML = 0x2D,
	WB_ROOT_DEVINF = 0x0A,

	WB_CHARSET_UNKNOWN = 0,
	WB_CHARSET_ASCII = 3,
	WB_CHARSET_LATIN1 = 4,
	WB_CHARSET_UTF8 = 0x6A,
};

struct wb {
	struct slice in;
	size_t at;
	struct slice strtbl;
	struct sml_tree *t;
	unsigned page;
	bool latin1;
	bool devinf;
};

static int
broken(const struct wb *w, const char *what)
{
	(void)err_set(w->t->e, ERR_PARSE, "wbxml.read", "%s (byte %zu)", what,
		      w->at);
	return -1;
}

static int
get_byte(struct wb *w, unsigned *out)
{
	if (w->at >= w->in.n)
		return broken(w, "the document ends too early");
	*out = (unsigned char)w->in.p[w->at++];
	return 0;
}

/* mb_u_int32: 7 bits each, the highest first. */
static int
get_number(struct wb *w, uint32_t *out)
{
	uint32_t v = 0;
	unsigned b;

	do {
		if (get_byte(w, &b) < 0)
			return -1;
		if (v > UINT32_MAX >> 7)
			return broken(w, "a number is beyond 32 bits");
		v = v << 7 | (b & 0x7Fu);
	} while ((b & 0x80u) != 0);
	*out = v;
	return 0;
}

static int
get_bytes(struct wb *w, size_t n, struct slice *out)
{
	if (n > w->in.n - w->at)
		return broken(w, "a length goes past the end");
	*out = slice_sub(w->in, w->at, n);
	w->at += n;
	return 0;
}

static int
get_inline(struct wb *w, struct slice *out)
{
	size_t n = slice_find(slice_from(w->in, w->at), '\0');

	if (n == SIZE_MAX)
		return broken(w, "a string does not end");
	*out = slice_sub(w->in, w->at, n);
	w->at += n + 1;
	return 0;
}

/* A string of the table; the last one may lack its NUL. */
static int
get_table(struct wb *w, struct slice *out)
{
	uint32_t at;
	size_t n;

	if (get_number(w, &at) < 0)
		return -1;
	if (at >= w->strtbl.n)
		return broken(w, "a reference past the string table");
	*out = slice_from(w->strtbl, at);
	n = slice_find(*out, '\0');
	if (n != SIZE_MAX)
		out->n = n;
	return 0;
}

/* ---- header ------------------------------------------------------------- */

static int
version_of_id(uint32_t id)
{
	switch (id) {
	case 0x0FD1:
	case 0x0FD2:
		return 10;
	case 0x0FD3:
	case 0x0FD4:
		return 11;
	case 0x1201:
	case 0x1202:
	case 0x1203:
		return 12;
	default:
		return 0;
	}
}

/* "-//SYNCML//DTD SyncML 1.1//EN" */
static int
version_of_text(struct slice id)
{
	size_t n = slice_find_str(id, "//EN");

	return sml_version_of(n == SIZE_MAX ? id : slice_sub(id, 0, n));
}

static int
get_charset(struct wb *w)
{
	uint32_t charset;

	if (get_number(w, &charset) < 0)
		return -1;
	switch (charset) {
	case WB_CHARSET_UNKNOWN:
	case WB_CHARSET_ASCII:
	case WB_CHARSET_UTF8:
		return 0;
	case WB_CHARSET_LATIN1:
		w->latin1 = true;
		return 0;
	default:
		return broken(w, "the charset is none that is read here");
	}
}

static int
get_header(struct wb *w, struct sml_doc *doc)
{
	unsigned version;
	uint32_t id;
	uint32_t id_at = 0;
	uint32_t n;

	if (get_byte(w, &version) < 0)
		return -1;
	if (version > 3)
		return broken(w, "not a version of WBXML");
	if (get_number(w, &id) < 0 || (id == 0 && get_number(w, &id_at) < 0))
		return -1;
	/* WBXML 1.0 had no charset in its header. */
	if (version > 0 && get_charset(w) < 0)
		return -1;
	if (get_number(w, &n) < 0)
		return -1;
	if (n > SML_STRTBL_BYTES_MAX)
		return err_set(w->t->e, ERR_LIMIT, "wbxml.read",
			       "the string table has %u bytes", n);
	if (get_bytes(w, n, &w->strtbl) < 0)
		return -1;
	doc->version = version_of_id(id);
	if (id != 0)
		return 0;
	if (id_at >= w->strtbl.n)
		return broken(w, "the public id is not in the string table");
	doc->textual_id = true;
	doc->version = version_of_text(slice_from(w->strtbl, id_at));
	return 0;
}

/* ---- text --------------------------------------------------------------- */

static int
add_latin1(struct wb *w, struct slice s)
{
	size_t n = s.n;
	char *p;
	char *o;

	for (size_t i = 0; i < s.n; i++)
		n += (unsigned char)s.p[i] >= 0x80;
	if (n > w->t->bytes_left)
		return sml_tree_count(w->t, n);
	p = arena_alloc(w->t->a, n);
	if (p == NULL)
		return err_set(w->t->e, ERR_NOMEM, "wbxml.read",
			       "memory is short");
	o = p;
	for (size_t i = 0; i < s.n; i++) {
		unsigned c = (unsigned char)s.p[i];

		if (c >= 0x80)
			*o++ = (char)(0xC0u | c >> 6);
		*o++ = (char)(c >= 0x80 ? 0x80u | (c & 0x3Fu) : c);
	}
	return sml_tree_text(w->t, (struct slice){ p, n }, true);
}

/*
 * Strings are in the document's charset. Old phones say UTF-8 and write
 * ISO-8859-1: in a name or id that is made good here, in Data it is left to
 * those who know the item.
 */
static int
add_string(struct wb *w, struct slice s)
{
	const struct sml_node *top = sml_tree_top(w->t);

	if (top == NULL || s.n == 0)
		return sml_tree_count(w->t, s.n);
	if (w->latin1 || (top->tag != SML_DATA && !slice_utf8_ok(s)))
		return add_latin1(w, s);
	return sml_tree_text(w->t, s, true);
}

static int
add_opaque(struct wb *w)
{
	struct sml_node *top = sml_tree_top(w->t);
	struct slice s;
	uint32_t n;

	if (get_number(w, &n) < 0 || get_bytes(w, n, &s) < 0)
		return -1;
	if (top != NULL)
		top->opaque = true;
	return sml_tree_text(w->t, s, true);
}

static int
add_entity(struct wb *w)
{
	char p[4];
	uint32_t c;
	size_t n;

	if (get_number(w, &c) < 0)
		return -1;
	if (c == 0 || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
		return broken(w, "an entity is no character");
	if (c < 0x80) {
		p[0] = (char)c;
		n = 1;
	} else if (c < 0x800) {
		p[0] = (char)(0xC0u | c >> 6);
		n = 2;
	} else if (c < 0x10000) {
		p[0] = (char)(0xE0u | c >> 12);
		n = 3;
	} else {
		p[0] = (char)(0xF0u | c >> 18);
		n = 4;
	}
	for (size_t i = 1; i < n; i++)
		p[i] = (char)(0x80u | ((c >> 6 * (n - 1 - i)) & 0x3Fu));
	return sml_tree_text(w->t, (struct slice){ p, n }, false);
}

/* ---- elements ----------------------------------------------------------- */

/* Attributes, or a processing instruction: nothing of ours; up to END. */
static int
skip_attrs(struct wb *w)
{
	struct slice s;
	uint32_t v;
	unsigned b;
	int r = 0;

	while (r == 0) {
		if (get_byte(w, &b) < 0)
			return -1;
		switch (b) {
		case WB_END:
			return 0;
		case WB_SWITCH_PAGE:
			r = get_byte(w, &b);
			break;
		case WB_ENTITY:
		case WB_LITERAL:
		case WB_STR_T:
			r = get_number(w, &v);
			break;
		case WB_STR_I:
			r = get_inline(w, &s);
			break;
		case WB_OPAQUE:
			r = get_number(w, &v);
			if (r == 0)
				r = get_bytes(w, v, &s);
			break;
		default:
			if ((b & WB_TOKEN) <= 2 && b >= WB_EXT_I_0)
				return broken(w, "an extension token");
			break;
		}
	}
	return r;
}

static enum sml_tag
tag_of(struct wb *w, unsigned token)
{
	if (w->t->depth == 0 && w->t->skip == 0)
		w->devinf = token == WB_ROOT_DEVINF;
	if (w->devinf)
		return w->page == 0 ? sml_tag_token(SML_PAGE_DEVINF, token)
				    : SML_UNKNOWN;
	if (w->page > 1)
		return SML_UNKNOWN;
	return sml_tag_token((enum sml_page)w->page, token);
}

static int
add_element(struct wb *w, unsigned b)
{
	unsigned token = b & WB_TOKEN;
	enum sml_tag tag = SML_UNKNOWN;
	uint32_t name;

	if (token == WB_LITERAL) {
		if (get_number(w, &name) < 0)
			return -1;
	} else {
		tag = tag_of(w, token);
	}
	if (sml_tree_open(w->t, tag) < 0)
		return -1;
	if ((b & WB_ATTRS) != 0 && skip_attrs(w) < 0)
		return -1;
	if ((b & WB_CONTENT) == 0)
		sml_tree_close(w->t);
	return 0;
}

static int
add_token(struct wb *w, unsigned b)
{
	struct slice s;

	switch (b) {
	case WB_SWITCH_PAGE:
		return get_byte(w, &w->page);
	case WB_END:
		sml_tree_close(w->t);
		return 0;
	case WB_ENTITY:
		return add_entity(w);
	case WB_STR_I:
		return get_inline(w, &s) < 0 ? -1 : add_string(w, s);
	case WB_STR_T:
		return get_table(w, &s) < 0 ? -1 : add_string(w, s);
	case WB_OPAQUE:
		return add_opaque(w);
	case WB_PI:
		return skip_attrs(w);
	default:
		break;
	}
	if ((b & WB_TOKEN) <= 2)
		return broken(w, "an extension token");
	return add_element(w, b);
}

int
sml_wbxml_read(struct sml_tree *t, struct slice body, struct sml_doc *doc)
{
	struct wb w = { .in = body, .t = t };
	unsigned b;

	if (get_header(&w, doc) < 0)
		return -1;
	/* Up to the root: page switches and processing instructions. */
	while (t->root == NULL) {
		if (get_byte(&w, &b) < 0)
			return -1;
		if (b == WB_END || b == WB_ENTITY || b == WB_STR_I ||
		    b == WB_STR_T || b == WB_OPAQUE)
			return broken(&w, "no root element");
		if (add_token(&w, b) < 0)
			return -1;
	}
	/* What follows the root's end is not looked at. */
	while (t->depth > 0) {
		if (get_byte(&w, &b) < 0 || add_token(&w, b) < 0)
			return -1;
	}
	return 0;
}
