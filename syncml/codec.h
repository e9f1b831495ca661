/*
 * What the parts of the codec share: both readers feed one tree builder, both
 * writers are called through syncml/node.h. Private to tags.c, tree.c, node.c,
 * wbxml_*.c, xml_*.c, msg_*.c and devinf_*.c.
 */
#ifndef SYNCML_CODEC_H
#define SYNCML_CODEC_H

#include "syncml/node.h"

/* What an element holds: text, other elements, or nothing (its presence). */
enum sml_kind { SML_KIND_TEXT, SML_KIND_BOX, SML_KIND_FLAG };
enum sml_kind sml_tag_kind(enum sml_tag tag);

static inline enum sml_page
sml_tag_page(enum sml_tag tag)
{
	return (enum sml_page)((unsigned)tag >> 8);
}

/* The tag of a WBXML token (6 bits) in a vocabulary, or SML_UNKNOWN. */
enum sml_tag sml_tag_token(enum sml_page page, unsigned token);

/* ---- the tree builder (tree.c) ----------------------------------------- */

struct sml_frame {
	struct sml_node *node;
	char *p;    /* where its text was copied to; NULL: it was not */
	size_t cap; /* bytes reserved there */
};

struct sml_tree {
	struct arena *a;
	struct err *e;
	struct sml_node *root;
	struct sml_frame *stack; /* depth_max + 1 of them */
	unsigned depth;
	unsigned skip; /* elements deep inside of an unknown one */
	unsigned depth_max;
	size_t nodes_left;
	size_t bytes_left; /* of text */
	char *pool;        /* where the text is put that must be copied */
	size_t pool_n, pool_cap;
};

int sml_tree_init(struct sml_tree *t, struct arena *a,
		  const struct sml_limits *lim, struct err *e);

/* The document has so many bytes: what its text may grow to at most. */
void sml_tree_expands(struct sml_tree *t, size_t wire_bytes);

/* An element begins. One that is SML_UNKNOWN goes away with all inside it. */
int sml_tree_open(struct sml_tree *t, enum sml_tag tag);
void sml_tree_close(struct sml_tree *t);

/* A piece of text; `stable`: it lives as long as the tree, no copy needed. */
int sml_tree_text(struct sml_tree *t, struct slice piece, bool stable);

/* Count n bytes of text that go nowhere (or are about to be made). */
int sml_tree_count(struct sml_tree *t, size_t n);

/* The innermost element; NULL outside of all, or inside an unknown one. */
static inline struct sml_node *
sml_tree_top(const struct sml_tree *t)
{
	return t->depth == 0 || t->skip > 0 ? NULL
					    : t->stack[t->depth - 1].node;
}

/* Is the innermost element the Data of an Item? */
bool sml_tree_in_item_data(const struct sml_tree *t);

/* ---- the two encodings -------------------------------------------------- */

int sml_wbxml_read(struct sml_tree *t, struct slice body, struct sml_doc *doc);
int sml_xml_read(struct sml_tree *t, struct slice body, struct sml_doc *doc);
/* Is it an encoding that is read here? Empty is. */
bool sml_xml_encoding_ok(struct slice name);
/*
 * A document that did not read, without what may not stand in XML
 * (xml_clean.c). charset: of the HTTP header, or empty. *out is the body itself
 * where nothing can be done; it is never more than twice as long, and a
 * declaration.
 */
int sml_xml_clean(struct arena *a, struct slice body, struct slice charset,
		  struct slice *out, struct err *e);

/* Header and <SyncML>. */
void sml_wbxml_open(struct buf *out, const struct sml_doc *doc);
/* Bare tags of page 0; an end tag has no name in WBXML. */
void sml_wbxml_start(struct buf *out, enum sml_tag tag);
void sml_wbxml_end(struct buf *out);
void sml_wbxml_node(struct buf *out, const struct sml_doc *doc,
		    const struct sml_node *n);
/* A whole DevInf document. */
void sml_wbxml_devinf(struct buf *out, const struct sml_doc *doc,
		      const struct sml_node *devinf);

void sml_xml_open(struct buf *out, const struct sml_doc *doc);
void sml_xml_start(struct buf *out, enum sml_tag tag);
void sml_xml_end(struct buf *out, enum sml_tag tag);
void sml_xml_node(struct buf *out, const struct sml_doc *doc,
		  const struct sml_node *n);
/* The text as it is behind a reader by the book, which makes LF of CR LF and
   of CR (XML 1.0, 2.11). .p NULL: no memory. */
struct slice sml_xml_folded(struct arena *a, struct slice s);

/* <tag> and </tag> of page 0, for what is filled in parts. */
void sml_write_start(struct buf *out, const struct sml_doc *doc,
		     enum sml_tag tag);
void sml_write_end(struct buf *out, const struct sml_doc *doc,
		   enum sml_tag tag);

/* 10, 11 or 12 out of "1.1", "SyncML/1.1" or "SYNCML:SYNCML1.1"; else 0. */
int sml_version_of(struct slice text);

/*
 * One more element at the end of an array in the arena, doubling it as
 * needed; NULL when memory is short. For arrays that grow only this way.
 */
void *sml_push(struct arena *a, void *array, size_t n, size_t size_bytes);
#define SML_PUSH(a, array, n)                                                  \
	((array) = sml_push((a), (array), (n), sizeof(*(array))))

#endif
