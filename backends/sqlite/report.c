/*
 * What the reports are made of: a row for each database of a session, and one
 * for each decision about an item.
 */
#include "backends/sqlite/lite.h"

#define COLS                                                                   \
	"session_id, link_id, collection_id, asked, done, first, forced,"      \
	" resumed, refused, complete, why, in_added, in_replaced, in_deleted," \
	" in_failed, out_added, out_replaced, out_deleted, out_failed,"        \
	" matched, conflicts, held_back, started_ms, last_ms"

static void
bind_tally(struct lite_q *q, const struct store_tally *t)
{
	lite_int(q, t->added);
	lite_int(q, t->replaced);
	lite_int(q, t->deleted);
	lite_int(q, t->failed);
}

static int
put_stores(struct lite_tx *t, const struct store_session_store *s, size_t n,
	   struct err *e)
{
	static const char sql[] =
	    "INSERT INTO session_store (account_id, " COLS ")"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
	    " ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?24)"
	    " ON CONFLICT (account_id, session_id, link_id) DO UPDATE SET"
	    " collection_id = ?4, asked = ?5, done = ?6, first = ?7,"
	    " forced = ?8, resumed = ?9, refused = ?10, complete = ?11,"
	    " why = ?12, in_added = ?13, in_replaced = ?14, in_deleted = ?15,"
	    " in_failed = ?16, out_added = ?17, out_replaced = ?18,"
	    " out_deleted = ?19, out_failed = ?20, matched = ?21,"
	    " conflicts = ?22, held_back = ?23, last_ms = ?24";
	struct lite_q q;
	int rc = 0;

	if (n == 0)
		return 0;
	if (lite_query(t, &q, sql, "store.report_put", e) < 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		lite_int(&q, s[i].session);
		lite_int(&q, s[i].link);
		lite_int(&q, s[i].collection);
		lite_int(&q, s[i].asked);
		lite_int(&q, s[i].done);
		lite_int(&q, s[i].first);
		lite_int(&q, s[i].forced);
		lite_int(&q, s[i].resumed);
		lite_int(&q, s[i].refused);
		lite_int(&q, s[i].complete);
		lite_text(&q, s[i].why);
		bind_tally(&q, &s[i].in);
		bind_tally(&q, &s[i].out);
		lite_int(&q, s[i].matched);
		lite_int(&q, s[i].conflicts);
		lite_int(&q, s[i].held_back);
		lite_int(&q, t->tx.now_ms);
		rc = lite_run(&q, e);
	}
	lite_end(&q);
	return rc;
}

static int
put_events(struct lite_tx *t, const struct store_event *v, size_t n,
	   struct err *e)
{
	static const char sql[] =
	    "INSERT INTO session_event (account_id, session_id, link_id, kind,"
	    " item_id, revision, how, at_ms)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
	    " ON CONFLICT (account_id, session_id, link_id, kind, item_id,"
	    " revision) DO NOTHING";
	struct lite_q q;
	int rc = 0;

	if (n == 0)
		return 0;
	if (lite_query(t, &q, sql, "store.report_put", e) < 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		lite_int(&q, v[i].session);
		lite_int(&q, v[i].link);
		lite_int(&q, v[i].kind);
		lite_int(&q, v[i].item);
		lite_int(&q, v[i].revision);
		lite_int(&q, v[i].how);
		lite_int(&q, t->tx.now_ms);
		rc = lite_run(&q, e);
	}
	lite_end(&q);
	return rc;
}

int
lite_report_put(struct store_tx *tx, const struct store_report *in,
		struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, "store.report_put", e);
	int rc;

	if (t == NULL)
		return -1;
	rc = put_stores(t, in->store, in->store_n, e);
	if (rc == 0)
		rc = put_events(t, in->event, in->event_n, e);
	return lite_leave(t, rc);
}

/* ---- reading ------------------------------------------------------------- */

static struct store_tally
read_tally(const struct lite_q *q, int col)
{
	return (struct store_tally){ lite_col(q, col), lite_col(q, col + 1),
				     lite_col(q, col + 2),
				     lite_col(q, col + 3) };
}

static void
store_read(struct lite_q *q, struct lite_list *l)
{
	struct store_session_store *s = lite_list_add(l);

	if (s == NULL) {
		q->nomem = true;
		return;
	}
	*s = (struct store_session_store){
		.session = lite_col(q, 0),
		.link = lite_col(q, 1),
		.collection = lite_col(q, 2),
		.asked = lite_col(q, 3),
		.done = lite_col(q, 4),
		.first = lite_col_bool(q, 5),
		.forced = lite_col_bool(q, 6),
		.resumed = lite_col_bool(q, 7),
		.refused = lite_col_bool(q, 8),
		.complete = lite_col_bool(q, 9),
		.why = lite_col_bytes(q, l->a, 10),
		.in = read_tally(q, 11),
		.out = read_tally(q, 15),
		.matched = lite_col(q, 19),
		.conflicts = lite_col(q, 20),
		.held_back = lite_col(q, 21),
		.started_ms = lite_col(q, 22),
		.last_ms = lite_col(q, 23),
	};
}

static void
event_read(struct lite_q *q, struct lite_list *l)
{
	struct store_event *v = lite_list_add(l);

	if (v == NULL) {
		q->nomem = true;
		return;
	}
	*v = (struct store_event){
		.session = lite_col(q, 0),
		.link = lite_col(q, 1),
		.kind = (enum store_event_kind)lite_col(q, 2),
		.item = lite_col(q, 3),
		.revision = lite_col(q, 4),
		.how = (enum store_event_how)lite_col(q, 5),
		.at_ms = lite_col(q, 6),
	};
}

static int
read_all(struct lite_tx *t, const char *sql, int64_t session,
	 void (*read)(struct lite_q *, struct lite_list *), struct lite_list *l,
	 struct err *e)
{
	struct lite_q q;
	int rc;

	if (lite_query(t, &q, sql, "store.report_get", e) < 0)
		return -1;
	lite_int(&q, session);
	while ((rc = lite_step(&q, e)) == 1)
		read(&q, l);
	lite_end(&q);
	return rc;
}

int
lite_report_get(struct store_tx *tx, struct arena *a, int64_t session,
		struct store_report *out, struct err *e)
{
	static const char stores[] =
	    "SELECT " COLS " FROM session_store WHERE account_id = ?1"
	    " AND session_id = ?2 ORDER BY link_id";
	static const char events[] =
	    "SELECT session_id, link_id, kind, item_id, revision, how, at_ms"
	    " FROM session_event WHERE account_id = ?1 AND session_id = ?2"
	    " ORDER BY at_ms, link_id, kind, item_id, revision";
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.report_get", e);
	struct lite_list s = { .a = a, .size = sizeof(*out->store) };
	struct lite_list v = { .a = a, .size = sizeof(*out->event) };
	int rc;

	if (t == NULL)
		return -1;
	rc = read_all(t, stores, session, store_read, &s, e);
	if (rc == 0)
		rc = read_all(t, events, session, event_read, &v, e);
	if (lite_leave(t, rc) < 0)
		return -1;
	*out = (struct store_report){
		.store = (struct store_session_store *)(void *)s.p,
		.store_n = s.n,
		.event = (struct store_event *)(void *)v.p,
		.event_n = v.n,
	};
	return 0;
}

static int
holds_decided(struct lite_tx *t, int64_t session, enum store_event_how how,
	      struct err *e)
{
	static const char sql[] =
	    "UPDATE session_event SET how = ?3 WHERE account_id = ?1"
	    " AND session_id = ?2 AND kind = ?4";
	struct lite_q q;

	if (lite_query(t, &q, sql, "store.holds_decided", e) < 0)
		return -1;
	lite_int(&q, session);
	lite_int(&q, (int64_t)how);
	lite_int(&q, STORE_EVENT_HOLD);
	return lite_once(&q, e);
}

int
lite_holds_decided(struct store_tx *tx, int64_t session,
		   enum store_event_how how, struct err *e)
{
	struct lite_tx *t =
	    lite_enter(tx, STORE_WRITE, "store.holds_decided", e);

	return t == NULL ? -1
			 : lite_leave(t, holds_decided(t, session, how, e));
}
