/*
 * One device of the fleet: contacts in memory, of which it owns some. Only the
 * owner of a contact edits or deletes it, so at the end it is known of each
 * contact what every device of the account must hold.
 */
#ifndef TESTS_NODES_DEVICE_H
#define TESTS_NODES_DEVICE_H

#include "clients/session.h"
#include "tests/client/memdb.h"

enum { DEV_OWN_MAX = 4000 };

struct own {
	size_t luid;
	unsigned version;
	bool live;
};

struct figures {
	unsigned syncs;    /* that went through */
	unsigned sessions; /* begun */
	unsigned again;    /* messages sent again: no answer, or 5xx */
	unsigned broken;   /* sessions that a new one had to repair */
	unsigned failed;   /* syncs that nothing repaired */
	unsigned slow;     /* slow syncs beyond the first one */
	unsigned moved;    /* items, both ways */
};

struct device {
	unsigned account, no; /* no: within its account */
	char user[32], secret[128], id[48], sid[16];
	struct memdb m;
	struct cli_conf conf;
	struct cli_http *http;
	unsigned sessions;
	uint64_t random;
	struct own own[DEV_OWN_MAX];
	unsigned own_n;
	struct figures f;
	char why[320]; /* of the last session that broke */
	/* Milliseconds of each message that was answered. */
	double *times;
	size_t times_n, times_cap;
};

/* url and the strings of `d` must outlive it. */
void dev_init(struct device *d, const char *url);
void dev_free(struct device *d);
uint32_t dev_random(struct device *d, uint32_t below);

void dev_add(struct device *d);
/* Some additions, edits and deletions of its own. */
void dev_edit(struct device *d);
/* Sync until it went through, for at most limit_ms. */
void dev_sync(struct device *d, int64_t limit_ms);

struct verdict {
	unsigned items; /* looked at */
	unsigned lost, doubled, wrong;
};

/* Does `d` hold exactly what the n devices of its account own? */
void dev_judge(const struct device *d, const struct device *const *all,
	       unsigned n, struct verdict *v);

#endif
