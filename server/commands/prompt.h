/*
 * Asking the administrator: passwords and confirmations. Never from argv, where
 * every user of the machine could read them.
 */
#ifndef SERVER_COMMANDS_PROMPT_H
#define SERVER_COMMANDS_PROMPT_H

#include "server/commands/call.h"

enum { SRV_PASSWORD_BYTES_MAX = 1024 };

/*
 * The password for `user` from --password-file, --password-stdin, --generate,
 * or twice from the terminal. Gives an exit code; failure was spoken for.
 * generated  it was made here and must be shown once
 */
int srv_prompt_password(struct srv_call *c, const char *user, struct slice *out,
			bool *generated);

/* 26 letters and digits of base32, lower case: 128 random bits. */
int srv_prompt_secret(struct arena *a, struct slice *out, struct err *e);

/*
 * A question before something that cannot be undone; --yes answers it. Without
 * a terminal and without --yes it is refused. SRV_EXIT_OK: go on.
 */
int srv_prompt_sure(const struct srv_call *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
