/*
 * Sync: the client's changes to one database. Its commands become operations;
 * operations are decided in batches, so that a message of 200 items costs a
 * handful of store calls.
 */
#include "syncml/apply.h"
#include "base/digest.h"

enum { BATCH_MAX = 200, SLOTS = 512 };

/* ---- one batch ----------------------------------------------------------- */

static int
batch_memory(struct sml_batch *b)
{
	struct arena *a = b->a;

	b->taken = ARENA_ARRAY(a, b->n, int64_t);
	b->w = ARENA_ARRAY(a, 2 * b->n, struct store_write);
	b->m = ARENA_ARRAY(a, 2 * b->n, struct store_map);
	b->drop = ARENA_ARRAY(a, 2 * b->n, int64_t);
	if (b->taken == NULL || b->w == NULL || b->m == NULL || b->drop == NULL)
		return err_set(&b->c->e, ERR_NOMEM, "sync.batch",
			       "no memory for %zu operations", b->n);
	return b->mail ? sml_mail_memory(b) : 0;
}

/* What the device says of an item ends what is half on its way to it. */
static void
end_outgoing(struct sml_batch *b)
{
	struct sml_outgoing *og = &b->c->s.og;

	if (!og->active || &b->c->s.ds[og->ds] != b->ds)
		return;
	for (size_t i = 0; i < b->m_n; i++)
		og->active = og->active && b->m[i].item != og->item;
	for (size_t i = 0; i < b->drop_n; i++)
		og->active = og->active && b->drop[i] != og->item;
}

static int
batch_store(struct sml_batch *b)
{
	const struct store_vtbl *v = b->c->tx->v;

	end_outgoing(b);
	if (b->w_n > 0 && v->item_put(b->c->tx, b->w, b->w_n, &b->c->e) < 0)
		return -1;
	if (b->mail && sml_mail_store(b) < 0)
		return -1;
	if (b->drop_n > 0 && v->map_drop(b->c->tx, b->ds->link, b->ds->gen,
					 b->drop, b->drop_n, &b->c->e) < 0)
		return -1;
	if (b->m_n > 0 && v->map_put(b->c->tx, b->m, b->m_n, &b->c->e) < 0)
		return -1;
	return 0;
}

static int
batch_run(struct sml_ctx *c, struct sml_ds *ds, struct sml_op *op, size_t n)
{
	struct sml_batch b = {
		.c = c,
		.a = c->scratch,
		.ds = ds,
		.view = sml_view(c, ds),
		.col = sml_collection(c, ds->collection),
		.slow = ds->type == 201 || ds->type == 203,
		.op = op,
		.n = n,
	};
	int form = ds->form_seen;

	if (b.col == NULL)
		return err_set(&c->e, ERR_BUG, "sync.batch",
			       "the database of a session is gone");
	b.mail = (b.col->kinds & PIM_MAIL) != 0;
	if (batch_memory(&b) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (op[i].code == 0 && sml_op_brings(&op[i]) &&
		    sml_op_read(&b, &op[i]) < 0)
			return -1;
	}
	if (sml_batch_load(&b) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (op[i].code == 0 && sml_op_decide(&b, &op[i]) < 0)
			return -1;
	}
	/* The form of its first item tells how it likes to get ours. */
	if (ds->form_seen != form)
		c->view_ready[ds - c->s.ds] = false;
	return batch_store(&b);
}

/* Length of the run of operations with distinct LUIDs from the front. */
static size_t
distinct(const struct sml_op *op, size_t n)
{
	uint64_t seen[SLOTS] = { 0 };

	if (n > BATCH_MAX)
		n = BATCH_MAX;
	for (size_t i = 0; i < n; i++) {
		uint64_t h = digest_u64(op[i].luid);
		size_t at = (size_t)(h % SLOTS);

		while (seen[at] != 0 && seen[at] != h)
			at = (at + 1) % SLOTS;
		if (seen[at] == h)
			return i;
		seen[at] = h;
	}
	return n;
}

static int
apply(struct sml_ctx *c, struct sml_ds *ds, struct sml_op *op, size_t n)
{
	while (n > 0) {
		size_t k = distinct(op, n);

		if (batch_run(c, ds, op, k) < 0)
			return -1;
		/* All that it made is in the store: memory follows the batch,
		   not the message. */
		arena_reset(c->scratch);
		op += k;
		n -= k;
	}
	return 0;
}

/* ---- commands to operations --------------------------------------------- */

struct ops {
	struct sml_op *op;
	size_t n, cap;
};

static struct sml_op *
op_new(struct sml_ctx *c, struct ops *o, const struct sml_cmd *cmd,
       const struct sml_item *it)
{
	struct sml_op *op;

	if (o->n == o->cap) {
		size_t cap = o->cap == 0 ? 32 : o->cap * 2;
		struct sml_op *more = ARENA_ARRAY(c->a, cap, struct sml_op);

		if (more == NULL) {
			(void)err_set(&c->e, ERR_NOMEM, "sync.ops",
				      "no memory for another operation");
			return NULL;
		}
		if (o->n > 0)
			memcpy(more, o->op, o->n * sizeof(*more));
		o->op = more;
		o->cap = cap;
	}
	op = &o->op[o->n++];
	*op = (struct sml_op){ .cmd = cmd, .item = it, .tag = cmd->tag };
	return op;
}

/* What the sync type does not allow. */
static int
forbidden(const struct sml_ds *ds, enum sml_tag tag)
{
	if (ds->refused)
		return 403;
	if (ds->type == 204 || ds->type == 205)
		return 403;
	if (tag == SML_DELETE && (ds->type == 201 || ds->type == 203))
		return 403;
	return 0;
}

static int
op_item(struct sml_ctx *c, struct sml_ds *ds, struct ops *o,
	const struct sml_cmd *cmd, const struct sml_item *it)
{
	struct sml_op *op = op_new(c, o, cmd, it);
	bool ready = true;

	if (op == NULL)
		return -1;
	/* Some clients say Copy and mean Add: there is an item in it. */
	if (cmd->tag == SML_COPY && it->data.p != NULL)
		op->tag = SML_ADD;
	op->luid = slice_trim(it->source.n > 0 ? it->source : it->target);
	op->type = it->meta.type.n > 0 ? it->meta.type : cmd->meta.type;
	op->format = it->meta.format.n > 0 ? it->meta.format : cmd->meta.format;
	op->data = it->data;
	op->code = forbidden(ds, cmd->tag);
	/* Some of the fields only: we do not announce that, and took for a
	   whole item it would delete the rest. */
	if (op->code == 0 && (cmd->meta.field_level || it->meta.field_level))
		op->code = 406;
	if (op->code == 0 && op->luid.n == 0)
		op->code = 400;
	if (op->code == 0 && op->luid.n > SML_LOCURI_BYTES_MAX)
		op->code = 414;
	if (op->code == 0 &&
	    (sml_op_brings(op) ? sml_chunk_in(c, ds, op, &ready)
			       : sml_chunk_broken(c)) < 0)
		return -1;
	if (op->code == 0 && it->data.p != NULL && c->msg->doc.cdata)
		ds->wants_cdata = true;
	return 0;
}

/* Put the Statuses of a command and its items, once all are decided. */
static int
statuses(struct sml_ctx *c, struct sml_ds *ds, const struct ops *o)
{
	for (size_t i = 0; i < o->n; i++) {
		const struct sml_op *op = &o->op[i];

		if (op->code >= 300 && op->code != 419)
			ds->in.failed++;
		if (sml_status_add(c, op->cmd,
				   op->item == NULL ? NULL : &op->item->target,
				   op->item == NULL ? NULL : &op->item->source,
				   op->code) < 0)
			return -1;
	}
	return 0;
}

/* Commands inside commands: as deep as SML_DEPTH_MAX lets a document be. */
/* NOLINTBEGIN(misc-no-recursion) */
static int walk(struct sml_ctx *c, struct sml_ds *ds, struct ops *o,
		const struct sml_cmd *cmd);

static bool
holds_atomic(const struct sml_cmd *cmd)
{
	if (cmd->tag == SML_ATOMIC)
		return true;
	for (size_t i = 0; i < cmd->kid_n; i++) {
		if (holds_atomic(&cmd->kids[i]))
			return true;
	}
	return false;
}

/* All or nothing: its own savepoint; its Status comes before its parts'. */
static int
atomic(struct sml_ctx *c, struct sml_ds *ds, struct ops *o,
       const struct sml_cmd *cmd)
{
	struct ops part = { 0 };
	struct sml_ds before = *ds;
	struct store_account used = c->acc;
	size_t events;
	bool ok = true;

	/* What came before it is applied first: order counts. */
	if (apply(c, ds, o->op, o->n) < 0 || statuses(c, ds, o) < 0)
		return -1;
	o->n = 0;
	events = c->report.event_n;
	for (size_t i = 0; i < cmd->kid_n; i++) {
		if (holds_atomic(&cmd->kids[i]))
			return sml_status_all(c, cmd, 500);
	}
	for (size_t i = 0; i < cmd->kid_n; i++) {
		if (walk(c, ds, &part, &cmd->kids[i]) < 0)
			return -1;
	}
	if (c->tx->v->save(c->tx, 2, &c->e) < 0 ||
	    apply(c, ds, part.op, part.n) < 0)
		return -1;
	for (size_t i = 0; i < part.n; i++)
		ok = ok && part.op[i].code < 300;
	if (ok) {
		if (c->tx->v->save_keep(c->tx, 2, &c->e) < 0)
			return -1;
	} else {
		if (c->tx->v->save_undo(c->tx, 2, &c->e) < 0)
			return -1;
		*ds = before;
		c->acc = used;
		c->report.event_n = events;
		for (size_t i = 0; i < part.n; i++) {
			if (part.op[i].code < 300)
				part.op[i].code = 216;
		}
	}
	if (sml_status_add(c, cmd, NULL, NULL, ok ? 200 : 507) < 0)
		return -1;
	return statuses(c, ds, &part);
}

static int
sequence(struct sml_ctx *c, struct sml_ds *ds, struct ops *o,
	 const struct sml_cmd *cmd)
{
	struct sml_op *op = op_new(c, o, cmd, NULL);

	if (op == NULL)
		return -1;
	op->code = 200;
	for (size_t i = 0; i < cmd->kid_n; i++) {
		if (walk(c, ds, o, &cmd->kids[i]) < 0)
			return -1;
	}
	return 0;
}

static int
refuse(struct sml_ctx *c, struct ops *o, const struct sml_cmd *cmd, int code)
{
	struct sml_op *op = op_new(c, o, cmd, NULL);

	if (op == NULL)
		return -1;
	op->code = code;
	for (size_t i = 0; i < cmd->kid_n; i++) {
		if (cmd->kids[i].tag != SML_STATUS &&
		    refuse(c, o, &cmd->kids[i], code) < 0)
			return -1;
	}
	return 0;
}

static int
walk(struct sml_ctx *c, struct sml_ds *ds, struct ops *o,
     const struct sml_cmd *cmd)
{
	switch ((unsigned)cmd->tag) {
	case SML_ADD:
	case SML_REPLACE:
	case SML_DELETE:
	case SML_COPY:
		if (cmd->item_n == 0)
			return refuse(c, o, cmd, 400);
		for (size_t i = 0; i < cmd->item_n; i++) {
			if (op_item(c, ds, o, cmd, &cmd->items[i]) < 0)
				return -1;
		}
		return 0;
	case SML_SEQUENCE:
		return sequence(c, ds, o, cmd);
	case SML_ATOMIC:
		return atomic(c, ds, o, cmd);
	case SML_STATUS:
		return 0; /* nobody answers an answer */
	default:
		return refuse(c, o, cmd, 406);
	}
}

/* NOLINTEND(misc-no-recursion) */

static int
run(struct sml_ctx *c, struct sml_ds *ds, const struct sml_cmd *cmd)
{
	struct ops o = { 0 };

	for (size_t i = 0; i < cmd->kid_n; i++) {
		if (walk(c, ds, &o, &cmd->kids[i]) < 0)
			return -1;
	}
	if (apply(c, ds, o.op, o.n) < 0)
		return -1;
	return statuses(c, ds, &o);
}

/* A failing database gets its 510 alone; the others go on. */
static int
run_saved(struct sml_ctx *c, struct sml_ds *ds, const struct sml_cmd *cmd)
{
	struct sml_ds before = *ds;
	struct store_account used = c->acc;
	size_t queued = c->s.status_n;
	size_t events = c->report.event_n;

	if (c->tx->v->save(c->tx, 1, &c->e) < 0)
		return -1;
	if (sml_status_add(c, cmd, &cmd->target, &cmd->source, 200) < 0)
		return -1;
	if (run(c, ds, cmd) == 0)
		return c->tx->v->save_keep(c->tx, 1, &c->e);
	if (c->e.code == ERR_NOMEM || c->e.code == ERR_UNAVAILABLE)
		return -1;
	log_line(c->srv->log, LOG_LVL_ERROR,
		 "event=sync-failed where=%s account=%lld: %s", c->e.where,
		 (long long)c->acc.id, c->e.msg);
	if (c->tx->v->save_undo(c->tx, 1, &c->e) < 0)
		return -1;
	*ds = before;
	c->acc = used;
	c->report.event_n = events;
	ds->refused = true; /* its anchors stay */
	c->s.status_n = queued;
	sml_tell(c, '=',
		 "the database failed (510); nothing of this message "
		 "was stored in it");
	return sml_status_all(c, cmd, 510);
}

int
sml_cmd_sync(struct sml_ctx *c, const struct sml_cmd *cmd)
{
	struct sml_ds *ds = sml_ds_uri(c, cmd->target, cmd->source);
	struct sml_counts was;

	if (ds == NULL) {
		const struct store_collection *col = sml_collection_uri(
		    c, cmd->target.n > 0 ? cmd->target : cmd->source);

		return sml_status_all(c, cmd, col == NULL ? 404 : 403);
	}
	/* Sync and Alert in one message, and the anchors do not fit: the
	   client has to start again with a slow sync. */
	if (ds->forced && !ds->alert_sent)
		return sml_status_all(c, cmd, 508);
	if (cmd->meta.max_obj_size >= 0)
		ds->max_obj = cmd->meta.max_obj_size;
	if (cmd->meta.free_id >= 0)
		ds->free_id = cmd->meta.free_id;
	if (c->s.in == SML_IN_INIT)
		c->s.in = SML_IN_SYNC;
	ds->sync_seen = true;
	was = ds->in;
	if (run_saved(c, ds, cmd) < 0)
		return -1;
	c->items_in += (unsigned)(ds->in.added - was.added + ds->in.replaced -
				  was.replaced + ds->in.deleted - was.deleted);
	if (cmd->kid_n > 0)
		sml_tell(c, '>', "%.*s: %zu commands: +%lld ~%lld -%lld !%lld",
			 SLICE_ARG(sml_uri_name(ds->server_uri)), cmd->kid_n,
			 (long long)(ds->in.added - was.added),
			 (long long)(ds->in.replaced - was.replaced),
			 (long long)(ds->in.deleted - was.deleted),
			 (long long)(ds->in.failed - was.failed));
	return 0;
}
