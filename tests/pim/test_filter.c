/*
 * Filter expressions and spans: what is read, what is refused, what is true.
 */
#include "pim/filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct arena *a;

static int
set_up(void **state)
{
	(void)state;
	a = arena_new(8u << 20);
	return a == NULL;
}

static int
tear_down(void **state)
{
	(void)state;
	arena_free(&a);
	return 0;
}

static const char card[] = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Smith;Anna;;;\r\n"
			   "FN:Anna Smith\r\nCATEGORIES:Work,Friends\r\n"
			   "EMAIL:anna@example.com\r\nEND:VCARD\r\n";

static struct pim_item *
item(const char *body, enum pim_form form)
{
	struct pim_item *it = NULL;
	struct err e;

	assert_int_equal(pim_read(a, NULL, form, slice_c(body), &it, &e), 0);
	return it;
}

static struct pim_filter *
read_filter(const char *text)
{
	struct pim_filter *f = NULL;
	struct err e;

	if (pim_filter_parse(a, slice_c(text), &f, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return f;
}

static bool
holds(const char *text, const struct pim_item *it)
{
	struct pim_span span = { .set = false };
	struct err e = { .code = ERR_NONE };

	return pim_filter_match(a, read_filter(text), it, &span,
				SLICE_LIT("L7"), &e);
}

static void
operators(void **state)
{
	static const struct {
		const char *text;
		bool want;
	} t[] = {
		{ "FN&EQ;Anna Smith", true },
		{ "FN&EQ;Anna%20Smith", true },
		{ "FN&EQ;anna smith", false },
		{ "fn&iEQ;anna smith", true },
		{ "FN&NE;Anna Smith", false },
		{ "FN&CON;Smi", true },
		{ "FN&iCON;SMI", true },
		{ "FN&NCON;Smi", false },
		{ "FN&NCON;Jones", true },
		{ "N&EQ;Smith", true },
		{ "N&GE;S", true },
		{ "N&LT;A", false },
		{ "CATEGORIES&EQ;Friends", true },
		{ "CATEGORIES&NE;Friends", false },
		{ "CATEGORIES&eq;Family", false },
		{ "TEL&EQ;&NULL;", true },
		{ "TEL&NE;&NULL;", false },
		{ "EMAIL&NE;&NULL;", true },
		{ "&LUID;&EQ;L7", true },
		{ "&LUID&EQ;L7", true },
		{ "&LUID;&NE;L7", false },
		{ "FN&CON;Anna&AND;TEL&EQ;&NULL;", true },
		{ "FN&CON;Bob&OR;FN&CON;Anna", true },
		{ "FN&CON;Anna & TEL&NE;&NULL;", false },
		{ "FN&CON;Bob|FN&CON;Anna", true },
		/* Left to right: (true or true) and false. */
		{ "FN&CON;A&OR;FN&CON;A&AND;FN&CON;Bob", false },
		{ "FN&CON;A&OR;(FN&CON;A&AND;FN&CON;Bob)", true },
		{ "((FN&CON;Anna))", true },
		{ "", true },
	};
	struct pim_item *it = item(card, PIM_VCARD30);

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		if (holds(t[i].text, it) != t[i].want)
			fail_msg("%s should be %d", t[i].text, t[i].want);
	}
}

static void
notes(void **state)
{
	struct pim_item *it = item("Shopping\nmilk, bread", PIM_TEXT);

	(void)state;
	assert_true(holds("BODY&iCON;MILK", it));
	assert_true(holds("SUBJECT&EQ;Shopping", it));
	assert_false(holds("SUBJECT&CON;milk", it));
	assert_false(holds("COLOUR&EQ;red", it));
}

static void
refused(void **state)
{
	static const char *const bad[] = {
		"FN",
		"FN&EQ",
		"FN&XX;a",
		"&EQ;a",
		"FN&EQ;a&AND;",
		"(FN&EQ;a",
		"FN&EQ;a)",
		"FN&EQ;%4",
		"FN&EQ;%zz",
		"SINCE&EQ;soon",
		"SINCE&LT;20260101T000000Z",
		"()",
		"&LUID;&GT;a",
		"SINCE&EQ;&NULL;",
		"a&EQ;b&EQ;c",
	};
	struct pim_filter *f;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (pim_filter_parse(a, slice_c(bad[i]), &f, &e) == 0)
			fail_msg("%s was taken", bad[i]);
		assert_int_equal(e.code, ERR_PARSE);
	}
}

static enum err_code
many(int terms, int depth, int pad)
{
	struct buf b = BUF_IN(a);
	struct pim_filter *f;
	struct err e = { .code = ERR_NONE };

	for (int i = 0; i < depth; i++)
		buf_byte(&b, '(');
	for (int i = 0; i < terms; i++)
		buf_printf(&b, "%sA&EQ;b", i == 0 ? "" : "&OR;");
	for (int i = 0; i < pad; i++)
		buf_byte(&b, 'b');
	for (int i = 0; i < depth; i++)
		buf_byte(&b, ')');
	return pim_filter_parse(a, buf_slice(&b), &f, &e) == 0 ? ERR_NONE
							       : e.code;
}

static void
limits(void **state)
{
	int fit = PIM_FILTER_BYTES_MAX - 6;

	(void)state;
	assert_int_equal(many(PIM_FILTER_TERMS_MAX - 1, 0, 0), ERR_NONE);
	assert_int_equal(many(PIM_FILTER_TERMS_MAX, 0, 0), ERR_NONE);
	assert_int_equal(many(PIM_FILTER_TERMS_MAX + 1, 0, 0), ERR_LIMIT);
	assert_int_equal(many(PIM_FILTER_TERMS_MAX, PIM_FILTER_DEPTH_MAX, 0),
			 ERR_NONE);
	assert_int_equal(many(1, PIM_FILTER_DEPTH_MAX + 1, 0), ERR_LIMIT);
	assert_int_equal(many(1, 0, fit - 1), ERR_NONE);
	assert_int_equal(many(1, 0, fit), ERR_NONE);
	assert_int_equal(many(1, 0, fit + 1), ERR_LIMIT);
}

/* Dates that must hold leave the terms; the rest reads back as itself. */
static void
dates_apart(void **state)
{
	struct pim_filter *f =
	    read_filter("SINCE&EQ;20260101T000000Z&AND;CATEGORIES&iCON;a%26b"
			"&AND;BEFORE&EQ;20260201");
	struct pim_filter *again;

	(void)state;
	assert_int_equal(f->since_ms, INT64_C(1767225600000));
	assert_int_equal(f->before_ms, INT64_C(1769904000000));
	assert_int_equal(f->step_n, 1);
	assert_string_equal(arena_cstr(a, f->rest), "CATEGORIES&iCON;a%26b");
	again = read_filter("CATEGORIES&iCON;a%26b");
	assert_true(slice_eq(again->rest, f->rest));
	f = read_filter("SINCE&EQ;20260101T000000Z&OR;CLASS&EQ;PUBLIC");
	assert_true(f->since_ms == INT64_MIN && f->step_n == 3);
}

static struct pim_span
span_of(const char *comp, const char *lines)
{
	struct pim_span s;
	struct err e;
	const char *body = arena_printf(a,
					"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"
					"BEGIN:%s\r\nUID:1\r\nSUMMARY:x\r\n%s"
					"END:%s\r\nEND:VCALENDAR\r\n",
					comp, lines, comp)
			       .p;

	assert_int_equal(pim_span(a, item(body, PIM_ICAL20), &s, &e), 0);
	return s;
}

#define DAY INT64_C(86400000)
#define JAN1 INT64_C(1767225600000) /* 2026 */

static void
spans(void **state)
{
	struct pim_span s;

	(void)state;
	s = span_of("VEVENT", "DTSTART:20260101T100000Z\r\n"
			      "DTEND:20260101T113000Z\r\n");
	assert_true(s.set);
	assert_int_equal(s.from_ms, JAN1 + 10 * 3600000);
	assert_int_equal(s.to_ms, JAN1 + 11 * 3600000 + 1800000);
	s = span_of("VEVENT", "DTSTART:20260101T100000Z\r\n"
			      "DTEND:20260101T110000Z\r\n"
			      "RRULE:FREQ=DAILY;COUNT=5\r\n");
	assert_int_equal(s.to_ms, JAN1 + 4 * DAY + 11 * 3600000);
	s = span_of("VEVENT", "DTSTART:20260101T100000Z\r\n"
			      "RRULE:FREQ=YEARLY\r\n");
	assert_true(s.to_ms == INT64_MAX);
	s = span_of("VEVENT", "DTSTART:20260101T100000Z\r\n"
			      "RDATE:20260105T100000Z\r\n");
	assert_int_equal(s.to_ms, JAN1 + 4 * DAY + 10 * 3600000);
	/* Whole days reach as far as there are zones. */
	s = span_of("VEVENT", "DTSTART;VALUE=DATE:20260101\r\n");
	assert_int_equal(s.from_ms, JAN1 - 14 * 3600000);
	assert_int_equal(s.to_ms, JAN1 + DAY + 14 * 3600000);
	/* A task is over when it is done. */
	s = span_of("VTODO", "DUE:20260101T100000Z\r\n");
	assert_true(s.set && s.to_ms == INT64_MAX);
	s = span_of("VTODO", "DUE:20260101T100000Z\r\nSTATUS:COMPLETED\r\n"
			     "COMPLETED:20260103T000000Z\r\n");
	assert_int_equal(s.to_ms, JAN1 + 2 * DAY);
	s = span_of("VTODO", "STATUS:NEEDS-ACTION\r\n");
	assert_false(s.set);
}

static void
windows(void **state)
{
	struct pim_span s = { true, 100, 200 };
	struct pim_span none = { .set = false };

	(void)state;
	assert_true(pim_span_in(&s, 200, 300));
	assert_false(pim_span_in(&s, 201, 300));
	assert_true(pim_span_in(&s, 0, 101));
	assert_false(pim_span_in(&s, 0, 100));
	assert_true(pim_span_in(&none, 201, 300));
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(operators),   T(notes), T(refused), T(limits),
		T(dates_apart), T(spans), T(windows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
