/*
 * What a device has not got yet: a range of (collection, change number, item)
 * minus what its map says it holds.
 */
#include "backends/postgres/pg.h"

/* "OFFSET 0": see map.c. */
#define MAPPED                                                                 \
	" LEFT JOIN LATERAL (SELECT * FROM map v WHERE v.account_id = $1"      \
	" AND v.link_id = $2 AND v.gen = $3 AND v.item_id = i.item_id"         \
	" OFFSET 0) m ON true"
#define RANGE                                                                  \
	" FROM item i" MAPPED                                                  \
	" WHERE i.account_id = $1 AND i.collection_id = $4"                    \
	" AND (i.change_no, i.item_id) > ($5, $6) AND i.change_no <= $7"       \
	" AND CASE WHEN m.item_id IS NULL THEN i.deleted = 0"                  \
	" ELSE NOT (m.state IN (1, 5) AND m.held = i.revision) END"

static void
bind_range(struct pg_q *q, int64_t link, int64_t gen,
	   const struct store_cursor *from, int64_t upto)
{
	pg_int(q, link);
	pg_int(q, gen);
	pg_int(q, from->collection);
	pg_int(q, from->change_no);
	pg_int(q, from->item);
	pg_int(q, upto);
}

/* Each row: the head's columns, then the map row's. */
static int
read_all(struct pg_q *q, struct arena *a, struct store_change **out, size_t *n,
	 struct err *e)
{
	struct store_change *c;
	int rc = 0;

	if (pg_run(q, e) < 0)
		return -1;
	*n = pg_rows(q);
	*out = c = pg_room(q, a, sizeof(**out));
	for (; rc == 0 && pg_next(q); c++) {
		pg_head_read(q, a, &c->item);
		c->mapped = !pg_col_null(q, PG_HEAD_N);
		if (c->mapped)
			rc = pg_map_read(q, a, PG_HEAD_N, &c->map, e);
	}
	return pg_end(q, rc == 0 ? e : NULL) < 0 ? -1 : rc;
}

int
pg_changes(struct store_tx *tx, struct arena *a, int64_t link, int64_t gen,
	   const struct store_cursor *from, int64_t upto, size_t limit,
	   struct store_change **out, size_t *n, struct err *e)
{
	static const char sql[] = "SELECT " PG_HEAD_COLS ", " PG_MAP_COLS RANGE
				  " ORDER BY i.change_no, i.item_id LIMIT $8";
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.changes", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	pg_query(t, &q, sql, "store.changes");
	bind_range(&q, link, gen, from, upto);
	pg_int(&q, pg_limit(limit));
	return pg_leave(t, read_all(&q, a, out, n, e));
}

int
pg_changes_count(struct store_tx *tx, int64_t link, int64_t gen,
		 const struct store_cursor *from, int64_t upto, int64_t *n,
		 struct err *e)
{
	static const char sql[] = "SELECT count(*)" RANGE;
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.changes_count", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	pg_query(t, &q, sql, "store.changes_count");
	bind_range(&q, link, gen, from, upto);
	if (pg_run(&q, e) < 0)
		return pg_leave(t, -1);
	*n = pg_next(&q) ? pg_col(&q, 0) : 0;
	return pg_leave(t, pg_end(&q, e));
}

#define WINDOW(where, order)                                                   \
	"SELECT " PG_HEAD_COLS ", " PG_MAP_COLS " FROM item i" MAPPED          \
	" WHERE i.account_id = $1" where " AND i.deleted = 0 ORDER BY " order  \
	" LIMIT $6"

int
pg_window(struct store_tx *tx, struct arena *a, const struct store_window *ask,
	  struct store_change **out, size_t *n, struct err *e)
{
	/* "+ 0": see pg_item_page(). */
	static const char none[] = WINDOW(
	    " AND i.collection_id + 0 = $4 AND i.item_id > $5", "i.item_id");
	static const char from[] = WINDOW(
	    " AND i.collection_id = $4 AND (i.span_from, i.item_id) > ($7, $5)"
	    " AND i.span_from >= $8 AND i.span_from < $9",
	    "i.span_from, i.item_id");
	static const char to[] = WINDOW(
	    " AND i.collection_id = $4 AND (i.span_to, i.item_id) > ($7, $5)"
	    " AND i.span_to >= $8 AND i.span_to < $9",
	    "i.span_to, i.item_id");
	static const char *const sql[] = { [STORE_EDGE_NONE] = none,
					   [STORE_EDGE_FROM] = from,
					   [STORE_EDGE_TO] = to };
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.window", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	pg_query(t, &q, sql[ask->edge], "store.window");
	pg_int(&q, ask->link);
	pg_int(&q, ask->gen);
	pg_int(&q, ask->collection);
	pg_int(&q, ask->after);
	pg_int(&q, pg_limit(ask->limit));
	if (ask->edge != STORE_EDGE_NONE) {
		pg_int(&q, ask->after_ms);
		pg_int(&q, ask->low);
		pg_int(&q, ask->high);
	}
	return pg_leave(t, read_all(&q, a, out, n, e));
}

int
pg_unmapped(struct store_tx *tx, struct arena *a, int64_t link, int64_t gen,
	    int64_t collection, int64_t after, size_t limit,
	    struct store_item **out, size_t *n, struct err *e)
{
	static const char sql[] =
	    "SELECT " PG_HEAD_COLS " FROM item i"
	    " WHERE i.account_id = $1 AND i.item_id > $2"
	    " AND i.collection_id + 0 = $3 AND i.deleted = 0"
	    " AND (SELECT 1 FROM map m WHERE m.account_id = $1"
	    "  AND m.link_id = $4 AND m.gen = $5"
	    "  AND m.item_id = i.item_id) IS NULL"
	    " ORDER BY i.item_id LIMIT $6";
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.unmapped", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	pg_query(t, &q, sql, "store.unmapped");
	pg_int(&q, after);
	pg_int(&q, collection);
	pg_int(&q, link);
	pg_int(&q, gen);
	pg_int(&q, pg_limit(limit));
	return pg_leave(t, pg_heads(&q, a, false, out, n, e));
}
