/*
 * Dates, times and durations as calendar text writes them, without any zone:
 * a point on some wall clock. Which clock is the business of pim/zone.h.
 */
#ifndef PIM_CALENDAR_TIME_H
#define PIM_CALENDAR_TIME_H

#include "base/arena.h"
#include "base/slice.h"

#define PIM_DAY_S INT64_C(86400)

enum {
	PIM_TIME_TEXT = 17, /* "20260102T030405Z" and a NUL */
	PIM_DUR_TEXT = 48
};

struct pim_time {
	int64_t wall; /* seconds since 1970-01-01T00:00:00 of its own clock */
	bool date;    /* a day without time: wall is its midnight */
	bool utc;     /* written with Z */
};

/*
 * "20260102", "20260102T0304[05][Z]" or with the separators of ISO 8601. Years
 * 1 to 9999. T240000 is the next day's midnight, second 60 is 59. false when
 * it is anything else (*out untouched).
 */
bool pim_time_parse(struct slice s, struct pim_time *out);

/* The basic form, returns its length. Out of years 1 to 9999: clamped. */
size_t pim_time_put(struct pim_time t, char out[static PIM_TIME_TEXT]);
/* The same in the arena; .p == NULL: memory is short. */
struct slice pim_time_text(struct arena *a, struct pim_time t);

bool pim_time_eq(struct pim_time x, struct pim_time y);

/* Days since 1970-01-01, proleptic Gregorian; month 1..12. */
int64_t pim_days(int year, int month, int day);
void pim_civil(int64_t days, int *year, int *month, int *day);
/* 0 Monday .. 6 Sunday. */
int pim_weekday(int64_t days);
int pim_month_days(int year, int month);
/* Floor division: the day of a wall clock, also before 1970. */
int64_t pim_day_of(int64_t wall);

struct pim_dur {
	int64_t days; /* nominal: the same clock time so many days on */
	int64_t secs; /* exact; both carry the sign */
};

/* "-PT15M", "P1DT2H", "P1W"; false when malformed or beyond 100 years. */
bool pim_dur_parse(struct slice s, struct pim_dur *out);
size_t pim_dur_put(struct pim_dur d, char out[static PIM_DUR_TEXT]);

#endif
