#include "pim/calendar_time.h"

#include <stdio.h>

static const int64_t wall_min = -62135596800; /* 0001-01-01 */
static const int64_t wall_max = 253402300799; /* 9999-12-31T23:59:59 */
static const int64_t dur_max = 3155760000;    /* 100 years */

int64_t
pim_days(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t mp = (month + 9) % 12;
	int64_t doy = (153 * mp + 2) / 5 + day - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

	return era * 146097 + doe - 719468;
}

void
pim_civil(int64_t days, int *year, int *month, int *day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	int64_t m = mp < 10 ? mp + 3 : mp - 9;

	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)m;
	*year = (int)(yoe + era * 400 + (m <= 2 ? 1 : 0));
}

int
pim_weekday(int64_t days)
{
	int64_t w = (days + 3) % 7; /* 1970-01-01 was a Thursday */

	return (int)(w < 0 ? w + 7 : w);
}

int
pim_month_days(int year, int month)
{
	static const unsigned char n[] = { 31, 28, 31, 30, 31, 30,
					   31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : n[month - 1];
}

int64_t
pim_day_of(int64_t wall)
{
	int64_t d = wall / PIM_DAY_S;

	return wall % PIM_DAY_S < 0 ? d - 1 : d;
}

/* Take exactly n digits off the front. */
static bool
digits(struct slice *s, size_t n, int *out)
{
	int v = 0;

	if (s->n < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return false;
		v = v * 10 + (s->p[i] - '0');
	}
	s->p += n;
	s->n -= n;
	*out = v;
	return true;
}

static bool
skip(struct slice *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	s->p++;
	s->n--;
	return true;
}

static bool
clock_part(struct slice *s, int64_t *secs)
{
	int h;
	int m;
	int sec = 0;

	if (!digits(s, 2, &h))
		return false;
	(void)skip(s, ':');
	if (!digits(s, 2, &m))
		return false;
	(void)skip(s, ':');
	if (s->n > 0 && s->p[0] >= '0' && s->p[0] <= '9' && !digits(s, 2, &sec))
		return false;
	if (sec == 60)
		sec = 59;
	if (h > 24 || m > 59 || sec > 59 || (h == 24 && (m > 0 || sec > 0)))
		return false;
	*secs = h * 3600 + m * 60 + sec;
	return true;
}

bool
pim_time_parse(struct slice s, struct pim_time *out)
{
	struct pim_time t = { .date = true };
	int64_t secs = 0;
	int y;
	int m;
	int d;

	s = slice_trim(s);
	if (!digits(&s, 4, &y))
		return false;
	(void)skip(&s, '-');
	if (!digits(&s, 2, &m))
		return false;
	(void)skip(&s, '-');
	if (!digits(&s, 2, &d))
		return false;
	if (y < 1 || m < 1 || m > 12 || d < 1 || d > pim_month_days(y, m))
		return false;
	if (s.n > 0) {
		if (!skip(&s, 'T') && !skip(&s, 't'))
			return false;
		t.date = false;
		if (!clock_part(&s, &secs))
			return false;
		t.utc = skip(&s, 'Z') || skip(&s, 'z');
	}
	if (s.n > 0)
		return false;
	t.wall = pim_days(y, m, d) * PIM_DAY_S + secs;
	if (t.wall > wall_max)
		return false;
	*out = t;
	return true;
}

static char *
put_digits(char *p, int v, int n)
{
	for (int i = n - 1; i >= 0; i--) {
		p[i] = (char)('0' + v % 10);
		v /= 10;
	}
	return p + n;
}

size_t
pim_time_put(struct pim_time t, char out[static PIM_TIME_TEXT])
{
	int64_t wall = t.wall < wall_min ? wall_min : t.wall;
	int64_t day;
	char *p = out;
	int secs;
	int y;
	int m;
	int d;

	if (wall > wall_max)
		wall = wall_max;
	day = pim_day_of(wall);
	pim_civil(day, &y, &m, &d);
	p = put_digits(p, y, 4);
	p = put_digits(p, m, 2);
	p = put_digits(p, d, 2);
	if (!t.date) {
		secs = (int)(wall - day * PIM_DAY_S);
		*p++ = 'T';
		p = put_digits(p, secs / 3600, 2);
		p = put_digits(p, secs / 60 % 60, 2);
		p = put_digits(p, secs % 60, 2);
		if (t.utc)
			*p++ = 'Z';
	}
	*p = '\0';
	return (size_t)(p - out);
}

struct slice
pim_time_text(struct arena *a, struct pim_time t)
{
	char tmp[PIM_TIME_TEXT];
	size_t n = pim_time_put(t, tmp);

	return arena_copy(a, (struct slice){ tmp, n });
}

bool
pim_time_eq(struct pim_time x, struct pim_time y)
{
	return x.wall == y.wall && x.date == y.date && x.utc == y.utc;
}

static bool
dur_number(struct slice *s, int64_t *out)
{
	int64_t v = 0;
	size_t n = 0;

	while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9') {
		v = v * 10 + (s->p[n] - '0');
		if (v > dur_max)
			return false;
		n++;
	}
	s->p += n;
	s->n -= n;
	*out = v;
	return n > 0 && s->n > 0;
}

static int64_t
dur_unit(char c, bool in_time)
{
	switch (c) {
	case 'W':
		return in_time ? 0 : 7 * (int64_t)PIM_DAY_S;
	case 'D':
		return in_time ? 0 : PIM_DAY_S;
	case 'H':
		return in_time ? 3600 : 0;
	case 'M':
		return in_time ? 60 : 0;
	case 'S':
		return in_time ? 1 : 0;
	default:
		return 0;
	}
}

bool
pim_dur_parse(struct slice s, struct pim_dur *out)
{
	struct pim_dur d = { 0, 0 };
	bool in_time = false;
	bool some = false;
	int64_t sign;

	s = slice_trim(s);
	sign = skip(&s, '-') ? -1 : 1;
	(void)skip(&s, '+');
	if (!skip(&s, 'P'))
		return false;
	while (s.n > 0) {
		int64_t v;
		int64_t unit;

		if (!in_time && skip(&s, 'T')) {
			in_time = true;
			continue;
		}
		if (!dur_number(&s, &v))
			return false;
		unit = dur_unit(s.p[0], in_time);
		if (unit == 0 || v > dur_max / unit)
			return false;
		if (unit >= PIM_DAY_S)
			d.days += v * (unit / PIM_DAY_S);
		else
			d.secs += v * unit;
		s = slice_from(s, 1);
		some = true;
	}
	if (!some || d.days > dur_max / PIM_DAY_S || d.secs > dur_max)
		return false;
	out->days = d.days * sign;
	out->secs = d.secs * sign;
	return true;
}

static size_t
dur_piece(char *out, size_t n, int64_t v, char unit)
{
	int w;

	if (v == 0 || n >= PIM_DUR_TEXT)
		return n;
	w = snprintf(out + n, PIM_DUR_TEXT - n, "%lld%c", (long long)v, unit);
	return w < 0 ? n : n + (size_t)w;
}

size_t
pim_dur_put(struct pim_dur d, char out[static PIM_DUR_TEXT])
{
	int64_t days = d.days < 0 ? -d.days : d.days;
	int64_t secs = d.secs < 0 ? -d.secs : d.secs;
	size_t n = 0;

	if (d.days < 0 || (d.days == 0 && d.secs < 0))
		out[n++] = '-';
	out[n++] = 'P';
	n = dur_piece(out, n, days, 'D');
	if (secs > 0 || days == 0)
		out[n++] = 'T';
	n = dur_piece(out, n, secs / 3600, 'H');
	n = dur_piece(out, n, secs / 60 % 60, 'M');
	n = dur_piece(out, n, secs % 60, 'S');
	if (days == 0 && secs == 0) {
		out[n++] = '0';
		out[n++] = 'S';
	}
	out[n] = '\0';
	return n;
}
