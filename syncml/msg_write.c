/*
 * A message to bytes, by way of small trees in the DTD's order. What goes wrong
 * in building one shows up in the buffer.
 */
#include "syncml/build.h"
#include "syncml/limits.h"
#include "syncml/msg.h"

struct builder {
	struct sml_build t;
	bool binary; /* item content as OPAQUE */
};

struct sml_meta
sml_meta_none(void)
{
	return (struct sml_meta){
		.size = -1,
		.max_msg_size = -1,
		.max_obj_size = -1,
		.free_mem = -1,
		.free_id = -1,
	};
}

struct sml_item
sml_item_none(void)
{
	return (struct sml_item){ .meta = sml_meta_none() };
}

struct sml_cmd
sml_cmd_none(enum sml_tag tag)
{
	return (struct sml_cmd){
		.tag = tag,
		.number_of_changes = -1,
		.meta = sml_meta_none(),
		.cred = { .meta = sml_meta_none() },
	};
}

/* Target or Source. */
static struct sml_node *
place(struct builder *b, struct sml_node *up, enum sml_tag tag,
      struct slice uri, struct slice name)
{
	struct sml_node *n = sml_box(&b->t, up, tag);

	sml_leaf(&b->t, n, SML_LOCURI, uri);
	sml_maybe(&b->t, n, SML_LOCNAME, name);
	return n;
}

/* ---- Meta, Cred, Chal --------------------------------------------------- */

static void
add_anchor(struct builder *b, struct sml_node *up, const struct sml_anchor *x)
{
	struct sml_node *n;

	if (!x->present)
		return;
	n = sml_box(&b->t, up, SML_MI_ANCHOR);
	sml_maybe(&b->t, n, SML_MI_LAST, x->last);
	sml_leaf(&b->t, n, SML_MI_NEXT, x->next);
}

static bool
meta_empty(const struct sml_meta *m)
{
	return m->type.n == 0 && m->format.n == 0 && m->version.n == 0 &&
	       m->mark.n == 0 && m->next_nonce.n == 0 && m->emi.n == 0 &&
	       !m->anchor.present && m->size <= 0 && m->max_msg_size <= 0 &&
	       m->max_obj_size <= 0 && m->free_mem <= 0 && m->free_id <= 0 &&
	       !m->field_level;
}

/*
 * A number that is 0 is taken as absent, as -1 is: a limit of no bytes cannot
 * be meant. A full memory still shows, by the other of the two.
 */
static void
add_meta(struct builder *b, struct sml_node *up, const struct sml_meta *m)
{
	struct sml_node *n;
	struct sml_node *mem;

	if (meta_empty(m))
		return;
	n = sml_box(&b->t, up, SML_META);
	sml_maybe(&b->t, n, SML_MI_FORMAT, m->format);
	sml_maybe(&b->t, n, SML_MI_TYPE, m->type);
	sml_maybe(&b->t, n, SML_MI_MARK, m->mark);
	if (m->size > 0)
		sml_number(&b->t, n, SML_MI_SIZE, m->size);
	add_anchor(b, n, &m->anchor);
	sml_maybe(&b->t, n, SML_MI_VERSION, m->version);
	sml_maybe(&b->t, n, SML_MI_NEXTNONCE, m->next_nonce);
	if (m->max_msg_size > 0)
		sml_number(&b->t, n, SML_MI_MAXMSGSIZE, m->max_msg_size);
	if (m->max_obj_size > 0)
		sml_number(&b->t, n, SML_MI_MAXOBJSIZE, m->max_obj_size);
	sml_maybe(&b->t, n, SML_MI_EMI, m->emi);
	if (m->free_mem > 0 || m->free_id > 0) {
		mem = sml_box(&b->t, n, SML_MI_MEM);
		sml_number(&b->t, mem, SML_MI_FREEMEM,
			   m->free_mem < 0 ? 0 : m->free_mem);
		sml_number(&b->t, mem, SML_MI_FREEID,
			   m->free_id < 0 ? 0 : m->free_id);
	}
	sml_flag(&b->t, n, SML_MI_FIELDLEVEL, m->field_level);
}

static void
add_cred(struct builder *b, struct sml_node *up, const struct sml_cred *c)
{
	struct sml_node *n;
	struct sml_node *data;

	if (!c->present)
		return;
	n = sml_box(&b->t, up, SML_CRED);
	add_meta(b, n, &c->meta);
	data = sml_box(&b->t, n, SML_DATA);
	if (data != NULL) {
		data->text = c->data;
		data->opaque = c->opaque;
	}
}

static void
add_chal(struct builder *b, struct sml_node *up, const struct sml_chal *c)
{
	struct sml_meta m = sml_meta_none();

	if (!c->present)
		return;
	m.type = c->type;
	m.format = c->format;
	m.next_nonce = c->next_nonce;
	add_meta(b, sml_box(&b->t, up, SML_CHAL), &m);
}

/* ---- Item --------------------------------------------------------------- */

/* Another's subtree, hung in here without changing it. */
static void
graft(struct builder *b, struct sml_node *up, const struct sml_node *other)
{
	struct sml_node *n = sml_box(&b->t, up, other->tag);

	if (n == NULL)
		return;
	n->text = other->text;
	n->opaque = other->opaque;
	n->kids = other->kids;
	n->last = other->last;
}

static void
add_filter(struct builder *b, struct sml_node *up, const struct sml_filter *f)
{
	struct sml_meta m = sml_meta_none();
	struct sml_node *n;
	struct sml_node *item;

	if (!f->present)
		return;
	n = sml_box(&b->t, up, SML_FILTER);
	m.type = f->type;
	add_meta(b, n, &m);
	if (f->field != NULL)
		graft(b, sml_box(&b->t, n, SML_FIELD), f->field);
	if (f->record.n > 0) {
		item = sml_box(&b->t, sml_box(&b->t, n, SML_RECORD), SML_ITEM);
		m.type = f->record_type;
		add_meta(b, item, &m);
		sml_leaf(&b->t, item, SML_DATA, f->record);
	}
	sml_maybe(&b->t, n, SML_FILTERTYPE, f->filter_type);
}

/* Elements where there are some (the Data element itself, or what is to go
   into it), else the text. */
static void
add_data(struct builder *b, struct sml_node *up, const struct sml_item *it)
{
	const struct sml_node *from = it->data_node;
	struct sml_node *n;

	if (from != NULL && from->tag == SML_DATA && from->kids != NULL) {
		graft(b, up, from);
		return;
	}
	if (from != NULL && from->tag != SML_DATA) {
		graft(b, sml_box(&b->t, up, SML_DATA), from);
		return;
	}
	if (!it->has_data && it->data.n == 0)
		return;
	n = sml_box(&b->t, up, SML_DATA);
	if (n != NULL) {
		n->text = it->data;
		n->opaque = it->data_opaque || (b->binary && it->data.n > 0);
	}
}

static void
add_parent(struct builder *b, struct sml_node *up, enum sml_tag tag,
	   struct slice uri)
{
	if (uri.n > 0)
		sml_leaf(&b->t, sml_box(&b->t, up, tag), SML_LOCURI, uri);
}

static void
add_item(struct builder *b, struct sml_node *up, const struct sml_item *it)
{
	struct sml_node *n = sml_box(&b->t, up, SML_ITEM);

	if (it->has_target || it->target.n > 0)
		add_filter(b,
			   place(b, n, SML_TARGET, it->target, it->target_name),
			   &it->filter);
	if (it->has_source || it->source.n > 0)
		(void)place(b, n, SML_SOURCE, it->source, it->source_name);
	add_parent(b, n, SML_SOURCEPARENT, it->source_parent);
	add_parent(b, n, SML_TARGETPARENT, it->target_parent);
	add_meta(b, n, &it->meta);
	add_data(b, n, it);
	sml_flag(&b->t, n, SML_MOREDATA, it->more);
}

static void
add_items(struct builder *b, struct sml_node *up, const struct sml_cmd *c)
{
	for (size_t i = 0; i < c->item_n && !b->t.bad; i++)
		add_item(b, up, &c->items[i]);
}

/* ---- commands ----------------------------------------------------------- */

static void
add_places(struct builder *b, struct sml_node *n, const struct sml_cmd *c)
{
	if (c->target.n > 0)
		(void)place(b, n, SML_TARGET, c->target, SLICE_LIT(""));
	if (c->source.n > 0)
		(void)place(b, n, SML_SOURCE, c->source, SLICE_LIT(""));
}

static void
add_refs(struct builder *b, struct sml_node *n, const struct sml_cmd *c)
{
	for (size_t i = 0; i < c->target_ref_n; i++)
		sml_leaf(&b->t, n, SML_TARGETREF, c->target_refs[i]);
	for (size_t i = 0; i < c->source_ref_n; i++)
		sml_leaf(&b->t, n, SML_SOURCEREF, c->source_refs[i]);
}

static void
fill_status(struct builder *b, struct sml_node *n, const struct sml_cmd *c)
{
	sml_leaf(&b->t, n, SML_MSGREF, c->msgref);
	sml_leaf(&b->t, n, SML_CMDREF, c->cmdref);
	sml_leaf(&b->t, n, SML_CMD, c->cmd);
	add_refs(b, n, c);
	add_cred(b, n, &c->cred);
	add_chal(b, n, &c->chal);
	sml_leaf(&b->t, n, SML_DATA, c->data);
	add_items(b, n, c);
}

static void
fill_results(struct builder *b, struct sml_node *n, const struct sml_cmd *c)
{
	sml_maybe(&b->t, n, SML_MSGREF, c->msgref);
	sml_leaf(&b->t, n, SML_CMDREF, c->cmdref);
	add_meta(b, n, &c->meta);
	add_refs(b, n, c);
	add_items(b, n, c);
}

static void
fill_map(struct builder *b, struct sml_node *n, const struct sml_cmd *c)
{
	add_places(b, n, c);
	add_cred(b, n, &c->cred);
	add_meta(b, n, &c->meta);
	for (size_t i = 0; i < c->item_n && !b->t.bad; i++) {
		struct sml_node *m = sml_box(&b->t, n, SML_MAPITEM);

		(void)place(b, m, SML_TARGET, c->items[i].target,
			    SLICE_LIT(""));
		(void)place(b, m, SML_SOURCE, c->items[i].source,
			    SLICE_LIT(""));
	}
}

static void
fill_rest(struct builder *b, struct sml_node *n, const struct sml_cmd *c)
{
	bool places = c->tag == SML_SYNC || c->tag == SML_SEARCH;

	sml_flag(&b->t, n, SML_NORESP, c->noresp);
	sml_flag(&b->t, n, SML_ARCHIVE, c->archive);
	sml_flag(&b->t, n, SML_SFTDEL, c->sftdel);
	add_cred(b, n, &c->cred);
	if (places)
		add_places(b, n, c);
	if (c->tag == SML_ALERT)
		sml_maybe(&b->t, n, SML_DATA, c->data);
	add_meta(b, n, &c->meta);
	if (c->tag == SML_SEARCH)
		sml_maybe(&b->t, n, SML_DATA, c->data);
	if (c->tag == SML_SYNC && c->number_of_changes >= 0)
		sml_number(&b->t, n, SML_NUMBEROFCHANGES, c->number_of_changes);
	add_items(b, n, c);
}

/* Commands whose items hold content: opaque is safe for all octets. */
static bool
holds_content(enum sml_tag tag)
{
	return tag == SML_ADD || tag == SML_REPLACE || tag == SML_COPY ||
	       tag == SML_PUT || tag == SML_RESULTS;
}

/* One command without the commands in it. */
static struct sml_node *
add_cmd(struct builder *b, struct sml_node *up, const struct sml_cmd *c)
{
	struct sml_node *n = sml_box(&b->t, up, c->tag);

	b->binary = holds_content(c->tag);
	sml_maybe(&b->t, n, SML_CMDID, c->cmdid);
	if (c->tag == SML_STATUS)
		fill_status(b, n, c);
	else if (c->tag == SML_RESULTS)
		fill_results(b, n, c);
	else if (c->tag == SML_MAP)
		fill_map(b, n, c);
	else
		fill_rest(b, n, c);
	return n;
}

/* A command with all that is in it, as a tree; NULL: it failed. */
static struct sml_node *
cmd_tree(struct builder *b, const struct sml_cmd *top)
{
	struct {
		const struct sml_cmd *c;
		struct sml_node *n;
		size_t at;
	} up[SML_DEPTH_MAX];
	struct sml_node *root = add_cmd(b, NULL, top);
	unsigned depth = 1;

	up[0].c = top;
	up[0].n = root;
	up[0].at = 0;
	while (depth > 0 && !b->t.bad) {
		const struct sml_cmd *c = up[depth - 1].c;
		struct sml_node *n;

		if (up[depth - 1].at == c->kid_n) {
			depth--;
			continue;
		}
		c = &c->kids[up[depth - 1].at++];
		n = add_cmd(b, up[depth - 1].n, c);
		if (c->kid_n == 0)
			continue;
		if (depth == SML_DEPTH_MAX) {
			b->t.bad = true;
			return NULL;
		}
		up[depth].c = c;
		up[depth].n = n;
		up[depth].at = 0;
		depth++;
	}
	return b->t.bad ? NULL : root;
}

void
sml_cmd_write(struct arena *a, struct buf *out, const struct sml_doc *doc,
	      const struct sml_cmd *c)
{
	struct builder b = { .t = { .a = a } };

	sml_write(out, doc, cmd_tree(&b, c));
}

void
sml_sync_open(struct arena *a, struct buf *out, const struct sml_doc *doc,
	      const struct sml_cmd *sync)
{
	struct builder b = { .t = { .a = a } };
	struct sml_node *n = add_cmd(&b, NULL, sync);

	sml_write_start(out, doc, sync->tag);
	if (b.t.bad || n == NULL) {
		out->bad = true;
		return;
	}
	for (const struct sml_node *k = n->kids; k != NULL; k = k->next)
		sml_write(out, doc, k);
}

void
sml_sync_close(struct buf *out, const struct sml_doc *doc)
{
	sml_write_end(out, doc, SML_SYNC);
}

/* ---- header and message ------------------------------------------------- */

void
sml_hdr_write(struct arena *a, struct buf *out, const struct sml_doc *doc,
	      const struct sml_hdr *h)
{
	struct builder b = { .t = { .a = a } };
	struct sml_node *n = sml_box(&b.t, NULL, SML_SYNCHDR);

	sml_leaf(&b.t, n, SML_VERDTD, h->verdtd);
	sml_leaf(&b.t, n, SML_VERPROTO, h->verproto);
	sml_leaf(&b.t, n, SML_SESSIONID, h->sid);
	sml_leaf(&b.t, n, SML_MSGID, h->msgid);
	(void)place(&b, n, SML_TARGET, h->target, SLICE_LIT(""));
	(void)place(&b, n, SML_SOURCE, h->source, h->source_name);
	sml_maybe(&b.t, n, SML_RESPURI, h->respuri);
	sml_flag(&b.t, n, SML_NORESP, h->noresp);
	add_cred(&b, n, &h->cred);
	add_meta(&b, n, &h->meta);
	sml_write(out, doc, b.t.bad ? NULL : n);
}

int
sml_msg_write(struct arena *a, const struct sml_msg *m, struct buf *out,
	      struct err *e)
{
	sml_write_open(out, &m->doc);
	sml_hdr_write(a, out, &m->doc, &m->hdr);
	sml_write_body(out, &m->doc);
	for (size_t i = 0; i < m->cmd_n && buf_ok(out); i++)
		sml_cmd_write(a, out, &m->doc, &m->cmds[i]);
	sml_write_close(out, &m->doc, m->final);
	if (!buf_ok(out))
		return err_set(e, out->max != 0 ? ERR_LIMIT : ERR_NOMEM,
			       "msg.write", "no room for the message");
	return 0;
}
