/*
 * People's mail: a mirror of what lies on their IMAP servers, what devices did
 * to it carried out there, and what they wrote sent. A few threads of each
 * node.
 *
 * The idea: nothing here runs while a device waits, and no transaction is open
 * while a server is spoken to. Rows decide: a login that is due is looked at
 * by the node that holds its bucket; an effect is a row until it has happened,
 * and what may have happened already is looked up before it is done again.
 * Between two looks the server tells of news itself (IDLE); such a line costs
 * a descriptor and a few kilobytes, and no thread.
 */
#ifndef SERVER_MAIL_MAIL_H
#define SERVER_MAIL_MAIL_H

#include "backends/mailbox.h"
#include "backends/store.h"
#include "backends/submission.h"
#include "base/clock.h"
#include "base/log.h"
#include "server/conf.h"
#include "server/later.h"

struct srv_secrets;

enum {
	/* A line is renewed before servers may hang up (30 minutes). */
	SRV_MAIL_IDLE_MS = 28 * 60 * 1000,
	/* A session pokes a mirror that is older than this. */
	SRV_MAIL_STALE_MS = 3 * 1000,
};

/* What it takes to reach mailboxes; also for the commands. */
struct srv_mail_env {
	struct store *store;
	const struct clk *clk;
	struct log *log;
	const struct srv_conf *conf;
	struct srv_secrets *secrets;
	/* Opens the way out for messages; NULL: there is none. */
	int (*submitter)(const struct srv_conf *conf,
			 bool (*give_up)(void *ctx), void *ctx,
			 struct submitter **out, struct err *e);
	struct mbox_trust *trust;
	char master_secret[1024];
};

/* Reads certificates and the master user's password; the other members are
   set. ERR_CONFIG: what the configuration says of it cannot work. */
int srv_mail_env_open(struct srv_mail_env *env, struct err *e);
void srv_mail_env_close(struct srv_mail_env *env);

/* ---- an account's login -------------------------------------------------- */

/* Host, port, security, user and edges as they are in force: the login's own,
   else the site's. ERR_CONFIG: something is missing, in a sentence. */
int srv_mail_effective(const struct srv_mail_env *env, struct arena *a,
		       struct slice account_user,
		       const struct store_mail_login *own,
		       struct store_mail_login *out, struct err *e);

struct srv_mail_wait { /* who gives up; wake -1: nobody */
	int wake;
	bool (*give_up)(void *ctx);
	void *ctx;
};
/* l: as it is in force. */
int srv_mail_connect(const struct srv_mail_env *env, struct arena *a,
		     const struct store_mail_login *l,
		     const struct srv_mail_wait *w, struct mbox **out,
		     struct err *e);

/*
 * Set one key of the login (made if there is none), or with an empty value
 * give it back to the site. ERR_NOTFOUND: no such key; ERR_PARSE: not a value
 * for it, with a sentence.
 */
int srv_mail_set(const struct srv_mail_env *env, struct store_tx *tx,
		 struct arena *a, struct slice key, struct slice value,
		 struct err *e);

/* No mail for this account any more: its items go from the devices. */
int srv_mail_drop(const struct srv_mail_env *env, struct store_tx *tx,
		  struct arena *a, struct err *e);

struct srv_mail_key { /* for help and manuals; NULL at the end */
	const char *key, *takes, *means;
};
extern const struct srv_mail_key srv_mail_keys[];

const char *srv_mail_health_name(enum store_mail_health h);
const char *srv_mail_role_name(enum store_mail_role r);

/* ---- the threads --------------------------------------------------------- */

struct srv_mail;

/* node: unique to this run; before: the last run of this node, or empty. Both
   outlive it. */
int srv_mail_start(const struct srv_mail_env *env, struct slice node,
		   struct slice before, struct srv_mail **out, struct err *e);
void srv_mail_free(struct srv_mail **m);
/* Something is to be done for this account, or a device wants to see news
   (words: enum sml_mail_word): at once, if this node holds its mailbox and does
   not know yet. Any thread. */
void srv_mail_poke(struct srv_mail *m, int64_t account, unsigned words);
/*
 * An answer that may wait for news: true where this node is about to look at
 * the account's mailbox, and its server is not known to be away. Then it goes
 * when the look is over, at the latest after `mail_wait`. Any thread.
 */
bool srv_mail_hold(struct srv_mail *m, int64_t account,
		   struct srv_later *later);
/* Somebody wrote what is due at that instant, here or on another node. Any
   thread. */
void srv_mail_due(struct srv_mail *m, int64_t due_ms);
/* Lines that wait for news. */
size_t srv_mail_lines(struct srv_mail *m);

#endif
