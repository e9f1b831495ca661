/* Contacts, events, tasks and notes as SIF, to each form. See items.h. */
#include "pim/sif.h"
#include "tests/fuzz/items.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum pim_form contact[] = { PIM_SIFC, PIM_VCARD21,
						 PIM_VCARD30 };
	static const enum pim_form calendar[] = { PIM_SIFE, PIM_VCAL10,
						  PIM_ICAL20 };
	static const enum pim_form note[] = { PIM_SIFN, PIM_TEXT, PIM_VNOTE };
	struct slice in = fuzz_input(data, size);
	enum pim_form form = pim_sif_root(slice_from(in, 2));

	if (form == PIM_SIFE || form == PIM_SIFT)
		fuzz_items(in, form, calendar, 3);
	else if (form == PIM_SIFN)
		fuzz_items(in, form, note, 3);
	else
		fuzz_items(in, PIM_SIFC, contact, 3);
	return 0;
}
