/*
 * Connections are accepted here and handed to the library, one thread for all
 * addresses.
 *
 * Why not by the library itself: when its listening is ended
 * (MHD_quiesce_daemon, at a stop and when a certificate is renewed) its own
 * threads may be about to do the same, and then version 0.9.75 aborts the
 * process. Nor may a daemon of its be at its limit of connections when one is
 * handed over: it never lets go of a lock then. So the limits are kept here.
 */
#include "server/http/front_int.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	AT_ONCE = 64,   /* of one address, before the next one has its turn */
	PAUSE_MS = 100, /* when there is no descriptor left */
	LISTENS_MAX = 2 * SRV_LISTEN_MAX, /* public and administrator's */
};

struct door {
	struct srv_front *f;
	struct pollfd p[LISTENS_MAX + 1]; /* the last one: wake_fd */
	struct srv_listen *l[LISTENS_MAX];
	size_t n;
	bool starved; /* said that there is no descriptor left */
};

static bool
has_room(const struct srv_gate *g)
{
	const struct srv_front *f = g->front;

	if (g->admin)
		return atomic_load(&g->conn_n) < SRV_ADMIN_CONNECTIONS;
	return (size_t)atomic_load(&f->metrics->connections) <
	       f->connections_max;
}

void
srv_gate_count(struct srv_gate *g, bool more)
{
	if (more) {
		(void)atomic_fetch_add(&g->conn_n, 1);
		if (!g->admin)
			(void)atomic_fetch_add(&g->front->metrics->connections,
					       1);
		return;
	}
	if (!g->admin)
		(void)atomic_fetch_sub(&g->front->metrics->connections, 1);
	(void)atomic_fetch_sub(&g->conn_n, 1);
}

/* The daemon that takes what comes from an address now. Under front.lock. */
static struct srv_gate *
gate_of(struct srv_front *f, const struct srv_listen *l)
{
	for (struct srv_gate *g = f->gates; g != NULL; g = g->next)
		if (g->listen == l && !atomic_load(&g->retired))
			return g;
	return NULL;
}

static void
hand_over(struct srv_front *f, struct srv_gate *g, int fd,
	  const struct sockaddr_storage *sa, socklen_t sa_n)
{
	if (g == NULL || !has_room(g)) {
		srv_metrics_add(&f->metrics->refused, 1);
		(void)close(fd);
		return;
	}
	/* Counted before: a retired gate ends when nobody is on it. */
	srv_gate_count(g, true);
	if (MHD_add_connection(g->mhd, fd, (const struct sockaddr *)sa, sa_n) ==
	    MHD_YES)
		return;
	/* Too many of one address: the library has closed it. */
	srv_gate_count(g, false);
	srv_metrics_add(&f->metrics->refused, 1);
}

/* false: no descriptor or memory left. Under front.lock. */
static bool
accept_some(struct door *d, struct srv_listen *l)
{
	struct srv_gate *g = gate_of(d->f, l);

	/* A stop may have begun since it was waited for. */
	if (g != NULL && !g->admin && atomic_load(&d->f->stopping))
		return true;
	for (int i = 0; i < AT_ONCE && l->fd >= 0; i++) {
		struct sockaddr_storage sa = { .ss_family = AF_UNSPEC };
		socklen_t n = sizeof(sa);
		int fd = accept4(l->fd, (struct sockaddr *)&sa, &n,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			d->starved = false;
			hand_over(d->f, g, fd, &sa, n);
		} else if (errno == EMFILE || errno == ENFILE ||
			   errno == ENOBUFS || errno == ENOMEM) {
			return false;
		} else if (errno == EAGAIN) {
			return true;
		}
		/* Any other error was that one connection's. */
	}
	return true;
}

static void
say_starved(struct door *d)
{
	char why[ERR_REASON_BYTES];

	if (!d->starved)
		log_line(d->f->log, LOG_LVL_WARN,
			 "event=accept: no connection can be taken: %s; raise "
			 "LimitNOFILE or lower `connections`",
			 err_reason(errno, why, sizeof(why)));
	d->starved = true;
}

/* What to wait for. At a stop only the administrator still comes in. */
static void
look_around(struct door *d)
{
	struct srv_front *f = d->f;
	bool stopping = atomic_load(&f->stopping);

	d->n = 0;
	for (size_t i = 0; !stopping && i < f->pub->n; i++)
		if (f->pub->l[i].fd >= 0 && d->n < LISTENS_MAX)
			d->l[d->n++] = &f->pub->l[i];
	for (size_t i = 0; i < f->admin->n; i++)
		if (f->admin->l[i].fd >= 0 && d->n < LISTENS_MAX)
			d->l[d->n++] = &f->admin->l[i];
	for (size_t i = 0; i < d->n; i++)
		d->p[i] =
		    (struct pollfd){ .fd = d->l[i]->fd, .events = POLLIN };
}

/* Wait; with the lock let go. */
static void
wait_for(struct door *d, bool pause)
{
	size_t n = pause ? 0 : d->n;
	uint64_t woken;

	d->p[n] = (struct pollfd){ .fd = d->f->wake_fd, .events = POLLIN };
	(void)pthread_mutex_unlock(&d->f->lock);
	(void)poll(d->p, n + 1, pause ? PAUSE_MS : -1);
	if ((d->p[n].revents & POLLIN) != 0)
		(void)!read(d->f->wake_fd, &woken, sizeof(woken));
	(void)pthread_mutex_lock(&d->f->lock);
	if (pause)
		d->n = 0;
}

static void *
accept_all(void *front)
{
	struct door d = { .f = front };
	bool pause = false;

	(void)pthread_mutex_lock(&d.f->lock);
	while (!d.f->acceptor_ends) {
		look_around(&d);
		wait_for(&d, pause);
		pause = false;
		for (size_t i = 0; i < d.n && !pause; i++) {
			if (d.p[i].revents == 0)
				continue;
			pause = !accept_some(&d, d.l[i]);
			if (pause)
				say_starved(&d);
		}
	}
	(void)pthread_mutex_unlock(&d.f->lock);
	return NULL;
}

static int
unblock(struct srv_listens *ls, struct err *e)
{
	for (size_t i = 0; i < ls->n; i++) {
		int fd = ls->l[i].fd;
		int flags = fd < 0 ? 0 : fcntl(fd, F_GETFL);

		if (fd >= 0 &&
		    (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0))
			return err_errno(e, ERR_IO, errno, "http.start",
					 "cannot listen on %s", ls->l[i].text);
	}
	return 0;
}

int
srv_accept_start(struct srv_front *f, struct err *e)
{
	int rc;

	/* Systemd's sockets may block. */
	if (unblock(f->pub, e) != 0 || unblock(f->admin, e) != 0)
		return -1;
	f->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (f->wake_fd < 0)
		return err_errno(e, ERR_UNAVAILABLE, errno, "http.start",
				 "no descriptor left");
	rc = pthread_create(&f->acceptor, NULL, accept_all, f);
	if (rc != 0)
		return err_errno(e, ERR_UNAVAILABLE, rc, "http.start",
				 "cannot start a thread");
	f->acceptor_runs = true;
	return 0;
}

static void
wake(struct srv_front *f)
{
	const uint64_t one = 1;

	(void)!write(f->wake_fd, &one, sizeof(one));
}

/*
 * At a stop clients shall see a refusal, not a connection that nobody takes.
 * Systemd's socket stays as it is: the next daemon answers what waits there.
 */
void
srv_accept_refuse(struct srv_front *f)
{
	(void)pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->pub->n; i++) {
		struct srv_listen *l = &f->pub->l[i];

		if (l->given || l->fd < 0)
			continue;
		(void)close(l->fd);
		l->fd = -1;
	}
	(void)pthread_mutex_unlock(&f->lock);
	if (f->acceptor_runs)
		wake(f);
}

void
srv_accept_end(struct srv_front *f)
{
	if (f->acceptor_runs) {
		(void)pthread_mutex_lock(&f->lock);
		f->acceptor_ends = true;
		(void)pthread_mutex_unlock(&f->lock);
		wake(f);
		(void)pthread_join(f->acceptor, NULL);
	}
	if (f->wake_fd >= 0)
		(void)close(f->wake_fd);
}
