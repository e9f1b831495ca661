/*
 * The client's side of SyncML as an engine without I/O: it makes messages,
 * takes replies, and talks to its databases through struct cli_db_ops. The
 * program funicular-client puts a directory (folder.h), HTTP (http.h) and a
 * state file (state.h) around it; tests and the bench put memory around it.
 *
 * The idea: next() gives the bytes to send, reply() takes what came back, until
 * next() says that the session is over. Sending the same bytes again after a
 * lost reply is the transport's business: they stay valid until reply().
 */
#ifndef CLIENTS_CLIENT_H
#define CLIENTS_CLIENT_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/random.h"
#include "pim/pim.h"
#include "syncml/auth.h"

/* Alert codes of the sync types. */
enum cli_type {
	CLI_TWO_WAY = 200,
	CLI_SLOW = 201,
	CLI_FROM_CLIENT = 202,
	CLI_REFRESH_FROM_CLIENT = 203,
	CLI_FROM_SERVER = 204,
	CLI_REFRESH_FROM_SERVER = 205,
};

/* "two-way", "slow", ...; and back: 0 for an unknown word. */
const char *cli_type_name(int type);
int cli_type_of(const char *word);

enum cli_op { CLI_NONE, CLI_ADD, CLI_REPLACE, CLI_DELETE };

struct cli_change {     /* one of ours, on its way to the server */
	enum cli_op op; /* CLI_NONE: there are no more */
	struct slice luid;
	struct slice body;
	struct slice mime;
};

struct cli_incoming { /* one of the server's */
	enum cli_op op;
	struct slice guid; /* its id; empty where it names only ours */
	struct slice luid; /* our id; empty for an Add */
	struct slice body;
	struct slice mime;
	/* out: the status to answer, and the id that an Add was given (also a
	   Replace that had to be stored as new): it goes into a Map. */
	int status;
	struct slice new_luid;
};

struct cli_map {
	struct slice guid, luid;
};

struct cli_counts {
	unsigned add, replace, del;
};

struct cli_db;

/*
 * What a database does. What a function reports as done must be durable when
 * it returns; the engine tells the server only afterwards.
 */
struct cli_db_ops {
	/* The sync type is settled: find out what is to be sent. *n changes. */
	int (*start)(struct cli_db *db, int type, size_t *n, struct err *e);
	/* Maps of earlier sessions that were not confirmed. */
	int (*pending)(struct cli_db *db, struct arena *a,
		       struct cli_map **maps, size_t *n, struct err *e);
	/* The next change; its slices live in `a`. */
	int (*next)(struct cli_db *db, struct arena *a, struct cli_change *out,
		    struct err *e);
	/* The server's status for the change of that LUID (once per change). */
	void (*sent)(struct cli_db *db, struct slice luid, int status);
	/* Do what the server says, a message's worth at a time. */
	int (*apply)(struct cli_db *db, struct arena *a,
		     struct cli_incoming *in, size_t n, struct err *e);
	/* The server has confirmed these maps. */
	int (*mapped)(struct cli_db *db, const struct cli_map *maps, size_t n,
		      struct err *e);
	/* The sync of this database went well: these anchors hold now. */
	int (*finish)(struct cli_db *db, struct slice client,
		      struct slice server, struct err *e);
};

struct cli_db {
	const struct cli_db_ops *ops;
	struct slice local;          /* our name for it: "./contacts" */
	struct slice remote;         /* the server's, as configured */
	enum pim_form form;          /* in which its items are */
	const struct pim_caps *caps; /* for DevInf; NULL: the usual ones */
	bool no_caps;                /* DevInf lists no properties */
	int ask;                     /* enum cli_type */
	struct slice last_client, last_server; /* anchors; empty: none */

	/* out */
	int type; /* what was done; 0: never agreed */
	bool ok;
	char why[160]; /* !ok: what stopped it */
	struct cli_counts sent, received;
	unsigned refused; /* changes that the server did not take */
	unsigned failed;  /* items of the server that we did not take */
};

struct cli_conf {
	struct slice url;    /* Target of the header */
	struct slice dev_id; /* Source */
	struct slice sid;    /* SessionID */
	struct slice user, password;
	enum sml_enc enc;
	int version; /* 10, 11, 12: the highest to use */
	/* SML_AUTH_NONE: start without credentials, follow the challenge */
	enum sml_auth auth;
	bool auth_fixed;       /* never use another scheme than `auth` */
	struct slice nonce;    /* kept from the last session; may be empty */
	int64_t max_msg_bytes; /* announced; 0: not */
	int64_t max_obj_bytes; /* announced, and kept to; 0: not */
	int64_t send_bytes;    /* our own messages; 0: as the server says */
	bool ignore_respuri;
	/* What is known of the server, so that it need not be asked. */
	struct cli_peer {
		bool known;
		bool large_objs, number_of_changes;
	} peer;
	bool never_get;        /* do not ask for the server's DevInf */
	uint64_t devinf_known; /* hash of ours that the server has; 0: none */
	/* DevInf */
	struct slice man, mod, swv, devtyp;
	const struct clk *clk;
	/* A line for people; NULL: silent. '>' ours, '<' theirs, '=' note. */
	void (*say)(void *ctx, char who, const char *line);
	void *say_ctx;
};

enum cli_verdict {
	CLI_RUNNING,
	CLI_DONE,      /* ask each database whether it is ok */
	CLI_SUSPENDED, /* as asked by cli_suspend() */
	CLI_FAILED,    /* the session broke; err says why */
};

struct cli; /* a session */

/* conf and dbs are borrowed until cli_free(). */
int cli_new(const struct cli_conf *conf, struct cli_db *const *dbs, size_t db_n,
	    struct cli **out, struct err *e);
void cli_free(struct cli **c);

/*
 * The next message: its bytes (valid until cli_reply) and where they go.
 * *verdict says CLI_RUNNING while there is one; afterwards it is over.
 */
int cli_next(struct cli *c, struct slice *body, struct slice *url,
	     enum cli_verdict *verdict, struct err *e);

/*
 * The transport header x-syncml-hmac of the message that cli_next() gave, valid
 * as long; empty: it has none.
 */
struct slice cli_mac(const struct cli *c);

/*
 * Before cli_reply(): does the reply's x-syncml-hmac vouch for it? -1
 * (ERR_AUTH): it does not, so it is not from who knows the password. One
 * without such a header passes: servers need not have it.
 */
int cli_check_mac(struct cli *c, struct slice header, struct slice body,
		  struct err *e);

/*
 * What came back. -1 ends the session: ERR_AUTH the server refused the
 * credentials, ERR_UNAVAILABLE it is busy, ERR_PARSE it does not make sense,
 * others from the databases.
 */
int cli_reply(struct cli *c, struct slice content_type, struct slice body,
	      struct err *e);

/* Stop at the next message: Alert 224 in 1.2, silence before. */
void cli_suspend(struct cli *c);

/* What is to be remembered for the next session. */
struct cli_learned {
	enum sml_auth auth;    /* that worked; SML_AUTH_NONE: none needed */
	struct slice nonce;    /* the one to use next; may be empty */
	uint64_t devinf_known; /* hash of ours that the server has now */
	int version;           /* that was spoken */
	struct cli_peer peer;
	unsigned messages; /* sent */
};
void cli_learned(const struct cli *c, struct cli_learned *out);

/* Content-Type of the session's messages. */
const char *cli_content_type(const struct cli *c);

#endif
