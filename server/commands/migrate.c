/*
 * funicular migrate: bring the database's schema up to date.
 */
#include "server/commands/call.h"

#include <json-c/json.h>

/* Opening the site has done it, or said why it could not. */
static int
migrate(struct srv_call *c)
{
	struct json_object *o;
	char store[256];

	store_uri_show(c->site.conf.store, store, sizeof(store));
	if (srv_call_flag(c, "--new-key"))
		srv_call_say(c,
			     "%s is the site's key now: every node needs it, "
			     "and secrets made with --md5 have to be made anew",
			     c->site.conf.key_file);
	if (!c->json) {
		srv_call_say(c, "the database is up to date: %s", store);
		return SRV_EXIT_OK;
	}
	o = json_object_new_object();
	srv_json_set_text(o, "store", slice_c(store));
	srv_json_set_bool(o, "up_to_date", true);
	return srv_call_record(c, NULL, 0, o);
}

static const struct srv_verb verbs[] = {
	{ NULL, "[--new-key]", 0, 0, { "--new-key", NULL }, migrate },
};

static int
run(const struct srv_args *args)
{
	return srv_call_run(&srv_cmd_migrate, verbs, 1, args);
}

const struct srv_command srv_cmd_migrate = {
	.name = "migrate",
	.summary = "bring the database's schema up to date",
	.help = "usage: funicular migrate [--new-key]\n"
		"\n"
		"Applies the changes of the database's schema that this "
		"version of\n"
		"funicular needs; does nothing when there are none. It can be\n"
		"repeated, and two at once wait for each other. Make a backup\n"
		"first: there is no way back to the older version.\n"
		"\n"
		"  --new-key    the key file is lost for good: the one that is "
		"there\n"
		"               now becomes the site's\n"
		"\n"
		"examples:\n"
		"  funicular backup before.db && funicular migrate\n",
	.run = run,
};
