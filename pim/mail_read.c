/*
 * A mail as devices send it: the OMA Email and Folder objects, which are small
 * XML without anything that XML is feared for, and the message itself.
 */
#include "base/digest.h"
#include "pim/calendar_time.h"
#include "pim/mail_int.h"
#include "pim/mime_int.h"

/* ---- as much XML as these objects have
 * --------------------------------------- */

enum { ELEMENTS_MAX = 400, NAME_BYTES = 32 };

/* One element that holds no others: <name enc="...">text</name>. */
struct element {
	struct slice name;
	struct slice enc;
	struct slice text;
};

struct xml {
	struct arena *a;
	struct slice rest;
	size_t seen;
	bool nomem;
};

/* Behind the next `mark`; false: there is none. */
static bool
skip_to(struct slice *s, const char *mark)
{
	size_t at = slice_find_str(*s, mark);

	if (at == SIZE_MAX)
		return false;
	*s = slice_from(*s, at + strlen(mark));
	return true;
}

static void
put_utf8(struct buf *b, uint32_t c)
{
	if (c < 0x80) {
		buf_byte(b, (unsigned char)c);
	} else if (c < 0x800) {
		buf_byte(b, (unsigned char)(0xC0 | (c >> 6)));
		buf_byte(b, (unsigned char)(0x80 | (c & 0x3F)));
	} else if (c < 0x10000) {
		buf_byte(b, (unsigned char)(0xE0 | (c >> 12)));
		buf_byte(b, (unsigned char)(0x80 | ((c >> 6) & 0x3F)));
		buf_byte(b, (unsigned char)(0x80 | (c & 0x3F)));
	} else {
		buf_byte(b, (unsigned char)(0xF0 | (c >> 18)));
		buf_byte(b, (unsigned char)(0x80 | ((c >> 12) & 0x3F)));
		buf_byte(b, (unsigned char)(0x80 | ((c >> 6) & 0x3F)));
		buf_byte(b, (unsigned char)(0x80 | (c & 0x3F)));
	}
}

static bool
char_ref(struct slice s, uint32_t *c)
{
	uint32_t v = 0;
	bool hex = s.n > 1 && slice_lower(s.p[0]) == 'x';

	if (s.n == 0 || s.n > 8)
		return false;
	if (!hex)
		return slice_u32(s, c) && *c > 0 && *c < 0x110000;
	for (size_t i = 1; i < s.n; i++) {
		char d = slice_lower(s.p[i]);

		if (d >= '0' && d <= '9')
			v = v * 16 + (uint32_t)(d - '0');
		else if (d >= 'a' && d <= 'f')
			v = v * 16 + (uint32_t)(d - 'a' + 10);
		else
			return false;
	}
	*c = v;
	return v > 0 && v < 0x110000;
}

/* "amp;..." behind the '&'; what is none stands for itself. */
static struct slice
entity(struct buf *b, struct slice s)
{
	static const struct {
		const char *name;
		char c;
	} known[] = { { "amp;", '&' },
		      { "lt;", '<' },
		      { "gt;", '>' },
		      { "quot;", '"' },
		      { "apos;", '\'' } };
	size_t semi = slice_find(slice_sub(s, 0, NAME_BYTES), ';');
	uint32_t c;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (slice_starts(s, known[i].name)) {
			buf_byte(b, (unsigned char)known[i].c);
			return slice_from(s, strlen(known[i].name));
		}
	}
	if (semi != SIZE_MAX && s.p[0] == '#' &&
	    char_ref(slice_sub(s, 1, semi - 1), &c)) {
		put_utf8(b, c);
		return slice_from(s, semi + 1);
	}
	buf_byte(b, '&');
	return s;
}

static void
put_text(struct buf *b, struct slice s)
{
	while (s.n > 0) {
		size_t amp = slice_find(s, '&');

		buf_add(b, slice_sub(s, 0, amp));
		s = slice_from(s, amp == SIZE_MAX ? s.n : amp + 1);
		if (amp != SIZE_MAX)
			s = entity(b, s);
	}
}

/* The text up to the next tag, CDATA and comments included. */
static bool
text_of(struct xml *x, struct slice *out)
{
	struct buf b = BUF_IN(x->a);

	for (;;) {
		size_t lt = slice_find(x->rest, '<');
		struct slice s;

		put_text(&b, slice_sub(x->rest, 0, lt));
		if (lt == SIZE_MAX)
			return false;
		x->rest = slice_from(x->rest, lt);
		if (slice_starts(x->rest, "<![CDATA[")) {
			s = x->rest = slice_from(x->rest, 9);
			if (!skip_to(&x->rest, "]]>"))
				return false;
			buf_add(&b, slice_sub(s, 0, s.n - x->rest.n - 3));
		} else if (slice_starts(x->rest, "<!--")) {
			if (!skip_to(&x->rest, "-->"))
				return false;
		} else {
			break;
		}
	}
	x->nomem = x->nomem || !buf_ok(&b);
	*out = buf_slice(&b);
	return buf_ok(&b);
}

/* The value of enc="..." in a tag. */
static struct slice
enc_of(struct slice tag)
{
	size_t at = slice_find_str(tag, "enc=");
	char quote;

	if (at == SIZE_MAX || at + 5 > tag.n)
		return SLICE_LIT("");
	quote = tag.p[at + 4];
	if (quote != '"' && quote != '\'')
		return SLICE_LIT("");
	tag = slice_from(tag, at + 5);
	return slice_sub(tag, 0, slice_find(tag, quote));
}

/* The next opening tag, with the text behind it. false: there is none, or it
   is no such document. */
static bool
next_element(struct xml *x, struct element *out)
{
	struct slice tag;
	size_t gt;

	while (x->seen++ < ELEMENTS_MAX && skip_to(&x->rest, "<")) {
		if (slice_starts(x->rest, "!DOCTYPE") ||
		    slice_starts(x->rest, "!["))
			return false;
		gt = slice_find(x->rest, '>');
		if (gt == SIZE_MAX)
			return false;
		tag = slice_sub(x->rest, 0, gt);
		x->rest = slice_from(x->rest, gt + 1);
		if (slice_starts(tag, "/") || slice_starts(tag, "?") ||
		    slice_starts(tag, "!"))
			continue;
		out->enc = enc_of(tag);
		out->text = SLICE_LIT("");
		out->name = tag;
		(void)slice_word(&tag, " \t\r\n/", &out->name);
		return slice_ends(tag, "/") || text_of(x, &out->text);
	}
	return false;
}

/* ---- the Email object
 * ------------------------------------------------------------ */

static bool
take_flag(struct pim_mail *m, const struct element *el)
{
	for (size_t i = 0; i < PIM_MAIL_FLAG_N; i++) {
		unsigned bit = 1u << i;

		if (!slice_is_nocase(el->name, pim_mail_flag_names[i]))
			continue;
		/* The first one counts: in front of a message stand ours. */
		if ((m->said & bit) != 0)
			return true;
		m->said |= bit;
		if (slice_is_nocase(slice_trim(el->text), "true") ||
		    slice_is(slice_trim(el->text), "1"))
			m->flags |= bit;
		return true;
	}
	return false;
}

static int64_t
time_of(struct slice s)
{
	struct pim_time t;

	return pim_time_parse(slice_trim(s), &t) ? t.wall * 1000 : 0;
}

/* Line ends to CR LF, no line before the header. */
static struct slice
message(struct arena *a, struct slice s)
{
	struct buf b = BUF_IN(a);
	struct slice line;

	while (s.n > 0 && (*s.p == '\r' || *s.p == '\n'))
		s = slice_from(s, 1);
	while (s.n > 0 && slice_split(&s, '\n', &line)) {
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		buf_add(&b, line);
		if (s.p != NULL)
			buf_str(&b, "\r\n");
	}
	return buf_ok(&b) ? buf_slice(&b) : (struct slice){ NULL, 0 };
}

static struct slice
decoded(struct arena *a, const struct element *el)
{
	struct slice s = el->text;

	if (slice_is_nocase(el->enc, "quoted-printable"))
		return pim_mime_unqp(a, s);
	if (slice_is_nocase(el->enc, "base64") && !digest_unb64(a, s, &s))
		return SLICE_LIT("");
	return s;
}

/* With the bytes comes the rest of the head; flags and times stay. */
static int
with_bytes(struct arena *a, struct pim_item *it, struct slice bytes,
	   struct err *e)
{
	struct pim_mail was = *it->mail;
	struct pim_item *made;

	bytes = bytes.p == NULL ? bytes : message(a, bytes);
	if (bytes.p == NULL)
		return pim_nomem(e, "pim.read");
	if (bytes.n == 0)
		return 0;
	if (pim_mail_item(a, bytes, (int64_t)bytes.n, &made, e) < 0)
		return -1;
	it->mail = made->mail;
	it->mail->flags = was.flags;
	it->mail->said = was.said;
	it->mail->received_ms = was.received_ms;
	if (was.created_ms != 0)
		it->mail->created_ms = was.created_ms;
	it->mail->modified_ms = was.modified_ms;
	return 0;
}

static int
read_email(struct arena *a, struct slice body, struct pim_item *it,
	   struct err *e)
{
	struct xml x = { .a = a, .rest = body };
	struct slice bytes = SLICE_LIT("");
	struct element el;

	if (!next_element(&x, &el) || !slice_is_nocase(el.name, "Email"))
		return err_set(e, ERR_PARSE, "pim.read", "no Email object");
	while (next_element(&x, &el)) {
		if (take_flag(it->mail, &el))
			continue;
		if (slice_is_nocase(el.name, "received"))
			it->mail->received_ms = time_of(el.text);
		else if (slice_is_nocase(el.name, "created"))
			it->mail->created_ms = time_of(el.text);
		else if (slice_is_nocase(el.name, "modified"))
			it->mail->modified_ms = time_of(el.text);
		else if (slice_is_nocase(el.name, "emailitem"))
			bytes = decoded(a, &el);
	}
	if (x.nomem || bytes.p == NULL)
		return pim_nomem(e, "pim.read");
	return with_bytes(a, it, bytes, e);
}

static int
read_folder(struct arena *a, struct slice body, struct pim_item *it,
	    struct err *e)
{
	struct xml x = { .a = a, .rest = body };
	struct element el;

	if (!next_element(&x, &el) || !slice_is_nocase(el.name, "Folder"))
		return err_set(e, ERR_PARSE, "pim.read", "no Folder object");
	while (next_element(&x, &el)) {
		if (slice_is_nocase(el.name, "name"))
			it->folder->name = pim_mime_words(a, el.text);
		else if (slice_is_nocase(el.name, "role"))
			it->folder->role = pim_mime_words(a, el.text);
		else if (slice_is_nocase(el.name, "created"))
			it->folder->created_ms = time_of(el.text);
	}
	if (x.nomem || it->folder->name.p == NULL)
		return pim_nomem(e, "pim.read");
	return 0;
}

/* ---- the message itself
 * ------------------------------------------------------------ */

/* The fields that say how it stands are for us alone. */
static bool
own_field(struct pim_mail *m, struct slice name, struct slice value)
{
	/* A broken message may begin with a blank: no fold of ours. */
	struct element el = { .name = name,
			      .text = slice_sub(value, 0,
						slice_find(value, '\r')) };

	if (slice_starts_nocase(name, "X-Sync-Message-")) {
		el.name = slice_from(name, strlen("X-Sync-Message-"));
		(void)take_flag(m, &el);
		return true;
	}
	if (slice_is_nocase(name, "Status")) {
		el.name = SLICE_LIT("read");
		el.text = slice_find(value, 'R') != SIZE_MAX
			      ? SLICE_LIT("true")
			      : SLICE_LIT("false");
		return take_flag(m, &el);
	}
	return slice_starts_nocase(name, "X-Sync-Parent-Folder");
}

static int
read_rfc822(struct arena *a, struct slice body, struct pim_item *it,
	    struct err *e)
{
	struct buf b = BUF_IN(a);
	struct slice rest;
	struct slice at;
	struct slice name;
	struct slice value;

	body = message(a, body);
	if (body.p == NULL)
		return pim_nomem(e, "pim.read");
	rest = slice_sub(body, 0, pim_mime_body(body));
	if (rest.n > PIM_MAIL_HEADER_MAX)
		return with_bytes(a, it, body, e);
	at = rest;
	while (pim_mime_field(&rest, &name, &value)) {
		if (!own_field(it->mail, name, value))
			buf_add(&b, slice_sub(at, 0, at.n - rest.n));
		at = rest;
	}
	buf_add(&b, slice_from(body, (size_t)(rest.p - body.p)));
	if (!buf_ok(&b))
		return pim_nomem(e, "pim.read");
	if (it->mail->said == 0 && slice_find(body, ':') == SIZE_MAX)
		return err_set(e, ERR_PARSE, "pim.read", "no message");
	return with_bytes(a, it, buf_slice(&b), e);
}

int
pim_mail_read(struct arena *a, enum pim_form form, struct slice body,
	      struct pim_item **out, struct err *e)
{
	struct pim_item *it =
	    pim_mail_new(a, form == PIM_OFOLDER ? PIM_FOLDER : PIM_MAIL);
	int rc;

	if (it == NULL)
		return pim_nomem(e, "pim.read");
	if (form == PIM_OFOLDER)
		rc = read_folder(a, body, it, e);
	else if (form == PIM_EMAIL)
		rc = read_email(a, body, it, e);
	else
		rc = read_rfc822(a, body, it, e);
	*out = rc == 0 ? it : NULL;
	return rc;
}
