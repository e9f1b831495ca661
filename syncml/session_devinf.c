/*
 * Device information, theirs and ours: Put, Results and Get of ./devinf1x.
 */
#include "syncml/session.h"

static bool
is_devinf_uri(struct slice uri)
{
	struct slice name = sml_uri_name(uri);

	return slice_starts_nocase(name, "devinf1");
}

/* Keep what the device told about itself. Returns the Status code. */
static int
keep(struct sml_ctx *c, const struct sml_item *it)
{
	struct sml_node *root = NULL;
	struct sml_devinf *di = NULL;
	struct slice text;
	struct err e = { .code = ERR_NONE };

	if (it->data_node == NULL ||
	    sml_read_devinf(c->a, it->data_node, &root, &e) < 0 ||
	    root == NULL || sml_devinf_read(c->a, root, &di, &e) < 0 ||
	    sml_devinf_text(c->a, root, &text, &e) < 0) {
		sml_tell(c, '=', "its device information does not read: %s",
			 e.msg);
		return e.code == ERR_NOMEM ? 500 : 400;
	}
	if (text.n > SML_DEVINF_BYTES_MAX) {
		sml_tell(c, '=',
			 "its device information has %zu bytes; "
			 "at most %d are kept",
			 text.n, SML_DEVINF_BYTES_MAX);
		return 413;
	}
	/* Another software may have learned it. */
	if (!slice_eq(c->dev.devinf, text))
		c->dev.no_pieces = false;
	c->dev.devinf = text;
	c->dev.man = di->man;
	c->dev.mod = di->mod;
	c->dev.swv = di->swv;
	c->dev_dirty = true;
	c->devinf = di;
	c->devinf_read = true;
	memset(c->view_ready, 0, sizeof(c->view_ready));
	sml_tell(c, '>', "device information: %.*s %.*s %.*s, %zu databases",
		 SLICE_ARG(di->man), SLICE_ARG(di->mod), SLICE_ARG(di->swv),
		 di->store_n);
	return 200;
}

int
sml_cmd_put(struct sml_ctx *c, const struct sml_cmd *cmd)
{
	int code = cmd->item_n == 0 ? 400 : 200;
	const struct slice *source = NULL;

	for (size_t i = 0; i < cmd->item_n; i++) {
		const struct sml_item *it = &cmd->items[i];
		struct slice uri = it->source.n > 0 ? it->source : it->target;

		source = &it->source;
		/* Only device information can be put (Results: came for the
		   Get that we sent, which asked for nothing else). */
		code = is_devinf_uri(uri) ||
			       (cmd->tag == SML_RESULTS && uri.n == 0)
			   ? keep(c, it)
			   : 403;
	}
	return sml_status_add(c, cmd, NULL, source, code);
}

int
sml_cmd_get(struct sml_ctx *c, const struct sml_cmd *cmd)
{
	int code = cmd->item_n == 0 ? 400 : 404;
	const struct slice *target = NULL;

	for (size_t i = 0; i < cmd->item_n && code != 200; i++) {
		target = &cmd->items[i].target;
		if (is_devinf_uri(*target))
			code = 200;
	}
	if (code == 200 && c->s.get_n == SML_GETS_MAX)
		code = 417;
	if (code == 200) {
		c->s.get[c->s.get_n++] =
		    (struct sml_get){ c->msgid, cmd->cmdid };
		if (!sml_results_fit(c)) {
			c->s.get_n--;
			code = 413;
		}
	}
	return sml_status_add(c, cmd, target, NULL, code);
}

/* ---- ours ------------------------------------------------------------- */

struct caps_row {
	const char *name;
	const char *values; /* ValEnum, blank between */
	const char *param;
	const char *param_values;
};

static const struct caps_row vcard_rows[] = {
	{ "BEGIN", "VCARD", NULL, NULL },
	{ "END", "VCARD", NULL, NULL },
	{ "VERSION", NULL, NULL, NULL }, /* filled by form */
	{ "N", NULL, NULL, NULL },
	{ "FN", NULL, NULL, NULL },
	{ "NICKNAME", NULL, NULL, NULL },
	{ "TEL", NULL, "TYPE",
	  "HOME WORK CELL FAX PAGER VOICE PREF CAR MSG MODEM ISDN VIDEO BBS" },
	{ "EMAIL", NULL, "TYPE", "HOME WORK INTERNET PREF" },
	{ "ADR", NULL, "TYPE", "HOME WORK DOM INTL POSTAL PARCEL PREF" },
	{ "LABEL", NULL, "TYPE", "HOME WORK DOM INTL POSTAL PARCEL PREF" },
	{ "ORG", NULL, NULL, NULL },
	{ "TITLE", NULL, NULL, NULL },
	{ "ROLE", NULL, NULL, NULL },
	{ "URL", NULL, "TYPE", "HOME WORK" },
	{ "BDAY", NULL, NULL, NULL },
	{ "NOTE", NULL, NULL, NULL },
	{ "PHOTO", NULL, "TYPE", "JPEG PNG GIF" },
	{ "CATEGORIES", NULL, NULL, NULL },
	{ "CLASS", "PUBLIC PRIVATE CONFIDENTIAL", NULL, NULL },
	{ "GEO", NULL, NULL, NULL },
	{ "TZ", NULL, NULL, NULL },
	{ "REV", NULL, NULL, NULL },
	{ "UID", NULL, NULL, NULL },
	{ "X-SPOUSE", NULL, NULL, NULL },
	{ "X-MANAGER", NULL, NULL, NULL },
	{ "X-ASSISTANT", NULL, NULL, NULL },
	{ "X-ANNIVERSARY", NULL, NULL, NULL },
};

static const struct caps_row vcal_rows[] = {
	{ "BEGIN", "VCALENDAR VEVENT VTODO", NULL, NULL },
	{ "END", "VCALENDAR VEVENT VTODO", NULL, NULL },
	{ "VERSION", NULL, NULL, NULL },
	{ "UID", NULL, NULL, NULL },
	{ "SUMMARY", NULL, NULL, NULL },
	{ "DESCRIPTION", NULL, NULL, NULL },
	{ "LOCATION", NULL, NULL, NULL },
	{ "DTSTART", NULL, NULL, NULL },
	{ "DTEND", NULL, NULL, NULL },
	{ "DUE", NULL, NULL, NULL },
	{ "COMPLETED", NULL, NULL, NULL },
	{ "RRULE", NULL, NULL, NULL },
	{ "RDATE", NULL, NULL, NULL },
	{ "EXDATE", NULL, NULL, NULL },
	{ "CATEGORIES", NULL, NULL, NULL },
	{ "CLASS", "PUBLIC PRIVATE CONFIDENTIAL", NULL, NULL },
	{ "STATUS", NULL, NULL, NULL },
	{ "TRANSP", NULL, NULL, NULL },
	{ "PRIORITY", NULL, NULL, NULL },
	{ "ATTENDEE", NULL, NULL, NULL },
	{ "SEQUENCE", NULL, NULL, NULL },
	{ "URL", NULL, NULL, NULL },
	{ "ATTACH", NULL, NULL, NULL },
	{ "RELATED-TO", NULL, NULL, NULL },
	{ "LAST-MODIFIED", NULL, NULL, NULL },
};

static const struct caps_row vcal10_rows[] = {
	{ "AALARM", NULL, NULL, NULL },   { "DALARM", NULL, NULL, NULL },
	{ "TZ", NULL, NULL, NULL },       { "DAYLIGHT", NULL, NULL, NULL },
	{ "DCREATED", NULL, NULL, NULL },
};

static const struct caps_row ical20_rows[] = {
	{ "BEGIN", "VALARM VTIMEZONE", NULL, NULL },
	{ "ACTION", NULL, NULL, NULL },
	{ "TRIGGER", NULL, NULL, NULL },
	{ "DURATION", NULL, NULL, NULL },
	{ "REPEAT", NULL, NULL, NULL },
	{ "TZID", NULL, NULL, NULL },
	{ "ORGANIZER", NULL, NULL, NULL },
	{ "RECURRENCE-ID", NULL, NULL, NULL },
	{ "PERCENT-COMPLETE", NULL, NULL, NULL },
	{ "CREATED", NULL, NULL, NULL },
	{ "DTSTAMP", NULL, NULL, NULL },
};

static const struct caps_row email_rows[] = {
	{ "read", NULL, NULL, NULL },    { "forwarded", NULL, NULL, NULL },
	{ "replied", NULL, NULL, NULL }, { "received", NULL, NULL, NULL },
	{ "created", NULL, NULL, NULL }, { "modified", NULL, NULL, NULL },
	{ "flagged", NULL, NULL, NULL }, { "emailitem", NULL, NULL, NULL },
	{ "Ext", NULL, NULL, NULL },
};

static bool
words(struct arena *a, const char *text, struct slice **out, size_t *n)
{
	struct slice rest = slice_c(text);
	struct slice word;

	*n = 0;
	if (text == NULL)
		return true;
	*out = ARENA_ARRAY(a, rest.n / 2 + 1, struct slice);
	while (*out != NULL && slice_split(&rest, ' ', &word))
		(*out)[(*n)++] = word;
	return *out != NULL;
}

static bool
add_rows(struct arena *a, struct pim_caps *caps, const struct caps_row *row,
	 size_t n, struct slice version)
{
	for (size_t i = 0; i < n; i++) {
		struct pim_cap *cap = &caps->props[caps->prop_n++];

		cap->name = slice_c(row[i].name);
		if (!words(a, row[i].values, &cap->values, &cap->value_n))
			return false;
		if (slice_is(cap->name, "VERSION")) {
			cap->values = ARENA_NEW(a, struct slice);
			if (cap->values == NULL)
				return false;
			cap->values[0] = version;
			cap->value_n = 1;
		}
		if (row[i].param == NULL)
			continue;
		cap->params = ARENA_NEW(a, struct pim_cap_param);
		if (cap->params == NULL)
			return false;
		cap->param_n = 1;
		cap->params[0].name = slice_c(row[i].param);
		if (!words(a, row[i].param_values, &cap->params[0].values,
			   &cap->params[0].value_n))
			return false;
	}
	return true;
}

#define ROWS(t) (t), sizeof(t) / sizeof((t)[0])

static bool
fill_ctcap(struct arena *a, enum pim_form form, struct sml_ctcap *out)
{
	enum { ROOM = 64 };
	bool contact = form == PIM_VCARD21 || form == PIM_VCARD30;
	bool ok;

	out->type = pim_form_mime(form);
	out->version = pim_form_version(form);
	out->caps.props = ARENA_ARRAY(a, ROOM, struct pim_cap);
	if (out->caps.props == NULL)
		return false;
	if (form == PIM_TEXT || form == PIM_RFC822)
		return true;
	if (form == PIM_EMAIL)
		return add_rows(a, &out->caps, ROWS(email_rows), out->version);
	ok = contact ? add_rows(a, &out->caps, ROWS(vcard_rows), out->version)
		     : add_rows(a, &out->caps, ROWS(vcal_rows), out->version);
	if (ok && form == PIM_VCAL10)
		ok = add_rows(a, &out->caps, ROWS(vcal10_rows), out->version);
	if (ok && form == PIM_ICAL20)
		ok = add_rows(a, &out->caps, ROWS(ical20_rows), out->version);
	return ok;
}

/* The device's own preference first, where it told one for this database:
   what it would rather send loses the least. */
static void
prefer(struct sml_ctx *c, const struct store_collection *col,
       enum pim_form form[], size_t n)
{
	const struct sml_devinf *di = sml_peer_devinf(c);

	for (size_t i = 0; di != NULL && i < c->s.ds_n; i++) {
		const struct sml_datastore *st =
		    sml_devinf_store(di, c->s.ds[i].client_uri);

		if (c->s.ds[i].collection != col->id || st == NULL ||
		    st->tx_n == 0)
			continue;
		if (n == 2 &&
		    pim_form_of(st->tx[0].type, st->tx[0].version) == form[1]) {
			form[1] = form[0];
			form[0] =
			    pim_form_of(st->tx[0].type, st->tx[0].version);
		}
		return;
	}
}

static const struct slice window_words[] = { { "SINCE", 5 }, { "BEFORE", 6 } };

static bool
fill_store(struct sml_ctx *c, const struct store_collection *col,
	   struct sml_datastore *out)
{
	enum pim_form form[6] = { PIM_VCAL10, PIM_ICAL20 };
	size_t n = 2; /* those whose properties are listed */
	size_t all;

	if ((col->kinds & PIM_CONTACT) != 0) {
		form[0] = PIM_VCARD21;
		form[1] = PIM_VCARD30;
	} else if ((col->kinds & PIM_NOTE) != 0) {
		form[0] = PIM_TEXT;
		n = 1;
	} else if ((col->kinds & PIM_MAIL) != 0) {
		form[0] = PIM_EMAIL;
		form[1] = PIM_RFC822;
	}
	prefer(c, col, form, n);
	all = n;
	for (enum pim_form sif = PIM_SIFC; sif <= PIM_SIFN; sif++) {
		if (sml_form_fits(sif, col->kinds))
			form[all++] = sif;
	}
	if ((col->kinds & PIM_FOLDER) != 0)
		form[all++] = PIM_OFOLDER;
	*out = (struct sml_datastore){
		.display = col->display,
		.max_guid_size = 64,
		.sync_types = 0xFE, /* 1 to 7 and no other: phones refuse */
		.max_mem = -1,
		.max_id = -1,
	};
	out->source_ref = arena_printf(c->a, "./%.*s", SLICE_ARG(col->name));
	/* Newer phones look for the very spelling of their Alert. */
	for (size_t i = 0; i < c->s.ds_n; i++) {
		if (c->s.ds[i].collection == col->id)
			out->source_ref = c->s.ds[i].server_uri;
	}
	out->rx = ARENA_ARRAY(c->a, all, struct sml_ctype);
	out->ctcap = ARENA_ARRAY(c->a, n, struct sml_ctcap);
	if (out->rx == NULL || out->ctcap == NULL || out->source_ref.p == NULL)
		return false;
	for (size_t i = 0; i < all; i++) {
		out->rx[i] = (struct sml_ctype){
			.type = pim_form_mime(form[i]),
			.version = pim_form_version(form[i]),
			.pref = i == 0,
		};
		if (i < n && !fill_ctcap(c->a, form[i], &out->ctcap[i]))
			return false;
	}
	out->rx_n = out->tx_n = all;
	out->ctcap_n = n;
	out->filters = true;
	out->hierarchical = (col->kinds & PIM_MAIL) != 0 && col->member_n > 1;
	if ((col->kinds & (PIM_EVENT | PIM_TODO | PIM_MAIL)) != 0) {
		out->keyword = window_words;
		out->keyword_n = 2;
	}
	out->tx = out->rx;
	return true;
}

static bool
alerted(const struct sml_ctx *c, int64_t collection)
{
	for (size_t i = 0; i < c->s.ds_n; i++) {
		if (c->s.ds[i].collection == collection)
			return true;
	}
	return c->s.ds_n == 0;
}

struct sml_devinf *
sml_own_devinf(struct sml_ctx *c, enum sml_devinf_part part)
{
	struct sml_devinf *d = ARENA_NEW(c->a, struct sml_devinf);

	if (d == NULL)
		return NULL;
	*d = (struct sml_devinf){
		.version = c->s.version,
		.man = c->srv->conf->man,
		.mod = c->srv->conf->mod,
		.swv = SLICE_LIT(FUNICULAR_VERSION),
		.devid = c->srv->conf->devid,
		.devtyp = SLICE_LIT("server"),
		.utc = true,
		.large_objs = true,
		.number_of_changes = true,
	};
	d->stores = ARENA_ARRAY(c->a, c->col_n + 1, struct sml_datastore);
	if (d->stores == NULL)
		return NULL;
	for (size_t i = 0; i < c->col_n; i++) {
		struct sml_datastore *st = &d->stores[d->store_n];

		/* The list of mail folders is a part of others. */
		if (c->col[i].kinds == PIM_FOLDER ||
		    (part >= SML_DEVINF_ALERTED && !alerted(c, c->col[i].id)) ||
		    (part >= SML_DEVINF_ONE && d->store_n == 1))
			continue;
		if (!fill_store(c, &c->col[i], st))
			return NULL;
		d->store_n++;
		if (part >= SML_DEVINF_ALERTED) {
			st->rx_n = st->tx_n = 1;
			st->ctcap_n = 0;
		}
	}
	return d;
}
