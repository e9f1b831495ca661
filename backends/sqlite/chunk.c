/*
 * Large objects, half received or half sent: rows of bounded size, so that
 * reading a part of ten megabytes does not read all of them.
 */
#include "backends/sqlite/lite.h"

enum { PIECE_BYTES = 65536 };

#define KEY " WHERE account_id = ?1 AND link_id = ?2 AND dir = ?3"

static void
bind_key(struct lite_q *q, const struct store_chunk_key *k)
{
	lite_int(q, k->link);
	lite_text(q, (struct slice){ &k->dir, 1 });
}

static int
total(struct lite_tx *t, const struct store_chunk_key *k, int64_t *out,
      struct err *e)
{
	static const char sql[] =
	    "SELECT start_byte + length(bytes) FROM chunk" KEY
	    " ORDER BY start_byte DESC LIMIT 1";
	struct lite_q q;
	int rc;

	if (lite_query(t, &q, sql, "store.chunk", e) < 0)
		return -1;
	bind_key(&q, k);
	rc = lite_step(&q, e);
	*out = rc == 1 ? lite_col(&q, 0) : 0;
	lite_end(&q);
	return rc < 0 ? -1 : 0;
}

static int
chunk_add(struct lite_tx *t, const struct store_chunk_key *k,
	  struct slice bytes, struct err *e)
{
	static const char sql[] =
	    "INSERT INTO chunk (account_id, link_id, dir, start_byte, at_ms,"
	    " bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
	struct lite_q q;
	int64_t start;
	int rc = 0;

	if (total(t, k, &start, e) < 0 ||
	    lite_query(t, &q, sql, "store.chunk_add", e) < 0)
		return -1;
	while (rc == 0 && bytes.n > 0) {
		struct slice piece = slice_sub(bytes, 0, PIECE_BYTES);

		bind_key(&q, k);
		lite_int(&q, start);
		lite_int(&q, t->tx.now_ms);
		lite_blob(&q, piece);
		rc = lite_run(&q, e);
		start += (int64_t)piece.n;
		bytes = slice_from(bytes, piece.n);
	}
	lite_end(&q);
	return rc;
}

int
lite_chunk_add(struct store_tx *tx, struct store_chunk_key k,
	       struct slice bytes, struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, "store.chunk_add", e);

	return t == NULL ? -1 : lite_leave(t, chunk_add(t, &k, bytes, e));
}

/* Bytes [from, from + n) of the object; they exist. */
static int
copy_range(struct lite_tx *t, const struct store_chunk_key *k, int64_t from,
	   char *out, size_t n, struct err *e)
{
	/* The piece that holds `from` begins at most one piece before it. */
	static const char sql[] =
	    "SELECT start_byte, bytes FROM chunk" KEY
	    " AND start_byte > ?4 AND start_byte < ?5 ORDER BY start_byte";
	int64_t end = from + (int64_t)n;
	size_t done = 0;
	struct lite_q q;
	int rc;

	if (lite_query(t, &q, sql, "store.chunk_read", e) < 0)
		return -1;
	bind_key(&q, k);
	lite_int(&q, from - PIECE_BYTES);
	lite_int(&q, end);
	while ((rc = lite_step(&q, e)) == 1) {
		struct slice s = {
			sqlite3_column_blob(q.st, 1),
			(size_t)sqlite3_column_bytes(q.st, 1),
		};
		int64_t start = lite_col(&q, 0);

		if (s.p == NULL || start > from + (int64_t)done)
			break; /* no memory, or a hole */
		s = slice_from(s, (size_t)(from + (int64_t)done - start));
		s = slice_sub(s, 0, n - done);
		memcpy(out + done, s.p, s.n);
		done += s.n;
	}
	lite_end(&q);
	if (rc < 0)
		return -1;
	if (done != n)
		return err_set(e, rc == 1 ? ERR_NOMEM : ERR_BUG,
			       "store.chunk_read", "%zu of %zu bytes", done, n);
	return 0;
}

static int
chunk_read(struct lite_tx *t, struct arena *a, const struct store_chunk_key *k,
	   int64_t offset, size_t n, struct slice *out, struct err *e)
{
	int64_t all;
	char *p;

	*out = SLICE_LIT("");
	if (total(t, k, &all, e) < 0)
		return -1;
	if (offset < 0 || offset >= all || n == 0)
		return 0;
	if (n > (uint64_t)(all - offset))
		n = (size_t)(all - offset);
	p = arena_alloc(a, n);
	if (p == NULL)
		return lite_nomem("store.chunk_read", e);
	if (copy_range(t, k, offset, p, n, e) < 0)
		return -1;
	*out = (struct slice){ p, n };
	return 0;
}

int
lite_chunk_read(struct store_tx *tx, struct arena *a, struct store_chunk_key k,
		int64_t offset, size_t n, struct slice *out, struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.chunk_read", e);

	return t == NULL
		   ? -1
		   : lite_leave(t, chunk_read(t, a, &k, offset, n, out, e));
}

int
lite_chunk_join(struct store_tx *tx, struct arena *a, struct store_chunk_key k,
		struct slice *out, struct err *e)
{
	return lite_chunk_read(tx, a, k, 0, SIZE_MAX, out, e);
}

int
lite_chunk_drop(struct store_tx *tx, struct store_chunk_key k, struct err *e)
{
	static const char sql[] = "DELETE FROM chunk" KEY;
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, "store.chunk_drop", e);
	struct lite_q q;

	if (t == NULL)
		return -1;
	if (lite_query(t, &q, sql, "store.chunk_drop", e) < 0)
		return lite_leave(t, -1);
	bind_key(&q, &k);
	return lite_leave(t, lite_once(&q, e));
}
