/* Filter expressions: what is read must be asked, and its rest read again. */
#include "pim/filter.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char body[] =
	    "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Smith;Anna;;;\r\nFN:Anna Smith\r\n"
	    "CATEGORIES:Work,Friends\r\nEND:VCARD\r\n";
	struct arena *a = arena_new(16u << 20);
	struct pim_span span = { true, 0, 1000 };
	struct err e = { .code = ERR_NONE };
	struct pim_filter *f;
	struct pim_filter *again;
	struct pim_item *it;
	bool in;

	if (a == NULL)
		return 0;
	FUZZ_CHECK(pim_read(a, NULL, PIM_VCARD30, slice_c(body), &it, &e) == 0);
	if (pim_filter_parse(a, fuzz_input(data, size), &f, &e) == 0) {
		in = pim_filter_match(a, f, it, &span, SLICE_LIT("7"), &e);
		FUZZ_CHECK(pim_filter_parse(a, f->rest, &again, &e) == 0 ||
			   e.code == ERR_LIMIT);
		if (again != NULL)
			FUZZ_CHECK(pim_filter_match(a, again, it, &span,
						    SLICE_LIT("7"), &e) == in);
	}
	arena_free(&a);
	return 0;
}
