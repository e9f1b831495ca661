/*
 * Time zones: the system's tzdata (TZif files), read once into a table that
 * never changes afterwards, and zones built from a VTIMEZONE or from the
 * TZ/DAYLIGHT lines of vCalendar 1.0.
 *
 * Why not libical's builtin zones: they are filled lazily behind a lock, are
 * expanded year by year and handed out as mutable objects. Here any thread
 * reads without a lock, and an offset costs one binary search.
 *
 * The table is loaded by the first call that needs it (once, whichever thread
 * comes first); pim_zone_init() does it at start and tells what went wrong.
 */
#ifndef PIM_ZONE_H
#define PIM_ZONE_H

#include "pim/lines.h"

struct pim_zone;

/* Load the table now. ERR_CONFIG: no tzdata on this machine; then only UTC is
   known. Safe to call any number of times, from any thread. */
int pim_zone_init(struct err *e);

/* By Olson name ("Europe/Berlin"), NULL when unknown. */
const struct pim_zone *pim_zone_find(struct slice name);
/* By any name that senders use: Olson names behind prefixes
   ("/freeassociation.sourceforge.net/Europe/Berlin"), Microsoft's names. */
const struct pim_zone *pim_zone_known(struct slice tzid);
const struct pim_zone *pim_zone_utc(void);
bool pim_zone_is_utc(const struct pim_zone *z);
/* Olson name; of a built zone the TZID it was built from. */
struct slice pim_zone_name(const struct pim_zone *z);
/* A zone that is nothing but its name: where only sameness counts. Its clock is
   UTC's. NULL: memory is short. */
const struct pim_zone *pim_zone_named(struct arena *a, struct slice name);
/* From the table, not built from what a peer sent. */
bool pim_zone_builtin(const struct pim_zone *z);

/* Seconds east of Greenwich at an instant (seconds since 1970, UTC). */
int32_t pim_zone_offset(const struct pim_zone *z, int64_t utc);
/*
 * Wall clock to instant. A time that occurs twice is the first of both, one
 * that is skipped counts with the offset before the gap (RFC 5545, 3.3.5).
 */
int64_t pim_zone_to_utc(const struct pim_zone *z, int64_t wall);
int64_t pim_zone_to_wall(const struct pim_zone *z, int64_t utc);

struct pim_zone_step { /* a change of the offset */
	int64_t at;    /* the instant */
	int32_t before;
	int32_t after;
};

/* The first change after an instant; false: none. */
bool pim_zone_next(const struct pim_zone *z, int64_t after,
		   struct pim_zone_step *out);

/* Same offsets from one instant to another? */
bool pim_zone_same(const struct pim_zone *x, const struct pim_zone *y,
		   int64_t from, int64_t to);
/* A zone of the table that is the same as z there: `prefer` if it fits, else
   the best known one, else NULL. */
const struct pim_zone *pim_zone_like(const struct pim_zone *z,
				     const struct pim_zone *prefer,
				     int64_t from, int64_t to);

/* ---- VTIMEZONE -------------------------------------------------------- */

/*
 * Build a zone from a VTIMEZONE, good from 1970 to 2100. *out == NULL: it
 * says nothing usable. -1 only for ERR_NOMEM.
 */
int pim_zone_from_vtimezone(struct arena *a, const struct pim_comp *c,
			    const struct pim_zone **out, struct err *e);

/* A VTIMEZONE for the time from one instant on; to: the last that matters,
   INT64_MAX: open. NULL: memory is short. */
struct pim_comp *pim_zone_vtimezone(struct arena *a, const struct pim_zone *z,
				    int64_t from, int64_t to);

/* ---- TZ and DAYLIGHT of vCalendar 1.0 ----------------------------------- */

/*
 * The zone that the TZ and DAYLIGHT lines of a component mean; *out == NULL:
 * it has none. at: a wall clock time that matters (DTSTART). prefer: the
 * account's zone, taken whenever it does not contradict. -1: ERR_NOMEM.
 */
int pim_zone_from_daylight(struct arena *a, const struct pim_comp *c,
			   int64_t at, const struct pim_zone *prefer,
			   const struct pim_zone **out, struct err *e);

/* Add TZ and DAYLIGHT lines for the years of [from, to] (five at most) to a
   component; false: memory is short. */
bool pim_zone_put_daylight(struct arena *a, struct pim_comp *c,
			   const struct pim_zone *z, int64_t from, int64_t to);

#endif
