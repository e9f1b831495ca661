/*
 * Is the database sound? What no constraint can promise; each statement gives
 * one sentence per finding. That its own files are sound PostgreSQL says
 * (pg_amcheck, data checksums).
 */
#include "backends/postgres/pg.h"

/*
 * One rule: what is said about each row that breaks it. The sentence begins
 * with the account, whose number `of` names.
 */
struct rule {
	const char *say;  /* for format(), behind "account %s: " */
	const char *args; /* its arguments */
	const char *of;
	const char *from; /* FROM, WHERE and so on */
};

#define NOT_THERE ", which is not there"

static const struct rule ITEMS[] = {
	{ "item %s has no current revision %s", "i.item_id, i.revision",
	  "i.account_id",
	  "item i WHERE NOT EXISTS (SELECT 1 FROM revision r"
	  " WHERE r.account_id = i.account_id AND r.item_id = i.item_id"
	  " AND r.revision = i.revision)" },
	{ "item %s and its current revision differ in size, content hash or"
	  " being deleted",
	  "i.item_id", "i.account_id",
	  "item i JOIN revision r ON r.account_id = i.account_id"
	  " AND r.item_id = i.item_id AND r.revision = i.revision"
	  " WHERE r.deleted <> i.deleted OR length(r.body) <> i.size"
	  " OR r.h_content <> i.h_content OR r.side <> 0" },
	{ "item %s has revision %s, above its last one %s",
	  "i.item_id, max(r.revision), i.last_revision", "i.account_id",
	  "item i JOIN revision r ON r.account_id = i.account_id"
	  " AND r.item_id = i.item_id"
	  " GROUP BY i.account_id, i.item_id, i.last_revision"
	  " HAVING max(r.revision) > i.last_revision" },
	{ "%s revisions of item %s" NOT_THERE, "count(*), r.item_id",
	  "r.account_id",
	  "revision r WHERE NOT EXISTS (SELECT 1 FROM item i"
	  " WHERE i.account_id = r.account_id AND i.item_id = r.item_id)"
	  " GROUP BY r.account_id, r.item_id" },
	{ "item %s is in collection %s" NOT_THERE, "i.item_id, i.collection_id",
	  "i.account_id",
	  "item i WHERE NOT EXISTS (SELECT 1 FROM collection c"
	  " WHERE c.account_id = i.account_id"
	  " AND c.collection_id = i.collection_id)" },
	{ "bytes of mail %s" NOT_THERE, "b.item_id", "b.account_id",
	  "mail_body b WHERE NOT EXISTS (SELECT 1 FROM item i"
	  " WHERE i.account_id = b.account_id AND i.item_id = b.item_id)" },
	{ "%s places of a folder lead to mails" NOT_THERE, "count(*)",
	  "p.account_id",
	  "mail_place p WHERE p.item_id <> 0 AND NOT EXISTS (SELECT 1 FROM"
	  " item i WHERE i.account_id = p.account_id"
	  " AND i.item_id = p.item_id) GROUP BY p.account_id,"
	  " p.collection_id" },
	{ "item %s has number or change number that was never given out",
	  "i.item_id", "i.account_id",
	  "item i JOIN account b ON b.account_id = i.account_id"
	  " WHERE i.item_id >= b.next_id OR i.change_no > b.change_no" },
	{ "item %s is not found by one of its hashes", "i.item_id",
	  "i.account_id",
	  "item i WHERE i.deleted = 0 AND (SELECT count(*) FROM item_hash h"
	  "  WHERE h.account_id = i.account_id AND h.item_id = i.item_id"
	  "  AND h.collection_id = i.collection_id"
	  "  AND h.hash IN (i.h_uid, i.h_content, i.h_identity)) <>"
	  " (SELECT count(DISTINCT v) FROM unnest(ARRAY[i.h_uid, i.h_content,"
	  "  i.h_identity]) AS v WHERE v <> 0)" },
	{ "a hash leads to item %s, which has not got it", "h.item_id",
	  "h.account_id",
	  "item_hash h LEFT JOIN item i ON i.account_id = h.account_id"
	  " AND i.item_id = h.item_id"
	  " WHERE i.item_id IS NULL OR i.deleted <> 0"
	  " OR i.collection_id <> h.collection_id"
	  " OR h.hash NOT IN (i.h_uid, i.h_content, i.h_identity)" },
	{ "revision %s of item %s is replaced and pruning would never see it",
	  "x.revision, x.item_id", "x.account_id",
	  "(SELECT r.account_id, r.item_id, r.revision FROM revision r"
	  " WHERE NOT EXISTS (SELECT 1 FROM item i"
	  "  WHERE i.account_id = r.account_id AND i.item_id = r.item_id"
	  "  AND i.revision = r.revision AND i.deleted = 0)"
	  " EXCEPT SELECT account_id, item_id, revision FROM history) AS x" },
	{ "%s items of %s bytes are recorded, %s of %s are there",
	  "b.used_items, b.used_bytes, u.n, u.size", "b.account_id",
	  "account b JOIN (SELECT c.account_id, count(i.item_id) AS n,"
	  "  coalesce(sum(i.size), 0) AS size FROM account c LEFT JOIN item i"
	  "  ON i.account_id = c.account_id AND i.deleted = 0"
	  "  GROUP BY c.account_id) AS u ON u.account_id = b.account_id"
	  " WHERE b.used_items <> u.n OR b.used_bytes <> u.size" },
};

static const struct rule DEVICES[] = {
	{ "a map row of link %s points at item %s" NOT_THERE,
	  "m.link_id, m.item_id", "m.account_id",
	  "map m WHERE m.state <> 3 AND NOT EXISTS (SELECT 1 FROM item i"
	  " WHERE i.account_id = m.account_id AND i.item_id = m.item_id)" },
	/* A purged item keeps map rows on purpose; all its revisions but the
	   tombstone are gone then. */
	{ "link %s holds revision %s of item %s" NOT_THERE,
	  "m.link_id, m.held, m.item_id", "m.account_id",
	  "map m JOIN item i ON i.account_id = m.account_id"
	  " AND i.item_id = m.item_id AND i.deleted = 0"
	  " WHERE m.held <> 0 AND NOT EXISTS (SELECT 1 FROM revision r"
	  "  WHERE r.account_id = m.account_id AND r.item_id = m.item_id"
	  "  AND r.revision = m.held)" },
	{ "%s map rows of link %s" NOT_THERE, "count(*), m.link_id",
	  "m.account_id",
	  "map m WHERE NOT EXISTS (SELECT 1 FROM link l"
	  " WHERE l.account_id = m.account_id AND l.link_id = m.link_id)"
	  " GROUP BY m.account_id, m.link_id" },
	{ "link %s belongs to device %s" NOT_THERE, "l.link_id, l.device_id",
	  "l.account_id",
	  "link l WHERE NOT EXISTS (SELECT 1 FROM device d"
	  " WHERE d.account_id = l.account_id AND d.device_id = l.device_id)" },
	{ "link %s belongs to collection %s" NOT_THERE,
	  "l.link_id, l.collection_id", "l.account_id",
	  "link l WHERE NOT EXISTS (SELECT 1 FROM collection c"
	  " WHERE c.account_id = l.account_id"
	  " AND c.collection_id = l.collection_id)" },
	/* What is due already waits for who sends, whatever became of the
	   item. */
	{ "an alarm of item %s is to come" NOT_THERE, "v.item_id",
	  "v.account_id",
	  "alarm_next v LEFT JOIN item i ON i.account_id = v.account_id"
	  " AND i.item_id = v.item_id WHERE coalesce(i.deleted, 1) <> 0"
	  " AND v.due_ms > extract(epoch FROM clock_timestamp()) * 1000" },
	{ "session %s belongs to device %s" NOT_THERE,
	  "s.session_id, s.device_id", "s.account_id",
	  "session s WHERE NOT EXISTS (SELECT 1 FROM device d"
	  " WHERE d.account_id = s.account_id AND d.device_id = s.device_id)" },
	{ "large object of link %s has a hole at byte %s",
	  "c.link_id, c.start_byte", "c.account_id",
	  "chunk c WHERE c.start_byte <> 0 AND NOT EXISTS"
	  " (SELECT 1 FROM chunk p WHERE p.account_id = c.account_id"
	  "  AND p.link_id = c.link_id AND p.dir = c.dir"
	  "  AND p.start_byte < c.start_byte"
	  "  AND p.start_byte + length(p.bytes) = c.start_byte)" },
	{ "device %s is not in the directory", "encode(d.dev_id, 'escape')",
	  "d.account_id",
	  "device d WHERE NOT EXISTS (SELECT 1 FROM device_directory y"
	  " WHERE y.dev_id = d.dev_id AND y.account_id = d.account_id)" },
	{ "cannot log in: its name is not in the directory", "NULL",
	  "b.account_id",
	  "account b WHERE NOT EXISTS (SELECT 1 FROM login l"
	  " WHERE l.account_id = b.account_id)" },
	{ "the login name %s leads to it, and it is not there",
	  "encode(l.user_key, 'escape')", "l.account_id",
	  "login l WHERE NOT EXISTS (SELECT 1 FROM account b"
	  " WHERE b.account_id = l.account_id)" },
};

struct check {
	struct arena *a;
	struct slice *finding;
	size_t n;
};

static int
begin(struct pg_conn *c, struct err *e)
{
	pg_say(c, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
	       "store.check");
	pg_no_hurry(c);
	/* The one who looks at everything. */
	pg_say(c, "SET LOCAL enable_seqscan = on", "store.check");
	return pg_sync(c, e);
}

/* Sentences of one statement, behind those that are there. */
static int
collect(struct pg_conn *c, struct slice sql, struct check *k, struct err *e)
{
	struct slice *all;
	struct pg_q q;

	if (sql.p == NULL)
		return pg_nomem("store.check", e);
	pg_start(c, &q, sql.p, "store.check");
	if (pg_run(&q, e) < 0)
		return -1;
	if (pg_rows(&q) == 0)
		return pg_end(&q, e);
	all = ARENA_ARRAY(k->a, k->n + pg_rows(&q), struct slice);
	if (all == NULL) {
		q.nomem = true;
		return pg_end(&q, e);
	}
	for (size_t i = 0; i < k->n; i++)
		all[i] = k->finding[i];
	while (pg_next(&q))
		all[k->n++] = pg_col_bytes(&q, k->a, 0);
	k->finding = all;
	return pg_end(&q, e);
}

/* The bytes of a name are shown so that nothing can fail, whatever they are;
   of each kind 100 findings are enough. */
static int
keep(struct pg_conn *c, const struct rule *r, size_t n, struct check *k,
     struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = collect(c,
			     arena_printf(k->a,
					  "SELECT format('account %%s: %s',"
					  " coalesce((SELECT encode(a.\"user\","
					  " 'escape') FROM account a"
					  " WHERE a.account_id = %s),"
					  " 'number ' || %s), %s)"
					  " FROM %s LIMIT 100",
					  r[i].say, r[i].of, r[i].of, r[i].args,
					  r[i].from),
			     k, e);
	return rc;
}

/* Rows of accounts that are not there, in any table of that class. */
static int
orphans(struct pg_conn *c, struct check *k, struct err *e)
{
	static const char sql[] =
	    "SELECT format('SELECT format(''table %s: %%s rows of account %%s,"
	    " which is not there'', count(*), t.account_id) FROM %I t"
	    " WHERE NOT EXISTS (SELECT 1 FROM account b"
	    " WHERE b.account_id = t.account_id) GROUP BY t.account_id"
	    " LIMIT 100', name, name) FROM table_class"
	    " WHERE class IN ('account', 'work') AND name <> 'account'"
	    " ORDER BY name";
	struct check each = { .a = k->a };
	int rc = collect(c, slice_c(sql), &each, e);

	for (size_t i = 0; rc == 0 && i < each.n; i++) {
		const char *one = arena_cstr(k->a, each.finding[i]);

		rc = collect(c, slice_c(one), k, e);
	}
	return rc;
}

#define ALL(rules) (rules), sizeof(rules) / sizeof((rules)[0])

int
pg_check(struct store *s, struct arena *a, struct slice **finding, size_t *n,
	 struct err *e)
{
	struct check k = { .a = a };
	struct pg_conn *c = NULL;

	/* A connection of its own, closed again: its statements run once. */
	if (pg_connect(&pg_of(s)->uri, &c, e) < 0)
		return -1;
	c->prepare = false;
	if (begin(c, e) < 0 || keep(c, ALL(ITEMS), &k, e) < 0 ||
	    keep(c, ALL(DEVICES), &k, e) < 0 || orphans(c, &k, e) < 0) {
		pg_disconnect(&c);
		return -1;
	}
	pg_disconnect(&c);
	*finding = k.finding;
	*n = k.n;
	return 0;
}
