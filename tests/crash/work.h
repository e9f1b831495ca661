/*
 * The workload W1000: an account, three devices, a thousand items on both
 * sides, and what the users of two devices then do to them.
 */
#ifndef TESTS_CRASH_WORK_H
#define TESTS_CRASH_WORK_H

#include "tests/crash/device.h"

enum work_device { WORK_A, WORK_B, WORK_C, WORK_DEVICES };

struct srv_site;

/* The site's database, for the next function; srv_site_close() ends it. */
void work_open(struct site *s, struct srv_site *site);
/* An account and n devices with secrets of their own. */
void work_account(struct srv_site *site, const char *user, struct device *dev,
		  size_t n);

struct work {
	struct model model;
	unsigned base; /* keys below it were there before */
	struct device dev[WORK_DEVICES];
};

/*
 * Make it on a new site: B's part is on the server afterwards, A's is on the
 * device and about to be synced, C has never synced. The daemon runs.
 */
void work_prepare(struct work *w, struct site *s, unsigned items);
/* A's user goes on, whatever came through of what was done before. */
void work_edit_more(struct work *w);
void work_free(struct work *w);

#endif
