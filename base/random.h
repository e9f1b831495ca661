/*
 * Randomness comes in through a pointer, so that tests and the simulator can
 * repeat a run from a seed.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct rnd {
	void (*fill)(struct rnd *r, void *p, size_t n);
};

/* The system's source (libsodium). */
extern struct rnd rnd_system;

/* A repeatable source for tests; never for secrets. */
struct rnd_seeded {
	struct rnd r; /* first */
	uint64_t seed;
	uint64_t count;
};
void rnd_seed(struct rnd_seeded *r, uint64_t seed);

/* n-1 characters of [A-Za-z0-9] and a NUL: tokens and nonces (n >= 2). */
void rnd_text(struct rnd *r, char *out, size_t n);

#endif
