/*
 * The one form behind both encodings: a tree of elements. XML (libxml2's SAX
 * push parser) and WBXML (our own table-driven reader) both make it; the
 * message layer reads it; both writers write it.
 */
#ifndef SYNCML_NODE_H
#define SYNCML_NODE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "syncml/tags.h"

struct sml_node {
	enum sml_tag tag;
	struct slice text; /* all text inside, CDATA and opaque data joined */
	bool opaque;       /* some of the text came as WBXML OPAQUE */
	bool cdata;        /* some of it came as an XML CDATA section */
	struct sml_node *kids, *last;
	struct sml_node *next;
};

enum sml_enc { SML_XML, SML_WBXML };

/* How a document is written; a reader fills it with how it was written. */
struct sml_doc {
	enum sml_enc enc;
	int version; /* 10, 11 or 12: of namespace or public id; 0 unknown */
	bool textual_id; /* WBXML: public id given as text */
	bool no_xmlns;   /* XML: no namespace on the root */
	bool cdata;      /* XML: item data in CDATA sections */
};

/* Limits of one document; zero members mean the default in limits.h. */
struct sml_limits {
	size_t expanded_bytes; /* text after string tables and entities */
	unsigned depth;
	size_t nodes;
};

/* What a document is, by Content-Type and first bytes. false: neither. */
bool sml_enc_detect(struct slice content_type, struct slice body,
		    enum sml_enc *out);

/*
 * Read a document. *root is its SyncML (or DevInf) element.
 * ERR_PARSE malformed; ERR_LIMIT; ERR_NOMEM.
 */
int sml_read(struct arena *a, enum sml_enc enc, struct slice body,
	     const struct sml_limits *lim, struct sml_doc *doc,
	     struct sml_node **root, struct err *e);

/* A DevInf document inside Item/Data: WBXML or XML text in opaque data, or
   elements. NULL in *root when there is none. */
int sml_read_devinf(struct arena *a, const struct sml_node *data,
		    struct sml_node **root, struct err *e);

/* First child with this tag, or NULL; node may be NULL. */
const struct sml_node *sml_kid(const struct sml_node *n, enum sml_tag tag);
/* Trimmed text of that child; empty when it is not there. */
struct slice sml_kid_text(const struct sml_node *n, enum sml_tag tag);

/* Build trees for writing; NULL when memory is short, NULL parent allowed. */
struct sml_node *sml_node_new(struct arena *a, struct sml_node *parent,
			      enum sml_tag tag);
struct sml_node *sml_node_text(struct arena *a, struct sml_node *parent,
			       enum sml_tag tag, struct slice text);

/*
 * Write one element with all that is in it. Its bytes stand alone: they can be
 * put after any other element of the same document (in WBXML the code page is
 * SyncML's at both ends). opaque nodes become OPAQUE in WBXML; in XML their
 * text is escaped, or CDATA where doc->cdata says so.
 */
void sml_write(struct buf *out, const struct sml_doc *doc,
	       const struct sml_node *n);

/* A DevInf element as a document of its own, for Item/Data. */
void sml_write_devinf(struct buf *out, const struct sml_doc *doc,
		      const struct sml_node *devinf);

/* What stands before <SyncHdr> and after </SyncBody>'s last command. */
void sml_write_open(struct buf *out, const struct sml_doc *doc);
void sml_write_body(struct buf *out,
		    const struct sml_doc *doc); /* <SyncBody> */
void sml_write_close(struct buf *out, const struct sml_doc *doc, bool final);

#endif
