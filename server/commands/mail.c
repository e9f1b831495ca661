/*
 * funicular mail: where an account's mail lies, and what became of what devices
 * did to it.
 */
#include "server/mail/mail.h"
#include "pim/pim.h"
#include "server/commands/call.h"
#include "server/commands/prompt.h"
#include "server/outlets.h"

#include <json-c/json.h>
#include <stdio.h>

enum { LIMIT = 50, LIMIT_MAX = 100000 };

static struct srv_mail_env
env_of(const struct srv_call *c)
{
	return (struct srv_mail_env){ .store = c->site.store,
				      .clk = c->site.clk,
				      .log = &log_stderr,
				      .conf = &c->site.conf,
				      .secrets = c->site.secrets };
}

/* ---- set ---- */

static int
value_of(struct srv_call *c, struct slice *value)
{
	bool generated = false;

	*value = slice_c(c->arg_n > 2 ? c->arg[2] : "");
	if (strcmp(c->arg[1], "password") != 0)
		return c->arg_n == 3
			   ? SRV_EXIT_OK
			   : srv_call_usage(c, "a key wants a value (\"\" "
					       "takes it back)");
	/* Never from the command line, where all users can read it. */
	if (c->arg_n == 3 && value->n == 0)
		return SRV_EXIT_OK;
	if (c->arg_n == 3)
		return srv_call_usage(c, "a password is asked for, or read by "
					 "--password-file or "
					 "--password-stdin");
	return srv_prompt_password(c, c->arg[0], value, &generated);
}

static int
mail_set(struct srv_call *c)
{
	struct srv_mail_env env = env_of(c);
	struct err e = { 0 };
	struct slice value;
	struct store_tx *tx;
	int code = value_of(c, &value);

	if (code == SRV_EXIT_OK)
		code = srv_call_begin(c, c->arg[0], STORE_WRITE, &tx);
	if (code != SRV_EXIT_OK)
		return code;
	if (srv_mail_set(&env, tx, c->a, slice_c(c->arg[1]), value, &e) < 0)
		code = e.code == ERR_NOTFOUND || e.code == ERR_PARSE
			   ? srv_call_usage(c, "%s", e.msg)
			   : srv_fail(&e);
	code = srv_call_end(&tx, code);
	if (code == SRV_EXIT_OK)
		srv_call_say(c, "the mail of %s is changed", c->arg[0]);
	return code;
}

/* ---- show, list ---- */

struct account { /* what is known of one */
	struct store_account acc;
	struct store_mail_login *own; /* NULL: it has no mail */
	struct store_mail_folder *f;
	size_t f_n;
};

static int
read_account(struct srv_call *c, struct store_tx *tx, struct account *out,
	     struct err *e)
{
	return tx->v->account_get(tx, c->a, &out->acc, e) < 0 ||
		       tx->v->mail->login_get(tx, c->a, &out->own, e) < 0 ||
		       tx->v->mail->folder_list(tx, c->a, &out->f, &out->f_n,
						e) < 0
		   ? -1
		   : 0;
}

static const char *
security_name(enum store_mail_security s)
{
	return s == STORE_MAIL_PLAIN      ? "none"
	       : s == STORE_MAIL_STARTTLS ? "starttls"
					  : "tls";
}

static struct json_object *
account_json(struct srv_call *c, const struct account *in)
{
	struct srv_mail_env env = env_of(c);
	struct json_object *o = json_object_new_object();
	struct store_mail_login l;
	struct err e = { 0 };
	bool ok =
	    srv_mail_effective(&env, c->a, in->acc.user, in->own, &l, &e) == 0;

	srv_json_set_text(o, "user", in->acc.user);
	srv_json_set_text(o, "on", slice_c(l.on ? "yes" : "no"));
	srv_json_set_text(o, "state", slice_c(srv_mail_health_name(l.health)));
	srv_json_set_text(o, "why", ok ? l.why : slice_c(e.msg));
	srv_json_set_text(o, "host", l.host);
	srv_json_set_int(o, "port", l.port);
	srv_json_set_text(o, "security", slice_c(security_name(l.security)));
	srv_json_set_text(o, "login", l.user);
	srv_json_set_text(o, "password",
			  slice_c(l.master ? "master user" : "its own"));
	srv_json_set_text(o, "addresses", l.addresses);
	srv_json_set_int(o, "days", l.days);
	srv_json_set_int(o, "count", l.count);
	srv_json_set_int(o, "cap", l.cap);
	if (l.last_ms > 0)
		srv_json_set_time(o, "last", l.last_ms);
	if (l.next_ms != INT64_MAX)
		srv_json_set_time(o, "next", l.next_ms);
	return o;
}

static const struct srv_field show_fields[] = {
	{ "user", "USER" },         { "on", "ON" },
	{ "state", "STATE" },       { "why", "WHY" },
	{ "host", "HOST" },         { "port", "PORT" },
	{ "security", "SECURITY" }, { "login", "LOGIN" },
	{ "password", "PASSWORD" }, { "addresses", "ADDRESSES" },
	{ "days", "DAYS" },         { "count", "COUNT" },
	{ "cap", "CAP" },           { "last", "LAST" },
	{ "next", "NEXT" },         { "folders", "FOLDERS" },
};
enum { SHOW_N = sizeof(show_fields) / sizeof(show_fields[0]) };

static void
set_folders(struct srv_call *c, struct json_object *o, const struct account *in)
{
	struct buf b = BUF_IN(c->a);

	for (size_t i = 0; i < in->f_n; i++) {
		if (in->f[i].role == STORE_MAIL_OUTBOX)
			continue;
		buf_str(&b, b.n > 0 ? ", " : "");
		buf_add(&b, in->f[i].name);
	}
	srv_json_set_text(o, "folders", buf_slice(&b));
}

static int
mail_show(struct srv_call *c)
{
	struct json_object *o = NULL;
	struct account in;
	struct store_tx *tx;
	struct err e = { 0 };
	int code = srv_call_begin(c, c->arg[0], STORE_READ, &tx);

	if (code != SRV_EXIT_OK)
		return code;
	if (read_account(c, tx, &in, &e) < 0) {
		code = srv_fail(&e);
	} else if (in.own == NULL) {
		code = srv_call_refuse(SRV_EXIT_NOTFOUND,
				       "%s has no mail set up: funicular mail "
				       "set %s host NAME",
				       c->arg[0], c->arg[0]);
	} else {
		o = account_json(c, &in);
		set_folders(c, o, &in);
	}
	code = srv_call_end(&tx, code);
	return code == SRV_EXIT_OK ? srv_call_record(c, show_fields, SHOW_N, o)
				   : code;
}

static const struct srv_field list_fields[] = {
	{ "user", "USER" }, { "state", "STATE" }, { "host", "HOST" },
	{ "last", "LAST" }, { "next", "NEXT" },   { "why", "WHY" },
};

static int
mail_list(struct srv_call *c)
{
	struct store *s = c->site.store;
	struct json_object *rows = json_object_new_array();
	struct store_account *acc;
	struct err e = { 0 };
	int rc = 0;
	size_t n;

	if (s->v->account_list(s, c->a, &acc, &n, &e) < 0)
		return srv_fail(&e);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct account in = { .own = NULL };
		struct store_tx *tx;

		rc = s->v->begin(s, acc[i].id, STORE_READ,
				 c->site.clk->now_ms(c->site.clk), &tx, &e);
		if (rc < 0)
			break;
		rc = read_account(c, tx, &in, &e);
		tx->v->rollback(&tx);
		if (rc == 0 && in.own != NULL)
			(void)json_object_array_add(rows, account_json(c, &in));
	}
	if (rc == 0)
		return srv_call_rows(
		    c, list_fields,
		    sizeof(list_fields) / sizeof(list_fields[0]), rows);
	(void)json_object_put(rows);
	return srv_fail(&e);
}

/* ---- what devices did ---- */

static const struct srv_field effect_fields[] = {
	{ "written", "WRITTEN" }, { "what", "WHAT" }, { "item", "ITEM" },
	{ "state", "STATE" },     { "next", "NEXT" }, { "reason", "REASON" },
};

static const char *
what_name(enum store_effect_what w)
{
	static const char *const names[] = {
		[STORE_EFFECT_FLAGS] = "flags",
		[STORE_EFFECT_MOVE] = "move",
		[STORE_EFFECT_DELETE] = "delete",
		[STORE_EFFECT_APPEND] = "put",
		[STORE_EFFECT_SEND] = "send",
		[STORE_EFFECT_FETCH] = "fetch",
	};

	return (size_t)w < sizeof(names) / sizeof(names[0]) && names[w] != NULL
		   ? names[w]
		   : "?";
}

static const char *
state_name(enum store_effect_state st)
{
	return st == STORE_EFFECT_QUEUED  ? "queued"
	       : st == STORE_EFFECT_DOING ? "doing"
	       : st == STORE_EFFECT_DONE  ? "done"
					  : "failed";
}

static int
effect_rows(struct srv_call *c, struct store_tx *tx, int64_t limit,
	    struct json_object *rows)
{
	struct store_mail_effect *f;
	struct err e = { 0 };
	size_t n;

	if (tx->v->mail->effect_list(tx, c->a, 0, (size_t)limit, &f, &n, &e) <
	    0)
		return srv_fail(&e);
	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_new_object();

		srv_json_set_time(o, "written", f[i].written_ms);
		srv_json_set_text(o, "what", slice_c(what_name(f[i].what)));
		srv_json_set_int(o, "item", f[i].item);
		srv_json_set_text(o, "message_id", f[i].message_id);
		srv_json_set_text(o, "state", slice_c(state_name(f[i].state)));
		srv_json_set_int(o, "attempts", f[i].attempts);
		if (f[i].next_ms != INT64_MAX)
			srv_json_set_time(o, "next", f[i].next_ms);
		srv_json_set_text(o, "reason", f[i].reason);
		(void)json_object_array_add(rows, o);
	}
	return SRV_EXIT_OK;
}

static int
mail_effects_of(struct srv_call *c)
{
	struct json_object *rows;
	struct store_tx *tx;
	int64_t limit = LIMIT;
	int code = srv_call_number(c, "--limit", 1, &limit);

	if (code == SRV_EXIT_OK && limit > LIMIT_MAX)
		return srv_call_usage(c, "--limit: %d at most", LIMIT_MAX);
	if (code == SRV_EXIT_OK)
		code = srv_call_begin(c, c->arg[0], STORE_READ, &tx);
	if (code != SRV_EXIT_OK)
		return code;
	rows = json_object_new_array();
	code = srv_call_end(&tx, effect_rows(c, tx, limit, rows));
	if (code == SRV_EXIT_OK)
		return srv_call_rows(
		    c, effect_fields,
		    sizeof(effect_fields) / sizeof(effect_fields[0]), rows);
	(void)json_object_put(rows);
	return code;
}

/* ---- check ---- */

static void
say_caps(const struct srv_call *c, unsigned caps)
{
	srv_call_say(c, "  new mail is %s",
		     (caps & MBOX_CAN_IDLE) != 0
			 ? "told at once (IDLE)"
			 : "found by looking each imap_poll (no IDLE)");
	srv_call_say(c, "  news of other folders is %s",
		     (caps & MBOX_CAN_NOTIFY) != 0
			 ? "told at once (NOTIFY)"
			 : "found by looking each imap_poll (no NOTIFY)");
	srv_call_say(c, "  changes are %s",
		     (caps & MBOX_CAN_QRESYNC) != 0
			 ? "told by the server (QRESYNC)"
			 : "found by comparing all of the window (no QRESYNC)");
	if ((caps & MBOX_CAN_UIDPLUS) == 0)
		srv_call_say(c, "  what is deleted stays marked at the server "
				"(no UIDPLUS)");
}

static bool
has_name(const struct mbox_folder *f, size_t n, struct slice name)
{
	for (size_t i = 0; i < n; i++) {
		if (slice_eq(f[i].name, name))
			return true;
	}
	return false;
}

static int
check_folders(struct srv_call *c, const struct account *in, struct mbox *box,
	      struct err *e)
{
	struct mbox_folder *f;
	size_t n;

	if (mbox_list(box, c->a, &f, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < in->f_n; i++) {
		struct mbox_state st;
		struct err own = { 0 };

		if (in->f[i].role == STORE_MAIL_OUTBOX)
			continue;
		if (mbox_status(box, in->f[i].name, &st, &own) == 0)
			srv_call_say(c, "  folder %.*s: %u mails",
				     SLICE_ARG(in->f[i].name), st.exists);
		else
			srv_call_say(c, "  folder %.*s: the server has %s",
				     SLICE_ARG(in->f[i].name),
				     has_name(f, n, in->f[i].name)
					 ? "it, and does not let us in"
					 : "none of this name");
	}
	return 0;
}

static int
check(struct srv_call *c, struct srv_mail_env *env, const struct account *in)
{
	const struct srv_mail_wait wait = { .wake = -1 };
	struct store_mail_login l;
	struct mbox *box = NULL;
	struct err e = { 0 };
	int rc;

	if (srv_mail_env_open(env, &e) < 0 ||
	    srv_mail_effective(env, c->a, in->acc.user, in->own, &l, &e) < 0)
		return srv_fail(&e);
	srv_call_say(c, "%.*s at %.*s:%lld (%s, %s)", SLICE_ARG(l.user),
		     SLICE_ARG(l.host), (long long)l.port,
		     security_name(l.security),
		     l.master ? "master user" : "own password");
	rc = srv_mail_connect(env, c->a, &l, &wait, &box, &e);
	if (rc == 0) {
		srv_call_say(c, "  logged in");
		say_caps(c, mbox_caps(box));
		rc = check_folders(c, in, box, &e);
	}
	mbox_close(&box);
	return rc < 0 ? srv_fail(&e) : SRV_EXIT_OK;
}

static int
mail_check(struct srv_call *c)
{
	struct srv_mail_env env = env_of(c);
	struct account in;
	struct store_tx *tx;
	struct err e = { 0 };
	int code = srv_call_begin(c, c->arg[0], STORE_READ, &tx);

	if (code != SRV_EXIT_OK)
		return code;
	if (read_account(c, tx, &in, &e) < 0)
		code = srv_fail(&e);
	else if (in.own == NULL)
		code = srv_call_refuse(SRV_EXIT_NOTFOUND,
				       "%s has no mail set up", c->arg[0]);
	code = srv_call_end(&tx, code);
	if (code != SRV_EXIT_OK)
		return code;
	code = check(c, &env, &in);
	srv_mail_env_close(&env);
	return code;
}

/* ---- remove ---- */

static int
mail_remove(struct srv_call *c)
{
	struct srv_mail_env env = env_of(c);
	struct err e = { 0 };
	struct store_tx *tx;
	int code = srv_call_begin(c, c->arg[0], STORE_WRITE, &tx);

	if (code != SRV_EXIT_OK)
		return code;
	/* Its mails go from the devices; at the server they stay. */
	if (srv_mail_drop(&env, tx, c->a, &e) < 0)
		code = srv_fail(&e);
	code = srv_call_end(&tx, code);
	if (code == SRV_EXIT_OK)
		srv_call_say(c, "%s has no mail here any more", c->arg[0]);
	return code;
}

static const struct srv_verb verbs[] = {
	{ "set",
	  "USER KEY [VALUE]",
	  2,
	  3,
	  { "--password-file=", "--password-stdin" },
	  mail_set },
	{ "show", "USER", 1, 1, { NULL }, mail_show },
	{ "list", "", 0, 0, { NULL }, mail_list },
	{ "check", "USER", 1, 1, { NULL }, mail_check },
	{ "done", "USER [--limit N]", 1, 1, { "--limit=" }, mail_effects_of },
	{ "remove", "USER", 1, 1, { NULL }, mail_remove },
};

static int
run(const struct srv_args *args)
{
	return srv_call_run(&srv_cmd_mail, verbs,
			    sizeof(verbs) / sizeof(verbs[0]), args);
}

const struct srv_command srv_cmd_mail = {
	.name = "mail",
	.summary = "where accounts' mail lies, and what devices did to it",
	.help =
	    "usage: funicular mail set USER KEY [VALUE]\n"
	    "       funicular mail show USER\n"
	    "       funicular mail list\n"
	    "       funicular mail check USER\n"
	    "       funicular mail done USER [--limit N]\n"
	    "       funicular mail remove USER\n"
	    "\n"
	    "set gives an account mail, or changes one thing of it; check\n"
	    "connects, and says what is wrong; done shows what devices did,\n"
	    "the last one first, and what became of it at the mail server;\n"
	    "remove takes mail away from the devices, and leaves it at the\n"
	    "server.\n"
	    "\n"
	    "Keys (an empty VALUE gives one back to the configuration):\n"
	    "\n"
	    "  on         yes or no\n"
	    "  host       IMAP server, as its certificate names it\n"
	    "  port       its port\n"
	    "  security   tls, starttls or none (loopback only)\n"
	    "  user       name at the IMAP server; else the account's own\n"
	    "  password   asked for, or by --password-file FILE or\n"
	    "             --password-stdin; kept encrypted. Without one the\n"
	    "             site's master user logs in\n"
	    "  addresses  whom the account may send as, blanks between\n"
	    "  folders    besides INBOX, commas between: Sent, Drafts\n"
	    "  days       how far back mail is kept ready, 0: all\n"
	    "  count      how many mails of each folder, 0: all\n"
	    "  cap        bytes of a mail that are kept ready, 0: all\n"
	    "\n"
	    "  --limit N  so many rows (50)\n"
	    "  --json     print data as JSON\n"
	    "\n"
	    "examples:\n"
	    "  funicular mail set anna host imap.example.org\n"
	    "  funicular mail set anna password --password-file secret\n"
	    "  funicular mail set anna folders \"Sent, Drafts, Trash\"\n"
	    "  funicular mail check anna\n",
	.run = run,
};
