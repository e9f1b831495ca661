/*
 * Packages and their ends, message sizes, large objects, suspended and
 * one-way syncs.
 */
#include "tests/syncml/raw.h"

/* ---- packages and Final ------------------------------------------------- */

/* Final in the messages that only ask for the next one, then still a Map. */
static void
final_in_every_message(void **state)
{
	struct raw r, other;
	struct buf ids = BUF_IN(bench.a);
	int n = 0;

	(void)state;
	open_raw(&other, "IMEI:9", "1");
	first_sync(&other, 40, "x");
	open_raw(&r, "IMEI:1", "1");
	r.max_msg = 4000;
	alert(&r, 201, "contacts", NULL, "n1");
	(void)post(&r, FINAL | CRED);
	answer_all(&r, 200);
	sync_open(&r, "contacts");
	sync_close(&r);
	(void)post(&r, FINAL);
	for (int i = 0; i < 60 && !r.m->final; i++) {
		const struct sml_cmd *s = sync_of(r.m);

		for (size_t k = 0; s != NULL && k < s->kid_n; k++) {
			char luid[16];

			(void)snprintf(luid, sizeof(luid), "p%d", n++);
			buf_printf(&ids,
				   "<MapItem><Target><LocURI>%.*s</LocURI>"
				   "</Target><Source><LocURI>%s</LocURI>"
				   "</Source></MapItem>",
				   SLICE_ARG(s->kids[k].items[0].source), luid);
		}
		answer_all(&r, 201);
		plain_alert(&r, 222);
		(void)post(&r, FINAL);
	}
	n += count(r.m, SML_ADD);
	assert_int_equal(n, 40);
	finish(&r);
	map_open(&r, "contacts");
	buf_add(&r.body, buf_slice(&ids));
	map_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Map"), 200);
	ask(&r, "2", 200, "n1", "n2");
	assert_int_equal(count(r.m, SML_ADD), 0);
}

/* A client that asks for the next message for ever. */
static void
endless_222(void **state)
{
	struct raw r;
	int n = 0;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	alert(&r, 201, "contacts", NULL, "n1");
	(void)post(&r, CRED);
	while (code_of(r.m, "SyncHdr") != 408) {
		assert_true(n++ < 2 * SML_IDLE_ROUNDS_MAX);
		plain_alert(&r, 222);
		(void)post(&r, 0);
	}
}

/* Statuses that take more messages than an idle client may ask for. */
static void
many_statuses_in_small_messages(void **state)
{
	struct raw r;
	char name[32];
	int got = 0;
	int rounds = 0;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	r.max_msg = 2700;
	alert(&r, 201, "contacts", NULL, "n1");
	(void)post(&r, FINAL | CRED);
	answer_all(&r, 200);
	sync_open(&r, "contacts");
	for (int i = 0; i < 300; i++) {
		(void)snprintf(name, sizeof(name), "n%d", i);
		change(&r, "Add", name, name);
	}
	sync_close(&r);
	(void)post(&r, FINAL);
	for (;;) {
		assert_true(r.raw.body.n <= 2700);
		for (int i = 0; code_nth(r.m, "Add", i) == 201; i++)
			got++;
		if (r.m->final)
			break;
		assert_true(rounds++ < 150);
		status(&r, text(r.m->hdr.msgid), "0", "SyncHdr", 200);
		plain_alert(&r, 222);
		(void)post(&r, 0);
		assert_int_equal(code_of(r.m, "SyncHdr"), 200);
	}
	assert_int_equal(got, 300);
	finish(&r);
	ask(&r, "2", 200, "n1", "n2");
}

/* Smaller than our own header likes it: still every message gets on. */
static void
tiny_messages(void **state)
{
	(void)state;
	for (int max = 1200; max <= 2400; max += 200) {
		struct raw r, other;
		int adds = 0;
		int rounds = 0;

		open_raw(&other, "IMEI:9", "1");
		first_sync(&other, 3, "x");
		open_raw(&r, "IMEI:1", "1");
		r.max_msg = max;
		alert(&r, 201, "contacts", NULL, "n1");
		(void)post(&r, FINAL | CRED);
		while (!r.m->final && rounds++ < 30) {
			answer_all(&r, 200);
			plain_alert(&r, 222);
			(void)post(&r, 0);
		}
		answer_all(&r, 200);
		one_change(&r, "contacts", "Add", "1", "Mine");
		(void)post(&r, FINAL);
		for (rounds = 0; rounds < 60; rounds++) {
			for (size_t i = 0;
			     sync_of(r.m) != NULL && i < sync_of(r.m)->kid_n;
			     i++)
				adds +=
				    sync_of(r.m)->kids[i].items[0].more ? 0 : 1;
			if (r.m->final)
				break;
			answer_all(&r, 213);
			plain_alert(&r, 222);
			(void)post(&r, 0);
			assert_int_equal(code_of(r.m, "SyncHdr"), 200);
			assert_true(r.raw.body.n <= (size_t)max);
		}
		if (!r.m->final)
			fail_msg("no end with messages of %d bytes", max);
		if (max >= 1400)
			assert_int_equal(adds, 3);
		finish(&r);
		bench_close(&bench);
		bench_open(&bench);
	}
}

/* No room for the least piece of one item: the others still come. */
static void
no_room_for_a_piece(void **state)
{
	struct raw r, other;
	char name[500];
	int adds = 0;
	int rounds = 0;

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	open_raw(&other, "IMEI:9", "1");
	first_sync(&other, 1, "x");
	again(&other, "2");
	alert(&other, 200, "contacts", "x", "x2");
	(void)post(&other, FINAL | CRED);
	answer_all(&other, 200);
	sync_open(&other, "contacts");
	change(&other, "Add", "long", name);
	change(&other, "Add", "short", "Short");
	sync_close(&other);
	(void)post(&other, FINAL);
	finish(&other);
	open_raw(&r, "IMEI:1", "1");
	r.max_msg = 1400;
	alert(&r, 201, "contacts", NULL, "n1");
	(void)post(&r, FINAL | CRED);
	while (!r.m->final) {
		assert_true(rounds++ < 10);
		answer_all(&r, 200);
		plain_alert(&r, 222);
		(void)post(&r, 0);
	}
	answer_all(&r, 200);
	sync_open(&r, "contacts");
	sync_close(&r);
	(void)post(&r, FINAL);
	for (rounds = 0; !r.m->final; rounds++) {
		assert_true(rounds < 2 * SML_IDLE_ROUNDS_MAX);
		adds += count(r.m, SML_ADD);
		answer_all(&r, 201);
		plain_alert(&r, 222);
		(void)post(&r, 0);
		assert_int_equal(code_of(r.m, "SyncHdr"), 200);
	}
	adds += count(r.m, SML_ADD);
	assert_int_equal(adds, 2);
	finish(&r);
	r.max_msg = 10000; /* a debt is paid as soon as it can be */
	ask(&r, "2", 200, "n1", "n2");
	assert_int_equal(count(r.m, SML_ADD), 1);
}

static void
no_response_wanted(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	alert(&r, 201, "contacts", NULL, "n1");
	(void)post(&r, FINAL | CRED);
	answer_all(&r, 200);
	r.noresp = true;
	one_change(&r, "contacts", "Add", "1", "Anna");
	(void)post(&r, 0);
	assert_int_equal(r.raw.http, 200);
	assert_int_equal(code_of(r.m, "SyncHdr"), 0);
	assert_int_equal(code_of(r.m, "Add"), 0);
	assert_int_equal(items_stored(), 1);
	send_bytes(&r, r.sent);
	assert_true(r.raw.duplicate);
	r.noresp = false;
	sync_open(&r, "contacts");
	buf_printf(&r.body,
		   "<Delete><CmdID>%d</CmdID><NoResp/><Item><Source><LocURI>"
		   "none</LocURI></Source></Item></Delete>",
		   ++r.cmdid);
	change(&r, "Add", "2", "Bert");
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "SyncHdr"), 200);
	assert_int_equal(code_of(r.m, "Delete"), 0);
	assert_int_equal(code_of(r.m, "Add"), 201);
}

/* A client's Sync without a command, commands without an item. */
static void
odd_commands(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 2, "n1");
	again(&r, "2");
	alert(&r, 200, "contacts", "n1", "n2");
	plain_alert(&r, 221);
	plain_alert(&r, 999);
	plain_alert(&r, 200);
	(void)post(&r, FINAL | CRED);
	assert_int_equal(code_nth(r.m, "Alert", 0), 200);
	assert_int_equal(code_nth(r.m, "Alert", 1), 400);
	assert_int_equal(code_nth(r.m, "Alert", 2), 406);
	assert_int_equal(code_nth(r.m, "Alert", 3), 400);
	answer_all(&r, 200);
	sync_open(&r, "contacts");
	buf_printf(&r.body, "<Add><CmdID>%d</CmdID></Add>", ++r.cmdid);
	change(&r, "Delete", "nobody", NULL);
	change(&r, "Replace", "77", "New");
	change(&r, "Replace", "78", NULL);
	change(&r, "Copy", "79", "Copied");
	buf_printf(&r.body,
		   "<Sequence><CmdID>%d</CmdID><Delete><CmdID>%d</CmdID><Item>"
		   "<Source><LocURI>u0</LocURI></Source></Item></Delete>"
		   "</Sequence>",
		   r.cmdid + 1, r.cmdid + 2);
	r.cmdid += 2;
	sync_close(&r);
	change(&r, "Delete", "u1", NULL); /* outside of Sync */
	sync_open(&r, "notes");           /* not alerted */
	sync_close(&r);
	sync_open(&r, "nowhere");
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_nth(r.m, "Sync", 0), 200);
	assert_int_equal(code_nth(r.m, "Sync", 1), 403);
	assert_int_equal(code_nth(r.m, "Sync", 2), 404);
	assert_int_equal(code_of(r.m, "Add"), 400);
	assert_int_equal(code_nth(r.m, "Delete", 0), 211);
	assert_int_equal(code_nth(r.m, "Delete", 1), 200);
	assert_int_equal(code_nth(r.m, "Delete", 2), 403);
	assert_int_equal(code_nth(r.m, "Replace", 0), 201);
	assert_int_equal(code_nth(r.m, "Replace", 1), 415);
	assert_int_equal(code_of(r.m, "Copy"), 201);
	assert_int_equal(code_of(r.m, "Sequence"), 200);
	assert_int_equal(items_stored(), 3); /* u1, 77 and 79 */
}

/* Copy without an item in it: a second one like it, which comes as an Add and
   is nothing to the first one from then on. With one in it: an Add. */
static void
copies(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 2, "n1");
	again(&r, "2");
	alert(&r, 200, "contacts", "n1", "n2");
	(void)post(&r, FINAL | CRED);
	answer_all(&r, 200);
	sync_open(&r, "contacts");
	change(&r, "Copy", "u0", NULL);
	change(&r, "Copy", "nobody", NULL);
	change(&r, "Copy", "77", "Copied");
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_nth(r.m, "Copy", 0), 201);
	assert_int_equal(code_nth(r.m, "Copy", 1), 404);
	assert_int_equal(code_nth(r.m, "Copy", 2), 201);
	assert_int_equal(items_stored(), 4);
	assert_int_equal(count(r.m, SML_ADD), 1);
	answer_all(&r, 201);
	map_open(&r, "contacts");
	map_item(&r, sync_of(r.m)->kids[0].items[0].source, "u0b");
	map_close(&r);
	(void)post(&r, FINAL);
	again(&r, "3");
	alert(&r, 200, "contacts", "n2", "n3");
	(void)post(&r, FINAL | CRED);
	answer_all(&r, 200);
	sync_open(&r, "contacts");
	change(&r, "Replace", "u0b", "Edited");
	change(&r, "Delete", "u0", NULL);
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Replace"), 200);
	assert_int_equal(code_of(r.m, "Delete"), 200);
	assert_int_equal(count(r.m, SML_ADD), 0);
	finish(&r);
	assert_int_equal(items_stored(), 3);
}

/* ---- large objects ------------------------------------------------------ */

static struct slice
large(void)
{
	struct buf b = BUF_IN(bench.a);

	buf_str(&b, "BEGIN:VCARD\nVERSION:3.0\nN:Large;;;;\nFN:Large\nNOTE:");
	for (int i = 0; i < 3000; i++)
		buf_byte(&b, (unsigned char)('a' + i % 26));
	buf_str(&b, "\nEND:VCARD\n");
	return buf_slice(&b);
}

static void
start_slow(struct raw *r, const char *sid, const char *next)
{
	again(r, sid);
	alert(r, 201, "contacts", NULL, next);
	(void)post(r, FINAL | CRED);
	answer_all(r, 200);
}

static void
object_in_pieces(void **state)
{
	struct raw r;
	struct slice all = large();

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	start_slow(&r, "1", "n1");
	sync_open(&r, "contacts");
	piece(&r, "L", (int)all.n, slice_sub(all, 0, 1000), true);
	sync_close(&r);
	(void)post(&r, 0);
	assert_int_equal(code_of(r.m, "Add"), 213);
	assert_int_equal(our_alert(r.m), 222);
	send_bytes(&r, r.sent);
	assert_true(r.raw.duplicate);
	sync_open(&r, "contacts");
	piece(&r, "L", 0, slice_sub(all, 1000, 2000), true);
	sync_close(&r);
	assert_int_equal(code_of(post(&r, 0), "Add"), 213);
	sync_open(&r, "contacts");
	piece(&r, "L", 0, slice_from(all, 2000), false);
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Add"), 424); /* 1000 are missing */
	assert_int_equal(items_stored(), 0);
}

static void
pieces_that_break_off(void **state)
{
	struct raw r;
	struct slice all = large();

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	start_slow(&r, "1", "n1");
	sync_open(&r, "contacts");
	piece(&r, "L", (int)all.n, slice_sub(all, 0, 1000), true);
	sync_close(&r);
	(void)post(&r, 0);
	/* Something else instead of its second half. */
	sync_open(&r, "contacts");
	change(&r, "Add", "2", "Bert");
	piece(&r, "M", 0, slice_sub(all, 0, 1000), true); /* no Size */
	piece(&r, "N", 90000000, slice_sub(all, 0, 1000), true);
	sync_close(&r);
	(void)post(&r, 0);
	assert_int_equal(our_alert(r.m), 223);
	assert_int_equal(code_nth(r.m, "Add", 0), 201);
	assert_int_equal(code_nth(r.m, "Add", 1), 411);
	assert_int_equal(code_nth(r.m, "Add", 2), 416);
	/* Final in the middle of one. */
	sync_open(&r, "contacts");
	piece(&r, "L", (int)all.n, slice_sub(all, 0, 1000), true);
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(our_alert(r.m), 223);
	finish(&r);
	assert_int_equal(items_stored(), 1);
	/* Whole, in the next session. */
	again(&r, "2");
	alert(&r, 200, "contacts", "n1", "n2");
	(void)post(&r, FINAL | CRED);
	answer_all(&r, 200);
	sync_open(&r, "contacts");
	piece(&r, "L", (int)all.n, slice_sub(all, 0, 1000), true);
	sync_close(&r);
	assert_int_equal(code_of(post(&r, 0), "Add"), 213);
	sync_open(&r, "contacts");
	piece(&r, "L", 0, slice_from(all, 1000), false);
	sync_close(&r);
	assert_int_equal(code_of(post(&r, FINAL), "Add"), 201);
	assert_int_equal(items_stored(), 2);
}

/* ---- suspend and resume ------------------------------------------------- */

static void
suspend_and_resume_slow(void **state)
{
	struct raw r, other;

	(void)state;
	open_raw(&other, "IMEI:9", "1");
	first_sync(&other, 2, "x"); /* u0, u1 */
	open_raw(&r, "IMEI:1", "1");
	start_slow(&r, "1", "n1");
	one_change(&r, "contacts", "Add", "1", "Anna");
	plain_alert(&r, 224);
	change(&r, "Add", "2", "Bert");
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Alert"), 200);
	assert_int_equal(code_nth(r.m, "Add", 0), 201);
	assert_int_equal(code_nth(r.m, "Add", 1), 514);
	assert_true(r.m->final);
	again(&r, "2");
	alert(&r, 225, "contacts", NULL, "n2");
	(void)post(&r, FINAL | CRED);
	assert_int_equal(code_of(r.m, "Alert"), 200);
	assert_int_equal(our_alert(r.m), 201);
	answer_all(&r, 200);
	one_change(&r, "contacts", "Add", "2", "Bert");
	(void)post(&r, FINAL);
	assert_int_equal(count(r.m, SML_ADD), 2); /* not Anna */
	finish(&r);
	assert_int_equal(items_stored(), 4);
}

/* A slow sync that broke long ago is not what a resume means. */
static void
resume_means_the_last_sync(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 5, "n1");
	start_slow(&r, "2", "n2"); /* breaks after one item */
	one_change(&r, "contacts", "Add", "u0", "u0");
	(void)post(&r, 0);
	ask(&r, "3", 200, "n1", "n3"); /* an ordinary one goes well */
	finish(&r);
	again(&r, "4"); /* and one is suspended */
	alert(&r, 200, "contacts", "n3", "n4");
	(void)post(&r, FINAL | CRED);
	plain_alert(&r, 224);
	(void)post(&r, FINAL);
	again(&r, "5");
	alert(&r, 225, "contacts", "n3", "n5");
	(void)post(&r, FINAL | CRED);
	assert_int_equal(our_alert(r.m), 200);
	answer_all(&r, 200);
	sync_open(&r, "contacts");
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(count(r.m, SML_ADD), 0);
}

static void
resume_of_nothing(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	alert(&r, 225, "contacts", "gone", "n1");
	(void)post(&r, FINAL | CRED);
	assert_int_equal(code_of(r.m, "Alert"), 508);
	assert_int_equal(our_alert(r.m), 201);
	open_raw(&r, "IMEI:2", "1");
	r.version = 11;
	alert(&r, 225, "contacts", "gone", "n1");
	(void)post(&r, FINAL | CRED);
	assert_int_equal(code_of(r.m, "Alert"), 406);
	assert_int_equal(our_alert(r.m), 0);
}

/* ---- refresh and one-way ------------------------------------------------ */

static void
set_read_only(const char *name)
{
	struct store_tx *tx;
	struct store_collection *col;
	size_t n;
	struct err e;

	assert_int_equal(bench.store->v->begin(bench.store, bench.account,
					       STORE_WRITE, bench.now, &tx, &e),
			 0);
	assert_int_equal(tx->v->collection_list(tx, bench.a, &col, &n, &e), 0);
	for (size_t i = 0; i < n; i++) {
		if (!slice_is(col[i].name, name))
			continue;
		col[i].read_only = true;
		assert_int_equal(tx->v->collection_put(tx, &col[i], &e), 0);
	}
	assert_int_equal(tx->v->commit(&tx, &e), 0);
}

/* A refresh from the client deletes nothing where it may not write. */
static void
refresh_of_a_read_only_database(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 4, "n1");
	set_read_only("contacts");
	again(&r, "2");
	alert(&r, 203, "contacts", "n1", "n2");
	(void)post(&r, FINAL | CRED);
	answer_all(&r, 200);
	one_change(&r, "contacts", "Add", "9", "Nina");
	assert_int_equal(code_of(post(&r, FINAL), "Add"), 403);
	assert_int_equal(items_stored(), 4);
}

/* It wiped its database for a refresh that broke: it must get all again. */
static void
refresh_from_server_breaks(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 30, "n1");
	r.max_msg = 4000;
	ask(&r, "2", 205, "n1", "n2");
	assert_false(r.m->final); /* the rest never comes */
	again(&r, "3");
	alert(&r, 200, "contacts", "n1", "n3");
	(void)post(&r, FINAL | CRED);
	assert_int_equal(code_of(r.m, "Alert"), 508);
	assert_int_equal(our_alert(r.m), 201);
}

/* What it deleted in a session that broke does not come back to it. */
static void
noted_deletes_and_one_way(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 4, "n1");
	again(&r, "2");
	alert(&r, 200, "contacts", "n1", "n2");
	(void)post(&r, FINAL | CRED);
	answer_all(&r, 200);
	one_change(&r, "contacts", "Delete", "u1", NULL);
	assert_int_equal(code_of(post(&r, 0), "Delete"), 200);
	ask(&r, "3", 204, "n1", "n3");
	assert_int_equal(count(r.m, SML_REPLACE), 0);
	assert_int_equal(count(r.m, SML_ADD), 0);
	assert_int_equal(items_stored(), 3);
}

/* Data in a one-way sync from the server. */
static void
data_where_none_is_taken(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 1, "n1");
	again(&r, "2");
	alert(&r, 204, "contacts", "n1", "n2");
	(void)post(&r, FINAL | CRED);
	answer_all(&r, 200);
	one_change(&r, "contacts", "Add", "9", "Nina");
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Sync"), 200);
	assert_int_equal(code_of(r.m, "Add"), 403);
	start_slow(&r, "3", "n3");
	one_change(&r, "contacts", "Delete", "u0", NULL);
	assert_int_equal(code_of(post(&r, FINAL), "Delete"), 403);
	assert_int_equal(items_stored(), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(final_in_every_message),
		T(endless_222),
		T(many_statuses_in_small_messages),
		T(tiny_messages),
		T(no_room_for_a_piece),
		T(no_response_wanted),
		T(odd_commands),
		T(copies),
		T(object_in_pieces),
		T(pieces_that_break_off),
		T(suspend_and_resume_slow),
		T(resume_means_the_last_sync),
		T(resume_of_nothing),
		T(refresh_of_a_read_only_database),
		T(refresh_from_server_breaks),
		T(noted_deletes_and_one_way),
		T(data_where_none_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
