#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_BLOCK_MIN = 8192, ARENA_BLOCK_MAX = 262144, ARENA_ALIGN = 16 };

struct block {
	struct block *next;
	size_t used;
	size_t size;
	_Alignas(16) unsigned char mem[];
};

struct arena {
	struct block *head;
	size_t cap;
	size_t used;
	size_t block_bytes;
	size_t refused;
	size_t fail_in; /* the n-th allocation from now fails; 0: none */
	bool fail_onwards;
};

struct arena *
arena_new(size_t cap_bytes)
{
	struct arena *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->cap = cap_bytes;
	a->block_bytes = ARENA_BLOCK_MIN;
	return a;
}

static void
free_blocks(struct block *b)
{
	while (b != NULL) {
		struct block *next = b->next;

		free(b);
		b = next;
	}
}

void
arena_free(struct arena **ap)
{
	struct arena *a = *ap;

	if (a == NULL)
		return;
	free_blocks(a->head);
	free(a);
	*ap = NULL;
}

void
arena_reset(struct arena *a)
{
	a->used = 0;
	if (a->head == NULL)
		return;
	free_blocks(a->head->next);
	a->head->next = NULL;
	memset(a->head->mem, 0, a->head->used);
	a->head->used = 0;
}

struct arena_mark
arena_mark(const struct arena *a)
{
	return (struct arena_mark){
		.block = a->head,
		.block_used = a->head == NULL ? 0 : a->head->used,
		.used = a->used,
	};
}

void
arena_rewind(struct arena *a, struct arena_mark m)
{
	while (a->head != m.block) {
		struct block *next = a->head->next;

		free(a->head);
		a->head = next;
	}
	a->used = m.used;
	if (a->head == NULL)
		return;
	memset(a->head->mem + m.block_used, 0, a->head->used - m.block_used);
	a->head->used = m.block_used;
}

static struct block *
block_add(struct arena *a, size_t n)
{
	size_t size = n > a->block_bytes ? n : a->block_bytes;
	struct block *b = calloc(1, sizeof(*b) + size);

	if (b == NULL)
		return NULL;
	b->size = size;
	b->next = a->head;
	a->head = b;
	if (a->block_bytes < ARENA_BLOCK_MAX)
		a->block_bytes *= 2;
	return b;
}

static bool
fault(struct arena *a)
{
	if (a->fail_in == 0)
		return false;
	if (a->fail_in > 1) {
		a->fail_in--;
		return false;
	}
	if (!a->fail_onwards)
		a->fail_in = 0;
	return true;
}

static void *
take(struct arena *a, size_t n)
{
	struct block *b = a->head;
	void *p;

	if (n > a->cap - a->used || fault(a))
		return NULL;
	n = n == 0 ? ARENA_ALIGN
		   : (n + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	if (n > a->cap - a->used)
		return NULL;
	if (b == NULL || b->size - b->used < n)
		b = block_add(a, n);
	if (b == NULL)
		return NULL;
	p = b->mem + b->used;
	b->used += n;
	a->used += n;
	return p;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	void *p = take(a, n);

	if (p == NULL)
		a->refused++;
	return p;
}

void *
arena_array(struct arena *a, size_t n, size_t size_bytes)
{
	size_t total;

	if (__builtin_mul_overflow(n, size_bytes, &total))
		return NULL;
	return arena_alloc(a, total);
}

struct slice
arena_copy(struct arena *a, struct slice s)
{
	char *p = arena_alloc(a, s.n);

	if (p == NULL)
		return (struct slice){ NULL, 0 };
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	return (struct slice){ p, s.n };
}

char *
arena_cstr(struct arena *a, struct slice s)
{
	char *p;

	if (s.n > 0 && memchr(s.p, 0, s.n) != NULL)
		return NULL;
	p = s.n == SIZE_MAX ? NULL : arena_alloc(a, s.n + 1);
	if (p != NULL && s.n > 0)
		memcpy(p, s.p, s.n);
	return p;
}

struct slice
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	va_list again;
	char *p = NULL;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n >= 0)
		p = arena_alloc(a, (size_t)n + 1);
	if (p != NULL)
		(void)vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return (struct slice){ p, p == NULL ? 0 : (size_t)n };
}

size_t
arena_refused(const struct arena *a)
{
	return a->refused;
}

size_t
arena_used(const struct arena *a)
{
	return a->used;
}

void
arena_fail_at(struct arena *a, size_t n, bool onwards)
{
	a->fail_in = n;
	a->fail_onwards = onwards;
}
