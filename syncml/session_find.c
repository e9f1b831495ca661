/* Rows that the store gave, put in order once and then found quickly. */
#include "syncml/session.h"

#include <stdlib.h>

static int
cmp_i64(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

static int
cmp_map(const void *x, const void *y)
{
	const struct store_map *a = x;
	const struct store_map *b = y;

	return cmp_i64(a->item, b->item);
}

static int
cmp_map_key(const void *key, const void *row)
{
	const struct store_map *m = row;

	return cmp_i64(*(const int64_t *)key, m->item);
}

static int
cmp_item(const void *x, const void *y)
{
	const struct store_item *a = x;
	const struct store_item *b = y;

	return cmp_i64(a->id, b->id);
}

static int
cmp_item_key(const void *key, const void *row)
{
	const struct store_item *it = row;

	return cmp_i64(*(const int64_t *)key, it->id);
}

void
sml_maps_sort(struct store_map *m, size_t n)
{
	if (n > 1)
		qsort(m, n, sizeof(*m), cmp_map);
}

struct store_map *
sml_map_find(struct store_map *m, size_t n, int64_t item)
{
	return n == 0 ? NULL : bsearch(&item, m, n, sizeof(*m), cmp_map_key);
}

void
sml_items_sort(struct store_item *it, size_t n)
{
	if (n > 1)
		qsort(it, n, sizeof(*it), cmp_item);
}

struct store_item *
sml_item_find(struct store_item *it, size_t n, int64_t id)
{
	return n == 0 ? NULL : bsearch(&id, it, n, sizeof(*it), cmp_item_key);
}
