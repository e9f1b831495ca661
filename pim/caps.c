/* What a device can hold, by its CTCap: names, counts, lengths, values. */
#include "pim/core.h"

struct alias {
	struct slice name, of;
};

static const struct alias aliases[] = {
	{ SLICE_INIT("X-NICKNAME"), SLICE_INIT("NICKNAME") },
	{ SLICE_INIT("ANNIVERSARY"), SLICE_INIT("X-ANNIVERSARY") },
	{ SLICE_INIT("X-EVOLUTION-ANNIVERSARY"), SLICE_INIT("X-ANNIVERSARY") },
	{ SLICE_INIT("X-FUNAMBOL-ANNIVERSARY"), SLICE_INIT("X-ANNIVERSARY") },
	{ SLICE_INIT("X-KADDRESSBOOK-X-ANNIVERSARY"),
	  SLICE_INIT("X-ANNIVERSARY") },
	{ SLICE_INIT("X-EVOLUTION-SPOUSE"), SLICE_INIT("X-SPOUSE") },
	{ SLICE_INIT("X-FUNAMBOL-SPOUSE"), SLICE_INIT("X-SPOUSE") },
	{ SLICE_INIT("X-KADDRESSBOOK-X-SPOUSESNAME"), SLICE_INIT("X-SPOUSE") },
	{ SLICE_INIT("X-EVOLUTION-MANAGER"), SLICE_INIT("X-MANAGER") },
	{ SLICE_INIT("X-FUNAMBOL-MANAGER"), SLICE_INIT("X-MANAGER") },
	{ SLICE_INIT("X-KADDRESSBOOK-X-MANAGERSNAME"),
	  SLICE_INIT("X-MANAGER") },
	{ SLICE_INIT("X-EVOLUTION-ASSISTANT"), SLICE_INIT("X-ASSISTANT") },
	{ SLICE_INIT("X-KADDRESSBOOK-X-ASSISTANTSNAME"),
	  SLICE_INIT("X-ASSISTANT") },
	{ SLICE_INIT("X-FUNAMBOL-CHILDREN"), SLICE_INIT("X-CHILDREN") },
};

enum { ALIAS_N = sizeof(aliases) / sizeof(aliases[0]) };

struct slice
pim_name_of(struct slice name)
{
	if (name.n < 10)
		return name;
	for (size_t i = 0; i < ALIAS_N; i++) {
		if (slice_eq(aliases[i].name, name))
			return aliases[i].of;
	}
	return name;
}

static const struct pim_cap *
find_exact(const struct pim_caps *caps, struct slice name)
{
	for (size_t i = 0; i < caps->prop_n; i++) {
		if (caps->props[i].name.n == name.n &&
		    slice_eq_nocase(caps->props[i].name, name))
			return &caps->props[i];
	}
	return NULL;
}

const struct pim_cap *
pim_cap_find(const struct pim_caps *caps, struct slice name)
{
	const struct pim_cap *cap = find_exact(caps, name);
	struct slice of;

	if (cap != NULL || name.n < 8)
		return cap;
	of = pim_name_of(name);
	cap = find_exact(caps, of);
	for (size_t i = 0; cap == NULL && i < ALIAS_N; i++) {
		if (slice_eq(aliases[i].of, of))
			cap = find_exact(caps, aliases[i].name);
	}
	return cap;
}

bool
pim_caps_say(const struct pim_caps *caps)
{
	for (size_t i = 0; caps != NULL && i < caps->prop_n; i++) {
		struct slice n = caps->props[i].name;

		if (!slice_is_nocase(n, "BEGIN") &&
		    !slice_is_nocase(n, "END") &&
		    !slice_is_nocase(n, "VERSION"))
			return true;
	}
	return false;
}

static bool
in_values(const struct pim_cap *cap, struct slice v)
{
	v = slice_trim(v);
	for (size_t i = 0; i < cap->value_n; i++) {
		if (slice_eq_nocase(slice_trim(cap->values[i]), v))
			return true;
	}
	return false;
}

/*
 * ValEnum. For lists: the elements that are allowed. Other kinds are free
 * text, where some phones name kinds of numbers in ValEnum: left alone.
 * false: memory is short.
 */
static bool
apply_values(struct arena *a, const struct pim_cap *cap, struct pim_prop *p,
	     bool *drop)
{
	struct buf b = BUF_IN(a);
	struct slice rest = p->value;
	struct slice part;

	if (cap->value_n == 0 || p->value.n == 0)
		return true;
	if (p->def->vtype == PIM_V_RAW) {
		*drop = !in_values(cap, p->value);
		return true;
	}
	if (p->def->vtype != PIM_V_LIST)
		return true;
	while (pim_split(&rest, ',', &part)) {
		if (!in_values(cap, part))
			continue;
		if (b.n > 0)
			buf_byte(&b, ',');
		buf_add(&b, part);
	}
	p->value = buf_slice(&b);
	*drop = b.n == 0;
	return buf_ok(&b);
}

/* The longest start of canonical text that is at most max bytes plain. */
static size_t
fitting(struct slice v, size_t max)
{
	size_t plain = 0;
	size_t i = 0;

	while (i < v.n) {
		size_t raw = 1;
		size_t cost = 1;

		if (v.p[i] == '\\' && i + 1 < v.n) {
			raw = 2;
			cost = v.p[i + 1] == 'n' ? 2 : 1;
		} else {
			while (i + raw < v.n &&
			       ((unsigned char)v.p[i + raw] & 0xC0) == 0x80)
				raw++;
			cost = raw;
		}
		if (plain + cost > max)
			return i;
		plain += cost;
		i += raw;
	}
	return i;
}

static bool
may_cut(const struct pim_prop *p)
{
	enum pim_vtype t = p->def->vtype;

	/* Half a number or address is worse than none. */
	if (slice_is(p->name, "TEL") || slice_is(p->name, "EMAIL") ||
	    slice_is(p->name, "UID"))
		return false;
	return t == PIM_V_TEXT || t == PIM_V_STRUCT || t == PIM_V_LIST;
}

static void
apply_size(const struct pim_view *view, const struct pim_cap *cap,
	   struct pim_prop *p, bool *drop)
{
	bool keep = p->def->flags & PIM_P_KEEP;
	struct slice v = p->value;
	size_t n;

	if (cap->max_bytes == 0 || (view->rules & PIM_RULE_IGNORE_SIZE) ||
	    p->def->vtype == PIM_V_BINARY || v.n <= cap->max_bytes)
		return;
	n = fitting(v, cap->max_bytes);
	if (n == v.n)
		return;
	if (!may_cut(p) || (cap->no_truncate && !keep)) {
		*drop = !keep;
		return;
	}
	if (p->def->vtype == PIM_V_LIST) {
		while (n > 0 && (v.p[n] != ',' || v.p[n - 1] == '\\'))
			n--;
		*drop = n == 0;
	}
	while (n > 0 && v.p[n - 1] == ' ')
		n--;
	p->value = slice_sub(v, 0, n);
}

struct filter {
	struct arena *a;
	const struct pim_view *view;
	const struct pim_caps *caps;
	uint32_t *used; /* per entry of caps: how many were kept */
};

static bool
filter_prop(struct filter *f, struct pim_prop *p, bool *drop)
{
	const struct pim_cap *cap = pim_cap_find(f->caps, p->name);
	uint32_t *used;

	if (cap == NULL) {
		*drop =
		    (p->def->flags & PIM_P_KEEP) == 0 &&
		    !(f->view->form == PIM_ICAL20 && slice_is(p->name, "UID"));
		return true;
	}
	if (!slice_eq_nocase(cap->name, p->name)) {
		p->name = cap->name;
		p->def = pim_pdef_find(p->name);
	}
	*drop = pim_caps_lack_kind(f->caps, cap, p);
	if ((p->def->flags & PIM_P_KEEP) == 0 && !*drop &&
	    !apply_values(f->a, cap, p, drop))
		return false;
	apply_size(f->view, cap, p, drop);
	if (*drop || cap->max_occur == 0)
		return true;
	used = &f->used[cap - f->caps->props];
	*drop = *used >= cap->max_occur;
	if (!*drop)
		++*used;
	return true;
}

static bool
filter_comp(struct filter *f, struct pim_comp *c)
{
	struct pim_prop **at = &c->props;

	memset(f->used, 0, f->caps->prop_n * sizeof(*f->used));
	while (*at != NULL) {
		bool drop = false;

		if (!filter_prop(f, *at, &drop))
			return false;
		if (drop)
			*at = (*at)->next;
		else
			at = &(*at)->next;
	}
	return true;
}

int
pim_caps_apply(struct arena *a, const struct pim_view *view,
	       struct pim_comp *root, struct err *e)
{
	struct filter f = { .a = a, .view = view, .caps = view->caps };
	bool ok = true;

	if (!pim_caps_say(view->caps))
		return 0;
	f.used = ARENA_ARRAY(a, view->caps->prop_n, uint32_t);
	if (f.used == NULL)
		return pim_nomem(e, "pim.caps");
	if (!slice_is(root->name, "VCALENDAR"))
		ok = filter_comp(&f, root);
	for (struct pim_comp *k = root->kids; ok && k != NULL; k = k->next) {
		/* Zones and alarms are not what CTCap speaks of. */
		if (slice_is(k->name, "VEVENT") || slice_is(k->name, "VTODO"))
			ok = filter_comp(&f, k);
	}
	return ok ? 0 : pim_nomem(e, "pim.caps");
}

/* Names of the same thing in the old calendar. */
static const struct pim_cap *
find_old_calendar(const struct pim_caps *caps, struct slice name)
{
	const struct pim_cap *cap = NULL;

	if (slice_is(name, "VALARM")) {
		cap = find_exact(caps, SLICE_LIT("AALARM"));
		if (cap == NULL)
			cap = find_exact(caps, SLICE_LIT("DALARM"));
		if (cap == NULL)
			cap = find_exact(caps, SLICE_LIT("TRIGGER"));
	} else if (slice_is(name, "ORGANIZER")) {
		cap = find_exact(caps, SLICE_LIT("ATTENDEE"));
	}
	return cap;
}

bool
pim_caps_keep(const struct pim_view *view, struct slice name, size_t bytes)
{
	const struct pim_cap *cap;

	if (view == NULL)
		return false;
	if (view->rules & PIM_RULE_KEEPS_ALL)
		return true;
	if (!pim_caps_say(view->caps))
		return false;
	cap = pim_cap_find(view->caps, name);
	if (cap == NULL)
		cap = find_old_calendar(view->caps, name);
	if (cap == NULL)
		return false;
	/* A size that is not to be believed is no promise to keep more. */
	return cap->max_bytes == 0 || bytes <= cap->max_bytes;
}
