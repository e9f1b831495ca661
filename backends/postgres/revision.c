/*
 * Reading history.
 */
#include "backends/postgres/pg.h"

#define COLS                                                                   \
	"r.item_id, r.revision, r.deleted, r.side, r.h_content, r.origin,"     \
	" r.device_id, r.session_id, r.change_no, r.at_ms"
enum { COLS_N = 10 };

static int
read_all(struct pg_q *q, struct arena *a, bool bodies,
	 struct store_revision **out, size_t *n, struct err *e)
{
	struct store_revision *r;

	if (pg_run(q, e) < 0)
		return -1;
	*n = pg_rows(q);
	*out = r = pg_room(q, a, sizeof(**out));
	for (; pg_next(q); r++)
		*r = (struct store_revision){
			.item = pg_col(q, 0),
			.revision = pg_col(q, 1),
			.deleted = pg_col_bool(q, 2),
			.side = pg_col_bool(q, 3),
			.h_content = pg_col_u64(q, 4),
			.origin = (enum store_origin)pg_col(q, 5),
			.device = pg_col(q, 6),
			.session = pg_col(q, 7),
			.change_no = pg_col(q, 8),
			.at_ms = pg_col(q, 9),
			.body =
			    bodies ? pg_col_bytes(q, a, COLS_N) : SLICE_LIT(""),
		};
	return pg_end(q, e);
}

int
pg_revision_get(struct store_tx *tx, struct arena *a,
		const struct store_rev_key *k, size_t n,
		struct store_revision **out, size_t *out_n, struct err *e)
{
	static const char sql[] =
	    "SELECT " COLS ", r.body"
	    " FROM unnest($2::bigint[], $3::bigint[]) WITH ORDINALITY"
	    " AS u(item_id, revision, at) JOIN revision r"
	    " ON r.account_id = $1 AND r.item_id = u.item_id"
	    " AND r.revision = u.revision WHERE" PG_FEW " ORDER BY u.at";
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.revision_get", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	*out = NULL;
	*out_n = 0;
	if (n == 0)
		return 0;
	pg_query(t, &q, sql, "store.revision_get");
	pg_array(&q, PG_INTS);
	for (size_t i = 0; i < n; i++)
		pg_add_int(&q, k[i].item);
	pg_array_end(&q);
	pg_array(&q, PG_INTS);
	for (size_t i = 0; i < n; i++)
		pg_add_int(&q, k[i].revision);
	pg_array_end(&q);
	return pg_leave(t, read_all(&q, a, true, out, out_n, e));
}

int
pg_revision_list(struct store_tx *tx, struct arena *a, int64_t item,
		 bool bodies, struct store_revision **out, size_t *n,
		 struct err *e)
{
#define LIST(cols)                                                             \
	"SELECT " cols " FROM revision r WHERE r.account_id = $1"              \
	" AND r.item_id = $2 ORDER BY r.revision DESC"
	static const char heads[] = LIST(COLS);
	static const char whole[] = LIST(COLS ", r.body");
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.revision_list", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	pg_query(t, &q, bodies ? whole : heads, "store.revision_list");
	pg_int(&q, item);
	return pg_leave(t, read_all(&q, a, bodies, out, n, e));
}

int
pg_revision_match(struct store_tx *tx, struct arena *a, const int64_t *item,
		  const uint64_t *h_content, size_t n,
		  struct store_revision **out, size_t *out_n, struct err *e)
{
	static const char sql[] =
	    "SELECT " COLS " FROM unnest($2::bigint[], $3::bigint[])"
	    " WITH ORDINALITY AS u(item_id, h_content, at)"
	    " CROSS JOIN LATERAL (SELECT * FROM revision v"
	    "  WHERE v.account_id = $1 AND v.item_id = u.item_id"
	    "  AND v.h_content = u.h_content AND v.deleted = 0"
	    "  ORDER BY v.revision DESC LIMIT 1) r"
	    " WHERE" PG_FEW " ORDER BY u.at";
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.revision_match", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	*out = NULL;
	*out_n = 0;
	if (n == 0)
		return 0;
	pg_query(t, &q, sql, "store.revision_match");
	pg_ints(&q, item, n);
	pg_array(&q, PG_INTS);
	for (size_t i = 0; i < n; i++)
		pg_add_int(&q, (int64_t)h_content[i]);
	pg_array_end(&q);
	return pg_leave(t, read_all(&q, a, false, out, out_n, e));
}
