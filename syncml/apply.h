/*
 * The client's changes: operations, gathered and decided in batches, so that a
 * message of many items costs a handful of calls to the store.
 *
 * Private to apply*.c and session_chunk.c.
 */
#ifndef SYNCML_APPLY_H
#define SYNCML_APPLY_H

#include "syncml/mail_move.h"
#include "syncml/session.h"

struct sml_op {
	const struct sml_cmd *cmd;
	const struct sml_item *item;
	enum sml_tag tag; /* SML_ADD, SML_REPLACE, SML_DELETE; SML_COPY, which
			     brings no item */
	struct slice luid;
	struct slice data; /* empty until a large object is whole */
	struct slice type, format;
	int code; /* its Status; 0: not decided yet */
	/* While it is worked on (apply_*.c): */
	struct pim_item *pim;
	struct slice canon;
	struct pim_ids ids;
	struct store_due due;
	struct store_map *row;  /* under this LUID in this generation */
	struct store_map *hint; /* ... in another one */
	struct store_map *gone; /* ... in this one, of what is gone there */
	enum store_event_how matched; /* by what */
	enum { SML_HINT_NEW, SML_HINT_GOOD, SML_HINT_BAD } hinted;
};

struct sml_cand_key {
	uint64_t hash;
	const struct store_candidate *cand;
};

/* An item of the batch as it is compared: read once, when first asked for. */
struct sml_look {
	struct pim_item *full; /* as it is stored; NULL: not readable */
	struct pim_item *seen; /* as this device has it: cut, moved, less */
	bool full_done, seen_done;
};

/* What a batch of operations is decided with, and what it decided. */
struct sml_batch {
	struct sml_ctx *c;
	struct arena *a; /* lives as long as the batch */
	struct sml_ds *ds;
	const struct pim_view *view;
	const struct store_collection *col;
	bool slow; /* 201 or 203: items are matched, the base is not known */
	struct sml_op *op;
	size_t n;
	struct store_map *rows; /* by LUID, every generation */
	size_t rows_n;
	struct store_item *items; /* with bodies, sorted by id */
	size_t items_n;
	struct sml_look *look;       /* of each of these; NULL: none yet */
	struct store_revision *revs; /* held and offered ones */
	size_t revs_n;
	struct store_revision *echoes; /* older ones that an op equals */
	size_t echoes_n;
	struct store_candidate *cand;
	size_t cand_n;
	struct sml_cand_key *key; /* candidates by hash, then by id */
	size_t key_n;
	struct store_map *cand_rows; /* of candidates and hints, sorted */
	size_t cand_rows_n;
	int64_t *taken; /* items that an op of this batch got */
	size_t taken_n;
	struct store_write *w;
	size_t w_n;
	struct store_map *m;
	size_t m_n;
	int64_t *drop;
	size_t drop_n;
	/* Of mail (apply_mail.c): bytes, effects, and whose bytes move. */
	bool mail;
	struct store_mail_body *body;
	size_t body_n;
	struct store_mail_effect *effect;
	size_t effect_n;
	struct sml_mail_move *moved;
	size_t moved_n;
};

/* Does the operation bring an item, as Add and Replace do? */
static inline bool
sml_op_brings(const struct sml_op *op)
{
	return op->tag == SML_ADD || op->tag == SML_REPLACE;
}

/* apply_read.c: bytes to item; a refusal goes into op->code. */
int sml_op_read(struct sml_batch *b, struct sml_op *op);
/* What of an item's alarms is due next. */
int sml_batch_due(struct sml_batch *b, const struct pim_item *it,
		  struct store_due *out);
/* apply_load.c: all that the decisions need, in a handful of calls. */
int sml_batch_load(struct sml_batch *b);
/* Candidates with this hash: from the returned one on, *n of them. */
const struct sml_cand_key *sml_batch_with_hash(const struct sml_batch *b,
					       uint64_t hash, size_t *n);
/* apply_match.c: the stored item that this one is; NULL: it is new. *row is
   that item's row in this generation, if it has one that may be taken. */
const struct store_candidate *
sml_batch_match(struct sml_batch *b, struct sml_op *op, struct store_map **row);
bool sml_batch_agrees(struct sml_batch *b, const struct sml_op *op,
		      const struct store_map *row);
/* Is it exactly what this device has of the item, as it is here now? */
bool sml_batch_sees(struct sml_batch *b, const struct sml_op *op,
		    const struct store_item *head);
/* Identities under which an operation's twin may stand: the first is its own;
   how many, at most SML_IDENTITIES_MAX. */
enum { SML_IDENTITIES_MAX = 1 + PIM_ALIKE_MAX };
size_t sml_op_identities(const struct sml_op *op, uint64_t *h);
/* apply_item.c: decide one operation. */
int sml_op_decide(struct sml_batch *b, struct sml_op *op);
/* apply_mail.c: the same for mail, with rules of its own; room for it, and what
   came of it into the store. */
int sml_mail_decide(struct sml_batch *b, struct sml_op *op);
/* session_folder.c: a folder that a device sends. */
int sml_dir_decide(struct sml_batch *b, struct sml_op *op);
int sml_mail_memory(struct sml_batch *b);
int sml_mail_store(struct sml_batch *b);
/* apply_merge.c: an edit of an item that the server has. */
int sml_op_merge(struct sml_batch *b, struct sml_op *op,
		 const struct store_item *head, struct store_map *row,
		 bool known_base);
int sml_batch_parse(struct sml_batch *b, unsigned kind, struct slice body,
		    struct pim_item **out);
const struct store_revision *sml_batch_rev(const struct sml_batch *b,
					   int64_t item, int64_t revision);

/* ---- session_chunk.c: large objects coming in ---- */
/*
 * Takes a chunk. *ready: the object is whole, and op->data is it; else
 * op->code is the Status.
 */
int sml_chunk_in(struct sml_ctx *c, struct sml_ds *ds, struct sml_op *op,
		 bool *ready);

#endif
