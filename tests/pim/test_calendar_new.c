/* iCalendar 2.0: zones, normal form, comparison, files. */
#include "tests/pim/calendar_help.h"

#include "pim/zone.h"

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

#define VTZ(tzid, from, to, d1, r1, d2, r2)                                    \
	"BEGIN:VTIMEZONE|TZID:" tzid "|BEGIN:DAYLIGHT|TZOFFSETFROM:" from      \
	"|TZOFFSETTO:" to "|DTSTART:" d1 "|RRULE:" r1                          \
	"|END:DAYLIGHT|BEGIN:STANDARD|TZOFFSETFROM:" to "|TZOFFSETTO:" from    \
	"|DTSTART:" d2 "|RRULE:" r2 "|END:STANDARD|END:VTIMEZONE|"
#define VTZ_EU(tzid)                                                           \
	VTZ(tzid, "+0100", "+0200", "19700329T020000",                         \
	    "FREQ=MONTHLY;INTERVAL=12;BYDAY=-1SU", "19701025T030000",          \
	    "FREQ=MONTHLY;INTERVAL=12;BYDAY=-1SU")
#define VTZ_ODD(tzid)                                                          \
	VTZ(tzid, "+0100", "+0200", "19700411T020000",                         \
	    "FREQ=YEARLY;BYMONTH=4;BYDAY=2SA", "19701010T030000",              \
	    "FREQ=YEARLY;BYMONTH=10;BYDAY=2SA")

static struct pim_item *
read_new(const char *zone, const char *body)
{
	struct pim_view v = t_view(PIM_ICAL20, zone, 0, true);
	struct pim_item *it = t_read(a, &v, PIM_ICAL20, body);

	if (it == NULL)
		fail_msg("refused:\n%s", body);
	return it;
}

static struct pim_item *
event(const char *head, const char *lines)
{
	return read_new("Europe/Berlin", t_event(a, PIM_ICAL20, head, lines));
}

/* zones and components; lines; what they become ("!": must not be there) */
static const char *const CANONICAL[][3] = {
	/* known zones lose their VTIMEZONE and their prefix */
	{ VTZ_EU("/softwarestudio.org/Olson_20011030_5/Europe/Berlin"),
	  "DTSTART;TZID=/softwarestudio.org/Olson_20011030_5/"
	  "Europe/Berlin:20060406T180000",
	  "DTSTART;TZID=Europe/Berlin:20060406T180000|"
	  "!BEGIN:VTIMEZONE" },
	{ "",
	  "DTSTART;TZID=/freeassociation.sourceforge.net/"
	  "Europe/Berlin:20060406T180000",
	  "DTSTART;TZID=Europe/Berlin:20060406T180000" },
	{ "", "DTSTART;TZID=W. Europe Standard Time:20060406T180000",
	  "DTSTART;TZID=Europe/Berlin:20060406T180000" },
	/* by its rules */
	{ VTZ_EU("Home"), "DTSTART;TZID=Home:20060406T180000",
	  "DTSTART;TZID=Europe/Berlin:20060406T180000|"
	  "!BEGIN:VTIMEZONE" },
	/* "EST" is a zone without summer time, this one is not */
	{ VTZ("EST", "-0500", "-0400", "20070311T020000",
	      "FREQ=YEARLY;BYMONTH=3;BYDAY=2SU", "20071104T020000",
	      "FREQ=YEARLY;BYMONTH=11;BYDAY=1SU"),
	  "DTSTART;TZID=EST:20090706T180000",
	  "DTSTART;TZID=America/New_York:20090706T180000" },
	/* nobody's rules: kept */
	{ VTZ_ODD("Odd"), "DTSTART;TZID=Odd:20060406T180000",
	  "DTSTART;TZID=Odd:20060406T180000|BEGIN:VTIMEZONE|TZID:Odd" },
	/* unknown and not told: the account's */
	{ "", "DTSTART;TZID=Somewhere:20060406T180000",
	  "DTSTART;TZID=Europe/Berlin:20060406T180000" },
	{ "", "DTSTART;TZID=UTC:20060406T180000", "DTSTART:20060406T180000Z" },
	/* dates stay dates, floating stays floating */
	{ "", "DTSTART;VALUE=DATE:20090512",
	  "DTSTART;VALUE=DATE:20090512|!DTEND" },
	{ "", "DTSTART:20090512|DTEND:20090513",
	  "DTSTART;VALUE=DATE:20090512|DTEND;VALUE=DATE:20090513" },
	{ "", "DTSTART;VALUE=DATE-TIME:20090512T090000",
	  "DTSTART:20090512T090000" },
	{ "", "DTSTART;VALUE=DATE:20090512T090000Z",
	  "DTSTART;VALUE=DATE:20090512" },
	{ "", "DTSTART:20090512T090000Z|DURATION:PT1H",
	  "DURATION:PT1H|!DTEND" },
	/* ends of the other kind */
	{ "", "DTSTART;VALUE=DATE:20090512|DTEND:20090513T100000Z",
	  "DTEND;VALUE=DATE:20090514" },
	{ "", "DTSTART:20090512T090000Z|DTEND:20090512T090000Z", "!DTEND" },
	{ "", "DTSTART:20090512T090000Z|DTEND:20090511T090000Z", "!DTEND" },
	/* flags */
	{ "",
	  "DTSTART:20090511T220000Z|DTEND:20090512T220000Z|"
	  "X-MICROSOFT-CDO-ALLDAYEVENT:TRUE",
	  "DTSTART;VALUE=DATE:20090512|DTEND;VALUE=DATE:20090513|"
	  "!X-MICROSOFT" },
	/* rules in one order; strange ones verbatim */
	{ "",
	  "DTSTART:20090512T090000Z|RRULE:COUNT=3;BYDAY=TU;"
	  "INTERVAL=1;FREQ=WEEKLY",
	  "RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=3" },
	{ "", "DTSTART:20090512T090000Z|RRULE:FREQ=SECONDLY",
	  "RRULE:FREQ=SECONDLY" },
	{ "", "DTSTART:20090512T090000Z|RRULE:RSCALE=CHINESE;FREQ=YEARLY",
	  "RRULE:RSCALE=CHINESE;FREQ=YEARLY" },
	{ "", "DTSTART:20090512T090000Z|RRULE:", "!RRULE" },
	{ "",
	  "DTSTART:20090512T090000Z|"
	  "RRULE;X-EVOLUTION-ENDDATE=20090606T153000Z:FREQ=DAILY;"
	  "COUNT=3",
	  "RRULE;X-EVOLUTION-ENDDATE=20090606T153000Z:FREQ=DAILY;"
	  "COUNT=3" },
	/* exceptions: one sorted list on DTSTART's clock */
	{ "",
	  "DTSTART;TZID=Europe/Berlin:20090512T090000|"
	  "RRULE:FREQ=DAILY|EXDATE:20090514T070000Z|"
	  "EXDATE;TZID=Europe/Berlin:20090513T090000,20090513T090000|"
	  "EXDATE;VALUE=DATE:20090520",
	  "EXDATE;TZID=Europe/Berlin:20090513T090000,20090514T090000,"
	  "20090520T090000" },
	{ "",
	  "DTSTART;VALUE=DATE:20090512|RRULE:FREQ=DAILY|"
	  "EXDATE:20090514T000000",
	  "EXDATE;VALUE=DATE:20090514" },
	/* alarms, stamps */
	{ "",
	  "DTSTART:20090512T090000Z|BEGIN:VALARM|ACTION:DISPLAY|"
	  "TRIGGER;VALUE=DATE-TIME;TZID=Europe/Berlin:20090512T100000|"
	  "END:VALARM",
	  "TRIGGER;VALUE=DATE-TIME:20090512T080000Z" },
	{ "",
	  "DTSTART:20090512T090000Z|CREATED;TZID=Europe/Berlin:"
	  "20090501T100000",
	  "CREATED:20090501T080000Z" },
	/* unknown things are kept, errors are not */
	{ "METHOD:PUBLISH|X-WR-CALNAME:a|",
	  "DTSTART:20090512T090000Z|X-OWN;P=1:v|NEWPROP:w|"
	  "X-LIC-ERROR:e",
	  "X-OWN;P=1:v|NEWPROP:w|!X-LIC|!METHOD" },
	{ "", "DTSTART:garbage|SUMMARY:x", "DTSTART:garbage|SUMMARY:x" },
};

static void
canonical(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(CANONICAL) / sizeof(CANONICAL[0]); i++) {
		print_message("%s\n", CANONICAL[i][1]);
		t_has(t_canon(a, event(CANONICAL[i][0], CANONICAL[i][1])),
		      CANONICAL[i][2]);
	}
}

/* What goes out is complete, what comes back is the same. */
static void
out_and_back(void **state)
{
	static const char *const rows[][3] = {
		{ "",
		  "UID:1|SUMMARY:a|DTSTART;TZID=Europe/Berlin:20090512T090000|"
		  "RRULE:FREQ=WEEKLY",
		  "VERSION:2.0|PRODID:-//Funicular//Funicular 0.1.0//EN|"
		  "BEGIN:VTIMEZONE|TZID:Europe/Berlin|"
		  "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU|TZNAME:CEST|"
		  "DTSTART;TZID=Europe/Berlin:20090512T090000|!METHOD" },
		{ VTZ_ODD("Odd"), "UID:1|DTSTART;TZID=Odd:20090512T090000",
		  "BEGIN:VTIMEZONE|TZID:Odd" },
		{ "",
		  "UID:1|DTSTART:20090512T090000Z|LAST-MODIFIED:"
		  "20090501T000000Z",
		  "DTSTAMP:20090501T000000Z|!BEGIN:VTIMEZONE" },
		{ "",
		  "UID:1|SUMMARY:s|DTSTART:20090512T090000Z|BEGIN:VALARM|"
		  "ACTION:DISPLAY|TRIGGER:-PT5M|END:VALARM",
		  "DESCRIPTION:s|TRIGGER:-PT5M" },
		{ "",
		  "UID:1|DTSTART;TZID=Europe/Berlin:20090512T090000|"
		  "DTEND;TZID=America/New_York:20090512T120000",
		  "TZID:Europe/Berlin|TZID:America/New_York" },
	};
	struct pim_view v = t_view(PIM_ICAL20, "Europe/Berlin", 0, true);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pim_item *it = event(rows[i][0], rows[i][1]);
		const char *one = t_write(a, &v, it);

		print_message("%s\n", rows[i][1]);
		t_has(one, rows[i][2]);
		assert_string_equal(one, t_write(a, &v, t_seen(a, &v, it)));
	}
}

static void
tasks(void **state)
{
	struct pim_view v = t_view(PIM_ICAL20, "Europe/Berlin", 0, true);
	struct pim_item *it = t_read(
	    a, &v, PIM_ICAL20,
	    t_todo(a, PIM_ICAL20, "",
		   "UID:1|SUMMARY:s|STATUS:COMPLETED|DUE;VALUE=DATE:20090512|"
		   "COMPLETED:20090513T080000Z"));

	(void)state;
	assert_non_null(it);
	assert_int_equal(it->kind, PIM_TODO);
	t_has(t_canon(a, it), "DUE;VALUE=DATE:20090512|!PERCENT");
	t_has(t_write(a, &v, it), "PERCENT-COMPLETE:100|STATUS:COMPLETED");
}

/* ---- comparison
 * ---------------------------------------------------------------- */

static struct slice
norm_of(const struct pim_item *it, const char *name)
{
	const struct pim_comp *c = pim_cal_main(it);
	const struct pim_prop *p = pim_prop_find(c, name);
	struct slice s = SLICE_LIT("");

	if (p == NULL)
		return s;
	if (!pim_cal_norm(a, it->root, c, p, &s))
		return p->value;
	assert_non_null(s.p);
	return s;
}

struct pair {
	const char *name;
	const char *x;
	const char *y;
	bool same;
};

#define B9 "DTSTART;TZID=Europe/Berlin:20090512T090000|"

static const struct pair pairs[] = {
	{ "DTSTART", B9, "DTSTART:20090512T070000Z", true },
	{ "DTSTART", B9, "DTSTART;TZID=Europe/Paris:20090512T090000", true },
	{ "DTSTART", B9, "DTSTART:20090512T090000Z", false },
	{ "DTSTART", "DTSTART;VALUE=DATE:20090512", "DTSTART:20090512T000000Z",
	  false },
	{ "DTEND", "DTSTART;VALUE=DATE:20090512|DTEND;VALUE=DATE:20090513",
	  "DTSTART;VALUE=DATE:20090512", true },
	{ "DTEND", B9 "DTEND;TZID=Europe/Berlin:20090512T100000",
	  B9 "DTEND:20090512T080000Z", true },
	{ "RRULE", B9 "RRULE:FREQ=WEEKLY;COUNT=5",
	  B9 "RRULE:FREQ=WEEKLY;UNTIL=20090609T070000Z", true },
	{ "RRULE", B9 "RRULE:FREQ=WEEKLY;COUNT=5",
	  B9 "RRULE:FREQ=WEEKLY;BYDAY=TU;UNTIL=20090612", true },
	{ "RRULE", B9 "RRULE:FREQ=WEEKLY;COUNT=5",
	  B9 "RRULE:FREQ=WEEKLY;COUNT=6", false },
	{ "RRULE", B9 "RRULE:FREQ=WEEKLY", B9 "RRULE:FREQ=WEEKLY;WKST=SU",
	  true },
	{ "RRULE", B9 "RRULE:FREQ=WEEKLY;BYDAY=MO,TU",
	  B9 "RRULE:FREQ=WEEKLY;BYDAY=TU,MO", true },
	{ "RRULE", B9 "RRULE:FREQ=DAILY", B9 "RRULE:FREQ=WEEKLY", false },
	{ "RRULE", B9 "RRULE:FREQ=SECONDLY", B9 "RRULE:FREQ=SECONDLY", true },
	{ "RRULE", "DTSTART;VALUE=DATE:20090512|RRULE:FREQ=DAILY;COUNT=3",
	  "DTSTART;VALUE=DATE:20090512|RRULE:FREQ=DAILY;UNTIL=20090514", true },
	{ "EXDATE", B9 "RRULE:FREQ=DAILY|EXDATE:20090513T070000Z",
	  B9 "RRULE:FREQ=DAILY|EXDATE;VALUE=DATE:20090513", true },
	{ "STATUS", B9 "STATUS:CONFIRMED", B9, true },
	{ "STATUS", B9 "STATUS:TENTATIVE", B9, false },
	{ "TRANSP", B9 "TRANSP:OPAQUE", B9, true },
	{ "CLASS", B9 "CLASS:public", B9, true },
	{ "PRIORITY", B9 "PRIORITY:0", B9, true },
	{ "CATEGORIES", B9 "CATEGORIES:A,b,C", B9 "CATEGORIES:c,B,a,a", true },
	{ "CATEGORIES", B9 "CATEGORIES:A,B", B9 "CATEGORIES:A", false },
	{ "ATTENDEE",
	  B9 "ATTENDEE;ROLE=REQ-PARTICIPANT;CN=x;PARTSTAT=ACCEPTED:"
	     "mailto:a@example.com",
	  B9 "ATTENDEE;PARTSTAT=ACCEPTED;CN=y:MAILTO:A@example.com", true },
	{ "ATTENDEE", B9 "ATTENDEE;PARTSTAT=ACCEPTED:mailto:a@example.com",
	  B9 "ATTENDEE;PARTSTAT=DECLINED:mailto:a@example.com", false },
	{ "X-EPOCAGENDAENTRYTYPE", B9 "X-EPOCAGENDAENTRYTYPE:APPOINTMENT", B9,
	  true },
};

static void
compares(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct slice x = norm_of(event("", pairs[i].x), pairs[i].name);
		struct slice y = norm_of(event("", pairs[i].y), pairs[i].name);

		if (slice_eq(x, y) != pairs[i].same)
			fail_msg("%s: %.*s and %.*s", pairs[i].x, SLICE_ARG(x),
				 SLICE_ARG(y));
	}
}

static struct slice
alarms_of(const char *lines)
{
	struct pim_item *it = event("", lines);
	struct slice s = pim_cal_alarms(a, it->root, pim_cal_main(it));

	assert_non_null(s.p);
	return s;
}

#define ALARM(what) "BEGIN:VALARM|" what "|END:VALARM"

static void
compares_alarms(void **state)
{
	static const struct pair rows[] = {
		{ "", B9 ALARM("ACTION:DISPLAY|TRIGGER:-PT10M"),
		  B9 ALARM("TRIGGER;RELATED=START:-PT600S|ACTION:AUDIO|X-A:b"),
		  true },
		{ "", B9 ALARM("ACTION:DISPLAY|TRIGGER:-PT10M"),
		  B9 ALARM("ACTION:DISPLAY|TRIGGER;VALUE=DATE-TIME:"
			   "20090512T065000Z"),
		  true },
		{ "", B9 ALARM("ACTION:DISPLAY|TRIGGER:-PT10M"),
		  B9 ALARM("ACTION:DISPLAY|TRIGGER:-PT11M"), false },
		{ "", B9 ALARM("ACTION:DISPLAY|TRIGGER:-PT10M"),
		  B9 ALARM("ACTION:EMAIL|TRIGGER:-PT10M"), false },
		{ "",
		  B9 ALARM("ACTION:DISPLAY|TRIGGER:-PT10M|DURATION:PT5M|"
			   "REPEAT:2"),
		  B9 ALARM("ACTION:DISPLAY|TRIGGER:-PT10M"), false },
		{ "", B9 ALARM("TRIGGER:-PT5M") "|" ALARM("TRIGGER:-PT9M"),
		  B9 ALARM("TRIGGER:-PT9M") "|" ALARM("TRIGGER:-PT5M"), true },
		{ "", B9, B9 ALARM("ACTION:DISPLAY|TRIGGER:garbage"), true },
		/* a day before is a day before, also over the change */
		{ "",
		  "DTSTART;TZID=Europe/Berlin:20090329T090000|" ALARM(
		      "TRIGGER:-P1D"),
		  "DTSTART;TZID=Europe/Berlin:20090329T090000|" ALARM(
		      "TRIGGER:-PT23H"),
		  true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct slice x = alarms_of(rows[i].x);
		struct slice y = alarms_of(rows[i].y);

		if (slice_eq(x, y) != rows[i].same)
			fail_msg("%s: %.*s and %.*s", rows[i].y, SLICE_ARG(x),
				 SLICE_ARG(y));
	}
}

static void
identity(void **state)
{
	struct pim_cal_key k;

	(void)state;
	assert_int_equal(
	    pim_cal_identity(
		a,
		event("", "UID:u|SUMMARY: Team\\, all |" B9
			  "DURATION:PT1H|RECURRENCE-ID:20090512T070000Z"),
		&k, NULL),
	    0);
	assert_true(slice_is(k.uid, "u/20090512T070000Z"));
	assert_true(slice_is(k.summary, "Team, all"));
	assert_true(slice_is(k.start, "20090512T070000Z"));
	assert_true(slice_is(k.end, "20090512T080000Z"));
	assert_int_equal(
	    pim_cal_identity(a,
			     event("", "DTSTART;VALUE=DATE:20090512|"
				       "DESCRIPTION:only this"),
			     &k, NULL),
	    0);
	assert_int_equal(k.uid.n, 0);
	assert_true(slice_is(k.summary, "only this"));
	assert_true(slice_is(k.start, "20090512"));
	assert_true(slice_is(k.end, "20090513"));
	assert_true(slice_is(pim_cal_title(a, event("", "SUMMARY:Team|" B9)),
			     "Team, 2009-05-12 09:00"));
	assert_true(
	    slice_is(pim_cal_title(a, event("", "DTSTART;VALUE=DATE:20090512")),
		     "Event, 2009-05-12"));
}

static bool
finds(const struct pim_item *comes, const struct pim_item *have)
{
	struct pim_ids x;
	struct pim_ids y;
	bool found;

	assert_int_equal(pim_identify(a, have, &x, NULL), 0);
	assert_int_equal(pim_identify(a, comes, &y, NULL), 0);
	found = x.h_identity == y.h_identity;
	for (size_t i = 0; i < y.alike_n; i++)
		found = found || y.alike[i] == x.h_identity;
	return found;
}

static struct pim_item *
todo(const char *lines)
{
	return read_new("Europe/Berlin", t_todo(a, PIM_ICAL20, "", lines));
}

/* What devices make of an item does not change where its twin is looked for;
   which of those it is, the score says. */
static void
twins(void **state)
{
	struct pim_item *long_one = event("", "SUMMARY:Quarterly planning of "
					      "the eastern branch|" B9);
	struct pim_item *cut = event("", "SUMMARY:Quarterly planning o|" B9);
	struct pim_item *born = event("", "SUMMARY:Ann|RRULE:FREQ=YEARLY|"
					  "DTSTART;VALUE=DATE:19650504");
	struct pim_item *task = todo("SUMMARY:Call|DUE:20270321T080000Z|"
				     "DTSTART:20270311T080000Z");
	struct pim_item *due = todo("SUMMARY:Call|DUE:20270321T080000Z");
	struct pim_item *later = todo("SUMMARY:Call|DUE:20270322T080000Z");
	struct pim_item *only_start =
	    todo("SUMMARY:Call|DTSTART:20270311T080000Z");

	(void)state;
	assert_true(finds(cut, long_one));
	assert_true(pim_is_cut(a, cut, long_one));
	assert_false(pim_is_cut(a, long_one, cut));
	assert_false(finds(
	    event("", "SUMMARY:Quarterly planning o|DTSTART:20270101T080000Z"),
	    long_one));
	assert_true(finds(event("", "SUMMARY:Ann|RRULE:FREQ=YEARLY|"
				    "DTSTART;VALUE=DATE:19800504"),
			  born));
	assert_true(
	    finds(event("", "SUMMARY:Ann|DTSTART;VALUE=DATE:19800504"), born));
	assert_false(finds(event("", "SUMMARY:Ann|RRULE:FREQ=YEARLY|"
				     "DTSTART;VALUE=DATE:19800604"),
			   born));
	/* tasks: the due date, where both have one */
	assert_true(finds(due, task) && finds(task, due));
	assert_true(pim_score(a, due, task) >= 50);
	assert_false(finds(later, task));
	assert_true(pim_score(a, later, task) < 50);
	assert_true(finds(task, only_start));
	assert_true(pim_score(a, task, only_start) >= 50);
}

/* Under one UID. */
static void
one_series(void **state)
{
	struct pim_item *weekly = event("", "UID:s|RRULE:FREQ=WEEKLY|" B9);
	struct pim_item *daily =
	    event("", "UID:s|RRULE:FREQ=DAILY|DTSTART:20270301T080000Z");
	struct pim_item *first = event("", "UID:s|" B9);
	struct pim_item *other = event("", "UID:s|DTSTART:20270301T080000Z");

	(void)state;
	assert_true(pim_one_series(a, weekly, daily));
	assert_true(pim_one_series(a, weekly, first));
	assert_true(pim_one_series(a, first, other));
	assert_false(pim_one_series(a, weekly, other));
}

/* ---- instances
 * -------------------------------------------------------------------- */

static const char series[] =
    "BEGIN:VCALENDAR\nVERSION:2.0\n"
    "BEGIN:VEVENT\nUID:s\nRECURRENCE-ID:20090519T070000Z\nSUMMARY:moved\n"
    "DTSTART;TZID=Europe/Berlin:20090519T110000\nEND:VEVENT\n"
    "BEGIN:VEVENT\nUID:s\nSUMMARY:series\nRRULE:FREQ=WEEKLY\n"
    "DTSTART;TZID=Europe/Berlin:20090512T090000\nEND:VEVENT\n"
    "BEGIN:VEVENT\nUID:other\nSUMMARY:stranger\nDTSTART:20090512T090000Z\n"
    "END:VEVENT\nEND:VCALENDAR\n";

static void
instances_stay_together(void **state)
{
	struct pim_item *it = read_new("Europe/Berlin", series);
	struct pim_view old = t_view(PIM_VCAL10, "Europe/Berlin", 0, false);
	struct pim_view new = t_view(PIM_ICAL20, "Europe/Berlin", 0, true);
	const char *text = t_canon(a, it);
	struct slice with;

	(void)state;
	t_has(text, "SUMMARY:series|SUMMARY:moved|!SUMMARY:stranger");
	assert_true(
	    slice_is(pim_prop_value(pim_cal_main(it), "SUMMARY"), "series"));
	t_has(t_write(a, &new, it), "SUMMARY:series|SUMMARY:moved");
	/* the old dialect has no place for it: an exception */
	t_has(t_write(a, &old, it), "SUMMARY:series|EXDATE:20090519T090000|"
				    "!SUMMARY:moved");
	/* and it counts as content */
	assert_true(pim_cal_has_more(it));
	with = pim_cal_alarms(a, it->root, pim_cal_main(it));
	assert_true(with.n > 0);
	(void)pim_comp_set(a, it->root->kids->next, "SUMMARY",
			   SLICE_LIT("other"));
	assert_false(
	    slice_eq(with, pim_cal_alarms(a, it->root, pim_cal_main(it))));
}

static void
merge_unites_instances(void **state)
{
	struct pim_item *cur = read_new("Europe/Berlin", series);
	struct pim_item *in = read_new("Europe/Berlin", series);
	const struct pim_item *from[2] = { cur, in };
	struct pim_comp *k = in->root->kids->next;

	(void)state;
	(void)pim_comp_set(a, k, "SUMMARY", SLICE_LIT("moved again"));
	k->next = pim_comp_copy(a, k);
	(void)pim_comp_set(a, k->next, "RECURRENCE-ID",
			   SLICE_LIT("20090526T070000Z"));
	(void)pim_comp_set(a, k->next, "SUMMARY", SLICE_LIT("second"));
	assert_int_equal(pim_cal_repair(a, cur, from, 2, NULL), 0);
	t_has(t_canon(a, cur), "SUMMARY:series|SUMMARY:moved again|"
			       "SUMMARY:second|");
	assert_null(cur->root->kids->next->next->next);
}

static void
repairs(void **state)
{
	static const char *const rows[][2] = {
		{ "DTSTART;VALUE=DATE:20090512|DTEND:20090513T100000Z",
		  "DTEND;VALUE=DATE:20090514" },
		{ "DTSTART:20090512T090000Z|DTEND:20090511T100000Z", "!DTEND" },
		{ "DTSTART:20090512T090000Z|DTEND:20090512T100000Z|"
		  "DURATION:PT3H",
		  "DTEND:20090512T100000Z|!DURATION" },
		{ B9 "RRULE:FREQ=DAILY|EXDATE;VALUE=DATE:20090514",
		  "EXDATE;TZID=Europe/Berlin:20090514T090000" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pim_item *it = event("", B9);
		struct pim_comp *root = NULL;
		struct pim_lines_in in = { .form = PIM_ICAL20 };
		const struct pim_item *from[1] = { it };

		in.text = slice_c(t_event(a, PIM_ICAL20, "", rows[i][0]));
		assert_int_equal(
		    pim_lines_parse(a, &in, &root, NULL, NULL, NULL), 0);
		it->root = root;
		assert_int_equal(pim_cal_repair(a, it, from, 1, NULL), 0);
		t_has(t_canon(a, it), rows[i][1]);
	}
}

/* The merged item took DTSTART from a side with a zone of its own. */
static void
repair_brings_zones(void **state)
{
	struct pim_item *odd =
	    event(VTZ_ODD("Odd"), "DTSTART;TZID=Odd:20090512T090000");
	struct pim_item *it = event("", B9);
	const struct pim_item *from[2] = { it, odd };

	(void)state;
	it->root->kids = pim_comp_copy(a, pim_cal_main(odd));
	assert_int_equal(pim_cal_repair(a, it, from, 2, NULL), 0);
	t_has(t_canon(a, it), "BEGIN:VTIMEZONE|TZID:Odd");
	it->root->kids->next = pim_comp_copy(a, pim_cal_main(event("", B9)));
	pim_comp_remove_all(it->root->kids, "TZID");
	it->root->kids = it->root->kids->next; /* nobody uses Odd now */
	assert_int_equal(pim_cal_repair(a, it, from, 1, NULL), 0);
	t_has(t_canon(a, it), "!BEGIN:VTIMEZONE");
}

/* ---- files
 * ---------------------------------------------------------------------------
 */

static void
files(void **state)
{
	static const char *const want[] = { "one",  "two",  "three",
					    "task", "four", "five" };
	struct pim_view v = t_view(PIM_ICAL20, "Europe/Berlin", 0, true);
	struct buf b = BUF_IN(a);
	struct slice rest;
	size_t n = 0;

	(void)state;
	buf_str(&b, "BEGIN:VCALENDAR\nVERSION:2.0\nX-WR-CALNAME:a\n"
		    "BEGIN:VEVENT\nSUMMARY:one\nDTSTART;TZID=Odd:"
		    "20090512T090000\nBEGIN:VALARM\nTRIGGER:-PT5M\n"
		    "ACTION:DISPLAY\nEND:VALARM\nEND:VEVENT\n");
	/* a zone behind its first use */
	buf_str(&b, "BEGIN:VTIMEZONE\nTZID:Odd\nBEGIN:STANDARD\n"
		    "DTSTART:19700101T000000\nTZOFFSETFROM:+0317\n"
		    "TZOFFSETTO:+0317\nEND:STANDARD\nEND:VTIMEZONE\n");
	buf_str(&b, "BEGIN:VEVENT\nSUMMARY:two\nDTSTART:20090512T090000Z\n"
		    "END:VEVENT\nBEGIN:VFREEBUSY\nUID:x\nEND:VFREEBUSY\n"
		    "BEGIN:VEVENT\nUID:s\nSUMMARY:three\nDTSTART;TZID=Odd:"
		    "20090512T090000\nRECURRENCE-ID:20090512T090000Z\n"
		    "END:VEVENT\nBEGIN:VTODO\nSUMMARY:task\nEND:VTODO\n"
		    "END:VCALENDAR\n\n");
	buf_str(&b, "BEGIN:VCALENDAR\r\nVERSION:1.0\r\nTZ:-05\r\n"
		    "BEGIN:VEVENT\r\nSUMMARY:four\r\nDTSTART:20090512T090000"
		    "\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nSUMMARY:five\r\n"
		    "DTSTART:20090512T090000\r\nEND:VEVENT\r\n"
		    "END:VCALENDAR\r\n");
	rest = buf_slice(&b);
	for (;;) {
		struct pim_item *it;

		assert_int_equal(pim_cal_next(a, &v, &rest, &it, NULL), 0);
		if (it == NULL)
			break;
		assert_true(n < sizeof(want) / sizeof(want[0]));
		assert_true(slice_is(
		    pim_prop_value(pim_cal_main(it), "SUMMARY"), want[n]));
		if (n == 0)
			t_has(t_canon(a, it), "TZID:Odd|TRIGGER:-PT5M");
		if (n == 1)
			t_has(t_canon(a, it), "!BEGIN:VTIMEZONE");
		if (n == 5)
			t_has(t_canon(a, it),
			      "DTSTART;TZID=Etc/GMT+5:20090512T090000");
		n++;
	}
	assert_int_equal(n, sizeof(want) / sizeof(want[0]));
	assert_int_equal(rest.n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(canonical),
		cmocka_unit_test(out_and_back),
		cmocka_unit_test(tasks),
		cmocka_unit_test(compares),
		cmocka_unit_test(compares_alarms),
		cmocka_unit_test(identity),
		cmocka_unit_test(twins),
		cmocka_unit_test(one_series),
		cmocka_unit_test(instances_stay_together),
		cmocka_unit_test(merge_unites_instances),
		cmocka_unit_test(repairs),
		cmocka_unit_test(repair_brings_zones),
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
