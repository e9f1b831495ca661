/*
 * Recurrence rules of both grammars, and zones. Five bytes choose the start;
 * then a line with a rule; then lines of a VTIMEZONE.
 *
 * What a rule means stays the same when it is written and read, simplified, or
 * put into the old grammar; all of it in bounded time.
 */
#include "pim/recur.h"
#include "pim/zone.h"
#include "tests/fuzz/fuzz.h"

enum { OCCURRENCES = 60 };

struct hits {
	int64_t at[OCCURRENCES];
	size_t n;
	bool whole; /* not stopped by the budget */
};

static int64_t
until_of(const struct pim_recur *r)
{
	if (!r->has_until)
		return INT64_MAX;
	return r->until.wall + (r->until.date ? PIM_DAY_S - 1 : 0);
}

static void
expand(struct arena *a, const struct pim_recur *r, struct pim_time start,
       struct hits *h)
{
	struct pim_recur_iter it;
	int64_t wall;

	h->n = 0;
	FUZZ_CHECK(pim_recur_iter_init(a, &it, r, start, until_of(r)));
	while (h->n < OCCURRENCES && pim_recur_iter_next(&it, &wall)) {
		FUZZ_CHECK(h->n == 0 || wall > h->at[h->n - 1]);
		h->at[h->n++] = wall;
	}
	h->whole = !it.exhausted;
	FUZZ_CHECK(h->n == 0 || h->at[0] == start.wall);
}

/* `what` is x's rule as it was said differently, and means y. */
static void
same_hits(struct slice what, const struct hits *x, const struct hits *y)
{
	size_t i = 0;

	if (!x->whole || !y->whole)
		return;
	while (i < x->n && i < y->n && x->at[i] == y->at[i])
		i++;
	if (i == x->n && i == y->n)
		return;
	(void)fprintf(stderr, "%.*s: occurrence %zu of %zu, %zu: %lld, %lld\n",
		      SLICE_ARG(what), i, x->n, y->n,
		      i < x->n ? (long long)x->at[i] : 0,
		      i < y->n ? (long long)y->at[i] : 0);
	abort();
}

static void
look_up(struct arena *a, const struct pim_recur *r, struct pim_time start,
	const struct hits *h)
{
	int64_t at;

	for (size_t i = 0; i < h->n; i += 7) {
		if (!pim_recur_next(a, r, start, until_of(r), h->at[i], &at))
			continue; /* beyond the budget */
		FUZZ_CHECK(at == h->at[i]);
	}
	if (pim_recur_last(a, r, start, until_of(r), &at) && h->whole)
		FUZZ_CHECK(h->n > 0 && at >= h->at[h->n - 1]);
}

static void
in_the_old_grammar(struct arena *a, const struct pim_recur *r,
		   struct pim_time start, const struct hits *h)
{
	struct pim_recur back;
	struct pim_time until = start;
	struct slice text;
	struct hits again;
	bool bounded;

	until.utc = false;
	bounded = pim_recur_last(a, r, start, until_of(r), &until.wall);
	for (int how = PIM_OLD_COUNT; how <= PIM_OLD_UNTIL; how++) {
		text = pim_recur_old_text(a, r, start, bounded ? &until : NULL,
					  (enum pim_recur_old_end)how);
		FUZZ_CHECK(text.p != NULL);
		if (text.n == 0)
			continue;
		FUZZ_CHECK(pim_recur_old_parse(text, start, &back));
		if (!pim_recur_can_expand(&back))
			continue;
		expand(a, &back, start, &again);
		same_hits(text, h, &again);
	}
}

static void
use_rule(struct arena *a, const struct pim_recur *r, struct pim_time start)
{
	struct pim_recur again;
	struct slice text = pim_recur_text(a, r);
	struct hits *h = ARENA_NEW(a, struct hits);
	struct hits *h2 = ARENA_NEW(a, struct hits);

	FUZZ_CHECK(text.p != NULL && h != NULL && h2 != NULL);
	FUZZ_CHECK(pim_recur_parse(text, &again));
	FUZZ_CHECK(slice_eq(text, pim_recur_text(a, &again)));
	if (!pim_recur_can_expand(r))
		return;
	expand(a, r, start, h);
	look_up(a, r, start, h);
	pim_recur_simplify(&again, start);
	expand(a, &again, start, h2);
	same_hits(pim_recur_text(a, &again), h, h2);
	in_the_old_grammar(a, r, start, h);
}

/* ---- zones ----------------------------------------------------------------
 */

static void
use_zone(struct arena *a, const struct pim_zone *z, int64_t at)
{
	const struct pim_zone *again;
	struct pim_comp *c;
	int64_t from = at;
	struct pim_zone_step step;

	FUZZ_CHECK(pim_zone_to_wall(z, at) - at == pim_zone_offset(z, at));
	for (int i = 0; i < 20 && pim_zone_next(z, from, &step); i++) {
		FUZZ_CHECK(step.at > from);
		from = step.at;
	}
	c = pim_zone_vtimezone(a, z, at, at + 400 * PIM_DAY_S);
	FUZZ_CHECK(c != NULL);
	FUZZ_CHECK(pim_zone_from_vtimezone(a, c, &again, NULL) == 0);
	if (again != NULL && at >= 0 && at < 4000000000)
		FUZZ_CHECK(pim_zone_same(z, again, at, at + 400 * PIM_DAY_S));
}

static void
use_lines(struct arena *a, struct slice text, int64_t at)
{
	struct pim_lines_in in = { .text = text, .form = PIM_ICAL20 };
	const struct pim_zone *z;
	struct pim_comp *root;

	if (pim_lines_parse(a, &in, &root, NULL, NULL, NULL) != 0 ||
	    root == NULL)
		return;
	FUZZ_CHECK(pim_zone_from_vtimezone(a, root, &z, NULL) == 0);
	if (z != NULL)
		use_zone(a, z, at);
	FUZZ_CHECK(pim_zone_from_daylight(a, root, at, NULL, &z, NULL) == 0);
	if (z != NULL)
		use_zone(a, z, at);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(FUZZ_MEMORY_MAX);
	struct slice in = fuzz_input(data, size);
	struct pim_time start = { .date = false };
	struct pim_recur r;
	struct slice rule;
	int64_t day;

	if (a == NULL)
		return 0;
	day = fuzz_byte(&in) * 256;
	day += fuzz_byte(&in);
	start.wall = day * PIM_DAY_S;
	start.date = fuzz_below(&in, 2) == 1;
	if (!start.date)
		start.wall += fuzz_byte(&in) * 337;
	start.utc = fuzz_below(&in, 2) == 1 && !start.date;
	if (slice_split(&in, '\n', &rule)) {
		if (pim_recur_parse(rule, &r))
			use_rule(a, &r, start);
		if (pim_recur_old_parse(rule, start, &r))
			use_rule(a, &r, start);
	}
	if (in.p != NULL)
		use_lines(a, in, start.wall);
	fuzz_arena_end(&a);
	return 0;
}
