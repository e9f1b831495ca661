#include "tests/store/t_message.h"

/* Items a and b in one message, the first one edited, with all that belongs
   to a message; a savepoint that is undone on the way. */
int
t_message(struct store *s, int64_t account, int64_t round, struct err *e)
{
	struct store_session ses = { .id = 40,
				     .device = 20,
				     .last_msgid = round,
				     .state = SLICE_LIT("state") };
	const struct store_story line = { round, '>', SLICE_LIT("message") };
	struct slice reply = SLICE_LIT("the answer");
	struct store_write w[3];
	struct store_map m;
	struct store_tx *tx = NULL;

	if (s->v->begin(s, account, STORE_WRITE, round, &tx, e) < 0)
		return -1;
	w[0] = t_new(tx, (uint64_t)round * 10, "first");
	w[1] = t_new(tx, (uint64_t)round * 10 + 1, "second");
	w[2] = w[0];
	w[2].create = false;
	w[2].revision = 2;
	w[2].old_size = 5;
	w[2].body = SLICE_LIT("edited");
	m = t_map(21, 1, w[0].item, "", 2);
	m.state = STORE_MAP_SENT;
	if (tx->v->save(tx, 1, e) < 0 || tx->v->item_put(tx, w, 2, e) < 0 ||
	    tx->v->save(tx, 2, e) < 0 || tx->v->item_put(tx, &w[2], 1, e) < 0 ||
	    tx->v->save_undo(tx, 2, e) < 0 ||
	    tx->v->item_put(tx, &w[2], 1, e) < 0 ||
	    tx->v->map_put(tx, &m, 1, e) < 0 ||
	    tx->v->save_keep(tx, 1, e) < 0 ||
	    tx->v->session_put(tx, &ses, &reply, e) < 0 ||
	    tx->v->story_add(tx, 40, &line, 1, e) < 0) {
		tx->v->rollback(&tx);
		return -1;
	}
	return tx->v->commit(&tx, e);
}

void
t_message_prepare(struct t_env *env)
{
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 0);

	t_device(env, tx, 20, "D");
	t_link(env, tx, 21, 20, "./C");
	tx->next_id = 100;
	t_commit(env, &tx);
}

/* Exactly `rounds` messages are there. */
void
t_message_holds(struct t_env *env, int64_t rounds)
{
	struct store_tx *tx = t_begin(env, env->anna, STORE_READ, 0);
	struct store_account acc;
	struct store_story *told;
	struct store_item *i;
	struct store_map *m;
	size_t n;

	OK(env, tx->v->item_page(tx, env->a, 1, 0, 1000, true, true, &i, &n,
				 &env->e));
	assert_int_equal(n, rounds * 2);
	for (size_t k = 0; k < n; k++) {
		assert_int_equal(i[k].id, 100 + k);
		SLICE_IS(i[k].body, k % 2 == 0 ? "edited" : "second");
	}
	OK(env, tx->v->account_get(tx, env->a, &acc, &env->e));
	assert_int_equal(acc.used_items, rounds * 2);
	OK(env, tx->v->map_pending(
		    tx, env->a,
		    &(struct store_pending){ 21, 1, 0, INT64_MAX, -1, 1000 },
		    &m, &n, &env->e));
	assert_int_equal(n, rounds);
	OK(env, tx->v->story_get(tx, env->a, 40, &told, &n, &env->e));
	assert_int_equal(n, rounds);
	t_commit(env, &tx);
	t_sound(env);
}
