/*
 * The mirror of a mailbox: the login, folders, what IMAP said last of each
 * message, and the bytes of those that are here.
 */
#include "backends/sqlite/lite.h"

#include <stdlib.h>

/* ---- login --------------------------------------------------------------- */

#define LOGIN                                                                  \
	"account_id, enabled, host, port, security, user, master, sealed,"     \
	" addresses, days, count, cap, health, why, last_ms, next_ms, fails"

static int
login_rows(struct lite_q *q, struct lite_list *l, struct err *e)
{
	struct store_mail_login *one;
	int rc;

	while ((one = lite_row(q, l, &rc, e)) != NULL) {
		*one = (struct store_mail_login){
			.account = lite_col(q, 0),
			.on = lite_col_bool(q, 1),
			.host = lite_col_bytes(q, l->a, 2),
			.port = lite_col(q, 3),
			.security = (enum store_mail_security)lite_col(q, 4),
			.user = lite_col_bytes(q, l->a, 5),
			.master = lite_col_bool(q, 6),
			.sealed = lite_col_bytes(q, l->a, 7),
			.addresses = lite_col_bytes(q, l->a, 8),
			.days = lite_col(q, 9),
			.count = lite_col(q, 10),
			.cap = lite_col(q, 11),
			.health = (enum store_mail_health)lite_col(q, 12),
			.why = lite_col_bytes(q, l->a, 13),
			.last_ms = lite_col(q, 14),
			.next_ms = lite_col_when(q, 15),
			.fails = lite_col(q, 16),
		};
	}
	return rc;
}

static int
lite_logins_due(struct store *s, struct arena *a,
		const bool mine[static STORE_BUCKETS], size_t limit,
		struct store_mail_login **out, size_t *n, struct err *e)
{
	static const char sql[] =
	    "SELECT " LOGIN " FROM mail_login WHERE bucket = ?1"
	    " AND next_ms IS NOT NULL ORDER BY next_ms LIMIT ?2";
	struct lite_list l = { .a = a, .size = sizeof(**out) };
	int rc = lite_due_rows(s, sql, "store.logins_due", mine, limit,
			       login_rows, &l, e);

	*out = (struct store_mail_login *)(void *)l.p;
	*n = l.n;
	return rc;
}

static int
mail_buckets(struct store *s, struct slice owner, int64_t ms,
	     bool mine[static STORE_BUCKETS], struct err *e)
{
	return lite_buckets_of(s, SLICE_LIT("mail"), owner, ms, mine, e);
}

static int
lite_login_get(struct store_tx *tx, struct arena *a,
	       struct store_mail_login **out, struct err *e)
{
	static const char sql[] =
	    "SELECT " LOGIN " FROM mail_login WHERE account_id = ?1";
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.login_get", e);
	struct lite_list l = { .a = a, .size = sizeof(**out) };
	struct lite_q q;
	int rc;

	*out = NULL;
	if (t == NULL)
		return -1;
	rc = lite_query(t, &q, sql, "store.login_get", e);
	if (rc == 0) {
		rc = login_rows(&q, &l, e);
		lite_end(&q);
	}
	if (rc == 0 && l.n > 0)
		*out = (struct store_mail_login *)(void *)l.p;
	return lite_leave(t, rc);
}

static int
lite_login_put(struct store_tx *tx, const struct store_mail_login *in,
	       struct err *e)
{
	static const char sql[] =
	    "INSERT OR REPLACE INTO mail_login (" LOGIN ", bucket)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
	    " ?14, ?15, ?16, ?17, ?18)";
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, "store.login_put", e);
	struct lite_q q;

	if (t == NULL)
		return -1;
	if (lite_query(t, &q, sql, "store.login_put", e) < 0)
		return lite_leave(t, -1);
	store_wake(tx, STORE_WAKE_MAIL, in->next_ms);
	lite_int(&q, in->on);
	lite_text(&q, in->host);
	lite_int(&q, in->port);
	lite_int(&q, (int64_t)in->security);
	lite_blob(&q, in->user);
	lite_int(&q, in->master);
	lite_blob(&q, in->sealed);
	lite_text(&q, in->addresses);
	lite_int(&q, in->days);
	lite_int(&q, in->count);
	lite_int(&q, in->cap);
	lite_int(&q, (int64_t)in->health);
	lite_text(&q, in->why);
	lite_int(&q, in->last_ms);
	lite_when(&q, in->next_ms);
	lite_int(&q, in->fails);
	lite_int(&q, store_bucket(tx->account));
	return lite_leave(t, lite_once(&q, e));
}

/* A statement with up to one number after the account. */
static int
run_one(struct store_tx *tx, const char *sql, const char *where,
	const int64_t *v, struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, where, e);
	struct lite_q q;

	if (t == NULL)
		return -1;
	if (lite_query(t, &q, sql, where, e) < 0)
		return lite_leave(t, -1);
	if (v != NULL)
		lite_int(&q, *v);
	return lite_leave(t, lite_once(&q, e));
}

static int
lite_login_drop(struct store_tx *tx, struct err *e)
{
	static const char sql[] =
	    "DELETE FROM mail_login WHERE account_id = ?1";

	return run_one(tx, sql, "store.login_drop", NULL, e);
}

/* ---- folders --------------------------------------------------------------
 */

static int
folder_rows(struct lite_tx *t, struct lite_list *l, struct err *e)
{
	static const char sql[] =
	    "SELECT collection_id, name, role, uidvalidity, uidnext,"
	    " highestmodseq, seen_ms FROM mail_folder WHERE account_id = ?1"
	    " ORDER BY collection_id";
	struct store_mail_folder *one;
	struct lite_q q;
	int rc;

	if (lite_query(t, &q, sql, "store.folder_list", e) < 0)
		return -1;
	while ((one = lite_row(&q, l, &rc, e)) != NULL) {
		*one = (struct store_mail_folder){
			.collection = lite_col(&q, 0),
			.name = lite_col_bytes(&q, l->a, 1),
			.role = (enum store_mail_role)lite_col(&q, 2),
			.uidvalidity = lite_col(&q, 3),
			.uidnext = lite_col(&q, 4),
			.highestmodseq = lite_col(&q, 5),
			.seen_ms = lite_col(&q, 6),
		};
	}
	lite_end(&q);
	return rc;
}

static int
lite_folder_list(struct store_tx *tx, struct arena *a,
		 struct store_mail_folder **out, size_t *n, struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.folder_list", e);
	struct lite_list l = { .a = a, .size = sizeof(**out) };

	if (t == NULL || lite_leave(t, folder_rows(t, &l, e)) < 0)
		return -1;
	*out = (struct store_mail_folder *)(void *)l.p;
	*n = l.n;
	return 0;
}

static int
lite_folder_put(struct store_tx *tx, const struct store_mail_folder *f,
		size_t n, struct err *e)
{
	static const char sql[] =
	    "INSERT OR REPLACE INTO mail_folder (account_id, collection_id,"
	    " name, role, uidvalidity, uidnext, highestmodseq, seen_ms)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, "store.folder_put", e);
	struct lite_q q;
	int rc = 0;

	if (t == NULL)
		return -1;
	if (lite_query(t, &q, sql, "store.folder_put", e) < 0)
		return lite_leave(t, -1);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		lite_int(&q, f[i].collection);
		lite_text(&q, f[i].name);
		lite_int(&q, (int64_t)f[i].role);
		lite_int(&q, f[i].uidvalidity);
		lite_int(&q, f[i].uidnext);
		lite_int(&q, f[i].highestmodseq);
		lite_int(&q, f[i].seen_ms);
		rc = lite_run(&q, e);
	}
	lite_end(&q);
	return lite_leave(t, rc);
}

static int
lite_folder_drop(struct store_tx *tx, int64_t collection, struct err *e)
{
	static const char places[] = "DELETE FROM mail_place"
				     " WHERE account_id = ?1"
				     " AND collection_id = ?2";
	static const char folder[] = "DELETE FROM mail_folder"
				     " WHERE account_id = ?1"
				     " AND collection_id = ?2";

	if (run_one(tx, places, "store.folder_drop", &collection, e) < 0)
		return -1;
	return run_one(tx, folder, "store.folder_drop", &collection, e);
}

/* ---- places ----------------------------------------------------------------
 */

#define PLACE "collection_id, uid, item_id, flags, modseq, size"

static int
place_rows(struct lite_q *q, struct lite_list *l, struct err *e)
{
	struct store_mail_place *one;
	int rc;

	while ((one = lite_row(q, l, &rc, e)) != NULL) {
		*one = (struct store_mail_place){
			.collection = lite_col(q, 0),
			.uid = lite_col(q, 1),
			.item = lite_col(q, 2),
			.flags = (unsigned)lite_col(q, 3),
			.modseq = lite_col(q, 4),
			.size = lite_col(q, 5),
		};
	}
	return rc;
}

static int
lite_place_page(struct store_tx *tx, struct arena *a, int64_t collection,
		int64_t after, size_t limit, struct store_mail_place **out,
		size_t *n, struct err *e)
{
	static const char sql[] =
	    "SELECT " PLACE " FROM mail_place WHERE account_id = ?1"
	    " AND collection_id = ?2 AND uid > ?3 ORDER BY uid LIMIT ?4";
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.place_page", e);
	struct lite_list l = { .a = a, .size = sizeof(**out) };
	struct lite_q q;
	int rc;

	if (t == NULL)
		return -1;
	rc = lite_query(t, &q, sql, "store.place_page", e);
	if (rc == 0) {
		lite_int(&q, collection);
		lite_int(&q, after);
		lite_int(&q, (int64_t)limit);
		rc = place_rows(&q, &l, e);
		lite_end(&q);
	}
	*out = (struct store_mail_place *)(void *)l.p;
	*n = l.n;
	return lite_leave(t, rc);
}

static int
lite_place_of(struct store_tx *tx, struct arena *a, const int64_t *item,
	      size_t n, struct store_mail_place **out, size_t *out_n,
	      struct err *e)
{
	static const char sql[] =
	    "SELECT " PLACE " FROM mail_place WHERE account_id = ?1"
	    " AND item_id = ?2 AND item_id > 0 ORDER BY collection_id, uid";
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.place_of", e);
	struct lite_list l = { .a = a, .size = sizeof(**out) };
	struct lite_q q;
	int rc;

	if (t == NULL)
		return -1;
	rc = lite_query(t, &q, sql, "store.place_of", e);
	if (rc == 0) {
		for (size_t i = 0; rc == 0 && i < n; i++) {
			lite_int(&q, item[i]);
			rc = place_rows(&q, &l, e);
			lite_rewind(&q);
		}
		lite_end(&q);
	}
	*out = (struct store_mail_place *)(void *)l.p;
	*out_n = l.n;
	return lite_leave(t, rc);
}

static int
lite_place_put(struct store_tx *tx, const struct store_mail_place *p, size_t n,
	       struct err *e)
{
	static const char sql[] =
	    "INSERT OR REPLACE INTO mail_place (account_id, " PLACE ")"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, "store.place_put", e);
	struct lite_q q;
	int rc = 0;

	if (t == NULL)
		return -1;
	if (lite_query(t, &q, sql, "store.place_put", e) < 0)
		return lite_leave(t, -1);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		lite_int(&q, p[i].collection);
		lite_int(&q, p[i].uid);
		lite_int(&q, p[i].item);
		lite_int(&q, p[i].flags);
		lite_int(&q, p[i].modseq);
		lite_int(&q, p[i].size);
		rc = lite_run(&q, e);
	}
	lite_end(&q);
	return lite_leave(t, rc);
}

static int
lite_place_drop(struct store_tx *tx, int64_t collection, const int64_t *uid,
		size_t n, struct err *e)
{
	static const char sql[] = "DELETE FROM mail_place WHERE account_id = ?1"
				  " AND collection_id = ?2 AND uid = ?3";
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, "store.place_drop", e);
	struct lite_q q;
	int rc = 0;

	if (t == NULL)
		return -1;
	if (lite_query(t, &q, sql, "store.place_drop", e) < 0)
		return lite_leave(t, -1);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		lite_int(&q, collection);
		lite_int(&q, uid[i]);
		rc = lite_run(&q, e);
	}
	lite_end(&q);
	return lite_leave(t, rc);
}

/* ---- bytes ------------------------------------------------------------------
 */

static int
lite_body_put(struct store_tx *tx, const struct store_mail_body *b, size_t n,
	      struct err *e)
{
	static const char sql[] =
	    "INSERT OR REPLACE INTO mail_body (account_id, item_id, whole,"
	    " bytes) VALUES (?1, ?2, ?3, ?4)";
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, "store.body_put", e);
	struct lite_q q;
	int rc = 0;

	if (t == NULL)
		return -1;
	if (lite_query(t, &q, sql, "store.body_put", e) < 0)
		return lite_leave(t, -1);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		lite_int(&q, b[i].item);
		lite_int(&q, b[i].whole);
		lite_blob(&q, b[i].bytes);
		rc = lite_run(&q, e);
	}
	lite_end(&q);
	return lite_leave(t, rc);
}

/* The length first: a row too many is not read. */
static int
body_row(struct lite_q *q, struct lite_list *l, size_t *room, bool *full,
	 struct err *e)
{
	struct store_mail_body *one;
	int rc = lite_step(q, e);
	size_t size;

	if (rc <= 0)
		return rc;
	size = (size_t)lite_col(q, 2);
	*full = l->n > 0 && size > *room;
	if (*full)
		return 0;
	*room -= size < *room ? size : *room;
	one = lite_list_add(l);
	if (one == NULL)
		return lite_nomem(q->where, e);
	one->item = lite_col(q, 0);
	one->whole = lite_col_bool(q, 1);
	one->bytes = lite_col_bytes(q, l->a, 3);
	return lite_good(q, e);
}

static int
lite_body_get(struct store_tx *tx, struct arena *a, const int64_t *item,
	      size_t n, size_t max_bytes, struct store_mail_body **out,
	      size_t *out_n, struct err *e)
{
	static const char sql[] =
	    "SELECT item_id, whole, length(bytes), bytes FROM mail_body"
	    " WHERE account_id = ?1 AND item_id = ?2";
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.body_get", e);
	struct lite_list l = { .a = a, .size = sizeof(**out) };
	struct lite_q q;
	bool full = false;
	int rc;

	if (t == NULL)
		return -1;
	rc = lite_query(t, &q, sql, "store.body_get", e);
	if (rc == 0) {
		for (size_t i = 0; rc == 0 && i < n && !full; i++) {
			lite_int(&q, item[i]);
			rc = body_row(&q, &l, &max_bytes, &full, e);
			lite_rewind(&q);
		}
		lite_end(&q);
	}
	*out = (struct store_mail_body *)(void *)l.p;
	*out_n = l.n;
	return lite_leave(t, rc);
}

static int
lite_body_drop(struct store_tx *tx, const int64_t *item, size_t n,
	       struct err *e)
{
	static const char sql[] =
	    "DELETE FROM mail_body WHERE account_id = ?1 AND item_id = ?2";
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, "store.body_drop", e);
	struct lite_q q;
	int rc = 0;

	if (t == NULL)
		return -1;
	if (lite_query(t, &q, sql, "store.body_drop", e) < 0)
		return lite_leave(t, -1);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		lite_int(&q, item[i]);
		rc = lite_run(&q, e);
	}
	lite_end(&q);
	return lite_leave(t, rc);
}

/* ---- the newest
 * -------------------------------------------------------------- */

/* Of one collection the instant behind which `*count` items begin, if there are
   that many: a step of the search over several. */
static int
newest_of(struct lite_q *q, struct lite_list *l, struct err *e)
{
	int64_t *one;
	int rc;

	while ((one = lite_row(q, l, &rc, e)) != NULL)
		*one = lite_col(q, 0);
	return rc;
}

static int
cmp_newest(const void *x, const void *y)
{
	const int64_t *a = x;
	const int64_t *b = y;

	return *a < *b ? 1 : *a > *b ? -1 : 0;
}

static int
lite_newest(struct store_tx *tx, const int64_t *collection, size_t n,
	    int64_t count, int64_t *since_ms, struct err *e)
{
	static const char sql[] =
	    "SELECT span_from FROM item WHERE account_id = ?1"
	    " AND collection_id = ?2 AND span_from IS NOT NULL AND deleted = 0"
	    " ORDER BY span_from DESC, item_id DESC LIMIT ?3";
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.newest", e);
	struct arena *a;
	struct lite_list l = { .size = sizeof(int64_t) };
	struct lite_q q;
	int rc;

	*since_ms = INT64_MIN;
	if (t == NULL)
		return -1;
	l.a = a = arena_new((size_t)16 << 20);
	if (a == NULL)
		return lite_leave(t, lite_nomem("store.newest", e));
	rc = lite_query(t, &q, sql, "store.newest", e);
	if (rc == 0) {
		for (size_t i = 0; rc == 0 && i < n; i++) {
			lite_int(&q, collection[i]);
			lite_int(&q, count + 1);
			rc = newest_of(&q, &l, e);
			lite_rewind(&q);
		}
		lite_end(&q);
	}
	if (rc == 0 && count > 0 && l.n > (size_t)count) {
		int64_t *ms = (int64_t *)(void *)l.p;

		qsort(ms, l.n, sizeof(*ms), cmp_newest);
		*since_ms = ms[count - 1];
	}
	arena_free(&a);
	return lite_leave(t, rc);
}

const struct store_mail_vtbl lite_mail_vtbl = {
	.logins_due = lite_logins_due,
	.effects_due = lite_effects_due,
	.buckets = mail_buckets,
	.login_get = lite_login_get,
	.login_put = lite_login_put,
	.login_drop = lite_login_drop,
	.folder_list = lite_folder_list,
	.folder_put = lite_folder_put,
	.folder_drop = lite_folder_drop,
	.place_page = lite_place_page,
	.place_of = lite_place_of,
	.place_put = lite_place_put,
	.place_drop = lite_place_drop,
	.body_put = lite_body_put,
	.body_get = lite_body_get,
	.body_drop = lite_body_drop,
	.effect_add = lite_effect_add,
	.effect_set = lite_effect_set,
	.effect_get = lite_effect_get,
	.effect_of = lite_effect_of,
	.effect_due = lite_effect_due,
	.effect_list = lite_effect_list,
	.newest = lite_newest,
};
