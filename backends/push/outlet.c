/* The thread that sends, and the queue in front of it. */
#include "backends/loopback.h"
#include "backends/push/int.h"

#include "base/clock.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
	QUEUE_MAX = 256,
	PARALLEL_MAX = 16,
	RETRY_MS = 1000,
	RETRY_MAX_MS = 60000,
	ANSWER_MS = 30000,
	CONNECT_MS = 10000,
	IDLE_MS = 60000, /* a look at the queue, in case a wake was lost */
};

struct push_outlet;

struct job {
	struct job *next;
	struct push_outlet *o;
	struct arena *a; /* holds all that follows */
	struct slice id;
	struct push_request *part;
	size_t part_n, part_at;
	CURL *curl; /* NULL: not under way */
	struct curl_slist *headers;
	struct buf answer;
	bool no_way; /* without TLS, and not loopback */
};

struct push_outlet {
	struct outlet o; /* first */
	struct push_conf conf;
	const struct push_dialect *d;
	struct outlet_calls calls;
	char *texts; /* that conf points into */
	CURLM *multi;
	pthread_t thread;
	/* The thread's own: */
	struct job *under_way;
	size_t under_way_n;
	unsigned downs;     /* in a row */
	int64_t down_until; /* monotonic; 0: it is up */
	char down_why[PUSH_WHY_BYTES];

	pthread_mutex_t lock;
	bool stop, up;
	struct job *first, **end;
	size_t job_n; /* with those under way */
};

/* ---- jobs ---------------------------------------------------------------- */

static void
job_free(struct job *j)
{
	struct arena *a = j->a;

	if (j->curl != NULL)
		curl_easy_cleanup(j->curl);
	curl_slist_free_all(j->headers);
	arena_free(&a);
}

static struct job *
job_new(struct push_outlet *o, const struct outlet_msg *msg)
{
	struct arena *a = arena_new(PUSH_WORK_BYTES);
	struct job *j = a == NULL ? NULL : ARENA_NEW(a, struct job);

	if (j == NULL) {
		arena_free(&a);
		return NULL;
	}
	j->a = a;
	j->o = o;
	j->id = arena_copy(a, slice_sub(msg->id, 0, OUTLET_ID_MAX));
	j->part = ARENA_ARRAY(a, PUSH_PARTS_MAX, struct push_request);
	if (j->id.p == NULL || j->part == NULL) {
		job_free(j);
		return NULL;
	}
	j->part_n = o->d->make(&o->conf, a, msg, j->part);
	return j;
}

static void
settle(struct push_outlet *o, struct job *j, enum push_end end, const char *why)
{
	(void)pthread_mutex_lock(&o->lock);
	o->job_n--;
	(void)pthread_mutex_unlock(&o->lock);
	if (end == PUSH_SENT)
		o->calls.sent(o->calls.ctx, j->id);
	else
		o->calls.failed(o->calls.ctx, j->id, end == PUSH_REFUSED, why);
	job_free(j);
}

static bool
take(struct push_outlet *o, struct job *j)
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
	}
	(void)pthread_mutex_unlock(&o->lock);
	if (ok)
		(void)curl_multi_wakeup(o->multi);
	else
		job_free(j);
	return ok;
}

static size_t
push_send(struct outlet *base, const struct outlet_msg *msg, size_t n)
{
	struct push_outlet *o = (struct push_outlet *)(void *)base;
	size_t taken = 0;

	while (taken < n && take(o, job_new(o, &msg[taken])))
		taken++;
	return taken;
}

static struct job *
next_job(struct push_outlet *o)
{
	struct job *j;

	(void)pthread_mutex_lock(&o->lock);
	j = o->first;
	if (j != NULL) {
		o->first = j->next;
		if (o->first == NULL)
			o->end = &o->first;
		j->next = NULL;
	}
	(void)pthread_mutex_unlock(&o->lock);
	return j;
}

/* ---- one request --------------------------------------------------------- */

static size_t
on_answer(char *p, /* NOLINT(readability-non-const-parameter) */
	  size_t size, size_t n, void *ctx)
{
	struct job *j = ctx;
	size_t room = PUSH_ANSWER_BYTES_MAX - j->answer.n;
	size_t all = size * n;

	/* What it says at length is not worth reading. */
	buf_add(&j->answer, (struct slice){ p, all < room ? all : room });
	return all;
}

static curl_socket_t
on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct job *j = ctx;

	(void)purpose;
	if (strncmp(j->o->conf.url, "https:", 6) != 0 &&
	    !j->o->conf.allow_plain && !loopback_is(&to->addr)) {
		j->no_way = true;
		return CURL_SOCKET_BAD;
	}
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static void
options(struct job *j, const struct push_request *r)
{
	const struct push_conf *c = &j->o->conf;
	CURL *h = j->curl;

	(void)curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
	(void)curl_easy_setopt(h, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(h, CURLOPT_SSLVERSION,
			       (long)CURL_SSLVERSION_TLSv1_2);
	if (c->ca_file[0] != '\0')
		(void)curl_easy_setopt(h, CURLOPT_CAINFO, c->ca_file);
	(void)curl_easy_setopt(
	    h, CURLOPT_TIMEOUT_MS,
	    (long)(c->answer_ms > 0 ? c->answer_ms : ANSWER_MS));
	(void)curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	(void)curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_answer);
	(void)curl_easy_setopt(h, CURLOPT_WRITEDATA, j);
	(void)curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	(void)curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, j);
	(void)curl_easy_setopt(h, CURLOPT_PRIVATE, j);
	if (!r->post)
		return;
	(void)curl_easy_setopt(h, CURLOPT_POST, 1L);
	(void)curl_easy_setopt(h, CURLOPT_POSTFIELDS, r->body.p);
	(void)curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE,
			       (curl_off_t)r->body.n);
}

static bool
add_header(struct job *j, const char *line)
{
	struct curl_slist *l = curl_slist_append(j->headers, line);

	if (l != NULL)
		j->headers = l;
	return l != NULL;
}

/* The next request of the job; false: no memory. */
static bool
launch(struct job *j)
{
	const struct push_request *r = &j->part[j->part_at];
	/* Nothing of libcurl's own: old gateways answer 417 to "Expect", and
	   a push proxy gateway sends what it does not know on to the phone. */
	bool ok = add_header(j, "Expect:") && add_header(j, "Accept:");

	for (size_t i = 0; i < sizeof(r->header) / sizeof(r->header[0]); i++)
		ok =
		    ok && (r->header[i] == NULL || add_header(j, r->header[i]));
	j->curl = curl_easy_init();
	if (!ok || j->curl == NULL)
		return false;
	j->answer = BUF_IN(j->a);
	options(j, r);
	return curl_easy_setopt(j->curl, CURLOPT_URL, r->url) == CURLE_OK &&
	       curl_easy_setopt(j->curl, CURLOPT_HTTPHEADER, j->headers) ==
		   CURLE_OK &&
	       curl_multi_add_handle(j->o->multi, j->curl) == CURLM_OK;
}

static void
land(struct job *j)
{
	(void)curl_multi_remove_handle(j->o->multi, j->curl);
	curl_easy_cleanup(j->curl);
	j->curl = NULL;
	curl_slist_free_all(j->headers);
	j->headers = NULL;
}

static enum push_end
judge(struct job *j, CURLcode rc, char why[static PUSH_WHY_BYTES])
{
	long status = 0;

	if (j->no_way) {
		(void)snprintf(why, PUSH_WHY_BYTES,
			       "HTTP without TLS to an address that is not "
			       "loopback: see push_allow_plain");
		return PUSH_DOWN;
	}
	if (rc != CURLE_OK) {
		(void)snprintf(why, PUSH_WHY_BYTES, "%s",
			       curl_easy_strerror(rc));
		return PUSH_DOWN;
	}
	(void)curl_easy_getinfo(j->curl, CURLINFO_RESPONSE_CODE, &status);
	push_hide(j->a, &j->answer, j->o->conf.secret);
	return j->o->d->judge(status, buf_slice(&j->answer), why);
}

/* ---- the thread ---------------------------------------------------------- */

static void
set_up(struct push_outlet *o, bool up, const char *why)
{
	(void)pthread_mutex_lock(&o->lock);
	o->up = up;
	(void)pthread_mutex_unlock(&o->lock);
	o->calls.state(o->calls.ctx, up, why);
}

static bool
stopping(struct push_outlet *o)
{
	bool stop;

	(void)pthread_mutex_lock(&o->lock);
	stop = o->stop;
	(void)pthread_mutex_unlock(&o->lock);
	return stop;
}

static void
drop_queued(struct push_outlet *o, const char *why)
{
	struct job *j;

	while ((j = next_job(o)) != NULL)
		settle(o, j, PUSH_LATER, why);
}

static void
went_down(struct push_outlet *o, const char *why)
{
	int64_t ms = o->conf.retry_ms << (o->downs < 16 ? o->downs : 16);

	if (o->down_until != 0)
		return; /* by another request of the same time */
	o->downs++;
	o->down_until = clk_mono_ms() + (ms > RETRY_MAX_MS ? RETRY_MAX_MS : ms);
	(void)snprintf(o->down_why, sizeof(o->down_why), "%s", why);
	set_up(o, false, why);
	drop_queued(o, why);
}

static void
unlink_job(struct push_outlet *o, struct job *j)
{
	struct job **at = &o->under_way;

	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
	j->next = NULL;
	o->under_way_n--;
}

static void
finish(struct push_outlet *o, struct job *j, enum push_end end, const char *why)
{
	unlink_job(o, j);
	settle(o, j, end, why);
	if (end == PUSH_DOWN)
		went_down(o, why);
	else
		o->downs = 0;
}

static void
landed(struct push_outlet *o, struct job *j, CURLcode rc)
{
	char why[PUSH_WHY_BYTES] = "";
	enum push_end end = judge(j, rc, why);

	land(j);
	if (end == PUSH_SENT && ++j->part_at < j->part_n) {
		if (launch(j))
			return;
		end = PUSH_LATER;
		(void)snprintf(why, sizeof(why), "out of memory");
	}
	finish(o, j, end, why);
}

static void
start_some(struct push_outlet *o)
{
	struct job *j;

	while (o->under_way_n < PARALLEL_MAX && (j = next_job(o)) != NULL) {
		if (j->part_n == 0) {
			settle(o, j, PUSH_REFUSED,
			       "it cannot be sent that way");
			continue;
		}
		j->next = o->under_way;
		o->under_way = j;
		o->under_way_n++;
		if (!launch(j))
			finish(o, j, PUSH_LATER, "out of memory");
	}
}

static void
collect(struct push_outlet *o)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(o->multi, &left)) != NULL) {
		char *private = NULL;
		CURLcode rc = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE,
					&private);
		landed(o, (struct job *)(void *)private, rc);
	}
}

static int
sleep_ms(struct push_outlet *o)
{
	int64_t left = o->down_until - clk_mono_ms();

	if (o->down_until == 0)
		return IDLE_MS;
	return left < 0 ? 0 : (int)left;
}

static void *
run(void *arg)
{
	struct push_outlet *o = arg;
	int running;

	set_up(o, true, NULL);
	while (!stopping(o)) {
		if (o->down_until != 0 && clk_mono_ms() >= o->down_until) {
			o->down_until = 0;
			set_up(o, true, NULL);
		}
		start_some(o);
		(void)curl_multi_perform(o->multi, &running);
		collect(o);
		(void)curl_multi_poll(o->multi, NULL, 0, sleep_ms(o), NULL);
	}
	set_up(o, false, "the outlet is closed");
	while (o->under_way != NULL) {
		struct job *j = o->under_way;

		land(j);
		unlink_job(o, j);
		settle(o, j, PUSH_LATER, "the outlet is closed");
	}
	drop_queued(o, "the outlet is closed");
	return NULL;
}

/* ---- open and close ------------------------------------------------------ */

static const struct push_dialect *const DIALECTS[PUSH_KIND_N] = {
	[PUSH_KANNEL] = &push_kannel,
	[PUSH_PPG] = &push_ppg,
	[PUSH_POST] = &push_post,
};

const char *
push_kind_name(enum push_kind kind)
{
	return DIALECTS[kind]->name;
}

static void
free_outlet(struct push_outlet *o)
{
	if (o->multi != NULL)
		(void)curl_multi_cleanup(o->multi);
	(void)pthread_mutex_destroy(&o->lock);
	free(o->texts);
	free(o);
}

static void
push_close(struct outlet **out)
{
	struct push_outlet *o = (struct push_outlet *)(void *)*out;

	if (o == NULL)
		return;
	(void)pthread_mutex_lock(&o->lock);
	o->stop = true;
	(void)pthread_mutex_unlock(&o->lock);
	(void)curl_multi_wakeup(o->multi);
	(void)pthread_join(o->thread, NULL);
	free_outlet(o);
	*out = NULL;
}

static const struct outlet_vtable VTABLE[PUSH_KIND_N] = {
	[PUSH_KANNEL] = { "kannel", push_send, push_close },
	[PUSH_PPG] = { "ppg", push_send, push_close },
	[PUSH_POST] = { "post", push_send, push_close },
};

static bool
keep_conf(struct push_outlet *o, const struct push_conf *conf)
{
	const char **text[] = { &o->conf.url, &o->conf.user, &o->conf.secret,
				&o->conf.from, &o->conf.ca_file };
	size_t n = 0, at = 0;

	o->conf = *conf;
	if (o->conf.retry_ms == 0)
		o->conf.retry_ms = RETRY_MS;
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++)
		n += strlen(*text[i]) + 1;
	o->texts = calloc(1, n);
	for (size_t i = 0;
	     o->texts != NULL && i < sizeof(text) / sizeof(text[0]); i++) {
		size_t len = strlen(*text[i]) + 1;

		memcpy(o->texts + at, *text[i], len);
		*text[i] = o->texts + at;
		at += len;
	}
	return o->texts != NULL;
}

/* Octets that a URL may have as they stand. */
static bool
url_ok(struct slice s)
{
	if (!slice_starts(s, "http://") && !slice_starts(s, "https://"))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f ||
		    strchr("\"<>\\^`|#", s.p[i]) != NULL)
			return false;
	}
	/* Somebody's name there would go out as HTTP's own credentials. */
	return slice_find(slice_sub(s, 0, 300), '@') == SIZE_MAX;
}

int
push_check(const struct push_conf *c, struct err *e)
{
	const char *name = push_kind_name(c->kind);
	struct slice from = slice_c(c->from);
	struct slice url = slice_c(c->url);

	/* What stands there may be meant for the gateway alone. */
	if (!url_ok(url))
		return err_set(e, ERR_CONFIG, "push.open",
			       "%s_url is no http:// or https:// address, or "
			       "has a user's name in it",
			       name);
	if (c->user[0] != '\0' && c->secret[0] == '\0')
		return err_set(e, ERR_CONFIG, "push.open",
			       "no password for %.100s: %s_secret_file",
			       c->user, name);
	if (c->kind == PUSH_PPG &&
	    (from.n == 0 || slice_find(from, ' ') != SIZE_MAX))
		return err_set(e, ERR_CONFIG, "push.open",
			       "ppg_host: \"%.100s\" is no name of a host",
			       c->from);
	return 0;
}

static int
start(struct push_outlet *o, struct err *e)
{
	o->multi = curl_multi_init();
	if (o->multi == NULL)
		return err_set(e, ERR_NOMEM, "push.open", "no memory");
	(void)curl_multi_setopt(o->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
				(long)PARALLEL_MAX);
	if (pthread_create(&o->thread, NULL, run, o) != 0)
		return err_set(e, ERR_NOMEM, "push.open", "no thread");
	return 0;
}

int
push_open(const struct push_conf *conf, const struct outlet_calls *calls,
	  struct outlet **out, struct err *e)
{
	struct push_outlet *o;

	*out = NULL;
	if (push_check(conf, e) < 0)
		return -1;
	o = calloc(1, sizeof(*o));
	if (o == NULL || !keep_conf(o, conf)) {
		free(o);
		return err_set(e, ERR_NOMEM, "push.open", "no memory");
	}
	(void)pthread_mutex_init(&o->lock, NULL);
	o->o.v = &VTABLE[conf->kind];
	o->d = DIALECTS[conf->kind];
	o->calls = *calls;
	o->end = &o->first;
	if (start(o, e) < 0) {
		free_outlet(o);
		return -1;
	}
	*out = &o->o;
	return 0;
}
