/*
 * A batch does what its parts do one by one: the same random writes go to two
 * accounts, to anna's in batches and to bert's singly, and both must look
 * alike afterwards.
 */
#include "tests/store/t_store.h"

enum {
	ITEMS = 6,
	BATCH_MAX = 12,
	ROUNDS = 60,
	OTHER = 50, /* a second collection */
	LINK = 21,
	GENS = 2,
	BODIES = 40,
};

struct draw {
	uint64_t x;
};

static int
draw(struct draw *d, int below)
{
	d->x = d->x * 6364136223846793005u + 1442695040888963407u;
	return (int)((d->x >> 33) % (uint64_t)below);
}

static const char BODY[BODIES + 1] = "0123456789abcdefghijklmnopqrstuvwxyzABCD";

struct head { /* what the next write of an item has to say */
	bool there, deleted;
	int64_t last, size;
};

static struct store_write
next_write(struct draw *d, struct head *h, int64_t item)
{
	struct store_write w = {
		.item = item,
		.create = !h->there,
		.side = h->there && draw(d, 4) == 0,
		.deleted = draw(d, 4) == 0,
		.collection = draw(d, 5) == 0 ? OTHER : 1,
		.kind = 1,
		.revision = h->last + 1 + draw(d, 2),
		.uid = SLICE_LIT("uid"),
		.h_uid = (uint64_t)draw(d, 4),
		.h_content = (uint64_t)draw(d, 4),
		.h_identity = (uint64_t)draw(d, 4),
		.body = { BODY, (size_t)draw(d, BODIES) },
		.origin = STORE_BY_DEVICE,
		.old_size = h->size,
		.was_deleted = h->deleted,
	};

	if (draw(d, 2) == 0)
		w.span = (struct store_span){ true, draw(d, 9), 9 };
	h->last = w.revision;
	h->there = true;
	if (!w.side) {
		h->deleted = w.deleted;
		h->size = w.deleted ? 0 : (int64_t)w.body.n;
	}
	return w;
}

static void
put(struct t_env *env, int64_t account, int64_t now,
    const struct store_write *w, size_t n, size_t at_a_time)
{
	struct store_tx *tx = t_begin(env, account, STORE_WRITE, now);

	for (size_t i = 0; i < n; i += at_a_time)
		OK(env, tx->v->item_put(tx, w + i, at_a_time, &env->e));
	t_commit(env, &tx);
}

static void
two_collections(struct t_env *env, int64_t account)
{
	struct store_tx *tx = t_begin(env, account, STORE_WRITE, 1);

	t_collection(env, tx, OTHER, "other");
	t_device(env, tx, 20, "D");
	t_link(env, tx, LINK, 20, "./C");
	tx->next_id = 100;
	t_commit(env, &tx);
}

static void
same_head(const struct store_item *a, const struct store_item *b)
{
	assert_int_equal(a->id, b->id);
	assert_int_equal(a->collection, b->collection);
	assert_int_equal(a->revision, b->revision);
	assert_int_equal(a->last_revision, b->last_revision);
	assert_int_equal(a->change_no, b->change_no);
	assert_int_equal(a->deleted, b->deleted);
	assert_int_equal(a->h_uid, b->h_uid);
	assert_int_equal(a->h_content, b->h_content);
	assert_int_equal(a->h_identity, b->h_identity);
	assert_int_equal(a->size, b->size);
	assert_int_equal(a->created_ms, b->created_ms);
	assert_int_equal(a->modified_ms, b->modified_ms);
	assert_int_equal(a->span.set, b->span.set);
	assert_int_equal(a->span.from_ms, b->span.from_ms);
	assert_int_equal(a->span.to_ms, b->span.to_ms);
	assert_true(slice_eq(a->body, b->body));
}

static void
same_revisions(struct t_env *env, struct store_tx *const t[2], int64_t item)
{
	struct store_revision *r[2];
	size_t n[2];

	for (int i = 0; i < 2; i++)
		OK(env, t[i]->v->revision_list(t[i], env->a, item, true, &r[i],
					       &n[i], &env->e));
	assert_int_equal(n[0], n[1]);
	for (size_t k = 0; k < n[0]; k++) {
		assert_int_equal(r[0][k].revision, r[1][k].revision);
		assert_int_equal(r[0][k].deleted, r[1][k].deleted);
		assert_int_equal(r[0][k].side, r[1][k].side);
		assert_int_equal(r[0][k].h_content, r[1][k].h_content);
		assert_int_equal(r[0][k].change_no, r[1][k].change_no);
		assert_int_equal(r[0][k].at_ms, r[1][k].at_ms);
		assert_true(slice_eq(r[0][k].body, r[1][k].body));
	}
}

/* Who is found by each hash tells which look-up rows there are. */
static void
same_matches(struct t_env *env, struct store_tx *const t[2])
{
	const int64_t coll[] = { 1, OTHER };
	struct store_candidate *c[2];
	size_t n[2];

	for (uint64_t h = 1; h < 4; h++) {
		for (size_t k = 0; k < 2; k++) {
			struct store_likeness ask = { &coll[k], 1, &h, 1,
						      100,      0, 0 };

			for (int i = 0; i < 2; i++)
				OK(env,
				   t[i]->v->item_match(t[i], env->a, &ask,
						       &c[i], &n[i], &env->e));
			assert_int_equal(n[0], n[1]);
			for (size_t m = 0; m < n[0]; m++)
				assert_int_equal(c[0][m].item, c[1][m].item);
		}
	}
}

static void
same_items(struct t_env *env)
{
	struct store_tx *const t[2] = {
		t_begin(env, env->anna, STORE_READ, 1),
		t_begin(env, env->bert, STORE_READ, 1),
	};
	struct store_account acc[2];
	struct store_item *it[2];
	struct store_tx *tx;
	int64_t id[ITEMS];
	size_t n[2];

	for (int64_t k = 0; k < ITEMS; k++)
		id[k] = 2 + k;
	for (int i = 0; i < 2; i++) {
		OK(env, t[i]->v->item_get(t[i], env->a, id, ITEMS, true, &it[i],
					  &n[i], &env->e));
		OK(env, t[i]->v->account_get(t[i], env->a, &acc[i], &env->e));
	}
	assert_int_equal(n[0], n[1]);
	for (size_t k = 0; k < n[0]; k++)
		same_head(&it[0][k], &it[1][k]);
	for (size_t k = 0; k < ITEMS; k++)
		same_revisions(env, t, id[k]);
	same_matches(env, t);
	assert_int_equal(acc[0].used_items, acc[1].used_items);
	assert_int_equal(acc[0].used_bytes, acc[1].used_bytes);
	tx = t[0];
	t_commit(env, &tx);
	tx = t[1];
	t_commit(env, &tx);
}

/* What pruning took is to be made anew. */
static void
look_again(struct t_env *env, struct head h[static ITEMS])
{
	struct store_tx *tx = t_begin(env, env->anna, STORE_READ, 1);
	struct store_item *out;
	size_t n;

	for (int64_t k = 0; k < ITEMS; k++) {
		const int64_t id = 2 + k;

		OK(env, tx->v->item_get(tx, env->a, &id, 1, false, &out, &n,
					&env->e));
		if (n == 0)
			h[k] = (struct head){ .last = h[k].last };
	}
	t_commit(env, &tx);
}

static void
items(void **state)
{
	struct t_env *env = *state;
	struct store_write w[BATCH_MAX];
	struct head h[ITEMS] = { 0 };
	struct draw d = { 7 };
	int64_t gone;

	two_collections(env, env->anna);
	two_collections(env, env->bert);
	for (int64_t round = 0; round < ROUNDS; round++) {
		int n = 1 + draw(&d, BATCH_MAX);

		for (int i = 0; i < n; i++) {
			int k = draw(&d, ITEMS);

			w[i] = next_write(&d, &h[k], 2 + k);
		}
		put(env, env->anna, 1000 + round, w, (size_t)n, (size_t)n);
		put(env, env->bert, 1000 + round, w, (size_t)n, 1);
		same_items(env);
		if (round % 20 != 19)
			continue;
		OK(env, env->s->v->prune(env->s, 1000 + round - 5, 0, 0, &gone,
					 &env->e));
		assert_true(gone > 0);
		same_items(env);
		look_again(env, h);
	}
	t_sound(env);
}

/* ---- maps ------------------------------------------------------------------
 */

static struct store_map
next_map(struct draw *d)
{
	static const char *const luid[] = { "", "a", "b", "c", "d" };
	struct store_map m = t_map(LINK, 1 + draw(d, GENS), 2 + draw(d, ITEMS),
				   luid[draw(d, 5)], draw(d, 9));

	m.state = (enum store_map_state)(1 + draw(d, 5));
	m.offer_n = (size_t)draw(d, 3);
	for (size_t i = 0; i < m.offer_n; i++)
		m.offer[i] =
		    (struct store_offer){ draw(d, 9), (uint64_t)draw(d, 9) };
	m.held_form = (uint64_t)draw(d, 3);
	m.reason = draw(d, 600);
	m.touched = draw(d, 9);
	return m;
}

static void
put_maps(struct t_env *env, int64_t account, const struct store_map *m,
	 size_t n, size_t at_a_time)
{
	struct store_tx *tx = t_begin(env, account, STORE_WRITE, 1);

	for (size_t i = 0; i < n; i += at_a_time)
		OK(env, tx->v->map_put(tx, m + i, at_a_time, &env->e));
	t_commit(env, &tx);
}

static void
same_map(const struct store_map *a, const struct store_map *b)
{
	assert_int_equal(a->item, b->item);
	assert_true(slice_eq(a->luid, b->luid));
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->held, b->held);
	assert_int_equal(a->held_form, b->held_form);
	assert_int_equal(a->reason, b->reason);
	assert_int_equal(a->touched, b->touched);
	assert_int_equal(a->offer_n, b->offer_n);
	for (size_t i = 0; i < a->offer_n; i++) {
		assert_int_equal(a->offer[i].revision, b->offer[i].revision);
		assert_int_equal(a->offer[i].form, b->offer[i].form);
	}
}

static void
same_gen(struct t_env *env, struct store_tx *const t[2], int64_t gen)
{
	struct store_map *m[2];
	int64_t id[ITEMS];
	size_t n[2];

	for (int64_t k = 0; k < ITEMS; k++)
		id[k] = 2 + k;
	for (int i = 0; i < 2; i++)
		OK(env, t[i]->v->map_by_item(t[i], env->a, LINK, gen, id, ITEMS,
					     &m[i], &n[i], &env->e));
	assert_int_equal(n[0], n[1]);
	for (size_t k = 0; k < n[0]; k++)
		same_map(&m[0][k], &m[1][k]);
	for (int i = 0; i < 2; i++)
		OK(env,
		   t[i]->v->map_pending(t[i], env->a,
					&(struct store_pending){
					    LINK, gen, 0, INT64_MAX, 3, 1000 },
					&m[i], &n[i], &env->e));
	assert_int_equal(n[0], n[1]);
	for (size_t k = 0; k < n[0]; k++)
		same_map(&m[0][k], &m[1][k]);
}

static void
maps(void **state)
{
	struct t_env *env = *state;
	struct store_map m[BATCH_MAX];
	struct draw d = { 11 };
	struct store_tx *tx;

	two_collections(env, env->anna);
	two_collections(env, env->bert);
	for (int round = 0; round < ROUNDS; round++) {
		int n = 1 + draw(&d, BATCH_MAX);
		struct store_tx *t[2];

		for (int i = 0; i < n; i++)
			m[i] = next_map(&d);
		put_maps(env, env->anna, m, (size_t)n, (size_t)n);
		put_maps(env, env->bert, m, (size_t)n, 1);
		t[0] = t_begin(env, env->anna, STORE_READ, 1);
		t[1] = t_begin(env, env->bert, STORE_READ, 1);
		for (int64_t gen = 1; gen <= GENS; gen++)
			same_gen(env, t, gen);
		for (int i = 0; i < 2; i++) {
			tx = t[i];
			t_commit(env, &tx);
		}
	}
}

static const struct CMUnitTest TESTS[] = { T(items), T(maps) };
T_GROUP(batch, "batches", TESTS);
