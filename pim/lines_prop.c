/* One property: its name, its parameters, its value made canonical. */
#include "base/digest.h"
#include "pim/lines_read.h"

enum { PARAMS_MAX = 200 };

static bool
is_calendar(enum pim_form form)
{
	return form == PIM_VCAL10 || form == PIM_ICAL20;
}

/*
 * What parameters cannot hold however they are written, a quote in a value and
 * what divides them in a name (odd quoting brings it there), is replaced.
 */
static struct slice
without(struct arena *a, struct slice s, const char *bad, char by)
{
	char *p = NULL;

	for (size_t i = 0; i < s.n; i++) {
		if (strchr(bad, s.p[i]) == NULL)
			continue;
		if (p == NULL) {
			p = arena_alloc(a, s.n);
			if (p == NULL)
				return (struct slice){ NULL, 0 };
			memcpy(p, s.p, s.n);
			s.p = p;
		}
		p[i] = by;
	}
	return s;
}

static bool
add_param(struct arena *a, struct pim_line *line, struct slice name,
	  struct slice value)
{
	struct pim_param *q;

	name = without(a, name, "\";:,", '-');
	value = without(a, value, "\"", '\'');
	if (name.p == NULL || (value.p == NULL && value.n > 0))
		return false;

	/* No property has so many; what is written later walks them. */
	if (line->param_n++ >= PARAMS_MAX)
		return true;
	q = ARENA_NEW(a, struct pim_param);
	if (q == NULL)
		return false;
	q->name = name;
	q->value = value;
	*line->tail = q;
	line->tail = &q->next;
	return true;
}

/* The transfer encodings, by any of their names; false: none of them. */
static bool
take_encoding(struct pim_line *line, struct slice v)
{
	if (slice_is_nocase(v, "QUOTED-PRINTABLE") || slice_is_nocase(v, "Q")) {
		line->enc = PIM_ENC_QP;
		return true;
	}
	if (slice_is_nocase(v, "BASE64") || slice_is_nocase(v, "B")) {
		line->enc = PIM_ENC_B64;
		return true;
	}
	return slice_is_nocase(v, "8BIT") || slice_is_nocase(v, "7BIT");
}

static bool
is_bare_value(struct slice v)
{
	return slice_is_nocase(v, "INLINE") || slice_is_nocase(v, "URL") ||
	       slice_is_nocase(v, "CID") || slice_is_nocase(v, "CONTENT-ID");
}

static bool
named_param(struct arena *a, struct pim_line *line, struct slice name,
	    struct slice v)
{
	if (slice_is(name, "ENCODING") && take_encoding(line, v))
		return true;
	if (slice_is(name, "CHARSET")) {
		line->charset = v;
		return true;
	}
	return add_param(a, line, name, v);
}

/*
 * One value from the front of s: quoted, or up to a ',' (if that divides
 * values here). s moves behind it and its comma.
 */
static struct slice
param_value(struct slice *s, bool commas)
{
	struct slice v;
	size_t end;

	*s = slice_trim(*s);
	if (s->n > 1 && s->p[0] == '"') {
		end = slice_find(slice_from(*s, 1), '"');
		if (end != SIZE_MAX) {
			v = slice_sub(*s, 1, end);
			*s = slice_from(*s, end + 2);
			if (s->n > 0 && s->p[0] == ',')
				*s = slice_from(*s, 1);
			return v;
		}
	}
	end = commas ? slice_find(*s, ',') : SIZE_MAX;
	v = slice_trim(slice_sub(*s, 0, end));
	*s = end == SIZE_MAX ? (struct slice){ s->p, 0 }
			     : slice_from(*s, end + 1);
	return v;
}

static bool
param_values(struct arena *a, struct pim_line *line, struct slice name,
	     struct slice s)
{
	bool type = slice_is(name, "TYPE");
	/* "CN=Smith, John" without quotes is one name. */
	bool commas = !slice_is(name, "CN");

	if (s.n == 0)
		return named_param(a, line, name, s);
	while (s.n > 0) {
		struct slice v = param_value(&s, commas);

		/* TYPE="home,voice": the quotes of 4.0 hold a list too. */
		while (type && v.n > 0) {
			size_t end = slice_find(v, ',');

			if (!named_param(a, line, name,
					 slice_trim(slice_sub(v, 0, end))))
				return false;
			v = end == SIZE_MAX ? (struct slice){ NULL, 0 }
					    : slice_from(v, end + 1);
		}
		if (!type && !named_param(a, line, name, v))
			return false;
	}
	return true;
}

/* ";HOME" of the old dialect (and of careless writers of the new). */
static bool
bare_param(struct arena *a, struct pim_line *line, struct slice v)
{
	if (v.n == 0)
		return true;
	if (v.n > 1 && take_encoding(line, v))
		return true;
	if (slice_is_nocase(v, "UTF-8")) {
		line->charset = v;
		return true;
	}
	if (is_bare_value(v))
		return add_param(a, line, SLICE_LIT("VALUE"), v);
	return param_values(a, line, SLICE_LIT("TYPE"), v);
}

/* Length of the next parameter: up to a ';' outside quotes. */
static size_t
param_length(struct slice s)
{
	size_t end = slice_find(s, ';');
	bool quoted = false;

	if (end == SIZE_MAX)
		return s.n;
	if (memchr(s.p, '"', end) == NULL)
		return end;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			quoted = !quoted;
		else if (s.p[i] == ';' && !quoted)
			return i;
	}
	return quoted ? end : s.n;
}

static bool
read_params(struct arena *a, struct pim_line *line, struct slice s)
{
	while (s.n > 0) {
		size_t n = param_length(s);
		struct slice one = slice_trim(slice_sub(s, 0, n));
		size_t eq = slice_find(one, '=');
		struct slice name;

		s = slice_from(s, n < s.n ? n + 1 : n);
		if (eq == SIZE_MAX) {
			if (!bare_param(a, line, one))
				return false;
			continue;
		}
		name = pim_upper(a, slice_trim(slice_sub(one, 0, eq)));
		if (name.p == NULL)
			return false;
		if (name.n > 0 &&
		    !param_values(a, line, name, slice_from(one, eq + 1)))
			return false;
	}
	return true;
}

int
pim_line_header(struct arena *a, struct slice header, struct pim_line *out)
{
	struct slice name;
	size_t semi;
	size_t dot;

	memset(out, 0, sizeof(*out));
	header = pim_clean_name(a, header);
	if (header.p == NULL)
		return -1;
	semi = slice_find(header, ';');
	name = without(a, slice_trim(slice_sub(header, 0, semi)), "\":,=", '-');
	if (name.p == NULL)
		return -1;
	dot = slice_find(name, '.');
	out->tail = &out->params;
	if (dot != SIZE_MAX && dot > 0) {
		out->group = slice_sub(name, 0, dot);
		name = slice_from(name, dot + 1);
	}
	if (name.n == 0)
		return 0;
	out->name = pim_upper(a, name);
	if (out->name.p == NULL)
		return -1;
	out->def = pim_pdef_find(out->name);
	if (semi != SIZE_MAX &&
	    !read_params(a, out, slice_from(header, semi + 1)))
		return -1;
	return 1;
}

/* Base64 stays as it is, marked the way the new dialect marks it. */
static bool
keep_binary(struct pim_reader *r, struct pim_line *line, struct slice raw)
{
	bool cal = is_calendar(r->form);

	line->value = raw;
	if (!add_param(r->a, line, SLICE_LIT("ENCODING"),
		       cal ? SLICE_LIT("BASE64") : SLICE_LIT("b")))
		return false;
	for (struct pim_param *q = line->params; q != NULL; q = q->next) {
		if (slice_is(q->name, "VALUE"))
			return true;
	}
	return !cal ||
	       add_param(r->a, line, SLICE_LIT("VALUE"), SLICE_LIT("BINARY"));
}

/* Does canonical escaping change a value with these bytes in it? */
static bool
must_canon(bool old, enum pim_vtype t, unsigned found)
{
	if (found & PIM_SCAN_CTRL)
		return true;
	if (t == PIM_V_URI)
		return found & PIM_SCAN_BACKSLASH;
	/* A ';' divides lists of old calendars: it must not look so. */
	if (!old && t == PIM_V_LIST)
		return found & PIM_SCAN_SEMI;
	if (!old || t == PIM_V_RAW || t == PIM_V_BINARY)
		return false;
	if (t == PIM_V_STRUCT)
		return found & (PIM_SCAN_BACKSLASH | PIM_SCAN_COMMA);
	return found & (PIM_SCAN_BACKSLASH | PIM_SCAN_COMMA | PIM_SCAN_SEMI);
}

/*
 * What is well-formed UTF-8 and not encoded is that, whatever its parameter
 * says: XML recodes the text of a document, and not the names in it.
 */
static bool
to_utf8(struct pim_reader *r, struct pim_line *line, struct slice *s)
{
	int got;

	if (line->enc == PIM_ENC_NONE && slice_utf8_ok(*s))
		return true;
	got = pim_charset_read(r->a, &r->charsets, *s, line->charset, s);
	line->strange = got == 0;
	return got >= 0;
}

bool
pim_line_value(struct pim_reader *r, struct pim_line *line, struct slice raw)
{
	enum pim_vtype t = line->def->vtype;
	struct slice s = raw;
	unsigned found;

	if (line->enc == PIM_ENC_B64) {
		bool text =
		    t == PIM_V_TEXT || t == PIM_V_STRUCT || t == PIM_V_LIST;

		if (!text || !digest_unb64(r->a, raw, &s))
			return keep_binary(r, line, raw);
	}
	found = pim_scan(s);
	if ((found & PIM_SCAN_8BIT) && !to_utf8(r, line, &s))
		return false;
	if (s.p != NULL && (found & PIM_SCAN_CTRL))
		s = pim_clean(r->a, s);
	if (s.p != NULL && must_canon(r->old, t, found))
		s = r->old ? pim_canon_old(r->a, s, t, r->form == PIM_VCAL10)
			   : pim_canon_new(r->a, s, t);
	line->value = s;
	return s.p != NULL;
}
