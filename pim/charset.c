/* Bytes in a named charset to UTF-8: the C library converts what has no states
   and no shifts, from a table of names. */
#include "pim/lines_int.h"

enum { NAME_BYTES = 24 };

/* Named or not, its bytes are UTF-8, or else Windows-1252. */
static const char plain[] = "";
/* Windows-1252, of which ISO-8859-1 is a part. */
static const char latin[] = "CP1252";

struct charset {
	const char *said; /* in capitals, without '-', '_' and blanks */
	const char *name; /* as iconv knows it */
};

static const struct charset charsets[] = {
	/* clang-format off */
	{ "", plain }, { "UTF8", plain }, { "USASCII", plain },
	{ "ASCII", plain },
	{ "ISO88591", latin }, { "LATIN1", latin }, { "CP1252", latin },
	{ "WINDOWS1252", latin }, { "ANSI", latin },
	{ "ISO88592", "ISO-8859-2" }, { "LATIN2", "ISO-8859-2" },
	{ "ISO88593", "ISO-8859-3" }, { "ISO88594", "ISO-8859-4" },
	{ "ISO88595", "ISO-8859-5" }, { "ISO88596", "ISO-8859-6" },
	{ "ISO88597", "ISO-8859-7" }, { "ISO88598", "ISO-8859-8" },
	{ "ISO88598I", "ISO-8859-8" }, { "ISO88599", "ISO-8859-9" },
	{ "LATIN5", "ISO-8859-9" }, { "ISO885910", "ISO-8859-10" },
	{ "ISO885911", "CP874" }, { "ISO885913", "ISO-8859-13" },
	{ "ISO885914", "ISO-8859-14" }, { "ISO885915", "ISO-8859-15" },
	{ "LATIN9", "ISO-8859-15" }, { "ISO885916", "ISO-8859-16" },
	{ "WINDOWS1250", "CP1250" }, { "CP1250", "CP1250" },
	{ "WINDOWS1251", "CP1251" }, { "CP1251", "CP1251" },
	{ "WINDOWS1253", "CP1253" }, { "CP1253", "CP1253" },
	{ "WINDOWS1254", "CP1254" }, { "CP1254", "CP1254" },
	{ "WINDOWS1255", "CP1255" }, { "CP1255", "CP1255" },
	{ "WINDOWS1256", "CP1256" }, { "CP1256", "CP1256" },
	{ "WINDOWS1257", "CP1257" }, { "CP1257", "CP1257" },
	{ "WINDOWS1258", "CP1258" }, { "CP1258", "CP1258" },
	{ "WINDOWS874", "CP874" }, { "CP874", "CP874" },
	{ "TIS620", "CP874" },
	{ "KOI8R", "KOI8-R" }, { "KOI8U", "KOI8-U" },
	{ "CP437", "CP437" }, { "IBM437", "CP437" },
	{ "CP850", "CP850" }, { "IBM850", "CP850" },
	{ "CP852", "CP852" }, { "IBM852", "CP852" },
	{ "CP866", "CP866" }, { "IBM866", "CP866" },
	{ "MACINTOSH", "MACINTOSH" },
	{ "SHIFTJIS", "CP932" }, { "SJIS", "CP932" }, { "CP932", "CP932" },
	{ "MSKANJI", "CP932" }, { "WINDOWS31J", "CP932" },
	{ "EUCJP", "EUC-JP-MS" },
	{ "EUCKR", "UHC" }, { "KSC56011987", "UHC" }, { "CP949", "UHC" },
	{ "GB2312", "GB18030" }, { "GB231280", "GB18030" },
	{ "GBK", "GB18030" }, { "CP936", "GB18030" },
	{ "GB18030", "GB18030" }, { "EUCCN", "GB18030" },
	{ "BIG5", "CP950" }, { "CP950", "CP950" },
	{ "BIG5HKSCS", "BIG5-HKSCS" }, { "EUCTW", "EUC-TW" },
	/* clang-format on */
};

/* The name that iconv has for it; NULL: not one of these. */
static const char *
known_name(struct slice said)
{
	char word[NAME_BYTES];
	size_t n = 0;

	said = slice_sub(said, 0, slice_find(said, ':')); /* ":1987" */
	if (slice_starts_nocase(said, "X-"))
		said = slice_from(said, 2);
	for (size_t i = 0; i < said.n; i++) {
		char c = slice_upper(said.p[i]);

		if (c == '-' || c == '_' || c == ' ')
			continue;
		if (n == sizeof(word))
			return NULL;
		word[n++] = c;
	}
	for (size_t i = 0; i < sizeof(charsets) / sizeof(charsets[0]); i++) {
		if (slice_is((struct slice){ word, n }, charsets[i].said))
			return charsets[i].name;
	}
	return NULL;
}

/* An open converter; NULL: this machine has none, or there are too many. */
static iconv_t *
converter(struct pim_charsets *cs, const char *name)
{
	iconv_t cd;

	for (size_t i = 0; i < cs->n; i++) {
		if (cs->open[i].name == name)
			return &cs->open[i].cd;
	}
	if (cs->n == PIM_CHARSETS_MAX)
		return NULL;
	cd = iconv_open("UTF-8", name);
	if (cd == (iconv_t)-1) /* NOLINT(performance-no-int-to-ptr) */
		return NULL;
	cs->open[cs->n].name = name;
	cs->open[cs->n].cd = cd;
	return &cs->open[cs->n++].cd;
}

static struct slice
convert(struct arena *a, iconv_t cd, struct slice s)
{
	size_t room = s.n * 4 + 4;
	char *out = arena_array(a, s.n + 1, 4);
	char *in = arena_alloc(a, s.n + 1); /* iconv() wants it without const */
	size_t left = s.n;
	char *at = out;

	if (out == NULL || in == NULL)
		return (struct slice){ NULL, 0 };
	if (s.n > 0)
		memcpy(in, s.p, s.n);
	(void)iconv(cd, NULL, NULL, NULL, NULL);
	while (left > 0 && iconv(cd, &in, &left, &at, &room) == (size_t)-1) {
		if (room == 0)
			break;
		*at++ = '?'; /* a byte that means nothing there */
		room--;
		in++;
		left--;
	}
	(void)iconv(cd, NULL, NULL, &at, &room); /* a base without its accent */
	return (struct slice){ out, (size_t)(at - out) };
}

int
pim_charset_read(struct arena *a, struct pim_charsets *cs, struct slice s,
		 struct slice said, struct slice *out)
{
	const char *name = known_name(said);
	iconv_t *cd;

	if (name == plain)
		*out = pim_to_utf8(a, s);
	else if (name == latin)
		*out = pim_from_1252(a, s);
	else if (name != NULL && (cd = converter(cs, name)) != NULL)
		*out = convert(a, *cd, s);
	else if (slice_utf8_ok(s))
		*out = s;
	else
		return 0;
	return out->p == NULL ? -1 : 1;
}

void
pim_charsets_end(struct pim_charsets *cs)
{
	for (size_t i = 0; i < cs->n; i++)
		(void)iconv_close(cs->open[i].cd);
	cs->n = 0;
}
