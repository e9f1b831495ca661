/*
 * Mail that a person wrote goes to the server that takes submissions
 * (RFC 6409): one message at a time, to all its recipients or to none.
 * backends/smtp/ implements it.
 */
#ifndef BACKENDS_SUBMISSION_H
#define BACKENDS_SUBMISSION_H

#include "base/err.h"
#include "base/slice.h"

enum { SUBMIT_RECIPIENTS_MAX = 200, SUBMIT_WHY_BYTES = 200 };

struct submission {
	const char *from;      /* of the envelope: local@domain */
	const char *const *to; /* bare addresses */
	size_t to_n;
	struct slice bytes; /* as it goes out; CR LF line ends */
	/* Asked once, when the server wants to hear the message and before its
	   first byte leaves: false, and nothing was sent. NULL: go on. */
	bool (*ready)(void *ctx);
	void *ctx;
};

enum submit_end {
	SUBMIT_SENT,
	SUBMIT_REFUSED, /* this message, for good; nobody has it */
	SUBMIT_LATER,   /* not sent; it may work later */
	SUBMIT_DOUBT,   /* all of it went out, and no answer came */
};

struct submitter;

/* Is this an address that a message can be sent to? */
bool submit_address_ok(struct slice address);

/* why: SUBMIT_WHY_BYTES. */
enum submit_end submit(struct submitter *s, const struct submission *in,
		       char *why);
void submit_close(struct submitter **s);

#endif
