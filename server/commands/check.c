/*
 * funicular check: is the database sound?
 */
#include "server/alarms/ways.h"
#include "server/commands/call.h"

#include <json-c/json.h>
#include <stdio.h>

enum { ALARMS_MAX = 100 }; /* findings of theirs */

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

struct found {
	struct slice *p;
	size_t n;
};

static int
add(struct srv_call *c, struct found *f, const struct slice *more, size_t n)
{
	struct slice *all = ARENA_ARRAY(c->a, f->n + n, struct slice);

	if (all == NULL)
		return -1;
	for (size_t i = 0; i < f->n; i++)
		all[i] = f->p[i];
	for (size_t i = 0; i < n; i++)
		all[f->n + i] = more[i];
	f->p = all;
	f->n += n;
	return 0;
}

/* What no statement can tell: when an item's alarm goes off. */
static int
alarms(struct srv_call *c, struct found *f, struct err *e)
{
	struct store *s = c->site.store;
	int64_t now = c->site.clk->now_ms(c->site.clk);
	struct store_account *acc;
	size_t n;

	if (s->v->account_list(s, c->a, &acc, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n && f->n < ALARMS_MAX; i++) {
		struct store_tx *tx;
		struct slice *more;
		size_t k;
		int rc;

		if (!acc[i].alarm.on ||
		    s->v->begin(s, acc[i].id, STORE_READ, now, &tx, NULL) < 0)
			continue;
		rc = srv_ways_compare(tx, c->a, ALARMS_MAX, &more, &k, e);
		tx->v->rollback(&tx);
		if (rc < 0)
			return -1;
		if (k > 0 && add(c, f, more, k) < 0)
			return err_set(e, ERR_NOMEM, "check", "out of memory");
	}
	return 0;
}

static int
check(struct srv_call *c)
{
	struct store *s = c->site.store;
	struct found f = { .n = 0 };
	const struct slice *finding;
	struct err e = { 0 };
	size_t n;
	int code;

	if (s->v->check(s, c->a, &f.p, &f.n, &e) < 0 ||
	    /* Items that are damaged have no alarms to look at. */
	    (f.n == 0 && alarms(c, &f, &e) < 0))
		return srv_fail(&e);
	finding = f.p;
	n = f.n;
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
	    "the used bytes add up, each alarm has its row). Prints a line\n"
	    "for each finding. Nothing is changed; the daemon may run.\n"
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
