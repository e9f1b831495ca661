/* SIF: the document, elements that are one property each, notes. */
#include "pim/sif_int.h"

#include <stdlib.h>

enum { PROLOGUE_BYTES = 2048, ELEMENT_NAME_BYTES = 60 };

static const struct {
	const char *root;
	enum pim_form form;
} roots[] = { { "contact", PIM_SIFC },
	      { "appointment", PIM_SIFE },
	      { "task", PIM_SIFT },
	      { "note", PIM_SIFN } };

enum { ROOT_N = sizeof(roots) / sizeof(roots[0]) };

enum pim_form
pim_sif_root(struct slice body)
{
	struct slice s = slice_sub(body, 0, PROLOGUE_BYTES);
	struct slice name;

	if (slice_starts(s, "\xEF\xBB\xBF"))
		s = slice_from(s, 3);
	for (s = slice_trim(s); slice_starts(s, "<"); s = slice_trim(s)) {
		size_t gt = slice_find(s, '>');

		if (slice_starts(s, "<?") || slice_starts(s, "<!--")) {
			s = slice_from(s, gt == SIZE_MAX ? s.n : gt + 1);
			continue;
		}
		s = slice_from(s, 1);
		(void)slice_word(&s, " \t\r\n/>", &name);
		for (size_t i = 0; i < ROOT_N; i++) {
			if (slice_is(name, roots[i].root))
				return roots[i].form;
		}
		break;
	}
	return PIM_FORM_NONE;
}

/* ---- reading
 * -----------------------------------------------------------------
 */

static int
by_name(const void *x, const void *y)
{
	const struct sif_el *a = x;
	const struct sif_el *b = y;
	int c = slice_cmp(a->el.name, b->el.name);

	if (c != 0)
		return c;
	return a->pos < b->pos ? -1 : a->pos > b->pos;
}

static bool
add_el(struct sif_in *in, size_t *cap, const struct pim_xml_el *el)
{
	if (in->n == *cap) {
		size_t more = *cap == 0 ? 128 : *cap * 2;
		struct sif_el *v = ARENA_ARRAY(in->a, more, struct sif_el);

		if (v == NULL)
			return false;
		if (in->n > 0)
			memcpy(v, in->v, in->n * sizeof(*v));
		in->v = v;
		*cap = more;
	}
	in->v[in->n] = (struct sif_el){ .el = *el, .pos = in->n };
	in->n++;
	return true;
}

static int
read_document(struct sif_in *in, struct slice body, struct err *e)
{
	struct pim_xml x = { .a = in->a, .rest = body };
	struct pim_xml_el el;
	struct slice end = SLICE_LIT("");
	size_t cap = 0;
	bool first = true;

	while (pim_xml_next(&x, &el)) {
		if (first)
			end =
			    arena_printf(in->a, "</%.*s>", SLICE_ARG(el.name));
		else if (!add_el(in, &cap, &el))
			return pim_nomem(e, "pim.sif");
		first = false;
	}
	if (x.nomem || end.p == NULL)
		return pim_nomem(e, "pim.sif");
	if (x.seen > PIM_XML_ELEMENTS_MAX || in->n >= PIM_PROPS_MAX)
		return err_set(e, ERR_LIMIT, "pim.sif", "too many elements");
	/* Half an item would look like one whose rest was not told. */
	if (first || x.broken ||
	    (in->n > 0 && !slice_ends(slice_trim(body), end.p)))
		return err_set(e, ERR_PARSE, "pim.sif", "no whole document");
	if (in->n > 1)
		qsort(in->v, in->n, sizeof(in->v[0]), by_name);
	return 0;
}

struct sif_el *
sif_all(struct sif_in *in, struct slice name, size_t *n)
{
	size_t lo = 0;
	size_t hi = in->n;

	*n = 0;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (slice_cmp(in->v[mid].el.name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	while (lo + *n < in->n && slice_eq(in->v[lo + *n].el.name, name))
		in->v[lo + (*n)++].used = true;
	return *n == 0 ? NULL : &in->v[lo];
}

struct sif_el *
sif_find(struct sif_in *in, struct slice name)
{
	size_t n;
	struct sif_el *el = sif_all(in, name, &n);

	for (size_t i = 0; i < n; i++) {
		if (slice_trim(el[i].el.text).n > 0)
			return &el[i];
	}
	return el;
}

struct slice
sif_text(struct sif_in *in, const char *name)
{
	struct sif_el *el = sif_find(in, slice_c(name));

	return el == NULL ? SLICE_LIT("") : slice_trim(el->el.text);
}

bool
sif_has(struct sif_in *in, const char *name)
{
	return sif_find(in, slice_c(name)) != NULL;
}

bool
sif_true(struct slice s)
{
	return slice_is(s, "1") || slice_is_nocase(s, "true") ||
	       slice_is_nocase(s, "-1");
}

int
sif_number(struct slice s, int other)
{
	int64_t v;

	return slice_i64(s, &v) && v >= 0 && v <= 100000 ? (int)v : other;
}

struct pim_prop *
sif_add(struct sif_in *in, struct slice name, struct slice value)
{
	struct pim_prop *p =
	    value.p == NULL ? NULL : pim_prop_new(in->a, name, value);

	if (p == NULL) {
		in->nomem = true;
		return NULL;
	}
	p->told = 1;
	*in->tail = p;
	in->tail = &p->next;
	return p;
}

void
sif_param(struct sif_in *in, struct pim_prop *p, const char *name,
	  struct slice value)
{
	if (p != NULL && !pim_param_add(in->a, p, name, value))
		in->nomem = true;
}

/* "This, That;Other" as a list of texts. */
static struct slice
list_value(struct arena *a, struct slice text)
{
	struct buf b = BUF_IN(a);
	struct slice word;

	while (slice_word(&text, ",;", &word)) {
		struct slice one = pim_escape(a, slice_trim(word));

		if (one.p == NULL)
			return one;
		if (one.n == 0)
			continue;
		if (b.n > 0)
			buf_byte(&b, ',');
		buf_add(&b, one);
	}
	return buf_ok(&b) ? buf_slice(&b) : (struct slice){ NULL, 0 };
}

static struct slice
row_value(struct arena *a, const struct sif_row *row,
	  const struct pim_pdef *def, struct slice text)
{
	struct slice day;

	if (slice_trim(text).n == 0)
		return SLICE_LIT("");
	if (row->how == SIF_DAY) {
		text = slice_trim(text);
		day.p = "";
		/* The first day of 4501 is how Outlook says "none". */
		if (slice_starts(text, "4501"))
			return SLICE_LIT("");
		if (pim_card_day(a, text, &day))
			return day;
	}
	switch (def->vtype) {
	case PIM_V_TEXT:
		return pim_escape(a, text);
	case PIM_V_LIST:
		return list_value(a, text);
	default:
		return pim_canon_new(a, slice_trim(text), def->vtype);
	}
}

void
sif_read_rows(struct sif_in *in, const struct sif_row *row, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct sif_el *el = sif_find(in, row[i].el);
		struct pim_prop *p;

		if (el == NULL)
			continue;
		p = sif_add(in, row[i].prop, SLICE_LIT(""));
		if (p == NULL)
			return;
		p->value = row_value(in->a, &row[i], p->def, el->el.text);
		if (p->value.p == NULL)
			in->nomem = true;
		if (row[i].type.n > 0)
			sif_param(in, p, "TYPE", row[i].type);
	}
}

static bool
skipped(struct slice name, const char *const *skip, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (slice_is(name, skip[i]))
			return true;
	}
	return false;
}

static bool
plain_name(struct slice name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = slice_lower(name.p[i]);

		if ((c < 'a' || c > 'z') && (c < '0' || c > '9'))
			return false;
	}
	return name.n > 0 && name.n <= ELEMENT_NAME_BYTES;
}

void
sif_read_others(struct sif_in *in, const char *const *skip, size_t n)
{
	for (size_t i = 0; i < in->n; i++) {
		const struct pim_xml_el *el = &in->v[i].el;
		struct pim_prop *p;

		if (in->v[i].used || slice_trim(el->text).n == 0 ||
		    slice_is(el->name, "SIFVersion") || !plain_name(el->name) ||
		    skipped(el->name, skip, n))
			continue;
		p = sif_add(in, SLICE_LIT("X-FUNAMBOL-SIF"),
			    pim_escape(in->a, el->text));
		sif_param(in, p, "X-ELEMENT", el->name);
	}
}

/* 0 normal, 1 personal, 2 private, 3 confidential. */
void
sif_read_class(struct sif_in *in)
{
	static const char *const words[] = { "PUBLIC", "PRIVATE", "PRIVATE",
					     "CONFIDENTIAL" };
	int v;

	if (!sif_has(in, "Sensitivity"))
		return;
	v = sif_number(sif_text(in, "Sensitivity"), 0);
	(void)sif_add(in, SLICE_LIT("CLASS"), slice_c(words[v > 3 ? 2 : v]));
	(void)sif_add(in, SLICE_LIT("X-FUNAMBOL-SENSITIVITY"),
		      v == 1 ? SLICE_LIT("1") : SLICE_LIT(""));
}

/* ---- writing
 * -----------------------------------------------------------------
 */

/* A device that listed its elements gets no others. */
static bool
listed(const struct sif_out *o, struct slice name)
{
	return !pim_caps_say(o->view->caps) ||
	       pim_cap_find(o->view->caps, name) != NULL;
}

static void
put_open(struct sif_out *o, struct slice name, const char *attr,
	 struct slice value)
{
	buf_byte(o->b, '<');
	buf_add(o->b, name);
	if (value.n > 0) {
		buf_printf(o->b, " %s=\"", attr);
		pim_xml_put(o->b, value);
		buf_byte(o->b, '"');
	}
	buf_byte(o->b, '>');
}

static void
put_close(struct sif_out *o, struct slice name)
{
	buf_str(o->b, "</");
	buf_add(o->b, name);
	buf_byte(o->b, '>');
}

void
sif_put(struct sif_out *o, struct slice name, struct slice text)
{
	struct slice line;

	if (!listed(o, name))
		return;
	put_open(o, name, "", SLICE_LIT(""));
	while (text.n > 0 && slice_split(&text, '\n', &line)) {
		pim_xml_put(o->b, line);
		if (text.p != NULL)
			buf_str(o->b, "\r\n");
	}
	put_close(o, name);
}

void
sif_put_raw(struct sif_out *o, struct slice name, const char *attr,
	    struct slice value, struct slice text)
{
	if (!listed(o, name))
		return;
	put_open(o, name, attr, value);
	buf_add(o->b, text);
	put_close(o, name);
}

void
sif_put_c(struct sif_out *o, const char *name, const char *text)
{
	sif_put(o, slice_c(name), slice_c(text));
}

void
sif_put_number(struct sif_out *o, const char *name, int64_t v)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%lld", (long long)v);
	sif_put_c(o, name, text);
}

struct slice
sif_plain(struct sif_out *o, struct slice canon)
{
	struct slice s = pim_unescape(o->a, canon);

	if (s.p != NULL)
		return s;
	o->nomem = true;
	return SLICE_LIT("");
}

static struct slice
row_text(struct sif_out *o, const struct pim_prop *p)
{
	struct buf b = BUF_IN(o->a);
	struct slice rest;
	struct slice part;

	if (p->def->vtype == PIM_V_TEXT)
		return sif_plain(o, p->value);
	if (p->def->vtype != PIM_V_LIST || p->value.n == 0)
		return p->value;
	rest = p->value;
	while (pim_split(&rest, ',', &part)) {
		if (b.n > 0)
			buf_str(&b, ", ");
		buf_add(&b, sif_plain(o, part));
	}
	o->nomem = o->nomem || !buf_ok(&b);
	return buf_slice(&b);
}

/* The first; of what may be there more than once, the first of the row's
   TYPE. */
static const struct pim_prop *
of_row(const struct pim_comp *comp, const struct sif_row *row)
{
	const struct pim_pdef *def = pim_pdef_find(row->prop);
	const struct pim_prop *p = comp->props;

	while (p != NULL && !slice_eq(p->name, row->prop))
		p = p->next;
	if ((def->flags & PIM_P_MULTI) == 0 || def->name.n == 0)
		return p;
	while (p != NULL &&
	       !slice_eq_nocase(pim_param_get(p, "TYPE"), row->type))
		p = pim_prop_more(p);
	return p;
}

void
sif_write_rows(struct sif_out *o, const struct pim_comp *comp,
	       const struct sif_row *row, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct pim_prop *p = of_row(comp, &row[i]);

		sif_put(o, row[i].el,
			p == NULL ? SLICE_LIT("") : row_text(o, p));
	}
}

void
sif_write_others(struct sif_out *o, const struct pim_comp *comp)
{
	for (const struct pim_prop *p = pim_prop_find(comp, "X-FUNAMBOL-SIF");
	     p != NULL; p = pim_prop_more(p)) {
		struct slice name = pim_param_get(p, "X-ELEMENT");

		if (plain_name(name))
			sif_put(o, name, sif_plain(o, p->value));
	}
}

void
sif_write_class(struct sif_out *o, const struct pim_comp *comp)
{
	struct slice class = pim_prop_value(comp, "CLASS");
	const char *v = "0";

	if (slice_is_nocase(class, "CONFIDENTIAL"))
		v = "3";
	else if (slice_is_nocase(class, "PRIVATE"))
		v = slice_is(pim_prop_value(comp, "X-FUNAMBOL-SENSITIVITY"),
			     "1")
			? "1"
			: "2";
	sif_put_c(o, "Sensitivity", v);
}

/* ---- notes
 * -------------------------------------------------------------------
 */

static const struct sif_row note_rows[] = {
	SIF_OWN("Date", "DATE"),     SIF_ROW("Categories", "CATEGORIES"),
	SIF_OWN("Folder", "FOLDER"), SIF_OWN("Color", "COLOR"),
	SIF_OWN("Height", "HEIGHT"), SIF_OWN("Width", "WIDTH"),
	SIF_OWN("Left", "LEFT"),     SIF_OWN("Top", "TOP"),
};

enum { NOTE_ROW_N = sizeof(note_rows) / sizeof(note_rows[0]) };

static int
note_read(struct sif_in *in, struct pim_item **out, struct err *e)
{
	struct sif_el *body = sif_find(in, SLICE_LIT("Body"));

	if (pim_note_join(in->a, sif_text(in, "Subject"),
			  body == NULL ? SLICE_LIT("") : body->el.text, out,
			  e) < 0)
		return -1;
	sif_read_rows(in, note_rows, NOTE_ROW_N);
	sif_read_others(in, NULL, 0);
	(*out)->more = in->comp->props;
	return 0;
}

static void
note_write(struct sif_out *o, const struct pim_item *it)
{
	struct pim_comp more = { .props = it->more };

	sif_put_c(o, "SIFVersion", "1.1");
	sif_put(o, SLICE_LIT("Subject"),
		slice_trim(slice_sub(it->text, 0, slice_find(it->text, '\n'))));
	sif_put(o, SLICE_LIT("Body"), it->text);
	sif_write_rows(o, &more, note_rows, NOTE_ROW_N);
	sif_write_others(o, &more);
}

/* ---- the whole
 * ---------------------------------------------------------------
 */

int
pim_sif_read(struct arena *a, const struct pim_view *view, enum pim_form form,
	     struct slice body, struct pim_item **out, struct err *e)
{
	struct sif_in in = { .a = a };
	unsigned found = pim_scan(body);
	int rc;

	*out = NULL;
	if (pim_sif_root(body) != form)
		return err_set(e, ERR_PARSE, "pim.sif", "not a %.*s",
			       SLICE_ARG(pim_form_mime(form)));
	if (found & PIM_SCAN_8BIT)
		body = pim_to_utf8(a, body);
	if (body.p != NULL && (found & PIM_SCAN_CTRL))
		body = pim_clean(a, body);
	in.comp = pim_comp_new(a, SLICE_LIT("VNOTE"));
	if (body.p == NULL || in.comp == NULL)
		return pim_nomem(e, "pim.sif");
	in.tail = &in.comp->props;
	if (read_document(&in, body, e) < 0)
		return -1;
	if (form == PIM_SIFC)
		rc = sif_contact_read(&in, out, e);
	else if (form == PIM_SIFN)
		rc = note_read(&in, out, e);
	else
		rc = sif_cal_read(&in, view, form == PIM_SIFT, out, e);
	return rc == 0 && in.nomem ? pim_nomem(e, "pim.sif") : rc;
}

static enum pim_form
form_of_kind(enum pim_kind kind)
{
	switch (kind) {
	case PIM_CONTACT:
		return PIM_SIFC;
	case PIM_EVENT:
		return PIM_SIFE;
	case PIM_TODO:
		return PIM_SIFT;
	case PIM_NOTE:
		return PIM_SIFN;
	default:
		return PIM_FORM_NONE;
	}
}

int
pim_sif_write(struct arena *a, const struct pim_view *view,
	      const struct pim_item *it, struct buf *out, struct err *e)
{
	struct sif_out o = { .a = a, .b = out, .view = view };
	enum pim_form form = form_of_kind(it->kind);
	struct slice root = SLICE_LIT("");
	int rc = 0;

	/* One database may hold events and tasks: each has its own form. */
	for (size_t i = 0; i < ROOT_N; i++) {
		if (roots[i].form == form)
			root = slice_c(roots[i].root);
	}
	if (root.n == 0)
		return err_set(e, ERR_UNSUPPORTED, "pim.sif", "a %s as SIF",
			       pim_kind_name(it->kind));
	buf_str(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n");
	put_open(&o, root, "", SLICE_LIT(""));
	if (form == PIM_SIFC)
		sif_contact_write(&o, it);
	else if (form == PIM_SIFN)
		note_write(&o, it);
	else
		rc = sif_cal_write(&o, it, e);
	put_close(&o, root);
	if (rc == 0 && (o.nomem || !buf_ok(out)))
		return pim_nomem(e, "pim.sif");
	return rc;
}
