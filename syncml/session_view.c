/*
 * How this device sees the items of one database: which form it gets, what it
 * can hold, which quirk rules it needs.
 */
#include "syncml/session.h"

const struct sml_devinf *
sml_peer_devinf(struct sml_ctx *c)
{
	struct err e = { .code = ERR_NONE };

	if (!c->devinf_read && c->dev.devinf.n > 0) {
		if (sml_devinf_parse(c->a, c->dev.devinf, &c->devinf, &e) < 0) {
			/* Checked when it came: only lack of memory is left,
			   and then the defaults are the safe side. */
			c->devinf = NULL;
		}
	}
	c->devinf_read = true;
	return c->devinf;
}

static unsigned
kinds_of(const struct sml_ctx *c, int64_t collection)
{
	const struct store_collection *col = sml_collection(c, collection);

	return col == NULL ? 0 : col->kinds;
}

int64_t
sml_member_for(struct sml_ctx *c, const struct sml_ds *ds, unsigned kind)
{
	const struct store_collection *col = sml_collection(c, ds->collection);

	for (size_t i = 0; col != NULL && i < col->member_n; i++) {
		if ((kinds_of(c, col->member[i]) & kind) != 0)
			return col->member[i];
	}
	return 0;
}

bool
sml_form_fits(enum pim_form form, unsigned kinds)
{
	switch (form) {
	case PIM_VCARD21:
	case PIM_VCARD30:
	case PIM_SIFC:
		return (kinds & PIM_CONTACT) != 0;
	case PIM_VCAL10:
	case PIM_ICAL20:
		return (kinds & (PIM_EVENT | PIM_TODO)) != 0;
	case PIM_SIFE:
		return (kinds & PIM_EVENT) != 0;
	case PIM_SIFT:
		return (kinds & PIM_TODO) != 0;
	case PIM_TEXT:
	case PIM_VNOTE:
	case PIM_SIFN:
		return (kinds & PIM_NOTE) != 0;
	case PIM_EMAIL:
	case PIM_RFC822:
		return (kinds & PIM_MAIL) != 0;
	case PIM_OFOLDER:
	case PIM_VCARD40:
	case PIM_FORM_NONE:
		break;
	}
	return false;
}

static enum pim_form
form_of_store(const struct sml_datastore *st, unsigned kinds)
{
	for (size_t i = 0; i < st->rx_n; i++) {
		enum pim_form f =
		    pim_form_of(st->rx[i].type, st->rx[i].version);

		if (sml_form_fits(f, kinds))
			return f;
	}
	return PIM_FORM_NONE;
}

static const struct pim_caps *
caps_of_store(const struct sml_datastore *st, enum pim_form form)
{
	for (size_t i = 0; i < st->ctcap_n; i++) {
		const struct sml_ctcap *cap = &st->ctcap[i];
		enum pim_form f = pim_form_of(cap->type, cap->version);

		if (f == form && cap->caps.prop_n > 0)
			return &cap->caps;
	}
	return NULL;
}

static bool
has_cap(const struct pim_caps *caps, struct slice name)
{
	for (size_t i = 0; i < caps->prop_n; i++) {
		if (slice_eq_nocase(caps->props[i].name, name))
			return true;
	}
	return false;
}

static bool
add_caps(struct arena *a, struct pim_caps *caps, size_t room,
	 const struct pim_comp *comp)
{
	bool more = false;

	for (const struct pim_prop *p = comp->props; p != NULL; p = p->next) {
		if (has_cap(caps, p->name)) {
			more |= pim_caps_add_kinds(a, caps, p);
		} else if (caps->prop_n < room) {
			caps->props[caps->prop_n++].name = p->name;
			more = true;
		}
	}
	return more;
}

static const struct pim_view *
proven(struct arena *a, const struct pim_view *view, const struct pim_item *own)
{
	enum { MORE = 64 };
	struct pim_view *v;
	struct pim_caps *caps;
	bool more;

	if (view->caps == NULL || own->root == NULL)
		return view;
	v = ARENA_NEW(a, struct pim_view);
	caps = ARENA_NEW(a, struct pim_caps);
	if (v == NULL || caps == NULL)
		return view;
	caps->props = ARENA_ARRAY(a, view->caps->prop_n + MORE, struct pim_cap);
	if (caps->props == NULL)
		return view;
	memcpy(caps->props, view->caps->props,
	       view->caps->prop_n * sizeof(*caps->props));
	caps->prop_n = view->caps->prop_n;
	more = add_caps(a, caps, view->caps->prop_n + MORE, own->root);
	for (const struct pim_comp *k = own->root->kids; k != NULL; k = k->next)
		more |= add_caps(a, caps, view->caps->prop_n + MORE, k);
	if (!more)
		return view;
	*v = *view;
	v->caps = caps;
	pim_view_seal(v);
	return v;
}

const struct pim_view *
sml_view_lean(struct arena *a, const struct pim_view *view)
{
	struct pim_view *v = ARENA_NEW(a, struct pim_view);

	if (v == NULL)
		return NULL;
	*v = *view;
	v->lean = true;
	pim_view_seal(v);
	return v;
}

static bool
is_lean(struct arena *a, const struct pim_view *view, uint64_t form)
{
	const struct pim_view *v = sml_view_lean(a, view);

	return v != NULL && v->id == form;
}

const struct pim_view *
sml_view_of(struct arena *a, const struct pim_view *view,
	    const struct pim_item *held, uint64_t form)
{
	const struct pim_view *more;

	if (held == NULL || form == view->id)
		return view;
	more = proven(a, view, held);
	if (more == view)
		return view;
	return form == 0 || form == more->id || is_lean(a, more, form) ? more
								       : view;
}

const struct pim_view *
sml_view_held(struct arena *a, const struct pim_view *view,
	      const struct pim_item *held, uint64_t form)
{
	const struct pim_view *v = sml_view_of(a, view, held, form);

	return form != 0 && form != v->id && is_lean(a, v, form)
		   ? sml_view_lean(a, v)
		   : v;
}

uint32_t
sml_rules(const struct sml_ctx *c)
{
	uint32_t own = 0;

	/* Words set by hand were checked by the command that set them. */
	if (c->dev.rules.n > 0)
		(void)pim_rules_words(c->dev.rules, &own, NULL);
	return own | pim_rules_match(c->srv->rules, c->dev.man, c->dev.mod,
				     c->dev.swv, c->dev.dev_id);
}

/*
 * For a device that neither told its forms nor sent an item: the old standard
 * ones. Clients of SIF tell themselves by their device ids, or by the names
 * that their maker gave the databases of that form.
 */
static enum pim_form
form_unsaid(const struct sml_ds *ds, uint32_t rules, unsigned kinds)
{
	static const char *const names[] = { "scard", "scal", "stask",
					     "snote" };
	struct slice uri = ds->server_uri;
	bool sif = (rules & PIM_RULE_SIF) != 0;

	if (slice_starts(uri, "./"))
		uri = slice_from(uri, 2);
	for (size_t i = 0; !sif && i < sizeof(names) / sizeof(names[0]); i++)
		sif = slice_is_nocase(uri, names[i]);
	for (enum pim_form f = PIM_SIFC; sif && f <= PIM_SIFN; f++) {
		if (sml_form_fits(f, kinds))
			return f;
	}
	return pim_form_default(kinds);
}

const struct pim_view *
sml_view(struct sml_ctx *c, struct sml_ds *ds)
{
	size_t at = (size_t)(ds - c->s.ds);
	struct pim_view *v = &c->view[at];
	const struct sml_devinf *di;
	const struct sml_datastore *st;
	unsigned kinds;

	if (c->view_ready[at])
		return v;
	di = sml_peer_devinf(c);
	st = di == NULL ? NULL : sml_devinf_store(di, ds->client_uri);
	kinds = kinds_of(c, ds->collection);
	*v = (struct pim_view){ .zone = c->acc.zone };
	if (st != NULL)
		v->form = form_of_store(st, kinds);
	if (v->form == PIM_FORM_NONE)
		v->form = (enum pim_form)ds->form_seen;
	v->rules = sml_rules(c);
	if (v->form == PIM_FORM_NONE)
		v->form = form_unsaid(ds, v->rules, kinds);
	if (st != NULL)
		v->caps = caps_of_store(st, v->form);
	/* Its words were read when the message came, or this memory is short,
	   which ends it. */
	if ((kinds & PIM_MAIL) != 0)
		(void)sml_filter_cut(c, ds, &v->mail);
	/* who told nothing knows UTC: a phone's local time is a guess */
	v->utc = c->s.version == 10 || di == NULL || di->utc;
	pim_view_seal(v);
	c->view_ready[at] = true;
	return v;
}
