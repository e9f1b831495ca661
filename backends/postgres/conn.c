/*
 * Connections: opened with the settings that everything rests on, and kept in
 * a pool of bounded size. Who finds none free waits in order of arrival.
 */
#include "backends/postgres/pg.h"

#include "base/clock.h"
#include "base/random.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

enum {
	OPTIONS_MAX = 80, /* of libpq and ours together */
	VERSION_MIN = 130000,
};

/* ---- one connection --------------------------------------------------------
 */

/* What libpq is told unless the URI says something else. */
static const char *const DEFAULTS[][2] = {
	{ "connect_timeout", "5" },
	{ "tcp_user_timeout", "20000" },
	{ "keepalives_idle", "10" },
	{ "keepalives_interval", "5" },
	{ "keepalives_count", "3" },
	{ "client_encoding", "UTF8" },
	{ "fallback_application_name", "funicular" },
	/* The primary among several hosts; a replica alone is told at once. */
	{ "target_session_attrs", "read-write" },
};

struct options {
	const char *key[OPTIONS_MAX];
	const char *value[OPTIONS_MAX];
	int n;
	PQconninfoOption *parsed; /* what they point into */
};

static void
option(struct options *o, const char *key, const char *value)
{
	assert(o->n < OPTIONS_MAX - 1);
	o->key[o->n] = key;
	o->value[o->n] = value;
	o->n++;
}

static int
options(const char *conninfo, struct options *o, struct err *e)
{
	*o = (struct options){ .parsed = PQconninfoParse(conninfo, NULL) };
	if (o->parsed == NULL)
		return pg_nomem("store.open", e);
	for (PQconninfoOption *p = o->parsed; p->keyword != NULL; p++) {
		const char *value = p->val;

		for (size_t i = 0; value == NULL &&
				   i < sizeof(DEFAULTS) / sizeof(DEFAULTS[0]);
		     i++) {
			if (strcmp(DEFAULTS[i][0], p->keyword) == 0)
				value = DEFAULTS[i][1];
		}
		if (value != NULL)
			option(o, p->keyword, value);
	}
	return 0;
}

/*
 * Why did it fail? libpq tells the SQLSTATE only in its verbose words, and
 * those only to who connects step by step. So the failure is asked for once
 * more; where it has gone meanwhile, `said` stays.
 */
static void
ask_why(const struct options *o, char *said, size_t n)
{
	PGconn *pg = PQconnectStartParams(o->key, o->value, 0);
	int64_t until = clk_mono_ms() + (int64_t)PG_CONNECT_S * 1000;
	PostgresPollingStatusType st = PGRES_POLLING_WRITING;

	if (pg == NULL || PQstatus(pg) == CONNECTION_BAD)
		st = PGRES_POLLING_FAILED;
	(void)PQsetErrorVerbosity(pg, PQERRORS_VERBOSE);
	while (st == PGRES_POLLING_READING || st == PGRES_POLLING_WRITING) {
		struct pollfd p = { .fd = PQsocket(pg),
				    .events = st == PGRES_POLLING_READING
						  ? POLLIN
						  : POLLOUT };
		int64_t left = until - clk_mono_ms();

		if (left <= 0 || poll(&p, 1, (int)left) <= 0)
			break;
		st = PQconnectPoll(pg);
	}
	if (st == PGRES_POLLING_FAILED && pg != NULL)
		(void)snprintf(said, n, "%s", PQerrorMessage(pg));
	PQfinish(pg);
}

static int
refused(const struct options *o, PGconn *pg, struct err *e)
{
	char said[512];

	if (pg == NULL)
		return pg_nomem("store.open", e);
	(void)snprintf(said, sizeof(said), "%s", PQerrorMessage(pg));
	ask_why(o, said, sizeof(said));
	return pg_refused(said, e);
}

/* NOTICEs would go to standard error. */
static void
be_quiet(void *ctx, const char *message)
{
	(void)ctx;
	(void)message;
}

static int
set_up(struct pg_conn *c, struct err *e)
{
	if (PQserverVersion(c->pg) < VERSION_MIN)
		return err_set(e, ERR_CONFIG, "store.open",
			       "the database is PostgreSQL %d: it must be %d "
			       "or newer",
			       PQserverVersion(c->pg) / 10000,
			       VERSION_MIN / 10000);
	(void)PQsetNoticeProcessor(c->pg, be_quiet, NULL);
	if (PQsetnonblocking(c->pg, 1) != 0 || PQenterPipelineMode(c->pg) == 0)
		return pg_fail(c, NULL, "store.open", e);
	if (!c->prepare)
		return 0;
	pg_settings(c, false);
	return pg_sync(c, e);
}

int
pg_connect(const struct pg_uri *u, struct pg_conn **out, struct err *e)
{
	struct pg_conn *c = calloc(1, sizeof(*c));
	struct options o;
	int rc;

	if (c != NULL)
		c->scratch = arena_new(PG_SCRATCH);
	if (c == NULL || c->scratch == NULL) {
		free(c);
		return pg_nomem("store.open", e);
	}
	c->prepare = u->prepare;
	c->wait_ms = PG_ANSWER_MS;
	rnd_system.fill(&rnd_system, &c->tag, sizeof(c->tag));
	if (options(u->conninfo, &o, e) < 0) {
		pg_disconnect(&c);
		return -1;
	}
	c->pg = PQconnectdbParams(o.key, o.value, 0);
	if (c->pg == NULL || PQstatus(c->pg) != CONNECTION_OK)
		rc = refused(&o, c->pg, e);
	else
		rc = set_up(c, e);
	PQconninfoFree(o.parsed);
	if (rc < 0)
		pg_disconnect(&c);
	*out = c;
	return rc;
}

void
pg_disconnect(struct pg_conn **cp)
{
	struct pg_conn *c = *cp;

	if (c == NULL)
		return;
	PQfinish(c->pg);
	arena_free(&c->scratch);
	free(c);
	*cp = NULL;
}

/*
 * A few rows through an index are always right here, whatever the statistics
 * say: they may be those of an empty table, or of another account. So a plan
 * is made once for a statement, and only of index scans in nested loops; what
 * reads everything (pg_no_hurry) has the choice. idle_in_transaction: what a
 * frozen node has locked becomes free; tcp_user_timeout: also where the server
 * still has something to say and nobody takes it.
 */
static const char SQL_SETTINGS[] =
    "SELECT set_config('statement_timeout', $1::text, $4::bigint = 1),"
    " set_config('lock_timeout', $2::text, $4::bigint = 1),"
    " set_config('idle_in_transaction_session_timeout', $3::text,"
    "  $4::bigint = 1),"
    " set_config('tcp_user_timeout', $3::text, $4::bigint = 1),"
    " set_config('plan_cache_mode', $6::text, $4::bigint = 1),"
    " set_config('enable_seqscan', $5::text, $4::bigint = 1),"
    " set_config('enable_hashjoin', $5::text, $4::bigint = 1),"
    " set_config('enable_mergejoin', $5::text, $4::bigint = 1),"
    " set_config('enable_material', $5::text, $4::bigint = 1),"
    " set_config('enable_bitmapscan', $5::text, $4::bigint = 1),"
    " set_config('jit', 'off', $4::bigint = 1)";

static struct slice
number(int n, char buf[static 16])
{
	(void)snprintf(buf, 16, "%d", n);
	return slice_c(buf);
}

/* Its answer is of no interest, and nobody is left to hear it. */
static void
settings(struct pg_conn *c, int statement_ms, int lock_ms, bool local)
{
	char a[16];
	char b[16];
	char d[16];
	struct pg_q q;

	pg_start(c, &q, SQL_SETTINGS, "store.settings");
	pg_text(&q, number(statement_ms, a));
	pg_text(&q, number(lock_ms, b));
	pg_text(&q, number(PG_SILENT_MS, d));
	pg_int(&q, local);
	pg_text(&q, statement_ms == 0 ? SLICE_LIT("on") : SLICE_LIT("off"));
	pg_text(&q, statement_ms == 0 ? SLICE_LIT("auto")
				      : SLICE_LIT("force_generic_plan"));
	pg_send(&q);
	if (c->sent_n > 0 && c->sent[c->sent_n - 1].q == &q)
		c->sent[c->sent_n - 1].q = NULL;
}

void
pg_settings(struct pg_conn *c, bool local)
{
	settings(c, PG_STATEMENT_MS, PG_LOCK_MS, local);
}

void
pg_no_hurry(struct pg_conn *c)
{
	c->wait_ms = 0;
	settings(c, 0, 0, true);
}

/* ---- the pool --------------------------------------------------------------
 */

/* A server that went away has said so, or closed the line; whatever comes
   unasked, such a connection is not worth a try. */
static bool
alive(struct pg_conn *c)
{
	struct pollfd p = { .fd = PQsocket(c->pg), .events = POLLIN };

	return PQstatus(c->pg) == CONNECTION_OK && poll(&p, 1, 0) == 0;
}

/* May one more be opened now? Called with s->lock. */
static int
may_open(struct pg *s, struct err *e)
{
	if (clk_mono_ms() >= s->retry_ms)
		return 0;
	if (e != NULL)
		*e = s->down;
	return -1;
}

/* After a failure wait, longer each time, and not all nodes alike. */
static void
back_off(struct pg *s, const struct err *why)
{
	uint32_t draw;

	rnd_system.fill(&rnd_system, &draw, sizeof(draw));
	s->backoff_ms =
	    s->backoff_ms == 0 ? PG_BACKOFF_MIN_MS : s->backoff_ms * 2;
	if (s->backoff_ms > PG_BACKOFF_MAX_MS)
		s->backoff_ms = PG_BACKOFF_MAX_MS;
	s->retry_ms = clk_mono_ms() + s->backoff_ms / 2 +
		      (int64_t)(draw % (uint32_t)s->backoff_ms) / 2;
	s->down = *why;
}

/* The first in the queue gets this connection, or the right to open one in
   its place (it counts in s->open already). Called with s->lock. */
static bool
hand_over(struct pg *s, struct pg_conn *c)
{
	struct pg_waiter *w = s->first;

	if (w == NULL)
		return false;
	s->first = w->next;
	if (s->first == NULL)
		s->last = &s->first;
	w->c = c;
	w->granted = true;
	(void)pthread_cond_signal(&w->turn);
	return true;
}

/* Open one that s->open counts already. */
static int
open_one(struct pg *s, struct pg_conn **out, struct err *e)
{
	struct err own = { .code = ERR_NONE };
	int rc = pg_connect(&s->uri, out, &own);

	(void)pthread_mutex_lock(&s->lock);
	if (rc == 0) {
		s->backoff_ms = 0;
		s->retry_ms = 0;
	} else {
		/* While running it may work again, but not of itself. */
		if (own.code == ERR_CONFIG) {
			own.code = ERR_UNAVAILABLE;
			own.lasting = true;
		}
		back_off(s, &own);
		if (!hand_over(s, NULL))
			s->open--;
		if (e != NULL)
			*e = own;
	}
	(void)pthread_mutex_unlock(&s->lock);
	return rc;
}

/* Called with s->lock. */
static bool
wait_turn(struct pg *s, struct pg_waiter *w)
{
	struct pg_waiter **at = &s->first;
	int64_t until = clk_mono_ms() + s->turn_ms;
	int rc = 0;

	*s->last = w;
	s->last = &w->next;
	while (!w->granted && rc != ETIMEDOUT)
		rc = clk_wait_until(&w->turn, &s->lock, until);
	if (w->granted)
		return true;
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	if (s->last == &w->next)
		s->last = at;
	return false;
}

/* Called with s->lock, and returns without it. */
static int
queue_up(struct pg *s, struct pg_conn **out, struct err *e)
{
	struct pg_waiter w = { .next = NULL };
	bool granted;

	clk_cond_init(&w.turn);
	granted = wait_turn(s, &w);
	(void)pthread_cond_destroy(&w.turn);
	(void)pthread_mutex_unlock(&s->lock);
	if (!granted)
		return err_set(e, ERR_UNAVAILABLE, "store.begin",
			       "all %d connections to the database were busy "
			       "for %d ms: raise pool= in `store`",
			       s->uri.pool, s->turn_ms);
	*out = w.c;
	return w.c != NULL ? 0 : open_one(s, out, e);
}

int
pg_take(struct pg *s, struct pg_conn **out, struct err *e)
{
	struct pg_conn *c;

	*out = NULL;
	(void)pthread_mutex_lock(&s->lock);
	while ((c = s->idle) != NULL) {
		s->idle = c->next;
		c->next = NULL;
		if (alive(c)) {
			(void)pthread_mutex_unlock(&s->lock);
			*out = c;
			return 0;
		}
		s->open--;
		pg_disconnect(&c);
	}
	if (s->open >= s->uri.pool)
		return queue_up(s, out, e);
	if (may_open(s, e) < 0) {
		(void)pthread_mutex_unlock(&s->lock);
		return -1;
	}
	s->open++;
	(void)pthread_mutex_unlock(&s->lock);
	return open_one(s, out, e);
}

void
pg_give(struct pg *s, struct pg_conn *c)
{
	if (c->sent_n > 0 || PQtransactionStatus(c->pg) != PQTRANS_IDLE)
		c->broken = true;
	c->used = true;
	c->wait_ms = PG_ANSWER_MS;
	if (c->broken)
		pg_disconnect(&c);
	(void)pthread_mutex_lock(&s->lock);
	if (hand_over(s, c)) {
		(void)pthread_mutex_unlock(&s->lock);
		return;
	}
	if (c == NULL) {
		s->open--;
	} else {
		c->next = s->idle;
		s->idle = c;
	}
	(void)pthread_mutex_unlock(&s->lock);
}
