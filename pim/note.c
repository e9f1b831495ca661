/*
 * Notes: text with LF inside, CR LF on the wire, nothing added and nothing
 * taken at the end, so that round trips do not grow. The first line is the
 * title in every form.
 */
#include "pim/core.h"
#include "pim/lines_int.h"

static int
make(struct arena *a, struct slice text, struct pim_item **out, struct err *e)
{
	struct pim_item *it = ARENA_NEW(a, struct pim_item);

	if (it == NULL || text.p == NULL)
		return pim_nomem(e, "pim.note");
	it->kind = PIM_NOTE;
	it->text = text;
	*out = it;
	return 0;
}

int
pim_note_read(struct arena *a, struct slice body, struct pim_item **out,
	      struct err *e)
{
	unsigned found;

	if (slice_starts(body, "\xEF\xBB\xBF"))
		body = slice_from(body, 3);
	if (body.n == 0)
		return make(a, SLICE_LIT(""), out, e);
	found = pim_scan(body);
	if (found & PIM_SCAN_8BIT)
		body = pim_to_utf8(a, body);
	if (body.p != NULL && (found & PIM_SCAN_CTRL))
		body = pim_clean(a, body);
	return make(a, body, out, e);
}

static struct slice
first_line(struct slice text)
{
	return slice_trim(slice_sub(text, 0, slice_find(text, '\n')));
}

int
pim_note_join(struct arena *a, struct slice title, struct slice text,
	      struct pim_item **out, struct err *e)
{
	struct buf b = BUF_IN(a);

	if (text.n == 0)
		return make(a, title, out, e);
	/* Many senders repeat the start of the text as the title. */
	if (title.n == 0 || slice_eq(first_line(text), slice_trim(title)) ||
	    (title.n <= text.n && memcmp(title.p, text.p, title.n) == 0))
		return make(a, text, out, e);
	buf_add(&b, title);
	buf_byte(&b, '\n');
	buf_add(&b, text);
	if (!buf_ok(&b))
		return pim_nomem(e, "pim.note");
	return make(a, buf_slice(&b), out, e);
}

static int
joined(struct arena *a, struct slice title, struct slice text,
       struct pim_item **out, struct err *e)
{
	title = pim_unescape(a, title);
	text = pim_unescape(a, text);
	if (title.p == NULL || text.p == NULL)
		return pim_nomem(e, "pim.note");
	return pim_note_join(a, title, text, out, e);
}

int
pim_note_read_comp(struct arena *a, const struct pim_comp *root,
		   struct pim_item **out, struct err *e)
{
	const struct pim_comp *journal;

	if (slice_is(root->name, "VNOTE"))
		return joined(a, pim_prop_value(root, "SUMMARY"),
			      pim_prop_value(root, "BODY"), out, e);
	journal = slice_is(root->name, "VJOURNAL")
		      ? root
		      : pim_comp_kid(root, "VJOURNAL");
	if (journal == NULL)
		return err_set(e, ERR_PARSE, "pim.note", "no note in it");
	return joined(a, pim_prop_value(journal, "SUMMARY"),
		      pim_prop_value(journal, "DESCRIPTION"), out, e);
}

static bool
build_vnote(struct arena *a, struct slice text, struct pim_comp **out)
{
	struct pim_comp *c = pim_comp_new(a, SLICE_LIT("VNOTE"));

	*out = c;
	return c != NULL &&
	       pim_comp_put(a, c, "VERSION", pim_form_version(PIM_VNOTE)) &&
	       pim_comp_put(a, c, "BODY", text);
}

static bool
build_journal(struct arena *a, struct slice title, struct slice text,
	      struct pim_comp **out)
{
	struct pim_comp *c = pim_comp_new(a, SLICE_LIT("VCALENDAR"));
	struct pim_comp *j = pim_comp_new(a, SLICE_LIT("VJOURNAL"));

	*out = c;
	if (c == NULL || j == NULL)
		return false;
	c->kids = j;
	return pim_comp_put(a, c, "VERSION", pim_form_version(PIM_ICAL20)) &&
	       pim_comp_put(a, c, "PRODID",
			    SLICE_LIT("-//Funicular//Funicular//EN")) &&
	       pim_comp_put(a, j, "SUMMARY", title) &&
	       pim_comp_put(a, j, "DESCRIPTION", text);
}

static void
put_crlf(struct buf *out, struct slice text)
{
	struct slice line;

	while (slice_split(&text, '\n', &line)) {
		buf_add(out, line);
		if (text.p != NULL)
			buf_add(out, SLICE_LIT("\r\n"));
	}
}

int
pim_note_write(struct arena *a, const struct pim_view *view,
	       const struct pim_item *it, struct buf *out, struct err *e)
{
	struct pim_lines_out how = { .form = view->form, .rules = view->rules };
	struct pim_comp *c = NULL;
	struct slice text;
	struct slice title;
	bool ok;

	if (view->form != PIM_VNOTE && view->form != PIM_ICAL20) {
		put_crlf(out, it->text);
		return buf_ok(out) ? 0 : pim_nomem(e, "pim.note");
	}
	text = pim_escape(a, it->text);
	title = pim_escape(a, first_line(it->text));
	if (text.p == NULL || title.p == NULL)
		return pim_nomem(e, "pim.note");
	ok = view->form == PIM_VNOTE ? build_vnote(a, text, &c)
				     : build_journal(a, title, text, &c);
	if (!ok)
		return pim_nomem(e, "pim.note");
	return pim_lines_write(&how, c, out, e);
}

/* ---- the stored text
 * ----------------------------------------------------------- */

static const char begin_more[] = "BEGIN:VJOURNAL";

static bool
has_more(const struct pim_item *it)
{
	for (const struct pim_prop *p = it->more; p != NULL; p = p->next) {
		if (p->value.n > 0)
			return true;
	}
	/* so that no text is taken for what it is not */
	return slice_starts(it->text, begin_more);
}

int
pim_note_canon(struct arena *a, const struct pim_item *it, struct buf *out,
	       struct err *e)
{
	static const struct pim_view text = { .form = PIM_TEXT };
	struct pim_lines_out how = { .form = PIM_ICAL20, .canonical = true };
	struct pim_comp c = { .name = SLICE_INIT("VJOURNAL") };

	if (!has_more(it))
		return pim_note_write(a, &text, it, out, e);
	c.props =
	    pim_prop_new(a, SLICE_LIT("DESCRIPTION"), pim_escape(a, it->text));
	if (c.props == NULL || c.props->value.p == NULL)
		return pim_nomem(e, "pim.note");
	c.props->next = it->more;
	return pim_lines_write(&how, &c, out, e);
}

int
pim_note_parse(struct arena *a, struct slice canon, struct pim_item **out,
	       struct err *e)
{
	struct pim_lines_in in = { .text = canon,
				   .form = PIM_ICAL20,
				   .own = true };
	struct pim_comp *c;

	if (!slice_starts(canon, begin_more))
		return pim_note_read(a, canon, out, e);
	if (pim_lines_parse(a, &in, &c, NULL, NULL, e) != 0)
		return -1;
	if (c == NULL)
		return err_set(e, ERR_PARSE, "pim.parse", "not a stored note");
	if (make(a, pim_unescape(a, pim_prop_value(c, "DESCRIPTION")), out,
		 e) != 0)
		return -1;
	pim_comp_remove_all(c, "DESCRIPTION");
	(*out)->more = c->props;
	return 0;
}
