/*
 * XMPP as trees and as text: a reader that is fed with a stream's bytes and
 * hands out one stanza after the other, and what writes text so that it stays
 * text. No sockets here, and no memory that grows with what the far side
 * sends.
 */
#ifndef BACKENDS_XMPP_NODE_H
#define BACKENDS_XMPP_NODE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum {
	/* One stanza as a tree. What is larger is passed over, and the stream
	   goes on: else whoever writes to us could break our line. */
	IM_STANZA_BYTES_MAX = 131072,
	/* Elements inside each other; XMPP needs about 8. */
	IM_DEPTH_MAX = 32,
	/* One tag with its attributes: their check is quadratic. */
	IM_TAG_BYTES_MAX = 65536,
	/* One stanza on the wire, passed over or not; servers allow 256 kB
	   to their users and 512 kB to other servers. */
	IM_WIRE_BYTES_MAX = 1048576,
	/* Names that the parser has learnt; beyond it, a new parser. */
	IM_NAMES_BYTES_MAX = 262144,
};

#define IM_NS_STREAM "http://etherx.jabber.org/streams"
#define IM_NS_CLIENT "jabber:client"
#define IM_NS_COMPONENT "jabber:component:accept"

struct im_attr {
	struct slice name; /* without a prefix; "xml:lang" is "lang" */
	struct slice value;
	struct im_attr *next;
};

struct im_node {
	struct slice name; /* without the prefix */
	struct slice ns;
	struct slice text; /* directly in it */
	struct im_attr *attrs;
	struct im_node *first, *last; /* elements in it */
	struct im_node *next, *parent;
};

/* The value of an attribute; empty when it is not there. */
struct slice im_attr(const struct im_node *n, const char *name);

/* The first child of that name and namespace (NULL: any), or NULL. n may be
   NULL. */
const struct im_node *im_child(const struct im_node *n, const char *name,
			       const char *ns);

/* Is it that element? n may be NULL. */
bool im_is(const struct im_node *n, const char *name, const char *ns);

/* ---- the reader ---------------------------------------------------------- */

struct im_reader_calls {
	void *ctx;
	/* The stream's head. Nodes live as long as the call. */
	void (*open)(void *ctx, const struct im_node *stream);
	void (*stanza)(void *ctx, const struct im_node *stanza);
	/* The stream's end. */
	void (*close)(void *ctx);
};

struct im_reader;

/* NULL: no memory. Free with im_reader_free(&r). */
struct im_reader *im_reader_new(const struct im_reader_calls *calls);
void im_reader_free(struct im_reader **r);

/* A new stream begins: after TLS, after a login. Not from within a call. */
int im_reader_restart(struct im_reader *r, struct err *e);

/* The next bytes. -1: not XML, or beyond a limit; the stream is over. */
int im_reader_feed(struct im_reader *r, struct slice bytes, struct err *e);

/* Stanzas that were passed over since they were too large. */
size_t im_reader_skipped(const struct im_reader *r);

/* Bytes that it holds of what has not come whole, and of names. */
size_t im_reader_held(const struct im_reader *r);

/* ---- writing ------------------------------------------------------------- */

/*
 * Text between tags or in an attribute: cut after max bytes between two
 * characters, escaped; control characters are dropped but for line feed and
 * tab, bytes that are no UTF-8 become U+FFFD.
 */
void im_put(struct buf *b, struct slice s, size_t max);

/* " name='value'" with the value as above, without line feeds; nothing when it
   is empty. */
void im_put_attr(struct buf *b, const char *name, struct slice value,
		 size_t max);

/* "<name>text</name>"; nothing when it is empty. */
void im_put_element(struct buf *b, const char *name, struct slice text,
		    size_t max);

/* ---- addresses ----------------------------------------------------------- */

enum { IM_JID_MAX = 1024 };

/*
 * local@domain/resource as people and programs write it. false: it is none, or
 * has bytes that no address has.
 */
bool im_jid_ok(struct slice jid);

/* Without the resource. */
struct slice im_jid_bare(struct slice jid);

/* What stands behind the @, without the resource. */
struct slice im_jid_domain(struct slice jid);

/* Bare, ASCII letters small, in the arena; .p == NULL when memory is short. */
struct slice im_jid_normal(struct arena *a, struct slice jid);

#endif
