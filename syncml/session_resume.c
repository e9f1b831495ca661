/*
 * Resume (Alert 225): a sync that was suspended or broke goes on where it was.
 * What a link has to remember for that is noted with every message.
 */
#include "syncml/session.h"

enum { RESUME_MS = 7 * 24 * 60 * 60 * 1000 };

bool
sml_resumable(const struct sml_ctx *c, const struct store_link *l,
	      const struct sml_open *open, struct slice last, bool fits)
{
	bool fresh =
	    open->type == 201 || open->type == 203 || open->type == 205;

	if (open->type < 200 || open->type > 205 ||
	    c->now - open->since_ms > RESUME_MS)
		return false;
	/* Neither a map to go on with nor one that is being made. */
	if (l->gen == 0 && (!fresh || l->stage == 0))
		return false;
	/* It knows that the sync ended; or it is a backup of one that was
	   suspended long before. */
	if (open->done && !slice_eq(last, open->last))
		return false;
	/* Some send no Last. */
	return fits || slice_trim(last).n == 0 || slice_eq(last, open->last);
}

/* The row of an object on its way: it is being sent by this session now. */
static int
own_row(struct sml_ctx *c, const struct sml_ds *ds,
	const struct sml_outgoing *og, bool *own)
{
	struct store_map *m;
	size_t n;

	*own = false;
	if (c->tx->v->map_by_item(c->tx, c->a, ds->link, ds->gen, &og->item, 1,
				  &m, &n, &c->e) < 0)
		return -1;
	for (size_t i = 0; n == 1 && i < m->offer_n; i++)
		*own = *own || (m->offer[i].revision == og->revision &&
				m->offer[i].form == og->form);
	if (!*own)
		return 0;
	m->touched = ds->sync_no;
	return c->tx->v->map_put(c->tx, m, 1, &c->e);
}

int
sml_resume_objects(struct sml_ctx *c, struct sml_ds *ds,
		   const struct sml_open *open)
{
	int at = (int)(ds - c->s.ds);
	bool own;

	if (open->inc.active && !c->s.inc.active) {
		c->s.inc = open->inc;
		c->s.inc.ds = at;
		c->s.inc.resumed = open->inc.got;
		c->s.inc.resumed_n = open->inc.last_n;
	}
	if (!open->og.active || c->s.og.active)
		return 0;
	if (own_row(c, ds, &open->og, &own) < 0)
		return -1;
	if (!own)
		return 0;
	c->s.og = open->og;
	c->s.og.ds = at;
	/* The piece whose 213 did not come is sent again. */
	c->s.og.offset = open->og.acked;
	c->s.og.resumed = -1;
	c->s.og.waits_msgid = 0;
	return 0;
}

/* ---- a slow sync that is not resumed ------------------------------------ */

enum { PAGE = 200 };

static struct store_map *
with_luid(struct store_map *m, size_t n, const struct store_map *like,
	  int64_t gen)
{
	for (size_t i = 0; i < n; i++) {
		if (m[i].gen == gen && slice_eq(m[i].luid, like->luid))
			return &m[i];
	}
	return NULL;
}

/* What the device told in the stage counts, if the map in force knows the item
   under the same LUID or under none, and the LUID as no other item's. *freed:
   its row, if that item is gone from the device. */
static bool
counts(const struct store_map *told, const struct store_map *of_item,
       struct store_map *of_luid, struct store_map **freed)
{
	*freed = NULL;
	if (of_item != NULL && of_item->luid.n > 0)
		return slice_eq(of_item->luid, told->luid);
	if (of_luid == NULL)
		return true;
	if (of_luid->state != STORE_MAP_DELETING ||
	    (of_luid->reason != SML_WHY_NOTED &&
	     of_luid->reason != SML_WHY_GONE))
		return false;
	*freed = of_luid;
	return true;
}

/* One page of the stage's rows. */
static int
keep_page(struct sml_ctx *c, const struct store_link *l, struct store_map *m,
	  size_t n)
{
	int64_t *id = ARENA_ARRAY(c->scratch, n, int64_t);
	struct slice *luid = ARENA_ARRAY(c->scratch, n, struct slice);
	struct store_map *put =
	    ARENA_ARRAY(c->scratch, 2 * n, struct store_map);
	struct store_map *row;
	struct store_map *there;
	struct store_map *freed;
	size_t row_n;
	size_t there_n;
	size_t k = 0;

	if (id == NULL || luid == NULL || put == NULL)
		return err_set(&c->e, ERR_NOMEM, "resume.stage",
			       "no memory for a page of the map");
	for (size_t i = 0; i < n; i++) {
		if ((m[i].state != STORE_MAP_LIVE &&
		     m[i].state != STORE_MAP_DEBT) ||
		    m[i].luid.n == 0)
			continue;
		id[k] = m[i].item;
		luid[k] = m[i].luid;
		m[k++] = m[i];
	}
	if (k == 0)
		return 0;
	if (c->tx->v->map_by_item(c->tx, c->scratch, l->id, l->gen, id, k, &row,
				  &row_n, &c->e) < 0 ||
	    c->tx->v->map_by_luid(c->tx, c->scratch, l->id, luid, k, &there,
				  &there_n, &c->e) < 0)
		return -1;
	sml_maps_sort(row, row_n);
	n = k;
	k = 0;
	for (size_t i = 0; i < n; i++) {
		if (!counts(&m[i], sml_map_find(row, row_n, m[i].item),
			    with_luid(there, there_n, &m[i], l->gen), &freed))
			continue;
		if (freed != NULL) {
			put[k] = *freed;
			put[k++].luid = SLICE_LIT("");
		}
		put[k] = m[i];
		put[k++].gen = l->gen;
	}
	return k == 0 ? 0 : c->tx->v->map_put(c->tx, put, k, &c->e);
}

/* Some devices take an item for told when its Status came, and do not tell it
   again after the break. */
int
sml_stage_keep(struct sml_ctx *c, const struct store_link *l)
{
	struct store_pending ask = {
		.link = l->id, .gen = l->stage, .this_sync = -1, .limit = PAGE
	};
	struct store_map *m;
	size_t n;

	if (l->stage == 0 || l->gen == 0 || l->stage == l->gen)
		return 0;
	do {
		arena_reset(c->scratch);
		if (c->tx->v->map_pending(c->tx, c->scratch, &ask, &m, &n,
					  &c->e) < 0)
			return -1;
		if (n > 0)
			ask.after = m[n - 1].item;
		if (n > 0 && keep_page(c, l, m, n) < 0)
			return -1;
	} while (n == PAGE);
	return 0;
}

/* ---- what the links remember -------------------------------------------- */

static struct sml_open
open_of(const struct sml_ctx *c, const struct sml_ds *ds)
{
	int at = (int)(ds - c->s.ds);
	struct sml_open o = {
		/* What the device knows it as; the server may do less of it,
		   where the new map is in force already. */
		.type = ds->type == 201 || ds->type == 203 || ds->type == 205
			    ? ds->type
			    : sml_base_type(ds->reply),
		.done = c->s.done,
		.in_done = ds->in_done,
		.since_ms = c->row.started_ms,
		.added = ds->added_before + ds->in.added,
		.doubt_from = ds->doubt_from,
		.last = ds->client_last,
	};

	if (c->s.inc.active && c->s.inc.ds == at)
		o.inc = c->s.inc;
	if (c->s.og.active && c->s.og.ds == at)
		o.og = c->s.og;
	return o;
}

int
sml_open_note(struct sml_ctx *c)
{
	for (size_t i = 0; i < c->s.ds_n; i++) {
		const struct sml_ds *ds = &c->s.ds[i];
		struct store_link *l = sml_link(c, ds->link);
		struct sml_open o = open_of(c, ds);
		struct slice bytes = SLICE_LIT("");

		if (l == NULL)
			continue;
		if (!ds->refused && sml_open_save(c->a, &o, &bytes, &c->e) < 0)
			return -1;
		if (slice_eq(bytes, l->open))
			continue;
		l->open = bytes;
		sml_link_touch(c, l);
	}
	return 0;
}
