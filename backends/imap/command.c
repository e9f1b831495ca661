/* Commands, and that no string of somebody else's leaves its place in them. */
#include "backends/imap/int.h"

#include "base/clock.h"

#include <stdarg.h>
#include <stdio.h>

int
imap_hears(struct mbox *m, struct imap_ask *ask, int64_t more_bytes)
{
	if (m->is_dead || imap_talk(m) < 0)
		return -1;
	m->ask = ask;
	m->until_ms = clk_mono_ms() + (m->conf.answer_ms > 0 ? m->conf.answer_ms
							     : IMAP_ANSWER_MS);
	m->left = IMAP_SMALL_TALK + more_bytes;
	return 0;
}

int
imap_begin(struct mbox *m, struct imap_ask *ask, int64_t more_bytes)
{
	char tag[16];

	if (imap_hears(m, ask, more_bytes) < 0)
		return -1;
	m->tag++;
	(void)snprintf(tag, sizeof(tag), "F%u ", m->tag);
	return imap_put(m, slice_c(tag));
}

int
imap_say(struct mbox *m, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text))
		return imap_fail(m, ERR_BUG, "a command is too long");
	return imap_put(m, (struct slice){ text, (size_t)n });
}

int
imap_until_plus(struct mbox *m)
{
	enum imap_got got = IMAP_GOT_UNTAGGED;

	if (imap_flush(m) < 0)
		return -1;
	while (got == IMAP_GOT_UNTAGGED) {
		if (imap_answer(m, &got) < 0)
			return -1;
	}
	return got == IMAP_GOT_PLUS ? 0 : 1;
}

int
imap_literal(struct mbox *m, struct slice s)
{
	int rc;

	if (s.n > 0 && memchr(s.p, '\0', s.n) != NULL)
		return imap_fail(m, ERR_BUG, "a string with NUL");
	(void)imap_say(m, "{%zu%s}\r\n", s.n, m->literal_plus ? "+" : "");
	rc = m->literal_plus ? 0 : imap_until_plus(m);
	/* Refused before the literal: the tagged answer is there already. */
	if (rc == 1)
		return 1;
	return rc < 0 ? -1 : imap_put(m, s);
}

int
imap_arg(struct mbox *m, struct slice s)
{
	bool plain = s.n <= 1000;

	for (size_t i = 0; i < s.n; i++)
		plain &= s.p[i] >= ' ' && s.p[i] <= '~';
	if (!plain)
		return imap_literal(m, s);
	(void)imap_say(m, "\"");
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			(void)imap_say(m, "\\");
		(void)imap_put(m, slice_sub(s, i, 1));
	}
	return imap_say(m, "\"");
}

int
imap_folder_arg(struct mbox *m, struct slice name)
{
	char text[IMAP_NAME_MAX];
	size_t n;

	/* Names with control bytes are refused before anything was said that
	   could not be taken back: the command ends as a wrong one. */
	if (!imap_utf7_write(name, text, sizeof(text), &n))
		return imap_say(m, "\"\"");
	return imap_arg(m, (struct slice){ text, n });
}

int
imap_end(struct mbox *m)
{
	enum imap_got got = IMAP_GOT_UNTAGGED;

	(void)imap_say(m, "\r\n");
	if (imap_flush(m) < 0)
		return -1;
	while (got != IMAP_GOT_DONE) {
		if (imap_answer(m, &got) < 0)
			return -1;
	}
	m->ask = NULL;
	return 0;
}

int
imap_command(struct mbox *m, struct imap_ask *ask, const char *text)
{
	if (imap_begin(m, ask, 0) < 0)
		return -1;
	(void)imap_put(m, slice_c(text));
	return imap_end(m);
}

int
imap_refused(const struct imap_ask *ask, enum err_code code, const char *what,
	     struct err *e)
{
	return err_set(e, code, "imap", "%s: the server says %s%s%s%s%s", what,
		       ask->status == IMAP_NO ? "NO" : "BAD",
		       ask->code[0] == '\0' ? "" : " [", ask->code,
		       ask->code[0] == '\0' ? " " : "] ", ask->text);
}

int
imap_died(const struct mbox *m, struct err *e)
{
	if (e != NULL)
		*e = m->err;
	return -1;
}

int
imap_ended(const struct mbox *m, int rc, const struct imap_ask *ask,
	   enum err_code code, const char *what, struct err *e)
{
	if (rc < 0)
		return imap_died(m, e);
	return ask->status == IMAP_OK ? 0 : imap_refused(ask, code, what, e);
}
