/*
 * Which of our mails is a message that was not there before? They are known by
 * their Message-ID and size.
 */
#include "server/mail/take.h"

#include <stdlib.h>

enum { ALIKE = 4 }; /* copies of one message that are told apart */

/* ---- who is it? ---------------------------------------------------------- */

static int
by_item(const void *x, const void *y)
{
	const struct store_mail_place *a = x;
	const struct store_mail_place *b = y;

	return (a->item > b->item) - (a->item < b->item);
}

/* Of what went somewhere in this step; adopted ones have size -1. */
struct store_mail_place *
mail_went(const struct take *t, int64_t item)
{
	struct store_mail_place key = { .item = item };

	for (size_t i = 0; i < t->scan_n; i++) {
		struct mail_scan *s = &t->scan[i];
		struct store_mail_place *p =
		    s->gone_n == 0 ? NULL
				   : bsearch(&key, s->gone, s->gone_n,
					     sizeof(key), by_item);

		if (p != NULL && p->size >= 0)
			return p;
	}
	return NULL;
}

static int
hashes(struct take *t, uint64_t *hash, struct err *e)
{
	for (size_t i = 0; i < t->n; i++) {
		struct pim_item *it;
		struct pim_ids ids;

		if (pim_mail_item(t->st->work, t->f[i].m.text, t->f[i].m.size,
				  &it, e) < 0 ||
		    pim_identify(t->st->work, it, &ids, e) < 0)
			return -1;
		hash[i] = t->f[i].h_uid =
		    it->mail->message_id.n > 0 ? ids.h_uid : 0;
	}
	return 0;
}

struct known { /* candidates with all that is known of them */
	struct store_item *it;
	size_t it_n;
	struct store_mail_place *place;
	size_t place_n;
};

static const struct store_mail_place *
lies(const struct known *k, int64_t item)
{
	for (size_t i = 0; i < k->place_n; i++) {
		if (k->place[i].item == item)
			return &k->place[i];
	}
	return NULL;
}

/* May this one lie here now? */
static bool
is_free(const struct take *t, const struct known *k,
	const struct store_item *it, struct store_mail_place *was)
{
	const struct store_mail_place *now = lies(k, it->id);
	size_t at = mail_folder_of(t->st, it->collection);

	*was = (struct store_mail_place){ .collection = it->collection };
	if (it->deleted || at == SIZE_MAX ||
	    t->st->folder[at].role == STORE_MAIL_OUTBOX)
		return false;
	for (size_t i = 0; i < t->n; i++) {
		if (t->f[i].item == it->id)
			return false;
	}
	if (mail_went(t, it->id) != NULL) {
		*was = *mail_went(t, it->id);
		return true;
	}
	return now == NULL && it->collection == t->folder->collection;
}

static int
judge_one(struct take *t, const struct known *k, const struct store_item *it,
	  struct fresh *f, struct err *e)
{
	const struct store_mail_place *now = lies(k, it->id);
	bool here = it->collection == t->folder->collection;
	struct pim_item *pim;

	if (it->h_uid != f->h_uid || it->deleted)
		return 0;
	if (pim_parse(t->st->work, PIM_MAIL, it->body, &pim, e) < 0)
		return -1;
	if (pim->mail->size != f->m.size)
		return 0;
	if (is_free(t, k, it, &f->was)) {
		f->item = it->id;
		f->elsewhere = !here;
	} else if (now != NULL && !here && f->twin.item == 0) {
		f->twin = *now;
	}
	return 0;
}

static int
judge(struct take *t, const struct known *k, struct err *e)
{
	for (size_t i = 0; i < t->n; i++) {
		struct fresh *f = &t->f[i];

		for (size_t j = 0; f->h_uid != 0 && f->item == 0 && j < k->it_n;
		     j++) {
			if (judge_one(t, k, &k->it[j], f, e) < 0)
				return -1;
		}
	}
	return 0;
}

static int
match_in(struct take *t, struct store_tx *tx, const uint64_t *hash,
	 struct err *e)
{
	int64_t col[MAIL_FOLDERS], *id;
	struct store_likeness ask = {
		.collection = col,
		.collection_n = t->st->folder_n,
		.hash = hash,
		.hash_n = t->n,
		.per_hash = ALIKE,
	};
	struct store_candidate *c;
	struct known k;
	size_t n;

	for (size_t i = 0; i < t->st->folder_n; i++)
		col[i] = t->st->folder[i].collection;
	if (tx->v->item_match(tx, t->st->work, &ask, &c, &n, e) < 0)
		return -1;
	if (n == 0)
		return 0;
	id = ARENA_ARRAY(t->st->work, n, int64_t);
	if (id == NULL)
		return mail_no_memory(e);
	for (size_t i = 0; i < n; i++)
		id[i] = c[i].item;
	if (tx->v->item_get(tx, t->st->work, id, n, true, &k.it, &k.it_n, e) <
		0 ||
	    tx->v->mail->place_of(tx, t->st->work, id, n, &k.place, &k.place_n,
				  e) < 0)
		return -1;
	return judge(t, &k, e);
}

int
mail_match(struct take *t, struct err *e)
{
	uint64_t *hash = ARENA_ARRAY(t->st->work, t->n + 1, uint64_t);
	struct store_tx *tx;

	if (hash == NULL)
		return mail_no_memory(e);
	if (hashes(t, hash, e) < 0 || mail_begin(t->st, STORE_READ, &tx, e) < 0)
		return -1;
	return mail_end(&tx, match_in(t, tx, hash, e), e);
}

/* ---- moved between two looks ----------------------------------------------
 */

static struct fresh *
twin_of(const struct take *t, int64_t collection, uint32_t uid)
{
	for (size_t i = 0; i < t->n; i++) {
		struct fresh *f = &t->f[i];

		if (f->item == 0 && f->twin.item != 0 &&
		    f->twin.collection == collection && f->twin.uid == uid)
			return f;
	}
	return NULL;
}

/* Its twin went: it is that one. Of several the first. */
static void
is_twin(struct take *t, struct fresh *f)
{
	for (size_t i = 0; i < t->n; i++) {
		if (t->f[i].item == f->twin.item)
			return;
	}
	f->item = f->twin.item;
	f->was = f->twin;
	f->elsewhere = true;
}

/* Are those of this folder there still? */
static int
twins_in(struct take *t, size_t folder, struct err *e)
{
	const struct store_mail_folder *at = &t->st->folder[folder];
	struct mbox_range r[MAIL_IDS];
	struct mbox_ask ask = { .range = r, .part = MBOX_FLAGS_ONLY };
	struct fresh *f[MAIL_IDS], *left;
	struct err own = { .code = ERR_NONE };
	struct mbox_msg *m;
	size_t n;

	for (size_t i = 0; i < t->n && ask.range_n < MAIL_IDS; i++) {
		uint32_t uid = (uint32_t)t->f[i].twin.uid;

		if (twin_of(t, at->collection, uid) != &t->f[i])
			continue;
		f[ask.range_n] = &t->f[i];
		r[ask.range_n++] = (struct mbox_range){ uid, uid };
	}
	if (ask.range_n == 0)
		return 0;
	ask.max = ask.range_n;
	/* A folder that is gone, or another one by now, says nothing. */
	if (mail_select(t->st, folder, &own) < 0) {
		if (own.code == ERR_NOTFOUND)
			return 0;
		if (e != NULL)
			*e = own;
		return -1;
	}
	if (t->st->state.uidvalidity != at->uidvalidity)
		return 0;
	if (mbox_fetch(t->st->box, t->st->work, &ask, &m, &n, NULL, NULL, e) <
	    0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		left = (m[i].flags & MBOX_DELETED) != 0
			   ? NULL
			   : twin_of(t, at->collection, m[i].uid);
		if (left != NULL)
			left->twin.item = 0;
	}
	for (size_t i = 0; i < ask.range_n; i++) {
		if (f[i]->twin.item != 0)
			is_twin(t, f[i]);
	}
	return 0;
}

/*
 * Folders are looked at one after the other, and some servers move by copying:
 * what comes here and lies in another folder, too, may have left that one since
 * it was looked at. The next look at it hears that; for devices it is a move.
 */
int
mail_twins(struct take *t, struct err *e)
{
	for (size_t i = 0; i < t->st->folder_n; i++) {
		if (i != t->one->folder && twins_in(t, i, e) < 0)
			return -1;
	}
	return 0;
}
