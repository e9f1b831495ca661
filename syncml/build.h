/*
 * Building small trees, for what writes them: messages and device information.
 *
 * Building can fail at every node; the failure sticks in `bad`, after which
 * nothing is done, so that the caller looks once, at the end.
 */
#ifndef SYNCML_BUILD_H
#define SYNCML_BUILD_H

#include "syncml/codec.h"

struct sml_build {
	struct arena *a;
	bool bad;
};

/* An element below `up` (NULL: a root). NULL when it went wrong. */
struct sml_node *sml_box(struct sml_build *b, struct sml_node *up,
			 enum sml_tag tag);
/* An element with text, which is borrowed as long as the tree. */
void sml_leaf(struct sml_build *b, struct sml_node *up, enum sml_tag tag,
	      struct slice s);
/* A leaf that is left out when it is empty. */
void sml_maybe(struct sml_build *b, struct sml_node *up, enum sml_tag tag,
	       struct slice s);
/* An empty element that is there or not. */
void sml_flag(struct sml_build *b, struct sml_node *up, enum sml_tag tag,
	      bool on);
void sml_number(struct sml_build *b, struct sml_node *up, enum sml_tag tag,
		int64_t v);

#endif
