/*
 * What is to be done at IMAP and SMTP, and what became of it.
 */
#include "backends/sqlite/lite.h"

#define COLS                                                                   \
	"account_id, effect_id, what, item_id, collection_id, to_id, "         \
	"flags_on,"                                                            \
	" flags_off, want_bytes, message_id, device_id, state, reason,"        \
	" written_ms, next_ms, attempts"

#define AWAY "2, 3"
_Static_assert(STORE_MAIL_AWAY == 2 && STORE_MAIL_REFUSED == 3, "AWAY");

static int
rows(struct lite_q *q, struct lite_list *l, struct err *e)
{
	struct store_mail_effect *one;
	int rc;

	while ((one = lite_row(q, l, &rc, e)) != NULL) {
		*one = (struct store_mail_effect){
			.account = lite_col(q, 0),
			.id = lite_col_bytes(q, l->a, 1),
			.what = (enum store_effect_what)lite_col(q, 2),
			.item = lite_col(q, 3),
			.collection = lite_col(q, 4),
			.to = lite_col(q, 5),
			.flags_on = (unsigned)lite_col(q, 6),
			.flags_off = (unsigned)lite_col(q, 7),
			.bytes = lite_col(q, 8),
			.message_id = lite_col_bytes(q, l->a, 9),
			.device = lite_col(q, 10),
			.state = (enum store_effect_state)lite_col(q, 11),
			.reason = lite_col_bytes(q, l->a, 12),
			.written_ms = lite_col(q, 13),
			.next_ms = lite_col_when(q, 14),
			.attempts = lite_col(q, 15),
		};
	}
	return rc;
}

int
lite_effects_due(struct store *s, struct arena *a,
		 const bool mine[static STORE_BUCKETS], size_t limit,
		 struct store_mail_effect **out, size_t *n, struct err *e)
{
	static const char sql[] =
	    "SELECT " COLS ", min(next_ms) FROM mail_effect v"
	    " WHERE bucket = ?1 AND next_ms IS NOT NULL AND NOT EXISTS"
	    " (SELECT 1 FROM mail_login l WHERE l.account_id = v.account_id"
	    "  AND l.health IN (" AWAY "))"
	    " GROUP BY account_id ORDER BY min(next_ms) LIMIT ?2";
	struct lite_list l = { .a = a, .size = sizeof(**out) };
	int rc = lite_due_rows(s, sql, "store.effects_due", mine, limit, rows,
			       &l, e);

	*out = (struct store_mail_effect *)(void *)l.p;
	*n = l.n;
	return rc;
}

static int
add_one(struct lite_q *q, const struct lite_tx *t,
	const struct store_mail_effect *f, struct err *e)
{
	lite_text(q, f->id);
	lite_int(q, store_bucket(t->tx.account));
	lite_int(q, (int64_t)f->what);
	lite_int(q, f->item);
	lite_int(q, f->collection);
	lite_int(q, f->to);
	lite_int(q, f->flags_on);
	lite_int(q, f->flags_off);
	lite_int(q, f->bytes);
	lite_blob(q, f->message_id);
	lite_int(q, f->device);
	lite_int(q, (int64_t)f->state);
	lite_text(q, f->reason);
	lite_int(q, t->tx.now_ms);
	lite_when(q, f->next_ms);
	lite_int(q, f->attempts);
	return lite_run(q, e);
}

int
lite_effect_add(struct store_tx *tx, const struct store_mail_effect *f,
		size_t n, struct err *e)
{
	static const char sql[] =
	    "INSERT OR IGNORE INTO mail_effect (account_id, effect_id, bucket,"
	    " what, item_id, collection_id, to_id, flags_on, flags_off,"
	    " want_bytes, message_id, device_id, state, reason, written_ms,"
	    " next_ms, attempts) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,"
	    " ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, "store.effect_add", e);
	struct lite_q q;
	int rc = 0;

	if (t == NULL)
		return -1;
	if (n == 0)
		return 0;
	if (lite_query(t, &q, sql, "store.effect_add", e) < 0)
		return lite_leave(t, -1);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = add_one(&q, t, &f[i], e);
		store_wake(tx, STORE_WAKE_MAIL, f[i].next_ms);
	}
	lite_end(&q);
	return lite_leave(t, rc);
}

int
lite_effect_set(struct store_tx *tx, const struct store_mail_effect *f,
		size_t n, struct err *e)
{
	static const char sql[] =
	    "UPDATE mail_effect SET state = ?3, reason = ?4, next_ms = ?5,"
	    " attempts = ?6, item_id = ?7, collection_id = ?8"
	    " WHERE account_id = ?1 AND effect_id = ?2";
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, "store.effect_set", e);
	struct lite_q q;
	int rc = 0;

	if (t == NULL)
		return -1;
	if (n == 0)
		return 0;
	if (lite_query(t, &q, sql, "store.effect_set", e) < 0)
		return lite_leave(t, -1);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		lite_text(&q, f[i].id);
		lite_int(&q, (int64_t)f[i].state);
		lite_text(&q, f[i].reason);
		lite_when(&q, f[i].next_ms);
		lite_int(&q, f[i].attempts);
		lite_int(&q, f[i].item);
		lite_int(&q, f[i].collection);
		rc = lite_run(&q, e);
		store_wake(tx, STORE_WAKE_MAIL, f[i].next_ms);
	}
	lite_end(&q);
	return lite_leave(t, rc);
}

/* Once for each element: an id, or an item. */
static int
get(struct store_tx *tx, struct arena *a, const char *sql, const char *where,
    const struct slice *id, const int64_t *item, size_t n,
    struct store_mail_effect **out, size_t *out_n, struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_READ, where, e);
	struct lite_list l = { .a = a, .size = sizeof(**out) };
	struct lite_q q;
	int rc;

	if (t == NULL)
		return -1;
	rc = lite_query(t, &q, sql, where, e);
	if (rc == 0) {
		for (size_t i = 0; rc == 0 && i < n; i++) {
			if (id != NULL)
				lite_text(&q, id[i]);
			else
				lite_int(&q, item[i]);
			rc = rows(&q, &l, e);
			lite_rewind(&q);
		}
		lite_end(&q);
	}
	*out = (struct store_mail_effect *)(void *)l.p;
	*out_n = l.n;
	return lite_leave(t, rc);
}

int
lite_effect_get(struct store_tx *tx, struct arena *a, const struct slice *id,
		size_t n, struct store_mail_effect **out, size_t *out_n,
		struct err *e)
{
	static const char sql[] = "SELECT " COLS " FROM mail_effect"
				  " WHERE account_id = ?1 AND effect_id = ?2";

	return get(tx, a, sql, "store.effect_get", id, NULL, n, out, out_n, e);
}

int
lite_effect_of(struct store_tx *tx, struct arena *a, const int64_t *item,
	       size_t n, struct store_mail_effect **out, size_t *out_n,
	       struct err *e)
{
	static const char sql[] =
	    "SELECT " COLS " FROM mail_effect WHERE account_id = ?1"
	    " AND item_id = ?2 AND next_ms IS NOT NULL ORDER BY effect_id";

	return get(tx, a, sql, "store.effect_of", NULL, item, n, out, out_n, e);
}

/* Of the account, by an instant. */
static int
list(struct store_tx *tx, struct arena *a, const char *sql, const char *where,
     int64_t ms, size_t limit, struct store_mail_effect **out, size_t *n,
     struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_READ, where, e);
	struct lite_list l = { .a = a, .size = sizeof(**out) };
	struct lite_q q;
	int rc;

	if (t == NULL)
		return -1;
	rc = lite_query(t, &q, sql, where, e);
	if (rc == 0) {
		lite_int(&q, ms);
		lite_int(&q, (int64_t)limit);
		rc = rows(&q, &l, e);
		lite_end(&q);
	}
	*out = (struct store_mail_effect *)(void *)l.p;
	*n = l.n;
	return lite_leave(t, rc);
}

int
lite_effect_list(struct store_tx *tx, struct arena *a, int64_t since_ms,
		 size_t limit, struct store_mail_effect **out, size_t *n,
		 struct err *e)
{
	static const char sql[] =
	    "SELECT " COLS " FROM mail_effect WHERE account_id = ?1"
	    " AND written_ms >= ?2 ORDER BY written_ms DESC, effect_id"
	    " LIMIT ?3";

	return list(tx, a, sql, "store.effect_list", since_ms, limit, out, n,
		    e);
}

int
lite_effect_due(struct store_tx *tx, struct arena *a, int64_t by_ms,
		size_t limit, struct store_mail_effect **out, size_t *n,
		struct err *e)
{
	static const char sql[] =
	    "SELECT " COLS " FROM mail_effect WHERE account_id = ?1"
	    " AND next_ms <= ?2 ORDER BY written_ms, effect_id LIMIT ?3";

	return list(tx, a, sql, "store.effect_due", by_ms, limit, out, n, e);
}
