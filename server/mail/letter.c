/*
 * A message that a device wrote, made ready to leave: whom it goes to, whom it
 * comes from, and what of its head may be seen. Its recipients are those of To,
 * Cc and Bcc, and nothing that stands elsewhere.
 */
#include "server/mail/inside.h"

#include "base/buf.h"
#include "pim/mime.h"

#include <stdio.h>
#include <time.h>

enum { HEAD_MAX = 256 * 1024 };

static int
wrong(struct err *e, const char *what, struct slice s)
{
	return err_set(e, ERR_PARSE, "mail.letter", "%s: \"%.*s\"", what,
		       SLICE_ARG(slice_utf8_cut(s, 80)));
}

/* ---- lines --------------------------------------------------------------- */

/* Line ends are CR LF and LF; a CR alone ends none, and NUL is nothing. */
struct slice
mail_crlf(struct arena *a, struct slice in)
{
	size_t lines = 0, n = 0;
	char *p;

	for (size_t i = 0; i < in.n; i++)
		lines += in.p[i] == '\n';
	p = arena_alloc(a, in.n + lines + 1);
	if (p == NULL)
		return (struct slice){ NULL, 0 };
	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];

		if (c == '\r' || c == '\0') {
			if (c == '\r' && (i + 1 == in.n || in.p[i + 1] != '\n'))
				p[n++] = ' ';
			continue;
		}
		if (c == '\n')
			p[n++] = '\r';
		p[n++] = c;
	}
	return (struct slice){ p, n };
}

/* The next field with its further lines and its CR LF; false: the head ends,
 *rest is the body with the empty line in front. */
static bool
field(struct slice *rest, struct slice *out)
{
	size_t n = 0;

	if (rest->n == 0 || slice_starts(*rest, "\r\n"))
		return false;
	do {
		size_t lf = slice_find(slice_from(*rest, n), '\n');

		n = lf == SIZE_MAX ? rest->n : n + lf + 1;
	} while (n < rest->n && (rest->p[n] == ' ' || rest->p[n] == '\t'));
	*out = slice_sub(*rest, 0, n);
	*rest = slice_from(*rest, n);
	return true;
}

/* Its name; empty: it is none. */
static struct slice
name_of(struct slice f)
{
	size_t n = slice_find(f, ':');
	struct slice none = { f.p, 0 };
	struct slice s = slice_sub(f, 0, n == SIZE_MAX ? 0 : n);

	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
			return none;
	}
	return s;
}

static struct slice
value_of(struct slice f)
{
	return slice_trim(slice_from(f, slice_find(f, ':') + 1));
}

/* ---- addresses ----------------------------------------------------------- */

static int
add_to(struct arena *a, struct mail_letter *out, struct slice address,
       struct err *e)
{
	for (size_t i = 0; i < out->to_n; i++) {
		if (slice_eq_nocase(slice_c(out->to[i]), address))
			return 0;
	}
	if (!submit_address_ok(address))
		return wrong(e, "this is no mail address", address);
	if (out->to_n == SUBMIT_RECIPIENTS_MAX)
		return err_set(e, ERR_PARSE, "mail.letter",
			       "more than %d recipients",
			       SUBMIT_RECIPIENTS_MAX);
	out->to[out->to_n] = arena_cstr(a, address);
	return out->to[out->to_n++] == NULL ? mail_no_memory(e) : 0;
}

static int
recipients(struct arena *a, struct mail_letter *out, struct slice value,
	   struct err *e)
{
	struct pim_addresses l = { .s = value };
	struct slice address;

	while (pim_mime_address(&l, &address) && !l.broken) {
		if (add_to(a, out, address, e) < 0)
			return -1;
	}
	/* What cannot be read for sure is sent to nobody. */
	return l.broken ? wrong(e, "these are no mail addresses", value) : 0;
}

/* ---- the sender ---------------------------------------------------------- */

/* Is it one of the account's? .n 0: it is not. */
static struct slice
own(const struct store_mail_login *login, struct slice address)
{
	struct slice rest = login->addresses, word;

	while (slice_word(&rest, " ", &word)) {
		if (slice_eq_nocase(word, address))
			return word;
	}
	return (struct slice){ NULL, 0 };
}

static int
sender(struct arena *a, const struct store_mail_login *login, struct slice from,
       struct mail_letter *out, bool *keep_from, struct err *e)
{
	struct pim_addresses l = { .s = from };
	struct slice rest = login->addresses, word = { NULL, 0 }, first, second;
	struct slice mine = { NULL, 0 };

	if (pim_mime_address(&l, &first))
		mine = own(login, first);
	/* Two senders are one too many. */
	*keep_from = mine.n > 0 && !pim_mime_address(&l, &second);
	if (!*keep_from && slice_word(&rest, " ", &word))
		mine = word;
	if (mine.n == 0 && submit_address_ok(login->user))
		mine = login->user;
	if (mine.n == 0)
		return err_set(e, ERR_PARSE, "mail.letter",
			       "the account has no address to send as: "
			       "funicular mail set USER addresses ...");
	out->from = arena_cstr(a, mine);
	return out->from == NULL ? mail_no_memory(e) : 0;
}

/* ---- the head ------------------------------------------------------------ */

static bool
is_one_of(struct slice name, const char *const *all)
{
	for (; *all != NULL; all++) {
		if (slice_is_nocase(name, *all))
			return true;
	}
	return false;
}

static void
put_date(struct buf *b, int64_t ms)
{
	char text[64];
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL)
		return;
	/* The C locale: nobody sets another one. */
	if (strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S +0000", &tm) >
	    0)
		buf_printf(b, "Date: %s\r\n", text);
}

struct head {
	struct slice from;
	size_t from_n;
	bool date, message_id;
};

static int
look(struct arena *a, struct slice all, struct head *h, struct mail_letter *out,
     struct err *e)
{
	static const char *const to[] = { "To", "Cc", "Bcc", NULL };
	struct slice rest = all, f;

	while (field(&rest, &f)) {
		struct slice name = name_of(f);

		if (is_one_of(name, to) &&
		    recipients(a, out, value_of(f), e) < 0)
			return -1;
		if (slice_is_nocase(name, "From")) {
			h->from_n++;
			h->from = value_of(f);
		}
		h->date |= slice_is_nocase(name, "Date");
		h->message_id |= slice_is_nocase(name, "Message-ID");
	}
	return out->to_n > 0
		   ? 0
		   : err_set(e, ERR_PARSE, "mail.letter", "it goes to nobody");
}

static void
put_head(struct buf *b, struct slice *rest, bool keep_from, bool keep_bcc)
{
	/* Traces of other journeys, and what phones put there for us. */
	static const char *const drop[] = {
		"Return-Path", "Received",      "Sender", "Status",
		"X-Status",    "Apparently-To", NULL,
	};
	struct slice f;

	while (field(rest, &f)) {
		struct slice name = name_of(f);

		if (name.n == 0 || is_one_of(name, drop) ||
		    slice_starts_nocase(name, "X-Sync-") ||
		    slice_starts_nocase(name, "Resent-") ||
		    (slice_is_nocase(name, "Bcc") && !keep_bcc) ||
		    (slice_is_nocase(name, "From") && !keep_from))
			continue;
		buf_add(b, f);
		if (!slice_ends(f, "\r\n"))
			buf_str(b, "\r\n");
	}
}

int
mail_letter(struct arena *a, const struct store_mail_login *login,
	    const struct store_mail_effect *f, struct slice bytes,
	    bool keep_bcc, struct mail_letter *out, struct err *e)
{
	struct slice all = mail_crlf(a, bytes), rest = all;
	struct head h = { .date = false };
	struct buf b = BUF_IN(a);
	bool keep_from;

	*out = (struct mail_letter){ .to_n = 0 };
	if (all.p == NULL)
		return mail_no_memory(e);
	if (look(a, all, &h, out, e) < 0 ||
	    sender(a, login, h.from, out, &keep_from, e) < 0)
		return -1;
	keep_from = keep_from && h.from_n == 1;
	if (!keep_from)
		buf_printf(&b, "From: <%s>\r\n", out->from);
	if (!h.date)
		put_date(&b, f->written_ms);
	if (!h.message_id && f->message_id.n > 0)
		buf_printf(&b, "Message-ID: <%.*s>\r\n",
			   SLICE_ARG(f->message_id));
	put_head(&b, &rest, keep_from, keep_bcc);
	if (b.n > HEAD_MAX)
		return err_set(e, ERR_PARSE, "mail.letter",
			       "its head is too long");
	if (rest.n == 0)
		buf_str(&b, "\r\n");
	buf_add(&b, rest);
	if (!buf_ok(&b))
		return mail_no_memory(e);
	out->bytes = buf_slice(&b);
	return 0;
}
