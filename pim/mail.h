/*
 * Mail. An item of mail has two parts: its head, a small text that says what
 * it is and how it stands (flags, addresses, attachments, size), and its bytes,
 * the message as RFC 5322 has it, which never change.
 *
 * The head is the canonical form (pim_canon, pim_parse): what is compared,
 * matched and merged. The bytes lie elsewhere; who writes a mail for a device
 * hands them over in it->mail->bytes.
 */
#ifndef PIM_MAIL_H
#define PIM_MAIL_H

#include "pim/pim.h"

enum pim_mail_flag {
	PIM_MAIL_READ = 1,
	PIM_MAIL_REPLIED = 2,
	PIM_MAIL_FORWARDED = 4,
	PIM_MAIL_FLAGGED = 8,
	PIM_MAIL_DRAFT = 16,
};

enum {
	PIM_MAIL_FLAGS = 31,         /* all of them */
	PIM_MAIL_ATTACH_MAX = 32,    /* those that are listed */
	PIM_MAIL_PARTS_MAX = 200,    /* MIME parts that are looked at */
	PIM_MAIL_DEPTH_MAX = 8,      /* of multiparts inside each other */
	PIM_MAIL_HEADER_MAX = 65536, /* bytes of one header that are read */
	PIM_MAIL_WORD_MAX = 998,     /* bytes of a value in the head */
};

struct pim_attach {
	struct slice name; /* UTF-8; empty: it has none */
	struct slice type; /* "image/jpeg", lower case */
	int64_t size;      /* decoded, in octets; of a cut one what is there */
};

struct pim_mail {
	unsigned flags;
	unsigned said; /* which flags its sender spoke of; of ours: all */
	int64_t received_ms, created_ms, modified_ms; /* 0: not known */
	int64_t date_ms;         /* Date:; 0: none that can be read */
	struct slice message_id; /* without < and >; empty: none */
	struct slice from;       /* the address alone, lower case */
	struct slice to;         /* addresses, as they stand */
	struct slice subject;
	int64_t size; /* of the whole message */
	int64_t held; /* of it, bytes that are in the mirror */
	struct pim_attach attach[PIM_MAIL_ATTACH_MAX];
	size_t attach_n;
	/* Not in the head: the bytes. .p NULL: not there, only the head. */
	struct slice bytes;
};

/*
 * The head of a message: bytes may be cut, `size` is the whole one's. Never
 * fails on what the bytes hold: broken mail is mail. Flags and received_ms are
 * the caller's to set (said: all). it->mail->bytes is `bytes`. ERR_NOMEM only.
 */
int pim_mail_item(struct arena *a, struct slice bytes, int64_t size,
		  struct pim_item **out, struct err *e);

/* Does a device that gets `now` of a mail get more of this one than by `was`?
   wider: of any mail. From the head alone; in doubt: yes. */
bool pim_mail_wider(const struct pim_mail_cut *was,
		    const struct pim_mail_cut *now);
bool pim_mail_gains(const struct pim_mail *m, const struct pim_mail_cut *was,
		    const struct pim_mail_cut *now);

/* A mail's role in a folder's text, and the item of kind PIM_FOLDER. */
struct pim_folder {
	struct slice name; /* UTF-8, as people see it */
	struct slice role; /* inbox, outbox, sent, drafts, deleted, or empty */
	int64_t created_ms;
};

/* Take the head's words (bytes aside) for a new revision with these flags. */
int pim_mail_flagged(struct arena *a, const struct pim_item *it, unsigned flags,
		     struct pim_item **out, struct err *e);

#endif
