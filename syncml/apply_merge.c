/*
 * An edit of an item that the server has: merge what the user did into the
 * current revision, keep what the device sent as a revision of its own where
 * the merge made something else, and note what the device holds now.
 */
#include "syncml/apply.h"

enum { BASES_MAX = STORE_OFFERS_MAX + 1 };

/* What the device had after it was sent this revision in this form. *today:
   it would be sent it in that form now, so that absence tells something. */
static int
base_item(struct sml_batch *b, const struct sml_op *op,
	  const struct store_revision *rev, uint64_t form,
	  struct pim_item **out, bool *today)
{
	const struct pim_view *view;
	struct pim_item *it;

	if (sml_batch_parse(b, (unsigned)op->pim->kind, rev->body, &it) < 0)
		return -1;
	*today = true;
	*out = it;
	if (form == 0)
		return 0;
	view = sml_view_held(b->a, b->view, it, form);
	/* Where others added what it cannot hold: what it sends now tells as
	   much as what it sent then. */
	if (view != NULL && view->id != form)
		view = sml_view_held(b->a, b->view, op->pim, form);
	if (view == NULL)
		return err_set(&b->c->e, ERR_NOMEM, "merge.base",
			       "no memory for a form");
	*today = form == view->id;
	return pim_seen(b->a, view, it, out, &b->c->e);
}

static int
bases(struct sml_batch *b, const struct sml_op *op, const struct store_map *row,
      const struct pim_item **list, struct pim_merge *in)
{
	struct store_offer all[BASES_MAX];
	size_t all_n = 0;

	if (row->held != 0)
		all[all_n++] =
		    (struct store_offer){ row->held, row->held_form };
	for (size_t i = 0; i < row->offer_n; i++)
		all[all_n++] = row->offer[i];
	in->absence_counts = true;
	for (size_t i = 0; i < all_n; i++) {
		const struct store_revision *rev =
		    sml_batch_rev(b, row->item, all[i].revision);
		struct pim_item *it;
		bool today;

		if (rev == NULL || rev->deleted)
			continue;
		if (base_item(b, op, rev, all[i].form, &it, &today) < 0)
			return -1;
		in->absence_counts = in->absence_counts && today;
		if (i == 0 && row->held != 0)
			in->base_own = all[i].form == 0;
		list[in->base_n++] = it;
	}
	return 0;
}

static struct store_write *
write_new(struct sml_batch *b, const struct store_item *head, int64_t revision)
{
	struct store_write *w = &b->w[b->w_n++];

	*w = (struct store_write){
		.item = head->id,
		.collection = head->collection,
		.kind = head->kind,
		.revision = revision,
		.device = b->c->dev.id,
		.session = b->c->row.id,
		.old_size = head->deleted ? 0 : head->size,
		.was_deleted = head->deleted,
	};
	return w;
}

static void
write_ids(struct store_write *w, const struct pim_ids *ids, struct slice body)
{
	w->uid = ids->uid;
	w->h_uid = ids->h_uid;
	w->h_content = ids->h_content;
	w->h_identity = ids->h_identity;
	w->span = (struct store_span){ ids->span.set, ids->span.from_ms,
				       ids->span.to_ms };
	w->body = body;
}

/* Keep the device's own content as a revision; gives its number. */
static int64_t
write_sent(struct sml_batch *b, const struct sml_op *op,
	   const struct store_item *head, bool side)
{
	struct store_write *w = write_new(b, head, head->last_revision + 1);

	w->side = side;
	w->origin = STORE_BY_DEVICE;
	write_ids(w, &op->ids, op->canon);
	w->due = op->due;
	return w->revision;
}

static int
write_merged(struct sml_batch *b, const struct pim_item *it,
	     const struct store_item *head, int64_t revision)
{
	struct store_write *w = write_new(b, head, revision);
	struct pim_ids ids;
	struct slice canon;

	if (pim_canon(b->a, it, &canon, &b->c->e) < 0 ||
	    pim_identify(b->a, it, &ids, &b->c->e) < 0)
		return -1;
	w->origin = STORE_BY_MERGE;
	write_ids(w, &ids, canon);
	return sml_batch_due(b, it, &w->due);
}

/* In a slow sync nothing is known of what the device had; but a row of the new
   map was made in this very sync, from what it sent before. */
static bool
base_unknown(const struct sml_batch *b, const struct sml_op *op)
{
	return b->slow && op->row == NULL;
}

/* Nothing was edited: the device has an older revision, as we know it. */
static bool
is_echo(struct sml_batch *b, const struct sml_op *op,
	const struct store_item *head, struct store_map *row)
{
	int64_t revision = 0;
	uint64_t form = 0;

	if (head->h_content == op->ids.h_content) {
		revision = head->revision;
	} else if (base_unknown(b, op) && sml_batch_sees(b, op, head)) {
		revision = head->revision;
		form = b->view->id;
	} else {
		const struct store_revision *held =
		    sml_batch_rev(b, head->id, row->held);

		if (held != NULL && row->held_form == 0 &&
		    held->h_content == op->ids.h_content)
			revision = row->held;
		/* An old backup must not revert a year: but where the base is
		   known, going back to an older content is an edit. */
		for (size_t i = 0; revision == 0 && i < b->echoes_n; i++) {
			if (b->echoes[i].item == head->id &&
			    b->echoes[i].h_content == op->ids.h_content &&
			    b->ds->type != 203 &&
			    (base_unknown(b, op) ||
			     row->touched >= b->ds->doubt_from ||
			     row->held == 0))
				revision = b->echoes[i].revision;
		}
	}
	if (revision == 0)
		return false;
	sml_map_holds(row, revision, form, b->ds->sync_no);
	if (revision != head->revision)
		sml_map_owe(row, true, 0);
	return true;
}

static enum pim_wins
policy(const struct sml_batch *b)
{
	switch (b->col->policy) {
	case STORE_POLICY_SERVER:
		return PIM_WINS_SERVER;
	case STORE_POLICY_CLIENT:
		return PIM_WINS_CLIENT;
	case STORE_POLICY_NEWEST:
	case STORE_POLICY_DUPLICATE:
		break;
	}
	return PIM_WINS_NEWEST;
}

/* Both stay: what the device sent becomes an item of its own. */
static int
duplicate(struct sml_batch *b, struct sml_op *op, const struct store_item *head,
	  struct store_map *row)
{
	struct store_map *own = &b->m[b->m_n++];

	sml_map_owe(row, false, 0); /* the server's goes out as a new one */
	b->w[b->w_n] = (struct store_write){
		.item = b->c->tx->next_id++,
		.create = true,
		.collection = head->collection,
		.kind = head->kind,
		.revision = 1,
		.origin = STORE_BY_DEVICE,
		.device = b->c->dev.id,
		.session = b->c->row.id,
	};
	write_ids(&b->w[b->w_n], &op->ids, op->canon);
	b->w[b->w_n].due = op->due;
	*own = (struct store_map){ .link = b->ds->link,
				   .gen = b->ds->gen,
				   .item = b->w[b->w_n].item,
				   .luid = op->luid };
	sml_map_holds(own, 1, 0, b->ds->sync_no);
	b->w_n++;
	b->ds->in.added++;
	op->code = 209;
	return 0;
}

static void
status_of(const struct sml_batch *b, struct sml_op *op,
	  const struct pim_merged *r, bool edited_elsewhere)
{
	if (b->slow || op->tag == SML_ADD)
		return;
	if (r->clashes > 0)
		op->code = r->client_won ? 208 : r->server_won ? 419 : 207;
	else if (edited_elsewhere && r->differs_incoming)
		op->code = 207;
}

/* Deleted elsewhere, and what came is what the device held or was offered: sent
   again after a broken session. It shall delete it, too. */
static bool
is_again(struct sml_batch *b, const struct sml_op *op, struct store_map *row,
	 const struct pim_item *const *base, size_t base_n)
{
	bool same = false;

	if (b->slow)
		return false;
	for (size_t i = 0; i < base_n && !same; i++)
		same = pim_same(b->a, base[i], op->pim);
	if (same)
		sml_map_owe(row, true, 0);
	return same;
}

/*
 * Deleted elsewhere, edited here: the edit wins, the item comes back. *body is
 * what it had when the device last saw it, for what the device cannot hold;
 * false: that is gone, and what came was written as it is.
 */
static bool
revives(struct sml_batch *b, struct sml_op *op, const struct store_item *head,
	struct store_map *row, struct slice *body)
{
	const struct store_revision *held =
	    sml_batch_rev(b, head->id, row->held);

	b->ds->conflicts++;
	sml_report_event(b->c, b->ds, STORE_EVENT_CONFLICT, head->id,
			 head->revision, STORE_HOW_EDIT);
	sml_tell(b->c, '=',
		 "edit of item %lld (LUID %.*s) against a delete: the item is "
		 "back",
		 (long long)head->id, SLICE_ARG(op->luid));
	if (held != NULL && !held->deleted) {
		*body = held->body;
		return true;
	}
	b->ds->in.replaced++;
	sml_map_holds(row, write_sent(b, op, head, false), 0, b->ds->sync_no);
	return false;
}

static int
store_merged(struct sml_batch *b, struct sml_op *op,
	     const struct store_item *head, struct store_map *row,
	     const struct pim_merged *r)
{
	int64_t sent;

	if (!r->differs_current && !head->deleted) {
		/* The server's stays; what the device has is history. */
		sent = write_sent(b, op, head, true);
		sml_map_holds(row, sent, 0, b->ds->sync_no);
		if (r->differs_incoming)
			sml_map_owe(row, true, 0);
		return 0;
	}
	b->ds->in.replaced++;
	if (pim_same(b->a, r->item, op->pim)) {
		sent = write_sent(b, op, head, false);
		sml_map_holds(row, sent, 0, b->ds->sync_no);
		return 0;
	}
	sent = write_sent(b, op, head, true);
	sml_map_holds(row, sent, 0, b->ds->sync_no);
	if (r->differs_incoming)
		sml_map_owe(row, true, 0);
	return write_merged(b, r->item, head, sent + 1);
}

static int64_t
edited(const struct sml_batch *b, const struct pim_item *it,
       const struct pim_merge *in)
{
	return pim_edited_ms(it, in->base_n == 0 ? NULL : in->base[0],
			     b->c->now);
}

static void
tell_clash(struct sml_batch *b, const struct sml_op *op,
	   const struct store_item *head, const struct pim_merged *r,
	   bool twice)
{
	b->ds->conflicts++;
	sml_report_event(b->c, b->ds, STORE_EVENT_CONFLICT, head->id,
			 head->revision,
			 twice           ? STORE_HOW_DUPLICATE
			 : r->client_won ? STORE_HOW_DEVICE
			 : r->server_won ? STORE_HOW_SERVER
					 : STORE_HOW_EACH);
	sml_tell(b->c, '=',
		 "conflict in item %lld (LUID %.*s): %u properties, %s",
		 (long long)head->id, SLICE_ARG(op->luid), r->clashes,
		 r->client_won   ? "the device's edit won"
		 : r->server_won ? "the server's stayed"
				 : "each side won some");
}

int
sml_op_merge(struct sml_batch *b, struct sml_op *op,
	     const struct store_item *head, struct store_map *row,
	     bool known_base)
{
	const struct pim_item *list[BASES_MAX];
	struct pim_item *current;
	struct pim_merged r = { 0 };
	struct pim_merge in = {
		.view = b->view,
		.incoming = op->pim,
		.base = list,
		.wins = policy(b),
		.replace = b->ds->type == 203,
	};
	bool twice;
	bool elsewhere = row->held != 0 && row->held != head->revision;
	struct slice body = head->body;

	if (!head->deleted && is_echo(b, op, head, row))
		return 0;
	if (bases(b, op, row, list, &in) < 0)
		return -1;
	if (head->deleted && (is_again(b, op, row, list, in.base_n) ||
			      !revives(b, op, head, row, &body)))
		return 0;
	if (sml_batch_parse(b, head->kind, body, &current) < 0)
		return -1;
	in.current = current;
	in.current_ms = edited(b, current, &in);
	in.incoming_ms = edited(b, op->pim, &in);
	if (!known_base)
		in.absence_counts = false;
	if (base_unknown(b, op))
		in.base_n = 0;
	if (pim_merge(b->a, &in, &r, &b->c->e) < 0)
		return -1;
	twice = r.clashes > 0 && !b->slow &&
		b->col->policy == STORE_POLICY_DUPLICATE;
	if (r.clashes > 0)
		tell_clash(b, op, head, &r, twice);
	if (twice)
		return duplicate(b, op, head, row);
	status_of(b, op, &r, elsewhere);
	return store_merged(b, op, head, row, &r);
}
