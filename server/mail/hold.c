/*
 * Answers to devices that asked for mail, held until the mailbox was looked
 * at. No thread waits with them, and what they answer is committed.
 */
#include "server/mail/loop.h"

void
hold_take(struct srv_mail *m, int64_t account, struct srv_later **out)
{
	int64_t now = clk_mono_ms();

	for (struct srv_later **at = &m->held; *at != NULL;) {
		struct srv_later *l = *at;

		if (account != 0 ? l->account != account
				 : l->until_mono > now) {
			at = &l->next;
			continue;
		}
		*at = l->next;
		l->next = *out;
		*out = l;
	}
}

int64_t
hold_next(const struct srv_mail *m)
{
	int64_t next = INT64_MAX;

	for (const struct srv_later *l = m->held; l != NULL; l = l->next) {
		if (l->until_mono < next)
			next = l->until_mono;
	}
	return next;
}

void
hold_go(struct srv_later *list)
{
	while (list != NULL) {
		struct srv_later *l = list;

		list = l->next;
		l->go(l);
	}
}

bool
srv_mail_hold(struct srv_mail *m, int64_t account, struct srv_later *later)
{
	int64_t wait = m->env.conf->mail_wait_s * 1000;
	const struct watch *w;
	bool held;

	(void)pthread_mutex_lock(&m->lock);
	w = watch_find(m, account);
	held = wait > 0 && w != NULL && !w->lost && !w->away &&
	       (w->queued || w->busy) && !atomic_load(&m->stop);
	if (held) {
		later->account = account;
		later->until_mono = clk_mono_ms() + wait;
		later->next = m->held;
		m->held = later;
	}
	(void)pthread_mutex_unlock(&m->lock);
	/* The loop has to know when this one's time comes. */
	if (held)
		mail_wake(m);
	return held;
}
