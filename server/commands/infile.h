/*
 * A file to be imported, whole in memory.
 */
#ifndef SERVER_COMMANDS_INFILE_H
#define SERVER_COMMANDS_INFILE_H

#include "pim/pim.h"

struct srv_infile {
	struct slice text;
	char *heap; /* owned */
};

/* "-": standard input. Gives an exit code; failure was spoken for. f can be
   closed in any case. */
int srv_infile_open(const char *path, struct srv_infile *f);
void srv_infile_close(struct srv_infile *f);

/* By the end of its name; PIM_FORM_NONE: look inside. */
enum pim_form srv_infile_form(const char *path);

#endif
