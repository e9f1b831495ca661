/* Names of folders: modified UTF-7 (RFC 3501, 5.1.3). */
#include "backends/imap/int.h"

#include <stdint.h>

static const char base64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

struct out {
	char *p;
	size_t cap, n;
	bool bad;
};

static void
add(struct out *o, unsigned c)
{
	if (o->n >= o->cap)
		o->bad = true;
	else
		o->p[o->n++] = (char)c;
}

/* ---- to UTF-7 ------------------------------------------------------------ */

struct bits {
	uint32_t held;
	unsigned n;
};

static void
put16(struct out *o, struct bits *b, unsigned unit)
{
	b->held = b->held << 16 | unit;
	b->n += 16;
	while (b->n >= 6) {
		b->n -= 6;
		add(o, (unsigned char)base64[b->held >> b->n & 63]);
	}
	b->held &= (1U << b->n) - 1;
}

static uint32_t
utf8_at(struct slice s, size_t n)
{
	static const unsigned char mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t c = (unsigned char)s.p[0] & mask[n];

	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)s.p[i] & 0x3f);
	return c;
}

/* A stretch that is not printable ASCII. */
static struct slice
put_shifted(struct out *o, struct slice s)
{
	struct bits b = { 0, 0 };

	add(o, '&');
	while (s.n > 0 && !(s.p[0] >= ' ' && s.p[0] <= '~')) {
		size_t n = slice_utf8_len(s);
		uint32_t c;

		if (n == 0 || (unsigned char)s.p[0] < ' ' || s.p[0] == 0x7f) {
			o->bad = true;
			break;
		}
		c = utf8_at(s, n);
		if (c >= 0x10000) {
			put16(o, &b, 0xd800 + ((c - 0x10000) >> 10));
			c = 0xdc00 + ((c - 0x10000) & 0x3ff);
		}
		put16(o, &b, c);
		s = slice_from(s, n);
	}
	if (b.n > 0)
		add(o, (unsigned char)base64[b.held << (6 - b.n) & 63]);
	add(o, '-');
	return s;
}

bool
imap_utf7_write(struct slice s,
		char *out, /* NOLINT(readability-non-const-parameter) */
		size_t cap, size_t *n)
{
	struct out o = { .p = out, .cap = cap };

	while (s.n > 0 && !o.bad) {
		if (s.p[0] == '&') {
			add(&o, '&');
			add(&o, '-');
		} else if (s.p[0] >= ' ' && s.p[0] <= '~') {
			add(&o, (unsigned char)s.p[0]);
		} else {
			s = put_shifted(&o, s);
			continue;
		}
		s = slice_from(s, 1);
	}
	*n = o.n;
	return !o.bad;
}

/* ---- and back ------------------------------------------------------------ */

static void
put_utf8(struct out *o, uint32_t c)
{
	if (c < 0x80) {
		add(o, c);
		o->bad = o->bad || c < ' ' || c == 0x7f;
	} else if (c < 0x800) {
		add(o, 0xc0 | c >> 6);
	} else if (c < 0x10000) {
		add(o, 0xe0 | c >> 12);
		add(o, 0x80 | (c >> 6 & 0x3f));
	} else {
		add(o, 0xf0 | c >> 18);
		add(o, 0x80 | (c >> 12 & 0x3f));
		add(o, 0x80 | (c >> 6 & 0x3f));
	}
	if (c >= 0x80)
		add(o, 0x80 | (c & 0x3f));
}

/* A unit of UTF-16; *high: the first half of a pair. */
static void
take16(struct out *o, uint32_t *high, uint32_t unit)
{
	if (*high != 0) {
		if (unit < 0xdc00 || unit > 0xdfff)
			o->bad = true;
		else
			put_utf8(o, 0x10000 + ((*high - 0xd800) << 10) +
					(unit - 0xdc00));
		*high = 0;
	} else if (unit >= 0xd800 && unit <= 0xdbff) {
		*high = unit;
	} else if (unit >= 0xdc00 && unit <= 0xdfff) {
		o->bad = true;
	} else {
		put_utf8(o, unit);
	}
}

static void
read_shifted(struct out *o, struct slice s)
{
	struct slice digits = slice_c(base64);
	uint32_t held = 0, high = 0;
	unsigned n = 0;

	for (size_t i = 0; i < s.n && !o->bad; i++) {
		size_t v = slice_find(digits, s.p[i]);

		if (v == SIZE_MAX) {
			o->bad = true;
			break;
		}
		held = (held << 6 | (uint32_t)v) & 0x3fffff;
		n += 6;
		if (n >= 16) {
			n -= 16;
			take16(o, &high, held >> n & 0xffff);
		}
	}
	if (high != 0)
		o->bad = true;
}

bool
imap_utf7_read(struct slice in,
	       char *out, /* NOLINT(readability-non-const-parameter) */
	       size_t cap, size_t *n)
{
	struct out o = { .p = out, .cap = cap };

	while (in.n > 0 && !o.bad) {
		size_t end;

		if (in.p[0] != '&') {
			unsigned char c = (unsigned char)in.p[0];

			/* Servers with UTF8=ACCEPT habits: as it is. */
			add(&o, c);
			o.bad = o.bad || c < ' ' || c == 0x7f;
			in = slice_from(in, 1);
			continue;
		}
		end = slice_find(in, '-');
		if (end == SIZE_MAX) {
			o.bad = true;
		} else if (end == 1) {
			add(&o, '&');
		} else {
			read_shifted(&o, slice_sub(in, 1, end - 1));
		}
		in = slice_from(in, end == SIZE_MAX ? in.n : end + 1);
	}
	*n = o.n;
	return !o.bad && slice_utf8_ok((struct slice){ out, o.n });
}
