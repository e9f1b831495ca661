/* Reading: from a parsed tree of either dialect to the canonical item. */
#include "pim/calendar_int.h"

static bool
is_main(const struct pim_comp *c)
{
	return slice_is(c->name, "VEVENT") || slice_is(c->name, "VTODO");
}

bool
cal_is_instance(const struct pim_comp *c)
{
	return pim_prop_find(c, "RECURRENCE-ID") != NULL;
}

/* The series before its changed instances. */
static struct pim_comp *
find_main(struct pim_comp *root)
{
	struct pim_comp *first = NULL;

	for (struct pim_comp *k = root->kids; k != NULL; k = k->next) {
		if (!is_main(k))
			continue;
		if (!cal_is_instance(k))
			return k;
		if (first == NULL)
			first = k;
	}
	return first;
}

struct pim_comp *
pim_cal_main(const struct pim_item *it)
{
	return it->root == NULL ? NULL : find_main(it->root);
}

static int
read_comp(struct cal *c, enum pim_form form, struct pim_comp *root,
	  struct pim_comp *comp, struct err *e)
{
	if ((form == PIM_VCAL10 ? cal_old_read(c, root, comp, e)
				: cal_new_read(c, comp, e)) < 0)
		return -1;
	return cal_tidy(c, comp, e);
}

struct pim_comp **
cal_instance_at(struct cal *c, struct pim_comp **list, const struct pim_comp *k,
		int64_t id)
{
	struct pim_comp **at = list;
	struct cal_when w;

	while (*at != NULL &&
	       (!slice_eq((*at)->name, k->name) || !cal_is_instance(*at) ||
		!cal_when_get(c, *at, "RECURRENCE-ID", &w) ||
		cal_utc(&w, c->home) != id))
		at = &(*at)->next;
	return at;
}

/* Of two versions of one instance the later one counts. */
static void
put_instance(struct cal *c, struct pim_comp **list, struct pim_comp *k)
{
	struct pim_comp **at;
	struct cal_when w;

	if (cal_when_get(c, k, "RECURRENCE-ID", &w))
		at = cal_instance_at(c, list, k, cal_utc(&w, c->home));
	else
		for (at = list; *at != NULL;)
			at = &(*at)->next;
	k->next = *at == NULL ? NULL : (*at)->next;
	*at = k;
}

/* Changed instances that came in one body with their series stay with it. */
static int
read_instances(struct cal *c, struct pim_comp *from, struct pim_comp *main,
	       struct pim_comp **list, struct err *e)
{
	struct slice uid = pim_prop_value(main, "UID");
	struct pim_comp *next;
	int n = 0;

	if (uid.n == 0 || cal_is_instance(main))
		return 0;
	for (struct pim_comp *k = from; k != NULL; k = next) {
		next = k->next;
		if (k == main || !slice_eq(k->name, main->name) ||
		    !cal_is_instance(k) ||
		    !slice_eq(pim_prop_value(k, "UID"), uid))
			continue;
		if (++n > CAL_OVERRIDES_MAX)
			return err_set(e, ERR_LIMIT, "pim.calendar",
				       "more than %d changed instances",
				       CAL_OVERRIDES_MAX);
		if (cal_new_read(c, k, e) < 0 || cal_tidy(c, k, e) < 0)
			return -1;
		put_instance(c, list, k);
	}
	return 0;
}

int
pim_cal_read(struct arena *a, const struct pim_view *view, enum pim_form form,
	     struct pim_comp *root, struct pim_item **out, struct err *e)
{
	struct pim_comp *main = find_main(root);
	struct pim_comp *others = root->kids;
	struct pim_comp *canon;
	struct pim_item *it;
	struct cal c;

	if (main == NULL)
		return err_set(e, ERR_PARSE, "pim.calendar",
			       "no VEVENT and no VTODO");
	cal_init(&c, a, view, root);
	it = ARENA_NEW(a, struct pim_item);
	canon = pim_comp_new(a, SLICE_LIT("VCALENDAR"));
	if (it == NULL || canon == NULL ||
	    !pim_comp_put(a, canon, "VERSION", SLICE_LIT("2.0")))
		return cal_nomem(e);
	if (read_comp(&c, form, root, main, e) < 0)
		return -1;
	/* the tree's zones stay readable: cal_zones_keep() copies them */
	canon->kids = ARENA_NEW(a, struct pim_comp);
	if (canon->kids == NULL)
		return cal_nomem(e);
	*canon->kids = *main;
	canon->kids->next = NULL;
	if (form == PIM_ICAL20) {
		struct pim_comp *zones = pim_comp_new(a, root->name);

		if (zones == NULL)
			return cal_nomem(e);
		/* moving kids breaks the list: keep the zones aside */
		for (struct pim_comp *k = pim_comp_kid(root, "VTIMEZONE");
		     k != NULL; k = pim_comp_more(k)) {
			struct pim_comp *z = ARENA_NEW(a, struct pim_comp);

			if (z == NULL)
				return cal_nomem(e);
			*z = *k;
			z->next = zones->kids;
			zones->kids = z;
		}
		c.root = zones;
		if (read_instances(&c, others, main, &canon->kids->next, e) < 0)
			return -1;
	}
	if (cal_zones_keep(&c, canon, e) < 0)
		return -1;
	it->kind = cal_is_todo(main) ? PIM_TODO : PIM_EVENT;
	it->root = canon;
	*out = it;
	return 0;
}
