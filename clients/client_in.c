#include "clients/client_int.h"

#include <stdarg.h>
#include <stdio.h>

struct cli_run *
cli_find_run(struct cli *c, struct slice local, struct slice remote)
{
	struct slice names[2] = { local, remote };

	for (size_t k = 0; k < 2; k++) {
		struct slice want = slice_trim(names[k]);

		if (slice_starts(want, "./"))
			want = slice_from(want, 2);
		for (size_t i = 0; want.n > 0 && i < c->run_n; i++) {
			struct cli_db *db = c->runs[i].db;
			struct slice have = k == 0 ? db->local : db->remote;

			if (slice_starts(have, "./"))
				have = slice_from(have, 2);
			if (slice_eq(have, want) ||
			    (k == 1 && slice_ends(want, "/") == false &&
			     want.n > have.n && have.n > 0 &&
			     want.p[want.n - have.n - 1] == '/' &&
			     slice_eq(slice_from(want, want.n - have.n), have)))
				return &c->runs[i];
		}
	}
	return NULL;
}

/* May the server put `type` in the place of what we asked for? Never a type
   that removes what the user did not offer for removal. */
static bool
may_become(int ask, int type)
{
	if (type == ask)
		return true;
	switch (ask) {
	case CLI_TWO_WAY:
	case CLI_REFRESH_FROM_CLIENT:
	case CLI_REFRESH_FROM_SERVER:
		return type == CLI_SLOW;
	case CLI_FROM_CLIENT:
		return type == CLI_SLOW || type == CLI_REFRESH_FROM_CLIENT;
	case CLI_FROM_SERVER:
		return type == CLI_REFRESH_FROM_SERVER;
	default:
		return false;
	}
}

/* 206 to 210 are 200, 202, 203, 204, 205 at the server's wish. */
static int
plain_type(int code)
{
	static const int plain[] = { 200, 202, 203, 204, 205 };

	return code >= 206 && code <= 210 ? plain[code - 206] : code;
}

static int
on_sync_alert(struct cli *c, const struct sml_cmd *cmd, int type, struct err *e)
{
	const struct sml_item *it = cmd->item_n > 0 ? &cmd->items[0] : NULL;
	struct cli_run *r =
	    it == NULL ? NULL : cli_find_run(c, it->target, it->source);
	int code = 200;

	if (r == NULL) {
		cli_owe(c, cmd, SLICE_LIT(""), SLICE_LIT(""), 404);
		return 0;
	}
	r->server_alert = true;
	r->next_server = arena_copy(c->life, it->meta.anchor.next);
	if (r->next_server.p == NULL)
		return err_set(e, ERR_NOMEM, "client.alert", "no memory");
	if (r->db->why[0] != '\0') {
		code = 200;
	} else if (!may_become(r->db->ask, type)) {
		cli_run_fail(r, "the server wants %s, which was not asked for",
			     cli_type_name(type));
		code = 406;
	} else if (type == CLI_TWO_WAY && it->meta.anchor.last.n > 0 &&
		   !slice_eq(it->meta.anchor.last, r->db->last_server)) {
		/* It speaks of another sync than the one we remember. */
		r->db->type = CLI_SLOW;
		code = 508;
	} else {
		r->db->type = type;
	}
	struct cli_owed *o = cli_owe(c, cmd, it->target, it->source, code);
	if (o != NULL)
		o->anchor = arena_copy(c->hold, it->meta.anchor.next);
	return 0;
}

/* The server lost the chain of our chunks. */
static void
on_no_end(struct cli *c)
{
	for (size_t i = 0; i < c->run_n; i++) {
		struct cli_run *r = &c->runs[i];

		if (!r->chunking)
			continue;
		r->chunking = r->have = false;
		r->db->refused++;
		r->db->ops->sent(r->db, r->now.luid, 412);
	}
}

static int
on_alert(struct cli *c, const struct sml_cmd *cmd, struct err *e)
{
	int64_t code = 0;
	int status = 200;

	slice_i64(cmd->data, &code);
	if (code >= 200 && code <= 210)
		return on_sync_alert(c, cmd, plain_type((int)code), e);
	if (code == 223)
		on_no_end(c);
	else if (code != 222 && code != 100)
		status = 406;
	cli_owe(c, cmd, cmd->item_n > 0 ? cmd->items[0].target : SLICE_LIT(""),
		cmd->item_n > 0 ? cmd->items[0].source : SLICE_LIT(""), status);
	return 0;
}

static int
on_get(struct cli *c, const struct sml_cmd *cmd, struct err *e)
{
	struct slice what =
	    cmd->item_n > 0 ? slice_trim(cmd->items[0].target) : SLICE_LIT("");
	struct slice ours = slice_c(cli_devinf_uri(c));

	if (slice_starts(what, "./"))
		what = slice_from(what, 2);
	if (!slice_eq(what, slice_from(ours, 2))) {
		cli_owe(c, cmd, what, SLICE_LIT(""), 404);
		return 0;
	}
	cli_owe(c, cmd, ours, SLICE_LIT(""), 200);
	c->results_for = arena_copy(c->hold, cmd->cmdid);
	c->results_msgref = c->got_msgid;
	if (c->results_for.p == NULL)
		return err_set(e, ERR_NOMEM, "client.get", "no memory");
	return 0;
}

/* Atomic is a promise that files in a directory cannot keep; Sequence only an
   order, which we keep anyway. */
static int
on_sequence(struct cli *c, const struct sml_cmd *cmd, struct err *e)
{
	cli_owe(c, cmd, SLICE_LIT(""), SLICE_LIT(""), 200);
	for (size_t i = 0; i < cmd->kid_n; i++) {
		const struct sml_cmd *k = &cmd->kids[i];

		if (k->tag == SML_SYNC) {
			if (cli_on_sync(c, k, e) != 0)
				return -1;
		} else if (k->tag == SML_ALERT) {
			if (on_alert(c, k, e) != 0)
				return -1;
		} else {
			cli_owe(c, k, SLICE_LIT(""), SLICE_LIT(""), 406);
		}
	}
	return 0;
}

static int
on_command(struct cli *c, const struct sml_cmd *cmd, struct err *e)
{
	/* UNSAFE: -Wswitch-enum is not wanted here: all others get 406 */
	if (cmd->tag == SML_STATUS)
		return cli_on_status(c, cmd, e);
	if (cmd->tag == SML_ALERT)
		return on_alert(c, cmd, e);
	if (cmd->tag == SML_SYNC)
		return cli_on_sync(c, cmd, e);
	if (cmd->tag == SML_GET)
		return on_get(c, cmd, e);
	if (cmd->tag == SML_SEQUENCE)
		return on_sequence(c, cmd, e);
	if (cmd->tag == SML_RESULTS || cmd->tag == SML_PUT) {
		cli_devinf_got(c, cmd);
		cli_owe(c, cmd, SLICE_LIT(""),
			cmd->item_n > 0 ? cmd->items[0].source : SLICE_LIT(""),
			200);
		return 0;
	}
	cli_owe(c, cmd, SLICE_LIT(""), SLICE_LIT(""), 406);
	return 0;
}

/* Does this command bring the session forward? */
static bool
is_news(const struct sml_cmd *cmd)
{
	if (cmd->tag == SML_STATUS)
		return !slice_is(cmd->cmdref, "0") &&
		       !slice_is(cmd->cmd, "Alert");
	return cmd->tag != SML_ALERT || !slice_is(slice_trim(cmd->data), "222");
}

int
cli_on_commands(struct cli *c, const struct sml_msg *m, struct err *e)
{
	bool news = c->phase == CLI_P_SYNC;

	/* Whether the header was accepted decides what all others mean. */
	for (size_t i = 0; i < m->cmd_n; i++)
		if (cli_is_header_status(&m->cmds[i]) &&
		    cli_on_header_status(c, &m->cmds[i], e) != 0)
			return -1;
	if (c->restart || c->again)
		return 0;
	for (size_t i = 0; i < m->cmd_n; i++) {
		news |= is_news(&m->cmds[i]);
		if (on_command(c, &m->cmds[i], e) != 0)
			return -1;
	}
	c->idle = news ? 0 : c->idle + 1;
	if (c->idle > CLI_IDLE_ROUNDS)
		return err_set(e, ERR_PARSE, "client.reply",
			       "the server has nothing more to say and does "
			       "not end the session");
	return 0;
}

struct cli_owed *
cli_owe(struct cli *c, const struct sml_cmd *cmd, struct slice target,
	struct slice source, int code)
{
	struct cli_owed *o;

	if (cmd->noresp || c->got_noresp)
		return NULL;
	o = ARENA_NEW(c->hold, struct cli_owed);
	if (o == NULL) {
		c->short_memory = true;
		return NULL;
	}
	o->msgref = c->got_msgid;
	o->cmdref = arena_copy(c->hold, cmd->cmdid);
	o->cmd = cmd->tag;
	o->target = arena_copy(c->hold, target);
	o->source = arena_copy(c->hold, source);
	o->code = code;
	c->short_memory |=
	    o->cmdref.p == NULL || o->target.p == NULL || o->source.p == NULL;
	*c->owed_tail = o;
	c->owed_tail = &o->next;
	return o;
}

void
cli_run_fail(struct cli_run *r, const char *fmt, ...)
{
	va_list ap;

	if (r->db->why[0] != '\0')
		return;
	va_start(ap, fmt);
	(void)vsnprintf(r->db->why, sizeof(r->db->why), fmt, ap);
	va_end(ap);
	r->active = false;
}
