/*
 * The configuration: one file with comments (funicular.conf), every key with a
 * working default. One table drives parsing, --help, the sample file and the
 * manual page.
 */
#ifndef SERVER_CONF_H
#define SERVER_CONF_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"

struct srv_conf {
	/* where */
	const char *listen;       /* "127.0.0.1:8880 [::1]:8880" */
	const char *admin_listen; /* /healthz, /metrics; "" switches it off */
	const char *public_url;   /* "" : from the request */
	const char *paths;        /* that answer SyncML, blank between */
	const char *trusted_proxies; /* addresses or networks, blank between */
	const char *proxy_header;    /* "x-forwarded-for" or "forwarded" */
	bool proxy_protocol;         /* refused: see the key's help */
	/* TLS */
	const char *tls_cert, *tls_key, *tls_priority;
	const char *tls_priority_old; /* of https-old:// addresses */
	bool allow_plain;             /* plain HTTP on a public address */
	/* data */
	const char *store;     /* "sqlite:/var/lib/funicular/funicular.db" */
	const char *state_dir; /* key file, epoch */
	const char *key_file;
	const char *rules_file; /* further quirk rules, "" : none */
	const char *zone;       /* of new accounts */
	const char *server_id;  /* DevInf: the site's name for devices */
	const char *node_name;  /* in reports; "": the machine's */
	/* limits */
	int64_t max_msg_bytes, max_obj_bytes;
	int64_t quota_bytes, quota_items; /* of new accounts */
	int64_t session_idle_s;
	int64_t history_days;
	int64_t workers;           /* 0: twice the processors */
	int64_t queue;             /* messages that may wait for a worker */
	int64_t connections;       /* at most open at once */
	int64_t addr_connections;  /* of them from one address; 0: no limit */
	int64_t body_memory_bytes; /* of all messages being received */
	int64_t hash_parallel;     /* Argon2 runs at once, 64 MiB each */
	const char *auth_first;    /* "basic", "md5" or "mac" */
	/* reminders */
	int64_t alarm_poll_s, alarm_minute_max;
	/* times */
	int64_t header_s, request_s, request_max_s, min_rate_bytes;
	int64_t keepalive_s, stop_s;
	/* reminders by XMPP: "" in xmpp_jid switches it off */
	const char *xmpp_jid, *xmpp_server, *xmpp_secret_file, *xmpp_ca_file;
	const char *xmpp_message; /* "chat", "headline" or "normal" */
	bool xmpp_component, xmpp_allow_plain;
	/* and by mail: "" in smtp_server switches it off */
	const char *smtp_server, *smtp_from, *smtp_user, *smtp_secret_file;
	const char *smtp_ca_file, *smtp_helo;
	const char *smtp_tls; /* "starttls", "implicit" or "none" */
	bool smtp_allow_plain;
	/* gateways that wake devices: "" in a url switches it off */
	const char *kannel_url, *kannel_user, *kannel_secret_file;
	const char *kannel_from;
	const char *ppg_url, *ppg_user, *ppg_secret_file, *ppg_host;
	const char *post_url, *post_secret_file;
	const char *push_ca_file;
	bool push_allow_plain;
	int64_t push_day_max;
	/* people's mail: "" in imap_host leaves it to each account */
	const char *imap_host, *imap_security, *imap_ca_file;
	const char *imap_master_user, *imap_master_password_file;
	bool imap_allow_plain;
	int64_t imap_port, imap_poll_s, imap_lines, imap_workers;
	int64_t mail_days, mail_count, mail_cap_bytes, mail_wait_s;
	int64_t mail_day_messages, mail_day_recipients;
	const char *mail_archive;
	/* process */
	bool allow_root;
	enum log_level log_level;
};

enum srv_conf_type {
	SRV_CONF_TEXT,
	SRV_CONF_LIST, /* words; may go on in further, indented lines */
	SRV_CONF_BOOL,
	SRV_CONF_INT,
	SRV_CONF_BYTES,   /* 500 kB, 10 MB: decimal units */
	SRV_CONF_SECONDS, /* 30 s, 15 min, 24 h, 90 d */
	SRV_CONF_LEVEL,
};

struct srv_conf_key {
	const char *name;
	const char *group; /* heading in the sample and the manual */
	enum srv_conf_type type;
	size_t at;        /* offset in struct srv_conf */
	int64_t min, max; /* numbers only */
	const char *unit; /* of plain numbers, "" where there is none */
	const char *def;
	bool reload; /* SIGHUP takes it over */
	const char *help;
};

extern const struct srv_conf_key srv_conf_keys[];
extern const size_t srv_conf_key_n;

/*
 * path  NULL: $FUNICULAR_CONF, /etc/funicular/funicular.conf, else defaults.
 * Errors (ERR_CONFIG) name file, line, key and what would be right.
 */
int srv_conf_load(struct arena *a, const char *path, struct srv_conf *out,
		  struct err *e);

/* The same from text; `name` stands for the file in errors. */
int srv_conf_parse(struct arena *a, const char *name, struct slice text,
		   struct srv_conf *out, struct err *e);

/* The file that srv_conf_load(NULL) would read; NULL: none. */
const char *srv_conf_find(void);

/* Do both hold the same value for this key? */
bool srv_conf_same(const struct srv_conf_key *k, const struct srv_conf *x,
		   const struct srv_conf *y);

/* The commented sample (docs/funicular.conf) and funicular.conf(5). */
void srv_conf_sample(struct buf *out);
void srv_conf_man(struct buf *out);

#endif
