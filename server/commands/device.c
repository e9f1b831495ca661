/*
 * funicular device: what syncs with an account, and the secrets of devices.
 *
 * A device is known once it has logged in. Before that there is only its
 * secret, which waits for it under the label that `device add` gave it; both
 * are found by label or device id.
 */
#include "server/commands/device.h"
#include "server/commands/account.h"
#include "server/commands/call.h"
#include "server/commands/prompt.h"

#include <json-c/json.h>
#include <stdio.h>

/* What a name on the command line means: a device, its secrets, or both. */
struct found {
	struct store_device *dev; /* NULL: has never logged in */
	struct store_cred *cred;  /* all of the account */
	size_t cred_n;
	struct slice name;
};

static bool
secret_of(const struct store_cred *cred, const struct store_device *dev)
{
	return cred->kind == STORE_CRED_DEVICE && dev != NULL &&
	       cred->device.n > 0 && slice_eq(cred->device, dev->dev_id);
}

/* A secret whose device has not come yet. */
static bool
waits(const struct store_cred *cred, const struct store_device *dev, size_t n)
{
	if (cred->kind != STORE_CRED_DEVICE)
		return false;
	for (size_t i = 0; i < n; i++)
		if (secret_of(cred, &dev[i]))
			return false;
	return true;
}

static struct slice
label_of(const struct store_device *dev, const struct store_cred *cred,
	 size_t cred_n)
{
	if (dev->label.n > 0)
		return dev->label;
	for (size_t i = 0; i < cred_n; i++)
		if (secret_of(&cred[i], dev))
			return cred[i].label;
	return SLICE_LIT("");
}

/* ---- finding ---- */

/* How many of the devices go by this name; *last is one of them. */
static size_t
match_devices(struct store_device *dev, size_t n, const struct found *f,
	      struct store_device **last)
{
	size_t hits = 0;

	for (size_t i = 0; i < n; i++)
		if (slice_eq(dev[i].dev_id, f->name)) {
			*last = &dev[i];
			return 1;
		}
	for (size_t i = 0; i < n; i++)
		if (slice_eq(label_of(&dev[i], f->cred, f->cred_n), f->name)) {
			*last = &dev[i];
			hits++;
		}
	return hits;
}

static bool
names_waiting(const struct store_cred *cred, const struct found *f)
{
	return cred->kind == STORE_CRED_DEVICE &&
	       (slice_eq(cred->label, f->name) ||
		slice_eq(cred->device, f->name));
}

static int
find(struct srv_call *c, struct store_tx *tx, struct found *f)
{
	struct store_device *dev;
	struct err e = { 0 };
	size_t n, hits;

	*f = (struct found){ .name = slice_c(c->arg[1]) };
	if (tx->v->cred_list(tx, c->a, &f->cred, &f->cred_n, &e) < 0 ||
	    tx->v->device_list(tx, c->a, &dev, &n, &e) < 0)
		return srv_fail(&e);
	hits = match_devices(dev, n, f, &f->dev);
	if (hits > 1)
		return srv_call_refuse(SRV_EXIT_FAILED,
				       "%zu devices are labelled \"%s\": use "
				       "the device id (`funicular device list "
				       "%s`)",
				       hits, c->arg[1], c->arg[0]);
	if (hits == 1)
		return SRV_EXIT_OK;
	for (size_t i = 0; i < f->cred_n; i++)
		if (names_waiting(&f->cred[i], f))
			return SRV_EXIT_OK;
	return srv_call_refuse(SRV_EXIT_NOTFOUND,
			       "%s has no device \"%s\" (`funicular device "
			       "list %s` shows all)",
			       c->arg[0], c->arg[1], c->arg[0]);
}

/* A device that has been here; secrets alone cannot be disabled or set. */
static int
find_device(struct srv_call *c, struct store_tx *tx, struct found *f)
{
	int code = find(c, tx, f);

	if (code == SRV_EXIT_OK && f->dev == NULL)
		return srv_call_refuse(SRV_EXIT_NOTFOUND,
				       "\"%s\" has not logged in yet: there is "
				       "only its secret",
				       c->arg[1]);
	return code;
}

/* ---- add ---- */

static int
show_secret(const struct srv_call *c, struct slice secret)
{
	struct json_object *o;

	if (!c->json) {
		(void)printf("%.*s\n", SLICE_ARG(secret));
		return SRV_EXIT_OK;
	}
	o = json_object_new_object();
	srv_json_set_text(o, "user", slice_c(c->arg[0]));
	srv_json_set_text(o, "label", slice_c(c->arg[1]));
	srv_json_set_text(o, "device",
			  slice_c(srv_call_text(c, "--device-id")));
	srv_json_set_text(o, "secret", secret);
	return srv_call_record(c, NULL, 0, o);
}

static int
label_taken(struct srv_call *c, struct store_tx *tx, struct slice label)
{
	struct store_cred *cred;
	struct err e = { 0 };
	size_t n;

	if (tx->v->cred_list(tx, c->a, &cred, &n, &e) < 0)
		return srv_fail(&e);
	for (size_t i = 0; i < n; i++)
		if (cred[i].kind == STORE_CRED_DEVICE &&
		    slice_eq(cred[i].label, label))
			return srv_call_refuse(
			    SRV_EXIT_FAILED,
			    "there is a secret labelled \"%s\" already: take "
			    "another label, or `funicular device forget %s "
			    "\"%s\"` first",
			    c->arg[1], c->arg[0], c->arg[1]);
	return SRV_EXIT_OK;
}

static int
device_add(struct srv_call *c)
{
	struct slice label = slice_c(c->arg[1]), secret = { NULL, 0 };
	struct srv_account_device in = {
		.label = label,
		.dev_id = slice_c(srv_call_text(c, "--device-id")),
		.md5 = srv_call_flag(c, "--md5"),
	};
	struct store_tx *tx;
	struct err e = { 0 };
	int code;

	if (label.n == 0 || label.n > 100 || !slice_utf8_ok(label))
		return srv_call_usage(c, "a label has 1 to 100 bytes of UTF-8");
	code = srv_call_begin(c, c->arg[0], STORE_WRITE, &tx);
	if (code == SRV_EXIT_OK)
		code = label_taken(c, tx, label);
	if (code == SRV_EXIT_OK &&
	    srv_account_secret(&c->site, tx, c->a, &in, &secret, &e) < 0)
		code = srv_fail(&e);
	code = srv_call_end(&tx, code);
	return code == SRV_EXIT_OK ? show_secret(c, secret) : code;
}

/* ---- list ---- */

static const struct srv_field list_fields[] = {
	{ "device", "DEVICE" }, { "label", "LABEL" },    { "state", "STATE" },
	{ "model", "MODEL" },   { "last", "LAST SEEN" }, { "address", "FROM" },
};

static struct json_object *
device_json(const struct store_device *d, const struct store_cred *cred,
	    size_t cred_n)
{
	struct json_object *o = json_object_new_object();
	struct slice model = d->mod.n > 0 ? d->mod : d->man;

	srv_json_set_text(o, "device", d->dev_id);
	srv_json_set_text(o, "label", label_of(d, cred, cred_n));
	srv_json_set_text(o, "state",
			  d->disabled ? SLICE_LIT("disabled")
				      : SLICE_LIT("enabled"));
	srv_json_set_text(o, "model", model);
	srv_json_set_time(o, "last", d->last_ms);
	srv_json_set_text(o, "address", d->last_addr);
	return o;
}

static struct json_object *
waiting_json(const struct store_cred *cred)
{
	struct json_object *o = json_object_new_object();

	srv_json_set_text(o, "device", cred->device);
	srv_json_set_text(o, "label", cred->label);
	srv_json_set_text(o, "state", SLICE_LIT("not yet seen"));
	srv_json_set(o, "model", NULL);
	srv_json_set(o, "last", NULL);
	srv_json_set(o, "address", NULL);
	return o;
}

static int
device_list(struct srv_call *c)
{
	struct json_object *rows;
	struct store_device *dev;
	struct store_cred *cred;
	size_t dev_n, cred_n;
	struct store_tx *tx;
	struct err e = { 0 };
	int code = srv_call_begin(c, c->arg[0], STORE_READ, &tx);

	if (code != SRV_EXIT_OK)
		return code;
	if (tx->v->device_list(tx, c->a, &dev, &dev_n, &e) < 0 ||
	    tx->v->cred_list(tx, c->a, &cred, &cred_n, &e) < 0)
		return srv_call_end(&tx, srv_fail(&e));
	(void)srv_call_end(&tx, SRV_EXIT_OK);
	rows = json_object_new_array();
	for (size_t i = 0; i < dev_n && rows != NULL; i++)
		(void)json_object_array_add(rows,
					    device_json(&dev[i], cred, cred_n));
	for (size_t i = 0; i < cred_n && rows != NULL; i++)
		if (waits(&cred[i], dev, dev_n))
			(void)json_object_array_add(rows,
						    waiting_json(&cred[i]));
	return srv_call_rows(
	    c, list_fields, sizeof(list_fields) / sizeof(list_fields[0]), rows);
}

/* ---- show ---- */

static const struct srv_field show_fields[] = {
	{ "device", "device id" },
	{ "label", "label" },
	{ "state", "state" },
	{ "manufacturer", "manufacturer" },
	{ "model", "model" },
	{ "software", "software" },
	{ "rules", "quirk rules" },
	{ "every_message", "authenticates every message" },
	{ "no_pieces", "does not join large objects" },
	{ "secret", "secret of its own" },
	{ "md5", "may use auth-md5" },
	{ "first", "first seen" },
	{ "last", "last seen" },
	{ "address", "from" },
	{ "devinf", NULL },
	{ "links", NULL },
};

static const struct srv_field link_fields[] = {
	{ "collection", "COLLECTION" },
	{ "client", "ON THE DEVICE" },
	{ "items", "ITEMS" },
	{ "syncs", "SYNCS" },
	{ "last_ok", "LAST GOOD SYNC" },
	{ "past_days", "DAYS BACK" },
	{ "future_days", "AHEAD" },
	{ "mail_count", "NEWEST" },
	{ "mail_parts", "PARTS" },
	{ "mail_bytes", "BYTES" },
};

static void
set_days(struct json_object *o, const char *name, int64_t days)
{
	if (days == 0)
		srv_json_set(o, name, NULL);
	else
		srv_json_set_int(o, name, days);
}

static int
links_json(struct srv_call *c, struct store_tx *tx, int64_t device,
	   struct json_object *rows, struct err *e)
{
	struct store_collection *col;
	struct store_link *link;
	size_t n, col_n;

	if (tx->v->link_list(tx, c->a, device, &link, &n, e) < 0 ||
	    tx->v->collection_list(tx, c->a, &col, &col_n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_new_object();
		int64_t items = 0;

		if (link[i].gen != 0 &&
		    tx->v->map_count(tx, link[i].id, link[i].gen, &items, e) <
			0) {
			(void)json_object_put(o);
			return -1;
		}
		srv_json_set_text(
		    o, "collection",
		    srv_collection_name(col, col_n, link[i].collection));
		srv_json_set_text(o, "client", link[i].client_db);
		srv_json_set_int(o, "items", items);
		srv_json_set_int(o, "syncs", link[i].sync_no);
		srv_json_set_time(o, "last_ok", link[i].last_ok_ms);
		set_days(o, "past_days", link[i].past_days);
		set_days(o, "future_days", link[i].future_days);
		set_days(o, "mail_count", link[i].mail_count);
		srv_json_set_text(o, "mail_parts",
				  srv_mail_parts(link[i].mail_parts));
		set_days(o, "mail_bytes", link[i].mail_bytes);
		set_days(o, "mail_attach", link[i].mail_attach);
		(void)json_object_array_add(rows, o);
	}
	return 0;
}

static struct json_object *
found_json(const struct found *f)
{
	const struct store_device *d = f->dev;
	struct json_object *o = json_object_new_object();
	bool secret = false, md5 = false;

	for (size_t i = 0; i < f->cred_n; i++) {
		if (d == NULL ? !names_waiting(&f->cred[i], f)
			      : !secret_of(&f->cred[i], d))
			continue;
		secret = true;
		md5 = md5 || f->cred[i].sealed.n > 0;
		if (d == NULL) {
			srv_json_set_text(o, "device", f->cred[i].device);
			srv_json_set_text(o, "label", f->cred[i].label);
		}
	}
	srv_json_set_bool(o, "secret", secret);
	srv_json_set_bool(o, "md5", md5);
	if (d == NULL) {
		srv_json_set_text(o, "state", SLICE_LIT("not yet seen"));
		return o;
	}
	srv_json_set_text(o, "device", d->dev_id);
	srv_json_set_text(o, "label", label_of(d, f->cred, f->cred_n));
	srv_json_set_text(o, "state",
			  d->disabled ? SLICE_LIT("disabled")
				      : SLICE_LIT("enabled"));
	srv_json_set_text(o, "manufacturer", d->man);
	srv_json_set_text(o, "model", d->mod);
	srv_json_set_text(o, "software", d->swv);
	srv_json_set(o, "rules", srv_json_words(d->rules));
	srv_json_set_bool(o, "every_message", d->every_message_auth);
	srv_json_set_bool(o, "no_pieces", d->no_pieces);
	srv_json_set_time(o, "first", d->first_ms);
	srv_json_set_time(o, "last", d->last_ms);
	srv_json_set_text(o, "address", d->last_addr);
	srv_json_set_text(o, "devinf", d->devinf);
	return o;
}

static int
print_found(struct srv_call *c, const struct found *f,
	    struct json_object *links)
{
	struct json_object *o = found_json(f);
	int code;

	if (c->json)
		srv_json_set(o, "links", links);
	code = srv_call_record(c, show_fields,
			       sizeof(show_fields) / sizeof(show_fields[0]), o);
	if (c->json)
		return code;
	if (code != SRV_EXIT_OK) {
		(void)json_object_put(links);
		return code;
	}
	if (json_object_array_length(links) > 0)
		(void)putchar('\n');
	code =
	    srv_call_rows(c, link_fields,
			  sizeof(link_fields) / sizeof(link_fields[0]), links);
	if (code == SRV_EXIT_OK && srv_call_flag(c, "--devinf") &&
	    f->dev != NULL)
		(void)printf("\n%.*s\n", SLICE_ARG(f->dev->devinf));
	return code;
}

static int
device_show(struct srv_call *c)
{
	struct json_object *links;
	struct store_tx *tx;
	struct err e = { 0 };
	struct found f;
	int code = srv_call_begin(c, c->arg[0], STORE_READ, &tx);

	if (code != SRV_EXIT_OK)
		return code;
	code = find(c, tx, &f);
	if (code != SRV_EXIT_OK)
		return srv_call_end(&tx, code);
	links = json_object_new_array();
	if (links == NULL)
		return srv_call_end(
		    &tx, srv_call_refuse(SRV_EXIT_FAILED, "out of memory"));
	if (f.dev != NULL && links_json(c, tx, f.dev->id, links, &e) < 0)
		code = srv_fail(&e);
	code = srv_call_end(&tx, code);
	if (code != SRV_EXIT_OK) {
		(void)json_object_put(links);
		return code;
	}
	return print_found(c, &f, links);
}

/* ---- forget ---- */

static int
drop_found(struct srv_call *c, struct store_tx *tx, const struct found *f)
{
	struct err e = { 0 };

	for (size_t i = 0; i < f->cred_n; i++) {
		bool its = f->dev == NULL ? names_waiting(&f->cred[i], f)
					  : secret_of(&f->cred[i], f->dev);

		if (its && tx->v->cred_drop(tx, f->cred[i].id, &e) < 0)
			return srv_fail(&e);
	}
	if (f->dev != NULL && tx->v->device_drop(tx, f->dev->id, &e) < 0)
		return srv_fail(&e);
	if (srv_account_touch(tx, c->a, &e) < 0)
		return srv_fail(&e);
	return SRV_EXIT_OK;
}

static int
device_forget(struct srv_call *c)
{
	struct store_tx *tx;
	struct found f;
	int code;

	code = srv_prompt_sure(c,
			       "Forget device %s of %s (its items stay, its "
			       "secret ends)?",
			       c->arg[1], c->arg[0]);
	if (code == SRV_EXIT_OK)
		code = srv_call_begin(c, c->arg[0], STORE_WRITE, &tx);
	if (code != SRV_EXIT_OK)
		return code;
	code = find(c, tx, &f);
	if (code == SRV_EXIT_OK)
		code = drop_found(c, tx, &f);
	code = srv_call_end(&tx, code);
	if (code == SRV_EXIT_OK)
		srv_call_say(c, "%s is forgotten; its items stay", c->arg[1]);
	return code;
}

/* ---- disable, enable, set ---- */

static int
set_disabled(struct srv_call *c, bool disabled)
{
	struct store_tx *tx;
	struct err e = { 0 };
	struct found f;
	int code = srv_call_begin(c, c->arg[0], STORE_WRITE, &tx);

	if (code != SRV_EXIT_OK)
		return code;
	code = find_device(c, tx, &f);
	if (code == SRV_EXIT_OK) {
		f.dev->disabled = disabled;
		if (tx->v->device_put(tx, f.dev, &e) < 0)
			code = srv_fail(&e);
	}
	code = srv_call_end(&tx, code);
	if (code == SRV_EXIT_OK)
		srv_call_say(c, "%s is %s", c->arg[1],
			     disabled ? "disabled" : "enabled");
	return code;
}

static int
device_disable(struct srv_call *c)
{
	return set_disabled(c, true);
}

static int
device_enable(struct srv_call *c)
{
	return set_disabled(c, false);
}

static int
change(struct srv_call *c, struct store_device *dev)
{
	const char *label = srv_call_text(c, "--label");
	const char *rules = srv_call_text(c, "--rules");
	struct err e = { 0 };
	uint32_t bits;

	if (label != NULL && !slice_utf8_ok(slice_c(label)))
		return srv_call_usage(c, "a label is UTF-8 text");
	if (rules != NULL && pim_rules_words(slice_c(rules), &bits, &e) < 0)
		return srv_call_usage(c, "%s", e.msg);
	if (label != NULL)
		dev->label = slice_c(label);
	if (rules != NULL)
		dev->rules = slice_c(rules);
	return SRV_EXIT_OK;
}

static int
device_set(struct srv_call *c)
{
	struct store_tx *tx;
	struct err e = { 0 };
	struct found f;
	int code;

	if (c->opt_n == 0)
		return srv_call_usage(c, "what shall be set?");
	code = srv_call_begin(c, c->arg[0], STORE_WRITE, &tx);
	if (code != SRV_EXIT_OK)
		return code;
	code = find_device(c, tx, &f);
	if (code == SRV_EXIT_OK)
		code = change(c, f.dev);
	if (code == SRV_EXIT_OK)
		code = srv_device_window(c, tx, f.dev->id);
	if (code == SRV_EXIT_OK && tx->v->device_put(tx, f.dev, &e) < 0)
		code = srv_fail(&e);
	code = srv_call_end(&tx, code);
	if (code == SRV_EXIT_OK)
		srv_call_say(c, "%s is changed", c->arg[1]);
	return code;
}

static const struct srv_verb verbs[] = {
	{ "add",
	  "USER LABEL [--md5] [--device-id ID]",
	  2,
	  2,
	  { "--md5", "--device-id=" },
	  device_add },
	{ "list", "USER", 1, 1, { NULL }, device_list },
	{ "show", "USER DEVICE [--devinf]", 2, 2, { "--devinf" }, device_show },
	{ "set",
	  "USER DEVICE [--label LABEL] [--rules \"RULE ...\"]"
	  " [--db DATABASE [--past DAYS] [--future DAYS] [--newest COUNT]"
	  " [--parts PARTS] [--bytes BYTES] [--attachments BYTES]]",
	  2,
	  2,
	  { "--label=", "--rules=", "--db=", "--past=", "--future=",
	    "--newest=", "--parts=", "--bytes=", "--attachments=" },
	  device_set },
	{ "disable", "USER DEVICE", 2, 2, { NULL }, device_disable },
	{ "enable", "USER DEVICE", 2, 2, { NULL }, device_enable },
	{ "forget", "USER DEVICE [--yes]", 2, 2, { "--yes" }, device_forget },
};

static int
run(const struct srv_args *args)
{
	return srv_call_run(&srv_cmd_device, verbs,
			    sizeof(verbs) / sizeof(verbs[0]), args);
}

const struct srv_command srv_cmd_device = {
	.name = "device",
	.summary = "make secrets for devices; list, change and forget devices",
	.help =
	    "usage: funicular device add USER LABEL [--md5] [--device-id ID]\n"
	    "       funicular device list USER\n"
	    "       funicular device show USER DEVICE [--devinf]\n"
	    "       funicular device set USER DEVICE [--label LABEL]\n"
	    "           [--rules \"RULE ...\"]\n"
	    "           [--db DATABASE [--past DAYS] [--future DAYS]]\n"
	    "       funicular device disable USER DEVICE\n"
	    "       funicular device enable USER DEVICE\n"
	    "       funicular device forget USER DEVICE [--yes]\n"
	    "\n"
	    "DEVICE is a device id (\"IMEI:...\") or a label.\n"
	    "\n"
	    "`device add` prints a secret of 26 lower-case letters and "
	    "digits,\n"
	    "once. It is typed into the device as the password of USER, and\n"
	    "belongs to the first device that logs in with it.\n"
	    "\n"
	    "  --md5           also allow the auth-md5 scheme (older phones):\n"
	    "                  the secret is kept encrypted, not only hashed\n"
	    "  --device-id ID  only this device may use it\n"
	    "  --label LABEL   the name that people see\n"
	    "  --rules RULES   quirk rules of this device, blank between "
	    "them;\n"
	    "                  \"\" takes them away\n"
	    "  --db DATABASE   what a window is set for:\n"
	    "  --past DAYS     events and tasks of so many days back "
	    "(\"90d\")\n"
	    "  --future DAYS   ... up to so many days ahead\n"
	    "  --devinf        also what the device told about itself\n"
	    "  --yes           do not ask\n"
	    "  --json          print data as JSON\n"
	    "\n"
	    "examples:\n"
	    "  funicular device add anna \"Anna's phone\"\n"
	    "  funicular device add anna car --md5\n"
	    "  funicular device list anna\n"
	    "  funicular device set anna car --db calendar --past 90d "
	    "--future 365d\n"
	    "  funicular device forget anna car\n",
	.run = run,
};
