/*
 * funicular session: the stories of syncs.
 */
#include "base/log.h"
#include "server/commands/call.h"

#include <json-c/json.h>
#include <stdio.h>

enum { LIMIT = 50, LOOK_BACK = 1000000 };

static const struct srv_field list_fields[] = {
	{ "id", "ID" },
	{ "started", "STARTED" },
	{ "device", "DEVICE" },
	{ "address", "FROM" },
	{ "messages", "MESSAGES" },
	{ "state", "STATE" },
	{ "verdict", "VERDICT" },
	{ "session_id", NULL },
	{ "ended", NULL },
};

static struct slice
state_of(const struct store_session *s)
{
	if (!s->closed)
		return SLICE_LIT("open");
	return s->failed != 0 ? SLICE_LIT("failed") : SLICE_LIT("ok");
}

static struct json_object *
session_json(const struct store_session *s, struct slice device)
{
	struct json_object *o = json_object_new_object();

	srv_json_set_int(o, "id", s->id);
	srv_json_set_time(o, "started", s->started_ms);
	srv_json_set_time(o, "ended", s->last_ms);
	srv_json_set_text(o, "device", device);
	srv_json_set_text(o, "address", s->peer);
	srv_json_set_text(o, "session_id", s->sid);
	srv_json_set_int(o, "messages", s->last_msgid);
	srv_json_set_text(o, "state", state_of(s));
	srv_json_set_text(o, "verdict", s->verdict);
	return o;
}

/* ---- list ---- */

/* 0: every device. */
static int
wanted_device(struct srv_call *c, const struct store_device *dev, size_t n,
	      int64_t *id)
{
	const char *name = srv_call_text(c, "--device");

	*id = 0;
	if (name == NULL)
		return SRV_EXIT_OK;
	for (size_t i = 0; i < n; i++) {
		if (!slice_is(dev[i].dev_id, name) &&
		    !slice_is(dev[i].label, name))
			continue;
		*id = dev[i].id;
		return SRV_EXIT_OK;
	}
	return srv_call_refuse(SRV_EXIT_NOTFOUND,
			       "%s has no device \"%s\" (`funicular device "
			       "list %s` shows all)",
			       c->arg[0], name, c->arg[0]);
}

static int
list_rows(struct srv_call *c, struct store_tx *tx, int64_t limit,
	  struct json_object *rows)
{
	struct store_session *s;
	struct store_device *dev;
	struct err e = { 0 };
	size_t n, dev_n;
	int64_t device;
	int code;

	if (tx->v->device_list(tx, c->a, &dev, &dev_n, &e) < 0)
		return srv_fail(&e);
	code = wanted_device(c, dev, dev_n, &device);
	if (code != SRV_EXIT_OK)
		return code;
	if (tx->v->session_list(tx, c->a, device, (size_t)limit, &s, &n, &e) <
	    0)
		return srv_fail(&e);
	for (size_t i = 0; i < n; i++)
		(void)json_object_array_add(
		    rows, session_json(&s[i], srv_call_device_name(
						  dev, dev_n, s[i].device)));
	return SRV_EXIT_OK;
}

static int
session_list(struct srv_call *c)
{
	struct json_object *rows;
	struct store_tx *tx;
	int64_t limit = LIMIT;
	int code = srv_call_number(c, "--limit", 1, &limit);

	if (code == SRV_EXIT_OK)
		code = srv_call_begin(c, c->arg[0], STORE_READ, &tx);
	if (code != SRV_EXIT_OK)
		return code;
	rows = json_object_new_array();
	if (rows == NULL)
		code = srv_call_refuse(SRV_EXIT_FAILED, "out of memory");
	else
		code = list_rows(c, tx, limit, rows);
	code = srv_call_end(&tx, code);
	if (code != SRV_EXIT_OK) {
		(void)json_object_put(rows);
		return code;
	}
	return srv_call_rows(
	    c, list_fields, sizeof(list_fields) / sizeof(list_fields[0]), rows);
}

/* ---- show ---- */

struct tale {
	struct store_session session;
	struct slice device;
	struct store_story *line;
	size_t n;
};

static int
find(struct srv_call *c, struct store_tx *tx, int64_t id, struct tale *t)
{
	struct store_session *s;
	struct store_device *dev;
	struct err e = { 0 };
	size_t n, dev_n;

	if (tx->v->session_list(tx, c->a, 0, LOOK_BACK, &s, &n, &e) < 0 ||
	    tx->v->device_list(tx, c->a, &dev, &dev_n, &e) < 0)
		return srv_fail(&e);
	for (size_t i = 0; i < n; i++) {
		if (s[i].id != id)
			continue;
		t->session = s[i];
		t->device = srv_call_device_name(dev, dev_n, s[i].device);
		if (tx->v->story_get(tx, c->a, id, &t->line, &t->n, &e) < 0)
			return srv_fail(&e);
		return SRV_EXIT_OK;
	}
	return srv_call_refuse(SRV_EXIT_NOTFOUND,
			       "%s has no session %lld (`funicular session "
			       "list %s` shows the last ones)",
			       c->arg[0], (long long)id, c->arg[0]);
}

static const char *
arrow(char who)
{
	return who == '>' ? "->" : who == '<' ? "<-" : "= ";
}

static const char *
speaker(char who)
{
	return who == '>' ? "device" : who == '<' ? "server" : "decision";
}

/* "2026-01-02T03:04:05.678Z": events of one message lie close together. */
static void
time_text(int64_t ms, char out[static 32])
{
	char second[21];

	clk_iso(ms, second);
	second[19] = '\0'; /* the Z goes behind the fraction */
	(void)snprintf(out, 32, "%s.%03dZ", second, (int)(ms % 1000));
}

static void
put_line(const struct tale *t, int64_t ms, const char *sign, struct slice text)
{
	char at[32], safe[1024];

	time_text(ms, at);
	(void)printf("%s  %.*s  %s %s\n", at, SLICE_ARG(t->session.peer), sign,
		     log_quote(text, safe, sizeof(safe)));
}

static void
print_tale(const struct srv_call *c, const struct tale *t)
{
	const struct store_session *s = &t->session;
	char device[256], sid[256];

	(void)printf("session %lld of %s, device %s, SessionID %s, %lld "
		     "messages\n",
		     (long long)s->id, c->arg[0],
		     log_quote(t->device, device, sizeof(device)),
		     log_quote(s->sid, sid, sizeof(sid)),
		     (long long)s->last_msgid);
	for (size_t i = 0; i < t->n; i++)
		put_line(t, t->line[i].at_ms, arrow(t->line[i].who),
			 t->line[i].text);
	put_line(t, s->last_ms, "==",
		 s->closed ? (s->verdict.n > 0 ? s->verdict : state_of(s))
			   : SLICE_LIT("still open"));
}

static struct json_object *
tale_json(const struct tale *t)
{
	struct json_object *o = session_json(&t->session, t->device);
	struct json_object *lines = json_object_new_array();

	for (size_t i = 0; i < t->n && lines != NULL; i++) {
		struct json_object *l = json_object_new_object();
		char at[32];

		time_text(t->line[i].at_ms, at);
		srv_json_set_text(l, "at", slice_c(at));
		srv_json_set_text(l, "who", slice_c(speaker(t->line[i].who)));
		srv_json_set_text(l, "text", t->line[i].text);
		(void)json_object_array_add(lines, l);
	}
	srv_json_set(o, "story", lines);
	return o;
}

static int
session_show(struct srv_call *c)
{
	struct tale t = { 0 };
	struct store_tx *tx;
	int64_t id;
	int code;

	if (!slice_i64(slice_c(c->arg[1]), &id))
		return srv_call_usage(c,
				      "a session has a number as its id, not "
				      "\"%s\"",
				      c->arg[1]);
	code = srv_call_begin(c, c->arg[0], STORE_READ, &tx);
	if (code != SRV_EXIT_OK)
		return code;
	code = srv_call_end(&tx, find(c, tx, id, &t));
	if (code != SRV_EXIT_OK)
		return code;
	if (c->json)
		return srv_call_record(c, NULL, 0, tale_json(&t));
	print_tale(c, &t);
	return SRV_EXIT_OK;
}

static const struct srv_verb verbs[] = {
	{ "list",
	  "USER [--device DEVICE] [--limit N]",
	  1,
	  1,
	  { "--device=", "--limit=" },
	  session_list },
	{ "show", "USER ID", 2, 2, { NULL }, session_show },
};

static int
run(const struct srv_args *args)
{
	return srv_call_run(&srv_cmd_session, verbs,
			    sizeof(verbs) / sizeof(verbs[0]), args);
}

const struct srv_command srv_cmd_session = {
	.name = "session",
	.summary = "what devices did, sync by sync",
	.help =
	    "usage: funicular session list USER [--device DEVICE] [--limit N]\n"
	    "       funicular session show USER ID\n"
	    "\n"
	    "`session list` shows the newest sessions first; `session show`\n"
	    "tells the story of one, a line for each event:\n"
	    "\n"
	    "  ->  the device said\n"
	    "  <-  the server said\n"
	    "  =   the server decided\n"
	    "  ==  how it ended; in the counts + is added, ~ replaced,\n"
	    "      - deleted, ! failed\n"
	    "\n"
	    "  --device DEVICE  only of this device (label or id)\n"
	    "  --limit N        at most N sessions (50)\n"
	    "  --json           print data as JSON\n"
	    "\n"
	    "examples:\n"
	    "  funicular session list anna\n"
	    "  funicular session list anna --device \"Anna's phone\" --limit "
	    "5\n"
	    "  funicular session show anna 42\n",
	.run = run,
};
