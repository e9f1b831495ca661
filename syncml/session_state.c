/*
 * A session's state to bytes and back. The same walk over the members serves
 * both ways, so that writing and reading cannot drift apart; a first byte
 * names the layout, and a state of another layout is a session that ended
 * (the device starts anew, the map repairs).
 */
#include "syncml/session.h"

#include <limits.h>

enum { STATE_LAYOUT = 9, STATE_LIST_MAX = 1000000 };

struct walk {
	bool reading;
	struct arena *a;
	struct buf out;
	struct slice in;
	bool bad;
	bool no_memory;
};

static void
walk_u64(struct walk *w, uint64_t *v)
{
	uint64_t x = 0;
	unsigned shift = 0;

	if (!w->reading) {
		x = *v;
		while (x >= 0x80) {
			buf_byte(&w->out, (unsigned char)(0x80 | (x & 0x7F)));
			x >>= 7;
		}
		buf_byte(&w->out, (unsigned char)x);
		return;
	}
	for (;;) {
		unsigned char b;

		if (w->in.n == 0 || shift > 63) {
			w->bad = true;
			return;
		}
		b = (unsigned char)w->in.p[0];
		w->in = slice_from(w->in, 1);
		x |= (uint64_t)(b & 0x7F) << shift;
		if ((b & 0x80) == 0)
			break;
		shift += 7;
	}
	*v = x;
}

static void
walk_i64(struct walk *w, int64_t *v)
{
	/* Zigzag: small negative numbers stay short. */
	uint64_t x = *v < 0 ? ~((uint64_t)*v << 1) : (uint64_t)*v << 1;

	walk_u64(w, &x);
	if (w->reading)
		*v = (int64_t)(x >> 1) ^ -(int64_t)(x & 1);
}

static void
walk_int(struct walk *w, int *v)
{
	int64_t x = *v;

	walk_i64(w, &x);
	if (x < INT_MIN || x > INT_MAX)
		w->bad = true;
	else
		*v = (int)x;
}

static void
walk_bool(struct walk *w, bool *v)
{
	uint64_t x = *v ? 1 : 0;

	walk_u64(w, &x);
	*v = x != 0;
}

static void
walk_slice(struct walk *w, struct slice *s)
{
	/* 0: absent (.p NULL), else the length plus 1. */
	uint64_t n = s->p == NULL ? 0 : (uint64_t)s->n + 1;

	walk_u64(w, &n);
	if (!w->reading) {
		buf_add(&w->out, *s);
		return;
	}
	if (n == 0) {
		*s = (struct slice){ NULL, 0 };
		return;
	}
	if (n - 1 > w->in.n) {
		w->bad = true;
		return;
	}
	*s = slice_sub(w->in, 0, (size_t)(n - 1));
	w->in = slice_from(w->in, (size_t)(n - 1));
}

/* Length of a list; when reading, *list becomes an array of that size. */
static size_t
walk_list(struct walk *w, void **list, size_t n, size_t *cap, size_t size)
{
	uint64_t count = n;

	walk_u64(w, &count);
	if (!w->reading)
		return n;
	if (w->bad || count > STATE_LIST_MAX || count > w->in.n) {
		w->bad = true;
		return 0;
	}
	*list = arena_array(w->a, (size_t)count, size);
	if (*list == NULL) {
		w->bad = w->no_memory = true;
		return 0;
	}
	*cap = (size_t)count;
	return (size_t)count;
}

static void
walk_counts(struct walk *w, struct sml_counts *c)
{
	walk_i64(w, &c->added);
	walk_i64(w, &c->replaced);
	walk_i64(w, &c->deleted);
	walk_i64(w, &c->failed);
}

static void
walk_ds(struct walk *w, struct sml_ds *d)
{
	int stage = (int)d->stage;
	int parts = (int)d->cut.parts;
	uint64_t n = d->cursor_n;

	walk_i64(w, &d->link);
	walk_i64(w, &d->collection);
	walk_slice(w, &d->server_uri);
	walk_slice(w, &d->client_uri);
	walk_int(w, &d->asked);
	walk_int(w, &d->type);
	walk_int(w, &d->reply);
	walk_bool(w, &d->forced);
	walk_int(w, &d->why);
	walk_bool(w, &d->first);
	walk_bool(w, &d->resumed);
	walk_bool(w, &d->alert_sent);
	walk_bool(w, &d->refused);
	walk_bool(w, &d->opened);
	walk_bool(w, &d->sync_seen);
	walk_bool(w, &d->in_done);
	walk_slice(w, &d->client_last);
	walk_i64(w, &d->added_before);
	walk_bool(w, &d->fetches);
	walk_int(w, &parts);
	d->cut.parts = (enum pim_mail_parts)parts;
	walk_i64(w, &d->cut.bytes);
	walk_i64(w, &d->cut.attach);
	walk_slice(w, &d->client_next);
	walk_slice(w, &d->server_last);
	walk_slice(w, &d->server_next);
	walk_i64(w, &d->gen);
	walk_i64(w, &d->sync_no);
	walk_i64(w, &d->doubt_from);
	walk_i64(w, &d->bound);
	walk_int(w, &stage);
	d->stage = (enum sml_stage)stage;
	walk_i64(w, &d->pend_after);
	walk_u64(w, &n);
	if (n > STORE_MEMBERS_MAX) {
		w->bad = true;
		return;
	}
	d->cursor_n = (size_t)n;
	for (size_t i = 0; i < d->cursor_n; i++) {
		walk_i64(w, &d->cursor[i].collection);
		walk_i64(w, &d->cursor[i].change_no);
		walk_i64(w, &d->cursor[i].item);
	}
	walk_int(w, &d->form_seen);
	walk_bool(w, &d->plain_seen);
	walk_bool(w, &d->wants_cdata);
	walk_bool(w, &d->full);
	walk_i64(w, &d->max_obj);
	walk_i64(w, &d->free_id);
	walk_i64(w, &d->held_at_start);
	walk_i64(w, &d->noted);
	walk_i64(w, &d->decided);
	walk_counts(w, &d->in);
	walk_counts(w, &d->out);
	walk_i64(w, &d->matched);
	walk_i64(w, &d->conflicts);
	walk_i64(w, &d->held_back);
	walk_slice(w, &d->filter);
	walk_bool(w, &d->no_soft);
	walk_int(w, &d->walk);
	walk_int(w, &d->walk_to);
	n = d->walk_col;
	walk_u64(w, &n);
	d->walk_col = n < STORE_MEMBERS_MAX ? (size_t)n : 0;
	walk_i64(w, &d->walk_ms);
	walk_i64(w, &d->walk_after);
}

static void
walk_sent(struct walk *w, struct sml_sent *s)
{
	uint64_t what = (unsigned char)s->what;

	walk_i64(w, &s->msgid);
	walk_i64(w, &s->cmdid);
	walk_int(w, &s->ds);
	walk_i64(w, &s->item);
	walk_i64(w, &s->revision);
	walk_u64(w, &s->form);
	walk_u64(w, &what);
	s->what = (char)what;
	walk_bool(w, &s->assumed);
}

static void
walk_status(struct walk *w, struct sml_status *s)
{
	walk_i64(w, &s->msgref);
	walk_slice(w, &s->cmdref);
	walk_slice(w, &s->cmd);
	walk_slice(w, &s->target_ref);
	walk_slice(w, &s->source_ref);
	walk_int(w, &s->code);
	walk_slice(w, &s->anchor_next);
	walk_slice(w, &s->text);
	walk_bool(w, &s->chal.present);
	walk_slice(w, &s->chal.type);
	walk_slice(w, &s->chal.format);
	walk_slice(w, &s->chal.next_nonce);
}

static void
walk_incoming(struct walk *w, struct sml_incoming *in)
{
	int tag = (int)in->cmd;

	walk_bool(w, &in->active);
	walk_int(w, &in->ds);
	walk_int(w, &tag);
	in->cmd = (enum sml_tag)tag;
	walk_slice(w, &in->luid);
	walk_slice(w, &in->type);
	walk_slice(w, &in->format);
	walk_i64(w, &in->size);
	walk_i64(w, &in->got);
	walk_i64(w, &in->last_n);
	walk_i64(w, &in->resumed);
	walk_i64(w, &in->resumed_n);
	walk_int(w, &in->refused);
	walk_i64(w, &in->refused_msgid);
}

static void
walk_outgoing(struct walk *w, struct sml_outgoing *og)
{
	uint64_t restarts = og->restarts;

	walk_bool(w, &og->active);
	walk_int(w, &og->ds);
	walk_i64(w, &og->item);
	walk_i64(w, &og->revision);
	walk_u64(w, &og->form);
	walk_slice(w, &og->luid);
	walk_bool(w, &og->add);
	walk_int(w, &og->form_kind);
	walk_bool(w, &og->b64);
	walk_i64(w, &og->total);
	walk_i64(w, &og->offset);
	walk_i64(w, &og->acked);
	walk_i64(w, &og->resumed);
	walk_i64(w, &og->waits_msgid);
	walk_u64(w, &restarts);
	og->restarts = (unsigned)restarts;
}

static void
walk_head(struct walk *w, struct sml_session *s)
{
	int enc = (int)s->doc.enc;
	int in = (int)s->in;
	int scheme = (int)s->scheme;
	int own = (int)s->own.scheme;
	uint64_t tries = s->own.tries;
	uint64_t idle = s->idle_rounds;

	walk_int(w, &s->version);
	walk_int(w, &enc);
	s->doc.enc = enc == SML_WBXML ? SML_WBXML : SML_XML;
	walk_int(w, &s->doc.version);
	walk_bool(w, &s->doc.textual_id);
	walk_bool(w, &s->doc.no_xmlns);
	walk_bool(w, &s->doc.cdata);
	walk_slice(w, &s->sid);
	walk_slice(w, &s->dev_uri);
	walk_slice(w, &s->server_uri);
	walk_slice(w, &s->respuri);
	walk_i64(w, &s->out_msgid);
	walk_i64(w, &s->peer_msg);
	walk_i64(w, &s->peer_obj);
	walk_bool(w, &s->auth_every);
	walk_int(w, &scheme);
	s->scheme = (enum sml_auth)scheme;
	walk_i64(w, &s->cred);
	walk_int(w, &own);
	s->own.scheme = (enum sml_auth)own;
	walk_bool(w, &s->own.done);
	walk_u64(w, &tries);
	s->own.tries = (unsigned)tries;
	walk_slice(w, &s->own.nonce);
	walk_int(w, &in);
	s->in = (enum sml_phase)in;
	walk_bool(w, &s->out_init_done);
	walk_bool(w, &s->out_sync_done);
	walk_bool(w, &s->get_sent);
	walk_bool(w, &s->suspended);
	walk_bool(w, &s->unknown);
	walk_bool(w, &s->done);
	walk_bool(w, &s->mail_waited);
	walk_u64(w, &idle);
	s->idle_rounds = (unsigned)idle;
}

static void
walk_gets(struct walk *w, struct sml_session *s)
{
	uint64_t n = s->get_n;

	walk_u64(w, &n);
	if (n > SML_GETS_MAX) {
		w->bad = true;
		return;
	}
	s->get_n = (size_t)n;
	for (size_t i = 0; i < s->get_n; i++) {
		walk_i64(w, &s->get[i].msgref);
		walk_slice(w, &s->get[i].cmdref);
	}
	walk_i64(w, &s->told.msgref);
	walk_slice(w, &s->told.cmdref);
}

static void
walk_session(struct walk *w, struct sml_session *s)
{
	uint64_t n = s->ds_n;

	walk_head(w, s);
	walk_u64(w, &n);
	if (n > SML_LINKS_MAX) {
		w->bad = true;
		return;
	}
	s->ds_n = (size_t)n;
	for (size_t i = 0; i < s->ds_n && !w->bad; i++)
		walk_ds(w, &s->ds[i]);
	walk_gets(w, s);
	walk_incoming(w, &s->inc);
	walk_outgoing(w, &s->og);
	walk_bool(w, &s->chunk_lost);
	walk_slice(w, &s->lost_luid);
	s->sent_n = walk_list(w, (void **)&s->sent, s->sent_n, &s->sent_cap,
			      sizeof(*s->sent));
	for (size_t i = 0; i < s->sent_n && !w->bad; i++)
		walk_sent(w, &s->sent[i]);
	s->status_n = walk_list(w, (void **)&s->status, s->status_n,
				&s->status_cap, sizeof(*s->status));
	for (size_t i = 0; i < s->status_n && !w->bad; i++)
		walk_status(w, &s->status[i]);
}

static bool
form_ok(int form)
{
	return form >= PIM_FORM_NONE && form <= PIM_SIFN;
}

/*
 * What the engine takes for granted: databases are named by their place, none
 * past the end, and what is one of a few is one of them.
 */
static bool
sound(const struct sml_session *s)
{
	int n = (int)s->ds_n;

	if ((s->inc.active && (s->inc.ds < 0 || s->inc.ds >= n)) ||
	    (s->og.active && (s->og.ds < 0 || s->og.ds >= n)) ||
	    (int)s->in < SML_IN_INIT || (int)s->in > SML_IN_END ||
	    !form_ok(s->og.form_kind))
		return false;
	for (size_t i = 0; i < s->ds_n; i++) {
		if ((int)s->ds[i].stage < SML_OUT_WAIT ||
		    (int)s->ds[i].stage > SML_OUT_DONE ||
		    !form_ok(s->ds[i].form_seen))
			return false;
	}
	for (size_t i = 0; i < s->sent_n; i++) {
		if (s->sent[i].ds < 0 || s->sent[i].ds >= n)
			return false;
	}
	return true;
}

int
sml_state_save(struct arena *a, const struct sml_session *s, struct slice *out,
	       struct err *e)
{
	struct walk w = { .a = a, .out = BUF_IN(a) };
	struct sml_session copy = *s; /* the walk takes members by pointer */

	buf_byte(&w.out, STATE_LAYOUT);
	walk_session(&w, &copy);
	if (!buf_ok(&w.out))
		return err_set(e, ERR_NOMEM, "session.save",
			       "a session's state does not fit in memory");
	*out = buf_slice(&w.out);
	return 0;
}

int
sml_state_load(struct arena *a, struct slice bytes, struct sml_session *s,
	       struct err *e)
{
	struct walk w = { .reading = true, .a = a };

	memset(s, 0, sizeof(*s));
	if (bytes.n == 0 || bytes.p[0] != STATE_LAYOUT)
		return err_set(e, ERR_NOTFOUND, "session.load",
			       "the session's state is of another release");
	w.in = slice_from(bytes, 1);
	walk_session(&w, s);
	if (w.no_memory)
		return err_set(e, ERR_NOMEM, "session.load",
			       "a session's state does not fit in memory");
	if (w.bad || !sound(s))
		return err_set(e, ERR_BUG, "session.load",
			       "a session's stored state does not read back");
	return 0;
}

/* ---- what a link remembers ---------------------------------------------- */

static void
walk_open(struct walk *w, struct sml_open *o)
{
	walk_int(w, &o->type);
	walk_bool(w, &o->done);
	walk_bool(w, &o->in_done);
	walk_i64(w, &o->since_ms);
	walk_i64(w, &o->added);
	walk_i64(w, &o->doubt_from);
	walk_slice(w, &o->last);
	walk_incoming(w, &o->inc);
	walk_outgoing(w, &o->og);
}

int
sml_open_save(struct arena *a, const struct sml_open *open, struct slice *out,
	      struct err *e)
{
	struct walk w = { .a = a, .out = BUF_IN(a) };
	struct sml_open copy = *open;

	buf_byte(&w.out, STATE_LAYOUT);
	walk_open(&w, &copy);
	if (!buf_ok(&w.out))
		return err_set(e, ERR_NOMEM, "session.open",
			       "no memory to note a sync that goes on");
	*out = buf_slice(&w.out);
	return 0;
}

void
sml_open_load(struct arena *a, struct slice bytes, struct sml_open *open)
{
	struct walk w = { .reading = true, .a = a };

	*open = (struct sml_open){ 0 };
	if (bytes.n == 0 || bytes.p[0] != STATE_LAYOUT)
		return;
	w.in = slice_from(bytes, 1);
	walk_open(&w, open);
	if (w.bad)
		*open = (struct sml_open){ 0 };
}
