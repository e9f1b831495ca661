/*
 * Numbers inside a BLOB: eight bytes each, big endian; and the lists that are
 * kept so, in one column of every engine.
 */
#ifndef BACKENDS_PACK_H
#define BACKENDS_PACK_H

#include "backends/store.h"

static inline void
store_pack(unsigned char *p, uint64_t v)
{
	for (int i = 7; i >= 0; i--) {
		p[i] = (unsigned char)(v & 0xff);
		v >>= 8;
	}
}

static inline uint64_t
store_unpack(const unsigned char *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

/* A link's cursors as the bytes of one column. */
enum {
	STORE_CURSOR_BYTES = 24,
	STORE_CURSORS_MAX = STORE_MEMBERS_MAX * STORE_CURSOR_BYTES,
};
int store_cursors_get(struct slice bytes, struct store_link *l,
		      const char *where, struct err *e);
int store_cursors_put(const struct store_link *l,
		      char out[static STORE_CURSORS_MAX], struct slice *bytes,
		      const char *where, struct err *e);

/* A collection's members as a text: "3 5 7". */
enum { STORE_MEMBERS_ROOM = STORE_MEMBERS_MAX * 20 };
int store_members_get(struct slice text, struct store_collection *col,
		      const char *where, struct err *e);
int store_members_put(const struct store_collection *col,
		      char out[static STORE_MEMBERS_ROOM], struct slice *text,
		      const char *where, struct err *e);

/* A map row's offers in the same way. */
enum {
	STORE_OFFER_BYTES = 16,
	STORE_OFFERS_ROOM = STORE_OFFERS_MAX * STORE_OFFER_BYTES,
};
int store_offers_get(struct slice bytes, struct store_map *m, const char *where,
		     struct err *e);
/* The caller has seen that there are not too many. */
struct slice store_offers_put(const struct store_map *m,
			      char out[static STORE_OFFERS_ROOM]);
/* Is this revision among them? */
bool store_offers_have(struct slice bytes, int64_t revision);

#endif
