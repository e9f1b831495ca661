#include "tests/store/t_store.h"

/* Revisions 1 "a", 2 "bb" (side), 3 "ccc", 4 deleted, 5 "a" again. */
static int64_t
story(struct t_env *env)
{
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 1000);
	struct store_write w = t_new(tx, 1, "a");
	struct store_item i;

	w.device = 31;
	w.session = 32;
	w.origin = STORE_BY_DEVICE;
	t_put(env, tx, w);
	i = t_head(env, tx, w.item);
	w = t_next(&i, "bb");
	w.side = true;
	w.h_content = 5555;
	w.origin = STORE_BY_MERGE;
	t_put(env, tx, w);
	t_commit(env, &tx);
	tx = t_begin(env, env->anna, STORE_WRITE, 2000);
	i = t_head(env, tx, w.item);
	w = t_next(&i, "ccc");
	t_put(env, tx, w);
	i = t_head(env, tx, w.item);
	t_put(env, tx, t_delete(&i));
	i = t_head(env, tx, w.item);
	w = t_next(&i, "a");
	w.h_content = 2001; /* as revision 1 */
	t_put(env, tx, w);
	t_commit(env, &tx);
	return w.item;
}

static void
list(void **state)
{
	struct t_env *env = *state;
	int64_t id = story(env);
	struct store_tx *tx = t_begin(env, env->anna, STORE_READ, 1);
	struct store_revision *r;
	size_t n;

	OK(env, tx->v->revision_list(tx, env->a, id, true, &r, &n, &env->e));
	assert_int_equal(n, 5);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(r[i].item, id);
		assert_int_equal(r[i].revision, 5 - i);
		assert_int_equal(r[i].deleted, i == 1);
		assert_int_equal(r[i].side, i == 3);
		assert_int_equal(r[i].at_ms, i < 3 ? 2000 : 1000);
	}
	SLICE_IS(r[0].body, "a");
	SLICE_IS(r[1].body, "");
	SLICE_IS(r[2].body, "ccc");
	SLICE_IS(r[3].body, "bb");
	assert_int_equal(r[4].device, 31);
	assert_int_equal(r[4].session, 32);
	assert_int_equal(r[4].origin, STORE_BY_DEVICE);
	assert_int_equal(r[3].origin, STORE_BY_MERGE);
	assert_true(r[3].h_content == 5555);
	assert_int_equal(r[4].change_no + 1, r[0].change_no);
	OK(env, tx->v->revision_list(tx, env->a, id, false, &r, &n, &env->e));
	assert_int_equal(n, 5);
	assert_int_equal(r[0].body.n, 0);
	t_commit(env, &tx);
	t_sound(env);
}

static void
get(void **state)
{
	struct t_env *env = *state;
	int64_t id = story(env);
	struct store_tx *tx = t_begin(env, env->anna, STORE_READ, 1);
	const struct store_rev_key k[] = {
		{ id, 3 }, { id, 9 }, { id + 1, 1 }, { id, 1 }, { id, 4 }
	};
	struct store_revision *r;
	size_t n;

	OK(env, tx->v->revision_get(tx, env->a, k, 5, &r, &n, &env->e));
	assert_int_equal(n, 3);
	SLICE_IS(r[0].body, "ccc");
	SLICE_IS(r[1].body, "a");
	assert_true(r[2].deleted);
	t_commit(env, &tx);
}

static void
match(void **state)
{
	struct t_env *env = *state;
	int64_t id = story(env);
	struct store_tx *tx = t_begin(env, env->anna, STORE_READ, 1);
	const int64_t item[] = { id, id, id, id + 1, id };
	const uint64_t hash[] = { 2001, 5555, 12, 2001, 0 };
	struct store_revision *r;
	size_t n;

	OK(env,
	   tx->v->revision_match(tx, env->a, item, hash, 5, &r, &n, &env->e));
	/* The newest of two, the side one, and no tombstone for 0. */
	assert_int_equal(n, 2);
	assert_int_equal(r[0].revision, 5);
	assert_int_equal(r[1].revision, 2);
	assert_true(r[1].side);
	assert_int_equal(r[0].body.n, 0);
	t_commit(env, &tx);
}

static const struct CMUnitTest TESTS[] = { T(list), T(get), T(match) };
T_GROUP(history, "history", TESTS);
