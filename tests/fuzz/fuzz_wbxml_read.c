/* Any bytes as WBXML; what is read is written in both encodings and reads. */
#include "syncml/limits.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/tree.h"

static void
write_again(struct arena *a, enum sml_enc enc, const struct sml_node *root)
{
	struct sml_doc doc = { .enc = enc, .version = 12 };
	struct sml_doc got;
	struct sml_node *again;
	struct buf out = BUF_IN(a);

	fuzz_tree_write(&out, &doc, root);
	FUZZ_CHECK(buf_ok(&out));
	FUZZ_CHECK(
	    sml_read(a, enc, buf_slice(&out), NULL, &got, &again, NULL) == 0);
	FUZZ_CHECK(again->tag == root->tag);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(SML_ARENA_BYTES_MAX);
	struct err e = { .code = ERR_NONE };
	struct sml_node *root;
	struct sml_doc doc;

	if (a == NULL)
		return 0;
	if (sml_read(a, SML_WBXML, fuzz_input(data, size), NULL, &doc, &root,
		     &e) == 0) {
		write_again(a, SML_WBXML, root);
		write_again(a, SML_XML, root);
	} else {
		FUZZ_CHECK(root == NULL);
		FUZZ_CHECK(e.code == ERR_PARSE || e.code == ERR_LIMIT ||
			   e.code == ERR_NOMEM);
	}
	fuzz_arena_end(&a);
	return 0;
}
