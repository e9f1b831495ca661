/*
 * One operation of the client, decided: a new item, an edit, a match, a
 * deletion. Writes are gathered in the batch; nothing is stored here.
 */
#include "syncml/apply.h"

static void
take(struct sml_batch *b, int64_t item)
{
	b->taken[b->taken_n++] = item;
}

static struct store_map *
put_row(struct sml_batch *b, const struct store_map *old, int64_t item,
	struct slice luid)
{
	struct store_map *m = &b->m[b->m_n++];

	*m = old != NULL ? *old : (struct store_map){ 0 };
	m->link = b->ds->link;
	m->gen = b->ds->gen;
	m->item = item;
	m->luid = luid;
	take(b, item);
	return m;
}

/* ---- a new item --------------------------------------------------------- */

static int
create(struct sml_batch *b, struct sml_op *op)
{
	struct sml_ctx *c = b->c;
	const struct store_account *acc = &c->acc;
	int64_t size = (int64_t)op->canon.n;
	struct store_map *m;

	if (b->col->read_only) {
		op->code = 403;
		return 0;
	}
	if ((acc->quota_items > 0 && acc->used_items >= acc->quota_items) ||
	    (acc->quota_bytes > 0 &&
	     acc->used_bytes + size > acc->quota_bytes)) {
		op->code = 420;
		sml_tell(c, '=',
			 "item %.*s refused: the account's quota is "
			 "used up",
			 SLICE_ARG(op->luid));
		return 0;
	}
	b->w[b->w_n] = (struct store_write){
		.item = c->tx->next_id++,
		.create = true,
		.collection = sml_member_for(c, b->ds, op->pim->kind),
		.kind = op->pim->kind,
		.revision = 1,
		.uid = op->ids.uid,
		.h_uid = op->ids.h_uid,
		.h_content = op->ids.h_content,
		.h_identity = op->ids.h_identity,
		.span = { op->ids.span.set, op->ids.span.from_ms,
			  op->ids.span.to_ms },
		.due = op->due,
		.body = op->canon,
		.origin = STORE_BY_DEVICE,
		.device = c->dev.id,
		.session = c->row.id,
	};
	/* Of a copy the device knows nothing yet: it is sent as any other. */
	if (op->tag != SML_COPY) {
		m = put_row(b, NULL, b->w[b->w_n].item, op->luid);
		sml_map_holds(m, 1, 0, b->ds->sync_no);
	}
	b->w_n++;
	c->acc.used_items++;
	c->acc.used_bytes += size;
	b->ds->in.added++;
	op->code = 201;
	return 0;
}

/* ---- matched with one that the device did not have a row for ------------ */

/* Nothing may be written here, and what the device has is not ours: it gets
   the server's. */
static void
take_back(struct store_map *m)
{
	sml_map_owe(m, true, 0);
	m->held = 0;
	m->held_form = 0;
}

static int
adopt(struct sml_batch *b, struct sml_op *op,
      const struct store_candidate *cand, struct store_map *row)
{
	const struct store_item *head;
	struct store_map *m;

	b->ds->matched++;
	sml_report_event(b->c, b->ds, STORE_EVENT_MATCH, cand->item,
			 cand->revision, op->matched);
	op->code = op->tag == SML_ADD ? 201 : 200;
	if (cand->h_content == op->ids.h_content) {
		m = put_row(b, row, cand->item, op->luid);
		sml_map_holds(m, cand->revision, 0, b->ds->sync_no);
		return 0;
	}
	head = sml_item_find(b->items, b->items_n, cand->item);
	if (head == NULL)
		return err_set(&b->c->e, ERR_BUG, "sync.adopt",
			       "item %lld matched without its body",
			       (long long)cand->item);
	m = put_row(b, row, cand->item, op->luid);
	if (b->col->read_only) {
		take_back(m);
		return 0;
	}
	/* What it was offered and never confirmed is what it may hold. */
	return sml_op_merge(b, op, head, m, row != NULL && m->offer_n > 0);
}

/* ---- under a LUID that the map knows ------------------------------------ */

static int
fresh(struct sml_batch *b, struct sml_op *op)
{
	struct store_map *row;
	const struct store_candidate *cand = sml_batch_match(b, op, &row);

	if (cand != NULL)
		return adopt(b, op, cand, row);
	return create(b, op);
}

/* The LUID means another item now: the old one stays, and goes out anew. */
static int
reused(struct sml_batch *b, struct sml_op *op)
{
	const struct store_item *head =
	    sml_item_find(b->items, b->items_n, op->row->item);

	sml_tell(b->c, '=',
		 "id %.*s is used for another item now; both are "
		 "kept",
		 SLICE_ARG(op->luid));
	if (head == NULL || head->deleted) {
		b->drop[b->drop_n++] = op->row->item;
	} else {
		struct store_map *m = &b->m[b->m_n++];

		*m = *op->row;
		/* Deleted by it, and the LUID used again: still deleted. */
		if (m->state == STORE_MAP_DELETING &&
		    m->reason == SML_WHY_NOTED)
			m->luid = SLICE_LIT("");
		else
			sml_map_owe(m, false, 0);
	}
	return create(b, op);
}

static int
known(struct sml_batch *b, struct sml_op *op)
{
	const struct store_item *head =
	    sml_item_find(b->items, b->items_n, op->row->item);
	bool doubt = op->row->touched >= b->ds->doubt_from;
	struct store_map *m;

	if (head == NULL) {
		b->drop[b->drop_n++] = op->row->item;
		return create(b, op);
	}
	if ((op->tag == SML_ADD || b->slow ||
	     op->row->state == STORE_MAP_DELETING) &&
	    !sml_batch_agrees(b, op, op->row))
		return reused(b, op);
	if (b->col->read_only) {
		m = put_row(b, op->row, op->row->item, op->luid);
		if (head->deleted || head->h_content != op->ids.h_content)
			take_back(m);
		else
			sml_map_holds(m, head->revision, 0, b->ds->sync_no);
		op->code = op->tag == SML_ADD ? 201 : 200;
		return 0;
	}
	m = put_row(b, op->row, op->row->item, op->luid);
	op->code = op->tag == SML_ADD ? 201 : 200;
	return sml_op_merge(b, op, head, m, !doubt);
}

/* ---- Copy --------------------------------------------------------------- */

/* A second item like the one that the device names: its own from now on. */
static int
copy(struct sml_batch *b, struct sml_op *op)
{
	const struct store_item *head =
	    op->row == NULL
		? NULL
		: sml_item_find(b->items, b->items_n, op->row->item);

	if (head == NULL || head->deleted) {
		op->code = 404;
		return 0;
	}
	if (sml_batch_parse(b, head->kind, head->body, &op->pim) < 0)
		return -1;
	pim_drop_uid(op->pim);
	if (pim_canon(b->a, op->pim, &op->canon, &b->c->e) < 0 ||
	    pim_identify(b->a, op->pim, &op->ids, &b->c->e) < 0)
		return -1;
	return create(b, op);
}

/* ---- Delete ------------------------------------------------------------- */

static int
held_at_start(struct sml_batch *b)
{
	if (b->ds->held_at_start >= 0)
		return 0;
	return b->c->tx->v->map_count(b->c->tx, b->ds->link, b->ds->gen,
				      &b->ds->held_at_start, &b->c->e);
}

bool
sml_edited_elsewhere(const struct store_map *row, const struct store_item *head)
{
	return row->held < head->revision ||
	       (row->held > head->revision &&
		(row->state == STORE_MAP_DEBT || row->offer_n > 0));
}

/* What it sent and what was merged of it were written together: it knows of
   both, if nothing is due to it since. */
static void
know_own_merge(struct sml_batch *b, struct store_map *m,
	       const struct store_item *head)
{
	const struct store_revision *held = sml_batch_rev(b, m->item, m->held);

	if (m->state != STORE_MAP_LIVE || m->offer_n > 0 ||
	    m->held >= head->revision || held == NULL ||
	    held->change_no != head->change_no)
		return;
	m->held = head->revision;
	m->held_form = b->view->id;
}

/* The item stays here, and goes out to the device as a new one. */
static void
back(struct sml_batch *b, struct store_map *m)
{
	if (sml_map_back(b->c, m, b->ds->sync_no, &b->m[b->m_n]))
		b->m_n++;
}

/* What is deleted there only: it has something that the device does not know,
   or is not what it means. */
static bool
stays(struct sml_batch *b, struct sml_op *op, const struct store_item *head,
      struct store_map *m)
{
	if (m->reason == SML_WHY_REUSED && m->touched >= b->ds->doubt_from) {
		/* Said before the LUID was used again, and repeated? */
		back(b, m);
		sml_tell(b->c, '=',
			 "delete of %.*s, which was another item's: the item "
			 "stays",
			 SLICE_ARG(op->luid));
		return true;
	}
	know_own_merge(b, m, head);
	if (head->kind == PIM_FOLDER) {
		back(b, m);
		op->code = 403;
		sml_tell(b->c, '=', "folder %.*s is not deleted from here",
			 SLICE_ARG(op->luid));
		return true;
	}
	/* Of a mail only flags are edited, which nobody wants back. */
	if (head->kind == PIM_MAIL && !b->col->read_only)
		return false;
	if (!b->col->read_only && !sml_edited_elsewhere(m, head))
		return false;
	/* The edit wins. */
	back(b, m);
	b->ds->conflicts++;
	sml_report_event(b->c, b->ds, STORE_EVENT_CONFLICT, head->id,
			 head->revision, STORE_HOW_EDIT);
	sml_tell(b->c, '=', "delete of %.*s against an edit: the item stays",
		 SLICE_ARG(op->luid));
	return true;
}

static int
erase(struct sml_batch *b, struct sml_op *op)
{
	const struct store_item *head;
	struct store_map *m;
	bool shows;

	op->code = 200;
	if (op->row == NULL) {
		op->code = 211;
		return 0;
	}
	head = sml_item_find(b->items, b->items_n, op->row->item);
	if (head == NULL) {
		b->drop[b->drop_n++] = op->row->item;
		return 0;
	}
	m = &b->m[b->m_n++];
	*m = *op->row;
	if (head->deleted) {
		sml_map_gone(m, b->ds->sync_no);
		return 0;
	}
	if (op->row->state == STORE_MAP_DELETING &&
	    op->row->reason != SML_WHY_NOTED) {
		/* We took it off the device, and this says that it is: if it
		   belongs there again by now, it goes out as an Add. */
		back(b, m);
		return 0;
	}
	if (sml_filter_shows(b->c, b->ds, head, op->luid, &shows) < 0)
		return -1;
	if (!shows) {
		/* Outside of its window: the device tidies up. */
		b->m_n--;
		b->drop[b->drop_n++] = op->row->item;
		sml_tell(b->c, '=',
			 "delete of %.*s, which is outside of its filter: "
			 "the item stays here",
			 SLICE_ARG(op->luid));
		return 0;
	}
	if (op->cmd->sftdel) {
		/* It freed memory; the item is not deleted for anybody. */
		sml_map_holds(m, 0, 0, b->ds->sync_no);
		m->luid = SLICE_LIT("");
		m->state = STORE_MAP_GONE;
		return 0;
	}
	if (stays(b, op, head, m))
		return 0;
	if (held_at_start(b) < 0)
		return -1;
	/* Archived it is not, beyond the history that every item has. */
	if (op->cmd->archive)
		op->code = 210;
	/* Noted; decided for all together when the package ends. */
	m->state = STORE_MAP_DELETING;
	m->reason = SML_WHY_NOTED;
	m->offer_n = 0;
	m->touched = b->ds->sync_no;
	b->ds->noted++;
	b->ds->in.deleted++;
	return 0;
}

int
sml_op_decide(struct sml_batch *b, struct sml_op *op)
{
	if (op->tag == SML_DELETE)
		return erase(b, op);
	if (b->mail)
		return sml_mail_decide(b, op);
	if (op->tag == SML_COPY)
		return copy(b, op);
	/* The LUID means another item now. */
	if (op->gone != NULL)
		b->drop[b->drop_n++] = op->gone->item;
	if (op->row != NULL)
		return known(b, op);
	if (fresh(b, op) < 0)
		return -1;
	if (op->gone != NULL && op->code < 300 &&
	    sml_map_open(b->c, b->ds, op->gone) &&
	    b->m[b->m_n - 1].state == STORE_MAP_LIVE)
		b->m[b->m_n - 1].reason = SML_WHY_REUSED;
	return 0;
}
