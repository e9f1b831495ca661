/* A device's session, one message at a time. */
#include "syncml/devinf.h"
#include "tests/sim/sim.h"

#include <stdio.h>

struct talk { /* the message that is being made */
	struct sim *s;
	struct dev *d;
	struct sml_cmd *cmd;
	size_t n, cap;
	const struct sml_msg *reply;
};

enum { CMDS_START = 16 };

static struct sml_cmd *
add(struct talk *t, enum sml_tag tag)
{
	struct sml_cmd *c;

	if (t->n == t->cap) {
		size_t cap = t->cap == 0 ? CMDS_START : t->cap * 2;
		struct sml_cmd *more =
		    ARENA_ARRAY(t->s->b, cap, struct sml_cmd);

		if (t->n > 0)
			memcpy(more, t->cmd, t->n * sizeof(*more));
		t->cmd = more;
		t->cap = cap;
	}
	c = &t->cmd[t->n++];
	*c = sml_cmd_none(tag);
	c->cmdid = arena_printf(t->s->b, "%d", ++t->d->cmdid);
	return c;
}

static struct sml_item *
item(struct talk *t, struct sml_cmd *c)
{
	c->items = ARENA_NEW(t->s->b, struct sml_item);
	c->item_n = 1;
	*c->items = sml_item_none();
	return c->items;
}

static void
remember(struct talk *t, int at, unsigned deed_n)
{
	struct dev *d = t->d;

	if (d->cmd_n == CMDS) {
		memmove(d->cmd, d->cmd + 1, (CMDS - 1) * sizeof(d->cmd[0]));
		d->cmd_n--;
	}
	d->cmd[d->cmd_n++] = (struct dev_cmd){
		.msgid = d->msgid, .cmdid = d->cmdid, .at = at, .deed_n = deed_n
	};
}

/* ---- the message -------------------------------------------------------- */

static void
header(struct talk *t, struct sml_msg *m)
{
	struct dev *d = t->d;
	struct sml_hdr *h = &m->hdr;
	int v = d->t.version % 10;

	/* In CDATA, as libsynthesis: who resumes an object by octets must write
	   line ends that no reader folds. */
	m->doc = (struct sml_doc){ .enc = d->t.enc,
				   .version = d->t.version,
				   .cdata = true };
	*h = (struct sml_hdr){
		.verdtd = arena_printf(t->s->b, "1.%d", v),
		.verproto = arena_printf(t->s->b, "SyncML/1.%d", v),
		.sid = arena_printf(t->s->b, "%d", d->sid),
		.msgid = arena_printf(t->s->b, "%d", d->msgid),
		.target = SLICE_LIT("http://h/s"),
		.source = slice_c(d->id),
		.meta = sml_meta_none(),
	};
	if (d->msgid == 1 || d->t.no_respuri) {
		h->cred.present = true;
		h->cred.meta = sml_meta_none();
		h->cred.meta.format = SLICE_LIT("b64");
		h->cred.meta.type = SLICE_LIT("syncml:auth-basic");
		h->cred.data = d->account == 0 ? SLICE_LIT("YW5uYTpzZWNyZXQ=")
					       : SLICE_LIT("YmVydDpzZWNyZXQ=");
	}
	if (d->t.max_msg > 0)
		h->meta.max_msg_size = d->t.max_msg;
	if (d->t.max_obj > 0)
		h->meta.max_obj_size = d->t.max_obj;
}

static void
finish(struct talk *t, bool final)
{
	struct sml_msg m = { .cmds = t->cmd, .cmd_n = t->n, .final = final };
	struct buf b = BUF_IN(t->s->keep);
	struct err e = { .code = ERR_NONE };

	header(t, &m);
	if (sml_msg_write(t->s->b, &m, &b, &e) < 0)
		sim_fail(t->s, "%s cannot write: %s", t->d->id, e.msg);
	t->d->sent = buf_slice(&b);
	t->d->tries = 0;
	t->d->messages++;
}

static void
status(struct talk *t, const struct sml_cmd *of, int code)
{
	struct sml_cmd *c;

	if (t->d->t.no_status && of->tag != SML_ALERT)
		return;
	c = add(t, SML_STATUS);
	c->msgref = t->reply->hdr.msgid;
	c->cmdref = of->cmdid;
	c->cmd = slice_c(sml_tag_name(of->tag));
	c->data = arena_printf(t->s->b, "%d", code);
}

static void
header_status(struct talk *t)
{
	struct sml_cmd *c = add(t, SML_STATUS);

	c->msgref = t->reply->hdr.msgid;
	c->cmdref = SLICE_LIT("0");
	c->cmd = SLICE_LIT("SyncHdr");
	c->data = SLICE_LIT("200");
}

static void
plain_alert(struct talk *t, const char *code)
{
	struct sml_cmd *c = add(t, SML_ALERT);
	struct sml_item *it = item(t, c);

	c->data = slice_c(code);
	it->target = SLICE_LIT("./contacts");
	it->source = SLICE_LIT("./C");
	it->has_target = it->has_source = true;
}

static void
sync_alert(struct talk *t)
{
	struct dev *d = t->d;
	struct sml_cmd *c = add(t, SML_ALERT);
	struct sml_item *it = item(t, c);

	c->data = arena_printf(t->s->b, "%d", d->asked);
	it->target = SLICE_LIT("./contacts");
	it->source = SLICE_LIT("./C");
	it->has_target = it->has_source = true;
	it->meta.anchor.present = true;
	if (d->m.last != 0)
		it->meta.anchor.last = arena_printf(t->s->b, "%d", d->m.last);
	it->meta.anchor.next = arena_printf(t->s->b, "%d", d->anchor);
}

static struct sml_node *
devinf(struct talk *t)
{
	static const char *const prop[FIELDS] = { "N",     "EMAIL", "TEL",
						  "TITLE", "NOTE",  "URL" };
	const struct traits *k = &t->d->t;
	struct arena *a = t->s->b;
	struct pim_cap *cap = ARENA_ARRAY(a, FIELDS + 4, struct pim_cap);
	struct sml_ctype *type = ARENA_NEW(a, struct sml_ctype);
	struct sml_ctcap *ct = ARENA_NEW(a, struct sml_ctcap);
	struct sml_datastore *ds = ARENA_NEW(a, struct sml_datastore);
	struct sml_devinf di = { .version = k->version,
				 .man = SLICE_LIT("Sim"),
				 .mod = SLICE_LIT("Device"),
				 .devid = slice_c(t->d->id),
				 .devtyp = SLICE_LIT("phone"),
				 .large_objs = k->version > 10,
				 .number_of_changes = k->version > 10,
				 .stores = ds,
				 .store_n = 1 };
	size_t n = 0;

	cap[n++].name = SLICE_LIT("BEGIN");
	cap[n++].name = SLICE_LIT("END");
	cap[n++].name = SLICE_LIT("VERSION");
	cap[n++].name = SLICE_LIT("FN");
	for (int f = 0; f < FIELDS; f++) {
		if ((k->fields & (1u << f)) != 0)
			cap[n++].name = slice_c(prop[f]);
	}
	type->type = slice_c(k->old_form ? "text/x-vcard" : "text/vcard");
	type->version = slice_c(k->old_form ? "2.1" : "3.0");
	type->pref = true;
	*ct = (struct sml_ctcap){ .type = type->type,
				  .version = type->version,
				  .caps = { .props = cap, .prop_n = n } };
	*ds = (struct sml_datastore){ .source_ref = SLICE_LIT("./C"),
				      .max_guid_size = 16,
				      .rx = type,
				      .tx = type,
				      .rx_n = 1,
				      .tx_n = 1,
				      .ctcap = ct,
				      .ctcap_n = 1,
				      .sync_types = 0x7e,
				      .max_mem = -1,
				      .max_id = -1 };
	return sml_devinf_node(a, &di, false);
}

static void
put_devinf(struct talk *t, const struct sml_cmd *get)
{
	const struct traits *k = &t->d->t;
	struct sml_cmd *c = add(t, get == NULL ? SML_PUT : SML_RESULTS);
	struct sml_item *it = item(t, c);

	if (get != NULL) {
		c->msgref = t->reply->hdr.msgid;
		c->cmdref = get->cmdid;
	}
	c->meta.type = k->enc == SML_XML
			   ? SLICE_LIT("application/vnd.syncml-devinf+xml")
			   : SLICE_LIT("application/vnd.syncml-devinf+wbxml");
	it->source = arena_printf(t->s->b, "./devinf%d", k->version);
	it->has_source = true;
	it->data_node = devinf(t);
	it->has_data = true;
}

/* ---- what it has changed ------------------------------------------------ */

static bool
slow(const struct dev *d)
{
	return d->alert == 201 || d->alert == 203;
}

/* The next one to be sent from `at` on; m.n: none. */
static unsigned
next_change(const struct dev *d, unsigned at)
{
	if (d->alert == 204 || d->alert == 205)
		return d->m.n;
	while (at < d->m.n) {
		const struct item *it = &d->m.item[at];

		if (slow(d) ? it->live : it->change != 0 && !it->ok)
			break;
		at++;
	}
	return at;
}

static void
command_head(struct talk *t, struct sml_cmd *c, const struct item *it)
{
	const struct traits *k = &t->d->t;
	struct sml_item *in = item(t, c);

	c->cmdid = arena_printf(t->s->b, "%d", ++t->d->cmdid);
	in->source = arena_printf(t->s->b, "%d", it->luid);
	in->has_source = true;
	if (it->live)
		c->meta.type =
		    slice_c(k->old_form ? "text/x-vcard" : "text/vcard");
}

/* One change, or a piece of it; true: the message ends with it. */
static bool
put_change(struct talk *t, struct sml_cmd *c, unsigned at)
{
	struct dev *d = t->d;
	struct item *it = &d->m.item[at];
	bool replace = slow(d) ? d->t.replaces : it->change == 'R';
	struct slice body;
	size_t left;

	sim_say(t->s, "    sends %s %d = n%u",
		!it->live ? "Delete"
		: replace ? "Replace"
			  : "Add",
		it->luid, it->r.v[F_NAME][0]);
	if (!it->live) {
		*c = sml_cmd_none(SML_DELETE);
		command_head(t, c, it);
		remember(t, (int)at, it->deed_n);
		return false;
	}
	*c = sml_cmd_none(replace ? SML_REPLACE : SML_ADD);
	command_head(t, c, it);
	body = rec_write(t->s, t->s->b, &it->r, d->t.old_form);
	left = body.n - d->piece;
	c->items->has_data = true;
	c->items->data_opaque = true;
	if (d->t.split == 0 || body.n <= (size_t)d->t.split) {
		c->items->data = body;
		remember(t, (int)at, it->deed_n);
		return false;
	}
	if (d->piece == 0)
		c->meta.size = (int64_t)body.n;
	if (left > (size_t)d->t.split)
		left = (size_t)d->t.split;
	c->items->data = slice_sub(body, d->piece, left);
	d->piece += left;
	c->items->more = d->piece < body.n;
	remember(t, c->items->more ? -2 : (int)at, it->deed_n);
	if (!c->items->more)
		d->piece = 0;
	return c->items->more;
}

/* Those that did not go out in this session. */
static void
put_maps(struct talk *t)
{
	struct dev *d = t->d;
	struct sml_cmd *c = NULL;

	for (unsigned i = 0; i < d->m.map_n; i++) {
		struct map_due *m = &d->m.map[i];
		struct sml_item *it;

		if (m->msgid != 0)
			continue;
		if (c == NULL) {
			c = add(t, SML_MAP);
			c->target = SLICE_LIT("./contacts");
			c->source = SLICE_LIT("./C");
			c->items =
			    ARENA_ARRAY(t->s->b, d->m.map_n, struct sml_item);
		}
		m->msgid = d->msgid;
		it = &c->items[c->item_n++];
		*it = sml_item_none();
		it->target = slice_c(m->guid);
		it->source = arena_printf(t->s->b, "%d", m->luid);
		it->has_target = it->has_source = true;
	}
	if (c != NULL)
		remember(t, -1, 0);
}

static void
maps_arrived(struct dev *d, int msgid)
{
	unsigned k = 0;

	for (unsigned i = 0; i < d->m.map_n; i++) {
		if (d->m.map[i].msgid != msgid)
			d->m.map[k++] = d->m.map[i];
	}
	d->m.map_n = k;
}

static void
send_changes(struct talk *t)
{
	struct dev *d = t->d;
	struct sml_cmd *sync;
	int most = d->t.per_msg > 0 ? d->t.per_msg : ITEMS;
	unsigned at = next_change(d, d->send_at);
	bool full = false;
	int k = 0;

	if (d->send_at == 0 && d->piece == 0)
		put_maps(t); /* of a session that broke */
	sync = add(t, SML_SYNC);
	sync->target = SLICE_LIT("./contacts");
	sync->source = SLICE_LIT("./C");
	sync->kids = ARENA_ARRAY(t->s->b, (size_t)most, struct sml_cmd);
	for (; at < d->m.n && k < most && !full; k++) {
		full = put_change(t, &sync->kids[k], at);
		if (!full) {
			d->changes += slow(d) ? 0 : 1;
			at = next_change(d, at + 1);
		}
	}
	sync->kid_n = (size_t)k;
	d->send_at = at;
	if (full || at < d->m.n) {
		finish(t, false);
		return;
	}
	d->phase = TALK_TAKE;
	finish(t, true);
}

/* ---- what the server says ----------------------------------------------- */

static void
settled(struct talk *t, struct dev_cmd *c)
{
	struct dev *d = t->d;
	struct model *m = &t->s->model[d->account];
	struct item *it = &d->m.item[c->at];

	/* A value that its user replaced before it ever went out was not
	   sent. */
	for (unsigned i = 0; i < c->deed_n; i++) {
		struct deed *k = &m->deed[it->deed[i]];

		if (!k->acked)
			k->heard = t->s->messages;
		k->acked = k->acked || k->kind != DEED_SET ||
			   (it->live &&
			    rec_has(&it->r, k->field,
				    it->deed[i] | (uint32_t)d->account << 16));
	}
	it->deed_n -= c->deed_n;
	memmove(it->deed, it->deed + c->deed_n,
		it->deed_n * sizeof(it->deed[0]));
	it->ok = true;
	/* Of two equal ones nobody can tell which is which, if a slow sync
	   broke that knew them by other LUIDs than the one before. */
	if (d->t.settles &&
	    (!slow(d) || m->ent[model_ent_of(m, &it->r)].copies == 1)) {
		it->change = 0;
		it->ok = false;
	}
}

static void
take_status(struct talk *t, const struct sml_cmd *st, uint32_t code)
{
	struct dev *d = t->d;
	uint32_t msg = 0;
	uint32_t cmd = 0;

	if (slice_is(st->cmd, "Alert")) {
		if (code >= 400 && code != 508)
			talk_break(t->s, d, "the Alert was refused");
		return;
	}
	(void)slice_u32(st->msgref, &msg);
	(void)slice_u32(st->cmdref, &cmd);
	for (unsigned i = 0; i < d->cmd_n; i++) {
		struct dev_cmd *c = &d->cmd[i];

		if (c->msgid != (int)msg || c->cmdid != (int)cmd)
			continue;
		if (c->at >= 0 && (code < 300 || code == 419))
			settled(t, c);
		else if (c->at >= 0)
			sim_fail(t->s, "%s: status %u for its change of %d",
				 d->id, (unsigned)code, d->m.item[c->at].luid);
		if (c->at == -1 && code < 300)
			maps_arrived(d, c->msgid);
		*c = d->cmd[--d->cmd_n];
		return;
	}
}

static void
take_alert(struct talk *t, const struct sml_cmd *c)
{
	struct dev *d = t->d;
	uint32_t code = 0;

	if (!slice_u32(c->data, &code) || code < 200 || code > 210)
		return;
	d->alert = (int)code;
	status(t, c, 200);
	sim_say(t->s, "    server: type %u", (unsigned)code);
	if (d->alert != d->asked && d->asked != 225 && !d->slow_ok)
		sim_fail(t->s, "%s asked for %d and got %d", d->id, d->asked,
			 d->alert);
	/* A sync that is resumed still owes the Maps of its first part. */
	if (d->asked != 225 &&
	    (d->alert == 201 || d->alert == 203 || d->alert == 205)) {
		/* Until one is through nobody knows of these items. */
		if (d->m.map_n > 0)
			d->m.last = 0;
		d->m.map_n = 0;
	}
	if (d->alert == 203 || d->alert == 205)
		d->slow_ok = true;
	if (d->alert == 205 && d->asked != 225)
		dev_emptied(t->s, d);
}

static void
map_note(struct dev *d, const struct item *it, struct slice guid)
{
	struct map_due *m;

	if (d->t.no_map || d->m.map_n == MAPS)
		return;
	m = &d->m.map[d->m.map_n++];
	*m = (struct map_due){ .luid = it->luid };
	(void)snprintf(m->guid, sizeof(m->guid), "%.*s", SLICE_ARG(guid));
}

/* What such a device sends of it later may be taken for another thing. */
static void
unmapped(struct talk *t, const struct rec *r)
{
	struct model *m = &t->s->model[t->d->account];

	m->ent[model_ent_of(m, r)].loose = true;
	m->ent[model_ent_of(m, r)].many = true;
}

static void
store_item(struct talk *t, const struct sml_cmd *c, struct slice body)
{
	struct dev *d = t->d;
	const struct sml_item *in = &c->items[0];
	struct item *it = NULL;
	uint32_t luid = 0;
	struct rec r;
	char text[300];

	if (!rec_read(t->s, body, &r))
		return;
	if (r.n[F_NAME] == 0 || (int)(r.v[F_NAME][0] >> 16) != d->account) {
		sim_fail(t->s, "%s got another account's item", d->id);
		return;
	}
	if (d->t.max_obj > 0 && body.n > (size_t)d->t.max_obj)
		sim_fail(t->s, "%s got an item of %zu bytes", d->id, body.n);
	if (c->tag == SML_ADD) {
		it = dev_place(d);
		if (it == NULL) {
			status(t, c, 420);
			return;
		}
		map_note(d, it, in->source);
		if (d->t.no_map)
			unmapped(t, &r);
		d->got_add++;
	} else {
		if (slice_u32(in->target, &luid))
			it = dev_item(d, (int)luid);
		if (it == NULL) {
			status(t, c, 404);
			return;
		}
		d->got_replace++;
	}
	it->r = rec_project(&r, d->t.fields);
	it->unsure = true;
	sim_say(t->s, "    server: %s %d = %s",
		c->tag == SML_ADD ? "Add" : "Replace", it->luid,
		rec_show(&it->r, text, sizeof(text)));
	status(t, c, c->tag == SML_ADD ? 201 : 200);
}

static void
take_item(struct talk *t, const struct sml_cmd *c)
{
	struct dev *d = t->d;
	const struct sml_item *in = &c->items[0];
	struct slice id = in->has_target ? in->target : in->source;
	uint32_t luid = 0;
	struct item *it;

	if (c->tag == SML_DELETE) {
		it = slice_u32(in->target, &luid) ? dev_item(d, (int)luid)
						  : NULL;
		sim_say(t->s, "    server: Delete %u", (unsigned)luid);
		if (it != NULL) {
			it->live = false;
			it->change = 0;
			d->got_delete++;
		}
		status(t, c, it != NULL ? 200 : 211);
		return;
	}
	/* Size stands in a first piece only: the server begins anew. So does
	   another item. */
	if (in->meta.size >= 0 || c->meta.size >= 0 ||
	    !slice_is(id, d->part_of))
		d->parted = false;
	if (!d->parted && !in->more) {
		store_item(t, c, in->data);
		return;
	}
	if (!d->parted) {
		d->part = BUF_IN(t->s->keep);
		(void)snprintf(d->part_of, sizeof(d->part_of), "%.*s",
			       SLICE_ARG(id));
	}
	buf_add(&d->part, in->data);
	d->parted = in->more;
	if (in->more)
		status(t, c, 213);
	else
		store_item(t, c, buf_slice(&d->part));
}

/* The Status of our header; false: the session is over. */
static bool
header_good(struct talk *t)
{
	for (size_t i = 0; i < t->reply->cmd_n; i++) {
		const struct sml_cmd *c = &t->reply->cmds[i];
		uint32_t code = 0;

		if (c->tag != SML_STATUS || !slice_is(c->cmdref, "0"))
			continue;
		(void)slice_u32(c->data, &code);
		if (code < 300)
			return true;
		talk_break(t->s, t->d,
			   arena_printf(t->s->b, "status %u", code).p);
		return false;
	}
	return true;
}

static void
take(struct talk *t)
{
	const struct sml_msg *m = t->reply;

	header_status(t);
	for (size_t i = 0; i < m->cmd_n; i++) {
		const struct sml_cmd *c = &m->cmds[i];
		uint32_t code = 0;

		if (c->tag == SML_STATUS && slice_u32(c->data, &code) &&
		    !slice_is(c->cmdref, "0"))
			take_status(t, c, code);
		if (c->tag == SML_ALERT)
			take_alert(t, c);
		if (c->tag == SML_GET && t->d->t.no_devinf)
			status(t, c, 404);
		if (c->tag == SML_GET && !t->d->t.no_devinf)
			put_devinf(t, c);
		if (c->tag != SML_SYNC)
			continue;
		status(t, c, 200);
		for (size_t k = 0; k < c->kid_n && !t->s->failed; k++)
			take_item(t, &c->kids[k]);
	}
}

/* ---- the session -------------------------------------------------------- */

void
talk_begin(struct sim *s, struct dev *d, int alert)
{
	struct talk t = { .s = s, .d = d };

	arena_reset(s->b);
	d->phase = TALK_INIT;
	d->doubt = d->doubt || d->broke;
	if (d->doubt || s->f.late > 0)
		dev_doubtful(s, d);
	d->broke = true; /* until it is done */
	d->sid++;
	d->began = s->messages;
	d->anchor = d->t.counts ? d->m.last + 1 : d->anchor + 1;
	d->asked = alert;
	d->alert = 0;
	d->msgid = 1;
	d->cmdid = 0;
	d->token[0] = '\0';
	d->send_at = 0;
	d->piece = 0;
	d->cmd_n = 0;
	/* Who resumes goes on with the object it has half of. */
	d->parted = d->parted && alert == 225;
	d->suspending = d->want_suspend = false;
	d->got_add = d->got_replace = d->got_delete = d->changes = 0;
	d->messages = 0;
	if (d->m.last == 0)
		d->slow_ok = true;
	for (unsigned i = 0; i < d->m.n; i++)
		d->m.item[i].ok = false;
	for (unsigned i = 0; i < d->m.map_n; i++)
		d->m.map[i].msgid = 0;
	sim_say(s, "%s: session %d, asks for %d, last %d next %d", d->id,
		d->sid, alert, d->m.last, d->anchor);
	sync_alert(&t);
	if (!d->t.no_devinf)
		put_devinf(&t, NULL);
	finish(&t, true);
	s->syncs++;
}

void
talk_break(struct sim *s, struct dev *d, const char *why)
{
	if (d->phase == TALK_IDLE)
		return;
	sim_say(s, "%s: breaks off: %s", d->id, why);
	sim_story(s, d);
	d->phase = TALK_IDLE;
	d->ended = s->messages;
	d->m.suspended = false;
	if (s->calm)
		sim_fail(s, "%s broke off without a fault: %s", d->id, why);
}

static void
done(struct sim *s, struct dev *d)
{
	d->phase = TALK_IDLE;
	d->ended = s->messages;
	sim_story(s, d);
	if (d->suspending) {
		d->m.suspended = true;
		sim_say(s, "%s: suspended", d->id);
		return;
	}
	d->m.suspended = d->broke = false;
	d->m.last = d->anchor;
	/* One way from it: it was told nothing, and what was in doubt was not
	   looked into. */
	if (d->alert != 202) {
		d->good_began = d->began;
		d->doubt = false;
	}
	d->slow_ok = false;
	for (unsigned i = 0; i < d->m.n; i++) {
		if (d->m.item[i].ok)
			d->m.item[i].change = 0;
		d->m.item[i].ok = d->m.item[i].unsure = false;
		d->m.item[i].old = false;
	}
	sim_say(s, "%s: done, +%u ~%u -%u, sent %u", d->id, d->got_add,
		d->got_replace, d->got_delete, d->changes);
}

/* Statuses and what else is due; the phase decides. */
static void
go_on(struct talk *t)
{
	struct dev *d = t->d;

	if (d->want_suspend && d->t.version == 12 && d->phase >= TALK_SYNC &&
	    d->phase < TALK_LAST) {
		plain_alert(t, "224");
		d->suspending = true;
		d->phase = TALK_LAST;
		finish(t, true);
		return;
	}
	if (d->phase == TALK_INIT && t->reply->final)
		d->phase = TALK_SYNC;
	else if (d->phase == TALK_TAKE && t->reply->final)
		d->phase = TALK_LAST;
	if (d->phase == TALK_SYNC) {
		send_changes(t);
		return;
	}
	if (d->phase == TALK_LAST || d->t.map_early)
		put_maps(t);
	if (d->phase != TALK_LAST)
		plain_alert(t, "222");
	finish(t, d->phase == TALK_LAST);
}

static void
take_token(struct talk *t)
{
	struct dev *d = t->d;
	struct slice uri = t->reply->hdr.respuri;
	size_t at = slice_find_str(uri, "?s=");

	if (at != SIZE_MAX && !d->t.no_respuri)
		(void)snprintf(d->token, sizeof(d->token), "%.*s",
			       SLICE_ARG(slice_from(uri, at + 3)));
}

void
talk_answer(struct sim *s, struct dev *d, const struct sml_reply *r)
{
	struct talk t = { .s = s, .d = d };
	struct err e = { .code = ERR_NONE };
	struct sml_msg *m;
	bool last = d->phase == TALK_LAST;

	arena_reset(s->b);
	if (d->t.max_msg > 0 && r->body.n > (size_t)d->t.max_msg)
		sim_fail(s, "an answer of %zu bytes for %s", r->body.n, d->id);
	if (sml_msg_read(s->b, d->t.enc, r->body, NULL, &m, &e) < 0) {
		sim_fail(s, "%s cannot read the answer: %s", d->id, e.msg);
		return;
	}
	t.reply = m;
	if (!header_good(&t))
		return;
	take_token(&t);
	d->msgid++;
	d->cmdid = 0;
	take(&t);
	/* Others go on meanwhile. */
	if (d->alert == 201 || d->alert == 203)
		dev_unsure(s, d);
	if (d->alert == 203)
		dev_wins(s, d);
	if (d->phase == TALK_IDLE || s->failed)
		return;
	if (d->messages > 400)
		sim_fail(s, "%s: a session without end", d->id);
	else if (last && m->final)
		done(s, d);
	else
		go_on(&t);
}
