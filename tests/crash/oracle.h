/*
 * What is right after a fault: I1 to I6 of the crash proof, asked of the
 * device, of a second device and of the database itself.
 */
#ifndef TESTS_CRASH_ORACLE_H
#define TESTS_CRASH_ORACLE_H

#include "tests/crash/device.h"

struct verdict {
	struct model_found found;
	unsigned map;      /* rows that are not one to one */
	unsigned anchors;  /* databases whose anchors do not agree */
	unsigned findings; /* of `check` */
	char what[200];    /* the first trouble in words; empty: all well */
};

void oracle_device(const struct model *m, const struct device *d,
		   struct verdict *v);
/* The daemon may run. d: the device whose map and anchors are looked at. */
void oracle_store(const struct model *m, const struct site *s,
		  const struct device *d, struct verdict *v);

#endif
