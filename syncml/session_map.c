/*
 * Map: the device tells its LUIDs of our items. A LUID is a hint, not a proof:
 * two items of ours under one LUID are decided here, once.
 */
#include "syncml/session.h"

#include <stdlib.h>

enum { MAP_STEP = 500 }; /* rows in memory at once */

void
sml_map_owe(struct store_map *m, bool keep_luid, int reason)
{
	m->state = STORE_MAP_DEBT;
	m->reason = reason;
	m->offer_n = 0;
	if (!keep_luid) {
		m->luid = SLICE_LIT("");
		m->held = 0;
		m->held_form = 0;
	}
	m->touched = 0; /* due at once: package 4 leaves out what it touched */
}

void
sml_map_holds(struct store_map *m, int64_t revision, uint64_t form,
	      int64_t sync_no)
{
	bool lean = m->reason < 0 && form != 0;

	m->held = revision;
	m->held_form = form;
	m->offer_n = 0;
	if (!lean && (m->luid.n > 0 || m->reason != SML_WHY_SHARED) &&
	    (m->touched != sync_no || m->reason != SML_WHY_REUSED))
		m->reason = 0;
	m->state = m->luid.n == 0 ? STORE_MAP_SENT
		   : lean         ? STORE_MAP_DEBT
				  : STORE_MAP_LIVE;
	m->touched = sync_no;
}

void
sml_map_gone(struct store_map *m, int64_t sync_no)
{
	m->state = STORE_MAP_DELETING;
	m->reason = SML_WHY_GONE;
	m->held = 0;
	m->held_form = 0;
	m->offer_n = 0;
	m->touched = sync_no;
}

bool
sml_map_open(struct sml_ctx *c, const struct sml_ds *ds,
	     const struct store_map *m)
{
	const struct store_link *l = sml_link(c, ds->link);

	return l != NULL && m->touched > l->confirmed_no;
}

bool
sml_map_back(struct sml_ctx *c, struct store_map *m, int64_t sync_no,
	     struct store_map *ghost)
{
	bool known = m->luid.n > 0;

	if (known) {
		*ghost = *m;
		ghost->item = c->tx->next_id++;
		sml_map_gone(ghost, sync_no);
	}
	sml_map_owe(m, false, 0);
	return known;
}

struct mapping {
	int64_t item;
	struct slice luid;
	size_t at;   /* place in the message */
	bool reused; /* its LUID was that of an item that is gone there */
	bool lost;   /* its LUID is another item's by the end of the Map */
};

static int
by_item(const void *x, const void *y)
{
	const struct mapping *a = x;
	const struct mapping *b = y;

	if (a->item != b->item)
		return a->item < b->item ? -1 : 1;
	return a->at < b->at ? -1 : a->at > b->at;
}

static int
by_luid(const void *x, const void *y)
{
	const struct mapping *const *a = x;
	const struct mapping *const *b = y;
	int r = slice_cmp((*a)->luid, (*b)->luid);

	return r != 0 ? r : (*a)->at < (*b)->at ? -1 : (*a)->at > (*b)->at;
}

/* One step of a Map, and all that it is decided with. */
struct step {
	struct sml_ctx *c;
	struct sml_ds *ds;
	struct mapping *mp;    /* by item, each once */
	struct mapping **luid; /* the same by LUID, without the lost ones */
	size_t n, luid_n;
	struct store_item *it;
	size_t it_n;
	struct store_map *row; /* of those items */
	size_t row_n;
	struct store_map *put;
	size_t put_n;
};

static int
no_memory(struct step *s)
{
	return err_set(&s->c->e, ERR_NOMEM, "map.step",
		       "no memory for a map of %zu", s->n);
}

static struct mapping *
of_item(const struct step *s, int64_t item)
{
	size_t lo = 0;
	size_t hi = s->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->mp[mid].item < item)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->n && s->mp[lo].item == item ? &s->mp[lo] : NULL;
}

static struct mapping *
of_luid(const struct step *s, struct slice luid)
{
	size_t lo = 0;
	size_t hi = s->luid_n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (slice_cmp(s->luid[mid]->luid, luid) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->luid_n && slice_eq(s->luid[lo]->luid, luid) ? s->luid[lo]
								   : NULL;
}

/* Of two that contradict each other the later one counts. */
static int
read_items(struct step *s, const struct sml_item *it, size_t n)
{
	size_t k = 0;

	s->mp = ARENA_ARRAY(s->c->scratch, n, struct mapping);
	s->luid = ARENA_ARRAY(s->c->scratch, n, struct mapping *);
	if (s->mp == NULL || s->luid == NULL)
		return no_memory(s);
	for (size_t i = 0; i < n; i++) {
		int64_t *id = &s->mp[k].item;

		*id = 0;
		if (!sml_wire_item(it[i].target, id) &&
		    sml_dir_item(s->c, s->ds, it[i].target, id) < 0)
			return -1;
		if (it[i].source.n > 0 &&
		    it[i].source.n <= SML_LOCURI_BYTES_MAX && *id != 0) {
			s->mp[k].luid = it[i].source;
			s->mp[k++].at = i;
		}
	}
	if (k > 1)
		qsort(s->mp, k, sizeof(*s->mp), by_item);
	for (size_t i = 0; i < k; i++) {
		if (i + 1 < k && s->mp[i + 1].item == s->mp[i].item)
			continue;
		s->mp[s->n] = s->mp[i];
		s->luid[s->n] = &s->mp[s->n];
		s->n++;
	}
	if (s->n > 1)
		qsort(s->luid, s->n, sizeof(struct mapping *), by_luid);
	for (size_t i = 0; i < s->n; i++) {
		if (i + 1 < s->n &&
		    slice_eq(s->luid[i + 1]->luid, s->luid[i]->luid))
			s->luid[i]->lost = true;
		else
			s->luid[s->luid_n++] = s->luid[i];
	}
	return 0;
}

/*
 * The device keeps this item and another one of ours under one LUID. The item
 * goes out as an Add once more; a device that then says the same has decided
 * that they are one: it gets this one again when it changes, and not before,
 * or the two would change places at every sync.
 */
static void
shares(struct step *s, struct store_map *m, int64_t revision)
{
	/* Deleted by the device, which used the LUID again. */
	if (m->state == STORE_MAP_DELETING && m->reason == SML_WHY_NOTED) {
		m->luid = SLICE_LIT("");
		return;
	}
	if (m->state == STORE_MAP_SENT && m->reason == SML_WHY_SHARED) {
		m->luid = SLICE_LIT("");
		sml_map_holds(m, revision, 0, s->ds->sync_no);
		m->state = STORE_MAP_GONE;
		sml_tell(s->c, '=',
			 "item %lld is one with another for the device; it "
			 "stays here",
			 (long long)m->item);
		return;
	}
	if (m->state == STORE_MAP_DEBT && m->reason == SML_WHY_SHARED)
		return; /* said before */
	sml_map_owe(m, false, SML_WHY_SHARED);
}

static bool
decided(const struct step *s, int64_t item)
{
	const struct store_map *m = sml_map_find(s->row, s->row_n, item);

	return m != NULL && m->state == STORE_MAP_SENT &&
	       m->reason == SML_WHY_SHARED;
}

/* Moved by a session of which the device has not shown that it ended, and not
   heard of in this one. */
static bool
in_doubt(const struct sml_ds *ds, const struct store_map *m)
{
	return m->touched >= ds->doubt_from &&
	       (m->touched != ds->sync_no || m->offer_n > 0);
}

/* Rows that have a LUID which the Map gives to another item. */
static int
free_luids(struct step *s)
{
	struct slice *luid =
	    ARENA_ARRAY(s->c->scratch, s->luid_n, struct slice);
	struct store_map *m;
	size_t m_n;

	if (luid == NULL)
		return no_memory(s);
	for (size_t i = 0; i < s->luid_n; i++)
		luid[i] = s->luid[i]->luid;
	if (s->c->tx->v->map_by_luid(s->c->tx, s->c->scratch, s->ds->link, luid,
				     s->luid_n, &m, &m_n, &s->c->e) < 0)
		return -1;
	s->put = ARENA_ARRAY(s->c->scratch, m_n + s->n, struct store_map);
	if (s->put == NULL)
		return no_memory(s);
	for (size_t i = 0; i < m_n; i++) {
		struct mapping *to = of_luid(s, m[i].luid);
		const struct mapping *own = of_item(s, m[i].item);

		bool doubt = in_doubt(s->ds, &m[i]);

		/* Its own row comes later, if it has another LUID now. */
		if (m[i].gen != s->ds->gen || to == NULL ||
		    to->item == m[i].item || (own != NULL && !own->lost))
			continue;
		if (m[i].state == STORE_MAP_DELETING &&
		    (m[i].reason == SML_WHY_NOTED ||
		     m[i].reason == SML_WHY_GONE)) {
			/* Deleted by the device, which used the LUID again. */
			to->reused = sml_map_open(s->c, s->ds, &m[i]);
			m[i].luid = SLICE_LIT("");
			s->put[s->put_n++] = m[i];
		} else if (own == NULL && doubt) {
			/* It may have come from a backup, without this one. */
			sml_map_owe(&m[i], false, 0);
			s->put[s->put_n++] = m[i];
		} else if (decided(s, to->item)) {
			/* It stays; but which of the two does the device show
			   there now? Its own item, from now on. */
			to->lost = true;
			m[i].held = 0;
			sml_map_owe(&m[i], true, 0);
			s->put[s->put_n++] = m[i];
		} else if (own == NULL) {
			shares(s, &m[i], 0);
			s->put[s->put_n++] = m[i];
		}
	}
	return 0;
}

static void
map_row(struct sml_ds *ds, struct store_map *m, const struct store_item *it,
	struct slice luid)
{
	/* Said before: nothing of what was sent since is confirmed by it. A
	   device that came from a backup repeats it, too, and has what the Add
	   brought. */
	if (m->luid.n > 0 && slice_eq(m->luid, luid)) {
		if (m->state == STORE_MAP_LIVE && m->offer_n == 0 &&
		    (it->last_revision == 1 || !in_doubt(ds, m)))
			m->touched = ds->sync_no;
		return;
	}
	m->luid = luid;
	/* Of several Adds it may have kept the first. */
	if (m->offer_n > 0)
		sml_map_holds(m, m->offer[0].revision, m->offer[0].form,
			      ds->sync_no);
	else
		sml_map_holds(m, m->held, m->held_form, ds->sync_no);
	/* What happened to the item while its LUID was not known. */
	if (it->deleted || m->held != it->revision)
		sml_map_owe(m, true, 0);
}

static bool
shown_here(struct sml_ctx *c, const struct sml_ds *ds, int64_t collection)
{
	const struct store_collection *col = sml_collection(c, ds->collection);

	for (size_t i = 0; col != NULL && i < col->member_n; i++) {
		if (col->member[i] == collection)
			return true;
	}
	return false;
}

static void
map_rows(struct step *s)
{
	for (size_t i = 0; i < s->it_n; i++) {
		const struct store_item *it = &s->it[i];
		const struct mapping *own = of_item(s, it->id);
		struct store_map *row = sml_map_find(s->row, s->row_n, it->id);
		struct store_map *m;

		if (own == NULL || !shown_here(s->c, s->ds, it->collection))
			continue;
		m = &s->put[s->put_n++];
		*m = row != NULL ? *row
				 : (struct store_map){ .link = s->ds->link,
						       .gen = s->ds->gen,
						       .item = it->id };
		if (own->lost)
			shares(s, m, it->revision);
		else
			map_row(s->ds, m, it, own->luid);
		if (own->reused && m->state == STORE_MAP_LIVE)
			m->reason = SML_WHY_REUSED;
	}
}

static int
map_step(struct sml_ctx *c, struct sml_ds *ds, const struct sml_item *it,
	 size_t n)
{
	struct step s = { .c = c, .ds = ds };
	int64_t *id;

	if (read_items(&s, it, n) < 0)
		return -1;
	if (s.n == 0)
		return 0;
	id = ARENA_ARRAY(c->scratch, s.n, int64_t);
	if (id == NULL)
		return no_memory(&s);
	for (size_t i = 0; i < s.n; i++)
		id[i] = s.mp[i].item;
	if (c->tx->v->item_get(c->tx, c->scratch, id, s.n, false, &s.it,
			       &s.it_n, &c->e) < 0 ||
	    c->tx->v->map_by_item(c->tx, c->scratch, ds->link, ds->gen, id, s.n,
				  &s.row, &s.row_n, &c->e) < 0)
		return -1;
	sml_maps_sort(s.row, s.row_n);
	if (free_luids(&s) < 0)
		return -1;
	map_rows(&s);
	return s.put_n == 0 ? 0
			    : c->tx->v->map_put(c->tx, s.put, s.put_n, &c->e);
}

/* A superseded session may mean a map that is no more. */
static bool
in_force(struct sml_ctx *c, const struct sml_ds *ds)
{
	const struct store_link *l = sml_link(c, ds->link);

	return !c->late ||
	       (l != NULL && (ds->gen == l->gen || ds->gen == l->stage));
}

int
sml_map_take(struct sml_ctx *c, const struct sml_cmd *cmd)
{
	struct sml_ds *ds = sml_ds_uri(c, cmd->target, cmd->source);

	if (ds == NULL || cmd->item_n == 0 || !in_force(c, ds))
		return 0;
	for (size_t i = 0; i < cmd->item_n; i += MAP_STEP) {
		size_t n = cmd->item_n - i;

		arena_reset(c->scratch);
		if (map_step(c, ds, cmd->items + i,
			     n < MAP_STEP ? n : MAP_STEP) < 0)
			return -1;
	}
	sml_tell(c, '>', "map of %zu items", cmd->item_n);
	return 0;
}

int
sml_cmd_map(struct sml_ctx *c, const struct sml_cmd *cmd)
{
	const struct sml_ds *ds = sml_ds_uri(c, cmd->target, cmd->source);
	bool known = ds != NULL;

	/* Where the Alert stands in the same message only that says which
	   database the Map means: nothing of it was taken before. */
	if (known && (size_t)(ds - c->s.ds) >= c->ds_before &&
	    sml_map_take(c, cmd) < 0)
		return -1;
	return sml_status_add(c, cmd, &cmd->target, &cmd->source,
			      known ? 200 : 404);
}
