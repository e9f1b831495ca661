#include "tests/store/t_store.h"

/* Items 1..n of anna, device 90 with links 91 and 92; a write transaction. */
static struct store_tx *
scene(struct t_env *env, int64_t *item, size_t n)
{
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);

	t_device(env, tx, 90, "D");
	t_link(env, tx, 91, 90, "./C");
	t_link(env, tx, 92, 90, "./D");
	for (size_t i = 0; i < n; i++) {
		struct store_write w = t_new(tx, i, "body");

		t_put(env, tx, w);
		item[i] = w.item;
	}
	return tx;
}

static size_t
by_luid(struct t_env *env, struct store_tx *tx, int64_t link, const char *luid,
	struct store_map **m)
{
	struct slice s = slice_c(luid);
	size_t n = 99;

	OK(env, tx->v->map_by_luid(tx, env->a, link, &s, 1, m, &n, &env->e));
	return n;
}

static void
round_trip(void **state)
{
	struct t_env *env = *state;
	int64_t item[2];
	struct store_tx *tx = scene(env, item, 2);
	struct store_map in = t_map(91, 3, item[0], "", 4);
	struct store_map *m;
	size_t n;

	in.luid = SLICE_LIT("l\0\xff");
	in.state = STORE_MAP_DEBT;
	in.held_form = UINT64_MAX;
	in.reason = 420;
	in.touched = 17;
	in.offer_n = STORE_OFFERS_MAX;
	for (size_t i = 0; i < STORE_OFFERS_MAX; i++)
		in.offer[i] =
		    (struct store_offer){ (int64_t)i + 5, UINT64_MAX - i };
	OK(env, tx->v->map_put(tx, &in, 1, &env->e));
	OK(env,
	   tx->v->map_by_item(tx, env->a, 91, 3, item, 2, &m, &n, &env->e));
	assert_int_equal(n, 1);
	assert_int_equal(m->link, 91);
	assert_int_equal(m->gen, 3);
	assert_int_equal(m->item, item[0]);
	assert_true(slice_eq(m->luid, in.luid));
	assert_int_equal(m->state, STORE_MAP_DEBT);
	assert_int_equal(m->held, 4);
	assert_true(m->held_form == UINT64_MAX);
	assert_int_equal(m->reason, 420);
	assert_int_equal(m->touched, 17);
	assert_int_equal(m->offer_n, STORE_OFFERS_MAX);
	for (size_t i = 0; i < STORE_OFFERS_MAX; i++) {
		assert_int_equal(m->offer[i].revision, i + 5);
		assert_true(m->offer[i].form == UINT64_MAX - i);
	}
	/* Replaced as a whole. */
	in = t_map(91, 3, item[0], "x", 5);
	OK(env, tx->v->map_put(tx, &in, 1, &env->e));
	OK(env,
	   tx->v->map_by_item(tx, env->a, 91, 3, item, 2, &m, &n, &env->e));
	assert_int_equal(n, 1);
	SLICE_IS(m->luid, "x");
	assert_int_equal(m->offer_n, 0);
	assert_int_equal(m->reason, 0);
	in.offer_n = STORE_OFFERS_MAX + 1;
	FAILS(env, ERR_BUG, tx->v->map_put(tx, &in, 1, &env->e));
	tx->v->rollback(&tx);
}

static void
luid_moves(void **state)
{
	struct t_env *env = *state;
	int64_t item[3];
	struct store_tx *tx = scene(env, item, 3);
	struct store_map m[4] = { t_map(91, 1, item[0], "7", 1),
				  t_map(91, 2, item[0], "7", 1),
				  t_map(92, 1, item[0], "7", 1),
				  t_map(91, 1, item[1], "8", 1) };
	struct store_map *out;
	size_t n;

	OK(env, tx->v->map_put(tx, m, 4, &env->e));
	/* The phone used 7 again: its old row of this generation goes. */
	m[3] = t_map(91, 1, item[2], "7", 1);
	OK(env, tx->v->map_put(tx, &m[3], 1, &env->e));
	assert_int_equal(by_luid(env, tx, 91, "7", &out), 2);
	assert_int_equal(out[0].gen, 1);
	assert_int_equal(out[0].item, item[2]);
	assert_int_equal(out[1].gen, 2);
	assert_int_equal(out[1].item, item[0]);
	assert_int_equal(by_luid(env, tx, 92, "7", &out), 1);
	OK(env,
	   tx->v->map_by_item(tx, env->a, 91, 1, item, 3, &out, &n, &env->e));
	assert_int_equal(n, 2);
	/* Two items swap their LUIDs in one batch. */
	m[0] = t_map(91, 1, item[1], "7", 1);
	m[1] = t_map(91, 1, item[2], "8", 1);
	OK(env, tx->v->map_put(tx, m, 2, &env->e));
	assert_int_equal(by_luid(env, tx, 91, "8", &out), 1);
	assert_int_equal(out[0].item, item[2]);
	/* The moved row is written under a new LUID of its own. */
	m[0] = t_map(91, 1, item[2], "9", 1);
	OK(env, tx->v->map_put(tx, m, 1, &env->e));
	assert_int_equal(by_luid(env, tx, 91, "8", &out), 0);
	assert_int_equal(by_luid(env, tx, 91, "9", &out), 1);
	t_commit(env, &tx);
	t_sound(env);
}

/* Rows without a LUID do not stand in each other's way. */
static void
unknown_luids(void **state)
{
	struct t_env *env = *state;
	int64_t item[3];
	struct store_tx *tx = scene(env, item, 3);
	struct store_map m[3];
	struct store_map *out;
	size_t n;

	for (size_t i = 0; i < 3; i++) {
		m[i] = t_map(91, 1, item[i], "", 0);
		m[i].state = STORE_MAP_SENT;
	}
	OK(env, tx->v->map_put(tx, m, 3, &env->e));
	OK(env,
	   tx->v->map_by_item(tx, env->a, 91, 1, item, 3, &out, &n, &env->e));
	assert_int_equal(n, 3);
	assert_int_equal(by_luid(env, tx, 91, "", &out), 0);
	t_commit(env, &tx);
}

static void
many_luids(void **state)
{
	struct t_env *env = *state;
	int64_t item[3];
	struct store_tx *tx = scene(env, item, 3);
	struct store_map m[3] = { t_map(91, 1, item[0], "a", 1),
				  t_map(91, 1, item[1], "b", 1),
				  t_map(91, 1, item[2], "c", 1) };
	const struct slice luid[] = { SLICE_LIT("c"), SLICE_LIT("x"),
				      SLICE_LIT("a") };
	struct store_map *out;
	size_t n;

	OK(env, tx->v->map_put(tx, m, 3, &env->e));
	OK(env, tx->v->map_by_luid(tx, env->a, 91, luid, 3, &out, &n, &env->e));
	assert_int_equal(n, 2);
	assert_int_equal(out[0].item, item[2]);
	assert_int_equal(out[1].item, item[0]);
	t_commit(env, &tx);
}

enum { PENDING = 9 };

static void
pending_rows(struct store_map *m, const int64_t *item)
{
	for (size_t i = 0; i < PENDING; i++) {
		m[i] = t_map(91, 1, item[i], "", 1);
		m[i].touched = 3;
	}
	m[1].state = STORE_MAP_SENT;
	m[2].state = STORE_MAP_DELETING;
	m[3].state = STORE_MAP_DEBT;
	m[4].state = STORE_MAP_GONE;
	m[5].offer_n = 1; /* LIVE, not settled */
	m[5].offer[0].revision = 2;
	m[6].touched = 4; /* LIVE, in doubt */
	m[7].state = STORE_MAP_SENT;
	m[7].touched = 5; /* by this very session */
	m[8].state = STORE_MAP_GONE;
	m[8].touched = 4;
}

static size_t
pending(struct t_env *env, struct store_tx *tx, int64_t after, int64_t doubt,
	size_t limit, struct store_map **out)
{
	size_t n = 99;

	OK(env, tx->v->map_pending(
		    tx, env->a,
		    &(struct store_pending){ 91, 1, after, doubt, 5, limit },
		    out, &n, &env->e));
	return n;
}

static void
wants_attention(void **state)
{
	struct t_env *env = *state;
	int64_t item[PENDING];
	struct store_tx *tx = scene(env, item, PENDING);
	struct store_map m[PENDING];
	struct store_map *out;

	pending_rows(m, item);
	OK(env, tx->v->map_put(tx, m, PENDING, &env->e));
	m[0] = t_map(92, 1, item[0], "", 1); /* of another link */
	m[0].state = STORE_MAP_SENT;
	m[1] = t_map(91, 2, item[0], "", 1); /* of another generation */
	m[1].state = STORE_MAP_SENT;
	OK(env, tx->v->map_put(tx, m, 2, &env->e));

	assert_int_equal(pending(env, tx, 0, INT64_MAX, 100, &out), 4);
	assert_int_equal(out[0].item, item[1]);
	assert_int_equal(out[1].item, item[2]);
	assert_int_equal(out[2].item, item[3]);
	assert_int_equal(out[3].item, item[5]);
	assert_int_equal(out[3].offer[0].revision, 2);
	assert_int_equal(pending(env, tx, 0, INT64_MAX, 2, &out), 2);
	assert_int_equal(pending(env, tx, item[2], INT64_MAX, 2, &out), 2);
	assert_int_equal(out[0].item, item[3]);
	/* With doubt from session 4 on. */
	assert_int_equal(pending(env, tx, 0, 4, 100, &out), 6);
	assert_int_equal(out[4].item, item[6]);
	assert_int_equal(out[5].item, item[8]);
	assert_int_equal(pending(env, tx, item[5], 4, 1, &out), 1);
	assert_int_equal(out[0].item, item[6]);
	/* Settled rows leave the list. */
	m[0] = t_map(91, 1, item[1], "L", 1);
	OK(env, tx->v->map_put(tx, m, 1, &env->e));
	assert_int_equal(pending(env, tx, 0, INT64_MAX, 100, &out), 3);
	t_commit(env, &tx);
	t_sound(env);
}

static void
generations(void **state)
{
	struct t_env *env = *state;
	int64_t item[4];
	struct store_tx *tx = scene(env, item, 4);
	struct store_map *out;
	int64_t count;

	for (int64_t gen = 1; gen <= 6; gen++) {
		for (size_t i = 0; i < 4; i++) {
			struct store_map m = t_map(91, gen, item[i], "", 1);

			if (i == 3)
				m.state = STORE_MAP_GONE;
			m.luid = arena_printf(env->a, "L%zu", i);
			OK(env, tx->v->map_put(tx, &m, 1, &env->e));
			m.link = 92;
			OK(env, tx->v->map_put(tx, &m, 1, &env->e));
		}
	}
	OK(env, tx->v->map_count(tx, 91, 2, &count, &env->e));
	assert_int_equal(count, 3); /* LIVE ones */
	OK(env, tx->v->map_count(tx, 91, 9, &count, &env->e));
	assert_int_equal(count, 0);
	OK(env, tx->v->map_drop_others(tx, 91, 4, 2, &env->e));
	assert_int_equal(by_luid(env, tx, 91, "L1", &out), 2);
	assert_int_equal(out[0].gen, 2);
	assert_int_equal(out[1].gen, 4);
	assert_int_equal(by_luid(env, tx, 92, "L1", &out), 6);
	OK(env, tx->v->map_drop_others(tx, 91, 4, 0, &env->e));
	assert_int_equal(by_luid(env, tx, 91, "L1", &out), 1);
	assert_int_equal(out[0].gen, 4);
	OK(env, tx->v->map_drop_others(tx, 91, 4, 4, &env->e));
	assert_int_equal(by_luid(env, tx, 91, "L1", &out), 1);
	OK(env, tx->v->map_drop(tx, 91, 4, item, 2, &env->e));
	OK(env, tx->v->map_drop(tx, 91, 4, item, 1, &env->e));
	OK(env, tx->v->map_count(tx, 91, 4, &count, &env->e));
	assert_int_equal(count, 1);
	OK(env, tx->v->map_drop_others(tx, 91, 0, 0, &env->e));
	assert_int_equal(by_luid(env, tx, 91, "L2", &out), 0);
	assert_int_equal(by_luid(env, tx, 92, "L2", &out), 6);
	t_commit(env, &tx);
	t_sound(env);
}

static const struct CMUnitTest TESTS[] = {
	T(round_trip), T(luid_moves),      T(unknown_luids),
	T(many_luids), T(wants_attention), T(generations),
};
T_GROUP(map, "maps", TESTS);
