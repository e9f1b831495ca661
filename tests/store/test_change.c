#include "tests/store/t_store.h"

enum { N = 6 };

/* N items, each written by a transaction of its own; then link 91. */
static void
scene(struct t_env *env, int64_t *item)
{
	struct store_tx *tx;

	for (uint64_t i = 0; i < N; i++)
		item[i] = t_item(env, env->anna, i, "body", 5);
	tx = t_begin(env, env->anna, STORE_WRITE, 6);
	t_device(env, tx, 90, "D");
	t_link(env, tx, 91, 90, "./C");
	t_commit(env, &tx);
}

static size_t
changes(struct t_env *env, struct store_tx *tx, struct store_cursor from,
	int64_t upto, size_t limit, struct store_change **out)
{
	size_t n = 99;

	from.collection = 1;
	OK(env, tx->v->changes(tx, env->a, 91, 1, &from, upto, limit, out, &n,
			       &env->e));
	return n;
}

static int64_t
count(struct t_env *env, struct store_tx *tx, struct store_cursor from,
      int64_t upto)
{
	int64_t n = -1;

	from.collection = 1;
	OK(env, tx->v->changes_count(tx, 91, 1, &from, upto, &n, &env->e));
	return n;
}

static const struct store_cursor START = { 0, 0, 0 };

static void
in_order_and_paged(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx;
	struct store_change *c;
	struct store_cursor at = START;
	struct store_item i;
	int64_t item[N];
	int64_t seen[N];
	size_t n = 0;
	size_t got;

	scene(env, item);
	/* Written last, it goes last; three more share one number. */
	tx = t_begin(env, env->anna, STORE_WRITE, 7);
	i = t_head(env, tx, item[4]);
	t_put(env, tx, t_next(&i, "newer"));
	i = t_head(env, tx, item[0]);
	t_put(env, tx, t_next(&i, "newer"));
	t_commit(env, &tx);
	tx = t_begin(env, env->anna, STORE_READ, 8);
	assert_int_equal(count(env, tx, START, INT64_MAX), N);
	do {
		got = changes(env, tx, at, INT64_MAX, 2, &c);
		for (size_t k = 0; k < got; k++) {
			at.change_no = c[k].item.change_no;
			at.item = c[k].item.id;
			assert_false(c[k].mapped);
			assert_int_equal(c[k].item.body.n, 0);
			assert_true(n < N);
			seen[n++] = c[k].item.id;
		}
	} while (got == 2);
	assert_int_equal(n, N);
	assert_int_equal(seen[0], item[1]);
	assert_int_equal(seen[1], item[2]);
	assert_int_equal(seen[2], item[3]);
	assert_int_equal(seen[3], item[5]);
	assert_int_equal(seen[4], item[0]); /* same number: by item */
	assert_int_equal(seen[5], item[4]);
	t_commit(env, &tx);
}

static void
bounds(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx;
	struct store_change *c;
	struct store_cursor at = START;
	int64_t item[N];
	int64_t third;

	scene(env, item);
	tx = t_begin(env, env->anna, STORE_READ, 8);
	third = t_head(env, tx, item[2]).change_no;
	assert_int_equal(changes(env, tx, START, third, 100, &c), 3);
	assert_int_equal(c[2].item.id, item[2]);
	assert_int_equal(count(env, tx, START, third), 3);
	assert_int_equal(changes(env, tx, START, third - 1, 100, &c), 2);
	at.change_no = third;
	at.item = item[2];
	assert_int_equal(changes(env, tx, at, INT64_MAX, 100, &c), 3);
	assert_int_equal(count(env, tx, at, INT64_MAX), 3);
	at.item = item[2] - 1;
	assert_int_equal(changes(env, tx, at, INT64_MAX, 100, &c), 4);
	at.item = INT64_MAX;
	assert_int_equal(changes(env, tx, at, third, 100, &c), 0);
	at.collection = 1;
	t_commit(env, &tx);
}

/* What the map says the device holds is no change for it. */
static void
minus_the_map(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx;
	struct store_change *c;
	struct store_map m[4];
	struct store_item i;
	int64_t item[N];
	int64_t missing;
	size_t n;

	scene(env, item);
	tx = t_begin(env, env->anna, STORE_WRITE, 8);
	m[0] = t_map(91, 1, item[0], "0", 1);
	m[1] = t_map(91, 1, item[1], "1", 1);
	m[1].state = STORE_MAP_GONE;
	m[2] = t_map(91, 1, item[2], "2", 1);
	m[2].state = STORE_MAP_DEBT;
	m[2].reason = 420;
	m[3] = t_map(91, 2, item[3], "3", 1); /* another generation */
	OK(env, tx->v->map_put(tx, m, 4, &env->e));
	/* Deleted: told only to those who have a row. */
	i = t_head(env, tx, item[4]);
	t_put(env, tx, t_delete(&i));
	assert_int_equal(count(env, tx, START, INT64_MAX), 3);
	n = changes(env, tx, START, INT64_MAX, 100, &c);
	assert_int_equal(n, 3);
	assert_int_equal(c[0].item.id, item[2]);
	assert_true(c[0].mapped);
	assert_int_equal(c[0].map.reason, 420);
	SLICE_IS(c[0].map.luid, "2");
	assert_int_equal(c[1].item.id, item[3]);
	assert_false(c[1].mapped);
	assert_int_equal(c[2].item.id, item[5]);
	/* An older revision held, and a tombstone it does not know of. */
	i = t_head(env, tx, item[0]);
	t_put(env, tx, t_next(&i, "edited"));
	i = t_head(env, tx, item[1]);
	t_put(env, tx, t_delete(&i));
	n = changes(env, tx, START, INT64_MAX, 100, &c);
	assert_int_equal(n, 5);
	assert_int_equal(c[3].item.id, item[0]);
	assert_int_equal(c[3].map.held, 1);
	assert_int_equal(c[3].item.revision, 2);
	assert_int_equal(c[4].item.id, item[1]);
	assert_true(c[4].item.deleted);
	assert_int_equal(c[4].map.state, STORE_MAP_GONE);
	/* Nothing of a collection that is not asked for. */
	OK(env,
	   tx->v->changes_count(tx, 91, 1, &(struct store_cursor){ 2, 0, 0 },
				INT64_MAX, &missing, &env->e));
	assert_int_equal(missing, 0);
	t_commit(env, &tx);
	t_sound(env);
}

static void
unmapped(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx;
	struct store_map m;
	struct store_item *out;
	struct store_item i;
	int64_t item[N];
	size_t n;

	scene(env, item);
	tx = t_begin(env, env->anna, STORE_WRITE, 8);
	m = t_map(91, 1, item[1], "1", 1);
	m.state = STORE_MAP_GONE; /* any row counts */
	OK(env, tx->v->map_put(tx, &m, 1, &env->e));
	m = t_map(91, 2, item[2], "1", 1);
	OK(env, tx->v->map_put(tx, &m, 1, &env->e));
	i = t_head(env, tx, item[5]);
	t_put(env, tx, t_delete(&i));
	OK(env, tx->v->unmapped(tx, env->a, 91, 1, 1, 0, 3, &out, &n, &env->e));
	assert_int_equal(n, 3);
	assert_int_equal(out[0].id, item[0]);
	assert_int_equal(out[1].id, item[2]);
	assert_int_equal(out[2].id, item[3]);
	OK(env, tx->v->unmapped(tx, env->a, 91, 1, 1, item[3], 3, &out, &n,
				&env->e));
	assert_int_equal(n, 1);
	assert_int_equal(out[0].id, item[4]);
	OK(env, tx->v->unmapped(tx, env->a, 91, 1, 2, 0, 3, &out, &n, &env->e));
	assert_int_equal(n, 0);
	t_commit(env, &tx);
}

static size_t
window(struct t_env *env, struct store_tx *tx, struct store_window ask,
       struct store_change **c)
{
	size_t n;

	ask.link = 91;
	ask.gen = 1;
	ask.collection = 1;
	OK(env, tx->v->window(tx, env->a, &ask, c, &n, &env->e));
	return n;
}

/* Spans 10..20, 20..30 and so on; items without one are at no edge. */
static void
edges_of_windows(void **state)
{
	struct t_env *env = *state;
	struct store_window ask = { .edge = STORE_EDGE_TO,
				    .low = 20,
				    .high = 40,
				    .after_ms = INT64_MIN,
				    .limit = 100 };
	struct store_tx *tx;
	struct store_change *c;
	struct store_map m;
	struct store_write w;
	struct store_item i;
	int64_t item[N];

	scene(env, item);
	tx = t_begin(env, env->anna, STORE_WRITE, 8);
	for (int k = 0; k < 4; k++) {
		i = t_head(env, tx, item[k]);
		assert_false(i.span.set);
		w = t_next(&i, "edited");
		w.span =
		    (struct store_span){ true, 10 * (k + 1), 10 * (k + 2) };
		t_put(env, tx, w);
	}
	m = t_map(91, 1, item[1], "1", 2);
	OK(env, tx->v->map_put(tx, &m, 1, &env->e));
	assert_int_equal(window(env, tx, ask, &c), 2);
	assert_int_equal(c[0].item.id, item[0]);
	assert_false(c[0].mapped);
	assert_int_equal(c[1].item.id, item[1]);
	assert_true(c[1].mapped);
	assert_true(c[1].item.span.set);
	assert_int_equal(c[1].item.span.from_ms, 20);
	assert_int_equal(c[1].item.span.to_ms, 30);
	ask.limit = 1;
	assert_int_equal(window(env, tx, ask, &c), 1);
	ask.after_ms = 20;
	ask.after = item[0];
	assert_int_equal(window(env, tx, ask, &c), 1);
	assert_int_equal(c[0].item.id, item[1]);
	ask = (struct store_window){ .edge = STORE_EDGE_FROM,
				     .low = 20,
				     .high = 40,
				     .after_ms = INT64_MIN,
				     .limit = 100 };
	assert_int_equal(window(env, tx, ask, &c), 2);
	assert_int_equal(c[0].item.id, item[1]);
	/* A tombstone is at no edge, nor is one that lost its dates. */
	i = t_head(env, tx, item[1]);
	t_put(env, tx, t_delete(&i));
	i = t_head(env, tx, item[2]);
	t_put(env, tx, t_next(&i, "no dates"));
	assert_int_equal(window(env, tx, ask, &c), 0);
	ask = (struct store_window){ .limit = 100 };
	assert_int_equal(window(env, tx, ask, &c), N - 1);
	ask.after = item[2];
	assert_int_equal(window(env, tx, ask, &c), N - 3);
	t_commit(env, &tx);
}

static const struct CMUnitTest TESTS[] = {
	T(in_order_and_paged), T(bounds),   T(minus_the_map),
	T(edges_of_windows),   T(unmapped), T(edges_of_windows)
};
T_GROUP(change, "changes", TESTS);
