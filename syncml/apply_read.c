/* What the client sent as an item's data, read into an item. */
#include "base/digest.h"
#include "syncml/apply.h"
#include "syncml/due.h"

static int
refuse(struct sml_batch *b, struct sml_op *op, int code, const char *why)
{
	op->code = code;
	sml_tell(b->c, '=', "item %.*s refused (%d): %s", SLICE_ARG(op->luid),
		 code, why);
	return 0;
}

/* Undo Format b64, unless what is said to be that is plain text; raw octets
   (WBXML) and text stay as they are. What stands in a Format that nobody knows
   cannot be told from an item. */
static bool
unpack(struct sml_batch *b, struct sml_op *op)
{
	static const char *const as_it_is[] = { "",    "chr",  "bin", "xml",
						"int", "bool", "node" };
	struct slice format = slice_trim(op->format);

	/* No Base64 has a colon. */
	if (slice_is_nocase(format, "b64") &&
	    slice_starts_nocase(slice_trim(op->data), "BEGIN:"))
		return true;
	if (slice_is_nocase(format, "b64"))
		return digest_unb64(b->a, op->data, &op->data);
	for (size_t i = 0; i < sizeof(as_it_is) / sizeof(as_it_is[0]); i++) {
		if (slice_is_nocase(format, as_it_is[i]))
			return true;
	}
	return false;
}

static enum pim_form
form_of(struct sml_batch *b, struct sml_op *op)
{
	struct slice type = op->type;
	enum pim_form form;

	if (type.n == 0)
		type = pim_form_mime(b->view->form);
	form = pim_detect(op->data, type);
	/* A database of notes takes any text. */
	if (form == PIM_FORM_NONE && (b->col->kinds & PIM_NOTE) != 0 &&
	    (type.n == 0 || slice_starts_nocase(type, "text/plain")))
		form = PIM_TEXT;
	return form;
}

int
sml_op_read(struct sml_batch *b, struct sml_op *op)
{
	struct sml_ctx *c = b->c;
	struct err e = { .code = ERR_NONE };
	enum pim_form form;

	if ((int64_t)op->data.n > c->srv->conf->max_obj_bytes)
		return refuse(b, op, 413, "larger than an item may be");
	if (!unpack(b, op))
		return refuse(b, op, 415, "its Format does not decode");
	form = form_of(b, op);
	if (form == PIM_FORM_NONE)
		return refuse(b, op, 415, "not a form that is known here");
	if (pim_read(b->a, b->view, form, op->data, &op->pim, &e) < 0) {
		if (e.code != ERR_NOMEM)
			return refuse(b, op, 415, e.msg);
		c->e = e;
		return -1;
	}
	if (sml_member_for(c, b->ds, op->pim->kind) == 0) {
		if (op->pim->kind == PIM_FOLDER ||
		    !sml_link_widen(c, b->ds, op->pim->kind))
			return refuse(b, op, 415,
				      "this database takes no such items");
		b->col = sml_collection(c, b->ds->collection);
	}
	/* What a folder comes in says nothing of its mails. */
	if (b->ds->form_seen == PIM_FORM_NONE && form != PIM_OFOLDER) {
		b->ds->form_seen = (int)form;
		b->ds->plain_seen =
		    pim_is_sif(form) &&
		    !slice_is_nocase(slice_trim(op->format), "b64");
	}
	if (pim_canon(b->a, op->pim, &op->canon, &c->e) < 0 ||
	    pim_identify(b->a, op->pim, &op->ids, &c->e) < 0)
		return -1;
	return sml_batch_due(b, op->pim, &op->due);
}

int
sml_batch_parse(struct sml_batch *b, unsigned kind, struct slice body,
		struct pim_item **out)
{
	return pim_parse(b->a, (enum pim_kind)kind, body, out, &b->c->e);
}

int
sml_batch_due(struct sml_batch *b, const struct pim_item *it,
	      struct store_due *out)
{
	return sml_due(b->a, &b->c->acc, it, b->c->tx->now_ms, out, &b->c->e);
}
