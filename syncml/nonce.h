/*
 * Nonces for auth-md5 that nobody has to remember: a MAC over the time of
 * issue, the device and the site's key. Used by login.c only.
 *
 * A digest does not tell which nonce it was made with, so the server tries
 * those of the last minutes one by one. Time of issue therefore counts in steps
 * of SML_NONCE_STEP_MS: few enough to try all in a few milliseconds, short
 * enough that a device is hardly challenged twice in one. A nonce works once:
 * afterwards the device's nonce_floor_ms is its time of issue.
 */
#ifndef SYNCML_NONCE_H
#define SYNCML_NONCE_H

#include "syncml/auth.h"

enum {
	SML_NONCE_BYTES = 24, /* letters and digits, without the NUL */
	SML_NONCE_STEP_MS = 250,
	SML_NONCE_LIFE_MS = 15 * 60 * 1000,
	/* Nodes whose clocks are ahead of ours by so much are believed. */
	SML_NONCE_AHEAD_MS = 2000,
};

/* The step that a time lies in. */
int64_t sml_nonce_step(int64_t ms);

/* The nonce of that step for this device. */
void sml_nonce_at(struct slice node_key, struct slice dev_id, int64_t step_ms,
		  char out[static SML_NONCE_BYTES + 1]);

/* Which nonces come into question for a digest. */
struct sml_nonce_try {
	struct slice node_key;
	struct slice dev_id;
	struct slice stored; /* of the device; empty: none */
	int64_t now_ms;
	int64_t floor_ms; /* steps up to here are used up */
};

struct sml_nonce_hit {
	bool fits;
	size_t key;        /* index of the key that made the digest */
	int64_t issued_ms; /* 0: the stored one */
	char nonce[SML_NONCE_BYTES + 1]; /* if it was not the stored one */
	/* The digest fits with the empty nonce: the secret is right, but this
	   proves nothing since it could be a replay. */
	bool stale;
};

/* Look for a key and a nonce that make this digest; key_n may be 0. */
void sml_nonce_find(const struct sml_nonce_try *t,
		    const struct sml_auth_key *key, size_t key_n,
		    const unsigned char digest[static 16],
		    struct sml_nonce_hit *out);

#endif
