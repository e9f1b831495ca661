#include "syncml/nonce.h"

#include "base/digest.h"

int64_t
sml_nonce_step(int64_t ms)
{
	return ms - ms % SML_NONCE_STEP_MS;
}

void
sml_nonce_at(struct slice node_key, struct slice dev_id, int64_t step_ms,
	     char out[static SML_NONCE_BYTES + 1])
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz0123456789";
	unsigned char mac[DIGEST_HASH_BYTES];
	unsigned char at[8];
	struct slice part[3] = { SLICE_LIT("funicular nonce 1"),
				 { (const char *)at, sizeof(at) },
				 dev_id };

	for (size_t i = 0; i < sizeof(at); i++)
		at[i] = (unsigned char)((uint64_t)step_ms >> (8 * i));
	digest_hash(node_key, part, 3, mac);
	/* A slight preference for some letters does no harm: 24 of them are
	   140 bits. */
	for (size_t i = 0; i < SML_NONCE_BYTES; i++)
		out[i] = set[mac[i] % 62];
	out[SML_NONCE_BYTES] = '\0';
}

static bool
digest_fits(const struct sml_auth_key *key, size_t key_n, struct slice nonce,
	    const unsigned char digest[static 16], size_t *which)
{
	struct slice want = { (const char *)digest, DIGEST_MD5_BYTES };
	bool fits = false;

	for (size_t i = 0; i < key_n; i++) {
		unsigned char got[DIGEST_MD5_BYTES];
		struct slice have = { (const char *)got, sizeof(got) };

		sml_auth_key_md5(&key[i], nonce, got);
		if (!digest_same(have, want))
			continue;
		fits = true;
		*which = i;
	}
	return fits;
}

void
sml_nonce_find(const struct sml_nonce_try *t, const struct sml_auth_key *key,
	       size_t key_n, const unsigned char digest[static 16],
	       struct sml_nonce_hit *out)
{
	int64_t newest = sml_nonce_step(t->now_ms + SML_NONCE_AHEAD_MS);
	int64_t oldest = t->now_ms - SML_NONCE_LIFE_MS;

	*out = (struct sml_nonce_hit){ 0 };
	if (t->stored.n > 0 &&
	    digest_fits(key, key_n, t->stored, digest, &out->key)) {
		out->fits = true;
		return;
	}
	/* Newest first: an honest client answers at once. The floor is looked
	   at last, so that a used nonce costs what a wrong digest costs. */
	for (int64_t at = newest; at >= oldest; at -= SML_NONCE_STEP_MS) {
		struct slice nonce = { out->nonce, SML_NONCE_BYTES };

		sml_nonce_at(t->node_key, t->dev_id, at, out->nonce);
		if (!digest_fits(key, key_n, nonce, digest, &out->key) ||
		    at <= t->floor_ms)
			continue;
		out->fits = true;
		out->issued_ms = at;
		return;
	}
	out->nonce[0] = '\0';
	out->stale = digest_fits(key, key_n, SLICE_LIT(""), digest, &out->key);
}
