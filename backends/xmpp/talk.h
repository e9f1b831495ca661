/*
 * The conversation with a server, without its socket: bytes that came in go
 * through the reader to im_talk_stanza(), bytes to be sent are left in `out`.
 * One thread uses it.
 */
#ifndef BACKENDS_XMPP_TALK_H
#define BACKENDS_XMPP_TALK_H

#include "backends/xmpp/node.h"
#include "backends/xmpp/quota.h"
#include "backends/xmpp/sasl.h"
#include "backends/xmpp/xmpp.h"

enum {
	/* What waits for the socket; messages wait in the queue when half of
	   it is full, answers to strangers are dropped when all of it is. */
	IM_OUT_BYTES_MAX = 1048576,
	/* What one stanza of ours may become. */
	IM_SCRATCH_BYTES = 262144,
};

#define IM_NS_RECEIPTS "urn:xmpp:receipts"
#define IM_NS_COMMANDS "http://jabber.org/protocol/commands"
#define IM_NS_FORM "jabber:x:data"
#define IM_NS_INFO "http://jabber.org/protocol/disco#info"
#define IM_NS_ITEMS "http://jabber.org/protocol/disco#items"
#define IM_NS_ALARM "urn:funicular:alarm:1"

enum im_step {
	IM_STEP_OPEN,      /* our head is sent */
	IM_STEP_FEATURES,  /* the server's came */
	IM_STEP_STARTTLS,  /* asked for */
	IM_STEP_HANDSHAKE, /* TLS, the driver's work */
	IM_STEP_LOGIN,
	IM_STEP_BIND,
	IM_STEP_SESSION,
	IM_STEP_UP,
	IM_STEP_OVER, /* `why` says what happened */
};

struct im_talk {
	const struct im_conf *conf;
	const struct outlet_calls *calls;
	void *driver;
	/* Batch n was handled by the server: what it refused of it has been
	   told before. */
	void (*confirmed)(void *driver, uint64_t n);
	/* Our message came back. */
	void (*bounced)(void *driver, struct slice id, struct slice from,
			bool for_good, const char *why);

	enum im_step step;
	bool tls;            /* it is under TLS */
	bool plain_ok;       /* a line that needs none */
	bool logged_in;      /* bind comes next */
	bool session_wanted; /* RFC 3921's, behind it */
	bool restart;        /* a new stream: the reader forgets the old one */
	struct im_sasl sasl;
	struct slice jid, bare, domain; /* ours; in `a` */
	char ping[17];                  /* start of our pings' ids */
	char why[200];
	struct im_quota quota;
	struct arena *a;       /* as long as the conversation's owner */
	struct arena *scratch; /* one stanza */
	struct im_out {
		char *p;
		size_t n, cap, at;
	} out;
};

/* talk is zeroed, with conf, calls and the driver's part set. */
int im_talk_init(struct im_talk *t, struct err *e);
void im_talk_free(struct im_talk *t);

/* A new line: forgets the old one and greets. plain_ok: it needs no TLS. */
void im_talk_begin(struct im_talk *t, bool plain_ok);
/* `restart` is set and the reader has forgotten the old stream; tls: the
   handshake is done, too. */
void im_talk_again(struct im_talk *t, bool tls);
void im_talk_bye(struct im_talk *t);

/* What the reader calls; ctx is the talk. */
struct im_reader_calls im_talk_calls(struct im_talk *t);

/* Is there room for a message? */
bool im_talk_room(const struct im_talk *t);
/* A finished stanza. false: no room. */
bool im_talk_put(struct im_talk *t, struct slice text);
/* To be answered when all that was put before has been handled. */
void im_talk_ping(struct im_talk *t, uint64_t n);

/* The line is of no use any more. */
void im_talk_over(struct im_talk *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Write a message of ours; .p == NULL: it cannot be sent, ever. */
struct slice im_compose(const struct im_conf *conf, struct arena *a,
			const struct outlet_msg *msg);

/* ---- among the files of the conversation ------------------------------- */

/* Stanzas before the line is up. */
void im_login_opened(struct im_talk *t, const struct im_node *head);
void im_login_stanza(struct im_talk *t, const struct im_node *n);

/* Stanzas when it is up. */
void im_in_stanza(struct im_talk *t, const struct im_node *n);
void im_command(struct im_talk *t, const struct im_node *iq,
		const struct im_node *command);
void im_disco(struct im_talk *t, const struct im_node *iq,
	      const struct im_node *query);
/* Whether `from` may ask something now; then what the owner says to it. */
bool im_ask(struct im_talk *t, struct slice from, struct outlet_in *in,
	    struct outlet_answer *answer);

/* The head of an answer to an iq, with its end still open: "<iq ... type=''".
 */
struct buf im_answer(struct im_talk *t, const struct im_node *iq,
		     const char *type);
/* Refuse an iq. type: "cancel", "auth", "modify", "wait". */
void im_refuse(struct im_talk *t, const struct im_node *iq, const char *type,
	       const char *condition);
/* Put what was written; a stanza that grew too large is dropped. */
void im_say(struct im_talk *t, const struct buf *b);

/* The commands (XEP-0050). */
struct im_command_def {
	const char *node, *name;
	const char *title; /* of the form; NULL: it has none */
	const struct im_field_def {
		const char *name, *type, *label, *value;
	} * fields;
	size_t field_n;
};
extern const struct im_command_def im_commands[];
extern const size_t im_command_n;

#endif
