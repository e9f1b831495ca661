/*
 * A tree to WBXML 1.2: UTF-8, no string table (some phones cannot read one),
 * texts inline, and page 0 at both ends of every element.
 */
#include "syncml/codec.h"
#include "syncml/limits.h"

enum { ROOM = SML_DEPTH_MAX + 8, HAS_CONTENT = 0x40 };

static const char switch_page = 0x00;
static const char end_tag = 0x01;
static const char str_i = 0x03;
static const char opaque_token = (char)0xC3;

static void
put_number(struct buf *out, uint32_t v)
{
	char p[5];
	size_t n = sizeof(p);

	p[--n] = (char)(v & 0x7Fu);
	for (v >>= 7; v != 0; v >>= 7)
		p[--n] = (char)(0x80u | (v & 0x7Fu));
	buf_add(out, (struct slice){ p + n, sizeof(p) - n });
}

static void
put_opaque(struct buf *out, struct slice s)
{
	if (s.n > UINT32_MAX) {
		out->bad = true;
		return;
	}
	buf_byte(out, (unsigned char)opaque_token);
	put_number(out, (uint32_t)s.n);
	buf_add(out, s);
}

static void
put_text(struct buf *out, const struct sml_node *n)
{
	if (n->opaque || slice_find(n->text, '\0') != SIZE_MAX) {
		put_opaque(out, n->text);
		return;
	}
	buf_byte(out, (unsigned char)str_i);
	buf_add(out, n->text);
	buf_byte(out, 0);
}

static void
put_header(struct buf *out, const struct sml_doc *doc, bool devinf)
{
	static const uint32_t id[2][3] = { { 0x0FD1, 0x0FD3, 0x1201 },
					   { 0x0FD2, 0x0FD4, 0x1203 } };
	static const char *const name[2][3] = {
		{ "-//SYNCML//DTD SyncML 1.0//EN",
		  "-//SYNCML//DTD SyncML 1.1//EN",
		  "-//SYNCML//DTD SyncML 1.2//EN" },
		{ "-//SYNCML//DTD DevInf 1.0//EN",
		  "-//SYNCML//DTD DevInf 1.1//EN",
		  "-//SYNCML//DTD DevInf 1.2//EN" },
	};
	unsigned v = doc->version == 10 ? 0 : doc->version == 11 ? 1 : 2;
	struct slice text = slice_c(name[devinf][v]);

	buf_byte(out, 0x02);
	if (!doc->textual_id) {
		put_number(out, id[devinf][v]);
		buf_add(out, (struct slice){ "\x6A\0", 2 });
		return;
	}
	/* Id 0, at 0 in the string table, which holds nothing else and, as
	   the toolkit of the phones that use this form, no NUL. */
	buf_add(out, (struct slice){ "\0\0\x6A", 3 });
	put_number(out, (uint32_t)text.n);
	buf_add(out, text);
}

struct walk {
	struct buf *out;
	const struct sml_doc *doc;
	unsigned page;
	enum sml_page vocabulary; /* of the document: SYNCML or DEVINF */
	/* A DevInf in a message is a document of its own, in octets: */
	const struct sml_node *embedded; /* the one that is written now */
	struct buf inner;
	struct buf *outer;
	unsigned outer_page;
};

/* Can this element stand in this document? Unknown ones have no token. */
static bool
fits(const struct walk *w, const struct sml_node *n)
{
	enum sml_page page = sml_tag_page(n->tag);

	if (n->tag == SML_UNKNOWN)
		return false;
	return w->vocabulary == SML_PAGE_DEVINF ? page == SML_PAGE_DEVINF
						: page != SML_PAGE_DEVINF;
}

/* The token, with everything that stands before the kids. */
static void
put_start(struct walk *w, const struct sml_node *n, bool content)
{
	unsigned page = w->vocabulary == SML_PAGE_DEVINF
			    ? 0
			    : (unsigned)sml_tag_page(n->tag);
	unsigned token = (unsigned)n->tag & 0x3Fu;

	if (page != w->page) {
		buf_byte(w->out, (unsigned char)switch_page);
		buf_byte(w->out, (unsigned char)page);
		w->page = page;
	}
	buf_byte(w->out, (unsigned char)(token | (content ? HAS_CONTENT : 0u)));
	if (n->kids == NULL && n->text.n > 0)
		put_text(w->out, n);
}

static void
embed(struct walk *w, const struct sml_node *n)
{
	w->embedded = n;
	w->outer = w->out;
	w->outer_page = w->page;
	w->inner = BUF_IN(w->out->a);
	w->out = &w->inner;
	w->page = 0;
	w->vocabulary = SML_PAGE_DEVINF;
	put_header(w->out, w->doc, true);
}

static void
put_end(struct walk *w, const struct sml_node *n, bool content)
{
	if (content)
		buf_byte(w->out, (unsigned char)end_tag);
	if (n != w->embedded)
		return;
	w->embedded = NULL;
	w->out = w->outer;
	w->page = w->outer_page;
	w->vocabulary = SML_PAGE_SYNCML;
	put_opaque(w->out, buf_slice(&w->inner));
	w->out->bad = w->out->bad || w->inner.bad;
}

/* One element without kids, or the start of one with kids: true. */
static bool
enter(struct walk *w, const struct sml_node *n)
{
	bool content = n->kids != NULL || n->text.n > 0;

	if (w->vocabulary == SML_PAGE_SYNCML && n->tag == SML_DI_DEVINF)
		embed(w, n);
	if (!fits(w, n))
		return false;
	put_start(w, n, content);
	if (n->kids != NULL)
		return true;
	put_end(w, n, content);
	return false;
}

static void
put_tree(struct walk *w, const struct sml_node *n)
{
	const struct sml_node *up[ROOM];
	unsigned depth = 0;

	while (n != NULL) {
		if (enter(w, n)) {
			if (depth == ROOM) {
				w->out->bad = true;
				break;
			}
			up[depth++] = n;
			n = n->kids;
			continue;
		}
		while (depth > 0 && n->next == NULL) {
			n = up[--depth];
			put_end(w, n, true);
		}
		n = depth == 0 ? NULL : n->next;
	}
	/* Given up inside of an embedded document: its buffer is not ours. */
	if (w->embedded != NULL)
		w->outer->bad = true;
}

void
sml_wbxml_node(struct buf *out, const struct sml_doc *doc,
	       const struct sml_node *n)
{
	struct walk w = {
		.out = out,
		.doc = doc,
		.vocabulary = SML_PAGE_SYNCML,
	};

	put_tree(&w, n);
	if (w.page != 0)
		buf_add(out, (struct slice){ "\0\0", 2 });
}

void
sml_wbxml_devinf(struct buf *out, const struct sml_doc *doc,
		 const struct sml_node *devinf)
{
	struct walk w = {
		.out = out,
		.doc = doc,
		.vocabulary = SML_PAGE_DEVINF,
	};

	put_header(out, doc, true);
	put_tree(&w, devinf);
}

void
sml_wbxml_open(struct buf *out, const struct sml_doc *doc)
{
	put_header(out, doc, false);
	sml_wbxml_start(out, SML_SYNCML);
}

void
sml_wbxml_start(struct buf *out, enum sml_tag tag)
{
	buf_byte(out, (unsigned char)((unsigned)tag | HAS_CONTENT));
}

void
sml_wbxml_end(struct buf *out)
{
	buf_byte(out, (unsigned char)end_tag);
}
