#include "tests/store/t_store.h"

static size_t
find(struct t_env *env, struct store_tx *tx, const uint64_t *hash, size_t n,
     size_t per_hash, struct store_candidate **c)
{
	const int64_t coll[] = { 1, 50 };
	size_t found = 99;

	OK(env,
	   tx->v->item_match(tx, env->a,
			     &(struct store_likeness){ .collection = coll,
						       .collection_n = 2,
						       .hash = hash,
						       .hash_n = n,
						       .per_hash = per_hash,
						       .link = 21,
						       .gen = 1 },
			     c, &found, &env->e));
	return found;
}

static void
any_column(void **state)
{
	struct t_env *env = *state;
	int64_t id = t_item(env, env->anna, 4, "one", 5);
	struct store_tx *tx = t_begin(env, env->anna, STORE_READ, 6);
	const uint64_t hash[] = { 0, 1004, 2004, 3004, 77 };
	struct store_candidate *c;

	for (size_t i = 1; i <= 3; i++) {
		assert_int_equal(find(env, tx, &hash[i], 1, 8, &c), 1);
		assert_int_equal(c[0].item, id);
		assert_int_equal(c[0].collection, 1);
		assert_int_equal(c[0].revision, 1);
		assert_int_equal(c[0].kind, 1);
		assert_int_equal(c[0].size, 3);
		assert_true(c[0].h_uid == 1004);
		assert_true(c[0].h_content == 2004);
		assert_true(c[0].h_identity == 3004);
		assert_false(c[0].mapped);
	}
	/* Found three ways, told once. */
	assert_int_equal(find(env, tx, hash, 5, 8, &c), 1);
	assert_int_equal(find(env, tx, hash, 1, 8, &c), 0);
	assert_int_equal(find(env, tx, &hash[4], 1, 8, &c), 0);
	assert_int_equal(find(env, tx, hash, 0, 8, &c), 0);
	t_commit(env, &tx);
}

/* Hash 0 means "has none": two items without one do not match. */
static void
zero_is_none(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_write w = t_new(tx, 1, "x");
	const uint64_t zero = 0;
	struct store_candidate *c;

	w.h_uid = 0;
	w.h_identity = 0;
	t_put(env, tx, w);
	assert_int_equal(find(env, tx, &zero, 1, 8, &c), 0);
	t_commit(env, &tx);
	t_sound(env);
}

static void
follows_the_head(void **state)
{
	struct t_env *env = *state;
	int64_t id = t_item(env, env->anna, 4, "one", 5);
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 6);
	const uint64_t was = 2004;
	const uint64_t now = 2104;
	const uint64_t uid = 1004;
	struct store_item i = t_head(env, tx, id);
	struct store_candidate *c;
	struct store_write w;

	t_put(env, tx, t_next(&i, "two"));
	assert_int_equal(find(env, tx, &was, 1, 8, &c), 0);
	assert_int_equal(find(env, tx, &now, 1, 8, &c), 1);
	assert_int_equal(find(env, tx, &uid, 1, 8, &c), 1);
	assert_int_equal(c[0].revision, 2);
	/* A side revision is no candidate. */
	i = t_head(env, tx, id);
	w = t_next(&i, "three");
	w.side = true;
	t_put(env, tx, w);
	assert_int_equal(find(env, tx, &(uint64_t){ 2204 }, 1, 8, &c), 0);
	/* Nor is a tombstone, until it lives again. */
	i = t_head(env, tx, id);
	t_put(env, tx, t_delete(&i));
	assert_int_equal(find(env, tx, &now, 1, 8, &c), 0);
	assert_int_equal(find(env, tx, &uid, 1, 8, &c), 0);
	i = t_head(env, tx, id);
	w = t_next(&i, "four");
	w.collection = 50; /* and moves */
	w.h_content = now;
	t_collection(env, tx, 50, "other");
	t_put(env, tx, w);
	assert_int_equal(find(env, tx, &now, 1, 8, &c), 1);
	assert_int_equal(c[0].collection, 50);
	i = t_head(env, tx, id);
	w = t_next(&i, "five");
	w.collection = 1;
	t_put(env, tx, w);
	assert_int_equal(find(env, tx, &uid, 1, 8, &c), 1);
	assert_int_equal(c[0].collection, 1);
	t_commit(env, &tx);
	t_sound(env);
}

static void
at_most_per_hash(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	const uint64_t same[] = { 42, 43 };
	int64_t first = tx->next_id;
	struct store_candidate *c;
	struct store_write w;

	t_collection(env, tx, 50, "other");
	for (uint64_t i = 0; i < 40; i++) {
		w = t_new(tx, i, "x");
		w.collection = i % 2 == 0 ? 50 : 1;
		w.h_identity = 42;
		w.h_content = i >= 38 ? 43 : 2000 + i;
		t_put(env, tx, w);
	}
	/* The smallest ids first, over both collections. */
	assert_int_equal(find(env, tx, same, 1, 5, &c), 5);
	for (int64_t i = 0; i < 5; i++)
		assert_int_equal(c[i].item, first + i);
	assert_int_equal(find(env, tx, same, 2, 5, &c), 7);
	assert_int_equal(find(env, tx, same, 2, 100, &c), 40);
	assert_int_equal(find(env, tx, same, 1, 0, &c), 0);
	t_commit(env, &tx);
	t_sound(env);
}

static void
mapped(void **state)
{
	struct t_env *env = *state;
	int64_t a = t_item(env, env->anna, 1, "one", 5);
	int64_t b = t_item(env, env->anna, 2, "two", 5);
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 6);
	const uint64_t hash[] = { 2001, 2002 };
	struct store_candidate *c;
	struct store_map m[3] = {
		t_map(21, 1, a, "", 1),
		t_map(21, 2, b, "9", 1),
		t_map(22, 1, b, "9", 1),
	};

	t_device(env, tx, 20, "D");
	t_link(env, tx, 21, 20, "./C");
	t_link(env, tx, 22, 20, "./D");
	m[0].state = STORE_MAP_DEBT; /* any row counts */
	OK(env, tx->v->map_put(tx, m, 3, &env->e));
	assert_int_equal(find(env, tx, hash, 2, 8, &c), 2);
	assert_int_equal(c[0].item, a);
	assert_true(c[0].mapped);
	assert_int_equal(c[1].item, b);
	assert_false(c[1].mapped);
	t_commit(env, &tx);
	t_sound(env);
}

/* A whole message of a slow sync. */
static void
many(void **state)
{
	struct t_env *env = *state;
	enum { N = 700 };
	uint64_t *hash = calloc(N * 3, sizeof(*hash));
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_candidate *c;

	assert_non_null(hash);
	for (uint64_t i = 0; i < N; i++) {
		struct store_write w = t_new(tx, i * 10000, "x");

		t_put(env, tx, w);
		hash[i * 3] = w.h_uid;
		hash[i * 3 + 1] = w.h_content;
		hash[i * 3 + 2] = w.h_identity;
	}
	assert_int_equal(find(env, tx, hash, (size_t)N * 3, 8, &c), N);
	for (size_t i = 1; i < N; i++)
		assert_true(c[i].item == c[i - 1].item + 1);
	t_commit(env, &tx);
	free(hash);
}

static const struct CMUnitTest TESTS[] = {
	T(any_column),       T(zero_is_none), T(follows_the_head),
	T(at_most_per_hash), T(mapped),       T(many),
};
T_GROUP(match, "candidates", TESTS);
