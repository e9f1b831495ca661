/* The oracle: everything syncs until nothing moves, and then both sides and
   the users' deeds must agree. */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 8, RECS = 400 };

/* ---- it calms down ------------------------------------------------------ */

static void
run_session(struct sim *s, struct dev *d)
{
	while (d->phase != TALK_IDLE && !s->failed)
		(void)chaos_exchange(s, d);
}

static unsigned
round_all(struct sim *s)
{
	unsigned moved = 0;

	for (unsigned i = 0; i < s->dev_n && !s->failed; i++) {
		struct dev *d = &s->dev[i];

		talk_begin(s, d, d->m.suspended ? 225 : 200);
		run_session(s, d);
		if (!d->loose)
			moved += d->got_add + d->got_replace + d->got_delete +
				 d->changes;
	}
	return moved;
}

/* ---- what each one holds ------------------------------------------------ */

static void
show(struct sim *s, const char *who, const struct rec *r, size_t n)
{
	char text[300];

	for (size_t i = 0; i < n; i++)
		sim_say(s, "  %s: %s", who,
			rec_show(&r[i], text, sizeof(text)));
}

/* Out of both lists: what the device cannot take. */
static size_t
without(struct rec *r, size_t n, uint32_t name)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		if (!rec_has(&r[i], F_NAME, name))
			r[k++] = r[i];
	}
	return k;
}

static void
device_holds(struct sim *s, const struct dev *d, const struct rec *all,
	     size_t all_n)
{
	struct rec *want = ARENA_ARRAY(s->keep, all_n + 1, struct rec);
	struct rec have[ITEMS];
	size_t want_n = 0;
	size_t n = 0;

	for (unsigned i = 0; i < d->m.n; i++) {
		if (d->m.item[i].live)
			have[n++] = d->m.item[i].r;
	}
	for (size_t i = 0; i < all_n; i++)
		want[want_n++] = rec_project(&all[i], d->t.fields);
	for (size_t i = 0; i < all_n; i++) {
		struct rec r = rec_project(&all[i], d->t.fields);

		if (!dev_too_large(s, d, &r))
			continue;
		n = without(have, n, r.v[F_NAME][0]);
		want_n = without(want, want_n, r.v[F_NAME][0]);
	}
	qsort(want, want_n, sizeof(*want), rec_cmp);
	qsort(have, n, sizeof(*have), rec_cmp);
	if (n == want_n &&
	    (n == 0 || memcmp(want, have, n * sizeof(*have)) == 0))
		return;
	show(s, "server", want, want_n);
	show(s, d->id, have, n);
	sim_fail(s, "%s holds %zu items, the server %zu for it, or others",
		 d->id, n, want_n);
}

/* ---- anchors and map ---------------------------------------------------- */

static void
link_agrees(struct sim *s, const struct dev *d, struct store_tx *tx)
{
	struct err e = { .code = ERR_NONE };
	struct store_device *dev = NULL;
	struct store_link *l = NULL;
	size_t n = 0;
	int64_t rows = 0;
	struct slice last = arena_printf(s->a, "%d", d->m.last);

	if (tx->v->device_get(tx, s->a, slice_c(d->id), &dev, &e) < 0 ||
	    dev == NULL ||
	    tx->v->link_list(tx, s->a, dev->id, &l, &n, &e) < 0 || n != 1 ||
	    tx->v->map_count(tx, l->id, l->gen, &rows, &e) < 0) {
		sim_fail(s, "%s: no link", d->id);
		return;
	}
	if (!slice_eq(l->n_client, last))
		sim_fail(s, "%s: anchor %d there, %.*s here", d->id, d->m.last,
			 SLICE_ARG(l->n_client));
	if (rows != (int64_t)dev_live(d) && dev_most(d) == 0 &&
	    d->t.version > 10)
		sim_fail(s, "%s: %lld rows in the map for %u items", d->id,
			 (long long)rows, dev_live(d));
}

/* The maps, for who reads the story of a seed. */
static void
tell_map(struct sim *s, const struct dev *d, struct store_tx *tx)
{
	struct store_pending ask = { .this_sync = -1, .limit = RECS };
	struct err e = { .code = ERR_NONE };
	struct store_device *dev = NULL;
	struct store_link *l = NULL;
	struct store_map *m = NULL;
	size_t n = 0;

	if (tx->v->device_get(tx, s->a, slice_c(d->id), &dev, &e) < 0 ||
	    dev == NULL ||
	    tx->v->link_list(tx, s->a, dev->id, &l, &n, &e) < 0 || n != 1)
		return;
	ask.link = l->id;
	ask.gen = l->gen;
	if (tx->v->map_pending(tx, s->a, &ask, &m, &n, &e) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		sim_say(s,
			"  map of %s: item %lld, LUID %.*s, state %d, reason "
			"%d, holds %lld, %zu offers",
			d->id, (long long)m[i].item, SLICE_ARG(m[i].luid),
			(int)m[i].state, m[i].reason, (long long)m[i].held,
			m[i].offer_n);
}

static void
tell_maps(struct sim *s, unsigned account)
{
	struct err e = { .code = ERR_NONE };
	struct store_tx *tx = NULL;

	if (!s->verbose || s->inner->v->begin(s->inner, s->account[account],
					      STORE_READ, s->now, &tx, &e) < 0)
		return;
	for (unsigned i = 0; i < s->dev_n; i++) {
		if (s->dev[i].account == (int)account)
			tell_map(s, &s->dev[i], tx);
	}
	tx->v->rollback(&tx);
}

static void
links_agree(struct sim *s, unsigned account)
{
	struct err e = { .code = ERR_NONE };
	struct store_tx *tx = NULL;

	if (s->inner->v->begin(s->inner, s->account[account], STORE_READ,
			       s->now, &tx, &e) < 0) {
		sim_fail(s, "read: %s", e.msg);
		return;
	}
	for (unsigned i = 0; i < s->dev_n; i++) {
		if (s->dev[i].account == (int)account && !s->dev[i].loose)
			link_agrees(s, &s->dev[i], tx);
	}
	tx->v->rollback(&tx);
}

/* ---- the users' deeds --------------------------------------------------- */

enum { BY_EDIT = 1u << DEED_SET | 1u << DEED_CLEAR };

struct found { /* of one thing */
	unsigned n;
	const struct rec *r;
};

static unsigned
deletes(const struct model *m, unsigned ent, bool strong)
{
	unsigned n = 0;

	for (unsigned t = 1; t < m->deed_n; t++) {
		if (m->deed[t].ent == ent && m->deed[t].kind == DEED_DELETE &&
		    (!strong || !m->deed[t].weak))
			n++;
	}
	return n;
}

static unsigned
by_whom(const struct model *m, uint32_t t)
{
	for (unsigned i = 0; i < m->pair_n; i++) {
		const struct pair *p = &m->pair[i];
		const struct deed *d = &m->deed[p->deed];

		if (p->token == (t & 0xffff) && !p->void_ && !d->weak &&
		    d->kind != DEED_DELETE)
			return p->deed;
	}
	return 0;
}

/* Values of items that are there: none that its user replaced. */
static void
values_hold(struct sim *s, const struct model *m, const struct rec *r)
{
	const struct ent *ent = &m->ent[model_ent_of(m, r)];
	/* What came back after a deletion is what its editor had. */
	bool unclear = ent->copies > 1 || ent->many ||
		       deletes(m, model_ent_of(m, r), false) > 0;

	for (int f = F_TEL; f < FIELDS; f++) {
		for (unsigned i = 0; i < r->n[f]; i++) {
			uint32_t t = r->v[f][i];

			if (!unclear && (model_replaced(m, t) & BY_EDIT) != 0)
				sim_fail(s,
					 "n%u has %u, which was replaced by "
					 "deed %u",
					 r->v[F_NAME][0], t, by_whom(m, t));
			if (m->deed[t & 0xffff].ent != model_ent_of(m, r))
				sim_fail(s, "n%u has another's value %u",
					 r->v[F_NAME][0], t);
		}
	}
}

/* Is it the only newest value of its field? Of two, one lost, and its user's
   item may go with the other. */
static bool
newest(const struct model *m, uint32_t t)
{
	for (uint32_t k = 1; k < m->deed_n; k++) {
		const struct deed *d = &m->deed[k];
		bool known = k == t || d->ent != m->deed[t].ent ||
			     d->kind == DEED_DELETE ||
			     d->field != m->deed[t].field;

		for (unsigned i = 0; i < m->pair_n && !known; i++)
			known = m->pair[i].deed == t && m->pair[i].token == k &&
				!m->pair[i].void_;
		if (!known)
			return false;
	}
	return true;
}

/* Has anybody replaced it, whether that counts or not? */
static bool
touched(const struct model *m, uint32_t t)
{
	for (unsigned i = 0; i < m->pair_n; i++) {
		if (m->pair[i].token == t)
			return true;
	}
	return false;
}

/* Is there an edit that whoever deleted it had not seen? */
static bool
unseen(const struct model *m, unsigned ent)
{
	for (uint32_t t = 1; t < m->deed_n; t++) {
		const struct deed *d = &m->deed[t];

		if (d->ent == ent && d->kind == DEED_SET && !d->weak &&
		    d->acked && !touched(m, t) && newest(m, t))
			return true;
	}
	return false;
}

/* How many of an item's values nothing replaced, those included that may count
   or not: they may keep it. What replaced a cleared field is not known, so each
   clearing counts. */
static unsigned
alive(const struct model *m, unsigned ent)
{
	unsigned n = 0;

	for (unsigned t = 1; t < m->deed_n; t++) {
		const struct deed *d = &m->deed[t];

		if (d->ent != ent)
			continue;
		if (d->kind == DEED_CLEAR)
			n++;
		else if (d->kind == DEED_SET && (d->weak || d->acked) &&
			 model_replaced(m, t) == 0)
			n++;
	}
	return n;
}

/* No value that its user set last may be missing. */
static void
nothing_missing(struct sim *s, const struct model *m, unsigned ent,
		const struct rec *r)
{
	for (unsigned t = 1; t < m->deed_n; t++) {
		const struct deed *d = &m->deed[t];
		bool any = false;

		if (d->ent != ent || d->kind != DEED_SET || d->weak ||
		    !d->acked || model_replaced(m, t) != 0)
			continue;
		for (unsigned i = 0; i < r->n[d->field]; i++)
			any = any || (model_replaced(m, r->v[d->field][i]) &
				      BY_EDIT) == 0;
		for (unsigned k = 1; k < m->deed_n && !any; k++)
			any = m->deed[k].kind == DEED_CLEAR &&
			      m->deed[k].ent == ent &&
			      m->deed[k].field == d->field;
		if (!any)
			sim_fail(s, "n%u lost its value %u", r->v[F_NAME][0],
				 t);
	}
}

static void
ent_holds(struct sim *s, const struct model *m, unsigned e,
	  const struct found *f)
{
	const struct ent *ent = &m->ent[e];
	unsigned all = deletes(m, e, false);
	unsigned least =
	    ent->loose || all >= ent->copies ? 0 : ent->copies - all;
	bool gone = deletes(m, e, true) > 0 && alive(m, e) == 0 &&
		    (model_replaced(m, ent->name) & 1u << DEED_DELETE) != 0;

	if (f->n > ent->copies && !ent->many)
		sim_fail(s, "n%u is there %u times, made %u times", ent->name,
			 f->n, ent->copies);
	if (f->n < least)
		sim_fail(s, "n%u is there %u times, should be %u", ent->name,
			 f->n, least);
	if (ent->loose || ent->many || ent->copies > 1)
		return;
	if (f->n > 0 && gone)
		sim_fail(s, "n%u was deleted, and is back", ent->name);
	if (f->n == 0 && unseen(m, e) && deletes(m, e, true) == all &&
	    (model_replaced(m, ent->name) & 1u << DEED_DELETE) != 0)
		sim_fail(s,
			 "n%u is gone, with edits that its deleter had not "
			 "seen",
			 ent->name);
	if (f->n == 1 && all == 0)
		nothing_missing(s, m, e, f->r);
}

static void
deeds_hold(struct sim *s, unsigned account, const struct rec *all, size_t n)
{
	const struct model *m = &s->model[account];
	struct found found[ENTS_MAX] = { { 0 } };
	bool seen[DEEDS_MAX];

	for (size_t i = 0; i < n && !s->failed; i++) {
		unsigned e = model_ent_of(m, &all[i]);

		if (e >= m->ent_n) {
			sim_fail(s, "an item without a name");
			return;
		}
		found[e].n++;
		found[e].r = &all[i];
		values_hold(s, m, &all[i]);
	}
	for (unsigned e = 0; e < m->ent_n && !s->failed; e++)
		ent_holds(s, m, e, &found[e]);
	sim_history(s, account, seen);
	for (unsigned t = 1; t < m->deed_n; t++) {
		if (m->deed[t].kind == DEED_SET && m->deed[t].acked && !seen[t])
			sim_fail(s,
				 "value %u was acknowledged, and is in no "
				 "history",
				 t);
	}
}

/* ---- the verdict -------------------------------------------------------- */

static void
judge(struct sim *s)
{
	for (unsigned a = 0; a < s->account_n && !s->failed; a++) {
		struct rec *all = ARENA_ARRAY(s->keep, RECS, struct rec);
		size_t n;

		sim_items(s, a, all, RECS, &n);
		show(s, "server", all, n);
		tell_maps(s, a);
		for (unsigned i = 0; i < s->dev_n; i++) {
			if (s->dev[i].account == (int)a && !s->dev[i].loose)
				device_holds(s, &s->dev[i], all, n);
		}
		if (!s->failed)
			links_agree(s, a);
		if (!s->failed)
			deeds_hold(s, a, all, n);
	}
}

void
judge_settle(struct sim *s)
{
	unsigned moved = 1;

	sim_say(s, "---- faults are over");
	s->f = (struct faults){ 0 };
	for (unsigned i = 0; i < s->dev_n; i++) {
		s->dev[i].want_suspend = false;
		if (dice_hits(&s->dice, 50))
			talk_break(s, &s->dev[i], "it was switched off");
		run_session(s, &s->dev[i]);
	}
	s->calm = true;
	for (unsigned k = 0; k < ROUNDS && (k < 2 || moved > 0); k++) {
		sim_say(s, "---- round %u", k + 1);
		moved = round_all(s);
	}
	if (moved > 0)
		sim_fail(s, "%u items still move after %d rounds", moved,
			 ROUNDS);
	if (!s->failed)
		judge(s);
}
