#include "server/commands/idset.h"

#include <stdlib.h>

enum { FIRST_CAP = 1024 };

/* The place of an id, or the free one where it belongs. */
static size_t
place(const struct srv_idset *s, int64_t id)
{
	size_t i =
	    (size_t)((uint64_t)id * 0x9E3779B97F4A7C15u >> 20) & (s->cap - 1);

	while (s->slot[i] != 0 && s->slot[i] != id)
		i = (i + 1) & (s->cap - 1);
	return i;
}

bool
srv_idset_has(const struct srv_idset *s, int64_t id)
{
	return s->cap > 0 && s->slot[place(s, id)] == id;
}

static bool
grow(struct srv_idset *s)
{
	struct srv_idset big = { .cap = s->cap == 0 ? FIRST_CAP : 2 * s->cap };

	big.slot = calloc(big.cap, sizeof(*big.slot));
	if (big.slot == NULL)
		return false;
	for (size_t i = 0; i < s->cap; i++)
		if (s->slot[i] != 0)
			big.slot[place(&big, s->slot[i])] = s->slot[i];
	big.n = s->n;
	free(s->slot);
	*s = big;
	return true;
}

bool
srv_idset_add(struct srv_idset *s, int64_t id)
{
	size_t i;

	if (2 * s->n >= s->cap && !grow(s))
		return false;
	i = place(s, id);
	if (s->slot[i] == 0) {
		s->slot[i] = id;
		s->n++;
	}
	return true;
}

void
srv_idset_free(struct srv_idset *s)
{
	free(s->slot);
	*s = (struct srv_idset){ 0 };
}
