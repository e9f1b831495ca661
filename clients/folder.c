#include "clients/client_caps.h"
#include "clients/folder_int.h"
#include "clients/maildir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- forms
 * --------------------------------------------------------------------- */

static const struct {
	const char *word;
	enum pim_form form;
} forms[] = {
	{ "vcard21", PIM_VCARD21 }, { "vcard30", PIM_VCARD30 },
	{ "vcal10", PIM_VCAL10 },   { "ical20", PIM_ICAL20 },
	{ "text", PIM_TEXT },       { "maildir", PIM_RFC822 },
};

enum pim_form
cli_form_of(const char *word)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (strcmp(forms[i].word, word) == 0)
			return forms[i].form;
	return PIM_FORM_NONE;
}

const char *
cli_form_name(enum pim_form form)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (forms[i].form == form)
			return forms[i].word;
	return "none";
}

static bool
names_one_of(struct slice name, const char *const *words)
{
	for (size_t i = 0; words[i] != NULL; i++)
		for (size_t k = 0; k < name.n; k++)
			if (slice_starts_nocase(slice_from(name, k), words[i]))
				return true;
	return false;
}

static enum pim_form
guess_by_files(const char *path)
{
	enum pim_form found = PIM_FORM_NONE;
	DIR *d = opendir(path);
	struct dirent *de;

	while (d != NULL && found == PIM_FORM_NONE &&
	       (de = readdir(d)) != NULL) {
		if (folder_is_ours(PIM_VCARD30, de->d_name))
			found = PIM_VCARD30;
		else if (folder_is_ours(PIM_ICAL20, de->d_name))
			found = PIM_ICAL20;
		else if (folder_is_ours(PIM_TEXT, de->d_name))
			found = PIM_TEXT;
	}
	if (d != NULL)
		closedir(d);
	return found;
}

enum pim_form
cli_form_guess(const char *remote, const char *path)
{
	static const char *const cards[] = { "contact", "card", "address",
					     "people", NULL };
	static const char *const cals[] = { "cal",  "event",  "task",
					    "todo", "agenda", NULL };
	static const char *const mails[] = { "mail", "inbox", "outbox",
					     "sent", "draft", NULL };
	static const char *const notes[] = { "note", "memo", NULL };

	if (names_one_of(slice_c(remote), cards))
		return PIM_VCARD30;
	if (names_one_of(slice_c(remote), cals))
		return PIM_ICAL20;
	if (names_one_of(slice_c(remote), notes))
		return PIM_TEXT;
	if (names_one_of(slice_c(remote), mails))
		return PIM_RFC822;
	return guess_by_files(path);
}

/* ---- items
 * ------------------------------------------------------------------------ */

void
folder_warn(struct cli_folder *f, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	if (f->conf.warn == NULL)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	f->conf.warn(f->conf.warn_ctx, line);
}

struct folder_item *
folder_find(struct cli_folder *f, int64_t luid)
{
	size_t lo = 0, hi = f->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (f->items[mid].row.luid < luid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < f->n && f->items[lo].row.luid == luid ? &f->items[lo]
							  : NULL;
}

static struct folder_item *
push(struct cli_folder *f)
{
	if (f->n == f->cap) {
		size_t cap = f->cap == 0 ? 64 : 2 * f->cap;
		struct folder_item *p = realloc(f->items, cap * sizeof(*p));

		if (p == NULL)
			return NULL;
		f->items = p;
		f->cap = cap;
	}
	f->items[f->n] = (struct folder_item){ 0 };
	return &f->items[f->n++];
}

struct folder_item *
folder_new(struct cli_folder *f, struct slice file)
{
	struct folder_item *it = push(f);

	if (it == NULL)
		return NULL;
	it->row.luid = f->link.next_luid++;
	it->row.file = file;
	it->row.guid = SLICE_LIT("");
	return it;
}

/* ---- life
 * ---------------------------------------------------------------------------
 */

/*
 * What came with a refresh that was never completed goes again; where the user
 * has changed such a file, the file stays and is a new one of ours.
 */
static int
undo_staged(struct cli_folder *f, const struct cli_row *r, struct err *e)
{
	unsigned char now[CLI_HASH_BYTES];

	if (folder_file_hash(f, r->file, now) == FOLDER_OK &&
	    memcmp(now, r->base, CLI_HASH_BYTES) == 0 &&
	    folder_file_remove(f, r->file, e) != 0)
		return -1;
	return cli_state_row_del(f->state, f->link.id, r->luid, e);
}

static int
load_rows(struct cli_folder *f, struct err *e)
{
	struct cli_row *rows;
	size_t n;

	if (cli_state_rows(f->state, f->a, f->link.id, &rows, &n, e) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct folder_item *it;

		if (rows[i].staged) {
			if (undo_staged(f, &rows[i], e) != 0)
				return -1;
			continue;
		}
		it = push(f);
		if (it == NULL)
			return err_set(e, ERR_NOMEM, "folder.open",
				       "no memory");
		it->row = rows[i];
		f->old_pending |= it->row.guid.n > 0;
		/* A lost counter must not give a LUID twice. */
		if (it->row.luid >= f->link.next_luid)
			f->link.next_luid = it->row.luid + 1;
	}
	return 0;
}

static int
open_all(struct cli_folder *f, struct err *e)
{
	const struct cli_folder_conf *c = &f->conf;

	f->dir = open(c->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->dir < 0)
		return err_errno(e, ERR_NOTFOUND, errno, "folder.open",
				 "cannot open the directory %s", c->path);
	if (c->form == PIM_RFC822 && maildir_open(f, e) != 0)
		return -1;
	if (c->phone != NULL &&
	    cli_caps_parse(f->a, cli_phone_list(c->phone, c->form), &f->caps,
			   e) != 0)
		return -1;
	if (cli_state_link(f->state, f->a, c->url, c->key, c->remote, &f->link,
			   e) != 0 ||
	    folder_recover(f, e) != 0 || load_rows(f, e) != 0)
		return -1;
	return folder_scan(f, e);
}

int
cli_folder_open(struct cli_state *s, const struct cli_folder_conf *conf,
		struct cli_folder **out, struct err *e)
{
	struct cli_folder *f = calloc(1, sizeof(*f));

	*out = NULL;
	if (f == NULL)
		return err_set(e, ERR_NOMEM, "folder.open", "no memory");
	f->conf = *conf;
	f->state = s;
	f->dir = -1;
	f->a = arena_new((size_t)1 << 30);
	if (f->a == NULL || open_all(f, e) != 0) {
		int r = f->a == NULL
			    ? err_set(e, ERR_NOMEM, "folder.open", "no memory")
			    : -1;
		cli_folder_close(&f);
		return r;
	}
	f->db.ops = &folder_ops;
	f->db.remote = conf->remote;
	f->db.form = conf->form;
	f->db.caps =
	    conf->phone != NULL && f->caps.prop_n > 0 ? &f->caps : NULL;
	f->db.no_caps = conf->phone != NULL && conf->phone->tells_nothing;
	f->db.last_client = f->link.client;
	f->db.last_server = f->link.server;
	*out = f;
	return 0;
}

void
cli_folder_close(struct cli_folder **fp)
{
	struct cli_folder *f = *fp;

	if (f == NULL)
		return;
	if (f->dir >= 0)
		close(f->dir);
	free(f->items);
	maildir_close(f);
	arena_free(&f->a);
	free(f);
	*fp = NULL;
}

struct cli_db *
cli_folder_db(struct cli_folder *f)
{
	return &f->db;
}

int
cli_folder_redo(const struct cli_folder *f)
{
	return f->link.redo;
}

void
cli_folder_plan(struct cli_folder *f, int type, cli_folder_plan_fn *fn,
		void *ctx)
{
	for (size_t i = 0; i < f->n; i++) {
		enum cli_op op = folder_op_for(&f->items[i], type);

		if (op != CLI_NONE)
			fn(ctx, op, f->items[i].row.file);
	}
}
