#include "tests/store/t_store.h"

static void
devices(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_device in = { .id = tx->next_id++,
				   .dev_id = SLICE_LIT("IMEI:\0\xff"),
				   .label = SLICE_LIT("phone"),
				   .devinf = SLICE_LIT("<DevInf/>"),
				   .man = SLICE_LIT("m\xff"),
				   .mod = SLICE_LIT("N95"),
				   .swv = SLICE_LIT("1.0"),
				   .rules = SLICE_LIT("rules=UTC"),
				   .nonce = SLICE_LIT("\0nonce"),
				   .nonce_floor_ms = 77,
				   .every_message_auth = true,
				   .no_pieces = true,
				   .first_ms = 11,
				   .last_ms = 22,
				   .last_addr = SLICE_LIT("192.0.2.1") };
	struct store_device *d;
	size_t n;

	OK(env, tx->v->device_get(tx, env->a, in.dev_id, &d, &env->e));
	assert_null(d);
	OK(env, tx->v->device_put(tx, &in, &env->e));
	in.disabled = true;
	OK(env, tx->v->device_put(tx, &in, &env->e));
	OK(env, tx->v->device_get(tx, env->a, in.dev_id, &d, &env->e));
	assert_non_null(d);
	assert_int_equal(d->id, in.id);
	assert_true(slice_eq(d->dev_id, in.dev_id));
	SLICE_IS(d->label, "phone");
	SLICE_IS(d->devinf, "<DevInf/>");
	assert_true(slice_eq(d->man, in.man));
	SLICE_IS(d->mod, "N95");
	SLICE_IS(d->swv, "1.0");
	SLICE_IS(d->rules, "rules=UTC");
	assert_true(slice_eq(d->nonce, in.nonce));
	assert_int_equal(d->nonce_floor_ms, 77);
	assert_true(d->every_message_auth);
	assert_true(d->no_pieces);
	assert_true(d->disabled);
	assert_int_equal(d->first_ms, 11);
	assert_int_equal(d->last_ms, 22);
	SLICE_IS(d->last_addr, "192.0.2.1");
	in.id = tx->next_id++;
	OK(env, tx->v->save(tx, 1, &env->e));
	FAILS(env, ERR_CONFLICT, tx->v->device_put(tx, &in, &env->e));
	OK(env, tx->v->save_undo(tx, 1, &env->e));
	in.dev_id = SLICE_LIT("IMEI:2");
	OK(env, tx->v->device_put(tx, &in, &env->e));
	OK(env, tx->v->device_list(tx, env->a, &d, &n, &env->e));
	assert_int_equal(n, 2);
	assert_int_equal(d[1].id, in.id);
	t_commit(env, &tx);
	t_sound(env);
}

static void
directory(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	int64_t who[4];
	size_t n;

	t_device(env, tx, 20, "SHARED");
	t_device(env, tx, 21, "MINE");
	t_commit(env, &tx);
	tx = t_begin(env, env->bert, STORE_WRITE, 5);
	t_device(env, tx, 20, "SHARED");
	t_commit(env, &tx);
	OK(env, env->s->v->device_find(env->s, SLICE_LIT("SHARED"), who, 4, &n,
				       &env->e));
	assert_int_equal(n, 2);
	assert_true((who[0] == env->anna && who[1] == env->bert) ||
		    (who[1] == env->anna && who[0] == env->bert));
	OK(env, env->s->v->device_find(env->s, SLICE_LIT("SHARED"), who, 1, &n,
				       &env->e));
	assert_int_equal(n, 1);
	OK(env, env->s->v->device_find(env->s, SLICE_LIT("NONE"), who, 4, &n,
				       &env->e));
	assert_int_equal(n, 0);
	tx = t_begin(env, env->anna, STORE_WRITE, 5);
	OK(env, tx->v->device_drop(tx, 20, &env->e));
	t_commit(env, &tx);
	OK(env, env->s->v->device_find(env->s, SLICE_LIT("SHARED"), who, 4, &n,
				       &env->e));
	assert_int_equal(n, 1);
	assert_int_equal(who[0], env->bert);
	t_sound(env);
}

static void
drop(void **state)
{
	struct t_env *env = *state;
	int64_t id = t_item(env, env->anna, 1, "stays", 5);
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 6);
	struct store_map m = t_map(21, 1, id, "L", 1);
	struct store_session ses = { .id = 40, .device = 20 };
	const struct store_story line = { 1, '>', SLICE_LIT("hello") };
	struct slice reply = SLICE_LIT("reply");
	struct store_session *found;
	struct store_story *told;
	struct store_device *d;
	struct store_link *l;
	struct store_map *rows;
	struct slice *answer;
	struct slice all;
	size_t n;

	t_device(env, tx, 20, "D");
	t_link(env, tx, 21, 20, "./C");
	OK(env, tx->v->map_put(tx, &m, 1, &env->e));
	OK(env, tx->v->session_put(tx, &ses, &reply, &env->e));
	OK(env, tx->v->story_add(tx, 40, &line, 1, &env->e));
	OK(env, tx->v->chunk_add(tx, (struct store_chunk_key){ 21, 'i' }, reply,
				 &env->e));
	OK(env, tx->v->device_drop(tx, 20, &env->e));
	OK(env, tx->v->device_list(tx, env->a, &d, &n, &env->e));
	assert_int_equal(n, 0);
	OK(env, tx->v->link_list(tx, env->a, 20, &l, &n, &env->e));
	assert_int_equal(n, 0);
	OK(env,
	   tx->v->map_by_item(tx, env->a, 21, 1, &id, 1, &rows, &n, &env->e));
	assert_int_equal(n, 0);
	OK(env, tx->v->session_list(tx, env->a, 0, 9, &found, &n, &env->e));
	assert_int_equal(n, 0);
	OK(env, tx->v->answer_get(tx, env->a, 40, &answer, &env->e));
	assert_null(answer);
	OK(env, tx->v->story_get(tx, env->a, 40, &told, &n, &env->e));
	assert_int_equal(n, 0);
	OK(env,
	   tx->v->chunk_join(tx, env->a, (struct store_chunk_key){ 21, 'i' },
			     &all, &env->e));
	assert_int_equal(all.n, 0);
	SLICE_IS(t_head(env, tx, id).body, "stays");
	OK(env, tx->v->device_drop(tx, 20, &env->e));
	t_commit(env, &tx);
	t_sound(env);
}

static void
links(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_link in = { .id = tx->next_id++,
				 .device = 20,
				 .collection = 1,
				 .client_db = SLICE_LIT("./c\0\xff"),
				 .cursor = { { 1, 5, 6 },
					     { 7, INT64_MAX, -1 } },
				 .cursor_n = 2,
				 .a_client = SLICE_LIT("\0ac"),
				 .a_server = SLICE_LIT("as"),
				 .n_client = SLICE_LIT("nc"),
				 .n_server = SLICE_LIT("ns"),
				 .n_valid = true,
				 .n_sync_no = 31,
				 .sync_no = 32,
				 .confirmed_no = 33,
				 .gen = 34,
				 .stage = 35,
				 .gen_last = 36,
				 .last_ok_ms = 37,
				 .last_type = 201,
				 .open = SLICE_LIT("op\0en"),
				 .past_days = 90,
				 .future_days = 365,
				 .filter = SLICE_LIT("E 1 2\n"),
				 .filter_asked = SLICE_LIT("\0x") };
	struct store_link *l;
	size_t n;

	t_device(env, tx, 20, "D");
	OK(env, tx->v->link_put(tx, &in, &env->e));
	in.last_type = 200;
	OK(env, tx->v->link_put(tx, &in, &env->e));
	OK(env, tx->v->link_list(tx, env->a, 20, &l, &n, &env->e));
	assert_int_equal(n, 1);
	assert_int_equal(l->id, in.id);
	assert_int_equal(l->device, 20);
	assert_int_equal(l->collection, 1);
	assert_true(slice_eq(l->client_db, in.client_db));
	assert_int_equal(l->cursor_n, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(l->cursor[i].collection,
				 in.cursor[i].collection);
		assert_int_equal(l->cursor[i].change_no,
				 in.cursor[i].change_no);
		assert_int_equal(l->cursor[i].item, in.cursor[i].item);
	}
	assert_true(slice_eq(l->a_client, in.a_client));
	SLICE_IS(l->a_server, "as");
	SLICE_IS(l->n_client, "nc");
	SLICE_IS(l->n_server, "ns");
	assert_true(l->n_valid);
	assert_int_equal(l->n_sync_no, 31);
	assert_int_equal(l->sync_no, 32);
	assert_int_equal(l->confirmed_no, 33);
	assert_int_equal(l->gen, 34);
	assert_int_equal(l->stage, 35);
	assert_int_equal(l->gen_last, 36);
	assert_int_equal(l->past_days, 90);
	assert_int_equal(l->future_days, 365);
	SLICE_IS(l->filter, "E 1 2\n");
	assert_true(slice_eq(l->filter_asked, in.filter_asked));
	assert_int_equal(l->last_ok_ms, 37);
	assert_int_equal(l->last_type, 200);
	assert_true(slice_eq(l->open, in.open));
	/* One link for one pair of databases. */
	in.id = tx->next_id++;
	FAILS(env, ERR_CONFLICT, tx->v->link_put(tx, &in, &env->e));
	tx->v->rollback(&tx);
}

static const struct CMUnitTest TESTS[] = { T(devices), T(directory), T(drop),
					   T(links) };
T_GROUP(device, "devices and links", TESTS);
