/*
 * Reading items: by id, by page, by hash.
 */
#include "backends/postgres/pg.h"

/* Columns PG_HEAD_COLS, and behind them the body where q has it. */
void
pg_head_read(struct pg_q *q, struct arena *a, struct store_item *out)
{
	*out = (struct store_item){
		.id = pg_col(q, 0),
		.collection = pg_col(q, 1),
		.kind = (unsigned)pg_col(q, 2),
		.revision = pg_col(q, 3),
		.last_revision = pg_col(q, 4),
		.change_no = pg_col(q, 5),
		.deleted = pg_col_bool(q, 6),
		.uid = pg_col_bytes(q, a, 7),
		.h_uid = pg_col_u64(q, 8),
		.h_content = pg_col_u64(q, 9),
		.h_identity = pg_col_u64(q, 10),
		.size = pg_col(q, 11),
		.created_ms = pg_col(q, 12),
		.modified_ms = pg_col(q, 13),
		.span = {
			.set = !pg_col_null(q, 14),
			.from_ms = pg_col(q, 14),
			.to_ms = pg_col(q, 15),
		},
		.body = SLICE_LIT(""),
	};
}

/* Send, and read every row as a head; `bodies`: one more column. */
int
pg_heads(struct pg_q *q, struct arena *a, bool bodies, struct store_item **out,
	 size_t *n, struct err *e)
{
	struct store_item *one;

	if (pg_run(q, e) < 0)
		return -1;
	*n = pg_rows(q);
	*out = one = pg_room(q, a, sizeof(**out));
	for (; pg_next(q); one++) {
		pg_head_read(q, a, one);
		if (bodies)
			one->body = pg_col_bytes(q, a, PG_HEAD_N);
	}
	return pg_end(q, e);
}

#define BODY                                                                   \
	" JOIN revision r ON r.account_id = $1 AND r.item_id = i.item_id"      \
	" AND r.revision = i.revision"

int
pg_item_get(struct store_tx *tx, struct arena *a, const int64_t *id, size_t n,
	    bool bodies, struct store_item **out, size_t *out_n, struct err *e)
{
#define GET(cols, body)                                                        \
	"SELECT " cols " FROM unnest($2::bigint[]) WITH ORDINALITY"            \
	" AS u(item_id, at) CROSS JOIN LATERAL (SELECT * FROM item v"          \
	" WHERE v.account_id = $1 AND v.item_id = u.item_id OFFSET 0) i" body  \
	" WHERE" PG_FEW " ORDER BY u.at"
	static const char heads[] = GET(PG_HEAD_COLS, "");
	static const char whole[] = GET(PG_HEAD_COLS ", r.body", BODY);
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.item_get", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	*out = NULL;
	*out_n = 0;
	if (n == 0)
		return 0;
	pg_query(t, &q, bodies ? whole : heads, "store.item_get");
	pg_ints(&q, id, n);
	return pg_leave(t, pg_heads(&q, a, bodies, out, out_n, e));
}

/* "+ 0" keeps PostgreSQL from reading the whole collection by an index that
   starts with it, to sort it then. */
int
pg_item_page(struct store_tx *tx, struct arena *a, int64_t collection,
	     int64_t after, size_t limit, bool deleted_too, bool bodies,
	     struct store_item **out, size_t *n, struct err *e)
{
#define PAGE(cols, body)                                                       \
	"SELECT " cols " FROM item i" body " WHERE i.account_id = $1"          \
	" AND i.item_id > $2 AND i.collection_id + 0 = $3"                     \
	" AND i.deleted <= $4 ORDER BY i.item_id LIMIT $5"
	static const char heads[] = PAGE(PG_HEAD_COLS, "");
	static const char whole[] = PAGE(PG_HEAD_COLS ", r.body", BODY);
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.item_page", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	pg_query(t, &q, bodies ? whole : heads, "store.item_page");
	pg_int(&q, after);
	pg_int(&q, collection);
	pg_int(&q, deleted_too);
	pg_int(&q, pg_limit(limit));
	return pg_leave(t, pg_heads(&q, a, bodies, out, n, e));
}

/* ---- candidates ---------------------------------------------------------- */

static void
bind_likeness(struct pg_q *q, const struct store_likeness *ask)
{
	pg_ints(q, ask->collection, ask->collection_n);
	pg_array(q, PG_INTS);
	for (size_t i = 0; i < ask->hash_n; i++) {
		if (ask->hash[i] != 0)
			pg_add_int(q, (int64_t)ask->hash[i]);
	}
	pg_array_end(q);
	pg_int(q, pg_limit(ask->per_hash));
	pg_int(q, ask->link);
	pg_int(q, ask->gen);
}

/*
 * For each hash the smallest ids over all the collections: so many of each
 * collection are read at most, and each item is looked at once.
 */
static const char SQL_MATCH[] =
    "SELECT i.item_id, i.collection_id, i.revision, i.kind, i.h_uid,"
    " i.h_content, i.h_identity, i.size, i.last_revision,"
    " (SELECT 1 FROM map m WHERE m.account_id = $1"
    "  AND m.link_id = $5 AND m.gen = $6 AND m.item_id = i.item_id)"
    " FROM (SELECT f.item_id, min(u.at) AS at"
    "  FROM unnest($3::bigint[]) WITH ORDINALITY AS u(hash, at)"
    "  CROSS JOIN LATERAL (SELECT p.item_id"
    "   FROM unnest($2::bigint[]) AS c(collection_id)"
    "   CROSS JOIN LATERAL (SELECT h.item_id FROM item_hash h"
    "    WHERE h.account_id = $1 AND h.collection_id = c.collection_id"
    "    AND h.hash = u.hash AND (SELECT m.luid IS NOT NULL FROM map m"
    "     WHERE m.account_id = $1 AND m.link_id = $5 AND m.gen = $6"
    "     AND m.item_id = h.item_id) IS NOT TRUE"
    "    ORDER BY h.item_id LIMIT $4) p"
    "   ORDER BY p.item_id LIMIT $4) f WHERE" PG_FEW "  GROUP BY f.item_id) o"
    " CROSS JOIN LATERAL (SELECT * FROM item v WHERE v.account_id = $1"
    "  AND v.item_id = o.item_id OFFSET 0) i ORDER BY o.at, i.item_id";

int
pg_item_match(struct store_tx *tx, struct arena *a,
	      const struct store_likeness *ask, struct store_candidate **out,
	      size_t *n, struct err *e)
{
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.item_match", e);
	struct store_candidate *c;
	struct pg_q q;

	if (t == NULL)
		return -1;
	*out = NULL;
	*n = 0;
	if (ask->hash_n == 0)
		return 0;
	pg_query(t, &q, SQL_MATCH, "store.item_match");
	bind_likeness(&q, ask);
	if (pg_run(&q, e) < 0)
		return pg_leave(t, -1);
	*n = pg_rows(&q);
	*out = c = pg_room(&q, a, sizeof(**out));
	for (; pg_next(&q); c++)
		*c = (struct store_candidate){
			.item = pg_col(&q, 0),
			.collection = pg_col(&q, 1),
			.revision = pg_col(&q, 2),
			.kind = (unsigned)pg_col(&q, 3),
			.h_uid = pg_col_u64(&q, 4),
			.h_content = pg_col_u64(&q, 5),
			.h_identity = pg_col_u64(&q, 6),
			.size = pg_col(&q, 7),
			.last_revision = pg_col(&q, 8),
			.mapped = pg_col_bool(&q, 9),
		};
	return pg_leave(t, pg_end(&q, e));
}
