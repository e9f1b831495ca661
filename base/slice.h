/*
 * A slice is a view of bytes: it never owns them and is never assumed to end
 * in NUL. Everything that came from the wire is a slice into the request.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const char *p;
	size_t n;
};

/* A constant string; usable as an initialiser of static tables too. */
#define SLICE_INIT(s)                                                          \
	{                                                                      \
		(s), sizeof(s) - 1                                             \
	}
#define SLICE_LIT(s) ((struct slice)SLICE_INIT(s))

/* For printf: "%.*s", SLICE_ARG(s). */
#define SLICE_ARG(s) (int)(s).n, (s).p

/* View of a C string; NULL gives the empty slice. */
static inline struct slice
slice_c(const char *s)
{
	return (struct slice){ s, s == NULL ? 0 : strlen(s) };
}

/* ASCII letters only, whatever the locale; other bytes as they are. */
static inline char
slice_lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static inline char
slice_upper(char c)
{
	return (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
}

static inline bool
slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool
slice_is(struct slice a, const char *s)
{
	return slice_eq(a, slice_c(s));
}

/* ASCII letters compare without case; other bytes as they are. */
bool slice_eq_nocase(struct slice a, struct slice b);
bool slice_is_nocase(struct slice a, const char *s);

/* Order as memcmp, the shorter first where one is the start of the other. */
int slice_cmp(struct slice a, struct slice b);

bool slice_starts(struct slice a, const char *prefix);
bool slice_starts_nocase(struct slice a, const char *prefix);
bool slice_ends(struct slice a, const char *suffix);

/* The part from byte `from` on (empty when past the end). */
struct slice slice_from(struct slice a, size_t from);
/* At most n bytes from byte `from` on. */
struct slice slice_sub(struct slice a, size_t from, size_t n);

/* Position of a byte or a string, or SIZE_MAX. */
size_t slice_find(struct slice a, char c);
size_t slice_find_str(struct slice a, const char *s);

/* Without ASCII white space (blank, tab, CR, LF) at both ends. */
struct slice slice_trim(struct slice a);

/*
 * Cut the next field off the front: *rest moves behind the separator.
 * Returns false when *rest was already used up (rest->p == NULL).
 */
bool slice_split(struct slice *rest, char sep, struct slice *field);

/*
 * Cut the next word off the front: *rest moves behind it. Any number of the
 * bytes of `gaps` separate words. Returns false when none is left.
 */
bool slice_word(struct slice *rest, const char *gaps, struct slice *word);

/*
 * Decimal number, nothing else around it but white space; false when empty,
 * malformed or beyond the type's range (*out untouched).
 */
bool slice_i64(struct slice a, int64_t *out);
bool slice_u32(struct slice a, uint32_t *out);

/* Length of the UTF-8 character at the front, 0 when there is none. */
size_t slice_utf8_len(struct slice a);

/* True when the bytes are well-formed UTF-8 (RFC 3629). */
bool slice_utf8_ok(struct slice a);

/* Number of UTF-8 characters; bytes that are no UTF-8 count one each. */
size_t slice_utf8_count(struct slice a);

/* At most n bytes, cut between UTF-8 characters. */
struct slice slice_utf8_cut(struct slice a, size_t n);

#endif
