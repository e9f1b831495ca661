/* Calendar items through the whole of pim/: what a phone drops or bends comes
   back without being an edit. */
#include "tests/pim/calendar_help.h"

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

#define B9 "UID:u|SUMMARY:Team|DTSTART;TZID=Europe/Berlin:20090512T090000|"
#define NY "UID:u|SUMMARY:Team|DTSTART;TZID=America/New_York:20090512T200000|"

static const char *const items[] = {
	B9 "DURATION:PT1H",
	B9 "DTEND;TZID=Europe/Berlin:20090512T100000|RRULE:FREQ=HOURLY;COUNT=3",
	B9 "RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
	B9 "RRULE:FREQ=WEEKLY;BYDAY=TU,TH;COUNT=8;WKST=SU",
	B9 "RRULE:FREQ=DAILY|EXDATE;TZID=Europe/Berlin:20090513T090000,"
	   "20090514T090000",
	NY "DURATION:PT1H|RRULE:FREQ=WEEKLY;BYDAY=TU",
	NY "DURATION:PT1H",
	"UID:u|SUMMARY:Team|DTSTART:20090512T090000Z|RRULE:FREQ=DAILY;COUNT=5",
	"UID:u|SUMMARY:Team|DTSTART:20090512T090000|DTEND:20090512T100000",
	"UID:u|SUMMARY:Team|DTSTART;VALUE=DATE:20090512",
	"UID:u|SUMMARY:Team|DTSTART;VALUE=DATE:19550512|RRULE:FREQ=YEARLY",
	B9 "ATTENDEE;PARTSTAT=ACCEPTED;CUTYPE=ROOM;CN=A:mailto:a@example.com|"
	   "ORGANIZER;CN=B:mailto:b@example.com|PERCENT-COMPLETE:3|X-A:b|"
	   "PRIORITY:4|STATUS:CONFIRMED|TRANSP:OPAQUE|CLASS:PUBLIC",
	B9 "BEGIN:VALARM|ACTION:DISPLAY|DESCRIPTION:d|TRIGGER:-PT15M|"
	   "END:VALARM|BEGIN:VALARM|ACTION:EMAIL|DESCRIPTION:d|SUMMARY:s|"
	   "ATTENDEE:mailto:a@example.com|TRIGGER:-P1D|END:VALARM",
};

static const struct {
	uint32_t rules;
	bool utc;
} devices[] = {
	{ 0, false },
	{ 0, true },
	{ PIM_RULE_LOCAL | PIM_RULE_ALARM_UTC, false },
	{ PIM_RULE_ALLDAY_SAME_DAY | PIM_RULE_NO_1980 | PIM_RULE_EPOC, true },
	{ PIM_RULE_NO_Z_IS_UTC | PIM_RULE_RRULE_UNTIL, false },
};

enum {
	ITEM_N = sizeof(items) / sizeof(items[0]),
	DEVICE_N = sizeof(devices) / sizeof(devices[0])
};

static struct pim_view
device(size_t i)
{
	struct pim_view v = t_view(PIM_VCAL10, "Europe/Berlin",
				   devices[i].rules, devices[i].utc);

	pim_view_seal(&v);
	return v;
}

static struct pim_item *
stored(size_t i)
{
	struct pim_view v = t_view(PIM_ICAL20, "Europe/Berlin", 0, true);
	const char *body = t_event(a, PIM_ICAL20, "", items[i]);
	struct pim_item *it = NULL;

	assert_int_equal(pim_read(a, &v, PIM_ICAL20, slice_c(body), &it, NULL),
			 0);
	return it;
}

/* The device sends what it was sent, `from` replaced by `to`. */
static struct pim_item *
returned(const struct pim_view *v, const struct pim_item *it, const char *from,
	 const char *to)
{
	struct buf b = BUF_IN(a);
	struct buf out = BUF_IN(a);
	struct pim_item *in = NULL;
	struct slice s;
	size_t at;

	assert_int_equal(pim_write(a, v, it, &b, NULL), 0);
	s = buf_slice(&b);
	at = slice_find_str(s, from);
	assert_true(at != SIZE_MAX);
	buf_add(&out, slice_sub(s, 0, at));
	buf_str(&out, to);
	buf_add(&out, slice_from(s, at + strlen(from)));
	assert_int_equal(pim_read(a, v, PIM_VCAL10, buf_slice(&out), &in, NULL),
			 0);
	return in;
}

static struct pim_merged
merge(const struct pim_view *v, const struct pim_item *cur,
      const struct pim_item *in)
{
	struct pim_item *seen = NULL;
	const struct pim_item *base[1];
	struct pim_merge m = { .view = v,
			       .current = cur,
			       .incoming = in,
			       .base = base,
			       .base_n = 1,
			       .absence_counts = true };
	struct pim_merged out;
	struct err e = { .code = ERR_NONE };

	assert_int_equal(pim_seen(a, v, cur, &seen, NULL), 0);
	base[0] = seen;
	if (pim_merge(a, &m, &out, &e) != 0)
		fail_msg("%s: %s", e.where, e.msg);
	return out;
}

static void
an_echo_is_no_edit(void **state)
{
	(void)state;
	for (size_t i = 0; i < ITEM_N * DEVICE_N; i++) {
		struct pim_view v = device(i % DEVICE_N);
		struct pim_item *cur = stored(i / DEVICE_N);
		struct pim_merged out =
		    merge(&v, cur, returned(&v, cur, "Team", "Team"));

		if (out.differs_current || out.differs_incoming)
			fail_msg("%s, device %zu: %d %d", items[i / DEVICE_N],
				 i % DEVICE_N, out.differs_current,
				 out.differs_incoming);
	}
}

static void
an_edit_keeps_the_rest(void **state)
{
	(void)state;
	for (size_t i = 0; i < ITEM_N * DEVICE_N; i++) {
		struct pim_view v = device(i % DEVICE_N);
		struct pim_item *cur = stored(i / DEVICE_N);
		struct buf want = BUF_IN(a);
		struct slice s = slice_c(t_canon(a, cur));
		size_t at = slice_find_str(s, "Team");
		struct pim_merged out =
		    merge(&v, cur, returned(&v, cur, "Team", "Crew"));

		buf_add(&want, slice_sub(s, 0, at));
		buf_str(&want, "Crew");
		buf_add(&want, slice_from(s, at + 4));
		buf_byte(&want, 0);
		assert_true(out.differs_current);
		assert_string_equal(t_canon(a, out.item), want.p);
	}
}

/* A changed time is the user's, and takes only what belongs to it. */
static void
a_moved_event(void **state)
{
	struct pim_view v = device(0);
	struct pim_item *cur = stored(1);
	struct pim_merged out =
	    merge(&v, cur,
		  returned(&v, cur, "DTSTART:20090512T090000",
			   "DTSTART:20090512T083000"));

	(void)state;
	assert_true(out.differs_current);
	t_has(t_canon(a, out.item),
	      "DTSTART;TZID=Europe/Berlin:20090512T083000|"
	      "DTEND;TZID=Europe/Berlin:20090512T100000|"
	      "RRULE:FREQ=HOURLY;COUNT=3");
}

/* SyncEvolution: COUNT comes back as UNTIL, stamps are new, BYDAY is told. */
static void
same_to_the_core(void **state)
{
	static const char *const rows[][2] = {
		{ B9 "RRULE:FREQ=WEEKLY;COUNT=5|DTSTAMP:20090101T000000Z",
		  B9 "RRULE:FREQ=WEEKLY;UNTIL=20090609T070000Z;BYDAY=TU|"
		     "DTSTAMP:20100101T000000Z|SEQUENCE:3|"
		     "LAST-MODIFIED:20100101T000000Z" },
		{ B9 "DURATION:PT1H",
		  "UID:u|SUMMARY:Team|DTSTART:20090512T070000Z|"
		  "DURATION:PT60M" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pim_item *x;
		struct pim_item *y;

		x = t_read(a, NULL, PIM_ICAL20,
			   t_event(a, PIM_ICAL20, "", rows[i][0]));
		y = t_read(a, NULL, PIM_ICAL20,
			   t_event(a, PIM_ICAL20, "", rows[i][1]));
		if (!pim_same(a, x, y))
			fail_msg("%s\n%s", t_canon(a, x), t_canon(a, y));
		assert_int_equal(pim_score(a, x, y), 100);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_echo_is_no_edit),
		cmocka_unit_test(an_edit_keeps_the_rest),
		cmocka_unit_test(a_moved_event),
		cmocka_unit_test(same_to_the_core),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
