/*
 * Collections.
 */
#include "backends/postgres/pg.h"

#include "backends/pack.h"

static int
collection_read(struct pg_q *q, struct arena *a, struct store_collection *out,
		struct err *e)
{
	*out = (struct store_collection){
		.id = pg_col(q, 0),
		.name = pg_col_bytes(q, a, 1),
		.display = pg_col_bytes(q, a, 2),
		.aliases = pg_col_bytes(q, a, 3),
		.kinds = (unsigned)pg_col(q, 4),
		.policy = (enum store_policy)pg_col(q, 5),
		.read_only = pg_col_bool(q, 6),
		.no_brake = pg_col_bool(q, 7),
	};
	return store_members_get(pg_col_bytes(q, a, 8), out,
				 "store.collection_list", e);
}

static int
collection_list(struct pg_tx *t, struct arena *a, struct store_collection **out,
		size_t *n, struct err *e)
{
	static const char sql[] =
	    "SELECT collection_id, name, display, aliases, kinds, policy,"
	    " read_only, no_brake, members"
	    " FROM collection WHERE account_id = $1 ORDER BY collection_id";
	struct store_collection *one;
	struct pg_q q;
	int rc = 0;

	pg_query(t, &q, sql, "store.collection_list");
	if (pg_run(&q, e) < 0)
		return -1;
	*n = pg_rows(&q);
	*out = one = pg_room(&q, a, sizeof(*one));
	while (rc == 0 && pg_next(&q))
		rc = collection_read(&q, a, one++, e);
	return pg_end(&q, rc == 0 ? e : NULL) < 0 ? -1 : rc;
}

int
pg_collection_list(struct store_tx *tx, struct arena *a,
		   struct store_collection **out, size_t *n, struct err *e)
{
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.collection_list", e);

	return t == NULL ? -1 : pg_leave(t, collection_list(t, a, out, n, e));
}

static int
collection_put(struct pg_tx *t, const struct store_collection *in,
	       struct err *e)
{
	static const char sql[] =
	    "INSERT INTO collection (account_id, collection_id, name, display,"
	    " aliases, kinds, policy, read_only, no_brake, members)"
	    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
	    " ON CONFLICT (account_id, collection_id) DO UPDATE SET"
	    " name = excluded.name, display = excluded.display,"
	    " aliases = excluded.aliases, kinds = excluded.kinds,"
	    " policy = excluded.policy, read_only = excluded.read_only,"
	    " no_brake = excluded.no_brake,"
	    " members = excluded.members";
	struct pg_q q;
	char room[STORE_MEMBERS_ROOM];
	struct slice members;

	if (store_members_put(in, room, &members, "store.collection_put", e) <
	    0)
		return -1;
	pg_query(t, &q, sql, "store.collection_put");
	pg_int(&q, in->id);
	pg_text(&q, in->name);
	pg_text(&q, in->display);
	pg_text(&q, in->aliases);
	pg_int(&q, in->kinds);
	pg_int(&q, (int64_t)in->policy);
	pg_int(&q, in->read_only);
	pg_int(&q, in->no_brake);
	pg_text(&q, members);
	return pg_once(&q, e);
}

int
pg_collection_put(struct store_tx *tx, const struct store_collection *in,
		  struct err *e)
{
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.collection_put", e);

	return t == NULL ? -1 : pg_leave(t, collection_put(t, in, e));
}

/* ---- dropping ---------------------------------------------------------- */

static int
may_drop(struct pg_tx *t, int64_t id, struct err *e)
{
	static const char sql[] =
	    "SELECT EXISTS (SELECT 1 FROM item WHERE account_id = $1"
	    "  AND collection_id = $2 AND deleted = 0),"
	    " EXISTS (SELECT 1 FROM collection WHERE account_id = $1"
	    "  AND collection_id <> $2"
	    "  AND ' ' || members || ' ' LIKE '% ' || $2::bigint || ' %')";
	bool shown = false;
	bool live = false;
	struct pg_q q;

	pg_query(t, &q, sql, "store.collection_drop");
	pg_int(&q, id);
	if (pg_run(&q, e) < 0)
		return -1;
	if (pg_next(&q)) {
		live = pg_col_bool(&q, 0);
		shown = pg_col_bool(&q, 1);
	}
	if (pg_end(&q, e) < 0)
		return -1;
	if (live)
		return err_set(e, ERR_CONFLICT, "store.collection_drop",
			       "the collection still holds items");
	if (shown)
		return err_set(e, ERR_CONFLICT, "store.collection_drop",
			       "a combined collection shows it");
	return 0;
}

#define OF_LINKS                                                               \
	" WHERE account_id = $1 AND link_id IN (SELECT link_id FROM link"      \
	" WHERE account_id = $1 AND collection_id = $2)"
/* The tombstones, and what points at them. */
#define OF_ITEMS                                                               \
	" WHERE account_id = $1 AND item_id IN (SELECT item_id FROM item"      \
	" WHERE account_id = $1 AND collection_id = $2)"

static int
collection_drop(struct pg_tx *t, int64_t id, struct err *e)
{
	static const char *const sql[] = {
		"DELETE FROM map" OF_LINKS,
		"DELETE FROM chunk" OF_LINKS,
		"DELETE FROM map" OF_ITEMS,
		"DELETE FROM history" OF_ITEMS,
		"DELETE FROM revision" OF_ITEMS,
		"DELETE FROM mail_body" OF_ITEMS,
		"DELETE FROM item_hash"
		" WHERE account_id = $1 AND collection_id = $2",
		"DELETE FROM item WHERE account_id = $1 AND collection_id = $2",
		"DELETE FROM link WHERE account_id = $1 AND collection_id = $2",
		"DELETE FROM collection"
		" WHERE account_id = $1 AND collection_id = $2",
	};
	if (may_drop(t, id, e) < 0)
		return -1;
	return pg_each(t, sql, sizeof(sql) / sizeof(sql[0]), id,
		       "store.collection_drop", e);
}

int
pg_collection_drop(struct store_tx *tx, int64_t id, struct err *e)
{
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.collection_drop", e);

	return t == NULL ? -1 : pg_leave(t, collection_drop(t, id, e));
}
