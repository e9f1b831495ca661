#include "tests/fuzz/items.h"

/* What it is about, for whoever mends it. */
static void
tell(struct arena *a, const char *what, const struct pim_item *it)
{
	struct slice text = { "", 0 };

	(void)pim_canon(a, it, &text, NULL);
	(void)fprintf(stderr, "-- %s:\n", what);
	(void)fwrite(text.p, 1, text.n, stderr);
}

static void
tell_two(struct arena *a, const char *one, const struct pim_item *x,
	 const char *two, const struct pim_item *y)
{
	tell(a, one, x);
	tell(a, two, y);
}

/* Stored and read back. */
static struct pim_item *
stored(struct arena *a, const struct pim_item *it)
{
	struct pim_item *back;
	struct pim_item *twice;
	struct slice text[3];
	struct pim_ids ids;

	FUZZ_CHECK(pim_canon(a, it, &text[0], NULL) == 0);
	FUZZ_CHECK(slice_utf8_ok(text[0]));
	FUZZ_CHECK(pim_parse(a, it->kind, text[0], &back, NULL) == 0);
	FUZZ_CHECK(pim_canon(a, back, &text[1], NULL) == 0);
	FUZZ_CHECK(pim_parse(a, it->kind, text[1], &twice, NULL) == 0);
	FUZZ_CHECK(pim_canon(a, twice, &text[2], NULL) == 0);
	/* The first time parameters may change places. */
	if (!slice_eq(text[1], text[2]) || !pim_same(a, it, back)) {
		tell_two(a, "stored", it, "read back", back);
		tell(a, "again", twice);
		abort();
	}
	FUZZ_CHECK(pim_identify(a, it, &ids, NULL) == 0);
	(void)pim_title(a, it);
	return back;
}

/*
 * What a device has got and sends back as it is. That is no edit; where an odd
 * item was put right on that occasion, it is none from then on.
 */
static void
unchanged(struct arena *a, const struct pim_view *v, const struct pim_item *it,
	  struct pim_item *seen)
{
	const struct pim_item *base[] = { seen };
	struct pim_merged out[2];
	struct pim_merge m = { .view = v,
			       .current = it,
			       .incoming = seen,
			       .base = base,
			       .base_n = 1,
			       .absence_counts = true };

	FUZZ_CHECK(pim_merge(a, &m, &out[0], NULL) == 0);
	if (!out[0].differs_current)
		return;
	FUZZ_CHECK(pim_seen(a, v, out[0].item, &seen, NULL) == 0);
	m.current = out[0].item;
	m.incoming = base[0] = seen;
	FUZZ_CHECK(pim_merge(a, &m, &out[1], NULL) == 0);
	if (!out[1].differs_current)
		return;
	(void)fprintf(stderr, "unchanged, form %d, rules %x:\n", (int)v->form,
		      v->rules);
	tell(a, "current", it);
	tell_two(a, "merged", out[0].item, "seen", seen);
	tell(a, "merged again", out[1].item);
	abort();
}

static void
convert(struct arena *a, const struct pim_view *v, const struct pim_item *it)
{
	struct buf out = BUF_IN(a);
	struct pim_item *seen;
	struct err e = { .code = ERR_NONE };

	if (pim_write(a, v, it, &out, &e) != 0) {
		FUZZ_CHECK(e.code != ERR_BUG && e.code != ERR_NONE);
		return;
	}
	FUZZ_CHECK((v->rules & PIM_RULE_LATIN1) != 0 ||
		   slice_utf8_ok(buf_slice(&out)));
	if (pim_seen(a, v, it, &seen, &e) != 0) {
		FUZZ_CHECK(e.code == ERR_PARSE || e.code == ERR_LIMIT);
		return;
	}
	(void)stored(a, seen);
	unchanged(a, v, it, seen);
}

static void
merge(struct arena *a, const struct pim_view *v, const struct pim_item *x,
      const struct pim_item *y)
{
	const struct pim_item *base[] = { x };
	struct pim_merged out;
	struct pim_merge m = {
		.view = v, .current = x, .incoming = y, .base = base
	};

	(void)pim_score(a, x, y);
	for (m.base_n = 0; m.base_n < 2; m.base_n++) {
		FUZZ_CHECK(pim_merge(a, &m, &out, NULL) == 0);
		(void)stored(a, out.item);
		if (!out.differs_current && !pim_same(a, out.item, x)) {
			tell_two(a, "current", x, "incoming", y);
			tell(a, "merged", out.item);
			abort();
		}
	}
}

void
fuzz_items(struct slice in, enum pim_form form, const enum pim_form *forms,
	   size_t n)
{
	struct pim_view v = { .form = form,
			      .zone = SLICE_INIT("Europe/Berlin") };
	struct arena *a = arena_new(FUZZ_MEMORY_MAX);
	struct pim_item *x;
	struct pim_item *y = NULL;
	size_t cut;

	if (a == NULL)
		return;
	v.rules = fuzz_byte(&in);
	v.rules |= fuzz_byte(&in) << 8;
	v.utc = (v.rules & PIM_RULE_UTC) != 0;
	cut = slice_find_str(in, "\n---\n");
	if (cut != SIZE_MAX &&
	    pim_read(a, &v, form, slice_from(in, cut + 5), &y, NULL) != 0)
		y = NULL;
	if (pim_read(a, &v, form, slice_sub(in, 0, cut), &x, NULL) == 0) {
		x = stored(a, x);
		for (size_t i = 0; i < n; i++) {
			v.form = forms[i];
			pim_view_seal(&v);
			convert(a, &v, x);
			if (y != NULL && y->kind == x->kind)
				merge(a, &v, x, y);
		}
	}
	fuzz_arena_end(&a);
}
