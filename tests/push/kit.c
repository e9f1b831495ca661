#include "tests/push/kit.h"

#include "server/push/push.h"

#include <stdio.h>

struct phone one, two;
struct bench bench;
struct w_gate gate;
struct srv_alarms *w_al;

/* ---- the outlet ---------------------------------------------------------- */

static void
copy(char *out, size_t n, struct slice s)
{
	(void)snprintf(out, n, "%.*s", SLICE_ARG(s));
}

static void
keep(const struct outlet_msg *m)
{
	struct w_seen *s = &gate.msg[gate.n++];

	assert_true(gate.n < W_SEEN_MAX);
	memset(s, 0, sizeof(*s));
	copy(s->id, sizeof(s->id), m->id);
	copy(s->to, sizeof(s->to), m->to);
	copy(s->text, sizeof(s->text), m->text);
	if (m->notice == NULL)
		return;
	copy(s->type, sizeof(s->type), m->notice->type);
	copy(s->app, sizeof(s->app), m->notice->app);
	assert_true(m->notice->body.n <= W_BODY_MAX);
	memcpy(s->body, m->notice->body.p, m->notice->body.n);
	s->n = m->notice->body.n;
}

static size_t
gate_send(struct outlet *o, const struct outlet_msg *msg, size_t n)
{
	(void)o;
	for (size_t i = 0; i < n; i++) {
		if (gate.way == DOWN)
			return i;
		keep(&msg[i]);
		if (gate.way == CONFIRMS)
			gate.calls.sent(gate.calls.ctx, msg[i].id);
		else if (gate.way != HOLDS)
			gate.calls.failed(gate.calls.ctx, msg[i].id,
					  gate.way == REFUSES,
					  "it was made to fail");
	}
	return n;
}

static void
gate_close(struct outlet **o)
{
	gate.open = false;
	*o = NULL;
}

static int
gate_open(void *ctx, const struct outlet_calls *calls, struct outlet **out,
	  struct err *e)
{
	static const struct outlet_vtable v = { "kannel", gate_send,
						gate_close };

	(void)ctx;
	(void)e;
	assert_false(gate.open);
	gate.o.v = &v;
	gate.calls = *calls;
	gate.open = true;
	*out = &gate.o;
	return 0;
}

/* ---- set up -------------------------------------------------------------- */

void
w_node(void)
{
	const struct srv_alarms_in in = {
		.store = bench.store,
		.clk = &bench.clk,
		.rnd = &bench.rnd.r,
		.node = SLICE_LIT("node-1"),
		.channel = { { "kannel", gate_open, NULL } },
		.channel_n = 1,
		.secrets = &bench.secrets,
		.server_id = SLICE_LIT("groupsrv"),
		.push_day_max = W_DAY_MAX,
	};

	assert_int_equal(srv_alarms_new(&in, &w_al, NULL), 0);
}

void
w_go(void)
{
	for (int quiet = 0, i = 0; quiet < 2; quiet++) {
		while (srv_alarms_step(w_al) == 0)
			assert_true(i++ < 1000);
	}
}

struct store_tx *
w_begin(enum store_mode mode)
{
	struct store_tx *tx;

	assert_int_equal(bench.store->v->begin(bench.store, bench.account, mode,
					       bench.now, &tx, NULL),
			 0);
	return tx;
}

void
w_commit(struct store_tx **tx)
{
	assert_int_equal((*tx)->v->commit(tx, NULL), 0);
}

struct store_device
w_device(struct store_tx *tx, const char *dev_id)
{
	struct store_device *d;

	assert_int_equal(
	    tx->v->device_get(tx, bench.a, slice_c(dev_id), &d, NULL), 0);
	assert_non_null(d);
	return *d;
}

void
w_wants(const char *ways)
{
	struct store_tx *tx = w_begin(STORE_WRITE);
	struct store_push p = { .device = w_device(tx, two.dev).id,
				.channel = SLICE_LIT("kannel"),
				.address = SLICE_LIT("+49123"),
				.ways = slice_c(ways) };
	struct store_push *was;
	size_t n;

	assert_int_equal(tx->v->push->push_list(tx, bench.a, &was, &n, NULL),
			 0);
	if (n > 0) {
		p.last_no = was->last_no;
		p.last_ms = was->last_ms;
		p.day_ms = was->day_ms;
		p.day_n = was->day_n;
	}
	assert_int_equal(tx->v->push->push_put(tx, &p, NULL), 0);
	assert_int_equal(srv_push_again(tx, bench.a, p.device, NULL), 0);
	w_commit(&tx);
}

int
w_set_up(void **state)
{
	(void)state;
	bench_open(&bench);
	memset(&gate, 0, sizeof(gate));
	bench.now = INT64_C(1772438400000); /* 2026-03-02T08:00:00Z */
	phone_init(&one, &bench, "IMEI:1");
	phone_init(&two, &bench, "IMEI:2");
	assert_true(phone_sync(&one, 201));
	assert_true(phone_sync(&two, 201));
	assert_true(phone_sync(&two, 200));
	w_node();
	w_wants("");
	w_go();
	assert_int_equal(gate.n, 0);
	return 0;
}

int
w_tear_down(void **state)
{
	(void)state;
	srv_alarms_free(&w_al);
	bench_close(&bench);
	return 0;
}

void
w_one_adds(const char *name)
{
	(void)phone_add(&one, card(&bench, name, "+4977", NULL));
	assert_true(phone_sync(&one, 200));
}

void
w_saw(size_t n)
{
	w_go();
	assert_int_equal(gate.n, n);
}

struct store_notice
w_last_notice(void)
{
	struct store_tx *tx = w_begin(STORE_READ);
	struct store_notice *v;
	size_t n;

	assert_int_equal(
	    tx->v->push->notice_list(tx, bench.a, 0, 1, &v, &n, NULL), 0);
	tx->v->rollback(&tx);
	assert_int_equal(n, 1);
	return *v;
}

struct store_delivery
w_row(const char *id)
{
	struct store_tx *tx = w_begin(STORE_READ);
	struct slice s = slice_c(id);
	struct store_delivery *d;
	size_t n;

	assert_int_equal(
	    tx->v->alarm->delivery_get(tx, bench.a, &s, 1, &d, &n, NULL), 0);
	tx->v->rollback(&tx);
	assert_int_equal(n, 1);
	return *d;
}

struct slice
w_test(void)
{
	struct store_tx *tx = w_begin(STORE_WRITE);
	struct store_push *p;
	struct slice id;
	size_t n;

	assert_int_equal(tx->v->push->push_list(tx, bench.a, &p, &n, NULL), 0);
	assert_int_equal(n, 1);
	assert_int_equal(srv_push_test(tx, bench.a, p, &id, NULL), 0);
	w_commit(&tx);
	return id;
}
