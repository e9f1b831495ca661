#include "tests/store/t_store.h"

#include <dirent.h>
#include <unistd.h>

static enum place_kind chosen;

void
t_choose(enum place_kind kind)
{
	chosen = kind;
}

enum place_kind
t_choose_by(int argc, char **argv)
{
	chosen = place_kind(argc > 1 ? argv[1] : NULL);
	return chosen;
}

void
t_ok(struct t_env *env, int rc, const char *what, const char *file, int line)
{
	if (rc == 0)
		return;
	print_error("%s: %s: %s\n", what, err_name(env->e.code), env->e.msg);
	_fail(file, line);
}

void
t_fails(struct t_env *env, enum err_code want, int rc, const char *what,
	const char *file, int line)
{
	if (rc == -1 && env->e.code == want && env->e.msg[0] != 0)
		return;
	print_error("%s: wanted \"%s\", got %d, %s: %s\n", what, err_name(want),
		    rc, err_name(env->e.code), env->e.msg);
	_fail(file, line);
}

void
t_slice_is(struct slice s, const char *text, const char *file, int line)
{
	if (slice_is(s, text))
		return;
	print_error("wanted \"%s\", got \"%.*s\"\n", text, SLICE_ARG(s));
	_fail(file, line);
}

/* ---- the fixture --------------------------------------------------------- */

static void
remove_dir(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *f;

	while (d != NULL && (f = readdir(d)) != NULL)
		(void)unlinkat(dirfd(d), f->d_name, 0);
	if (d != NULL)
		(void)closedir(d);
	(void)rmdir(dir);
}

int64_t
t_account(struct t_env *env, const char *user)
{
	struct store_account in = { .user = slice_c(user),
				    .zone = SLICE_LIT("Europe/Berlin"),
				    .quota_items = 100,
				    .created_ms = 1000 };
	int64_t id = 0;
	struct store_tx *tx;

	OK(env, env->s->v->account_create(env->s, &in, &id, &env->e));
	tx = t_begin(env, id, STORE_WRITE, 1000);
	assert_int_equal(tx->next_id, 1);
	t_collection(env, tx, tx->next_id++, "contacts");
	t_commit(env, &tx);
	return id;
}

int
t_setup(void **state)
{
	struct t_env *env = calloc(1, sizeof(*env));
	const char *tmp = getenv("TMPDIR");
	char file[80];

	assert_non_null(env);
	(void)snprintf(env->dir, sizeof(env->dir), "%s/funicular-store-XXXXXX",
		       tmp == NULL ? "/tmp" : tmp);
	assert_non_null(mkdtemp(env->dir));
	env->a = arena_new((size_t)64 << 20);
	assert_non_null(env->a);
	(void)snprintf(file, sizeof(file), "%s/store.db", env->dir);
	place_take(&env->place, chosen, file);
	env->uri = env->place.uri;
	*state = env;
	OK(env, store_open(env->uri, true, &env->s, &env->e));
	env->anna = t_account(env, "Anna");
	env->bert = t_account(env, "bert");
	env->coll = 1;
	return 0;
}

int
t_teardown(void **state)
{
	struct t_env *env = *state;

	if (env->s != NULL)
		env->s->v->close(&env->s);
	arena_free(&env->a);
	place_give(&env->place);
	remove_dir(env->dir);
	free(env);
	return 0;
}

/* ---- short forms --------------------------------------------------------- */

struct store_tx *
t_begin(struct t_env *env, int64_t account, enum store_mode mode,
	int64_t now_ms)
{
	struct store_tx *tx = NULL;

	OK(env, env->s->v->begin(env->s, account, mode, now_ms, &tx, &env->e));
	assert_non_null(tx);
	assert_ptr_equal(tx->s, env->s);
	assert_int_equal(tx->account, account);
	assert_int_equal(tx->now_ms, now_ms);
	return tx;
}

void
t_commit(struct t_env *env, struct store_tx **tx)
{
	OK(env, (*tx)->v->commit(tx, &env->e));
	assert_null(*tx);
}

void
t_collection(struct t_env *env, struct store_tx *tx, int64_t id,
	     const char *name)
{
	struct store_collection c = { .id = id,
				      .name = slice_c(name),
				      .display = slice_c(name),
				      .kinds = 1,
				      .member = { id },
				      .member_n = 1 };

	OK(env, tx->v->collection_put(tx, &c, &env->e));
}

struct store_write
t_new(struct store_tx *tx, uint64_t n, const char *body)
{
	return (struct store_write){
		.item = tx->next_id++,
		.create = true,
		.collection = 1,
		.kind = 1,
		.revision = 1,
		.uid = SLICE_LIT("uid"),
		.h_uid = 1000 + n,
		.h_content = 2000 + n,
		.h_identity = 3000 + n,
		.body = slice_c(body),
		.origin = STORE_BY_IMPORT,
	};
}

struct store_write
t_next(const struct store_item *i, const char *body)
{
	return (struct store_write){
		.item = i->id,
		.collection = i->collection,
		.kind = i->kind,
		.revision = i->last_revision + 1,
		.uid = i->uid,
		.h_uid = i->h_uid,
		.h_content = i->h_content + 100,
		.h_identity = i->h_identity,
		.body = slice_c(body),
		.origin = STORE_BY_DEVICE,
		.old_size = i->size,
		.was_deleted = i->deleted,
	};
}

struct store_write
t_delete(const struct store_item *i)
{
	struct store_write w = t_next(i, "");

	w.deleted = true;
	return w;
}

void
t_put(struct t_env *env, struct store_tx *tx, struct store_write w)
{
	OK(env, tx->v->item_put(tx, &w, 1, &env->e));
}

int64_t
t_item(struct t_env *env, int64_t account, uint64_t n, const char *body,
       int64_t now_ms)
{
	struct store_tx *tx = t_begin(env, account, STORE_WRITE, now_ms);
	struct store_write w = t_new(tx, n, body);

	t_put(env, tx, w);
	t_commit(env, &tx);
	return w.item;
}

struct store_item
t_head(struct t_env *env, struct store_tx *tx, int64_t id)
{
	struct store_item *out = NULL;
	size_t n = 0;

	OK(env, tx->v->item_get(tx, env->a, &id, 1, true, &out, &n, &env->e));
	assert_int_equal(n, 1);
	assert_int_equal(out->id, id);
	return *out;
}

void
t_device(struct t_env *env, struct store_tx *tx, int64_t id, const char *dev_id)
{
	struct store_device d = { .id = id,
				  .dev_id = slice_c(dev_id),
				  .label = SLICE_LIT("phone"),
				  .first_ms = 1,
				  .last_ms = 2 };

	OK(env, tx->v->device_put(tx, &d, &env->e));
}

void
t_link(struct t_env *env, struct store_tx *tx, int64_t id, int64_t device,
       const char *client_db)
{
	struct store_link l = { .id = id,
				.device = device,
				.collection = 1,
				.client_db = slice_c(client_db),
				.gen = 1 };

	OK(env, tx->v->link_put(tx, &l, &env->e));
}

struct store_map
t_map(int64_t link, int64_t gen, int64_t item, const char *luid, int64_t held)
{
	return (struct store_map){ .link = link,
				   .gen = gen,
				   .item = item,
				   .luid = slice_c(luid),
				   .state = STORE_MAP_LIVE,
				   .held = held };
}

void
t_sound(struct t_env *env)
{
	struct slice *finding = NULL;
	size_t n = 0;

	OK(env, env->s->v->check(env->s, env->a, &finding, &n, &env->e));
	for (size_t i = 0; i < n; i++)
		print_error("finding: %.*s\n", SLICE_ARG(finding[i]));
	assert_int_equal(n, 0);
}
