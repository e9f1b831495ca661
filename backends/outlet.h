/*
 * The one interface to what carries a reminder or a notice to a person or a
 * device: XMPP, mail, gateways. backends/<name>/ implement it; server/ decides
 * what is sent when and keeps the books (the outbox in the store).
 *
 * The rule for effects outside the database: an intent row is committed first,
 * then the outlet is given the message; it counts as sent when the outlet says
 * so, and not before. A message that was given and never confirmed is given
 * again with the same id, so a receiver can drop the repeat.
 *
 * Rules for who implements this:
 *  1. MUST: send() never waits for a network. It takes what it has room for.
 *  2. MUST: every message taken gets exactly one of `sent` and `failed`, at
 *     the latest when the outlet is closed (failed, not for good).
 *  3. MUST: `sent` only when the far side has confirmed it (stream management,
 *     a ping answered behind the batch, 250 to the mail's end), never when it
 *     was written to a socket.
 *  4. MUST: text is data. Whatever is in it, it does not leave its element,
 *     header or line.
 *  5. MUST: memory is bounded, whatever the far side sends.
 *  6. Callbacks come from a thread of the outlet's, one at a time. They may
 *     call send() but not close().
 *
 * Slices in structs are borrowed for the call, in both directions.
 */
#ifndef BACKENDS_OUTLET_H
#define BACKENDS_OUTLET_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

#include <stdint.h>

enum {
	OUTLET_ID_MAX = 64,        /* bytes of a message's id */
	OUTLET_ADDRESS_MAX = 1024, /* of an address */
	OUTLET_TEXT_MAX = 4096,    /* of a text: more is cut by the sender */
	OUTLET_NOTICE_MAX = 1024,  /* of a notice's body */
	OUTLET_IN_TEXT_MAX = 2048, /* of what comes in: more is cut */
};

/* What a reminder is about, for a receiver that is a program. Empty slices and
   INT64_MIN: not there. */
struct outlet_alarm {
	struct slice uid;
	struct slice recurrence; /* "20260301T080000Z", "20260301" */
	struct slice alarm;      /* its id within the item */
	struct slice summary;
	struct slice place;
	struct slice zone; /* of the account, Olson name */
	int64_t due_ms;
	int64_t start_ms;
	int64_t end_ms;
	bool all_day;
	bool late; /* sent after its time, since nothing ran then */
	bool task;
};

/* What wakes a device: octets with a content type. */
struct outlet_notice {
	struct slice type; /* application/vnd.syncml.ds.notification */
	struct slice app;  /* x-wap-application:push.syncml */
	struct slice body;
};

struct outlet_msg {
	struct slice id;      /* [0-9a-z-]+: the same for every repeat */
	struct slice to;      /* JID, mail address, phone number */
	struct slice lang;    /* "en" */
	struct slice subject; /* one line; XMPP leaves it out */
	struct slice text;
	const struct outlet_alarm
	    *alarm; /* NULL: a reply, a digest, a notice */
	const struct outlet_notice
	    *notice;        /* NULL: it is for people; else a gateway sends this
			       instead of the text */
	int64_t written_ms; /* when it should have gone out; for the mark of a
			       delayed message. INT64_MIN: now */
};

enum outlet_in_kind {
	OUTLET_IN_TEXT,    /* somebody wrote to us */
	OUTLET_IN_RECEIPT, /* somebody's client has it: id of our message.
			      Nothing of the answer counts */
	OUTLET_IN_COMMAND, /* a command with a filled form (XEP-0050) */
	OUTLET_IN_CONTACT, /* somebody wants to see whether we are there: only
			      `refused` of the answer counts */
};

struct outlet_field {
	struct slice name;
	struct slice value;
};

/*
 * The commands and their fields; each may be missing or empty:
 *	snooze    time ("10", "1h", "tomorrow 8:00"), alarm (id of our message;
 *	          it is in `about`, too)
 *	dismiss
 *	agenda    day ("today", "tomorrow", "2026-03-01")
 *	upcoming
 *	mute      calendar, mute ("true", "1", "false", "0")
 */
struct outlet_in {
	enum outlet_in_kind kind;
	struct slice from;  /* without the resource, normalised */
	struct slice id;    /* the stanza's; of a receipt: that of our message.
			       Empty: it had none */
	struct slice text;  /* of a text; of a command: its node */
	struct slice about; /* id of our message that it answers, or empty */
	const struct outlet_field *field;
	size_t field_n;
};

/* The answer to what came in; the callee fills it from the arena. */
struct outlet_answer {
	struct slice text; /* empty: none */
	bool refused;      /* not one of ours: a command is `forbidden` */
};

struct outlet_calls {
	void *ctx;
	/* The far side has it. */
	void (*sent)(void *ctx, struct slice id);
	/* for_good: to try again is of no use (no such user). why: plain. */
	void (*failed)(void *ctx, struct slice id, bool for_good,
		       const char *why);
	/* The answer is sent back to whom it came from. */
	void (*in)(void *ctx, const struct outlet_in *in, struct arena *a,
		   struct outlet_answer *out);
	/* The line is up (why NULL) or down. For the log and /healthz. */
	void (*state)(void *ctx, bool up, const char *why);
};

struct outlet;

struct outlet_vtable {
	const char *name; /* "xmpp": channel in the outbox */
	/*
	 * Take up to n messages; the number taken comes back (less than n: no
	 * room, or the line is down; try again after the next `sent` or
	 * `state`).
	 */
	size_t (*send)(struct outlet *o, const struct outlet_msg *msg,
		       size_t n);
	/* Ends its thread; unconfirmed messages fail, not for good. NULLs *o.
	 */
	void (*close)(struct outlet **o);
};

struct outlet {
	const struct outlet_vtable *v;
};

#endif
