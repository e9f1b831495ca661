/*
 * What devices did, done at the server. A row is an intent; it says nothing
 * about whether it has happened. So each is looked up before it is done:
 * flags can be set twice; what was moved is not there any more; what was
 * appended is found by its Message-ID.
 */
#include "server/mail/inside.h"

#include <stdio.h>
#include <stdlib.h>

enum { EFFECTS_PAGE = 1000, ROUNDS = 3 };

/* ---- rows ---------------------------------------------------------------- */

int
mail_settle(struct store_tx *tx, struct store_mail_effect *f,
	    enum store_effect_state state, int64_t next_ms, const char *why,
	    struct err *e)
{
	f->state = state;
	f->next_ms = next_ms;
	f->reason = slice_c(why);
	return tx->v->mail->effect_set(tx, f, 1, e);
}

static int
settle(struct mail_step *st, struct store_mail_effect *f,
       enum store_effect_state state, int64_t next_ms, const char *why,
       struct err *e)
{
	struct store_tx *tx;

	if (mail_begin(st, STORE_WRITE, &tx, e) < 0)
		return -1;
	return mail_end(&tx, mail_settle(tx, f, state, next_ms, why, e), e);
}

int
mail_retry(struct mail_step *st, struct store_mail_effect *f, const char *why,
	   struct err *e)
{
	int64_t pause = MAIL_EFFECT_PAUSE_MS;

	f->attempts++;
	if (f->attempts >= MAIL_EFFECT_TRIES)
		return settle(st, f, STORE_EFFECT_FAILED, INT64_MAX, why, e);
	for (int64_t i = 1; i < f->attempts; i++)
		pause *= 2;
	return settle(st, f, STORE_EFFECT_QUEUED, mail_now(st) + pause, why, e);
}

int
mail_body(struct mail_step *st, int64_t item, struct store_mail_body **out,
	  struct err *e)
{
	struct store_tx *tx;
	size_t n = 0;
	int rc;

	*out = NULL;
	if (mail_begin(st, STORE_READ, &tx, e) < 0)
		return -1;
	rc = tx->v->mail->body_get(tx, st->work, &item, 1, MAIL_BODY_MAX, out,
				   &n, e);
	if (n == 0)
		*out = NULL;
	return mail_end(&tx, rc, e);
}

/* ---- where it lies ------------------------------------------------------- */

static int
read_place(struct mail_step *st, int64_t item, struct store_mail_place *out,
	   bool *there, struct err *e)
{
	struct store_mail_place *p;
	struct store_tx *tx;
	size_t n = 0;
	int rc;

	if (mail_begin(st, STORE_READ, &tx, e) < 0)
		return -1;
	rc = tx->v->mail->place_of(tx, st->work, &item, 1, &p, &n, e);
	*there = rc == 0 && n > 0;
	if (*there)
		*out = p[0];
	return mail_end(&tx, rc, e);
}

int
mail_locate(struct mail_step *st, const struct store_mail_effect *f,
	    uint32_t *uid, struct err *e)
{
	struct store_mail_place p = { .collection = f->collection };
	struct err own = { .code = ERR_NONE };
	uint32_t *found;
	size_t folder, n;
	bool there;

	*uid = 0;
	if (read_place(st, f->item, &p, &there, e) < 0)
		return -1;
	folder = mail_folder_of(st, p.collection);
	if (folder == SIZE_MAX || st->folder[folder].name.n == 0)
		return 0;
	if (mail_select(st, folder, &own) < 0) {
		if (own.code == ERR_NOTFOUND)
			return 0;
		if (e != NULL)
			*e = own;
		return -1;
	}
	if (there && st->state.uidvalidity == st->folder[folder].uidvalidity) {
		*uid = (uint32_t)p.uid;
		return 0;
	}
	if (mbox_search_id(st->box, st->work, f->message_id, &found, &n, e) < 0)
		return -1;
	if (n > 0)
		*uid = found[0];
	return 0;
}

/* ---- one of each --------------------------------------------------------- */

static int
do_flags(struct mail_step *st, const struct store_mail_effect *f, struct err *e)
{
	uint32_t uid;

	if (mail_locate(st, f, &uid, e) < 0)
		return -1;
	return uid == 0 ? 0
			: mbox_store_flags(st->box, &uid, 1,
					   mail_flags_to(f->flags_on),
					   mail_flags_to(f->flags_off), e);
}

static int
move_to(struct mail_step *st, uint32_t uid, struct slice to, struct err *e)
{
	struct err own = { .code = ERR_NONE };

	if (mbox_move(st->box, &uid, 1, to, &own) == 0)
		return 0;
	if (own.code == ERR_NOTFOUND && mbox_create(st->box, to, NULL) == 0)
		return mbox_move(st->box, &uid, 1, to, e);
	if (e != NULL)
		*e = own;
	return -1;
}

static int
do_move(struct mail_step *st, const struct store_mail_effect *f, struct err *e)
{
	size_t to = mail_folder_of(st, f->to);
	uint32_t uid;

	if (to == SIZE_MAX || st->folder[to].name.n == 0)
		return err_set(e, ERR_NOTFOUND, "mail",
			       "the server has no such folder");
	if (mail_locate(st, f, &uid, e) < 0)
		return -1;
	if (uid == 0 || st->open == to)
		return 0;
	return move_to(st, uid, st->folder[to].name, e);
}

static int
do_delete(struct mail_step *st, const struct store_mail_effect *f,
	  struct err *e)
{
	struct slice trash;
	uint32_t uid;

	if (mail_role_folder(st, STORE_MAIL_TRASH, &trash, e) < 0 ||
	    mail_locate(st, f, &uid, e) < 0)
		return -1;
	if (uid == 0)
		return 0;
	if (slice_eq(st->folder[st->open].name, trash))
		return mbox_expunge(st->box, &uid, 1, e);
	return move_to(st, uid, trash, e);
}

/* What a device asked for of a mail that was cut. */
static int
take_bytes(struct mail_step *st, struct store_tx *tx,
	   const struct store_mail_effect *f, const struct mbox_msg *m,
	   struct err *e)
{
	struct store_mail_body b = { .item = f->item,
				     .whole = (int64_t)m->text.n >= m->size,
				     .bytes = m->text };
	struct store_item *head;
	struct pim_item *old, *it;
	struct store_write w;
	size_t n;

	if (tx->v->item_get(tx, st->work, &f->item, 1, true, &head, &n, e) < 0)
		return -1;
	if (n == 0 || head->deleted)
		return 0;
	if (pim_parse(st->work, PIM_MAIL, head->body, &old, e) < 0 ||
	    pim_mail_item(st->work, m->text, m->size, &it, e) < 0)
		return -1;
	it->mail->flags = old->mail->flags;
	it->mail->said = PIM_MAIL_FLAGS;
	it->mail->received_ms = old->mail->received_ms;
	if (mail_write_of(st, st->work, tx, head, it, head->collection, &w, e) <
		0 ||
	    tx->v->item_put(tx, &w, 1, e) < 0)
		return -1;
	return tx->v->mail->body_put(tx, &b, 1, e);
}

static int
do_fetch(struct mail_step *st, const struct store_mail_effect *f, struct err *e)
{
	bool all = f->bytes <= 0 || f->bytes > MAIL_BODY_MAX;
	struct mbox_range r;
	struct mbox_ask ask = { .range = &r,
				.range_n = 1,
				.part = MBOX_BYTES,
				.cap = all ? MAIL_BODY_MAX : (size_t)f->bytes,
				.max = 1 };
	struct store_tx *tx;
	struct mbox_msg *m;
	uint32_t uid;
	size_t n;

	if (mail_locate(st, f, &uid, e) < 0)
		return -1;
	if (uid == 0)
		return 0;
	r = (struct mbox_range){ uid, uid };
	if (mbox_fetch(st->box, st->work, &ask, &m, &n, NULL, NULL, e) < 0)
		return -1;
	if (n == 0 || !m->has_text)
		return 0;
	if (mail_begin(st, STORE_WRITE, &tx, e) < 0)
		return -1;
	return mail_end(&tx, take_bytes(st, tx, f, m, e), e);
}

/* ---- append -------------------------------------------------------------- */

struct append {
	size_t folder; /* SIZE_MAX: one that is no collection */
	struct slice name;
	struct slice bytes;
	unsigned flags;
	uint32_t uid;
};

static int
append_where(struct mail_step *st, const struct store_mail_effect *f,
	     struct append *ap, struct err *e)
{
	struct err own = { .code = ERR_NONE };

	ap->folder = mail_folder_of(st, f->collection);
	if (ap->folder == SIZE_MAX) {
		/* Sent mail, of an account that does not show it. */
		if (mail_role_folder(st, STORE_MAIL_SENT, &ap->name, e) < 0)
			return -1;
		ap->flags = MBOX_SEEN;
		st->open = SIZE_MAX;
		return mbox_select(st->box, ap->name, false, &st->state, e);
	}
	ap->name = st->folder[ap->folder].name;
	ap->flags = st->folder[ap->folder].role == STORE_MAIL_DRAFTS
			? MBOX_SEEN | MBOX_DRAFT
			: MBOX_SEEN;
	if (mail_select(st, ap->folder, &own) == 0)
		return 0;
	if (own.code == ERR_NOTFOUND &&
	    mail_make_folder(st, &st->folder[ap->folder].name, &own) == 0) {
		ap->name = st->folder[ap->folder].name;
		return mail_select(st, ap->folder, e);
	}
	if (e != NULL)
		*e = own;
	return -1;
}

/* The bytes of a sent mail are those that went out, its Bcc aside. */
static int
append_what(struct mail_step *st, const struct store_mail_effect *f,
	    struct append *ap, struct err *e)
{
	struct mail_letter l;
	struct store_mail_body *b;

	if (mail_body(st, f->item, &b, e) < 0)
		return -1;
	if (b == NULL)
		return err_set(e, ERR_NOTFOUND, "mail",
			       "the message's text is not here any more");
	if (mail_letter(st->work, &st->login, f, b->bytes, true, &l, e) == 0)
		ap->bytes = l.bytes;
	else if (slice_ends(f->id, "-sent"))
		return -1;
	else
		ap->bytes = mail_crlf(st->work, b->bytes);
	return ap->bytes.p == NULL ? mail_no_memory(e) : 0;
}

static int
append_place(struct mail_step *st, struct store_tx *tx,
	     const struct store_mail_effect *f, const struct append *ap,
	     struct err *e)
{
	struct store_mail_place p = { .collection = f->collection,
				      .uid = ap->uid,
				      .item = f->item,
				      .flags = mail_flags_of(ap->flags),
				      .size = (int64_t)ap->bytes.n };
	struct store_mail_folder *fo;
	struct store_item *it;
	size_t n;

	if (tx->v->item_get(tx, st->work, &f->item, 1, false, &it, &n, e) < 0)
		return -1;
	/* Sent: its item in the outbox has had its time, and its bytes. */
	if (n == 0 || it->deleted)
		return tx->v->mail->body_drop(tx, &f->item, 1, e);
	if (ap->uid == 0 || ap->folder == SIZE_MAX ||
	    it->collection != f->collection)
		return 0;
	fo = &st->folder[ap->folder];
	/* One that was not looked at yet, or was not there. */
	if (fo->uidvalidity == 0) {
		fo->uidvalidity = st->state.uidvalidity;
		if (tx->v->mail->folder_put(tx, fo, 1, e) < 0)
			return -1;
	}
	return fo->uidvalidity == st->state.uidvalidity
		   ? tx->v->mail->place_put(tx, &p, 1, e)
		   : 0;
}

static int
do_append(struct mail_step *st, struct store_mail_effect *f, struct err *e)
{
	struct append ap = { .uid = 0 };
	struct store_tx *tx;
	uint32_t *found;
	size_t n;

	if (append_where(st, f, &ap, e) < 0 ||
	    mbox_search_id(st->box, st->work, f->message_id, &found, &n, e) < 0)
		return -1;
	if (n > 0)
		ap.uid = found[0];
	else if (append_what(st, f, &ap, e) < 0 ||
		 mbox_append(st->box, ap.name, ap.flags, ap.bytes, &ap.uid, e) <
		     0)
		return -1;
	if (mail_begin(st, STORE_WRITE, &tx, e) < 0)
		return -1;
	return mail_end(&tx, append_place(st, tx, f, &ap, e), e);
}

/* ---- all of them --------------------------------------------------------- */

static int
do_one(struct mail_step *st, struct store_mail_effect *f, struct err *e)
{
	switch (f->what) {
	case STORE_EFFECT_FLAGS:
		return do_flags(st, f, e);
	case STORE_EFFECT_MOVE:
		return do_move(st, f, e);
	case STORE_EFFECT_DELETE:
		return do_delete(st, f, e);
	case STORE_EFFECT_APPEND:
		return do_append(st, f, e);
	case STORE_EFFECT_FETCH:
		return do_fetch(st, f, e);
	case STORE_EFFECT_SEND:
		break;
	}
	return mail_send(st, f, e);
}

static int
carry_out(struct mail_step *st, struct store_mail_effect *f, struct err *e)
{
	struct err own = { .code = ERR_NONE };
	char why[sizeof(own.msg)];

	if (do_one(st, f, &own) == 0) {
		/* A message that is sent settles its row by itself. */
		return f->what == STORE_EFFECT_SEND
			   ? 0
			   : settle(st, f, STORE_EFFECT_DONE, INT64_MAX, "", e);
	}
	if (mbox_dead(st->box) || own.code == ERR_UNAVAILABLE ||
	    own.code == ERR_NOMEM) {
		if (e != NULL)
			*e = own;
		return -1;
	}
	(void)snprintf(why, sizeof(why), "%s", own.msg);
	return mail_retry(st, f, why, e);
}

static int
round_of(struct mail_step *st, size_t *done, struct err *e)
{
	struct store_mail_effect *f;
	struct store_tx *tx;
	size_t n;

	*done = 0;
	if (mail_begin(st, STORE_READ, &tx, e) < 0 ||
	    mail_end(&tx,
		     tx->v->mail->effect_due(tx, st->a, mail_now(st),
					     EFFECTS_PAGE, &f, &n, e),
		     e) < 0)
		return -1;
	for (size_t i = 0; i < n && !mail_stopping(st); i++) {
		arena_reset(st->work);
		if (carry_out(st, &f[i], e) < 0)
			return -1;
		(*done)++;
	}
	return 0;
}

int
mail_effects(struct mail_step *st, struct err *e)
{
	size_t done = 1;

	/* What was sent has to be filed: once more. */
	for (int i = 0; i < ROUNDS && done > 0; i++) {
		if (round_of(st, &done, e) < 0)
			return -1;
	}
	return 0;
}
