#include "server/conf.h"

#include "syncml/limits.h"

#define AT(field) offsetof(struct srv_conf, field)
#define NUM(n) #n
#define DEF(n) NUM(n)

/* The defaults stand here as the sample file shows them; the reasons are in
   limits.h. */
_Static_assert(SML_MSG_BYTES_OWN == 500000, "max_message");
_Static_assert(SML_OBJ_BYTES_MAX == 10000000, "max_object");
_Static_assert(SML_SESSION_IDLE_MS == 900 * 1000, "session_idle");

static const char where[] = "Where it answers";
static const char tls[] = "TLS";
static const char data[] = "Data";
static const char limits[] = "Limits";
static const char times[] = "Times";
static const char reminders[] = "Reminders";
static const char xmpp[] = "Reminders by XMPP";
static const char smtp[] = "Reminders by mail";
static const char push[] = "Waking devices";
static const char imap[] = "Mail of the accounts";
static const char process[] = "Process";

/*
 * Every key of the configuration. The order is the order of the sample.
 * docs/funicular.conf and docs/man/funicular.conf.5 are printed from here.
 */
const struct srv_conf_key srv_conf_keys[] = {
	{ "listen", where, SRV_CONF_LIST, AT(listen), 0, 0, "",
	  "127.0.0.1:8880 [::1]:8880", false,
	  "Addresses for devices: numeric address and port, blanks between; * "
	  "for all addresses of the machine. An address may start with http:// "
	  "or https://; without it, it is https where tls_cert is set, else "
	  "http. https-old:// is https with tls_priority_old." },
	{ "admin_listen", where, SRV_CONF_LIST, AT(admin_listen), 0, 0, "",
	  "127.0.0.1:8881", false,
	  "Addresses of /healthz and /metrics, always plain HTTP. Empty "
	  "switches them off. Never give devices a way to it." },
	{ "public_url", where, SRV_CONF_TEXT, AT(public_url), 0, 0, "", "",
	  true,
	  "How devices reach this server, without the path: "
	  "https://sync.example.org. Empty: taken from a trusted proxy's "
	  "headers, else from the address that the device itself used." },
	{ "paths", where, SRV_CONF_LIST, AT(paths), 0, 0, "",
	  "/sync /funambol/ds /syncml /rpc.php", true,
	  "Paths that answer SyncML, all the same. A browser sees a page with "
	  "the device settings there." },
	{ "trusted_proxies", where, SRV_CONF_LIST, AT(trusted_proxies), 0, 0,
	  "", "", true,
	  "Addresses or networks of your own proxies (127.0.0.1 10.0.0.0/8). "
	  "Only what they say about the client's address is believed. Each of "
	  "their connections carries one request." },
	{ "proxy_header", where, SRV_CONF_TEXT, AT(proxy_header), 0, 0, "",
	  "x-forwarded-for", true,
	  "Which header your proxies set: x-forwarded-for (with "
	  "X-Forwarded-Proto and X-Forwarded-Host) or forwarded (RFC 7239). "
	  "The other one is ignored: a client could have made it up." },
	{ "proxy_protocol", where, SRV_CONF_BOOL, AT(proxy_protocol), 0, 0, "",
	  "no", false,
	  "The PROXY protocol is not offered; yes is refused. Let the proxy "
	  "speak HTTP to Funicular and set proxy_header." },

	{ "tls_cert", tls, SRV_CONF_TEXT, AT(tls_cert), 0, 0, "", "", true,
	  "File with the certificate and its chain (PEM). Read again at a "
	  "reload." },
	{ "tls_key", tls, SRV_CONF_TEXT, AT(tls_key), 0, 0, "", "", true,
	  "File with its private key (PEM, no passphrase)." },
	{ "tls_priority", tls, SRV_CONF_TEXT, AT(tls_priority), 0, 0, "",
	  "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2", true,
	  "GnuTLS priority string of https:// addresses." },
	{ "tls_priority_old", tls, SRV_CONF_TEXT, AT(tls_priority_old), 0, 0,
	  "",
	  "NORMAL:-VERS-ALL:+VERS-TLS1.2:+VERS-TLS1.1:+VERS-TLS1.0:+3DES-CBC"
	  ":+SHA1:+SIGN-RSA-SHA1:%COMPAT",
	  true,
	  "The same for https-old:// addresses: phones that speak nothing "
	  "newer than TLS 1.0. See docs/admin-tls.md before you use it." },
	{ "allow_plain", tls, SRV_CONF_BOOL, AT(allow_plain), 0, 0, "", "no",
	  false,
	  "Allow plain HTTP on an address that is not loopback. Passwords and "
	  "data then cross the network readable; only for networks that you "
	  "trust, or phones without TLS." },

	{ "store", data, SRV_CONF_TEXT, AT(store), 0, 0, "",
	  "sqlite:/var/lib/funicular/funicular.db", false,
	  "The database: sqlite: and a file, or postgres: and libpq's words, "
	  "such as \"postgres:host=/run/postgresql dbname=funicular\" or "
	  "\"postgresql://funicular@db.example.net/funicular\"; three words "
	  "are "
	  "ours: pool=16 (connections at most), prepare=off (behind a "
	  "pooler in transaction mode) and listen=on (what other nodes write "
	  "is heard at once; behind a pooler listen=HOST:PORT of the database "
	  "itself). A password belongs into the file that "
	  "passfile= names." },
	{ "state_dir", data, SRV_CONF_TEXT, AT(state_dir), 0, 0, "",
	  "/var/lib/funicular", false,
	  "Directory for the database's companions. Made (mode 0700) if it is "
	  "missing." },
	{ "key_file", data, SRV_CONF_TEXT, AT(key_file), 0, 0, "",
	  "/var/lib/funicular/key", false,
	  "Secret of this site, made at the first start. Back it up apart from "
	  "the database: without it MD5 device secrets are lost." },
	{ "rules_file", data, SRV_CONF_TEXT, AT(rules_file), 0, 0, "", "",
	  false, "Rules for devices with quirks, instead of those built in." },
	{ "zone", data, SRV_CONF_TEXT, AT(zone), 0, 0, "", "UTC", false,
	  "Time zone of new accounts (Europe/Berlin)." },
	{ "server_id", data, SRV_CONF_TEXT, AT(server_id), 0, 0, "",
	  "funicular", false,
	  "This server's name towards devices. A device that meets a new name "
	  "may start with a slow sync." },
	{ "node_name", data, SRV_CONF_TEXT, AT(node_name), 0, 0, "", "", false,
	  "What the reports call this daemon, where several serve one "
	  "database. "
	  "Empty: the machine's name." },

	{ "max_message", limits, SRV_CONF_BYTES, AT(max_msg_bytes), 4096,
	  4000000, "bytes", DEF(500000), false,
	  "Largest message that devices are told to send. Up to twice as much "
	  "is taken, since devices count differently." },
	{ "max_object", limits, SRV_CONF_BYTES, AT(max_obj_bytes), 10000,
	  50000000, "bytes", DEF(10000000), false, "Largest single item." },
	{ "quota_bytes", limits, SRV_CONF_BYTES, AT(quota_bytes), 0,
	  INT64_C(1000000000000), "bytes", "0", false,
	  "Space for the items of a new account; 0: no limit." },
	{ "quota_items", limits, SRV_CONF_INT, AT(quota_items), 0, 100000000,
	  "items", "0", false, "Items of a new account; 0: no limit." },
	{ "history", limits, SRV_CONF_INT, AT(history_days), 1, 36500, "days",
	  "90", true, "How long former states of items are kept for undo." },
	{ "workers", limits, SRV_CONF_INT, AT(workers), 0, 512, "threads", "0",
	  false, "Threads that handle messages; 0: twice the processors." },
	{ "queue", limits, SRV_CONF_INT, AT(queue), 1, 100000, "messages",
	  "256", false,
	  "Messages that may wait for a worker; beyond it devices get 503 and "
	  "come again." },
	{ "connections", limits, SRV_CONF_INT, AT(connections), 4, 100000,
	  "connections", "2000", false,
	  "Connections open at once. Each takes about 9 kB, more with TLS." },
	{ "connections_per_address", limits, SRV_CONF_INT, AT(addr_connections),
	  0, 100000, "connections", "100", false,
	  "Of them from one address; 0: no limit. Not counted on loopback "
	  "addresses and where trusted_proxies is set. Mobile networks put "
	  "many phones behind one address." },
	{ "body_memory", limits, SRV_CONF_BYTES, AT(body_memory_bytes), 1000000,
	  INT64_C(1000000000000), "bytes", DEF(64000000), true,
	  "Memory for all messages that are being received; beyond it devices "
	  "get 503 and come again." },
	{ "hash_parallel", limits, SRV_CONF_INT, AT(hash_parallel), 1, 64,
	  "passwords", "2", false,
	  "Passwords checked at once; each takes 64 MiB and a tenth of a "
	  "second." },
	{ "auth_first", limits, SRV_CONF_TEXT, AT(auth_first), 0, 0, "",
	  "basic", false,
	  "What devices that say nothing are asked for: basic (the password, "
	  "so use HTTPS), md5, or mac (MD5 over the whole message, in the "
	  "header x-syncml-hmac). md5 and mac work only with secrets made for "
	  "it (funicular device add --md5)." },

	{ "session_idle", times, SRV_CONF_SECONDS, AT(session_idle_s), 30,
	  86400, "s", "900", false,
	  "A sync session ends when its device is silent for so long." },
	{ "header_time", times, SRV_CONF_SECONDS, AT(header_s), 1, 3600, "s",
	  "15", true,
	  "From the connection, or the first line of a further request, to the "
	  "end of its headers." },
	{ "request_time", times, SRV_CONF_SECONDS, AT(request_s), 1, 3600, "s",
	  "30", true,
	  "For a request's body, plus what min_rate grants for the bytes that "
	  "came; the same again for the answer." },
	{ "min_rate", times, SRV_CONF_INT, AT(min_rate_bytes), 1, 1000000000,
	  "bytes/s", "500", true,
	  "Slowest client that is served: a GSM phone has 1,000." },
	{ "request_time_max", times, SRV_CONF_SECONDS, AT(request_max_s), 1,
	  86400, "s", "1200", true,
	  "No request, and no answer, takes longer, whatever its size." },
	{ "keepalive", times, SRV_CONF_SECONDS, AT(keepalive_s), 1, 3600, "s",
	  "60", true,
	  "An idle connection is closed after so long; after a quarter of it "
	  "while three quarters of `connections` are open." },
	{ "stop_time", times, SRV_CONF_SECONDS, AT(stop_s), 0, 3600, "s", "30",
	  true,
	  "At a stop, how long requests that are being received may still "
	  "take. Messages that are being handled always finish." },

	{ "alarm_poll", reminders, SRV_CONF_SECONDS, AT(alarm_poll_s), 1, 10,
	  "s", "5", false,
	  "How long a reminder, or a change to somebody's mail, that another "
	  "process wrote (an import, a command, another node) may stay unseen "
	  "here. Each look is two statements; with listen=on in `store` it is "
	  "not waited for." },
	{ "alarm_per_minute", reminders, SRV_CONF_INT, AT(alarm_minute_max), 1,
	  1000, "messages", "20", false,
	  "Reminders to one person within a minute; what is more comes as one "
	  "list." },
	{ "xmpp_jid", xmpp, SRV_CONF_TEXT, AT(xmpp_jid), 0, 0, "", "", false,
	  "Address that sends reminders: an account (reminder@example.org), or "
	  "any name of a component's domain. Empty switches XMPP off." },
	{ "xmpp_component", xmpp, SRV_CONF_BOOL, AT(xmpp_component), 0, 0, "",
	  "no", false,
	  "Be an external component of the XMPP server (XEP-0114) instead of "
	  "an account. Its line has no TLS: keep it on one machine." },
	{ "xmpp_server", xmpp, SRV_CONF_TEXT, AT(xmpp_server), 0, 0, "", "",
	  false,
	  "Host and port of the XMPP server. Empty: the domain of xmpp_jid at "
	  "port 5222, a component's at 127.0.0.1:5347. SRV records are not "
	  "looked up." },
	{ "xmpp_secret_file", xmpp, SRV_CONF_TEXT, AT(xmpp_secret_file), 0, 0,
	  "", "", false,
	  "File whose first line is the account's password, or the component's "
	  "secret. Nobody else may read it." },
	{ "xmpp_ca_file", xmpp, SRV_CONF_TEXT, AT(xmpp_ca_file), 0, 0, "", "",
	  false,
	  "Certificates (PEM) that may vouch for the XMPP server. Empty: those "
	  "that the system trusts. The certificate must name the domain of "
	  "xmpp_jid." },
	{ "xmpp_allow_plain", xmpp, SRV_CONF_BOOL, AT(xmpp_allow_plain), 0, 0,
	  "", "no", false,
	  "Go without TLS where the server offers none and is not on loopback; "
	  "for a component on another machine. Everybody on the way can read "
	  "the reminders then." },
	{ "xmpp_message", xmpp, SRV_CONF_TEXT, AT(xmpp_message), 0, 0, "",
	  "chat", false,
	  "Kind of the messages: chat, headline (pops up and is not kept for "
	  "users who are offline) or normal." },

	{ "smtp_server", smtp, SRV_CONF_TEXT, AT(smtp_server), 0, 0, "", "",
	  false,
	  "Host and port of a mail server that takes submissions "
	  "(mail.example.org:587). Empty switches mail off." },
	{ "smtp_tls", smtp, SRV_CONF_TEXT, AT(smtp_tls), 0, 0, "", "starttls",
	  false,
	  "starttls, implicit (TLS from the first byte, port 465) or none "
	  "(loopback only, see smtp_allow_plain)." },
	{ "smtp_from", smtp, SRV_CONF_TEXT, AT(smtp_from), 0, 0, "", "", false,
	  "Mail address of the sender." },
	{ "smtp_user", smtp, SRV_CONF_TEXT, AT(smtp_user), 0, 0, "", "", false,
	  "Name to log in with. Empty: no login." },
	{ "smtp_secret_file", smtp, SRV_CONF_TEXT, AT(smtp_secret_file), 0, 0,
	  "", "", false,
	  "File whose first line is the password. Nobody else may read it." },
	{ "smtp_ca_file", smtp, SRV_CONF_TEXT, AT(smtp_ca_file), 0, 0, "", "",
	  false,
	  "Certificates (PEM) that may vouch for the mail server. Empty: those "
	  "that the system trusts." },
	{ "smtp_helo", smtp, SRV_CONF_TEXT, AT(smtp_helo), 0, 0, "", "", false,
	  "Name that the mail server is greeted with. Empty: the domain of "
	  "smtp_from." },
	{ "smtp_allow_plain", smtp, SRV_CONF_BOOL, AT(smtp_allow_plain), 0, 0,
	  "", "no", false,
	  "With smtp_tls = none, go to a server that is not on loopback, "
	  "too." },

	{ "kannel_url", push, SRV_CONF_TEXT, AT(kannel_url), 0, 0, "", "",
	  false,
	  "Kannel's sendsms, for notices by SMS "
	  "(http://127.0.0.1:13013/cgi-bin/sendsms). Empty switches it off." },
	{ "kannel_user", push, SRV_CONF_TEXT, AT(kannel_user), 0, 0, "", "",
	  false, "Name of Kannel's sendsms-user." },
	{ "kannel_secret_file", push, SRV_CONF_TEXT, AT(kannel_secret_file), 0,
	  0, "", "", false,
	  "File whose first line is its password. Nobody else may read it." },
	{ "kannel_from", push, SRV_CONF_TEXT, AT(kannel_from), 0, 0, "", "",
	  false, "Sender's number. Empty: Kannel's own." },
	{ "ppg_url", push, SRV_CONF_TEXT, AT(ppg_url), 0, 0, "", "", false,
	  "A push proxy gateway that speaks PAP "
	  "(http://127.0.0.1:8080/wappush). Empty switches it off." },
	{ "ppg_user", push, SRV_CONF_TEXT, AT(ppg_user), 0, 0, "", "", false,
	  "Name to log in with, which goes into the query. Empty: no login." },
	{ "ppg_secret_file", push, SRV_CONF_TEXT, AT(ppg_secret_file), 0, 0, "",
	  "", false,
	  "File whose first line is the password. Nobody else may read it." },
	{ "ppg_host", push, SRV_CONF_TEXT, AT(ppg_host), 0, 0, "", "localhost",
	  false, "Host that stands behind the @ of an address." },
	{ "post_url", push, SRV_CONF_TEXT, AT(post_url), 0, 0, "", "", false,
	  "Where notices are sent by POST, for gateways of your own; {to} in "
	  "it becomes the device's address. Empty switches it off." },
	{ "post_secret_file", push, SRV_CONF_TEXT, AT(post_secret_file), 0, 0,
	  "", "", false,
	  "File whose first line goes along as a bearer token. Nobody else may "
	  "read it." },
	{ "push_day_messages", push, SRV_CONF_INT, AT(push_day_max), 0, 10000,
	  "messages", "50", false,
	  "SMS to one device within 24 hours, by kannel and ppg; what is more "
	  "waits. 0: any number. A device may have a limit of its own "
	  "(funicular push set)." },
	{ "push_ca_file", push, SRV_CONF_TEXT, AT(push_ca_file), 0, 0, "", "",
	  false,
	  "Certificates (PEM) that may vouch for these gateways. Empty: those "
	  "that the system trusts." },
	{ "push_allow_plain", push, SRV_CONF_BOOL, AT(push_allow_plain), 0, 0,
	  "", "no", false,
	  "Go to gateways without TLS that are not on loopback. Everybody on "
	  "the way can read the passwords then." },
	{ "imap_host", imap, SRV_CONF_TEXT, AT(imap_host), 0, 0, "", "", false,
	  "IMAP server of accounts that have none of their own (funicular mail "
	  "set). Its certificate must name it." },
	{ "imap_port", imap, SRV_CONF_INT, AT(imap_port), 0, 65535, "", "0",
	  false, "Its port; 0: 993 with tls, else 143." },
	{ "imap_security", imap, SRV_CONF_TEXT, AT(imap_security), 0, 0, "",
	  "tls", false,
	  "tls (from the first byte), starttls or none (loopback only, see "
	  "imap_allow_plain)." },
	{ "imap_ca_file", imap, SRV_CONF_TEXT, AT(imap_ca_file), 0, 0, "", "",
	  false,
	  "Certificates (PEM) that may vouch for IMAP servers. Empty: those "
	  "that the system trusts." },
	{ "imap_allow_plain", imap, SRV_CONF_BOOL, AT(imap_allow_plain), 0, 0,
	  "", "no", false,
	  "With imap_security = none, go to a server that is not on loopback, "
	  "too. Passwords and mail then cross the network readable." },
	{ "imap_master_user", imap, SRV_CONF_TEXT, AT(imap_master_user), 0, 0,
	  "", "", false,
	  "Name that may log in for all users (Dovecot's master user, one of "
	  "Cyrus' proxyservers). Accounts without a password of their own use "
	  "it, so that none has to be kept here." },
	{ "imap_master_password_file", imap, SRV_CONF_TEXT,
	  AT(imap_master_password_file), 0, 0, "", "", false,
	  "File whose first line is its password. Nobody else may read it." },
	{ "imap_poll", imap, SRV_CONF_SECONDS, AT(imap_poll_s), 10, 86400, "s",
	  "5 min", false,
	  "How often folders are looked at of which the server does not tell "
	  "by "
	  "itself that something came: the inbox without IDLE, others without "
	  "NOTIFY." },
	{ "imap_lines", imap, SRV_CONF_INT, AT(imap_lines), 0, 100000,
	  "connections", "2000", false,
	  "Mailboxes that this node keeps a line to, to hear of new mail at "
	  "once. The others are looked at each imap_poll. 0: none." },
	{ "imap_workers", imap, SRV_CONF_INT, AT(imap_workers), 1, 64,
	  "threads", "4", false, "Mailboxes that are worked on at once." },
	{ "mail_days", imap, SRV_CONF_INT, AT(mail_days), 0, 36500, "days",
	  "30", false,
	  "How far back mail of an account is kept ready for its devices, "
	  "unless it says otherwise; 0: all." },
	{ "mail_count", imap, SRV_CONF_INT, AT(mail_count), 0, 100000, "mails",
	  "500", false, "And how many of each folder at most; 0: all." },
	{ "mail_cap", imap, SRV_CONF_BYTES, AT(mail_cap_bytes), 1000, 50000000,
	  "bytes", "500 kB", false,
	  "Of a longer mail the rest is fetched when a device asks for it." },
	{ "mail_wait", imap, SRV_CONF_SECONDS, AT(mail_wait_s), 0, 10, "s",
	  "2 s", false,
	  "A device that asks for mail waits so long for a look at the "
	  "mailbox, "
	  "where the server does not tell of news by itself; 0: never." },
	{ "mail_day_messages", imap, SRV_CONF_INT, AT(mail_day_messages), 0,
	  1000000, "mails", "200", false,
	  "Mails that an account may send within 24 hours; 0: none at all." },
	{ "mail_day_recipients", imap, SRV_CONF_INT, AT(mail_day_recipients), 0,
	  1000000, "recipients", "500", false,
	  "And their recipients. A stolen phone is no source of spam." },
	{ "mail_archive", imap, SRV_CONF_TEXT, AT(mail_archive), 0, 0, "", "",
	  false,
	  "Address that gets a copy of each mail that a device sends (a blind "
	  "one), and by mail of each reminder." },

	{ "allow_root", process, SRV_CONF_BOOL, AT(allow_root), 0, 0, "", "no",
	  false,
	  "Let the daemon run as root (in a container, say). It never needs "
	  "to: for a port below 1024 use systemd's socket activation." },
	{ "log_level", process, SRV_CONF_LEVEL, AT(log_level), 0, 0, "", "info",
	  true, "debug, info, warning or error; to standard error." },
};

const size_t srv_conf_key_n = sizeof(srv_conf_keys) / sizeof(srv_conf_keys[0]);
