/*
 * The gateways' outlets: octets of an SMS, requests, and what answers of all
 * kinds mean. The gateway is a socket of the test's own.
 */
#include "backends/push/int.h"

#include "base/digest.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { LIMIT_MS = 20000, REQUEST_MAX = 8192, SEEN_MAX = 64 };

/* ---- octets -------------------------------------------------------------- */

static struct arena *a;

static int
setup(void **state)
{
	(void)state;
	a = arena_new(1 << 20);
	return a == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(&a);
	return 0;
}

static void
assert_hex(struct slice s, const char *want)
{
	assert_string_equal(arena_cstr(a, digest_hex(a, s)), want);
}

static struct slice
unit(const char *type, const char *app, struct slice body)
{
	const struct outlet_notice n = { slice_c(type), slice_c(app), body };
	struct buf b = BUF_IN(a);

	push_wsp(&b, &n);
	assert_true(buf_ok(&b));
	return buf_slice(&b);
}

static void
one_sms(void **state)
{
	static const unsigned char san[] = {
		0x76, 0xfc, 0xe1, 0x90, 0x9d, 0x48, 0xdf, 0x6e, 0xe1,
		0x38, 0x53, 0x86, 0x2e, 0x91, 0x07, 0x35, 0x03, 0x18,
		0x00, 0x00, 0x00, 0x00, 0x2a, 0x08, 'g',  'r',  'o',
		'u',  'p',  's',  'r',  'v',  0x20, 0x60, 0x00, 0x00,
		0x07, 0x06, '.',  '/',  'c',  'a',  'r',  'd',  0x60,
		0x00, 0x00, 0x06, 0x05, '.',  '/',  'c',  'a',  'l'
	};
	struct push_part part[PUSH_PARTS_MAX];
	struct slice u = unit("application/vnd.syncml.ds.notification",
			      "x-wap-application:push.syncml",
			      (struct slice){ (const char *)san, sizeof(san) });

	(void)state;
	assert_int_equal(push_parts(a, u, 9, part), 1);
	assert_hex(part[0].udh, "0605040b84c002");
	assert_hex(part[0].data,
		   "010603ceaf8576fce1909d48df6ee13853862e9107350318000000002a"
		   "0867726f75707372762060000007062e2f6361726460000006052e2f63"
		   "616c");
}

static void
short_codes(void **state)
{
	(void)state;
	assert_hex(unit("application/vnd.syncml+wbxml",
			"x-wap-application:push.syncml", SLICE_LIT("x")),
		   "01060603020303af8578");
	assert_hex(unit("application/vnd.syncml+xml",
			"x-wap-application:push.syncml", SLICE_LIT("x")),
		   "01060603020302af8578");
	assert_hex(unit("application/vnd.wap.emn+wbxml",
			"x-wap-application:emn.ua", SLICE_LIT("x")),
		   "0106060302030aaf8978");
	assert_hex(
	    unit("application/vnd.syncml.notification", "", SLICE_LIT("x")),
	    "010601c478");
	assert_hex(unit("a/b", "x-wap-application:z", SLICE_LIT("x")),
		   "010619"
		   "612f6200af782d7761702d6170706c69636174696f6e3a7a0078");
}

/* As long as it can be in one, one octet more, the longest, and beyond. */
static void
parts(void **state)
{
	struct push_part part[PUSH_PARTS_MAX];
	char body[2048];
	struct slice u = { body, 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (char)i;
	u.n = 133;
	assert_int_equal(push_parts(a, u, 7, part), 1);
	u.n = 134;
	assert_int_equal(push_parts(a, u, 7, part), 2);
	assert_hex(part[0].udh, "0b05040b84c0020003070201");
	assert_hex(part[1].udh, "0b05040b84c0020003070202");
	assert_int_equal(part[0].data.n, 128);
	assert_int_equal(part[1].data.n, 6);
	assert_memory_equal(part[1].data.p, body + 128, 6);
	u.n = 128 * PUSH_PARTS_MAX;
	assert_int_equal(push_parts(a, u, 7, part), PUSH_PARTS_MAX);
	u.n++;
	assert_int_equal(push_parts(a, u, 7, part), 0);
	u.n = 0;
	assert_int_equal(push_parts(a, u, 7, part), 0);
}

/* ---- a gateway ----------------------------------------------------------- */

struct gateway {
	int fd;
	unsigned short port;
	pthread_t thread;
	pthread_mutex_t lock;
	/* Said to the n-th request; the last one to all that follow. */
	const char *say[8];
	size_t say_n;
	char seen[SEEN_MAX][REQUEST_MAX];
	size_t n;
};

struct heard { /* what the outlet said */
	pthread_mutex_t lock;
	pthread_cond_t more;
	size_t sent, failed, refused, up, down;
	char why[256];
};

static struct gateway gw;
static struct heard heard;

static bool
whole(const char *text, size_t n)
{
	const char *end = strstr(text, "\r\n\r\n");
	const char *len = strcasestr(text, "Content-Length:");
	size_t body = len == NULL ? 0 : (size_t)strtoul(len + 15, NULL, 10);

	return end != NULL && n >= (size_t)(end + 4 - text) + body;
}

static void
serve(int fd)
{
	char text[REQUEST_MAX] = "";
	size_t n = 0;
	const char *say = NULL;

	while (n + 1 < sizeof(text) && !whole(text, n)) {
		ssize_t got = recv(fd, text + n, sizeof(text) - 1 - n, 0);

		if (got <= 0)
			return;
		n += (size_t)got;
		text[n] = '\0';
	}
	(void)pthread_mutex_lock(&gw.lock);
	assert_true(gw.n < SEEN_MAX);
	memcpy(gw.seen[gw.n], text, sizeof(text));
	say = gw.say[gw.n < gw.say_n ? gw.n : gw.say_n - 1];
	gw.n++;
	(void)pthread_mutex_unlock(&gw.lock);
	if (say == NULL) /* nothing, until the other side gives up */
		while (recv(fd, text, sizeof(text), 0) > 0)
			;
	else
		(void)send(fd, say, strlen(say), MSG_NOSIGNAL);
}

static void *
gateway_run(void *arg)
{
	int fd;

	(void)arg;
	while ((fd = accept(gw.fd, NULL, NULL)) >= 0) {
		serve(fd);
		(void)close(fd);
	}
	return NULL;
}

static void
gateway_open(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t len = sizeof(sa);

	memset(&gw, 0, sizeof(gw));
	memset(&heard, 0, sizeof(heard));
	(void)pthread_mutex_init(&gw.lock, NULL);
	(void)pthread_mutex_init(&heard.lock, NULL);
	(void)pthread_cond_init(&heard.more, NULL);
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	gw.fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(gw.fd >= 0);
	assert_int_equal(bind(gw.fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(gw.fd, 16), 0);
	assert_int_equal(getsockname(gw.fd, (struct sockaddr *)&sa, &len), 0);
	gw.port = ntohs(sa.sin_port);
	assert_int_equal(pthread_create(&gw.thread, NULL, gateway_run, NULL),
			 0);
}

static void
gateway_close(void)
{
	(void)shutdown(gw.fd, SHUT_RDWR);
	(void)pthread_join(gw.thread, NULL);
	(void)close(gw.fd);
}

static void
on_sent(void *ctx, struct slice id)
{
	(void)ctx;
	(void)id;
	(void)pthread_mutex_lock(&heard.lock);
	heard.sent++;
	(void)pthread_cond_signal(&heard.more);
	(void)pthread_mutex_unlock(&heard.lock);
}

static void
on_failed(void *ctx, struct slice id, bool for_good, const char *why)
{
	(void)ctx;
	(void)id;
	(void)pthread_mutex_lock(&heard.lock);
	heard.failed++;
	heard.refused += for_good;
	(void)snprintf(heard.why, sizeof(heard.why), "%s", why);
	(void)pthread_cond_signal(&heard.more);
	(void)pthread_mutex_unlock(&heard.lock);
}

static void
on_state(void *ctx, bool up, const char *why)
{
	(void)ctx;
	(void)why;
	(void)pthread_mutex_lock(&heard.lock);
	heard.up += up;
	heard.down += !up;
	(void)pthread_cond_signal(&heard.more);
	(void)pthread_mutex_unlock(&heard.lock);
}

static void
wait_for(const size_t *value, size_t least)
{
	struct timespec end;
	bool there;
	int rc = 0;

	(void)clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += LIMIT_MS / 1000;
	(void)pthread_mutex_lock(&heard.lock);
	while (*value < least && rc == 0)
		rc = pthread_cond_timedwait(&heard.more, &heard.lock, &end);
	there = *value >= least;
	(void)pthread_mutex_unlock(&heard.lock);
	assert_true(there);
}

static char url[128];

static struct outlet *
gate(enum push_kind kind, int64_t answer_ms)
{
	const struct push_conf conf = {
		.kind = kind,
		.url = url,
		.user = kind == PUSH_POST ? "" : "me",
		.secret = "s&cret",
		.from = kind == PUSH_PPG ? "ppg.example.org" : "",
		.ca_file = "",
		.answer_ms = answer_ms,
		.retry_ms = 1,
	};
	const struct outlet_calls calls = { .sent = on_sent,
					    .failed = on_failed,
					    .state = on_state };
	struct outlet *o;

	if (url[0] == '\0')
		(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/x",
			       gw.port);
	assert_int_equal(push_open(&conf, &calls, &o, NULL), 0);
	wait_for(&heard.up, 1);
	return o;
}

static const struct outlet_notice notice = {
	SLICE_INIT("application/vnd.syncml.ds.notification"),
	SLICE_INIT("x-wap-application:push.syncml"), SLICE_INIT("ab\xff")
};

static struct outlet_msg
message(void)
{
	return (struct outlet_msg){ .id = SLICE_LIT("fn-1"),
				    .to = SLICE_LIT("+49123"),
				    .text = SLICE_LIT("New to sync"),
				    .notice = &notice };
}

static int
open_all(void **state)
{
	gateway_open();
	url[0] = '\0';
	gw.say[0] = "HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\n0: Ok";
	gw.say_n = 1;
	return setup(state);
}

static int
close_all(void **state)
{
	gateway_close();
	return teardown(state);
}

/* ---- requests ------------------------------------------------------------ */

static void
to_kannel(void **state)
{
	struct outlet *o = gate(PUSH_KANNEL, 0);
	struct outlet_msg m = message();

	(void)state;
	assert_int_equal(o->v->send(o, &m, 1), 1);
	wait_for(&heard.sent, 1);
	o->v->close(&o);
	assert_non_null(strstr(
	    gw.seen[0], "GET /x?username=me&password=s%26cret&to=%2B49123"
			"&coding=1&udh=%06%05%04%0B%84%C0%02"
			"&text=%01%06%03%CE%AF%85ab%FF HTTP/1.1\r\n"));
	assert_null(strcasestr(gw.seen[0], "authorization"));
	assert_null(strcasestr(gw.seen[0], "user-agent"));
	assert_null(strcasestr(gw.seen[0], "accept"));
}

/* Two parts: sent when both were taken, one after the other. */
static void
to_kannel_in_parts(void **state)
{
	char long_body[200];
	const struct outlet_notice n = { notice.type,
					 notice.app,
					 { long_body, sizeof(long_body) } };
	struct outlet *o = gate(PUSH_KANNEL, 0);
	struct outlet_msg m = message();
	char udh[64];

	(void)state;
	memset(long_body, 'x', sizeof(long_body));
	m.notice = &n;
	gw.say[1] =
	    "HTTP/1.1 500 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
	gw.say[2] = gw.say[3] = gw.say[0];
	gw.say_n = 4;
	assert_int_equal(o->v->send(o, &m, 1), 1);
	wait_for(&heard.failed, 1);
	assert_int_equal(heard.sent, 0);
	assert_int_equal(o->v->send(o, &m, 1), 1);
	wait_for(&heard.sent, 1);
	o->v->close(&o);
	assert_int_equal(gw.n, 4);
	/* The repeat bears the same number: a phone puts the parts together
	   whichever of them it has. */
	(void)snprintf(udh, sizeof(udh),
		       "udh=%%0B%%05%%04%%0B%%84%%C0%%02%%00%%03");
	for (size_t i = 0; i < 4; i++)
		assert_non_null(strstr(gw.seen[i], udh));
	assert_memory_equal(strstr(gw.seen[0], udh), strstr(gw.seen[2], udh),
			    strlen(udh) + 9);
	assert_memory_equal(strstr(gw.seen[1], udh), strstr(gw.seen[3], udh),
			    strlen(udh) + 9);
}

static void
to_people(void **state)
{
	struct outlet *o = gate(PUSH_KANNEL, 0);
	struct outlet_msg m = message();

	(void)state;
	m.notice = NULL;
	m.text = SLICE_LIT("\xc3\xa4&to=+1\r\nX: y");
	assert_int_equal(o->v->send(o, &m, 1), 1);
	wait_for(&heard.sent, 1);
	o->v->close(&o);
	assert_non_null(strstr(gw.seen[0],
			       "&to=%2B49123&coding=2&charset=UTF-8&text="
			       "%C3%A4%26to%3D%2B1%0D%0AX%3A%20y HTTP/1.1"));
}

static void
to_ppg(void **state)
{
	struct outlet *o = gate(PUSH_PPG, 0);
	struct outlet_msg m = message();

	(void)state;
	gw.say[0] = "HTTP/1.1 202 Ok\r\nContent-Length: 77\r\n\r\n<pap>"
		    "<push-response push-id=\"a\"><response-result "
		    "code =\"1001\" desc=\"x\"/></pap>";
	m.to = SLICE_LIT("+49\"<&\r\n");
	assert_int_equal(o->v->send(o, &m, 1), 1);
	wait_for(&heard.sent, 1);
	o->v->close(&o);
	assert_non_null(
	    strstr(gw.seen[0], "POST /x?username=me&password=s%26cret "));
	assert_null(strcasestr(gw.seen[0], "authorization"));
	assert_non_null(strstr(gw.seen[0], "push-id=\"fn-1@ppg.example.org\""));
	assert_non_null(strstr(gw.seen[0],
			       "\"WAPPUSH=+49&#34;&#60;&#38;&#32;&#32;"
			       "/TYPE=PLMN@ppg.example.org\""));
	assert_non_null(strstr(gw.seen[0], "\r\n\r\nab\xff\r\n--"));
}

static void
to_post(void **state)
{
	struct outlet_msg m = message();
	struct outlet *o;

	(void)state;
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/p/{to}/n?a=b",
		       gw.port);
	o = gate(PUSH_POST, 0);
	m.to = SLICE_LIT("a b/../c");
	assert_int_equal(o->v->send(o, &m, 1), 1);
	wait_for(&heard.sent, 1);
	o->v->close(&o);
	assert_non_null(
	    strstr(gw.seen[0], "POST /p/a%20b%2F..%2Fc/n?a=b HTTP/1.1\r\n"));
	assert_non_null(strstr(gw.seen[0], "X-Funicular-Id: fn-1\r\n"));
	assert_non_null(strstr(gw.seen[0], "Authorization: Bearer s&cret\r\n"));
	assert_non_null(
	    strstr(gw.seen[0],
		   "Content-Type: application/vnd.syncml.ds.notification\r\n"));
	assert_non_null(strstr(gw.seen[0], "\r\n\r\nab\xff"));
}

/* ---- answers ------------------------------------------------------------- */

#define OK_PAP(code)                                                           \
	"HTTP/1.1 202 Ok\r\nConnection: close\r\n\r\n<pap><push-response>"     \
	"<response-result code=\"" code "\" desc=\"\"/></pap>"

static void
what_answers_mean(void **state)
{
	static const struct {
		enum push_kind kind;
		const char *say;
		enum push_end end;
	} row[] = {
		{ PUSH_KANNEL, "202 3: Queued for later delivery", PUSH_SENT },
		{ PUSH_KANNEL, "202 ", PUSH_SENT },
		{ PUSH_KANNEL, "200 0: Accepted for delivery", PUSH_SENT },
		{ PUSH_KANNEL, "200 Sent.", PUSH_SENT },
		{ PUSH_KANNEL, "200 <html>It works!</html>", PUSH_LATER },
		{ PUSH_KANNEL, "200 ", PUSH_LATER },
		{ PUSH_KANNEL, "403 Authorization failed for sendsms",
		  PUSH_DOWN },
		{ PUSH_KANNEL, "403 Number has been denied by lists",
		  PUSH_REFUSED },
		{ PUSH_KANNEL, "400 Missing receiver", PUSH_REFUSED },
		{ PUSH_KANNEL, "404 no such page", PUSH_DOWN },
		{ PUSH_KANNEL, "503 4: Temporal failure, try again later.",
		  PUSH_LATER },
		{ PUSH_PPG, "202 <response-result code=\"1001\"/>", PUSH_SENT },
		{ PUSH_PPG, "202 <response-result code=\"2007\"/>", PUSH_SENT },
		{ PUSH_PPG, "202 <response-result code=\"2002\"/>",
		  PUSH_REFUSED },
		{ PUSH_PPG, "202 <response-result code=\"4001\"/>",
		  PUSH_LATER },
		{ PUSH_PPG, "202 <badmessage-response code=\"2000\"/>",
		  PUSH_REFUSED },
		{ PUSH_PPG, "202 <response-result code=\"x\"/>", PUSH_LATER },
		{ PUSH_PPG, "202 <response-result code", PUSH_LATER },
		{ PUSH_PPG, "202 hello", PUSH_LATER },
		{ PUSH_PPG, "401 who are you", PUSH_DOWN },
		{ PUSH_PPG, "500 oops", PUSH_LATER },
		{ PUSH_POST, "204 ", PUSH_SENT },
		{ PUSH_POST, "302 elsewhere", PUSH_LATER },
		{ PUSH_POST, "410 gone", PUSH_REFUSED },
		{ PUSH_POST, "429 slowly", PUSH_LATER },
		{ PUSH_POST, "403 no", PUSH_DOWN },
		{ PUSH_POST, "0 ", PUSH_LATER },
	};
	static const struct push_dialect *const of[] = {
		[PUSH_KANNEL] = &push_kannel,
		[PUSH_PPG] = &push_ppg,
		[PUSH_POST] = &push_post,
	};
	char why[PUSH_WHY_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		int64_t status = strtol(row[i].say, NULL, 10);
		const char *text = strchr(row[i].say, ' ') + 1;

		if (of[row[i].kind]->judge(status, slice_c(text), why) !=
		    row[i].end)
			fail_msg("%s: %s", push_kind_name(row[i].kind),
				 row[i].say);
	}
}

static void
gateway_says_500(void **state)
{
	struct outlet *o = gate(PUSH_POST, 0);
	struct outlet_msg m = message();

	(void)state;
	gw.say[0] = "HTTP/1.1 500 Oops\r\nConnection: close\r\n\r\nno\x1b[2J";
	gw.say[1] = "HTTP/1.1 400 Bad\r\nConnection: close\r\n\r\n";
	gw.say_n = 2;
	assert_int_equal(o->v->send(o, &m, 1), 1);
	wait_for(&heard.failed, 1);
	assert_int_equal(heard.refused, 0);
	assert_int_equal(heard.down, 0);
	assert_null(strchr(heard.why, '\x1b'));
	assert_int_equal(o->v->send(o, &m, 1), 1);
	wait_for(&heard.refused, 1);
	o->v->close(&o);
}

/* What it was asked it may say, but nobody reads the secret then; nor a part of
   it, where the text is cut. */
static void
gateway_tells_secrets(void **state)
{
	struct outlet_msg m = message();
	struct outlet *o;

	(void)state;
	gw.say[0] = "HTTP/1.1 500 Oops\r\nConnection: close\r\n\r\n"
		    "/x?user=me&password=s%26cret s&crets&cret";
	gw.say[1] = "HTTP/1.1 500 Oops\r\nConnection: close\r\n\r\n"
		    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxs%26cret";
	gw.say[2] = "HTTP/1.1 500 Oops\r\nConnection: close\r\n\r\n";
	gw.say_n = 3;
	o = gate(PUSH_KANNEL, 0);
	for (size_t i = 1; i <= 3; i++) {
		assert_int_equal(o->v->send(o, &m, 1), 1);
		wait_for(&heard.failed, i);
		assert_null(strstr(heard.why, "s%2"));
		assert_null(strstr(heard.why, "s&"));
		if (i == 1)
			assert_string_equal(
			    heard.why, "HTTP 500: /x?user=me&password=******** "
				       "************");
	}
	o->v->close(&o);
}

/* Says nothing: given up, and not for good. It is down until the next try. */
static void
gateway_is_slow(void **state)
{
	/* The second answer has to come within it, on a busy machine too. */
	struct outlet *o = gate(PUSH_POST, 2000);
	struct outlet_msg m = message();

	(void)state;
	gw.say[0] = NULL;
	gw.say[1] = "HTTP/1.1 200 Ok\r\nConnection: close\r\n\r\n";
	gw.say_n = 2;
	assert_int_equal(o->v->send(o, &m, 1), 1);
	wait_for(&heard.down, 1);
	wait_for(&heard.up, 2);
	assert_int_equal(heard.refused, 0);
	assert_int_equal(o->v->send(o, &m, 1), 1);
	wait_for(&heard.sent, 1);
	o->v->close(&o);
}

/* More than anybody needs to say, and an end before its end. */
static void
gateway_talks_on(void **state)
{
	static char big[400000];
	struct outlet_msg m = message();
	struct outlet *o;

	(void)state;
	(void)snprintf(big, sizeof(big),
		       "HTTP/1.1 200 Ok\r\nContent-Length: %zu\r\n"
		       "Connection: close\r\n\r\n",
		       sizeof(big) - 200);
	memset(big + strlen(big), 'x', sizeof(big) - 1 - strlen(big));
	gw.say[0] = big;
	gw.say[1] = "HTTP/1.1 200 Ok\r\nContent-Length: 999\r\n\r\nshort";
	gw.say_n = 2;
	o = gate(PUSH_POST, 0);
	assert_int_equal(o->v->send(o, &m, 1), 1);
	wait_for(&heard.sent, 1);
	assert_int_equal(o->v->send(o, &m, 1), 1);
	wait_for(&heard.failed, 1);
	o->v->close(&o);
}

static void
gateway_is_away(void **state)
{
	struct outlet *o;
	struct outlet_msg m[40];
	size_t taken;

	(void)state;
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:1/x");
	o = gate(PUSH_KANNEL, 0);
	for (size_t i = 0; i < 40; i++)
		m[i] = message();
	taken = o->v->send(o, m, 40);
	assert_true(taken > 0);
	/* Each one taken is settled once, also those that had to wait. */
	wait_for(&heard.failed, taken);
	o->v->close(&o);
	assert_int_equal(heard.failed, taken);
	assert_int_equal(heard.refused, 0);
}

/* Closed while the gateway thinks: what it has not said yes to has failed. */
static void
closed_meanwhile(void **state)
{
	struct outlet *o = gate(PUSH_POST, 0);
	struct outlet_msg m[30];
	size_t taken;

	(void)state;
	gw.say[0] = NULL;
	for (size_t i = 0; i < 30; i++)
		m[i] = message();
	taken = o->v->send(o, m, 30);
	o->v->close(&o);
	assert_int_equal(taken, 30);
	assert_int_equal(heard.failed, 30);
	assert_int_equal(heard.refused, 0);
}

/* No more is taken than there is room for. */
static void
has_a_limit(void **state)
{
	struct outlet *o = gate(PUSH_POST, 0);
	struct outlet_msg m = message();
	size_t taken = 0;

	(void)state;
	gw.say[0] = NULL;
	while (o->v->send(o, &m, 1) == 1)
		assert_true(++taken < 1000);
	assert_in_range(taken, 200, 300);
	o->v->close(&o);
	assert_int_equal(heard.failed, taken);
}

static void
too_long(void **state)
{
	char body[1400];
	const struct outlet_notice n = { notice.type,
					 notice.app,
					 { body, sizeof(body) } };
	struct outlet *o = gate(PUSH_KANNEL, 0);
	struct outlet_msg m = message();

	(void)state;
	memset(body, 'x', sizeof(body));
	m.notice = &n;
	assert_int_equal(o->v->send(o, &m, 1), 1);
	wait_for(&heard.refused, 1);
	o->v->close(&o);
	assert_int_equal(gw.n, 0);
}

/* 192.0.2.1 is nobody: no packet goes out, since it would be readable. */
static void
no_plain_http_to_others(void **state)
{
	struct outlet_msg m = message();
	struct outlet *o;

	(void)state;
	(void)snprintf(url, sizeof(url), "http://192.0.2.1:9/x");
	o = gate(PUSH_POST, 0);
	assert_int_equal(o->v->send(o, &m, 1), 1);
	wait_for(&heard.failed, 1);
	assert_non_null(strstr(heard.why, "push_allow_plain"));
	o->v->close(&o);
}

static void
configurations_that_cannot_work(void **state)
{
	static const struct push_conf bad[] = {
		{ PUSH_KANNEL, "ftp://h/", "", "", "", "", false, 0, 0 },
		{ PUSH_KANNEL, "http://h/ x", "", "", "", "", false, 0, 0 },
		{ PUSH_KANNEL, "http://u:p@h/", "", "", "", "", false, 0, 0 },
		{ PUSH_KANNEL, "http://h/", "me", "", "", "", false, 0, 0 },
		{ PUSH_PPG, "http://h/", "", "", "", "", false, 0, 0 },
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		e.code = ERR_NONE;
		assert_int_equal(push_check(&bad[i], &e), -1);
		assert_int_equal(e.code, ERR_CONFIG);
		assert_null(strstr(e.msg, "u:p"));
	}
}

#define G(f) cmocka_unit_test_setup_teardown(f, open_all, close_all)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_sms, setup, teardown),
		cmocka_unit_test_setup_teardown(short_codes, setup, teardown),
		cmocka_unit_test_setup_teardown(parts, setup, teardown),
		cmocka_unit_test(what_answers_mean),
		cmocka_unit_test(configurations_that_cannot_work),
		G(to_kannel),
		G(to_kannel_in_parts),
		G(to_people),
		G(to_ppg),
		G(to_post),
		G(gateway_says_500),
		G(gateway_tells_secrets),
		G(gateway_is_slow),
		G(gateway_talks_on),
		G(gateway_is_away),
		G(closed_meanwhile),
		G(has_a_limit),
		G(too_long),
		G(no_plain_http_to_others),
	};

	return cmocka_run_group_tests_name("gateways", tests, NULL, NULL);
}
