/*
 * Collections.
 */
#include "backends/sqlite/lite.h"

#include "backends/pack.h"

static int
collection_read(struct lite_q *q, struct arena *a, struct store_collection *out,
		struct err *e)
{
	*out = (struct store_collection){
		.id = lite_col(q, 0),
		.name = lite_col_bytes(q, a, 1),
		.display = lite_col_bytes(q, a, 2),
		.aliases = lite_col_bytes(q, a, 3),
		.kinds = (unsigned)lite_col(q, 4),
		.policy = (enum store_policy)lite_col(q, 5),
		.read_only = lite_col_bool(q, 6),
		.no_brake = lite_col_bool(q, 7),
	};
	return store_members_get(lite_col_bytes(q, a, 8), out,
				 "store.collection_list", e);
}

static int
collection_list(struct lite_tx *t, struct arena *a, struct lite_list *l,
		struct err *e)
{
	static const char sql[] =
	    "SELECT collection_id, name, display, aliases, kinds, policy,"
	    " read_only, no_brake, members"
	    " FROM collection WHERE account_id = ?1 ORDER BY collection_id";
	struct store_collection *one;
	struct lite_q q;
	int rc;

	if (lite_query(t, &q, sql, "store.collection_list", e) < 0)
		return -1;
	while ((one = lite_row(&q, l, &rc, e)) != NULL) {
		rc = collection_read(&q, a, one, e);
		if (rc < 0)
			break;
	}
	lite_end(&q);
	return rc;
}

int
lite_collection_list(struct store_tx *tx, struct arena *a,
		     struct store_collection **out, size_t *n, struct err *e)
{
	struct lite_tx *t =
	    lite_enter(tx, STORE_READ, "store.collection_list", e);
	struct lite_list l = { .a = a, .size = sizeof(**out) };

	if (t == NULL || lite_leave(t, collection_list(t, a, &l, e)) < 0)
		return -1;
	*out = (struct store_collection *)(void *)l.p;
	*n = l.n;
	return 0;
}

static int
collection_put(struct lite_tx *t, const struct store_collection *in,
	       struct err *e)
{
	/* Not REPLACE: a name that another collection has is a conflict. */
	static const char sql[] =
	    "INSERT INTO collection (account_id, collection_id, name, display,"
	    " aliases, kinds, policy, read_only, no_brake, members)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
	    " ON CONFLICT (account_id, collection_id) DO UPDATE SET"
	    " name = excluded.name, display = excluded.display,"
	    " aliases = excluded.aliases, kinds = excluded.kinds,"
	    " policy = excluded.policy, read_only = excluded.read_only,"
	    " no_brake = excluded.no_brake,"
	    " members = excluded.members";
	struct lite_q q;
	char room[STORE_MEMBERS_ROOM];
	struct slice members;

	if (store_members_put(in, room, &members, "store.collection_put", e) <
	    0)
		return -1;
	if (lite_query(t, &q, sql, "store.collection_put", e) < 0)
		return -1;
	lite_int(&q, in->id);
	lite_text(&q, in->name);
	lite_text(&q, in->display);
	lite_text(&q, in->aliases);
	lite_int(&q, in->kinds);
	lite_int(&q, (int64_t)in->policy);
	lite_int(&q, in->read_only);
	lite_int(&q, in->no_brake);
	lite_text(&q, members);
	return lite_once(&q, e);
}

int
lite_collection_put(struct store_tx *tx, const struct store_collection *in,
		    struct err *e)
{
	struct lite_tx *t =
	    lite_enter(tx, STORE_WRITE, "store.collection_put", e);

	return t == NULL ? -1 : lite_leave(t, collection_put(t, in, e));
}

/* ---- dropping ---------------------------------------------------------- */

/* One id out of the account for (account, id); 0 when there is none. */
static int
one_id(struct lite_tx *t, const char *sql, int64_t id, int64_t *out,
       struct err *e)
{
	struct lite_q q;
	int rc;

	if (lite_query(t, &q, sql, "store.collection_drop", e) < 0)
		return -1;
	lite_int(&q, id);
	rc = lite_step(&q, e);
	*out = rc == 1 ? lite_col(&q, 0) : 0;
	lite_end(&q);
	return rc < 0 ? -1 : 0;
}

static int
may_drop(struct lite_tx *t, int64_t id, struct err *e)
{
	static const char live[] =
	    "SELECT item_id FROM item INDEXED BY item_change"
	    " WHERE account_id = ?1 AND collection_id = ?2 AND deleted = 0"
	    " LIMIT 1";
	static const char shown[] =
	    "SELECT collection_id FROM collection"
	    " WHERE account_id = ?1 AND collection_id <> ?2"
	    " AND ' ' || members || ' ' LIKE '% ' || ?2 || ' %' LIMIT 1";
	int64_t found;

	if (one_id(t, live, id, &found, e) < 0)
		return -1;
	if (found != 0)
		return err_set(e, ERR_CONFLICT, "store.collection_drop",
			       "the collection still holds items");
	if (one_id(t, shown, id, &found, e) < 0)
		return -1;
	if (found != 0)
		return err_set(e, ERR_CONFLICT, "store.collection_drop",
			       "a combined collection shows it");
	return 0;
}

/* The tombstones go, with their history, and the rows that point at them. */
static int
drop_tombstones(struct lite_tx *t, int64_t id, struct err *e)
{
	static const char next[] =
	    "SELECT item_id FROM item INDEXED BY item_change"
	    " WHERE account_id = ?1 AND collection_id = ?2 LIMIT 1";
	static const char maps[] =
	    "DELETE FROM map WHERE account_id = ?1 AND item_id = ?2"
	    " AND link_id = ?3 AND gen = ?4";
	struct lite_gen *g = NULL;
	struct lite_q q;
	struct arena *a = arena_new(1000000);
	int64_t item = 0;
	size_t n = 0;
	int rc;

	if (a == NULL)
		return lite_nomem("store.collection_drop", e);
	rc = lite_map_gens(t, a, &g, &n, e);
	while (rc == 0 && (rc = one_id(t, next, id, &item, e)) == 0 &&
	       item != 0) {
		for (size_t i = 0; rc == 0 && i < n; i++) {
			rc =
			    lite_query(t, &q, maps, "store.collection_drop", e);
			if (rc < 0)
				break;
			lite_int(&q, item);
			lite_int(&q, g[i].link);
			lite_int(&q, g[i].gen);
			rc = lite_once(&q, e);
		}
		if (rc == 0)
			rc = lite_item_remove(t, item, e);
	}
	arena_free(&a);
	return rc;
}

static int
collection_drop(struct lite_tx *t, int64_t id, struct err *e)
{
	static const char *const sql[] = {
		("DELETE FROM map WHERE account_id = ?1 AND link_id IN"
		 " (SELECT link_id FROM link"
		 "  WHERE account_id = ?1 AND collection_id = ?2)"),
		("DELETE FROM chunk WHERE account_id = ?1 AND link_id IN"
		 " (SELECT link_id FROM link"
		 "  WHERE account_id = ?1 AND collection_id = ?2)"),
		("DELETE FROM link"
		 " WHERE account_id = ?1 AND collection_id = ?2"),
		("DELETE FROM collection"
		 " WHERE account_id = ?1 AND collection_id = ?2"),
	};
	struct lite_q q;

	if (may_drop(t, id, e) < 0 || drop_tombstones(t, id, e) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]); i++) {
		if (lite_query(t, &q, sql[i], "store.collection_drop", e) < 0)
			return -1;
		lite_int(&q, id);
		if (lite_once(&q, e) < 0)
			return -1;
	}
	return 0;
}

int
lite_collection_drop(struct store_tx *tx, int64_t id, struct err *e)
{
	struct lite_tx *t =
	    lite_enter(tx, STORE_WRITE, "store.collection_drop", e);

	return t == NULL ? -1 : lite_leave(t, collection_drop(t, id, e));
}
