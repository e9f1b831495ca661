/* Canonical to vCalendar 1.0. */
#include "pim/calendar_int.h"

struct how {       /* what was decided for this item and device */
	bool utc;  /* timed values with Z */
	bool no_z; /* UTC, but the device wants no Z */
	bool tell; /* TZ and DAYLIGHT lines */
	const struct pim_zone *zone; /* clock of local values, NULL: as is */
	int64_t shift; /* days that the start moved to that clock */
	int64_t moved; /* days that the whole item moved (NO_1980) */
};

static const int64_t day_1980 = 3652;

static bool
lists(const struct cal *c, const char *name)
{
	const struct pim_caps *caps = c->view == NULL ? NULL : c->view->caps;

	for (size_t i = 0; caps != NULL && i < caps->prop_n; i++) {
		if (slice_is_nocase(caps->props[i].name, name))
			return true;
	}
	return false;
}

static bool
changes_clock(const struct pim_zone *z, int64_t from)
{
	struct pim_zone_step s;

	return pim_zone_next(z, from, &s) && s.at < from + 730 * PIM_DAY_S;
}

static bool
wants_utc(const struct cal *c)
{
	uint32_t local = PIM_RULE_LOCAL | PIM_RULE_Z_IS_LOCAL;

	return (c->rules & local) == 0 && ((c->rules & PIM_RULE_UTC) != 0 ||
					   (c->view != NULL && c->view->utc));
}

/*
 * Series with a zone. Where its clock changes, Z would move it by an hour, so
 * it goes out in local time; TZ and DAYLIGHT tell which, unless the device told
 * that it does not know them. An account of UTC, where nobody set a zone, has
 * no local time: there Z is the better choice, and most phones repeat by the
 * hour that they made of it.
 */
static void
decide_series(struct cal *c, const struct pim_zone *own, int64_t at,
	      struct how *h)
{
	bool caps = c->view != NULL && c->view->caps != NULL;
	bool knows_tz = lists(c, "TZ") || lists(c, "DAYLIGHT");
	bool utc = wants_utc(c);
	bool fixed = !changes_clock(own, at);

	h->tell = knows_tz || (utc && !caps);
	if (utc && fixed && own == c->home)
		h->tell = false;
	if (h->tell || h->zone == NULL)
		h->zone = own;
	h->utc = utc && fixed && (h->tell || own == c->home);
	if (utc && !h->tell && h->zone != NULL && pim_zone_is_utc(h->zone))
		h->utc = true;
}

/* Single events and series of UTC: Z for devices that know it, else the
   owner's clock. */
static void
decide(struct cal *c, const struct pim_comp *main, const struct cal_when *start,
       struct how *h)
{
	const struct pim_zone *own = start->zone;

	h->no_z = (c->rules & PIM_RULE_NO_Z_IS_UTC) != 0;
	h->zone = c->home;
	h->utc = wants_utc(c) || h->no_z;
	if (own == NULL && !start->t.utc)
		own = c->home;
	if (!start->t.date && cal_recurs(main) && !h->no_z && own != NULL)
		decide_series(c, own, cal_utc(start, c->home), h);
}

/* A time in the device's form. */
static struct pim_time
form_time(struct cal *c, const struct how *h, const struct cal_when *w)
{
	struct pim_time t = w->t;

	if (t.date)
		return (struct pim_time){ .wall = t.wall };
	t.wall = cal_utc(w, c->home);
	t.utc = true;
	if (!h->utc && h->zone != NULL) {
		t.wall = pim_zone_to_wall(h->zone, t.wall);
		t.utc = false;
	} else if (!w->t.utc && w->zone == NULL && c->home == NULL) {
		t = w->t; /* floating, and nobody knows where */
	}
	if (h->no_z)
		t.utc = false;
	return t;
}

static bool
put_time(struct cal *c, struct pim_comp *to, const char *name,
	 struct pim_time t)
{
	struct slice v = pim_time_text(c->a, t);

	return v.p != NULL && pim_comp_put(c->a, to, name, v);
}

/* ---- DTSTART, DTEND, DUE
 * -------------------------------------------------------- */

static bool
put_day_end(struct cal *c, struct pim_comp *to, const struct cal_when *start,
	    const struct cal_when *end)
{
	int64_t after = end->t.date ? end->t.wall : start->t.wall + PIM_DAY_S;
	struct pim_time t = { .wall = after };
	struct slice v;
	char text[PIM_TIME_TEXT];

	if (t.wall <= start->t.wall)
		t.wall = start->t.wall + PIM_DAY_S;
	if (c->rules & PIM_RULE_ALLDAY_SAME_DAY)
		t.wall -= 1;
	if ((c->rules & PIM_RULE_ALLDAY_2400) == 0 ||
	    (c->rules & PIM_RULE_ALLDAY_SAME_DAY) != 0)
		return put_time(c, to, "DTEND", t);
	t.wall -= PIM_DAY_S;
	t.date = true;
	(void)pim_time_put(t, text);
	v = arena_printf(c->a, "%sT240000", text);
	return v.p != NULL && pim_comp_put(c->a, to, "DTEND", v);
}

static bool
put_times(struct cal *c, const struct how *h, const struct pim_comp *main,
	  struct pim_comp *to, const struct cal_when *start)
{
	bool todo = cal_is_todo(main);
	struct cal_when own;
	struct cal_when end;
	bool has_end = cal_end(c, main, start, &end);

	end.t.wall += has_end ? h->moved * PIM_DAY_S : 0;
	if (cal_when_get(c, main, "DTSTART", &own)) {
		own.t.wall += h->moved * PIM_DAY_S;
		if (!put_time(c, to, "DTSTART", form_time(c, h, &own)))
			return false;
		if (!has_end)
			end = own;
	} else if (!has_end) {
		return true;
	}
	if (todo)
		return !has_end ||
		       put_time(c, to, "DUE", form_time(c, h, &end));
	if (start->t.date)
		return put_day_end(c, to, start, &end);
	return put_time(c, to, "DTEND", form_time(c, h, &end));
}

/* ---- rules
 * ---------------------------------------------------------------------- */

/* Weekdays on the device's clock, where that is a day off. */
static bool
shift_days(struct pim_recur *r, int64_t shift)
{
	if (shift == 0)
		return true;
	if (r->freq == PIM_DAILY && r->day_n == 0 && r->mday.n == 0)
		return true;
	if (r->mday.n > 0 || r->yday.n > 0 || r->month.n > 0 || r->week.n > 0 ||
	    r->setpos.n > 0)
		return false;
	for (size_t i = 0; i < r->day_n; i++) {
		if (r->day[i].pos != 0)
			return false;
		r->day[i].day = (int16_t)((r->day[i].day + shift + 7) % 7);
	}
	return r->freq == PIM_WEEKLY || r->freq == PIM_DAILY;
}

/* Is it midnight where the start is not? */
static bool
midnight(int64_t wall, int64_t start)
{
	return wall == pim_day_of(wall) * PIM_DAY_S &&
	       start != pim_day_of(start) * PIM_DAY_S;
}

/*
 * An end that looks like midnight is read as the whole of the day that begins:
 * it goes out as the second before, or behind where that is an occurrence.
 */
static struct pim_time
not_midnight(struct cal *c, const struct how *h, const struct cal_when *start,
	     const struct cal_when *end)
{
	struct pim_time b = form_time(c, h, start);
	struct pim_time t = form_time(c, h, end);
	bool day = midnight(t.wall, b.wall);

	if (t.utc && c->home != NULL)
		day = day || midnight(pim_zone_to_wall(c->home, t.wall),
				      pim_zone_to_wall(c->home, b.wall));
	if (day)
		t.wall +=
		    (end->t.wall - start->t.wall) % PIM_DAY_S == 0 ? 1 : -1;
	return t;
}

/* The last occurrence as the device is to read it. */
static bool
end_date(struct cal *c, const struct how *h, const struct pim_recur *r,
	 const struct cal_when *start, struct pim_time *out)
{
	struct cal_when w = *start;
	int64_t until = cal_until_wall(r, start, c->home);

	if (r->has_until && (r->until.date || start->t.date)) {
		w.t.wall = until;
		w.t.date = false;
		if (start->t.date) /* as DTSTART's time */
			w.t.wall = pim_day_of(until) * PIM_DAY_S;
		w.t.wall += h->moved * PIM_DAY_S;
		if (start->t.date)
			*out = (struct pim_time){ .wall = w.t.wall };
		else
			*out = form_time(c, h, &w);
		return true;
	}
	if (r->has_until)
		w.t.wall = until;
	else if (!pim_recur_last(c->a, r, start->t, INT64_MAX, &w.t.wall))
		return false;
	w.t.wall += h->moved * PIM_DAY_S;
	*out = not_midnight(c, h, start, &w);
	return true;
}

static bool
put_rule(struct cal *c, const struct how *h, const struct pim_prop *p,
	 struct pim_comp *to, const struct cal_when *start)
{
	enum pim_recur_old_end how = (c->rules & PIM_RULE_RRULE_UNTIL) != 0
					 ? PIM_OLD_UNTIL
					 : PIM_OLD_COUNT;
	struct pim_recur *r = ARENA_NEW(c->a, struct pim_recur);
	struct pim_time local = form_time(c, h, start);
	struct pim_time until;
	struct slice text;
	bool has_end = false;

	if (r == NULL)
		return false;
	if (!pim_recur_parse(p->value, r))
		return true;
	if (pim_recur_old_needs_end(r, how))
		has_end = end_date(c, h, r, start, &until);
	if (!shift_days(r, h->shift))
		return true; /* not to be said on this clock */
	text = pim_recur_old_text(c->a, r, local, has_end ? &until : NULL, how);
	if (text.p == NULL)
		return false;
	return text.n == 0 ||
	       pim_comp_put(c->a, to,
			    slice_is(p->name, "EXRULE") ? "EXRULE" : "RRULE",
			    text);
}

/* EXDATE and RDATE: one property, ';' between (RAW: written as it is). */
static bool
put_dates(struct cal *c, const struct how *h, const struct pim_comp *main,
	  struct pim_comp *to, const char *name, const struct cal_when *start,
	  const int64_t *more, size_t more_n)
{
	struct buf b = BUF_IN(c->a);
	struct cal_when w = *start;
	int64_t *walls;
	size_t n;

	if (!cal_dates(c, main, name, start, &walls, &n))
		return false;
	for (size_t i = 0; i < n + more_n; i++) {
		struct pim_time t;
		char text[PIM_TIME_TEXT];

		w.t.wall = i < n ? walls[i] : more[i - n];
		t = form_time(c, h, &w);
		if (i > 0)
			buf_byte(&b, ';');
		buf_add(&b, (struct slice){ text, pim_time_put(t, text) });
	}
	if (!buf_ok(&b))
		return false;
	return b.n == 0 || pim_comp_put(c->a, to, name, buf_slice(&b));
}

/* A changed instance cannot travel with its series: it is an exception there.
 */
static bool
instance_dates(struct cal *c, const struct pim_item *it,
	       const struct pim_comp *main, const struct cal_when *start,
	       int64_t **out, size_t *n)
{
	size_t max = 0;

	*n = 0;
	*out = NULL;
	for (const struct pim_comp *k = it->root->kids; k != NULL; k = k->next)
		max += k != main && slice_eq(k->name, main->name);
	if (max == 0 || max > CAL_OVERRIDES_MAX)
		return true;
	*out = ARENA_ARRAY(c->a, max, int64_t);
	if (*out == NULL)
		return false;
	for (const struct pim_comp *k = it->root->kids; k != NULL;
	     k = k->next) {
		struct cal_when w;

		if (k == main || !slice_eq(k->name, main->name) ||
		    !cal_when_get(c, k, "RECURRENCE-ID", &w))
			continue;
		w = cal_at(cal_utc(&w, c->home), start, c->home);
		(*out)[(*n)++] = w.t.wall;
	}
	return true;
}

/* ---- the other properties
 * ---------------------------------------------------------- */

static bool
skip_prop(const struct cal *c, const struct pim_prop *p)
{
	static const char *const done[] = {
		"DTSTART", "DTEND", "DUE", "DURATION", "RRULE",   "EXRULE",
		"EXDATE",  "RDATE", "TZ",  "DAYLIGHT", "DTSTAMP", "X-LIC-ERROR",
	};
	/* iCalendar only: sent if the device listed them */
	static const char *const newer[] = {
		"PERCENT-COMPLETE", "COMMENT", "CONTACT",
		"REQUEST-STATUS",   "GEO",
	};

	for (size_t i = 0; i < sizeof(done) / sizeof(done[0]); i++) {
		if (slice_is(p->name, done[i]))
			return true;
	}
	for (size_t i = 0; i < sizeof(newer) / sizeof(newer[0]); i++) {
		if (slice_is(p->name, newer[i]))
			return !lists(c, newer[i]);
	}
	return slice_is(p->name, "X-EPOCAGENDAENTRYTYPE");
}

static bool
is_stamp(const struct pim_prop *p)
{
	return slice_is(p->name, "COMPLETED") || slice_is(p->name, "CREATED") ||
	       slice_is(p->name, "LAST-MODIFIED");
}

static bool
rewrite(struct cal *c, const struct how *h, struct pim_prop *p)
{
	struct cal_when w;
	uint32_t local = PIM_RULE_LOCAL | PIM_RULE_Z_IS_LOCAL;
	struct how single = *h;
	bool stamp = is_stamp(p);

	if (slice_is(p->name, "CREATED"))
		p->name = SLICE_LIT("DCREATED");
	else if (slice_is(p->name, "X-VCAL-RRULE"))
		p->name = SLICE_LIT("RRULE");
	else if (slice_is(p->name, "X-VCAL-EXRULE"))
		p->name = SLICE_LIT("EXRULE");
	p->def = pim_pdef_find(p->name);
	if (!stamp && !slice_is(p->name, "RECURRENCE-ID"))
		return true;
	if (!cal_when_value(c, p, p->value, &w))
		return true;
	if (stamp && (c->rules & local) == 0 && !h->no_z)
		single.utc = true; /* stamps with Z from old phones, too */
	p->params = NULL;
	p->value = pim_time_text(c->a, form_time(c, &single, &w));
	return p->value.p != NULL;
}

static bool
put_others(struct cal *c, const struct how *h, const struct pim_comp *main,
	   struct pim_comp *to)
{
	bool own_uid =
	    !lists(c, "RECURRENCE-ID") && !lists(c, "X-RECURRENCE-ID");
	bool todo = cal_is_todo(main);
	struct pim_prop **tail = &to->props;
	bool nomem = false;

	while (*tail != NULL)
		tail = &(*tail)->next;
	for (const struct pim_prop *q = main->props; q != NULL; q = q->next) {
		struct pim_prop *p;

		if (skip_prop(c, q))
			continue;
		if (slice_is(q->name, "RECURRENCE-ID") && own_uid)
			continue;
		p = pim_prop_copy(c->a, q);
		if (p == NULL || !rewrite(c, h, p))
			return false;
		if (slice_is(p->name, "UID") && own_uid &&
		    !cal_old_uid_write(c, main, p))
			return false;
		if (slice_is(p->name, "RECURRENCE-ID") &&
		    !lists(c, "RECURRENCE-ID")) {
			p->name = SLICE_LIT("X-RECURRENCE-ID");
			p->def = pim_pdef_find(p->name);
		}
		p = cal_old_word_write(c->a, todo, p, &nomem);
		if (nomem)
			return false;
		if (p == NULL)
			continue;
		*tail = p;
		tail = &p->next;
	}
	return true;
}

/* ---- marks that some devices want
 * --------------------------------------------------- */

static const char *
epoc_type(struct cal *c, const struct pim_comp *main,
	  const struct cal_when *start)
{
	struct slice rule = pim_prop_value(main, "RRULE");
	struct cal_when end;

	if (cal_is_todo(main))
		return "TODO";
	if (start->t.date)
		return slice_find_str(rule, "FREQ=YEARLY") != SIZE_MAX
			   ? "ANNIVERSARY"
			   : "EVENT";
	return cal_end(c, main, start, &end) ? "APPOINTMENT" : "REMINDER";
}

/* What the device said once, as long as it still is true. */
static bool
epoc_still(struct slice was, const char *now)
{
	bool day = slice_is(was, "EVENT") || slice_is(was, "ANNIVERSARY");
	bool is_day = now[0] == 'E' || (now[0] == 'A' && now[1] == 'N');

	return was.n > 0 && day == is_day &&
	       slice_is(was, "TODO") == (now[0] == 'T');
}

static bool
put_marks(struct cal *c, const struct pim_comp *main, struct pim_comp *to,
	  const struct cal_when *start)
{
	struct slice was = pim_prop_value(main, "X-EPOCAGENDAENTRYTYPE");
	const char *type = epoc_type(c, main, start);
	bool day = start->t.date;

	if (epoc_still(was, type)) {
		if (!pim_comp_put(c->a, to, "X-EPOCAGENDAENTRYTYPE", was))
			return false;
	} else if ((c->rules & PIM_RULE_EPOC) != 0 ||
		   lists(c, "X-EPOCAGENDAENTRYTYPE")) {
		if (!pim_comp_put(c->a, to, "X-EPOCAGENDAENTRYTYPE",
				  slice_c(type)))
			return false;
	}
	if (cal_is_todo(main))
		return true;
	if (lists(c, "X-FUNAMBOL-ALLDAY") &&
	    !pim_comp_put(c->a, to, "X-FUNAMBOL-ALLDAY",
			  day ? SLICE_LIT("1") : SLICE_LIT("0")))
		return false;
	return !lists(c, "X-MICROSOFT-CDO-ALLDAYEVENT") ||
	       pim_comp_put(c->a, to, "X-MICROSOFT-CDO-ALLDAYEVENT",
			    day ? SLICE_LIT("TRUE") : SLICE_LIT("FALSE"));
}

/* ---- dates before 1980
 * ------------------------------------------------------------ */

/* A series starts at its first occurrence that the device can have, anything
   else on the first day that it knows. */
static int64_t
move_1980(struct cal *c, const struct pim_comp *main,
	  const struct cal_when *start)
{
	struct pim_recur *r;
	int64_t day = pim_day_of(start->t.wall);
	int64_t wall;

	if ((c->rules & PIM_RULE_NO_1980) == 0 || day >= day_1980)
		return 0;
	r = ARENA_NEW(c->a, struct pim_recur);
	if (r != NULL && pim_recur_parse(pim_prop_value(main, "RRULE"), r) &&
	    r->count == 0 &&
	    pim_recur_next(c->a, r, start->t, cal_until_wall(r, start, c->home),
			   day_1980 * PIM_DAY_S, &wall))
		return pim_day_of(wall) - day;
	return day_1980 - day;
}

/* ---- the whole
 * ---------------------------------------------------------------------- */

/* The last instant for which summer times are told: four years at most. */
static int64_t
rule_end(struct cal *c, const struct pim_comp *main,
	 const struct cal_when *start, int64_t at)
{
	struct pim_recur *r = ARENA_NEW(c->a, struct pim_recur);
	int64_t far = at + 4 * (366 * PIM_DAY_S);
	int64_t last;

	if (r != NULL && pim_recur_parse(pim_prop_value(main, "RRULE"), r) &&
	    pim_recur_last(c->a, r, start->t, cal_until_wall(r, start, c->home),
			   &last) &&
	    last < far)
		return last;
	return far;
}

static bool
write_dated(struct cal *c, const struct pim_item *it,
	    const struct pim_comp *main, struct pim_comp *root,
	    struct pim_comp *to, const struct cal_when *given, struct how *h)
{
	struct cal_when start = *given;
	int64_t *more;
	size_t more_n;
	int64_t at;

	h->moved = move_1980(c, main, &start);
	h->shift = start.t.date ? 0
				: pim_day_of(form_time(c, h, &start).wall) -
				      pim_day_of(start.t.wall);
	if (!instance_dates(c, it, main, given, &more, &more_n))
		return false;
	at = cal_utc(&start, c->home) + h->moved * PIM_DAY_S;
	if (h->tell && !pim_zone_put_daylight(c->a, root, h->zone, at,
					      rule_end(c, main, given, at)))
		return false;
	start.t.wall += h->moved * PIM_DAY_S;
	if (!put_times(c, h, main, to, &start))
		return false;
	for (const struct pim_prop *p = main->props; p != NULL; p = p->next) {
		if ((slice_is(p->name, "RRULE") ||
		     slice_is(p->name, "EXRULE")) &&
		    !put_rule(c, h, p, to, given))
			return false;
	}
	return put_dates(c, h, main, to, "EXDATE", given, more, more_n) &&
	       put_dates(c, h, main, to, "RDATE", given, NULL, 0);
}

int
cal_old_write(struct cal *c, const struct pim_item *it, struct pim_comp **out,
	      struct err *e)
{
	const struct pim_comp *main = pim_cal_main(it);
	struct pim_comp *root = pim_comp_new(c->a, SLICE_LIT("VCALENDAR"));
	struct pim_comp *to;
	struct how h = { .utc = false };
	struct cal_when start;
	bool dated;
	bool utc;

	if (main == NULL)
		return err_set(e, ERR_BUG, "pim.calendar", "nothing to write");
	to = pim_comp_new(c->a, main->name);
	if (root == NULL || to == NULL ||
	    !pim_comp_put(c->a, root, "VERSION", SLICE_LIT("1.0")))
		return cal_nomem(e);
	dated = cal_when_get(c, main, "DTSTART", &start) ||
		cal_when_get(c, main, "DUE", &start);
	if (!dated)
		start = (struct cal_when){ .t = { .utc = true } };
	decide(c, main, &start, &h);
	if (dated && !write_dated(c, it, main, root, to, &start, &h))
		return cal_nomem(e);
	if (!put_others(c, &h, main, to) || !put_marks(c, main, to, &start) ||
	    c->nomem)
		return cal_nomem(e);
	utc = !h.no_z && ((h.utc && !start.t.date) ||
			  ((c->rules & PIM_RULE_ALARM_UTC) != 0 &&
			   (c->rules & PIM_RULE_Z_IS_LOCAL) == 0));
	/* no Z although UTC: local time of a clock that is UTC */
	c->told = h.no_z ? pim_zone_utc() : h.zone;
	start.t.wall += h.moved * PIM_DAY_S;
	if (cal_old_alarms_write(c, main, to, dated ? &start : NULL, utc, e) <
	    0)
		return -1;
	pim_comp_add_kid(root, to);
	*out = root;
	return 0;
}
