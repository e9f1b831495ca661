/*
 * Numbers and addresses: which kinds of them a device has, and how many of a
 * kind it is sure to keep. Most phones have one field for each kind that they
 * list; what goes on with a second one is theirs to know (the first stays, or
 * the last). So one of a kind is sure, more only where it says so.
 */
#include "pim/core.h"

/* Kinds of machines: sent where another is expected, they get calls. */
static bool
is_machine(struct slice t)
{
	static const char *const names[] = { "FAX",  "PAGER", "CAR", "MODEM",
					     "ISDN", "BBS",   "MSG", "VIDEO" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (slice_is_nocase(t, names[i]))
			return true;
	}
	return false;
}

/* What any number or address may be called beside its kind. */
static bool
is_plain(struct slice t)
{
	static const char *const names[] = { "",         "VOICE", "PREF",
					     "INTERNET", "DOM",   "INTL",
					     "POSTAL",   "PARCEL" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (slice_is_nocase(t, names[i]))
			return true;
	}
	return false;
}

/* ---- what a device lists ------------------------------------------------ */

struct kinds {      /* of one property name */
	uint32_t n; /* real ones */
	bool plain; /* VOICE and the like: for numbers of no kind */
	bool found; /* the one that was asked for */
};

static void
look_at(struct kinds *k, struct slice list, struct slice ask)
{
	struct slice t;

	/* Some write "WORK,FAX" as one value. */
	while (slice_split(&list, ',', &t)) {
		t = slice_trim(t);
		if (is_plain(t))
			k->plain = k->plain || t.n > 0;
		else
			k->n++;
		k->found = k->found || slice_eq_nocase(t, ask);
	}
}

/* A name may be listed more than once, with other kinds each time. */
static struct kinds
listed(const struct pim_caps *caps, struct slice name, struct slice ask)
{
	struct kinds k = { 0, false, false };

	for (size_t i = 0; i < caps->prop_n; i++) {
		const struct pim_cap *c = &caps->props[i];

		if (!slice_eq_nocase(c->name, name))
			continue;
		for (size_t p = 0; p < c->param_n; p++) {
			const struct pim_cap_param *q = &c->params[p];

			if (!slice_is_nocase(q->name, "TYPE"))
				continue;
			for (size_t v = 0; v < q->value_n; v++)
				look_at(&k, q->values[v], ask);
		}
	}
	return k;
}

bool
pim_caps_lack_kind(const struct pim_caps *caps, const struct pim_cap *cap,
		   const struct pim_prop *p)
{
	for (const struct pim_param *q = p->params; q != NULL; q = q->next) {
		struct kinds k;

		if (!slice_is(q->name, "TYPE") || !is_machine(q->value))
			continue;
		k = listed(caps, cap->name, q->value);
		if (k.n > 0 && !k.found)
			return true;
	}
	return false;
}

bool
pim_caps_add_kinds(struct arena *a, struct pim_caps *caps,
		   const struct pim_prop *p)
{
	const struct pim_cap *of =
	    p->params == NULL ? NULL : pim_cap_find(caps, p->name);
	struct pim_cap_param *params;
	struct pim_cap_param *more;
	struct pim_cap *cap;
	size_t n = 0;

	if (of == NULL || !pim_caps_lack_kind(caps, of, p))
		return false;
	for (const struct pim_param *q = p->params; q != NULL; q = q->next)
		n++;
	params = ARENA_ARRAY(a, of->param_n + 1, struct pim_cap_param);
	if (params == NULL)
		return false;
	if (of->param_n > 0)
		memcpy(params, of->params, of->param_n * sizeof(*params));
	more = &params[of->param_n];
	*more = (struct pim_cap_param){ .name = SLICE_LIT("TYPE") };
	more->values = ARENA_ARRAY(a, n, struct slice);
	if (more->values == NULL)
		return false;
	for (const struct pim_param *q = p->params; q != NULL; q = q->next) {
		if (slice_is(q->name, "TYPE"))
			more->values[more->value_n++] = q->value;
	}
	/* The list is the caller's own, its parameters may be another's. */
	cap = &caps->props[of - caps->props];
	cap->params = params;
	cap->param_n++;
	return true;
}

/* ---- how many it is sure to keep ----------------------------------------- */

/* The kind that decides: what it is comes before where it is. */
static struct slice
main_kind(struct slice types)
{
	static const char *const last[] = { "CELL", "WORK", "HOME" };
	struct slice rest = types;
	struct slice best = SLICE_LIT("");
	struct slice t;
	int rank = 0;

	while (rank < 5 && slice_split(&rest, ',', &t)) {
		int r = is_plain(t) ? 0 : is_machine(t) ? 5 : 1;

		for (int i = 0; r == 1 && i < 3; i++) {
			if (slice_is(t, last[i]))
				r = 4 - i;
		}
		if (r > rank) {
			rank = r;
			best = t;
		}
	}
	return best;
}

static bool
all_listed(const struct pim_caps *caps, struct slice name, struct slice types)
{
	struct slice t;

	while (slice_split(&types, ',', &t)) {
		if (!is_plain(t) && !listed(caps, name, t).found)
			return false;
	}
	return true;
}

struct pim_place
pim_caps_place(const struct pim_caps *caps, const struct pim_cap *cap,
	       struct slice types)
{
	struct kinds k = listed(caps, cap->name, SLICE_LIT(""));
	struct pim_place at = { .kind = SLICE_INIT(""), .sure = 1 };

	if (k.n == 0) {
		/* No kinds, one list. Who tells the bare name tells nothing of
		   its room: such a device is taken to have enough. */
		at.any = true;
		if (cap->max_occur > 0)
			at.sure = cap->max_occur;
		else if (!k.plain)
			at.sure = UINT32_MAX;
		return at;
	}
	at.kind = main_kind(types);
	if (!all_listed(caps, cap->name, types) ||
	    (at.kind.n == 0 && !k.plain && cap->max_occur <= k.n))
		at.sure = 0;
	return at;
}

bool
pim_place_has(const struct pim_place *at, struct slice types)
{
	return at->any || slice_eq(at->kind, main_kind(types));
}
