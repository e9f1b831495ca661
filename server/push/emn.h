/*
 * E-mail notification (EMN 1.0) as WBXML: "there is new mail in this box".
 */
#ifndef SERVER_PUSH_EMN_H
#define SERVER_PUSH_EMN_H

#include "base/arena.h"
#include "base/err.h"

#include <stdint.h>

/* mailbox: a URI, "mailat:anna@example.org"; at_ms: when the mail came. */
int srv_push_emn(struct arena *a, struct slice mailbox, int64_t at_ms,
		 struct slice *out, struct err *e);

#endif
