/*
 * Files with many events. A file whose VCALENDARs hold several components is
 * turned, once, into one with a VCALENDAR for each, with the header and the
 * VTIMEZONEs that it needs; *rest then points to that text, which is in the
 * arena: the arena must live until the file is through.
 */
#include "pim/calendar_int.h"
#include "pim/core.h"

enum { ZONES_MAX = 64, GROWTH_MAX = 8 };

struct block { /* a component as text, BEGIN to END line */
	struct slice text;
	struct slice tzid;
};

struct cut {
	struct slice head; /* properties of the VCALENDAR itself */
	struct buf heads;
	struct block zone[ZONES_MAX];
	size_t zone_n;
	size_t comp_n;
	struct slice body; /* from BEGIN:VCALENDAR to its END */
	struct slice rest;
};

static struct slice
next_line(struct slice *s)
{
	size_t n = 0;
	struct slice line;

	while (n < s->n && s->p[n] != '\n' && s->p[n] != '\r')
		n++;
	line = slice_sub(*s, 0, n);
	if (n < s->n && s->p[n] == '\r')
		n++;
	if (n < s->n && n > 0 && s->p[n] == '\n' &&
	    (s->p[n - 1] == '\r' || n == line.n))
		n++;
	else if (n < s->n && n == 0 && s->p[0] == '\n')
		n = 1;
	*s = slice_from(*s, n);
	return line;
}

static bool
is_begin(struct slice line, const char *name)
{
	line = slice_trim(line);
	return slice_starts_nocase(line, "BEGIN:") &&
	       (name == NULL ||
		slice_is_nocase(slice_trim(slice_from(line, 6)), name));
}

static bool
is_end(struct slice line, struct slice name)
{
	line = slice_trim(line);
	return slice_starts_nocase(line, "END:") &&
	       slice_eq_nocase(slice_trim(slice_from(line, 4)), name);
}

/* The text of the component whose BEGIN line was just read. */
static struct slice
block_text(struct slice begin, struct slice *s, struct slice *tzid)
{
	struct slice name = slice_trim(slice_from(slice_trim(begin), 6));
	const char *from = begin.p;

	*tzid = (struct slice){ NULL, 0 };
	while (s->n > 0) {
		struct slice line = next_line(s);

		if (slice_starts_nocase(line, "TZID") && tzid->n == 0) {
			size_t at = slice_find(line, ':');

			if (at != SIZE_MAX)
				*tzid = slice_trim(slice_from(line, at + 1));
		}
		if (is_end(line, name))
			break;
	}
	return (struct slice){ from, (size_t)(s->p - from) };
}

/* Look over one VCALENDAR; false: the text holds none. */
static bool
look(struct arena *a, struct slice text, struct cut *c)
{
	struct slice s = text;
	struct slice line = { NULL, 0 };

	memset(c, 0, sizeof(*c));
	c->heads = BUF_IN(a);
	while (s.n > 0 && !is_begin(line, "VCALENDAR"))
		line = next_line(&s);
	if (!is_begin(line, "VCALENDAR"))
		return false;
	c->body.p = line.p;
	while (s.n > 0) {
		struct slice tzid;

		line = next_line(&s);
		if (is_end(line, SLICE_LIT("VCALENDAR")))
			break;
		if (!is_begin(line, NULL)) {
			buf_add(&c->heads, line);
			buf_str(&c->heads, "\r\n");
		} else if (!is_begin(line, "VTIMEZONE")) {
			(void)block_text(line, &s, &tzid);
			c->comp_n++;
		} else {
			struct slice t = block_text(line, &s, &tzid);

			if (c->zone_n < ZONES_MAX) {
				c->zone[c->zone_n].text = t;
				c->zone[c->zone_n++].tzid = tzid;
			}
		}
	}
	c->body.n = (size_t)(s.p - c->body.p);
	c->rest = s;
	return true;
}

static bool
uses(struct slice text, struct slice tzid)
{
	return tzid.n > 0 && pim_zone_known(tzid) == NULL &&
	       memmem(text.p, text.n, tzid.p, tzid.n) != NULL;
}

static void
put_line_end(struct buf *b)
{
	if (b->n > 0 && b->p[b->n - 1] != '\n')
		buf_str(b, "\r\n");
}

/* One VCALENDAR with several components: one each. */
static void
take_one_apart(const struct cut *c, struct buf *b)
{
	struct slice s = c->body;

	(void)next_line(&s); /* BEGIN:VCALENDAR */
	while (s.n > 0) {
		struct slice line = next_line(&s);
		struct slice tzid;
		struct slice t;

		if (is_end(line, SLICE_LIT("VCALENDAR")))
			break;
		if (!is_begin(line, NULL))
			continue;
		t = block_text(line, &s, &tzid);
		if (is_begin(line, "VTIMEZONE"))
			continue;
		buf_str(b, "BEGIN:VCALENDAR\r\n");
		buf_add(b, buf_slice(&c->heads));
		for (size_t i = 0; i < c->zone_n; i++) {
			if (!uses(t, c->zone[i].tzid))
				continue;
			buf_add(b, c->zone[i].text);
			put_line_end(b);
		}
		buf_add(b, t);
		put_line_end(b);
		buf_str(b, "END:VCALENDAR\r\n");
	}
}

/* The whole file at once: piece by piece would copy its rest again and again.
 */
static int
take_apart(struct arena *a, struct slice *rest, struct err *e)
{
	struct buf b = BUF_IN(a);
	struct slice s = *rest;
	struct cut c;

	/* headers and zones repeat with every event: bounded */
	b.max = rest->n * GROWTH_MAX + 65536;
	while (buf_ok(&b) && look(a, s, &c)) {
		if (!buf_ok(&c.heads))
			b.bad = true;
		if (c.comp_n > 1) {
			take_one_apart(&c, &b);
		} else {
			buf_add(&b, c.body);
			put_line_end(&b);
		}
		s = c.rest;
	}
	if (!buf_ok(&b))
		return err_set(e, ERR_LIMIT, "pim.next",
			       "calendar file too large");
	*rest = buf_slice(&b);
	return 0;
}

static bool
has_journal_only(const struct pim_comp *root)
{
	return pim_comp_kid(root, "VJOURNAL") != NULL &&
	       pim_comp_kid(root, "VEVENT") == NULL &&
	       pim_comp_kid(root, "VTODO") == NULL;
}

static bool
has_any(const struct pim_comp *root)
{
	return pim_comp_kid(root, "VEVENT") != NULL ||
	       pim_comp_kid(root, "VTODO") != NULL ||
	       pim_comp_kid(root, "VJOURNAL") != NULL;
}

int
pim_cal_next(struct arena *a, const struct pim_view *view, struct slice *rest,
	     struct pim_item **out, struct err *e)
{
	*out = NULL;
	for (;;) {
		struct pim_lines_in in = { .form = PIM_ICAL20 };
		enum pim_form form = PIM_ICAL20;
		struct pim_comp *root;
		struct cut c;

		if (!look(a, *rest, &c)) {
			*rest = SLICE_LIT("");
			return 0;
		}
		if (c.comp_n > 1) {
			if (take_apart(a, rest, e) < 0)
				return -1;
			continue;
		}
		*rest = c.rest;
		in.text = c.body;
		in.rules = view == NULL ? 0 : view->rules;
		if (c.comp_n == 0)
			continue;
		if (pim_lines_parse(a, &in, &root, &form, NULL, e) < 0)
			return -1;
		if (root == NULL || !has_any(root))
			continue; /* VFREEBUSY and the like */
		if (has_journal_only(root))
			return pim_note_read_comp(a, root, out, e);
		return pim_cal_read(a, view, form, root, out, e);
	}
}
