/*
 * Housekeeping. Every batch is one short write transaction of one account, so
 * that phones get their turns in between; what is to go is found and dropped
 * by one statement each.
 */
#include "backends/postgres/pg.h"

enum {
	BATCH = 200,
	CALL = 5000, /* rows after which a call ends: its caller may want to
			stop, and what is left goes at the next one */
};

static const char WHERE[] = "store.prune";

struct prune {
	struct store *s;
	int64_t history_ms, sessions_ms, chunks_ms;
	int64_t n; /* rows that went, all told */
};

/* ---- history ------------------------------------------------------------- */

/*
 * What becomes of the next rows of the history older than $5, behind
 * ($2, $3, $4)?
 *   0  kept: a device holds it, or (a tombstone) it was written later
 *   1  it is current: the row of the history goes
 *   2  replaced, or its item is gone: the revision goes too
 *   3  a tombstone that nobody wants: the item goes
 * A map row refers to an item, or to a revision by holding or being offered
 * it. Scalar selects, since PostgreSQL would rather read a whole table once
 * than look up some rows of an EXISTS.
 */
#define FATES                                                                  \
	"WITH RECURSIVE " PG_GENS                                              \
	", aged AS MATERIALIZED (SELECT at_ms, item_id, revision FROM history" \
	" WHERE account_id = $1 AND (at_ms, item_id, revision) > ($2, $3, $4)" \
	" AND at_ms < $5 ORDER BY at_ms, item_id, revision LIMIT $6),"         \
	" fate AS MATERIALIZED (SELECT a.at_ms, a.item_id, a.revision,"        \
	" CASE WHEN i.item_id IS NULL THEN 2"                                  \
	" WHEN i.revision = a.revision AND i.deleted = 0 THEN 1"               \
	" WHEN (SELECT 1 FROM g JOIN map m ON m.account_id = $1"               \
	"  AND m.link_id = g.link_id AND m.gen = g.gen"                        \
	"  AND m.item_id = a.item_id WHERE i.revision = a.revision"            \
	"  OR m.held = a.revision OR (SELECT 1 FROM"                           \
	"   generate_series(1, length(m.offers), 16) AS at"                    \
	"   WHERE substr(m.offers, at, 8) = int8send(a.revision)"              \
	"   LIMIT 1) = 1 LIMIT 1) = 1 THEN 0"                                  \
	" WHEN i.revision <> a.revision THEN 2"                                \
	" WHEN (SELECT 1 FROM revision r WHERE r.account_id = $1"              \
	"  AND r.item_id = a.item_id AND r.at_ms >= $5 LIMIT 1) = 1 THEN 0"    \
	" ELSE 3 END AS fate"                                                  \
	" FROM aged a LEFT JOIN item i ON i.account_id = $1"                   \
	" AND i.item_id = a.item_id)"

struct aged { /* a row of `history` */
	int64_t at_ms;
	int64_t item;
	int64_t revision;
};

/* A deleted item has no hashes and uses no quota: its head and revisions are
   all there is. One batch; *more says whether there may be another. */
static int
history_batch(struct prune *p, struct pg_tx *t, struct aged *at, bool *more,
	      struct err *e)
{
	static const char sql[] = FATES
	    ", rev AS (DELETE FROM revision r USING fate f"
	    " WHERE f.fate = 2 AND r.account_id = $1"
	    " AND r.item_id = f.item_id AND r.revision = f.revision"
	    " RETURNING 1),"
	    " rest AS (DELETE FROM revision r USING fate f"
	    " WHERE f.fate = 3 AND r.account_id = $1 AND r.item_id = f.item_id"
	    " AND NOT EXISTS (SELECT 1 FROM fate x WHERE x.fate = 2"
	    "  AND x.item_id = r.item_id AND x.revision = r.revision)),"
	    " mail AS (DELETE FROM mail_body b USING fate f WHERE f.fate = 3"
	    " AND b.account_id = $1 AND b.item_id = f.item_id),"
	    " head AS (DELETE FROM item i USING fate f WHERE f.fate = 3"
	    " AND i.account_id = $1 AND i.item_id = f.item_id RETURNING 1),"
	    " told AS (DELETE FROM history h USING fate f WHERE f.fate > 0"
	    " AND h.account_id = $1 AND h.at_ms = f.at_ms"
	    " AND h.item_id = f.item_id AND h.revision = f.revision)"
	    " SELECT (SELECT count(*) FROM rev) + (SELECT count(*) FROM head),"
	    " (SELECT count(*) FROM aged), a.at_ms, a.item_id, a.revision"
	    " FROM aged a ORDER BY a.at_ms DESC, a.item_id DESC,"
	    " a.revision DESC LIMIT 1";
	struct pg_q q;

	pg_query(t, &q, sql, WHERE);
	pg_int(&q, at->at_ms);
	pg_int(&q, at->item);
	pg_int(&q, at->revision);
	pg_int(&q, p->history_ms);
	pg_int(&q, BATCH);
	if (pg_run(&q, e) < 0)
		return -1;
	*more = false;
	if (pg_next(&q)) {
		p->n += pg_col(&q, 0);
		*more = pg_col(&q, 1) == BATCH;
		*at = (struct aged){ pg_col(&q, 2), pg_col(&q, 3),
				     pg_col(&q, 4) };
	}
	return pg_end(&q, e);
}

/* ---- sessions and chunks ------------------------------------------------- */

enum { TIMED_MAX = 8 };

/* Statements with one time as $2, in one round trip; what each of the first
   `counted` changed is added to p->n. */
struct timed {
	const char *sql;
	int64_t ms;
};

static int
run_timed(struct prune *p, struct pg_tx *t, const struct timed *s, size_t n,
	  size_t counted, struct err *e)
{
	struct pg_q q[TIMED_MAX];

	for (size_t i = 0; i < n; i++) {
		pg_query(t, &q[i], s[i].sql, WHERE);
		pg_int(&q[i], s[i].ms);
		pg_send(&q[i]);
	}
	if (pg_sync(t->c, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (i < counted)
			p->n += pg_changed(&q[i]);
		(void)pg_end(&q[i], NULL);
	}
	return 0;
}

#define SILENT                                                                 \
	" FROM session WHERE account_id = $1 AND kept = 1 AND last_ms < $2"

/* Without its state a session cannot go on. */
static int
sessions_and_chunks(struct prune *p, struct pg_tx *t, struct err *e)
{
	static const char chunks[] =
	    "DELETE FROM chunk WHERE account_id = $1 AND (link_id, dir) IN"
	    " (SELECT link_id, dir FROM chunk WHERE account_id = $1"
	    "  GROUP BY link_id, dir HAVING max(at_ms) < $2)";
	static const char answers[] =
	    "DELETE FROM answer WHERE account_id = $1"
	    " AND session_id IN (SELECT session_id" SILENT ")";
	static const char states[] =
	    "DELETE FROM session_state WHERE account_id = $1"
	    " AND session_id IN (SELECT session_id" SILENT ")";
	static const char closed[] =
	    "UPDATE session SET kept = 0, verdict = CASE WHEN closed = 0 AND"
	    " verdict = '' THEN 'the device did not come back' ELSE verdict"
	    " END, closed = 1 WHERE account_id = $1 AND kept = 1"
	    " AND last_ms < $2";
	/* What was settled stays as long as the history; what came in, as long
	   as it may come again. */
	static const char sent[] =
	    "DELETE FROM delivery WHERE account_id = $1 AND written_ms < $2"
	    " AND next_ms IS NULL";
	static const char seen[] =
	    "DELETE FROM reminder_seen WHERE account_id = $1 AND at_ms < $2";
	static const char effects[] =
	    "DELETE FROM mail_effect WHERE account_id = $1 AND written_ms < $2"
	    " AND next_ms IS NULL";
	static const char told[] =
	    "DELETE FROM notice WHERE account_id = $1 AND queued_ms < $2";
	const struct timed s[] = {
		{ chunks, p->chunks_ms },   { answers, p->sessions_ms },
		{ states, p->sessions_ms }, { sent, p->history_ms },
		{ seen, p->chunks_ms },     { effects, p->history_ms },
		{ told, p->history_ms },    { closed, p->sessions_ms },
	};
	enum { N = sizeof(s) / sizeof(s[0]) };

	_Static_assert((int)N <= (int)TIMED_MAX, "room for all of them");
	return run_timed(p, t, s, N, N - 1, e);
}

/* A session's row, story and reports stay as long as the history that they
   explain. */
#define OF_TOLD                                                                \
	" WHERE account_id = $1 AND session_id IN (SELECT session_id"          \
	" FROM session WHERE account_id = $1 AND kept = 0 AND last_ms < $2"    \
	" ORDER BY session_id LIMIT $3)"

static int
old_sessions(struct prune *p, struct pg_tx *t, bool *more, struct err *e)
{
	static const char *const sql[] = {
		"DELETE FROM story" OF_TOLD,
		"DELETE FROM session_store" OF_TOLD,
		"DELETE FROM session_event" OF_TOLD,
		"DELETE FROM session" OF_TOLD,
	};
	enum { N = sizeof(sql) / sizeof(sql[0]) };
	struct pg_q q[N];

	for (size_t i = 0; i < N; i++) {
		pg_query(t, &q[i], sql[i], WHERE);
		pg_int(&q[i], p->history_ms);
		pg_int(&q[i], BATCH);
		pg_send(&q[i]);
	}
	if (pg_sync(t->c, e) < 0)
		return -1;
	*more = pg_changed(&q[N - 1]) == BATCH;
	for (size_t i = 0; i < N; i++) {
		p->n += pg_changed(&q[i]);
		(void)pg_end(&q[i], NULL);
	}
	return 0;
}

/* ---- over the accounts --------------------------------------------------- */

struct step {
	struct aged at; /* where the history's next batch goes on */
	bool history, stories, rest;
};

static int
step(struct prune *p, struct pg_tx *t, struct step *st, struct err *e)
{
	if (st->rest) {
		st->rest = false;
		if (sessions_and_chunks(p, t, e) < 0)
			return -1;
	}
	if (st->history && history_batch(p, t, &st->at, &st->history, e) < 0)
		return -1;
	return st->stories ? old_sessions(p, t, &st->stories, e) : 0;
}

static int
prune_account(struct prune *p, int64_t account, struct err *e)
{
	struct step st = { .at = { INT64_MIN, 0, 0 }, true, true, true };
	struct err own = { .code = ERR_NONE };
	struct store_tx *tx;

	while ((st.history || st.stories || st.rest) && p->n < CALL) {
		int64_t before = p->n;

		tx = NULL;
		if (pg_begin(p->s, account, STORE_WRITE, 0, &tx, &own) < 0) {
			/* Erased since the list was made. */
			if (own.code == ERR_NOTFOUND)
				return 0;
			if (e != NULL)
				*e = own;
			return -1;
		}
		if (step(p, (struct pg_tx *)(void *)tx, &st, e) < 0) {
			pg_rollback(&tx);
			p->n = before;
			return -1;
		}
		if (pg_commit(&tx, e) < 0) {
			p->n = before;
			return -1;
		}
	}
	return 0;
}

/* Accounts with anything old: found by reading, each with a few seeks. */
static int
accounts(struct prune *p, struct arena *a, int64_t **out, size_t *n,
	 struct err *e)
{
	static const char sql[] =
	    "SELECT b.account_id FROM account b WHERE"
	    " (SELECT 1 FROM history h"
	    "  WHERE h.account_id = b.account_id AND h.at_ms < $1 LIMIT 1) = 1"
	    " OR (SELECT 1 FROM session s"
	    "  WHERE s.account_id = b.account_id AND s.kept = 1"
	    "  AND s.last_ms < $2 LIMIT 1) = 1"
	    " OR (SELECT 1 FROM session s"
	    "  WHERE s.account_id = b.account_id AND s.kept = 0"
	    "  AND s.last_ms < $1 LIMIT 1) = 1"
	    " OR (SELECT 1 FROM chunk c"
	    "  WHERE c.account_id = b.account_id AND c.at_ms < $3 LIMIT 1) = 1"
	    " OR (SELECT 1 FROM delivery d"
	    "  WHERE d.account_id = b.account_id AND d.written_ms < $1"
	    "  LIMIT 1) = 1"
	    " OR (SELECT 1 FROM mail_effect f"
	    "  WHERE f.account_id = b.account_id AND f.written_ms < $1"
	    "  LIMIT 1) = 1"
	    " OR (SELECT 1 FROM reminder_seen r"
	    "  WHERE r.account_id = b.account_id AND r.at_ms < $3 LIMIT 1) = 1"
	    " OR (SELECT 1 FROM notice n"
	    "  WHERE n.account_id = b.account_id AND n.queued_ms < $1"
	    "  LIMIT 1) = 1";
	struct pg_conn *c;
	struct pg_q q;
	int64_t *one;
	int rc;

	if (pg_site_begin(p->s, &c, e) < 0)
		return -1;
	pg_start(c, &q, sql, WHERE);
	pg_int(&q, p->history_ms);
	pg_int(&q, p->sessions_ms);
	pg_int(&q, p->chunks_ms);
	rc = pg_run(&q, e);
	if (rc == 0) {
		*n = pg_rows(&q);
		*out = one = pg_room(&q, a, sizeof(**out));
		for (; pg_next(&q); one++)
			*one = pg_col(&q, 0);
		rc = pg_end(&q, e);
	}
	pg_site_end(p->s, c);
	return rc;
}

/* Small tables: all at once. */
static int
site_rows(struct prune *p, struct err *e)
{
	static const char *const sql[] = {
		"DELETE FROM auth_day WHERE day < $1 / 86400000",
		"DELETE FROM node WHERE last_ms < $1",
		"DELETE FROM lease WHERE until_ms < $1",
	};
	enum { N = sizeof(sql) / sizeof(sql[0]) };
	struct pg_q q[N];
	struct pg_conn *c;
	int rc;

	if (pg_site_begin(p->s, &c, e) < 0)
		return -1;
	for (size_t i = 0; i < N; i++) {
		pg_start(c, &q[i], sql[i], WHERE);
		pg_int(&q[i], p->history_ms);
		pg_send(&q[i]);
	}
	rc = pg_sync(c, e);
	for (size_t i = 0; rc == 0 && i < N; i++) {
		p->n += pg_changed(&q[i]);
		(void)pg_end(&q[i], NULL);
	}
	pg_site_end(p->s, c);
	return rc;
}

int
pg_prune(struct store *s, int64_t history_ms, int64_t sessions_ms,
	 int64_t chunks_ms, int64_t *n, struct err *e)
{
	struct arena *a = arena_new((size_t)256 << 20);
	struct prune p = { .s = s,
			   .history_ms = history_ms,
			   .sessions_ms = sessions_ms,
			   .chunks_ms = chunks_ms };
	int64_t *account = NULL;
	size_t account_n = 0;
	int rc;

	rc = a == NULL ? pg_nomem(WHERE, e)
		       : accounts(&p, a, &account, &account_n, e);
	if (rc == 0)
		rc = site_rows(&p, e);
	for (size_t i = 0; rc == 0 && i < account_n && p.n < CALL; i++)
		rc = prune_account(&p, account[i], e);
	arena_free(&a);
	*n = p.n;
	return rc;
}
