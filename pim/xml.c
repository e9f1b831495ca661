/* As much XML as the objects of devices have. */
#include "pim/xml.h"

#include <string.h>

enum { NAME_BYTES = 32, TAGS_MAX = 2 * PIM_XML_ELEMENTS_MAX };

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
	/* No character of any text: left out. */
	if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') ||
	    (c >= 0xD800 && c < 0xE000))
		return;
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
text_of(struct pim_xml *x, struct slice *out)
{
	struct buf b = BUF_IN(x->a);
	size_t first = slice_find(x->rest, '<');

	*out = slice_sub(x->rest, 0, first);
	/* Most texts are as they stand. */
	if (first != SIZE_MAX && slice_find(*out, '&') == SIZE_MAX &&
	    !slice_starts(slice_from(x->rest, first), "<!")) {
		x->rest = slice_from(x->rest, first);
		return true;
	}
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

struct slice
pim_xml_attr(const struct pim_xml_el *el, const char *name)
{
	struct slice rest = el->attrs;
	struct slice word;

	while (slice_word(&rest, " \t\r\n", &word)) {
		size_t n = strlen(name);
		char quote;

		if (word.n < n + 2 || !slice_starts_nocase(word, name) ||
		    word.p[n] != '=')
			continue;
		quote = word.p[n + 1];
		if (quote != '"' && quote != '\'')
			continue;
		/* up to the quote, which may be beyond a blank */
		word = (struct slice){ word.p + n + 2, 0 };
		word.n = (size_t)(el->attrs.p + el->attrs.n - word.p);
		return slice_sub(word, 0, slice_find(word, quote));
	}
	return SLICE_LIT("");
}

/* Opening tags only. */
static bool
is_other(struct slice tag)
{
	return slice_starts(tag, "/") || slice_starts(tag, "?") ||
	       slice_starts(tag, "!");
}

bool
pim_xml_next(struct pim_xml *x, struct pim_xml_el *out)
{
	struct slice tag;
	size_t gt;

	while (!x->broken && skip_to(&x->rest, "<")) {
		gt = slice_find(x->rest, '>');
		x->broken = x->seen++ >= TAGS_MAX || gt == SIZE_MAX ||
			    slice_starts(x->rest, "!DOCTYPE") ||
			    slice_starts(x->rest, "![");
		if (x->broken)
			return false;
		if (slice_starts(x->rest, "!--")) {
			x->broken = !skip_to(&x->rest, "-->");
			continue;
		}
		tag = slice_sub(x->rest, 0, gt);
		x->rest = slice_from(x->rest, gt + 1);
		if (is_other(tag))
			continue;
		out->text = SLICE_LIT("");
		out->name = tag;
		out->attrs = tag;
		(void)slice_word(&out->attrs, " \t\r\n/", &out->name);
		if (slice_ends(tag, "/"))
			return true;
		x->broken = !text_of(x, &out->text);
		return !x->broken;
	}
	return false;
}

void
pim_xml_put(struct buf *b, struct slice text)
{
	size_t from = 0;

	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		const char *as = NULL;

		if (c == '&')
			as = "&amp;";
		else if (c == '<')
			as = "&lt;";
		else if (c == '>')
			as = "&gt;";
		else if (c < 0x20 && c != '\n' && c != '\t')
			as = "";
		if (as == NULL)
			continue;
		buf_add(b, slice_sub(text, from, i - from));
		buf_str(b, as);
		from = i + 1;
	}
	buf_add(b, slice_from(text, from));
}
