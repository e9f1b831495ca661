/* What the tests of the codec share. */
#ifndef TESTS_SYNCML_WIRE_H
#define TESTS_SYNCML_WIRE_H

#include "syncml/codec.h"
#include "syncml/devinf.h"
#include "syncml/limits.h"
#include "syncml/msg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static inline int
t_setup(void **state)
{
	*state = arena_new(SML_ARENA_BYTES_MAX);
	return *state == NULL ? -1 : 0;
}

static inline int
t_teardown(void **state)
{
	struct arena *a = *state;

	arena_free(&a);
	return 0;
}

/*
 * Bytes out of hex; blanks are skipped, and "text" in quotes stands for
 * itself.
 */
static inline struct slice
t_bytes(struct arena *a, const char *s)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	struct buf b = BUF_IN(a);
	bool quoted = false;

	for (; *s != '\0'; s++) {
		if (*s == '"') {
			quoted = !quoted;
		} else if (quoted) {
			buf_byte(&b, (unsigned char)*s);
		} else if (*s != ' ') {
			const char *hi = strchr(digits, s[0]);
			const char *lo = strchr(digits, s[1]);

			assert_non_null(hi);
			assert_non_null(lo);
			buf_byte(&b, (unsigned char)((hi - digits) % 16 * 16 +
						     (lo - digits) % 16));
			s++;
		}
	}
	assert_true(buf_ok(&b));
	return buf_slice(&b);
}

/*
 * A copy that ends where its memory ends, so that the sanitizer sees a read
 * past it. Free with free((void *)s.p) through t_tight_free().
 */
static inline struct slice
t_tight(struct slice s)
{
	char *p = malloc(s.n == 0 ? 1 : s.n);

	assert_non_null(p);
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	return (struct slice){ p, s.n };
}

static inline void
t_tight_free(struct slice s)
{
	union {
		const char *c;
		void *p;
	} u = { .c = s.p };

	free(u.p);
}

#define t_assert_text(s, expected)                                             \
	do {                                                                   \
		struct slice got_ = (s);                                       \
		if (!slice_is(got_, (expected)))                               \
			fail_msg("got \"%.*s\" instead of \"%s\"",             \
				 SLICE_ARG(got_), (expected));                 \
	} while (0)

#define t_assert_bytes(s, expected)                                            \
	do {                                                                   \
		struct slice got_ = (s);                                       \
		struct slice want_ = (expected);                               \
		assert_int_equal(got_.n, want_.n);                             \
		assert_memory_equal(got_.p, want_.p, want_.n);                 \
	} while (0)

/* The tree as text, one element a line: depth, name, text in quotes. */
static inline struct slice
t_dump(struct arena *a, const struct sml_node *n)
{
	const struct sml_node *up[SML_DEPTH_MAX + 1];
	struct buf b = BUF_IN(a);
	unsigned depth = 0;

	while (n != NULL) {
		buf_printf(&b, "%u %03x %s", depth, (unsigned)n->tag,
			   sml_tag_name(n->tag));
		if (n->kids == NULL) {
			buf_str(&b, " \"");
			buf_add(&b, n->text);
			buf_byte(&b, '"');
		}
		buf_byte(&b, '\n');
		if (n->kids != NULL) {
			up[depth++] = n;
			n = n->kids;
			continue;
		}
		while (depth > 0 && n->next == NULL)
			n = up[--depth];
		n = depth == 0 ? NULL : n->next;
	}
	assert_true(buf_ok(&b));
	return buf_slice(&b);
}

static inline void
t_assert_same_tree(struct arena *a, const struct sml_node *x,
		   const struct sml_node *y)
{
	struct slice dx = t_dump(a, x);
	struct slice dy = t_dump(a, y);

	if (!slice_eq(dx, dy))
		fail_msg("trees differ:\n%.*s\n-- and --\n%.*s", SLICE_ARG(dx),
			 SLICE_ARG(dy));
}

static inline struct sml_node *
t_read(struct arena *a, enum sml_enc enc, struct slice body,
       struct sml_doc *doc)
{
	struct sml_node *root;
	struct sml_doc mine;
	struct err e = { .code = ERR_NONE };

	if (sml_read(a, enc, body, NULL, doc == NULL ? &mine : doc, &root, &e) <
	    0)
		fail_msg("%s: %s", e.where, e.msg);
	return root;
}

/* DevInf documents in opaque data become elements, as XML has them. */
static inline void
t_expand(struct arena *a, struct sml_node *n)
{
	struct sml_node *up[SML_DEPTH_MAX + 1];
	unsigned depth = 0;
	struct err e;

	while (n != NULL) {
		if (n->tag == SML_DATA && n->kids == NULL && n->text.n > 2 &&
		    (unsigned char)(n->text.p[0] - 1) < 3)
			(void)sml_read_devinf(a, n, &n->kids, &e);
		if (n->kids != NULL) {
			up[depth++] = n;
			n = n->kids;
			continue;
		}
		while (depth > 0 && n->next == NULL)
			n = up[--depth];
		n = depth == 0 ? NULL : n->next;
	}
}

/* A message of every command, with all members set: synthetic. */
const struct sml_msg *t_message(struct arena *a, enum sml_enc enc, int version);
/* A DevInf with several databases, capabilities and parameters. */
const struct sml_devinf *t_devinf(struct arena *a, int version);

#endif
