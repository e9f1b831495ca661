#include "server/life.h"

#include "base/clock.h"
#include "server/http/front.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

enum {
	LIFE_PRUNE_MS = 3600 * 1000,
	/* All workers busy for so long with no message done: something hangs,
	   and systemd's watchdog may restart us. */
	LIFE_STUCK_MS = 10 * 60 * 1000,
	LIFE_LISTEN_ARENA = 1 << 20,
	/* Descriptors besides connections: store, log, epoll. */
	LIFE_FDS_OWN = 192,
	LIFE_EXPIRES_SOON_S = 14 * 86400,
};

struct life {
	const struct srv_life_in *in;
	struct arena *a;
	struct srv_settings *settings;
	struct srv_listens pub, admin;
	struct srv_tls tls;
	bool has_tls;
	bool opened; /* the service */
	struct srv_front *front;

	pthread_t keeper;
	bool keeper_runs;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	atomic_bool stopping;
	atomic_int_fast64_t history_days;
};

static void
signal_set(sigset_t *set)
{
	(void)sigemptyset(set);
	(void)sigaddset(set, SIGTERM);
	(void)sigaddset(set, SIGINT);
	(void)sigaddset(set, SIGHUP);
}

void
srv_life_signals(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t set;

	signal_set(&set);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	(void)sigaction(SIGPIPE, &ignore, NULL);
}

/* ---- start ---------------------------------------------------------- */

static int
check_root(const struct life *l, struct err *e)
{
	if (geteuid() != 0 || l->in->allow_root || l->settings->conf.allow_root)
		return 0;
	return err_set(e, ERR_CONFIG, "serve",
		       "running as root, which the daemon never needs: start "
		       "it as its own user (the systemd unit does), or say "
		       "--allow-root");
}

/* Let the process open as many descriptors as the connections need. */
static int
raise_fds(const struct srv_conf *conf, struct err *e)
{
	rlim_t need = (rlim_t)conf->connections + LIFE_FDS_OWN;
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur >= need)
		return 0;
	if (r.rlim_max < need)
		return err_set(e, ERR_CONFIG, "serve",
			       "connections = %lld needs %llu open files and "
			       "the limit is %llu: lower it, or raise "
			       "LimitNOFILE (ulimit -n)",
			       (long long)conf->connections,
			       (unsigned long long)need,
			       (unsigned long long)r.rlim_max);
	r.rlim_cur = need;
	if (setrlimit(RLIMIT_NOFILE, &r) != 0)
		return err_errno(e, ERR_CONFIG, errno, "serve",
				 "cannot raise the limit of open files");
	return 0;
}

static void
say_expiry(struct life *l, const struct srv_tls *tls)
{
	int64_t left = tls->expires_s - clk_system.now_ms(&clk_system) / 1000;

	atomic_store(&l->in->metrics->tls_expires_s, tls->expires_s);
	if (left < LIFE_EXPIRES_SOON_S)
		log_line(l->in->log, LOG_LVL_WARN,
			 "event=tls: the certificate %s %s",
			 l->settings->conf.tls_cert,
			 left < 0 ? "has expired" : "expires within 14 days");
}

/* What must not listen openly does not; warn where it was allowed. */
static int
check_plain(struct life *l, struct err *e)
{
	for (size_t i = 0; i < l->pub.n; i++) {
		const struct srv_listen *p = &l->pub.l[i];

		if (p->scheme != SRV_HTTP || p->loopback)
			continue;
		if (!l->settings->conf.allow_plain)
			return err_set(e, ERR_CONFIG, "serve",
				       "%s would send passwords readable over "
				       "the network: set tls_cert and tls_key, "
				       "listen on 127.0.0.1 behind a proxy, or "
				       "say allow_plain = yes",
				       p->text);
		log_line(l->in->log, LOG_LVL_WARN,
			 "event=plain address=%s: passwords and data cross "
			 "the network readable (allow_plain)",
			 p->text);
	}
	for (size_t i = 0; i < l->admin.n; i++)
		if (!l->admin.l[i].loopback)
			log_line(l->in->log, LOG_LVL_WARN,
				 "event=admin address=%s: metrics can be read "
				 "from the network",
				 l->admin.l[i].text);
	return 0;
}

/* Which addresses, and may it be so? Nothing is opened yet. */
static int
plan_listen(struct life *l, struct err *e)
{
	const struct srv_conf *conf = &l->settings->conf;
	enum srv_scheme deflt = l->has_tls ? SRV_HTTPS : SRV_HTTP;

	if (srv_listen_parse(l->a, conf->listen, deflt, &l->pub, e) != 0 ||
	    srv_listen_parse(l->a, conf->admin_listen, SRV_HTTP, &l->admin,
			     e) != 0 ||
	    srv_listen_given(l->a, deflt, &l->pub, &l->admin, e) != 0)
		return -1;
	if (l->pub.n == 0)
		return err_set(e, ERR_CONFIG, "serve",
			       "listen is empty: no device could reach this "
			       "server");
	for (size_t i = 0; i < l->pub.n; i++)
		if (l->pub.l[i].scheme != SRV_HTTP && !l->has_tls)
			return err_set(e, ERR_CONFIG, "serve",
				       "%s needs tls_cert and tls_key",
				       l->pub.l[i].text);
	for (size_t i = 0; i < l->admin.n; i++)
		if (l->admin.l[i].scheme != SRV_HTTP)
			return err_set(e, ERR_CONFIG, "serve",
				       "admin_listen speaks plain HTTP only");
	return check_plain(l, e);
}

/* Everything that can be checked without touching anything. */
static int
load(struct life *l, struct err *e)
{
	l->a = arena_new(LIFE_LISTEN_ARENA);
	if (l->a == NULL)
		return err_set(e, ERR_NOMEM, "serve", "out of memory");
	if (srv_settings_load(l->in->conf_path, &l->settings, e) != 0)
		return -1;
	l->in->log->min = l->settings->conf.log_level;
	if (l->settings->conf.tls_cert[0] != '\0') {
		if (srv_tls_load(&l->settings->conf, &l->tls, e) != 0)
			return -1;
		l->has_tls = true;
	}
	return 0;
}

static int
start(struct life *l, struct err *e)
{
	struct srv_front_in in = {
		.pub = &l->pub,
		.admin = &l->admin,
		.service = l->in->service,
		.metrics = l->in->metrics,
		.log = l->in->log,
	};

	if (load(l, e) != 0 || check_root(l, e) != 0 ||
	    raise_fds(&l->settings->conf, e) != 0)
		return -1;
	if (l->has_tls)
		say_expiry(l, &l->tls);
	/* The sockets first: a second daemon must not touch the store. */
	if (plan_listen(l, e) != 0 || srv_listen_open(&l->pub, e) != 0 ||
	    srv_listen_open(&l->admin, e) != 0 ||
	    l->in->service->open(l->in->service->ctx, e) != 0)
		return -1;
	l->opened = true;
	in.settings = l->settings;
	in.tls = l->has_tls ? &l->tls : NULL;
	return srv_front_start(&in, &l->front, e);
}

/* ---- housekeeping --------------------------------------------------- */

static void
prune(struct life *l)
{
	const struct srv_service *s = l->in->service;
	struct err e = { 0 };
	int64_t rows = 0;
	int rc = s->prune(s->ctx, atomic_load(&l->history_days), &l->stopping,
			  &rows, &e);

	srv_metrics_add(&l->in->metrics->prune_rows, (uint64_t)rows);
	if (rc != 0)
		log_line(l->in->log, LOG_LVL_WARN,
			 "event=prune where=%s: %s; tried again in an hour",
			 e.where == NULL ? "-" : e.where, e.msg);
	else if (rows > 0)
		log_line(l->in->log, LOG_LVL_INFO, "event=prune rows=%lld",
			 (long long)rows);
}

/* Said when it begins to fail and when it works again, not each second. */
static void
tick(struct life *l, bool *failing)
{
	const struct srv_service *s = l->in->service;
	struct err e = { 0 };
	bool failed = s->tick != NULL && s->tick(s->ctx, &e) != 0;

	if (failed && !*failing)
		log_line(l->in->log, LOG_LVL_WARN,
			 "event=tick where=%s: %s; tried again each second",
			 e.where == NULL ? "-" : e.where, e.msg);
	else if (!failed && *failing)
		log_line(l->in->log, LOG_LVL_INFO, "event=tick: works again");
	*failing = failed;
}

static void *
keep_house(void *arg)
{
	struct life *l = arg;
	int64_t pruned = INT64_MIN;
	bool failing = false;

	(void)pthread_mutex_lock(&l->lock);
	while (!atomic_load(&l->stopping)) {
		int64_t now = clk_mono_ms();

		(void)pthread_mutex_unlock(&l->lock);
		if (pruned == INT64_MIN || now - pruned >= LIFE_PRUNE_MS) {
			prune(l);
			pruned = now;
		}
		tick(l, &failing);
		(void)pthread_mutex_lock(&l->lock);
		/* A spurious wake-up ticks early, which does no harm. */
		if (!atomic_load(&l->stopping))
			(void)clk_wait_until(&l->wake, &l->lock,
					     clk_mono_ms() + SRV_TICK_MS);
	}
	(void)pthread_mutex_unlock(&l->lock);
	return NULL;
}

static int
start_keeper(struct life *l, struct err *e)
{
	int rc;

	atomic_store(&l->history_days, l->settings->conf.history_days);
	rc = pthread_create(&l->keeper, NULL, keep_house, l);
	if (rc != 0)
		return err_errno(e, ERR_UNAVAILABLE, rc, "serve",
				 "cannot start a thread");
	l->keeper_runs = true;
	return 0;
}

static void
stop_keeper(struct life *l)
{
	(void)pthread_mutex_lock(&l->lock);
	atomic_store(&l->stopping, true);
	(void)pthread_cond_broadcast(&l->wake);
	(void)pthread_mutex_unlock(&l->lock);
	if (l->keeper_runs)
		(void)pthread_join(l->keeper, NULL);
}

/* ---- reload --------------------------------------------------------- */

/* Name what was changed and waits for a restart. */
static void
say_changes(const struct life *l, const struct srv_settings *now)
{
	for (size_t i = 0; i < srv_conf_key_n; i++) {
		const struct srv_conf_key *k = &srv_conf_keys[i];

		if (!k->reload &&
		    !srv_conf_same(k, &l->settings->conf, &now->conf))
			log_line(l->in->log, LOG_LVL_WARN,
				 "event=reload key=%s: was changed; that needs "
				 "a restart",
				 k->name);
	}
}

/*
 * Keys that need a restart keep their values: the snapshot must not promise
 * what the process does not do.
 */
static void
keep_fixed(const struct life *l, struct srv_settings *now)
{
	struct srv_conf *to = &now->conf;
	const struct srv_conf *from = &l->settings->conf;

	to->max_msg_bytes = from->max_msg_bytes;
	to->connections = from->connections;
	to->addr_connections = from->addr_connections;
	now->body_max = l->settings->body_max;
}

static int
reload_try(struct life *l, struct err *e)
{
	struct srv_settings *now = NULL;
	struct srv_tls tls = { 0 };
	int rc = -1;

	if (srv_settings_load(l->in->conf_path, &now, e) != 0)
		return -1;
	if (l->has_tls && srv_tls_load(&now->conf, &tls, e) != 0)
		goto out;
	if (!l->has_tls && now->conf.tls_cert[0] != '\0')
		log_line(l->in->log, LOG_LVL_WARN,
			 "event=reload key=tls_cert: the first certificate "
			 "needs a restart");
	say_changes(l, now);
	keep_fixed(l, now);
	rc = srv_front_reload(l->front, now, l->has_tls ? &tls : NULL, e);
	l->in->log->min = now->conf.log_level;
	atomic_store(&l->history_days, now->conf.history_days);
	srv_settings_unref(&l->settings);
	l->settings = srv_settings_ref(now);
	if (rc == 0 && l->has_tls)
		say_expiry(l, &tls);
out:
	srv_tls_free(&tls);
	srv_settings_unref(&now);
	return rc;
}

static void
reload(struct life *l)
{
	struct err e = { 0 };

	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
			 (long long)clk_mono_ms() * 1000);
	if (reload_try(l, &e) == 0) {
		srv_metrics_add(&l->in->metrics->reloads, 1);
		log_line(l->in->log, LOG_LVL_INFO,
			 "event=reload: configuration read again");
	} else {
		log_line(l->in->log, LOG_LVL_ERROR,
			 "event=reload: nothing was changed: %s", e.msg);
	}
	(void)sd_notify(0, "READY=1");
}

/* ---- the main loop -------------------------------------------------- */

static void
say_ready(const struct life *l)
{
	struct slice rest = slice_c(l->settings->conf.paths);
	struct slice path = { "/", 1 };

	while (slice_split(&rest, ' ', &path))
		if (path.n > 0)
			break;
	(void)fputs("funicular: ready at", stdout);
	for (size_t i = 0; i < l->pub.n; i++)
		if (l->pub.l[i].fd >= 0)
			(void)printf(" %s%.*s", l->pub.l[i].text,
				     SLICE_ARG(path));
	for (size_t i = 0; i < l->admin.n; i++)
		if (l->admin.l[i].fd >= 0)
			(void)printf("%s%s", i == 0 ? ", admin at " : " ",
				     l->admin.l[i].text);
	(void)puts("");
	(void)fflush(stdout);
	(void)sd_notifyf(0, "READY=1\nMAINPID=%ld", (long)getpid());
}

static void
feed_watchdog(struct life *l)
{
	struct srv_pool_state s;

	srv_front_look(l->front, &s);
	if (s.stuck_ms < LIFE_STUCK_MS)
		(void)sd_notify(0, "WATCHDOG=1");
	else
		log_line(l->in->log, LOG_LVL_ERROR,
			 "event=stuck: all %zu workers are busy and none was "
			 "done for %lld s",
			 s.workers, (long long)s.stuck_ms / 1000);
}

static void
loop(struct life *l)
{
	uint64_t dog_us = 0;
	bool dog = sd_watchdog_enabled(0, &dog_us) > 0;
	/* Twice within the watchdog's time. */
	int64_t ms = dog ? (int64_t)(dog_us / 2000) : INT32_MAX;
	struct timespec wait = { ms / 1000, (ms % 1000) * 1000000 };
	sigset_t set;

	signal_set(&set);
	for (;;) {
		siginfo_t info;
		int sig;

		if (dog)
			feed_watchdog(l);
		sig = sigtimedwait(&set, &info, &wait);
		if (sig == SIGTERM || sig == SIGINT)
			return;
		if (sig == SIGHUP)
			reload(l);
	}
}

static void
stop(struct life *l)
{
	bool failing = false;

	/* Housekeeping ends by itself while the messages do. */
	atomic_store(&l->stopping, true);
	if (l->front != NULL) {
		(void)sd_notify(0, "STOPPING=1");
		log_line(l->in->log, LOG_LVL_INFO,
			 "event=stopping: running messages finish first");
	}
	srv_front_stop(&l->front);
	stop_keeper(l);
	if (l->opened) {
		tick(l, &failing); /* what the last messages left */
		l->in->service->close(l->in->service->ctx);
	}
	srv_listen_close(&l->pub);
	srv_listen_close(&l->admin);
	srv_tls_free(&l->tls);
	srv_settings_unref(&l->settings);
	arena_free(&l->a);
	(void)pthread_cond_destroy(&l->wake);
	(void)pthread_mutex_destroy(&l->lock);
}

int
srv_life_check(const struct srv_life_in *in, struct err *e)
{
	struct life l = { .in = in };
	int rc;

	(void)pthread_mutex_init(&l.lock, NULL);
	clk_cond_init(&l.wake);
	rc = load(&l, e);
	if (rc == 0)
		rc = plan_listen(&l, e);
	stop(&l);
	return rc;
}

int
srv_life_run(const struct srv_life_in *in, struct err *e)
{
	struct life l = { .in = in };
	int rc;

	(void)pthread_mutex_init(&l.lock, NULL);
	clk_cond_init(&l.wake);
	srv_life_signals();
	in->metrics->started_s = clk_system.now_ms(&clk_system) / 1000;
	rc = start(&l, e);
	if (rc == 0)
		rc = start_keeper(&l, e);
	/* Only the listeners' own copies of the key stay. */
	srv_tls_free(&l.tls);
	if (rc == 0) {
		say_ready(&l);
		loop(&l);
	}
	stop(&l);
	return rc;
}
