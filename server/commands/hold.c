/*
 * funicular hold: deletes that the brake held back, and what becomes of them.
 * Until somebody decides, the items stay for all devices but the one that
 * deleted them.
 */
#include "server/commands/call.h"
#include "server/commands/question.h"
#include "syncml/mail_delete.h"

#include <json-c/json.h>

enum { ROWS_MAX = 100000 };

/* ---- list ---- */

static const struct srv_field fields[] = {
	{ "account", "ACCOUNT" },       { "device", "DEVICE" },
	{ "collection", "COLLECTION" }, { "session", "SESSION" },
	{ "items", "ITEMS" },           { "held", "HELD" },
};
enum { ACCOUNT, SESSION = 3, ITEMS, FIELDS = 6 };

static struct json_object *
rows_of(const struct store_table *t, const char *user)
{
	struct json_object *rows = json_object_new_array();

	for (size_t r = 0; r < t->row_n && rows != NULL; r++) {
		const struct slice *cell = &t->cell[r * t->col_n];
		struct json_object *o;

		if (user != NULL && !slice_is(cell[ACCOUNT], user))
			continue;
		o = json_object_new_object();
		for (size_t i = 0; i < FIELDS; i++) {
			int64_t n;

			if ((i == SESSION || i == ITEMS) &&
			    slice_i64(cell[i], &n))
				srv_json_set_int(o, fields[i].key, n);
			else
				srv_json_set_text(o, fields[i].key, cell[i]);
		}
		(void)json_object_array_add(rows, o);
	}
	return rows;
}

static int
hold_list(struct srv_call *c)
{
	const struct srv_question *q = srv_question_find("holds");
	struct store *s = c->site.store;
	struct slice from = SLICE_LIT("1970-01-01T00:00:00Z");
	struct store_table t;
	struct err e = { 0 };
	int64_t account;

	if (c->arg_n > 0) {
		int code = srv_call_account(c, c->arg[0], &account);

		if (code != SRV_EXIT_OK)
			return code;
	}
	if (s->v->query(s, c->a, q->sql, &from, 1, ROWS_MAX, &t, &e) < 0)
		return srv_fail(&e);
	return srv_call_rows(c, fields, FIELDS,
			     rows_of(&t, c->arg_n > 0 ? c->arg[0] : NULL));
}

/* ---- deciding ---- */

/* One held delete, as it is now. */
struct held {
	const struct store_event *event;
	const struct store_item *item;
	const struct store_link *link;
	struct store_map map; /* state 0: the device has no row of it */
};

struct holds {
	struct held *h;
	size_t n;
	size_t back;    /* of them go back to the device */
	int64_t device; /* all are of one session */
};

/* The device's link with the collection; there may be none any more. */
static int
find_link(struct srv_call *c, struct store_tx *tx, struct held *h,
	  const struct holds *known)
{
	struct store_device *dev;
	struct err e = { 0 };
	size_t n;

	if (known->n > 0 && known->h[0].link->id == h->event->link) {
		h->link = known->h[0].link;
		return SRV_EXIT_OK;
	}
	if (tx->v->device_list(tx, c->a, &dev, &n, &e) < 0)
		return srv_fail(&e);
	for (size_t i = 0; i < n; i++) {
		struct store_link *l;
		size_t l_n;

		if (tx->v->link_list(tx, c->a, dev[i].id, &l, &l_n, &e) < 0)
			return srv_fail(&e);
		for (size_t k = 0; k < l_n; k++)
			if (l[k].id == h->event->link)
				h->link = &l[k];
	}
	return SRV_EXIT_OK;
}

static const struct store_item *
item_of(const struct store_item *it, size_t n, int64_t id)
{
	for (size_t i = 0; i < n; i++)
		if (it[i].id == id)
			return &it[i];
	return NULL;
}

/* Does the device live without the item still? */
static int
still_held(struct srv_call *c, struct store_tx *tx, struct held *h, bool *yes)
{
	struct err e = { 0 };
	struct store_map *m;
	size_t n;

	*yes = false;
	if (h->item == NULL || h->item->deleted || h->link == NULL)
		return SRV_EXIT_OK;
	if (tx->v->map_by_item(tx, c->a, h->link->id, h->link->gen,
			       &h->event->item, 1, &m, &n, &e) < 0)
		return srv_fail(&e);
	if (n > 0)
		h->map = m[0];
	*yes = n == 0 || m[0].state == STORE_MAP_GONE;
	return SRV_EXIT_OK;
}

static int
gather(struct srv_call *c, struct store_tx *tx, int64_t session,
       struct holds *out)
{
	struct store_report r;
	struct store_item *it;
	struct err e = { 0 };
	size_t it_n, id_n = 0;
	int64_t *id;

	if (tx->v->report_get(tx, c->a, session, &r, &e) < 0)
		return srv_fail(&e);
	id = ARENA_ARRAY(c->a, r.event_n, int64_t);
	out->h = ARENA_ARRAY(c->a, r.event_n, struct held);
	if (r.event_n > 0 && (id == NULL || out->h == NULL))
		return srv_call_refuse(SRV_EXIT_FAILED, "out of memory");
	for (size_t i = 0; i < r.event_n; i++)
		if (r.event[i].kind == STORE_EVENT_HOLD)
			id[id_n++] = r.event[i].item;
	if (tx->v->item_get(tx, c->a, id, id_n, false, &it, &it_n, &e) < 0)
		return srv_fail(&e);
	for (size_t i = 0; i < r.event_n; i++) {
		struct held *h = &out->h[out->n];
		bool yes;
		int code;

		if (r.event[i].kind != STORE_EVENT_HOLD ||
		    r.event[i].how != STORE_HOW_NONE)
			continue;
		*h = (struct held){
			.event = &r.event[i],
			.item = item_of(it, it_n, r.event[i].item),
		};
		code = find_link(c, tx, h, out);
		if (code == SRV_EXIT_OK)
			code = still_held(c, tx, h, &yes);
		if (code != SRV_EXIT_OK)
			return code;
		if (!yes)
			continue;
		out->n++;
		out->device = h->link == NULL ? 0 : h->link->device;
	}
	if (out->n == 0)
		return srv_call_refuse(
		    SRV_EXIT_NOTFOUND,
		    "session %lld of %s has no deletes that wait for a "
		    "decision (`funicular hold list %s` shows which have)",
		    (long long)session, c->arg[0], c->arg[0]);
	return SRV_EXIT_OK;
}

/* It goes to the device with its next sync. */
static struct store_map
back(const struct held *h)
{
	struct store_map m = h->map;

	m.link = h->link->id;
	m.gen = h->link->gen;
	m.item = h->event->item;
	m.luid = SLICE_LIT("");
	m.state = STORE_MAP_DEBT;
	m.reason = 0;
	return m;
}

static struct store_write
tombstone(const struct store_item *it)
{
	return (struct store_write){
		.item = it->id,
		.deleted = true,
		.collection = it->collection,
		.kind = it->kind,
		.revision = it->last_revision + 1,
		.uid = it->uid,
		.origin = STORE_BY_ADMIN,
		.old_size = it->size,
	};
}

/*
 * Allowed: deleted for everybody, but an edit that was made since wins against
 * the delete. Refused: all go back.
 */
static int
apply(struct srv_call *c, struct store_tx *tx, struct holds *all, bool allowed)
{
	struct store_write *w = ARENA_ARRAY(c->a, all->n, struct store_write);
	struct store_map *m = ARENA_ARRAY(c->a, all->n, struct store_map);
	struct store_item *goes = ARENA_ARRAY(c->a, all->n, struct store_item);
	struct err e = { 0 };
	size_t effects = 0;
	size_t w_n = 0;

	if (w == NULL || m == NULL || goes == NULL)
		return srv_call_refuse(SRV_EXIT_FAILED, "out of memory");
	for (size_t i = 0; i < all->n; i++) {
		const struct held *h = &all->h[i];

		if (allowed && h->item->revision == h->event->revision)
			goes[w_n++] = *h->item;
		else
			m[all->back++] = back(h);
	}
	for (size_t i = 0; i < w_n; i++)
		w[i] = tombstone(&goes[i]);
	if (sml_mail_delete(tx, c->a, all->device, goes, w_n, &effects, &e) <
		0 ||
	    tx->v->item_put(tx, w, w_n, &e) < 0 ||
	    tx->v->map_put(tx, m, all->back, &e) < 0)
		return srv_fail(&e);
	return SRV_EXIT_OK;
}

static int
decide(struct srv_call *c, bool allowed)
{
	struct holds all = { 0 };
	struct err e = { 0 };
	struct store_tx *tx;
	int64_t session;
	int code;

	if (!slice_i64(slice_c(c->arg[1]), &session))
		return srv_call_usage(c,
				      "a session has a number as its id, not "
				      "\"%s\"",
				      c->arg[1]);
	code = srv_call_begin(c, c->arg[0], STORE_WRITE, &tx);
	if (code != SRV_EXIT_OK)
		return code;
	code = gather(c, tx, session, &all);
	if (code == SRV_EXIT_OK)
		code = apply(c, tx, &all, allowed);
	if (code == SRV_EXIT_OK &&
	    tx->v->holds_decided(
		tx, session, allowed ? STORE_HOW_ALLOWED : STORE_HOW_REFUSED,
		&e) < 0)
		code = srv_fail(&e);
	code = srv_call_end(&tx, code);
	if (code != SRV_EXIT_OK)
		return code;
	if (allowed)
		srv_call_say(c, "%zu items deleted for everybody",
			     all.n - all.back);
	if (all.back > 0)
		srv_call_say(c, "%zu items go back to the device%s", all.back,
			     allowed ? ": somebody edited them since" : "");
	return SRV_EXIT_OK;
}

static int
hold_allow(struct srv_call *c)
{
	return decide(c, true);
}

static int
hold_refuse(struct srv_call *c)
{
	return decide(c, false);
}

static const struct srv_verb verbs[] = {
	{ "list", "[USER]", 0, 1, { NULL }, hold_list },
	{ "allow", "USER SESSION", 2, 2, { NULL }, hold_allow },
	{ "refuse", "USER SESSION", 2, 2, { NULL }, hold_refuse },
};

static int
run(const struct srv_args *args)
{
	return srv_call_run(&srv_cmd_hold, verbs,
			    sizeof(verbs) / sizeof(verbs[0]), args);
}

const struct srv_command srv_cmd_hold = {
	.name = "hold",
	.summary = "deletes that were held back: decide about them",
	.help =
	    "usage: funicular hold list [USER]\n"
	    "       funicular hold allow USER SESSION\n"
	    "       funicular hold refuse USER SESSION\n"
	    "\n"
	    "When a device deletes very much at once (more than 10 items and\n"
	    "more than a fifth of what it held), the items are gone from that\n"
	    "device only: everybody else keeps them until somebody decides.\n"
	    "\n"
	    "`hold list` shows what waits, by session; `funicular session\n"
	    "show` tells what happened there.\n"
	    "\n"
	    "`hold allow` deletes the items for everybody. Those that were\n"
	    "edited since stay, and go back. The deleted ones keep their "
	    "history\n"
	    "(`funicular item show USER ID --history`).\n"
	    "\n"
	    "`hold refuse` sends them back to the device with its next sync.\n"
	    "\n"
	    "  --json  print data as JSON\n"
	    "\n"
	    "A collection where such deletes are usual needs no brake:\n"
	    "`funicular collection set USER NAME --brake no`.\n"
	    "\n"
	    "examples:\n"
	    "  funicular hold list\n"
	    "  funicular hold allow anna 42\n"
	    "  funicular hold refuse anna 42\n",
	.run = run,
};
