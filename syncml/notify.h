/*
 * Notification, package 0: the few bytes by which a server asks a device to
 * come and sync. SyncML 1.2 has a binary form for it (SAN) that proves who
 * sends it; to a device of 1.0 or 1.1 it is a message with Alerts. What carries
 * it (SMS, HTTP) is somebody else's.
 */
#ifndef SYNCML_NOTIFY_H
#define SYNCML_NOTIFY_H

#include "base/arena.h"
#include "base/err.h"
#include "syncml/node.h"

enum sml_notify_ui { /* what the device may show of it */
		     SML_UI_UNSAID = 0,
		     SML_UI_BACKGROUND,
		     SML_UI_INFORM,
		     SML_UI_ASK,
};

/* One database that is to be synced. */
struct sml_notify_sync {
	int code;          /* 206 to 210 */
	struct slice type; /* content type; empty: not said */
	struct slice uri;  /* ours, as the device calls it: "./card" */
};

struct sml_notify {
	int version;         /* 10, 11, 12 */
	uint16_t session;    /* its number, 1 and more: the device's
				SessionID shall be it */
	struct slice server; /* by which the device knows us */
	struct slice device; /* its id; only a message names it */
	enum sml_notify_ui ui;
	const struct sml_notify_sync *sync;
	size_t n;
};

/* By what the device sees that it is really us. */
struct sml_notify_proof {
	bool there;          /* false: a digest of zeros */
	struct slice secret; /* of ours, towards this device */
	struct slice nonce;  /* that it gave us last; may be empty */
};

/*
 * The binary form. ERR_LIMIT: a name is longer than its length can say, or a
 * number is outside of its field. More databases than
 * SML_NOTIFY_SYNCS_MAX become none, which means all.
 */
int sml_notify_san(struct arena *a, const struct sml_notify *in,
		   const struct sml_notify_proof *proof, struct slice *out,
		   struct err *e);

/* The message for SyncML 1.0 and 1.1. */
int sml_notify_message(struct arena *a, const struct sml_notify *in,
		       enum sml_enc enc, struct slice *out, struct err *e);

/* The registered number of a content type, as SAN has it; 0: it has none. */
uint32_t sml_notify_type(struct slice type);

/* The number of a device's n-th notice. */
uint16_t sml_notify_session(int64_t no);

/* Is this SessionID what a device makes of the number? "2A" it should be, and
   some write "42". */
bool sml_notify_answers(uint16_t session, struct slice sid);

#endif
