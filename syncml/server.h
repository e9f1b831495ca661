/*
 * The server's side of SyncML: one message in, one message out.
 *
 * The protocol does no I/O of its own: what it is given is the message, a
 * store, a clock, randomness and the process's secrets; what it gives back is
 * the reply's bytes, which are committed in the store before they are returned.
 */
#ifndef SYNCML_SERVER_H
#define SYNCML_SERVER_H

#include "backends/store.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "pim/pim.h"
#include "syncml/limits.h"
#include "syncml/login.h"
#include "syncml/node.h"

enum sml_mail_word {
	SML_MAIL_WORK = 1,    /* something is to be done at the mailbox */
	SML_MAIL_ASKED = 2,   /* a device began to sync it */
	SML_MAIL_FOLDERS = 4, /* ... and not its inbox alone */
};

struct sml_server_conf {
	int64_t max_msg_bytes; /* we take at most; announced as MaxMsgSize */
	int64_t max_obj_bytes; /* one item; announced as MaxObjSize */
	int64_t session_idle_ms;
	/* What a device without credentials is asked for: SML_AUTH_BASIC (as
	   is 0), _MD5 or _MAC. The latter two work only for secrets that allow
	   it. */
	enum sml_auth auth_first;
	/* What answers an alert for refresh-from-client whose anchors fail:
	   false: 201 (slow, keeps everything), true: 203. */
	bool strict_508;
	struct slice man, mod; /* DevInf: "Funicular" ... */
	/* The site's name: in DevInf, and as the user that we are towards a
	   device that wants to know who we are. */
	struct slice devid;
};

struct sml_server {
	struct store *store;
	const struct clk *clk;
	struct rnd *rnd;
	struct log *log;
	struct sml_secrets *secrets;
	const struct pim_rules *rules;
	const struct sml_server_conf *conf;
	/*
	 * A call of the store failed that may work in a moment, and nothing of
	 * the message was done or nobody can know. Waits a little and returns
	 * true: it is tried once more, as if the client had sent it again (what
	 * was done after all is found and answered from the store). False: 503.
	 * tries: so far, from 1. NULL: never again.
	 */
	bool (*again)(void *ctx, unsigned tries);
	void *again_ctx;
	/* Committed: something happened to this account's mail (bits of enum
	   sml_mail_word); NULL: nobody asks. */
	void (*mail)(void *ctx, int64_t account, unsigned words);
	void *mail_ctx;
};

struct sml_request {
	struct slice content_type;
	struct slice body;
	struct slice token;    /* value of "s" in the URL's query, or empty */
	struct slice peer;     /* the client's address, behind proxies too */
	struct slice mac;      /* header x-syncml-hmac, or empty */
	struct slice base_url; /* public URL of this path for RespURI; empty:
				  take the Target of the message */
};

struct sml_reply {
	int http; /* 200, or 400, 413, 415, 500, 503 with a text body */
	struct slice content_type;
	struct slice body; /* http 200: may be empty (NoResp) */
	struct slice mac;  /* header x-syncml-hmac; empty: none */
	int retry_after_s; /* with 503 */
	/* The account whose mail the device asked for: the answer may wait a
	   little for a look at the mailbox; 0: it may not. */
	int64_t mail;
	/* For the access log. */
	struct slice user, dev_id, sid;
	struct slice note; /* "msg 2: 3 added, 1 replaced", or the error */
	bool duplicate;    /* the stored answer went out again */
	unsigned tries;    /* 1, and more where the store failed */
	/* For metrics. */
	unsigned items_in, items_out;
	bool session_began; /* credentials were good: a session is new */
	bool session_ended; /* by this message, well or not */
};

/*
 * Handle one message. Always fills *out; safe from any thread, one arena each.
 * The reply's slices live in the arena.
 */
void sml_server_handle(const struct sml_server *srv, struct arena *a,
		       const struct sml_request *rq, struct sml_reply *out);

#endif
