/* Inside of pim/zone*.c. */
#ifndef PIM_ZONE_INT_H
#define PIM_ZONE_INT_H

#include "pim/zone.h"

enum { ZONE_LINE_YEARS = 5 };

struct zone_step {
	int64_t at; /* instant */
	int32_t off;
};

enum zone_edge_kind { EDGE_MONTH_WEEK, EDGE_JULIAN, EDGE_DAY };

struct zone_edge { /* the day of a change, as POSIX writes it */
	enum zone_edge_kind kind;
	int month; /* 1..12 */
	int week;  /* 1..5, 5 is the last */
	int wday;  /* 0 Sunday */
	int day;   /* JULIAN, DAY */
	int32_t secs;
};

struct zone_rule { /* a POSIX TZ string */
	int32_t std;
	int32_t dst;
	bool has_dst;
	struct zone_edge start; /* of summer time */
	struct zone_edge end;
	char std_name[16];
	char dst_name[16];
};

struct pim_zone {
	struct slice name;
	bool builtin;
	bool utc;
	int32_t first; /* offset before the first step */
	struct zone_step *steps;
	size_t step_n;
	bool has_rule; /* counts from the last step on */
	struct zone_rule rule;
};

/* "CET-1CEST,M3.5.0,M10.5.0/3" */
bool zone_rule_parse(struct slice s, struct zone_rule *out);
/* Instants of the two changes of a year. */
int64_t zone_rule_start(const struct zone_rule *r, int year);
int64_t zone_rule_end(const struct zone_rule *r, int year);
int32_t zone_rule_offset(const struct zone_rule *r, int64_t utc);

/*
 * Parse a TZif file. Steps go to `steps` (room for step_max). name is kept.
 * false: not one.
 */
bool zone_tzif_parse(struct slice file, struct zone_step *steps,
		     size_t step_max, struct pim_zone *out);

/* Microsoft's name to an Olson name, empty when unknown. */
struct slice zone_ms_name(struct slice name);
/* Olson names in order of preference, for zones known by rules only. */
struct slice zone_favourite(size_t i); /* .p == NULL behind the last */

int zone_year(int64_t utc);

#endif
