/*
 * A mailbox on a server of mail, as server/mail sees it: one connection, used
 * by one thread at a time. backends/imap/ implements it (IMAP4rev1, RFC 3501,
 * with IDLE, NOTIFY, UIDPLUS, MOVE, CONDSTORE, QRESYNC and SPECIAL-USE where
 * offered).
 *
 * What the server says is not believed further than it must be: every call has
 * a last moment and a most number of bytes, and results live in the caller's
 * arena, whose cap bounds them too. After ERR_UNAVAILABLE, ERR_PARSE, ERR_LIMIT
 * and ERR_NOMEM the connection is of no more use (mbox_dead).
 */
#ifndef BACKENDS_MAILBOX_H
#define BACKENDS_MAILBOX_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

enum mbox_tls {
	MBOX_TLS = 1,  /* from the first byte */
	MBOX_STARTTLS, /* before anything else is said */
	MBOX_PLAIN,    /* loopback only, unless allow_plain */
};

/* Certificates that may vouch for servers, read once for many connections. */
struct mbox_trust;
int mbox_trust_open(const char *ca_file, struct mbox_trust **out,
		    struct err *e);
void mbox_trust_close(struct mbox_trust **t);

struct mbox_conf {
	const char *host;
	int64_t port; /* 0: 993 with MBOX_TLS, else 143 */
	enum mbox_tls tls;
	bool allow_plain;
	const struct mbox_trust *trust; /* outlives the connection */
	const char *user;
	const char *master; /* who logs in for the user; "": the user */
	const char *secret;
	int64_t answer_ms; /* for an answer to begin; 0: a minute */
	/* Readable: ask give_up; -1: none. */
	int wake;
	bool (*give_up)(void *ctx);
	void *ctx;
};

enum mbox_flag {
	MBOX_SEEN = 1,
	MBOX_ANSWERED = 2,
	MBOX_FORWARDED = 4,
	MBOX_FLAGGED = 8,
	MBOX_DRAFT = 16,
	MBOX_DELETED = 32,
};

enum mbox_cap {
	MBOX_CAN_IDLE = 1,
	MBOX_CAN_UIDPLUS = 2,
	MBOX_CAN_MOVE = 4,
	MBOX_CAN_CONDSTORE = 8,
	MBOX_CAN_QRESYNC = 16,
	MBOX_CAN_SPECIAL_USE = 32,
	MBOX_CAN_NOTIFY = 64,
};

struct mbox;

/*
 * Connect, TLS, log in. ERR_AUTH: the server refuses this user or password;
 * ERR_CONFIG: TLS is wanted and cannot be had, or the certificate does not fit;
 * ERR_UNAVAILABLE: it is not there, or does not want us at the moment.
 */
int mbox_open(const struct mbox_conf *conf, struct mbox **out, struct err *e);
/* Says goodbye without waiting for the answer. NULLs *m. */
void mbox_close(struct mbox **m);
bool mbox_dead(const struct mbox *m);
unsigned mbox_caps(const struct mbox *m); /* MBOX_CAN_* */

/* ---- folders ------------------------------------------------------------- */

enum mbox_role {
	MBOX_NO_ROLE = 0,
	MBOX_INBOX,
	MBOX_SENT,
	MBOX_DRAFTS,
	MBOX_TRASH,
};

struct mbox_folder {
	struct slice name; /* UTF-8 */
	enum mbox_role role;
	char delim;    /* between levels; 0: there are none */
	bool noselect; /* only a name on the way to others */
};

enum { MBOX_FOLDERS_MAX = 2000 };

int mbox_list(struct mbox *m, struct arena *a, struct mbox_folder **out,
	      size_t *n, struct err *e);
/* ERR_CONFLICT: it is there already, or may not be. */
int mbox_create(struct mbox *m, struct slice name, struct err *e);

struct mbox_state {
	uint32_t uidvalidity, uidnext, exists;
	int64_t modseq; /* the highest; 0: the folder keeps none */
};

/* How a folder stands, without opening it. ERR_NOTFOUND: there is none. */
int mbox_status(struct mbox *m, struct slice name, struct mbox_state *out,
		struct err *e);
/* Open it. All below is about the folder opened last. */
int mbox_select(struct mbox *m, struct slice name, bool read_only,
		struct mbox_state *out, struct err *e);

/* ---- messages ------------------------------------------------------------ */

struct mbox_msg {
	uint32_t uid;
	bool has_flags;
	unsigned flags; /* MBOX_* */
	int64_t modseq, size, received_ms;
	bool has_text;
	struct slice text; /* what was asked for: header or bytes */
};

struct mbox_range { /* of UIDs, both ends in it */
	uint32_t low, high;
};

enum mbox_part {
	MBOX_FLAGS_ONLY,
	MBOX_FACTS,      /* flags, size, when it was received */
	MBOX_MESSAGE_ID, /* facts, and the header field Message-ID */
	MBOX_BYTES,      /* facts, and the first `cap` bytes */
};

struct mbox_ask {
	const struct mbox_range *range;
	size_t range_n;
	enum mbox_part part;
	size_t from, cap; /* MBOX_BYTES: cap bytes from byte `from` on */
	int64_t since;    /* CONDSTORE: changed after this modseq; 0: all */
	size_t max;       /* messages; more are ERR_LIMIT */
};

/* Those that are not there (any more) are left out; by UID. gone: with
   `since` and QRESYNC also what went since then (NULL: not asked). */
int mbox_fetch(struct mbox *m, struct arena *a, const struct mbox_ask *ask,
	       struct mbox_msg **out, size_t *n, struct mbox_range **gone,
	       size_t *gone_n, struct err *e);

/* UIDs, ascending, of the last `last` messages (0: of all) received on this
   day or later (0: whenever); more than `max` are ERR_LIMIT. */
int mbox_search(struct mbox *m, struct arena *a, size_t last, int64_t since_ms,
		size_t max, uint32_t **out, size_t *n, struct err *e);
/* Those that have this Message-ID (without < and >). */
int mbox_search_id(struct mbox *m, struct arena *a, struct slice id,
		   uint32_t **out, size_t *n, struct err *e);

int mbox_store_flags(struct mbox *m, const uint32_t *uid, size_t n, unsigned on,
		     unsigned off, struct err *e);
/* To another folder; what is not there is passed over. */
int mbox_move(struct mbox *m, const uint32_t *uid, size_t n, struct slice to,
	      struct err *e);
/* For ever. */
int mbox_expunge(struct mbox *m, const uint32_t *uid, size_t n, struct err *e);
/* A message at the end of any folder; *uid 0: the server did not tell. */
int mbox_append(struct mbox *m, struct slice folder, unsigned flags,
		struct slice bytes, uint32_t *uid, struct err *e);

/* ---- waiting for news ---------------------------------------------------- */

struct mbox_known { /* a folder, and how it stood when we looked */
	struct slice name;
	uint32_t uidnext;
	int64_t modseq; /* 0: the folder keeps none */
	bool told;      /* comes back: the server tells when it changes */
};

/* Let the server tell when the open folder changes, and these others, where it
   can (MBOX_CAN_NOTIFY): if one of them stands otherwise already, that is news.
   It keeps no buffers meanwhile: wait for mbox_fd to be readable, then ask
   mbox_news. */
int mbox_idle(struct mbox *m, struct arena *a, struct mbox_known *other,
	      size_t n, struct err *e);
int mbox_fd(const struct mbox *m);
/* Never waits. *news: something changed. */
int mbox_news(struct mbox *m, bool *news, struct err *e);
/* Back to commands. *news: something changed meanwhile. */
int mbox_idle_end(struct mbox *m, bool *news, struct err *e);
int mbox_noop(struct mbox *m, bool *news, struct err *e);

#endif
