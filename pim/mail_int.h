/* Shared by the files of mail only. */
#ifndef PIM_MAIL_INT_H
#define PIM_MAIL_INT_H

#include "pim/core.h"
#include "pim/mail.h"

/* ---- mail.c: the head ---------------------------------------------------- */
int pim_mail_canon(const struct pim_item *it, struct buf *out, struct err *e);
int pim_mail_parse(struct arena *a, enum pim_kind kind, struct slice canon,
		   struct pim_item **out, struct err *e);
int pim_mail_identify(struct arena *a, const struct pim_item *it,
		      struct pim_ids *out, struct err *e);
int pim_mail_score(const struct pim_item *x, const struct pim_item *y);
uint64_t pim_mail_hash(const struct pim_item *it);
struct slice pim_mail_title(struct arena *a, const struct pim_item *it);
int pim_mail_merge(struct arena *a, const struct pim_merge *in,
		   struct pim_merged *out, struct err *e);
/* NULL: memory is short. */
struct pim_item *pim_mail_new(struct arena *a, enum pim_kind kind);

/* ---- mail_read.c, mail_write.c: what devices send and get ---------------- */
int pim_mail_read(struct arena *a, enum pim_form form, struct slice body,
		  struct pim_item **out, struct err *e);
int pim_mail_write(struct arena *a, const struct pim_view *view,
		   const struct pim_item *it, struct buf *out, struct err *e);

/* Names of the flags in the head and in the OMA object; bit i of the set. */
enum { PIM_MAIL_FLAG_N = 5 };
extern const char *const pim_mail_flag_names[PIM_MAIL_FLAG_N];

static inline bool
pim_is_mail(enum pim_kind kind)
{
	return kind == PIM_MAIL || kind == PIM_FOLDER;
}

#endif
