#include "tests/client/fake_server.h"

#include "base/digest.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct answer {
	struct fake *f;
	struct arena *a;
	const struct sml_msg *in;
	struct sml_cmd *cmds;
	size_t n, cap;
	size_t bytes, limit;
	struct sml_hdr hdr;
	bool final;
};

/* ---- store
 * --------------------------------------------------------------------- */

void
fake_init(struct fake *f)
{
	*f = (struct fake){ .max_version = 12, .alert_status = 200 };
}

void
fake_free(struct fake *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->items[i].body);
	free(f->items);
	free(f->part);
}

void
fake_begin(struct fake *f)
{
	f->phase = FAKE_INIT;
	f->msgid = 0;
	f->authed = f->user == NULL;
	f->at = f->off = 0;
	f->peer_msg = 0;
	f->done = false;
	f->session++;
	snprintf(f->next, sizeof(f->next), "s%u", f->session);
	free(f->part);
	f->part = NULL;
	f->part_n = 0;
}

size_t
fake_add(struct fake *f, const char *body, size_t n)
{
	if (f->n == f->cap) {
		f->cap = f->cap == 0 ? 64 : 2 * f->cap;
		f->items = realloc(f->items, f->cap * sizeof(*f->items));
		assert(f->items != NULL);
	}
	struct fake_item *it = &f->items[f->n];
	*it = (struct fake_item){ .live = true, .n = n };
	it->body = malloc(n + 1);
	assert(it->body != NULL);
	memcpy(it->body, body, n);
	it->body[n] = '\0';
	return f->n++;
}

size_t
fake_live(const struct fake *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += f->items[i].live;
	return n;
}

static struct fake_item *
by_luid(struct fake *f, struct slice luid, bool dead_too)
{
	for (size_t i = 0; i < f->n; i++)
		if ((f->items[i].live || dead_too) &&
		    slice_is(luid, f->items[i].luid))
			return &f->items[i];
	return NULL;
}

struct fake_item *
fake_by_luid(struct fake *f, struct slice luid)
{
	return by_luid(f, luid, false);
}

/* ---- making the answer
 * --------------------------------------------------------- */

static size_t
size_of(struct answer *r, const struct sml_cmd *c)
{
	struct buf b = BUF_IN(r->a);

	sml_cmd_write(r->a, &b, &r->in->doc, c);
	assert(buf_ok(&b));
	return b.n;
}

static void
put(struct answer *r, struct sml_cmd c)
{
	if (r->n == r->cap) {
		size_t cap = r->cap == 0 ? 64 : 2 * r->cap;
		struct sml_cmd *p = ARENA_ARRAY(r->a, cap, struct sml_cmd);

		assert(p != NULL);
		if (r->n > 0)
			memcpy(p, r->cmds, r->n * sizeof(*p));
		r->cmds = p;
		r->cap = cap;
	}
	c.cmdid = arena_printf(r->a, "%zu", 100 + r->n);
	r->bytes += size_of(r, &c);
	r->cmds[r->n++] = c;
}

static void
status(struct answer *r, const struct sml_cmd *of, const struct sml_item *it,
       int code)
{
	struct sml_cmd s = sml_cmd_none(SML_STATUS);
	struct slice *ref = ARENA_NEW(r->a, struct slice);

	s.msgref = r->in->hdr.msgid;
	s.cmdref = of == NULL ? SLICE_LIT("0") : of->cmdid;
	s.cmd =
	    of == NULL ? SLICE_LIT("SyncHdr") : slice_c(sml_tag_name(of->tag));
	s.data = arena_printf(r->a, "%d", code);
	if (it != NULL && it->has_source) {
		*ref = it->source;
		s.source_refs = ref;
		s.source_ref_n = 1;
	}
	put(r, s);
}

static struct sml_item *
new_item(struct arena *a)
{
	struct sml_item *it = ARENA_NEW(a, struct sml_item);

	assert(it != NULL);
	*it = sml_item_none();
	return it;
}

/* ---- logging in
 * ------------------------------------------------------------------ */

static bool
cred_ok(struct fake *f, struct arena *a, const struct sml_msg *m)
{
	const struct sml_cred *c = &m->hdr.cred;
	struct slice user, password;
	struct err e;

	if (!c->present)
		return false;
	if (sml_auth_type(c) == SML_AUTH_BASIC)
		return !f->md5 && sml_auth_basic(a, c, &user, &password) &&
		       slice_is(user, f->user) &&
		       slice_is(password, f->password);
	unsigned char want[16];
	struct slice raw;
	assert(sml_auth_md5(a, slice_c(f->user), slice_c(f->password),
			    slice_c(f->nonce), m->doc.version == 10, want,
			    &e) == 0);
	return f->md5 && slice_is(m->hdr.source_name, f->user) &&
	       digest_unb64(a, c->data, &raw) && raw.n == 16 &&
	       memcmp(raw.p, want, 16) == 0;
}

static void
challenge(struct answer *r)
{
	struct fake *f = r->f;
	struct sml_cmd *s = &r->cmds[0];

	s->chal.present = true;
	s->chal.type = f->md5 ? SLICE_LIT("syncml:auth-md5")
			      : SLICE_LIT("syncml:auth-basic");
	s->chal.format = SLICE_LIT("b64");
	if (!f->md5)
		return;
	snprintf(f->nonce, sizeof(f->nonce), "nonce-%u", ++f->nonce_no);
	s->chal.next_nonce = digest_b64(r->a, slice_c(f->nonce));
}

/* false: the message is refused. */
static bool
log_in(struct answer *r)
{
	struct fake *f = r->f;
	bool present = r->in->hdr.cred.present;
	int code = f->every_message ? 200 : 212;

	if (f->user == NULL || f->authed) {
		status(r, NULL, NULL,
		       f->header_status ? f->header_status : 200);
		f->header_status = 0;
		return true;
	}
	if (cred_ok(f, r->a, r->in)) {
		f->authed = !f->every_message;
		status(r, NULL, NULL, code);
		challenge(r);
		return true;
	}
	f->bad_auth++;
	code = present ? 401 : 407;
	status(r, NULL, NULL, code);
	challenge(r);
	for (size_t i = 0; i < r->in->cmd_n; i++)
		if (r->in->cmds[i].tag != SML_STATUS)
			status(r, &r->in->cmds[i], NULL, code);
	r->final = true;
	return false;
}

/* ---- anchors
 * --------------------------------------------------------------------- */

/*
 * Does the client speak of a sync that we know? The one before the last too: it
 * may not have got our last reply.
 */
static bool
know(struct fake *f, struct slice last)
{
	for (int i = 0; i < 2; i++)
		if (last.n > 0 && slice_is(last, f->pair[i].client)) {
			memcpy(f->right_last, f->pair[i].server,
			       sizeof(f->right_last));
			return true;
		}
	return false;
}

static void
session_ends(struct fake *f)
{
	f->done = true;
	f->pair[1] = f->pair[0];
	memcpy(f->pair[0].client, f->client_next, sizeof(f->client_next));
	memcpy(f->pair[0].server, f->next, sizeof(f->next));
}

/* ---- what the client says
 * ------------------------------------------------------------ */

static void
on_status(struct answer *r, const struct sml_cmd *s)
{
	int64_t code = 0;

	slice_i64(s->data, &code);
	for (size_t i = 0; i < s->source_ref_n; i++) {
		int64_t g;

		if (s->source_refs[i].n > 1 && s->source_refs[i].p[0] == 'g' &&
		    slice_i64(slice_from(s->source_refs[i], 1), &g) && g >= 0 &&
		    (size_t)g < r->f->n)
			r->f->items[g].status = (int)code;
	}
	for (size_t i = 0; i < s->target_ref_n; i++) {
		struct fake_item *it = by_luid(r->f, s->target_refs[i], true);

		if (it == NULL)
			continue;
		it->status = (int)code;
		if (code < 300) {
			it->changed = false;
			if (it->gone)
				it->luid[0] = '\0';
			it->gone = false;
		}
	}
}

static void
our_alert(struct answer *r, const struct sml_item *it)
{
	struct fake *f = r->f;
	struct sml_cmd a = sml_cmd_none(SML_ALERT);
	struct sml_item *mine = new_item(r->a);

	a.data = arena_printf(r->a, "%d", f->now_type);
	mine->target = it->source;
	mine->source = it->target;
	mine->has_target = mine->has_source = true;
	mine->meta.anchor.present = true;
	mine->meta.anchor.last =
	    f->now_type == 201
		? SLICE_LIT("")
		: slice_c(f->last != NULL ? f->last : f->right_last);
	mine->meta.anchor.next = slice_c(f->next);
	a.items = mine;
	a.item_n = 1;
	put(r, a);
}

static void
on_alert(struct answer *r, const struct sml_cmd *c)
{
	struct fake *f = r->f;
	const struct sml_item *it = c->item_n > 0 ? &c->items[0] : NULL;
	int64_t code = 0;

	slice_i64(c->data, &code);
	if (code < 200 || code > 210) {
		f->alert_222 += code == 222;
		f->alert_223 += code == 223;
		f->alert_224 += code == 224;
		f->done |= code == 224;
		status(r, c, NULL, 200);
		return;
	}
	f->alerts++;
	f->asked = (int)code;
	assert(it != NULL);
	snprintf(f->client_last, sizeof(f->client_last), "%.*s",
		 SLICE_ARG(it->meta.anchor.last));
	snprintf(f->client_next, sizeof(f->client_next), "%.*s",
		 SLICE_ARG(it->meta.anchor.next));
	int answer = f->alert_status;
	bool fits = know(f, it->meta.anchor.last);
	if (answer == 200 && code == 200 && !fits)
		answer = 508;
	f->now_type = f->type != 0 ? f->type : answer == 508 ? 201 : (int)code;
	status(r, c, it, answer);
	if (answer < 300 || answer == 508)
		if (!f->no_alert)
			our_alert(r, it);
}

static void
our_devinf(struct answer *r, const struct sml_cmd *get)
{
	struct sml_node *data = sml_node_new(r->a, NULL, SML_DATA);
	struct sml_node *d = sml_node_new(r->a, NULL, SML_DI_DEVINF);
	struct sml_cmd res = sml_cmd_none(SML_RESULTS);
	struct sml_item *it = new_item(r->a);
	struct buf b = BUF_IN(r->a);

	sml_node_text(r->a, d, SML_DI_VERDTD, SLICE_LIT("1.2"));
	sml_node_text(r->a, d, SML_DI_MAN, SLICE_LIT("Fake"));
	sml_node_text(r->a, d, SML_DI_DEVID, SLICE_LIT("fake"));
	sml_node_text(r->a, d, SML_DI_DEVTYP, SLICE_LIT("server"));
	sml_node_new(r->a, d, SML_DI_SUPPORTLARGEOBJS);
	sml_node_new(r->a, d, SML_DI_SUPPORTNUMBEROFCHANGES);
	it->source = get->items[0].target;
	it->has_source = it->has_data = true;
	if (r->in->doc.enc == SML_WBXML) {
		sml_write_devinf(&b, &r->in->doc, d);
		it->data = buf_slice(&b);
		it->data_opaque = true;
	} else {
		data->kids = data->last = d;
		it->data_node = data;
	}
	res.msgref = r->in->hdr.msgid;
	res.cmdref = get->cmdid;
	res.items = it;
	res.item_n = 1;
	put(r, res);
}

static void
join(struct fake *f, struct slice s)
{
	f->part = realloc(f->part, f->part_n + s.n + 1);
	assert(f->part != NULL);
	memcpy(f->part + f->part_n, s.p, s.n);
	f->part_n += s.n;
}

static int
store(struct fake *f, const struct sml_cmd *k, struct slice luid,
      struct slice body)
{
	struct fake_item *it = fake_by_luid(f, luid);

	if (k->tag == SML_DELETE) {
		f->deletes++;
		if (it != NULL)
			it->live = false;
		return it != NULL ? 200 : 211;
	}
	f->adds += k->tag == SML_ADD;
	f->replaces += k->tag == SML_REPLACE;
	/* Deleted here, edited there: the edit wins. */
	if (it == NULL && (it = by_luid(f, luid, true)) != NULL)
		it->gone = false;
	/* An item that we sent and whose Map never came. */
	for (size_t i = 0; it == NULL && i < f->n; i++)
		if (f->items[i].live && f->items[i].offered &&
		    f->items[i].luid[0] == '\0' && f->items[i].n == body.n &&
		    memcmp(f->items[i].body, body.p, body.n) == 0) {
			it = &f->items[i];
			snprintf(it->luid, sizeof(it->luid), "%.*s",
				 SLICE_ARG(luid));
		}
	if (it == NULL) {
		size_t at = fake_add(f, body.p, body.n);

		it = &f->items[at];
		snprintf(it->luid, sizeof(it->luid), "%.*s", SLICE_ARG(luid));
		return 201;
	}
	free(it->body);
	it->body = malloc(body.n + 1);
	assert(it->body != NULL);
	memcpy(it->body, body.p, body.n);
	it->body[body.n] = '\0';
	it->n = body.n;
	it->live = true;
	return 200;
}

static int
on_item(struct answer *r, const struct sml_cmd *k, const struct sml_item *it)
{
	struct fake *f = r->f;
	struct slice body = it->data;
	struct slice format =
	    it->meta.format.n > 0 ? it->meta.format : k->meta.format;

	if (it->more) {
		f->chunks++;
		if (f->part == NULL) {
			assert(k->meta.size > 0);
			f->part_size = (size_t)k->meta.size;
		}
		/* One that goes well goes well for each piece. */
		if (f->item_status >= 300)
			return f->item_status;
		join(f, body);
		return f->item_status != 0 ? f->item_status : 213;
	}
	if (f->part != NULL) {
		join(f, body);
		assert(f->part_n == f->part_size);
		body = arena_copy(r->a, (struct slice){ f->part, f->part_n });
		free(f->part);
		f->part = NULL;
		f->part_n = 0;
	}
	if (slice_is(format, "b64"))
		assert(digest_unb64(r->a, body, &body));
	if (f->item_status != 0)
		return f->item_status;
	return store(f, k, it->source, body);
}

static void
on_sync(struct answer *r, const struct sml_cmd *s)
{
	r->f->syncs++;
	if (s->number_of_changes >= 0)
		r->f->noc = s->number_of_changes;
	status(r, s, NULL, 200);
	for (size_t i = 0; i < s->kid_n; i++)
		for (size_t k = 0; k < s->kids[i].item_n; k++) {
			const struct sml_item *it = &s->kids[i].items[k];

			status(r, &s->kids[i], it, on_item(r, &s->kids[i], it));
		}
}

static void
on_map(struct answer *r, const struct sml_cmd *m)
{
	struct fake *f = r->f;

	f->maps++;
	for (size_t i = 0; i < m->item_n; i++) {
		int64_t g = -1;

		if (m->items[i].target.n < 2 ||
		    !slice_i64(slice_from(m->items[i].target, 1), &g) ||
		    g < 0 || (size_t)g >= f->n)
			continue; /* the tests damage our ids on the way */
		snprintf(f->items[g].luid, sizeof(f->items[g].luid), "%.*s",
			 SLICE_ARG(m->items[i].source));
	}
	if (!f->no_map_status)
		status(r, m, NULL, 200);
}

static void
on_command(struct answer *r, const struct sml_cmd *c)
{
	switch ((unsigned)c->tag) {
	case SML_STATUS:
		on_status(r, c);
		return;
	case SML_ALERT:
		on_alert(r, c);
		return;
	case SML_SYNC:
		on_sync(r, c);
		return;
	case SML_MAP:
		on_map(r, c);
		return;
	case SML_PUT:
		r->f->puts++;
		status(r, c, NULL, 200);
		return;
	case SML_RESULTS:
		r->f->results++;
		status(r, c, NULL, 200);
		return;
	case SML_GET:
		r->f->gets++;
		status(r, c, NULL, r->f->no_results ? 404 : 200);
		if (!r->f->no_results)
			our_devinf(r, c);
		return;
	default:
		status(r, c, NULL, 406);
	}
}

/* ---- what we say
 * --------------------------------------------------------------------- */

static enum sml_tag
to_send(const struct fake *f, const struct fake_item *it)
{
	if (f->now_type == 202 || f->now_type == 203 ||
	    it->sent_in == f->session)
		return SML_UNKNOWN;
	if (it->live && (it->luid[0] == '\0' || f->now_type == 205))
		return SML_ADD;
	if (it->live && it->changed)
		return SML_REPLACE;
	if (it->gone && it->luid[0] != '\0')
		return SML_DELETE;
	return SML_UNKNOWN;
}

static struct sml_cmd
item_command(struct answer *r, const struct fake_item *it, enum sml_tag tag,
	     size_t n)
{
	struct fake *f = r->f;
	struct sml_cmd c = sml_cmd_none(tag);
	struct sml_item *item = new_item(r->a);
	bool last = f->off + n >= it->n;

	if (tag == SML_ADD) {
		item->source =
		    arena_printf(r->a, "g%zu", (size_t)(it - f->items));
		item->has_source = true;
	} else {
		item->target = slice_c(it->luid);
		item->has_target = true;
	}
	if (tag != SML_DELETE) {
		c.meta.type = SLICE_LIT("text/vcard");
		item->data = (struct slice){ it->body + f->off, n };
		item->data_opaque = true;
		item->has_data = true;
		item->more = !last;
		if (!last && f->off == 0)
			c.meta.size = (int64_t)it->n;
		if (f->b64) {
			item->data = digest_b64(r->a, item->data);
			item->data_opaque = false;
			c.meta.format = SLICE_LIT("b64");
		}
	}
	c.cmdid = arena_printf(r->a, "%zu", 5000 + f->at);
	c.items = item;
	c.item_n = 1;
	return c;
}

/* One item, or a part of it, into the Sync. false: no room. */
static bool
send_one(struct answer *r, struct sml_cmd *sync, enum sml_tag tag)
{
	struct fake *f = r->f;
	struct fake_item *it = &f->items[f->at];
	size_t left = it->n - f->off, room, frame = 400;
	struct sml_cmd c;

	room = r->limit > r->bytes + frame ? r->limit - r->bytes - frame : 0;
	if (tag == SML_DELETE || left <= room)
		room = left;
	else if (sync->kid_n > 0 || room < 64)
		return false;
	c = item_command(r, it, tag, room);
	r->bytes += size_of(r, &c);
	sync->kids[sync->kid_n++] = c;
	if (room < left && tag != SML_DELETE) {
		f->off += room;
		return false;
	}
	it->offered |= tag == SML_ADD;
	it->sent_in = f->session;
	f->off = 0;
	f->at++;
	return true;
}

static void
send_changes(struct answer *r)
{
	struct fake *f = r->f;
	struct sml_cmd s = sml_cmd_none(SML_SYNC);

	s.target = s.source = SLICE_LIT("contacts");
	s.kids = ARENA_ARRAY(r->a, f->n + 1, struct sml_cmd);
	assert(s.kids != NULL);
	while (f->at < f->n) {
		enum sml_tag tag = to_send(f, &f->items[f->at]);

		if (tag == SML_UNKNOWN) {
			f->at++;
			continue;
		}
		if (!send_one(r, &s, tag))
			break;
	}
	put(r, s);
	r->final = f->at >= f->n;
}

static void
get_theirs(struct answer *r)
{
	struct sml_cmd g = sml_cmd_none(SML_GET);
	struct sml_item *it = new_item(r->a);

	it->target = arena_printf(r->a, "./devinf%d", r->in->doc.version);
	it->has_target = true;
	g.items = it;
	g.item_n = 1;
	put(r, g);
}

static void
say_222(struct answer *r)
{
	struct sml_cmd a = sml_cmd_none(SML_ALERT);
	struct sml_item *it = new_item(r->a);

	if (r->f->no_222)
		return;
	a.data = SLICE_LIT("222");
	it->target = r->in->hdr.source;
	it->source = r->in->hdr.target;
	it->has_target = it->has_source = true;
	a.items = it;
	a.item_n = 1;
	put(r, a);
}

/* The course of the session after a message of the client. */
static void
go_on(struct answer *r)
{
	struct fake *f = r->f;

	if (f->phase == FAKE_INIT && r->in->final) {
		f->phase = FAKE_SYNC;
		r->final = true;
		if (f->get_devinf)
			get_theirs(r);
		return;
	}
	if (f->phase == FAKE_SYNC && r->in->final)
		f->phase = FAKE_SEND;
	if (f->phase == FAKE_SEND) {
		send_changes(r);
		if (r->final)
			f->phase = FAKE_MAP;
		return;
	}
	if (f->phase == FAKE_MAP) {
		r->final = true;
		if (r->in->final)
			session_ends(f);
		return;
	}
	if (!r->in->final)
		say_222(r);
}

static void
fill_header(struct answer *r)
{
	struct fake *f = r->f;
	const struct sml_hdr *h = &r->in->hdr;

	r->hdr.verdtd = h->verdtd;
	r->hdr.verproto = h->verproto;
	r->hdr.sid = h->sid;
	r->hdr.msgid = arena_printf(r->a, "%lld", (long long)f->msgid);
	r->hdr.target = h->source;
	r->hdr.source = h->target;
	r->hdr.respuri = slice_c(f->respuri);
	r->hdr.meta = sml_meta_none();
	if (f->max_msg > 0)
		r->hdr.meta.max_msg_size = (int64_t)f->max_msg;
	if (f->max_obj > 0)
		r->hdr.meta.max_obj_size = (int64_t)f->max_obj;
}

void
fake_handle(struct fake *f, struct arena *a, struct slice in, struct slice *out)
{
	struct answer r = { .f = f, .a = a };
	struct buf b = BUF_IN(a);
	struct sml_msg *m, reply = { 0 };
	enum sml_enc enc;
	struct err e = { 0 };

	assert(sml_enc_detect(SLICE_LIT(""), in, &enc));
	if (sml_msg_read(a, enc, in, NULL, &m, &e) != 0) {
		fprintf(stderr, "fake server: %s\n%.*s\n", e.msg,
			SLICE_ARG(in));
		abort();
	}
	f->messages++;
	f->msgid++;
	f->finals += m->final;
	if (in.n > f->largest && f->phase != FAKE_INIT)
		f->largest = in.n;
	if (m->hdr.meta.max_msg_size > 0)
		f->peer_msg = (size_t)m->hdr.meta.max_msg_size;
	r.limit = f->peer_msg > 0 ? f->peer_msg : 1000000;
	r.in = m;
	fill_header(&r);
	if (m->doc.version > f->max_version) {
		status(&r, NULL, NULL, 513);
		r.final = true;
	} else if (log_in(&r)) {
		for (size_t i = 0; i < m->cmd_n; i++)
			on_command(&r, &m->cmds[i]);
		go_on(&r);
	}
	reply.doc = m->doc;
	reply.hdr = r.hdr;
	reply.cmds = r.cmds;
	reply.cmd_n = r.n;
	reply.final = r.final;
	assert(sml_msg_write(a, &reply, &b, &e) == 0);
	*out = buf_slice(&b);
}
