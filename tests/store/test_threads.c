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

static const struct CMUnitTest TESTS[] = { T(one_account), T(many_accounts) };

int
main(int argc, char **argv)
{
	return cmocka_run_group_tests_name(place_name(t_choose_by(argc, argv)),
					   TESTS, NULL, NULL);
}
