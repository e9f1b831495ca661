/* Items as a whole: reading, writing, the stored form. */
#include "pim/calendar_time.h"
#include "pim/core.h"
#include "pim/mail_int.h"
#include "pim/sif.h"

static int
read_calendar(struct arena *a, const struct pim_view *view, enum pim_form form,
	      struct pim_comp *root, struct pim_item **out, struct err *e)
{
	struct pim_comp *wrap = root;

	/* An event without the calendar around it. */
	if (!slice_is(root->name, "VCALENDAR")) {
		wrap = pim_comp_new(a, SLICE_LIT("VCALENDAR"));
		if (wrap == NULL)
			return pim_nomem(e, "pim.read");
		wrap->kids = root;
	}
	if (pim_comp_kid(wrap, "VJOURNAL") != NULL &&
	    pim_comp_kid(wrap, "VEVENT") == NULL &&
	    pim_comp_kid(wrap, "VTODO") == NULL)
		return pim_note_read_comp(a, wrap, out, e);
	return pim_cal_read(a, view, form, wrap, out, e);
}

static int
read_tree(struct arena *a, const struct pim_view *view, enum pim_form form,
	  struct pim_comp *root, struct pim_item **out, struct err *e)
{
	if (root == NULL)
		return err_set(e, ERR_PARSE, "pim.read", "no BEGIN in it");
	if (slice_is(root->name, "VCARD"))
		return pim_card_read(a, form, root, out, e);
	if (slice_is(root->name, "VNOTE"))
		return pim_note_read_comp(a, root, out, e);
	if (slice_is(root->name, "VCALENDAR") ||
	    slice_is(root->name, "VEVENT") || slice_is(root->name, "VTODO") ||
	    slice_is(root->name, "VJOURNAL"))
		return read_calendar(a, view, form, root, out, e);
	return err_set(e, ERR_PARSE, "pim.read", "unknown object");
}

/* own: we wrote it; what the limits let in may have grown a little since. */
static int
read_text(struct arena *a, const struct pim_view *view, enum pim_form form,
	  struct slice body, bool own, struct pim_item **out, struct err *e)
{
	struct pim_lines_in in = { .text = body, .form = form, .own = own };
	struct pim_comp *root;

	*out = NULL;
	if (view != NULL)
		in.rules = view->rules;
	if (form == PIM_TEXT)
		return pim_note_read(a, body, out, e);
	if (form == PIM_EMAIL || form == PIM_RFC822 || form == PIM_OFOLDER)
		return pim_mail_read(a, form, body, out, e);
	if (pim_is_sif(form))
		return pim_sif_read(a, view, form, body, out, e);
	if (pim_lines_parse(a, &in, &root, &form, NULL, e) != 0)
		return -1;
	return read_tree(a, view, form, root, out, e);
}

int
pim_read(struct arena *a, const struct pim_view *view, enum pim_form form,
	 struct slice body, struct pim_item **out, struct err *e)
{
	return read_text(a, view, form, body, false, out, e);
}

/* The canonical tree as the view's form has it. */
static int
device_tree(struct arena *a, const struct pim_view *view,
	    const struct pim_item *it, struct pim_comp **out, struct err *e)
{
	bool card = view->form == PIM_VCARD21 || view->form == PIM_VCARD30 ||
		    view->form == PIM_VCARD40;
	bool cal = view->form == PIM_VCAL10 || view->form == PIM_ICAL20;

	if (it->root != NULL && it->kind == PIM_CONTACT && card)
		return pim_card_write(a, view, it, out, e);
	if (it->root != NULL && it->kind != PIM_CONTACT && cal)
		return pim_cal_write(a, view, it, out, e);
	return err_set(e, ERR_UNSUPPORTED, "pim.write", "a %s as %.*s",
		       pim_kind_name(it->kind),
		       SLICE_ARG(pim_form_mime(view->form)));
}

int
pim_write(struct arena *a, const struct pim_view *view,
	  const struct pim_item *it, struct buf *out, struct err *e)
{
	struct pim_lines_out how = { .form = view->form, .rules = view->rules };
	struct pim_comp *tree;

	if (view->lean && pim_lean(a, it, &it, e) != 0)
		return -1;
	if (pim_is_sif(view->form))
		return pim_sif_write(a, view, it, out, e);
	if (it->kind == PIM_NOTE)
		return pim_note_write(a, view, it, out, e);
	if (pim_is_mail(it->kind))
		return pim_mail_write(a, view, it, out, e);
	if (device_tree(a, view, it, &tree, e) != 0 ||
	    pim_caps_apply(a, view, tree, e) != 0)
		return -1;
	return pim_lines_write(&how, tree, out, e);
}

int
pim_seen(struct arena *a, const struct pim_view *view,
	 const struct pim_item *it, struct pim_item **out, struct err *e)
{
	struct buf b = BUF_IN(a);

	if (pim_is_mail(it->kind)) {
		/* Its flags are seen; the bytes are not the head's. */
		*out = ARENA_NEW(a, struct pim_item);
		if (*out == NULL)
			return pim_nomem(e, "pim.seen");
		**out = *it;
		return 0;
	}
	if (pim_write(a, view, it, &b, e) != 0)
		return -1;
	return read_text(a, view, pim_form_for(view->form, it->kind),
			 buf_slice(&b), true, out, e);
}

int
pim_canon(struct arena *a, const struct pim_item *it, struct slice *out,
	  struct err *e)
{
	struct pim_lines_out how = { .canonical = true };
	struct buf b = BUF_IN(a);
	int rc;

	how.form = it->kind == PIM_CONTACT ? PIM_VCARD30 : PIM_ICAL20;
	if (pim_is_mail(it->kind))
		rc = pim_mail_canon(it, &b, e);
	else if (it->kind == PIM_NOTE)
		rc = pim_note_canon(a, it, &b, e);
	else
		rc = pim_lines_write(&how, it->root, &b, e);
	*out = buf_slice(&b);
	return rc;
}

int
pim_parse(struct arena *a, enum pim_kind kind, struct slice canon,
	  struct pim_item **out, struct err *e)
{
	struct pim_lines_in in = { .text = canon, .own = true };
	struct pim_item *it;
	struct pim_comp *root;

	*out = NULL;
	if (kind == PIM_NOTE)
		return pim_note_parse(a, canon, out, e);
	if (pim_is_mail(kind))
		return pim_mail_parse(a, kind, canon, out, e);
	in.form = kind == PIM_CONTACT ? PIM_VCARD30 : PIM_ICAL20;
	if (pim_lines_parse(a, &in, &root, NULL, NULL, e) != 0)
		return -1;
	if (root == NULL ||
	    !slice_is(root->name, kind == PIM_CONTACT ? "VCARD" : "VCALENDAR"))
		return err_set(e, ERR_PARSE, "pim.parse", "not a stored %s",
			       pim_kind_name(kind));
	it = ARENA_NEW(a, struct pim_item);
	if (it == NULL)
		return pim_nomem(e, "pim.parse");
	it->kind = kind;
	it->root = root;
	*out = it;
	return 0;
}

/* The next card of a .vcf, vNote or text file. */
static int
next_of_lines(struct arena *a, const struct pim_view *view, enum pim_form form,
	      struct slice *rest, struct pim_item **out, struct err *e)
{
	struct pim_lines_in in = { .text = *rest, .form = form };
	struct pim_comp *root;

	if (view != NULL)
		in.rules = view->rules;
	if (pim_lines_parse(a, &in, &root, &form, rest, e) != 0)
		return -1;
	if (root == NULL)
		return 0;
	return read_tree(a, view, form, root, out, e);
}

int
pim_next(struct arena *a, const struct pim_view *view, struct slice *rest,
	 struct pim_item **out, struct err *e)
{
	enum pim_form form;
	struct slice body;

	*out = NULL;
	if (slice_trim(*rest).n == 0) {
		*rest = SLICE_LIT("");
		return 0;
	}
	form = pim_detect(*rest, view == NULL ? SLICE_LIT("")
					      : pim_form_mime(view->form));
	if (form == PIM_FORM_NONE)
		return 0;
	if (form == PIM_VCAL10 || form == PIM_ICAL20)
		return pim_cal_next(a, view, rest, out, e);
	if (form != PIM_TEXT && !pim_is_sif(form))
		return next_of_lines(a, view, form, rest, out, e);
	body = *rest;
	*rest = SLICE_LIT("");
	return pim_read(a, view, form, body, out, e);
}

static struct slice
stamp(const struct pim_item *it)
{
	const struct pim_comp *c = NULL;

	if (it != NULL && it->root != NULL)
		c = it->kind == PIM_CONTACT ? it->root : pim_cal_main(it);
	if (c == NULL)
		return SLICE_LIT("");
	return pim_prop_value(c, it->kind == PIM_CONTACT ? "REV"
							 : "LAST-MODIFIED");
}

int64_t
pim_edited_ms(const struct pim_item *it, const struct pim_item *base,
	      int64_t now_ms)
{
	enum { CLOCKS_DIFFER_MS = 24 * 60 * 60 * 1000 };
	struct slice s = stamp(it);
	struct pim_time t;

	/* A day or a local time cannot be compared with another's. */
	if (!pim_time_parse(s, &t) || t.date || !t.utc)
		return 0;
	if (slice_eq(slice_trim(s), slice_trim(stamp(base))) ||
	    t.wall > (now_ms + CLOCKS_DIFFER_MS) / 1000)
		return 0;
	return t.wall * 1000;
}
