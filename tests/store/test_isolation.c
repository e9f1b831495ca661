/*
 * Two accounts with rows of the same numbers: no function given the ids of
 * one while it works for the other reads or changes anything of it.
 */
#include "tests/store/t_store.h"

static const struct store_chunk_key CHUNK = { 21, 'i' };

struct ids {
	int64_t item;
};

/* The same ids in both accounts, the content names the owner. */
static struct ids
fill(struct t_env *env, int64_t account, const char *mark)
{
	struct store_tx *tx = t_begin(env, account, STORE_WRITE, 6);
	struct store_write w = t_new(tx, 1, mark);
	struct store_map m = t_map(21, 1, w.item, mark, 1);
	struct store_session ses = { .id = 40,
				     .device = 20,
				     .sid = SLICE_LIT("1"),
				     .token_hash = slice_c(mark),
				     .state = slice_c(mark) };
	struct store_cred c = { .id = 41, .label = slice_c(mark) };
	const struct store_story line = { 1, '>', slice_c(mark) };
	struct slice text = slice_c(mark);

	t_put(env, tx, w);
	t_device(env, tx, 20, "SAME");
	t_link(env, tx, 21, 20, mark);
	m.state = STORE_MAP_SENT;
	OK(env, tx->v->map_put(tx, &m, 1, &env->e));
	OK(env, tx->v->session_put(tx, &ses, &text, &env->e));
	OK(env, tx->v->story_add(tx, 40, &line, 1, &env->e));
	OK(env, tx->v->cred_put(tx, &c, &env->e));
	OK(env, tx->v->chunk_add(tx, CHUNK, text, &env->e));
	t_commit(env, &tx);
	return (struct ids){ w.item };
}

static void
items_are(struct t_env *env, struct store_tx *tx, struct ids id,
	  const char *mark)
{
	const int64_t coll = 1;
	const uint64_t hash = 2001;
	struct store_likeness like = { &coll, 1, &hash, 1, 9, 21, 1 };
	struct store_revision *r;
	struct store_candidate *c;
	struct store_change *ch;
	struct store_item *i;
	struct store_cursor from = { 1, 0, 0 };
	size_t n;

	SLICE_IS(t_head(env, tx, id.item).body, mark);
	OK(env,
	   tx->v->item_page(tx, env->a, 1, 0, 9, true, true, &i, &n, &env->e));
	assert_int_equal(n, 1);
	SLICE_IS(i[0].body, mark);
	OK(env,
	   tx->v->revision_list(tx, env->a, id.item, true, &r, &n, &env->e));
	assert_int_equal(n, 1);
	SLICE_IS(r[0].body, mark);
	OK(env, tx->v->revision_match(tx, env->a, &id.item, &hash, 1, &r, &n,
				      &env->e));
	assert_int_equal(n, 1);
	/* Its row in generation 1 has a LUID: taken there, free in another. */
	OK(env, tx->v->item_match(tx, env->a, &like, &c, &n, &env->e));
	assert_int_equal(n, 0);
	like.gen = 2;
	OK(env, tx->v->item_match(tx, env->a, &like, &c, &n, &env->e));
	assert_int_equal(n, 1);
	assert_int_equal(c[0].item, id.item);
	assert_false(c[0].mapped);
	OK(env, tx->v->changes(tx, env->a, 21, 1, &from, INT64_MAX, 9, &ch, &n,
			       &env->e));
	assert_int_equal(n, 1);
	SLICE_IS(ch[0].map.luid, mark);
	OK(env, tx->v->unmapped(tx, env->a, 21, 1, 1, 0, 9, &i, &n, &env->e));
	assert_int_equal(n, 0);
}

static void
rest_is(struct t_env *env, struct store_tx *tx, struct ids id, const char *mark,
	const char *other)
{
	const struct slice luid[] = { slice_c(mark), slice_c(other) };
	struct store_session *s;
	struct store_story *told;
	struct store_link *l;
	struct store_cred *c;
	struct store_map *m;
	struct slice *answer;
	struct slice text;
	size_t n;

	OK(env, tx->v->map_by_luid(tx, env->a, 21, luid, 2, &m, &n, &env->e));
	assert_int_equal(n, 1);
	OK(env,
	   tx->v->map_by_item(tx, env->a, 21, 1, &id.item, 1, &m, &n, &env->e));
	assert_int_equal(n, 1);
	SLICE_IS(m[0].luid, mark);
	OK(env,
	   tx->v->map_pending(
	       tx, env->a, &(struct store_pending){ 21, 1, 0, INT64_MAX, 9, 9 },
	       &m, &n, &env->e));
	assert_int_equal(n, 1);
	OK(env, tx->v->link_list(tx, env->a, 20, &l, &n, &env->e));
	assert_int_equal(n, 1);
	SLICE_IS(l[0].client_db, mark);
	OK(env, tx->v->cred_list(tx, env->a, &c, &n, &env->e));
	assert_int_equal(n, 1);
	SLICE_IS(c[0].label, mark);
	OK(env, tx->v->session_find(tx, env->a, slice_c(other), 0,
				    SLICE_LIT(""), &s, &env->e));
	assert_null(s);
	OK(env, tx->v->session_find(tx, env->a, SLICE_LIT(""), 20,
				    SLICE_LIT("1"), &s, &env->e));
	SLICE_IS(s->state, mark);
	OK(env, tx->v->answer_get(tx, env->a, 40, &answer, &env->e));
	SLICE_IS(*answer, mark);
	OK(env, tx->v->story_get(tx, env->a, 40, &told, &n, &env->e));
	assert_int_equal(n, 1);
	SLICE_IS(told[0].text, mark);
	OK(env, tx->v->chunk_join(tx, env->a, CHUNK, &text, &env->e));
	SLICE_IS(text, mark);
}

static void
is_whole(struct t_env *env, int64_t account, struct ids id, const char *mark,
	 const char *other)
{
	struct store_tx *tx = t_begin(env, account, STORE_READ, 6);

	items_are(env, tx, id, mark);
	rest_is(env, tx, id, mark, other);
	t_commit(env, &tx);
}

static void
reading(void **state)
{
	struct t_env *env = *state;
	struct ids a = fill(env, env->anna, "anna's");
	struct ids b = fill(env, env->bert, "bert's");

	assert_int_equal(a.item, b.item);
	is_whole(env, env->anna, a, "anna's", "bert's");
	is_whole(env, env->bert, b, "bert's", "anna's");
}

/* Everything is thrown away in anna's account: bert's is as it was. */
static void
writing(void **state)
{
	struct t_env *env = *state;
	struct ids a = fill(env, env->anna, "anna's");
	struct ids b = fill(env, env->bert, "bert's");
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 6);
	struct store_map m = t_map(21, 1, 777, "bert's", 1);

	OK(env, tx->v->map_put(tx, &m, 1, &env->e)); /* his LUID */
	OK(env, tx->v->map_drop(tx, 21, 1, &a.item, 1, &env->e));
	OK(env, tx->v->map_drop_others(tx, 21, 0, 0, &env->e));
	OK(env, tx->v->session_supersede(tx, 20, 0, SLICE_LIT("x"), &env->e));
	OK(env, tx->v->chunk_drop(tx, CHUNK, &env->e));
	OK(env, tx->v->cred_drop(tx, 41, &env->e));
	OK(env, tx->v->item_purge(tx, a.item, &env->e));
	OK(env, tx->v->device_drop(tx, 20, &env->e));
	OK(env, tx->v->collection_drop(tx, 1, &env->e));
	t_commit(env, &tx);
	is_whole(env, env->bert, b, "bert's", "anna's");
	OK(env, env->s->v->account_erase(env->s, env->anna, &env->e));
	is_whole(env, env->bert, b, "bert's", "anna's");
	t_sound(env);
}

/* An item of the other account cannot be written under its number. */
static void
foreign_ids(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->bert, STORE_WRITE, 6);
	struct store_item i = { .id = 0 };
	struct store_write w;
	int64_t id;

	tx->next_id = 500;
	t_commit(env, &tx);
	id = t_item(env, env->bert, 1, "bert's", 7);
	assert_int_equal(id, 500);
	tx = t_begin(env, env->anna, STORE_WRITE, 8);
	i.id = id;
	i.size = 6;
	i.last_revision = 1;
	w = t_next(&i, "anna's now");
	FAILS(env, ERR_BUG, tx->v->item_put(tx, &w, 1, &env->e));
	tx->v->rollback(&tx);
	tx = t_begin(env, env->anna, STORE_WRITE, 8);
	OK(env, tx->v->item_purge(tx, id, &env->e));
	t_commit(env, &tx);
	tx = t_begin(env, env->bert, STORE_READ, 9);
	SLICE_IS(t_head(env, tx, id).body, "bert's");
	t_commit(env, &tx);
}

static const struct CMUnitTest TESTS[] = { T(reading), T(writing),
					   T(foreign_ids) };
T_GROUP(isolation, "isolation", TESTS);
