/* What the mutators share; only the fuzzer itself links them. */
#ifndef TESTS_FUZZ_MUTATE_H
#define TESTS_FUZZ_MUTATE_H

#include "tests/fuzz/fuzz.h"

/* libFuzzer's: changes size bytes in data, up to max; the new size. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
/* Ours, called instead of it where a target has one. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned seed);

/* A number below n (n > 0); the same ones for the same seed. */
static inline size_t
fuzz_draw(unsigned *seed, size_t n)
{
	*seed = *seed * 1664525U + 1013904223U;
	return (size_t)(*seed >> 8) % n;
}

#endif
