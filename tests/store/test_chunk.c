#include "tests/store/t_store.h"

static const struct store_chunk_key IN = { 91, 'i' };
static const struct store_chunk_key OUT = { 91, 'o' };

static void
add(struct t_env *env, struct store_tx *tx, struct store_chunk_key k,
    struct slice s)
{
	OK(env, tx->v->chunk_add(tx, k, s, &env->e));
}

static struct slice
join(struct t_env *env, struct store_tx *tx, struct store_chunk_key k)
{
	struct slice out;

	OK(env, tx->v->chunk_join(tx, env->a, k, &out, &env->e));
	return out;
}

static struct slice
part(struct t_env *env, struct store_tx *tx, int64_t offset, size_t n)
{
	struct slice out;

	OK(env, tx->v->chunk_read(tx, env->a, IN, offset, n, &out, &env->e));
	return out;
}

static void
join_and_read(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);

	assert_int_equal(join(env, tx, IN).n, 0);
	assert_int_equal(part(env, tx, 0, 10).n, 0);
	add(env, tx, IN, SLICE_LIT("abc"));
	add(env, tx, OUT, SLICE_LIT("other"));
	add(env, tx, IN, SLICE_LIT(""));
	add(env, tx, IN, SLICE_LIT("defgh"));
	add(env, tx, IN, SLICE_LIT("i"));
	SLICE_IS(join(env, tx, IN), "abcdefghi");
	SLICE_IS(join(env, tx, OUT), "other");
	SLICE_IS(part(env, tx, 0, 2), "ab");
	SLICE_IS(part(env, tx, 2, 2), "cd");
	SLICE_IS(part(env, tx, 2, 100), "cdefghi");
	SLICE_IS(part(env, tx, 8, 1), "i");
	SLICE_IS(part(env, tx, 9, 1), "");
	SLICE_IS(part(env, tx, -1, 1), "");
	SLICE_IS(part(env, tx, INT64_MAX, SIZE_MAX), "");
	SLICE_IS(part(env, tx, 3, 0), "");
	OK(env, tx->v->chunk_drop(tx, IN, &env->e));
	OK(env, tx->v->chunk_drop(tx, IN, &env->e));
	assert_int_equal(join(env, tx, IN).n, 0);
	SLICE_IS(join(env, tx, OUT), "other");
	t_commit(env, &tx);
}

/* Parts of any size at any place, over the edges of stored pieces. */
static void
large(void **state)
{
	struct t_env *env = *state;
	enum { BIG = 400000 };
	char *big = malloc(BIG);
	struct slice all = { big, BIG };
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	size_t at = 0;

	assert_non_null(big);
	for (size_t k = 0; k < BIG; k++)
		big[k] = (char)(k * 31 + k / 253);
	while (at < BIG) {
		size_t n = at == 0 ? 150000 : 7777;

		add(env, tx, IN, slice_sub(all, at, n));
		at += n;
	}
	assert_true(slice_eq(join(env, tx, IN), all));
	for (size_t k = 0; k < 200; k++) {
		size_t from = k * 2003 % BIG;
		size_t n = k * 977 % 140000;

		assert_true(slice_eq(part(env, tx, (int64_t)from, n),
				     slice_sub(all, from, n)));
	}
	t_device(env, tx, 90, "D");
	t_link(env, tx, 91, 90, "./C");
	t_commit(env, &tx);
	free(big);
	t_sound(env);
}

static const struct CMUnitTest TESTS[] = { T(join_and_read), T(large) };
T_GROUP(chunk, "large objects", TESTS);
