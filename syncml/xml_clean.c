/*
 * What clients that paste text into their XML unchecked get wrong, mended once:
 * without that one item with a control character would stop all of a device's
 * syncs for ever. Only a document that did not read comes here, and is read
 * once more if anything was found; it may hold nothing that a good one may not.
 */
#include "syncml/codec.h"
#include "syncml/msg.h"

enum {
	DECLARATION_BYTES_MAX = 200,
	CHARSET_BYTES_MAX = 40,
	REF_BYTES_MAX = 10
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* ---- what its bytes are ------------------------------------------------- */

/* The value behind a name and '=', in quotes or without. */
static struct slice
value_of(struct slice s, const char *name)
{
	size_t at = 0;
	size_t end;

	while (at < s.n && !slice_starts_nocase(slice_from(s, at), name))
		at++;
	s = slice_trim(slice_from(s, at + strlen(name)));
	if (!slice_starts(s, "="))
		return SLICE_LIT("");
	s = slice_trim(slice_from(s, 1));
	if (s.n > 0 && (s.p[0] == '"' || s.p[0] == '\''))
		s = slice_from(s, 1);
	for (end = 0; end < s.n && strchr("\"'; \t?", s.p[end]) == NULL;)
		end++;
	return slice_sub(s, 0, end);
}

struct slice
sml_charset_of(struct slice content_type)
{
	size_t semi = slice_find(content_type, ';');

	return semi == SIZE_MAX
		   ? SLICE_LIT("")
		   : value_of(slice_from(content_type, semi), "charset");
}

/* The XML declaration, or an empty slice. */
static struct slice
declaration(struct slice s)
{
	size_t end;

	if (!slice_starts(s, "<?xml"))
		return SLICE_LIT("");
	end = slice_find_str(slice_sub(s, 0, DECLARATION_BYTES_MAX), "?>");
	return end == SIZE_MAX ? SLICE_LIT("") : slice_sub(s, 0, end + 2);
}

static bool
is_utf8(struct slice name)
{
	return name.n == 0 || slice_is_nocase(name, "utf-8") ||
	       slice_is_nocase(name, "utf8") ||
	       slice_is_nocase(name, "us-ascii") ||
	       slice_is_nocase(name, "ascii");
}

/* One that may be written into a declaration, and has ASCII in it. */
static bool
is_other(struct slice name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		      (c >= 'A' && c <= 'Z') || c == '-' || c == '_'))
			return false;
	}
	return name.n <= CHARSET_BYTES_MAX && !is_utf8(name) &&
	       !slice_starts_nocase(name, "utf-16") &&
	       sml_xml_encoding_ok(name);
}

static bool
has_utf8(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] >= 0x80 &&
		    slice_utf8_len(slice_from(s, i)) > 1)
			return true;
	}
	return false;
}

/* ---- what may not stand in XML ------------------------------------------ */

static bool
is_char(uint32_t v)
{
	return (v >= 0x20 || v == 9 || v == 10 || v == 13) &&
	       (v < 0xD800 || v > 0xDFFF) && v != 0xFFFE && v != 0xFFFF &&
	       v <= 0x10FFFF;
}

/* 99: it is no digit of that base. */
static uint32_t
digit_of(char c, bool hex)
{
	if (c >= '0' && c <= '9')
		return (uint32_t)(c - '0');
	c |= 0x20;
	return hex && c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10 : 99;
}

/* Length of a reference to what is no character of XML; 0: it is none. */
static size_t
bad_ref(struct slice s)
{
	bool hex = s.n > 2 && (s.p[2] == 'x' || s.p[2] == 'X');
	size_t from = hex ? 3 : 2;
	uint32_t v = 0;
	size_t i = from;

	for (; i < s.n && i < REF_BYTES_MAX && digit_of(s.p[i], hex) < 99; i++)
		v = v * (hex ? 16 : 10) + digit_of(s.p[i], hex);
	return i > from && i < s.n && s.p[i] == ';' && !is_char(v) ? i + 1 : 0;
}

/* The character at the front of what claims to be UTF-8; its length there. */
static size_t
put_utf8(struct buf *out, struct slice s)
{
	unsigned char c = (unsigned char)s.p[0];
	size_t n = slice_utf8_len(s);

	if (n == 0) { /* a byte of ISO-8859-1 */
		buf_byte(out, (unsigned char)(0xC0 | c >> 6));
		buf_byte(out, (unsigned char)(0x80 | (c & 0x3F)));
		return 1;
	}
	if (n == 3 && c == 0xEF && (unsigned char)s.p[1] == 0xBF &&
	    (unsigned char)s.p[2] >= 0xBE)
		buf_byte(out, ' ');
	else
		buf_add(out, slice_sub(s, 0, n));
	return n;
}

static void
clean(struct buf *out, struct slice s, bool utf8)
{
	bool section = false;
	size_t n;

	for (size_t i = 0; i < s.n; i += n) {
		struct slice rest = slice_from(s, i);
		unsigned char c = (unsigned char)s.p[i];

		n = 1;
		if (c == ']' && section)
			section = !slice_starts(rest, "]]>");
		else if (c == '<' && !section)
			section = slice_starts(rest, "<![CDATA[");
		if (c == '&' && !section && slice_starts(rest, "&#"))
			n = bad_ref(rest);
		if (c == '&' && n > 1) {
			buf_byte(out, ' ');
			continue;
		}
		n = 1;
		if (c >= 0x80 && utf8)
			n = put_utf8(out, rest);
		else
			buf_byte(out, is_char(c) ? c : ' ');
	}
}

int
sml_xml_clean(struct arena *a, struct slice body, struct slice charset,
	      struct slice *out, struct err *e)
{
	struct buf b = BUF_IN(a);
	struct slice s = body;
	struct slice decl;
	bool utf8;

	*out = body;
	/* UTF-16: its NULs are no mistake, and nobody gets it wrong like that.
	 */
	if (s.n < 2 || s.p[0] == '\0' || s.p[1] == '\0' ||
	    (unsigned char)s.p[0] >= 0xFE)
		return 0;
	while (s.n > 0 && (is_blank(s.p[s.n - 1]) || s.p[s.n - 1] == '\0'))
		s.n--;
	while (s.n > 0 && is_blank(s.p[0]))
		s = slice_from(s, 1);
	if (buf_room(&b, s.n) != NULL)
		buf_cut(&b, 0); /* it will not have to grow by steps */
	decl = declaration(s);
	utf8 = is_utf8(value_of(decl, "encoding"));
	if (utf8 && is_other(charset) && !slice_utf8_ok(s) &&
	    (value_of(decl, "encoding").n == 0 || !has_utf8(s))) {
		buf_printf(&b, "<?xml version=\"1.0\" encoding=\"%.*s\"?>",
			   SLICE_ARG(charset));
		s = slice_from(s, decl.n);
		utf8 = false;
	}
	clean(&b, s, utf8);
	if (!buf_ok(&b))
		return err_set(e, ERR_NOMEM, "xml.clean", "memory is short");
	*out = buf_slice(&b);
	return 0;
}

int
sml_msg_read_mended(struct arena *a, struct slice content_type,
		    struct slice body, struct sml_msg **out, struct err *e)
{
	struct arena_mark mark = arena_mark(a);
	struct err first;
	struct slice good;

	if (sml_msg_read(a, SML_XML, body, NULL, out, e) == 0)
		return 0;
	if (e->code != ERR_PARSE)
		return -1;
	first = *e;
	arena_rewind(a, mark);
	if (sml_xml_clean(a, body, sml_charset_of(content_type), &good, e) < 0)
		return -1;
	if (!slice_eq(good, body) &&
	    sml_msg_read(a, SML_XML, good, NULL, out, e) == 0) {
		*e = first; /* what was wrong */
		return 1;
	}
	if (e->code == ERR_PARSE)
		*e = first;
	return -1;
}
