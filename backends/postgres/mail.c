/*
 * The mirror of a mailbox: the login, folders, what IMAP said last of each
 * message, and the bytes of those that are here.
 */
#include "backends/postgres/pg.h"

void
pg_when(struct pg_q *q, int64_t ms)
{
	if (ms == INT64_MAX)
		pg_null(q);
	else
		pg_int(q, ms);
}

int64_t
pg_col_when(const struct pg_q *q, int col)
{
	return pg_col_null(q, col) ? INT64_MAX : pg_col(q, col);
}

/* ---- login --------------------------------------------------------------- */

#define LOGIN                                                                  \
	"account_id, enabled, host, port, security, \"user\", master, sealed," \
	" addresses, days, count, cap, health, why, last_ms, next_ms, fails"

static int
login_rows(struct pg_q *q, struct arena *a, struct store_mail_login **out,
	   size_t *n, struct err *e)
{
	struct store_mail_login *one;

	if (pg_run(q, e) < 0)
		return -1;
	*n = pg_rows(q);
	*out = one = pg_room(q, a, sizeof(*one));
	for (; one != NULL && pg_next(q); one++) {
		*one = (struct store_mail_login){
			.account = pg_col(q, 0),
			.on = pg_col_bool(q, 1),
			.host = pg_col_bytes(q, a, 2),
			.port = pg_col(q, 3),
			.security = (enum store_mail_security)pg_col(q, 4),
			.user = pg_col_bytes(q, a, 5),
			.master = pg_col_bool(q, 6),
			.sealed = pg_col_bytes(q, a, 7),
			.addresses = pg_col_bytes(q, a, 8),
			.days = pg_col(q, 9),
			.count = pg_col(q, 10),
			.cap = pg_col(q, 11),
			.health = (enum store_mail_health)pg_col(q, 12),
			.why = pg_col_bytes(q, a, 13),
			.last_ms = pg_col(q, 14),
			.next_ms = pg_col_when(q, 15),
			.fails = pg_col(q, 16),
		};
	}
	return pg_end(q, e);
}

static int
pg_logins_due(struct store *s, struct arena *a,
	      const bool mine[static STORE_BUCKETS], size_t limit,
	      struct store_mail_login **out, size_t *n, struct err *e)
{
	static const char sql[] =
	    "SELECT d.* FROM unnest($1::bigint[]) AS u(bucket)"
	    " CROSS JOIN LATERAL (SELECT " LOGIN " FROM mail_login v"
	    "  WHERE v.bucket = u.bucket AND v.next_ms IS NOT NULL"
	    "  ORDER BY v.next_ms LIMIT $2) d";
	struct pg_conn *c;
	struct pg_q q;
	int rc;

	*n = 0;
	if (pg_site_begin(s, &c, e) < 0)
		return -1;
	pg_start(c, &q, sql, "store.logins_due");
	pg_due_of(&q, mine, limit);
	rc = login_rows(&q, a, out, n, e);
	pg_site_end(s, c);
	return rc;
}

static int
mail_buckets(struct store *s, struct slice owner, int64_t ms,
	     bool mine[static STORE_BUCKETS], struct err *e)
{
	return pg_buckets_of(s, SLICE_LIT("mail"), owner, ms, mine, e);
}

static int
pg_login_get(struct store_tx *tx, struct arena *a,
	     struct store_mail_login **out, struct err *e)
{
	static const char sql[] =
	    "SELECT " LOGIN " FROM mail_login WHERE account_id = $1";
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.login_get", e);
	struct pg_q q;
	size_t n;

	*out = NULL;
	if (t == NULL)
		return -1;
	pg_query(t, &q, sql, "store.login_get");
	return pg_leave(t, login_rows(&q, a, out, &n, e));
}

static int
pg_login_put(struct store_tx *tx, const struct store_mail_login *in,
	     struct err *e)
{
	static const char sql[] =
	    "INSERT INTO mail_login (" LOGIN ", bucket) VALUES ($1, $2, $3, $4,"
	    " $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"
	    " ON CONFLICT (account_id) DO UPDATE SET"
	    " enabled = excluded.enabled, host = excluded.host,"
	    " port = excluded.port, security = excluded.security,"
	    " \"user\" = excluded.\"user\", master = excluded.master,"
	    " sealed = excluded.sealed, addresses = excluded.addresses,"
	    " days = excluded.days, count = excluded.count,"
	    " cap = excluded.cap, health = excluded.health,"
	    " why = excluded.why, last_ms = excluded.last_ms,"
	    " next_ms = excluded.next_ms, fails = excluded.fails";
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.login_put", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	store_wake(tx, STORE_WAKE_MAIL, in->next_ms);
	pg_query(t, &q, sql, "store.login_put");
	pg_int(&q, in->on);
	pg_text(&q, in->host);
	pg_int(&q, in->port);
	pg_int(&q, (int64_t)in->security);
	pg_bytes(&q, in->user);
	pg_int(&q, in->master);
	pg_bytes(&q, in->sealed);
	pg_text(&q, in->addresses);
	pg_int(&q, in->days);
	pg_int(&q, in->count);
	pg_int(&q, in->cap);
	pg_int(&q, (int64_t)in->health);
	pg_text(&q, in->why);
	pg_int(&q, in->last_ms);
	pg_when(&q, in->next_ms);
	pg_int(&q, in->fails);
	pg_int(&q, store_bucket(tx->account));
	return pg_leave(t, pg_once(&q, e));
}

static int
pg_login_drop(struct store_tx *tx, struct err *e)
{
	static const char sql[] =
	    "DELETE FROM mail_login WHERE account_id = $1";
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.login_drop", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	pg_query(t, &q, sql, "store.login_drop");
	return pg_leave(t, pg_once(&q, e));
}

/* ---- folders --------------------------------------------------------------
 */

static int
pg_folder_list(struct store_tx *tx, struct arena *a,
	       struct store_mail_folder **out, size_t *n, struct err *e)
{
	static const char sql[] =
	    "SELECT collection_id, name, role, uidvalidity, uidnext,"
	    " highestmodseq, seen_ms FROM mail_folder WHERE account_id = $1"
	    " ORDER BY collection_id";
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.folder_list", e);
	struct store_mail_folder *one;
	struct pg_q q;

	if (t == NULL)
		return -1;
	pg_query(t, &q, sql, "store.folder_list");
	if (pg_run(&q, e) < 0)
		return pg_leave(t, -1);
	*n = pg_rows(&q);
	*out = one = pg_room(&q, a, sizeof(*one));
	for (; one != NULL && pg_next(&q); one++) {
		*one = (struct store_mail_folder){
			.collection = pg_col(&q, 0),
			.name = pg_col_bytes(&q, a, 1),
			.role = (enum store_mail_role)pg_col(&q, 2),
			.uidvalidity = pg_col(&q, 3),
			.uidnext = pg_col(&q, 4),
			.highestmodseq = pg_col(&q, 5),
			.seen_ms = pg_col(&q, 6),
		};
	}
	return pg_leave(t, pg_end(&q, e));
}

static int64_t
folder_number(const struct store_mail_folder *f, int c)
{
	const int64_t v[] = { f->collection, (int64_t)f->role, f->uidvalidity,
			      f->uidnext,    f->highestmodseq, f->seen_ms };

	return v[c];
}

static int
pg_folder_put(struct store_tx *tx, const struct store_mail_folder *f, size_t n,
	      struct err *e)
{
	enum { NUMBERS = 6 };
	static const char sql[] =
	    "INSERT INTO mail_folder (account_id, collection_id, role,"
	    " uidvalidity, uidnext, highestmodseq, seen_ms, name)"
	    " SELECT $1, u.* FROM unnest($2::bigint[], $3::bigint[],"
	    " $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],"
	    " $8::text[]) AS u ON CONFLICT (account_id, collection_id)"
	    " DO UPDATE SET role = excluded.role, name = excluded.name,"
	    " uidvalidity = excluded.uidvalidity, uidnext = excluded.uidnext,"
	    " highestmodseq = excluded.highestmodseq,"
	    " seen_ms = excluded.seen_ms";
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.folder_put", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	if (n == 0)
		return 0;
	pg_query(t, &q, sql, "store.folder_put");
	for (int c = 0; c < NUMBERS; c++) {
		pg_array(&q, PG_INTS);
		for (size_t i = 0; i < n; i++)
			pg_add_int(&q, folder_number(&f[i], c));
		pg_array_end(&q);
	}
	pg_array(&q, PG_TEXTS);
	for (size_t i = 0; i < n; i++)
		pg_add_text(&q, f[i].name);
	pg_array_end(&q);
	return pg_leave(t, pg_once(&q, e));
}

static int
pg_folder_drop(struct store_tx *tx, int64_t collection, struct err *e)
{
	static const char *const sql[] = {
		"DELETE FROM mail_place"
		" WHERE account_id = $1 AND collection_id = $2",
		"DELETE FROM mail_folder"
		" WHERE account_id = $1 AND collection_id = $2",
	};
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.folder_drop", e);

	return t == NULL ? -1
			 : pg_leave(t, pg_each(t, sql, 2, collection,
					       "store.folder_drop", e));
}

/* ---- places ----------------------------------------------------------------
 */

#define PLACE "collection_id, uid, item_id, flags, modseq, size"

static int
place_rows(struct pg_q *q, struct arena *a, struct store_mail_place **out,
	   size_t *n, struct err *e)
{
	struct store_mail_place *one;

	if (pg_run(q, e) < 0)
		return -1;
	*n = pg_rows(q);
	*out = one = pg_room(q, a, sizeof(*one));
	for (; one != NULL && pg_next(q); one++) {
		*one = (struct store_mail_place){
			.collection = pg_col(q, 0),
			.uid = pg_col(q, 1),
			.item = pg_col(q, 2),
			.flags = (unsigned)pg_col(q, 3),
			.modseq = pg_col(q, 4),
			.size = pg_col(q, 5),
		};
	}
	return pg_end(q, e);
}

static int
pg_place_page(struct store_tx *tx, struct arena *a, int64_t collection,
	      int64_t after, size_t limit, struct store_mail_place **out,
	      size_t *n, struct err *e)
{
	static const char sql[] =
	    "SELECT " PLACE " FROM mail_place WHERE account_id = $1"
	    " AND collection_id = $2 AND uid > $3 ORDER BY uid LIMIT $4";
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.place_page", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	pg_query(t, &q, sql, "store.place_page");
	pg_int(&q, collection);
	pg_int(&q, after);
	pg_int(&q, (int64_t)limit);
	return pg_leave(t, place_rows(&q, a, out, n, e));
}

static int
pg_place_of(struct store_tx *tx, struct arena *a, const int64_t *item, size_t n,
	    struct store_mail_place **out, size_t *out_n, struct err *e)
{
	static const char sql[] =
	    "SELECT p.* FROM unnest($2::bigint[]) WITH ORDINALITY AS u(id, at)"
	    " CROSS JOIN LATERAL (SELECT " PLACE " FROM mail_place v"
	    "  WHERE v.account_id = $1 AND v.item_id = u.id AND v.item_id > 0"
	    "  OFFSET 0) p WHERE" PG_FEW
	    " ORDER BY u.at, p.collection_id, p.uid";
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.place_of", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	pg_query(t, &q, sql, "store.place_of");
	pg_ints(&q, item, n);
	return pg_leave(t, place_rows(&q, a, out, out_n, e));
}

static int64_t
place_number(const struct store_mail_place *p, int c)
{
	const int64_t v[] = { p->collection, p->uid,    p->item,
			      p->flags,      p->modseq, p->size };

	return v[c];
}

static int
pg_place_put(struct store_tx *tx, const struct store_mail_place *p, size_t n,
	     struct err *e)
{
	enum { NUMBERS = 6 };
	static const char sql[] =
	    "INSERT INTO mail_place (account_id, " PLACE ")"
	    " SELECT $1, u.* FROM unnest($2::bigint[], $3::bigint[],"
	    " $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[]) AS u"
	    " ON CONFLICT (account_id, collection_id, uid) DO UPDATE SET"
	    " item_id = excluded.item_id, flags = excluded.flags,"
	    " modseq = excluded.modseq, size = excluded.size";
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.place_put", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	if (n == 0)
		return 0;
	pg_query(t, &q, sql, "store.place_put");
	for (int c = 0; c < NUMBERS; c++) {
		pg_array(&q, PG_INTS);
		for (size_t i = 0; i < n; i++)
			pg_add_int(&q, place_number(&p[i], c));
		pg_array_end(&q);
	}
	return pg_leave(t, pg_once(&q, e));
}

static int
pg_place_drop(struct store_tx *tx, int64_t collection, const int64_t *uid,
	      size_t n, struct err *e)
{
	static const char sql[] =
	    "WITH dead AS MATERIALIZED (SELECT x.place"
	    " FROM unnest($3::bigint[]) WITH ORDINALITY AS u(uid, at)"
	    " CROSS JOIN LATERAL (SELECT v.ctid AS place FROM mail_place v"
	    "  WHERE v.account_id = $1 AND v.collection_id = $2"
	    "  AND v.uid = u.uid OFFSET 0) x WHERE" PG_FEW ")"
	    " DELETE FROM mail_place d USING dead WHERE " PG_PLACE("dead");
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.place_drop", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	if (n == 0)
		return 0;
	pg_query(t, &q, sql, "store.place_drop");
	pg_int(&q, collection);
	pg_ints(&q, uid, n);
	return pg_leave(t, pg_once(&q, e));
}

/* ---- bytes ------------------------------------------------------------------
 */

static int
pg_body_put(struct store_tx *tx, const struct store_mail_body *b, size_t n,
	    struct err *e)
{
	static const char sql[] =
	    "INSERT INTO mail_body (account_id, item_id, whole, bytes)"
	    " SELECT $1, u.* FROM unnest($2::bigint[], $3::bigint[],"
	    " $4::bytea[]) AS u ON CONFLICT (account_id, item_id) DO UPDATE"
	    " SET whole = excluded.whole, bytes = excluded.bytes";
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.body_put", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	if (n == 0)
		return 0;
	pg_query(t, &q, sql, "store.body_put");
	pg_array(&q, PG_INTS);
	for (size_t i = 0; i < n; i++)
		pg_add_int(&q, b[i].item);
	pg_array_end(&q);
	pg_array(&q, PG_INTS);
	for (size_t i = 0; i < n; i++)
		pg_add_int(&q, b[i].whole);
	pg_array_end(&q);
	pg_array(&q, PG_BYTES);
	for (size_t i = 0; i < n; i++)
		pg_add_bytes(&q, b[i].bytes);
	pg_array_end(&q);
	return pg_leave(t, pg_once(&q, e));
}

/* The lengths are known without reading the bytes: those of rows that are one
   too many stay where they are. */
static int
pg_body_get(struct store_tx *tx, struct arena *a, const int64_t *item, size_t n,
	    size_t max_bytes, struct store_mail_body **out, size_t *out_n,
	    struct err *e)
{
	static const char sql[] =
	    "SELECT b.item_id, b.whole, b.bytes FROM (SELECT x.item_id, u.at,"
	    " x.place, sum(x.size) OVER (ORDER BY u.at) AS upto,"
	    " row_number() OVER (ORDER BY u.at) AS no"
	    " FROM unnest($2::bigint[]) WITH ORDINALITY AS u(id, at)"
	    " CROSS JOIN LATERAL (SELECT v.item_id, v.ctid AS place,"
	    "  octet_length(v.bytes) AS size FROM mail_body v"
	    "  WHERE v.account_id = $1 AND v.item_id = u.id OFFSET 0) x"
	    " WHERE" PG_FEW ") s CROSS JOIN LATERAL (SELECT v.item_id,"
	    "  v.whole, v.bytes FROM mail_body v WHERE v.account_id = $1"
	    "  AND v.item_id = s.item_id OFFSET 0) b"
	    " WHERE s.no = 1 OR s.upto <= $3 ORDER BY s.at";
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.body_get", e);
	struct store_mail_body *one;
	struct pg_q q;

	if (t == NULL)
		return -1;
	pg_query(t, &q, sql, "store.body_get");
	pg_ints(&q, item, n);
	pg_int(&q, max_bytes > INT64_MAX ? INT64_MAX : (int64_t)max_bytes);
	if (pg_run(&q, e) < 0)
		return pg_leave(t, -1);
	*out_n = pg_rows(&q);
	*out = one = pg_room(&q, a, sizeof(*one));
	for (; one != NULL && pg_next(&q); one++) {
		*one = (struct store_mail_body){
			.item = pg_col(&q, 0),
			.whole = pg_col_bool(&q, 1),
			.bytes = pg_col_bytes(&q, a, 2),
		};
	}
	return pg_leave(t, pg_end(&q, e));
}

static int
pg_body_drop(struct store_tx *tx, const int64_t *item, size_t n, struct err *e)
{
	static const char sql[] =
	    "WITH dead AS MATERIALIZED (SELECT x.place"
	    " FROM unnest($2::bigint[]) WITH ORDINALITY AS u(id, at)"
	    " CROSS JOIN LATERAL (SELECT v.ctid AS place FROM mail_body v"
	    "  WHERE v.account_id = $1 AND v.item_id = u.id OFFSET 0) x"
	    " WHERE" PG_FEW ")"
	    " DELETE FROM mail_body d USING dead WHERE " PG_PLACE("dead");
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.body_drop", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	if (n == 0)
		return 0;
	pg_query(t, &q, sql, "store.body_drop");
	pg_ints(&q, item, n);
	return pg_leave(t, pg_once(&q, e));
}

/* ---- the newest
 * -------------------------------------------------------------- */

static int
pg_newest(struct store_tx *tx, const int64_t *collection, size_t n,
	  int64_t count, int64_t *since_ms, struct err *e)
{
	static const char sql[] =
	    "SELECT x.span_from FROM unnest($2::bigint[]) AS u(id)"
	    " CROSS JOIN LATERAL (SELECT span_from FROM item v"
	    "  WHERE v.account_id = $1 AND v.collection_id = u.id"
	    "  AND v.span_from IS NOT NULL AND v.deleted = 0"
	    "  ORDER BY v.span_from DESC, v.item_id DESC LIMIT $3 + 1) x"
	    " ORDER BY x.span_from DESC OFFSET $3 - 1 LIMIT 2";
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.newest", e);
	struct pg_q q;

	*since_ms = INT64_MIN;
	if (t == NULL)
		return -1;
	if (count <= 0)
		return 0;
	pg_query(t, &q, sql, "store.newest");
	pg_ints(&q, collection, n);
	pg_int(&q, count);
	if (pg_run(&q, e) < 0)
		return pg_leave(t, -1);
	if (pg_rows(&q) == 2 && pg_next(&q))
		*since_ms = pg_col(&q, 0);
	return pg_leave(t, pg_end(&q, e));
}

const struct store_mail_vtbl pg_mail_vtbl = {
	.logins_due = pg_logins_due,
	.effects_due = pg_effects_due,
	.buckets = mail_buckets,
	.login_get = pg_login_get,
	.login_put = pg_login_put,
	.login_drop = pg_login_drop,
	.folder_list = pg_folder_list,
	.folder_put = pg_folder_put,
	.folder_drop = pg_folder_drop,
	.place_page = pg_place_page,
	.place_of = pg_place_of,
	.place_put = pg_place_put,
	.place_drop = pg_place_drop,
	.body_put = pg_body_put,
	.body_get = pg_body_get,
	.body_drop = pg_body_drop,
	.effect_add = pg_effect_add,
	.effect_set = pg_effect_set,
	.effect_get = pg_effect_get,
	.effect_of = pg_effect_of,
	.effect_due = pg_effect_due,
	.effect_list = pg_effect_list,
	.newest = pg_newest,
};
