/*
 * Housekeeping. Every batch is one short write transaction of one account, so
 * that phones get their turns in between.
 */
#include "backends/sqlite/lite.h"

enum {
	BATCH = 200,
	CALL = 5000, /* rows after which a call ends: its caller may want to
			stop, and what is left goes at the next one */
};

static const char WHERE[] = "store.prune";

struct prune {
	struct store *s;
	int64_t history_ms, sessions_ms, chunks_ms;
	struct arena *a; /* for one batch */
	int64_t n;       /* rows that went, all told */
};

struct aged { /* a row of `history` */
	int64_t at_ms;
	int64_t item;
	int64_t revision;
};

static int
run_int(struct lite_tx *t, const char *sql, const int64_t *v, size_t n,
	int64_t *rows, struct err *e)
{
	struct lite_q q;

	if (lite_query(t, &q, sql, WHERE, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		lite_int(&q, v[i]);
	if (lite_once(&q, e) < 0)
		return -1;
	*rows += sqlite3_changes64(t->c->db);
	return 0;
}

/* ---- history ------------------------------------------------------------- */

/* What the item's head says about a revision out of the history. */
enum fate { FATE_LOST, FATE_REPLACED, FATE_TOMBSTONE, FATE_CURRENT };

static int
fate_of(struct lite_tx *t, const struct aged *r, enum fate *out, struct err *e)
{
	static const char sql[] = "SELECT revision, deleted FROM item"
				  " WHERE account_id = ?1 AND item_id = ?2";
	struct lite_q q;
	int rc;

	if (lite_query(t, &q, sql, WHERE, e) < 0)
		return -1;
	lite_int(&q, r->item);
	rc = lite_step(&q, e);
	if (rc == 0)
		*out = FATE_LOST;
	else if (rc == 1 && lite_col(&q, 0) != r->revision)
		*out = FATE_REPLACED;
	else if (rc == 1)
		*out = lite_col_bool(&q, 1) ? FATE_TOMBSTONE : FATE_CURRENT;
	lite_end(&q);
	return rc < 0 ? -1 : 0;
}

/* Does the item have a revision that was written at or after the edge? */
static int
recent(struct lite_tx *t, int64_t item, int64_t edge_ms, bool *yes,
       struct err *e)
{
	static const char sql[] =
	    "SELECT 1 FROM revision WHERE account_id = ?1 AND item_id = ?2"
	    " AND at_ms >= ?3 LIMIT 1";
	struct lite_q q;
	int rc;

	if (lite_query(t, &q, sql, WHERE, e) < 0)
		return -1;
	lite_int(&q, item);
	lite_int(&q, edge_ms);
	rc = lite_step(&q, e);
	*yes = rc == 1;
	lite_end(&q);
	return rc < 0 ? -1 : 0;
}

static int
forget(struct lite_tx *t, const struct aged *r, struct err *e)
{
	static const char sql[] =
	    "DELETE FROM history WHERE account_id = ?1 AND at_ms = ?2"
	    " AND item_id = ?3 AND revision = ?4";
	const int64_t key[] = { r->at_ms, r->item, r->revision };
	int64_t rows = 0;

	return run_int(t, sql, key, 3, &rows, e);
}

static int
drop_revision(struct prune *p, struct lite_tx *t, const struct aged *r,
	      struct err *e)
{
	static const char sql[] =
	    "DELETE FROM revision WHERE account_id = ?1 AND item_id = ?2"
	    " AND revision = ?3";
	const int64_t key[] = { r->item, r->revision };

	if (run_int(t, sql, key, 2, &p->n, e) < 0)
		return -1;
	return forget(t, r, e);
}

static int
drop_tombstone(struct prune *p, struct lite_tx *t, const struct aged *r,
	       struct err *e)
{
	bool young;

	if (recent(t, r->item, p->history_ms, &young, e) < 0)
		return -1;
	if (young)
		return 0;
	if (lite_item_remove(t, r->item, e) < 0)
		return -1;
	p->n++;
	return forget(t, r, e);
}

static int
prune_one(struct prune *p, struct lite_tx *t, const struct lite_gen *g,
	  size_t g_n, const struct aged *r, struct err *e)
{
	enum fate fate = FATE_LOST;
	bool held = false;

	if (fate_of(t, r, &fate, e) < 0)
		return -1;
	if (fate == FATE_LOST)
		return drop_revision(p, t, r, e);
	if (fate == FATE_CURRENT)
		return forget(t, r, e);
	if (lite_map_refers(t, g, g_n, r->item,
			    fate == FATE_TOMBSTONE ? 0 : r->revision, &held,
			    e) < 0)
		return -1;
	if (held)
		return 0;
	return fate == FATE_TOMBSTONE ? drop_tombstone(p, t, r, e)
				      : drop_revision(p, t, r, e);
}

/* The next rows older than the edge, behind *at. */
static int
aged_rows(struct prune *p, struct lite_tx *t, const struct aged *at,
	  struct aged **out, size_t *n, struct err *e)
{
	static const char sql[] =
	    "SELECT at_ms, item_id, revision FROM history"
	    " WHERE account_id = ?1 AND (at_ms, item_id, revision) >"
	    " (?2, ?3, ?4) AND at_ms < ?5"
	    " ORDER BY at_ms, item_id, revision LIMIT ?6";
	struct lite_list l = { .a = p->a, .size = sizeof(**out) };
	struct aged *one;
	struct lite_q q;
	int rc;

	if (lite_query(t, &q, sql, WHERE, e) < 0)
		return -1;
	lite_int(&q, at->at_ms);
	lite_int(&q, at->item);
	lite_int(&q, at->revision);
	lite_int(&q, p->history_ms);
	lite_int(&q, BATCH);
	while ((one = lite_row(&q, &l, &rc, e)) != NULL) {
		*one = (struct aged){ lite_col(&q, 0), lite_col(&q, 1),
				      lite_col(&q, 2) };
	}
	lite_end(&q);
	*out = (struct aged *)(void *)l.p;
	*n = l.n;
	return rc;
}

/* One batch; *more says whether there may be another. */
static int
history_batch(struct prune *p, struct lite_tx *t, struct aged *at, bool *more,
	      struct err *e)
{
	struct lite_gen *g = NULL;
	struct aged *r = NULL;
	size_t g_n = 0;
	size_t n = 0;

	if (aged_rows(p, t, at, &r, &n, e) < 0)
		return -1;
	*more = n == BATCH;
	if (n == 0)
		return 0;
	*at = r[n - 1];
	if (lite_map_gens(t, p->a, &g, &g_n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (prune_one(p, t, g, g_n, &r[i], e) < 0)
			return -1;
	}
	return 0;
}

/* ---- sessions and chunks ------------------------------------------------- */

#define SILENT                                                                 \
	" FROM session WHERE account_id = ?1 AND kept = 1 AND last_ms < ?2"

static int
sessions(struct prune *p, struct lite_tx *t, struct err *e)
{
	static const char *const bytes[] = {
		"DELETE FROM answer WHERE account_id = ?1"
		" AND session_id IN (SELECT session_id" SILENT ")",
		"DELETE FROM session_state WHERE account_id = ?1"
		" AND session_id IN (SELECT session_id" SILENT ")",
	};
	/* Without its state a session cannot go on. */
	static const char closed[] =
	    "UPDATE session SET kept = 0, verdict = CASE WHEN closed = 0 AND"
	    " verdict = '' THEN 'the device did not come back' ELSE verdict"
	    " END, closed = 1 WHERE account_id = ?1 AND session_id IN"
	    " (SELECT session_id" SILENT ")";
	int64_t rows = 0;

	for (size_t i = 0; i < 2; i++) {
		if (run_int(t, bytes[i], &p->sessions_ms, 1, &p->n, e) < 0)
			return -1;
	}
	return run_int(t, closed, &p->sessions_ms, 1, &rows, e);
}

/* A session's row, story and reports stay as long as the history that they
   explain. */
#define OF_TOLD                                                                \
	" WHERE account_id = ?1 AND session_id IN (SELECT session_id"          \
	" FROM session WHERE account_id = ?1 AND kept = 0 AND last_ms < ?2"    \
	" ORDER BY session_id LIMIT 200)"

static int
old_sessions(struct prune *p, struct lite_tx *t, bool *more, struct err *e)
{
	static const char *const told[] = {
		"DELETE FROM story" OF_TOLD,
		"DELETE FROM session_store" OF_TOLD,
		"DELETE FROM session_event" OF_TOLD,
	};
	static const char rows[] = "DELETE FROM session" OF_TOLD;
	int64_t lines = 0;
	int64_t n = 0;

	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
		if (run_int(t, told[i], &p->history_ms, 1, &lines, e) < 0)
			return -1;
	}
	if (run_int(t, rows, &p->history_ms, 1, &n, e) < 0)
		return -1;
	*more = n == BATCH;
	p->n += lines + n;
	return 0;
}

static int
chunks(struct prune *p, struct lite_tx *t, struct err *e)
{
	static const char sql[] =
	    "DELETE FROM chunk WHERE account_id = ?1 AND (link_id, dir) IN"
	    " (SELECT link_id, dir FROM chunk WHERE account_id = ?1"
	    "  GROUP BY link_id, dir HAVING max(at_ms) < ?2)";

	return run_int(t, sql, &p->chunks_ms, 1, &p->n, e);
}

/* What was settled stays as long as the history; what came in, as long as it
   may come again. */
static int
reminders(struct prune *p, struct lite_tx *t, struct err *e)
{
	static const char sent[] =
	    "DELETE FROM delivery WHERE account_id = ?1 AND written_ms < ?2"
	    " AND next_ms IS NULL";
	static const char seen[] =
	    "DELETE FROM reminder_seen WHERE account_id = ?1 AND at_ms < ?2";
	static const char told[] =
	    "DELETE FROM notice WHERE account_id = ?1 AND queued_ms < ?2";
	static const char effects[] =
	    "DELETE FROM mail_effect WHERE account_id = ?1 AND written_ms < ?2"
	    " AND next_ms IS NULL";

	if (run_int(t, sent, &p->history_ms, 1, &p->n, e) < 0 ||
	    run_int(t, effects, &p->history_ms, 1, &p->n, e) < 0 ||
	    run_int(t, told, &p->history_ms, 1, &p->n, e) < 0)
		return -1;
	return run_int(t, seen, &p->chunks_ms, 1, &p->n, e);
}

/* ---- over the accounts --------------------------------------------------- */

struct step {
	struct aged at; /* where the history's next batch goes on */
	bool history, stories, rest;
};

static int
step(struct prune *p, struct lite_tx *t, struct step *st, struct err *e)
{
	if (st->rest) {
		st->rest = false;
		if (sessions(p, t, e) < 0 || chunks(p, t, e) < 0 ||
		    reminders(p, t, e) < 0)
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

		arena_reset(p->a);
		tx = NULL;
		if (lite_begin(p->s, account, STORE_WRITE, 0, &tx, &own) < 0) {
			/* Erased since the list was made. */
			if (own.code == ERR_NOTFOUND)
				return 0;
			if (e != NULL)
				*e = own;
			return -1;
		}
		if (step(p, (struct lite_tx *)(void *)tx, &st, e) < 0) {
			lite_rollback(&tx);
			p->n = before;
			return -1;
		}
		if (lite_commit(&tx, e) < 0) {
			p->n = before;
			return -1;
		}
	}
	return 0;
}

/* Accounts with anything old: found by reading, each with a few seeks. */
static int
accounts(struct prune *p, struct lite_list *l, struct err *e)
{
	static const char sql[] =
	    "SELECT b.account_id FROM account b WHERE"
	    " EXISTS (SELECT 1 FROM history h"
	    "  WHERE h.account_id = b.account_id AND h.at_ms < ?1)"
	    " OR EXISTS (SELECT 1 FROM session s"
	    "  WHERE s.account_id = b.account_id AND s.kept = 1"
	    "  AND s.last_ms < ?2)"
	    " OR EXISTS (SELECT 1 FROM session s"
	    "  WHERE s.account_id = b.account_id AND s.kept = 0"
	    "  AND s.last_ms < ?1)"
	    " OR EXISTS (SELECT 1 FROM chunk c"
	    "  WHERE c.account_id = b.account_id AND c.at_ms < ?3)"
	    " OR EXISTS (SELECT 1 FROM delivery d"
	    "  WHERE d.account_id = b.account_id AND d.written_ms < ?1)"
	    " OR EXISTS (SELECT 1 FROM mail_effect f"
	    "  WHERE f.account_id = b.account_id AND f.written_ms < ?1)"
	    " OR EXISTS (SELECT 1 FROM reminder_seen r"
	    "  WHERE r.account_id = b.account_id AND r.at_ms < ?3)"
	    " OR EXISTS (SELECT 1 FROM notice n"
	    "  WHERE n.account_id = b.account_id AND n.queued_ms < ?1)";
	struct lite_conn *c;
	struct lite_q q;
	int64_t *one;
	int rc;

	if (lite_take(lite_of(p->s), &c, e) < 0)
		return -1;
	rc = lite_prepare(c, &q, sql, WHERE, e);
	if (rc == 0) {
		lite_int(&q, p->history_ms);
		lite_int(&q, p->sessions_ms);
		lite_int(&q, p->chunks_ms);
		while ((one = lite_row(&q, l, &rc, e)) != NULL)
			*one = lite_col(&q, 0);
		lite_end(&q);
	}
	lite_give(lite_of(p->s), c);
	return rc;
}

/* Small tables: all at once. */
static int
site_rows(struct prune *p, struct err *e)
{
	static const char *const sql[] = {
		"DELETE FROM auth_day WHERE day < ?1 / 86400000",
		"DELETE FROM node WHERE last_ms < ?1",
		"DELETE FROM lease WHERE until_ms < ?1",
	};
	struct lite_conn *c;
	struct lite_q q;
	int rc = 0;

	if (lite_site_begin(lite_of(p->s), &c, e) < 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < sizeof(sql) / sizeof(sql[0]); i++) {
		rc = lite_prepare(c, &q, sql[i], WHERE, e);
		if (rc < 0)
			break;
		lite_int(&q, p->history_ms);
		rc = lite_once(&q, e);
		p->n += rc == 0 ? sqlite3_changes64(c->db) : 0;
	}
	return lite_site_end(lite_of(p->s), c, rc, e);
}

int
lite_prune(struct store *s, int64_t history_ms, int64_t sessions_ms,
	   int64_t chunks_ms, int64_t *n, struct err *e)
{
	struct arena *list = arena_new((size_t)256 << 20);
	struct prune p = { .s = s,
			   .history_ms = history_ms,
			   .sessions_ms = sessions_ms,
			   .chunks_ms = chunks_ms,
			   .a = arena_new((size_t)16 << 20) };
	struct lite_list l = { .a = list, .size = sizeof(int64_t) };
	int rc = 0;

	if (list == NULL || p.a == NULL)
		rc = lite_nomem(WHERE, e);
	else
		rc = accounts(&p, &l, e);
	if (rc == 0)
		rc = site_rows(&p, e);
	for (size_t i = 0; rc == 0 && i < l.n && p.n < CALL; i++)
		rc = prune_account(&p, ((int64_t *)(void *)l.p)[i], e);
	arena_free(&p.a);
	arena_free(&list);
	*n = p.n;
	return rc;
}
