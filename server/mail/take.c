/*
 * Messages that were not there before become ours. Most are new; some only lie
 * elsewhere now: moved by another client, put there by us, or numbered anew by
 * the server (match.c).
 */
#include "server/mail/take.h"
#include "syncml/mail_move.h"

/* The folder that its scan saw. */
static int
open_again(struct take *t, struct err *e)
{
	if (mail_select(t->st, t->one->folder, e) < 0)
		return -1;
	return t->st->state.uidvalidity == t->one->state.uidvalidity
		   ? 0
		   : err_set(e, ERR_UNAVAILABLE, "mail",
			     "the folder was made anew meanwhile");
}

/* ---- writing an item ----------------------------------------------------- */

int
mail_write_of(struct mail_step *st, struct arena *a, struct store_tx *tx,
	      const struct store_item *head, const struct pim_item *it,
	      int64_t collection, struct store_write *w, struct err *e)
{
	struct pim_ids ids;

	(void)st;
	*w = (struct store_write){
		.item = head == NULL ? tx->next_id++ : head->id,
		.create = head == NULL,
		.collection = collection,
		.kind = PIM_MAIL,
		.revision = head == NULL ? 1 : head->last_revision + 1,
		.origin = STORE_BY_MAILBOX,
		.old_size = head == NULL || head->deleted ? 0 : head->size,
		.was_deleted = head != NULL && head->deleted,
	};
	if (pim_canon(a, it, &w->body, e) < 0 ||
	    pim_identify(a, it, &ids, e) < 0)
		return -1;
	w->uid = ids.uid;
	w->h_uid = ids.h_uid;
	w->h_content = ids.h_content;
	w->h_identity = ids.h_identity;
	w->span = (struct store_span){ ids.span.set, ids.span.from_ms,
				       ids.span.to_ms };
	return 0;
}

static struct store_mail_place
place_of(const struct take *t, const struct mbox_msg *m, int64_t item)
{
	return (struct store_mail_place){
		.collection = t->folder->collection,
		.uid = m->uid,
		.item = item,
		.flags = mail_flags_of(m->flags),
		.modseq = m->modseq,
		.size = m->size,
	};
}

/* ---- known ones ---------------------------------------------------------- */

/* Of the same folder: only its number is another one. */
static int
stays(struct take *t, struct store_tx *tx, const struct fresh *f,
      const struct store_item *head, struct store_write *w, size_t *w_n,
      struct err *e)
{
	unsigned flags = mail_flags_of(f->m.flags), theirs = PIM_MAIL_FLAGS;
	struct store_mail_place p = place_of(t, &f->m, f->item);
	struct store_mail_effect *ef;
	struct pim_item *it, *to;
	size_t n;

	if (pim_parse(t->st->work, PIM_MAIL, head->body, &it, e) < 0 ||
	    tx->v->mail->place_put(tx, &p, 1, e) < 0)
		return -1;
	/* A known base tells who changed what; without one the server is right
	   but for what it has not heard yet. */
	if (f->was.uid > 0)
		theirs = f->was.flags ^ flags;
	if (tx->v->mail->effect_of(tx, t->st->work, &f->item, 1, &ef, &n, e) <
	    0)
		return -1;
	theirs &= ~mail_held(ef, n, f->item);
	flags = (it->mail->flags & ~theirs) | (flags & theirs);
	if (flags == it->mail->flags)
		return 0;
	if (pim_mail_flagged(t->st->work, it, flags, &to, e) < 0)
		return -1;
	return mail_write_of(t->st, t->st->work, tx, head, to, head->collection,
			     &w[(*w_n)++], e);
}

/* From another folder: another item for devices, with the bytes that we have.
 *ours false: they are not here. */
static int
moves(struct take *t, struct store_tx *tx, const struct fresh *f,
      const struct store_item *head, struct sml_mail_move *mv, bool *ours,
      struct err *e)
{
	unsigned flags = mail_flags_of(f->m.flags);
	struct store_mail_body *b;
	struct store_mail_place p;
	struct pim_item *it, *to;
	struct store_write w[2];
	size_t n, w_n = 1;

	if (tx->v->mail->body_get(tx, t->st->work, &head->id, 1, MAIL_BODY_MAX,
				  &b, &n, e) < 0 ||
	    pim_parse(t->st->work, PIM_MAIL, head->body, &it, e) < 0 ||
	    pim_mail_flagged(t->st->work, it, flags, &to, e) < 0)
		return -1;
	*ours = n == 1;
	if (!*ours)
		return 0;
	/* As it was, which devices know, and then as it is. */
	if (mail_write_of(t->st, t->st->work, tx, NULL, it,
			  t->folder->collection, &w[0], e) < 0)
		return -1;
	*mv = (struct sml_mail_move){ .from = head->id,
				      .to = w[0].item,
				      .revision = head->revision,
				      .same = 1,
				      .from_col = head->collection,
				      .to_col = t->folder->collection };
	if (flags != it->mail->flags) {
		const struct store_item one = { .id = w[0].item,
						.last_revision = 1,
						.size = (int64_t)w[0].body.n };

		if (mail_write_of(t->st, t->st->work, tx, &one, to,
				  t->folder->collection, &w[w_n++], e) < 0)
			return -1;
	}
	b[0].item = w[0].item;
	p = place_of(t, &f->m, w[0].item);
	for (size_t i = 0; i < w_n; i++) {
		if (tx->v->item_put(tx, &w[i], 1, e) < 0)
			return -1;
	}
	if (tx->v->mail->body_put(tx, b, 1, e) < 0)
		return -1;
	return tx->v->mail->place_put(tx, &p, 1, e);
}

static int
adopt_in(struct take *t, struct store_tx *tx, struct err *e)
{
	struct store_write *w =
	    ARENA_ARRAY(t->st->work, t->n + 1, struct store_write);
	struct sml_mail_move *mv =
	    ARENA_ARRAY(t->st->work, t->n + 1, struct sml_mail_move);
	size_t w_n = 0, mv_n = 0;

	if (w == NULL || mv == NULL)
		return mail_no_memory(e);
	for (size_t i = 0; i < t->n; i++) {
		struct fresh *f = &t->f[i];
		bool away;
		struct store_item *head;
		bool ours = true;
		size_t n;

		if (f->item == 0)
			continue;
		if (tx->v->item_get(tx, t->st->work, &f->item, 1, true, &head,
				    &n, e) < 0)
			return -1;
		/* Devices may have been here since we looked. */
		if (n == 0 || head->deleted) {
			f->item = 0;
			continue;
		}
		away =
		    f->elsewhere && head->collection != t->folder->collection;
		if ((away ? moves(t, tx, f, head, &mv[mv_n], &ours, e)
			  : stays(t, tx, f, head, w, &w_n, e)) < 0)
			return -1;
		mv_n += away && ours;
		if (!ours)
			f->item = 0;
	}
	if (sml_mail_moved(tx, t->st->work, 0, mv, mv_n, e) < 0)
		return -1;
	return w_n == 0 ? 0 : tx->v->item_put(tx, w, w_n, e);
}

/* What stayed is not gone; what moved goes from where it was. */
static void
cross_off(struct take *t)
{
	for (size_t i = 0; i < t->n; i++) {
		struct store_mail_place *p =
		    t->f[i].item == 0 || t->f[i].elsewhere
			? NULL
			: mail_went(t, t->f[i].item);

		if (p != NULL)
			p->size = -1;
	}
}

static int
adopt(struct take *t, struct err *e)
{
	struct store_tx *tx;
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		n += t->f[i].item != 0;
	if (n == 0)
		return 0;
	if (mail_begin(t->st, STORE_WRITE, &tx, e) < 0 ||
	    mail_end(&tx, adopt_in(t, tx, e), e) < 0)
		return -1;
	cross_off(t);
	return 0;
}

/* ---- new ones ------------------------------------------------------------ */

/* A node that lost its lease in the middle may have been faster. */
static int
is_there(struct take *t, struct store_tx *tx, uint32_t uid, bool *yes,
	 struct err *e)
{
	struct store_mail_place *p;
	size_t n;

	if (tx->v->mail->place_page(tx, t->st->work, t->folder->collection,
				    (int64_t)uid - 1, 1, &p, &n, e) < 0)
		return -1;
	*yes = n > 0 && p[0].uid == uid;
	return 0;
}

static int
write_new(struct take *t, const struct mbox_msg *m, size_t n, struct err *e)
{
	struct store_write w[MAIL_BATCH];
	struct store_mail_place p[MAIL_BATCH];
	struct store_mail_body b[MAIL_BATCH];
	struct store_tx *tx;
	int rc = 0;
	size_t k = 0;

	if (mail_begin(t->st, STORE_WRITE, &tx, e) < 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct pim_item *it;
		bool there = false;

		rc = is_there(t, tx, m[i].uid, &there, e);
		if (rc < 0 || there || !m[i].has_text)
			continue;
		rc = pim_mail_item(t->st->work, m[i].text, m[i].size, &it, e);
		if (rc < 0)
			break;
		it->mail->flags = mail_flags_of(m[i].flags);
		it->mail->said = PIM_MAIL_FLAGS;
		it->mail->received_ms = m[i].received_ms;
		rc = mail_write_of(t->st, t->st->work, tx, NULL, it,
				   t->folder->collection, &w[k], e);
		p[k] = place_of(t, &m[i], w[k].item);
		b[k] = (struct store_mail_body){
			.item = w[k].item,
			.whole = (int64_t)m[i].text.n >= m[i].size,
			.bytes = m[i].text,
		};
		k++;
	}
	if (rc == 0 && k > 0 &&
	    (tx->v->item_put(tx, w, k, e) < 0 ||
	     tx->v->mail->body_put(tx, b, k, e) < 0 ||
	     tx->v->mail->place_put(tx, p, k, e) < 0))
		rc = -1;
	return mail_end(&tx, rc, e);
}

static int64_t
cap_of(const struct mail_step *st)
{
	return st->login.cap > 0 && st->login.cap < MAIL_BODY_MAX
		   ? st->login.cap
		   : MAIL_BODY_MAX;
}

/* As many as fit together; *n of them. */
static int
fetch_some(struct take *t, const struct fresh *f, size_t max, size_t *n,
	   struct err *e)
{
	int64_t cap = cap_of(t->st), largest = 0;
	struct mbox_range r[MAIL_BATCH];
	struct mbox_ask ask = { .range = r, .part = MBOX_BYTES };
	struct mbox_msg *m;
	size_t got;

	for (*n = 0; *n < max && ask.range_n < MAIL_BATCH; (*n)++) {
		int64_t size = f[*n].m.size < cap ? f[*n].m.size : cap;

		if (f[*n].item != 0)
			continue;
		/* Sizes may lie: what is asked for bounds what is taken. */
		if (size > largest)
			largest = size;
		if (ask.range_n > 0 &&
		    largest * (int64_t)(ask.range_n + 1) > MAIL_BATCH_BYTES)
			break;
		r[ask.range_n++] =
		    (struct mbox_range){ f[*n].m.uid, f[*n].m.uid };
	}
	if (ask.range_n == 0)
		return 0;
	ask.cap = (size_t)(largest > 0 ? largest : cap);
	ask.max = ask.range_n;
	if (mbox_fetch(t->st->box, t->st->work, &ask, &m, &got, NULL, NULL, e) <
	    0)
		return -1;
	return write_new(t, m, got, e);
}

static int
fetch_all(struct take *t, struct err *e)
{
	for (size_t at = 0; at < t->n;) {
		struct arena_mark mark = arena_mark(t->st->work);
		size_t n;

		if (mail_stopping(t->st))
			return err_set(e, ERR_UNAVAILABLE, "mail", "stopped");
		if (fetch_some(t, t->f + at, t->n - at, &n, e) < 0)
			return -1;
		arena_rewind(t->st->work, mark);
		at += n;
	}
	return 0;
}

/* ---- a batch ------------------------------------------------------------- */

static int
facts(struct take *t, const uint32_t *uid, size_t n, struct err *e)
{
	int64_t edge = mail_edge(t->st);
	struct mbox_range r[MAIL_IDS];
	const struct mbox_ask ask = {
		.range = r, .range_n = n, .part = MBOX_MESSAGE_ID, .max = n
	};
	struct mbox_msg *m;
	size_t got;

	for (size_t i = 0; i < n; i++)
		r[i] = (struct mbox_range){ uid[i], uid[i] };
	if (mbox_fetch(t->st->box, t->st->work, &ask, &m, &got, NULL, NULL, e) <
	    0)
		return -1;
	t->f = ARENA_ARRAY(t->st->work, got + 1, struct fresh);
	if (t->f == NULL)
		return mail_no_memory(e);
	t->n = 0;
	for (size_t i = 0; i < got; i++) {
		if (m[i].received_ms >= edge &&
		    (m[i].flags & MBOX_DELETED) == 0)
			t->f[t->n++] = (struct fresh){ .m = m[i] };
	}
	return 0;
}

int
mail_take(struct mail_step *st, struct mail_scan *scan, size_t n,
	  struct mail_scan *one, struct err *e)
{
	struct take t = { .st = st,
			  .scan = scan,
			  .scan_n = n,
			  .one = one,
			  .folder = &st->folder[one->folder] };

	if (one->fresh_n == 0)
		return 0;
	if (open_again(&t, e) < 0)
		return -1;
	/* The newest first: people look for them. */
	for (size_t left = one->fresh_n; left > 0;) {
		size_t some = left < MAIL_IDS ? left : MAIL_IDS;

		left -= some;
		arena_reset(st->work);
		if (facts(&t, one->fresh + left, some, e) < 0 ||
		    mail_match(&t, e) < 0 || mail_twins(&t, e) < 0 ||
		    open_again(&t, e) < 0 || adopt(&t, e) < 0 ||
		    fetch_all(&t, e) < 0)
			return -1;
	}
	return 0;
}
