/* Many ways to say one rule: make them one. */
#include "pim/recur.h"

#include <stdlib.h>

static int
by_value(const void *x, const void *y)
{
	const int16_t *p = x;
	const int16_t *q = y;

	return (*p > *q) - (*p < *q);
}

static int
by_day(const void *x, const void *y)
{
	const struct pim_recur_day *p = x;
	const struct pim_recur_day *q = y;

	if (p->pos != q->pos)
		return p->pos < q->pos ? -1 : 1;
	return (p->day > q->day) - (p->day < q->day);
}

static void
sort_list(struct pim_recur_list *l)
{
	size_t n = 0;

	qsort(l->v, l->n, sizeof(l->v[0]), by_value);
	for (size_t i = 0; i < l->n; i++) {
		if (n == 0 || l->v[n - 1] != l->v[i])
			l->v[n++] = l->v[i];
	}
	l->n = n;
}

static void
sort_days(struct pim_recur *r)
{
	size_t n = 0;

	qsort(r->day, r->day_n, sizeof(r->day[0]), by_day);
	for (size_t i = 0; i < r->day_n; i++) {
		if (n == 0 || by_day(&r->day[n - 1], &r->day[i]) != 0)
			r->day[n++] = r->day[i];
	}
	r->day_n = n;
}

/* Times of day that are DTSTART's own say nothing. */
static void
drop_time(struct pim_recur_list *l, int64_t own)
{
	if (l->n == 1 && l->v[0] == own)
		l->n = 0;
}

static bool
plain_days(const struct pim_recur *r)
{
	for (size_t i = 0; i < r->day_n; i++) {
		if (r->day[i].pos != 0)
			return false;
	}
	return r->day_n > 0;
}

static bool
only(const struct pim_recur_list *l, int v)
{
	return l->n == 1 && l->v[0] == v;
}

/* DAILY with weekdays is WEEKLY with them; twelve months are a year. */
static void
change_freq(struct pim_recur *r, int month)
{
	if (r->freq == PIM_DAILY && r->interval == 1 && plain_days(r) &&
	    r->mday.n == 0 && r->setpos.n == 0)
		r->freq = PIM_WEEKLY;
	if (r->freq == PIM_MONTHLY && r->interval % 12 == 0 && r->yday.n == 0 &&
	    r->week.n == 0 && (r->month.n == 0 || only(&r->month, month))) {
		r->freq = PIM_YEARLY;
		r->interval /= 12;
		r->month.n = 1;
		r->month.v[0] = (int16_t)month;
	}
	if (r->freq == PIM_MONTHLY && r->interval == 1 && r->month.n > 0 &&
	    r->yday.n == 0 && r->week.n == 0)
		r->freq = PIM_YEARLY;
	if (r->freq == PIM_DAILY && r->interval % 7 == 0 && r->day_n == 0 &&
	    r->mday.n == 0 && r->setpos.n == 0 && r->month.n == 0) {
		r->freq = PIM_WEEKLY;
		r->interval /= 7;
	}
}

/* BYDAY=TU;BYSETPOS=2 within a month is BYDAY=2TU. */
static void
setpos_to_day(struct pim_recur *r)
{
	bool by_month = r->freq == PIM_MONTHLY ||
			(r->freq == PIM_YEARLY && r->month.n == 1);

	if (!by_month || r->setpos.n == 0 || r->day_n != 1 ||
	    r->day[0].pos != 0 || r->mday.n > 0 || r->yday.n > 0 ||
	    r->week.n > 0 || r->hour.n > 0 || r->minute.n > 0 ||
	    r->second.n > 0)
		return;
	for (size_t i = 0; i < r->setpos.n; i++) {
		if (abs(r->setpos.v[i]) > 5)
			return;
	}
	r->day_n = r->setpos.n;
	for (size_t i = 0; i < r->setpos.n; i++) {
		r->day[i].day = r->day[0].day;
		r->day[i].pos = r->setpos.v[i];
	}
	r->setpos.n = 0;
}

/* Parts that DTSTART implies. */
static void
drop_implied(struct pim_recur *r, int month, int mday, int wday)
{
	bool days_only = r->yday.n == 0 && r->week.n == 0 && r->setpos.n == 0;

	if (!days_only)
		return;
	if (r->freq == PIM_WEEKLY && r->day_n == 1 && r->day[0].day == wday)
		r->day_n = 0;
	if (r->freq == PIM_MONTHLY && r->day_n == 0 && only(&r->mday, mday))
		r->mday.n = 0;
	if (r->freq != PIM_YEARLY || r->day_n > 0)
		return;
	if (only(&r->mday, mday) && r->month.n > 0)
		r->mday.n = 0;
	if (r->mday.n == 0 && only(&r->month, month))
		r->month.n = 0;
}

/*
 * Where only every n-th week counts, the week's first day decides which days
 * are in one week with the start.
 */
static bool
week_start_matters(const struct pim_recur *r, int start)
{
	int from = (start - r->wkst + 7) % 7;

	if (r->week.n > 0)
		return true;
	if (r->freq != PIM_WEEKLY || r->interval == 1)
		return false;
	for (size_t i = 0; i < r->day_n; i++) {
		int day = r->day[i].day;

		if ((day - r->wkst + 7) % 7 - from != day - start)
			return true;
	}
	return false;
}

void
pim_recur_simplify(struct pim_recur *r, struct pim_time start)
{
	int64_t day = pim_day_of(start.wall);
	int64_t secs = start.wall - day * PIM_DAY_S;
	int y;
	int m;
	int d;

	pim_civil(day, &y, &m, &d);
	if (r->freq >= PIM_DAILY) {
		drop_time(&r->hour, secs / 3600);
		drop_time(&r->minute, secs / 60 % 60);
		drop_time(&r->second, secs % 60);
	}
	change_freq(r, m);
	setpos_to_day(r);
	drop_implied(r, m, d, pim_weekday(day));
	sort_list(&r->hour);
	sort_list(&r->minute);
	sort_list(&r->second);
	sort_list(&r->month);
	sort_list(&r->week);
	sort_list(&r->yday);
	sort_list(&r->mday);
	sort_list(&r->setpos);
	sort_days(r);
	if (!week_start_matters(r, pim_weekday(day)))
		r->wkst = 0;
}
