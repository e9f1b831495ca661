/*
 * Device information: structs to a tree, in the grammar of its version.
 */
#include "syncml/build.h"
#include "syncml/devinf.h"

struct builder {
	struct sml_build t;
	int version;
	bool without_caps;
};

static void
add_values(struct builder *b, struct sml_node *up, const struct slice *list,
	   size_t n)
{
	for (size_t i = 0; i < n; i++)
		sml_leaf(&b->t, up, SML_DI_VALENUM, list[i]);
}

/* ---- 1.2: nested --------------------------------------------------------- */

static void
add_property(struct builder *b, struct sml_node *up, const struct pim_cap *cap)
{
	struct sml_node *n = sml_box(&b->t, up, SML_DI_PROPERTY);

	sml_leaf(&b->t, n, SML_DI_PROPNAME, cap->name);
	if (cap->max_occur > 0)
		sml_number(&b->t, n, SML_DI_MAXOCCUR, cap->max_occur);
	if (cap->max_bytes > 0)
		sml_number(&b->t, n, SML_DI_SIZE, cap->max_bytes);
	sml_flag(&b->t, n, SML_DI_NOTRUNCATE, cap->no_truncate);
	add_values(b, n, cap->values, cap->value_n);
	for (size_t i = 0; i < cap->param_n; i++) {
		const struct pim_cap_param *p = &cap->params[i];
		struct sml_node *pn = sml_box(&b->t, n, SML_DI_PROPPARAM);

		sml_leaf(&b->t, pn, SML_DI_PARAMNAME, p->name);
		add_values(b, pn, p->values, p->value_n);
	}
}

static void
add_ctcap(struct builder *b, struct sml_node *up, const struct sml_ctcap *c)
{
	struct sml_node *n = sml_box(&b->t, up, SML_DI_CTCAP);

	sml_leaf(&b->t, n, SML_DI_CTTYPE, c->type);
	sml_leaf(&b->t, n, SML_DI_VERCT, c->version);
	sml_flag(&b->t, n, SML_DI_FIELDLEVEL, c->field_level);
	for (size_t i = 0; i < c->caps.prop_n && !b->without_caps; i++)
		add_property(b, n, &c->caps.props[i]);
}

/* ---- 1.0, 1.1: flat ------------------------------------------------------ */

static void
add_flat_param(struct builder *b, struct sml_node *n,
	       const struct pim_cap_param *p)
{
	/* Phones of that age look for the values of TYPE as names. */
	if (slice_is_nocase(p->name, "TYPE") && p->value_n > 0) {
		for (size_t i = 0; i < p->value_n; i++)
			sml_leaf(&b->t, n, SML_DI_PARAMNAME, p->values[i]);
		return;
	}
	sml_leaf(&b->t, n, SML_DI_PARAMNAME, p->name);
	add_values(b, n, p->values, p->value_n);
}

static void
add_flat(struct builder *b, struct sml_node *n, const struct sml_ctcap *c)
{
	sml_leaf(&b->t, n, SML_DI_CTTYPE, c->type);
	for (size_t i = 0; i < c->caps.prop_n; i++) {
		const struct pim_cap *cap = &c->caps.props[i];

		sml_leaf(&b->t, n, SML_DI_PROPNAME, cap->name);
		add_values(b, n, cap->values, cap->value_n);
		/* The grammar wants a DataType before a Size, and some phones
		   of 1.0 break on both. */
		if (b->version > 10 && cap->max_bytes > 0 &&
		    cap->value_n == 0) {
			sml_leaf(&b->t, n, SML_DI_DATATYPE, SLICE_LIT("chr"));
			sml_number(&b->t, n, SML_DI_SIZE, cap->max_bytes);
		}
		for (size_t j = 0; j < cap->param_n; j++)
			add_flat_param(b, n, &cap->params[j]);
	}
}

/* Was this type written for an earlier database already? */
static bool
written(const struct sml_devinf *d, size_t store, size_t at)
{
	const struct sml_ctcap *c = &d->stores[store].ctcap[at];

	for (size_t s = 0; s <= store; s++) {
		size_t n = s == store ? at : d->stores[s].ctcap_n;

		for (size_t i = 0; i < n; i++) {
			const struct sml_ctcap *o = &d->stores[s].ctcap[i];

			if (slice_eq_nocase(o->type, c->type) &&
			    slice_eq(o->version, c->version))
				return true;
		}
	}
	return false;
}

static void
add_flat_caps(struct builder *b, struct sml_node *root,
	      const struct sml_devinf *d)
{
	struct sml_node *n = NULL;

	for (size_t s = 0; s < d->store_n; s++) {
		const struct sml_datastore *ds = &d->stores[s];

		for (size_t i = 0; i < ds->ctcap_n; i++) {
			if (ds->ctcap[i].caps.prop_n == 0 || written(d, s, i))
				continue;
			if (n == NULL)
				n = sml_box(&b->t, root, SML_DI_CTCAP);
			add_flat(b, n, &ds->ctcap[i]);
		}
	}
}

/* ---- databases ---------------------------------------------------------- */

static void
add_types(struct builder *b, struct sml_node *up, const struct sml_ctype *list,
	  size_t n, enum sml_tag first, enum sml_tag rest)
{
	for (size_t i = 0; i < n; i++) {
		struct sml_node *t = sml_box(&b->t, up, i == 0 ? first : rest);

		sml_leaf(&b->t, t, SML_DI_CTTYPE, list[i].type);
		sml_leaf(&b->t, t, SML_DI_VERCT, list[i].version);
	}
}

/* No property of the item, but of its form. */
static bool
frame(struct slice name)
{
	return slice_is_nocase(name, "BEGIN") || slice_is_nocase(name, "END") ||
	       slice_is_nocase(name, "VERSION");
}

/* Names of properties are left away with the rest of the lists. */
static void
add_filters(struct builder *b, struct sml_node *up,
	    const struct sml_datastore *ds)
{
	struct sml_node *n;

	n = sml_box(&b->t, up, SML_DI_FILTERRX);
	sml_leaf(&b->t, n, SML_DI_CTTYPE, SLICE_LIT("syncml:filtertype-cgi"));
	sml_leaf(&b->t, n, SML_DI_VERCT, SLICE_LIT("1.0"));
	for (size_t i = 0; i < ds->ctcap_n; i++) {
		const struct sml_ctcap *c = &ds->ctcap[i];

		n = sml_box(&b->t, up, SML_DI_FILTERCAP);
		sml_leaf(&b->t, n, SML_DI_CTTYPE, c->type);
		sml_leaf(&b->t, n, SML_DI_VERCT, c->version);
		for (size_t k = 0; k < ds->keyword_n; k++)
			sml_leaf(&b->t, n, SML_DI_FILTERKEYWORD,
				 ds->keyword[k]);
		for (size_t k = 0; k < c->caps.prop_n && !b->without_caps;
		     k++) {
			if (!frame(c->caps.props[k].name))
				sml_leaf(&b->t, n, SML_DI_PROPNAME,
					 c->caps.props[k].name);
		}
	}
}

static void
add_store(struct builder *b, struct sml_node *up,
	  const struct sml_datastore *ds)
{
	struct sml_node *n = sml_box(&b->t, up, SML_DI_DATASTORE);
	struct sml_node *k;

	sml_leaf(&b->t, n, SML_DI_SOURCEREF, ds->source_ref);
	sml_maybe(&b->t, n, SML_DI_DISPLAYNAME, ds->display);
	if (ds->max_guid_size >= 0)
		sml_number(&b->t, n, SML_DI_MAXGUIDSIZE, ds->max_guid_size);
	add_types(b, n, ds->rx, ds->rx_n, SML_DI_RXPREF, SML_DI_RX);
	add_types(b, n, ds->tx, ds->tx_n, SML_DI_TXPREF, SML_DI_TX);
	for (size_t i = 0; i < ds->ctcap_n && b->version == 12; i++)
		add_ctcap(b, n, &ds->ctcap[i]);
	if (ds->max_mem >= 0 || ds->max_id >= 0) {
		k = sml_box(&b->t, n, SML_DI_DSMEM);
		if (ds->max_mem >= 0)
			sml_number(&b->t, k, SML_DI_MAXMEM, ds->max_mem);
		if (ds->max_id >= 0)
			sml_number(&b->t, k, SML_DI_MAXID, ds->max_id);
	}
	sml_flag(&b->t, n, SML_DI_SUPPORTHIERARCHICALSYNC,
		 b->version == 12 && ds->hierarchical);
	k = sml_box(&b->t, n, SML_DI_SYNCCAP);
	for (unsigned i = 1; i <= 7; i++) {
		if ((ds->sync_types & 1u << i) != 0)
			sml_number(&b->t, k, SML_DI_SYNCTYPE, i);
	}
	if (b->version == 12 && ds->filters)
		add_filters(b, n, ds);
}

struct sml_node *
sml_devinf_node(struct arena *a, const struct sml_devinf *d, bool without_caps)
{
	struct builder b = {
		.t = { .a = a },
		.version = d->version,
		.without_caps = without_caps,
	};
	struct sml_node *n = sml_box(&b.t, NULL, SML_DI_DEVINF);

	sml_leaf(&b.t, n, SML_DI_VERDTD,
		 d->version == 10   ? SLICE_LIT("1.0")
		 : d->version == 11 ? SLICE_LIT("1.1")
				    : SLICE_LIT("1.2"));
	sml_maybe(&b.t, n, SML_DI_MAN, d->man);
	sml_maybe(&b.t, n, SML_DI_MOD, d->mod);
	sml_maybe(&b.t, n, SML_DI_OEM, d->oem);
	sml_maybe(&b.t, n, SML_DI_FWV, d->fwv);
	sml_maybe(&b.t, n, SML_DI_SWV, d->swv);
	sml_maybe(&b.t, n, SML_DI_HWV, d->hwv);
	sml_leaf(&b.t, n, SML_DI_DEVID, d->devid);
	sml_leaf(&b.t, n, SML_DI_DEVTYP, d->devtyp);
	sml_flag(&b.t, n, SML_DI_UTC, d->version > 10 && d->utc);
	sml_flag(&b.t, n, SML_DI_SUPPORTLARGEOBJS,
		 d->version > 10 && d->large_objs);
	sml_flag(&b.t, n, SML_DI_SUPPORTNUMBEROFCHANGES,
		 d->version > 10 && d->number_of_changes);
	for (size_t i = 0; i < d->store_n; i++)
		add_store(&b, n, &d->stores[i]);
	if (d->version != 12 && !without_caps)
		add_flat_caps(&b, n, d);
	return b.t.bad ? NULL : n;
}

int
sml_devinf_text(struct arena *a, const struct sml_node *root, struct slice *out,
		struct err *e)
{
	struct sml_doc doc = { .enc = SML_XML };
	struct buf b = BUF_IN(a);

	doc.version = sml_version_of(sml_kid_text(root, SML_DI_VERDTD));
	sml_write(&b, &doc, root);
	if (!buf_ok(&b))
		return err_set(e, ERR_NOMEM, "devinf.text", "memory is short");
	*out = buf_slice(&b);
	return 0;
}
