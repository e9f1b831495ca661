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

/* ---- as the device sees it ---------------------------------------------- */

/* NULL: memory is short, and nothing matches then. */
static struct sml_look *
look_at(struct sml_batch *b, const struct store_item *it)
{
	struct sml_look *look;

	if (b->look == NULL)
		b->look = ARENA_ARRAY(b->a, b->items_n, struct sml_look);
	if (b->look == NULL)
		return NULL;
	look = &b->look[it - b->items];
	if (!look->full_done && pim_parse(b->a, (enum pim_kind)it->kind,
					  it->body, &look->full, NULL) < 0)
		look->full = NULL;
	look->full_done = true;
	return look;
}

/* Costs a writing and a reading: asked only of what may be the one, and does
   not look it. */
static const struct pim_item *
seen(struct sml_batch *b, struct sml_look *look)
{
	if (!look->seen_done && look->full != NULL &&
	    pim_seen(b->a, b->view, look->full, &look->seen, NULL) < 0)
		look->seen = NULL;
	look->seen_done = true;
	return look->seen;
}

enum reason { BY_LUID, BY_CONTENT, BY_UID, BY_IDENTITY };

static bool
resembles(struct sml_batch *b, const struct sml_op *op,
	  const struct pim_item *have, enum reason why)
{
	return have != NULL && pim_score(b->a, op->pim, have) >= SCORE_MATCH &&
	       (why != BY_UID || pim_one_series(b->a, op->pim, have));
}

/* Is it the item, as it is stored or as it was cut for this device? */
static bool
is_like(struct sml_batch *b, const struct sml_op *op,
	const struct store_item *it, enum reason why)
{
	struct sml_look *look;

	if (it == NULL || it->deleted || it->kind != (unsigned)op->pim->kind)
		return false;
	look = look_at(b, it);
	return look != NULL && (resembles(b, op, look->full, why) ||
				resembles(b, op, seen(b, look), why) ||
				(why == BY_LUID && look->full != NULL &&
				 pim_is_cut(b->a, op->pim, look->full)));
}

bool
sml_batch_sees(struct sml_batch *b, const struct sml_op *op,
	       const struct store_item *head)
{
	struct sml_look *look;

	if (head->deleted || head->kind != (unsigned)op->pim->kind)
		return false;
	look = look_at(b, head);
	return look != NULL && seen(b, look) != NULL &&
	       pim_same(b->a, look->seen, op->pim);
}

/* What the device had may have been edited elsewhere since. */
static bool
held_is_like(struct sml_batch *b, const struct sml_op *op,
	     const struct store_map *row)
{
	const struct store_revision *held =
	    sml_batch_rev(b, row->item, row->held);
	struct pim_item *have;

	if (held == NULL || held->deleted)
		return false;
	if (held->h_content == op->ids.h_content)
		return true;
	if (pim_parse(b->a, op->pim->kind, held->body, &have, NULL) < 0)
		return false;
	return resembles(b, op, have, BY_LUID) ||
	       (row->held_form != 0 &&
		pim_seen(b->a, b->view, have, &have, NULL) == 0 &&
		resembles(b, op, have, BY_LUID));
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

static bool
hint_agrees(struct sml_batch *b, const struct sml_op *op,
	    const struct store_item *it)
{
	return it->h_content == op->ids.h_content ||
	       had_content(b, it->id, op->ids.h_content) ||
	       is_like(b, op, it, BY_LUID) || held_is_like(b, op, op->hint);
}

/* The LUID's item of an older generation, if it agrees. */
static const struct store_item *
hinted(struct sml_batch *b, struct sml_op *op)
{
	const struct store_item *it;

	if (op->hint == NULL || op->hinted == SML_HINT_BAD)
		return NULL;
	it = sml_item_find(b->items, b->items_n, op->hint->item);
	if (op->hinted == SML_HINT_NEW)
		op->hinted =
		    it != NULL && !it->deleted && hint_agrees(b, op, it)
			? SML_HINT_GOOD
			: SML_HINT_BAD;
	return op->hinted == SML_HINT_GOOD ? it : NULL;
}

/* Its own LUID comes later in this message: its twin does not take it. */
static bool
is_claimed(struct sml_batch *b, const struct sml_op *op, int64_t item)
{
	for (size_t i = 0; i < b->n; i++) {
		struct sml_op *o = &b->op[i];

		if (o != op && o->code == 0 && o->row == NULL &&
		    o->hint != NULL && o->hint->item == item &&
		    sml_op_brings(o) && hinted(b, o) != NULL)
			return true;
	}
	return false;
}

/* The LUID's item of an older generation, if it agrees and no other LUID of
   this one got it: in an earlier message a twin may have. */
static const struct store_candidate *
by_hint(struct sml_batch *b, struct sml_op *op, struct store_map **row)
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

static bool
fits(struct sml_batch *b, const struct sml_op *op,
     const struct store_candidate *cand, const struct store_map *row,
     enum reason why)
{
	const struct store_item *it =
	    sml_item_find(b->items, b->items_n, cand->item);

	if (cand->kind != (unsigned)op->pim->kind)
		return false;
	switch (why) {
	case BY_LUID:
		break;
	case BY_CONTENT:
		/* Equal content under another UID is another item. */
		return cand->h_content == op->ids.h_content &&
		       (cand->h_uid == op->ids.h_uid || cand->h_uid == 0 ||
			op->ids.h_uid == 0);
	case BY_UID:
		return cand->h_uid == op->ids.h_uid && is_like(b, op, it, why);
	case BY_IDENTITY:
		/* In an ordinary sync a new item that resembles one is new,
		   unless that one was delivered and never mapped. */
		return (b->slow || row != NULL) && is_like(b, op, it, why);
	}
	return false;
}

/* The first one with this hash that fits. */
static const struct store_candidate *
by_hash(struct sml_batch *b, const struct sml_op *op, uint64_t hash,
	enum reason why, struct store_map **row)
{
	size_t n;
	const struct sml_cand_key *k = sml_batch_with_hash(b, hash, &n);

	for (size_t i = 0; hash != 0 && i < n; i++) {
		const struct store_candidate *cand = k[i].cand;

		if (is_free(b, cand, row) && fits(b, op, cand, *row, why) &&
		    !is_claimed(b, op, cand->item))
			return cand;
	}
	*row = NULL;
	return NULL;
}

const struct store_candidate *
sml_batch_match(struct sml_batch *b, struct sml_op *op, struct store_map **row)
{
	uint64_t h[SML_IDENTITIES_MAX];
	size_t n = sml_op_identities(op, h);
	const struct store_candidate *hit = by_hint(b, op, row);

	op->matched = STORE_HOW_LUID;
	if (hit == NULL) {
		op->matched = STORE_HOW_CONTENT;
		hit = by_hash(b, op, op->ids.h_content, BY_CONTENT, row);
	}
	if (hit == NULL) {
		op->matched = STORE_HOW_UID;
		hit = by_hash(b, op, op->ids.h_uid, BY_UID, row);
	}
	for (size_t i = 0; hit == NULL && i < n; i++) {
		op->matched = STORE_HOW_IDENTITY;
		hit = by_hash(b, op, h[i], BY_IDENTITY, row);
	}
	return hit;
}

/* A LUID is a hint, not a proof: is what came the item that the row means? */
bool
sml_batch_agrees(struct sml_batch *b, const struct sml_op *op,
		 const struct store_map *row)
{
	const struct store_item *head =
	    sml_item_find(b->items, b->items_n, row->item);

	return (head != NULL && !head->deleted &&
		head->h_content == op->ids.h_content) ||
	       is_like(b, op, head, BY_LUID) || held_is_like(b, op, row);
}
