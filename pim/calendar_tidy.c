/* What both dialects need before an item is stored, and the reading of 2.0. */
#include "pim/calendar_int.h"

static void
rename_prop(struct pim_prop *p, struct slice name)
{
	p->name = name;
	p->def = pim_pdef_find(name);
}

/* ---- DTEND, DUE -------------------------------------------------------------
 */

/* One kind of time at both ends: DTSTART decides. */
static void
same_kind(struct cal *c, const struct cal_when *start, struct cal_when *end)
{
	int64_t day;

	if (start->t.date == end->t.date)
		return;
	if (start->t.date) { /* a day begun counts whole */
		if (end->t.utc && c->told != NULL)
			end->t.wall = pim_zone_to_wall(c->told, end->t.wall);
		day = pim_day_of(end->t.wall);
		if (end->t.wall > day * PIM_DAY_S)
			day++;
		*end = *start;
		end->t.wall = day * PIM_DAY_S;
		return;
	}
	day = end->t.wall;
	*end = *start;
	end->t.wall = day;
	if (start->t.utc && c->home != NULL)
		end->t.wall = pim_zone_to_utc(c->home, day);
}

static bool
tidy_end(struct cal *c, struct pim_comp *comp, const struct cal_when *start)
{
	struct pim_prop *p = pim_prop_find(comp, "DTEND");
	struct cal_when end;

	if (p == NULL || cal_is_todo(comp))
		return true;
	if (!cal_when_value(c, p, p->value, &end)) {
		pim_comp_remove(comp, p);
		return true;
	}
	same_kind(c, start, &end);
	/* no length: RFC 5545 says that by leaving DTEND out */
	if (cal_utc(&end, c->home) <= cal_utc(start, c->home)) {
		pim_comp_remove(comp, p);
		return true;
	}
	return cal_when_put(c, p, &end);
}

/* ---- rules
 * ------------------------------------------------------------------- */

static bool
tidy_rule(struct cal *c, struct pim_prop *p, const struct cal_when *start)
{
	struct pim_recur *r = ARENA_NEW(c->a, struct pim_recur);
	struct slice text;

	if (r == NULL)
		return false;
	if (!pim_recur_parse(p->value, r) &&
	    !pim_recur_old_parse(p->value, start->t, r))
		return true; /* verbatim */
	text = pim_recur_text(c->a, r);
	if (text.p == NULL)
		return false;
	p->value = text;
	return true;
}

static bool
drop_empty(const struct pim_prop *p)
{
	static const char *const names[] = { "RRULE",    "EXRULE",   "RDATE",
					     "EXDATE",   "DTEND",    "DUE",
					     "DTSTART",  "AALARM",   "DALARM",
					     "DURATION", "COMPLETED" };

	if (slice_is(p->name, "X-LIC-ERROR"))
		return true;
	if (slice_trim(p->value).n > 0)
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (slice_is(p->name, names[i]))
			return true;
	}
	return false;
}

static bool
tidy_list(struct cal *c, struct pim_comp *comp, const char *name,
	  const struct cal_when *start)
{
	int64_t *walls;
	size_t n;

	if (pim_prop_find(comp, name) == NULL)
		return true;
	return cal_dates(c, comp, name, start, &walls, &n) &&
	       cal_dates_set(c, comp, name, start, walls, n);
}

int
cal_tidy(struct cal *c, struct pim_comp *comp, struct err *e)
{
	struct pim_prop **at = &comp->props;
	struct cal_when start;

	while (*at != NULL) {
		if (drop_empty(*at))
			*at = (*at)->next;
		else
			at = &(*at)->next;
	}
	if (!cal_when_get(c, comp, "DTSTART", &start) &&
	    !cal_when_get(c, comp, "DUE", &start))
		return c->nomem ? cal_nomem(e) : 0;
	for (struct pim_prop *p = comp->props; p != NULL; p = p->next) {
		if ((slice_is(p->name, "RRULE") ||
		     slice_is(p->name, "EXRULE")) &&
		    !tidy_rule(c, p, &start))
			return cal_nomem(e);
	}
	if (!tidy_end(c, comp, &start) ||
	    !tidy_list(c, comp, "EXDATE", &start) ||
	    !tidy_list(c, comp, "RDATE", &start) || c->nomem)
		return cal_nomem(e);
	return 0;
}

/* ---- VTIMEZONE
 * --------------------------------------------------------------- */

static bool
has_zone(const struct pim_comp *root, struct slice tzid)
{
	for (const struct pim_comp *k = pim_comp_kid(root, "VTIMEZONE");
	     k != NULL; k = pim_comp_more(k)) {
		if (slice_eq(pim_prop_value(k, "TZID"), tzid))
			return true;
	}
	return false;
}

/* The VTIMEZONE of an unknown zone: the sender's, or one made for `told`. */
static bool
keep_zone(struct cal *c, struct pim_comp *root, struct slice tzid, int64_t from)
{
	const struct pim_comp *k = NULL;
	struct pim_comp *copy = NULL;

	if (pim_zone_find(tzid) != NULL || has_zone(root, tzid))
		return true;
	if (c->root != NULL)
		k = pim_comp_kid(c->root, "VTIMEZONE");
	while (k != NULL && !slice_eq(pim_prop_value(k, "TZID"), tzid))
		k = pim_comp_more(k);
	if (k != NULL)
		copy = pim_comp_copy(c->a, k);
	else if (c->told != NULL && slice_eq(pim_zone_name(c->told), tzid))
		copy = pim_zone_vtimezone(c->a, c->told, from, INT64_MAX);
	else
		return true;
	if (copy == NULL)
		return false;
	/* in front: readers that go once through need it there */
	copy->next = root->kids;
	root->kids = copy;
	return true;
}

int
cal_zones_keep(struct cal *c, struct pim_comp *root, struct err *e)
{
	int n = 0;

	for (const struct pim_comp *k = root->kids; k != NULL; k = k->next) {
		struct pim_time t = { .wall = 0 };

		if (slice_is(k->name, "VTIMEZONE"))
			continue;
		(void)pim_time_parse(pim_prop_value(k, "DTSTART"), &t);
		for (const struct pim_prop *p = k->props; p != NULL;
		     p = p->next) {
			struct slice tzid = pim_param_get(p, "TZID");

			if (tzid.n == 0 || n++ > CAL_DATES_MAX)
				continue;
			if (!keep_zone(c, root, tzid, t.wall))
				return cal_nomem(e);
		}
	}
	return 0;
}

/* ---- reading 2.0
 * -------------------------------------------------------------- */

static bool
flag_set(const struct pim_comp *comp)
{
	struct slice fn = pim_prop_value(comp, "X-FUNAMBOL-ALLDAY");
	struct slice ms = pim_prop_value(comp, "X-MICROSOFT-CDO-ALLDAYEVENT");

	return slice_is(fn, "1") || slice_is_nocase(fn, "TRUE") ||
	       slice_is_nocase(ms, "TRUE");
}

/* Times of an event that says it is all-day become its days. */
static void
to_day(struct cal *c, struct cal_when *w, bool is_end)
{
	const struct pim_zone *z = c->home;
	int64_t day;

	if (w->t.utc && z != NULL && w->t.wall % PIM_DAY_S != 0)
		w->t.wall = pim_zone_to_wall(z, w->t.wall);
	day = pim_day_of(w->t.wall);
	if (is_end && w->t.wall > day * PIM_DAY_S)
		day++;
	w->t = (struct pim_time){ .wall = day * PIM_DAY_S, .date = true };
	w->zone = NULL;
}

static bool
new_time(struct cal *c, struct pim_prop *p, bool all_day)
{
	struct cal_when w;

	if (!cal_when_value(c, p, p->value, &w))
		return true; /* garbage stays as it is */
	if (all_day && !w.t.date)
		to_day(c, &w, slice_is(p->name, "DTEND"));
	return cal_when_put(c, p, &w);
}

/* COMPLETED, CREATED and the like are UTC. */
static bool
new_stamp(struct cal *c, struct pim_prop *p)
{
	struct cal_when w;

	if (pim_param_get(p, "TZID").n == 0 ||
	    !cal_when_value(c, p, p->value, &w))
		return true;
	w.t.wall = cal_utc(&w, c->home);
	w.t.utc = true;
	w.t.date = false;
	w.zone = NULL;
	return cal_when_put(c, p, &w);
}

static bool
one_of(struct slice name, const char *const *names)
{
	for (; *names != NULL; names++) {
		if (slice_is(name, *names))
			return true;
	}
	return false;
}

static bool
new_alarm(struct cal *c, struct pim_comp *alarm)
{
	struct pim_prop *p = pim_prop_find(alarm, "TRIGGER");
	struct cal_when w;

	if (p == NULL || !cal_when_value(c, p, slice_trim(p->value), &w))
		return true;
	w.t.wall = cal_utc(&w, c->home);
	w.t.utc = true;
	w.t.date = false;
	w.zone = NULL;
	pim_param_remove(p, "RELATED");
	return cal_when_put(c, p, &w) &&
	       pim_param_set(c->a, p, "VALUE", SLICE_LIT("DATE-TIME"));
}

int
cal_new_read(struct cal *c, struct pim_comp *comp, struct err *e)
{
	static const char *const times[] = { "DTSTART", "DTEND", "DUE",
					     "RECURRENCE-ID", NULL };
	static const char *const stamps[] = { "COMPLETED", "CREATED", "DTSTAMP",
					      "LAST-MODIFIED", NULL };
	bool all_day = flag_set(comp);

	pim_comp_remove_all(comp, "X-FUNAMBOL-ALLDAY");
	pim_comp_remove_all(comp, "X-MICROSOFT-CDO-ALLDAYEVENT");
	for (struct pim_prop *p = comp->props; p != NULL; p = p->next) {
		if (slice_is(p->name, "X-RECURRENCE-ID"))
			rename_prop(p, SLICE_LIT("RECURRENCE-ID"));
		if (one_of(p->name, times) && !new_time(c, p, all_day))
			return cal_nomem(e);
		if (one_of(p->name, stamps) && !new_stamp(c, p))
			return cal_nomem(e);
	}
	for (struct pim_comp *k = pim_comp_kid(comp, "VALARM"); k != NULL;
	     k = pim_comp_more(k)) {
		if (!new_alarm(c, k))
			return cal_nomem(e);
	}
	return c->nomem ? cal_nomem(e) : 0;
}
