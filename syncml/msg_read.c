/*
 * A tree to a message. Lenient: children in any order, what is unknown is
 * skipped, the last of two counts.
 */
#include "syncml/codec.h"
#include "syncml/limits.h"
#include "syncml/msg.h"

/* A Sync, Atomic or Sequence whose commands are still to be read. */
struct pending {
	const struct sml_node *node;
	struct sml_cmd *cmd;
	struct pending *next;
};

struct reader {
	struct arena *a;
	struct err *e;
	struct pending *first, *last;
	size_t total;
};

static int
no_memory(struct reader *r)
{
	return err_set(r->e, ERR_NOMEM, "msg.read", "memory is short");
}

/* ---- texts -------------------------------------------------------------- */

/*
 * Text of a leaf. What came as opaque octets is made a text: up to a NUL
 * (C strings with their end are seen), ISO-8859-1 where it is no UTF-8.
 */
static int
text(struct reader *r, const struct sml_node *n, struct slice *out)
{
	struct slice s = n->text;
	struct buf b = BUF_IN(r->a);
	size_t nul;

	*out = slice_trim(s);
	if (!n->opaque)
		return 0;
	nul = slice_find(s, '\0');
	if (nul != SIZE_MAX)
		s.n = nul;
	*out = slice_trim(s);
	if (slice_utf8_ok(*out))
		return 0;
	for (size_t i = 0; i < out->n; i++) {
		unsigned c = (unsigned char)out->p[i];

		if (c >= 0x80)
			buf_byte(&b, (unsigned char)(0xC0u | c >> 6));
		buf_byte(&b,
			 (unsigned char)(c >= 0x80 ? 0x80u | (c & 0x3Fu) : c));
	}
	*out = buf_slice(&b);
	return b.bad ? no_memory(r) : 0;
}

/* An id that has to be kept and sent back: it cannot be cut. */
static int
id(struct reader *r, const struct sml_node *n, size_t max, struct slice *out)
{
	if (text(r, n, out) < 0)
		return -1;
	if (out->n > max)
		return err_set(r->e, ERR_PARSE, "msg.read",
			       "%s has %zu bytes, more than %zu",
			       sml_tag_name(n->tag), out->n, max);
	return 0;
}

static int
kid_text(struct reader *r, const struct sml_node *n, enum sml_tag tag,
	 struct slice *out)
{
	const struct sml_node *k = sml_kid(n, tag);

	return k == NULL ? 0 : text(r, k, out);
}

static int64_t
number(const struct sml_node *n)
{
	int64_t v;

	return slice_i64(n->text, &v) && v >= 0 ? v : -1;
}

/* ---- Meta, Cred, Chal --------------------------------------------------- */

static int
meta_anchor(struct reader *r, const struct sml_node *n, struct sml_anchor *out)
{
	*out = (struct sml_anchor){ .present = true };
	if (kid_text(r, n, SML_MI_LAST, &out->last) < 0)
		return -1;
	return kid_text(r, n, SML_MI_NEXT, &out->next);
}

static void
meta_mem(const struct sml_node *n, struct sml_meta *out)
{
	const struct sml_node *mem = sml_kid(n, SML_MI_FREEMEM);
	const struct sml_node *ids = sml_kid(n, SML_MI_FREEID);

	out->free_mem = mem == NULL ? -1 : number(mem);
	out->free_id = ids == NULL ? -1 : number(ids);
}

static int
meta_field(struct reader *r, const struct sml_node *k, struct sml_meta *out)
{
	switch ((unsigned)k->tag) {
	case SML_MI_TYPE:
		return text(r, k, &out->type);
	case SML_MI_FORMAT:
		return text(r, k, &out->format);
	case SML_MI_VERSION:
		return text(r, k, &out->version);
	case SML_MI_MARK:
		return text(r, k, &out->mark);
	case SML_MI_EMI:
		return text(r, k, &out->emi);
	case SML_MI_NEXTNONCE:
		/* Raw octets from some old peers: not made a text. */
		out->next_nonce = k->opaque ? k->text : slice_trim(k->text);
		return 0;
	case SML_MI_ANCHOR:
		return meta_anchor(r, k, &out->anchor);
	case SML_MI_MEM:
		meta_mem(k, out);
		return 0;
	case SML_MI_SIZE:
		out->size = number(k);
		return 0;
	case SML_MI_MAXMSGSIZE:
		out->max_msg_size = number(k);
		return 0;
	case SML_MI_MAXOBJSIZE:
		out->max_obj_size = number(k);
		return 0;
	case SML_MI_FIELDLEVEL:
		out->field_level = true;
		return 0;
	default:
		return 0;
	}
}

static int
read_meta(struct reader *r, const struct sml_node *n, struct sml_meta *out)
{
	for (const struct sml_node *k = n->kids; k != NULL; k = k->next) {
		const struct sml_node *in = k->kids;

		if (k->tag != SML_MI_METINF) {
			if (meta_field(r, k, out) < 0)
				return -1;
			continue;
		}
		for (; in != NULL; in = in->next) {
			if (meta_field(r, in, out) < 0)
				return -1;
		}
	}
	return 0;
}

static int
read_cred(struct reader *r, const struct sml_node *n, struct sml_cred *out)
{
	const struct sml_node *meta = sml_kid(n, SML_META);
	const struct sml_node *data = sml_kid(n, SML_DATA);

	*out = (struct sml_cred){ .present = true, .meta = sml_meta_none() };
	if (data != NULL) {
		out->data = data->opaque ? data->text : slice_trim(data->text);
		out->opaque = data->opaque;
	}
	return meta == NULL ? 0 : read_meta(r, meta, &out->meta);
}

static int
read_chal(struct reader *r, const struct sml_node *n, struct sml_chal *out)
{
	const struct sml_node *k = sml_kid(n, SML_META);
	struct sml_meta meta = sml_meta_none();

	if (k != NULL && read_meta(r, k, &meta) < 0)
		return -1;
	*out = (struct sml_chal){
		.present = true,
		.type = meta.type,
		.format = meta.format,
		.next_nonce = meta.next_nonce,
	};
	return 0;
}

/* ---- Item --------------------------------------------------------------- */

static int
read_filter(struct reader *r, const struct sml_node *n, struct sml_filter *out)
{
	const struct sml_node *meta = sml_kid(n, SML_META);
	const struct sml_node *item = sml_kid(sml_kid(n, SML_RECORD), SML_ITEM);
	const struct sml_node *rmeta = sml_kid(item, SML_META);
	const struct sml_node *data = sml_kid(item, SML_DATA);
	struct sml_meta m = sml_meta_none();
	struct sml_meta rm = sml_meta_none();

	*out = (struct sml_filter){ .present = true };
	if ((meta != NULL && read_meta(r, meta, &m) < 0) ||
	    (rmeta != NULL && read_meta(r, rmeta, &rm) < 0) ||
	    (data != NULL && text(r, data, &out->record) < 0) ||
	    kid_text(r, n, SML_FILTERTYPE, &out->filter_type) < 0)
		return -1;
	out->type = m.type;
	out->record_type = rm.type;
	out->field = sml_kid(sml_kid(n, SML_FIELD), SML_ITEM);
	return 0;
}

static int
read_target(struct reader *r, const struct sml_node *n, struct sml_item *out)
{
	const struct sml_node *filter = sml_kid(n, SML_FILTER);

	out->has_target = true;
	if (kid_text(r, n, SML_LOCURI, &out->target) < 0 ||
	    kid_text(r, n, SML_LOCNAME, &out->target_name) < 0)
		return -1;
	return filter == NULL ? 0 : read_filter(r, filter, &out->filter);
}

static int
read_source(struct reader *r, const struct sml_node *n, struct sml_item *out)
{
	out->has_source = true;
	if (kid_text(r, n, SML_LOCURI, &out->source) < 0)
		return -1;
	return kid_text(r, n, SML_LOCNAME, &out->source_name);
}

static int
item_field(struct reader *r, const struct sml_node *k, struct sml_item *out)
{
	switch ((unsigned)k->tag) {
	case SML_TARGET:
		return read_target(r, k, out);
	case SML_SOURCE:
		return read_source(r, k, out);
	case SML_TARGETPARENT:
		return kid_text(r, k, SML_LOCURI, &out->target_parent);
	case SML_SOURCEPARENT:
		return kid_text(r, k, SML_LOCURI, &out->source_parent);
	case SML_META:
		return read_meta(r, k, &out->meta);
	case SML_DATA:
		out->has_data = true;
		out->data = k->text;
		out->data_opaque = k->opaque;
		out->data_node = k;
		return 0;
	case SML_MOREDATA:
		out->more = true;
		return 0;
	default:
		return 0;
	}
}

static int
read_item(struct reader *r, const struct sml_node *n, struct sml_item *out)
{
	*out = sml_item_none();
	for (const struct sml_node *k = n->kids; k != NULL; k = k->next) {
		if (item_field(r, k, out) < 0)
			return -1;
	}
	return 0;
}

/* ---- commands ----------------------------------------------------------- */

static bool
is_command(enum sml_tag tag)
{
	switch ((unsigned)tag) {
	case SML_ADD:
	case SML_ALERT:
	case SML_ATOMIC:
	case SML_COPY:
	case SML_DELETE:
	case SML_EXEC:
	case SML_GET:
	case SML_MAP:
	case SML_MOVE:
	case SML_PUT:
	case SML_REPLACE:
	case SML_RESULTS:
	case SML_SEARCH:
	case SML_SEQUENCE:
	case SML_STATUS:
	case SML_SYNC:
		return true;
	default:
		return false;
	}
}

static bool
holds_commands(enum sml_tag tag)
{
	return tag == SML_SYNC || tag == SML_ATOMIC || tag == SML_SEQUENCE;
}

static bool
is_item(enum sml_tag tag)
{
	return tag == SML_ITEM || tag == SML_MAPITEM;
}

/* Room for what there can be several of. */
static int
prepare(struct reader *r, const struct sml_node *n, struct sml_cmd *c)
{
	size_t items = 0;
	size_t targets = 0;
	size_t sources = 0;

	for (const struct sml_node *k = n->kids; k != NULL; k = k->next) {
		items += is_item(k->tag);
		targets += k->tag == SML_TARGETREF;
		sources += k->tag == SML_SOURCEREF;
	}
	if (items > 0)
		c->items = ARENA_ARRAY(r->a, items, struct sml_item);
	if (targets > 0)
		c->target_refs = ARENA_ARRAY(r->a, targets, struct slice);
	if (sources > 0)
		c->source_refs = ARENA_ARRAY(r->a, sources, struct slice);
	if ((items > 0 && c->items == NULL) ||
	    (targets > 0 && c->target_refs == NULL) ||
	    (sources > 0 && c->source_refs == NULL))
		return no_memory(r);
	return 0;
}

static void
cmd_flag(const struct sml_node *k, struct sml_cmd *c)
{
	if (k->tag == SML_NORESP)
		c->noresp = true;
	else if (k->tag == SML_ARCHIVE)
		c->archive = true;
	else if (k->tag == SML_SFTDEL)
		c->sftdel = true;
	else if (k->tag == SML_NUMBEROFCHANGES)
		c->number_of_changes = number(k);
}

static int
cmd_field(struct reader *r, const struct sml_node *k, struct sml_cmd *c)
{
	switch ((unsigned)k->tag) {
	case SML_CMDID:
		return id(r, k, SML_CMDID_BYTES_MAX, &c->cmdid);
	case SML_MSGREF:
		return id(r, k, SML_CMDID_BYTES_MAX, &c->msgref);
	case SML_CMDREF:
		return id(r, k, SML_CMDID_BYTES_MAX, &c->cmdref);
	case SML_CMD:
		return id(r, k, SML_CMDID_BYTES_MAX, &c->cmd);
	case SML_DATA:
		return text(r, k, &c->data);
	case SML_TARGET:
		return kid_text(r, k, SML_LOCURI, &c->target);
	case SML_SOURCE:
		return kid_text(r, k, SML_LOCURI, &c->source);
	case SML_TARGETREF:
		return text(r, k, &c->target_refs[c->target_ref_n++]);
	case SML_SOURCEREF:
		return text(r, k, &c->source_refs[c->source_ref_n++]);
	case SML_META:
		return read_meta(r, k, &c->meta);
	case SML_CRED:
		return read_cred(r, k, &c->cred);
	case SML_CHAL:
		return read_chal(r, k, &c->chal);
	case SML_ITEM:
	case SML_MAPITEM:
		return read_item(r, k, &c->items[c->item_n++]);
	default:
		cmd_flag(k, c);
		return 0;
	}
}

static int
read_cmd(struct reader *r, const struct sml_node *n, struct sml_cmd *c)
{
	struct pending *p;

	*c = sml_cmd_none(n->tag);
	if (n->tag != SML_STATUS && ++r->total > SML_COMMANDS_MAX)
		return err_set(r->e, ERR_LIMIT, "msg.read",
			       "more than %d commands", SML_COMMANDS_MAX);
	if (prepare(r, n, c) < 0)
		return -1;
	for (const struct sml_node *k = n->kids; k != NULL; k = k->next) {
		if (cmd_field(r, k, c) < 0)
			return -1;
	}
	if (!holds_commands(n->tag))
		return 0;
	p = ARENA_NEW(r->a, struct pending);
	if (p == NULL)
		return no_memory(r);
	*p = (struct pending){ .node = n, .cmd = c };
	if (r->last == NULL)
		r->first = p;
	else
		r->last->next = p;
	r->last = p;
	return 0;
}

static int
read_cmds(struct reader *r, const struct sml_node *n, struct sml_cmd **out,
	  size_t *out_n)
{
	size_t count = 0;

	for (const struct sml_node *k = n->kids; k != NULL; k = k->next)
		count += is_command(k->tag);
	if (count == 0)
		return 0;
	*out = ARENA_ARRAY(r->a, count, struct sml_cmd);
	if (*out == NULL)
		return no_memory(r);
	for (const struct sml_node *k = n->kids; k != NULL; k = k->next) {
		if (is_command(k->tag) &&
		    read_cmd(r, k, &(*out)[(*out_n)++]) < 0)
			return -1;
	}
	return 0;
}

/* ---- the message -------------------------------------------------------- */

static int
hdr_field(struct reader *r, const struct sml_node *k, struct sml_hdr *h)
{
	switch ((unsigned)k->tag) {
	case SML_VERDTD:
		return text(r, k, &h->verdtd);
	case SML_VERPROTO:
		return text(r, k, &h->verproto);
	case SML_SESSIONID:
		return id(r, k, SML_SID_BYTES_MAX, &h->sid);
	case SML_MSGID:
		return id(r, k, SML_SID_BYTES_MAX, &h->msgid);
	case SML_TARGET:
		return kid_text(r, k, SML_LOCURI, &h->target);
	case SML_SOURCE:
		if (kid_text(r, k, SML_LOCNAME, &h->source_name) < 0)
			return -1;
		return kid_text(r, k, SML_LOCURI, &h->source);
	case SML_RESPURI:
		return text(r, k, &h->respuri);
	case SML_NORESP:
		h->noresp = true;
		return 0;
	case SML_CRED:
		return read_cred(r, k, &h->cred);
	case SML_META:
		return read_meta(r, k, &h->meta);
	default:
		return 0;
	}
}

static int
read_hdr(struct reader *r, const struct sml_node *n, struct sml_hdr *h)
{
	h->meta = sml_meta_none();
	h->cred.meta = sml_meta_none();
	for (const struct sml_node *k = n->kids; k != NULL; k = k->next) {
		if (hdr_field(r, k, h) < 0)
			return -1;
	}
	return 0;
}

static int
read_body(struct reader *r, const struct sml_node *n, struct sml_msg *m)
{
	if (read_cmds(r, n, &m->cmds, &m->cmd_n) < 0)
		return -1;
	/* Nested ones one level after the other: a queue, no recursion. */
	for (; r->first != NULL; r->first = r->first->next) {
		struct sml_cmd *c = r->first->cmd;

		if (read_cmds(r, r->first->node, &c->kids, &c->kid_n) < 0)
			return -1;
	}
	m->cmd_total = r->total;
	m->final = sml_kid(n, SML_FINAL) != NULL;
	return 0;
}

int
sml_msg_read(struct arena *a, enum sml_enc enc, struct slice body,
	     const struct sml_limits *lim, struct sml_msg **out, struct err *e)
{
	struct reader r = { .a = a, .e = e };
	const struct sml_node *hdr;
	const struct sml_node *in;
	struct sml_node *root;
	struct sml_msg *m = ARENA_NEW(a, struct sml_msg);

	*out = NULL;
	if (m == NULL)
		return no_memory(&r);
	if (sml_read(a, enc, body, lim, &m->doc, &root, e) < 0)
		return -1;
	if (root->tag != SML_SYNCML)
		return err_set(e, ERR_PARSE, "msg.read",
			       "the document is no SyncML message");
	hdr = sml_kid(root, SML_SYNCHDR);
	in = sml_kid(root, SML_SYNCBODY);
	if (hdr == NULL || in == NULL)
		return err_set(e, ERR_PARSE, "msg.read",
			       "the message has no %s",
			       hdr == NULL ? "SyncHdr" : "SyncBody");
	if (read_hdr(&r, hdr, &m->hdr) < 0 || read_body(&r, in, m) < 0)
		return -1;
	*out = m;
	return 0;
}
