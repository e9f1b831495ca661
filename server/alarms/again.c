/*
 * The rows of alarm_next beside the items that they are made of: written anew,
 * and compared.
 */
#include "server/alarms/ways.h"

#include "pim/calendar_time.h"
#include "syncml/due.h"

#include <stdlib.h>

enum { PAGE = 500, AGAIN_ARENA = 256 << 20 };

struct walk {
	struct store_tx *tx;
	struct arena *a; /* of a page */
	struct store_account acc;
	int (*page)(struct walk *w, const struct store_alarm_next *next,
		    size_t n, struct err *e);
	/* For comparing: all rows there are, by item, and what to say. */
	struct store_alarm_next *row;
	size_t row_n;
	struct arena *out;
	struct slice *finding;
	size_t n, max;
};

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_NOMEM, "alarms.again", "out of memory");
}

static int
one_page(struct walk *w, const struct store_item *it, size_t n, struct err *e)
{
	struct store_alarm_next *next =
	    ARENA_ARRAY(w->a, n, struct store_alarm_next);

	if (next == NULL)
		return no_memory(e);
	for (size_t i = 0; i < n; i++) {
		struct pim_item *pim;
		struct store_due due;

		if (pim_parse(w->a, (enum pim_kind)it[i].kind, it[i].body, &pim,
			      e) < 0 ||
		    sml_due(w->a, &w->acc, pim, w->tx->now_ms, &due, e) < 0)
			return -1;
		next[i] = (struct store_alarm_next){
			.item = it[i].id,
			.due_ms =
			    due.what == STORE_DUE_AT ? due.at_ms : INT64_MAX,
		};
	}
	return w->page(w, next, n, e);
}

static int
one_collection(struct walk *w, int64_t collection, struct err *e)
{
	struct arena_mark m = arena_mark(w->a);
	struct store_item *it;
	int64_t after = 0;
	size_t n;

	do {
		arena_rewind(w->a, m);
		if (w->tx->v->item_page(w->tx, w->a, collection, after, PAGE,
					false, true, &it, &n, e) < 0)
			return -1;
		if (n == 0)
			return 0;
		after = it[n - 1].id;
		if (one_page(w, it, n, e) < 0)
			return -1;
	} while (n == PAGE);
	return 0;
}

/* All items that may have an alarm. */
static int
all_items(struct walk *w, struct err *e)
{
	struct store_collection *col;
	size_t n;

	if (w->tx->v->collection_list(w->tx, w->a, &col, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if ((col[i].kinds & (PIM_EVENT | PIM_TODO)) != 0 &&
		    col[i].member_n == 1 && one_collection(w, col[i].id, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- anew ---------------------------------------------------------------- */

static int
put_page(struct walk *w, const struct store_alarm_next *next, size_t n,
	 struct err *e)
{
	return w->tx->v->alarm->next_put(w->tx, next, n, false, e);
}

int
srv_ways_again(struct store_tx *tx, struct err *e)
{
	struct walk w = { .tx = tx, .page = put_page };
	int rc;

	w.a = arena_new(AGAIN_ARENA);
	if (w.a == NULL)
		return no_memory(e);
	rc = tx->v->account_get(tx, w.a, &w.acc, e);
	if (rc == 0)
		rc = w.acc.alarm.on ? all_items(&w, e)
				    : tx->v->alarm->next_clear(tx, e);
	arena_free(&w.a);
	return rc;
}

/* ---- compared ------------------------------------------------------------ */

static int
by_item(const void *x, const void *y)
{
	const struct store_alarm_next *a = x;
	const struct store_alarm_next *b = y;

	return (a->item > b->item) - (a->item < b->item);
}

static struct slice
moment(struct walk *w, int64_t ms)
{
	return ms == INT64_MAX
		   ? SLICE_LIT("none")
		   : pim_time_text(w->a, (struct pim_time){ .wall = ms / 1000,
							    .utc = true });
}

/* A row that is due already waits for who sends. */
static int
compare_page(struct walk *w, const struct store_alarm_next *next, size_t n,
	     struct err *e)
{
	for (size_t i = 0; i < n && w->n < w->max; i++) {
		const struct store_alarm_next *row =
		    w->row_n == 0 ? NULL
				  : bsearch(&next[i], w->row, w->row_n,
					    sizeof(*row), by_item);
		int64_t there = row == NULL ? INT64_MAX : row->due_ms;

		if (there <= w->tx->now_ms || there == next[i].due_ms)
			continue;
		w->finding[w->n] = arena_printf(
		    w->out,
		    "account %.*s: the next alarm of item %lld is %.*s, and "
		    "its row says %.*s: `funicular alarm again %.*s` mends it",
		    SLICE_ARG(w->acc.user), (long long)next[i].item,
		    SLICE_ARG(moment(w, next[i].due_ms)),
		    SLICE_ARG(moment(w, there)), SLICE_ARG(w->acc.user));
		if (w->finding[w->n++].p == NULL)
			return no_memory(e);
	}
	return 0;
}

int
srv_ways_compare(struct store_tx *tx, struct arena *out, size_t max,
		 struct slice **finding, size_t *n, struct err *e)
{
	struct walk w = {
		.tx = tx, .page = compare_page, .out = out, .max = max
	};
	int rc = -1;

	w.a = arena_new(AGAIN_ARENA);
	w.finding = ARENA_ARRAY(out, max, struct slice);
	if (w.a == NULL || w.finding == NULL)
		(void)no_memory(e);
	else if (tx->v->account_get(tx, w.a, &w.acc, e) == 0 &&
		 tx->v->alarm->next_list(tx, w.a, INT64_MAX, INT32_MAX, &w.row,
					 &w.row_n, e) == 0)
		rc = 0;
	if (rc == 0 && w.row_n > 0)
		qsort(w.row, w.row_n, sizeof(*w.row), by_item);
	if (rc == 0 && w.acc.alarm.on)
		rc = all_items(&w, e);
	*finding = w.finding;
	*n = w.n;
	arena_free(&w.a);
	return rc;
}
