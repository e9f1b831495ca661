/*
 * A model phone and a server in one process: the tests drive sessions message
 * by message, lose replies, break off, and look at what both sides hold.
 */
#ifndef TESTS_SYNCML_PHONE_H
#define TESTS_SYNCML_PHONE_H

#include "syncml/msg.h"
#include "syncml/server.h"
#include "tests/postgres/place.h"

struct bench {           /* the server's side */
	struct arena *a; /* of the whole test */
	char dir[64];
	struct place place; /* of its store */
	struct store *store;
	struct clk clk;
	int64_t now;
	struct rnd_seeded rnd;
	struct sml_secrets secrets;
	struct pim_rules *rules;
	struct sml_server_conf conf;
	struct sml_server srv;
	int64_t account;
	/* Before the server sees a message; may be NULL. */
	void (*before)(struct bench *b);
};

void bench_open(struct bench *b);
void bench_close(struct bench *b);
/* The newest session of the account, read in this transaction. */
struct store_session *bench_session(struct bench *b, struct store_tx *tx);
/* A folder of a mailbox, with the collection that shows it: its id. */
int64_t bench_folder(struct store_tx *tx, const char *name, const char *display,
		     enum store_mail_role role);
/* The account "anna", as bench_open() made it; after it was erased. */
void bench_account(struct bench *b);

enum { PHONE_ITEMS = 5000 };

struct phone_item {
	char luid[16];
	struct slice body;
	struct slice parent; /* id of its folder; empty: none */
	bool live;
	char change; /* 'A', 'R', 'D' since the last sync; 0: none */
	bool said;   /* sent in the session that broke, and answered */
};

struct phone {
	struct bench *b;
	const char *dev, *db, *type;
	const char *filter; /* XML inside the Alert's Target, or NULL */
	const char *devinf; /* what its Put says inside DevInf, or NULL */
	int version;        /* 10, 11, 12 */
	int max_msg;        /* 0: none announced */
	bool no_obj;        /* beside it it announces no MaxObjSize */
	int per_msg;        /* items in one message; 0: all */
	bool no_map;        /* it never sends Map */
	bool no_respuri;
	bool field_level;   /* its items say so in their Meta */
	bool b64;           /* its items are Base64, and so must ours be */
	bool no_status;     /* it sends no Status for our items */
	char last[32];      /* anchor of its last good sync */
	char peer_last[40]; /* the server's Next of that sync */
	int anchor;         /* counts */
	bool same_second;   /* its clock stands: the anchor stays as it is */
	int sid;
	int next_luid;
	struct phone_item item[PHONE_ITEMS];
	size_t n;
	/* The session that runs: */
	int msgid;
	char token[80];
	struct buf out; /* commands of the next message */
	int cmdid;
	struct sml_msg *reply;
	struct slice reply_bytes;
	struct slice sent_bytes;
	struct sml_reply raw;
	int alert; /* what the server does */
	char server_last[40], server_next[40];
	struct slice partial; /* of a large object coming in */
	/* What a resume (phone_sync with 225) goes on with: */
	struct slice maps; /* that the broken session did not send */
	bool wiped;        /* for its refresh from the server */
	/* What it saw in the last sync: */
	int got_soft;      /* of the Deletes: with SftDel */
	int refuse_soft;   /* Status for them; 0: it removes the item */
	int64_t announced; /* NumberOfChanges; -1: none */
	int got_add, got_replace, got_delete, sent_n, messages;
	int alert_status;
	int bad_status; /* first item status of 300 and more */
	/* Break off: before message n's answer reaches it (0: never). */
	int lose_reply_of;
	size_t largest;       /* answer of the last sync, in bytes */
	int retries, retried; /* of messages that were answered by 503 */
	bool broken;
};

void phone_init(struct phone *p, struct bench *b, const char *dev);
/* Change its items as its user would. Returns the item. */
struct phone_item *phone_add(struct phone *p, const char *body);
struct phone_item *phone_find(struct phone *p, const char *text);
void phone_edit(struct phone_item *it, const char *body, struct phone *p);
void phone_delete(struct phone_item *it);
size_t phone_live(const struct phone *p);
/* One whole sync; false: it broke off (lose_reply_of). */
bool phone_sync(struct phone *p, int alert);
/* Send raw bytes to the server. */
void bench_post(struct bench *b, struct slice body, struct slice token,
		struct sml_reply *out);
/* vCard 3.0 of a name and a number. */
const char *card(struct bench *b, const char *name, const char *tel,
		 const char *more);

#endif
