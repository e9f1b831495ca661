/*
 * What the store costs for each item of a first upload: 10,000 contacts in
 * messages of 200, with everything that such a message asks of the store,
 * against the floor: bare prepared inserts of the same rows into the same
 * tables, one transaction for each message. CPU time with SQLite, so that the
 * disk does not count; the clock's with PostgreSQL, where others work too.
 *
 *   bench_store [items] [per message]
 *   FUNICULAR_TEST_STORE=postgres tests/postgres/server.py bench_store ...
 */
#include "backends/sqlite/lite.h"
#include "base/digest.h"
#include "tests/postgres/place.h"

#include <libpq-fe.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { BODY_BYTES = 400, STATE_BYTES = 2000, ANSWER_BYTES = 20000 };

struct bench {
	char dir[64];
	enum place_kind kind;
	struct place place;
	size_t items, batch;
	struct arena *a;
	struct store *s;
	int64_t account;
	char body[BODY_BYTES];
	char state[STATE_BYTES];
	char answer[ANSWER_BYTES];
	double phase[8]; /* seconds: match, luid, item, map, session, commit */
};

static double
cpu(const struct bench *b)
{
	struct timespec t;

	(void)clock_gettime(b->kind == PLACE_SQLITE ? CLOCK_PROCESS_CPUTIME_ID
						    : CLOCK_MONOTONIC,
			    &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
must(int rc, const struct err *e, const char *what)
{
	if (rc >= 0)
		return;
	(void)fprintf(stderr, "%s: %s\n", what, e->msg);
	exit(1);
}

static uint64_t
hash_of(size_t i, int which)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%d/%zu", which, i);

	return digest_u64((struct slice){ text, (size_t)n });
}

static void
open_new(struct bench *b, const char *name)
{
	struct store_account in = { .user = SLICE_LIT("anna") };
	struct store_collection c = { .id = 1,
				      .name = SLICE_LIT("contacts"),
				      .member = { 1 },
				      .member_n = 1 };
	struct store_device d = { .id = 2, .dev_id = SLICE_LIT("IMEI:1") };
	struct store_tx *tx = NULL;
	struct err e;
	char path[96];

	(void)snprintf(path, sizeof(path), "%s/%s.db", b->dir, name);
	place_take(&b->place, b->kind, path);
	must(store_open(b->place.uri, true, &b->s, &e), &e, "open");
	must(b->s->v->account_create(b->s, &in, &b->account, &e), &e,
	     "account");
	must(b->s->v->begin(b->s, b->account, STORE_WRITE, 1, &tx, &e), &e,
	     "begin");
	tx->next_id = 10;
	must(tx->v->collection_put(tx, &c, &e), &e, "collection");
	must(tx->v->device_put(tx, &d, &e), &e, "device");
	must(tx->v->commit(&tx, &e), &e, "commit");
}

/* ---- through the store --------------------------------------------------- */

struct message {
	struct store_write *w;
	struct store_map *m;
	struct slice *luid;
	uint64_t *hash;
};

static void
compose(struct bench *b, struct store_tx *tx, size_t from, struct message *out)
{
	out->w = ARENA_ARRAY(b->a, b->batch, struct store_write);
	out->m = ARENA_ARRAY(b->a, b->batch, struct store_map);
	out->luid = ARENA_ARRAY(b->a, b->batch, struct slice);
	out->hash = ARENA_ARRAY(b->a, b->batch * 3, uint64_t);
	for (size_t i = 0; i < b->batch; i++) {
		struct slice uid =
		    arena_printf(b->a, "uid-%zu@example.org", from + i);

		out->luid[i] = arena_printf(b->a, "%zu", from + i);
		out->w[i] = (struct store_write){
			.item = tx->next_id++,
			.create = true,
			.collection = 1,
			.kind = 1,
			.revision = 1,
			.uid = uid,
			.h_uid = hash_of(from + i, 0),
			.h_content = hash_of(from + i, 1),
			.h_identity = hash_of(from + i, 2),
			.body = { b->body, BODY_BYTES },
			.origin = STORE_BY_DEVICE,
			.device = 2,
			.session = 4,
		};
		out->m[i] = (struct store_map){
			.link = 3,
			.gen = 1,
			.item = out->w[i].item,
			.luid = out->luid[i],
			.state = STORE_MAP_LIVE,
			.held = 1,
			.touched = 1,
		};
		out->hash[i * 3] = out->w[i].h_uid;
		out->hash[i * 3 + 1] = out->w[i].h_content;
		out->hash[i * 3 + 2] = out->w[i].h_identity;
	}
}

static void
lap(struct bench *b, int phase, double *t)
{
	double now = cpu(b);

	b->phase[phase] += now - *t;
	*t = now;
}

static void
session_rows(struct bench *b, struct store_tx *tx, int64_t msg)
{
	struct store_session ses = { .id = 4,
				     .device = 2,
				     .sid = SLICE_LIT("1"),
				     .token_hash = SLICE_LIT("token"),
				     .last_msgid = msg,
				     .state = { b->state, STATE_BYTES } };
	struct store_link l = { .id = 3,
				.device = 2,
				.collection = 1,
				.client_db = SLICE_LIT("./C"),
				.sync_no = msg };
	const struct store_story line = { 1, '>', SLICE_LIT("200 items") };
	struct slice reply = { b->answer, ANSWER_BYTES };
	struct err e;

	must(tx->v->link_put(tx, &l, &e), &e, "link");
	must(tx->v->session_put(tx, &ses, &reply, &e), &e, "session");
	must(tx->v->story_add(tx, 4, &line, 1, &e), &e, "story");
}

static void
message(struct bench *b, size_t from)
{
	const int64_t coll = 1;
	struct store_candidate *c;
	struct store_map *known;
	struct store_tx *tx = NULL;
	struct message m;
	struct err e;
	size_t n;
	double t;

	arena_reset(b->a);
	t = cpu(b);
	must(b->s->v->begin(b->s, b->account, STORE_WRITE, 1000, &tx, &e), &e,
	     "begin");
	lap(b, 5, &t);
	compose(b, tx, from, &m);
	t = cpu(b);
	must(tx->v->save(tx, 1, &e), &e, "save");
	must(tx->v->item_match(tx, b->a,
			       &(struct store_likeness){
				   &coll, 1, m.hash, b->batch * 3, 8, 3, 1 },
			       &c, &n, &e),
	     &e, "match");
	lap(b, 0, &t);
	must(tx->v->map_by_luid(tx, b->a, 3, m.luid, b->batch, &known, &n, &e),
	     &e, "luid");
	lap(b, 1, &t);
	must(tx->v->item_put(tx, m.w, b->batch, &e), &e, "put");
	lap(b, 2, &t);
	must(tx->v->map_put(tx, m.m, b->batch, &e), &e, "map");
	must(tx->v->save_keep(tx, 1, &e), &e, "keep");
	lap(b, 3, &t);
	session_rows(b, tx, (int64_t)(from / b->batch) + 1);
	lap(b, 4, &t);
	must(tx->v->commit(&tx, &e), &e, "commit");
	lap(b, 5, &t);
}

/* ---- the floor ------------------------------------------------------------
 */

static const char *const FLOOR[] = {
	"BEGIN IMMEDIATE",
	"INSERT INTO item VALUES (?1, ?2, 1, 1, 1, 1, ?3, 0, ?4, ?5, ?6, ?7,"
	" 400, 1000, 1000, NULL, NULL)",
	"INSERT INTO item_hash VALUES (?1, 1, ?2, ?3)",
	"INSERT INTO revision VALUES (?1, ?2, 1, 0, 0, ?3, 1, 2, 4, ?4, 1000,"
	" ?5)",
	"INSERT INTO map VALUES (?1, 3, 1, ?2, ?3, 1, 1, 0, NULL, 0, 1, 0)",
	"COMMIT",
};
enum { FLOOR_N = 6 };

static void
floor_run(sqlite3_stmt *st)
{
	if (sqlite3_step(st) != SQLITE_DONE) {
		(void)fprintf(stderr, "floor: %s\n",
			      sqlite3_errmsg(sqlite3_db_handle(st)));
		exit(1);
	}
	(void)sqlite3_reset(st);
}

/* Values made beforehand, as the store gets them from its caller. */
static void
floor_item(struct bench *b, sqlite3_stmt **st, const struct store_write *w,
	   struct slice luid, int64_t no)
{
	const uint64_t hash[3] = { w->h_uid, w->h_content, w->h_identity };

	(void)sqlite3_bind_int64(st[1], 1, b->account);
	(void)sqlite3_bind_int64(st[1], 2, w->item);
	(void)sqlite3_bind_int64(st[1], 3, no);
	(void)sqlite3_bind_blob64(st[1], 4, w->uid.p, w->uid.n, SQLITE_STATIC);
	for (int k = 0; k < 3; k++)
		(void)sqlite3_bind_int64(st[1], 5 + k, (int64_t)hash[k]);
	floor_run(st[1]);
	for (int k = 0; k < 3; k++) {
		(void)sqlite3_bind_int64(st[2], 1, b->account);
		(void)sqlite3_bind_int64(st[2], 2, (int64_t)hash[k]);
		(void)sqlite3_bind_int64(st[2], 3, w->item);
		floor_run(st[2]);
	}
	(void)sqlite3_bind_int64(st[3], 1, b->account);
	(void)sqlite3_bind_int64(st[3], 2, w->item);
	(void)sqlite3_bind_int64(st[3], 3, (int64_t)w->h_content);
	(void)sqlite3_bind_int64(st[3], 4, no);
	(void)sqlite3_bind_blob(st[3], 5, b->body, BODY_BYTES, SQLITE_STATIC);
	floor_run(st[3]);
	(void)sqlite3_bind_int64(st[4], 1, b->account);
	(void)sqlite3_bind_int64(st[4], 2, w->item);
	(void)sqlite3_bind_blob64(st[4], 3, luid.p, luid.n, SQLITE_STATIC);
	floor_run(st[4]);
}

static double
floor_cpu(struct bench *b)
{
	struct lite_conn *c = NULL;
	sqlite3_stmt *st[FLOOR_N];
	struct store_tx tx = { .next_id = 10 };
	struct message m;
	struct err e;
	double sum = 0;
	double t;

	open_new(b, "floor");
	must(lite_connect(b->place.uri + strlen("sqlite:"), false, &c, &e), &e,
	     "connect");
	for (size_t i = 0; i < FLOOR_N; i++) {
		if (sqlite3_prepare_v2(c->db, FLOOR[i], -1, &st[i], NULL) !=
		    SQLITE_OK)
			exit(1);
	}
	for (size_t from = 0; from < b->items; from += b->batch) {
		arena_reset(b->a);
		compose(b, &tx, from, &m);
		t = cpu(b);
		floor_run(st[0]);
		for (size_t i = 0; i < b->batch; i++)
			floor_item(b, st, &m.w[i], m.luid[i],
				   (int64_t)(from / b->batch) + 3);
		floor_run(st[5]);
		sum += cpu(b) - t;
	}
	for (size_t i = 0; i < FLOOR_N; i++)
		(void)sqlite3_finalize(st[i]);
	lite_disconnect(&c);
	b->s->v->close(&b->s);
	place_give(&b->place);
	return sum;
}

/* ---- the same in PostgreSQL, as pgbench would: row by row -----------------
 */

struct row { /* parameters in text form */
	char text[8][24];
	const char *v[8];
	int len[8], format[8];
	int n;
};

static void
row_int(struct row *r, int64_t v)
{
	r->len[r->n] = 0;
	r->format[r->n] = 0;
	(void)snprintf(r->text[r->n], sizeof(r->text[0]), "%lld", (long long)v);
	r->v[r->n] = r->text[r->n];
	r->n++;
}

static void
row_bytes(struct row *r, struct slice s)
{
	r->v[r->n] = s.p;
	r->len[r->n] = (int)s.n;
	r->format[r->n] = 1;
	r->n++;
}

static void
pg_floor_run(PGconn *c, PGresult *r)
{
	if (PQresultStatus(r) != PGRES_COMMAND_OK) {
		(void)fprintf(stderr, "floor: %s\n", PQerrorMessage(c));
		exit(1);
	}
	PQclear(r);
}

static void
pg_floor_row(PGconn *c, const char *name, const struct row *r)
{
	pg_floor_run(c,
		     PQexecPrepared(c, name, r->n, r->v, r->len, r->format, 1));
}

static void
pg_floor_item(struct bench *b, PGconn *c, const struct store_write *w,
	      struct slice luid, int64_t no)
{
	const uint64_t hash[3] = { w->h_uid, w->h_content, w->h_identity };
	struct row r = { .n = 0 };

	row_int(&r, b->account);
	row_int(&r, w->item);
	row_int(&r, no);
	row_bytes(&r, w->uid);
	for (int k = 0; k < 3; k++)
		row_int(&r, (int64_t)hash[k]);
	pg_floor_row(c, "item", &r);
	for (int k = 0; k < 3; k++) {
		r.n = 0;
		row_int(&r, b->account);
		row_int(&r, (int64_t)hash[k]);
		row_int(&r, w->item);
		pg_floor_row(c, "hash", &r);
	}
	r.n = 0;
	row_int(&r, b->account);
	row_int(&r, w->item);
	row_int(&r, (int64_t)w->h_content);
	row_int(&r, no);
	row_bytes(&r, (struct slice){ b->body, BODY_BYTES });
	pg_floor_row(c, "revision", &r);
	r.n = 0;
	row_int(&r, b->account);
	row_int(&r, w->item);
	row_bytes(&r, luid);
	pg_floor_row(c, "map", &r);
}

static const char *const PG_FLOOR[][2] = {
	{ "item",
	  "INSERT INTO item VALUES ($1, $2, 1, 1, 1, 1, $3, 0, $4, $5, $6, $7,"
	  " 400, 1000, 1000, NULL, NULL)" },
	{ "hash", "INSERT INTO item_hash VALUES ($1, 1, $2, $3)" },
	{ "revision",
	  "INSERT INTO revision VALUES ($1, $2, 1, 0, 0, $3, 1, 2, 4, $4,"
	  " 1000, $5)" },
	{ "map", "INSERT INTO map VALUES ($1, 3, 1, $2, $3, 1, 1, 0, NULL, 0,"
		 " 1, 0)" },
};

static double
pg_floor(struct bench *b)
{
	struct store_tx tx = { .next_id = 10 };
	struct message m;
	char conninfo[256];
	double sum = 0;
	PGconn *c;
	double t;

	open_new(b, "floor");
	place_conninfo(&b->place, conninfo, sizeof(conninfo));
	c = PQconnectdb(conninfo);
	for (size_t i = 0; i < sizeof(PG_FLOOR) / sizeof(PG_FLOOR[0]); i++)
		pg_floor_run(
		    c, PQprepare(c, PG_FLOOR[i][0], PG_FLOOR[i][1], 0, NULL));
	for (size_t from = 0; from < b->items; from += b->batch) {
		arena_reset(b->a);
		compose(b, &tx, from, &m);
		t = cpu(b);
		pg_floor_run(c, PQexec(c, "BEGIN"));
		for (size_t i = 0; i < b->batch; i++)
			pg_floor_item(b, c, &m.w[i], m.luid[i],
				      (int64_t)(from / b->batch) + 3);
		pg_floor_run(c, PQexec(c, "COMMIT"));
		sum += cpu(b) - t;
	}
	PQfinish(c);
	b->s->v->close(&b->s);
	return sum;
}

/* ---- reading back ---------------------------------------------------------
 */

static void
report(const struct bench *b, const char *what, double t)
{
	(void)printf("  %-34s %7.2f us per item\n", what,
		     t * 1e6 / (double)b->items);
}

/* What a second sync asks: nothing changed, all is in the map. */
static void
quiet_sync(struct bench *b)
{
	struct store_cursor from = { 1, 0, 0 };
	struct store_change *c;
	struct store_tx *tx = NULL;
	struct err e;
	int64_t live;
	size_t n;
	double t;

	arena_reset(b->a);
	must(b->s->v->begin(b->s, b->account, STORE_READ, 1, &tx, &e), &e,
	     "begin");
	t = cpu(b);
	must(tx->v->changes(tx, b->a, 3, 1, &from, INT64_MAX, 100, &c, &n, &e),
	     &e, "changes");
	report(b, "changes over all, none left", cpu(b) - t);
	t = cpu(b);
	must(tx->v->map_count(tx, 3, 1, &live, &e), &e, "count");
	report(b, "map_count", cpu(b) - t);
	t = cpu(b);
	must(tx->v->changes(tx, b->a, 9, 1, &from, INT64_MAX, b->items, &c, &n,
			    &e),
	     &e, "changes");
	report(b, "changes for a new device, all", cpu(b) - t);
	if (n != b->items || live != (int64_t)b->items)
		exit(1);
	must(tx->v->commit(&tx, &e), &e, "commit");
}

static void
bodies(struct bench *b)
{
	struct store_tx *tx = NULL;
	struct store_item *out;
	int64_t at = 0;
	struct err e;
	size_t n;
	double t = cpu(b);

	must(b->s->v->begin(b->s, b->account, STORE_READ, 1, &tx, &e), &e,
	     "begin");
	do {
		arena_reset(b->a);
		must(tx->v->item_page(tx, b->a, 1, at, 200, false, true, &out,
				      &n, &e),
		     &e, "page");
		if (n > 0)
			at = out[n - 1].id;
	} while (n == 200);
	must(tx->v->commit(&tx, &e), &e, "commit");
	report(b, "item_page with bodies", cpu(b) - t);
}

static void
through_store(struct bench *b)
{
	static const char *const name[] = {
		"  item_match", "  map_by_luid",          "  item_put",
		"  map_put",    "  link, session, story", "  begin, commit"
	};
	double sum = 0;

	open_new(b, "store");
	for (size_t from = 0; from < b->items; from += b->batch)
		message(b, from);
	for (int i = 0; i < 6; i++)
		sum += b->phase[i];
	report(b, "store", sum);
	for (int i = 0; i < 6; i++)
		report(b, name[i], b->phase[i]);
	quiet_sync(b);
	bodies(b);
	b->s->v->close(&b->s);
	place_give(&b->place);
}

int
main(int argc, char **argv)
{
	static struct bench b;
	const char *tmp = getenv("TMPDIR");

	b.kind = place_kind(NULL);
	b.items = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000;
	b.batch = argc > 2 ? strtoul(argv[2], NULL, 10) : 200;
	if (b.batch == 0 || b.items % b.batch != 0)
		return 2;
	(void)snprintf(b.dir, sizeof(b.dir), "%s/bench-store-XXXXXX",
		       tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(b.dir) == NULL)
		return 1;
	memset(b.body, 'b', sizeof(b.body));
	memset(b.state, 's', sizeof(b.state));
	memset(b.answer, 'a', sizeof(b.answer));
	b.a = arena_new((size_t)512 << 20);
	(void)printf("%s: %zu items, %zu in a message\n", place_name(b.kind),
		     b.items, b.batch);
	report(&b, "floor: bare inserts",
	       b.kind == PLACE_SQLITE ? floor_cpu(&b) : pg_floor(&b));
	through_store(&b);
	arena_free(&b.a);
	return rmdir(b.dir) == 0 ? 0 : 1;
}
