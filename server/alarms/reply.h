/*
 * What people answer to a reminder, in words of all languages at once.
 */
#ifndef SERVER_ALARMS_REPLY_H
#define SERVER_ALARMS_REPLY_H

#include "base/slice.h"

#include <stdint.h>

enum srv_reply_kind {
	SRV_REPLY_UNKNOWN,
	SRV_REPLY_SNOOZE, /* until at_ms */
	SRV_REPLY_OK,
	SRV_REPLY_HELP,
	SRV_REPLY_AGENDA,   /* of the day that at_ms is in */
	SRV_REPLY_UPCOMING, /* the next reminders */
	SRV_REPLY_MUTE,     /* until at_ms */
	SRV_REPLY_UNMUTE,
};

struct srv_reply {
	enum srv_reply_kind kind;
	int64_t at_ms;
};

/* zone: the reader's; morning: the hour for days without an hour. */
struct srv_reply srv_reply_read(struct slice text, struct slice zone,
				int morning, int64_t now_ms);

/* "10", "1h", "tomorrow 8:00", "2026-03-01": an instant after now; false: not
   one, or more than a year away. */
bool srv_reply_time(struct slice text, struct slice zone, int morning,
		    int64_t now_ms, int64_t *out_ms);
/* "today", "tomorrow", "friday", "2026-03-01": an instant of that day. */
bool srv_reply_day(struct slice text, struct slice zone, int64_t now_ms,
		   int64_t *out_ms);

#endif
