/*
 * Fuzz target: bytes from a device through reading, storing, writing in every
 * form, and merging. The first byte chooses form and rules.
 */
#include "pim/pim.h"
#include "tests/fuzz/fuzz.h"

static void
use(struct arena *a, const struct pim_view *v, const struct pim_item *it)
{
	static const enum pim_form forms[] = {
		PIM_VCARD21, PIM_VCARD30, PIM_VCAL10,
		PIM_ICAL20,  PIM_TEXT,    PIM_VNOTE,
	};
	struct pim_item *stored;
	struct slice canon;
	struct pim_ids ids;

	if (pim_identify(a, it, &ids, NULL) != 0 ||
	    pim_canon(a, it, &canon, NULL) != 0)
		return;
	FUZZ_CHECK(slice_utf8_ok(canon));
	if (pim_parse(a, it->kind, canon, &stored, NULL) == 0)
		(void)pim_score(a, it, stored);
	(void)pim_title(a, it);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct pim_view w = *v;
		struct pim_item *seen;
		struct pim_merged out;
		const struct pim_item *base[1];
		struct pim_merge m = { .view = &w,
				       .current = it,
				       .base = base,
				       .absence_counts = true };

		w.form = forms[i];
		if (pim_seen(a, &w, it, &seen, NULL) != 0)
			continue;
		base[0] = seen;
		m.incoming = seen;
		for (m.base_n = 0; m.base_n < 2; m.base_n++)
			(void)pim_merge(a, &m, &out, NULL);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pim_view v = { .zone = SLICE_INIT("Europe/Berlin") };
	struct arena *a = arena_new(64u << 20);
	struct slice body;
	struct slice rest;
	struct pim_item *it;

	if (a == NULL || size < 3) {
		arena_free(&a);
		return 0;
	}
	v.form = (enum pim_form)(1 + data[0] % 7);
	v.rules = ((uint32_t)data[1] << 8 | data[2]) & 0xFFFF;
	body.p = (const char *)data + 3;
	body.n = size - 3;
	if (pim_read(a, &v, v.form, body, &it, NULL) == 0)
		use(a, &v, it);
	rest = body;
	for (int i = 0; i < 100; i++) {
		if (pim_next(a, &v, &rest, &it, NULL) != 0 || it == NULL)
			break;
	}
	fuzz_arena_end(&a);
	return 0;
}
