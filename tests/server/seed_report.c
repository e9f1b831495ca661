/*
 * A site with something to report, at times that do not change: for
 * report_test.py and the samples in docs/reporting.md.
 *
 * usage: seed_report STORE-URI
 */
#include "backends/store.h"

#include <stdio.h>
#include <stdlib.h>

#define DAY INT64_C(86400000)
#define HOUR INT64_C(3600000)
#define NOON INT64_C(1792411200000) /* 2026-10-19T12:00:00Z */

static struct err err;
static struct store *store;

static void
good(int rc, const char *what)
{
	if (rc >= 0)
		return;
	(void)fprintf(stderr, "seed: %s: %s\n", what, err.msg);
	exit(1);
}

static struct store_tx *
begin(int64_t account, int64_t ms)
{
	struct store_tx *tx = NULL;

	good(store->v->begin(store, account, STORE_WRITE, ms, &tx, &err),
	     "begin");
	return tx;
}

static void
commit(struct store_tx *tx)
{
	good(tx->v->commit(&tx, &err), "commit");
}

struct who {
	const char *user, *dev_id, *label, *model;
	int64_t account, device, link;
};

static struct who people[] = {
	{ "anna", "IMEI:004401130000001", "Anna's phone", "E61", 0, 0, 0 },
	{ "bert", "IMEI:004401130000002", "Bert, old", "K750i", 0, 0, 0 },
	{ "carla", "=HYPERLINK(\"x\")", "Carla", "N95, black", 0, 0, 0 },
};
enum { PEOPLE = sizeof(people) / sizeof(people[0]) };

static void
put_person(struct who *w, int64_t ok_ms)
{
	const struct store_account acc = { .user = slice_c(w->user),
					   .zone = SLICE_LIT("Europe/Berlin"),
					   .created_ms = NOON - 100 * DAY };
	struct store_collection col = { .id = 1,
					.name = SLICE_LIT("contacts"),
					.display = SLICE_LIT("Contacts"),
					.kinds = 1,
					.member = { 1 },
					.member_n = 1 };
	struct store_device d = { .dev_id = slice_c(w->dev_id),
				  .label = slice_c(w->label),
				  .man = SLICE_LIT("Example"),
				  .mod = slice_c(w->model),
				  .swv = SLICE_LIT("1.0"),
				  .first_ms = NOON - 90 * DAY,
				  .last_ms = ok_ms,
				  .last_addr = SLICE_LIT("192.0.2.7") };
	struct store_link l = { .client_db = SLICE_LIT("./contacts"),
				.collection = 1,
				.gen = 1,
				.last_ok_ms = ok_ms };
	struct store_tx *tx;

	good(store->v->account_create(store, &acc, &w->account, &err),
	     "account");
	tx = begin(w->account, NOON - 90 * DAY);
	col.member[0] = col.id = tx->next_id++;
	good(tx->v->collection_put(tx, &col, &err), "collection");
	w->device = d.id = tx->next_id++;
	good(tx->v->device_put(tx, &d, &err), "device");
	w->link = l.id = tx->next_id++;
	l.device = d.id;
	l.collection = col.id;
	good(tx->v->link_put(tx, &l, &err), "link");
	commit(tx);
}

/* n items of so many bytes each; gives the first one's number. */
static int64_t
put_items(const struct who *w, int n, size_t bytes, int64_t ms)
{
	struct store_tx *tx = begin(w->account, ms);
	char *body = malloc(bytes);
	int64_t first = tx->next_id;

	if (body == NULL)
		exit(1);
	memset(body, 'x', bytes);
	for (int i = 0; i < n; i++) {
		struct store_write s = { .item = tx->next_id++,
					 .create = true,
					 .collection = 1,
					 .kind = 1,
					 .revision = 1,
					 .body = { body, bytes },
					 .origin = STORE_BY_DEVICE,
					 .device = w->device };

		good(tx->v->item_put(tx, &s, 1, &err), "item");
	}
	free(body);
	commit(tx);
	return first;
}

static int64_t
put_session(const struct who *w, int64_t ms, int64_t messages, int64_t failed,
	    const char *verdict, struct store_session_store s)
{
	struct store_tx *tx = begin(w->account, ms);
	const struct store_session row = {
		.id = tx->next_id++,
		.device = w->device,
		.sid = SLICE_LIT("1"),
		.peer = SLICE_LIT("192.0.2.7"),
		.closed = true,
		.failed = failed,
		.started_ms = ms,
		.last_ms = ms + messages * 1500,
		.last_msgid = messages,
		.verdict = slice_c(verdict),
	};
	const struct store_report r = { &s, 1, NULL, 0 };

	s.session = row.id;
	s.link = w->link;
	s.collection = 1;
	s.complete = failed == 0;
	good(tx->v->session_put(tx, &row, NULL, &err), "session");
	good(tx->v->report_put(tx, &r, &err), "report");
	commit(tx);
	return row.id;
}

static void
put_events(const struct who *w, int64_t session, int64_t item, int64_t ms)
{
	struct store_event v[] = {
		{ session, w->link, STORE_EVENT_MATCH, item, 1, STORE_HOW_LUID,
		  0 },
		{ session, w->link, STORE_EVENT_MATCH, item + 1, 1,
		  STORE_HOW_CONTENT, 0 },
		{ session, w->link, STORE_EVENT_MATCH, item + 2, 1,
		  STORE_HOW_CONTENT, 0 },
		{ session, w->link, STORE_EVENT_CONFLICT, item + 1, 1,
		  STORE_HOW_DEVICE, 0 },
		{ session, w->link, STORE_EVENT_HOLD, item + 3, 1,
		  STORE_HOW_NONE, 0 },
		{ session, w->link, STORE_EVENT_HOLD, item + 4, 1,
		  STORE_HOW_NONE, 0 },
	};
	const struct store_report r = { NULL, 0, v, 6 };
	struct store_tx *tx = begin(w->account, ms);

	good(tx->v->report_put(tx, &r, &err), "events");
	commit(tx);
}

static void
put_sessions(void)
{
	const struct store_session_store two_way = { .asked = 200,
						     .done = 200,
						     .in = { 1, 2, 0, 0 },
						     .out = { 0, 1, 0, 0 } };
	const struct store_session_store slow = { .asked = 200,
						  .done = 201,
						  .forced = true,
						  .why = SLICE_LIT(
						      "anchors do not fit"),
						  .in = { 0, 1, 0, 0 },
						  .matched = 3,
						  .conflicts = 1,
						  .held_back = 2 };
	const struct store_session_store first = { .asked = 200,
						   .done = 201,
						   .forced = true,
						   .first = true,
						   .why =
						       SLICE_LIT("first sync"),
						   .in = { 40, 0, 0, 0 } };
	int64_t item = put_items(&people[0], 40, 300, NOON - 20 * DAY);
	int64_t s;

	(void)put_items(&people[1], 2, 180000, NOON - 70 * DAY);
	(void)put_items(&people[2], 1, 95000, NOON - 2 * DAY);
	(void)put_session(&people[0], NOON - 20 * DAY, 9, 0,
			  "ok: contacts slow -> +40 ~0 -0 <- +0 ~0 -0", first);
	for (int64_t i = 1; i < 4; i++)
		(void)put_session(
		    &people[0], NOON - i * DAY, 4, 0,
		    "ok: contacts two-way -> +1 ~2 -0 <- +0 ~1 -0", two_way);
	s = put_session(&people[0], NOON, 6, 0,
			"ok: contacts slow -> +0 ~1 -0 <- +0 ~0 -0 matched 3 "
			"conflicts 1 deletes held 2",
			slow);
	put_events(&people[0], s, item, NOON);
	(void)put_session(&people[2], NOON - HOUR, 2, 1,
			  "ended: a message came out of order", two_way);
	(void)put_session(&people[2], NOON - 2 * HOUR, 3, 1,
			  "open: contacts two-way", two_way);
}

/* One on time, one late, one to an address that is not there. */
static void
put_reminders(const struct who *who, int64_t item)
{
	struct store_delivery d = { .kind = STORE_DELIVERY_ALARM,
				    .item = item,
				    .due_ms = NOON,
				    .channel = SLICE_LIT("xmpp"),
				    .address = SLICE_LIT("anna@example.com"),
				    .next_ms = INT64_MAX };
	struct store_delivery v[3] = { d, d, d };
	struct store_tx *tx = begin(who->account, NOON);

	v[0].id = SLICE_LIT("fn-0");
	v[0].state = STORE_DELIVERY_RECEIPT;
	v[0].sent_ms = NOON + 40;
	v[0].receipt_ms = NOON + 900;
	v[1].id = SLICE_LIT("fn-1");
	v[1].due_ms = NOON + 1000;
	v[1].state = STORE_DELIVERY_SENT;
	v[1].sent_ms = NOON + 93000;
	v[1].attempts = 4;
	v[2].id = SLICE_LIT("fn-2");
	v[2].channel = SLICE_LIT("smtp");
	v[2].state = STORE_DELIVERY_FAILED;
	v[2].reason = SLICE_LIT("550 no such user");
	good(tx->v->alarm->delivery_add(tx, v, 3, &err), "reminders");
	commit(tx);
}

/* One that was answered, one that was not. */
static void
put_notices(const struct who *who)
{
	struct store_delivery d[2] = { 0 };
	struct store_notice v[2] = { 0 };
	struct store_tx *tx = begin(who->account, NOON);

	for (int i = 0; i < 2; i++) {
		d[i] = (struct store_delivery){
			.id = i == 0 ? SLICE_LIT("fn-p1") : SLICE_LIT("fn-p2"),
			.kind = STORE_DELIVERY_PUSH,
			.channel = SLICE_LIT("kannel"),
			.address = SLICE_LIT("+491234567"),
			.state = STORE_DELIVERY_SENT,
			.sent_ms = tx->now_ms + i * 600000 + 5,
			.next_ms = INT64_MAX,
		};
		v[i] = (struct store_notice){
			.device = who->device,
			.no = i + 1,
			.collection = 1,
			.delivery = d[i].id,
			.event_ms = tx->now_ms + i * 600000,
			.queued_ms = tx->now_ms + i * 600000 + 1,
		};
	}
	v[0].session = 1;
	v[0].started_ms = d[0].sent_ms + 4200;
	v[0].answer = STORE_NOTICE_SID;
	good(tx->v->alarm->delivery_add(tx, d, 2, &err), "notices");
	good(tx->v->push->notice_add(tx, v, 2, &err), "notices");
	commit(tx);
}

/* A mailbox that is away, with something that waits for it. */
static void
put_mail(const struct who *who, int64_t item)
{
	const struct store_mail_login l = {
		.on = true,
		.host = SLICE_LIT("imap.example.org"),
		.port = 993,
		.security = STORE_MAIL_TLS,
		.health = STORE_MAIL_AWAY,
		.why = SLICE_LIT("the server hung up"),
		.last_ms = NOON - HOUR,
		.next_ms = NOON + HOUR,
		.fails = 2,
	};
	const struct store_mail_effect f = {
		.id = SLICE_LIT("f-1-2"),
		.what = STORE_EFFECT_FLAGS,
		.item = item,
		.flags_on = 1,
		.state = STORE_EFFECT_QUEUED,
		.next_ms = NOON,
	};
	struct store_tx *tx = begin(who->account, NOON);

	good(tx->v->mail->login_put(tx, &l, &err), "login");
	good(tx->v->mail->effect_add(tx, &f, 1, &err), "effect");
	commit(tx);
}

static void
put_site(void)
{
	const struct store_auth_day in[] = {
		{ NOON / DAY, SLICE_LIT("anna"), SLICE_LIT("203.0.113.0/24"),
		  STORE_AUTH_WRONG, 12, NOON },
		{ NOON / DAY, SLICE_LIT("anna"), SLICE_LIT("203.0.113.0/24"),
		  STORE_AUTH_HELD, 80, NOON + HOUR },
		{ NOON / DAY, SLICE_LIT("root"), SLICE_LIT("203.0.113.0/24"),
		  STORE_AUTH_WRONG, 5, NOON },
		{ NOON / DAY, SLICE_LIT("bert"), SLICE_LIT("192.0.2.0/24"),
		  STORE_AUTH_WRONG, 1, NOON - HOUR },
		{ NOON / DAY, SLICE_LIT("bert"), SLICE_LIT("192.0.2.0/24"),
		  STORE_AUTH_RIGHT, 3, NOON - HOUR },
	};
	const struct store_node north = { SLICE_LIT("1"), SLICE_LIT("north"),
					  SLICE_LIT("0.1.0"), NOON - DAY,
					  false };

	good(store->v->auth_count(store, in, 5, 100, &err), "logins");
	good(store->v->node_beat(store, &north, &err), "node");
}

int
main(int argc, char **argv)
{
	static const int64_t ok_ms[PEOPLE] = { NOON, NOON - 69 * DAY,
					       NOON - 40 * DAY };

	if (argc != 2)
		return 2;
	good(store_open(argv[1], true, &store, &err), "open");
	for (size_t i = 0; i < PEOPLE; i++)
		put_person(&people[i], ok_ms[i]);
	put_sessions();
	put_reminders(&people[0], 4);
	put_notices(&people[0]);
	put_mail(&people[0], 4);
	put_site();
	store->v->close(&store);
	return 0;
}
