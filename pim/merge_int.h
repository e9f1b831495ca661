/* Shared by pim/merge*.c only. */
#ifndef PIM_MERGE_INT_H
#define PIM_MERGE_INT_H

#include "pim/norm.h"

enum {
	MERGE_BASES_MAX = 16,
	PARTS_MAX = 16, /* parts of a structured value */
	/* A shorter start of a text counts as cut off by the device only from
	   here on: no device has shorter fields, but people do shorten. */
	CUT_MIN_BYTES = 12
};

struct merge {
	struct arena *a;
	const struct pim_merge *in;
	const struct pim_item *current, *incoming; /* notes: as cards */
	struct pim_item *result;
	struct pim_comp *comp; /* its main component: being edited */
	struct pim_fields cur; /* of result's own properties */
	struct pim_fields inc;
	struct pim_fields seen; /* current as the device would have it */
	struct pim_fields base[MERGE_BASES_MAX];
	size_t base_n;
	bool absence_counts;
	bool client_wins;
	unsigned clash_client, clash_server;
	bool fn_edited;
	bool fn_made; /* the device's FN says no more than its N */
	struct err *e;
	bool nomem;
};

/* One property name on all sides. */
struct group {
	struct slice name;
	struct pim_fields cur, inc, seen;
	struct pim_fields base[MERGE_BASES_MAX];
};

/* A property edited unlike on both sides: does the client's edit win? */
bool pim_merge_clash(struct merge *m);

/* `shorter` is what a device may have left of `full` by itself. */
bool pim_merge_cut(const struct merge *m, struct slice name,
		   struct slice shorter, struct slice full);

/* Has the device said that it has none of that name? */
bool pim_merge_told(const struct merge *m, struct slice name);

/* Is the device known to keep this field of base[0], so that its absence is its
   user's edit? */
bool pim_merge_kept(const struct merge *m, const struct pim_field *x);

/* Take a property's value and parameters from the device's. */
void pim_merge_set(struct merge *m, struct pim_field *cur,
		   const struct pim_field *inc);
/* Only the types. */
void pim_merge_types(struct merge *m, struct pim_field *cur,
		     const struct pim_field *inc);
/* Append the device's property. */
void pim_merge_add(struct merge *m, const struct pim_field *inc);
void pim_merge_drop(struct merge *m, struct pim_field *cur);

/* merge_one.c: properties that occur once. */
void pim_merge_single(struct merge *m, const struct group *g);
void pim_union_single(struct merge *m, const struct group *g);

/* merge_list.c: TEL, EMAIL and the like. */
void pim_merge_list(struct merge *m, const struct group *g);
void pim_union_list(struct merge *m, const struct group *g);

/* merge_parts.c: structured values and lists in one property. */
void pim_merge_struct(struct merge *m, const struct group *g);
void pim_union_struct(struct merge *m, const struct group *g);
/* All that inc lacks of x are parts that x shares with a base: sent before,
   and dropped by the device. */
bool pim_parts_dropped(struct merge *m, const struct pim_field *x,
		       const struct pim_field *inc);
void pim_merge_elements(struct merge *m, const struct group *g);

#endif
