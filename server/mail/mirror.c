/* What the scans found becomes the mirror: flags, new mails, those that went.
 */
#include "server/mail/inside.h"

#include <stdlib.h>

enum { GONE_BATCH = 200, ORPHANS_PAGE = 500 };

/* ---- flags --------------------------------------------------------------- */

unsigned
mail_held(const struct store_mail_effect *f, size_t n, int64_t item)
{
	unsigned bits = 0;

	for (size_t i = 0; i < n; i++) {
		if (f[i].item == item && f[i].what == STORE_EFFECT_FLAGS)
			bits |= f[i].flags_on | f[i].flags_off;
	}
	return bits;
}

struct flags {
	struct mail_step *st;
	struct store_tx *tx;
	struct store_item *it;
	size_t it_n;
	struct store_mail_effect *f;
	size_t f_n;
	struct store_write *w;
	size_t w_n;
};

static const struct store_item *
head_of(const struct store_item *it, size_t n, int64_t id)
{
	for (size_t i = 0; i < n; i++) {
		if (it[i].id == id)
			return &it[i];
	}
	return NULL;
}

static int
flag_one(struct flags *fl, const struct mbox_msg *m,
	 const struct store_mail_place *was, struct err *e)
{
	const struct store_item *head = head_of(fl->it, fl->it_n, was->item);
	unsigned now = mail_flags_of(m->flags);
	unsigned changed =
	    (was->flags ^ now) & ~mail_held(fl->f, fl->f_n, was->item);
	struct pim_item *it, *to;
	unsigned flags;

	if (head == NULL || head->deleted)
		return 0;
	if (pim_parse(fl->st->work, PIM_MAIL, head->body, &it, e) < 0)
		return -1;
	flags = (it->mail->flags & ~changed) | (now & changed);
	if (flags == it->mail->flags)
		return 0;
	if (pim_mail_flagged(fl->st->work, it, flags, &to, e) < 0)
		return -1;
	return mail_write_of(fl->st, fl->st->work, fl->tx, head, to,
			     head->collection, &fl->w[fl->w_n++], e);
}

static int
flag_batch(struct flags *fl, const struct mbox_msg *m,
	   struct store_mail_place *was, size_t n, struct err *e)
{
	const struct store_mail_vtbl *mv = fl->tx->v->mail;
	int64_t *id = ARENA_ARRAY(fl->st->work, n, int64_t);

	fl->w = ARENA_ARRAY(fl->st->work, n, struct store_write);
	if (id == NULL || fl->w == NULL)
		return mail_no_memory(e);
	for (size_t i = 0; i < n; i++)
		id[i] = was[i].item;
	if (fl->tx->v->item_get(fl->tx, fl->st->work, id, n, true, &fl->it,
				&fl->it_n, e) < 0 ||
	    mv->effect_of(fl->tx, fl->st->work, id, n, &fl->f, &fl->f_n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (flag_one(fl, &m[i], &was[i], e) < 0)
			return -1;
		was[i].flags = mail_flags_of(m[i].flags);
		was[i].modseq = m[i].modseq;
	}
	if (fl->w_n > 0 && fl->tx->v->item_put(fl->tx, fl->w, fl->w_n, e) < 0)
		return -1;
	return mv->place_put(fl->tx, was, n, e);
}

static int
take_flags(struct mail_step *st, struct mail_scan *s, struct err *e)
{
	for (size_t at = 0; at < s->seen_n; at += MAIL_FLAGS_BATCH) {
		struct flags fl = { .st = st };
		size_t n = s->seen_n - at;
		int rc;

		if (n > MAIL_FLAGS_BATCH)
			n = MAIL_FLAGS_BATCH;
		arena_reset(st->work);
		if (mail_begin(st, STORE_WRITE, &fl.tx, e) < 0)
			return -1;
		rc = flag_batch(&fl, s->seen + at, s->was + at, n, e);
		if (mail_end(&fl.tx, rc, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- those that went ----------------------------------------------------- */

static bool
waits(const struct store_mail_effect *f, size_t n, int64_t item)
{
	for (size_t i = 0; i < n; i++) {
		if (f[i].item == item && (f[i].what == STORE_EFFECT_APPEND ||
					  f[i].what == STORE_EFFECT_SEND))
			return true;
	}
	return false;
}

static int
drop_batch(struct mail_step *st, struct store_tx *tx, const struct mail_scan *s,
	   size_t at, size_t n, struct err *e)
{
	int64_t col = st->folder[s->folder].collection;
	int64_t id[GONE_BATCH], uid[GONE_BATCH], dead[GONE_BATCH];
	size_t id_n = 0, uid_n = 0, w_n = 0, dead_n = 0, it_n, f_n;
	struct store_write w[GONE_BATCH];
	struct store_mail_effect *f;
	struct store_item *it;

	for (size_t i = at; i < at + n; i++) {
		if (s->gone[i].uid > 0)
			uid[uid_n++] = s->gone[i].uid;
		if (s->gone[i].size >= 0 && s->gone[i].item != 0)
			id[id_n++] = s->gone[i].item;
	}
	if (tx->v->item_get(tx, st->work, id, id_n, false, &it, &it_n, e) < 0 ||
	    tx->v->mail->effect_of(tx, st->work, id, id_n, &f, &f_n, e) < 0)
		return -1;
	for (size_t i = 0; i < it_n; i++) {
		/* A device moved it: it lies in another folder now. */
		if (it[i].collection != col || waits(f, f_n, it[i].id))
			continue;
		dead[dead_n++] = it[i].id;
		if (it[i].deleted)
			continue;
		w[w_n++] = (struct store_write){
			.item = it[i].id,
			.deleted = true,
			.collection = col,
			.kind = it[i].kind,
			.revision = it[i].last_revision + 1,
			.origin = STORE_BY_MAILBOX,
			.old_size = it[i].size,
		};
	}
	if ((w_n > 0 && tx->v->item_put(tx, w, w_n, e) < 0) ||
	    (dead_n > 0 && tx->v->mail->body_drop(tx, dead, dead_n, e) < 0))
		return -1;
	/* Numbers that mean something else now are written over already. */
	return uid_n == 0 || s->again
		   ? 0
		   : tx->v->mail->place_drop(tx, col, uid, uid_n, e);
}

static int
drop_gone(struct mail_step *st, const struct mail_scan *s, struct err *e)
{
	for (size_t at = 0; at < s->gone_n; at += GONE_BATCH) {
		size_t n = s->gone_n - at;
		struct store_tx *tx;

		if (n > GONE_BATCH)
			n = GONE_BATCH;
		arena_reset(st->work);
		if (mail_begin(st, STORE_WRITE, &tx, e) < 0 ||
		    mail_end(&tx, drop_batch(st, tx, s, at, n, e), e) < 0)
			return -1;
	}
	return 0;
}

/* ---- a folder whose UIDs mean something else ----------------------------- */

static int
forget_places(struct mail_step *st, struct store_tx *tx, int64_t col,
	      struct err *e)
{
	struct store_mail_place *p;
	int64_t uid[ORPHANS_PAGE];
	size_t n;

	do {
		arena_reset(st->work);
		if (tx->v->mail->place_page(tx, st->work, col, 0, ORPHANS_PAGE,
					    &p, &n, e) < 0)
			return -1;
		for (size_t i = 0; i < n; i++)
			uid[i] = p[i].uid;
		if (n > 0 && tx->v->mail->place_drop(tx, col, uid, n, e) < 0)
			return -1;
	} while (n == ORPHANS_PAGE);
	return 0;
}

/* All of its mails are without a place until they are known again; those that
   nobody knows go at the end. */
static int
orphans(struct mail_step *st, struct store_tx *tx, struct mail_scan *s,
	struct err *e)
{
	int64_t col = st->folder[s->folder].collection, after = 0;
	struct store_item *it;
	size_t cap = 0, n;

	if (forget_places(st, tx, col, e) < 0)
		return -1;
	s->gone_n = 0;
	do {
		arena_reset(st->work);
		if (tx->v->item_page(tx, st->work, col, after, ORPHANS_PAGE,
				     false, false, &it, &n, e) < 0)
			return -1;
		if (s->gone_n + n > cap) {
			struct store_mail_place *to;

			cap = (s->gone_n + n) * 2;
			to = ARENA_ARRAY(st->a, cap, struct store_mail_place);
			if (to == NULL)
				return mail_no_memory(e);
			if (s->gone_n > 0)
				memcpy(to, s->gone, s->gone_n * sizeof(*to));
			s->gone = to;
		}
		for (size_t i = 0; i < n; i++) {
			s->gone[s->gone_n++] = (struct store_mail_place){
				.collection = col,
				.item = it[i].id,
			};
			after = it[i].id;
		}
	} while (n == ORPHANS_PAGE);
	return 0;
}

/* ---- all folders --------------------------------------------------------- */

static int
by_item(const void *x, const void *y)
{
	const struct store_mail_place *a = x;
	const struct store_mail_place *b = y;

	return (a->item > b->item) - (a->item < b->item);
}

static int
prepare(struct mail_step *st, struct mail_scan *s, struct err *e)
{
	struct store_tx *tx;

	if (s->again && (mail_begin(st, STORE_WRITE, &tx, e) < 0 ||
			 mail_end(&tx, orphans(st, tx, s, e), e) < 0))
		return -1;
	if (s->gone_n > 1)
		qsort(s->gone, s->gone_n, sizeof(*s->gone), by_item);
	return 0;
}

static int
keep(struct mail_step *st, const struct mail_scan *s, struct err *e)
{
	struct store_mail_folder *f = &st->folder[s->folder];
	struct store_tx *tx;

	f->uidvalidity = s->state.uidvalidity;
	f->uidnext = s->state.uidnext;
	f->highestmodseq = s->state.modseq;
	f->seen_ms = mail_now(st);
	if (mail_begin(st, STORE_WRITE, &tx, e) < 0)
		return -1;
	return mail_end(&tx, tx->v->mail->folder_put(tx, f, 1, e), e);
}

int
mail_mirror(struct mail_step *st, struct mail_scan *scan, size_t n,
	    struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (prepare(st, &scan[i], e) < 0)
			return -1;
	}
	for (size_t i = 0; i < n; i++) {
		if (take_flags(st, &scan[i], e) < 0 ||
		    mail_take(st, scan, n, &scan[i], e) < 0)
			return -1;
	}
	/* What went somewhere may have come elsewhere: now we know. */
	for (size_t i = 0; i < n; i++) {
		if (drop_gone(st, &scan[i], e) < 0 || keep(st, &scan[i], e) < 0)
			return -1;
	}
	return 0;
}
