/*
 * One item of package 4: written in the device's form, put into the message
 * if it fits, in pieces if it never will, and noted as offered in the map.
 */
#include "base/digest.h"
#include "pim/mail.h"
#include "syncml/codec.h"
#include "syncml/outgoing.h"

#include <limits.h>

enum {
	PIECE_MIN = 300,   /* octets that make a piece worth a message */
	PIECE_HEAD = 400,  /* of a command around its data, at most */
	STARVED = 2,       /* messages without anything new */
	ORDER_MAX = 65536, /* octets of items that are looked at once more: a
			      larger one takes too much memory for that */
};

/* ---- the Sync element ---------------------------------------------------- */

static enum sml_sent_how
record(struct sml_ctx *c, const struct sml_out *o, const struct sml_ds *ds,
       int64_t item, int64_t revision, uint64_t form, char what)
{
	struct sml_sent s = {
		.msgid = c->s.out_msgid,
		.cmdid = o->cmdid,
		.ds = (int)(ds - c->s.ds),
		.item = item,
		.revision = revision,
		.form = form,
		.what = what,
	};

	return sml_sent_add(c, s) < 0 ? SML_SENT_FAILED : SML_SENT;
}

bool
sml_sync_out_open(struct sml_ctx *c, struct sml_out *o, struct sml_sync_out *so)
{
	struct sml_cmd sync = sml_cmd_none(SML_SYNC);
	struct buf tmp = BUF_IN(c->scratch);

	if (so->open)
		return true;
	sync.cmdid = arena_printf(c->scratch, "%lld", (long long)o->cmdid + 1);
	sync.target = so->ds->client_uri;
	sync.source = so->ds->server_uri;
	if (!so->ds->opened && c->s.version >= 11)
		sync.number_of_changes = so->count;
	sml_sync_open(c->scratch, &tmp, &c->s.doc, &sync);
	if (!buf_ok(&tmp) || !buf_ok(&o->b)) {
		o->b.bad = true;
		return false;
	}
	if (tmp.n > sml_out_room(o)) {
		o->full = true;
		return false;
	}
	o->cmdid++;
	o->commands++;
	buf_add(&o->b, buf_slice(&tmp));
	so->open = true;
	so->ds->opened = true;
	if (record(c, o, so->ds, 0, 0, 0, 'S') != SML_SENT)
		o->b.bad = true;
	return true;
}

void
sml_sync_out_close(struct sml_ctx *c, struct sml_out *o,
		   struct sml_sync_out *so)
{
	if (so->open)
		sml_sync_close(&o->b, &c->s.doc);
	so->open = false;
}

/* ---- the map's row --------------------------------------------------------
 */

static void
row_offer(struct store_map *m, int64_t revision, uint64_t form)
{
	/* The same again is not another offer. */
	for (size_t i = 0; i < m->offer_n; i++) {
		if (m->offer[i].revision == revision &&
		    m->offer[i].form == form)
			return;
	}
	if (m->offer_n == STORE_OFFERS_MAX) {
		memmove(m->offer, m->offer + 1,
			(STORE_OFFERS_MAX - 1) * sizeof(m->offer[0]));
		m->offer_n--;
	}
	m->offer[m->offer_n++] = (struct store_offer){ revision, form };
}

static void
row_ready(const struct sml_ds *ds, struct sml_unit *u)
{
	if (!u->mapped)
		u->map = (struct store_map){ .link = ds->link,
					     .gen = ds->gen,
					     .item = u->item.id };
	u->map.touched = ds->sync_no;
}

static enum sml_sent_how
debt(struct sml_ctx *c, struct sml_ds *ds, struct sml_unit *u, int reason,
     const char *why)
{
	row_ready(ds, u);
	if (u->map.state != STORE_MAP_DEBT || u->map.reason != reason)
		sml_tell(c, '=', "item %lld stays here (%d): %s",
			 (long long)u->item.id, reason, why);
	sml_map_owe(&u->map, u->map.luid.n > 0, reason);
	u->map.touched = ds->sync_no;
	return SML_NOT_SENT;
}

/* ---- commands -------------------------------------------------------------
 */

static struct sml_cmd
command(struct sml_ctx *c, struct sml_item *it, bool add, int64_t item,
	struct slice luid, enum pim_form form, bool b64)
{
	struct sml_cmd cmd = sml_cmd_none(add ? SML_ADD : SML_REPLACE);

	*it = sml_item_none();
	if (add) {
		it->source = sml_wire_id(c->scratch, item);
		it->has_source = true;
	} else {
		it->target = luid;
		it->has_target = true;
	}
	cmd.meta.type = pim_form_mime(form);
	if (b64)
		cmd.meta.format = SLICE_LIT("b64");
	cmd.items = it;
	cmd.item_n = 1;
	return cmd;
}

static void
set_data(struct sml_item *it, struct slice data)
{
	it->data = data;
	it->has_data = true;
	it->data_opaque = true;
}

static enum sml_sent_how
send_delete(struct sml_ctx *c, struct sml_out *o, struct sml_sync_out *so,
	    struct sml_unit *u)
{
	struct sml_cmd cmd = sml_cmd_none(SML_DELETE);
	struct sml_item it = sml_item_none();
	bool stays; /* it left the device's filter only */

	it.target = u->map.luid;
	it.has_target = true;
	cmd.items = &it;
	cmd.item_n = 1;
	/* Where that was refused (the row says so) it is a plain one. */
	cmd.sftdel = u->soft && c->s.version >= 12 && !so->ds->no_soft &&
		     u->map.reason == 0;
	if (!sml_sync_out_open(c, o, so) || !sml_out_cmd(c, o, &cmd))
		return SML_NO_ROOM;
	row_ready(so->ds, u);
	stays = !u->item.deleted && u->map.reason != SML_WHY_UNHEARD;
	u->map.state = STORE_MAP_DELETING;
	u->map.reason = 0;
	u->map.offer_n = 0;
	so->ds->out.deleted++;
	c->items_out++;
	return record(c, o, so->ds, u->item.id, stays ? 0 : u->item.revision, 0,
		      'D');
}

/* ---- pieces ----------------------------------------------------------------
 */

enum { CUT_BACK_MAX = 100 };

/* No white space, and not the middle of a UTF-8 character. */
static bool
may_begin(char c)
{
	return strchr(" \t\r\n", c) == NULL &&
	       ((unsigned char)c & 0xC0u) != 0x80;
}

/* Cut so that the other side can join: in XML between characters. */
static struct slice
cut(const struct sml_ctx *c, struct slice data, size_t n)
{
	struct slice piece = c->s.doc.enc == SML_XML ? slice_utf8_cut(data, n)
						     : slice_sub(data, 0, n);

	/* CR and LF stay together: a parser may fold them. */
	if (piece.n > 1 && piece.n < data.n && piece.p[piece.n - 1] == '\r')
		piece.n--;
	/* libsynthesis takes white space off the front of an XML element's
	   text: let the next piece begin with something else, if it can. */
	for (int i = 0;
	     i < CUT_BACK_MAX && c->s.doc.enc == SML_XML && piece.n > 1 &&
	     piece.n < data.n && !may_begin(data.p[piece.n]);
	     i++)
		piece.n--;
	if (c->s.doc.enc == SML_XML)
		piece = slice_utf8_cut(data, piece.n);
	return piece;
}

static void
piece_sent(struct sml_ctx *c, struct sml_outgoing *og, size_t n, bool last)
{
	og->acked = og->offset; /* it went on past the one before */
	if (og->resumed < 0)
		og->resumed = c->s.out_msgid;
	og->offset += (int64_t)n;
	og->waits_msgid = last ? 0 : c->s.out_msgid;
	if (last)
		og->active = false;
}

static char
piece_kind(const struct sml_outgoing *og, bool last)
{
	if (!last)
		return 'C';
	return og->add ? 'A' : 'R';
}

/* Of a chunk around its data, at the most. */
static size_t
command_bytes(struct sml_ctx *c, struct sml_cmd *cmd)
{
	struct buf tmp = BUF_IN(c->scratch);

	cmd->cmdid = SLICE_LIT("100000");
	set_data(cmd->items, SLICE_LIT("x"));
	cmd->items->more = true;
	sml_cmd_write(c->scratch, &tmp, &c->s.doc, cmd);
	return tmp.n + 4; /* an opaque length may take more octets */
}

enum sml_sent_how
sml_out_piece(struct sml_ctx *c, struct sml_out *o, struct sml_sync_out *so)
{
	struct sml_outgoing *og = &c->s.og;
	struct store_chunk_key k = { so->ds->link, 'o' };
	struct sml_item it;
	struct sml_cmd cmd;
	struct slice data;
	size_t room;
	size_t head;
	size_t n;
	bool last;

	if (!sml_sync_out_open(c, o, so))
		return SML_NO_ROOM;
	room = sml_out_room(o);
	if (room < PIECE_HEAD + PIECE_MIN)
		return SML_NO_ROOM;
	if (c->tx->v->chunk_read(c->tx, c->scratch, k, og->offset, room, &data,
				 &c->e) < 0)
		return SML_SENT_FAILED;
	if (data.n == 0) /* resumed, and its bytes are gone */
		return sml_object_ended(c, 424) < 0 ? SML_SENT_FAILED
						    : SML_NOT_SENT;
	cmd = command(c, &it, og->add, og->item, og->luid,
		      (enum pim_form)og->form_kind, og->b64);
	if (og->offset == 0)
		cmd.meta.size = og->total;
	/* It may have got more than it could answer. libsynthesis tells by
	   this what it has already; others pass an EMI over. */
	if (og->resumed < 0)
		cmd.meta.emi = arena_printf(c->scratch, "datapos=%lld",
					    (long long)og->offset);
	head = command_bytes(c, &cmd);
	n = room > head ? room - head : 0;
	while (n >= PIECE_MIN / 4) {
		struct slice piece = cut(c, data, n);
		enum sml_sent_how how;

		last = og->offset + (int64_t)piece.n == og->total;
		set_data(&it, piece);
		it.more = !last;
		if (!sml_out_cmd(c, o, &cmd)) {
			/* Its text grew by escapes: less of it. */
			n = n * (room - head) / (o->refused - head + 1);
			continue;
		}
		o->full = !last;
		how = record(c, o, so->ds, og->item, og->revision, og->form,
			     piece_kind(og, last));
		piece_sent(c, og, piece.n, last);
		if (last && c->tx->v->chunk_drop(c->tx, k, &c->e) < 0)
			return SML_SENT_FAILED;
		return how != SML_SENT ? how : last ? SML_SENT : SML_SENT_PART;
	}
	return SML_NO_ROOM;
}

static int64_t
max_obj(const struct sml_ctx *c, const struct sml_ds *ds)
{
	return ds->max_obj >= 0 ? ds->max_obj : c->s.peer_obj;
}

/* A device that does not join pieces takes the first one for the whole item.
   Who told nothing of itself but MaxObjSize knows large objects. */
static bool
may_split(struct sml_ctx *c, const struct sml_ds *ds)
{
	const struct sml_devinf *di = sml_peer_devinf(c);

	if (c->s.version < 11 || c->dev.no_pieces)
		return false;
	return di == NULL ? max_obj(c, ds) > 0 : di->large_objs;
}

int
sml_out_limit(struct sml_ctx *c, const struct sml_out *o,
	      const struct sml_ds *ds)
{
	int64_t n = may_split(c, ds) ? INT_MAX : (int64_t)o->limit;

	if (max_obj(c, ds) > 0 && max_obj(c, ds) < n)
		n = max_obj(c, ds);
	return n > INT_MAX ? INT_MAX : (int)n;
}

static enum sml_sent_how
start_pieces(struct sml_ctx *c, struct sml_out *o, struct sml_sync_out *so,
	     struct sml_unit *u, struct slice data, bool b64)
{
	struct store_chunk_key k = { so->ds->link, 'o' };

	if (!sml_sync_out_open(c, o, so) ||
	    sml_out_room(o) < PIECE_HEAD + PIECE_MIN) {
		o->full = true;
		return SML_NO_ROOM;
	}
	/* Size tells what arrives, whether its reader folds line ends or not.
	 */
	if (c->s.doc.enc == SML_XML)
		data = sml_xml_folded(c->a, data);
	if (data.p == NULL) {
		err_set(&c->e, ERR_NOMEM, "sync.out",
			"no memory for a large object");
		return SML_SENT_FAILED;
	}
	if (c->tx->v->chunk_drop(c->tx, k, &c->e) < 0 ||
	    c->tx->v->chunk_add(c->tx, k, data, &c->e) < 0)
		return SML_SENT_FAILED;
	c->s.og = (struct sml_outgoing){
		.active = true,
		.ds = (int)(so->ds - c->s.ds),
		.item = u->item.id,
		.revision = u->item.revision,
		.form = u->view->id,
		/* The session keeps it: out of the scratch memory. */
		.luid = arena_copy(c->a, u->map.luid),
		.add = u->what == 'A',
		.form_kind = (int)pim_form_for(u->view->form,
					       (enum pim_kind)u->item.kind),
		.b64 = b64,
		.total = (int64_t)data.n,
		/* The session that broke sent all of it: it may say so. */
		.resumed = so->ds->asked == 225 && u->map.offer_n > 0 ? -1 : 0,
	};
	return sml_out_piece(c, o, so);
}

/* ---- an item ----------------------------------------------------------------
 */

/* What it holds, if that is known and may look to it as what is due. */
static struct pim_item *
held_item(struct sml_ctx *c, const struct sml_unit *u)
{
	struct pim_item *held = NULL;

	if (u->what != 'R' || u->held_body.n == 0 ||
	    pim_parse(c->scratch, (enum pim_kind)u->item.kind, u->held_body,
		      &held, NULL) < 0)
		return NULL;
	return held;
}

/* Both are equally long: may they differ in the order of lines alone? */
static bool
seen_same(struct sml_ctx *c, const struct pim_view *view,
	  const struct pim_item *x, const struct pim_item *y)
{
	struct pim_item *seen_x;
	struct pim_item *seen_y;

	return pim_seen(c->scratch, view, x, &seen_x, NULL) == 0 &&
	       pim_seen(c->scratch, view, y, &seen_y, NULL) == 0 &&
	       pim_same(c->scratch, seen_x, seen_y);
}

static bool
looks_same(struct sml_ctx *c, const struct sml_unit *u,
	   const struct pim_item *held, const struct pim_item *due,
	   struct slice data)
{
	const struct pim_view *view = u->view;
	struct buf b = BUF_IN(c->scratch);

	/* It may have taken a Delete of what is there again. */
	if (held == NULL || u->probe || u->wanted || u->moved ||
	    (u->more && u->map.held_form != u->view->id) ||
	    u->map.state == STORE_MAP_DELETING)
		return false;
	if (!view->lean)
		view = sml_view_held(c->scratch, view, held, u->map.held_form);
	if (view == NULL || pim_write(c->scratch, view, held, &b, NULL) != 0 ||
	    !buf_ok(&b))
		return false;
	return slice_eq(buf_slice(&b), data) ||
	       (b.n == data.n && data.n <= ORDER_MAX &&
		seen_same(c, u->view, held, due));
}

static const char *
not_for_it(struct sml_ctx *c, const struct sml_ds *ds, const struct sml_unit *u,
	   int *reason)
{
	const struct sml_devinf *di;
	const struct sml_datastore *st;

	if (u->what != 'A')
		return NULL;
	if (ds->full || ds->free_id == 0) {
		*reason = 420;
		return "the device is full";
	}
	di = sml_peer_devinf(c);
	st = di == NULL ? NULL : sml_devinf_store(di, ds->client_uri);
	if (st != NULL && st->max_guid_size > 0 &&
	    (int64_t)sml_wire_id(c->scratch, u->item.id).n >
		st->max_guid_size) {
		*reason = 414;
		return "its id is longer than the device takes";
	}
	return NULL;
}

static enum sml_sent_how
offered(struct sml_ctx *c, struct sml_sync_out *so, struct sml_unit *u,
	uint64_t form, enum sml_sent_how how)
{
	bool unheard = u->map.state == STORE_MAP_DELETING ||
		       u->map.reason == SML_WHY_UNHEARD;

	if (how != SML_SENT && how != SML_SENT_PART)
		return how;
	row_ready(so->ds, u);
	row_offer(&u->map, u->item.revision, form);
	if (u->what == 'A') {
		u->map.state = STORE_MAP_SENT;
		u->map.luid = SLICE_LIT("");
		so->ds->out.added++;
		if (so->ds->free_id > 0)
			so->ds->free_id--;
	} else {
		u->map.state = STORE_MAP_LIVE;
		so->ds->out.replaced++;
	}
	if (u->map.reason != SML_WHY_SHARED)
		u->map.reason =
		    u->what == 'R' && unheard ? SML_WHY_UNHEARD : u->lean;
	c->items_out++;
	return how;
}

static enum sml_sent_how
put(struct sml_ctx *c, struct sml_out *o, struct sml_sync_out *so,
    struct sml_unit *u, struct slice data, bool b64)
{
	const struct pim_view *view = u->view;
	struct sml_item it;
	struct sml_cmd cmd =
	    command(c, &it, u->what == 'A', u->item.id, u->map.luid,
		    pim_form_for(view->form, (enum pim_kind)u->item.kind), b64);
	enum sml_sent_how how;

	if (u->item.kind == PIM_MAIL &&
	    sml_mail_parent(c, so->ds, u->item.collection, &it.source_parent) <
		0)
		return SML_SENT_FAILED;
	if (u->item.kind == PIM_FOLDER && u->what == 'A' &&
	    sml_dir_guid(c, so->ds, u->item.id, &it.source) < 0)
		return SML_SENT_FAILED;
	set_data(&it, data);
	if (!sml_sync_out_open(c, o, so))
		return SML_NO_ROOM;
	if (sml_out_cmd(c, o, &cmd)) {
		how = record(c, o, so->ds, u->item.id, u->item.revision,
			     view->id, u->what);
		return offered(c, so, u, view->id, how);
	}
	/* Would it fit into a message of its own? Then that is the next. */
	if (o->refused + o->base + o->reserve + (size_t)3 * PIECE_HEAD <
	    o->limit)
		return SML_NO_ROOM;
	if (!may_split(c, so->ds))
		return SML_TOO_LARGE;
	return offered(c, so, u, view->id,
		       start_pieces(c, o, so, u, data, b64));
}

bool
sml_out_starved(const struct sml_ctx *c, const struct sml_out *o)
{
	return c->s.idle_rounds > STARVED && o->commands <= 1;
}

/* A mail's bytes belong to it only while it is written; they are the same for
   each of its revisions. */
static bool
with_message(const struct sml_unit *u, struct pim_item *due,
	     struct pim_item *held)
{
	if (due->kind != PIM_MAIL)
		return true;
	due->mail->bytes = u->message;
	if (held != NULL)
		held->mail->bytes = u->message;
	return u->message.p != NULL || u->view->form == PIM_EMAIL;
}

/*
 * What a device asked for by name it gets whole, or as it asked just now. Flags
 * that go alone leave it with the form of the rest that it has. NULL: no
 * memory.
 */
static const struct pim_view *
view_of(struct sml_ctx *c, const struct sml_ds *ds, const struct sml_unit *u,
	const struct pim_view *view, const struct pim_item *held)
{
	bool bare = u->item.kind == PIM_MAIL && u->what == 'R' &&
		    u->message.p == NULL && u->map.held_form != 0;
	struct pim_view *own;

	if (!u->wanted && !bare && u->item.kind != PIM_FOLDER)
		return sml_view_of(c->scratch, view, held, u->map.held_form);
	own = ARENA_NEW(c->scratch, struct pim_view);
	if (own == NULL)
		return NULL;
	*own = *view;
	own->id = u->map.held_form;
	if (u->item.kind == PIM_FOLDER) {
		own->form = PIM_OFOLDER;
		pim_view_seal(own);
	} else if (u->wanted) {
		own->mail = ds->fetches ? ds->cut : (struct pim_mail_cut){ 0 };
		pim_view_seal(own);
	}
	return own;
}

/* As u->view says. */
static enum sml_sent_how
send_form(struct sml_ctx *c, struct sml_out *o, struct sml_sync_out *so,
	  struct sml_unit *u, const struct pim_item *it,
	  const struct pim_item *held)
{
	struct buf b = BUF_IN(c->scratch);
	struct slice data;
	bool b64;

	if (pim_write(c->scratch, u->view, it, &b, &c->e) < 0 || !buf_ok(&b)) {
		if (c->e.code == ERR_NOMEM)
			return SML_SENT_FAILED;
		return debt(c, so->ds, u, 415,
			    "it has no form for this device");
	}
	data = buf_slice(&b);
	if (looks_same(c, u, held, it, data)) {
		/* What it has is this revision, as it would be sent: when its
		   user deletes it, nothing unseen goes with it. */
		row_ready(so->ds, u);
		if (u->map.reason < 0 || u->lean < 0)
			u->map.reason = u->lean;
		sml_map_holds(&u->map, u->item.revision, u->view->id,
			      so->ds->sync_no);
		return SML_NOT_SENT;
	}
	/* XML can only hold text; who speaks SIF wants it in Base64, unless it
	   sends otherwise. */
	b64 = (c->s.doc.enc == SML_XML && !slice_utf8_ok(data)) ||
	      (pim_is_sif(u->view->form) && !so->ds->plain_seen);
	if (b64)
		data = digest_b64(c->scratch, data);
	if (max_obj(c, so->ds) > 0 && (int64_t)data.n > max_obj(c, so->ds))
		return SML_TOO_LARGE;
	return put(c, o, so, u, data, b64);
}

/*
 * The device has an older picture, and nothing else is new to it: it keeps
 * that, and we know of it, rather than that it is taken away.
 */
static bool
only_pictures(struct sml_ctx *c, const struct sml_unit *u,
	      const struct pim_item *due, const struct pim_item *held)
{
	const struct pim_item *less = held;

	return held != NULL && !u->probe && u->map.held_form != u->view->id &&
	       pim_lean(c->scratch, held, &less, NULL) == 0 && less != held &&
	       seen_same(c, u->view, held, due);
}

/* Without its pictures and sounds it may fit; with them it goes out when more
   does. */
static enum sml_sent_how
send_lean(struct sml_ctx *c, struct sml_out *o, struct sml_sync_out *so,
	  struct sml_unit *u, const struct pim_item *it,
	  const struct pim_item *held)
{
	const struct pim_item *less;

	if (pim_lean(c->scratch, it, &less, &c->e) < 0)
		return SML_SENT_FAILED;
	if (less == it)
		return SML_TOO_LARGE;
	u->view = sml_view_lean(c->scratch, u->view);
	if (u->view == NULL) {
		(void)err_set(&c->e, ERR_NOMEM, "sync.out",
			      "no memory for a form");
		return SML_SENT_FAILED;
	}
	if (only_pictures(c, u, it, held))
		return SML_TOO_LARGE;
	u->lean = -sml_out_limit(c, o, so->ds);
	o->full = false;
	return send_form(c, o, so, u, it, held);
}

enum sml_sent_how
sml_out_unit(struct sml_ctx *c, struct sml_out *o, struct sml_sync_out *so,
	     struct sml_unit *u)
{
	struct pim_item *held = held_item(c, u);
	struct pim_item *it;
	enum sml_sent_how how;
	const char *why;
	int reason = 0;

	if (u->what == 'D')
		return send_delete(c, o, so, u);
	why = not_for_it(c, so->ds, u, &reason);
	if (why != NULL)
		return debt(c, so->ds, u, reason, why);
	u->view = view_of(c, so->ds, u, sml_view(c, so->ds), held);
	if (u->view == NULL) {
		(void)err_set(&c->e, ERR_NOMEM, "sync.out",
			      "no memory for a form");
		return SML_SENT_FAILED;
	}
	if (pim_parse(c->scratch, (enum pim_kind)u->item.kind, u->item.body,
		      &it, &c->e) < 0 ||
	    !with_message(u, it, held)) {
		if (c->e.code == ERR_NOMEM)
			return SML_SENT_FAILED;
		return debt(c, so->ds, u, 415,
			    "it has no form for this device");
	}
	how = send_form(c, o, so, u, it, held);
	if (how == SML_TOO_LARGE)
		how = send_lean(c, o, so, u, it, held);
	/* An otherwise empty message has no room for it either: without this
	   the device would ask for the next message until it gives up. */
	if (how == SML_TOO_LARGE ||
	    (how == SML_NO_ROOM && sml_out_starved(c, o)))
		return debt(c, so->ds, u, 413, "larger than the device takes");
	return how;
}
