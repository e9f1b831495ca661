/* Waiting for news (RFC 2177; RFC 5465 for folders that are not open), with as
   little memory as can be. */
#include "backends/imap/int.h"

#include "base/clock.h"

#include <stdlib.h>

/* Nothing half read may be lost with the buffers. */
static void
let_go(struct mbox *m)
{
	if (m->t == NULL || imap_buffered(m) || m->t->out_n > 0)
		return;
	free(m->t);
	m->t = NULL;
}

#define EVENTS "(MessageNew MessageExpunge FlagChange)"

/* Dovecot 2.3 does not decode names here: it is told both. */
static int
say_name(struct mbox *m, struct slice name)
{
	bool plain = true, text = true;
	int rc = imap_folder_arg(m, name);

	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];

		plain &= c < 0x80;
		text &= c >= ' ' && c != 0x7f;
	}
	if (rc != 0 || plain || !text)
		return rc;
	(void)imap_say(m, " ");
	return imap_literal(m, name);
}

/* STATUS: it tells first how all of them stand, so that nothing is missed
   between our look and now, and we know which ones it watches. */
static int
notify(struct mbox *m, struct arena *a, struct mbox_known *other, size_t n)
{
	struct imap_ask q = { .a = a, .known = other, .known_n = n };
	int rc = imap_begin(m, &q, 0);

	(void)imap_say(m,
		       "NOTIFY SET STATUS (selected " EVENTS ") (mailboxes (");
	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (i > 0)
			(void)imap_say(m, " ");
		rc = say_name(m, other[i].name);
	}
	(void)imap_say(m, ") " EVENTS ")");
	if (rc == 0)
		rc = imap_end(m);
	m->notifies = rc == 0 && q.status == IMAP_OK;
	for (size_t i = 0; i < n; i++)
		other[i].told &= m->notifies;
	return rc < 0 ? -1 : 0;
}

int
mbox_idle(struct mbox *m, struct arena *a, struct mbox_known *other, size_t n,
	  struct err *e)
{
	struct imap_ask q = { .a = NULL };
	int rc = 0;

	for (size_t i = 0; i < n; i++)
		other[i].told = false;
	if (n > 0 && (m->caps & MBOX_CAN_NOTIFY) != 0)
		rc = notify(m, a, other, n);
	if (rc == 0)
		rc = imap_begin(m, &q, 0);
	if (rc == 0)
		rc = imap_say(m, "IDLE\r\n");
	if (rc == 0)
		rc = imap_until_plus(m);
	m->ask = NULL;
	if (rc < 0)
		return imap_died(m, e);
	if (rc == 1)
		return imap_refused(&q, ERR_UNSUPPORTED, "IDLE", e);
	m->idling = true;
	let_go(m);
	return 0;
}

int
mbox_fd(const struct mbox *m)
{
	return m->l.fd;
}

int
mbox_news(struct mbox *m, bool *news, struct err *e)
{
	enum imap_got got;
	size_t n;

	/* Each look has its own share of bytes, and a line that has begun
	   some seconds to end. */
	m->left = IMAP_SMALL_TALK;
	m->until_ms = clk_mono_ms() + 5000;
	if (imap_talk(m) < 0)
		return imap_died(m, e);
	for (;;) {
		if (!imap_buffered(m) && (imap_poll(m, &n) < 0 || n == 0))
			break;
		if (imap_answer(m, &got) < 0)
			break;
		/* The server ends an IDLE that nobody ended. */
		if (got == IMAP_GOT_DONE)
			(void)imap_fail(m, ERR_UNAVAILABLE,
					"the server does not wait any more");
	}
	if (m->is_dead)
		return imap_died(m, e);
	let_go(m);
	*news = m->news;
	m->news = false;
	return 0;
}

int
mbox_idle_end(struct mbox *m, bool *news, struct err *e)
{
	struct imap_ask q = { .a = NULL };
	int rc;

	*news = false;
	if (!m->idling)
		return 0;
	m->idling = false;
	if (imap_hears(m, &q, 0) < 0)
		return imap_died(m, e);
	(void)imap_say(m, "DONE");
	rc = imap_end(m);
	/* Commands are not to be disturbed by what other folders do. */
	if (rc == 0 && m->notifies)
		rc = imap_command(m, &q, "NOTIFY NONE");
	m->notifies = false;
	*news = m->news;
	m->news = false;
	return rc < 0 ? imap_died(m, e) : 0;
}

int
mbox_noop(struct mbox *m, bool *news, struct err *e)
{
	struct imap_ask q = { .a = NULL };
	int rc = imap_command(m, &q, "NOOP");

	*news = m->news;
	m->news = false;
	return imap_ended(m, rc, &q, ERR_UNAVAILABLE, "NOOP", e);
}
