/*
 * Device information: a tree to structs.
 *
 * CTCap is nested in 1.2 (Property, PropParam) and a flat sequence before; one
 * loop reads both, since phones mix them.
 */
#include "syncml/codec.h"
#include "syncml/devinf.h"

struct reader {
	struct arena *a;
	bool bad; /* memory ran out */
};

static const struct slice *
text_push(struct reader *r, struct slice **list, size_t *n, struct slice s)
{
	struct slice *p = SML_PUSH(r->a, *list, *n);

	if (p == NULL) {
		*n = 0;
		r->bad = true;
		return NULL;
	}
	p[(*n)++] = slice_trim(s);
	return p;
}

static int64_t
number(const struct sml_node *n, enum sml_tag tag)
{
	int64_t v;

	return slice_i64(sml_kid_text(n, tag), &v) && v >= 0 ? v : -1;
}

static uint32_t
count(struct slice s)
{
	uint32_t v;

	return slice_u32(s, &v) ? v : 0;
}

/* ---- capabilities ------------------------------------------------------- */

/*
 * Phones of 1.0 and 1.1 list the kinds of a number or address as names of
 * parameters, as vCard 2.1 writes them (TEL;HOME:). They are values of TYPE.
 */
static bool
is_type_value(struct slice name)
{
	static const char *const known[] = {
		"AOL",   "APPLELINK", "ATTMAIL", "BBS",      "BMP",  "CAR",
		"CELL",  "CGM",       "DOM",     "EWORLD",   "FAX",  "GIF",
		"HOME",  "IBMMAIL",   "INTL",    "INTERNET", "ISDN", "JPEG",
		"MODEM", "MSG",       "PAGER",   "PARCEL",   "PNG",  "POSTAL",
		"PREF",  "TIFF",      "VIDEO",   "VOICE",    "WAVE", "WMF",
		"WORK",  "X400",
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (slice_is_nocase(name, known[i]))
			return true;
	}
	return false;
}

static struct pim_cap_param *
param_find(struct pim_cap *cap, const char *name)
{
	for (size_t i = 0; i < cap->param_n; i++) {
		if (slice_is_nocase(cap->params[i].name, name))
			return &cap->params[i];
	}
	return NULL;
}

/* A parameter of the property; NULL when memory is short. */
static struct pim_cap_param *
param_add(struct reader *r, struct pim_cap *cap, struct slice name)
{
	bool value = is_type_value(name);
	struct pim_cap_param *p = value ? param_find(cap, "TYPE") : NULL;

	if (p == NULL) {
		if (SML_PUSH(r->a, cap->params, cap->param_n) == NULL) {
			cap->param_n = 0;
			r->bad = true;
			return NULL;
		}
		p = &cap->params[cap->param_n++];
		*p = (struct pim_cap_param){ .name = name };
		if (value)
			p->name = SLICE_LIT("TYPE");
	}
	if (value)
		(void)text_push(r, &p->values, &p->value_n, name);
	return p;
}

static void
read_param(struct reader *r, const struct sml_node *n, struct pim_cap *cap)
{
	struct pim_cap_param *p =
	    param_add(r, cap, sml_kid_text(n, SML_DI_PARAMNAME));

	for (const struct sml_node *k = n->kids; k != NULL && p != NULL;
	     k = k->next) {
		if (k->tag == SML_DI_VALENUM)
			(void)text_push(r, &p->values, &p->value_n, k->text);
	}
}

static struct pim_cap *
cap_add(struct reader *r, struct pim_caps *caps, struct slice name)
{
	if (SML_PUSH(r->a, caps->props, caps->prop_n) == NULL) {
		caps->prop_n = 0;
		r->bad = true;
		return NULL;
	}
	caps->props[caps->prop_n] = (struct pim_cap){ .name = name };
	return &caps->props[caps->prop_n++];
}

/* What describes a property, in either grammar. */
static void
cap_field(struct reader *r, const struct sml_node *k, struct pim_cap *cap)
{
	switch ((unsigned)k->tag) {
	case SML_DI_VALENUM:
		(void)text_push(r, &cap->values, &cap->value_n, k->text);
		break;
	case SML_DI_SIZE:
		cap->max_bytes = count(k->text);
		break;
	case SML_DI_MAXOCCUR:
		cap->max_occur = count(k->text);
		break;
	case SML_DI_NOTRUNCATE:
		cap->no_truncate = true;
		break;
	case SML_DI_PROPPARAM:
		read_param(r, k, cap);
		break;
	default:
		break;
	}
}

/* Where the flat sequence is: what its next element belongs to. */
struct flat {
	struct sml_ctcap *type;
	struct pim_cap *cap;
	struct pim_cap_param *param;
};

static void
flat_field(struct reader *r, const struct sml_node *k, struct flat *f)
{
	struct slice s = slice_trim(k->text);

	switch ((unsigned)k->tag) {
	case SML_DI_VERCT:
		f->type->version = s;
		break;
	case SML_DI_FIELDLEVEL:
		f->type->field_level = true;
		break;
	case SML_DI_PROPERTY:
		f->param = NULL;
		f->cap = cap_add(r, &f->type->caps,
				 sml_kid_text(k, SML_DI_PROPNAME));
		for (k = k->kids; k != NULL && f->cap != NULL; k = k->next)
			cap_field(r, k, f->cap);
		break;
	case SML_DI_PROPNAME:
		f->param = NULL;
		f->cap = cap_add(r, &f->type->caps, s);
		break;
	case SML_DI_PARAMNAME:
		if (f->cap != NULL)
			f->param = param_add(r, f->cap, s);
		break;
	case SML_DI_VALENUM:
		if (f->param != NULL)
			(void)text_push(r, &f->param->values,
					&f->param->value_n, s);
		else if (f->cap != NULL)
			cap_field(r, k, f->cap);
		break;
	default:
		/* Size and the like of a parameter are of no use. */
		if (f->cap != NULL && f->param == NULL)
			cap_field(r, k, f->cap);
		break;
	}
}

struct ctcaps {
	struct sml_ctcap *list;
	size_t n;
};

static void
read_ctcap(struct reader *r, const struct sml_node *n, struct ctcaps *out)
{
	struct flat f = { .type = NULL };

	for (const struct sml_node *k = n->kids; k != NULL && !r->bad;
	     k = k->next) {
		if (k->tag == SML_DI_CTTYPE) {
			if (SML_PUSH(r->a, out->list, out->n) == NULL) {
				r->bad = true;
				return;
			}
			f = (struct flat){ .type = &out->list[out->n++] };
			*f.type = (struct sml_ctcap){
				.type = slice_trim(k->text),
			};
		} else if (f.type != NULL) {
			flat_field(r, k, &f);
		}
	}
}

/* Before 1.2 a type's version is a value of its property VERSION. */
static void
find_version(struct sml_ctcap *t)
{
	for (size_t i = 0; i < t->caps.prop_n && t->version.n == 0; i++) {
		const struct pim_cap *cap = &t->caps.props[i];

		if (slice_is_nocase(cap->name, "VERSION") && cap->value_n > 0)
			t->version = cap->values[0];
	}
}

static void
read_ctcaps(struct reader *r, const struct sml_node *n, struct ctcaps *out)
{
	for (const struct sml_node *k = n->kids; k != NULL; k = k->next) {
		if (k->tag == SML_DI_CTCAP)
			read_ctcap(r, k, out);
	}
	for (size_t i = 0; i < out->n && !r->bad; i++)
		find_version(&out->list[i]);
}

/* ---- databases ---------------------------------------------------------- */

static void
read_types(struct reader *r, const struct sml_node *n, enum sml_tag tag,
	   bool pref, struct sml_ctype **list, size_t *count_out)
{
	for (const struct sml_node *k = n->kids; k != NULL; k = k->next) {
		if (k->tag != tag)
			continue;
		if (SML_PUSH(r->a, *list, *count_out) == NULL) {
			*count_out = 0;
			r->bad = true;
			return;
		}
		(*list)[(*count_out)++] = (struct sml_ctype){
			.type = sml_kid_text(k, SML_DI_CTTYPE),
			.version = sml_kid_text(k, SML_DI_VERCT),
			.pref = pref,
		};
	}
}

static unsigned
read_synccap(const struct sml_node *n)
{
	unsigned types = 0;
	int64_t v;

	for (const struct sml_node *k = n->kids; k != NULL; k = k->next) {
		if (k->tag != SML_DI_SYNCCAP)
			continue;
		for (const struct sml_node *t = k->kids; t != NULL;
		     t = t->next) {
			if (t->tag == SML_DI_SYNCTYPE &&
			    slice_i64(t->text, &v) && v >= 1 && v <= 7)
				types |= 1u << v;
		}
	}
	return types;
}

static void
read_store(struct reader *r, const struct sml_node *n,
	   struct sml_datastore *out)
{
	const struct sml_node *mem = sml_kid(n, SML_DI_DSMEM);
	struct ctcaps caps = { .list = NULL };

	*out = (struct sml_datastore){
		.source_ref = sml_kid_text(n, SML_DI_SOURCEREF),
		.display = sml_kid_text(n, SML_DI_DISPLAYNAME),
		.max_guid_size = number(n, SML_DI_MAXGUIDSIZE),
		.max_mem = number(mem, SML_DI_MAXMEM),
		.max_id = number(mem, SML_DI_MAXID),
		.sync_types = read_synccap(n),
		.hierarchical =
		    sml_kid(n, SML_DI_SUPPORTHIERARCHICALSYNC) != NULL,
	};
	read_types(r, n, SML_DI_RXPREF, true, &out->rx, &out->rx_n);
	read_types(r, n, SML_DI_RX, false, &out->rx, &out->rx_n);
	read_types(r, n, SML_DI_TXPREF, true, &out->tx, &out->tx_n);
	read_types(r, n, SML_DI_TX, false, &out->tx, &out->tx_n);
	read_ctcaps(r, n, &caps);
	out->ctcap = caps.list;
	out->ctcap_n = caps.n;
}

static bool
uses_type(const struct sml_ctype *list, size_t n, const struct sml_ctcap *cap)
{
	for (size_t i = 0; i < n; i++) {
		if (slice_eq_nocase(list[i].type, cap->type))
			return true;
	}
	return false;
}

/* Before 1.2 the capabilities stand beside the databases: those of the types
   that a database takes or gives are its own. */
static void
share_ctcaps(struct reader *r, const struct ctcaps *all,
	     struct sml_datastore *ds)
{
	if (ds->ctcap_n > 0 || all->n == 0)
		return;
	ds->ctcap = ARENA_ARRAY(r->a, all->n, struct sml_ctcap);
	if (ds->ctcap == NULL) {
		r->bad = true;
		return;
	}
	for (size_t i = 0; i < all->n; i++) {
		if (uses_type(ds->rx, ds->rx_n, &all->list[i]) ||
		    uses_type(ds->tx, ds->tx_n, &all->list[i]))
			ds->ctcap[ds->ctcap_n++] = all->list[i];
	}
}

static void
read_stores(struct reader *r, const struct sml_node *root, struct sml_devinf *d)
{
	struct ctcaps all = { .list = NULL };
	size_t n = 0;

	for (const struct sml_node *k = root->kids; k != NULL; k = k->next)
		n += k->tag == SML_DI_DATASTORE;
	if (n == 0)
		return;
	d->stores = ARENA_ARRAY(r->a, n, struct sml_datastore);
	if (d->stores == NULL) {
		r->bad = true;
		return;
	}
	read_ctcaps(r, root, &all);
	for (const struct sml_node *k = root->kids; k != NULL && !r->bad;
	     k = k->next) {
		if (k->tag != SML_DI_DATASTORE)
			continue;
		read_store(r, k, &d->stores[d->store_n]);
		share_ctcaps(r, &all, &d->stores[d->store_n++]);
	}
}

/* VerDTD, or what the form of the capabilities tells. */
static int
version_of(const struct sml_node *root)
{
	int v = sml_version_of(sml_kid_text(root, SML_DI_VERDTD));

	if (v != 0)
		return v;
	for (const struct sml_node *k = root->kids; k != NULL; k = k->next) {
		if (k->tag == SML_DI_DATASTORE &&
		    sml_kid(k, SML_DI_CTCAP) != NULL)
			return 12;
	}
	return 11;
}

int
sml_devinf_read(struct arena *a, const struct sml_node *root,
		struct sml_devinf **out, struct err *e)
{
	struct reader r = { .a = a };
	struct sml_devinf *d;

	*out = NULL;
	if (root == NULL || root->tag != SML_DI_DEVINF)
		return err_set(e, ERR_PARSE, "devinf.read",
			       "no device information in it");
	d = ARENA_NEW(a, struct sml_devinf);
	if (d == NULL)
		return err_set(e, ERR_NOMEM, "devinf.read", "memory is short");
	*d = (struct sml_devinf){
		.version = version_of(root),
		.man = sml_kid_text(root, SML_DI_MAN),
		.mod = sml_kid_text(root, SML_DI_MOD),
		.oem = sml_kid_text(root, SML_DI_OEM),
		.fwv = sml_kid_text(root, SML_DI_FWV),
		.swv = sml_kid_text(root, SML_DI_SWV),
		.hwv = sml_kid_text(root, SML_DI_HWV),
		.devid = sml_kid_text(root, SML_DI_DEVID),
		.devtyp = sml_kid_text(root, SML_DI_DEVTYP),
		.utc = sml_kid(root, SML_DI_UTC) != NULL,
		.large_objs = sml_kid(root, SML_DI_SUPPORTLARGEOBJS) != NULL,
		.number_of_changes =
		    sml_kid(root, SML_DI_SUPPORTNUMBEROFCHANGES) != NULL,
	};
	read_stores(&r, root, d);
	if (r.bad)
		return err_set(e, ERR_NOMEM, "devinf.read", "memory is short");
	*out = d;
	return 0;
}

int
sml_devinf_parse(struct arena *a, struct slice text, struct sml_devinf **out,
		 struct err *e)
{
	struct sml_doc doc;
	struct sml_node *root;

	*out = NULL;
	if (sml_read(a, SML_XML, text, NULL, &doc, &root, e) < 0)
		return -1;
	return sml_devinf_read(a, root, out, e);
}

/* ---- look-up ------------------------------------------------------------ */

/* "./contacts?x=y" and "Contacts/" name the same database. */
static struct slice
plain_name(struct slice uri)
{
	size_t at = slice_find(uri, '?');

	uri = slice_trim(slice_sub(uri, 0, at));
	while (slice_starts(uri, "./") || slice_starts(uri, "/"))
		uri = slice_from(uri, uri.p[0] == '.' ? 2 : 1);
	while (slice_ends(uri, "/"))
		uri.n--;
	return uri;
}

const struct sml_datastore *
sml_devinf_store(const struct sml_devinf *d, struct slice uri)
{
	struct slice name = plain_name(uri);

	if (d == NULL || name.n == 0)
		return NULL;
	for (size_t i = 0; i < d->store_n; i++) {
		if (slice_eq_nocase(plain_name(d->stores[i].source_ref), name))
			return &d->stores[i];
	}
	return NULL;
}
