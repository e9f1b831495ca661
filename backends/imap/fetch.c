/* What the server says of one message: * n FETCH (...) */
#include "backends/imap/int.h"

#include <stdio.h>

static int
modseq(struct mbox *m, struct mbox_msg *msg)
{
	if (imap_expect(m, '(') < 0 || imap_number(m, &msg->modseq) < 0)
		return -1;
	return imap_expect(m, ')');
}

static int
item(struct mbox *m, const char *word, struct mbox_msg *msg)
{
	struct imap_ask *q = m->ask;
	bool wanted = q != NULL && q->want_msgs;
	struct slice s;
	int64_t n;

	if (strcmp(word, "UID") == 0) {
		if (imap_number(m, &n) < 0)
			return -1;
		msg->uid = n <= UINT32_MAX ? (uint32_t)n : 0;
		return 0;
	}
	if (strcmp(word, "FLAGS") == 0) {
		msg->has_flags = true;
		return imap_flags(m, &msg->flags);
	}
	if (strcmp(word, "MODSEQ") == 0)
		return modseq(m, msg);
	if (strcmp(word, "RFC822.SIZE") == 0)
		return imap_number(m, &msg->size);
	if (strcmp(word, "INTERNALDATE") == 0 && wanted) {
		if (imap_string(m, q->a, IMAP_WORD_MAX, &s) < 0)
			return -1;
		/* A date that cannot be read is none. */
		(void)imap_date(s, &msg->received_ms);
		return 0;
	}
	if (strcmp(word, "BODY[") == 0 && wanted && q->text_max > 0 &&
	    !msg->has_text) {
		msg->has_text = true;
		return imap_string(m, q->a, q->text_max, &msg->text);
	}
	return imap_skip(m);
}

void
imap_join(struct mbox_msg *to, const struct mbox_msg *from)
{
	if (from->has_flags) {
		to->has_flags = true;
		to->flags = from->flags;
	}
	if (from->modseq > 0)
		to->modseq = from->modseq;
	if (from->size > 0)
		to->size = from->size;
	if (from->received_ms != 0)
		to->received_ms = from->received_ms;
	if (from->has_text) {
		to->has_text = true;
		to->text = from->text;
	}
}

/* The last few: an answer in parts comes in a row. */
static int
keep(struct mbox *m, const struct mbox_msg *msg)
{
	struct imap_ask *q = m->ask;

	for (size_t i = q->msg_n; i > 0 && i + 4 > q->msg_n; i--) {
		if (q->msg[i - 1].uid == msg->uid) {
			imap_join(&q->msg[i - 1], msg);
			return 0;
		}
	}
	if (q->msg_n == q->msg_max)
		return imap_fail(m, ERR_LIMIT,
				 "the server sends more messages than were "
				 "asked for");
	if (q->msg_n == q->msg_cap) {
		size_t cap = q->msg_cap == 0 ? 16 : q->msg_cap * 2;
		struct mbox_msg *p = ARENA_ARRAY(q->a, cap, struct mbox_msg);

		if (p == NULL)
			return imap_fail(m, ERR_NOMEM, "out of memory");
		if (q->msg_n > 0)
			memcpy(p, q->msg, q->msg_n * sizeof(*p));
		q->msg = p;
		q->msg_cap = cap;
	}
	q->msg[q->msg_n++] = *msg;
	return 0;
}

int
imap_read_fetch(struct mbox *m)
{
	struct mbox_msg msg = { .uid = 0 };
	char word[IMAP_WORD_MAX];

	if (imap_expect(m, '(') < 0)
		return -1;
	while (!m->is_dead && !imap_at(m, ')')) {
		if (imap_at(m, ' '))
			continue;
		if (imap_word(m, word, sizeof(word)) < 0 ||
		    imap_expect(m, ' ') < 0 || item(m, word, &msg) < 0)
			return -1;
	}
	if (m->is_dead)
		return -1;
	if (m->ask == NULL || !m->ask->want_msgs) {
		m->news = true;
		return 0;
	}
	/* Not an answer: somebody else changed this one. */
	m->news |= msg.uid == 0;
	return msg.uid == 0 ? 0 : keep(m, &msg);
}
