/*
 * Ids on the wire: an item's own number in base 36. Short (four characters for
 * the first 1.6 million items of an account: phones with MaxGUIDSize 4 exist),
 * permanent, the same for every device, and without a table.
 */
#include "syncml/session.h"

static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";

struct slice
sml_wire_id(struct arena *a, int64_t item)
{
	char tmp[16];
	size_t at = sizeof(tmp);
	uint64_t v = (uint64_t)item;

	do {
		tmp[--at] = digits[v % 36];
		v /= 36;
	} while (v > 0);
	return arena_copy(a, (struct slice){ tmp + at, sizeof(tmp) - at });
}

bool
sml_wire_item(struct slice id, int64_t *item)
{
	uint64_t v = 0;

	id = slice_trim(id);
	if (slice_starts(id, "./"))
		id = slice_from(id, 2);
	if (id.n == 0 || id.n > 12)
		return false;
	for (size_t i = 0; i < id.n; i++) {
		char ch = id.p[i];

		if (ch >= '0' && ch <= '9')
			v = v * 36 + (uint64_t)(ch - '0');
		else if ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z')
			v = v * 36 + (uint64_t)((ch | 0x20) - 'a' + 10);
		else
			return false;
	}
	if (v == 0 || v > (uint64_t)INT64_MAX)
		return false;
	*item = (int64_t)v;
	return true;
}
