/*
 * As much XML as the objects of devices have: elements that hold text or other
 * elements, read one after another without nesting. No entities but the five
 * of XML and characters by number, no DTD, no memory that grows with depth.
 */
#ifndef PIM_XML_H
#define PIM_XML_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"

enum { PIM_XML_ELEMENTS_MAX = 4000 };

/* An opening tag and the text up to the next tag. */
struct pim_xml_el {
	struct slice name;
	struct slice attrs; /* what stands behind the name in the tag */
	struct slice text;  /* decoded; empty where elements follow */
};

struct pim_xml {
	struct arena *a;
	struct slice rest; /* the document, at first */
	size_t seen;
	bool broken; /* it ends within an element, has a DTD, or too many */
	bool nomem;
};

/* The next element; false: there is none, or see broken and nomem. */
bool pim_xml_next(struct pim_xml *x, struct pim_xml_el *out);

/* The value of name="..." or name='...'; empty: it has none. */
struct slice pim_xml_attr(const struct pim_xml_el *el, const char *name);

/* Text as it stands between tags; control characters are left out. */
void pim_xml_put(struct buf *b, struct slice text);

#endif
