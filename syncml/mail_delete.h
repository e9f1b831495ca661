/*
 * Mails that are deleted here are to be deleted at their mailbox, too, whoever
 * decides it: a device, or a person about deletes that were held back.
 */
#ifndef SYNCML_MAIL_DELETE_H
#define SYNCML_MAIL_DELETE_H

#include "backends/store.h"

/*
 * Note what is to be done for items that are about to become tombstones; those
 * that are no mail, or are tombstones already, are passed over. device: whose
 * delete it is. *effects grows by what was noted. With the tombstones in one
 * transaction.
 */
int sml_mail_delete(struct store_tx *tx, struct arena *a, int64_t device,
		    const struct store_item *it, size_t n, size_t *effects,
		    struct err *e);

#endif
