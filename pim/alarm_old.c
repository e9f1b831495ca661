/* AALARM, DALARM, MALARM, PALARM of vCalendar 1.0 to VALARM and back. */
#include "pim/calendar_int.h"

struct old_alarm {
	struct slice time;
	struct slice snooze;
	struct slice repeat;
	struct slice rest; /* text, address and note, sound, program */
};

static struct old_alarm
split(struct slice v)
{
	struct old_alarm o = { .time = { NULL, 0 } };

	if (!slice_split(&v, ';', &o.time) ||
	    !slice_split(&v, ';', &o.snooze) ||
	    !slice_split(&v, ';', &o.repeat))
		return o;
	o.rest = v;
	return o;
}

/*
 * Whole days are nominal (the same clock time, whatever summer time does in
 * between), everything else is exact.
 */
static struct pim_dur
distance(struct cal *c, const struct cal_when *base, int64_t utc)
{
	struct cal_when b = *base;
	struct cal_when at;
	struct pim_dur d = { 0, 0 };
	int64_t wall;

	b.t.date = false;
	at = cal_at(utc, &b, c->told != NULL ? c->told : c->home);
	wall = at.t.wall - b.t.wall;
	if (wall != 0 && wall % PIM_DAY_S == 0)
		d.days = wall / PIM_DAY_S;
	else
		d.secs = utc - cal_utc(&b, c->told != NULL ? c->told : c->home);
	return d;
}

/* TRIGGER of an alarm at a time as the old dialect writes it. */
static struct pim_prop *
trigger(struct cal *c, struct slice time, const struct cal_when *base,
	bool base_is_end)
{
	struct pim_prop *p =
	    pim_prop_new(c->a, SLICE_LIT("TRIGGER"), SLICE_LIT(""));
	struct cal_when w = { .zone = c->told };
	struct pim_dur d;
	char text[PIM_DUR_TEXT];

	if (p == NULL)
		return NULL;
	/* Some write what only the new dialect knows: "-PT15M". */
	if (pim_dur_parse(time, &d)) {
		p->value = arena_copy(
		    c->a, (struct slice){ text, pim_dur_put(d, text) });
		return p->value.p != NULL && (!base_is_end ||
					      pim_param_set(c->a, p, "RELATED",
							    SLICE_LIT("END")))
			   ? p
			   : NULL;
	}
	(void)pim_time_parse(time, &w.t);
	if (w.t.utc)
		w.zone = NULL;
	if (base == NULL) {
		w.t.wall = cal_utc(&w, c->home);
		w.t.utc = true;
		w.t.date = false;
		p->value = pim_time_text(c->a, w.t);
		return p->value.p != NULL &&
			       pim_param_set(c->a, p, "VALUE",
					     SLICE_LIT("DATE-TIME"))
			   ? p
			   : NULL;
	}
	d = distance(c, base, cal_utc(&w, c->home));
	p->value =
	    arena_copy(c->a, (struct slice){ text, pim_dur_put(d, text) });
	if (p->value.p == NULL ||
	    (base_is_end &&
	     !pim_param_set(c->a, p, "RELATED", SLICE_LIT("END"))))
		return NULL;
	return p;
}

static struct slice
plain_text(struct arena *a, struct slice s)
{
	s = pim_unescape(a, slice_trim(s));
	return s.p == NULL ? s : pim_escape(a, s);
}

/* A sound is named by a file or an address; some put the text there. */
static bool
is_sound(struct slice s)
{
	return s.n > 0 && slice_find(s, ' ') == SIZE_MAX &&
	       (slice_find(s, ':') != SIZE_MAX ||
		slice_find(s, '/') != SIZE_MAX ||
		slice_find(slice_sub(s, 0, s.n - 1), '.') != SIZE_MAX);
}

/* ACTION and what it needs. */
static bool
put_action(struct cal *c, struct pim_comp *alarm, const struct pim_prop *p,
	   const struct old_alarm *o)
{
	struct slice rest = slice_trim(o->rest);
	struct slice text = plain_text(c->a, rest);
	struct slice first = { "", 0 }; /* the address may be missing */

	if (text.p == NULL)
		return false;
	if (slice_is(p->name, "MALARM")) {
		(void)slice_split(&rest, ';', &first);
		text = plain_text(c->a, rest);
		if (text.p == NULL ||
		    !pim_comp_put(c->a, alarm, "ACTION", SLICE_LIT("EMAIL")))
			return false;
		first = arena_printf(c->a, "mailto:%.*s", SLICE_ARG(first));
		return first.p != NULL &&
		       pim_comp_put(c->a, alarm, "ATTENDEE", first) &&
		       (text.n == 0 ||
			pim_comp_put(c->a, alarm, "DESCRIPTION", text));
	}
	if (slice_is(p->name, "PALARM"))
		return pim_comp_put(c->a, alarm, "ACTION",
				    SLICE_LIT("PROCEDURE")) &&
		       pim_comp_put(c->a, alarm, "ATTACH", rest);
	if (slice_is(p->name, "AALARM") && is_sound(rest))
		return pim_comp_put(c->a, alarm, "ACTION",
				    SLICE_LIT("AUDIO")) &&
		       pim_comp_put(c->a, alarm, "ATTACH", rest);
	/* a bare sound is a reminder like any other: shown everywhere */
	return pim_comp_put(c->a, alarm, "ACTION", SLICE_LIT("DISPLAY")) &&
	       (text.n == 0 || pim_comp_put(c->a, alarm, "DESCRIPTION", text));
}

static bool
put_repeat(struct cal *c, struct pim_comp *alarm, const struct old_alarm *o)
{
	struct slice snooze = slice_trim(o->snooze);
	struct pim_dur d;
	uint32_t n;

	if (!pim_dur_parse(snooze, &d) || !slice_u32(o->repeat, &n) || n == 0)
		return true;
	return pim_comp_put(c->a, alarm, "DURATION", snooze) &&
	       pim_comp_put(c->a, alarm, "REPEAT", slice_trim(o->repeat));
}

/* The sound and the text of one moment are one reminder. */
static struct pim_comp *
same_moment(struct pim_comp *comp, const struct pim_prop *trig)
{
	for (struct pim_comp *k = pim_comp_kid(comp, "VALARM"); k != NULL;
	     k = pim_comp_more(k)) {
		struct slice act = pim_prop_value(k, "ACTION");

		if (slice_eq(pim_prop_value(k, "TRIGGER"), trig->value) &&
		    (slice_is(act, "DISPLAY") || slice_is(act, "AUDIO")))
			return k;
	}
	return NULL;
}

static bool
merge_alarm(struct cal *c, struct pim_comp *into, const struct pim_prop *p,
	    const struct old_alarm *o)
{
	struct slice text = plain_text(c->a, o->rest);

	if (text.p == NULL)
		return false;
	if (text.n == 0)
		return true;
	if (slice_is(p->name, "DALARM") || !is_sound(slice_trim(o->rest)))
		return pim_comp_set(c->a, into, "DESCRIPTION", text);
	return pim_comp_set(c->a, into, "ATTACH", slice_trim(o->rest));
}

static bool
read_one(struct cal *c, struct pim_comp *comp, const struct pim_prop *p,
	 const struct cal_when *base, bool base_is_end)
{
	struct old_alarm o = split(p->value);
	bool shown = slice_is(p->name, "AALARM") || slice_is(p->name, "DALARM");
	struct pim_prop *trig;
	struct pim_comp *alarm;
	struct pim_time t;
	struct pim_dur d;

	o.time = slice_trim(o.time);
	if (!pim_time_parse(o.time, &t) && !pim_dur_parse(o.time, &d))
		return true; /* ";;;": no alarm */
	trig = trigger(c, o.time, base, base_is_end);
	if (trig == NULL)
		return false;
	alarm = shown ? same_moment(comp, trig) : NULL;
	if (alarm != NULL)
		return merge_alarm(c, alarm, p, &o);
	alarm = pim_comp_new(c->a, SLICE_LIT("VALARM"));
	if (alarm == NULL)
		return false;
	pim_comp_add(alarm, trig);
	if (!put_action(c, alarm, p, &o) || !put_repeat(c, alarm, &o))
		return false;
	pim_comp_add_kid(comp, alarm);
	return true;
}

static bool
is_alarm(const struct pim_prop *p)
{
	return p->name.n == 6 && slice_ends(p->name, "ALARM") &&
	       strchr("ADMP", p->name.p[0]) != NULL;
}

int
cal_old_alarms_read(struct cal *c, struct pim_comp *comp,
		    const struct cal_when *start, bool start_is_end,
		    struct err *e)
{
	struct pim_prop **at = &comp->props;
	int n = 0;

	while (*at != NULL) {
		struct pim_prop *p = *at;

		if (!is_alarm(p)) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		if (n++ < CAL_ALARMS_MAX &&
		    !read_one(c, comp, p, start, start_is_end))
			return cal_nomem(e);
	}
	return 0;
}

/* ---- writing
 * -------------------------------------------------------------------- */

bool
cal_trigger(struct cal *c, const struct pim_comp *alarm,
	    const struct cal_when *start, const struct cal_when *end,
	    int64_t *utc)
{
	const struct pim_prop *p = pim_prop_find(alarm, "TRIGGER");
	const struct cal_when *base = start;
	struct cal_when w;
	struct pim_dur d;

	if (p == NULL)
		return false;
	if (cal_when_value(c, p, p->value, &w)) {
		*utc = cal_utc(&w, c->home);
		return true;
	}
	if (!pim_dur_parse(p->value, &d))
		return false;
	if (end != NULL && (base == NULL || pim_param_has(p, "RELATED", "END")))
		base = end;
	if (base == NULL)
		return false;
	w = *base;
	w.t.date = false;
	w.t.wall += d.days * PIM_DAY_S;
	*utc = cal_utc(&w, c->home) + d.secs;
	return true;
}

static bool
has_cap(const struct cal *c, const char *name)
{
	const struct pim_caps *caps = c->view == NULL ? NULL : c->view->caps;

	for (size_t i = 0; caps != NULL && i < caps->prop_n; i++) {
		if (slice_is_nocase(caps->props[i].name, name))
			return true;
	}
	return false;
}

static uint32_t
cap_occur(const struct cal *c, const char *name)
{
	const struct pim_caps *caps = c->view == NULL ? NULL : c->view->caps;

	for (size_t i = 0; caps != NULL && i < caps->prop_n; i++) {
		if (slice_is_nocase(caps->props[i].name, name))
			return caps->props[i].max_occur;
	}
	return 0;
}

static const char *
alarm_name(const struct cal *c, const struct pim_comp *alarm)
{
	struct slice act = pim_prop_value(alarm, "ACTION");

	if (slice_is_nocase(act, "EMAIL"))
		return has_cap(c, "MALARM") ? "MALARM" : NULL;
	if (slice_is_nocase(act, "PROCEDURE"))
		return has_cap(c, "PALARM") ? "PALARM" : NULL;
	return has_cap(c, "DALARM") && !has_cap(c, "AALARM") ? "DALARM"
							     : "AALARM";
}

static struct slice
alarm_rest(struct arena *a, const char *name, const struct pim_comp *alarm)
{
	struct slice text = pim_prop_value(alarm, "DESCRIPTION");
	struct slice who = pim_prop_value(alarm, "ATTENDEE");

	if (name[0] == 'A' || name[0] == 'P') /* sound, program */
		return pim_prop_value(alarm, "ATTACH");
	text = pim_unescape(a, text);
	if (name[0] == 'D' || text.p == NULL)
		return text;
	if (slice_starts_nocase(who, "mailto:"))
		who = slice_from(who, 7);
	return arena_printf(a, "%.*s;%.*s", SLICE_ARG(who), SLICE_ARG(text));
}

static bool
write_one(struct cal *c, const char *name, const struct pim_comp *alarm,
	  struct pim_comp *to, struct pim_time at)
{
	struct slice rest = alarm_rest(c->a, name, alarm);
	struct slice v;
	char t[PIM_TIME_TEXT];

	if (rest.p == NULL && rest.n == 0)
		rest = SLICE_LIT("");
	(void)pim_time_put(at, t);
	v = arena_printf(c->a, "%s;%.*s;%.*s;%.*s", t,
			 SLICE_ARG(pim_prop_value(alarm, "DURATION")),
			 SLICE_ARG(pim_prop_value(alarm, "REPEAT")),
			 SLICE_ARG(rest));
	return v.p != NULL && pim_comp_put(c->a, to, name, v);
}

/*
 * Phones keep one alarm: the first one goes out, the others only to devices
 * that announced room for more.
 */
int
cal_old_alarms_write(struct cal *c, const struct pim_comp *from,
		     struct pim_comp *to, const struct cal_when *start,
		     bool utc, struct err *e)
{
	const struct pim_zone *zone = c->told != NULL ? c->told : c->home;
	struct cal_when end;
	bool has_end = cal_end(c, from, start, &end);
	unsigned shown = 0;

	for (const struct pim_comp *k = pim_comp_kid(from, "VALARM"); k != NULL;
	     k = pim_comp_more(k)) {
		const char *name = alarm_name(c, k);
		struct pim_time t = { .utc = true };
		uint32_t room;

		if (name == NULL ||
		    !cal_trigger(c, k, start, has_end ? &end : NULL, &t.wall))
			continue;
		room = cap_occur(c, name);
		if (shown >= (room > 1 ? room : 1))
			continue;
		shown++;
		if (!utc && zone != NULL) {
			t.wall = pim_zone_to_wall(zone, t.wall);
			t.utc = false;
		}
		if (!write_one(c, name, k, to, t))
			return cal_nomem(e);
	}
	return 0;
}
