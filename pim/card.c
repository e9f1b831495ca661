/*
 * vCard 2.1, 3.0 and 4.0 to the canonical 3.0 and back. The text layer is the
 * codec's business; here are the few properties whose meaning is written
 * differently.
 */
#include "pim/core.h"
#include "pim/lines_int.h"

/* ---- days ------------------------------------------------------------------
 */

static bool
two_digits(const char *p, unsigned max)
{
	unsigned v;

	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return false;
	v = (unsigned)(p[0] - '0') * 10 + (unsigned)(p[1] - '0');
	return v >= 1 && v <= max;
}

static bool
year_digits(const char *p)
{
	for (int i = 0; i < 4; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
	}
	return true;
}

bool
pim_card_day(struct arena *a, struct slice s, struct slice *out)
{
	const char *year = NULL;
	const char *md;

	s = slice_trim(s);
	if (s.n >= 8 && year_digits(s.p)) {
		year = s.p;
		s = slice_from(s, s.p[4] == '-' ? 5 : 4);
	} else if (s.n >= 6 && s.p[0] == '-' && s.p[1] == '-') {
		s = slice_from(s, 2);
	} else {
		return false;
	}
	md = s.p;
	if (s.n >= 5 && md[2] == '-')
		s = (struct slice){ md + 3, s.n - 3 };
	else if (s.n >= 4)
		s = (struct slice){ md + 2, s.n - 2 };
	else
		return false;
	/* A time behind the day is dropped: the day as written counts. */
	if (!two_digits(md, 12) || !two_digits(s.p, 31) ||
	    (s.n > 2 && s.p[2] != 'T' && s.p[2] != ' '))
		return false;
	*out = year == NULL ? arena_printf(a, "--%.2s-%.2s", md, s.p)
			    : arena_printf(a, "%.4s-%.2s-%.2s", year, md, s.p);
	return out->p != NULL;
}

/* ---- names ------------------------------------------------------------------
 */

struct name_parts {
	struct slice part[5]; /* family, given, middle, prefix, suffix */
};

static void
add_word(struct arena *a, struct buf *b, struct slice escaped)
{
	struct slice word = pim_unescape(a, escaped);

	if (word.p == NULL) {
		b->bad = true;
		return;
	}
	word = slice_trim(word);
	if (word.n == 0)
		return;
	if (b->n > 0)
		buf_byte(b, ' ');
	buf_add(b, word);
}

static struct slice
first_part(const struct pim_comp *card, const char *name)
{
	struct slice rest = pim_prop_value(card, name);
	struct slice part = { NULL, 0 };

	(void)pim_split(&rest, ';', &part);
	return part;
}

struct slice
pim_card_fn(struct arena *a, const struct pim_comp *card)
{
	static const unsigned char order[] = { 3, 1, 2, 0, 4 };
	static const char *const others[] = { "ORG", "NICKNAME", "EMAIL",
					      "TEL" };
	struct slice part[5] = { { NULL, 0 } };
	struct slice rest = pim_prop_value(card, "N");
	struct buf b = BUF_IN(a);

	for (size_t i = 0; i < 5; i++)
		(void)pim_split(&rest, ';', &part[i]);
	for (size_t i = 0; i < sizeof(order); i++)
		add_word(a, &b, part[order[i]]);
	for (size_t i = 0; b.n == 0 && i < 4; i++)
		add_word(a, &b, first_part(card, others[i]));
	if (!buf_ok(&b))
		return (struct slice){ NULL, 0 };
	return pim_escape(a, buf_slice(&b));
}

static bool
has_text(const struct pim_prop *p)
{
	for (size_t i = 0; p != NULL && i < p->value.n; i++) {
		if (p->value.p[i] != ';' && p->value.p[i] != ' ')
			return true;
	}
	return false;
}

/* N and FN, which 3.0 wants: each made from the other where it is missing. */
static bool
complete_names(struct arena *a, struct pim_comp *card)
{
	struct pim_prop *n = pim_prop_find(card, "N");
	struct pim_prop *fn = pim_prop_find(card, "FN");
	struct pim_prop *add;

	if (n == NULL) {
		add =
		    pim_prop_new(a, SLICE_LIT("N"),
				 arena_printf(a, "%.*s;;;;",
					      fn == NULL ? 0 : (int)fn->value.n,
					      fn == NULL ? "" : fn->value.p));
		if (add == NULL || add->value.p == NULL)
			return false;
		add->next = card->props->next;
		card->props->next = add;
		n = add;
	}
	if (has_text(fn))
		return true;
	if (fn == NULL) {
		fn = pim_prop_new(a, SLICE_LIT("FN"), SLICE_LIT(""));
		if (fn == NULL)
			return false;
		fn->next = n->next;
		n->next = fn;
	}
	fn->value = pim_card_fn(a, card);
	return fn->value.p != NULL;
}

/* ---- reading
 * ------------------------------------------------------------------ */

/* 2.1 has longitude,latitude; 3.0 latitude;longitude; 4.0 geo:lat,lon. */
static bool
read_geo(struct arena *a, enum pim_form form, struct pim_prop *p)
{
	struct slice v = p->value;
	size_t comma = slice_find(v, ',');

	if (slice_starts_nocase(v, "geo:")) {
		v = slice_from(v, 4);
		comma = slice_find(v, ',');
		if (comma != SIZE_MAX)
			p->value = arena_printf(
			    a, "%.*s;%.*s", SLICE_ARG(slice_sub(v, 0, comma)),
			    SLICE_ARG(slice_from(v, comma + 1)));
	} else if (form == PIM_VCARD21 && comma != SIZE_MAX) {
		p->value = arena_printf(a, "%.*s;%.*s",
					SLICE_ARG(slice_from(v, comma + 1)),
					SLICE_ARG(slice_sub(v, 0, comma)));
	}
	return p->value.p != NULL;
}

static bool
read_day(struct arena *a, struct pim_prop *p)
{
	struct slice day;

	if (!pim_card_day(a, p->value, &day))
		return true;
	p->value = day;
	pim_param_remove(p, "VALUE");
	return true;
}

/* 4.0: data:image/jpeg;base64,... is ENCODING=b;TYPE=JPEG here. */
static bool
read_data_uri(struct arena *a, struct pim_prop *p)
{
	struct slice v = p->value;
	size_t comma = slice_find(v, ',');
	size_t semi = slice_find(v, ';');
	size_t slash;
	struct slice type;

	if (!slice_starts_nocase(v, "data:") || comma == SIZE_MAX ||
	    semi == SIZE_MAX || semi > comma ||
	    !slice_ends(slice_sub(v, 0, comma), "base64"))
		return true;
	type = slice_sub(v, 5, semi - 5);
	slash = slice_find(type, '/');
	p->value = pim_dense(a, slice_from(v, comma + 1));
	pim_param_remove(p, "VALUE");
	if (p->value.p == NULL ||
	    !pim_param_set(a, p, "ENCODING", SLICE_LIT("b")))
		return false;
	if (slash == SIZE_MAX || pim_param_get(p, "TYPE").p != NULL)
		return true;
	return pim_param_add(a, p, "TYPE", slice_from(type, slash + 1));
}

/* What only 4.0 writes so. */
static bool
read_v4(struct arena *a, struct pim_prop *p)
{
	if (slice_is(p->name, "TEL") && slice_starts_nocase(p->value, "tel:")) {
		p->value = slice_from(p->value, 4);
		pim_param_remove(p, "VALUE");
	}
	if (slice_is(pim_param_get(p, "PREF"), "1")) {
		pim_param_remove(p, "PREF");
		if (!pim_param_add(a, p, "TYPE", SLICE_LIT("PREF")))
			return false;
	}
	return p->def->vtype != PIM_V_BINARY || read_data_uri(a, p);
}

static bool
read_prop(struct arena *a, enum pim_form form, struct pim_comp *card,
	  struct pim_prop *p)
{
	if (form == PIM_VCARD40 && !read_v4(a, p))
		return false;
	if (slice_is(p->name, "GEO"))
		return read_geo(a, form, p);
	if (slice_is(p->name, "BDAY"))
		return read_day(a, p);
	if (slice_is(p->name, "X-NICKNAME") &&
	    pim_prop_find(card, "NICKNAME") == NULL) {
		p->name = SLICE_LIT("NICKNAME");
		p->def = pim_pdef_find(p->name);
	}
	if (p->params != NULL && pim_param_has(p, "VALUE", "URL"))
		return pim_param_set(a, p, "VALUE", SLICE_LIT("uri"));
	return true;
}

int
pim_card_read(struct arena *a, enum pim_form form, struct pim_comp *root,
	      struct pim_item **out, struct err *e)
{
	struct pim_item *it = ARENA_NEW(a, struct pim_item);
	struct pim_prop *version =
	    pim_prop_new(a, SLICE_LIT("VERSION"), SLICE_LIT("3.0"));
	struct pim_prop **at = &root->props;

	if (it == NULL || version == NULL)
		return pim_nomem(e, "pim.card");
	while (*at != NULL) {
		struct pim_prop *p = *at;

		/* Both speak of the text, not of the person. */
		if (slice_is(p->name, "VERSION") ||
		    slice_is(p->name, "PRODID")) {
			*at = p->next;
			continue;
		}
		if (!read_prop(a, form, root, p))
			return pim_nomem(e, "pim.card");
		at = &p->next;
	}
	version->next = root->props;
	root->props = version;
	if (!complete_names(a, root))
		return pim_nomem(e, "pim.card");
	it->kind = PIM_CONTACT;
	it->root = root;
	*out = it;
	return 0;
}

/* ---- writing
 * ------------------------------------------------------------------ */

static bool
before_1980(struct slice day)
{
	int64_t year;

	return day.n >= 4 && slice_i64(slice_sub(day, 0, 4), &year) &&
	       year < 1980;
}

/* "1970-01-31" as the old dialect's devices write it: "19700131". */
static bool
write_day(struct arena *a, struct pim_prop *p)
{
	struct slice v = p->value;

	if (v.n == 10 && v.p[4] == '-' && v.p[7] == '-')
		p->value =
		    arena_printf(a, "%.4s%.2s%.2s", v.p, v.p + 5, v.p + 8);
	return p->value.p != NULL;
}

static bool
write_geo(struct arena *a, struct pim_prop *p)
{
	size_t semi = slice_find(p->value, ';');

	if (semi != SIZE_MAX)
		p->value = arena_printf(
		    a, "%.*s,%.*s", SLICE_ARG(slice_from(p->value, semi + 1)),
		    SLICE_ARG(slice_sub(p->value, 0, semi)));
	return p->value.p != NULL;
}

/* Own copies of p's parameters, because they are about to change. */
static bool
own_params(struct arena *a, struct pim_prop *p)
{
	struct pim_prop *copy = pim_prop_copy(a, p);

	if (copy != NULL)
		p->params = copy->params;
	return copy != NULL;
}

static bool
write_old_prop(struct arena *a, struct pim_prop *p)
{
	if (slice_is(p->name, "BDAY"))
		return write_day(a, p);
	if (slice_is(p->name, "GEO"))
		return write_geo(a, p);
	if (p->params != NULL && pim_param_has(p, "VALUE", "uri"))
		return own_params(a, p) &&
		       pim_param_set(a, p, "VALUE", SLICE_LIT("URL"));
	return true;
}

/* PIM_RULE_TEL_ONE: does this number find its field free? *taken remembers the
   fields of this card. */
static bool
has_field(const struct pim_prop *p, unsigned *taken)
{
	unsigned home = pim_param_has(p, "TYPE", "HOME") ? 1 : 0;
	unsigned work = pim_param_has(p, "TYPE", "WORK") ? 2 : 0;
	unsigned field = home | work;

	if (pim_param_has(p, "TYPE", "PAGER") ||
	    pim_param_has(p, "TYPE", "CAR"))
		return false;
	if (pim_param_has(p, "TYPE", "FAX")) {
		if (field == 0)
			return false;
		field <<= 2;
	} else if (pim_param_has(p, "TYPE", "CELL")) {
		return true;
	}
	if ((*taken & field) != 0)
		return false;
	*taken |= field;
	return true;
}

/* Rules of the device. *drop: it must not see this one. */
static bool
write_rules(struct arena *a, const struct pim_view *view, struct pim_prop *p,
	    unsigned *taken, bool *drop)
{
	if ((view->rules & PIM_RULE_TEL_ONE) && slice_is(p->name, "TEL") &&
	    !has_field(p, taken))
		*drop = true;
	if ((view->rules & PIM_RULE_NO_1980) && (p->def->flags & PIM_P_DATE) &&
	    before_1980(p->value))
		*drop = true;
	if ((view->rules & PIM_RULE_EMAIL_INTERNET) &&
	    slice_is(p->name, "EMAIL") &&
	    !pim_param_has(p, "TYPE", "INTERNET")) {
		struct pim_param *q = ARENA_NEW(a, struct pim_param);

		if (q == NULL)
			return false;
		q->name = SLICE_LIT("TYPE");
		q->value = SLICE_LIT("INTERNET");
		q->next = p->params;
		p->params = q;
	}
	if ((view->rules & PIM_RULE_PHOTO_NO_TYPE) &&
	    slice_is(p->name, "PHOTO")) {
		if (!own_params(a, p))
			return false;
		pim_param_remove(p, "TYPE");
	}
	if ((view->rules & PIM_RULE_ORG_ONE) && slice_is(p->name, "ORG")) {
		struct slice rest = p->value;

		(void)pim_split(&rest, ';', &p->value);
	}
	return true;
}

/* Some phones read no further than a note or a picture: those come last. */
static int
rank(const struct pim_prop *p)
{
	if (slice_is(p->name, "PHOTO"))
		return 2;
	return slice_is(p->name, "NOTE") ? 1 : 0;
}

static int
write_props(struct arena *a, const struct pim_view *view, bool old,
	    const struct pim_prop *from, struct pim_prop **tail)
{
	struct pim_prop *late[3] = { NULL, NULL, NULL };
	struct pim_prop **late_tail[3] = { &late[0], &late[1], &late[2] };
	unsigned taken = 0;

	for (; from != NULL; from = from->next) {
		struct pim_prop *p;
		bool drop = false;
		int r;

		if (slice_is(from->name, "VERSION") ||
		    slice_is(from->name, "PRODID"))
			continue;
		/* A copy of the node; its parameters stay shared until they
		   change. */
		p = ARENA_NEW(a, struct pim_prop);
		if (p == NULL)
			return -1;
		*p = *from;
		p->next = NULL;
		if (!write_rules(a, view, p, &taken, &drop) ||
		    (old && !write_old_prop(a, p)))
			return -1;
		if (drop)
			continue;
		r = old ? rank(p) : 0;
		*late_tail[r] = p;
		late_tail[r] = &p->next;
	}
	*late_tail[1] = late[2];
	*late_tail[0] = late[1] != NULL ? late[1] : late[2];
	*tail = late[0];
	return 0;
}

int
pim_card_write(struct arena *a, const struct pim_view *view,
	       const struct pim_item *it, struct pim_comp **out, struct err *e)
{
	bool old = view->form == PIM_VCARD21;
	struct pim_comp *c = pim_comp_new(a, SLICE_LIT("VCARD"));
	struct pim_prop *version =
	    pim_prop_new(a, SLICE_LIT("VERSION"),
			 pim_form_version(old ? PIM_VCARD21 : PIM_VCARD30));

	if (c == NULL || version == NULL)
		return pim_nomem(e, "pim.card");
	c->props = version;
	if (write_props(a, view, old, it->root->props, &version->next) != 0)
		return pim_nomem(e, "pim.card");
	*out = c;
	return 0;
}
