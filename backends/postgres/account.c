/*
 * The account's own row and its credentials.
 */
#include "backends/postgres/pg.h"

void
pg_account_read(struct pg_q *q, struct arena *a, struct store_account *out)
{
	*out = (struct store_account){
		.id = pg_col(q, 0),
		.user = pg_col_bytes(q, a, 1),
		.disabled = pg_col_bool(q, 2),
		.zone = pg_col_bytes(q, a, 3),
		.quota_bytes = pg_col(q, 4),
		.quota_items = pg_col(q, 5),
		.used_bytes = pg_col(q, 6),
		.used_items = pg_col(q, 7),
		.change_no = pg_col(q, 8),
		.cred_gen = pg_col(q, 9),
		.created_ms = pg_col(q, 10),
		.alarm = { pg_col_bool(q, 11), (int)pg_col(q, 12),
			   pg_col(q, 13) >= 0, (int)pg_col(q, 13) },
		.push = pg_col_bool(q, 14),
	};
	if (!out->alarm.lead)
		out->alarm.lead_min = 0;
}

static int
account_get(struct pg_tx *t, struct arena *a, struct store_account *out,
	    struct err *e)
{
	static const char sql[] =
	    "SELECT " PG_ACCOUNT_COLS " FROM account WHERE account_id = $1";
	struct pg_q q;
	bool there;

	pg_query(t, &q, sql, "store.account_get");
	if (pg_run(&q, e) < 0)
		return -1;
	there = pg_next(&q);
	if (there) {
		pg_account_read(&q, a, out);
		/* What this transaction wrote counts too. */
		out->used_bytes += t->used.bytes;
		out->used_items += t->used.items;
	}
	if (pg_end(&q, e) < 0)
		return -1;
	if (there)
		return 0;
	return err_set(e, ERR_BUG, "store.account_get",
		       "the account of this transaction is gone");
}

int
pg_account_get(struct store_tx *tx, struct arena *a, struct store_account *out,
	       struct err *e)
{
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.account_get", e);

	return t == NULL ? -1 : pg_leave(t, account_get(t, a, out, e));
}

/* Move the login directory's row: in its own round trip, since a name that is
   taken must be seen before anything else is done. */
static int
rename_login(struct pg_tx *t, struct slice was, struct slice key, struct err *e)
{
	static const char add[] =
	    "INSERT INTO login (account_id, user_key) VALUES ($1, $2)"
	    " ON CONFLICT (user_key) DO NOTHING";
	static const char drop[] =
	    "DELETE FROM login WHERE account_id = $1 AND user_key = $2";
	struct pg_q q[2];
	bool added;

	pg_query(t, &q[0], add, "store.account_set");
	pg_bytes(&q[0], key);
	pg_send(&q[0]);
	pg_query(t, &q[1], drop, "store.account_set");
	pg_bytes(&q[1], was);
	if (pg_run(&q[1], e) < 0)
		return -1;
	added = pg_changed(&q[0]) == 1;
	if (pg_end(&q[0], e) < 0 || pg_end(&q[1], e) < 0)
		return -1;
	if (added)
		return 0;
	return err_set(e, ERR_CONFLICT, "store.account_set",
		       "there is a user \"%.*s\" already", SLICE_ARG(key));
}

static int
follow_name(struct pg_tx *t, struct arena *a, struct slice user, struct err *e)
{
	char new_buf[STORE_USER_MAX];
	char old_buf[STORE_USER_MAX];
	struct store_account was;
	struct slice old;
	struct slice key;

	if (account_get(t, a, &was, e) < 0 ||
	    store_user_key(user, new_buf, &key, e) < 0 ||
	    store_user_key(was.user, old_buf, &old, e) < 0)
		return -1;
	return slice_eq(old, key) ? 0 : rename_login(t, old, key, e);
}

static int
account_set(struct pg_tx *t, const struct store_account *in, struct err *e)
{
	static const char sql[] =
	    "UPDATE account SET \"user\" = $2, disabled = $3, zone = $4,"
	    " quota_bytes = $5, quota_items = $6, cred_gen = $7,"
	    " alarm_on = $8, alarm_hour = $9, alarm_lead = $10"
	    " WHERE account_id = $1";
	struct arena *a = arena_new(65536);
	struct pg_q q;
	int rc;

	if (a == NULL)
		return pg_nomem("store.account_set", e);
	rc = follow_name(t, a, in->user, e);
	arena_free(&a);
	if (rc < 0)
		return -1;
	pg_query(t, &q, sql, "store.account_set");
	pg_bytes(&q, in->user);
	pg_int(&q, in->disabled);
	pg_text(&q, in->zone);
	pg_int(&q, in->quota_bytes);
	pg_int(&q, in->quota_items);
	pg_int(&q, in->cred_gen);
	pg_int(&q, in->alarm.on);
	pg_int(&q, in->alarm.hour);
	pg_int(&q, in->alarm.lead ? in->alarm.lead_min : -1);
	return pg_once(&q, e);
}

int
pg_account_set(struct store_tx *tx, const struct store_account *in,
	       struct err *e)
{
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.account_set", e);

	return t == NULL ? -1 : pg_leave(t, account_set(t, in, e));
}

/* ---- credentials ------------------------------------------------------- */

static int
cred_list(struct pg_tx *t, struct arena *a, struct store_cred **out, size_t *n,
	  struct err *e)
{
	static const char sql[] =
	    "SELECT credential_id, kind, label, device, hash, sealed,"
	    " created_ms, used_ms FROM credential WHERE account_id = $1"
	    " ORDER BY credential_id";
	struct store_cred *one;
	struct pg_q q;

	pg_query(t, &q, sql, "store.cred_list");
	if (pg_run(&q, e) < 0)
		return -1;
	*n = pg_rows(&q);
	*out = one = pg_room(&q, a, sizeof(*one));
	while (pg_next(&q)) {
		*one++ = (struct store_cred){
			.id = pg_col(&q, 0),
			.kind = (enum store_cred_kind)pg_col(&q, 1),
			.label = pg_col_bytes(&q, a, 2),
			.device = pg_col_bytes(&q, a, 3),
			.hash = pg_col_bytes(&q, a, 4),
			.sealed = pg_col_bytes(&q, a, 5),
			.created_ms = pg_col(&q, 6),
			.used_ms = pg_col(&q, 7),
		};
	}
	return pg_end(&q, e);
}

int
pg_cred_list(struct store_tx *tx, struct arena *a, struct store_cred **out,
	     size_t *n, struct err *e)
{
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.cred_list", e);

	return t == NULL ? -1 : pg_leave(t, cred_list(t, a, out, n, e));
}

int
pg_cred_put(struct store_tx *tx, const struct store_cred *in, struct err *e)
{
	static const char sql[] =
	    "INSERT INTO credential (account_id, credential_id, kind, label,"
	    " device, hash, sealed, created_ms, used_ms)"
	    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
	    " ON CONFLICT (account_id, credential_id) DO UPDATE SET"
	    " kind = excluded.kind, label = excluded.label,"
	    " device = excluded.device, hash = excluded.hash,"
	    " sealed = excluded.sealed, created_ms = excluded.created_ms,"
	    " used_ms = excluded.used_ms";
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.cred_put", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	pg_query(t, &q, sql, "store.cred_put");
	pg_int(&q, in->id);
	pg_int(&q, (int64_t)in->kind);
	pg_text(&q, in->label);
	pg_bytes(&q, in->device);
	pg_bytes(&q, in->hash);
	pg_bytes(&q, in->sealed);
	pg_int(&q, in->created_ms);
	pg_int(&q, in->used_ms);
	return pg_leave(t, pg_once(&q, e));
}

int
pg_cred_drop(struct store_tx *tx, int64_t id, struct err *e)
{
	static const char sql[] = "DELETE FROM credential"
				  " WHERE account_id = $1"
				  " AND credential_id = $2";
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.cred_drop", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	pg_query(t, &q, sql, "store.cred_drop");
	pg_int(&q, id);
	return pg_leave(t, pg_once(&q, e));
}
