/* The thread that sends, and the queue in front of it. */
#include "backends/smtp/int.h"

#include "base/clock.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	QUEUE_MAX = 256,
	RETRY_MS = 1000,
	RETRY_MAX_MS = 60000,
};

struct job {
	struct job *next;
	struct slice id, mail; /* in the block; no mail: it cannot be sent */
	const char *to;
};

struct smtp_outlet {
	struct outlet o; /* first */
	struct smtp_conf conf;
	struct outlet_calls calls;
	char *texts; /* that conf points into */
	struct smtp_post *post;
	pthread_t thread;

	pthread_mutex_t lock;
	pthread_cond_t more; /* of the monotonic clock */
	bool stop, up;
	struct job *first, **end;
	size_t job_n; /* with the one that is being sent */
};

/* ---- the queue ----------------------------------------------------------- */

static void
settle(struct smtp_outlet *o, struct job *j, enum smtp_end end, const char *why)
{
	(void)pthread_mutex_lock(&o->lock);
	o->job_n--;
	(void)pthread_mutex_unlock(&o->lock);
	if (end == SMTP_SENT)
		o->calls.sent(o->calls.ctx, j->id);
	else
		o->calls.failed(o->calls.ctx, j->id, end == SMTP_REFUSED, why);
	free(j);
}

static struct job *
job_new(const struct outlet_msg *msg, struct slice mail)
{
	struct slice id = slice_sub(msg->id, 0, OUTLET_ID_MAX);
	struct slice to = slice_sub(msg->to, 0, SMTP_ADDRESS_MAX);
	struct job *j = calloc(1, sizeof(*j) + id.n + to.n + 1 + mail.n);
	char *p;

	if (j == NULL)
		return NULL;
	p = (char *)(j + 1);
	j->id = (struct slice){ p, id.n };
	if (id.n > 0)
		memcpy(p, id.p, id.n);
	j->to = p + id.n;
	if (to.n > 0)
		memcpy(p + id.n, to.p, to.n);
	p += id.n + to.n + 1;
	j->mail = (struct slice){ p, mail.n };
	if (mail.n > 0)
		memcpy(p, mail.p, mail.n);
	return j;
}

static bool
take(struct smtp_outlet *o, struct job *j)
{
	bool ok;

	if (j == NULL)
		return false;
	(void)pthread_mutex_lock(&o->lock);
	ok = o->up && !o->stop && o->job_n < QUEUE_MAX;
	if (ok) {
		*o->end = j;
		o->end = &j->next;
		o->job_n++;
		(void)pthread_cond_signal(&o->more);
	}
	(void)pthread_mutex_unlock(&o->lock);
	if (!ok)
		free(j);
	return ok;
}

static size_t
smtp_send(struct outlet *base, const struct outlet_msg *msg, size_t n)
{
	struct smtp_outlet *o = (struct smtp_outlet *)base;
	struct arena *a = arena_new(SMTP_WORK_BYTES);
	size_t taken = 0;

	for (; a != NULL && taken < n; taken++) {
		struct slice mail = { NULL, 0 };

		arena_reset(a);
		if (smtp_address_ok(msg[taken].to))
			mail = smtp_write(&o->conf, a, &msg[taken]);
		if (!take(o, job_new(&msg[taken], mail)))
			break;
	}
	arena_free(&a);
	return taken;
}

/* ---- the thread ---------------------------------------------------------- */

static bool
stopping(void *ctx)
{
	struct smtp_outlet *o = ctx;
	bool stop;

	(void)pthread_mutex_lock(&o->lock);
	stop = o->stop;
	(void)pthread_mutex_unlock(&o->lock);
	return stop;
}

static struct job *
next_job(struct smtp_outlet *o, bool wait)
{
	struct job *j;

	(void)pthread_mutex_lock(&o->lock);
	while (wait && o->first == NULL && !o->stop)
		(void)pthread_cond_wait(&o->more, &o->lock);
	j = wait && o->stop ? NULL : o->first;
	if (j != NULL) {
		o->first = j->next;
		if (o->first == NULL)
			o->end = &o->first;
	}
	(void)pthread_mutex_unlock(&o->lock);
	return j;
}

static void
set_up(struct smtp_outlet *o, bool up, const char *why)
{
	(void)pthread_mutex_lock(&o->lock);
	o->up = up;
	(void)pthread_mutex_unlock(&o->lock);
	o->calls.state(o->calls.ctx, up, why);
}

static void
drop_all(struct smtp_outlet *o, const char *why)
{
	struct job *j;

	while ((j = next_job(o, false)) != NULL)
		settle(o, j, SMTP_LATER, why);
}

static void
wait_for(struct smtp_outlet *o, int64_t ms)
{
	int64_t until = clk_mono_ms() + ms;

	(void)pthread_mutex_lock(&o->lock);
	while (!o->stop && clk_wait_until(&o->more, &o->lock, until) == 0)
		;
	(void)pthread_mutex_unlock(&o->lock);
}

static void
down(struct smtp_outlet *o, const char *why, unsigned *tries)
{
	int64_t ms = o->conf.retry_ms << (*tries < 16 ? *tries : 16);

	(*tries)++;
	set_up(o, false, why);
	drop_all(o, why);
	wait_for(o, ms > RETRY_MAX_MS ? RETRY_MAX_MS : ms);
	if (!stopping(o))
		set_up(o, true, NULL);
}

static enum smtp_end
post(struct smtp_outlet *o, const struct job *j, char *why)
{
	const struct submission in = {
		.from = o->conf.from, .to = &j->to, .to_n = 1, .bytes = j->mail
	};

	return smtp_post(o->post, &in, why);
}

static void *
run(void *arg)
{
	struct smtp_outlet *o = arg;
	unsigned tries = 0;
	struct job *j;

	set_up(o, true, NULL);
	while ((j = next_job(o, true)) != NULL) {
		char why[200] = "no mail address";
		enum smtp_end end = SMTP_REFUSED;

		if (j->mail.n > 0)
			end = post(o, j, why);
		settle(o, j, end, why);
		if (end == SMTP_DOWN && !stopping(o))
			down(o, why, &tries);
		else
			tries = 0;
	}
	set_up(o, false, "the outlet is closed");
	drop_all(o, "the outlet is closed");
	return NULL;
}

/* ---- open and close ------------------------------------------------------ */

static void
free_outlet(struct smtp_outlet *o)
{
	smtp_post_free(&o->post);
	(void)pthread_cond_destroy(&o->more);
	(void)pthread_mutex_destroy(&o->lock);
	free(o->texts);
	free(o);
}

static void
smtp_close(struct outlet **out)
{
	struct smtp_outlet *o = (struct smtp_outlet *)*out;

	if (o == NULL)
		return;
	(void)pthread_mutex_lock(&o->lock);
	o->stop = true;
	(void)pthread_cond_signal(&o->more);
	(void)pthread_mutex_unlock(&o->lock);
	(void)pthread_join(o->thread, NULL);
	free_outlet(o);
	*out = NULL;
}

static const struct outlet_vtable vtable = { "smtp", smtp_send, smtp_close };

static bool
host_ok(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f ||
		    strchr("/?#@\\\"<>", s.p[i]) != NULL)
			return false;
	}
	return true;
}

int
smtp_check(const struct smtp_conf *c, struct err *e)
{
	if (!smtp_address_ok(slice_c(c->from)))
		return err_set(e, ERR_CONFIG, "smtp.open",
			       "\"%.100s\" is no mail address", c->from);
	if (c->server[0] == '\0' || !host_ok(slice_c(c->server)) ||
	    !host_ok(slice_c(c->helo)))
		return err_set(e, ERR_CONFIG, "smtp.open",
			       "\"%.100s\" is no server", c->server);
	if (c->user[0] != '\0' && c->secret[0] == '\0')
		return err_set(e, ERR_CONFIG, "smtp.open",
			       "no password for %.100s", c->user);
	return 0;
}

static int
start(struct smtp_outlet *o, struct err *e)
{
	(void)pthread_mutex_init(&o->lock, NULL);
	clk_cond_init(&o->more);
	o->post = smtp_post_new(&o->conf, stopping, o, e);
	if (o->post == NULL)
		return -1;
	if (pthread_create(&o->thread, NULL, run, o) != 0)
		return err_set(e, ERR_NOMEM, "smtp.open", "no thread");
	return 0;
}

int
smtp_open(const struct smtp_conf *conf, const struct outlet_calls *calls,
	  struct outlet **out, struct err *e)
{
	struct smtp_outlet *o;

	*out = NULL;
	if (smtp_check(conf, e) < 0)
		return -1;
	o = calloc(1, sizeof(*o));
	if (o != NULL) {
		o->conf = *conf;
		o->texts = smtp_keep_texts(&o->conf);
	}
	if (o == NULL || o->texts == NULL) {
		free(o);
		return err_set(e, ERR_NOMEM, "smtp.open", "no memory");
	}
	if (o->conf.retry_ms == 0)
		o->conf.retry_ms = RETRY_MS;
	o->o.v = &vtable;
	o->calls = *calls;
	o->end = &o->first;
	if (start(o, e) < 0) {
		free_outlet(o);
		return -1;
	}
	*out = &o->o;
	return 0;
}
