/*
 * Put into a store what otherwise only a sync makes: a device, two sessions
 * with their stories, an item with a history. For test_commands.py.
 *
 * usage: seed STORE-URI USER
 */
#include "backends/store.h"
#include "pim/pim.h"

#include <stdio.h>

static struct err err;

static int
failed(const char *what)
{
	(void)fprintf(stderr, "seed: %s: %s\n", what, err.msg);
	return -1;
}

static int
put_device(struct store_tx *tx, int64_t *id)
{
	struct store_device d = { .id = tx->next_id++,
				  .dev_id = SLICE_LIT("IMEI:004400\x1b[2J"),
				  .man = SLICE_LIT("Example"),
				  .mod = SLICE_LIT("E 61"),
				  .first_ms = tx->now_ms,
				  .last_ms = tx->now_ms,
				  .last_addr = SLICE_LIT("192.0.2.7"),
				  .devinf = SLICE_LIT("<DevInf/>") };

	*id = d.id;
	return tx->v->device_put(tx, &d, &err) < 0 ? failed("device") : 0;
}

static int
put_session(struct store_tx *tx, int64_t device, bool closed)
{
	struct store_session s = {
		.id = tx->next_id++,
		.device = device,
		.sid = closed ? SLICE_LIT("7") : SLICE_LIT("8"),
		.token_hash = closed ? SLICE_LIT("t1") : SLICE_LIT("t2"),
		.last_msgid = 3,
		.peer = SLICE_LIT("192.0.2.7"),
		.closed = closed,
		.started_ms = tx->now_ms,
		.last_ms = tx->now_ms + 1234,
		.verdict = closed ? SLICE_LIT("ok: contacts slow -> +2")
				  : SLICE_LIT(""),
	};
	const struct store_story story[] = {
		{ tx->now_ms + 1, '>', SLICE_LIT("msg 1: hello") },
		{ tx->now_ms + 2, '=', SLICE_LIT("contacts: slow, no anchor") },
		{ tx->now_ms + 3, '<', SLICE_LIT("msg 1: 212, slow\x1b[31m") },
	};

	if (tx->v->session_put(tx, &s, NULL, &err) < 0)
		return failed("session");
	if (tx->v->story_add(tx, s.id, story, 3, &err) < 0)
		return failed("story");
	return 0;
}

/* Written by the device, merged, then deleted on it. */
static int
put_item(struct store_tx *tx, int64_t collection, int64_t device)
{
	struct slice body = SLICE_LIT("BEGIN:VCARD\r\nVERSION:3.0\r\n"
				      "N:Seed;Item;;;\r\nFN:Item Seed\r\n"
				      "END:VCARD\r\n");
	struct store_write w[3] = {
		{ .item = tx->next_id++,
		  .create = true,
		  .collection = collection,
		  .kind = PIM_CONTACT,
		  .revision = 1,
		  .h_content = 11,
		  .h_identity = 12,
		  .body = body,
		  .origin = STORE_BY_DEVICE,
		  .device = device },
	};

	w[1] = w[0];
	w[1].create = false;
	w[1].side = true;
	w[1].revision = 2;
	w[2] = w[0];
	w[2].create = false;
	w[2].deleted = true;
	w[2].revision = 3;
	w[2].body = SLICE_LIT("");
	w[2].old_size = (int64_t)body.n;
	return tx->v->item_put(tx, w, 3, &err) < 0 ? failed("item") : 0;
}

static int
fill(struct store_tx *tx, struct arena *a)
{
	struct store_collection *col;
	int64_t device;
	size_t n;

	if (tx->v->collection_list(tx, a, &col, &n, &err) < 0 || n == 0)
		return failed("collections");
	if (put_device(tx, &device) < 0 || put_session(tx, device, true) < 0 ||
	    put_session(tx, device, false) < 0)
		return -1;
	return put_item(tx, col[0].id, device);
}

static int
run(const char *uri, const char *user, struct arena *a)
{
	struct store_tx *tx;
	struct store *s;
	int64_t account;
	int rc;

	if (store_open(uri, false, &s, &err) < 0)
		return failed(uri);
	if (s->v->login_find(s, slice_c(user), &account, &err) < 0 ||
	    s->v->begin(s, account, STORE_WRITE, 1767323045678, &tx, &err) < 0)
		return failed(user);
	rc = fill(tx, a);
	if (rc == 0 && tx->v->commit(&tx, &err) < 0)
		rc = failed("commit");
	if (tx != NULL)
		tx->v->rollback(&tx);
	s->v->close(&s);
	return rc;
}

int
main(int argc, char **argv)
{
	struct arena *a = arena_new(1 << 20);
	int rc = argc == 3 && a != NULL ? run(argv[1], argv[2], a) : -1;

	arena_free(&a);
	return rc == 0 ? 0 : 1;
}
