/*
 * Reading items: by id, by page, by hash.
 */
#include "backends/sqlite/lite.h"

#include <stdlib.h>

/* Columns LITE_HEAD_COLS, and behind them the body where q has it. */
void
lite_head_read(struct lite_q *q, struct arena *a, struct store_item *out)
{
	*out = (struct store_item){
		.id = lite_col(q, 0),
		.collection = lite_col(q, 1),
		.kind = (unsigned)lite_col(q, 2),
		.revision = lite_col(q, 3),
		.last_revision = lite_col(q, 4),
		.change_no = lite_col(q, 5),
		.deleted = lite_col_bool(q, 6),
		.uid = lite_col_bytes(q, a, 7),
		.h_uid = lite_col_u64(q, 8),
		.h_content = lite_col_u64(q, 9),
		.h_identity = lite_col_u64(q, 10),
		.size = lite_col(q, 11),
		.created_ms = lite_col(q, 12),
		.modified_ms = lite_col(q, 13),
		.span = {
			.set = sqlite3_column_type(q->st, 14) != SQLITE_NULL,
			.from_ms = lite_col(q, 14),
			.to_ms = lite_col(q, 15),
		},
		.body = SLICE_LIT(""),
	};
	if (sqlite3_column_count(q->st) > LITE_HEAD_N)
		out->body = lite_col_bytes(q, a, LITE_HEAD_N);
}

/* Heads, and heads with their current body. */
#define HEADS "SELECT " LITE_HEAD_COLS " FROM item i"
#define WHOLE                                                                  \
	"SELECT " LITE_HEAD_COLS ", r.body FROM item i CROSS JOIN revision r"  \
	" ON r.account_id = i.account_id AND r.item_id = i.item_id"            \
	" AND r.revision = i.revision"

static int
item_get(struct lite_tx *t, struct arena *a, const int64_t *id, size_t n,
	 bool bodies, struct lite_list *l, struct err *e)
{
	static const char heads[] =
	    HEADS " WHERE i.account_id = ?1 AND i.item_id = ?2";
	static const char whole[] =
	    WHOLE " WHERE i.account_id = ?1 AND i.item_id = ?2";
	struct store_item *one;
	struct lite_q q;
	int rc = 0;

	if (lite_query(t, &q, bodies ? whole : heads, "store.item_get", e) < 0)
		return -1;
	for (size_t i = 0; rc >= 0 && i < n; i++) {
		lite_int(&q, id[i]);
		rc = lite_step(&q, e);
		if (rc == 1) {
			one = lite_list_add(l);
			if (one == NULL)
				q.nomem = true;
			else
				lite_head_read(&q, a, one);
			rc = lite_good(&q, e);
		}
		lite_rewind(&q);
	}
	lite_end(&q);
	return rc < 0 ? -1 : 0;
}

int
lite_item_get(struct store_tx *tx, struct arena *a, const int64_t *id, size_t n,
	      bool bodies, struct store_item **out, size_t *out_n,
	      struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.item_get", e);
	struct lite_list l = { .a = a, .size = sizeof(**out) };

	if (t == NULL ||
	    lite_leave(t, item_get(t, a, id, n, bodies, &l, e)) < 0)
		return -1;
	*out = (struct store_item *)(void *)l.p;
	*out_n = l.n;
	return 0;
}

#define PAGE                                                                   \
	" WHERE i.account_id = ?1 AND i.item_id > ?2"                          \
	" AND i.collection_id = ?3 AND i.deleted <= ?4"                        \
	" ORDER BY i.item_id LIMIT ?5"

static int
item_page(struct lite_q *q, struct lite_list *l, struct err *e)
{
	struct store_item *one;
	int rc;

	while ((one = lite_row(q, l, &rc, e)) != NULL)
		lite_head_read(q, l->a, one);
	lite_end(q);
	return rc;
}

static int64_t
limit_of(size_t n)
{
	return n > INT32_MAX ? INT32_MAX : (int64_t)n;
}

int
lite_item_page(struct store_tx *tx, struct arena *a, int64_t collection,
	       int64_t after, size_t limit, bool deleted_too, bool bodies,
	       struct store_item **out, size_t *n, struct err *e)
{
	static const char heads[] = HEADS PAGE;
	static const char whole[] = WHOLE PAGE;
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.item_page", e);
	struct lite_list l = { .a = a, .size = sizeof(**out) };
	struct lite_q q;

	if (t == NULL)
		return -1;
	if (lite_query(t, &q, bodies ? whole : heads, "store.item_page", e) < 0)
		return lite_leave(t, -1);
	lite_int(&q, after);
	lite_int(&q, collection);
	lite_int(&q, deleted_too);
	lite_int(&q, limit_of(limit));
	if (lite_leave(t, item_page(&q, &l, e)) < 0)
		return -1;
	*out = (struct store_item *)(void *)l.p;
	*n = l.n;
	return 0;
}

/* ---- candidates ---------------------------------------------------------- */

/*
 * Ids found so far, each once: open addressing, since a message of thousands
 * of hashes may find thousands of items.
 */
struct seen {
	struct arena *a;
	int64_t *slot; /* 0: free; item ids start at 1 */
	size_t cap;    /* a power of 2 */
	int64_t *id;   /* in the order found */
	size_t n;
};

static size_t
place(const int64_t *slot, size_t cap, int64_t id)
{
	size_t i = (size_t)((uint64_t)id * 0x9E3779B97F4A7C15u >> 20);

	for (i &= cap - 1; slot[i] != 0 && slot[i] != id;)
		i = (i + 1) & (cap - 1);
	return i;
}

static bool
seen_grow(struct seen *s)
{
	size_t cap = s->cap == 0 ? 64 : s->cap * 2;
	int64_t *slot = ARENA_ARRAY(s->a, cap, int64_t);
	int64_t *id = ARENA_ARRAY(s->a, cap / 2, int64_t);

	if (slot == NULL || id == NULL)
		return false;
	for (size_t i = 0; i < s->n; i++) {
		id[i] = s->id[i];
		slot[place(slot, cap, id[i])] = id[i];
	}
	s->slot = slot;
	s->id = id;
	s->cap = cap;
	return true;
}

static bool
seen_add(struct seen *s, int64_t id)
{
	size_t i;

	if (s->n == s->cap / 2 && !seen_grow(s))
		return false;
	i = place(s->slot, s->cap, id);
	if (s->slot[i] == 0) {
		s->slot[i] = id;
		s->id[s->n++] = id;
	}
	return true;
}

struct match {
	struct lite_q ids;
	const struct store_likeness *ask;
	int64_t *buf; /* per_hash ids of each collection */
	struct seen seen;
};

static int
by_id(const void *x, const void *y)
{
	int64_t a = *(const int64_t *)x;
	int64_t b = *(const int64_t *)y;

	return a < b ? -1 : a > b;
}

/* The smallest ids with this hash, over all the collections. */
static int
match_hash(struct match *m, uint64_t hash, struct err *e)
{
	const struct store_likeness *ask = m->ask;
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < ask->collection_n; i++) {
		lite_int(&m->ids, ask->collection[i]);
		lite_int(&m->ids, (int64_t)hash);
		lite_int(&m->ids, (int64_t)ask->per_hash);
		lite_int(&m->ids, ask->link);
		lite_int(&m->ids, ask->gen);
		while ((rc = lite_step(&m->ids, e)) == 1)
			m->buf[n++] = lite_col(&m->ids, 0);
		lite_rewind(&m->ids);
	}
	if (rc < 0)
		return -1;
	if (ask->collection_n > 1 && n > 1)
		qsort(m->buf, n, sizeof(*m->buf), by_id);
	if (n > ask->per_hash)
		n = ask->per_hash;
	for (size_t i = 0; i < n; i++) {
		if (!seen_add(&m->seen, m->buf[i]))
			return lite_nomem("store.item_match", e);
	}
	return 0;
}

static int
candidates(struct lite_tx *t, const struct seen *s, int64_t link, int64_t gen,
	   struct store_candidate *c, size_t *n, struct err *e)
{
	static const char sql[] =
	    "SELECT i.collection_id, i.revision, i.kind, i.h_uid, i.h_content,"
	    " i.h_identity, i.size, i.last_revision,"
	    " EXISTS (SELECT 1 FROM map m"
	    "  WHERE m.account_id = ?1 AND m.link_id = ?3 AND m.gen = ?4"
	    "  AND m.item_id = ?2)"
	    " FROM item i WHERE i.account_id = ?1 AND i.item_id = ?2";
	struct lite_q q;
	int rc = 0;

	if (lite_query(t, &q, sql, "store.item_match", e) < 0)
		return -1;
	for (size_t i = 0; rc >= 0 && i < s->n; i++) {
		lite_int(&q, s->id[i]);
		lite_int(&q, link);
		lite_int(&q, gen);
		rc = lite_step(&q, e);
		if (rc == 1)
			c[(*n)++] = (struct store_candidate){
				.item = s->id[i],
				.collection = lite_col(&q, 0),
				.revision = lite_col(&q, 1),
				.kind = (unsigned)lite_col(&q, 2),
				.h_uid = lite_col_u64(&q, 3),
				.h_content = lite_col_u64(&q, 4),
				.h_identity = lite_col_u64(&q, 5),
				.size = lite_col(&q, 6),
				.last_revision = lite_col(&q, 7),
				.mapped = lite_col_bool(&q, 8),
			};
		lite_rewind(&q);
	}
	lite_end(&q);
	return rc < 0 ? -1 : 0;
}

static int
match_all(struct lite_tx *t, struct match *m, struct err *e)
{
	static const char sql[] =
	    "SELECT h.item_id FROM item_hash h WHERE h.account_id = ?1"
	    " AND h.collection_id = ?2 AND h.hash = ?3"
	    " AND NOT EXISTS (SELECT 1 FROM map m WHERE m.account_id = ?1"
	    "  AND m.link_id = ?5 AND m.gen = ?6 AND m.item_id = h.item_id"
	    "  AND m.luid IS NOT NULL) ORDER BY h.item_id LIMIT ?4";
	const struct store_likeness *ask = m->ask;
	int rc = 0;

	m->buf = ARENA_ARRAY(m->seen.a, ask->per_hash * ask->collection_n + 1,
			     int64_t);
	if (m->buf == NULL)
		return lite_nomem("store.item_match", e);
	if (lite_query(t, &m->ids, sql, "store.item_match", e) < 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < ask->hash_n; i++) {
		if (ask->hash[i] != 0)
			rc = match_hash(m, ask->hash[i], e);
	}
	lite_end(&m->ids);
	return rc;
}

int
lite_item_match(struct store_tx *tx, struct arena *a,
		const struct store_likeness *ask, struct store_candidate **out,
		size_t *n, struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.item_match", e);
	struct match m = { .ask = ask, .seen = { .a = a } };

	if (t == NULL)
		return -1;
	*out = NULL;
	*n = 0;
	if (match_all(t, &m, e) < 0)
		return lite_leave(t, -1);
	if (m.seen.n == 0)
		return 0;
	*out = ARENA_ARRAY(a, m.seen.n, struct store_candidate);
	if (*out == NULL)
		return lite_leave(t, lite_nomem("store.item_match", e));
	return lite_leave(
	    t, candidates(t, &m.seen, ask->link, ask->gen, *out, n, e));
}
