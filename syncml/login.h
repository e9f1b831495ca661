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
	/* Wrong tries in a row of exactly these three. */
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

/* What a message brings along to prove who sends it. */
struct sml_login_in {
	const struct sml_cred *cred; /* of SyncHdr, or of an Alert */
	/* x-syncml-hmac as it came; empty: none. Where there is one it decides,
	   whatever cred says: it vouches for the body too. */
	struct slice mac;
	struct slice body; /* of the message, as the MAC was made over it */
	/* LocName of Source: where MD5 names the user. */
	struct slice user_hint;
	struct slice dev_id, peer;
	int version; /* 10, 11, 12; 10 and 11 are tried with both formulas */
};

struct sml_login {
	enum sml_login_verdict verdict;
	const char *why;      /* for log and story, static: "wrong password" */
	enum sml_auth scheme; /* that was used, or should be used next */
	int64_t account;
	struct slice user;
	struct store_cred cred; /* the one that fitted */
	/* auth-md5, auth-MAC: which nonce was used: the stored one, or a
	   stateless one with its time of issue (0: the stored one). */
	int64_t nonce_issued_ms;
	struct slice nonce_used;
	/* Nonces issued up to then are used up; 0: not known. */
	int64_t nonce_floor_ms;
};

/*
 * Which scheme a challenge asks for: the one that the client tried, else
 * conf->auth_first. But a client set to MD5 (or MAC) whose account allows none
 * could never come in, and we may not tell it which accounts do. So after the
 * second wrong try in a row (the first may have had an old nonce) everybody is
 * asked for conf->auth_first, whether the account exists or not.
 */

/*
 * Check the credentials of a message.
 * Returns -1 only when the server failed (store, queue): answer 503.
 */
int sml_login(const struct sml_server *srv, struct arena *a,
	      const struct sml_login_in *in, struct sml_login *out,
	      struct err *e);

/*
 * The account that the credentials name, right or wrong; 0: there is none; -1:
 * they name nobody.
 */
int sml_login_names(const struct sml_server *srv, struct arena *a,
		    const struct sml_login_in *in, int64_t *account,
		    struct err *e);

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
 * The challenge for a 401 or 407: a stateless nonce where l->scheme is
 * SML_AUTH_MD5 or SML_AUTH_MAC, else basic. The nonce is never one that
 * l->nonce_floor_ms says is used up. Of *l nothing else counts.
 */
int sml_login_challenge(const struct sml_server *srv, struct arena *a,
			const struct sml_login *l, struct slice dev_id,
			struct sml_chal *out, struct err *e);

/*
 * The challenge that goes with 200 or 212: the stored next nonce; none with
 * basic. -1: memory is short.
 */
int sml_login_next(struct arena *a, enum sml_auth scheme, struct slice nonce,
		   struct sml_chal *out);

#endif
