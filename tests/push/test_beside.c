/* Notices and reminders share an outbox, and nothing else. */
#include "tests/alarms/kit.h"

#include <stdio.h>

enum { MANY = SRV_ALARMS_MINUTE_MAX + 5 };

static void
put_notices(struct kit *k)
{
	struct store_tx *tx =
	    t_begin(k->env, k->env->anna, STORE_WRITE, k->now);
	struct store_delivery d[MANY];
	char id[MANY][24];

	for (size_t i = 0; i < MANY; i++) {
		(void)snprintf(id[i], sizeof(id[i]), "fn-%zu", i);
		d[i] = (struct store_delivery){
			.id = slice_c(id[i]),
			.kind = STORE_DELIVERY_PUSH,
			.item = 1,
			.channel = SLICE_LIT("kannel"),
			.address = SLICE_LIT("+49123"),
			.state = STORE_DELIVERY_SENT,
			.next_ms = INT64_MAX,
		};
	}
	OK(k->env, tx->v->alarm->delivery_add(tx, d, MANY, &k->env->e));
	t_commit(k->env, &tx);
}

/* Many notices to somebody's phones do not make his reminders a list. */
static void
notices_are_no_reminders(void **state)
{
	struct kit *k = *state;

	(void)k_event(k, "UID:m|SUMMARY:Team|"
			 "DTSTART;TZID=Europe/Berlin:20260302T090000|"
			 "BEGIN:VALARM|ACTION:DISPLAY|TRIGGER:-PT10M|"
			 "END:VALARM");
	k_now(k, "20260302T074959Z");
	put_notices(k);
	k_now(k, "20260302T075000Z");
	k_go(k);
	k_saw(k, &k->im, 1);
	assert_string_equal(k_last(&k->im)->subject, "Team");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		K(notices_are_no_reminders),
	};

	t_choose(PLACE_SQLITE);
	return cmocka_run_group_tests_name("beside", tests, NULL, NULL);
}
