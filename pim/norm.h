/*
 * Items as lists of fields in normal form: what hashing, comparing and merging
 * work on. Two properties that mean the same have equal fields, whatever
 * dialect, order, case or escaping they came in.
 */
#ifndef PIM_NORM_H
#define PIM_NORM_H

#include "pim/core.h"

struct pim_field {
	struct slice name;     /* pim_name_of() */
	struct slice types;    /* "CELL,HOME": significant ones, sorted */
	struct slice norm;     /* value; empty: present but cleared */
	uint64_t params;       /* of other parameters that matter; 0: none */
	uint64_t h;            /* of norm */
	struct pim_prop *prop; /* NULL: the alarms */
	size_t mate;           /* scratch of whoever aligns two lists */
	size_t pos;            /* where in the item */
};

struct pim_fields {
	struct pim_field *v;
	size_t n;
};

enum { PIM_NO_MATE = -1 };

/* The component whose properties are the item's fields. */
struct pim_comp *pim_main(const struct pim_item *it);

/*
 * All fields but volatile ones, in the item's order. EXDATE and RDATE are one
 * field per date, with a property of its own; the alarms of an event are one
 * field "VALARM" without property. A note is the card of pim_note_card().
 */
int pim_fields_of(struct arena *a, const struct pim_item *it,
		  struct pim_fields *out, struct err *e);

/* By name, otherwise in the item's order. */
void pim_fields_sort(struct pim_fields *f);
/* Those of one name, of a sorted list. */
struct pim_fields pim_fields_named(const struct pim_fields *f,
				   struct slice name);

/* A note as an item with one property BODY, so that it merges like others. */
int pim_note_card(struct arena *a, const struct pim_item *note,
		  struct pim_item **out, struct err *e);

/* Escaped text to the form in which texts are compared. */
struct slice pim_norm_text(struct arena *a, struct slice value);

/* Letters to lower case (Latin, Greek, Cyrillic), blanks squeezed,
   punctuation away: for names. p == NULL: memory is short. */
struct slice pim_fold(struct arena *a, struct slice s);
/* The same with the words sorted and separated by one blank. */
struct slice pim_fold_words(struct arena *a, struct slice s);
/* Digits of a telephone number. */
struct slice pim_digits(struct arena *a, struct slice s);

/* h_content of struct pim_ids. */
int pim_content_hash(struct arena *a, const struct pim_item *it, uint64_t *out,
		     struct err *e);

uint64_t pim_mix(uint64_t h, uint64_t v);

#endif
