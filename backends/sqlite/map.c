/*
 * The map: what each device holds of each item, and under which LUID.
 */
#include "backends/pack.h"
#include "backends/sqlite/lite.h"

/* ---- reading ------------------------------------------------------------- */

/* Columns LITE_MAP_COLS from `col` on. */
int
lite_map_read(struct lite_q *q, struct arena *a, int col, struct store_map *m,
	      struct err *e)
{
	*m = (struct store_map){
		.link = lite_col(q, col),
		.gen = lite_col(q, col + 1),
		.item = lite_col(q, col + 2),
		.luid = lite_col_bytes(q, a, col + 3),
		.state = (enum store_map_state)lite_col(q, col + 4),
		.held = lite_col(q, col + 5),
		.held_form = lite_col_u64(q, col + 6),
		.reason = (int)lite_col(q, col + 8),
		.touched = lite_col(q, col + 9),
	};
	return store_offers_get(lite_col_view(q, col + 7), m, q->where, e);
}

static int
read_all(struct lite_q *q, struct lite_list *l, struct err *e)
{
	struct store_map *one;
	int rc;

	while ((one = lite_row(q, l, &rc, e)) != NULL) {
		if (lite_map_read(q, l->a, 0, one, e) < 0)
			return -1;
	}
	return rc;
}

static int
by_luid(struct lite_tx *t, int64_t link, const struct slice *luid, size_t n,
	struct lite_list *l, struct err *e)
{
	static const char sql[] =
	    "SELECT " LITE_MAP_COLS " FROM map m INDEXED BY map_luid"
	    " WHERE m.account_id = ?1 AND m.link_id = ?2 AND m.luid = ?3"
	    " AND m.luid IS NOT NULL ORDER BY m.gen";
	struct lite_q q;
	int rc = 0;

	if (lite_query(t, &q, sql, "store.map_by_luid", e) < 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		lite_int(&q, link);
		lite_blob(&q, luid[i]);
		rc = read_all(&q, l, e);
		lite_rewind(&q);
	}
	lite_end(&q);
	return rc;
}

int
lite_map_by_luid(struct store_tx *tx, struct arena *a, int64_t link,
		 const struct slice *luid, size_t n, struct store_map **out,
		 size_t *out_n, struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.map_by_luid", e);
	struct lite_list l = { .a = a, .size = sizeof(**out) };

	if (t == NULL || lite_leave(t, by_luid(t, link, luid, n, &l, e)) < 0)
		return -1;
	*out = (struct store_map *)(void *)l.p;
	*out_n = l.n;
	return 0;
}

static int
by_item(struct lite_tx *t, struct lite_gen g, const int64_t *item, size_t n,
	struct lite_list *l, struct err *e)
{
	static const char sql[] =
	    "SELECT " LITE_MAP_COLS " FROM map m WHERE m.account_id = ?1"
	    " AND m.link_id = ?2 AND m.gen = ?3 AND m.item_id = ?4";
	struct lite_q q;
	int rc = 0;

	if (lite_query(t, &q, sql, "store.map_by_item", e) < 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		lite_int(&q, g.link);
		lite_int(&q, g.gen);
		lite_int(&q, item[i]);
		rc = read_all(&q, l, e);
		lite_rewind(&q);
	}
	lite_end(&q);
	return rc;
}

int
lite_map_by_item(struct store_tx *tx, struct arena *a, int64_t link,
		 int64_t gen, const int64_t *item, size_t n,
		 struct store_map **out, size_t *out_n, struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.map_by_item", e);
	struct lite_list l = { .a = a, .size = sizeof(**out) };
	struct lite_gen g = { link, gen };

	if (t == NULL || lite_leave(t, by_item(t, g, item, n, &l, e)) < 0)
		return -1;
	*out = (struct store_map *)(void *)l.p;
	*out_n = l.n;
	return 0;
}

/* Without doubt the partial index has all that wants attention; with it the
   whole generation is read once, page by page. */
int
lite_map_pending(struct store_tx *tx, struct arena *a,
		 const struct store_pending *ask, struct store_map **out,
		 size_t *n, struct err *e)
{
	static const char sure[] =
	    "SELECT " LITE_MAP_COLS " FROM map m INDEXED BY map_pending"
	    " WHERE m.account_id = ?1 AND m.link_id = ?2 AND m.gen = ?3"
	    " AND m.item_id > ?4 AND m.pending = 1 AND m.touched <> ?5"
	    " ORDER BY m.item_id LIMIT ?6";
	static const char doubt[] =
	    "SELECT " LITE_MAP_COLS " FROM map m"
	    " WHERE m.account_id = ?1 AND m.link_id = ?2 AND m.gen = ?3"
	    " AND m.item_id > ?4 AND (m.pending = 1 OR m.touched >= ?7)"
	    " AND m.touched <> ?5 ORDER BY m.item_id LIMIT ?6";
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.map_pending", e);
	struct lite_list l = { .a = a, .size = sizeof(**out) };
	bool none = ask->doubt_from == INT64_MAX;
	struct lite_q q;
	int rc;

	if (t == NULL)
		return -1;
	if (lite_query(t, &q, none ? sure : doubt, "store.map_pending", e) < 0)
		return lite_leave(t, -1);
	lite_int(&q, ask->link);
	lite_int(&q, ask->gen);
	lite_int(&q, ask->after);
	lite_int(&q, ask->this_sync);
	lite_int(&q, ask->limit > INT32_MAX ? INT32_MAX : (int64_t)ask->limit);
	if (!none)
		lite_int(&q, ask->doubt_from);
	rc = read_all(&q, &l, e);
	lite_end(&q);
	*out = (struct store_map *)(void *)l.p;
	*n = l.n;
	return lite_leave(t, rc);
}

int
lite_map_count(struct store_tx *tx, int64_t link, int64_t gen, int64_t *n,
	       struct err *e)
{
	static const char sql[] =
	    "SELECT count(*) FROM map NOT INDEXED WHERE account_id = ?1"
	    " AND link_id = ?2 AND gen = ?3 AND state = ?4";
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.map_count", e);
	struct lite_q q;
	int rc;

	if (t == NULL)
		return -1;
	if (lite_query(t, &q, sql, "store.map_count", e) < 0)
		return lite_leave(t, -1);
	lite_int(&q, link);
	lite_int(&q, gen);
	lite_int(&q, STORE_MAP_LIVE);
	rc = lite_step(&q, e);
	*n = rc == 1 ? lite_col(&q, 0) : 0;
	lite_end(&q);
	return lite_leave(t, rc < 0 ? -1 : 0);
}

/* ---- writing ------------------------------------------------------------- */

static int
put_one(struct lite_q *q, const struct store_map *m, struct err *e)
{
	char room[STORE_OFFERS_ROOM];
	bool settled = m->offer_n == 0 && (m->state == STORE_MAP_LIVE ||
					   m->state == STORE_MAP_GONE);

	if (m->offer_n > STORE_OFFERS_MAX)
		return err_set(e, ERR_BUG, q->where, "%zu offers", m->offer_n);
	lite_int(q, m->link);
	lite_int(q, m->gen);
	lite_int(q, m->item);
	lite_blob_null(q, m->luid);
	lite_int(q, (int64_t)m->state);
	lite_int(q, m->held);
	lite_int(q, (int64_t)m->held_form);
	lite_blob_null(q, store_offers_put(m, room));
	lite_int(q, m->reason);
	lite_int(q, m->touched);
	lite_int(q, !settled);
	return lite_run(q, e);
}

/* REPLACE drops every row that stands in the way: the old one of this item,
   and the one that had this LUID in this generation. */
static int
map_put(struct lite_tx *t, const struct store_map *m, size_t n, struct err *e)
{
	static const char sql[] =
	    "INSERT OR REPLACE INTO map (account_id, link_id, gen, item_id,"
	    " luid, state, held, held_form, offers, reason, touched, pending)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
	struct lite_q q;
	int rc = 0;

	if (lite_query(t, &q, sql, "store.map_put", e) < 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = put_one(&q, &m[i], e);
	lite_end(&q);
	return rc;
}

int
lite_map_put(struct store_tx *tx, const struct store_map *m, size_t n,
	     struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, "store.map_put", e);

	return t == NULL ? -1 : lite_leave(t, map_put(t, m, n, e));
}

static int
map_drop(struct lite_tx *t, struct lite_gen g, const int64_t *item, size_t n,
	 struct err *e)
{
	static const char sql[] = "DELETE FROM map WHERE account_id = ?1"
				  " AND link_id = ?2 AND gen = ?3"
				  " AND item_id = ?4";
	struct lite_q q;
	int rc = 0;

	if (lite_query(t, &q, sql, "store.map_drop", e) < 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		lite_int(&q, g.link);
		lite_int(&q, g.gen);
		lite_int(&q, item[i]);
		rc = lite_run(&q, e);
	}
	lite_end(&q);
	return rc;
}

int
lite_map_drop(struct store_tx *tx, int64_t link, int64_t gen,
	      const int64_t *item, size_t n, struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, "store.map_drop", e);
	struct lite_gen g = { link, gen };

	return t == NULL ? -1 : lite_leave(t, map_drop(t, g, item, n, e));
}

/* Rows of generations strictly between two: a range of the key, so that the
   generations that stay are not even read. */
static int
drop_between(struct lite_tx *t, int64_t link, int64_t above, int64_t below,
	     struct err *e)
{
	static const char sql[] =
	    "DELETE FROM map WHERE account_id = ?1 AND link_id = ?2"
	    " AND gen > ?3 AND gen < ?4";
	struct lite_q q;

	if (lite_query(t, &q, sql, "store.map_drop_others", e) < 0)
		return -1;
	lite_int(&q, link);
	lite_int(&q, above);
	lite_int(&q, below);
	return lite_once(&q, e);
}

int
lite_map_drop_others(struct store_tx *tx, int64_t link, int64_t keep,
		     int64_t keep2, struct err *e)
{
	struct lite_tx *t =
	    lite_enter(tx, STORE_WRITE, "store.map_drop_others", e);
	int64_t lo = keep < keep2 ? keep : keep2;
	int64_t hi = keep < keep2 ? keep2 : keep;

	if (t == NULL)
		return -1;
	if (drop_between(t, link, INT64_MIN, lo, e) < 0 ||
	    drop_between(t, link, lo, hi, e) < 0 ||
	    drop_between(t, link, hi, INT64_MAX, e) < 0)
		return lite_leave(t, -1);
	return 0;
}

/* ---- who refers to an item? ---------------------------------------------- */

/*
 * The (link, generation) behind *g. Two plain ranges: with a row value,
 * (link_id, gen) > (?2, ?3), SQLite seeks to the first row that is equal and
 * walks over all of them.
 */
static int
next_gen(struct lite_tx *t, struct lite_gen *g, struct err *e)
{
	static const char same_link[] =
	    "SELECT gen FROM map NOT INDEXED WHERE account_id = ?1"
	    " AND link_id = ?2 AND gen > ?3 ORDER BY gen LIMIT 1";
	static const char next_link[] =
	    "SELECT gen, link_id FROM map NOT INDEXED WHERE account_id = ?1"
	    " AND link_id > ?2 ORDER BY link_id, gen LIMIT 1";
	struct lite_q q;
	int rc;

	if (lite_query(t, &q, same_link, "store.map", e) < 0)
		return -1;
	lite_int(&q, g->link);
	lite_int(&q, g->gen);
	rc = lite_step(&q, e);
	if (rc == 1)
		g->gen = lite_col(&q, 0);
	lite_end(&q);
	if (rc != 0)
		return rc;
	if (lite_query(t, &q, next_link, "store.map", e) < 0)
		return -1;
	lite_int(&q, g->link);
	rc = lite_step(&q, e);
	if (rc == 1)
		*g = (struct lite_gen){ lite_col(&q, 1), lite_col(&q, 0) };
	lite_end(&q);
	return rc;
}

/* A seek or two for each, not a read of all rows. */
int
lite_map_gens(struct lite_tx *t, struct arena *a, struct lite_gen **out,
	      size_t *n, struct err *e)
{
	struct lite_list l = { .a = a, .size = sizeof(**out) };
	struct lite_gen at = { INT64_MIN, INT64_MIN };
	struct lite_gen *one;
	int rc;

	while ((rc = next_gen(t, &at, e)) == 1) {
		one = lite_list_add(&l);
		if (one == NULL)
			return lite_nomem("store.map", e);
		*one = at;
	}
	*out = (struct lite_gen *)(void *)l.p;
	*n = l.n;
	return rc;
}

int
lite_map_refers(struct lite_tx *t, const struct lite_gen *g, size_t n,
		int64_t item, int64_t revision, bool *yes, struct err *e)
{
	static const char sql[] =
	    "SELECT held, offers FROM map WHERE account_id = ?1"
	    " AND link_id = ?2 AND gen = ?3 AND item_id = ?4";
	struct lite_q q;
	int rc = 0;

	*yes = false;
	if (lite_query(t, &q, sql, "store.map", e) < 0)
		return -1;
	for (size_t i = 0; rc >= 0 && !*yes && i < n; i++) {
		lite_int(&q, g[i].link);
		lite_int(&q, g[i].gen);
		lite_int(&q, item);
		rc = lite_step(&q, e);
		*yes = rc == 1 &&
		       (revision == 0 || lite_col(&q, 0) == revision ||
			store_offers_have(lite_col_view(&q, 1), revision));
		lite_rewind(&q);
	}
	lite_end(&q);
	return rc < 0 ? -1 : 0;
}
