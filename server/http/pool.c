#include "server/http/pool.h"

#include "base/clock.h"

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>

enum {
	/* An arena that grew beyond this goes back to the system. */
	POOL_ARENA_KEEP = 2 * 1024 * 1024,
	/* The protocol does not recurse over what a peer sent. */
	POOL_STACK_BYTES = 1024 * 1024,
};

struct worker {
	struct srv_pool *pool;
	pthread_t thread;
	int64_t since_ms; /* start of its job; 0: idle */
};

struct srv_pool {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct srv_job *head, **tail;
	size_t waiting, busy, queue, arena_bytes;
	bool stopping;
	size_t worker_n; /* threads that run */
	struct worker worker[];
};

/* Between jobs a worker keeps little: what a large one took goes back to the
   system at once, or every worker would keep the most it ever needed. */
static void
arena_settle(struct arena **a)
{
	if (*a == NULL)
		return;
	if (arena_used(*a) <= POOL_ARENA_KEEP) {
		arena_reset(*a);
		return;
	}
	arena_free(a);
	(void)malloc_trim(0);
}

/* The next job, or NULL when the pool ends. */
static struct srv_job *
take(struct worker *w)
{
	struct srv_pool *p = w->pool;
	struct srv_job *job;

	(void)pthread_mutex_lock(&p->lock);
	if (w->since_ms != 0)
		p->busy--;
	w->since_ms = 0;
	while (p->head == NULL && !p->stopping)
		(void)pthread_cond_wait(&p->more, &p->lock);
	job = p->head;
	if (job != NULL) {
		p->head = job->next;
		if (p->head == NULL)
			p->tail = &p->head;
		p->waiting--;
		p->busy++;
		w->since_ms = clk_mono_ms() + 1;
	}
	(void)pthread_mutex_unlock(&p->lock);
	return job;
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct arena *a = NULL;
	struct srv_job *job;

	while ((job = take(w)) != NULL) {
		if (a == NULL)
			a = arena_new(w->pool->arena_bytes);
		job->run(job, a);
		arena_settle(&a);
	}
	arena_free(&a);
	return NULL;
}

static int
spawn(struct srv_pool *p, size_t n, struct err *e)
{
	pthread_attr_t attr;
	int rc = pthread_attr_init(&attr);

	if (rc != 0)
		return err_errno(e, ERR_NOMEM, rc, "pool.start",
				 "cannot prepare the worker threads");
	(void)pthread_attr_setstacksize(&attr, POOL_STACK_BYTES);
	for (size_t i = 0; i < n && rc == 0; i++) {
		p->worker[i].pool = p;
		rc = pthread_create(&p->worker[i].thread, &attr, work,
				    &p->worker[i]);
		if (rc == 0)
			p->worker_n++;
	}
	(void)pthread_attr_destroy(&attr);
	if (rc != 0)
		return err_errno(e, ERR_UNAVAILABLE, rc, "pool.start",
				 "cannot start worker threads (lower `workers` "
				 "or raise the limit of tasks)");
	return 0;
}

int
srv_pool_start(const struct srv_pool_conf *conf, struct srv_pool **out,
	       struct err *e)
{
	struct srv_pool *p =
	    calloc(1, sizeof(*p) + conf->workers * sizeof(p->worker[0]));

	if (p == NULL)
		return err_set(e, ERR_NOMEM, "pool.start", "out of memory");
	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_cond_init(&p->more, NULL);
	p->tail = &p->head;
	p->queue = conf->queue;
	p->arena_bytes = conf->arena_bytes;
	if (spawn(p, conf->workers, e) != 0) {
		srv_pool_stop(&p);
		return -1;
	}
	*out = p;
	return 0;
}

bool
srv_pool_push(struct srv_pool *p, struct srv_job *job)
{
	bool ok;

	(void)pthread_mutex_lock(&p->lock);
	ok = !p->stopping && p->waiting < p->queue;
	if (ok) {
		job->next = NULL;
		*p->tail = job;
		p->tail = &job->next;
		p->waiting++;
		(void)pthread_cond_signal(&p->more);
	}
	(void)pthread_mutex_unlock(&p->lock);
	return ok;
}

void
srv_pool_look(struct srv_pool *p, struct srv_pool_state *out)
{
	int64_t youngest = 0;

	(void)pthread_mutex_lock(&p->lock);
	*out = (struct srv_pool_state){ .workers = p->worker_n,
					.busy = p->busy,
					.waiting = p->waiting };
	for (size_t i = 0; i < p->worker_n; i++)
		if (p->worker[i].since_ms > youngest)
			youngest = p->worker[i].since_ms;
	if (p->busy == p->worker_n && youngest != 0)
		out->stuck_ms = clk_mono_ms() + 1 - youngest;
	(void)pthread_mutex_unlock(&p->lock);
}

void
srv_pool_stop(struct srv_pool **pp)
{
	struct srv_pool *p = *pp;

	if (p == NULL)
		return;
	(void)pthread_mutex_lock(&p->lock);
	p->stopping = true;
	(void)pthread_cond_broadcast(&p->more);
	(void)pthread_mutex_unlock(&p->lock);
	for (size_t i = 0; i < p->worker_n; i++)
		(void)pthread_join(p->worker[i].thread, NULL);
	(void)pthread_cond_destroy(&p->more);
	(void)pthread_mutex_destroy(&p->lock);
	free(p);
	*pp = NULL;
}
