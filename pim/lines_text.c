/* Bytes of values: Latin-1, cleaning, the two ways of escaping. */
#include "pim/lines_int.h"

/* Windows-1252 in 0x80..0x9F; the five holes keep their C1 code. */
static const uint16_t cp1252[32] = {
	0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
	0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x008D, 0x017D, 0x008F,
	0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
	0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x009D, 0x017E, 0x0178,
};

/* PIM_SCAN_* of each byte. */
static const unsigned char byte_kind[256] = {
	/* clang-format off */
	1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 32, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	/* clang-format on */
};

unsigned
pim_scan(struct slice s)
{
	unsigned found = 0;

	for (size_t i = 0; i < s.n; i++)
		found |= byte_kind[(unsigned char)s.p[i]];
	return found;
}

struct slice
pim_upper(struct arena *a, struct slice s)
{
	size_t i = 0;
	char *p;

	while (i < s.n && (s.p[i] < 'a' || s.p[i] > 'z'))
		i++;
	if (i == s.n)
		return s.p == NULL ? SLICE_LIT("") : s;
	p = arena_alloc(a, s.n);
	if (p == NULL)
		return (struct slice){ NULL, 0 };
	for (i = 0; i < s.n; i++)
		p[i] = slice_upper(s.p[i]);
	return (struct slice){ p, s.n };
}

static size_t
utf8_put(char *p, unsigned c)
{
	if (c < 0x80) {
		p[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		p[0] = (char)(0xC0 | (c >> 6));
		p[1] = (char)(0x80 | (c & 0x3F));
		return 2;
	}
	p[0] = (char)(0xE0 | (c >> 12));
	p[1] = (char)(0x80 | ((c >> 6) & 0x3F));
	p[2] = (char)(0x80 | (c & 0x3F));
	return 3;
}

struct slice
pim_from_1252(struct arena *a, struct slice s)
{
	char *p = arena_array(a, s.n, 3);
	size_t n = 0;

	if (p == NULL)
		return (struct slice){ NULL, 0 };
	for (size_t i = 0; i < s.n; i++) {
		unsigned c = (unsigned char)s.p[i];

		if (c >= 0x80 && c < 0xA0)
			c = cp1252[c - 0x80];
		n += utf8_put(p + n, c);
	}
	return (struct slice){ p, n };
}

struct slice
pim_to_utf8(struct arena *a, struct slice s)
{
	return slice_utf8_ok(s) ? s : pim_from_1252(a, s);
}

bool
pim_to_latin1(struct arena *a, struct slice s, struct slice *out)
{
	char *p = arena_alloc(a, s.n);
	size_t n = 0;

	*out = (struct slice){ NULL, 0 };
	if (p == NULL)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned c = (unsigned char)s.p[i];

		if (c >= 0x80) {
			/* U+0080..U+00FF are C2 xx and C3 xx. */
			if ((c != 0xC2 && c != 0xC3) || i + 1 >= s.n)
				return true;
			c = ((c & 3) << 6) | ((unsigned char)s.p[++i] & 0x3F);
			if (c < 0xA0)
				return true;
		}
		p[n++] = (char)c;
	}
	*out = (struct slice){ p, n };
	return true;
}

struct slice
pim_clean(struct arena *a, struct slice s)
{
	char *p = arena_alloc(a, s.n);
	size_t n = 0;

	if (p == NULL)
		return (struct slice){ NULL, 0 };
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '\r') {
			/* CR LF, and the LF CR of some phones, are one. */
			if (i + 1 < s.n && s.p[i + 1] == '\n')
				i++;
			p[n++] = '\n';
			continue;
		}
		if (c == '\n') {
			if (i + 1 < s.n && s.p[i + 1] == '\r' &&
			    (i + 2 >= s.n || s.p[i + 2] != '\n'))
				i++;
			p[n++] = '\n';
			continue;
		}
		if (c == '\t' || (c >= 0x20 && c != 0x7F))
			p[n++] = (char)c;
	}
	return (struct slice){ p, n };
}

struct slice
pim_clean_name(struct arena *a, struct slice s)
{
	unsigned found = pim_scan(s);
	char *p;
	size_t n = 0;

	if (found & PIM_SCAN_8BIT)
		s = pim_to_utf8(a, s);
	if (s.p == NULL || (found & PIM_SCAN_CTRL) == 0)
		return s;
	p = arena_alloc(a, s.n);
	if (p == NULL)
		return (struct slice){ NULL, 0 };
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] >= ' ' && s.p[i] != 0x7F)
			p[n++] = s.p[i];
	}
	return (struct slice){ p, n };
}

/* How the bytes of a value become canonical text. */
struct escaping {
	bool keep_semi;  /* ';' divides parts: stays */
	bool keep_comma; /* ',' divides a list: stays */
	bool semi_list;  /* ';' divides a list: becomes ',' */
	bool plain;      /* no escaping but of line breaks */
};

static bool
is_escaped(char c)
{
	return c == ';' || c == ',' || c == '\\' || c == 'n' || c == 'N';
}

/* Escape by `how`; at most two bytes for one. */
static struct slice
escape_by(struct arena *a, struct slice s, const struct escaping *how)
{
	char *p = arena_array(a, s.n, 2);
	size_t n = 0;

	if (p == NULL)
		return (struct slice){ NULL, 0 };
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '\n') {
			p[n++] = '\\';
			p[n++] = 'n';
		} else if (how->plain) {
			p[n++] = c;
		} else if (c == '\\' && i + 1 < s.n && is_escaped(s.p[i + 1])) {
			i++;
			p[n++] = '\\';
			p[n++] = (char)(s.p[i] == 'N' ? 'n' : s.p[i]);
		} else if (c == ';' && how->semi_list) {
			p[n++] = ',';
		} else {
			if (c == '\\' || (c == ';' && !how->keep_semi) ||
			    (c == ',' && !how->keep_comma))
				p[n++] = '\\';
			p[n++] = c;
		}
	}
	return (struct slice){ p, n };
}

/* An address: a backslash before punctuation is somebody's zeal. */
static struct slice
clean_uri(struct arena *a, struct slice s)
{
	char *p = arena_array(a, s.n, 2);
	size_t n = 0;

	if (p == NULL)
		return (struct slice){ NULL, 0 };
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\n')
			continue;
		if (s.p[i] == '\\' && i + 1 < s.n &&
		    slice_find(SLICE_LIT(",;:\\"), s.p[i + 1]) != SIZE_MAX)
			i++;
		p[n++] = s.p[i];
	}
	return (struct slice){ p, n };
}

struct slice
pim_canon_old(struct arena *a, struct slice s, enum pim_vtype vtype,
	      bool list_semi)
{
	struct escaping how = { .plain = false };

	switch (vtype) {
	case PIM_V_TEXT:
		break;
	case PIM_V_STRUCT:
		how.keep_semi = true;
		break;
	case PIM_V_LIST:
		how.keep_comma = true;
		how.semi_list = list_semi;
		break;
	case PIM_V_URI:
		return clean_uri(a, s);
	case PIM_V_RAW:
	case PIM_V_BINARY:
		how.plain = true;
		break;
	}
	return escape_by(a, s, &how);
}

struct slice
pim_canon_new(struct arena *a, struct slice s, enum pim_vtype vtype)
{
	struct escaping how = { .plain = vtype != PIM_V_LIST,
				.keep_comma = true };

	if (vtype == PIM_V_URI)
		return clean_uri(a, s);
	return escape_by(a, s, &how);
}

/*
 * The old dialect has no escape for a backslash; one that its reader would
 * take for an escape is doubled, which lenient readers undo.
 */
static bool
needs_double(struct slice s, size_t at)
{
	return at >= s.n || is_escaped(s.p[at]);
}

/* Raw values are as they are, but for line breaks. */
static struct slice
plain_raw(struct arena *a, struct slice s)
{
	char *p = arena_alloc(a, s.n);
	size_t n = 0;

	if (p == NULL)
		return (struct slice){ NULL, 0 };
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '\\' || i + 1 >= s.n) {
			p[n++] = s.p[i];
			continue;
		}
		i++;
		if (s.p[i] == 'n') {
			p[n++] = '\n';
			continue;
		}
		p[n++] = '\\';
		p[n++] = s.p[i];
	}
	return (struct slice){ p, n };
}

struct slice
pim_plain_old(struct arena *a, struct slice s, enum pim_vtype vtype,
	      bool list_semi)
{
	bool parts = vtype == PIM_V_STRUCT || vtype == PIM_V_LIST;
	bool semi = vtype == PIM_V_LIST && list_semi;
	char sep = vtype == PIM_V_LIST ? ',' : ';';
	char *p;
	size_t n = 0;

	if (!parts && vtype != PIM_V_TEXT)
		return plain_raw(a, s);
	p = arena_array(a, s.n, 2);
	if (p == NULL)
		return (struct slice){ NULL, 0 };
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c != '\\' || i + 1 >= s.n) {
			p[n++] = (char)(c == ',' && semi ? ';' : c);
			continue;
		}
		c = s.p[++i];
		if (c == 'n' || c == 'N') {
			p[n++] = '\n';
			continue;
		}
		if ((c == '\\' && needs_double(s, i + 1)) ||
		    (parts && (c == sep || (c == ';' && semi))))
			p[n++] = '\\';
		p[n++] = c;
	}
	return (struct slice){ p, n };
}

struct slice
pim_unescape(struct arena *a, struct slice s)
{
	char *p;
	size_t n = 0;

	if (s.n == 0 || memchr(s.p, '\\', s.n) == NULL)
		return s.p == NULL ? SLICE_LIT("") : s;
	p = arena_alloc(a, s.n);
	if (p == NULL)
		return (struct slice){ NULL, 0 };
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '\\' && i + 1 < s.n) {
			c = s.p[i + 1];
			if (c == 'n' || c == 'N')
				c = '\n';
			else if (c != ';' && c != ',' && c != '\\' && c != ':')
				c = '\\';
			if (c != '\\' || s.p[i + 1] == '\\')
				i++;
		}
		p[n++] = c;
	}
	return (struct slice){ p, n };
}

struct slice
pim_escape(struct arena *a, struct slice s)
{
	char *p;
	size_t n = 0;

	if ((pim_scan(s) & (PIM_SCAN_CTRL | PIM_SCAN_BACKSLASH |
			    PIM_SCAN_COMMA | PIM_SCAN_SEMI)) == 0)
		return s.p == NULL ? SLICE_LIT("") : s;
	p = arena_array(a, s.n, 2);
	if (p == NULL)
		return (struct slice){ NULL, 0 };
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '\r')
			continue;
		if (c == '\n' || c == '\\' || c == ',' || c == ';')
			p[n++] = '\\';
		p[n++] = (char)(c == '\n' ? 'n' : c);
	}
	return (struct slice){ p, n };
}

bool
pim_split(struct slice *rest, char sep, struct slice *part)
{
	const char *p = rest->p;

	if (p == NULL)
		return false;
	for (size_t i = 0; i < rest->n; i++) {
		if (p[i] == '\\') {
			i++;
			continue;
		}
		if (p[i] != sep)
			continue;
		*part = (struct slice){ p, i };
		*rest = (struct slice){ p + i + 1, rest->n - i - 1 };
		return true;
	}
	*part = *rest;
	*rest = (struct slice){ NULL, 0 };
	return true;
}
