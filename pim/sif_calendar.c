/*
 * SIF-E, SIF-T and calendars. They are read as if they were vCalendar 1.0,
 * whose times follow the same habits (Z or the owner's clock, zones as offsets
 * beside the item), and times are written as that dialect would have them.
 */
#include "pim/sif_int.h"

#include "pim/calendar_int.h"

enum { DAY_MINUTES = 24 * 60, NO_YEAR = 4500, ZONE_YEARS = 10 };

static const struct sif_row both_rows[] = {
	SIF_ROW("Subject", "SUMMARY"),
	SIF_ROW("Body", "DESCRIPTION"),
	SIF_ROW("Categories", "CATEGORIES"),
	SIF_OWN("BillingInformation", "BILLINGINFORMATION"),
	SIF_OWN("Companies", "COMPANIES"),
	SIF_OWN("Folder", "FOLDER"),
	SIF_OWN("Mileage", "MILEAGE"),
	SIF_OWN("ReminderOptions", "REMINDEROPTIONS"),
	SIF_OWN("ReminderSoundFile", "REMINDERSOUNDFILE"),
};

static const struct sif_row event_rows[] = {
	SIF_ROW("Location", "LOCATION"),
	SIF_OWN("MeetingStatus", "MEETINGSTATUS"),
	SIF_OWN("ReplyTime", "REPLYTIME"),
	SIF_OWN("ReminderInterval", "REMINDERINTERVAL"),
	SIF_OWN("ReminderRepeatCount", "REMINDERREPEATCOUNT"),
};

static const struct sif_row task_rows[] = {
	SIF_OWN("ActualWork", "ACTUALWORK"),
	SIF_OWN("Owner", "OWNER"),
	SIF_OWN("Role", "ROLE"),
	SIF_OWN("TeamTask", "TEAMTASK"),
	SIF_OWN("TotalWork", "TOTALWORK"),
};

#define ROWS(t) (t), sizeof(t) / sizeof((t)[0])

/* ---- reading: times
 * ------------------------------------------------------------ */

/* Outlook has the first day of 4501 for none. */
static bool
time_in(struct sif_in *in, const char *name, struct pim_time *t)
{
	int y;
	int m;
	int d;

	if (!pim_time_parse(sif_text(in, name), t))
		return false;
	pim_civil(pim_day_of(t->wall), &y, &m, &d);
	return y < NO_YEAR;
}

static void
add_time(struct sif_in *in, const char *prop, struct pim_time t)
{
	(void)sif_add(in, slice_c(prop), pim_time_text(in->a, t));
}

/* The last day of an event that lasts days is one of them. */
static void
read_event_times(struct sif_in *in)
{
	bool all_day = sif_true(sif_text(in, "AllDayEvent"));
	struct pim_time t;

	if (time_in(in, "Start", &t)) {
		if (!t.date)
			(void)sif_add(in, SLICE_LIT("X-FUNAMBOL-ALLDAY"),
				      all_day ? SLICE_LIT("1")
					      : SLICE_LIT("0"));
		add_time(in, "DTSTART", t);
	}
	if (time_in(in, "End", &t)) {
		if (t.date)
			t.wall += PIM_DAY_S;
		add_time(in, "DTEND", t);
	}
}

static void
read_task_times(struct sif_in *in, unsigned *told)
{
	static const struct {
		const char *el, *prop;
		unsigned told;
	} times[] = { { "StartDate", "DTSTART", PIM_TOLD_START },
		      { "DueDate", "DUE", PIM_TOLD_DUE },
		      { "DateCompleted", "COMPLETED", PIM_TOLD_DONE } };
	struct pim_time t;

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		if (sif_has(in, times[i].el))
			*told |= times[i].told;
		if (time_in(in, times[i].el, &t))
			add_time(in, times[i].prop, t);
	}
}

/* Offsets and clock changes beside the item, as vCalendar 1.0 has them. */
static void
read_zone(struct sif_in *in, struct pim_comp *root)
{
	static const char *const names[] = { "DSTOffset", "DSTStart", "DSTEnd",
					     "StandardName", "DSTName" };
	struct sif_in zone = { .a = in->a, .v = in->v, .n = in->n };
	struct slice offset = sif_text(in, "BasicOffset");
	const struct sif_el *el[5];
	size_t n = ZONE_YEARS;

	if (offset.n == 0)
		return;
	zone.tail = &root->props;
	(void)sif_add(&zone, SLICE_LIT("TZ"),
		      pim_canon_new(in->a, offset, PIM_V_RAW));
	for (size_t i = 0; i < 5; i++) {
		size_t found;

		el[i] = sif_all(in, slice_c(names[i]), &found);
		if (i < 3 && found < n)
			n = found;
		if (i >= 3 && found < n)
			el[i] = NULL;
	}
	for (size_t k = 0; k < n; k++) {
		struct buf b = BUF_IN(in->a);

		buf_str(&b, "TRUE");
		for (size_t i = 0; i < 5; i++) {
			buf_byte(&b, ';');
			if (el[i] != NULL)
				buf_add(&b, slice_trim(el[i][k].el.text));
		}
		(void)sif_add(&zone, SLICE_LIT("DAYLIGHT"),
			      pim_canon_new(in->a, buf_slice(&b), PIM_V_RAW));
	}
	in->nomem = in->nomem || zone.nomem;
}

/* ---- reading: the rest
 * --------------------------------------------------------- */

static void
read_busy(struct sif_in *in)
{
	int v = sif_number(sif_text(in, "BusyStatus"), 2);

	if (!sif_has(in, "BusyStatus"))
		return;
	(void)sif_add(in, SLICE_LIT("TRANSP"),
		      v == 0 ? SLICE_LIT("TRANSPARENT") : SLICE_LIT("OPAQUE"));
	(void)sif_add(in, SLICE_LIT("X-MICROSOFT-CDO-BUSYSTATUS"),
		      v == 1   ? SLICE_LIT("TENTATIVE")
		      : v == 3 ? SLICE_LIT("OOF")
			       : SLICE_LIT(""));
}

/* 0 low, 1 normal, 2 high; normal is what there is without a word. */
static void
read_importance(struct sif_in *in)
{
	int v = sif_number(sif_text(in, "Importance"), 1);

	if (sif_has(in, "Importance"))
		(void)sif_add(in, SLICE_LIT("PRIORITY"),
			      v == 0   ? SLICE_LIT("3")
			      : v == 2 ? SLICE_LIT("1")
				       : SLICE_LIT(""));
}

static void
read_attendee(struct sif_in *in, size_t from, size_t to)
{
	static const char *const names[] = { "AttendeeName", "AttendeeEmail",
					     "AttendeeStatus", "AttendeeType" };
	/* As Outlook counts. */
	static const char *const status[] = { "NEEDS-ACTION", "ACCEPTED",
					      "TENTATIVE",    "ACCEPTED",
					      "DECLINED",     "NEEDS-ACTION" };
	static const char *const role[] = { "ORGANIZER", "REQ-PARTICIPANT",
					    "OPT-PARTICIPANT",
					    "NON-PARTICIPANT" };
	struct slice v[4] = { { "", 0 }, { "", 0 }, { "", 0 }, { "", 0 } };
	struct pim_prop *p;
	int n;

	for (size_t i = 0; i < 4; i++) {
		size_t found;
		const struct sif_el *el =
		    sif_all(in, slice_c(names[i]), &found);

		for (size_t k = 0; k < found; k++) {
			if (el[k].pos > from && el[k].pos < to)
				v[i] = pim_clean_name(
				    in->a, slice_trim(el[k].el.text));
		}
		in->nomem = in->nomem || v[i].p == NULL;
	}
	if (in->nomem || (v[0].n == 0 && v[1].n == 0))
		return;
	p = sif_add(in, SLICE_LIT("ATTENDEE"),
		    v[1].n > 0
			? arena_printf(in->a, "mailto:%.*s", SLICE_ARG(v[1]))
			: v[0]);
	if (v[0].n > 0)
		sif_param(in, p, "CN", v[0]);
	n = sif_number(v[2], -1);
	if (n >= 0 && n < 6)
		sif_param(in, p, "PARTSTAT", slice_c(status[n]));
	n = sif_number(v[3], -1);
	if (n >= 0 && n < 4)
		sif_param(in, p, "ROLE", slice_c(role[n]));
}

static void
read_attendees(struct sif_in *in)
{
	size_t n;
	const struct sif_el *el = sif_all(in, SLICE_LIT("Attendee"), &n);

	for (size_t i = 0; i < n && i < PIM_PROPS_MAX / 4; i++)
		read_attendee(in, el[i].pos,
			      i + 1 < n ? el[i + 1].pos : SIZE_MAX);
}

static struct slice
before(struct arena *a, int minutes)
{
	char text[PIM_DUR_TEXT];
	struct pim_dur d = { 0, -(int64_t)minutes * 60 };
	size_t n;

	if (minutes > 0 && minutes % DAY_MINUTES == 0)
		d = (struct pim_dur){ -minutes / DAY_MINUTES, 0 };
	n = pim_dur_put(d, text);
	return arena_copy(a, (struct slice){ text, n });
}

/* Events are reminded of so many minutes before, tasks at a time. */
static void
read_reminder(struct sif_in *in, bool todo, unsigned *told)
{
	bool set = sif_true(sif_text(in, "ReminderSet"));
	int minutes =
	    sif_number(sif_text(in, "ReminderMinutesBeforeStart"), -1);
	struct pim_comp *alarm;
	struct pim_time t;

	if (sif_has(in, "ReminderSet"))
		*told |= PIM_TOLD_ALARM;
	if (todo && time_in(in, "ReminderTime", &t) && set) {
		(void)sif_add(in, SLICE_LIT("DALARM"), pim_time_text(in->a, t));
		return;
	}
	if (!set || minutes < 0)
		return;
	alarm = pim_comp_new(in->a, SLICE_LIT("VALARM"));
	if (alarm == NULL ||
	    !pim_comp_put(in->a, alarm, "ACTION", SLICE_LIT("DISPLAY")) ||
	    !pim_comp_put(in->a, alarm, "TRIGGER", before(in->a, minutes)))
		in->nomem = true;
	else
		in->comp->kids = alarm;
}

/* Outlook's numbers: not started, in progress, complete, waiting, deferred. */
static void
read_status(struct sif_in *in)
{
	static const char *const words[] = { "NEEDS-ACTION", "IN-PROCESS",
					     "COMPLETED", "NEEDS-ACTION",
					     "NEEDS-ACTION" };
	int percent = sif_number(sif_text(in, "PercentComplete"), -1);
	int v = sif_number(sif_text(in, "Status"), -1);
	bool done = sif_true(sif_text(in, "Complete")) || v == 2;

	if (done)
		v = 2;
	if (v >= 0 && v < 5) {
		char digit[2] = { (char)('0' + v), 0 };

		(void)sif_add(in, SLICE_LIT("STATUS"), slice_c(words[v]));
		(void)sif_add(in, SLICE_LIT("X-FUNAMBOL-STATUS"),
			      v >= 3 ? arena_copy(in->a, slice_c(digit))
				     : SLICE_LIT(""));
	}
	if (done)
		percent = 100;
	if (percent >= 0 && percent <= 100)
		(void)sif_add(in, SLICE_LIT("PERCENT-COMPLETE"),
			      percent == 0
				  ? SLICE_LIT("")
				  : arena_printf(in->a, "%d", percent));
}

int
sif_cal_read(struct sif_in *in, const struct pim_view *view, bool todo,
	     struct pim_item **out, struct err *e)
{
	/* Frames, and what is told by something else. */
	static const char *const skip[] = { "Attendees", "Recurrence",
					    "DayLight",  "Timezone",
					    "Duration",  "PatternStartDate" };
	struct pim_comp *root = pim_comp_new(in->a, SLICE_LIT("VCALENDAR"));
	const struct pim_zone *zone = NULL;
	unsigned told = 0;

	if (root == NULL)
		return pim_nomem(e, "pim.sif");
	if (view != NULL && view->zone.n > 0)
		zone = pim_zone_known(view->zone);
	in->comp->name = todo ? SLICE_LIT("VTODO") : SLICE_LIT("VEVENT");
	root->kids = in->comp;
	read_zone(in, root);
	if (todo)
		read_task_times(in, &told);
	else
		read_event_times(in);
	sif_read_rule(in, zone, &told);
	sif_read_rows(in, ROWS(both_rows));
	sif_read_class(in);
	read_importance(in);
	read_reminder(in, todo, &told);
	if (todo) {
		read_status(in);
		sif_read_rows(in, ROWS(task_rows));
	} else {
		read_busy(in);
		read_attendees(in);
		sif_read_rows(in, ROWS(event_rows));
	}
	sif_read_others(in, skip, sizeof(skip) / sizeof(skip[0]));
	if (in->nomem)
		return pim_nomem(e, "pim.sif");
	if (pim_cal_read(in->a, view, PIM_VCAL10, root, out, e) < 0)
		return -1;
	(*out)->told = told;
	return 0;
}

/* ---- writing: times
 * ------------------------------------------------------------ */

struct writing {
	struct sif_out *o;
	struct cal c;
	const struct pim_comp *main; /* canonical */
	const struct pim_comp *old;  /* as vCalendar 1.0 */
	const struct pim_comp *root; /* around it */
	struct cal_when start;
	bool dated;
	bool all_day;
};

/* A date as a date, a time as the old dialect has it. */
static void
put_time(struct writing *w, const char *el, const char *prop, int64_t add)
{
	struct cal_when at;
	struct slice s = pim_prop_value(w->old, prop);

	if (cal_when_get(&w->c, w->main, prop, &at) && at.t.date) {
		s = sif_day(w->o->a, at.t.wall + add);
		w->o->nomem = w->o->nomem || s.p == NULL;
	}
	sif_put(w->o, slice_c(el), s);
}

static void
put_event_times(struct writing *w)
{
	struct slice s;

	sif_put_c(w->o, "AllDayEvent", w->all_day ? "1" : "0");
	put_time(w, "Start", "DTSTART", 0);
	if (!w->all_day || pim_prop_find(w->main, "DTEND") != NULL) {
		put_time(w, "End", "DTEND", -PIM_DAY_S);
		return;
	}
	s = sif_day(w->o->a, w->start.t.wall);
	w->o->nomem = w->o->nomem || s.p == NULL;
	sif_put(w->o, SLICE_LIT("End"), s);
}

static void
put_dates(struct writing *w, const char *prop, const char *el)
{
	struct slice rest = pim_prop_value(w->old, prop);
	struct slice one;
	struct pim_time t;

	while (rest.n > 0 && slice_split(&rest, ';', &one)) {
		if (w->all_day && pim_time_parse(one, &t))
			one = sif_day(w->o->a, t.wall);
		w->o->nomem = w->o->nomem || one.p == NULL;
		sif_put(w->o, slice_c(el), one);
	}
}

static bool
put_rule(struct writing *w)
{
	struct pim_recur *r = ARENA_NEW(w->o->a, struct pim_recur);
	struct slice old = pim_prop_value(w->old, "RRULE");
	struct pim_time start = w->start.t;

	if (r == NULL) {
		w->o->nomem = true;
		return false;
	}
	if (pim_time_parse(pim_prop_value(w->old, "DTSTART"), &start) &&
	    pim_recur_old_parse(old, start, r))
		return sif_write_rule(w->o, r, &start, w->all_day);
	/* What the old grammar cannot say, but this one may. */
	return old.n == 0 &&
	       pim_recur_parse(pim_prop_value(w->main, "RRULE"), r) &&
	       sif_write_rule(w->o, r, &start, w->all_day);
}

static void
put_zone(struct writing *w)
{
	static const char *const names[] = { "DSTOffset", "DSTStart", "DSTEnd",
					     "StandardName", "DSTName" };
	struct buf *b = w->o->b;
	struct slice part;

	if (pim_prop_find(w->root, "TZ") == NULL)
		return;
	buf_str(b, "<Timezone>");
	sif_put(w->o, SLICE_LIT("BasicOffset"), pim_prop_value(w->root, "TZ"));
	for (const struct pim_prop *p = pim_prop_find(w->root, "DAYLIGHT");
	     p != NULL; p = pim_prop_more(p)) {
		struct slice rest = p->value;

		if (!slice_split(&rest, ';', &part) || !slice_is(part, "TRUE"))
			continue;
		buf_str(b, "<DayLight>");
		for (size_t i = 0; i < 5; i++) {
			part = SLICE_LIT("");
			(void)slice_split(&rest, ';', &part);
			sif_put(w->o, slice_c(names[i]), part);
		}
		buf_str(b, "</DayLight>");
	}
	buf_str(b, "</Timezone>");
}

static void
put_recurrence(struct writing *w)
{
	if (!w->dated || !put_rule(w)) {
		sif_write_no_rule(w->o);
		return;
	}
	buf_str(w->o->b, "<Exceptions>");
	put_dates(w, "EXDATE", "ExcludeDate");
	put_dates(w, "RDATE", "IncludeDate");
	buf_str(w->o->b, "</Exceptions>");
	put_zone(w);
}

/* ---- writing: the rest
 * --------------------------------------------------------- */

static void
put_busy(struct writing *w)
{
	struct slice cdo =
	    pim_prop_value(w->main, "X-MICROSOFT-CDO-BUSYSTATUS");
	const char *v = "2";

	if (slice_is_nocase(pim_prop_value(w->main, "TRANSP"), "TRANSPARENT"))
		v = "0";
	else if (slice_is_nocase(cdo, "TENTATIVE"))
		v = "1";
	else if (slice_is_nocase(cdo, "OOF"))
		v = "3";
	sif_put_c(w->o, "BusyStatus", v);
}

static void
put_importance(struct writing *w)
{
	int v = sif_number(pim_prop_value(w->main, "PRIORITY"), 0);

	sif_put_c(w->o, "Importance",
		  v >= 1 && v <= 4 ? "2"
		  : v > 5          ? "0"
				   : "1");
}

static void
put_attendee(struct writing *w, const struct pim_prop *p, bool owner)
{
	struct slice stat = pim_param_get(p, "PARTSTAT");
	struct slice role = pim_param_get(p, "ROLE");
	struct slice mail = p->value;
	const char *type = "1";
	const char *v = "5";

	if (slice_is(stat, "ACCEPTED"))
		v = "3";
	else if (slice_is(stat, "TENTATIVE"))
		v = "2";
	else if (slice_is(stat, "DECLINED"))
		v = "4";
	if (owner)
		type = "0";
	else if (slice_is(role, "OPT-PARTICIPANT"))
		type = "2";
	else if (slice_is(role, "NON-PARTICIPANT"))
		type = "3";
	if (slice_starts_nocase(mail, "mailto:"))
		mail = slice_from(mail, strlen("mailto:"));
	else
		mail = SLICE_LIT("");
	buf_str(w->o->b, "<Attendee>");
	sif_put(w->o, SLICE_LIT("AttendeeName"), pim_param_get(p, "CN"));
	sif_put(w->o, SLICE_LIT("AttendeeEmail"), mail);
	sif_put_c(w->o, "AttendeeStatus", v);
	sif_put_c(w->o, "AttendeeType", type);
	buf_str(w->o->b, "</Attendee>");
}

static void
put_attendees(struct writing *w)
{
	buf_str(w->o->b, "<Attendees>");
	for (const struct pim_prop *p = w->main->props; p != NULL;
	     p = p->next) {
		bool owner = slice_is(p->name, "ORGANIZER");

		if (owner || slice_is(p->name, "ATTENDEE"))
			put_attendee(w, p, owner);
	}
	buf_str(w->o->b, "</Attendees>");
}

static void
put_reminder(struct writing *w, bool todo)
{
	const struct pim_comp *alarm = pim_comp_kid(w->main, "VALARM");
	struct slice at = pim_prop_value(w->old, "AALARM");
	struct cal_when end = w->start;
	struct slice time = SLICE_LIT("");
	int64_t minutes = 0;
	int64_t utc;
	bool set;

	(void)cal_end(&w->c, w->main, &w->start, &end);
	set = alarm != NULL && w->dated &&
	      cal_trigger(&w->c, alarm, &w->start, &end, &utc);
	if (set)
		minutes = (cal_utc(&w->start, w->c.home) - utc) / 60;
	if (at.n == 0)
		at = pim_prop_value(w->old, "DALARM");
	(void)slice_split(&at, ';', &time);
	set = todo ? time.n > 0 : set && minutes >= 0;
	sif_put_c(w->o, "ReminderSet", set ? "1" : "0");
	if (todo)
		sif_put(w->o, SLICE_LIT("ReminderTime"), time);
	else
		sif_put_number(w->o, "ReminderMinutesBeforeStart",
			       set ? minutes : 0);
}

static void
put_status(struct writing *w)
{
	struct slice own = pim_prop_value(w->main, "X-FUNAMBOL-STATUS");
	struct slice status = pim_prop_value(w->main, "STATUS");
	struct slice percent = pim_prop_value(w->main, "PERCENT-COMPLETE");
	bool done = slice_is(status, "COMPLETED");
	struct slice v = SLICE_LIT("0");

	if (done)
		v = SLICE_LIT("2");
	else if (slice_is(status, "IN-PROCESS"))
		v = SLICE_LIT("1");
	else if (slice_is(status, "CANCELLED"))
		v = SLICE_LIT("4");
	else if (slice_is(own, "3") || slice_is(own, "4"))
		v = own;
	sif_put_c(w->o, "Complete", done ? "1" : "0");
	sif_put(w->o, SLICE_LIT("Status"), v);
	sif_put_number(w->o, "PercentComplete",
		       done ? 100 : sif_number(percent, 0));
}

int
sif_cal_write(struct sif_out *o, const struct pim_item *it, struct err *e)
{
	struct pim_view old = *o->view;
	struct writing w = { .o = o, .main = pim_cal_main(it) };
	struct pim_comp *root;
	bool todo = it->kind == PIM_TODO;

	if (w.main == NULL)
		return err_set(e, ERR_BUG, "pim.sif", "nothing to write");
	/* Its clients write Z, and read it. */
	old.form = PIM_VCAL10;
	old.utc = true;
	old.caps = NULL;
	if (pim_cal_write(o->a, &old, it, &root, e) < 0)
		return -1;
	w.root = root;
	w.old = pim_comp_kid(root, todo ? "VTODO" : "VEVENT");
	cal_init(&w.c, o->a, &old, it->root);
	w.dated = cal_when_get(&w.c, w.main, "DTSTART", &w.start) ||
		  cal_when_get(&w.c, w.main, "DUE", &w.start);
	w.all_day = w.dated && w.start.t.date;
	sif_put_c(o, "SIFVersion", "1.1");
	if (todo) {
		put_time(&w, "StartDate", "DTSTART", 0);
		put_time(&w, "DueDate", "DUE", 0);
		put_time(&w, "DateCompleted", "COMPLETED", 0);
		put_status(&w);
	} else {
		put_event_times(&w);
		put_busy(&w);
	}
	sif_write_rows(o, w.main, ROWS(both_rows));
	if (todo)
		sif_write_rows(o, w.main, ROWS(task_rows));
	else
		sif_write_rows(o, w.main, ROWS(event_rows));
	put_importance(&w);
	sif_write_class(o, w.main);
	put_reminder(&w, todo);
	put_recurrence(&w);
	if (!todo)
		put_attendees(&w);
	sif_write_others(o, w.main);
	o->nomem = o->nomem || w.c.nomem;
	return 0;
}
