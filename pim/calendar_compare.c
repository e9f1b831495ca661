/*
 * Values made comparable: what means the same gets the same text.
 *
 * DTSTAMP, CREATED, LAST-MODIFIED, SEQUENCE and PRODID are volatile in the
 * core's table: they count writings, not content, and clients renew them with
 * every export (SEQUENCE included, which only matters between organisers).
 */
#include "pim/calendar_int.h"

#include <inttypes.h>
#include <stdlib.h>

static struct slice
none(void)
{
	return SLICE_LIT("");
}

static bool
by_name(const struct pim_zone *z)
{
	struct pim_zone_step s;

	return !pim_zone_builtin(z) && pim_zone_offset(z, 0) == 0 &&
	       !pim_zone_next(z, INT64_MIN / 2, &s);
}

/* "20260301T080000Z", "20260301", floating without Z. */
static struct slice
when_text(struct arena *a, const struct cal_when *w)
{
	struct pim_time t = w->t;
	char text[PIM_TIME_TEXT];

	if (w->zone != NULL) {
		t.wall = pim_zone_to_utc(w->zone, t.wall);
		t.utc = true;
	}
	if (!w->t.date && w->zone != NULL && by_name(w->zone)) {
		t = w->t; /* a zone of its own: the clock and its name */
		(void)pim_time_put(t, text);
		return arena_printf(a, "%s@%.*s", text,
				    SLICE_ARG(pim_zone_name(w->zone)));
	}
	return pim_time_text(a, t);
}

static bool
start_of(struct cal *c, const struct pim_comp *comp, struct cal_when *out)
{
	return cal_when_get(c, comp, "DTSTART", out) ||
	       cal_when_get(c, comp, "DUE", out);
}

/* ---- rules
 * ------------------------------------------------------------------- */

/* Both kinds of bound become the last occurrence: clients turn COUNT into
   UNTIL and write UNTIL anywhere behind it. */
static struct slice
norm_rule(struct cal *c, const struct pim_comp *comp, struct slice v)
{
	struct pim_recur *r = ARENA_NEW(c->a, struct pim_recur);
	struct cal_when start;
	struct cal_when w;
	int64_t until;
	int64_t last;

	if (r == NULL)
		return (struct slice){ NULL, 0 };
	if (!pim_recur_parse(v, r) || !start_of(c, comp, &start))
		return slice_trim(v);
	until = cal_until_wall(r, &start, c->home);
	if ((r->has_until || r->count > 0) &&
	    pim_recur_last(c->a, r, start.t, until, &last)) {
		w = start;
		w.t.wall = last;
		r->count = 0;
		r->has_until = true;
		r->until = w.t;
		if (w.zone != NULL) {
			r->until.wall = cal_utc(&w, c->home);
			r->until.utc = true;
		}
	}
	pim_recur_simplify(r, start.t);
	return pim_recur_text(c->a, r);
}

/* ---- times
 * --------------------------------------------------------------------- */

static struct slice
norm_when(struct cal *c, const struct pim_prop *p)
{
	struct cal_when w;

	if (!cal_when_value(c, p, p->value, &w))
		return slice_trim(p->value);
	return when_text(c->a, &w);
}

/* An end that says what its absence would say is not there. */
static struct slice
norm_end(struct cal *c, const struct pim_comp *comp, const struct pim_prop *p)
{
	struct cal_when start;
	struct cal_when end;

	if (!cal_when_get(c, comp, "DTSTART", &start) ||
	    !cal_when_value(c, p, p->value, &end))
		return norm_when(c, p);
	if (start.t.date && end.t.date &&
	    end.t.wall <= start.t.wall + PIM_DAY_S)
		return none();
	if (!start.t.date && cal_utc(&end, c->home) <= cal_utc(&start, c->home))
		return none();
	return when_text(c->a, &end);
}

/* DURATION compares as the end that it makes. */
static struct slice
norm_duration(struct cal *c, const struct pim_comp *comp,
	      const struct pim_prop *p)
{
	struct pim_prop end = { .name = SLICE_INIT("DTEND") };
	struct cal_when start;
	struct cal_when w;

	if (!cal_when_get(c, comp, "DTSTART", &start) ||
	    !cal_end(c, comp, &start, &w))
		return slice_trim(p->value);
	if (!cal_when_put(c, &end, &w))
		return (struct slice){ NULL, 0 };
	return norm_end(c, comp, &end);
}

static struct slice
norm_dates(struct cal *c, const struct pim_comp *comp, const struct pim_prop *p)
{
	struct pim_comp one = { .name = comp->name };
	struct pim_prop copy = *p;
	struct buf b = BUF_IN(c->a);
	struct cal_when start;
	int64_t *walls;
	size_t n;

	copy.next = NULL;
	one.props = &copy;
	if (pim_param_has(p, "VALUE", "PERIOD") || !start_of(c, comp, &start))
		return slice_trim(p->value);
	if (!cal_dates(c, &one, p->name.p[0] == 'E' ? "EXDATE" : "RDATE",
		       &start, &walls, &n))
		return (struct slice){ NULL, 0 };
	for (size_t i = 0; i < n; i++) {
		struct cal_when w = start;
		char t[PIM_TIME_TEXT];

		w.t.wall = walls[i];
		if (w.zone != NULL) {
			w.t.wall = cal_utc(&w, c->home);
			w.t.utc = true;
		}
		buf_add(&b, (struct slice){ t, pim_time_put(w.t, t) });
		buf_byte(&b, ',');
	}
	return buf_ok(&b) ? buf_slice(&b) : (struct slice){ NULL, 0 };
}

/* ---- words
 * ---------------------------------------------------------------------- */

static struct slice
upper(struct arena *a, struct slice s)
{
	struct slice u = arena_copy(a, slice_trim(s));
	char *p = arena_alloc(a, u.n + 1);

	if (u.p == NULL || p == NULL)
		return (struct slice){ NULL, 0 };
	for (size_t i = 0; i < u.n; i++)
		p[i] = slice_upper(u.p[i]);
	return (struct slice){ p, u.n };
}

/* A default value is as good as none. */
static struct slice
norm_word(struct cal *c, const struct pim_comp *comp, const struct pim_prop *p)
{
	bool todo = cal_is_todo(comp);
	struct slice v = upper(c->a, p->value);
	const char *usual = NULL;

	if (slice_is(p->name, "STATUS"))
		usual = todo ? "NEEDS-ACTION" : "CONFIRMED";
	else if (slice_is(p->name, "TRANSP"))
		usual = "OPAQUE";
	else if (slice_is(p->name, "CLASS"))
		usual = "PUBLIC";
	else if (slice_is(p->name, "PRIORITY"))
		usual = "0";
	else if (slice_is(p->name, "PERCENT-COMPLETE"))
		usual =
		    slice_is_nocase(pim_prop_value(comp, "STATUS"), "COMPLETED")
			? "100"
			: "0";
	return v.p != NULL && usual != NULL && slice_is(v, usual) ? none() : v;
}

static int
by_text(const void *x, const void *y)
{
	return slice_cmp(*(const struct slice *)x, *(const struct slice *)y);
}

/* CATEGORIES is a set; vendors' X- numbers count like any other. */
static struct slice
norm_set(struct cal *c, const struct pim_prop *p)
{
	struct slice up = upper(c->a, p->value);
	struct slice rest = up;
	struct slice one;
	struct buf b = BUF_IN(c->a);
	struct slice *v;
	size_t max = 1;
	size_t n = 0;

	for (size_t i = 0; i < up.n; i++)
		max += up.p[i] == ',';
	v = ARENA_ARRAY(c->a, max, struct slice);
	if (up.p == NULL || v == NULL)
		return (struct slice){ NULL, 0 };
	while (n < max && pim_split(&rest, ',', &one)) {
		one = slice_trim(one);
		if (one.n > 0)
			v[n++] = one;
	}
	qsort(v, n, sizeof(*v), by_text);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && slice_eq(v[i], v[i - 1]))
			continue;
		if (b.n > 0)
			buf_byte(&b, ',');
		buf_add(&b, v[i]);
	}
	return buf_ok(&b) ? buf_slice(&b) : (struct slice){ NULL, 0 };
}

static struct slice
param_or(const struct pim_prop *p, const char *name, const char *usual)
{
	struct slice v = pim_param_get(p, name);

	return v.n == 0 || slice_is_nocase(v, usual) ? none() : v;
}

/* Who, and what they answered; the order of parameters and their defaults do
   not count, nor does the display name. */
static struct slice
norm_attendee(struct cal *c, const struct pim_prop *p)
{
	struct slice who = slice_trim(p->value);
	struct slice stat = param_or(p, "PARTSTAT", "NEEDS-ACTION");
	struct slice role = param_or(p, "ROLE", "REQ-PARTICIPANT");
	struct slice text;

	if (slice_starts_nocase(who, "mailto:"))
		who = slice_from(who, 7);
	if (slice_is(p->name, "ORGANIZER"))
		stat = role = none();
	text = arena_printf(c->a, "%.*s;%.*s;%.*s", SLICE_ARG(who),
			    SLICE_ARG(stat), SLICE_ARG(role));
	return text.p == NULL ? text : upper(c->a, text);
}

/* ---- the table
 * -------------------------------------------------------------------- */

enum norm {
	NORM_TIME,
	NORM_END,
	NORM_DURATION,
	NORM_DATES,
	NORM_RULE,
	NORM_WORD,
	NORM_SET,
	NORM_ATTENDEE,
	NORM_NONE
};

static const struct {
	const char *name;
	enum norm norm;
} norms[] = {
	{ "DTSTART", NORM_TIME },
	{ "DTEND", NORM_END },
	{ "DUE", NORM_TIME },
	{ "DURATION", NORM_DURATION },
	{ "RECURRENCE-ID", NORM_TIME },
	{ "COMPLETED", NORM_TIME },
	{ "EXDATE", NORM_DATES },
	{ "RDATE", NORM_DATES },
	{ "RRULE", NORM_RULE },
	{ "EXRULE", NORM_RULE },
	{ "STATUS", NORM_WORD },
	{ "TRANSP", NORM_WORD },
	{ "CLASS", NORM_WORD },
	{ "PRIORITY", NORM_WORD },
	{ "PERCENT-COMPLETE", NORM_WORD },
	{ "CATEGORIES", NORM_SET },
	{ "RESOURCES", NORM_SET },
	{ "ATTENDEE", NORM_ATTENDEE },
	{ "ORGANIZER", NORM_ATTENDEE },
	/* kind of entry on the phone: follows from the rest */
	{ "X-EPOCAGENDAENTRYTYPE", NORM_NONE },
	{ "X-SYMBIAN-LUID", NORM_NONE },
	{ "X-METHOD", NORM_NONE },
};

static struct slice
normalised(struct cal *c, const struct pim_comp *comp, const struct pim_prop *p,
	   enum norm norm)
{
	switch (norm) {
	case NORM_TIME:
		return norm_when(c, p);
	case NORM_END:
		return norm_end(c, comp, p);
	case NORM_DURATION:
		return norm_duration(c, comp, p);
	case NORM_DATES:
		return norm_dates(c, comp, p);
	case NORM_RULE:
		return norm_rule(c, comp, p->value);
	case NORM_WORD:
		return norm_word(c, comp, p);
	case NORM_SET:
		return norm_set(c, p);
	case NORM_ATTENDEE:
		return norm_attendee(c, p);
	case NORM_NONE:
		break;
	}
	return none();
}

bool
pim_cal_norm(struct arena *a, const struct pim_comp *root,
	     const struct pim_comp *comp, const struct pim_prop *p,
	     struct slice *out)
{
	struct cal c;

	for (size_t i = 0; i < sizeof(norms) / sizeof(norms[0]); i++) {
		if (!slice_is(p->name, norms[i].name))
			continue;
		cal_init(&c, a, NULL, root);
		c.by_name = true;
		*out = normalised(&c, comp, p, norms[i].norm);
		if (c.nomem)
			out->p = NULL;
		return true;
	}
	return false;
}

/* ---- alarms
 * ------------------------------------------------------------------------ */

static struct slice
norm_alarm(struct cal *c, const struct pim_comp *alarm,
	   const struct cal_when *start, const struct cal_when *end)
{
	struct slice act = pim_prop_value(alarm, "ACTION");
	bool mail = slice_is_nocase(act, "EMAIL");
	struct pim_dur snooze = { 0, 0 };
	struct pim_time t = { .utc = true };
	uint32_t repeat = 0;
	char text[PIM_TIME_TEXT];

	if (!cal_trigger(c, alarm, start, end, &t.wall))
		return none();
	(void)pim_dur_parse(pim_prop_value(alarm, "DURATION"), &snooze);
	if (!slice_u32(pim_prop_value(alarm, "REPEAT"), &repeat) ||
	    (snooze.days == 0 && snooze.secs == 0))
		repeat = 0;
	(void)pim_time_put(t, text);
	if (repeat == 0)
		return arena_printf(c->a, "%s%s", text, mail ? "M" : "");
	return arena_printf(c->a, "%s%s+%u*%" PRId64, text, mail ? "M" : "",
			    repeat, snooze.days * PIM_DAY_S + snooze.secs);
}

/* ---- changed instances of the same body
 * ------------------------------------------- */

static bool
is_other(const struct pim_comp *k, const struct pim_comp *main)
{
	return k != main && slice_eq(k->name, main->name);
}

/* One instance: what it says, sorted. */
static bool
put_instance(struct cal *c, const struct pim_comp *root,
	     const struct pim_comp *k, struct buf *b)
{
	struct slice *v;
	size_t max = 0;
	size_t n = 0;

	for (const struct pim_prop *p = k->props; p != NULL; p = p->next)
		max++;
	v = ARENA_ARRAY(c->a, max, struct slice);
	if (v == NULL)
		return false;
	for (const struct pim_prop *p = k->props; p != NULL; p = p->next) {
		struct slice norm = p->value;

		if (p->def->flags & PIM_P_VOLATILE)
			continue;
		if (pim_cal_norm(c->a, root, k, p, &norm) && norm.p == NULL)
			return false;
		if (norm.n == 0)
			continue;
		v[n] = arena_printf(c->a, "%.*s:%.*s", SLICE_ARG(p->name),
				    SLICE_ARG(norm));
		if (v[n++].p == NULL)
			return false;
	}
	qsort(v, n, sizeof(*v), by_text);
	buf_str(b, "instance\n");
	for (size_t i = 0; i < n; i++) {
		buf_add(b, v[i]);
		buf_byte(b, '\n');
	}
	return true;
}

static bool
put_instances(struct cal *c, const struct pim_comp *root,
	      const struct pim_comp *main, struct buf *b)
{
	struct slice *v;
	size_t max = 0;
	size_t n = 0;

	for (const struct pim_comp *k = root->kids; k != NULL; k = k->next)
		max += is_other(k, main);
	if (max == 0)
		return true;
	v = ARENA_ARRAY(c->a, max, struct slice);
	if (v == NULL)
		return false;
	for (const struct pim_comp *k = root->kids; k != NULL; k = k->next) {
		struct buf one = BUF_IN(c->a);

		if (!is_other(k, main))
			continue;
		if (!put_instance(c, root, k, &one) || !buf_ok(&one))
			return false;
		v[n++] = buf_slice(&one);
	}
	qsort(v, n, sizeof(*v), by_text);
	for (size_t i = 0; i < n; i++)
		buf_add(b, v[i]);
	return true;
}

bool
pim_cal_has_more(const struct pim_item *it)
{
	const struct pim_comp *main = pim_cal_main(it);

	for (const struct pim_comp *k = main == NULL ? NULL : it->root->kids;
	     k != NULL; k = k->next) {
		if (is_other(k, main))
			return true;
	}
	return main != NULL && pim_comp_kid(main, "VALARM") != NULL;
}

static bool
put_alarms(struct cal *c, const struct pim_comp *comp, struct buf *b)
{
	struct slice v[CAL_ALARMS_MAX] = { 0 };
	struct cal_when start;
	struct cal_when end;
	bool has_start = cal_when_get(c, comp, "DTSTART", &start);
	bool has_end = cal_end(c, comp, has_start ? &start : NULL, &end);
	size_t n = 0;

	for (const struct pim_comp *k = pim_comp_kid(comp, "VALARM");
	     k != NULL && n < CAL_ALARMS_MAX; k = pim_comp_more(k)) {
		v[n] = norm_alarm(c, k, has_start ? &start : NULL,
				  has_end ? &end : NULL);
		if (v[n].p == NULL)
			return false;
		n += v[n].n > 0;
	}
	qsort(v, n, sizeof(v[0]), by_text);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && slice_eq(v[i], v[i - 1]))
			continue;
		buf_add(b, v[i]);
		buf_byte(b, '\n');
	}
	return true;
}

struct slice
pim_cal_alarms(struct arena *a, const struct pim_comp *root,
	       const struct pim_comp *comp)
{
	struct buf b = BUF_IN(a);
	struct cal c;

	cal_init(&c, a, NULL, root);
	if ((pim_comp_kid(comp, "VALARM") != NULL &&
	     !put_alarms(&c, comp, &b)) ||
	    !put_instances(&c, root, comp, &b) || !buf_ok(&b) || c.nomem)
		return (struct slice){ NULL, 0 };
	return buf_slice(&b);
}

/* ---- identity and title
 * --------------------------------------------------------------- */

/* Nokia's old phones send no SUMMARY: the text is in DESCRIPTION. */
static struct slice
summary_of(struct arena *a, const struct pim_comp *comp)
{
	struct slice s = pim_prop_value(comp, "SUMMARY");

	if (slice_trim(s).n == 0)
		s = pim_prop_value(comp, "DESCRIPTION");
	s = pim_unescape(a, s);
	return s.p == NULL && s.n == 0 ? s : slice_trim(s);
}

int
pim_cal_identity(struct arena *a, const struct pim_item *it,
		 struct pim_cal_key *out, struct err *e)
{
	const struct pim_comp *comp = pim_cal_main(it);
	struct slice uid;
	struct cal_when w;
	struct cal_when start;
	struct cal c;

	memset(out, 0, sizeof(*out));
	if (comp == NULL)
		return 0;
	cal_init(&c, a, NULL, it->root);
	uid = slice_trim(pim_prop_value(comp, "UID"));
	out->uid = uid;
	if (uid.n > 0 && cal_when_get(&c, comp, "RECURRENCE-ID", &w)) {
		struct slice id = when_text(a, &w);

		out->uid =
		    arena_printf(a, "%.*s/%.*s", SLICE_ARG(uid), SLICE_ARG(id));
		if (id.p == NULL || out->uid.p == NULL)
			return cal_nomem(e);
	}
	out->summary = summary_of(a, comp);
	out->start = out->end = out->rule = none();
	if (cal_when_get(&c, comp, "DTSTART", &start))
		out->start = when_text(a, &start);
	if (cal_end(&c, comp, out->start.n > 0 ? &start : NULL, &w))
		out->end = when_text(a, &w);
	else if (out->start.n > 0 && !cal_is_todo(comp)) {
		start.t.wall += start.t.date ? PIM_DAY_S : 0;
		out->end = when_text(a, &start);
	}
	if (pim_prop_value(comp, "RRULE").n > 0)
		out->rule = norm_rule(&c, comp, pim_prop_value(comp, "RRULE"));
	if (out->start.p == NULL || out->end.p == NULL || out->rule.p == NULL ||
	    c.nomem)
		return cal_nomem(e);
	return 0;
}

struct slice
pim_cal_title(struct arena *a, const struct pim_item *it)
{
	const struct pim_comp *comp = pim_cal_main(it);
	struct slice s;
	struct cal_when w;
	struct cal c;
	int64_t day;
	int secs;
	int y;
	int m;
	int d;

	if (comp == NULL)
		return none();
	s = summary_of(a, comp);
	if (s.p == NULL)
		return s;
	s = slice_sub(s, 0, slice_find(s, '\n'));
	if (s.n == 0)
		s = cal_is_todo(comp) ? SLICE_LIT("Task") : SLICE_LIT("Event");
	cal_init(&c, a, NULL, it->root);
	if (!cal_when_get(&c, comp, "DTSTART", &w) &&
	    !cal_when_get(&c, comp, "DUE", &w))
		return s;
	day = pim_day_of(w.t.wall);
	secs = (int)(w.t.wall - day * PIM_DAY_S);
	pim_civil(day, &y, &m, &d);
	if (w.t.date)
		return arena_printf(a, "%.*s, %04d-%02d-%02d", SLICE_ARG(s), y,
				    m, d);
	return arena_printf(a, "%.*s, %04d-%02d-%02d %02d:%02d%s", SLICE_ARG(s),
			    y, m, d, secs / 3600, secs / 60 % 60,
			    w.t.utc ? "Z" : "");
}
