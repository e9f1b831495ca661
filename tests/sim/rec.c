/* An item as a record of tokens, to and from vCard. */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>

uint64_t
dice_next(struct dice *d)
{
	uint64_t z = (d->s += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

unsigned
dice_below(struct dice *d, unsigned n)
{
	return (unsigned)(dice_next(d) % n);
}

bool
dice_hits(struct dice *d, unsigned percent)
{
	return dice_below(d, 100) < percent;
}

/* ---- records ------------------------------------------------------------ */

bool
rec_has(const struct rec *r, enum field f, uint32_t token)
{
	for (unsigned i = 0; i < r->n[f]; i++) {
		if (r->v[f][i] == token)
			return true;
	}
	return false;
}

void
rec_put(struct rec *r, enum field f, uint32_t token)
{
	unsigned i = r->n[f];

	if (i == VALUES)
		return;
	for (; i > 0 && r->v[f][i - 1] > token; i--)
		r->v[f][i] = r->v[f][i - 1];
	r->v[f][i] = token;
	r->n[f]++;
}

void
rec_set(struct rec *r, enum field f, uint32_t token)
{
	memset(r->v[f], 0, sizeof(r->v[f]));
	r->n[f] = 0;
	if (token != 0)
		rec_put(r, f, token);
}

struct rec
rec_project(const struct rec *r, unsigned fields)
{
	struct rec out = *r;

	for (int f = 0; f < FIELDS; f++) {
		if ((fields & (1u << f)) == 0)
			rec_set(&out, (enum field)f, 0);
	}
	return out;
}

int
rec_cmp(const void *x, const void *y)
{
	return memcmp(x, y, sizeof(struct rec));
}

bool
rec_same(const struct rec *x, const struct rec *y)
{
	return rec_cmp(x, y) == 0;
}

/* ---- vCard -------------------------------------------------------------- */

static const struct {
	const char *name, *params30, *params21, *head, *tail;
} PROP[FIELDS] = {
	[F_NAME] = { "N", "", "", "Nam", "" },
	[F_EMAIL] = { "EMAIL", ";TYPE=INTERNET", ";INTERNET", "m",
		      "@example.org" },
	[F_TEL] = { "TEL", ";TYPE=CELL", ";CELL", "+49301", "" },
	[F_TITLE] = { "TITLE", "", "", "Title", "" },
	[F_NOTE] = { "NOTE", "", "", "Note", "" },
	[F_URL] = { "URL", "", "", "http://example.org/p", "" },
};

static const struct model *
model_of(const struct sim *s, uint32_t token)
{
	return &s->model[token >> 16];
}

static unsigned
size_of(const struct sim *s, uint32_t token)
{
	return model_of(s, token)->deed[token & 0xffff].size;
}

/* The token of a field's value as text: its number, and filler behind it that
   nobody may cut or change. */
static void
value(const struct sim *s, struct buf *b, enum field f, uint32_t token)
{
	buf_printf(b, "%s%06u%s", PROP[f].head, (unsigned)token, PROP[f].tail);
	for (unsigned i = 0; f == F_NOTE && i < size_of(s, token); i++)
		buf_byte(b, (unsigned char)('a' + (token + i * 7) % 26));
}

struct slice
rec_write(const struct sim *s, struct arena *a, const struct rec *r,
	  bool old_form)
{
	struct buf b = BUF_IN(a);

	buf_printf(&b, "BEGIN:VCARD\r\nVERSION:%s\r\n",
		   old_form ? "2.1" : "3.0");
	for (int f = 0; f < FIELDS; f++) {
		for (unsigned i = 0; i < r->n[f]; i++) {
			buf_printf(&b, "%s%s:", PROP[f].name,
				   old_form ? PROP[f].params21
					    : PROP[f].params30);
			value(s, &b, (enum field)f, r->v[f][i]);
			buf_str(&b, f == F_NAME ? ";;;;\r\n" : "\r\n");
		}
	}
	if (r->n[F_NAME] > 0) {
		buf_str(&b, "FN:");
		value(s, &b, F_NAME, r->v[F_NAME][0]);
		buf_str(&b, "\r\n");
	}
	buf_str(&b, "END:VCARD\r\n");
	return buf_slice(&b);
}

/* Logical lines without CR LF and folds; *rest goes on. */
static bool
line(struct slice *rest, struct buf *b)
{
	buf_cut(b, 0);
	if (rest->n == 0)
		return false;
	for (;;) {
		size_t at = slice_find(*rest, '\n');
		size_t n = at == SIZE_MAX ? rest->n : at;
		size_t keep = n > 0 && rest->p[n - 1] == '\r' ? n - 1 : n;

		buf_add(b, slice_sub(*rest, 0, keep));
		*rest =
		    at == SIZE_MAX ? SLICE_LIT("") : slice_from(*rest, at + 1);
		if (rest->n == 0 || (rest->p[0] != ' ' && rest->p[0] != '\t'))
			return true;
		*rest = slice_from(*rest, 1);
	}
}

static bool
take_value(struct sim *s, enum field f, struct slice v, struct rec *out)
{
	size_t head = strlen(PROP[f].head);
	struct buf again = BUF_IN(s->b);
	uint32_t token;

	if (f == F_NAME)
		v = slice_sub(v, 0, slice_find(v, ';'));
	if (v.n == 0)
		return true; /* an empty one stands for none */
	if (!slice_starts(v, PROP[f].head) || v.n < head + 6 ||
	    !slice_u32(slice_sub(v, head, 6), &token) ||
	    (token >> 16) >= ACCOUNTS ||
	    (token & 0xffff) >= model_of(s, token)->deed_n)
		return false;
	value(s, &again, f, token);
	if (!slice_eq(v, buf_slice(&again)))
		return false;
	rec_put(out, f, token);
	return true;
}

bool
rec_read(struct sim *s, struct slice body, struct rec *out)
{
	struct buf b = BUF_IN(s->b);

	memset(out, 0, sizeof(*out));
	while (line(&body, &b)) {
		struct slice l = buf_slice(&b);
		size_t colon = slice_find(l, ':');
		struct slice name = slice_sub(l, 0, colon);

		if (colon == SIZE_MAX)
			continue;
		if (slice_find(name, ';') != SIZE_MAX)
			name = slice_sub(name, 0, slice_find(name, ';'));
		for (int f = 0; f < FIELDS; f++) {
			if (!slice_is(name, PROP[f].name))
				continue;
			if (!take_value(s, (enum field)f,
					slice_from(l, colon + 1), out)) {
				sim_fail(s, "a value that nobody wrote: %.*s",
					 SLICE_ARG(slice_sub(l, 0, 80)));
				return false;
			}
		}
	}
	return true;
}

const char *
rec_show(const struct rec *r, char *buf, size_t n)
{
	static const char *const letter = "nmtTNu";
	size_t at = 0;

	buf[0] = '\0';
	for (int f = 0; f < FIELDS; f++) {
		for (unsigned i = 0; i < r->n[f] && at + 12 < n; i++) {
			int k = snprintf(buf + at, n - at, "%c%u ", letter[f],
					 (unsigned)r->v[f][i]);

			at += k > 0 ? (size_t)k : 0;
		}
	}
	return buf;
}
