#include "tests/fuzz/tree.h"

void
fuzz_tree_write(struct buf *out, const struct sml_doc *doc,
		const struct sml_node *root)
{
	if (root->tag == SML_DI_DEVINF) {
		sml_write_devinf(out, doc, root);
		return;
	}
	sml_write_open(out, doc);
	for (const struct sml_node *k = root->kids; k != NULL; k = k->next)
		sml_write(out, doc, k);
	sml_write_end(out, doc, SML_SYNCML);
}
