/*
 * Suspend and resume (Alert 224 and 225) of every sync type, in every package,
 * with half-sent large objects in both directions.
 */
#include "tests/syncml/raw.h"

/* Another device has n items, u0 and so on; ours knows them all, or none. */
static void
others_items(int n)
{
	struct raw o;

	open_raw(&o, "IMEI:9", "1");
	o.max_msg = 400000;
	first_sync(&o, n, "x");
}

static void
edit_elsewhere_luid(const char *luid, const char *name)
{
	struct raw o;

	open_raw(&o, "IMEI:9", "2");
	alert(&o, 200, "contacts", "x", "x2");
	(void)post(&o, FINAL | CRED);
	answer_all(&o, 200);
	one_change(&o, "contacts", "Replace", luid, name);
	(void)post(&o, FINAL);
	finish(&o);
}

static void
edit_elsewhere(const char *name)
{
	edit_elsewhere_luid("u0", name);
}

static void
begin(struct raw *r, const char *sid, int code, const char *last,
      const char *next)
{
	again(r, sid);
	alert(r, code, "contacts", last, next);
	(void)post(r, FINAL | CRED);
	answer_all(r, 200);
}

static void
resume(struct raw *r, const char *sid, const char *last, const char *next,
       int type)
{
	begin(r, sid, 225, last, next);
	assert_int_equal(code_of(r->m, "Alert"), 200);
	assert_int_equal(our_alert(r->m), type);
}

/* The first of its items up to the last, without Final unless told. */
static void
upload(struct raw *r, const char *cmd, int from, int n, int flags)
{
	char luid[32];

	sync_open(r, "contacts");
	for (int i = from; i < from + n; i++) {
		(void)snprintf(luid, sizeof(luid), "u%d", i);
		change(r, cmd, luid, strcmp(cmd, "Delete") == 0 ? NULL : luid);
	}
	sync_close(r);
	(void)post(r, flags);
}

static void
fresh_bench(void)
{
	bench_close(&bench);
	bench_open(&bench);
}

static void
suspend(struct raw *r)
{
	plain_alert(r, 224);
	(void)post(r, FINAL);
	assert_int_equal(code_of(r->m, "Alert"), 200);
	assert_true(r->m->final);
}

/* ---- every type --------------------------------------------------------- */

/* Suspended, or just silent, before its package 3: the type stays. */
static void
resume_goes_on_with_the_type(void **state)
{
	(void)state;
	for (int type = 200; type <= 205; type++) {
		for (int silent = 0; silent < 2; silent++) {
			struct raw r;

			open_raw(&r, "IMEI:1", "1");
			first_sync(&r, 3, "n1");
			begin(&r, "2", type, "n1", "n2");
			assert_int_equal(our_alert(r.m), type);
			if (silent == 0)
				suspend(&r);
			resume(&r, "3", "n1", "n3", type);
			if (type == 203)
				upload(&r, "Add", 0, 3, FINAL);
			else
				upload(&r, "Add", 0, 0, FINAL);
			finish(&r);
			assert_int_equal(items_stored(), 3);
			ask(&r, "4", 200, "n3", "n4"); /* anchors fit */
			assert_int_equal(sync_of(r.m)->kid_n, 0);
			fresh_bench();
		}
	}
}

/* What goes with the type: 202 sends nothing, 204 takes nothing. */
static void
one_way_stays_one_way(void **state)
{
	struct raw r;

	(void)state;
	others_items(1);
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 1, "n1");
	edit_elsewhere("Edited");
	begin(&r, "2", 202, "n1", "n2");
	suspend(&r);
	resume(&r, "3", "n1", "n3", 202);
	upload(&r, "Add", 7, 1, FINAL);
	assert_int_equal(code_of(r.m, "Add"), 201);
	assert_int_equal(sync_of(r.m)->kid_n, 0);
	finish(&r);
	begin(&r, "4", 204, "n3", "n4");
	suspend(&r);
	resume(&r, "5", "n3", "n5", 204);
	upload(&r, "Add", 8, 1, FINAL);
	assert_int_equal(code_of(r.m, "Add"), 403);
	assert_int_equal(count(r.m, SML_REPLACE), 1);
	finish(&r);
	assert_int_equal(items_stored(), 2);
}

static void
set_rules(const char *words)
{
	struct store_tx *tx;
	struct store_device *d;
	size_t n;
	struct err e;

	assert_int_equal(bench.store->v->begin(bench.store, bench.account,
					       STORE_WRITE, bench.now, &tx, &e),
			 0);
	assert_int_equal(tx->v->device_list(tx, bench.a, &d, &n, &e), 0);
	for (size_t i = 0; i < n; i++) {
		d[i].rules = slice_c(words);
		assert_int_equal(tx->v->device_put(tx, &d[i], &e), 0);
	}
	assert_int_equal(tx->v->commit(&tx, &e), 0);
}

static void
asked_to_resume(struct raw *r, const char *sid, const char *last,
		const char *next, int status, int type)
{
	begin(r, sid, 225, last, next);
	assert_int_equal(code_of(r->m, "Alert"), status);
	assert_int_equal(our_alert(r->m), type);
}

/* One that resumes badly may do so only if all that it had to say is here. */
static void
resume_is_refused_where_it_harms(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 3, "n1");
	set_rules("resume-no");
	begin(&r, "2", 200, "n1", "n2"); /* breaks before its package 3 */
	asked_to_resume(&r, "3", "n1", "n3", 509, 200);
	upload(&r, "Replace", 0, 1, 0); /* and in the middle of it */
	asked_to_resume(&r, "4", "n1", "n4", 509, 200);
	upload(&r, "Replace", 0, 2, FINAL); /* and behind it */
	asked_to_resume(&r, "5", "n1", "n5", 200, 200);
	upload(&r, "Add", 9, 0, FINAL);
	finish(&r);
	begin(&r, "6", 201, "n5", "n6");
	upload(&r, "Replace", 0, 2, 0);
	asked_to_resume(&r, "7", "n5", "n7", 509, 201);
	upload(&r, "Replace", 0, 3, FINAL);
	assert_int_equal(count(r.m, SML_ADD), 0);
	finish(&r);
	begin(&r, "8", 225, "never", "n8"); /* nothing to go on with */
	assert_int_equal(code_of(r.m, "Alert"), 508);
	assert_int_equal(items_stored(), 3);
}

/* Another device adds n items to the two that both have. */
static void
two_and_more(struct raw *r, int n)
{
	struct raw o;
	char luid[32];

	others_items(2);
	open_raw(r, "IMEI:1", "1");
	first_sync(r, 2, "n1");
	open_raw(&o, "IMEI:9", "2");
	alert(&o, 200, "contacts", "x", "x2");
	(void)post(&o, FINAL | CRED);
	answer_all(&o, 200);
	sync_open(&o, "contacts");
	for (int i = 0; i < n; i++) {
		(void)snprintf(luid, sizeof(luid), "o%d", i);
		change(&o, "Add", luid, luid);
	}
	sync_close(&o);
	(void)post(&o, FINAL);
	finish(&o);
}

/* Package 4 from here on; suspend: after its first message. Gives how many
   Adds came. */
static int
take_all(struct raw *r, bool suspend)
{
	int adds = 0;
	int rounds = 0;

	for (;;) {
		assert_true(rounds++ < 30);
		adds += count(r->m, SML_ADD);
		if (r->m->final && !suspend)
			return adds;
		answer_all(r, 201);
		plain_alert(r, suspend ? 224 : 222);
		(void)post(r, suspend ? FINAL : 0);
		if (suspend) {
			assert_true(r->m->final);
			return adds;
		}
	}
}

/* Alert 224 with the changes of package 3, in package 4, and with package 5:
   every item goes over the line once. */
static void
suspended_in_every_package(void **state)
{
	(void)state;
	for (int i = 0; i < 18; i++) {
		int type = 200 + i % 6;
		int where = 3 + i / 6;
		bool up = type < 204;
		bool refresh = type == 203;
		struct raw r;
		int adds = 0;

		two_and_more(&r, 6);
		r.max_msg = 2700;
		begin(&r, "2", type, "n1", "n2");
		assert_int_equal(our_alert(r.m), type);
		sync_open(&r, "contacts");
		change(&r, "Add", "mine", "Mine");
		if (refresh && where > 3) {
			change(&r, "Add", "u0", "u0");
			change(&r, "Add", "u1", "u1");
		}
		sync_close(&r);
		if (where == 3)
			plain_alert(&r, 224);
		(void)post(&r, FINAL);
		assert_int_equal(code_of(r.m, "Add"), up ? 201 : 403);
		if (where == 4)
			adds += take_all(&r, true);
		if (where == 5) {
			adds += take_all(&r, false);
			answer_all(&r, 201);
			plain_alert(&r, 224);
			(void)post(&r, FINAL);
		}
		assert_true(r.m->final);
		resume(&r, "3", "n1", "n3", type);
		upload(&r, "Replace", 0, refresh && where == 3 ? 2 : 0, FINAL);
		adds += take_all(&r, false);
		finish(&r);
		/* It did not show u0 and u1 in its slow sync. */
		if (type == 201 || type == 205)
			assert_int_equal(adds, 8);
		else
			assert_int_equal(adds, up && type != 200 ? 0 : 6);
		assert_int_equal(items_stored(), refresh ? 3 : up ? 9 : 8);
		/* A one-way sync left them waiting. */
		ask(&r, "4", 200, "n3", "n4");
		assert_int_equal(take_all(&r, false), type == 202 ? 6 : 0);
		fresh_bench();
	}
}

/* What a resumed session cannot go on with is an ordinary or a slow one. */
static void
resume_of_what_is_not_there(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 2, "n1");
	begin(&r, "2", 225, "n1", "n2"); /* nothing is open: it ended */
	assert_int_equal(our_alert(r.m), 200);
	upload(&r, "Add", 0, 0, FINAL);
	finish(&r);
	begin(&r, "3", 203, "n2", "n3");
	upload(&r, "Add", 0, 1, 0);
	begin(&r, "4", 225, "other", "n4"); /* another Last */
	assert_int_equal(code_of(r.m, "Alert"), 508);
	assert_int_equal(our_alert(r.m), 201);
	begin(&r, "5", 203, "n2", "n5");
	upload(&r, "Add", 0, 1, 0);
	bench.now += INT64_C(8) * 24 * 60 * 60 * 1000; /* too long ago */
	begin(&r, "6", 225, NULL, "n6");
	assert_int_equal(code_of(r.m, "Alert"), 508);
	assert_int_equal(items_stored(), 2);
}

/* ---- slow sync ---------------------------------------------------------- */

static void
slow_sync_in_package_3(void **state)
{
	struct raw r;

	(void)state;
	others_items(4);
	open_raw(&r, "IMEI:1", "1");
	begin(&r, "1", 201, NULL, "n1");
	upload(&r, "Add", 0, 2, 0);
	resume(&r, "2", NULL, "n2", 201);
	upload(&r, "Add", 2, 1, FINAL);
	assert_int_equal(count(r.m, SML_ADD), 1); /* u3, not u0 and u1 */
	finish(&r);
	assert_int_equal(items_stored(), 4);
	ask(&r, "3", 200, "n2", "n3");
	assert_int_equal(sync_of(r.m)->kid_n, 0);
}

/* Its items are here; the map is in force: what is left is package 4. */
static void
slow_sync_after_package_3(void **state)
{
	struct raw r;

	(void)state;
	others_items(4);
	open_raw(&r, "IMEI:1", "1");
	begin(&r, "1", 201, NULL, "n1");
	upload(&r, "Add", 0, 2, FINAL);
	assert_int_equal(count(r.m, SML_ADD), 2);
	resume(&r, "2", NULL, "n2", 201);
	sync_open(&r, "contacts");
	change(&r, "Delete", "u0", NULL); /* since it broke */
	change(&r, "Add", "u1", "u1");    /* once more */
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Delete"), 200);
	assert_int_equal(code_of(r.m, "Add"), 201);
	assert_int_equal(count(r.m, SML_ADD), 2); /* no Status came */
	finish(&r);
	assert_int_equal(items_stored(), 3);
	ask(&r, "3", 200, "n2", "n3");
	assert_int_equal(sync_of(r.m)->kid_n, 0);
}

/* ---- refresh from client ------------------------------------------------ */

static void
refresh_from_client_goes_on(void **state)
{
	(void)state;
	for (int all = 0; all < 2; all++) {
		struct raw r;

		open_raw(&r, "IMEI:1", "1");
		first_sync(&r, 5, "n1");
		begin(&r, "2", 203, "n1", "n2");
		upload(&r, "Add", 0, 2, 0);
		suspend(&r);
		assert_int_equal(items_stored(), 5);
		resume(&r, "3", "n1", "n3", 203);
		if (all)
			upload(&r, "Replace", 0, 4, FINAL);
		else
			upload(&r, "Replace", 2, 2, FINAL);
		assert_int_equal(items_stored(), 4); /* u4 is gone */
		finish(&r);
		ask(&r, "4", 200, "n3", "n4");
		assert_int_equal(sync_of(r.m)->kid_n, 0);
		fresh_bench();
	}
}

/* It was complete, and only our answer was lost: nothing is emptied. */
static void
refresh_from_client_was_complete(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 5, "n1");
	begin(&r, "2", 203, "n1", "n2");
	upload(&r, "Add", 0, 4, FINAL);
	assert_int_equal(items_stored(), 4);
	resume(&r, "3", "n1", "n3", 203);
	upload(&r, "Add", 0, 0, FINAL);
	assert_int_equal(items_stored(), 4);
	finish(&r);
	assert_int_equal(items_stored(), 4);
	ask(&r, "4", 200, "n3", "n4");
	assert_int_equal(sync_of(r.m)->kid_n, 0);
}

/* The brake counts the items of both sessions. */
static void
refresh_of_new_items_in_two_sessions(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 20, "n1");
	begin(&r, "2", 203, "n1", "n2");
	upload(&r, "Add", 100, 12, 0);
	resume(&r, "3", "n1", "n3", 203);
	upload(&r, "Add", 112, 8, FINAL);
	assert_int_equal(items_stored(), 20); /* the new ones alone */
}

/* ---- refresh from server ------------------------------------------------ */

/* Broken at every message of package 4: each item comes once. */
static void
refresh_from_server_goes_on(void **state)
{
	(void)state;
	for (int at = 0; at < 6; at++) {
		struct raw r;
		int adds = 0;
		int rounds = 0;
		bool broke = false;

		others_items(12);
		open_raw(&r, "IMEI:1", "1");
		first_sync(&r, 0, "n1");
		r.max_msg = 2700;
		begin(&r, "2", 205, "n1", "n2");
		upload(&r, "Add", 0, 0, FINAL);
		while (!r.m->final) {
			assert_true(rounds < 40);
			adds += count(r.m, SML_ADD);
			answer_all(&r, 201);
			plain_alert(&r, 222);
			if (!broke && rounds++ == at) {
				(void)post(&r, 0); /* this answer is lost */
				resume(&r, "3", "n1", "n3", 205);
				upload(&r, "Add", 0, 0, FINAL);
				broke = true;
				continue;
			}
			(void)post(&r, 0);
		}
		adds += count(r.m, SML_ADD);
		assert_int_equal(adds, 12);
		finish(&r);
		assert_int_equal(items_stored(), 12);
		ask(&r, "4", 200, broke ? "n3" : "n2", "n4");
		assert_int_equal(sync_of(r.m)->kid_n, 0);
		fresh_bench();
	}
}

/* All had gone out; only its last words did not come. */
static void
refresh_from_server_was_complete(void **state)
{
	struct raw r;

	(void)state;
	others_items(3);
	open_raw(&r, "IMEI:1", "1");
	begin(&r, "2", 205, NULL, "n2");
	upload(&r, "Add", 0, 0, FINAL);
	assert_int_equal(count(r.m, SML_ADD), 3);
	answer_all(&r, 201);
	(void)post(&r, 0); /* Statuses, no Map, no Final */
	resume(&r, "3", NULL, "n3", 205);
	upload(&r, "Add", 0, 0, FINAL);
	assert_int_equal(count(r.m, SML_ADD), 0);
	finish(&r);
	assert_int_equal(items_stored(), 3);
	ask(&r, "4", 200, "n3", "n4");
	assert_int_equal(sync_of(r.m)->kid_n, 0);
}

/* ---- large objects, coming in ------------------------------------------- */

static struct slice
large(void)
{
	struct buf b = BUF_IN(bench.a);

	buf_str(&b, "BEGIN:VCARD\nVERSION:3.0\nN:Large;;;;\nFN:Large\nNOTE:");
	for (int i = 0; i < 6000; i++)
		buf_byte(&b, (unsigned char)('a' + i % 26 * (i / 26) % 26));
	buf_str(&b, "\nEND:VCARD\n");
	return buf_slice(&b);
}

static int
send_piece(struct raw *r, int size, struct slice data, bool more, int flags)
{
	sync_open(r, "contacts");
	piece(r, "L", size, data, more);
	sync_close(r);
	return code_of(post(r, flags), "Add");
}

/* Is there one item, and is it the whole object? */
static void
whole(void)
{
	struct raw o;
	const struct sml_cmd *s;

	assert_int_equal(items_stored(), 1);
	open_raw(&o, "IMEI:7", "1");
	o.max_msg = 60000;
	alert(&o, 201, "contacts", NULL, "o1");
	(void)post(&o, FINAL | CRED);
	answer_all(&o, 200);
	sync_open(&o, "contacts");
	sync_close(&o);
	s = sync_of(post(&o, FINAL));
	assert_int_equal(s->kid_n, 1);
	assert_true(s->kids[0].items[0].data.n > 6000);
}

static void
incoming_object_goes_on(void **state)
{
	(void)state;
	for (int how = 0; how < 3; how++) {
		struct raw r;
		struct slice all = large();
		int n = (int)all.n;

		open_raw(&r, "IMEI:1", "1");
		begin(&r, "1", 201, NULL, "n1");
		assert_int_equal(
		    send_piece(&r, n, slice_sub(all, 0, 1000), true, 0), 213);
		assert_int_equal(
		    send_piece(&r, 0, slice_sub(all, 1000, 1000), true, 0),
		    213);
		if (how == 2)
			suspend(&r);
		resume(&r, "2", NULL, "n2", 201);
		/* Our last 213 was lost: that piece comes once more. */
		if (how == 1)
			assert_int_equal(send_piece(&r, 0,
						    slice_sub(all, 1000, 1000),
						    true, 0),
					 213);
		assert_int_equal(
		    send_piece(&r, 0, slice_sub(all, 2000, 500), true, 0), 213);
		assert_int_equal(
		    send_piece(&r, 0, slice_from(all, 2500), false, FINAL),
		    201);
		finish(&r);
		whole();
		fresh_bench();
	}
}

/* Only our word for it was lost: its tail alone is neither half an item nor
   an error; out of nowhere it is one. */
static void
incoming_object_had_arrived(void **state)
{
	struct raw r;
	struct slice all = large();
	int n = (int)all.n;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	begin(&r, "1", 201, NULL, "n1");
	assert_int_equal(send_piece(&r, n, slice_sub(all, 0, 1000), true, 0),
			 213);
	assert_int_equal(send_piece(&r, 0, slice_from(all, 1000), false, FINAL),
			 201);
	resume(&r, "2", NULL, "n2", 201);
	assert_int_equal(
	    send_piece(&r, -1000, slice_from(all, 1000), false, FINAL), 200);
	finish(&r);
	whole();
	begin(&r, "3", 200, "n2", "n3");
	assert_int_equal(
	    send_piece(&r, -1000, slice_from(all, 1000), false, FINAL), 412);
	finish(&r);
	whole();
}

static void
incoming_object_begins_again(void **state)
{
	struct raw r;
	struct slice all = large();

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	begin(&r, "1", 201, NULL, "n1");
	assert_int_equal(
	    send_piece(&r, (int)all.n, slice_sub(all, 0, 1000), true, 0), 213);
	resume(&r, "2", NULL, "n2", 201);
	assert_int_equal(
	    send_piece(&r, (int)all.n, slice_sub(all, 0, 2000), true, 0), 213);
	assert_int_equal(send_piece(&r, 0, slice_from(all, 2000), false, FINAL),
			 201);
	finish(&r);
	whole();
}

/* Nothing of it came: Alert 223, and nothing is stored. */
static void
incoming_object_is_forgotten(void **state)
{
	struct raw r;
	struct slice all = large();

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	begin(&r, "1", 201, NULL, "n1");
	(void)send_piece(&r, (int)all.n, slice_sub(all, 0, 1000), true, 0);
	resume(&r, "2", NULL, "n2", 201);
	upload(&r, "Add", 0, 1, FINAL);
	assert_int_equal(our_alert(r.m), 223);
	assert_int_equal(items_stored(), 1);
}

/* A refused object: the rest of it is no item, however short it is. */
static void
rest_of_a_refused_object(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	alert(&r, 201, "notes", NULL, "n1");
	(void)post(&r, FINAL | CRED);
	answer_all(&r, 200);
	for (int i = 0; i < 3; i++) {
		sync_open(&r, "notes");
		buf_printf(&r.body,
			   "<Add><CmdID>%d</CmdID><Meta><Type "
			   "xmlns='syncml:metinf'>text/plain</Type>%s</Meta>"
			   "<Item><Source><LocURI>L</LocURI></Source><Data>"
			   "part %d</Data>%s</Item></Add>",
			   ++r.cmdid,
			   i == 0 ? "<Size xmlns='syncml:metinf'>3000000"
				    "</Size>"
				  : "",
			   i, i < 2 ? "<MoreData/>" : "");
		sync_close(&r);
		assert_int_equal(code_of(post(&r, i < 2 ? 0 : FINAL), "Add"),
				 416);
	}
	assert_int_equal(items_stored(), 0);
	/* The next one of that name is an item. */
	sync_open(&r, "notes");
	buf_printf(&r.body,
		   "<Add><CmdID>%d</CmdID><Meta><Type xmlns='syncml:metinf'>"
		   "text/plain</Type></Meta><Item><Source><LocURI>L</LocURI>"
		   "</Source><Data>short</Data></Item></Add>",
		   ++r.cmdid);
	sync_close(&r);
	assert_int_equal(code_of(post(&r, FINAL), "Add"), 201);
	assert_int_equal(items_stored(), 1);
}

/* ---- large objects, going out ------------------------------------------- */

static const struct sml_item *
piece_of(const struct raw *r)
{
	const struct sml_cmd *s = sync_of(r->m);

	return s == NULL || s->kid_n == 0 ? NULL : &s->kids[0].items[0];
}

static void
others_large(void)
{
	struct slice all = large();
	struct raw o;

	open_raw(&o, "IMEI:9", "1");
	begin(&o, "1", 201, NULL, "x");
	assert_int_equal(
	    send_piece(&o, (int)all.n, slice_sub(all, 0, 100), true, 0), 213);
	assert_int_equal(send_piece(&o, 0, slice_from(all, 100), false, FINAL),
			 201);
	finish(&o);
}

/* All of package 2; then an empty package 3. */
static void
take_package_2(struct raw *r)
{
	while (!r->m->final) {
		plain_alert(r, 222);
		(void)post(r, 0);
		answer_all(r, 200);
	}
	upload(r, "Add", 0, 0, FINAL);
}

/* The first piece after a resume says where it begins: clients that got more
   than they could answer tell by it what to leave out. (XML takes the CR of
   each CR LF away: `got` may be less.) */
static void
check_place(const struct raw *r, int64_t got)
{
	const struct sml_cmd *s = sync_of(r->m);
	struct slice emi;
	int64_t at;

	assert_true(s != NULL && s->kid_n == 1);
	emi = s->kids[0].meta.emi;
	assert_true(slice_starts(emi, "datapos="));
	assert_true(slice_i64(slice_from(emi, 8), &at));
	assert_true(at >= got && at < got + 20);
}

/* The n-th piece is lost with its session: the rest goes on behind the last
   one that was answered; every octet arrives once. */
static void
outgoing_object_goes_on(void **state)
{
	(void)state;
	for (int lost = 0; lost < 3; lost++) {
		struct raw r;
		struct buf got = BUF_IN(bench.a);
		int rounds = 0;
		int64_t size = 0;

		others_large();
		open_raw(&r, "IMEI:1", "1");
		r.max_msg = 2700;
		begin(&r, "1", 201, NULL, "n1");
		take_package_2(&r);
		for (;;) {
			const struct sml_item *it = piece_of(&r);

			assert_true(rounds++ < 20);
			if (it != NULL && rounds - 1 == lost) {
				resume(&r, "2", NULL, "n2", 201);
				take_package_2(&r);
				check_place(&r, (int64_t)got.n);
				continue;
			}
			if (it != NULL) {
				buf_add(&got, it->data);
				if (sync_of(r.m)->kids[0].meta.size > 0)
					size = sync_of(r.m)->kids[0].meta.size;
				if (!it->more)
					break;
			}
			answer_all(&r, 213);
			plain_alert(&r, 222);
			(void)post(&r, 0);
		}

		/* XML takes the CR of CR LF away. */
		assert_true(got.n > 6000);
		assert_true(slice_starts(buf_slice(&got), "BEGIN:VCARD"));
		assert_true(slice_find_str(buf_slice(&got), "END:VCARD") !=
			    SIZE_MAX);
		assert_true((int64_t)got.n <= size &&
			    size - (int64_t)got.n < 20);
		answer_all(&r, 201);
		(void)post(&r, FINAL);
		ask(&r, "3", 200, "n2", "n3");
		fresh_bench();
	}
}

/* While half of it was there, somebody edited it: the rest arrives, and what
   it became after that, though Map and Status come at once. */
static void
outgoing_object_edited_meanwhile(void **state)
{
	struct raw r;
	struct slice ours = SLICE_LIT("");
	int rounds = 0;
	bool more = true;

	(void)state;
	others_large();
	open_raw(&r, "IMEI:1", "1");
	r.max_msg = 2700;
	begin(&r, "1", 201, NULL, "n1");
	take_package_2(&r);
	edit_elsewhere_luid("L", "Edited");
	resume(&r, "2", NULL, "n2", 201);
	take_package_2(&r);
	for (;;) {
		const struct sml_item *it = piece_of(&r);

		assert_true(rounds++ < 20);
		if (it != NULL) {
			more = it->more;
			ours = it->source;
		}
		if (!more)
			break;
		answer_all(&r, 213);
		plain_alert(&r, 222);
		(void)post(&r, 0);
	}
	answer_all(&r, 201);
	map_open(&r, "contacts");
	map_item(&r, arena_copy(bench.a, ours), "mine");
	map_close(&r);
	(void)post(&r, FINAL);
	ask(&r, "3", 200, "n2", "n3");
	assert_int_equal(count(r.m, SML_REPLACE), 1);
	assert_true(slice_find_str(r.raw.body, "Edited") != SIZE_MAX);
}

/* It had the last piece too when the line broke, and only its Statuses got
   lost: it answers the first piece that comes again for the whole object,
   whether we know that the last one had gone out or not. */
static void
outgoing_object_had_arrived(void **state)
{
	(void)state;
	for (int all = 0; all < 2; all++) {
		struct raw r;

		others_large();
		open_raw(&r, "IMEI:1", "1");
		r.max_msg = 2700;
		begin(&r, "1", 201, NULL, "n1");
		take_package_2(&r);
		do {
			assert_true(piece_of(&r)->more);
			answer_all(&r, 213);
			plain_alert(&r, 222);
			(void)post(&r, 0);
		} while (all == 1 && piece_of(&r)->more);
		resume(&r, "2", NULL, "n2", 201);
		take_package_2(&r);
		assert_true(piece_of(&r)->more);
		answer_all(&r, 200);
		map_open(&r, "contacts");
		map_item(&r, arena_copy(bench.a, piece_of(&r)->source), "mine");
		map_close(&r);
		(void)post(&r, FINAL);
		assert_true(r.m->final);
		assert_int_equal(count(r.m, SML_ADD), 0);
		ask(&r, "3", 200, "n2", "n3");
		assert_int_equal(sync_of(r.m)->kid_n, 0);
		fresh_bench();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(resume_goes_on_with_the_type),
		T(one_way_stays_one_way),
		T(resume_is_refused_where_it_harms),
		T(suspended_in_every_package),
		T(resume_of_what_is_not_there),
		T(slow_sync_in_package_3),
		T(slow_sync_after_package_3),
		T(refresh_from_client_goes_on),
		T(refresh_from_client_was_complete),
		T(refresh_of_new_items_in_two_sessions),
		T(refresh_from_server_goes_on),
		T(refresh_from_server_was_complete),
		T(incoming_object_goes_on),
		T(incoming_object_had_arrived),
		T(incoming_object_begins_again),
		T(incoming_object_is_forgotten),
		T(rest_of_a_refused_object),
		T(outgoing_object_goes_on),
		T(outgoing_object_edited_meanwhile),
		T(outgoing_object_had_arrived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
