/*
 * funicular import: files into a collection.
 *
 * An item is looked for among those that are there as a slow sync would: by
 * its UID, then by its content, one to one. So a file that is imported twice
 * doubles nothing, and an import that was broken off is simply repeated.
 */
#include "server/commands/call.h"
#include "server/commands/idset.h"
#include "server/commands/infile.h"
#include "syncml/due.h"

#include <json-c/json.h>
#include <stdio.h>

enum {
	BATCH = 200,     /* items of one transaction */
	CANDIDATES = 32, /* equal items that are told apart */
	WORK_BYTES = 512 << 20,
	COMPLAINTS = 20,
};

static const char out_of_memory[] = "out of memory";

struct incoming {
	struct pim_ids ids;
	const struct pim_item *pim;
	struct slice body;
	unsigned kind;
	int64_t collection;
	int64_t hit; /* item that it is; 0: none */
	bool same;   /* and its content is what is there */
};

struct import {
	struct srv_call *c;
	struct store_collection target;
	struct store_collection *col; /* all of the account */
	size_t col_n;
	struct slice zone;
	const char *file;
	size_t at;            /* number of the item in the file */
	struct arena *work;   /* emptied after every batch */
	struct arena *file_a; /* as long as a file: what it was turned into */
	struct incoming in[BATCH];
	size_t n;
	struct srv_idset used; /* items that something was matched with */
	int64_t added, updated, unchanged, refused;
};

/* ---- refusing ---- */

static void
refuse(struct import *im, const char *why)
{
	im->refused++;
	if (im->refused <= COMPLAINTS)
		(void)fprintf(stderr, "funicular: %s: item %zu: %s\n", im->file,
			      im->at, why);
	else if (im->refused == COMPLAINTS + 1)
		(void)fputs("funicular: more were refused\n", stderr);
}

/* The collection of the target that takes this kind; 0: none does. */
static int64_t
home_of(const struct import *im, unsigned kind)
{
	for (size_t i = 0; i < im->target.member_n; i++)
		for (size_t k = 0; k < im->col_n; k++)
			if (im->col[k].id == im->target.member[i] &&
			    (im->col[k].kinds & kind) != 0)
				return im->col[k].id;
	return 0;
}

/* ---- matching ---- */

static const struct store_candidate *
by_uid(const struct incoming *in, const struct store_candidate *c, size_t n)
{
	for (size_t i = 0; i < n && in->ids.h_uid != 0; i++)
		if (c[i].h_uid == in->ids.h_uid && c[i].kind == in->kind &&
		    c[i].collection == in->collection)
			return &c[i];
	return NULL;
}

static const struct store_candidate *
by_content(const struct import *im, const struct incoming *in,
	   const struct store_candidate *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c[i].h_content == in->ids.h_content &&
		    c[i].kind == in->kind &&
		    c[i].collection == in->collection &&
		    !srv_idset_has(&im->used, c[i].item))
			return &c[i];
	return NULL;
}

static int
match(struct import *im, struct store_tx *tx, struct err *e)
{
	uint64_t hash[2 * BATCH];
	struct store_likeness ask = { .collection = im->target.member,
				      .collection_n = im->target.member_n,
				      .hash = hash,
				      .per_hash = CANDIDATES };
	struct store_candidate *c;
	size_t n, hash_n = 0;

	for (size_t i = 0; i < im->n; i++) {
		hash[hash_n++] = im->in[i].ids.h_content;
		if (im->in[i].ids.h_uid != 0)
			hash[hash_n++] = im->in[i].ids.h_uid;
	}
	ask.hash_n = hash_n;
	if (tx->v->item_match(tx, im->work, &ask, &c, &n, e) < 0)
		return -1;
	/* All by UID first: what another one owns by its UID is not taken
	   away for having the same content. */
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < im->n; i++) {
			struct incoming *in = &im->in[i];
			const struct store_candidate *hit;

			if (in->hit != 0)
				continue;
			hit = round == 0 ? by_uid(in, c, n)
					 : by_content(im, in, c, n);
			if (hit == NULL)
				continue;
			in->hit = hit->item;
			in->same = hit->h_content == in->ids.h_content;
			if (!srv_idset_add(&im->used, hit->item))
				return err_set(e, ERR_NOMEM, "import.match",
					       out_of_memory);
		}
	return 0;
}

/* ---- writing ---- */

static struct store_write
write_of(const struct incoming *in)
{
	return (struct store_write){ .item = in->hit,
				     .collection = in->collection,
				     .kind = in->kind,
				     .uid = in->ids.uid,
				     .h_uid = in->ids.h_uid,
				     .h_content = in->ids.h_content,
				     .h_identity = in->ids.h_identity,
				     .span = { in->ids.span.set,
					       in->ids.span.from_ms,
					       in->ids.span.to_ms },
				     .body = in->body,
				     .origin = STORE_BY_IMPORT };
}

struct quota {
	struct store_account acc;
	int64_t bytes, items; /* left; INT64_MAX: no limit */
};

static int
read_quota(struct import *im, struct store_tx *tx, struct quota *q,
	   struct err *e)
{
	struct store_account *acc = &q->acc;

	if (tx->v->account_get(tx, im->work, acc, e) < 0)
		return -1;
	q->bytes = acc->quota_bytes == 0 ? INT64_MAX
					 : acc->quota_bytes - acc->used_bytes;
	q->items = acc->quota_items == 0 ? INT64_MAX
					 : acc->quota_items - acc->used_items;
	return 0;
}

static bool
fits_quota(struct quota *q, int64_t items, int64_t bytes)
{
	if ((items > 0 && q->items < items) || (bytes > 0 && q->bytes < bytes))
		return false;
	if (q->items != INT64_MAX)
		q->items -= items;
	if (q->bytes != INT64_MAX)
		q->bytes -= bytes;
	return true;
}

/* Fill what the head of the item that is written over tells. */
static int
over(struct import *im, struct store_tx *tx, struct store_write *w,
     struct err *e)
{
	struct store_item *head;
	size_t n;

	if (tx->v->item_get(tx, im->work, &w->item, 1, false, &head, &n, e) < 0)
		return -1;
	if (n != 1)
		return err_set(e, ERR_CONFLICT, "import.write",
			       "item %lld is gone", (long long)w->item);
	w->revision = head->last_revision + 1;
	w->old_size = head->deleted ? 0 : head->size;
	w->was_deleted = head->deleted;
	return 0;
}

static int
plan(struct import *im, struct store_tx *tx, struct store_write *w, size_t *n,
     struct err *e)
{
	struct quota q;

	if (read_quota(im, tx, &q, e) < 0)
		return -1;
	for (size_t i = 0; i < im->n; i++) {
		const struct incoming *in = &im->in[i];
		struct store_write one = write_of(in);

		if (in->hit != 0 && in->same) {
			im->unchanged++;
			continue;
		}
		if (in->hit != 0 && over(im, tx, &one, e) < 0)
			return -1;
		if (!fits_quota(&q, in->hit == 0,
				(int64_t)in->body.n - one.old_size)) {
			refuse(im, "the account's quota is used up");
			continue;
		}
		if (in->hit == 0) {
			one.item = tx->next_id++;
			one.create = true;
			one.revision = 1;
			if (!srv_idset_add(&im->used, one.item))
				return err_set(e, ERR_NOMEM, "import.write",
					       out_of_memory);
			im->added++;
		} else {
			im->updated++;
		}
		if (sml_due(im->work, &q.acc, in->pim, tx->now_ms, &one.due,
			    e) < 0)
			return -1;
		w[(*n)++] = one;
	}
	return 0;
}

static int
write_batch(struct import *im, struct store_tx *tx, struct err *e)
{
	struct store_write *w =
	    ARENA_ARRAY(im->work, BATCH, struct store_write);
	size_t n = 0;

	if (w == NULL)
		return err_set(e, ERR_NOMEM, "import.write", out_of_memory);
	if (match(im, tx, e) < 0 || plan(im, tx, w, &n, e) < 0)
		return -1;
	return n == 0 ? 0 : tx->v->item_put(tx, w, n, e);
}

static int
flush(struct import *im)
{
	bool dry = srv_call_flag(im->c, "--dry-run");
	struct store_tx *tx;
	struct err e = { 0 };
	int code;

	if (im->n == 0)
		return SRV_EXIT_OK;
	code = srv_call_begin(im->c, im->c->arg[0], STORE_WRITE, &tx);
	if (code != SRV_EXIT_OK)
		return code;
	if (write_batch(im, tx, &e) < 0)
		code = srv_fail(&e);
	if (dry && code == SRV_EXIT_OK)
		tx->v->rollback(&tx);
	code = srv_call_end(&tx, code);
	im->n = 0;
	return code;
}

/* ---- reading ---- */

static bool
uid_in_batch(const struct import *im, const struct incoming *in)
{
	for (size_t i = 0; i < im->n && in->ids.h_uid != 0; i++)
		if (im->in[i].ids.h_uid == in->ids.h_uid)
			return true;
	return false;
}

static int
take(struct import *im, const struct pim_item *it)
{
	struct incoming in = { .kind = it->kind, .pim = it };
	struct err e = { 0 };
	int code = SRV_EXIT_OK;

	in.collection = home_of(im, it->kind);
	if (in.collection == 0) {
		refuse(im, "the collection does not take this kind of item");
		return SRV_EXIT_OK;
	}
	if (pim_canon(im->work, it, &in.body, &e) < 0 ||
	    pim_identify(im->work, it, &in.ids, &e) < 0) {
		if (e.code == ERR_NOMEM)
			return srv_fail(&e);
		refuse(im, e.msg);
		return SRV_EXIT_OK;
	}
	if ((int64_t)in.body.n > im->c->site.conf.max_obj_bytes) {
		refuse(im, "it is larger than max_object allows");
		return SRV_EXIT_OK;
	}
	/* The second of one UID is compared with the first. */
	if (im->n == BATCH || uid_in_batch(im, &in))
		code = flush(im);
	im->in[im->n++] = in;
	return code;
}

static struct pim_view
view_of(const struct import *im)
{
	struct pim_view v = { .form = srv_infile_form(im->file),
			      .zone = im->zone };

	pim_view_seal(&v);
	return v;
}

/* What cannot be read is passed over up to the end of its object. */
static struct slice
behind_object(struct slice rest)
{
	static const char *const end[] = { "\nEND:VCARD", "\nEND:VCALENDAR",
					   "\nEND:VNOTE" };
	size_t first = SIZE_MAX;

	for (size_t i = 0; i < 3; i++) {
		size_t at = slice_find_str(rest, end[i]);

		if (at < first)
			first = at;
	}
	if (first == SIZE_MAX)
		return SLICE_LIT("");
	rest = slice_from(rest, first + 1);
	first = slice_find(rest, '\n');
	return first == SIZE_MAX ? SLICE_LIT("") : slice_from(rest, first + 1);
}

/* One item; *more is false at the end of the file. */
static int
step(struct import *im, const struct pim_view *view, struct slice *rest,
     bool *more)
{
	struct slice before = *rest;
	struct pim_item *it;
	struct err e = { 0 };

	im->at++;
	if (pim_next(im->work, view, rest, &it, &e) < 0) {
		if (e.code == ERR_NOMEM)
			return srv_fail(&e);
		refuse(im, e.msg);
		if (rest->n >= before.n)
			*rest = behind_object(before);
		return SRV_EXIT_OK;
	}
	if (it != NULL)
		return take(im, it);
	if (slice_trim(*rest).n > 0)
		refuse(im, "it is no vCard, iCalendar or vCalendar object");
	*more = false;
	return SRV_EXIT_OK;
}

/* A calendar of many events was turned into another text (pim_next()), which
   must outlive the batch. */
static int
keep_rest(struct import *im, struct slice *rest, struct slice *home)
{
	uintptr_t from = (uintptr_t)home->p;
	uintptr_t at = (uintptr_t)rest->p;

	if (rest->n == 0 || (at >= from && at - from <= home->n))
		return SRV_EXIT_OK;
	*home = *rest = arena_copy(im->file_a, *rest);
	return rest->p != NULL
		   ? SRV_EXIT_OK
		   : srv_call_refuse(SRV_EXIT_FAILED, out_of_memory);
}

static int
import_file(struct import *im, struct slice text)
{
	struct pim_view view = view_of(im);
	struct slice rest = text, home = text;
	bool more = true;
	int code = SRV_EXIT_OK;

	im->at = 0;
	while (more && code == SRV_EXIT_OK) {
		code = step(im, &view, &rest, &more);
		if (code == SRV_EXIT_OK)
			code = keep_rest(im, &rest, &home);
		/* Items in waiting live in this arena. */
		if (code == SRV_EXIT_OK && im->n == BATCH)
			code = flush(im);
		if (im->n == 0)
			arena_reset(im->work);
	}
	if (code == SRV_EXIT_OK)
		code = flush(im);
	arena_reset(im->work);
	arena_reset(im->file_a);
	return code;
}

/* ---- the command ---- */

static int
look_up(struct import *im)
{
	struct srv_call *c = im->c;
	struct store_account acc;
	struct store_tx *tx;
	struct err e = { 0 };
	int code = srv_call_begin(c, c->arg[0], STORE_READ, &tx);

	if (code != SRV_EXIT_OK)
		return code;
	code = srv_call_collection(c, tx, c->arg[1], &im->target);
	if (code == SRV_EXIT_OK &&
	    (tx->v->collection_list(tx, c->a, &im->col, &im->col_n, &e) < 0 ||
	     tx->v->account_get(tx, c->a, &acc, &e) < 0))
		code = srv_fail(&e);
	if (code == SRV_EXIT_OK)
		im->zone = acc.zone;
	return srv_call_end(&tx, code);
}

static const struct srv_field fields[] = {
	{ "added", "added" },
	{ "updated", "updated" },
	{ "unchanged", "unchanged" },
	{ "refused", "refused" },
};

static int
report(struct import *im)
{
	struct json_object *o = json_object_new_object();
	int code;

	srv_json_set_int(o, "added", im->added);
	srv_json_set_int(o, "updated", im->updated);
	srv_json_set_int(o, "unchanged", im->unchanged);
	srv_json_set_int(o, "refused", im->refused);
	code = srv_call_record(im->c, fields,
			       sizeof(fields) / sizeof(fields[0]), o);
	if (code == SRV_EXIT_OK && im->refused > 0)
		return SRV_EXIT_FAILED;
	return code;
}

static int
import_all(struct import *im)
{
	struct srv_call *c = im->c;
	int code = look_up(im);

	for (int i = 2; i < c->arg_n && code == SRV_EXIT_OK; i++) {
		struct srv_infile f;

		im->file = c->arg[i];
		code = srv_infile_open(im->file, &f);
		if (code == SRV_EXIT_OK)
			code = import_file(im, f.text);
		srv_infile_close(&f);
	}
	return code == SRV_EXIT_OK ? report(im) : code;
}

static int
import(struct srv_call *c)
{
	struct import *im = ARENA_NEW(c->a, struct import);
	int code;

	if (im == NULL)
		return srv_call_refuse(SRV_EXIT_FAILED, out_of_memory);
	im->c = c;
	im->work = arena_new(WORK_BYTES);
	im->file_a = arena_new(WORK_BYTES);
	if (im->work == NULL || im->file_a == NULL)
		code = srv_call_refuse(SRV_EXIT_FAILED, out_of_memory);
	else
		code = import_all(im);
	srv_idset_free(&im->used);
	arena_free(&im->work);
	arena_free(&im->file_a);
	return code;
}

static const struct srv_verb verbs[] = {
	{ NULL,
	  "USER COLLECTION FILE... [--dry-run]",
	  3,
	  SRV_CALL_ARGS,
	  { "--dry-run" },
	  import },
};

static int
run(const struct srv_args *args)
{
	return srv_call_run(&srv_cmd_import, verbs, 1, args);
}

const struct srv_command srv_cmd_import = {
	.name = "import",
	.summary = "put files (.vcf, .ics, .txt) into a collection",
	.help =
	    "usage: funicular import USER COLLECTION FILE... [--dry-run]\n"
	    "\n"
	    "Puts the items of files into a collection: .vcf with vCards, "
	    ".ics\n"
	    "with iCalendar and .vcs with vCalendar objects, many in one "
	    "file;\n"
	    ".txt is one note each. FILE may be - for standard input.\n"
	    "\n"
	    "An item that is there already, by its UID or with the same "
	    "content,\n"
	    "is not doubled: it is updated if it differs. Devices get the\n"
	    "changes at their next sync.\n"
	    "\n"
	    "  --dry-run  tell what would happen, change nothing\n"
	    "  --json     print the counts as JSON\n"
	    "\n"
	    "The exit code is 1 when an item was refused; the others are in.\n"
	    "\n"
	    "examples:\n"
	    "  funicular import anna contacts addressbook.vcf\n"
	    "  funicular import anna calendar *.ics --dry-run\n"
	    "  funicular import anna notes shopping.txt ideas.txt\n",
	.run = run,
};
