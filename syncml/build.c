#include "syncml/build.h"

struct sml_node *
sml_box(struct sml_build *b, struct sml_node *up, enum sml_tag tag)
{
	struct sml_node *n;

	if (b->bad)
		return NULL;
	n = sml_node_new(b->a, up, tag);
	if (n == NULL)
		b->bad = true;
	return n;
}

void
sml_leaf(struct sml_build *b, struct sml_node *up, enum sml_tag tag,
	 struct slice s)
{
	struct sml_node *n = sml_box(b, up, tag);

	if (n != NULL)
		n->text = s;
}

void
sml_maybe(struct sml_build *b, struct sml_node *up, enum sml_tag tag,
	  struct slice s)
{
	if (s.n > 0)
		sml_leaf(b, up, tag, s);
}

void
sml_flag(struct sml_build *b, struct sml_node *up, enum sml_tag tag, bool on)
{
	if (on)
		(void)sml_box(b, up, tag);
}

void
sml_number(struct sml_build *b, struct sml_node *up, enum sml_tag tag,
	   int64_t v)
{
	struct slice s = arena_printf(b->a, "%lld", (long long)v);

	if (s.p == NULL)
		b->bad = true;
	sml_leaf(b, up, tag, s);
}
