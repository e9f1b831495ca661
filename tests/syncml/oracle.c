#include "tests/syncml/oracle.h"

#include <wbxml/wbxml.h>

static struct slice
keep(struct arena *a, unsigned char *p, unsigned n)
{
	struct slice s = arena_copy(a, (struct slice){ (char *)p, n });

	free(p);
	return s;
}

struct slice
t_oracle_xml(struct arena *a, struct slice wbxml)
{
	WBXMLConvWBXML2XML *conv = NULL;
	struct slice in = t_tight(wbxml);
	union {
		const char *c;
		unsigned char *u;
	} body = { .c = in.p };
	unsigned char *out = NULL;
	unsigned n = 0;
	WBXMLError r;

	if (wbxml_conv_wbxml2xml_create(&conv) != WBXML_OK)
		return (struct slice){ NULL, 0 };
	wbxml_conv_wbxml2xml_set_gen_type(conv, WBXML_GEN_XML_COMPACT);
	wbxml_conv_wbxml2xml_enable_preserve_whitespaces(conv);
	r = wbxml_conv_wbxml2xml_run(conv, body.u, (unsigned)in.n, &out, &n);
	wbxml_conv_wbxml2xml_destroy(conv);
	t_tight_free(in);
	return r == WBXML_OK ? keep(a, out, n) : (struct slice){ NULL, 0 };
}

struct slice
t_oracle_wbxml(struct arena *a, struct slice xml)
{
	WBXMLConvXML2WBXML *conv = NULL;
	struct slice in = t_tight(xml);
	union {
		const char *c;
		unsigned char *u;
	} body = { .c = in.p };
	unsigned char *out = NULL;
	unsigned n = 0;
	WBXMLError r;

	if (wbxml_conv_xml2wbxml_create(&conv) != WBXML_OK)
		return (struct slice){ NULL, 0 };
	wbxml_conv_xml2wbxml_set_version(conv, WBXML_VERSION_12);
	wbxml_conv_xml2wbxml_enable_preserve_whitespaces(conv);
	wbxml_conv_xml2wbxml_disable_string_table(conv);
	r = wbxml_conv_xml2wbxml_run(conv, body.u, (unsigned)in.n, &out, &n);
	wbxml_conv_xml2wbxml_destroy(conv);
	t_tight_free(in);
	return r == WBXML_OK ? keep(a, out, n) : (struct slice){ NULL, 0 };
}

struct slice
t_oracle_dump(struct arena *a, struct sml_node *root)
{
	struct buf b = BUF_IN(a);
	struct slice rest;

	t_expand(a, root);
	rest = t_dump(a, root);
	for (size_t i = 0; i < rest.n; i++) {
		if (slice_starts(slice_from(rest, i), "devinf+wbxml")) {
			buf_str(&b, "devinf+xml");
			i += strlen("devinf+wbxml") - 1;
		} else if (rest.p[i] != '\r') {
			buf_byte(&b, (unsigned char)rest.p[i]);
		}
	}
	assert_true(buf_ok(&b));
	return buf_slice(&b);
}
