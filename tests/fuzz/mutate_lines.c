/*
 * Changes inputs that are made of lines (vCard, iCalendar, configuration): a
 * line is what has a meaning there, so lines are moved, doubled and dropped as
 * a whole, or one is changed among others that stay well-formed.
 */
#include "tests/fuzz/mutate.h"

enum { LINES_MAX = 512 };

struct lines {
	struct slice s[LINES_MAX];
	size_t n;
};

static void
cut(struct lines *l, struct slice text)
{
	l->n = 0;
	while (text.n > 0 && l->n < LINES_MAX) {
		size_t at = slice_find(text, '\n');
		size_t n =
		    at == SIZE_MAX || l->n == LINES_MAX - 1 ? text.n : at + 1;

		l->s[l->n++] = slice_sub(text, 0, n);
		text = slice_from(text, n);
	}
}

static void
insert(struct lines *l, size_t at, struct slice s)
{
	if (l->n == LINES_MAX)
		return;
	memmove(&l->s[at + 1], &l->s[at], (l->n - at) * sizeof(l->s[0]));
	l->s[at] = s;
	l->n++;
}

static void
drop(struct lines *l, size_t at)
{
	l->n--;
	memmove(&l->s[at], &l->s[at + 1], (l->n - at) * sizeof(l->s[0]));
}

/* One line by itself, or what is behind its colon; NULL: no memory. */
static uint8_t *
change(struct lines *l, size_t at, size_t max, unsigned *seed)
{
	struct slice s = l->s[at];
	size_t keep = fuzz_draw(seed, 2) == 0 ? 0 : slice_find(s, ':') + 1;
	size_t room = s.n + 64 < max ? s.n + 64 : max;
	uint8_t *p = malloc(room + 1);

	if (p == NULL || s.n > room)
		return p;
	memcpy(p, s.p, s.n);
	/* Its end stays. */
	while (s.n > 0 && (p[s.n - 1] == '\n' || p[s.n - 1] == '\r'))
		s.n--;
	if (keep > s.n)
		keep = 0;
	if (room < s.n + 2)
		return p;
	s.n = keep + LLVMFuzzerMutate(p + keep, s.n - keep, room - keep - 2);
	p[s.n++] = '\r';
	p[s.n++] = '\n';
	l->s[at] = (struct slice){ (const char *)p, s.n };
	return p;
}

static size_t
join(const struct lines *l, uint8_t *data, size_t max)
{
	uint8_t *p = malloc(max);
	size_t n = 0;

	if (p == NULL)
		return 0;
	for (size_t i = 0; i < l->n; i++) {
		size_t part = l->s[i].n < max - n ? l->s[i].n : max - n;

		memcpy(p + n, l->s[i].p, part);
		n += part;
	}
	memcpy(data, p, n);
	free(p);
	return n;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	struct lines l;
	uint8_t *made = NULL;
	size_t i;
	size_t n;

	cut(&l, fuzz_input(data, size));
	if (l.n < 2 || fuzz_draw(&seed, 3) == 0)
		return LLVMFuzzerMutate(data, size, max);
	i = fuzz_draw(&seed, l.n);
	switch (fuzz_draw(&seed, 6)) {
	case 0:
		insert(&l, fuzz_draw(&seed, l.n), l.s[i]);
		break;
	case 1:
		drop(&l, i);
		break;
	case 2: {
		size_t k = fuzz_draw(&seed, l.n);
		struct slice s = l.s[i];

		l.s[i] = l.s[k];
		l.s[k] = s;
		break;
	}
	default:
		made = change(&l, i, max, &seed);
		break;
	}
	n = join(&l, data, max);
	free(made);
	return n == 0 ? LLVMFuzzerMutate(data, size, max) : n;
}
