/*
 * The items of the crash proof and what must have become of each. The whole
 * model: an item has a key, two properties `a` and `b` that count up when one
 * of the two devices edits them, and is there or is not. Its text follows from
 * these, so what any side holds can be compared item by item.
 */
#ifndef TESTS_CRASH_MODEL_H
#define TESTS_CRASH_MODEL_H

#include "base/slice.h"

enum { MODEL_KINDS = 4, MODEL_TEXT_MAX = 32768, MODEL_ITEMS_MAX = 20000 };
enum model_kind { MODEL_CONTACT, MODEL_EVENT, MODEL_TODO, MODEL_NOTE };

struct model_item {
	bool there;
	unsigned a, b;
};

struct model {
	struct model_item item[MODEL_ITEMS_MAX]; /* by key */
	unsigned n;
};

/* Name of the server's database for this kind of item. */
const char *model_db(enum model_kind kind);
enum model_kind model_kind_of(unsigned key);
/* Text of an item in these versions; its length. */
size_t model_text(unsigned key, unsigned a, unsigned b,
		  char out[MODEL_TEXT_MAX]);
/* The key in an item's text; false: it is none of ours. */
bool model_key(struct slice text, unsigned *key);

struct model_found { /* on one side */
	unsigned lost, doubled, wrong, strange;
};

/*
 * Compare what one side holds with the model. seen[] counts each key and starts
 * with zeros; model_look() once for each item, model_sum() at the end. The
 * first trouble is described in `what`.
 */
void model_look(const struct model *m, enum model_kind kind, struct slice text,
		unsigned char *seen, struct model_found *out, char what[200]);
void model_sum(const struct model *m, const unsigned char *seen,
	       struct model_found *out, char what[200]);

#endif
