/*
 * A directory of files as a database: one item per file. Which files are ours
 * to sync says the extension; names that begin with a dot, links, and anything
 * that is no regular file are left alone. A change is a change of content.
 */
#ifndef CLIENTS_FOLDER_H
#define CLIENTS_FOLDER_H

#include "clients/client.h"
#include "clients/phone.h"
#include "clients/state.h"

struct cli_folder;

struct cli_folder_conf {
	const char *path;
	struct slice url, key, remote; /* what the state knows it by */
	enum pim_form form;
	int64_t max_item_bytes;        /* larger files are left alone */
	const struct cli_phone *phone; /* NULL: keeps everything */
	/* Let an empty directory delete all that the server has. */
	bool allow_empty;
	const struct clk *clk;
	void (*warn)(void *ctx, const char *line);
	void *warn_ctx;
};

/* The form that this word names ("vcard21", "ical20", "text"), or NONE. */
enum pim_form cli_form_of(const char *word);
const char *cli_form_name(enum pim_form form);
/* A guess from the database's name and the files that are there; NONE. */
enum pim_form cli_form_guess(const char *remote, const char *path);

/*
 * Open it, put right what a killed run left, and read what is there.
 * ERR_NOTFOUND: no such directory; ERR_CONFIG: it is empty and was not;
 * ERR_IO, ERR_NOMEM.
 */
int cli_folder_open(struct cli_state *s, const struct cli_folder_conf *conf,
		    struct cli_folder **out, struct err *e);
void cli_folder_close(struct cli_folder **f);

/* For the engine; valid until close. local, ask are the caller's to set. */
struct cli_db *cli_folder_db(struct cli_folder *f);
/* A refresh that was begun and not finished has to be done again: its type. */
int cli_folder_redo(const struct cli_folder *f);

/* What a sync of that type would send: for --dry-run. */
typedef void cli_folder_plan_fn(void *ctx, enum cli_op op, struct slice file);
void cli_folder_plan(struct cli_folder *f, int type, cli_folder_plan_fn *fn,
		     void *ctx);

#endif
