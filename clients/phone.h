/*
 * Acting like a phone that keeps few fields: what it is sent and does not know
 * is lost, what is too long is cut, and what it sends back shows it. The code
 * is its own, not pim/'s: a server is not tested by its own converter.
 */
#ifndef CLIENTS_PHONE_H
#define CLIENTS_PHONE_H

#include "pim/pim.h"

struct cli_phone {
	const char *name; /* --fake-phone NAME */
	const char *about;
	const char *man, *mod, *swv;
	const char *card, *cal; /* property lists, see client_caps.h */
	bool tells_nothing;     /* its DevInf lists no properties */
	bool org_one;           /* keeps the company of ORG, no department */
};

/* NULL: no such profile. */
const struct cli_phone *cli_phone_find(const char *name);
/* All of them, for --help; NULL after the last. */
const struct cli_phone *cli_phone_at(size_t i);

/* The property list for items of this form; "": keeps everything. */
const char *cli_phone_list(const struct cli_phone *p, enum pim_form form);

/*
 * What is left of an item on that phone. Notes and anything that is no vCard
 * or calendar come back as they are. .p == NULL: memory is short.
 */
struct slice cli_phone_keep(struct arena *a, const struct cli_phone *p,
			    const struct pim_caps *caps, struct slice body);

#endif
