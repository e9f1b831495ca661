/*
 * The account's own row and its credentials.
 */
#include "backends/sqlite/lite.h"

void
lite_account_read(struct lite_q *q, struct arena *a, struct store_account *out)
{
	*out = (struct store_account){
		.id = lite_col(q, 0),
		.user = lite_col_bytes(q, a, 1),
		.disabled = lite_col_bool(q, 2),
		.zone = lite_col_bytes(q, a, 3),
		.quota_bytes = lite_col(q, 4),
		.quota_items = lite_col(q, 5),
		.used_bytes = lite_col(q, 6),
		.used_items = lite_col(q, 7),
		.change_no = lite_col(q, 8),
		.cred_gen = lite_col(q, 9),
		.created_ms = lite_col(q, 10),
		.alarm = { lite_col_bool(q, 11), (int)lite_col(q, 12),
			   lite_col(q, 13) >= 0, (int)lite_col(q, 13) },
		.push = lite_col_bool(q, 14),
	};
	if (!out->alarm.lead)
		out->alarm.lead_min = 0;
}

static int
account_get(struct lite_tx *t, struct arena *a, struct store_account *out,
	    struct err *e)
{
	static const char sql[] =
	    "SELECT " LITE_ACCOUNT_COLS " FROM account WHERE account_id = ?1";
	struct lite_q q;
	int rc;

	if (lite_query(t, &q, sql, "store.account_get", e) < 0)
		return -1;
	rc = lite_step(&q, e);
	if (rc == 0)
		rc = err_set(e, ERR_BUG, "store.account_get",
			     "the account of this transaction is gone");
	if (rc > 0) {
		lite_account_read(&q, a, out);
		/* What this transaction wrote counts too. */
		out->used_bytes += t->used.bytes;
		out->used_items += t->used.items;
		rc = lite_good(&q, e);
	}
	lite_end(&q);
	return rc;
}

int
lite_account_get(struct store_tx *tx, struct arena *a,
		 struct store_account *out, struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.account_get", e);

	return t == NULL ? -1 : lite_leave(t, account_get(t, a, out, e));
}

static int
drop_login(struct lite_tx *t, struct arena *a, struct err *e)
{
	static const char sql[] =
	    "DELETE FROM login WHERE account_id = ?1 AND user_key = ?2";
	struct store_account was;
	char buf[STORE_USER_MAX];
	struct slice key;
	struct lite_q q;

	if (account_get(t, a, &was, e) < 0 ||
	    store_user_key(was.user, buf, &key, e) < 0 ||
	    lite_query(t, &q, sql, "store.account_set", e) < 0)
		return -1;
	lite_blob(&q, key);
	return lite_once(&q, e);
}

static int
add_login(struct lite_tx *t, struct slice key, struct err *e)
{
	static const char sql[] =
	    "INSERT INTO login (account_id, user_key) VALUES (?1, ?2)"
	    " ON CONFLICT (user_key) DO NOTHING";
	struct lite_q q;

	if (lite_query(t, &q, sql, "store.account_set", e) < 0)
		return -1;
	lite_blob(&q, key);
	if (lite_once(&q, e) < 0)
		return -1;
	if (sqlite3_changes64(t->c->db) == 1)
		return 0;
	return err_set(e, ERR_CONFLICT, "store.account_set",
		       "there is a user \"%.*s\" already", SLICE_ARG(key));
}

/* Move the login directory's row when the name changes. */
static int
rename_login(struct lite_tx *t, struct slice key, struct err *e)
{
	static const char same[] =
	    "SELECT 1 FROM login WHERE account_id = ?1 AND user_key = ?2";
	struct arena *a;
	struct lite_q q;
	int rc;

	if (lite_query(t, &q, same, "store.account_set", e) < 0)
		return -1;
	lite_blob(&q, key);
	rc = lite_step(&q, e);
	lite_end(&q);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	a = arena_new(65536);
	if (a == NULL)
		return lite_nomem("store.account_set", e);
	rc = drop_login(t, a, e);
	arena_free(&a);
	return rc < 0 ? -1 : add_login(t, key, e);
}

static int
account_set(struct lite_tx *t, const struct store_account *in, struct err *e)
{
	static const char sql[] =
	    "UPDATE account SET user = ?2, disabled = ?3, zone = ?4,"
	    " quota_bytes = ?5, quota_items = ?6, cred_gen = ?7,"
	    " alarm_on = ?8, alarm_hour = ?9, alarm_lead = ?10"
	    " WHERE account_id = ?1";
	char buf[STORE_USER_MAX];
	struct slice key;
	struct lite_q q;

	if (store_user_key(in->user, buf, &key, e) < 0 ||
	    rename_login(t, key, e) < 0 ||
	    lite_query(t, &q, sql, "store.account_set", e) < 0)
		return -1;
	lite_blob(&q, in->user);
	lite_int(&q, in->disabled);
	lite_text(&q, in->zone);
	lite_int(&q, in->quota_bytes);
	lite_int(&q, in->quota_items);
	lite_int(&q, in->cred_gen);
	lite_int(&q, in->alarm.on);
	lite_int(&q, in->alarm.hour);
	lite_int(&q, in->alarm.lead ? in->alarm.lead_min : -1);
	return lite_once(&q, e);
}

int
lite_account_set(struct store_tx *tx, const struct store_account *in,
		 struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, "store.account_set", e);

	return t == NULL ? -1 : lite_leave(t, account_set(t, in, e));
}

/* ---- credentials ------------------------------------------------------- */

static int
cred_list(struct lite_tx *t, struct arena *a, struct lite_list *l,
	  struct err *e)
{
	static const char sql[] =
	    "SELECT credential_id, kind, label, device, hash, sealed,"
	    " created_ms, used_ms FROM credential WHERE account_id = ?1"
	    " ORDER BY credential_id";
	struct store_cred *one;
	struct lite_q q;
	int rc;

	if (lite_query(t, &q, sql, "store.cred_list", e) < 0)
		return -1;
	while ((one = lite_row(&q, l, &rc, e)) != NULL) {
		*one = (struct store_cred){
			.id = lite_col(&q, 0),
			.kind = (enum store_cred_kind)lite_col(&q, 1),
			.label = lite_col_bytes(&q, a, 2),
			.device = lite_col_bytes(&q, a, 3),
			.hash = lite_col_bytes(&q, a, 4),
			.sealed = lite_col_bytes(&q, a, 5),
			.created_ms = lite_col(&q, 6),
			.used_ms = lite_col(&q, 7),
		};
	}
	lite_end(&q);
	return rc;
}

int
lite_cred_list(struct store_tx *tx, struct arena *a, struct store_cred **out,
	       size_t *n, struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.cred_list", e);
	struct lite_list l = { .a = a, .size = sizeof(**out) };

	if (t == NULL || lite_leave(t, cred_list(t, a, &l, e)) < 0)
		return -1;
	*out = (struct store_cred *)(void *)l.p;
	*n = l.n;
	return 0;
}

static int
cred_put(struct lite_tx *t, const struct store_cred *in, struct err *e)
{
	static const char sql[] =
	    "INSERT OR REPLACE INTO credential (account_id, credential_id,"
	    " kind, label, device, hash, sealed, created_ms, used_ms)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
	struct lite_q q;

	if (lite_query(t, &q, sql, "store.cred_put", e) < 0)
		return -1;
	lite_int(&q, in->id);
	lite_int(&q, (int64_t)in->kind);
	lite_text(&q, in->label);
	lite_blob(&q, in->device);
	lite_blob(&q, in->hash);
	lite_blob(&q, in->sealed);
	lite_int(&q, in->created_ms);
	lite_int(&q, in->used_ms);
	return lite_once(&q, e);
}

int
lite_cred_put(struct store_tx *tx, const struct store_cred *in, struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, "store.cred_put", e);

	return t == NULL ? -1 : lite_leave(t, cred_put(t, in, e));
}

int
lite_cred_drop(struct store_tx *tx, int64_t id, struct err *e)
{
	static const char sql[] = "DELETE FROM credential"
				  " WHERE account_id = ?1"
				  " AND credential_id = ?2";
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, "store.cred_drop", e);
	struct lite_q q;

	if (t == NULL)
		return -1;
	if (lite_query(t, &q, sql, "store.cred_drop", e) < 0)
		return lite_leave(t, -1);
	lite_int(&q, id);
	return lite_leave(t, lite_once(&q, e));
}
