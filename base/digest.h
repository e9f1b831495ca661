/*
 * Digests, base64, hex and comparison of secrets, on libsodium and GnuTLS.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include "base/arena.h"

enum { DIGEST_MD5_BYTES = 16, DIGEST_HASH_BYTES = 32 };

/* MD5 of the concatenation of n slices: what SyncML's auth-md5 asks for. */
void digest_md5(const struct slice *parts, size_t n,
		unsigned char out[static DIGEST_MD5_BYTES]);

/* BLAKE2b-256; key may be empty. For tokens, body hashes, MACs of our own. */
void digest_hash(struct slice key, const struct slice *parts, size_t n,
		 unsigned char out[static DIGEST_HASH_BYTES]);

/*
 * 64 bits for look-ups (SipHash-2-4 under a fixed key, the same on every node
 * and in every release). Never 0: 0 means "has none".
 */
uint64_t digest_u64(struct slice s);

/* Base64 (RFC 4648, padded); .p == NULL when memory is short. */
struct slice digest_b64(struct arena *a, struct slice s);

/*
 * Decode base64 as phones write it: white space anywhere, padding may be
 * missing. false: not base64, or memory short.
 */
bool digest_unb64(struct arena *a, struct slice s, struct slice *out);

struct slice digest_hex(struct arena *a, struct slice s);

/* Equal, in time that depends only on the lengths. */
bool digest_same(struct slice a, struct slice b);

#endif
