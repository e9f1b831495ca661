/*
 * funicular alarm: what will be reminded of, and what became of it.
 */
#include "pim/calendar_time.h"
#include "server/alarms/alarms.h"
#include "server/alarms/ways.h"
#include "server/commands/call.h"
#include "syncml/due.h"

#include <json-c/json.h>
#include <stdio.h>

enum { LIMIT = 50, LIMIT_MAX = 100000, TITLE_BYTES = 60 };

static const struct srv_field next_fields[] = {
	{ "due", "DUE" },     { "user", "USER" },   { "item", "ITEM" },
	{ "title", "TITLE" }, { "start", "START" },
};

static int
limit_of(const struct srv_call *c, int64_t *limit)
{
	int code = srv_call_number(c, "--limit", 1, limit);

	if (code == SRV_EXIT_OK && *limit > LIMIT_MAX)
		return srv_call_usage(c, "--limit: %d at most", LIMIT_MAX);
	return code;
}

/* The row of one item whose alarm is due; NULL: it has none then. */
static struct json_object *
next_json(struct srv_call *c, const struct store_account *acc,
	  const struct store_item *it, int64_t due_ms)
{
	struct pim_alarm_ask ask = sml_due_ask(acc, due_ms - 1);
	struct json_object *o = json_object_new_object();
	struct pim_item *pim;
	struct pim_alarm al;
	bool found = false;

	srv_json_set_time(o, "due", due_ms);
	srv_json_set_text(o, "user", acc->user);
	srv_json_set_int(o, "item", it->id);
	if (pim_parse(c->a, (enum pim_kind)it->kind, it->body, &pim, NULL) == 0)
		srv_json_set_text(
		    o, "title",
		    srv_say_line(c->a, pim_title(c->a, pim), TITLE_BYTES));
	else
		return o;
	if (pim_alarm_next(c->a, pim, &ask, &al, &found, NULL) == 0 && found)
		srv_json_set_time(o, "start", al.start_ms);
	return o;
}

static int
next_rows(struct srv_call *c, struct store_tx *tx, int64_t upto, int64_t limit,
	  struct json_object *rows)
{
	struct store_account acc;
	struct store_alarm_next *row;
	struct store_item *it;
	struct err e = { 0 };
	int64_t *id;
	size_t n;
	size_t it_n;

	if (tx->v->account_get(tx, c->a, &acc, &e) < 0 ||
	    tx->v->alarm->next_list(tx, c->a, upto, (size_t)limit, &row, &n,
				    &e) < 0)
		return srv_fail(&e);
	id = ARENA_ARRAY(c->a, n, int64_t);
	for (size_t i = 0; id != NULL && i < n; i++)
		id[i] = row[i].item;
	if (id == NULL ||
	    tx->v->item_get(tx, c->a, id, n, true, &it, &it_n, &e) < 0)
		return srv_fail(&e);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < it_n; k++) {
			if (it[k].id == row[i].item && !it[k].deleted)
				(void)json_object_array_add(
				    rows,
				    next_json(c, &acc, &it[k], row[i].due_ms));
		}
	}
	return SRV_EXIT_OK;
}

static int
show(struct srv_call *c, int code, struct json_object *rows)
{
	if (code == SRV_EXIT_OK)
		return srv_call_rows(
		    c, next_fields,
		    sizeof(next_fields) / sizeof(next_fields[0]), rows);
	(void)json_object_put(rows);
	return code;
}

static int
alarm_list(struct srv_call *c)
{
	struct json_object *rows;
	struct store_tx *tx;
	int64_t limit = LIMIT;
	int code = limit_of(c, &limit);

	if (code == SRV_EXIT_OK)
		code = srv_call_begin(c, c->arg[0], STORE_READ, &tx);
	if (code != SRV_EXIT_OK)
		return code;
	rows = json_object_new_array();
	code = srv_call_end(&tx, next_rows(c, tx, INT64_MAX, limit, rows));
	return show(c, code, rows);
}

/* ---- due ---- */

static int
time_of(const struct srv_call *c, int64_t *ms)
{
	const char *text = srv_call_text(c, "--at");
	struct pim_time t;

	*ms = c->site.clk->now_ms(c->site.clk);
	if (text == NULL)
		return SRV_EXIT_OK;
	if (!pim_time_parse(slice_c(text), &t) || t.date || !t.utc)
		return srv_call_usage(c, "--at wants a time in UTC, as "
					 "2026-03-01T08:00:00Z");
	*ms = t.wall * 1000;
	return SRV_EXIT_OK;
}

static bool
is_new(const struct store_alarm_next *row, size_t i, int64_t at)
{
	for (size_t k = 0; k < i; k++) {
		if (row[k].account == row[i].account && row[k].due_ms <= at)
			return false;
	}
	return row[i].due_ms <= at;
}

static int
due_rows(struct srv_call *c, int64_t at, int64_t limit,
	 struct json_object *rows)
{
	struct store *s = c->site.store;
	bool all[STORE_BUCKETS];
	struct store_alarm_next *row;
	struct err e = { 0 };
	size_t n;

	memset(all, 1, sizeof(all));
	if (s->v->alarm->due(s, c->a, all, (size_t)limit, &row, &n, &e) < 0)
		return srv_fail(&e);
	for (size_t i = 0; i < n; i++) {
		int64_t room = limit - (int64_t)json_object_array_length(rows);
		struct store_tx *tx;
		int code;

		if (!is_new(row, i, at))
			continue;
		if (room <= 0)
			break;
		if (s->v->begin(s, row[i].account, STORE_READ, at, &tx, &e) <
		    0) {
			if (e.code == ERR_NOTFOUND)
				continue;
			return srv_fail(&e);
		}
		code = srv_call_end(&tx, next_rows(c, tx, at, room, rows));
		if (code != SRV_EXIT_OK)
			return code;
	}
	return SRV_EXIT_OK;
}

static int
alarm_due(struct srv_call *c)
{
	struct json_object *rows;
	int64_t limit = LIMIT;
	int64_t at;
	int code = limit_of(c, &limit);

	if (code == SRV_EXIT_OK)
		code = time_of(c, &at);
	if (code != SRV_EXIT_OK)
		return code;
	rows = json_object_new_array();
	return show(c, due_rows(c, at, limit, rows), rows);
}

/* ---- sent ---- */

static const struct srv_field sent_fields[] = {
	{ "due", "DUE" },       { "channel", "BY" }, { "address", "TO" },
	{ "state", "STATE" },   { "sent", "SENT" },  { "receipt", "RECEIPT" },
	{ "item", "ITEM" },     { "reason", "WHY" }, { "id", NULL },
	{ "recurrence", NULL }, { "late", NULL },    { "attempts", NULL },
	{ "written", NULL },
};

static const char *
state_of(enum store_delivery_state s)
{
	switch (s) {
	case STORE_DELIVERY_QUEUED:
		return "queued";
	case STORE_DELIVERY_SENT:
		return "sent";
	case STORE_DELIVERY_RECEIPT:
		return "receipt";
	case STORE_DELIVERY_FAILED:
		return "failed";
	case STORE_DELIVERY_DROPPED:
		break;
	}
	return "dropped";
}

static struct json_object *
sent_json(const struct store_delivery *d)
{
	struct json_object *o = json_object_new_object();

	srv_json_set_text(o, "id", d->id);
	srv_json_set_time(o, "due", d->due_ms);
	srv_json_set_time(o, "written", d->written_ms);
	srv_json_set_text(o, "channel", d->channel);
	srv_json_set_text(o, "address", d->address);
	srv_json_set_text(o, "state", slice_c(state_of(d->state)));
	srv_json_set_text(o, "reason", d->reason);
	srv_json_set_time(o, "sent", d->sent_ms);
	srv_json_set_time(o, "receipt", d->receipt_ms);
	srv_json_set_int(o, "item", d->item);
	srv_json_set_text(o, "recurrence", d->recurrence);
	srv_json_set_bool(o, "late", d->late);
	srv_json_set_int(o, "attempts", d->attempts);
	return o;
}

static int
alarm_sent(struct srv_call *c)
{
	struct store_delivery *d;
	struct json_object *rows;
	struct store_tx *tx;
	struct err e = { 0 };
	int64_t limit = LIMIT;
	size_t n = 0;
	int code = limit_of(c, &limit);

	if (code == SRV_EXIT_OK)
		code = srv_call_begin(c, c->arg[0], STORE_READ, &tx);
	if (code != SRV_EXIT_OK)
		return code;
	if (tx->v->alarm->delivery_list(tx, c->a, 0, (size_t)limit, &d, &n,
					&e) < 0)
		code = srv_fail(&e);
	code = srv_call_end(&tx, code);
	if (code != SRV_EXIT_OK)
		return code;
	rows = json_object_new_array();
	for (size_t i = 0; rows != NULL && i < n; i++) {
		/* Those to devices are told of by `report notices`. */
		if (d[i].kind != STORE_DELIVERY_PUSH)
			(void)json_object_array_add(rows, sent_json(&d[i]));
	}
	return srv_call_rows(
	    c, sent_fields, sizeof(sent_fields) / sizeof(sent_fields[0]), rows);
}

/* ---- test, again ---- */

static int
alarm_test(struct srv_call *c)
{
	struct store_tx *tx;
	struct err e = { 0 };
	size_t n = 0;
	int code = srv_call_begin(c, c->arg[0], STORE_WRITE, &tx);

	if (code != SRV_EXIT_OK)
		return code;
	if (srv_alarm_test(tx, c->a, &n, &e) < 0)
		code = srv_fail(&e);
	else if (n == 0)
		code = srv_call_refuse(SRV_EXIT_FAILED,
				       "%s has no address for reminders "
				       "(`funicular user set %s jid ADDRESS`)",
				       c->arg[0], c->arg[0]);
	code = srv_call_end(&tx, code);
	if (code == SRV_EXIT_OK)
		srv_call_say(c,
			     "queued for %zu address%s; `funicular alarm sent "
			     "%s` tells what became of it",
			     n, n == 1 ? "" : "es", c->arg[0]);
	return code;
}

static int
again_all(struct srv_call *c)
{
	struct store *s = c->site.store;
	int64_t now = c->site.clk->now_ms(c->site.clk);
	struct store_account *acc;
	struct err e = { 0 };
	size_t done = 0;
	size_t n;

	if (s->v->account_list(s, c->a, &acc, &n, &e) < 0)
		return srv_fail(&e);
	for (size_t i = 0; i < n; i++) {
		struct store_tx *tx;
		int code;

		if (!acc[i].alarm.on)
			continue;
		if (s->v->begin(s, acc[i].id, STORE_WRITE, now, &tx, &e) < 0) {
			if (e.code == ERR_NOTFOUND)
				continue;
			return srv_fail(&e);
		}
		code = srv_ways_again(tx, &e) < 0 ? srv_fail(&e) : SRV_EXIT_OK;
		code = srv_call_end(&tx, code);
		if (code != SRV_EXIT_OK)
			return code;
		done++;
	}
	srv_call_say(c, "the alarms of %zu user%s are computed anew", done,
		     done == 1 ? "" : "s");
	return SRV_EXIT_OK;
}

static int
alarm_again(struct srv_call *c)
{
	struct store_tx *tx;
	struct err e = { 0 };
	int code;

	if (c->arg[0] == NULL)
		return again_all(c);
	code = srv_call_begin(c, c->arg[0], STORE_WRITE, &tx);
	if (code != SRV_EXIT_OK)
		return code;
	if (srv_ways_again(tx, &e) < 0)
		code = srv_fail(&e);
	code = srv_call_end(&tx, code);
	if (code == SRV_EXIT_OK)
		srv_call_say(c, "the alarms of %s are computed anew",
			     c->arg[0]);
	return code;
}

static const struct srv_verb verbs[] = {
	{ "due",
	  "[--at TIME] [--limit N]",
	  0,
	  0,
	  { "--at=", "--limit=" },
	  alarm_due },
	{ "list", "USER [--limit N]", 1, 1, { "--limit=" }, alarm_list },
	{ "sent", "USER [--limit N]", 1, 1, { "--limit=" }, alarm_sent },
	{ "test", "USER", 1, 1, { NULL }, alarm_test },
	{ "again", "[USER]", 0, 1, { NULL }, alarm_again },
};

static int
run(const struct srv_args *args)
{
	return srv_call_run(&srv_cmd_alarm, verbs,
			    sizeof(verbs) / sizeof(verbs[0]), args);
}

const struct srv_command srv_cmd_alarm = {
	.name = "alarm",
	.summary = "coming reminders, and what became of those sent",
	.help =
	    "usage: funicular alarm due [--at TIME] [--limit N]\n"
	    "       funicular alarm list USER [--limit N]\n"
	    "       funicular alarm sent USER [--limit N]\n"
	    "       funicular alarm test USER\n"
	    "       funicular alarm again [USER]\n"
	    "\n"
	    "due shows what is due, or will be at a time, and was not taken "
	    "up\n"
	    "yet, of all users; list the next alarm of each item of a user;\n"
	    "sent what was queued for a user and what became of it, the last\n"
	    "one first. test queues a message to each of the user's "
	    "addresses.\n"
	    "again computes all alarms of a user, or of all, anew: after an\n"
	    "update of the system's time zones, say.\n"
	    "\n"
	    "Whom reminders go to says `funicular user set USER jid ADDRESS`.\n"
	    "\n"
	    "  --at TIME     in UTC, as 2026-03-01T08:00:00Z; else now\n"
	    "  --limit N     so many rows (50)\n"
	    "  --json        print data as JSON\n"
	    "\n"
	    "examples:\n"
	    "  funicular alarm due --at 2026-12-24T18:00:00Z\n"
	    "  funicular alarm list anna\n"
	    "  funicular alarm sent anna --json\n",
	.run = run,
};
