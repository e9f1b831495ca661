/* What the fuzz targets share: one function each, and a check that stays. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include "base/slice.h"

#include <stdio.h>
#include <stdlib.h>

/* Looks at one input; always returns 0. A finding ends the process. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition)                                                  \
	do {                                                                   \
		if (!(condition)) {                                            \
			(void)fprintf(stderr, "%s:%d: not true: %s\n",         \
				      __FILE__, __LINE__, #condition);         \
			abort();                                               \
		}                                                              \
	} while (0)

static inline struct slice
fuzz_input(const uint8_t *data, size_t size)
{
	return (struct slice){ size == 0 ? "" : (const char *)data, size };
}

#endif
