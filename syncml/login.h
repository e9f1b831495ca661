/*
 * Who is it? Credentials of a message against what the store knows.
 *
 * Nothing here writes before the login is good: challenges are stateless
 * nonces (time and a MAC over it, the device and the node key), and a wrong
 * try only touches the throttle's counters.
 */
#ifndef SYNCML_LOGIN_H
#define SYNCML_LOGIN_H

#include "backends/store.h"
#include "syncml/auth.h"

struct sml_server;

/*
 * What the process lends to the protocol: slow hashes, keys, counters.
 * server/secrets.c implements it, tests have their own. Safe from any thread.
 */
struct sml_secrets {
	/*
	 * Does the password fit an Argon2id string? Blocks (bounded queue);
	 * good answers are remembered for a bounded time under a keyed hash
	 * bound to (account, cred_gen). hash empty: do the same work for
	 * nothing and answer no, so that an unknown user costs the same time.
	 * ERR_UNAVAILABLE: the queue is full, come again.
	 */
	int (*verify)(struct sml_secrets *s, int64_t account, int64_t cred_gen,
		      struct slice hash, struct slice password, bool *ok,
		      struct err *e);
	/* Open what srv_secrets_seal() closed. */
	int (*unseal)(struct sml_secrets *s, struct arena *a,
		      struct slice sealed, struct slice *clear, struct err *e);
	/* Key for stateless nonces; all nodes of a site share it. */
	struct slice node_key;
	/*
	 * Throttle, by address, account name and device. wait_ms > 0: too
	 * many wrong tries, refuse without looking at the credentials; a
	 * device that is known with right credentials is not held up by the
	 * guesses of others. failed() counts a wrong try, passed() forgives.
	 */
	int64_t (*wait_ms)(struct sml_secrets *s, struct slice peer,
			   struct slice user, struct slice dev_id);
	void (*failed)(struct sml_secrets *s, struct slice peer,
		       struct slice user, struct slice dev_id);
	void (*passed)(struct sml_secrets *s, struct slice peer,
		       struct slice user, struct slice dev_id);
	/* Wrong tries in a row of exactly these three; may be NULL (then MD5
	   is answered by MD5 for ever). */
	unsigned (*tries)(struct sml_secrets *s, struct slice peer,
			  struct slice user, struct slice dev_id);
};

enum sml_login_verdict {
	SML_LOGIN_OK,
	SML_LOGIN_MISSING,   /* 407: no credentials */
	SML_LOGIN_WRONG,     /* 401: do not fit, or throttled */
	SML_LOGIN_FORBIDDEN, /* 403: account or device is disabled */
	SML_LOGIN_SCHEME,    /* 406: unknown auth scheme */
	SML_LOGIN_FORMAT,    /* 415: Format is not one of ours */
	SML_LOGIN_NODATA,    /* 400: Cred without Data */
};

struct sml_login {
	enum sml_login_verdict verdict;
	const char *why;      /* for log and story, static: "wrong password" */
	enum sml_auth scheme; /* that was used, or should be used next */
	int64_t account;
	struct slice user;
	struct store_cred cred; /* the one that fitted */
	/* auth-md5: which nonce was used: the stored one, or a stateless one
	   with its time of issue (0: the stored one). */
	int64_t nonce_issued_ms;
	struct slice nonce_used;
};

/*
 * Which scheme a challenge asks for: the one that the client tried, else
 * conf->prefer_md5. But a client set to MD5 whose account allows none could
 * never come in, and we may not tell it which accounts do. So after the second
 * wrong MD5 try in a row (the first may have had an old nonce) everybody is
 * asked for basic, whether the account exists or not; never with prefer_md5.
 */

/*
 * Check the credentials of a message.
 *
 * user_hint  LocName of Source, the only place where MD5 names the user
 * version    10, 11, 12: VerProto; 10 and 11 are tried with both formulas
 *
 * Returns -1 only when the server failed (store, queue): answer 503.
 */
int sml_login(const struct sml_server *srv, struct arena *a,
	      const struct sml_cred *cred, struct slice user_hint,
	      struct slice dev_id, struct slice peer, int version,
	      struct sml_login *out, struct err *e);

/*
 * Make the login last, inside the message's transaction: the credential is
 * marked used and bound to the device (STORE_CRED_DEVICE, if unbound), the
 * device's nonce is set to a fresh one (all schemes: so that it can be used for
 * MD5 next time). *dev is changed; the caller stores it with device_put.
 * ERR_AUTH: the nonce was used by another message meanwhile, or the
 * credential is gone.
 */
int sml_login_commit(const struct sml_server *srv, struct store_tx *tx,
		     struct arena *a, const struct sml_login *in,
		     struct store_device *dev, struct err *e);

/*
 * The challenge for a 401 or 407: MD5 with a stateless nonce where `scheme` is
 * SML_AUTH_MD5, else basic.
 */
int sml_login_challenge(const struct sml_server *srv, struct arena *a,
			enum sml_auth scheme, struct slice dev_id,
			struct sml_chal *out, struct err *e);

/* The challenge that goes with 200 or 212: the stored next nonce. */
int sml_login_next(struct arena *a, struct slice nonce, struct sml_chal *out);

#endif
