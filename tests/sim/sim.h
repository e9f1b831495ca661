/*
 * The simulator: the engine, its store, model devices, a bad network, a wrong
 * clock and crashes in one process and one thread, all decided by one seed.
 *
 * world.c   the server's side: store, faults, clock, edits from elsewhere
 * rec.c     an item as a record of tokens, to and from vCard
 * model.c   what the users did, and what may be left of it (the oracle's half
 *           that knows nothing of the engine)
 * device.c  a device's items, its user, its backups
 * talk.c    a device's session, one message at a time
 * chaos.c   the scenario of one seed
 * judge.c   the oracle
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include "backends/fault.h"
#include "syncml/msg.h"
#include "syncml/server.h"
#include "tests/postgres/place.h"

/* ---- chance ------------------------------------------------------------- */

struct dice {
	uint64_t s;
};

uint64_t dice_next(struct dice *d);
/* 0 .. n-1 */
unsigned dice_below(struct dice *d, unsigned n);
/* true in `percent` of 100 */
bool dice_hits(struct dice *d, unsigned percent);

/* ---- an item as its user sees it ---------------------------------------- */

/*
 * Every value that a user ever types is another token, a number; so one look
 * at an item tells whose edits are in it. NAME and EMAIL are what makes the
 * item this one, and stay.
 */
enum field { F_NAME, F_EMAIL, F_TEL, F_TITLE, F_NOTE, F_URL, FIELDS };
enum { VALUES = 6 };

struct rec {
	uint32_t v[FIELDS][VALUES]; /* tokens, in ascending order */
	uint8_t n[FIELDS];
};

enum { ALL_FIELDS = (1 << FIELDS) - 1 };

struct sim;

bool rec_has(const struct rec *r, enum field f, uint32_t token);
void rec_put(struct rec *r, enum field f, uint32_t token);
void rec_set(struct rec *r, enum field f, uint32_t token); /* 0: clear it */
/* What is left of it on a device that has only these fields. */
struct rec rec_project(const struct rec *r, unsigned fields);
bool rec_same(const struct rec *x, const struct rec *y);
int rec_cmp(const void *x, const void *y);
struct slice rec_write(const struct sim *s, struct arena *a,
		       const struct rec *r, bool old_form);
/* false: it is not what was ever written (the reason is told). */
bool rec_read(struct sim *s, struct slice body, struct rec *out);
const char *rec_show(const struct rec *r, char *buf, size_t n);

/* ---- what the users did ------------------------------------------------- */

enum { ENTS_MAX = 64, DEEDS_MAX = 600, PAIRS_MAX = 30000 };
enum deed_kind { DEED_SET, DEED_CLEAR, DEED_DELETE };

/* One act of a user: a value set (its number is the token), a field cleared,
   an item deleted. */
struct deed {
	enum deed_kind kind;
	unsigned ent;
	enum field field;
	unsigned size;        /* of a NOTE: filler behind the token */
	int dev;              /* -1: elsewhere, on the server's side */
	bool weak;            /* the scenario excuses its loss */
	bool acked;           /* a device has heard that it arrived */
	uint64_t made, heard; /* when: messages so far */
};

struct ent { /* a thing that a user entered, with its copies */
	uint32_t name;
	unsigned copies;
	bool many;  /* nobody can tell that one is another's copy */
	bool loose; /* how many there are cannot be told any more */
};

struct pair { /* this deed replaced that token */
	uint16_t deed, token;
	bool void_;
};

struct model {
	struct deed deed[DEEDS_MAX]; /* 0 is not used */
	unsigned deed_n;
	struct ent ent[ENTS_MAX];
	unsigned ent_n;
	struct pair pair[PAIRS_MAX];
	unsigned pair_n;
};

void model_reset(struct model *m);
bool model_full(const struct model *m);
unsigned model_ent(struct model *m, int dev);
uint32_t model_deed(struct model *m, struct deed d);
/* Deed replaced all tokens of this field. */
void model_over(struct model *m, uint32_t deed, const struct rec *r,
		enum field f);
void model_over_all(struct model *m, uint32_t deed, const struct rec *r);
/* ... and all that this other deed had replaced. */
void model_inherit(struct model *m, uint32_t deed, uint32_t from);
/* What was replaced may come back: of these deeds, of these tokens. */
void model_weaken(struct model *m, uint32_t deed);
void model_revive(struct model *m, uint32_t token, bool sets_too);
/* Nobody knows what this deed replaced. */
void model_forget_over(struct model *m, uint32_t deed);
/* By which kinds of deed? Bits 1 << DEED_*. */
unsigned model_replaced(const struct model *m, uint32_t token);
/* ... by anybody, whether it counts or not? */
bool model_deleted(const struct model *m, unsigned ent);
unsigned model_ent_of(const struct model *m, const struct rec *r);

/* ---- devices ------------------------------------------------------------ */

enum { ITEMS = 96, DEVS = 3, ITEM_DEEDS = 12, CMDS = 200, MAPS = 96 };

struct item {
	bool live;
	int luid;
	struct rec r;
	char change;               /* 'A', 'R', 'D', 0 */
	uint32_t deed[ITEM_DEEDS]; /* not acknowledged */
	unsigned deed_n;
	bool unsure; /* the server does not know that it took its last edit */
	bool ok;     /* its change arrived; it waits for the session's end */
	bool old;    /* of a backup, and no session since */
};

struct traits { /* what kind of device it is */
	int version;
	enum sml_enc enc;
	bool old_form; /* vCard 2.1 */
	unsigned fields;
	bool no_devinf;
	int max_msg; /* 0: none announced */
	int max_obj; /* 0: none */
	int split;   /* sends items larger than this in pieces; 0: never */
	int per_msg;
	bool no_map, no_status, no_respuri;
	bool map_early;   /* Map with every message, not at the end */
	bool settles;     /* a Status settles its change, not the session */
	bool reuses_luid; /* takes the smallest free one */
	bool replaces;    /* slow sync by Replace */
	bool counts;      /* anchors are 1, 2, 3 from the last good one on */
};

struct map_due {
	int luid;
	int msgid; /* it went out with; 0: not in this session */
	char guid[16];
};

struct dev_cmd { /* a command that it sent and that waits for a Status */
	int msgid, cmdid;
	int at;          /* index of the item; -1: a Map */
	unsigned deed_n; /* of the item's deeds, or maps */
};

enum talk_phase { TALK_IDLE, TALK_INIT, TALK_SYNC, TALK_TAKE, TALK_LAST };

/* All that a backup of the device holds. */
struct memory {
	struct item item[ITEMS];
	unsigned n;
	int next_luid;
	struct map_due map[MAPS];
	unsigned map_n;
	int last; /* anchor; 0: none */
	bool suspended;
};

struct dev {
	int no;
	int account; /* index */
	char id[32];
	struct traits t;
	struct memory m, backup;
	bool has_backup;
	uint64_t began, good_began, ended; /* its sessions: messages */
	int anchor, sid;
	bool slow_ok; /* the scenario asks for a slow sync */
	bool loose;   /* what it holds is not judged */
	bool broke;   /* its last session did */
	bool doubt;   /* ... and no sync both ways has ended since */
	/* The session: */
	enum talk_phase phase;
	int msgid, cmdid, asked, alert;
	char token[80];
	unsigned send_at; /* next item to send */
	size_t piece;     /* offset in it, if it goes in pieces */
	bool want_suspend, suspending;
	struct dev_cmd cmd[CMDS];
	unsigned cmd_n;
	struct buf part; /* of a large object coming in */
	bool parted;
	char part_of[32];  /* its LUID, or the server's id */
	bool refreshed;    /* emptied itself for a 205 */
	struct slice sent; /* the message on its way */
	unsigned tries;
	/* Counted per session: */
	unsigned got_add, got_replace, got_delete, changes, messages;
};

struct item *dev_item(struct dev *d, int luid);
void dev_add(struct sim *s, struct dev *d);
void dev_edit(struct sim *s, struct dev *d);
void dev_clear(struct sim *s, struct dev *d);
void dev_delete(struct sim *s, struct dev *d);
void dev_copy(struct sim *s, struct dev *d);
/* ... with one that is known. */
void dev_set(struct sim *s, struct dev *d, struct item *it, enum field f);
void dev_unset(struct sim *s, struct dev *d, struct item *it, enum field f);
void dev_remove(struct sim *s, struct dev *d, struct item *it);
/* The new place of an item; NULL: it is full. */
struct item *dev_place(struct dev *d);
void dev_save(struct sim *s, struct dev *d);
void dev_restore(struct sim *s, struct dev *d);
void dev_hard_reset(struct sim *s, struct dev *d);
void dev_traits(struct sim *s, struct dev *d);
unsigned dev_live(const struct dev *d);
unsigned dev_changes(const struct dev *d);

/* Begin a session; d->sent is its first message. */
void talk_begin(struct sim *s, struct dev *d, int alert);
/* Take the answer to d->sent, make the next message. The phase tells when it
   is through. */
void talk_answer(struct sim *s, struct dev *d, const struct sml_reply *r);
/* Octets of an item that it takes; 0: any number. */
int dev_most(const struct dev *d);
/* Is it, as vCard, more than the device takes? */
bool dev_too_large(struct sim *s, const struct dev *d, const struct rec *r);
/* What is sent as it is has another base than what was edited: a slow sync. */
void dev_unsure(struct sim *s, struct dev *d);
void dev_wins(struct sim *s, struct dev *d);
void dev_doubtful(struct sim *s, struct dev *d);
void dev_emptied(struct sim *s, struct dev *d);
/* It gives up. */
void talk_break(struct sim *s, struct dev *d, const char *why);

/* ---- the world ---------------------------------------------------------- */

enum { ACCOUNTS = 2, STASH = 24 };

struct late { /* a message that may come once more */
	struct slice body;
	char token[80];
	int dev;
};

struct faults { /* what this seed may do, in percent of each occasion */
	unsigned lose_request, lose_reply, twice, late, give_up;
	unsigned store, crash, reopen;
	unsigned clock, backup, restore, reset, suspend;
	unsigned odd_type; /* a sync type other than 200 */
};

struct sim {
	uint64_t seed;
	struct dice dice;
	bool verbose;
	/* The server: */
	char dir[64];
	struct place place; /* of its store */
	struct store *inner, *store;
	struct clk clk;
	struct log log;
	int64_t now;
	struct rnd_seeded rnd;
	struct sml_secrets secrets;
	struct pim_rules *rules;
	struct sml_server_conf conf;
	struct sml_server srv;
	struct arena *rules_arena;
	struct arena *a;    /* of one message */
	struct arena *b;    /* of one answer, being read */
	struct arena *keep; /* of one seed */
	int64_t account[ACCOUNTS];
	unsigned account_n;
	struct model model[ACCOUNTS];
	struct dev dev[DEVS * ACCOUNTS];
	unsigned dev_n;
	struct faults f;
	bool calm; /* faults are over */
	struct late stash[STASH];
	unsigned stash_n;
	bool failed;
	char why[400];
	uint64_t messages, syncs, deeds;
};

/* 0, or -1 with the reason printed. */
int sim_open(struct sim *s);
void sim_close(struct sim *s);
/* Another seed: all accounts of the one before are gone. */
void sim_begin(struct sim *s, uint64_t seed);
void sim_end(struct sim *s);
void sim_reopen(struct sim *s);
void sim_fail(struct sim *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void sim_say(const struct sim *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* What the engine told of the device's last session; when verbose. */
void sim_story(struct sim *s, const struct dev *d);
/* One message, as it is. */
void sim_post(struct sim *s, const struct dev *d, struct slice body,
	      const char *token, struct sml_reply *out);
/* A user's act on the server's side (an import, an administrator). */
void sim_edit_server(struct sim *s, unsigned account);
/* What the account holds now, projected; at most max, *n of them. */
void sim_items(struct sim *s, unsigned account, struct rec *out, size_t max,
	       size_t *n);
/* Every token of the account's whole history. */
void sim_history(struct sim *s, unsigned account, bool seen[static DEEDS_MAX]);

/* One seed from its beginning to the verdict. */
void chaos_run(struct sim *s, uint64_t seed);
/* Send d's message; what comes back, it takes. false: nothing came. */
bool chaos_exchange(struct sim *s, struct dev *d);
/* A device of no particular kind: everything is as good as it can be. */
struct dev *chaos_device(struct sim *s, unsigned account);
/* Everything syncs until nothing moves; then the oracle judges. */
void judge_settle(struct sim *s);

#endif
