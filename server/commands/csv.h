/*
 * A table as CSV (RFC 4180): comma, CR LF, quoted where needed. No value is an
 * empty field, an empty text is "". Text that a spreadsheet would take for a
 * formula, since it begins with = + - @, a tab or CR, gets an apostrophe before
 * it: what devices call themselves is strangers' text. Numbers stay as they
 * are; who wants the bytes asks for JSON.
 */
#ifndef SERVER_COMMANDS_CSV_H
#define SERVER_COMMANDS_CSV_H

#include "backends/store.h"

#include <stdio.h>

/* -1: could not write. */
int srv_csv_print(FILE *f, const struct store_table *t);

#endif
