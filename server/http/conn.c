/* Connections: counted, listed, and cut when they are too slow. */
#include "server/http/front_int.h"

#include "base/clock.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>

enum { SWEEP_MS = 250 };

static void
conn_add(struct srv_gate *g, struct MHD_Connection *m, void **ctx)
{
	struct srv_front *f = g->front;
	const union MHD_ConnectionInfo *fd =
	    MHD_get_connection_info(m, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct srv_conn *c = calloc(1, sizeof(*c));

	*ctx = c;
	if (c == NULL) {
		srv_gate_count(g, false);
		return; /* its first request is refused */
	}
	c->gate = g;
	c->fd = fd == NULL ? -1 : (int)fd->connect_fd;
	(void)pthread_mutex_lock(&f->lock);
	srv_conn_set(c, CONN_IDLE, f->settings->conf.header_s * 1000);
	c->next = f->conns;
	if (c->next != NULL)
		c->next->prev = c;
	f->conns = c;
	f->conn_n++;
	(void)pthread_mutex_unlock(&f->lock);
}

static void
conn_remove(struct srv_conn *c)
{
	struct srv_front *f = c->gate->front;

	(void)pthread_mutex_lock(&f->lock);
	if (c->next != NULL)
		c->next->prev = c->prev;
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		f->conns = c->next;
	f->conn_n--;
	if (c->lingers && !c->cut && c->fd >= 0)
		srv_linger_add(f, c->fd);
	srv_gate_count(c->gate, false);
	if (atomic_load(&f->stopping))
		(void)pthread_cond_broadcast(&f->gone);
	(void)pthread_mutex_unlock(&f->lock);
	free(c);
}

void
srv_conn_notify(void *cls, struct MHD_Connection *m, void **ctx,
		enum MHD_ConnectionNotificationCode what)
{
	if (what == MHD_CONNECTION_NOTIFY_STARTED)
		conn_add(cls, m, ctx);
	else if (*ctx != NULL)
		conn_remove(*ctx);
}

struct srv_conn *
srv_conn_of(struct MHD_Connection *m)
{
	const union MHD_ConnectionInfo *i =
	    MHD_get_connection_info(m, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return i == NULL ? NULL : i->socket_context;
}

bool
srv_conn_was_cut(struct srv_conn *c)
{
	struct srv_front *f = c->gate->front;
	bool cut;

	(void)pthread_mutex_lock(&f->lock);
	cut = c->cut;
	(void)pthread_mutex_unlock(&f->lock);
	return cut;
}

void
srv_conn_set(struct srv_conn *c, enum conn_phase phase, int64_t ms)
{
	atomic_store(&c->phase, (int)phase);
	atomic_store(&c->deadline_ms,
		     ms == INT64_MAX ? ms : clk_mono_ms() + ms);
}

/*
 * Did the client go away in the middle of a request? The library misses it
 * when the end comes together with the last bytes (it waits for one more edge
 * of epoll). Everything must have been read, twice in a row: what the library
 * is just about to handle is no gone client.
 */
static bool
gone(struct srv_conn *c, int phase)
{
	struct pollfd p = { .fd = c->fd, .events = POLLRDHUP };
	bool before = c->half;
	int unread = 0;

	c->half = false;
	if (phase != CONN_RECEIVES && (phase != CONN_IDLE || c->used))
		return false;
	if (poll(&p, 1, 0) != 1 || ioctl(c->fd, FIONREAD, &unread) != 0)
		return false;
	c->half = unread == 0;
	return before && c->half;
}

/*
 * Where few places are left, those who say nothing get a quarter of their time:
 * somebody else has something to say.
 */
static bool
in_the_way(const struct srv_front *f, struct srv_conn *c, int64_t now)
{
	const struct srv_conf *conf = &f->settings->conf;
	int64_t ms =
	    1000 * (atomic_load(&c->used) ? conf->keepalive_s : conf->header_s);

	return (size_t)atomic_load(&f->metrics->connections) >=
		   f->connections_max / 4 * 3 &&
	       atomic_load(&c->deadline_ms) - now <= ms / 4 * 3;
}

/* Is it over for this connection? */
static bool
due(struct srv_front *f, struct srv_conn *c, int64_t now)
{
	int phase = atomic_load(&c->phase);
	int hurry = atomic_load(&f->hurry);

	if (atomic_load(&c->deadline_ms) <= now) {
		atomic_store(&c->slow, phase != CONN_IDLE);
		return true;
	}
	if (gone(c, phase))
		return true;
	if (c->gate->admin)
		return false;
	if (phase == CONN_IDLE)
		return atomic_load(&f->stopping) ||
		       atomic_load(&c->gate->retired) || in_the_way(f, c, now);
	return (phase == CONN_RECEIVES && hurry >= 1) ||
	       (phase == CONN_SENDS && hurry >= 2);
}

/*
 * shutdown(2) makes the library see the end of the stream and close by itself.
 * The descriptor cannot be another one's: the library closes it only after
 * conn_remove(), which waits for this lock.
 */
static void
cut_due(struct srv_front *f)
{
	int64_t now = clk_mono_ms();

	for (struct srv_conn *c = f->conns; c != NULL; c = c->next) {
		if (c->cut || c->fd < 0 || !due(f, c, now))
			continue;
		c->cut = true;
		(void)shutdown(c->fd, SHUT_RDWR);
		if (atomic_load(&c->slow))
			srv_metrics_add(&f->metrics->deadlines, 1);
	}
}

/* A retired gate without connections, taken off the list. */
static struct srv_gate *
take_empty(struct srv_front *f)
{
	for (struct srv_gate **g = &f->gates; *g != NULL; g = &(*g)->next) {
		struct srv_gate *found = *g;

		if (!atomic_load(&found->retired) ||
		    atomic_load(&found->conn_n) != 0)
			continue;
		*g = found->next;
		return found;
	}
	return NULL;
}

static void
end_retired(struct srv_front *f)
{
	struct srv_gate *g = take_empty(f);

	if (g == NULL)
		return;
	/* It joins the library's threads, which may want the lock. */
	(void)pthread_mutex_unlock(&f->lock);
	srv_gate_end(g);
	(void)pthread_mutex_lock(&f->lock);
}

void *
srv_conn_sweep(void *front)
{
	struct srv_front *f = front;

	(void)pthread_mutex_lock(&f->lock);
	while (!f->sweeper_ends) {
		int64_t at = clk_mono_ms() + SWEEP_MS;

		cut_due(f);
		srv_linger_look(f, clk_mono_ms());
		if (!atomic_load(&f->stopping))
			end_retired(f);
		while (!f->sweeper_ends && clk_mono_ms() < at)
			(void)clk_wait_until(&f->wake, &f->lock, at);
	}
	srv_linger_look(f, INT64_MAX);
	(void)pthread_mutex_unlock(&f->lock);
	return NULL;
}
