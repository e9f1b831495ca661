/*
 * A mail that lies in another folder than before is another item, there, for
 * devices that see one of the folders: a Delete here and an Add there. Those
 * that see both in one database keep it under its LUID, and are told where it
 * lies now.
 */
#ifndef SYNCML_MAIL_MOVE_H
#define SYNCML_MAIL_MOVE_H

#include "backends/store.h"

struct sml_mail_move {
	int64_t from, to;         /* items */
	int64_t revision;         /* the last one of `from` ... */
	int64_t same;             /* ... and of `to`, which is the same */
	int64_t from_col, to_col; /* their folders */
};

/*
 * In the transaction that writes `to`, before `from` becomes a tombstone.
 * except: a link that knows already; 0: none.
 */
int sml_mail_moved(struct store_tx *tx, struct arena *a, int64_t except,
		   const struct sml_mail_move *mv, size_t n, struct err *e);

#endif
