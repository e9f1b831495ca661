#include "clients/folder_int.h"
#include "clients/maildir.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static bool
same(const unsigned char *a, const unsigned char *b)
{
	return memcmp(a, b, CLI_HASH_BYTES) == 0;
}

/* ---- looking
 * ------------------------------------------------------------------- */

struct names {
	struct slice *v;
	size_t n, cap;
};

static int
by_name(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

static int
add_name(struct cli_folder *f, struct names *out, struct slice name,
	 struct err *e)
{
	if (out->n == out->cap) {
		size_t cap = out->cap == 0 ? 256 : 2 * out->cap;
		struct slice *v = ARENA_ARRAY(f->a, cap, struct slice);

		if (v != NULL && out->n > 0)
			memcpy(v, out->v, out->n * sizeof(*v));
		out->v = v;
		out->cap = cap;
	}
	if (out->v != NULL)
		out->v[out->n] = arena_copy(f->a, name);
	if (out->v == NULL || out->v[out->n].p == NULL)
		return err_set(e, ERR_NOMEM, "folder.scan", "no memory");
	out->n++;
	return 0;
}

struct listing {
	struct cli_folder *f;
	struct names *out;
};

static int
on_message(void *ctx, struct slice name, struct err *e)
{
	struct listing *l = ctx;

	return add_name(l->f, l->out, name, e);
}

static int
list_dir(struct cli_folder *f, struct names *out, struct err *e)
{
	int fd = openat(f->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	int r = 0;

	if (d == NULL) {
		if (fd >= 0)
			close(fd);
		return err_set(e, ERR_IO, "folder.scan", "cannot read %s",
			       f->conf.path);
	}
	while (r == 0 && (de = readdir(d)) != NULL) {
		if (!folder_is_ours(f->conf.form, de->d_name))
			continue;
		r = add_name(f, out, slice_c(de->d_name), e);
	}
	closedir(d);
	return r;
}

static int
list_files(struct cli_folder *f, struct names *out, struct err *e)
{
	struct listing l = { f, out };
	int r = f->maildir != NULL ? maildir_list(f, on_message, &l, e)
				   : list_dir(f, out, e);

	if (r == 0 && out->n > 0)
		qsort(out->v, out->n, sizeof(*out->v), by_name);
	return r;
}

/* The file's state of now into its item. */
static void
look_at(struct cli_folder *f, struct folder_item *it)
{
	enum folder_read r = folder_file_hash(f, it->row.file, it->now);

	it->present = r != FOLDER_GONE;
	it->unread = r == FOLDER_BAD || r == FOLDER_BIG;
	if (it->unread)
		folder_warn(f, "%.*s %s, left alone", SLICE_ARG(it->row.file),
			    r == FOLDER_BIG ? "is too large"
					    : "cannot be read");
}

/* A file that no row knows; what cannot be read gets no LUID. */
static int
look_at_new(struct cli_folder *f, struct slice name, struct err *e)
{
	struct folder_item first = { .row.file = name }, *it;

	look_at(f, &first);
	if (first.unread || !first.present)
		return 0;
	it = folder_new(f, name);
	if (it == NULL)
		return err_set(e, ERR_NOMEM, "folder.scan", "no memory");
	it->present = true;
	memcpy(it->now, first.now, sizeof(it->now));
	return 0;
}

static int
by_file(const void *a, const void *b)
{
	const struct folder_item *x = *(struct folder_item *const *)a;
	const struct folder_item *y = *(struct folder_item *const *)b;

	return slice_cmp(x->row.file, y->row.file);
}

/* Items in the order of their files, to meet the directory's list. */
static struct folder_item **
sorted_items(struct cli_folder *f)
{
	struct folder_item **v =
	    ARENA_ARRAY(f->a, f->n + 1, struct folder_item *);

	for (size_t i = 0; v != NULL && i < f->n; i++)
		v[i] = &f->items[i];
	if (v != NULL && f->n > 0)
		qsort(v, f->n, sizeof(struct folder_item *), by_file);
	return v;
}

/*
 * Files against rows. A file without row gets the next LUID; its row has no
 * content yet: the server does not know it.
 */
int
folder_scan(struct cli_folder *f, struct err *e)
{
	struct names names = { 0 };
	struct folder_item **items = sorted_items(f);
	size_t old = f->n, k = 0, fresh = 0;

	if (items == NULL)
		return err_set(e, ERR_NOMEM, "folder.scan", "no memory");
	if (list_files(f, &names, e) != 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		int c = -1;

		while (k < old &&
		       (c = slice_cmp(items[k]->row.file, names.v[i])) < 0)
			k++;
		if (k < old && c == 0) {
			look_at(f, items[k++]);
			continue;
		}
		names.v[fresh++] = names.v[i];
	}
	/* Only now: folder_new() may move the items. */
	for (size_t i = 0; i < fresh; i++)
		if (look_at_new(f, names.v[i], e) != 0)
			return -1;
	if (names.n == 0 && old > 10 && !f->conf.allow_empty)
		return err_set(e, ERR_CONFIG, "folder.scan",
			       "%s is empty and had %zu items: that would "
			       "delete them all; --allow-empty does it",
			       f->conf.path, old);
	return 0;
}

/* ---- what to send
 * -------------------------------------------------------------- */

enum cli_op
folder_op_for(const struct folder_item *it, int type)
{
	if (it->dead || it->unread)
		return CLI_NONE;
	switch (type) {
	case CLI_SLOW:
	case CLI_REFRESH_FROM_CLIENT:
		return it->present ? CLI_ADD : CLI_NONE;
	case CLI_TWO_WAY:
	case CLI_FROM_CLIENT:
		if (!it->present)
			return CLI_DELETE;
		if (!it->row.has_base)
			return CLI_ADD;
		return same(it->now, it->row.base) ? CLI_NONE : CLI_REPLACE;
	default:
		return CLI_NONE;
	}
}

/* LUIDs are settled before the server hears of them. */
static int
save_new_rows(struct cli_folder *f, int redo, struct err *e)
{
	int r = 0;

	if (cli_state_begin(f->state, e) != 0)
		return -1;
	for (size_t i = 0; i < f->n && r == 0; i++) {
		const struct folder_item *it = &f->items[i];

		if (!it->dead && it->present && !it->row.has_base &&
		    !it->unread)
			r = cli_state_row_put(f->state, f->link.id, &it->row,
					      e);
	}
	f->link.redo = redo;
	if (r == 0)
		r = cli_state_link_save(f->state, &f->link, e);
	if (r == 0)
		return cli_state_commit(f->state, e);
	cli_state_rollback(f->state);
	return -1;
}

static int
start(struct cli_db *db, int type, size_t *n, struct err *e)
{
	struct cli_folder *f = (struct cli_folder *)db;

	*n = 0;
	for (size_t i = 0; i < f->n; i++) {
		f->items[i].op = folder_op_for(&f->items[i], type);
		*n += f->items[i].op != CLI_NONE;
	}
	f->next = 0;
	f->started = true;
	return save_new_rows(f, type == CLI_REFRESH_FROM_SERVER ? type : 0, e);
}

static int
pending(struct cli_db *db, struct arena *a, struct cli_map **maps, size_t *n,
	struct err *e)
{
	struct cli_folder *f = (struct cli_folder *)db;

	*n = 0;
	*maps = ARENA_ARRAY(a, f->n + 1, struct cli_map);
	if (*maps == NULL)
		return err_set(e, ERR_NOMEM, "folder.pending", "no memory");
	for (size_t i = 0; i < f->n; i++) {
		const struct cli_row *r = &f->items[i].row;

		if (f->items[i].dead || r->guid.n == 0)
			continue;
		(*maps)[*n].guid = r->guid;
		(*maps)[*n].luid = arena_printf(a, "%lld", (long long)r->luid);
		if ((*maps)[(*n)++].luid.p == NULL)
			return err_set(e, ERR_NOMEM, "folder.pending",
				       "no memory");
	}
	return 0;
}

/* Meta/Type by what the file holds. */
static struct slice
mime_of(const struct cli_folder *f, struct slice body)
{
	enum pim_form form = pim_detect(body, pim_form_mime(f->conf.form));

	return pim_form_mime(form == PIM_FORM_NONE ? f->conf.form : form);
}

/* The file into *out. false: it went away or became unreadable meanwhile. */
static bool
load(struct cli_folder *f, struct arena *a, struct folder_item *it,
     struct cli_change *out)
{
	if (folder_file_read(f, a, it->row.file, &out->body) != FOLDER_OK)
		return false;
	folder_hash(out->body, it->sent);
	out->mime = mime_of(f, out->body);
	/* A message stays as it is: news of it are its flags. */
	if (f->maildir != NULL && it->op == CLI_REPLACE)
		out->body = maildir_flags_only(out->body);
	if (f->conf.phone != NULL)
		out->body =
		    cli_phone_keep(a, f->conf.phone, &f->caps, out->body);
	return out->body.p != NULL;
}

static int
next(struct cli_db *db, struct arena *a, struct cli_change *out, struct err *e)
{
	struct cli_folder *f = (struct cli_folder *)db;

	for (; f->next < f->n; f->next++) {
		struct folder_item *it = &f->items[f->next];

		if (it->op == CLI_NONE ||
		    (it->op != CLI_DELETE && !load(f, a, it, out)))
			continue;
		out->op = it->op;
		out->luid = arena_printf(a, "%lld", (long long)it->row.luid);
		if (out->luid.p == NULL)
			return err_set(e, ERR_NOMEM, "folder.next",
				       "no memory");
		it->was_sent = true;
		f->next++;
		return 0;
	}
	out->op = CLI_NONE;
	return 0;
}

static void
sent(struct cli_db *db, struct slice luid, int status)
{
	struct cli_folder *f = (struct cli_folder *)db;
	int64_t n;
	struct folder_item *it = slice_i64(luid, &n) ? folder_find(f, n) : NULL;

	if (it != NULL)
		it->status = status;
}

static int
mapped(struct cli_db *db, const struct cli_map *maps, size_t n, struct err *e)
{
	struct cli_folder *f = (struct cli_folder *)db;
	int r = 0;

	if (cli_state_begin(f->state, e) != 0)
		return -1;
	for (size_t i = 0; i < n && r == 0; i++) {
		int64_t luid;
		struct folder_item *it = slice_i64(maps[i].luid, &luid)
					     ? folder_find(f, luid)
					     : NULL;

		if (it == NULL || it->dead)
			continue;
		it->row.guid = SLICE_LIT("");
		r = cli_state_row_put(f->state, f->link.id, &it->row, e);
	}
	if (r == 0)
		return cli_state_commit(f->state, e);
	cli_state_rollback(f->state);
	return -1;
}

/* ---- the end
 * ----------------------------------------------------------------------- */

/* What this sync has settled about one item. */
static int
finish_item(struct cli_folder *f, struct folder_item *it, struct err *e)
{
	bool slow =
	    f->db.type == CLI_SLOW || f->db.type == CLI_REFRESH_FROM_CLIENT;
	bool taken = it->was_sent && cli_code_taken(it->status);
	bool change = false;

	if (it->dead)
		return 0;
	if ((it->op == CLI_DELETE && taken) ||
	    (slow && !it->present && !it->unread && !it->fresh)) {
		it->dead = true;
		return cli_state_row_del(f->state, f->link.id, it->row.luid, e);
	}
	if (taken && (it->op == CLI_ADD || it->op == CLI_REPLACE)) {
		it->row.has_base = change = true;
		memcpy(it->row.base, it->sent, CLI_HASH_BYTES);
	}
	/* The server lost it: next time it is new. */
	if (it->was_sent && it->op == CLI_REPLACE &&
	    (it->status == 404 || it->status == 410)) {
		it->row.has_base = false;
		change = true;
	}
	/* A slow sync has paired all items anew: old Maps mean nothing. */
	if (slow && it->row.guid.n > 0 && !it->fresh) {
		it->row.guid = SLICE_LIT("");
		change = true;
	}
	return change ? cli_state_row_put(f->state, f->link.id, &it->row, e)
		      : 0;
}

static int
finish(struct cli_db *db, struct slice client, struct slice server,
       struct err *e)
{
	struct cli_folder *f = (struct cli_folder *)db;
	int r = 0;

	if (db->type == CLI_REFRESH_FROM_SERVER && folder_settle(f, e) != 0)
		return -1;
	if (cli_state_begin(f->state, e) != 0)
		return -1;
	for (size_t i = 0; i < f->n && r == 0; i++)
		r = finish_item(f, &f->items[i], e);
	f->link.client = arena_copy(f->a, client);
	f->link.server = arena_copy(f->a, server);
	f->link.redo = 0;
	f->link.last_ok_ms = f->conf.clk->now_ms(f->conf.clk);
	if (r == 0 && (f->link.client.p == NULL || f->link.server.p == NULL))
		r = err_set(e, ERR_NOMEM, "folder.finish", "no memory");
	if (r == 0)
		r = cli_state_link_save(f->state, &f->link, e);
	if (r == 0)
		return cli_state_commit(f->state, e);
	cli_state_rollback(f->state);
	return -1;
}

const struct cli_db_ops folder_ops = {
	.start = start,
	.pending = pending,
	.next = next,
	.sent = sent,
	.apply = folder_apply,
	.mapped = mapped,
	.finish = finish,
};
