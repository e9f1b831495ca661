/*
 * Logical lines: where a property starts, how far it goes.
 */
#include "pim/lines_read.h"

enum { CR_LOOK_BYTES = 1024 };

/* "VERSION:3.0", "VERSION;X=Y:3.0": the number, or empty. */
static struct slice
version_of(struct slice line)
{
	size_t colon = slice_find(line, ':');

	if (!slice_starts_nocase(line, "VERSION") || colon == SIZE_MAX ||
	    (line.p[7] != ':' && line.p[7] != ';'))
		return (struct slice){ NULL, 0 };
	return slice_trim(slice_from(line, colon + 1));
}

static enum pim_form
form_by(struct slice kind, struct slice version, enum pim_form else_form)
{
	bool card = slice_is_nocase(kind, "VCARD");

	if (slice_is_nocase(kind, "VNOTE"))
		return PIM_VNOTE;
	if (version.n == 0) {
		bool fits = card == (else_form == PIM_VCARD21 ||
				     else_form == PIM_VCARD30 ||
				     else_form == PIM_VCARD40);

		if (fits && else_form != PIM_FORM_NONE)
			return else_form;
		return card ? PIM_VCARD21 : PIM_VCAL10;
	}
	if (!card)
		return version.p[0] == '1' ? PIM_VCAL10 : PIM_ICAL20;
	if (version.p[0] == '2')
		return PIM_VCARD21;
	return version.p[0] == '4' ? PIM_VCARD40 : PIM_VCARD30;
}

/* What the first component says of itself: BEGIN and VERSION. */
static enum pim_form
sniff(const struct pim_reader *r, enum pim_form else_form)
{
	struct pim_reader look = *r;
	struct slice kind = { NULL, 0 };
	struct slice version = { NULL, 0 };
	struct slice line;

	while (pim_phys(&look, &line)) {
		line = slice_trim(line);
		if (slice_starts(line, "\xEF\xBB\xBF"))
			line = slice_from(line, 3);
		if (slice_starts_nocase(line, "BEGIN:")) {
			struct slice name = slice_trim(slice_from(line, 6));

			/* The same again: this one never ended. */
			if (slice_eq_nocase(name, kind))
				break;
			if (kind.p == NULL)
				kind = name;
			continue;
		}
		if (kind.p == NULL)
			continue;
		version = version_of(line);
		if (version.n > 0)
			break;
		if (slice_starts_nocase(line, "END:") &&
		    slice_eq_nocase(slice_trim(slice_from(line, 4)), kind))
			break;
	}
	return kind.p == NULL ? else_form : form_by(kind, version, else_form);
}

void
pim_reader_start(struct pim_reader *r, struct arena *a,
		 const struct pim_lines_in *in)
{
	struct slice text = in->text;

	if (text.p == NULL)
		text = SLICE_LIT("");
	memset(r, 0, sizeof(*r));
	r->a = a;
	r->p = text.p;
	r->line = text.p;
	r->end = text.p + text.n;
	r->rules = in->rules;
	/* Decided by the first lines, so that a file of many items is not
	   searched to its end for each. */
	r->cr_only =
	    memchr(text.p, '\n',
		   text.n < CR_LOOK_BYTES ? text.n : CR_LOOK_BYTES) == NULL;
	r->form = sniff(r, in->form);
	r->old = pim_form_old(r->form);
}

enum pim_form
pim_lines_form(struct slice text, enum pim_form else_form)
{
	struct pim_lines_in in = { .text = text, .form = else_form };
	struct pim_reader r;

	pim_reader_start(&r, NULL, &in);
	return r.form;
}

void
pim_reader_back(struct pim_reader *r)
{
	r->p = r->line;
}

struct slice
pim_reader_rest(const struct pim_reader *r)
{
	return (struct slice){ r->p, (size_t)(r->end - r->p) };
}

struct slice
pim_reader_card(struct pim_reader *r)
{
	const char *start = r->line;
	size_t depth = 1;
	struct slice line;

	while (depth > 0 && pim_phys(r, &line)) {
		line = slice_trim(line);
		if (slice_is_nocase(line, "BEGIN:VCARD"))
			depth++;
		else if (slice_is_nocase(line, "END:VCARD"))
			depth--;
	}
	return (struct slice){ start, (size_t)(r->p - start) };
}

/* Position of the ':' that ends name and parameters, or SIZE_MAX. */
static size_t
header_end(struct slice line)
{
	size_t colon = slice_find(line, ':');
	bool quoted = false;

	if (colon == SIZE_MAX || memchr(line.p, '"', colon) == NULL)
		return colon;
	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] == '"')
			quoted = !quoted;
		else if (line.p[i] == ':' && !quoted)
			return i;
	}
	/* A quote without its partner: it means nothing then. */
	return quoted ? colon : SIZE_MAX;
}

/* Name and parameters were folded: put the whole line together first. */
static bool
join_header(struct pim_reader *r, struct slice *line)
{
	struct buf b = BUF_IN(r->a);
	struct slice next;

	if (!pim_phys_peek(r, &next) || !pim_is_blank_led(next))
		return true;
	buf_add(&b, *line);
	while (pim_phys_peek(r, &next) && pim_is_blank_led(next)) {
		(void)pim_phys(r, &next);
		buf_add(&b, slice_from(next, 1));
	}
	*line = buf_slice(&b);
	return buf_ok(&b);
}

static bool
is_frame(struct slice name)
{
	return slice_is(name, "BEGIN") || slice_is(name, "END");
}

/* One physical line that may start a property. 1, 0 (does not), -1. */
static int
start_line(struct pim_reader *r, struct slice line, struct pim_line *out)
{
	size_t colon = header_end(line);
	struct slice first;
	int got;

	if (!pim_is_header(line))
		return 0;
	if (colon == SIZE_MAX) {
		if (!join_header(r, &line))
			return -1;
		colon = header_end(line);
		if (colon == SIZE_MAX)
			return 0;
	}
	got = pim_line_header(r->a, slice_sub(line, 0, colon), out);
	if (got <= 0)
		return got;
	first = slice_from(line, colon + 1);
	if (is_frame(out->name)) {
		out->value = slice_trim(pim_clean_name(r->a, first));
		return out->value.p == NULL && first.p != NULL ? -1 : 1;
	}
	first = pim_unfold(r, out, first);
	return first.p != NULL && pim_line_value(r, out, first) ? 1 : -1;
}

int
pim_reader_next(struct pim_reader *r, bool inside, struct pim_line *out)
{
	struct slice line;

	for (;;) {
		int got;

		r->line = r->p;
		if (!pim_phys(r, &line))
			return 0;
		if (!inside) {
			line = slice_trim(line);
			if (slice_starts(line, "\xEF\xBB\xBF"))
				line = slice_from(line, 3);
			if (!slice_starts_nocase(line, "BEGIN:"))
				continue;
		}
		/* Nothing to continue here: an indented line. */
		while (pim_is_blank_led(line))
			line = slice_from(line, 1);
		got = start_line(r, line, out);
		if (got != 0)
			return got;
	}
}
