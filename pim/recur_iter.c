/*
 * Expansion: period by period (day, week, month, year), the days of a period
 * are tested one by one against the rule's filters. Each tested day and each
 * period costs a step of the budget, so impossible rules end soon. Below the
 * day a period is an hour or a minute, and days that do not fit are skipped.
 */
#include "pim/recur.h"

#include <stdlib.h>

enum {
	YEAR_MAX = 9999,
	YEAR_DAYS = 383,
	MONTH_DAYS = 31,
	HOUR_S = 3600,
	MINUTE_S = 60,
};

struct span { /* days of one period, [from, to) */
	int64_t from;
	int64_t to;
};

static size_t
or_one(size_t n)
{
	return n == 0 ? 1 : n;
}

/* Has it parts that leave some of its periods out? */
static bool
leaves_out(const struct pim_recur *r)
{
	return r->month.n + r->mday.n + r->yday.n + r->day_n + r->hour.n +
		   r->minute.n + r->second.n + r->setpos.n >
	       0;
}

/* So that a look ahead of some hours is bounded. To walk to the n-th of those
   that something leaves out would not be. */
static bool
rare_enough(const struct pim_recur *r)
{
	uint64_t in_hour = or_one(r->second.n);

	if (r->freq == PIM_SECONDLY || r->week.n > 0 ||
	    (r->count > 0 && leaves_out(r)))
		return false;
	if (r->freq == PIM_HOURLY)
		return in_hour * or_one(r->minute.n) <= PIM_RECUR_HOUR_MAX;
	return in_hour * MINUTE_S <= (uint64_t)PIM_RECUR_HOUR_MAX * r->interval;
}

bool
pim_recur_can_expand(const struct pim_recur *r)
{
	if (r->freq < PIM_DAILY)
		return rare_enough(r);
	return or_one(r->hour.n) * or_one(r->minute.n) * or_one(r->second.n) <=
	       24;
}

static int
by_tod(const void *x, const void *y)
{
	const int32_t *p = x;
	const int32_t *q = y;

	return (*p > *q) - (*p < *q);
}

/* The times of a day; of an hour, of a minute where that is the period. */
static void
times_of_day(struct pim_recur_iter *it, int32_t own)
{
	const struct pim_recur *r = it->r;
	bool hours = r->freq >= PIM_DAILY;
	bool minutes = r->freq >= PIM_HOURLY;
	size_t hn = hours ? or_one(r->hour.n) : 1;
	size_t mn = minutes ? or_one(r->minute.n) : 1;
	size_t sn = or_one(r->second.n);

	for (size_t i = 0; i < hn * mn * sn; i++) {
		size_t hi = i / (mn * sn);
		size_t mi = i / sn % mn;
		size_t si = i % sn;
		int32_t h = !hours           ? 0
			    : r->hour.n == 0 ? own / HOUR_S
					     : r->hour.v[hi];
		int32_t m = !minutes           ? 0
			    : r->minute.n == 0 ? own / MINUTE_S % 60
					       : r->minute.v[mi];
		int32_t s = r->second.n == 0 ? own % 60 : r->second.v[si];

		it->tod[it->tod_n++] = h * 3600 + m * 60 + (s > 59 ? 59 : s);
	}
	qsort(it->tod, it->tod_n, sizeof(it->tod[0]), by_tod);
}

bool
pim_recur_iter_init(struct arena *a, struct pim_recur_iter *it,
		    const struct pim_recur *r, struct pim_time start,
		    int64_t until_wall)
{
	memset(it, 0, sizeof(*it));
	if (!pim_recur_can_expand(r))
		return false;
	it->r = r;
	it->start = start;
	it->until = until_wall;
	it->first_due = true;
	times_of_day(
	    it, (int32_t)(start.wall - pim_day_of(start.wall) * PIM_DAY_S));
	it->buf = ARENA_ARRAY(a,
			      it->tod_n * (r->freq == PIM_YEARLY  ? YEAR_DAYS
					   : r->freq >= PIM_DAILY ? MONTH_DAYS
								  : 1),
			      int64_t);
	return it->buf != NULL;
}

/* ---- periods --------------------------------------------------------------
 */

static int64_t
week_start(int64_t day, int wkst)
{
	return day - (pim_weekday(day) - wkst + 7) % 7;
}

/* First day of week 1: the week with at least four days of the year. */
static int64_t
week_one(int year, int wkst)
{
	return week_start(pim_days(year, 1, 4), wkst);
}

static int
year_of(int64_t day)
{
	int y;
	int m;
	int d;

	pim_civil(day, &y, &m, &d);
	return y;
}

static int
start_year(const struct pim_recur_iter *it)
{
	int64_t day = pim_day_of(it->start.wall);
	int y = year_of(day);

	if (it->r->week.n == 0)
		return y;
	/* by weeks, the first days of January may belong to the year before */
	if (day < week_one(y, it->r->wkst))
		return y - 1;
	return day >= week_one(y + 1, it->r->wkst) ? y + 1 : y;
}

/* The days of period number n; false: behind the last year. */
static bool
period_span(const struct pim_recur_iter *it, int64_t n, struct span *out)
{
	const struct pim_recur *r = it->r;
	int64_t day = pim_day_of(it->start.wall);
	int64_t step = n * r->interval;
	int64_t months;
	int y;
	int m;
	int d;

	if (step > 4000000)
		return false;
	pim_civil(day, &y, &m, &d);
	if (r->freq == PIM_DAILY) {
		out->from = day + step;
		out->to = out->from + 1;
	} else if (r->freq == PIM_WEEKLY) {
		out->from = week_start(day, r->wkst) + step * 7;
		out->to = out->from + 7;
	} else if (r->freq == PIM_MONTHLY) {
		months = (int64_t)y * 12 + m - 1 + step;
		if (months / 12 > YEAR_MAX)
			return false;
		y = (int)(months / 12);
		m = (int)(months % 12) + 1;
		out->from = pim_days(y, m, 1);
		out->to = out->from + pim_month_days(y, m);
	} else {
		int64_t year = start_year(it) + step;

		if (year > YEAR_MAX)
			return false;
		y = (int)year;
		out->from =
		    r->week.n > 0 ? week_one(y, r->wkst) : pim_days(y, 1, 1);
		out->to = r->week.n > 0 ? week_one(y + 1, r->wkst)
					: pim_days(y + 1, 1, 1);
	}
	return year_of(out->from) <= YEAR_MAX;
}

/* ---- filters --------------------------------------------------------------
 */

struct day {
	int64_t no;
	int year, month, mday, dim; /* dim: days in the month */
	int wday;
};

static bool
in_list(const struct pim_recur_list *l, int v, int from_end)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->v[i] == v || l->v[i] == from_end)
			return true;
	}
	return false;
}

static bool
nth_matches(int pos, int index, int total)
{
	return pos > 0 ? index / 7 + 1 == pos
		       : (total - 1 - index) / 7 + 1 == -pos;
}

static bool
weekday_ok(const struct pim_recur *r, const struct day *d)
{
	bool in_year = r->freq == PIM_YEARLY && r->month.n == 0;
	bool counted =
	    (r->freq == PIM_MONTHLY || r->freq == PIM_YEARLY) && r->week.n == 0;
	int index = d->mday - 1;
	int total = d->dim;

	if (in_year) {
		int64_t jan1 = pim_days(d->year, 1, 1);

		index = (int)(d->no - jan1);
		total = (int)(pim_days(d->year + 1, 1, 1) - jan1);
	}
	for (size_t i = 0; i < r->day_n; i++) {
		if (r->day[i].day != d->wday)
			continue;
		if (r->day[i].pos == 0 || !counted ||
		    nth_matches(r->day[i].pos, index, total))
			return true;
	}
	return false;
}

static bool
year_parts_ok(const struct pim_recur *r, const struct day *d,
	      const struct span *s)
{
	if (r->yday.n > 0) {
		int64_t jan1 = pim_days(d->year, 1, 1);
		int total = (int)(pim_days(d->year + 1, 1, 1) - jan1);
		int v = (int)(d->no - jan1) + 1;

		if (!in_list(&r->yday, v, v - total - 1))
			return false;
	}
	if (r->week.n > 0 && r->freq == PIM_YEARLY) {
		int week = (int)(d->no - s->from) / 7 + 1;
		int total = (int)(s->to - s->from) / 7;

		if (!in_list(&r->week, week, week - total - 1))
			return false;
	}
	return true;
}

/* What the rule leaves out comes from DTSTART. */
static bool
defaults_ok(const struct pim_recur_iter *it, const struct day *d)
{
	const struct pim_recur *r = it->r;
	int64_t start = pim_day_of(it->start.wall);
	int y;
	int m;
	int mday;

	if (r->day_n > 0 || r->mday.n > 0 || r->yday.n > 0 ||
	    r->freq <= PIM_DAILY)
		return true;
	if (r->freq == PIM_WEEKLY || r->week.n > 0)
		return d->wday == pim_weekday(start);
	pim_civil(start, &y, &m, &mday);
	if (d->mday != mday)
		return false;
	return r->freq == PIM_MONTHLY || r->month.n > 0 || d->month == m;
}

static bool
day_ok(const struct pim_recur_iter *it, const struct span *s,
       const struct day *d)
{
	const struct pim_recur *r = it->r;

	if (r->month.n > 0 && !in_list(&r->month, d->month, d->month))
		return false;
	if (r->mday.n > 0 && !in_list(&r->mday, d->mday, d->mday - d->dim - 1))
		return false;
	if (r->day_n > 0 && !weekday_ok(r, d))
		return false;
	return year_parts_ok(r, d, s) && defaults_ok(it, d);
}

/* ---- one period ------------------------------------------------------------
 */

static void
add_day(struct pim_recur_iter *it, int64_t day)
{
	for (size_t i = 0; i < it->tod_n; i++)
		it->buf[it->buf_n++] = day * PIM_DAY_S + it->tod[i];
}

static void
scan(struct pim_recur_iter *it, const struct span *s)
{
	const struct pim_recur *r = it->r;
	struct day d = { .no = s->from };

	pim_civil(d.no, &d.year, &d.month, &d.mday);
	d.dim = pim_month_days(d.year, d.month);
	d.wday = pim_weekday(d.no);
	while (d.no < s->to) {
		bool skip_month = d.mday == 1 && r->month.n > 0 &&
				  r->freq == PIM_YEARLY &&
				  !in_list(&r->month, d.month, d.month);
		int by = skip_month ? d.dim : 1;

		it->steps++;
		if (!skip_month && day_ok(it, s, &d))
			add_day(it, d.no);
		d.no += by;
		d.wday = (d.wday + by) % 7;
		d.mday += by;
		if (d.mday > d.dim) {
			d.mday = 1;
			d.month = d.month == 12 ? 1 : d.month + 1;
			d.year += d.month == 1 ? 1 : 0;
			d.dim = pim_month_days(d.year, d.month);
		}
	}
}

static void
keep_positions(struct pim_recur_iter *it)
{
	const struct pim_recur_list *l = &it->r->setpos;
	size_t n = 0;

	for (size_t i = 0; i < it->buf_n; i++) {
		if (in_list(l, (int)i + 1, (int)i - (int)it->buf_n))
			it->buf[n++] = it->buf[i];
	}
	it->buf_n = n;
}

/* ---- below the day ---------------------------------------------------------
 */

/* Seconds of an hour or a minute; and from one of the rule's to the next. */
static int64_t
unit_of(const struct pim_recur *r)
{
	return r->freq == PIM_HOURLY ? HOUR_S : MINUTE_S;
}

static int64_t
stride_of(const struct pim_recur *r)
{
	return unit_of(r) * r->interval;
}

/* The beginning of the hour or minute of DTSTART. */
static int64_t
origin_of(const struct pim_recur_iter *it)
{
	int64_t day = pim_day_of(it->start.wall) * PIM_DAY_S;

	return it->start.wall - (it->start.wall - day) % unit_of(it->r);
}

static bool
whole_day_ok(const struct pim_recur_iter *it, int64_t no)
{
	const struct span s = { no, no + 1 };
	struct day d = { .no = no, .wday = pim_weekday(no) };

	pim_civil(no, &d.year, &d.month, &d.mday);
	d.dim = pim_month_days(d.year, d.month);
	return day_ok(it, &s, &d);
}

static bool
clock_ok(const struct pim_recur *r, int64_t second)
{
	int h = (int)(second / HOUR_S);
	int m = (int)(second / MINUTE_S % 60);

	return (r->hour.n == 0 || in_list(&r->hour, h, h)) &&
	       (r->freq == PIM_HOURLY || r->minute.n == 0 ||
		in_list(&r->minute, m, m));
}

/* Fill buf with the next hour or minute that has something. */
static bool
fill_below(struct pim_recur_iter *it)
{
	const struct pim_recur *r = it->r;
	int64_t stride = stride_of(r);

	while (it->buf_n == 0) {
		int64_t wall = origin_of(it) + it->period++ * stride;
		int64_t day = pim_day_of(wall);
		int64_t left = (day + 1) * PIM_DAY_S - wall;

		if (wall > it->until || day > pim_days(YEAR_MAX, 12, 31))
			return false;
		if (it->steps++ > PIM_RECUR_STEP_MAX) {
			it->exhausted = true;
			return false;
		}
		if (!whole_day_ok(it, day)) {
			it->period += (left - 1) / stride;
			continue;
		}
		if (!clock_ok(r, wall - day * PIM_DAY_S))
			continue;
		for (size_t i = 0; i < it->tod_n; i++)
			it->buf[it->buf_n++] = wall + it->tod[i];
		if (r->setpos.n > 0)
			keep_positions(it);
	}
	return true;
}

/* ---- all of them -----------------------------------------------------------
 */

/* Fill buf with the next period that has something. */
static bool
fill(struct pim_recur_iter *it)
{
	it->buf_n = 0;
	it->buf_i = 0;
	if (it->r->freq < PIM_DAILY)
		return fill_below(it);
	while (it->buf_n == 0) {
		struct span s;

		if (!period_span(it, it->period++, &s) ||
		    (it->until != INT64_MAX && s.from > pim_day_of(it->until)))
			return false;
		if (it->steps++ > PIM_RECUR_STEP_MAX) {
			it->exhausted = true;
			return false;
		}
		scan(it, &s);
		if (it->r->setpos.n > 0)
			keep_positions(it);
	}
	return true;
}

static bool
emit(struct pim_recur_iter *it, int64_t v, int64_t *wall)
{
	if (v > it->until ||
	    (it->r->count > 0 && it->emitted >= it->r->count)) {
		it->done = true;
		return false;
	}
	it->emitted++;
	*wall = v;
	return true;
}

bool
pim_recur_iter_next(struct pim_recur_iter *it, int64_t *wall)
{
	if (it->done)
		return false;
	if (it->first_due) {
		it->first_due = false;
		/* an UNTIL before DTSTART leaves DTSTART alone */
		it->emitted = 1;
		*wall = it->start.wall;
		return true;
	}
	for (;;) {
		int64_t v;

		if (it->buf_i >= it->buf_n && !fill(it)) {
			it->done = true;
			return false;
		}
		v = it->buf[it->buf_i++];
		if (v > it->start.wall)
			return emit(it, v, wall);
	}
}

/* Which period is `wall` in, from that of DTSTART on? */
static int64_t
period_of(const struct pim_recur_iter *it, int64_t wall)
{
	static const int64_t days[] = { 0, 0, 0, 1, 7, 31, 366 };
	const struct pim_recur *r = it->r;

	if (r->freq < PIM_DAILY)
		return (wall - origin_of(it)) / stride_of(r);
	return (pim_day_of(wall) - pim_day_of(it->start.wall)) /
	       (days[r->freq] * r->interval);
}

void
pim_recur_iter_seek(struct pim_recur_iter *it, int64_t wall)
{
	int64_t n;

	if (wall <= it->start.wall ||
	    (it->r->count > 0 && it->r->freq >= PIM_DAILY))
		return;
	/* one period early: weeks and months begin before DTSTART */
	n = period_of(it, wall) - 1;
	if (n <= it->period)
		return;
	/* Below the day a rule that counts leaves nothing out. */
	if (it->r->count > 0)
		it->emitted = n < it->r->count ? (uint32_t)n : it->r->count;
	it->first_due = false;
	it->period = n;
	it->buf_n = 0;
	it->buf_i = 0;
}

bool
pim_recur_next(struct arena *a, const struct pim_recur *r,
	       struct pim_time start, int64_t until_wall, int64_t from,
	       int64_t *out)
{
	struct pim_recur_iter it;
	int64_t v;

	if (!pim_recur_iter_init(a, &it, r, start, until_wall))
		return false;
	pim_recur_iter_seek(&it, from);
	while (pim_recur_iter_next(&it, &v)) {
		if (v >= from) {
			*out = v;
			return true;
		}
	}
	return false;
}

/* The end of a rule with COUNT: walk there. */
static bool
last_counted(struct pim_recur_iter *it, int64_t *out)
{
	int64_t v;

	if (it->r->count > PIM_RECUR_OCCUR_MAX)
		return false;
	while (pim_recur_iter_next(it, &v))
		*out = v;
	return !it->exhausted;
}

/* The end of a rule with UNTIL: look back from there, further each time. */
bool
pim_recur_last(struct arena *a, const struct pim_recur *r,
	       struct pim_time start, int64_t until_wall, int64_t *out)
{
	static const int64_t back[] = { 3, 40, 400, 3000, 40000 };
	struct pim_recur_iter it;

	if (!pim_recur_iter_init(a, &it, r, start, until_wall))
		return false;
	if (r->count > 0)
		return last_counted(&it, out);
	if (until_wall == INT64_MAX)
		return false;
	for (size_t i = 0; i < sizeof(back) / sizeof(back[0]); i++) {
		int64_t from = until_wall - back[i] * r->interval * PIM_DAY_S;
		bool some = false;
		bool whole = from <= start.wall;
		int64_t v;

		it.period = 0;
		it.buf_n = 0;
		it.buf_i = 0;
		it.done = false;
		it.first_due = whole;
		if (!whole)
			pim_recur_iter_seek(&it, from);
		while (pim_recur_iter_next(&it, &v)) {
			*out = v;
			some = true;
		}
		if (it.exhausted)
			return false;
		if (some || whole)
			return some;
	}
	return false;
}
