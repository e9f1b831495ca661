/* The life of one request, as the library's threads see it. */
#include "server/http/front_int.h"

#include "base/clock.h"
#include "server/http/page.h"
#include "syncml/limits.h"

#include <stdio.h>
#include <stdlib.h>

enum { BODY_FIRST_BYTES = 4096 };

void
srv_rq_uri(struct srv_rq *rq, const char *uri)
{
	struct slice path = slice_c(uri);
	struct slice query = { "", 0 };
	struct slice part;
	size_t at = slice_find(path, '?');

	if (at != SIZE_MAX) {
		query = slice_from(path, at + 1);
		path.n = at;
	}
	/* Gateways of mobile networks send "POST http://host/path". */
	at = slice_find_str(path, "://");
	if (at != SIZE_MAX && path.p[0] != '/') {
		path = slice_from(path, at + 3);
		at = slice_find(path, '/');
		path = at == SIZE_MAX ? SLICE_LIT("/") : slice_from(path, at);
	}
	if (path.n >= sizeof(rq->path)) {
		rq->path_cut = true;
		path.n = sizeof(rq->path) - 1;
	}
	memcpy(rq->path, path.p, path.n);
	while (slice_split(&query, '&', &part)) {
		if (!slice_starts(part, "s="))
			continue;
		part = slice_from(part, 2);
		/* No token of ours is that long. */
		if (part.n < sizeof(rq->token) && part.n > 0)
			memcpy(rq->token, part.p, part.n);
		break;
	}
}

static size_t
arguments(const char *uri)
{
	size_t n = 0;

	for (; *uri != '\0'; uri++)
		n += *uri == '&';
	return n;
}

/* Who it is, for the log of what fails before the headers are there. */
static void
read_peer(struct srv_rq *rq)
{
	const union MHD_ConnectionInfo *i = MHD_get_connection_info(
	    rq->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	struct srv_addr a;

	if (i != NULL && srv_addr_of(i->client_addr, &a))
		(void)srv_addr_text(&a, rq->peer);
}

void *
srv_rq_begin(void *cls, const char *uri, struct MHD_Connection *m)
{
	struct srv_gate *g = cls;
	struct srv_front *f = g->front;
	struct srv_conn *conn = srv_conn_of(m);
	struct srv_rq *rq = conn == NULL ? NULL : calloc(1, sizeof(*rq));
	int64_t left;

	if (rq == NULL)
		return NULL;
	rq->front = f;
	rq->conn = conn;
	rq->mhd = m;
	rq->method = "";
	rq->announced = -1;
	rq->began_ms = clk_mono_ms();
	rq->job.run = srv_rq_work;
	rq->uri_n = strlen(uri);
	read_peer(rq);
	srv_rq_uri(rq, uri);
	(void)pthread_mutex_lock(&f->lock);
	rq->settings = srv_settings_ref(f->settings);
	(void)pthread_mutex_unlock(&f->lock);
	/* The first request's line is part of its time; a further one may
	   have come at the end of the idle time. */
	left = rq->settings->conf.header_s * 1000;
	/* With very many arguments the library neither goes on nor answers. */
	if (arguments(uri) > SML_HTTP_HEADERS_MAX)
		left = 0;
	else if (!conn->used)
		left = atomic_load(&conn->deadline_ms) - rq->began_ms;
	conn->used = true;
	srv_conn_set(conn, CONN_RECEIVES, left);
	return rq;
}

int64_t
srv_rq_grace_ms(const struct srv_settings *s, size_t bytes)
{
	int64_t n = bytes > INT32_MAX ? INT32_MAX : (int64_t)bytes;
	int64_t ms =
	    s->conf.request_s * 1000 + n * 1000 / s->conf.min_rate_bytes;
	int64_t most = s->conf.request_max_s * 1000;

	return ms < most ? ms : most;
}

/* The deadline of a body follows what has come of it. */
static void
extend(struct srv_rq *rq)
{
	int64_t spent = clk_mono_ms() - rq->began_ms;

	srv_conn_set(rq->conn, CONN_RECEIVES,
		     srv_rq_grace_ms(rq->settings, rq->in_n) - spent);
}

void
srv_rq_refuse(struct srv_rq *rq, int http, const char *text)
{
	rq->http = http;
	rq->text = text;
	if (http == MHD_HTTP_SERVICE_UNAVAILABLE)
		rq->retry_after_s = 10;
}

void
srv_rq_drop_body(struct srv_rq *rq)
{
	(void)atomic_fetch_sub(&rq->front->metrics->body_bytes,
			       (int64_t)rq->body_cap);
	free(rq->body);
	rq->body = NULL;
	rq->body_n = rq->body_cap = 0;
}

/* Room for n more bytes; false: refused, rq->http says how. */
static bool
body_grow(struct srv_rq *rq, size_t n)
{
	struct srv_metrics *m = rq->front->metrics;
	size_t cap = rq->body_cap == 0 ? BODY_FIRST_BYTES : rq->body_cap * 2;
	size_t want = rq->body_n + n;
	char *p;

	if (rq->announced >= 0 && cap > (size_t)rq->announced)
		cap = (size_t)rq->announced;
	if (cap < want)
		cap = want;
	if (atomic_fetch_add(&m->body_bytes, (int64_t)(cap - rq->body_cap)) +
		(int64_t)(cap - rq->body_cap) >
	    rq->settings->conf.body_memory_bytes)
		p = NULL;
	else
		p = realloc(rq->body, cap);
	if (p == NULL) {
		(void)atomic_fetch_sub(&m->body_bytes,
				       (int64_t)(cap - rq->body_cap));
		srv_rq_refuse(rq, MHD_HTTP_SERVICE_UNAVAILABLE,
			      "Too busy; please come again.\n");
		return false;
	}
	rq->body = p;
	rq->body_cap = cap;
	return true;
}

/* Take a piece of the body. */
static enum MHD_Result
eat(struct srv_rq *rq, const char *data, size_t n)
{
	srv_metrics_add(&rq->front->metrics->bytes_in, n);
	rq->in_n += n;
	if (rq->phase == RQ_BODY && rq->body_n + n > rq->settings->body_max)
		srv_rq_refuse(rq, MHD_HTTP_CONTENT_TOO_LARGE,
			      "The message is too large.\n");
	else if (rq->phase == RQ_BODY && rq->body_cap - rq->body_n < n)
		(void)body_grow(rq, n);
	if (rq->phase == RQ_BODY && rq->http == 0) {
		memcpy(rq->body + rq->body_n, data, n);
		rq->body_n += n;
		extend(rq);
		return MHD_YES;
	}
	if (rq->phase == RQ_BODY) {
		/* The library takes an answer only at the body's end. */
		rq->phase = RQ_SWALLOW;
		srv_rq_drop_body(rq);
	}
	extend(rq);
	/* An honest client is done soon; another one is cut off. */
	return rq->in_n <= rq->settings->body_max + RQ_SWALLOW_MAX ? MHD_YES
								   : MHD_NO;
}

/* The library's parameter lacks a const; it only reads what persists. */
static struct MHD_Response *
from_static(struct slice s)
{
	union {
		const char *in;
		void *out;
	} p = { s.p };

	return MHD_create_response_from_buffer(s.n, p.out,
					       MHD_RESPMEM_PERSISTENT);
}

static struct MHD_Response *
make_response(struct srv_rq *rq)
{
	struct MHD_Response *r;
	const char *type = "text/plain; charset=utf-8";

	if (rq->page) {
		struct slice html = srv_page_html();

		r = from_static(html);
		rq->sent_n = html.n;
		type = srv_page_type;
	} else if (rq->text != NULL) {
		rq->sent_n = strlen(rq->text);
		r = from_static(slice_c(rq->text));
	} else {
		rq->sent_n = rq->reply_n;
		r = MHD_create_response_from_buffer(rq->reply_n, rq->reply,
						    MHD_RESPMEM_MUST_FREE);
		if (r != NULL)
			rq->reply = NULL; /* the response's now */
		type = rq->reply_type;
	}
	if (r != NULL)
		(void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE,
					      type);
	return r;
}

static void
add_headers(struct srv_rq *rq, struct MHD_Response *r)
{
	char number[16];

	(void)MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL,
				      "private, no-store");
	if (rq->page)
		srv_page_headers(r, rq->conn->gate->listen->scheme != SRV_HTTP);
	if (rq->http == MHD_HTTP_METHOD_NOT_ALLOWED)
		(void)MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW,
					      "GET, HEAD, POST");
	if (rq->reply_mac != NULL)
		(void)MHD_add_response_header(r, "x-syncml-hmac",
					      rq->reply_mac);
	if (rq->retry_after_s > 0) {
		(void)snprintf(number, sizeof(number), "%d", rq->retry_after_s);
		(void)MHD_add_response_header(r, MHD_HTTP_HEADER_RETRY_AFTER,
					      number);
	}
	if (rq->close_after || rq->last || atomic_load(&rq->front->stopping) ||
	    atomic_load(&rq->conn->gate->retired))
		(void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION,
					      "close");
}

static enum MHD_Result
answer(struct srv_rq *rq)
{
	struct MHD_Response *r = make_response(rq);
	enum MHD_Result ok;

	if (r == NULL)
		return MHD_NO;
	add_headers(rq, r);
	rq->conn->lingers = rq->close_after;
	rq->phase = RQ_DONE;
	srv_conn_set(rq->conn, CONN_SENDS,
		     srv_rq_grace_ms(rq->settings, rq->sent_n));
	ok = MHD_queue_response(rq->mhd, (unsigned)rq->http, r);
	MHD_destroy_response(r);
	return ok;
}

/* The headers are there: refuse at once, or let the body come. */
static enum MHD_Result
begin_body(struct srv_rq *rq, const char *method, const char *version)
{
	rq->method = method;
	srv_rq_check(rq, method, version);
	/* An answer before the body's end costs the connection, so even one
	   without a body waits for the library's next call. */
	if (rq->close_after)
		return answer(rq);
	rq->phase = rq->http == 0 ? RQ_BODY : RQ_SWALLOW;
	extend(rq);
	return MHD_YES;
}

/* The body is there: to a worker with it. */
static enum MHD_Result
end_body(struct srv_rq *rq)
{
	/* Trailers of a chunked body came behind it. */
	if (rq->http == 0 && rq->announced < 0 && !srv_rq_head_fits(rq))
		return answer(rq);
	if (rq->http == 0 && rq->body_n == 0)
		srv_rq_refuse(rq, MHD_HTTP_BAD_REQUEST,
			      "The message is empty.\n");
	if (rq->http != 0)
		return answer(rq);
	rq->phase = RQ_WORK;
	srv_conn_set(rq->conn, CONN_WORKS, INT64_MAX);
	/* First suspend, then publish: the worker may be faster than us. */
	MHD_suspend_connection(rq->mhd);
	if (!srv_pool_push(rq->front->pool, &rq->job)) {
		srv_rq_refuse(rq, MHD_HTTP_SERVICE_UNAVAILABLE,
			      "Too busy; please come again.\n");
		MHD_resume_connection(rq->mhd);
	}
	return MHD_YES;
}

enum MHD_Result
srv_rq_handle(void *cls, struct MHD_Connection *c, const char *url,
	      const char *method, const char *version, const char *data,
	      size_t *n, void **ctx)
{
	struct srv_rq *rq = *ctx;
	size_t got = *n;

	(void)cls;
	(void)c;
	(void)url;
	if (rq == NULL)
		return MHD_NO; /* memory was short at the first line */
	switch (rq->phase) {
	case RQ_HEAD:
		return begin_body(rq, method, version);
	case RQ_BODY:
	case RQ_SWALLOW:
		*n = 0;
		return got > 0 ? eat(rq, data, got) : end_body(rq);
	case RQ_WORK:
		return answer(rq);
	case RQ_DONE:
		break;
	}
	*n = 0;
	return MHD_YES;
}

static enum srv_result
result_of(const struct srv_rq *rq, enum MHD_RequestTerminationCode why)
{
	if (atomic_load(&rq->conn->slow))
		return SRV_RESULT_DEADLINE;
	if (why == MHD_REQUEST_TERMINATED_WITH_ERROR &&
	    rq->phase <= RQ_SWALLOW && !srv_conn_was_cut(rq->conn))
		return SRV_RESULT_REFUSED; /* by the library, as no HTTP */
	if (why != MHD_REQUEST_TERMINATED_COMPLETED_OK || rq->phase != RQ_DONE)
		return SRV_RESULT_ABORTED;
	if (rq->page)
		return SRV_RESULT_PAGE;
	if (rq->http == MHD_HTTP_SERVICE_UNAVAILABLE)
		return SRV_RESULT_BUSY;
	if (rq->http >= 500)
		return SRV_RESULT_FAILED;
	return rq->http >= 400 ? SRV_RESULT_REFUSED : SRV_RESULT_OK;
}

void
srv_rq_end(void *cls, struct MHD_Connection *c, void **ctx,
	   enum MHD_RequestTerminationCode why)
{
	static const char *const end[SRV_RESULT_N] = {
		[SRV_RESULT_DEADLINE] = "deadline",
		[SRV_RESULT_ABORTED] = "aborted",
	};
	struct srv_rq *rq = *ctx;
	enum srv_result result;
	const struct srv_conf *conf;
	const char *how;

	(void)cls;
	(void)c;
	*ctx = NULL;
	if (rq == NULL)
		return;
	result = result_of(rq, why);
	how = end[result];
	if (result == SRV_RESULT_REFUSED && rq->phase != RQ_DONE)
		how = "malformed";
	conf = &rq->settings->conf;
	srv_metrics_add(&rq->front->metrics->requests[result], 1);
	if (strcmp(rq->method, MHD_HTTP_METHOD_HEAD) == 0)
		rq->sent_n = 0;
	if (how == NULL)
		srv_metrics_add(&rq->front->metrics->bytes_out, rq->sent_n);
	srv_access_log(rq, how);
	srv_conn_set(rq->conn, CONN_IDLE, conf->keepalive_s * 1000);
	srv_rq_drop_body(rq);
	free(rq->reply);
	free(rq->reply_mac);
	srv_settings_unref(&rq->settings);
	free(rq);
}
