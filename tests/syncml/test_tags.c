/* The tables of names and tokens agree with each other. */
#include "tests/syncml/wire.h"

static void
test_each_tag_is_found_by_its_name(void **state)
{
	unsigned n = 0;

	(void)state;
	for (unsigned page = 0; page < 3; page++) {
		for (unsigned token = 0; token < 64; token++) {
			enum sml_tag tag =
			    sml_tag_token((enum sml_page)page, token);
			struct slice name;

			if (tag == SML_UNKNOWN)
				continue;
			n++;
			name = slice_c(sml_tag_name(tag));
			assert_int_equal(tag, page << 8 | token);
			assert_int_equal(
			    sml_tag_find(name, (enum sml_page)page), tag);
		}
	}
	/* Counted in the token tables of the three vocabularies. */
	assert_int_equal(n, 55 + 18 + 47);
}

static void
test_names_of_other_vocabularies(void **state)
{
	(void)state;
	/* Inside SyncML elements: its own first, then MetInf, then DevInf. */
	assert_int_equal(sml_tag_find(SLICE_LIT("Size"), SML_PAGE_SYNCML),
			 SML_MI_SIZE);
	assert_int_equal(sml_tag_find(SLICE_LIT("SourceRef"), SML_PAGE_SYNCML),
			 SML_SOURCEREF);
	assert_int_equal(sml_tag_find(SLICE_LIT("DevInf"), SML_PAGE_SYNCML),
			 SML_DI_DEVINF);
	/* Inside DevInf: nothing else. */
	assert_int_equal(sml_tag_find(SLICE_LIT("Size"), SML_PAGE_DEVINF),
			 SML_DI_SIZE);
	assert_int_equal(sml_tag_find(SLICE_LIT("MaxSize"), SML_PAGE_DEVINF),
			 SML_DI_SIZE);
	assert_int_equal(sml_tag_find(SLICE_LIT("Item"), SML_PAGE_DEVINF),
			 SML_UNKNOWN);
	assert_int_equal(sml_tag_find(SLICE_LIT("Item"), SML_PAGE_METINF),
			 SML_UNKNOWN);
}

static void
test_unknown_names(void **state)
{
	static const char *const names[] = { "",      "A",   "Zzz",  "item",
					     "Itemm", "Ite", "Email" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(
		    sml_tag_find(slice_c(names[i]), SML_PAGE_SYNCML),
		    SML_UNKNOWN);
	assert_string_equal(sml_tag_name(SML_UNKNOWN), "?");
	assert_string_equal(sml_tag_name((enum sml_tag)0x30), "?");
	assert_string_equal(sml_tag_name((enum sml_tag)0x7FF), "?");
	assert_string_equal(sml_tag_name(SML_DI_RXPREF), "Rx-Pref");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_tag_is_found_by_its_name),
		cmocka_unit_test(test_names_of_other_vocabularies),
		cmocka_unit_test(test_unknown_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
