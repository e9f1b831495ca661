/*
 * Which items of a database a device wants to see, as its last session said
 * it (session_filter.c keeps it as words in the link).
 */
#ifndef SYNCML_FILTER_H
#define SYNCML_FILTER_H

#include "backends/store.h"
#include "pim/filter.h"

/* A filter, ready to be asked. */
struct sml_filter_use {
	bool on;
	bool inclusive;
	int64_t since_ms, before_ms;
	struct slice terms;
	struct pim_filter *filter; /* of the terms */
	struct pim_mail_cut cut;   /* how much of each mail */
};

/* From the words of a link's filter_asked; empty ones: all items. */
int sml_filter_read(struct arena *a, struct slice words,
		    struct sml_filter_use *out, struct err *e);

/* May an item of these dates be inside, where the later edge has moved by as
   much since? What left at the earlier one does not come back. */
bool sml_filter_dates_may(const struct sml_filter_use *u,
			  const struct store_item *it, int64_t moved_ms);

/* Is there more to it than dates? Then an item that the device has not got is
   asked for by its content. */
bool sml_filter_has_terms(const struct sml_filter_use *u);
int sml_filter_terms_match(struct arena *a, const struct sml_filter_use *u,
			   const struct store_item *it,
			   const struct pim_item *pim, bool *in, struct err *e);

#endif
