/*
 * An account's mail folders as items, for devices that sync folders: a
 * collection of their own, which every combined database of mail shows first,
 * so that a folder comes before what lies in it.
 */
#ifndef SYNCML_MAIL_FOLDER_H
#define SYNCML_MAIL_FOLDER_H

#include "backends/store.h"

/*
 * Bring the items in line with the folders, within the transaction that
 * changed these, or that made a combined collection. Without any combined one
 * there is nothing to do.
 */
int sml_mail_folders(struct store_tx *tx, struct arena *a, struct err *e);

#endif
