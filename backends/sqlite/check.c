/*
 * Is the database sound? SQLite's own check first, then what no constraint
 * can promise. Each statement gives one sentence per finding.
 */
#include "backends/sqlite/lite.h"

/* Of each kind; a broken file must not fill the memory with sentences. */
#define LIMIT " LIMIT 100"

#define USER(id)                                                               \
	"coalesce((SELECT CAST(a.user AS TEXT) FROM account a"                 \
	" WHERE a.account_id = " id "), 'number ' || " id ")"

#define ORPHANS(table)                                                         \
	"SELECT printf('table " table ": %d rows of account %d, which is"      \
	" not there', count(*), account_id) FROM " table                       \
	" WHERE account_id NOT IN (SELECT account_id FROM account)"            \
	" GROUP BY account_id" LIMIT

static const char *const HEADS[] = {
	"SELECT printf('account %s: item %d has no current revision %d',"
	" " USER("i.account_id") ", i.item_id, i.revision) FROM item i"
				 " WHERE NOT EXISTS (SELECT 1 FROM revision r"
				 "  WHERE r.account_id = i.account_id AND "
				 "r.item_id = i.item_id"
				 "  AND r.revision = i.revision)" LIMIT,

	"SELECT printf('account %s: item %d and its current revision differ"
	" in size, content hash or being deleted', " USER(
	    "i.account_id") ", i.item_id) FROM item i CROSS JOIN revision r"
			    " ON r.account_id = i.account_id AND r.item_id = "
			    "i.item_id"
			    " AND r.revision = i.revision"
			    " WHERE r.deleted <> i.deleted OR length(r.body) "
			    "<> i.size"
			    " OR r.h_content <> i.h_content OR r.side <> "
			    "0" LIMIT,

	"SELECT printf('account %s: item %d has revision %d, above its last"
	" one %d', " USER(
	    "i.account_id") ", i.item_id, max(r.revision),"
			    " i.last_revision) FROM item i CROSS JOIN revision "
			    "r"
			    " ON r.account_id = i.account_id AND r.item_id = "
			    "i.item_id"
			    " GROUP BY i.account_id, i.item_id"
			    " HAVING max(r.revision) > i.last_revision" LIMIT,

	"SELECT printf('account %s: %d revisions of item %d, which is not"
	" there', " USER(
	    "r.account_id") ", count(*), r.item_id)"
			    " FROM revision r WHERE NOT EXISTS (SELECT 1 FROM "
			    "item i"
			    "  WHERE i.account_id = r.account_id AND i.item_id "
			    "= r.item_id)"
			    " GROUP BY r.account_id, r.item_id" LIMIT,

	"SELECT printf('account %s: item %d is in collection %d, which is"
	" not there', " USER(
	    "i.account_id") ", i.item_id, i.collection_id)"
			    " FROM item i WHERE NOT EXISTS (SELECT 1 FROM "
			    "collection c"
			    "  WHERE c.account_id = i.account_id"
			    "  AND c.collection_id = i.collection_id)" LIMIT,

	"SELECT printf('account %s: item %d has number or change number that"
	" was never given out', " USER(
	    "i.account_id") ", i.item_id)"
			    " FROM item i JOIN account b ON b.account_id = "
			    "i.account_id"
			    " WHERE i.item_id >= b.next_id OR i.change_no > "
			    "b.change_no" LIMIT,
};

static const char *const SECONDARY[] = {
	"SELECT printf('account %s: item %d is not found by one of its"
	" hashes', " USER(
	    "i.account_id") ", i.item_id) FROM item i"
			    " WHERE i.deleted = 0 AND (SELECT count(*) FROM "
			    "item_hash h"
			    "  WHERE h.account_id = i.account_id"
			    "  AND h.collection_id = i.collection_id AND "
			    "h.item_id = i.item_id"
			    "  AND h.hash IN (i.h_uid, i.h_content, "
			    "i.h_identity))"
			    " <> (SELECT count(DISTINCT v) FROM (SELECT "
			    "i.h_uid AS v UNION ALL"
			    "  SELECT i.h_content UNION ALL SELECT "
			    "i.h_identity)"
			    "  WHERE v <> 0)" LIMIT,

	"SELECT printf('account %s: a hash leads to item %d, which has not"
	" got it', " USER(
	    "h.account_id") ", h.item_id) FROM item_hash h"
			    " LEFT JOIN item i"
			    " ON i.account_id = h.account_id AND i.item_id = "
			    "h.item_id"
			    " WHERE i.item_id IS NULL OR i.deleted <> 0"
			    " OR i.collection_id <> h.collection_id"
			    " OR h.hash NOT IN (i.h_uid, i.h_content, "
			    "i.h_identity)" LIMIT,

	/* EXCEPT sorts both sides once; NOT IN would scan one of them for each
	   row of the other. */
	"SELECT printf('account %s: revision %d of item %d is replaced and"
	" pruning would never see it', " USER(
	    "x.account_id") ", x.revision,"
			    " x.item_id) FROM (SELECT r.account_id, r.item_id,"
			    " r.revision FROM revision r"
			    " WHERE NOT EXISTS (SELECT 1 FROM item i"
			    "  WHERE i.account_id = r.account_id AND i.item_id "
			    "= r.item_id"
			    "  AND i.revision = r.revision AND i.deleted = 0)"
			    " EXCEPT SELECT account_id, item_id, revision"
			    "  FROM history) AS x" LIMIT,

	"SELECT printf('account %s: %d items of %d bytes are recorded, %d of"
	" %d are there', " USER(
	    "b.account_id") ", b.used_items,"
			    " b.used_bytes, u.n, u.size) FROM account b CROSS "
			    "JOIN"
			    " (SELECT c.account_id AS id, count(i.item_id) AS "
			    "n,"
			    "  coalesce(sum(i.size), 0) AS size FROM account c "
			    "LEFT JOIN item i"
			    "  ON i.account_id = c.account_id AND i.deleted = 0"
			    "  GROUP BY c.account_id) AS u ON u.id = "
			    "b.account_id"
			    " WHERE b.used_items <> u.n OR b.used_bytes <> "
			    "u.size" LIMIT,
};

static const char *const MAPS[] = {
	"SELECT printf('account %s: a map row of link %d points at item %d,"
	" which is not there', " USER(
	    "m.account_id") ", m.link_id,"
			    " m.item_id) FROM map m WHERE m.state <> 3"
			    " AND NOT EXISTS (SELECT 1 FROM item i"
			    "  WHERE i.account_id = m.account_id AND i.item_id "
			    "= m.item_id)" LIMIT,

	/* A purged item keeps map rows on purpose; all its revisions but the
	   tombstone are gone then. */
	"SELECT printf('account %s: link %d holds revision %d of item %d,"
	" which is not there', " USER(
	    "m.account_id") ", m.link_id, m.held,"
			    " m.item_id) FROM map m JOIN item i ON "
			    "i.account_id = m.account_id"
			    " AND i.item_id = m.item_id AND i.deleted = 0"
			    " WHERE m.held <> 0 AND NOT EXISTS (SELECT 1 FROM "
			    "revision r"
			    "  WHERE r.account_id = m.account_id AND r.item_id "
			    "= m.item_id"
			    "  AND r.revision = m.held)" LIMIT,

	"SELECT printf('account %s: %d map rows of link %d, which is not"
	" there', " USER(
	    "m.account_id") ", count(*), m.link_id) FROM map m"
			    " WHERE NOT EXISTS (SELECT 1 FROM link l"
			    "  WHERE l.account_id = m.account_id AND l.link_id "
			    "= m.link_id)"
			    " GROUP BY m.account_id, m.link_id" LIMIT,

	"SELECT printf('account %s: link %d belongs to device %d, which is"
	" not there', " USER(
	    "l.account_id") ", l.link_id, l.device_id)"
			    " FROM link l WHERE NOT EXISTS (SELECT 1 FROM "
			    "device d"
			    "  WHERE d.account_id = l.account_id"
			    "  AND d.device_id = l.device_id)" LIMIT,

	"SELECT printf('account %s: link %d belongs to collection %d, which"
	" is not there', " USER(
	    "l.account_id") ", l.link_id,"
			    " l.collection_id) FROM link l WHERE NOT EXISTS"
			    " (SELECT 1 FROM collection c WHERE c.account_id = "
			    "l.account_id"
			    "  AND c.collection_id = l.collection_id)" LIMIT,

	"SELECT printf('account %s: session %d belongs to device %d, which"
	" is not there', " USER(
	    "s.account_id") ", s.session_id, s.device_id)"
			    " FROM session s WHERE NOT EXISTS (SELECT 1 FROM "
			    "device d"
			    "  WHERE d.account_id = s.account_id"
			    "  AND d.device_id = s.device_id)" LIMIT,

	"SELECT printf('account %s: bytes of mail %d, which is not "
	"there', " USER(
	    "b.account_id") ", b.item_id) FROM mail_body b"
			    " WHERE NOT EXISTS (SELECT 1 FROM item i"
			    "  WHERE i.account_id = b.account_id"
			    "  AND i.item_id = b.item_id)" LIMIT,

	"SELECT printf('account %s: %d places of a folder lead to mails,"
	" which is not there', " USER(
	    "p.account_id") ", count(*)) FROM mail_place p"
			    " WHERE p.item_id <> 0 AND NOT EXISTS"
			    " (SELECT 1 FROM item i"
			    "  WHERE i.account_id = p.account_id"
			    "  AND i.item_id = p.item_id)"
			    " GROUP BY p.account_id, p.collection_id" LIMIT,

	"SELECT printf('account %s: large object of link %d has a hole at"
	" byte %d', " USER(
	    "c.account_id") ", c.link_id, c.start_byte)"
			    " FROM chunk c WHERE c.start_byte <> 0 AND NOT "
			    "EXISTS"
			    " (SELECT 1 FROM chunk p WHERE p.account_id = "
			    "c.account_id"
			    "  AND p.link_id = c.link_id AND p.dir = c.dir"
			    "  AND p.start_byte < c.start_byte"
			    "  AND p.start_byte + length(p.bytes) = "
			    "c.start_byte)" LIMIT,
};

/* What is due already waits for who sends, whatever became of the item. */
static const char *const ALARMS[] = {
	"SELECT printf('account %s: an alarm of item %d is to come, which is"
	" not there', " USER(
	    "v.account_id") ", v.item_id) FROM alarm_next v"
			    " LEFT JOIN item i ON i.account_id = v.account_id"
			    " AND i.item_id = v.item_id"
			    " WHERE coalesce(i.deleted, 1) <> 0 AND v.due_ms >"
			    " CAST((julianday('now') - 2440587.5) * 86400000.0"
			    " AS INTEGER)" LIMIT,
};

static const char *const DIRECTORIES[] = {
	"SELECT printf('account %s cannot log in: its name is not in the"
	" directory', CAST(b.user AS TEXT)) FROM account b"
	" WHERE b.account_id NOT IN (SELECT account_id FROM login)" LIMIT,

	"SELECT printf('the login name %s leads to account %d, which is not"
	" there', CAST(l.user_key AS TEXT), l.account_id) FROM login l"
	" WHERE l.account_id NOT IN (SELECT account_id FROM account)" LIMIT,

	"SELECT printf('account %s: device %s is not in the directory',"
	" " USER("d.account_id") ", CAST(d.dev_id AS TEXT)) FROM device d"
				 " WHERE NOT EXISTS (SELECT 1 FROM "
				 "device_directory y"
				 "  WHERE y.dev_id = d.dev_id AND y.account_id "
				 "= d.account_id)" LIMIT,

	ORPHANS("credential"),
	ORPHANS("collection"),
	ORPHANS("item"),
	ORPHANS("item_hash"),
	ORPHANS("revision"),
	ORPHANS("history"),
	ORPHANS("device"),
	ORPHANS("link"),
	ORPHANS("map"),
	ORPHANS("session"),
	ORPHANS("session_state"),
	ORPHANS("answer"),
	ORPHANS("story"),
	ORPHANS("session_store"),
	ORPHANS("session_event"),
	ORPHANS("chunk"),
};

/* Every row is a sentence, but one that says just "ok". */
static int
collect(struct lite_conn *c, const char *sql, struct lite_list *l,
	struct err *e)
{
	struct slice *one;
	struct slice text;
	struct lite_q q;
	int rc;

	if (lite_prepare(c, &q, sql, "store.check", e) < 0)
		return -1;
	while ((rc = lite_step(&q, e)) == 1) {
		text = lite_col_bytes(&q, l->a, 0);
		if (slice_is(text, "ok"))
			continue;
		one = lite_list_add(l);
		if (one == NULL)
			q.nomem = true;
		else
			*one = text;
	}
	lite_end(&q);
	return rc;
}

static int
collect_all(struct lite_conn *c, const char *const *sql, size_t n,
	    struct lite_list *l, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (collect(c, sql[i], l, e) < 0)
			return -1;
	}
	return 0;
}

#define ALL(list) (list), sizeof(list) / sizeof((list)[0])

/* In a damaged file the later statements may not run at all. */
static int
check(struct lite_conn *c, struct lite_list *l, struct err *e)
{
	static const char structure[] = "PRAGMA integrity_check(100)";

	if (collect(c, structure, l, e) < 0)
		return -1;
	if (l->n > 0)
		return 0;
	if (collect_all(c, ALL(HEADS), l, e) < 0 ||
	    collect_all(c, ALL(SECONDARY), l, e) < 0 ||
	    collect_all(c, ALL(ALARMS), l, e) < 0 ||
	    collect_all(c, ALL(MAPS), l, e) < 0)
		return -1;
	return collect_all(c, ALL(DIRECTORIES), l, e);
}

/* Damage that SQLite meets while it reads is a finding, not a failure. */
static int
found_damage(struct lite_list *l, const struct err *e)
{
	struct slice *one;

	if ((e->sys & 0xff) != SQLITE_CORRUPT &&
	    (e->sys & 0xff) != SQLITE_NOTADB)
		return -1;
	one = lite_list_add(l);
	if (one == NULL)
		return -1;
	*one = arena_copy(l->a, slice_c(e->msg));
	return one->p == NULL ? -1 : 0;
}

int
lite_check(struct store *s, struct arena *a, struct slice **finding, size_t *n,
	   struct err *e)
{
	struct lite_list l = { .a = a, .size = sizeof(**finding) };
	struct err own = { .code = ERR_NONE };
	struct lite_conn *c = NULL;
	int rc;

	/* A connection of its own, closed again: its statements run once, and
	   integrity_check fills the cache with pages nobody needs. */
	if (lite_connect(lite_of(s)->path, false, &c, e) < 0)
		return -1;
	rc = lite_script(c, "BEGIN", "store.check", &own);
	if (rc == 0)
		rc = check(c, &l, &own);
	if (sqlite3_get_autocommit(c->db) == 0)
		(void)lite_script(c, "ROLLBACK", "store.check", NULL);
	if (rc < 0)
		rc = found_damage(&l, &own);
	if (rc < 0 && e != NULL)
		*e = own;
	lite_disconnect(&c);
	*finding = (struct slice *)(void *)l.p;
	*n = l.n;
	return rc;
}
