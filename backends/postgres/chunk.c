/*
 * Large objects, half received or half sent: rows of bounded size, so that
 * reading a part of ten megabytes does not read all of them.
 */
#include "backends/postgres/pg.h"

enum { PIECE_BYTES = 65536 };

#define KEY " WHERE account_id = $1 AND link_id = $2 AND dir = $3"

static void
start_with_key(struct pg_tx *t, struct pg_q *q, const char *sql,
	       const char *where, const struct store_chunk_key *k)
{
	pg_query(t, q, sql, where);
	pg_int(q, k->link);
	pg_text(q, (struct slice){ &k->dir, 1 });
}

int
pg_chunk_add(struct store_tx *tx, struct store_chunk_key k, struct slice bytes,
	     struct err *e)
{
	static const char sql[] =
	    "INSERT INTO chunk (account_id, link_id, dir, start_byte, at_ms,"
	    " bytes) SELECT $1, $2, $3, coalesce("
	    "  (SELECT start_byte + length(bytes) FROM chunk" KEY
	    "   ORDER BY start_byte DESC LIMIT 1), 0)"
	    " + (p.no - 1) * 65536, $4, p.bytes"
	    " FROM unnest($5) WITH ORDINALITY AS p (bytes, no)";
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.chunk_add", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	if (bytes.n == 0)
		return 0;
	start_with_key(t, &q, sql, "store.chunk_add", &k);
	pg_int(&q, tx->now_ms);
	pg_array(&q, PG_BYTES);
	for (; bytes.n > 0; bytes = slice_from(bytes, PIECE_BYTES))
		pg_add_bytes(&q, slice_sub(bytes, 0, PIECE_BYTES));
	pg_array_end(&q);
	return pg_leave(t, pg_once(&q, e));
}

/* The pieces that came, from byte `from` on, put into one. */
static int
join(struct pg_q *q, struct arena *a, int64_t from, size_t n, struct slice *out,
     struct err *e)
{
	struct buf b = { .a = a, .max = 0 };

	while (pg_next(q) && b.n < n) {
		int64_t start = pg_col(q, 0);
		int64_t at = from + (int64_t)b.n;
		struct slice s = pg_col_view(q, 1);

		if (start > at)
			return err_set(e, ERR_BUG, q->where, "a hole at %lld",
				       (long long)at);
		s = slice_from(s, (size_t)(at - start));
		buf_add(&b, slice_sub(s, 0, n - b.n));
	}
	if (!buf_ok(&b))
		return pg_nomem(q->where, e);
	*out = buf_slice(&b);
	return 0;
}

static int
chunk_read(struct pg_tx *t, struct arena *a, const struct store_chunk_key *k,
	   int64_t from, size_t n, struct slice *out, struct err *e)
{
	static const char sql[] =
	    "SELECT start_byte, bytes FROM chunk" KEY
	    " AND start_byte > $4 AND start_byte < $5 ORDER BY start_byte";
	int64_t end = INT64_MAX;
	struct pg_q q;
	int rc;

	*out = SLICE_LIT("");
	if (from < 0 || n == 0)
		return 0;
	if (n < (uint64_t)(INT64_MAX - from))
		end = from + (int64_t)n;
	start_with_key(t, &q, sql, "store.chunk_read", k);
	pg_int(&q, from - PIECE_BYTES);
	pg_int(&q, end);
	if (pg_run(&q, e) < 0)
		return -1;
	rc = join(&q, a, from, n, out, e);
	(void)pg_end(&q, NULL);
	return rc;
}

int
pg_chunk_read(struct store_tx *tx, struct arena *a, struct store_chunk_key k,
	      int64_t offset, size_t n, struct slice *out, struct err *e)
{
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.chunk_read", e);

	return t == NULL ? -1
			 : pg_leave(t, chunk_read(t, a, &k, offset, n, out, e));
}

int
pg_chunk_join(struct store_tx *tx, struct arena *a, struct store_chunk_key k,
	      struct slice *out, struct err *e)
{
	return pg_chunk_read(tx, a, k, 0, SIZE_MAX, out, e);
}

int
pg_chunk_drop(struct store_tx *tx, struct store_chunk_key k, struct err *e)
{
	static const char sql[] = "DELETE FROM chunk" KEY;
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.chunk_drop", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	start_with_key(t, &q, sql, "store.chunk_drop", &k);
	return pg_leave(t, pg_once(&q, e));
}
