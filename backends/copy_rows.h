/*
 * Inside of the copy: rows of one table in key order, copied and compared.
 */
#ifndef BACKENDS_COPY_ROWS_H
#define BACKENDS_COPY_ROWS_H

#include "backends/copy.h"
#include "backends/rows.h"
#include "base/digest.h"

/* A walk over the rows of a table. */
struct walk {
	struct rows *r;
	const struct rows_table *t;
	int64_t account;    /* 0: all */
	struct arena *a[2]; /* this batch and the one before */
	struct rows_batch b;
	size_t at;
	bool begun;
	struct rows_cell after[ROWS_KEY_MAX];
	/* What went by: */
	int64_t rows, bytes;
	unsigned char hash[DIGEST_HASH_BYTES];
};

int walk_open(struct walk *w, struct rows *r, const struct rows_table *t,
	      int64_t account, struct err *e);
void walk_close(struct walk *w);
/* The next rows, at least one; n == 0: no more. */
int walk_batch(struct walk *w, struct err *e);
/* The next row; NULL: no more. Counts and hashes it. */
int walk_row(struct walk *w, const struct rows_cell **row, struct err *e);

/* What two walks over one table gave. */
struct walk_diff {
	bool differs;
	int64_t rows[2];
	unsigned char hash[2][DIGEST_HASH_BYTES];
	char first[120]; /* the key of the first row that differs */
};

/* Both to their ends. */
int walk_compare(struct walk *x, struct walk *y, struct walk_diff *d,
		 struct err *e);

#endif
