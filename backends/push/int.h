/* Among the files of the gateways' outlets. */
#ifndef BACKENDS_PUSH_INT_H
#define BACKENDS_PUSH_INT_H

#include "backends/push/push.h"
#include "base/buf.h"

enum {
	/* Octets of user data in one SMS. */
	PUSH_SMS_BYTES = 140,
	/* Parts of one message: more is refused. */
	PUSH_PARTS_MAX = 10,
	/* Memory of one message: its requests. */
	PUSH_WORK_BYTES = 65536,
	/* Of an answer: the rest is not read. */
	PUSH_ANSWER_BYTES_MAX = 4096,
	PUSH_WHY_BYTES = 160,
};

/* ---- wsp.c: what a phone gets, no I/O ------------------------------------ */

/* WSP unit "push": transaction id, type, headers, body. */
void push_wsp(struct buf *b, const struct outlet_notice *n);

struct push_part { /* one SMS */
	struct slice udh;
	struct slice data;
};

/*
 * Cut a unit into messages for the phone's WAP port. ref: the same for all
 * parts of one message, and for its repeats. 0 parts: it is too long, or
 * memory is short.
 */
size_t push_parts(struct arena *a, struct slice unit, unsigned char ref,
		  struct push_part out[static PUSH_PARTS_MAX]);

/* ---- dialects: requests and what the answers mean -------------------------
 */

struct push_request {
	const char *url;
	const char *header[4]; /* NULL at the end */
	struct slice body;
	bool post;
};

enum push_end {
	PUSH_SENT,
	PUSH_REFUSED, /* this message, for good */
	PUSH_LATER,   /* this message, not for good */
	PUSH_DOWN,    /* the gateway: nothing goes */
};

struct push_dialect {
	const char *name;
	/* All requests of one message, in order; 0: it cannot be sent. */
	size_t (*make)(const struct push_conf *conf, struct arena *a,
		       const struct outlet_msg *msg,
		       struct push_request out[static PUSH_PARTS_MAX]);
	enum push_end (*judge)(int64_t status, struct slice answer,
			       char why[static PUSH_WHY_BYTES]);
};

extern const struct push_dialect push_kannel, push_ppg, push_post;

/* For dialects: "why" from an answer's first line, fit for a log. */
void push_why(char why[static PUSH_WHY_BYTES], int64_t status,
	      struct slice answer);
/* A gateway may say what it was asked: nobody reads the secret there. */
void push_hide(struct arena *a, struct buf *answer, const char *secret);
/* What an HTTP status means that a dialect has no word of its own for. */
enum push_end push_status(int64_t status);
/* Octets as a query's value. */
void push_quote(struct buf *b, struct slice s);
/* "?" or "&" behind what the URL has. */
void push_query(struct buf *b, const char *url);
/* The buffer as a string in its arena; NULL: it did not fit. */
const char *push_cstr(struct buf *b);

#endif
