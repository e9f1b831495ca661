/* vCalendar 1.0 to canonical. */
#include "pim/calendar_int.h"

enum { ALMOST_MIDNIGHT = 86340 }; /* 23:59 */

/* ---- wrong and missing Z
 * ------------------------------------------------------ */

static bool
digits_at(struct slice s, size_t at, size_t n)
{
	if (at + n > s.n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s.p[at + i] < '0' || s.p[at + i] > '9')
			return false;
	}
	return true;
}

/* Take Z off every time of a value, or put it on. */
static struct slice
fix_z(struct arena *a, struct slice s, bool add)
{
	struct buf b = BUF_IN(a);
	size_t i = 0;

	while (i < s.n) {
		if (!digits_at(s, i, 8) || i + 9 > s.n || s.p[i + 8] != 'T' ||
		    !digits_at(s, i + 9, 6)) {
			buf_byte(&b, (unsigned char)s.p[i++]);
			continue;
		}
		buf_add(&b, slice_sub(s, i, 15));
		i += 15;
		if (i < s.n && s.p[i] == 'Z')
			i++;
		if (add)
			buf_byte(&b, 'Z');
	}
	return buf_ok(&b) ? buf_slice(&b) : (struct slice){ NULL, 0 };
}

/* Days are days also for those whose times are all UTC: never shifted. */
static bool
whole_days(const struct pim_comp *comp)
{
	struct slice start = pim_prop_value(comp, "DTSTART");
	struct slice end = pim_prop_value(comp, "DTEND");

	return slice_ends(start, "T000000") &&
	       (end.n == 0 || slice_ends(end, "T000000") ||
		slice_ends(end, "T240000") || slice_ends(end, "T235900") ||
		slice_ends(end, "T235959"));
}

static bool
fix_zs(struct cal *c, struct pim_comp *comp)
{
	uint32_t either = PIM_RULE_Z_IS_LOCAL | PIM_RULE_NO_Z_IS_UTC;
	bool add = (c->rules & PIM_RULE_NO_Z_IS_UTC) != 0;

	if ((c->rules & either) == 0 || (add && whole_days(comp)))
		return true;
	for (struct pim_prop *p = comp->props; p != NULL; p = p->next) {
		if ((p->def->flags & PIM_P_DATE) == 0 &&
		    !slice_is(p->name, "RRULE") &&
		    !slice_is(p->name, "EXRULE") &&
		    !slice_ends(p->name, "ALARM") &&
		    !slice_is(p->name, "X-RECURRENCE-ID"))
			continue;
		p->value = fix_z(c->a, p->value, add);
		if (p->value.p == NULL)
			return false;
	}
	return true;
}

/* ---- all-day
 * -------------------------------------------------------------------- */

enum flag { FLAG_NONE, FLAG_YES, FLAG_NO };

struct span { /* what DTSTART and DTEND say */
	struct pim_time start;
	struct pim_time end;
	bool has_end;
	bool end_2400;
	enum flag flag;
};

static bool
truth(struct slice s, bool *is)
{
	s = slice_trim(s);
	if (s.n == 0)
		return false;
	*is = slice_is(s, "1") || slice_is_nocase(s, "TRUE") ||
	      slice_is_nocase(s, "YES");
	return true;
}

static bool
category(struct slice list, const char *name)
{
	struct slice one;

	while (slice_split(&list, ',', &one)) {
		one = slice_trim(one);
		if (slice_starts_nocase(one, "X-"))
			one = slice_from(one, 2);
		if (slice_is_nocase(one, name))
			return true;
	}
	return false;
}

static bool
has_alarm(const struct pim_comp *comp)
{
	return slice_trim(pim_prop_value(comp, "AALARM")).n > 0 ||
	       slice_trim(pim_prop_value(comp, "DALARM")).n > 0;
}

/*
 * Explicit flags first. Zero length with a category that means a day: phones
 * of Series 40 write birthdays and reminders so; a reminder that has an alarm
 * is at a time of day and stays there.
 */
static enum flag
flag_of(const struct pim_comp *comp, const struct span *s)
{
	struct slice epoc =
	    slice_trim(pim_prop_value(comp, "X-EPOCAGENDAENTRYTYPE"));
	struct slice cat = pim_prop_value(comp, "CATEGORIES");
	bool zero = s->has_end && s->start.wall == s->end.wall;
	bool is;

	if (truth(pim_prop_value(comp, "X-FUNAMBOL-ALLDAY"), &is) ||
	    truth(pim_prop_value(comp, "X-MICROSOFT-CDO-ALLDAYEVENT"), &is))
		return is ? FLAG_YES : FLAG_NO;
	if (slice_is_nocase(epoc, "EVENT") ||
	    slice_is_nocase(epoc, "ANNIVERSARY"))
		return FLAG_YES;
	if (epoc.n > 0 || !zero)
		return FLAG_NONE;
	if (category(cat, "SPECIAL OCCASION") || category(cat, "ANNIVERSARY") ||
	    category(cat, "BIRTHDAY"))
		return FLAG_YES;
	if (category(cat, "REMINDER") && !has_alarm(comp))
		return FLAG_YES;
	return FLAG_NONE;
}

static int64_t
tod(int64_t wall)
{
	return wall - pim_day_of(wall) * PIM_DAY_S;
}

static int64_t
local(const struct pim_zone *z, struct pim_time t)
{
	return t.utc && z != NULL ? pim_zone_to_wall(z, t.wall) : t.wall;
}

static bool
ends_day(int64_t wall)
{
	return tod(wall) == 0 || tod(wall) >= ALMOST_MIDNIGHT;
}

/* Exclusive last day. */
static int64_t
end_day(int64_t start, int64_t end)
{
	int64_t day = pim_day_of(end) + (tod(end) > 0 ? 1 : 0);

	return day > pim_day_of(start) ? day : pim_day_of(start) + 1;
}

/*
 * Is it all-day, and which days? First on the user's clock; values with Z that
 * are midnight as written only count where something more says so.
 */
static bool
all_day(const struct span *s, const struct pim_zone *z, int64_t *from,
	int64_t *to)
{
	int64_t b = local(z, s->start);
	int64_t n = s->has_end ? local(z, s->end) : b;
	bool yes = s->flag == FLAG_YES;

	if (s->flag == FLAG_NO && !s->start.date)
		return false;
	if (s->start.date || (tod(b) == 0 && (ends_day(n) || yes))) {
		*from = pim_day_of(b);
		*to = end_day(b, n);
		return true;
	}
	if (s->start.utc && tod(s->start.wall) == 0 &&
	    (yes || s->end_2400 ||
	     (s->has_end && tod(s->end.wall) >= ALMOST_MIDNIGHT))) {
		b = s->start.wall;
		n = s->has_end ? s->end.wall : b;
	} else if (!yes) {
		return false;
	}
	*from = pim_day_of(b);
	*to = end_day(b, n);
	return true;
}

static bool
says_2400(struct slice v)
{
	return slice_find_str(v, "T24") != SIZE_MAX;
}

/* ---- tasks
 * ------------------------------------------------------------------------ */

/* 00:00 and 23:59 of a task mean the day. */
static bool
task_day(const struct pim_zone *z, struct slice v, struct pim_time t,
	 int64_t *day)
{
	int64_t b = local(z, t);

	if (t.utc && !ends_day(b) && tod(t.wall) >= ALMOST_MIDNIGHT)
		b = t.wall;
	if (!t.date && !ends_day(b))
		return false;
	*day = pim_day_of(b) - (says_2400(v) ? 1 : 0);
	return true;
}

static struct cal_when
day_when(int64_t day)
{
	return (struct cal_when){
		.t = { .wall = day * PIM_DAY_S, .date = true },
	};
}

/* ---- recurring times with Z
 * --------------------------------------------------------- */

static bool
rule_fits(const struct pim_recur *r, int64_t wall)
{
	int64_t day = pim_day_of(wall);
	int y;
	int m;
	int d;

	pim_civil(day, &y, &m, &d);
	for (size_t i = 0; i < r->day_n; i++) {
		if (r->day[i].day == pim_weekday(day))
			break;
		if (i + 1 == r->day_n)
			return false;
	}
	for (size_t i = 0; i < r->mday.n; i++) {
		if (r->mday.v[i] == d ||
		    r->mday.v[i] == d - pim_month_days(y, m) - 1)
			break;
		if (i + 1 == r->mday.n)
			return false;
	}
	return true;
}

/*
 * A series counts on its owner's clock, else summer time moves it: times with
 * Z become local, unless its weekdays are plainly those of UTC.
 */
static bool
to_local(struct cal *c, const struct pim_comp *comp, struct pim_time utc)
{
	struct pim_recur *r;
	struct pim_time loc = { .wall = local(c->told, utc) };
	struct slice rule = pim_prop_value(comp, "RRULE");

	if (c->told == NULL || pim_zone_is_utc(c->told) || !cal_recurs(comp))
		return false;
	r = ARENA_NEW(c->a, struct pim_recur);
	if (r == NULL ||
	    (!pim_recur_old_parse(rule, loc, r) && !pim_recur_parse(rule, r)))
		return true;
	return rule_fits(r, loc.wall) || !rule_fits(r, utc.wall);
}

/* ---- rules
 * ----------------------------------------------------------------------------
 */

/*
 * vCalendar 1.0 has no date values, so that an end day is written as its
 * midnight, on the clock of the rule or on the owner's: all of that day counts,
 * and with it its occurrence. An end at the hour of DTSTART is what it says.
 */
static bool
until_day(const struct pim_time *u, const struct cal_when *start,
	  const struct pim_time *raw, const struct pim_zone *z, int64_t *day)
{
	int64_t b =
	    u->utc && z != NULL ? pim_zone_to_wall(z, u->wall) : u->wall;

	*day = pim_day_of(u->wall);
	if (u->date)
		return true;
	if (tod(b) == tod(start->t.wall))
		return false;
	if (tod(u->wall) == 0)
		return tod(raw->wall) != 0;
	*day = pim_day_of(b);
	return tod(b) == 0;
}

/* UNTIL in the form that iCalendar wants for this start. */
static void
fix_until(struct cal *c, struct pim_recur *r, const struct cal_when *start,
	  const struct pim_time *raw)
{
	const struct pim_zone *z = start->zone != NULL ? start->zone : c->told;
	struct pim_time *u = &r->until;
	int64_t day;

	if (start->t.date) {
		/* on the clock that the start was read on */
		if (u->utc && raw->utc && tod(raw->wall) != 0 && z != NULL)
			u->wall = pim_zone_to_wall(z, u->wall);
		u->wall = pim_day_of(u->wall) * PIM_DAY_S;
		u->date = true;
		u->utc = false;
		return;
	}
	/* the days of a start with Z are those of UTC */
	if (until_day(u, start, raw, start->t.utc ? NULL : z, &day))
		*u = (struct pim_time){ .wall = (day + 1) * PIM_DAY_S - 1,
					.utc = start->t.utc };
	if (!u->utc && (z != NULL || start->t.utc)) {
		u->wall = z == NULL ? u->wall : pim_zone_to_utc(z, u->wall);
		u->utc = true;
	}
}

/* #n and an end date: what ends earlier. */
static void
one_bound(struct cal *c, struct pim_recur *r, const struct cal_when *start)
{
	struct pim_recur counted = *r;
	int64_t last;

	if (!r->has_until || r->count == 0)
		return;
	counted.has_until = false;
	if (pim_recur_last(c->a, &counted, start->t, INT64_MAX, &last) &&
	    last <= cal_until_wall(r, start, c->told))
		r->has_until = false;
	else
		r->count = 0;
}

static bool
read_rule(struct cal *c, struct pim_prop *p, const struct cal_when *start,
	  const struct pim_time *raw)
{
	struct pim_recur *r = ARENA_NEW(c->a, struct pim_recur);
	struct slice text;

	if (r == NULL)
		return false;
	if (slice_trim(p->value).n == 0)
		return true;
	if (!pim_recur_old_parse(p->value, start->t, r)) {
		if (pim_recur_parse(p->value, r))
			return true; /* the new grammar in the old dialect */
		p->name = slice_is(p->name, "RRULE")
			      ? SLICE_LIT("X-VCAL-RRULE")
			      : SLICE_LIT("X-VCAL-EXRULE");
		p->def = pim_pdef_find(p->name);
		return true;
	}
	if (r->has_until)
		fix_until(c, r, start, raw);
	one_bound(c, r, start);
	text = pim_recur_text(c->a, r);
	p->value = text;
	return text.p != NULL;
}

/* ---- the component
 * ---------------------------------------------------------------------- */

struct old {
	struct cal *c;
	struct pim_comp *comp;
	struct cal_when start; /* DTSTART, or DUE where there is none */
	bool has_start;
	struct pim_time raw; /* it, as written */
};

static bool
put(struct old *o, const char *name, const struct cal_when *w)
{
	return cal_when_set(o->c, o->comp, name, w);
}

static bool
read_event_times(struct old *o)
{
	struct cal *c = o->c;
	struct slice ev = pim_prop_value(o->comp, "DTEND");
	struct span s = { .flag = FLAG_NONE };
	struct cal_when end;
	int64_t from;
	int64_t to;

	if (!cal_when_get(c, o->comp, "DTSTART", &o->start))
		return true;
	s.start = o->start.t;
	s.has_end = cal_when_get(c, o->comp, "DTEND", &end);
	s.end = end.t;
	s.end_2400 = says_2400(ev);
	s.flag = flag_of(o->comp, &s);
	o->has_start = true;
	o->raw = s.start;
	if (all_day(&s, c->told, &from, &to)) {
		o->start = day_when(from);
		end = day_when(to);
		return put(o, "DTSTART", &o->start) && put(o, "DTEND", &end);
	}
	if (o->start.t.utc) {
		if (to_local(c, o->comp, o->start.t)) {
			o->start.t.wall = local(c->told, o->start.t);
			o->start.t.utc = false;
			o->start.zone = c->told;
		}
	} else if (o->start.zone == NULL) {
		o->start.zone = c->told;
	}
	if (o->start.zone != NULL && pim_zone_is_utc(o->start.zone)) {
		o->start.zone = NULL;
		o->start.t.utc = true;
	}
	if (!put(o, "DTSTART", &o->start))
		return false;
	if (!s.has_end)
		return true;
	if (!end.t.utc && end.zone == NULL)
		end.zone = c->told;
	if (end.t.date)
		return true; /* cal_tidy() knows */
	end = cal_at(cal_utc(&end, c->told), &o->start, c->told);
	return put(o, "DTEND", &end);
}

static bool
read_task_time(struct old *o, const char *name, bool as_day, int64_t day)
{
	struct cal *c = o->c;
	struct cal_when w;

	if (!cal_when_get(c, o->comp, name, &w))
		return true;
	if (!o->has_start) {
		o->raw = w.t;
		o->has_start = true;
	}
	if (as_day)
		w = day_when(day);
	else if (w.t.utc && to_local(c, o->comp, w.t))
		w = (struct cal_when){ .t = { .wall = local(c->told, w.t) },
				       .zone = c->told };
	else if (!w.t.utc && w.zone == NULL)
		w.zone = c->told;
	if (w.zone != NULL && pim_zone_is_utc(w.zone)) {
		w.zone = NULL;
		w.t.utc = true;
	}
	o->start = w;
	return put(o, name, &w);
}

/* DTSTART and DUE are both days or both times. */
static bool
read_task_times(struct old *o)
{
	struct slice sv = pim_prop_value(o->comp, "DTSTART");
	struct slice dv = pim_prop_value(o->comp, "DUE");
	int64_t start_day = 0;
	int64_t due_day = 0;
	bool days = true;
	struct pim_time t;

	if (pim_time_parse(sv, &t))
		days = task_day(o->c->told, sv, t, &start_day);
	if (pim_time_parse(dv, &t))
		days = task_day(o->c->told, dv, t, &due_day) && days;
	/* the rule counts from DTSTART, alarms from DUE: DTSTART comes last
	   and stays */
	return read_task_time(o, "DUE", days, due_day) &&
	       read_task_time(o, "DTSTART", days, start_day);
}

/* COMPLETED, DCREATED, LAST-MODIFIED: instants. */
static bool
read_stamp(struct cal *c, struct pim_prop *p)
{
	struct cal_when w;

	if (!cal_when_value(c, p, p->value, &w))
		return true;
	w.t.wall = cal_utc(&w, c->told);
	w.t.utc = true;
	w.t.date = false;
	w.zone = NULL;
	return cal_when_put(c, p, &w);
}

static bool
drop(const struct pim_prop *p)
{
	static const char *const names[] = {
		"TZ",
		"DAYLIGHT",
		"RNUM",
		"X-FUNAMBOL-ALLDAY",
		"X-MICROSOFT-CDO-ALLDAYEVENT",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (slice_is(p->name, names[i]))
			return true;
	}
	return false;
}

static struct pim_prop *
read_prop(struct old *o, struct pim_prop *p, bool *nomem)
{
	struct cal *c = o->c;
	struct cal_when w;

	if (drop(p))
		return NULL;
	if (slice_is(p->name, "DCREATED")) {
		p->name = SLICE_LIT("CREATED");
		p->def = pim_pdef_find(p->name);
	}
	if (slice_is(p->name, "COMPLETED") || slice_is(p->name, "CREATED") ||
	    slice_is(p->name, "LAST-MODIFIED")) {
		*nomem = !read_stamp(c, p) || *nomem;
		return p;
	}
	if (slice_is(p->name, "X-RECURRENCE-ID") ||
	    slice_is(p->name, "RECURRENCE-ID")) {
		p->name = SLICE_LIT("RECURRENCE-ID");
		p->def = pim_pdef_find(p->name);
		if (!o->has_start || !cal_when_value(c, p, p->value, &w))
			return p;
		w = cal_at(cal_utc(&w, c->told), &o->start, c->told);
		*nomem = !cal_when_put(c, p, &w) || *nomem;
		return p;
	}
	if ((slice_is(p->name, "RRULE") || slice_is(p->name, "EXRULE")) &&
	    o->has_start) {
		*nomem = !read_rule(c, p, &o->start, &o->raw) || *nomem;
		return p;
	}
	return cal_old_word_read(c->a, cal_is_todo(o->comp), p, nomem);
}

static bool
read_props(struct old *o)
{
	struct pim_prop **at = &o->comp->props;
	bool nomem = false;

	while (*at != NULL && !nomem) {
		struct pim_prop *next = (*at)->next;

		if (read_prop(o, *at, &nomem) == NULL)
			*at = next;
		else
			at = &(*at)->next;
	}
	return !nomem;
}

/* A task that was completed says so in its STATUS. */
static bool
read_completed(struct cal *c, struct pim_comp *comp)
{
	if (!cal_is_todo(comp) || pim_prop_value(comp, "COMPLETED").n == 0 ||
	    pim_prop_value(comp, "STATUS").n > 0)
		return true;
	return pim_comp_set(c->a, comp, "STATUS", SLICE_LIT("COMPLETED"));
}

static int
find_zone(struct cal *c, const struct pim_comp *root,
	  const struct pim_comp *comp, struct err *e)
{
	struct pim_time at = { .wall = 0 };

	if (!pim_time_parse(pim_prop_value(comp, "DTSTART"), &at))
		(void)pim_time_parse(pim_prop_value(comp, "DUE"), &at);
	if (pim_zone_from_daylight(c->a, comp, at.wall, c->home, &c->told, e) <
	    0)
		return -1;
	if (c->told == NULL && pim_zone_from_daylight(c->a, root, at.wall,
						      c->home, &c->told, e) < 0)
		return -1;
	/* "TZ:+00" beside times with Z says "these are UTC", no more */
	if (c->told == NULL || (pim_zone_is_utc(c->told) && at.utc))
		c->told = c->home;
	return 0;
}

int
cal_old_read(struct cal *c, struct pim_comp *root, struct pim_comp *comp,
	     struct err *e)
{
	struct old o = { .c = c, .comp = comp };
	bool todo = cal_is_todo(comp);
	struct cal_when due;
	bool by_due;

	if (!fix_zs(c, comp))
		return cal_nomem(e);
	if (find_zone(c, root, comp, e) < 0)
		return -1;
	if (!(todo ? read_task_times(&o) : read_event_times(&o)) ||
	    !read_props(&o) || !cal_old_uid_read(c, comp) ||
	    !read_completed(c, comp) || c->nomem)
		return cal_nomem(e);
	by_due = todo && cal_when_get(c, comp, "DUE", &due);
	return cal_old_alarms_read(
	    c, comp, by_due ? &due : (o.has_start ? &o.start : NULL), by_due,
	    e);
}
