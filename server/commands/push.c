/*
 * funicular push: which devices are woken, how, and what came of it.
 */
#include "server/push/push.h"
#include "server/commands/call.h"
#include "server/commands/prompt.h"
#include "server/secrets.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

enum { NOTICES_SHOWN = 64 };

/* ---- a device and how it is told ----------------------------------------- */

struct told {
	struct store_device dev;
	struct store_push push; /* of a device that is not told: empty */
	bool there;
};

/* By its id, else by its label. */
static int
find_device(struct srv_call *c, struct store_tx *tx, struct store_device *out)
{
	struct slice name = slice_c(c->arg[1]);
	struct store_device *d;
	struct err e = { 0 };
	size_t n = 0, hits = 0;

	if (tx->v->device_list(tx, c->a, &d, &n, &e) < 0)
		return srv_fail(&e);
	for (size_t i = 0; i < n && hits == 0; i++) {
		hits = slice_eq(d[i].dev_id, name);
		*out = d[i];
	}
	for (size_t i = 0; i < n && hits != 1; i++) {
		if (!slice_eq(d[i].label, name))
			continue;
		if (++hits > 1)
			return srv_call_refuse(SRV_EXIT_FAILED,
					       "several devices are labelled "
					       "\"%s\": use the device id",
					       c->arg[1]);
		*out = d[i];
		break;
	}
	if (hits == 1)
		return SRV_EXIT_OK;
	return srv_call_refuse(SRV_EXIT_NOTFOUND,
			       "%s has no device \"%s\" that has logged in "
			       "(`funicular device list %s` shows all)",
			       c->arg[0], c->arg[1], c->arg[0]);
}

static int
find_told(struct srv_call *c, struct store_tx *tx, struct told *t)
{
	struct store_push *p;
	struct err e = { 0 };
	size_t n;
	int code = find_device(c, tx, &t->dev);

	if (code != SRV_EXIT_OK)
		return code;
	if (tx->v->push->push_list(tx, c->a, &p, &n, &e) < 0)
		return srv_fail(&e);
	t->push = (struct store_push){ .device = t->dev.id };
	t->there = false;
	for (size_t i = 0; i < n; i++) {
		if (p[i].device != t->dev.id)
			continue;
		t->push = p[i];
		t->there = true;
	}
	return SRV_EXIT_OK;
}

static int
not_told(const struct srv_call *c)
{
	return srv_call_refuse(SRV_EXIT_NOTFOUND,
			       "%s is not woken: first `funicular push set %s "
			       "%s to kannel:+491234567`",
			       c->arg[1], c->arg[0], c->arg[1]);
}

/* ---- set ----------------------------------------------------------------- */

/* "kannel:+49123"; "off" or nothing: not any more. */
static int
set_way(struct store_push *p, struct slice value, struct err *e)
{
	size_t colon = slice_find(value, ':');

	if (value.n == 0 || slice_is(value, "off")) {
		p->channel = p->address = SLICE_LIT("");
		return 0;
	}
	if (colon == SIZE_MAX)
		return err_set(e, ERR_PARSE, "push.set",
			       "to takes a way out and an address, as in "
			       "kannel:+491234567");
	p->channel = slice_sub(value, 0, colon);
	p->address = slice_from(value, colon + 1);
	return srv_push_check(p->channel, p->address, e);
}

static int
set_all(struct srv_call *c, struct store_tx *tx, struct told *t, struct err *e)
{
	struct store_push was = t->push;

	for (int i = 2; i + 1 < c->arg_n; i += 2) {
		struct slice key = slice_c(c->arg[i]);
		struct slice value = slice_trim(slice_c(c->arg[i + 1]));
		int rc =
		    slice_is(key, "to")
			? set_way(&t->push, value, e)
			: srv_push_ways_set(c->a, &t->push.ways, key, value, e);

		if (rc < 0)
			return -1;
	}
	if (!slice_eq(was.channel, t->push.channel) ||
	    !slice_eq(was.address, t->push.address)) {
		/* What was on its way to another address is not waited for. */
		if (srv_push_void(tx, c->a, t->dev.id, false, e) < 0)
			return -1;
		t->push.last_ms = t->push.tries = 0;
	}
	if (tx->v->push->push_put(tx, &t->push, e) < 0)
		return -1;
	/* It may have something to fetch already. */
	return srv_push_again(tx, c->a, t->dev.id, e);
}

static int
check_all(const struct told *t)
{
	struct srv_push_ways w;

	if (t->push.channel.n == 0)
		return SRV_EXIT_OK;
	srv_push_ways_read(t->push.ways, &w);
	if (w.form == SRV_PUSH_EMN && w.mailbox.n == 0)
		return srv_call_refuse(SRV_EXIT_FAILED,
				       "a notice of the form emn names a "
				       "mailbox: set that, too");
	return SRV_EXIT_OK;
}

static int
push_set(struct srv_call *c)
{
	struct store_tx *tx;
	struct err e = { 0 };
	struct told t = { .there = false };
	int code;

	if (c->arg_n % 2 != 0)
		return srv_call_usage(c, "%s has no value",
				      c->arg[c->arg_n - 1]);
	code = srv_call_begin(c, c->arg[0], STORE_WRITE, &tx);
	if (code != SRV_EXIT_OK)
		return code;
	code = find_told(c, tx, &t);
	if (code == SRV_EXIT_OK && set_all(c, tx, &t, &e) < 0)
		code = srv_fail(&e);
	if (code == SRV_EXIT_OK)
		code = check_all(&t);
	if (code == SRV_EXIT_OK && t.push.channel.n == 0 && !t.there)
		code = not_told(c);
	code = srv_call_end(&tx, code);
	if (code == SRV_EXIT_OK)
		srv_call_say(c,
			     t.push.channel.n == 0 ? "%s is not woken"
						   : "%s is woken",
			     c->arg[1]);
	return code;
}

/* ---- secret -------------------------------------------------------------- */

static int
seal(struct srv_call *c, struct slice clear, struct slice *sealed)
{
	struct err e = { 0 };

	if (srv_secrets_seal(c->site.secrets, c->a, clear, sealed, &e) < 0)
		return srv_fail(&e);
	return SRV_EXIT_OK;
}

static int
push_secret(struct srv_call *c)
{
	struct slice clear = SLICE_LIT("");
	struct slice sealed = SLICE_LIT("");
	bool generated = false;
	struct store_tx *tx;
	struct err e = { 0 };
	struct told t = { .there = false };
	int code = SRV_EXIT_OK;

	if (!srv_call_flag(c, "--none"))
		code = srv_prompt_password(c, c->arg[0], &clear, &generated);
	if (code == SRV_EXIT_OK && clear.n > 0)
		code = seal(c, clear, &sealed);
	if (code == SRV_EXIT_OK)
		code = srv_call_begin(c, c->arg[0], STORE_WRITE, &tx);
	if (code != SRV_EXIT_OK)
		return code;
	code = find_told(c, tx, &t);
	if (code == SRV_EXIT_OK && !t.there)
		code = not_told(c);
	t.push.secret = sealed;
	if (code == SRV_EXIT_OK && tx->v->push->push_put(tx, &t.push, &e) < 0)
		code = srv_fail(&e);
	code = srv_call_end(&tx, code);
	if (code == SRV_EXIT_OK && generated)
		(void)printf("%.*s\n", SLICE_ARG(clear));
	return code;
}

/* ---- list ---------------------------------------------------------------- */

static const struct srv_field list_fields[] = {
	{ "device", "DEVICE" }, { "to", "TO" },
	{ "ways", "SETTINGS" }, { "secret", "SECRET" },
	{ "nonce", "NONCE" },   { "notices", "NOTICES" },
	{ "day", "DAY" },       { "day_limit", "OF" },
	{ "last", "LAST" },     { "waits", "WAITS FOR" },
};

static struct slice
one_line(struct arena *a, struct slice ways)
{
	struct slice s = arena_copy(a, ways);
	struct buf b = BUF_IN(a);
	struct slice line;

	while (slice_split(&s, '\n', &line)) {
		if (line.n > 0)
			buf_printf(&b, "%s%.*s", b.n == 0 ? "" : "; ",
				   SLICE_ARG(line));
	}
	return buf_slice(&b);
}

/* Names of what it was told of and has not come for. */
static struct slice
waiting(struct srv_call *c, int64_t device, const struct store_notice *v,
	size_t n, const struct store_collection *col, size_t col_n)
{
	struct buf b = BUF_IN(c->a);

	for (size_t i = 0; i < n; i++) {
		if (v[i].device != device || v[i].answer != STORE_NOTICE_WAITS)
			continue;
		for (size_t k = 0; k < col_n; k++) {
			if (col[k].id == v[i].collection &&
			    slice_find_str(buf_slice(&b),
					   arena_cstr(c->a, col[k].name)) ==
				SIZE_MAX)
				buf_printf(&b, "%s%.*s", b.n == 0 ? "" : ",",
					   SLICE_ARG(col[k].name));
		}
	}
	return buf_slice(&b);
}

static struct json_object *
push_json(struct srv_call *c, const struct store_push *p,
	  const struct store_device *dev, size_t dev_n)
{
	struct json_object *o = json_object_new_object();
	bool nonce = false;

	for (size_t i = 0; i < dev_n; i++)
		nonce =
		    nonce || (dev[i].id == p->device && dev[i].own_nonce.n > 0);
	srv_json_set_text(o, "device",
			  srv_call_device_name(dev, dev_n, p->device));
	srv_json_set_text(o, "to",
			  arena_printf(c->a, "%.*s:%.*s", SLICE_ARG(p->channel),
				       SLICE_ARG(p->address)));
	srv_json_set_text(o, "ways", one_line(c->a, p->ways));
	srv_json_set_bool(o, "secret", p->secret.n > 0);
	srv_json_set_bool(o, "nonce", nonce);
	srv_json_set_int(o, "notices", p->last_no);
	srv_json_set_int(
	    o, "day", srv_push_day_count(p, c->site.clk->now_ms(c->site.clk)));
	srv_json_set_int(o, "day_limit",
			 srv_push_day_max(p, c->site.conf.push_day_max));
	srv_json_set_time(o, "last", p->last_ms);
	return o;
}

static int
rows(struct srv_call *c, struct store_tx *tx, struct json_object *out)
{
	struct store_collection *col;
	struct store_device *dev;
	struct store_notice *v;
	struct store_push *p;
	struct err e = { 0 };
	size_t col_n = 0, dev_n = 0, v_n = 0, n = 0;

	if (tx->v->push->push_list(tx, c->a, &p, &n, &e) < 0 ||
	    tx->v->device_list(tx, c->a, &dev, &dev_n, &e) < 0 ||
	    tx->v->collection_list(tx, c->a, &col, &col_n, &e) < 0 ||
	    tx->v->push->notice_list(tx, c->a, 0, (size_t)NOTICES_SHOWN * 16,
				     &v, &v_n, &e) < 0)
		return srv_fail(&e);
	for (size_t i = 0; i < n; i++) {
		struct json_object *o = push_json(c, &p[i], dev, dev_n);

		srv_json_set_text(o, "waits",
				  waiting(c, p[i].device, v, v_n, col, col_n));
		(void)json_object_array_add(out, o);
	}
	return SRV_EXIT_OK;
}

static int
push_list(struct srv_call *c)
{
	struct json_object *out;
	struct store_tx *tx;
	int code = srv_call_begin(c, c->arg[0], STORE_READ, &tx);

	if (code != SRV_EXIT_OK)
		return code;
	out = json_object_new_array();
	code = srv_call_end(&tx, rows(c, tx, out));
	if (code == SRV_EXIT_OK)
		return srv_call_rows(
		    c, list_fields,
		    sizeof(list_fields) / sizeof(list_fields[0]), out);
	(void)json_object_put(out);
	return code;
}

/* ---- test ---------------------------------------------------------------- */

static int
push_test(struct srv_call *c)
{
	struct store_tx *tx;
	struct err e = { 0 };
	struct slice id;
	struct told t = { .there = false };
	int code = srv_call_begin(c, c->arg[0], STORE_WRITE, &tx);

	if (code != SRV_EXIT_OK)
		return code;
	code = find_told(c, tx, &t);
	if (code == SRV_EXIT_OK && !t.there)
		code = not_told(c);
	if (code == SRV_EXIT_OK &&
	    srv_push_test(tx, c->a, &t.push, &id, &e) < 0)
		code = srv_fail(&e);
	code = srv_call_end(&tx, code);
	if (code == SRV_EXIT_OK)
		srv_call_say(c,
			     "queued for %.*s:%.*s as session %X; `funicular "
			     "report notices` tells what became of it",
			     SLICE_ARG(t.push.channel),
			     SLICE_ARG(t.push.address),
			     sml_notify_session(t.push.last_no));
	return code;
}

static const struct srv_verb verbs[] = {
	{ "list", "USER", 1, 1, { NULL }, push_list },
	{ "set",
	  "USER DEVICE KEY VALUE [KEY VALUE...]",
	  4,
	  40,
	  { NULL },
	  push_set },
	{ "secret",
	  "USER DEVICE [--password-file FILE | --password-stdin | --generate | "
	  "--none]",
	  2,
	  2,
	  { "--password-file=", "--password-stdin", "--generate", "--none" },
	  push_secret },
	{ "test", "USER DEVICE", 2, 2, { NULL }, push_test },
};

static int
run(const struct srv_args *args)
{
	return srv_call_run(&srv_cmd_push, verbs,
			    sizeof(verbs) / sizeof(verbs[0]), args);
}

const struct srv_command srv_cmd_push = {
	.name = "push",
	.summary = "devices that are woken when there is something to sync",
	.help =
	    "usage: funicular push list USER\n"
	    "       funicular push set USER DEVICE KEY VALUE [KEY VALUE...]\n"
	    "       funicular push secret USER DEVICE [--password-file FILE |\n"
	    "                      --password-stdin | --generate | --none]\n"
	    "       funicular push test USER DEVICE\n"
	    "\n"
	    "A device that is set here gets a notice when somebody else "
	    "changes\n"
	    "what it syncs. secret is the password by which it knows that the\n"
	    "notice is ours; without one the secret made with `device add\n"
	    "--md5` is used, and without that the notice proves nothing. test\n"
	    "sends a notice for all that the device syncs, now. Settings, an\n"
	    "empty value takes one back:\n"
	    "\n"
	    "  to           kannel:NUMBER, ppg:NUMBER, post:ADDRESS, xmpp:JID\n"
	    "               or smtp:MAIL; off\n"
	    "  form         what is sent: san (SyncML 1.2), notification (the\n"
	    "               same by its generic type), 1.1, 1.1-xml, 1.0,\n"
	    "               1.0-xml, emn (mail), text (for people)\n"
	    "  server       name by which the device knows this server\n"
	    "  collections  what it is woken for, commas between\n"
	    "  mail         new (default): new mail wakes it; all: flags and\n"
	    "               deletions do, too\n"
	    "  gap          seconds between two notices, at least (60)\n"
	    "  day          messages in 24 hours, at most; 0: any number\n"
	    "  quiet        hours without notices: 22:00-07:00\n"
	    "  sync         kind of sync asked for, 206 to 210 (206)\n"
	    "  ui           none, background, inform or ask (background)\n"
	    "  mailbox      that a notice of the form emn names:\n"
	    "               mailat:anna@example.org\n"
	    "\n"
	    "  --password-file FILE  the password is the file's first line\n"
	    "  --password-stdin      the first line of the standard input\n"
	    "  --generate            made here and shown once\n"
	    "  --none                none of its own\n"
	    "  --json                print data as JSON\n"
	    "\n"
	    "examples:\n"
	    "  funicular push set anna phone to kannel:+491234567\n"
	    "  funicular push set anna phone quiet 22:00-07:00 gap 300\n"
	    "  funicular push test anna phone\n",
	.run = run,
};
