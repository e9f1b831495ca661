#include "clients/http.h"

#include "base/buf.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdlib.h>
#include <strings.h>

struct cli_http {
	struct cli_http_conf conf;
	CURL *curl;
	char error[CURL_ERROR_SIZE];
	volatile sig_atomic_t cancelled;
};

struct sink {
	struct buf b;
	size_t max;
	bool too_large;
};

/* The library's own signature. */
static size_t
on_body(char *p, /* NOLINT(readability-non-const-parameter) */
	size_t size, size_t n, void *ctx)
{
	struct sink *s = ctx;

	if (size * n > s->max - s->b.n) {
		s->too_large = true;
		return 0;
	}
	buf_add(&s->b, (struct slice){ p, size * n });
	return buf_ok(&s->b) ? size * n : 0;
}

static int
on_progress(void *ctx, curl_off_t dt, curl_off_t dn, curl_off_t ut,
	    curl_off_t un)
{
	struct cli_http *h = ctx;

	(void)dt;
	(void)dn;
	(void)ut;
	(void)un;
	return h->cancelled != 0;
}

/* What holds for all transfers. */
static bool
set_up(struct cli_http *h)
{
	CURL *c = h->curl;
	CURLcode r = CURLE_OK;

	r |= curl_easy_setopt(c, CURLOPT_ERRORBUFFER, h->error);
	r |= curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	r |= curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	r |= curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	r |= curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, 15L);
	r |= curl_easy_setopt(c, CURLOPT_TIMEOUT, h->conf.timeout_s);
	r |= curl_easy_setopt(c, CURLOPT_USERAGENT,
			      "funicular-client/" FUNICULAR_VERSION);
	r |= curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, NULL);
	r |= curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	r |= curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	r |= curl_easy_setopt(c, CURLOPT_XFERINFODATA, h);
	r |= curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	if (h->conf.ca_file != NULL)
		r |= curl_easy_setopt(c, CURLOPT_CAINFO, h->conf.ca_file);
	if (h->conf.insecure) {
		r |= curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
		r |= curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	return r == CURLE_OK;
}

int
cli_http_new(const struct cli_http_conf *conf, struct cli_http **out,
	     struct err *e)
{
	struct cli_http *h = calloc(1, sizeof(*h));

	*out = NULL;
	if (h == NULL)
		return err_set(e, ERR_NOMEM, "http.new", "no memory");
	h->conf = *conf;
	/* Counts its callers; no thread runs yet. */
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		h->curl = curl_easy_init();
	if (h->curl == NULL || !set_up(h)) {
		cli_http_free(&h);
		return err_set(e, ERR_BUG, "http.new",
			       "libcurl cannot be set up");
	}
	*out = h;
	return 0;
}

void
cli_http_free(struct cli_http **hp)
{
	struct cli_http *h = *hp;

	if (h == NULL)
		return;
	curl_easy_cleanup(h->curl);
	curl_global_cleanup();
	free(h);
	*hp = NULL;
}

void
cli_http_cancel(struct cli_http *h)
{
	h->cancelled = 1;
}

/* May the same message be sent again after this? */
static enum err_code
kind_of(const struct cli_http *h, CURLcode r, const struct sink *s)
{
	if (s->too_large)
		return ERR_LIMIT;
	if (h->cancelled)
		return ERR_IO;
	switch ((int)r) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_SSL_CONNECT_ERROR:
		return ERR_UNAVAILABLE;
	case CURLE_OUT_OF_MEMORY:
		return ERR_NOMEM;
	default:
		return ERR_IO;
	}
}

/* NULL: memory is short, and the list is gone. */
static struct curl_slist *
add_header(struct curl_slist *list, const char *line)
{
	struct curl_slist *longer =
	    line == NULL ? NULL : curl_slist_append(list, line);

	if (longer == NULL)
		curl_slist_free_all(list);
	return longer;
}

static struct curl_slist *
make_headers(struct arena *a, const struct cli_http_message *m)
{
	static const char *const fixed[] = {
		"Accept: application/vnd.syncml+wbxml, "
		"application/vnd.syncml+xml",
		"Cache-Control: no-store",
		"Expect:", /* old servers know no 100-continue */
		NULL,
	};
	struct slice type =
	    arena_printf(a, "Content-Type: %s", m->content_type);
	struct slice mac =
	    arena_printf(a, "x-syncml-hmac: %.*s", SLICE_ARG(m->mac));
	struct curl_slist *list = add_header(NULL, type.p);

	for (size_t i = 0; list != NULL && fixed[i] != NULL; i++)
		list = add_header(list, fixed[i]);
	if (list != NULL && m->mac.n > 0)
		list = add_header(list, mac.p);
	return list;
}

static void
take_result(struct cli_http *h, struct arena *a, const struct sink *s,
	    struct cli_http_reply *out)
{
	struct curl_header *mac = NULL;
	char *type = NULL;
	curl_off_t wait = 0;

	curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &out->status);
	curl_easy_getinfo(h->curl, CURLINFO_CONTENT_TYPE, &type);
	curl_easy_getinfo(h->curl, CURLINFO_RETRY_AFTER, &wait);
	out->content_type = arena_copy(a, slice_c(type == NULL ? "" : type));
	if (curl_easy_header(h->curl, "x-syncml-hmac", 0, CURLH_HEADER, -1,
			     &mac) == CURLHE_OK)
		out->mac = arena_copy(a, slice_c(mac->value));
	out->body = buf_slice(&s->b);
	out->retry_after_s = (long)(wait > 3600 ? 3600 : wait);
}

int
cli_http_post(struct cli_http *h, struct arena *a, struct slice url,
	      const struct cli_http_message *m, struct cli_http_reply *out,
	      struct err *e)
{
	struct sink s = { .b = BUF_IN(a), .max = h->conf.max_reply_bytes };
	char *target = arena_cstr(a, url);
	struct curl_slist *headers = make_headers(a, m);
	CURL *c = h->curl;
	CURLcode r = CURLE_OK;

	*out = (struct cli_http_reply){ 0 };
	if (target == NULL || headers == NULL) {
		curl_slist_free_all(headers);
		return err_set(e, ERR_NOMEM, "http.post",
			       "no memory, or no valid URL");
	}
	h->error[0] = '\0';
	r |= curl_easy_setopt(c, CURLOPT_URL, target);
	r |= curl_easy_setopt(c, CURLOPT_POST, 1L);
	r |= curl_easy_setopt(c, CURLOPT_POSTFIELDS, m->body.p);
	r |= curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE,
			      (curl_off_t)m->body.n);
	r |= curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	r |= curl_easy_setopt(c, CURLOPT_WRITEDATA, &s);
	if (r == CURLE_OK)
		r = curl_easy_perform(c);
	curl_slist_free_all(headers);
	if (r != CURLE_OK)
		return err_sys(e, kind_of(h, r, &s), (int)r, "http.post",
			       "%s: %s", target,
			       h->cancelled          ? "interrupted"
			       : s.too_large         ? "the answer is too large"
			       : h->error[0] != '\0' ? h->error
						     : curl_easy_strerror(r));
	take_result(h, a, &s, out);
	return 0;
}
