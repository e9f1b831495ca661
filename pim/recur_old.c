/* The grammar of vCalendar 1.0. */
#include "pim/recur.h"

#include "base/buf.h"

enum { OLD_COUNT_DEFAULT = 2, TOKENS_MAX = 200 };

static const char day_names[][3] = { "MO", "TU", "WE", "TH", "FR", "SA", "SU" };

/* ---- reading ---------------------------------------------------------------
 */

struct old { /* the state of one parse */
	struct pim_recur *r;
	char kind; /* 'D' 'W' 'P' (MP) 'M' (MD) 'Y' (YM) 'y' (YD) */
	int pos;   /* MP: position for the weekdays that follow */
	bool pos_used;
	bool count_given;
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int
weekday_token(struct slice t)
{
	for (int i = 0; i < 7; i++) {
		if (slice_is_nocase(t, day_names[i]))
			return i;
	}
	return -1;
}

static bool
next_token(struct slice *s, struct slice *out)
{
	size_t n = 0;

	while (s->n > 0 &&
	       (s->p[0] == ' ' || s->p[0] == ',' || s->p[0] == '\t'))
		*s = slice_from(*s, 1);
	while (n < s->n && s->p[n] != ' ' && s->p[n] != ',' && s->p[n] != '\t')
		n++;
	*out = slice_sub(*s, 0, n);
	*s = slice_from(*s, n);
	return out->n > 0;
}

/* "D2", "W1", "MP1", "MD1", "YM1", "YD1" */
static bool
head_token(struct slice t, struct old *o)
{
	static const struct {
		const char *text;
		char kind;
		enum pim_freq freq;
	} heads[] = {
		{ "MP", 'P', PIM_MONTHLY }, { "MD", 'M', PIM_MONTHLY },
		{ "YM", 'Y', PIM_YEARLY },  { "YD", 'y', PIM_YEARLY },
		{ "D", 'D', PIM_DAILY },    { "W", 'W', PIM_WEEKLY },
	};
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct slice n;

		if (!slice_starts_nocase(t, heads[i].text))
			continue;
		n = slice_from(t, strlen(heads[i].text));
		o->kind = heads[i].kind;
		o->r->freq = heads[i].freq;
		o->r->interval = 1;
		if (n.n > 0 && !slice_u32(n, &o->r->interval))
			return false;
		if (o->r->interval == 0)
			o->r->interval = 1;
		return o->r->interval <= 100000;
	}
	return false;
}

/* "13", "13+", "1-": the number with its sign, 0 if it is none */
static int
signed_number(struct slice t)
{
	bool minus = slice_ends(t, "-");
	uint32_t v;

	if (minus || slice_ends(t, "+"))
		t.n--;
	else if (t.n > 1 && t.p[0] == '-') {
		minus = true;
		t = slice_from(t, 1);
	}
	if (t.n == 0 || t.n > 3 || !is_digit(t.p[0]) || !slice_u32(t, &v))
		return 0;
	return minus ? -(int)v : (int)v;
}

static bool
add(struct pim_recur_list *l, int v, int max)
{
	if (v == 0 || v > max || v < -max || l->n >= PIM_RECUR_LIST)
		return false;
	l->v[l->n++] = (int16_t)v;
	return true;
}

static bool
add_day(struct old *o, int day)
{
	struct pim_recur *r = o->r;

	if (r->day_n >= PIM_RECUR_DAYS || (o->kind != 'W' && o->kind != 'P'))
		return false;
	r->day[r->day_n].day = (int16_t)day;
	r->day[r->day_n++].pos = (int16_t)o->pos;
	o->pos_used = true;
	return true;
}

/* A position without weekdays means the weekday of DTSTART. */
static bool
flush_position(struct old *o, int wday)
{
	if (o->kind == 'P' && o->pos != 0 && !o->pos_used)
		return add_day(o, wday);
	return true;
}

static bool
number_token(struct slice t, struct old *o, int wday)
{
	int v = slice_is_nocase(t, "LD") ? -1 : signed_number(t);

	switch (o->kind) {
	case 'P':
		if (v == 0 || v > 5 || v < -5 || !flush_position(o, wday))
			return false;
		o->pos = v;
		o->pos_used = false;
		return true;
	case 'M':
		return add(&o->r->mday, v, 31);
	case 'Y':
		return v > 0 && add(&o->r->month, v, 12);
	case 'y':
		return v > 0 && add(&o->r->yday, v, 366);
	default:
		return false;
	}
}

static bool
one_token(struct slice t, struct old *o, struct pim_time start)
{
	int wday = pim_weekday(pim_day_of(start.wall));
	struct pim_time end;
	int day;

	if (t.p[0] == '#') {
		o->count_given = true;
		return slice_u32(slice_from(t, 1), &o->r->count);
	}
	if (t.n >= 8 && pim_time_parse(t, &end)) {
		o->r->has_until = true;
		o->r->until = end;
		return true;
	}
	day = weekday_token(t);
	if (day >= 0)
		return add_day(o, day);
	if (t.n == 4 && is_digit(t.p[0]) && is_digit(t.p[3])) {
		/* a time of day: only DTSTART's own can be had */
		int64_t secs = start.wall - pim_day_of(start.wall) * PIM_DAY_S;
		uint32_t v;

		return slice_u32(t, &v) &&
		       v == secs / 3600 * 100 + secs / 60 % 60;
	}
	return number_token(t, o, wday);
}

/* MP without positions: that of DTSTART. MP12 and its kin: by year. */
static void
finish_position(struct old *o, struct pim_time start)
{
	int64_t day = pim_day_of(start.wall);
	struct pim_recur *r = o->r;
	int y;
	int m;
	int d;

	pim_civil(day, &y, &m, &d);
	for (size_t i = 0; i < r->day_n; i++) {
		if (r->day[i].pos == 0)
			r->day[i].pos = (int16_t)((d - 1) / 7 + 1);
	}
	if (r->day_n == 0) {
		r->day_n = 1;
		r->day[0].day = (int16_t)pim_weekday(day);
		r->day[0].pos = (int16_t)((d - 1) / 7 + 1);
	}
	if (r->interval % 12 == 0) {
		r->freq = PIM_YEARLY;
		r->interval /= 12;
		r->month.n = 1;
		r->month.v[0] = (int16_t)m;
	}
}

bool
pim_recur_old_parse(struct slice s, struct pim_time start,
		    struct pim_recur *out)
{
	struct old o = { .r = out };
	int wday = pim_weekday(pim_day_of(start.wall));
	struct slice t;

	memset(out, 0, sizeof(*out));
	if (!next_token(&s, &t) || !head_token(t, &o))
		return false;
	for (int n = 0; next_token(&s, &t); n++) {
		if (n >= TOKENS_MAX || !one_token(t, &o, start))
			return false;
	}
	if (!flush_position(&o, wday))
		return false;
	if (o.kind == 'P')
		finish_position(&o, start);
	if (!o.count_given && !out->has_until)
		out->count = OLD_COUNT_DEFAULT;
	return true;
}

/* ---- writing ---------------------------------------------------------------
 */

struct words { /* what the rule is in old words */
	char head[3];
	uint32_t interval;
	bool several; /* more than one occurrence in an interval */
	struct buf b; /* the tokens between head and end */
};

static bool
no_times(const struct pim_recur *r)
{
	return r->hour.n == 0 && r->minute.n == 0 && r->second.n == 0;
}

static void
say(struct words *w, const char *head, uint32_t interval)
{
	w->head[0] = head[0];
	w->head[1] = head[1];
	w->interval = interval;
}

static bool
weekly_words(const struct pim_recur *r, int wday, struct words *w)
{
	if (r->setpos.n > 0 || r->mday.n > 0 || r->month.n > 0)
		return false;
	say(w, "W", r->interval);
	w->several = r->day_n > 1;
	if (r->day_n == 0)
		buf_printf(&w->b, " %s", day_names[wday]);
	/* Sunday may have a position in a careless rule: ignored by all */
	for (size_t i = 0; i < r->day_n; i++)
		buf_printf(&w->b, " %s", day_names[r->day[i].day]);
	return true;
}

/* `MP1 1+ SA SU 3+ SA`; every weekday of the month is 1+ to 5+. */
static bool
position_words(const struct pim_recur *r, uint32_t interval, struct words *w)
{
	int last = 0;

	say(w, "MP", interval);
	w->several = r->day_n > 1;
	for (size_t i = 0; i < r->day_n; i++) {
		int pos = r->day[i].pos;

		if (pos == 0 || pos > 5 || pos < -5)
			return false;
		if (pos != last)
			buf_printf(&w->b, " %d%c", pos < 0 ? -pos : pos,
				   pos < 0 ? '-' : '+');
		buf_printf(&w->b, " %s", day_names[r->day[i].day]);
		last = pos;
	}
	return true;
}

static bool
every_words(const struct pim_recur *r, struct words *w)
{
	if (r->interval == 1) { /* each TU of each month: weekly */
		say(w, "W", 1);
		w->several = r->day_n > 1;
	} else {
		say(w, "MP", r->interval);
		w->several = true;
	}
	for (int pos = 1; pos <= (r->interval == 1 ? 1 : 5); pos++) {
		if (r->interval > 1)
			buf_printf(&w->b, " %d+", pos);
		for (size_t i = 0; i < r->day_n; i++)
			buf_printf(&w->b, " %s", day_names[r->day[i].day]);
	}
	return true;
}

static void
monthday_words(const struct pim_recur *r, uint32_t interval, int mday,
	       struct words *w)
{
	say(w, "MD", interval);
	w->several = r->mday.n > 1;
	if (r->mday.n == 0)
		buf_printf(&w->b, " %d", mday);
	for (size_t i = 0; i < r->mday.n; i++) {
		int v = r->mday.v[i];

		if (v == -1)
			buf_str(&w->b, " LD");
		else
			buf_printf(&w->b, " %d%s", v < 0 ? -v : v,
				   v < 0 ? "-" : "");
	}
}

static bool
monthly_words(const struct pim_recur *r, int mday, struct words *w)
{
	bool plain = r->day_n > 0;

	if (r->setpos.n > 0 || r->month.n > 0 || r->yday.n > 0 ||
	    r->week.n > 0 || (r->day_n > 0 && r->mday.n > 0))
		return false;
	for (size_t i = 0; i < r->day_n; i++)
		plain = plain && r->day[i].pos == 0;
	if (plain)
		return every_words(r, w);
	if (r->day_n > 0)
		return position_words(r, r->interval, w);
	monthday_words(r, r->interval, mday, w);
	return true;
}

static bool
yearly_words(const struct pim_recur *r, int month, struct words *w)
{
	bool own_month =
	    r->month.n == 0 || (r->month.n == 1 && r->month.v[0] == month);

	if (r->setpos.n > 0 || r->week.n > 0)
		return false;
	if (r->yday.n > 0) {
		if (r->day_n > 0 || r->mday.n > 0 || r->month.n > 0)
			return false;
		say(w, "YD", r->interval);
		w->several = r->yday.n > 1;
		for (size_t i = 0; i < r->yday.n; i++) {
			if (r->yday.v[i] < 0)
				return false;
			buf_printf(&w->b, " %d", r->yday.v[i]);
		}
		return true;
	}
	if (r->day_n > 0 || r->mday.n > 0) {
		/* by twelve months, which count from DTSTART's */
		if (r->month.n != 1 || !own_month ||
		    (r->day_n > 0 && r->mday.n > 0) || r->interval > 100)
			return false;
		if (r->day_n > 0)
			return position_words(r, r->interval * 12, w);
		monthday_words(r, r->interval * 12, 1, w);
		return true;
	}
	say(w, "YM", r->interval);
	w->several = r->month.n > 1;
	if (r->month.n == 0)
		buf_printf(&w->b, " %d", month);
	for (size_t i = 0; i < r->month.n; i++)
		buf_printf(&w->b, " %d", r->month.v[i]);
	return true;
}

static bool
find_words(struct pim_recur *r, struct pim_time start, struct words *w)
{
	int64_t day = pim_day_of(start.wall);
	int y;
	int m;
	int d;

	pim_recur_simplify(r, start);
	pim_civil(day, &y, &m, &d);
	if (!no_times(r))
		return false;
	switch (r->freq) {
	case PIM_DAILY:
		say(w, "D", r->interval);
		return r->day_n == 0 && r->mday.n == 0 && r->month.n == 0 &&
		       r->yday.n == 0 && r->week.n == 0 && r->setpos.n == 0;
	case PIM_WEEKLY: /* weeks begin on Monday there */
		return r->wkst == 0 && weekly_words(r, pim_weekday(day), w);
	case PIM_MONTHLY:
		return monthly_words(r, d, w);
	case PIM_YEARLY:
		return yearly_words(r, m, w);
	case PIM_SECONDLY:
	case PIM_MINUTELY:
	case PIM_HOURLY:
		break;
	}
	return false;
}

static bool
by_date(const struct pim_recur *r, bool several, enum pim_recur_old_end how)
{
	return r->has_until ||
	       (r->count > 0 && (several || how == PIM_OLD_UNTIL));
}

/* Before the words are found, whether an interval holds several occurrences is
   known only roughly: rather one end date too many. */
bool
pim_recur_old_needs_end(const struct pim_recur *r, enum pim_recur_old_end how)
{
	bool several = r->day_n > 1 || r->mday.n > 1 || r->month.n > 1 ||
		       r->yday.n > 1 || r->setpos.n > 1 ||
		       r->freq == PIM_MONTHLY || r->freq == PIM_DAILY;

	return by_date(r, several, how);
}

struct slice
pim_recur_old_text(struct arena *a, const struct pim_recur *r,
		   struct pim_time start, const struct pim_time *until,
		   enum pim_recur_old_end how)
{
	struct words w = { .b = BUF_IN(a) };
	struct buf out = BUF_IN(a);
	struct pim_recur simple = *r;
	char t[PIM_TIME_TEXT];

	if (!find_words(&simple, start, &w))
		return SLICE_LIT("");
	buf_printf(&out, "%s%u", w.head, w.interval);
	buf_add(&out, buf_slice(&w.b));
	if (by_date(r, w.several, how) && until != NULL) {
		(void)pim_time_put(*until, t);
		buf_printf(&out, " %s", t);
	} else if (r->has_until) {
		return SLICE_LIT(""); /* endless would be a lie */
	} else {
		buf_printf(&out, " #%u", r->count);
	}
	return buf_ok(&out) && buf_ok(&w.b) ? buf_slice(&out)
					    : (struct slice){ NULL, 0 };
}
