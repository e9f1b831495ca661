/* The thread that holds the line, and the queue in front of it. */
#include "backends/line.h"
#include "backends/xmpp/srv.h"
#include "backends/xmpp/talk.h"
#include "backends/xmpp/xmpp.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	/* What was taken and is not confirmed. */
	QUEUE_MAX = 4096,
	QUEUE_BYTES_MAX = 8000000,
	READ_BYTES = 16384,
	RETRY_MS = 1000,      /* the first pause; doubled each time */
	RETRY_MAX_MS = 60000, /* the longest */
	STEADY_MS = 10000,    /* up so long: the next pause is the first */
	ANSWER_MS = 30000,    /* a login, an answer to a ping */
	IDLE_MS = 60000,      /* then we ask whether the line still lives */
	LEAVE_MS = 1000,      /* at a close, for what is on its way */
};

struct job {
	struct job *next;
	uint64_t batch;
	size_t id_n, to_n, n;
	char bytes[]; /* id, to, the stanza; no stanza: it cannot be sent */
};

struct jobs {
	struct job *first, **end;
};

struct im_outlet {
	struct outlet o; /* first */
	struct im_conf conf;
	struct outlet_calls calls;
	char *texts; /* that conf points into */
	bool by_srv; /* the server is looked for */
	pthread_t thread;
	int wake; /* eventfd */

	pthread_mutex_t lock;
	bool stop, up;
	struct jobs queued;
	size_t job_n, job_bytes; /* queued and written */

	/* The thread's own. */
	struct im_talk talk;
	struct im_reader *reader;
	struct tls_line line;
	struct jobs written;
	uint64_t asked, answered; /* pings */
	int64_t asked_ms;         /* since when the oldest is not answered */
	int64_t heard_ms, up_ms, leave_ms;
	char in[READ_BYTES];
};

/* ---- the queue ----------------------------------------------------------- */

static void
append(struct jobs *q, struct job *j)
{
	j->next = NULL;
	*q->end = j;
	q->end = &j->next;
}

static struct job *
take_first(struct jobs *q)
{
	struct job *j = q->first;

	if (j == NULL)
		return NULL;
	q->first = j->next;
	if (q->first == NULL)
		q->end = &q->first;
	return j;
}

static struct slice
job_id(const struct job *j)
{
	return (struct slice){ j->bytes, j->id_n };
}

static struct slice
job_to(const struct job *j)
{
	return (struct slice){ j->bytes + j->id_n, j->to_n };
}

/* The one end of every job. */
static void
settle(struct im_outlet *o, struct job *j, bool sent, bool for_good,
       const char *why)
{
	(void)pthread_mutex_lock(&o->lock);
	o->job_n--;
	o->job_bytes -= j->n;
	(void)pthread_mutex_unlock(&o->lock);
	if (sent)
		o->calls.sent(o->calls.ctx, job_id(j));
	else
		o->calls.failed(o->calls.ctx, job_id(j), for_good, why);
	free(j);
}

static struct job *
job_new(const struct outlet_msg *msg, struct slice stanza)
{
	struct slice id = slice_sub(msg->id, 0, OUTLET_ID_MAX);
	struct slice to = slice_sub(im_jid_bare(msg->to), 0, IM_JID_MAX);
	struct job *j = calloc(1, sizeof(*j) + id.n + to.n + stanza.n);

	if (j == NULL)
		return NULL;
	j->id_n = id.n;
	j->to_n = to.n;
	j->n = stanza.n;
	if (id.n > 0)
		memcpy(j->bytes, id.p, id.n);
	if (to.n > 0)
		memcpy(j->bytes + id.n, to.p, to.n);
	if (stanza.n > 0)
		memcpy(j->bytes + id.n + to.n, stanza.p, stanza.n);
	return j;
}

static bool
take(struct im_outlet *o, const struct outlet_msg *msg, struct slice stanza)
{
	struct job *j;
	bool ok;

	(void)pthread_mutex_lock(&o->lock);
	ok = o->up && !o->stop && o->job_n < QUEUE_MAX &&
	     o->job_bytes + stanza.n <= QUEUE_BYTES_MAX;
	j = ok ? job_new(msg, stanza) : NULL;
	if (j != NULL) {
		append(&o->queued, j);
		o->job_n++;
		o->job_bytes += stanza.n;
	}
	(void)pthread_mutex_unlock(&o->lock);
	return j != NULL;
}

static void
nudge(struct im_outlet *o)
{
	uint64_t one = 1;

	(void)!write(o->wake, &one, sizeof(one));
}

static size_t
im_send(struct outlet *base, const struct outlet_msg *msg, size_t n)
{
	struct im_outlet *o = (struct im_outlet *)base;
	struct arena *a = arena_new(IM_SCRATCH_BYTES);
	size_t taken = 0;

	while (a != NULL && taken < n &&
	       take(o, &msg[taken], im_compose(&o->conf, a, &msg[taken]))) {
		taken++;
		arena_reset(a);
	}
	arena_free(&a);
	if (taken > 0)
		nudge(o);
	return taken;
}

/* ---- what the conversation calls ----------------------------------------- */

static void
confirmed(void *driver, uint64_t n)
{
	struct im_outlet *o = driver;

	if (n <= o->answered || n > o->asked)
		return;
	o->answered = n;
	o->asked_ms = clk_mono_ms();
	while (o->written.first != NULL && o->written.first->batch <= n)
		settle(o, take_first(&o->written), true, false, NULL);
}

static void
bounced(void *driver, struct slice id, struct slice from, bool for_good,
	const char *why)
{
	struct im_outlet *o = driver;
	struct job **at = &o->written.first;
	struct job *j;

	while (*at != NULL &&
	       !(slice_eq(job_id(*at), id) &&
		 slice_eq_nocase(job_to(*at), im_jid_bare(from))))
		at = &(*at)->next;
	j = *at;
	if (j == NULL)
		return;
	*at = j->next;
	if (o->written.end == &j->next)
		o->written.end = at;
	settle(o, j, false, for_good, why);
}

/* ---- one line, from its beginning to its end ----------------------------- */

static bool
stopping(void *ctx)
{
	struct im_outlet *o = ctx;
	uint64_t n;
	bool stop;

	(void)!read(o->wake, &n, sizeof(n));
	(void)pthread_mutex_lock(&o->lock);
	stop = o->stop;
	(void)pthread_mutex_unlock(&o->lock);
	return stop;
}

static void
ping(struct im_outlet *o, int64_t now)
{
	if (o->asked == o->answered)
		o->asked_ms = now;
	im_talk_ping(&o->talk, ++o->asked);
}

/* From the queue to the line, with a question behind them. */
static void
pump(struct im_outlet *o, int64_t now)
{
	bool any = false;

	while (im_talk_room(&o->talk)) {
		struct job *j;
		struct slice text;

		(void)pthread_mutex_lock(&o->lock);
		j = take_first(&o->queued);
		(void)pthread_mutex_unlock(&o->lock);
		if (j == NULL)
			break;
		text = (struct slice){ j->bytes + j->id_n + j->to_n, j->n };
		if (text.n == 0) {
			settle(o, j, false, true, "no address that XMPP has");
			continue;
		}
		j->batch = o->asked + 1;
		if (!im_talk_put(&o->talk, text)) {
			settle(o, j, false, false, "no memory");
			continue;
		}
		append(&o->written, j);
		arena_reset(o->talk.scratch);
		im_quota_sent(&o->talk.quota,
			      im_jid_normal(o->talk.scratch, job_to(j)), now);
		any = true;
	}
	if (any)
		ping(o, now);
}

static int
flush(struct im_outlet *o, struct err *e)
{
	struct im_out *out = &o->talk.out;

	while (out->at < out->n) {
		struct slice rest = { out->p + out->at, out->n - out->at };
		size_t n = 0;
		enum tls_io io = tls_line_write(&o->line, rest, &n);

		if (io == TLS_IO_AGAIN)
			return 0;
		if (io != TLS_IO_DONE)
			return err_set(e, ERR_UNAVAILABLE, "xmpp.line",
				       "the line to the server is broken");
		out->at += n;
	}
	return 0;
}

static void
now_up(struct im_outlet *o, int64_t now)
{
	o->up_ms = now;
	(void)pthread_mutex_lock(&o->lock);
	o->up = true;
	(void)pthread_mutex_unlock(&o->lock);
	o->calls.state(o->calls.ctx, true, NULL);
}

/* A new stream: after TLS or a login. */
static int
again(struct im_outlet *o, const struct tls_wait *w, struct err *e)
{
	bool tls = o->talk.step == IM_STEP_HANDSHAKE;
	char domain[256];

	(void)snprintf(domain, sizeof(domain), "%.*s",
		       SLICE_ARG(o->talk.domain));
	if (tls && tls_line_tls(&o->line, domain, o->conf.ca_file, w, e) < 0)
		return -1;
	if (im_reader_restart(o->reader, e) < 0)
		return -1;
	im_talk_again(&o->talk, tls);
	return 0;
}

static int
hear(struct im_outlet *o, const struct tls_wait *w, struct err *e)
{
	size_t n;
	enum tls_io io = tls_line_read(&o->line, o->in, sizeof(o->in), &n);

	if (io == TLS_IO_AGAIN)
		return 0;
	if (io != TLS_IO_DONE)
		return err_set(e, ERR_UNAVAILABLE, "xmpp.line",
			       "the server closed the line");
	o->heard_ms = clk_mono_ms();
	if (im_reader_feed(o->reader, (struct slice){ o->in, n }, e) < 0)
		return -1;
	if (o->talk.step == IM_STEP_OVER)
		return err_set(e, ERR_UNAVAILABLE, "xmpp.talk", "%s",
			       o->talk.why);
	return o->talk.restart ? again(o, w, e) : 0;
}

/* When to look at the clock again; -1: this line is dead. */
static int64_t
deadline(struct im_outlet *o, int64_t now, int64_t login_ms, struct err *e)
{
	int64_t until = login_ms;

	if (o->talk.step == IM_STEP_UP) {
		until = o->heard_ms + IDLE_MS;
		if (now >= until && o->asked == o->answered)
			ping(o, now);
		if (o->asked != o->answered)
			until = o->asked_ms + o->conf.answer_ms;
	}
	if (now >= until)
		return err_set(e, ERR_UNAVAILABLE, "xmpp.line",
			       "the server does not answer");
	if (o->leave_ms != 0 && o->leave_ms < until)
		until = o->leave_ms > now ? o->leave_ms : now;
	return until;
}

/* Wait for the line, for a message, for the time. */
static int
rest(struct im_outlet *o, int64_t now, int64_t until, bool *readable,
     struct err *e)
{
	bool writing = o->talk.out.at < o->talk.out.n || o->line.want_write;
	struct pollfd p[2] = {
		{ o->line.fd, (short)(POLLIN | (writing ? POLLOUT : 0)), 0 },
		{ o->wake, POLLIN, 0 },
	};
	int64_t ms = until > now ? until - now : 0;

	*readable = tls_line_pending(&o->line);
	if (*readable)
		ms = 0;
	if (poll(p, 2, ms > 3600000 ? 3600000 : (int)ms) < 0 && errno != EINTR)
		return err_errno(e, ERR_IO, errno, "xmpp.line", "poll");
	if ((p[0].revents & ~POLLOUT) != 0 || o->line.want_write)
		*readable = true;
	if (p[1].revents != 0 && stopping(o) && o->leave_ms == 0)
		o->leave_ms = clk_mono_ms() + LEAVE_MS;
	return 0;
}

/* At a close: what is on its way may still arrive. */
static bool
may_leave(const struct im_outlet *o, int64_t now)
{
	return o->leave_ms != 0 &&
	       (o->talk.step != IM_STEP_UP || o->written.first == NULL ||
		now >= o->leave_ms);
}

static int
converse(struct im_outlet *o, const struct tls_wait *w, struct err *e)
{
	while (true) {
		int64_t now = clk_mono_ms();
		int64_t until;
		bool readable;

		if (may_leave(o, now))
			break;
		if (o->talk.step == IM_STEP_UP) {
			if (!o->up)
				now_up(o, now);
			if (o->leave_ms == 0)
				pump(o, now);
		}
		until = deadline(o, now, w->until_ms, e);
		if (until < 0 || flush(o, e) < 0 ||
		    rest(o, now, until, &readable, e) < 0)
			return -1;
		if (readable && hear(o, w, e) < 0)
			return -1;
	}
	im_talk_bye(&o->talk);
	(void)flush(o, e);
	return err_set(e, ERR_UNAVAILABLE, "xmpp.outlet",
		       "the outlet is closed");
}

/* Each of the servers that the domain names gets its share of the time. */
static int
connect_by_srv(struct im_outlet *o, const struct tls_wait *w, struct err *e)
{
	struct im_srv srv[IM_SRV_MAX];
	char at[IM_SRV_HOST_MAX + 16];
	size_t n;
	int rc = -1;

	if (im_srv_find(o->conf.server,
			o->conf.dns.sin_port == 0 ? NULL : &o->conf.dns,
			o->conf.rnd, srv, &n, e) < 0)
		return -1;
	if (n == 0)
		return tls_line_connect(&o->line, o->conf.server, "5222", w, e);
	for (size_t i = 0; rc < 0 && i < n && !w->give_up(w->ctx); i++) {
		struct tls_wait share = *w;
		int64_t now = clk_mono_ms();

		share.until_ms = now + (w->until_ms - now) / (int64_t)(n - i);
		(void)snprintf(at, sizeof(at), "%.255s:%u", srv[i].host,
			       srv[i].port);
		rc = tls_line_connect(&o->line, at, "5222", &share, e);
	}
	return rc;
}

static int
reach(struct im_outlet *o, const struct tls_wait *w, struct err *e)
{
	if (o->by_srv)
		return connect_by_srv(o, w, e);
	return tls_line_connect(&o->line, o->conf.server,
				o->conf.component ? "5347" : "5222", w, e);
}

static int
session(struct im_outlet *o, struct err *e)
{
	struct tls_wait w = { clk_mono_ms() + o->conf.answer_ms, o->wake,
			      stopping, o };
	bool plain;

	o->asked = o->answered = 0;
	o->heard_ms = clk_mono_ms();
	if (reach(o, &w, e) < 0 || im_reader_restart(o->reader, e) < 0)
		return -1;
	/* Where a record of the DNS leads is nobody's word that it is safe. */
	plain = (o->line.loopback && !o->by_srv) || o->conf.allow_plain;
	if (o->conf.component && !plain)
		return err_set(e, ERR_CONFIG, "xmpp.outlet",
			       "a component's line has no TLS, and this one "
			       "is not loopback: see xmpp_allow_plain");
	im_talk_begin(&o->talk, plain);
	return converse(o, &w, e);
}

/* ---- the thread ---------------------------------------------------------- */

/* Nothing that was taken stays in the dark. */
static void
drop_all(struct im_outlet *o, const char *why)
{
	struct job *j;

	(void)pthread_mutex_lock(&o->lock);
	o->up = false;
	*o->written.end = o->queued.first;
	if (o->queued.first != NULL)
		o->written.end = o->queued.end;
	o->queued = (struct jobs){ NULL, &o->queued.first };
	(void)pthread_mutex_unlock(&o->lock);
	while ((j = take_first(&o->written)) != NULL)
		settle(o, j, false, false, why);
}

/* Half of it to all of it, so that many nodes do not come back at once. */
static int64_t
pause_ms(struct im_outlet *o, unsigned tries)
{
	int64_t ms = o->conf.retry_ms << (tries < 16 ? tries : 16);
	uint32_t r;

	if (ms > RETRY_MAX_MS)
		ms = RETRY_MAX_MS;
	o->conf.rnd->fill(o->conf.rnd, &r, sizeof(r));
	return ms / 2 + (int64_t)(r % (uint32_t)(ms / 2 + 1));
}

static void
wait_for(struct im_outlet *o, int64_t ms)
{
	int64_t until = clk_mono_ms() + ms;
	struct pollfd p = { o->wake, POLLIN, 0 };

	while (!stopping(o) && clk_mono_ms() < until)
		(void)poll(&p, 1, (int)(until - clk_mono_ms()));
}

static void *
run(void *arg)
{
	struct im_outlet *o = arg;
	unsigned tries = 0;

	while (!stopping(o)) {
		struct err e = { 0 };
		bool was_up;

		o->up_ms = 0;
		(void)session(o, &e);
		tls_line_close(&o->line);
		was_up = o->up_ms != 0;
		drop_all(o, e.msg);
		o->calls.state(o->calls.ctx, false, e.msg);
		if (was_up && clk_mono_ms() - o->up_ms > STEADY_MS)
			tries = 0;
		wait_for(o, pause_ms(o, tries++));
	}
	drop_all(o, "the outlet is closed");
	return NULL;
}

/* ---- open and close ------------------------------------------------------ */

static void
free_outlet(struct im_outlet *o)
{
	im_reader_free(&o->reader);
	im_talk_free(&o->talk);
	if (o->wake >= 0)
		(void)close(o->wake);
	(void)pthread_mutex_destroy(&o->lock);
	free(o->texts);
	free(o);
}

static void
im_close(struct outlet **out)
{
	struct im_outlet *o = (struct im_outlet *)*out;

	if (o == NULL)
		return;
	(void)pthread_mutex_lock(&o->lock);
	o->stop = true;
	(void)pthread_mutex_unlock(&o->lock);
	nudge(o);
	(void)pthread_join(o->thread, NULL);
	free_outlet(o);
	*out = NULL;
}

static const struct outlet_vtable vtable = { "xmpp", im_send, im_close };

/* The texts of conf in one block of our own. */
static bool
keep_conf(struct im_outlet *o, const struct im_conf *conf)
{
	const char **text[] = { &o->conf.jid, &o->conf.server, &o->conf.secret,
				&o->conf.ca_file };
	size_t n = 0, at = 0;

	o->conf = *conf;
	if (o->conf.server[0] == '\0') {
		struct slice d = im_jid_domain(slice_c(conf->jid));

		/* The domain is the end of a JID without a resource. */
		o->conf.server = conf->component ? "127.0.0.1" : d.p;
		o->by_srv = !conf->component;
	}
	if (o->conf.retry_ms == 0)
		o->conf.retry_ms = RETRY_MS;
	if (o->conf.answer_ms == 0)
		o->conf.answer_ms = ANSWER_MS;
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++)
		n += strlen(*text[i]) + 1;
	o->texts = calloc(1, n);
	for (size_t i = 0; o->texts != NULL && i < 4; i++) {
		size_t len = strlen(*text[i]) + 1;

		memcpy(o->texts + at, *text[i], len);
		*text[i] = o->texts + at;
		at += len;
	}
	return o->texts != NULL;
}

int
im_check(const struct im_conf *conf, struct err *e)
{
	struct slice jid = slice_c(conf->jid);

	if (!im_jid_ok(jid) || slice_find(jid, '/') != SIZE_MAX)
		return err_set(e, ERR_CONFIG, "xmpp.open",
			       "\"%.100s\" is no XMPP address (without a "
			       "resource)",
			       conf->jid);
	if (!conf->component && slice_find(jid, '@') == SIZE_MAX)
		return err_set(e, ERR_CONFIG, "xmpp.open",
			       "\"%.100s\" is no account: there is no @ in it",
			       conf->jid);
	if (conf->secret[0] == '\0')
		return err_set(e, ERR_CONFIG, "xmpp.open",
			       "no secret for %.100s", conf->jid);
	return 0;
}

int
im_open(const struct im_conf *conf, const struct outlet_calls *calls,
	struct outlet **out, struct err *e)
{
	struct im_outlet *o = calloc(1, sizeof(*o));
	struct im_reader_calls reader;

	*out = NULL;
	if (o == NULL)
		return err_set(e, ERR_NOMEM, "xmpp.open", "no memory");
	o->o.v = &vtable;
	o->calls = *calls;
	o->queued.end = &o->queued.first;
	o->written.end = &o->written.first;
	o->line.fd = -1;
	(void)pthread_mutex_init(&o->lock, NULL);
	o->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	o->talk.conf = &o->conf;
	o->talk.calls = &o->calls;
	o->talk.driver = o;
	o->talk.confirmed = confirmed;
	o->talk.bounced = bounced;
	reader = im_talk_calls(&o->talk);
	o->reader = im_reader_new(&reader);
	if (o->reader == NULL || o->wake < 0 || !keep_conf(o, conf)) {
		(void)err_set(e, ERR_NOMEM, "xmpp.open", "no memory");
		goto out;
	}
	if (im_check(conf, e) < 0 || im_talk_init(&o->talk, e) < 0)
		goto out;
	if (pthread_create(&o->thread, NULL, run, o) != 0) {
		(void)err_set(e, ERR_NOMEM, "xmpp.open", "no thread");
		goto out;
	}
	*out = &o->o;
	return 0;
out:
	free_outlet(o);
	return -1;
}
