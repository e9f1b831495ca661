#include "tests/store/t_store.h"

enum { MAX = 100 };

static const struct store_throttle_keep KEEP[STORE_THROTTLE_KINDS] = {
	{ 1000, MAX }, { 500, MAX }
};

static struct store_throttle
wrong(uint64_t key, int64_t fails, int64_t last_ms)
{
	return (struct store_throttle){ .kind = STORE_THROTTLE_WRONG,
					.key = key,
					.fails = fails,
					.last_ms = last_ms };
}

struct seen {
	int64_t at;
	struct store_throttle *row;
	size_t n;
};

static void
share(struct t_env *env, struct store *s, const struct store_throttle *in,
      size_t n, struct seen *seen)
{
	OK(env, s->v->throttle_share(s, env->a, in, n, KEEP, &seen->at,
				     &seen->row, &seen->n, &env->e));
}

static const struct store_throttle *
row_of(const struct seen *s, int kind, uint64_t key)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->row[i].kind == kind && s->row[i].key == key)
			return &s->row[i];
	}
	return NULL;
}

static void
assert_row(const struct seen *s, uint64_t key, int64_t fails, int64_t last_ms)
{
	const struct store_throttle *r = row_of(s, STORE_THROTTLE_WRONG, key);

	assert_non_null(r);
	assert_int_equal(r->fails, fails);
	assert_int_equal(r->last_ms, last_ms);
}

static void
sums(void **state)
{
	struct t_env *env = *state;
	struct store_throttle in[] = { wrong(7, 2, 2000),
				       wrong(UINT64_MAX, 5, 2000),
				       wrong(9, -3, 2000) };
	struct store_throttle one = wrong(7, 3, 1500);
	struct seen a = { 0 };

	share(env, env->s, NULL, 0, &a);
	assert_int_equal(a.n, 0);
	share(env, env->s, in, 3, &a);
	assert_int_equal(a.n, 3);
	assert_row(&a, 7, 2, 2000);
	assert_row(&a, UINT64_MAX, 5, 2000);
	assert_row(&a, 9, 0, 2000);
	/* The later time stays. */
	share(env, env->s, &one, 1, &a);
	assert_int_equal(a.n, 1);
	assert_row(&a, 7, 5, 2000);
	one = wrong(7, -100, 3000);
	share(env, env->s, &one, 1, &a);
	assert_row(&a, 7, 0, 3000);
	one = wrong(UINT64_MAX, 1, 3000);
	one.reset = true;
	share(env, env->s, &one, 1, &a);
	assert_row(&a, UINT64_MAX, 1, 3000);
	share(env, env->s, NULL, 0, &a);
	assert_int_equal(a.n, 0);
}

/* The same key is another thing as another kind. */
static void
kinds(void **state)
{
	struct t_env *env = *state;
	struct store_throttle in[] = {
		wrong(7, 2, 2000),
		{ .kind = STORE_THROTTLE_KNOWN, .key = 7, .last_ms = 600 },
	};
	struct seen a = { 0 };

	share(env, env->s, in, 2, &a);
	assert_int_equal(a.n, 2);
	assert_row(&a, 7, 2, 2000);
	assert_int_equal(row_of(&a, STORE_THROTTLE_KNOWN, 7)->last_ms, 600);
}

/* Another node sees what changed since it looked, and all of it at first. */
static void
nodes(void **state)
{
	struct t_env *env = *state;
	struct store *other = NULL;
	struct store_throttle in[] = { wrong(1, 1, 2000), wrong(2, 1, 2000) };
	struct seen a = { 0 }, b = { 0 };

	OK(env, store_open(env->uri, false, &other, &env->e));
	share(env, env->s, in, 2, &a);
	share(env, other, &in[1], 1, &b);
	assert_int_equal(b.n, 2);
	assert_row(&b, 1, 1, 2000);
	assert_row(&b, 2, 2, 2000);
	share(env, env->s, NULL, 0, &a);
	assert_int_equal(a.n, 1);
	assert_row(&a, 2, 2, 2000);
	other->v->close(&other);
	/* A new process. */
	OK(env, store_open(env->uri, false, &other, &env->e));
	b = (struct seen){ 0 };
	share(env, other, NULL, 0, &b);
	assert_int_equal(b.n, 2);
	/* One that remembers more than the database has: it is an older copy.
	 */
	b.at = 1000000;
	share(env, other, NULL, 0, &b);
	assert_int_equal(b.n, 2);
	other->v->close(&other);
}

/* The last rows that changed are gone: what comes then is seen all the same. */
static void
numbers_never_come_back(void **state)
{
	struct t_env *env = *state;
	struct store_throttle in = wrong(1, 1, 10);
	struct seen a = { 0 };

	for (int i = 0; i < 5; i++)
		share(env, env->s, &in, 1, &a); /* too old: gone at once */
	assert_int_equal(a.n, 0);
	in = wrong(2, 1, 2000);
	share(env, env->s, &in, 1, &a);
	assert_int_equal(a.n, 1);
}

static void
bounded(void **state)
{
	struct t_env *env = *state;
	struct store_throttle in[3 * MAX];
	struct seen a = { 0 };

	/* Every third has many tries; of the others the later ones stay. */
	for (int i = 0; i < 3 * MAX; i++)
		in[i] = wrong((uint64_t)i + 1, i % 3 == 0 && i < 90 ? 9 : 1,
			      2000 + i);
	share(env, env->s, in, 3 * MAX, &a);
	assert_int_equal(a.n, MAX);
	for (int i = 0; i < 90; i += 3)
		assert_non_null(
		    row_of(&a, STORE_THROTTLE_WRONG, (uint64_t)i + 1));
	assert_non_null(row_of(&a, STORE_THROTTLE_WRONG, 3 * MAX));
	assert_null(row_of(&a, STORE_THROTTLE_WRONG, 2));
	/* Old ones go of themselves. */
	in[0] = wrong(5000, 1, 5000);
	for (int k = 0; k < 2; k++) {
		struct store_throttle_keep keep[] = { { 5000, MAX },
						      { 5000, MAX } };

		a = (struct seen){ 0 };
		OK(env,
		   env->s->v->throttle_share(env->s, env->a, in, 1, keep, &a.at,
					     &a.row, &a.n, &env->e));
	}
	assert_int_equal(a.n, 1);
	t_sound(env);
}

static const struct CMUnitTest TESTS[] = {
	T(sums), T(kinds), T(nodes), T(numbers_never_come_back), T(bounded),
};
T_GROUP(throttle, "throttle", TESTS);
