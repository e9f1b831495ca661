/* Contacts: conversion both ways, capabilities, device rules, hashes. */
#include "tests/pim/core_help.h"

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

struct row {
	const char *what;
	const char *lines;   /* vCard 2.1 as sent */
	const char *want[9]; /* parts of the result; with '!': not in it */
};

/* All of `want` are in the text, those with '!' are not. */
static void
check(const char *what, const char *got, const char *const want[9])
{
	for (int k = 0; k < 9 && want[k] != NULL; k++) {
		bool no = want[k][0] == '!';

		if ((strstr(got, want[k] + no) == NULL) != no)
			fail_msg("%s: \"%s\" in\n%s", what, want[k], got);
	}
}

static const struct row reads[] = {
	{ "the reference card",
	  "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J=C3=BCrgen;;;"
	  "|TEL;CELL:+491701234567|TEL;HOME;VOICE:030123|"
	  "EMAIL;INTERNET:j@example.com|ORG:Firma;Einkauf|"
	  "NOTE;ENCODING=QUOTED-PRINTABLE:line 1=0D=0A=|line 2|BDAY:19700131",
	  { "\r\nN:M\xC3\xBCller;J\xC3\xBCrgen;;;\r\n",
	    "\r\nFN:J\xC3\xBCrgen M\xC3\xBCller\r\n",
	    "\r\nTEL;TYPE=CELL:+491701234567\r\nTEL;TYPE=HOME,VOICE:030123\r\n"
	    "EMAIL;TYPE=INTERNET:j@example.com\r\n",
	    "\r\nORG:Firma;Einkauf\r\n", "\r\nNOTE:line 1\\nline 2\r\n",
	    "\r\nBDAY:1970-01-31\r\n", "!VERSION:2.1", "!CHARSET",
	    "!QUOTED" } },
	{ "FN in full",
	  "N:Smith;John;Paul;Dr.;Jr.",
	  { "FN:Dr. John Paul Smith "
	    "Jr.\r\n" } },
	{ "FN of a company",
	  "ORG:A\\;B, Inc.;Dept",
	  { "FN:A\\;B\\, Inc.\r\n", "N:;;;;\r\n" } },
	{ "FN kept", "N:Smith;John|FN:Johnny", { "FN:Johnny\r\n" } },
	{ "N from FN", "FN:Johnny, Esq.", { "N:Johnny\\, Esq.;;;;\r\n" } },
	{ "empty FN", "N:Smith;John|FN:", { "FN:John Smith\r\n", "!FN:\r\n" } },
	{ "birthday with a time",
	  "N:A|BDAY:1970-01-31T00:00:00Z",
	  { "BDAY:1970-01-31\r\n" } },
	{ "birthday that is none", "N:A|BDAY:in May", { "BDAY:in May\r\n" } },
	{ "empty birthday stays present", "N:A|BDAY:", { "BDAY:\r\n" } },
	{ "nickname of a Nokia",
	  "N:A|X-NICKNAME:B",
	  { "NICKNAME:B\r\n", "!X-NICK" } },
	{ "place", "N:A|GEO:13.4,52.5", { "GEO:52.5;13.4\r\n" } },
	{ "picture",
	  "N:A|PHOTO;JPEG;ENCODING=BASE64:| AAAA| BBBB||TEL:1",
	  { "PHOTO;TYPE=JPEG;ENCODING=b:AAAABBBB\r\n", "TEL:1\r\n" } },
	{ "picture elsewhere",
	  "N:A|PHOTO;VALUE=URL:http://example.org/a.jpg",
	  { "PHOTO;VALUE=uri:http://example.org/a.jpg\r\n" } },
	{ "unknown ones stay, with parameters and group",
	  "N:A|item1.X-ABC;FOO=bar;BAZ:a;b,c",
	  { "item1.X-ABC;FOO=bar;TYPE="
	    "BAZ:a;b,c\r\n" } },
	{ "who wrote it goes", "N:A|PRODID:-//X", { "N:A", "!PRODID" } },
};

static void
reading(void **state)
{
	struct arena *a = *state;

	for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
		const struct row *r = &reads[i];
		const char *got = t_canon(a, t_read_card(a, NULL, r->lines));

		check(r->what, got, r->want);
	}
}

static void
reading_v4(void **state)
{
	struct arena *a = *state;
	const char *got = t_canon(
	    a, t_read(a, NULL, PIM_VCARD40,
		      t_card(a, "4.0",
			     "FN:A B|N:B;A;;;|TEL;TYPE=\"home,voice\";VALUE="
			     "uri:tel:+1-2|EMAIL;PREF=1:x@y|BDAY:--0131|"
			     "PHOTO:data:image/jpeg;base64,AAAA|GEO:geo:52,13|"
			     "UID:urn:uuid:1")));

	T_HAS(got, "VERSION:3.0\r\n");
	T_HAS(got, "TEL;TYPE=home,voice:+1-2\r\n");
	T_HAS(got, "EMAIL;TYPE=PREF:x@y\r\n");
	T_HAS(got, "BDAY:--01-31\r\n");
	T_HAS(got, "PHOTO;ENCODING=b;TYPE=jpeg:AAAA\r\n");
	T_HAS(got, "GEO:52;13\r\n");
	T_HAS(got, "UID:urn:uuid:1\r\n");
}

struct write_row {
	const char *what;
	enum pim_form form;
	uint32_t rules;
	const char *caps;
	const char *lines;   /* vCard 3.0 as stored */
	const char *want[9]; /* parts of the result; with '!': not in it */
};

static const struct write_row writes[] = {
	{ "2.1 as phones like it",
	  PIM_VCARD21,
	  0,
	  NULL,
	  "N:M\xC3\xBCller;J;;;|TEL;TYPE=home,voice:1|BDAY:1990-02-03|"
	  "NOTE:a\\nb|GEO:52;13",
	  { "N;CHARSET=UTF-8:M\xC3\xBCller;J;;;\r\n", "TEL;HOME;VOICE:1\r\n",
	    "BDAY:19900203\r\n",
	    "NOTE;ENCODING=QUOTED-PRINTABLE:a=0D=0Ab\r\n" } },
	{ "note and picture come last",
	  PIM_VCARD21,
	  0,
	  NULL,
	  "N:A;;;;|PHOTO;TYPE=JPEG;ENCODING=b:AAAA|NOTE:x|TEL:1",
	  { "TEL:1\r\nNOTE:x\r\nPHOTO;JPEG;ENCODING=BASE64:\r\n AAAA\r\n\r\n"
	    "END" } },
	{ "3.0 keeps its order",
	  PIM_VCARD30,
	  0,
	  NULL,
	  "N:A;;;;|NOTE:x|TEL;TYPE=HOME,VOICE:1|BDAY:1990-02-03",
	  { "NOTE:x\r\nTEL;TYPE=HOME,VOICE:1\r\nBDAY:1990-02-03\r\n" } },
	{ "Latin-1 quoted",
	  PIM_VCARD21,
	  PIM_RULE_LATIN1,
	  NULL,
	  "N:M\xC3\xBCller;;;;|NOTE:\xE2\x82\xAC",
	  { "N;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:M=FCller;;;;\r\n",
	    "NOTE;CHARSET=UTF-8:\xE2\x82\xAC\r\n" } },
	{ "8 bit quoted",
	  PIM_VCARD21,
	  PIM_RULE_QP_8BIT,
	  NULL,
	  "N:M\xC3\xBCller;;;;",
	  { "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;;;;" } },
	{ "no empty ones",
	  PIM_VCARD21,
	  PIM_RULE_NO_EMPTY,
	  NULL,
	  "N:;;;;|FN:A|ORG:;;|NICKNAME:|TEL:1",
	  { "N:;;;;\r\n", "TEL:1", "!ORG", "!NICK" } },
	{ "mail by name",
	  PIM_VCARD21,
	  PIM_RULE_EMAIL_INTERNET,
	  NULL,
	  "N:A|EMAIL;TYPE=HOME:x|EMAIL;TYPE=INTERNET:y",
	  { "EMAIL;INTERNET;HOME:x\r\n", "EMAIL;INTERNET:y\r\n" } },
	{ "nothing before 1980",
	  PIM_VCARD21,
	  PIM_RULE_NO_1980,
	  NULL,
	  "N:A|BDAY:1979-12-31",
	  { "N:A", "!BDAY" } },
	{ "since 1980",
	  PIM_VCARD21,
	  PIM_RULE_NO_1980,
	  NULL,
	  "N:A|BDAY:1980-01-01",
	  { "BDAY:19800101" } },
	{ "picture without type",
	  PIM_VCARD21,
	  PIM_RULE_PHOTO_NO_TYPE,
	  NULL,
	  "N:A|PHOTO;TYPE=JPEG;ENCODING=b:AAAA",
	  { "PHOTO;ENCODING=BASE64:" } },
	{ "one number of each place, no pager",
	  PIM_VCARD21,
	  PIM_RULE_TEL_ONE,
	  NULL,
	  "N:A|TEL;TYPE=HOME,VOICE:1|TEL;TYPE=WORK:2|TEL;TYPE=HOME:3|"
	  "TEL;TYPE=CELL,HOME:4|TEL;TYPE=CELL,HOME:5|TEL;TYPE=PAGER:6|"
	  "TEL;TYPE=VOICE,CAR:7|TEL:8",
	  { "TEL;HOME;VOICE:1\r\nTEL;WORK:2\r\nTEL;CELL;HOME:4\r\n"
	    "TEL;CELL;HOME:5\r\nTEL:8\r\nEND" } },
	{ "fax at home or at work only",
	  PIM_VCARD21,
	  PIM_RULE_TEL_ONE,
	  NULL,
	  "N:A|TEL;TYPE=FAX:1|TEL;TYPE=HOME,FAX:2|TEL;TYPE=HOME:3|"
	  "TEL;TYPE=FAX,WORK:4|TEL;TYPE=FAX,WORK:5|TEL;TYPE=HOME,WORK:6",
	  { "TEL;HOME;FAX:2\r\nTEL;HOME:3\r\nTEL;FAX;WORK:4\r\nEND" } },
	{ "company only",
	  PIM_VCARD21,
	  PIM_RULE_ORG_ONE,
	  NULL,
	  "N:A|ORG:Co\\;x;Dept",
	  { "ORG:Co\\;x\r\n" } },
	{ "unsupported ones go",
	  PIM_VCARD21,
	  0,
	  "N TEL",
	  "N:A|FN:B|TEL:1|NOTE:x|X-Y:z|UID:u",
	  { "FN:B", "TEL:1", "!NOTE", "!X-Y", "!UID" } },
	{ "caps that say nothing",
	  PIM_VCARD21,
	  0,
	  "BEGIN END VERSION",
	  "N:A|NOTE:x",
	  { "NOTE:x" } },
	{ "counts",
	  PIM_VCARD21,
	  0,
	  "N TEL/2",
	  "N:A|TEL:1|TEL:2|TEL:3",
	  { "TEL:1\r\nTEL:2\r\nEND" } },
	{ "lengths, between characters",
	  PIM_VCARD21,
	  0,
	  "N NOTE:4 TITLE:5",
	  "N:A|NOTE:abc\xC3\xBC|TITLE:a\\,b\\;cde",
	  { "NOTE:abc\r\n", "TITLE:a,b;c\r\n" } },
	{ "lengths ignored",
	  PIM_VCARD21,
	  PIM_RULE_IGNORE_SIZE,
	  "N NOTE:4",
	  "N:A|NOTE:abcdef",
	  { "NOTE:abcdef\r\n" } },
	{ "no truncation",
	  PIM_VCARD21,
	  0,
	  "N NOTE!:4",
	  "N:A|NOTE:abcdef",
	  { "N:A", "!NOTE" } },
	{ "half a number is none",
	  PIM_VCARD21,
	  0,
	  "N TEL:4 EMAIL:4 URL:4",
	  "N:A|TEL:12345|EMAIL:a@b.c|URL:http://x",
	  { "N:A", "!TEL", "!EMAIL", "!URL" } },
	{ "pictures have no length",
	  PIM_VCARD21,
	  0,
	  "N PHOTO:4",
	  "N:A|PHOTO;ENCODING=b:AAAABBBB",
	  { "AAAABBBB" } },
	{ "names are cut, never dropped",
	  PIM_VCARD21,
	  0,
	  "N!:3",
	  "N:Miller;A|FN:Miller",
	  { "N:Mil\r\n", "FN:Miller" } },
	{ "values",
	  PIM_VCARD30,
	  0,
	  "N CLASS=PUBLIC,PRIVATE CATEGORIES=a,b",
	  "N:A|CLASS:CONFIDENTIAL|CATEGORIES:x,b,a",
	  { "CATEGORIES:b,a\r\n", "!CLASS" } },
	{ "the device's name for it",
	  PIM_VCARD21,
	  0,
	  "N X-NICKNAME",
	  "N:A|NICKNAME:B",
	  { "X-NICKNAME:B" } },
	{ "another vendor's name for it",
	  PIM_VCARD30,
	  0,
	  "N X-EVOLUTION-SPOUSE",
	  "N:A|X-SPOUSE:B",
	  { "X-EVOLUTION-SPOUSE:B" } },
};

static void
writing(void **state)
{
	struct arena *a = *state;

	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
		const struct write_row *r = &writes[i];
		struct pim_view in = { .form = PIM_VCARD30 };
		struct pim_view v = { .form = r->form, .rules = r->rules };
		const char *got;

		v.caps = t_caps(a, r->caps);
		got = t_write(a, &v, t_read_card(a, &in, r->lines));
		check(r->what, got, r->want);
	}
}

struct pair {
	const char *what;
	enum pim_form fx, fy;
	const char *x, *y;
	bool same;
};

static const struct pair pairs[] = {
	{ "2.1 and 3.0", PIM_VCARD21, PIM_VCARD30,
	  "N:Doe;John|TEL;CELL;VOICE:1|NOTE:a,b;c|ORG:Co|"
	  "ADR;HOME:;;St;City|BDAY:19700131",
	  "FN:John Doe|ORG:Co;;;|TEL;TYPE=voice,cell:1|NOTE:a\\,b\\;c|"
	  "N:Doe;John;;;|ADR;TYPE=HOME,POSTAL:;;St;City;;;|BDAY:1970-01-31",
	  true },
	{ "order, types without meaning", PIM_VCARD30, PIM_VCARD30,
	  "N:A|EMAIL;TYPE=WORK:x|EMAIL;TYPE=HOME:y|TEL;TYPE=VOICE,CELL:1",
	  "N:A|TEL;TYPE=CELL:1|EMAIL;TYPE=home,INTERNET:y|"
	  "EMAIL;TYPE=INTERNET,WORK:x",
	  true },
	{ "volatile ones", PIM_VCARD30, PIM_VCARD30,
	  "N:A|REV:20100101T000000Z|PRODID:x", "N:A|REV:2011", true },
	{ "empty is absent", PIM_VCARD30, PIM_VCARD30,
	  "N:A|TEL:|ORG:;;|NOTE:", "N:A", true },
	{ "comma in a part", PIM_VCARD21, PIM_VCARD30, "N:A;B, C",
	  "N:A;B\\, C|FN:B, C A", true },
	{ "vendors' names for a thing", PIM_VCARD30, PIM_VCARD30,
	  "N:A|X-EVOLUTION-SPOUSE:B", "N:A|X-SPOUSE:B", true },
	{ "list order", PIM_VCARD30, PIM_VCARD30, "N:A|CATEGORIES:b,a",
	  "N:A|CATEGORIES:a,b", true },
	{ "default class", PIM_VCARD30, PIM_VCARD30, "N:A|CLASS:PUBLIC", "N:A",
	  true },
	{ "other type", PIM_VCARD30, PIM_VCARD30, "N:A|TEL;TYPE=HOME:1",
	  "N:A|TEL;TYPE=WORK:1", false },
	{ "other value", PIM_VCARD30, PIM_VCARD30, "N:A|TEL:1", "N:A|TEL:2",
	  false },
	{ "values swapped between types", PIM_VCARD30, PIM_VCARD30,
	  "N:A|TEL;TYPE=HOME:1|TEL;TYPE=WORK:2",
	  "N:A|TEL;TYPE=HOME:2|TEL;TYPE=WORK:1", false },
	{ "values swapped between names", PIM_VCARD30, PIM_VCARD30,
	  "N:A|TITLE:x|ROLE:y", "N:A|TITLE:y|ROLE:x", false },
	{ "part moved", PIM_VCARD30, PIM_VCARD30, "FN:A|N:A;B", "FN:A|N:A;;B",
	  false },
	{ "one of two equal", PIM_VCARD30, PIM_VCARD30, "N:A|TEL:1|TEL:1",
	  "N:A|TEL:1", false },
};

static void
hashes(void **state)
{
	struct arena *a = *state;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const struct pair *p = &pairs[i];
		struct pim_item *x = t_read(
		    a, NULL, p->fx,
		    t_card(a, p->fx == PIM_VCARD21 ? "2.1" : "3.0", p->x));
		struct pim_item *y = t_read(
		    a, NULL, p->fy,
		    t_card(a, p->fy == PIM_VCARD21 ? "2.1" : "3.0", p->y));

		if (pim_same(a, x, y) != p->same)
			fail_msg("%s", p->what);
	}
}

struct score_row {
	const char *x, *y;
	int min, max;
	bool identity; /* equal h_identity */
};

static const struct score_row scores[] = {
	{ "N:Doe;John|TEL:+49 170 1234567", "N:Doe;John|TEL;CELL:01701234567",
	  90, 100, true },
	{ "N:Doe;John|EMAIL:A@b.c", "N:Doe;John|EMAIL:a@B.c|TEL:1", 90, 100,
	  true },
	{ "N:Doe;John|TEL:1", "N:John Doe|TEL:1", 90, 100, true },
	{ "N:M\xC3\x9Cller;J", "N:m\xC3\xBCller;j", 50, 100, true },
	{ "N:Doe;John", "N:Doe;John", 50, 100, true },
	{ "N:Doe;John|ORG:X|TEL:1", "N:Doe;John|ORG:x|TEL:2", 50, 100, true },
	{ "N:Doe;John|TEL:1111111", "N:Doe;John|TEL:2222222", 0, 49, true },
	{ "N:Doe;John|BDAY:19700101", "N:Doe;John|BDAY:19800101", 0, 49, true },
	{ "N:Doe;John|TEL:1111111", "N:Doe;Jane|TEL:1111111", 0, 49, false },
	{ "N:Doe;John;Paul|TEL:1", "N:Doe;John|TEL:1", 50, 100, true },
	{ "N:Doe|TEL:1", "N:Doe;John|TEL:1", 50, 100, false },
	{ "N:A;B|UID:1", "N:A;B|UID:1|TEL:2", 100, 100, true },
	{ "N:A;B|UID:1", "N:C;D|UID:1", 0, 49, false },
	{ "ORG:Co", "ORG:Co;x", 50, 100, true },
	{ "EMAIL:a@b", "EMAIL:a@b", 50, 100, true },
};

static void
scoring(void **state)
{
	struct arena *a = *state;

	for (size_t i = 0; i < sizeof(scores) / sizeof(scores[0]); i++) {
		const struct score_row *r = &scores[i];
		struct pim_item *x = t_read_card(a, NULL, r->x);
		struct pim_item *y = t_read_card(a, NULL, r->y);
		int s = pim_score(a, x, y);
		struct pim_ids ix;
		struct pim_ids iy;

		if (s < r->min || s > r->max || s != pim_score(a, y, x))
			fail_msg("%s, %s: %d", r->x, r->y, s);
		assert_int_equal(pim_identify(a, x, &ix, NULL), 0);
		assert_int_equal(pim_identify(a, y, &iy, NULL), 0);
		if ((ix.h_identity == iy.h_identity) != r->identity)
			fail_msg("%s, %s: identity", r->x, r->y);
	}
}

/* Long names are looked up by their start, whichever field it stands in. */
static const struct alike_row {
	const char *stored, *comes;
	bool found;
} alike[] = {
	{ "N:Featherstonehaugh;Marjorie", "N:Featherstonehaugh;Mar", true },
	{ "N:Featherstonehaugh;Marjorie", "N:Marjorie Featherstonehaugh",
	  true },
	{ "N:Marjorie Featherstonehaugh", "N:Featherstonehaugh;Marjorie",
	  true },
	{ "N:van der Meulen;Johanna", "N:Johanna van der Meulen", true },
	{ "N:Hoffmann;Alexander", "N:HOFFMANN;Alexande", true },
	{ "N:Waterworks of the lower valley", "N:Waterworks of the lo", true },
	{ "N:Waterworks of the lower valley", "N:Waterworks of", false },
	{ "N:Featherstonehaugh;Marjorie", "N:Smith;Marjorie Alexandra", false },
	{ "N:Smith;Ann", "N:Smith;Anne", false },
};

static void
long_names(void **state)
{
	struct arena *a = *state;

	for (size_t i = 0; i < sizeof(alike) / sizeof(alike[0]); i++) {
		const struct alike_row *r = &alike[i];
		struct pim_item *have = t_read_card(a, NULL, r->stored);
		struct pim_item *it = t_read_card(a, NULL, r->comes);
		struct pim_ids x;
		struct pim_ids y;
		bool found;

		assert_int_equal(pim_identify(a, have, &x, NULL), 0);
		assert_int_equal(pim_identify(a, it, &y, NULL), 0);
		found = x.h_identity == y.h_identity;
		for (size_t k = 0; k < y.alike_n; k++)
			found = found || y.alike[k] == x.h_identity;
		if (found != r->found)
			fail_msg("%s, %s", r->stored, r->comes);
	}
}

static const struct cut_row {
	const char *cut, *whole;
	bool is;
} cuts[] = {
	{ "N:Featherstonehaugh;M", "N:Featherstonehaugh;Marjorie", true },
	{ "N:Featherstonehaugh;M|TEL:1", "N:Featherstonehaugh;Marjorie|TEL:1",
	  true },
	{ "N:Featherstonehaugh;M|TEL:1", "N:Featherstonehaugh;Marjorie|TEL:2",
	  false },
	{ "N:Featherstonehaugh;Marjorie", "N:Featherstonehaugh;M", false },
	{ "N:Doe;J", "N:Doe;John", false },
};

static void
cut_names(void **state)
{
	struct arena *a = *state;

	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		if (pim_is_cut(a, t_read_card(a, NULL, cuts[i].cut),
			       t_read_card(a, NULL, cuts[i].whole)) !=
		    cuts[i].is)
			fail_msg("%s, %s", cuts[i].cut, cuts[i].whole);
	}
}

static void
seen_is_stable(void **state)
{
	struct arena *a = *state;
	struct pim_view in = { .form = PIM_VCARD30 };
	struct pim_item *it = t_read_card(
	    a, &in,
	    "N:A\\;b;C\\\\n;;;|FN:A\\, b|NOTE:x=y\\nC:\\\\dir\\\\new|"
	    "TEL;TYPE=CELL:1\\,2\\;3|ADR;TYPE=HOME:;;a\\nb;c|URL:http://a/?b=c|"
	    "CATEGORIES:a\\,b,c|X-FOO;A=b:c\\;d\\ne|PHOTO;ENCODING=b:AAAA|"
	    "UID:1;2|NICKNAME:\xC3\xA4");
	struct pim_view v = { .form = PIM_VCARD21 };

	for (int i = 0; i < 2; i++) {
		struct pim_item *seen;

		v.form = i == 0 ? PIM_VCARD21 : PIM_VCARD30;
		assert_int_equal(pim_seen(a, &v, it, &seen, NULL), 0);
		if (!pim_same(a, it, seen))
			fail_msg("%s\n%s", t_canon(a, it), t_canon(a, seen));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reading, setup, teardown),
		cmocka_unit_test_setup_teardown(reading_v4, setup, teardown),
		cmocka_unit_test_setup_teardown(writing, setup, teardown),
		cmocka_unit_test_setup_teardown(hashes, setup, teardown),
		cmocka_unit_test_setup_teardown(scoring, setup, teardown),
		cmocka_unit_test_setup_teardown(long_names, setup, teardown),
		cmocka_unit_test_setup_teardown(cut_names, setup, teardown),
		cmocka_unit_test_setup_teardown(seen_is_stable, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
