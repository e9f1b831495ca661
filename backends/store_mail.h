/*
 * Part of backends/store.h: mail. An account's mail lies on an IMAP server;
 * what is here is a mirror of the part that devices may see, what was last
 * seen there, and what is still to be done there.
 *
 * The idea: a folder is a collection, a mail an item. The item's body is the
 * mail's head (pim/mail.h: flags, addresses, size), so that a change of flags
 * is a small revision; its bytes never change and lie once in `mail_body`.
 * `mail_place` is what IMAP said last, the base of a three-way comparison.
 * `mail_effect` is what has to happen at IMAP or SMTP: its row is written in
 * the transaction that decides it, and worked off without any transaction.
 */
#ifndef BACKENDS_STORE_MAIL_H
#define BACKENDS_STORE_MAIL_H

#include "backends/store_alarm.h" /* STORE_BUCKETS */

enum store_mail_role {
	STORE_MAIL_NONE = 0, /* any folder */
	STORE_MAIL_INBOX,
	STORE_MAIL_SENT,
	STORE_MAIL_DRAFTS,
	STORE_MAIL_TRASH,
	STORE_MAIL_OUTBOX, /* ours alone: what a device adds there is sent */
};

/* A collection of mail, and the folder that it mirrors. */
struct store_mail_folder {
	int64_t collection;
	struct slice name; /* at IMAP, UTF-8; empty: no folder there */
	enum store_mail_role role;
	int64_t uidvalidity, uidnext, highestmodseq; /* 0: not known */
	int64_t seen_ms; /* when it was compared last; 0: never */
};

/* What IMAP said of one message of a folder. */
struct store_mail_place {
	int64_t collection;
	int64_t uid;
	int64_t item;   /* 0: seen, and outside of the mirror */
	unsigned flags; /* PIM_MAIL_* as last seen there */
	int64_t modseq; /* 0: not known */
	int64_t size;
};

struct store_mail_body {
	int64_t item;
	bool whole;         /* false: cut; the head tells the whole size */
	struct slice bytes; /* RFC 5322, CR LF line ends */
};

/* ---- what is to be done at IMAP and SMTP --------------------------------- */

enum store_effect_what {
	STORE_EFFECT_FLAGS = 1, /* set `flags_on`, clear `flags_off` */
	STORE_EFFECT_MOVE,      /* from `collection` to `to` */
	STORE_EFFECT_DELETE,    /* out of `collection` (into the trash) */
	STORE_EFFECT_APPEND,    /* a device's own message into `collection` */
	STORE_EFFECT_SEND,      /* by SMTP; lands in the folder of sent mail */
	STORE_EFFECT_FETCH,     /* what was cut off, up to `bytes` */
};

enum store_effect_state {
	STORE_EFFECT_QUEUED = 1,
	STORE_EFFECT_DOING, /* begun: look before it is done once more */
	STORE_EFFECT_DONE,
	STORE_EFFECT_FAILED, /* for good; `reason` says why */
};

enum { STORE_EFFECT_ID_MAX = 64 };

struct store_mail_effect {
	int64_t account; /* out only */
	struct slice id; /* [0-9a-z-]: made of what makes it unique */
	enum store_effect_what what;
	int64_t item;
	int64_t collection;           /* where the item lies, or lay */
	int64_t to;                   /* MOVE: the other collection; else 0 */
	unsigned flags_on, flags_off; /* PIM_MAIL_* */
	int64_t bytes;                /* FETCH: how many; 0: all */
	struct slice message_id;      /* without < and >; empty: none */
	int64_t device;               /* whose wish it was; 0: none's */
	enum store_effect_state state;
	struct slice reason;
	int64_t written_ms; /* out only: of the transaction */
	int64_t next_ms;    /* not to be tried before; INT64_MAX: settled */
	int64_t attempts;   /* those that failed */
};

/* ---- the account's login at IMAP ----------------------------------------- */

enum store_mail_security {
	STORE_MAIL_TLS = 1, /* from the first byte on */
	STORE_MAIL_STARTTLS,
	STORE_MAIL_PLAIN, /* loopback only */
};

enum store_mail_health {
	STORE_MAIL_NEW = 0, /* not tried yet */
	STORE_MAIL_OK,
	STORE_MAIL_AWAY,    /* no answer; it is tried again */
	STORE_MAIL_REFUSED, /* user or password is wrong: a person must act */
};

struct store_mail_login {
	int64_t account; /* out only */
	bool on;
	struct slice host;
	int64_t port;
	enum store_mail_security security;
	struct slice user;
	bool master;            /* the site's master user logs in for it */
	struct slice sealed;    /* else the password, encrypted */
	struct slice addresses; /* blank-separated; the first one is From */
	int64_t days, count;    /* what is mirrored; 0: no edge */
	int64_t cap;            /* bytes of a message; 0: no edge */
	enum store_mail_health health;
	struct slice why;
	int64_t last_ms; /* when a comparison ended well; 0: never */
	int64_t next_ms; /* the next look; INT64_MAX: none */
	int64_t fails;   /* in a row */
};

struct store_mail_vtbl {
	/* -- the store as a whole -- */
	/* Of each bucket that is `mine` the `limit` logins whose next_ms comes
	   first, whether past already or not; those with none are left out. */
	int (*logins_due)(struct store *s, struct arena *a,
			  const bool mine[static STORE_BUCKETS], size_t limit,
			  struct store_mail_login **out, size_t *n,
			  struct err *e);
	/* Accounts with effects that are not settled: of each bucket those
	   `limit` that come first, each by its first one. Left out are those
	   whose server is away or refuses them: the next look does theirs. */
	int (*effects_due)(struct store *s, struct arena *a,
			   const bool mine[static STORE_BUCKETS], size_t limit,
			   struct store_mail_effect **out, size_t *n,
			   struct err *e);
	/* Leases on the buckets of mail, as alarm->buckets on its own. */
	int (*buckets)(struct store *s, struct slice owner, int64_t ms,
		       bool mine[static STORE_BUCKETS], struct err *e);

	/* -- login -- */
	/* NULL: the account has no mail. */
	int (*login_get)(struct store_tx *tx, struct arena *a,
			 struct store_mail_login **out, struct err *e);
	int (*login_put)(struct store_tx *tx, const struct store_mail_login *in,
			 struct err *e);
	int (*login_drop)(struct store_tx *tx, struct err *e);

	/* -- folders and places -- */
	int (*folder_list)(struct store_tx *tx, struct arena *a,
			   struct store_mail_folder **out, size_t *n,
			   struct err *e);
	/* Insert or replace by collection. */
	int (*folder_put)(struct store_tx *tx,
			  const struct store_mail_folder *f, size_t n,
			  struct err *e);
	/* With its places; items and the collection stay. */
	int (*folder_drop)(struct store_tx *tx, int64_t collection,
			   struct err *e);
	/* Of a folder by uid from `after` on. */
	int (*place_page)(struct store_tx *tx, struct arena *a,
			  int64_t collection, int64_t after, size_t limit,
			  struct store_mail_place **out, size_t *n,
			  struct err *e);
	/* Where these items lie; those without a place are left out. */
	int (*place_of)(struct store_tx *tx, struct arena *a,
			const int64_t *item, size_t n,
			struct store_mail_place **out, size_t *out_n,
			struct err *e);
	/* Insert or replace by (collection, uid). */
	int (*place_put)(struct store_tx *tx, const struct store_mail_place *p,
			 size_t n, struct err *e);
	int (*place_drop)(struct store_tx *tx, int64_t collection,
			  const int64_t *uid, size_t n, struct err *e);

	/* -- bytes -- */
	/* Insert or replace. */
	int (*body_put)(struct store_tx *tx, const struct store_mail_body *b,
			size_t n, struct err *e);
	/* In the order of `item`, as many as max_bytes hold, but at least the
	   first that there is; those not there are left out. */
	int (*body_get)(struct store_tx *tx, struct arena *a,
			const int64_t *item, size_t n, size_t max_bytes,
			struct store_mail_body **out, size_t *out_n,
			struct err *e);
	/* An item's end (item_purge, prune) takes them away, too. */
	int (*body_drop)(struct store_tx *tx, const int64_t *item, size_t n,
			 struct err *e);

	/* -- effects -- */
	/* Those whose id is there already stay as they are. */
	int (*effect_add)(struct store_tx *tx,
			  const struct store_mail_effect *f, size_t n,
			  struct err *e);
	/* State, reason, next_ms, attempts, item and collection of rows by
	   their id; those not there are passed over. */
	int (*effect_set)(struct store_tx *tx,
			  const struct store_mail_effect *f, size_t n,
			  struct err *e);
	int (*effect_get)(struct store_tx *tx, struct arena *a,
			  const struct slice *id, size_t n,
			  struct store_mail_effect **out, size_t *out_n,
			  struct err *e);
	/* Of these items, those that are not settled; by id of the effect. */
	int (*effect_of)(struct store_tx *tx, struct arena *a,
			 const int64_t *item, size_t n,
			 struct store_mail_effect **out, size_t *out_n,
			 struct err *e);
	/* The account's that are due by then, the oldest written first. */
	int (*effect_due)(struct store_tx *tx, struct arena *a, int64_t by_ms,
			  size_t limit, struct store_mail_effect **out,
			  size_t *n, struct err *e);
	/* The last ones written first, from then on. */
	int (*effect_list)(struct store_tx *tx, struct arena *a,
			   int64_t since_ms, size_t limit,
			   struct store_mail_effect **out, size_t *n,
			   struct err *e);

	/* When the `count` newest items of these collections, not deleted,
	   begin: the least span; INT64_MIN: there are no more than that. */
	int (*newest)(struct store_tx *tx, const int64_t *collection, size_t n,
		      int64_t count, int64_t *since_ms, struct err *e);
};

#endif
