/*
 * Every call of the store fails in turn, or the node dies there; nodes race.
 * Each reminder is sent, and twice only where the death fell between the
 * sending and its mark, with the same id.
 */
#include "tests/alarms/kit.h"

#include "backends/fault.h"

#define AL(t) "|BEGIN:VALARM|ACTION:DISPLAY|TRIGGER" t "|END:VALARM"
#define DAY_MS ((int64_t)24 * 60 * 60 * 1000)

struct tally {
	size_t points, once, twice;
};

/* The messages of this alarm: one, or several with one id. */
static void
judge(const struct kit *k, size_t from, struct tally *t, uint64_t n)
{
	if (k->im.n == from)
		fail_msg("call %llu: no message", (unsigned long long)n);
	for (size_t i = from + 1; i < k->im.n; i++) {
		if (strcmp(k->im.msg[i].id, k->im.msg[from].id) != 0)
			fail_msg("call %llu: two messages",
				 (unsigned long long)n);
	}
	if (k->im.n > from + 2)
		fail_msg("call %llu: %zu times", (unsigned long long)n,
			 k->im.n - from);
	t->points++;
	if (k->im.n == from + 1)
		t->once++;
	else
		t->twice++;
}

static void
go_on(struct kit *k)
{
	/* A failure makes it wait a second; nobody waits here. */
	for (int i = 0; i < 4; i++)
		k_go(k);
}

/* The n-th call from the alarm on fails; false: there is none. */
static bool
fail_at(struct kit *k, uint64_t n, enum store_fault_when when, bool dies,
	struct tally *t)
{
	struct store_fault_plan plan = { .at = n,
					 .onwards = dies,
					 .when = when };
	uint64_t before = store_fault_failed(k->store);
	size_t from = k->im.n;
	bool hit;

	k->now += DAY_MS;
	store_fault_set(k->store, plan);
	go_on(k);
	if (dies)
		srv_alarms_free(&k->al);
	hit = store_fault_failed(k->store) > before;
	store_fault_set(k->store, (struct store_fault_plan){ .at = 0 });
	go_on(k);
	judge(k, from, t, n);
	assert_int_equal(k_rows(k, STORE_DELIVERY_QUEUED), 0);
	return hit;
}

static void
all_points(struct kit *k, enum store_fault_when when, bool dies)
{
	struct tally t = { 0 };
	uint64_t n = 1;

	while (fail_at(k, n, when, dies, &t))
		n++;
	assert_true(n > 10);
	print_message("%s, %s: %zu points, %zu once, %zu twice\n",
		      dies ? "dies" : "fails",
		      when == STORE_FAULT_BEFORE ? "before" : "after", t.points,
		      t.once, t.twice);
	/* A store that fails and comes back costs no repeat: this process
	   knows what it has sent. One that dies repeats what it had not
	   written down, and that is one call. */
	if (dies && when == STORE_FAULT_BEFORE)
		assert_true(t.twice > 0);
	else
		assert_int_equal(t.twice, 0);
}

static void
every_call(void **state)
{
	struct kit *k = *state;

	OK(k->env, store_fault_new(k->env->s, &k->store, &k->env->e));
	(void)k_event(k, "UID:m|SUMMARY:Team|RRULE:FREQ=DAILY|"
			 "DTSTART:20260302T080000Z" AL(":-PT10M"));
	k_now(k, "20260301T075000Z");
	go_on(k);
	all_points(k, STORE_FAULT_BEFORE, false);
	all_points(k, STORE_FAULT_AFTER, false);
	all_points(k, STORE_FAULT_BEFORE, true);
	all_points(k, STORE_FAULT_AFTER, true);
	srv_alarms_free(&k->al);
	k->store->v->close(&k->store);
	k->store = k->env->s;
}

/* ---- replies while the store fails
 * -------------------------------------------- */

/* An answer that could not be written changes nothing, and says so. */
static void
reply_fails(void **state)
{
	struct kit *k = *state;
	int64_t id = k_event(
	    k, "UID:m|SUMMARY:Team|DTSTART:20260302T080000Z" AL(":-PT10M"));
	const char *before;
	const char *said = "";
	uint64_t n = 1;

	OK(k->env, store_fault_new(k->env->s, &k->store, &k->env->e));
	k_now(k, "20260302T075000Z");
	k_go(k);
	k_saw(k, &k->im, 1);
	before = k_text(k, id);
	for (; said == NULL || strstr(said, "Again") == NULL; n++) {
		assert_true(n < 50);
		store_fault_set(k->store, (struct store_fault_plan){ .at = n });
		said = k_say(k, "anna@example.com", "10", "", "s1");
		if (said == NULL || strstr(said, "Again") == NULL)
			assert_string_equal(before, k_text(k, id));
	}
	assert_true(n > 5);
	assert_string_not_equal(before, k_text(k, id));
	store_fault_set(k->store, (struct store_fault_plan){ .at = 0 });
	srv_alarms_free(&k->al);
	k->store->v->close(&k->store);
	k->store = k->env->s;
}

/* ---- nodes
 * ------------------------------------------------------------------- */

enum { RACE_HOURS = 6, RACE_EACH = 10 };

/* Both nodes are woken as often as they can be, until all is sent. */
static void
race_until(struct kit *k, struct srv_alarms *node[2], size_t want)
{
	int64_t last = clk_mono_ms() + 30000;

	while (k_rows(k, STORE_DELIVERY_SENT) < want) {
		srv_alarms_due(node[0], 0);
		srv_alarms_due(node[1], 0);
		if (clk_mono_ms() > last)
			fail_msg("%zu of %zu were sent",
				 k_rows(k, STORE_DELIVERY_SENT), want);
	}
}

static void
nodes_race(void **state)
{
	struct kit *k = *state;
	struct srv_alarms *node[2] = { k_node(k, "node-1"),
				       k_node(k, "node-2") };

	for (int i = 0; i < RACE_HOURS * RACE_EACH; i++) {
		char lines[256];

		(void)snprintf(lines, sizeof(lines),
			       "UID:c%d|SUMMARY:Event %d|"
			       "DTSTART:20260302T%02d0000Z" AL(":-PT10M"),
			       i, i, 8 + i / RACE_EACH);
		(void)k_event(k, lines);
	}
	OK(k->env, srv_alarms_start(node[0], &k->env->e));
	OK(k->env, srv_alarms_start(node[1], &k->env->e));
	for (int i = 0; i < RACE_HOURS; i++) {
		k->now = k_ms("20260302T075000Z") + i * (int64_t)3600000;
		race_until(k, node, (size_t)(i + 1) * RACE_EACH);
	}
	srv_alarms_free(&node[0]);
	srv_alarms_free(&node[1]);
	k_saw(k, &k->im, (size_t)RACE_HOURS * RACE_EACH);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		K(every_call),
		K(reply_fails),
		K(nodes_race),
	};

	(void)t_choose_by(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
