/*
 * An item without what makes it large: for a device that cannot take it as it
 * is, and can do without the picture.
 */
#include "pim/core.h"

/* An address or a small picture is not what makes an item large. */
enum { SMALL_BYTES = 500 };

/* An empty one is what a device says that got it without. */
static bool
goes(const struct pim_prop *p)
{
	return p->def->vtype == PIM_V_BINARY &&
	       (p->value.n > SMALL_BYTES || p->value.n == 0);
}

static bool
any_goes(const struct pim_comp *c)
{
	for (const struct pim_prop *p = c->props; p != NULL; p = p->next) {
		if (goes(p))
			return true;
	}
	return false;
}

/* A copy that shares all but the list of the properties itself. */
static struct pim_comp *
without(struct arena *a, const struct pim_comp *c)
{
	struct pim_comp *out = ARENA_NEW(a, struct pim_comp);
	struct pim_prop **at;

	if (out == NULL)
		return NULL;
	*out = *c;
	at = &out->props;
	for (const struct pim_prop *p = c->props; p != NULL; p = p->next) {
		if (goes(p))
			continue;
		*at = ARENA_NEW(a, struct pim_prop);
		if (*at == NULL)
			return NULL;
		**at = *p;
		at = &(*at)->next;
	}
	*at = NULL;
	return out;
}

int
pim_lean(struct arena *a, const struct pim_item *it,
	 const struct pim_item **out, struct err *e)
{
	bool any = it->root != NULL && any_goes(it->root);
	struct pim_item *lean;
	struct pim_comp **at;

	*out = it;
	for (const struct pim_comp *k = it->root == NULL ? NULL
							 : it->root->kids;
	     !any && k != NULL; k = k->next)
		any = any_goes(k);
	if (!any)
		return 0;
	lean = ARENA_NEW(a, struct pim_item);
	if (lean == NULL)
		return pim_nomem(e, "pim.lean");
	*lean = *it;
	lean->root = without(a, it->root);
	if (lean->root == NULL)
		return pim_nomem(e, "pim.lean");
	at = &lean->root->kids;
	for (const struct pim_comp *k = it->root->kids; k != NULL;
	     k = k->next, at = &(*at)->next) {
		*at = without(a, k);
		if (*at == NULL)
			return pim_nomem(e, "pim.lean");
	}
	*out = lean;
	return 0;
}
