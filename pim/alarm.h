/*
 * Alarms of events and tasks: when does the next one go off? For the room that
 * queues reminders; conversion of alarms between dialects is pim_cal_*.
 */
#ifndef PIM_ALARM_H
#define PIM_ALARM_H

#include "pim/pim.h"

enum pim_alarm_how {                 /* of pim_alarm.how */
		     PIM_ALARM_SHOW, /* DISPLAY, AUDIO, PROCEDURE */
		     PIM_ALARM_MAIL  /* EMAIL */
};

/* Property of a VALARM that we add to snooze: the occurrence it is of. */
#define PIM_ALARM_OCCURRENCE "X-FUNICULAR-RECURRENCE-ID"

/* Has it any VALARM? Cheap: whoever asks first saves the rest. */
bool pim_alarm_any(const struct pim_item *it);

struct pim_alarm {
	int64_t due_ms;   /* when it goes off, UTC */
	int64_t start_ms; /* of the occurrence; a task without start: due */
	int64_t end_ms;   /* its end (due time of a task), or start_ms */
	bool all_day;
	enum pim_alarm_how how;
	unsigned index;               /* which VALARM of the item, from 0 */
	unsigned repeat;              /* which repetition of it, from 0 */
	struct slice occurrence;      /* RECURRENCE-ID: "20260301T080000Z" or
					 "20260301"; empty: does not recur */
	const struct pim_comp *comp;  /* whose alarm it is */
	const struct pim_comp *alarm; /* its VALARM; NULL: by ask->lead_min */
};

struct pim_alarm_ask {
	struct slice zone; /* the account's, for dates and floating times */
	int64_t after_ms;  /* alarms later than this instant */
	/* 0..23: alarms of all-day events count from this hour of the morning
	   if their trigger is whole days or less than an hour; any other
	   trigger ("PT9H") counts from midnight. */
	int morning_hour;
	/* Events that have no alarm at all get one so many minutes before they
	   start. */
	bool lead;
	int lead_min;
	bool settled; /* acknowledged ones, too */
};

/*
 * The next alarm of an item. *found = false: none any more (a completed or
 * cancelled item has none). Bounded: rules that pim_recur_can_expand() refuses
 * (every second) have their first occurrence only, others are looked at for at
 * most PIM_RECUR_STEP_MAX steps; below the day repetitions go on for an hour
 * at most. What was
 * acknowledged (RFC 9074, 6) does not go off again, nor do its repetitions.
 *
 * ERR_NOMEM only.
 */
int pim_alarm_next(struct arena *a, const struct pim_item *it,
		   const struct pim_alarm_ask *ask, struct pim_alarm *out,
		   bool *found, struct err *e);

/*
 * All alarms that go off at that next instant, of any occurrences, at most
 * `max` (one and more) of them; *n == 0: none any more.
 */
int pim_alarm_next_all(struct arena *a, const struct pim_item *it,
		       const struct pim_alarm_ask *ask, struct pim_alarm *out,
		       size_t max, size_t *n, struct err *e);

/* What somebody said to an alarm that went off. */
struct pim_alarm_answer {
	struct pim_alarm alarm; /* as pim_alarm_next_all() told it */
	int lead_min;           /* as asked then */
	int64_t now_ms;
	int64_t snooze_ms; /* again at this instant; INT64_MIN: no more */
	struct slice uid;  /* for a new VALARM, and one for its parent */
	struct slice parent_uid;
};

/*
 * Write it into the item (RFC 9074): the alarm is ACKNOWLEDGED; to snooze, a
 * VALARM of its own with an absolute trigger is RELATED-TO it. A snoozed alarm
 * that is answered goes. The item changes in place; what answer->alarm points
 * to must be of this item. ERR_NOMEM only.
 */
int pim_alarm_answer(struct arena *a, struct pim_item *it,
		     const struct pim_alarm_answer *answer, struct err *e);

/*
 * Occurrences: the next start at or after an instant, exceptions and changed
 * instances of the same item counted. *found = false: none.
 */
struct pim_occur {
	int64_t start_ms;
	int64_t end_ms;
	bool all_day;
	struct slice id; /* RECURRENCE-ID as above, empty: does not recur */
};

int pim_occur_next(struct arena *a, const struct pim_item *it,
		   struct slice zone, int64_t from_ms, struct pim_occur *out,
		   bool *found, struct err *e);

#endif
