/*
 * What the loop of the reminders costs: nothing due, a second's worth now and
 * then, and very many at once. The outlet confirms at once, so the figures are
 * the loop's and the store's own.
 *
 *	bench_alarms [FUTURE [AT-ONCE]]      FUNICULAR_TEST_STORE=postgres:
 *there
 */
#include "server/alarms/alarms.h"
#include "base/clock.h"
#include "pim/calendar_time.h"
#include "server/alarms/ways.h"
#include "syncml/due.h"
#include "tests/postgres/place.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
	EACH = 10,   /* alarms of one account in the rush */
	SOON = 1000, /* of those in the future that come while we look */
	SOON_MS = 20000,
	BATCH = 500,
};

static struct err err;
static struct store *store;
static struct arena *a;

static void
good(int rc, const char *what)
{
	if (rc >= 0)
		return;
	(void)fprintf(stderr, "bench_alarms: %s: %s\n", what, err.msg);
	exit(1);
}

/* ---- an outlet that confirms
 * -------------------------------------------------- */

struct sink {
	struct outlet o; /* first */
	struct outlet_calls calls;
	int64_t *late;
	size_t n, max;
};

static struct sink sink;
static _Atomic size_t arrived;

static size_t
take(struct outlet *o, const struct outlet_msg *msg, size_t n)
{
	int64_t now = clk_system.now_ms(&clk_system);

	(void)o;
	for (size_t i = 0; i < n; i++) {
		if (msg[i].alarm != NULL && sink.n < sink.max)
			sink.late[sink.n++] = now - msg[i].alarm->due_ms;
		sink.calls.sent(sink.calls.ctx, msg[i].id);
	}
	arrived = sink.n;
	return n;
}

static void
shut(struct outlet **o)
{
	*o = NULL;
}

static int
unlock(void *ctx, const struct outlet_calls *calls, struct outlet **out,
       struct err *e)
{
	static const struct outlet_vtable v = { "sink", take, shut };

	(void)ctx;
	(void)e;
	sink.calls = *calls;
	sink.o.v = &v;
	*out = &sink.o;
	return 0;
}

/* ---- the data
 * -------------------------------------------------------------------- */

static int64_t
new_account(size_t n)
{
	char user[32];
	char jid[64];
	struct store_account in = { .zone = SLICE_LIT("Europe/Berlin") };
	struct store_collection c = { .id = 50,
				      .name = SLICE_LIT("calendar"),
				      .kinds = PIM_EVENT,
				      .member = { 50 },
				      .member_n = 1 };
	struct store_tx *tx;
	int64_t id;

	(void)snprintf(user, sizeof(user), "user%zu", n);
	(void)snprintf(jid, sizeof(jid), "user%zu@example.com", n);
	in.user = slice_c(user);
	good(store->v->account_create(store, &in, &id, &err), "account");
	good(store->v->begin(store, id, STORE_WRITE, 1, &tx, &err), "begin");
	tx->next_id = 100;
	good(tx->v->collection_put(tx, &c, &err), "collection");
	good(srv_ways_set(tx, a, SLICE_LIT("jid"), slice_c(jid), &err), "jid");
	good(tx->v->commit(&tx, &err), "commit");
	return id;
}

static struct store_write
event(struct store_tx *tx, const struct store_account *acc, int64_t due_ms)
{
	struct pim_view view = { .zone = acc->zone };
	struct pim_time t = { .wall = due_ms / 1000 + 600, .utc = true };
	struct store_write w = { .item = tx->next_id++,
				 .create = true,
				 .collection = 50,
				 .kind = PIM_EVENT,
				 .revision = 1,
				 .origin = STORE_BY_IMPORT };
	struct slice text = arena_printf(
	    a,
	    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\n"
	    "UID:bench-%lld\r\nSUMMARY:Event %lld\r\nDTSTART:%.*s\r\n"
	    "DURATION:PT1H\r\nBEGIN:VALARM\r\nACTION:DISPLAY\r\n"
	    "TRIGGER:-PT10M\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
	    (long long)w.item, (long long)w.item,
	    SLICE_ARG(pim_time_text(a, t)));
	struct pim_item *it;
	struct pim_ids ids;

	good(pim_read(a, &view, PIM_ICAL20, text, &it, &err), "read");
	good(pim_canon(a, it, &w.body, &err), "canon");
	good(pim_identify(a, it, &ids, &err), "identify");
	good(sml_due(a, acc, it, tx->now_ms, &w.due, &err), "due");
	w.uid = ids.uid;
	w.h_uid = ids.h_uid;
	w.h_content = ids.h_content;
	w.h_identity = ids.h_identity;
	return w;
}

static void
events(int64_t account, size_t n, int64_t from_ms, int64_t step_ms)
{
	struct arena_mark m = arena_mark(a);
	int64_t now = clk_system.now_ms(&clk_system);
	struct store_account acc;
	struct store_tx *tx;

	/* Written before they were due, however long all this takes. */
	now = (from_ms < now ? from_ms : now) - 60000;
	while (n > 0) {
		size_t k = n < BATCH ? n : BATCH;
		struct store_write *w = ARENA_ARRAY(a, k, struct store_write);

		good(w == NULL ? -1 : 0, "memory");
		good(store->v->begin(store, account, STORE_WRITE, now, &tx,
				     &err),
		     "begin");
		good(tx->v->account_get(tx, a, &acc, &err), "account");
		for (size_t i = 0; i < k; i++, from_ms += step_ms)
			w[i] = event(tx, &acc, from_ms);
		good(tx->v->item_put(tx, w, k, &err), "put");
		good(tx->v->commit(&tx, &err), "commit");
		arena_rewind(a, m);
		n -= k;
	}
}

/* ---- measuring
 * --------------------------------------------------------------------- */

static double
cpu_s(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static int
by_size(const void *x, const void *y)
{
	const int64_t *p = x;
	const int64_t *q = y;

	return (*p > *q) - (*p < *q);
}

static void
say_late(const char *what)
{
	if (sink.n == 0) {
		(void)printf("%-28s nothing arrived\n", what);
		return;
	}
	qsort(sink.late, sink.n, sizeof(*sink.late), by_size);
	(void)printf("%-28s %zu messages, late by p50 %lld ms, p95 %lld ms, "
		     "max %lld ms\n",
		     what, sink.n, (long long)sink.late[sink.n / 2],
		     (long long)sink.late[sink.n * 95 / 100],
		     (long long)sink.late[sink.n - 1]);
}

static void
wait_for(size_t n, int64_t ms)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	int64_t last = clk_mono_ms() + ms;

	while (arrived < n && clk_mono_ms() < last)
		(void)nanosleep(&pause, NULL);
}

static struct srv_alarms *
loop(void)
{
	const struct srv_alarms_in in = {
		.store = store,
		.clk = &clk_system,
		.rnd = &rnd_system,
		.log = &log_stderr,
		.node = SLICE_LIT("bench"),
		.channel = { { "xmpp", unlock, NULL } },
		.channel_n = 1,
		.minute_max = 100000,
	};
	struct srv_alarms *al;

	good(srv_alarms_new(&in, &al, &err), "new");
	return al;
}

/* Many in the future, fifty each second while we look. */
static void
future(size_t n)
{
	int64_t who = new_account(0);
	int64_t now = clk_system.now_ms(&clk_system);
	struct srv_alarms *al;
	double cpu;

	events(who, n - SOON, now + (int64_t)30 * 86400000, 60000);
	al = loop();
	(void)srv_alarms_step(al);
	cpu = cpu_s();
	for (int i = 0; i < 1000; i++)
		(void)srv_alarms_step(al);
	(void)printf("%-28s %.0f us of a processor for a look\n", "nothing due",
		     (cpu_s() - cpu) * 1e6 / 1000);
	good(srv_alarms_start(al, &err), "start");
	now = clk_system.now_ms(&clk_system);
	events(who, SOON, now / 1000 * 1000 + 3000, SOON_MS / SOON);
	srv_alarms_due(al, now);
	wait_for(SOON, SOON_MS + 30000);
	srv_alarms_free(&al);
	say_late("fifty each second");
}

static void
rush(size_t n)
{
	int64_t now = clk_system.now_ms(&clk_system);
	struct srv_alarms *al;
	struct rusage u;
	int64_t from;
	double cpu;

	for (size_t i = 0; i < n / EACH; i++)
		events(new_account(i + 1), EACH, now - 30000, 0);
	sink.n = 0;
	arrived = 0;
	al = loop();
	from = clk_mono_ms();
	cpu = cpu_s();
	good(srv_alarms_start(al, &err), "start");
	wait_for(n, 600000);
	srv_alarms_free(&al);
	from = clk_mono_ms() - from;
	(void)getrusage(RUSAGE_SELF, &u);
	(void)printf("%-28s %zu of %zu in %.1f s, %.0f a second, %.0f us of a "
		     "processor each, %ld MB at most\n",
		     "at once", sink.n, n, (double)from / 1000,
		     (double)sink.n * 1000 / (double)(from > 0 ? from : 1),
		     (cpu_s() - cpu) * 1e6 / (double)n, u.ru_maxrss / 1024);
}

int
main(int argc, char **argv)
{
	size_t many = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 10000;
	size_t once = argc > 2 ? (size_t)strtoul(argv[2], NULL, 10) : 50000;
	char dir[] = "/tmp/funicular-bench-XXXXXX";
	char file[64];
	struct place place;

	if (many <= SOON || mkdtemp(dir) == NULL)
		return 2;
	a = arena_new((size_t)256 << 20);
	sink.max = once + SOON;
	sink.late = calloc(sink.max, sizeof(*sink.late));
	if (a == NULL || sink.late == NULL)
		return 1;
	(void)snprintf(file, sizeof(file), "%s/bench.db", dir);
	place_take(&place, place_kind(NULL), file);
	good(store_open(place.uri, true, &store, &err), "open");
	future(many);
	rush(once);
	store->v->close(&store);
	place_give(&place);
	(void)remove(file);
	(void)rmdir(dir);
	free(sink.late);
	arena_free(&a);
	return 0;
}
