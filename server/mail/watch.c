/* The mailboxes that this node looks after. */
#include "server/mail/loop.h"

#include <stdlib.h>
#include <sys/epoll.h>

/* Where it is, or would be. */
static size_t
place(const struct srv_mail *m, int64_t account)
{
	size_t low = 0, high = m->w_n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (m->w[mid]->account < account)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct watch *
watch_find(struct srv_mail *m, int64_t account)
{
	size_t at = place(m, account);

	return at < m->w_n && m->w[at]->account == account ? m->w[at] : NULL;
}

struct watch *
watch_add(struct srv_mail *m, int64_t account)
{
	size_t at = place(m, account);
	struct watch *w;

	if (m->w_n == m->w_cap) {
		size_t cap = m->w_cap == 0 ? 64 : m->w_cap * 2;
		struct watch **to =
		    reallocarray(m->w, cap, sizeof(struct watch *));

		if (to == NULL)
			return NULL;
		m->w = to;
		m->w_cap = cap;
	}
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return NULL;
	w->account = account;
	w->hold_mono = INT64_MIN;
	memmove(m->w + at + 1, m->w + at,
		(m->w_n - at) * sizeof(struct watch *));
	m->w[at] = w;
	m->w_n++;
	return w;
}

void
watch_queue(struct srv_mail *m, struct watch *w, bool look)
{
	w->look |= look;
	if (w->queued || w->busy)
		return;
	w->queued = true;
	w->next = NULL;
	*m->end = w;
	m->end = &w->next;
	(void)pthread_cond_signal(&m->work);
}

void
watch_close(struct srv_mail *m, struct watch *w)
{
	if (w->box == NULL)
		return;
	mbox_close(&w->box);
	atomic_fetch_sub(&m->lines, 1);
}

void
watch_lose(struct srv_mail *m, struct watch *w)
{
	w->lost = true;
	if (!w->busy && !w->queued)
		watch_close(m, w);
}

void
watch_sweep(struct srv_mail *m)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->w_n; i++) {
		struct watch *w = m->w[i];

		if (w->lost && !w->busy && !w->queued) {
			watch_close(m, w);
			free(w);
		} else {
			m->w[kept++] = w;
		}
	}
	m->w_n = kept;
}

void
watch_arm(struct srv_mail *m, struct watch *w)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT,
				  .data.u64 = (uint64_t)w->account };
	int fd = mbox_fd(w->box);

	if (epoll_ctl(m->poll_fd, EPOLL_CTL_MOD, fd, &ev) < 0 &&
	    epoll_ctl(m->poll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
		watch_close(m, w);
}
