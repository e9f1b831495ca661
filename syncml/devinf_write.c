/*
 * Device information: structs to a tree, in the grammar of its version.
 */
#include "syncml/codec.h"
#include "syncml/devinf.h"

struct builder {
	struct arena *a;
	bool bad;
	int version;
	bool without_caps;
};

static struct sml_node *
box(struct builder *b, struct sml_node *up, enum sml_tag tag)
{
	struct sml_node *n;

	if (b->bad)
		return NULL;
	n = sml_node_new(b->a, up, tag);
	if (n == NULL)
		b->bad = true;
	return n;
}

static void
leaf(struct builder *b, struct sml_node *up, enum sml_tag tag, struct slice s)
{
	struct sml_node *n = box(b, up, tag);

	if (n != NULL)
		n->text = s;
}

static void
maybe(struct builder *b, struct sml_node *up, enum sml_tag tag, struct slice s)
{
	if (s.n > 0)
		leaf(b, up, tag, s);
}

static void
flag(struct builder *b, struct sml_node *up, enum sml_tag tag, bool on)
{
	if (on)
		(void)box(b, up, tag);
}

static void
number(struct builder *b, struct sml_node *up, enum sml_tag tag, int64_t v)
{
	struct slice s = arena_printf(b->a, "%lld", (long long)v);

	if (s.p == NULL)
		b->bad = true;
	leaf(b, up, tag, s);
}

static void
add_values(struct builder *b, struct sml_node *up, const struct slice *list,
	   size_t n)
{
	for (size_t i = 0; i < n; i++)
		leaf(b, up, SML_DI_VALENUM, list[i]);
}

/* ---- 1.2: nested --------------------------------------------------------- */

static void
add_property(struct builder *b, struct sml_node *up, const struct pim_cap *cap)
{
	struct sml_node *n = box(b, up, SML_DI_PROPERTY);

	leaf(b, n, SML_DI_PROPNAME, cap->name);
	if (cap->max_occur > 0)
		number(b, n, SML_DI_MAXOCCUR, cap->max_occur);
	if (cap->max_bytes > 0)
		number(b, n, SML_DI_SIZE, cap->max_bytes);
	flag(b, n, SML_DI_NOTRUNCATE, cap->no_truncate);
	add_values(b, n, cap->values, cap->value_n);
	for (size_t i = 0; i < cap->param_n; i++) {
		const struct pim_cap_param *p = &cap->params[i];
		struct sml_node *pn = box(b, n, SML_DI_PROPPARAM);

		leaf(b, pn, SML_DI_PARAMNAME, p->name);
		add_values(b, pn, p->values, p->value_n);
	}
}

static void
add_ctcap(struct builder *b, struct sml_node *up, const struct sml_ctcap *c)
{
	struct sml_node *n = box(b, up, SML_DI_CTCAP);

	leaf(b, n, SML_DI_CTTYPE, c->type);
	leaf(b, n, SML_DI_VERCT, c->version);
	flag(b, n, SML_DI_FIELDLEVEL, c->field_level);
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
			leaf(b, n, SML_DI_PARAMNAME, p->values[i]);
		return;
	}
	leaf(b, n, SML_DI_PARAMNAME, p->name);
	add_values(b, n, p->values, p->value_n);
}

static void
add_flat(struct builder *b, struct sml_node *n, const struct sml_ctcap *c)
{
	leaf(b, n, SML_DI_CTTYPE, c->type);
	for (size_t i = 0; i < c->caps.prop_n; i++) {
		const struct pim_cap *cap = &c->caps.props[i];

		leaf(b, n, SML_DI_PROPNAME, cap->name);
		add_values(b, n, cap->values, cap->value_n);
		/* The grammar wants a DataType before a Size, and some phones
		   of 1.0 break on both. */
		if (b->version > 10 && cap->max_bytes > 0 &&
		    cap->value_n == 0) {
			leaf(b, n, SML_DI_DATATYPE, SLICE_LIT("chr"));
			number(b, n, SML_DI_SIZE, cap->max_bytes);
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
				n = box(b, root, SML_DI_CTCAP);
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
		struct sml_node *t = box(b, up, i == 0 ? first : rest);

		leaf(b, t, SML_DI_CTTYPE, list[i].type);
		leaf(b, t, SML_DI_VERCT, list[i].version);
	}
}

static void
add_store(struct builder *b, struct sml_node *up,
	  const struct sml_datastore *ds)
{
	struct sml_node *n = box(b, up, SML_DI_DATASTORE);
	struct sml_node *k;

	leaf(b, n, SML_DI_SOURCEREF, ds->source_ref);
	maybe(b, n, SML_DI_DISPLAYNAME, ds->display);
	if (ds->max_guid_size >= 0)
		number(b, n, SML_DI_MAXGUIDSIZE, ds->max_guid_size);
	add_types(b, n, ds->rx, ds->rx_n, SML_DI_RXPREF, SML_DI_RX);
	add_types(b, n, ds->tx, ds->tx_n, SML_DI_TXPREF, SML_DI_TX);
	for (size_t i = 0; i < ds->ctcap_n && b->version == 12; i++)
		add_ctcap(b, n, &ds->ctcap[i]);
	if (ds->max_mem >= 0 || ds->max_id >= 0) {
		k = box(b, n, SML_DI_DSMEM);
		if (ds->max_mem >= 0)
			number(b, k, SML_DI_MAXMEM, ds->max_mem);
		if (ds->max_id >= 0)
			number(b, k, SML_DI_MAXID, ds->max_id);
	}
	flag(b, n, SML_DI_SUPPORTHIERARCHICALSYNC,
	     b->version == 12 && ds->hierarchical);
	k = box(b, n, SML_DI_SYNCCAP);
	for (unsigned i = 1; i <= 7; i++) {
		if ((ds->sync_types & 1u << i) != 0)
			number(b, k, SML_DI_SYNCTYPE, i);
	}
}

struct sml_node *
sml_devinf_node(struct arena *a, const struct sml_devinf *d, bool without_caps)
{
	struct builder b = {
		.a = a,
		.version = d->version,
		.without_caps = without_caps,
	};
	struct sml_node *n = box(&b, NULL, SML_DI_DEVINF);

	leaf(&b, n, SML_DI_VERDTD,
	     d->version == 10   ? SLICE_LIT("1.0")
	     : d->version == 11 ? SLICE_LIT("1.1")
				: SLICE_LIT("1.2"));
	maybe(&b, n, SML_DI_MAN, d->man);
	maybe(&b, n, SML_DI_MOD, d->mod);
	maybe(&b, n, SML_DI_OEM, d->oem);
	maybe(&b, n, SML_DI_FWV, d->fwv);
	maybe(&b, n, SML_DI_SWV, d->swv);
	maybe(&b, n, SML_DI_HWV, d->hwv);
	leaf(&b, n, SML_DI_DEVID, d->devid);
	leaf(&b, n, SML_DI_DEVTYP, d->devtyp);
	flag(&b, n, SML_DI_UTC, d->version > 10 && d->utc);
	flag(&b, n, SML_DI_SUPPORTLARGEOBJS, d->version > 10 && d->large_objs);
	flag(&b, n, SML_DI_SUPPORTNUMBEROFCHANGES,
	     d->version > 10 && d->number_of_changes);
	for (size_t i = 0; i < d->store_n; i++)
		add_store(&b, n, &d->stores[i]);
	if (d->version != 12 && !without_caps)
		add_flat_caps(&b, n, d);
	return b.bad ? NULL : n;
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
