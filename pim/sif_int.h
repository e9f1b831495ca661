/* Shared by pim/sif*.c only. */
#ifndef PIM_SIF_INT_H
#define PIM_SIF_INT_H

#include <stdio.h>

#include "pim/core.h"
#include "pim/lines_int.h"
#include "pim/recur.h"
#include "pim/sif.h"
#include "pim/xml.h"
#include "pim/zone.h"

/* ---- reading --------------------------------------------------------------
 */

struct sif_el {
	struct pim_xml_el el; /* text: UTF-8, LF line ends, not escaped */
	size_t pos;           /* where in the document */
	bool used;
};

/* A document as its elements, sorted by name (and place), and what is made of
   it. */
struct sif_in {
	struct arena *a;
	struct sif_el *v;
	size_t n;
	struct pim_comp *comp;
	struct pim_prop **tail; /* of comp's properties */
	bool nomem;
};

/* The elements of one name: *n of them, from the one returned on. They count
   as used. NULL: there are none. */
struct sif_el *sif_all(struct sif_in *in, struct slice name, size_t *n);
/* Of several the first that is not empty. */
struct sif_el *sif_find(struct sif_in *in, struct slice name);
/* Its text, trimmed; empty: it is not there, or is. */
struct slice sif_text(struct sif_in *in, const char *name);
/* Is there an element of that name, empty or not? */
bool sif_has(struct sif_in *in, const char *name);
bool sif_true(struct slice s);
/* A number from 0 to 100000, or `other`. */
int sif_number(struct slice s, int other);

/* Add a property to in->comp; canonical value. NULL: memory is short. */
struct pim_prop *sif_add(struct sif_in *in, struct slice name,
			 struct slice value);
void sif_param(struct sif_in *in, struct pim_prop *p, const char *name,
	       struct slice value);

/* ---- elements that are one property each -----------------------------------
 */

enum sif_how {
	SIF_VALUE, /* as the kind of the property's value says */
	SIF_DAY,   /* BDAY: "1970-01-31" */
};

struct sif_row {
	struct slice el;
	struct slice prop;
	enum sif_how how;
	struct slice type; /* TYPE, or empty */
};

#define SIF_ROW(e, p)                                                          \
	{                                                                      \
		SLICE_INIT(e), SLICE_INIT(p), SIF_VALUE, SLICE_INIT("")        \
	}
/* What has no counterpart is kept under Funambol's own name. */
#define SIF_OWN(e, upper) SIF_ROW(e, "X-FUNAMBOL-" upper)

void sif_read_rows(struct sif_in *in, const struct sif_row *row, size_t n);
/* Elements that nobody looked at, but for those named. */
void sif_read_others(struct sif_in *in, const char *const *skip, size_t n);
/* Sensitivity. */
void sif_read_class(struct sif_in *in);

/* ---- writing --------------------------------------------------------------
 */

struct sif_out {
	struct arena *a;
	struct buf *b;
	const struct pim_view *view;
	bool nomem;
};

/* <name>text</name>, if the device knows it: plain text, line breaks LF. */
void sif_put(struct sif_out *o, struct slice name, struct slice text);
void sif_put_c(struct sif_out *o, const char *name, const char *text);
void sif_put_number(struct sif_out *o, const char *name, int64_t v);
/* With an attribute, if its value is not empty; text that needs no escaping. */
void sif_put_raw(struct sif_out *o, struct slice name, const char *attr,
		 struct slice value, struct slice text);
/* Canonical text to plain. */
struct slice sif_plain(struct sif_out *o, struct slice canon);
void sif_write_rows(struct sif_out *o, const struct pim_comp *comp,
		    const struct sif_row *row, size_t n);
/* What sif_read_others() kept. */
void sif_write_others(struct sif_out *o, const struct pim_comp *comp);
void sif_write_class(struct sif_out *o, const struct pim_comp *comp);

/* ---- the kinds: the inside of the document
 * ------------------------------------
 */

int sif_contact_read(struct sif_in *in, struct pim_item **out, struct err *e);
void sif_contact_write(struct sif_out *o, const struct pim_item *it);

int sif_cal_read(struct sif_in *in, const struct pim_view *view, bool todo,
		 struct pim_item **out, struct err *e);
int sif_cal_write(struct sif_out *o, const struct pim_item *it, struct err *e);

/* RecurrenceType and the like to RRULE; *told: PIM_TOLD_*. zone: of the
   account, or NULL. */
void sif_read_rule(struct sif_in *in, const struct pim_zone *zone,
		   unsigned *told);
/* false: SIF cannot say it, and nothing was written. */
bool sif_write_rule(struct sif_out *o, const struct pim_recur *r,
		    const struct pim_time *start, bool all_day);
void sif_write_no_rule(struct sif_out *o);
/* "2026-03-01" or the basic form. */
struct slice sif_day(struct arena *a, int64_t wall);

#endif
