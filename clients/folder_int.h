/*
 * Inside of the directory database; only clients/folder*.c include this.
 */
#ifndef CLIENTS_FOLDER_INT_H
#define CLIENTS_FOLDER_INT_H

#include "clients/folder.h"

struct folder_item { /* a row, and what this session knows of it */
	struct cli_row row;
	bool dead;    /* its row is gone */
	bool present; /* the file was there when we looked */
	bool unread;  /* ... and could not be read: leave it alone */
	bool fresh;   /* came with this session */
	bool touched; /* by the batch that is being put together */
	unsigned char now[CLI_HASH_BYTES];  /* content when we looked */
	enum cli_op op;                     /* to be sent */
	unsigned char sent[CLI_HASH_BYTES]; /* content that was sent */
	bool was_sent;
	int status; /* the server's for it; 0: none yet */
};

struct maildir;

struct cli_folder {
	struct cli_db db; /* first */
	struct cli_folder_conf conf;
	struct pim_caps caps; /* of the phone that we play */
	struct cli_state *state;
	struct cli_link link;
	int dir;
	struct maildir *maildir;   /* NULL: files, as they are */
	struct arena *a;           /* as long as the folder is open */
	struct folder_item *items; /* in the order of their LUIDs */
	size_t n, cap;
	size_t next;      /* item that next() looks at */
	bool old_pending; /* some Map of an earlier session is not confirmed */
	unsigned tmp_no;
	bool started;
};

/* folder.c */
void folder_warn(struct cli_folder *f, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
struct folder_item *folder_find(struct cli_folder *f, int64_t luid);
/* A new item at the end; its LUID is the next one. NULL: memory is short. */
struct folder_item *folder_new(struct cli_folder *f, struct slice file);

/* Did the server take our change? */
static inline bool
cli_code_taken(int code)
{
	return (code >= 200 && code < 300) || code == 418 || code == 419;
}

/* folder_file.c */
enum folder_read { FOLDER_OK, FOLDER_GONE, FOLDER_BAD, FOLDER_BIG };
enum folder_read folder_file_read(struct cli_folder *f, struct arena *a,
				  struct slice name, struct slice *out);
void folder_hash(struct slice body, unsigned char out[CLI_HASH_BYTES]);
/* The content's hash; FOLDER_OK where it could be read. */
enum folder_read folder_file_hash(struct cli_folder *f, struct slice name,
				  unsigned char out[CLI_HASH_BYTES]);
/* Write `body` to a new file beside it (to disk, if sync); its name in tmp. */
enum { FOLDER_TMP_BYTES = 48 };
int folder_file_stage(struct cli_folder *f, struct slice body, bool sync,
		      char tmp[FOLDER_TMP_BYTES], struct err *e);
/* Give it its name. fresh: another file of that name must not be there. */
int folder_file_place(struct cli_folder *f, const char *tmp, struct slice name,
		      bool fresh, struct err *e);
int folder_file_remove(struct cli_folder *f, struct slice name, struct err *e);
/* Out of the way, but not lost: into .funicular/trash. */
int folder_file_trash(struct cli_folder *f, struct slice name, struct err *e);
/* Names (all: and contents) to disk. */
int folder_sync(struct cli_folder *f, bool all, struct err *e);
/* Left-overs of a killed run. */
void folder_clean(struct cli_folder *f);
/* A name for a new item: readable, safe, and not taken. */
int folder_name(struct cli_folder *f, struct slice body, int64_t luid,
		struct slice *out, struct err *e);
bool folder_is_ours(enum pim_form form, const char *name);

/* folder_apply.c */
int folder_apply(struct cli_db *db, struct arena *a, struct cli_incoming *in,
		 size_t n, struct err *e);
int folder_recover(struct cli_folder *f, struct err *e);
/* A refresh is complete: what did not come with it goes, what came stays. */
int folder_settle(struct cli_folder *f, struct err *e);

/* folder_sync.c */
extern const struct cli_db_ops folder_ops;
/* What a sync of this type sends of it. */
enum cli_op folder_op_for(const struct folder_item *it, int type);
int folder_scan(struct cli_folder *f, struct err *e);

#endif
