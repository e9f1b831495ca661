/* Times of properties: value, VALUE and TZID together. */
#include "pim/calendar_int.h"

#include <stdlib.h>

int
cal_nomem(struct err *e)
{
	return err_set(e, ERR_NOMEM, "pim.calendar", "no memory");
}

/* The first time that its components name. */
static int64_t
time_of(const struct pim_comp *root)
{
	const struct pim_comp *k = root == NULL ? NULL : root->kids;

	for (; k != NULL; k = k->next) {
		struct pim_time t;

		if (!slice_is(k->name, "VTIMEZONE") &&
		    (pim_time_parse(pim_prop_value(k, "DTSTART"), &t) ||
		     pim_time_parse(pim_prop_value(k, "DUE"), &t)))
			return t.wall;
	}
	return 0;
}

void
cal_init(struct cal *c, struct arena *a, const struct pim_view *view,
	 const struct pim_comp *root)
{
	c->a = a;
	c->view = view;
	c->rules = view == NULL ? 0 : view->rules;
	c->home = view == NULL || view->zone.n == 0
		      ? NULL
		      : pim_zone_known(view->zone);
	c->told = NULL;
	c->root = root;
	c->at = time_of(root);
	c->by_name = false;
	c->nomem = false;
	c->built_n = 0;
}

bool
cal_is_todo(const struct pim_comp *comp)
{
	return slice_is(comp->name, "VTODO");
}

bool
cal_recurs(const struct pim_comp *comp)
{
	return pim_prop_value(comp, "RRULE").n > 0 ||
	       pim_prop_value(comp, "RDATE").n > 0;
}

static const struct pim_zone *
build(struct cal *c, struct slice tzid)
{
	const struct pim_zone *z = NULL;
	const struct pim_comp *k = NULL;

	if (c->root != NULL)
		k = pim_comp_kid(c->root, "VTIMEZONE");
	while (k != NULL && !slice_eq(pim_prop_value(k, "TZID"), tzid))
		k = pim_comp_more(k);
	if (k != NULL && pim_zone_from_vtimezone(c->a, k, &z, NULL) < 0)
		c->nomem = true;
	return z;
}

/*
 * A name with a slash is an Olson name and stands for itself; any other that
 * comes with its VTIMEZONE may be homemade ("EST", "Home"): its rules decide.
 */
static const struct pim_zone *
resolve(struct cal *c, struct slice tzid)
{
	const struct pim_zone *known = pim_zone_known(tzid);
	const struct pim_zone *own;
	const struct pim_zone *like;

	if (known != NULL && (c->by_name || slice_find(tzid, '/') != SIZE_MAX))
		return known;
	if (c->by_name) {
		own = pim_zone_named(c->a, tzid);
		c->nomem = c->nomem || own == NULL;
		return own;
	}
	own = build(c, tzid);
	if (own == NULL)
		return known;
	like = pim_zone_like(own, known != NULL ? known : c->home,
			     c->at - 30 * PIM_DAY_S, c->at + 730 * PIM_DAY_S);
	return like != NULL ? like : own;
}

const struct pim_zone *
cal_zone(struct cal *c, struct slice tzid)
{
	const struct pim_zone *z;

	if (tzid.n == 0)
		return NULL;
	for (size_t i = 0; i < c->built_n; i++) {
		if (slice_eq(c->built[i].tzid, tzid))
			return c->built[i].zone;
	}
	z = resolve(c, tzid);
	if (c->built_n < CAL_ZONES_MAX) {
		c->built[c->built_n].tzid = tzid;
		c->built[c->built_n++].zone = z;
	}
	return z;
}

bool
cal_when_value(struct cal *c, const struct pim_prop *p, struct slice v,
	       struct cal_when *out)
{
	struct slice tzid;

	out->zone = NULL;
	if (!pim_time_parse(v, &out->t))
		return false;
	if (pim_param_has(p, "VALUE", "DATE") && !out->t.date) {
		out->t.date = true;
		out->t.utc = false;
		out->t.wall = pim_day_of(out->t.wall) * PIM_DAY_S;
	}
	if (out->t.date || out->t.utc)
		return true;
	tzid = pim_param_get(p, "TZID");
	if (tzid.n == 0)
		return true;
	out->zone = cal_zone(c, tzid);
	if (out->zone == NULL)
		out->zone = c->home; /* a name without meaning */
	if (out->zone != NULL && pim_zone_is_utc(out->zone)) {
		out->zone = NULL;
		out->t.utc = true;
	}
	return true;
}

bool
cal_when_get(struct cal *c, const struct pim_comp *comp, const char *name,
	     struct cal_when *out)
{
	const struct pim_prop *p = pim_prop_find(comp, name);

	return p != NULL && cal_when_value(c, p, p->value, out);
}

int64_t
cal_utc(const struct cal_when *w, const struct pim_zone *home)
{
	const struct pim_zone *z = w->zone != NULL ? w->zone : home;

	return w->t.utc || z == NULL ? w->t.wall
				     : pim_zone_to_utc(z, w->t.wall);
}

struct cal_when
cal_at(int64_t utc, const struct cal_when *like, const struct pim_zone *home)
{
	const struct pim_zone *z = like->zone != NULL ? like->zone : home;
	struct cal_when w = *like;

	w.t.wall = like->t.utc || z == NULL ? utc : pim_zone_to_wall(z, utc);
	if (w.t.date)
		w.t.wall = pim_day_of(w.t.wall) * PIM_DAY_S;
	return w;
}

bool
cal_when_put(struct cal *c, struct pim_prop *p, const struct cal_when *w)
{
	struct slice v = pim_time_text(c->a, w->t);

	if (v.p == NULL)
		return false;
	p->value = v;
	pim_param_remove(p, "VALUE");
	if (w->t.date && !pim_param_set(c->a, p, "VALUE", SLICE_LIT("DATE")))
		return false;
	if (w->t.date || w->t.utc || w->zone == NULL) {
		pim_param_remove(p, "TZID");
		return true;
	}
	return pim_param_set(c->a, p, "TZID", pim_zone_name(w->zone));
}

bool
cal_when_set(struct cal *c, struct pim_comp *comp, const char *name,
	     const struct cal_when *w)
{
	struct pim_prop *p = pim_prop_find(comp, name);

	if (p == NULL) {
		p = pim_prop_new(c->a, slice_c(name), SLICE_LIT(""));
		if (p == NULL)
			return false;
		pim_comp_add(comp, p);
	}
	return cal_when_put(c, p, w);
}

bool
cal_end(struct cal *c, const struct pim_comp *comp,
	const struct cal_when *start, struct cal_when *out)
{
	const char *name = cal_is_todo(comp) ? "DUE" : "DTEND";
	struct pim_dur d;

	if (cal_when_get(c, comp, name, out))
		return true;
	if (start == NULL ||
	    !pim_dur_parse(pim_prop_value(comp, "DURATION"), &d))
		return false;
	*out = *start;
	out->t.wall += d.days * PIM_DAY_S;
	if (!start->t.date && d.secs != 0)
		*out = cal_at(cal_utc(out, c->home) + d.secs, out, c->home);
	return true;
}

int64_t
cal_until_wall(const struct pim_recur *r, const struct cal_when *start,
	       const struct pim_zone *home)
{
	const struct pim_zone *z = start->zone != NULL ? start->zone : home;
	int64_t wall = r->until.wall;

	if (!r->has_until)
		return INT64_MAX;
	if (r->until.date)
		return wall + PIM_DAY_S - 1;
	if (start->t.date)
		return pim_day_of(r->until.utc && z != NULL
				      ? pim_zone_to_wall(z, wall)
				      : wall) *
			   PIM_DAY_S +
		       PIM_DAY_S - 1;
	if (r->until.utc && !start->t.utc && z != NULL)
		return pim_zone_to_wall(z, wall);
	return wall;
}

/* ---- lists of dates ---------------------------------------------------------
 */

/*
 * One entry as wall time of the start's clock. A date, or a midnight, among
 * timed occurrences means the occurrence of that day: phones write so.
 */
static bool
date_entry(struct cal *c, const struct pim_prop *p, struct slice v,
	   const struct cal_when *start, int64_t *wall)
{
	struct cal_when w;
	int64_t tod;

	if (!cal_when_value(c, p, v, &w))
		return false;
	if (start->t.date) {
		if (w.t.utc && c->told != NULL && !w.t.date)
			w.t.wall = pim_zone_to_wall(c->told, w.t.wall);
		*wall = pim_day_of(w.t.wall) * PIM_DAY_S;
		return true;
	}
	tod = start->t.wall - pim_day_of(start->t.wall) * PIM_DAY_S;
	if (w.t.date) {
		*wall = w.t.wall + tod;
		return true;
	}
	if (w.t.utc != start->t.utc || w.zone != start->zone) {
		const struct pim_zone *own = w.zone;

		if (own == NULL && !w.t.utc) /* floating: the start's clock */
			own = start->zone;
		w.zone = own;
		w = cal_at(cal_utc(&w, c->home), start, c->home);
	}
	*wall = w.t.wall;
	if (*wall % PIM_DAY_S == 0 && tod != 0 && slice_is(p->name, "EXDATE"))
		*wall += tod;
	return true;
}

static int
by_wall(const void *x, const void *y)
{
	const int64_t *p = x;
	const int64_t *q = y;

	return (*p > *q) - (*p < *q);
}

static size_t
count_entries(const struct pim_comp *comp, const char *name)
{
	size_t n = 0;

	for (const struct pim_prop *p = pim_prop_find(comp, name); p != NULL;
	     p = pim_prop_more(p)) {
		n++;
		for (size_t i = 0; i < p->value.n; i++)
			n += p->value.p[i] == ',' || p->value.p[i] == ';';
	}
	return n < CAL_DATES_MAX ? n : CAL_DATES_MAX;
}

static bool
next_entry(struct slice *s, struct slice *out)
{
	size_t n = 0;

	while (s->n > 0 && (s->p[0] == ',' || s->p[0] == ';'))
		*s = slice_from(*s, 1);
	while (n < s->n && s->p[n] != ',' && s->p[n] != ';')
		n++;
	*out = slice_trim(slice_sub(*s, 0, n));
	*s = slice_from(*s, n);
	return n > 0;
}

bool
cal_dates(struct cal *c, const struct pim_comp *comp, const char *name,
	  const struct cal_when *start, int64_t **walls, size_t *n_out)
{
	size_t max = count_entries(comp, name);
	int64_t *v;
	size_t n = 0;
	size_t kept = 0;

	*n_out = 0;
	*walls = NULL;
	if (max == 0)
		return true;
	v = ARENA_ARRAY(c->a, max, int64_t);
	if (v == NULL)
		return false;
	for (const struct pim_prop *p = pim_prop_find(comp, name); p != NULL;
	     p = pim_prop_more(p)) {
		struct slice rest = p->value;
		struct slice one;

		if (pim_param_has(p, "VALUE", "PERIOD"))
			continue;
		while (n < max && next_entry(&rest, &one)) {
			if (date_entry(c, p, one, start, &v[n]))
				n++;
		}
	}
	qsort(v, n, sizeof(*v), by_wall);
	for (size_t i = 0; i < n; i++) {
		if (kept == 0 || v[kept - 1] != v[i])
			v[kept++] = v[i];
	}
	*walls = v;
	*n_out = kept;
	return true;
}

/* All of that name away but the first, which is returned. */
static struct pim_prop *
first_list(struct pim_comp *comp, const char *name)
{
	struct pim_prop **at = &comp->props;
	struct pim_prop *first = NULL;

	while (*at != NULL) {
		if (!slice_is((*at)->name, name) ||
		    pim_param_has(*at, "VALUE", "PERIOD")) {
			at = &(*at)->next;
		} else if (first == NULL) {
			first = *at;
			at = &(*at)->next;
		} else {
			*at = (*at)->next;
		}
	}
	return first;
}

bool
cal_dates_set(struct cal *c, struct pim_comp *comp, const char *name,
	      const struct cal_when *start, const int64_t *walls, size_t n)
{
	struct pim_prop *p = first_list(comp, name);
	struct buf b = BUF_IN(c->a);
	struct cal_when w = *start;

	if (n == 0) {
		if (p != NULL)
			pim_comp_remove(comp, p);
		return true;
	}
	if (p == NULL) {
		p = pim_prop_new(c->a, slice_c(name), SLICE_LIT(""));
		if (p == NULL)
			return false;
		pim_comp_add(comp, p);
	}
	if (!cal_when_put(c, p, &w))
		return false;
	for (size_t i = 0; i < n; i++) {
		char t[PIM_TIME_TEXT];

		w.t.wall = walls[i];
		if (i > 0)
			buf_byte(&b, ',');
		buf_add(&b, (struct slice){ t, pim_time_put(w.t, t) });
	}
	p->value = buf_slice(&b);
	return buf_ok(&b);
}
