/*
 * funicular check: is the database sound?
 */
#include "server/commands/call.h"

#include <json-c/json.h>
#include <stdio.h>

static struct json_object *
findings_json(const struct slice *finding, size_t n)
{
	struct json_object *o = json_object_new_object();
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < n && list != NULL; i++)
		(void)json_object_array_add(list, srv_json_text(finding[i]));
	srv_json_set_bool(o, "sound", n == 0);
	srv_json_set(o, "findings", list);
	return o;
}

static int
check(struct srv_call *c)
{
	struct store *s = c->site.store;
	struct slice *finding;
	struct err e = { 0 };
	size_t n;
	int code;

	if (s->v->check(s, c->a, &finding, &n, &e) < 0)
		return srv_fail(&e);
	if (c->json) {
		code = srv_call_record(c, NULL, 0, findings_json(finding, n));
		if (code != SRV_EXIT_OK)
			return code;
	}
	for (size_t i = 0; i < n; i++)
		srv_call_say(c, "%.*s", SLICE_ARG(finding[i]));
	if (n == 0)
		srv_call_say(c, "the database is sound");
	return n == 0 ? SRV_EXIT_OK : SRV_EXIT_FINDINGS;
}

static const struct srv_verb verbs[] = {
	{ NULL, "", 0, 0, { NULL }, check },
};

static int
run(const struct srv_args *args)
{
	return srv_call_run(&srv_cmd_check, verbs, 1, args);
}

const struct srv_command srv_cmd_check = {
	.name = "check",
	.summary = "look for damage in the database",
	.help =
	    "usage: funicular check\n"
	    "\n"
	    "Reads the whole database: its structure, and that what belongs\n"
	    "together is there (items have their text, maps point at items,\n"
	    "the used bytes add up). Prints a line for each finding. Nothing\n"
	    "is changed; the daemon may run.\n"
	    "\n"
	    "The exit code is 0 when all is sound and 4 when something was\n"
	    "found: then stop the daemon and restore a backup, or report the\n"
	    "findings.\n"
	    "\n"
	    "examples:\n"
	    "  funicular check && funicular backup /var/backups/good.db\n"
	    "  funicular check --json\n",
	.run = run,
};
