/*
 * Who sleeps until there is work hears of it behind the commit, and not before.
 */
#include "tests/store/t_store.h"

struct heard {
	int n[STORE_WAKES];
	int64_t account, due_ms; /* of the last one */
};

static void
hear(void *ctx, enum store_wake what, int64_t account, int64_t due_ms)
{
	struct heard *h = ctx;

	h->n[what]++;
	h->account = account;
	h->due_ms = due_ms;
}

static void
listen_to(struct t_env *env, struct heard *h)
{
	const struct store_ear ear = { .wake = hear, .ctx = h };

	OK(env, env->s->v->hear(env->s, &ear, &env->e));
}

static void
put_due(struct t_env *env, struct store_tx *tx, uint64_t n, int64_t due_ms)
{
	struct store_write w = t_new(tx, n, "x");

	w.due = (struct store_due){ STORE_DUE_AT, due_ms };
	t_put(env, tx, w);
}

static void
behind_the_commit(void **state)
{
	struct t_env *env = *state;
	struct heard h = { .account = 0 };
	struct store_tx *tx = t_begin(env, env->bert, STORE_WRITE, 5);

	listen_to(env, &h);
	put_due(env, tx, 1, 900);
	put_due(env, tx, 2, 700);
	put_due(env, tx, 3, 800);
	store_wake(tx, STORE_WAKE_PUSH, 40);
	assert_int_equal(h.n[STORE_WAKE_ALARM] + h.n[STORE_WAKE_PUSH], 0);
	t_commit(env, &tx);
	assert_int_equal(h.n[STORE_WAKE_ALARM], 1);
	assert_int_equal(h.n[STORE_WAKE_PUSH], 1);
	assert_true(h.account == env->bert && h.due_ms == 40);

	/* one of the outbox; what is settled wakes nobody */
	tx = t_begin(env, env->anna, STORE_WRITE, 6);
	OK(env,
	   tx->v->alarm->delivery_add(
	       tx,
	       (struct store_delivery[]){ { .id = SLICE_LIT("a"),
					    .kind = STORE_DELIVERY_NOTE,
					    .state = STORE_DELIVERY_QUEUED,
					    .next_ms = 50 },
					  { .id = SLICE_LIT("b"),
					    .kind = STORE_DELIVERY_NOTE,
					    .state = STORE_DELIVERY_DROPPED,
					    .next_ms = INT64_MAX } },
	       2, &env->e));
	t_commit(env, &tx);
	assert_int_equal(h.n[STORE_WAKE_ALARM], 2);
	assert_true(h.account == env->anna && h.due_ms == 50);
}

static void
not_without_news(void **state)
{
	struct t_env *env = *state;
	struct heard h = { .account = 0 };
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);

	listen_to(env, &h);
	put_due(env, tx, 1, 900);
	tx->v->rollback(&tx);
	tx = t_begin(env, env->anna, STORE_WRITE, 5);
	t_put(env, tx, t_new(tx, 2, "no alarm"));
	t_commit(env, &tx);
	tx = t_begin(env, env->anna, STORE_WRITE, 5);
	put_due(env, tx, 3, 900);
	OK(env, env->s->v->hear(env->s, NULL, &env->e));
	t_commit(env, &tx);
	assert_int_equal(h.n[STORE_WAKE_ALARM] + h.n[STORE_WAKE_PUSH], 0);
}

static const struct CMUnitTest TESTS[] = {
	T(behind_the_commit),
	T(not_without_news),
};
T_GROUP(wake, "wake", TESTS);
