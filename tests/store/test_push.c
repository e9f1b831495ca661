/*
 * Notices: who is to be looked at, how devices are told, what they were told.
 */
#include "tests/store/t_store.h"

static const struct store_push_vtbl *
pv(const struct t_env *env)
{
	return env->s->v->push;
}

static struct store_push
phone(int64_t device, const char *channel)
{
	return (struct store_push){ .device = device,
				    .channel = slice_c(channel),
				    .address = SLICE_LIT("+49123"),
				    .ways = SLICE_LIT("form=san\n"),
				    .secret = SLICE_LIT("\0\xff"),
				    .last_no = 3,
				    .last_ms = 40,
				    .tries = 2,
				    .day_ms = 30,
				    .day_n = 7 };
}

static void
put_push(struct t_env *env, int64_t account, int64_t device,
	 const char *channel)
{
	struct store_tx *tx = t_begin(env, account, STORE_WRITE, 5);
	struct store_push p = phone(device, channel);

	OK(env, pv(env)->push_put(tx, &p, &env->e));
	t_commit(env, &tx);
}

static bool
flag(struct t_env *env, int64_t account)
{
	struct store_tx *tx = t_begin(env, account, STORE_READ, 5);
	struct store_account acc;

	OK(env, tx->v->account_get(tx, env->a, &acc, &env->e));
	tx->v->rollback(&tx);
	return acc.push;
}

static size_t
due(struct t_env *env, struct store_push_due **out)
{
	bool all[STORE_BUCKETS];
	size_t n;

	memset(all, 1, sizeof(all));
	OK(env, pv(env)->push_due(env->s, env->a, all, 100, out, &n, &env->e));
	return n;
}

static void
devices(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx;
	struct store_push *p;
	struct store_push two = phone(8, "xmpp");
	size_t n;

	assert_false(flag(env, env->anna));
	put_push(env, env->anna, 9, "kannel");
	assert_true(flag(env, env->anna));
	assert_false(flag(env, env->bert));
	tx = t_begin(env, env->anna, STORE_WRITE, 6);
	OK(env, pv(env)->push_put(tx, &two, &env->e));
	two.last_no = 4;
	two.day_n = 0; /* it stays as it was counted */
	two.secret = SLICE_LIT("");
	OK(env, pv(env)->push_put(tx, &two, &env->e));
	OK(env, pv(env)->push_list(tx, env->a, &p, &n, &env->e));
	assert_int_equal(n, 2);
	assert_true(p[0].device == 8 && p[0].last_no == 4 && p[0].day_n == 7);
	assert_int_equal(p[0].secret.n, 0);
	assert_true(p[1].device == 9 && p[1].last_no == 3 &&
		    p[1].last_ms == 40 && p[1].tries == 2 &&
		    p[1].day_ms == 30 && p[1].day_n == 7);
	SLICE_IS(p[1].channel, "kannel");
	SLICE_IS(p[1].address, "+49123");
	SLICE_IS(p[1].ways, "form=san\n");
	assert_true(slice_eq(p[1].secret, SLICE_LIT("\0\xff")));
	t_commit(env, &tx);
	put_push(env, env->anna, 9, "");
	assert_true(flag(env, env->anna));
	put_push(env, env->anna, 8, "");
	assert_false(flag(env, env->anna));
}

static struct store_push
told(struct t_env *env, int64_t account, size_t i)
{
	struct store_tx *tx = t_begin(env, account, STORE_READ, 5);
	struct store_push *p;
	size_t n;

	OK(env, pv(env)->push_list(tx, env->a, &p, &n, &env->e));
	tx->v->rollback(&tx);
	assert_true(i < n);
	return p[i];
}

static struct store_mark
left(int64_t account, const char *id, int64_t device, int64_t at_ms)
{
	return (struct store_mark){ .account = account,
				    .id = slice_c(id),
				    .device = device,
				    .state = STORE_DELIVERY_SENT,
				    .at_ms = at_ms,
				    .next_ms = INT64_MAX };
}

/* Messages that left are counted with their marks, for a day from the first
   one on. */
static void
messages_of_a_day(void **state)
{
	struct t_env *env = *state;
	const int64_t day = STORE_PUSH_DAY_MS;
	const int64_t t0 = 10 * day;
	struct store_mark m[4] = { left(env->anna, "a", 8, t0),
				   left(env->anna, "b", 8, t0),
				   left(env->anna, "c", 9, t0),
				   left(env->bert, "a", 8, t0) };

	put_push(env, env->anna, 8, "kannel");
	put_push(env, env->anna, 9, "kannel");
	put_push(env, env->bert, 8, "kannel");
	OK(env, env->s->v->alarm->delivery_mark(env->s, m, 4, &env->e));
	assert_int_equal(told(env, env->anna, 0).day_n, 2);
	assert_int_equal(told(env, env->anna, 0).day_ms, t0);
	assert_int_equal(told(env, env->anna, 1).day_n, 1);
	assert_int_equal(told(env, env->bert, 0).day_n, 1);
	/* Reminders, and what failed, are not. */
	m[0].device = 0;
	m[1].state = STORE_DELIVERY_QUEUED;
	m[2] = left(env->anna, "d", 9, t0 + day - 1);
	OK(env, env->s->v->alarm->delivery_mark(env->s, m, 3, &env->e));
	assert_int_equal(told(env, env->anna, 0).day_n, 2);
	assert_int_equal(told(env, env->anna, 1).day_n, 2);
	assert_int_equal(told(env, env->anna, 1).day_ms, t0);
	m[2].at_ms = t0 + day;
	OK(env, env->s->v->alarm->delivery_mark(env->s, m + 2, 1, &env->e));
	assert_int_equal(told(env, env->anna, 1).day_n, 1);
	assert_int_equal(told(env, env->anna, 1).day_ms, t0 + day);
}

/* A row for each account whose items changed, where somebody wants it. */
static void
changes_leave_a_row(void **state)
{
	struct t_env *env = *state;
	struct store_push_due *row;
	struct store_tx *tx;
	struct store_item head;
	struct store_write w;
	int64_t id = t_item(env, env->anna, 1, "one", 10);

	assert_int_equal(due(env, &row), 0);
	put_push(env, env->anna, 9, "kannel");
	assert_int_equal(due(env, &row), 0);
	(void)t_item(env, env->bert, 1, "one", 11);
	assert_int_equal(due(env, &row), 0);
	(void)t_item(env, env->anna, 2, "two", 30);
	assert_int_equal(due(env, &row), 1);
	assert_true(row->account == env->anna && row->due_ms == 30);
	/* the earlier one stays, a later look gives way */
	(void)t_item(env, env->anna, 3, "three", 35);
	assert_int_equal(due(env, &row), 1);
	assert_true(row->due_ms == 30);
	tx = t_begin(env, env->anna, STORE_WRITE, 36);
	OK(env, pv(env)->push_due_put(tx, 900, &env->e));
	t_commit(env, &tx);
	assert_int_equal(due(env, &row), 1);
	assert_true(row->due_ms == 900);
	(void)t_item(env, env->anna, 4, "four", 37);
	assert_int_equal(due(env, &row), 1);
	assert_true(row->due_ms == 37);
	tx = t_begin(env, env->anna, STORE_WRITE, 38);
	OK(env, pv(env)->push_due_by(tx, 38, &env->e));
	t_commit(env, &tx);
	assert_int_equal(due(env, &row), 1);
	assert_true(row->due_ms == 37);
	tx = t_begin(env, env->anna, STORE_WRITE, 38);
	OK(env, pv(env)->push_due_by(tx, 36, &env->e));
	t_commit(env, &tx);
	assert_int_equal(due(env, &row), 1);
	assert_true(row->due_ms == 36);
	tx = t_begin(env, env->anna, STORE_WRITE, 38);
	OK(env, pv(env)->push_due_put(tx, INT64_MAX, &env->e));
	t_commit(env, &tx);
	assert_int_equal(due(env, &row), 0);

	/* what changes no item, a side revision, what is rolled back */
	tx = t_begin(env, env->anna, STORE_WRITE, 39);
	t_device(env, tx, 9, "dev");
	head = t_head(env, tx, id);
	w = t_next(&head, "side");
	w.side = true;
	t_put(env, tx, w);
	t_commit(env, &tx);
	assert_int_equal(due(env, &row), 0);
	tx = t_begin(env, env->anna, STORE_WRITE, 40);
	head = t_head(env, tx, id);
	t_put(env, tx, t_delete(&head));
	tx->v->rollback(&tx);
	assert_int_equal(due(env, &row), 0);
	tx = t_begin(env, env->anna, STORE_WRITE, 41);
	head = t_head(env, tx, id);
	t_put(env, tx, t_delete(&head));
	t_commit(env, &tx);
	assert_int_equal(due(env, &row), 1);
	t_sound(env);
}

static void
due_by_bucket_and_limit(void **state)
{
	struct t_env *env = *state;
	bool mine[STORE_BUCKETS] = { false };
	struct store_push_due *row;
	const int64_t who[] = { env->anna, env->bert };
	size_t n;

	for (size_t i = 0; i < 2; i++) {
		struct store_tx *tx = t_begin(env, who[i], STORE_WRITE, 5);

		OK(env, pv(env)->push_due_put(tx, 100 - (int64_t)i, &env->e));
		t_commit(env, &tx);
	}
	assert_int_equal(due(env, &row), 2);
	OK(env, pv(env)->push_due(env->s, env->a, mine, 9, &row, &n, &env->e));
	assert_int_equal(n, 0);
	mine[store_bucket(env->bert)] = true;
	OK(env, pv(env)->push_due(env->s, env->a, mine, 1, &row, &n, &env->e));
	assert_int_equal(n, 1);
	assert_true(row->account == env->bert && row->due_ms == 99);
}

static struct store_notice
notice(int64_t device, int64_t no, int64_t collection, int64_t queued_ms)
{
	return (struct store_notice){ .device = device,
				      .no = no,
				      .collection = collection,
				      .delivery = SLICE_LIT("fn-1"),
				      .event_ms = queued_ms - 1,
				      .queued_ms = queued_ms };
}

static void
notices(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_notice in[] = { notice(7, 1, 1, 50), notice(7, 2, 1, 60),
				     notice(7, 2, 2, 60), notice(8, 1, 1, 55) };
	struct store_notice *v;
	size_t n;

	OK(env, pv(env)->notice_add(tx, in, 4, &env->e));
	in[0].delivery = SLICE_LIT("other");
	OK(env, pv(env)->notice_add(tx, in, 1, &env->e)); /* stays */
	in[2].session = 77;
	in[2].started_ms = 99;
	in[2].answer = STORE_NOTICE_TYPE;
	OK(env, pv(env)->notice_set(tx, &in[2], 1, &env->e));
	t_commit(env, &tx);

	tx = t_begin(env, env->anna, STORE_READ, 6);
	OK(env, pv(env)->notice_list(tx, env->a, 7, 9, &v, &n, &env->e));
	assert_int_equal(n, 3);
	assert_true(v[0].no == 2 && v[0].collection == 1 && v[0].session == 0 &&
		    v[0].answer == STORE_NOTICE_WAITS);
	assert_true(v[1].no == 2 && v[1].collection == 2 &&
		    v[1].session == 77 && v[1].started_ms == 99 &&
		    v[1].answer == STORE_NOTICE_TYPE);
	assert_true(v[2].no == 1 && v[2].event_ms == 49 &&
		    v[2].queued_ms == 50 && v[2].device == 7);
	SLICE_IS(v[2].delivery, "fn-1");
	OK(env, pv(env)->notice_list(tx, env->a, 0, 9, &v, &n, &env->e));
	assert_int_equal(n, 4);
	assert_true(v[2].device == 8 && v[3].no == 1);
	OK(env, pv(env)->notice_list(tx, env->a, 7, 2, &v, &n, &env->e));
	assert_int_equal(n, 2);
	tx->v->rollback(&tx);
	tx = t_begin(env, env->bert, STORE_READ, 6);
	OK(env, pv(env)->notice_list(tx, env->a, 0, 9, &v, &n, &env->e));
	assert_int_equal(n, 0);
	tx->v->rollback(&tx);
}

/* With the device, with the history, with the account. */
static void
goes_with_the_device(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_notice in[] = { notice(9, 1, 1, 50), notice(8, 1, 1, 50) };
	struct store_notice *v;
	struct store_push *p;
	int64_t gone;
	size_t n;

	t_device(env, tx, 9, "dev");
	OK(env, pv(env)->notice_add(tx, in, 2, &env->e));
	t_commit(env, &tx);
	put_push(env, env->anna, 9, "kannel");
	tx = t_begin(env, env->anna, STORE_WRITE, 6);
	OK(env, tx->v->device_drop(tx, 9, &env->e));
	OK(env, pv(env)->push_list(tx, env->a, &p, &n, &env->e));
	assert_int_equal(n, 0);
	OK(env, pv(env)->notice_list(tx, env->a, 0, 9, &v, &n, &env->e));
	assert_int_equal(n, 1);
	t_commit(env, &tx);
	assert_false(flag(env, env->anna));
	OK(env, env->s->v->prune(env->s, 50, 0, 0, &gone, &env->e));
	assert_int_equal(gone, 0);
	OK(env, env->s->v->prune(env->s, 51, 0, 0, &gone, &env->e));
	assert_int_equal(gone, 1);
}

/* What a device says of itself for notices comes back as it went in. */
static void
words_of_the_device(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_device d = { .id = 9,
				  .dev_id = SLICE_LIT("dev"),
				  .own_nonce = SLICE_LIT("\0n\xff") };
	struct store_link l = { .id = 10,
				.device = 9,
				.collection = 1,
				.client_db = SLICE_LIT("C"),
				.server_uri = SLICE_LIT("./card") };
	struct store_device *got;
	struct store_link *link;
	size_t n;

	OK(env, tx->v->device_put(tx, &d, &env->e));
	OK(env, tx->v->link_put(tx, &l, &env->e));
	OK(env, tx->v->device_get(tx, env->a, d.dev_id, &got, &env->e));
	assert_true(slice_eq(got->own_nonce, SLICE_LIT("\0n\xff")));
	OK(env, tx->v->link_list(tx, env->a, 9, &link, &n, &env->e));
	assert_int_equal(n, 1);
	SLICE_IS(link->server_uri, "./card");
	l.server_uri = SLICE_LIT("./c");
	OK(env, tx->v->link_put(tx, &l, &env->e));
	OK(env, tx->v->link_list(tx, env->a, 9, &link, &n, &env->e));
	SLICE_IS(link->server_uri, "./c");
	t_commit(env, &tx);
}

static const struct CMUnitTest TESTS[] = {
	T(devices),
	T(changes_leave_a_row),
	T(due_by_bucket_and_limit),
	T(notices),
	T(goes_with_the_device),
	T(words_of_the_device),
	T(messages_of_a_day),
};

T_GROUP(push, "notices", TESTS);
