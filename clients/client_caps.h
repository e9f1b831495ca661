/*
 * Property lists of DevInf, written as one line of text:
 * "VERSION=3.0 TEL*5 NOTE<120 ..." is a property with its only value, one that
 * may occur five times, one of at most 120 bytes.
 */
#ifndef CLIENTS_CLIENT_CAPS_H
#define CLIENTS_CLIENT_CAPS_H

#include "pim/pim.h"

/* ERR_NOMEM, or ERR_BUG for a malformed line. */
int cli_caps_parse(struct arena *a, const char *spec, struct pim_caps *out,
		   struct err *e);

/* What a directory of files keeps of this form: everything usual. */
const char *cli_caps_usual(enum pim_form form);

/* The property of that name, or NULL. */
const struct pim_cap *cli_caps_find(const struct pim_caps *caps,
				    struct slice name);

#endif
