/*
 * Recurrence rules: the grammar of iCalendar 2.0 (RFC 5545, 3.3.10), that of
 * vCalendar 1.0, and bounded expansion.
 *
 * Rules count days on a wall clock, so nothing in here knows zones: times are
 * wall times, and callers turn occurrences into instants (pim/zone.h).
 *
 * Why an expander of our own: libical's cannot be interrupted, and a peer's
 * 40 bytes keep it busy for half a second (impossible daily rules) or for ever
 * (SECONDLY). This one counts its steps. libical is its oracle in the tests.
 */
#ifndef PIM_RECUR_H
#define PIM_RECUR_H

#include "pim/calendar_time.h"

enum {
	PIM_RECUR_OCCUR_MAX = 5000,  /* occurrences that a caller may ask for */
	PIM_RECUR_STEP_MAX = 400000, /* days looked at, at most */
	PIM_RECUR_HOUR_MAX = 20,     /* occurrences in an hour, at most */
	PIM_RECUR_DAYS = 64,         /* entries of BYDAY */
	PIM_RECUR_LIST = 64          /* entries of other lists */
};

enum pim_freq {
	PIM_SECONDLY,
	PIM_MINUTELY,
	PIM_HOURLY,
	PIM_DAILY,
	PIM_WEEKLY,
	PIM_MONTHLY,
	PIM_YEARLY
};

struct pim_recur_day {
	int16_t pos; /* -53..53, 0: every */
	int16_t day; /* 0 Monday .. 6 Sunday */
};

struct pim_recur_list {
	int16_t v[PIM_RECUR_LIST];
	size_t n;
};

struct pim_recur {
	enum pim_freq freq;
	uint32_t interval; /* 1 and more */
	uint32_t count;    /* 0: none */
	bool has_until;
	struct pim_time until;
	int wkst; /* 0 Monday */
	struct pim_recur_day day[PIM_RECUR_DAYS];
	size_t day_n;
	struct pim_recur_list second, minute, hour, mday, yday, week, month,
	    setpos;
};

/* ---- iCalendar 2.0 ------------------------------------------------------ */

/* false: not a rule, or one with parts that we do not know (RSCALE). */
bool pim_recur_parse(struct slice s, struct pim_recur *out);
/* The rule in a fixed order of parts; .p == NULL: memory is short. */
struct slice pim_recur_text(struct arena *a, const struct pim_recur *r);

/*
 * Simplify without changing the meaning for an event that starts at `start`:
 * implied parts go, lists are sorted, equal rules get equal. Bounds stay.
 */
void pim_recur_simplify(struct pim_recur *r, struct pim_time start);

/* ---- vCalendar 1.0 ------------------------------------------------------ */

/*
 * `W1 TU #10` and so on; start is needed for what the rule leaves out. An end
 * date comes out as it was written (until.utc, until.date). A rule with #n and
 * an end date comes out with both: the caller takes what ends earlier.
 */
bool pim_recur_old_parse(struct slice s, struct pim_time start,
			 struct pim_recur *out);

enum pim_recur_old_end {
	PIM_OLD_COUNT, /* #n where all readers understand it alike */
	PIM_OLD_UNTIL  /* always the end date */
};

/*
 * The rule in the old grammar; empty: it cannot be said. until: the end date
 * in the form to be written, used when it is needed (r has an UNTIL, or n
 * occurrences must be told by a date), NULL: not known.
 */
struct slice pim_recur_old_text(struct arena *a, const struct pim_recur *r,
				struct pim_time start,
				const struct pim_time *until,
				enum pim_recur_old_end how);
/* May that text need `until`? */
bool pim_recur_old_needs_end(const struct pim_recur *r,
			     enum pim_recur_old_end how);

/* ---- expansion ---------------------------------------------------------- */

/*
 * Can it be expanded? DAILY and coarser, with lists of sane length; HOURLY and
 * MINUTELY up to PIM_RECUR_HOUR_MAX times an hour, and without BY parts where
 * they have a COUNT. DTSTART is no date then.
 */
bool pim_recur_can_expand(const struct pim_recur *r);

struct pim_recur_iter {
	const struct pim_recur *r;
	struct pim_time start;
	int64_t until;    /* wall time of the last that may come */
	int64_t period;   /* number of the next period */
	uint32_t emitted; /* occurrences so far, for COUNT */
	uint32_t steps;
	bool first_due; /* DTSTART itself is still to come */
	bool done;
	bool exhausted; /* stopped by the budget, not by the rule */
	int64_t *buf;   /* occurrences of the current period */
	size_t buf_n;
	size_t buf_i;
	int32_t tod[PIM_RECUR_LIST]; /* times of day, sorted */
	size_t tod_n;
};

/*
 * Iterate wall times from start on, ascending. DTSTART always is the first,
 * also where the rule would not hit it (RFC 5545 leaves that open; phones show
 * it). until_wall: UNTIL as wall time of the same clock, INT64_MAX if none.
 * false: memory is short, or the rule cannot be expanded.
 */
bool pim_recur_iter_init(struct arena *a, struct pim_recur_iter *it,
			 const struct pim_recur *r, struct pim_time start,
			 int64_t until_wall);
/* Go near `wall` without looking at what comes before it; a no-op where COUNT
   has to be walked. */
void pim_recur_iter_seek(struct pim_recur_iter *it, int64_t wall);
bool pim_recur_iter_next(struct pim_recur_iter *it, int64_t *wall);

/* Last occurrence of a bounded rule, false: endless, or over the budget. */
bool pim_recur_last(struct arena *a, const struct pim_recur *r,
		    struct pim_time start, int64_t until_wall, int64_t *out);
/* First occurrence at or after a wall time. */
bool pim_recur_next(struct arena *a, const struct pim_recur *r,
		    struct pim_time start, int64_t until_wall, int64_t from,
		    int64_t *out);

#endif
