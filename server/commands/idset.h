/*
 * A growing set of item ids (never 0), on the heap.
 */
#ifndef SERVER_COMMANDS_IDSET_H
#define SERVER_COMMANDS_IDSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct srv_idset {
	int64_t *slot; /* 0: free */
	size_t cap;    /* a power of two, or 0 */
	size_t n;
};

bool srv_idset_has(const struct srv_idset *s, int64_t id);
/* false: memory is short. */
bool srv_idset_add(struct srv_idset *s, int64_t id);
void srv_idset_free(struct srv_idset *s);

#endif
