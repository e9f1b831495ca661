/* Occurrences and alarms of stored items. */
#include "pim/alarm.h"

#include "pim/calendar_int.h"

#include <stdlib.h>

enum {
	RULES_MAX = 4,
	TRIES_MAX = 64,
	REPEAT_MAX = 100,
	HOUR_S = 3600,
	CLOCK_S = 3 * HOUR_S, /* no clock was ever turned back further */
};
_Static_assert((int)TRIES_MAX > (int)CLOCK_S / HOUR_S * PIM_RECUR_HOUR_MAX,
	       "a series must be able to get over it");

struct series { /* a component with all that it repeats */
	struct cal *c;
	const struct pim_comp *comp;
	struct cal_when start;
	int64_t length; /* end - start, seconds; nominal for days */
	bool recurs;
	struct pim_recur *rule[RULES_MAX];
	size_t rule_n;
	struct pim_recur *exrule[RULES_MAX];
	size_t exrule_n;
	int64_t *rdate, *exdate, *moved; /* wall times, sorted */
	size_t rdate_n, exdate_n, moved_n;
};

struct occur {
	struct cal_when start;
	struct cal_when end;
	int64_t utc; /* of the start */
};

/* ---- gathering
 * ---------------------------------------------------------------- */

static bool
add_rule(struct series *s, struct slice text, struct pim_recur **list,
	 size_t *n)
{
	struct pim_recur *r;

	if (*n >= RULES_MAX)
		return true;
	r = ARENA_NEW(s->c->a, struct pim_recur);
	if (r == NULL)
		return false;
	if (pim_recur_parse(text, r) && pim_recur_can_expand(r) &&
	    (r->freq >= PIM_DAILY || !s->start.t.date))
		list[(*n)++] = r;
	return true;
}

static int
by_wall(const void *x, const void *y)
{
	const int64_t *p = x;
	const int64_t *q = y;

	return (*p > *q) - (*p < *q);
}

/* Instances that have a component of their own. */
static bool
gather_moved(struct series *s, const struct pim_item *it)
{
	struct cal_when w;
	size_t max = 0;

	for (const struct pim_comp *k = it->root->kids; k != NULL; k = k->next)
		max += k != s->comp;
	s->moved = ARENA_ARRAY(s->c->a, max, int64_t);
	if (s->moved == NULL)
		return false;
	for (const struct pim_comp *k = it->root->kids; k != NULL;
	     k = k->next) {
		if (k == s->comp || !slice_eq(k->name, s->comp->name) ||
		    !cal_when_get(s->c, k, "RECURRENCE-ID", &w))
			continue;
		w = cal_at(cal_utc(&w, s->c->home), &s->start, s->c->home);
		s->moved[s->moved_n++] = w.t.wall;
	}
	qsort(s->moved, s->moved_n, sizeof(int64_t), by_wall);
	return true;
}

/* false: memory is short; comp has no time: s->comp == NULL. */
static bool
gather(struct cal *c, const struct pim_item *it, const struct pim_comp *comp,
       struct series *s)
{
	struct cal_when end;

	memset(s, 0, sizeof(*s));
	s->c = c;
	if (!cal_when_get(c, comp, "DTSTART", &s->start) &&
	    !cal_when_get(c, comp, "DUE", &s->start))
		return true;
	s->comp = comp;
	if (cal_end(c, comp, &s->start, &end)) {
		s->length = s->start.t.date ? end.t.wall - s->start.t.wall
					    : cal_utc(&end, c->home) -
						  cal_utc(&s->start, c->home);
		if (s->length < 0)
			s->length = 0;
	} else if (s->start.t.date && !cal_is_todo(comp)) {
		s->length = PIM_DAY_S;
	}
	s->recurs = cal_recurs(comp);
	if (!s->recurs)
		return true;
	for (const struct pim_prop *p = comp->props; p != NULL; p = p->next) {
		if (slice_is(p->name, "RRULE") &&
		    !add_rule(s, p->value, s->rule, &s->rule_n))
			return false;
		if (slice_is(p->name, "EXRULE") &&
		    !add_rule(s, p->value, s->exrule, &s->exrule_n))
			return false;
	}
	return gather_moved(s, it) &&
	       cal_dates(c, comp, "RDATE", &s->start, &s->rdate, &s->rdate_n) &&
	       cal_dates(c, comp, "EXDATE", &s->start, &s->exdate,
			 &s->exdate_n);
}

/* ---- the next occurrence
 * --------------------------------------------------------- */

static bool
in_list(const int64_t *v, size_t n, int64_t wall)
{
	return n > 0 && bsearch(&wall, v, n, sizeof(*v), by_wall) != NULL;
}

static bool
excluded(const struct series *s, int64_t wall)
{
	int64_t hit;

	if (in_list(s->exdate, s->exdate_n, wall) ||
	    in_list(s->moved, s->moved_n, wall))
		return true;
	for (size_t i = 0; i < s->exrule_n; i++) {
		int64_t until =
		    cal_until_wall(s->exrule[i], &s->start, s->c->home);

		if (pim_recur_next(s->c->a, s->exrule[i], s->start.t, until,
				   wall, &hit) &&
		    hit == wall)
			return true;
	}
	return false;
}

static int64_t
next_of_rule(const struct series *s, const struct pim_recur *r, int64_t from)
{
	int64_t until = cal_until_wall(r, &s->start, s->c->home);
	struct pim_recur_iter it;
	int64_t v;

	if (!pim_recur_iter_init(s->c->a, &it, r, s->start.t, until)) {
		s->c->nomem = true;
		return INT64_MAX;
	}
	pim_recur_iter_seek(&it, from);
	while (pim_recur_iter_next(&it, &v)) {
		if (v >= from && !excluded(s, v))
			return v;
	}
	return INT64_MAX;
}

static int64_t
next_wall(const struct series *s, int64_t from)
{
	int64_t best = INT64_MAX;

	if (s->start.t.wall >= from &&
	    (!s->recurs || !excluded(s, s->start.t.wall)))
		return s->start.t.wall;
	for (size_t i = 0; i < s->rule_n; i++) {
		int64_t v = next_of_rule(s, s->rule[i], from);

		best = v < best ? v : best;
	}
	for (size_t i = 0; i < s->rdate_n; i++) {
		if (s->rdate[i] >= from && s->rdate[i] < best &&
		    !excluded(s, s->rdate[i]))
			best = s->rdate[i];
	}
	return best;
}

static void
set_occur(const struct series *s, int64_t wall, struct occur *out)
{
	out->start = s->start;
	out->start.t.wall = wall;
	out->utc = cal_utc(&out->start, s->c->home);
	out->end = out->start;
	if (s->start.t.date)
		out->end.t.wall += s->length;
	else
		out->end =
		    cal_at(out->utc + s->length, &out->start, s->c->home);
}

/* The first occurrence that starts at or after an instant. */
static bool
next_occur(const struct series *s, int64_t from, struct occur *out)
{
	/* the wall clock may have been turned back: look an hour or so early
	   and go on from there */
	int64_t wall = cal_at(from, &s->start, s->c->home).t.wall;

	wall -= s->start.t.date ? PIM_DAY_S : CLOCK_S;
	for (int i = 0; i < TRIES_MAX; i++) {
		wall = next_wall(s, wall);
		if (wall == INT64_MAX)
			return false;
		set_occur(s, wall, out);
		if (out->utc >= from)
			return true;
		wall++;
	}
	return false;
}

/* ---- RECURRENCE-ID
 * --------------------------------------------------------------- */

static struct slice
occur_id(struct cal *c, const struct cal_when *w)
{
	struct pim_time t = w->t;

	if (!t.date && w->zone != NULL) {
		t.wall = cal_utc(w, c->home);
		t.utc = true;
	}
	return pim_time_text(c->a, t);
}

static struct slice
id_of(const struct series *s, const struct occur *o)
{
	struct cal_when w;

	if (cal_when_get(s->c, s->comp, "RECURRENCE-ID", &w))
		return occur_id(s->c, &w);
	return s->recurs ? occur_id(s->c, &o->start) : SLICE_LIT("");
}

static bool
is_comp(const struct pim_item *it, const struct pim_comp *k)
{
	return slice_is(k->name, it->kind == PIM_TODO ? "VTODO" : "VEVENT");
}

static void
ask_zone(struct cal *c, struct arena *a, const struct pim_item *it,
	 struct slice zone)
{
	struct pim_view v = { .zone = zone };

	cal_init(c, a, &v, it->root);
	c->view = NULL;
}

int
pim_occur_next(struct arena *a, const struct pim_item *it, struct slice zone,
	       int64_t from_ms, struct pim_occur *out, bool *found,
	       struct err *e)
{
	int64_t from = from_ms / 1000 + (from_ms % 1000 > 0 ? 1 : 0);
	int64_t best = INT64_MAX;
	struct cal c;

	*found = false;
	if (it->root == NULL)
		return 0;
	ask_zone(&c, a, it, zone);
	for (const struct pim_comp *k = it->root->kids; k != NULL;
	     k = k->next) {
		struct series s;
		struct occur o;

		if (!is_comp(it, k))
			continue;
		if (!gather(&c, it, k, &s))
			return cal_nomem(e);
		if (s.comp == NULL || !next_occur(&s, from, &o) ||
		    o.utc >= best)
			continue;
		best = o.utc;
		*found = true;
		out->start_ms = o.utc * 1000;
		out->end_ms = cal_utc(&o.end, c.home) * 1000;
		out->all_day = o.start.t.date;
		out->id = id_of(&s, &o);
		if (out->id.p == NULL)
			return cal_nomem(e);
	}
	return c.nomem ? cal_nomem(e) : 0;
}

/* ---- alarms
 * ------------------------------------------------------------------------ */

struct valarm {
	const struct pim_comp *comp; /* NULL: by ask->lead_min */
	int64_t acknowledged;        /* triggers up to here are settled */
	struct cal_when at;          /* absolute */
	bool absolute;
	bool from_end;
	struct pim_dur offset;
	int64_t snooze;
	uint32_t repeat;
};

/* Does it come several times a day? */
static bool
below_the_day(const struct series *s)
{
	for (size_t i = 0; i < s->rule_n; i++) {
		if (s->rule[i]->freq < PIM_DAILY)
			return true;
	}
	return false;
}

static bool
read_valarm(struct cal *c, const struct pim_comp *comp, struct valarm *v)
{
	const struct pim_prop *p = pim_prop_find(comp, "TRIGGER");
	struct pim_dur snooze = { 0, 0 };
	struct cal_when ack;

	memset(v, 0, sizeof(*v));
	v->comp = comp;
	v->acknowledged = INT64_MIN;
	if (cal_when_get(c, comp, "ACKNOWLEDGED", &ack))
		v->acknowledged = cal_utc(&ack, NULL);
	if (p == NULL)
		return false;
	v->absolute = cal_when_value(c, p, p->value, &v->at);
	if (!v->absolute && !pim_dur_parse(p->value, &v->offset))
		return false;
	v->from_end = pim_param_has(p, "RELATED", "END");
	if (!pim_dur_parse(pim_prop_value(comp, "DURATION"), &snooze) ||
	    !slice_u32(pim_prop_value(comp, "REPEAT"), &v->repeat))
		v->repeat = 0;
	v->snooze = snooze.days * PIM_DAY_S + snooze.secs;
	if (v->repeat > REPEAT_MAX || v->snooze < 60)
		v->repeat = v->snooze < 60 ? 0 : REPEAT_MAX;
	return true;
}

/*
 * A date has no hour: whole days and less than an hour count from the morning
 * hour, anything else was meant to the minute ("PT9H" is nine o'clock).
 */
static int64_t
morning(const struct valarm *v, const struct cal_when *base, int hour)
{
	int64_t s = v->offset.secs < 0 ? -v->offset.secs : v->offset.secs;

	return base->t.date && (s % PIM_DAY_S == 0 || s < HOUR_S)
		   ? (int64_t)hour * HOUR_S
		   : 0;
}

static int64_t
trigger_of(struct cal *c, const struct valarm *v, const struct occur *o,
	   int hour)
{
	struct cal_when w = v->from_end ? o->end : o->start;

	if (v->absolute)
		return cal_utc(&v->at, c->home);
	w.t.wall += v->offset.days * PIM_DAY_S + morning(v, &w, hour);
	w.t.date = false;
	return cal_utc(&w, c->home) + v->offset.secs;
}

/* The first going-off of an alarm for one occurrence that is after `after`. */
static bool
first_after(const struct valarm *v, int64_t trigger, int64_t after,
	    int64_t *due, unsigned *repeat)
{
	int64_t n = 0;

	if (trigger <= v->acknowledged)
		return false;
	if (trigger <= after && v->repeat > 0)
		n = (after - trigger) / v->snooze + 1;
	if (n > v->repeat || trigger + n * v->snooze <= after)
		return false;
	*due = trigger + n * v->snooze;
	*repeat = (unsigned)n;
	return true;
}

struct hit { /* an alarm that goes off at the earliest instant so far */
	unsigned repeat;
	unsigned index;
	const struct pim_comp *comp;
	const struct pim_comp *alarm;
	struct occur o;
	struct slice id;
};

struct best {
	const struct pim_alarm_ask *ask;
	int64_t due;
	struct hit *hit;
	size_t n, max;
};

static bool
keep(struct best *b, const struct series *s, const struct valarm *v,
     const struct hit *h, int64_t due)
{
	struct slice id;

	if (b->n > 0 && due > b->due)
		return true;
	if (b->n > 0 && due < b->due)
		b->n = 0;
	b->due = due;
	if (b->n == b->max)
		return true;
	id = id_of(s, &h->o);
	b->hit[b->n] = *h;
	b->hit[b->n].comp = s->comp;
	b->hit[b->n].alarm = v->comp;
	b->hit[b->n++].id = id;
	return id.p != NULL;
}

/*
 * The occurrence that an absolute trigger is about: the one that we wrote
 * beside it, else the first that is not over then.
 */
static void
occur_of(const struct series *s, const struct valarm *v, struct occur *o)
{
	struct cal_when w = { .zone = NULL };

	if (s->recurs &&
	    pim_time_parse(pim_prop_value(v->comp, PIM_ALARM_OCCURRENCE),
			   &w.t)) {
		w = cal_at(cal_utc(&w, s->c->home), &s->start, s->c->home);
		set_occur(s, w.t.wall, o);
		return;
	}
	if (!s->recurs ||
	    !next_occur(s, cal_utc(&v->at, s->c->home) - s->length, o))
		set_occur(s, s->start.t.wall, o);
}

/* One alarm over the occurrences of a series. */
static bool
try_alarm(const struct series *s, const struct valarm *v, unsigned index,
	  struct best *b)
{
	int64_t after = b->ask->after_ms >= 0
			    ? b->ask->after_ms / 1000
			    : -((999 - b->ask->after_ms) / 1000);
	int64_t reach = v->offset.days * PIM_DAY_S + v->offset.secs +
			(v->from_end ? s->length : 0) + v->snooze * v->repeat +
			(below_the_day(s) ? CLOCK_S : 2 * PIM_DAY_S);
	int64_t from = after - reach;
	struct hit h = { .index = index };

	for (int i = 0; i < TRIES_MAX * 4; i++) {
		int64_t trigger;
		int64_t due;

		if (v->absolute)
			occur_of(s, v, &h.o);
		else if (!next_occur(s, from, &h.o))
			return true;
		trigger = trigger_of(s->c, v, &h.o, b->ask->morning_hour);
		if (b->n > 0 && trigger > b->due)
			return true;
		if (first_after(v, trigger, after, &due, &h.repeat)) {
			/* A repetition may come after the next occurrence's
			   own alarm, or together with it. */
			if (!keep(b, s, v, &h, due))
				return false;
			if (h.repeat == 0)
				return true;
		}
		if (v->absolute || !s->recurs)
			return true;
		from = h.o.utc + 1;
	}
	return true;
}

static bool
is_over(const struct pim_comp *comp)
{
	struct slice st = pim_prop_value(comp, "STATUS");

	return slice_is_nocase(st, "COMPLETED") ||
	       slice_is_nocase(st, "CANCELLED") ||
	       (cal_is_todo(comp) && pim_prop_value(comp, "COMPLETED").n > 0);
}

/* What an event gets that has no alarm. */
static bool
try_lead(struct series *s, struct best *b)
{
	struct valarm v = { .acknowledged = INT64_MIN,
			    .offset.secs = -(int64_t)60 * b->ask->lead_min };

	if (s->comp == NULL || cal_is_todo(s->comp) || is_over(s->comp))
		return true;
	return try_alarm(s, &v, 0, b);
}

static bool
try_comp(struct cal *c, const struct pim_item *it, const struct pim_comp *comp,
	 unsigned *index, struct best *b)
{
	struct series s;
	unsigned n = 0;

	if (!gather(c, it, comp, &s))
		return false;
	if (!pim_alarm_any(it))
		return try_lead(&s, b);
	for (const struct pim_comp *k = pim_comp_kid(comp, "VALARM");
	     k != NULL && n < CAL_ALARMS_MAX; k = pim_comp_more(k), n++) {
		struct valarm v;
		unsigned i = (*index)++;

		if (is_over(comp) || !read_valarm(c, k, &v) ||
		    (s.comp == NULL && !v.absolute))
			continue;
		if (b->ask->settled)
			v.acknowledged = INT64_MIN;
		if (s.comp == NULL) { /* a task without any date */
			s.comp = comp;
			s.start = v.at;
		}
		/* Repetitions of an hour: else occurrences without end would
		   have one that is still to come. */
		if (below_the_day(&s) && v.repeat > 0 &&
		    v.snooze * v.repeat > HOUR_S)
			v.repeat = (uint32_t)(HOUR_S / v.snooze);
		if (!try_alarm(&s, &v, i, b))
			return false;
	}
	return true;
}

bool
pim_alarm_any(const struct pim_item *it)
{
	if (it->root == NULL)
		return false;
	for (const struct pim_comp *k = it->root->kids; k != NULL;
	     k = k->next) {
		if (is_comp(it, k) && pim_comp_kid(k, "VALARM") != NULL)
			return true;
	}
	return false;
}

static void
tell(const struct cal *c, const struct best *b, const struct hit *h,
     struct pim_alarm *out)
{
	const struct pim_comp *al = h->alarm;
	bool mail = al != NULL &&
		    slice_is_nocase(pim_prop_value(al, "ACTION"), "EMAIL");

	*out = (struct pim_alarm){
		.due_ms = b->due * 1000,
		.start_ms = h->o.utc * 1000,
		.end_ms = cal_utc(&h->o.end, c->home) * 1000,
		.all_day = h->o.start.t.date,
		.how = mail ? PIM_ALARM_MAIL : PIM_ALARM_SHOW,
		.index = h->index,
		.repeat = h->repeat,
		.occurrence = h->id,
		.comp = h->comp,
		.alarm = al,
	};
}

int
pim_alarm_next_all(struct arena *a, const struct pim_item *it,
		   const struct pim_alarm_ask *ask, struct pim_alarm *out,
		   size_t max, size_t *n, struct err *e)
{
	struct best b = { .ask = ask, .max = max };
	unsigned index = 0;
	struct cal c;

	*n = 0;
	if (!pim_alarm_any(it) && (!ask->lead || it->root == NULL))
		return 0;
	b.hit = ARENA_ARRAY(a, max, struct hit);
	if (b.hit == NULL)
		return cal_nomem(e);
	ask_zone(&c, a, it, ask->zone);
	for (const struct pim_comp *k = it->root->kids; k != NULL;
	     k = k->next) {
		if (is_comp(it, k) && !try_comp(&c, it, k, &index, &b))
			return cal_nomem(e);
	}
	if (c.nomem)
		return cal_nomem(e);
	for (size_t i = 0; i < b.n; i++)
		tell(&c, &b, &b.hit[i], &out[i]);
	*n = b.n;
	return 0;
}

int
pim_alarm_next(struct arena *a, const struct pim_item *it,
	       const struct pim_alarm_ask *ask, struct pim_alarm *out,
	       bool *found, struct err *e)
{
	size_t n;

	memset(out, 0, sizeof(*out));
	*found = false;
	if (pim_alarm_next_all(a, it, ask, out, 1, &n, e) < 0)
		return -1;
	*found = n > 0;
	return 0;
}
