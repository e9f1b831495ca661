#include "tests/store/t_store.h"

static int64_t
prune(struct t_env *env, int64_t history, int64_t sessions, int64_t chunks)
{
	int64_t n = -1;

	OK(env,
	   env->s->v->prune(env->s, history, sessions, chunks, &n, &env->e));
	t_sound(env);
	return n;
}

static void
edit(struct t_env *env, int64_t id, int64_t now_ms, const char *body)
{
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, now_ms);
	struct store_item i = t_head(env, tx, id);

	t_put(env, tx, body == NULL ? t_delete(&i) : t_next(&i, body));
	t_commit(env, &tx);
}

/* How many revisions the item has, and the lowest number among them. */
static size_t
revisions(struct t_env *env, int64_t id, int64_t *lowest)
{
	struct store_tx *tx = t_begin(env, env->anna, STORE_READ, 1);
	struct store_revision *r;
	size_t n;

	OK(env, tx->v->revision_list(tx, env->a, id, false, &r, &n, &env->e));
	*lowest = n == 0 ? 0 : r[n - 1].revision;
	t_commit(env, &tx);
	return n;
}

static bool
there(struct t_env *env, int64_t id)
{
	struct store_tx *tx = t_begin(env, env->anna, STORE_READ, 1);
	struct store_item *out;
	size_t n;

	OK(env, tx->v->item_get(tx, env->a, &id, 1, false, &out, &n, &env->e));
	t_commit(env, &tx);
	return n == 1;
}

/* A revision's age counts from when it was replaced, not from its writing. */
static void
history_by_age(void **state)
{
	struct t_env *env = *state;
	int64_t id = t_item(env, env->anna, 1, "1", 1000);
	int64_t low;

	edit(env, id, 2000, "2");
	edit(env, id, 3000, "3");
	edit(env, id, 4000, "4");
	assert_int_equal(prune(env, 2000, 0, 0), 0);
	assert_int_equal(revisions(env, id, &low), 4);
	assert_int_equal(prune(env, 3000, 0, 0), 1); /* revision 1 */
	assert_int_equal(revisions(env, id, &low), 3);
	assert_int_equal(low, 2);
	assert_int_equal(prune(env, INT64_MAX, 0, 0), 2);
	/* Never the current one. */
	assert_int_equal(revisions(env, id, &low), 1);
	assert_int_equal(low, 4);
	assert_int_equal(prune(env, INT64_MAX, 0, 0), 0);
	assert_true(there(env, id));
}

static void
held_ones_stay(void **state)
{
	struct t_env *env = *state;
	int64_t id = t_item(env, env->anna, 1, "1", 1000);
	struct store_tx *tx;
	struct store_map m;
	int64_t low;

	for (int64_t k = 2; k <= 6; k++)
		edit(env, id, k * 1000, "x");
	tx = t_begin(env, env->anna, STORE_WRITE, 7000);
	t_device(env, tx, 20, "D");
	t_link(env, tx, 21, 20, "./C");
	t_link(env, tx, 22, 20, "./D");
	m = t_map(21, 4, id, "L", 2);
	OK(env, tx->v->map_put(tx, &m, 1, &env->e));
	m = t_map(22, 9, id, "L", 1);
	m.offer_n = 2;
	m.offer[1].revision = 4;
	m.offer[0].revision = 77;
	OK(env, tx->v->map_put(tx, &m, 1, &env->e));
	t_commit(env, &tx);
	/* 1 and 2 are held, 4 is offered, 6 is the current one. */
	assert_int_equal(prune(env, INT64_MAX, 0, 0), 2);
	assert_int_equal(revisions(env, id, &low), 4);
	assert_int_equal(low, 1);
	tx = t_begin(env, env->anna, STORE_WRITE, 8000);
	OK(env, tx->v->map_drop(tx, 22, 9, &id, 1, &env->e));
	t_commit(env, &tx);
	/* Released: 1 and 4 go at the next time. */
	assert_int_equal(prune(env, INT64_MAX, 0, 0), 2);
	assert_int_equal(revisions(env, id, &low), 2);
	assert_int_equal(low, 2);
}

static void
side_ones_go(void **state)
{
	struct t_env *env = *state;
	int64_t id = t_item(env, env->anna, 1, "1", 1000);
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 2000);
	struct store_item i = t_head(env, tx, id);
	struct store_write w = t_next(&i, "aside");
	int64_t low;

	w.side = true;
	t_put(env, tx, w);
	t_commit(env, &tx);
	assert_int_equal(prune(env, 2000, 0, 0), 0);
	assert_int_equal(prune(env, 2001, 0, 0), 1);
	assert_int_equal(revisions(env, id, &low), 1);
	/* Its number is not used again. */
	tx = t_begin(env, env->anna, STORE_READ, 1);
	assert_int_equal(t_head(env, tx, id).last_revision, 2);
	t_commit(env, &tx);
}

static void
tombstones(void **state)
{
	struct t_env *env = *state;
	int64_t a = t_item(env, env->anna, 1, "a", 1000);
	int64_t b = t_item(env, env->anna, 2, "b", 1000);
	int64_t c = t_item(env, env->anna, 3, "c", 1000);
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 1500);
	struct store_map m = t_map(21, 1, b, "L", 0);
	int64_t low;

	t_device(env, tx, 20, "D");
	t_link(env, tx, 21, 20, "./C");
	m.state = STORE_MAP_DELETING;
	OK(env, tx->v->map_put(tx, &m, 1, &env->e));
	t_commit(env, &tx);
	edit(env, a, 2000, NULL);
	edit(env, b, 2000, NULL);
	edit(env, c, 2000, NULL);
	edit(env, c, 5000, "alive again");
	assert_int_equal(prune(env, 2000, 0, 0), 0);
	/* a's old body, the tombstone with it, b's old body, c's first. */
	assert_int_equal(prune(env, 2001, 0, 0), 4);
	assert_false(there(env, a));
	assert_int_equal(revisions(env, a, &low), 0);
	assert_true(there(env, b));
	assert_int_equal(revisions(env, b, &low), 1);
	/* c's tombstone counts from when it was replaced. */
	assert_int_equal(revisions(env, c, &low), 2);
	assert_int_equal(prune(env, 5001, 0, 0), 1);
	assert_int_equal(revisions(env, c, &low), 1);
	assert_true(there(env, c));
	tx = t_begin(env, env->anna, STORE_WRITE, 6000);
	OK(env, tx->v->map_drop(tx, 21, 1, &b, 1, &env->e));
	t_commit(env, &tx);
	assert_int_equal(prune(env, 5001, 0, 0), 1);
	assert_false(there(env, b));
	assert_int_equal(prune(env, INT64_MAX, 0, 0), 0);
}

/* What a device sent of an item that was deleted meanwhile is younger than
   the tombstone, and keeps it. */
static void
younger_side(void **state)
{
	struct t_env *env = *state;
	int64_t id = t_item(env, env->anna, 1, "a", 1000);
	struct store_tx *tx;
	struct store_item i;
	struct store_write w;
	int64_t low;

	edit(env, id, 2000, NULL);
	tx = t_begin(env, env->anna, STORE_WRITE, 5000);
	i = t_head(env, tx, id);
	w = t_next(&i, "aside");
	w.side = true;
	t_put(env, tx, w);
	t_commit(env, &tx);
	assert_int_equal(prune(env, 2001, 0, 0), 1); /* revision 1 */
	assert_true(there(env, id));
	assert_int_equal(revisions(env, id, &low), 2);
	assert_true(prune(env, 5001, 0, 0) > 0);
	(void)prune(env, 5001, 0, 0);
	assert_false(there(env, id));
	assert_int_equal(revisions(env, id, &low), 0);
}

/* More than any batch and any call; nothing is left in the end. */
static void
many(void **state)
{
	struct t_env *env = *state;
	enum { N = 4000 };
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 1000);
	struct store_write *w = calloc(N, sizeof(*w));
	int64_t first = tx->next_id;
	struct store_account acc;
	int64_t gone;
	int64_t more;
	struct store_item *i;
	size_t n;

	assert_non_null(w);
	for (uint64_t k = 0; k < N; k++)
		w[k] = t_new(tx, k, "body");
	OK(env, tx->v->item_put(tx, w, N, &env->e));
	t_commit(env, &tx);
	tx = t_begin(env, env->anna, STORE_WRITE, 2000);
	OK(env, tx->v->item_page(tx, env->a, 1, 0, N, false, false, &i, &n,
				 &env->e));
	assert_int_equal(n, N);
	for (size_t k = 0; k < N; k++)
		w[k] = t_delete(&i[k]);
	OK(env, tx->v->item_put(tx, w, N, &env->e));
	t_commit(env, &tx);
	free(w);
	/* Each first body, and each tombstone; a call ends somewhere. */
	gone = prune(env, INT64_MAX, 0, 0);
	assert_true(gone > 0 && gone < 2 * N);
	do {
		more = prune(env, INT64_MAX, 0, 0);
		gone += more;
	} while (more > 0);
	assert_int_equal(gone, 2 * N);
	tx = t_begin(env, env->anna, STORE_READ, 1);
	OK(env, tx->v->account_get(tx, env->a, &acc, &env->e));
	assert_int_equal(acc.used_items, 0);
	t_commit(env, &tx);
	assert_false(there(env, first));
	assert_false(there(env, first + N - 1));
}

static void
sessions(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 1000);
	struct slice reply = SLICE_LIT("reply");
	const struct store_story line = { 1, '>', SLICE_LIT("hello") };
	struct store_session in = { .device = 20, .state = SLICE_LIT("s") };
	struct store_session *s;
	struct store_story *told;
	struct slice *answer;
	size_t n;

	t_device(env, tx, 20, "D");
	for (int64_t k = 0; k < 3; k++) {
		in.id = 30 + k;
		in.last_ms = 1000 * (k + 1);
		in.closed = k == 0;
		in.verdict = k == 0 ? SLICE_LIT("fine") : SLICE_LIT("");
		OK(env, tx->v->session_put(tx, &in, &reply, &env->e));
		OK(env, tx->v->story_add(tx, in.id, &line, 1, &env->e));
	}
	t_commit(env, &tx);
	/* Answer and state of the first two. */
	assert_int_equal(prune(env, 0, 2001, 0), 4);
	assert_int_equal(prune(env, 0, 2001, 0), 0);
	tx = t_begin(env, env->anna, STORE_READ, 1);
	OK(env, tx->v->session_list(tx, env->a, 0, 9, &s, &n, &env->e));
	assert_int_equal(n, 3);
	assert_false(s[0].closed);
	assert_true(s[1].closed);
	SLICE_IS(s[1].verdict, "the device did not come back");
	SLICE_IS(s[2].verdict, "fine");
	OK(env, tx->v->answer_get(tx, env->a, 31, &answer, &env->e));
	assert_null(answer);
	OK(env, tx->v->answer_get(tx, env->a, 32, &answer, &env->e));
	assert_non_null(answer);
	OK(env, tx->v->story_get(tx, env->a, 30, &told, &n, &env->e));
	assert_int_equal(n, 1);
	t_commit(env, &tx);
	/* Row and story go with the history; an open session never. */
	assert_int_equal(prune(env, 1001, 0, 0), 2);
	assert_int_equal(prune(env, INT64_MAX, 0, 0), 2);
	tx = t_begin(env, env->anna, STORE_READ, 1);
	OK(env, tx->v->session_list(tx, env->a, 0, 9, &s, &n, &env->e));
	assert_int_equal(n, 1);
	assert_int_equal(s[0].id, 32);
	OK(env, tx->v->story_get(tx, env->a, 30, &told, &n, &env->e));
	assert_int_equal(n, 0);
	t_commit(env, &tx);
}

static void
chunks(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 1000);
	const struct store_chunk_key in = { 21, 'i' };
	const struct store_chunk_key out = { 21, 'o' };
	struct slice s;

	t_device(env, tx, 20, "D");
	t_link(env, tx, 21, 20, "./C");
	OK(env, tx->v->chunk_add(tx, in, SLICE_LIT("ab"), &env->e));
	OK(env, tx->v->chunk_add(tx, out, SLICE_LIT("xy"), &env->e));
	t_commit(env, &tx);
	tx = t_begin(env, env->anna, STORE_WRITE, 3000);
	OK(env, tx->v->chunk_add(tx, in, SLICE_LIT("cd"), &env->e));
	t_commit(env, &tx);
	/* An object is as old as its last piece. */
	assert_int_equal(prune(env, 0, 0, 2000), 1);
	tx = t_begin(env, env->anna, STORE_READ, 1);
	OK(env, tx->v->chunk_join(tx, env->a, in, &s, &env->e));
	SLICE_IS(s, "abcd");
	OK(env, tx->v->chunk_join(tx, env->a, out, &s, &env->e));
	assert_int_equal(s.n, 0);
	t_commit(env, &tx);
	assert_int_equal(prune(env, 0, 0, 3001), 2);
}

static const struct CMUnitTest TESTS[] = {
	T(history_by_age), T(held_ones_stay), T(side_ones_go), T(tombstones),
	T(younger_side),   T(many),           T(sessions),     T(chunks),
};
T_GROUP(prune, "pruning", TESTS);
