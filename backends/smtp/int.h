/* Among the files of the mail outlet. */
#ifndef BACKENDS_SMTP_INT_H
#define BACKENDS_SMTP_INT_H

#include "backends/smtp/smtp.h"
#include "backends/submission.h"
#include "base/buf.h"

enum {
	SMTP_ADDRESS_MAX = 320,
	/* To write one mail in: its text, in base64, and its head. */
	SMTP_WORK_BYTES = 131072,
};

/* local@domain, in ASCII, with nothing that could leave its place. */
bool smtp_address_ok(struct slice address);

struct slice smtp_domain(struct slice address);

/* Copies the texts that conf points to, and points it there; to be freed.
   NULL: no memory. */
char *smtp_keep_texts(struct smtp_conf *conf);

/* Head and body as they go over the line. .p == NULL: no memory. */
struct slice smtp_write(const struct smtp_conf *conf, struct arena *a,
			const struct outlet_msg *msg);

/* ---- one connection ------------------------------------------------------ */

struct smtp_post;

struct smtp_post *smtp_post_new(const struct smtp_conf *conf,
				bool (*give_up)(void *ctx), void *ctx,
				struct err *e);
void smtp_post_free(struct smtp_post **p);

enum smtp_end {
	SMTP_SENT,
	SMTP_REFUSED, /* this message, for good */
	SMTP_LATER,   /* this message, not for good */
	SMTP_DOWN,    /* the server: nothing goes */
};

/* why: at least 200 bytes. */
enum smtp_end smtp_post(struct smtp_post *p, const struct submission *in,
			char *why);
/* After SMTP_DOWN: may the server have the message all the same? */
bool smtp_post_doubt(const struct smtp_post *p);

#endif
