/*
 * The alarms of an item from one instant to another, a line for each: due,
 * number of the alarm, occurrence. For oracle.py, which computes them in
 * another way.
 *
 *	alarm_walk ZONE MORNING FROM-MS TO-MS < event.ics
 */
#include "pim/alarm.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX = 1 << 20, TOGETHER = 16, LINES = 100000 };

static int
walk(struct arena *a, const struct pim_item *it, struct pim_alarm_ask ask,
     int64_t to_ms, struct err *e)
{
	for (int i = 0; i < LINES; i++) {
		struct pim_alarm al[TOGETHER];
		size_t n;

		if (pim_alarm_next_all(a, it, &ask, al, TOGETHER, &n, e) < 0)
			return -1;
		if (n == 0 || al[0].due_ms >= to_ms)
			return 0;
		for (size_t k = 0; k < n; k++)
			(void)printf("%lld %u %.*s\n", (long long)al[k].due_ms,
				     al[k].index, SLICE_ARG(al[k].occurrence));
		ask.after_ms = al[0].due_ms;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct arena *a = arena_new((size_t)1 << 30);
	char *text = malloc(MAX);
	struct pim_alarm_ask ask = { .lead = false };
	struct pim_view view = { .form = PIM_ICAL20 };
	struct err e = { .code = ERR_NONE };
	struct pim_item *it;
	size_t n;

	if (argc != 5 || a == NULL || text == NULL)
		return 2;
	n = fread(text, 1, MAX, stdin);
	ask.zone = view.zone = slice_c(argv[1]);
	ask.morning_hour = (int)strtol(argv[2], NULL, 10);
	ask.after_ms = strtoll(argv[3], NULL, 10) - 1;
	if (pim_read(a, &view, PIM_ICAL20, (struct slice){ text, n }, &it, &e) <
		0 ||
	    walk(a, it, ask, strtoll(argv[4], NULL, 10), &e) < 0) {
		(void)fprintf(stderr, "alarm_walk: %s\n", e.msg);
		return 1;
	}
	free(text);
	arena_free(&a);
	return 0;
}
