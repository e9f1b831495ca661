/* One message over libcurl. */
#include "backends/loopback.h"
#include "backends/smtp/int.h"

#include "base/log.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ANSWER_MS = 60000, KEEP_S = 20, LINE_MAX_BYTES = 120, WHY_BYTES = 200 };

struct smtp_post {
	CURL *curl;
	const struct smtp_conf *conf;
	bool (*give_up)(void *ctx);
	void *ctx;
	const struct submission *in;
	struct slice mail; /* what is left of it */
	bool asked;        /* in->ready */
	bool quit;         /* the rest of the talk is about leaving */
	char command[5];   /* the last that was sent: "RCPT" */
	char line[LINE_MAX_BYTES + 1]; /* the server's last */
	bool no_way;                   /* without TLS, and not loopback */
};

/* ---- what libcurl calls -------------------------------------------------- */

static size_t
on_read(char *to, size_t size, size_t n, void *ctx)
{
	struct smtp_post *p = ctx;
	struct slice part = slice_sub(p->mail, 0, size * n);

	if (!p->asked && p->in->ready != NULL && !p->in->ready(p->in->ctx))
		return CURL_READFUNC_ABORT;
	p->asked = true;
	if (part.n > 0)
		memcpy(to, part.p, part.n);
	p->mail = slice_from(p->mail, part.n);
	return part.n;
}

/* Which command the server answers tells what its refusal is about. */
static int
on_talk(CURL *curl, curl_infotype type,
	char *data, /* NOLINT(readability-non-const-parameter) */
	size_t n, void *ctx)
{
	struct smtp_post *p = ctx;
	struct slice s = { data, n };

	(void)curl;
	/* libcurl takes its leave when something went wrong. */
	if (p->quit)
		return 0;
	if (type == CURLINFO_HEADER_OUT && n >= 4) {
		s = slice_sub(s, 0, 4);
		if (slice_is(s, "QUIT")) {
			p->quit = true;
			return 0;
		}
		(void)snprintf(p->command, sizeof(p->command), "%.*s",
			       SLICE_ARG(s));
	} else if (type == CURLINFO_HEADER_IN) {
		(void)log_quote(slice_sub(slice_trim(s), 0, LINE_MAX_BYTES),
				p->line, sizeof(p->line));
	}
	return 0;
}

static int
on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct smtp_post *p = ctx;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return p->give_up(p->ctx) ? 1 : 0;
}

static curl_socket_t
on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct smtp_post *p = ctx;

	(void)purpose;
	if (p->conf->tls == SMTP_NONE && !p->conf->allow_plain &&
	    !loopback_is(&to->addr)) {
		p->no_way = true;
		return CURL_SOCKET_BAD;
	}
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* ---- set up -------------------------------------------------------------- */

static void
options(struct smtp_post *p)
{
	const struct smtp_conf *c = p->conf;
	CURL *h = p->curl;

	(void)curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	(void)curl_easy_setopt(h, CURLOPT_USE_SSL,
			       c->tls == SMTP_STARTTLS ? (long)CURLUSESSL_ALL
						       : (long)CURLUSESSL_NONE);
	(void)curl_easy_setopt(h, CURLOPT_SSLVERSION,
			       (long)CURL_SSLVERSION_TLSv1_2);
	if (c->ca_file[0] != '\0')
		(void)curl_easy_setopt(h, CURLOPT_CAINFO, c->ca_file);
	if (c->user[0] != '\0') {
		(void)curl_easy_setopt(h, CURLOPT_USERNAME, c->user);
		(void)curl_easy_setopt(h, CURLOPT_PASSWORD, c->secret);
	}
	(void)curl_easy_setopt(h, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(
	    h, CURLOPT_TIMEOUT_MS,
	    (long)(c->answer_ms > 0 ? c->answer_ms : ANSWER_MS));
	/* Servers hang up on who says nothing: rather a new one before. */
	(void)curl_easy_setopt(h, CURLOPT_MAXAGE_CONN, (long)KEEP_S);
	(void)curl_easy_setopt(h, CURLOPT_UPLOAD, 1L);
	(void)curl_easy_setopt(h, CURLOPT_READFUNCTION, on_read);
	(void)curl_easy_setopt(h, CURLOPT_READDATA, p);
	(void)curl_easy_setopt(h, CURLOPT_VERBOSE, 1L);
	(void)curl_easy_setopt(h, CURLOPT_DEBUGFUNCTION, on_talk);
	(void)curl_easy_setopt(h, CURLOPT_DEBUGDATA, p);
	(void)curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
	(void)curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, on_progress);
	(void)curl_easy_setopt(h, CURLOPT_XFERINFODATA, p);
	(void)curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	(void)curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, p);
}

/* A connection that something went wrong on is not used again. */
static int
begin(struct smtp_post *p, struct err *e)
{
	const struct smtp_conf *conf = p->conf;
	struct slice helo = slice_c(conf->helo);
	char url[1024];

	if (p->curl != NULL)
		return 0;
	p->curl = curl_easy_init();
	if (p->curl == NULL)
		return err_set(e, ERR_NOMEM, "smtp.open", "no memory");
	options(p);
	if (helo.n == 0)
		helo = smtp_domain(slice_c(conf->from));
	(void)snprintf(url, sizeof(url), "%s://%.500s/%.*s",
		       conf->tls == SMTP_IMPLICIT ? "smtps" : "smtp",
		       conf->server, (int)(helo.n > 255 ? 255 : helo.n),
		       helo.p);
	if (curl_easy_setopt(p->curl, CURLOPT_URL, url) != CURLE_OK)
		return err_set(e, ERR_CONFIG, "smtp.open",
			       "\"%.100s\" is no server", conf->server);
	return 0;
}

static void
end(struct smtp_post *p)
{
	if (p->curl != NULL)
		curl_easy_cleanup(p->curl);
	p->curl = NULL;
}

struct smtp_post *
smtp_post_new(const struct smtp_conf *conf, bool (*give_up)(void *ctx),
	      void *ctx, struct err *e)
{
	struct smtp_post *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		(void)err_set(e, ERR_NOMEM, "smtp.open", "no memory");
		return NULL;
	}
	p->conf = conf;
	p->give_up = give_up;
	p->ctx = ctx;
	if (begin(p, e) < 0)
		smtp_post_free(&p);
	return p;
}

void
smtp_post_free(struct smtp_post **p)
{
	if (*p == NULL)
		return;
	end(*p);
	free(*p);
	*p = NULL;
}

/* ---- one message --------------------------------------------------------- */

static enum smtp_end
judge(struct smtp_post *p, CURLcode rc, char *why)
{
	bool mine =
	    strcmp(p->command, "RCPT") == 0 || strcmp(p->command, "DATA") == 0;
	int64_t code = 0;

	if (rc == CURLE_OK)
		return SMTP_SENT;
	(void)slice_i64(slice_sub(slice_c(p->line), 0, 3), &code);
	if (p->no_way) {
		(void)snprintf(why, WHY_BYTES,
			       "without TLS to an address that is not "
			       "loopback: see smtp_allow_plain");
		return SMTP_DOWN;
	}
	/* A line that breaks after the end of the data may have been one answer
	   short of a success: it is sent again under the same Message-ID. */
	if (mine && code >= 400 && code < 600 &&
	    (rc == CURLE_SEND_ERROR || rc == CURLE_WEIRD_SERVER_REPLY ||
	     rc == CURLE_UPLOAD_FAILED || rc == CURLE_RECV_ERROR)) {
		(void)snprintf(why, WHY_BYTES, "refused: %s", p->line);
		return code >= 500 ? SMTP_REFUSED : SMTP_LATER;
	}
	(void)snprintf(why, WHY_BYTES, "%s%s%s", curl_easy_strerror(rc),
		       code >= 400 ? ": " : "", code >= 400 ? p->line : "");
	return SMTP_DOWN;
}

bool
smtp_post_doubt(const struct smtp_post *p)
{
	return p->asked && p->mail.n == 0;
}

static struct curl_slist *
recipients(const struct submission *in)
{
	struct curl_slist *all = NULL;

	for (size_t i = 0; i < in->to_n; i++) {
		char address[SMTP_ADDRESS_MAX + 3];
		struct curl_slist *more;

		(void)snprintf(address, sizeof(address), "<%.*s>",
			       SMTP_ADDRESS_MAX, in->to[i]);
		more = curl_slist_append(all, address);
		if (more == NULL) {
			curl_slist_free_all(all);
			return NULL;
		}
		all = more;
	}
	return all;
}

enum smtp_end
smtp_post(struct smtp_post *p, const struct submission *in, char *why)
{
	struct curl_slist *rcpt = recipients(in);
	char sender[SMTP_ADDRESS_MAX + 3];
	CURLcode rc;

	p->asked = false;
	if (rcpt == NULL || begin(p, NULL) < 0) {
		curl_slist_free_all(rcpt);
		(void)snprintf(why, WHY_BYTES, "no memory");
		return SMTP_LATER;
	}
	(void)snprintf(sender, sizeof(sender), "<%.*s>", SMTP_ADDRESS_MAX,
		       in->from);
	p->in = in;
	p->mail = in->bytes;
	p->no_way = p->quit = false;
	p->command[0] = p->line[0] = '\0';
	(void)curl_easy_setopt(p->curl, CURLOPT_MAIL_FROM, sender);
	(void)curl_easy_setopt(p->curl, CURLOPT_MAIL_RCPT, rcpt);
	rc = curl_easy_perform(p->curl);
	(void)curl_easy_setopt(p->curl, CURLOPT_MAIL_RCPT, NULL);
	curl_slist_free_all(rcpt);
	p->in = NULL;
	if (rc != CURLE_OK)
		end(p);
	return judge(p, rc, why);
}
