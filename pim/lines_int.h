/* Shared by the files of the content-line codec only. */
#ifndef PIM_LINES_INT_H
#define PIM_LINES_INT_H

#include "pim/lines.h"

#include <iconv.h>

enum pim_scan {                          /* what bytes a value holds */
		PIM_SCAN_CTRL = 1u << 0, /* control characters, not TAB */
		PIM_SCAN_8BIT = 1u << 1,
		PIM_SCAN_BACKSLASH = 1u << 2,
		PIM_SCAN_COMMA = 1u << 3,
		PIM_SCAN_SEMI = 1u << 4,
		PIM_SCAN_EQUAL = 1u << 5,
};

unsigned pim_scan(struct slice s);

/* ASCII letters to upper case; no copy where nothing changes. */
struct slice pim_upper(struct arena *a, struct slice s);

/*
 * Bytes that nobody named a charset for, or the wrong one: UTF-8 if they are
 * well-formed, else Windows-1252 (of which ISO-8859-1 is a part). .p == NULL
 * when memory is short.
 */
struct slice pim_to_utf8(struct arena *a, struct slice s);
struct slice pim_from_1252(struct arena *a, struct slice s);

/* ---- charset.c ----------------------------------------------------------- */

/* Different charsets that one item may use beside UTF-8 and Windows-1252: to
   open a converter takes up to milliseconds. */
enum { PIM_CHARSETS_MAX = 4 };

/* The converters of one item, opened where they are needed. All zero at
   first. */
struct pim_charsets {
	struct {
		const char *name;
		iconv_t cd;
	} open[PIM_CHARSETS_MAX];
	size_t n;
};

/*
 * Bytes in a named charset to UTF-8; what means nothing there becomes '?'.
 * 1: done. 0: nobody knows the charset, and they are no UTF-8. -1: memory is
 * short.
 */
int pim_charset_read(struct arena *a, struct pim_charsets *cs, struct slice s,
		     struct slice said, struct slice *out);
/* Close them. */
void pim_charsets_end(struct pim_charsets *cs);

/*
 * UTF-8 to ISO-8859-1. false: memory is short, or out->p == NULL: some
 * character is not in it.
 */
bool pim_to_latin1(struct arena *a, struct slice s, struct slice *out);

/* Line breaks to LF, other control characters (not TAB) away. */
struct slice pim_clean(struct arena *a, struct slice s);

/* A name or parameter: UTF-8 without any control character. */
struct slice pim_clean_name(struct arena *a, struct slice s);
/* Base64 without blanks and without bytes that it cannot have; .p == NULL:
   memory is short. */
struct slice pim_dense(struct arena *a, struct slice s);

/*
 * A decoded value (UTF-8, LF) of the old dialect to canonical text, by kind of
 * value; list_semi: ';' divides lists (vCalendar 1.0).
 */
struct slice pim_canon_old(struct arena *a, struct slice s,
			   enum pim_vtype vtype, bool list_semi);

/* The same for the new dialect: only what is not allowed raw is escaped. */
struct slice pim_canon_new(struct arena *a, struct slice s,
			   enum pim_vtype vtype);

/* Back: canonical text to the old dialect's plain text, line breaks LF. */
struct slice pim_plain_old(struct arena *a, struct slice s,
			   enum pim_vtype vtype, bool list_semi);

#endif
