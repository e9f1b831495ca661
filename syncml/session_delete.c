/*
 * What a device's package 3 deletes, decided when it is complete: the brake on
 * mass deletion, deletes against edits, and what a refresh from the client did
 * not bring.
 */
#include "syncml/mail_delete.h"
#include "syncml/session.h"

enum { PAGE = 200 };

/*
 * The brake on mass deletion: what the device deleted was only noted so far
 * (rows DELETING, SML_WHY_NOTED); now it is decided for all together.
 */
static bool
brake_holds(const struct sml_ctx *c, const struct sml_ds *ds, int64_t held,
	    int64_t deletes)
{
	const struct store_collection *col = sml_collection(c, ds->collection);
	int64_t limit = held / 5 > 10 ? held / 5 : 10;

	return deletes > limit && (col == NULL || !col->no_brake);
}

static int
tombstones(struct sml_ctx *c, const struct store_item *it, size_t n)
{
	struct store_write *w = ARENA_ARRAY(c->a, n, struct store_write);
	size_t w_n = 0;

	if (w == NULL)
		return err_set(&c->e, ERR_NOMEM, "sync.delete",
			       "no memory to delete %zu items", n);
	for (size_t i = 0; i < n; i++) {
		if (it[i].deleted)
			continue;
		w[w_n++] = (struct store_write){
			.item = it[i].id,
			.deleted = true,
			.collection = it[i].collection,
			.kind = it[i].kind,
			.revision = it[i].last_revision + 1,
			.uid = it[i].uid,
			.origin = STORE_BY_DEVICE,
			.device = c->dev.id,
			.session = c->row.id,
			.old_size = it[i].size,
		};
	}
	if (c->tx->v->item_put(c->tx, w, w_n, &c->e) < 0)
		return -1;
	return sml_mail_delete(c->tx, c->a, c->dev.id, it, n, &c->effects,
			       &c->e);
}

/* Held back: the items stay for the others, and are gone from this device. */
static int
hold_page(struct sml_ctx *c, struct sml_ds *ds, struct store_map *m, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		m[i].gen = ds->gen;
		m[i].state = STORE_MAP_GONE;
		m[i].luid = SLICE_LIT("");
		m[i].reason = 0;
		m[i].offer_n = 0;
		m[i].touched = ds->sync_no;
		sml_report_event(c, ds, STORE_EVENT_HOLD, m[i].item, m[i].held,
				 STORE_HOW_NONE);
	}
	return c->tx->v->map_put(c->tx, m, n, &c->e);
}

/* Since the Delete was noted another device may have edited the item: the edit
   wins, and the item is sent back. Such rows and items move to the end;
   returns how many are to go. Behind the n rows is room for as many ghosts. */
static size_t
edited_last(struct sml_ctx *c, struct sml_ds *ds, struct store_map *m,
	    size_t *n, struct store_item *it, size_t it_n)
{
	size_t ghosts = 0;
	size_t k = *n;

	for (size_t i = 0; i < k;) {
		struct store_item *head = sml_item_find(it, it_n, m[i].item);
		struct store_map row = m[i];

		if (head == NULL || head->deleted || head->kind == PIM_MAIL ||
		    !sml_edited_elsewhere(&row, head)) {
			i++;
			continue;
		}
		head->deleted = true; /* for tombstones(): not this one */
		ghosts += sml_map_back(c, &row, ds->sync_no, &m[*n + ghosts]);
		m[i] = m[--k];
		m[k] = row;
		ds->conflicts++;
		sml_report_event(c, ds, STORE_EVENT_CONFLICT, row.item,
				 head->revision, STORE_HOW_EDIT);
		ds->in.deleted--;
		sml_tell(c, '=',
			 "delete of item %lld against an edit: the item stays",
			 (long long)row.item);
	}
	*n += ghosts;
	return k;
}

static int
decide_page(struct sml_ctx *c, struct sml_ds *ds, const struct store_map *noted,
	    size_t n)
{
	int64_t *id = ARENA_ARRAY(c->a, n, int64_t);
	struct store_map *m = ARENA_ARRAY(c->a, 2 * n, struct store_map);
	struct store_item *it;
	size_t it_n;
	size_t gone;

	if (id == NULL || m == NULL)
		return err_set(&c->e, ERR_NOMEM, "sync.delete",
			       "no memory to delete %zu items", n);
	memcpy(m, noted, n * sizeof(*m));
	for (size_t i = 0; i < n; i++)
		id[i] = m[i].item;
	if (c->tx->v->item_get(c->tx, c->a, id, n, false, &it, &it_n, &c->e) <
	    0)
		return -1;
	if (it_n > 0)
		sml_items_sort(it, it_n);
	gone = edited_last(c, ds, m, &n, it, it_n);
	for (size_t i = 0; i < gone; i++)
		sml_map_gone(&m[i], ds->sync_no);
	if (it_n > 0 && tombstones(c, it, it_n) < 0)
		return -1;
	return c->tx->v->map_put(c->tx, m, n, &c->e);
}

/* Rows of one page that wait for the decision, moved to the front. */
static size_t
noted_only(struct store_map *m, size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		if (m[i].state == STORE_MAP_DELETING &&
		    m[i].reason == SML_WHY_NOTED)
			m[k++] = m[i];
	}
	return k;
}

/* ... without those whose item the device has in its new map. */
static int
not_there_again(struct sml_ctx *c, const struct sml_ds *ds, struct store_map *m,
		size_t *n)
{
	int64_t *id = ARENA_ARRAY(c->a, *n, int64_t);
	struct store_map *row;
	size_t row_n;
	size_t k = 0;

	if (id == NULL)
		return err_set(&c->e, ERR_NOMEM, "sync.delete",
			       "no memory to look at %zu deletions", *n);
	for (size_t i = 0; i < *n; i++)
		id[i] = m[i].item;
	if (c->tx->v->map_by_item(c->tx, c->a, ds->link, ds->gen, id, *n, &row,
				  &row_n, &c->e) < 0)
		return -1;
	sml_maps_sort(row, row_n);
	for (size_t i = 0; i < *n; i++) {
		if (sml_map_find(row, row_n, m[i].item) == NULL)
			m[k++] = m[i];
	}
	*n = k;
	return 0;
}

/* One walk over the rows that are noted as deleted in this generation: count,
   or decide. */
static int
walk_noted(struct sml_ctx *c, struct sml_ds *ds, int64_t gen, bool decide,
	   bool hold, int64_t *noted)
{
	struct store_pending ask = { .link = ds->link,
				     .gen = gen,
				     .doubt_from = INT64_MAX,
				     .this_sync = -1,
				     .limit = PAGE };
	struct store_map *m;
	size_t n;

	*noted = 0;
	do {
		size_t k;

		if (c->tx->v->map_pending(c->tx, c->a, &ask, &m, &n, &c->e) < 0)
			return -1;
		if (n > 0)
			ask.after = m[n - 1].item;
		k = noted_only(m, n);
		if (gen != ds->gen && k > 0 &&
		    not_there_again(c, ds, m, &k) < 0)
			return -1;
		*noted += (int64_t)k;
		if (decide && k > 0 &&
		    (hold ? hold_page(c, ds, m, k) : decide_page(c, ds, m, k)) <
			0)
			return -1;
	} while (n == PAGE);
	return 0;
}

static int
decide(struct sml_ctx *c, struct sml_ds *ds, int64_t gen)
{
	int64_t held = ds->held_at_start;
	int64_t noted;
	bool hold;

	if (walk_noted(c, ds, gen, false, false, &noted) < 0)
		return -1;
	if (noted == 0)
		return 0;
	if (held < 0) {
		if (c->tx->v->map_count(c->tx, ds->link, gen, &held, &c->e) < 0)
			return -1;
		held += noted;
	}
	/* All of the session, in however many packages they came. */
	hold = brake_holds(c, ds, held, noted + ds->decided);
	ds->decided += noted;
	ds->noted = 0;
	if (walk_noted(c, ds, gen, true, hold, &noted) < 0)
		return -1;
	if (hold) {
		ds->held_back += noted;
		sml_tell(c, '=',
			 "%lld deletes of %lld items held back: the "
			 "items stay for everybody else",
			 (long long)noted, (long long)held);
	}
	return 0;
}

/* Those of a session that broke before its package ended count too. */
int
sml_deletes_decide(struct sml_ctx *c, struct sml_ds *ds)
{
	if (ds->type != 200 && ds->type != 202 && ds->type != 204)
		return 0;
	return decide(c, ds, ds->gen);
}

int
sml_deletes_carry(struct sml_ctx *c, struct sml_ds *ds,
		  const struct store_link *l)
{
	if (l->gen == 0 || l->gen == ds->gen)
		return 0;
	return decide(c, ds, l->gen);
}

/* Refresh from client: what it did not send goes, now and not before. */
static int
drop_unsent(struct sml_ctx *c, struct sml_ds *ds, int64_t collection)
{
	struct store_item *it;
	int64_t after = 0;
	size_t n;
	bool last;

	do {
		if (c->tx->v->unmapped(c->tx, c->a, ds->link, ds->gen,
				       collection, after, PAGE, &it, &n,
				       &c->e) < 0)
			return -1;
		last = n < PAGE;
		if (n > 0)
			after = it[n - 1].id;
		if (sml_filter_unsent(c, ds, &it, &n) < 0)
			return -1;
		if (n > 0 && tombstones(c, it, n) < 0)
			return -1;
		ds->in.deleted += (int64_t)n;
	} while (!last);
	return 0;
}

int
sml_refresh_done(struct sml_ctx *c, struct sml_ds *ds,
		 const struct store_collection *col)
{
	int64_t kept;
	int64_t gone = 0;
	int64_t total;
	struct store_item *it;
	int64_t after = 0;
	size_t n, events;
	bool last;

	/* A mailbox does not become what one device has of it. */
	if (col->read_only || (col->kinds & PIM_MAIL) != 0)
		return 0;
	if (c->tx->v->map_count(c->tx, ds->link, ds->gen, &kept, &c->e) < 0)
		return -1;
	events = c->report.event_n;
	for (size_t i = 0; i < col->member_n; i++) {
		after = 0;
		do {
			if (c->tx->v->unmapped(c->tx, c->a, ds->link, ds->gen,
					       col->member[i], after, PAGE, &it,
					       &n, &c->e) < 0)
				return -1;
			last = n < PAGE;
			after = n > 0 ? it[n - 1].id : after;
			if (sml_filter_unsent(c, ds, &it, &n) < 0)
				return -1;
			gone += (int64_t)n;
			for (size_t k = 0; k < n; k++)
				sml_report_event(c, ds, STORE_EVENT_HOLD,
						 it[k].id, it[k].revision,
						 STORE_HOW_NONE);
		} while (!last);
	}
	/* The brake counts by what the database would shrink to. */
	total = kept + gone;
	if (brake_holds(c, ds, total, gone - ds->in.added - ds->added_before)) {
		ds->held_back += gone;
		sml_tell(c, '=',
			 "the refresh would delete %lld of %lld items: "
			 "held back, they stay for everybody else",
			 (long long)gone, (long long)total);
		return 0;
	}
	c->report.event_n = events;
	for (size_t i = 0; i < col->member_n; i++) {
		if (drop_unsent(c, ds, col->member[i]) < 0)
			return -1;
	}
	return 0;
}
