/* What `funicular device` is made of: its windows. */
#ifndef SERVER_COMMANDS_DEVICE_H
#define SERVER_COMMANDS_DEVICE_H

#include "server/commands/call.h"

/* Empty: there is none with this id. */
struct slice srv_collection_name(const struct store_collection *col, size_t n,
				 int64_t id);
/* "all", "headers", "text". */
struct slice srv_mail_parts(int64_t parts);
/* The window of the database that --db names, as the other options say; none
   of them: nothing is done. An exit code. */
int srv_device_window(struct srv_call *c, struct store_tx *tx, int64_t device);

#endif
