/*
 * Sessions, their last answers and their stories.
 */
#include "backends/postgres/pg.h"

#define COLS                                                                   \
	"s.session_id, s.device_id, s.sid, s.token_hash, s.last_msgid,"        \
	" s.body_hash, s.peer, s.closed, s.started_ms, s.last_ms, s.verdict,"  \
	" s.failed"
enum { COLS_N = 12 };

#define WITH_STATE                                                             \
	"SELECT " COLS ", t.state FROM session s LEFT JOIN session_state t"    \
	" ON t.account_id = s.account_id AND t.session_id = s.session_id"

static void
session_read(struct pg_q *q, struct arena *a, struct store_session *s)
{
	*s = (struct store_session){
		.id = pg_col(q, 0),
		.device = pg_col(q, 1),
		.sid = pg_col_bytes(q, a, 2),
		.token_hash = pg_col_bytes(q, a, 3),
		.last_msgid = pg_col(q, 4),
		.body_hash = pg_col_bytes(q, a, 5),
		.peer = pg_col_bytes(q, a, 6),
		.closed = pg_col_bool(q, 7),
		.started_ms = pg_col(q, 8),
		.last_ms = pg_col(q, 9),
		.verdict = pg_col_bytes(q, a, 10),
		.failed = pg_col(q, 11),
		.state = SLICE_LIT(""),
	};
	if (PQnfields(q->res) > COLS_N)
		s->state = pg_col_bytes(q, a, COLS_N);
}

static int
read_all(struct pg_q *q, struct arena *a, struct store_session **out, size_t *n,
	 struct err *e)
{
	struct store_session *s;

	if (pg_run(q, e) < 0)
		return -1;
	*n = pg_rows(q);
	*out = s = pg_room(q, a, sizeof(*s));
	while (pg_next(q))
		session_read(q, a, s++);
	return pg_end(q, e);
}

int
pg_session_find(struct store_tx *tx, struct arena *a, struct slice token_hash,
		int64_t device, struct slice sid, struct store_session **out,
		struct err *e)
{
	static const char by_token[] =
	    WITH_STATE " WHERE s.account_id = $1 AND s.token_hash = $2";
	static const char by_sid[] =
	    WITH_STATE " WHERE s.account_id = $1 AND s.device_id = $2"
		       " AND s.sid = $3 ORDER BY s.session_id DESC LIMIT 1";
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.session_find", e);
	struct pg_q q;
	size_t n;

	if (t == NULL)
		return -1;
	pg_query(t, &q, token_hash.n > 0 ? by_token : by_sid,
		 "store.session_find");
	if (token_hash.n > 0) {
		pg_bytes(&q, token_hash);
	} else {
		pg_int(&q, device);
		pg_bytes(&q, sid);
	}
	return pg_leave(t, read_all(&q, a, out, &n, e));
}

int
pg_session_list(struct store_tx *tx, struct arena *a, int64_t device,
		size_t limit, struct store_session **out, size_t *n,
		struct err *e)
{
	static const char all[] =
	    "SELECT " COLS " FROM session s WHERE s.account_id = $1"
	    " ORDER BY s.session_id DESC LIMIT $2";
	static const char one[] =
	    "SELECT " COLS " FROM session s WHERE s.account_id = $1"
	    " AND s.device_id = $3 ORDER BY s.session_id DESC LIMIT $2";
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.session_list", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	pg_query(t, &q, device == 0 ? all : one, "store.session_list");
	pg_int(&q, limit > INT32_MAX ? INT32_MAX : (int64_t)limit);
	if (device != 0)
		pg_int(&q, device);
	return pg_leave(t, read_all(&q, a, out, n, e));
}

/* A device has one session in the index session_kept at most, so this is a
   short look. */
int
pg_session_open(struct store_tx *tx, struct arena *a, int64_t since_ms,
		struct store_session **out, size_t *n, struct err *e)
{
	static const char sql[] =
	    "SELECT " COLS " FROM session s"
	    " WHERE s.account_id = $1 AND s.kept = 1 AND s.closed = 0"
	    " AND s.last_ms >= $2 ORDER BY s.last_ms, s.session_id";
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.session_open", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	pg_query(t, &q, sql, "store.session_open");
	pg_int(&q, since_ms);
	return pg_leave(t, read_all(&q, a, out, n, e));
}

/* ---- writing ------------------------------------------------------------- */

static void
send_row(struct pg_tx *t, struct pg_q *q, const struct store_session *in)
{
	static const char sql[] =
	    "INSERT INTO session (account_id, session_id, device_id, sid,"
	    " token_hash, last_msgid, body_hash, peer, closed, started_ms,"
	    " last_ms, verdict, failed, kept)"
	    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,"
	    " 1)"
	    " ON CONFLICT (account_id, session_id) DO UPDATE SET"
	    " device_id = excluded.device_id, sid = excluded.sid,"
	    " token_hash = excluded.token_hash,"
	    " last_msgid = excluded.last_msgid,"
	    " body_hash = excluded.body_hash, peer = excluded.peer,"
	    " closed = excluded.closed, started_ms = excluded.started_ms,"
	    " last_ms = excluded.last_ms, verdict = excluded.verdict,"
	    " failed = excluded.failed, kept = 1";

	pg_query(t, q, sql, "store.session_put");
	pg_int(q, in->id);
	pg_int(q, in->device);
	pg_bytes(q, in->sid);
	pg_bytes_null(q, in->token_hash);
	pg_int(q, in->last_msgid);
	pg_bytes(q, in->body_hash);
	pg_text(q, in->peer);
	pg_int(q, in->closed);
	pg_int(q, in->started_ms);
	pg_int(q, in->last_ms);
	pg_text(q, in->verdict);
	pg_int(q, in->failed);
	pg_send(q);
}

static void
send_bytes(struct pg_tx *t, struct pg_q *q, const char *sql, int64_t session,
	   struct slice bytes)
{
	pg_query(t, q, sql, "store.session_put");
	pg_int(q, session);
	pg_bytes(q, bytes);
	pg_send(q);
}

static int
session_put(struct pg_tx *t, const struct store_session *in,
	    const struct slice *answer, struct err *e)
{
	static const char state[] =
	    "INSERT INTO session_state (account_id, session_id, state)"
	    " VALUES ($1, $2, $3) ON CONFLICT (account_id, session_id)"
	    " DO UPDATE SET state = excluded.state";
	static const char reply[] =
	    "INSERT INTO answer (account_id, session_id, bytes)"
	    " VALUES ($1, $2, $3) ON CONFLICT (account_id, session_id)"
	    " DO UPDATE SET bytes = excluded.bytes";
	struct pg_q q[3];
	size_t n = 2;

	send_row(t, &q[0], in);
	send_bytes(t, &q[1], state, in->id, in->state);
	if (answer != NULL)
		send_bytes(t, &q[n++], reply, in->id, *answer);
	if (pg_sync(t->c, e) < 0)
		return -1;
	while (n > 0)
		(void)pg_end(&q[--n], NULL);
	return 0;
}

int
pg_session_put(struct store_tx *tx, const struct store_session *in,
	       const struct slice *answer, struct err *e)
{
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.session_put", e);

	return t == NULL ? -1 : pg_leave(t, session_put(t, in, answer, e));
}

int
pg_answer_get(struct store_tx *tx, struct arena *a, int64_t session,
	      struct slice **out, struct err *e)
{
	static const char sql[] = "SELECT bytes FROM answer"
				  " WHERE account_id = $1 AND session_id = $2";
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.answer_get", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	pg_query(t, &q, sql, "store.answer_get");
	pg_int(&q, session);
	if (pg_run(&q, e) < 0)
		return pg_leave(t, -1);
	*out = pg_room(&q, a, sizeof(**out));
	if (pg_next(&q))
		**out = pg_col_bytes(&q, a, 0);
	return pg_leave(t, pg_end(&q, e));
}

/* `kept` names the few sessions that still have something to drop, however
   many the device had in its life. Where they lie is found first, as an
   array: of IN, and of their ids where most accounts have few sessions,
   PostgreSQL makes a walk over all of the account (see PG_PLACE). */
#define KEPT                                                                   \
	" FROM session WHERE account_id = $1"                                  \
	" AND device_id = $2 AND kept = 1 AND session_id <> $3"
#define OLDER                                                                  \
	KEPT " AND ($3 = 0 OR session_id < (SELECT max(session_id)" KEPT "))"

static int
supersede(struct pg_tx *t, int64_t device, int64_t except, struct slice verdict,
	  struct err *e)
{
	static const char *const sql[] = {
		"DELETE FROM session_state WHERE account_id = $1"
		" AND session_id = ANY(ARRAY(SELECT session_id" OLDER "))",
		"DELETE FROM answer WHERE account_id = $1"
		" AND session_id = ANY(ARRAY(SELECT session_id" KEPT "))",
		"UPDATE session SET"
		" verdict = CASE WHEN closed = 0 THEN $4 ELSE verdict END,"
		" closed = 1 WHERE account_id + 0 = $1"
		" AND ctid = ANY(ARRAY(SELECT ctid" KEPT "))",
		"UPDATE session SET kept = 0 WHERE account_id + 0 = $1"
		" AND ctid = ANY(ARRAY(SELECT ctid" OLDER "))",
	};
	enum { N = sizeof(sql) / sizeof(sql[0]) };
	struct pg_q q[N];

	for (size_t i = 0; i < N; i++) {
		pg_query(t, &q[i], sql[i], "store.session_supersede");
		pg_int(&q[i], device);
		pg_int(&q[i], except);
		if (i == 2)
			pg_text(&q[i], verdict);
		pg_send(&q[i]);
	}
	if (pg_sync(t->c, e) < 0)
		return -1;
	for (size_t i = 0; i < N; i++)
		(void)pg_end(&q[i], NULL);
	return 0;
}

int
pg_session_supersede(struct store_tx *tx, int64_t device, int64_t except,
		     struct slice verdict, struct err *e)
{
	struct pg_tx *t =
	    pg_enter(tx, STORE_WRITE, "store.session_supersede", e);

	return t == NULL
		   ? -1
		   : pg_leave(t, supersede(t, device, except, verdict, e));
}

/* ---- stories ------------------------------------------------------------- */

int
pg_story_add(struct store_tx *tx, int64_t session, const struct store_story *s,
	     size_t n, struct err *e)
{
	static const char sql[] =
	    "INSERT INTO story (account_id, session_id, line, at_ms, who, text)"
	    " SELECT $1, $2, coalesce((SELECT max(line) FROM story"
	    "  WHERE account_id = $1 AND session_id = $2), 0) + u.no,"
	    " u.at_ms, u.who, u.text FROM unnest($3, $4, $5)"
	    " WITH ORDINALITY AS u (at_ms, who, text, no)";
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.story_add", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	if (n == 0)
		return 0;
	pg_query(t, &q, sql, "store.story_add");
	pg_int(&q, session);
	pg_array(&q, PG_INTS);
	for (size_t i = 0; i < n; i++)
		pg_add_int(&q, s[i].at_ms);
	pg_array_end(&q);
	pg_array(&q, PG_TEXTS);
	for (size_t i = 0; i < n; i++)
		pg_add_text(&q, (struct slice){ &s[i].who, 1 });
	pg_array_end(&q);
	pg_array(&q, PG_TEXTS);
	for (size_t i = 0; i < n; i++)
		pg_add_text(&q, s[i].text);
	pg_array_end(&q);
	return pg_leave(t, pg_once(&q, e));
}

static int
story_get(struct pg_tx *t, struct arena *a, int64_t session,
	  struct store_story **out, size_t *n, struct err *e)
{
	static const char sql[] =
	    "SELECT at_ms, who, text FROM story WHERE account_id = $1"
	    " AND session_id = $2 ORDER BY line";
	struct store_story *one;
	struct slice who;
	struct pg_q q;

	pg_query(t, &q, sql, "store.story_get");
	pg_int(&q, session);
	if (pg_run(&q, e) < 0)
		return -1;
	*n = pg_rows(&q);
	*out = one = pg_room(&q, a, sizeof(*one));
	for (; pg_next(&q); one++) {
		who = pg_col_view(&q, 1);
		one->at_ms = pg_col(&q, 0);
		one->who = '=';
		if (who.n > 0)
			one->who = who.p[0];
		one->text = pg_col_bytes(&q, a, 2);
	}
	return pg_end(&q, e);
}

int
pg_story_get(struct store_tx *tx, struct arena *a, int64_t session,
	     struct store_story **out, size_t *n, struct err *e)
{
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.story_get", e);

	return t == NULL ? -1
			 : pg_leave(t, story_get(t, a, session, out, n, e));
}
