/*
 * A Maildir behind the directory database (clients/folder*.c); its form is
 * PIM_RFC822. Private to clients/.
 */
#ifndef CLIENTS_MAILDIR_H
#define CLIENTS_MAILDIR_H

#include "clients/folder_int.h"

/* Makes tmp, new and cur where they are missing. */
int maildir_open(struct cli_folder *f, struct err *e);
void maildir_close(struct cli_folder *f);

typedef int maildir_fn(void *ctx, struct slice name, struct err *e);
/* Each message by the part of its name that stays; thrown away ones not. */
int maildir_list(struct cli_folder *f, maildir_fn *fn, void *ctx,
		 struct err *e);
/* The file that a message is in now; NULL: it is not there. */
const char *maildir_path(const struct cli_folder *f, struct slice name);
/* Its bytes behind the fields that its file's name stands for. .p == NULL:
   memory is short. */
struct slice maildir_content(struct arena *a, const char *path,
			     struct slice bytes);
/* What came from the server as it will be read again: on its way through XML
   CR LF may have become LF, in those fields too. .p == NULL: memory is short.
 */
struct slice maildir_normal(struct arena *a, struct slice body);
/* Only those fields: a message never changes otherwise. */
struct slice maildir_flags_only(struct slice content);
/* A name for a new file, and the bytes that belong into it. */
struct slice maildir_stage(struct cli_folder *f, struct slice body,
			   char tmp[FOLDER_TMP_BYTES]);
int maildir_place(struct cli_folder *f, const char *tmp, struct slice name,
		  struct err *e);
void maildir_gone(struct cli_folder *f, struct slice name);
int maildir_name(struct cli_folder *f, int64_t luid, struct slice *out,
		 struct err *e);

#endif
