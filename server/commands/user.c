/*
 * funicular user: accounts.
 */
#include "server/alarms/ways.h"
#include "server/commands/account.h"
#include "server/commands/call.h"
#include "server/commands/prompt.h"

#include <json-c/json.h>
#include <stdio.h>

static const struct srv_field user_fields[] = {
	{ "user", "USER" },
	{ "state", "STATE" },
	{ "items", "ITEMS" },
	{ "bytes", "BYTES" },
	{ "quota_items", "MAX ITEMS" },
	{ "quota_bytes", "MAX BYTES" },
	{ "zone", "ZONE" },
	{ "created", "CREATED" },
};

static struct json_object *
user_json(const struct store_account *acc)
{
	struct json_object *o = json_object_new_object();

	srv_json_set_text(o, "user", acc->user);
	srv_json_set_int(o, "id", acc->id);
	srv_json_set_text(o, "state",
			  acc->disabled ? SLICE_LIT("disabled")
					: SLICE_LIT("enabled"));
	srv_json_set_text(o, "zone", acc->zone);
	srv_json_set_int(o, "items", acc->used_items);
	srv_json_set_int(o, "bytes", acc->used_bytes);
	/* No quota is null, so that nobody takes it for "nothing allowed". */
	srv_json_set(o, "quota_items",
		     acc->quota_items == 0
			 ? NULL
			 : json_object_new_int64(acc->quota_items));
	srv_json_set(o, "quota_bytes",
		     acc->quota_bytes == 0
			 ? NULL
			 : json_object_new_int64(acc->quota_bytes));
	srv_json_set_time(o, "created", acc->created_ms);
	return o;
}

/* ---- add ---- */

/* The secret goes to stdout, alone on its line or in JSON: to be shown once
   and kept nowhere. */
static int
show_secret(const struct srv_call *c, const char *user, const char *key,
	    struct slice secret)
{
	struct json_object *o;

	if (!c->json) {
		(void)printf("%.*s\n", SLICE_ARG(secret));
		return SRV_EXIT_OK;
	}
	o = json_object_new_object();
	srv_json_set_text(o, "user", slice_c(user));
	srv_json_set_text(o, key, secret);
	return srv_call_record(c, NULL, 0, o);
}

static int
read_new(struct srv_call *c, struct srv_account_new *in, bool *generated)
{
	int code;

	*in = (struct srv_account_new){
		.user = slice_c(c->arg[0]),
		.zone = slice_c(srv_call_text(c, "--zone")),
		.md5 = srv_call_flag(c, "--md5"),
		.quota_bytes = -1,
		.quota_items = -1,
	};
	*generated = false;
	code = srv_call_number(c, "--quota-bytes", 0, &in->quota_bytes);
	if (code == SRV_EXIT_OK)
		code = srv_call_number(c, "--quota-items", 0, &in->quota_items);
	if (code != SRV_EXIT_OK)
		return code;
	if (!srv_call_flag(c, "--no-password"))
		return srv_prompt_password(c, c->arg[0], &in->password,
					   generated);
	if (in->md5 || srv_call_flag(c, "--generate") ||
	    srv_call_flag(c, "--password-stdin") ||
	    srv_call_text(c, "--password-file") != NULL)
		return srv_call_usage(c, "--no-password goes with no other "
					 "password option");
	return SRV_EXIT_OK;
}

static int
bad_input(const struct srv_call *c, const struct err *e)
{
	return e->code == ERR_PARSE ? srv_call_usage(c, "%s", e->msg)
				    : srv_fail(e);
}

static int
user_add(struct srv_call *c)
{
	struct srv_account_new in;
	struct err e = { 0 };
	bool generated;
	int64_t id = 0;
	int code;

	/* Before a password is asked for. */
	if (srv_account_name_check(slice_c(c->arg[0]), &e) < 0)
		return bad_input(c, &e);
	if (c->site.store->v->login_find(c->site.store, slice_c(c->arg[0]), &id,
					 &e) < 0)
		return srv_fail(&e);
	if (id != 0)
		return srv_call_refuse(SRV_EXIT_FAILED,
				       "there is a user \"%s\" already",
				       c->arg[0]);
	code = read_new(c, &in, &generated);
	if (code != SRV_EXIT_OK)
		return code;
	if (srv_account_create(&c->site, c->a, &in, &id, &e) < 0)
		return bad_input(c, &e);
	if (generated)
		return show_secret(c, c->arg[0], "password", in.password);
	srv_call_say(c, "added user %s", c->arg[0]);
	return SRV_EXIT_OK;
}

/* ---- passwd, disable, enable, set ---- */

static int
user_passwd(struct srv_call *c)
{
	struct store_tx *tx = NULL;
	struct slice password = { NULL, 0 };
	struct err e = { 0 };
	bool generated = false;
	int64_t id;
	int code = srv_call_account(c, c->arg[0], &id);

	if (code == SRV_EXIT_OK)
		code = srv_prompt_password(c, c->arg[0], &password, &generated);
	if (code == SRV_EXIT_OK)
		code = srv_call_begin(c, c->arg[0], STORE_WRITE, &tx);
	if (code == SRV_EXIT_OK &&
	    srv_account_password(&c->site, tx, c->a, password,
				 srv_call_flag(c, "--md5"), &e) < 0)
		code = srv_fail(&e);
	code = srv_call_end(&tx, code);
	if (code != SRV_EXIT_OK)
		return code;
	if (generated)
		return show_secret(c, c->arg[0], "password", password);
	srv_call_say(c, "the password of %s is set", c->arg[0]);
	return SRV_EXIT_OK;
}

typedef int change_fn(struct srv_call *c, struct store_account *acc);

static int
change(struct srv_call *c, change_fn *fn)
{
	struct store_account acc;
	struct store_tx *tx;
	struct err e = { 0 };
	struct slice zone;
	int code = srv_call_begin(c, c->arg[0], STORE_WRITE, &tx);

	if (code != SRV_EXIT_OK)
		return code;
	if (tx->v->account_get(tx, c->a, &acc, &e) < 0)
		return srv_call_end(&tx, srv_fail(&e));
	zone = acc.zone;
	code = fn(c, &acc);
	/* What was due at a time of the old zone is due at another one now. */
	if (code == SRV_EXIT_OK &&
	    (tx->v->account_set(tx, &acc, &e) < 0 ||
	     (!slice_eq(zone, acc.zone) && srv_ways_again(tx, &e) < 0)))
		code = srv_fail(&e);
	return srv_call_end(&tx, code);
}

static int
set_disabled(struct srv_call *c, struct store_account *acc)
{
	(void)c;
	acc->disabled = true;
	acc->cred_gen++;
	return SRV_EXIT_OK;
}

static int
set_enabled(struct srv_call *c, struct store_account *acc)
{
	(void)c;
	acc->disabled = false;
	return SRV_EXIT_OK;
}

static int
set_options(struct srv_call *c, struct store_account *acc)
{
	const char *zone = srv_call_text(c, "--zone");
	const char *name = srv_call_text(c, "--name");
	struct err e = { 0 };
	int code;

	if (c->opt_n == 0)
		return srv_call_usage(c, "what shall be set?");
	if ((zone != NULL && srv_account_zone_check(slice_c(zone), &e) < 0) ||
	    (name != NULL && srv_account_name_check(slice_c(name), &e) < 0))
		return bad_input(c, &e);
	if (zone != NULL)
		acc->zone = slice_c(zone);
	if (name != NULL)
		acc->user = slice_c(name);
	code = srv_call_number(c, "--quota-bytes", 0, &acc->quota_bytes);
	if (code != SRV_EXIT_OK)
		return code;
	return srv_call_number(c, "--quota-items", 0, &acc->quota_items);
}

static int
user_disable(struct srv_call *c)
{
	int code = change(c, set_disabled);

	if (code == SRV_EXIT_OK)
		srv_call_say(c, "%s is disabled: its devices are refused",
			     c->arg[0]);
	return code;
}

static int
user_enable(struct srv_call *c)
{
	int code = change(c, set_enabled);

	if (code == SRV_EXIT_OK)
		srv_call_say(c, "%s is enabled", c->arg[0]);
	return code;
}

/* "KEY VALUE" of the reminders' settings. */
static int
set_key(struct srv_call *c)
{
	struct slice value = slice_c(c->arg_n > 2 ? c->arg[2] : "");
	struct err e = { 0 };
	struct store_tx *tx;
	int code;

	if (c->opt_n > 0 || c->arg_n < 3)
		return srv_call_usage(c, "a setting wants a key and a value "
					 "(\"\" takes it back)");
	code = srv_call_begin(c, c->arg[0], STORE_WRITE, &tx);
	if (code != SRV_EXIT_OK)
		return code;
	if (srv_ways_set(tx, c->a, slice_c(c->arg[1]), value, &e) < 0)
		code = e.code == ERR_NOTFOUND || e.code == ERR_PARSE
			   ? srv_call_usage(c, "%s", e.msg)
			   : srv_fail(&e);
	return srv_call_end(&tx, code);
}

static int
user_set(struct srv_call *c)
{
	int code = c->arg_n > 1 ? set_key(c) : change(c, set_options);

	if (code == SRV_EXIT_OK)
		srv_call_say(c, "%s is changed", c->arg[0]);
	return code;
}

/* ---- list, show ---- */

static int
user_list(struct srv_call *c)
{
	struct store *s = c->site.store;
	struct json_object *rows;
	struct store_account *all;
	struct err e = { 0 };
	size_t n;

	if (s->v->account_list(s, c->a, &all, &n, &e) < 0)
		return srv_fail(&e);
	rows = json_object_new_array();
	for (size_t i = 0; i < n && rows != NULL; i++)
		(void)json_object_array_add(rows, user_json(&all[i]));
	return srv_call_rows(
	    c, user_fields, sizeof(user_fields) / sizeof(user_fields[0]), rows);
}

static const struct srv_field cred_fields[] = {
	{ "kind", "LOGIN BY" },   { "label", "LABEL" },
	{ "device", "DEVICE" },   { "md5", "MD5" },
	{ "created", "CREATED" }, { "used", "LAST USED" },
};

static struct json_object *
creds_json(const struct store_cred *cred, size_t n)
{
	struct json_object *rows = json_object_new_array();

	for (size_t i = 0; i < n && rows != NULL; i++) {
		struct json_object *o = json_object_new_object();

		srv_json_set_text(o, "kind",
				  cred[i].kind == STORE_CRED_PASSWORD
				      ? SLICE_LIT("password")
				      : SLICE_LIT("device secret"));
		srv_json_set_text(o, "label", cred[i].label);
		srv_json_set_text(o, "device", cred[i].device);
		srv_json_set_bool(o, "md5", cred[i].sealed.n > 0);
		srv_json_set_time(o, "created", cred[i].created_ms);
		srv_json_set_time(o, "used", cred[i].used_ms);
		(void)json_object_array_add(rows, o);
	}
	return rows;
}

/* What was set for reminders: an object, or for people one line. */
static struct json_object *
settings_json(const struct srv_call *c, const struct store_setting *s, size_t n)
{
	struct json_object *o = json_object_new_object();
	struct buf b = BUF_IN(c->a);

	for (size_t i = 0; i < n; i++) {
		const char *key = arena_cstr(c->a, s[i].key);

		buf_printf(&b, "%s%.*s=%.*s", i == 0 ? "" : " ",
			   SLICE_ARG(s[i].key), SLICE_ARG(s[i].value));
		if (key != NULL)
			srv_json_set_text(o, key, s[i].value);
	}
	if (c->json)
		return o;
	(void)json_object_put(o);
	return srv_json_text(buf_slice(&b));
}

static int
show_user(struct srv_call *c, const struct store_account *acc,
	  struct json_object *creds, struct json_object *devices,
	  struct json_object *settings)
{
	struct json_object *o = user_json(acc);
	int code;

	srv_json_set(o, "settings", settings);
	if (c->json) {
		srv_json_set(o, "credentials", creds);
		srv_json_set(o, "devices", devices);
		return srv_call_record(c, NULL, 0, o);
	}
	srv_json_set_int(o, "devices",
			 (int64_t)json_object_array_length(devices));
	(void)json_object_put(devices);
	code = srv_call_record(
	    c,
	    (const struct srv_field[]){ { "user", "user" },
					{ "state", "state" },
					{ "zone", "time zone" },
					{ "items", "items" },
					{ "bytes", "bytes" },
					{ "quota_items", "items allowed" },
					{ "quota_bytes", "bytes allowed" },
					{ "devices", "devices" },
					{ "created", "created" },
					{ "settings", "settings" } },
	    10, o);
	if (code == SRV_EXIT_OK && json_object_array_length(creds) > 0)
		(void)putchar('\n');
	if (code != SRV_EXIT_OK) {
		(void)json_object_put(creds);
		return code;
	}
	return srv_call_rows(c, cred_fields,
			     sizeof(cred_fields) / sizeof(cred_fields[0]),
			     creds);
}

static int
user_show(struct srv_call *c)
{
	struct json_object *devices;
	struct store_setting *set;
	struct store_account acc;
	struct store_device *dev;
	struct store_cred *cred;
	struct store_tx *tx;
	struct err e = { 0 };
	size_t cred_n, dev_n, set_n;
	int code = srv_call_begin(c, c->arg[0], STORE_READ, &tx);

	if (code != SRV_EXIT_OK)
		return code;
	if (tx->v->account_get(tx, c->a, &acc, &e) < 0 ||
	    tx->v->cred_list(tx, c->a, &cred, &cred_n, &e) < 0 ||
	    tx->v->device_list(tx, c->a, &dev, &dev_n, &e) < 0 ||
	    tx->v->alarm->setting_list(tx, c->a, &set, &set_n, &e) < 0)
		return srv_call_end(&tx, srv_fail(&e));
	(void)srv_call_end(&tx, SRV_EXIT_OK);
	devices = json_object_new_array();
	for (size_t i = 0; i < dev_n && devices != NULL; i++)
		(void)json_object_array_add(devices,
					    srv_json_text(dev[i].dev_id));
	return show_user(c, &acc, creds_json(cred, cred_n), devices,
			 settings_json(c, set, set_n));
}

/* ---- remove ---- */

struct holdings {
	struct store_account acc;
	size_t device_n, session_n;
};

static int
count_holdings(struct srv_call *c, struct holdings *h)
{
	struct store_session *session;
	struct store_device *dev;
	struct store_tx *tx;
	struct err e = { 0 };
	int code = srv_call_begin(c, c->arg[0], STORE_READ, &tx);

	if (code != SRV_EXIT_OK)
		return code;
	if (tx->v->account_get(tx, c->a, &h->acc, &e) < 0 ||
	    tx->v->device_list(tx, c->a, &dev, &h->device_n, &e) < 0 ||
	    tx->v->session_list(tx, c->a, 0, 1000000, &session, &h->session_n,
				&e) < 0)
		code = srv_fail(&e);
	return srv_call_end(&tx, code);
}

static int
user_remove(struct srv_call *c)
{
	struct store *s = c->site.store;
	struct holdings h = { 0 };
	struct err e = { 0 };
	int code = count_holdings(c, &h);

	if (code != SRV_EXIT_OK)
		return code;
	if (!srv_call_flag(c, "--erase")) {
		code = change(c, set_disabled);
		if (code != SRV_EXIT_OK)
			return code;
		srv_call_say(
		    c,
		    "%s is disabled, nothing was erased. With --erase, "
		    "%lld items (%lld bytes) and all their history, %zu "
		    "devices and %zu sessions would be destroyed for good.",
		    c->arg[0], (long long)h.acc.used_items,
		    (long long)h.acc.used_bytes, h.device_n, h.session_n);
		return SRV_EXIT_OK;
	}
	code = srv_prompt_sure(c,
			       "Erase %s: %lld items and all their history, "
			       "%zu devices, %zu sessions?",
			       c->arg[0], (long long)h.acc.used_items,
			       h.device_n, h.session_n);
	if (code != SRV_EXIT_OK)
		return code;
	if (s->v->account_erase(s, h.acc.id, &e) < 0)
		return srv_fail(&e);
	srv_call_say(c, "%s is erased", c->arg[0]);
	return SRV_EXIT_OK;
}

static const struct srv_verb verbs[] = {
	{ "add",
	  "NAME [--password-file FILE | --password-stdin | --generate |\n"
	  "        --no-password] [--md5] [--zone ZONE] [--quota-bytes N]\n"
	  "        [--quota-items N]",
	  1,
	  1,
	  { "--password-file=", "--password-stdin", "--generate",
	    "--no-password", "--md5",
	    "--zone=", "--quota-bytes=", "--quota-items=" },
	  user_add },
	{ "passwd",
	  "NAME [--password-file FILE | --password-stdin | --generate] [--md5]",
	  1,
	  1,
	  { "--password-file=", "--password-stdin", "--generate", "--md5" },
	  user_passwd },
	{ "list", "", 0, 0, { NULL }, user_list },
	{ "show", "NAME", 1, 1, { NULL }, user_show },
	{ "set",
	  "NAME [--zone ZONE] [--quota-bytes N] [--quota-items N]\n"
	  "        [--name NEW-NAME] | NAME KEY VALUE",
	  1,
	  3,
	  { "--zone=", "--quota-bytes=", "--quota-items=", "--name=" },
	  user_set },
	{ "disable", "NAME", 1, 1, { NULL }, user_disable },
	{ "enable", "NAME", 1, 1, { NULL }, user_enable },
	{ "remove",
	  "NAME [--erase [--yes]]",
	  1,
	  1,
	  { "--erase", "--yes" },
	  user_remove },
};

static int
run(const struct srv_args *args)
{
	return srv_call_run(&srv_cmd_user, verbs,
			    sizeof(verbs) / sizeof(verbs[0]), args);
}

const struct srv_command srv_cmd_user = {
	.name = "user",
	.summary = "add, list, change and remove accounts",
	.help =
	    "usage: funicular user add NAME [--password-file FILE |\n"
	    "           --password-stdin | --generate | --no-password] "
	    "[--md5]\n"
	    "           [--zone ZONE] [--quota-bytes N] [--quota-items N]\n"
	    "       funicular user passwd NAME [--password-file FILE |\n"
	    "           --password-stdin | --generate] [--md5]\n"
	    "       funicular user list\n"
	    "       funicular user show NAME\n"
	    "       funicular user set NAME [--zone ZONE] [--quota-bytes N]\n"
	    "           [--quota-items N] [--name NEW-NAME]\n"
	    "       funicular user set NAME KEY VALUE\n"
	    "       funicular user disable NAME\n"
	    "       funicular user enable NAME\n"
	    "       funicular user remove NAME [--erase [--yes]]\n"
	    "\n"
	    "A new account has the databases contacts, calendar, tasks, notes\n"
	    "and caltask (calendar and tasks in one).\n"
	    "\n"
	    "  --password-file FILE  the first line of FILE is the password\n"
	    "  --password-stdin      the first line of standard input is\n"
	    "  --generate            make one and print it, once\n"
	    "  --no-password         devices only: see `funicular device add`\n"
	    "  --md5                 also allow the auth-md5 scheme: the\n"
	    "                        password is kept encrypted, not only "
	    "hashed\n"
	    "  --zone ZONE           time zone of the owner, as Europe/Berlin\n"
	    "  --quota-bytes N       most bytes of items, 0: no limit (k, M, "
	    "G)\n"
	    "  --quota-items N       most items, 0: no limit\n"
	    "  --erase               destroy the items and their history too\n"
	    "  --yes                 do not ask\n"
	    "  --json                print data as JSON\n"
	    "\n"
	    "Without a password option the password is asked for, twice.\n"
	    "\n"
	    "Settings of reminders, by KEY (an empty VALUE takes one back):\n"
	    "\n"
	    "  reminders    on or off\n"
	    "  jid          XMPP addresses, commas between; they may answer\n"
	    "  mail         mail addresses, for EMAIL alarms\n"
	    "  quiet        HH:MM-HH:MM: what comes then is sent afterwards\n"
	    "  mute         collections without reminders, commas between\n"
	    "  lead         minutes before events that have no alarm, or off\n"
	    "  morning      hour for all-day events, 0 to 23 (8)\n"
	    "  private      show: titles of private events, too (hide)\n"
	    "  language     en, de, fr or es\n"
	    "  escalate     minutes; then by mail, if no client has it\n"
	    "  muted-until  nothing before, in milliseconds since 1970\n"
	    "\n"
	    "examples:\n"
	    "  funicular user add anna --zone Europe/Berlin\n"
	    "  funicular user add bert --generate --quota-bytes 50M\n"
	    "  pwgen 16 1 | funicular user passwd anna --password-stdin\n"
	    "  funicular user set anna jid anna@example.org\n"
	    "  funicular user list --json\n"
	    "  funicular user remove bert --erase\n",
	.run = run,
};
