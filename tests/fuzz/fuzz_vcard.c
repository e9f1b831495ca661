/* Contacts of any dialect, to each that we write. See items.h. */
#include "tests/fuzz/items.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum pim_form forms[] = { PIM_VCARD21, PIM_VCARD30,
					       PIM_SIFC };

	fuzz_items(fuzz_input(data, size), PIM_VCARD30, forms, 3);
	return 0;
}
