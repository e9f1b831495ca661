/* Canonical to what a device gets: the choice of dialect, and 2.0. */
#include "pim/calendar_int.h"

static const char prodid[] =
    "-//Funicular//Funicular " FUNICULAR_VERSION "//EN";

/* Any unknown zone travels with its own VTIMEZONE, any known one with ours. */
static bool
put_zone(struct cal *c, struct pim_comp *root, struct pim_comp ***tail,
	 struct slice tzid, int64_t to)
{
	const struct pim_zone *z = pim_zone_find(tzid);
	const struct pim_comp *k = pim_comp_kid(c->root, "VTIMEZONE");
	struct pim_comp *copy;

	for (const struct pim_comp *have = pim_comp_kid(root, "VTIMEZONE");
	     have != NULL; have = pim_comp_more(have)) {
		if (slice_eq(pim_prop_value(have, "TZID"), tzid))
			return true;
	}
	while (z == NULL && k != NULL &&
	       !slice_eq(pim_prop_value(k, "TZID"), tzid))
		k = pim_comp_more(k);
	if (z == NULL && k == NULL)
		return true;
	copy = z != NULL ? pim_zone_vtimezone(c->a, z, c->at, to)
			 : pim_comp_copy(c->a, k);
	if (copy == NULL)
		return false;
	copy->next = NULL;
	**tail = copy;
	*tail = &copy->next;
	return true;
}

static bool
put_zones(struct cal *c, const struct pim_item *it, struct pim_comp *root)
{
	struct pim_comp **tail = &root->kids;
	int n = 0;

	for (const struct pim_comp *k = it->root->kids; k != NULL;
	     k = k->next) {
		int64_t to =
		    cal_recurs(k) ? INT64_MAX : c->at + 730 * PIM_DAY_S;

		if (slice_is(k->name, "VTIMEZONE"))
			continue;
		for (const struct pim_prop *p = k->props; p != NULL;
		     p = p->next) {
			struct slice tzid = pim_param_get(p, "TZID");

			if (tzid.n > 0 && n++ < CAL_OVERRIDES_MAX * 8 &&
			    !put_zone(c, root, &tail, tzid, to))
				return false;
		}
	}
	return true;
}

/* DTSTAMP is mandatory; there is no clock in here, and a stable one keeps the
   device's copy stable. */
static bool
complete(struct cal *c, struct pim_comp *comp)
{
	struct slice stamp = pim_prop_value(comp, "LAST-MODIFIED");
	struct slice summary = pim_prop_value(comp, "SUMMARY");

	if (pim_prop_value(comp, "DTSTAMP").n == 0) {
		if (stamp.n == 0)
			stamp = pim_prop_value(comp, "CREATED");
		if (stamp.n == 0)
			stamp = SLICE_LIT("19700101T000000Z");
		if (!pim_comp_set(c->a, comp, "DTSTAMP", stamp))
			return false;
	}
	if (cal_is_todo(comp) &&
	    slice_is(pim_prop_value(comp, "STATUS"), "COMPLETED") &&
	    pim_prop_find(comp, "PERCENT-COMPLETE") == NULL &&
	    !pim_comp_put(c->a, comp, "PERCENT-COMPLETE", SLICE_LIT("100")))
		return false;
	if (summary.n == 0)
		summary = SLICE_LIT("Alarm");
	for (struct pim_comp *k = pim_comp_kid(comp, "VALARM"); k != NULL;
	     k = pim_comp_more(k)) {
		if (slice_is(pim_prop_value(k, "ACTION"), "DISPLAY") &&
		    pim_prop_value(k, "DESCRIPTION").n == 0 &&
		    !pim_comp_set(c->a, k, "DESCRIPTION", summary))
			return false;
	}
	return true;
}

static bool
put_comps(struct cal *c, const struct pim_item *it, struct pim_comp *root)
{
	struct pim_comp **tail = &root->kids;

	while (*tail != NULL)
		tail = &(*tail)->next;
	for (const struct pim_comp *k = it->root->kids; k != NULL;
	     k = k->next) {
		struct pim_comp *copy;

		if (slice_is(k->name, "VTIMEZONE"))
			continue;
		copy = pim_comp_copy(c->a, k);
		if (copy == NULL || !complete(c, copy))
			return false;
		pim_comp_remove_all(copy, "X-EPOCAGENDAENTRYTYPE");
		*tail = copy;
		tail = &copy->next;
	}
	return true;
}

static int
new_write(struct cal *c, const struct pim_item *it, struct pim_comp **out,
	  struct err *e)
{
	struct pim_comp *root = pim_comp_new(c->a, SLICE_LIT("VCALENDAR"));

	if (root == NULL ||
	    !pim_comp_put(c->a, root, "VERSION", SLICE_LIT("2.0")) ||
	    !pim_comp_put(c->a, root, "PRODID", slice_c(prodid)) ||
	    !put_zones(c, it, root) || !put_comps(c, it, root))
		return cal_nomem(e);
	*out = root;
	return 0;
}

int
pim_cal_write(struct arena *a, const struct pim_view *view,
	      const struct pim_item *it, struct pim_comp **out, struct err *e)
{
	struct cal c;

	cal_init(&c, a, view, it->root);
	if (view->form == PIM_VCAL10)
		return cal_old_write(&c, it, out, e);
	return new_write(&c, it, out, e);
}
