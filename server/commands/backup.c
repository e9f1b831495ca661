/*
 * funicular backup: the whole database into a new file, while the daemon runs.
 */
#include "server/commands/call.h"

#include <errno.h>
#include <json-c/json.h>
#include <unistd.h>

static int
backup(struct srv_call *c)
{
	struct store *s = c->site.store;
	const char *path = c->arg[0];
	struct json_object *o;
	struct err e = { 0 };

	if (access(path, F_OK) == 0 || errno != ENOENT)
		return srv_call_refuse(SRV_EXIT_FAILED,
				       "%s is there already, or cannot be "
				       "written: give the name of a new file",
				       path);
	if (s->v->backup(s, path, &e) < 0)
		return srv_fail(&e);
	if (!c->json) {
		srv_call_say(c,
			     "backed up to %s; keep the key file %s with it, "
			     "but not in the same place",
			     path, c->site.conf.key_file);
		return SRV_EXIT_OK;
	}
	o = json_object_new_object();
	srv_json_set_text(o, "backup", slice_c(path));
	srv_json_set_text(o, "key_file", slice_c(c->site.conf.key_file));
	return srv_call_record(c, NULL, 0, o);
}

static const struct srv_verb verbs[] = {
	{ NULL, "FILE", 1, 1, { NULL }, backup },
};

static int
run(const struct srv_args *args)
{
	return srv_call_run(&srv_cmd_backup, verbs, 1, args);
}

const struct srv_command srv_cmd_backup = {
	.name = "backup",
	.summary = "copy the database to a new file, while the daemon runs",
	.help =
	    "usage: funicular backup FILE\n"
	    "\n"
	    "Copies the whole database to FILE, which must not exist; devices\n"
	    "can go on syncing meanwhile. FILE is a database that works as it\n"
	    "is. The key file is not in it: secrets that devices use with\n"
	    "auth-md5 open only with the key file, so keep a copy of that "
	    "too.\n"
	    "\n"
	    "examples:\n"
	    "  funicular backup /var/backups/funicular-$(date +%F).db\n",
	.run = run,
};
