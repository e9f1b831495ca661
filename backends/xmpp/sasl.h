/*
 * SCRAM (RFC 5802, RFC 7677), the client's side: the password never crosses
 * the line, and the server has to show that it knows it, too. PLAIN (RFC 4616)
 * is there for servers that have passwords in a directory, and only under TLS.
 */
#ifndef BACKENDS_XMPP_SASL_H
#define BACKENDS_XMPP_SASL_H

#include "base/arena.h"
#include "base/err.h"
#include "base/random.h"

enum {
	IM_SASL_NONCE = 24,
	/* A server may ask for so much work and no more: half a second. */
	IM_SASL_ROUNDS_MAX = 1000000,
	IM_SASL_ROUNDS_MIN = 1000,
};

enum im_sasl_kind { IM_SASL_PLAIN, IM_SASL_SHA1, IM_SASL_SHA256 };

struct im_sasl {
	enum im_sasl_kind kind;
	struct slice user, password; /* borrowed */
	char nonce[IM_SASL_NONCE + 1];
	/* What the server must sign, once the client's proof was sent. */
	unsigned char server_sign[32];
	bool proved, done;
};

/* "SCRAM-SHA-256" */
const char *im_sasl_name(enum im_sasl_kind kind);

/* The first words of the client, not in base64. .p == NULL: no memory, or a
   user's name that cannot be sent. */
struct slice im_sasl_first(struct im_sasl *s, struct rnd *rnd, struct arena *a);

/* The answer to a challenge (both not in base64); empty: it was the last one,
   and the server is the one that knows the password. */
int im_sasl_next(struct im_sasl *s, struct arena *a, struct slice challenge,
		 struct slice *answer, struct err *e);

#endif
