/*
 * Files of an export: only the owner may read them, and one that is written
 * over is replaced whole or not at all.
 */
#ifndef SERVER_COMMANDS_OUTFILE_H
#define SERVER_COMMANDS_OUTFILE_H

#include "base/arena.h"
#include "base/err.h"

#include <stdio.h>

struct srv_outfile {
	FILE *f;
	char *path; /* NULL: standard output */
	char *tmp;
};

/* path NULL: standard output. Strings live in the arena. */
int srv_outfile_open(struct arena *a, const char *path, struct srv_outfile *o,
		     struct err *e);
/* Flush and put in place. */
int srv_outfile_commit(struct srv_outfile *o, struct err *e);
/* Throw away what was written, unless it was committed. */
void srv_outfile_abort(struct srv_outfile *o);

/* A directory, made (0700) if it is not there. */
int srv_outfile_dir(const char *path, struct err *e);

#endif
