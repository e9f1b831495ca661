/*
 * Large objects that come in pieces. Their octets are joined as they were
 * transferred; decoding comes when the object is whole.
 */
#include "syncml/apply.h"

static struct store_chunk_key
key(const struct sml_ds *ds)
{
	return (struct store_chunk_key){ ds->link, 'i' };
}

static bool
continues(const struct sml_ctx *c, const struct sml_ds *ds,
	  const struct sml_op *op)
{
	const struct sml_incoming *in = &c->s.inc;

	return in->active && &c->s.ds[in->ds] == ds && in->cmd == op->tag &&
	       slice_eq(in->luid, op->luid);
}

int
sml_chunk_broken(struct sml_ctx *c)
{
	struct sml_incoming *in = &c->s.inc;

	if (!in->active)
		return 0;
	in->active = false;
	c->s.chunk_lost = true;
	c->s.lost_luid = in->luid;
	sml_tell(c, '=', "large object %.*s broke off after %lld bytes",
		 SLICE_ARG(in->luid), (long long)in->got);
	return c->tx->v->chunk_drop(c->tx, key(&c->s.ds[in->ds]), &c->e);
}

static int
give_up(struct sml_ctx *c, struct sml_ds *ds, struct sml_op *op, int code)
{
	op->code = code;
	c->s.inc = (struct sml_incoming){
		.ds = (int)(ds - c->s.ds),
		.cmd = op->tag,
		.luid = op->luid,
		.refused = op->item->more ? code : 0,
		.refused_msgid = c->msgid,
	};
	return c->tx->v->chunk_drop(c->tx, key(ds), &c->e);
}

static int64_t
size_of(const struct sml_op *op)
{
	return op->item->meta.size >= 0 ? op->item->meta.size
					: op->cmd->meta.size;
}

/* The rest of an object that was refused; its last piece, taken for a whole
   item, would be half of one. */
static bool
rest_of_refused(const struct sml_ctx *c, const struct sml_ds *ds,
		const struct sml_op *op)
{
	const struct sml_incoming *in = &c->s.inc;

	return !in->active && in->refused != 0 &&
	       in->ds == (int)(ds - c->s.ds) && in->cmd == op->tag &&
	       slice_eq(in->luid, op->luid) &&
	       c->msgid == in->refused_msgid + 1 && size_of(op) < 0;
}

static int
begin(struct sml_ctx *c, struct sml_ds *ds, struct sml_op *op)
{
	int64_t size = size_of(op);

	if (size < 0)
		return give_up(c, ds, op, 411);
	if (size > c->srv->conf->max_obj_bytes)
		return give_up(c, ds, op, 416);
	c->s.inc = (struct sml_incoming){
		.active = true,
		.ds = (int)(ds - c->s.ds),
		.cmd = op->tag,
		.luid = op->luid,
		.type = op->type,
		.format = op->format,
		.size = size,
		.resumed = -1,
	};
	return c->tx->v->chunk_drop(c->tx, key(ds), &c->e);
}

static int64_t
bare_newlines(struct slice s)
{
	int64_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\n' && (i == 0 || s.p[i - 1] != '\r'))
			n++;
	}
	return n;
}

/*
 * Size counts octets. Clients also count the CR of CR LF, which an XML parser
 * takes away, or characters instead of octets: both are whole objects.
 */
static bool
size_fits(struct slice s, int64_t size)
{
	int64_t got = (int64_t)s.n;

	return got == size || got + bare_newlines(s) == size ||
	       (int64_t)slice_utf8_count(s) == size;
}

/*
 * The answer to the last piece before the break was lost, and the client sent
 * it once more: it stands there twice.
 */
static struct slice
without_twice(const struct sml_ctx *c, struct slice whole)
{
	const struct sml_incoming *in = &c->s.inc;
	size_t at = (size_t)in->resumed;
	size_t n = (size_t)in->resumed_n;
	char *p;

	if (in->resumed < 0 || n == 0 || n > at || at + n > whole.n ||
	    size_fits(whole, in->size) ||
	    memcmp(whole.p + at - n, whole.p + at, n) != 0)
		return whole;
	p = arena_alloc(c->a, whole.n - n);
	if (p == NULL)
		return whole;
	memcpy(p, whole.p, at);
	memcpy(p + at, whole.p + at + n, whole.n - at - n);
	return (struct slice){ p, whole.n - n };
}

/*
 * Its user edited the item while the session was suspended: it is smaller now
 * and comes in one piece, which says no Size.
 */
static bool
anew(const struct sml_incoming *in, struct slice piece)
{
	return in->got == in->resumed &&
	       slice_starts_nocase(slice_trim(piece), "BEGIN:VCA");
}

static int
finish(struct sml_ctx *c, struct sml_ds *ds, struct sml_op *op)
{
	struct sml_incoming *in = &c->s.inc;
	struct buf whole = BUF_IN(c->a);
	struct slice last = op->data;
	struct slice joined;

	if (c->tx->v->chunk_join(c->tx, c->a, key(ds), &joined, &c->e) < 0)
		return -1;
	buf_add(&whole, joined);
	buf_add(&whole, op->data);
	if (!buf_ok(&whole))
		return err_set(&c->e, ERR_NOMEM, "chunk.join",
			       "no memory for an object of %lld bytes",
			       (long long)in->size);
	op->data = without_twice(c, buf_slice(&whole));
	if (op->type.n == 0)
		op->type = in->type;
	if (op->format.n == 0)
		op->format = in->format;
	if (!size_fits(op->data, in->size) && anew(in, last)) {
		op->data = last;
		in->active = false;
		return c->tx->v->chunk_drop(c->tx, key(ds), &c->e);
	}
	if (!size_fits(op->data, in->size)) {
		sml_tell(c, '=',
			 "large object %.*s has %zu bytes, %lld were "
			 "announced",
			 SLICE_ARG(op->luid), op->data.n, (long long)in->size);
		return give_up(c, ds, op, 424);
	}
	in->active = false;
	return c->tx->v->chunk_drop(c->tx, key(ds), &c->e);
}

/* Only libsynthesis says where a piece belongs. */
static bool
inside(const struct sml_op *op)
{
	static const char key[] = "datapos=";
	struct slice emi =
	    op->item->meta.emi.n > 0 ? op->item->meta.emi : op->cmd->meta.emi;
	int64_t at;

	return slice_starts(emi, key) && size_of(op) < 0 &&
	       slice_i64(slice_from(emi, sizeof(key) - 1), &at) && at > 0;
}

/*
 * The last piece alone, in a sync that is resumed: the object had arrived whole
 * before the line broke, and only our word for it was lost.
 */
static int
tail(struct sml_ctx *c, struct sml_ds *ds, struct sml_op *op)
{
	struct store_map *m;
	size_t n;

	if (c->tx->v->map_by_luid(c->tx, c->a, ds->link, &op->luid, 1, &m, &n,
				  &c->e) < 0)
		return -1;
	op->code = 412;
	for (size_t i = 0; ds->asked == 225 && i < n; i++) {
		if (m[i].gen == ds->gen && m[i].touched >= ds->sync_no - 1)
			op->code = 200;
	}
	return 0;
}

int
sml_chunk_in(struct sml_ctx *c, struct sml_ds *ds, struct sml_op *op,
	     bool *ready)
{
	struct sml_incoming *in = &c->s.inc;
	bool more = op->item->more;

	*ready = false;
	if (rest_of_refused(c, ds, op))
		return give_up(c, ds, op, in->refused);
	/* It does not resume the object but begins it again. */
	if (continues(c, ds, op) && in->got == in->resumed && size_of(op) >= 0)
		in->active = false;
	if (!continues(c, ds, op) && sml_chunk_broken(c) < 0)
		return -1;
	if (!in->active && !more) {
		if (inside(op))
			return tail(c, ds, op);
		*ready = true;
		return 0;
	}
	if (!more) {
		*ready = true;
		return finish(c, ds, op);
	}
	if (op->data.n == 0)
		return give_up(c, ds, op, 412);
	if (!in->active && begin(c, ds, op) < 0)
		return -1;
	if (op->code != 0)
		return 0;
	in->got += (int64_t)op->data.n;
	in->last_n = (int64_t)op->data.n;
	if (in->got > c->srv->conf->max_obj_bytes)
		return give_up(c, ds, op, 413);
	op->code = 213;
	return c->tx->v->chunk_add(c->tx, key(ds), op->data, &c->e);
}
