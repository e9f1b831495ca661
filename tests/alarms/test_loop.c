/* From the item to the outlet, by a clock that is set. */
#include "tests/alarms/kit.h"

#define AL(t) "|BEGIN:VALARM|ACTION:DISPLAY|TRIGGER" t "|END:VALARM"
#define MEET                                                                   \
	"UID:m|SUMMARY:Team|LOCATION:Room 5|"                                  \
	"DTSTART;TZID=Europe/Berlin:20260302T090000|DURATION:PT1H"

static void
has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", text, part);
}

static void
on_time_once(void **state)
{
	struct kit *k = *state;
	const struct fake_msg *m;

	(void)k_event(k, MEET AL(":-PT10M"));
	k_now(k, "20260302T074959Z");
	k_go(k);
	k_saw(k, &k->im, 0);
	k_now(k, "20260302T075000Z");
	k_go(k);
	k_saw(k, &k->im, 1);
	m = k_last(&k->im);
	assert_string_equal(m->to, "anna@example.com");
	assert_string_equal(m->subject, "Team");
	assert_string_equal(m->place, "Room 5");
	assert_string_equal(m->uid, "m");
	assert_false(m->late);
	assert_true(m->due_ms == k_ms("20260302T075000Z"));
	has(m->text, "Team\ntoday 09:00-10:00, in 10 minutes\nRoom 5\n");
	assert_int_equal(k_rows(k, STORE_DELIVERY_SENT), 1);
	assert_true(k_row(k, 0).sent_ms == k_ms("20260302T075000Z"));
	for (int i = 0; i < 5; i++) {
		k->now += 3600 * 1000;
		k_go(k);
	}
	k_saw(k, &k->im, 1);
	k_saw(k, &k->mail, 0);
}

/* Says how long it may sleep, and sleeps no longer. */
static void
sleeps_until_due(void **state)
{
	struct kit *k = *state;

	(void)k_event(k, MEET AL(":-PT10M"));
	k_now(k, "20260302T074958Z");
	k_go(k);
	assert_int_equal(srv_alarms_step(k->al), 2000);
	k_now(k, "20260302T070000Z");
	assert_int_equal(srv_alarms_step(k->al), SRV_ALARMS_POLL_MS);
}

static void
series(void **state)
{
	struct kit *k = *state;

	(void)k_event(k, MEET "|RRULE:FREQ=DAILY;COUNT=5" AL(":-PT10M"));
	for (int day = 0; day < 10; day++) {
		char at[32];

		(void)snprintf(at, sizeof(at), "202603%02dT075000Z", 1 + day);
		k_now(k, at);
		k_go(k);
		k_saw(k, &k->im, day < 1 ? 0 : day < 5 ? (size_t)day : 5);
	}
	/* Each occurrence is a message of its own. */
	for (size_t i = 1; i < k->im.n; i++)
		assert_string_not_equal(k->im.msg[0].id, k->im.msg[i].id);
}

/* Given, not confirmed, dead: again, with the same id. */
static void
again_with_same_id(void **state)
{
	struct kit *k = *state;

	(void)k_event(k, MEET AL(":-PT10M"));
	k->im.way = FAKE_HOLDS;
	k_now(k, "20260302T075000Z");
	k_go(k);
	k_saw(k, &k->im, 1);
	k_go(k); /* under way: not once more */
	k_saw(k, &k->im, 1);
	srv_alarms_free(&k->al);
	assert_int_equal(k_rows(k, STORE_DELIVERY_QUEUED), 1);
	k->im.way = FAKE_CONFIRMS;
	k_now(k, "20260302T075030Z");
	k_go(k);
	k_saw(k, &k->im, 2);
	assert_string_equal(k->im.msg[0].id, k->im.msg[1].id);
	k_go(k);
	k_saw(k, &k->im, 2);
	assert_int_equal(k_rows(k, STORE_DELIVERY_SENT), 1);
}

static void
line_is_down(void **state)
{
	struct kit *k = *state;

	(void)k_event(k, MEET AL(":-PT10M"));
	k->im.way = FAKE_DOWN;
	k_now(k, "20260302T075000Z");
	k_go(k);
	k_saw(k, &k->im, 0);
	k->im.way = FAKE_CONFIRMS;
	k_now(k, "20260302T075500Z");
	k_go(k);
	k_saw(k, &k->im, 1);
	assert_true(k_last(&k->im)->late);
	has(k_last(&k->im)->text, "in 5 minutes");
	has(k_last(&k->im)->text, "late: it was for today 08:50");
}

/* Failed, not for good: with pauses that grow; for good: never again. */
static void
tries_again(void **state)
{
	struct kit *k = *state;

	(void)k_event(k, MEET AL(":-PT10M"));
	k->im.way = FAKE_FAILS;
	k_now(k, "20260302T075000Z");
	k_go(k);
	k_saw(k, &k->im, 1);
	k->now += 4999;
	k_go(k);
	k_saw(k, &k->im, 1);
	k->now += 1;
	k_go(k);
	k_saw(k, &k->im, 2);
	k->im.way = FAKE_REFUSES;
	k->now += 10000;
	k_go(k);
	k_saw(k, &k->im, 3);
	assert_int_equal(k_rows(k, STORE_DELIVERY_FAILED), 1);
	SLICE_IS(k_row(k, 0).reason, "it was made to fail");
	assert_true(k_row(k, 0).attempts == 3);
	k->now += 3600 * 1000;
	k_go(k);
	k_saw(k, &k->im, 3);
}

/* What changed between the queue and the line. */
static void
looked_at_once_more(void **state)
{
	struct kit *k = *state;
	int64_t gone = k_event(k, MEET AL(":-PT10M"));
	int64_t moved = k_event(k, "UID:n|" MEET AL(":-PT10M"));
	int64_t done =
	    k_todo(k, "UID:t|SUMMARY:x|DUE:20260302T080000Z" AL(":-PT10M"));

	k->im.way = FAKE_DOWN;
	k_now(k, "20260302T075000Z");
	k_go(k);
	assert_int_equal(k_rows(k, STORE_DELIVERY_QUEUED), 3);
	k_change(k, gone, NULL);
	k_change(k, moved,
		 "UID:n|SUMMARY:Team|DTSTART:20260302T100000Z" AL(":-PT10M"));
	k_change(k, done,
		 "UID:t|SUMMARY:x|STATUS:COMPLETED|DUE:20260302T080000Z" AL(
		     ":-PT10M"));
	k->im.way = FAKE_CONFIRMS;
	k_go(k);
	k_saw(k, &k->im, 0);
	assert_int_equal(k_rows(k, STORE_DELIVERY_DROPPED), 3);
	/* The trigger that moved fires anew. */
	k_now(k, "20260302T095000Z");
	k_go(k);
	k_saw(k, &k->im, 1);
}

/* A device writes an item between the alarm's time and the claim. */
static void
edited_when_due(void **state)
{
	struct kit *k = *state;
	int64_t id = k_event(k, MEET AL(":-PT10M"));

	k_now(k, "20260302T075001Z");
	k_change(k, id, MEET "|DESCRIPTION:more" AL(":-PT10M"));
	k_go(k);
	k_saw(k, &k->im, 1);
}

/* ---- after downtime --------------------------------------------------------
 */

static void
late_ones(void **state)
{
	struct kit *k = *state;

	(void)k_event(k, "UID:1|SUMMARY:Over|DTSTART:20260302T080000Z|"
			 "DURATION:PT1H" AL(":-PT10M"));
	(void)k_event(k, "UID:2|SUMMARY:Goes on|DTSTART:20260302T080000Z|"
			 "DURATION:PT9H" AL(":-PT10M"));
	(void)k_event(k, "UID:3|SUMMARY:Daily|DTSTART:20260302T060000Z|"
			 "DURATION:PT23H|RRULE:FREQ=DAILY" AL(":-PT10M"));
	(void)k_todo(k,
		     "UID:4|SUMMARY:Task|DUE:20260302T080000Z" AL(":-PT10M"));
	(void)k_event(k, "UID:5|SUMMARY:Birthday|"
			 "DTSTART;VALUE=DATE:20260305" AL(":PT9H"));
	(void)k_event(k, "UID:6|SUMMARY:Yesterday|"
			 "DTSTART;VALUE=DATE:20260304" AL(":PT9H"));
	/* Down from the first to the fifth. */
	k_now(k, "20260305T120000Z");
	k_go(k);
	/* Daily (once), Task, Birthday; and one digest of Over, Goes on,
	   Yesterday. */
	k_saw(k, &k->im, 4);
	for (size_t i = 0; i < 4; i++) {
		const struct fake_msg *m = &k->im.msg[i];

		if (strcmp(m->subject, "Missed reminders") == 0) {
			has(m->text, "Over");
			has(m->text, "Goes on");
			has(m->text, "Yesterday");
			assert_null(strstr(m->text, "Daily"));
		} else {
			assert_true(m->late);
			has(m->text, "late: it was for");
		}
	}
	k_now(k, "20260306T055000Z");
	k_go(k);
	k_saw(k, &k->im, 5);
	assert_string_equal(k_last(&k->im)->subject, "Daily");
	assert_false(k_last(&k->im)->late);
}

/* A year of an alarm each day: one, and then the next one. */
static void
long_away(void **state)
{
	struct kit *k = *state;

	(void)k_event(k, MEET "|RRULE:FREQ=DAILY" AL(":-PT10M") AL(":-PT5M"));
	k_now(k, "20330301T083000Z");
	k_go(k);
	k_saw(k, &k->im, 1);
	k_now(k, "20330302T075000Z");
	k_go(k);
	k_saw(k, &k->im, 2);
}

/* Very large items, and one with very many exceptions: all in their turn. */
static void
large_items(void **state)
{
	struct kit *k = *state;
	struct arena_mark m = arena_mark(k->env->a);
	struct buf b;

	for (int i = 0; i < 60; i++) {
		arena_rewind(k->env->a, m);
		b = BUF_IN(k->env->a);
		buf_printf(&b, "UID:l%d|SUMMARY:Large|DESCRIPTION:", i);
		for (int n = 0; n < 600000; n++)
			buf_byte(&b, 'x');
		buf_str(&b, "|DTSTART:20260302T080000Z" AL(":-PT10M"));
		buf_byte(&b, '\0');
		(void)k_event(k, b.p);
	}
	b = BUF_IN(k->env->a);
	buf_str(&b, "UID:x|SUMMARY:Series|DTSTART:20260301T080000Z|"
		    "DURATION:PT23H|RRULE:FREQ=DAILY");
	for (int i = 0; i < 4000; i++)
		buf_printf(&b, "%s%04d%02d%02dT080000Z",
			   i == 0 ? "|EXDATE:" : ",", 2030 + i / 336,
			   1 + i / 28 % 12, 1 + i % 28);
	buf_str(&b, AL(":-PT10M"));
	buf_byte(&b, '\0');
	(void)k_event(k, b.p);
	k_now(k, "20260302T075000Z");
	k_go(k);
	/* As many as the cap allows, and one list. */
	k_saw(k, &k->im, SRV_ALARMS_MINUTE_MAX + 1);
	k_now(k, "20290301T081000Z");
	k_go(k);
	k_saw(k, &k->im, SRV_ALARMS_MINUTE_MAX + 2);
	assert_string_equal(k_last(&k->im)->subject, "Series");
}

/* ---- settings
 * ---------------------------------------------------------------- */

static void
quiet_hours(void **state)
{
	struct kit *k = *state;

	k_set(k, "quiet", "22:00-07:30");
	(void)k_event(k, "UID:q|SUMMARY:Early|DTSTART:20260302T060000Z|"
			 "DURATION:PT3H" AL(":-PT1H"));
	k_now(k, "20260302T050000Z");
	k_go(k);
	k_saw(k, &k->im, 0);
	assert_int_equal(k_rows(k, STORE_DELIVERY_QUEUED), 1);
	k_now(k, "20260302T062959Z");
	k_go(k);
	k_saw(k, &k->im, 0);
	k_now(k, "20260302T063000Z"); /* 7:30 in Berlin */
	k_go(k);
	k_saw(k, &k->im, 1);
	assert_true(k_last(&k->im)->late);
}

static void
muted(void **state)
{
	struct kit *k = *state;

	k_set(k, "mute", "contacts, Calendar");
	(void)k_event(k, MEET AL(":-PT10M"));
	k_now(k, "20260302T075000Z");
	k_go(k);
	k_saw(k, &k->im, 0);
	assert_int_equal(k_rows(k, STORE_DELIVERY_DROPPED), 1);
	SLICE_IS(k_row(k, 0).reason, "its calendar is muted");
}

/* Off: no rows are kept at all; on: they are there again. */
static void
switched_off(void **state)
{
	struct kit *k = *state;

	(void)k_event(k, MEET AL(":-PT10M"));
	k_set(k, "reminders", "off");
	k_now(k, "20260302T075000Z");
	k_go(k);
	k_saw(k, &k->im, 0);
	k_now(k, "20260302T070000Z");
	k_set(k, "reminders", "on");
	k_now(k, "20260302T075000Z");
	k_go(k);
	k_saw(k, &k->im, 1);
}

/* Lead time, morning hour and zone move what is due. */
static void
moved_by_settings(void **state)
{
	struct kit *k = *state;

	(void)k_event(k, MEET);
	(void)k_event(
	    k, "UID:d|SUMMARY:Day|DTSTART;VALUE=DATE:20260303" AL(":PT0S"));
	k_set(k, "lead", "30");
	k_set(k, "morning", "6");
	k_now(k, "20260302T073000Z");
	k_go(k);
	k_saw(k, &k->im, 1);
	assert_string_equal(k_last(&k->im)->subject, "Team");
	k_now(k, "20260303T045900Z");
	k_go(k);
	k_saw(k, &k->im, 1);
	k_now(k, "20260303T050000Z");
	k_go(k);
	k_saw(k, &k->im, 2);
	has(k_last(&k->im)->text, "today, all day");
}

static void
cap_of_a_minute(void **state)
{
	struct kit *k = *state;

	for (int i = 0; i < 50; i++) {
		char lines[256];

		(void)snprintf(
		    lines, sizeof(lines),
		    "UID:c%d|SUMMARY:Event %d|"
		    "DTSTART:20260302T080000Z|DURATION:PT1H" AL(":-PT10M"),
		    i, i);
		(void)k_event(k, lines);
	}
	k_now(k, "20260302T075000Z");
	k_go(k);
	k_saw(k, &k->im, SRV_ALARMS_MINUTE_MAX + 1);
	{
		size_t lists = 0;

		for (size_t i = 0; i < k->im.n; i++)
			lists += strcmp(k->im.msg[i].subject,
					"Missed reminders") == 0;
		assert_int_equal(lists, 1);
	}
	k->now += 60000;
	k_go(k);
	k_saw(k, &k->im, SRV_ALARMS_MINUTE_MAX + 1);
}

static void
private_ones(void **state)
{
	struct kit *k = *state;

	(void)k_event(k, MEET "|CLASS:PRIVATE" AL(":-PT10M"));
	k_now(k, "20260302T075000Z");
	k_go(k);
	k_saw(k, &k->im, 1);
	assert_string_equal(k_last(&k->im)->subject, "Private event");
	assert_string_equal(k_last(&k->im)->place, "");
	assert_null(strstr(k_last(&k->im)->text, "Team"));
	assert_null(strstr(k_last(&k->im)->text, "Room"));
}

/* Whatever a summary holds, it is one line without control characters. */
static void
hostile_text(void **state)
{
	struct kit *k = *state;
	const char *s;

	(void)k_event(k, "UID:h|SUMMARY:a\\n</body><x>\x01\x1b[31m\xc2\x85 "
			 "b|DTSTART:20260302T080000Z" AL(":-PT10M"));
	k_now(k, "20260302T075000Z");
	k_go(k);
	s = k_last(&k->im)->subject;
	assert_string_equal(s, "a </body><x>[31m b");
}

static void
languages(void **state)
{
	struct kit *k = *state;
	static const char *const lang[] = { "de", "fr", "es" };
	static const char *const says[] = {
		"heute 09:00-10:00, in 10 Minuten",
		"aujourd'hui 09:00-10:00, dans 10 minutes",
		"hoy 09:00-10:00, en 10 minutos",
	};

	(void)k_event(k, MEET "|RRULE:FREQ=DAILY" AL(":-PT10M"));
	for (int i = 0; i < 3; i++) {
		char at[32];

		k_set(k, "language", lang[i]);
		(void)snprintf(at, sizeof(at), "202603%02dT075000Z", 2 + i);
		k_now(k, at);
		k_go(k);
		has(k_last(&k->im)->text, says[i]);
	}
}

/* ---- mail
 * --------------------------------------------------------------------- */

static void
by_mail(void **state)
{
	struct kit *k = *state;

	k_set(k, "mail", "anna@mail.example");
	(void)k_event(k, MEET "|BEGIN:VALARM|ACTION:EMAIL|TRIGGER:-PT1H|"
			      "END:VALARM" AL(":-PT10M"));
	k_now(k, "20260302T070000Z");
	k_go(k);
	k_saw(k, &k->mail, 1);
	k_saw(k, &k->im, 0);
	k_now(k, "20260302T075000Z");
	k_go(k);
	k_saw(k, &k->mail, 1);
	k_saw(k, &k->im, 1);
}

static void
escalates(void **state)
{
	struct kit *k = *state;

	k_set(k, "mail", "anna@mail.example");
	k_set(k, "escalate", "5");
	(void)k_event(k, MEET "|RRULE:FREQ=DAILY" AL(":-PT10M"));
	k_now(k, "20260302T075000Z");
	k_go(k);
	k_saw(k, &k->im, 1);
	k->now += 299 * 1000;
	k_go(k);
	k_saw(k, &k->mail, 0);
	k->now += 1000;
	k_go(k);
	k_saw(k, &k->mail, 1);
	k_go(k);
	k_saw(k, &k->mail, 1);
	/* With a receipt there is no need. */
	k_now(k, "20260303T075000Z");
	k_go(k);
	k_saw(k, &k->im, 2);
	k_receipt(k, k_last(&k->im)->id);
	k_go(k);
	assert_int_equal(k_rows(k, STORE_DELIVERY_RECEIPT), 1);
	k->now += 600 * 1000;
	k_go(k);
	k_saw(k, &k->mail, 1);
}

/* Of each reminder that leaves, by whatever way, and of lists of them. */
static void
archives(void **state)
{
	struct kit *k = *state;

	k->archive = "archive@mail.example";
	(void)k_event(k, MEET "|RRULE:FREQ=DAILY" AL(":-PT10M"));
	k_now(k, "20260302T075000Z");
	k_go(k);
	k_saw(k, &k->im, 1);
	k_saw(k, &k->mail, 1);
	assert_string_equal(k_last(&k->mail)->to, k->archive);
	assert_string_equal(k_last(&k->mail)->subject, k_last(&k->im)->subject);
	assert_memory_equal(k_last(&k->mail)->text, "Anna:\n\n", 7);
	assert_string_equal(k_last(&k->mail)->text + 7, k_last(&k->im)->text);
	/* Muted: nothing leaves, and no copy. */
	k_set(k, "mute", "Calendar");
	k_now(k, "20260303T075000Z");
	k_go(k);
	k_saw(k, &k->im, 1);
	k_saw(k, &k->mail, 1);
	/* Some days away: what was missed is one list, and one copy of it. */
	k_set(k, "mute", "");
	k_now(k, "20260307T120000Z");
	k_go(k);
	k_saw(k, &k->im, 2);
	k_saw(k, &k->mail, 2);
	assert_memory_equal(k_last(&k->mail)->text, "Anna:\n\n", 7);
}

/* ---- nodes
 * -------------------------------------------------------------------- */

static void
two_nodes(void **state)
{
	struct kit *k = *state;
	struct srv_alarms *x = k_node(k, "node-x");
	struct srv_alarms *y = k_node(k, "node-y");

	(void)k_event(k, MEET AL(":-PT10M"));
	k_run(k, x);
	k_run(k, y);
	k_now(k, "20260302T075000Z");
	for (int i = 0; i < 3; i++) {
		k_run(k, y);
		k_run(k, x);
	}
	k_saw(k, &k->im, 1);
	assert_int_equal(k->im.opens, 1);
	/* The one that holds the line leaves; the other one takes over. */
	(void)k_event(k,
		      "UID:2|SUMMARY:b|DTSTART:20260302T090000Z" AL(":-PT10M"));
	srv_alarms_free(&x);
	srv_alarms_free(&y);
	y = k_node(k, "node-y");
	k_now(k, "20260302T085000Z");
	k_run(k, y);
	k_saw(k, &k->im, 2);
	assert_int_equal(k->im.opens, 2);
	srv_alarms_free(&y);
}

/* A run of this node that was killed: nobody waits for its leases. */
static void
after_a_kill(void **state)
{
	struct kit *k = *state;
	const struct slice dead = SLICE_LIT("node-dead");
	struct store *s = k->store;
	bool mine[STORE_BUCKETS];
	bool ours;

	OK(k->env, s->v->alarm->buckets(s, dead, 600000, mine, &k->env->e));
	OK(k->env,
	   s->v->lease_take(s, "outlet/xmpp", dead, 600000, &ours, &k->env->e));
	assert_true(mine[0] && ours);
	(void)k_event(k, MEET AL(":-PT10M"));
	k_now(k, "20260302T075000Z");
	k_go(k);
	k_saw(k, &k->im, 0);
	srv_alarms_free(&k->al);
	k->before = "node-dead";
	k_go(k);
	k_saw(k, &k->im, 1);
}

/* Its own thread, and the clock of the system. */
static void
by_itself(void **state)
{
	struct kit *k = *state;
	int64_t last = clk_mono_ms() + 20000;
	bool there = false;

	(void)k_event(k, MEET AL(":-PT10M"));
	k->al = k_node(k, "node-1");
	OK(k->env, srv_alarms_start(k->al, &k->env->e));
	k_now(k, "20260302T075000Z");
	srv_alarms_due(k->al, k_ms("20260302T075000Z"));
	while (!there && clk_mono_ms() < last) {
		there = k_rows(k, STORE_DELIVERY_SENT) == 1;
		srv_alarms_due(k->al, 0);
	}
	assert_true(there);
	srv_alarms_free(&k->al);
	k_saw(k, &k->im, 1);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		K(on_time_once),
		K(sleeps_until_due),
		K(series),
		K(again_with_same_id),
		K(line_is_down),
		K(tries_again),
		K(looked_at_once_more),
		K(edited_when_due),
		K(late_ones),
		K(long_away),
		K(large_items),
		K(quiet_hours),
		K(muted),
		K(switched_off),
		K(moved_by_settings),
		K(cap_of_a_minute),
		K(private_ones),
		K(hostile_text),
		K(languages),
		K(by_mail),
		K(escalates),
		K(archives),
		K(two_nodes),
		K(after_a_kill),
		K(by_itself),
	};

	(void)t_choose_by(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
