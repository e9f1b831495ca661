/* Header fields of a message: folds, encoded words, parameters, dates. */
#include "pim/mime.h"
#include "base/digest.h"
#include "pim/calendar_time.h"
#include "pim/mime_int.h"

/* ---- lines --------------------------------------------------------------- */

/* Up to and with the line's LF. */
size_t
pim_mime_line(struct slice s, size_t at)
{
	size_t lf = slice_find(slice_from(s, at), '\n');

	return lf == SIZE_MAX ? s.n : at + lf + 1;
}

static bool
is_blank(struct slice line)
{
	return line.n == 0 || line.p[0] == '\n' ||
	       (line.p[0] == '\r' && (line.n == 1 || line.p[1] == '\n'));
}

size_t
pim_mime_body(struct slice s)
{
	size_t at = 0;

	while (at < s.n) {
		size_t next = pim_mime_line(s, at);

		if (is_blank(slice_sub(s, at, next - at)))
			return next;
		at = next;
	}
	return s.n;
}

bool
pim_mime_field(struct slice *rest, struct slice *name, struct slice *value)
{
	while (rest->n > 0) {
		size_t end = pim_mime_line(*rest, 0);
		struct slice field = slice_sub(*rest, 0, end);
		size_t colon;

		if (is_blank(field))
			return false;
		while (end < rest->n &&
		       (rest->p[end] == ' ' || rest->p[end] == '\t'))
			end = pim_mime_line(*rest, end);
		field = slice_sub(*rest, 0, end);
		*rest = slice_from(*rest, end);
		colon = slice_find(field, ':');
		if (colon == SIZE_MAX)
			continue; /* "From anna ...", or rubbish */
		*name = slice_trim(slice_sub(field, 0, colon));
		*value = slice_trim(slice_from(field, colon + 1));
		return true;
	}
	return false;
}

/* Folds to blanks, control characters away. */
static struct slice
unfold(struct arena *a, struct slice s)
{
	char *p = arena_alloc(a, s.n + 1);
	size_t n = 0;

	if (p == NULL)
		return (struct slice){ NULL, 0 };
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '\t')
			c = ' ';
		if (c >= ' ' && c != 0x7F)
			p[n++] = (char)c;
	}
	return slice_trim((struct slice){ p, n });
}

struct slice
pim_mime_get(struct arena *a, struct slice s, const char *name)
{
	struct slice rest = slice_sub(s, 0, PIM_MAIL_HEADER_MAX);
	struct slice found;
	struct slice value;

	while (pim_mime_field(&rest, &found, &value)) {
		if (slice_is_nocase(found, name))
			return unfold(a, value);
	}
	return SLICE_LIT("");
}

/* ---- charsets -------------------------------------------------------------
 */

/* A mail is read whatever it says it is. */
static struct slice
to_utf8(struct arena *a, struct pim_charsets *cs, struct slice s,
	struct slice charset)
{
	struct slice out = { NULL, 0 };

	return pim_charset_read(a, cs, s, charset, &out) == 0
		   ? pim_to_utf8(a, s)
		   : out;
}

/* ---- encoded words ---------------------------------------------------------
 */

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = slice_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %41 or =41 to A. */
struct slice
pim_mime_unhex(struct arena *a, struct slice s, char mark, bool underline)
{
	char *p = arena_alloc(a, s.n + 1);
	size_t n = 0;

	if (p == NULL)
		return (struct slice){ NULL, 0 };
	for (size_t i = 0; i < s.n; i++) {
		int hi = s.p[i] == mark && i + 2 < s.n ? hex(s.p[i + 1]) : -1;
		int lo = hi >= 0 ? hex(s.p[i + 2]) : -1;

		if (lo >= 0) {
			p[n++] = (char)(hi * 16 + lo);
			i += 2;
		} else {
			p[n] = s.p[i];
			if (underline && p[n] == '_')
				p[n] = ' ';
			n++;
		}
	}
	return (struct slice){ p, n };
}

/* "=?charset?Q?text?=" at the start of s: its length, or 0. out: its bytes;
   .p == NULL: memory is short. */
static size_t
encoded_word(struct arena *a, struct slice s, struct slice *charset,
	     struct slice *out)
{
	size_t q1 = slice_find(slice_from(s, 2), '?');
	struct slice text;
	size_t q3;
	char how;

	if (!slice_starts(s, "=?") || q1 == SIZE_MAX || q1 + 5 > s.n)
		return 0;
	how = slice_lower(s.p[q1 + 3]);
	if (s.p[q1 + 4] != '?' || (how != 'q' && how != 'b'))
		return 0;
	text = slice_from(s, q1 + 5);
	q3 = slice_find_str(text, "?=");
	if (q3 == SIZE_MAX)
		return 0;
	text = slice_sub(text, 0, q3);
	if (how == 'b') {
		if (!digest_unb64(a, text, out))
			return 0;
	} else {
		*out = pim_mime_unhex(a, text, '=', true);
	}
	*charset = slice_sub(s, 2, q1);
	*charset = slice_sub(*charset, 0, slice_find(*charset, '*'));
	return q1 + 5 + q3 + 2;
}

struct words {
	struct arena *a;
	struct buf text;
	struct buf run; /* of encoded words that follow each other */
	struct slice charset;
	struct pim_charsets charsets;
	size_t blanks; /* behind them */
	bool nomem;
};

/* Some programs cut a character in two: bytes of one charset belong together.
 */
static void
end_run(struct words *w)
{
	struct slice s = { NULL, 0 };

	if (w->run.n > 0)
		s = to_utf8(w->a, &w->charsets, buf_slice(&w->run), w->charset);
	w->nomem |= w->run.n > 0 && s.p == NULL;
	if (s.p != NULL)
		buf_add(&w->text, s);
	buf_cut(&w->run, 0);
}

/* Blanks between two encoded words are no text. */
static void
put_word(struct words *w, struct slice charset, struct slice bytes)
{
	if (!slice_eq_nocase(charset, w->charset))
		end_run(w);
	w->charset = charset;
	w->blanks = 0;
	buf_add(&w->run, bytes);
}

static void
put_char(struct words *w, char c)
{
	if (w->charset.p != NULL && c == ' ') {
		w->blanks++;
		return;
	}
	end_run(w);
	w->charset = (struct slice){ NULL, 0 };
	for (; w->blanks > 0; w->blanks--)
		buf_byte(&w->text, ' ');
	buf_byte(&w->text, (unsigned char)c);
}

struct slice
pim_mime_words(struct arena *a, struct slice value)
{
	struct slice s = unfold(a, slice_sub(value, 0, PIM_MAIL_HEADER_MAX));
	struct words w = { .a = a, .text = BUF_IN(a), .run = BUF_IN(a) };
	struct slice out;

	if (s.p == NULL)
		return s;
	while (s.n > 0 && w.text.n + w.run.n < PIM_MAIL_WORD_MAX) {
		struct slice bytes = SLICE_LIT(""), charset;
		size_t n = encoded_word(a, s, &charset, &bytes);

		if (bytes.p == NULL) {
			w.nomem = true;
			break;
		}
		if (n > 0)
			put_word(&w, charset, bytes);
		else
			put_char(&w, s.p[0]);
		s = slice_from(s, n > 0 ? n : 1);
	}
	end_run(&w);
	pim_charsets_end(&w.charsets);
	if (!buf_ok(&w.text) || !buf_ok(&w.run) || w.nomem)
		return (struct slice){ NULL, 0 };
	out = buf_slice(&w.text);
	out = pim_to_utf8(a, out);
	if (out.p == NULL)
		return out;
	out = unfold(a, out); /* what was hidden in encoded words */
	return out.p == NULL ? out : slice_utf8_cut(out, PIM_MAIL_WORD_MAX);
}

/* To p; NULL: only count. */
static size_t
unqp(struct slice s, char *p)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		struct slice rest = slice_from(s, i);
		char c = rest.p[0];

		if (slice_starts(rest, "=\r\n")) {
			i += 2;
			continue;
		}
		if (slice_starts(rest, "=\n")) {
			i++;
			continue;
		}
		if (rest.n >= 3 && c == '=' && hex(rest.p[1]) >= 0 &&
		    hex(rest.p[2]) >= 0) {
			c = (char)(hex(rest.p[1]) * 16 + hex(rest.p[2]));
			i += 2;
		}
		if (p != NULL)
			p[n] = c;
		n++;
	}
	return n;
}

struct slice
pim_mime_unqp(struct arena *a, struct slice s)
{
	char *p = arena_alloc(a, s.n + 1);

	return (struct slice){ p, p == NULL ? 0 : unqp(s, p) };
}

int64_t
pim_mime_qp_size(struct slice s)
{
	return (int64_t)unqp(s, NULL);
}

/* ---- parameters
 * -------------------------------------------------------------- */

/* The end of a quoted text, and what it says. */
static size_t
quoted(struct arena *a, struct slice s, struct slice *out)
{
	char *p = arena_alloc(a, s.n + 1);
	size_t n = 0, i = 0;

	for (; p != NULL && i < s.n && s.p[i] != '"'; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n)
			i++;
		p[n++] = s.p[i];
	}
	*out = (struct slice){ p, p == NULL ? 0 : n };
	return i;
}

/* The next "; name=value" of a field; quotes are taken off. value->p NULL:
   memory is short. */
static bool
next_param(struct arena *a, struct slice *rest, struct slice *name,
	   struct slice *value)
{
	size_t semi = slice_find(*rest, ';');
	size_t eq;
	size_t end;

	if (semi == SIZE_MAX)
		return false;
	*rest = slice_from(*rest, semi + 1);
	eq = slice_find(*rest, '=');
	semi = slice_find(*rest, ';');
	if (eq == SIZE_MAX || (semi != SIZE_MAX && semi < eq)) {
		*name = *value = SLICE_LIT("");
		return true;
	}
	*name = slice_trim(slice_sub(*rest, 0, eq));
	*rest = slice_from(*rest, eq + 1);
	while (rest->n > 0 && *rest->p == ' ')
		*rest = slice_from(*rest, 1);
	if (rest->n > 0 && *rest->p == '"') {
		*rest = slice_from(*rest, 1);
		end = quoted(a, *rest, value);
	} else {
		end = slice_find(*rest, ';');
		*value = slice_trim(slice_sub(*rest, 0, end));
	}
	*rest = slice_from(*rest, end == SIZE_MAX ? rest->n : end);
	return true;
}

/* A piece of a value that is cut or encoded (RFC 2231): name*, name*0, name*0*.
   false: it is another parameter. */
static bool
add_piece(struct arena *a, struct slice name, struct slice value,
	  const char *want, struct buf *b, struct slice *charset)
{
	size_t star = slice_find(name, '*');
	bool encoded = slice_ends(name, "*");
	size_t quote;

	if (star == SIZE_MAX ||
	    !slice_is_nocase(slice_sub(name, 0, star), want))
		return false;
	if (encoded && b->n == 0) {
		quote = slice_find(value, '\'');
		if (quote != SIZE_MAX) {
			*charset = slice_sub(value, 0, quote);
			value = slice_from(value, quote + 1);
			quote = slice_find(value, '\'');
			value = slice_from(value,
					   quote == SIZE_MAX ? 0 : quote + 1);
		}
	}
	if (encoded)
		value = pim_mime_unhex(a, value, '%', false);
	buf_add(b, value.p == NULL ? SLICE_LIT("") : value);
	return true;
}

struct slice
pim_mime_param(struct arena *a, struct slice field, const char *want)
{
	struct slice charset = SLICE_LIT("");
	struct buf b = BUF_IN(a);
	struct pim_charsets cs = { .n = 0 };
	struct slice name;
	struct slice value;

	while (next_param(a, &field, &name, &value)) {
		if (value.p == NULL)
			return value;
		if (slice_is_nocase(name, want))
			return value;
		(void)add_piece(a, name, value, want, &b, &charset);
	}
	if (!buf_ok(&b))
		return (struct slice){ NULL, 0 };
	if (b.n == 0)
		return SLICE_LIT("");
	value = to_utf8(a, &cs, buf_slice(&b), charset);
	pim_charsets_end(&cs);
	return value;
}

/* ---- dates
 * ---------------------------------------------------------------------- */

static int
month_of(struct slice s)
{
	static const char *const names[] = {
		"jan", "feb", "mar", "apr", "may", "jun",
		"jul", "aug", "sep", "oct", "nov", "dec",
	};

	for (int i = 0; i < 12; i++) {
		if (slice_starts_nocase(s, names[i]))
			return i + 1;
	}
	return 0;
}

/* "06:29:00" or "06:29" in seconds; -1: it is none. */
static int64_t
clock_of(struct slice s)
{
	struct slice part;
	int64_t v[3] = { 0, 0, 0 };
	int n = 0;

	while (n < 3 && slice_split(&s, ':', &part)) {
		if (!slice_i64(part, &v[n++]))
			return -1;
	}
	if (n < 2 || v[0] < 0 || v[0] > 23 || v[1] < 0 || v[1] > 59 ||
	    v[2] < 0 || v[2] > 60)
		return -1;
	return v[0] * 3600 + v[1] * 60 + v[2];
}

/* "+0200" in seconds, or one of the names of RFC 5322, 4.3; another name is
   UTC, which is what most of them mean. */
static int64_t
offset_of(struct slice s)
{
	static const char zones[] = "edtestcdtcstmdtmstpdtpst"; /* from -4 on */
	int64_t v;

	for (size_t i = 0; s.n == 3 && i < 8; i++) {
		struct slice zone = { zones + i * 3, 3 };

		if (slice_eq_nocase(s, zone))
			return -3600 * (4 + (int64_t)(i + 1) / 2);
	}

	if (s.n != 5 || (s.p[0] != '+' && s.p[0] != '-') ||
	    !slice_i64(slice_from(s, 1), &v) || v < 0)
		return 0;
	v = (v / 100) * 3600 + (v % 100) * 60;
	return s.p[0] == '-' ? -v : v;
}

int64_t
pim_mime_date(struct slice value)
{
	struct slice word[6] = { { "", 0 } };
	size_t comma = slice_find(value, ',');
	int64_t day;
	int64_t year;
	int64_t secs;
	int month;
	size_t n = 0;

	if (comma != SIZE_MAX)
		value = slice_from(value, comma + 1);
	while (n < 6 && slice_word(&value, " \t\r\n", &word[n]))
		n++;
	if (n < 4 || !slice_i64(word[0], &day) || !slice_i64(word[2], &year))
		return 0;
	if (year >= 0 && year < 100)
		year += year < 50 ? 2000 : 1900;
	month = month_of(word[1]);
	secs = clock_of(word[3]);
	if (month == 0 || secs < 0 || year < 1971 || year > 9999 || day < 1 ||
	    day > pim_month_days((int)year, month))
		return 0;
	secs += pim_days((int)year, month, (int)day) * PIM_DAY_S;
	return (secs - offset_of(n > 4 ? word[4] : SLICE_LIT(""))) * 1000;
}
