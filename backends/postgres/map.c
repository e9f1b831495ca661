/*
 * The map: what each device holds of each item, and under which LUID.
 */
#include "backends/postgres/pg.h"

#include "backends/pack.h"

#include <stdlib.h>

/* ---- reading ------------------------------------------------------------- */

/*
 * "OFFSET 0" is a fence: each value is looked up by itself. Without it
 * PostgreSQL may take all rows of the link once and compare them with each
 * value, where it believes them to be few. "+ 0" keeps it from the primary
 * key where map_luid is meant.
 */
#define EACH " CROSS JOIN LATERAL (SELECT * FROM map v WHERE v.account_id = $1"
#define EACH_END " OFFSET 0) m WHERE" PG_FEW

/* Columns PG_MAP_COLS from `col` on. */
int
pg_map_read(struct pg_q *q, struct arena *a, int col, struct store_map *m,
	    struct err *e)
{
	*m = (struct store_map){
		.link = pg_col(q, col),
		.gen = pg_col(q, col + 1),
		.item = pg_col(q, col + 2),
		.luid = pg_col_bytes(q, a, col + 3),
		.state = (enum store_map_state)pg_col(q, col + 4),
		.held = pg_col(q, col + 5),
		.held_form = pg_col_u64(q, col + 6),
		.reason = (int)pg_col(q, col + 8),
		.touched = pg_col(q, col + 9),
	};
	return store_offers_get(pg_col_view(q, col + 7), m, q->where, e);
}

static int
read_all(struct pg_q *q, struct arena *a, struct store_map **out, size_t *n,
	 struct err *e)
{
	struct store_map *m;
	int rc = 0;

	if (pg_run(q, e) < 0)
		return -1;
	*n = pg_rows(q);
	*out = m = pg_room(q, a, sizeof(**out));
	for (; rc == 0 && pg_next(q); m++)
		rc = pg_map_read(q, a, 0, m, e);
	return pg_end(q, rc == 0 ? e : NULL) < 0 ? -1 : rc;
}

int
pg_map_by_luid(struct store_tx *tx, struct arena *a, int64_t link,
	       const struct slice *luid, size_t n, struct store_map **out,
	       size_t *out_n, struct err *e)
{
	static const char sql[] =
	    "SELECT " PG_MAP_COLS
	    " FROM unnest($3::bytea[]) WITH ORDINALITY AS u(luid, at)" EACH
	    " AND v.luid = u.luid AND v.luid IS NOT NULL"
	    " AND v.link_id + 0 = $2" EACH_END " ORDER BY u.at, m.gen";
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.map_by_luid", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	*out = NULL;
	*out_n = 0;
	if (n == 0)
		return 0;
	pg_query(t, &q, sql, "store.map_by_luid");
	pg_int(&q, link);
	pg_array(&q, PG_BYTES);
	for (size_t i = 0; i < n; i++)
		pg_add_bytes(&q, luid[i]);
	pg_array_end(&q);
	return pg_leave(t, read_all(&q, a, out, out_n, e));
}

int
pg_map_by_item(struct store_tx *tx, struct arena *a, int64_t link, int64_t gen,
	       const int64_t *item, size_t n, struct store_map **out,
	       size_t *out_n, struct err *e)
{
	static const char sql[] =
	    "SELECT " PG_MAP_COLS
	    " FROM unnest($4::bigint[]) WITH ORDINALITY AS u(item_id, at)" EACH
	    " AND v.link_id = $2 AND v.gen = $3 AND v.item_id = "
	    "u.item_id" EACH_END " ORDER BY u.at";
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.map_by_item", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	*out = NULL;
	*out_n = 0;
	if (n == 0)
		return 0;
	pg_query(t, &q, sql, "store.map_by_item");
	pg_int(&q, link);
	pg_int(&q, gen);
	pg_ints(&q, item, n);
	return pg_leave(t, read_all(&q, a, out, out_n, e));
}

/* Without doubt the partial index has all that wants attention; with it the
   whole generation is read once, page by page. */
int
pg_map_pending(struct store_tx *tx, struct arena *a,
	       const struct store_pending *ask, struct store_map **out,
	       size_t *n, struct err *e)
{
#define PENDING(which)                                                         \
	"SELECT " PG_MAP_COLS " FROM map m WHERE m.account_id = $1"            \
	" AND m.link_id = $2 AND m.gen = $3 AND m.item_id > $4"                \
	" AND m.touched <> $5 AND " which " ORDER BY m.item_id LIMIT $6"
	static const char sure[] = PENDING("m.pending = 1");
	static const char doubt[] =
	    PENDING("(m.pending = 1 OR m.touched >= $7)");
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.map_pending", e);
	bool none = ask->doubt_from == INT64_MAX;
	struct pg_q q;

	if (t == NULL)
		return -1;
	pg_query(t, &q, none ? sure : doubt, "store.map_pending");
	pg_int(&q, ask->link);
	pg_int(&q, ask->gen);
	pg_int(&q, ask->after);
	pg_int(&q, ask->this_sync);
	pg_int(&q, pg_limit(ask->limit));
	if (!none)
		pg_int(&q, ask->doubt_from);
	return pg_leave(t, read_all(&q, a, out, n, e));
}

int
pg_map_count(struct store_tx *tx, int64_t link, int64_t gen, int64_t *n,
	     struct err *e)
{
	static const char sql[] =
	    "SELECT count(*) FROM map WHERE account_id = $1 AND link_id = $2"
	    " AND gen = $3 AND state = $4";
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.map_count", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	pg_query(t, &q, sql, "store.map_count");
	pg_int(&q, link);
	pg_int(&q, gen);
	pg_int(&q, STORE_MAP_LIVE);
	if (pg_run(&q, e) < 0)
		return pg_leave(t, -1);
	*n = pg_next(&q) ? pg_col(&q, 0) : 0;
	return pg_leave(t, pg_end(&q, e));
}

/* ---- writing ------------------------------------------------------------- */

/*
 * A batch in order, where a row drops those before it that have its item or
 * its LUID in the same generation. What it comes to is worked out here:
 * `live` rows stay; those that are the last of their item and still not live
 * are `gone`.
 */
struct place {
	const struct store_map *m;
	bool live, gone;
};

struct order {
	struct place *p;
	struct place **by; /* sorted */
};

static int
by_gen(const struct place *x, const struct place *y)
{
	if (x->m->link != y->m->link)
		return x->m->link < y->m->link ? -1 : 1;
	if (x->m->gen != y->m->gen)
		return x->m->gen < y->m->gen ? -1 : 1;
	return 0;
}

static int
same_item(const struct place *x, const struct place *y)
{
	int d = by_gen(x, y);

	if (d != 0 || x->m->item == y->m->item)
		return d;
	return x->m->item < y->m->item ? -1 : 1;
}

static int
same_luid(const struct place *x, const struct place *y)
{
	int d = by_gen(x, y);

	return d != 0 ? d : slice_cmp(x->m->luid, y->m->luid);
}

static int
in_order(const struct place *x, const struct place *y)
{
	return x->m < y->m ? -1 : x->m > y->m;
}

static int
sort_item(const void *a, const void *b)
{
	const struct place *x = *(struct place *const *)a;
	const struct place *y = *(struct place *const *)b;
	int d = same_item(x, y);

	return d != 0 ? d : in_order(x, y);
}

static int
sort_luid(const void *a, const void *b)
{
	const struct place *x = *(struct place *const *)a;
	const struct place *y = *(struct place *const *)b;
	int d = same_luid(x, y);

	return d != 0 ? d : in_order(x, y);
}

static void
settle(struct order *o, size_t n)
{
	struct place *p;

	qsort(o->by, n, sizeof(struct place *), sort_item);
	for (size_t i = 0; i < n; i++)
		o->by[i]->live =
		    i + 1 == n || same_item(o->by[i], o->by[i + 1]) != 0;
	qsort(o->by, n, sizeof(struct place *), sort_luid);
	for (size_t i = 0; i + 1 < n; i++) {
		p = o->by[i];
		if (p->m->luid.n == 0 || same_luid(p, o->by[i + 1]) != 0)
			continue;
		p->gone = p->live;
		p->live = false;
	}
}

/* Rows of the batch that a statement is about. */
enum rows { ROWS_LUID, ROWS_GONE, ROWS_LIVE };

static bool
among(const struct place *p, enum rows r)
{
	switch (r) {
	case ROWS_LUID:
		return p->m->luid.n > 0;
	case ROWS_GONE:
		return p->gone;
	default:
		return p->live;
	}
}

enum col {
	LINK,
	GEN,
	ITEM,
	STATE,
	HELD,
	FORM,
	REASON,
	TOUCHED,
	PENDING_,
	COLS
};

static int64_t
map_col(const struct store_map *m, enum col c)
{
	switch (c) {
	case LINK:
		return m->link;
	case GEN:
		return m->gen;
	case ITEM:
		return m->item;
	case STATE:
		return (int64_t)m->state;
	case HELD:
		return m->held;
	case FORM:
		return (int64_t)m->held_form;
	case REASON:
		return m->reason;
	case TOUCHED:
		return m->touched;
	default:
		return m->offer_n > 0 || (m->state != STORE_MAP_LIVE &&
					  m->state != STORE_MAP_GONE);
	}
}

static void
bind_cols(struct pg_q *q, const struct order *o, size_t n, enum rows r,
	  enum col upto)
{
	for (enum col c = LINK; c <= upto; c++) {
		pg_array(q, PG_INTS);
		for (size_t i = 0; i < n; i++) {
			if (among(&o->p[i], r))
				pg_add_int(q, map_col(o->p[i].m, c));
		}
		pg_array_end(q);
	}
}

static void
bind_luids(struct pg_q *q, const struct order *o, size_t n, enum rows r)
{
	pg_array(q, PG_BYTES);
	for (size_t i = 0; i < n; i++) {
		if (!among(&o->p[i], r))
			continue;
		if (o->p[i].m->luid.n == 0)
			pg_add_null(q);
		else
			pg_add_bytes(q, o->p[i].m->luid);
	}
	pg_array_end(q);
}

static void
bind_offers(struct pg_q *q, const struct order *o, size_t n)
{
	char room[STORE_OFFERS_ROOM];

	pg_array(q, PG_BYTES);
	for (size_t i = 0; i < n; i++) {
		const struct store_map *m = o->p[i].m;

		if (!among(&o->p[i], ROWS_LIVE))
			continue;
		if (m->offer_n == 0)
			pg_add_null(q);
		else
			pg_add_bytes(q, store_offers_put(m, room));
	}
	pg_array_end(q);
}

struct put {
	struct pg_q moved, gone, live;
};

static void
send_moved(struct pg_q *q, struct pg_tx *t, const struct order *o, size_t n)
{
	static const char sql[] =
	    "WITH w AS MATERIALIZED (SELECT m.place FROM"
	    " unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[])"
	    " WITH ORDINALITY AS u(link_id, gen, item_id, luid, at)"
	    " CROSS JOIN LATERAL (SELECT v.ctid AS place FROM map v"
	    "  WHERE v.account_id = $1 AND v.luid = u.luid"
	    "  AND v.luid IS NOT NULL AND v.link_id + 0 = u.link_id"
	    "  AND v.gen + 0 = u.gen AND v.item_id + 0 <> u.item_id"
	    "  OFFSET 0) m WHERE" PG_FEW ")"
	    " DELETE FROM map d USING w WHERE " PG_PLACE("w");

	pg_query(t, q, sql, "store.map_put");
	bind_cols(q, o, n, ROWS_LUID, ITEM);
	bind_luids(q, o, n, ROWS_LUID);
	pg_send(q);
}

static void
send_gone(struct pg_q *q, struct pg_tx *t, const struct order *o, size_t n)
{
	static const char sql[] =
	    "WITH w AS MATERIALIZED (SELECT m.place FROM"
	    " unnest($2::bigint[], $3::bigint[], $4::bigint[])"
	    " WITH ORDINALITY AS u(link_id, gen, item_id, at)"
	    " CROSS JOIN LATERAL (SELECT v.ctid AS place FROM map v"
	    "  WHERE v.account_id = $1 AND v.link_id = u.link_id"
	    "  AND v.gen = u.gen AND v.item_id = u.item_id OFFSET 0) m"
	    " WHERE" PG_FEW ") DELETE FROM map d USING w WHERE " PG_PLACE("w");

	pg_query(t, q, sql, "store.map_put");
	bind_cols(q, o, n, ROWS_GONE, ITEM);
	pg_send(q);
}

static void
send_live(struct pg_q *q, struct pg_tx *t, const struct order *o, size_t n)
{
	static const char sql[] =
	    "INSERT INTO map (account_id, link_id, gen, item_id, luid, state,"
	    " held, held_form, offers, reason, touched, pending)"
	    " SELECT $1, u.link_id, u.gen, u.item_id, u.luid, u.state, u.held,"
	    " u.held_form, u.offers, u.reason, u.touched, u.pending"
	    " FROM unnest($2::bigint[], $3::bigint[], $4::bigint[],"
	    " $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],"
	    " $9::bigint[], $10::bigint[], $11::bytea[], $12::bytea[])"
	    " AS u(link_id, gen, item_id, state, held, held_form, reason,"
	    " touched, pending, luid, offers)"
	    " ON CONFLICT (account_id, link_id, gen, item_id) DO UPDATE SET"
	    " luid = excluded.luid, state = excluded.state,"
	    " held = excluded.held, held_form = excluded.held_form,"
	    " offers = excluded.offers, reason = excluded.reason,"
	    " touched = excluded.touched, pending = excluded.pending";

	pg_query(t, q, sql, "store.map_put");
	bind_cols(q, o, n, ROWS_LIVE, PENDING_);
	bind_luids(q, o, n, ROWS_LIVE);
	bind_offers(q, o, n);
	pg_send(q);
}

static int
put_order(struct pg_tx *t, const struct order *o, size_t n, struct err *e)
{
	struct put q = { 0 };
	bool luids = false;
	bool gone = false;

	for (size_t i = 0; i < n; i++) {
		if (o->p[i].m->offer_n > STORE_OFFERS_MAX)
			return err_set(e, ERR_BUG, "store.map_put",
				       "%zu offers", o->p[i].m->offer_n);
		luids = luids || among(&o->p[i], ROWS_LUID);
		gone = gone || among(&o->p[i], ROWS_GONE);
	}
	if (luids)
		send_moved(&q.moved, t, o, n);
	if (gone)
		send_gone(&q.gone, t, o, n);
	send_live(&q.live, t, o, n);
	if (pg_sync(t->c, e) < 0)
		return -1;
	(void)pg_end(&q.moved, NULL);
	(void)pg_end(&q.gone, NULL);
	return pg_end(&q.live, e);
}

static int
map_put(struct pg_tx *t, const struct store_map *m, size_t n, struct err *e)
{
	struct order o = { calloc(n, sizeof(*o.p)),
			   calloc(n, sizeof(struct place *)) };
	int rc;

	if (o.p == NULL || o.by == NULL) {
		rc = pg_nomem("store.map_put", e);
	} else {
		for (size_t i = 0; i < n; i++) {
			o.p[i].m = &m[i];
			o.by[i] = &o.p[i];
		}
		settle(&o, n);
		rc = put_order(t, &o, n, e);
	}
	free(o.p);
	free(o.by);
	return rc;
}

int
pg_map_put(struct store_tx *tx, const struct store_map *m, size_t n,
	   struct err *e)
{
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.map_put", e);

	if (t == NULL)
		return -1;
	return n == 0 ? 0 : pg_leave(t, map_put(t, m, n, e));
}

int
pg_map_drop(struct store_tx *tx, int64_t link, int64_t gen, const int64_t *item,
	    size_t n, struct err *e)
{
	static const char sql[] =
	    "WITH w AS MATERIALIZED (SELECT m.place"
	    " FROM unnest($4::bigint[]) WITH ORDINALITY AS u(item_id, at)"
	    " CROSS JOIN LATERAL (SELECT v.ctid AS place FROM map v"
	    "  WHERE v.account_id = $1 AND v.link_id = $2 AND v.gen = $3"
	    "  AND v.item_id = u.item_id OFFSET 0) m"
	    " WHERE" PG_FEW ") DELETE FROM map d USING w WHERE " PG_PLACE("w");
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.map_drop", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	if (n == 0)
		return 0;
	pg_query(t, &q, sql, "store.map_drop");
	pg_int(&q, link);
	pg_int(&q, gen);
	pg_ints(&q, item, n);
	return pg_leave(t, pg_once(&q, e));
}

/* Generations between those that stay: ranges of the key, so that the rows
   that stay are not even read. */
int
pg_map_drop_others(struct store_tx *tx, int64_t link, int64_t keep,
		   int64_t keep2, struct err *e)
{
	static const char sql[] =
	    "DELETE FROM map WHERE account_id = $1 AND link_id = $2"
	    " AND gen > $3 AND gen < $4";
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.map_drop_others", e);
	const int64_t edge[] = { INT64_MIN, keep < keep2 ? keep : keep2,
				 keep < keep2 ? keep2 : keep, INT64_MAX };
	struct pg_q q[3];

	if (t == NULL)
		return -1;
	for (size_t i = 0; i < 3; i++) {
		pg_query(t, &q[i], sql, "store.map_drop_others");
		pg_int(&q[i], link);
		pg_int(&q[i], edge[i]);
		pg_int(&q[i], edge[i + 1]);
		pg_send(&q[i]);
	}
	if (pg_sync(t->c, e) < 0)
		return pg_leave(t, -1);
	for (size_t i = 0; i < 3; i++)
		(void)pg_end(&q[i], NULL);
	return 0;
}
