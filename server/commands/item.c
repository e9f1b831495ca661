/*
 * funicular item: what is stored, and its history.
 */
#include "server/commands/call.h"
#include "server/commands/kinds.h"
#include "server/commands/prompt.h"

#include <json-c/json.h>
#include <stdio.h>

enum { PAGE = 200, PAGE_ARENA_BYTES = 256 << 20 };

static const struct srv_field list_fields[] = {
	{ "id", "ID" },
	{ "kind", "KIND" },
	{ "revision", "REVISION" },
	{ "bytes", "BYTES" },
	{ "modified", "CHANGED" },
	{ "deleted", NULL },
	{ "title", "TITLE" },
};

/* The name of an item for people; a tombstone has none any more. */
static struct slice
title_of(struct arena *a, unsigned kind, struct slice body)
{
	struct pim_item *it;
	struct err e;

	if (body.n == 0)
		return SLICE_LIT("(deleted)");
	if (pim_parse(a, (enum pim_kind)kind, body, &it, &e) < 0)
		return SLICE_LIT("(unreadable)");
	return pim_title(a, it);
}

static struct json_object *
item_json(struct arena *a, const struct store_item *it)
{
	struct json_object *o = json_object_new_object();

	srv_json_set_int(o, "id", it->id);
	srv_json_set_text(o, "kind",
			  slice_c(pim_kind_name((enum pim_kind)it->kind)));
	srv_json_set_int(o, "revision", it->revision);
	srv_json_set_int(o, "bytes", it->size);
	srv_json_set_time(o, "modified", it->modified_ms);
	srv_json_set_bool(o, "deleted", it->deleted);
	srv_json_set_text(o, "title", title_of(a, it->kind, it->body));
	return o;
}

/* ---- list ---- */

struct listing {
	struct srv_call *c;
	struct store_tx *tx;
	struct arena *page; /* emptied for every page */
	struct json_object *rows;
	int64_t left;
	bool deleted;
};

static int
list_members(struct listing *l, int64_t collection, struct err *e)
{
	int64_t after = 0;

	while (l->left > 0) {
		size_t want = l->left < PAGE ? (size_t)l->left : PAGE, n;
		struct store_item *it;

		arena_reset(l->page);
		if (l->tx->v->item_page(l->tx, l->page, collection, after, want,
					l->deleted, true, &it, &n, e) < 0)
			return -1;
		for (size_t i = 0; i < n; i++)
			(void)json_object_array_add(l->rows,
						    item_json(l->page, &it[i]));
		if (n < want)
			return 0;
		after = it[n - 1].id;
		l->left -= (int64_t)n;
	}
	return 0;
}

static int
list_collection(struct listing *l, const struct store_collection *col)
{
	struct err e = { 0 };

	for (size_t i = 0; i < col->member_n; i++)
		if (list_members(l, col->member[i], &e) < 0)
			return srv_fail(&e);
	return SRV_EXIT_OK;
}

static int
item_list(struct srv_call *c)
{
	struct listing l = { .c = c,
			     .left = INT64_MAX,
			     .deleted = srv_call_flag(c, "--deleted") };
	struct store_collection col;
	int code = srv_call_number(c, "--limit", 1, &l.left);

	if (code == SRV_EXIT_OK)
		code = srv_call_begin(c, c->arg[0], STORE_READ, &l.tx);
	if (code != SRV_EXIT_OK)
		return code;
	code = srv_call_collection(c, l.tx, c->arg[1], &col);
	l.page = arena_new(PAGE_ARENA_BYTES);
	l.rows = json_object_new_array();
	if (code == SRV_EXIT_OK && (l.page == NULL || l.rows == NULL))
		code = srv_call_refuse(SRV_EXIT_FAILED, "out of memory");
	if (code == SRV_EXIT_OK)
		code = list_collection(&l, &col);
	code = srv_call_end(&l.tx, code);
	arena_free(&l.page);
	if (code != SRV_EXIT_OK) {
		(void)json_object_put(l.rows);
		return code;
	}
	return srv_call_rows(c, list_fields,
			     sizeof(list_fields) / sizeof(list_fields[0]),
			     l.rows);
}

/* ---- show ---- */

static int
read_id(const struct srv_call *c, int64_t *id)
{
	if (slice_i64(slice_c(c->arg[1]), id) && *id > 0)
		return SRV_EXIT_OK;
	return srv_call_usage(c, "an item has a number as its id, not \"%s\"",
			      c->arg[1]);
}

static int
find(struct srv_call *c, struct store_tx *tx, int64_t id,
     struct store_item **out)
{
	struct err e = { 0 };
	size_t n;

	if (tx->v->item_get(tx, c->a, &id, 1, true, out, &n, &e) < 0)
		return srv_fail(&e);
	if (n == 0)
		return srv_call_refuse(SRV_EXIT_NOTFOUND, "%s has no item %lld",
				       c->arg[0], (long long)id);
	return SRV_EXIT_OK;
}

static const struct srv_field show_fields[] = {
	{ "id", "item" },          { "title", "title" },
	{ "kind", "kind" },        { "collection", "collection" },
	{ "uid", "uid" },          { "revision", "revision" },
	{ "bytes", "bytes" },      { "created", "created" },
	{ "modified", "changed" }, { "deleted", "deleted" },
};

static struct slice
collection_name(struct srv_call *c, struct store_tx *tx, int64_t id)
{
	struct store_collection *col;
	size_t n;

	if (tx->v->collection_list(tx, c->a, &col, &n, NULL) < 0)
		return SLICE_LIT("");
	for (size_t i = 0; i < n; i++)
		if (col[i].id == id)
			return col[i].name;
	return SLICE_LIT("");
}

static int
show_head(struct srv_call *c, struct store_tx *tx, const struct store_item *it)
{
	struct json_object *o = item_json(c->a, it);
	int code;

	srv_json_set_text(o, "collection",
			  collection_name(c, tx, it->collection));
	srv_json_set_text(o, "uid", it->uid);
	srv_json_set_time(o, "created", it->created_ms);
	srv_json_set_text(o, "body", it->body);
	code = srv_call_record(c, show_fields,
			       sizeof(show_fields) / sizeof(show_fields[0]), o);
	if (code != SRV_EXIT_OK || c->json || it->body.n == 0)
		return code;
	(void)putchar('\n');
	srv_body_print(stdout, it->body);
	return SRV_EXIT_OK;
}

static const struct srv_field revision_fields[] = {
	{ "revision", "REVISION" },
	{ "at", "WRITTEN" },
	{ "by", "BY" },
	{ "device", "DEVICE" },
	{ "session", "SESSION" },
	{ "bytes", "BYTES" },
	{ "state", "STATE" },
	{ "title", "TITLE" },
};

/* What became of a revision: some never were what others saw. */
static struct slice
state_of(const struct store_revision *r, const struct store_item *it)
{
	if (r->revision == it->revision)
		return r->deleted ? SLICE_LIT("current, deleted")
				  : SLICE_LIT("current");
	if (r->side)
		return SLICE_LIT("aside");
	return r->deleted ? SLICE_LIT("deleted") : SLICE_LIT("old");
}

static struct json_object *
revision_json(struct srv_call *c, const struct store_revision *r,
	      const struct store_item *it, struct slice device)
{
	struct json_object *o = json_object_new_object();

	srv_json_set_int(o, "revision", r->revision);
	srv_json_set_time(o, "at", r->at_ms);
	srv_json_set_text(o, "by", slice_c(srv_origin_name(r->origin)));
	srv_json_set_text(o, "device", device);
	srv_json_set(o, "session",
		     r->session == 0 ? NULL
				     : json_object_new_int64(r->session));
	srv_json_set_int(o, "bytes", (int64_t)r->body.n);
	srv_json_set_text(o, "state", state_of(r, it));
	srv_json_set_text(o, "title", title_of(c->a, it->kind, r->body));
	return o;
}

static int
show_history(struct srv_call *c, struct store_tx *tx,
	     const struct store_item *it)
{
	struct json_object *rows;
	struct store_revision *r;
	struct store_device *dev;
	struct err e = { 0 };
	size_t n, dev_n;

	if (tx->v->revision_list(tx, c->a, it->id, true, &r, &n, &e) < 0 ||
	    tx->v->device_list(tx, c->a, &dev, &dev_n, &e) < 0)
		return srv_fail(&e);
	rows = json_object_new_array();
	for (size_t i = 0; i < n && rows != NULL; i++)
		(void)json_object_array_add(
		    rows, revision_json(
			      c, &r[i], it,
			      srv_call_device_name(dev, dev_n, r[i].device)));
	return srv_call_rows(
	    c, revision_fields,
	    sizeof(revision_fields) / sizeof(revision_fields[0]), rows);
}

static int
show_revision(struct srv_call *c, struct store_tx *tx,
	      const struct store_item *it, int64_t revision)
{
	struct store_rev_key key = { it->id, revision };
	struct store_revision *r;
	struct json_object *o;
	struct err e = { 0 };
	size_t n;

	if (tx->v->revision_get(tx, c->a, &key, 1, &r, &n, &e) < 0)
		return srv_fail(&e);
	if (n == 0)
		return srv_call_refuse(SRV_EXIT_NOTFOUND,
				       "item %lld has no revision %lld any "
				       "more (--history shows those there are)",
				       (long long)it->id, (long long)revision);
	if (!c->json) {
		srv_body_print(stdout, r[0].body);
		return SRV_EXIT_OK;
	}
	o = revision_json(c, &r[0], it, SLICE_LIT(""));
	srv_json_set_text(o, "body", r[0].body);
	return srv_call_record(c, NULL, 0, o);
}

static int
item_show(struct srv_call *c)
{
	struct store_item *it;
	struct store_tx *tx;
	int64_t id, revision = 0;
	int code = read_id(c, &id);

	if (code == SRV_EXIT_OK)
		code = srv_call_number(c, "--revision", 1, &revision);
	if (code == SRV_EXIT_OK)
		code = srv_call_begin(c, c->arg[0], STORE_READ, &tx);
	if (code != SRV_EXIT_OK)
		return code;
	code = find(c, tx, id, &it);
	if (code != SRV_EXIT_OK)
		return srv_call_end(&tx, code);
	if (srv_call_flag(c, "--history"))
		code = show_history(c, tx, it);
	else if (revision != 0)
		code = show_revision(c, tx, it, revision);
	else
		code = show_head(c, tx, it);
	return srv_call_end(&tx, code);
}

/* ---- purge ---- */

static int
item_purge(struct srv_call *c)
{
	struct store_item *it;
	struct store_tx *tx;
	struct err e = { 0 };
	int64_t id;
	int code = read_id(c, &id);

	if (code == SRV_EXIT_OK)
		code =
		    srv_prompt_sure(c, "Erase item %lld of %s and its history?",
				    (long long)id, c->arg[0]);
	if (code == SRV_EXIT_OK)
		code = srv_call_begin(c, c->arg[0], STORE_WRITE, &tx);
	if (code != SRV_EXIT_OK)
		return code;
	code = find(c, tx, id, &it);
	if (code == SRV_EXIT_OK && tx->v->item_purge(tx, id, &e) < 0)
		code = srv_fail(&e);
	code = srv_call_end(&tx, code);
	if (code == SRV_EXIT_OK)
		srv_call_say(c,
			     "item %lld is erased; devices that have it are "
			     "told at their next sync",
			     (long long)id);
	return code;
}

static const struct srv_verb verbs[] = {
	{ "list",
	  "USER COLLECTION [--deleted] [--limit N]",
	  2,
	  2,
	  { "--deleted", "--limit=" },
	  item_list },
	{ "show",
	  "USER ID [--history | --revision N]",
	  2,
	  2,
	  { "--history", "--revision=" },
	  item_show },
	{ "purge", "USER ID [--yes]", 2, 2, { "--yes" }, item_purge },
};

static int
run(const struct srv_args *args)
{
	return srv_call_run(&srv_cmd_item, verbs,
			    sizeof(verbs) / sizeof(verbs[0]), args);
}

const struct srv_command srv_cmd_item = {
	.name = "item",
	.summary = "list and show items and their history; erase one",
	.help =
	    "usage: funicular item list USER COLLECTION [--deleted] [--limit "
	    "N]\n"
	    "       funicular item show USER ID [--history | --revision N]\n"
	    "       funicular item purge USER ID [--yes]\n"
	    "\n"
	    "ID is the number that `item list` shows.\n"
	    "\n"
	    "  --deleted     also items that were deleted\n"
	    "  --limit N     the first N only\n"
	    "  --history     every revision that is kept, newest first, and "
	    "who\n"
	    "                wrote it; \"aside\" were never the current one, "
	    "as\n"
	    "                what a device sent before it was merged\n"
	    "  --revision N  the text of that revision\n"
	    "  --yes         do not ask\n"
	    "  --json        print data as JSON\n"
	    "\n"
	    "`item purge` takes an item out of the store with all its "
	    "history.\n"
	    "Devices that have it are told to delete it at their next sync.\n"
	    "\n"
	    "examples:\n"
	    "  funicular item list anna contacts\n"
	    "  funicular item show anna 17\n"
	    "  funicular item show anna 17 --history\n"
	    "  funicular item show anna 17 --revision 2\n",
	.run = run,
};
