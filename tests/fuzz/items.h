/*
 * What holds for items whatever a device sent: they are stored and read back
 * alike, every form that they are written in reads, what came back unchanged
 * is no edit, and two of them merge into an item.
 */
#ifndef TESTS_FUZZ_ITEMS_H
#define TESTS_FUZZ_ITEMS_H

#include "pim/pim.h"
#include "tests/fuzz/fuzz.h"

/*
 * Two bytes of rules, then one body or two with a line "---" between.
 * form   what they are if they do not say
 * forms  n of them, to convert to
 */
void fuzz_items(struct slice in, enum pim_form form, const enum pim_form *forms,
		size_t n);

#endif
