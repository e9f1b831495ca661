#include "tests/store/t_store.h"

static void
usage(struct t_env *env, struct store_tx *tx, int64_t items, int64_t bytes)
{
	struct store_account acc;

	OK(env, tx->v->account_get(tx, env->a, &acc, &env->e));
	assert_int_equal(acc.used_items, items);
	assert_int_equal(acc.used_bytes, bytes);
}

static void
create_and_get(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5000);
	struct store_write w = t_new(tx, 7, "");
	int64_t no = tx->change_no;
	struct store_item i;

	w.body = SLICE_LIT("BEGIN:VCARD\0\xff\xfe tail");
	w.uid = SLICE_LIT("u\0id");
	w.h_uid = UINT64_MAX; /* all 64 bits come back */
	w.h_content = (uint64_t)1 << 63;
	t_put(env, tx, w);
	t_commit(env, &tx);
	tx = t_begin(env, env->anna, STORE_READ, 1);
	i = t_head(env, tx, w.item);
	assert_int_equal(i.collection, 1);
	assert_int_equal(i.kind, 1);
	assert_int_equal(i.revision, 1);
	assert_int_equal(i.last_revision, 1);
	assert_int_equal(i.change_no, no);
	assert_false(i.deleted);
	assert_true(slice_eq(i.uid, w.uid));
	assert_true(slice_eq(i.body, w.body));
	assert_true(i.h_uid == w.h_uid);
	assert_true(i.h_content == w.h_content);
	assert_true(i.h_identity == w.h_identity);
	assert_int_equal(i.size, w.body.n);
	assert_int_equal(i.created_ms, 5000);
	assert_int_equal(i.modified_ms, 5000);
	usage(env, tx, 1, (int64_t)w.body.n);
	t_commit(env, &tx);
}

static void
get_many(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_write w[3] = { t_new(tx, 1, "a"), t_new(tx, 2, "bb"),
				    t_new(tx, 3, "ccc") };
	const int64_t id[] = { w[2].item, 99999, w[0].item, -1 };
	struct store_item *out;
	size_t n;

	OK(env, tx->v->item_put(tx, w, 3, &env->e));
	OK(env, tx->v->item_get(tx, env->a, id, 4, true, &out, &n, &env->e));
	assert_int_equal(n, 2);
	SLICE_IS(out[0].body, "ccc");
	SLICE_IS(out[1].body, "a");
	OK(env, tx->v->item_get(tx, env->a, id, 4, false, &out, &n, &env->e));
	assert_int_equal(n, 2);
	assert_int_equal(out[0].body.n, 0);
	assert_int_equal(out[0].size, 3);
	OK(env, tx->v->item_get(tx, env->a, id, 0, false, &out, &n, &env->e));
	assert_int_equal(n, 0);
	usage(env, tx, 3, 6);
	t_commit(env, &tx);
	t_sound(env);
}

static void
update_and_delete(void **state)
{
	struct t_env *env = *state;
	int64_t id = t_item(env, env->anna, 1, "first", 1000);
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 2000);
	struct store_item i = t_head(env, tx, id);
	int64_t no = tx->change_no;

	t_put(env, tx, t_next(&i, "second one"));
	usage(env, tx, 1, 10);
	i = t_head(env, tx, id);
	assert_int_equal(i.revision, 2);
	assert_int_equal(i.last_revision, 2);
	assert_int_equal(i.change_no, no);
	assert_int_equal(i.created_ms, 1000);
	assert_int_equal(i.modified_ms, 2000);
	SLICE_IS(i.body, "second one");
	t_put(env, tx, t_delete(&i));
	usage(env, tx, 0, 0);
	t_commit(env, &tx);

	tx = t_begin(env, env->anna, STORE_WRITE, 3000);
	i = t_head(env, tx, id);
	assert_true(i.deleted);
	assert_int_equal(i.size, 0);
	assert_int_equal(i.body.n, 0);
	assert_int_equal(i.revision, 3);
	/* It comes back as the same item. */
	t_put(env, tx, t_next(&i, "again"));
	i = t_head(env, tx, id);
	assert_false(i.deleted);
	assert_int_equal(i.revision, 4);
	usage(env, tx, 1, 5);
	t_commit(env, &tx);
	t_sound(env);
}

/* Several writes of one item in one batch, in order. */
static void
batch_in_order(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_write w[4];
	struct store_item i;

	w[0] = t_new(tx, 1, "one");
	w[1] = w[0];
	w[1].create = false;
	w[1].revision = 2;
	w[1].body = SLICE_LIT("four");
	w[1].old_size = 3;
	w[2] = w[1]; /* what the device holds: never the current one */
	w[2].side = true;
	w[2].revision = 3;
	w[2].body = SLICE_LIT("aside");
	w[3] = w[1];
	w[3].revision = 4;
	w[3].old_size = 4;
	w[3].body = SLICE_LIT("sixsix");
	OK(env, tx->v->item_put(tx, w, 4, &env->e));
	i = t_head(env, tx, w[0].item);
	assert_int_equal(i.revision, 4);
	assert_int_equal(i.last_revision, 4);
	SLICE_IS(i.body, "sixsix");
	usage(env, tx, 1, 6);
	t_commit(env, &tx);
	t_sound(env);
}

/* A side revision leaves the head alone but for its highest number. */
static void
side(void **state)
{
	struct t_env *env = *state;
	int64_t id = t_item(env, env->anna, 1, "head", 1000);
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 2000);
	struct store_item was = t_head(env, tx, id);
	struct store_write w = t_next(&was, "what the device sent");
	struct store_item i;

	w.side = true;
	t_put(env, tx, w);
	i = t_head(env, tx, id);
	assert_int_equal(i.revision, 1);
	assert_int_equal(i.last_revision, 2);
	assert_int_equal(i.change_no, was.change_no);
	assert_int_equal(i.modified_ms, 1000);
	SLICE_IS(i.body, "head");
	usage(env, tx, 1, 4);
	w.revision = 2;
	FAILS(env, ERR_CONFLICT, tx->v->item_put(tx, &w, 1, &env->e));
	tx->v->rollback(&tx);
}

static void
refused(void **state)
{
	struct t_env *env = *state;
	int64_t id = t_item(env, env->anna, 1, "head", 1000);
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 2000);
	struct store_item i = t_head(env, tx, id);
	struct store_write w = t_next(&i, "x");

	OK(env, tx->v->save(tx, 1, &env->e));
	w.revision = 1; /* used already */
	FAILS(env, ERR_CONFLICT, tx->v->item_put(tx, &w, 1, &env->e));
	OK(env, tx->v->save_undo(tx, 1, &env->e));
	OK(env, tx->v->save(tx, 1, &env->e));
	w = t_next(&i, "x");
	w.item = 4711; /* not there */
	FAILS(env, ERR_BUG, tx->v->item_put(tx, &w, 1, &env->e));
	OK(env, tx->v->save_undo(tx, 1, &env->e));
	OK(env, tx->v->save(tx, 1, &env->e));
	w = t_next(&i, "x");
	w.old_size = 99; /* usage would be counted wrongly */
	FAILS(env, ERR_BUG, tx->v->item_put(tx, &w, 1, &env->e));
	OK(env, tx->v->save_undo(tx, 1, &env->e));
	OK(env, tx->v->save(tx, 1, &env->e));
	w = t_new(tx, 5, "x");
	w.side = true;
	FAILS(env, ERR_BUG, tx->v->item_put(tx, &w, 1, &env->e));
	OK(env, tx->v->save_undo(tx, 1, &env->e));
	usage(env, tx, 1, 4);
	t_commit(env, &tx);
	t_sound(env);
}

static void
page(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_item *out;
	struct store_item h;
	struct store_write w;
	int64_t first = tx->next_id;
	int64_t at = 0;
	size_t seen = 0;
	size_t n;

	t_collection(env, tx, 50, "other");
	for (uint64_t i = 0; i < 25; i++) {
		w = t_new(tx, i, "body");
		w.collection = i % 5 == 4 ? 50 : 1;
		t_put(env, tx, w);
	}
	h = t_head(env, tx, first);
	t_put(env, tx, t_delete(&h));
	do {
		OK(env, tx->v->item_page(tx, env->a, 1, at, 6, false, true,
					 &out, &n, &env->e));
		for (size_t i = 0; i < n; i++) {
			assert_true(out[i].id > at);
			assert_int_equal(out[i].collection, 1);
			assert_false(out[i].deleted);
			SLICE_IS(out[i].body, "body");
			at = out[i].id;
		}
		seen += n;
	} while (n == 6);
	assert_int_equal(seen, 19);
	OK(env, tx->v->item_page(tx, env->a, 1, 0, 100, true, false, &out, &n,
				 &env->e));
	assert_int_equal(n, 20);
	assert_int_equal(out[0].id, first);
	assert_true(out[0].deleted);
	assert_int_equal(out[1].body.n, 0);
	OK(env, tx->v->item_page(tx, env->a, 50, 0, 100, true, false, &out, &n,
				 &env->e));
	assert_int_equal(n, 5);
	OK(env, tx->v->item_page(tx, env->a, 77, 0, 100, true, false, &out, &n,
				 &env->e));
	assert_int_equal(n, 0);
	t_commit(env, &tx);
}

static void
large_bodies(void **state)
{
	struct t_env *env = *state;
	enum { BIG = 3000000 };
	char *big = malloc(BIG);
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_write w[2] = { t_new(tx, 1, ""), t_new(tx, 2, "") };
	struct store_item i;

	assert_non_null(big);
	for (size_t k = 0; k < BIG; k++)
		big[k] = (char)(k * 7 + k / 251);
	w[0].body = (struct slice){ big, BIG };
	OK(env, tx->v->item_put(tx, w, 2, &env->e));
	t_commit(env, &tx);
	tx = t_begin(env, env->anna, STORE_READ, 5);
	i = t_head(env, tx, w[0].item);
	assert_true(slice_eq(i.body, w[0].body));
	i = t_head(env, tx, w[1].item);
	assert_int_equal(i.body.n, 0);
	assert_false(i.deleted);
	t_commit(env, &tx);
	free(big);
	t_sound(env);
}

static void
purge(void **state)
{
	struct t_env *env = *state;
	int64_t a = t_item(env, env->anna, 1, "known", 5);
	int64_t b = t_item(env, env->anna, 2, "to nobody", 5);
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 6);
	struct store_revision *rev;
	struct store_item i = t_head(env, tx, a);
	struct store_map m = t_map(21, 1, a, "L", 1);
	struct store_item *out;
	size_t n;

	t_device(env, tx, 20, "D");
	t_link(env, tx, 21, 20, "./C");
	t_put(env, tx, t_next(&i, "known better"));
	OK(env, tx->v->map_put(tx, &m, 1, &env->e));
	OK(env, tx->v->item_purge(tx, b, &env->e));
	OK(env, tx->v->item_purge(tx, 4711, &env->e));
	OK(env, tx->v->item_get(tx, env->a, &b, 1, true, &out, &n, &env->e));
	assert_int_equal(n, 0);
	OK(env, tx->v->revision_list(tx, env->a, b, true, &rev, &n, &env->e));
	assert_int_equal(n, 0);
	usage(env, tx, 1, 12);
	/* A device holds this one and shall be told to delete it. */
	OK(env, tx->v->item_purge(tx, a, &env->e));
	i = t_head(env, tx, a);
	assert_true(i.deleted);
	assert_int_equal(i.uid.n, 0);
	assert_int_equal(i.h_uid, 0);
	assert_int_equal(i.change_no, tx->change_no);
	OK(env, tx->v->revision_list(tx, env->a, a, true, &rev, &n, &env->e));
	assert_int_equal(n, 1);
	assert_true(rev[0].deleted);
	assert_int_equal(rev[0].revision, 3);
	usage(env, tx, 0, 0);
	t_commit(env, &tx);
	t_sound(env);
}

static const struct CMUnitTest TESTS[] = {
	T(create_and_get), T(get_many),     T(update_and_delete),
	T(batch_in_order), T(side),         T(refused),
	T(page),           T(large_bodies), T(purge),
};
T_GROUP(item, "items", TESTS);
