/*
 * Credentials of SyncML: the formulas (OMA-TS-DS security; SyncML 1.0 has its
 * own). Whose secret it is, and whether it fits, is decided in login.h.
 */
#ifndef SYNCML_AUTH_H
#define SYNCML_AUTH_H

#include "syncml/msg.h"

enum sml_auth {
	SML_AUTH_NONE,
	SML_AUTH_BASIC,
	SML_AUTH_MD5,
	SML_AUTH_MAC, /* not in a Cred, but in the header x-syncml-hmac */
	SML_AUTH_OTHER,
};

/* By its name in Meta/Type; none is basic. */
enum sml_auth sml_auth_named(struct slice type);
/* "syncml:auth-basic" ...; SML_AUTH_BASIC, _MD5 and _MAC only. */
struct slice sml_auth_name(enum sml_auth scheme);

/* By Meta/Type; a Cred without Type is basic. */
enum sml_auth sml_auth_type(const struct sml_cred *c);

/* Meta/Format is b64 or missing (which means the same). */
bool sml_auth_format_ok(const struct sml_cred *c);

/* base64(user:password) apart at the first colon. Accepts raw "user:password"
   without Format and a NUL at the end (both seen). false: malformed. */
bool sml_auth_basic(struct arena *a, const struct sml_cred *c,
		    struct slice *user, struct slice *password);

/*
 * The 16 octets of an MD5 credential (base64, raw octets, or 32 hex digits).
 * *hex  it came as hex digits, which is right only for SyncML 1.0
 * false: malformed.
 */
bool sml_auth_digest(struct arena *a, const struct sml_cred *c, bool *hex,
		     unsigned char out[static 16]);

/* The octets of a challenge's nonce: base64, unless a peer without Format sent
   them raw. false: there is none. */
bool sml_auth_nonce(struct arena *a, const struct sml_chal *c,
		    struct slice *out);

/* What the transport header x-syncml-hmac says. */
struct sml_mac {
	struct slice user;
	unsigned char digest[16];
};

/*
 * algorithm=MD5, username="anna", mac=uaE1YYB4TkcgBauTvux7BQ==
 * Parameters in any order; algorithm may be missing, mac may be quoted.
 * false: malformed, or another algorithm.
 */
bool sml_auth_mac_read(struct arena *a, struct slice header,
		       struct sml_mac *out);
/* The header's value; .p == NULL when memory is short. */
struct slice sml_auth_mac_write(struct arena *a, const struct sml_mac *mac);

/*
 * What user and password put into an MD5 digest, whatever the nonce: made once
 * where many nonces are tried. Borrows user and password.
 */
struct sml_auth_key {
	struct slice part[3];
	size_t n;
	struct slice body; /* sml_auth_body() for a MAC; else empty */
};

/*
 * old_form  SyncML 1.0: MD5(user:password:nonce);
 *           else MD5(base64(MD5(user:password)):nonce).
 * 0, or -1 when memory is short.
 */
int sml_auth_key(struct arena *a, struct slice user, struct slice password,
		 bool old_form, struct sml_auth_key *out, struct err *e);
void sml_auth_key_md5(const struct sml_auth_key *k, struct slice nonce,
		      unsigned char out[static 16]);

/* base64(MD5(body)), the part of a MAC that stands for the message. */
int sml_auth_body(struct arena *a, struct slice body, struct slice *out,
		  struct err *e);
/*
 * MD5(base64(MD5(user:password)):nonce:base64(MD5(body))). In spite of the
 * header's name this is no HMAC of RFC 2104.
 */
int sml_auth_mac(struct arena *a, struct slice user, struct slice password,
		 struct slice nonce, struct slice body, struct sml_mac *out,
		 struct err *e);

/* Both in one: the digest that user and password make with this nonce. */
int sml_auth_md5(struct arena *a, struct slice user, struct slice password,
		 struct slice nonce, bool old_form,
		 unsigned char out[static 16], struct err *e);

/* The Cred that a client sends; nonce is ignored for basic. SML_AUTH_MAC has
   none. */
int sml_auth_cred(struct arena *a, enum sml_auth type, struct slice user,
		  struct slice password, struct slice nonce, bool old_form,
		  struct sml_cred *out, struct err *e);

#endif
