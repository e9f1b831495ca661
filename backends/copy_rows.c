#include "backends/copy_rows.h"

#include "backends/common.h"
#include "backends/pack.h"

#include <inttypes.h>
#include <stdio.h>

enum {
	BATCH_ROWS = 1000,
	BATCH_BYTES = 4 << 20,
	WALK_ARENA = 1 << 30, /* one row may be large */
};

/* ---- walking ------------------------------------------------------------ */

int
walk_open(struct walk *w, struct rows *r, const struct rows_table *t,
	  int64_t account, struct err *e)
{
	*w = (struct walk){ .r = r, .t = t, .account = account };
	w->a[0] = arena_new(WALK_ARENA);
	w->a[1] = arena_new(WALK_ARENA);
	if (w->a[0] != NULL && w->a[1] != NULL)
		return 0;
	walk_close(w);
	return err_set(e, ERR_NOMEM, "store.copy", "out of memory");
}

void
walk_close(struct walk *w)
{
	arena_free(&w->a[0]);
	arena_free(&w->a[1]);
}

/* Words of `site` that each database has for itself. */
static bool
is_own(const struct rows_table *t, const struct rows_cell *row)
{
	static const char *const words[] = { ROWS_ID, ROWS_COPY_OF,
					     ROWS_MOVED };

	if (strcmp(t->name, "site") != 0)
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (slice_is(row[0].s, words[i]))
			return true;
	}
	return false;
}

/* As the target shall hold it: texts that every engine takes, and not sealed.
 */
static int
make_plain(struct walk *w, struct rows_cell *row, struct err *e)
{
	for (int i = 0; i < w->t->col_n; i++) {
		if (w->t->col[i].type == ROWS_SEAL)
			row[i].i = 0;
		if (w->t->col[i].type != ROWS_TEXT || row[i].null)
			continue;
		row[i].s = store_text(w->a[0], row[i].s);
		if (row[i].s.p == NULL)
			return err_set(e, ERR_NOMEM, "store.copy",
				       "out of memory");
	}
	return 0;
}

static int
fetch(struct walk *w, struct err *e)
{
	struct arena *old = w->a[0];
	struct rows_ask ask = {
		.t = w->t,
		.account = w->account == 0 ? NULL : &w->account,
		.after = w->begun ? w->after : NULL,
		.limit = BATCH_ROWS,
		.bytes = BATCH_BYTES,
	};
	size_t cells = (size_t)w->t->col_n;
	size_t n = 0;

	/* w->after points into the batch before. */
	w->a[0] = w->a[1];
	w->a[1] = old;
	arena_reset(w->a[0]);
	w->at = 0;
	if (w->r->s->v->rows->read(w->r, w->a[0], &ask, &w->b, e) < 0)
		return -1;
	w->begun = true;
	if (w->b.n > 0)
		memcpy(w->after, w->b.cell + (w->b.n - 1) * cells,
		       sizeof(w->after[0]) * (size_t)w->t->key_n);
	for (size_t i = 0; i < w->b.n; i++) {
		struct rows_cell *row = w->b.cell + i * cells;

		if (is_own(w->t, row))
			continue;
		if (make_plain(w, row, e) < 0)
			return -1;
		if (n < i)
			memmove(w->b.cell + n * cells, row,
				cells * sizeof(*row));
		n++;
	}
	w->b.n = n;
	return 0;
}

int
walk_batch(struct walk *w, struct err *e)
{
	do {
		if (w->begun && !w->b.more) {
			w->b.n = 0;
			return 0;
		}
		if (fetch(w, e) < 0)
			return -1;
	} while (w->b.n == 0);
	return 0;
}

static struct slice
hash_of(const struct walk *w)
{
	return (struct slice){ (const char *)w->hash, sizeof(w->hash) };
}

/* Chained row by row, so that batches leave no trace in it. */
static void
add_up(struct walk *w, const struct rows_cell *row)
{
	struct slice part[2 * ROWS_COLUMNS_MAX];
	unsigned char head[ROWS_COLUMNS_MAX][9];
	size_t n = 0;

	for (int i = 0; i < w->t->col_n; i++) {
		bool bytes = w->t->col[i].type == ROWS_BYTES ||
			     w->t->col[i].type == ROWS_TEXT;

		head[i][0] = row[i].null ? 0 : 1;
		store_pack(head[i] + 1,
			   bytes ? row[i].s.n : (uint64_t)row[i].i);
		part[n++] = (struct slice){ (const char *)head[i], 9 };
		if (!bytes)
			continue;
		part[n++] = row[i].s;
		w->bytes += (int64_t)row[i].s.n;
	}
	w->rows++;
	digest_hash(hash_of(w), part, n, w->hash);
}

int
walk_row(struct walk *w, const struct rows_cell **row, struct err *e)
{
	*row = NULL;
	if ((!w->begun || w->at == w->b.n) && walk_batch(w, e) < 0)
		return -1;
	if (w->b.n == 0)
		return 0;
	*row = w->b.cell + w->at++ * (size_t)w->t->col_n;
	add_up(w, *row);
	return 0;
}

/* ---- comparing ---------------------------------------------------------- */

static void
name_key(const struct rows_table *t, const struct rows_cell *row, char *out,
	 size_t max)
{
	int from = t->class == ROWS_ACCOUNT && t->key_n > 1 ? 1 : 0;
	size_t n = 0;

	for (int i = from; i < t->key_n && n < max; i++) {
		int add;

		if (t->col[i].type == ROWS_INT)
			add = snprintf(out + n, max - n, "%s%s %" PRId64,
				       i == from ? "" : ", ", t->col[i].name,
				       row[i].i);
		else
			add = snprintf(out + n, max - n, "%s%s %.*s",
				       i == from ? "" : ", ", t->col[i].name,
				       SLICE_ARG(row[i].s));
		n += add < 0 ? 0 : (size_t)add;
	}
}

/* By the key: which of two rows comes first? */
static int
order(const struct rows_table *t, const struct rows_cell *x,
      const struct rows_cell *y)
{
	for (int i = 0; i < t->key_n; i++) {
		int c;

		if (t->col[i].type == ROWS_INT)
			c = x[i].i < y[i].i ? -1 : x[i].i > y[i].i ? 1 : 0;
		else
			c = slice_cmp(x[i].s, y[i].s);
		if (c != 0)
			return c;
	}
	return 0;
}

int
walk_compare(struct walk *x, struct walk *y, struct walk_diff *d, struct err *e)
{
	const struct rows_cell *row[2];

	*d = (struct walk_diff){ .differs = false };
	do {
		if (walk_row(x, &row[0], e) < 0 || walk_row(y, &row[1], e) < 0)
			return -1;
		if (!d->differs && ((row[0] == NULL) != (row[1] == NULL) ||
				    !digest_same(hash_of(x), hash_of(y)))) {
			bool second =
			    row[0] == NULL ||
			    (row[1] != NULL && order(x->t, row[1], row[0]) < 0);

			d->differs = true;
			name_key(x->t, row[second ? 1 : 0], d->first,
				 sizeof(d->first));
		}
	} while (row[0] != NULL || row[1] != NULL);
	d->rows[0] = x->rows;
	d->rows[1] = y->rows;
	memcpy(d->hash[0], x->hash, sizeof(x->hash));
	memcpy(d->hash[1], y->hash, sizeof(y->hash));
	return 0;
}
