#include "backends/xmpp/sasl.h"

#include "base/buf.h"
#include "base/digest.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <sodium.h>

enum { HASH_MAX = 32, SALT_MAX = 256, MESSAGE_MAX = 1024 };

static const struct {
	const char *name;
	gnutls_mac_algorithm_t mac;
	gnutls_digest_algorithm_t digest;
	size_t n;
} kinds[] = {
	[IM_SASL_PLAIN] = { "PLAIN", GNUTLS_MAC_NULL, GNUTLS_DIG_NULL, 0 },
	[IM_SASL_SHA1] = { "SCRAM-SHA-1", GNUTLS_MAC_SHA1, GNUTLS_DIG_SHA1,
			   20 },
	[IM_SASL_SHA256] = { "SCRAM-SHA-256", GNUTLS_MAC_SHA256,
			     GNUTLS_DIG_SHA256, 32 },
};

const char *
im_sasl_name(enum im_sasl_kind kind)
{
	return kinds[kind].name;
}

/* "=" and "," have a meaning of their own in SCRAM. */
static struct slice
scram_name(struct arena *a, struct slice user)
{
	struct buf b = BUF_IN(a);

	for (size_t i = 0; i < user.n; i++) {
		if (user.p[i] == '=')
			buf_str(&b, "=3D");
		else if (user.p[i] == ',')
			buf_str(&b, "=2C");
		else
			buf_byte(&b, (unsigned char)user.p[i]);
	}
	return buf_ok(&b) ? buf_slice(&b) : (struct slice){ NULL, 0 };
}

struct slice
im_sasl_first(struct im_sasl *s, struct rnd *rnd, struct arena *a)
{
	struct buf b = BUF_IN(a);
	struct slice name;

	s->proved = false;
	s->done = s->kind == IM_SASL_PLAIN;
	if (s->kind == IM_SASL_PLAIN) {
		buf_byte(&b, 0);
		buf_add(&b, s->user);
		buf_byte(&b, 0);
		buf_add(&b, s->password);
		return buf_ok(&b) ? buf_slice(&b) : (struct slice){ NULL, 0 };
	}
	rnd_text(rnd, s->nonce, sizeof(s->nonce));
	name = scram_name(a, s->user);
	if (name.p == NULL)
		return name;
	return arena_printf(a, "n,,n=%.*s,r=%s", SLICE_ARG(name), s->nonce);
}

/* ---- the proof ----------------------------------------------------------- */

static bool
hmac(const struct im_sasl *s, const unsigned char *key, struct slice text,
     unsigned char *out)
{
	return gnutls_hmac_fast(kinds[s->kind].mac, key, kinds[s->kind].n,
				text.p, text.n, out) == 0;
}

/* The password as RFC 8265 writes it; as it is where that does not go. */
static bool
normal_password(const struct im_sasl *s, gnutls_datum_t *out)
{
	const unsigned char *p = (const unsigned char *)s->password.p;
	unsigned n = (unsigned)s->password.n;

	if (gnutls_utf8_password_normalize(p, n, out, 0) >= 0)
		return true;
	*out = (gnutls_datum_t){ gnutls_malloc(n + 1), n };
	if (out->data != NULL)
		memcpy(out->data, p, n);
	return out->data != NULL;
}

static int
salted(const struct im_sasl *s, struct slice salt, unsigned rounds,
       unsigned char *out)
{
	unsigned char bytes[SALT_MAX];
	gnutls_datum_t key;
	gnutls_datum_t salt_d = { bytes, (unsigned)salt.n };
	int rc;

	if (salt.n > sizeof(bytes) || !normal_password(s, &key))
		return -1;
	memcpy(bytes, salt.p, salt.n);
	rc = gnutls_pbkdf2(kinds[s->kind].mac, &key, &salt_d, rounds, out,
			   kinds[s->kind].n);
	sodium_memzero(key.data, key.size);
	gnutls_free(key.data);
	return rc;
}

/* RFC 5802, 3: the client's proof, and what the server has to answer. */
static bool
prove(struct im_sasl *s, struct slice salt, unsigned rounds, struct slice text,
      unsigned char *proof)
{
	unsigned char password[HASH_MAX], key[HASH_MAX], stored[HASH_MAX];
	unsigned char sign[HASH_MAX], server_key[HASH_MAX];
	size_t n = kinds[s->kind].n;
	bool ok =
	    salted(s, salt, rounds, password) == 0 &&
	    hmac(s, password, SLICE_LIT("Client Key"), key) &&
	    gnutls_hash_fast(kinds[s->kind].digest, key, n, stored) == 0 &&
	    hmac(s, stored, text, sign) &&
	    hmac(s, password, SLICE_LIT("Server Key"), server_key) &&
	    hmac(s, server_key, text, s->server_sign);

	for (size_t i = 0; ok && i < n; i++)
		proof[i] = key[i] ^ sign[i];
	sodium_memzero(password, sizeof(password));
	sodium_memzero(key, sizeof(key));
	sodium_memzero(server_key, sizeof(server_key));
	return ok;
}

/* "r=...,s=...,i=..." */
struct challenge {
	struct slice nonce, salt, error, sign;
	uint32_t rounds;
};

static void
take_apart(struct slice text, struct challenge *c)
{
	struct slice f;

	memset(c, 0, sizeof(*c));
	while (slice_split(&text, ',', &f)) {
		if (slice_starts(f, "r="))
			c->nonce = slice_from(f, 2);
		else if (slice_starts(f, "s="))
			c->salt = slice_from(f, 2);
		else if (slice_starts(f, "e="))
			c->error = slice_from(f, 2);
		else if (slice_starts(f, "v="))
			c->sign = slice_from(f, 2);
		else if (slice_starts(f, "i="))
			(void)slice_u32(slice_from(f, 2), &c->rounds);
	}
}

static int
wrong(struct err *e, const char *why)
{
	return err_set(e, ERR_AUTH, "xmpp.sasl", "%s", why);
}

static int
server_signed(struct im_sasl *s, struct arena *a, const struct challenge *c,
	      struct err *e)
{
	struct slice sign;
	struct slice want = { (const char *)s->server_sign, kinds[s->kind].n };

	if (c->error.n > 0)
		return err_set(e, ERR_AUTH, "xmpp.sasl",
			       "the server refuses the login: %.*s",
			       (int)(c->error.n > 60 ? 60 : c->error.n),
			       c->error.p);
	if (!digest_unb64(a, c->sign, &sign) || !digest_same(sign, want))
		return wrong(e, "the server does not know the password: this "
				"is not the server that it should be");
	s->done = true;
	return 0;
}

int
im_sasl_next(struct im_sasl *s, struct arena *a, struct slice challenge,
	     struct slice *answer, struct err *e)
{
	unsigned char proof[HASH_MAX];
	struct challenge c;
	struct slice salt, text, bare, name, b64;

	*answer = SLICE_LIT("");
	if (s->kind == IM_SASL_PLAIN || s->done || challenge.n > MESSAGE_MAX)
		return wrong(e, "a challenge that was not asked for");
	take_apart(challenge, &c);
	if (s->proved)
		return server_signed(s, a, &c, e);
	if (slice_starts(challenge, "m=") || c.nonce.n <= IM_SASL_NONCE ||
	    !slice_starts(c.nonce, s->nonce) ||
	    !digest_unb64(a, c.salt, &salt) || salt.n == 0 || salt.n > SALT_MAX)
		return wrong(e, "a challenge that is not SCRAM's");
	if (c.rounds < IM_SASL_ROUNDS_MIN || c.rounds > IM_SASL_ROUNDS_MAX)
		return wrong(e, "a challenge with a count of rounds that is "
				"refused");
	name = scram_name(a, s->user);
	bare = arena_printf(a, "c=biws,r=%.*s", SLICE_ARG(c.nonce));
	text = arena_printf(a, "n=%.*s,r=%s,%.*s,%.*s", SLICE_ARG(name),
			    s->nonce, SLICE_ARG(challenge), SLICE_ARG(bare));
	if (name.p == NULL || bare.p == NULL || text.p == NULL)
		return err_set(e, ERR_NOMEM, "xmpp.sasl", "no memory");
	if (!prove(s, salt, c.rounds, text, proof))
		return wrong(e, "the password cannot be used");
	b64 = digest_b64(
	    a, (struct slice){ (const char *)proof, kinds[s->kind].n });
	*answer =
	    arena_printf(a, "%.*s,p=%.*s", SLICE_ARG(bare), SLICE_ARG(b64));
	if (b64.p == NULL || answer->p == NULL)
		return err_set(e, ERR_NOMEM, "xmpp.sasl", "no memory");
	s->proved = true;
	return 0;
}
