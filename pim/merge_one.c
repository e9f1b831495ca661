/* Merging a property that occurs once and changes as a whole. */
#include "pim/merge_int.h"

enum edit { EDIT_NONE, EDIT_SET, EDIT_CLEAR };

static const struct pim_field *
only(const struct pim_fields *f)
{
	return f->n > 0 ? &f->v[0] : NULL;
}

static struct slice
value_of(const struct pim_fields *f)
{
	return f->n > 0 ? f->v[0].norm : SLICE_LIT("");
}

/* The device's value is one that it was given before, or what is left of it. */
static bool
known_value(const struct merge *m, const struct group *g,
	    const struct pim_field *inc)
{
	for (size_t i = 0; i < m->base_n; i++) {
		const struct pim_field *b = only(&g->base[i]);

		if (b == NULL)
			continue;
		if (slice_eq(b->norm, inc->norm) &&
		    (inc->params == 0 || inc->params == b->params))
			return true;
		if (pim_merge_cut(m, g->name, inc->norm, b->norm))
			return true;
	}
	return false;
}

static bool
all_bases_hold(const struct merge *m, const struct group *g)
{
	for (size_t i = 0; i < m->base_n; i++) {
		if (value_of(&g->base[i]).n == 0)
			return false;
	}
	return m->base_n > 0;
}

static bool
any_base_holds(const struct merge *m, const struct group *g)
{
	for (size_t i = 0; i < m->base_n; i++) {
		if (value_of(&g->base[i]).n > 0)
			return true;
	}
	return false;
}

static bool
is_kept(const struct group *g)
{
	const struct pim_field *cur = only(&g->cur);

	return cur != NULL && cur->prop != NULL &&
	       (cur->prop->def->flags & PIM_P_KEEP);
}

static enum edit
edit_of(const struct merge *m, const struct group *g)
{
	const struct pim_field *inc = only(&g->inc);
	const struct pim_field *seen = only(&g->seen);

	if (inc == NULL && pim_merge_told(m, g->name))
		return any_base_holds(m, g) ? EDIT_CLEAR : EDIT_NONE;
	/* What no item is without was not deleted. */
	if (inc == NULL && is_kept(g))
		return EDIT_NONE;
	if (inc == NULL)
		return m->absence_counts && all_bases_hold(m, g) &&
			       pim_caps_keep(m->in->view, g->name,
					     value_of(&g->base[0]).n)
			   ? EDIT_CLEAR
			   : EDIT_NONE;
	if (inc->norm.n == 0)
		return any_base_holds(m, g) ? EDIT_CLEAR : EDIT_NONE;
	if (known_value(m, g, inc))
		return EDIT_NONE;
	if (seen != NULL && slice_eq(seen->norm, inc->norm) &&
	    (inc->params == 0 || inc->params == seen->params))
		return EDIT_NONE;
	return EDIT_SET;
}

/* What the device had was the start of the current text. */
static bool
had_start(struct slice had, struct slice cur)
{
	return had.n >= CUT_MIN_BYTES && had.n < cur.n &&
	       memcmp(had.p, cur.p, had.n) == 0;
}

static bool
is_long(const struct group *g)
{
	const struct pim_field *cur = only(&g->cur);

	return cur != NULL && cur->prop != NULL &&
	       (cur->prop->def->flags & PIM_P_LONG);
}

/*
 * Did the server's side change since the device got its copy? Not if the
 * current value is a base's, in full or as the device sees it; text that was
 * only appended to does not stand against an edit either (see keep_tail).
 */
static bool
server_changed(const struct merge *m, const struct group *g)
{
	struct slice cur = value_of(&g->cur);
	struct slice seen = value_of(&g->seen);

	for (size_t i = 0; i < m->base_n; i++) {
		struct slice b = value_of(&g->base[i]);

		if (slice_eq(cur, b) || slice_eq(seen, b))
			return false;
		if ((is_long(g) || !m->absence_counts) && had_start(b, cur))
			return false;
	}
	return true;
}

/*
 * The device had only the start of a long text, because it is cut for it or
 * was appended to since: what it never saw stays behind the new start.
 */
static void
keep_tail(struct merge *m, const struct group *g, struct pim_field *cur,
	  const struct pim_field *inc)
{
	struct slice had = value_of(&g->seen);
	struct slice plain;

	if (!is_long(g))
		return;
	if (!had_start(had, cur->norm))
		had.n = 0;
	for (size_t i = 0; i < m->base_n; i++) {
		struct slice b = value_of(&g->base[i]);

		if (b.n > had.n && had_start(b, cur->norm))
			had = b;
	}
	if (had.n == 0)
		return;
	plain = pim_norm_text(m->a, inc->prop->value);
	if (plain.p != NULL)
		plain = arena_printf(m->a, "%.*s%.*s", SLICE_ARG(plain),
				     SLICE_ARG(slice_from(cur->norm, had.n)));
	if (plain.p != NULL)
		plain = pim_escape(m->a, plain);
	if (plain.p == NULL)
		m->nomem = true;
	else
		cur->prop->value = plain;
}

static void
set_value(struct merge *m, const struct group *g)
{
	const struct pim_field *inc = only(&g->inc);
	struct pim_field *cur = g->cur.n > 0 ? &g->cur.v[0] : NULL;

	if (slice_is(g->name, "FN"))
		m->fn_edited = true;
	if (cur == NULL) {
		pim_merge_add(m, inc);
		return;
	}
	pim_merge_set(m, cur, inc);
	if (cur->prop != NULL)
		keep_tail(m, g, cur, inc);
}

void
pim_merge_single(struct merge *m, const struct group *g)
{
	enum edit edit = edit_of(m, g);
	bool changed;

	if (edit == EDIT_NONE)
		return;
	changed = server_changed(m, g);
	if (edit == EDIT_SET) {
		if (!changed || pim_merge_clash(m))
			set_value(m, g);
		return;
	}
	if (g->cur.n == 0)
		return;
	/* Taken out by drop_made_fn(), not by the user. */
	if (m->fn_made && slice_is(g->name, "FN"))
		return;
	/* Cleared here, edited there: the edit wins. */
	if (changed && g->cur.v[0].norm.n > 0)
		m->clash_server++;
	else
		pim_merge_drop(m, &g->cur.v[0]);
}

void
pim_union_single(struct merge *m, const struct group *g)
{
	const struct pim_field *inc = only(&g->inc);
	struct pim_field *cur = g->cur.n > 0 ? &g->cur.v[0] : NULL;
	struct slice seen = value_of(&g->seen);

	if (inc == NULL || inc->norm.n == 0)
		return;
	if (cur == NULL || cur->norm.n == 0) {
		set_value(m, g);
		return;
	}
	if (slice_eq(cur->norm, inc->norm) || slice_eq(seen, inc->norm))
		return;
	/* One is the start of the other: the longer one has it all. */
	if (inc->norm.n > cur->norm.n &&
	    memcmp(inc->norm.p, cur->norm.p, cur->norm.n) == 0 &&
	    cur->norm.n >= CUT_MIN_BYTES) {
		pim_merge_set(m, cur, inc);
		return;
	}
	if (inc->norm.n >= CUT_MIN_BYTES && inc->norm.n < cur->norm.n &&
	    memcmp(inc->norm.p, cur->norm.p, inc->norm.n) == 0)
		return;
	m->clash_server++;
}
