/* SIF: what Funambol's clients send, to canonical items and back. */
#include "pim/xml.h"
#include "pim/zone.h"
#include "tests/pim/core_help.h"

#include <stdio.h>
#include <string.h>

static int
setup(void **state)
{
	struct err e = { .code = ERR_NONE };

	assert_int_equal(pim_zone_init(&e), 0);
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

static const struct pim_view *
sif_view(enum pim_form form)
{
	static struct pim_view v;

	v = (struct pim_view){ .form = form,
			       .zone = SLICE_INIT("Europe/Berlin") };
	pim_view_seal(&v);
	return &v;
}

struct row {
	enum pim_form form;
	const char *inside;   /* of the root element */
	const char *canon[7]; /* parts of the stored text; '!': not in it */
	const char *back[7];  /* parts of what is sent */
};

static void
check(const char *text, const char *const want[7], const char *of)
{
	for (int k = 0; k < 7 && want[k] != NULL; k++) {
		bool no = want[k][0] == '!';

		if ((strstr(text, want[k] + no) == NULL) != no)
			fail_msg("%s\n\"%s\" in\n%s", of, want[k], text);
	}
}

static struct slice
document(struct arena *a, enum pim_form form, const char *inside)
{
	static const char *const roots[] = { "contact", "appointment", "task",
					     "note" };
	const char *root = roots[form - PIM_SIFC];

	return arena_printf(a, "<?xml version=\"1.0\"?>\r\n<%s>%s</%s>\r\n",
			    root, inside, root);
}

static struct pim_item *
sif(struct arena *a, enum pim_form form, const char *inside)
{
	struct slice body = document(a, form, inside);

	assert_int_equal(pim_detect(body, SLICE_LIT("")), form);
	assert_int_equal(pim_detect(body, pim_form_mime(form)), form);
	return t_read(a, sif_view(form), form, body);
}

/* Each way; what a device got and sends back is no edit. */
static void
run(struct arena *a, const struct row *row, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct pim_view *v = sif_view(row[i].form);
		struct pim_item *it = sif(a, row[i].form, row[i].inside);
		struct pim_item *stored;
		const struct pim_item *base[1];
		struct pim_merge m = { .view = v,
				       .base = base,
				       .base_n = 1,
				       .absence_counts = true };
		struct pim_merged out;
		struct pim_item *seen;
		struct slice canon;

		check(t_canon(a, it), row[i].canon, row[i].inside);
		check(t_write(a, v, it), row[i].back, row[i].inside);
		assert_int_equal(pim_canon(a, it, &canon, NULL), 0);
		assert_int_equal(pim_parse(a, it->kind, canon, &stored, NULL),
				 0);
		assert_true(pim_same(a, it, stored));
		assert_int_equal(pim_seen(a, v, stored, &seen, NULL), 0);
		base[0] = m.incoming = seen;
		m.current = stored;
		assert_int_equal(pim_merge(a, &m, &out, NULL), 0);
		if (out.differs_current || out.differs_incoming)
			fail_msg("%s\n%s\n%s", row[i].inside,
				 t_canon(a, stored), t_canon(a, out.item));
	}
}

#define HOMES "HOME,VOICE:1\r\nTEL;TYPE=HOME,VOICE:2\r\nTEL;TYPE=HOME,VOICE:3"

static const struct row contacts[] = {
	{ PIM_SIFC,
	  "<FirstName>Anna</FirstName><LastName>Gr&#252;n &amp; Co;x</LastName>"
	  "<Title>Dr.</Title><MiddleName/><Suffix></Suffix>"
	  "<FileAs>Gr\xC3\xBCn, Anna</FileAs><CompanyName>A, B</CompanyName>"
	  "<Department>D</Department><OfficeLocation>R 1</OfficeLocation>",
	  { "\r\nN:Gr\xC3\xBCn & Co\\;x;Anna;;Dr.;\r\n",
	    "\r\nFN:Dr. Anna Gr\xC3\xBCn & Co\\;x\r\n",
	    "\r\nORG:A\\, B;D;R 1\r\n",
	    "\r\nX-EVOLUTION-FILE-AS:Gr\xC3\xBCn\\, Anna\r\n" },
	  { "<LastName>Gr\xC3\xBCn &amp; Co;x</LastName>",
	    "<CompanyName>A, B</CompanyName><Department>D</Department>"
	    "<OfficeLocation>R 1</OfficeLocation>",
	    "<FileAs>Gr\xC3\xBCn, Anna</FileAs>",
	    "<MiddleName></MiddleName>" } },
	{ PIM_SIFC,
	  "<LastName>A</LastName><Home2TelephoneNumber>2"
	  "</Home2TelephoneNumber><HomeTelephoneNumber>1</HomeTelephoneNumber>"
	  "<Home3TelephoneNumber>3</Home3TelephoneNumber>"
	  "<BusinessFaxNumber>4</BusinessFaxNumber>"
	  "<MobileTelephoneNumber>5</MobileTelephoneNumber>"
	  "<CompanyMainTelephoneNumber>6</CompanyMainTelephoneNumber>"
	  "<CallbackTelephoneNumber>7</CallbackTelephoneNumber>"
	  "<OtherTelephoneNumber>8</OtherTelephoneNumber>"
	  "<PagerNumber/>",
	  { HOMES, "TEL;TYPE=VOICE:8\r\nTEL;TYPE=WORK,FAX:4\r\n",
	    "TEL;TYPE=CELL:5\r\n", "TEL;TYPE=WORK,PREF:6\r\n",
	    "TEL;TYPE=X-FUNAMBOL-CALLBACK:7\r\n", "!PAGER" },
	  { "<HomeTelephoneNumber>1</HomeTelephoneNumber>"
	    "<Home2TelephoneNumber>2</Home2TelephoneNumber>"
	    "<Home3TelephoneNumber>3</Home3TelephoneNumber>",
	    "<BusinessFaxNumber>4</BusinessFaxNumber>",
	    "<PagerNumber></PagerNumber>",
	    "<CallbackTelephoneNumber>7</CallbackTelephoneNumber>" } },
	{ PIM_SIFC,
	  "<LastName>A</LastName><Email1Address>a@example.com</Email1Address>"
	  "<Email1AddressType>SMTP</Email1AddressType>"
	  "<Email2Address>b@example.com</Email2Address>"
	  "<Email2AddressType>EX</Email2AddressType>"
	  "<Email3Address>c@example.com</Email3Address>",
	  { "EMAIL;TYPE=INTERNET:a@example.com\r\n"
	    "X-FUNAMBOL-EMAIL2ADDRESSTYPE:EX\r\n"
	    "EMAIL;TYPE=INTERNET,HOME:b@example.com\r\n"
	    "EMAIL;TYPE=INTERNET,WORK:c@example.com\r\n" },
	  { "<Email1AddressType>SMTP</Email1AddressType>",
	    "<Email2AddressType>EX</Email2AddressType>",
	    "<Email3Address>c@example.com</Email3Address>" } },
	{ PIM_SIFC,
	  "<LastName>A</LastName><HomeAddressStreet>Way 1\r\nBack</"
	  "HomeAddressStreet><HomeAddressCity>Town</HomeAddressCity>"
	  "<BusinessAddressPostOfficeBox>9</BusinessAddressPostOfficeBox>"
	  "<OtherAddressCountry>X</OtherAddressCountry>"
	  "<HomeLabel>Way 1&#13;&#10;Town</HomeLabel>",
	  { "ADR;TYPE=WORK:9;;;;;;\r\nADR;TYPE=HOME:;;Way 1\\nBack;Town;;;\r\n"
	    "ADR:;;;;;;X\r\n",
	    "LABEL;TYPE=HOME:Way 1\\n" },
	  { "<HomeAddressStreet>Way 1\r\nBack</HomeAddressStreet>",
	    "<BusinessAddressPostOfficeBox>9<", "<OtherAddressCountry>X<" } },
	{ PIM_SIFC,
	  "<LastName>A</LastName><Birthday>1970-01-31</Birthday>"
	  "<Anniversary>4501-01-01</Anniversary><Sensitivity>1</Sensitivity>"
	  "<Categories>This, That; Other</Categories>"
	  "<Photo TYPE=\"JPEG\">AAAA\r\n  BBBB</Photo><Gender>2</Gender>"
	  "<CustomerID>77</CustomerID><Bad.Name>x</Bad.Name>",
	  { "\r\nBDAY:1970-01-31\r\n", "!ANNIVERSARY", "CLASS:PRIVATE\r\n",
	    "CATEGORIES:This,That,Other\r\n",
	    "PHOTO;ENCODING=b;TYPE=JPEG:AAAABBBB\r\n",
	    "X-FUNAMBOL-GENDER:2\r\n",
	    "X-FUNAMBOL-SIF;X-ELEMENT=CustomerID:77\r\n" },
	  { "<Birthday>1970-01-31</Birthday>", "<Anniversary></Anniversary>",
	    "<Sensitivity>1</Sensitivity>",
	    "<Categories>This, That, Other</Categories>",
	    "<Photo TYPE=\"JPEG\">AAAABBBB</Photo>",
	    "<CustomerID>77</CustomerID>", "!Bad" } },
};

static void
contact(void **state)
{
	run(*state, contacts, sizeof(contacts) / sizeof(contacts[0]));
}

#define TIMED                                                                  \
	"<Subject>T</Subject><AllDayEvent>0</AllDayEvent>"                     \
	"<Start>20090512T070000Z</Start><End>20090512T080000Z</End>"
#define RECURS(type, rest)                                                     \
	TIMED "<IsRecurring>1</IsRecurring><RecurrenceType>" type              \
	      "</RecurrenceType>" rest
#define ENDLESS "<NoEndDate>1</NoEndDate><Occurrences>10</Occurrences>"

static const struct row events[] = {
	{ PIM_SIFE,
	  TIMED "<Body>x</Body><Location>here</Location><BusyStatus>3"
		"</BusyStatus><Importance>2</Importance><Sensitivity>2"
		"</Sensitivity><ReminderSet>1</ReminderSet>"
		"<ReminderMinutesBeforeStart>15</ReminderMinutesBeforeStart>"
		"<MeetingStatus>1</MeetingStatus><IsRecurring>0</IsRecurring>",
	  { "\r\nDTSTART:20090512T070000Z\r\nDTEND:20090512T080000Z\r\n",
	    "TRANSP:OPAQUE\r\nX-MICROSOFT-CDO-BUSYSTATUS:OOF\r\n",
	    "PRIORITY:1\r\n", "CLASS:PRIVATE\r\n", "TRIGGER:-PT15M\r\n",
	    "X-FUNAMBOL-MEETINGSTATUS:1\r\n", "!RRULE" },
	  { "<Start>20090512T070000Z</Start><End>20090512T080000Z</End>",
	    "<BusyStatus>3<", "<Importance>2<", "<Sensitivity>2<",
	    "<ReminderSet>1</ReminderSet><ReminderMinutesBeforeStart>15<",
	    "<MeetingStatus>1<", "<IsRecurring>0<" } },
	/* The last day is one of them. */
	{ PIM_SIFE,
	  "<Subject>Days</Subject><AllDayEvent>True</AllDayEvent>"
	  "<Start>2009-05-12</Start><End>2009-05-13</End>"
	  "<BusyStatus>0</BusyStatus><ReminderSet>0</ReminderSet>",
	  { "DTSTART;VALUE=DATE:20090512\r\nDTEND;VALUE=DATE:20090514\r\n",
	    "TRANSP:TRANSPARENT\r\n", "!VALARM" },
	  { "<AllDayEvent>1</AllDayEvent><Start>2009-05-12</Start>"
	    "<End>2009-05-13</End>",
	    "<BusyStatus>0<", "<ReminderSet>0<" } },
	{ PIM_SIFE,
	  "<Subject>Day</Subject><AllDayEvent>1</AllDayEvent>"
	  "<Start>20090511T220000Z</Start><End>20090512T220000Z</End>",
	  { "DTSTART;VALUE=DATE:20090512\r\nDTEND;VALUE=DATE:20090513\r\n" },
	  { "<Start>2009-05-12</Start><End>2009-05-12</End>" } },
	/* A whole day that is not said to be one. */
	{ PIM_SIFE,
	  "<Subject>Shift</Subject><AllDayEvent>0</AllDayEvent>"
	  "<Start>20090511T220000Z</Start><End>20090512T220000Z</End>",
	  { "DTSTART:20090511T220000Z\r\n", "!VALUE=DATE" },
	  { "<AllDayEvent>0</AllDayEvent>" } },
	{ PIM_SIFE,
	  RECURS("0", "<Interval>3</Interval><NoEndDate>0</NoEndDate>"
		      "<Occurrences>5</Occurrences>"),
	  { "DTSTART;TZID=Europe/Berlin:20090512T090000\r\n",
	    "RRULE:FREQ=DAILY;INTERVAL=3;COUNT=5\r\n" },
	  { "<Start>20090512T090000</Start>",
	    "<RecurrenceType>0</RecurrenceType><Interval>3<", "<NoEndDate>0<",
	    "<Occurrences>5<",
	    "<Timezone><BasicOffset>+01</BasicOffset><DayLight><DSTOffset>+02",
	    "<PatternStartDate>20090512T090000<" } },
	/* every working day */
	{ PIM_SIFE,
	  RECURS("0", "<Interval>1</Interval><DayOfWeekMask>62"
		      "</DayOfWeekMask>" ENDLESS),
	  { "RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR\r\n", "!COUNT" },
	  { "<RecurrenceType>1<", "<DayOfWeekMask>62<", "<NoEndDate>1<" } },
	/* The end is a day; what is left out is a day, or a time. */
	{ PIM_SIFE,
	  RECURS("1", "<Interval>2</Interval><DayOfWeekMask>20</DayOfWeekMask>"
		      "<NoEndDate>0</NoEndDate><PatternEndDate>20090630T220000Z"
		      "</PatternEndDate><Occurrences/><Exceptions><ExcludeDate>"
		      "2009-05-14</ExcludeDate><ExcludeDate>20090525T220000Z"
		      "</ExcludeDate></Exceptions>"),
	  { "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;"
	    "UNTIL=20090701T215959Z\r\n",
	    "EXDATE;TZID=Europe/Berlin:20090514T090000,20090526T090000\r\n" },
	  { "<DayOfWeekMask>20<", "<PatternEndDate>20090701T235959<",
	    "<ExcludeDate>20090514T090000</ExcludeDate>"
	    "<ExcludeDate>20090526T090000</ExcludeDate>" } },
	{ PIM_SIFE,
	  RECURS("2",
		 "<Interval>2</Interval><DayOfMonth>12</DayOfMonth>" ENDLESS),
	  { "RRULE:FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=12\r\n" },
	  { "<RecurrenceType>2<", "<DayOfMonth>12<" } },
	{ PIM_SIFE,
	  RECURS("3", "<Interval>1</Interval><DayOfWeekMask>4</DayOfWeekMask>"
		      "<Instance>2</Instance>" ENDLESS),
	  { "RRULE:FREQ=MONTHLY;BYDAY=2TU\r\n" },
	  { "<RecurrenceType>3<", "<DayOfWeekMask>4</DayOfWeekMask>"
				  "<Instance>2<" } },
	/* the last working day, the last day */
	{ PIM_SIFE,
	  RECURS("3", "<DayOfWeekMask>62</DayOfWeekMask><Instance>5</Instance>"
		      "<NoEndDate>0</NoEndDate><PatternEndDate>2010-01-01"
		      "</PatternEndDate>"),
	  { "BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;UNTIL=20100101" },
	  { "<RecurrenceType>3<", "<DayOfWeekMask>62</DayOfWeekMask>"
				  "<Instance>5<" } },
	{ PIM_SIFE,
	  RECURS("3", "<DayOfWeekMask>127</DayOfWeekMask><Instance>5"
		      "</Instance>" ENDLESS),
	  { "RRULE:FREQ=MONTHLY;BYMONTHDAY=-1\r\n" },
	  { "<DayOfWeekMask>127</DayOfWeekMask><Instance>5<" } },
	/* Twelve months are a year. */
	{ PIM_SIFE,
	  RECURS("5", "<Interval>12</Interval><MonthOfYear>5</MonthOfYear>"
		      "<DayOfMonth>12</DayOfMonth>" ENDLESS),
	  { "RRULE:FREQ=YEARLY", "!INTERVAL" },
	  { "<RecurrenceType>5</RecurrenceType><Interval>1</Interval>"
	    "<MonthOfYear>5</MonthOfYear><DayOfMonth>12<" } },
	{ PIM_SIFE,
	  RECURS("6", "<Interval>1</Interval><MonthOfYear>5</MonthOfYear>"
		      "<DayOfWeekMask>4</DayOfWeekMask><Instance>2</Instance>"
		      "<NoEndDate>0</NoEndDate><Occurrences>3</Occurrences>"),
	  { "COUNT=3", "BYDAY=2TU" },
	  { "<RecurrenceType>6</RecurrenceType><Interval>1</Interval>"
	    "<MonthOfYear>5<",
	    "<DayOfWeekMask>4</DayOfWeekMask><Instance>2<",
	    "<Occurrences>3<" } },
	{ PIM_SIFE,
	  "<Subject>Away</Subject><Start>20090512T090000</Start>"
	  "<End>20090512T100000</End><IsRecurring>1</IsRecurring>"
	  "<RecurrenceType>1</RecurrenceType><Interval>1</Interval>"
	  "<DayOfWeekMask>4</DayOfWeekMask>" ENDLESS
	  "<Timezone><BasicOffset>-08:00</BasicOffset><DayLight><DSTOffset>"
	  "-07:00</DSTOffset><DSTStart>20090308T020000</DSTStart><DSTEnd>"
	  "20091101T020000</DSTEnd><StandardName/><DSTName/></DayLight>"
	  "</Timezone>",
	  { "DTSTART;TZID=America/Los_Angeles:20090512T090000\r\n" },
	  { "<BasicOffset>-08</BasicOffset><DayLight><DSTOffset>-07" } },
	{ PIM_SIFE,
	  TIMED "<Attendees><Attendee><AttendeeName>Ann</AttendeeName>"
		"<AttendeeEmail>a@example.com</AttendeeEmail><AttendeeStatus>4"
		"</AttendeeStatus><AttendeeType>2</AttendeeType></Attendee>"
		"<Attendee><AttendeeEmail>b@example.com</AttendeeEmail>"
		"<AttendeeStatus>3</AttendeeStatus></Attendee></Attendees>",
	  { "ATTENDEE;CN=Ann;PARTSTAT=DECLINED;ROLE=OPT-PARTICIPANT:"
	    "mailto:a@example.com\r\n"
	    "ATTENDEE;PARTSTAT=ACCEPTED:mailto:b@example.com\r\n" },
	  { "<AttendeeName>Ann</AttendeeName><AttendeeEmail>a@example.com"
	    "</AttendeeEmail><AttendeeStatus>4</AttendeeStatus>"
	    "<AttendeeType>2<",
	    "<AttendeeEmail>b@example.com</AttendeeEmail>"
	    "<AttendeeStatus>3<" } },
};

static void
event(void **state)
{
	run(*state, events, sizeof(events) / sizeof(events[0]));
}

static const struct row tasks[] = {
	{ PIM_SIFT,
	  "<SIFVersion>1.1</SIFVersion><Subject>Call</Subject><Body/>"
	  "<StartDate>2009-05-12</StartDate><DueDate>20090513T220000Z"
	  "</DueDate><DateCompleted>45010101T000000Z</DateCompleted>"
	  "<Complete>0</Complete><PercentComplete>25</PercentComplete>"
	  "<Status>3</Status><Importance>0</Importance><TeamTask>0</TeamTask>"
	  "<ReminderSet>1</ReminderSet><ReminderTime>20090513T070000Z"
	  "</ReminderTime>",
	  { "DTSTART;VALUE=DATE:20090512\r\nDUE;VALUE=DATE:20090514\r\n",
	    "!COMPLETED", "PERCENT-COMPLETE:25\r\n",
	    "STATUS:NEEDS-ACTION\r\nX-FUNAMBOL-STATUS:3\r\n", "PRIORITY:7\r\n",
	    "TRIGGER;RELATED=END:-PT15H\r\n", "X-FUNAMBOL-TEAMTASK:0\r\n" },
	  { "<StartDate>2009-05-12</StartDate><DueDate>2009-05-14</DueDate>"
	    "<DateCompleted></DateCompleted><Complete>0</Complete>"
	    "<Status>3</Status><PercentComplete>25<",
	    "<Importance>0<",
	    "<ReminderSet>1</ReminderSet><ReminderTime>20090513T090000<" } },
	{ PIM_SIFT,
	  "<Subject>Done</Subject><Complete>1</Complete><Status>2</Status>"
	  "<DateCompleted>20090513T070000Z</DateCompleted>",
	  { "STATUS:COMPLETED\r\n", "PERCENT-COMPLETE:100\r\n",
	    "COMPLETED:20090513T070000Z\r\n" },
	  { "<DateCompleted>20090513T070000Z</DateCompleted>"
	    "<Complete>1</Complete><Status>2</Status><PercentComplete>100<" } },
};

static void
task(void **state)
{
	run(*state, tasks, sizeof(tasks) / sizeof(tasks[0]));
}

static const struct row notes[] = {
	{ PIM_SIFN,
	  "<Subject>Title</Subject><Body>Title\r\nsecond</Body>",
	  { "Title\r\nsecond", "!BEGIN" },
	  { "<Subject>Title</Subject><Body>Title\r\nsecond</Body>" } },
	{ PIM_SIFN,
	  "<Subject>Title</Subject><Body>other</Body><Color>3</Color>"
	  "<Categories>a, b</Categories><Date>20061014T090053Z</Date>"
	  "<Height/>",
	  { "BEGIN:VJOURNAL\r\nDESCRIPTION:Title\\nother\r\n",
	    "CATEGORIES:a,b\r\n", "X-FUNAMBOL-COLOR:3\r\n",
	    "X-FUNAMBOL-DATE:20061014T090053Z\r\n", "!HEIGHT" },
	  { "<Body>Title\r\nother</Body>", "<Color>3</Color>",
	    "<Categories>a, b</Categories>",
	    "<Date>20061014T090053Z</Date>" } },
	/* A text that looks like the stored form. */
	{ PIM_SIFN,
	  "<Body>BEGIN:VJOURNAL\nEND:VJOURNAL</Body>",
	  { "DESCRIPTION:BEGIN:VJOURNAL\\nEND:VJOURNAL\r\n" },
	  { "<Body>BEGIN:VJOURNAL\r\nEND:VJOURNAL</Body>" } },
};

static void
note(void **state)
{
	run(*state, notes, sizeof(notes) / sizeof(notes[0]));
}

/* ---- merging
 * ---------------------------------------------------------------------------
 */

/* What the server holds, as canonical text; and what the device sends. */
struct merge_row {
	enum pim_kind kind;
	const char *current;    /* '|' ends lines */
	const char *find, *put; /* in what the device was sent */
	const char *want[7];
};

static struct pim_item *
held(struct arena *a, enum pim_kind kind, const char *lines)
{
	bool is_card = kind == PIM_CONTACT;
	struct buf b = BUF_IN(a);

	if (is_card)
		return t_read(a, NULL, PIM_VCARD30, t_card(a, "3.0", lines));
	buf_str(&b, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n");
	for (; *lines != 0; lines++) {
		if (*lines == '|')
			buf_str(&b, "\r\n");
		else
			buf_byte(&b, (unsigned char)*lines);
	}
	buf_str(&b, "\r\nEND:VCALENDAR\r\n");
	return t_read(a, sif_view(PIM_ICAL20), PIM_ICAL20, buf_slice(&b));
}

static struct slice
replaced(struct arena *a, const char *text, const char *find, const char *put)
{
	const char *at = strstr(text, find);

	if (at == NULL)
		fail_msg("\"%s\" in\n%s", find, text);
	return arena_printf(a, "%.*s%s%s", (int)(at - text), text, put,
			    at + strlen(find));
}

static const struct merge_row merges[] = {
	/* cleared, and only that; a part that it does not tell stays */
	{ PIM_CONTACT,
	  "N:Doe;Jane|TEL;TYPE=HOME:1|TEL;TYPE=HOME:2|NOTE:n|ORG:C;D;R|"
	  "X-ABC:own|TEL;TYPE=VIDEO:9|ADR;TYPE=HOME:7;8;S;T;;;",
	  "<HomeTelephoneNumber>1<",
	  "<HomeTelephoneNumber><",
	  { "!:1\r\n", "TEL;TYPE=HOME:2\r\n", "NOTE:n\r\n", "ORG:C;D;R\r\n",
	    "X-ABC:own\r\n", "TEL;TYPE=VIDEO:9\r\n", "7;8;S;T" } },
	{ PIM_CONTACT,
	  "N:Doe;Jane;M|ORG:C;D;R|NOTE:n",
	  "<Department>D<",
	  "<Department><",
	  { "ORG:C;;R\r\n", "N:Doe;Jane;M", "NOTE:n\r\n" } },
	{ PIM_CONTACT,
	  "N:Doe;Jane;M|ORG:C;D;R|NOTE:n",
	  "<MiddleName>M</MiddleName>",
	  "",
	  { "N:Doe;Jane;M", "ORG:C;D;R" } },
	{ PIM_CONTACT,
	  "N:Doe;Jane;M|NOTE:n|EMAIL;TYPE=HOME:h@example.com",
	  "<Body>n</Body>",
	  "<Body></Body>",
	  { "!NOTE", "N:Doe;Jane;M", "EMAIL;TYPE=HOME:h@example.com\r\n" } },
	/* another address under the same type */
	{ PIM_CONTACT,
	  "N:Doe;Jane|EMAIL;TYPE=HOME:h@example.com|EMAIL;TYPE=HOME:i@x.org",
	  "<Email1Address>i@x.org<",
	  "<Email1Address>j@x.org<",
	  { "EMAIL;TYPE=HOME:j@x.org\r\n", "EMAIL;TYPE=HOME:h@example.com",
	    "!i@x.org" } },
	/* no series any more, no reminder any more */
	{ PIM_EVENT,
	  "BEGIN:VEVENT|DTSTART:20090512T070000Z|SUMMARY:T|"
	  "RRULE:FREQ=DAILY;COUNT=5|X-ABC:own|END:VEVENT",
	  "<IsRecurring>1<",
	  "<IsRecurring>0<",
	  { "!RRULE", "SUMMARY:T\r\n", "X-ABC:own\r\n" } },
	{ PIM_EVENT,
	  "BEGIN:VEVENT|DTSTART:20090512T070000Z|SUMMARY:T|BEGIN:VALARM|"
	  "ACTION:DISPLAY|TRIGGER:-PT5M|END:VALARM|END:VEVENT",
	  "<ReminderSet>1<",
	  "<ReminderSet>0<",
	  { "!VALARM" } },
	/* a rule that SIF cannot say is not told, so it stays */
	{ PIM_EVENT,
	  "BEGIN:VEVENT|DTSTART:20090512T070000Z|SUMMARY:T|"
	  "RRULE:FREQ=MONTHLY;BYMONTHDAY=12,20|END:VEVENT",
	  "<Subject>T<",
	  "<Subject>U<",
	  { "SUMMARY:U\r\n", "RRULE:FREQ=MONTHLY;BYMONTHDAY=12,20\r\n" } },
	{ PIM_TODO,
	  "BEGIN:VTODO|DTSTART;VALUE=DATE:20090512|DUE;VALUE=DATE:20090513|"
	  "SUMMARY:T|END:VTODO",
	  "<DueDate>2009-05-13<",
	  "<DueDate><",
	  { "!DUE", "DTSTART;VALUE=DATE:20090512\r\n" } },
};

static void
merging(void **state)
{
	struct arena *a = *state;

	for (size_t i = 0; i < sizeof(merges) / sizeof(merges[0]); i++) {
		const struct merge_row *row = &merges[i];
		enum pim_form form = row->kind == PIM_CONTACT ? PIM_SIFC
				     : row->kind == PIM_EVENT ? PIM_SIFE
							      : PIM_SIFT;
		struct pim_item *cur = held(a, row->kind, row->current);
		const struct pim_view *v = sif_view(form);
		const struct pim_item *base[1];
		struct pim_merge in = { .view = v,
					.current = cur,
					.base = base,
					.base_n = 1,
					.absence_counts = true };
		struct pim_merged out;
		struct pim_item *seen;

		assert_int_equal(pim_seen(a, v, cur, &seen, NULL), 0);
		base[0] = in.incoming = seen;
		assert_int_equal(pim_merge(a, &in, &out, NULL), 0);
		if (out.differs_current || out.differs_incoming)
			fail_msg("unchanged: %s\n%s", row->current,
				 t_canon(a, out.item));
		in.incoming = t_read(
		    a, v, form,
		    replaced(a, t_write(a, v, cur), row->find, row->put));
		assert_int_equal(pim_merge(a, &in, &out, NULL), 0);
		check(t_canon(a, out.item), row->want, row->current);
		assert_false(out.differs_incoming);
	}
}

/* A note's text is edited elsewhere: what SIF has beside it stays. */
static void
note_merged(void **state)
{
	struct arena *a = *state;
	struct pim_item *cur =
	    sif(a, PIM_SIFN, "<Body>one</Body><Color>3</Color>");
	struct pim_view v = { .form = PIM_TEXT };
	const struct pim_item *base[1];
	struct pim_merge in = { .view = &v,
				.current = cur,
				.base = base,
				.base_n = 1,
				.absence_counts = true };
	struct pim_merged out;
	struct pim_item *seen;

	assert_int_equal(pim_seen(a, &v, cur, &seen, NULL), 0);
	base[0] = seen;
	in.incoming = t_read(a, &v, PIM_TEXT, SLICE_LIT("two"));
	assert_int_equal(pim_merge(a, &in, &out, NULL), 0);
	T_HAS(t_canon(a, out.item), "DESCRIPTION:two\r\n");
	T_HAS(t_canon(a, out.item), "X-FUNAMBOL-COLOR:3\r\n");
	assert_false(out.differs_incoming);
}

/* A device that lists its elements gets no others. */
static void
listed(void **state)
{
	struct arena *a = *state;
	struct pim_view v = *sif_view(PIM_SIFC);
	const char *text;

	v.caps = t_caps(a, "FirstName LastName Email1Address");
	text = t_write(
	    a, &v, sif(a, PIM_SIFC, "<FirstName>A</FirstName><Body>n</Body>"));
	T_HAS(text, "<FirstName>A</FirstName>");
	T_HAS(text, "<Email1Address></Email1Address>");
	T_LACKS(text, "Body");
}

/* ---- hostile
 * ------------------------------------------------------------------------------
 */

static int
code_of(struct arena *a, enum pim_form form, struct slice body)
{
	struct err e = { .code = ERR_NONE };
	struct pim_item *it = NULL;
	int rc = pim_read(a, sif_view(form), form, body, &it, &e);

	return rc == 0 ? 0 : (int)e.code;
}

static void
hostile(void **state)
{
	struct arena *a = *state;
	static const struct {
		const char *text;
		int want;
	} rows[] = {
		{ "", ERR_PARSE },
		{ "<", ERR_PARSE },
		{ "<contact", ERR_PARSE },
		{ "<contact>", ERR_PARSE },
		{ "<contact/>", 0 },
		{ "<contact></contact>", 0 },
		{ "<task></task>", ERR_PARSE },
		{ "<contact><LastName>A", ERR_PARSE },
		{ "<contact><LastName>A</LastName>", ERR_PARSE },
		{ "<contact><LastName>A</LastName></contact> ", 0 },
		{ "<!DOCTYPE contact [<!ENTITY a \"b\">]><contact>"
		  "<LastName>&a;</LastName></contact>",
		  ERR_PARSE },
		{ "<contact><!DOCTYPE x><LastName>A</LastName></contact>",
		  ERR_PARSE },
		{ "<contact><LastName><![CDATA[<A>]]></LastName></contact>",
		  0 },
		{ "<contact><!-- <LastName> --><LastName>A</LastName>"
		  "</contact>",
		  0 },
		{ "<contact><LastName><![CDATA[A</LastName></contact>",
		  ERR_PARSE },
		{ "<contact><Photo TYPE=\"J&#10;X:1\">AAAA</Photo></contact>",
		  0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int code = code_of(a, PIM_SIFC, slice_c(rows[i].text));

		if (code != rows[i].want)
			fail_msg("%s: %d", rows[i].text, code);
	}
	/* One line of what is stored cannot become two. */
	T_LACKS(t_canon(a, sif(a, PIM_SIFC,
			       "<LastName>A</LastName><WebPage>http://x/&#10;"
			       "TEL:1</WebPage><Birthday>x&#13;&#10;TEL:2"
			       "</Birthday>")),
		"\nTEL");
	/* Neither NUL nor what is no character gets in. */
	T_HAS(t_canon(a, sif(a, PIM_SIFC,
			     "<LastName>A&#0;&#xD800;&#1;B&bogus;</LastName>")),
	      "N:A&#0\\;B&bogus\\;;;;;\r\n");
	T_HAS(t_canon(a, t_read(a, sif_view(PIM_SIFC), PIM_SIFC,
				SLICE_LIT("<contact><LastName>A\0\xFC"
					  "</LastName></contact>"))),
	      "N:A\xC3\xBC;;;;\r\n");
}

/* Depth costs nothing, numbers are bounded: PIM_XML_ELEMENTS_MAX. */
static void
bounded(void **state)
{
	struct arena *a = *state;
	struct buf deep = BUF_IN(a);
	struct buf many = BUF_IN(a);

	buf_str(&deep, "<contact>");
	for (int i = 0; i < 3000; i++)
		buf_str(&deep, "<a>");
	buf_str(&deep, "</contact>");
	assert_int_equal(code_of(a, PIM_SIFC, buf_slice(&deep)), 0);
	buf_str(&many, "<contact>");
	for (int i = 0; i < PIM_XML_ELEMENTS_MAX + 1; i++)
		buf_str(&many, "<a>1</a>");
	buf_str(&many, "</contact>");
	assert_int_equal(code_of(a, PIM_SIFC, buf_slice(&many)), ERR_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(contact, setup, teardown),
		cmocka_unit_test_setup_teardown(event, setup, teardown),
		cmocka_unit_test_setup_teardown(task, setup, teardown),
		cmocka_unit_test_setup_teardown(note, setup, teardown),
		cmocka_unit_test_setup_teardown(merging, setup, teardown),
		cmocka_unit_test_setup_teardown(note_merged, setup, teardown),
		cmocka_unit_test_setup_teardown(listed, setup, teardown),
		cmocka_unit_test_setup_teardown(hostile, setup, teardown),
		cmocka_unit_test_setup_teardown(bounded, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
