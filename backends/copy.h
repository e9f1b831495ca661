/*
 * A whole site from one store into another, of any two engines: devices keep
 * their anchors and maps, so that no phone needs a slow sync.
 *
 * The unit is the account. It is read in one snapshot and written in one
 * transaction, so it is in the target whole or not at all; and since every
 * transaction that writes to an account takes its next change number, equal
 * numbers on both sides say that nothing is missing. That is the whole memory
 * of a copy: killed at any instant, it is started again and goes on.
 *
 * The source may be in use meanwhile. What changed is copied again, pass by
 * pass; at last the source is sealed: from then on a daemon that still runs
 * on it is told at each write that the site has moved (ERR_UNAVAILABLE, so
 * its devices try again later), and what was changed since the pass before is
 * copied.
 */
#ifndef BACKENDS_COPY_H
#define BACKENDS_COPY_H

#include "backends/store.h"

enum store_copy_what {
	STORE_COPY_MOVE,  /* all, and the source stays sealed */
	STORE_COPY_KEEP,  /* all, and the source is open again at the end */
	STORE_COPY_AHEAD, /* what can be done while the source is in use */
	STORE_COPY_CHECK, /* compare only */
};

struct store_copy_sum {
	size_t accounts; /* of the source */
	size_t done;     /* of them, in this pass */
	size_t copied;   /* all told: an account may count more than once */
	size_t compared; /* the same */
	int pass;
	bool sealed;         /* the source is, in this pass */
	int64_t rows, bytes; /* written to the target */
	int64_t sealed_ms;   /* how long writers were turned away */
};

enum { STORE_COPY_SAYINGS_MAX = 100 };

struct store_copy_say { /* sentences, at most STORE_COPY_SAYINGS_MAX */
	struct slice *text;
	size_t n;
	size_t all; /* those beyond it counted too */
};

struct store_copy {
	struct store *from, *to;
	const char *to_name; /* for people; holds no password */
	enum store_copy_what what;
	/* After each account and each batch of rows; may be NULL. */
	void (*tell)(void *ctx, const struct store_copy_sum *s);
	void *ctx;
	/* Out: */
	struct store_copy_sum sum;
	struct store_copy_say finding; /* what differs still */
	struct store_copy_say note;    /* what was mended */
};

/*
 * Copy or compare. Both stores have the current schema. The target is empty or
 * a copy of this site that was not finished (ERR_CONFLICT otherwise); nobody
 * uses it; while it goes on, a second one from or into either is refused
 * (ERR_CONFLICT). With findings the copy is not finished, and as after a
 * failure the source is opened again. The findings live in `a`.
 */
int store_copy_run(struct store_copy *c, struct arena *a, struct err *e);

/* Open a sealed source again: the site has not moved after all. ERR_CONFLICT
   while a copy is running. */
int store_copy_reopen(struct store *s, struct err *e);

/* Take away a word of the site's (store.h, site_init). */
int store_site_forget(struct store *s, const char *key, struct err *e);

/* May a daemon or a command work on it? ERR_CONFIG for a site that has moved
   and for an unfinished copy. */
int store_copy_usable(struct store *s, struct err *e);

#endif
