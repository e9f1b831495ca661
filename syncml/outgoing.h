/*
 * Package 4 item by item: what outgoing.c, outgoing_item.c and the filter's
 * walk share. Private to the engine, as session.h is.
 */
#ifndef SYNCML_OUTGOING_H
#define SYNCML_OUTGOING_H

#include "syncml/session.h"

/* ---- outgoing_item.c: one item of package 4 ---- */
struct sml_unit {
	char what;   /* 'A', 'R', 'D', or 0: nothing to send */
	bool probe;  /* in doubt: sent whatever it holds */
	bool wanted; /* a mail that the device asked for: all of it again */
	bool moved;  /* a mail that has another folder than the device knows */
	bool more;   /* a mail of which it may get more than it was sent */
	bool walk;   /* looked at because the filter moved */
	bool soft;   /* 'D': it leaves the device, and is not deleted */
	struct store_item item;
	bool mapped;
	struct store_map map;
	struct slice held_body; /* of what it holds, if that may be equal */
	struct slice message; /* a mail's bytes; .p NULL: its flags go alone */
	const struct pim_view *view; /* how it is written */
	int lean; /* the row's reason, if that is lean; else 0 */
};
enum sml_sent_how {
	SML_SENT,      /* it is in the message */
	SML_NOT_SENT,  /* nothing to send, or a debt now */
	SML_SENT_PART, /* a large object began: the message is full */
	SML_NO_ROOM,   /* not in this message */
	SML_TOO_LARGE, /* in none of this device's */
	SML_SENT_FAILED,
};
/* Sync element that is being filled. */
struct sml_sync_out {
	struct sml_ds *ds;
	bool open;
	int64_t count; /* NumberOfChanges; -1: not to be told */
};
enum sml_sent_how sml_out_unit(struct sml_ctx *c, struct sml_out *o,
			       struct sml_sync_out *so, struct sml_unit *u);
/* session_filter.c: a mail of which the device may get more: does it? With its
   body. */
int sml_filter_more(struct sml_ctx *c, struct sml_ds *ds,
		    struct sml_unit *unit);
/* session_mail.c: has a device with this form of a mail at least what it would
   get now? It is the form as it is now, as it was before, or what a device gets
   that asks for a mail. */
bool sml_mail_enough(struct sml_ctx *c, struct sml_ds *ds, uint64_t held);
/* session_mail.c: the bytes of mails among the units, as many as max_bytes
 *hold; upto moves to those that are for the next round. */
int sml_mail_load(struct sml_ctx *c, struct sml_ds *ds, struct sml_unit *u,
		  size_t from, size_t *upto, size_t max_bytes);
/* Octets that an item may have for this device. */
int sml_out_limit(struct sml_ctx *c, const struct sml_out *o,
		  const struct sml_ds *ds);
/* The next piece of a large object that is on its way. */
enum sml_sent_how sml_out_piece(struct sml_ctx *c, struct sml_out *o,
				struct sml_sync_out *so);
/* Not even an otherwise empty message had room, several times over. */
bool sml_out_starved(const struct sml_ctx *c, const struct sml_out *o);
/* Open the Sync element if it is not; false: no room. */
bool sml_sync_out_open(struct sml_ctx *c, struct sml_out *o,
		       struct sml_sync_out *so);
void sml_sync_out_close(struct sml_ctx *c, struct sml_out *o,
			struct sml_sync_out *so);

#endif
