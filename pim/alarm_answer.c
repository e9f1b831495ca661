/*
 * What was said to an alarm, written into the item as RFC 9074 has it, so that
 * every device learns of it with its next sync.
 */
#include "pim/alarm.h"

#include "pim/calendar_int.h"

static struct slice
utc_text(struct arena *a, int64_t ms)
{
	struct pim_time t = { .wall = ms / 1000, .utc = true };

	return pim_time_text(a, t);
}

/* The component of the tree that answer->alarm saw through a const pointer. */
static struct pim_comp *
same(struct pim_comp *list, const struct pim_comp *what)
{
	while (list != NULL && list != what)
		list = list->next;
	return list;
}

static void
drop_kid(struct pim_comp *comp, const struct pim_comp *kid)
{
	struct pim_comp **at = &comp->kids;

	while (*at != NULL && *at != kid)
		at = &(*at)->next;
	if (*at != NULL)
		*at = kid->next;
}

/* RELATED-TO;RELTYPE=SNOOZE: whose postponement this is; NULL: nobody's. */
static const struct pim_prop *
snooze_of(const struct pim_comp *alarm)
{
	for (const struct pim_prop *p = pim_prop_find(alarm, "RELATED-TO");
	     p != NULL; p = pim_prop_more(p)) {
		if (pim_param_has(p, "RELTYPE", "SNOOZE"))
			return p;
	}
	return NULL;
}

static struct pim_comp *
by_uid(struct pim_comp *comp, struct slice uid)
{
	for (struct pim_comp *k = pim_comp_kid(comp, "VALARM"); k != NULL;
	     k = pim_comp_more(k)) {
		if (uid.n > 0 && slice_eq(pim_prop_value(k, "UID"), uid))
			return k;
	}
	return NULL;
}

/* An event that had no alarm gets the one that went off written down: with
   another VALARM in it, the account's default would not count any more. */
static struct pim_comp *
write_default(struct arena *a, struct pim_comp *comp, int lead_min,
	      struct slice uid)
{
	struct pim_comp *k = pim_comp_new(a, SLICE_LIT("VALARM"));
	struct pim_dur d = { .secs = -(int64_t)60 * lead_min };
	char text[PIM_DUR_TEXT];
	size_t n = pim_dur_put(d, text);
	struct slice trigger = arena_copy(a, (struct slice){ text, n });

	if (k == NULL || trigger.p == NULL || !pim_comp_put(a, k, "UID", uid) ||
	    !pim_comp_put(a, k, "ACTION", SLICE_LIT("DISPLAY")) ||
	    !pim_comp_put(a, k, "DESCRIPTION",
			  pim_prop_value(comp, "SUMMARY")) ||
	    !pim_comp_put(a, k, "TRIGGER", trigger))
		return NULL;
	pim_comp_add_kid(comp, k);
	return k;
}

static bool
acknowledge(struct arena *a, struct pim_comp *alarm, int64_t now_ms)
{
	struct slice t = utc_text(a, now_ms);

	return t.p != NULL && pim_comp_set(a, alarm, "ACKNOWLEDGED", t);
}

/* Only one postponement of an alarm at a time. */
static void
drop_snoozes(struct pim_comp *comp, struct slice parent)
{
	struct pim_comp *next;

	for (struct pim_comp *k = pim_comp_kid(comp, "VALARM");
	     k != NULL && parent.n > 0; k = next) {
		const struct pim_prop *p = snooze_of(k);

		next = pim_comp_more(k);
		if (p != NULL && slice_eq(p->value, parent))
			drop_kid(comp, k);
	}
}

static bool
add_snooze(struct arena *a, struct pim_comp *comp,
	   const struct pim_comp *parent, const struct pim_alarm_answer *an)
{
	struct pim_comp *k = pim_comp_new(a, SLICE_LIT("VALARM"));
	struct slice at = utc_text(a, an->snooze_ms);
	struct slice text = pim_prop_value(parent, "DESCRIPTION");
	struct slice action = pim_prop_value(parent, "ACTION");
	struct pim_prop *trigger = pim_prop_new(a, SLICE_LIT("TRIGGER"), at);
	struct pim_prop *of = pim_prop_new(a, SLICE_LIT("RELATED-TO"),
					   pim_prop_value(parent, "UID"));

	if (k == NULL || at.p == NULL || trigger == NULL || of == NULL ||
	    !pim_comp_put(a, k, "UID", an->uid) ||
	    !pim_comp_put(a, k, "ACTION",
			  action.n > 0 ? action : SLICE_LIT("DISPLAY")) ||
	    !pim_param_add(a, trigger, "VALUE", SLICE_LIT("DATE-TIME")) ||
	    !pim_param_add(a, of, "RELTYPE", SLICE_LIT("SNOOZE")))
		return false;
	pim_comp_add(k, trigger);
	pim_comp_add(k, of);
	if (text.n > 0 && !pim_comp_put(a, k, "DESCRIPTION", text))
		return false;
	for (const struct pim_prop *p = pim_prop_find(parent, "ATTENDEE");
	     p != NULL; p = pim_prop_more(p)) {
		struct pim_prop *copy = pim_prop_copy(a, p);

		if (copy == NULL)
			return false;
		pim_comp_add(k, copy);
	}
	if (an->alarm.occurrence.n > 0 &&
	    !pim_comp_put(a, k, PIM_ALARM_OCCURRENCE, an->alarm.occurrence))
		return false;
	pim_comp_add_kid(comp, k);
	return true;
}

static bool
answer(struct arena *a, struct pim_comp *comp,
       const struct pim_alarm_answer *an)
{
	struct pim_comp *alarm = same(comp->kids, an->alarm.alarm);
	const struct pim_prop *of = alarm == NULL ? NULL : snooze_of(alarm);
	struct slice now = utc_text(a, an->now_ms);

	if (an->alarm.alarm == NULL) {
		/* Nothing to acknowledge: it does not come again. */
		if (an->snooze_ms == INT64_MIN)
			return true;
		alarm = write_default(a, comp, an->lead_min, an->parent_uid);
		if (alarm == NULL)
			return false;
	} else if (alarm == NULL) {
		return true;
	} else if (of != NULL) {
		struct pim_comp *parent = by_uid(comp, of->value);

		if (parent != NULL) {
			drop_kid(comp, alarm);
			alarm = parent;
		}
	}
	if (pim_prop_value(alarm, "UID").n == 0 &&
	    !pim_comp_set(a, alarm, "UID", an->parent_uid))
		return false;
	drop_snoozes(comp, pim_prop_value(alarm, "UID"));
	if (!acknowledge(a, alarm, an->now_ms) || now.p == NULL ||
	    !pim_comp_set(a, comp, "LAST-MODIFIED", now))
		return false;
	return an->snooze_ms == INT64_MIN || add_snooze(a, comp, alarm, an);
}

int
pim_alarm_answer(struct arena *a, struct pim_item *it,
		 const struct pim_alarm_answer *an, struct err *e)
{
	struct pim_comp *comp =
	    it->root == NULL ? NULL : same(it->root->kids, an->alarm.comp);

	if (comp == NULL || answer(a, comp, an))
		return 0;
	return cal_nomem(e);
}
