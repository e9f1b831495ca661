/*
 * What the client remembers: who it is, the anchors of each pair of databases,
 * and which file bears which LUID with which content. One SQLite file
 * (HOME/.funicular/state.db), one process at a time (a lock beside it).
 *
 * The idea: files and state cannot change in one step, so every change of a
 * file is announced in the state first (an intent), done, and then confirmed.
 * What a killed run left behind is told apart by content: a file that has the
 * announced content was done, any other was not.
 */
#ifndef CLIENTS_STATE_H
#define CLIENTS_STATE_H

#include "base/arena.h"
#include "base/err.h"

enum { CLI_HASH_BYTES = 32 };

struct cli_state;

/* A pair: one directory and one database of one server. */
struct cli_link {
	int64_t id;
	int64_t next_luid;
	struct slice client, server; /* anchors of the last good sync */
	int redo; /* a refresh that was begun and not finished; 0: none */
	int64_t last_ok_ms;
};

struct cli_row { /* an item */
	int64_t luid;
	struct slice file;
	bool has_base; /* the server has this content: */
	unsigned char base[CLI_HASH_BYTES];
	struct slice guid; /* of a Map not confirmed yet; empty: none */
	bool staged;       /* came with a refresh that is not complete */
};

enum cli_intent_op { CLI_WRITE = 1, CLI_UNLINK = 2 };

struct cli_intent {
	enum cli_intent_op op;
	struct cli_row row; /* as it shall be; base is the new content */
	bool fresh;         /* the file must not exist yet */
	bool had;           /* what the file held before: */
	unsigned char old[CLI_HASH_BYTES];
};

/*
 * step  called before and after everything that lasts (a commit, a rename);
 *       tests end the process there. NULL in the program.
 * ERR_CONFLICT: another process works with it. ERR_IO, ERR_NOMEM.
 */
int cli_state_open(const char *home, void (*step)(void *ctx), void *step_ctx,
		   struct cli_state **out, struct err *e);
void cli_state_close(struct cli_state **s);
void cli_state_step(struct cli_state *s);

/* Small values: *out empty when not set. */
int cli_state_get(struct cli_state *s, struct arena *a, const char *key,
		  struct slice *out, struct err *e);
int cli_state_set(struct cli_state *s, const char *key, struct slice value,
		  struct err *e);

int cli_state_begin(struct cli_state *s, struct err *e);
int cli_state_commit(struct cli_state *s, struct err *e);
void cli_state_rollback(struct cli_state *s);

/* The pair; created when it is new. */
int cli_state_link(struct cli_state *s, struct arena *a, struct slice url,
		   struct slice local, struct slice remote,
		   struct cli_link *out, struct err *e);
int cli_state_link_save(struct cli_state *s, const struct cli_link *l,
			struct err *e);

/* All rows in the order of their LUIDs; strings live in `a`. */
int cli_state_rows(struct cli_state *s, struct arena *a, int64_t link,
		   struct cli_row **out, size_t *n, struct err *e);
int cli_state_row_put(struct cli_state *s, int64_t link,
		      const struct cli_row *r, struct err *e);
int cli_state_row_del(struct cli_state *s, int64_t link, int64_t luid,
		      struct err *e);

int cli_state_intent_put(struct cli_state *s, int64_t link,
			 const struct cli_intent *i, struct err *e);
int cli_state_intents(struct cli_state *s, struct arena *a, int64_t link,
		      struct cli_intent **out, size_t *n, struct err *e);
int cli_state_intents_clear(struct cli_state *s, int64_t link, struct err *e);

#endif
