/*
 * Site tables: values of the site, the login and device directories, and the
 * making and erasing of accounts. All statements of one pg_sync() are one
 * transaction, so none of these needs a BEGIN.
 */
#include "backends/postgres/pg.h"

#include "base/random.h"

/* ---- values ------------------------------------------------------------ */

static const char SQL_SITE_GET[] = "SELECT value FROM site WHERE key = $1";

static int
site_get(struct pg_conn *c, struct arena *a, const char *key,
	 struct slice **out, struct err *e)
{
	struct pg_q q;

	pg_start(c, &q, SQL_SITE_GET, "store.site_get");
	pg_text(&q, slice_c(key));
	if (pg_run(&q, e) < 0)
		return -1;
	*out = pg_room(&q, a, sizeof(**out));
	if (pg_next(&q))
		**out = pg_col_bytes(&q, a, 0);
	return pg_end(&q, e);
}

int
pg_site_get(struct store *s, struct arena *a, const char *key,
	    struct slice **out, struct err *e)
{
	struct pg_conn *c;
	int rc;

	*out = NULL;
	if (pg_site_begin(s, &c, e) < 0)
		return -1;
	rc = site_get(c, a, key, out, e);
	pg_site_end(s, c);
	return rc;
}

int
pg_site_init(struct store *s, struct arena *a, const char *key,
	     struct slice value, struct slice *out, struct err *e)
{
	static const char sql[] =
	    "INSERT INTO site (key, value) VALUES ($1, $2)"
	    " ON CONFLICT (key) DO NOTHING";
	struct slice *now = NULL;
	struct pg_conn *c;
	struct pg_q q;
	int rc;

	if (pg_site_begin(s, &c, e) < 0)
		return -1;
	pg_start(c, &q, sql, "store.site_init");
	pg_text(&q, slice_c(key));
	pg_bytes(&q, value);
	pg_send(&q);
	rc = site_get(c, a, key, &now, e);
	if (rc == 0)
		rc = pg_end(&q, e);
	pg_site_end(s, c);
	if (rc < 0)
		return -1;
	if (now == NULL)
		return err_set(e, ERR_BUG, "store.site_init", "%s is not there",
			       key);
	*out = *now;
	return 0;
}

/* ---- directories ------------------------------------------------------- */

/* Accounts in the first column. */
static int
find(struct store *s, struct pg_q *q, int64_t *account, size_t *n,
     struct err *e)
{
	int rc = pg_run(q, e);

	if (rc == 0) {
		while (pg_next(q))
			account[(*n)++] = pg_col(q, 0);
		rc = pg_end(q, e);
	}
	pg_site_end(s, q->c);
	return rc;
}

int
pg_login_find(struct store *s, struct slice user, int64_t *account,
	      struct err *e)
{
	static const char sql[] =
	    "SELECT account_id FROM login WHERE user_key = $1";
	char buf[STORE_USER_MAX];
	struct pg_conn *c;
	struct slice key;
	struct pg_q q;
	size_t n = 0;

	*account = 0;
	/* A name that cannot exist is a name that is not there. */
	if (store_user_key(user, buf, &key, NULL) < 0)
		return 0;
	if (pg_site_begin(s, &c, e) < 0)
		return -1;
	pg_start(c, &q, sql, "store.login_find");
	pg_bytes(&q, key);
	return find(s, &q, account, &n, e);
}

int
pg_device_find(struct store *s, struct slice dev_id, int64_t *account,
	       size_t max, size_t *n, struct err *e)
{
	static const char sql[] = "SELECT account_id FROM device_directory"
				  " WHERE dev_id = $1 ORDER BY account_id"
				  " LIMIT $2";
	struct pg_conn *c;
	struct pg_q q;

	*n = 0;
	if (pg_site_begin(s, &c, e) < 0)
		return -1;
	pg_start(c, &q, sql, "store.device_find");
	pg_bytes(&q, dev_id);
	pg_int(&q, max > INT32_MAX ? INT32_MAX : (int64_t)max);
	return find(s, &q, account, n, e);
}

/* ---- accounts ---------------------------------------------------------- */

/* The directory decides: without the name's row there comes no account. */
static int
create(struct pg_conn *c, const struct store_account *in, struct slice key,
       int64_t id, struct err *e)
{
	static const char sql[] =
	    "WITH l AS (INSERT INTO login (user_key, account_id)"
	    "  VALUES ($1, $2) ON CONFLICT (user_key) DO NOTHING"
	    "  RETURNING account_id)"
	    " INSERT INTO account (account_id, \"user\", disabled, zone,"
	    " quota_bytes, quota_items, used_bytes, used_items, change_no,"
	    " next_id, cred_gen, created_ms, moved, alarm_on, alarm_hour,"
	    " alarm_lead, push)"
	    " SELECT account_id, $3, $4, $5, $6, $7, 0, 0, 0, 1, $8, $9, 0,"
	    " 0, 8, -1, 0 FROM l";
	bool made;
	struct pg_q q;

	pg_start(c, &q, sql, "store.account_create");
	pg_bytes(&q, key);
	pg_int(&q, id);
	pg_bytes(&q, in->user);
	pg_int(&q, in->disabled);
	pg_text(&q, in->zone);
	pg_int(&q, in->quota_bytes);
	pg_int(&q, in->quota_items);
	pg_int(&q, in->cred_gen);
	pg_int(&q, in->created_ms);
	if (pg_run(&q, e) < 0)
		return -1;
	made = pg_changed(&q) == 1;
	if (pg_end(&q, e) < 0)
		return -1;
	if (made)
		return 0;
	return err_set(e, ERR_CONFLICT, "store.account_create",
		       "there is a user \"%.*s\" already", SLICE_ARG(in->user));
}

/*
 * A random number: no node and no shard has to be asked. 53 bits, so that two
 * never meet and no reader of reports rounds it. Where one is taken all the
 * same, its row is refused, and the next draw is tried.
 */
static int64_t
draw_id(void)
{
	uint64_t draw;

	do {
		rnd_system.fill(&rnd_system, &draw, sizeof(draw));
		draw &= ((uint64_t)1 << 53) - 1;
	} while (draw == 0);
	return (int64_t)draw;
}

int
pg_account_create(struct store *s, const struct store_account *in, int64_t *id,
		  struct err *e)
{
	struct err own = { .code = ERR_NONE };
	char buf[STORE_USER_MAX];
	struct pg_conn *c;
	struct slice key;
	int tries = 0;
	int rc;

	if (store_user_key(in->user, buf, &key, e) < 0)
		return -1;
	do {
		if (pg_site_begin(s, &c, e) < 0)
			return -1;
		*id = draw_id();
		rc = create(c, in, key, *id, &own);
		pg_site_end(s, c);
	} while (rc < 0 && own.sys == PG_STATE('2', '3', '5', '0', '5') &&
		 ++tries < 8);
	if (rc < 0 && e != NULL)
		*e = own;
	return rc;
}

/* Every table with rows of an account; a test compares it with table_class.
   The account's row first: who writes has it locked, who comes later finds
   none. */
static const char *const SQL_ERASE[] = {
	"DELETE FROM account WHERE account_id = $1",
	"DELETE FROM login WHERE account_id = $1",
	("DELETE FROM device_directory WHERE account_id = $1 AND dev_id IN"
	 " (SELECT dev_id FROM device WHERE account_id = $1)"),
	"DELETE FROM credential WHERE account_id = $1",
	"DELETE FROM collection WHERE account_id = $1",
	"DELETE FROM item WHERE account_id = $1",
	"DELETE FROM item_hash WHERE account_id = $1",
	"DELETE FROM revision WHERE account_id = $1",
	"DELETE FROM history WHERE account_id = $1",
	"DELETE FROM device WHERE account_id = $1",
	"DELETE FROM link WHERE account_id = $1",
	"DELETE FROM map WHERE account_id = $1",
	"DELETE FROM session WHERE account_id = $1",
	"DELETE FROM session_state WHERE account_id = $1",
	"DELETE FROM answer WHERE account_id = $1",
	"DELETE FROM story WHERE account_id = $1",
	"DELETE FROM session_store WHERE account_id = $1",
	"DELETE FROM session_event WHERE account_id = $1",
	"DELETE FROM auth_day WHERE account_id = $1",
	"DELETE FROM chunk WHERE account_id = $1",
	"DELETE FROM alarm_next WHERE account_id = $1",
	"DELETE FROM delivery WHERE account_id = $1",
	"DELETE FROM reminder_seen WHERE account_id = $1",
	"DELETE FROM setting WHERE account_id = $1",
	"DELETE FROM mail_folder WHERE account_id = $1",
	"DELETE FROM mail_place WHERE account_id = $1",
	"DELETE FROM mail_body WHERE account_id = $1",
	"DELETE FROM mail_effect WHERE account_id = $1",
	"DELETE FROM mail_login WHERE account_id = $1",
	"DELETE FROM push_due WHERE account_id = $1",
	"DELETE FROM push_device WHERE account_id = $1",
	"DELETE FROM notice WHERE account_id = $1",
	"DELETE FROM address_directory WHERE account_id = $1",
};

int
pg_account_erase(struct store *s, int64_t account, struct err *e)
{
	enum { N = sizeof(SQL_ERASE) / sizeof(SQL_ERASE[0]) };
	struct pg_q q[N];
	struct pg_conn *c;
	int rc;

	if (pg_site_begin(s, &c, e) < 0)
		return -1;
	pg_no_hurry(c);
	for (size_t i = 0; i < N; i++) {
		pg_start(c, &q[i], SQL_ERASE[i], "store.account_erase");
		pg_int(&q[i], account);
		pg_send(&q[i]);
	}
	rc = pg_sync(c, e);
	for (size_t i = 0; rc == 0 && i < N; i++)
		(void)pg_end(&q[i], NULL);
	pg_site_end(s, c);
	return rc;
}

int
pg_account_list(struct store *s, struct arena *a, struct store_account **out,
		size_t *n, struct err *e)
{
	static const char sql[] = "SELECT " PG_ACCOUNT_COLS
				  " FROM login JOIN account USING (account_id)"
				  " ORDER BY user_key";
	struct store_account *one;
	struct pg_conn *c;
	struct pg_q q;
	int rc;

	if (pg_site_begin(s, &c, e) < 0)
		return -1;
	pg_start(c, &q, sql, "store.account_list");
	rc = pg_run(&q, e);
	if (rc == 0) {
		*n = pg_rows(&q);
		*out = one = pg_room(&q, a, sizeof(*one));
		while (pg_next(&q))
			pg_account_read(&q, a, one++);
		rc = pg_end(&q, e);
	}
	pg_site_end(s, c);
	return rc;
}
