/*
 * The outbox: messages to be sent, and what became of them.
 */
#include "backends/sqlite/lite.h"

#define COLS                                                                   \
	"account_id, delivery_id, kind, item_id, recurrence, alarm, due_ms,"   \
	" start_ms, channel, address, late, state, reason, text, written_ms,"  \
	" next_ms, sent_ms, receipt_ms, attempts"

static void
row(struct lite_q *q, struct arena *a, struct store_delivery *d)
{
	*d = (struct store_delivery){
		.account = lite_col(q, 0),
		.id = lite_col_bytes(q, a, 1),
		.kind = (enum store_delivery_kind)lite_col(q, 2),
		.item = lite_col(q, 3),
		.recurrence = lite_col_bytes(q, a, 4),
		.alarm = lite_col_bytes(q, a, 5),
		.due_ms = lite_col(q, 6),
		.start_ms = lite_col(q, 7),
		.channel = lite_col_bytes(q, a, 8),
		.address = lite_col_bytes(q, a, 9),
		.late = lite_col_bool(q, 10),
		.state = (enum store_delivery_state)lite_col(q, 11),
		.reason = lite_col_bytes(q, a, 12),
		.text = lite_col_bytes(q, a, 13),
		.written_ms = lite_col(q, 14),
		.next_ms = lite_col_when(q, 15),
		.sent_ms = lite_col(q, 16),
		.receipt_ms = lite_col(q, 17),
		.attempts = lite_col(q, 18),
	};
}

static int
rows(struct lite_q *q, struct lite_list *l, struct err *e)
{
	struct store_delivery *one;
	int rc;

	while ((one = lite_row(q, l, &rc, e)) != NULL)
		row(q, l->a, one);
	return rc;
}

int
lite_outbox(struct store *s, struct arena *a, struct slice channel,
	    const size_t limit[static STORE_BUCKETS],
	    struct store_delivery **out, size_t *n, struct err *e)
{
	static const char sql[] =
	    "SELECT " COLS " FROM delivery WHERE bucket = ?1 AND channel = ?2"
	    " AND next_ms IS NOT NULL ORDER BY next_ms LIMIT ?3";
	struct lite_list l = { .a = a, .size = sizeof(**out) };
	struct lite_conn *c;
	struct lite_q q;
	int rc;

	if (lite_take(lite_of(s), &c, e) < 0)
		return -1;
	rc = lite_prepare(c, &q, sql, "store.outbox", e);
	if (rc == 0) {
		for (int b = 0; rc == 0 && b < STORE_BUCKETS; b++) {
			if (limit[b] == 0)
				continue;
			lite_int(&q, b);
			lite_text(&q, channel);
			lite_int(&q, (int64_t)limit[b]);
			rc = rows(&q, &l, e);
			lite_rewind(&q);
		}
		lite_end(&q);
	}
	lite_give(lite_of(s), c);
	*out = (struct store_delivery *)(void *)l.p;
	*n = l.n;
	return rc;
}

static int
add_one(struct lite_q *q, const struct lite_tx *t,
	const struct store_delivery *d, struct err *e)
{
	lite_text(q, d->id);
	lite_int(q, store_bucket(t->tx.account));
	lite_int(q, (int64_t)d->kind);
	lite_int(q, d->item);
	lite_text(q, d->recurrence);
	lite_text(q, d->alarm);
	lite_int(q, d->due_ms);
	lite_int(q, d->start_ms);
	lite_text(q, d->channel);
	lite_text(q, d->address);
	lite_int(q, d->late);
	lite_int(q, (int64_t)d->state);
	lite_text(q, d->reason);
	lite_text(q, d->text);
	lite_int(q, t->tx.now_ms);
	lite_when(q, d->next_ms);
	lite_int(q, d->sent_ms);
	lite_int(q, d->receipt_ms);
	lite_int(q, d->attempts);
	return lite_run(q, e);
}

int
lite_delivery_add(struct store_tx *tx, const struct store_delivery *d, size_t n,
		  struct err *e)
{
	static const char sql[] =
	    "INSERT OR IGNORE INTO delivery (account_id, delivery_id, bucket,"
	    " kind, item_id, recurrence, alarm, due_ms, start_ms, channel,"
	    " address, late, state, reason, text, written_ms, next_ms, sent_ms,"
	    " receipt_ms, attempts) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8,"
	    " ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)";
	struct lite_tx *t =
	    lite_enter(tx, STORE_WRITE, "store.delivery_add", e);
	struct lite_q q;
	int rc = 0;

	if (t == NULL)
		return -1;
	if (n == 0)
		return 0;
	if (lite_query(t, &q, sql, "store.delivery_add", e) < 0)
		return lite_leave(t, -1);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (d[i].next_ms != INT64_MAX)
			store_wake(tx, STORE_WAKE_ALARM, d[i].next_ms);
		rc = add_one(&q, t, &d[i], e);
	}
	lite_end(&q);
	return lite_leave(t, rc);
}

int
lite_delivery_set(struct store_tx *tx, const struct store_delivery *d, size_t n,
		  struct err *e)
{
	static const char sql[] =
	    "UPDATE delivery SET state = ?3, reason = ?4, next_ms = ?5,"
	    " sent_ms = ?6, receipt_ms = ?7, attempts = ?8"
	    " WHERE account_id = ?1 AND delivery_id = ?2";
	struct lite_tx *t =
	    lite_enter(tx, STORE_WRITE, "store.delivery_set", e);
	struct lite_q q;
	int rc = 0;

	if (t == NULL)
		return -1;
	if (n == 0)
		return 0;
	if (lite_query(t, &q, sql, "store.delivery_set", e) < 0)
		return lite_leave(t, -1);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		lite_text(&q, d[i].id);
		lite_int(&q, (int64_t)d[i].state);
		lite_text(&q, d[i].reason);
		lite_when(&q, d[i].next_ms);
		lite_int(&q, d[i].sent_ms);
		lite_int(&q, d[i].receipt_ms);
		lite_int(&q, d[i].attempts);
		rc = lite_run(&q, e);
	}
	lite_end(&q);
	return lite_leave(t, rc);
}

static void
bind_mark(struct lite_q *q, const struct store_mark *m)
{
	bool sent = m->state == STORE_DELIVERY_SENT;

	lite_int(q, m->account);
	lite_text(q, m->id);
	if (m->state == STORE_DELIVERY_RECEIPT) {
		lite_int(q, m->at_ms);
		lite_text(q, m->address);
		return;
	}
	lite_when(q, m->next_ms);
	lite_int(q, sent ? m->at_ms : 0);
	lite_int(q, !sent);
	lite_int(q, (int64_t)m->state);
	lite_text(q, m->reason);
}

/* All of one kind. */
static int
mark(struct lite_conn *c, const struct store_mark *m, size_t n, bool receipts,
     struct err *e)
{
	static const char settled[] =
	    "UPDATE delivery SET"
	    " next_ms = CASE WHEN state = 1 OR state = 2 AND kind = 3 THEN ?3 "
	    "END,"
	    " sent_ms = CASE WHEN sent_ms = 0 THEN ?4 ELSE sent_ms END,"
	    " attempts = attempts + ?5,"
	    " state = CASE WHEN state = 1 THEN ?6 ELSE state END,"
	    " reason = CASE WHEN ?5 = 1 THEN ?7 ELSE reason END"
	    " WHERE account_id = ?1 AND delivery_id = ?2";
	static const char arrived[] =
	    "UPDATE delivery SET state = 3, next_ms = NULL, receipt_ms = ?3,"
	    " sent_ms = CASE WHEN sent_ms = 0 THEN ?3 ELSE sent_ms END"
	    " WHERE account_id = ?1 AND delivery_id = ?2 AND address = ?4"
	    " AND receipt_ms = 0";
	struct lite_q q;
	int rc;

	if (lite_prepare(c, &q, receipts ? arrived : settled,
			 "store.delivery_mark", e) < 0)
		return -1;
	rc = 0;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		if ((m[i].state == STORE_DELIVERY_RECEIPT) != receipts)
			continue;
		bind_mark(&q, &m[i]);
		rc = lite_run(&q, e);
	}
	lite_end(&q);
	return rc;
}

/* One more message of the days of their devices. */
static int
count_days(struct lite_conn *c, const struct store_mark *m, size_t n,
	   struct err *e)
{
	static const char sql[] =
	    "UPDATE push_device SET"
	    " day_n = CASE WHEN day_ms > ?3 THEN day_n + 1 ELSE 1 END,"
	    " day_ms = CASE WHEN day_ms > ?3 THEN day_ms ELSE ?4 END"
	    " WHERE account_id = ?1 AND device_id = ?2";
	struct lite_q q;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (m[i].device == 0 || m[i].state != STORE_DELIVERY_SENT)
			continue;
		if (lite_prepare(c, &q, sql, "store.delivery_mark", e) < 0)
			return -1;
		lite_int(&q, m[i].account);
		lite_int(&q, m[i].device);
		lite_int(&q, m[i].at_ms - STORE_PUSH_DAY_MS);
		lite_int(&q, m[i].at_ms);
		rc = lite_run(&q, e);
		lite_end(&q);
	}
	return rc;
}

int
lite_delivery_mark(struct store *s, const struct store_mark *m, size_t n,
		   struct err *e)
{
	struct lite_conn *c;
	int rc;

	if (n == 0)
		return 0;
	if (lite_site_begin(lite_of(s), &c, e) < 0)
		return -1;
	rc = mark(c, m, n, false, e);
	if (rc == 0)
		rc = mark(c, m, n, true, e);
	if (rc == 0)
		rc = count_days(c, m, n, e);
	return lite_site_end(lite_of(s), c, rc, e);
}

static int
get(struct lite_tx *t, const struct slice *id, size_t n, struct lite_list *l,
    struct err *e)
{
	static const char sql[] = "SELECT " COLS " FROM delivery"
				  " WHERE account_id = ?1 AND delivery_id = ?2";
	struct lite_q q;
	int rc = 0;

	if (lite_query(t, &q, sql, "store.delivery_get", e) < 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		lite_text(&q, id[i]);
		rc = rows(&q, l, e);
		lite_rewind(&q);
	}
	lite_end(&q);
	return rc;
}

int
lite_delivery_get(struct store_tx *tx, struct arena *a, const struct slice *id,
		  size_t n, struct store_delivery **out, size_t *out_n,
		  struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.delivery_get", e);
	struct lite_list l = { .a = a, .size = sizeof(**out) };

	if (t == NULL || lite_leave(t, get(t, id, n, &l, e)) < 0)
		return -1;
	*out = (struct store_delivery *)(void *)l.p;
	*out_n = l.n;
	return 0;
}

int
lite_delivery_list(struct store_tx *tx, struct arena *a, int64_t since_ms,
		   size_t limit, struct store_delivery **out, size_t *n,
		   struct err *e)
{
	static const char sql[] =
	    "SELECT " COLS " FROM delivery WHERE account_id = ?1"
	    " AND written_ms >= ?2 ORDER BY written_ms DESC, delivery_id"
	    " LIMIT ?3";
	struct lite_tx *t =
	    lite_enter(tx, STORE_READ, "store.delivery_list", e);
	struct lite_list l = { .a = a, .size = sizeof(**out) };
	struct lite_q q;
	int rc;

	if (t == NULL)
		return -1;
	rc = lite_query(t, &q, sql, "store.delivery_list", e);
	if (rc == 0) {
		lite_int(&q, since_ms);
		lite_int(&q, (int64_t)limit);
		rc = rows(&q, &l, e);
		lite_end(&q);
	}
	*out = (struct store_delivery *)(void *)l.p;
	*n = l.n;
	return lite_leave(t, rc);
}
