/* The tree of components and properties: making, finding, changing. */
#include "pim/lines.h"

struct pim_comp *
pim_comp_new(struct arena *a, struct slice name)
{
	struct pim_comp *c = ARENA_NEW(a, struct pim_comp);

	if (c != NULL)
		c->name = name;
	return c;
}

struct pim_prop *
pim_prop_new(struct arena *a, struct slice name, struct slice value)
{
	struct pim_prop *p = ARENA_NEW(a, struct pim_prop);

	if (p == NULL)
		return NULL;
	p->name = name;
	p->value = value;
	p->def = pim_pdef_find(name);
	return p;
}

struct pim_prop *
pim_prop_copy(struct arena *a, const struct pim_prop *p)
{
	struct pim_prop *n = ARENA_NEW(a, struct pim_prop);
	struct pim_param **tail;

	if (n == NULL)
		return NULL;
	*n = *p;
	n->next = NULL;
	n->params = NULL;
	tail = &n->params;
	for (const struct pim_param *q = p->params; q != NULL; q = q->next) {
		*tail = ARENA_NEW(a, struct pim_param);
		if (*tail == NULL)
			return NULL;
		(*tail)->name = q->name;
		(*tail)->value = q->value;
		tail = &(*tail)->next;
	}
	return n;
}

/* One component without its kids. */
static struct pim_comp *
copy_flat(struct arena *a, const struct pim_comp *c)
{
	struct pim_comp *n = pim_comp_new(a, c->name);
	struct pim_prop **tail;

	if (n == NULL)
		return NULL;
	tail = &n->props;
	for (const struct pim_prop *p = c->props; p != NULL; p = p->next) {
		*tail = pim_prop_copy(a, p);
		if (*tail == NULL)
			return NULL;
		tail = &(*tail)->next;
	}
	return n;
}

struct pim_comp *
pim_comp_copy(struct arena *a, const struct pim_comp *c)
{
	struct {
		const struct pim_comp *next; /* kid still to copy */
		struct pim_comp **tail;      /* where its copy goes */
	} stack[PIM_DEPTH_MAX + 1];
	struct pim_comp *root = copy_flat(a, c);
	size_t depth = 0;

	if (root == NULL)
		return NULL;
	stack[0].next = c->kids;
	stack[0].tail = &root->kids;
	for (;;) {
		const struct pim_comp *from = stack[depth].next;
		struct pim_comp *to;

		if (from == NULL) {
			if (depth == 0)
				return root;
			depth--;
			continue;
		}
		to = copy_flat(a, from);
		if (to == NULL)
			return NULL;
		*stack[depth].tail = to;
		stack[depth].tail = &to->next;
		stack[depth].next = from->next;
		if (from->kids == NULL || depth >= PIM_DEPTH_MAX)
			continue;
		depth++;
		stack[depth].next = from->kids;
		stack[depth].tail = &to->kids;
	}
}

void
pim_comp_add(struct pim_comp *c, struct pim_prop *p)
{
	struct pim_prop **tail = &c->props;

	while (*tail != NULL)
		tail = &(*tail)->next;
	*tail = p;
}

void
pim_comp_add_kid(struct pim_comp *c, struct pim_comp *kid)
{
	struct pim_comp **tail = &c->kids;

	while (*tail != NULL)
		tail = &(*tail)->next;
	*tail = kid;
}

bool
pim_comp_put(struct arena *a, struct pim_comp *c, const char *name,
	     struct slice value)
{
	struct pim_prop *p = pim_prop_new(a, slice_c(name), value);

	if (p == NULL)
		return false;
	pim_comp_add(c, p);
	return true;
}

bool
pim_comp_set(struct arena *a, struct pim_comp *c, const char *name,
	     struct slice value)
{
	struct pim_prop *p = pim_prop_find(c, name);

	if (p == NULL)
		return pim_comp_put(a, c, name, value);
	p->value = value;
	return true;
}

void
pim_comp_remove(struct pim_comp *c, const struct pim_prop *p)
{
	for (struct pim_prop **at = &c->props; *at != NULL; at = &(*at)->next) {
		if (*at != p)
			continue;
		*at = p->next;
		return;
	}
}

void
pim_comp_remove_all(struct pim_comp *c, const char *name)
{
	struct slice n = slice_c(name);
	struct pim_prop **at = &c->props;

	while (*at != NULL) {
		if (slice_eq((*at)->name, n))
			*at = (*at)->next;
		else
			at = &(*at)->next;
	}
}

static struct pim_prop *
find_from(struct pim_prop *p, struct slice name)
{
	while (p != NULL && !slice_eq(p->name, name))
		p = p->next;
	return p;
}

struct pim_prop *
pim_prop_find(const struct pim_comp *c, const char *name)
{
	return find_from(c->props, slice_c(name));
}

struct pim_prop *
pim_prop_more(const struct pim_prop *p)
{
	return find_from(p->next, p->name);
}

struct slice
pim_prop_value(const struct pim_comp *c, const char *name)
{
	const struct pim_prop *p = pim_prop_find(c, name);

	return p == NULL ? SLICE_LIT("") : p->value;
}

struct pim_comp *
pim_comp_kid(const struct pim_comp *c, const char *name)
{
	struct pim_comp *k = c->kids;

	while (k != NULL && !slice_is(k->name, name))
		k = k->next;
	return k;
}

struct pim_comp *
pim_comp_more(const struct pim_comp *c)
{
	struct pim_comp *k = c->next;

	while (k != NULL && !slice_eq(k->name, c->name))
		k = k->next;
	return k;
}

struct slice
pim_param_get(const struct pim_prop *p, const char *name)
{
	struct slice n = slice_c(name);

	for (const struct pim_param *q = p->params; q != NULL; q = q->next) {
		if (slice_eq(q->name, n))
			return q->value;
	}
	return (struct slice){ NULL, 0 };
}

bool
pim_param_has(const struct pim_prop *p, const char *name, const char *value)
{
	struct slice n = slice_c(name);

	for (const struct pim_param *q = p->params; q != NULL; q = q->next) {
		if (slice_eq(q->name, n) && slice_is_nocase(q->value, value))
			return true;
	}
	return false;
}

bool
pim_param_add(struct arena *a, struct pim_prop *p, const char *name,
	      struct slice value)
{
	struct pim_param **tail = &p->params;

	while (*tail != NULL)
		tail = &(*tail)->next;
	*tail = ARENA_NEW(a, struct pim_param);
	if (*tail == NULL)
		return false;
	(*tail)->name = slice_c(name);
	(*tail)->value = value;
	return true;
}

bool
pim_param_set(struct arena *a, struct pim_prop *p, const char *name,
	      struct slice value)
{
	pim_param_remove(p, name);
	return pim_param_add(a, p, name, value);
}

void
pim_param_remove(struct pim_prop *p, const char *name)
{
	struct slice n = slice_c(name);
	struct pim_param **at = &p->params;

	while (*at != NULL) {
		if (slice_eq((*at)->name, n))
			*at = (*at)->next;
		else
			at = &(*at)->next;
	}
}
