/* Messages of the open folder: asking for them, and changing them. */
#include "backends/imap/int.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MESSAGE_ID_MAX = 2000 }; /* bytes of a header field */

/* ---- sets of UIDs -------------------------------------------------------- */

static int
say_ranges(struct mbox *m, const struct mbox_range *r, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		(void)imap_say(m, "%s%u", i > 0 ? "," : "", r[i].low);
		if (r[i].high == UINT32_MAX)
			(void)imap_say(m, ":*");
		else if (r[i].high > r[i].low)
			(void)imap_say(m, ":%u", r[i].high);
	}
	return m->is_dead ? -1 : 0;
}

static int
say_uids(struct mbox *m, const uint32_t *uid, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t k = i + 1;

		while (k < n && uid[k] == uid[k - 1] + 1)
			k++;
		(void)imap_say(m, "%s%u", i > 0 ? "," : "", uid[i]);
		if (k - i > 1)
			(void)imap_say(m, ":%u", uid[k - 1]);
		i = k;
	}
	return m->is_dead ? -1 : 0;
}

/* ---- fetch --------------------------------------------------------------- */

static int
by_uid(const void *x, const void *y)
{
	uint32_t a = *(const uint32_t *)x;
	uint32_t b = *(const uint32_t *)y;

	return (a > b) - (a < b);
}

/* Of one UID those that came later come later. */
static int
by_uid_and_age(const void *x, const void *y)
{
	const struct mbox_msg *a = *(struct mbox_msg *const *)x;
	const struct mbox_msg *b = *(struct mbox_msg *const *)y;

	return a->uid != b->uid ? (a->uid > b->uid) - (a->uid < b->uid)
				: (a > b) - (a < b);
}

static bool
in_ranges(const struct mbox_ask *ask, uint32_t uid)
{
	for (size_t i = 0; i < ask->range_n; i++) {
		if (uid >= ask->range[i].low && uid <= ask->range[i].high)
			return true;
	}
	return false;
}

static void
say_part(struct mbox *m, const struct mbox_ask *ask)
{
	(void)imap_say(m, " (UID FLAGS");
	if (m->condstore)
		(void)imap_say(m, " MODSEQ");
	if (ask->part != MBOX_FLAGS_ONLY)
		(void)imap_say(m, " INTERNALDATE RFC822.SIZE");
	if (ask->part == MBOX_MESSAGE_ID)
		(void)imap_say(m,
			       " BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]<0.%d>",
			       MESSAGE_ID_MAX);
	if (ask->part == MBOX_BYTES)
		(void)imap_say(m, " BODY.PEEK[]<%zu.%zu>", ask->from, ask->cap);
	(void)imap_say(m, ")");
}

/*
 * What was asked for, by UID and each once. Among the answers are those that
 * nobody asked for: that another client changed a message, in or out of range.
 */
static int
answers(struct mbox *m, struct imap_ask *q, const struct mbox_ask *ask,
	struct mbox_msg **out, size_t *n, struct err *e)
{
	struct mbox_msg **p =
	    ARENA_ARRAY(q->a, q->msg_n + 1, struct mbox_msg *);
	struct mbox_msg *to = ARENA_ARRAY(q->a, q->msg_n + 1, struct mbox_msg);
	size_t in = 0, kept = 0;

	if (p == NULL || to == NULL)
		return err_set(e, ERR_NOMEM, "imap", "out of memory");
	for (size_t i = 0; i < q->msg_n; i++) {
		/* n:* gives the last one, too, where it lies before n. */
		if (in_ranges(ask, q->msg[i].uid))
			p[in++] = &q->msg[i];
	}
	qsort(p, in, sizeof(struct mbox_msg *), by_uid_and_age);
	for (size_t i = 0; i < in; i++) {
		if (kept > 0 && to[kept - 1].uid == p[i]->uid)
			imap_join(&to[kept - 1], p[i]);
		else
			to[kept++] = *p[i];
	}
	*out = to;
	for (size_t i = 0; i < kept; i++) {
		if (to[i].has_text || q->text_max == 0)
			to[(*n)++] = to[i];
		else
			m->news = true;
	}
	return 0;
}

int
mbox_fetch(struct mbox *m, struct arena *a, const struct mbox_ask *ask,
	   struct mbox_msg **out, size_t *n, struct mbox_range **gone,
	   size_t *gone_n, struct err *e)
{
	bool earlier = gone != NULL && ask->since > 0 && m->condstore &&
		       (m->caps & MBOX_CAN_QRESYNC) != 0;
	size_t text = ask->part == MBOX_BYTES        ? ask->cap
		      : ask->part == MBOX_MESSAGE_ID ? MESSAGE_ID_MAX
						     : 0;
	struct imap_ask q = { .a = a,
			      .want_msgs = true,
			      .want_gone = earlier,
			      .msg_max = ask->max,
			      .text_max = text };
	int64_t more = (int64_t)ask->max * (int64_t)(IMAP_FLAGS_MAX + text);
	int rc = imap_begin(m, &q, more);

	*out = NULL;
	*n = 0;
	(void)imap_say(m, "UID FETCH ");
	(void)say_ranges(m, ask->range, ask->range_n);
	say_part(m, ask);
	if (ask->since > 0 && m->condstore)
		(void)imap_say(m, " (CHANGEDSINCE %lld%s)",
			       (long long)ask->since,
			       earlier ? " VANISHED" : "");
	if (rc == 0)
		rc = imap_end(m);
	if (gone != NULL) {
		*gone = q.gone;
		*gone_n = q.gone_n;
	}
	if (imap_ended(m, rc, &q, ERR_UNAVAILABLE, "FETCH", e) < 0)
		return -1;
	return answers(m, &q, ask, out, n, e);
}

/* ---- search -------------------------------------------------------------- */

static int
found(struct mbox *m, int rc, struct imap_ask *q, uint32_t **out, size_t *n,
      struct err *e)
{
	size_t kept = 0;

	if (rc < 0)
		return imap_died(m, e);
	if (q->uid_n > 0)
		qsort(q->uid, q->uid_n, sizeof(*q->uid), by_uid);
	for (size_t i = 0; i < q->uid_n; i++) {
		if (kept == 0 || q->uid[kept - 1] != q->uid[i])
			q->uid[kept++] = q->uid[i];
	}
	*out = q->uid;
	*n = kept;
	return imap_ended(m, 0, q, ERR_UNAVAILABLE, "SEARCH", e);
}

int
mbox_search(struct mbox *m, struct arena *a, size_t last, int64_t since_ms,
	    size_t max, uint32_t **out, size_t *n, struct err *e)
{
	static const char *const month[] = { "Jan", "Feb", "Mar", "Apr",
					     "May", "Jun", "Jul", "Aug",
					     "Sep", "Oct", "Nov", "Dec" };
	/* Of a mailbox of any size each UID is at most eleven bytes. */
	struct imap_ask q = { .a = a, .want_uids = true, .uid_max = max };
	size_t from = last > 0 && last < m->exists ? m->exists - last + 1 : 1;
	time_t t = (time_t)(since_ms / 1000);
	struct tm day;
	int rc;

	*out = NULL;
	*n = 0;
	if (m->exists == 0)
		return 0;
	rc = imap_begin(m, &q, (int64_t)max * 11);
	(void)imap_say(m, "UID SEARCH %zu:*", from);
	if (since_ms > 0 && gmtime_r(&t, &day) != NULL)
		(void)imap_say(m, " SINCE %d-%s-%d", day.tm_mday,
			       month[day.tm_mon], day.tm_year + 1900);
	if (rc == 0)
		rc = imap_end(m);
	return found(m, rc, &q, out, n, e);
}

int
mbox_search_id(struct mbox *m, struct arena *a, struct slice id, uint32_t **out,
	       size_t *n, struct err *e)
{
	struct imap_ask q = { .a = a, .want_uids = true, .uid_max = 1000 };
	struct slice text = arena_printf(a, "<%.*s>", SLICE_ARG(id));
	int rc;

	*out = NULL;
	*n = 0;
	if (text.p == NULL)
		return err_set(e, ERR_NOMEM, "imap", "out of memory");
	if (m->exists == 0 || id.n == 0 || id.n > 998 ||
	    memchr(id.p, '\0', id.n) != NULL)
		return 0;
	rc = imap_begin(m, &q, 0);
	(void)imap_say(m, "UID SEARCH HEADER Message-ID ");
	if (rc == 0)
		rc = imap_arg(m, text);
	if (rc == 0)
		rc = imap_end(m);
	return found(m, rc, &q, out, n, e);
}

/* ---- changes ------------------------------------------------------------- */

static void
say_flags(struct mbox *m, unsigned flags)
{
	static const struct {
		unsigned flag;
		const char *name;
	} all[] = {
		{ MBOX_SEEN, "\\Seen" },
		{ MBOX_ANSWERED, "\\Answered" },
		{ MBOX_FORWARDED, "$Forwarded" },
		{ MBOX_FLAGGED, "\\Flagged" },
		{ MBOX_DRAFT, "\\Draft" },
		{ MBOX_DELETED, "\\Deleted" },
	};
	const char *gap = "";

	(void)imap_say(m, "(");
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if ((flags & all[i].flag) == 0)
			continue;
		(void)imap_say(m, "%s%s", gap, all[i].name);
		gap = " ";
	}
	(void)imap_say(m, ")");
}

static int
store_sign(struct mbox *m, const uint32_t *uid, size_t n, char sign,
	   unsigned flags, struct err *e)
{
	struct imap_ask q = { .a = NULL };
	int rc;

	if (flags == 0 || n == 0)
		return 0;
	rc = imap_begin(m, &q, (int64_t)n * IMAP_FLAGS_MAX);
	(void)imap_say(m, "UID STORE ");
	(void)say_uids(m, uid, n);
	(void)imap_say(m, " %cFLAGS.SILENT ", sign);
	say_flags(m, flags);
	if (rc == 0)
		rc = imap_end(m);
	return imap_ended(m, rc, &q, ERR_UNSUPPORTED, "STORE", e);
}

int
mbox_store_flags(struct mbox *m, const uint32_t *uid, size_t n, unsigned on,
		 unsigned off, struct err *e)
{
	if (store_sign(m, uid, n, '+', on, e) < 0)
		return -1;
	return store_sign(m, uid, n, '-', off, e);
}

int
mbox_expunge(struct mbox *m, const uint32_t *uid, size_t n, struct err *e)
{
	struct imap_ask q = { .a = NULL };
	int rc;

	if (n == 0)
		return 0;
	if (mbox_store_flags(m, uid, n, MBOX_DELETED, 0, e) < 0)
		return -1;
	/* Without UIDPLUS an EXPUNGE would take what others marked, too: they
	   stay marked, which counts as gone. */
	if ((m->caps & MBOX_CAN_UIDPLUS) == 0)
		return 0;
	rc = imap_begin(m, &q, (int64_t)n * IMAP_FLAGS_MAX);
	(void)imap_say(m, "UID EXPUNGE ");
	(void)say_uids(m, uid, n);
	if (rc == 0)
		rc = imap_end(m);
	return imap_ended(m, rc, &q, ERR_UNSUPPORTED, "EXPUNGE", e);
}

int
mbox_move(struct mbox *m, const uint32_t *uid, size_t n, struct slice to,
	  struct err *e)
{
	struct imap_ask q = { .a = NULL };
	bool can = (m->caps & MBOX_CAN_MOVE) != 0;
	enum err_code code;
	int rc;

	if (n == 0)
		return 0;
	rc = imap_begin(m, &q, (int64_t)n * IMAP_FLAGS_MAX);
	(void)imap_say(m, "UID %s ", can ? "MOVE" : "COPY");
	(void)say_uids(m, uid, n);
	(void)imap_say(m, " ");
	if (rc == 0)
		rc = imap_folder_arg(m, to);
	if (rc == 0)
		rc = imap_end(m);
	code =
	    strcmp(q.code, "TRYCREATE") == 0 ? ERR_NOTFOUND : ERR_UNSUPPORTED;
	if (imap_ended(m, rc < 0 ? -1 : 0, &q, code, "MOVE", e) < 0)
		return -1;
	return can ? 0 : mbox_expunge(m, uid, n, e);
}

int
mbox_append(struct mbox *m, struct slice folder, unsigned flags,
	    struct slice bytes, uint32_t *uid, struct err *e)
{
	struct imap_ask q = { .a = NULL };
	enum err_code code;
	int rc;

	*uid = 0;
	if (bytes.n > 0 && memchr(bytes.p, '\0', bytes.n) != NULL)
		return err_set(e, ERR_UNSUPPORTED, "imap",
			       "a message with NUL bytes cannot be stored");
	rc = imap_begin(m, &q, 0);
	(void)imap_say(m, "APPEND ");
	if (rc == 0)
		rc = imap_folder_arg(m, folder);
	(void)imap_say(m, " ");
	say_flags(m, flags);
	(void)imap_say(m, " ");
	if (rc == 0)
		rc = imap_literal(m, bytes);
	if (rc == 0)
		rc = imap_end(m);
	code =
	    strcmp(q.code, "TRYCREATE") == 0 ? ERR_NOTFOUND : ERR_UNSUPPORTED;
	*uid = q.code_uid;
	return imap_ended(m, rc < 0 ? -1 : 0, &q, code, "APPEND", e);
}
