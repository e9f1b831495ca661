/*
 * Words for the bits and enums that the store keeps: kinds of items, policies,
 * origins.
 */
#ifndef SERVER_COMMANDS_KINDS_H
#define SERVER_COMMANDS_KINDS_H

#include "backends/store.h"

/* "contact", "event todo"; into the arena. */
struct slice srv_kinds_text(struct arena *a, unsigned kinds);
/* Words parted by blank or comma, singular or plural; false: unknown word. */
bool srv_kinds_read(struct slice words, unsigned *kinds);

const char *srv_policy_name(enum store_policy p);
bool srv_policy_read(struct slice word, enum store_policy *p);

const char *srv_origin_name(enum store_origin o);

#endif
