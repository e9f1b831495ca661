/*
 * When does an item's next alarm go off, by what its owner set? For everybody
 * who writes items: the store keeps it with the item.
 */
#ifndef SYNCML_DUE_H
#define SYNCML_DUE_H

#include "backends/store.h"
#include "pim/alarm.h"

/* What pim_alarm_next() is to be asked for this account. */
struct pim_alarm_ask sml_due_ask(const struct store_account *acc,
				 int64_t after_ms);

/* The first alarm after now_ms. ERR_NOMEM only. */
int sml_due(struct arena *a, const struct store_account *acc,
	    const struct pim_item *it, int64_t now_ms, struct store_due *out,
	    struct err *e);

#endif
