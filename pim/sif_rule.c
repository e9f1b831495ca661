/* Recurrence in SIF and RRULE. */
#include "pim/sif_int.h"

enum sif_recur_type {
	R_DAILY = 0,
	R_WEEKLY = 1,
	R_MONTHLY = 2,
	R_MONTH_NTH = 3,
	R_YEARLY = 5,
	R_YEAR_NTH = 6
};

enum { MASK_ALL = 127, LAST = 5, DATES_MAX = 1000 };

static const char day_names[7][3] = {
	"SU", "MO", "TU", "WE", "TH", "FR", "SA"
};

struct slice
sif_day(struct arena *a, int64_t wall)
{
	int y;
	int m;
	int d;

	pim_civil(pim_day_of(wall), &y, &m, &d);
	return arena_printf(a, "%04d-%02d-%02d", y, m, d);
}

/* ---- reading
 * -----------------------------------------------------------------
 */

static void
put_days(struct buf *b, int mask, char gap)
{
	for (int i = 0; i < 7; i++) {
		/* Monday first, as rules are written. */
		int day = (i + 1) % 7;

		if ((mask & (1 << day)) == 0)
			continue;
		if (b->n > 0)
			buf_byte(b, (unsigned char)gap);
		buf_str(b, day_names[day]);
	}
}

static struct slice
days(struct arena *a, int mask, char gap)
{
	struct buf b = BUF_IN(a);

	put_days(&b, mask, gap);
	return buf_slice(&b);
}

static bool
one_day(int mask)
{
	return mask > 0 && (mask & (mask - 1)) == 0;
}

/*
 * The end of a pattern is a day, written as that day's midnight on the
 * client's clock: what recurs later on that day is in.
 */
static struct slice
end_of(struct sif_in *in, const struct pim_zone *zone)
{
	struct pim_time t;

	if (!pim_time_parse(sif_text(in, "PatternEndDate"), &t) ||
	    sif_true(sif_text(in, "NoEndDate")))
		return SLICE_LIT("");
	if (t.utc && zone != NULL) {
		t.wall = pim_zone_to_wall(zone, t.wall);
		t.utc = false;
	}
	t.date = false;
	if (t.wall % PIM_DAY_S == 0)
		t.wall += PIM_DAY_S - 1;
	return pim_time_text(in->a, t);
}

struct told_rule {
	int type, interval, month, mday, mask, instance, count;
	struct slice end;
};

/* "#10", "20090601T235959" or both: the earlier one counts. */
static struct slice
bound(struct arena *a, const struct told_rule *r)
{
	if (r->count == 0 && r->end.n == 0)
		return SLICE_LIT("#0");
	if (r->count == 0)
		return r->end;
	return arena_printf(a, "#%d %.*s", r->count, SLICE_ARG(r->end));
}

/* The first working day and the like, which only the new grammar can say. */
static struct slice
set_rule(struct arena *a, const struct told_rule *r)
{
	struct buf b = BUF_IN(a);

	buf_printf(&b, "FREQ=%s;INTERVAL=%d",
		   r->type == R_YEAR_NTH ? "YEARLY" : "MONTHLY", r->interval);
	if (r->type == R_YEAR_NTH && r->month > 0)
		buf_printf(&b, ";BYMONTH=%d", r->month);
	buf_printf(&b, ";BYDAY=%.*s;BYSETPOS=%d",
		   SLICE_ARG(days(a, r->mask, ',')),
		   r->instance == LAST ? -1 : r->instance);
	if (r->count > 0)
		buf_printf(&b, ";COUNT=%d", r->count);
	else if (r->end.n > 0)
		buf_printf(&b, ";UNTIL=%.8s", r->end.p);
	return buf_ok(&b) ? buf_slice(&b) : (struct slice){ NULL, 0 };
}

static struct slice
nth_rule(struct arena *a, const struct told_rule *r)
{
	int months = r->type == R_YEAR_NTH ? r->interval * 12 : r->interval;
	struct slice end = bound(a, r);
	char sign = r->instance == LAST ? '-' : '+';
	int nth = r->instance == LAST ? 1 : r->instance;

	if (r->instance < 1 || r->instance > LAST || r->mask == 0)
		return arena_printf(a, "MP%d %.*s", months, SLICE_ARG(end));
	if (r->mask == MASK_ALL)
		return arena_printf(a, "MD%d %d%c %.*s", months, nth, sign,
				    SLICE_ARG(end));
	if (!one_day(r->mask))
		return set_rule(a, r);
	return arena_printf(a, "MP%d %d%c %.*s %.*s", months, nth, sign,
			    SLICE_ARG(days(a, r->mask, ' ')), SLICE_ARG(end));
}

/* In the grammar of vCalendar 1.0, which leaves out what the start says. */
static struct slice
rule_text(struct arena *a, const struct told_rule *r)
{
	struct slice end = bound(a, r);

	switch (r->type) {
	case R_DAILY:
		if (r->mask == 0 || r->mask == MASK_ALL)
			return arena_printf(a, "D%d %.*s", r->interval,
					    SLICE_ARG(end));
		/* every working day */
		return arena_printf(a, "W1 %.*s %.*s",
				    SLICE_ARG(days(a, r->mask, ' ')),
				    SLICE_ARG(end));
	case R_WEEKLY:
		return arena_printf(a, "W%d %.*s %.*s", r->interval,
				    SLICE_ARG(days(a, r->mask, ' ')),
				    SLICE_ARG(end));
	case R_MONTHLY:
		if (r->mday < 1 || r->mday > 31)
			return arena_printf(a, "MD%d %.*s", r->interval,
					    SLICE_ARG(end));
		return arena_printf(a, "MD%d %d %.*s", r->interval, r->mday,
				    SLICE_ARG(end));
	case R_YEARLY:
		if (r->month < 1 || r->month > 12)
			return arena_printf(a, "YM%d %.*s", r->interval,
					    SLICE_ARG(end));
		return arena_printf(a, "YM%d %d %.*s", r->interval, r->month,
				    SLICE_ARG(end));
	case R_MONTH_NTH:
	case R_YEAR_NTH:
		return nth_rule(a, r);
	default:
		return SLICE_LIT("");
	}
}

/* Days that are left out or come in addition. */
static void
read_dates(struct sif_in *in, const char *name, const char *prop)
{
	struct buf b = BUF_IN(in->a);
	size_t n;
	const struct sif_el *el = sif_all(in, slice_c(name), &n);

	for (size_t i = 0; i < n && i < DATES_MAX; i++) {
		char text[PIM_TIME_TEXT];
		struct pim_time t;

		if (!pim_time_parse(slice_trim(el[i].el.text), &t))
			continue;
		if (b.n > 0)
			buf_byte(&b, ';');
		buf_add(&b, (struct slice){ text, pim_time_put(t, text) });
	}
	if (b.n > 0)
		(void)sif_add(in, slice_c(prop), buf_slice(&b));
	in->nomem = in->nomem || !buf_ok(&b);
}

void
sif_read_rule(struct sif_in *in, const struct pim_zone *zone, unsigned *told)
{
	bool is = sif_true(sif_text(in, "IsRecurring"));
	struct told_rule r = {
		.type = sif_number(sif_text(in, "RecurrenceType"), -1),
		.interval = sif_number(sif_text(in, "Interval"), 1),
		.month = sif_number(sif_text(in, "MonthOfYear"), 0),
		.mday = sif_number(sif_text(in, "DayOfMonth"), 0),
		.mask = sif_number(sif_text(in, "DayOfWeekMask"), 0) & MASK_ALL,
		.instance = sif_number(sif_text(in, "Instance"), 0),
		.count = sif_number(sif_text(in, "Occurrences"), 0),
	};

	if (sif_has(in, "IsRecurring"))
		*told |= PIM_TOLD_RULE;
	(void)sif_has(in, "PatternStartDate"); /* the start's day */
	if (sif_has(in, "Exceptions") || sif_has(in, "ExcludeDate") ||
	    sif_has(in, "IncludeDate"))
		*told |= PIM_TOLD_DATES;
	if (sif_true(sif_text(in, "NoEndDate")))
		r.count = 0;
	r.end = end_of(in, zone);
	if (!is)
		return;
	/* Some count the months of a year. */
	if ((r.type == R_YEARLY || r.type == R_YEAR_NTH) &&
	    r.interval % 12 == 0)
		r.interval /= 12;
	if (r.interval < 1)
		r.interval = 1;
	(void)sif_add(in, SLICE_LIT("RRULE"), rule_text(in->a, &r));
	read_dates(in, "ExcludeDate", "EXDATE");
	read_dates(in, "IncludeDate", "RDATE");
}

/* ---- writing
 * -----------------------------------------------------------------
 */

/* The days as a mask; false: some have a position. */
static bool
mask_of(const struct pim_recur *r, int *mask)
{
	*mask = 0;
	for (size_t i = 0; i < r->day_n; i++) {
		if (r->day[i].pos != 0)
			return false;
		*mask |= 1 << (r->day[i].day + 1) % 7;
	}
	return true;
}

static bool
instance_of(int pos, int *out)
{
	*out = pos == -1 ? LAST : pos;
	return pos == -1 || (pos >= 1 && pos < LAST) || pos == LAST;
}

/* The n-th weekday of a month. */
static bool
nth_of(const struct pim_recur *r, struct told_rule *out)
{
	if (r->mday.n > 0)
		return false;
	if (r->setpos.n == 1)
		return mask_of(r, &out->mask) &&
		       instance_of(r->setpos.v[0], &out->instance);
	if (r->setpos.n > 0 || r->day_n != 1)
		return false;
	out->mask = 1 << (r->day[0].day + 1) % 7;
	return r->day[0].pos != 0 && instance_of(r->day[0].pos, &out->instance);
}

static bool
month_of(const struct pim_recur *r, int start_day, struct told_rule *out)
{
	if (r->month.n > 0)
		return false;
	if (r->day_n > 0) {
		out->type = R_MONTH_NTH;
		return nth_of(r, out);
	}
	if (r->mday.n > 1 || r->setpos.n > 0)
		return false;
	out->type = R_MONTHLY;
	out->mday = r->mday.n == 0 ? start_day : r->mday.v[0];
	if (out->mday == -1) {
		out->type = R_MONTH_NTH;
		out->mday = 0;
		out->mask = MASK_ALL;
		out->instance = LAST;
	}
	return out->mday >= 0;
}

static bool
year_of(const struct pim_recur *r, int month, int day, struct told_rule *out)
{
	if (r->month.n > 1 || r->setpos.n > 1)
		return false;
	out->month = r->month.n == 0 ? month : r->month.v[0];
	if (r->day_n > 0) {
		out->type = R_YEAR_NTH;
		/* without a month they are counted in the year */
		return r->month.n == 1 && nth_of(r, out);
	}
	out->type = R_YEARLY;
	out->mday = r->mday.n == 0 ? day : r->mday.v[0];
	return r->mday.n <= 1 && out->mday == day && out->month == month;
}

static bool
told_of(const struct pim_recur *r, const struct pim_time *start,
	struct told_rule *out)
{
	int64_t at = pim_day_of(start->wall);
	int y;
	int m;
	int d;

	pim_civil(at, &y, &m, &d);
	*out = (struct told_rule){ .interval = (int)r->interval };
	if (r->yday.n > 0 || r->week.n > 0 || r->hour.n > 0 ||
	    r->minute.n > 0 || r->second.n > 0 || r->interval > 1000)
		return false;
	switch (r->freq) {
	case PIM_DAILY:
		out->type = R_DAILY;
		return r->day_n == 0 && r->mday.n == 0 && r->month.n == 0 &&
		       r->setpos.n == 0;
	case PIM_WEEKLY:
		out->type = R_WEEKLY;
		if (r->setpos.n > 0 || r->mday.n > 0 || r->month.n > 0 ||
		    !mask_of(r, &out->mask))
			return false;
		if (out->mask == 0)
			out->mask = 1 << (pim_weekday(at) + 1) % 7;
		return true;
	case PIM_MONTHLY:
		return month_of(r, d, out);
	case PIM_YEARLY:
		return year_of(r, m, d, out);
	default:
		return false;
	}
}

static struct slice
as_written(struct sif_out *o, const struct pim_time *t, bool all_day)
{
	struct slice s = all_day || t->date ? sif_day(o->a, t->wall)
					    : pim_time_text(o->a, *t);

	o->nomem = o->nomem || s.p == NULL;
	return s;
}

bool
sif_write_rule(struct sif_out *o, const struct pim_recur *r,
	       const struct pim_time *start, bool all_day)
{
	struct pim_recur same = *r;
	struct told_rule t;

	pim_recur_simplify(&same, *start);
	if (!told_of(&same, start, &t))
		return false;
	sif_put_c(o, "IsRecurring", "1");
	sif_put_number(o, "RecurrenceType", t.type);
	sif_put_number(o, "Interval", t.interval);
	sif_put_number(o, "MonthOfYear", t.month);
	sif_put_number(o, "DayOfMonth", t.mday);
	sif_put_number(o, "DayOfWeekMask", t.mask);
	sif_put_number(o, "Instance", t.instance);
	sif_put(o, SLICE_LIT("PatternStartDate"),
		as_written(o, start, all_day));
	sif_put_c(o, "NoEndDate", r->count == 0 && !r->has_until ? "1" : "0");
	sif_put(o, SLICE_LIT("PatternEndDate"),
		r->has_until ? as_written(o, &r->until, all_day)
			     : SLICE_LIT(""));
	sif_put_number(o, "Occurrences", r->count);
	return true;
}

void
sif_write_no_rule(struct sif_out *o)
{
	sif_put_c(o, "IsRecurring", "0");
}
