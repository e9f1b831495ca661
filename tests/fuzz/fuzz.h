/* What the fuzz targets share: one function each, and a check that stays. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include "base/arena.h"
#include "base/slice.h"

#include <stdio.h>
#include <stdlib.h>

/* Inputs have a few kB: what makes one of them take more is a finding. */
enum { FUZZ_MEMORY_MAX = 64 << 20 };

/* Looks at one input; always returns 0. A finding ends the process. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition)                                                  \
	do {                                                                   \
		if (!(condition)) {                                            \
			(void)fprintf(stderr, "%s:%d: not true: %s\n",         \
				      __FILE__, __LINE__, #condition);         \
			abort();                                               \
		}                                                              \
	} while (0)

static inline struct slice
fuzz_input(const uint8_t *data, size_t size)
{
	return (struct slice){ size == 0 ? "" : (const char *)data, size };
}

/* The arena of one input, at its end. */
static inline void
fuzz_arena_end(struct arena **a)
{
	if (*a != NULL)
		FUZZ_CHECK(arena_used(*a) <= FUZZ_MEMORY_MAX);
	arena_free(a);
}

/* ---- inputs that are lists of choices ----------------------------------- */

/* The next byte; 0 at the end. */
static inline unsigned
fuzz_byte(struct slice *in)
{
	unsigned c = in->n == 0 ? 0 : (unsigned char)in->p[0];

	*in = slice_from(*in, 1);
	return c;
}

static inline unsigned
fuzz_below(struct slice *in, unsigned n)
{
	return fuzz_byte(in) % n;
}

/*
 * Long lists are made of steps of one length (mutate_steps.c), so that a change
 * of one leaves the others alone: what a step does not use is passed over.
 */
enum { FUZZ_STEP = 8 };

static inline struct slice
fuzz_step(struct slice *in)
{
	struct slice s = slice_sub(*in, 0, FUZZ_STEP);

	*in = slice_from(*in, FUZZ_STEP);
	return s;
}

/* n bytes out of the next whole steps. */
static inline struct slice
fuzz_steps(struct slice *in, size_t n)
{
	struct slice s = slice_sub(*in, 0, n);

	*in = slice_from(*in, (n + FUZZ_STEP - 1) / FUZZ_STEP * FUZZ_STEP);
	return s;
}

/* A length, and as many bytes. */
static inline struct slice
fuzz_piece(struct slice *in)
{
	size_t n = fuzz_byte(in);
	struct slice s = slice_sub(*in, 0, n);

	*in = slice_from(*in, n);
	return s;
}

#endif
