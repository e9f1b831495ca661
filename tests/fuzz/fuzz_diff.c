/*
 * Our reader against libwbxml, on documents that our own writer made: the
 * input is read (in whatever encoding it is), written as WBXML, and that is
 * read by both. What the oracle is known to get wrong is left out.
 */
#include "syncml/limits.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/tree.h"
#include "tests/syncml/oracle.h"

/* Text that libwbxml carries faithfully. */
static bool
plain(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] < 0x20 && s.p[i] != '\n')
			return false;
	}
	/* It writes what no XML can hold, U+FFFE and U+FFFF. */
	return slice_find_str(s, "]]>") == SIZE_MAX && slice_utf8_ok(s) &&
	       slice_find_str(s, "\xEF\xBF\xBE") == SIZE_MAX &&
	       slice_find_str(s, "\xEF\xBF\xBF") == SIZE_MAX;
}

static bool
known_to_differ(const struct sml_node *n, const struct sml_node *up)
{
	if (!plain(n->text))
		return true;
	/* Embedded documents: only behind their exact type. */
	if (n->tag == SML_DI_DEVINF && up != NULL)
		return true;
	if (n->tag == SML_MI_TYPE &&
	    slice_find_str(n->text, "devinf") != SIZE_MAX)
		return true;
	/* It writes bytes of it as base64. */
	if (n->tag == SML_MI_NEXTNONCE)
		return true;
	/* Elements of one vocabulary in another have no name for it. */
	return up != NULL && sml_tag_page(up->tag) != SML_PAGE_SYNCML &&
	       sml_tag_page(n->tag) != sml_tag_page(up->tag);
}

static bool
comparable(const struct sml_node *n)
{
	const struct sml_node *up[SML_DEPTH_MAX + 1];
	unsigned depth = 0;

	while (n != NULL) {
		if (known_to_differ(n, depth == 0 ? NULL : up[depth - 1]))
			return false;
		if (n->kids != NULL) {
			up[depth++] = n;
			n = n->kids;
			continue;
		}
		while (depth > 0 && n->next == NULL)
			n = up[--depth];
		n = depth == 0 ? NULL : n->next;
	}
	return true;
}

static struct slice
as_wbxml(struct arena *a, const struct sml_node *root)
{
	struct sml_doc doc = { .enc = SML_WBXML, .version = 12 };
	struct buf out = BUF_IN(a);

	fuzz_tree_write(&out, &doc, root);
	return buf_slice(&out);
}

static void
compare(struct arena *a, const struct sml_node *root)
{
	struct slice body = as_wbxml(a, root);
	struct slice xml = t_oracle_xml(a, body);
	struct sml_node *ours;
	struct sml_node *its;
	struct sml_doc doc;
	struct err e;

	FUZZ_CHECK(xml.p != NULL);
	FUZZ_CHECK(sml_read(a, SML_WBXML, body, NULL, &doc, &ours, &e) == 0);
	FUZZ_CHECK(sml_read(a, SML_XML, xml, NULL, &doc, &its, &e) == 0);
	if (slice_eq(t_oracle_dump(a, ours), t_oracle_dump(a, its)))
		return;
	(void)fprintf(stderr, "ours:\n%.*s\nits:\n%.*s\n",
		      SLICE_ARG(t_oracle_dump(a, ours)),
		      SLICE_ARG(t_oracle_dump(a, its)));
	abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(SML_ARENA_BYTES_MAX);
	struct slice body = fuzz_input(data, size);
	struct sml_node *root;
	struct sml_doc doc;
	enum sml_enc enc;

	if (a == NULL)
		return 0;
	if (sml_enc_detect(SLICE_LIT(""), body, &enc) &&
	    sml_read(a, enc, body, NULL, &doc, &root, NULL) == 0 &&
	    comparable(root))
		compare(a, root);
	fuzz_arena_end(&a);
	return 0;
}
