#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

enum { BUF_FIRST = 256 };

static bool
grow(struct buf *b, size_t n)
{
	size_t want;
	size_t cap;
	char *p;

	if (b->bad || __builtin_add_overflow(b->n, n, &want) ||
	    (b->max != 0 && want > b->max)) {
		b->bad = true;
		return false;
	}
	if (want <= b->cap)
		return true;
	cap = b->cap == 0 ? BUF_FIRST : b->cap * 2;
	if (cap < want)
		cap = want;
	p = arena_alloc(b->a, cap);
	if (p == NULL) {
		b->bad = true;
		return false;
	}
	if (b->n > 0)
		memcpy(p, b->p, b->n);
	b->p = p;
	b->cap = cap;
	return true;
}

char *
buf_room(struct buf *b, size_t n)
{
	char *p;

	if (!grow(b, n > 0 ? n : 1))
		return NULL;
	p = b->p + b->n;
	b->n += n;
	return p;
}

void
buf_add(struct buf *b, struct slice s)
{
	char *p;

	if (s.n == 0)
		return;
	p = buf_room(b, s.n);
	if (p != NULL)
		memcpy(p, s.p, s.n);
}

void
buf_str(struct buf *b, const char *s)
{
	buf_add(b, slice_c(s));
}

void
buf_byte(struct buf *b, unsigned char c)
{
	char *p;

	if (b->n < b->cap && !b->bad && (b->max == 0 || b->n < b->max)) {
		b->p[b->n++] = (char)c;
		return;
	}
	p = buf_room(b, 1);
	if (p != NULL)
		*p = (char)c;
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	char tmp[256];
	int n;

	va_start(ap, fmt);
	n = vsnprintf(tmp, sizeof(tmp), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(tmp)) {
		buf_add(b, (struct slice){ tmp, (size_t)n });
		return;
	}
	if (n < 0 || !grow(b, (size_t)n + 1)) {
		b->bad = true;
		return;
	}
	va_start(ap, fmt);
	(void)vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
}

void
buf_cut(struct buf *b, size_t n)
{
	if (n < b->n)
		b->n = n;
}
