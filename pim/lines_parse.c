/*
 * Text to tree: components. The lines come from lines_read.c.
 */
#include "pim/lines_int.h"
#include "pim/lines_read.h"

struct level {
	struct pim_comp *c;
	struct pim_prop **props; /* where the next property goes */
	struct pim_prop *last;
	struct pim_comp **kids; /* where the next component goes */
};

struct parser {
	struct pim_reader r;
	struct level stack[PIM_DEPTH_MAX + 1];
	size_t depth; /* components open */
	size_t depth_max;
	size_t prop_n;
	size_t prop_max;
	struct pim_comp *root;
	struct slice strange; /* a property in a charset that nobody knows */
	struct slice charset; /* what it calls it */
	struct err *e;
};

static int
nomem(struct parser *ps)
{
	return err_set(ps->e, ERR_NOMEM, "pim.lines", "memory is short");
}

static int
open_comp(struct parser *ps, struct slice name)
{
	struct level *up = ps->depth > 0 ? &ps->stack[ps->depth - 1] : NULL;
	struct level *l;
	struct pim_comp *c;

	if (ps->depth == ps->depth_max)
		return err_set(ps->e, ERR_LIMIT, "pim.lines",
			       "components nested deeper than %d",
			       PIM_DEPTH_MAX);
	if (++ps->prop_n > ps->prop_max)
		return err_set(ps->e, ERR_LIMIT, "pim.lines",
			       "more than %d properties", PIM_PROPS_MAX);
	name = pim_upper(ps->r.a, name);
	c = name.p == NULL ? NULL : pim_comp_new(ps->r.a, name);
	if (c == NULL)
		return nomem(ps);
	if (up == NULL) {
		ps->root = c;
	} else {
		*up->kids = c;
		up->kids = &c->next;
	}
	l = &ps->stack[ps->depth++];
	l->c = c;
	l->props = &c->props;
	l->last = NULL;
	l->kids = &c->kids;
	return 0;
}

/*
 * END closes the innermost open component of that name, and with it those
 * inside that were never closed; an END that fits none is ignored.
 */
static void
close_comp(struct parser *ps, struct slice name)
{
	for (size_t i = ps->depth; i > 0; i--) {
		if (!slice_eq_nocase(ps->stack[i - 1].c->name, name))
			continue;
		ps->depth = i - 1;
		return;
	}
}

/*
 * A card inside a card: either the old way to write an agent (it becomes the
 * AGENT's text, as in 3.0), or the END before it is missing.
 */
static int
inner_card(struct parser *ps, bool *done)
{
	struct level *l = &ps->stack[ps->depth - 1];
	struct slice text;

	if (l->last == NULL || !slice_is(l->last->name, "AGENT") ||
	    l->last->value.n > 0) {
		pim_reader_back(&ps->r);
		*done = true;
		return 0;
	}
	text = pim_reader_card(&ps->r);
	text = pim_to_utf8(ps->r.a, text);
	if (text.p != NULL)
		text = pim_clean(ps->r.a, text);
	if (text.p != NULL)
		text = pim_escape(ps->r.a, text);
	if (text.p == NULL)
		return nomem(ps);
	l->last->value = text;
	return 0;
}

static int
add_prop(struct parser *ps, const struct pim_line *line)
{
	struct level *l = &ps->stack[ps->depth - 1];
	struct pim_prop *p;

	if (++ps->prop_n > ps->prop_max)
		return err_set(ps->e, ERR_LIMIT, "pim.lines",
			       "more than %d properties", PIM_PROPS_MAX);
	p = ARENA_NEW(ps->r.a, struct pim_prop);
	if (p == NULL)
		return nomem(ps);
	p->group = line->group;
	p->name = line->name;
	p->def = line->def;
	p->params = line->params;
	p->value = line->value;
	*l->props = p;
	l->props = &p->next;
	l->last = p;
	return 0;
}

static int
one_line(struct parser *ps, const struct pim_line *line, bool *done)
{
	if (slice_is(line->name, "BEGIN")) {
		if (ps->depth > 0 && slice_is_nocase(line->value, "VCARD") &&
		    slice_is(ps->stack[ps->depth - 1].c->name, "VCARD"))
			return inner_card(ps, done);
		return open_comp(ps, line->value);
	}
	if (slice_is(line->name, "END")) {
		close_comp(ps, line->value);
		*done = ps->depth == 0;
		return 0;
	}
	return add_prop(ps, line);
}

static int
all_lines(struct parser *ps)
{
	bool done = false;

	while (!done) {
		struct pim_line line;
		int got = pim_reader_next(&ps->r, ps->depth > 0, &line);

		if (got < 0)
			return nomem(ps);
		if (got == 0)
			break;
		if (line.strange) {
			ps->strange = line.name;
			ps->charset = line.charset;
		}
		if (one_line(ps, &line, &done) != 0)
			return -1;
	}
	return 0;
}

int
pim_lines_parse(struct arena *a, const struct pim_lines_in *in,
		struct pim_comp **root, enum pim_form *form, struct slice *rest,
		struct err *e)
{
	struct parser ps = {
		.depth_max = PIM_DEPTH_MAX + (in->own ? 1 : 0),
		.prop_max = in->own ? SIZE_MAX : PIM_PROPS_MAX,
		.e = e,
	};
	int got;

	*root = NULL;
	pim_reader_start(&ps.r, a, in);
	if (form != NULL)
		*form = ps.r.form;
	got = all_lines(&ps);
	pim_charsets_end(&ps.r.charsets);
	if (got < 0)
		return -1;
	if (rest != NULL)
		*rest = pim_reader_rest(&ps.r);
	/* A guess would go to all other devices, and back. */
	if (ps.strange.n > 0)
		return err_set(e, ERR_UNSUPPORTED, "pim.lines",
			       "%.*s is in a charset that is not known here: "
			       "%.*s",
			       SLICE_ARG(ps.strange), SLICE_ARG(ps.charset));
	*root = ps.root;
	return 0;
}
