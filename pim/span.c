/*
 * From when to when an item matters: what a window of dates is compared with.
 * Of a series it is first occurrence to last, so that a birthday does not come
 * and go every year; an open task matters until it is done.
 */
#include "pim/calendar_int.h"
#include "pim/core.h"
#include "pim/recur.h"

enum { AWAY_S = 14 * 3600 }; /* no zone is further from UTC */

struct span_work {
	struct cal c;
	struct pim_span *out;
};

static void
widen(struct pim_span *s, int64_t from, int64_t to)
{
	int64_t from_ms = from * 1000;
	int64_t to_ms = to == INT64_MAX ? to : to * 1000;

	if (!s->set || from_ms < s->from_ms)
		s->from_ms = from_ms;
	if (!s->set || to_ms > s->to_ms)
		s->to_ms = to_ms;
	s->set = true;
}

/* Wall time of the last occurrence by rules; INT64_MAX: endless. */
static bool
last_by_rule(struct span_work *w, const struct pim_comp *comp,
	     const struct cal_when *start, int64_t *last)
{
	struct pim_recur *r;
	int64_t one;

	*last = start->t.wall;
	for (const struct pim_prop *p = comp->props; p != NULL; p = p->next) {
		if (!slice_is(p->name, "RRULE"))
			continue;
		r = ARENA_NEW(w->c.a, struct pim_recur);
		if (r == NULL)
			return false;
		if (!pim_recur_parse(p->value, r) || !pim_recur_can_expand(r) ||
		    (!r->has_until && r->count == 0) ||
		    !pim_recur_last(w->c.a, r, start->t,
				    cal_until_wall(r, start, NULL), &one)) {
			*last = INT64_MAX;
			return true;
		}
		*last = one > *last ? one : *last;
	}
	return true;
}

static bool
last_by_dates(struct span_work *w, const struct pim_comp *comp,
	      const struct cal_when *start, int64_t *first, int64_t *last)
{
	int64_t *walls;
	size_t n;

	*first = start->t.wall;
	if (!cal_dates(&w->c, comp, "RDATE", start, &walls, &n))
		return false;
	if (n == 0)
		return true;
	*first = walls[0] < *first ? walls[0] : *first;
	if (*last != INT64_MAX && walls[n - 1] > *last)
		*last = walls[n - 1];
	return true;
}

/* An open task is never over, one that is done when it was done. */
static int64_t
task_end(struct span_work *w, const struct pim_comp *comp, int64_t end)
{
	struct cal_when done;
	struct slice status = pim_prop_value(comp, "STATUS");

	if (cal_when_get(&w->c, comp, "COMPLETED", &done))
		return cal_utc(&done, NULL);
	return slice_eq_nocase(status, SLICE_LIT("COMPLETED")) ||
		       slice_eq_nocase(status, SLICE_LIT("CANCELLED"))
		   ? end
		   : INT64_MAX;
}

static bool
span_comp(struct span_work *w, const struct pim_comp *comp)
{
	bool todo = cal_is_todo(comp);
	struct cal_when start;
	struct cal_when at;
	struct cal_when end;
	int64_t away;
	int64_t length = 0;
	int64_t first;
	int64_t last;

	if (!cal_when_get(&w->c, comp, "DTSTART", &start) &&
	    !(todo && cal_when_get(&w->c, comp, "DUE", &start)))
		return true; /* no date: always there */
	if (cal_end(&w->c, comp, &start, &end))
		length = cal_utc(&end, NULL) - cal_utc(&start, NULL);
	else if (start.t.date && !todo)
		length = PIM_DAY_S;
	length = length < 0 ? 0 : length;
	if (!last_by_rule(w, comp, &start, &last) ||
	    !last_by_dates(w, comp, &start, &first, &last))
		return false;
	/* A date or a floating time is one wherever its reader is. */
	away = start.zone == NULL && !start.t.utc ? AWAY_S : 0;
	at = start;
	if (last != INT64_MAX) {
		at.t.wall = last;
		last = cal_utc(&at, NULL) + length + away;
		if (todo)
			last = task_end(w, comp, last);
	}
	at.t.wall = first;
	widen(w->out, cal_utc(&at, NULL) - away, last);
	return true;
}

int
pim_span(struct arena *a, const struct pim_item *it, struct pim_span *out,
	 struct err *e)
{
	struct span_work w = { .out = out };

	*out = (struct pim_span){ .set = false };
	if (it->root == NULL || (it->kind != PIM_EVENT && it->kind != PIM_TODO))
		return 0;
	cal_init(&w.c, a, NULL, it->root);
	for (const struct pim_comp *k = it->root->kids; k != NULL;
	     k = k->next) {
		if (!slice_is(k->name, "VEVENT") && !slice_is(k->name, "VTODO"))
			continue;
		if (!span_comp(&w, k) || w.c.nomem)
			return pim_nomem(e, "pim.span");
	}
	return 0;
}
