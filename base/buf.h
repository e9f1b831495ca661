/*
 * A growing byte string in an arena, with a cap and a sticky error: add all,
 * then ask once with buf_ok().
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/arena.h"

struct buf {
	struct arena *a;
	char *p;
	size_t n;
	size_t cap;
	size_t max; /* most bytes it may grow to; 0: only the arena's cap */
	bool bad;   /* sticky: memory or max ran out */
};

#define BUF_IN(arena) ((struct buf){ .a = (arena) })

void buf_add(struct buf *b, struct slice s);
void buf_str(struct buf *b, const char *s);
void buf_byte(struct buf *b, unsigned char c);
void buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Room for n more bytes, to be filled by the caller; NULL on failure. */
char *buf_room(struct buf *b, size_t n);

static inline bool
buf_ok(const struct buf *b)
{
	return !b->bad;
}

/* What is in it; valid until the next add. */
static inline struct slice
buf_slice(const struct buf *b)
{
	return (struct slice){ b->p == NULL ? "" : b->p, b->n };
}

/* Cut back to n bytes (n <= b->n). */
void buf_cut(struct buf *b, size_t n);

#endif
