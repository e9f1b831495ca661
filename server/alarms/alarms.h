/*
 * Reminders: what is due becomes messages in the outbox, the outbox goes to
 * the outlets, and what comes back is written down. One thread of each node.
 *
 * The idea: rows decide, not this process. An alarm that is due is a row of
 * alarm_next; one transaction writes its messages and moves the row on. A
 * message is a row until its outlet has said that the far side has it. So
 * whatever dies, and whenever, the rows say what is still to be done; only
 * what was given and not confirmed goes out twice, with the same id.
 */
#ifndef SERVER_ALARMS_ALARMS_H
#define SERVER_ALARMS_ALARMS_H

#include "backends/outlet.h"
#include "backends/store.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "server/metrics.h"
#include "syncml/login.h"

enum {
	SRV_ALARMS_CHANNELS = 8,
	SRV_ALARMS_POLL_MS = 5000,
	/* Sent so much after its time it says so; and what is over by then is
	   not sent at all but listed. */
	SRV_ALARMS_LATE_MS = 60 * 1000,
	/* Messages to one person within a minute; what is more is listed. */
	SRV_ALARMS_MINUTE_MAX = 20,
};

/* A way out. It is open while this node holds its lease. */
struct srv_alarms_channel {
	const char *name; /* "xmpp", "smtp" */
	int (*open)(void *ctx, const struct outlet_calls *calls,
		    struct outlet **out, struct err *e);
	void *ctx;
};

struct srv_alarms_in {
	struct store *store;
	const struct clk *clk;
	struct rnd *rnd;
	struct log *log;
	struct slice node; /* of this run: owner of leases; outlives it */
	/* A run that is dead for certain, so its leases need not run out;
	   empty: none is known. Outlives it. */
	struct slice before;
	struct srv_alarms_channel channel[SRV_ALARMS_CHANNELS];
	size_t channel_n;
	int64_t poll_ms;    /* how long a change by another process may stay
			       unseen; 0: SRV_ALARMS_POLL_MS */
	int64_t minute_max; /* 0: SRV_ALARMS_MINUTE_MAX */
	/* A mail address that gets a copy of each reminder; empty: none. */
	struct slice archive;
	/* Messages to a device within a day, where its settings say nothing
	   and each one costs money; 0: any number. */
	int64_t push_day_max;
	/* For notices that prove who sends them (server/push); NULL: they do
	   not. The name is ours towards devices. */
	struct sml_secrets *secrets;
	struct slice server_id;
	struct srv_metrics *metrics; /* NULL: nobody counts */
};

struct srv_alarms;

/* Channels that are lent are opened by the first step. */
int srv_alarms_new(const struct srv_alarms_in *in, struct srv_alarms **out,
		   struct err *e);
/* Its thread. */
int srv_alarms_start(struct srv_alarms *al, struct err *e);
/* Ends the thread, closes the outlets, gives the leases back. NULLs *al. */
void srv_alarms_free(struct srv_alarms **al);

/*
 * All that is to be done now, without a thread (tests, and what the thread
 * calls): leases, what came back, what is due, what is to be sent. Gives the
 * milliseconds until the next call; 0: at once.
 */
int64_t srv_alarms_step(struct srv_alarms *al);

/* Something is due then: wake it, if it would sleep longer. Any thread, once it
   was started. */
void srv_alarms_due(struct srv_alarms *al, int64_t due_ms);

/* ---- for the commands ---- */

/* The id of a message, made of all that makes it unique: 35 characters. */
enum { SRV_ALARM_ID_BYTES = 36 };
void srv_alarm_id(const struct store_delivery *d, int64_t account,
		  char out[static SRV_ALARM_ID_BYTES]);

/* A message that says that messages arrive, to each address of the account.
 *n: how many. */
int srv_alarm_test(struct store_tx *tx, struct arena *a, size_t *n,
		   struct err *e);

#endif
