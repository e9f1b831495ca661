/*
 * Many threads on one store: numbers commit in order, nothing is lost, nobody
 * sees a gap. Runs under the thread sanitizer too.
 */
#include "tests/store/t_store.h"

#include <pthread.h>
#include <stdatomic.h>

enum { WRITERS = 4, ROUNDS = 40 };

struct worker {
	struct t_env *env;
	int64_t account;
	int64_t change_no[ROUNDS];
	int64_t item[ROUNDS];
	atomic_int *running;
	const char *failed; /* what did not work; cmocka is not for threads */
	struct err e;
};

static bool
write_one(struct worker *w, int i)
{
	struct store *s = w->env->s;
	struct store_tx *tx = NULL;
	struct store_write item;

	w->failed = "begin";
	if (s->v->begin(s, w->account, STORE_WRITE, i, &tx, &w->e) < 0)
		return false;
	item = t_new(tx, (uint64_t)i, "body");
	item.h_uid += (uint64_t)item.item * 1000;
	w->change_no[i] = tx->change_no;
	w->item[i] = item.item;
	w->failed = "put";
	if (tx->v->item_put(tx, &item, 1, &w->e) < 0) {
		tx->v->rollback(&tx);
		return false;
	}
	w->failed = "commit";
	if (i % 8 == 7) { /* one that never was */
		tx->v->rollback(&tx);
		return true;
	}
	return tx->v->commit(&tx, &w->e) == 0;
}

static void *
writer(void *arg)
{
	struct worker *w = arg;

	for (int i = 0; i < ROUNDS; i++) {
		if (!write_one(w, i)) {
			(void)atomic_fetch_sub(w->running, 1);
			return NULL;
		}
	}
	w->failed = NULL;
	(void)atomic_fetch_sub(w->running, 1);
	return NULL;
}

/* Every transaction writes one item under its own number, so what a reader
   sees up to the highest number must be all of them. */
static bool
look(struct worker *w, struct arena *a, int64_t first, int64_t *seen)
{
	const struct store_cursor from = { 1, 0, 0 };
	struct store *s = w->env->s;
	struct store_account acc;
	struct store_change *c;
	struct store_tx *tx = NULL;
	bool good;
	size_t n = 0;

	w->failed = "read";
	if (s->v->begin(s, w->account, STORE_READ, 0, &tx, &w->e) < 0)
		return false;
	arena_reset(a);
	good = tx->v->account_get(tx, a, &acc, &w->e) == 0 &&
	       tx->v->changes(tx, a, 1, 1, &from, INT64_MAX, 100000, &c, &n,
			      &w->e) == 0 &&
	       tx->v->commit(&tx, &w->e) == 0;
	if (!good)
		return false;
	w->failed = "a gap";
	for (size_t i = 0; i < n; i++) {
		if (c[i].item.change_no != first + (int64_t)i)
			return false;
	}
	w->failed = "what was there is gone";
	good = (int64_t)n >= *seen && acc.used_items == (int64_t)n &&
	       acc.change_no == first + (int64_t)n - 1;
	*seen = (int64_t)n;
	return good;
}

static void *
reader(void *arg)
{
	struct worker *w = arg;
	struct arena *a = arena_new((size_t)16 << 20);
	int64_t seen = 0;
	bool good = a != NULL;

	while (good && atomic_load(w->running) > 0)
		good = look(w, a, w->change_no[0], &seen);
	if (good && look(w, a, w->change_no[0], &seen))
		w->failed = NULL;
	arena_free(&a);
	return NULL;
}

static int
by_number(const void *x, const void *y)
{
	int64_t a = *(const int64_t *)x;
	int64_t b = *(const int64_t *)y;

	return a < b ? -1 : a > b;
}

/* One account: each number is given once, without holes. */
static void
one_account(void **state)
{
	struct t_env *env = *state;
	static struct worker w[WRITERS + 1];
	atomic_int running = WRITERS;
	pthread_t id[WRITERS + 1];
	int64_t no[WRITERS * ROUNDS];
	struct store_tx *tx;
	struct store_account acc;
	size_t n = 0;
	int64_t first;

	tx = t_begin(env, env->anna, STORE_READ, 0);
	OK(env, tx->v->account_get(tx, env->a, &acc, &env->e));
	first = acc.change_no + 1;
	t_commit(env, &tx);
	for (size_t i = 0; i <= WRITERS; i++) {
		w[i] = (struct worker){ .env = env,
					.account = env->anna,
					.running = &running };
		w[i].change_no[0] = first; /* for the reader */
	}
	for (size_t i = 0; i <= WRITERS; i++)
		assert_int_equal(pthread_create(&id[i], NULL,
						i < WRITERS ? writer : reader,
						&w[i]),
				 0);
	for (size_t i = 0; i <= WRITERS; i++)
		assert_int_equal(pthread_join(id[i], NULL), 0);
	for (size_t i = 0; i <= WRITERS; i++) {
		if (w[i].failed != NULL)
			fail_msg("%s: %s", w[i].failed, w[i].e.msg);
	}
	for (size_t i = 0; i < WRITERS; i++) {
		for (int k = 0; k < ROUNDS; k++) {
			if (k % 8 != 7)
				no[n++] = w[i].change_no[k];
		}
	}
	qsort(no, n, sizeof(no[0]), by_number);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(no[i], first + (int64_t)i);
	t_sound(env);
}

/* Different accounts do not disturb each other's numbers. */
static void
many_accounts(void **state)
{
	struct t_env *env = *state;
	static struct worker w[WRITERS];
	atomic_int running = WRITERS;
	pthread_t id[WRITERS];
	char name[16];

	for (size_t i = 0; i < WRITERS; i++) {
		(void)snprintf(name, sizeof(name), "user%zu", i);
		w[i] = (struct worker){ .env = env,
					.account = t_account(env, name),
					.running = &running };
	}
	for (size_t i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&id[i], NULL, writer, &w[i]),
				 0);
	for (size_t i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_join(id[i], NULL), 0);
	for (size_t i = 0; i < WRITERS; i++) {
		int64_t next = w[i].change_no[0];
		int64_t item = w[i].item[0];

		if (w[i].failed != NULL)
			fail_msg("%s: %s", w[i].failed, w[i].e.msg);
		for (int k = 0; k < ROUNDS; k++) {
			assert_int_equal(w[i].change_no[k], next);
			assert_int_equal(w[i].item[k], item);
			if (k % 8 != 7) {
				next++;
				item++;
			}
		}
	}
	t_sound(env);
}

/* ---- two writers, paused between number and commit ----------------------- */

struct second {
	struct store *s; /* another node's */
	int64_t account;
	int64_t change_no;
	_Atomic bool first_done;
	bool too_early;
	struct store_tx *tx;
	struct err e;
	int rc;
};

static void *
second_begins(void *arg)
{
	struct second *b = arg;

	b->rc =
	    b->s->v->begin(b->s, b->account, STORE_WRITE, 20, &b->tx, &b->e);
	b->too_early = !b->first_done;
	return NULL;
}

/* Where the server can be asked: wait until somebody stands at the lock. */
static void
somebody_waits(struct t_env *env)
{
	if (env->place.kind == PLACE_SQLITE)
		return;
	for (int i = 0;
	     place_ask(&env->place, "SELECT count(*) FROM pg_stat_activity"
				    " WHERE wait_event_type = 'Lock'") == 0;
	     i++)
		assert_true(i < 10000);
}

/* What a reader is sent from `cursor` on; the cursor moves to the bound that
   was fixed when it started. */
static size_t
read_on(struct t_env *env, struct store_cursor *cursor, int64_t *first)
{
	struct store_tx *tx = t_begin(env, env->anna, STORE_READ, 1);
	struct store_account acc;
	struct store_change *c;
	size_t n;

	OK(env, tx->v->account_get(tx, env->a, &acc, &env->e));
	OK(env, tx->v->changes(tx, env->a, 21, 1, cursor, acc.change_no, 100,
			       &c, &n, &env->e));
	*first = n > 0 ? c[0].item.id : 0;
	*cursor = (struct store_cursor){ 1, acc.change_no, INT64_MAX };
	t_commit(env, &tx);
	return n;
}

static void
two_writers(void **state)
{
	struct t_env *env = *state;
	struct second b = { .account = env->anna };
	struct store_cursor cursor = { 1, 0, 0 };
	struct store_tx *a;
	struct store_write wa, wb;
	int64_t a_no, first;
	pthread_t thread;

	OK(env, store_open(env->uri, false, &b.s, &env->e));
	a = t_begin(env, env->anna, STORE_WRITE, 10);
	t_device(env, a, 20, "D");
	t_link(env, a, 21, 20, "./C");
	t_commit(env, &a);
	a = t_begin(env, env->anna, STORE_WRITE, 10);
	a_no = a->change_no;
	wa = t_new(a, 1, "first");
	t_put(env, a, wa);
	assert_int_equal(pthread_create(&thread, NULL, second_begins, &b), 0);
	somebody_waits(env);
	assert_int_equal(read_on(env, &cursor, &first), 0);
	assert_int_equal(cursor.change_no, a_no - 1);
	b.first_done = true;
	t_commit(env, &a);
	assert_int_equal(pthread_join(thread, NULL), 0);
	OK(env, b.rc);
	assert_false(b.too_early);
	assert_int_equal(b.tx->change_no, a_no + 1);
	wb = t_new(b.tx, 2, "second");
	OK(env, b.tx->v->item_put(b.tx, &wb, 1, &env->e));
	/* The second has its number and no commit: the bound stays below. */
	assert_int_equal(read_on(env, &cursor, &first), 1);
	assert_int_equal(first, wa.item);
	assert_int_equal(cursor.change_no, a_no);
	OK(env, b.tx->v->commit(&b.tx, &env->e));
	assert_int_equal(read_on(env, &cursor, &first), 1);
	assert_int_equal(first, wb.item);
	assert_int_equal(read_on(env, &cursor, &first), 0);
	b.s->v->close(&b.s);
	t_sound(env);
}

static const struct CMUnitTest TESTS[] = { T(one_account), T(many_accounts),
					   T(two_writers) };

int
main(int argc, char **argv)
{
	return cmocka_run_group_tests_name(place_name(t_choose_by(argc, argv)),
					   TESTS, NULL, NULL);
}
