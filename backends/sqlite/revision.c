/*
 * Reading history.
 */
#include "backends/sqlite/lite.h"

#define COLS                                                                   \
	"item_id, revision, deleted, side, h_content, origin, device_id,"      \
	" session_id, change_no, at_ms"
enum { COLS_N = 10 };

static void
revision_read(struct lite_q *q, struct lite_list *l)
{
	struct store_revision *r = lite_list_add(l);

	if (r == NULL) {
		q->nomem = true;
		return;
	}
	*r = (struct store_revision){
		.item = lite_col(q, 0),
		.revision = lite_col(q, 1),
		.deleted = lite_col_bool(q, 2),
		.side = lite_col_bool(q, 3),
		.h_content = lite_col_u64(q, 4),
		.origin = (enum store_origin)lite_col(q, 5),
		.device = lite_col(q, 6),
		.session = lite_col(q, 7),
		.change_no = lite_col(q, 8),
		.at_ms = lite_col(q, 9),
		.body = SLICE_LIT(""),
	};
	if (sqlite3_column_count(q->st) > COLS_N)
		r->body = lite_col_bytes(q, l->a, COLS_N);
}

/* At most one row for the bindings made; rewinds. */
static int
one_row(struct lite_q *q, struct lite_list *l, struct err *e)
{
	int rc = lite_step(q, e);

	if (rc == 1) {
		revision_read(q, l);
		rc = lite_good(q, e);
	}
	lite_rewind(q);
	return rc;
}

static int
revision_get(struct lite_tx *t, const struct store_rev_key *k, size_t n,
	     struct lite_list *l, struct err *e)
{
	static const char sql[] =
	    "SELECT " COLS ", body FROM revision WHERE account_id = ?1"
	    " AND item_id = ?2 AND revision = ?3";
	struct lite_q q;
	int rc = 0;

	if (lite_query(t, &q, sql, "store.revision_get", e) < 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		lite_int(&q, k[i].item);
		lite_int(&q, k[i].revision);
		rc = one_row(&q, l, e);
	}
	lite_end(&q);
	return rc;
}

int
lite_revision_get(struct store_tx *tx, struct arena *a,
		  const struct store_rev_key *k, size_t n,
		  struct store_revision **out, size_t *out_n, struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.revision_get", e);
	struct lite_list l = { .a = a, .size = sizeof(**out) };

	if (t == NULL || lite_leave(t, revision_get(t, k, n, &l, e)) < 0)
		return -1;
	*out = (struct store_revision *)(void *)l.p;
	*out_n = l.n;
	return 0;
}

static int
revision_list(struct lite_tx *t, int64_t item, bool bodies, struct lite_list *l,
	      struct err *e)
{
	static const char heads[] =
	    "SELECT " COLS " FROM revision WHERE account_id = ?1"
	    " AND item_id = ?2 ORDER BY revision DESC";
	static const char whole[] =
	    "SELECT " COLS ", body FROM revision WHERE account_id = ?1"
	    " AND item_id = ?2 ORDER BY revision DESC";
	struct lite_q q;
	int rc;

	if (lite_query(t, &q, bodies ? whole : heads, "store.revision_list",
		       e) < 0)
		return -1;
	lite_int(&q, item);
	while ((rc = lite_step(&q, e)) == 1)
		revision_read(&q, l);
	lite_end(&q);
	return rc;
}

int
lite_revision_list(struct store_tx *tx, struct arena *a, int64_t item,
		   bool bodies, struct store_revision **out, size_t *n,
		   struct err *e)
{
	struct lite_tx *t =
	    lite_enter(tx, STORE_READ, "store.revision_list", e);
	struct lite_list l = { .a = a, .size = sizeof(**out) };

	if (t == NULL ||
	    lite_leave(t, revision_list(t, item, bodies, &l, e)) < 0)
		return -1;
	*out = (struct store_revision *)(void *)l.p;
	*n = l.n;
	return 0;
}

static int
revision_match(struct lite_tx *t, const int64_t *item,
	       const uint64_t *h_content, size_t n, struct lite_list *l,
	       struct err *e)
{
	static const char sql[] =
	    "SELECT " COLS " FROM revision WHERE account_id = ?1"
	    " AND item_id = ?2 AND h_content = ?3 AND deleted = 0"
	    " ORDER BY revision DESC LIMIT 1";
	struct lite_q q;
	int rc = 0;

	if (lite_query(t, &q, sql, "store.revision_match", e) < 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		lite_int(&q, item[i]);
		lite_int(&q, (int64_t)h_content[i]);
		rc = one_row(&q, l, e);
	}
	lite_end(&q);
	return rc;
}

int
lite_revision_match(struct store_tx *tx, struct arena *a, const int64_t *item,
		    const uint64_t *h_content, size_t n,
		    struct store_revision **out, size_t *out_n, struct err *e)
{
	struct lite_tx *t =
	    lite_enter(tx, STORE_READ, "store.revision_match", e);
	struct lite_list l = { .a = a, .size = sizeof(**out) };

	if (t == NULL ||
	    lite_leave(t, revision_match(t, item, h_content, n, &l, e)) < 0)
		return -1;
	*out = (struct store_revision *)(void *)l.p;
	*out_n = l.n;
	return 0;
}
