/*
 * funicular collection: the databases of an account.
 */
#include "server/commands/call.h"
#include "server/commands/kinds.h"
#include "syncml/mail_folder.h"

#include <json-c/json.h>

enum { NAME_BYTES_MAX = 64 };

static const struct srv_field list_fields[] = {
	{ "name", "NAME" },
	{ "kinds", "HOLDS" },
	{ "items", "ITEMS" },
	{ "shows", "SHOWS" },
	{ "policy", "CONFLICTS" },
	{ "read_only", "READ ONLY" },
	{ "brake", "BRAKE" },
	{ "display", NULL },
	{ "id", NULL },
	{ "aliases", "ALSO CALLED" },
};

/* All collections of the account, and the transaction they came from. */
struct all {
	struct store_tx *tx;
	struct store_collection *col;
	size_t n;
};

static int
open_all(struct srv_call *c, enum store_mode mode, struct all *all)
{
	struct err e = { 0 };
	int code = srv_call_begin(c, c->arg[0], mode, &all->tx);

	if (code != SRV_EXIT_OK)
		return code;
	if (all->tx->v->collection_list(all->tx, c->a, &all->col, &all->n, &e) <
	    0)
		return srv_call_end(&all->tx, srv_fail(&e));
	return SRV_EXIT_OK;
}

static bool
combined(const struct store_collection *col)
{
	return col->member_n != 1 || col->member[0] != col->id;
}

/* ---- list ---- */

enum { PAGE = 1000 };

static int
count_items(struct srv_call *c, struct store_tx *tx,
	    const struct store_collection *col, int64_t *items, struct err *e)
{
	*items = 0;
	for (size_t i = 0; i < col->member_n; i++) {
		struct store_item *page;
		int64_t after = 0;
		size_t n;

		do {
			if (tx->v->item_page(tx, c->a, col->member[i], after,
					     PAGE, false, false, &page, &n,
					     e) < 0)
				return -1;
			*items += (int64_t)n;
			after = n == 0 ? 0 : page[n - 1].id;
		} while (n == PAGE);
	}
	return 0;
}

static struct json_object *
shows_json(const struct all *all, const struct store_collection *col)
{
	struct json_object *o;

	if (!combined(col))
		return NULL;
	o = json_object_new_array();
	for (size_t i = 0; i < col->member_n && o != NULL; i++)
		for (size_t k = 0; k < all->n; k++)
			if (all->col[k].id == col->member[i])
				(void)json_object_array_add(
				    o, srv_json_text(all->col[k].name));
	return o;
}

static struct json_object *
collection_json(struct srv_call *c, const struct all *all,
		const struct store_collection *col, int64_t items)
{
	struct json_object *o = json_object_new_object();

	srv_json_set_text(o, "name", col->name);
	srv_json_set_int(o, "id", col->id);
	srv_json_set_text(o, "display", col->display);
	srv_json_set(o, "kinds",
		     srv_json_words(srv_kinds_text(c->a, col->kinds)));
	srv_json_set_int(o, "items", items);
	srv_json_set(o, "shows", shows_json(all, col));
	srv_json_set_text(o, "policy", slice_c(srv_policy_name(col->policy)));
	srv_json_set_bool(o, "read_only", col->read_only);
	srv_json_set_bool(o, "brake", !col->no_brake);
	srv_json_set(o, "aliases", srv_json_words(col->aliases));
	return o;
}

static int
collection_list(struct srv_call *c)
{
	struct json_object *rows;
	struct err e = { 0 };
	struct all all;
	int code = open_all(c, STORE_READ, &all);

	if (code != SRV_EXIT_OK)
		return code;
	rows = json_object_new_array();
	for (size_t i = 0; i < all.n && rows != NULL; i++) {
		int64_t items;

		if (count_items(c, all.tx, &all.col[i], &items, &e) < 0) {
			(void)json_object_put(rows);
			return srv_call_end(&all.tx, srv_fail(&e));
		}
		(void)json_object_array_add(
		    rows, collection_json(c, &all, &all.col[i], items));
	}
	(void)srv_call_end(&all.tx, SRV_EXIT_OK);
	return srv_call_rows(
	    c, list_fields, sizeof(list_fields) / sizeof(list_fields[0]), rows);
}

/* ---- names ---- */

static bool
name_ok(struct slice name)
{
	if (name.n == 0 || name.n > NAME_BYTES_MAX || !slice_utf8_ok(name))
		return false;
	for (size_t i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] <= ' ' || name.p[i] == 0x7f)
			return false;
	/* "./contacts" and "contacts?/x" are how phones write addresses. */
	return slice_find(name, '/') == SIZE_MAX &&
	       slice_find(name, '?') == SIZE_MAX;
}

/* Every name means one collection only. */
static int
check_name(const struct srv_call *c, const struct all *all, int64_t self,
	   struct slice name)
{
	if (!name_ok(name))
		return srv_call_usage(c,
				      "a name has 1 to %d bytes, without "
				      "blanks, / and ?: \"%.*s\"",
				      NAME_BYTES_MAX,
				      SLICE_ARG(slice_sub(name, 0, 80)));
	for (size_t i = 0; i < all->n; i++)
		if (all->col[i].id != self &&
		    srv_call_goes_by(&all->col[i], name))
			return srv_call_refuse(
			    SRV_EXIT_FAILED,
			    "\"%.*s\" is a name of collection %.*s already",
			    SLICE_ARG(name), SLICE_ARG(all->col[i].name));
	return SRV_EXIT_OK;
}

static int
check_aliases(const struct srv_call *c, const struct all *all, int64_t self,
	      struct slice aliases)
{
	struct slice word;

	while (slice_split(&aliases, ' ', &word)) {
		int code =
		    word.n == 0 ? SRV_EXIT_OK : check_name(c, all, self, word);

		if (code != SRV_EXIT_OK)
			return code;
	}
	return SRV_EXIT_OK;
}

/* ---- options ---- */

static int
add_member(const struct srv_call *c, const struct all *all, struct slice name,
	   struct store_collection *col)
{
	for (size_t i = 0; i < all->n; i++) {
		if (!srv_call_goes_by(&all->col[i], name))
			continue;
		if (combined(&all->col[i]) || all->col[i].id == col->id)
			return srv_call_refuse(
			    SRV_EXIT_FAILED,
			    "%.*s cannot be shown in another: only collections "
			    "that hold items themselves can",
			    SLICE_ARG(name));
		for (size_t k = 0; k < col->member_n; k++) {
			if (col->member[k] == all->col[i].id)
				return SRV_EXIT_OK;
		}
		if (col->member_n == STORE_MEMBERS_MAX)
			return srv_call_usage(c, "at most %d can be combined",
					      STORE_MEMBERS_MAX);
		col->member[col->member_n++] = all->col[i].id;
		col->kinds |= all->col[i].kinds;
		return SRV_EXIT_OK;
	}
	return srv_call_refuse(SRV_EXIT_NOTFOUND,
			       "there is no collection \"%.*s\" to combine",
			       SLICE_ARG(name));
}

static int
add_members(const struct srv_call *c, const struct all *all, struct slice names,
	    struct store_collection *col)
{
	while (names.n > 0) {
		size_t n = slice_find(names, ',');
		struct slice one = slice_trim(slice_sub(names, 0, n));
		int code = add_member(c, all, one, col);

		if (code != SRV_EXIT_OK)
			return code;
		names = n == SIZE_MAX ? (struct slice){ NULL, 0 }
				      : slice_from(names, n + 1);
	}
	return SRV_EXIT_OK;
}

/* A combined one shows more than before; what devices have of it stays. */
static int
combine_more(const struct srv_call *c, const struct all *all,
	     struct store_collection *col)
{
	const char *names = srv_call_text(c, "--combine");

	if (names == NULL)
		return SRV_EXIT_OK;
	if (!combined(col))
		return srv_call_usage(c, "%.*s holds items itself",
				      SLICE_ARG(col->name));
	return add_members(c, all, slice_c(names), col);
}

static int
read_members(const struct srv_call *c, const struct all *all,
	     struct slice names, struct store_collection *col)
{
	int code;

	col->kinds = 0;
	col->member_n = 0;
	code = add_members(c, all, names, col);
	if (code != SRV_EXIT_OK)
		return code;
	if (col->member_n < 2)
		return srv_call_usage(c, "--combine wants two names or more, "
					 "commas between them");
	return SRV_EXIT_OK;
}

static int
read_yes_no(const struct srv_call *c, const char *name, bool *out)
{
	const char *text = srv_call_text(c, name);

	if (text == NULL)
		return SRV_EXIT_OK;
	if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
		return srv_call_usage(c, "%s wants yes or no", name);
	*out = strcmp(text, "yes") == 0;
	return SRV_EXIT_OK;
}

/* What add and set have in common. */
static int
read_options(struct srv_call *c, const struct all *all,
	     struct store_collection *col)
{
	const char *aliases = srv_call_text(c, "--aliases");
	const char *policy = srv_call_text(c, "--policy");
	const char *display = srv_call_text(c, "--display");
	bool brake = !col->no_brake;
	int code = SRV_EXIT_OK;

	if (display != NULL) {
		if (!slice_utf8_ok(slice_c(display)) || strlen(display) > 200)
			return srv_call_usage(c, "--display wants up to 200 "
						 "bytes of UTF-8");
		col->display = slice_c(display);
	}
	if (policy != NULL && !srv_policy_read(slice_c(policy), &col->policy))
		return srv_call_usage(c, "--policy wants newest, server, "
					 "client or duplicate");
	if (aliases != NULL) {
		code = check_aliases(c, all, col->id, slice_c(aliases));
		col->aliases = slice_c(aliases);
	}
	if (code == SRV_EXIT_OK)
		code = read_yes_no(c, "--read-only", &col->read_only);
	if (code == SRV_EXIT_OK)
		code = read_yes_no(c, "--brake", &brake);
	col->no_brake = !brake;
	return code;
}

static int
read_content(struct srv_call *c, const struct all *all,
	     struct store_collection *col)
{
	const char *kinds = srv_call_text(c, "--kinds");
	const char *combine = srv_call_text(c, "--combine");

	if ((kinds == NULL) == (combine == NULL))
		return srv_call_usage(c, "one of --kinds and --combine is "
					 "wanted");
	if (combine != NULL)
		return read_members(c, all, slice_c(combine), col);
	col->member[0] = col->id;
	col->member_n = 1;
	if (!srv_kinds_read(slice_c(kinds), &col->kinds))
		return srv_call_usage(c, "--kinds wants some of contact, "
					 "event, todo, note, commas between "
					 "them");
	return SRV_EXIT_OK;
}

/* ---- add, set, remove ---- */

static int
put(struct srv_call *c, struct all *all, const struct store_collection *col,
    int code)
{
	struct err e = { 0 };

	if (code == SRV_EXIT_OK &&
	    (all->tx->v->collection_put(all->tx, col, &e) < 0 ||
	     sml_mail_folders(all->tx, c->a, &e) < 0))
		code = srv_fail(&e);
	return srv_call_end(&all->tx, code);
}

static int
collection_add(struct srv_call *c)
{
	struct store_collection col = { .name = slice_c(c->arg[1]),
					.display = slice_c(c->arg[1]) };
	struct all all;
	int code = open_all(c, STORE_WRITE, &all);

	if (code != SRV_EXIT_OK)
		return code;
	col.id = all.tx->next_id++;
	code = check_name(c, &all, 0, col.name);
	if (code == SRV_EXIT_OK)
		code = read_content(c, &all, &col);
	if (code == SRV_EXIT_OK)
		code = read_options(c, &all, &col);
	code = put(c, &all, &col, code);
	if (code == SRV_EXIT_OK)
		srv_call_say(c, "added collection %s", c->arg[1]);
	return code;
}

static int
find_one(const struct srv_call *c, const struct all *all,
	 struct store_collection *out)
{
	for (size_t i = 0; i < all->n; i++) {
		if (!srv_call_goes_by(&all->col[i], slice_c(c->arg[1])))
			continue;
		*out = all->col[i];
		return SRV_EXIT_OK;
	}
	return srv_call_refuse(SRV_EXIT_NOTFOUND,
			       "%s has no collection \"%s\" (`funicular "
			       "collection list %s` shows all)",
			       c->arg[0], c->arg[1], c->arg[0]);
}

static int
rename_one(struct srv_call *c, const struct all *all,
	   struct store_collection *col)
{
	const char *name = srv_call_text(c, "--name");

	if (name == NULL)
		return SRV_EXIT_OK;
	col->name = slice_c(name);
	return check_name(c, all, col->id, col->name);
}

static int
collection_set(struct srv_call *c)
{
	struct store_collection col = { 0 };
	struct all all;
	int code;

	if (c->opt_n == 0)
		return srv_call_usage(c, "what shall be set?");
	code = open_all(c, STORE_WRITE, &all);
	if (code != SRV_EXIT_OK)
		return code;
	code = find_one(c, &all, &col);
	if (code == SRV_EXIT_OK)
		code = rename_one(c, &all, &col);
	if (code == SRV_EXIT_OK)
		code = combine_more(c, &all, &col);
	if (code == SRV_EXIT_OK)
		code = read_options(c, &all, &col);
	code = put(c, &all, &col, code);
	if (code == SRV_EXIT_OK)
		srv_call_say(c, "collection %s is changed", c->arg[1]);
	return code;
}

static int
collection_remove(struct srv_call *c)
{
	struct store_collection col = { 0 };
	struct err e = { 0 };
	struct all all;
	int code = open_all(c, STORE_WRITE, &all);

	if (code != SRV_EXIT_OK)
		return code;
	code = find_one(c, &all, &col);
	if (code == SRV_EXIT_OK &&
	    all.tx->v->collection_drop(all.tx, col.id, &e) < 0)
		code = e.code == ERR_CONFLICT
			   ? srv_call_refuse(
				 SRV_EXIT_FAILED,
				 "%s: %s (export and purge its items first)",
				 c->arg[1], e.msg)
			   : srv_fail(&e);
	code = srv_call_end(&all.tx, code);
	if (code == SRV_EXIT_OK)
		srv_call_say(c, "removed collection %s", c->arg[1]);
	return code;
}

static const struct srv_verb verbs[] = {
	{ "list", "USER", 1, 1, { NULL }, collection_list },
	{ "add",
	  "USER NAME (--kinds KIND,... | --combine NAME,NAME,...)\n"
	  "        [--aliases \"NAME ...\"] [--display TEXT] [--policy "
	  "POLICY]\n"
	  "        [--read-only yes|no] [--brake yes|no]",
	  2,
	  2,
	  { "--kinds=", "--combine=", "--aliases=", "--display=", "--policy=",
	    "--read-only=", "--brake=" },
	  collection_add },
	{ "set",
	  "USER NAME [--aliases \"NAME ...\"] [--display TEXT]\n"
	  "        [--policy POLICY] [--read-only yes|no] [--brake yes|no]\n"
	  "        [--name NEW-NAME] [--combine NAME,...]",
	  2,
	  2,
	  { "--aliases=", "--display=", "--policy=", "--read-only=", "--brake=",
	    "--name=", "--combine=" },
	  collection_set },
	{ "remove", "USER NAME", 2, 2, { NULL }, collection_remove },
};

static int
run(const struct srv_args *args)
{
	return srv_call_run(&srv_cmd_collection, verbs,
			    sizeof(verbs) / sizeof(verbs[0]), args);
}

const struct srv_command srv_cmd_collection = {
	.name = "collection",
	.summary = "the databases of an account: list, add, change, remove",
	.help =
	    "usage: funicular collection list USER\n"
	    "       funicular collection add USER NAME\n"
	    "           (--kinds KIND,... | --combine NAME,NAME,...)\n"
	    "           [--aliases \"NAME ...\"] [--display TEXT]\n"
	    "           [--policy POLICY] [--read-only yes|no]\n"
	    "           [--brake yes|no]\n"
	    "       funicular collection set USER NAME [--aliases \"NAME "
	    "...\"]\n"
	    "           [--display TEXT] [--policy POLICY]\n"
	    "           [--read-only yes|no] [--brake yes|no]\n"
	    "           [--name NEW-NAME] [--combine NAME,...]\n"
	    "       funicular collection remove USER NAME\n"
	    "\n"
	    "A phone is set to the NAME of a database, or to one of its\n"
	    "aliases; upper and lower case are the same.\n"
	    "\n"
	    "  --kinds KIND,...      what it holds: contact, event, todo, "
	    "note\n"
	    "  --combine NAME,...    hold nothing, show these as one: for "
	    "phones\n"
	    "                        that keep events and tasks together, and\n"
	    "                        folders of mail; set: these, too\n"
	    "  --aliases \"NAME ...\"  further names, in place of those it "
	    "had\n"
	    "  --display TEXT        the name that people see\n"
	    "  --policy POLICY       who wins when both sides changed the "
	    "same\n"
	    "                        property: newest, server, client, or\n"
	    "                        duplicate (keep both)\n"
	    "  --brake no            what a device deletes is deleted, "
	    "however\n"
	    "                        much it is (see `funicular help hold`)\n"
	    "  --read-only yes       devices read it, their changes are "
	    "refused\n"
	    "  --json                print data as JSON\n"
	    "\n"
	    "A collection that holds items cannot be removed.\n"
	    "\n"
	    "examples:\n"
	    "  funicular collection list anna\n"
	    "  funicular collection set anna contacts --aliases \"pb people\"\n"
	    "  funicular collection add anna work --kinds event,todo\n"
	    "  funicular collection add anna organizer --combine "
	    "calendar,tasks\n"
	    "  funicular collection remove anna work\n",
	.run = run,
};
