/*
 * Statements: bound and read in binary, in one place; sent together and
 * answered together. The connection is always in libpq's pipeline mode and
 * never blocks inside libpq: waiting is done here, with a last moment.
 */
#include "backends/postgres/pg.h"

#include "backends/pack.h"
#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>

/* Type numbers of PostgreSQL's catalogue; they never change. */
enum {
	OID_BYTEA = 17,
	OID_INT8 = 20,
	OID_TEXT = 25,
	OID_BYTEA_ARRAY = 1001,
	OID_TEXT_ARRAY = 1009,
	OID_INT8_ARRAY = 1016,
};

enum {
	SCRATCH_KEEP = 1 << 20,
	PG_EACH_MAX = 16,
};

/* ---- binding --------------------------------------------------------------
 */

void
pg_start(struct pg_conn *c, struct pg_q *q, const char *sql, const char *where)
{
	q->c = c;
	q->sql = sql;
	q->where = where;
	q->n = 0;
	q->arr = BUF_IN(c->scratch);
	q->res = NULL;
	q->row = -1;
	q->rows = 0;
	q->nomem = false;
	q->once = false;
}

void
pg_query(struct pg_tx *t, struct pg_q *q, const char *sql, const char *where)
{
	pg_start(t->c, q, sql, where);
	pg_int(q, t->tx.account);
}

static void
cannot_send(struct pg_conn *c, const char *where)
{
	if (c->bad.code == ERR_NONE)
		(void)err_set(&c->bad, ERR_NOMEM, where,
			      "no memory for what goes to the database");
}

static void
bind(struct pg_q *q, Oid type, const char *v, size_t len)
{
	assert(q->n < PG_PARAMS_MAX);
	if (len > INT32_MAX) {
		(void)err_set(&q->c->bad, ERR_LIMIT, q->where,
			      "a value is larger than PostgreSQL can hold");
		len = 0;
	}
	q->type[q->n] = type;
	q->v[q->n] = v;
	q->len[q->n] = (int)len;
	q->n++;
}

void
pg_int(struct pg_q *q, int64_t v)
{
	assert(q->n < PG_PARAMS_MAX);
	store_pack(q->num[q->n], (uint64_t)v);
	bind(q, OID_INT8, (const char *)q->num[q->n], 8);
}

void
pg_null(struct pg_q *q)
{
	bind(q, OID_INT8, NULL, 0);
}

void
pg_bytes(struct pg_q *q, struct slice s)
{
	/* A NULL pointer would be NULL, not an empty value. */
	bind(q, OID_BYTEA, s.n == 0 ? "" : s.p, s.n);
}

void
pg_bytes_null(struct pg_q *q, struct slice s)
{
	bind(q, OID_BYTEA, s.n == 0 ? NULL : s.p, s.n);
}

static struct slice
as_text(struct pg_conn *c, struct slice s, const char *where)
{
	s = store_text(c->scratch, s);
	if (s.p == NULL)
		cannot_send(c, where);
	return s;
}

void
pg_text(struct pg_q *q, struct slice s)
{
	s = as_text(q->c, s, q->where);
	bind(q, OID_TEXT, s.p, s.n);
}

/* ---- arrays ----------------------------------------------------------------
 */

enum { ARRAY_HEAD = 20 };

static void
add_u32(struct buf *b, uint32_t v)
{
	const char four[] = { (char)(v >> 24 & 0xff), (char)(v >> 16 & 0xff),
			      (char)(v >> 8 & 0xff), (char)(v & 0xff) };

	buf_add(b, (struct slice){ four, sizeof(four) });
}

void
pg_array(struct pg_q *q, enum pg_type type)
{
	static const Oid element[] = { OID_INT8, OID_BYTEA, OID_TEXT };
	static const Oid array[] = { OID_INT8_ARRAY, OID_BYTEA_ARRAY,
				     OID_TEXT_ARRAY };

	q->arr = BUF_IN(q->c->scratch);
	q->arr_n = 0;
	add_u32(&q->arr, 1); /* dimensions */
	add_u32(&q->arr, 1); /* there may be NULLs */
	add_u32(&q->arr, element[type]);
	add_u32(&q->arr, 0); /* elements: known at the end */
	add_u32(&q->arr, 1); /* the first one's index */
	bind(q, array[type], NULL, 0);
}

void
pg_add_int(struct pg_q *q, int64_t v)
{
	unsigned char eight[8];

	store_pack(eight, (uint64_t)v);
	add_u32(&q->arr, 8);
	buf_add(&q->arr, (struct slice){ (const char *)eight, 8 });
	q->arr_n++;
}

void
pg_add_bytes(struct pg_q *q, struct slice s)
{
	add_u32(&q->arr, (uint32_t)s.n);
	buf_add(&q->arr, s);
	q->arr_n++;
}

void
pg_add_text(struct pg_q *q, struct slice s)
{
	pg_add_bytes(q, as_text(q->c, s, q->where));
}

void
pg_add_null(struct pg_q *q)
{
	add_u32(&q->arr, UINT32_MAX);
	q->arr_n++;
}

void
pg_array_end(struct pg_q *q)
{
	struct slice all = buf_slice(&q->arr);

	if (!buf_ok(&q->arr) || all.n < ARRAY_HEAD) {
		cannot_send(q->c, q->where);
		return;
	}
	for (int i = 0; i < 4; i++)
		q->arr.p[12 + i] = (char)(q->arr_n >> (24 - 8 * i) & 0xff);
	if (q->arr_n == 0) { /* an empty array has no dimension at all */
		q->arr.p[3] = 0;
		all.n = 12;
	}
	q->n--;
	bind(q, q->type[q->n], all.p, all.n);
}

void
pg_ints(struct pg_q *q, const int64_t *v, size_t n)
{
	pg_array(q, PG_INTS);
	for (size_t i = 0; i < n; i++)
		pg_add_int(q, v[i]);
	pg_array_end(q);
}

/* ---- sending ---------------------------------------------------------------
 */

/* The cached statement's slot, or the free one where it belongs. */
static struct pg_cached *
cache_slot(struct pg_conn *c, const char *sql)
{
	size_t i = ((size_t)(uintptr_t)sql >> 4) & (PG_CACHE - 1);

	while (c->cache[i].sql != NULL && c->cache[i].sql != sql)
		i = (i + 1) & (PG_CACHE - 1);
	if (c->cache[i].sql == NULL) {
		/* A full table would make the search above endless. */
		assert(c->cached_n < PG_CACHE - 1);
		c->cache[i].sql = sql;
		c->cached_n++;
	}
	return &c->cache[i];
}

static bool
queue(struct pg_conn *c, struct pg_sent one, int went)
{
	if (went == 0) {
		if (c->bad.code == ERR_NONE)
			(void)pg_fail(c, NULL, one.where, &c->bad);
		return false;
	}
	assert(c->sent_n < PG_SENT_MAX);
	c->sent[c->sent_n++] = one;
	return true;
}

static void
send_prepared(struct pg_q *q, const int *format)
{
	struct pg_conn *c = q->c;
	struct pg_cached *slot = cache_slot(c, q->sql);
	char name[24];

	(void)snprintf(name, sizeof(name), "f%08x_%d", c->tag,
		       (int)(slot - c->cache));
	if (slot->state == PG_UNKNOWN) {
		if (!queue(c, (struct pg_sent){ NULL, slot, q->where },
			   PQsendPrepare(c->pg, name, q->sql, q->n, q->type)))
			return;
		slot->state = PG_ASKED;
	}
	(void)queue(
	    c, (struct pg_sent){ q, NULL, q->where },
	    PQsendQueryPrepared(c->pg, name, q->n, q->v, q->len, format, 1));
}

void
pg_send(struct pg_q *q)
{
	int format[PG_PARAMS_MAX];
	struct pg_conn *c = q->c;

	if (c->broken && c->bad.code == ERR_NONE)
		(void)pg_fail(c, NULL, q->where, &c->bad);
	if (c->bad.code != ERR_NONE)
		return;
	for (int i = 0; i < q->n; i++)
		format[i] = 1;
	if (c->prepare && !q->once)
		send_prepared(q, format);
	else
		(void)queue(c, (struct pg_sent){ q, NULL, q->where },
			    PQsendQueryParams(c->pg, q->sql, q->n, q->type,
					      q->v, q->len, format, 1));
}

void
pg_say(struct pg_conn *c, const char *sql, const char *where)
{
	if (c->broken && c->bad.code == ERR_NONE)
		(void)pg_fail(c, NULL, where, &c->bad);
	if (c->bad.code != ERR_NONE)
		return;
	(void)queue(
	    c, (struct pg_sent){ NULL, NULL, where },
	    PQsendQueryParams(c->pg, sql, 0, NULL, NULL, NULL, NULL, 1));
}

/* ---- answers ---------------------------------------------------------------
 */

static int
wait_for(struct pg_conn *c, bool writing, int64_t until_ms)
{
	struct pollfd p = { .fd = PQsocket(c->pg),
			    .events =
				(short)(POLLIN | (writing ? POLLOUT : 0)) };
	int64_t left = until_ms == 0 ? -1 : until_ms - clk_mono_ms();
	int n;

	if (until_ms != 0 && left <= 0)
		return 0;
	n = poll(&p, 1, (int)left);
	return n < 0 && errno == EINTR ? 1 : n;
}

/* Move bytes until the next result can be had without waiting. */
static int
pump(struct pg_conn *c, int64_t until_ms, const char *where, struct err *e)
{
	for (;;) {
		int unsent = PQflush(c->pg);

		if (unsent < 0 || PQconsumeInput(c->pg) == 0)
			return pg_fail(c, NULL, where, e);
		if (unsent == 0 && PQisBusy(c->pg) == 0)
			return 0;
		switch (wait_for(c, unsent != 0, until_ms)) {
		case 0:
			c->broken = true;
			return err_set(e, ERR_UNAVAILABLE, where,
				       "the database did not answer within %d "
				       "seconds",
				       c->wait_ms / 1000);
		case -1:
			return pg_fail(c, NULL, where, e);
		default:
			break;
		}
	}
}

static int
next_result(struct pg_conn *c, int64_t until_ms, const char *where,
	    PGresult **r, struct err *e)
{
	*r = NULL;
	if (pump(c, until_ms, where, e) < 0)
		return -1;
	*r = PQgetResult(c->pg);
	return 0;
}

static void
settle(struct pg_sent *s, PGresult *r, bool good)
{
	if (s->slot != NULL)
		s->slot->state = good ? PG_PREPARED : PG_UNKNOWN;
	if (!good || s->q == NULL) {
		PQclear(r);
		return;
	}
	s->q->res = r;
	s->q->row = -1;
	s->q->rows = PQntuples(r);
}

/* The answer to one statement. 1: it failed, and *e says why unless something
   before it had failed already; -1: nothing more can be heard. */
static int
hear(struct pg_conn *c, struct pg_sent *s, int64_t until_ms, struct err *e)
{
	PGresult *r;
	PGresult *end;
	ExecStatusType st;
	bool good;

	if (next_result(c, until_ms, s->where, &r, e) < 0)
		return -1;
	st = PQresultStatus(r);
	good = st == PGRES_COMMAND_OK || st == PGRES_TUPLES_OK;
	if (!good && st != PGRES_PIPELINE_ABORTED)
		(void)pg_fail(c, r, s->where, e);
	settle(s, r, good);
	if (c->broken)
		return -1;
	if (next_result(c, until_ms, s->where, &end, e) < 0)
		return -1;
	/* NULL stands between two statements. */
	PQclear(end);
	return good ? 0 : 1;
}

static int
hear_all(struct pg_conn *c, struct err *e)
{
	int64_t until = c->wait_ms == 0 ? 0 : clk_mono_ms() + c->wait_ms;
	struct err later = { .code = ERR_NONE };
	PGresult *r;
	int rc = 0;

	for (size_t i = 0; i < c->sent_n; i++) {
		switch (hear(c, &c->sent[i], until, rc == 0 ? e : &later)) {
		case -1:
			return -1;
		case 1:
			rc = -1;
			break;
		default:
			break;
		}
	}
	if (next_result(c, until, "store.sync", &r, rc == 0 ? e : &later) < 0)
		return -1;
	if (PQresultStatus(r) != PGRES_PIPELINE_SYNC) {
		c->broken = true;
		rc = pg_fail(c, r, "store.sync", rc == 0 ? e : &later);
	}
	PQclear(r);
	return rc;
}

static int
sync_all(struct pg_conn *c, struct err *e)
{
	if (c->bad.code != ERR_NONE) {
		/* Half of it may be on its way: it must not be committed. */
		c->broken = true;
		*e = c->bad;
		return -1;
	}
	c->trips++;
	if (PQpipelineSync(c->pg) == 0)
		return pg_fail(c, NULL, "store.sync", e);
	return hear_all(c, e);
}

/* One message may have been large; a connection lives for long. */
static void
forget(struct pg_conn *c)
{
	struct arena *fresh = NULL;

	if (arena_used(c->scratch) > SCRATCH_KEEP)
		fresh = arena_new(PG_SCRATCH);
	if (fresh == NULL) {
		arena_reset(c->scratch);
		return;
	}
	arena_free(&c->scratch);
	c->scratch = fresh;
}

int
pg_sync(struct pg_conn *c, struct err *e)
{
	struct err own = { .code = ERR_NONE };
	int rc = sync_all(c, &own);

	for (size_t i = 0; rc < 0 && i < c->sent_n; i++) {
		struct pg_q *q = c->sent[i].q;

		if (c->sent[i].slot != NULL &&
		    c->sent[i].slot->state == PG_ASKED)
			c->sent[i].slot->state = PG_UNKNOWN;
		if (q == NULL)
			continue;
		PQclear(q->res);
		q->res = NULL;
		q->rows = 0;
	}
	c->sent_n = 0;
	c->bad.code = ERR_NONE;
	forget(c);
	if (rc < 0 && e != NULL)
		*e = own;
	return rc;
}

int
pg_run(struct pg_q *q, struct err *e)
{
	pg_send(q);
	return pg_sync(q->c, e);
}

int
pg_once(struct pg_q *q, struct err *e)
{
	if (pg_run(q, e) < 0)
		return -1;
	return pg_end(q, e);
}

int
pg_each(struct pg_tx *t, const char *const *sql, size_t n, int64_t id,
	const char *where, struct err *e)
{
	struct pg_q q[PG_EACH_MAX];

	assert(n <= PG_EACH_MAX);
	for (size_t i = 0; i < n; i++) {
		pg_query(t, &q[i], sql[i], where);
		pg_int(&q[i], id);
		pg_send(&q[i]);
	}
	if (pg_sync(t->c, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		(void)pg_end(&q[i], NULL);
	return 0;
}

/* ---- reading ---------------------------------------------------------------
 */

bool
pg_next(struct pg_q *q)
{
	if (q->row + 1 >= q->rows)
		return false;
	q->row++;
	return true;
}

int64_t
pg_changed(const struct pg_q *q)
{
	int64_t n = 0;

	(void)slice_i64(slice_c(PQcmdTuples(q->res)), &n);
	return n;
}

int64_t
pg_col(const struct pg_q *q, int col)
{
	const unsigned char *p =
	    (const unsigned char *)PQgetvalue(q->res, q->row, col);
	int n = PQgetlength(q->res, q->row, col);
	uint64_t v = 0;

	assert(n == 0 || n == 1 || n == 2 || n == 4 || n == 8);
	if (n == 0) /* NULL */
		return 0;
	for (int i = 0; i < n; i++)
		v = v << 8 | p[i];
	if (n < 8 && n > 1 && p[0] >= 0x80)
		v |= UINT64_MAX << (8 * n);
	return (int64_t)v;
}

bool
pg_col_null(const struct pg_q *q, int col)
{
	return PQgetisnull(q->res, q->row, col) != 0;
}

struct slice
pg_col_view(const struct pg_q *q, int col)
{
	return (struct slice){ PQgetvalue(q->res, q->row, col),
			       (size_t)PQgetlength(q->res, q->row, col) };
}

struct slice
pg_col_bytes(struct pg_q *q, struct arena *a, int col)
{
	struct slice s = pg_col_view(q, col);

	if (s.n == 0)
		return SLICE_LIT("");
	s = arena_copy(a, s);
	if (s.p == NULL)
		q->nomem = true;
	return s;
}

void *
pg_room(struct pg_q *q, struct arena *a, size_t size)
{
	void *p;

	if (q->rows == 0)
		return NULL;
	p = arena_array(a, (size_t)q->rows, size);
	if (p == NULL) {
		q->nomem = true;
		q->row = q->rows; /* nothing to step through */
	}
	return p;
}

int
pg_end(struct pg_q *q, struct err *e)
{
	PQclear(q->res);
	q->res = NULL;
	q->rows = 0;
	return q->nomem ? pg_nomem(q->where, e) : 0;
}

/* ---- scripts ---------------------------------------------------------------
 */

int
pg_script(struct pg_conn *c, const char *sql, const char *where, struct err *e)
{
	PGresult *r;
	int rc = 0;

	/* Several statements in one text: only outside of the pipeline. */
	if (PQexitPipelineMode(c->pg) == 0)
		return pg_fail(c, NULL, where, e);
	r = PQexec(c->pg, sql);
	if (PQresultStatus(r) != PGRES_COMMAND_OK &&
	    PQresultStatus(r) != PGRES_TUPLES_OK)
		rc = pg_fail(c, r, where, e);
	PQclear(r);
	if (PQenterPipelineMode(c->pg) == 0 && rc == 0)
		rc = pg_fail(c, NULL, where, e);
	return rc;
}
