/*
 * The process's secrets: Argon2 in a bounded queue with a cache of good
 * answers, sealing of secrets with the key file, the node key, the throttle.
 */
#ifndef SERVER_SECRETS_H
#define SERVER_SECRETS_H

#include "base/clock.h"
#include "syncml/login.h"

struct srv_secrets {
	struct sml_secrets s; /* first: what the protocol sees */
};

/*
 * key_file   32 random bytes in hex, created with mode 0600 if missing; one
 *            that others can read is refused (ERR_CONFIG, naming the mend)
 * parallel   Argon2 runs at once (64 MiB each)
 */
int srv_secrets_open(const char *key_file, size_t parallel,
		     const struct clk *clk, struct srv_secrets **out,
		     struct err *e);
/* What tells one key file from another, and nothing of the key. */
enum { SRV_KEY_MARK = 16 };
struct slice srv_secrets_mark(const struct srv_secrets *s);
void srv_secrets_close(struct srv_secrets **s);

/* Share what the throttle counted with other nodes, and what it will know after
   a restart: once a second, by one thread (server/throttle.h). */
int srv_secrets_share(struct srv_secrets *s, struct store *st, struct err *e);
/* Slow hashes computed so far. */
uint64_t srv_secrets_hashed(struct srv_secrets *s);

/* Argon2id string of a password (libsodium INTERACTIVE). */
int srv_secrets_hash(struct arena *a, struct slice password, struct slice *out,
		     struct err *e);
/* Hash of a generated device secret: 32 raw bytes, no slow hash needed. */
int srv_secrets_device_hash(struct arena *a, struct slice secret,
			    struct slice *out, struct err *e);
/* Close a secret with the key file's key (secretbox), and the way back. */
int srv_secrets_seal(struct srv_secrets *s, struct arena *a, struct slice clear,
		     struct slice *out, struct err *e);

#endif
