/*
 * A whole session: the engine's messages over HTTP, each sent again when its
 * answer was lost.
 */
#ifndef CLIENTS_SESSION_H
#define CLIENTS_SESSION_H

#include "clients/client.h"
#include "clients/http.h"

#include <signal.h>

struct cli_session_conf {
	unsigned retries;       /* of one message */
	unsigned first_wait_ms; /* before the first retry; doubles */
	const char *wire_dir;   /* messages as files; NULL: none */
	/* The user wants an end: 1 suspend, 2 at once. */
	const volatile sig_atomic_t *stop;
	void (*say)(void *ctx, char who, const char *line);
	void *say_ctx;
};

/* 0 with *verdict CLI_DONE or CLI_SUSPENDED; else -1. */
int cli_session_run(const struct cli_session_conf *conf, struct cli *c,
		    struct cli_http *h, enum cli_verdict *verdict,
		    struct err *e);

#endif
