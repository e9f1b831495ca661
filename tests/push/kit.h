/*
 * From what one device changes to what wakes the other: two model phones of
 * one account, the loop, and an outlet that keeps what it was given. The clock
 * is set.
 */
#ifndef TESTS_PUSH_KIT_H
#define TESTS_PUSH_KIT_H

#include "tests/syncml/phone.h"

#include "server/alarms/alarms.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { W_SEEN_MAX = 64, W_BODY_MAX = 1024, W_DAY_MAX = 12 };

#define W_MINUTE INT64_C(60000)

enum w_way { CONFIRMS, HOLDS, DOWN, FAILS, REFUSES };

struct w_seen {
	char id[STORE_DELIVERY_ID_MAX + 1];
	char to[64];
	char type[64];
	char app[64];
	char text[256];
	char body[W_BODY_MAX];
	size_t n;
};

struct w_gate {
	struct outlet o;
	struct outlet_calls calls;
	enum w_way way;
	struct w_seen msg[W_SEEN_MAX];
	size_t n;
	bool open;
};

extern struct phone one, two; /* the second one is to be woken */
extern struct bench bench;
extern struct w_gate gate;
extern struct srv_alarms *w_al;

int w_set_up(void **state);
int w_tear_down(void **state);
/* The daemon begins (again). */
void w_node(void);
/* Until nothing more is to be done now. */
void w_go(void);
struct store_tx *w_begin(enum store_mode mode);
void w_commit(struct store_tx **tx);
struct store_device w_device(struct store_tx *tx, const char *dev_id);
/* How the second phone is told: "form san\ngap 60". */
void w_wants(const char *ways);
void w_one_adds(const char *name);
/* So many messages until now. */
void w_saw(size_t n);
struct store_notice w_last_notice(void);
/* Of the outbox, by the message's id. */
struct store_delivery w_row(const char *id);

/* `funicular push test`: the message's id. */
struct slice w_test(void);

#define W(f) cmocka_unit_test_setup_teardown(f, w_set_up, w_tear_down)

#endif
