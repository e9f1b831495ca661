/* Among take.c and match.c: messages that were not there at the last look. */
#ifndef SERVER_MAIL_TAKE_H
#define SERVER_MAIL_TAKE_H

#include "server/mail/inside.h"

/* A message of the batch, and what became of it. */
struct fresh {
	struct mbox_msg m;
	uint64_t h_uid;
	int64_t item;   /* it is this one; 0: nobody we know */
	bool elsewhere; /* ... which lies in another folder of ours */
	struct store_mail_place was;
	/* One that lay in another folder when that was looked at: a copy, or
	   moved since. .item 0: none. */
	struct store_mail_place twin;
};

struct take {
	struct mail_step *st;
	struct mail_scan *scan; /* of all folders */
	size_t scan_n;
	struct mail_scan *one;
	struct store_mail_folder *folder;
	struct fresh *f;
	size_t n;
};

/* ---- match.c ------------------------------------------------------------- */

/* Each message of the batch that is an item of ours gets its number. */
int mail_match(struct take *t, struct err *e);
/* And those that were moved since the folder was looked at in which they lay;
   any folder may be the open one after it. */
int mail_twins(struct take *t, struct err *e);
/* Where an item lay that went somewhere in this step; NULL: it did not. */
struct store_mail_place *mail_went(const struct take *t, int64_t item);

#endif
