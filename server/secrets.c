#include "server/secrets.h"

#include "base/digest.h"
#include "server/secrets_key.h"
#include "server/throttle.h"

#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	QUEUE_MAX = 64, /* logins that wait for a slot */
	CACHE_SLOTS = 4096,
	CACHE_WAYS = 8,
	CACHE_MS = 10 * 60 * 1000,
	SEAL_VERSION = 1,
};

struct good { /* a password that was right */
	unsigned char key[DIGEST_HASH_BYTES];
	int64_t until_ms; /* 0: free */
};

struct secrets {
	struct srv_secrets pub; /* first */
	const struct clk *clk;
	struct srv_throttle *throttle;
	unsigned char seal_key[crypto_secretbox_KEYBYTES];
	unsigned char node_key[DIGEST_HASH_BYTES];
	char mark[SRV_KEY_MARK + 1];
	unsigned char cache_key[DIGEST_HASH_BYTES];
	char dummy[crypto_pwhash_STRBYTES]; /* fits no password */
	pthread_mutex_t lock;               /* of all below */
	pthread_cond_t freed;
	size_t parallel, running, waiting;
	uint64_t hashed;
	struct good good[CACHE_SLOTS];
};

static struct secrets *
of(struct sml_secrets *s)
{
	return (struct secrets *)s;
}

/* ---- the cache of good answers ---- */

static void
cache_key(const struct secrets *x, int64_t account, int64_t cred_gen,
	  struct slice hash, struct slice password,
	  unsigned char out[static DIGEST_HASH_BYTES])
{
	int64_t head[3] = { account, cred_gen, (int64_t)hash.n };
	struct slice part[3] = { { (const char *)head, sizeof(head) },
				 hash,
				 password };

	digest_hash(
	    (struct slice){ (const char *)x->cache_key, sizeof(x->cache_key) },
	    part, 3, out);
}

static struct good *
cache_row(struct secrets *x, const unsigned char key[static DIGEST_HASH_BYTES])
{
	size_t row =
	    ((size_t)key[0] << 8 | key[1]) % (CACHE_SLOTS / CACHE_WAYS);

	return &x->good[row * CACHE_WAYS];
}

static bool
cache_has(struct secrets *x, const unsigned char key[static DIGEST_HASH_BYTES])
{
	int64_t now = x->clk->now_ms(x->clk);
	struct good *row = cache_row(x, key);

	for (size_t i = 0; i < CACHE_WAYS; i++)
		/* The upper bound: a clock that was set back. */
		if (row[i].until_ms > now &&
		    row[i].until_ms <= now + CACHE_MS &&
		    sodium_memcmp(row[i].key, key, DIGEST_HASH_BYTES) == 0)
			return true;
	return false;
}

static void
cache_add(struct secrets *x, const unsigned char key[static DIGEST_HASH_BYTES])
{
	struct good *row = cache_row(x, key), *place = &row[0];

	for (size_t i = 0; i < CACHE_WAYS; i++) {
		if (sodium_memcmp(row[i].key, key, DIGEST_HASH_BYTES) == 0) {
			place = &row[i];
			break;
		}
		if (row[i].until_ms < place->until_ms)
			place = &row[i];
	}
	memcpy(place->key, key, DIGEST_HASH_BYTES);
	place->until_ms = x->clk->now_ms(x->clk) + CACHE_MS;
}

/* ---- Argon2 in a bounded queue ---- */

/* Take a slot; with the lock held. */
static int
enter(struct secrets *x, struct err *e)
{
	if (x->running >= x->parallel && x->waiting >= QUEUE_MAX)
		return err_set(e, ERR_BUSY, "secrets.verify",
			       "%zu logins are waiting already", x->waiting);
	x->waiting++;
	while (x->running >= x->parallel)
		(void)pthread_cond_wait(&x->freed, &x->lock);
	x->waiting--;
	x->running++;
	return 0;
}

static void
leave(struct secrets *x)
{
	x->running--;
	x->hashed++;
	(void)pthread_cond_signal(&x->freed);
}

/* libsodium wants a C string of its own length. */
static bool
argon2_fits(const char *hash, struct slice password)
{
	return crypto_pwhash_str_verify(hash, password.p, password.n) == 0;
}

static int
verify_slow(struct secrets *x, struct slice hash, struct slice password,
	    bool *ok, struct err *e)
{
	char text[crypto_pwhash_STRBYTES] = { 0 };
	bool real = hash.n > 0 && hash.n < sizeof(text);

	if (real)
		memcpy(text, hash.p, hash.n);
	else
		memcpy(text, x->dummy, sizeof(text));
	(void)pthread_mutex_lock(&x->lock);
	if (enter(x, e) < 0) {
		(void)pthread_mutex_unlock(&x->lock);
		return -1;
	}
	(void)pthread_mutex_unlock(&x->lock);
	*ok = argon2_fits(text, password) && real;
	(void)pthread_mutex_lock(&x->lock);
	leave(x);
	(void)pthread_mutex_unlock(&x->lock);
	sodium_memzero(text, sizeof(text));
	return 0;
}

static int
verify(struct sml_secrets *s, int64_t account, int64_t cred_gen,
       struct slice hash, struct slice password, bool *ok, struct err *e)
{
	struct secrets *x = of(s);
	unsigned char key[DIGEST_HASH_BYTES];

	cache_key(x, account, cred_gen, hash, password, key);
	(void)pthread_mutex_lock(&x->lock);
	*ok = cache_has(x, key);
	(void)pthread_mutex_unlock(&x->lock);
	if (*ok)
		return 0;
	if (verify_slow(x, hash, password, ok, e) < 0)
		return -1;
	if (!*ok)
		return 0;
	(void)pthread_mutex_lock(&x->lock);
	cache_add(x, key);
	(void)pthread_mutex_unlock(&x->lock);
	return 0;
}

int
srv_secrets_hash(struct arena *a, struct slice password, struct slice *out,
		 struct err *e)
{
	char text[crypto_pwhash_STRBYTES];

	if (sodium_init() < 0)
		return err_set(e, ERR_BUG, "secrets.hash", "libsodium failed");
	if (crypto_pwhash_str_alg(text, password.p, password.n,
				  crypto_pwhash_OPSLIMIT_INTERACTIVE,
				  crypto_pwhash_MEMLIMIT_INTERACTIVE,
				  crypto_pwhash_ALG_ARGON2ID13) != 0)
		return err_set(e, ERR_NOMEM, "secrets.hash",
			       "no memory for Argon2 (64 MiB)");
	*out = arena_copy(a, slice_c(text));
	sodium_memzero(text, sizeof(text));
	if (out->p == NULL)
		return err_set(e, ERR_NOMEM, "secrets.hash", "out of memory");
	return 0;
}

int
srv_secrets_device_hash(struct arena *a, struct slice secret, struct slice *out,
			struct err *e)
{
	unsigned char hash[DIGEST_HASH_BYTES];

	digest_hash(SLICE_LIT(""), &secret, 1, hash);
	*out =
	    arena_copy(a, (struct slice){ (const char *)hash, sizeof(hash) });
	if (out->p == NULL)
		return err_set(e, ERR_NOMEM, "secrets.device_hash",
			       "out of memory");
	return 0;
}

/* ---- sealing ---- */

enum { SEAL_HEAD = 1 + crypto_secretbox_NONCEBYTES };

int
srv_secrets_seal(struct srv_secrets *s, struct arena *a, struct slice clear,
		 struct slice *out, struct err *e)
{
	struct secrets *x = (struct secrets *)s;
	size_t n = SEAL_HEAD + crypto_secretbox_MACBYTES + clear.n;
	unsigned char *p = arena_alloc(a, n);

	if (p == NULL)
		return err_set(e, ERR_NOMEM, "secrets.seal", "out of memory");
	p[0] = SEAL_VERSION;
	randombytes_buf(p + 1, crypto_secretbox_NONCEBYTES);
	(void)crypto_secretbox_easy(p + SEAL_HEAD,
				    (const unsigned char *)clear.p, clear.n,
				    p + 1, x->seal_key);
	*out = (struct slice){ (const char *)p, n };
	return 0;
}

static int
unseal(struct sml_secrets *s, struct arena *a, struct slice sealed,
       struct slice *clear, struct err *e)
{
	const unsigned char *p = (const unsigned char *)sealed.p;
	struct secrets *x = of(s);
	unsigned char *out;
	size_t n;

	if (sealed.n < SEAL_HEAD + crypto_secretbox_MACBYTES ||
	    p[0] != SEAL_VERSION)
		return err_set(e, ERR_CONFIG, "secrets.unseal",
			       "not a sealed secret of this version");
	n = sealed.n - SEAL_HEAD - crypto_secretbox_MACBYTES;
	out = arena_alloc(a, n + 1);
	if (out == NULL)
		return err_set(e, ERR_NOMEM, "secrets.unseal", "out of memory");
	if (crypto_secretbox_open_easy(out, p + SEAL_HEAD, sealed.n - SEAL_HEAD,
				       p + 1, x->seal_key) != 0)
		return err_set(e, ERR_CONFIG, "secrets.unseal",
			       "a secret does not open with this key file: is "
			       "it the one that the database was made with?");
	*clear = (struct slice){ (const char *)out, n };
	return 0;
}

/* ---- throttle ---- */

static int64_t
wait_ms(struct sml_secrets *s, struct slice peer, struct slice user,
	struct slice dev_id)
{
	struct srv_throttle_who who = { peer, user, dev_id };

	return srv_throttle_wait_ms(of(s)->throttle, &who);
}

static void
failed(struct sml_secrets *s, struct slice peer, struct slice user,
       struct slice dev_id)
{
	struct srv_throttle_who who = { peer, user, dev_id };

	srv_throttle_failed(of(s)->throttle, &who);
}

static void
passed(struct sml_secrets *s, struct slice peer, struct slice user,
       struct slice dev_id)
{
	struct srv_throttle_who who = { peer, user, dev_id };

	srv_throttle_passed(of(s)->throttle, &who);
}

static unsigned
tries(struct sml_secrets *s, struct slice peer, struct slice user,
      struct slice dev_id)
{
	struct srv_throttle_who who = { peer, user, dev_id };

	return srv_throttle_tries(of(s)->throttle, &who);
}

/* ---- life ---- */

/* Each use of the file's key has a key of its own. */
static void
derive(const unsigned char key[static SRV_KEY_BYTES], const char *use,
       unsigned char out[static DIGEST_HASH_BYTES])
{
	struct slice part = slice_c(use);

	digest_hash((struct slice){ (const char *)key, SRV_KEY_BYTES }, &part,
		    1, out);
}

static void
make_mark(const unsigned char key[static SRV_KEY_BYTES],
	  char out[static SRV_KEY_MARK + 1])
{
	unsigned char hash[DIGEST_HASH_BYTES];

	derive(key, "funicular mark 1", hash);
	(void)sodium_bin2hex(out, SRV_KEY_MARK + 1, hash, SRV_KEY_MARK / 2);
}

/* A well-formed Argon2id string of nothing: random salt, random hash. */
static void
make_dummy(char out[static crypto_pwhash_STRBYTES])
{
	unsigned char raw[32];
	char salt[32], hash[64];

	randombytes_buf(raw, sizeof(raw));
	(void)sodium_bin2base64(salt, sizeof(salt), raw, 16,
				sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
	randombytes_buf(raw, sizeof(raw));
	(void)sodium_bin2base64(hash, sizeof(hash), raw, sizeof(raw),
				sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
	memset(out, 0, crypto_pwhash_STRBYTES);
	(void)snprintf(
	    out, crypto_pwhash_STRBYTES, "$argon2id$v=19$m=%u,t=%u,p=1$%s$%s",
	    (unsigned)(crypto_pwhash_MEMLIMIT_INTERACTIVE / 1024),
	    (unsigned)crypto_pwhash_OPSLIMIT_INTERACTIVE, salt, hash);
}

static int
init_locks(struct secrets *x, struct err *e)
{
	if (pthread_mutex_init(&x->lock, NULL) != 0)
		return err_set(e, ERR_NOMEM, "secrets.open", "no mutex");
	if (pthread_cond_init(&x->freed, NULL) != 0) {
		(void)pthread_mutex_destroy(&x->lock);
		return err_set(e, ERR_NOMEM, "secrets.open", "no condition");
	}
	return 0;
}

/* Nodes have the key file in common: so they have the counters. */
static int
start_throttle(struct secrets *x, const unsigned char key[static SRV_KEY_BYTES],
	       struct err *e)
{
	unsigned char own[DIGEST_HASH_BYTES];

	derive(key, "funicular throttle 1", own);
	x->throttle = srv_throttle_new(
	    x->clk, (struct slice){ (const char *)own, sizeof(own) });
	sodium_memzero(own, sizeof(own));
	if (x->throttle == NULL)
		return err_set(e, ERR_NOMEM, "secrets.open", "out of memory");
	return 0;
}

static void
wipe(struct secrets *x)
{
	srv_throttle_free(&x->throttle);
	sodium_memzero(x, sizeof(*x));
	free(x);
}

int
srv_secrets_open(const char *key_file, size_t parallel, const struct clk *clk,
		 struct srv_secrets **out, struct err *e)
{
	unsigned char key[SRV_KEY_BYTES];
	struct secrets *x;

	*out = NULL;
	if (sodium_init() < 0)
		return err_set(e, ERR_BUG, "secrets.open", "libsodium failed");
	x = calloc(1, sizeof(*x));
	if (x == NULL)
		return err_set(e, ERR_NOMEM, "secrets.open", "out of memory");
	x->clk = clk;
	x->parallel = parallel == 0 ? 1 : parallel;
	if (srv_key_load(key_file, key, e) < 0 ||
	    start_throttle(x, key, e) < 0 || init_locks(x, e) < 0) {
		sodium_memzero(key, sizeof(key));
		wipe(x);
		return -1;
	}
	derive(key, "funicular seal 1", x->seal_key);
	derive(key, "funicular node 1", x->node_key);
	make_mark(key, x->mark);
	sodium_memzero(key, sizeof(key));
	randombytes_buf(x->cache_key, sizeof(x->cache_key));
	make_dummy(x->dummy);
	x->pub.s = (struct sml_secrets){
		.verify = verify,
		.unseal = unseal,
		.node_key = { (const char *)x->node_key, sizeof(x->node_key) },
		.wait_ms = wait_ms,
		.failed = failed,
		.passed = passed,
		.tries = tries,
	};
	*out = &x->pub;
	return 0;
}

void
srv_secrets_close(struct srv_secrets **s)
{
	struct secrets *x = (struct secrets *)*s;

	*s = NULL;
	if (x == NULL)
		return;
	(void)pthread_cond_destroy(&x->freed);
	(void)pthread_mutex_destroy(&x->lock);
	wipe(x);
}

struct slice
srv_secrets_mark(const struct srv_secrets *s)
{
	return slice_c(((const struct secrets *)s)->mark);
}

int
srv_secrets_share(struct srv_secrets *s, struct store *st, struct err *e)
{
	return srv_throttle_share(((struct secrets *)s)->throttle, st, e);
}

uint64_t
srv_secrets_hashed(struct srv_secrets *s)
{
	struct secrets *x = (struct secrets *)s;
	uint64_t n;

	(void)pthread_mutex_lock(&x->lock);
	n = x->hashed;
	(void)pthread_mutex_unlock(&x->lock);
	return n;
}
