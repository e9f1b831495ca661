/*
 * The configuration: one file with comments (funicular.conf), every key with a
 * working default. One table drives parsing, --help, the sample file and the
 * manual page.
 */
#ifndef SERVER_CONF_H
#define SERVER_CONF_H

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"

struct srv_conf {
	/* where */
	const char *listen;       /* "127.0.0.1:8880 [::1]:8880" */
	const char *admin_listen; /* /healthz, /metrics; "" switches it off */
	const char *public_url;   /* "" : from the request */
	const char *trusted_proxies; /* addresses or networks, blank between */
	bool proxy_protocol;
	/* TLS */
	const char *tls_cert, *tls_key, *tls_priority;
	bool allow_plain; /* plain HTTP on a public address */
	/* data */
	const char *store;     /* "sqlite:/var/lib/funicular/funicular.db" */
	const char *state_dir; /* key file, epoch */
	const char *key_file;
	const char *rules_file; /* further quirk rules, "" : none */
	const char *zone;       /* of new accounts */
	/* limits */
	int64_t max_msg_bytes, max_obj_bytes;
	int64_t quota_bytes, quota_items; /* of new accounts */
	int64_t session_idle_s;
	int64_t history_days;
	int64_t workers;       /* 0: twice the processors */
	int64_t connections;   /* at most open at once */
	int64_t hash_parallel; /* Argon2 runs at once, 64 MiB each */
	bool md5_first;
	enum log_level log_level;
};

/*
 * path  NULL: $FUNICULAR_CONF, /etc/funicular/funicular.conf, else defaults.
 * Errors (ERR_CONFIG) name file, line, key and what would be right.
 */
int srv_conf_load(struct arena *a, const char *path, struct srv_conf *out,
		  struct err *e);

#endif
