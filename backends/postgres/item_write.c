/*
 * Writing items: head, look-up hashes, revision, history and usage.
 *
 * A batch is sorted by item first. What the writes of one item come to (the
 * last head, the highest revision) is worked out here, so that each kind of
 * change is one statement for all items, and all of them are one round trip.
 * Whether the caller's picture of the old heads was right is seen in what the
 * statements return; where it was not, the transaction can only be rolled
 * back.
 */
#include "backends/postgres/pg.h"

#include <stdlib.h>

static const char WHERE[] = "store.item_put";

/* What the writes of one item, in their order, come to. */
struct one {
	const struct store_write *first;      /* of any kind */
	const struct store_write *first_head; /* NULL: side ones only */
	const struct store_write *head;       /* the last one */
	int64_t last_revision;
};

struct aged { /* a revision that nobody sees from now on */
	int64_t item;
	int64_t revision;
};

struct batch {
	const struct store_write **w; /* by item, then in order */
	size_t n;
	struct one *one;
	size_t one_n;
	struct aged *aged;
	size_t aged_n;
	struct store_alarm_next *next; /* rows that may change */
	size_t next_n;
};

/* ---- what a batch comes to ------------------------------------------------
 */

static int
by_item(const void *x, const void *y)
{
	const struct store_write *a = *(const struct store_write *const *)x;
	const struct store_write *b = *(const struct store_write *const *)y;

	if (a->item != b->item)
		return a->item < b->item ? -1 : 1;
	return a < b ? -1 : a > b;
}

static int64_t
size_of(const struct store_write *w)
{
	return w->deleted ? 0 : (int64_t)w->body.n;
}

static int
stale(const struct store_write *w, struct err *e)
{
	return err_set(e, ERR_CONFLICT, WHERE,
		       "item %lld has revision %lld already",
		       (long long)w->item, (long long)w->revision);
}

/* The caller's picture of the head must be the head: a store that does not
   see it would count usage wrongly. */
static int
agree(const struct store_write *w, bool deleted, int64_t size, struct err *e)
{
	if (w->was_deleted == deleted && w->old_size == size)
		return 0;
	return err_set(e, ERR_BUG, WHERE,
		       "item %lld: the caller says %lld bytes%s, the head has "
		       "%lld bytes%s",
		       (long long)w->item, (long long)w->old_size,
		       w->was_deleted ? " (deleted)" : "", (long long)size,
		       deleted ? " (deleted)" : "");
}

static void
age(struct batch *b, const struct store_write *w)
{
	b->aged[b->aged_n++] = (struct aged){ w->item, w->revision };
}

/* One more write of the item of *o. */
static int
add(struct batch *b, struct one *o, const struct store_write *w, struct err *e)
{
	if (w->create && (w->side || w != o->first))
		return err_set(e, w->side ? ERR_BUG : ERR_CONFLICT, WHERE,
			       "item %lld: the first revision is its head",
			       (long long)w->item);
	if (w != o->first && w->revision <= o->last_revision)
		return stale(w, e);
	o->last_revision = w->revision;
	if (w->side) {
		age(b, w);
		return 0;
	}
	if (o->head == NULL) {
		o->first_head = w;
	} else {
		if (agree(w, o->head->deleted, size_of(o->head), e) < 0)
			return -1;
		age(b, o->head);
	}
	o->head = w;
	return 0;
}

/* What is due next of an item, where its row may be another one now. */
static void
due(struct batch *b, const struct one *o)
{
	const struct store_write *w = o->head;
	int64_t at = INT64_MAX;

	if (w == NULL || (!w->deleted && w->due.what == STORE_DUE_KEEP))
		return;
	if (!w->deleted && w->due.what == STORE_DUE_AT)
		at = w->due.at_ms;
	if (at == INT64_MAX && o->first->create)
		return;
	b->next[b->next_n++] =
	    (struct store_alarm_next){ .item = w->item, .due_ms = at };
}

static int
fold(struct batch *b, struct err *e)
{
	struct one *o = NULL;

	for (size_t i = 0; i < b->n; i++) {
		if (o == NULL || b->w[i]->item != o->first->item) {
			o = &b->one[b->one_n++];
			*o = (struct one){ .first = b->w[i] };
		}
		if (add(b, o, b->w[i], e) < 0)
			return -1;
	}
	for (size_t i = 0; i < b->one_n; i++) {
		o = &b->one[i];
		if (o->head != NULL && o->head->deleted)
			age(b, o->head);
		due(b, o);
	}
	return 0;
}

static void
batch_free(struct batch *b)
{
	free(b->w);
	free(b->one);
	free(b->aged);
	free(b->next);
}

static int
batch_new(struct batch *b, const struct store_write *w, size_t n, struct err *e)
{
	*b = (struct batch){ .n = n };
	b->w = calloc(n, sizeof(struct store_write *));
	b->one = calloc(n, sizeof(*b->one));
	/* Each write ages itself or the one before it, and a last one
	   itself. */
	b->aged = calloc(n * 2, sizeof(*b->aged));
	b->next = calloc(n, sizeof(*b->next));
	if (b->w == NULL || b->one == NULL || b->aged == NULL ||
	    b->next == NULL) {
		(void)pg_nomem(WHERE, e);
		return -1;
	}
	for (size_t i = 0; i < n; i++)
		b->w[i] = &w[i];
	qsort(b->w, n, sizeof(struct store_write *), by_item);
	return fold(b, e);
}

/* ---- parameters ------------------------------------------------------------
 */

enum set { CREATED, CHANGED, SIDE_ONLY };

static bool
among(const struct one *o, enum set s)
{
	if (o->head == NULL)
		return s == SIDE_ONLY;
	return s == (o->first->create ? CREATED : CHANGED);
}

/* The head's columns as they are bound, after the item's id and before its
   uid. */
enum col {
	COL_COLLECTION,
	COL_KIND,
	COL_REVISION,
	COL_LAST,
	COL_DELETED,
	COL_H_UID,
	COL_H_CONTENT,
	COL_H_IDENTITY,
	COL_SIZE,
	COL_N,
};

static int64_t
head_col(const struct one *o, enum col c)
{
	const struct store_write *w = o->head;

	switch (c) {
	case COL_COLLECTION:
		return w->collection;
	case COL_KIND:
		return w->kind;
	case COL_REVISION:
		return w->revision;
	case COL_LAST:
		return o->last_revision;
	case COL_DELETED:
		return w->deleted;
	case COL_H_UID:
		return (int64_t)w->h_uid;
	case COL_H_CONTENT:
		return w->deleted ? 0 : (int64_t)w->h_content;
	case COL_H_IDENTITY:
		return w->deleted ? 0 : (int64_t)w->h_identity;
	case COL_SIZE:
		return size_of(w);
	case COL_N:
		break;
	}
	return 0;
}

static void
bind_items(struct pg_q *q, const struct batch *b, enum set s)
{
	pg_array(q, PG_INTS);
	for (size_t i = 0; i < b->one_n; i++) {
		if (among(&b->one[i], s))
			pg_add_int(q, b->one[i].first->item);
	}
	pg_array_end(q);
}

static void
bind_edge(struct pg_q *q, const struct batch *b, enum set s, bool end)
{
	pg_array(q, PG_INTS);
	for (size_t i = 0; i < b->one_n; i++) {
		const struct store_write *w = b->one[i].head;

		if (!among(&b->one[i], s))
			continue;
		if (w->deleted || !w->span.set)
			pg_add_null(q);
		else
			pg_add_int(q, end ? w->span.to_ms : w->span.from_ms);
	}
	pg_array_end(q);
}

/* $2 the change number, $3 the time, then HEAD's columns as arrays. */
#define HEAD                                                                   \
	"unnest($4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],"       \
	" $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[],"           \
	" $12::bigint[], $13::bigint[], $14::bytea[], $15::bigint[],"          \
	" $16::bigint[]) WITH ORDINALITY AS u(item_id, collection_id, kind,"   \
	" revision, last, deleted, h_uid, h_content, h_identity, size, uid,"   \
	" span_from, span_to, at) WHERE" PG_FEW

static void
bind_heads(struct pg_q *q, const struct pg_tx *t, const struct batch *b,
	   enum set s)
{
	pg_int(q, t->tx.change_no);
	pg_int(q, t->tx.now_ms);
	bind_items(q, b, s);
	for (enum col c = 0; c < COL_N; c++) {
		pg_array(q, PG_INTS);
		for (size_t i = 0; i < b->one_n; i++) {
			if (among(&b->one[i], s))
				pg_add_int(q, head_col(&b->one[i], c));
		}
		pg_array_end(q);
	}
	pg_array(q, PG_BYTES);
	for (size_t i = 0; i < b->one_n; i++) {
		if (among(&b->one[i], s))
			pg_add_bytes(q, b->one[i].head->uid);
	}
	pg_array_end(q);
	bind_edge(q, b, s, false);
	bind_edge(q, b, s, true);
}

/* ---- statements ------------------------------------------------------------
 */

/* The rows of an item's hashes; two that are equal are one row. */
#define HASHES                                                                 \
	" CROSS JOIN LATERAL"                                                  \
	" (VALUES (w.h_uid), (w.h_content), (w.h_identity)) x(hash)"           \
	" WHERE w.deleted = 0 AND x.hash <> 0"

static void
send_created(struct pg_q *q, struct pg_tx *t, const struct batch *b)
{
	static const char sql[] =
	    "WITH w AS MATERIALIZED (SELECT * FROM " HEAD "), i AS ("
	    "INSERT INTO item (account_id, item_id, collection_id, kind,"
	    " revision, last_revision, change_no, deleted, uid, h_uid,"
	    " h_content, h_identity, size, created_ms, modified_ms, span_from,"
	    " span_to) SELECT $1, w.item_id, w.collection_id, w.kind,"
	    " w.revision, w.last, $2, w.deleted, w.uid, w.h_uid, w.h_content,"
	    " w.h_identity, w.size, $3, $3, w.span_from, w.span_to FROM w)"
	    "INSERT INTO item_hash (account_id, collection_id, hash, item_id)"
	    " SELECT $1, w.collection_id, x.hash, w.item_id FROM w" HASHES
	    " ON CONFLICT DO NOTHING";

	pg_query(t, q, sql, WHERE);
	bind_heads(q, t, b, CREATED);
	pg_send(q);
}

/* The old heads of w's items, beside the new ones. OFFSET 0: see map.c. */
#define OLD                                                                    \
	" old AS MATERIALIZED (SELECT w.*, i.collection_id AS o_collection,"   \
	" i.revision AS o_revision, i.last_revision AS o_last,"                \
	" i.deleted AS o_deleted, i.h_uid AS o_h_uid,"                         \
	" i.h_content AS o_h_content, i.h_identity AS o_h_identity,"           \
	" i.size AS o_size, i.modified_ms AS o_modified FROM w"                \
	" CROSS JOIN LATERAL (SELECT * FROM item v WHERE v.account_id = $1"    \
	" AND v.item_id = w.item_id OFFSET 0) i)"
#define OLD_SEEN                                                               \
	" SELECT item_id, o_last, o_deleted, o_size FROM old ORDER BY item_id"

/*
 * All parts see the heads as they were before. The replaced revision becomes
 * history; a replaced tombstone counts from now on, not from when it was
 * written. Only the hashes that changed are touched. The heads are all there:
 * INSERT finds them by the key and by nothing else, as UPDATE might not.
 */
static void
send_changed(struct pg_q *q, struct pg_tx *t, const struct batch *b)
{
	static const char sql[] =
	    "WITH w AS MATERIALIZED (SELECT * FROM " HEAD ")," OLD
	    ", head AS (INSERT INTO item AS i (account_id, item_id,"
	    " collection_id, kind, revision, last_revision, change_no, deleted,"
	    " uid, h_uid, h_content, h_identity, size, created_ms, modified_ms,"
	    " span_from, span_to) SELECT $1, w.item_id, w.collection_id,"
	    " w.kind, w.revision, w.last, $2, w.deleted, w.uid, w.h_uid,"
	    " w.h_content, w.h_identity, w.size, 0, $3, w.span_from, w.span_to"
	    " FROM old w ON CONFLICT (account_id, item_id) DO UPDATE SET"
	    " collection_id = excluded.collection_id, kind = excluded.kind,"
	    " revision = excluded.revision,"
	    " last_revision = excluded.last_revision,"
	    " change_no = excluded.change_no, deleted = excluded.deleted,"
	    " uid = excluded.uid, h_uid = excluded.h_uid,"
	    " h_content = excluded.h_content,"
	    " h_identity = excluded.h_identity, size = excluded.size,"
	    " modified_ms = excluded.modified_ms,"
	    " span_from = excluded.span_from, span_to = excluded.span_to),"
	    " dead AS MATERIALIZED (SELECT h.place FROM old w"
	    " CROSS JOIN LATERAL (VALUES (w.o_h_uid), (w.o_h_content),"
	    " (w.o_h_identity)) x(hash) CROSS JOIN LATERAL"
	    " (SELECT v.ctid AS place FROM item_hash v"
	    "  WHERE v.account_id = $1 AND v.collection_id = w.o_collection"
	    "  AND v.hash = x.hash AND v.item_id = w.item_id OFFSET 0) h"
	    " WHERE w.o_deleted = 0 AND NOT (w.deleted = 0"
	    " AND w.collection_id = w.o_collection"
	    " AND x.hash IN (w.h_uid, w.h_content, w.h_identity))),"
	    " gone AS (DELETE FROM item_hash d USING dead"
	    " WHERE " PG_PLACE(
		"dead") "),"
			" hash AS (INSERT INTO item_hash"
			" (account_id, collection_id, hash, item_id)"
			" SELECT $1, w.collection_id, x.hash, w.item_id FROM "
			"old w" HASHES " ON CONFLICT DO NOTHING),"
			" told AS MATERIALIZED (SELECT y.place FROM old w"
			" CROSS JOIN LATERAL (SELECT v.ctid AS place FROM "
			"history v"
			"  WHERE v.account_id = $1 AND v.at_ms = w.o_modified"
			"  AND v.item_id = w.item_id AND v.revision = "
			"w.o_revision"
			"  OFFSET 0) y WHERE w.o_deleted = 1 AND w.o_modified "
			"<> $3),"
			" anew AS (DELETE FROM history d USING told"
			" WHERE " PG_PLACE(
			    "told") "),"
				    " aged AS (INSERT INTO history"
				    " (account_id, at_ms, item_id, revision)"
				    " SELECT $1, $3, w.item_id, w.o_revision "
				    "FROM old w"
				    " ON CONFLICT DO NOTHING)" OLD_SEEN;

	pg_query(t, q, sql, WHERE);
	bind_heads(q, t, b, CHANGED);
	pg_send(q);
}

static void
send_side_only(struct pg_q *q, struct pg_tx *t, const struct batch *b)
{
	static const char sql[] =
	    "WITH w AS MATERIALIZED (SELECT * FROM"
	    " unnest($2::bigint[], $3::bigint[]) WITH ORDINALITY"
	    " AS u(item_id, last, at) WHERE" PG_FEW ")," OLD
	    ", head AS (INSERT INTO item AS i (account_id, item_id,"
	    " collection_id, kind, revision, last_revision, change_no, deleted,"
	    " uid, h_uid, h_content, h_identity, size, created_ms, modified_ms)"
	    " SELECT $1, w.item_id, 0, 0, 0, w.last, 0, 0, '', 0, 0, 0, 0, 0, 0"
	    " FROM old w ON CONFLICT (account_id, item_id) DO UPDATE SET"
	    " last_revision = excluded.last_revision)" OLD_SEEN;

	pg_query(t, q, sql, WHERE);
	bind_items(q, b, SIDE_ONLY);
	pg_array(q, PG_INTS);
	for (size_t i = 0; i < b->one_n; i++) {
		if (among(&b->one[i], SIDE_ONLY))
			pg_add_int(q, b->one[i].last_revision);
	}
	pg_array_end(q);
	pg_send(q);
}

static int64_t
revision_col(const struct store_write *w, int c)
{
	switch (c) {
	case 0:
		return w->item;
	case 1:
		return w->revision;
	case 2:
		return w->deleted;
	case 3:
		return w->side;
	case 4:
		return w->deleted ? 0 : (int64_t)w->h_content;
	case 5:
		return (int64_t)w->origin;
	case 6:
		return w->device;
	default:
		return w->session;
	}
}

static void
send_revisions(struct pg_q *q, struct pg_tx *t, const struct batch *b)
{
	static const char sql[] =
	    "INSERT INTO revision (account_id, item_id, revision, deleted,"
	    " side, h_content, origin, device_id, session_id, change_no, at_ms,"
	    " body) SELECT $1, u.item_id, u.revision, u.deleted, u.side,"
	    " u.h_content, u.origin, u.device_id, u.session_id, $2, $3, u.body"
	    " FROM unnest($4::bigint[], $5::bigint[], $6::bigint[],"
	    " $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[],"
	    " $11::bigint[], $12::bytea[]) AS u(item_id, revision, deleted,"
	    " side, h_content, origin, device_id, session_id, body)";

	pg_query(t, q, sql, WHERE);
	pg_int(q, t->tx.change_no);
	pg_int(q, t->tx.now_ms);
	for (int c = 0; c < 8; c++) {
		pg_array(q, PG_INTS);
		for (size_t i = 0; i < b->n; i++)
			pg_add_int(q, revision_col(b->w[i], c));
		pg_array_end(q);
	}
	pg_array(q, PG_BYTES);
	for (size_t i = 0; i < b->n; i++)
		pg_add_bytes(q,
			     b->w[i]->deleted ? SLICE_LIT("") : b->w[i]->body);
	pg_array_end(q);
	pg_send(q);
}

static void
send_aged(struct pg_q *q, struct pg_tx *t, const struct batch *b)
{
	static const char sql[] =
	    "INSERT INTO history (account_id, at_ms, item_id, revision)"
	    " SELECT $1, $2, u.item_id, u.revision"
	    " FROM unnest($3::bigint[], $4::bigint[]) AS u(item_id, revision)"
	    " ON CONFLICT DO NOTHING";

	pg_query(t, q, sql, WHERE);
	pg_int(q, t->tx.now_ms);
	pg_array(q, PG_INTS);
	for (size_t i = 0; i < b->aged_n; i++)
		pg_add_int(q, b->aged[i].item);
	pg_array_end(q);
	pg_array(q, PG_INTS);
	for (size_t i = 0; i < b->aged_n; i++)
		pg_add_int(q, b->aged[i].revision);
	pg_array_end(q);
	pg_send(q);
}

/* ---- the whole
 * --------------------------------------------------------------- */

/* The old heads as they came back, by item, against what the caller said. */
static int
compare(struct pg_q *q, const struct batch *b, enum set s, struct err *e)
{
	bool there = pg_next(q);

	for (size_t i = 0; i < b->one_n; i++) {
		const struct one *o = &b->one[i];

		if (!among(o, s))
			continue;
		if (!there || pg_col(q, 0) != o->first->item)
			return err_set(e, ERR_BUG, WHERE,
				       "item %lld is not there",
				       (long long)o->first->item);
		if (o->first->revision <= pg_col(q, 1))
			return stale(o->first, e);
		if (o->first_head != NULL &&
		    agree(o->first_head, pg_col_bool(q, 2), pg_col(q, 3), e) <
			0)
			return -1;
		there = pg_next(q);
	}
	return 0;
}

static void
count(struct pg_tx *t, const struct batch *b)
{
	for (size_t i = 0; i < b->one_n; i++) {
		const struct one *o = &b->one[i];

		if (o->head == NULL)
			continue;
		if (!o->first->create && !o->first_head->was_deleted) {
			t->used.items -= 1;
			t->used.bytes -= o->first_head->old_size;
		}
		if (!o->head->deleted) {
			t->used.items += 1;
			t->used.bytes += size_of(o->head);
		}
	}
}

struct put {
	struct pg_q created, changed, side, revisions, aged, next[2];
};

static int
put(struct pg_tx *t, const struct batch *b, struct put *p, struct err *e)
{
	size_t n[3] = { 0 };
	int rc = 0;

	for (size_t i = 0; i < b->one_n; i++) {
		for (enum set s = CREATED; s <= SIDE_ONLY; s++)
			n[s] += among(&b->one[i], s);
	}
	if (n[CREATED] > 0)
		send_created(&p->created, t, b);
	if (n[CHANGED] > 0)
		send_changed(&p->changed, t, b);
	if (n[SIDE_ONLY] > 0)
		send_side_only(&p->side, t, b);
	send_revisions(&p->revisions, t, b);
	if (b->aged_n > 0)
		send_aged(&p->aged, t, b);
	if (b->next_n > 0)
		pg_next_send(t, p->next, b->next, b->next_n, false);
	if (pg_sync(t->c, e) < 0)
		return -1;
	if (n[CHANGED] > 0)
		rc = compare(&p->changed, b, CHANGED, e);
	if (rc == 0 && n[SIDE_ONLY] > 0)
		rc = compare(&p->side, b, SIDE_ONLY, e);
	(void)pg_end(&p->created, NULL);
	(void)pg_end(&p->changed, NULL);
	(void)pg_end(&p->side, NULL);
	(void)pg_end(&p->revisions, NULL);
	(void)pg_end(&p->aged, NULL);
	(void)pg_end(&p->next[0], NULL);
	(void)pg_end(&p->next[1], NULL);
	if (rc == 0)
		count(t, b);
	return rc;
}

int
pg_item_put_all(struct pg_tx *t, const struct store_write *w, size_t n,
		struct err *e)
{
	struct put p = { 0 };
	struct batch b;
	int rc;

	if (n == 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		t->wrote = t->wrote || !w[i].side;
	rc = batch_new(&b, w, n, e);
	if (rc == 0)
		rc = put(t, &b, &p, e);
	batch_free(&b);
	return rc;
}

int
pg_item_put(struct store_tx *tx, const struct store_write *w, size_t n,
	    struct err *e)
{
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, WHERE, e);

	if (t == NULL)
		return -1;
	return pg_leave(t, pg_item_put_all(t, w, n, e));
}
