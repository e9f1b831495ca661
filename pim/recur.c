/* The grammar of iCalendar 2.0. */
#include "pim/recur.h"

#include "base/buf.h"

static const char *const freq_names[] = { "SECONDLY", "MINUTELY", "HOURLY",
					  "DAILY",    "WEEKLY",   "MONTHLY",
					  "YEARLY" };
static const char day_names[][3] = { "MO", "TU", "WE", "TH", "FR", "SA", "SU" };

static bool
day_name(struct slice s, int *out)
{
	for (int i = 0; i < 7; i++) {
		if (slice_is_nocase(s, day_names[i])) {
			*out = i;
			return true;
		}
	}
	return false;
}

static bool
parse_freq(struct slice s, struct pim_recur *r)
{
	for (int i = 0; i <= PIM_YEARLY; i++) {
		if (slice_is_nocase(s, freq_names[i])) {
			r->freq = (enum pim_freq)i;
			return true;
		}
	}
	return false;
}

/* "2TU", "-1SU", "+1MO", "FR" */
static bool
parse_day(struct slice s, struct pim_recur *r)
{
	int64_t pos = 0;
	int day;

	s = slice_trim(s);
	if (s.n < 2 || r->day_n >= PIM_RECUR_DAYS ||
	    !day_name(slice_from(s, s.n - 2), &day))
		return false;
	s.n -= 2;
	if (s.n > 0 && s.p[0] == '+')
		s = slice_from(s, 1);
	if (s.n > 0 && (!slice_i64(s, &pos) || pos < -53 || pos > 53))
		return false;
	r->day[r->day_n].pos = (int16_t)pos;
	r->day[r->day_n++].day = (int16_t)day;
	return true;
}

static bool
parse_days(struct slice s, struct pim_recur *r)
{
	struct slice one;

	while (slice_split(&s, ',', &one)) {
		if (!parse_day(one, r))
			return false;
	}
	return r->day_n > 0;
}

static bool
parse_list(struct slice s, int64_t max, bool negative, struct pim_recur_list *l)
{
	struct slice one;

	while (slice_split(&s, ',', &one)) {
		int64_t v;

		one = slice_trim(one);
		if (one.n > 1 && one.p[0] == '+')
			one = slice_from(one, 1);
		if (l->n >= PIM_RECUR_LIST || !slice_i64(one, &v) || v > max ||
		    v < (negative ? -max : 0))
			return false;
		l->v[l->n++] = (int16_t)v;
	}
	return l->n > 0;
}

static bool
parse_bound(struct slice name, struct slice v, struct pim_recur *r, bool *known)
{
	*known = true;
	if (slice_is_nocase(name, "FREQ"))
		return parse_freq(v, r);
	if (slice_is_nocase(name, "INTERVAL"))
		return slice_u32(v, &r->interval) && r->interval <= 100000;
	if (slice_is_nocase(name, "COUNT"))
		return slice_u32(v, &r->count);
	if (slice_is_nocase(name, "UNTIL")) {
		r->has_until = true;
		return pim_time_parse(v, &r->until);
	}
	if (slice_is_nocase(name, "WKST"))
		return day_name(slice_trim(v), &r->wkst);
	*known = false;
	return true;
}

static bool
parse_by(struct slice name, struct slice v, struct pim_recur *r)
{
	if (slice_is_nocase(name, "BYDAY"))
		return parse_days(v, r);
	if (slice_is_nocase(name, "BYMONTH"))
		return parse_list(v, 12, false, &r->month);
	if (slice_is_nocase(name, "BYMONTHDAY"))
		return parse_list(v, 31, true, &r->mday);
	if (slice_is_nocase(name, "BYYEARDAY"))
		return parse_list(v, 366, true, &r->yday);
	if (slice_is_nocase(name, "BYWEEKNO"))
		return parse_list(v, 53, true, &r->week);
	if (slice_is_nocase(name, "BYSETPOS"))
		return parse_list(v, 366, true, &r->setpos);
	if (slice_is_nocase(name, "BYHOUR"))
		return parse_list(v, 23, false, &r->hour);
	if (slice_is_nocase(name, "BYMINUTE"))
		return parse_list(v, 59, false, &r->minute);
	if (slice_is_nocase(name, "BYSECOND"))
		return parse_list(v, 60, false, &r->second);
	return false;
}

/* Nothing counts from zero in these lists. */
static bool
list_zero(const struct pim_recur_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->v[i] == 0)
			return true;
	}
	return false;
}

bool
pim_recur_parse(struct slice s, struct pim_recur *out)
{
	bool has_freq = false;
	struct slice part;

	memset(out, 0, sizeof(*out));
	out->interval = 1;
	s = slice_trim(s);
	while (slice_split(&s, ';', &part)) {
		size_t eq = slice_find(part, '=');
		struct slice name = slice_trim(slice_sub(part, 0, eq));
		struct slice v;
		bool known;

		if (slice_trim(part).n == 0)
			continue;
		if (eq == SIZE_MAX)
			return false;
		v = slice_trim(slice_from(part, eq + 1));
		if (!parse_bound(name, v, out, &known))
			return false;
		if (!known && !parse_by(name, v, out))
			return false;
		has_freq = has_freq || slice_is_nocase(name, "FREQ");
	}
	if (out->interval == 0)
		out->interval = 1;
	return has_freq && !list_zero(&out->month) && !list_zero(&out->mday) &&
	       !list_zero(&out->yday) && !list_zero(&out->week) &&
	       !list_zero(&out->setpos);
}

static void
put_list(struct buf *b, const char *name, const struct pim_recur_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		buf_str(b, i == 0 ? name : ",");
		buf_printf(b, "%d", l->v[i]);
	}
}

static void
put_days(struct buf *b, const struct pim_recur *r)
{
	for (size_t i = 0; i < r->day_n; i++) {
		buf_str(b, i == 0 ? ";BYDAY=" : ",");
		if (r->day[i].pos != 0)
			buf_printf(b, "%d", r->day[i].pos);
		buf_str(b, day_names[r->day[i].day]);
	}
}

struct slice
pim_recur_text(struct arena *a, const struct pim_recur *r)
{
	struct buf b = BUF_IN(a);
	char t[PIM_TIME_TEXT];

	buf_str(&b, "FREQ=");
	buf_str(&b, freq_names[r->freq]);
	if (r->interval > 1)
		buf_printf(&b, ";INTERVAL=%u", r->interval);
	put_list(&b, ";BYMONTH=", &r->month);
	put_list(&b, ";BYWEEKNO=", &r->week);
	put_list(&b, ";BYYEARDAY=", &r->yday);
	put_list(&b, ";BYMONTHDAY=", &r->mday);
	put_days(&b, r);
	put_list(&b, ";BYHOUR=", &r->hour);
	put_list(&b, ";BYMINUTE=", &r->minute);
	put_list(&b, ";BYSECOND=", &r->second);
	put_list(&b, ";BYSETPOS=", &r->setpos);
	if (r->wkst != 0)
		buf_printf(&b, ";WKST=%s", day_names[r->wkst]);
	if (r->count > 0)
		buf_printf(&b, ";COUNT=%u", r->count);
	if (r->has_until) {
		(void)pim_time_put(r->until, t);
		buf_printf(&b, ";UNTIL=%s", t);
	}
	return buf_ok(&b) ? buf_slice(&b) : (struct slice){ NULL, 0 };
}
