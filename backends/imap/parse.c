/*
 * The pieces that answers are made of. Nothing here recurses, and nothing keeps
 * what nobody asked for: nested lists are counted, strings skipped.
 */
#include "backends/imap/int.h"

#include "base/buf.h"

#include <stdio.h>

static bool
ends_word(int c)
{
	return c < 0 || c == ' ' || c == '(' || c == ')' || c == '\r' ||
	       c == '\n' || c == '[' || c == ']' || c == '"' || c == '{';
}

static int
nonsense(struct mbox *m)
{
	return imap_fail(m, ERR_PARSE, "the server's answer makes no sense");
}

int
imap_word(struct mbox *m, char *buf, size_t cap)
{
	size_t n = 0, at = 0;
	int c;

	while (!ends_word(c = imap_peek(m))) {
		if (n + 1 < cap)
			buf[n++] = slice_upper((char)c);
		(void)imap_next(m);
		at++;
	}
	/* BODY[HEADER.FIELDS (X)]<0>: which one we know, since we asked. */
	if (c == '[' && n >= 4 && memcmp(buf, "BODY", 4) == 0) {
		while ((c = imap_next(m)) >= 0 && c != ']' && c != '\n')
			;
		if (c == '\n')
			return nonsense(m);
		while (!ends_word(imap_peek(m)))
			(void)imap_next(m);
		if (n + 1 < cap)
			buf[n++] = '[';
	}
	buf[n] = '\0';
	if (m->is_dead)
		return -1;
	return at > 0 ? 0 : nonsense(m);
}

int
imap_number(struct mbox *m, int64_t *out)
{
	int64_t n = 0;
	int digits = 0, c;

	while ((c = imap_peek(m)) >= '0' && c <= '9') {
		if (++digits > 18)
			return nonsense(m);
		n = n * 10 + (c - '0');
		(void)imap_next(m);
	}
	if (c < 0)
		return -1;
	*out = n;
	return digits > 0 ? 0 : nonsense(m);
}

int
imap_expect(struct mbox *m, char c)
{
	int got = imap_next(m);

	return got == (unsigned char)c ? 0 : got < 0 ? -1 : nonsense(m);
}

bool
imap_at(struct mbox *m, char c)
{
	if (imap_peek(m) != (unsigned char)c)
		return false;
	(void)imap_next(m);
	return true;
}

/* ---- strings ------------------------------------------------------------- */

static int
too_long(struct mbox *m)
{
	return imap_fail(m, ERR_LIMIT,
			 "the server sends a longer string than was asked for");
}

static int
literal(struct mbox *m, struct arena *a, size_t max, struct slice *out)
{
	int64_t n;
	char *p = NULL;

	(void)imap_next(m);
	if (imap_number(m, &n) < 0)
		return -1;
	(void)imap_at(m, '+');
	if (imap_expect(m, '}') < 0)
		return -1;
	(void)imap_at(m, '\r');
	if (imap_expect(m, '\n') < 0)
		return -1;
	if (a == NULL) {
		if (n > m->left + IMAP_IN_BYTES)
			return too_long(m);
		return imap_bytes(m, NULL, (size_t)n);
	}
	if (n > (int64_t)max)
		return too_long(m);
	p = arena_alloc(a, n > 0 ? (size_t)n : 1);
	if (p == NULL)
		return imap_fail(m, ERR_NOMEM, "out of memory");
	*out = (struct slice){ p, (size_t)n };
	return imap_bytes(m, p, (size_t)n);
}

static int
quoted(struct mbox *m, struct buf *b)
{
	int c;

	(void)imap_next(m);
	while ((c = imap_next(m)) != '"') {
		if (c == '\\')
			c = imap_next(m);
		if (c < 0)
			return -1;
		if (c == '\n' || c == '\0')
			return nonsense(m);
		if (b != NULL)
			buf_byte(b, (unsigned char)c);
	}
	return 0;
}

static int
atom(struct mbox *m, struct buf *b)
{
	size_t n = 0;
	int c;

	/* Some servers name folders with brackets, unquoted. */
	while ((c = imap_peek(m)) >= 0 && c != ' ' && c != '(' && c != ')' &&
	       c != '\r' && c != '\n' && c != '"' && c != '{') {
		(void)imap_next(m);
		n++;
		if (b != NULL)
			buf_byte(b, (unsigned char)c);
	}
	if (c < 0)
		return -1;
	return n > 0 ? 0 : nonsense(m);
}

int
imap_string(struct mbox *m, struct arena *a, size_t max, struct slice *out)
{
	struct buf b = { .a = a, .max = max };
	struct buf *to = a == NULL ? NULL : &b;
	int c = imap_peek(m), rc;

	*out = (struct slice){ NULL, 0 };
	if (c == '~') { /* a literal that may hold NULs */
		(void)imap_next(m);
		c = imap_peek(m);
	}
	if (c == '{')
		return literal(m, a, max, out);
	rc = c == '"' ? quoted(m, to) : atom(m, to);
	if (rc < 0 || a == NULL)
		return rc;
	if (!buf_ok(&b))
		return too_long(m);
	*out = buf_slice(&b);
	if (c != '"' && slice_is_nocase(*out, "NIL"))
		*out = (struct slice){ NULL, 0 };
	return 0;
}

int
imap_skip(struct mbox *m)
{
	struct slice none;
	size_t depth = 0;

	do {
		int c = imap_peek(m);

		if (c == '(') {
			depth++;
			(void)imap_next(m);
		} else if (c == ')' && depth > 0) {
			depth--;
			(void)imap_next(m);
		} else if (c == ' ' && depth > 0) {
			(void)imap_next(m);
		} else if (imap_string(m, NULL, 0, &none) < 0) {
			return -1;
		}
	} while (depth > 0);
	return m->is_dead ? -1 : 0;
}

int
imap_rest(struct mbox *m, char *buf, size_t cap)
{
	size_t n = 0;
	int c;

	while ((c = imap_next(m)) >= 0 && c != '\n') {
		if (c != '\r' && n + 1 < cap)
			buf[n++] = (char)(c < ' ' || c > '~' ? '?' : c);
	}
	buf[n] = '\0';
	return c < 0 ? -1 : 0;
}

/* ---- flags, dates -------------------------------------------------------- */

static unsigned
flag_of(const char *name)
{
	static const struct {
		const char *name;
		unsigned flag;
	} all[] = {
		{ "\\SEEN", MBOX_SEEN },
		{ "\\ANSWERED", MBOX_ANSWERED },
		{ "\\FLAGGED", MBOX_FLAGGED },
		{ "\\DRAFT", MBOX_DRAFT },
		{ "\\DELETED", MBOX_DELETED },
		{ "$FORWARDED", MBOX_FORWARDED },
		{ "FORWARDED", MBOX_FORWARDED },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (strcmp(all[i].name, name) == 0)
			return all[i].flag;
	}
	return 0;
}

int
imap_flags(struct mbox *m, unsigned *out)
{
	char word[IMAP_WORD_MAX];

	*out = 0;
	if (imap_expect(m, '(') < 0)
		return -1;
	while (!m->is_dead && !imap_at(m, ')')) {
		if (imap_at(m, ' '))
			continue;
		/* Keywords are whatever people make them. */
		if (imap_peek(m) == '[' || imap_peek(m) == ']') {
			(void)imap_next(m);
			continue;
		}
		if (imap_word(m, word, sizeof(word)) < 0)
			return -1;
		*out |= flag_of(word);
	}
	return m->is_dead ? -1 : 0;
}

/* "17-Jul-1996 02:44:25 -0700", the day perhaps with a blank in front. */
int
imap_date(struct slice s, int64_t *ms)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int d, y, h, min, sec, zone, month = -1;
	char mon[4], text[32];
	int64_t days;

	(void)snprintf(text, sizeof(text), "%.*s", (int)(s.n > 31 ? 31 : s.n),
		       s.n > 0 ? s.p : "");
	/* NOLINTNEXTLINE(cert-err34-c): two to five digits cannot overflow */
	if (sscanf(text, "%2d-%3s-%4d %2d:%2d:%2d %5d", &d, mon, &y, &h, &min,
		   &sec, &zone) != 7)
		return -1;
	for (int i = 0; i < 12; i++) {
		if (memcmp(months + (size_t)i * 3, mon, 3) == 0)
			month = i + 1;
	}
	if (month < 0 || d < 1 || d > 31 || y < 1970 || h < 0 || h > 23 ||
	    min < 0 || min > 59 || sec < 0 || sec > 60)
		return -1;
	/* Days of the civil calendar, years from March on. */
	y -= month <= 2;
	days = (int64_t)365 * y + y / 4 - y / 100 + y / 400 +
	       (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + d - 1 - 719468;
	*ms = (((days * 24 + h) * 60 + min - (zone / 100 * 60 + zone % 100)) *
		   60 +
	       sec) *
	      1000;
	return 0;
}
