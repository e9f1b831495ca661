/*
 * How often somebody may ask us something: each question costs a look into the
 * database, and anybody on earth may write to an XMPP address.
 */
#ifndef BACKENDS_XMPP_QUOTA_H
#define BACKENDS_XMPP_QUOTA_H

#include "base/slice.h"

enum {
	IM_QUOTA_PLACES = 16384, /* of senders that are remembered */
	/* One sender: so many at once, and one more in so long. */
	IM_QUOTA_BURST = 20,
	IM_QUOTA_EVERY_MS = 2000,
	/* All that we have not seen to be ours, together. */
	IM_QUOTA_STRANGERS_BURST = 50,
	IM_QUOTA_STRANGERS_EVERY_MS = 100,
	/* A stranger is told so once in so long. */
	IM_QUOTA_REFUSAL_MS = 600000,
};

struct im_bucket {
	int64_t full_ms; /* when it is full again */
};

struct im_sender {
	uint64_t hash; /* of the bare JID; 0: free */
	struct im_bucket bucket;
	int64_t seen_ms;
	int64_t refused_ms; /* INT64_MIN: never */
	uint32_t owed;      /* receipts for what we sent */
	bool known;         /* one of ours */
};

struct im_quota {
	struct im_bucket strangers;
	struct im_sender sender[IM_QUOTA_PLACES];
};

/* May it ask now? NULL: no. Else its place until the next call. */
struct im_sender *im_quota_take(struct im_quota *q, struct slice bare,
				int64_t now_ms);

/* We send something there: one of ours, who may answer it with a receipt. */
void im_quota_sent(struct im_quota *q, struct slice bare, int64_t now_ms);

/* May it hand in a receipt? Those that are owed cost nothing else. */
struct im_sender *im_quota_receipt(struct im_quota *q, struct slice bare,
				   int64_t now_ms);

/* Is it time to tell it that it is none of ours? */
bool im_quota_refusal(struct im_sender *s, int64_t now_ms);

#endif
