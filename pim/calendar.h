/*
 * What the calendar part (calendar*.c, recur*.c, zone*.c, alarm*.c) owes to
 * the core of pim/. The core reads and writes text (pim/lines.h), filters by
 * what the device can hold, hashes, scores and merges; the calendar part knows
 * what dates, zones, rules and alarms mean.
 *
 * A canonical calendar item is kind EVENT or TODO (VJOURNAL is a TODO's poor
 * cousin: kind NOTE is text only, so it becomes a note's text in the core) with
 * root = VCALENDAR (VERSION:2.0), the VTIMEZONEs that it uses, and exactly one
 * VEVENT or VTODO.
 */
#ifndef PIM_CALENDAR_H
#define PIM_CALENDAR_H

#include "pim/lines.h"

/*
 * A VCALENDAR as parsed from the wire (form PIM_VCAL10 or PIM_ICAL20) to a
 * canonical item. The tree may be changed and reused. view may be NULL (UTC,
 * no rules). Several components: the first VEVENT or VTODO is taken, series
 * master before changed instance. DURATION of an event becomes DTEND, so that
 * items compare and merge by one property. ERR_PARSE: none there.
 */
int pim_cal_read(struct arena *a, const struct pim_view *view,
		 enum pim_form form, struct pim_comp *root,
		 struct pim_item **out, struct err *e);

/*
 * The tree to send to a device: a new VCALENDAR in view->form with that form's
 * properties, grammar and order (PIM_VCAL10: AALARM, DCREATED, TZ ...), not yet
 * filtered by view->caps except for what choosing needs (AALARM or DALARM).
 * `it` stays untouched; nodes may not be shared with it, bytes may.
 */
int pim_cal_write(struct arena *a, const struct pim_view *view,
		  const struct pim_item *it, struct pim_comp **out,
		  struct err *e);

/*
 * pim_next() for .ics and .vcs files: *rest is the whole text at first. Events
 * with one UID are an item each, with the VTIMEZONEs that they use. *out ==
 * NULL at the end. A file with several components in one VCALENDAR is rewritten
 * once, into the arena, and *rest points there from then on: use one arena for
 * the whole file.
 */
int pim_cal_next(struct arena *a, const struct pim_view *view,
		 struct slice *rest, struct pim_item **out, struct err *e);

/* The one VEVENT or VTODO of an item, or NULL. */
struct pim_comp *pim_cal_main(const struct pim_item *it);

/* What makes an event or task this one; slices may be empty. */
struct pim_cal_key {
	struct slice uid;     /* UID, plus "/" and the RECURRENCE-ID in UTC */
	struct slice summary; /* plain text, trimmed */
	struct slice start;   /* "20260301T080000Z" or "20260301" (all-day);
				 floating: without Z */
	struct slice end;     /* DTEND or DUE, the same way */
	struct slice rule;    /* normalised RRULE */
};

/* -1 only for ERR_NOMEM. */
int pim_cal_identity(struct arena *a, const struct pim_item *it,
		     struct pim_cal_key *out, struct err *e);

/*
 * A property's value normalised for comparing and hashing: DTSTART, DTEND,
 * DUE, RECURRENCE-ID, COMPLETED, EXDATE, RDATE, RRULE, EXRULE, DURATION,
 * TRIGGER and all others whose text can differ while the meaning is the same
 * (TZID to UTC, order of BYDAY, WKST, STATUS synonyms, default values that mean
 * "not there": out->n == 0). Parameters that matter (CN, PARTSTAT) must be in
 * it: the core looks at none of a property that is normalised here. comp is the
 * VEVENT or VTODO, root its VCALENDAR.
 * false: nothing special about this one, compare it as text. Memory short:
 * true with out->p == NULL.
 */
bool pim_cal_norm(struct arena *a, const struct pim_comp *root,
		  const struct pim_comp *comp, const struct pim_prop *p,
		  struct slice *out);

/* Has the item alarms, or changed instances beside its main component? */
bool pim_cal_has_more(const struct pim_item *it);

/*
 * All VALARMs of a component as one normalised text (order and vendor
 * properties aside), and the changed instances that came in one body with it;
 * empty: none. .p == NULL: memory is short.
 */
struct slice pim_cal_alarms(struct arena *a, const struct pim_comp *root,
			    const struct pim_comp *comp);

/*
 * After a merge: make the item consistent again (VTIMEZONE for every TZID in
 * use and no others, DTEND not before DTSTART, DTSTART and DTEND both dates or
 * both times, EXDATE of the same type). from: the items that the merge took
 * from (current, incoming), whose roots hold the VTIMEZONEs.
 */
int pim_cal_repair(struct arena *a, struct pim_item *it,
		   const struct pim_item *const *from, size_t from_n,
		   struct err *e);

/* "Team, 2026-03-01 09:00"; .p == NULL: memory is short. */
struct slice pim_cal_title(struct arena *a, const struct pim_item *it);

#endif
