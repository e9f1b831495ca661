#include "tests/store/t_store.h"

#include <sys/stat.h>
#include <unistd.h>

static void
site_values(void **state)
{
	struct t_env *env = *state;
	struct slice *v;
	struct slice now;

	OK(env, env->s->v->site_get(env->s, env->a, "epoch", &v, &env->e));
	assert_null(v);
	OK(env, env->s->v->site_init(env->s, env->a, "epoch",
				     SLICE_LIT("\0one"), &now, &env->e));
	assert_true(slice_eq(now, SLICE_LIT("\0one")));
	OK(env, env->s->v->site_init(env->s, env->a, "epoch", SLICE_LIT("two"),
				     &now, &env->e));
	assert_true(slice_eq(now, SLICE_LIT("\0one")));
	OK(env, env->s->v->site_get(env->s, env->a, "epoch", &v, &env->e));
	assert_non_null(v);
	assert_true(slice_eq(*v, SLICE_LIT("\0one")));
	OK(env, env->s->v->site_init(env->s, env->a, "empty", SLICE_LIT(""),
				     &now, &env->e));
	OK(env, env->s->v->site_get(env->s, env->a, "empty", &v, &env->e));
	assert_non_null(v);
	assert_int_equal(v->n, 0);
}

/* Rows in every table of the account. */
static void
fill(struct t_env *env, int64_t account)
{
	int64_t id = t_item(env, account, 1, "body", 5);
	struct store_tx *tx = t_begin(env, account, STORE_WRITE, 6);
	struct store_map m = t_map(21, 1, id, "L", 1);
	struct store_session ses = { .id = 40, .device = 20 };
	struct store_cred c = { .id = 41, .kind = STORE_CRED_PASSWORD };
	const struct store_story line = { 1, '>', SLICE_LIT("hello") };
	struct slice reply = SLICE_LIT("reply");
	struct store_item i = t_head(env, tx, id);

	t_put(env, tx, t_next(&i, "newer"));
	t_device(env, tx, 20, "D");
	t_link(env, tx, 21, 20, "./C");
	OK(env, tx->v->map_put(tx, &m, 1, &env->e));
	OK(env, tx->v->session_put(tx, &ses, &reply, &env->e));
	OK(env, tx->v->story_add(tx, 40, &line, 1, &env->e));
	OK(env, tx->v->cred_put(tx, &c, &env->e));
	OK(env, tx->v->chunk_add(tx, (struct store_chunk_key){ 21, 'i' }, reply,
				 &env->e));
	t_commit(env, &tx);
}

static void
erase(void **state)
{
	struct t_env *env = *state;
	struct store_account *acc;
	struct store_account in = { .user = SLICE_LIT("anna") };
	struct store_tx *tx = NULL;
	struct store_device *d;
	int64_t id;
	size_t n;

	fill(env, env->anna);
	fill(env, env->bert);
	t_sound(env);
	OK(env, env->s->v->account_erase(env->s, env->anna, &env->e));
	OK(env, env->s->v->account_erase(env->s, env->anna, &env->e));
	OK(env, env->s->v->login_find(env->s, SLICE_LIT("anna"), &id, &env->e));
	assert_int_equal(id, 0);
	FAILS(env, ERR_NOTFOUND,
	      env->s->v->begin(env->s, env->anna, STORE_READ, 0, &tx, &env->e));
	OK(env, env->s->v->account_list(env->s, env->a, &acc, &n, &env->e));
	assert_int_equal(n, 1);
	OK(env,
	   env->s->v->device_find(env->s, SLICE_LIT("D"), &id, 1, &n, &env->e));
	assert_int_equal(n, 1);
	assert_int_equal(id, env->bert);
	t_sound(env); /* no orphans */
	tx = t_begin(env, env->bert, STORE_READ, 6);
	OK(env, tx->v->device_list(tx, env->a, &d, &n, &env->e));
	assert_int_equal(n, 1);
	t_commit(env, &tx);
	/* The name is free again. */
	OK(env, env->s->v->account_create(env->s, &in, &id, &env->e));
	tx = t_begin(env, id, STORE_READ, 6);
	OK(env, tx->v->device_list(tx, env->a, &d, &n, &env->e));
	assert_int_equal(n, 0);
	t_commit(env, &tx);
}

/* A server's database is copied by what came with it: the store names that,
   and makes no file. */
static bool
has_tools_of_its_own(struct t_env *env, const char *path)
{
	if (env->place.kind == PLACE_SQLITE)
		return false;
	FAILS(env, ERR_UNSUPPORTED, env->s->v->backup(env->s, path, &env->e));
	assert_non_null(strstr(env->e.msg, "pg_dump"));
	assert_int_equal(access(path, F_OK), -1);
	return true;
}

static void
backup(void **state)
{
	struct t_env *env = *state;
	char path[128];
	char uri[160];
	struct store *copy = NULL;
	struct store *kept = env->s;
	struct store_tx *tx;
	struct stat st;
	int64_t id = t_item(env, env->anna, 1, "kept", 5);

	fill(env, env->bert);
	(void)snprintf(path, sizeof(path), "%s/copy.db", env->dir);
	(void)snprintf(uri, sizeof(uri), "sqlite:%s", path);
	if (has_tools_of_its_own(env, path))
		return;
	OK(env, env->s->v->backup(env->s, path, &env->e));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	FAILS(env, ERR_CONFLICT, env->s->v->backup(env->s, path, &env->e));
	(void)t_item(env, env->anna, 2, "after", 6);

	OK(env, store_open(uri, false, &copy, &env->e));
	env->s = copy;
	t_sound(env);
	tx = t_begin(env, env->anna, STORE_WRITE, 7);
	SLICE_IS(t_head(env, tx, id).body, "kept");
	assert_int_equal(tx->next_id, id + 1);
	t_commit(env, &tx);
	copy->v->close(&copy);
	assert_null(copy);
	env->s = kept;
}

static void
backup_nowhere(void **state)
{
	struct t_env *env = *state;
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/no/such/folder.db", env->dir);
	if (has_tools_of_its_own(env, path))
		return;
	FAILS(env, ERR_IO, env->s->v->backup(env->s, path, &env->e));
	assert_int_equal(access(path, F_OK), -1);
}

/* Closed and opened again, all is there. */
static void
reopen(void **state)
{
	struct t_env *env = *state;
	int64_t id = t_item(env, env->anna, 1, "kept", 5);
	struct store_tx *tx;

	env->s->v->close(&env->s);
	assert_null(env->s);
	OK(env, store_open(env->uri, false, &env->s, &env->e));
	tx = t_begin(env, env->anna, STORE_READ, 6);
	SLICE_IS(t_head(env, tx, id).body, "kept");
	t_commit(env, &tx);
	env->s->v->close(&env->s);
	OK(env, store_open(env->uri, true, &env->s, &env->e));
	t_sound(env);
}

static const struct CMUnitTest TESTS[] = {
	T(site_values), T(erase), T(backup), T(backup_nowhere), T(reopen),
};
T_GROUP(admin, "administration", TESTS);
