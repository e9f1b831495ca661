/*
 * What is to be done at IMAP and SMTP, and what became of it.
 */
#include "backends/postgres/pg.h"

#define COLS                                                                   \
	"account_id, effect_id, what, item_id, collection_id, to_id, "         \
	"flags_on,"                                                            \
	" flags_off, want_bytes, message_id, device_id, state, reason,"        \
	" written_ms, next_ms, attempts"

#define AWAY "2, 3"
_Static_assert(STORE_MAIL_AWAY == 2 && STORE_MAIL_REFUSED == 3, "AWAY");

static int
rows(struct pg_q *q, struct arena *a, struct store_mail_effect **out, size_t *n,
     struct err *e)
{
	struct store_mail_effect *one;

	if (pg_run(q, e) < 0)
		return -1;
	*n = pg_rows(q);
	*out = one = pg_room(q, a, sizeof(*one));
	for (; one != NULL && pg_next(q); one++) {
		*one = (struct store_mail_effect){
			.account = pg_col(q, 0),
			.id = pg_col_bytes(q, a, 1),
			.what = (enum store_effect_what)pg_col(q, 2),
			.item = pg_col(q, 3),
			.collection = pg_col(q, 4),
			.to = pg_col(q, 5),
			.flags_on = (unsigned)pg_col(q, 6),
			.flags_off = (unsigned)pg_col(q, 7),
			.bytes = pg_col(q, 8),
			.message_id = pg_col_bytes(q, a, 9),
			.device = pg_col(q, 10),
			.state = (enum store_effect_state)pg_col(q, 11),
			.reason = pg_col_bytes(q, a, 12),
			.written_ms = pg_col(q, 13),
			.next_ms = pg_col_when(q, 14),
			.attempts = pg_col(q, 15),
		};
	}
	return pg_end(q, e);
}

int
pg_effects_due(struct store *s, struct arena *a,
	       const bool mine[static STORE_BUCKETS], size_t limit,
	       struct store_mail_effect **out, size_t *n, struct err *e)
{
	static const char sql[] =
	    "SELECT d.* FROM unnest($1::bigint[]) AS u(bucket)"
	    " CROSS JOIN LATERAL (SELECT * FROM"
	    "  (SELECT DISTINCT ON (v.account_id) " COLS " FROM mail_effect v"
	    "   WHERE v.bucket = u.bucket AND v.next_ms IS NOT NULL"
	    "   AND NOT EXISTS (SELECT 1 FROM mail_login l"
	    "    WHERE l.account_id = v.account_id AND l.health IN (" AWAY "))"
	    "   ORDER BY v.account_id, v.next_ms) f"
	    "  ORDER BY f.next_ms LIMIT $2) d";
	struct pg_conn *c;
	struct pg_q q;
	int rc;

	*n = 0;
	if (pg_site_begin(s, &c, e) < 0)
		return -1;
	pg_start(c, &q, sql, "store.effects_due");
	pg_due_of(&q, mine, limit);
	rc = rows(&q, a, out, n, e);
	pg_site_end(s, c);
	return rc;
}

/* ---- arrays of columns --------------------------------------------------- */

enum number { ITEM, COLLECTION, STATE, NEXT, ATTEMPTS, SET_N };

static int64_t
number(const struct store_mail_effect *f, int c)
{
	const int64_t v[] = {
		f->item,    f->collection, (int64_t)f->state,
		f->next_ms, f->attempts,   (int64_t)f->what,
		f->to,      f->flags_on,   f->flags_off,
		f->bytes,   f->device,
	};

	return v[c];
}
enum { ADD_N = 11 };

static void
bind_numbers(struct pg_q *q, const struct store_mail_effect *f, size_t n,
	     int upto)
{
	for (int c = 0; c < upto; c++) {
		pg_array(q, PG_INTS);
		for (size_t i = 0; i < n; i++) {
			if (c == NEXT && f[i].next_ms == INT64_MAX)
				pg_add_null(q);
			else
				pg_add_int(q, number(&f[i], c));
		}
		pg_array_end(q);
	}
	pg_array(q, PG_TEXTS);
	for (size_t i = 0; i < n; i++)
		pg_add_text(q, f[i].id);
	pg_array_end(q);
	pg_array(q, PG_TEXTS);
	for (size_t i = 0; i < n; i++)
		pg_add_text(q, f[i].reason);
	pg_array_end(q);
}

int
pg_effect_add(struct store_tx *tx, const struct store_mail_effect *f, size_t n,
	      struct err *e)
{
	static const char sql[] =
	    "INSERT INTO mail_effect (account_id, bucket, written_ms, item_id,"
	    " collection_id, state, next_ms, attempts, what, to_id, flags_on,"
	    " flags_off, want_bytes, device_id, effect_id, reason, message_id)"
	    " SELECT $1, $2, $3, u.* FROM unnest($4::bigint[], $5::bigint[],"
	    " $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[],"
	    " $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],"
	    " $14::bigint[], $15::text[], $16::text[], $17::bytea[]) AS u"
	    " ON CONFLICT (account_id, effect_id) DO NOTHING";
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.effect_add", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	if (n == 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		store_wake(tx, STORE_WAKE_MAIL, f[i].next_ms);
	pg_query(t, &q, sql, "store.effect_add");
	pg_int(&q, store_bucket(tx->account));
	pg_int(&q, tx->now_ms);
	bind_numbers(&q, f, n, ADD_N);
	pg_array(&q, PG_BYTES);
	for (size_t i = 0; i < n; i++)
		pg_add_bytes(&q, f[i].message_id);
	pg_array_end(&q);
	return pg_leave(t, pg_once(&q, e));
}

int
pg_effect_set(struct store_tx *tx, const struct store_mail_effect *f, size_t n,
	      struct err *e)
{
	static const char sql[] =
	    "UPDATE mail_effect d SET item_id = u.item_id,"
	    " collection_id = u.collection_id, state = u.state,"
	    " next_ms = u.next_ms, attempts = u.attempts, reason = u.reason"
	    " FROM unnest($2::bigint[], $3::bigint[], $4::bigint[],"
	    " $5::bigint[], $6::bigint[], $7::text[], $8::text[])"
	    " WITH ORDINALITY AS u(item_id, collection_id, state, next_ms,"
	    " attempts, id, reason, at) WHERE d.account_id = $1"
	    " AND d.effect_id = u.id AND" PG_FEW;
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.effect_set", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	if (n == 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		store_wake(tx, STORE_WAKE_MAIL, f[i].next_ms);
	pg_query(t, &q, sql, "store.effect_set");
	bind_numbers(&q, f, n, SET_N);
	return pg_leave(t, pg_once(&q, e));
}

int
pg_effect_get(struct store_tx *tx, struct arena *a, const struct slice *id,
	      size_t n, struct store_mail_effect **out, size_t *out_n,
	      struct err *e)
{
	static const char sql[] =
	    "SELECT d.* FROM unnest($2::text[]) WITH ORDINALITY AS u(id, at)"
	    " CROSS JOIN LATERAL (SELECT " COLS
	    " FROM mail_effect v WHERE v.account_id = $1"
	    " AND v.effect_id = u.id OFFSET 0) d WHERE" PG_FEW " ORDER BY u.at";
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.effect_get", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	pg_query(t, &q, sql, "store.effect_get");
	pg_array(&q, PG_TEXTS);
	for (size_t i = 0; i < n; i++)
		pg_add_text(&q, id[i]);
	pg_array_end(&q);
	return pg_leave(t, rows(&q, a, out, out_n, e));
}

int
pg_effect_of(struct store_tx *tx, struct arena *a, const int64_t *item,
	     size_t n, struct store_mail_effect **out, size_t *out_n,
	     struct err *e)
{
	static const char sql[] =
	    "SELECT d.* FROM unnest($2::bigint[]) WITH ORDINALITY AS u(id, at)"
	    " CROSS JOIN LATERAL (SELECT " COLS
	    " FROM mail_effect v WHERE v.account_id = $1"
	    " AND v.item_id = u.id AND v.next_ms IS NOT NULL OFFSET 0) d"
	    " WHERE" PG_FEW " ORDER BY u.at, d.effect_id COLLATE \"C\"";
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.effect_of", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	pg_query(t, &q, sql, "store.effect_of");
	pg_ints(&q, item, n);
	return pg_leave(t, rows(&q, a, out, out_n, e));
}

int
pg_effect_list(struct store_tx *tx, struct arena *a, int64_t since_ms,
	       size_t limit, struct store_mail_effect **out, size_t *n,
	       struct err *e)
{
	static const char sql[] =
	    "SELECT " COLS " FROM mail_effect WHERE account_id = $1"
	    " AND written_ms >= $2 ORDER BY written_ms DESC,"
	    " effect_id COLLATE \"C\" LIMIT $3";
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.effect_list", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	pg_query(t, &q, sql, "store.effect_list");
	pg_int(&q, since_ms);
	pg_int(&q, (int64_t)limit);
	return pg_leave(t, rows(&q, a, out, n, e));
}

int
pg_effect_due(struct store_tx *tx, struct arena *a, int64_t by_ms, size_t limit,
	      struct store_mail_effect **out, size_t *n, struct err *e)
{
	static const char sql[] =
	    "SELECT " COLS " FROM mail_effect WHERE account_id = $1"
	    " AND next_ms <= $2 ORDER BY written_ms,"
	    " effect_id COLLATE \"C\" LIMIT $3";
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.effect_due", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	pg_query(t, &q, sql, "store.effect_due");
	pg_int(&q, by_ms);
	pg_int(&q, (int64_t)limit);
	return pg_leave(t, rows(&q, a, out, n, e));
}
