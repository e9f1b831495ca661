/*
 * Slow syncs of phones that hold an item otherwise than it is stored: cut,
 * moved, without a property, a series and its changed instance as two. Nothing
 * is doubled, and nothing that the phone cannot hold is lost.
 */
#include "tests/syncml/conform.h"

#include <string.h>

static struct phone full, small;

/* A phone of 1.1 with one database; what it lists are PropNames. */
#define DEVINF(maker, type, ver, props)                                        \
	maker "<DevID>IMEI:2</DevID><DevTyp>phone</DevTyp><UTC/><DataStore>"   \
	      "<SourceRef>./C</SourceRef><Rx-Pref><CTType>" type               \
	      "</CTType><VerCT>" ver                                           \
	      "</VerCT></Rx-Pref><Tx-Pref><CTType>" type                       \
	      "</CTType><VerCT>" ver "</VerCT></Tx-Pref><SyncCap>"             \
	      "<SyncType>1</SyncType><SyncType>2</SyncType></SyncCap>"         \
	      "</DataStore><CTCap><CTType>" type "</CTType>" props "</CTCap>"
#define ACME "<Man>Acme</Man><Mod>T1</Mod>"
#define NOKIA "<Man>Nokia</Man><Mod>6111</Mod>"
#define PROP(name) "<PropName>" name "</PropName>"
#define SIZED(name, size)                                                      \
	PROP(name) "<DataType>chr</DataType><Size>" size "</Size>"

static int
phones(void **state)
{
	(void)set_up(state);
	phone_init(&full, &bench, "IMEI:1");
	phone_init(&small, &bench, "IMEI:2");
	small.version = 11;
	return 0;
}

static void
both(const char *db, const char *type, const char *small_type,
     const char *devinf)
{
	full.db = small.db = db;
	full.type = type;
	small.type = small_type;
	small.devinf = devinf;
}

static const char *
calendar(const char *lines)
{
	return arena_printf(bench.a,
			    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n%s"
			    "END:VCALENDAR\r\n",
			    lines)
	    .p;
}

#define PLANNING                                                               \
	calendar("BEGIN:VEVENT\r\nDTSTART:20270310T080000Z\r\nDTEND:"          \
		 "20270310T090000Z\r\nSUMMARY:Quarterly planning of the "      \
		 "branch\r\nEND:VEVENT\r\n")

/* The full phone's items go to the small one. */
static void
spread(void)
{
	assert_true(phone_sync(&full, 201));
	assert_int_equal(full.bad_status, 0);
	assert_true(phone_sync(&small, 201));
	assert_int_equal(small.got_add, full.n);
}

/* A hard reset and the phone's own backup: all LUIDs are new. */
static void
restored(struct phone *p)
{
	for (size_t i = 0; i < p->n; i++)
		(void)snprintf(p->item[i].luid, sizeof(p->item[i].luid), "R%d",
			       p->next_luid++);
}

/* What came first comes last. */
static void
turn_round(struct phone *p)
{
	for (size_t i = 0; i < p->n / 2; i++) {
		struct phone_item it = p->item[i];

		p->item[i] = p->item[p->n - 1 - i];
		p->item[p->n - 1 - i] = it;
	}
}

/* A slow sync in which nothing is to be done, on either side. */
static void
slow(void)
{
	int stored = items_stored();
	size_t live = phone_live(&small);

	assert_true(phone_sync(&small, 201));
	assert_int_equal(small.bad_status, 0);
	assert_int_equal(small.got_add, 0);
	assert_int_equal(small.got_delete, 0);
	assert_int_equal(phone_live(&small), live);
	assert_int_equal(items_stored(), stored);
}

/* Slow syncs, with the LUIDs that the old map knows and with new ones; no
   other phone hears of any of it. */
static void
slow_often(void)
{
	for (int i = 0; i < 2; i++) {
		slow();
		assert_int_equal(small.got_replace, 0);
	}
	restored(&small);
	slow();
	assert_int_equal(small.got_replace, 0);
	restored(&small);
	small.per_msg = 1;
	slow();
	small.per_msg = 0;
	assert_true(phone_sync(&small, 200));
	assert_int_equal(small.got_add + small.got_replace, 0);
	assert_true(phone_sync(&full, 200));
	assert_int_equal(full.got_add + full.got_replace + full.got_delete, 0);
}

static void
cut_titles(void **state)
{
	(void)state;
	both("calendar", "text/calendar", "text/x-vcalendar",
	     DEVINF(ACME, "text/x-vcalendar", "1.0",
		    SIZED("SUMMARY", "20") PROP("DTSTART") PROP("DTEND")));
	(void)phone_add(
	    &full, calendar("BEGIN:VEVENT\r\nUID:e1\r\nDTSTART:20270310T080000Z"
			    "\r\nDTEND:20270310T090000Z\r\nSUMMARY:Quarterly "
			    "planning of the eastern branch\r\nLOCATION:Hall"
			    "\r\nEND:VEVENT\r\n"));
	(void)phone_add(
	    &full,
	    calendar("BEGIN:VEVENT\r\nDTSTART:20270311T080000Z\r\nDTEND:"
		     "20270311T090000Z\r\nSUMMARY:Gr\xC3\xBC\xC3\x9F"
		     "e an die ganze \xC3\xB6stliche Filiale\r\nEND:VEVENT"
		     "\r\n"));
	spread();
	assert_non_null(phone_find(&small, "SUMMARY:Quarterly planning o\n"));
	slow_often();
	assert_non_null(stored("SUMMARY:Quarterly planning of the eastern "));
	assert_non_null(stored("LOCATION:Hall"));
}

static void
cut_names(void **state)
{
	static const char *const names[] = { "Featherstonehaugh;Marjorie",
					     "Smith;Ann", "Hoffmann;Alexander",
					     "Waterworks of the lower valley" };

	(void)state;
	both("contacts", "text/vcard", "text/x-vcard",
	     DEVINF(ACME, "text/x-vcard", "2.1", SIZED("N", "21") PROP("TEL")));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)phone_add(&full,
				card(&bench, names[i],
				     arena_printf(bench.a, "+49301234%zu", i).p,
				     "TITLE:Chief\r\n"));
	spread();
	assert_non_null(phone_find(&small, "N:Featherstonehaugh;Mar"));
	slow_often();
	assert_non_null(stored("N:Featherstonehaugh;Marjorie"));
}

/* An Add under a LUID that the map knows: it repeats itself. */
static void
added_again(void **state)
{
	(void)state;
	both("contacts", "text/vcard", "text/x-vcard",
	     DEVINF(ACME, "text/x-vcard", "2.1", SIZED("N", "21") PROP("TEL")));
	(void)phone_add(&full, card(&bench, "Featherstonehaugh;Marjorie",
				    "+493012345", NULL));
	spread();
	small.item[0].change = 'A';
	assert_true(phone_sync(&small, 200));
	assert_int_equal(small.alert, 200);
	assert_int_equal(small.sent_n, 1);
	assert_int_equal(small.bad_status, 0);
	assert_int_equal(small.got_add, 0);
	assert_int_equal(items_stored(), 1);
	assert_non_null(stored("N:Featherstonehaugh;Marjorie"));
}

/* A town's offices, all of whose names begin alike: each finds its own, in one
   message and in many, first ones and last ones first. */
static void
many_that_begin_alike(void **state)
{
	enum { OFFICES = 100 };

	(void)state;
	both("contacts", "text/vcard", "text/x-vcard",
	     DEVINF(ACME, "text/x-vcard", "2.1", PROP("N") PROP("TEL")));
	for (int i = 0; i < OFFICES; i++)
		(void)phone_add(
		    &full,
		    card(&bench,
			 arena_printf(bench.a, "Municipal council office %d", i)
			     .p,
			 arena_printf(bench.a, "+4930%06d", i).p,
			 "TITLE:Office\r\n"));
	spread();
	slow_often();
	turn_round(&small);
	slow_often();
	assert_non_null(stored("TITLE:Office"));
}

/* More of them than are looked at for one message. */
static void
large_ones_that_begin_alike(void **state)
{
	enum { PHOTO = 150000, OFFICES = SML_CANDIDATE_BYTES_MAX / PHOTO + 5 };
	char *photo = arena_alloc(bench.a, PHOTO + 1);

	(void)state;
	memset(photo, 'A', PHOTO);
	photo[PHOTO] = '\0';
	both("contacts", "text/vcard", "text/x-vcard",
	     DEVINF(ACME, "text/x-vcard", "2.1",
		    PROP("N") PROP("TEL") PROP("PHOTO")));
	full.per_msg = small.per_msg = 10;
	full.max_msg = small.max_msg = 5000000;
	for (int i = 0; i < OFFICES; i++)
		(void)phone_add(
		    &full,
		    card(&bench,
			 arena_printf(bench.a, "Municipal council office %d", i)
			     .p,
			 arena_printf(bench.a, "+4930%06d", i).p,
			 arena_printf(bench.a,
				      "TITLE:Office\r\n"
				      "PHOTO;ENCODING=b;TYPE=JPEG:%s\r\n",
				      photo)
			     .p));
	spread();
	slow();
	restored(&small);
	slow();
	assert_int_equal(small.got_replace, 0);
	assert_non_null(stored("TITLE:Office"));
}

/* The same with birthdays, which are found by their month. */
static void
birthdays_that_begin_alike(void **state)
{
	const char *one;

	(void)state;
	both("calendar", "text/calendar", "text/x-vcalendar",
	     DEVINF(NOKIA, "text/x-vcalendar", "1.0",
		    PROP("SUMMARY") PROP("DTSTART") PROP("DTEND")
			PROP("RRULE")));
	for (int i = 0; i < 60; i++) {
		one = arena_printf(bench.a,
				   "BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:19%02d"
				   "05%02d\r\nSUMMARY:Birthday reminder: No. "
				   "%d\r\nLOCATION:Home\r\nRRULE:FREQ=YEARLY"
				   "\r\nEND:VEVENT\r\n",
				   40 + i % 50, 1 + i % 28, i)
			  .p;
		(void)phone_add(&full, calendar(one));
	}
	spread();
	slow_often();
	turn_round(&small);
	slow_often();
	assert_non_null(stored("LOCATION:Home"));
}

/* Two people whose names are cut to one stay two. */
static void
cut_to_the_same(void **state)
{
	(void)state;
	both("contacts", "text/vcard", "text/x-vcard",
	     DEVINF(ACME, "text/x-vcard", "2.1", SIZED("N", "21") PROP("TEL")));
	(void)phone_add(&full, card(&bench, "Featherstonehaugh;Marjorie",
				    "+493012345", NULL));
	(void)phone_add(&full, card(&bench, "Featherstonehaugh;Marcus",
				    "+493098765", NULL));
	spread();
	slow_often();
	assert_non_null(stored("Marjorie"));
	assert_non_null(stored("Marcus"));
}

/* A birthday goes out as its first occurrence that the phone can have. */
static void
moved_birthday(void **state)
{
	(void)state;
	both("calendar", "text/calendar", "text/x-vcalendar",
	     DEVINF(NOKIA, "text/x-vcalendar", "1.0",
		    PROP("SUMMARY") PROP("DTSTART") PROP("DTEND")
			PROP("RRULE")));
	(void)phone_add(&full,
			calendar("BEGIN:VEVENT\r\nUID:b1\r\nDTSTART;VALUE=DATE:"
				 "19650504\r\nSUMMARY:Ann\r\nRRULE:FREQ=YEARLY"
				 "\r\nEND:VEVENT\r\n"));
	(void)phone_add(
	    &full, calendar("BEGIN:VEVENT\r\nUID:b2\r\nDTSTART:19650504T100000Z"
			    "\r\nDTEND:19650504T110000Z\r\nSUMMARY:Bob\r\n"
			    "RRULE:FREQ=YEARLY\r\nEND:VEVENT\r\n"));
	spread();
	assert_non_null(phone_find(&small, "DTSTART:1980050"));
	slow_often();
	assert_non_null(stored("DTSTART;VALUE=DATE:19650504"));
}

/* Days and times that a phone shows by its own clock. */
static void
days_and_clocks(void **state)
{
	static const char *const when[] = {
		"DTSTART;VALUE=DATE:20270310\r\nDTEND;VALUE=DATE:20270311\r\n",
		("DTSTART;TZID=America/New_York:20270310T220000\r\n"
		 "DTEND;TZID=America/New_York:20270310T230000\r\n"),
		"DTSTART:20270310T080000\r\nDTEND:20270310T090000\r\n",
	};

	(void)state;
	both("calendar", "text/calendar", "text/x-vcalendar",
	     DEVINF(ACME, "text/x-vcalendar", "1.0",
		    PROP("SUMMARY") PROP("DTSTART") PROP("DTEND")));
	for (size_t i = 0; i < sizeof(when) / sizeof(when[0]); i++)
		(void)phone_add(
		    &full,
		    calendar(arena_printf(bench.a,
					  "BEGIN:VEVENT\r\nUID:d%zu\r\n%s"
					  "SUMMARY:Out\r\nEND:VEVENT\r\n",
					  i, when[i])
				 .p));
	spread();
	slow_often();
	assert_non_null(stored("DTSTART:20270310T080000\r\n"));
}

/* The item without its line that begins so. */
static void
without(struct phone *p, const char *line)
{
	for (size_t i = 0; i < p->n; i++) {
		struct slice body = p->item[i].body;
		size_t at = slice_find_str(body, line);
		struct slice rest;

		if (at == SIZE_MAX)
			continue;
		rest = slice_from(body, at);
		rest = slice_from(rest, slice_find(rest, '\n') + 1);
		p->item[i].body = arena_printf(
		    bench.a, "%.*s%.*s", SLICE_ARG(slice_sub(body, 0, at)),
		    SLICE_ARG(rest));
	}
}

/* It keeps one of a task's two dates, whatever it listed. */
static void
tasks_with_one_date(void **state)
{
	static const char *const lines[] = { "DTSTART:", "DUE:" };

	(void)state;
	both("tasks", "text/calendar", "text/x-vcalendar",
	     DEVINF(ACME, "text/x-vcalendar", "1.0",
		    PROP("SUMMARY") PROP("DTSTART") PROP("DUE")));
	for (int i = 1; i <= 2; i++)
		(void)phone_add(
		    &full,
		    calendar(arena_printf(bench.a,
					  "BEGIN:VTODO\r\nDTSTART:2027031%dT"
					  "080000Z\r\nDUE:2027032%dT080000Z\r\n"
					  "SUMMARY:Call\r\nEND:VTODO\r\n",
					  i, i)
				 .p));
	spread();
	for (size_t i = 0; i < 2; i++) {
		struct phone_item kept[2];

		memcpy(kept, small.item, sizeof(kept));
		without(&small, lines[i]);
		slow();
		without(&small, lines[i]);
		if (i == 0)
			restored(&small);
		slow();
		small.item[0].body = kept[0].body;
		small.item[1].body = kept[1].body;
	}
	assert_non_null(stored("DTSTART:20270311T080000Z\r\nDUE:20270321"));
}

/* It told no sizes, and cuts all the same. */
static void
cut_unsaid(void **state)
{
	struct phone_item *it;

	(void)state;
	both("calendar", "text/calendar", "text/x-vcalendar", NULL);
	(void)phone_add(&full, PLANNING);
	spread();
	it = &small.item[0];
	without(&small, "SUMMARY:");
	it->body = slice_c(
	    arena_printf(
		bench.a,
		"%.*sSUMMARY:Quarterly planning\r\n"
		"END:VEVENT\r\nEND:VCALENDAR\r\n",
		SLICE_ARG(slice_sub(it->body, 0,
				    slice_find_str(it->body, "END:VEVENT"))))
		.p);
	slow();
	assert_non_null(stored("SUMMARY:Quarterly planning of the branch"));
}

/* After a reset the LUID is another item's, whose title begins the same: both
   stay. */
static void
reused_luid(void **state)
{
	(void)state;
	both("calendar", "text/calendar", "text/x-vcalendar", NULL);
	(void)phone_add(&full, PLANNING);
	spread();
	small.item[0].body = slice_c(
	    "BEGIN:VCALENDAR\r\nVERSION:1.0\r\nBEGIN:VEVENT\r\nDTSTART:"
	    "20270610T080000Z\r\nDTEND:20270610T090000Z\r\nSUMMARY:Quarterly "
	    "planning\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n");
	assert_true(phone_sync(&small, 201));
	assert_int_equal(small.got_add, 1);
	assert_int_equal(items_stored(), 2);
}

/* Its title was changed elsewhere since the phone got it cut. */
static void
edited_elsewhere(void **state)
{
	(void)state;
	both("calendar", "text/calendar", "text/x-vcalendar",
	     DEVINF(ACME, "text/x-vcalendar", "1.0",
		    SIZED("SUMMARY", "20") PROP("DTSTART") PROP("DTEND")));
	(void)phone_add(&full, PLANNING);
	spread();
	phone_edit(&full.item[0],
		   calendar("BEGIN:VEVENT\r\nDTSTART:20270310T080000Z\r\nDTEND:"
			    "20270310T090000Z\r\nSUMMARY:Annual review of all "
			    "branches\r\nEND:VEVENT\r\n"),
		   &full);
	assert_true(phone_sync(&full, 200));
	assert_true(phone_sync(&small, 201));
	assert_int_equal(small.got_add, 0);
	assert_int_equal(small.got_replace, 1);
	assert_int_equal(items_stored(), 1);
	assert_non_null(phone_find(&small, "SUMMARY:Annual review of all"));
	slow_often();
}

/* ---- a series and its changed instance ----------------------------------- */

#define SERIES                                                                 \
	"BEGIN:VEVENT\r\nUID:s\r\nDTSTART:20270301T090000Z\r\nDTEND:"          \
	"20270301T100000Z\r\nSUMMARY:Team\r\nRRULE:"
#define MOVED                                                                  \
	"SUMMARY:Team\r\nDTSTART:20270308T140000Z\r\nDTEND:20270308T150000Z"   \
	"\r\nEND:VEVENT\r\n"

/* A phone that knows no RECURRENCE-ID, keeps UIDs and was never here. */
static void
series_and_instance(int per_msg, bool series_first)
{
	static const char *const old[] = {
		"BEGIN:VCALENDAR\r\nVERSION:1.0\r\n" SERIES
		"W1 MO #0\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
		"BEGIN:VCALENDAR\r\nVERSION:1.0\r\nBEGIN:VEVENT\r\nUID:"
		"s\r\n" MOVED "END:VCALENDAR\r\n"
	};

	both("calendar", "text/calendar", "text/x-vcalendar", NULL);
	(void)phone_add(&full,
			calendar(SERIES "FREQ=WEEKLY;BYDAY=MO\r\nEND:VEVENT"
					"\r\n"));
	(void)phone_add(&full,
			calendar("BEGIN:VEVENT\r\nUID:s\r\nRECURRENCE-ID:"
				 "20270308T090000Z\r\n" MOVED));
	assert_true(phone_sync(&full, 201));
	assert_int_equal(items_stored(), 2);
	(void)phone_add(&small, old[series_first ? 0 : 1]);
	(void)phone_add(&small, old[series_first ? 1 : 0]);
	small.per_msg = per_msg;
	for (int i = 0; i < 3; i++) {
		assert_true(phone_sync(&small, 201));
		assert_int_equal(small.got_add, 0);
		assert_int_equal(items_stored(), 2);
		assert_non_null(stored("RRULE:FREQ=WEEKLY"));
		assert_non_null(stored("RECURRENCE-ID"));
		assert_int_equal(phone_live(&small), 2);
		if (i == 1)
			restored(&small);
	}
}

static void
series_in_one_message(void **state)
{
	(void)state;
	series_and_instance(0, true);
}

static void
instance_first_in_one_message(void **state)
{
	(void)state;
	series_and_instance(0, false);
}

static void
instance_in_an_earlier_message(void **state)
{
	(void)state;
	series_and_instance(1, false);
}

static void
instance_in_a_later_message(void **state)
{
	(void)state;
	series_and_instance(1, true);
}

/* ---- Copy in a slow sync --------------------------------------------------
 */

/* It names a LUID of the old map, whose item another command has as well. */
static void
copy_beside_a_twin(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:3", "1");
	begin(&r, "1", 201, NULL, "n1");
	sync_open(&r, "contacts");
	say_item(&r, "Add", "1", "", card(&bench, "Ann", "+491", NULL));
	sync_close(&r);
	assert_int_equal(code_of(post(&r, FINAL), "Add"), 201);
	finish(&r);
	begin(&r, "2", 201, "n1", "n2");
	sync_open(&r, "contacts");
	say_item(&r, "Add", "2", "",
		 card(&bench, "Ann", "+491", "TITLE:Chief\n"));
	say(&r, "<Copy><CmdID>#</CmdID><Item><Source><LocURI>1</LocURI>"
		"</Source></Item></Copy>");
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Add"), 201);
	assert_int_equal(code_of(r.m, "Copy"), 404);
	assert_int_equal(items_stored(), 1);
}

int
main(void)
{
#define P(f) cmocka_unit_test_setup_teardown(f, phones, tear_down)
	const struct CMUnitTest tests[] = {
		P(cut_titles),
		P(cut_names),
		P(added_again),
		P(many_that_begin_alike),
		P(large_ones_that_begin_alike),
		P(birthdays_that_begin_alike),
		P(cut_to_the_same),
		P(moved_birthday),
		P(days_and_clocks),
		P(tasks_with_one_date),
		P(cut_unsaid),
		P(reused_luid),
		P(edited_elsewhere),
		P(series_in_one_message),
		P(instance_first_in_one_message),
		P(instance_in_an_earlier_message),
		P(instance_in_a_later_message),
		P(copy_beside_a_twin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
