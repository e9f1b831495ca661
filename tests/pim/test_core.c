/* Forms, detection, views, notes, rules, files. */
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

static void
detect(void **state)
{
	static const struct {
		const char *body, *type;
		enum pim_form want;
	} rows[] = {
		{ "BEGIN:VCARD\r\nVERSION:2.1\r\n", "text/vcard", PIM_VCARD21 },
		{ "begin:vcard\nversion:3.0\n", "", PIM_VCARD30 },
		{ "BEGIN:VCARD\r\nN:x\r\nVERSION:4.0\r\n", "text/x-vcard",
		  PIM_VCARD40 },
		{ "BEGIN:VCARD\r\nN:x\r\n", "text/vcard", PIM_VCARD30 },
		{ "BEGIN:VCARD\r\nN:x\r\n", "text/x-vcard", PIM_VCARD21 },
		{ "BEGIN:VCALENDAR\r\nVERSION:1.0\r\n", "text/calendar",
		  PIM_VCAL10 },
		{ "BEGIN:VCALENDAR\r\nPRODID:x\r\nVERSION:2.0\r\n",
		  "text/x-vcalendar", PIM_ICAL20 },
		{ "BEGIN:VCALENDAR\r\n", "text/calendar", PIM_ICAL20 },
		{ "BEGIN:VCALENDAR\r\n", "", PIM_VCAL10 },
		{ "BEGIN:VNOTE\r\n", "text/plain", PIM_VNOTE },
		{ "junk\r\nBEGIN:VCARD\r\nVERSION:2.1\r\n", "text/x-vcard",
		  PIM_VCARD21 },
		{ "hello", "text/plain", PIM_TEXT },
		{ "hello", "", PIM_TEXT },
		{ "hello", "text/x-vcard", PIM_FORM_NONE },
		{ "<contact/>", "text/x-s4j-sifc", PIM_SIFC },
		{ "\xEF\xBB\xBF <?xml version=\"1.0\"?>\n<note >", "",
		  PIM_SIFN },
		{ "<!-- x --><task>", "text/x-s4j-sife", PIM_SIFT },
		{ "<appointment/>", "text/xml", PIM_SIFE },
		{ "<contact/>", "text/html", PIM_FORM_NONE },
		{ "<contact/>", "text/plain", PIM_TEXT },
		{ "<contacts/>", "text/x-s4j-sifc", PIM_FORM_NONE },
		{ "words", "text/x-s4j-sifc", PIM_FORM_NONE },
		{ "x", "message/rfc822", PIM_RFC822 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum pim_form f =
		    pim_detect(slice_c(rows[i].body), slice_c(rows[i].type));

		if (f != rows[i].want)
			fail_msg("\"%s\" as %s: %d", rows[i].body, rows[i].type,
				 (int)f);
	}
}

static void
names(void **state)
{
	(void)state;
	for (enum pim_form f = PIM_VCARD21; f <= PIM_SIFN; f++)
		assert_int_equal(
		    pim_form_of(pim_form_mime(f), pim_form_version(f)), f);
	assert_int_equal(
	    pim_form_of(SLICE_LIT("Text/X-VCalendar"), SLICE_LIT("")),
	    PIM_VCAL10);
	assert_int_equal(
	    pim_form_of(SLICE_LIT("text/plain; charset=utf-8"), SLICE_LIT("")),
	    PIM_TEXT);
	assert_int_equal(pim_form_of(SLICE_LIT("text/html"), SLICE_LIT("1")),
			 PIM_FORM_NONE);
	assert_int_equal(pim_form_default(PIM_CONTACT), PIM_VCARD21);
	assert_int_equal(pim_form_default(PIM_EVENT | PIM_TODO), PIM_VCAL10);
	assert_int_equal(pim_form_default(PIM_NOTE), PIM_TEXT);
	assert_string_equal(pim_kind_name(PIM_TODO), "todo");
}

static void
seal(void **state)
{
	struct arena *a = *state;
	struct pim_view v[8] = { { .form = PIM_VCARD21 } };

	for (int i = 1; i < 8; i++)
		v[i] = v[0];
	v[1].form = PIM_VCARD30;
	v[2].rules = 1;
	v[3].utc = true;
	v[4].zone = SLICE_LIT("Europe/Berlin");
	v[5].caps = t_caps(a, "N TEL");
	v[6].caps = t_caps(a, "N TEL/2");
	v[7].caps = t_caps(a, "N TEL:2");
	for (int i = 0; i < 8; i++) {
		pim_view_seal(&v[i]);
		assert_int_not_equal(v[i].id, 0);
		for (int k = 0; k < i; k++)
			assert_int_not_equal(v[i].id, v[k].id);
	}
	/* Equal content, other memory. */
	v[7].caps = t_caps(a, "N TEL/2");
	pim_view_seal(&v[7]);
	assert_int_equal(v[7].id, v[6].id);
}

static void
notes(void **state)
{
	static const char *const texts[] = { "",
					     "a",
					     "Title\nline\n\nend",
					     "a\n",
					     "a\n\n",
					     " b ",
					     "x;y,z\\n",
					     ("Gr\xC3\xBC\xC3\x9F"
					      "e") };
	static const enum pim_form forms[] = { PIM_TEXT, PIM_VNOTE,
					       PIM_ICAL20 };
	struct arena *a = *state;
	struct pim_view v = { .form = PIM_TEXT };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) * 3; i++) {
		struct pim_item it = { .kind = PIM_NOTE };
		struct pim_item *back;
		struct slice canon;
		struct buf b = BUF_IN(a);

		it.text = slice_c(texts[i / 3]);
		v.form = forms[i % 3];
		assert_int_equal(pim_write(a, &v, &it, &b, NULL), 0);
		assert_int_equal(
		    pim_read(a, &v, v.form, buf_slice(&b), &back, NULL), 0);
		assert_true(back->kind == PIM_NOTE);
		if (!slice_eq(back->text, it.text))
			fail_msg("form %d: \"%.*s\"", (int)v.form,
				 SLICE_ARG(buf_slice(&b)));
		assert_int_equal(pim_canon(a, &it, &canon, NULL), 0);
		assert_int_equal(pim_parse(a, PIM_NOTE, canon, &back, NULL), 0);
		assert_true(slice_eq(back->text, it.text));
		assert_true(pim_same(a, back, &it));
	}
	v.form = PIM_TEXT;
	{
		struct pim_item *x =
		    t_read(a, &v, PIM_TEXT, SLICE_LIT("\xFC\r\nb\r\n"));

		assert_true(slice_is(x->text, "\xC3\xBC\nb\n"));
		assert_true(slice_is(pim_title(a, x), "\xC3\xBC"));
		assert_string_equal(t_write(a, &v, x), "\xC3\xBC\r\nb\r\n");
		x = t_read(a, &v, PIM_VNOTE,
			   SLICE_LIT("BEGIN:VNOTE\r\nVERSION:1.1\r\n"
				     "SUMMARY:Title\r\nBODY;ENCODING=QUOTED-"
				     "PRINTABLE:a=0D=0Ab\r\nEND:VNOTE\r\n"));
		assert_true(slice_is(x->text, "Title\na\nb"));
	}
}

static void
rules(void **state)
{
	static const struct {
		const char *man, *mod, *swv, *dev;
		uint32_t has, lacks;
	} rows[] = {
		{ "NOKIA", "Nokia E71", "", "IMEI:1",
		  PIM_RULE_ALARM_UTC | PIM_RULE_EMAIL_INTERNET |
		      PIM_RULE_NO_1980 | PIM_RULE_EPOC,
		  PIM_RULE_LATIN1 },
		{ "Nokia", "7610", "", "", PIM_RULE_ORG_ONE | PIM_RULE_LOCAL,
		  0 },
		{ "Nokia", "Nokia 6111", "", "",
		  PIM_RULE_TEL_ONE | PIM_RULE_MSG_5000 | PIM_RULE_NO_1980,
		  PIM_RULE_EPOC },
		{ "Nokia", "3110c", "", "",
		  PIM_RULE_TEL_ONE | PIM_RULE_MSG_5000, PIM_RULE_LOCAL },
		{ "NOKIA", "E65", "", "", PIM_RULE_EPOC,
		  PIM_RULE_TEL_ONE | PIM_RULE_MSG_5000 },
		{ "SonyEricsson", "K750i", "", "", PIM_RULE_LATIN1,
		  PIM_RULE_LOCAL },
		{ "Sony Ericsson", "P900", "", "",
		  PIM_RULE_LOCAL | PIM_RULE_ALLDAY_2400, PIM_RULE_ALARM_UTC },
		{ "Ericsson", "", "R1A081", "", PIM_RULE_LATIN1, 0 },
		{ "Siemens", "SX1", "", "", PIM_RULE_NO_EMPTY, 0 },
		{ "Motorola", "V3", "", "", PIM_RULE_QP_8BIT | PIM_RULE_NO_FOLD,
		  0 },
		{ "Patrick Ohly", "SyncEvolution", "", "x",
		  PIM_RULE_KEEPS_ALL | PIM_RULE_RESUME_NO, PIM_RULE_NO_EMPTY },
		{ "", "", "", "fmz-abc", PIM_RULE_NO_FOLD, 0 },
		{ "Foo", "Bar", "", "baz", 0, ~0u },
		{ "", "", "", "", 0, ~0u },
	};
	struct arena *a = *state;
	struct pim_rules *r;
	struct err e;
	uint32_t bits;

	assert_int_equal(pim_rules_load(a, NULL, &r, &e), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bits = pim_rules_match(
		    r, slice_c(rows[i].man), slice_c(rows[i].mod),
		    slice_c(rows[i].swv), slice_c(rows[i].dev));
		if ((bits & rows[i].has) != rows[i].has ||
		    (bits & rows[i].lacks))
			fail_msg("%s %s: %x", rows[i].man, rows[i].mod, bits);
	}
	assert_int_equal(
	    pim_rules_words(SLICE_LIT(" utc, NO-Fold\tepoc "), &bits, &e), 0);
	assert_int_equal(bits, PIM_RULE_UTC | PIM_RULE_NO_FOLD | PIM_RULE_EPOC);
	assert_int_equal(pim_rules_words(SLICE_LIT(""), &bits, &e), 0);
	assert_int_equal(bits, 0);
	assert_int_equal(pim_rules_words(SLICE_LIT("utc foo"), &bits, &e), -1);
	assert_int_equal(e.code, ERR_CONFIG);
	assert_non_null(strstr(e.msg, "foo"));
	/* Sections add; wrong files are refused. */
	assert_int_equal(pim_rules_load(a,
					"[a]\nman=X*\nrules=utc\n[b]\n"
					"man=*Y\nmod=1?\nrules=epoc\n",
					&r, &e),
			 0);
	assert_int_equal(pim_rules_match(r, SLICE_LIT("xzy"), SLICE_LIT("12"),
					 SLICE_LIT(""), SLICE_LIT("")),
			 PIM_RULE_UTC | PIM_RULE_EPOC);
	assert_int_equal(pim_rules_match(r, SLICE_LIT("xzy"), SLICE_LIT("1"),
					 SLICE_LIT(""), SLICE_LIT("")),
			 PIM_RULE_UTC);
	assert_int_equal(pim_rules_load(a, "[a]\nrules=nonsense\n", &r, &e),
			 -1);
	assert_int_equal(e.code, ERR_CONFIG);
	assert_int_equal(pim_rules_load(a, "[a]\nfoo=1\n", &r, &e), -1);
	assert_int_equal(pim_rules_load(a, "[a\n", &r, &e), -1);
}

static void
files(void **state)
{
	struct arena *a = *state;
	struct pim_view v = { .form = PIM_VCARD30 };
	struct slice rest =
	    SLICE_LIT("\r\nBEGIN:VCARD\r\nVERSION:2.1\r\nN:One\r\n"
		      "END:VCARD\r\n\r\nBEGIN:VCARD\nVERSION:3.0\nN:Two\n"
		      "END:VCARD\nBEGIN:VCARD\nVERSION:4.0\nN:Three\n");
	static const char *const want[] = { "One", "Two", "Three" };
	struct pim_item *it;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(pim_next(a, &v, &rest, &it, NULL), 0);
		assert_non_null(it);
		assert_true(slice_is(pim_title(a, it), want[i]));
	}
	assert_int_equal(pim_next(a, &v, &rest, &it, NULL), 0);
	assert_null(it);
	v.form = PIM_TEXT;
	rest = SLICE_LIT("A note\r\nof two lines\r\n");
	assert_int_equal(pim_next(a, &v, &rest, &it, NULL), 0);
	assert_true(slice_is(it->text, "A note\nof two lines\n"));
	assert_int_equal(pim_next(a, &v, &rest, &it, NULL), 0);
	assert_null(it);
}

static void
refusals(void **state)
{
	struct arena *a = *state;
	struct pim_view v = { .form = PIM_VCAL10 };
	struct pim_item *it;
	struct buf b = BUF_IN(a);
	struct err e;

	assert_int_equal(
	    pim_read(a, &v, PIM_VCARD21, SLICE_LIT("hello"), &it, &e), -1);
	assert_int_equal(e.code, ERR_PARSE);
	assert_int_equal(pim_read(a, &v, PIM_VCAL10,
				  SLICE_LIT("BEGIN:VFOO\r\nEND:VFOO\r\n"), &it,
				  &e),
			 -1);
	assert_int_equal(e.code, ERR_PARSE);
	assert_int_equal(pim_parse(a, PIM_CONTACT, SLICE_LIT("x"), &it, &e),
			 -1);
	assert_int_equal(e.code, ERR_PARSE);
	it = t_read_card(a, NULL, "N:A");
	assert_int_equal(pim_write(a, &v, it, &b, &e), -1);
	assert_int_equal(e.code, ERR_UNSUPPORTED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(detect),
		cmocka_unit_test(names),
		cmocka_unit_test_setup_teardown(seal, setup, teardown),
		cmocka_unit_test_setup_teardown(notes, setup, teardown),
		cmocka_unit_test_setup_teardown(rules, setup, teardown),
		cmocka_unit_test_setup_teardown(files, setup, teardown),
		cmocka_unit_test_setup_teardown(refusals, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
