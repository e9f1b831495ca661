/* One look at one mailbox, from the queue to the line that waits for news. */
#include "server/mail/loop.h"

#include <stdio.h>

struct look { /* what a worker has for itself */
	struct srv_mail *m;
	struct arena *a, *work;
	struct submitter *submitter;
};

struct outcome {
	bool ok, waits; /* waits: its line tells of news */
	bool none;      /* there is nothing to look at */
	int64_t pause_ms;
};

static bool
stopping(void *ctx)
{
	struct srv_mail *m = ctx;

	return atomic_load(&m->stop);
}

static int64_t
doubled(int64_t first, int64_t times, int64_t max)
{
	int64_t ms = first;

	while (times-- > 0 && ms < max)
		ms *= 2;
	return ms < max ? ms : max;
}

/* ---- what is written down ------------------------------------------------ */

static int
note_in(struct mail_step *st, struct store_tx *tx, const struct err *why,
	struct outcome *out, struct err *e)
{
	struct store_mail_login *l;
	bool news;

	if (tx->v->mail->login_get(tx, st->a, &l, e) < 0)
		return -1;
	/* Somebody set something while we looked: that look is to come. */
	if (l == NULL ||
	    (l->health == STORE_MAIL_NEW &&
	     (st->health != STORE_MAIL_NEW || l->next_ms != st->next_ms)))
		return 0;
	if (why->code == ERR_NONE) {
		news = l->health != STORE_MAIL_OK;
		l->health = STORE_MAIL_OK;
		l->fails = 0;
		l->why = SLICE_LIT("");
		l->last_ms = tx->now_ms;
	} else {
		bool refused = why->code == ERR_AUTH;

		news =
		    l->health == STORE_MAIL_OK || l->health == STORE_MAIL_NEW;
		out->pause_ms =
		    refused ? doubled(LOOP_REFUSED_MS, l->fails,
				      LOOP_REFUSED_MAX_MS)
			    : doubled(LOOP_AWAY_MS, l->fails, LOOP_AWAY_MAX_MS);
		l->health = refused ? STORE_MAIL_REFUSED : STORE_MAIL_AWAY;
		l->fails++;
		l->why = slice_c(why->msg);
	}
	l->next_ms = tx->now_ms + out->pause_ms;
	if (news)
		log_line(st->env->log,
			 why->code == ERR_NONE ? LOG_LVL_INFO : LOG_LVL_WARN,
			 "event=mail account=%lld state=%s%s%s",
			 (long long)st->account,
			 srv_mail_health_name(l->health),
			 why->code == ERR_NONE ? "" : ": ", why->msg);
	return tx->v->mail->login_put(tx, l, e);
}

static void
note(struct mail_step *st, const struct err *why, struct outcome *out)
{
	struct err e = { .code = ERR_NONE };
	struct store_tx *tx;

	if (mail_begin(st, STORE_WRITE, &tx, &e) < 0 ||
	    mail_end(&tx, note_in(st, tx, why, out, &e), &e) < 0)
		log_line(st->env->log, LOG_LVL_WARN,
			 "event=mail account=%lld where=%s: %s",
			 (long long)st->account, e.where, e.msg);
}

/* ---- one look ------------------------------------------------------------ */

static size_t
inbox(const struct mail_step *st)
{
	for (size_t i = 0; i < st->folder_n; i++) {
		if (st->folder[i].role == STORE_MAIL_INBOX)
			return i;
	}
	return SIZE_MAX;
}

/* At its end INBOX is open and was looked at since: the line tells of all that
   comes from then on. */
static int
look(struct mail_step *st, struct err *e)
{
	size_t in = inbox(st);

	st->has_list = false;
	if (mail_step_run(st, e) < 0)
		return -1;
	if (in == SIZE_MAX || (st->open == in && st->scanned))
		return 0;
	return mail_step_folder(st, in, e);
}

static int
connect_box(struct look *lk, struct watch *w, struct mail_step *st,
	    struct err *e)
{
	const struct srv_mail_wait wait = { .wake = lk->m->stop_fd,
					    .give_up = stopping,
					    .ctx = lk->m };

	if (w->box != NULL)
		return 0;
	if (srv_mail_connect(&lk->m->env, lk->a, &st->login, &wait, &w->box,
			     e) < 0)
		return -1;
	atomic_fetch_add(&lk->m->lines, 1);
	return 0;
}

/* The folders that are not open, as they stood when we looked. *all false: one
   of them is not there yet. */
static size_t
others(const struct mail_step *st, struct mbox_known *out, bool *all)
{
	size_t n = 0;

	*all = true;
	for (size_t i = 0; i < st->folder_n; i++) {
		const struct store_mail_folder *f = &st->folder[i];

		if (i == st->open || f->role == STORE_MAIL_OUTBOX)
			continue;
		if (f->uidvalidity == 0)
			*all = false;
		else
			out[n++] = (struct mbox_known){
				.name = f->name,
				.uidnext = (uint32_t)f->uidnext,
				.modseq = f->highestmodseq,
			};
	}
	return n;
}

/* A server that always has news, true or not, would have us look for ever. */
static bool
talks_always(struct watch *w)
{
	if (w->in_a_row < LOOP_BUSY)
		return false;
	w->in_a_row = 0;
	return true;
}

/* Its line stays, where it can tell of news and there is room for it. */
static void
go_idle(struct look *lk, struct watch *w, const struct mail_step *st,
	struct outcome *out)
{
	size_t max = (size_t)lk->m->env.conf->imap_lines;
	struct mbox_known other[MAIL_FOLDERS];
	bool news = false, all;
	size_t n = others(st, other, &all);

	if ((mbox_caps(w->box) & MBOX_CAN_IDLE) == 0 ||
	    atomic_load(&lk->m->lines) > max || talks_always(w) ||
	    mbox_idle(w->box, st->a, other, n, NULL) < 0 ||
	    mbox_news(w->box, &news, NULL) < 0)
		return;
	out->waits = true;
	(void)pthread_mutex_lock(&lk->m->lock);
	w->look |= news;
	(void)pthread_mutex_unlock(&lk->m->lock);
	w->in_a_row += news;
	for (size_t i = 0; i < n; i++)
		all &= other[i].told;
	/* What it does not tell of is looked at. */
	if (all || out->pause_ms > SRV_MAIL_IDLE_MS)
		out->pause_ms = SRV_MAIL_IDLE_MS;
}

static void
look_at(struct look *lk, struct watch *w, struct outcome *out)
{
	struct srv_mail *m = lk->m;
	struct mail_step st = { .env = &m->env,
				.stop = stopping,
				.stop_ctx = m,
				.submitter = &lk->submitter,
				.account = w->account,
				.a = lk->a,
				.work = lk->work };
	struct err why = { .code = ERR_NONE };
	bool wanted = false;

	arena_reset(lk->a);
	out->pause_ms = m->env.conf->imap_poll_s * 1000;
	if (mail_step_read(&st, &wanted, &why) == 0 && wanted &&
	    connect_box(lk, w, &st, &why) == 0) {
		st.box = w->box;
		if (look(&st, &why) == 0)
			out->ok = true;
	}
	out->none =
	    why.code == ERR_NOTFOUND || (!wanted && why.code == ERR_NONE);
	if (out->ok)
		go_idle(lk, w, &st, out);
	/* Being stopped is nobody's fault. */
	if (!out->none && !atomic_load(&m->stop))
		note(&st, &why, out);
}

/* Was it only a sign of life? */
static bool
only_alive(struct srv_mail *m, struct watch *w)
{
	bool news = false;

	if (w->box == NULL)
		return false;
	if (mbox_news(w->box, &news, NULL) < 0) {
		watch_close(m, w);
		return false;
	}
	return !news;
}

static void
work_on(struct look *lk, struct watch *w, bool wanted, struct outcome *out)
{
	bool news;

	if (!wanted && only_alive(lk->m, w)) {
		out->ok = out->waits = true;
		return;
	}
	if (!wanted)
		w->in_a_row = clk_mono_ms() - w->looked_mono < LOOP_SOON_MS
				  ? w->in_a_row + 1
				  : 0;
	if (w->box != NULL && mbox_idle_end(w->box, &news, NULL) < 0)
		watch_close(lk->m, w);
	look_at(lk, w, out);
	if (!out->waits)
		watch_close(lk->m, w);
}

/* ---- the thread ---------------------------------------------------------- */

static struct watch *
take(struct srv_mail *m, bool *look)
{
	struct watch *w = NULL;

	(void)pthread_mutex_lock(&m->lock);
	while (m->first == NULL && !atomic_load(&m->stop))
		(void)pthread_cond_wait(&m->work, &m->lock);
	if (!atomic_load(&m->stop)) {
		w = m->first;
		m->first = w->next;
		if (m->first == NULL)
			m->end = &m->first;
		w->queued = false;
		w->busy = true;
		*look = w->look;
		w->look = false;
	}
	(void)pthread_mutex_unlock(&m->lock);
	return w;
}

static void
give_back(struct srv_mail *m, struct watch *w, const struct outcome *out)
{
	int64_t now = clk_mono_ms(), account = w->account;
	struct srv_later *over = NULL;

	(void)pthread_mutex_lock(&m->lock);
	w->busy = false;
	w->away = !out->ok;
	if (out->pause_ms > 0) {
		w->looked_mono = now;
		w->due_mono = now + out->pause_ms;
		w->hold_mono = out->ok ? INT64_MIN : w->due_mono;
	}
	if (out->none) {
		w->due_mono = INT64_MAX;
		w->lost = true;
	}
	if (w->lost)
		watch_close(m, w);
	else if (w->box != NULL)
		watch_arm(m, w);
	/* Poked while it was worked on. */
	if (w->look && !w->lost)
		watch_queue(m, w, true);
	if (!w->queued)
		hold_take(m, account, &over);
	(void)pthread_mutex_unlock(&m->lock);
	hold_go(over);
	mail_wake(m);
}

void *
mail_worker(void *arg)
{
	struct look lk = { .m = arg,
			   .a = arena_new(MAIL_ARENA),
			   .work = arena_new(MAIL_WORK_ARENA) };
	struct watch *w;
	bool wanted;

	while (lk.a != NULL && lk.work != NULL &&
	       (w = take(lk.m, &wanted)) != NULL) {
		struct outcome out = { .ok = false };

		work_on(&lk, w, wanted, &out);
		give_back(lk.m, w, &out);
	}
	submit_close(&lk.submitter);
	arena_free(&lk.a);
	arena_free(&lk.work);
	return NULL;
}
