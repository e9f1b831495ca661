/*
 * What mail needs beside its items: the account's folders and their roles, how
 * much of a mail a device gets, and the bytes of those that go out.
 */
#include "pim/mail.h"
#include "syncml/outgoing.h"

/* ---- folders ----------------------------------------------------------------
 */

static int
folders(struct sml_ctx *c)
{
	if (c->folder_read)
		return 0;
	if (c->tx->v->mail->folder_list(c->tx, c->a, &c->folder, &c->folder_n,
					&c->e) < 0)
		return -1;
	c->folder_read = true;
	return 0;
}

int
sml_mail_role(struct sml_ctx *c, int64_t collection, enum store_mail_role *role)
{
	*role = STORE_MAIL_NONE;
	if (folders(c) < 0)
		return -1;
	for (size_t i = 0; i < c->folder_n; i++) {
		if (c->folder[i].collection == collection)
			*role = c->folder[i].role;
	}
	return 0;
}

/* Ids of folders as Funambol's clients have them, fixed. */
static const struct {
	const char *id, *word;
	enum store_mail_role role;
} fixed[] = {
	{ "I", "inbox", STORE_MAIL_INBOX },
	{ "O", "outbox", STORE_MAIL_OUTBOX },
	{ "S", "sent", STORE_MAIL_SENT },
	{ "D", "drafts", STORE_MAIL_DRAFTS },
	{ "T", "trash", STORE_MAIL_TRASH },
	{ "T", "deleted", STORE_MAIL_TRASH },
};
enum { FIXED_N = sizeof(fixed) / sizeof(fixed[0]) };

int
sml_mail_parent(struct sml_ctx *c, const struct sml_ds *ds, int64_t collection,
		struct slice *parent)
{
	const struct store_collection *col = sml_collection(c, ds->collection);
	enum store_mail_role role;

	*parent = SLICE_LIT("");
	if (col == NULL || col->member_n < 2 || c->s.version < 12)
		return 0;
	if (sml_mail_role(c, collection, &role) < 0)
		return -1;
	for (size_t i = 0; i < FIXED_N && parent->n == 0; i++) {
		if (fixed[i].role == role)
			*parent =
			    arena_printf(c->scratch, "ROOT/%s", fixed[i].id);
	}
	return 0;
}

/* "ROOT/I", "/Inbox", "mail/Sent": which of the database's folders? 0: none. */
int
sml_mail_folder(struct sml_ctx *c, const struct store_collection *col,
		struct slice parent, int64_t *collection)
{
	struct slice last = slice_trim(parent);
	size_t at;

	*collection = 0;
	while ((at = slice_find(last, '/')) != SIZE_MAX)
		last = slice_from(last, at + 1);
	for (size_t i = 0; last.n > 0 && i < col->member_n; i++) {
		const struct store_collection *m =
		    sml_collection(c, col->member[i]);
		enum store_mail_role role;

		if (sml_mail_role(c, col->member[i], &role) < 0)
			return -1;
		for (size_t k = 0; k < FIXED_N; k++) {
			if (fixed[k].role == role &&
			    (slice_is(last, fixed[k].id) ||
			     slice_is_nocase(last, fixed[k].word)))
				*collection = col->member[i];
		}
		if (m != NULL && (slice_eq_nocase(m->name, parent) ||
				  slice_eq_nocase(m->display, last)))
			*collection = col->member[i];
	}
	return 0;
}

/* ---- how much of each -----------------------------------------------------
 */

/*
 * <Property><PropName>emailitem</PropName><MaxSize>512</MaxSize><PropParam>
 * <ParamName>texttype</ParamName></PropParam></Property>, as Funambol's clients
 * ask: without a parameter the header, with texttype the text, with attachtype
 * everything.
 */
static bool
property(const struct sml_node *p, struct pim_mail_cut *cut)
{
	uint32_t max;

	if (!slice_is_nocase(sml_kid_text(p, SML_DI_PROPNAME), "emailitem"))
		return false;
	*cut = (struct pim_mail_cut){ .parts = PIM_MAIL_HEADERS };
	for (const struct sml_node *k = p->kids; k != NULL; k = k->next) {
		struct slice name = sml_kid_text(k, SML_DI_PARAMNAME);

		if (k->tag == SML_DI_SIZE &&
		    slice_u32(slice_trim(k->text), &max))
			cut->bytes = max;
		if (k->tag != SML_DI_PROPPARAM)
			continue;
		if (slice_is_nocase(name, "attachtype"))
			cut->parts = PIM_MAIL_ALL;
		else if (slice_is_nocase(name, "texttype") &&
			 cut->parts == PIM_MAIL_HEADERS)
			cut->parts = PIM_MAIL_TEXT;
	}
	return true;
}

bool
sml_mail_fields(struct sml_ctx *c, const struct sml_filter *in,
		struct pim_mail_cut *cut, bool *said)
{
	const struct sml_node *data = sml_kid(in->field, SML_DATA);
	const struct sml_node *p;
	struct sml_node *root = NULL;
	struct err e = { .code = ERR_NONE };

	*said = false;
	if (in->field == NULL)
		return true;
	if (data == NULL)
		return false;
	/* The elements themselves, or a document in text. */
	p = data->kids;
	if (p == NULL) {
		if (sml_read_devinf(c->a, data, &root, &e) < 0)
			return false;
		p = root;
	}
	for (; p != NULL; p = p->next)
		*said =
		    (p->tag == SML_DI_PROPERTY && property(p, cut)) || *said;
	return *said;
}

/* The mailbox is to be looked at, as far as the device will see it. */
static int
ask_news(struct sml_ctx *c, const struct store_collection *col)
{
	for (size_t i = 0; i < col->member_n; i++) {
		enum store_mail_role role;

		if (sml_mail_role(c, col->member[i], &role) < 0)
			return -1;
		if (role == STORE_MAIL_OUTBOX)
			continue;
		c->mail_words |= SML_MAIL_ASKED;
		if (role != STORE_MAIL_INBOX)
			c->mail_words |= SML_MAIL_FOLDERS;
	}
	/* Once in a session: its other databases wait, too. */
	if (c->mail_words != 0 && !c->s.mail_waited)
		c->mail_waits = c->s.mail_waited = true;
	return 0;
}

int
sml_mail_ask(struct sml_ctx *c, struct sml_ds *ds, const struct sml_item *it)
{
	const struct store_collection *col = sml_collection(c, ds->collection);
	bool named = slice_find_str(ds->filter, "LUID") != SIZE_MAX;

	ds->cut = (struct pim_mail_cut){ 0 };
	ds->cut_asked = false;
	(void)sml_mail_fields(c, &it->filter, &ds->cut, &ds->cut_asked);
	/* Without fields: all of the mail that it names. */
	ds->cut_named = named;
	ds->cut_asked = ds->cut_asked || named;
	c->view_ready[ds - c->s.ds] = false;
	return col == NULL ? 0 : ask_news(c, col);
}

/* ---- going out ----------------------------------------------------------- */

/*
 * The device has the bytes of this revision, as it would get them now: flags
 * alone go out. What is in doubt goes out whole, and a form that has no flags
 * of its own always does.
 */
static int
is_flags_only(struct sml_ctx *c, struct sml_ds *ds, struct sml_unit *u,
	      bool *yes)
{
	const struct pim_view *view = sml_view(c, ds);
	struct pim_item *held;
	struct pim_item *due;

	*yes = false;
	if (u->what != 'R' || u->probe || u->wanted ||
	    view->form != PIM_EMAIL || u->map.state == STORE_MAP_DELETING ||
	    u->held_body.n == 0 ||
	    (u->map.held_form != 0 && u->map.held_form != view->id))
		return 0;
	if (pim_parse(c->scratch, PIM_MAIL, u->held_body, &held, &c->e) < 0 ||
	    pim_parse(c->scratch, PIM_MAIL, u->item.body, &due, &c->e) < 0)
		return -1;
	*yes = held->mail->held == due->mail->held;
	return 0;
}

/* What the mirror cut off is to be fetched; then it is a new revision. */
static int
fetch_rest(struct sml_ctx *c, const struct store_item *head)
{
	struct store_mail_effect f = {
		.id =
		    arena_printf(c->scratch, "g-%lld-%lld", (long long)head->id,
				 (long long)head->revision),
		.what = STORE_EFFECT_FETCH,
		.item = head->id,
		.collection = head->collection,
		.state = STORE_EFFECT_QUEUED,
		.device = c->dev.id,
		.next_ms = c->tx->now_ms,
	};
	struct pim_item *it;

	if (pim_parse(c->scratch, PIM_MAIL, head->body, &it, &c->e) < 0)
		return -1;
	if (it->mail->held >= it->mail->size)
		return 0;
	f.message_id = it->mail->message_id;
	c->effects++;
	return c->tx->v->mail->effect_add(c->tx, &f, 1, &c->e);
}

static struct store_mail_body *
body_for(struct store_mail_body *b, size_t n, int64_t item)
{
	for (size_t i = 0; i < n; i++) {
		if (b[i].item == item)
			return &b[i];
	}
	return NULL;
}

int
sml_mail_load(struct sml_ctx *c, struct sml_ds *ds, struct sml_unit *u,
	      size_t from, size_t *upto, size_t max_bytes)
{
	const struct store_collection *col = sml_collection(c, ds->collection);
	int64_t *id = NULL;
	struct store_mail_body *body = NULL;
	size_t last = *upto;
	size_t got = 0;
	size_t n = 0;
	bool bare;

	if (col == NULL || (col->kinds & PIM_MAIL) == 0)
		return 0;
	id = ARENA_ARRAY(c->scratch, *upto - from + 1, int64_t);
	if (id == NULL)
		return err_set(&c->e, ERR_NOMEM, "mail.load",
			       "no memory for the bytes of mails");
	for (size_t i = from; i < *upto; i++) {
		if (u[i].item.kind != PIM_MAIL ||
		    (u[i].what != 'A' && u[i].what != 'R'))
			continue;
		if (is_flags_only(c, ds, &u[i], &bare) < 0 ||
		    (u[i].wanted && fetch_rest(c, &u[i].item) < 0))
			return -1;
		if (!bare)
			id[n++] = u[i].item.id;
	}
	if (n > 0 &&
	    c->tx->v->mail->body_get(c->tx, c->scratch, id, n, max_bytes, &body,
				     &got, &c->e) < 0)
		return -1;
	/* Those behind the last one that came are for the next round. */
	for (size_t i = from; got > 0 && got < n && i < *upto; i++) {
		if (u[i].item.id == body[got - 1].item)
			last = i + 1;
	}
	*upto = last;
	for (size_t i = from; i < *upto; i++) {
		const struct store_mail_body *b =
		    body_for(body, got, u[i].item.id);

		if (b != NULL)
			u[i].message = b->bytes;
	}
	return 0;
}
