/* Any bytes as XML; a tree that was read is read the same from its WBXML. */
#include "syncml/codec.h"
#include "syncml/limits.h"
#include "tests/fuzz/fuzz.h"

static size_t
count(const struct sml_node *n, size_t *text)
{
	const struct sml_node *up[SML_DEPTH_MAX + 1];
	unsigned depth = 0;
	size_t all = 0;

	while (n != NULL) {
		all++;
		*text += n->kids == NULL ? n->text.n : 0;
		if (n->kids != NULL) {
			up[depth++] = n;
			n = n->kids;
			continue;
		}
		while (depth > 0 && n->next == NULL)
			n = up[--depth];
		n = depth == 0 ? NULL : n->next;
	}
	return all;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(SML_ARENA_BYTES_MAX);
	struct err e = { .code = ERR_NONE };
	struct sml_doc doc;
	struct sml_doc out_doc = { .enc = SML_WBXML, .version = 12 };
	struct sml_node *root;
	struct sml_node *again;
	struct buf out = BUF_IN(a);
	size_t text = 0;
	size_t text_again = 0;

	if (a == NULL)
		return 0;
	if (sml_read(a, SML_XML, fuzz_input(data, size), NULL, &doc, &root,
		     &e) < 0) {
		FUZZ_CHECK(root == NULL);
		FUZZ_CHECK(e.code == ERR_PARSE || e.code == ERR_LIMIT ||
			   e.code == ERR_NOMEM);
	} else if (root->tag == SML_DI_DEVINF) {
		sml_write_devinf(&out, &out_doc, root);
		FUZZ_CHECK(sml_read(a, SML_WBXML, buf_slice(&out), NULL, &doc,
				    &again, NULL) == 0);
		FUZZ_CHECK(count(root, &text) == count(again, &text_again));
		FUZZ_CHECK(text == text_again);
	}
	fuzz_arena_end(&a);
	return 0;
}
