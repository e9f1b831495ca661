/* Worker threads, their queue, and message bodies that come compressed. */
#include "server/http/inflate.h"
#include "server/http/pool.h"
#include "server/metrics.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include <cmocka.h>

struct task {
	struct srv_job job; /* first */
	sem_t *started;     /* NULL: does not wait */
	sem_t *go;
	atomic_int *done;
	size_t want;     /* bytes of the arena */
	bool had_memory; /* and they were zero */
};

static void
do_task(struct srv_job *job, struct arena *a)
{
	struct task *t = (struct task *)job;

	if (t->started != NULL) {
		(void)sem_post(t->started);
		(void)sem_wait(t->go);
	}
	t->had_memory = a != NULL;
	if (t->want > 0) {
		char *p = a == NULL ? NULL : arena_alloc(a, t->want);

		t->had_memory = p != NULL;
		for (size_t i = 0; p != NULL && i < t->want; i++)
			if (p[i] != 0)
				t->had_memory = false;
		if (p != NULL)
			memset(p, 0xAA, t->want);
	}
	(void)atomic_fetch_add(t->done, 1);
}

static struct srv_pool *
pool(size_t workers, size_t queue)
{
	struct srv_pool_conf c = { workers, queue, 4 << 20 };
	struct srv_pool *p = NULL;
	struct err e = { 0 };

	if (srv_pool_start(&c, &p, &e) != 0)
		fail_msg("%s", e.msg);
	return p;
}

static void
bounded(void **state)
{
	struct srv_pool *p = pool(2, 3);
	struct task t[6] = { 0 };
	struct srv_pool_state s;
	atomic_int done = 0;
	sem_t started;
	sem_t go;

	(void)state;
	(void)sem_init(&started, 0, 0);
	(void)sem_init(&go, 0, 0);
	for (size_t i = 0; i < 6; i++)
		t[i] = (struct task){ .job = { .run = do_task },
				      .started = &started,
				      .go = &go,
				      .done = &done };
	assert_true(srv_pool_push(p, &t[0].job));
	assert_true(srv_pool_push(p, &t[1].job));
	(void)sem_wait(&started);
	(void)sem_wait(&started);
	assert_true(srv_pool_push(p, &t[2].job));
	assert_true(srv_pool_push(p, &t[3].job));
	assert_true(srv_pool_push(p, &t[4].job));
	assert_false(srv_pool_push(p, &t[5].job));
	srv_pool_look(p, &s);
	assert_int_equal(s.workers, 2);
	assert_int_equal(s.busy, 2);
	assert_int_equal(s.waiting, 3);
	for (int i = 0; i < 5; i++)
		(void)sem_post(&go);
	/* Stopping runs what was queued. */
	srv_pool_stop(&p);
	assert_null(p);
	assert_int_equal(atomic_load(&done), 5);
	srv_pool_stop(&p);
	(void)sem_destroy(&started);
	(void)sem_destroy(&go);
}

enum { PUSHERS = 4, EACH = 500 };

struct pusher {
	struct srv_pool *p;
	struct task *t;
	int taken;
};

static void *
push_all(void *arg)
{
	struct pusher *me = arg;

	for (int i = 0; i < EACH; i++)
		if (srv_pool_push(me->p, &me->t[i].job))
			me->taken++;
	return NULL;
}

/* Every job that was taken is run, once, with clean memory. */
static void
many(void **state)
{
	struct srv_pool *p = pool(4, 100);
	struct task *t = calloc(PUSHERS * EACH, sizeof(*t));
	struct pusher me[PUSHERS];
	pthread_t thread[PUSHERS];
	atomic_int done = 0;
	int taken = 0;

	(void)state;
	assert_non_null(t);
	for (int i = 0; i < PUSHERS * EACH; i++)
		t[i] = (struct task){ .job = { .run = do_task },
				      .done = &done,
				      .want = i % 50 == 0 ? 1 << 20 : 3000 };
	for (int i = 0; i < PUSHERS; i++) {
		me[i] = (struct pusher){ p, t + i * EACH, 0 };
		assert_int_equal(
		    pthread_create(&thread[i], NULL, push_all, &me[i]), 0);
	}
	for (int i = 0; i < PUSHERS; i++) {
		(void)pthread_join(thread[i], NULL);
		taken += me[i].taken;
	}
	srv_pool_stop(&p);
	assert_int_equal(atomic_load(&done), taken);
	assert_true(taken >= 100);
	for (int i = 0; i < PUSHERS * EACH; i++)
		if (t[i].had_memory)
			taken--;
	assert_int_equal(taken, 0);
	free(t);
}

static struct slice
squeeze(struct arena *a, struct slice in, int window)
{
	size_t cap = in.n + 1000;
	char *out = arena_alloc(a, cap);
	z_stream z = { 0 };

	assert_non_null(out);
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, window, 8, 0), Z_OK);
	z.next_in = (Bytef *)(uintptr_t)in.p;
	z.avail_in = (uInt)in.n;
	z.next_out = (Bytef *)out;
	z.avail_out = (uInt)cap;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	cap -= z.avail_out;
	(void)deflateEnd(&z);
	return (struct slice){ out, cap };
}

static void
inflated(void **state)
{
	static const int window[] = { 15, 31, -15 }; /* zlib, gzip, bare */
	enum { BIG = 300000 };
	struct arena *a = arena_new(256 << 20);
	char *big = arena_alloc(a, BIG);
	struct slice in = { big, BIG };
	struct err e = { 0 };

	(void)state;
	assert_non_null(big);
	for (size_t i = 0; i < BIG; i++)
		big[i] = (char)(i * i / 7);
	for (size_t w = 0; w < 3; w++) {
		struct slice z = squeeze(a, in, window[w]);
		struct slice out = { NULL, 0 };

		assert_int_equal(srv_inflate(a, z, BIG, &out, &e), 0);
		assert_true(slice_eq(in, out));
		assert_int_equal(srv_inflate(a, z, BIG + 1, &out, &e), 0);
		assert_int_equal(srv_inflate(a, z, BIG - 1, &out, &e), -1);
		assert_int_equal(e.code, ERR_LIMIT);
		/* Cut off anywhere, or with something behind. */
		for (size_t n = 0; n < z.n; n += 1 + z.n / 50) {
			assert_int_equal(
			    srv_inflate(a, slice_sub(z, 0, n), BIG, &out, &e),
			    -1);
			assert_int_equal(e.code, ERR_PARSE);
		}
		assert_int_equal(srv_inflate(a, (struct slice){ z.p, z.n + 1 },
					     BIG, &out, &e),
				 -1);
		assert_int_equal(e.code, ERR_PARSE);
	}
	assert_int_equal(srv_inflate(a, SLICE_LIT("<SyncML>"), BIG, &in, &e),
			 -1);
	arena_free(&a);
}

/* A bomb costs what the limit allows, not what it would become. */
static void
bomb(void **state)
{
	enum { HUGE_N = 16 << 20, CAP = 2 << 20 };
	struct arena *big = arena_new(64 << 20);
	struct arena *a = arena_new(64 << 20);
	struct slice zeros = { arena_alloc(big, HUGE_N), HUGE_N };
	struct slice z;
	struct slice out;
	struct err e = { 0 };

	(void)state;
	assert_non_null(zeros.p);
	z = squeeze(big, zeros, 31);
	assert_true(z.n < 20000);
	assert_int_equal(srv_inflate(a, z, CAP, &out, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_true(arena_used(a) < 5 * (size_t)CAP);
	arena_free(&a);
	arena_free(&big);
}

static void
histogram(void **state)
{
	struct srv_metrics m = { 0 };
	struct srv_metrics_now now = { .store_up = true };
	struct arena *a = arena_new(1 << 20);
	struct buf b = { .a = a };
	struct slice s;

	(void)state;
	srv_metrics_message(&m, 1000);
	srv_metrics_message(&m, 1001);
	srv_metrics_message(&m, 90000000);
	srv_metrics_message(&m, -5);
	srv_metrics_write(&m, &now, &b);
	assert_true(buf_ok(&b));
	s = buf_slice(&b);
	assert_true(slice_ends(s, "# EOF\n"));
	assert_int_not_equal(slice_find_str(s, "_bucket{le=\"0.001\"} 2\n"),
			     SIZE_MAX);
	assert_int_not_equal(slice_find_str(s, "_bucket{le=\"0.0025\"} 3\n"),
			     SIZE_MAX);
	assert_int_not_equal(slice_find_str(s, "_bucket{le=\"30\"} 3\n"),
			     SIZE_MAX);
	assert_int_not_equal(slice_find_str(s, "_bucket{le=\"+Inf\"} 4\n"),
			     SIZE_MAX);
	assert_int_not_equal(slice_find_str(s, "_seconds_sum 90.002001\n"),
			     SIZE_MAX);
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounded),   cmocka_unit_test(many),
		cmocka_unit_test(inflated),  cmocka_unit_test(bomb),
		cmocka_unit_test(histogram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
