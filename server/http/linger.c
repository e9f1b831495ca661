/*
 * Connections that were answered before their request had come in whole. Closed
 * at once, the kernel would answer the rest of the request with a reset, and a
 * reset takes the answer away from a client, or a proxy, that has not read it
 * yet. So a copy of the descriptor stays for some seconds, and what still comes
 * is thrown away.
 */
#include "server/http/front_int.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum {
	LINGER_MS = 5000,
	/* Thrown away of one connection at each look. */
	LINGER_BYTES = 1 << 20,
};

void
srv_linger_add(struct srv_front *f, int fd)
{
	struct srv_linger *l = &f->linger;
	int copy;

	if (l->n == SRV_LINGER_MAX)
		return; /* a reset, then */
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return;
	(void)shutdown(copy, SHUT_WR);
	l->fd[l->n] = copy;
	l->until_ms[l->n] = clk_mono_ms() + LINGER_MS;
	l->n++;
}

/* Throw away what came; has its end come too? */
static bool
drained(int fd)
{
	size_t left = LINGER_BYTES;

	while (left > 0) {
		/* TCP throws away what has no place to go to. */
		ssize_t n = recv(fd, NULL, left, MSG_TRUNC | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno != EAGAIN;
		if (n == 0)
			return true;
		left -= (size_t)n < left ? (size_t)n : left;
	}
	return false;
}

void
srv_linger_look(struct srv_front *f, int64_t now)
{
	struct srv_linger *l = &f->linger;

	for (size_t i = l->n; i-- > 0;) {
		if (!drained(l->fd[i]) && now < l->until_ms[i])
			continue;
		(void)close(l->fd[i]);
		l->n--;
		l->fd[i] = l->fd[l->n];
		l->until_ms[i] = l->until_ms[l->n];
	}
}
