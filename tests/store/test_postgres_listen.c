/*
 * Words from node to node: two stores of one database, one of which listens.
 *
 *	test_store_postgres_listen [KIND]      postgres, pgbouncer
 */
#include "tests/store/t_store.h"

#include "backends/postgres/pg.h"
#include "base/clock.h"

#include <time.h>

enum { LAST_MOMENT_MS = 20000, NOW_MS = 1000000 };

struct ear {
	pthread_mutex_t lock;
	pthread_cond_t more;
	int n[STORE_WAKES], all[STORE_WAKES], up, down;
	int64_t account, due_ms; /* of the last word */
};

static void
wake(void *ctx, enum store_wake what, int64_t account, int64_t due_ms)
{
	struct ear *h = ctx;

	(void)pthread_mutex_lock(&h->lock);
	if (account == 0) {
		h->all[what]++;
	} else {
		h->n[what]++;
		h->account = account;
		h->due_ms = due_ms;
	}
	(void)pthread_cond_broadcast(&h->more);
	(void)pthread_mutex_unlock(&h->lock);
}

static void
line(void *ctx, bool up, const char *why)
{
	struct ear *h = ctx;

	assert_true(up == (why == NULL));
	(void)pthread_mutex_lock(&h->lock);
	h->up += up;
	h->down += !up;
	(void)pthread_cond_broadcast(&h->more);
	(void)pthread_mutex_unlock(&h->lock);
}

static void
await(struct ear *h, const int *count, int n)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LAST_MOMENT_MS / 1000;
	(void)pthread_mutex_lock(&h->lock);
	while (*count < n)
		assert_int_equal(
		    pthread_cond_timedwait(&h->more, &h->lock, &until), 0);
	(void)pthread_mutex_unlock(&h->lock);
}

/* A node: its own store of the same database, which listens past a pooler. */
static struct store *
node(struct t_env *env, struct ear *h)
{
	const struct store_ear ear = { wake, line, h };
	char direct[256], host[128], port[16], uri[640];
	struct store *s;

	place_conninfo(&env->place, direct, sizeof(direct));
	assert_int_equal(sscanf(direct, "host=%127s port=%15s", host, port), 2);
	(void)snprintf(uri, sizeof(uri), "%s listen=%s:%s", env->uri, host,
		       port);
	OK(env, store_open(uri, false, &s, &env->e));
	if (h == NULL)
		return s;
	(void)pthread_mutex_init(&h->lock, NULL);
	(void)pthread_cond_init(&h->more, NULL);
	OK(env, s->v->hear(s, &ear, &env->e));
	await(h, &h->up, 1);
	await(h, &h->all[STORE_WAKES - 1], 1);
	return s;
}

static void
say(struct t_env *env, struct store *s, enum store_wake what, int64_t in_ms)
{
	struct store_tx *tx;

	OK(env, s->v->begin(s, env->anna, STORE_WRITE, NOW_MS, &tx, &env->e));
	store_wake(tx, what, NOW_MS + in_ms);
	OK(env, s->v->commit(&tx, &env->e));
}

static void
others_hear_it(void **state)
{
	struct t_env *env = *state;
	struct ear h[2] = { 0 };
	struct store *s[2] = { node(env, &h[0]), node(env, &h[1]) };

	/* What is due later they see anyway. */
	say(env, s[0], STORE_WAKE_PUSH, STORE_WAKE_SOON_MS);
	say(env, s[0], STORE_WAKE_ALARM, STORE_WAKE_SOON_MS - 1);
	await(&h[1], &h[1].n[STORE_WAKE_ALARM], 1);
	assert_int_equal(h[1].n[STORE_WAKE_PUSH], 0);
	assert_true(h[1].account == env->anna);
	assert_true(h[1].due_ms == NOW_MS + STORE_WAKE_SOON_MS - 1);

	/* Who says it hears it once, without the detour. */
	assert_int_equal(h[0].n[STORE_WAKE_ALARM], 1);
	assert_int_equal(h[0].n[STORE_WAKE_PUSH], 1);
	say(env, s[1], STORE_WAKE_PUSH, 0);
	await(&h[0], &h[0].n[STORE_WAKE_PUSH], 2);
	assert_int_equal(h[0].n[STORE_WAKE_ALARM], 1);
	s[0]->v->hear(s[0], NULL, NULL);
	s[0]->v->close(&s[0]);
	s[1]->v->close(&s[1]); /* takes the ear away, too */
}

static void
a_line_that_breaks(void **state)
{
	static const char kill[] =
	    "SELECT count(pg_terminate_backend(pid, 10000)) FROM"
	    " pg_stat_activity WHERE datname = current_database()"
	    " AND query LIKE 'LISTEN%'";
	struct t_env *env = *state;
	struct ear h = { 0 };
	struct store *s = node(env, &h);
	struct store *other = node(env, NULL);

	assert_int_equal(place_ask(&env->place, kill), 1);
	await(&h, &h.down, 1);
	await(&h, &h.up, 2);
	/* Something may have been said meanwhile. */
	await(&h, &h.all[STORE_WAKE_ALARM], 2);
	say(env, other, STORE_WAKE_ALARM, 0);
	await(&h, &h.n[STORE_WAKE_ALARM], 1);
	s->v->close(&s);
	other->v->close(&other);
}

/* Whoever may connect may say anything. */
static void
nonsense_is_not_heard(void **state)
{
	struct t_env *env = *state;
	struct ear h = { 0 };
	struct store *s = node(env, &h);

	(void)place_ask(&env->place, "NOTIFY funicular; NOTIFY funicular, 'x';"
				     "NOTIFY funicular, 'x 2 1 1';"
				     "NOTIFY funicular, 'x -1 1 1';"
				     "NOTIFY funicular, 'x 0 1';"
				     "NOTIFY funicular, 'x 0 one 1';"
				     "NOTIFY other, 'x 0 1 1';"
				     "NOTIFY funicular, 'x 1 7 8'");
	await(&h, &h.n[STORE_WAKE_PUSH], 1);
	assert_true(h.account == 7 && h.due_ms == 8);
	assert_int_equal(h.n[STORE_WAKE_ALARM], 0);
	s->v->close(&s);
}

static const struct CMUnitTest TESTS[] = {
	T(others_hear_it),
	T(a_line_that_breaks),
	T(nonsense_is_not_heard),
};

int
main(int argc, char **argv)
{
	return cmocka_run_group_tests_name(place_name(t_choose_by(argc, argv)),
					   TESTS, NULL, NULL);
}
