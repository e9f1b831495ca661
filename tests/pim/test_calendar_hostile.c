/* What strangers send: no crash, bounded time and memory. */
#include "tests/pim/calendar_help.h"

#include "pim/alarm.h"

#include <stdlib.h>
#include <time.h>

enum { ARENA_BYTES = 64 << 20, LIMIT_MS = 3000 };

/* Of the processor: a busy machine is no slow function. */
static int64_t
cpu_ms(void)
{
	struct timespec t;

	assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t), 0);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Everything that can be done with a body; refusing it is fine. */
static void
use(const char *text, size_t n, enum pim_form form, const char *zone)
{
	struct arena *a = arena_new(ARENA_BYTES);
	struct pim_view views[2] = {
		t_view(PIM_VCAL10, zone, PIM_RULE_NO_1980 | PIM_RULE_EPOC,
		       true),
		t_view(PIM_ICAL20, zone, 0, true),
	};
	struct pim_lines_in in = { .text = { text, n }, .form = form };
	struct pim_comp *root = NULL;
	struct pim_item *it = NULL;
	struct pim_alarm_ask ask = { .zone = slice_c(zone) };
	struct pim_alarm al;
	struct pim_cal_key key;
	bool found;
	int64_t began = cpu_ms();

	assert_non_null(a);
	if (pim_lines_parse(a, &in, &root, NULL, NULL, NULL) == 0 &&
	    root != NULL &&
	    pim_cal_read(a, &views[0], form, root, &it, NULL) == 0) {
		const struct pim_comp *c = pim_cal_main(it);

		for (int i = 0; i < 2; i++) {
			struct pim_comp *out = NULL;

			(void)pim_cal_write(a, &views[i], it, &out, NULL);
		}
		(void)pim_cal_identity(a, it, &key, NULL);
		(void)pim_cal_title(a, it);
		(void)pim_cal_alarms(a, it->root, c);
		for (const struct pim_prop *p = c->props; p != NULL;
		     p = p->next) {
			struct slice s;

			(void)pim_cal_norm(a, it->root, c, p, &s);
		}
		(void)pim_alarm_next(a, it, &ask, &al, &found, NULL);
		(void)pim_cal_repair(
		    a, it, (const struct pim_item *[]){ it, it }, 2, NULL);
	}
	if (cpu_ms() - began > LIMIT_MS)
		fail_msg("%lld ms: %.200s", (long long)(cpu_ms() - began),
			 text);
	arena_free(&a);
}

static void
use_both(struct buf *b)
{
	buf_byte(b, 0);
	assert_true(buf_ok(b));
	use(b->p, b->n - 1, PIM_VCAL10, "Europe/Berlin");
	use(b->p, b->n - 1, PIM_ICAL20, "America/New_York");
	use(b->p, b->n - 1, PIM_VCAL10, "");
}

static void
odd_lines(void **state)
{
	static const char *const rows[] = {
		"DTSTART:20090512T090000Z\nRRULE:FREQ=SECONDLY;BYMONTH=2;"
		"BYMONTHDAY=30",
		"DTSTART:20090512T090000Z\nRRULE:FREQ=MINUTELY;BYDAY=MO",
		"DTSTART:20090512T090000Z\nRRULE:FREQ=DAILY;BYMONTH=2;"
		"BYMONTHDAY=30;COUNT=5",
		"DTSTART:20090512T090000Z\nRRULE:FREQ=YEARLY;BYMONTH=2;"
		"BYMONTHDAY=30;UNTIL=99991231T235959Z",
		"DTSTART:20090512T090000Z\nRRULE:D1 #4294967295",
		"DTSTART:20090512T090000Z\nRRULE:FREQ=DAILY;COUNT=4294967295",
		"DTSTART:00010101T000000Z\nRRULE:FREQ=DAILY;UNTIL=99991231",
		"DTSTART:00010101T000000\nDTEND:99991231T235959\nRRULE:YM1 #0",
		"DTSTART:99991231T235959Z\nDTEND:99991231T240000Z\nRRULE:D1 #9",
		"DTSTART:99991231\nRRULE:FREQ=YEARLY\nAALARM:00010101T000000",
		"DTSTART:00000000T000000Z\nDTEND:00000101T000000Z",
		"DTSTART:99999999T999999Z\nDUE:-0001",
		"DTSTART:\xff\xfe\x00\nDTEND:20090512",
		"DTSTART;TZID=:20090512T090000\nEXDATE;TZID=;VALUE=DATE:x",
		"DTSTART;TZID=../../../etc/passwd:20090512T090000",
		"DTSTART;VALUE=DATE;VALUE=DATE-TIME;TZID=a;TZID=b:20090512",
		"DTSTART:20090512T090000\nDURATION:P99999D\nAALARM:;;;;;;;;;;",
		"DTSTART:20090512T090000\nDURATION:-P36500D",
		"DTSTART:20090512T090000Z\nBEGIN:VALARM\n"
		"TRIGGER:-P36500D\nDURATION:PT1S\nREPEAT:4294967295\n"
		"END:VALARM",
		"DTSTART:20090512T090000Z\nBEGIN:VALARM\nTRIGGER:P36500D\n"
		"DURATION:P36500D\nREPEAT:99\nEND:VALARM\nRRULE:FREQ=DAILY",
		"RRULE:FREQ=DAILY\nEXDATE:20090512",
		"DTSTART:20090512T090000\nRRULE:MP1 1+ 2+ 3+ 4+ 5+ #0",
		"DTSTART:20090512T090000\nRRULE:;;;;;;;====,,,,",
		"DTSTART:20090512T090000\nRRULE:FREQ=WEEKLY;BYDAY=,,,",
		"ATTENDEE:<<<<>>>>@\nATTENDEE;ROLE=ORGANIZER:\nORGANIZER:",
		"TZ:+99:99\nDAYLIGHT:TRUE;;;;;;\nDTSTART:20090512T090000",
		"TZ:+01\nDAYLIGHT:TRUE;+02;99991231T235959;00010101T000000;;\n"
		"DTSTART:20090512T090000\nRRULE:D1 #0",
		"X-RECURRENCE-ID:garbage\nDTSTART:20090512T090000",
		"",
	};
	struct arena *a = arena_new(ARENA_BYTES);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static const char *const comps[] = { "VEVENT", "VTODO" };

		for (int k = 0; k < 2; k++) {
			struct buf b = BUF_IN(a);

			buf_printf(&b, "BEGIN:VCALENDAR\nBEGIN:%s\n", comps[k]);
			buf_str(&b, rows[i]);
			buf_printf(&b, "\nEND:%s\nEND:VCALENDAR\n", comps[k]);
			use_both(&b);
		}
	}
	arena_free(&a);
}

/* `n` times `each` (with %zu) between `before` and `after`. */
static void
many(const char *before, const char *each, size_t n, const char *after)
{
	struct arena *a = arena_new(ARENA_BYTES);
	struct buf b = BUF_IN(a);

	buf_str(&b, before);
	for (size_t i = 0; i < n; i++) {
		const char *mark = strchr(each, '#');

		if (mark == NULL) {
			buf_str(&b, each);
			continue;
		}
		buf_add(&b, (struct slice){ each, (size_t)(mark - each) });
		buf_printf(&b, "%04zu%02zu%02zu", 2000 + i / 336,
			   1 + i / 28 % 12, 1 + i % 28);
		buf_str(&b, mark + 1);
	}
	buf_str(&b, after);
	use_both(&b);
	arena_free(&a);
}

#define HEAD "BEGIN:VCALENDAR\nVERSION:2.0\n"
#define EVENT HEAD "BEGIN:VEVENT\nUID:u\nDTSTART:20000101T090000Z\n"
#define TAIL "END:VEVENT\nEND:VCALENDAR\n"
#define ODD_ZONE                                                               \
	"BEGIN:VTIMEZONE\nTZID:Odd\nBEGIN:STANDARD\nDTSTART:19700101T000000\n" \
	"TZOFFSETFROM:+0317\nTZOFFSETTO:+0317\nRRULE:FREQ=DAILY\n"             \
	"END:STANDARD\nEND:VTIMEZONE\n"

static void
many_of_them(void **state)
{
	(void)state;
	many(EVENT "RRULE:FREQ=DAILY\nEXDATE:20000102", ",#T090000Z", 10000,
	     "\n" TAIL);
	many(EVENT "RRULE:FREQ=DAILY\n", "EXDATE:#T090000Z\n", 9000, TAIL);
	many(HEAD ODD_ZONE "BEGIN:VEVENT\nDTSTART;TZID=Odd:20000101T090000\n"
			   "RRULE:FREQ=DAILY\n",
	     "EXDATE;TZID=Odd:#T090000\n", 9000, TAIL);
	many(EVENT "RRULE:FREQ=DAILY\n", "RDATE:#T100000Z\n", 9000, TAIL);
	many(EVENT, "BEGIN:VALARM\nTRIGGER:-PT5M\nEND:VALARM\n", 3000, TAIL);
	many(EVENT, "AALARM:#T090000Z\n", 9000, TAIL);
	many(EVENT, "DAYLIGHT:TRUE;+02;20090329T020000;20091025T030000;;\n",
	     9000, "TZ:+01\n" TAIL);
	many(EVENT, "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=9\n", 30,
	     TAIL);
	many(EVENT, "ATTENDEE;CN=a:mailto:a@example.com\n", 9000, TAIL);
	many(EVENT "CATEGORIES:", "a,b,", 20000, "\n" TAIL);
	many(EVENT "RRULE:FREQ=WEEKLY;BYDAY=MO", ",TU", 20000, "\n" TAIL);
	many(EVENT "RRULE:W1", " TU", 20000, "\n" TAIL);
	/* changed instances; zones nobody knows */
	many(EVENT "RRULE:FREQ=DAILY\nEND:VEVENT\n",
	     "BEGIN:VEVENT\nUID:u\nRECURRENCE-ID:#T090000Z\n"
	     "DTSTART:#T100000Z\nEND:VEVENT\n",
	     400, "END:VCALENDAR\n");
	many(HEAD, ODD_ZONE, 500,
	     "BEGIN:VEVENT\nDTSTART;TZID=Odd:20000101T090000\n" TAIL);
	many(HEAD "BEGIN:VTIMEZONE\nTZID:Odd\n",
	     "BEGIN:DAYLIGHT\nDTSTART:19700101T000000\nTZOFFSETFROM:+0100\n"
	     "TZOFFSETTO:+0200\nRRULE:FREQ=DAILY\nEND:DAYLIGHT\n",
	     1000,
	     "END:VTIMEZONE\n"
	     "BEGIN:VEVENT\nDTSTART;TZID=Odd:20000101T090000\n" TAIL);
	many(EVENT, "BEGIN:VALARM\n", 5000, TAIL);
	many(HEAD, "BEGIN:VCALENDAR\n", 5000, TAIL);
}

static void
many_in_a_file(void **state)
{
	struct arena *a = arena_new(256 << 20);
	struct buf b = BUF_IN(a);
	struct slice rest;
	struct pim_item *it;
	size_t n = 0;
	int64_t began = cpu_ms();

	(void)state;
	for (int k = 0; k < 20; k++) {
		buf_str(&b, HEAD ODD_ZONE);
		for (int i = 0; i < 200; i++)
			buf_str(&b, "BEGIN:VEVENT\nDTSTART;TZID=Odd:"
				    "20000101T090000\nEND:VEVENT\n");
		buf_str(&b, "END:VCALENDAR\n");
	}
	rest = buf_slice(&b);
	while (pim_cal_next(a, NULL, &rest, &it, NULL) == 0 && it != NULL)
		n++;
	assert_int_equal(n, 4000);
	assert_true(cpu_ms() - began < 20000);
	arena_free(&a);
}

static uint32_t
rnd(uint32_t *s)
{
	*s = *s * 1664525u + 1013904223u;
	return *s >> 8;
}

/* Good bodies with bytes changed, cut and doubled. */
static void
mutations(void **state)
{
	static const char *const seeds[] = {
		"BEGIN:VCALENDAR\nVERSION:1.0\nTZ:+01\nDAYLIGHT:TRUE;+02;"
		"20090329T020000;20091025T030000;;\nBEGIN:VEVENT\nSUMMARY:x\n"
		"DTSTART:20090512T090000\nDTEND:20090512T100000\n"
		"RRULE:MP1 2+ TU 1- FR #10\nEXDATE:20090519T090000;20090526\n"
		"AALARM:20090512T085000;PT5M;2;x\nCATEGORIES:A;B\n"
		"ATTENDEE;ROLE=ATTENDEE;STATUS=SENT:A <a@example.com>\n"
		"END:VEVENT\nEND:VCALENDAR\n",
		"BEGIN:VCALENDAR\nVERSION:2.0\n" ODD_ZONE
		"BEGIN:VEVENT\nUID:u\nDTSTART;TZID=Odd:20090512T090000\n"
		"DURATION:PT1H\nRRULE:FREQ=MONTHLY;BYDAY=2TU,-1FR;COUNT=5;"
		"INTERVAL=2;WKST=SU\nEXDATE;TZID=Odd:20090519T090000\n"
		"BEGIN:VALARM\nTRIGGER;RELATED=END:-PT15M\nREPEAT:2\n"
		"DURATION:PT5M\nEND:VALARM\nEND:VEVENT\nBEGIN:VEVENT\nUID:u\n"
		"RECURRENCE-ID;TZID=Odd:20090609T090000\n"
		"DTSTART:20090609T090000Z\nEND:VEVENT\nEND:VCALENDAR\n",
		"BEGIN:VCALENDAR\nVERSION:1.0\nBEGIN:VTODO\nSUMMARY:x\n"
		"DUE:20090512T235900Z\nDTSTART:20090512T000000Z\n"
		"STATUS:NEEDS ACTION\nPRIORITY:2\nCOMPLETED:20090513T000000Z\n"
		"RRULE:W1 TU #0\nDALARM:20090512T085000Z;;;x\nEND:VTODO\n"
		"END:VCALENDAR\n",
	};
	uint32_t s = 12345;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		const char *seed = seeds[round % 3];
		size_t n = strlen(seed);
		char *t = malloc(n * 2 + 1);

		assert_non_null(t);
		memcpy(t, seed, n + 1);
		for (uint32_t k = rnd(&s) % 6; k > 0; k--) {
			size_t at = rnd(&s) % n;
			size_t len = rnd(&s) % 20;

			if (at + len > n)
				len = n - at;
			switch (rnd(&s) % 4) {
			case 0:
				t[at] = (char)rnd(&s);
				break;
			case 1:
				t[at] = "0129T;:,=+-Z\n"[rnd(&s) % 13];
				break;
			case 2:
				memmove(t + at, t + at + len, n - at - len);
				n -= len;
				break;
			default:
				if (n + len > strlen(seed) * 2)
					break;
				memmove(t + at + len, t + at, n - at);
				n += len;
				break;
			}
			if (n == 0)
				break;
		}
		use(t, n, round % 2 == 0 ? PIM_VCAL10 : PIM_ICAL20,
		    round % 5 == 0 ? "" : "Europe/Berlin");
		free(t);
	}
}

/* Every allocation fails once: an error, never a crash. */
static void
no_memory(void **state)
{
	static const char body[] =
	    "BEGIN:VCALENDAR\nVERSION:1.0\nTZ:+01\nDAYLIGHT:TRUE;+02;"
	    "20090401T020000;20091101T030000;;\nBEGIN:VEVENT\nSUMMARY:x\n"
	    "DTSTART:20090512T090000\nDTEND:20090512T100000\nRRULE:W1 TU TH "
	    "#10\n"
	    "EXDATE:20090519T090000;20090526\nAALARM:20090512T085000;PT5M;2;x\n"
	    "ATTENDEE;ROLE=ATTENDEE;STATUS=SENT:A <a@example.com>\n"
	    "END:VEVENT\nEND:VCALENDAR\n";
	bool failed = true;

	(void)state;
	for (size_t n = 1; failed; n++) {
		struct arena *a = arena_new(ARENA_BYTES);
		struct pim_view v =
		    t_view(PIM_VCAL10, "Europe/Berlin", 0, true);
		struct pim_view w =
		    t_view(PIM_ICAL20, "Europe/Berlin", 0, true);
		struct pim_lines_in in = { .text = slice_c(body),
					   .form = PIM_VCAL10 };
		struct pim_alarm_ask ask = { .zone = v.zone };
		struct pim_comp *root = NULL;
		struct pim_comp *out = NULL;
		struct pim_item *it = NULL;
		struct pim_cal_key key;
		struct pim_alarm al;
		struct err e = { .code = ERR_NONE };
		bool found;

		assert_non_null(a);
		assert_int_equal(
		    pim_lines_parse(a, &in, &root, NULL, NULL, NULL), 0);
		arena_fail_at(a, n, true);
		failed = pim_cal_read(a, &v, PIM_VCAL10, root, &it, &e) < 0 ||
			 pim_cal_write(a, &v, it, &out, &e) < 0 ||
			 pim_cal_write(a, &w, it, &out, &e) < 0 ||
			 pim_cal_identity(a, it, &key, &e) < 0 ||
			 pim_alarm_next(a, it, &ask, &al, &found, &e) < 0;
		if (failed)
			assert_int_equal(e.code, ERR_NOMEM);
		assert_true(n < 5000);
		arena_free(&a);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(odd_lines),
		cmocka_unit_test(many_of_them),
		cmocka_unit_test(many_in_a_file),
		cmocka_unit_test(mutations),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
