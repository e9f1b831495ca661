/* Inside of pim/calendar*.c and pim/alarm*.c. */
#ifndef PIM_CALENDAR_INT_H
#define PIM_CALENDAR_INT_H

#include "pim/calendar.h"
#include "pim/calendar_time.h"
#include "pim/recur.h"
#include "pim/zone.h"

enum {
	CAL_DATES_MAX = 10000, /* EXDATE and RDATE entries of an item */
	CAL_OVERRIDES_MAX = 500,
	CAL_ALARMS_MAX = 20,
	CAL_ZONES_MAX = 16 /* unknown zones that one item may use */
};

/* What conversions of one item share. */
struct cal {
	struct arena *a;
	const struct pim_view *view; /* or NULL */
	uint32_t rules;
	const struct pim_zone *home; /* the account's zone, or NULL */
	const struct pim_zone *told; /* 1.0: zone of its local times */
	const struct pim_comp *root; /* holds the VTIMEZONEs */
	int64_t at;   /* wall time of the item: where zones are compared */
	bool by_name; /* unknown zones are told by name, not computed */
	bool nomem;
	struct { /* zones built so far */
		struct slice tzid;
		const struct pim_zone *zone;
	} built[CAL_ZONES_MAX];
	size_t built_n;
};

void cal_init(struct cal *c, struct arena *a, const struct pim_view *view,
	      const struct pim_comp *root);

/* A time of a property: on which clock. */
struct cal_when {
	struct pim_time t;
	const struct pim_zone *zone; /* NULL: UTC, a date, or floating */
};

/* The zone that a TZID means in this item, NULL: unknown (floating). */
const struct pim_zone *cal_zone(struct cal *c, struct slice tzid);
/* One value of a property with its parameters; false: no time. */
bool cal_when_value(struct cal *c, const struct pim_prop *p, struct slice v,
		    struct cal_when *out);
/* The first property of that name; false: not there, or no time. */
bool cal_when_get(struct cal *c, const struct pim_comp *comp, const char *name,
		  struct cal_when *out);
/* Instant; dates are midnight and floating times are in `home` (NULL: UTC). */
int64_t cal_utc(const struct cal_when *w, const struct pim_zone *home);
/* A time of the same kind and clock as `like` for an instant. */
struct cal_when cal_at(int64_t utc, const struct cal_when *like,
		       const struct pim_zone *home);
/* Write value, VALUE and TZID of a property; false: memory is short. */
bool cal_when_put(struct cal *c, struct pim_prop *p, const struct cal_when *w);
/* Set or add the property `name`. */
bool cal_when_set(struct cal *c, struct pim_comp *comp, const char *name,
		  const struct cal_when *w);

/* End of a component by DTEND, DUE or DURATION, as instant and as text would
   say it; false: it has none. */
bool cal_end(struct cal *c, const struct pim_comp *comp,
	     const struct cal_when *start, struct cal_when *out);

/* UNTIL of a rule as wall time of the start's clock; INT64_MAX: none. */
int64_t cal_until_wall(const struct pim_recur *r, const struct cal_when *start,
		       const struct pim_zone *home);

/* All values of all properties `name` (EXDATE, RDATE without periods) as times
   of the start's kind, sorted, each once. n_out 0: none. false: no memory. */
bool cal_dates(struct cal *c, const struct pim_comp *comp, const char *name,
	       const struct cal_when *start, int64_t **walls, size_t *n);
/* Make one property of them; n == 0 removes all. */
bool cal_dates_set(struct cal *c, struct pim_comp *comp, const char *name,
		   const struct cal_when *start, const int64_t *walls,
		   size_t n);

bool cal_is_todo(const struct pim_comp *comp);
/* Has it RRULE or RDATE with a value? */
bool cal_recurs(const struct pim_comp *comp);

int cal_nomem(struct err *e);

/* vCalendar 1.0, calendar_old_*.c: change a component in place. */
int cal_old_read(struct cal *c, struct pim_comp *root, struct pim_comp *comp,
		 struct err *e);
int cal_old_write(struct cal *c, const struct pim_item *it,
		  struct pim_comp **out, struct err *e);
/* AALARM and its kin to VALARM kids; base: what triggers are relative to. */
int cal_old_alarms_read(struct cal *c, struct pim_comp *comp,
			const struct cal_when *start, bool start_is_end,
			struct err *e);
int cal_old_alarms_write(struct cal *c, const struct pim_comp *from,
			 struct pim_comp *to, const struct cal_when *start,
			 bool utc, struct err *e);
/* Words: PRIORITY, STATUS, TRANSP, CLASS, ATTENDEE; NULL: drop it. */
struct pim_prop *cal_old_word_read(struct arena *a, bool todo,
				   struct pim_prop *p, bool *nomem);
struct pim_prop *cal_old_word_write(struct arena *a, bool todo,
				    struct pim_prop *p, bool *nomem);
/* A changed instance where nobody knows RECURRENCE-ID: an event with a UID of
   its own, which is that of its series and says which instance, so that what
   comes back is the instance again. write: p is a copy of its UID; read: in
   place. false: memory is short. */
bool cal_old_uid_write(struct cal *c, const struct pim_comp *from,
		       struct pim_prop *p);
bool cal_old_uid_read(struct cal *c, struct pim_comp *comp);

/* iCalendar 2.0: times, zones and rules of one component in place. */
int cal_new_read(struct cal *c, struct pim_comp *comp, struct err *e);
/* Both: DTEND, EXDATE, RRULE into the one form that is stored. */
int cal_tidy(struct cal *c, struct pim_comp *comp, struct err *e);
/* VTIMEZONEs that comps of root use and that are in no table. */
int cal_zones_keep(struct cal *c, struct pim_comp *root, struct err *e);

bool cal_is_instance(const struct pim_comp *comp);
/* Where the list has another version of the instance k, whose RECURRENCE-ID is
   `id`; else its end. */
struct pim_comp **cal_instance_at(struct cal *c, struct pim_comp **list,
				  const struct pim_comp *k, int64_t id);

/* When a VALARM goes off for the occurrence start..end, as instant; false: no
   trigger. */
bool cal_trigger(struct cal *c, const struct pim_comp *alarm,
		 const struct cal_when *start, const struct cal_when *end,
		 int64_t *utc);

#endif
