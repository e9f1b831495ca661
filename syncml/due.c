#include "syncml/due.h"

struct pim_alarm_ask
sml_due_ask(const struct store_account *acc, int64_t after_ms)
{
	return (struct pim_alarm_ask){
		.zone = acc->zone,
		.after_ms = after_ms,
		.morning_hour = acc->alarm.hour,
		.lead = acc->alarm.lead,
		.lead_min = acc->alarm.lead_min,
	};
}

int
sml_due(struct arena *a, const struct store_account *acc,
	const struct pim_item *it, int64_t now_ms, struct store_due *out,
	struct err *e)
{
	struct pim_alarm_ask ask = sml_due_ask(acc, now_ms);
	struct pim_alarm al;
	bool found;

	*out = (struct store_due){ STORE_DUE_KEEP, 0 };
	if (!acc->alarm.on || (it->kind != PIM_EVENT && it->kind != PIM_TODO))
		return 0;
	if (pim_alarm_next(a, it, &ask, &al, &found, e) < 0)
		return -1;
	out->what = found ? STORE_DUE_AT : STORE_DUE_NONE;
	out->at_ms = found ? al.due_ms : 0;
	return 0;
}
