#include "clients/phone.h"

#include "clients/client_caps.h"

static const struct cli_phone phones[] = {
	{
	    .name = "nokia",
	    .about = "vCard 2.1 with 12 properties, note of 60 bytes",
	    .man = "NOKIA",
	    .mod = "6230i",
	    .swv = "03.88",
	    .card = "BEGIN=VCARD END=VCARD VERSION=2.1 N*1 TEL*5 EMAIL*2 "
		    "ORG*1 FN*1 ADR*1 BDAY*1 NOTE*1<60 TITLE*1 URL*1 "
		    "X-NICKNAME*1 PHOTO*1",
	    .cal = "BEGIN=VCALENDAR,VEVENT,VTODO END=VCALENDAR,VEVENT,VTODO "
		   "VERSION=1.0 SUMMARY*1<150 LOCATION*1<50 DTSTART*1 DTEND*1 "
		   "DUE*1 RRULE*1 EXDATE*1 AALARM*1 CATEGORIES*1 PRIORITY*1 "
		   "STATUS*1 COMPLETED*1 CLASS*1 LAST-MODIFIED*1",
	    .org_one = true,
	},
	{
	    .name = "simple",
	    .about = "vCard 2.1 with name, three numbers and a mail address; "
		     "its DevInf tells nothing",
	    .man = "Example",
	    .mod = "Simple",
	    .swv = "1.0",
	    .card = "BEGIN=VCARD END=VCARD VERSION=2.1 N*1 TEL*3 EMAIL*1",
	    .cal = "BEGIN=VCALENDAR,VEVENT END=VCALENDAR,VEVENT VERSION=1.0 "
		   "SUMMARY*1<40 DTSTART*1 DTEND*1 AALARM*1",
	    .tells_nothing = true,
	},
};

const struct cli_phone *
cli_phone_at(size_t i)
{
	return i < sizeof(phones) / sizeof(phones[0]) ? &phones[i] : NULL;
}

const struct cli_phone *
cli_phone_find(const char *name)
{
	for (size_t i = 0; i < sizeof(phones) / sizeof(phones[0]); i++)
		if (strcmp(phones[i].name, name) == 0)
			return &phones[i];
	return NULL;
}

const char *
cli_phone_list(const struct cli_phone *p, enum pim_form form)
{
	if (form == PIM_VCARD21 || form == PIM_VCARD30)
		return p->card;
	if (form == PIM_VCAL10 || form == PIM_ICAL20)
		return p->cal;
	return "";
}

/* ---- lines
 * -------------------------------------------------------------------- */

struct line {             /* one property, with its folds and soft breaks */
	struct slice raw; /* with the last line end */
	struct slice name, params, value;
	bool qp;
};

/* The next physical line with its end; empty at the end of the text. */
static struct slice
physical(struct slice rest)
{
	size_t n = slice_find(rest, '\n');

	return slice_sub(rest, 0, n == SIZE_MAX ? rest.n : n + 1);
}

static struct slice
chop(struct slice s)
{
	while (s.n > 0 && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r'))
		s.n--;
	return s;
}

static bool
has_word(struct slice params, const char *word)
{
	struct slice rest = params, one;

	while (slice_split(&rest, ';', &one)) {
		size_t eq = slice_find(one, '=');

		if (eq != SIZE_MAX)
			one = slice_from(one, eq + 1);
		if (slice_is_nocase(one, word))
			return true;
	}
	return false;
}

static void
split_name(struct line *l, struct slice first)
{
	size_t colon = slice_find(first, ':');
	struct slice head = slice_sub(first, 0, colon);
	size_t semi = slice_find(head, ';');
	size_t dot;

	l->name = slice_sub(head, 0, semi);
	l->params =
	    semi == SIZE_MAX ? SLICE_LIT("") : slice_from(head, semi + 1);
	dot = slice_find(l->name, '.');
	if (dot != SIZE_MAX)
		l->name = slice_from(l->name, dot + 1);
	l->name = slice_trim(l->name);
	l->qp = has_word(l->params, "QUOTED-PRINTABLE");
}

/* Cut the next property off the front. false: the text is over. */
static bool
next_line(struct slice *rest, struct line *l)
{
	struct slice first = physical(*rest);
	size_t n = first.n, colon;
	bool base64;

	if (first.n == 0)
		return false;
	*l = (struct line){ 0 };
	split_name(l, chop(first));
	base64 = has_word(l->params, "BASE64") || has_word(l->params, "B");
	struct slice last = chop(first);
	for (;;) {
		struct slice next = physical(slice_from(*rest, n));
		bool fold =
		    next.n > 0 && (next.p[0] == ' ' || next.p[0] == '\t');
		bool soft = l->qp && slice_ends(last, "=");
		bool end64 = base64 && next.n > 0 && chop(next).n == 0;

		if (next.n == 0 || (!fold && !soft && !end64))
			break;
		n += next.n;
		last = chop(next);
		if (end64 && !fold)
			break;
	}
	l->raw = slice_sub(*rest, 0, n);
	colon = slice_find(l->raw, ':');
	l->value = chop(colon == SIZE_MAX ? SLICE_LIT("")
					  : slice_from(l->raw, colon + 1));
	*rest = slice_from(*rest, n);
	return true;
}

/* ---- cutting a value
 * -------------------------------------------------------------- */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static struct slice
qp_decode(struct arena *a, struct slice v)
{
	char *p = arena_alloc(a, v.n + 1);
	size_t n = 0;

	if (p == NULL)
		return (struct slice){ NULL, 0 };
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] != '=') {
			p[n++] = v.p[i];
			continue;
		}
		int hi = i + 1 < v.n ? hex_digit(v.p[i + 1]) : -1;
		int lo = i + 2 < v.n ? hex_digit(v.p[i + 2]) : -1;

		if (hi >= 0 && lo >= 0) {
			p[n++] = (char)(hi * 16 + lo);
			i += 2;
			continue;
		}
		while (i + 1 < v.n && strchr("\r\n", v.p[i + 1]) != NULL)
			i++; /* soft break */
	}
	return (struct slice){ p, n };
}

static void
qp_encode(struct buf *b, struct slice v)
{
	for (size_t i = 0; i < v.n; i++) {
		unsigned char c = (unsigned char)v.p[i];

		if (c < 0x20 || c > 0x7e || c == '=')
			buf_printf(b, "=%02X", c);
		else
			buf_byte(b, c);
	}
}

/* A folded value in one piece. */
static struct slice
unfold(struct arena *a, struct slice v)
{
	char *p = arena_alloc(a, v.n + 1);
	size_t n = 0;

	if (p == NULL)
		return (struct slice){ NULL, 0 };
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] != '\r' && v.p[i] != '\n') {
			p[n++] = v.p[i];
			continue;
		}
		if (v.p[i] == '\n' && i + 1 < v.n &&
		    (v.p[i + 1] == ' ' || v.p[i + 1] == '\t'))
			i++;
	}
	return (struct slice){ p, n };
}

static void
put_cut(struct buf *b, const struct line *l, struct slice v, size_t max)
{
	size_t colon = slice_find(l->raw, ':');

	v = slice_utf8_cut(v, max);
	buf_add(b, slice_sub(l->raw, 0, colon + 1));
	if (l->qp)
		qp_encode(b, v);
	else
		buf_add(b, v);
	buf_str(b, "\r\n");
}

static void
put_line(struct arena *a, struct buf *b, const struct cli_phone *p,
	 const struct pim_cap *cap, const struct line *l)
{
	struct slice v = l->qp ? qp_decode(a, l->value) : unfold(a, l->value);
	size_t max = cap->max_bytes > 0 ? cap->max_bytes : SIZE_MAX;

	if (v.p == NULL) {
		b->bad = true;
		return;
	}
	if (p->org_one && slice_is_nocase(l->name, "ORG") &&
	    slice_find(v, ';') < max)
		max = slice_find(v, ';');
	if (v.n > max)
		put_cut(b, l, v, max);
	else
		buf_add(b, l->raw);
}

/* ---- the item
 * ------------------------------------------------------------------------ */

static bool
is_listed(const struct pim_cap *cap, struct slice value)
{
	for (size_t i = 0; cap != NULL && i < cap->value_n; i++)
		if (slice_eq_nocase(cap->values[i], slice_trim(value)))
			return true;
	return cap != NULL && cap->value_n == 0;
}

/* Components that it does not know go whole: *skip counts how deep we are. */
static bool
in_skipped(const struct pim_caps *caps, const struct line *l, unsigned *skip)
{
	bool begin = slice_is_nocase(l->name, "BEGIN");
	bool end = slice_is_nocase(l->name, "END");

	if (*skip > 0) {
		*skip += begin;
		*skip -= end;
		return true;
	}
	if (begin && !is_listed(cli_caps_find(caps, l->name), l->value)) {
		*skip = 1;
		return true;
	}
	return false;
}

struct slice
cli_phone_keep(struct arena *a, const struct cli_phone *p,
	       const struct pim_caps *caps, struct slice body)
{
	struct buf b = BUF_IN(a);
	struct slice rest = body;
	struct line l;
	unsigned skip = 0;
	unsigned *seen = ARENA_ARRAY(a, caps->prop_n + 1, unsigned);

	if (caps->prop_n == 0 || !slice_starts_nocase(body, "BEGIN:"))
		return body;
	if (seen == NULL)
		return (struct slice){ NULL, 0 };
	while (next_line(&rest, &l)) {
		const struct pim_cap *cap;

		if (in_skipped(caps, &l, &skip))
			continue;
		cap = cli_caps_find(caps, l.name);
		if (cap == NULL)
			continue;
		if (cap->max_occur > 0 &&
		    seen[cap - caps->props]++ >= cap->max_occur)
			continue;
		put_line(a, &b, p, cap, &l);
	}
	return buf_ok(&b) ? buf_slice(&b) : (struct slice){ NULL, 0 };
}
