/*
 * A client of Funambol's that speaks SIF, beside a phone that speaks vCard: no
 * field of either is lost to the other.
 */
#include "tests/syncml/phone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct phone sif, other;
static struct bench bench;

static int
set_up(void **state)
{
	(void)state;
	bench_open(&bench);
	phone_init(&sif, &bench, "fol-1");
	phone_init(&other, &bench, "IMEI:2");
	sif.version = 11;
	sif.b64 = true;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	bench_close(&bench);
	return 0;
}

static void
both(const char *db, const char *sif_type, const char *other_type)
{
	sif.db = other.db = db;
	sif.type = sif_type;
	other.type = other_type;
}

static void
has(const struct phone_item *it, const char *text)
{
	assert_non_null(it);
	if (slice_find_str(it->body, text) == SIZE_MAX)
		fail_msg("\"%s\" in\n%.*s", text, SLICE_ARG(it->body));
}

static void
lacks(const struct phone_item *it, const char *text)
{
	assert_non_null(it);
	if (slice_find_str(it->body, text) != SIZE_MAX)
		fail_msg("\"%s\" in\n%.*s", text, SLICE_ARG(it->body));
}

/* The item with one text put in another's place. */
static void
edit(struct phone *p, const char *find, const char *put)
{
	struct phone_item *it = phone_find(p, find);
	size_t at;

	assert_non_null(it);
	at = slice_find_str(it->body, find);
	phone_edit(
	    it,
	    arena_printf(bench.a, "%.*s%s%.*s",
			 SLICE_ARG(slice_sub(it->body, 0, at)), put,
			 SLICE_ARG(slice_from(it->body, at + strlen(find))))
		.p,
	    p);
}

/* A further sync moves nothing. */
static void
settled(struct phone *p)
{
	assert_true(phone_sync(p, 200));
	assert_int_equal(p->bad_status, 0);
	assert_int_equal(p->sent_n, 0);
	assert_int_equal(p->got_add + p->got_replace + p->got_delete, 0);
}

static void
sync_all(void)
{
	assert_true(phone_sync(&sif, 200));
	assert_int_equal(sif.bad_status, 0);
	assert_true(phone_sync(&other, 200));
	assert_int_equal(other.bad_status, 0);
	assert_true(phone_sync(&sif, 200));
	settled(&other);
	settled(&sif);
}

static const char contact[] =
    "<?xml version=\"1.0\"?><contact><FirstName>Anna</FirstName>"
    "<LastName>Doe</LastName><MiddleName></MiddleName><Title></Title>"
    "<Suffix></Suffix><FileAs>Doe, Anna</FileAs>"
    "<HomeTelephoneNumber>1</HomeTelephoneNumber>"
    "<Home2TelephoneNumber>2</Home2TelephoneNumber>"
    "<Hobby>chess</Hobby><Body>note</Body><Photo TYPE=\"JPEG\">QUJD</Photo>"
    "<Spouse></Spouse><JobTitle>boss</JobTitle></contact>";

static void
contacts(void **state)
{
	struct phone_item *it;

	(void)state;
	both("contacts", "text/x-s4j-sifc", "text/vcard");
	(void)phone_add(&sif, contact);
	sync_all();
	it = phone_find(&other, "Doe");
	has(it, "N:Doe;Anna;;;");
	has(it, "TITLE:boss");
	has(it, "PHOTO");
	/* The phone knows no hobby, picture and file name: it drops them. */
	phone_edit(it,
		   card(&bench, "Doe;Anna", "1",
			"TEL;TYPE=HOME:22\r\nTITLE:chief\r\nNOTE:note\r\n"),
		   &other);
	sync_all();
	it = phone_find(&sif, "<LastName>Doe");
	has(it, "<JobTitle>chief</JobTitle>");
	has(it, "<Hobby>chess</Hobby>");
	has(it, "<FileAs>Doe, Anna</FileAs>");
	has(it, "<Photo TYPE=\"JPEG\">QUJD</Photo>");
	has(it, ">22</");
	/* Cleared there, and nothing else. */
	edit(&sif, "<Body>note</Body>", "<Body></Body>");
	sync_all();
	it = phone_find(&other, "Doe");
	lacks(it, "NOTE:note");
	has(it, "TITLE:chief");
	/* One that the phone has comes as SIF. */
	(void)phone_add(&other, card(&bench, "Roe;Jim", "7", "X-ABC:own\r\n"));
	sync_all();
	has(phone_find(&sif, "Roe"), "<FirstName>Jim</FirstName>");
	edit(&sif, "<NickName></NickName>", "<NickName>J</NickName>");
	sync_all();
}

static void
events(void **state)
{
	struct phone_item *it;

	(void)state;
	both("calendar", "text/x-s4j-sife", "text/x-vcalendar");
	(void)phone_add(
	    &sif,
	    "<appointment><Subject>Team</Subject><Start>20260105T080000Z"
	    "</Start><End>20260105T090000Z</End><AllDayEvent>0</AllDayEvent>"
	    "<BusyStatus>3</BusyStatus><IsRecurring>1</IsRecurring>"
	    "<RecurrenceType>1</RecurrenceType><Interval>1</Interval>"
	    "<DayOfWeekMask>2</DayOfWeekMask><NoEndDate>1</NoEndDate>"
	    "<Mileage>77</Mileage><ReminderSet>1</ReminderSet>"
	    "<ReminderMinutesBeforeStart>15</ReminderMinutesBeforeStart>"
	    "</appointment>");
	sync_all();
	it = phone_find(&other, "Team");
	has(it, "RRULE:W1 MO #0");
	has(it, "ALARM:");
	edit(&other, "SUMMARY:Team", "SUMMARY:Crew");
	sync_all();
	it = phone_find(&sif, "Crew");
	has(it, "<BusyStatus>3</BusyStatus>");
	has(it, "<Mileage>77</Mileage>");
	has(it, "<DayOfWeekMask>2</DayOfWeekMask>");
	edit(&sif, "<IsRecurring>1</IsRecurring>",
	     "<IsRecurring>0</IsRecurring>");
	edit(&sif, "<ReminderSet>1</ReminderSet>",
	     "<ReminderSet>0</ReminderSet>");
	sync_all();
	it = phone_find(&other, "Crew");
	lacks(it, "RRULE");
	lacks(it, "ALARM:");
}

static void
notes(void **state)
{
	struct phone_item *it;

	(void)state;
	both("notes", "text/x-s4j-sifn", "text/plain");
	(void)phone_add(&sif, "<note><Subject>List</Subject><Body>List\r\n"
			      "milk</Body><Color>3</Color></note>");
	sync_all();
	edit(&other, "milk", "bread");
	sync_all();
	it = phone_find(&sif, "bread");
	has(it, "<Subject>List</Subject>");
	has(it, "<Color>3</Color>");
}

/* What it gets before it ever sent an item: by its device id, or by the name
   of the database that its maker gave it. */
static void
nothing_told(void **state)
{
	(void)state;
	both("contacts", "text/x-s4j-sifc", "text/vcard");
	(void)phone_add(&other, card(&bench, "Roe;Jim", "7", NULL));
	assert_true(phone_sync(&other, 200));
	assert_true(phone_sync(&sif, 200));
	has(phone_find(&sif, "Roe"), "<FirstName>Jim</FirstName>");
	settled(&sif);
	phone_init(&sif, &bench, "IMEI:3");
	sif.b64 = true;
	sif.db = "scard";
	sif.type = "text/x-s4j-sifc";
	assert_true(phone_sync(&sif, 200));
	has(phone_find(&sif, "Roe"), "<FirstName>Jim</FirstName>");
}

/* A picture is larger than a message: in pieces of Base64. */
static void
large(void **state)
{
	enum { PICTURE = 20000 };
	char *text = arena_alloc(bench.a, PICTURE + 200);
	size_t n;

	(void)state;
	assert_non_null(text);
	both("contacts", "text/x-s4j-sifc", "text/vcard");
	n = (size_t)snprintf(text, 200,
			     "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Roe;Jim;;;\r\n"
			     "FN:Jim Roe\r\nPHOTO;ENCODING=b;TYPE=JPEG:");
	memset(text + n, 'A', PICTURE);
	memcpy(text + n + PICTURE, "\r\nEND:VCARD\r\n", 14);
	(void)phone_add(&other, text);
	assert_true(phone_sync(&other, 200));
	sif.max_msg = 6000;
	assert_true(phone_sync(&sif, 200));
	assert_int_equal(sif.bad_status, 0);
	has(phone_find(&sif, "Roe"), "<Photo TYPE=\"JPEG\">AAAA");
	has(phone_find(&sif, "Roe"), "</contact>");
	settled(&sif);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(contacts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(events, set_up, tear_down),
		cmocka_unit_test_setup_teardown(notes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_told, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(large, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
