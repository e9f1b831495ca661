/*
 * Site tables: values of the site, the login and device directories, and the
 * making and erasing of accounts.
 */
#include "backends/sqlite/lite.h"
#include "base/random.h"

/* ---- values ------------------------------------------------------------ */

static const char SQL_SITE_GET[] = "SELECT value FROM site WHERE key = ?1";

/* A value copied into the arena; NULL when it is not set. */
static int
site_read(struct lite_conn *c, struct arena *a, const char *key,
	  struct slice **out, struct err *e)
{
	struct lite_q q;
	int rc;

	*out = NULL;
	if (lite_prepare(c, &q, SQL_SITE_GET, "store.site_get", e) < 0)
		return -1;
	lite_text(&q, slice_c(key));
	rc = lite_step(&q, e);
	if (rc == 1) {
		*out = ARENA_NEW(a, struct slice);
		if (*out != NULL)
			**out = lite_col_bytes(&q, a, 0);
		else
			q.nomem = true;
		rc = lite_good(&q, e);
	}
	lite_end(&q);
	return rc;
}

int
lite_site_get(struct store *s, struct arena *a, const char *key,
	      struct slice **out, struct err *e)
{
	struct lite_conn *c;
	int rc;

	if (lite_take(lite_of(s), &c, e) < 0)
		return -1;
	rc = site_read(c, a, key, out, e);
	lite_give(lite_of(s), c);
	return rc;
}

int
lite_site_init(struct store *s, struct arena *a, const char *key,
	       struct slice value, struct slice *out, struct err *e)
{
	static const char sql[] = "INSERT OR IGNORE INTO site (key, value)"
				  " VALUES (?1, ?2)";
	struct slice *now = NULL;
	struct lite_conn *c;
	struct lite_q q;
	int rc;

	if (lite_site_begin(lite_of(s), &c, e) < 0)
		return -1;
	rc = lite_prepare(c, &q, sql, "store.site_init", e);
	if (rc == 0) {
		lite_text(&q, slice_c(key));
		lite_blob(&q, value);
		rc = lite_once(&q, e);
	}
	if (rc == 0)
		rc = site_read(c, a, key, &now, e);
	if (rc == 0 && now == NULL)
		rc = err_set(e, ERR_BUG, "store.site_init", "%s is not there",
			     key);
	else if (rc == 0)
		*out = *now;
	return lite_site_end(lite_of(s), c, rc, e);
}

/* ---- directories ------------------------------------------------------- */

static int
login_read(struct lite_conn *c, struct slice key, int64_t *account,
	   struct err *e)
{
	static const char sql[] =
	    "SELECT account_id FROM login WHERE user_key = ?1";
	struct lite_q q;
	int rc;

	*account = 0;
	if (lite_prepare(c, &q, sql, "store.login_find", e) < 0)
		return -1;
	lite_blob(&q, key);
	rc = lite_step(&q, e);
	if (rc == 1)
		*account = lite_col(&q, 0);
	lite_end(&q);
	return rc < 0 ? -1 : 0;
}

int
lite_login_find(struct store *s, struct slice user, int64_t *account,
		struct err *e)
{
	char buf[STORE_USER_MAX];
	struct lite_conn *c;
	struct slice key;
	int rc;

	*account = 0;
	/* A name that cannot exist is a name that is not there. */
	if (store_user_key(user, buf, &key, NULL) < 0)
		return 0;
	if (lite_take(lite_of(s), &c, e) < 0)
		return -1;
	rc = login_read(c, key, account, e);
	lite_give(lite_of(s), c);
	return rc;
}

int
lite_device_find(struct store *s, struct slice dev_id, int64_t *account,
		 size_t max, size_t *n, struct err *e)
{
	static const char sql[] = "SELECT account_id FROM device_directory"
				  " WHERE dev_id = ?1 ORDER BY account_id"
				  " LIMIT ?2";
	struct lite_conn *c;
	struct lite_q q;
	int rc;

	*n = 0;
	if (lite_take(lite_of(s), &c, e) < 0)
		return -1;
	rc = lite_prepare(c, &q, sql, "store.device_find", e);
	if (rc == 0) {
		lite_blob(&q, dev_id);
		lite_int(&q, max > INT32_MAX ? INT32_MAX : (int64_t)max);
		while ((rc = lite_step(&q, e)) == 1)
			account[(*n)++] = lite_col(&q, 0);
		lite_end(&q);
	}
	lite_give(lite_of(s), c);
	return rc;
}

/* ---- accounts ---------------------------------------------------------- */

static int
insert_login(struct lite_conn *c, struct slice key, int64_t id, struct err *e)
{
	static const char sql[] = "INSERT INTO login (user_key, account_id)"
				  " VALUES (?1, ?2)";
	struct lite_q q;

	if (lite_prepare(c, &q, sql, "store.account_create", e) < 0)
		return -1;
	lite_blob(&q, key);
	lite_int(&q, id);
	return lite_once(&q, e);
}

static int
insert_account(struct lite_conn *c, const struct store_account *in, int64_t id,
	       struct err *e)
{
	static const char sql[] =
	    "INSERT INTO account (account_id, user, disabled, zone,"
	    " quota_bytes, quota_items, used_bytes, used_items, change_no,"
	    " next_id, cred_gen, created_ms, moved, alarm_on, alarm_hour,"
	    " alarm_lead, push)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0, 0, 1, ?7, ?8, 0, 0, 8, -1,"
	    " 0)";
	struct lite_q q;

	if (lite_prepare(c, &q, sql, "store.account_create", e) < 0)
		return -1;
	lite_int(&q, id);
	lite_blob(&q, in->user);
	lite_int(&q, in->disabled);
	lite_text(&q, in->zone);
	lite_int(&q, in->quota_bytes);
	lite_int(&q, in->quota_items);
	lite_int(&q, in->cred_gen);
	lite_int(&q, in->created_ms);
	return lite_once(&q, e);
}

/*
 * A random number that no account has. 31 bits: every row and index entry of
 * the account begins with it, and an id is not used again soon.
 */
static int
free_id(struct lite_conn *c, int64_t *id, struct err *e)
{
	static const char sql[] = "SELECT 1 FROM account WHERE account_id = ?1";
	struct lite_q q;
	uint32_t draw;
	int rc = -1;

	if (lite_prepare(c, &q, sql, "store.account_create", e) < 0)
		return -1;
	for (int tries = 0; tries < 64; tries++) {
		rnd_system.fill(&rnd_system, &draw, sizeof(draw));
		*id = draw & 0x7fffffff;
		if (*id == 0)
			continue;
		lite_int(&q, *id);
		rc = lite_step(&q, e);
		lite_rewind(&q);
		if (rc <= 0)
			break;
	}
	lite_end(&q);
	if (rc == 1)
		return err_set(e, ERR_BUG, "store.account_create",
			       "no free account number in 64 draws");
	return rc;
}

static int
create(struct lite_conn *c, const struct store_account *in, int64_t *id,
       struct err *e)
{
	char buf[STORE_USER_MAX];
	struct slice key;
	int64_t other;

	if (store_user_key(in->user, buf, &key, e) < 0 ||
	    login_read(c, key, &other, e) < 0)
		return -1;
	if (other != 0)
		return err_set(e, ERR_CONFLICT, "store.account_create",
			       "there is a user \"%.*s\" already",
			       SLICE_ARG(in->user));
	if (free_id(c, id, e) < 0 || insert_login(c, key, *id, e) < 0)
		return -1;
	return insert_account(c, in, *id, e);
}

int
lite_account_create(struct store *s, const struct store_account *in,
		    int64_t *id, struct err *e)
{
	struct lite_conn *c;
	int rc;

	if (lite_site_begin(lite_of(s), &c, e) < 0)
		return -1;
	rc = create(c, in, id, e);
	return lite_site_end(lite_of(s), c, rc, e);
}

/* Every table with rows of an account; a test compares it with table_class. */
static const char *const SQL_ERASE[] = {
	"DELETE FROM login WHERE account_id = ?1",
	("DELETE FROM device_directory WHERE account_id = ?1 AND dev_id IN"
	 " (SELECT dev_id FROM device WHERE account_id = ?1)"),
	"DELETE FROM credential WHERE account_id = ?1",
	"DELETE FROM collection WHERE account_id = ?1",
	"DELETE FROM item WHERE account_id = ?1",
	"DELETE FROM item_hash WHERE account_id = ?1",
	"DELETE FROM revision WHERE account_id = ?1",
	"DELETE FROM history WHERE account_id = ?1",
	"DELETE FROM device WHERE account_id = ?1",
	"DELETE FROM link WHERE account_id = ?1",
	"DELETE FROM map WHERE account_id = ?1",
	"DELETE FROM session WHERE account_id = ?1",
	"DELETE FROM session_state WHERE account_id = ?1",
	"DELETE FROM answer WHERE account_id = ?1",
	"DELETE FROM story WHERE account_id = ?1",
	"DELETE FROM chunk WHERE account_id = ?1",
	"DELETE FROM alarm_next WHERE account_id = ?1",
	"DELETE FROM delivery WHERE account_id = ?1",
	"DELETE FROM reminder_seen WHERE account_id = ?1",
	"DELETE FROM setting WHERE account_id = ?1",
	"DELETE FROM mail_folder WHERE account_id = ?1",
	"DELETE FROM mail_place WHERE account_id = ?1",
	"DELETE FROM mail_body WHERE account_id = ?1",
	"DELETE FROM mail_effect WHERE account_id = ?1",
	"DELETE FROM mail_login WHERE account_id = ?1",
	"DELETE FROM push_due WHERE account_id = ?1",
	"DELETE FROM push_device WHERE account_id = ?1",
	"DELETE FROM notice WHERE account_id = ?1",
	"DELETE FROM address_directory WHERE account_id = ?1",
	"DELETE FROM session_store WHERE account_id = ?1",
	"DELETE FROM session_event WHERE account_id = ?1",
	"DELETE FROM auth_day WHERE account_id = ?1",
	"DELETE FROM account WHERE account_id = ?1",
};

int
lite_account_erase(struct store *s, int64_t account, struct err *e)
{
	struct lite_conn *c;
	struct lite_q q;
	int rc = 0;

	if (lite_site_begin(lite_of(s), &c, e) < 0)
		return -1;
	for (size_t i = 0;
	     rc == 0 && i < sizeof(SQL_ERASE) / sizeof(SQL_ERASE[0]); i++) {
		rc =
		    lite_prepare(c, &q, SQL_ERASE[i], "store.account_erase", e);
		if (rc < 0)
			break;
		lite_int(&q, account);
		rc = lite_once(&q, e);
	}
	/* The write-ahead log still holds the rows' old pages until it is
	   written back: erased means erased. It waits where somebody reads. */
	rc = lite_site_end(lite_of(s), c, rc, e);
	if (rc == 0 && lite_take(lite_of(s), &c, NULL) == 0) {
		(void)sqlite3_wal_checkpoint_v2(
		    c->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
		lite_give(lite_of(s), c);
	}
	return rc;
}

int
lite_account_list(struct store *s, struct arena *a, struct store_account **out,
		  size_t *n, struct err *e)
{
	static const char sql[] = "SELECT " LITE_ACCOUNT_COLS
				  " FROM login JOIN account USING (account_id)"
				  " ORDER BY user_key";
	struct lite_list l = { .a = a, .size = sizeof(**out) };
	struct store_account *one;
	struct lite_conn *c;
	struct lite_q q;
	int rc;

	if (lite_take(lite_of(s), &c, e) < 0)
		return -1;
	rc = lite_prepare(c, &q, sql, "store.account_list", e);
	if (rc == 0) {
		while ((one = lite_row(&q, &l, &rc, e)) != NULL)
			lite_account_read(&q, a, one);
		lite_end(&q);
	}
	lite_give(lite_of(s), c);
	*out = (struct store_account *)(void *)l.p;
	*n = l.n;
	return rc;
}
