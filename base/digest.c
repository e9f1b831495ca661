#include "base/digest.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <sodium.h>
#include <stdlib.h>

void
digest_md5(const struct slice *parts, size_t n,
	   unsigned char out[static DIGEST_MD5_BYTES])
{
	gnutls_hash_hd_t h;

	/* MD5 may be barred in FIPS mode; then nothing can match the zeros
	   that remain, since they are compared with a digest of a secret. */
	memset(out, 0, DIGEST_MD5_BYTES);
	GNUTLS_FIPS140_SET_LAX_MODE();
	if (gnutls_hash_init(&h, GNUTLS_DIG_MD5) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		(void)gnutls_hash(h, parts[i].p, parts[i].n);
	gnutls_hash_deinit(h, out);
}

void
digest_hash(struct slice key, const struct slice *parts, size_t n,
	    unsigned char out[static DIGEST_HASH_BYTES])
{
	crypto_generichash_state st;

	(void)crypto_generichash_init(&st, (const unsigned char *)key.p, key.n,
				      DIGEST_HASH_BYTES);
	for (size_t i = 0; i < n; i++)
		(void)crypto_generichash_update(
		    &st, (const unsigned char *)parts[i].p, parts[i].n);
	(void)crypto_generichash_final(&st, out, DIGEST_HASH_BYTES);
}

uint64_t
digest_u64(struct slice s)
{
	static const unsigned char key[crypto_shorthash_KEYBYTES] =
	    "funicular items";
	unsigned char out[crypto_shorthash_BYTES];
	uint64_t v = 0;

	(void)crypto_shorthash(out, (const unsigned char *)s.p, s.n, key);
	for (size_t i = 0; i < sizeof(out); i++)
		v |= (uint64_t)out[i] << (8 * i);
	return v == 0 ? 1 : v;
}

struct slice
digest_b64(struct arena *a, struct slice s)
{
	size_t n =
	    sodium_base64_encoded_len(s.n, sodium_base64_VARIANT_ORIGINAL);
	char *p = arena_alloc(a, n);

	if (p == NULL)
		return (struct slice){ NULL, 0 };
	(void)sodium_bin2base64(p, n, (const unsigned char *)s.p, s.n,
				sodium_base64_VARIANT_ORIGINAL);
	return (struct slice){ p, n - 1 };
}

bool
digest_unb64(struct arena *a, struct slice s, struct slice *out)
{
	size_t max = s.n / 4 * 3 + 3;
	unsigned char *p = arena_alloc(a, max);
	const char *end = NULL;
	size_t n = 0;

	if (p == NULL)
		return false;
	s = slice_trim(s);
	while (s.n > 0 && s.p[s.n - 1] == '=')
		s.n--;
	s = slice_trim(s);
	if (s.n > 0 &&
	    sodium_base642bin(p, max, s.p, s.n, " \t\r\n", &n, &end,
			      sodium_base64_VARIANT_ORIGINAL_NO_PADDING) != 0)
		return false;
	if (s.n > 0 && end != s.p + s.n)
		return false;
	*out = (struct slice){ (const char *)p, n };
	return true;
}

struct slice
digest_hex(struct arena *a, struct slice s)
{
	char *p = s.n > SIZE_MAX / 2 - 1 ? NULL : arena_alloc(a, s.n * 2 + 1);

	if (p == NULL)
		return (struct slice){ NULL, 0 };
	(void)sodium_bin2hex(p, s.n * 2 + 1, (const unsigned char *)s.p, s.n);
	return (struct slice){ p, s.n * 2 };
}

bool
digest_same(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || sodium_memcmp(a.p, b.p, a.n) == 0);
}
