/*
 * One POST after another over libcurl. No redirects, no cookies, no other
 * protocol than HTTP; what comes back is bounded.
 */
#ifndef CLIENTS_HTTP_H
#define CLIENTS_HTTP_H

#include "base/arena.h"
#include "base/err.h"

struct cli_http_conf {
	const char *ca_file; /* NULL: the system's */
	bool insecure;       /* do not check the certificate */
	long timeout_s;      /* of one exchange */
	size_t max_reply_bytes;
};

struct cli_http_reply {
	long status;
	struct slice content_type;
	struct slice mac; /* x-syncml-hmac; empty: none */
	struct slice body;
	long retry_after_s; /* 0: not said */
};

struct cli_http_message {
	const char *content_type;
	struct slice mac; /* x-syncml-hmac; empty: none */
	struct slice body;
};

struct cli_http;

int cli_http_new(const struct cli_http_conf *conf, struct cli_http **out,
		 struct err *e);
void cli_http_free(struct cli_http **h);

/*
 * ERR_UNAVAILABLE: no connection, or no whole answer: the same may be sent
 * again. ERR_LIMIT: the answer is too large. Others: it makes no sense to try
 * again. An answer with any status is 0.
 */
int cli_http_post(struct cli_http *h, struct arena *a, struct slice url,
		  const struct cli_http_message *m, struct cli_http_reply *out,
		  struct err *e);

/* Stop a transfer under way; may be called from a signal handler. */
void cli_http_cancel(struct cli_http *h);

#endif
