/*
 * What the reports are made of: a row for each database of a session, and one
 * for each decision about an item. Both in one round trip.
 */
#include "backends/postgres/pg.h"

#define COLS                                                                   \
	"session_id, link_id, collection_id, asked, done, first, forced,"      \
	" resumed, refused, complete, in_added, in_replaced, in_deleted,"      \
	" in_failed, out_added, out_replaced, out_deleted, out_failed,"        \
	" matched, conflicts, held_back"
enum { NUMBERS = 21 };

/* All of COLS, in their order. */
static int64_t
number(const struct store_session_store *s, int col)
{
	const int64_t v[NUMBERS] = {
		s->session,     s->link,       s->collection, s->asked,
		s->done,        s->first,      s->forced,     s->resumed,
		s->refused,     s->complete,   s->in.added,   s->in.replaced,
		s->in.deleted,  s->in.failed,  s->out.added,  s->out.replaced,
		s->out.deleted, s->out.failed, s->matched,    s->conflicts,
		s->held_back,
	};

	return v[col];
}

static void
send_stores(struct pg_tx *t, struct pg_q *q,
	    const struct store_session_store *s, size_t n)
{
	static const char sql[] =
	    "INSERT INTO session_store (account_id, " COLS
	    ", why, started_ms, last_ms) SELECT $1, u.*, $24, $24"
	    " FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,"
	    " $14, $15, $16, $17, $18, $19, $20, $21, $22, $23) AS u (" COLS
	    ", why) ON CONFLICT (account_id, session_id, link_id) DO UPDATE SET"
	    " collection_id = excluded.collection_id, asked = excluded.asked,"
	    " done = excluded.done, first = excluded.first,"
	    " forced = excluded.forced, resumed = excluded.resumed,"
	    " refused = excluded.refused, complete = excluded.complete,"
	    " why = excluded.why, in_added = excluded.in_added,"
	    " in_replaced = excluded.in_replaced,"
	    " in_deleted = excluded.in_deleted, in_failed = excluded.in_failed,"
	    " out_added = excluded.out_added,"
	    " out_replaced = excluded.out_replaced,"
	    " out_deleted = excluded.out_deleted,"
	    " out_failed = excluded.out_failed, matched = excluded.matched,"
	    " conflicts = excluded.conflicts, held_back = excluded.held_back,"
	    " last_ms = excluded.last_ms";

	pg_query(t, q, sql, "store.report_put");
	for (int col = 0; col < NUMBERS; col++) {
		pg_array(q, PG_INTS);
		for (size_t i = 0; i < n; i++)
			pg_add_int(q, number(&s[i], col));
		pg_array_end(q);
	}
	pg_array(q, PG_TEXTS);
	for (size_t i = 0; i < n; i++)
		pg_add_text(q, s[i].why);
	pg_array_end(q);
	pg_int(q, t->tx.now_ms);
	pg_send(q);
}

static void
send_events(struct pg_tx *t, struct pg_q *q, const struct store_event *v,
	    size_t n)
{
	static const char sql[] =
	    "INSERT INTO session_event (account_id, session_id, link_id, kind,"
	    " item_id, revision, how, at_ms)"
	    " SELECT $1, u.*, $8 FROM unnest($2, $3, $4, $5, $6, $7) AS u"
	    " ON CONFLICT (account_id, session_id, link_id, kind, item_id,"
	    " revision) DO NOTHING";

	pg_query(t, q, sql, "store.report_put");
	for (int col = 0; col < 6; col++) {
		pg_array(q, PG_INTS);
		for (size_t i = 0; i < n; i++) {
			const int64_t row[] = { v[i].session,  v[i].link,
						v[i].kind,     v[i].item,
						v[i].revision, v[i].how };

			pg_add_int(q, row[col]);
		}
		pg_array_end(q);
	}
	pg_int(q, t->tx.now_ms);
	pg_send(q);
}

static int
report_put(struct pg_tx *t, const struct store_report *in, struct err *e)
{
	struct pg_q q[2] = { { .res = NULL }, { .res = NULL } };

	if (in->store_n == 0 && in->event_n == 0)
		return 0;
	if (in->store_n > 0)
		send_stores(t, &q[0], in->store, in->store_n);
	if (in->event_n > 0)
		send_events(t, &q[1], in->event, in->event_n);
	if (pg_sync(t->c, e) < 0)
		return -1;
	if (in->store_n > 0)
		(void)pg_end(&q[0], NULL);
	return in->event_n > 0 ? pg_end(&q[1], e) : 0;
}

int
pg_report_put(struct store_tx *tx, const struct store_report *in, struct err *e)
{
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.report_put", e);

	return t == NULL ? -1 : pg_leave(t, report_put(t, in, e));
}

/* ---- reading ------------------------------------------------------------- */

static struct store_tally
read_tally(const struct pg_q *q, int col)
{
	return (struct store_tally){ pg_col(q, col), pg_col(q, col + 1),
				     pg_col(q, col + 2), pg_col(q, col + 3) };
}

static void
store_read(struct pg_q *q, struct arena *a, struct store_session_store *s)
{
	*s = (struct store_session_store){
		.session = pg_col(q, 0),
		.link = pg_col(q, 1),
		.collection = pg_col(q, 2),
		.asked = pg_col(q, 3),
		.done = pg_col(q, 4),
		.first = pg_col_bool(q, 5),
		.forced = pg_col_bool(q, 6),
		.resumed = pg_col_bool(q, 7),
		.refused = pg_col_bool(q, 8),
		.complete = pg_col_bool(q, 9),
		.in = read_tally(q, 10),
		.out = read_tally(q, 14),
		.matched = pg_col(q, 18),
		.conflicts = pg_col(q, 19),
		.held_back = pg_col(q, 20),
		.why = pg_col_bytes(q, a, 21),
		.started_ms = pg_col(q, 22),
		.last_ms = pg_col(q, 23),
	};
}

static void
event_read(const struct pg_q *q, struct store_event *v)
{
	*v = (struct store_event){
		.session = pg_col(q, 0),
		.link = pg_col(q, 1),
		.kind = (enum store_event_kind)pg_col(q, 2),
		.item = pg_col(q, 3),
		.revision = pg_col(q, 4),
		.how = (enum store_event_how)pg_col(q, 5),
		.at_ms = pg_col(q, 6),
	};
}

static int
report_get(struct pg_tx *t, struct arena *a, int64_t session,
	   struct store_report *out, struct err *e)
{
	static const char stores[] =
	    "SELECT " COLS ", why, started_ms, last_ms FROM session_store"
	    " WHERE account_id = $1 AND session_id = $2 ORDER BY link_id";
	static const char events[] =
	    "SELECT session_id, link_id, kind, item_id, revision, how, at_ms"
	    " FROM session_event WHERE account_id = $1 AND session_id = $2"
	    " ORDER BY at_ms, link_id, kind, item_id, revision";
	struct store_session_store *s;
	struct store_event *v;
	struct pg_q q[2];
	int rc;

	pg_query(t, &q[0], stores, "store.report_get");
	pg_int(&q[0], session);
	pg_send(&q[0]);
	pg_query(t, &q[1], events, "store.report_get");
	pg_int(&q[1], session);
	pg_send(&q[1]);
	if (pg_sync(t->c, e) < 0)
		return -1;
	out->store_n = pg_rows(&q[0]);
	out->store = s = pg_room(&q[0], a, sizeof(*s));
	while (pg_next(&q[0]))
		store_read(&q[0], a, s++);
	out->event_n = pg_rows(&q[1]);
	out->event = v = pg_room(&q[1], a, sizeof(*v));
	while (pg_next(&q[1]))
		event_read(&q[1], v++);
	rc = pg_end(&q[0], e);
	return pg_end(&q[1], e) < 0 ? -1 : rc;
}

int
pg_report_get(struct store_tx *tx, struct arena *a, int64_t session,
	      struct store_report *out, struct err *e)
{
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.report_get", e);

	return t == NULL ? -1 : pg_leave(t, report_get(t, a, session, out, e));
}

static int
holds_decided(struct pg_tx *t, int64_t session, enum store_event_how how,
	      struct err *e)
{
	static const char sql[] =
	    "UPDATE session_event SET how = $3 WHERE account_id = $1"
	    " AND session_id = $2 AND kind = $4";
	struct pg_q q;

	pg_query(t, &q, sql, "store.holds_decided");
	pg_int(&q, session);
	pg_int(&q, (int64_t)how);
	pg_int(&q, STORE_EVENT_HOLD);
	return pg_once(&q, e);
}

int
pg_holds_decided(struct store_tx *tx, int64_t session, enum store_event_how how,
		 struct err *e)
{
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.holds_decided", e);

	return t == NULL ? -1 : pg_leave(t, holds_decided(t, session, how, e));
}
