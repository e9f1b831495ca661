/* Events and tasks, old and new, to each form that we write. See items.h. */
#include "pim/alarm.h"
#include "tests/fuzz/items.h"

/* The next alarm and occurrence, whatever the rules say. */
static void
look_ahead(struct slice in)
{
	struct pim_view v = { .form = PIM_ICAL20,
			      .zone = SLICE_INIT("America/New_York") };
	struct arena *a = arena_new(FUZZ_MEMORY_MAX);
	struct pim_alarm_ask ask = { .zone = v.zone,
				     .after_ms = 1767225600000,
				     .morning_hour = 9 };
	struct pim_alarm alarm;
	struct pim_occur occur;
	struct pim_item *it;
	bool found;

	if (a != NULL &&
	    pim_read(a, &v, v.form, slice_from(in, 2), &it, NULL) == 0 &&
	    it->root != NULL) {
		FUZZ_CHECK(pim_alarm_next(a, it, &ask, &alarm, &found, NULL) ==
			   0);
		FUZZ_CHECK(!found || alarm.due_ms > ask.after_ms);
		FUZZ_CHECK(pim_occur_next(a, it, v.zone, ask.after_ms, &occur,
					  &found, NULL) == 0);
		FUZZ_CHECK(!found || occur.start_ms >= ask.after_ms);
	}
	fuzz_arena_end(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum pim_form forms[] = { PIM_VCAL10, PIM_ICAL20,
					       PIM_SIFE };

	fuzz_items(fuzz_input(data, size), PIM_ICAL20, forms, 3);
	look_ahead(fuzz_input(data, size));
	return 0;
}
