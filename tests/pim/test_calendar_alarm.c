/* Alarms of both dialects, and when they go off. */
#include "tests/pim/calendar_help.h"

#include "pim/alarm.h"
#include "pim/calendar_time.h"

static struct arena *a;

static int
setup(void **state)
{
	(void)state;
	a = arena_new(256 << 20);
	return a == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(&a);
	return 0;
}

/* ---- conversion -------------------------------------------------------------
 */

static const struct {
	const char *lines;
	const char *canon;
	uint32_t rules;
	const char *back;
} convs[] = {
	{ "DTSTART:20090512T090000|AALARM:20090512T085000",
	  "ACTION:DISPLAY|TRIGGER:-PT10M", 0, "AALARM:20090512T085000;;;" },
	{ "DTSTART:20090512T090000|AALARM:20090512T085000;;;", "TRIGGER:-PT10M",
	  PIM_RULE_ALARM_UTC, "AALARM:20090512T065000Z;;;" },
	{ "DTSTART:20090512T090000|AALARM;TYPE=WAVE;VALUE=URL:"
	  "20090512T065000Z;;;file:///x.wav",
	  "ACTION:AUDIO|ATTACH:file:///x.wav|TRIGGER:-PT10M", 0,
	  "AALARM:20090512T085000;;;file:///x.wav" },
	{ "DTSTART:20090512T090000|DALARM:20090512T065000Z;PT5M;2;Wake up",
	  "ACTION:DISPLAY|TRIGGER:-PT10M|DURATION:PT5M|REPEAT:2|"
	  "DESCRIPTION:Wake up",
	  0, "AALARM:20090512T085000;PT5M;2;" },
	/* one moment, one reminder */
	{ "DTSTART:20090512T090000|DALARM:20090512T065000Z;;;hi|"
	  "AALARM:20090512T065000Z",
	  "ACTION:DISPLAY|DESCRIPTION:hi|TRIGGER:-PT10M|!ACTION:AUDIO", 0,
	  "AALARM:20090512T085000;;;" },
	{ "DTSTART:20090512T090000|AALARM:;;;|DALARM:|MALARM: ; ; ; ;",
	  "!BEGIN:VALARM|!TRIGGER", 0, "!AALARM" },
	{ "DTSTART:20090512T090000|MALARM:20090512T065000Z;;;a@example.com;"
	  "note",
	  "ACTION:EMAIL|ATTENDEE:mailto:a@example.com|DESCRIPTION:note", 0,
	  "!MALARM|!AALARM" },
	{ "DTSTART:20090512T090000|PALARM:20090512T065000Z;;;run.exe",
	  "ACTION:PROCEDURE|ATTACH:run.exe", 0, "!PALARM" },
	/* after the start; at it; a day before, over the change of the clock */
	{ "DTSTART:20090512T090000|AALARM:20090512T090500", "TRIGGER:PT5M", 0,
	  "AALARM:20090512T090500;;;" },
	{ "DTSTART:20090512T090000|AALARM:20090512T090000", "TRIGGER:PT0S", 0,
	  "AALARM:20090512T090000;;;" },
	{ "DTSTART:20090329T090000|AALARM:20090328T090000", "TRIGGER:-P1D", 0,
	  "AALARM:20090328T090000;;;" },
	{ "DTSTART:20090329T090000|AALARM:20090329T003000", "TRIGGER:-PT7H30M",
	  0, "AALARM:20090329T003000;;;" },
	/* all-day: at nine in the morning; the evening before */
	{ "DTSTART:20090512T000000|AALARM:20090512T090000", "TRIGGER:PT9H", 0,
	  "AALARM:20090512T090000;;;" },
	{ "DTSTART:20090512T000000|AALARM:20090511T160000Z", "TRIGGER:-PT6H",
	  PIM_RULE_ALARM_UTC, "AALARM:20090511T160000Z;;;" },
};

static void
converts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(convs) / sizeof(convs[0]); i++) {
		struct pim_view v =
		    t_view(PIM_VCAL10, "Europe/Berlin", convs[i].rules, false);
		struct pim_item *it =
		    t_read(a, &v, PIM_VCAL10,
			   t_event(a, PIM_VCAL10, "", convs[i].lines));
		const char *one;

		print_message("%s\n", convs[i].lines);
		assert_non_null(it);
		t_has(t_canon(a, it), convs[i].canon);
		one = t_write(a, &v, it);
		t_has(one, convs[i].back);
		assert_string_equal(one, t_write(a, &v, t_seen(a, &v, it)));
	}
}

/* The device's list of properties chooses. */
static void
by_caps(void **state)
{
	struct pim_cap dalarm[] = { { .name = SLICE_INIT("DALARM") } };
	struct pim_cap both[] = { { .name = SLICE_INIT("AALARM"),
				    .max_occur = 2 },
				  { .name = SLICE_INIT("MALARM") } };
	struct pim_caps only_d = { dalarm, 1 };
	struct pim_caps two = { both, 2 };
	struct pim_view v = t_view(PIM_VCAL10, "Europe/Berlin", 0, true);
	struct pim_item *it = t_read(
	    a, &v, PIM_ICAL20,
	    t_event(a, PIM_ICAL20, "",
		    "DTSTART:20090512T090000Z|BEGIN:VALARM|ACTION:DISPLAY|"
		    "DESCRIPTION:one|TRIGGER:-PT10M|END:VALARM|BEGIN:VALARM|"
		    "ACTION:AUDIO|TRIGGER:-PT20M|END:VALARM|BEGIN:VALARM|"
		    "ACTION:EMAIL|ATTENDEE:mailto:a@example.com|"
		    "DESCRIPTION:d|TRIGGER:-P1D|END:VALARM"));

	(void)state;
	assert_non_null(it);
	t_has(t_write(a, &v, it), "AALARM:20090512T085000Z;;;|!DALARM|!MALARM|"
				  "!AALARM:20090512T084000Z");
	v.caps = &only_d;
	t_has(t_write(a, &v, it), "DALARM:20090512T085000Z;;;one|!AALARM");
	v.caps = &two;
	t_has(t_write(a, &v, it),
	      "AALARM:20090512T085000Z;;;|AALARM:20090512T084000Z;;;");
}

/* ---- going off
 * ------------------------------------------------------------------ */

static int64_t
ms(const char *s)
{
	struct pim_time t;

	assert_true(pim_time_parse(slice_c(s), &t));
	return t.wall * 1000;
}

#define AL(t) "|BEGIN:VALARM|ACTION:DISPLAY|TRIGGER" t "|END:VALARM"
#define ACK(t) "|BEGIN:VALARM|ACKNOWLEDGED:" t "|TRIGGER"
#define B9 "DTSTART;TZID=Europe/Berlin:20090512T090000"

struct next {
	const char *lines;
	const char *after;
	int morning;
	const char *due; /* NULL: none */
	const char *id;
};

static const struct next nexts[] = {
	{ B9 AL(":-PT10M"), "20090101T000000Z", 0, "20090512T065000Z", "" },
	{ B9 AL(":-PT10M"), "20090512T064959Z", 0, "20090512T065000Z", "" },
	{ B9 AL(":-PT10M"), "20090512T065000Z", 0, NULL, "" },
	{ B9 AL(":-PT10M") AL(":-PT30M"), "20090101T000000Z", 0,
	  "20090512T063000Z", "" },
	{ B9 AL(":-PT10M") AL(":-PT30M"), "20090512T063000Z", 0,
	  "20090512T065000Z", "" },
	{ B9 AL(";VALUE=DATE-TIME:20090510T100000Z"), "20090101T000000Z", 0,
	  "20090510T100000Z", "" },
	{ B9 "|DURATION:PT1H" AL(";RELATED=END:-PT5M"), "20090101T000000Z", 0,
	  "20090512T075500Z", "" },
	/* series, over the change of the clock */
	{ B9 "|RRULE:FREQ=WEEKLY" AL(":-PT10M"), "20090512T065000Z", 0,
	  "20090519T065000Z", "20090519T070000Z" },
	{ B9 "|RRULE:FREQ=WEEKLY" AL(":-PT10M"), "20091026T000000Z", 0,
	  "20091027T075000Z", "20091027T080000Z" },
	{ B9 "|RRULE:FREQ=WEEKLY" AL(":-P1D"), "20090601T000000Z", 0,
	  "20090601T070000Z", "20090602T070000Z" },
	{ B9 "|RRULE:FREQ=WEEKLY;COUNT=2" AL(":-PT10M"), "20090520T000000Z", 0,
	  NULL, "" },
	{ B9 "|RRULE:FREQ=WEEKLY|EXDATE;TZID=Europe/Berlin:20090519T090000" AL(
	      ":-PT10M"),
	  "20090512T065000Z", 0, "20090526T065000Z", "20090526T070000Z" },
	{ B9 "|RDATE;TZID=Europe/Berlin:20090515T090000" AL(":-PT10M"),
	  "20090512T065000Z", 0, "20090515T065000Z", "20090515T070000Z" },
	{ B9 "|RRULE:FREQ=DAILY|EXRULE:FREQ=DAILY;INTERVAL=2" AL(":-PT10M"),
	  "20090512T065000Z", 0, "20090513T065000Z", "20090513T070000Z" },
	/* a long lead */
	{ B9 "|RRULE:FREQ=YEARLY" AL(":-P30D"), "20100101T000000Z", 0,
	  "20100412T070000Z", "20100512T070000Z" },
	/* repetitions */
	{ B9 "|BEGIN:VALARM|TRIGGER:-PT10M|DURATION:PT5M|REPEAT:2|END:VALARM",
	  "20090512T065000Z", 0, "20090512T065500Z", "" },
	{ B9 "|BEGIN:VALARM|TRIGGER:-PT10M|DURATION:PT5M|REPEAT:2|END:VALARM",
	  "20090512T070000Z", 0, NULL, "" },
	/* all-day */
	{ "DTSTART;VALUE=DATE:20090512" AL(":PT0S"), "20090101T000000Z", 8,
	  "20090512T060000Z", "" },
	{ "DTSTART;VALUE=DATE:20090512" AL(":-PT15M"), "20090101T000000Z", 8,
	  "20090512T054500Z", "" },
	{ "DTSTART;VALUE=DATE:20090512" AL(":-P1D"), "20090101T000000Z", 8,
	  "20090511T060000Z", "" },
	{ "DTSTART;VALUE=DATE:20090512" AL(":PT9H"), "20090101T000000Z", 8,
	  "20090512T070000Z", "" },
	{ "DTSTART;VALUE=DATE:19550926|RRULE:FREQ=YEARLY" AL(":PT9H"),
	  "20090927T000000Z", 8, "20100926T070000Z", "20100926" },
	/* acknowledged: with its repetitions, and not what comes after it */
	{ B9 "|RRULE:FREQ=WEEKLY" ACK("20090512T065500Z") ":-PT10M|END:VALARM",
	  "20090101T000000Z", 0, "20090519T065000Z", "20090519T070000Z" },
	{ B9 "|RRULE:FREQ=WEEKLY" ACK("20090512T064900Z") ":-PT10M|END:VALARM",
	  "20090101T000000Z", 0, "20090512T065000Z", "20090512T070000Z" },
	{ B9 ACK("20090512T065100Z") ":-PT10M|DURATION:PT5M|REPEAT:2|"
				     "END:VALARM",
	  "20090101T000000Z", 0, NULL, "" },
	/* a repetition does not hide the next occurrence's own alarm */
	{ B9 "|RRULE:FREQ=DAILY|BEGIN:VALARM|TRIGGER:-PT10M|DURATION:PT7H|"
	     "REPEAT:9|END:VALARM",
	  "20090513T060000Z", 0, "20090513T065000Z", "20090513T070000Z" },
	/* snoozed: of which occurrence */
	{ B9 "|RRULE:FREQ=DAILY" AL(";VALUE=DATE-TIME:20090520T065500Z"),
	  "20090101T000000Z", 0, "20090520T065500Z", "20090520T070000Z" },
	{ B9 "|RRULE:FREQ=DAILY" AL(
	      ";VALUE=DATE-TIME:20090520T080000Z|" PIM_ALARM_OCCURRENCE
	      ":20090520T070000Z"),
	  "20090101T000000Z", 0, "20090520T080000Z", "20090520T070000Z" },
	/* none */
	{ B9 "|STATUS:CANCELLED" AL(":-PT10M"), "20090101T000000Z", 0, NULL,
	  "" },
	{ B9, "20090101T000000Z", 0, NULL, "" },
	{ B9 AL(":garbage"), "20090101T000000Z", 0, NULL, "" },
	{ "SUMMARY:x" AL(":-PT5M"), "20090101T000000Z", 0, NULL, "" },
	/* below the day */
	{ B9 "|RRULE:FREQ=HOURLY" AL(":-PT10M"), "20090513T061500Z", 0,
	  "20090513T065000Z", "20090513T070000Z" },
	{ B9 "|RRULE:FREQ=HOURLY;COUNT=1000" AL(":-PT10M"), "20090601T000000Z",
	  0, "20090601T005000Z", "20090601T010000Z" },
	{ B9 "|RRULE:FREQ=HOURLY;COUNT=1000" AL(":-PT10M"), "20090623T000000Z",
	  0, NULL, "" },
	{ B9 "|RRULE:FREQ=HOURLY;BYHOUR=9,12;BYDAY=TU" AL(":-PT10M"),
	  "20090512T070000Z", 0, "20090512T095000Z", "20090512T100000Z" },
	{ B9 "|RRULE:FREQ=MINUTELY;INTERVAL=3" AL(":-P7D"), "20150512T070000Z",
	  0, "20150512T070300Z", "20150519T070300Z" },
	{ B9 "|RRULE:FREQ=MINUTELY;INTERVAL=3|BEGIN:VALARM|TRIGGER:-PT1M|"
	     "REPEAT:100|DURATION:P1D|END:VALARM",
	  "20150512T070000Z", 0, "20150512T070200Z", "20150512T070300Z" },
	{ B9 "|RRULE:FREQ=HOURLY|EXDATE;TZID=Europe/Berlin:20090513T090000" AL(
	      ":-PT10M"),
	  "20090513T061500Z", 0, "20090513T075000Z", "20090513T080000Z" },
	/* each second: the first one only */
	{ B9 "|RRULE:FREQ=SECONDLY" AL(":-PT10M"), "20090101T000000Z", 0,
	  "20090512T065000Z", "20090512T070000Z" },
	{ B9 "|RRULE:FREQ=SECONDLY" AL(":-PT10M"), "20090601T000000Z", 0, NULL,
	  "" },
};

static void
one_next(const struct next *t, const struct pim_item *it)
{
	struct pim_alarm_ask ask = { .zone = SLICE_INIT("Europe/Berlin"),
				     .morning_hour = t->morning };
	struct pim_alarm al;
	bool found;

	ask.after_ms = ms(t->after);
	assert_int_equal(pim_alarm_next(a, it, &ask, &al, &found, NULL), 0);
	if (found != (t->due != NULL))
		fail_msg("%s after %s", t->lines, t->after);
	if (!found)
		return;
	if (al.due_ms != ms(t->due) || !slice_is(al.occurrence, t->id))
		fail_msg("%s after %s: %lld s off, id %.*s", t->lines, t->after,
			 (long long)(al.due_ms - ms(t->due)) / 1000,
			 SLICE_ARG(al.occurrence));
}

static void
goes_off(void **state)
{
	struct pim_view v = t_view(PIM_ICAL20, "Europe/Berlin", 0, true);

	(void)state;
	for (size_t i = 0; i < sizeof(nexts) / sizeof(nexts[0]); i++) {
		struct pim_item *it =
		    t_read(a, &v, PIM_ICAL20,
			   t_event(a, PIM_ICAL20, "", nexts[i].lines));

		assert_non_null(it);
		one_next(&nexts[i], it);
	}
}

static void
tasks_go_off(void **state)
{
	static const struct next rows[] = {
		{ "DUE:20090512T070000Z" AL(":-PT10M"), "20090101T000000Z", 0,
		  "20090512T065000Z", "" },
		{ "DTSTART:20090510T070000Z|DUE:20090512T070000Z" AL(
		      ";RELATED=END:-PT10M"),
		  "20090101T000000Z", 0, "20090512T065000Z", "" },
		{ "SUMMARY:x" AL(";VALUE=DATE-TIME:20090512T070000Z"),
		  "20090101T000000Z", 0, "20090512T070000Z", "" },
		{ "STATUS:COMPLETED|DUE:20090512T070000Z" AL(":-PT10M"),
		  "20090101T000000Z", 0, NULL, "" },
		{ "COMPLETED:20090401T000000Z|DUE:20090512T070000Z" AL(
		      ":-PT10M"),
		  "20090101T000000Z", 0, NULL, "" },
	};
	struct pim_view v = t_view(PIM_ICAL20, "Europe/Berlin", 0, true);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pim_item *it =
		    t_read(a, &v, PIM_ICAL20,
			   t_todo(a, PIM_ICAL20, "", rows[i].lines));

		assert_non_null(it);
		one_next(&rows[i], it);
	}
}

/* A moved instance goes off at its own time, not at the old one. */
static void
moved_instance(void **state)
{
	static const char body[] =
	    "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:s\n"
	    "RRULE:FREQ=WEEKLY\nDTSTART;TZID=Europe/Berlin:20090512T090000\n"
	    "BEGIN:VALARM\nTRIGGER:-PT10M\nEND:VALARM\nEND:VEVENT\n"
	    "BEGIN:VEVENT\nUID:s\nRECURRENCE-ID:20090519T070000Z\n"
	    "DTSTART;TZID=Europe/Berlin:20090520T110000\n"
	    "BEGIN:VALARM\nTRIGGER:-PT1H\nEND:VALARM\nEND:VEVENT\n"
	    "END:VCALENDAR\n";
	static const struct next rows[] = {
		{ "moved", "20090512T065000Z", 0, "20090520T080000Z",
		  "20090519T070000Z" },
		{ "moved", "20090520T080000Z", 0, "20090526T065000Z",
		  "20090526T070000Z" },
	};
	struct pim_view v = t_view(PIM_ICAL20, "Europe/Berlin", 0, true);
	struct pim_item *it = t_read(a, &v, PIM_ICAL20, body);
	struct pim_occur o;
	bool found;

	(void)state;
	assert_non_null(it);
	one_next(&rows[0], it);
	one_next(&rows[1], it);
	assert_int_equal(pim_occur_next(a, it, v.zone, ms("20090513T000000Z"),
					&o, &found, NULL),
			 0);
	assert_true(found);
	assert_true(o.start_ms == ms("20090520T090000Z"));
	assert_true(slice_is(o.id, "20090519T070000Z"));
}

/* Walking from alarm to alarm meets every occurrence once, bounded. */
static void
walks(void **state)
{
	struct pim_view v = t_view(PIM_ICAL20, "America/New_York", 0, true);
	struct pim_item *it =
	    t_read(a, &v, PIM_ICAL20,
		   t_event(a, PIM_ICAL20, "",
			   "DTSTART;TZID=America/New_York:20090301T013000|"
			   "RRULE:FREQ=DAILY;COUNT=400" AL(":-PT10M")));
	struct pim_alarm_ask ask = { .zone = v.zone };
	int n = 0;
	bool found = true;

	(void)state;
	assert_non_null(it);
	while (found) {
		struct pim_alarm al;

		assert_int_equal(pim_alarm_next(a, it, &ask, &al, &found, NULL),
				 0);
		if (!found)
			break;
		assert_true(al.due_ms > ask.after_ms);
		ask.after_ms = al.due_ms;
		n++;
	}
	assert_int_equal(n, 400);
}

/* All that goes off at one instant, of different occurrences too. */
static void
together(void **state)
{
	struct pim_view v = t_view(PIM_ICAL20, "Europe/Berlin", 0, true);
	struct pim_item *it =
	    t_read(a, &v, PIM_ICAL20,
		   t_event(a, PIM_ICAL20, "",
			   B9 "|RRULE:FREQ=DAILY" AL(":-PT10M") AL(":-P1DT10M")
			       AL(":-PT5M")));
	struct pim_alarm_ask ask = { .zone = v.zone,
				     .after_ms = ms("20090520T000000Z") };
	struct pim_alarm al[8];
	size_t n;

	(void)state;
	assert_int_equal(pim_alarm_next_all(a, it, &ask, al, 8, &n, NULL), 0);
	assert_int_equal(n, 2);
	assert_true(al[0].due_ms == ms("20090520T065000Z"));
	assert_true(al[1].due_ms == al[0].due_ms);
	assert_true(slice_is(al[0].occurrence, "20090520T070000Z"));
	assert_true(slice_is(al[1].occurrence, "20090521T070000Z"));
	assert_int_equal(al[1].index, 1);
	assert_int_equal(pim_alarm_next_all(a, it, &ask, al, 1, &n, NULL), 0);
	assert_int_equal(n, 1);
}

/* What has no alarm gets the account's. */
static void
default_lead(void **state)
{
	struct pim_view v = t_view(PIM_ICAL20, "Europe/Berlin", 0, true);
	struct pim_alarm_ask ask = { .zone = v.zone,
				     .lead = true,
				     .lead_min = 15 };
	struct pim_alarm al;
	bool found;

	(void)state;
	assert_int_equal(pim_alarm_next(a,
					t_read(a, &v, PIM_ICAL20,
					       t_event(a, PIM_ICAL20, "", B9)),
					&ask, &al, &found, NULL),
			 0);
	assert_true(found && al.due_ms == ms("20090512T064500Z"));
	assert_null(al.alarm);
	assert_int_equal(
	    pim_alarm_next(a,
			   t_read(a, &v, PIM_ICAL20,
				  t_event(a, PIM_ICAL20, "", B9 AL(":-PT5M"))),
			   &ask, &al, &found, NULL),
	    0);
	assert_true(found && al.due_ms == ms("20090512T065500Z"));
	assert_int_equal(pim_alarm_next(a,
					t_read(a, &v, PIM_ICAL20,
					       t_todo(a, PIM_ICAL20, "",
						      "DUE:20090512T070000Z")),
					&ask, &al, &found, NULL),
			 0);
	assert_false(found);
}

static struct pim_alarm
next_of(const struct pim_item *it, struct pim_alarm_ask ask, const char *after)
{
	struct pim_alarm al;
	bool found;

	ask.after_ms = ms(after);
	assert_int_equal(pim_alarm_next(a, it, &ask, &al, &found, NULL), 0);
	assert_true(found);
	return al;
}

static void
say(struct pim_item *it, const struct pim_alarm *al, const char *now,
    const char *snooze)
{
	struct pim_alarm_answer an = {
		.alarm = *al,
		.lead_min = 15,
		.now_ms = ms(now),
		.snooze_ms = snooze == NULL ? INT64_MIN : ms(snooze),
		.uid = slice_c(now),
		.parent_uid = SLICE_LIT("parent"),
	};

	assert_int_equal(pim_alarm_answer(a, it, &an, NULL), 0);
}

/* Snoozed, snoozed again, dismissed: the item tells every device. */
static void
answered(void **state)
{
	struct pim_view v = t_view(PIM_ICAL20, "Europe/Berlin", 0, true);
	struct pim_alarm_ask ask = { .zone = v.zone };
	struct pim_item *it = t_read(
	    a, &v, PIM_ICAL20,
	    t_event(a, PIM_ICAL20, "", B9 "|RRULE:FREQ=WEEKLY" AL(":-PT10M")));
	struct pim_alarm al = next_of(it, ask, "20090512T064959Z");

	(void)state;
	say(it, &al, "20090512T065030Z", "20090512T070030Z");
	t_has(t_canon(a, it), "ACKNOWLEDGED:20090512T065030Z|UID:parent|"
			      "RELATED-TO;RELTYPE=SNOOZE:parent|"
			      "TRIGGER;VALUE=DATE-TIME:20090512T070030Z|"
			      "LAST-MODIFIED:20090512T065030Z");
	al = next_of(it, ask, "20090512T065000Z");
	assert_true(al.due_ms == ms("20090512T070030Z"));
	assert_true(slice_is(al.occurrence, "20090512T070000Z"));
	say(it, &al, "20090512T070100Z", "20090512T090000Z");
	t_has(t_canon(a, it), "ACKNOWLEDGED:20090512T070100Z|"
			      "TRIGGER;VALUE=DATE-TIME:20090512T090000Z|"
			      "!TRIGGER;VALUE=DATE-TIME:20090512T070030Z");
	al = next_of(it, ask, "20090512T070100Z");
	assert_true(al.due_ms == ms("20090512T090000Z"));
	assert_true(slice_is(al.occurrence, "20090512T070000Z"));
	say(it, &al, "20090512T090001Z", NULL);
	t_has(t_canon(a, it),
	      "ACKNOWLEDGED:20090512T090001Z|!RELATED-TO|!TRIGGER;VALUE");
	al = next_of(it, ask, "20090512T090001Z");
	assert_true(al.due_ms == ms("20090519T065000Z"));
}

/* The default of the account, snoozed, is written down: it stays for the
   occurrences to come. */
static void
default_answered(void **state)
{
	struct pim_view v = t_view(PIM_ICAL20, "Europe/Berlin", 0, true);
	struct pim_alarm_ask ask = { .zone = v.zone,
				     .lead = true,
				     .lead_min = 15 };
	struct pim_item *it = t_read(
	    a, &v, PIM_ICAL20,
	    t_event(a, PIM_ICAL20, "", B9 "|RRULE:FREQ=WEEKLY|SUMMARY:s"));
	const char *before = t_canon(a, it);
	struct pim_alarm al = next_of(it, ask, "20090512T000000Z");

	(void)state;
	say(it, &al, "20090512T064530Z", NULL);
	assert_string_equal(before, t_canon(a, it));
	say(it, &al, "20090512T064530Z", "20090512T070000Z");
	t_has(t_canon(a, it), "TRIGGER:-PT15M");
	al = next_of(it, ask, "20090512T064530Z");
	assert_true(al.due_ms == ms("20090512T070000Z"));
	al = next_of(it, ask, "20090512T070000Z");
	assert_true(al.due_ms == ms("20090519T064500Z"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(converts),
		cmocka_unit_test(by_caps),
		cmocka_unit_test(goes_off),
		cmocka_unit_test(tasks_go_off),
		cmocka_unit_test(moved_instance),
		cmocka_unit_test(walks),
		cmocka_unit_test(together),
		cmocka_unit_test(default_lead),
		cmocka_unit_test(answered),
		cmocka_unit_test(default_answered),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
