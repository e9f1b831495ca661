/*
 * What a request's headers must look like. The library is lenient where a
 * proxy in front may read the same bytes differently (request smuggling), so
 * framing is judged here again, strictly.
 */
#include "server/http/front_int.h"

#include "syncml/limits.h"

#include <stdio.h>

struct seen { /* the headers that matter */
	struct srv_rq *rq;
	unsigned lengths, hosts, codings, macs;
	bool bad; /* a name that is no token, or lengths that differ */
	int64_t length;
	struct slice transfer, type, encoding, host;
	bool expect;
	struct srv_forward_in fwd;
	enum srv_forward_kind kind;
};

static bool
token_ok(struct slice s)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		      (c >= 'A' && c <= 'Z') ||
		      memchr(others, c, sizeof(others) - 1) != NULL))
			return false;
	}
	return s.n > 0;
}

static void
see_length(struct seen *s, struct slice v)
{
	int64_t n = -1;

	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] < '0' || v.p[i] > '9')
			s->bad = true;
	if (!slice_i64(v, &n) || (s->lengths > 0 && n != s->length))
		s->bad = true;
	s->length = n;
	s->lengths++;
}

static void
see_forward(struct seen *s, struct slice name, struct slice v)
{
	bool rfc = s->kind == SRV_FORWARD_RFC7239;

	if (slice_is_nocase(name, rfc ? "Forwarded" : "X-Forwarded-For"))
		srv_forward_push(&s->fwd.hops, v);
	else if (!rfc && slice_is_nocase(name, "X-Forwarded-Proto"))
		srv_forward_push(&s->fwd.proto, v);
	else if (!rfc && slice_is_nocase(name, "X-Forwarded-Host"))
		srv_forward_push(&s->fwd.host, v);
}

static enum MHD_Result
see(void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct seen *s = cls;
	struct slice name = slice_c(key);
	struct slice v = slice_c(value);

	(void)kind;
	if (!token_ok(name))
		s->bad = true;
	if (slice_is_nocase(name, "Content-Length")) {
		see_length(s, v);
	} else if (slice_is_nocase(name, "Transfer-Encoding")) {
		s->codings++;
		s->transfer = v;
	} else if (slice_is_nocase(name, "Host")) {
		s->hosts++;
		s->host = v;
	} else if (slice_is_nocase(name, "Content-Type")) {
		s->rq->ctype = value;
		s->type = v;
	} else if (slice_is_nocase(name, "x-syncml-hmac")) {
		s->macs++;
		s->rq->mac = value;
	} else if (slice_is_nocase(name, "Content-Encoding")) {
		s->encoding = v;
	} else if (slice_is_nocase(name, "Expect")) {
		s->expect = true;
	} else {
		see_forward(s, name, v);
	}
	return MHD_YES;
}

/* One body, framed in one way that everybody reads alike (RFC 9112, 6.3). */
static bool
framing_ok(const struct seen *s, const char *version)
{
	bool old = strcmp(version, MHD_HTTP_VERSION_1_1) != 0;

	if (s->bad || s->lengths > 1 || s->codings > 1 || s->hosts > 1 ||
	    s->macs > 1)
		return false;
	if (s->codings > 0 &&
	    (s->lengths > 0 || old || !slice_is_nocase(s->transfer, "chunked")))
		return false;
	return old || s->hosts == 1;
}

static bool
type_ok(struct slice type)
{
	/* The hyphenated form comes from the Symbian EPOC test client; small
	   clients say XML alone, or nothing: the bytes decide. */
	static const char *const known[] = { "application/vnd.syncml+xml",
					     "application/vnd.syncml+wbxml",
					     "application/vnd.syncml-xml",
					     "application/vnd.syncml-wbxml",
					     "application/xml",
					     "text/xml",
					     "" };
	size_t at = slice_find(type, ';');

	if (at != SIZE_MAX)
		type.n = at;
	type = slice_trim(type);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (slice_is_nocase(type, known[i]))
			return true;
	return false;
}

static bool
coding_ok(struct srv_rq *rq, struct slice v)
{
	v = slice_trim(v);
	rq->coding = RQ_PLAIN;
	if (v.n == 0 || slice_is_nocase(v, "identity"))
		return true;
	rq->coding = slice_is_nocase(v, "deflate") ? RQ_DEFLATE : RQ_GZIP;
	return rq->coding == RQ_DEFLATE || slice_is_nocase(v, "gzip") ||
	       slice_is_nocase(v, "x-gzip");
}

/* The client's address and the URL that it reaches us under. */
static void
locate(struct srv_rq *rq, struct seen *s)
{
	const union MHD_ConnectionInfo *i = MHD_get_connection_info(
	    rq->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const char *url = rq->settings->conf.public_url;
	struct srv_addr peer = { { 0 } };
	struct srv_forward f;
	size_t n = strlen(url);

	if (i != NULL)
		(void)srv_addr_of(i->client_addr, &peer);
	s->fwd.kind = s->kind;
	s->fwd.host_header = s->host;
	srv_forward_find(&rq->settings->trusted, &peer, &s->fwd, &f);
	(void)srv_addr_text(&f.client, rq->peer);
	/* Clients of a proxy share its connections. The library misreads
	   folded and nameless header lines, and what one client smuggles past
	   both must not become another's request: one request each. */
	rq->last = f.trusted;
	while (n > 0 && url[n - 1] == '/')
		n--;
	if (n > 0 && n + strlen(rq->path) < sizeof(rq->base))
		(void)snprintf(rq->base, sizeof(rq->base), "%.*s%s", (int)n,
			       url, rq->path);
	else if (n == 0 && f.proto.n > 0 && f.host.n > 0)
		(void)snprintf(rq->base, sizeof(rq->base), "%.*s://%.*s%s",
			       SLICE_ARG(f.proto), SLICE_ARG(f.host), rq->path);
}

/* A POST to one of the paths: may its body come? */
static void
check_post(struct srv_rq *rq, const struct seen *s)
{
	if (!type_ok(s->type))
		srv_rq_refuse(rq, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
			      "This address takes application/vnd.syncml+xml "
			      "and application/vnd.syncml+wbxml.\n");
	else if (!coding_ok(rq, s->encoding))
		srv_rq_refuse(rq, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
			      "Content-Encoding must be gzip or deflate.\n");
	else if (s->codings == 0 && s->lengths == 0)
		srv_rq_refuse(rq, MHD_HTTP_LENGTH_REQUIRED,
			      "Content-Length is missing.\n");
	else if (s->lengths > 0 && s->length == 0)
		srv_rq_refuse(rq, MHD_HTTP_BAD_REQUEST,
			      "The message is empty.\n");
	else if (s->length > (int64_t)rq->settings->body_max) {
		srv_rq_refuse(rq, MHD_HTTP_CONTENT_TOO_LARGE,
			      "The message is too large.\n");
		rq->close_after = true;
	}
}

static void
route(struct srv_rq *rq, const char *method, const struct seen *s)
{
	if (rq->path_cut ||
	    !srv_settings_path_ok(rq->settings, slice_c(rq->path))) {
		srv_rq_refuse(rq, MHD_HTTP_NOT_FOUND, "Nothing is here.\n");
	} else if (strcmp(method, MHD_HTTP_METHOD_GET) == 0 ||
		   strcmp(method, MHD_HTTP_METHOD_HEAD) == 0) {
		rq->http = MHD_HTTP_OK;
		rq->page = true;
	} else if (strcmp(method, MHD_HTTP_METHOD_POST) == 0) {
		check_post(rq, s);
	} else {
		srv_rq_refuse(rq, MHD_HTTP_METHOD_NOT_ALLOWED,
			      "This address takes GET, HEAD and POST.\n");
	}
}

struct weight {
	size_t n, bytes;
};

static enum MHD_Result
weigh(void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct weight *w = cls;

	(void)kind;
	w->n++;
	w->bytes += SML_HTTP_HEADER_COST;
	w->bytes += key == NULL ? 0 : strlen(key);
	w->bytes += value == NULL ? 0 : strlen(value);
	return MHD_YES;
}

bool
srv_rq_head_fits(struct srv_rq *rq)
{
	struct weight w = { .bytes = rq->uri_n };

	(void)MHD_get_connection_values(
	    rq->mhd,
	    (enum MHD_ValueKind)(MHD_HEADER_KIND | MHD_COOKIE_KIND |
				 MHD_GET_ARGUMENT_KIND | MHD_FOOTER_KIND),
	    weigh, &w);
	if (w.n <= SML_HTTP_HEADERS_MAX && w.bytes <= SML_HTTP_HEAD_BYTES_MAX)
		return true;
	srv_rq_refuse(rq, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE,
		      "The request's headers are too many or too long.\n");
	rq->close_after = true;
	return false;
}

void
srv_rq_check(struct srv_rq *rq, const char *method, const char *version)
{
	struct seen s = { .rq = rq, .length = -1, .kind = rq->settings->kind };

	(void)MHD_get_connection_values(rq->mhd, MHD_HEADER_KIND, see, &s);
	locate(rq, &s);
	if (!framing_ok(&s, version)) {
		srv_rq_refuse(rq, MHD_HTTP_BAD_REQUEST,
			      "The request's headers contradict each other.\n");
		rq->close_after = true;
		return;
	}
	if (!srv_rq_head_fits(rq))
		return;
	rq->announced = s.length;
	route(rq, method, &s);
	/* What the answer does not wait for ends the connection. */
	if (rq->http != 0 && (s.codings > 0 || s.length > RQ_SWALLOW_MAX ||
			      (s.expect && s.length > 0)))
		rq->close_after = true;
}
