/*
 * Package 4: what each device has not got yet. First what is owed to it (debts,
 * offers without an answer, items in doubt), then what changed since its
 * cursor. The cursor moves with what went out, in the same transaction; what
 * was sent stays "offered" in the map until the device has answered.
 */
#include "syncml/outgoing.h"

#include <stdlib.h>

enum { PAGE_MIN = 8, PAGE_MAX = 400, ITEM_GUESS = 250, BODIES_MAX = 1 << 20 };

static size_t
page_size(const struct sml_out *o)
{
	size_t n = sml_out_room(o) / ITEM_GUESS;

	return n < PAGE_MIN ? PAGE_MIN : n > PAGE_MAX ? PAGE_MAX : n;
}

/* ---- what is to be done with a row ----------------------------------------
 */

/* The device has it no more, or will not. */
static char
gone(const struct sml_ds *ds, const struct store_item *it,
     const struct store_map *m, bool shown)
{
	if (m->state == STORE_MAP_GONE) {
		if (it->deleted)
			return 'X';
		/* One with another for the device, until it changes. */
		return m->reason == SML_WHY_SHARED && m->held != it->revision
			   ? 'A'
			   : 0;
	}
	if (m->touched == ds->sync_no)
		return 0;
	/* If that session did not end for it, it may have come from a backup
	   and have it again. */
	if (m->reason == SML_WHY_GONE) {
		if (!it->deleted)
			return 'A';
		if (shown || m->luid.n == 0)
			return 'X';
		return m->touched >= ds->doubt_from ? 'D' : 0;
	}
	/* It answered nothing and went on, and that session ended. */
	if (m->reason == SML_WHY_ASSUMED && shown)
		return it->deleted ? 'X' : 'A';
	/* What it was sent over a Delete it did not answer: now it is told to
	   delete for certain, and gets it as a new one. */
	if (m->reason == SML_WHY_UNHEARD)
		return 'D';
	return it->deleted ? 'D' : 'R';
}

/* Sent by this session, and not answered yet; but an object that was resumed
   may be older than the item is now. */
static bool
on_its_way(const struct sml_ds *ds, const struct store_item *it,
	   const struct store_map *m)
{
	return m->offer_n > 0 && m->touched == ds->sync_no &&
	       m->offer[m->offer_n - 1].revision == it->revision;
}

static char
action(struct sml_ctx *c, const struct sml_ds *ds, const struct store_item *it,
       bool mapped, const struct store_map *m)
{
	if (!mapped)
		return it->deleted ? 0 : 'A';
	switch (m->state) {
	case STORE_MAP_GONE:
	case STORE_MAP_DELETING:
		return gone(ds, it, m, !sml_map_open(c, ds, m));
	case STORE_MAP_SENT:
		/* Answered, and the LUID not told yet: it will be. Sent in
		   this session: wait for the answer. */
		if (m->offer_n == 0 || m->touched == ds->sync_no || it->deleted)
			return 0;
		return 'A';
	case STORE_MAP_DEBT:
		if (m->touched == ds->sync_no)
			return 0;
		break;
	case STORE_MAP_LIVE:
		if (on_its_way(ds, it, m))
			return 0;
		break;
	}
	if (it->deleted)
		return m->luid.n > 0 ? 'D' : 'X';
	return m->luid.n > 0 ? 'R' : 'A';
}

/* ---- a page of units --------------------------------------------------------
 */

struct page {
	struct sml_unit *u;
	size_t n;
	bool last;
};

static int
no_memory(struct sml_ctx *c)
{
	return err_set(&c->e, ERR_NOMEM, "sync.out",
		       "no memory for the server's changes");
}

/* It has this revision without its pictures, and takes no more than before. */
static bool
stays_lean(const struct sml_ds *ds, const struct sml_unit *u, int most)
{
	return u->what == 'R' && u->map.state == STORE_MAP_DEBT &&
	       u->map.reason < 0 && u->map.held == u->item.revision &&
	       u->map.touched < ds->doubt_from && most <= -u->map.reason;
}

static int
page_pending(struct sml_ctx *c, const struct sml_out *o, struct sml_ds *ds,
	     struct page *p)
{
	size_t limit = page_size(o);
	int most = sml_out_limit(c, o, ds);
	const struct store_pending ask = { .link = ds->link,
					   .gen = ds->gen,
					   .after = ds->pend_after,
					   .doubt_from = ds->doubt_from,
					   .this_sync = ds->sync_no,
					   .limit = limit };
	struct store_map *m;
	struct store_item *it;
	size_t it_n;
	int64_t *id;

	if (c->tx->v->map_pending(c->tx, c->scratch, &ask, &m, &p->n, &c->e) <
	    0)
		return -1;
	p->last = p->n < limit;
	p->u = ARENA_ARRAY(c->scratch, p->n, struct sml_unit);
	id = ARENA_ARRAY(c->scratch, p->n, int64_t);
	if (p->u == NULL || id == NULL)
		return no_memory(c);
	for (size_t i = 0; i < p->n; i++)
		id[i] = m[i].item;
	if (p->n > 0 && c->tx->v->item_get(c->tx, c->scratch, id, p->n, false,
					   &it, &it_n, &c->e) < 0)
		return -1;
	if (p->n > 0)
		sml_items_sort(it, it_n);
	for (size_t i = 0; i < p->n; i++) {
		struct store_item *head = sml_item_find(it, it_n, m[i].item);

		p->u[i].map = m[i];
		p->u[i].mapped = true;
		if (head == NULL) {
			/* Purged: the device's copy, if any, goes too. */
			p->u[i].item = (struct store_item){ .id = m[i].item,
							    .deleted = true };
		} else {
			p->u[i].item = *head;
		}
		p->u[i].what = action(c, ds, &p->u[i].item, true, &p->u[i].map);
		if (ds->stage == SML_OUT_PROBE && p->u[i].what == 'A')
			p->u[i].what = 0;
		p->u[i].probe =
		    m[i].state == STORE_MAP_LIVE ||
		    (m[i].reason < 0 && m[i].touched >= ds->doubt_from);
		if (p->u[i].what == 'R' && m[i].state == STORE_MAP_DEBT) {
			p->u[i].wanted = m[i].reason == SML_WHY_WANTED;
			/* Older clients know of no folders. */
			p->u[i].moved =
			    m[i].reason == SML_WHY_MOVED && c->s.version >= 12;
		}
		if (!sml_filter_on(ds) && stays_lean(ds, &p->u[i], most))
			p->u[i].what = 0;
		if (sml_filter_dates(c, ds, &p->u[i]) < 0)
			return -1;
	}
	return 0;
}

static int
page_changes(struct sml_ctx *c, struct sml_ds *ds,
	     const struct store_cursor *from, size_t limit, struct page *p)
{
	struct store_change *ch;

	if (c->tx->v->changes(c->tx, c->scratch, ds->link, ds->gen, from,
			      ds->bound, limit, &ch, &p->n, &c->e) < 0)
		return -1;
	p->last = p->n < limit;
	p->u = ARENA_ARRAY(c->scratch, p->n, struct sml_unit);
	if (p->u == NULL)
		return no_memory(c);
	for (size_t i = 0; i < p->n; i++) {
		p->u[i].item = ch[i].item;
		p->u[i].mapped = ch[i].mapped;
		p->u[i].map = ch[i].map;
		p->u[i].what =
		    action(c, ds, &ch[i].item, ch[i].mapped, &ch[i].map);
		if (sml_filter_dates(c, ds, &p->u[i]) < 0)
			return -1;
	}
	return 0;
}

/* Not walked: what changed since the cursor, and so comes with it. */
static bool
with_cursor(const struct sml_ds *ds, const struct store_item *it)
{
	const struct store_cursor *cur = &ds->cursor[ds->walk_col];

	return it->change_no > cur->change_no ||
	       (it->change_no == cur->change_no && it->id > cur->item);
}

/* Only what stands still is decided by the walk: new here, or to be taken. */
static int
page_walk(struct sml_ctx *c, struct sml_ds *ds, size_t limit, struct page *p)
{
	struct store_change *ch;

	if (!sml_shows_member(c, ds, ds->cursor[ds->walk_col].collection)) {
		*p = (struct page){ .last = true };
		return 0;
	}
	if (sml_filter_page(c, ds, limit, &ch, &p->n) < 0)
		return -1;
	p->last = p->n < limit;
	p->u = ARENA_ARRAY(c->scratch, p->n, struct sml_unit);
	if (p->u == NULL)
		return no_memory(c);
	for (size_t i = 0; i < p->n; i++) {
		struct sml_unit *u = &p->u[i];

		u->item = ch[i].item;
		u->mapped = ch[i].mapped;
		u->map = ch[i].map;
		u->walk = true;
		if (with_cursor(ds, &u->item))
			continue;
		if (!u->mapped)
			u->what = 'A';
		else if (u->map.state == STORE_MAP_LIVE)
			u->what = 'R';
		if (sml_filter_dates(c, ds, u) < 0)
			return -1;
	}
	return 0;
}

static int
cmp_rev(const void *x, const void *y)
{
	const struct store_revision *a = x;
	const struct store_revision *b = y;

	if (a->item != b->item)
		return a->item < b->item ? -1 : 1;
	return a->revision < b->revision ? -1 : a->revision > b->revision;
}

static struct slice
body_of(const struct store_revision *rev, size_t n, int64_t item,
	int64_t revision)
{
	struct store_revision key = { .item = item, .revision = revision };
	const struct store_revision *r =
	    n == 0 ? NULL : bsearch(&key, rev, n, sizeof(*rev), cmp_rev);

	return r == NULL || r->deleted ? SLICE_LIT("") : r->body;
}

/* Bodies for a run of units from `from` on, bounded in bytes: what is to be
   sent, and what the device holds, which may look the same to it. */
static int
load_bodies(struct sml_ctx *c, struct sml_ds *ds, struct page *p, size_t from,
	    size_t *upto, bool bytes_too)
{
	struct store_rev_key *k =
	    ARENA_ARRAY(c->scratch, 2 * p->n, struct store_rev_key);
	struct store_revision *rev = NULL;
	size_t n = 0;
	size_t rev_n = 0;
	int64_t bytes = 0;
	size_t i;

	if (k == NULL)
		return no_memory(c);
	for (i = from; i < p->n && (i == from || bytes < BODIES_MAX); i++) {
		const struct sml_unit *u = &p->u[i];

		bytes += u->item.size;
		if (u->what != 'A' && u->what != 'R')
			continue;
		k[n++] = (struct store_rev_key){ u->item.id, u->item.revision };
		if (u->what == 'R' && u->map.held != 0)
			k[n++] =
			    (struct store_rev_key){ u->item.id, u->map.held };
	}
	*upto = i;
	if (n > 0 && c->tx->v->revision_get(c->tx, c->scratch, k, n, &rev,
					    &rev_n, &c->e) < 0)
		return -1;
	if (rev_n > 1)
		qsort(rev, rev_n, sizeof(*rev), cmp_rev);
	for (i = from; i < *upto; i++) {
		struct sml_unit *u = &p->u[i];

		u->item.body =
		    body_of(rev, rev_n, u->item.id, u->item.revision);
		if (u->what == 'R')
			u->held_body =
			    body_of(rev, rev_n, u->item.id, u->map.held);
		if (sml_filter_more(c, ds, u) < 0)
			return -1;
	}
	return bytes_too ? sml_mail_load(c, ds, p->u, from, upto, BODIES_MAX)
			 : 0;
}

/* ---- sending a page
 * ----------------------------------------------------------- */

struct run {
	struct store_map *put;
	size_t put_n;
	int64_t *drop;
	size_t drop_n;
	size_t done; /* units that are through */
	bool stop;   /* the message is full */
};

static int
send_unit(struct sml_ctx *c, struct sml_out *o, struct sml_sync_out *so,
	  struct sml_unit *u, struct run *r)
{
	enum sml_sent_how how;

	if (sml_filter_steps(c, so->ds, u) < 0)
		return -1;
	if (u->what == 'X') { /* nobody has it any more */
		r->drop[r->drop_n++] = u->item.id;
		r->done++;
		return 0;
	}
	if (u->what == 0) {
		r->done++;
		return 0;
	}
	how = sml_out_unit(c, o, so, u);
	if (how == SML_SENT_FAILED)
		return -1;
	r->stop = how == SML_NO_ROOM || how == SML_SENT_PART;
	if (how == SML_NO_ROOM)
		return 0;
	r->put[r->put_n++] = u->map;
	r->done++;
	return 0;
}

static int
send_page(struct sml_ctx *c, struct sml_out *o, struct sml_sync_out *so,
	  struct page *p, struct run *r)
{
	size_t loaded = 0;

	*r = (struct run){
		.put = ARENA_ARRAY(c->scratch, p->n, struct store_map),
		.drop = ARENA_ARRAY(c->scratch, p->n, int64_t),
	};
	if (r->put == NULL || r->drop == NULL)
		return no_memory(c);
	while (r->done < p->n && !r->stop) {
		if (r->done == loaded &&
		    load_bodies(c, so->ds, p, loaded, &loaded, true) < 0)
			return -1;
		if (send_unit(c, o, so, &p->u[r->done], r) < 0)
			return -1;
	}
	if (r->put_n > 0 &&
	    c->tx->v->map_put(c->tx, r->put, r->put_n, &c->e) < 0)
		return -1;
	if (r->drop_n == 0)
		return 0;
	return c->tx->v->map_drop(c->tx, so->ds->link, so->ds->gen, r->drop,
				  r->drop_n, &c->e);
}

/* ---- one database
 * --------------------------------------------------------------- */

static int
stage_pending(struct sml_ctx *c, struct sml_out *o, struct sml_sync_out *so,
	      bool *full)
{
	struct sml_ds *ds = so->ds;
	struct page p;
	struct run r;

	for (;;) {
		arena_reset(c->scratch);
		if (page_pending(c, o, ds, &p) < 0 ||
		    send_page(c, o, so, &p, &r) < 0)
			return -1;
		if (r.done > 0)
			ds->pend_after = p.u[r.done - 1].item.id;
		if (r.stop) {
			*full = true;
			return 0;
		}
		if (p.last)
			break;
	}
	ds->pend_after = 0;
	ds->stage = ds->stage == SML_OUT_PROBE ? SML_OUT_PENDING
		    : ds->fetches              ? SML_OUT_DONE
					       : SML_OUT_WALK;
	return 0;
}

static int
stage_walk(struct sml_ctx *c, struct sml_out *o, struct sml_sync_out *so,
	   bool *full)
{
	struct sml_ds *ds = so->ds;
	struct page p;
	struct run r;

	while (ds->walk != SML_WALK_NONE) {
		arena_reset(c->scratch);
		if (page_walk(c, ds, page_size(o), &p) < 0 ||
		    send_page(c, o, so, &p, &r) < 0)
			return -1;
		sml_filter_moved(ds, r.done > 0 ? &p.u[r.done - 1].item : NULL,
				 p.last && !r.stop);
		if (r.stop) {
			*full = true;
			return 0;
		}
	}
	ds->stage = SML_OUT_CHANGES;
	return 0;
}

static void
keep_cursor(struct sml_ctx *c, const struct sml_ds *ds, size_t i)
{
	struct store_link *l = sml_link(c, ds->link);

	if (l == NULL || (ds->type == 205 && l->gen != ds->gen))
		return;
	l->cursor[i] = ds->cursor[i];
	sml_link_touch(c, l);
}

static int
stage_changes(struct sml_ctx *c, struct sml_out *o, struct sml_sync_out *so,
	      bool *full)
{
	struct sml_ds *ds = so->ds;
	struct page p;
	struct run r;

	for (size_t i = 0; i < ds->cursor_n; i++) {
		struct store_cursor *cur = &ds->cursor[i];

		/* It stands still until the device wants what is there. */
		if (!sml_shows_member(c, ds, cur->collection))
			continue;
		while (cur->change_no < ds->bound || cur->item != INT64_MAX) {
			arena_reset(c->scratch);
			if (page_changes(c, ds, cur, page_size(o), &p) < 0 ||
			    send_page(c, o, so, &p, &r) < 0)
				return -1;
			if (r.done > 0) {
				cur->change_no = p.u[r.done - 1].item.change_no;
				cur->item = p.u[r.done - 1].item.id;
			}
			if (!r.stop && p.last) {
				cur->change_no = ds->bound;
				cur->item = INT64_MAX;
			}
			keep_cursor(c, ds, i);
			if (r.stop) {
				*full = true;
				return 0;
			}
		}
	}
	ds->stage = SML_OUT_DONE;
	return 0;
}

/* How many of a page will be sent. */
static int
count_page(struct sml_ctx *c, struct sml_ds *ds, struct page *p, int64_t *n)
{
	size_t loaded = 0;

	for (size_t i = 0; i < p->n; i++) {
		if (i == loaded &&
		    load_bodies(c, ds, p, loaded, &loaded, false) < 0)
			return -1;
		if (sml_filter_steps(c, ds, &p->u[i]) < 0)
			return -1;
		*n += p->u[i].what == 'A' || p->u[i].what == 'R' ||
		      p->u[i].what == 'D';
	}
	return 0;
}

/* With a filter only a look at the items themselves can tell. The walk and the
   cursors are copies: the sending starts where they stood. */
static int
count_filtered(struct sml_ctx *c, struct sml_ds *ds, int64_t *n)
{
	struct sml_ds was = *ds;
	struct page p;
	int rc = 0;

	while (rc == 0 && ds->walk != SML_WALK_NONE) {
		arena_reset(c->scratch);
		rc = page_walk(c, ds, PAGE_MAX, &p);
		if (rc == 0)
			rc = count_page(c, ds, &p, n);
		if (rc == 0)
			sml_filter_moved(
			    ds, p.n > 0 ? &p.u[p.n - 1].item : NULL, p.last);
	}
	for (size_t i = 0; rc == 0 && i < ds->cursor_n; i++) {
		struct store_cursor *cur = &ds->cursor[i];

		if (!sml_shows_member(c, ds, cur->collection))
			continue;
		do {
			arena_reset(c->scratch);
			rc = page_changes(c, ds, cur, PAGE_MAX, &p);
			if (rc == 0)
				rc = count_page(c, ds, &p, n);
			if (rc == 0 && p.n > 0) {
				cur->change_no = p.u[p.n - 1].item.change_no;
				cur->item = p.u[p.n - 1].item.id;
			}
		} while (rc == 0 && !p.last);
	}
	*ds = was;
	return rc;
}

static int
count(struct sml_ctx *c, struct sml_sync_out *so)
{
	struct sml_ds *ds = so->ds;

	so->count = -1;
	if (ds->opened || c->s.version < 11 || ds->fetches)
		return 0;
	so->count = 0;
	if (ds->stage == SML_OUT_DONE)
		return 0;
	if (sml_filter_on(ds) || ds->walk != SML_WALK_NONE)
		return count_filtered(c, ds, &so->count);
	for (size_t i = 0; i < ds->cursor_n; i++) {
		int64_t n;

		if (!sml_shows_member(c, ds, ds->cursor[i].collection))
			continue;
		if (c->tx->v->changes_count(c->tx, ds->link, ds->gen,
					    &ds->cursor[i], ds->bound, &n,
					    &c->e) < 0)
			return -1;
		so->count += n;
	}
	return 0;
}

static int
one_database(struct sml_ctx *c, struct sml_out *o, struct sml_ds *ds,
	     bool *full)
{
	struct sml_sync_out so = { .ds = ds };
	enum sml_sent_how how = SML_SENT;
	bool was_done = ds->stage == SML_OUT_DONE && ds->opened;

	if (was_done)
		return 0;
	if (count(c, &so) < 0)
		return -1;
	if (c->s.og.active && &c->s.ds[c->s.og.ds] == ds) {
		how = sml_out_piece(c, o, &so);
		if (how == SML_NO_ROOM && sml_out_starved(c, o))
			how = sml_object_ended(c, 413) < 0 ? SML_SENT_FAILED
							   : SML_NOT_SENT;
		*full = how == SML_SENT_PART || how == SML_NO_ROOM;
	}
	if (how == SML_SENT_FAILED)
		return -1;
	if (!*full && ds->stage == SML_OUT_PROBE &&
	    stage_pending(c, o, &so, full) < 0)
		return -1;
	if (!*full && ds->stage == SML_OUT_PENDING &&
	    stage_pending(c, o, &so, full) < 0)
		return -1;
	if (!*full && ds->stage == SML_OUT_WALK &&
	    stage_walk(c, o, &so, full) < 0)
		return -1;
	if (!*full && ds->stage == SML_OUT_CHANGES &&
	    stage_changes(c, o, &so, full) < 0)
		return -1;
	/* An empty Sync says that there was nothing: clients wait for it. */
	if (!*full && !ds->opened && !sml_sync_out_open(c, o, &so))
		*full = true;
	sml_sync_out_close(c, o, &so);
	if (*full)
		return 0;
	sml_tell(c, '<', "%.*s: all sent: +%lld ~%lld -%lld",
		 SLICE_ARG(sml_uri_name(ds->server_uri)),
		 (long long)ds->out.added, (long long)ds->out.replaced,
		 (long long)ds->out.deleted);
	return sml_ds_sent(c, ds);
}

int
sml_out_changes(struct sml_ctx *c, struct sml_out *o, bool *done)
{
	*done = false;
	for (size_t i = 0; i < c->s.ds_n; i++) {
		bool full = false;

		if (c->s.ds[i].refused || !c->s.ds[i].in_done)
			continue;
		if (one_database(c, o, &c->s.ds[i], &full) < 0)
			return -1;
		if (full)
			return 0;
	}
	*done = true;
	return 0;
}
