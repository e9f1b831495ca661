#include "tests/store/t_store.h"

static int64_t
used(struct t_env *env, struct store_tx *tx, int64_t *bytes)
{
	struct store_account acc;

	OK(env, tx->v->account_get(tx, env->a, &acc, &env->e));
	*bytes = acc.used_bytes;
	return acc.used_items;
}

static void
unknown_account(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = NULL;

	FAILS(env, ERR_NOTFOUND,
	      env->s->v->begin(env->s, 999999999999, STORE_READ, 0, &tx,
			       &env->e));
	FAILS(env, ERR_NOTFOUND,
	      env->s->v->begin(env->s, 999999999999, STORE_WRITE, 0, &tx,
			       &env->e));
	assert_null(tx);
	/* The write turn was given back. */
	tx = t_begin(env, env->anna, STORE_WRITE, 5);
	tx->v->rollback(&tx);
	assert_null(tx);
	env->s->v->begin(env->s, env->anna, STORE_READ, 0, &tx, NULL);
	tx->v->rollback(&tx);
}

static void
numbers_grow(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	int64_t no = tx->change_no;
	int64_t id = tx->next_id;
	struct store_account acc;

	tx->next_id += 3;
	OK(env, tx->v->account_get(tx, env->a, &acc, &env->e));
	assert_int_equal(acc.change_no, no);
	t_commit(env, &tx);
	tx = t_begin(env, env->anna, STORE_WRITE, 6);
	assert_int_equal(tx->change_no, no + 1);
	assert_int_equal(tx->next_id, id + 3);
	tx->next_id += 100;
	tx->v->rollback(&tx);
	/* Nothing of a transaction that was rolled back is left. */
	tx = t_begin(env, env->anna, STORE_WRITE, 7);
	assert_int_equal(tx->change_no, no + 1);
	assert_int_equal(tx->next_id, id + 3);
	t_commit(env, &tx);
	/* The other account's numbers are its own. */
	tx = t_begin(env, env->bert, STORE_WRITE, 7);
	assert_int_equal(tx->change_no, 2);
	t_commit(env, &tx);
}

static void
rollback_undoes_all(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_write w = t_new(tx, 1, "body");
	struct store_item *out;
	int64_t bytes;
	size_t n;

	t_put(env, tx, w);
	tx->v->rollback(&tx);
	tx = t_begin(env, env->anna, STORE_READ, 5);
	OK(env,
	   tx->v->item_get(tx, env->a, &w.item, 1, true, &out, &n, &env->e));
	assert_int_equal(n, 0);
	assert_int_equal(used(env, tx, &bytes), 0);
	assert_int_equal(bytes, 0);
	t_commit(env, &tx);
	t_sound(env);
}

static void
savepoints(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_write a = t_new(tx, 1, "12345");
	struct store_write b = t_new(tx, 2, "1234567");
	struct store_write c;
	struct store_item *out;
	const int64_t ids[] = { a.item, b.item, b.item + 1 };
	int64_t bytes;
	int64_t next;
	size_t n;

	t_put(env, tx, a);
	OK(env, tx->v->save(tx, 1, &env->e));
	t_put(env, tx, b);
	OK(env, tx->v->save(tx, 2, &env->e));
	c = t_new(tx, 3, "123");
	t_put(env, tx, c);
	assert_int_equal(used(env, tx, &bytes), 3);
	assert_int_equal(bytes, 15);
	next = tx->next_id;
	OK(env, tx->v->save_undo(tx, 2, &env->e));
	/* Usage goes back, ids never do. */
	assert_int_equal(used(env, tx, &bytes), 2);
	assert_int_equal(bytes, 12);
	assert_int_equal(tx->next_id, next);
	/* The level can be used again, and kept. */
	OK(env, tx->v->save(tx, 2, &env->e));
	OK(env, tx->v->save_keep(tx, 2, &env->e));
	OK(env, tx->v->save_undo(tx, 1, &env->e));
	assert_int_equal(used(env, tx, &bytes), 1);
	OK(env, tx->v->save(tx, 1, &env->e));
	c = t_new(tx, 4, "1");
	assert_int_equal(c.item, next);
	t_put(env, tx, c);
	OK(env, tx->v->save_keep(tx, 1, &env->e));
	t_commit(env, &tx);

	tx = t_begin(env, env->anna, STORE_WRITE, 6);
	assert_int_equal(tx->next_id, next + 1);
	OK(env, tx->v->item_get(tx, env->a, ids, 3, false, &out, &n, &env->e));
	assert_int_equal(n, 1);
	assert_int_equal(out[0].id, a.item);
	(void)t_head(env, tx, c.item);
	assert_int_equal(used(env, tx, &bytes), 2);
	assert_int_equal(bytes, 6);
	t_commit(env, &tx);
	t_sound(env);
}

/* An outer savepoint takes the inner ones along. */
static void
savepoint_outer(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	int64_t bytes;

	OK(env, tx->v->save(tx, 1, &env->e));
	OK(env, tx->v->save(tx, 2, &env->e));
	OK(env, tx->v->save(tx, 3, &env->e));
	t_put(env, tx, t_new(tx, 1, "1"));
	OK(env, tx->v->save_undo(tx, 1, &env->e));
	assert_int_equal(used(env, tx, &bytes), 0);
	OK(env, tx->v->save(tx, 1, &env->e));
	OK(env, tx->v->save(tx, 2, &env->e));
	t_put(env, tx, t_new(tx, 2, "12"));
	OK(env, tx->v->save_keep(tx, 1, &env->e));
	t_commit(env, &tx);
	tx = t_begin(env, env->anna, STORE_READ, 5);
	assert_int_equal(used(env, tx, &bytes), 1);
	assert_int_equal(bytes, 2);
	t_commit(env, &tx);
}

static void
savepoint_misuse(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);

	FAILS(env, ERR_BUG, tx->v->save(tx, 2, &env->e));
	tx->v->rollback(&tx);
	tx = t_begin(env, env->anna, STORE_WRITE, 5);
	FAILS(env, ERR_BUG, tx->v->save_keep(tx, 1, &env->e));
	tx->v->rollback(&tx);
	tx = t_begin(env, env->anna, STORE_WRITE, 5);
	FAILS(env, ERR_BUG, tx->v->save_undo(tx, 1, &env->e));
	tx->v->rollback(&tx);
}

/* After a failure nothing goes but going back. */
static void
failure_sticks(void **state)
{
	struct t_env *env = *state;
	int64_t id = t_item(env, env->anna, 1, "one", 5);
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 6);
	struct store_write w = t_new(tx, 2, "two");
	struct store_write twice = w;
	struct store_account acc;

	OK(env, tx->v->save(tx, 1, &env->e));
	t_put(env, tx, w);
	FAILS(env, ERR_CONFLICT, tx->v->item_put(tx, &twice, 1, &env->e));
	FAILS(env, ERR_BUG, tx->v->account_get(tx, env->a, &acc, &env->e));
	OK(env, tx->v->save_undo(tx, 1, &env->e));
	OK(env, tx->v->account_get(tx, env->a, &acc, &env->e));
	assert_int_equal(acc.used_items, 1);
	w = t_new(tx, 3, "three");
	t_put(env, tx, w);
	t_commit(env, &tx);

	tx = t_begin(env, env->anna, STORE_WRITE, 6);
	t_put(env, tx, t_new(tx, 4, "four"));
	w = t_new(tx, 5, "five");
	w.item = id;
	FAILS(env, ERR_CONFLICT, tx->v->item_put(tx, &w, 1, &env->e));
	FAILS(env, ERR_BUG, tx->v->commit(&tx, &env->e));
	assert_null(tx);
	tx = t_begin(env, env->anna, STORE_READ, 6);
	OK(env, tx->v->account_get(tx, env->a, &acc, &env->e));
	assert_int_equal(acc.used_items, 2);
	t_commit(env, &tx);
	t_sound(env);
}

static void
reading_does_not_write(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_READ, 5);
	struct store_write w = { .item = 7, .create = true, .revision = 1 };

	FAILS(env, ERR_BUG, tx->v->item_put(tx, &w, 1, &env->e));
	tx->v->rollback(&tx);
}

/* A reader sees the state of its beginning, whatever is committed meanwhile. */
static void
snapshot(void **state)
{
	struct t_env *env = *state;
	struct store_tx *before = t_begin(env, env->anna, STORE_READ, 5);
	int64_t id = t_item(env, env->anna, 1, "new", 6);
	struct store_tx *after = t_begin(env, env->anna, STORE_READ, 7);
	struct store_item *out;
	size_t n;

	OK(env, before->v->item_get(before, env->a, &id, 1, true, &out, &n,
				    &env->e));
	assert_int_equal(n, 0);
	SLICE_IS(t_head(env, after, id).body, "new");
	t_commit(env, &before);
	after->v->rollback(&after);
}

static const struct CMUnitTest TESTS[] = {
	T(unknown_account), T(numbers_grow),           T(rollback_undoes_all),
	T(savepoints),      T(savepoint_outer),        T(savepoint_misuse),
	T(failure_sticks),  T(reading_does_not_write), T(snapshot),
};
T_GROUP(tx, "transactions", TESTS);
