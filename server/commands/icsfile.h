/*
 * Many iCalendar objects as one: programs often read only the first VCALENDAR
 * of a file. The components of all go into one, each time zone once.
 */
#ifndef SERVER_COMMANDS_ICSFILE_H
#define SERVER_COMMANDS_ICSFILE_H

#include "base/buf.h"

#include <stdio.h>

enum { SRV_ICS_ZONES = 256 };

struct srv_icsfile {
	FILE *f;
	struct arena *a; /* for the zones' names */
	struct slice zone[SRV_ICS_ZONES];
	size_t zone_n;
};

void srv_icsfile_begin(struct srv_icsfile *x, FILE *f, struct arena *a);
/* The components of one VCALENDAR; false: memory is short. */
bool srv_icsfile_add(struct srv_icsfile *x, struct slice vcalendar);
void srv_icsfile_end(struct srv_icsfile *x);

#endif
