/* What people answer, and what becomes of the item. */
#include "tests/alarms/kit.h"

#include "pim/calendar_time.h"
#include "server/alarms/reply.h"

#define AL(t) "|BEGIN:VALARM|ACTION:DISPLAY|TRIGGER" t "|END:VALARM"
#define MEET                                                                   \
	"UID:m|SUMMARY:Team|LOCATION:Room 5|"                                  \
	"DTSTART;TZID=Europe/Berlin:20260302T090000|DURATION:PT1H"
#define ANNA "anna@example.com"

static void
has(const char *text, const char *part)
{
	assert_non_null(text);
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", text, part);
}

/* Monday, 2 March 2026, 9:30 in Berlin. */
static const struct {
	const char *text;
	enum srv_reply_kind kind;
	const char *at; /* NULL: does not matter */
} SAYS[] = {
	{ "10", SRV_REPLY_SNOOZE, "20260302T084000Z" },
	{ " 10 ", SRV_REPLY_SNOOZE, "20260302T084000Z" },
	{ "10m", SRV_REPLY_SNOOZE, "20260302T084000Z" },
	{ "30 min", SRV_REPLY_SNOOZE, "20260302T090000Z" },
	{ "1h", SRV_REPLY_SNOOZE, "20260302T093000Z" },
	{ "1 h", SRV_REPLY_SNOOZE, "20260302T093000Z" },
	{ "1H30", SRV_REPLY_SNOOZE, "20260302T100000Z" },
	{ "1 h 30 min", SRV_REPLY_SNOOZE, "20260302T100000Z" },
	{ "10 30", SRV_REPLY_UNKNOWN, NULL },
	{ "1h 2h", SRV_REPLY_UNKNOWN, NULL },
	{ "1d 10", SRV_REPLY_UNKNOWN, NULL },
	{ "2 hours", SRV_REPLY_SNOOZE, "20260302T103000Z" },
	{ "2 Stunden", SRV_REPLY_SNOOZE, "20260302T103000Z" },
	{ "2 heures", SRV_REPLY_SNOOZE, "20260302T103000Z" },
	{ "2 horas", SRV_REPLY_SNOOZE, "20260302T103000Z" },
	{ "1d", SRV_REPLY_SNOOZE, "20260303T083000Z" },
	{ "17:30", SRV_REPLY_SNOOZE, "20260302T163000Z" },
	{ "8:00", SRV_REPLY_SNOOZE, "20260303T070000Z" },
	{ "at 17:30", SRV_REPLY_SNOOZE, "20260302T163000Z" },
	{ "tomorrow 8:00", SRV_REPLY_SNOOZE, "20260303T070000Z" },
	{ "Tomorrow at 8:00", SRV_REPLY_SNOOZE, "20260303T070000Z" },
	{ "morgen 8:00", SRV_REPLY_SNOOZE, "20260303T070000Z" },
	{ "demain 8:00", SRV_REPLY_SNOOZE, "20260303T070000Z" },
	{ "mañana 8:00", SRV_REPLY_SNOOZE, "20260303T070000Z" },
	{ "friday 8:00", SRV_REPLY_SNOOZE, "20260306T070000Z" },
	{ "monday 8:00", SRV_REPLY_SNOOZE, "20260309T070000Z" },
	{ "2026-04-01 8:00", SRV_REPLY_SNOOZE, "20260401T060000Z" },
	{ "snooze", SRV_REPLY_SNOOZE, "20260302T084000Z" },
	{ "snooze 1h", SRV_REPLY_SNOOZE, "20260302T093000Z" },
	{ "snooze tomorrow", SRV_REPLY_SNOOZE, "20260303T070000Z" },
	{ "ok", SRV_REPLY_OK, NULL },
	{ "OK", SRV_REPLY_OK, NULL },
	{ "erledigt", SRV_REPLY_OK, NULL },
	{ "help", SRV_REPLY_HELP, NULL },
	{ "?", SRV_REPLY_HELP, NULL },
	{ "today", SRV_REPLY_AGENDA, "20260302T110000Z" },
	{ "heute", SRV_REPLY_AGENDA, "20260302T110000Z" },
	{ "tomorrow", SRV_REPLY_AGENDA, "20260303T110000Z" },
	{ "agenda", SRV_REPLY_AGENDA, "20260302T083000Z" },
	{ "agenda friday", SRV_REPLY_AGENDA, "20260306T110000Z" },
	{ "next", SRV_REPLY_UPCOMING, NULL },
	{ "mute", SRV_REPLY_MUTE, "20260302T093000Z" },
	{ "mute 2h", SRV_REPLY_MUTE, "20260302T103000Z" },
	{ "mute tomorrow", SRV_REPLY_MUTE, "20260303T070000Z" },
	{ "unmute", SRV_REPLY_UNMUTE, NULL },
	{ "", SRV_REPLY_UNKNOWN, NULL },
	{ "0", SRV_REPLY_UNKNOWN, NULL },
	{ "-5", SRV_REPLY_UNKNOWN, NULL },
	{ "9999999999", SRV_REPLY_UNKNOWN, NULL },
	{ "10 bananas", SRV_REPLY_UNKNOWN, NULL },
	{ "25:00", SRV_REPLY_UNKNOWN, NULL },
	{ "8:61", SRV_REPLY_UNKNOWN, NULL },
	{ "ok then", SRV_REPLY_UNKNOWN, NULL },
	{ "800d", SRV_REPLY_UNKNOWN, NULL },
	{ "yesterday 8:00", SRV_REPLY_UNKNOWN, NULL },
	{ "thanks", SRV_REPLY_UNKNOWN, NULL },
};

static void
words(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(SAYS) / sizeof(SAYS[0]); i++) {
		struct srv_reply r = srv_reply_read(
		    slice_c(SAYS[i].text), SLICE_LIT("Europe/Berlin"), 8,
		    k_ms("20260302T083000Z"));

		if (r.kind == SAYS[i].kind &&
		    (SAYS[i].at == NULL || r.at_ms == k_ms(SAYS[i].at)))
			continue;
		print_error(
		    "\"%s\": %d, %lld s off\n", SAYS[i].text, (int)r.kind,
		    SAYS[i].at == NULL
			? 0LL
			: (long long)(r.at_ms - k_ms(SAYS[i].at)) / 1000);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

static int64_t
remind(struct kit *k, const char *lines, const char *at)
{
	int64_t id = k_event(k, lines);

	k_now(k, at);
	k_go(k);
	return id;
}

static void
snoozed_then_done(void **state)
{
	struct kit *k = *state;
	int64_t id = remind(k, MEET AL(":-PT10M"), "20260302T075000Z");

	k_saw(k, &k->im, 1);
	k->now += 5000;
	has(k_say(k, ANNA, "10", "", "s1"), "Again today 09:00: Team");
	has(k_text(k, id), "ACKNOWLEDGED:20260302T075005Z");
	has(k_text(k, id), "TRIGGER;VALUE=DATE-TIME:20260302T080005Z");
	k_now(k, "20260302T080004Z");
	k_go(k);
	k_saw(k, &k->im, 1);
	k_now(k, "20260302T080005Z");
	k_go(k);
	k_saw(k, &k->im, 2);
	has(k_last(&k->im)->text, "Team\ntoday 09:00-10:00, now");
	assert_string_not_equal(k->im.msg[0].id, k->im.msg[1].id);
	has(k_say(k, ANNA, "ok", "", "s2"), "Done: Team");
	assert_null(strstr(k_text(k, id), "RELTYPE=SNOOZE"));
	k->now += 24 * 3600 * 1000;
	k_go(k);
	k_saw(k, &k->im, 2);
}

/* A change of mind before it comes again. */
static void
snoozed_otherwise(void **state)
{
	struct kit *k = *state;
	int64_t id = remind(k, MEET AL(":-PT10M"), "20260302T075000Z");

	has(k_say(k, ANNA, "10", "", "s1"), "Again");
	has(k_say(k, ANNA, "30", "", "s2"), "Again today 09:20");
	assert_null(strstr(k_text(k, id), ":20260302T080000Z"));
	k_now(k, "20260302T080000Z");
	k_go(k);
	k_saw(k, &k->im, 1);
	has(k_say(k, ANNA, "ok", "", "s3"), "Done");
	k_now(k, "20260302T090000Z");
	k_go(k);
	k_saw(k, &k->im, 1);
}

/* Of a series only this occurrence is meant. */
static void
one_of_a_series(void **state)
{
	struct kit *k = *state;

	(void)remind(k, MEET "|RRULE:FREQ=DAILY" AL(":-PT10M"),
		     "20260302T075000Z");
	has(k_say(k, ANNA, "2h", "", "s1"), "Again today 10:50");
	k_now(k, "20260302T095000Z");
	k_go(k);
	k_saw(k, &k->im, 2);
	has(k_last(&k->im)->text, "today 09:00-10:00");
	has(k_say(k, ANNA, "ok", "", "s2"), "Done");
	k_now(k, "20260303T075000Z");
	k_go(k);
	k_saw(k, &k->im, 3);
}

/* The message named is meant, not the last one. */
static void
about_a_message(void **state)
{
	struct kit *k = *state;
	int64_t a = k_event(k, MEET AL(":-PT10M"));
	int64_t b = k_event(k, "UID:n|SUMMARY:Other|"
			       "DTSTART:20260302T080100Z" AL(":-PT10M"));

	k_now(k, "20260302T075000Z");
	k_go(k);
	k_now(k, "20260302T075100Z");
	k_go(k);
	k_saw(k, &k->im, 2);
	has(k_say(k, ANNA, "ok", k->im.msg[0].id, "s1"), "Done: Team");
	has(k_text(k, a), "ACKNOWLEDGED");
	assert_null(strstr(k_text(k, b), "ACKNOWLEDGED"));
	has(k_say(k, ANNA, "ok", "", "s2"), "Done: Other");
	has(k_text(k, b), "ACKNOWLEDGED");
}

static void
only_who_is_registered(void **state)
{
	struct kit *k = *state;
	int64_t id = remind(k, MEET AL(":-PT10M"), "20260302T075000Z");

	assert_null(k_say(k, "eve@example.com", "ok", k->im.msg[0].id, "s1"));
	assert_null(strstr(k_text(k, id), "ACKNOWLEDGED"));
	k_set(k, "jid", "new@example.com");
	assert_null(k_say(k, ANNA, "ok", k->im.msg[0].id, "s2"));
	/* Another address of the same person has had no such message. */
	has(k_say(k, "new@example.com", "ok", k->im.msg[0].id, "s3"),
	    "no reminder");
	assert_null(strstr(k_text(k, id), "ACKNOWLEDGED"));
}

/* A stanza that comes twice has its effect once. */
static void
stanza_again(void **state)
{
	struct kit *k = *state;

	(void)remind(k, MEET AL(":-PT10M"), "20260302T075000Z");
	has(k_say(k, ANNA, "10", "", "s1"), "Again today 09:00");
	k->now += 60000;
	assert_string_equal(k_say(k, ANNA, "10", "", "s1"), "");
	k_now(k, "20260302T080000Z");
	k_go(k);
	k_saw(k, &k->im, 2);
}

static void
commands(void **state)
{
	struct kit *k = *state;
	int64_t id = remind(k, MEET AL(":-PT10M"), "20260302T075000Z");

	has(k_command(k, "snooze", "time", "1h", k->im.msg[0].id),
	    "Again today 09:50: Team");
	has(k_text(k, id), "TRIGGER;VALUE=DATE-TIME:20260302T085000Z");
	has(k_command(k, "dismiss", "alarm", k->im.msg[0].id, ""),
	    "Done: Team");
	assert_null(strstr(k_text(k, id), "RELTYPE=SNOOZE"));
	has(k_command(k, "agenda", "day", "today", ""),
	    "09:00-10:00 Team (Room 5)");
	has(k_command(k, "agenda", "day", "tomorrow", ""), "Nothing");
	has(k_command(k, "snooze", "time", "rhubarb", ""), "Not understood");
	has(k_command(k, "nonsense", "", "", ""), "Not understood");
	has(k_command(k, "mute", "calendar", "calendar", ""), "calendar");
	(void)remind(k,
		     "UID:2|SUMMARY:b|DTSTART:20260302T090000Z" AL(":-PT10M"),
		     "20260302T085000Z");
	k_saw(k, &k->im, 1);
}

static void
agenda_and_next(void **state)
{
	struct kit *k = *state;

	(void)k_event(k, MEET "|RRULE:FREQ=WEEKLY" AL(":-PT10M"));
	(void)k_event(k, "UID:e|SUMMARY:Early|"
			 "DTSTART;TZID=Europe/Berlin:20260302T070000");
	(void)k_event(k, "UID:p|SUMMARY:Secret|CLASS:PRIVATE|"
			 "DTSTART;VALUE=DATE:20260302");
	k_now(k, "20260302T050000Z");
	k_go(k);
	has(k_say(k, ANNA, "today", "", ""),
	    "today:\nall day Private event\n07:00 Early\n"
	    "09:00-10:00 Team (Room 5)");
	has(k_say(k, ANNA, "next", "", ""),
	    "Coming reminders:\ntoday 08:50: today 09:00-10:00 Team");
	has(k_say(k, ANNA, "help", "", ""), "remind again");
	has(k_say(k, ANNA, "blah", "", ""), "Not understood");
	has(k_say(k, ANNA, "ok", "", ""), "no reminder");
}

static void
muted_for_a_while(void **state)
{
	struct kit *k = *state;

	(void)k_event(k, MEET "|RRULE:FREQ=DAILY" AL(":-PT10M"));
	(void)k_event(
	    k, "UID:x|SUMMARY:Later|DTSTART:20260302T120000Z" AL(":-PT10M"));
	k_now(k, "20260302T070000Z");
	k_go(k);
	has(k_say(k, ANNA, "mute 2h", "", ""), "until today 10:00");
	k_now(k, "20260302T075000Z");
	k_go(k);
	k_saw(k, &k->im, 0);
	SLICE_IS(k_row(k, 0).reason, "muted");
	k_now(k, "20260302T115000Z");
	k_go(k);
	k_saw(k, &k->im, 1);
	has(k_say(k, ANNA, "mute", "", ""), "until");
	has(k_say(k, ANNA, "unmute", "", ""), "come again");
}

/* What is over or gone when the answer comes. */
static void
too_late(void **state)
{
	struct kit *k = *state;
	int64_t id = remind(k, MEET AL(":-PT10M"), "20260302T075000Z");

	k_change(k, id, MEET AL(":-PT30M"));
	has(k_say(k, ANNA, "ok", "", ""), "settled already");
	k_change(k, id, NULL);
	has(k_say(k, ANNA, "10", "", ""), "settled already");
}

static void
receipts(void **state)
{
	struct kit *k = *state;

	k->im.way = FAKE_HOLDS;
	(void)remind(k, MEET AL(":-PT10M"), "20260302T075000Z");
	/* Before we knew that it was sent. */
	k_receipt(k, k->im.msg[0].id);
	k_go(k);
	assert_int_equal(k_rows(k, STORE_DELIVERY_RECEIPT), 1);
	fake_settle(&k->im, FAKE_CONFIRMS);
	k_go(k);
	assert_int_equal(k_rows(k, STORE_DELIVERY_RECEIPT), 1);
	assert_true(k_row(k, 0).next_ms == INT64_MAX);
	k_receipt(k, "fn-nothing");
	k_receipt(k, "");
	k_go(k);
	assert_int_equal(k_rows(k, STORE_DELIVERY_RECEIPT), 1);
}

static void
settings_are_checked(void **state)
{
	static const struct {
		const char *key, *value;
		enum err_code code;
	} bad[] = {
		{ "nothing", "x", ERR_NOTFOUND },
		{ "jid", "no-address", ERR_PARSE },
		{ "jid", "a@b,c@d,e@f,g@h,i@j", ERR_PARSE },
		{ "jid", "a@b@c", ERR_PARSE },
		{ "jid", "a b@c", ERR_PARSE },
		{ "mail", "<x@y>", ERR_PARSE },
		{ "quiet", "22-7", ERR_PARSE },
		{ "quiet", "25:00-07:00", ERR_PARSE },
		{ "lead", "-1", ERR_PARSE },
		{ "morning", "24", ERR_PARSE },
		{ "language", "tlh", ERR_PARSE },
		{ "private", "maybe", ERR_PARSE },
		{ "reminders", "sometimes", ERR_PARSE },
		{ "escalate", "0", ERR_PARSE },
	};
	struct kit *k = *state;
	struct t_env *env = k->env;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 1);

		FAILS(env, bad[i].code,
		      srv_ways_set(tx, env->a, slice_c(bad[i].key),
				   slice_c(bad[i].value), &env->e));
		tx->v->rollback(&tx);
	}
	k_set(k, "quiet", "off");
	k_set(k, "lead", "off");
	k_set(k, "jid", "");
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words),
		K(snoozed_then_done),
		K(snoozed_otherwise),
		K(one_of_a_series),
		K(about_a_message),
		K(only_who_is_registered),
		K(stanza_again),
		K(commands),
		K(agenda_and_next),
		K(muted_for_a_while),
		K(too_late),
		K(receipts),
		K(settings_are_checked),
	};

	(void)t_choose_by(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
