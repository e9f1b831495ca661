/*
 * The outbox: messages to be sent, and what became of them.
 */
#include "backends/postgres/pg.h"

#define COLS                                                                   \
	"account_id, delivery_id, kind, item_id, recurrence, alarm, due_ms,"   \
	" start_ms, channel, address, late, state, reason, text, written_ms,"  \
	" next_ms, sent_ms, receipt_ms, attempts"

static void
row(struct pg_q *q, struct arena *a, struct store_delivery *d)
{
	*d = (struct store_delivery){
		.account = pg_col(q, 0),
		.id = pg_col_bytes(q, a, 1),
		.kind = (enum store_delivery_kind)pg_col(q, 2),
		.item = pg_col(q, 3),
		.recurrence = pg_col_bytes(q, a, 4),
		.alarm = pg_col_bytes(q, a, 5),
		.due_ms = pg_col(q, 6),
		.start_ms = pg_col(q, 7),
		.channel = pg_col_bytes(q, a, 8),
		.address = pg_col_bytes(q, a, 9),
		.late = pg_col_bool(q, 10),
		.state = (enum store_delivery_state)pg_col(q, 11),
		.reason = pg_col_bytes(q, a, 12),
		.text = pg_col_bytes(q, a, 13),
		.written_ms = pg_col(q, 14),
		.next_ms = pg_col_null(q, 15) ? INT64_MAX : pg_col(q, 15),
		.sent_ms = pg_col(q, 16),
		.receipt_ms = pg_col(q, 17),
		.attempts = pg_col(q, 18),
	};
}

static int
rows(struct pg_q *q, struct arena *a, struct store_delivery **out, size_t *n,
     struct err *e)
{
	struct store_delivery *one;

	if (pg_run(q, e) < 0)
		return -1;
	*n = pg_rows(q);
	*out = one = pg_room(q, a, sizeof(*one));
	while (one != NULL && pg_next(q))
		row(q, a, one++);
	return pg_end(q, e);
}

int
pg_outbox(struct store *s, struct arena *a, struct slice channel,
	  const size_t limit[static STORE_BUCKETS], struct store_delivery **out,
	  size_t *n, struct err *e)
{
	static const char sql[] =
	    "SELECT d.* FROM unnest($1::bigint[]) WITH ORDINALITY"
	    " AS u(n, at) CROSS JOIN LATERAL (SELECT " COLS
	    " FROM delivery WHERE bucket = u.at - 1 AND channel = $2"
	    " AND next_ms IS NOT NULL ORDER BY next_ms LIMIT u.n) d";
	struct pg_conn *c;
	struct pg_q q;
	int rc;

	*n = 0;
	if (pg_site_begin(s, &c, e) < 0)
		return -1;
	pg_start(c, &q, sql, "store.outbox");
	pg_array(&q, PG_INTS);
	for (int b = 0; b < STORE_BUCKETS; b++)
		pg_add_int(&q, (int64_t)limit[b]);
	pg_array_end(&q);
	pg_text(&q, channel);
	rc = rows(&q, a, out, n, e);
	pg_site_end(s, c);
	return rc;
}

/* ---- arrays of columns --------------------------------------------------- */

enum number {
	KIND,
	ITEM,
	DUE,
	START,
	LATE,
	NUMBER_ADD, /* those above are never changed */
	STATE = NUMBER_ADD,
	NEXT,
	SENT,
	RECEIPT,
	ATTEMPTS,
	NUMBER_N,
};

static int64_t
number(const struct store_delivery *d, enum number c)
{
	switch (c) {
	case KIND:
		return (int64_t)d->kind;
	case ITEM:
		return d->item;
	case DUE:
		return d->due_ms;
	case START:
		return d->start_ms;
	case LATE:
		return d->late;
	case STATE:
		return (int64_t)d->state;
	case NEXT:
		return d->next_ms;
	case SENT:
		return d->sent_ms;
	case RECEIPT:
		return d->receipt_ms;
	case ATTEMPTS:
	case NUMBER_N:
		break;
	}
	return d->attempts;
}

static void
bind_numbers(struct pg_q *q, const struct store_delivery *d, size_t n,
	     enum number from)
{
	for (enum number c = from; c < NUMBER_N; c++) {
		pg_array(q, PG_INTS);
		for (size_t i = 0; i < n; i++) {
			if (c == NEXT && d[i].next_ms == INT64_MAX)
				pg_add_null(q);
			else
				pg_add_int(q, number(&d[i], c));
		}
		pg_array_end(q);
	}
}

enum word { ID, REASON, RECURRENCE, ALARM, CHANNEL, ADDRESS, TEXT, WORD_N };

static struct slice
word(const struct store_delivery *d, enum word c)
{
	switch (c) {
	case ID:
		return d->id;
	case REASON:
		return d->reason;
	case RECURRENCE:
		return d->recurrence;
	case ALARM:
		return d->alarm;
	case CHANNEL:
		return d->channel;
	case ADDRESS:
		return d->address;
	case TEXT:
	case WORD_N:
		break;
	}
	return d->text;
}

static void
bind_words(struct pg_q *q, const struct store_delivery *d, size_t n,
	   enum word upto)
{
	for (enum word c = ID; c < upto; c++) {
		pg_array(q, PG_TEXTS);
		for (size_t i = 0; i < n; i++)
			pg_add_text(q, word(&d[i], c));
		pg_array_end(q);
	}
}

int
pg_delivery_add(struct store_tx *tx, const struct store_delivery *d, size_t n,
		struct err *e)
{
	static const char sql[] =
	    "INSERT INTO delivery (account_id, bucket, written_ms, kind,"
	    " item_id, due_ms, start_ms, late, state, next_ms, sent_ms,"
	    " receipt_ms, attempts, delivery_id, reason, recurrence, alarm,"
	    " channel, address, text)"
	    " SELECT $1, $2, $3, u.* FROM unnest($4::bigint[], $5::bigint[],"
	    " $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[],"
	    " $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],"
	    " $14::text[], $15::text[], $16::text[], $17::text[], $18::text[],"
	    " $19::text[], $20::text[]) AS u"
	    " ON CONFLICT (account_id, delivery_id) DO NOTHING";
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.delivery_add", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	if (n == 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (d[i].next_ms != INT64_MAX)
			store_wake(tx, STORE_WAKE_ALARM, d[i].next_ms);
	}
	pg_query(t, &q, sql, "store.delivery_add");
	pg_int(&q, store_bucket(tx->account));
	pg_int(&q, tx->now_ms);
	bind_numbers(&q, d, n, KIND);
	bind_words(&q, d, n, WORD_N);
	return pg_leave(t, pg_once(&q, e));
}

int
pg_delivery_set(struct store_tx *tx, const struct store_delivery *d, size_t n,
		struct err *e)
{
	static const char sql[] =
	    "UPDATE delivery d SET state = u.state, next_ms = u.next_ms,"
	    " sent_ms = u.sent_ms, receipt_ms = u.receipt_ms,"
	    " attempts = u.attempts, reason = u.reason"
	    " FROM unnest($2::bigint[], $3::bigint[], $4::bigint[],"
	    " $5::bigint[], $6::bigint[], $7::text[], $8::text[])"
	    " WITH ORDINALITY AS u(state, next_ms, sent_ms, receipt_ms,"
	    " attempts, id, reason, at) WHERE d.account_id = $1"
	    " AND d.delivery_id = u.id AND" PG_FEW;
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.delivery_set", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	if (n == 0)
		return 0;
	pg_query(t, &q, sql, "store.delivery_set");
	bind_numbers(&q, d, n, STATE);
	bind_words(&q, d, n, RECURRENCE);
	return pg_leave(t, pg_once(&q, e));
}

/* ---- what became of them --------------------------------------------------
 */

enum mark_column { M_ACCOUNT, M_AT, M_NEXT, M_FAILED, M_STATE };

static void
bind_marks(struct pg_q *q, const struct store_mark *m, size_t n, bool receipts,
	   enum mark_column c)
{
	pg_array(q, PG_INTS);
	for (size_t i = 0; i < n; i++) {
		bool sent = m[i].state == STORE_DELIVERY_SENT;

		if ((m[i].state == STORE_DELIVERY_RECEIPT) != receipts)
			continue;
		if (c == M_ACCOUNT)
			pg_add_int(q, m[i].account);
		else if (c == M_AT)
			pg_add_int(q, sent || receipts ? m[i].at_ms : 0);
		else if (c == M_FAILED)
			pg_add_int(q, !sent);
		else if (c == M_STATE)
			pg_add_int(q, (int64_t)m[i].state);
		else if (m[i].next_ms == INT64_MAX)
			pg_add_null(q);
		else
			pg_add_int(q, m[i].next_ms);
	}
	pg_array_end(q);
}

static void
bind_mark_words(struct pg_q *q, const struct store_mark *m, size_t n,
		bool receipts, bool ids)
{
	pg_array(q, PG_TEXTS);
	for (size_t i = 0; i < n; i++) {
		if ((m[i].state == STORE_DELIVERY_RECEIPT) != receipts)
			continue;
		if (ids)
			pg_add_text(q, m[i].id);
		else
			pg_add_text(q, receipts ? m[i].address : m[i].reason);
	}
	pg_array_end(q);
}

/* All of one kind. */
static void
mark(struct pg_conn *c, struct pg_q *q, const struct store_mark *m, size_t n,
     bool receipts)
{
	static const char settled[] =
	    "UPDATE delivery d SET"
	    " next_ms = CASE WHEN d.state = 1 OR d.state = 2 AND d.kind = 3"
	    "  THEN u.next_ms END,"
	    " sent_ms = CASE WHEN d.sent_ms = 0 THEN u.at_ms"
	    "  ELSE d.sent_ms END,"
	    " attempts = d.attempts + u.failed,"
	    " state = CASE WHEN d.state = 1 THEN u.state ELSE d.state END,"
	    " reason = CASE WHEN u.failed = 1 THEN u.reason ELSE d.reason END"
	    " FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[],"
	    " $5::bigint[], $6::bigint[], $7::bigint[]) WITH ORDINALITY"
	    " AS u(account_id, at_ms, id, reason, next_ms, failed, state, at)"
	    " WHERE d.account_id = u.account_id AND d.delivery_id = u.id"
	    " AND" PG_FEW;
	static const char arrived[] =
	    "UPDATE delivery d SET state = 3, next_ms = NULL,"
	    " receipt_ms = u.at_ms, sent_ms = CASE WHEN d.sent_ms = 0"
	    "  THEN u.at_ms ELSE d.sent_ms END"
	    " FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[])"
	    " WITH ORDINALITY AS u(account_id, at_ms, id, address, at)"
	    " WHERE d.account_id = u.account_id AND d.delivery_id = u.id"
	    " AND d.address = u.address AND d.receipt_ms = 0 AND" PG_FEW;

	pg_start(c, q, receipts ? arrived : settled, "store.delivery_mark");
	bind_marks(q, m, n, receipts, M_ACCOUNT);
	bind_marks(q, m, n, receipts, M_AT);
	bind_mark_words(q, m, n, receipts, true);
	bind_mark_words(q, m, n, receipts, false);
	for (enum mark_column k = M_NEXT; !receipts && k <= M_STATE; k++)
		bind_marks(q, m, n, false, k);
	pg_send(q);
}

static bool
counts(const struct store_mark *m)
{
	return m->device != 0 && m->state == STORE_DELIVERY_SENT;
}

static void
bind_days(struct pg_q *q, const struct store_mark *m, size_t n,
	  int64_t (*value)(const struct store_mark *m))
{
	pg_array(q, PG_INTS);
	for (size_t i = 0; i < n; i++) {
		if (counts(&m[i]))
			pg_add_int(q, value(&m[i]));
	}
	pg_array_end(q);
}

static int64_t
account_of(const struct store_mark *m)
{
	return m->account;
}

static int64_t
device_of(const struct store_mark *m)
{
	return m->device;
}

static int64_t
at_of(const struct store_mark *m)
{
	return m->at_ms;
}

/* One more message of the days of their devices; false: of none. */
static bool
count_days(struct pg_conn *c, struct pg_q *q, const struct store_mark *m,
	   size_t n)
{
	static const char sql[] =
	    "UPDATE push_device p SET"
	    " day_n = CASE WHEN p.day_ms > u.at_ms - $4 THEN p.day_n ELSE 0 END"
	    "  + u.n,"
	    " day_ms = CASE WHEN p.day_ms > u.at_ms - $4 THEN p.day_ms"
	    "  ELSE u.at_ms END"
	    " FROM (SELECT account_id, device_id, min(at_ms) AS at_ms,"
	    "  count(*) AS n, 1 AS at"
	    "  FROM unnest($1::bigint[], $2::bigint[], $3::bigint[])"
	    "  AS r(account_id, device_id, at_ms)"
	    "  GROUP BY account_id, device_id) u"
	    " WHERE p.account_id = u.account_id AND p.device_id = u.device_id"
	    " AND" PG_FEW;
	bool any = false;

	for (size_t i = 0; i < n && !any; i++)
		any = counts(&m[i]);
	if (!any)
		return false;
	pg_start(c, q, sql, "store.delivery_mark");
	bind_days(q, m, n, account_of);
	bind_days(q, m, n, device_of);
	bind_days(q, m, n, at_of);
	pg_int(q, STORE_PUSH_DAY_MS);
	pg_send(q);
	return true;
}

int
pg_delivery_mark(struct store *s, const struct store_mark *m, size_t n,
		 struct err *e)
{
	struct pg_conn *c;
	struct pg_q q[3];
	bool days;
	int rc;

	if (n == 0)
		return 0;
	if (pg_site_begin(s, &c, e) < 0)
		return -1;
	mark(c, &q[0], m, n, false);
	mark(c, &q[1], m, n, true);
	days = count_days(c, &q[2], m, n);
	rc = pg_sync(c, e);
	for (size_t i = 0; rc == 0 && i < (days ? 3 : 2); i++)
		(void)pg_end(&q[i], NULL);
	pg_site_end(s, c);
	return rc;
}

int
pg_delivery_get(struct store_tx *tx, struct arena *a, const struct slice *id,
		size_t n, struct store_delivery **out, size_t *out_n,
		struct err *e)
{
	static const char sql[] =
	    "SELECT d.* FROM unnest($2::text[]) WITH ORDINALITY AS u(id, at)"
	    " CROSS JOIN LATERAL (SELECT " COLS
	    " FROM delivery v WHERE v.account_id = $1"
	    " AND v.delivery_id = u.id OFFSET 0) d WHERE" PG_FEW;
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.delivery_get", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	pg_query(t, &q, sql, "store.delivery_get");
	pg_array(&q, PG_TEXTS);
	for (size_t i = 0; i < n; i++)
		pg_add_text(&q, id[i]);
	pg_array_end(&q);
	return pg_leave(t, rows(&q, a, out, out_n, e));
}

int
pg_delivery_list(struct store_tx *tx, struct arena *a, int64_t since_ms,
		 size_t limit, struct store_delivery **out, size_t *n,
		 struct err *e)
{
	static const char sql[] =
	    "SELECT " COLS " FROM delivery WHERE account_id = $1"
	    " AND written_ms >= $2 ORDER BY written_ms DESC, delivery_id"
	    " LIMIT $3";
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.delivery_list", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	pg_query(t, &q, sql, "store.delivery_list");
	pg_int(&q, since_ms);
	pg_int(&q, (int64_t)limit);
	return pg_leave(t, rows(&q, a, out, n, e));
}
