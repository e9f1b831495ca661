/*
 * Notices that wake devices: an account whose items changed is looked at, and
 * who has something to fetch, and wants to know, gets a message into the
 * outbox. The loop, the leases and the outbox are those of the reminders
 * (server/alarms): there is one way of sending.
 *
 * The idea: whether a device has something to fetch is asked of the same rows
 * as its next sync would ask (its cursor, its map), so what it did itself, or
 * has fetched since, wakes nobody. A notice waits for a session of its device;
 * as long as it does, no second one is made for the same database.
 */
#ifndef SERVER_PUSH_PUSH_H
#define SERVER_PUSH_PUSH_H

#include "server/push/ways.h"

struct srv_alarms;
struct alarms_view;
struct outlet_msg;

/* In delivery.alarm: to be sent at once, whatever there is to tell. */
#define SRV_PUSH_TEST "test"

enum {
	/* A notice that nobody answered stands for so long in the way of
	   another one; and the pause between two of them grows up to it. */
	SRV_PUSH_WAIT_MS = 24 * 60 * 60 * 1000,
	/* Rows of one device that are read back: notices, and what a broken
	   session left open. */
	SRV_PUSH_NOTICES_MAX = 64,
	SRV_PUSH_PENDING_MAX = 64,
};

/* claim.c: accounts that are due. *next_ms: when the next one is. *more: some
   are due still. */
int srv_push_claim(struct srv_alarms *al, int64_t *next_ms, bool *more,
		   struct err *e);

/* news.c: is there anything in the link's database that is worth waking its
   device for? broke: its last session did not end well. */
int srv_push_news(struct alarms_view *v, const struct srv_push_ways *w,
		  const struct store_link *l, bool broke, bool *yes,
		  struct err *e);

/* Why a message is not sent: later, or (until_ms 0) nobody needs it. */
struct srv_push_not {
	const char *why; /* NULL: it is */
	int64_t until_ms;
	bool moot; /* there is nothing to come for: no session is waited for */
};

/* say.c: the message of a row of the outbox, by what holds now; v is open.
   beside: others that go to its device at the same time. */
int srv_push_say(struct alarms_view *v, const struct store_delivery *d,
		 int64_t beside, struct outlet_msg *out,
		 struct srv_push_not *no, struct err *e);

/* later.c: is it one for another time, or for nothing? Its device shall hear of
   these links. */
int srv_push_hold(struct alarms_view *v, const struct store_delivery *d,
		  const struct store_push *p, int64_t beside,
		  const struct store_link *const *l, size_t n,
		  struct srv_push_not *no, struct err *e);

/* The device need not come for what it was told; whatever else there is for it
   is looked for again. untold: it was not, so that it did not come is no reason
   for a longer pause. */
int srv_push_void(struct store_tx *tx, struct arena *a, int64_t device,
		  bool untold, struct err *e);

/* How many messages its device may get within a day, and got; 0: any. */
int64_t srv_push_day_max(const struct store_push *p, int64_t site_max);
int64_t srv_push_day_count(const struct store_push *p, int64_t now_ms);

/* When its quiet hours are over; `at` if there are none. */
int64_t srv_push_quiet_until(const struct srv_push_ways *w, struct slice zone,
			     int64_t at);

/* How long after a message was sent it goes out once more, where no session
   answers it; 0: no more. */
int64_t srv_push_wait(const struct store_delivery *d, int64_t now_ms);

/* Its settings are other ones: what waits for a pause, for quiet hours or for
   the next day is looked at again. */
int srv_push_again(struct store_tx *tx, struct arena *a, int64_t device,
		   struct err *e);

/* A notice for all that the device wants, now, whatever there is to fetch and
   whatever the hour. ERR_NOTFOUND: it has synced nothing yet. */
int srv_push_test(struct store_tx *tx, struct arena *a, struct store_push *p,
		  struct slice *id, struct err *e);

#endif
