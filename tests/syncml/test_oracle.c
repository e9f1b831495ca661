/* Our codec and libwbxml read each other's documents to the same tree. */
#include "tests/syncml/oracle.h"

static void
same(struct slice x, struct slice y)
{
	if (!slice_eq(x, y))
		fail_msg("ours:\n%.*s\nthe oracle's:\n%.*s", SLICE_ARG(x),
			 SLICE_ARG(y));
}

/*
 * A message that the oracle can carry: no "]]>", which it writes into a CDATA
 * section as it stands.
 */
static struct slice
message(struct arena *a, enum sml_enc enc, int version)
{
	struct sml_msg m = *t_message(a, SML_WBXML, version);
	struct sml_cmd *sync = &m.cmds[2];
	struct buf out = BUF_IN(a);
	struct err e;

	m.doc.enc = enc;
	sync->kids[0].items[0].data = SLICE_LIT(
	    "BEGIN:VCARD\r\nN:Sm\xC3\xBCth;A & B <c>\r\nEND:VCARD\r\n");
	sync->kids[2].kids[0].items[0].data = SLICE_LIT("a & <b>");
	if (enc == SML_XML) {
		/* Its XML reader knows embedded documents by this type. */
		m.cmds[4].meta.type = m.cmds[5].meta.type =
		    SLICE_LIT("application/vnd.syncml-devinf+xml");
	}
	assert_int_equal(sml_msg_write(a, &m, &out, &e), 0);
	return buf_slice(&out);
}

static void
test_it_reads_our_wbxml(void **state)
{
	struct arena *a = *state;

	for (int version = 10; version <= 12; version++) {
		struct slice body = message(a, SML_WBXML, version);
		struct slice xml = t_oracle_xml(a, body);

		assert_non_null(xml.p);
		same(t_oracle_dump(a, t_read(a, SML_WBXML, body, NULL)),
		     t_oracle_dump(a, t_read(a, SML_XML, xml, NULL)));
	}
}

static void
test_we_read_its_wbxml(void **state)
{
	struct arena *a = *state;

	for (int version = 10; version <= 12; version++) {
		struct slice body = message(a, SML_XML, version);
		struct slice wbxml = t_oracle_wbxml(a, body);
		struct sml_doc doc;

		assert_non_null(wbxml.p);
		same(t_oracle_dump(a, t_read(a, SML_XML, body, NULL)),
		     t_oracle_dump(a, t_read(a, SML_WBXML, wbxml, &doc)));
		assert_int_equal(doc.version, version);
	}
}

static void
test_device_information_alone(void **state)
{
	struct arena *a = *state;

	for (int version = 10; version <= 12; version++) {
		struct sml_doc doc = { .enc = SML_WBXML, .version = version };
		struct sml_node *n =
		    sml_devinf_node(a, t_devinf(a, version), false);
		struct buf out = BUF_IN(a);
		struct slice xml;

		sml_write_devinf(&out, &doc, n);
		xml = t_oracle_xml(a, buf_slice(&out));
		assert_non_null(xml.p);
		same(t_dump(a, n), t_dump(a, t_read(a, SML_XML, xml, NULL)));
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, t_setup, t_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_it_reads_our_wbxml),
		T(test_we_read_its_wbxml),
		T(test_device_information_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
