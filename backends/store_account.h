/*
 * Part of backends/store.h: people, and the secrets with which they and their
 * devices log in.
 */
#ifndef BACKENDS_STORE_ACCOUNT_H
#define BACKENDS_STORE_ACCOUNT_H

#include "backends/store_alarm.h"
#include "base/slice.h"

struct store_account {
	int64_t id;
	struct slice user; /* login name, as typed at creation */
	bool disabled;
	struct slice zone;   /* Olson name of the owner's time zone */
	int64_t quota_bytes; /* of current items; 0: none */
	int64_t quota_items; /* 0: none */
	int64_t used_bytes;  /* kept by item_put */
	int64_t used_items;  /* kept by item_put */
	int64_t change_no;   /* the last one given out */
	int64_t cred_gen;    /* grows when any credential changes */
	int64_t created_ms;
	struct store_alarm_ways alarm;
	bool push; /* a device wants notices; kept by push_put */
};

enum store_cred_kind {
	STORE_CRED_PASSWORD = 1, /* chosen by a person: Argon2id */
	STORE_CRED_DEVICE = 2,   /* generated, 128 random bits: one BLAKE2b */
};

struct store_cred {
	int64_t id;
	enum store_cred_kind kind;
	struct slice label;  /* "Anna's phone"; empty for a password */
	struct slice device; /* dev_id it is bound to; empty: any, or not yet */
	struct slice hash;   /* Argon2 string, or 32 raw bytes */
	struct slice sealed; /* the secret, encrypted, where MD5 is allowed */
	int64_t created_ms;
	int64_t used_ms; /* 0: never */
};

#endif
