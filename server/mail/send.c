/*
 * Sending once. What is about to leave is marked so in the database when the
 * server asks for its bytes, not before; a row that is still marked after a
 * restart may have left. Then the folder of sent mail is asked, and what
 * cannot be shown is said, and not tried again.
 */
#include "server/mail/inside.h"

#include <stdio.h>

static const char in_doubt[] =
    "the line broke while it was sent: whether it arrived is not known. It is "
    "not sent again by itself";

struct sending {
	struct mail_step *st;
	struct store_mail_effect *f;
	size_t recipients;
	bool asked, over; /* over: today's share is used up */
	bool taken;       /* the row says otherwise than when we read it */
	int64_t free_ms;  /* when there is room again */
	struct err e;
};

/* ---- how much an account sends ------------------------------------------- */

static const char count_key[] = "mail.sent";

struct count {
	int64_t since_ms, messages, recipients;
};

static int
read_count(struct store_tx *tx, struct arena *a, struct count *out,
	   struct err *e)
{
	struct store_setting *s;
	struct slice rest, w[3];
	size_t n;

	*out = (struct count){ .since_ms = tx->now_ms };
	if (tx->v->alarm->setting_list(tx, a, &s, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct count c;

		rest = s[i].value;
		if (!slice_is(s[i].key, count_key) ||
		    !slice_word(&rest, " ", &w[0]) ||
		    !slice_word(&rest, " ", &w[1]) ||
		    !slice_word(&rest, " ", &w[2]) ||
		    !slice_i64(w[0], &c.since_ms) ||
		    !slice_i64(w[1], &c.messages) ||
		    !slice_i64(w[2], &c.recipients))
			continue;
		if (tx->now_ms - c.since_ms < MAIL_DAY_MS)
			*out = c;
	}
	return 0;
}

static int
begin_in(struct sending *s, struct store_tx *tx)
{
	const struct srv_conf *conf = s->st->env->conf;
	struct store_mail_effect *now;
	struct count c;
	char text[80];
	size_t n;

	/* Another node may have taken it over, or a device taken it back. */
	if (tx->v->mail->effect_get(tx, s->st->work, &s->f->id, 1, &now, &n,
				    &s->e) < 0)
		return -1;
	if (n == 0 || now->state != STORE_EFFECT_QUEUED) {
		s->taken = true;
		return err_set(&s->e, ERR_CONFLICT, "mail.send",
			       "somebody else has it now");
	}
	if (read_count(tx, s->st->work, &c, &s->e) < 0)
		return -1;
	c.messages++;
	c.recipients += (int64_t)s->recipients;
	if (c.messages > conf->mail_day_messages ||
	    c.recipients > conf->mail_day_recipients) {
		s->over = true;
		s->free_ms = c.since_ms + MAIL_DAY_MS;
		return err_set(&s->e, ERR_LIMIT, "mail.send",
			       "the account has sent its share of today");
	}
	(void)snprintf(text, sizeof(text), "%lld %lld %lld",
		       (long long)c.since_ms, (long long)c.messages,
		       (long long)c.recipients);
	if (tx->v->alarm->setting_put(tx, slice_c(count_key), slice_c(text),
				      &s->e) < 0)
		return -1;
	return mail_settle(tx, s->f, STORE_EFFECT_DOING, tx->now_ms, "", &s->e);
}

/* The server wants the bytes: now it becomes serious. */
static bool
ready(void *ctx)
{
	struct sending *s = ctx;
	struct store_tx *tx;

	s->asked = true;
	return mail_begin(s->st, STORE_WRITE, &tx, &s->e) == 0 &&
	       mail_end(&tx, begin_in(s, tx), &s->e) == 0;
}

/* ---- how it ended -------------------------------------------------------- */

/* It is sent: to be filed, and out of the device's outbox. */
static int
sent_in(struct mail_step *st, struct store_tx *tx, struct store_mail_effect *f,
	bool file, struct err *e)
{
	struct store_mail_effect more = {
		.id = arena_printf(st->work, "%.*s-sent", SLICE_ARG(f->id)),
		.what = STORE_EFFECT_APPEND,
		.item = f->item,
		.message_id = f->message_id,
		.device = f->device,
		.state = STORE_EFFECT_QUEUED,
		.next_ms = tx->now_ms,
	};
	struct store_item *it;
	struct store_write w;
	size_t n;

	for (size_t i = 0; i < st->folder_n; i++) {
		if (st->folder[i].role == STORE_MAIL_SENT)
			more.collection = st->folder[i].collection;
	}
	if (more.id.p == NULL)
		return mail_no_memory(e);
	if (mail_settle(tx, f, STORE_EFFECT_DONE, INT64_MAX, "", e) < 0 ||
	    (file && tx->v->mail->effect_add(tx, &more, 1, e) < 0) ||
	    tx->v->item_get(tx, st->work, &f->item, 1, false, &it, &n, e) < 0)
		return -1;
	if (n == 0 || it->deleted || it->collection != f->collection)
		return 0;
	w = (struct store_write){
		.item = it->id,
		.deleted = true,
		.collection = it->collection,
		.kind = it->kind,
		.revision = it->last_revision + 1,
		.origin = STORE_BY_MAILBOX,
		.old_size = it->size,
	};
	return tx->v->item_put(tx, &w, 1, e);
}

static int
sent(struct mail_step *st, struct store_mail_effect *f, bool file,
     struct err *e)
{
	struct store_tx *tx;

	if (mail_begin(st, STORE_WRITE, &tx, e) < 0)
		return -1;
	return mail_end(&tx, sent_in(st, tx, f, file, e), e);
}

static int
ended(struct mail_step *st, struct store_mail_effect *f,
      enum store_effect_state state, int64_t next_ms, const char *why,
      struct err *e)
{
	struct store_tx *tx;

	log_line(st->env->log, LOG_LVL_WARN,
		 "event=mail account=%lld send=%.*s: %s",
		 (long long)st->account, SLICE_ARG(f->id), why);
	if (mail_begin(st, STORE_WRITE, &tx, e) < 0)
		return -1;
	return mail_end(&tx, mail_settle(tx, f, state, next_ms, why, e), e);
}

/* A process before us was about to send it, or did. */
static int
look_up(struct mail_step *st, struct store_mail_effect *f, struct err *e)
{
	struct slice name;
	uint32_t *uid;
	size_t n = 0;

	if (mail_role_folder(st, STORE_MAIL_SENT, &name, e) < 0)
		return -1;
	st->open = SIZE_MAX;
	if (mbox_select(st->box, name, true, &st->state, e) < 0 ||
	    mbox_search_id(st->box, st->work, f->message_id, &uid, &n, e) < 0)
		return -1;
	if (n > 0)
		return sent(st, f, false, e);
	return ended(st, f, STORE_EFFECT_FAILED, INT64_MAX, in_doubt, e);
}

/* ---- one message --------------------------------------------------------- */

static int
judge(struct sending *s, enum submit_end end, const char *why, struct err *e)
{
	struct mail_step *st = s->st;

	if (end == SUBMIT_SENT)
		return sent(st, s->f, true, e);
	if (end == SUBMIT_REFUSED)
		return ended(st, s->f, STORE_EFFECT_FAILED, INT64_MAX, why, e);
	if (end == SUBMIT_DOUBT)
		return ended(st, s->f, STORE_EFFECT_FAILED, INT64_MAX, in_doubt,
			     e);
	if (s->taken)
		return 0;
	if (s->over)
		return ended(st, s->f, STORE_EFFECT_QUEUED, s->free_ms,
			     s->e.msg, e);
	return mail_retry(st, s->f, why, e);
}

int
mail_send(struct mail_step *st, struct store_mail_effect *f, struct err *e)
{
	const char *archive = st->env->conf->mail_archive;
	struct sending s = { .st = st, .f = f };
	struct submission in = { .ready = ready, .ctx = &s };
	struct err own = { .code = ERR_NONE };
	char why[SUBMIT_WHY_BYTES] = "";
	struct store_mail_body *b;
	struct mail_letter l;

	if (f->state == STORE_EFFECT_DOING)
		return look_up(st, f, e);
	if (mail_body(st, f->item, &b, e) < 0)
		return -1;
	if (b == NULL)
		return ended(st, f, STORE_EFFECT_FAILED, INT64_MAX,
			     "its text is not here", e);
	if (mail_letter(st->work, &st->login, f, b->bytes, false, &l, &own) < 0)
		return own.code == ERR_PARSE
			   ? ended(st, f, STORE_EFFECT_FAILED, INT64_MAX,
				   own.msg, e)
			   : err_set(e, own.code, "mail.send", "%s", own.msg);
	if (*st->submitter == NULL &&
	    (st->env->submitter == NULL ||
	     st->env->submitter(st->env->conf, st->stop, st->stop_ctx,
				st->submitter, &own) < 0))
		return mail_retry(
		    st, f,
		    own.msg[0] != '\0' ? own.msg : "no server takes mail", e);
	s.recipients = l.to_n;
	if (archive[0] != '\0')
		l.to[l.to_n++] = archive;
	in.from = l.from;
	in.to = l.to;
	in.to_n = l.to_n;
	in.bytes = l.bytes;
	return judge(&s, submit(*st->submitter, &in, why), why, e);
}
