/*
 * Inside of the client engine; only clients/client_*.c include this.
 */
#ifndef CLIENTS_CLIENT_INT_H
#define CLIENTS_CLIENT_INT_H

#include "clients/client.h"
#include "syncml/devinf.h"

enum {
	CLI_LOCAL_ARENA = 512 * 1024 * 1024, /* a session of 10 MB objects */
	CLI_SEND_DEFAULT = 60000, /* when the server names no MaxMsgSize */
	CLI_SEND_MIN = 1000,      /* below it nothing can be said */
	CLI_IDLE_ROUNDS = 20,     /* nothing new in so many replies: give up */
	CLI_AUTH_TRIES = 3,
	CLI_CHUNK_MIN = 256, /* a smaller chunk is not worth its frame */
};

enum cli_phase {
	CLI_P_INIT, /* package 1 goes out, package 2 comes in */
	CLI_P_SYNC, /* package 3 goes out */
	CLI_P_RECV, /* package 4 comes in */
	CLI_P_MAP,  /* package 5 goes out */
	CLI_P_LAST, /* its Final went out */
	CLI_P_OVER,
};

/* One database in this session. */
struct cli_run {
	struct cli_db *db;
	int alert_status; /* of our Alert; 0: none yet */
	bool server_alert;
	bool active;   /* takes part in packages 3 to 5 */
	bool distrust; /* server's Last is not the one we know: 508 */
	struct slice next_client; /* our anchors of this session */
	struct slice next_server;
	/* package 3 */
	size_t changes;
	bool opened; /* a Sync went out */
	bool sent_all;
	struct arena *item; /* holds `now` */
	struct cli_change now;
	bool have;         /* `now` waits for room, or is under way in chunks */
	struct slice wire; /* its data as it goes out */
	bool b64;
	size_t off; /* of `wire`: so much went out */
	bool chunking;
	/* maps: [0, early_n) are of earlier sessions */
	struct cli_map *maps;
	size_t map_n, map_cap, map_out; /* map_out: so many went out */
	size_t early_n;
};

/* A command of ours that waits for its Status. */
struct cli_sent {
	enum sml_tag tag; /* SML_UNKNOWN: answered, or never to be */
	struct cli_run *run;
	enum cli_op op;
	struct slice luid;
	bool chunk;             /* not the last one */
	size_t map_from, map_n; /* of run->maps */
};

/* A message of ours, kept until it was answered whole. */
struct cli_out {
	struct cli_out *next;
	struct arena *a;
	int64_t msgid;
	struct buf cmds; /* what follows SyncHdr's Status */
	struct slice bytes;
	struct cli_sent *sent; /* [cmdid]; the first two are the header's */
	size_t sent_n, sent_cap, waiting;
	bool final;
	bool full;
	size_t room; /* bytes that cmds may have */
};

/* A Status that we owe. */
struct cli_owed {
	struct cli_owed *next;
	int64_t msgref;
	struct slice cmdref;
	enum sml_tag cmd;
	struct slice target, source;
	struct slice anchor; /* Next of an Alert; empty: none */
	int code;
};

/* An object that comes in chunks. */
struct cli_object {
	bool open;
	int refused; /* status of one that is not taken; 0: none */
	struct arena *a;
	struct buf b;
	struct cli_run *run;
	enum cli_op op;
	struct slice guid, luid, mime, format;
	int64_t size; /* as announced; -1: not */
};

struct cli {
	const struct cli_conf *conf;
	struct cli_run *runs;
	size_t run_n;
	enum cli_phase phase;
	enum cli_verdict verdict;
	struct arena *life; /* as long as the session */
	struct arena *in;   /* one reply */
	struct arena *hold; /* what we owe; emptied when nothing is owed */
	struct sml_doc doc;
	struct slice url; /* the next message goes there */
	struct slice sid;
	int64_t msgid; /* of our last message */
	unsigned messages;
	unsigned idle;
	int64_t got_msgid; /* of the server's last message */
	struct slice got_source, got_target;
	bool got_noresp;
	bool got_any;

	struct cli_out *out; /* the one under way: newest first */
	bool ready;          /* out->bytes are to be sent */
	struct slice mac;    /* that goes with them */
	bool again;          /* its commands once more, under a new header */
	bool restart;        /* from message 1 in a lower version */
	bool short_memory;   /* a Status could not be noted */

	struct cli_owed *owed, **owed_tail;
	bool ask_222;
	struct slice alert_223; /* our name of the object that broke off */
	struct cli_run *alert_223_run;
	struct slice results_for; /* CmdRef of the server's Get; empty: none */
	int64_t results_msgref;

	enum sml_auth auth;
	struct slice nonce;
	bool has_nonce;
	bool authed;    /* 212: no more credentials */
	bool cred_sent; /* in the last message */
	unsigned tries;
	/* auth-MAC: our challenges to the server, one a message: the one that
	   its next answer must show, and the one that it is told then. */
	char asked[25], ask[25];

	int64_t peer_msg_bytes, peer_obj_bytes; /* -1: not said */
	struct cli_peer peer;

	uint64_t devinf_hash, devinf_known;
	bool put_sent;
	bool suspend, suspending;
	struct cli_object obj;
};

/* client_out.c */
int cli_build(struct cli *c, struct err *e);
bool cli_emit(struct cli *c, struct cli_out *m, struct sml_cmd *cmd,
	      const struct cli_sent *sent);
/* A place among the commands of a message that await their Status. */
bool cli_remember(struct cli_out *m, const struct cli_sent *sent);
int cli_assemble(struct cli *c, struct cli_out *m, struct err *e);
void cli_out_drop(struct cli *c, struct cli_out *m);

/* client_sync.c: package 3 and the maps */
int cli_fill_sync(struct cli *c, struct cli_out *m, struct err *e);
int cli_fill_maps(struct cli *c, struct cli_out *m, bool early, struct err *e);
bool cli_maps_left(const struct cli_run *r);
int cli_add_map(struct cli *c, struct cli_run *r, struct slice guid,
		struct slice luid, struct err *e);

/* client_in.c: commands of a reply */
int cli_on_commands(struct cli *c, const struct sml_msg *m, struct err *e);
struct cli_owed *cli_owe(struct cli *c, const struct sml_cmd *cmd,
			 struct slice target, struct slice source, int code);
struct cli_run *cli_find_run(struct cli *c, struct slice local,
			     struct slice remote);
void cli_run_fail(struct cli_run *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* client_auth.c */
int cli_sign(struct cli *c, struct err *e);
/* The challenge in our Status for the server's header. */
void cli_ask(struct cli *c, struct arena *a, struct sml_cmd *status);

/* client_status.c: Status of our commands */
bool cli_is_header_status(const struct sml_cmd *s);
/* May set c->again or c->restart. */
int cli_on_header_status(struct cli *c, const struct sml_cmd *s, struct err *e);
int cli_on_status(struct cli *c, const struct sml_cmd *s, struct err *e);

/* client_items.c: Sync of the server */
int cli_on_sync(struct cli *c, const struct sml_cmd *sync, struct err *e);

/* client_devinf.c */
struct sml_node *cli_devinf_node(struct cli *c, struct arena *a);
int cli_devinf_item(struct cli *c, struct arena *a, struct sml_item *item,
		    struct sml_meta *meta, struct err *e);
const char *cli_devinf_uri(const struct cli *c);
void cli_devinf_got(struct cli *c, const struct sml_cmd *cmd);

/* client_story.c */
void cli_say(const struct cli *c, char who, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void cli_story_in(const struct cli *c, const struct sml_msg *m);
const char *cli_status_text(int code);
/* Small value printed into a static-sized buffer, cut and made printable. */
struct cli_text {
	char s[96];
};
struct cli_text cli_show(struct slice s);

/* base: sent only by ours */
static inline bool
cli_code_ok(int code)
{
	return (code >= 200 && code < 300) || code == 418 || code == 419;
}

#endif
