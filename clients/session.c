#include "clients/session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { REPLY_ARENA = 256 * 1024 * 1024, WAIT_MAX_MS = 30000 };

struct exchange {
	const struct cli_session_conf *conf;
	struct cli_http *http;
	struct cli *c;
	struct arena *a;
	const char *content_type;
	unsigned n; /* messages so far */
};

static void say(const struct exchange *x, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
say(const struct exchange *x, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	if (x->conf->say == NULL)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	x->conf->say(x->conf->say_ctx, '=', line);
}

static bool
write_whole(int fd, struct slice s)
{
	while (s.n > 0) {
		ssize_t w = write(fd, s.p, s.n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return false;
		s = slice_from(s, (size_t)w);
	}
	return true;
}

/* "0003-client.wbxml": a trace that other tools can read. */
static void
keep_wire(const struct exchange *x, const char *who, struct slice body)
{
	char path[4096];
	char text[ERR_REASON_BYTES];
	const char *ext =
	    strstr(x->content_type, "wbxml") != NULL ? "wbxml" : "xml";
	int fd, n;

	if (x->conf->wire_dir == NULL)
		return;
	n = snprintf(path, sizeof(path), "%s/%04u-%s.%s", x->conf->wire_dir,
		     x->n, who, ext);
	if (n < 0 || (size_t)n >= sizeof(path))
		return;
	/* Personal data: for the user's eyes only. */
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || !write_whole(fd, body))
		say(x, "cannot write %s: %s", path,
		    err_reason(errno, text, sizeof(text)));
	if (fd >= 0)
		close(fd);
}

static bool
stopped(const struct exchange *x, int at_least)
{
	return x->conf->stop != NULL && *x->conf->stop >= at_least;
}

/* Busy now, perhaps not later. */
static bool
worth_again(const struct cli_http_reply *r)
{
	return r->status == 503 || r->status == 502 || r->status == 504 ||
	       r->status == 429 || r->status == 408;
}

static int
refused(const struct cli_http_reply *r, struct err *e)
{
	enum err_code code = ERR_PARSE;

	if (r->status == 200 && r->body.n > 0)
		return 0;
	if (r->status == 200)
		return err_set(e, ERR_PARSE, "session.http",
			       "the server's answer is empty");
	if (worth_again(r) || r->status == 500)
		code = ERR_UNAVAILABLE;
	if (r->status == 401 || r->status == 403)
		code = ERR_AUTH;
	if (r->status == 404)
		code = ERR_NOTFOUND;
	return err_sys(e, code, (int)r->status, "session.http",
		       "the server answers HTTP %ld", r->status);
}

static void
pause_ms(const struct exchange *x, long ms)
{
	/* In slices, so that the user's wish is seen. */
	while (ms > 0 && !stopped(x, 1)) {
		int part = ms > 200 ? 200 : (int)ms;

		poll(NULL, 0, part);
		ms -= part;
	}
}

/* Send the message until it is answered: the very same bytes each time. */
static int
exchange(struct exchange *x, struct slice url, struct slice body,
	 struct cli_http_reply *reply, struct err *e)
{
	long wait = x->conf->first_wait_ms;

	for (unsigned try = 0;; try++) {
		long ask = 0;
		int r;

		arena_reset(x->a);
		r = cli_http_post(x->http, x->a, url,
				  &(struct cli_http_message){
				      x->content_type, cli_mac(x->c), body },
				  reply, e);
		if (r != 0 && e->code != ERR_UNAVAILABLE)
			return -1;
		if (r == 0 && !worth_again(reply))
			return refused(reply, e);
		if (r == 0) {
			ask = reply->retry_after_s * 1000;
			refused(reply, e);
		}
		if (try >= x->conf->retries || stopped(x, 1))
			return -1;
		say(x, "%s; trying again", e->msg);
		pause_ms(x, ask > wait ? (ask < WAIT_MAX_MS ? ask : WAIT_MAX_MS)
				       : wait);
		wait = wait * 2 < WAIT_MAX_MS ? wait * 2 : WAIT_MAX_MS;
	}
}

int
cli_session_run(const struct cli_session_conf *conf, struct cli *c,
		struct cli_http *h, enum cli_verdict *verdict, struct err *e)
{
	struct exchange x = { .conf = conf, .http = h, .c = c };
	int r = 0;

	*verdict = CLI_FAILED;
	x.a = arena_new(REPLY_ARENA);
	if (x.a == NULL)
		return err_set(e, ERR_NOMEM, "session.run", "no memory");
	x.content_type = cli_content_type(c);
	while (r == 0) {
		struct cli_http_reply reply;
		struct slice body, url;

		if (stopped(&x, 1))
			cli_suspend(c);
		r = cli_next(c, &body, &url, verdict, e);
		if (r != 0 || *verdict != CLI_RUNNING)
			break;
		x.n++;
		keep_wire(&x, "client", body);
		r = exchange(&x, url, body, &reply, e);
		if (r != 0)
			break;
		keep_wire(&x, "server", reply.body);
		r = cli_check_mac(c, reply.mac, reply.body, e);
		if (r == 0)
			r = cli_reply(c, reply.content_type, reply.body, e);
	}
	if (r != 0)
		*verdict = CLI_FAILED;
	arena_free(&x.a);
	return r;
}
