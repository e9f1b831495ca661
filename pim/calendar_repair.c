/* After a merge: properties of two sides, made one consistent item. */
#include "pim/calendar_int.h"

/* Both ends of one kind; EXDATE and RDATE of the start's kind: tidying does
   that for DTEND. A task's DUE follows its DTSTART. */
static bool
same_kinds(struct cal *c, struct pim_comp *comp)
{
	struct cal_when start;
	struct cal_when due;

	if (!cal_is_todo(comp) || !cal_when_get(c, comp, "DTSTART", &start) ||
	    !cal_when_get(c, comp, "DUE", &due))
		return true;
	if (start.t.date && !due.t.date) {
		start.t.wall = pim_day_of(due.t.wall) * PIM_DAY_S;
		return cal_when_set(c, comp, "DUE", &start);
	}
	if (!start.t.date && due.t.date) {
		start.t.wall = due.t.wall;
		start.t.date = true;
		start.t.utc = false;
		start.zone = NULL;
		if (!cal_when_get(c, comp, "DTSTART", &due))
			return true;
		due.t.wall = pim_day_of(due.t.wall) * PIM_DAY_S;
		due.t.date = true;
		due.t.utc = false;
		due.zone = NULL;
		return cal_when_set(c, comp, "DTSTART", &due);
	}
	/* due before it starts: the start goes, it says less */
	if (cal_utc(&due, c->home) < cal_utc(&start, c->home))
		pim_comp_remove_all(comp, "DTSTART");
	return true;
}

/* DTEND and DURATION exclude each other: the one that the merge brought last
   cannot be known, so the explicit end wins. */
static void
one_end(struct pim_comp *comp)
{
	if (pim_prop_find(comp, "DTEND") != NULL ||
	    pim_prop_find(comp, "DUE") != NULL)
		pim_comp_remove_all(comp, "DURATION");
}

/* All VTIMEZONEs that the sides know, to choose from. */
static struct pim_comp *
all_zones(struct arena *a, const struct pim_item *it,
	  const struct pim_item *const *from, size_t from_n)
{
	struct pim_comp *all = pim_comp_new(a, SLICE_LIT("VCALENDAR"));

	if (all == NULL)
		return NULL;
	for (size_t i = 0; i <= from_n; i++) {
		const struct pim_comp *root =
		    i == 0 ? it->root : from[i - 1]->root;
		const struct pim_comp *k =
		    root == NULL ? NULL : pim_comp_kid(root, "VTIMEZONE");

		for (; k != NULL; k = pim_comp_more(k)) {
			struct pim_comp *copy = ARENA_NEW(a, struct pim_comp);

			if (copy == NULL)
				return NULL;
			*copy = *k;
			copy->next = all->kids;
			all->kids = copy;
		}
	}
	return all;
}

static void
drop_zones(struct pim_comp *root)
{
	struct pim_comp **at = &root->kids;

	while (*at != NULL) {
		if (slice_is((*at)->name, "VTIMEZONE"))
			*at = (*at)->next;
		else
			at = &(*at)->next;
	}
}

/* ---- changed instances
 * ------------------------------------------------------- */

/* Nothing is deleted by absence; of one instance the device's is newer. */
static int
unite_instances(struct cal *c, struct pim_item *it,
		const struct pim_item *incoming, struct err *e)
{
	const struct pim_comp *main = pim_cal_main(it);
	const struct pim_comp *in = pim_cal_main(incoming);

	if (main == NULL || in == NULL || cal_is_instance(main) ||
	    cal_is_instance(in))
		return 0;
	for (const struct pim_comp *k = incoming->root->kids; k != NULL;
	     k = k->next) {
		struct pim_comp **at;
		struct pim_comp *copy;
		struct cal_when w;

		if (k == in || !slice_eq(k->name, main->name) ||
		    !cal_when_get(c, k, "RECURRENCE-ID", &w))
			continue;
		copy = pim_comp_copy(c->a, k);
		if (copy == NULL)
			return cal_nomem(e);
		at = cal_instance_at(c, &it->root->kids, k,
				     cal_utc(&w, c->home));
		copy->next = *at == NULL ? NULL : (*at)->next;
		*at = copy;
	}
	return 0;
}

int
pim_cal_repair(struct arena *a, struct pim_item *it,
	       const struct pim_item *const *from, size_t from_n, struct err *e)
{
	struct pim_comp *zones = all_zones(a, it, from, from_n);
	struct cal c;

	if (zones == NULL)
		return cal_nomem(e);
	cal_init(&c, a, NULL, zones);
	drop_zones(it->root);
	if (from_n > 1 && from[1]->root != NULL &&
	    unite_instances(&c, it, from[1], e) < 0)
		return -1;
	for (struct pim_comp *k = it->root->kids; k != NULL; k = k->next) {
		one_end(k);
		if (!same_kinds(&c, k) || cal_tidy(&c, k, e) < 0)
			return cal_nomem(e);
	}
	return cal_zones_keep(&c, it->root, e);
}
