/*
 * funicular export: items into files.
 */
#include "server/commands/call.h"
#include "server/commands/icsfile.h"
#include "server/commands/kinds.h"
#include "server/commands/outfile.h"

#include <errno.h>
#include <json-c/json.h>
#include <unistd.h>

enum { PAGE = 200, PAGE_ARENA_BYTES = 256 << 20 };

enum format { FORMAT_VCF, FORMAT_ICS, FORMAT_TXT, FORMAT_DIR };

static const char *const format_name[] = { "vcf", "ics", "txt", "dir" };
static const unsigned format_kinds[] = { PIM_CONTACT, PIM_EVENT | PIM_TODO,
					 PIM_NOTE,
					 PIM_CONTACT | PIM_EVENT | PIM_TODO |
					     PIM_NOTE };

struct export
{
	struct srv_call *c;
	struct store_tx *tx;
	struct store_account acc;
	struct store_collection *col; /* all of the account */
	size_t col_n;
	struct arena *page; /* emptied for every page */
	int64_t count;      /* items written of the collection in hand */
};

/* Where the items of one collection go. */
struct sink {
	struct export *x;
	enum format format;
	const char *path; /* file or directory; NULL: standard output */
	struct srv_outfile out;
	struct srv_icsfile ics;
};

/* ---- one item ---- */

static enum pim_form
form_of(unsigned kind)
{
	if (kind == PIM_CONTACT)
		return PIM_VCARD30;
	return kind == PIM_NOTE ? PIM_TEXT : PIM_ICAL20;
}

static const char *
extension_of(unsigned kind)
{
	if (kind == PIM_CONTACT)
		return "vcf";
	return kind == PIM_NOTE ? "txt" : "ics";
}

static int
text_of(const struct export *x, const struct store_item *it, struct slice *out,
	struct err *e)
{
	struct pim_view view = { .form = form_of(it->kind),
				 .zone = x->acc.zone };
	struct buf b = BUF_IN(x->page);
	struct pim_item *item;

	pim_view_seal(&view);
	if (pim_parse(x->page, (enum pim_kind)it->kind, it->body, &item, e) <
		0 ||
	    pim_write(x->page, &view, item, &b, e) < 0)
		return -1;
	if (!buf_ok(&b))
		return err_set(e, ERR_NOMEM, "export.item", "out of memory");
	*out = buf_slice(&b);
	return 0;
}

/* A file of its own; its name is the item's number, which never changes. */
static int
put_alone(struct sink *s, const struct store_item *it, struct slice text,
	  struct err *e)
{
	struct arena *a = s->x->page;
	char *path = arena_cstr(a, arena_printf(a, "%s/%lld.%s", s->path,
						(long long)it->id,
						extension_of(it->kind)));
	struct srv_outfile o;

	if (path == NULL)
		return err_set(e, ERR_NOMEM, "export.item", "out of memory");
	if (srv_outfile_open(a, path, &o, e) < 0)
		return -1;
	(void)fwrite(text.p, 1, text.n, o.f);
	return srv_outfile_commit(&o, e);
}

static int
put_item(struct sink *s, const struct store_item *it, struct err *e)
{
	struct slice text;

	if (text_of(s->x, it, &text, e) < 0)
		return -1;
	s->x->count++;
	if (s->format == FORMAT_DIR)
		return put_alone(s, it, text, e);
	if (s->format == FORMAT_ICS)
		return srv_icsfile_add(&s->ics, text)
			   ? 0
			   : err_set(e, ERR_NOMEM, "export.item",
				     "out of memory");
	/* A form feed between notes: no note holds one. */
	if (s->format == FORMAT_TXT && s->x->count > 1)
		(void)fputs("\n\f\n", s->out.f);
	(void)fwrite(text.p, 1, text.n, s->out.f);
	return 0;
}

/* ---- one collection ---- */

static int
put_members(struct sink *s, int64_t collection, struct err *e)
{
	struct export *x = s->x;
	struct store_item *it;
	int64_t after = 0;
	size_t n;

	do {
		arena_reset(x->page);
		if (x->tx->v->item_page(x->tx, x->page, collection, after, PAGE,
					false, true, &it, &n, e) < 0)
			return -1;
		after = n == 0 ? 0 : it[n - 1].id;
		for (size_t i = 0; i < n; i++)
			if (put_item(s, &it[i], e) < 0)
				return -1;
	} while (n == PAGE);
	return 0;
}

static int
open_sink(struct sink *s, struct err *e)
{
	if (s->format == FORMAT_DIR)
		return srv_outfile_dir(s->path, e);
	if (srv_outfile_open(s->x->c->a, s->path, &s->out, e) < 0)
		return -1;
	if (s->format == FORMAT_ICS)
		srv_icsfile_begin(&s->ics, s->out.f, s->x->c->a);
	return 0;
}

static int
put_collection(struct export *x, const struct store_collection *col,
	       enum format format, const char *path, struct err *e)
{
	struct sink s = { .x = x, .format = format, .path = path };
	int rc = open_sink(&s, e);

	x->count = 0;
	for (size_t i = 0; i < col->member_n && rc == 0; i++)
		rc = put_members(&s, col->member[i], e);
	if (format == FORMAT_DIR)
		return rc;
	if (rc < 0) {
		srv_outfile_abort(&s.out);
		return -1;
	}
	if (format == FORMAT_ICS)
		srv_icsfile_end(&s.ics);
	return srv_outfile_commit(&s.out, e);
}

/* ---- formats ---- */

static enum format
default_format(const struct store_collection *col)
{
	if ((col->kinds & ~format_kinds[FORMAT_VCF]) == 0)
		return FORMAT_VCF;
	if ((col->kinds & ~format_kinds[FORMAT_ICS]) == 0)
		return FORMAT_ICS;
	return FORMAT_DIR;
}

/* SRV_EXIT_OK, *given tells whether there was one. */
static int
read_format(const struct srv_call *c, enum format *f, bool *given)
{
	const char *text = srv_call_text(c, "--format");

	*given = text != NULL;
	if (text == NULL)
		return SRV_EXIT_OK;
	for (size_t i = 0; i < 4; i++) {
		if (strcmp(text, format_name[i]) != 0)
			continue;
		*f = (enum format)i;
		return SRV_EXIT_OK;
	}
	return srv_call_usage(c, "--format wants vcf, ics, txt or dir");
}

static int
export_one(struct export *x)
{
	struct srv_call *c = x->c;
	const char *path = srv_call_text(c, "-o");
	struct store_collection col = { 0 };
	enum format f = FORMAT_DIR;
	struct err e = { 0 };
	bool given;
	int code = srv_call_collection(c, x->tx, c->arg[1], &col);

	if (code == SRV_EXIT_OK)
		code = read_format(c, &f, &given);
	if (code != SRV_EXIT_OK)
		return code;
	if (!given)
		f = default_format(&col);
	if ((col.kinds & ~format_kinds[f]) != 0)
		return srv_call_usage(c,
				      "%s holds items that do not go into "
				      "a file of format %s",
				      c->arg[1], format_name[f]);
	if (f == FORMAT_DIR && path == NULL)
		return srv_call_usage(c, "a directory is wanted: -o DIR");
	if (put_collection(x, &col, f, path, &e) < 0)
		return srv_fail(&e);
	if (path != NULL)
		srv_call_say(c, "exported %lld items to %s",
			     (long long)x->count, path);
	return SRV_EXIT_OK;
}

/* ---- the whole account ---- */

static bool
combined(const struct store_collection *col)
{
	return col->member_n != 1 || col->member[0] != col->id;
}

/* Names come from the administrator, but a file name they must be fit for. */
static bool
file_name_ok(struct slice name)
{
	return name.n > 0 && name.p[0] != '.' &&
	       slice_find(name, '/') == SIZE_MAX &&
	       slice_find(name, '\0') == SIZE_MAX;
}

static struct slice
file_of(struct arena *a, const struct store_collection *col, enum format f)
{
	struct slice name =
	    file_name_ok(col->name)
		? col->name
		: arena_printf(a, "collection-%lld", (long long)col->id);

	if (f == FORMAT_DIR)
		return name;
	return arena_printf(a, "%.*s.%s", SLICE_ARG(name), format_name[f]);
}

static struct json_object *
entry_json(struct export *x, const struct store_collection *col)
{
	struct json_object *o = json_object_new_object();
	struct json_object *shows;

	srv_json_set_text(o, "name", col->name);
	srv_json_set_text(o, "display", col->display);
	srv_json_set(o, "aliases", srv_json_words(col->aliases));
	srv_json_set(o, "kinds",
		     srv_json_words(srv_kinds_text(x->c->a, col->kinds)));
	srv_json_set_text(o, "policy", slice_c(srv_policy_name(col->policy)));
	srv_json_set_bool(o, "read_only", col->read_only);
	srv_json_set_bool(o, "brake", !col->no_brake);
	if (!combined(col))
		return o;
	shows = json_object_new_array();
	for (size_t i = 0; i < col->member_n && shows != NULL; i++)
		for (size_t k = 0; k < x->col_n; k++)
			if (x->col[k].id == col->member[i])
				(void)json_object_array_add(
				    shows, srv_json_text(x->col[k].name));
	srv_json_set(o, "shows", shows);
	return o;
}

static int
export_part(struct export *x, const struct store_collection *col,
	    const char *dir, struct json_object *list, struct err *e)
{
	bool given = srv_call_text(x->c, "--format") != NULL;
	enum format f = given ? FORMAT_DIR : default_format(col);
	struct json_object *o = entry_json(x, col);
	struct arena *a = x->c->a;
	struct slice file = file_of(a, col, f);
	char *path =
	    arena_cstr(a, arena_printf(a, "%s/%.*s", dir, SLICE_ARG(file)));

	(void)json_object_array_add(list, o);
	if (path == NULL)
		return err_set(e, ERR_NOMEM, "export", "out of memory");
	/* Its items are in those that it shows, or at the IMAP server. */
	if (combined(col) || (col->kinds & PIM_MAIL) != 0)
		return 0;
	if (put_collection(x, col, f, path, e) < 0)
		return -1;
	srv_json_set_text(o, "file", file);
	srv_json_set_int(o, "items", x->count);
	return 0;
}

static int
put_manifest(struct export *x, const char *dir, struct json_object *o,
	     struct err *e)
{
	struct arena *a = x->c->a;
	char *path = arena_cstr(a, arena_printf(a, "%s/manifest.json", dir));
	struct srv_outfile out;

	if (path == NULL)
		return err_set(e, ERR_NOMEM, "export", "out of memory");
	if (srv_outfile_open(a, path, &out, e) < 0)
		return -1;
	(void)srv_json_print(out.f, o);
	return srv_outfile_commit(&out, e);
}

static int
export_parts(struct export *x, const char *dir, struct json_object *manifest,
	     struct err *e)
{
	struct json_object *list = json_object_new_array();

	if (list == NULL)
		return err_set(e, ERR_NOMEM, "export", "out of memory");
	srv_json_set_int(manifest, "funicular_export", 1);
	srv_json_set_text(manifest, "user", x->acc.user);
	srv_json_set_text(manifest, "zone", x->acc.zone);
	srv_json_set_time(manifest, "exported", x->tx->now_ms);
	srv_json_set(manifest, "collections", list);
	for (size_t i = 0; i < x->col_n; i++)
		if (export_part(x, &x->col[i], dir, list, e) < 0)
			return -1;
	/* Last: a directory with a manifest is complete. */
	return put_manifest(x, dir, manifest, e);
}

static int
export_account(struct export *x)
{
	struct srv_call *c = x->c;
	const char *dir = srv_call_text(c, "-o");
	struct json_object *manifest;
	enum format f = FORMAT_DIR;
	struct err e = { 0 };
	char *probe;
	bool given;
	int code = read_format(c, &f, &given), rc;

	if (code != SRV_EXIT_OK)
		return code;
	if (f != FORMAT_DIR || dir == NULL)
		return srv_call_usage(c, "a whole account goes into a "
					 "directory: -o DIR");
	probe = arena_cstr(c->a, arena_printf(c->a, "%s/manifest.json", dir));
	if (probe == NULL || access(probe, F_OK) == 0)
		return srv_call_refuse(SRV_EXIT_FAILED,
				       "%s holds an export already: take "
				       "another directory",
				       dir);
	manifest = json_object_new_object();
	if (manifest == NULL)
		return srv_call_refuse(SRV_EXIT_FAILED, "out of memory");
	rc = srv_outfile_dir(dir, &e);
	if (rc == 0)
		rc = export_parts(x, dir, manifest, &e);
	if (rc < 0) {
		(void)json_object_put(manifest);
		return srv_fail(&e);
	}
	srv_call_say(c, "exported %s to %s", c->arg[0], dir);
	if (c->json)
		return srv_call_record(c, NULL, 0, manifest);
	(void)json_object_put(manifest);
	return SRV_EXIT_OK;
}

static int export(struct srv_call *c)
{
	struct export x = { .c = c };
	struct err e = { 0 };
	int code = srv_call_begin(c, c->arg[0], STORE_READ, &x.tx);

	if (code != SRV_EXIT_OK)
		return code;
	x.page = arena_new(PAGE_ARENA_BYTES);
	if (x.page == NULL)
		return srv_call_end(
		    &x.tx, srv_call_refuse(SRV_EXIT_FAILED, "out of memory"));
	if (x.tx->v->account_get(x.tx, c->a, &x.acc, &e) < 0 ||
	    x.tx->v->collection_list(x.tx, c->a, &x.col, &x.col_n, &e) < 0)
		code = srv_fail(&e);
	else
		code = c->arg_n > 1 ? export_one(&x) : export_account(&x);
	arena_free(&x.page);
	return srv_call_end(&x.tx, code);
}

static const struct srv_verb verbs[] = {
	{ NULL,
	  "USER [COLLECTION] [--format vcf|ics|txt|dir] [-o FILE|DIR]",
	  1,
	  2,
	  { "--format=", "-o=" },
	  export },
};

static int
run(const struct srv_args *args)
{
	return srv_call_run(&srv_cmd_export, verbs, 1, args);
}

const struct srv_command srv_cmd_export = {
	.name = "export",
	.summary = "write items to files (.vcf, .ics, .txt)",
	.help =
	    "usage: funicular export USER COLLECTION [--format "
	    "vcf|ics|txt|dir]\n"
	    "           [-o FILE|DIR]\n"
	    "       funicular export USER -o DIR [--format dir]\n"
	    "\n"
	    "Writes a collection to a file or to standard output, or a whole\n"
	    "account to a directory with a manifest.json that tells what is "
	    "in\n"
	    "it. All of it can be imported again.\n"
	    "\n"
	    "  --format vcf  vCard 3.0, all contacts in one file\n"
	    "  --format ics  iCalendar 2.0, all events and tasks in one\n"
	    "  --format txt  notes, form feeds between them (for reading)\n"
	    "  --format dir  one file for each item; notes always go so in "
	    "the\n"
	    "                export of an account\n"
	    "  -o FILE|DIR   where to; a file is replaced whole\n"
	    "  --json        of an account: print the manifest\n"
	    "\n"
	    "Without --format contacts are vcf, events and tasks ics, others "
	    "dir.\n"
	    "\n"
	    "examples:\n"
	    "  funicular export anna contacts > anna.vcf\n"
	    "  funicular export anna calendar -o anna.ics\n"
	    "  funicular export anna notes --format dir -o notes\n"
	    "  funicular export anna -o anna-2026\n",
	.run = run,
};
