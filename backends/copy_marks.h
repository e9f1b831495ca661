/*
 * Inside of the copy: the words of `site` that make it restartable and keep
 * daemons off what is not finished.
 */
#ifndef BACKENDS_COPY_MARKS_H
#define BACKENDS_COPY_MARKS_H

#include "backends/rows.h"

/* NULL: it is not there. */
int copy_word(struct store *s, struct arena *a, const char *key,
	      struct slice **out, struct err *e);
/* Set or take away one word (value NULL), and with it seal or unseal (moved
   not NULL). */
int copy_mark(struct store *s, const char *key, const struct slice *value,
	      const bool *moved, struct err *e);
/* store_copy_reopen() for who holds the database. */
int copy_reopen(struct store *s, struct err *e);

#endif
