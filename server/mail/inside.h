/* Inside of server/mail. */
#ifndef SERVER_MAIL_INSIDE_H
#define SERVER_MAIL_INSIDE_H

#include "pim/mail.h"
#include "server/mail/mail.h"

enum {
	MAIL_ARENA = 64 << 20,
	MAIL_WORK_ARENA = 128 << 20, /* one batch of messages */
	MAIL_FOLDERS = 32,           /* of one account */
	MAIL_IDS = 200,              /* messages asked for their ids at once */
	MAIL_BATCH = 50,             /* messages with their bytes at once */
	MAIL_BATCH_BYTES = 4 << 20,
	MAIL_FLAGS_BATCH = 500,
	MAIL_WINDOW_MAX = 100000, /* messages of a folder, whatever is set */
	MAIL_BODY_MAX = 50000000, /* bytes of a message, asked for or not */
	MAIL_DAY_MS = 24 * 60 * 60 * 1000,
	MAIL_EFFECT_TRIES = 10,
	MAIL_EFFECT_PAUSE_MS = 60 * 1000, /* the first one, doubled */
};

/* One look at one mailbox. */
struct mail_step {
	const struct srv_mail_env *env;
	bool (*stop)(void *ctx);
	void *stop_ctx;
	struct submitter **submitter; /* opened when first needed */
	int64_t account;
	struct arena *a;    /* as long as the step */
	struct arena *work; /* as long as a batch */
	struct store_account acc;
	struct store_mail_login login; /* as in force */
	enum store_mail_health health; /* of the row when it was read */
	int64_t next_ms;
	struct store_mail_folder folder[MAIL_FOLDERS];
	size_t folder_n;
	struct mbox *box;
	size_t open;  /* the folder that is, by index; SIZE_MAX: none */
	bool scanned; /* ... since it was opened */
	struct mbox_state state;    /* of it */
	struct mbox_folder *listed; /* at the server; asked once */
	size_t listed_n;
	bool has_list;
};

/* What became different in one folder. */
struct mail_scan {
	size_t folder;
	bool skip;  /* nothing did, or it cannot be looked at */
	bool again; /* its UIDs mean something else than before */
	bool full;
	struct mbox_state state;
	uint32_t *fresh; /* UIDs that may be new */
	size_t fresh_n;
	struct mbox_msg *seen;        /* flags of those that we have */
	struct store_mail_place *was; /* ... and what they were */
	size_t seen_n;
	struct store_mail_place *gone; /* uid 0: only the item is known */
	size_t gone_n;
};

static inline int64_t
mail_now(const struct mail_step *st)
{
	return st->env->clk->now_ms(st->env->clk);
}

int mail_no_memory(struct err *e);
int mail_begin(struct mail_step *st, enum store_mode mode, struct store_tx **tx,
	       struct err *e);
/* Commit where rc is 0, else roll back; gives how it ended. */
int mail_end(struct store_tx **tx, int rc, struct err *e);
bool mail_stopping(const struct mail_step *st);

/* ---- step.c -------------------------------------------------------------- */

/* Account, login and folders. *wanted false: there is nothing to look at. */
int mail_step_read(struct mail_step *st, bool *wanted, struct err *e);
/* All of it: effects, then the mirror. st->box is open. */
int mail_step_run(struct mail_step *st, struct err *e);
/* The mirror of one folder, which is the open one then. */
int mail_step_folder(struct mail_step *st, size_t folder, struct err *e);
/* Open a folder, unless it is open. ERR_NOTFOUND: the server has none. */
int mail_select(struct mail_step *st, size_t folder, struct err *e);
/* By collection; SIZE_MAX: none. */
size_t mail_folder_of(const struct mail_step *st, int64_t collection);
/* The name of the server's folder with a role: ours, else what the server says,
   else a plain one, which is made. */
int mail_role_folder(struct mail_step *st, enum store_mail_role role,
		     struct slice *name, struct err *e);

/* Make it, at the top or where the server keeps all: beneath INBOX, and then it
   has another name. */
int mail_make_folder(struct mail_step *st, struct slice *name, struct err *e);

unsigned mail_flags_of(unsigned mbox);
unsigned mail_flags_to(unsigned pim);

/* ---- scan.c, mirror.c, take.c -------------------------------------------- */

int mail_scan(struct mail_step *st, size_t folder, struct mail_scan *s,
	      struct err *e);
/* Since when mail counts; INT64_MIN: since ever. */
int64_t mail_edge(const struct mail_step *st);
/* What all folders' scans found becomes the mirror. */
int mail_mirror(struct mail_step *st, struct mail_scan *scan, size_t n,
		struct err *e);
/* Flags that devices changed and the server has not heard of yet. */
unsigned mail_held(const struct store_mail_effect *f, size_t n, int64_t item);
/* New messages, or old ones at a new place. */
int mail_take(struct mail_step *st, struct mail_scan *scan, size_t n,
	      struct mail_scan *one, struct err *e);
/* A write of an item as it is to be; its head is read already (NULL: new). */
int mail_write_of(struct mail_step *st, struct arena *a, struct store_tx *tx,
		  const struct store_item *head, const struct pim_item *it,
		  int64_t collection, struct store_write *w, struct err *e);

/* ---- effects.c, send.c --------------------------------------------------- */

int mail_effects(struct mail_step *st, struct err *e);
/* A message for SMTP, made from what a device gave. */
struct mail_letter {
	const char *from;
	const char *to[SUBMIT_RECIPIENTS_MAX + 1];
	size_t to_n;
	struct slice bytes;
};
/* ERR_PARSE: why it cannot be sent, in a sentence for its writer. keep_bcc: for
   the folder of sent mail, where its writer may see them. */
int mail_letter(struct arena *a, const struct store_mail_login *login,
		const struct store_mail_effect *f, struct slice bytes,
		bool keep_bcc, struct mail_letter *out, struct err *e);
/* With CR LF at line ends, and no NUL. .p NULL: no memory. */
struct slice mail_crlf(struct arena *a, struct slice in);
int mail_send(struct mail_step *st, struct store_mail_effect *f, struct err *e);
/* Into a row, within a transaction: how an effect ended, or when it is tried
   again. */
int mail_settle(struct store_tx *tx, struct store_mail_effect *f,
		enum store_effect_state state, int64_t next_ms, const char *why,
		struct err *e);
/* Later, or for good after many times. */
int mail_retry(struct mail_step *st, struct store_mail_effect *f,
	       const char *why, struct err *e);
/* The UID of an effect's message, its folder opened; 0: it is not there. */
int mail_locate(struct mail_step *st, const struct store_mail_effect *f,
		uint32_t *uid, struct err *e);
/* An item's bytes; *out NULL: none. In st->work. */
int mail_body(struct mail_step *st, int64_t item, struct store_mail_body **out,
	      struct err *e);

#endif
