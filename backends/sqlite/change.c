/*
 * What a device has not got yet: a range of (collection, change number, item)
 * minus what its map says it holds.
 */
#include "backends/sqlite/lite.h"

#define RANGE                                                                  \
	" FROM item x INDEXED BY item_change LEFT JOIN map m"                  \
	" ON m.account_id = ?1 AND m.link_id = ?2 AND m.gen = ?3"              \
	" AND m.item_id = x.item_id"                                           \
	" WHERE x.account_id = ?1 AND x.collection_id = ?4"                    \
	" AND (x.change_no, x.item_id) > (?5, ?6) AND x.change_no <= ?7"       \
	" AND CASE WHEN m.item_id IS NULL THEN x.deleted = 0"                  \
	" ELSE NOT (m.state IN (1, 5) AND m.held = x.revision) END"

static void
bind_range(struct lite_q *q, struct lite_gen g, const struct store_cursor *from,
	   int64_t upto)
{
	lite_int(q, g.link);
	lite_int(q, g.gen);
	lite_int(q, from->collection);
	lite_int(q, from->change_no);
	lite_int(q, from->item);
	lite_int(q, upto);
}

/* The columns of a change: the head's, then the map row's. */
static int
change_read(struct lite_q *q, struct lite_list *l, struct err *e)
{
	struct store_change *c = lite_list_add(l);

	if (c == NULL) {
		q->nomem = true;
		return 0;
	}
	lite_head_read(q, l->a, &c->item);
	c->item.body = SLICE_LIT("");
	c->mapped = sqlite3_column_type(q->st, LITE_HEAD_N) != SQLITE_NULL;
	return c->mapped ? lite_map_read(q, l->a, LITE_HEAD_N, &c->map, e) : 0;
}

/*
 * The inner select walks the index and the map only; the head's row is read
 * for what is left.
 */
int
lite_changes(struct store_tx *tx, struct arena *a, int64_t link, int64_t gen,
	     const struct store_cursor *from, int64_t upto, size_t limit,
	     struct store_change **out, size_t *n, struct err *e)
{
	static const char sql[] =
	    "SELECT " LITE_HEAD_COLS ", " LITE_MAP_COLS
	    " FROM (SELECT x.item_id AS id" RANGE
	    " ORDER BY x.change_no, x.item_id LIMIT ?8) AS c"
	    " CROSS JOIN item i ON i.account_id = ?1 AND i.item_id = c.id"
	    " LEFT JOIN map m ON m.account_id = ?1 AND m.link_id = ?2"
	    " AND m.gen = ?3 AND m.item_id = c.id";
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.changes", e);
	struct lite_list l = { .a = a, .size = sizeof(**out) };
	struct lite_q q;
	int rc;

	if (t == NULL)
		return -1;
	if (lite_query(t, &q, sql, "store.changes", e) < 0)
		return lite_leave(t, -1);
	bind_range(&q, (struct lite_gen){ link, gen }, from, upto);
	lite_int(&q, limit > INT32_MAX ? INT32_MAX : (int64_t)limit);
	while ((rc = lite_step(&q, e)) == 1) {
		if (change_read(&q, &l, e) < 0) {
			rc = -1;
			break;
		}
	}
	lite_end(&q);
	*out = (struct store_change *)(void *)l.p;
	*n = l.n;
	return lite_leave(t, rc);
}

int
lite_changes_count(struct store_tx *tx, int64_t link, int64_t gen,
		   const struct store_cursor *from, int64_t upto, int64_t *n,
		   struct err *e)
{
	static const char sql[] = "SELECT count(*)" RANGE;
	struct lite_tx *t =
	    lite_enter(tx, STORE_READ, "store.changes_count", e);
	struct lite_q q;
	int rc;

	if (t == NULL)
		return -1;
	if (lite_query(t, &q, sql, "store.changes_count", e) < 0)
		return lite_leave(t, -1);
	bind_range(&q, (struct lite_gen){ link, gen }, from, upto);
	rc = lite_step(&q, e);
	*n = rc == 1 ? lite_col(&q, 0) : 0;
	lite_end(&q);
	return lite_leave(t, rc < 0 ? -1 : 0);
}

/* One statement for each edge: an index is chosen by name, not by luck. */
#define WINDOW(index, where, order)                                            \
	"SELECT " LITE_HEAD_COLS ", " LITE_MAP_COLS " FROM item i" index       \
	" LEFT JOIN map m ON m.account_id = ?1 AND m.link_id = ?2"             \
	" AND m.gen = ?3 AND m.item_id = i.item_id"                            \
	" WHERE i.account_id = ?1 AND i.collection_id = ?4" where              \
	" AND i.deleted = 0 ORDER BY " order " LIMIT ?6"

static int
window_query(struct lite_tx *t, struct lite_q *q,
	     const struct store_window *ask, struct err *e)
{
	static const char *const sql[] = {
		[STORE_EDGE_NONE] =
		    WINDOW("", " AND i.item_id > ?5", "i.item_id"),
		[STORE_EDGE_FROM] =
		    WINDOW(" INDEXED BY item_span_from",
			   " AND (i.span_from, i.item_id) > (?7, ?5)"
			   " AND i.span_from >= ?8 AND i.span_from < ?9",
			   "i.span_from, i.item_id"),
		[STORE_EDGE_TO] =
		    WINDOW(" INDEXED BY item_span_to",
			   " AND (i.span_to, i.item_id) > (?7, ?5)"
			   " AND i.span_to >= ?8 AND i.span_to < ?9",
			   "i.span_to, i.item_id"),
	};

	if (lite_query(t, q, sql[ask->edge], "store.window", e) < 0)
		return -1;
	lite_int(q, ask->link);
	lite_int(q, ask->gen);
	lite_int(q, ask->collection);
	lite_int(q, ask->after);
	lite_int(q, ask->limit > INT32_MAX ? INT32_MAX : (int64_t)ask->limit);
	if (ask->edge == STORE_EDGE_NONE)
		return 0;
	lite_int(q, ask->after_ms);
	lite_int(q, ask->low);
	lite_int(q, ask->high);
	return 0;
}

int
lite_window(struct store_tx *tx, struct arena *a,
	    const struct store_window *ask, struct store_change **out,
	    size_t *n, struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.window", e);
	struct lite_list l = { .a = a, .size = sizeof(**out) };
	struct lite_q q;
	int rc;

	if (t == NULL)
		return -1;
	if (window_query(t, &q, ask, e) < 0)
		return lite_leave(t, -1);
	while ((rc = lite_step(&q, e)) == 1) {
		if (change_read(&q, &l, e) < 0) {
			rc = -1;
			break;
		}
	}
	lite_end(&q);
	*out = (struct store_change *)(void *)l.p;
	*n = l.n;
	return lite_leave(t, rc);
}

int
lite_unmapped(struct store_tx *tx, struct arena *a, int64_t link, int64_t gen,
	      int64_t collection, int64_t after, size_t limit,
	      struct store_item **out, size_t *n, struct err *e)
{
	static const char sql[] =
	    "SELECT " LITE_HEAD_COLS " FROM item i"
	    " WHERE i.account_id = ?1 AND i.item_id > ?2"
	    " AND i.collection_id = ?3 AND i.deleted = 0"
	    " AND NOT EXISTS (SELECT 1 FROM map m WHERE m.account_id = ?1"
	    "  AND m.link_id = ?4 AND m.gen = ?5 AND m.item_id = i.item_id)"
	    " ORDER BY i.item_id LIMIT ?6";
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.unmapped", e);
	struct lite_list l = { .a = a, .size = sizeof(**out) };
	struct store_item *one;
	struct lite_q q;
	int rc;

	if (t == NULL)
		return -1;
	if (lite_query(t, &q, sql, "store.unmapped", e) < 0)
		return lite_leave(t, -1);
	lite_int(&q, after);
	lite_int(&q, collection);
	lite_int(&q, link);
	lite_int(&q, gen);
	lite_int(&q, limit > INT32_MAX ? INT32_MAX : (int64_t)limit);
	while ((one = lite_row(&q, &l, &rc, e)) != NULL)
		lite_head_read(&q, a, one);
	lite_end(&q);
	*out = (struct store_item *)(void *)l.p;
	*n = l.n;
	return lite_leave(t, rc);
}
