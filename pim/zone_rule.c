/* POSIX TZ strings: the rule at the end of a TZif file. */
#include "pim/zone_int.h"

#include "pim/calendar_time.h"

static int
peek(const struct slice *s)
{
	return s->n == 0 ? -1 : (unsigned char)s->p[0];
}

static bool
take(struct slice *s, char c)
{
	if (peek(s) != (unsigned char)c)
		return false;
	*s = slice_from(*s, 1);
	return true;
}

static bool
number(struct slice *s, int max, int *out)
{
	int v = 0;
	bool some = false;

	while (peek(s) >= '0' && peek(s) <= '9') {
		v = v * 10 + (s->p[0] - '0');
		if (v > max)
			return false;
		*s = slice_from(*s, 1);
		some = true;
	}
	*out = v;
	return some;
}

static bool
abbreviation(struct slice *s, char out[static 16])
{
	bool quoted = take(s, '<');
	size_t n = 0;

	for (;;) {
		int c = peek(s);
		bool alpha = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
		bool more = alpha || (quoted && c != '>' && c >= 0);

		if (!more)
			break;
		if (n < 15)
			out[n++] = (char)c;
		*s = slice_from(*s, 1);
	}
	out[n] = '\0';
	return n > 0 && (!quoted || take(s, '>'));
}

/* [+-]hh[:mm[:ss]] in seconds */
static bool
clock_secs(struct slice *s, int32_t *out)
{
	int sign = take(s, '-') ? -1 : 1;
	int h;
	int m = 0;
	int sec = 0;

	(void)take(s, '+');
	if (!number(s, 167, &h))
		return false;
	if (take(s, ':') && !number(s, 59, &m))
		return false;
	if (take(s, ':') && !number(s, 59, &sec))
		return false;
	*out = sign * (h * 3600 + m * 60 + sec);
	return true;
}

static bool
edge(struct slice *s, struct zone_edge *out)
{
	out->secs = 7200;
	if (take(s, 'M')) {
		out->kind = EDGE_MONTH_WEEK;
		if (!number(s, 12, &out->month) || !take(s, '.') ||
		    !number(s, 5, &out->week) || !take(s, '.') ||
		    !number(s, 6, &out->wday) || out->month == 0 ||
		    out->week == 0)
			return false;
	} else {
		out->kind = take(s, 'J') ? EDGE_JULIAN : EDGE_DAY;
		if (!number(s, 365, &out->day))
			return false;
	}
	return !take(s, '/') || clock_secs(s, &out->secs);
}

bool
zone_rule_parse(struct slice s, struct zone_rule *out)
{
	struct zone_rule r = { .has_dst = false };

	if (!abbreviation(&s, r.std_name) || !clock_secs(&s, &r.std))
		return false;
	r.std = -r.std; /* POSIX counts westwards */
	if (s.n > 0) {
		r.has_dst = true;
		if (!abbreviation(&s, r.dst_name))
			return false;
		r.dst = r.std + 3600;
		if (peek(&s) != ',') {
			if (!clock_secs(&s, &r.dst))
				return false;
			r.dst = -r.dst;
		}
		if (!take(&s, ',') || !edge(&s, &r.start) || !take(&s, ',') ||
		    !edge(&s, &r.end) || s.n > 0)
			return false;
	}
	*out = r;
	return true;
}

static int64_t
edge_wall(const struct zone_edge *g, int year)
{
	int64_t jan1 = pim_days(year, 1, 1);
	bool leap = pim_month_days(year, 2) == 29;
	int64_t day;

	if (g->kind == EDGE_MONTH_WEEK) {
		int64_t first = pim_days(year, g->month, 1);
		int wday = (pim_weekday(first) + 1) % 7; /* 0 Sunday */
		int mday = 1 + (g->wday - wday + 7) % 7 + (g->week - 1) * 7;

		while (mday > pim_month_days(year, g->month))
			mday -= 7;
		day = first + mday - 1;
	} else if (g->kind == EDGE_JULIAN) {
		day = jan1 + g->day - 1 + (leap && g->day >= 60 ? 1 : 0);
	} else {
		day = jan1 + g->day;
	}
	return day * PIM_DAY_S + g->secs;
}

int64_t
zone_rule_start(const struct zone_rule *r, int year)
{
	return edge_wall(&r->start, year) - r->std;
}

int64_t
zone_rule_end(const struct zone_rule *r, int year)
{
	return edge_wall(&r->end, year) - r->dst;
}

int
zone_year(int64_t utc)
{
	int y;
	int m;
	int d;

	pim_civil(pim_day_of(utc), &y, &m, &d);
	return y;
}

int32_t
zone_rule_offset(const struct zone_rule *r, int64_t utc)
{
	int64_t start;
	int64_t end;
	int year;

	if (!r->has_dst)
		return r->std;
	year = zone_year(utc + r->std);
	start = zone_rule_start(r, year);
	end = zone_rule_end(r, year);
	if (start < end)
		return utc >= start && utc < end ? r->dst : r->std;
	return utc >= end && utc < start ? r->std : r->dst;
}
