/*
 * SIF, the forms of Funambol's older clients: XML with a flat list of elements
 * (contact, appointment, task, note).
 *
 * The idea: SIF is one more surface of the canonical item. It is read into the
 * tree that a vCard 3.0 or vCalendar 1.0 would have given, and written from
 * the same; elements without a counterpart become X-FUNAMBOL- properties and
 * come back from them. Its clients send all elements that they know, so an
 * empty one means cleared and a missing one means nothing.
 */
#ifndef PIM_SIF_H
#define PIM_SIF_H

#include "pim/pim.h"

/* What the root element says; PIM_FORM_NONE: no SIF. */
enum pim_form pim_sif_root(struct slice body);

/* ERR_PARSE: no such document, or a broken one; ERR_LIMIT; ERR_NOMEM. */
int pim_sif_read(struct arena *a, const struct pim_view *view,
		 enum pim_form form, struct slice body, struct pim_item **out,
		 struct err *e);
/* In the form that the view asks for; ERR_UNSUPPORTED: not for this kind. */
int pim_sif_write(struct arena *a, const struct pim_view *view,
		  const struct pim_item *it, struct buf *out, struct err *e);

#endif
