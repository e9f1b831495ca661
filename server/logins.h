/*
 * How many logins came from where, for the reports: right ones, wrong ones and
 * those that were not looked at, by day, account name and network. A bounded
 * table in memory that goes to the store in batches, so that whoever floods us
 * with wrong logins writes a few rows. What does not fit counts as "other".
 */
#ifndef SERVER_LOGINS_H
#define SERVER_LOGINS_H

#include "backends/store.h"
#include "base/clock.h"

enum {
	SRV_LOGINS_ROWS = 1024, /* between two batches */
	SRV_LOGINS_NET_BYTES = 48,
	SRV_LOGINS_USER_BYTES = 64, /* longer names count as unknown ones */
	/* Rows of one day and kind in the store, of the whole site. */
	SRV_LOGINS_DAY_ROWS = 5000,
	SRV_LOGINS_SHARE_MS = 10 * 1000,
};

struct srv_logins;

/* NULL when memory is short. Safe from any thread. */
struct srv_logins *srv_logins_new(const struct clk *clk);
void srv_logins_free(struct srv_logins **l);
/* One login of somebody. */
void srv_logins_count(struct srv_logins *l, struct slice peer,
		      struct slice user, enum store_auth what);
/* Bring what was counted into the store; what it does not take waits. */
int srv_logins_share(struct srv_logins *l, struct store *s, struct err *e);

/*
 * The network of an address as text: "local" for this machine, the first 24
 * bits of an IPv4 address, the first 48 of an IPv6 one; "unknown" for what is
 * none. Returns out.
 */
const char *srv_logins_net(struct slice peer,
			   char out[static SRV_LOGINS_NET_BYTES]);

#endif
