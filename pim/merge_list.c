/*
 * Merging properties that occur several times: TEL, EMAIL, ADR, EXDATE and all
 * that occurs more than once. Entries are known by type and value; among equal
 * types position counts. Another order is no edit.
 */
#include "pim/merge_int.h"

enum {
	START_PAIRS_MAX = 40000,
	KEPT_MAX = 200 /* longer lists than any device's: nothing is sure */
};

static void
reset(struct pim_fields *f)
{
	for (size_t i = 0; i < f->n; i++)
		f->v[i].mate = SIZE_MAX;
}

static bool
same_value(const struct pim_field *x, const struct pim_field *y)
{
	return x->h == y->h && slice_eq(x->norm, y->norm);
}

static bool
same_types(const struct pim_field *x, const struct pim_field *y)
{
	return slice_eq(x->types, y->types);
}

typedef bool match_fn(const struct pim_field *x, const struct pim_field *y);

static bool
match_all(const struct pim_field *x, const struct pim_field *y)
{
	return same_value(x, y) && same_types(x, y);
}

/* y may be cut off or lack unknown types: still the same entry. */
static bool
match_start(const struct pim_field *x, const struct pim_field *y)
{
	const struct pim_field *s = x->norm.n <= y->norm.n ? x : y;
	const struct pim_field *l = s == x ? y : x;

	return s->norm.n >= CUT_MIN_BYTES &&
	       memcmp(s->norm.p, l->norm.p, s->norm.n) == 0;
}

static bool
match_types(const struct pim_field *x, const struct pim_field *y)
{
	/* Cleared entries stand for a slot; any value of the type fits. */
	return same_types(x, y);
}

static void
pass(struct pim_fields *x, struct pim_fields *y, match_fn *fits)
{
	size_t from = 0;

	while (from < y->n && y->v[from].mate != SIZE_MAX)
		from++;
	for (size_t i = 0; i < x->n && from < y->n; i++) {
		if (x->v[i].mate != SIZE_MAX)
			continue;
		for (size_t k = from; k < y->n; k++) {
			if (y->v[k].mate != SIZE_MAX ||
			    !fits(&x->v[i], &y->v[k]))
				continue;
			x->v[i].mate = k;
			y->v[k].mate = i;
			break;
		}
		while (from < y->n && y->v[from].mate != SIZE_MAX)
			from++;
	}
}

/*
 * Find for each entry of x its like in y: the same, else the same value under
 * other types, else the start of it, else the next of the same types.
 */
static void
align(struct pim_fields *x, struct pim_fields *y)
{
	reset(x);
	reset(y);
	pass(x, y, match_all);
	pass(x, y, same_value);
	/* Comparing text by text, which long lists are spared. */
	if (x->n * y->n <= START_PAIRS_MAX)
		pass(x, y, match_start);
	pass(x, y, match_types);
}

/* Are the types of x all among those of y? */
static bool
types_within(struct slice x, struct slice y)
{
	struct slice t;

	if (x.n == 0)
		return true;
	while (slice_split(&x, ',', &t)) {
		struct slice rest = y;
		struct slice u;
		bool found = false;

		while (!found && slice_split(&rest, ',', &u))
			found = slice_eq(t, u);
		if (!found)
			return false;
	}
	return true;
}

static bool
offered_before(const struct merge *m, const struct group *g,
	       const struct pim_field *inc)
{
	for (size_t i = 1; i < m->base_n; i++) {
		for (size_t k = 0; k < g->base[i].n; k++) {
			if (match_all(&g->base[i].v[k], inc))
				return true;
		}
	}
	return false;
}

/* ---- where base entries are in the current item
 * ------------------------------------- */

/*
 * Own copies of a list, so that its mates do not disturb another alignment;
 * v == NULL with n > 0: memory is short.
 */
static struct pim_fields
copy_list(struct merge *m, const struct pim_fields *f)
{
	struct pim_fields out = { NULL, f->n };

	if (f->n == 0)
		return out;
	out.v = ARENA_ARRAY(m->a, f->n, struct pim_field);
	if (out.v == NULL)
		m->nomem = true;
	else
		memcpy(out.v, f->v, f->n * sizeof(*out.v));
	return out;
}

/* What happened to one base entry on the server's side. */
struct fate {
	struct pim_field *cur;  /* NULL: deleted there */
	struct pim_field *seen; /* NULL: the device would not get it */
	bool changed;
};

static struct fate
fate_of(const struct pim_fields *cur, const struct pim_fields *seen,
	const struct pim_field *in_cur, const struct pim_field *in_seen,
	const struct pim_field *base)
{
	struct fate f = { NULL, NULL, false };

	if (in_cur->mate == SIZE_MAX)
		return f;
	f.cur = &cur->v[in_cur->mate];
	f.changed = !same_value(f.cur, base) || !same_types(f.cur, base);
	if (in_seen->mate == SIZE_MAX)
		return f;
	f.seen = &seen->v[in_seen->mate];
	if (f.changed)
		f.changed =
		    !same_value(f.seen, base) || !same_types(f.seen, base);
	return f;
}

/* ---- edits
 * ------------------------------------------------------------------------------
 */

/* An address: part by part, as if it were the only one. */
static void
modify_parts(struct merge *m, const struct group *g, struct pim_field *base,
	     struct pim_field *inc, struct fate fate)
{
	struct group one = { .name = g->name };
	size_t base_n = m->base_n;

	one.cur = (struct pim_fields){ fate.cur, 1 };
	one.inc = (struct pim_fields){ inc, 1 };
	one.seen = (struct pim_fields){ fate.seen, fate.seen != NULL };
	one.base[0] = (struct pim_fields){ base, 1 };
	m->base_n = 1;
	pim_merge_struct(m, &one);
	m->base_n = base_n;
	if (!same_types(base, inc) && !types_within(inc->types, base->types) &&
	    !fate.changed)
		pim_merge_types(m, fate.cur, inc);
}

/* The device changed an entry it held. */
static void
modify(struct merge *m, const struct group *g, struct pim_field *base,
       struct pim_field *inc, struct fate fate)
{
	bool value = !same_value(base, inc) &&
		     !pim_merge_cut(m, g->name, inc->norm, base->norm);
	bool types =
	    !same_types(base, inc) && !types_within(inc->types, base->types);
	bool params = inc->params != 0 && inc->params != base->params;

	if (!value && !types && !params)
		return;
	if (fate.cur == NULL) {
		/* Deleted here, edited there: the edit wins. */
		if (value) {
			m->clash_client++;
			pim_merge_add(m, inc);
		}
		return;
	}
	if (inc->prop->def->vtype == PIM_V_STRUCT) {
		modify_parts(m, g, base, inc, fate);
		return;
	}
	if (fate.changed && same_value(fate.cur, inc))
		return;
	if (fate.changed && !pim_merge_clash(m))
		return;
	if (value)
		pim_merge_set(m, fate.cur, inc);
	else
		pim_merge_types(m, fate.cur, inc);
}

static void
remove_entry(struct merge *m, struct fate fate)
{
	if (fate.cur == NULL)
		return;
	if (fate.changed)
		m->clash_server++; /* edited here meanwhile: stays */
	else
		pim_merge_drop(m, fate.cur);
}

static bool
in_all_bases(const struct merge *m, const struct group *g,
	     const struct pim_field *x)
{
	for (size_t i = 1; i < m->base_n; i++) {
		bool found = false;

		for (size_t k = 0; !found && k < g->base[i].n; k++)
			found = match_all(&g->base[i].v[k], x);
		if (!found)
			return false;
	}
	return true;
}

static bool
in_list(const struct pim_fields *f, const struct pim_field *x)
{
	for (size_t i = 0; i < f->n; i++) {
		if (same_value(&f->v[i], x))
			return true;
	}
	return false;
}

bool
pim_merge_kept(const struct merge *m, const struct pim_field *x)
{
	const struct pim_view *view = m->in->view;
	struct pim_fields had = pim_fields_named(&m->base[0], x->name);
	bool own = m->in->base_own && !m->in->replace;
	const struct pim_cap *cap;
	struct pim_place at;
	size_t n = 0;

	if (!pim_caps_keep(view, x->name, x->norm.n))
		return false;
	if (m->current->kind != PIM_CONTACT || own ||
	    (view->rules & PIM_RULE_KEEPS_ALL))
		return true;
	cap = pim_cap_find(view->caps, x->name);
	if (cap == NULL || had.n > KEPT_MAX)
		return false;
	at = pim_caps_place(view->caps, cap, x->types);
	for (size_t i = 0; i < had.n && n <= at.sure; i++)
		n += had.v[i].norm.n > 0 && pim_place_has(&at, had.v[i].types);
	return n <= at.sure;
}

/* An entry of the base that did not come back, or came back empty. */
static void
missing(struct merge *m, const struct group *g, const struct pim_field *base,
	const struct pim_field *inc, struct fate fate)
{
	bool cleared =
	    inc != NULL ? inc->norm.n == 0 : pim_merge_told(m, g->name);

	if (cleared || (m->absence_counts && in_all_bases(m, g, base) &&
			pim_merge_kept(m, base)))
		remove_entry(m, fate);
}

void
pim_merge_list(struct merge *m, const struct group *g)
{
	struct pim_fields base = copy_list(m, &g->base[0]);
	struct pim_fields in_cur = copy_list(m, &g->base[0]);
	struct pim_fields in_seen = copy_list(m, &g->base[0]);
	struct pim_fields cur = g->cur;
	struct pim_fields inc = g->inc;
	struct pim_fields seen = copy_list(m, &g->seen);

	if (m->nomem)
		return;
	align(&in_cur, &cur);
	align(&in_seen, &seen);
	align(&base, &inc);
	for (size_t i = 0; i < base.n; i++) {
		struct pim_field *b = &base.v[i];
		struct pim_field *x =
		    b->mate == SIZE_MAX ? NULL : &inc.v[b->mate];
		struct fate fate =
		    fate_of(&cur, &seen, &in_cur.v[i], &in_seen.v[i], b);

		if (b->norm.n == 0)
			continue;
		if (b->mate == SIZE_MAX || x->norm.n == 0)
			missing(m, g, b, x, fate);
		else if (!offered_before(m, g, x))
			modify(m, g, b, x, fate);
	}
	for (size_t i = 0; i < inc.n; i++) {
		const struct pim_field *x = &inc.v[i];
		bool fresh = x->mate == SIZE_MAX || base.v[x->mate].norm.n == 0;

		if (fresh && x->norm.n > 0 && !offered_before(m, g, x) &&
		    !in_list(&cur, x) && !in_list(&seen, x))
			pim_merge_add(m, x);
	}
}

/* ---- nothing known of before
 * --------------------------------------------------------------- */

/* The same number written otherwise is not another number. */
static bool
same_loosely(struct merge *m, const struct pim_field *x,
	     const struct pim_field *y)
{
	struct slice a;
	struct slice b;

	if (same_value(x, y))
		return true;
	if (slice_is(x->name, "EMAIL"))
		return slice_eq_nocase(x->norm, y->norm);
	if (!slice_is(x->name, "TEL"))
		return match_start(x, y);
	a = pim_digits(m->a, x->norm);
	b = pim_digits(m->a, y->norm);
	if (a.p == NULL || b.p == NULL)
		m->nomem = true;
	return !m->nomem && a.n > 0 && slice_eq(a, b);
}

void
pim_union_list(struct merge *m, const struct group *g)
{
	for (size_t i = 0; i < g->inc.n && !m->nomem; i++) {
		const struct pim_field *x = &g->inc.v[i];
		bool have = x->norm.n == 0 || in_list(&g->seen, x);

		for (size_t k = 0; !have && k < g->cur.n; k++)
			have = same_loosely(m, x, &g->cur.v[k]);
		if (!have)
			pim_merge_add(m, x);
	}
}
