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

struct slice
sml_mail_fixed(struct arena *a, enum store_mail_role role)
{
	for (size_t i = 0; i < FIXED_N; i++) {
		if (fixed[i].role == role)
			return arena_printf(a, "ROOT/%s", fixed[i].id);
	}
	return SLICE_LIT("");
}

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
	*parent = sml_mail_fixed(c->scratch, role);
	if (parent->n > 0 || !sml_takes_folders(c, ds))
		return 0;
	if (sml_dirs(c, ds) < 0)
		return -1;
	for (size_t i = 0; i < c->dir_n; i++) {
		if (c->dir[i].collection == collection)
			*parent = c->dir[i].guid;
	}
	return 0;
}

/* "ROOT/I", "/Inbox", "mail/Sent": which of the database's folders? 0: none. */
int
sml_mail_folder(struct sml_ctx *c, const struct sml_ds *ds, struct slice parent,
		int64_t *collection)
{
	const struct store_collection *col = sml_collection(c, ds->collection);
	struct slice last = slice_trim(parent);
	size_t at;

	if (sml_dir_named(c, ds, last, collection) < 0)
		return -1;
	if (*collection != 0 || col == NULL)
		return 0;
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

struct pim_mail_cut
sml_mail_cut(struct sml_ctx *c, const struct store_link *l,
	     const struct sml_item *it)
{
	struct pim_mail_cut cut = { (enum pim_mail_parts)l->mail_parts,
				    l->mail_bytes, l->mail_attach };
	struct pim_mail_cut own;
	bool said;

	if (!sml_mail_fields(c, &it->filter, &own, &said) || !said)
		return cut;
	if (cut.parts == PIM_MAIL_ALL || own.parts == PIM_MAIL_HEADERS)
		cut.parts = own.parts;
	if (cut.bytes == 0 || (own.bytes > 0 && own.bytes < cut.bytes))
		cut.bytes = own.bytes;
	return cut;
}

/* The list of folders, which is no folder. */
static bool
is_list(const struct sml_ctx *c, int64_t collection)
{
	const struct store_collection *col = sml_collection(c, collection);

	return col != NULL && col->kinds == PIM_FOLDER;
}

/* The mailbox is to be looked at, as far as the device will see it. */
static int
ask_news(struct sml_ctx *c, const struct store_collection *col)
{
	for (size_t i = 0; i < col->member_n; i++) {
		enum store_mail_role role;

		if (sml_mail_role(c, col->member[i], &role) < 0)
			return -1;
		if (role == STORE_MAIL_OUTBOX || is_list(c, col->member[i]))
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

/* ---- mails that it names --------------------------------------------------
 */

/* What the mirror cut off is to be fetched; then it is a new revision. */
static int
fetch_rest(struct sml_ctx *c, const struct pim_mail_cut *cut,
	   const struct store_item *head, struct store_mail_effect *f,
	   size_t *n)
{
	struct pim_item *it;

	if (pim_parse(c->a, PIM_MAIL, head->body, &it, &c->e) < 0)
		return -1;
	if (it->mail->held >= it->mail->size || cut->parts != PIM_MAIL_ALL ||
	    (cut->bytes > 0 && cut->bytes <= it->mail->held))
		return 0;
	*f = (struct store_mail_effect){
		.id = arena_printf(c->a, "g-%lld-%lld", (long long)head->id,
				   (long long)head->revision),
		.what = STORE_EFFECT_FETCH,
		.item = head->id,
		.collection = head->collection,
		.message_id = it->mail->message_id,
		.bytes = cut->bytes,
		.state = STORE_EFFECT_QUEUED,
		.device = c->dev.id,
		.next_ms = c->tx->now_ms,
	};
	(*n)++;
	return 0;
}

static int
owe(struct sml_ctx *c, const struct sml_ds *ds, struct store_map *m, size_t n)
{
	struct store_mail_effect *f =
	    ARENA_ARRAY(c->a, n + 1, struct store_mail_effect);
	int64_t *id = ARENA_ARRAY(c->a, n + 1, int64_t);
	struct store_item *head;
	size_t head_n;
	size_t f_n = 0;

	if (f == NULL || id == NULL)
		return err_set(&c->e, ERR_NOMEM, "mail.fetch",
			       "no memory for what is asked for");
	for (size_t i = 0; i < n; i++) {
		id[i] = m[i].item;
		sml_map_owe(&m[i], true, SML_WHY_WANTED);
	}
	if (c->tx->v->item_get(c->tx, c->a, id, n, true, &head, &head_n,
			       &c->e) < 0)
		return -1;
	for (size_t i = 0; i < head_n; i++) {
		if (head[i].kind == PIM_MAIL && !head[i].deleted &&
		    fetch_rest(c, &ds->cut, &head[i], &f[f_n], &f_n) < 0)
			return -1;
	}
	c->effects += f_n;
	if (f_n > 0 && c->tx->v->mail->effect_add(c->tx, f, f_n, &c->e) < 0)
		return -1;
	return c->tx->v->map_put(c->tx, m, n, &c->e);
}

/* The LUIDs that a filter names, if it asks for nothing but them; else *n 0. */
static int
names(struct sml_ctx *c, const struct sml_item *it, struct slice **luid,
      size_t *n)
{
	struct pim_filter *f;
	struct err e = { .code = ERR_NONE };

	*n = 0;
	/* What is wrong with it was told. */
	if (!slice_eq_nocase(slice_trim(it->filter.filter_type),
			     SLICE_LIT("INCLUSIVE")) ||
	    pim_filter_parse(c->a, it->filter.record, &f, &e) < 0)
		return e.code == ERR_NOMEM
			   ? err_set(&c->e, ERR_NOMEM, "filter.names", "%s",
				     e.msg)
			   : 0;
	*luid = ARENA_ARRAY(c->a, f->step_n + 1, struct slice);
	if (*luid == NULL)
		return err_set(&c->e, ERR_NOMEM, "filter.names",
			       "no memory for a filter");
	for (size_t i = 0; i < f->step_n; i++) {
		const struct pim_filter_step *s = &f->step[i];

		if (s->what == PIM_STEP_OR)
			continue;
		if (s->what != PIM_STEP_TERM || s->term.on != PIM_ON_LUID ||
		    s->term.op != PIM_OP_EQ) {
			*n = 0;
			return 0;
		}
		(*luid)[(*n)++] = slice_trim(s->term.value);
	}
	return 0;
}

/*
 * A filter that names mails and nothing else is a request for these: in this
 * sync they come, as much as its fields say, and what the device holds else
 * stays as it is. The cost is that of the mails that it names.
 */
static int
fetch(struct sml_ctx *c, struct sml_ds *ds, const struct sml_item *it)
{
	struct store_map *m;
	struct slice *luid;
	size_t n;
	size_t k = 0;
	bool said;

	if (ds->type != 200 && ds->type != 204)
		return 0;
	if (names(c, it, &luid, &n) < 0)
		return -1;
	if (n == 0)
		return 0;
	ds->fetches = true;
	ds->cut = (struct pim_mail_cut){ 0 };
	(void)sml_mail_fields(c, &it->filter, &ds->cut, &said);
	sml_filter_same(c, ds);
	if (c->tx->v->map_by_luid(c->tx, c->a, ds->link, luid, n, &m, &n,
				  &c->e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (m[i].gen == ds->gen && m[i].state == STORE_MAP_LIVE)
			m[k++] = m[i];
	}
	sml_tell(c, '>', "asks for %zu mails by their ids", k);
	return k == 0 ? 0 : owe(c, ds, m, k);
}

int
sml_mail_ask(struct sml_ctx *c, struct sml_ds *ds, const struct sml_item *it)
{
	const struct store_collection *col = sml_collection(c, ds->collection);

	if (fetch(c, ds, it) < 0)
		return -1;
	return col == NULL ? 0 : ask_news(c, col);
}

/* ---- going out ----------------------------------------------------------- */

bool
sml_mail_enough(struct sml_ctx *c, struct sml_ds *ds, uint64_t held)
{
	const struct pim_view *now = sml_view(c, ds);
	struct pim_mail_cut cut[] = { { .parts = PIM_MAIL_ALL },
				      { .parts = PIM_MAIL_TEXT },
				      { .parts = PIM_MAIL_ALL } };
	struct pim_view v = *now;

	if (held == 0 || held == now->id)
		return true;
	(void)sml_filter_was_cut(c, ds, &cut[2]);
	for (size_t i = 0; i < sizeof(cut) / sizeof(cut[0]); i++) {
		v.mail = cut[i];
		pim_view_seal(&v);
		if (v.id == held && !pim_mail_wider(&cut[i], &now->mail))
			return true;
	}
	return false;
}

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
	if (u->what != 'R' || u->probe || u->wanted || u->more ||
	    view->form != PIM_EMAIL || u->map.state == STORE_MAP_DELETING ||
	    u->held_body.n == 0 || !sml_mail_enough(c, ds, u->map.held_form))
		return 0;
	if (pim_parse(c->scratch, PIM_MAIL, u->held_body, &held, &c->e) < 0 ||
	    pim_parse(c->scratch, PIM_MAIL, u->item.body, &due, &c->e) < 0)
		return -1;
	*yes = held->mail->held == due->mail->held;
	return 0;
}

/* More of it is on its way from the mailbox. */
static int
is_coming(struct sml_ctx *c, const struct sml_unit *u, bool *yes)
{
	struct store_mail_effect *f;
	size_t n;

	*yes = false;
	if (!u->wanted)
		return 0;
	/* One call for each mail that a device names: these are few. */
	if (c->tx->v->mail->effect_of(c->tx, c->scratch, &u->item.id, 1, &f, &n,
				      &c->e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		*yes = *yes || f[i].what == STORE_EFFECT_FETCH;
	return 0;
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
	bool comes;

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
		if (is_coming(c, &u[i], &comes) < 0 ||
		    is_flags_only(c, ds, &u[i], &bare) < 0)
			return -1;
		if (comes)
			u[i].what = 0; /* it is owed still */
		else if (!bare)
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
