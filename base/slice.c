#include "base/slice.h"

bool
slice_eq_nocase(struct slice a, struct slice b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		if (slice_lower(a.p[i]) != slice_lower(b.p[i]))
			return false;
	}
	return true;
}

bool
slice_is_nocase(struct slice a, const char *s)
{
	return slice_eq_nocase(a, slice_c(s));
}

int
slice_cmp(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int r = n == 0 ? 0 : memcmp(a.p, b.p, n);

	if (r != 0)
		return r;
	return a.n < b.n ? -1 : a.n > b.n;
}

bool
slice_starts(struct slice a, const char *prefix)
{
	size_t n = strlen(prefix);

	return a.n >= n && memcmp(a.p, prefix, n) == 0;
}

bool
slice_starts_nocase(struct slice a, const char *prefix)
{
	size_t n = strlen(prefix);

	return a.n >= n && slice_is_nocase(slice_sub(a, 0, n), prefix);
}

bool
slice_ends(struct slice a, const char *suffix)
{
	size_t n = strlen(suffix);

	return a.n >= n && memcmp(a.p + (a.n - n), suffix, n) == 0;
}

struct slice
slice_from(struct slice a, size_t from)
{
	return slice_sub(a, from, SIZE_MAX);
}

struct slice
slice_sub(struct slice a, size_t from, size_t n)
{
	if (from > a.n)
		from = a.n;
	if (n > a.n - from)
		n = a.n - from;
	return (struct slice){ a.p == NULL ? "" : a.p + from, n };
}

size_t
slice_find(struct slice a, char c)
{
	const char *p = a.n == 0 ? NULL : memchr(a.p, c, a.n);

	return p == NULL ? SIZE_MAX : (size_t)(p - a.p);
}

size_t
slice_find_str(struct slice a, const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; n <= a.n && i <= a.n - n; i++) {
		if (memcmp(a.p + i, s, n) == 0)
			return i;
	}
	return SIZE_MAX;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice
slice_trim(struct slice a)
{
	while (a.n > 0 && is_space(a.p[a.n - 1]))
		a.n--;
	while (a.n > 0 && is_space(a.p[0])) {
		a.p++;
		a.n--;
	}
	return a;
}

bool
slice_split(struct slice *rest, char sep, struct slice *field)
{
	size_t at;

	if (rest->p == NULL)
		return false;
	at = slice_find(*rest, sep);
	if (at == SIZE_MAX) {
		*field = *rest;
		*rest = (struct slice){ NULL, 0 };
	} else {
		*field = slice_sub(*rest, 0, at);
		*rest = slice_from(*rest, at + 1);
	}
	return true;
}

bool
slice_word(struct slice *rest, const char *gaps, struct slice *word)
{
	struct slice set = slice_c(gaps);
	size_t from = 0;
	size_t to;

	while (from < rest->n && slice_find(set, rest->p[from]) != SIZE_MAX)
		from++;
	to = from;
	while (to < rest->n && slice_find(set, rest->p[to]) == SIZE_MAX)
		to++;
	*word = slice_sub(*rest, from, to - from);
	*rest = slice_from(*rest, to);
	return word->n > 0;
}

bool
slice_i64(struct slice a, int64_t *out)
{
	uint64_t v = 0;
	bool neg = false;

	a = slice_trim(a);
	if (a.n > 0 && (a.p[0] == '-' || a.p[0] == '+')) {
		neg = a.p[0] == '-';
		a = slice_from(a, 1);
	}
	if (a.n == 0 || a.n > 19)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		if (a.p[i] < '0' || a.p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(a.p[i] - '0');
	}
	if (v > (uint64_t)INT64_MAX)
		return false;
	*out = neg ? -(int64_t)v : (int64_t)v;
	return true;
}

bool
slice_u32(struct slice a, uint32_t *out)
{
	int64_t v;

	if (!slice_i64(a, &v) || v < 0 || v > (int64_t)UINT32_MAX)
		return false;
	*out = (uint32_t)v;
	return true;
}

size_t
slice_utf8_len(struct slice a)
{
	const unsigned char *p = (const unsigned char *)a.p;
	unsigned char lo = 0x80;
	unsigned char hi = 0xBF;
	size_t n;

	if (a.n == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xC2 || p[0] > 0xF4)
		return 0;
	n = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
	if (p[0] == 0xE0)
		lo = 0xA0;
	if (p[0] == 0xED)
		hi = 0x9F;
	if (p[0] == 0xF0)
		lo = 0x90;
	if (p[0] == 0xF4)
		hi = 0x8F;
	if (a.n < n || p[1] < lo || p[1] > hi)
		return 0;
	for (size_t i = 2; i < n; i++) {
		if (p[i] < 0x80 || p[i] > 0xBF)
			return 0;
	}
	return n;
}

bool
slice_utf8_ok(struct slice a)
{
	while (a.n > 0) {
		size_t n = slice_utf8_len(a);

		if (n == 0)
			return false;
		a = slice_from(a, n);
	}
	return true;
}

size_t
slice_utf8_count(struct slice a)
{
	size_t count = 0;

	while (a.n > 0) {
		size_t n = slice_utf8_len(a);

		a = slice_from(a, n == 0 ? 1 : n);
		count++;
	}
	return count;
}

struct slice
slice_utf8_cut(struct slice a, size_t n)
{
	if (a.n <= n)
		return a;
	while (n > 0 && ((unsigned char)a.p[n] & 0xC0u) == 0x80)
		n--;
	return slice_sub(a, 0, n);
}
