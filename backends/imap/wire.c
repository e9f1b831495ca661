/* Bytes from and to the server, bounded in number and in time. */
#include "backends/imap/int.h"

#include "base/clock.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int
imap_fail(struct mbox *m, enum err_code code, const char *fmt, ...)
{
	char why[200];
	va_list ap;

	if (m->is_dead)
		return -1;
	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	m->is_dead = true;
	return err_set(&m->err, code, "imap", "%s", why);
}

struct tls_wait
imap_wait(const struct mbox *m)
{
	return (struct tls_wait){ .until_ms = m->until_ms,
				  .wake = m->conf.wake,
				  .give_up = m->conf.give_up,
				  .ctx = m->conf.ctx };
}

static int
await(struct mbox *m, short events)
{
	struct tls_wait w = imap_wait(m);
	struct err e = { .code = ERR_NONE };

	if (tls_line_await(&m->l, events, &w, &e) == 0)
		return 0;
	return imap_fail(m, e.code, "%s", e.msg);
}

int
imap_talk(struct mbox *m)
{
	if (m->t == NULL)
		m->t = calloc(1, sizeof(*m->t));
	return m->t != NULL ? 0 : imap_fail(m, ERR_NOMEM, "out of memory");
}

/* ---- out ----------------------------------------------------------------- */

int
imap_flush(struct mbox *m)
{
	size_t done = 0;

	while (!m->is_dead && done < m->t->out_n) {
		struct slice s = { m->t->out + done, m->t->out_n - done };
		size_t n = 0;
		enum tls_io io = tls_line_write(&m->l, s, &n);

		done += n;
		m->until_ms += (int64_t)n / IMAP_RATE_MIN;
		if (io == TLS_IO_AGAIN)
			(void)await(m, POLLOUT);
		else if (io != TLS_IO_DONE)
			(void)imap_fail(m, ERR_UNAVAILABLE,
					"the connection broke");
	}
	m->t->out_n = 0;
	return m->is_dead ? -1 : 0;
}

int
imap_put(struct mbox *m, struct slice s)
{
	while (!m->is_dead && s.n > 0) {
		size_t room = IMAP_OUT_BYTES - m->t->out_n;
		size_t n = s.n < room ? s.n : room;

		memcpy(m->t->out + m->t->out_n, s.p, n);
		m->t->out_n += n;
		s = slice_from(s, n);
		if (m->t->out_n == IMAP_OUT_BYTES)
			(void)imap_flush(m);
	}
	return m->is_dead ? -1 : 0;
}

/* ---- in ------------------------------------------------------------------ */

int
imap_poll(struct mbox *m, size_t *n)
{
	struct imap_talk *t = m->t;
	enum tls_io io;

	*n = 0;
	if (m->is_dead)
		return -1;
	io = tls_line_read(&m->l, t->in, sizeof(t->in), n);
	if (io == TLS_IO_AGAIN)
		return 0;
	if (io != TLS_IO_DONE)
		return imap_fail(m, ERR_UNAVAILABLE,
				 m->said_bye ? "the server said goodbye"
					     : "the server hung up");
	t->at = 0;
	t->in_n = *n;
	m->left -= (int64_t)*n;
	m->until_ms += (int64_t)*n / IMAP_RATE_MIN;
	if (m->left < 0)
		return imap_fail(m, ERR_LIMIT,
				 "the server sends more than was asked for");
	return 0;
}

static int
fill(struct mbox *m)
{
	size_t n = 0;

	while (imap_poll(m, &n) == 0 && n == 0) {
		if (await(m, m->l.want_write ? POLLOUT : POLLIN) < 0)
			return -1;
	}
	return m->is_dead ? -1 : 0;
}

bool
imap_buffered(const struct mbox *m)
{
	return m->t != NULL && m->t->at < m->t->in_n;
}

int
imap_peek(struct mbox *m)
{
	if (m->is_dead || (!imap_buffered(m) && fill(m) < 0))
		return -1;
	return (unsigned char)m->t->in[m->t->at];
}

int
imap_next(struct mbox *m)
{
	int c = imap_peek(m);

	if (c >= 0)
		m->t->at++;
	return c;
}

int
imap_bytes(struct mbox *m, char *to, size_t n)
{
	while (n > 0) {
		size_t there;

		if (imap_peek(m) < 0)
			return -1;
		there = m->t->in_n - m->t->at;
		if (there > n)
			there = n;
		if (to != NULL) {
			memcpy(to, m->t->in + m->t->at, there);
			to += there;
		}
		m->t->at += there;
		n -= there;
	}
	return 0;
}
