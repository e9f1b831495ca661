/*
 * Is it one that we have? Matching makes no duplicates: by LUID of an older
 * map (a hint), UID, content, then a scored identity; one to one, so that two
 * equal items made on purpose stay two.
 */
#include "syncml/apply.h"

enum { SCORE_MATCH = 50 };

static bool
is_taken(const struct sml_batch *b, int64_t item)
{
	for (size_t i = 0; i < b->taken_n; i++) {
		if (b->taken[i] == item)
			return true;
	}
	return false;
}

/* May this item be given to the device's item? *row: its row, if any. */
static bool
is_free(struct sml_batch *b, const struct store_candidate *cand,
	struct store_map **row)
{
	*row = NULL;
	if (is_taken(b, cand->item))
		return false;
	if (!cand->mapped)
		return true;
	*row = sml_map_find(b->cand_rows, b->cand_rows_n, cand->item);
	if (*row == NULL)
		return false;
	/* Delivered and never mapped: this is the missing Map. Deleted and
	   held back: the device has it again. */
	return (*row)->luid.n == 0 && ((*row)->state == STORE_MAP_SENT ||
				       (*row)->state == STORE_MAP_GONE ||
				       (*row)->state == STORE_MAP_DEBT);
}

static int
score(struct sml_batch *b, const struct sml_op *op, int64_t item)
{
	const struct store_item *it = sml_item_find(b->items, b->items_n, item);
	struct pim_item *have;

	if (it == NULL || it->deleted || it->kind != (unsigned)op->pim->kind ||
	    pim_parse(b->a, op->pim->kind, it->body, &have, NULL) < 0)
		return 0;
	return pim_score(b->a, op->pim, have);
}

/* It has this very content in its history. */
static bool
had_content(const struct sml_batch *b, int64_t item, uint64_t h_content)
{
	for (size_t i = 0; i < b->echoes_n; i++) {
		if (b->echoes[i].item == item &&
		    b->echoes[i].h_content == h_content)
			return true;
	}
	return false;
}

/* The LUID's item of an older generation, if it agrees. */
static const struct store_item *
hinted(struct sml_batch *b, const struct sml_op *op)
{
	const struct store_item *it;

	if (op->hint == NULL)
		return NULL;
	it = sml_item_find(b->items, b->items_n, op->hint->item);
	if (it == NULL || it->deleted ||
	    (it->h_content != op->ids.h_content &&
	     !had_content(b, it->id, op->ids.h_content) &&
	     score(b, op, it->id) < SCORE_MATCH))
		return NULL;
	return it;
}

/* Its own LUID comes later in this message: its twin does not take it. */
static bool
is_claimed(struct sml_batch *b, const struct sml_op *op, int64_t item)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct sml_op *o = &b->op[i];

		if (o != op && o->code == 0 && o->row == NULL &&
		    o->hint != NULL && o->hint->item == item &&
		    o->tag != SML_DELETE && hinted(b, o) != NULL)
			return true;
	}
	return false;
}

/* The LUID's item of an older generation, if it agrees and no other LUID of
   this one got it: in an earlier message a twin may have. */
static const struct store_candidate *
by_hint(struct sml_batch *b, const struct sml_op *op, struct store_map **row)
{
	const struct store_item *it = hinted(b, op);
	struct store_candidate *cand;

	if (it == NULL)
		return NULL;
	cand = ARENA_NEW(b->a, struct store_candidate);
	if (cand == NULL)
		return NULL;
	*cand = (struct store_candidate){
		.item = it->id,
		.collection = it->collection,
		.revision = it->revision,
		.last_revision = it->last_revision,
		.kind = it->kind,
		.h_uid = it->h_uid,
		.h_content = it->h_content,
		.h_identity = it->h_identity,
		.size = it->size,
		.mapped =
		    sml_map_find(b->cand_rows, b->cand_rows_n, it->id) != NULL,
	};
	return is_free(b, cand, row) ? cand : NULL;
}

enum reason { BY_CONTENT, BY_UID, BY_IDENTITY };

static bool
fits(struct sml_batch *b, const struct sml_op *op,
     const struct store_candidate *cand, const struct store_map *row,
     enum reason why)
{
	if (cand->kind != (unsigned)op->pim->kind)
		return false;
	switch (why) {
	case BY_CONTENT:
		/* Equal content under another UID is another item. */
		return cand->h_content == op->ids.h_content &&
		       (cand->h_uid == op->ids.h_uid || cand->h_uid == 0 ||
			op->ids.h_uid == 0);
	case BY_UID:
		return op->ids.h_uid != 0 && cand->h_uid == op->ids.h_uid &&
		       score(b, op, cand->item) >= SCORE_MATCH;
	case BY_IDENTITY:
		/* In an ordinary sync a new item that resembles one is new,
		   unless that one was delivered and never mapped. */
		return (b->slow || row != NULL) &&
		       cand->h_identity == op->ids.h_identity &&
		       op->ids.h_identity != 0 &&
		       score(b, op, cand->item) >= SCORE_MATCH;
	}
	return false;
}

static uint64_t
hash_for(const struct sml_op *op, enum reason why)
{
	switch (why) {
	case BY_CONTENT:
		return op->ids.h_content;
	case BY_UID:
		return op->ids.h_uid;
	case BY_IDENTITY:
		return op->ids.h_identity;
	}
	return 0;
}

const struct store_candidate *
sml_batch_match(struct sml_batch *b, struct sml_op *op, struct store_map **row)
{
	static const enum reason order[] = { BY_CONTENT, BY_UID, BY_IDENTITY };
	static const enum store_event_how how[] = {
		[BY_CONTENT] = STORE_HOW_CONTENT,
		[BY_UID] = STORE_HOW_UID,
		[BY_IDENTITY] = STORE_HOW_IDENTITY,
	};
	const struct store_candidate *hit = by_hint(b, op, row);

	op->matched = STORE_HOW_LUID;
	if (hit != NULL)
		return hit;
	*row = NULL;
	for (size_t r = 0; r < sizeof(order) / sizeof(order[0]); r++) {
		uint64_t hash = hash_for(op, order[r]);
		size_t n;
		const struct sml_cand_key *k = sml_batch_with_hash(b, hash, &n);

		for (size_t i = 0; hash != 0 && i < n; i++) {
			struct store_map *m;

			if (is_free(b, k[i].cand, &m) &&
			    fits(b, op, k[i].cand, m, order[r]) &&
			    !is_claimed(b, op, k[i].cand->item)) {
				*row = m;
				op->matched = how[order[r]];
				return k[i].cand;
			}
		}
	}
	return NULL;
}

/* A LUID is a hint, not a proof: is what came the item that the row means? */
bool
sml_batch_agrees(struct sml_batch *b, const struct sml_op *op,
		 const struct store_map *row)
{
	const struct store_item *head =
	    sml_item_find(b->items, b->items_n, row->item);
	const struct store_revision *held =
	    sml_batch_rev(b, row->item, row->held);
	struct pim_item *have;

	if (head != NULL && !head->deleted &&
	    (head->h_content == op->ids.h_content ||
	     score(b, op, row->item) >= SCORE_MATCH))
		return true;
	if (held == NULL || held->deleted)
		return false;
	return held->h_content == op->ids.h_content ||
	       (pim_parse(b->a, op->pim->kind, held->body, &have, NULL) == 0 &&
		pim_score(b->a, op->pim, have) >= SCORE_MATCH);
}
