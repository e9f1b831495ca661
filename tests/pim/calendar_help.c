#include "tests/pim/calendar_help.h"

#include <stdio.h>

struct pim_view
t_view(enum pim_form form, const char *zone, uint32_t rules, bool utc)
{
	struct pim_view v = { .form = form, .rules = rules, .utc = utc };

	v.zone = slice_c(zone);
	return v;
}

struct pim_item *
t_read(struct arena *a, const struct pim_view *v, enum pim_form form,
       const char *body)
{
	struct pim_lines_in in = { .text = slice_c(body), .form = form };
	struct pim_comp *root = NULL;
	struct pim_item *it = NULL;
	struct err e = { .code = ERR_NONE };

	in.rules = v == NULL ? 0 : v->rules;
	if (pim_lines_parse(a, &in, &root, NULL, NULL, &e) < 0 ||
	    root == NULL || pim_cal_read(a, v, form, root, &it, &e) < 0)
		return NULL;
	return it;
}

static const char *
text_of(struct arena *a, const struct pim_lines_out *how,
	const struct pim_comp *c)
{
	struct buf b = BUF_IN(a);
	struct buf out = BUF_IN(a);

	assert_int_equal(pim_lines_write(how, c, &b, NULL), 0);
	for (size_t i = 0; i < b.n; i++) {
		if (b.p[i] != '\r')
			buf_byte(&out, (unsigned char)b.p[i]);
	}
	buf_byte(&out, '\0');
	assert_true(buf_ok(&out));
	return out.p;
}

const char *
t_canon(struct arena *a, const struct pim_item *it)
{
	struct pim_lines_out how = { .form = PIM_ICAL20, .canonical = true };

	return text_of(a, &how, it->root);
}

const char *
t_write(struct arena *a, const struct pim_view *v, const struct pim_item *it)
{
	struct pim_lines_out how = { .form = v->form,
				     .rules = v->rules | PIM_RULE_NO_FOLD };
	struct pim_comp *root = NULL;
	struct err e = { .code = ERR_NONE };

	if (pim_cal_write(a, v, it, &root, &e) < 0)
		fail_msg("%s: %s", e.where, e.msg);
	return text_of(a, &how, root);
}

struct pim_item *
t_seen(struct arena *a, const struct pim_view *v, const struct pim_item *it)
{
	struct pim_item *seen = t_read(a, v, v->form, t_write(a, v, it));

	assert_non_null(seen);
	return seen;
}

static const char *
body(struct arena *a, enum pim_form form, const char *comp, const char *head,
     const char *lines)
{
	struct buf b = BUF_IN(a);

	buf_printf(&b, "BEGIN:VCALENDAR|VERSION:%s|",
		   form == PIM_VCAL10 ? "1.0" : "2.0");
	buf_str(&b, head);
	buf_printf(&b, "BEGIN:%s|", comp);
	buf_str(&b, lines);
	buf_printf(&b, "|END:%s|END:VCALENDAR|", comp);
	for (size_t i = 0; i < b.n; i++) {
		if (b.p[i] == '|')
			b.p[i] = '\n';
	}
	buf_byte(&b, '\0');
	assert_true(buf_ok(&b));
	return b.p;
}

const char *
t_event(struct arena *a, enum pim_form form, const char *head,
	const char *lines)
{
	return body(a, form, "VEVENT", head, lines);
}

const char *
t_todo(struct arena *a, enum pim_form form, const char *head, const char *lines)
{
	return body(a, form, "VTODO", head, lines);
}

static bool
has_line(const char *text, struct slice want, bool whole)
{
	struct slice rest = slice_c(text);
	struct slice line;

	while (slice_split(&rest, '\n', &line)) {
		if (slice_eq(line, want) ||
		    (!whole && line.n >= want.n &&
		     memcmp(line.p, want.p, want.n) == 0))
			return true;
	}
	return false;
}

void
t_has(const char *text, const char *want)
{
	struct slice rest = slice_c(want);
	struct slice line;

	while (slice_split(&rest, '|', &line)) {
		bool not = line.n > 0 && line.p[0] == '!';
		struct slice w = not ? slice_from(line, 1) : line;

		if (line.n > 0 && has_line(text, w, !not ) == not )
			fail_msg("%s line \"%.*s\" in:\n%s",
				 not ? "unwanted" : "missing", SLICE_ARG(w),
				 text);
	}
}
