/*
 * Site tables of the nodes: who lives, who does the work that one does for
 * all, and how many logins each saw.
 */
#include "backends/sqlite/lite.h"

/* SQLite's clock, which every process of this file shares. */
#define NOW "CAST((julianday('now') - 2440587.5) * 86400000.0 + 0.5 AS INTEGER)"

/* ---- logins -------------------------------------------------------------- */

/* How many rows a day has of each kind: counted once in a batch. */
struct fill {
	int64_t day; /* -1: none yet */
	int64_t n[STORE_AUTH_HELD + 1];
};

static int
fill_of(struct lite_conn *c, int64_t day, struct fill *f, struct err *e)
{
	static const char sql[] =
	    "SELECT what, count(*) FROM auth_day WHERE day = ?1 GROUP BY what";
	struct lite_q q;
	int rc;

	if (f->day == day)
		return 0;
	*f = (struct fill){ .day = -1 };
	if (lite_prepare(c, &q, sql, "store.auth_count", e) < 0)
		return -1;
	lite_int(&q, day);
	while ((rc = lite_step(&q, e)) == 1) {
		int64_t what = lite_col(&q, 0);

		if (what >= 0 && what <= STORE_AUTH_HELD)
			f->n[what] = lite_col(&q, 1);
	}
	lite_end(&q);
	f->day = day;
	return rc;
}

static int
account_of(struct lite_conn *c, struct slice user, int64_t *id, struct err *e)
{
	static const char sql[] =
	    "SELECT account_id FROM login WHERE user_key = ?1";
	char buf[STORE_USER_MAX];
	struct slice key;
	struct lite_q q;
	int rc;

	*id = 0;
	if (store_user_key(user, buf, &key, NULL) < 0)
		return 0;
	if (lite_prepare(c, &q, sql, "store.auth_count", e) < 0)
		return -1;
	lite_blob(&q, key);
	rc = lite_step(&q, e);
	if (rc == 1)
		*id = lite_col(&q, 0);
	lite_end(&q);
	return rc < 0 ? -1 : 0;
}

/* Add to a row that is there; *hit: it is. */
static int
auth_add(struct lite_conn *c, const struct store_auth_day *in, int64_t account,
	 struct slice net, bool *hit, struct err *e)
{
	static const char sql[] =
	    "UPDATE auth_day SET n = n + ?5, last_ms = max(last_ms, ?6)"
	    " WHERE day = ?1 AND account_id = ?2 AND net = ?3 AND what = ?4";
	struct lite_q q;

	if (lite_prepare(c, &q, sql, "store.auth_count", e) < 0)
		return -1;
	lite_int(&q, in->day);
	lite_int(&q, account);
	lite_text(&q, net);
	lite_int(&q, in->what);
	lite_int(&q, in->n);
	lite_int(&q, in->last_ms);
	if (lite_once(&q, e) < 0)
		return -1;
	*hit = sqlite3_changes64(c->db) > 0;
	return 0;
}

static int
auth_new(struct lite_conn *c, const struct store_auth_day *in, int64_t account,
	 struct slice net, struct err *e)
{
	static const char sql[] =
	    "INSERT INTO auth_day (day, account_id, net, what, n, last_ms)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
	struct lite_q q;

	if (lite_prepare(c, &q, sql, "store.auth_count", e) < 0)
		return -1;
	lite_int(&q, in->day);
	lite_int(&q, account);
	lite_text(&q, net);
	lite_int(&q, in->what);
	lite_int(&q, in->n);
	lite_int(&q, in->last_ms);
	return lite_once(&q, e);
}

static int
auth_one(struct lite_conn *c, const struct store_auth_day *in, size_t max,
	 struct fill *f, struct err *e)
{
	struct slice net = in->net;
	int64_t account;
	bool hit = false;

	if (account_of(c, in->user, &account, e) < 0 ||
	    auth_add(c, in, account, net, &hit, e) < 0)
		return -1;
	if (hit)
		return 0;
	if (fill_of(c, in->day, f, e) < 0)
		return -1;
	if (f->n[in->what] >= (int64_t)max) {
		account = 0;
		net = SLICE_LIT("other");
		if (auth_add(c, in, account, net, &hit, e) < 0)
			return -1;
	}
	if (hit)
		return 0;
	f->n[in->what]++;
	return auth_new(c, in, account, net, e);
}

int
lite_auth_count(struct store *s, const struct store_auth_day *in, size_t n,
		size_t max, struct err *e)
{
	struct fill f = { .day = -1 };
	struct lite_conn *c;
	int rc = 0;

	if (n == 0)
		return 0;
	if (lite_site_begin(lite_of(s), &c, e) < 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = auth_one(c, &in[i], max, &f, e);
	return lite_site_end(lite_of(s), c, rc, e);
}

/* ---- nodes --------------------------------------------------------------- */

int
lite_node_beat(struct store *s, const struct store_node *in, struct err *e)
{
	static const char sql[] =
	    "INSERT INTO node (node_id, name, version, schema_no, started_ms,"
	    " last_ms, stopped)"
	    " VALUES (?1, ?2, ?3, (SELECT max(number) FROM migration), ?4, " NOW
	    ", ?5) ON CONFLICT (node_id) DO UPDATE SET"
	    " name = excluded.name, version = excluded.version,"
	    " schema_no = excluded.schema_no,"
	    " started_ms = excluded.started_ms, last_ms = excluded.last_ms,"
	    " stopped = excluded.stopped";
	struct lite_conn *c;
	struct lite_q q;
	int rc;

	if (lite_site_begin(lite_of(s), &c, e) < 0)
		return -1;
	rc = lite_prepare(c, &q, sql, "store.node_beat", e);
	if (rc == 0) {
		lite_text(&q, in->id);
		lite_text(&q, in->name);
		lite_text(&q, in->version);
		lite_int(&q, in->started_ms);
		lite_int(&q, in->stopped);
		rc = lite_once(&q, e);
	}
	return lite_site_end(lite_of(s), c, rc, e);
}

int
lite_lease_take(struct store *s, const char *name, struct slice owner,
		int64_t ms, bool *got, struct err *e)
{
	static const char sql[] =
	    "INSERT INTO lease (name, owner, until_ms)"
	    " VALUES (?1, ?2, " NOW " + ?3)"
	    " ON CONFLICT (name) DO UPDATE SET owner = excluded.owner,"
	    " until_ms = excluded.until_ms"
	    " WHERE owner = excluded.owner OR until_ms <= " NOW;
	struct lite_conn *c;
	struct lite_q q;
	int rc;

	*got = false;
	if (lite_site_begin(lite_of(s), &c, e) < 0)
		return -1;
	rc = lite_prepare(c, &q, sql, "store.lease_take", e);
	if (rc == 0) {
		lite_text(&q, slice_c(name));
		lite_text(&q, owner);
		lite_int(&q, ms);
		rc = lite_once(&q, e);
		*got = rc == 0 && ms > 0 && sqlite3_changes64(c->db) > 0;
	}
	rc = lite_site_end(lite_of(s), c, rc, e);
	*got = *got && rc == 0;
	return rc;
}
