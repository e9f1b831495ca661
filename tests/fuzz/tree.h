/* Documents as trees, for targets that write what they have read. */
#ifndef TESTS_FUZZ_TREE_H
#define TESTS_FUZZ_TREE_H

#include "syncml/codec.h"

/* A whole document of this root, SyncML or DevInf. */
void fuzz_tree_write(struct buf *out, const struct sml_doc *doc,
		     const struct sml_node *root);

#endif
