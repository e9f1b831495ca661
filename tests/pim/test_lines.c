/* The content-line codec: unfolding, encodings, charsets, escapes, limits. */
#include "tests/pim/core_help.h"

#include <stdio.h>

static int
setup(void **state)
{
	*state = arena_new(T_ARENA_BYTES);
	return *state == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	struct arena *a = *state;

	arena_free(&a);
	return 0;
}

struct value_row {
	const char *what;
	const char *version;
	const char *lines; /* '|' ends lines */
	const char *name;
	const char *want; /* canonical value; NULL: property absent */
};

static const struct value_row rows[] = {
	{ "plain", "2.1", "NOTE:abc", "NOTE", "abc" },
	{ "comma and semicolon are text in 2.1", "2.1", "NOTE:a,b;c", "NOTE",
	  "a\\,b\\;c" },
	{ "they stay as written in 3.0", "3.0", "NOTE:a\\,b\\;c", "NOTE",
	  "a\\,b\\;c" },
	{ "semicolon divides parts", "2.1", "N:a;b,c;d\\;e", "N",
	  "a;b\\,c;d\\;e" },
	{ "lone backslash in 2.1", "2.1", "NOTE:C:\\dir", "NOTE", "C:\\\\dir" },
	{ "lenient escapes in 2.1", "2.1", "NOTE:a\\nb\\,c\\\\d", "NOTE",
	  "a\\nb\\,c\\\\d" },
	{ "quoted-printable", "2.1",
	  "NOTE;ENCODING=QUOTED-PRINTABLE:a=0D=0Ab=3Dc", "NOTE", "a\\nb=c" },
	{ "bare encoding", "2.1", "NOTE;QUOTED-PRINTABLE:a=20b", "NOTE",
	  "a b" },
	{ "lower case hex", "2.1",
	  "NOTE;ENCODING=quoted-printable;CHARSET=utf-8:=c3=bc", "NOTE",
	  "\xC3\xBC" },
	{ "soft break keeps the blank", "2.1",
	  "NOTE;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:Gr=C3=BC=C3=9Fe=0D=0A"
	  "line 2=| more",
	  "NOTE",
	  "Gr\xC3\xBC\xC3\x9F"
	  "e\\nline 2 more" },
	{ "soft breaks and folding at one width", "2.1",
	  "NOTE;ENCODING=QUOTED-PRINTABLE:0123456789abcdefghij=| "
	  "0123456789abcdefghij=| 0123456789abcdefghij=| end",
	  "NOTE",
	  "0123456789abcdefghij0123456789abcdefghij0123456789abcdefghijend" },
	{ "soft breaks in front of words", "2.1",
	  "NOTE;ENCODING=QUOTED-PRINTABLE:one=| two three four five=| six=| "
	  "seven",
	  "NOTE", "one two three four five six seven" },
	{ "soft break in front of a property-like line", "2.1",
	  "NOTE;ENCODING=QUOTED-PRINTABLE:see=|TEL:1", "NOTE", "seeTEL:1" },
	{ "soft break at the end of the card", "2.1",
	  "NOTE;ENCODING=QUOTED-PRINTABLE:see=", "NOTE", "see" },
	{ "Nokia's soft break", "2.1",
	  "NOTE;ENCODING=QUOTED-PRINTABLE:ab==0A=0D=|cd", "NOTE", "abcd" },
	{ "lone LF and CR", "2.1", "NOTE;ENCODING=QUOTED-PRINTABLE:a=0Ab=0Dc",
	  "NOTE", "a\\nb\\nc" },
	{ "quoted-printable parts", "2.1",
	  "N;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J=C3=BCrgen;a=5C=3Bb", "N",
	  "M\xC3\xBCller;J\xC3\xBCrgen;a\\;b" },
	{ "no hex behind =", "2.1",
	  "NOTE;ENCODING=QUOTED-PRINTABLE:1=x2=", "NOTE", "1=x2" },
	{ "Latin-1 by name", "2.1",
	  "NOTE;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:=FC", "NOTE",
	  "\xC3\xBC" },
	{ "quoted charset name", "2.1", "NOTE;CHARSET=\"ISO-8859-1\":\xFC",
	  "NOTE", "\xC3\xBC" },
	{ "Windows-1252", "2.1", "NOTE;CHARSET=WINDOWS-1252:\x80 \x93x\x94",
	  "NOTE", "\xE2\x82\xAC \xE2\x80\x9Cx\xE2\x80\x9D" },
	{ "unknown charset, UTF-8 bytes", "2.1",
	  "NOTE;CHARSET=X-UNKNOWN:\xC3\xBC", "NOTE", "\xC3\xBC" },
	{ "unknown charset, ASCII", "2.1", "NOTE;CHARSET=X-UNKNOWN:u", "NOTE",
	  "u" },
	{ "unknown charset of a photo", "2.1",
	  "PHOTO;CHARSET=X-UNKNOWN;ENCODING=BASE64:/A==", "PHOTO", "/A==" },
	{ "windows-1251", "2.1",
	  "N;CHARSET=windows-1251;ENCODING=QUOTED-PRINTABLE:"
	  "=C8=E2=E0=ED=EE=E2;=C8=E2=E0=ED",
	  "N",
	  "\xD0\x98\xD0\xB2\xD0\xB0\xD0\xBD\xD0\xBE\xD0\xB2;"
	  "\xD0\x98\xD0\xB2\xD0\xB0\xD0\xBD" },
	{ "KOI8-R", "2.1", "NOTE;CHARSET=koi8-r:\xE9\xD7\xC1\xCE", "NOTE",
	  "\xD0\x98\xD0\xB2\xD0\xB0\xD0\xBD" },
	{ "ISO-8859-2 as some write it", "2.1",
	  "NOTE;CHARSET=iso8859_2;ENCODING=QUOTED-PRINTABLE:=B3=F3d=BC", "NOTE",
	  "\xC5\x82\xC3\xB3"
	  "d\xC5\xBA" },
	{ "ISO-8859-7 with its year", "2.1",
	  "NOTE;CHARSET=\"ISO_8859-7:1987\":\xC1\xE8", "NOTE",
	  "\xCE\x91\xCE\xB8" },
	{ "ISO-8859-15", "2.1",
	  "NOTE;CHARSET=ISO-8859-15;ENCODING=QUOTED-PRINTABLE:=A4=BD", "NOTE",
	  "\xE2\x82\xAC\xC5\x93" },
	/* whose second bytes are a backslash and what divides parts */
	{ "Shift_JIS", "2.1",
	  "N;CHARSET=SHIFT_JIS;ENCODING=QUOTED-PRINTABLE:"
	  "=83\\=95=5C;=87=40",
	  "N", "\xE3\x82\xBD\xE8\xA1\xA8;\xE2\x91\xA0" },
	{ "GB2312", "2.1",
	  "NOTE;CHARSET=GB2312;ENCODING=QUOTED-PRINTABLE:=D6=D0=C4=A3", "NOTE",
	  "\xE4\xB8\xAD\xE6\xA8\xA1" },
	{ "Big5", "2.1",
	  "NOTE;CHARSET=big5;ENCODING=QUOTED-PRINTABLE:=A4=A4=B3\\", "NOTE",
	  "\xE4\xB8\xAD\xE8\xA8\xB1" },
	{ "EUC-KR", "2.1",
	  "NOTE;CHARSET=EUC-KR;ENCODING=QUOTED-PRINTABLE:=B1=E8", "NOTE",
	  "\xEA\xB9\x80" },
	{ "a character cut in two", "2.1",
	  "NOTE;CHARSET=SHIFT_JIS;ENCODING=QUOTED-PRINTABLE:=83=5C=83", "NOTE",
	  "\xE3\x82\xBD?" },
	{ "Big5-HKSCS, a base that waits for its accent", "2.1",
	  "NOTE;CHARSET=Big5-HKSCS;ENCODING=QUOTED-PRINTABLE:=88=66", "NOTE",
	  "\xC3\x8A" },
	/* an XML document was recoded, the name in the card was not */
	{ "a name that XML did not recode", "2.1",
	  "NOTE;CHARSET=SHIFT_JIS:\xE3\x82\xBD", "NOTE", "\xE3\x82\xBD" },
	{ "Latin-1 that XML did not recode", "2.1",
	  "NOTE;CHARSET=ISO-8859-1:\xC3\xBC", "NOTE", "\xC3\xBC" },
	{ "the same, encoded", "2.1",
	  "NOTE;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:=C3=BC", "NOTE",
	  "\xC3\x83\xC2\xBC" },
	{ "no charset, Latin-1 bytes", "2.1", "NOTE:\xFC", "NOTE", "\xC3\xBC" },
	{ "UTF-8 that is none", "2.1", "NOTE;CHARSET=UTF-8:\xFC!", "NOTE",
	  "\xC3\xBC!" },
	{ "3.0 with Latin-1 bytes", "3.0", "NOTE:\xFC", "NOTE", "\xC3\xBC" },
	{ "3.0 with quoted-printable", "3.0",
	  "NOTE;ENCODING=QUOTED-PRINTABLE:a=0D=0Ab", "NOTE", "a\\nb" },
	{ "3.0 unfolds anywhere", "3.0", "NOTE:wo|\x20rd| \x20two", "NOTE",
	  "word two" },
	{ "3.0 folded in the parameters", "3.0", "TEL;TYPE=HOME,| VOICE:030",
	  "TEL", "030" },
	{ "2.1 folded in front of a blank", "2.1",
	  "NOTE:This is a line that is folded where a word ends| and goes on",
	  "NOTE",
	  "This is a line that is folded where a word ends and goes on" },
	{ "2.1 folded at a fixed width", "2.1",
	  "NOTE:"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaa| "
	  "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	  "bbbbbbbbb| c",
	  "NOTE",
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaabbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	  "bbbbbbbbbbbbc" },
	{ "2.1 address is never folded at a blank", "2.1",
	  "URL:http://example.com/| index", "URL", "http://example.com/index" },
	{ "raw line break in a note", "2.1", "NOTE:one|two three|TEL:1", "NOTE",
	  "one\\ntwo three" },
	{ "raw empty line in a note", "2.1", "NOTE:one||two|TEL:1", "NOTE",
	  "one\\n\\ntwo" },
	{ "text that looks like an address", "2.1",
	  "NOTE:see|http://example.org/", "NOTE", "see\\nhttp://example.org/" },
	{ "empty property", "2.1", "TEL;CELL:", "TEL", "" },
	{ "group", "3.0", "item1.TEL:5", "TEL", "5" },
	{ "lower case name", "2.1", "tel;cell:5", "TEL", "5" },
	{ "colon in quotes", "3.0", "ADR;X-A=\"a:b;c\":;;x", "ADR", ";;x" },
	{ "open quote", "3.0", "ADR;X-A=\"a:;;x", "ADR", ";;x" },
	{ "base64 of a text", "2.1", "NOTE;ENCODING=BASE64:YWI=", "NOTE",
	  "ab" },
	{ "base64 block with blanks", "2.1",
	  "PHOTO;TYPE=JPEG;ENCODING=BASE64:| AAAA| BBBB||TEL:1", "PHOTO",
	  "AAAABBBB" },
	{ "base64 block without blanks or empty line", "2.1",
	  "PHOTO;ENCODING=BASE64:AAAA|BBBB|CC==|TEL:1", "PHOTO",
	  "AAAABBBBCC==" },
	{ "folded base64 in 3.0", "3.0", "PHOTO;ENCODING=b:AA|  AA| BBBB",
	  "PHOTO", "AAAABBBB" },
	{ "control characters go", "2.1", "NOTE:a\x01\x02\tb", "NOTE", "a\tb" },
	{ "address without zeal", "3.0", "URL:http\\://example.org/a\\,b",
	  "URL", "http://example.org/a,b" },
	{ "no property line", "2.1", "nonsense here|TEL:7", "TEL", "7" },
	{ "agent in a card", "2.1",
	  "AGENT:|BEGIN:VCARD|VERSION:2.1|N:In;Ner|END:VCARD|TEL:8", "TEL",
	  "8" },
};

static void
values(void **state)
{
	struct arena *a = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct value_row *r = &rows[i];
		struct pim_lines_in in = { .text = t_card(a, r->version,
							  r->lines) };
		struct pim_comp *c;
		struct pim_prop *p;

		assert_int_equal(pim_lines_parse(a, &in, &c, NULL, NULL, NULL),
				 0);
		assert_non_null(c);
		p = pim_prop_find(c, r->name);
		if (p == NULL || !slice_is(p->value, r->want))
			fail_msg("%s: got \"%.*s\", want \"%s\"", r->what,
				 p == NULL ? 0 : (int)p->value.n,
				 p == NULL ? "" : p->value.p, r->want);
	}
}

static void
params(void **state)
{
	struct arena *a = *state;
	struct pim_lines_in in = { .form = PIM_VCARD30 };
	struct pim_comp *c;
	struct pim_prop *p;

	in.text = SLICE_LIT("BEGIN:VCARD\r\nVERSION:3.0\r\n"
			    "TEL;type=home,voice;TYPE=\"pref,x\";CN=A, B:1\r\n"
			    "a.EMAIL;INTERNET;WORK;VALUE=URL:x\r\nEND:VCARD");
	assert_int_equal(pim_lines_parse(a, &in, &c, NULL, NULL, NULL), 0);
	p = pim_prop_find(c, "TEL");
	assert_true(pim_param_has(p, "TYPE", "HOME"));
	assert_true(pim_param_has(p, "TYPE", "VOICE"));
	assert_true(pim_param_has(p, "TYPE", "PREF"));
	assert_true(pim_param_has(p, "TYPE", "X"));
	assert_true(slice_is(pim_param_get(p, "CN"), "A, B"));
	p = pim_prop_find(c, "EMAIL");
	assert_true(slice_is(p->group, "a"));
	assert_true(pim_param_has(p, "TYPE", "INTERNET"));
	assert_true(slice_is(pim_param_get(p, "VALUE"), "URL"));
	assert_null(pim_param_get(p, "NONE").p);
}

static void
frames(void **state)
{
	struct arena *a = *state;
	struct pim_lines_in in = { .form = PIM_VCARD21 };
	struct pim_comp *c;
	enum pim_form form;
	struct slice rest;

	/* Junk before, several cards, an END missing. */
	in.text = SLICE_LIT("\xEF\xBB\xBFHello\r\n\r\n  begin:vcard\r\n"
			    "VERSION:3.0\r\nN:One\r\nEND:VCARD\r\n"
			    "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Two\r\n"
			    "BEGIN:VCARD\r\nN:Three");
	assert_int_equal(pim_lines_parse(a, &in, &c, &form, &rest, NULL), 0);
	assert_true(slice_is(pim_prop_value(c, "N"), "One"));
	assert_int_equal(form, PIM_VCARD30);
	in.text = rest;
	assert_int_equal(pim_lines_parse(a, &in, &c, &form, &rest, NULL), 0);
	assert_true(slice_is(pim_prop_value(c, "N"), "Two"));
	assert_int_equal(form, PIM_VCARD21);
	in.text = rest;
	assert_int_equal(pim_lines_parse(a, &in, &c, &form, &rest, NULL), 0);
	assert_true(slice_is(pim_prop_value(c, "N"), "Three"));
	in.text = rest;
	assert_int_equal(pim_lines_parse(a, &in, &c, &form, &rest, NULL), 0);
	assert_null(c);

	/* Lines that end in CR only; crossed and foreign ENDs. */
	in.text = SLICE_LIT("BEGIN:VCALENDAR\rVERSION:2.0\rBEGIN:VEVENT\r"
			    "SUMMARY:x\rBEGIN:VALARM\rEND:VFOO\rEND:VEVENT\r"
			    "X-A:1\rEND:VCALENDAR\r");
	assert_int_equal(pim_lines_parse(a, &in, &c, &form, &rest, NULL), 0);
	assert_int_equal(form, PIM_ICAL20);
	assert_true(slice_is(pim_prop_value(c, "X-A"), "1"));
	assert_non_null(pim_comp_kid(pim_comp_kid(c, "VEVENT"), "VALARM"));
}

static void
limits(void **state)
{
	struct arena *a = *state;
	struct pim_lines_in in = { .form = PIM_ICAL20 };
	struct buf b = BUF_IN(a);
	struct pim_comp *c;
	struct err e = { .code = ERR_NONE };

	for (int i = 0; i < 1000; i++)
		buf_str(&b, "BEGIN:VEVENT\r\n");
	in.text = buf_slice(&b);
	assert_int_equal(pim_lines_parse(a, &in, &c, NULL, NULL, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	b = BUF_IN(a);
	buf_str(&b, "BEGIN:VCARD\r\n");
	for (int i = 0; i <= PIM_PROPS_MAX; i++)
		buf_str(&b, "A:\r\n");
	in.text = buf_slice(&b);
	assert_int_equal(pim_lines_parse(a, &in, &c, NULL, NULL, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
}

/* What is written comes back the same, in every dialect. */
static void
round_trip(void **state)
{
	static const enum pim_form forms[] = { PIM_VCARD21, PIM_VCARD30,
					       PIM_VCAL10, PIM_ICAL20 };
	static const char *const texts[] = {
		"",
		"plain",
		"a\\nb\\n",
		"semi\\; comma\\, back\\\\slash",
		"C:\\\\new\\\\",
		"\\\\\\;\\\\\\,\\\\n",
		"Gr\xC3\xBC\xC3\x9F"
		"e \xF0\x9F\x98\x80",
		"1=1",
		"ends in blank ",
		"ends in equals=",
		"a long text with many words in it\\, so many that it has to "
		"be "
		"folded somewhere\\, at least once\\, or twice\\nand on "
		"\xC3\xA4"
		"\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3"
		"\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4"
		"\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3"
		"\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4",
	};
	static const uint32_t rules[] = { 0, PIM_RULE_LATIN1, PIM_RULE_QP_8BIT,
					  PIM_RULE_QP_8BIT | PIM_RULE_NO_FOLD };
	struct arena *a = *state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) * 16; i++) {
		struct pim_lines_out how = { .form = forms[i & 3],
					     .rules = rules[i >> 2 & 3] };
		struct pim_lines_in in = { .form = how.form };
		struct pim_comp *c = pim_comp_new(a, SLICE_LIT("VCARD"));
		struct slice text = slice_c(texts[i / 16]);
		struct buf b = BUF_IN(a);
		struct slice raw;

		if (how.form == PIM_VCAL10 || how.form == PIM_ICAL20)
			c->name = SLICE_LIT("VCALENDAR");
		assert_true(
		    pim_comp_put(a, c, "VERSION", pim_form_version(how.form)));
		assert_true(pim_comp_put(a, c, "NOTE", text));
		raw = arena_printf(a, "%s;x;%s", texts[i / 16], texts[i / 16]);
		assert_true(pim_comp_put(a, c, "ADR", raw));
		assert_true(pim_comp_put(a, c, "TEL", text));
		assert_int_equal(pim_lines_write(&how, c, &b, NULL), 0);
		in.text = buf_slice(&b);
		assert_int_equal(pim_lines_parse(a, &in, &c, NULL, NULL, NULL),
				 0);
		if (!slice_eq(pim_prop_value(c, "NOTE"), text) ||
		    !slice_eq(pim_prop_value(c, "TEL"), text) ||
		    !slice_eq(pim_prop_value(c, "ADR"), raw))
			fail_msg("form %d rules %x text %zu:\n%.*s",
				 (int)how.form, how.rules, i / 16,
				 SLICE_ARG(in.text));
	}
}

static size_t
longest_line(const char *s)
{
	size_t max = 0;

	while (*s != 0) {
		size_t n = strcspn(s, "\r\n");

		max = n > max ? n : max;
		s += n;
		s += strspn(s, "\r\n");
	}
	return max;
}

static void
widths(void **state)
{
	struct arena *a = *state;
	struct pim_view v = { .form = PIM_VCARD30 };
	struct pim_item *it = t_read_card(
	    a, &v,
	    "N:\xC3\xA4;;;;|NOTE:"
	    "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4"
	    "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4"
	    "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4"
	    "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4"
	    "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4"
	    "\\n=|PHOTO;ENCODING=b:AAAABBBBCCCCDDDDEEEEFFFFGGGGHHHHIIIIJJJJKKKK"
	    "LLLLMMMMNNNNOOOOPPPPQQQQRRRRSSSSTTTT");
	const char *s = t_write(a, &v, it);

	assert_true(longest_line(s) <= 75);
	v.form = PIM_VCARD21;
	s = t_write(a, &v, it);
	assert_true(longest_line(s) <= 76);
	T_HAS(s, "\r\n\r\nEND:VCARD");
	v.rules = PIM_RULE_NO_FOLD;
	s = t_write(a, &v, it);
	T_LACKS(s, "=\r\n");
	T_LACKS(s, "\r\n ");
	v.form = PIM_VCARD30;
	T_LACKS(t_write(a, &v, it), "\r\n ");
	T_LACKS(t_canon(a, it), "\r\n ");
}

/* Readers that unfold before they decode take a blank behind a soft break away;
   wherever the break falls, none is there, and the text comes back. */
static void
soft_breaks(void **state)
{
	struct arena *a = *state;
	struct pim_view v = { .form = PIM_VCARD21 };

	for (int n = 0; n < 80; n++) {
		char lines[512];
		struct pim_item *it;
		const char *s;
		size_t breaks = 0;

		(void)snprintf(lines, sizeof(lines),
			       "N:x;;;;|NOTE:%.*s=%*sy%*s", n,
			       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
			       100, "", n % 3, "");
		it = t_read_card(a, &v, lines);
		s = t_write(a, &v, it);
		assert_true(longest_line(s) <= 76);
		T_LACKS(s, "=\r\n ");
		T_LACKS(s, " \r\n");
		for (const char *p = s; (p = strstr(p, "=\r\n")) != NULL; p++)
			breaks++;
		assert_true(breaks > 0);
		assert_true(
		    pim_same(a, it, t_read(a, &v, PIM_VCARD21, slice_c(s))));
	}
}

/* Whatever the bytes, what is stored is UTF-8 and one line per property. */
static void
odd_bytes(void **state)
{
	static const char *const lines[] = {
		("TEL;VOI\xD1"
		 "E;X-\x01Y=\xFF:1"),
		"TEL;X=a\rb;CN=\xC3\xBC:1",
		"PHOTO;ENCODING=b:AA\xFF\x01\xC3=",
		"X-\x02\xFF:1|\xFF:2",
		"NOTE;CHARSET=KOI8-R:\xFF\r\x0C",
		"NOTE:\xED\xA0\x80\xC0\x80",
	};
	struct arena *a = *state;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct pim_item *it = t_read_card(a, NULL, lines[i]);
		struct pim_item *again;
		struct slice canon;

		assert_int_equal(pim_canon(a, it, &canon, NULL), 0);
		assert_true(slice_utf8_ok(canon));
		assert_int_equal(pim_parse(a, PIM_CONTACT, canon, &again, NULL),
				 0);
		assert_true(pim_same(a, it, again));
	}
}

/* A guess would go to all other devices, and back over what the phone has. */
static void
no_guessing(void **state)
{
	static const char *const lines[] = {
		"NOTE;CHARSET=X-UNKNOWN:\xFC",
		"NOTE;CHARSET=\xFF:\xFF\r\x0C",
		"NOTE;CHARSET=UTF-7:\xFC",
		"NOTE;CHARSET=//TRANSLIT:\xFC",
		"NOTE;CHARSET=CP1251//IGNORE:\xFC",
		"NOTE;CHARSET=ISO-2022-JP;ENCODING=QUOTED-PRINTABLE:=FC",
		("NOTE;CHARSET=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		 ";ENCODING=QUOTED-PRINTABLE:=FC"),
		/* one converter more than an item may use */
		("X-A;CHARSET=KOI8-R:\xFC|X-B;CHARSET=GBK:\xFC|"
		 "X-C;CHARSET=BIG5:\xFC|X-D;CHARSET=CP1251:\xFC|"
		 "X-E;CHARSET=KOI8-R:\xFC|X-F;CHARSET=CP1250:\xFC"),
	};
	struct arena *a = *state;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct slice two = arena_printf(
		    a, "%.*s%.*s", SLICE_ARG(t_card(a, "2.1", lines[i])),
		    SLICE_ARG(t_card(a, "2.1", "N:Two")));
		struct pim_lines_in in = { .form = PIM_VCARD21, .text = two };
		struct err e = { .code = ERR_NONE };
		struct pim_comp *c;

		assert_int_equal(
		    pim_lines_parse(a, &in, &c, NULL, &in.text, &e), -1);
		assert_int_equal(e.code, ERR_UNSUPPORTED);
		/* the next of a file is read */
		assert_int_equal(
		    pim_lines_parse(a, &in, &c, NULL, &in.text, &e), 0);
		assert_true(slice_is(pim_prop_value(c, "N"), "Two"));
	}
}

/* Large and mean: the work must stay in proportion to the size. */
static void
large(void **state)
{
	static const char *const units[] = {
		";A=1",   "\r\n x",
		"=\r\n",  "\r\n",
		",",      ";",
		"\\,",    "\r\nTEL:1",
		"=C3=BC", "\"",
		";;,",    "\r\ny",
		"\r\nA:", "\r\nN;ENCODING=BASE64:A",
	};
	static const char *const heads[] = {
		"NOTE",
		"NOTE:",
		"N;ENCODING=QUOTED-PRINTABLE:",
		"CATEGORIES:a",
		"PHOTO;ENCODING=B:",
		"TEL;TYPE=a,b:",
	};
	enum {
		UNITS = sizeof(units) / sizeof(units[0]),
		HEADS = sizeof(heads) / sizeof(heads[0]),
		BYTES = 200000
	};

	(void)state;
	for (size_t i = 0; i < UNITS * HEADS; i++) {
		struct arena *a = arena_new((size_t)256 << 20);
		struct buf b = BUF_IN(a);
		struct pim_view v = { .form = PIM_VCARD21 };
		struct pim_merge m = { .view = &v };
		struct pim_merged out;
		struct pim_item *it;
		const struct pim_item *base[1];

		buf_str(&b, "BEGIN:VCARD\r\nVERSION:2.1\r\n");
		buf_str(&b, heads[i % HEADS]);
		while (b.n < BYTES)
			buf_str(&b, units[i / HEADS]);
		if (pim_read(a, &v, v.form, buf_slice(&b), &it, NULL) == 0) {
			base[0] = it;
			m.base = base;
			m.base_n = 1;
			m.current = it;
			m.incoming = it;
			(void)pim_merge(a, &m, &out, NULL);
			(void)pim_score(a, it, it);
		}
		arena_free(&a);
	}
}

/* Each name must be found: the table is searched by halving. */
static void
table_is_sorted(void **state)
{
	static const char *const some[] = {
		"AALARM",   "ADR",     "BDAY",  "CATEGORIES", "DTEND",
		"DTSTAMP",  "DTSTART", "EMAIL", "FN",         "N",
		"NICKNAME", "NOTE",    "ORG",   "PHOTO",      "REV",
		"RRULE",    "TEL",     "URL",   "VERSION",    "X-YAHOO",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++)
		assert_true(
		    slice_is(pim_pdef_find(slice_c(some[i]))->name, some[i]));
	assert_int_equal(pim_pdef_find(SLICE_LIT("X-NO"))->name.n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(values, setup, teardown),
		cmocka_unit_test_setup_teardown(params, setup, teardown),
		cmocka_unit_test_setup_teardown(frames, setup, teardown),
		cmocka_unit_test_setup_teardown(limits, setup, teardown),
		cmocka_unit_test_setup_teardown(round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(widths, setup, teardown),
		cmocka_unit_test_setup_teardown(soft_breaks, setup, teardown),
		cmocka_unit_test_setup_teardown(no_guessing, setup, teardown),
		cmocka_unit_test_setup_teardown(odd_bytes, setup, teardown),
		cmocka_unit_test(large),
		cmocka_unit_test(table_is_sorted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
