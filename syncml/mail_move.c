#include "syncml/mail_move.h"

#include "syncml/session.h"

struct mover {
	struct store_tx *tx;
	struct arena *a;
	const struct sml_mail_move *mv;
	size_t n;
	struct store_collection *col;
	size_t col_n;
};

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_NOMEM, "mail.move", "no memory for moved mails");
}

static bool
shows(const struct store_collection *col, int64_t member)
{
	for (size_t i = 0; i < col->member_n; i++) {
		if (col->member[i] == member)
			return true;
	}
	return false;
}

/* The combined collection of this link; NULL: it shows one folder. */
static const struct store_collection *
combined(const struct mover *mo, const struct store_link *l)
{
	for (size_t i = 0; i < mo->col_n; i++) {
		if (mo->col[i].id == l->collection)
			return mo->col[i].member_n > 1 ? &mo->col[i] : NULL;
	}
	return NULL;
}

static const struct sml_mail_move *
move_of(const struct mover *mo, int64_t item)
{
	for (size_t i = 0; i < mo->n; i++) {
		if (mo->mv[i].from == item)
			return &mo->mv[i];
	}
	return NULL;
}

/* What is not settled takes the long way. */
static bool
is_settled(const struct store_map *m)
{
	return m->luid.n > 0 && m->offer_n == 0 &&
	       (m->state == STORE_MAP_LIVE ||
		(m->state == STORE_MAP_DEBT &&
		 (m->reason == SML_WHY_MOVED || m->reason == SML_WHY_WANTED)));
}

static int
rows(struct mover *mo, int64_t link, int64_t gen, const int64_t *id, size_t n,
     struct err *e)
{
	struct store_map *m;
	int64_t *old;
	size_t k = 0;

	if (n == 0 || gen == 0)
		return 0;
	if (mo->tx->v->map_by_item(mo->tx, mo->a, link, gen, id, n, &m, &n, e) <
	    0)
		return -1;
	old = ARENA_ARRAY(mo->a, n + 1, int64_t);
	if (old == NULL)
		return no_memory(e);
	for (size_t i = 0; i < n; i++) {
		const struct sml_mail_move *mv = move_of(mo, m[i].item);

		if (mv == NULL || !is_settled(&m[i]))
			continue;
		old[k] = m[i].item;
		m[k] = m[i];
		m[k].item = mv->to;
		/* What it holds of it is known as far as it had the last. */
		m[k].held = m[i].held == mv->revision ? mv->same : 0;
		sml_map_owe(&m[k], true,
			    m[k].reason == SML_WHY_WANTED ? SML_WHY_WANTED
							  : SML_WHY_MOVED);
		k++;
	}
	if (k == 0)
		return 0;
	return mo->tx->v->map_drop(mo->tx, link, gen, old, k, e) < 0
		   ? -1
		   : mo->tx->v->map_put(mo->tx, m, k, e);
}

static int
one_link(struct mover *mo, const struct store_link *l, struct err *e)
{
	const struct store_collection *col = combined(mo, l);
	int64_t *id;
	size_t n = 0;

	if (col == NULL)
		return 0;
	id = ARENA_ARRAY(mo->a, mo->n, int64_t);
	if (id == NULL)
		return no_memory(e);
	for (size_t i = 0; i < mo->n; i++) {
		if (shows(col, mo->mv[i].from_col) &&
		    shows(col, mo->mv[i].to_col))
			id[n++] = mo->mv[i].from;
	}
	return rows(mo, l->id, l->gen, id, n, e) < 0
		   ? -1
		   : rows(mo, l->id, l->stage, id, n, e);
}

int
sml_mail_moved(struct store_tx *tx, struct arena *a, int64_t except,
	       const struct sml_mail_move *mv, size_t n, struct err *e)
{
	struct mover mo = { .tx = tx, .a = a, .mv = mv, .n = n };
	struct store_device *d;
	size_t d_n;

	if (n == 0)
		return 0;
	if (tx->v->collection_list(tx, a, &mo.col, &mo.col_n, e) < 0 ||
	    tx->v->device_list(tx, a, &d, &d_n, e) < 0)
		return -1;
	for (size_t i = 0; i < d_n; i++) {
		struct store_link *l;
		size_t l_n;

		if (tx->v->link_list(tx, a, d[i].id, &l, &l_n, e) < 0)
			return -1;
		for (size_t k = 0; k < l_n; k++) {
			if (l[k].id != except && one_link(&mo, &l[k], e) < 0)
				return -1;
		}
	}
	return 0;
}
