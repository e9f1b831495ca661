/*
 * One message as the engine makes it, with all that is committed together, and
 * a look at what a store holds after some of them: what the tests of crashes
 * and power losses need.
 */
#ifndef TESTS_STORE_T_MESSAGE_H
#define TESTS_STORE_T_MESSAGE_H

#include "tests/store/t_store.h"

/* A device, and ids of items from 100 on. */
void t_message_prepare(struct t_env *env);
/* Message number `round`, from 1 on: two items, the first one edited. */
int t_message(struct store *s, int64_t account, int64_t round, struct err *e);
/* Exactly `rounds` messages are there, whole. */
void t_message_holds(struct t_env *env, int64_t rounds);

#endif
