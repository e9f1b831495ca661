/* Memory runs out at every point: an error, never a crash or a wrong result. */
#include "tests/pim/core_help.h"

static const char card[] =
    "BEGIN:VCARD\r\nVERSION:2.1\r\n"
    "N;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:M=FCller;J\\;x;a,b\r\n"
    "tel;cell;voice:1\r\nTEL;HOME:2\r\nEMAIL;INTERNET:a@b\r\n"
    "ADR;HOME:;;St\\;1;City\r\nORG:Co;Dept\r\nCATEGORIES:b,a\r\n"
    "NOTE;ENCODING=QUOTED-PRINTABLE:a=0D=0A=\r\nb\r\nBDAY:19700131\r\n"
    "ROLE;CHARSET=KOI8-R:\xC9\xD7\r\n"
    "LABEL:folded in front of a blank\r\n here\r\nURL:http\\://x\r\n"
    "PHOTO;ENCODING=BASE64:\r\n AAAA\r\n\r\nX-FOO;A=b:c\r\nGEO:1,2\r\n"
    "AGENT:\r\nBEGIN:VCARD\r\nN:x\r\nEND:VCARD\r\nEND:VCARD\r\n";

static const char changed[] =
    "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Miller;John;a,b\r\nTEL;CELL:9\r\n"
    "TEL;WORK:3\r\nADR;HOME:;;St 2;City\r\nORG:Co\r\nCATEGORIES:c,a\r\n"
    "NOTE:x\r\nEMAIL:\r\nX-FOO:d\r\nEND:VCARD\r\n";

static const char event[] =
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:u\r\n"
    "SUMMARY:s\r\nDTSTART;TZID=Europe/Berlin:20260301T080000\r\n"
    "DTEND;TZID=Europe/Berlin:20260301T090000\r\n"
    "RRULE:FREQ=WEEKLY;BYDAY=SU\r\n"
    "EXDATE;TZID=Europe/Berlin:20260308T080000,20260315T080000\r\n"
    "ATTENDEE;CN=A:mailto:a@b\r\nBEGIN:VALARM\r\nACTION:DISPLAY\r\n"
    "TRIGGER:-PT5M\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

/* One pass through everything; 0 done, -1 failed with memory short. */
static int
everything(struct arena *a, const struct pim_view *v, struct slice first,
	   struct slice second, uint64_t *result)
{
	struct err e = { .code = ERR_NONE };
	struct pim_item *x;
	struct pim_item *y;
	struct pim_item *seen;
	const struct pim_item *base[1];
	struct pim_merge m = { .view = v,
			       .base = base,
			       .absence_counts = true,
			       .wins = PIM_WINS_CLIENT };
	struct pim_merged out;
	struct pim_ids ids;
	struct slice canon;
	int rc = pim_read(a, v, v->form, first, &x, &e);

	if (rc == 0)
		rc = pim_read(a, v, v->form, second, &y, &e);
	if (rc == 0)
		rc = pim_canon(a, x, &canon, &e);
	if (rc == 0)
		rc = pim_parse(a, x->kind, canon, &x, &e);
	if (rc == 0)
		rc = pim_identify(a, x, &ids, &e);
	if (rc == 0)
		rc = pim_seen(a, v, x, &seen, &e);
	for (size_t i = 0; rc == 0 && i < 2; i++) {
		base[0] = seen;
		m.current = x;
		m.incoming = y;
		m.base_n = i;
		rc = pim_merge(a, &m, &out, &e);
		if (rc == 0)
			rc = pim_identify(a, out.item, &ids, &e);
		*result = *result * 31 + ids.h_content + ids.h_identity;
	}
	if (rc != 0 && e.code != ERR_NOMEM)
		fail_msg("code %d: %s", (int)e.code, e.msg);
	return rc;
}

/* A failure that was got over must not show: the same merge comes out. */
static void
every_point(const struct pim_view *v, struct slice first, struct slice second)
{
	struct arena *ref = arena_new(T_ARENA_BYTES);
	uint64_t want = 0;
	size_t points = 0;
	size_t quiet = 0;

	assert_non_null(ref);
	assert_int_equal(everything(ref, v, first, second, &want), 0);
	for (size_t n = 1; quiet < 20; n++) {
		struct arena *a = arena_new(T_ARENA_BYTES);
		uint64_t got = 0;

		assert_non_null(a);
		arena_fail_at(a, n, false);
		quiet++;
		if (everything(a, v, first, second, &got) != 0) {
			points++;
			quiet = 0;
		} else if (got != want) {
			fail_msg("allocation %zu failed, and it shows", n);
		}
		arena_free(&a);
	}
	assert_true(points > 100);
	arena_free(&ref);
}

static void
contacts(void **state)
{
	struct arena *a = arena_new(T_ARENA_BYTES);
	struct pim_view v = { .form = PIM_VCARD21,
			      .rules = PIM_RULE_LATIN1 |
				       PIM_RULE_EMAIL_INTERNET |
				       PIM_RULE_PHOTO_NO_TYPE };

	(void)state;
	assert_non_null(a);
	every_point(&v, SLICE_LIT(card), SLICE_LIT(changed));
	v.caps = t_caps(a, "N TEL/1 EMAIL NOTE:3 ADR CATEGORIES=a,b,c BDAY "
			   "PHOTO ORG GEO X-FOO");
	every_point(&v, SLICE_LIT(card), SLICE_LIT(changed));
	arena_free(&a);
}

static void
calendars(void **state)
{
	struct pim_view v = { .form = PIM_ICAL20,
			      .zone = SLICE_INIT("Europe/Berlin") };

	(void)state;
	every_point(&v, SLICE_LIT(event), SLICE_LIT(event));
}

static void
notes(void **state)
{
	struct arena *a = arena_new(T_ARENA_BYTES);

	(void)state;
	assert_non_null(a);
	for (size_t n = 1; n < 200; n++) {
		struct pim_view v = { .form = PIM_TEXT };
		struct arena *b = arena_new(T_ARENA_BYTES);
		uint64_t got = 0;

		assert_non_null(b);
		arena_fail_at(b, n, true);
		(void)everything(b, &v, SLICE_LIT("\xFC\r\nb"),
				 SLICE_LIT("c\r\n"), &got);
		arena_free(&b);
	}
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(contacts),
		cmocka_unit_test(calendars),
		cmocka_unit_test(notes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
