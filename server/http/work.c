/* The part of a request that runs in a worker. */
#include "server/http/front_int.h"

#include "server/http/inflate.h"

#include <stdlib.h>
#include <time.h>

static int64_t
now_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* The message without its content coding; false: refused. */
static bool
decode(struct srv_rq *rq, struct arena *a, struct slice *body)
{
	struct err e = { 0 };

	*body = (struct slice){ rq->body, rq->body_n };
	if (rq->coding == RQ_PLAIN ||
	    srv_inflate(a, *body, rq->settings->body_max, body, &e) == 0)
		return true;
	if (e.code == ERR_LIMIT)
		srv_rq_refuse(rq, MHD_HTTP_CONTENT_TOO_LARGE,
			      "The message is too large.\n");
	else if (e.code == ERR_NOMEM)
		srv_rq_refuse(rq, MHD_HTTP_SERVICE_UNAVAILABLE,
			      "Too busy; please come again.\n");
	else
		srv_rq_refuse(rq, MHD_HTTP_BAD_REQUEST,
			      "The message is not compressed as its header "
			      "says.\n");
	return false;
}

/* The arena goes to the next request: keep what the answer needs. */
static void
keep(struct srv_rq *rq, const struct sml_reply *r)
{
	size_t n = r->content_type.n;

	rq->http = r->http;
	rq->retry_after_s = r->retry_after_s;
	rq->reply = malloc(r->body.n == 0 ? 1 : r->body.n);
	if (rq->reply == NULL || r->http < 200 || r->http > 599) {
		srv_rq_refuse(rq, MHD_HTTP_SERVICE_UNAVAILABLE,
			      "Too busy; please come again.\n");
		return;
	}
	if (r->body.n > 0)
		memcpy(rq->reply, r->body.p, r->body.n);
	if (r->mac.n > 0)
		rq->reply_mac = strndup(r->mac.p, r->mac.n);
	if (r->mac.n > 0 && rq->reply_mac == NULL) {
		srv_rq_refuse(rq, MHD_HTTP_SERVICE_UNAVAILABLE,
			      "Too busy; please come again.\n");
		return;
	}
	rq->reply_n = r->body.n;
	if (n == 0 || n >= sizeof(rq->reply_type) ||
	    memchr(r->content_type.p, 0, n) != NULL)
		memcpy(rq->reply_type, "text/plain", sizeof("text/plain"));
	else
		memcpy(rq->reply_type, r->content_type.p, n);
	if (r->http == MHD_HTTP_SERVICE_UNAVAILABLE && rq->retry_after_s <= 0)
		rq->retry_after_s = 10;
}

static void
count(struct srv_metrics *m, const struct sml_reply *r, int64_t us)
{
	srv_metrics_message(m, us);
	srv_metrics_add(&m->messages, r->http == 200);
	srv_metrics_add(&m->duplicates, r->duplicate);
	srv_metrics_add(&m->tries, r->tries > 1 ? r->tries - 1 : 0);
	srv_metrics_add(&m->items_in, r->items_in);
	srv_metrics_add(&m->items_out, r->items_out);
	srv_metrics_add(&m->sessions_began, r->session_began);
	srv_metrics_add(&m->sessions_ended, r->session_ended);
}

/* From here on the request is the library's thread's again. */
static void
go(struct srv_later *later)
{
	struct srv_rq *rq =
	    (struct srv_rq *)(void *)((char *)later -
				      offsetof(struct srv_rq, later));

	MHD_resume_connection(rq->mhd);
}

static bool
holds(struct srv_rq *rq, const struct sml_reply *reply)
{
	const struct srv_service *service = rq->front->service;

	rq->later = (struct srv_later){ .go = go };
	return service->hold != NULL && rq->http == 200 &&
	       service->hold(service->ctx, reply, &rq->later);
}

/* true: somebody else sends it. */
static bool
serve(struct srv_rq *rq, struct arena *a)
{
	const struct srv_service *service = rq->front->service;
	struct sml_reply reply = { 0 };
	struct sml_request in = {
		.content_type = slice_c(rq->ctype),
		.token = slice_c(rq->token),
		.mac = slice_c(rq->mac),
		.peer = slice_c(rq->peer),
		.base_url = slice_c(rq->base),
	};
	int64_t began = now_us();

	if (!decode(rq, a, &in.body))
		return false;
	service->handle(service->ctx, a, &in, &reply);
	rq->work_us = now_us() - began;
	keep(rq, &reply);
	srv_access_tail(rq, &reply);
	count(rq->front->metrics, &reply, rq->work_us);
	srv_rq_drop_body(rq);
	return holds(rq, &reply);
}

void
srv_rq_work(struct srv_job *job, struct arena *a)
{
	struct srv_rq *rq = (struct srv_rq *)job;

	if (a == NULL)
		srv_rq_refuse(rq, MHD_HTTP_SERVICE_UNAVAILABLE,
			      "Too busy; please come again.\n");
	else if (serve(rq, a))
		return;
	srv_rq_drop_body(rq);
	go(&rq->later);
}
