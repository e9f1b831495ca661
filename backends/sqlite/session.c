/*
 * Sessions, their last answers and their stories.
 */
#include "backends/sqlite/lite.h"

#define COLS                                                                   \
	"s.session_id, s.device_id, s.sid, s.token_hash, s.last_msgid,"        \
	" s.body_hash, s.peer, s.closed, s.started_ms, s.last_ms, s.verdict,"  \
	" s.failed"
enum { COLS_N = 12 };

#define WITH_STATE                                                             \
	"SELECT " COLS ", t.state FROM session s LEFT JOIN session_state t"    \
	" ON t.account_id = s.account_id AND t.session_id = s.session_id"

static void
session_read(struct lite_q *q, struct arena *a, struct lite_list *l)
{
	struct store_session *s = lite_list_add(l);

	if (s == NULL) {
		q->nomem = true;
		return;
	}
	*s = (struct store_session){
		.id = lite_col(q, 0),
		.device = lite_col(q, 1),
		.sid = lite_col_bytes(q, a, 2),
		.token_hash = lite_col_bytes(q, a, 3),
		.last_msgid = lite_col(q, 4),
		.body_hash = lite_col_bytes(q, a, 5),
		.peer = lite_col_bytes(q, a, 6),
		.closed = lite_col_bool(q, 7),
		.started_ms = lite_col(q, 8),
		.last_ms = lite_col(q, 9),
		.verdict = lite_col_bytes(q, a, 10),
		.failed = lite_col(q, 11),
		.state = SLICE_LIT(""),
	};
	if (sqlite3_column_count(q->st) > COLS_N)
		s->state = lite_col_bytes(q, a, COLS_N);
}

static int
read_all(struct lite_q *q, struct lite_list *l, struct err *e)
{
	int rc;

	while ((rc = lite_step(q, e)) == 1)
		session_read(q, l->a, l);
	lite_end(q);
	return rc;
}

int
lite_session_find(struct store_tx *tx, struct arena *a, struct slice token_hash,
		  int64_t device, struct slice sid, struct store_session **out,
		  struct err *e)
{
	static const char by_token[] =
	    WITH_STATE " WHERE s.account_id = ?1 AND s.token_hash = ?2";
	static const char by_sid[] =
	    WITH_STATE " WHERE s.account_id = ?1 AND s.device_id = ?2"
		       " AND s.sid = ?3 ORDER BY s.session_id DESC LIMIT 1";
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.session_find", e);
	struct lite_list l = { .a = a, .size = sizeof(**out) };
	struct lite_q q;

	if (t == NULL)
		return -1;
	*out = NULL;
	if (lite_query(t, &q, token_hash.n > 0 ? by_token : by_sid,
		       "store.session_find", e) < 0)
		return lite_leave(t, -1);
	if (token_hash.n > 0) {
		lite_blob(&q, token_hash);
	} else {
		lite_int(&q, device);
		lite_blob(&q, sid);
	}
	if (lite_leave(t, read_all(&q, &l, e)) < 0)
		return -1;
	*out = (struct store_session *)(void *)l.p;
	return 0;
}

int
lite_session_list(struct store_tx *tx, struct arena *a, int64_t device,
		  size_t limit, struct store_session **out, size_t *n,
		  struct err *e)
{
	static const char all[] =
	    "SELECT " COLS " FROM session s WHERE s.account_id = ?1"
	    " ORDER BY s.session_id DESC LIMIT ?2";
	static const char one[] =
	    "SELECT " COLS " FROM session s WHERE s.account_id = ?1"
	    " AND s.device_id = ?3 ORDER BY s.session_id DESC LIMIT ?2";
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.session_list", e);
	struct lite_list l = { .a = a, .size = sizeof(**out) };
	struct lite_q q;

	if (t == NULL)
		return -1;
	if (lite_query(t, &q, device == 0 ? all : one, "store.session_list",
		       e) < 0)
		return lite_leave(t, -1);
	lite_int(&q, limit > INT32_MAX ? INT32_MAX : (int64_t)limit);
	if (device != 0)
		lite_int(&q, device);
	if (lite_leave(t, read_all(&q, &l, e)) < 0)
		return -1;
	*out = (struct store_session *)(void *)l.p;
	*n = l.n;
	return 0;
}

/* A device has one session in the index at most, so this is a short look. */
int
lite_session_open(struct store_tx *tx, struct arena *a, int64_t since_ms,
		  struct store_session **out, size_t *n, struct err *e)
{
	static const char sql[] =
	    "SELECT " COLS " FROM session s INDEXED BY session_kept"
	    " WHERE s.account_id = ?1 AND s.kept = 1 AND s.closed = 0"
	    " AND s.last_ms >= ?2 ORDER BY s.last_ms, s.session_id";
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.session_open", e);
	struct lite_list l = { .a = a, .size = sizeof(**out) };
	struct lite_q q;

	if (t == NULL)
		return -1;
	if (lite_query(t, &q, sql, "store.session_open", e) < 0)
		return lite_leave(t, -1);
	lite_int(&q, since_ms);
	if (lite_leave(t, read_all(&q, &l, e)) < 0)
		return -1;
	*out = (struct store_session *)(void *)l.p;
	*n = l.n;
	return 0;
}

/* ---- writing ------------------------------------------------------------- */

static int
put_bytes(struct lite_tx *t, const char *sql, int64_t session,
	  struct slice bytes, struct err *e)
{
	struct lite_q q;

	if (lite_query(t, &q, sql, "store.session_put", e) < 0)
		return -1;
	lite_int(&q, session);
	lite_blob(&q, bytes);
	return lite_once(&q, e);
}

static int
put_row(struct lite_tx *t, const struct store_session *in, struct err *e)
{
	static const char sql[] =
	    "INSERT INTO session (account_id, session_id, device_id, sid,"
	    " token_hash, last_msgid, body_hash, peer, closed, started_ms,"
	    " last_ms, verdict, failed, kept)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
	    " 1)"
	    " ON CONFLICT (account_id, session_id) DO UPDATE SET"
	    " device_id = excluded.device_id, sid = excluded.sid,"
	    " token_hash = excluded.token_hash,"
	    " last_msgid = excluded.last_msgid,"
	    " body_hash = excluded.body_hash, peer = excluded.peer,"
	    " closed = excluded.closed, started_ms = excluded.started_ms,"
	    " last_ms = excluded.last_ms, verdict = excluded.verdict,"
	    " failed = excluded.failed, kept = 1";
	struct lite_q q;

	if (lite_query(t, &q, sql, "store.session_put", e) < 0)
		return -1;
	lite_int(&q, in->id);
	lite_int(&q, in->device);
	lite_blob(&q, in->sid);
	lite_blob_null(&q, in->token_hash);
	lite_int(&q, in->last_msgid);
	lite_blob(&q, in->body_hash);
	lite_text(&q, in->peer);
	lite_int(&q, in->closed);
	lite_int(&q, in->started_ms);
	lite_int(&q, in->last_ms);
	lite_text(&q, in->verdict);
	lite_int(&q, in->failed);
	return lite_once(&q, e);
}

static int
session_put(struct lite_tx *t, const struct store_session *in,
	    const struct slice *answer, struct err *e)
{
	static const char state[] =
	    "INSERT INTO session_state (account_id, session_id, state)"
	    " VALUES (?1, ?2, ?3) ON CONFLICT (account_id, session_id)"
	    " DO UPDATE SET state = excluded.state";
	static const char reply[] =
	    "INSERT INTO answer (account_id, session_id, bytes)"
	    " VALUES (?1, ?2, ?3) ON CONFLICT (account_id, session_id)"
	    " DO UPDATE SET bytes = excluded.bytes";

	if (put_row(t, in, e) < 0 ||
	    put_bytes(t, state, in->id, in->state, e) < 0)
		return -1;
	return answer == NULL ? 0 : put_bytes(t, reply, in->id, *answer, e);
}

int
lite_session_put(struct store_tx *tx, const struct store_session *in,
		 const struct slice *answer, struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, "store.session_put", e);

	return t == NULL ? -1 : lite_leave(t, session_put(t, in, answer, e));
}

static int
answer_get(struct lite_tx *t, struct arena *a, int64_t session,
	   struct slice **out, struct err *e)
{
	static const char sql[] = "SELECT bytes FROM answer"
				  " WHERE account_id = ?1 AND session_id = ?2";
	struct lite_q q;
	int rc;

	*out = NULL;
	if (lite_query(t, &q, sql, "store.answer_get", e) < 0)
		return -1;
	lite_int(&q, session);
	rc = lite_step(&q, e);
	if (rc == 1) {
		*out = ARENA_NEW(a, struct slice);
		if (*out == NULL)
			q.nomem = true;
		else
			**out = lite_col_bytes(&q, a, 0);
		rc = lite_good(&q, e);
	}
	lite_end(&q);
	return rc;
}

int
lite_answer_get(struct store_tx *tx, struct arena *a, int64_t session,
		struct slice **out, struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.answer_get", e);

	return t == NULL ? -1
			 : lite_leave(t, answer_get(t, a, session, out, e));
}

/* `kept` names the few sessions that still have something to drop, however
   many the device had in its life. */
#define KEPT                                                                   \
	" FROM session INDEXED BY session_kept WHERE account_id = ?1"          \
	" AND device_id = ?2 AND kept = 1 AND session_id <> ?3"
#define OLDER                                                                  \
	KEPT " AND (?3 = 0 OR session_id < (SELECT max(session_id)" KEPT "))"

static int
supersede(struct lite_tx *t, int64_t device, int64_t except,
	  struct slice verdict, struct err *e)
{
	static const char *const sql[] = {
		"DELETE FROM session_state WHERE account_id = ?1"
		" AND session_id IN (SELECT session_id" OLDER ")",
		"DELETE FROM answer WHERE account_id = ?1"
		" AND session_id IN (SELECT session_id" KEPT ")",
		"UPDATE session SET"
		" verdict = CASE WHEN closed = 0 THEN ?4 ELSE verdict END,"
		" closed = 1 WHERE account_id = ?1 AND session_id IN"
		" (SELECT session_id" KEPT ")",
		"UPDATE session SET kept = 0 WHERE account_id = ?1"
		" AND session_id IN (SELECT session_id" OLDER ")",
	};
	struct lite_q q;

	for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]); i++) {
		if (lite_query(t, &q, sql[i], "store.session_supersede", e) < 0)
			return -1;
		lite_int(&q, device);
		lite_int(&q, except);
		if (i == 2)
			lite_text(&q, verdict);
		if (lite_once(&q, e) < 0)
			return -1;
	}
	return 0;
}

int
lite_session_supersede(struct store_tx *tx, int64_t device, int64_t except,
		       struct slice verdict, struct err *e)
{
	struct lite_tx *t =
	    lite_enter(tx, STORE_WRITE, "store.session_supersede", e);

	return t == NULL
		   ? -1
		   : lite_leave(t, supersede(t, device, except, verdict, e));
}

/* ---- stories ------------------------------------------------------------- */

static int
last_line(struct lite_tx *t, int64_t session, int64_t *line, struct err *e)
{
	static const char sql[] = "SELECT max(line) FROM story"
				  " WHERE account_id = ?1 AND session_id = ?2";
	struct lite_q q;
	int rc;

	if (lite_query(t, &q, sql, "store.story_add", e) < 0)
		return -1;
	lite_int(&q, session);
	rc = lite_step(&q, e);
	*line = rc == 1 ? lite_col(&q, 0) : 0;
	lite_end(&q);
	return rc < 0 ? -1 : 0;
}

static int
story_add(struct lite_tx *t, int64_t session, const struct store_story *s,
	  size_t n, struct err *e)
{
	static const char sql[] =
	    "INSERT INTO story (account_id, session_id, line, at_ms, who, text)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
	struct lite_q q;
	int64_t line;
	int rc = 0;

	if (n == 0)
		return 0;
	if (last_line(t, session, &line, e) < 0 ||
	    lite_query(t, &q, sql, "store.story_add", e) < 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		lite_int(&q, session);
		lite_int(&q, ++line);
		lite_int(&q, s[i].at_ms);
		lite_text(&q, (struct slice){ &s[i].who, 1 });
		lite_text(&q, s[i].text);
		rc = lite_run(&q, e);
	}
	lite_end(&q);
	return rc;
}

int
lite_story_add(struct store_tx *tx, int64_t session,
	       const struct store_story *s, size_t n, struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, "store.story_add", e);

	return t == NULL ? -1 : lite_leave(t, story_add(t, session, s, n, e));
}

static int
story_get(struct lite_tx *t, int64_t session, struct lite_list *l,
	  struct err *e)
{
	static const char sql[] =
	    "SELECT at_ms, who, text FROM story WHERE account_id = ?1"
	    " AND session_id = ?2 ORDER BY line";
	struct store_story *one;
	struct slice who;
	struct lite_q q;
	int rc;

	if (lite_query(t, &q, sql, "store.story_get", e) < 0)
		return -1;
	lite_int(&q, session);
	while ((rc = lite_step(&q, e)) == 1) {
		one = lite_list_add(l);
		who = lite_col_bytes(&q, l->a, 1);
		if (one == NULL) {
			q.nomem = true;
			continue;
		}
		one->at_ms = lite_col(&q, 0);
		one->who = '=';
		if (who.n > 0)
			one->who = who.p[0];
		one->text = lite_col_bytes(&q, l->a, 2);
	}
	lite_end(&q);
	return rc;
}

int
lite_story_get(struct store_tx *tx, struct arena *a, int64_t session,
	       struct store_story **out, size_t *n, struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.story_get", e);
	struct lite_list l = { .a = a, .size = sizeof(**out) };

	if (t == NULL || lite_leave(t, story_get(t, session, &l, e)) < 0)
		return -1;
	*out = (struct store_story *)(void *)l.p;
	*n = l.n;
	return 0;
}
