#include "syncml/mail_folder.h"

#include "pim/mail.h"

enum { FOLDERS_MAX = 100 };

struct lister {
	struct store_tx *tx;
	struct arena *a;
	struct store_collection *col;
	size_t col_n;
	struct store_mail_folder *f;
	size_t f_n;
	int64_t list; /* the collection of folders; 0: there is none yet */
	struct store_item *it;
	size_t it_n;
};

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_NOMEM, "mail.folders", "no memory for folders");
}

static bool
is_combined(const struct store_collection *col)
{
	return col->member_n > 1 && (col->kinds & PIM_MAIL) != 0;
}

static const char *
role_word(enum store_mail_role role)
{
	static const char *const words[] = {
		[STORE_MAIL_NONE] = "",         [STORE_MAIL_INBOX] = "inbox",
		[STORE_MAIL_SENT] = "sent",     [STORE_MAIL_DRAFTS] = "drafts",
		[STORE_MAIL_TRASH] = "deleted", [STORE_MAIL_OUTBOX] = "outbox",
	};

	return words[role];
}

/* ---- the collections ------------------------------------------------------
 */

static int
make_list(struct lister *l, struct err *e)
{
	struct store_collection col = {
		.id = l->tx->next_id++,
		.name = SLICE_LIT("mail/.folders"),
		.display = SLICE_LIT("Folders"),
		.aliases = SLICE_LIT(""),
		.kinds = PIM_FOLDER,
		.read_only = true,
		.member_n = 1,
	};

	l->list = col.member[0] = col.id;
	return l->tx->v->collection_put(l->tx, &col, e);
}

static int
show(struct lister *l, struct store_collection *col, struct err *e)
{
	if (col->member[0] == l->list)
		return 0;
	if (col->member_n == STORE_MEMBERS_MAX)
		return err_set(e, ERR_LIMIT, "mail.folders",
			       "the database \"%.*s\" shows too many folders",
			       SLICE_ARG(col->name));
	memmove(col->member + 1, col->member,
		col->member_n * sizeof(col->member[0]));
	col->member[0] = l->list;
	col->member_n++;
	col->kinds |= PIM_FOLDER;
	return l->tx->v->collection_put(l->tx, col, e);
}

/* ---- the items ------------------------------------------------------------
 */

static struct store_item *
item_of(struct lister *l, struct slice uid)
{
	for (size_t i = 0; i < l->it_n; i++) {
		if (slice_eq(l->it[i].uid, uid))
			return &l->it[i];
	}
	return NULL;
}

static struct slice
display(const struct lister *l, const struct store_mail_folder *f)
{
	/* Its database is called as a whole. */
	if (f->role == STORE_MAIL_INBOX)
		return SLICE_LIT("Inbox");
	for (size_t i = 0; i < l->col_n; i++) {
		if (l->col[i].id == f->collection)
			return l->col[i].display;
	}
	return f->name;
}

static int
put_folder(struct lister *l, const struct store_mail_folder *f, struct err *e)
{
	struct slice uid = arena_printf(l->a, "%lld", (long long)f->collection);
	struct store_item *head = item_of(l, uid);
	struct pim_folder folder = { .name = display(l, f),
				     .role = slice_c(role_word(f->role)) };
	struct pim_item it = { .kind = PIM_FOLDER, .folder = &folder };
	struct pim_ids ids = { .h_uid = 0 };
	struct store_write w = {
		.create = head == NULL,
		.collection = l->list,
		.kind = PIM_FOLDER,
		.revision = head == NULL ? 1 : head->last_revision + 1,
		.uid = uid,
		.origin = STORE_BY_MAILBOX,
		.old_size = head == NULL || head->deleted ? 0 : head->size,
		.was_deleted = head != NULL && head->deleted,
	};

	if (uid.p == NULL)
		return no_memory(e);
	if (pim_canon(l->a, &it, &w.body, e) < 0 ||
	    pim_identify(l->a, &it, &ids, e) < 0)
		return -1;
	if (head != NULL && !head->deleted && slice_eq(head->body, w.body)) {
		head->id = 0; /* seen */
		return 0;
	}
	w.item = head == NULL ? l->tx->next_id++ : head->id;
	w.h_uid = ids.h_uid;
	w.h_content = ids.h_content;
	w.h_identity = ids.h_identity;
	if (head != NULL)
		head->id = 0;
	return l->tx->v->item_put(l->tx, &w, 1, e);
}

static int
drop_folder(struct lister *l, const struct store_item *head, struct err *e)
{
	const struct store_write w = {
		.item = head->id,
		.deleted = true,
		.collection = l->list,
		.kind = PIM_FOLDER,
		.revision = head->last_revision + 1,
		.uid = head->uid,
		.origin = STORE_BY_MAILBOX,
		.old_size = head->size,
	};

	return l->tx->v->item_put(l->tx, &w, 1, e);
}

static int
put_items(struct lister *l, struct err *e)
{
	if (l->tx->v->item_page(l->tx, l->a, l->list, 0, FOLDERS_MAX, true,
				true, &l->it, &l->it_n, e) < 0)
		return -1;
	for (size_t i = 0; i < l->f_n; i++) {
		if (put_folder(l, &l->f[i], e) < 0)
			return -1;
	}
	for (size_t i = 0; i < l->it_n; i++) {
		if (l->it[i].id != 0 && !l->it[i].deleted &&
		    drop_folder(l, &l->it[i], e) < 0)
			return -1;
	}
	return 0;
}

int
sml_mail_folders(struct store_tx *tx, struct arena *a, struct err *e)
{
	struct lister l = { .tx = tx, .a = a };
	bool wanted = false;

	if (tx->v->collection_list(tx, a, &l.col, &l.col_n, e) < 0 ||
	    tx->v->mail->folder_list(tx, a, &l.f, &l.f_n, e) < 0)
		return -1;
	for (size_t i = 0; i < l.col_n; i++) {
		wanted = wanted || is_combined(&l.col[i]);
		if (l.col[i].kinds == PIM_FOLDER && l.col[i].member_n == 1)
			l.list = l.col[i].id;
	}
	if (!wanted && l.list == 0)
		return 0;
	if (l.list == 0 && make_list(&l, e) < 0)
		return -1;
	for (size_t i = 0; i < l.col_n; i++) {
		if (is_combined(&l.col[i]) && show(&l, &l.col[i], e) < 0)
			return -1;
	}
	return put_items(&l, e);
}
