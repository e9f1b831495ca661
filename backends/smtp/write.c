/* A reminder as a mail (RFC 5322). */
#include "backends/smtp/int.h"

#include "base/digest.h"

#include <time.h>

enum {
	LINE_BYTES = 57, /* that become 76 in base64 */
	WORD_BYTES = 42, /* that make an encoded word of 68 (75 at most) */
	SUBJECT_BYTES = 400,
	LANG_BYTES = 35,
};

bool
smtp_tls_of(struct slice word, enum smtp_tls *out)
{
	static const char *const names[] = { [SMTP_STARTTLS] = "starttls",
					     [SMTP_IMPLICIT] = "implicit",
					     [SMTP_NONE] = "none" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (slice_is_nocase(word, names[i])) {
			*out = (enum smtp_tls)i;
			return true;
		}
	}
	return false;
}

bool
smtp_address_ok(struct slice address)
{
	size_t at = slice_find(address, '@');

	if (address.n > SMTP_ADDRESS_MAX || at == SIZE_MAX || at == 0 ||
	    at + 1 == address.n ||
	    slice_find(slice_from(address, at + 1), '@') != SIZE_MAX)
		return false;
	for (size_t i = 0; i < address.n; i++) {
		if (address.p[i] <= ' ' || address.p[i] >= 0x7f ||
		    strchr("<>()[],;:\\\"", address.p[i]) != NULL)
			return false;
	}
	return true;
}

struct slice
smtp_domain(struct slice address)
{
	size_t at = slice_find(address, '@');

	return slice_from(address, at == SIZE_MAX ? address.n : at + 1);
}

/* Control characters become blanks: nothing ends a line but we. */
static struct slice
one_line(struct arena *a, struct slice s, size_t max)
{
	struct slice cut = slice_utf8_cut(s, max);
	char *p = arena_alloc(a, cut.n + 1);

	for (size_t i = 0; p != NULL && i < cut.n; i++) {
		unsigned char c = (unsigned char)cut.p[i];

		p[i] = (char)(c < ' ' || c == 0x7f ? ' ' : c);
	}
	return (struct slice){ p, p == NULL ? 0 : cut.n };
}

static bool
is_plain(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] >= 0x7f)
			return false;
	}
	return slice_find_str(s, "=?") == SIZE_MAX && s.n <= 60;
}

/* RFC 2047: words of base64, cut between characters. */
static void
put_subject(struct buf *b, struct slice text)
{
	struct slice s = one_line(b->a, text, SUBJECT_BYTES);

	buf_str(b, "Subject: ");
	if (is_plain(s)) {
		buf_add(b, s);
	} else {
		while (s.n > 0) {
			struct slice word = slice_utf8_cut(s, WORD_BYTES);
			struct slice b64;

			if (word.n == 0) /* no UTF-8 */
				word = slice_sub(s, 0, WORD_BYTES);
			b64 = digest_b64(b->a, word);
			s = slice_from(s, word.n);
			buf_printf(b, "=?UTF-8?B?%.*s?=%s", SLICE_ARG(b64),
				   s.n > 0 ? "\r\n " : "");
		}
	}
	buf_str(b, "\r\n");
}

static void
put_date(struct buf *b, int64_t ms)
{
	static const char days[][4] = { "Sun", "Mon", "Tue", "Wed",
					"Thu", "Fri", "Sat" };
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr",
					  "May", "Jun", "Jul", "Aug",
					  "Sep", "Oct", "Nov", "Dec" };
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL)
		return;
	buf_printf(b, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n",
		   days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
		   tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* Language tags are letters, digits and hyphens. */
static void
put_language(struct buf *b, struct slice lang)
{
	for (size_t i = 0; i < lang.n; i++) {
		char c = slice_lower(lang.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '-')
			return;
	}
	if (lang.n > 0 && lang.n <= LANG_BYTES)
		buf_printf(b, "Content-Language: %.*s\r\n", SLICE_ARG(lang));
}

/* Lines end in CR LF before they become base64 (RFC 2045, 6.8). */
static void
put_text(struct buf *b, struct slice text)
{
	struct buf lines = BUF_IN(b->a);
	struct slice s, b64;

	text = slice_utf8_cut(text, OUTLET_TEXT_MAX);
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c == '\n')
			buf_str(&lines, "\r\n");
		else if ((c >= ' ' && c != 0x7f) || c == '\t')
			buf_byte(&lines, c);
	}
	buf_str(&lines, "\r\n");
	if (!buf_ok(&lines))
		b->bad = true;
	for (s = buf_slice(&lines); s.n > 0; s = slice_from(s, LINE_BYTES)) {
		b64 = digest_b64(b->a, slice_sub(s, 0, LINE_BYTES));
		buf_printf(b, "%.*s\r\n", SLICE_ARG(b64));
	}
}

struct slice
smtp_write(const struct smtp_conf *conf, struct arena *a,
	   const struct outlet_msg *msg)
{
	struct buf b = BUF_IN(a);
	size_t refused = arena_refused(a);
	struct slice domain = smtp_domain(slice_c(conf->from));

	put_date(&b, conf->clk->now_ms(conf->clk));
	buf_printf(&b,
		   "From: <%s>\r\nTo: <%.*s>\r\nMessage-ID: <%.*s@%.*s>\r\n",
		   conf->from, SLICE_ARG(msg->to), SLICE_ARG(msg->id),
		   SLICE_ARG(domain));
	put_subject(&b, msg->subject);
	put_language(&b, msg->lang);
	buf_str(&b, "Auto-Submitted: auto-generated\r\n"
		    "MIME-Version: 1.0\r\n"
		    "Content-Type: text/plain; charset=utf-8\r\n"
		    "Content-Transfer-Encoding: base64\r\n\r\n");
	put_text(&b, msg->text);
	if (!buf_ok(&b) || arena_refused(a) != refused)
		return (struct slice){ NULL, 0 };
	return buf_slice(&b);
}
