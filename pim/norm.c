/* Properties in normal form. */
#include "pim/norm.h"
#include "pim/lines_int.h"

#include "base/digest.h"

#include <stdlib.h>

enum { TYPES_MAX = 16 };

struct norm {
	struct arena *a;
	const struct pim_item *it;
	struct pim_comp *comp;
	struct pim_field *v;
	size_t n, cap;
	bool bad; /* memory is short */
};

uint64_t
pim_mix(uint64_t h, uint64_t v)
{
	h ^= v + 0x9E3779B97F4A7C15u + (h << 6) + (h >> 2);
	return h * 0xFF51AFD7ED558CCDu;
}

struct pim_comp *
pim_main(const struct pim_item *it)
{
	if (it->kind == PIM_EVENT || it->kind == PIM_TODO)
		return pim_cal_main(it);
	return it->root;
}

/* ---- types ------------------------------------------------------------------
 */

/* Types that say nothing: defaults of the standards. */
static bool
is_noise(struct slice prop, struct slice type)
{
	if (slice_is(prop, "TEL"))
		return slice_is(type, "VOICE");
	if (slice_is(prop, "EMAIL"))
		return slice_is(type, "INTERNET");
	if (slice_is(prop, "ADR") || slice_is(prop, "LABEL"))
		return slice_is(type, "DOM") || slice_is(type, "INTL") ||
		       slice_is(type, "POSTAL") || slice_is(type, "PARCEL");
	return false;
}

static size_t
collect_types(struct norm *n, const struct pim_prop *p,
	      struct slice out[TYPES_MAX])
{
	size_t count = 0;

	for (const struct pim_param *q = p->params; q != NULL; q = q->next) {
		struct slice t;
		size_t at = count;

		if (!slice_is(q->name, "TYPE") || q->value.n == 0)
			continue;
		t = pim_upper(n->a, q->value);
		if (t.p == NULL)
			n->bad = true;
		if (t.p == NULL || is_noise(p->name, t) || count == TYPES_MAX)
			continue;
		while (at > 0 && slice_cmp(out[at - 1], t) > 0)
			at--;
		if (at > 0 && slice_eq(out[at - 1], t))
			continue;
		memmove(&out[at + 1], &out[at], (count - at) * sizeof(out[0]));
		out[at] = t;
		count++;
	}
	return count;
}

static struct slice
types_of(struct norm *n, const struct pim_prop *p)
{
	struct slice t[TYPES_MAX + 1];
	struct buf b = BUF_IN(n->a);
	size_t count;

	if (p->params == NULL || p->def->vtype == PIM_V_BINARY)
		return SLICE_LIT("");
	count = collect_types(n, p, t);
	if (count < 2)
		return count == 0 ? SLICE_LIT("") : t[0];
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_byte(&b, ',');
		buf_add(&b, t[i]);
	}
	n->bad |= !buf_ok(&b);
	return buf_slice(&b);
}

/* Parameters that belong to the text, not to the meaning. */
static bool
is_text_param(struct slice name)
{
	return slice_is(name, "TYPE") || slice_is(name, "ENCODING") ||
	       slice_is(name, "CHARSET") || slice_is(name, "VALUE") ||
	       slice_is(name, "TZID") || slice_is(name, "LANGUAGE") ||
	       slice_is(name, "X-EVOLUTION-UI-SLOT");
}

static uint64_t
params_of(const struct pim_prop *p)
{
	uint64_t h = 0;

	for (const struct pim_param *q = p->params; q != NULL; q = q->next) {
		if (is_text_param(q->name) || q->value.n == 0)
			continue;
		/* A sum: their order means nothing. */
		h += pim_mix(digest_u64(q->name), digest_u64(q->value));
	}
	return h;
}

/* ---- values
 * ------------------------------------------------------------------ */

static struct slice
rtrim(struct slice s, const char *what)
{
	while (s.n > 0 && strchr(what, s.p[s.n - 1]) != NULL &&
	       s.p[s.n - 1] != 0)
		s.n--;
	return s;
}

struct slice
pim_norm_text(struct arena *a, struct slice value)
{
	struct slice s = pim_unescape(a, value);

	return s.p == NULL ? s : rtrim(s, " \t\n");
}

/*
 * Parts divided by `sep`: divided by it still, and what was escaped becomes a
 * control character that no value holds. Empty parts at the end are nothing.
 */
static struct slice
norm_parts(struct arena *a, struct slice s, char sep)
{
	char *p;
	size_t n = 0;

	if (s.n > 0 && memchr(s.p, '\\', s.n) != NULL) {
		p = arena_alloc(a, s.n);
		if (p == NULL)
			return (struct slice){ NULL, 0 };
		for (size_t i = 0; i < s.n; i++) {
			char c = s.p[i];

			if (c == '\\' && i + 1 < s.n) {
				c = s.p[++i];
				if (c == 'n' || c == 'N')
					c = '\n';
				else if (c == sep)
					c = '\x1F';
			}
			p[n++] = c;
		}
		s = (struct slice){ p, n };
	}
	return rtrim(s, sep == ';' ? "; \t\n" : ", \t\n");
}

static int
by_bytes(const void *x, const void *y)
{
	const struct slice *a = x;
	const struct slice *b = y;

	return slice_cmp(*a, *b);
}

/* Elements of a list, sorted, each once. */
static struct slice
norm_list(struct arena *a, struct slice s)
{
	struct slice rest = norm_parts(a, s, ',');
	struct slice *v;
	struct buf b = BUF_IN(a);
	size_t n = 1;
	size_t k = 0;

	if (rest.p == NULL || slice_find(rest, ',') == SIZE_MAX)
		return rest.p == NULL ? rest : slice_trim(rest);
	for (size_t i = 0; i < rest.n; i++)
		n += rest.p[i] == ',';
	v = ARENA_ARRAY(a, n, struct slice);
	if (v == NULL)
		return (struct slice){ NULL, 0 };
	while (k < n && slice_split(&rest, ',', &v[k])) {
		v[k] = slice_trim(v[k]);
		k++;
	}
	qsort(v, k, sizeof(v[0]), by_bytes);
	for (size_t i = 0; i < k; i++) {
		if (v[i].n == 0 || (i > 0 && slice_eq(v[i], v[i - 1])))
			continue;
		if (b.n > 0)
			buf_byte(&b, ',');
		buf_add(&b, v[i]);
	}
	return buf_ok(&b) ? buf_slice(&b) : (struct slice){ NULL, 0 };
}

static struct slice
norm_raw(struct norm *n, const struct pim_prop *p)
{
	struct slice v = slice_trim(p->value);
	struct slice day;

	if (n->it->kind != PIM_CONTACT)
		return v;
	/* The default, which some devices always write. */
	if (slice_is(p->name, "CLASS") && slice_is_nocase(v, "PUBLIC"))
		return SLICE_LIT("");
	if ((p->def->flags & PIM_P_DATE) == 0)
		return v;
	day.p = "";
	if (pim_card_day(n->a, v, &day))
		return day;
	return day.p == NULL ? day : v;
}

static struct slice
norm_value(struct norm *n, const struct pim_prop *p)
{
	struct slice v = p->value;

	if (v.p == NULL)
		v = SLICE_LIT("");
	switch (p->def->vtype) {
	case PIM_V_TEXT:
		return pim_norm_text(n->a, v);
	case PIM_V_STRUCT:
		return norm_parts(n->a, v, ';');
	case PIM_V_LIST:
		return norm_list(n->a, v);
	case PIM_V_URI:
		return slice_trim(v);
	case PIM_V_BINARY:
		return rtrim(v, "= ");
	case PIM_V_RAW:
		break;
	}
	return norm_raw(n, p);
}

/* ---- fields
 * -------------------------------------------------------------------- */

static void
add_field(struct norm *n, const struct pim_field *f)
{
	struct pim_field *v = n->v;

	if (n->bad)
		return;
	if (n->n == n->cap) {
		n->cap = n->cap == 0 ? 32 : n->cap * 2;
		v = ARENA_ARRAY(n->a, n->cap, struct pim_field);
		if (v == NULL) {
			n->bad = true;
			return;
		}
		if (n->n > 0)
			memcpy(v, n->v, n->n * sizeof(*v));
		n->v = v;
	}
	v[n->n] = *f;
	v[n->n].pos = n->n;
	n->n++;
}

static void
add_prop(struct norm *n, struct pim_prop *p)
{
	struct pim_field f = { .name = pim_name_of(p->name), .prop = p };
	bool done = n->it->kind != PIM_CONTACT && n->it->kind != PIM_NOTE &&
		    pim_cal_norm(n->a, n->it->root, n->comp, p, &f.norm);

	if (!done) {
		f.norm = norm_value(n, p);
		f.types = types_of(n, p);
		if (p->params != NULL)
			f.params = params_of(p);
	}
	if (f.types.p == NULL)
		f.types = SLICE_LIT("");
	if (f.norm.p == NULL) {
		n->bad = true;
		return;
	}
	f.h = f.norm.n == 0 ? 0 : digest_u64(f.norm);
	add_field(n, &f);
}

/* Each date of an EXDATE or RDATE is a field: they come and go one by one. */
static void
add_dates(struct norm *n, struct pim_prop *p)
{
	struct slice rest = p->value;
	struct slice one;

	if (slice_find(rest, ',') == SIZE_MAX) {
		add_prop(n, p);
		return;
	}
	while (n->n < PIM_PROPS_MAX && slice_split(&rest, ',', &one)) {
		struct pim_prop *q = ARENA_NEW(n->a, struct pim_prop);

		if (q == NULL) {
			n->bad = true;
			return;
		}
		*q = *p;
		q->value = one;
		q->next = NULL;
		add_prop(n, q);
	}
}

static void
add_alarms(struct norm *n)
{
	struct pim_field f = { .name = SLICE_INIT("VALARM") };

	f.types = SLICE_LIT("");
	if (n->it->kind == PIM_CONTACT || !pim_cal_has_more(n->it))
		return;
	f.norm = pim_cal_alarms(n->a, n->it->root, n->comp);
	if (f.norm.p == NULL) {
		n->bad = true;
		return;
	}
	f.h = f.norm.n == 0 ? 0 : digest_u64(f.norm);
	add_field(n, &f);
}

int
pim_fields_of(struct arena *a, const struct pim_item *it,
	      struct pim_fields *out, struct err *e)
{
	struct norm n = { .a = a, .it = it };
	struct pim_item *card;

	if (it->kind == PIM_NOTE && it->root == NULL) {
		if (pim_note_card(a, it, &card, e) != 0)
			return -1;
		n.it = card;
	}
	n.comp = pim_main(n.it);
	for (struct pim_prop *p = n.comp == NULL ? NULL : n.comp->props;
	     p != NULL; p = p->next) {
		if (p->def->flags & PIM_P_VOLATILE)
			continue;
		if (slice_is(p->name, "EXDATE") || slice_is(p->name, "RDATE"))
			add_dates(&n, p);
		else
			add_prop(&n, p);
	}
	if (n.comp != NULL && n.it->kind != PIM_CONTACT)
		add_alarms(&n);
	if (n.bad)
		return pim_nomem(e, "pim.norm");
	out->v = n.v;
	out->n = n.n;
	return 0;
}

int
pim_note_card(struct arena *a, const struct pim_item *note,
	      struct pim_item **out, struct err *e)
{
	struct pim_item *it = ARENA_NEW(a, struct pim_item);
	struct pim_comp *c = pim_comp_new(a, SLICE_LIT("VNOTE"));
	struct slice text = pim_escape(a, note->text);

	if (it == NULL || c == NULL || text.p == NULL ||
	    !pim_comp_put(a, c, "BODY", text))
		return pim_nomem(e, "pim.note");
	c->props->next = note->more;
	it->kind = PIM_NOTE;
	it->root = c;
	*out = it;
	return 0;
}

static int
by_name(const void *x, const void *y)
{
	const struct pim_field *a = x;
	const struct pim_field *b = y;
	int c = slice_cmp(a->name, b->name);

	if (c != 0)
		return c;
	return a->pos < b->pos ? -1 : a->pos > b->pos;
}

void
pim_fields_sort(struct pim_fields *f)
{
	if (f->n > 1)
		qsort(f->v, f->n, sizeof(f->v[0]), by_name);
}

struct pim_fields
pim_fields_named(const struct pim_fields *f, struct slice name)
{
	struct pim_fields out = { NULL, 0 };
	size_t lo = 0;
	size_t hi = f->n;

	if (f->n == 0)
		return out;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (slice_cmp(f->v[mid].name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	out.v = f->v + lo;
	while (lo + out.n < f->n && slice_eq(f->v[lo + out.n].name, name))
		out.n++;
	return out;
}
