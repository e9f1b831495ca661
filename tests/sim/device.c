/* A device's items, its user, its backups. */
#include "tests/sim/sim.h"

#include <stdio.h>

struct item *
dev_item(struct dev *d, int luid)
{
	for (unsigned i = 0; i < d->m.n; i++) {
		if (d->m.item[i].live && d->m.item[i].luid == luid)
			return &d->m.item[i];
	}
	return NULL;
}

unsigned
dev_live(const struct dev *d)
{
	unsigned n = 0;

	for (unsigned i = 0; i < d->m.n; i++)
		n += d->m.item[i].live ? 1 : 0;
	return n;
}

unsigned
dev_changes(const struct dev *d)
{
	unsigned n = 0;

	for (unsigned i = 0; i < d->m.n; i++)
		n += d->m.item[i].change != 0 ? 1 : 0;
	return n;
}

/* Is it free, and no deletion under it waits to be told? */
static bool
luid_free(const struct dev *d, int luid)
{
	for (unsigned i = 0; i < d->m.n; i++) {
		const struct item *it = &d->m.item[i];

		if (it->luid == luid && (it->live || it->change != 0))
			return false;
	}
	return true;
}

struct item *
dev_place(struct dev *d)
{
	struct item *it = NULL;
	int luid = 1;

	for (unsigned i = 0; i < d->m.n && it == NULL; i++) {
		if (!d->m.item[i].live && d->m.item[i].change == 0)
			it = &d->m.item[i];
	}
	if (it == NULL && d->m.n == ITEMS)
		return NULL;
	if (it == NULL)
		it = &d->m.item[d->m.n++];
	if (d->t.reuses_luid) {
		it->luid = 0;
		while (!luid_free(d, luid))
			luid++;
	} else {
		luid = d->m.next_luid++;
	}
	*it = (struct item){ .live = true, .luid = luid };
	return it;
}

/* ---- its user ----------------------------------------------------------- */

static struct model *
model_of(struct sim *s, const struct dev *d)
{
	return &s->model[d->account];
}

static uint32_t
token(const struct dev *d, uint32_t deed)
{
	return deed | (uint32_t)d->account << 16;
}

static void
remember(struct sim *s, struct dev *d, struct item *it, uint32_t deed)
{
	if (it->deed_n == ITEM_DEEDS) {
		/* More than it keeps in mind: the oldest is not judged. */
		model_weaken(model_of(s, d), it->deed[0]);
		memmove(it->deed, it->deed + 1,
			(ITEM_DEEDS - 1) * sizeof(it->deed[0]));
		it->deed_n--;
	}
	it->deed[it->deed_n++] = deed;
	model_of(s, d)->deed[deed].made = s->messages;
	s->deeds++;
}

static unsigned
note_size(struct sim *s)
{
	switch (dice_below(&s->dice, 12)) {
	case 0:
		return 1500 + dice_below(&s->dice, 4000);
	case 1:
		return 200 + dice_below(&s->dice, 400);
	default:
		return 0;
	}
}

static uint32_t
set(struct sim *s, struct dev *d, struct rec *r, unsigned ent, enum field f,
    bool unsure)
{
	struct model *m = model_of(s, d);
	uint32_t t =
	    model_deed(m, (struct deed){ .ent = ent,
					 .field = f,
					 .size = f == F_NOTE ? note_size(s) : 0,
					 .dev = d->no });

	/* Of several numbers nobody can tell which one it took the place of;
	   that the others are gone counts where it is known to keep them. */
	if ((f != F_TEL && f != F_URL) ||
	    (!unsure && (!d->t.no_devinf || r->n[f] < 2)))
		model_over(m, t, r, f);
	rec_set(r, f, token(d, t));
	return t;
}

static bool
editable(const struct dev *d, enum field f)
{
	return f != F_NAME && f != F_EMAIL && (d->t.fields & (1u << f)) != 0;
}

static enum field
any_field(struct sim *s, const struct dev *d)
{
	enum field f;

	do {
		f = (enum field)dice_below(&s->dice, FIELDS);
	} while (!editable(d, f));
	return f;
}

void
dev_add(struct sim *s, struct dev *d)
{
	struct model *m = model_of(s, d);
	struct item *it;
	unsigned ent;
	uint32_t t;

	if (model_full(m) || (it = dev_place(d)) == NULL)
		return;
	ent = model_ent(m, d->no);
	rec_set(&it->r, F_NAME, token(d, m->ent[ent].name));
	remember(s, d, it, m->ent[ent].name);
	t = model_deed(
	    m, (struct deed){ .ent = ent, .field = F_EMAIL, .dev = d->no });
	rec_set(&it->r, F_EMAIL, token(d, t));
	remember(s, d, it, t);
	for (int f = 0; f < FIELDS; f++) {
		if (editable(d, (enum field)f) && dice_hits(&s->dice, 60))
			remember(s, d, it,
				 set(s, d, &it->r, ent, (enum field)f, false));
	}
	it->change = 'A';
	sim_say(s, "  %s: new %d = n%u", d->id, it->luid, it->r.v[F_NAME][0]);
}

static struct item *
any_item(struct sim *s, struct dev *d)
{
	unsigned live = dev_live(d);
	unsigned at;

	if (live == 0)
		return NULL;
	at = dice_below(&s->dice, live);
	for (unsigned i = 0; i < d->m.n; i++) {
		if (d->m.item[i].live && at-- == 0)
			return &d->m.item[i];
	}
	return NULL;
}

/* Its values pass for edits, whatever they are: what took their place since
   may go. */
static void
old_edited(struct model *m, const struct item *it)
{
	for (int f = 0; f < FIELDS; f++) {
		for (unsigned k = 0; k < it->r.n[f]; k++)
			model_revive(m, it->r.v[f][k], true);
	}
}

static void
changed(struct model *m, struct item *it)
{
	if (it->old)
		old_edited(m, it);
	if (it->change == 0)
		it->change = 'R';
}

void
dev_set(struct sim *s, struct dev *d, struct item *it, enum field f)
{
	struct model *m = model_of(s, d);
	char text[200];

	remember(s, d, it,
		 set(s, d, &it->r, model_ent_of(m, &it->r), f, it->unsure));
	changed(m, it);
	sim_say(s, "  %s: edit %d = %s", d->id, it->luid,
		rec_show(&it->r, text, sizeof(text)));
}

void
dev_edit(struct sim *s, struct dev *d)
{
	struct item *it = any_item(s, d);

	if (it != NULL && !model_full(model_of(s, d)))
		dev_set(s, d, it, any_field(s, d));
}

/* Nobody knows that it keeps this field: an empty one tells nothing. */
static bool
may_clear(const struct dev *d, const struct item *it, enum field f)
{
	return it->r.n[f] > 0 && !d->t.no_devinf;
}

/* There is, or was, more of it than the device can be sent: nobody can tell
   which values it saw. */
static bool
never_whole(struct sim *s, const struct dev *d, const struct rec *r)
{
	const struct model *m = model_of(s, d);
	struct rec with = *r;

	if (dev_too_large(s, d, r))
		return true;
	for (uint32_t t = 1; t < m->deed_n; t++) {
		if (m->deed[t].kind != DEED_SET || m->deed[t].size == 0 ||
		    m->deed[t].ent != model_ent_of(m, r))
			continue;
		rec_set(&with, F_NOTE, token(d, t));
		if (dev_too_large(s, d, &with))
			return true;
	}
	return false;
}

void
dev_unset(struct sim *s, struct dev *d, struct item *it, enum field f)
{
	struct model *m = model_of(s, d);
	uint32_t t =
	    model_deed(m, (struct deed){ .kind = DEED_CLEAR,
					 .ent = model_ent_of(m, &it->r),
					 .field = f,
					 .dev = d->no });

	model_over(m, t, &it->r, f);
	if (never_whole(s, d, &it->r))
		model_weaken(m, t);
	rec_set(&it->r, f, 0);
	remember(s, d, it, t);
	changed(m, it);
	sim_say(s, "  %s: clear field %d of %d = n%u (deed %u)", d->id, (int)f,
		it->luid, it->r.v[F_NAME][0], t);
}

void
dev_clear(struct sim *s, struct dev *d)
{
	struct item *it = any_item(s, d);
	enum field f = any_field(s, d);

	if (it != NULL && !model_full(model_of(s, d)) && may_clear(d, it, f))
		dev_unset(s, d, it, f);
}

/*
 * What a device cannot hold, its user cannot have seen; but what the item was
 * when the device last synced is what its user deletes.
 */
static void
over_hidden(struct sim *s, const struct dev *d, uint32_t deed, unsigned ent)
{
	struct model *m = model_of(s, d);

	for (uint32_t t = 1; t < deed; t++) {
		const struct deed *k = &m->deed[t];
		struct rec r = { 0 };

		if (k->ent != ent || k->kind == DEED_DELETE ||
		    (d->t.fields & (1u << k->field)) != 0)
			continue;
		rec_put(&r, k->field, t);
		if (k->acked && k->heard < d->good_began)
			model_over(m, deed, &r, k->field);
		/* A session that broke may have counted as one that told it. */
		else if (k->made <= d->ended)
			m->ent[ent].loose = true;
	}
}

int
dev_most(const struct dev *d)
{
	enum { AROUND = 1500 }; /* of a message, at most */

	/* There are no pieces in 1.0, nor for who told nothing of large
	   objects: a message must hold it. */
	if (d->t.max_msg > 0 &&
	    (d->t.version == 10 || (d->t.no_devinf && d->t.max_obj == 0)))
		return d->t.max_msg - AROUND;
	return d->t.max_obj;
}

bool
dev_too_large(struct sim *s, const struct dev *d, const struct rec *r)
{
	int most = dev_most(d);

	return most > 0 &&
	       rec_write(s, s->b, r, d->t.old_form).n + 100 > (size_t)most;
}

/* Is a Delete of what had this LUID before being told again, after a session
   that broke? The server cannot tell. */
static bool
may_repeat(const struct dev *d)
{
	return d->t.reuses_luid && d->t.settles && (d->broke || d->doubt);
}

void
dev_remove(struct sim *s, struct dev *d, struct item *it)
{
	struct model *m = model_of(s, d);
	uint32_t t =
	    model_deed(m, (struct deed){ .kind = DEED_DELETE,
					 .ent = model_ent_of(m, &it->r),
					 .dev = d->no });

	model_over_all(m, t, &it->r);
	/* What it never told before is not told any more. */
	for (unsigned i = 0; i < it->deed_n; i++) {
		model_inherit(m, t, it->deed[i]);
		model_weaken(m, it->deed[i]);
	}
	/* Nobody can tell that it saw what it was sent last, or there is more
	   of it than it can be sent: the item may be kept for that edit. */
	if (it->unsure || d->t.no_map || d->t.no_status || may_repeat(d) ||
	    never_whole(s, d, &it->r))
		model_weaken(m, t);
	over_hidden(s, d, t, model_ent_of(m, &it->r));
	remember(s, d, it, t);
	it->live = false;
	/* The server may have an Add that it never heard of: it says so. */
	it->change = 'D';
	sim_say(s, "  %s: delete %d = n%u", d->id, it->luid,
		it->r.v[F_NAME][0]);
}

void
dev_delete(struct sim *s, struct dev *d)
{
	struct item *it = any_item(s, d);

	if (it != NULL && !model_full(model_of(s, d)))
		dev_remove(s, d, it);
}

/* Once for each thing: of two copies on two devices nobody could tell how many
   they are. */
void
dev_copy(struct sim *s, struct dev *d)
{
	struct model *m = model_of(s, d);
	struct item *from = any_item(s, d);
	struct ent *ent;
	struct item *it;

	if (from == NULL || from->change != 0 || model_full(m))
		return;
	ent = &m->ent[model_ent_of(m, &from->r)];
	if (ent->copies > 1 || (it = dev_place(d)) == NULL)
		return;
	ent->copies++;
	it->r = from->r;
	it->change = 'A';
	s->deeds++;
	sim_say(s, "  %s: copy of %d is %d = n%u", d->id, from->luid, it->luid,
		it->r.v[F_NAME][0]);
}

/* ---- its mishaps -------------------------------------------------------- */

void
dev_save(struct sim *s, struct dev *d)
{
	d->backup = d->m;
	d->has_backup = true;
	sim_say(s, "  %s: backup, anchor %d", d->id, d->m.last);
}

/* What it did and nobody heard of is gone with its memory. */
static void
forget(struct sim *s, struct dev *d)
{
	struct model *m = model_of(s, d);

	for (unsigned i = 0; i < d->m.n; i++) {
		struct item *it = &d->m.item[i];

		for (unsigned k = 0; k < it->deed_n; k++)
			model_weaken(m, it->deed[k]);
		if (it->change == 'A' && it->r.n[F_NAME] > 0)
			m->ent[model_ent_of(m, &it->r)].loose = true;
	}
}

static bool
has_ent(const struct dev *d, const struct model *m, unsigned ent)
{
	for (unsigned i = 0; i < d->m.n; i++) {
		const struct item *it = &d->m.item[i];

		if (it->live && model_ent_of(m, &it->r) == ent)
			return true;
	}
	return false;
}

/* The device's content is what holds, whatever others did. What it has not
   goes, and may come back twice: by another's slow sync, and by another's edit.
 */
void
dev_wins(struct sim *s, struct dev *d)
{
	struct model *m = model_of(s, d);

	for (unsigned i = 0; i < m->ent_n; i++) {
		m->ent[i].loose = true;
		m->ent[i].many |= !has_ent(d, m, i);
	}
	for (unsigned i = 0; i < m->deed_n; i++)
		m->deed[i].weak = true;
}

/* ... and what was set before in that field was never sent. */
static void
clear_doubtful(struct model *m, const struct item *it, uint32_t clear)
{
	for (unsigned k = 0; k < it->deed_n; k++) {
		if (m->deed[it->deed[k]].field == m->deed[clear].field &&
		    it->deed[k] <= clear)
			model_weaken(m, it->deed[k]);
	}
}

/* After a session that broke, what is not there is no deletion. */
void
dev_doubtful(struct sim *s, struct dev *d)
{
	struct model *m = model_of(s, d);

	for (unsigned i = 0; i < d->m.n; i++) {
		const struct item *it = &d->m.item[i];

		for (unsigned k = 0; k < it->deed_n; k++) {
			const struct deed *x = &m->deed[it->deed[k]];

			if (x->kind == DEED_CLEAR)
				clear_doubtful(m, it, it->deed[k]);
			/* Of several numbers those that are gone stay. */
			else if (x->field == F_TEL || x->field == F_URL)
				model_forget_over(m, it->deed[k]);
		}
	}
}

/*
 * A slow sync is a union: what the device did and nobody heard of may lose
 * against the server's, what was deleted or cleared elsewhere may come back,
 * and of numbers and addresses both sides' stay.
 */
void
dev_unsure(struct sim *s, struct dev *d)
{
	struct model *m = model_of(s, d);

	for (unsigned i = 0; i < d->m.n; i++) {
		const struct item *it = &d->m.item[i];

		for (unsigned k = 0; k < it->deed_n; k++)
			model_weaken(m, it->deed[k]);
		if (it->live)
			m->ent[model_ent_of(m, &it->r)].many |=
			    model_deleted(m, model_ent_of(m, &it->r));
		for (int f = 0; it->live && f < FIELDS; f++) {
			for (unsigned k = 0; k < it->r.n[f]; k++)
				model_revive(m, it->r.v[f][k],
					     f == F_TEL || f == F_URL);
		}
	}
}

void
dev_emptied(struct sim *s, struct dev *d)
{
	forget(s, d);
	memset(d->m.item, 0, sizeof(d->m.item));
	d->m.n = d->m.map_n = 0;
}

void
dev_restore(struct sim *s, struct dev *d)
{
	bool untold = d->m.map_n > 0 || d->t.no_status;

	if (!d->has_backup)
		return;
	forget(s, d);
	d->m = d->backup;
	/* Items that it never mapped are gone with it, or it does not say that
	   it has none: such a one is set up anew (docs/known-gaps.md). */
	if (untold)
		d->m.last = 0;
	d->slow_ok = true;
	dev_unsure(s, d);
	/* The server may take it for one that got the last edits. */
	for (unsigned i = 0; i < d->m.n; i++) {
		struct item *it = &d->m.item[i];

		it->unsure = it->old = true;
		if (it->change != 0)
			old_edited(model_of(s, d), it);
	}
	sim_say(s, "  %s: RESTORED, anchor %d", d->id, d->m.last);
}

void
dev_hard_reset(struct sim *s, struct dev *d)
{
	forget(s, d);
	memset(&d->m, 0, sizeof(d->m));
	d->m.next_luid = 1;
	d->has_backup = false;
	d->slow_ok = true;
	sim_say(s, "  %s: HARD RESET", d->id);
}

/* ---- what kind of device ------------------------------------------------ */

void
dev_traits(struct sim *s, struct dev *d)
{
	static const int version[] = { 10, 11, 12, 12 };
	static const int max_msg[] = { 0, 0, 3000, 5000, 10000, 65536 };
	struct dice *r = &s->dice;
	struct traits *t = &d->t;

	*t = (struct traits){
		.version = version[dice_below(r, 4)],
		.enc = dice_hits(r, 50) ? SML_XML : SML_WBXML,
		.old_form = dice_hits(r, 40),
		.fields = ALL_FIELDS,
		.no_devinf = dice_hits(r, 20),
		.max_msg = max_msg[dice_below(r, 6)],
		.per_msg = dice_hits(r, 50) ? 1 + (int)dice_below(r, 4) : 0,
		.no_status = dice_hits(r, 5),
		.no_respuri = dice_hits(r, 15),
		.map_early = dice_hits(r, 50),
		.settles = dice_hits(r, 50),
		.reuses_luid = dice_hits(r, 40),
		.replaces = dice_hits(r, 50),
		.no_map = dice_hits(r, 3),
		.counts = dice_hits(r, 25),
	};
	if (t->version > 10 && dice_hits(r, 40))
		t->split = 800 + (int)dice_below(r, 1000);
	if (t->version > 10 && dice_hits(r, 15))
		t->max_obj = 2000;
	if (!t->no_devinf && dice_hits(r, 40))
		t->fields = 1u << F_NAME | 1u << F_EMAIL | 1u << F_TEL |
			    (dice_hits(r, 50) ? 1u << F_NOTE : 0);
	d->loose = t->no_map;
	d->m.next_luid = 1;
	sim_say(s,
		"%s: 1.%d, fields %x, max_msg %d, max_obj %d, per_msg %d, "
		"split %d%s%s%s%s%s%s%s%s%s%s",
		d->id, t->version % 10, t->fields, t->max_msg, t->max_obj,
		t->per_msg, t->split, t->old_form ? ", vCard 2.1" : "",
		t->no_devinf ? ", no DevInf" : "", t->no_map ? ", no Map" : "",
		t->no_status ? ", no Status" : "",
		t->no_respuri ? ", no RespURI" : "",
		t->map_early ? ", maps early" : "",
		t->settles ? ", settles by Status" : "",
		t->reuses_luid ? ", reuses LUIDs" : "",
		t->replaces ? ", slow by Replace" : "",
		t->counts ? ", counts" : "");
}
