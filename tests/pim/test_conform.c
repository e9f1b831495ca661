/*
 * docs/conformance.md: what a contact of a phone may hold comes back to that
 * phone as it was, and means the same in the stored form.
 */
#include "tests/pim/core_help.h"

static int
setup(void **state)
{
	*state = arena_new(T_ARENA_BYTES);
	return *state == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	struct arena *a = *state;

	arena_free(&a);
	return 0;
}

struct row {
	const char *line;  /* of a vCard 2.1 */
	const char *canon; /* in the stored one */
};

/* P-TEL-1 to P-TEL-4, P-CARD-17 to P-CARD-21 */
static const struct row rows[] = {
	{ "TEL;CELL:1", "TEL;TYPE=CELL:1" },
	{ "TEL;CELL;VOICE:1", "TEL;TYPE=CELL,VOICE:1" },
	{ "TEL;CELL;WORK:1", "TEL;TYPE=CELL,WORK:1" },
	{ "TEL;CELL;HOME:1", "TEL;TYPE=CELL,HOME:1" },
	{ "TEL;VOICE;WORK:1", "TEL;TYPE=VOICE,WORK:1" },
	{ "TEL;HOME;VOICE:1", "TEL;TYPE=HOME,VOICE:1" },
	{ "TEL;VOICE;HOME:1", "TEL;TYPE=VOICE,HOME:1" },
	{ "TEL;VOICE:1", "TEL;TYPE=VOICE:1" },
	{ "TEL:1", "TEL:1" },
	{ "TEL;FAX;WORK:1", "TEL;TYPE=FAX,WORK:1" },
	{ "TEL;HOME;FAX:1", "TEL;TYPE=HOME,FAX:1" },
	{ "TEL;FAX:1", "TEL;TYPE=FAX:1" },
	{ "TEL;PAGER:1", "TEL;TYPE=PAGER:1" },
	{ "TEL;CAR;VOICE:1", "TEL;TYPE=CAR,VOICE:1" },
	{ "TEL;WORK;PREF:1", "TEL;TYPE=WORK,PREF:1" },
	{ "TEL;PREF;VOICE:1", "TEL;TYPE=PREF,VOICE:1" },
	{ "TEL;X-FUNAMBOL-CALLBACK:1", "TEL;TYPE=X-FUNAMBOL-CALLBACK:1" },
	{ "TEL;X-FUNAMBOL-RADIO:1", "TEL;TYPE=X-FUNAMBOL-RADIO:1" },
	{ "TEL;X-EVOLUTION-TELEX:1", "TEL;TYPE=X-EVOLUTION-TELEX:1" },
	{ "TEL;X-DC:1", "TEL;TYPE=X-DC:1" },
	{ "TEL;CELL;X-DC:1", "TEL;TYPE=CELL,X-DC:1" },
	{ "EMAIL;INTERNET:a@example.com", "EMAIL;TYPE=INTERNET:a@example.com" },
	{ "EMAIL;INTERNET;WORK:a@example.com",
	  "EMAIL;TYPE=INTERNET,WORK:a@example.com" },
	{ "EMAIL;X-CELL:a@example.com", "EMAIL;TYPE=X-CELL:a@example.com" },
	{ "EMAIL;INTERNET;HOME;X-FUNAMBOL-INSTANTMESSENGER:a@example.com",
	  "EMAIL;TYPE=INTERNET,HOME,X-FUNAMBOL-INSTANTMESSENGER:" },
	{ "ADR;HOME:pobox;ext;street;city;region;zip;country",
	  "ADR;TYPE=HOME:pobox;ext;street;city;region;zip;country" },
	{ "LABEL;WORK:Some Street 1", "LABEL;TYPE=WORK:Some Street 1" },
	{ "ORG:Company;Department;Office", "ORG:Company;Department;Office" },
	{ "TITLE:Chief", "TITLE:Chief" },
	{ "ROLE:Cook", "ROLE:Cook" },
	{ "URL;WORK:http://example.com/", "URL;TYPE=WORK:http://example.com/" },
	{ "CATEGORIES:a,b", "CATEGORIES:a,b" },
	{ "CLASS:PRIVATE", "CLASS:PRIVATE" },
	{ "UID:u-1", "UID:u-1" },
	{ "REV:20090512T063000Z", "REV:20090512T063000Z" },
	{ "TZ:+01:00", "TZ:+01:00" },
	{ "MAILER:m", "MAILER:m" },
	{ "X-SPOUSE:s", "X-SPOUSE:s" },
	{ "X-MANAGER:s", "X-MANAGER:s" },
	{ "X-ASSISTANT:s", "X-ASSISTANT:s" },
	{ "X-ANNIVERSARY:2009-05-12", "X-ANNIVERSARY:2009-05-12" },
	{ "X-CHILDREN:a,b", "X-CHILDREN:a" },
	{ "X-AIM:n", "X-AIM:n" },
	{ "X-ICQ:1", "X-ICQ:1" },
	{ "X-JABBER;HOME:n@example.com", "X-JABBER;TYPE=HOME:n@example.com" },
	{ "X-SKYPE:n", "X-SKYPE:n" },
	{ "X-SIP:n", "X-SIP:n" },
	{ "X-PHONETIC-FIRST-NAME:n", "X-PHONETIC-FIRST-NAME:n" },
	{ "SOUND;X-IRMC-N:a;b", "SOUND;TYPE=X-IRMC-N:a;b" },
	{ "FBURL:http://example.com/fb", "FBURL:http://example.com/fb" },
	{ "CALURI:http://example.com/c", "CALURI:http://example.com/c" },
	{ "KEY;ENCODING=BASE64:\r\n QUJD\r\n", "QUJD" },
	{ "X-VENDOR-THING;X-P=1:a;b", "X-VENDOR-THING;X-P=1:a;b" },
};

static void
contacts(void **state)
{
	struct arena *a = *state;
	struct pim_view v = { .form = PIM_VCARD21 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct slice card = arena_printf(
		    a, "BEGIN:VCARD\r\nVERSION:2.1\r\nN:A;B\r\n%s\r\nEND:VCARD",
		    rows[i].line);
		struct pim_item *it = t_read(a, &v, PIM_VCARD21, card);
		const char *canon = t_canon(a, it);
		const char *back = t_write(a, &v, it);

		if (strstr(canon, rows[i].canon) == NULL)
			fail_msg("%s became\n%s", rows[i].line, canon);
		if (strstr(back, arena_printf(a, "\r\n%s", rows[i].line).p) ==
		    NULL)
			fail_msg("%s came back as\n%s", rows[i].line, back);
	}
}

/* P-TEL-5: the first and the second of a kind stay the first and second. */
static void
order_of_equals(void **state)
{
	static const char lines[] = "\r\nTEL;WORK;VOICE:1\r\nTEL;CELL:2\r\n"
				    "TEL;WORK;VOICE:3\r\nTEL;CELL:4\r\n"
				    "TEL;WORK;VOICE:5\r\n";
	struct arena *a = *state;
	struct pim_view v = { .form = PIM_VCARD21 };
	struct slice card = arena_printf(
	    a, "BEGIN:VCARD\r\nVERSION:2.1\r\nN:A;B%sEND:VCARD", lines);

	assert_non_null(
	    strstr(t_write(a, &v, t_read(a, &v, PIM_VCARD21, card)), lines));
}

/* P-SYN-8: names and parameters in any case. */
static void
any_case(void **state)
{
	struct arena *a = *state;
	struct pim_view v = { .form = PIM_VCARD21 };
	struct pim_item *it =
	    t_read(a, &v, PIM_VCARD21,
		   SLICE_LIT("begin:vcard\r\nversion:2.1\r\nn:A;B\r\n"
			     "Tel;Cell;voice:1\r\ntitle;charset=utf-8;"
			     "encoding=quoted-printable:=c3=a4\r\nend:vcard"));

	T_HAS(t_canon(a, it), "TEL;TYPE=Cell,voice:1");
	T_HAS(t_canon(a, it), "TITLE:\xC3\xA4\r\n");
}

/* S-CONF-5: when an edit was made: UTC, not in the future, not an echo. */
static void
time_of_an_edit(void **state)
{
	static const struct {
		const char *rev, *base; /* NULL: not there */
		int64_t s;
	} edits[] = {
		{ "REV:20091231T235959Z", NULL, 1262303999 },
		{ "REV:2009-12-31T23:59:59Z", "REV:20091231T235958Z",
		  1262303999 },
		{ "REV:20091231T235959Z", "REV:20091231T235959Z", 0 },
		{ "REV:20091231T235959", NULL, 0 },
		{ "REV:20091231", NULL, 0 },
		{ "REV:some day", NULL, 0 },
		{ "TEL:1", "REV:20091231T235959Z", 0 },
		{ "REV:20100102T000000Z", NULL, 1262390400 },
		{ "REV:20100102T000001Z", NULL, 0 }, /* a day ahead of us */
	};
	struct arena *a = *state;
	struct pim_view v = { .form = PIM_ICAL20 };
	struct pim_item *it;

	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		struct pim_item *base =
		    edits[i].base == NULL
			? NULL
			: t_read_card(
			      a, NULL,
			      arena_printf(a, "N:A|%s", edits[i].base).p);

		it = t_read_card(a, NULL,
				 arena_printf(a, "N:A|%s", edits[i].rev).p);
		if (pim_edited_ms(it, base, 1262304000000) != edits[i].s * 1000)
			fail_msg("%s", edits[i].rev);
	}
	it = t_read(a, &v, PIM_ICAL20,
		    SLICE_LIT("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT"
			      "\r\nDTSTART:20100101T100000Z\r\nLAST-MODIFIED:"
			      "20091231T235959Z\r\nEND:VEVENT\r\n"
			      "END:VCALENDAR\r\n"));
	assert_int_equal(pim_edited_ms(it, NULL, 1262304000000), 1262303999000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(contacts, setup, teardown),
		cmocka_unit_test_setup_teardown(order_of_equals, setup,
						teardown),
		cmocka_unit_test_setup_teardown(any_case, setup, teardown),
		cmocka_unit_test_setup_teardown(time_of_an_edit, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
