/*
 * The workload W1000: an account, three devices, a thousand items on both
 * sides, and what the users of two devices then do to them.
 */
#ifndef TESTS_CRASH_WORK_H
#define TESTS_CRASH_WORK_H

#include "tests/crash/device.h"

enum work_device { WORK_A, WORK_B, WORK_C, WORK_DEVICES };

struct work {
	struct model model;
	struct device dev[WORK_DEVICES];
};

/*
 * Make it on a new site: B's part is on the server afterwards, A's is on the
 * device and about to be synced, C has never synced. The daemon runs.
 */
void work_prepare(struct work *w, struct site *s, unsigned items);
void work_free(struct work *w);

#endif
