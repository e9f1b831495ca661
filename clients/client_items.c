/*
 * Package 4: what the server wants us to do. A Sync's items are collected and
 * handed to the database together; an object that comes in chunks is joined
 * first.
 */
#include "base/digest.h"
#include "clients/client_int.h"

struct batch {
	struct cli_incoming *in;
	struct cli_owed **owed; /* owed[i] waits for in[i].status */
	size_t n, cap;
};

static enum cli_op
op_of(enum sml_tag tag)
{
	return tag == SML_ADD       ? CLI_ADD
	       : tag == SML_REPLACE ? CLI_REPLACE
	       : tag == SML_DELETE  ? CLI_DELETE
				    : CLI_NONE;
}

/* Meta of the item wins over that of its command. */
static struct slice
pick(struct slice item, struct slice cmd)
{
	return slice_trim(item.n > 0 ? item : cmd);
}

static int
push(struct cli *c, struct batch *b, const struct cli_incoming *in,
     struct cli_owed *owed, struct err *e)
{
	if (b->n == b->cap) {
		size_t cap = b->cap == 0 ? 64 : 2 * b->cap;
		struct cli_incoming *p =
		    ARENA_ARRAY(c->in, cap, struct cli_incoming);
		struct cli_owed **o =
		    ARENA_ARRAY(c->in, cap, struct cli_owed *);

		if (p == NULL || o == NULL)
			return err_set(e, ERR_NOMEM, "client.items",
				       "no memory");
		if (b->n > 0) {
			memcpy(p, b->in, b->n * sizeof(*p));
			/* An array of pointers it is.
			   NOLINTNEXTLINE(bugprone-sizeof-expression) */
			memcpy(o, b->owed, b->n * sizeof(*o));
		}
		b->in = p;
		b->owed = o;
		b->cap = cap;
	}
	b->in[b->n] = *in;
	b->owed[b->n++] = owed;
	return 0;
}

/* Data as the sender meant it. 0, or the status that refuses it. */
static int
decode(struct cli *c, struct slice format, struct slice *data)
{
	if (format.n == 0 || slice_is_nocase(format, "chr") ||
	    slice_is_nocase(format, "bin"))
		return 0;
	if (!slice_is_nocase(format, "b64"))
		return 415;
	return digest_unb64(c->in, *data, data) ? 0 : 400;
}

/* ---- chunks
 * ------------------------------------------------------------------------- */

static bool
continues(const struct cli *c, const struct cli_run *r,
	  const struct cli_incoming *in)
{
	return (c->obj.open || c->obj.refused != 0) && c->obj.run == r &&
	       c->obj.op == in->op && slice_eq(c->obj.guid, in->guid) &&
	       slice_eq(c->obj.luid, in->luid);
}

/* Another command came before the object's end: Alert 223. */
static void
break_off(struct cli *c)
{
	c->alert_223 =
	    arena_copy(c->life, c->obj.guid.n > 0 ? c->obj.guid : c->obj.luid);
	c->alert_223_run = c->obj.run;
	c->obj.open = false;
	c->obj.refused = 0;
	cli_say(c, '=', "an object of the server ended too early");
}

/* The status for an object of which this is the first part. */
static int
first_chunk(struct cli *c, struct cli_run *r, const struct cli_incoming *in,
	    struct slice format, int64_t size)
{
	struct cli_object *o = &c->obj;

	arena_reset(o->a);
	o->b = BUF_IN(o->a);
	o->run = r;
	o->op = in->op;
	o->guid = arena_copy(o->a, in->guid);
	o->luid = arena_copy(o->a, in->luid);
	o->mime = arena_copy(o->a, in->mime);
	o->format = arena_copy(o->a, format);
	o->size = size;
	if (o->guid.p == NULL || o->luid.p == NULL || o->mime.p == NULL ||
	    o->format.p == NULL)
		return 420;
	o->open = c->conf->max_obj_bytes <= 0 || size <= c->conf->max_obj_bytes;
	/* Servers that go on regardless get the same answer for the rest. */
	o->refused = o->open ? 0 : 416;
	return o->open ? 213 : o->refused;
}

/* Is the joined object as long as was said? XML loses the CR of CR LF, and
   some count characters. */
static bool
size_fits(const struct cli_object *o)
{
	struct slice s = buf_slice(&o->b);
	int64_t lf = 0;

	for (size_t i = 0; i < s.n; i++)
		lf += s.p[i] == '\n';
	return o->size < 0 || o->size == (int64_t)s.n ||
	       (o->size > (int64_t)s.n && o->size <= (int64_t)s.n + lf) ||
	       o->size == (int64_t)slice_utf8_count(s);
}

/* Bytes that its parts may have together; not all servers say a Size. */
static int64_t
most(const struct cli *c, const struct cli_object *o)
{
	int64_t max =
	    c->conf->max_obj_bytes > 0 ? c->conf->max_obj_bytes : INT32_MAX;

	/* Some count characters, of up to four bytes. */
	return o->size >= 0 && o->size < max / 4 ? o->size * 4 : max;
}

/*
 * One part of an object. Returns the status that answers it now, or 0: it is
 * whole, *in has its data.
 */
static int
on_chunk(struct cli *c, struct cli_run *r, struct cli_incoming *in,
	 struct slice format, int64_t size, bool more)
{
	struct cli_object *o = &c->obj;

	if (!continues(c, r, in)) {
		int code = first_chunk(c, r, in, format, size);
		if (code != 213)
			return code;
	}
	if (o->refused != 0) {
		int code = o->refused;
		if (!more)
			o->refused = 0;
		return code;
	}
	buf_add(&o->b, in->body);
	if (!buf_ok(&o->b) || (int64_t)o->b.n > most(c, o)) {
		o->open = false;
		o->refused = !buf_ok(&o->b) ? 420 : o->size < 0 ? 413 : 424;
		return o->refused;
	}
	if (more)
		return 213;
	o->open = false;
	if (!size_fits(o))
		return 424;
	/* Copies: the next object of this message takes o's arena. */
	in->body = arena_copy(c->in, buf_slice(&o->b));
	in->mime = arena_copy(c->in, o->mime);
	if (in->body.p == NULL || in->mime.p == NULL)
		return 420;
	return decode(c, o->format, &in->body);
}

/* ---- items
 * ---------------------------------------------------------------------------
 */

static bool
may_change_us(int type)
{
	return type != CLI_FROM_CLIENT && type != CLI_REFRESH_FROM_CLIENT;
}

/* One item of a command: the status to answer, 0 where the batch decides. */
static int
take_item(struct cli *c, struct cli_run *r, const struct sml_cmd *cmd,
	  const struct sml_item *it, struct cli_incoming *in)
{
	struct slice format = pick(it->meta.format, cmd->meta.format);
	int64_t size = it->meta.size >= 0 ? it->meta.size : cmd->meta.size;
	int code;

	in->op = op_of(cmd->tag);
	in->guid = it->source;
	in->luid = it->target;
	in->mime = pick(it->meta.type, cmd->meta.type);
	in->body = it->data;
	if (!continues(c, r, in)) {
		if (c->obj.open)
			break_off(c);
		c->obj.refused = 0;
	}
	if (!r->active)
		return 404;
	if (!may_change_us(r->db->type))
		return 403;
	if (in->op == CLI_DELETE)
		return in->luid.n > 0 ? 0 : 400;
	if (it->more || continues(c, r, in)) {
		code = on_chunk(c, r, in, format, size, it->more);
	} else {
		code = it->has_data ? decode(c, format, &in->body) : 400;
	}
	if (code == 0 && c->conf->max_obj_bytes > 0 &&
	    (int64_t)in->body.n > c->conf->max_obj_bytes)
		code = 413;
	return code;
}

static int
take_command(struct cli *c, struct cli_run *r, const struct sml_cmd *cmd,
	     struct batch *b, struct err *e)
{
	if (op_of(cmd->tag) == CLI_NONE) {
		/* All or nothing is more than files can promise. */
		cli_owe(c, cmd, SLICE_LIT(""), SLICE_LIT(""), 406);
		for (size_t i = 0; i < cmd->kid_n; i++)
			cli_owe(c, &cmd->kids[i], SLICE_LIT(""), SLICE_LIT(""),
				215);
		return 0;
	}
	for (size_t i = 0; i < cmd->item_n; i++) {
		const struct sml_item *it = &cmd->items[i];
		struct cli_incoming in = { 0 };
		int code = take_item(c, r, cmd, it, &in);
		struct cli_owed *o =
		    cli_owe(c, cmd, it->target, it->source, code);

		if (code == 0) {
			if (push(c, b, &in, o, e) != 0)
				return -1;
		} else if (code >= 300) {
			r->db->failed++;
		}
	}
	return 0;
}

/* ---- the batch
 * ------------------------------------------------------------------------ */

static void
count(struct cli_db *db, const struct cli_incoming *in)
{
	if (!cli_code_ok(in->status) && in->status != 404 &&
	    in->status != 211) {
		db->failed++;
		return;
	}
	if (in->status == 404 || in->status == 211)
		return;
	if (in->op == CLI_ADD)
		db->received.add++;
	else if (in->op == CLI_REPLACE)
		db->received.replace++;
	else
		db->received.del++;
}

static int
apply(struct cli *c, struct cli_run *r, struct batch *b, struct err *e)
{
	struct cli_db *db = r->db;

	if (b->n == 0)
		return 0;
	if (db->ops->apply(db, c->in, b->in, b->n, e) != 0)
		return -1;
	for (size_t i = 0; i < b->n; i++) {
		const struct cli_incoming *in = &b->in[i];

		if (b->owed[i] != NULL)
			b->owed[i]->code = in->status;
		count(db, in);
		if (in->new_luid.n > 0 && in->guid.n > 0 &&
		    cli_code_ok(in->status) &&
		    cli_add_map(c, r, in->guid, in->new_luid, e) != 0)
			return -1;
	}
	return 0;
}

/* Also Sequences inside: their order is ours anyway. */
static int
take_kids(struct cli *c, struct cli_run *r, const struct sml_cmd *parent,
	  struct batch *b, struct err *e)
{
	for (size_t i = 0; i < parent->kid_n; i++) {
		const struct sml_cmd *k = &parent->kids[i];

		if (k->tag != SML_SEQUENCE) {
			if (take_command(c, r, k, b, e) != 0)
				return -1;
			continue;
		}
		cli_owe(c, k, SLICE_LIT(""), SLICE_LIT(""), 200);
		for (size_t j = 0; j < k->kid_n; j++)
			if (take_command(c, r, &k->kids[j], b, e) != 0)
				return -1;
	}
	return 0;
}

int
cli_on_sync(struct cli *c, const struct sml_cmd *sync, struct err *e)
{
	struct cli_run *r = cli_find_run(c, sync->target, sync->source);
	struct batch b = { 0 };

	if (r == NULL) {
		cli_owe(c, sync, sync->target, sync->source, 404);
		for (size_t i = 0; i < sync->kid_n; i++)
			cli_owe(c, &sync->kids[i], SLICE_LIT(""), SLICE_LIT(""),
				404);
		return 0;
	}
	cli_owe(c, sync, sync->target, sync->source, 200);
	if (take_kids(c, r, sync, &b, e) != 0)
		return -1;
	return apply(c, r, &b, e);
}
