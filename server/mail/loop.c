/* The thread that waits for all mailboxes, and the life of all threads. */
#include "server/mail/loop.h"

#include "syncml/server.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { ARENA_MAX = 256 << 20 };

void
mail_wake(struct srv_mail *m)
{
	(void)eventfd_write(m->wake_fd, 1);
}

size_t
srv_mail_lines(struct srv_mail *m)
{
	return atomic_load(&m->lines);
}

/* ---- which mailboxes are ours -------------------------------------------- */

/* Has anybody a mailbox? A site without mail costs a look, and no lease. */
static int
anybody(struct srv_mail *m, bool *yes, struct err *e)
{
	struct store *s = m->env.store;
	struct store_mail_login *l;
	bool all[STORE_BUCKETS];
	size_t n;

	memset(all, true, sizeof(all));
	if (s->v->mail->logins_due(s, m->a, all, 1, &l, &n, e) < 0)
		return -1;
	*yes = n > 0;
	return 0;
}

static bool
is_on(const struct srv_mail *m)
{
	return m->share.taken_mono != INT64_MIN;
}

static int
leases(struct srv_mail *m, struct err *e)
{
	bool wanted = is_on(m);
	bool moved;

	if (!srv_share_due(&m->share))
		return 0;
	if (!wanted && anybody(m, &wanted, e) < 0)
		return -1;
	if (!wanted)
		return 0;
	if (srv_share_take(&m->share, &moved, e) < 0)
		return -1;
	if (moved)
		m->listed_mono = INT64_MIN;
	return 0;
}

/* All logins: those that are new are looked at, those that went are let go. */
static int
list(struct srv_mail *m, struct err *e)
{
	int64_t now = clk_mono_ms();
	struct store *s = m->env.store;
	struct store_mail_login *l;
	size_t n;

	if (m->listed_mono != INT64_MIN && now - m->listed_mono < LOOP_LIST_MS)
		return 0;
	if (s->v->mail->logins_due(s, m->a, m->share.mine, LOOP_LIST_MAX, &l,
				   &n, e) < 0)
		return -1;
	m->listed_mono = now;
	(void)pthread_mutex_lock(&m->lock);
	watch_sweep(m);
	for (size_t i = 0; i < m->w_n; i++)
		m->w[i]->listed = false;
	for (size_t i = 0; i < n; i++) {
		struct watch *w = watch_find(m, l[i].account);

		/* One that was refused waits for its time, whoever asks. */
		if (w == NULL) {
			int64_t wait =
			    l[i].next_ms - m->env.clk->now_ms(m->env.clk);

			w = watch_add(m, l[i].account);
			if (w == NULL)
				break;
			w->due_mono = l[i].health == STORE_MAIL_REFUSED
					  ? now + (wait > 0 ? wait : 0)
					  : now;
			w->hold_mono = w->due_mono;
			w->away = l[i].health == STORE_MAIL_AWAY ||
				  l[i].health == STORE_MAIL_REFUSED;
		}
		w->listed = true;
	}
	for (size_t i = 0; i < m->w_n; i++) {
		if (!m->w[i]->listed)
			watch_lose(m, m->w[i]);
	}
	watch_sweep(m);
	(void)pthread_mutex_unlock(&m->lock);
	return 0;
}

static int64_t
poll_ms(const struct srv_mail *m)
{
	return m->env.conf->alarm_poll_s * 1000;
}

/* What other threads and processes wrote: commands, sessions, other nodes. */
static int
written(struct srv_mail *m, struct err *e)
{
	bool heard = atomic_exchange(&m->heard, false);
	/* Read afterwards: what was heard of is due by then. */
	int64_t now = m->env.clk->now_ms(m->env.clk), mono = clk_mono_ms();
	struct store *s = m->env.store;
	struct store_mail_login *l;
	struct store_mail_effect *f;
	size_t n, f_n;

	if (!heard && m->polled_mono != INT64_MIN &&
	    mono - m->polled_mono < poll_ms(m))
		return 0;
	if (s->v->mail->logins_due(s, m->a, m->share.mine, LOOP_DUE_PAGE, &l,
				   &n, e) < 0 ||
	    s->v->mail->effects_due(s, m->a, m->share.mine, LOOP_DUE_PAGE, &f,
				    &f_n, e) < 0)
		return -1;
	m->polled_mono = mono;
	(void)pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < n && l[i].account != 0; i++) {
		struct watch *w;

		if (l[i].next_ms > now)
			continue;
		w = watch_find(m, l[i].account);
		if (w == NULL || w->lost)
			m->listed_mono = INT64_MIN;
		else if (l[i].health == STORE_MAIL_NEW)
			watch_queue(m, w, true);
	}
	for (size_t i = 0; i < f_n; i++) {
		struct watch *w =
		    f[i].next_ms <= now ? watch_find(m, f[i].account) : NULL;

		if (w != NULL && w->hold_mono <= mono)
			watch_queue(m, w, true);
	}
	(void)pthread_mutex_unlock(&m->lock);
	return 0;
}

/* A node that cannot reach the store must not go on as if it held them. */
static void
lose_all(struct srv_mail *m)
{
	m->listed_mono = INT64_MIN;
	(void)pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < m->w_n; i++)
		watch_lose(m, m->w[i]);
	watch_sweep(m);
	(void)pthread_mutex_unlock(&m->lock);
}

/* ---- waiting ------------------------------------------------------------- */

/* Those whose time has come; gives when the next one's does. */
static int64_t
due(struct srv_mail *m)
{
	int64_t now = clk_mono_ms(), next = now + poll_ms(m), renew;

	(void)pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < m->w_n; i++) {
		struct watch *w = m->w[i];

		if (w->busy || w->queued || w->lost)
			continue;
		if (w->due_mono <= now)
			watch_queue(m, w, true);
		else if (w->due_mono < next)
			next = w->due_mono;
	}
	(void)pthread_mutex_unlock(&m->lock);
	next -= now;
	renew = is_on(m) ? srv_share_wait_ms(&m->share) : next;
	return next < renew ? next : renew;
}

static void
wait_for(struct srv_mail *m, int64_t ms)
{
	struct epoll_event ev[LOOP_EVENTS];
	struct srv_later *over = NULL;
	int64_t held;
	eventfd_t count;
	int n;

	(void)pthread_mutex_lock(&m->lock);
	held = hold_next(m);
	(void)pthread_mutex_unlock(&m->lock);
	if (held != INT64_MAX) {
		held -= clk_mono_ms();
		ms = held < 0 ? 0 : held < ms ? held : ms;
	}
	n = epoll_wait(m->poll_fd, ev, LOOP_EVENTS,
		       (int)(ms < poll_ms(m) ? ms : poll_ms(m)));
	(void)pthread_mutex_lock(&m->lock);
	hold_take(m, 0, &over);
	for (int i = 0; i < n; i++) {
		struct watch *w;

		if (ev[i].data.u64 == 0) {
			(void)eventfd_read(m->wake_fd, &count);
			continue;
		}
		w = watch_find(m, (int64_t)ev[i].data.u64);
		if (w != NULL && !w->lost)
			watch_queue(m, w, false);
	}
	(void)pthread_mutex_unlock(&m->lock);
	hold_go(over);
}

static void *
run(void *arg)
{
	struct srv_mail *m = arg;

	while (!atomic_load(&m->stop)) {
		struct err e = { .code = ERR_NONE };

		arena_reset(m->a);
		if (leases(m, &e) == 0 &&
		    (!is_on(m) || (written(m, &e) == 0 && list(m, &e) == 0))) {
			m->failing = false;
			wait_for(m, due(m));
			continue;
		}
		if (!m->failing)
			log_line(m->env.log, LOG_LVL_WARN,
				 "event=mail where=%s: %s; tried again each "
				 "second",
				 e.where, e.msg);
		m->failing = true;
		if (srv_share_lost(&m->share))
			lose_all(m);
		wait_for(m, 1000);
	}
	return NULL;
}

void
srv_mail_due(struct srv_mail *m, int64_t due_ms)
{
	/* What comes later is seen by then, or at the next look. */
	if (due_ms > m->env.clk->now_ms(m->env.clk))
		return;
	atomic_store(&m->heard, true);
	mail_wake(m);
}

void
srv_mail_poke(struct srv_mail *m, int64_t account, unsigned words)
{
	bool work = (words & SML_MAIL_WORK) != 0;
	int64_t now = clk_mono_ms();
	struct watch *w;

	(void)pthread_mutex_lock(&m->lock);
	w = watch_find(m, account);
	/* A line tells of the inbox; and who looks already sees all. */
	if (w != NULL && w->hold_mono <= now &&
	    (work || (!w->busy && !w->queued &&
		      (w->box == NULL || (words & SML_MAIL_FOLDERS) != 0) &&
		      now - w->looked_mono >= SRV_MAIL_STALE_MS)))
		watch_queue(m, w, true);
	(void)pthread_mutex_unlock(&m->lock);
}

/* ---- life ---------------------------------------------------------------- */

static int
open_fds(struct srv_mail *m, struct err *e)
{
	struct epoll_event ev = { .events = EPOLLIN };

	m->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	m->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	m->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (m->poll_fd < 0 || m->wake_fd < 0 || m->stop_fd < 0 ||
	    epoll_ctl(m->poll_fd, EPOLL_CTL_ADD, m->wake_fd, &ev) < 0)
		return err_errno(e, ERR_IO, errno, "mail.start", "epoll");
	return 0;
}

static int
start_threads(struct srv_mail *m, struct err *e)
{
	size_t n = (size_t)m->env.conf->imap_workers;
	int rc = pthread_create(&m->loop, NULL, run, m);

	m->loop_runs = rc == 0;
	while (rc == 0 && m->worker_n < n && m->worker_n < LOOP_WORKERS_MAX) {
		rc = pthread_create(&m->worker[m->worker_n], NULL, mail_worker,
				    m);
		m->worker_n += rc == 0;
	}
	return rc == 0 ? 0
		       : err_errno(e, ERR_UNAVAILABLE, rc, "mail.start",
				   "cannot start a thread");
}

int
srv_mail_start(const struct srv_mail_env *env, struct slice node,
	       struct slice before, struct srv_mail **out, struct err *e)
{
	struct srv_mail *m = calloc(1, sizeof(*m));

	*out = NULL;
	if (m == NULL)
		return mail_no_memory(e);
	m->env = *env;
	m->poll_fd = m->wake_fd = m->stop_fd = -1;
	m->listed_mono = m->polled_mono = INT64_MIN;
	m->share = (struct srv_share){ .store = env->store,
				       .buckets = env->store->v->mail->buckets,
				       .node = node,
				       .before = before };
	srv_share_begin(&m->share);
	m->end = &m->first;
	(void)pthread_mutex_init(&m->lock, NULL);
	(void)pthread_cond_init(&m->work, NULL);
	m->a = arena_new(ARENA_MAX);
	if (m->a == NULL) {
		(void)mail_no_memory(e);
	} else if (open_fds(m, e) == 0 && start_threads(m, e) == 0) {
		*out = m;
		return 0;
	}
	srv_mail_free(&m);
	return -1;
}

static void
close_fd(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

void
srv_mail_free(struct srv_mail **mp)
{
	struct srv_mail *m = *mp;

	if (m == NULL)
		return;
	atomic_store(&m->stop, true);
	if (m->stop_fd >= 0)
		(void)eventfd_write(m->stop_fd, 1);
	(void)pthread_mutex_lock(&m->lock);
	(void)pthread_cond_broadcast(&m->work);
	(void)pthread_mutex_unlock(&m->lock);
	if (m->loop_runs) {
		mail_wake(m);
		(void)pthread_join(m->loop, NULL);
	}
	for (size_t i = 0; i < m->worker_n; i++)
		(void)pthread_join(m->worker[i], NULL);
	for (size_t i = 0; i < m->w_n; i++) {
		watch_close(m, m->w[i]);
		free(m->w[i]);
	}
	srv_share_give_back(&m->share);
	free(m->w);
	close_fd(m->poll_fd);
	close_fd(m->wake_fd);
	close_fd(m->stop_fd);
	(void)pthread_cond_destroy(&m->work);
	(void)pthread_mutex_destroy(&m->lock);
	arena_free(&m->a);
	free(m);
	*mp = NULL;
}
