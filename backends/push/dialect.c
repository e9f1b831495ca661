/*
 * What each gateway wants to be told, and what its answers mean. Names and
 * passwords go into the query, never into HTTP's own header: a push proxy
 * gateway copies that one into what the phone receives.
 */
#include "backends/push/int.h"

#include "base/digest.h"
#include "base/log.h"

#include <stdio.h>

/* ---- what they share ----------------------------------------------------- */

void
push_quote(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		char low = slice_lower((char)c);

		if ((low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') ||
		    c == '-' || c == '_' || c == '.')
			buf_byte(b, c);
		else
			buf_printf(b, "%%%02X", c);
	}
}

void
push_query(struct buf *b, const char *url)
{
	buf_str(b, url);
	buf_byte(b, strchr(url, '?') == NULL ? '?' : '&');
}

static void
add_pair(struct buf *b, const char *name, struct slice value)
{
	buf_str(b, name);
	push_quote(b, value);
}

const char *
push_cstr(struct buf *b)
{
	buf_byte(b, 0);
	return buf_ok(b) ? b->p : NULL;
}

void
push_why(char why[static PUSH_WHY_BYTES], int64_t status, struct slice answer)
{
	struct slice line = { NULL, 0 };
	char text[100];

	(void)slice_split(&answer, '\n', &line);
	(void)snprintf(
	    why, PUSH_WHY_BYTES, "HTTP %lld: %s", (long long)status,
	    log_quote(slice_sub(slice_trim(line), 0, 90), text, sizeof(text)));
}

static void
strike_out(struct buf *b, struct slice word)
{
	char *at = b->p;

	while (word.n > 0 && b->n > 0 &&
	       (at = memmem(at, b->n - (size_t)(at - b->p), word.p, word.n)) !=
		   NULL) {
		memset(at, '*', word.n);
		at += word.n;
	}
}

void
push_hide(struct arena *a, struct buf *answer, const char *secret)
{
	struct buf quoted = BUF_IN(a);

	push_quote(&quoted, slice_c(secret));
	strike_out(answer, slice_c(secret));
	strike_out(answer, buf_slice(&quoted));
	/* Not known how it would look in there. */
	if (!buf_ok(&quoted))
		answer->n = 0;
}

enum push_end
push_status(int64_t status)
{
	if (status >= 200 && status < 300)
		return PUSH_SENT;
	if (status == 401 || status == 403 || status == 407)
		return PUSH_DOWN; /* we may not: whatever the message */
	if (status == 408 || status == 429 || status >= 500 || status < 400)
		return PUSH_LATER;
	return PUSH_REFUSED;
}

/* ---- Kannel -------------------------------------------------------------- */

static void
sms_url(struct buf *b, const struct push_conf *conf,
	const struct outlet_msg *msg)
{
	push_query(b, conf->url);
	add_pair(b, "username=", slice_c(conf->user));
	add_pair(b, "&password=", slice_c(conf->secret));
	add_pair(b, "&to=", msg->to);
	if (conf->from[0] != '\0')
		add_pair(b, "&from=", slice_c(conf->from));
}

static size_t
kannel_text(const struct push_conf *conf, struct arena *a,
	    const struct outlet_msg *msg, struct push_request *out)
{
	struct buf b = BUF_IN(a);

	sms_url(&b, conf, msg);
	buf_str(&b, "&coding=2&charset=UTF-8");
	add_pair(&b, "&text=", msg->text);
	*out = (struct push_request){ .url = push_cstr(&b) };
	return out->url == NULL ? 0 : 1;
}

static size_t
kannel_make(const struct push_conf *conf, struct arena *a,
	    const struct outlet_msg *msg,
	    struct push_request out[static PUSH_PARTS_MAX])
{
	struct push_part part[PUSH_PARTS_MAX];
	struct buf unit = BUF_IN(a);
	size_t n;

	if (msg->notice == NULL)
		return kannel_text(conf, a, msg, out);
	push_wsp(&unit, msg->notice);
	if (!buf_ok(&unit))
		return 0;
	n = push_parts(a, buf_slice(&unit),
		       (unsigned char)(digest_u64(msg->id) & 0xff), part);
	for (size_t i = 0; i < n; i++) {
		struct buf b = BUF_IN(a);

		sms_url(&b, conf, msg);
		buf_str(&b, "&coding=1");
		add_pair(&b, "&udh=", part[i].udh);
		add_pair(&b, "&text=", part[i].data);
		out[i] = (struct push_request){ .url = push_cstr(&b) };
		if (out[i].url == NULL)
			return 0;
	}
	return n;
}

/* "0: Accepted for delivery", "3: Queued for later delivery"; "Sent." of old
   ones. Other web servers say yes to anything. */
static bool
kannel_took(int64_t status, struct slice answer)
{
	return status == 202 || slice_starts(answer, "0:") ||
	       slice_starts(answer, "3:") || slice_starts(answer, "Sent");
}

static enum push_end
kannel_judge(int64_t status, struct slice answer,
	     char why[static PUSH_WHY_BYTES])
{
	enum push_end end = push_status(status);

	push_why(why, status, answer);
	if (end == PUSH_SENT && !kannel_took(status, answer)) {
		(void)snprintf(why, PUSH_WHY_BYTES,
			       "the answer is none of Kannel's");
		return PUSH_LATER;
	}
	/* It says 403 of a number that its lists refuse, too. */
	if (status == 403 && slice_find_str(answer, "uthorization") == SIZE_MAX)
		return PUSH_REFUSED;
	/* An address at which there is no sendsms. */
	return status == 404 ? PUSH_DOWN : end;
}

const struct push_dialect push_kannel = { "kannel", kannel_make, kannel_judge };

/* ---- PAP ----------------------------------------------------------------- */

#define BOUNDARY "funicular-part-of-a-push"

/* Into an attribute's value. */
static void
xml(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '&' || c == '<' || c == '>' || c == '"' || c < ' ')
			buf_printf(b, "&#%u;", c < ' ' ? ' ' : c);
		else
			buf_byte(b, c);
	}
}

static void
control(struct buf *b, const struct push_conf *conf,
	const struct outlet_msg *msg)
{
	struct slice host = slice_c(conf->from);

	buf_str(b, "--" BOUNDARY "\r\nContent-Type: application/xml\r\n\r\n"
		   "<?xml version=\"1.0\"?>\r\n"
		   "<!DOCTYPE pap PUBLIC \"-//WAPFORUM//DTD PAP 1.0//EN\" "
		   "\"http://www.wapforum.org/DTD/pap_1.0.dtd\">\r\n"
		   "<pap><push-message push-id=\"");
	xml(b, msg->id);
	buf_byte(b, '@');
	xml(b, host);
	buf_str(b, "\"><address address-value=\"WAPPUSH=");
	xml(b, msg->to);
	buf_str(b, "/TYPE=PLMN@");
	xml(b, host);
	buf_str(b, "\"/><quality-of-service priority=\"medium\" "
		   "delivery-method=\"unconfirmed\"/></push-message></pap>"
		   "\r\n");
}

static void
content(struct buf *b, const struct outlet_msg *msg)
{
	const struct outlet_notice *n = msg->notice;

	if (n == NULL) {
		buf_str(b, "--" BOUNDARY
			   "\r\nContent-Type: text/plain; charset=utf-8\r\n"
			   "\r\n");
		buf_add(b, msg->text);
	} else {
		buf_printf(b,
			   "--" BOUNDARY "\r\nContent-Type: %.*s\r\n"
			   "X-Wap-Application-Id: %.*s\r\n\r\n",
			   SLICE_ARG(n->type), SLICE_ARG(n->app));
		buf_add(b, n->body);
	}
	buf_str(b, "\r\n--" BOUNDARY "--\r\n");
}

static size_t
ppg_make(const struct push_conf *conf, struct arena *a,
	 const struct outlet_msg *msg,
	 struct push_request out[static PUSH_PARTS_MAX])
{
	struct buf url = BUF_IN(a);
	struct buf body = BUF_IN(a);

	if (conf->user[0] == '\0') {
		buf_str(&url, conf->url);
	} else {
		push_query(&url, conf->url);
		add_pair(&url, "username=", slice_c(conf->user));
		add_pair(&url, "&password=", slice_c(conf->secret));
	}
	control(&body, conf, msg);
	content(&body, msg);
	out[0] = (struct push_request){
		.url = push_cstr(&url),
		.header = { "Content-Type: multipart/related; "
			    "boundary=" BOUNDARY "; type=\"application/xml\"" },
		.body = buf_slice(&body),
		.post = true,
	};
	return out[0].url == NULL || !buf_ok(&body) ? 0 : 1;
}

/* The number in <response-result code="1001"> or badmessage-response. */
static bool
result_code(struct slice answer, int64_t *out)
{
	static const char *const tags[] = { "<response-result",
					    "<badmessage-response" };
	struct slice s;
	size_t at = SIZE_MAX;

	for (size_t i = 0; i < 2 && at == SIZE_MAX; i++)
		at = slice_find_str(answer, tags[i]);
	if (at == SIZE_MAX)
		return false;
	s = slice_from(answer, at);
	s = slice_sub(s, 0, slice_find(s, '>'));
	at = slice_find_str(s, " code");
	if (at == SIZE_MAX)
		return false;
	/* Kannel writes: code ="1001" */
	s = slice_trim(slice_from(s, at + strlen(" code")));
	if (!slice_starts(s, "="))
		return false;
	s = slice_trim(slice_from(s, 1));
	if (!slice_starts(s, "\""))
		return false;
	s = slice_from(s, 1);
	return slice_i64(slice_sub(s, 0, slice_find(s, '"')), out);
}

static enum push_end
ppg_judge(int64_t status, struct slice answer, char why[static PUSH_WHY_BYTES])
{
	int64_t code;

	push_why(why, status, answer);
	if (status < 200 || status >= 300)
		return status == 404 ? PUSH_DOWN : push_status(status);
	if (!result_code(answer, &code)) {
		(void)snprintf(why, PUSH_WHY_BYTES,
			       "the answer is none of a push proxy gateway");
		return PUSH_LATER;
	}
	(void)snprintf(why, PUSH_WHY_BYTES, "the gateway says %lld",
		       (long long)code);
	/* 2007: it has this push-id already. */
	if ((code >= 1000 && code < 2000) || code == 2007)
		return PUSH_SENT;
	return code >= 4000 && code < 5000 ? PUSH_LATER : PUSH_REFUSED;
}

const struct push_dialect push_ppg = { "ppg", ppg_make, ppg_judge };

/* ---- POST ---------------------------------------------------------------- */

static const char *
post_url(const struct push_conf *conf, struct arena *a, struct slice to)
{
	struct slice url = slice_c(conf->url);
	size_t at = slice_find_str(url, "{to}");
	struct buf b = BUF_IN(a);

	buf_add(&b, slice_sub(url, 0, at));
	if (at != SIZE_MAX) {
		push_quote(&b, to);
		buf_add(&b, slice_from(url, at + strlen("{to}")));
	}
	return push_cstr(&b);
}

static const char *
header(struct arena *a, const char *name, struct slice value)
{
	struct buf b = BUF_IN(a);

	buf_str(&b, name);
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];

		buf_byte(&b, c < ' ' || c == 0x7f ? ' ' : c);
	}
	return push_cstr(&b);
}

static size_t
post_make(const struct push_conf *conf, struct arena *a,
	  const struct outlet_msg *msg,
	  struct push_request out[static PUSH_PARTS_MAX])
{
	const struct outlet_notice *n = msg->notice;
	struct push_request r = {
		.url = post_url(conf, a, msg->to),
		.body = n == NULL ? msg->text : n->body,
		.post = true,
	};

	r.header[0] = header(a, "Content-Type: ",
			     n == NULL ? SLICE_LIT("text/plain; charset=utf-8")
				       : n->type);
	r.header[1] = header(a, "X-Funicular-Id: ", msg->id);
	r.header[2] =
	    n == NULL ? NULL : header(a, "X-Wap-Application-Id: ", n->app);
	if (conf->secret[0] != '\0')
		r.header[r.header[2] == NULL ? 2 : 3] =
		    header(a, "Authorization: Bearer ", slice_c(conf->secret));
	r.body = arena_copy(a, r.body);
	out[0] = r;
	return r.url == NULL || r.header[0] == NULL || r.header[1] == NULL ||
		       r.body.p == NULL
		   ? 0
		   : 1;
}

static enum push_end
post_judge(int64_t status, struct slice answer, char why[static PUSH_WHY_BYTES])
{
	push_why(why, status, answer);
	return push_status(status);
}

const struct push_dialect push_post = { "post", post_make, post_judge };
