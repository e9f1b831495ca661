/*
 * Changes inputs that are lists of steps, FUZZ_STEP bytes each: steps are put
 * in, doubled, moved, dropped, or changed in one choice, and those behind them
 * stay what they are.
 */
#include "tests/fuzz/mutate.h"

struct steps {
	uint8_t *p;
	size_t n, max;
};

static uint8_t *
at(const struct steps *s, size_t i)
{
	return s->p + i * FUZZ_STEP;
}

/* Room for k steps in front of the i-th; false: there is none. */
static bool
open_gap(struct steps *s, size_t i, size_t k)
{
	if (s->n + k > s->max)
		return false;
	memmove(at(s, i + k), at(s, i), (s->n - i) * FUZZ_STEP);
	s->n += k;
	return true;
}

static void
double_some(struct steps *s, size_t i, size_t to, unsigned *seed)
{
	uint8_t copy[8 * FUZZ_STEP];
	size_t k = 1 + fuzz_draw(seed, 8);

	if (k > s->n - i)
		k = s->n - i;
	memcpy(copy, at(s, i), k * FUZZ_STEP);
	if (open_gap(s, to, k))
		memcpy(at(s, to), copy, k * FUZZ_STEP);
}

static void
drop_some(struct steps *s, size_t i, unsigned *seed)
{
	size_t k = 1 + fuzz_draw(seed, 4);

	if (k > s->n - i)
		k = s->n - i;
	memmove(at(s, i), at(s, i + k), (s->n - i - k) * FUZZ_STEP);
	s->n -= k;
}

static void
put_new(struct steps *s, size_t i, unsigned *seed)
{
	if (!open_gap(s, i, 1))
		return;
	for (size_t k = 0; k < FUZZ_STEP; k++)
		at(s, i)[k] = (uint8_t)fuzz_draw(seed, 256);
}

static void
swap(struct steps *s, size_t i, size_t k)
{
	uint8_t one[FUZZ_STEP];

	memcpy(one, at(s, i), FUZZ_STEP);
	memcpy(at(s, i), at(s, k), FUZZ_STEP);
	memcpy(at(s, k), one, FUZZ_STEP);
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	struct steps s = { data, size / FUZZ_STEP, max / FUZZ_STEP };
	size_t i;

	if (s.n < 2 || fuzz_draw(&seed, 4) == 0)
		return LLVMFuzzerMutate(data, size, max);
	i = fuzz_draw(&seed, s.n);
	switch (fuzz_draw(&seed, 8)) {
	case 0:
		double_some(&s, i, fuzz_draw(&seed, s.n), &seed);
		break;
	case 1:
		drop_some(&s, i, &seed);
		break;
	case 2:
		put_new(&s, i, &seed);
		break;
	case 3:
		swap(&s, i, fuzz_draw(&seed, s.n));
		break;
	case 4:
		(void)LLVMFuzzerMutate(at(&s, i), FUZZ_STEP, FUZZ_STEP);
		break;
	default:
		at(&s, i)[fuzz_draw(&seed, FUZZ_STEP)] =
		    (uint8_t)fuzz_draw(&seed, 256);
		break;
	}
	return s.n == 0 ? LLVMFuzzerMutate(data, size, max) : s.n * FUZZ_STEP;
}
