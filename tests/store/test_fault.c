/*
 * The store that fails on command, and what a store does when its caller's
 * memory runs out.
 */
#include "tests/store/t_store.h"

#include "backends/fault.h"

static int
write_item(struct store *s, int64_t account, const char *body, struct err *e)
{
	struct store_tx *tx = NULL;
	struct store_write w;

	if (s->v->begin(s, account, STORE_WRITE, 5, &tx, e) < 0)
		return -1;
	w = t_new(tx, 1, body);
	if (tx->v->save(tx, 1, e) < 0 || tx->v->item_put(tx, &w, 1, e) < 0 ||
	    tx->v->save_keep(tx, 1, e) < 0) {
		tx->v->rollback(&tx);
		return -1;
	}
	return tx->v->commit(&tx, e);
}
enum { CALLS = 5 }; /* of write_item */

static int64_t
items(struct t_env *env)
{
	struct store_tx *tx = t_begin(env, env->anna, STORE_READ, 0);
	struct store_account acc;

	OK(env, tx->v->account_get(tx, env->a, &acc, &env->e));
	t_commit(env, &tx);
	return acc.used_items;
}

static void
passes_through(void **state)
{
	struct t_env *env = *state;
	struct store *f = NULL;

	OK(env, store_fault_new(env->s, &f, &env->e));
	OK(env, write_item(f, env->anna, "x", &env->e));
	assert_int_equal(store_fault_calls(f), CALLS);
	assert_int_equal(store_fault_failed(f), 0);
	f->v->close(&f);
	assert_null(f);
	assert_int_equal(items(env), 1);
	t_sound(env);
}

/* The whole conformance of ids: what the caller takes from the wrapper's
   next_id arrives in the store. */
static void
each_call_in_turn(void **state)
{
	struct t_env *env = *state;
	struct store *f = NULL;

	OK(env, store_fault_new(env->s, &f, &env->e));
	for (uint64_t n = 1; n <= CALLS; n++) {
		struct store_fault_plan plan = { .at = n };

		store_fault_set(f, plan);
		FAILS(env, ERR_UNAVAILABLE,
		      write_item(f, env->anna, "x", &env->e));
		assert_int_equal(items(env), 0);
		assert_int_equal(store_fault_failed(f), n);
		t_sound(env);
	}
	/* Only once each: now it works. */
	OK(env, write_item(f, env->anna, "x", &env->e));
	assert_int_equal(items(env), 1);
	f->v->close(&f);
}

/* Lost after the server committed: the caller hears a failure, the data is
   there. */
static void
after_the_commit(void **state)
{
	struct t_env *env = *state;
	struct store *f = NULL;

	OK(env, store_fault_new(env->s, &f, &env->e));
	for (uint64_t n = 1; n <= CALLS; n++) {
		struct store_fault_plan plan = { .at = n,
						 .when = STORE_FAULT_AFTER };

		store_fault_set(f, plan);
		FAILS(env, ERR_UNAVAILABLE,
		      write_item(f, env->anna, "x", &env->e));
		assert_int_equal(items(env), n == CALLS);
		t_sound(env);
	}
	f->v->close(&f);
}

static void
onwards(void **state)
{
	struct t_env *env = *state;
	struct store *f = NULL;
	struct store_tx *tx = NULL;
	struct slice *v;

	OK(env, store_fault_new(env->s, &f, &env->e));
	OK(env, f->v->begin(f, env->anna, STORE_WRITE, 0, &tx, &env->e));
	store_fault_set(f, (struct store_fault_plan){ 1, true, 0 });
	FAILS(env, ERR_UNAVAILABLE, tx->v->save(tx, 1, &env->e));
	FAILS(env, ERR_UNAVAILABLE, tx->v->save_undo(tx, 1, &env->e));
	tx->v->rollback(&tx); /* always works */
	FAILS(env, ERR_UNAVAILABLE,
	      f->v->site_get(f, env->a, "epoch", &v, &env->e));
	store_fault_set(f, (struct store_fault_plan){ 0, false, 0 });
	OK(env, f->v->site_get(f, env->a, "epoch", &v, &env->e));
	f->v->close(&f);
	assert_int_equal(items(env), 0);
}

/* As in a real store: after a failure only a rollback goes. */
static void
failure_sticks(void **state)
{
	struct t_env *env = *state;
	struct store *f = NULL;
	struct store_tx *tx = NULL;
	struct store_account acc;

	OK(env, store_fault_new(env->s, &f, &env->e));
	OK(env, f->v->begin(f, env->anna, STORE_WRITE, 0, &tx, &env->e));
	OK(env, tx->v->save(tx, 1, &env->e));
	store_fault_set(f, (struct store_fault_plan){ 1, false, 0 });
	FAILS(env, ERR_UNAVAILABLE,
	      tx->v->account_get(tx, env->a, &acc, &env->e));
	FAILS(env, ERR_BUG, tx->v->account_get(tx, env->a, &acc, &env->e));
	OK(env, tx->v->save_undo(tx, 1, &env->e));
	OK(env, tx->v->account_get(tx, env->a, &acc, &env->e));
	store_fault_set(f, (struct store_fault_plan){ 1, false, 0 });
	FAILS(env, ERR_UNAVAILABLE,
	      tx->v->account_get(tx, env->a, &acc, &env->e));
	FAILS(env, ERR_BUG, tx->v->commit(&tx, &env->e));
	assert_null(tx);
	f->v->close(&f);
	assert_int_equal(items(env), 0);
}

struct heard {
	uint64_t n, after;
	char last[32];
};

static void
hook(void *ctx, const char *fn, uint64_t n, enum store_fault_when when)
{
	struct heard *h = ctx;

	if (when == STORE_FAULT_AFTER) {
		assert_int_equal(n, h->n);
		assert_string_equal(h->last, fn);
		h->after++;
		return;
	}
	assert_int_equal(n, h->n + 1);
	h->n = n;
	(void)snprintf(h->last, sizeof(h->last), "%s", fn);
}

static void
hooks(void **state)
{
	struct t_env *env = *state;
	struct heard h = { 0 };
	struct store *f = NULL;

	OK(env, store_fault_new(env->s, &f, &env->e));
	store_fault_on_call(f, hook, &h);
	OK(env, write_item(f, env->anna, "x", &env->e));
	assert_int_equal(h.n, CALLS);
	assert_int_equal(h.after, CALLS);
	assert_string_equal(h.last, "commit");
	/* What was made to fail before its effect has no after. */
	store_fault_set(f, (struct store_fault_plan){ 1, false, 0 });
	FAILS(env, ERR_UNAVAILABLE, write_item(f, env->anna, "y", &env->e));
	assert_int_equal(h.n, CALLS + 1);
	assert_int_equal(h.after, CALLS);
	f->v->close(&f);
}

/* ---- memory
 * ------------------------------------------------------------------ */

static void
fill(struct t_env *env)
{
	int64_t id = t_item(env, env->anna, 1, "body", 5);
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 6);
	struct store_map m = t_map(21, 1, id, "L", 1);
	struct store_session ses = { .id = 40, .device = 20 };
	struct store_cred c = { .id = 41 };
	const struct store_story line = { 1, '>', SLICE_LIT("hello") };
	struct slice reply = SLICE_LIT("reply");

	m.state = STORE_MAP_SENT;
	ses.sid = SLICE_LIT("1");
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

static int
read_some(struct store_tx *tx, struct arena *a, int which, struct err *e)
{
	const struct store_cursor from = { 1, 0, 0 };
	const uint64_t hash = 2001;
	const int64_t id = 2;
	const int64_t coll = 1;
	const struct slice luid = SLICE_LIT("L");
	const struct store_rev_key key = { 2, 1 };
	struct store_collection *co;
	struct store_candidate *ca;
	struct store_revision *re;
	struct store_account ac;
	struct store_session *se;
	struct store_device *de;
	struct store_change *ch;
	struct store_story *st;
	struct store_item *it;
	struct store_cred *cr;
	struct store_link *li;
	struct store_map *ma;
	struct slice *an;
	struct slice s;
	size_t n;

	switch (which) {
	case 0:
		return tx->v->account_get(tx, a, &ac, e);
	case 1:
		return tx->v->cred_list(tx, a, &cr, &n, e);
	case 2:
		return tx->v->collection_list(tx, a, &co, &n, e);
	case 3:
		return tx->v->item_get(tx, a, &id, 1, true, &it, &n, e);
	case 4:
		return tx->v->item_page(tx, a, 1, 0, 9, true, true, &it, &n, e);
	case 5:
		return tx->v->revision_get(tx, a, &key, 1, &re, &n, e);
	case 6:
		return tx->v->revision_list(tx, a, 2, true, &re, &n, e);
	case 7:
		return tx->v->item_match(
		    tx, a,
		    &(struct store_likeness){ &coll, 1, &hash, 1, 8, 0, 0 },
		    &ca, &n, e);
	case 8:
		return tx->v->revision_match(tx, a, &id, &hash, 1, &re, &n, e);
	case 9:
		return tx->v->device_get(tx, a, SLICE_LIT("D"), &de, e);
	case 10:
		return tx->v->device_list(tx, a, &de, &n, e);
	case 11:
		return tx->v->link_list(tx, a, 20, &li, &n, e);
	case 12:
		return tx->v->map_by_luid(tx, a, 21, &luid, 1, &ma, &n, e);
	case 13:
		return tx->v->map_by_item(tx, a, 21, 1, &id, 1, &ma, &n, e);
	case 14:
		return tx->v->map_pending(
		    tx, a, &(struct store_pending){ 21, 1, 0, 0, 9, 9 }, &ma,
		    &n, e);
	case 15:
		return tx->v->changes(tx, a, 21, 1, &from, 99, 9, &ch, &n, e);
	case 16:
		return tx->v->unmapped(tx, a, 21, 7, 1, 0, 9, &it, &n, e);
	case 17:
		return tx->v->session_find(tx, a, SLICE_LIT(""), 20,
					   SLICE_LIT("1"), &se, e);
	case 18:
		return tx->v->answer_get(tx, a, 40, &an, e);
	case 19:
		return tx->v->session_list(tx, a, 0, 9, &se, &n, e);
	case 20:
		return tx->v->story_get(tx, a, 40, &st, &n, e);
	case 21:
		return tx->v->session_open(tx, a, 0, &se, &n, e);
	default:
		return tx->v->chunk_join(
		    tx, a, (struct store_chunk_key){ 21, 'i' }, &s, e);
	}
}
enum { READS = 23 };

/* Every allocation of every read fails once: ERR_NOMEM, nothing else. */
static void
no_memory(void **state)
{
	struct t_env *env = *state;
	int rc;

	fill(env);
	for (int which = 0; which < READS; which++) {
		size_t n = 0;

		do {
			struct store_tx *tx =
			    t_begin(env, env->anna, STORE_READ, 1);
			struct arena *a = arena_new(1000000);

			assert_non_null(a);
			arena_fail_at(a, ++n, true);
			rc = read_some(tx, a, which, &env->e);
			if (rc < 0)
				assert_int_equal(env->e.code, ERR_NOMEM);
			else
				assert_int_equal(rc, 0);
			tx->v->rollback(&tx);
			arena_free(&a);
		} while (rc < 0);
		/* It did allocate. */
		if (n < 2)
			fail_msg("read %d never failed", which);
	}
}

static const struct CMUnitTest TESTS[] = {
	T(passes_through), T(each_call_in_turn), T(after_the_commit),
	T(onwards),        T(failure_sticks),    T(hooks),
	T(no_memory),
};

int
main(int argc, char **argv)
{
	return cmocka_run_group_tests_name(place_name(t_choose_by(argc, argv)),
					   TESTS, NULL, NULL);
}
