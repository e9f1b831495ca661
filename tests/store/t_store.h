/*
 * What the store's tests share: a fresh store of the kind that was chosen with
 * two accounts for each test, and short forms of the calls.
 */
#ifndef TESTS_STORE_T_STORE_H
#define TESTS_STORE_T_STORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backends/store.h"
#include "tests/postgres/place.h"

#include <stdio.h>
#include <stdlib.h>

struct t_env {
	char dir[64];
	struct place place;
	char *uri; /* the place's */
	struct store *s;
	struct arena *a;
	struct err e;
	int64_t anna, bert; /* two accounts */
	int64_t coll;       /* anna's "contacts", id 1; bert has the same */
};

/* Which kind of store t_setup() makes; before it SQLite. */
void t_choose(enum place_kind kind);
/* The kind that a program's first argument, else the environment names. */
enum place_kind t_choose_by(int argc, char **argv);
/* cmocka setup and teardown */
int t_setup(void **state);
int t_teardown(void **state);

/* The call must succeed; a failure prints the error. */
#define OK(env, call) t_ok((env), (call), #call, __FILE__, __LINE__)
/* It must fail with this code. */
#define FAILS(env, want, call)                                                 \
	t_fails((env), (want), (call), #call, __FILE__, __LINE__)
void t_ok(struct t_env *env, int rc, const char *what, const char *file,
	  int line);
void t_fails(struct t_env *env, enum err_code want, int rc, const char *what,
	     const char *file, int line);

#define SLICE_IS(s, text) t_slice_is((s), (text), __FILE__, __LINE__)
void t_slice_is(struct slice s, const char *text, const char *file, int line);

struct store_tx *t_begin(struct t_env *env, int64_t account,
			 enum store_mode mode, int64_t now_ms);
void t_commit(struct t_env *env, struct store_tx **tx);
int64_t t_account(struct t_env *env, const char *user);
void t_collection(struct t_env *env, struct store_tx *tx, int64_t id,
		  const char *name);

/* A new item in collection 1 with hashes made of `n`: uid 1000 + n, content
   2000 + n, identity 3000 + n. */
struct store_write t_new(struct store_tx *tx, uint64_t n, const char *body);
/* The write that replaces head `i` (from item_get). */
struct store_write t_next(const struct store_item *i, const char *body);
struct store_write t_delete(const struct store_item *i);
/* One new item in a transaction of its own; its id. */
int64_t t_item(struct t_env *env, int64_t account, uint64_t n, const char *body,
	       int64_t now_ms);
/* The head with its body; fails the test when it is not there. */
struct store_item t_head(struct t_env *env, struct store_tx *tx, int64_t id);
void t_put(struct t_env *env, struct store_tx *tx, struct store_write w);
/* A device and a link of it with collection 1. */
void t_device(struct t_env *env, struct store_tx *tx, int64_t id,
	      const char *dev_id);
void t_link(struct t_env *env, struct store_tx *tx, int64_t id, int64_t device,
	    const char *client_db);
struct store_map t_map(int64_t link, int64_t gen, int64_t item,
		       const char *luid, int64_t held);
/* `check` has no finding. */
void t_sound(struct t_env *env);

#define T(f) cmocka_unit_test_setup_teardown(f, t_setup, t_teardown)

/* The groups of the conformance suite. */
struct t_group {
	const char *name;
	const struct CMUnitTest *test;
	size_t n;
};
extern const struct t_group t_group_account, t_group_item, t_group_history,
    t_group_match, t_group_map, t_group_change, t_group_device, t_group_session,
    t_group_throttle, t_group_chunk, t_group_tx, t_group_admin, t_group_prune,
    t_group_isolation, t_group_batch, t_group_report, t_group_views,
    t_group_alarm, t_group_mail, t_group_push, t_group_wake;

#define T_GROUP(id, title, list)                                               \
	const struct t_group t_group_##id = {                                  \
		title, list, sizeof(list) / sizeof((list)[0])                  \
	}

#endif
