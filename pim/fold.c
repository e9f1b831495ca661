/* Text made comparable: case, blanks, punctuation, order of words. */
#include "pim/norm.h"

#include <stdlib.h>

/* Lower case of a two-byte UTF-8 character, as one code point. */
static unsigned
lower_point(unsigned c)
{
	if ((c >= 0xC0 && c <= 0xDE && c != 0xD7) ||
	    (c >= 0x391 && c <= 0x3A9) || (c >= 0x410 && c <= 0x42F))
		return c + 0x20;
	if (c >= 0x400 && c <= 0x40F)
		return c + 0x50;
	if ((c >= 0x100 && c <= 0x137) || (c >= 0x14A && c <= 0x177))
		return c | 1;
	if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E))
		return c + (c & 1);
	return c;
}

static bool
is_gap(unsigned char c)
{
	return c <= ' ' || c == ',' || c == '.' || c == ';' || c == '"' ||
	       c == '\'' || c == '(' || c == ')';
}

struct slice
pim_fold(struct arena *a, struct slice s)
{
	char *p = arena_alloc(a, s.n);
	size_t n = 0;
	bool gap = false;

	if (p == NULL)
		return (struct slice){ NULL, 0 };
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (is_gap(c)) {
			gap = n > 0;
			continue;
		}
		if (gap)
			p[n++] = ' ';
		gap = false;
		if (c >= 'A' && c <= 'Z') {
			p[n++] = (char)(c + 32);
		} else if (c >= 0xC3 && c <= 0xD0 && i + 1 < s.n) {
			unsigned v = ((c & 0x1Fu) << 6) |
				     ((unsigned char)s.p[++i] & 0x3Fu);

			v = lower_point(v);
			p[n++] = (char)(0xC0 | (v >> 6));
			p[n++] = (char)(0x80 | (v & 0x3F));
		} else {
			p[n++] = (char)c;
		}
	}
	return (struct slice){ p, n };
}

static int
by_bytes(const void *x, const void *y)
{
	const struct slice *a = x;
	const struct slice *b = y;

	return slice_cmp(*a, *b);
}

struct slice
pim_fold_words(struct arena *a, struct slice s)
{
	enum { WORDS = 16 };
	struct slice word[WORDS];
	struct slice folded = pim_fold(a, s);
	struct slice rest = folded;
	struct buf b = BUF_IN(a);
	size_t n = 0;

	if (folded.p == NULL || slice_find(folded, ' ') == SIZE_MAX)
		return folded;
	while (n < WORDS && slice_split(&rest, ' ', &word[n]))
		n++;
	/* So many words are no name; their order stays. */
	if (rest.p != NULL)
		return folded;
	qsort(word, n, sizeof(word[0]), by_bytes);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_byte(&b, ' ');
		buf_add(&b, word[i]);
	}
	return buf_ok(&b) ? buf_slice(&b) : (struct slice){ NULL, 0 };
}

struct slice
pim_digits(struct arena *a, struct slice s)
{
	char *p = arena_alloc(a, s.n);
	size_t n = 0;

	if (p == NULL)
		return (struct slice){ NULL, 0 };
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] >= '0' && s.p[i] <= '9')
			p[n++] = s.p[i];
	}
	return (struct slice){ p, n };
}
