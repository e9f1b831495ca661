/*
 * What the server says becomes files: announce, do, confirm (state.h).
 */
#include "clients/folder_int.h"
#include "clients/maildir.h"

#include <errno.h>

struct step {                    /* one change of a file */
	struct cli_incoming *in; /* NULL: our own wish */
	struct cli_intent intent;
	char tmp[FOLDER_TMP_BYTES];
	bool failed;
};

struct plan {
	struct cli_folder *f;
	struct arena *a;
	struct step *steps;
	size_t n;
};

/* One-way and refresh from the server: it is right, whatever is here. */
static bool
server_rules(const struct cli_folder *f)
{
	return f->db.type == CLI_FROM_SERVER ||
	       f->db.type == CLI_REFRESH_FROM_SERVER;
}

static bool
same(const unsigned char *a, const unsigned char *b)
{
	return memcmp(a, b, CLI_HASH_BYTES) == 0;
}

/*
 * May the file be overwritten? Only if it holds what the server knows: what it
 * had, or what it has just accepted from us. *had, old: what is there.
 */
static int
look(struct cli_folder *f, struct folder_item *it, struct cli_intent *i,
     struct err *e)
{
	bool acked = it->was_sent && cli_code_taken(it->status);
	enum folder_read r = folder_file_hash(f, it->row.file, i->old);

	i->had = r == FOLDER_OK;
	if (r == FOLDER_GONE)
		return 200;
	if (r == FOLDER_OK &&
	    ((it->row.has_base && same(i->old, it->row.base)) ||
	     (acked && same(i->old, it->sent))))
		return 200;
	if (!server_rules(f))
		return 409;
	return folder_file_trash(f, it->row.file, e) == 0 ? 200 : 500;
}

static struct folder_item *
by_luid(struct cli_folder *f, struct slice luid)
{
	int64_t n;

	return slice_i64(luid, &n) ? folder_find(f, n) : NULL;
}

/* Have we this Add already, from a session whose Map did not get through? */
static struct folder_item *
by_pending(struct cli_folder *f, struct slice guid,
	   const unsigned char hash[CLI_HASH_BYTES])
{
	for (size_t i = 0; f->old_pending && i < f->n; i++) {
		struct folder_item *it = &f->items[i];

		if (!it->dead && !it->fresh && it->row.guid.n > 0 &&
		    slice_eq(it->row.guid, guid) && it->row.has_base &&
		    same(it->row.base, hash))
			return it;
	}
	return NULL;
}

/* The answer to an Add or a Replace that was stored under its own LUID. */
static int
give_luid(struct plan *p, struct cli_incoming *in, int64_t luid, struct err *e)
{
	in->new_luid = arena_printf(p->a, "%lld", (long long)luid);
	in->status = 201;
	if (in->new_luid.p == NULL)
		return err_set(e, ERR_NOMEM, "folder.apply", "no memory");
	return 0;
}

static int
plan_add(struct plan *p, struct cli_incoming *in, struct step *s, struct err *e)
{
	struct cli_folder *f = p->f;
	unsigned char hash[CLI_HASH_BYTES];
	struct slice name;

	folder_hash(in->body, hash);
	struct folder_item *it = by_pending(f, in->guid, hash);
	if (it != NULL)
		return give_luid(p, in, it->row.luid, e);
	if (folder_name(f, in->body, f->link.next_luid, &name, e) != 0)
		return -1;
	it = folder_new(f, name);
	if (it == NULL)
		return err_set(e, ERR_NOMEM, "folder.apply", "no memory");
	it->dead = true; /* until it is confirmed */
	it->fresh = true;
	it->row.guid = arena_copy(f->a, in->guid);
	it->row.has_base = true;
	it->row.staged = f->db.type == CLI_REFRESH_FROM_SERVER;
	memcpy(it->row.base, hash, sizeof(hash));
	if (it->row.guid.p == NULL)
		return err_set(e, ERR_NOMEM, "folder.apply", "no memory");
	s->in = in;
	s->intent.op = CLI_WRITE;
	s->intent.fresh = true;
	s->intent.row = it->row;
	p->n++;
	return give_luid(p, in, it->row.luid, e);
}

static int
plan_replace(struct plan *p, struct cli_incoming *in, struct step *s,
	     struct err *e)
{
	struct folder_item *it = by_luid(p->f, in->luid);

	if (in->luid.n == 0)
		return plan_add(p, in, s, e);
	if (it == NULL || it->dead) {
		in->status = 404;
		return 0;
	}
	in->status = look(p->f, it, &s->intent, e);
	if (in->status != 200)
		return 0;
	it->touched = it->fresh = true;
	s->in = in;
	s->intent.op = CLI_WRITE;
	s->intent.fresh = !s->intent.had;
	s->intent.row = it->row;
	s->intent.row.has_base = true;
	folder_hash(in->body, s->intent.row.base);
	p->n++;
	return 0;
}

static int
plan_delete(struct plan *p, struct cli_incoming *in, struct step *s,
	    struct err *e)
{
	struct folder_item *it = by_luid(p->f, in->luid);

	if (it == NULL || it->dead) {
		in->status = 211;
		return 0;
	}
	in->status = look(p->f, it, &s->intent, e);
	if (in->status != 200)
		return 0;
	it->touched = true;
	s->in = in;
	s->intent.op = CLI_UNLINK;
	s->intent.row = it->row;
	p->n++;
	return 0;
}

/* ---- doing it
 * ------------------------------------------------------------------- */

/* New contents beside the old ones; what cannot be written is refused. */
static void
stage_all(struct plan *p)
{
	struct err e;
	bool each = p->n <= 8;

	for (size_t i = 0; i < p->n; i++) {
		struct step *s = &p->steps[i];

		if (s->intent.op != CLI_WRITE)
			continue;
		if (folder_file_stage(p->f, s->in->body, each, s->tmp, &e) == 0)
			continue;
		folder_warn(p->f, "%s", e.msg);
		s->failed = true;
		s->in->status = e.sys == ENOSPC || e.sys == EDQUOT ? 420 : 500;
		s->in->new_luid = SLICE_LIT("");
	}
}

static int
announce(struct plan *p, struct err *e)
{
	struct cli_folder *f = p->f;
	int r = 0;

	if (cli_state_begin(f->state, e) != 0)
		return -1;
	for (size_t i = 0; i < p->n && r == 0; i++)
		if (!p->steps[i].failed)
			r = cli_state_intent_put(f->state, f->link.id,
						 &p->steps[i].intent, e);
	if (r == 0)
		r = cli_state_link_save(f->state, &f->link, e);
	if (r == 0)
		return cli_state_commit(f->state, e);
	cli_state_rollback(f->state);
	return -1;
}

static int
place_all(struct plan *p, struct err *e)
{
	for (size_t i = 0; i < p->n; i++) {
		struct step *s = &p->steps[i];
		const struct cli_row *row = &s->intent.row;
		int r;

		if (s->failed)
			continue;
		if (s->intent.op == CLI_UNLINK)
			r = folder_file_remove(p->f, row->file, e);
		else
			r = folder_file_place(p->f, s->tmp, row->file,
					      s->intent.fresh, e);
		if (r != 0)
			return -1;
	}
	return folder_sync(p->f, false, e);
}

static int
put_row(struct cli_folder *f, const struct cli_intent *i, struct err *e)
{
	if (i->op == CLI_UNLINK)
		return cli_state_row_del(f->state, f->link.id, i->row.luid, e);
	return cli_state_row_put(f->state, f->link.id, &i->row, e);
}

static int
confirm(struct plan *p, struct err *e)
{
	struct cli_folder *f = p->f;
	int r = 0;

	if (cli_state_begin(f->state, e) != 0)
		return -1;
	for (size_t i = 0; i < p->n && r == 0; i++)
		if (!p->steps[i].failed)
			r = put_row(f, &p->steps[i].intent, e);
	if (r == 0)
		r = cli_state_intents_clear(f->state, f->link.id, e);
	if (r == 0)
		return cli_state_commit(f->state, e);
	cli_state_rollback(f->state);
	return -1;
}

/* Memory follows the state. */
static void
remember(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct step *s = &p->steps[i];
		struct folder_item *it = folder_find(p->f, s->intent.row.luid);

		if (it == NULL)
			continue;
		it->touched = false;
		if (s->failed)
			continue;
		it->row = s->intent.row;
		it->dead = s->intent.op == CLI_UNLINK;
		it->present = !it->dead;
		memcpy(it->now, it->row.base, CLI_HASH_BYTES);
		it->was_sent = false; /* what we sent is history now */
		if (it->dead)
			it->op = CLI_NONE;
	}
}

static int
carry_out(struct plan *p, struct err *e)
{
	if (p->n == 0)
		return 0;
	stage_all(p);
	if ((p->n > 8 && folder_sync(p->f, true, e) != 0) ||
	    announce(p, e) != 0 || place_all(p, e) != 0 || confirm(p, e) != 0)
		return -1;
	remember(p);
	p->n = 0;
	return 0;
}

/* A second command for the same item waits for the first. */
static bool
collides(struct cli_folder *f, const struct cli_incoming *in)
{
	const struct folder_item *it = by_luid(f, in->luid);

	return it != NULL && (it->touched || (it->fresh && it->dead));
}

int
folder_apply(struct cli_db *db, struct arena *a, struct cli_incoming *in,
	     size_t n, struct err *e)
{
	struct cli_folder *f = (struct cli_folder *)db;
	struct plan p = { .f = f, .a = a };

	p.steps = ARENA_ARRAY(a, n, struct step);
	if (p.steps == NULL)
		return err_set(e, ERR_NOMEM, "folder.apply", "no memory");
	for (size_t i = 0; i < n; i++) {
		struct step *s;
		int r;

		if (collides(f, &in[i]) && carry_out(&p, e) != 0)
			return -1;
		s = &p.steps[p.n];
		*s = (struct step){ 0 };
		in[i].status = 500;
		if (in[i].op != CLI_DELETE && f->conf.phone != NULL) {
			in[i].body = cli_phone_keep(a, f->conf.phone, &f->caps,
						    in[i].body);
			if (in[i].body.p == NULL)
				return err_set(e, ERR_NOMEM, "folder.apply",
					       "no memory");
		}
		if (in[i].op != CLI_DELETE && f->maildir != NULL) {
			in[i].body = maildir_normal(a, in[i].body);
			if (in[i].body.p == NULL)
				return err_set(e, ERR_NOMEM, "folder.apply",
					       "no memory");
		}
		if (in[i].op == CLI_ADD)
			r = plan_add(&p, &in[i], s, e);
		else if (in[i].op == CLI_REPLACE)
			r = plan_replace(&p, &in[i], s, e);
		else
			r = plan_delete(&p, &in[i], s, e);
		if (r != 0)
			return -1;
	}
	return carry_out(&p, e);
}

/* ---- after a kill
 * --------------------------------------------------------------- */

/*
 * Was it done? A new file that is there is ours (the user may have edited it
 * since: then that is a change of its own). An overwritten one is told by its
 * content. A removal is carried on, unless the file is another one now.
 */
static int
settle_intent(struct cli_folder *f, const struct cli_intent *i, struct err *e)
{
	unsigned char now[CLI_HASH_BYTES];
	enum folder_read r = folder_file_hash(f, i->row.file, now);
	bool is_new = r == FOLDER_OK && same(now, i->row.base);
	bool is_old = r == FOLDER_OK && i->had && same(now, i->old);

	if (i->op == CLI_UNLINK) {
		if (is_old && folder_file_remove(f, i->row.file, e) != 0)
			return -1;
		if (r == FOLDER_GONE || is_old)
			return cli_state_row_del(f->state, f->link.id,
						 i->row.luid, e);
		return 0;
	}
	if (is_new || (i->fresh && r == FOLDER_OK))
		return cli_state_row_put(f->state, f->link.id, &i->row, e);
	return 0;
}

int
folder_recover(struct cli_folder *f, struct err *e)
{
	struct cli_intent *list;
	size_t n;
	int r = 0;

	folder_clean(f);
	if (cli_state_intents(f->state, f->a, f->link.id, &list, &n, e) != 0)
		return -1;
	if (n == 0)
		return 0;
	if (cli_state_begin(f->state, e) != 0)
		return -1;
	for (size_t i = 0; i < n && r == 0; i++)
		r = settle_intent(f, &list[i], e);
	if (r == 0)
		r = cli_state_intents_clear(f->state, f->link.id, e);
	if (r == 0)
		return cli_state_commit(f->state, e);
	cli_state_rollback(f->state);
	return -1;
}

/* ---- refresh from the server
 * ---------------------------------------------------- */

static int
plan_unlink(struct plan *p, struct folder_item *it, struct err *e)
{
	struct step *s = &p->steps[p->n];
	int status;

	*s = (struct step){ 0 };
	status = look(p->f, it, &s->intent, e);
	if (status != 200)
		return -1;
	s->intent.op = CLI_UNLINK;
	s->intent.row = it->row;
	p->n++;
	return 0;
}

/* Keep what came: it is no longer on trial. */
static int
unstage(struct cli_folder *f, struct err *e)
{
	int r = 0;

	if (cli_state_begin(f->state, e) != 0)
		return -1;
	for (size_t i = 0; i < f->n && r == 0; i++) {
		struct folder_item *it = &f->items[i];

		if (it->dead || !it->row.staged)
			continue;
		it->row.staged = false;
		r = cli_state_row_put(f->state, f->link.id, &it->row, e);
	}
	if (r == 0)
		return cli_state_commit(f->state, e);
	cli_state_rollback(f->state);
	return -1;
}

int
folder_settle(struct cli_folder *f, struct err *e)
{
	struct plan p = { .f = f };
	int r = 0;

	p.a = arena_new((size_t)256 * 1024 * 1024);
	if (p.a == NULL)
		return err_set(e, ERR_NOMEM, "folder.settle", "no memory");
	p.steps = ARENA_ARRAY(p.a, f->n + 1, struct step);
	if (p.steps == NULL)
		r = err_set(e, ERR_NOMEM, "folder.settle", "no memory");
	for (size_t i = 0; i < f->n && r == 0; i++)
		if (!f->items[i].dead && !f->items[i].fresh)
			r = plan_unlink(&p, &f->items[i], e);
	if (r == 0)
		r = carry_out(&p, e);
	if (r == 0)
		r = unstage(f, e);
	arena_free(&p.a);
	return r;
}
