/*
 * The other decoder and encoder, to compare ours with: libwbxml. Only the
 * tests use it, and only on documents of our own: strangers' bytes crash it.
 */
#ifndef TESTS_SYNCML_ORACLE_H
#define TESTS_SYNCML_ORACLE_H

#include "tests/syncml/wire.h"

/* WBXML to XML and back; .p == NULL: it refused. In the arena. */
struct slice t_oracle_xml(struct arena *a, struct slice wbxml);
struct slice t_oracle_wbxml(struct arena *a, struct slice xml);

/*
 * A tree as text without what the oracle is known to change: the type of
 * embedded device information, and CR, which it adds.
 */
struct slice t_oracle_dump(struct arena *a, struct sml_node *root);

#endif
