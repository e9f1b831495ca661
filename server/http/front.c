#include "server/http/front_int.h"

#include "base/clock.h"
#include "syncml/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	/* What a request may have, and the headers of its answer. */
	FRONT_CONN_BYTES = SML_HTTP_HEAD_BYTES_MAX + 1536,
	FRONT_STACK_BYTES = 512 * 1024,
	FRONT_THREADS_MAX = 4,
};

static void on_library_log(void *cls, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

static void
on_library_log(void *cls, const char *fmt, va_list ap)
{
	struct srv_front *f = cls;
	char text[300];
	char quoted[201];

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	log_line(f->log, LOG_LVL_DEBUG, "event=http: %s",
		 log_quote(slice_trim(slice_c(text)), quoted, sizeof(quoted)));
}

static unsigned
threads(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	if (n < 1)
		return 1;
	return n > FRONT_THREADS_MAX ? FRONT_THREADS_MAX : (unsigned)n;
}

struct options { /* what a daemon of the library is started with */
	struct MHD_OptionItem item[16];
	size_t n;
};

static void
opt_num(struct options *o, enum MHD_OPTION what, intptr_t value)
{
	o->item[o->n++] = (struct MHD_OptionItem){ what, value, NULL };
}

static void
opt_ptr(struct options *o, enum MHD_OPTION what, void *ptr)
{
	o->item[o->n++] = (struct MHD_OptionItem){ what, 0, ptr };
}

static void
options(const struct srv_gate *g, const struct srv_conf *conf,
	const struct srv_tls *tls, struct options *o)
{
	union {
		const char *in;
		void *out;
	} prio = { g->listen->scheme == SRV_HTTPS_OLD ? conf->tls_priority_old
						      : conf->tls_priority };
	size_t most =
	    g->admin ? SRV_ADMIN_CONNECTIONS : (size_t)conf->connections;

	opt_num(o, MHD_OPTION_CONNECTION_MEMORY_LIMIT, FRONT_CONN_BYTES);
	/* Never reached: accept.c keeps the true one. The library divides
	   it among its threads, however the connections are divided. */
	opt_num(o, MHD_OPTION_CONNECTION_LIMIT,
		(intptr_t)((most + 1) * threads()));
	/* Every time limit is the sweeper's. */
	opt_num(o, MHD_OPTION_CONNECTION_TIMEOUT, 0);
	opt_num(o, MHD_OPTION_THREAD_STACK_SIZE, FRONT_STACK_BYTES);
	if (!g->admin && threads() > 1)
		opt_num(o, MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)threads());
	if (!g->admin && !g->listen->loopback && conf->addr_connections > 0 &&
	    conf->trusted_proxies[0] == '\0')
		opt_num(o, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
			(intptr_t)conf->addr_connections);
	if (g->listen->scheme != SRV_HTTP) {
		opt_ptr(o, MHD_OPTION_HTTPS_MEM_CERT, tls->cert);
		opt_ptr(o, MHD_OPTION_HTTPS_MEM_KEY, tls->key);
		opt_ptr(o, MHD_OPTION_HTTPS_PRIORITIES, prio.out);
	}
	opt_num(o, MHD_OPTION_END, 0);
}

/* Start the library for the gate. */
static int
gate_run(struct srv_gate *g, const struct srv_conf *conf,
	 const struct srv_tls *tls, struct err *e)
{
	struct options o = { .n = 0 };
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD |
			 MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC |
			 MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;

	if (g->listen->scheme != SRV_HTTP) {
		if (tls == NULL)
			return err_set(e, ERR_CONFIG, "http.start",
				       "%s needs tls_cert and tls_key",
				       g->listen->text);
		flags |= MHD_USE_TLS;
	}
	options(g, conf, tls, &o);
	g->mhd = MHD_start_daemon(
	    flags, 0, NULL, NULL, g->admin ? srv_admin_handle : srv_rq_handle,
	    g, MHD_OPTION_EXTERNAL_LOGGER, on_library_log, g->front,
	    MHD_OPTION_URI_LOG_CALLBACK,
	    g->admin ? srv_admin_begin : srv_rq_begin, g,
	    MHD_OPTION_NOTIFY_COMPLETED, g->admin ? srv_admin_end : srv_rq_end,
	    g, MHD_OPTION_NOTIFY_CONNECTION, srv_conn_notify, g,
	    MHD_OPTION_ARRAY, o.item, MHD_OPTION_END);
	if (g->mhd == NULL)
		return err_set(e, ERR_UNAVAILABLE, "http.start",
			       "cannot serve %s: the HTTP library did not "
			       "start; log_level = debug tells more",
			       g->listen->text);
	return 0;
}

static int
gate_add(struct srv_front *f, struct srv_listen *l, bool admin,
	 const struct srv_conf *conf, const struct srv_tls *tls, struct err *e)
{
	struct srv_gate *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return err_set(e, ERR_NOMEM, "http.start", "out of memory");
	g->front = f;
	g->listen = l;
	g->admin = admin;
	if (gate_run(g, conf, tls, e) != 0) {
		free(g);
		return -1;
	}
	(void)pthread_mutex_lock(&f->lock);
	g->next = f->gates;
	f->gates = g;
	(void)pthread_mutex_unlock(&f->lock);
	return 0;
}

static int
gates_open(struct srv_front *f, const struct srv_tls *tls, struct err *e)
{
	const struct srv_conf *conf = &f->settings->conf;

	for (size_t i = 0; i < f->pub->n; i++)
		if (f->pub->l[i].fd >= 0 &&
		    gate_add(f, &f->pub->l[i], false, conf, tls, e) != 0)
			return -1;
	for (size_t i = 0; i < f->admin->n; i++)
		if (f->admin->l[i].fd >= 0 &&
		    gate_add(f, &f->admin->l[i], true, conf, tls, e) != 0)
			return -1;
	return 0;
}

static int
front_init(struct srv_front *f, struct err *e)
{
	const struct srv_conf *conf = &f->settings->conf;
	struct srv_pool_conf pool = {
		.workers = conf->workers > 0 ? (size_t)conf->workers
					     : (size_t)threads() * 2,
		.queue = (size_t)conf->queue,
		.arena_bytes = SML_ARENA_BYTES_MAX,
	};
	int rc;

	f->connections_max = (size_t)conf->connections;
	(void)pthread_mutex_init(&f->lock, NULL);
	clk_cond_init(&f->wake);
	clk_cond_init(&f->gone);
	if (srv_pool_start(&pool, &f->pool, e) != 0)
		return -1;
	rc = pthread_create(&f->sweeper, NULL, srv_conn_sweep, f);
	if (rc != 0)
		return err_errno(e, ERR_UNAVAILABLE, rc, "http.start",
				 "cannot start a thread");
	f->sweeper_runs = true;
	return 0;
}

int
srv_front_start(const struct srv_front_in *in, struct srv_front **out,
		struct err *e)
{
	struct srv_front *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return err_set(e, ERR_NOMEM, "http.start", "out of memory");
	f->service = in->service;
	f->metrics = in->metrics;
	f->log = in->log;
	f->pub = in->pub;
	f->admin = in->admin;
	f->settings = srv_settings_ref(in->settings);
	f->wake_fd = -1;
	if (front_init(f, e) != 0 || gates_open(f, in->tls, e) != 0 ||
	    srv_accept_start(f, e) != 0) {
		srv_front_stop(&f);
		return -1;
	}
	*out = f;
	return 0;
}

void
srv_front_look(struct srv_front *f, struct srv_pool_state *out)
{
	srv_pool_look(f->pool, out);
}

void
srv_gate_end(struct srv_gate *g)
{
	MHD_stop_daemon(g->mhd);
	free(g);
}

/* A new daemon on the same address takes over from this one. */
static int
gate_renew(struct srv_gate *g, const struct srv_conf *conf,
	   const struct srv_tls *tls, struct err *e)
{
	if (gate_add(g->front, g->listen, false, conf, tls, e) != 0)
		return -1;
	/* Last: the sweeper may end a retired gate at once. */
	atomic_store(&g->retired, true);
	return 0;
}

/* The next gate that a reload has not renewed, from `after` on. */
static struct srv_gate *
next_tls_gate(struct srv_front *f, const struct srv_gate *after)
{
	struct srv_gate *g;

	(void)pthread_mutex_lock(&f->lock);
	g = after == NULL ? f->gates : after->next;
	while (g != NULL && (g->admin || g->listen->scheme == SRV_HTTP ||
			     atomic_load(&g->retired)))
		g = g->next;
	(void)pthread_mutex_unlock(&f->lock);
	return g;
}

int
srv_front_reload(struct srv_front *f, struct srv_settings *settings,
		 const struct srv_tls *tls, struct err *e)
{
	struct srv_settings *old;
	struct srv_gate *g = NULL;
	struct srv_gate *next;

	(void)pthread_mutex_lock(&f->lock);
	old = f->settings;
	f->settings = srv_settings_ref(settings);
	(void)pthread_mutex_unlock(&f->lock);
	srv_settings_unref(&old);
	if (tls == NULL)
		return 0;
	/* New gates go to the list's head: this walk does not meet them. The
	   next one is looked up first, since a renewed gate may be gone. */
	for (g = next_tls_gate(f, NULL); g != NULL; g = next) {
		next = next_tls_gate(f, g);
		if (gate_renew(g, &settings->conf, tls, e) != 0)
			return -1;
	}
	return 0;
}

/* Wait until no public connection is left or ms have passed. */
static bool
drained(struct srv_front *f, int64_t ms)
{
	int64_t end = clk_mono_ms() + ms;
	bool empty = false;

	(void)pthread_mutex_lock(&f->lock);
	for (;;) {
		size_t n = 0;

		for (struct srv_gate *g = f->gates; g != NULL; g = g->next)
			n += g->admin ? 0 : atomic_load(&g->conn_n);
		empty = n == 0;
		if (empty || clk_mono_ms() >= end)
			break;
		(void)clk_wait_until(&f->gone, &f->lock, end);
	}
	(void)pthread_mutex_unlock(&f->lock);
	return empty;
}

/*
 * The library aborts the process when it is stopped while a connection is
 * suspended, so: no new connections, everything that runs to its end, and only
 * then stop. Messages in a worker are waited for however long they take.
 */
static void
drain(struct srv_front *f)
{
	int64_t grace = f->settings->conf.stop_s * 1000;

	srv_accept_refuse(f);
	if (drained(f, grace))
		return;
	atomic_store(&f->hurry, 1);
	if (drained(f, grace + 1000))
		return;
	atomic_store(&f->hurry, 2);
	while (!drained(f, 10000)) {
		struct srv_pool_state s;

		srv_pool_look(f->pool, &s);
		log_line(f->log, LOG_LVL_WARN,
			 "event=stopping: waiting for %zu messages",
			 s.busy + s.waiting);
	}
}

static void
end_sweeper(struct srv_front *f)
{
	if (!f->sweeper_runs)
		return;
	(void)pthread_mutex_lock(&f->lock);
	f->sweeper_ends = true;
	(void)pthread_cond_broadcast(&f->wake);
	(void)pthread_mutex_unlock(&f->lock);
	(void)pthread_join(f->sweeper, NULL);
}

static void
end_gates(struct srv_front *f)
{
	while (f->gates != NULL) {
		struct srv_gate *g = f->gates;

		f->gates = g->next;
		srv_gate_end(g);
	}
}

void
srv_front_stop(struct srv_front **fp)
{
	struct srv_front *f = *fp;

	if (f == NULL)
		return;
	atomic_store(&f->stopping, true);
	drain(f);
	srv_accept_end(f);
	end_sweeper(f);
	srv_pool_stop(&f->pool);
	end_gates(f);
	(void)pthread_cond_destroy(&f->wake);
	(void)pthread_cond_destroy(&f->gone);
	(void)pthread_mutex_destroy(&f->lock);
	srv_settings_unref(&f->settings);
	free(f);
	*fp = NULL;
}
