/*
 * What became of the commands that we sent: Status and Map move the map's rows
 * (design: "the map remembers which revision the device last held").
 */
#include "syncml/session.h"

#include <stdlib.h>

int
sml_sent_add(struct sml_ctx *c, struct sml_sent s)
{
	struct sml_session *ss = &c->s;

	if (ss->sent_n == ss->sent_cap) {
		size_t cap = ss->sent_cap == 0 ? 64 : ss->sent_cap * 2;
		struct sml_sent *more = ARENA_ARRAY(c->a, cap, struct sml_sent);

		if (more == NULL)
			return err_set(&c->e, ERR_NOMEM, "session.sent",
				       "no memory to remember a command");
		if (ss->sent_n > 0)
			memcpy(more, ss->sent, ss->sent_n * sizeof(*more));
		ss->sent = more;
		ss->sent_cap = cap;
	}
	ss->sent[ss->sent_n++] = s;
	return 0;
}

/* ---- outcomes of item commands ------------------------------------------ */

struct outcome {
	struct sml_sent s;
	int code;
};

/* Not a Status: the client went on past the command, or took the first piece
   of a large object for the whole. */
enum { ASSUMED = 0, HALF = -1 };

static bool
good(int code)
{
	return code == ASSUMED ||
	       (code >= 200 && code < 300 && code != 206 && code != 213 &&
		code != 215 && code != 216) ||
	       code == 304 || code == 418 || code == 419;
}

static bool
missing(int code)
{
	return code == 404 || code == 410 || code == 211;
}

/* Is the row still as the assumption left it? */
static bool
as_assumed(const struct sml_sent *s, const struct store_map *m)
{
	if (s->what == 'D')
		return m->state == STORE_MAP_DELETING;
	return (m->state == STORE_MAP_LIVE || m->state == STORE_MAP_SENT ||
		m->reason < 0) &&
	       m->held == s->revision && m->held_form == s->form &&
	       m->offer_n == 0;
}

/* The Map beside this Status said that it is no item of its own there. */
static bool
mapped_away(const struct store_map *m)
{
	return m->reason == SML_WHY_SHARED && m->state != STORE_MAP_SENT;
}

/* A superseded session: has nobody moved the row since? */
static bool
as_sent(const struct sml_ctx *c, const struct sml_sent *s,
	const struct store_map *m)
{
	if (m->touched != c->late_no[s->ds])
		return false;
	if (s->what == 'D')
		return m->state == STORE_MAP_DELETING;
	for (size_t i = 0; i < m->offer_n; i++) {
		if (m->offer[i].revision == s->revision &&
		    m->offer[i].form == s->form)
			return true;
	}
	return s->assumed;
}

/* It cannot remove what is not deleted: told as a Delete, it can. */
static bool
no_soft_delete(int code)
{
	return code == 405 || code == 406 || code == 423 || code == 501;
}

/* In this session still, if there is time. */
static void
again(struct sml_ctx *c, struct sml_ds *ds, struct store_map *m)
{
	if (c->s.out_sync_done)
		return;
	if (m->state == STORE_MAP_DELETING)
		m->touched = ds->sync_no - 1;
	if (ds->stage == SML_OUT_DONE || ds->stage == SML_OUT_CHANGES)
		ds->stage = SML_OUT_PENDING;
	ds->pend_after = 0;
}

/* Move one row; returns true when it is to be dropped. */
static bool
settle(struct sml_ctx *c, struct sml_ds *ds, const struct outcome *o,
       struct store_map *m)
{
	if ((o->s.assumed && !as_assumed(&o->s, m)) || mapped_away(m) ||
	    (c->late && !as_sent(c, &o->s, m)))
		return false;
	if (o->s.what == 'D' && o->code == ASSUMED) {
		m->reason = SML_WHY_ASSUMED;
		return false;
	}
	if (o->s.what == 'D') {
		m->reason = 0;
		if (good(o->code) || missing(o->code)) {
			sml_map_gone(m, ds->sync_no);
			/* One that lives left the device's filter only. */
			return o->s.revision == 0;
		}
		ds->out.failed++;
		m->touched = ds->sync_no; /* stays DELETING: sent again */
		if (no_soft_delete(o->code)) {
			m->reason = o->code;
			if (!ds->no_soft)
				again(c, ds, m);
			ds->no_soft = true;
		}
		return false;
	}
	if (o->code == ASSUMED && m->reason == SML_WHY_UNHEARD) {
		m->state = STORE_MAP_DELETING;
		m->offer_n = 0;
		m->touched = ds->sync_no;
		return false;
	}
	if (good(o->code)) {
		/* The Map of this Add found that the item has changed since:
		   that is still due. */
		if (m->state == STORE_MAP_DEBT && m->luid.n > 0 &&
		    m->held == o->s.revision)
			return false;
		sml_map_holds(m, o->s.revision, o->s.form, ds->sync_no);
		return false;
	}
	ds->out.failed++;
	if (o->code == HALF) {
		/* Nobody knows what it has: no absence in it is a deletion. */
		sml_map_owe(m, true, 413);
		m->held = 0;
		m->held_form = 0;
		m->touched = ds->sync_no;
		return false;
	}
	if (o->s.what == 'R' && missing(o->code)) {
		sml_map_owe(m, false, 0);
		again(c, ds, m);
		return false;
	}
	if (o->code == 420)
		ds->full = true;
	sml_map_owe(m, o->s.what == 'R', o->code);
	m->touched = ds->sync_no; /* not again in this session */
	return false;
}

static int
cmp_outcome(const void *x, const void *y)
{
	const struct outcome *a = x;
	const struct outcome *b = y;

	if (a->s.ds != b->s.ds)
		return a->s.ds < b->s.ds ? -1 : 1;
	if (a->s.item != b->s.item)
		return a->s.item < b->s.item ? -1 : 1;
	return a->s.msgid < b->s.msgid ? -1 : a->s.msgid > b->s.msgid;
}

/* Nothing to write: the Map that came with the Status said it all. */
static bool
same_row(const struct store_map *x, const struct store_map *y)
{
	return x->state == y->state && x->held == y->held &&
	       x->held_form == y->held_form && x->offer_n == y->offer_n &&
	       x->reason == y->reason && x->touched == y->touched &&
	       slice_eq(x->luid, y->luid);
}

/* The outcomes of one database, sorted by item; of two for one item the later
   message's counts. */
static int
settle_ds(struct sml_ctx *c, struct sml_ds *ds, const struct outcome *o,
	  size_t n)
{
	int64_t *id = ARENA_ARRAY(c->a, n, int64_t);
	int64_t *gone = ARENA_ARRAY(c->a, n, int64_t);
	struct store_map *put = ARENA_ARRAY(c->a, n, struct store_map);
	struct store_map *m;
	size_t m_n;
	size_t gone_n = 0;
	size_t put_n = 0;

	if (id == NULL || gone == NULL || put == NULL)
		return err_set(&c->e, ERR_NOMEM, "session.settle",
			       "no memory for %zu statuses", n);
	for (size_t i = 0; i < n; i++)
		id[i] = o[i].s.item;
	if (c->tx->v->map_by_item(c->tx, c->a, ds->link, ds->gen, id, n, &m,
				  &m_n, &c->e) < 0)
		return -1;
	sml_maps_sort(m, m_n);
	for (size_t i = 0; i < n; i++) {
		struct store_map *row;
		struct store_map was;

		if (i + 1 < n && o[i + 1].s.item == o[i].s.item)
			continue;
		row = sml_map_find(m, m_n, o[i].s.item);
		if (row == NULL)
			continue;
		was = *row;
		if (settle(c, ds, &o[i], row))
			gone[gone_n++] = row->item;
		else if (!same_row(&was, row))
			put[put_n++] = *row;
	}
	if (put_n > 0 && c->tx->v->map_put(c->tx, put, put_n, &c->e) < 0)
		return -1;
	if (gone_n == 0)
		return 0;
	return c->tx->v->map_drop(c->tx, ds->link, ds->gen, gone, gone_n,
				  &c->e);
}

static int
settle_all(struct sml_ctx *c, struct outcome *o, size_t n)
{
	size_t from = 0;

	if (n > 1)
		qsort(o, n, sizeof(*o), cmp_outcome);
	for (size_t i = 0; i < n; i++) {
		if (i + 1 < n && o[i + 1].s.ds == o[from].s.ds)
			continue;
		if (settle_ds(c, &c->s.ds[o[from].s.ds], o + from,
			      i + 1 - from) < 0)
			return -1;
		from = i + 1;
	}
	return 0;
}

/* ---- Status ------------------------------------------------------------- */

/* The client refuses our Alert, or wants slow sync by 508. */
static int
alert_outcome(struct sml_ctx *c, struct sml_ds *ds, int code)
{
	struct store_link *l = sml_link(c, ds->link);

	if (code < 300 || l == NULL)
		return 0;
	if (code != 508) {
		ds->refused = true;
		sml_tell(c, '>', "refuses to sync (status %d)", code);
		return 0;
	}
	sml_tell(c, '>', "asks for a slow sync (508)");
	/* A refresh is a slow sync already, of its direction. */
	if (ds->type == 201 || ds->type == 203 || ds->type == 205)
		return 0;
	if (c->tx->v->map_drop_others(c->tx, l->id, l->gen, l->stage, &c->e) <
	    0)
		return -1;
	l->gen_last = l->gen_last < l->gen ? l->gen : l->gen_last;
	l->stage = ++l->gen_last;
	ds->type = ds->type == 204 ? 205 : 201;
	ds->gen = l->stage;
	ds->doubt_from = INT64_MAX;
	sml_link_touch(c, l);
	return 0;
}

int
sml_object_ended(struct sml_ctx *c, int code)
{
	struct sml_outgoing *og = &c->s.og;
	struct outcome o = { .s = { .ds = og->ds,
				    .item = og->item,
				    .revision = og->revision,
				    .form = og->form,
				    .what = og->add ? 'A' : 'R' },
			     .code = code };

	og->active = false;
	return settle_all(c, &o, 1);
}

/* A chunk of a large object was answered. */
static int
chunk_outcome(struct sml_ctx *c, const struct sml_sent *s, int code)
{
	struct sml_outgoing *og = &c->s.og;

	if (c->late || !og->active || og->item != s->item || og->ds != s->ds)
		return 0;
	og->waits_msgid = 0;
	if (code < 300 && code != 213 && og->acked == 0 &&
	    og->resumed != s->msgid) {
		sml_tell(c, '>',
			 "status %d for a piece of item %lld: it does "
			 "not join pieces",
			 code, (long long)og->item);
		c->dev.no_pieces = c->dev_dirty = true;
		return sml_object_ended(c, HALF);
	}
	/* Not 213 for the first piece after a resume: it had got the whole of
	   it before, and says again what came of it. */
	if (code == 213 || (code < 300 && og->resumed != s->msgid)) {
		og->acked = og->offset;
		return 0;
	}
	return sml_object_ended(c, code);
}

/* They stand in the order in which they were sent. */
static struct sml_sent *
find_sent(struct sml_ctx *c, int64_t msgid, int64_t cmdid)
{
	size_t lo = 0;
	size_t hi = c->s.sent_n;
	struct sml_sent *s;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		s = &c->s.sent[mid];
		if (s->msgid < msgid || (s->msgid == msgid && s->cmdid < cmdid))
			lo = mid + 1;
		else
			hi = mid;
	}
	s = c->s.sent + lo;
	return lo < c->s.sent_n && s->msgid == msgid && s->cmdid == cmdid &&
		       s->what != 0
		   ? s
		   : NULL;
}

/* A whole message of ours, or its part for one database, was refused. */
struct refusal {
	int64_t msgid;
	int ds; /* -1: all of it */
	int code;
};

enum { REFUSALS_MAX = 64 };

struct answers {
	struct outcome *o;
	size_t n;
	struct refusal lost[REFUSALS_MAX];
	size_t lost_n;
};

static void
refused(struct sml_ctx *c, struct answers *a, int64_t msgid, int ds, int code)
{
	if (code < 400 || a->lost_n == REFUSALS_MAX)
		return;
	sml_tell(c, '>', "status %d for our %s: its items count as not sent",
		 code, ds < 0 ? "message" : "Sync");
	a->lost[a->lost_n++] = (struct refusal){ msgid, ds, code };
	if (ds >= 0)
		c->s.ds[ds].refused = true; /* nothing more of it */
}

static int
one_status(struct sml_ctx *c, const struct sml_cmd *st, struct answers *a)
{
	int64_t msgref = 0;
	int64_t cmdref = 0;
	uint32_t code;
	struct sml_sent *s;
	struct sml_sent copy;

	if (!slice_u32(st->data, &code) || code > 999 ||
	    !slice_i64(st->cmdref, &cmdref) || !slice_i64(st->msgref, &msgref))
		return 0;
	if (cmdref == 0)
		refused(c, a, msgref, -1, (int)code);
	/* 101: not finished, a final one follows. */
	s = code == 101 ? NULL : find_sent(c, msgref, cmdref);
	if (s == NULL)
		return 0;
	copy = *s;
	s->what = 0;
	if (c->late && (copy.what == 'L' || copy.what == 'C'))
		return 0; /* the new session has both of its own */
	/* It said nothing else than what was assumed. */
	if (copy.assumed && copy.what != 'D' && good((int)code))
		return 0;
	if (copy.what == 'L')
		return alert_outcome(c, &c->s.ds[copy.ds], (int)code);
	if (copy.what == 'C')
		return chunk_outcome(c, &copy, (int)code);
	if (copy.what == 'S') {
		refused(c, a, copy.msgid, copy.ds, (int)code);
		return 0;
	}
	if (code >= 300 && code != 404 && code != 419)
		sml_tell(c, '>', "status %u for our %s of item %lld", code,
			 copy.what == 'A'   ? "Add"
			 : copy.what == 'R' ? "Replace"
					    : "Delete",
			 (long long)copy.item);
	a->o[a->n++] = (struct outcome){ copy, (int)code };
	return 0;
}

/* What a refused message held and no Status of its own says came. */
static int
take_refusal(struct sml_ctx *c, const struct refusal *r, struct answers *a)
{
	for (size_t i = 0; i < c->s.sent_n; i++) {
		struct sml_sent *s = &c->s.sent[i];
		struct sml_sent copy = *s;

		if (s->msgid != r->msgid || (r->ds >= 0 && s->ds != r->ds) ||
		    s->what == 0 || s->what == 'L' || s->what == 'S')
			continue;
		s->what = 0;
		if (copy.what != 'C')
			a->o[a->n++] = (struct outcome){ copy, r->code };
		else if (chunk_outcome(c, &copy, r->code) < 0)
			return -1;
	}
	return 0;
}

static void
compact(struct sml_session *s)
{
	size_t k = 0;

	for (size_t i = 0; i < s->sent_n; i++) {
		if (s->sent[i].what != 0)
			s->sent[k++] = s->sent[i];
	}
	s->sent_n = k;
}

int
sml_sent_statuses(struct sml_ctx *c)
{
	const struct sml_msg *m = c->msg;
	struct answers a = { .n = 0 };

	if (c->s.sent_n == 0)
		return 0;
	a.o = ARENA_ARRAY(c->a, c->s.sent_n, struct outcome);
	if (a.o == NULL)
		return err_set(&c->e, ERR_NOMEM, "session.status",
			       "no memory for the statuses");
	for (size_t i = 0; i < m->cmd_n; i++) {
		if (m->cmds[i].tag == SML_STATUS &&
		    one_status(c, &m->cmds[i], &a) < 0)
			return -1;
	}
	for (size_t i = 0; i < a.lost_n; i++) {
		if (take_refusal(c, &a.lost[i], &a) < 0)
			return -1;
	}
	compact(&c->s);
	return settle_all(c, a.o, a.n);
}

/* What was assumed longest ago is forgotten: state is bounded. */
static void
forget_old(struct sml_session *s)
{
	size_t k = 0;
	size_t drop =
	    s->sent_n > SML_ASSUMED_MAX ? s->sent_n - SML_ASSUMED_MAX : 0;

	for (size_t i = drop; i < s->sent_n; i++)
		s->sent[k++] = s->sent[i];
	s->sent_n = k;
}

int
sml_sent_assume(struct sml_ctx *c)
{
	struct outcome *o = ARENA_ARRAY(c->a, c->s.sent_n, struct outcome);
	size_t n = 0;

	if (o == NULL)
		return err_set(&c->e, ERR_NOMEM, "session.assume",
			       "no memory for the statuses");
	for (size_t i = 0; i < c->s.sent_n; i++) {
		struct sml_sent *s = &c->s.sent[i];

		if (s->assumed)
			continue;
		if (s->what == 'A' || s->what == 'R' || s->what == 'D') {
			o[n++] = (struct outcome){ *s, ASSUMED };
			s->assumed = true;
		} else {
			s->what = 0;
		}
	}
	if (n > 0)
		sml_tell(c, '=',
			 "%zu of our commands got no status; it went "
			 "on past them: taken as done",
			 n);
	compact(&c->s);
	forget_old(&c->s);
	return settle_all(c, o, n);
}

int
sml_object_lost(struct sml_ctx *c)
{
	enum { RESTARTS_MAX = 2 };
	struct sml_outgoing *og = &c->s.og;
	size_t i = c->s.sent_n;
	struct outcome o = { .code = 424 };

	if (og->active && og->restarts < RESTARTS_MAX) {
		og->restarts++;
		og->offset = og->acked = 0;
		og->waits_msgid = 0;
		return 0;
	}
	if (og->active)
		return sml_object_ended(c, 424);
	/* Its last piece is out: it counts as not delivered, and the next
	   session sends it again. */
	while (i > 0 && (c->s.sent[i - 1].item != og->item ||
			 c->s.sent[i - 1].ds != og->ds))
		i--;
	if (og->item == 0 || i == 0)
		return 0;
	o.s = c->s.sent[i - 1];
	c->s.sent[i - 1].what = 0;
	compact(&c->s);
	return settle_all(c, &o, 1);
}
