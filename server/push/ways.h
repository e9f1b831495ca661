/*
 * How one device wants to be woken: the words of `funicular push set`, and what
 * they mean. Channel, address and secret are columns of their own
 * (backends/store_push.h); the rest is lines of "key value".
 */
#ifndef SERVER_PUSH_WAYS_H
#define SERVER_PUSH_WAYS_H

#include "backends/store.h"
#include "syncml/notify.h"

enum srv_push_form {
	SRV_PUSH_SAN,   /* binary, of SyncML 1.2 */
	SRV_PUSH_SAN_G, /* the same under the generic content type */
	SRV_PUSH_WBXML11,
	SRV_PUSH_XML11,
	SRV_PUSH_WBXML10,
	SRV_PUSH_XML10,
	SRV_PUSH_EMN,  /* "there is mail" */
	SRV_PUSH_TEXT, /* for people */
	SRV_PUSH_FORM_N,
};

enum {
	SRV_PUSH_GAP_S = 60,
	SRV_PUSH_VALUE_MAX = 512, /* bytes of one value */
};

struct srv_push_ways {
	enum srv_push_form form;
	struct slice server;      /* our name for it; empty: the site's */
	struct slice collections; /* by commas; empty: all that it syncs */
	struct slice mailbox;     /* of EMN: "mailat:anna@example.org" */
	int quiet_from, quiet_to; /* minutes of the day; equal: no such hours */
	int64_t gap_s;            /* at least between two notices */
	int64_t day_max; /* messages of a day; 0: any number, -1: as the site
			    says */
	bool all_mail;   /* all that happens to mail, not what is new alone */
	int code;        /* 206 to 210 */
	enum sml_notify_ui ui;
};

/* What does not read is as if it were not set. */
void srv_push_ways_read(struct slice text, struct srv_push_ways *out);

/*
 * Set one key, or with an empty value take it back: a new text in *text.
 * ERR_NOTFOUND: no such key; ERR_PARSE: not a value for it, with a sentence.
 */
int srv_push_ways_set(struct arena *a, struct slice *text, struct slice key,
		      struct slice value, struct err *e);

/* Is a channel there, and an address one that it can take? */
int srv_push_check(struct slice channel, struct slice address, struct err *e);

/* Does it want to hear of this collection? */
bool srv_push_wants(const struct srv_push_ways *w, struct slice collection);

/* For help and manuals: key, what it takes, what it means; NULL at the end. */
struct srv_push_key {
	const char *key;
	const char *takes;
	const char *means;
};
extern const struct srv_push_key srv_push_keys[];

#endif
