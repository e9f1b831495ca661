/*
 * A store with one account, a clock that stands until it is set, and an outlet
 * that keeps what it was given and settles it as the test says.
 */
#ifndef TESTS_ALARMS_KIT_H
#define TESTS_ALARMS_KIT_H

#include "tests/store/t_store.h"

#include "base/clock.h"
#include "server/alarms/alarms.h"
#include "server/alarms/ways.h"

#include <pthread.h>

enum { FAKE_MAX = 4096, FAKE_TEXT = 2048 };

enum fake_way {
	FAKE_CONFIRMS, /* at once */
	FAKE_HOLDS,    /* until fake_settle() */
	FAKE_DOWN,     /* takes nothing */
	FAKE_FAILS,    /* not for good */
	FAKE_REFUSES,  /* for good */
};

struct fake_msg {
	char id[STORE_DELIVERY_ID_MAX + 1];
	char to[128];
	char subject[512];
	char text[FAKE_TEXT];
	char uid[256];
	char place[256];
	int64_t at_ms; /* when it was given */
	int64_t due_ms;
	bool late;
	bool open; /* not settled yet */
};

struct fake { /* what the far side saw; lives longer than outlets */
	const struct clk *clk;
	pthread_mutex_t lock;
	enum fake_way way;
	size_t room; /* messages at once; 0: no limit */
	struct fake_msg msg[FAKE_MAX];
	size_t n;
	size_t opens;
	struct outlet *open; /* the one that is open; NULL: none */
	struct outlet_calls calls;
};

struct kit {
	struct t_env *env;
	struct clk clk; /* first of its kind: now_ms() gives `now` */
	_Atomic int64_t now;
	struct rnd_seeded rnd;
	struct fake im, mail;
	struct store *store; /* the env's, or a wrapper of it */
	const char *before;  /* a run that is dead; NULL: none */
	const char *archive; /* who gets copies; NULL: nobody */
	struct srv_alarms *al;
};

/* cmocka's, with the state of t_setup() in front of it. */
int k_setup(void **state);
int k_teardown(void **state);
#define K(f) cmocka_unit_test_setup_teardown(f, k_setup, k_teardown)

/* "20260301T080000Z" in ms. */
int64_t k_ms(const char *utc);
void k_now(struct kit *k, const char *utc);
void k_set(struct kit *k, const char *key, const char *value);
/* A VEVENT of these lines ('|' between), written as an import writes it. */
int64_t k_event(struct kit *k, const char *lines);
int64_t k_todo(struct kit *k, const char *lines);
/* Another text for an item; NULL: deleted. */
void k_change(struct kit *k, int64_t item, const char *lines);
/* The item's current text, lines divided by LF; "" when it is deleted. */
const char *k_text(struct kit *k, int64_t item);

/* A node that has both channels. */
struct srv_alarms *k_node(struct kit *k, const char *name);
/* Until nothing more is to be done now. */
void k_run(struct kit *k, struct srv_alarms *al);
/* k_run() of the kit's own node, which is made when it is not there. */
void k_go(struct kit *k);

/* What the far side saw is this many messages. */
void k_saw(const struct kit *k, const struct fake *f, size_t n);
const struct fake_msg *k_last(const struct fake *f);
void fake_settle(struct fake *f, enum fake_way way);
/* Somebody writes; the answer, "" for none, NULL where he was refused. */
const char *k_say(struct kit *k, const char *from, const char *text,
		  const char *about, const char *id);
const char *k_command(struct kit *k, const char *node, const char *field,
		      const char *value, const char *about);
void k_receipt(struct kit *k, const char *id);

/* The account's delivery rows in this state. */
size_t k_rows(struct kit *k, enum store_delivery_state state);
struct store_delivery k_row(struct kit *k, size_t i);

#endif
