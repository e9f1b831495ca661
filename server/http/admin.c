/* The admin address: /healthz and /metrics, for machines of the site. */
#include "server/http/front_int.h"

enum { ADMIN_ARENA_BYTES = 1 << 20 };

static enum MHD_Result
send_text(struct MHD_Connection *c, unsigned http, const char *type,
	  struct slice text)
{
	union {
		const char *in;
		void *out;
	} p = { text.p };
	struct MHD_Response *r = MHD_create_response_from_buffer(
	    text.n, p.out, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result ok;

	if (r == NULL)
		return MHD_NO;
	(void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	(void)MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL,
				      "no-store");
	/* A scrape is rare: no idle connections, no bodies left unread. */
	(void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
	if (http == MHD_HTTP_METHOD_NOT_ALLOWED)
		(void)MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW,
					      "GET, HEAD");
	ok = MHD_queue_response(c, http, r);
	MHD_destroy_response(r);
	return ok;
}

static enum MHD_Result
plain(struct MHD_Connection *c, unsigned http, struct slice text)
{
	return send_text(c, http, "text/plain; charset=utf-8", text);
}

/* Says no more than "ok" or not: the reason is for the log. */
static enum MHD_Result
health(struct srv_front *f, struct MHD_Connection *c)
{
	struct err e = { 0 };

	if (atomic_load(&f->stopping))
		return plain(c, MHD_HTTP_SERVICE_UNAVAILABLE,
			     SLICE_LIT("stopping\n"));
	if (f->service->healthy(f->service->ctx, &e) == 0)
		return plain(c, MHD_HTTP_OK, SLICE_LIT("ok\n"));
	log_line(f->log, LOG_LVL_WARN,
		 "event=unhealthy where=%s: the store does not work: %s",
		 e.where == NULL ? "-" : e.where, e.msg);
	return plain(c, MHD_HTTP_SERVICE_UNAVAILABLE,
		     SLICE_LIT("store does not answer\n"));
}

static enum MHD_Result
metrics(struct srv_front *f, struct MHD_Connection *c)
{
	struct arena *a = arena_new(ADMIN_ARENA_BYTES);
	struct srv_metrics_now now = { 0 };
	struct buf b = { .a = a };
	enum MHD_Result ok;

	if (a == NULL)
		return MHD_NO;
	srv_front_look(f, &now.pool);
	now.store_up = f->service->healthy(f->service->ctx, NULL) == 0;
	srv_metrics_write(f->metrics, &now, &b);
	ok = buf_ok(&b)
		 ? send_text(c, MHD_HTTP_OK, srv_metrics_type, buf_slice(&b))
		 : MHD_NO;
	arena_free(&a);
	return ok;
}

void *
srv_admin_begin(void *cls, const char *uri, struct MHD_Connection *m)
{
	struct srv_gate *g = cls;
	struct srv_conn *c = srv_conn_of(m);

	(void)g;
	(void)uri;
	if (c != NULL)
		atomic_store(&c->phase, (int)CONN_RECEIVES);
	return c;
}

/* The library's own signature. */
enum MHD_Result
srv_admin_handle(void *cls, struct MHD_Connection *c, const char *url,
		 const char *method, const char *version, const char *data,
		 size_t *n, /* NOLINT(readability-non-const-parameter) */
		 void **ctx)
{
	struct srv_gate *g = cls;

	(void)version;
	(void)data;
	(void)n;
	if (*ctx == NULL)
		return MHD_NO;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
	    strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return plain(c, MHD_HTTP_METHOD_NOT_ALLOWED,
			     SLICE_LIT("GET or HEAD only\n"));
	if (strcmp(url, "/healthz") == 0)
		return health(g->front, c);
	if (strcmp(url, "/metrics") == 0)
		return metrics(g->front, c);
	return plain(c, MHD_HTTP_NOT_FOUND,
		     SLICE_LIT("/healthz and /metrics are here\n"));
}

void
srv_admin_end(void *cls, struct MHD_Connection *c, void **ctx,
	      enum MHD_RequestTerminationCode why)
{
	(void)cls;
	(void)c;
	(void)why;
	*ctx = NULL;
}
