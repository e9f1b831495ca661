#include "tests/store/t_store.h"

static void
names(void **state)
{
	struct t_env *env = *state;
	struct store_account in = { .user = SLICE_LIT("ANNA") };
	int64_t id = -1;

	OK(env, env->s->v->login_find(env->s, SLICE_LIT("aNNa"), &id, &env->e));
	assert_int_equal(id, env->anna);
	OK(env, env->s->v->login_find(env->s, SLICE_LIT("ann"), &id, &env->e));
	assert_int_equal(id, 0);
	OK(env, env->s->v->login_find(env->s, SLICE_LIT(""), &id, &env->e));
	assert_int_equal(id, 0);
	FAILS(env, ERR_CONFLICT,
	      env->s->v->account_create(env->s, &in, &id, &env->e));
	/* Only ASCII letters have a case. */
	in.user = SLICE_LIT("\xc3\x84nne");
	OK(env, env->s->v->account_create(env->s, &in, &id, &env->e));
	OK(env, env->s->v->login_find(env->s, SLICE_LIT("\xc3\xa4nne"), &id,
				      &env->e));
	assert_int_equal(id, 0);
	in.user = SLICE_LIT("");
	FAILS(env, ERR_LIMIT,
	      env->s->v->account_create(env->s, &in, &id, &env->e));
	t_sound(env);
}

static void
long_names(void **state)
{
	struct t_env *env = *state;
	char name[300];
	struct store_account in = { .user = { name, 256 } };
	int64_t id;

	memset(name, 'x', sizeof(name));
	OK(env, env->s->v->account_create(env->s, &in, &id, &env->e));
	in.user.n = 257;
	FAILS(env, ERR_LIMIT,
	      env->s->v->account_create(env->s, &in, &id, &env->e));
	OK(env, env->s->v->login_find(env->s, in.user, &id, &env->e));
	assert_int_equal(id, 0);
	in.user = SLICE_LIT("a\0b");
	OK(env, env->s->v->account_create(env->s, &in, &id, &env->e));
	OK(env, env->s->v->login_find(env->s, SLICE_LIT("a"), &id, &env->e));
	assert_int_equal(id, 0);
}

static void
get_and_set(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_account acc;

	OK(env, tx->v->account_get(tx, env->a, &acc, &env->e));
	assert_int_equal(acc.id, env->anna);
	SLICE_IS(acc.user, "Anna");
	SLICE_IS(acc.zone, "Europe/Berlin");
	assert_int_equal(acc.quota_items, 100);
	assert_int_equal(acc.created_ms, 1000);
	assert_false(acc.disabled);
	acc.user = SLICE_LIT("Annette");
	acc.zone = SLICE_LIT("Asia/Tokyo");
	acc.disabled = true;
	acc.quota_bytes = 77;
	acc.cred_gen = 9;
	acc.used_items = 1234; /* not ours to set */
	OK(env, tx->v->account_set(tx, &acc, &env->e));
	t_commit(env, &tx);

	tx = t_begin(env, env->anna, STORE_READ, 5);
	OK(env, tx->v->account_get(tx, env->a, &acc, &env->e));
	SLICE_IS(acc.user, "Annette");
	SLICE_IS(acc.zone, "Asia/Tokyo");
	assert_true(acc.disabled);
	assert_int_equal(acc.quota_bytes, 77);
	assert_int_equal(acc.cred_gen, 9);
	assert_int_equal(acc.used_items, 0);
	t_commit(env, &tx);
	t_sound(env);
}

static void
rename_moves_login(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_account acc;
	int64_t id;

	OK(env, tx->v->account_get(tx, env->a, &acc, &env->e));
	acc.user = SLICE_LIT("ANNA"); /* the same name for a login */
	OK(env, tx->v->account_set(tx, &acc, &env->e));
	acc.user = SLICE_LIT("carla");
	OK(env, tx->v->account_set(tx, &acc, &env->e));
	t_commit(env, &tx);
	OK(env,
	   env->s->v->login_find(env->s, SLICE_LIT("Carla"), &id, &env->e));
	assert_int_equal(id, env->anna);
	OK(env, env->s->v->login_find(env->s, SLICE_LIT("Anna"), &id, &env->e));
	assert_int_equal(id, 0);
	tx = t_begin(env, env->anna, STORE_WRITE, 5);
	acc.user = SLICE_LIT("BERT");
	FAILS(env, ERR_CONFLICT, tx->v->account_set(tx, &acc, &env->e));
	tx->v->rollback(&tx);
	OK(env,
	   env->s->v->login_find(env->s, SLICE_LIT("carla"), &id, &env->e));
	assert_int_equal(id, env->anna);
	t_sound(env);
}

static void
list(void **state)
{
	struct t_env *env = *state;
	struct store_account *acc;
	size_t n;

	OK(env, env->s->v->account_list(env->s, env->a, &acc, &n, &env->e));
	assert_int_equal(n, 2);
	SLICE_IS(acc[0].user, "Anna");
	SLICE_IS(acc[1].user, "bert");
	assert_int_equal(acc[1].id, env->bert);
	assert_true(env->anna > 0 && env->bert > 0 && env->anna != env->bert);
}

static void
credentials(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_cred in = { .id = tx->next_id++,
				 .kind = STORE_CRED_DEVICE,
				 .label = SLICE_LIT("Anna's phone"),
				 .device = SLICE_LIT("IMEI:1\0"
						     "2"),
				 .hash = SLICE_LIT("\0\1\2\xff"),
				 .created_ms = 3 };
	struct store_cred *c;
	size_t n;

	OK(env, tx->v->cred_put(tx, &in, &env->e));
	in.used_ms = 44;
	in.sealed = SLICE_LIT("s\0s");
	OK(env, tx->v->cred_put(tx, &in, &env->e));
	in.id = tx->next_id++;
	in.kind = STORE_CRED_PASSWORD;
	OK(env, tx->v->cred_put(tx, &in, &env->e));
	t_commit(env, &tx);

	tx = t_begin(env, env->anna, STORE_WRITE, 5);
	OK(env, tx->v->cred_list(tx, env->a, &c, &n, &env->e));
	assert_int_equal(n, 2);
	assert_int_equal(c[0].kind, STORE_CRED_DEVICE);
	SLICE_IS(c[0].label, "Anna's phone");
	assert_true(slice_eq(c[0].device, in.device));
	assert_true(slice_eq(c[0].hash, in.hash));
	assert_true(slice_eq(c[0].sealed, in.sealed));
	assert_int_equal(c[0].created_ms, 3);
	assert_int_equal(c[0].used_ms, 44);
	OK(env, tx->v->cred_drop(tx, c[0].id, &env->e));
	OK(env, tx->v->cred_drop(tx, 12345, &env->e));
	OK(env, tx->v->cred_list(tx, env->a, &c, &n, &env->e));
	assert_int_equal(n, 1);
	assert_int_equal(c[0].id, in.id);
	t_commit(env, &tx);
	tx = t_begin(env, env->bert, STORE_READ, 5);
	OK(env, tx->v->cred_list(tx, env->a, &c, &n, &env->e));
	assert_int_equal(n, 0);
	t_commit(env, &tx);
}

static void
collections(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_collection in = { .id = tx->next_id++,
				       .name = SLICE_LIT("calendar"),
				       .display = SLICE_LIT("Kalender"),
				       .aliases = SLICE_LIT("cal events"),
				       .kinds = 6,
				       .policy = STORE_POLICY_DUPLICATE,
				       .read_only = true,
				       .member = { 3, 1 },
				       .member_n = 2 };
	struct store_collection *c;
	size_t n;

	OK(env, tx->v->collection_put(tx, &in, &env->e));
	OK(env, tx->v->collection_list(tx, env->a, &c, &n, &env->e));
	assert_int_equal(n, 2);
	SLICE_IS(c[0].name, "contacts");
	assert_int_equal(c[0].member_n, 1);
	assert_int_equal(c[0].member[0], 1);
	SLICE_IS(c[1].name, "calendar");
	SLICE_IS(c[1].display, "Kalender");
	SLICE_IS(c[1].aliases, "cal events");
	assert_int_equal(c[1].kinds, 6);
	assert_int_equal(c[1].policy, STORE_POLICY_DUPLICATE);
	assert_true(c[1].read_only);
	assert_int_equal(c[1].member_n, 2);
	assert_int_equal(c[1].member[0], 3);
	assert_int_equal(c[1].member[1], 1);
	in.policy = STORE_POLICY_CLIENT;
	OK(env, tx->v->collection_put(tx, &in, &env->e));
	OK(env, tx->v->collection_list(tx, env->a, &c, &n, &env->e));
	assert_int_equal(n, 2);
	assert_int_equal(c[1].policy, STORE_POLICY_CLIENT);
	in.id = tx->next_id++;
	in.name = SLICE_LIT("Contacts");
	FAILS(env, ERR_CONFLICT, tx->v->collection_put(tx, &in, &env->e));
	tx->v->rollback(&tx);
}

static void
collection_drop(void **state)
{
	struct t_env *env = *state;
	int64_t id = t_item(env, env->anna, 1, "one", 5);
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 6);
	struct store_collection *c;
	struct store_collection all = { .id = tx->next_id++,
					.name = SLICE_LIT("all"),
					.member = { 1 },
					.member_n = 1 };
	struct store_item h = t_head(env, tx, id);
	struct store_map m;
	size_t n;

	t_device(env, tx, 20, "D");
	t_link(env, tx, 21, 20, "./C");
	m = t_map(21, 1, id, "7", 1);
	OK(env, tx->v->map_put(tx, &m, 1, &env->e));
	OK(env, tx->v->save(tx, 1, &env->e));
	FAILS(env, ERR_CONFLICT, tx->v->collection_drop(tx, 1, &env->e));
	OK(env, tx->v->save_undo(tx, 1, &env->e));
	t_put(env, tx, t_delete(&h));
	OK(env, tx->v->save(tx, 1, &env->e));
	OK(env, tx->v->collection_put(tx, &all, &env->e));
	FAILS(env, ERR_CONFLICT, tx->v->collection_drop(tx, 1, &env->e));
	OK(env, tx->v->save_undo(tx, 1, &env->e));
	OK(env, tx->v->collection_drop(tx, 1, &env->e));
	OK(env, tx->v->collection_list(tx, env->a, &c, &n, &env->e));
	assert_int_equal(n, 0);
	OK(env, tx->v->collection_drop(tx, 777, &env->e));
	t_commit(env, &tx);
	t_sound(env);
	/* The other account's collection of the same number is there. */
	tx = t_begin(env, env->bert, STORE_READ, 6);
	OK(env, tx->v->collection_list(tx, env->a, &c, &n, &env->e));
	assert_int_equal(n, 1);
	t_commit(env, &tx);
}

static const struct CMUnitTest TESTS[] = {
	T(names), T(long_names),  T(get_and_set), T(rename_moves_login),
	T(list),  T(credentials), T(collections), T(collection_drop),
};
T_GROUP(account, "accounts, credentials, collections", TESTS);
