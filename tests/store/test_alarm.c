/*
 * What is due, the outbox, leases on buckets, settings and addresses.
 */
#include "tests/store/t_store.h"

static const struct store_alarm_vtbl *
av(const struct t_env *env)
{
	return env->s->v->alarm;
}

static size_t
next_of(struct t_env *env, struct store_tx *tx, struct store_alarm_next **out)
{
	size_t n;

	OK(env,
	   av(env)->next_list(tx, env->a, INT64_MAX, 100, out, &n, &env->e));
	return n;
}

static struct store_write
due_at(struct store_write w, int64_t ms)
{
	w.due = (struct store_due){ STORE_DUE_AT, ms };
	return w;
}

/* The row follows the item, in its own transaction. */
static void
follows_the_item(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_write w[3] = { due_at(t_new(tx, 1, "one"), 500),
				    t_new(tx, 2, "two"),
				    due_at(t_new(tx, 3, "three"), 300) };
	struct store_alarm_next *row;
	struct store_item head;

	OK(env, tx->v->item_put(tx, w, 3, &env->e));
	assert_int_equal(next_of(env, tx, &row), 2);
	assert_true(row[0].item == w[2].item && row[0].due_ms == 300);
	assert_true(row[1].item == w[0].item && row[1].due_ms == 500);
	assert_true(row[1].account == env->anna);

	/* moved; and what does not speak of it leaves it alone */
	head = t_head(env, tx, w[0].item);
	t_put(env, tx, due_at(t_next(&head, "uno"), 200));
	head = t_head(env, tx, w[2].item);
	t_put(env, tx, t_next(&head, "tre"));
	assert_int_equal(next_of(env, tx, &row), 2);
	assert_true(row[0].item == w[0].item && row[0].due_ms == 200);

	/* a side revision is not the item */
	head = t_head(env, tx, w[0].item);
	w[1] = due_at(t_next(&head, "side"), 100);
	w[1].side = true;
	t_put(env, tx, w[1]);
	assert_int_equal(next_of(env, tx, &row), 2);
	assert_true(row[0].due_ms == 200);

	/* gone with the alarm, and with the item */
	head = t_head(env, tx, w[2].item);
	w[1] = t_next(&head, "none");
	w[1].due.what = STORE_DUE_NONE;
	t_put(env, tx, w[1]);
	assert_int_equal(next_of(env, tx, &row), 1);
	head = t_head(env, tx, w[0].item);
	t_put(env, tx, t_delete(&head));
	assert_int_equal(next_of(env, tx, &row), 0);
	t_commit(env, &tx);
	t_sound(env);
}

/* What is due already waits for who sends, whatever is written meanwhile. */
static void
overdue_stays(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_write w = due_at(t_new(tx, 1, "one"), 50);
	struct store_alarm_next *row;
	struct store_item head;

	t_put(env, tx, w);
	t_commit(env, &tx);
	tx = t_begin(env, env->anna, STORE_WRITE, 50);
	head = t_head(env, tx, w.item);
	t_put(env, tx, due_at(t_next(&head, "two"), 70));
	assert_int_equal(next_of(env, tx, &row), 1);
	assert_true(row->due_ms == 50);
	head = t_head(env, tx, w.item);
	t_put(env, tx, t_delete(&head));
	assert_int_equal(next_of(env, tx, &row), 1);
	row->due_ms = INT64_MAX;
	OK(env, av(env)->next_put(tx, row, 1, false, &env->e));
	assert_int_equal(next_of(env, tx, &row), 1);
	row->due_ms = INT64_MAX;
	OK(env, av(env)->next_put(tx, row, 1, true, &env->e));
	assert_int_equal(next_of(env, tx, &row), 0);
	t_commit(env, &tx);
}

/* Two writes of one item in one batch: the last head counts. */
static void
last_head_counts(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_write w[2] = { due_at(t_new(tx, 1, "one"), 500) };
	struct store_alarm_next *row;

	w[1] = w[0];
	w[1].create = false;
	w[1].revision = 2;
	w[1].old_size = 3;
	w[1].body = SLICE_LIT("none");
	w[1].due.what = STORE_DUE_NONE;
	OK(env, tx->v->item_put(tx, w, 2, &env->e));
	assert_int_equal(next_of(env, tx, &row), 0);
	t_commit(env, &tx);
}

static void
purged_with_the_item(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_write w = due_at(t_new(tx, 1, "one"), 500);
	struct store_write held = due_at(t_new(tx, 2, "two"), 600);
	struct store_alarm_next *row;
	struct store_map m;

	t_put(env, tx, w);
	t_put(env, tx, held);
	t_device(env, tx, 20, "D");
	t_link(env, tx, 21, 20, "./C");
	m = t_map(21, 1, held.item, "L", 1);
	OK(env, tx->v->map_put(tx, &m, 1, &env->e));
	OK(env, tx->v->item_purge(tx, w.item, &env->e));
	assert_int_equal(next_of(env, tx, &row), 1);
	OK(env, tx->v->item_purge(tx, held.item, &env->e));
	assert_int_equal(next_of(env, tx, &row), 0);
	t_commit(env, &tx);
	t_sound(env);
}

static void
put_and_clear(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_alarm_next in[] = { { 0, 7, 70 }, { 0, 8, 80 } };
	struct store_alarm_next *row;
	size_t n;

	OK(env, av(env)->next_put(tx, in, 2, true, &env->e));
	in[0].due_ms = 90;
	in[1].due_ms = INT64_MAX;
	OK(env, av(env)->next_put(tx, in, 2, true, &env->e));
	assert_int_equal(next_of(env, tx, &row), 1);
	assert_true(row->item == 7 && row->due_ms == 90);
	OK(env, av(env)->next_list(tx, env->a, 89, 9, &row, &n, &env->e));
	assert_int_equal(n, 0);
	OK(env, av(env)->next_list(tx, env->a, 90, 9, &row, &n, &env->e));
	assert_int_equal(n, 1);
	OK(env, av(env)->next_clear(tx, &env->e));
	assert_int_equal(next_of(env, tx, &row), 0);
	t_commit(env, &tx);
}

/* The first ones of each bucket that is ours, of all accounts. */
static void
due_by_bucket(void **state)
{
	struct t_env *env = *state;
	const int64_t who[] = { env->anna, env->bert };
	struct store_alarm_next *row;
	bool mine[STORE_BUCKETS] = { false };
	bool all[STORE_BUCKETS];
	size_t n;

	memset(all, 1, sizeof(all));
	for (size_t i = 0; i < 2; i++) {
		struct store_tx *tx = t_begin(env, who[i], STORE_WRITE, 5);
		struct store_alarm_next in[] = { { 0, 1, 100 },
						 { 0, 2, 50 },
						 { 0, 3, 200 } };

		OK(env, av(env)->next_put(tx, in, 3, true, &env->e));
		t_commit(env, &tx);
	}
	OK(env, av(env)->due(env->s, env->a, all, 100, &row, &n, &env->e));
	assert_int_equal(n, 6);
	OK(env, av(env)->due(env->s, env->a, mine, 100, &row, &n, &env->e));
	assert_int_equal(n, 0);
	mine[store_bucket(env->anna)] = true;
	OK(env, av(env)->due(env->s, env->a, mine, 1, &row, &n, &env->e));
	assert_int_equal(n, 1);
	assert_true(row->due_ms == 50 && row->item == 2);
}

static struct store_delivery
delivery(const char *id, const char *channel, int64_t next_ms)
{
	return (struct store_delivery){
		.id = slice_c(id),
		.kind = STORE_DELIVERY_ALARM,
		.item = 7,
		.recurrence = SLICE_LIT("20260301"),
		.alarm = SLICE_LIT("0"),
		.due_ms = 70,
		.start_ms = 80,
		.channel = slice_c(channel),
		.address = SLICE_LIT("anna@example.com"),
		.late = true,
		.state = STORE_DELIVERY_QUEUED,
		.text = SLICE_LIT("t\nx"),
		.next_ms = next_ms,
	};
}

static void
outbox_of_channel(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_delivery in[] = { delivery("fn-1", "xmpp", 30),
				       delivery("fn-2", "xmpp", 20),
				       delivery("fn-3", "smtp", 10),
				       delivery("fn-4", "xmpp", INT64_MAX) };
	size_t limit[STORE_BUCKETS];
	struct store_delivery *d;
	size_t n;

	for (size_t i = 0; i < STORE_BUCKETS; i++)
		limit[i] = 2;
	OK(env, av(env)->delivery_add(tx, in, 4, &env->e));
	/* once more is no news, and changes nothing */
	in[0].next_ms = 1;
	OK(env, av(env)->delivery_add(tx, in, 1, &env->e));
	t_commit(env, &tx);
	OK(env, av(env)->outbox(env->s, env->a, SLICE_LIT("xmpp"), limit, &d,
				&n, &env->e));
	assert_int_equal(n, 2);
	SLICE_IS(d[0].id, "fn-2");
	SLICE_IS(d[1].id, "fn-1");
	assert_true(d[1].account == env->anna && d[1].next_ms == 30);
	assert_true(d[1].item == 7 && d[1].due_ms == 70 &&
		    d[1].start_ms == 80 && d[1].late && d[1].written_ms == 5 &&
		    d[1].attempts == 0 && d[1].kind == STORE_DELIVERY_ALARM &&
		    d[1].state == STORE_DELIVERY_QUEUED);
	SLICE_IS(d[1].recurrence, "20260301");
	SLICE_IS(d[1].alarm, "0");
	SLICE_IS(d[1].channel, "xmpp");
	SLICE_IS(d[1].address, "anna@example.com");
	SLICE_IS(d[1].text, "t\nx");
	limit[store_bucket(env->anna)] = 1;
	OK(env, av(env)->outbox(env->s, env->a, SLICE_LIT("xmpp"), limit, &d,
				&n, &env->e));
	assert_int_equal(n, 1);
}

static void
deliveries_change(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_delivery in[] = { delivery("fn-1", "xmpp", 30),
				       delivery("fn-2", "xmpp", 20) };
	const struct slice ids[] = { SLICE_INIT("fn-2"), SLICE_INIT("fn-9"),
				     SLICE_INIT("fn-1") };
	struct store_delivery *d;
	size_t n;

	OK(env, av(env)->delivery_add(tx, in, 2, &env->e));
	in[0].state = STORE_DELIVERY_DROPPED;
	in[0].reason = SLICE_LIT("the item is gone");
	in[0].next_ms = INT64_MAX;
	in[1].state = STORE_DELIVERY_RECEIPT;
	in[1].sent_ms = 90;
	in[1].receipt_ms = 91;
	in[1].attempts = 3;
	in[1].next_ms = 99;
	OK(env, av(env)->delivery_set(tx, in, 2, &env->e));
	OK(env, av(env)->delivery_get(tx, env->a, ids, 3, &d, &n, &env->e));
	assert_int_equal(n, 2);
	if (!slice_is(d[0].id, "fn-1")) {
		struct store_delivery swap = d[0];

		d[0] = d[1];
		d[1] = swap;
	}
	assert_true(d[0].state == STORE_DELIVERY_DROPPED &&
		    d[0].next_ms == INT64_MAX);
	SLICE_IS(d[0].reason, "the item is gone");
	assert_true(d[1].state == STORE_DELIVERY_RECEIPT &&
		    d[1].sent_ms == 90 && d[1].receipt_ms == 91 &&
		    d[1].attempts == 3 && d[1].next_ms == 99);
	t_commit(env, &tx);
	tx = t_begin(env, env->anna, STORE_WRITE, 6);
	in[0] = delivery("fn-3", "smtp", 1);
	OK(env, av(env)->delivery_add(tx, in, 1, &env->e));
	OK(env, av(env)->delivery_list(tx, env->a, 0, 2, &d, &n, &env->e));
	assert_int_equal(n, 2);
	SLICE_IS(d[0].id, "fn-3");
	OK(env, av(env)->delivery_list(tx, env->a, 6, 9, &d, &n, &env->e));
	assert_int_equal(n, 1);
	t_commit(env, &tx);
	/* another account's are not seen */
	tx = t_begin(env, env->bert, STORE_READ, 6);
	OK(env, av(env)->delivery_get(tx, env->a, ids, 3, &d, &n, &env->e));
	assert_int_equal(n, 0);
	tx->v->rollback(&tx);
}

/* The row of an id as it is now. */
static struct store_delivery
row_of(struct t_env *env, int64_t account, const char *id)
{
	struct store_tx *tx = t_begin(env, account, STORE_READ, 5);
	struct slice key = slice_c(id);
	struct store_delivery *d;
	size_t n;

	OK(env, av(env)->delivery_get(tx, env->a, &key, 1, &d, &n, &env->e));
	assert_int_equal(n, 1);
	tx->v->rollback(&tx);
	return *d;
}

static void
mark(struct t_env *env, const struct store_mark *m, size_t n)
{
	OK(env, av(env)->delivery_mark(env->s, m, n, &env->e));
}

/* Of all accounts in one call, and whatever comes first. */
static void
marks(void **state)
{
	struct t_env *env = *state;
	const int64_t who[] = { env->anna, env->bert };
	const struct slice anna = SLICE_LIT("anna@example.com");
	const struct slice mallory = SLICE_LIT("mallory@example.com");
	struct store_mark m[] = {
		{ env->anna, SLICE_LIT("fn-1"), STORE_DELIVERY_SENT, 50, 90,
		  SLICE_LIT(""), SLICE_LIT(""), 0 },
		{ env->bert, SLICE_LIT("fn-1"), STORE_DELIVERY_QUEUED, 50, 80,
		  SLICE_LIT("later"), SLICE_LIT(""), 0 },
		{ env->bert, SLICE_LIT("fn-2"), STORE_DELIVERY_FAILED, 50,
		  INT64_MAX, SLICE_LIT("never"), SLICE_LIT(""), 0 },
		{ env->bert, SLICE_LIT("fn-9"), STORE_DELIVERY_SENT, 50,
		  INT64_MAX, SLICE_LIT(""), SLICE_LIT(""), 0 },
		{ env->anna, SLICE_LIT("fn-2"), STORE_DELIVERY_RECEIPT, 51,
		  INT64_MAX, SLICE_LIT(""), anna, 0 },
		{ env->anna, SLICE_LIT("fn-3"), STORE_DELIVERY_RECEIPT, 51,
		  INT64_MAX, SLICE_LIT(""), mallory, 0 },
	};
	struct store_delivery d;

	for (size_t i = 0; i < 2; i++) {
		struct store_tx *tx = t_begin(env, who[i], STORE_WRITE, 5);
		struct store_delivery in[] = { delivery("fn-1", "xmpp", 30),
					       delivery("fn-2", "xmpp", 30),
					       delivery("fn-3", "xmpp", 30) };

		OK(env, av(env)->delivery_add(tx, in, 3, &env->e));
		t_commit(env, &tx);
	}
	mark(env, m, 0);
	mark(env, m, sizeof(m) / sizeof(m[0]));
	d = row_of(env, env->anna, "fn-1");
	assert_true(d.state == STORE_DELIVERY_SENT && d.sent_ms == 50 &&
		    d.next_ms == 90 && d.attempts == 0);
	d = row_of(env, env->bert, "fn-1");
	assert_true(d.state == STORE_DELIVERY_QUEUED && d.sent_ms == 0 &&
		    d.next_ms == 80 && d.attempts == 1);
	SLICE_IS(d.reason, "later");
	d = row_of(env, env->bert, "fn-2");
	assert_true(d.state == STORE_DELIVERY_FAILED &&
		    d.next_ms == INT64_MAX && d.attempts == 1);
	SLICE_IS(d.reason, "never");
	d = row_of(env, env->anna, "fn-2");
	assert_true(d.state == STORE_DELIVERY_RECEIPT && d.receipt_ms == 51 &&
		    d.sent_ms == 51 && d.next_ms == INT64_MAX);
	d = row_of(env, env->anna, "fn-3");
	assert_true(d.state == STORE_DELIVERY_QUEUED && d.next_ms == 30);

	/* behind its receipt neither news of sending nor of failing counts,
	   and a second receipt is none */
	m[0].id = SLICE_LIT("fn-2");
	m[4].at_ms = 60;
	mark(env, m, 1);
	mark(env, &m[4], 1);
	m[0].state = STORE_DELIVERY_FAILED;
	m[0].reason = SLICE_LIT("the line");
	mark(env, m, 1);
	d = row_of(env, env->anna, "fn-2");
	assert_true(d.state == STORE_DELIVERY_RECEIPT && d.receipt_ms == 51 &&
		    d.sent_ms == 51 && d.next_ms == INT64_MAX &&
		    d.attempts == 1);

	/* of one that was sent the receipt ends the wait; both at once */
	m[0] = m[3];
	m[0].id = m[1].id = SLICE_LIT("fn-3");
	m[1].account = env->bert;
	m[1].state = STORE_DELIVERY_RECEIPT;
	m[1].address = anna;
	m[0].next_ms = 99;
	mark(env, m, 2);
	d = row_of(env, env->bert, "fn-3");
	assert_true(d.state == STORE_DELIVERY_RECEIPT && d.sent_ms == 50 &&
		    d.receipt_ms == 50 && d.next_ms == INT64_MAX);
}

/* A row without its item is damage, one that is due waits for who sends. */
static void
checked(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_alarm_next far[] = { { 0, 7, 9000000000000 } };
	struct store_write w = due_at(t_new(tx, 1, "one"), 9000000000000);
	struct store_write old = due_at(t_new(tx, 2, "two"), 4);
	struct store_item head;
	struct slice *finding;
	size_t n;

	t_put(env, tx, w);
	t_put(env, tx, old);
	head = t_head(env, tx, old.item);
	t_put(env, tx, t_delete(&head));
	t_commit(env, &tx);
	t_sound(env);
	tx = t_begin(env, env->anna, STORE_WRITE, 6);
	OK(env, av(env)->next_put(tx, far, 1, true, &env->e));
	t_commit(env, &tx);
	OK(env, env->s->v->check(env->s, env->a, &finding, &n, &env->e));
	assert_int_equal(n, 1);
	assert_true(slice_find_str(finding[0], "alarm of item 7 ") != SIZE_MAX);
	tx = t_begin(env, env->anna, STORE_WRITE, 7);
	OK(env, av(env)->next_clear(tx, &env->e));
	t_commit(env, &tx);
}

static size_t
count(const bool mine[static STORE_BUCKETS])
{
	size_t n = 0;

	for (size_t i = 0; i < STORE_BUCKETS; i++)
		n += mine[i];
	return n;
}

/* Nodes share the buckets; who leaves or dies leaves them to the others. */
static void
buckets_are_shared(void **state)
{
	struct t_env *env = *state;
	struct slice x = SLICE_LIT("node-x");
	struct slice y = SLICE_LIT("node-y");
	bool a[STORE_BUCKETS];
	bool b[STORE_BUCKETS];

	OK(env, av(env)->buckets(env->s, x, 60000, a, &env->e));
	assert_int_equal(count(a), STORE_BUCKETS);
	/* nothing is free yet; the first one gives back what is too much */
	OK(env, av(env)->buckets(env->s, y, 60000, b, &env->e));
	assert_int_equal(count(b), 0);
	OK(env, av(env)->buckets(env->s, x, 60000, a, &env->e));
	assert_int_equal(count(a), STORE_BUCKETS / 2);
	OK(env, av(env)->buckets(env->s, y, 60000, b, &env->e));
	assert_int_equal(count(b), STORE_BUCKETS / 2);
	for (size_t i = 0; i < STORE_BUCKETS; i++)
		assert_true(a[i] != b[i]);
	/* stopped */
	OK(env, av(env)->buckets(env->s, x, 0, a, &env->e));
	assert_int_equal(count(a), 0);
	OK(env, av(env)->buckets(env->s, y, 1, b, &env->e));
	/* dead: a lease of a millisecond runs out while this one is taken */
	do {
		OK(env, av(env)->buckets(env->s, x, 60000, a, &env->e));
	} while (count(a) < STORE_BUCKETS);
	assert_int_equal(count(a), STORE_BUCKETS);
}

static void
seen_once(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	bool fresh = false;

	OK(env, av(env)->seen(tx, SLICE_LIT("s1"), &fresh, &env->e));
	assert_true(fresh);
	OK(env, av(env)->seen(tx, SLICE_LIT("s1"), &fresh, &env->e));
	assert_false(fresh);
	OK(env, av(env)->seen(tx, SLICE_LIT("s2"), &fresh, &env->e));
	assert_true(fresh);
	t_commit(env, &tx);
}

static void
settings(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_account acc;
	struct store_setting *s;
	size_t n;

	OK(env,
	   av(env)->setting_put(tx, SLICE_LIT("b"), SLICE_LIT("2"), &env->e));
	OK(env,
	   av(env)->setting_put(tx, SLICE_LIT("a"), SLICE_LIT("1"), &env->e));
	OK(env,
	   av(env)->setting_put(tx, SLICE_LIT("b"), SLICE_LIT("3"), &env->e));
	OK(env, av(env)->setting_list(tx, env->a, &s, &n, &env->e));
	assert_int_equal(n, 2);
	SLICE_IS(s[0].key, "a");
	SLICE_IS(s[1].value, "3");
	OK(env,
	   av(env)->setting_put(tx, SLICE_LIT("a"), SLICE_LIT(""), &env->e));
	OK(env, av(env)->setting_list(tx, env->a, &s, &n, &env->e));
	assert_int_equal(n, 1);
	/* those in the account's row */
	OK(env, tx->v->account_get(tx, env->a, &acc, &env->e));
	assert_true(!acc.alarm.on && acc.alarm.hour == 8 && !acc.alarm.lead);
	acc.alarm =
	    (struct store_alarm_ways){ true, 7, .lead = true, .lead_min = 0 };
	OK(env, tx->v->account_set(tx, &acc, &env->e));
	OK(env, tx->v->account_get(tx, env->a, &acc, &env->e));
	assert_true(acc.alarm.on && acc.alarm.hour == 7 && acc.alarm.lead &&
		    acc.alarm.lead_min == 0);
	t_commit(env, &tx);
}

static void
addresses(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	const struct slice both[] = { SLICE_INIT("a@example.com"),
				      SLICE_INIT("b@example.com") };
	struct slice xmpp = SLICE_LIT("xmpp");
	const struct slice ask[] = { SLICE_INIT("c@example.com"), both[0],
				     SLICE_INIT(""), both[1] };
	int64_t all[4] = { 7, 7, 7, 7 };
	int64_t who;

	OK(env, av(env)->address_put(tx, xmpp, both, 2, &env->e));
	t_commit(env, &tx);
	OK(env, av(env)->address_find(env->s, xmpp, ask, 4, all, &env->e));
	assert_true(all[0] == 0 && all[1] == env->anna && all[2] == 0 &&
		    all[3] == env->anna);
	OK(env,
	   av(env)->address_find(env->s, xmpp, &both[1], 1, &who, &env->e));
	assert_true(who == env->anna);
	OK(env, av(env)->address_find(env->s, SLICE_LIT("smtp"), &both[1], 1,
				      &who, &env->e));
	assert_true(who == 0);
	tx = t_begin(env, env->bert, STORE_WRITE, 5);
	FAILS(env, ERR_CONFLICT,
	      av(env)->address_put(tx, xmpp, both, 2, &env->e));
	tx->v->rollback(&tx);
	tx = t_begin(env, env->anna, STORE_WRITE, 5);
	OK(env, av(env)->address_put(tx, xmpp, both, 1, &env->e));
	t_commit(env, &tx);
	tx = t_begin(env, env->bert, STORE_WRITE, 5);
	OK(env, av(env)->address_put(tx, xmpp, both + 1, 1, &env->e));
	t_commit(env, &tx);
	OK(env,
	   av(env)->address_find(env->s, xmpp, &both[1], 1, &who, &env->e));
	assert_true(who == env->bert);
}

/* Settled rows go with the history, open ones stay. */
static void
pruned(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_delivery in[] = { delivery("fn-1", "xmpp", 30),
				       delivery("fn-2", "xmpp", INT64_MAX) };
	struct store_delivery *d;
	bool fresh;
	int64_t gone;
	size_t n;

	OK(env, av(env)->delivery_add(tx, in, 2, &env->e));
	OK(env, av(env)->seen(tx, SLICE_LIT("s1"), &fresh, &env->e));
	t_commit(env, &tx);
	OK(env, env->s->v->prune(env->s, 5, 5, 5, &gone, &env->e));
	assert_int_equal(gone, 0);
	OK(env, env->s->v->prune(env->s, 6, 6, 6, &gone, &env->e));
	assert_int_equal(gone, 2);
	tx = t_begin(env, env->anna, STORE_WRITE, 7);
	OK(env, av(env)->delivery_list(tx, env->a, 0, 9, &d, &n, &env->e));
	assert_int_equal(n, 1);
	SLICE_IS(d[0].id, "fn-1");
	OK(env, av(env)->seen(tx, SLICE_LIT("s1"), &fresh, &env->e));
	assert_true(fresh);
	t_commit(env, &tx);
}

static const struct CMUnitTest TESTS[] = {
	T(follows_the_item),
	T(overdue_stays),
	T(last_head_counts),
	T(purged_with_the_item),
	T(put_and_clear),
	T(due_by_bucket),
	T(outbox_of_channel),
	T(deliveries_change),
	T(marks),
	T(checked),
	T(buckets_are_shared),
	T(seen_once),
	T(settings),
	T(addresses),
	T(pruned),
};

T_GROUP(alarm, "alarms", TESTS);
