/*
 * Merging inside one property: the parts of a structured value (N, ORG, ADR)
 * and the elements of a list (CATEGORIES).
 */
#include "pim/merge_int.h"

enum { LIST_BYTES = 8192 };

struct parts {
	struct slice raw[PARTS_MAX];  /* still escaped */
	struct slice norm[PARTS_MAX]; /* plain, trimmed */
	size_t n;                     /* written, empty ones included */
};

static const struct parts no_parts;

/* norm is empty, not NULL, for parts that are not there. */
static bool
split(struct merge *m, const struct pim_prop *p, struct parts *out)
{
	struct slice rest = p == NULL ? (struct slice){ NULL, 0 } : p->value;

	*out = no_parts;
	while (out->n < PARTS_MAX && pim_split(&rest, ';', &out->raw[out->n])) {
		struct slice s = pim_unescape(m->a, out->raw[out->n]);

		if (s.p == NULL) {
			m->nomem = true;
			return false;
		}
		out->norm[out->n++] = slice_trim(s);
	}
	/* More parts than any property has: the rest stays in the last. */
	if (rest.p != NULL && out->n > 0)
		out->raw[out->n - 1].n +=
		    (size_t)(rest.p + rest.n -
			     (out->raw[out->n - 1].p + out->raw[out->n - 1].n));
	return true;
}

static const struct pim_prop *
prop_of(const struct pim_fields *f)
{
	return f->n > 0 ? f->v[0].prop : NULL;
}

struct sides {
	struct parts cur, inc, seen;
	struct parts base[MERGE_BASES_MAX];
	bool base_has[MERGE_BASES_MAX];
};

static bool
split_all(struct merge *m, const struct group *g, struct sides *s)
{
	for (size_t i = 0; i < m->base_n; i++) {
		s->base_has[i] = g->base[i].n > 0;
		if (!split(m, prop_of(&g->base[i]), &s->base[i]))
			return false;
	}
	return split(m, prop_of(&g->cur), &s->cur) &&
	       split(m, prop_of(&g->inc), &s->inc) &&
	       split(m, prop_of(&g->seen), &s->seen);
}

/* Parts that many devices drop or pad with nothing: an empty one of these is
   not its user's doing. */
static bool
is_fragile(struct slice name, size_t k)
{
	if (slice_is(name, "N"))
		return k >= 2;
	if (slice_is(name, "ORG"))
		return k >= 1;
	return k < 2; /* ADR: post office box, extended address */
}

static bool
in_any_base(const struct merge *m, const struct sides *s, size_t k,
	    struct slice v)
{
	for (size_t i = 0; i < m->base_n; i++) {
		if (s->base_has[i] && slice_eq(s->base[i].norm[k], v))
			return true;
	}
	return false;
}

static bool
cut_of_base(const struct merge *m, const struct group *g, const struct sides *s,
	    size_t k)
{
	for (size_t i = 0; i < m->base_n; i++) {
		if (pim_merge_cut(m, g->name, s->inc.norm[k],
				  s->base[i].norm[k]))
			return true;
	}
	return false;
}

/* Did the user of the device change part k? */
static bool
part_edited(const struct merge *m, const struct group *g, const struct sides *s,
	    size_t k)
{
	struct slice v = s->inc.norm[k];
	bool keeps =
	    m->in->view != NULL && (m->in->view->rules & PIM_RULE_KEEPS_ALL);
	uint32_t parts = prop_of(&g->inc)->told;
	bool told = (parts >> k & 1) != 0;

	if (in_any_base(m, s, k, v) || slice_eq(v, s->seen.norm[k]))
		return false;
	if (v.n > 0)
		return !cut_of_base(m, g, s, k);
	if (parts != 0 && !told && !slice_is(g->name, "ORG"))
		return false; /* it has no such part */
	if (keeps || !is_fragile(g->name, k) || told)
		return true;
	/* A new company has other departments. */
	return slice_is(g->name, "ORG") && s->inc.norm[0].n > 0 &&
	       !in_any_base(m, s, 0, s->inc.norm[0]) &&
	       !slice_eq(s->inc.norm[0], s->cur.norm[0]);
}

static bool
part_changed_here(const struct merge *m, const struct sides *s, size_t k)
{
	return !in_any_base(m, s, k, s->cur.norm[k]) &&
	       !in_any_base(m, s, k, s->seen.norm[k]);
}

/* A phone with one name field sends the same words in another order. */
static bool
same_words(struct merge *m, const struct parts *x, const struct parts *y)
{
	struct buf bx = BUF_IN(m->a);
	struct buf by = BUF_IN(m->a);
	struct slice wx;
	struct slice wy;

	for (size_t k = 0; k < PARTS_MAX; k++) {
		buf_add(&bx, x->norm[k]);
		buf_byte(&bx, ' ');
		buf_add(&by, y->norm[k]);
		buf_byte(&by, ' ');
	}
	wx = pim_fold_words(m->a, buf_slice(&bx));
	wy = pim_fold_words(m->a, buf_slice(&by));
	if (!buf_ok(&bx) || !buf_ok(&by) || wx.p == NULL || wy.p == NULL)
		m->nomem = true;
	return !m->nomem && wx.n > 0 && slice_eq(wx, wy);
}

static bool
is_one_field_name(struct merge *m, const struct group *g, const struct sides *s)
{
	if (!slice_is(g->name, "N") || s->inc.norm[0].n == 0)
		return false;
	for (size_t k = 1; k < PARTS_MAX; k++) {
		if (s->inc.norm[k].n > 0)
			return false;
	}
	for (size_t i = 0; i < m->base_n; i++) {
		if (s->base_has[i] && same_words(m, &s->inc, &s->base[i]))
			return true;
	}
	return same_words(m, &s->inc, &s->cur);
}

static void
store_parts(struct merge *m, const struct group *g,
	    const struct slice v[PARTS_MAX], size_t n)
{
	struct buf b = BUF_IN(m->a);
	bool some = false;

	for (size_t k = 0; k < n; k++) {
		if (k > 0)
			buf_byte(&b, ';');
		buf_add(&b, v[k]);
		some |= v[k].n > 0;
	}
	if (!buf_ok(&b)) {
		m->nomem = true;
		return;
	}
	if (!some && !slice_is(g->name, "N"))
		pim_merge_drop(m, &g->cur.v[0]);
	else
		g->cur.v[0].prop->value = buf_slice(&b);
}

/* The property as a whole came new, went, or was cleared: as any other. */
static bool
is_whole(const struct group *g, const struct merge *m)
{
	if (g->cur.n == 0 || g->inc.n == 0 || g->inc.v[0].norm.n == 0)
		return true;
	for (size_t i = 0; i < m->base_n; i++) {
		if (g->base[i].n > 0)
			return false;
	}
	return true;
}

void
pim_merge_struct(struct merge *m, const struct group *g)
{
	struct slice v[PARTS_MAX];
	struct sides s;
	bool edited = false;
	size_t n;

	if (is_whole(g, m)) {
		pim_merge_single(m, g);
		return;
	}
	if (!split_all(m, g, &s) || is_one_field_name(m, g, &s))
		return;
	n = s.cur.n > s.inc.n ? s.cur.n : s.inc.n;
	for (size_t k = 0; k < n; k++) {
		v[k] = s.cur.raw[k];
		if (!part_edited(m, g, &s, k))
			continue;
		if (part_changed_here(m, &s, k) &&
		    !slice_eq(s.cur.norm[k], s.inc.norm[k])) {
			/* Cleared there, edited here: the edit wins. */
			if (s.inc.norm[k].n == 0) {
				m->clash_server++;
				continue;
			}
			if (s.cur.norm[k].n > 0 && !pim_merge_clash(m))
				continue;
		}
		v[k] = s.inc.raw[k];
		edited = true;
	}
	if (edited)
		store_parts(m, g, v, n);
}

void
pim_union_struct(struct merge *m, const struct group *g)
{
	struct slice v[PARTS_MAX];
	struct sides s;
	bool filled = false;
	bool clash = false;
	size_t n;

	if (g->cur.n == 0 || g->inc.n == 0 || g->cur.v[0].norm.n == 0) {
		pim_union_single(m, g);
		return;
	}
	if (!split_all(m, g, &s) || is_one_field_name(m, g, &s))
		return;
	n = s.cur.n > s.inc.n ? s.cur.n : s.inc.n;
	for (size_t k = 0; k < n; k++) {
		v[k] = s.cur.raw[k];
		if (s.inc.norm[k].n == 0 ||
		    slice_eq(s.inc.norm[k], s.cur.norm[k]) ||
		    slice_eq(s.inc.norm[k], s.seen.norm[k]))
			continue;
		if (s.cur.norm[k].n > 0) {
			clash = true;
			continue;
		}
		v[k] = s.inc.raw[k];
		filled = true;
	}
	/* Parts of two different companies or addresses do not mix. */
	if (clash && !slice_is(g->name, "N"))
		filled = false;
	m->clash_server += clash;
	if (filled)
		store_parts(m, g, v, n);
}

static bool
base_has_part(struct merge *m, const struct pim_field *x, size_t k,
	      struct slice v)
{
	for (size_t i = 0; i < m->base_n; i++) {
		struct pim_fields g = pim_fields_named(&m->base[i], x->name);
		struct parts b;

		for (size_t n = 0; n < g.n; n++) {
			if (slice_eq(g.v[n].types, x->types) &&
			    split(m, g.v[n].prop, &b) && slice_eq(b.norm[k], v))
				return true;
		}
	}
	return false;
}

bool
pim_parts_dropped(struct merge *m, const struct pim_field *x,
		  const struct pim_field *inc)
{
	struct parts px;
	struct parts pi;

	if (!split(m, x->prop, &px) || !split(m, inc->prop, &pi))
		return false;
	for (size_t k = 0; k < PARTS_MAX; k++) {
		if (!slice_eq(px.norm[k], pi.norm[k]) &&
		    !base_has_part(m, x, k, px.norm[k]))
			return false;
	}
	return true;
}

/* ---- elements
 * ----------------------------------------------------------------------- */

static bool
has_element(struct slice list, struct slice one)
{
	struct slice part;

	if (list.n == 0)
		return false;
	while (slice_split(&list, ',', &part)) {
		if (slice_eq(part, one))
			return true;
	}
	return false;
}

static bool
any_base_has(const struct merge *m, const struct group *g, struct slice one)
{
	for (size_t i = 0; i < m->base_n; i++) {
		if (g->base[i].n > 0 && has_element(g->base[i].v[0].norm, one))
			return true;
	}
	return false;
}

/* The normal form of one element, still escaped in the value. */
static struct slice
element(struct merge *m, struct slice raw)
{
	struct slice s = pim_unescape(m->a, raw);
	char *p;

	if (s.p == NULL) {
		m->nomem = true;
		return SLICE_LIT("");
	}
	s = slice_trim(s);
	if (slice_find(s, ',') == SIZE_MAX)
		return s;
	p = arena_alloc(m->a, s.n);
	if (p == NULL) {
		m->nomem = true;
		return SLICE_LIT("");
	}
	/* As the normal form has what was escaped. */
	for (size_t i = 0; i < s.n; i++)
		p[i] = (char)(s.p[i] == ',' ? '\x1F' : s.p[i]);
	return (struct slice){ p, s.n };
}

void
pim_merge_elements(struct merge *m, const struct group *g)
{
	struct slice inc = g->inc.n > 0 ? g->inc.v[0].norm : SLICE_LIT("");
	struct slice cur = g->cur.n > 0 ? g->cur.v[0].norm : SLICE_LIT("");
	struct buf b = BUF_IN(m->a);
	struct slice rest;
	struct slice raw;
	bool removes =
	    (g->inc.n > 0 && inc.n == 0) ||
	    (m->absence_counts && pim_caps_keep(m->in->view, g->name, cur.n));

	/* Lists longer than any person's are not looked into. */
	if (g->cur.n == 0 || cur.n + inc.n > LIST_BYTES) {
		pim_merge_single(m, g);
		return;
	}
	rest = g->cur.v[0].prop->value;
	while (cur.n > 0 && pim_split(&rest, ',', &raw)) {
		struct slice one = element(m, raw);

		if (removes && !has_element(inc, one) &&
		    any_base_has(m, g, one))
			continue;
		if (b.n > 0)
			buf_byte(&b, ',');
		buf_add(&b, raw);
	}
	rest =
	    g->inc.n > 0 ? g->inc.v[0].prop->value : (struct slice){ NULL, 0 };
	while (inc.n > 0 && pim_split(&rest, ',', &raw)) {
		struct slice one = element(m, raw);

		if (one.n == 0 || has_element(cur, one) ||
		    any_base_has(m, g, one))
			continue;
		if (b.n > 0)
			buf_byte(&b, ',');
		buf_add(&b, raw);
	}
	if (!buf_ok(&b))
		m->nomem = true;
	else if (b.n == 0)
		pim_merge_drop(m, &g->cur.v[0]);
	else
		g->cur.v[0].prop->value = buf_slice(&b);
}
