/*
 * Writing items: head, look-up hashes, revision, history and usage.
 */
#include "backends/sqlite/lite.h"

struct head { /* what the head's row says before the write */
	int64_t collection;
	int64_t revision, last_revision;
	bool deleted;
	uint64_t hash[3];
	int64_t size;
	int64_t modified_ms;
};

/* Statements of one batch, prepared as they are needed and bound again for
   each item. */
struct batch {
	struct lite_tx *t;
	struct lite_q create, hash, three, revision;
	struct err *e;
};

static const char WHERE[] = "store.item_put";

static int
ready(struct batch *b, struct lite_q *q, const char *sql)
{
	if (q->st != NULL)
		return 0;
	return lite_query(b->t, q, sql, WHERE, b->e);
}

/* ---- the parts --------------------------------------------------------- */

static int
hash_add(struct batch *b, int64_t collection, uint64_t hash, int64_t item)
{
	static const char sql[] = "INSERT OR IGNORE INTO item_hash"
				  " (account_id, collection_id, hash, item_id)"
				  " VALUES (?1, ?2, ?3, ?4)";

	if (hash == 0)
		return 0;
	if (ready(b, &b->hash, sql) < 0)
		return -1;
	lite_int(&b->hash, collection);
	lite_int(&b->hash, (int64_t)hash);
	lite_int(&b->hash, item);
	return lite_run(&b->hash, b->e);
}

/* All of a new item; mostly it has three, and one statement is cheaper. */
static int
hash_first(struct batch *b, const struct store_write *w)
{
	static const char sql[] =
	    "INSERT OR IGNORE INTO item_hash"
	    " (account_id, collection_id, item_id, hash)"
	    " VALUES (?1, ?2, ?3, ?4), (?1, ?2, ?3, ?5), (?1, ?2, ?3, ?6)";

	if (w->h_uid == 0 || w->h_content == 0 || w->h_identity == 0) {
		if (hash_add(b, w->collection, w->h_uid, w->item) < 0 ||
		    hash_add(b, w->collection, w->h_content, w->item) < 0)
			return -1;
		return hash_add(b, w->collection, w->h_identity, w->item);
	}
	if (ready(b, &b->three, sql) < 0)
		return -1;
	lite_int(&b->three, w->collection);
	lite_int(&b->three, w->item);
	lite_int(&b->three, (int64_t)w->h_uid);
	lite_int(&b->three, (int64_t)w->h_content);
	lite_int(&b->three, (int64_t)w->h_identity);
	return lite_run(&b->three, b->e);
}

static int
hash_drop(struct lite_tx *t, int64_t collection, uint64_t hash, int64_t item,
	  struct err *e)
{
	static const char sql[] =
	    "DELETE FROM item_hash WHERE account_id = ?1 AND collection_id = ?2"
	    " AND hash = ?3 AND item_id = ?4";
	struct lite_q q;

	if (hash == 0)
		return 0;
	if (lite_query(t, &q, sql, WHERE, e) < 0)
		return -1;
	lite_int(&q, collection);
	lite_int(&q, (int64_t)hash);
	lite_int(&q, item);
	return lite_once(&q, e);
}

static int
revision_add(struct batch *b, const struct store_write *w)
{
	static const char sql[] =
	    "INSERT INTO revision (account_id, item_id, revision, deleted,"
	    " side, h_content, origin, device_id, session_id, change_no,"
	    " at_ms, body)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
	struct lite_q *q = &b->revision;

	if (ready(b, q, sql) < 0)
		return -1;
	lite_int(q, w->item);
	lite_int(q, w->revision);
	lite_int(q, w->deleted);
	lite_int(q, w->side);
	lite_int(q, w->deleted ? 0 : (int64_t)w->h_content);
	lite_int(q, (int64_t)w->origin);
	lite_int(q, w->device);
	lite_int(q, w->session);
	lite_int(q, b->t->tx.change_no);
	lite_int(q, b->t->tx.now_ms);
	lite_blob(q, w->deleted ? SLICE_LIT("") : w->body);
	return lite_run(q, b->e);
}

static int
history_run(struct lite_tx *t, const char *sql, int64_t at_ms, int64_t item,
	    int64_t revision, struct err *e)
{
	struct lite_q q;

	if (lite_query(t, &q, sql, WHERE, e) < 0)
		return -1;
	lite_int(&q, at_ms);
	lite_int(&q, item);
	lite_int(&q, revision);
	return lite_once(&q, e);
}

/* From `at_ms` on nobody sees this revision: pruning counts from there. */
static int
history_add(struct lite_tx *t, int64_t at_ms, int64_t item, int64_t revision,
	    struct err *e)
{
	static const char sql[] =
	    "INSERT OR IGNORE INTO history"
	    " (account_id, at_ms, item_id, revision) VALUES (?1, ?2, ?3, ?4)";

	return history_run(t, sql, at_ms, item, revision, e);
}

static int
history_drop(struct lite_tx *t, int64_t at_ms, int64_t item, int64_t revision,
	     struct err *e)
{
	static const char sql[] =
	    "DELETE FROM history WHERE account_id = ?1 AND at_ms = ?2"
	    " AND item_id = ?3 AND revision = ?4";

	return history_run(t, sql, at_ms, item, revision, e);
}

static void
bind_head(struct lite_q *q, const struct lite_tx *t,
	  const struct store_write *w)
{
	lite_int(q, w->item);
	lite_int(q, w->collection);
	lite_int(q, w->kind);
	lite_int(q, w->revision);
	lite_int(q, t->tx.change_no);
	lite_int(q, w->deleted);
	lite_blob(q, w->uid);
	lite_int(q, (int64_t)w->h_uid);
	lite_int(q, w->deleted ? 0 : (int64_t)w->h_content);
	lite_int(q, w->deleted ? 0 : (int64_t)w->h_identity);
	lite_int(q, w->deleted ? 0 : (int64_t)w->body.n);
	lite_int(q, t->tx.now_ms);
	if (w->deleted || !w->span.set) {
		lite_null(q);
		lite_null(q);
		return;
	}
	lite_int(q, w->span.from_ms);
	lite_int(q, w->span.to_ms);
}

/* Its row of what is due next. */
static int
due(struct lite_tx *t, const struct store_write *w, struct err *e)
{
	struct store_alarm_next next = { .item = w->item, .due_ms = INT64_MAX };

	if (!w->deleted && w->due.what == STORE_DUE_KEEP)
		return 0;
	if (!w->deleted && w->due.what == STORE_DUE_AT)
		next.due_ms = w->due.at_ms;
	if (w->create && next.due_ms == INT64_MAX)
		return 0;
	return lite_next_put(t, &next, 1, false, e);
}

static void
count(struct lite_tx *t, const struct store_write *w)
{
	if (w->deleted)
		return;
	t->used.items += 1;
	t->used.bytes += (int64_t)w->body.n;
}

/* ---- create, update, side ---------------------------------------------- */

static int
create(struct batch *b, const struct store_write *w)
{
	static const char sql[] =
	    "INSERT INTO item (account_id, item_id, collection_id, kind,"
	    " revision, last_revision, change_no, deleted, uid, h_uid,"
	    " h_content, h_identity, size, created_ms, modified_ms,"
	    " span_from, span_to)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12,"
	    " ?13, ?13, ?14, ?15)";

	if (ready(b, &b->create, sql) < 0)
		return -1;
	bind_head(&b->create, b->t, w);
	if (lite_run(&b->create, b->e) < 0 || revision_add(b, w) < 0 ||
	    due(b->t, w, b->e) < 0)
		return -1;
	count(b->t, w);
	if (w->deleted)
		return history_add(b->t, b->t->tx.now_ms, w->item, w->revision,
				   b->e);
	return hash_first(b, w);
}

/* 1: read, 0: not there, -1: failed. */
static int
head_read(struct lite_tx *t, int64_t item, struct head *h, struct err *e)
{
	static const char sql[] =
	    "SELECT collection_id, revision, last_revision, deleted, h_uid,"
	    " h_content, h_identity, size, modified_ms FROM item"
	    " WHERE account_id = ?1 AND item_id = ?2";
	struct lite_q q;
	int rc;

	if (lite_query(t, &q, sql, WHERE, e) < 0)
		return -1;
	lite_int(&q, item);
	*h = (struct head){ 0 };
	rc = lite_step(&q, e);
	if (rc == 1)
		*h = (struct head){
			.collection = lite_col(&q, 0),
			.revision = lite_col(&q, 1),
			.last_revision = lite_col(&q, 2),
			.deleted = lite_col_bool(&q, 3),
			.hash = { lite_col_u64(&q, 4), lite_col_u64(&q, 5),
				  lite_col_u64(&q, 6) },
			.size = lite_col(&q, 7),
			.modified_ms = lite_col(&q, 8),
		};
	lite_end(&q);
	return rc;
}

static bool
among(uint64_t hash, const uint64_t set[static 3])
{
	return hash == set[0] || hash == set[1] || hash == set[2];
}

/* Only the hashes that changed are touched. */
static int
rehash(struct batch *b, const struct store_write *w, const struct head *h)
{
	const uint64_t fresh[3] = { w->h_uid, w->h_content, w->h_identity };
	bool stays = h->collection == w->collection && !w->deleted;
	bool was = h->collection == w->collection && !h->deleted;

	for (size_t i = 0; i < 3 && !h->deleted; i++) {
		if (stays && among(h->hash[i], fresh))
			continue;
		if (hash_drop(b->t, h->collection, h->hash[i], w->item, b->e) <
		    0)
			return -1;
	}
	for (size_t i = 0; i < 3 && !w->deleted; i++) {
		if (was && among(fresh[i], h->hash))
			continue;
		if (hash_add(b, w->collection, fresh[i], w->item) < 0)
			return -1;
	}
	return 0;
}

/* The replaced revision becomes history; so does a new tombstone. One that is
   replaced counts from now on, not from when it was written. */
static int
age(struct batch *b, const struct store_write *w, const struct head *h)
{
	int64_t now = b->t->tx.now_ms;

	if (h->deleted &&
	    history_drop(b->t, h->modified_ms, w->item, h->revision, b->e) < 0)
		return -1;
	if (history_add(b->t, now, w->item, h->revision, b->e) < 0)
		return -1;
	return w->deleted ? history_add(b->t, now, w->item, w->revision, b->e)
			  : 0;
}

/* The caller's picture of the head must be the head: a store that does not
   read it here would count usage wrongly. */
static int
agree(const struct store_write *w, const struct head *h, struct err *e)
{
	if (w->revision <= h->last_revision)
		return err_set(e, ERR_CONFLICT, WHERE,
			       "item %lld has revision %lld already",
			       (long long)w->item, (long long)h->last_revision);
	if (!w->side &&
	    (w->was_deleted != h->deleted || w->old_size != h->size))
		return err_set(e, ERR_BUG, WHERE,
			       "item %lld: the caller says %lld bytes%s, the "
			       "head has %lld bytes%s",
			       (long long)w->item, (long long)w->old_size,
			       w->was_deleted ? " (deleted)" : "",
			       (long long)h->size,
			       h->deleted ? " (deleted)" : "");
	return 0;
}

static int
update(struct batch *b, const struct store_write *w, const struct head *h)
{
	static const char sql[] =
	    "UPDATE item SET collection_id = ?3, kind = ?4, revision = ?5,"
	    " last_revision = ?5, change_no = ?6, deleted = ?7, uid = ?8,"
	    " h_uid = ?9, h_content = ?10, h_identity = ?11, size = ?12,"
	    " modified_ms = ?13, span_from = ?14, span_to = ?15 WHERE "
	    "account_id = ?1 AND item_id = ?2";
	struct lite_q q;

	if (lite_query(b->t, &q, sql, WHERE, b->e) < 0)
		return -1;
	bind_head(&q, b->t, w);
	if (lite_once(&q, b->e) < 0 || revision_add(b, w) < 0 ||
	    rehash(b, w, h) < 0 || age(b, w, h) < 0 || due(b->t, w, b->e) < 0)
		return -1;
	if (!h->deleted) {
		b->t->used.items -= 1;
		b->t->used.bytes -= h->size;
	}
	count(b->t, w);
	return 0;
}

static int
side(struct batch *b, const struct store_write *w)
{
	static const char sql[] = "UPDATE item SET last_revision = ?3"
				  " WHERE account_id = ?1 AND item_id = ?2";
	struct lite_q q;

	if (lite_query(b->t, &q, sql, WHERE, b->e) < 0)
		return -1;
	lite_int(&q, w->item);
	lite_int(&q, w->revision);
	if (lite_once(&q, b->e) < 0 || revision_add(b, w) < 0)
		return -1;
	return history_add(b->t, b->t->tx.now_ms, w->item, w->revision, b->e);
}

static int
put_one(struct batch *b, const struct store_write *w)
{
	struct head h;
	int rc;

	if (w->create && w->side)
		return err_set(b->e, ERR_BUG, WHERE,
			       "item %lld: the first revision is its head",
			       (long long)w->item);
	if (w->create)
		return create(b, w);
	rc = head_read(b->t, w->item, &h, b->e);
	if (rc == 0)
		rc = err_set(b->e, ERR_BUG, WHERE, "item %lld is not there",
			     (long long)w->item);
	if (rc < 0 || agree(w, &h, b->e) < 0)
		return -1;
	return w->side ? side(b, w) : update(b, w, &h);
}

int
lite_item_put(struct store_tx *tx, const struct store_write *w, size_t n,
	      struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, WHERE, e);
	struct batch b = { .t = t, .e = e };
	int rc = 0;

	if (t == NULL)
		return -1;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = put_one(&b, &w[i]);
		t->wrote = t->wrote || !w[i].side;
	}
	lite_end(&b.create);
	lite_end(&b.hash);
	lite_end(&b.three);
	lite_end(&b.revision);
	return lite_leave(t, rc);
}

/* ---- for good ------------------------------------------------------------ */

static int
drop_where(struct lite_tx *t, const char *sql, int64_t item, struct err *e)
{
	struct lite_q q;

	if (lite_query(t, &q, sql, "store.item_purge", e) < 0)
		return -1;
	lite_int(&q, item);
	return lite_once(&q, e);
}

static int
drop_hashes(struct lite_tx *t, int64_t item, const struct head *h,
	    struct err *e)
{
	for (size_t i = 0; i < 3 && !h->deleted; i++) {
		if (hash_drop(t, h->collection, h->hash[i], item, e) < 0)
			return -1;
	}
	return 0;
}

static const char SQL_DROP_REVISIONS[] =
    "DELETE FROM revision WHERE account_id = ?1 AND item_id = ?2";
static const char SQL_DROP_MAIL[] =
    "DELETE FROM mail_body WHERE account_id = ?1 AND item_id = ?2";

/* History rows of the item stay behind as bare numbers; pruning passes over
   them and takes them along. */
int
lite_item_remove(struct lite_tx *t, int64_t item, struct err *e)
{
	static const char head[] =
	    "DELETE FROM item WHERE account_id = ?1 AND item_id = ?2";
	static const char next[] =
	    "DELETE FROM alarm_next WHERE account_id = ?1 AND item_id = ?2";
	struct head h;
	int rc = head_read(t, item, &h, e);

	if (rc < 0 || (rc == 1 && drop_hashes(t, item, &h, e) < 0) ||
	    drop_where(t, SQL_DROP_REVISIONS, item, e) < 0 ||
	    drop_where(t, SQL_DROP_MAIL, item, e) < 0 ||
	    (rc == 1 && !h.deleted && drop_where(t, next, item, e) < 0))
		return -1;
	if (rc == 1 && !h.deleted) {
		t->used.items -= 1;
		t->used.bytes -= h.size;
	}
	return drop_where(t, head, item, e);
}

/* Devices hold it and shall hear of it: nothing stays but an empty tombstone,
   which pruning takes once no map row refers to it. */
static int
leave_tombstone(struct lite_tx *t, int64_t item, const struct head *h,
		struct err *e)
{
	struct batch b = { .t = t, .e = e };
	static const char kind[] =
	    "SELECT kind FROM item WHERE account_id = ?1 AND item_id = ?2";
	struct store_write w = {
		.item = item,
		.deleted = true,
		.collection = h->collection,
		.revision = h->last_revision + 1,
		.origin = STORE_BY_ADMIN,
	};
	struct lite_q q;
	int rc;

	if (drop_where(t, SQL_DROP_REVISIONS, item, e) < 0 ||
	    drop_where(t, SQL_DROP_MAIL, item, e) < 0 ||
	    lite_query(t, &q, kind, "store.item_purge", e) < 0)
		return -1;
	lite_int(&q, item);
	rc = lite_step(&q, e);
	if (rc == 1)
		w.kind = (unsigned)lite_col(&q, 0);
	lite_end(&q);
	if (rc == 1)
		rc = update(&b, &w, h);
	lite_end(&b.hash);
	lite_end(&b.revision);
	return rc;
}

static int
purge(struct lite_tx *t, int64_t item, struct err *e)
{
	struct arena *a;
	struct lite_gen *g = NULL;
	struct head h;
	bool known = false;
	size_t n = 0;
	int rc = head_read(t, item, &h, e);

	if (rc <= 0)
		return rc;
	a = arena_new(1000000);
	if (a == NULL)
		return lite_nomem("store.item_purge", e);
	rc = lite_map_gens(t, a, &g, &n, e);
	if (rc == 0)
		rc = lite_map_refers(t, g, n, item, 0, &known, e);
	arena_free(&a);
	if (rc < 0)
		return -1;
	return known ? leave_tombstone(t, item, &h, e)
		     : lite_item_remove(t, item, e);
}

int
lite_item_purge(struct store_tx *tx, int64_t item, struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, "store.item_purge", e);

	if (t == NULL)
		return -1;
	t->wrote = true;
	return lite_leave(t, purge(t, item, e));
}
