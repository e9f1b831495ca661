/*
 * A device's changes to mail. The IMAP server is the truth: of a mail only the
 * flags and the folder are the device's to change, and what it adds is kept in
 * the folders that are its own to fill (drafts, sent mail, the outbox). Each
 * change leaves an effect behind, in the same transaction, which is worked off
 * at IMAP or SMTP later.
 */
#include "base/digest.h"
#include "pim/mail.h"
#include "syncml/apply.h"

/* ---- where it goes ----------------------------------------------------- */

/* Where the operation puts its mail: the folder that it names, else the
   database's own, or its first one. */
static int
folder_of(struct sml_batch *b, const struct sml_op *op, int64_t *collection,
	  enum store_mail_role *role)
{
	*collection = 0;
	if (op->item != NULL && op->item->source_parent.n > 0 &&
	    sml_mail_folder(b->c, b->ds, op->item->source_parent, collection) <
		0)
		return -1;
	if (*collection == 0 && op->item != NULL &&
	    op->item->target_parent.n > 0 &&
	    sml_mail_folder(b->c, b->ds, op->item->target_parent, collection) <
		0)
		return -1;
	if (*collection == 0)
		*collection = sml_member_for(b->c, b->ds, PIM_MAIL);
	return sml_mail_role(b->c, *collection, role);
}

/* ---- effects
 * ------------------------------------------------------------------ */

static int
add_effect(struct sml_batch *b, struct store_mail_effect f)
{
	if (f.id.p == NULL)
		return err_set(&b->c->e, ERR_NOMEM, "mail.effect",
			       "no memory for what is to be done");
	f.state = STORE_EFFECT_QUEUED;
	f.device = b->c->dev.id;
	f.next_ms = b->c->tx->now_ms;
	b->effect[b->effect_n++] = f;
	return 0;
}

/* Of one device's mail under one LUID: whatever happens to the answer, it is
   sent once. */
static struct slice
send_id(const struct sml_batch *b, const struct sml_op *op,
	struct slice message_id)
{
	struct slice s =
	    arena_printf(b->a, "%lld %.*s %.*s", (long long)b->c->dev.id,
			 SLICE_ARG(op->luid), SLICE_ARG(message_id));

	if (s.p == NULL)
		return s;
	return arena_printf(b->a, "s-%016llx",
			    (unsigned long long)digest_u64(s));
}

/* ---- a new mail
 * ------------------------------------------------------------------ */

/* Its row has no item: the device shall delete what it added. */
static void
send_back(struct sml_batch *b, struct sml_op *op)
{
	struct store_map *m = &b->m[b->m_n++];

	*m = (struct store_map){
		.link = b->ds->link,
		.gen = b->ds->gen,
		.item = b->c->tx->next_id++,
		.luid = op->luid,
		.state = STORE_MAP_DELETING,
	};
	op->code = 403;
	sml_tell(b->c, '=',
		 "mail %.*s is taken back: a device adds to drafts, sent mail "
		 "and the outbox only",
		 SLICE_ARG(op->luid));
}

/* A Message-ID of its own, the same each time that it is sent again. */
static int
with_id(struct sml_batch *b, struct sml_op *op)
{
	const struct pim_mail *m = op->pim->mail;
	struct slice host = m->from;
	size_t at = slice_find(host, '@');
	struct pim_item *it;
	struct slice bytes;

	if (m->message_id.n > 0)
		return 0;
	host =
	    at == SIZE_MAX ? SLICE_LIT("localhost") : slice_from(host, at + 1);
	bytes = arena_printf(
	    b->a, "Message-ID: <%016llx.%016llx@%.*s>\r\n",
	    (unsigned long long)digest_u64(m->bytes),
	    (unsigned long long)digest_u64(send_id(b, op, m->from)),
	    SLICE_ARG(slice_sub(host, 0, SML_DEVID_BYTES_MAX)));
	if (bytes.p != NULL) {
		struct buf all = BUF_IN(b->a);

		buf_add(&all, bytes);
		buf_add(&all, m->bytes);
		bytes =
		    buf_ok(&all) ? buf_slice(&all) : (struct slice){ NULL, 0 };
	}
	if (bytes.p == NULL)
		return err_set(&b->c->e, ERR_NOMEM, "mail.id",
			       "no memory for a mail of %zu bytes", m->bytes.n);
	if (pim_mail_item(b->a, bytes, (int64_t)bytes.n, &it, &b->c->e) < 0)
		return -1;
	it->mail->flags = m->flags;
	op->pim = it;
	return 0;
}

/* Was this very mail sent before? Then its row leads to what became of it. */
static int
sent_before(struct sml_batch *b, struct sml_op *op, struct slice id, bool *yes)
{
	struct store_mail_effect *f;
	struct store_map *m;
	size_t n;

	*yes = false;
	/* One call for each mail that is to be sent: these are few. */
	if (b->c->tx->v->mail->effect_get(b->c->tx, b->a, &id, 1, &f, &n,
					  &b->c->e) < 0)
		return -1;
	if (n == 0)
		return 0;
	*yes = true;
	op->code = op->tag == SML_ADD ? 201 : 200;
	m = &b->m[b->m_n++];
	*m = (struct store_map){ .link = b->ds->link,
				 .gen = b->ds->gen,
				 .item = f->item,
				 .luid = op->luid };
	b->taken[b->taken_n++] = f->item;
	sml_map_owe(m, true, 0);
	/* Its item may be gone for good: then there is nothing to hold. */
	m->state = STORE_MAP_DELETING;
	sml_tell(b->c, '=', "mail %.*s was taken before: it is not sent twice",
		 SLICE_ARG(op->luid));
	return 0;
}

static struct store_write *
new_write(struct sml_batch *b, int64_t item, int64_t collection,
	  int64_t revision)
{
	struct store_write *w = &b->w[b->w_n++];

	*w = (struct store_write){
		.item = item,
		.create = revision == 1,
		.collection = collection,
		.kind = PIM_MAIL,
		.revision = revision,
		.origin = STORE_BY_DEVICE,
		.device = b->c->dev.id,
		.session = b->c->row.id,
	};
	return w;
}

static int
fill(struct sml_batch *b, struct store_write *w, const struct pim_item *it)
{
	struct pim_ids ids;

	if (pim_canon(b->a, it, &w->body, &b->c->e) < 0 ||
	    pim_identify(b->a, it, &ids, &b->c->e) < 0)
		return -1;
	w->uid = ids.uid;
	w->h_uid = ids.h_uid;
	w->h_content = ids.h_content;
	w->h_identity = ids.h_identity;
	w->span = (struct store_span){ ids.span.set, ids.span.from_ms,
				       ids.span.to_ms };
	return 0;
}

static bool
over_quota(const struct store_account *acc)
{
	return acc->quota_items > 0 && acc->used_items >= acc->quota_items;
}

/* The item, its bytes, and what is to be done with it. */
static int
create(struct sml_batch *b, struct sml_op *op, int64_t collection,
       enum store_mail_role role, struct slice id)
{
	struct pim_mail *m = op->pim->mail;
	int64_t item = b->c->tx->next_id++;
	struct store_write *w = new_write(b, item, collection, 1);
	struct store_map *row = &b->m[b->m_n++];

	m->said = PIM_MAIL_FLAGS;
	m->flags |= PIM_MAIL_READ;
	if (role == STORE_MAIL_DRAFTS)
		m->flags |= PIM_MAIL_DRAFT;
	/* Windows count from now. */
	m->received_ms = b->c->now;
	if (fill(b, w, op->pim) < 0)
		return -1;
	b->body[b->body_n++] = (struct store_mail_body){ item, true, m->bytes };
	*row = (struct store_map){ .link = b->ds->link,
				   .gen = b->ds->gen,
				   .item = item,
				   .luid = op->luid };
	b->taken[b->taken_n++] = item;
	sml_map_holds(row, 1, 0, b->ds->sync_no);
	b->c->acc.used_items++;
	b->c->acc.used_bytes += (int64_t)w->body.n;
	b->ds->in.added++;
	op->code = op->tag == SML_ADD ? 201 : 200;
	return add_effect(b, (struct store_mail_effect){
				 .id = id,
				 .what = role == STORE_MAIL_OUTBOX
					     ? STORE_EFFECT_SEND
					     : STORE_EFFECT_APPEND,
				 .item = item,
				 .collection = collection,
				 .message_id = m->message_id,
			     });
}

static int
add(struct sml_batch *b, struct sml_op *op)
{
	enum store_mail_role role;
	int64_t collection;
	struct slice id;
	bool sent = false;

	if (op->pim->kind != PIM_MAIL || b->col->read_only) {
		op->code = 403;
		return 0;
	}
	if (op->pim->mail->bytes.p == NULL) {
		op->code = 404; /* flags of a mail that nobody knows */
		return 0;
	}
	if (folder_of(b, op, &collection, &role) < 0)
		return -1;
	if (role != STORE_MAIL_OUTBOX && role != STORE_MAIL_DRAFTS &&
	    role != STORE_MAIL_SENT) {
		send_back(b, op);
		return 0;
	}
	if (over_quota(&b->c->acc)) {
		op->code = 420;
		return 0;
	}
	if (with_id(b, op) < 0)
		return -1;
	id = send_id(b, op, op->pim->mail->message_id);
	if (id.p == NULL)
		return err_set(&b->c->e, ERR_NOMEM, "mail.add",
			       "no memory for a mail");
	if (role != STORE_MAIL_OUTBOX)
		id = arena_printf(b->a, "a%.*s", SLICE_ARG(slice_from(id, 1)));
	if (sent_before(b, op, id, &sent) < 0)
		return -1;
	return sent ? 0 : create(b, op, collection, role, id);
}

/* ---- flags, folders, drafts of a mail that is here
 * ----------------------------------- */

/* What the device had of it when it changed the flags. */
static int
base_of(struct sml_batch *b, const struct store_map *row,
	struct pim_item **base)
{
	const struct store_revision *held =
	    sml_batch_rev(b, row->item, row->held);

	*base = NULL;
	if (held == NULL || held->deleted)
		return 0;
	return sml_batch_parse(b, PIM_MAIL, held->body, base);
}

static int
write_flags(struct sml_batch *b, const struct store_item *head,
	    const struct pim_item *now, unsigned was, struct store_map *m)
{
	struct store_write *w =
	    new_write(b, head->id, head->collection, head->last_revision + 1);
	unsigned flags = now->mail->flags;
	enum store_mail_role role;

	now->mail->modified_ms = b->c->now;
	w->old_size = head->size;
	if (fill(b, w, now) < 0 ||
	    sml_mail_role(b->c, head->collection, &role) < 0)
		return -1;
	sml_map_holds(m, w->revision, m->held_form, b->ds->sync_no);
	b->ds->in.replaced++;
	if (role == STORE_MAIL_OUTBOX)
		return 0; /* nobody knows of it but the devices */
	return add_effect(
	    b, (struct store_mail_effect){
		   .id = arena_printf(b->a, "f-%lld-%lld", (long long)head->id,
				      (long long)w->revision),
		   .what = STORE_EFFECT_FLAGS,
		   .item = head->id,
		   .collection = head->collection,
		   .flags_on = flags & ~was,
		   .flags_off = was & ~flags,
		   .message_id = now->mail->message_id,
	       });
}

/* Three ways: only what the device changed since it was told is taken. */
static int
merge(struct sml_batch *b, struct sml_op *op, const struct store_item *head,
      struct store_map *m)
{
	struct pim_item *current;
	struct pim_item *base;
	const struct pim_item *list[1];
	struct pim_merged r;
	struct pim_merge in = { .view = b->view,
				.incoming = op->pim,
				.base = list };

	if (sml_batch_parse(b, head->kind, head->body, &current) < 0 ||
	    base_of(b, m, &base) < 0)
		return -1;
	in.current = current;
	list[0] = base;
	in.base_n = base == NULL || (b->slow && op->row == NULL) ? 0 : 1;
	if (pim_merge(b->a, &in, &r, &b->c->e) < 0)
		return -1;
	if (!r.differs_current || b->col->read_only)
		sml_map_holds(m, head->revision, m->held_form, b->ds->sync_no);
	else if (write_flags(b, head, r.item, current->mail->flags, m) < 0)
		return -1;
	/* The device is told what it does not know; its bytes stay. */
	if (r.differs_incoming || (b->col->read_only && r.differs_current)) {
		sml_map_owe(m, true, 0);
		m->held = 0;
	}
	return 0;
}

static struct store_write *
tombstone(struct sml_batch *b, const struct store_item *head)
{
	struct store_write *w =
	    new_write(b, head->id, head->collection, head->last_revision + 1);

	w->deleted = true;
	w->uid = head->uid;
	w->old_size = head->size;
	return w;
}

/* Into another folder: another item there, of which the device has the bytes
   already. */
static int
move(struct sml_batch *b, struct sml_op *op, const struct store_item *head,
     int64_t to)
{
	int64_t item = b->c->tx->next_id++;
	struct pim_item *it;
	struct store_write *w;
	struct store_map *m = &b->m[b->m_n++];

	if (sml_batch_parse(b, head->kind, head->body, &it) < 0)
		return -1;
	(void)tombstone(b, head);
	w = new_write(b, item, to, 1);
	if (fill(b, w, it) < 0)
		return -1;
	b->moved[b->moved_n++] =
	    (struct sml_mail_move){ .from = head->id,
				    .to = item,
				    .revision = head->revision,
				    .same = 1,
				    .from_col = head->collection,
				    .to_col = to };
	*m = *op->row;
	m->item = item;
	m->held = 1;
	m->offer_n = 0;
	b->drop[b->drop_n++] = op->row->item;
	sml_map_holds(m, 1, m->held_form, b->ds->sync_no);
	b->taken[b->taken_n++] = item;
	b->ds->in.replaced++;
	return add_effect(
	    b, (struct store_mail_effect){
		   .id = arena_printf(b->a, "m-%lld", (long long)item),
		   .what = STORE_EFFECT_MOVE,
		   .item = item,
		   .collection = head->collection,
		   .to = to,
		   .message_id = it->mail->message_id,
	       });
}

/* A draft that was written on: the device's text, whole, and not what it had.
 */
static int
is_rewritten(struct sml_batch *b, const struct sml_op *op,
	     const struct store_item *head, bool *yes)
{
	const struct pim_mail_cut *cut = &b->view->mail;
	struct pim_item *it;
	enum store_mail_role role;

	*yes = false;
	if (sml_mail_role(b->c, head->collection, &role) < 0)
		return -1;
	if (role != STORE_MAIL_DRAFTS || op->pim->mail->bytes.p == NULL ||
	    cut->parts != PIM_MAIL_ALL || cut->bytes > 0 || cut->attach > 0)
		return 0;
	if (sml_batch_parse(b, head->kind, head->body, &it) < 0)
		return -1;
	*yes = it->mail->held == it->mail->size &&
	       (it->mail->size != op->pim->mail->size ||
		!slice_eq(it->mail->subject, op->pim->mail->subject));
	return 0;
}

static int
rewrite(struct sml_batch *b, struct sml_op *op, const struct store_item *head)
{
	struct slice id;

	(void)tombstone(b, head);
	if (add_effect(
		b, (struct store_mail_effect){
		       .id = arena_printf(b->a, "d-%lld", (long long)head->id),
		       .what = STORE_EFFECT_DELETE,
		       .item = head->id,
		       .collection = head->collection,
		   }) < 0)
		return -1;
	b->drop[b->drop_n++] = head->id;
	if (with_id(b, op) < 0)
		return -1;
	id = arena_printf(b->a, "a-%lld-%lld", (long long)head->id,
			  (long long)head->last_revision);
	return create(b, op, head->collection, STORE_MAIL_DRAFTS, id);
}

/* Under a LUID that the map knows. */
static int
known(struct sml_batch *b, struct sml_op *op)
{
	const struct store_item *head =
	    sml_item_find(b->items, b->items_n, op->row->item);
	enum store_mail_role role;
	struct store_map *m;
	int64_t to = 0;
	bool yes;

	if (head == NULL) {
		b->drop[b->drop_n++] = op->row->item;
		return add(b, op);
	}
	if ((op->tag == SML_ADD || b->slow) &&
	    !sml_batch_agrees(b, op, op->row)) {
		/* The LUID means another mail now. */
		if (head->deleted) {
			b->drop[b->drop_n++] = op->row->item;
		} else {
			m = &b->m[b->m_n++];
			*m = *op->row;
			sml_map_owe(m, false, 0);
		}
		return add(b, op);
	}
	op->code = op->tag == SML_ADD ? 201 : 200;
	if (!head->deleted && op->item != NULL && !b->col->read_only &&
	    (op->item->source_parent.n > 0 || op->item->target_parent.n > 0) &&
	    folder_of(b, op, &to, &role) < 0)
		return -1;
	if (to != 0 && to != head->collection && role != STORE_MAIL_OUTBOX)
		return move(b, op, head, to);
	if (!head->deleted && !b->col->read_only) {
		if (is_rewritten(b, op, head, &yes) < 0)
			return -1;
		if (yes)
			return rewrite(b, op, head);
	}
	m = &b->m[b->m_n++];
	*m = *op->row;
	b->taken[b->taken_n++] = m->item;
	if (head->deleted) {
		/* Gone at the server, whatever was done with it here. */
		sml_map_owe(m, true, 0);
		return 0;
	}
	if (merge(b, op, head, m) < 0)
		return -1;
	/* What it asked for, or is to be told, is owed still. */
	if (op->row->state == STORE_MAP_DEBT &&
	    (op->row->reason == SML_WHY_WANTED ||
	     op->row->reason == SML_WHY_MOVED))
		sml_map_owe(m, true, op->row->reason);
	return 0;
}

static int
fresh(struct sml_batch *b, struct sml_op *op)
{
	struct store_map *row;
	const struct store_candidate *cand = sml_batch_match(b, op, &row);
	const struct store_item *head;
	struct store_map *m;

	if (cand == NULL)
		return add(b, op);
	head = sml_item_find(b->items, b->items_n, cand->item);
	b->ds->matched++;
	sml_report_event(b->c, b->ds, STORE_EVENT_MATCH, cand->item,
			 cand->revision, op->matched);
	op->code = op->tag == SML_ADD ? 201 : 200;
	m = &b->m[b->m_n++];
	*m = row != NULL ? *row : (struct store_map){ 0 };
	m->link = b->ds->link;
	m->gen = b->ds->gen;
	m->item = cand->item;
	m->luid = op->luid;
	b->taken[b->taken_n++] = m->item;
	/* Equal content needs no look at it. */
	if (head == NULL || cand->h_content == op->ids.h_content) {
		sml_map_holds(m, cand->revision, 0, b->ds->sync_no);
		return 0;
	}
	return merge(b, op, head, m);
}

int
sml_mail_decide(struct sml_batch *b, struct sml_op *op)
{
	if (op->tag == SML_COPY) {
		op->code = 406;
		return 0;
	}
	if (op->gone != NULL)
		b->drop[b->drop_n++] = op->gone->item;
	if (op->pim->kind == PIM_FOLDER)
		return sml_dir_decide(b, op);
	return op->row != NULL ? known(b, op) : fresh(b, op);
}

/* ---- into the store
 * --------------------------------------------------------------------- */

/* The bytes follow the mails that changed their folder. */
static int
move_bytes(struct sml_batch *b)
{
	const struct store_mail_vtbl *v = b->c->tx->v->mail;

	for (size_t i = 0; i < b->moved_n; i++) {
		struct store_mail_body *body;
		size_t n;

		if (v->body_get(b->c->tx, b->a, &b->moved[i].from, 1, 0, &body,
				&n, &b->c->e) < 0)
			return -1;
		if (n == 0)
			continue;
		body->item = b->moved[i].to;
		if (v->body_put(b->c->tx, body, 1, &b->c->e) < 0 ||
		    v->body_drop(b->c->tx, &b->moved[i].from, 1, &b->c->e) < 0)
			return -1;
	}
	return 0;
}

int
sml_mail_store(struct sml_batch *b)
{
	const struct store_mail_vtbl *v = b->c->tx->v->mail;

	if (move_bytes(b) < 0 ||
	    sml_mail_moved(b->c->tx, b->a, b->ds->link, b->moved, b->moved_n,
			   &b->c->e) < 0)
		return -1;
	if (b->body_n > 0 &&
	    v->body_put(b->c->tx, b->body, b->body_n, &b->c->e) < 0)
		return -1;
	if (b->effect_n == 0)
		return 0;
	b->c->effects += b->effect_n;
	return v->effect_add(b->c->tx, b->effect, b->effect_n, &b->c->e);
}

int
sml_mail_memory(struct sml_batch *b)
{
	b->effect = ARENA_ARRAY(b->a, 2 * b->n, struct store_mail_effect);
	b->body = ARENA_ARRAY(b->a, b->n, struct store_mail_body);
	b->moved = ARENA_ARRAY(b->a, b->n, struct sml_mail_move);
	if (b->effect == NULL || b->body == NULL || b->moved == NULL)
		return err_set(&b->c->e, ERR_NOMEM, "mail.batch",
			       "no memory for %zu operations", b->n);
	return 0;
}
