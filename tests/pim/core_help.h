/* What the tests of the pim core share. */
#ifndef TESTS_PIM_CORE_HELP_H
#define TESTS_PIM_CORE_HELP_H

#include "pim/core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { T_ARENA_BYTES = 64 << 20 };

/* "N:Doe;John|TEL;CELL:1" as a card of that version; '|' ends lines. */
struct slice t_card(struct arena *a, const char *version, const char *lines);
/* Read it as a device of that view sent it; fails the test if it cannot. */
struct pim_item *t_read(struct arena *a, const struct pim_view *view,
			enum pim_form form, struct slice body);
struct pim_item *t_read_card(struct arena *a, const struct pim_view *view,
			     const char *lines);
/* The canonical text, and what would be sent; NUL-terminated. */
const char *t_canon(struct arena *a, const struct pim_item *it);
const char *t_write(struct arena *a, const struct pim_view *view,
		    const struct pim_item *it);
/*
 * "N FN TEL/2 NOTE:20 ORG!:10 CLASS=PUBLIC,PRIVATE": names, MaxOccur,
 * MaxSize, NoTruncate, ValEnum. NULL: no caps.
 */
struct pim_caps *t_caps(struct arena *a, const char *words);
/* A whole file; p == NULL: not there. */
struct slice t_file(struct arena *a, const char *path);

#define T_HAS(text, line) assert_non_null(strstr((text), (line)))
#define T_LACKS(text, line) assert_null(strstr((text), (line)))

#endif
