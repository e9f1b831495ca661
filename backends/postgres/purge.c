/*
 * Erasing an item for good.
 */
#include "backends/postgres/pg.h"

/*
 * The head, and whether a map row of any generation refers to the item: then
 * devices hold it and shall hear of it.
 */
static int
look(struct pg_tx *t, int64_t item, struct store_write *tomb, bool *known,
     struct err *e)
{
	static const char sql[] =
	    "WITH RECURSIVE " PG_GENS
	    " SELECT i.collection_id, i.kind, i.last_revision, i.size,"
	    " i.deleted, EXISTS (SELECT 1 FROM g JOIN map m"
	    " ON m.account_id = $1 AND m.link_id = g.link_id"
	    " AND m.gen = g.gen AND m.item_id = $2)"
	    " FROM item i WHERE i.account_id = $1 AND i.item_id = $2";
	struct pg_q q;
	int there;

	pg_query(t, &q, sql, "store.item_purge");
	pg_int(&q, item);
	if (pg_run(&q, e) < 0)
		return -1;
	there = pg_next(&q);
	if (there) {
		*tomb = (struct store_write){
			.item = item,
			.deleted = true,
			.collection = pg_col(&q, 0),
			.kind = (unsigned)pg_col(&q, 1),
			.revision = pg_col(&q, 2) + 1,
			.origin = STORE_BY_ADMIN,
			.old_size = pg_col(&q, 3),
			.was_deleted = pg_col_bool(&q, 4),
		};
		*known = pg_col_bool(&q, 5);
	}
	return pg_end(&q, e) < 0 ? -1 : there;
}

/* History rows of the item stay behind as bare numbers; pruning passes over
   them and takes them along. */
static int
remove_rows(struct pg_tx *t, int64_t item, bool head, struct err *e)
{
	static const char revisions[] =
	    "DELETE FROM revision WHERE account_id = $1 AND item_id = $2";
	static const char rest[] =
	    "WITH i AS (DELETE FROM item"
	    " WHERE account_id = $1 AND item_id = $2 RETURNING *)"
	    " DELETE FROM item_hash h USING i WHERE h.account_id = $1"
	    " AND h.collection_id = i.collection_id"
	    " AND h.hash IN (i.h_uid, i.h_content, i.h_identity)"
	    " AND h.item_id = i.item_id";
	static const char next[] =
	    "DELETE FROM alarm_next WHERE account_id = $1 AND item_id = $2";
	static const char mail[] =
	    "DELETE FROM mail_body WHERE account_id = $1 AND item_id = $2";
	struct pg_q q[4] = { 0 };

	pg_query(t, &q[0], revisions, "store.item_purge");
	pg_int(&q[0], item);
	pg_send(&q[0]);
	pg_query(t, &q[3], mail, "store.item_purge");
	pg_int(&q[3], item);
	pg_send(&q[3]);
	if (head) {
		pg_query(t, &q[1], rest, "store.item_purge");
		pg_int(&q[1], item);
		pg_send(&q[1]);
		pg_query(t, &q[2], next, "store.item_purge");
		pg_int(&q[2], item);
		pg_send(&q[2]);
	}
	if (pg_sync(t->c, e) < 0)
		return -1;
	(void)pg_end(&q[1], NULL);
	(void)pg_end(&q[2], NULL);
	(void)pg_end(&q[3], NULL);
	return pg_end(&q[0], e);
}

static int
purge(struct pg_tx *t, int64_t item, struct err *e)
{
	struct store_write tomb;
	bool known;
	int rc = look(t, item, &tomb, &known, e);

	if (rc <= 0)
		return rc;
	if (remove_rows(t, item, !known, e) < 0)
		return -1;
	/* Nothing stays but an empty tombstone, which pruning takes once no
	   map row refers to it. */
	if (known)
		return pg_item_put_all(t, &tomb, 1, e);
	if (!tomb.was_deleted) {
		t->used.items -= 1;
		t->used.bytes -= tomb.old_size;
	}
	return 0;
}

int
pg_item_purge(struct store_tx *tx, int64_t item, struct err *e)
{
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.item_purge", e);

	return t == NULL ? -1 : pg_leave(t, purge(t, item, e));
}
