/* Shared by the calendar tests: text in, text out. */
#ifndef TESTS_PIM_CALENDAR_HELP_H
#define TESTS_PIM_CALENDAR_HELP_H

#include "pim/calendar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A view of the form, zone and rules given; utc as DevInf says it. */
struct pim_view t_view(enum pim_form form, const char *zone, uint32_t rules,
		       bool utc);

/* Read a body; NULL: refused. */
struct pim_item *t_read(struct arena *a, const struct pim_view *v,
			enum pim_form form, const char *body);
/* The stored text, lines divided by LF. */
const char *t_canon(struct arena *a, const struct pim_item *it);
/* What the device gets, lines divided by LF. */
const char *t_write(struct arena *a, const struct pim_view *v,
		    const struct pim_item *it);
/* What the device has then. */
struct pim_item *t_seen(struct arena *a, const struct pim_view *v,
			const struct pim_item *it);

/* A vCalendar 1.0 or iCalendar 2.0 with one VEVENT of these lines ('|' ends a
   line); head: lines of the VCALENDAR itself. */
const char *t_event(struct arena *a, enum pim_form form, const char *head,
		    const char *lines);
const char *t_todo(struct arena *a, enum pim_form form, const char *head,
		   const char *lines);

/* Each '|'-divided line of want is a whole line of text; a leading '!' means
   that no line starts so. Fails with both texts. */
void t_has(const char *text, const char *want);

#endif
