/*
 * What the files of the pim core share: converters of each kind, filtering by
 * capabilities, the normal form in which items are compared.
 */
#ifndef PIM_CORE_H
#define PIM_CORE_H

#include "base/err.h"
#include "pim/calendar.h"
#include "pim/lines.h"

/* Goes into every view's id: raise it when the same item and view would be
   written or read back differently than before. */
enum { PIM_CONVERTER_VERSION = 4 };

static inline int
pim_nomem(struct err *e, const char *where)
{
	return err_set(e, ERR_NOMEM, where, "memory is short");
}

/* ---- card.c ------------------------------------------------------------ */

/* A VCARD as parsed (2.1, 3.0 or 4.0) to the canonical item; uses the tree. */
int pim_card_read(struct arena *a, enum pim_form form, struct pim_comp *root,
		  struct pim_item **out, struct err *e);
/* The tree to send (2.1 or 3.0), not yet filtered by caps. */
int pim_card_write(struct arena *a, const struct pim_view *view,
		   const struct pim_item *it, struct pim_comp **out,
		   struct err *e);
/* The FN that a card without one gets; escaped. p == NULL: memory short. */
struct slice pim_card_fn(struct arena *a, const struct pim_comp *card);
/* 19700131, 1970-01-31T00:00:00Z, --0131 to 1970-01-31, --01-31. false: it is
   no day (or memory is short: out->p == NULL then). */
bool pim_card_day(struct arena *a, struct slice s, struct slice *out);

/* ---- note.c ------------------------------------------------------------- */

int pim_note_read(struct arena *a, struct slice body, struct pim_item **out,
		  struct err *e);
/* A VNOTE, or a VCALENDAR with a VJOURNAL. */
int pim_note_read_comp(struct arena *a, const struct pim_comp *root,
		       struct pim_item **out, struct err *e);
/* Title and text of forms that keep them apart, both plain: one text. */
int pim_note_join(struct arena *a, struct slice title, struct slice text,
		  struct pim_item **out, struct err *e);
/* The stored text, both ways: the plain text; a VJOURNAL where there is
   more. */
int pim_note_canon(struct arena *a, const struct pim_item *it, struct buf *out,
		   struct err *e);
int pim_note_parse(struct arena *a, struct slice canon, struct pim_item **out,
		   struct err *e);
int pim_note_write(struct arena *a, const struct pim_view *view,
		   const struct pim_item *it, struct buf *out, struct err *e);

/* ---- caps.c -------------------------------------------------------------- */

/* Does the list name anything but the frame (BEGIN, END, VERSION)? */
bool pim_caps_say(const struct pim_caps *caps);
/*
 * The capability entry for a property name, by this name or, if the device
 * does not list it, by another name of the same thing (*alias then set).
 */
const struct pim_cap *pim_cap_find(const struct pim_caps *caps,
				   struct slice name);
/* Restrict a tree in the device's form to what it can hold. -1: memory. */
int pim_caps_apply(struct arena *a, const struct pim_view *view,
		   struct pim_comp *root, struct err *e);
/* Is the device known to keep `bytes` bytes of this property, so that missing
   or shorter means its user's edit? */
bool pim_caps_keep(const struct pim_view *view, struct slice name,
		   size_t bytes);
/* The name under which all names of one thing are compared (X-NICKNAME and
   NICKNAME are one); itself if it has no other. */
struct slice pim_name_of(struct slice name);

/* ---- caps_list.c ----------------------------------------------------------
 */

/* Is it a fax, a pager or the like, which this device has none of: it lists
   other kinds? */
bool pim_caps_lack_kind(const struct pim_caps *caps, const struct pim_cap *cap,
			const struct pim_prop *p);

struct pim_place {         /* where a device puts an entry of a list */
	bool any;          /* it has one list for all */
	struct slice kind; /* its field for CELL, HOME, ...; empty: others */
	uint32_t sure;     /* how many of these it surely keeps; 0: none */
};

/* Of an entry with these types (as struct pim_field has them). */
struct pim_place pim_caps_place(const struct pim_caps *caps,
				const struct pim_cap *cap, struct slice types);
/* Would one with these types go there, too? */
bool pim_place_has(const struct pim_place *at, struct slice types);

#endif
