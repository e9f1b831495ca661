/* One look at one mailbox: what devices did goes there, what is there comes. */
#include "server/mail/inside.h"
#include "syncml/mail_folder.h"

int
mail_no_memory(struct err *e)
{
	return err_set(e, ERR_NOMEM, "mail", "out of memory");
}

int
mail_begin(struct mail_step *st, enum store_mode mode, struct store_tx **tx,
	   struct err *e)
{
	struct store *s = st->env->store;

	return s->v->begin(s, st->account, mode, mail_now(st), tx, e);
}

int
mail_end(struct store_tx **tx, int rc, struct err *e)
{
	if (rc == 0 && (*tx)->mode == STORE_WRITE)
		return (*tx)->v->commit(tx, e);
	(*tx)->v->rollback(tx);
	return rc;
}

bool
mail_stopping(const struct mail_step *st)
{
	return st->stop != NULL && st->stop(st->stop_ctx);
}

unsigned
mail_flags_of(unsigned mbox)
{
	_Static_assert((int)MBOX_SEEN == (int)PIM_MAIL_READ, "flags");
	_Static_assert((int)MBOX_ANSWERED == (int)PIM_MAIL_REPLIED, "flags");
	_Static_assert((int)MBOX_FORWARDED == (int)PIM_MAIL_FORWARDED, "flags");
	_Static_assert((int)MBOX_FLAGGED == (int)PIM_MAIL_FLAGGED, "flags");
	_Static_assert((int)MBOX_DRAFT == (int)PIM_MAIL_DRAFT, "flags");
	return mbox & PIM_MAIL_FLAGS;
}

unsigned
mail_flags_to(unsigned pim)
{
	return pim & PIM_MAIL_FLAGS;
}

int64_t
mail_edge(const struct mail_step *st)
{
	int64_t at = mail_now(st) - st->login.days * MAIL_DAY_MS;

	/* By whole days, as servers search. */
	return st->login.days == 0 ? INT64_MIN : at - at % MAIL_DAY_MS;
}

/* ---- what the account says ----------------------------------------------- */

static int
read_rows(struct mail_step *st, struct store_tx *tx, bool *wanted,
	  struct err *e)
{
	struct store_mail_login *own;
	struct store_mail_folder *f;
	size_t n;

	if (tx->v->account_get(tx, st->a, &st->acc, e) < 0 ||
	    tx->v->mail->login_get(tx, st->a, &own, e) < 0 ||
	    tx->v->mail->folder_list(tx, st->a, &f, &n, e) < 0)
		return -1;
	*wanted = own != NULL && own->on && !st->acc.disabled;
	if (!*wanted)
		return 0;
	st->health = own->health;
	st->next_ms = own->next_ms;
	st->folder_n = n < MAIL_FOLDERS ? n : MAIL_FOLDERS;
	for (size_t i = 0; i < st->folder_n; i++)
		st->folder[i] = f[i];
	return srv_mail_effective(st->env, st->a, st->acc.user, own, &st->login,
				  e);
}

int
mail_step_read(struct mail_step *st, bool *wanted, struct err *e)
{
	struct store_tx *tx;

	*wanted = false;
	st->open = SIZE_MAX;
	if (mail_begin(st, STORE_READ, &tx, e) < 0)
		return -1;
	return mail_end(&tx, read_rows(st, tx, wanted, e), e);
}

size_t
mail_folder_of(const struct mail_step *st, int64_t collection)
{
	for (size_t i = 0; i < st->folder_n; i++) {
		if (st->folder[i].collection == collection)
			return i;
	}
	return SIZE_MAX;
}

/* ---- folders at the server ----------------------------------------------- */

int
mail_select(struct mail_step *st, size_t folder, struct err *e)
{
	if (st->open == folder)
		return 0;
	st->open = SIZE_MAX;
	st->scanned = false;
	if (mbox_select(st->box, st->folder[folder].name, false, &st->state,
			e) < 0)
		return -1;
	st->open = folder;
	return 0;
}

static int
list(struct mail_step *st, struct err *e)
{
	if (st->has_list)
		return 0;
	if (mbox_list(st->box, st->a, &st->listed, &st->listed_n, e) < 0)
		return -1;
	st->has_list = true;
	return 0;
}

static const struct mbox_folder *
listed(const struct mail_step *st, struct slice name, enum mbox_role role)
{
	for (size_t i = 0; i < st->listed_n; i++) {
		const struct mbox_folder *f = &st->listed[i];

		if (!f->noselect &&
		    (role != MBOX_NO_ROLE ? f->role == role
					  : slice_eq(f->name, name)))
			return f;
	}
	return NULL;
}

/* By its name. Some servers keep everything beneath INBOX, and people do not
   say so. */
static const struct mbox_folder *
named(const struct mail_step *st, struct slice name)
{
	const struct mbox_folder *there = listed(st, name, MBOX_NO_ROLE);

	for (size_t i = 0; there == NULL && i < st->listed_n; i++) {
		const struct mbox_folder *f = &st->listed[i];
		struct slice in = SLICE_LIT("INBOX");

		if (!f->noselect && f->delim != 0 && f->name.n > in.n &&
		    slice_eq_nocase(slice_sub(f->name, 0, in.n), in) &&
		    f->name.p[in.n] == f->delim &&
		    slice_eq(slice_from(f->name, in.n + 1), name))
			there = f;
	}
	return there;
}

static enum mbox_role
to_mbox(enum store_mail_role role)
{
	return role == STORE_MAIL_INBOX    ? MBOX_INBOX
	       : role == STORE_MAIL_SENT   ? MBOX_SENT
	       : role == STORE_MAIL_DRAFTS ? MBOX_DRAFTS
	       : role == STORE_MAIL_TRASH  ? MBOX_TRASH
					   : MBOX_NO_ROLE;
}

static enum store_mail_role
of_mbox(enum mbox_role role)
{
	return role == MBOX_SENT     ? STORE_MAIL_SENT
	       : role == MBOX_DRAFTS ? STORE_MAIL_DRAFTS
	       : role == MBOX_TRASH  ? STORE_MAIL_TRASH
				     : STORE_MAIL_NONE;
}

static int
keep_folder(struct mail_step *st, size_t i, struct err *e)
{
	struct store_tx *tx;

	if (mail_begin(st, STORE_WRITE, &tx, e) < 0)
		return -1;
	return mail_end(&tx,
			tx->v->mail->folder_put(tx, &st->folder[i], 1, e) < 0
			    ? -1
			    : sml_mail_folders(tx, st->work, e),
			e);
}

/*
 * A folder that was never opened: people say "Sent" for what the server calls
 * otherwise, and the server knows which folder is which (RFC 6154).
 */
static int
meet(struct mail_step *st, size_t i, struct err *e)
{
	struct store_mail_folder *f = &st->folder[i];
	const struct mbox_folder *there;

	if (f->uidvalidity != 0 || f->role == STORE_MAIL_OUTBOX ||
	    f->role == STORE_MAIL_INBOX)
		return 0;
	if (list(st, e) < 0)
		return -1;
	there = listed(st, f->name, MBOX_NO_ROLE);
	if (there == NULL && to_mbox(f->role) != MBOX_NO_ROLE)
		there = listed(st, f->name, to_mbox(f->role));
	if (there == NULL)
		there = named(st, f->name);
	if (there == NULL)
		return 0;
	if (f->role == STORE_MAIL_NONE)
		f->role = of_mbox(there->role);
	f->name = there->name;
	return keep_folder(st, i, e);
}

int
mail_make_folder(struct mail_step *st, struct slice *name, struct err *e)
{
	struct err own = { .code = ERR_NONE };
	const struct mbox_folder *in;

	if (list(st, e) < 0)
		return -1;
	in = listed(st, *name, MBOX_INBOX);
	st->has_list = false;
	if (mbox_create(st->box, *name, &own) == 0)
		return 0;
	if (own.code != ERR_CONFLICT || in == NULL || in->delim == 0) {
		if (e != NULL)
			*e = own;
		return -1;
	}
	*name = arena_printf(st->a, "%.*s%c%.*s", SLICE_ARG(in->name),
			     in->delim, SLICE_ARG(*name));
	return name->p == NULL ? mail_no_memory(e)
			       : mbox_create(st->box, *name, e);
}

int
mail_role_folder(struct mail_step *st, enum store_mail_role role,
		 struct slice *name, struct err *e)
{
	static const char *const plain[] = { [STORE_MAIL_SENT] = "Sent",
					     [STORE_MAIL_DRAFTS] = "Drafts",
					     [STORE_MAIL_TRASH] = "Trash" };
	const struct mbox_folder *there;

	for (size_t i = 0; i < st->folder_n; i++) {
		if (st->folder[i].role == role && st->folder[i].uidvalidity) {
			*name = st->folder[i].name;
			return 0;
		}
	}
	if (list(st, e) < 0)
		return -1;
	*name = slice_c(plain[role]);
	there = listed(st, *name, to_mbox(role));
	if (there == NULL)
		there = named(st, *name);
	if (there != NULL) {
		*name = there->name;
		return 0;
	}
	return mail_make_folder(st, name, e);
}

/* ---- all of it ----------------------------------------------------------- */

static bool
passes(const struct err *e)
{
	return e->code == ERR_NOTFOUND;
}

int
mail_step_run(struct mail_step *st, struct err *e)
{
	struct mail_scan *scan =
	    ARENA_ARRAY(st->a, MAIL_FOLDERS, struct mail_scan);
	size_t n = 0;

	if (scan == NULL)
		return mail_no_memory(e);
	for (size_t i = 0; i < st->folder_n; i++) {
		if (meet(st, i, e) < 0)
			return -1;
	}
	if (mail_effects(st, e) < 0)
		return -1;
	for (size_t i = 0; i < st->folder_n; i++) {
		struct err own = { .code = ERR_NONE };

		if (st->folder[i].role == STORE_MAIL_OUTBOX ||
		    mail_stopping(st))
			continue;
		if (mail_scan(st, i, &scan[n], &own) == 0) {
			n += !scan[n].skip;
		} else if (!passes(&own)) {
			if (e != NULL)
				*e = own;
			return -1;
		}
	}
	return mail_mirror(st, scan, n, e);
}

int
mail_step_folder(struct mail_step *st, size_t folder, struct err *e)
{
	struct mail_scan scan;

	if (mail_scan(st, folder, &scan, e) < 0)
		return -1;
	return mail_mirror(st, &scan, !scan.skip, e);
}
