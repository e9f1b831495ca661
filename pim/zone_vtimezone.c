/* VTIMEZONE components to zones and back. */
#include "pim/zone_int.h"

#include "pim/recur.h"

#include <stdlib.h>

enum { OBSERVANCES_MAX = 64, BUILT_STEPS_MAX = 1200, EXPLICIT_MAX = 60 };

static const int64_t from_1970 = 0;
static const int64_t to_2100 = 4102444800;

/* ---- reading ---------------------------------------------------------------
 */

struct build {
	struct zone_step *steps;
	int32_t *before;
	size_t n;
};

/* "+0100", "-0330", "+013000" */
static bool
offset_parse(struct slice s, int32_t *out)
{
	int sign = s.n > 0 && s.p[0] == '-' ? -1 : 1;
	uint32_t v;

	s = slice_trim(s);
	if (s.n > 0 && (s.p[0] == '-' || s.p[0] == '+'))
		s = slice_from(s, 1);
	if ((s.n != 4 && s.n != 6) || !slice_u32(s, &v))
		return false;
	if (s.n == 4)
		v *= 100;
	if (v / 10000 > 26 || v / 100 % 100 > 59 || v % 100 > 59)
		return false;
	*out =
	    sign * (int32_t)(v / 10000 * 3600 + v / 100 % 100 * 60 + v % 100);
	return true;
}

static void
add_step(struct build *b, int64_t wall, int32_t before, int32_t after)
{
	if (b->n >= BUILT_STEPS_MAX)
		return;
	b->steps[b->n].at = wall - before;
	b->steps[b->n].off = after;
	b->before[b->n++] = before;
}

static bool
add_rule(struct arena *a, struct build *b, struct slice text,
	 struct pim_time start, const int32_t off[2])
{
	struct pim_recur *r = ARENA_NEW(a, struct pim_recur);
	struct pim_recur_iter it;
	int64_t until = INT64_MAX;
	int64_t wall;

	if (r == NULL)
		return false;
	if (!pim_recur_parse(text, r) || r->freq < PIM_DAILY ||
	    !pim_recur_can_expand(r))
		return true;
	if (r->has_until)
		until = r->until.wall + (r->until.utc ? off[0] : 0) +
			(r->until.date ? PIM_DAY_S - 1 : 0);
	if (!pim_recur_iter_init(a, &it, r, start, until))
		return false;
	pim_recur_iter_seek(&it, from_1970);
	while (pim_recur_iter_next(&it, &wall) && wall < to_2100 &&
	       b->n < BUILT_STEPS_MAX)
		add_step(b, wall, off[0], off[1]);
	return true;
}

static bool
add_observance(struct arena *a, struct build *b, const struct pim_comp *c)
{
	struct pim_time start;
	int32_t off[2];

	if (!pim_time_parse(pim_prop_value(c, "DTSTART"), &start) ||
	    !offset_parse(pim_prop_value(c, "TZOFFSETTO"), &off[1]))
		return true;
	if (!offset_parse(pim_prop_value(c, "TZOFFSETFROM"), &off[0]))
		off[0] = off[1];
	add_step(b, start.wall, off[0], off[1]);
	for (const struct pim_prop *p = c->props; p != NULL; p = p->next) {
		struct slice rest = p->value;
		struct slice one;
		struct pim_time t;

		if (slice_is(p->name, "RRULE") &&
		    !add_rule(a, b, p->value, start, off))
			return false;
		if (!slice_is(p->name, "RDATE"))
			continue;
		while (slice_split(&rest, ',', &one)) {
			if (pim_time_parse(one, &t))
				add_step(b, t.wall, off[0], off[1]);
		}
	}
	return true;
}

struct indexed {
	struct zone_step step;
	int32_t before;
};

static int
by_instant(const void *x, const void *y)
{
	const struct indexed *p = x;
	const struct indexed *q = y;

	if (p->step.at != q->step.at)
		return p->step.at > q->step.at ? 1 : -1;
	return (p->step.off > q->step.off) - (p->step.off < q->step.off);
}

static bool
finish(struct arena *a, struct build *b, struct pim_zone *z)
{
	struct indexed *v = ARENA_ARRAY(a, b->n, struct indexed);

	if (v == NULL)
		return false;
	for (size_t i = 0; i < b->n; i++) {
		v[i].step = b->steps[i];
		v[i].before = b->before[i];
	}
	qsort(v, b->n, sizeof(*v), by_instant);
	z->first = v[0].before;
	z->steps = b->steps;
	for (size_t i = 0; i < b->n; i++) {
		int32_t was =
		    z->step_n == 0 ? z->first : z->steps[z->step_n - 1].off;

		/* Two changes at once contradict each other: one counts. */
		if (i > 0 && v[i].step.at == v[i - 1].step.at)
			continue;
		if (v[i].step.off != was)
			z->steps[z->step_n++] = v[i].step;
	}
	return true;
}

int
pim_zone_from_vtimezone(struct arena *a, const struct pim_comp *c,
			const struct pim_zone **out, struct err *e)
{
	struct pim_zone *z = ARENA_NEW(a, struct pim_zone);
	struct build b = { .n = 0 };
	int n = 0;

	*out = NULL;
	b.steps = ARENA_ARRAY(a, BUILT_STEPS_MAX, struct zone_step);
	b.before = ARENA_ARRAY(a, BUILT_STEPS_MAX, int32_t);
	if (z == NULL || b.steps == NULL || b.before == NULL)
		return err_set(e, ERR_NOMEM, "pim.zone", "no memory");
	for (const struct pim_comp *k = c->kids; k != NULL; k = k->next) {
		if (++n > OBSERVANCES_MAX)
			break;
		if (!add_observance(a, &b, k))
			return err_set(e, ERR_NOMEM, "pim.zone", "no memory");
	}
	if (b.n == 0)
		return 0;
	z->name = pim_prop_value(c, "TZID");
	if (!finish(a, &b, z))
		return err_set(e, ERR_NOMEM, "pim.zone", "no memory");
	*out = z;
	return 0;
}

/* ---- writing ---------------------------------------------------------------
 */

struct observance {
	int64_t wall; /* onset, on the clock before */
	int32_t before;
	int32_t after;
	struct slice rule; /* empty: once */
	const char *name;  /* or NULL */
};

static struct slice
offset_text(struct arena *a, int32_t off)
{
	int32_t v = off < 0 ? -off : off;
	char sign = off < 0 ? '-' : '+';

	if (v % 60 != 0)
		return arena_printf(a, "%c%02d%02d%02d", sign, v / 3600,
				    v / 60 % 60, v % 60);
	return arena_printf(a, "%c%02d%02d", sign, v / 3600, v / 60 % 60);
}

static bool
put_observance(struct arena *a, struct pim_comp *vtz,
	       const struct observance *o, bool daylight)
{
	struct pim_time t = { .wall = o->wall };
	struct slice start = pim_time_text(a, t);
	struct slice before = offset_text(a, o->before);
	struct slice after = offset_text(a, o->after);
	struct pim_comp *c = pim_comp_new(a, daylight ? SLICE_LIT("DAYLIGHT")
						      : SLICE_LIT("STANDARD"));

	if (c == NULL || start.p == NULL || before.p == NULL ||
	    after.p == NULL || !pim_comp_put(a, c, "TZOFFSETFROM", before) ||
	    !pim_comp_put(a, c, "TZOFFSETTO", after) ||
	    !pim_comp_put(a, c, "DTSTART", start))
		return false;
	if (o->name != NULL && o->name[0] != '+' && o->name[0] != '-' &&
	    !pim_comp_put(a, c, "TZNAME", slice_c(o->name)))
		return false;
	if (o->rule.n > 0 && !pim_comp_put(a, c, "RRULE", o->rule))
		return false;
	pim_comp_add_kid(vtz, c);
	return true;
}

/*
 * The RRULE of a change. A time outside of its day moves the day, which BYDAY
 * with a position cannot say: then weekday and days of the month. Empty: not
 * to be said; .p == NULL: memory is short.
 */
static struct slice
edge_rule(struct arena *a, const struct zone_edge *g)
{
	static const char days[][3] = {
		"SU", "MO", "TU", "WE", "TH", "FR", "SA"
	};
	int shift = (int)pim_day_of(g->secs);
	int first = g->week == 5 ? -7 : (g->week - 1) * 7 + 1;
	struct buf b = BUF_IN(a);

	if (g->kind != EDGE_MONTH_WEEK)
		return SLICE_LIT("");
	buf_printf(&b, "FREQ=YEARLY;BYMONTH=%d;BYDAY=", g->month);
	if (shift == 0) {
		buf_printf(&b, "%d%s", g->week == 5 ? -1 : g->week,
			   days[g->wday]);
	} else {
		first += shift;
		/* seven days that every year has in that month */
		if (g->week == 5
			? first + 6 >= 0
			: first < 1 || first > (g->month == 2 ? 22 : 24))
			return SLICE_LIT("");
		buf_str(&b, days[((g->wday + shift) % 7 + 7) % 7]);
		for (int i = 0; i < 7; i++)
			buf_printf(&b, "%s%d", i == 0 ? ";BYMONTHDAY=" : ",",
				   first + i);
	}
	return buf_ok(&b) ? buf_slice(&b) : (struct slice){ NULL, 0 };
}

/* Both changes of the year as endless rules; *done = false: cannot. */
static bool
put_rule_pair(struct arena *a, struct pim_comp *vtz, const struct zone_rule *r,
	      int year, bool *done)
{
	struct observance on = { .wall = zone_rule_start(r, year) + r->std,
				 .before = r->std,
				 .after = r->dst,
				 .rule = edge_rule(a, &r->start),
				 .name = r->dst_name };
	struct observance off = { .wall = zone_rule_end(r, year) + r->dst,
				  .before = r->dst,
				  .after = r->std,
				  .rule = edge_rule(a, &r->end),
				  .name = r->std_name };
	bool summer = r->dst > r->std;

	*done = on.rule.n > 0 && off.rule.n > 0;
	if (on.rule.p == NULL || off.rule.p == NULL)
		return false;
	if (!*done)
		return true;
	return put_observance(a, vtz, &on, summer) &&
	       put_observance(a, vtz, &off, !summer);
}

/* One observance for each change up to `to`. */
static bool
put_explicit(struct arena *a, struct pim_comp *vtz, const struct pim_zone *z,
	     int year, int64_t to)
{
	int64_t at = pim_days(year, 1, 1) * PIM_DAY_S;
	int32_t off = pim_zone_offset(z, at);
	struct observance o = { .wall = at, .before = off, .after = off };
	struct pim_zone_step s;

	if (!put_observance(a, vtz, &o, false))
		return false;
	for (int i = 0; i < EXPLICIT_MAX; i++) {
		if (!pim_zone_next(z, at, &s) || s.at > to)
			break;
		o.wall = s.at + s.before;
		o.before = s.before;
		o.after = s.after;
		if (!put_observance(a, vtz, &o, s.after > s.before))
			return false;
		at = s.at;
	}
	return true;
}

static bool
put_fixed(struct arena *a, struct pim_comp *vtz, int32_t off)
{
	struct observance o = { .before = off, .after = off };

	return put_observance(a, vtz, &o, false);
}

struct pim_comp *
pim_zone_vtimezone(struct arena *a, const struct pim_zone *z, int64_t from,
		   int64_t to)
{
	struct pim_comp *vtz = pim_comp_new(a, SLICE_LIT("VTIMEZONE"));
	int year = zone_year(from);
	int64_t jan1 = pim_days(year, 1, 1) * PIM_DAY_S;
	int64_t last = z->step_n == 0 ? INT64_MIN : z->steps[z->step_n - 1].at;
	bool ruled = z->has_rule && last < jan1;
	bool pair = z->has_rule && z->rule.has_dst;
	bool done = false;
	bool ok;

	if (vtz == NULL || !pim_comp_put(a, vtz, "TZID", z->name))
		return NULL;
	if (ruled && pair)
		ok = put_rule_pair(a, vtz, &z->rule, 1970, &done);
	else if (last < jan1 || z->step_n == 0) {
		ok = put_fixed(a, vtz, pim_zone_offset(z, jan1));
		done = true;
	} else {
		ok = true;
	}
	if (ok && !done) { /* history first, then the rule */
		int until = last < jan1 ? year : zone_year(last);
		int64_t end = (pim_days(until + 1, 1, 1)) * PIM_DAY_S - 1;

		if (pair && to > end)
			ok = put_explicit(a, vtz, z, year, end) &&
			     put_rule_pair(a, vtz, &z->rule, until + 1, &done);
		if (ok && !done) {
			vtz->kids = NULL;
			ok = put_explicit(a, vtz, z, year, to);
		}
	}
	return ok ? vtz : NULL;
}
