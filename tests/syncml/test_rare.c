/*
 * Rare ways through the protocol: what a device says too early, too late or
 * twice, and what it must cost.
 */
#include "tests/syncml/raw.h"

#include "syncml/limits.h"

/* A device with n items that another one sent; it is told of them, and the
   answer with them is in r->m. */
static void
offer(struct raw *r, int n, int max_msg)
{
	struct raw other;

	open_raw(&other, "IMEI:9", "1");
	other.max_msg = 400000;
	first_sync(&other, n, "x");
	open_raw(r, "IMEI:1", "1");
	r->max_msg = max_msg;
	alert(r, 201, "contacts", NULL, "n1");
	(void)post(r, FINAL | CRED);
	answer_all(r, 200);
	sync_open(r, "contacts");
	sync_close(r);
	(void)post(r, FINAL);
}

/* Another device's session with one command for each of n names. */
static void
elsewhere(const char *sid, const char *last, const char *next, const char *cmd,
	  int from, int n)
{
	struct raw o;
	char luid[32];

	open_raw(&o, "IMEI:9", sid);
	alert(&o, 200, "contacts", last, next);
	(void)post(&o, FINAL | CRED);
	assert_int_equal(our_alert(o.m), 200);
	answer_all(&o, 200);
	sync_open(&o, "contacts");
	for (int i = from; i < from + n; i++) {
		(void)snprintf(luid, sizeof(luid), "u%d", i);
		change(&o, cmd, luid,
		       strcmp(cmd, "Delete") == 0
			   ? NULL
			   : arena_printf(bench.a, "%s%s", luid, sid).p);
	}
	sync_close(&o);
	(void)post(&o, FINAL);
	while (!o.m->final) {
		answer_all(&o, 200);
		(void)post(&o, 0);
	}
	answer_all(&o, 200);
	(void)post(&o, FINAL);
}

static struct slice
id_of(const struct raw *r, int nth)
{
	return sync_of(r->m)->kids[nth].items[0].source;
}

static void
map_one(struct raw *r, struct slice id, const char *luid)
{
	map_open(r, "contacts");
	map_item(r, id, luid);
	map_close(r);
}

/* ---- Statuses that come after the Final --------------------------------- */

static void
error_after_an_early_final(void **state)
{
	struct raw r;
	const char *msg, *cmd;

	(void)state;
	offer(&r, 1, 0);
	msg = text(r.m->hdr.msgid);
	cmd = text(sync_of(r.m)->kids[0].cmdid);
	answer_all(&r, 0);
	(void)post(&r, FINAL);
	assert_true(r.m->final);
	status(&r, msg, cmd, "Add", 500);
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "SyncHdr"), 200);
	ask(&r, "2", 200, "n1", "n2");
	assert_int_equal(count(r.m, SML_ADD), 1);
	finish(&r);
}

/* The other way: a late good Status, and one after a Map, change nothing. */
static void
good_status_after_an_early_final(void **state)
{
	struct raw r;
	const char *msg, *cmd;
	struct slice id;

	(void)state;
	offer(&r, 1, 0);
	msg = text(r.m->hdr.msgid);
	cmd = text(sync_of(r.m)->kids[0].cmdid);
	id = id_of(&r, 0);
	answer_all(&r, 0);
	map_one(&r, id, "a");
	(void)post(&r, FINAL);
	status(&r, msg, cmd, "Add", 201);
	(void)post(&r, FINAL);
	ask(&r, "2", 200, "n1", "n2");
	assert_int_equal(sync_of(r.m)->kid_n, 0);
}

static void
error_for_a_delete_after_an_early_final(void **state)
{
	struct raw r;
	const char *msg, *cmd;

	(void)state;
	offer(&r, 1, 0);
	{
		struct slice id = id_of(&r, 0);

		answer_all(&r, 201);
		map_one(&r, id, "a");
		(void)post(&r, FINAL);
	}
	elsewhere("2", "x", "x2", "Delete", 0, 1);
	ask(&r, "2", 200, "n1", "n2");
	assert_int_equal(count(r.m, SML_DELETE), 1);
	msg = text(r.m->hdr.msgid);
	cmd = text(sync_of(r.m)->kids[0].cmdid);
	answer_all(&r, 0);
	(void)post(&r, FINAL);
	status(&r, msg, cmd, "Delete", 500);
	(void)post(&r, FINAL);
	ask(&r, "3", 200, "n2", "n3");
	assert_int_equal(count(r.m, SML_DELETE), 1);
	/* No word on it now: then it is done, and not sent for ever. */
	answer_all(&r, 0);
	(void)post(&r, FINAL);
	ask(&r, "4", 200, "n3", "n4");
	assert_int_equal(count(r.m, SML_DELETE), 0);
	answer_all(&r, 0);
	(void)post(&r, FINAL);
	ask(&r, "5", 200, "n4", "n5");
	assert_int_equal(count(r.m, SML_DELETE), 0);
}

/* Its last Delete got no Status and its session broke: sent once more. */
static void
delete_in_a_session_that_broke(void **state)
{
	struct raw r;
	struct slice id;

	(void)state;
	offer(&r, 1, 0);
	id = id_of(&r, 0);
	answer_all(&r, 201);
	map_one(&r, id, "a");
	(void)post(&r, FINAL);
	elsewhere("2", "x", "x2", "Delete", 0, 1);
	ask(&r, "2", 200, "n1", "n2");
	assert_int_equal(count(r.m, SML_DELETE), 1);
	answer_all(&r, 0);
	(void)post(&r, FINAL); /* and this answer is lost: old anchors */
	ask(&r, "3", 200, "n1", "n3");
	assert_int_equal(count(r.m, SML_DELETE), 1);
}

/* Only so many are remembered; an error for an older one comes too late. */
static void
assumed_entries_are_bounded(void **state)
{
	enum { N = SML_ASSUMED_MAX + 50 };
	struct raw r;
	const char *msg, *first_msg, *first, *last;

	(void)state;
	offer(&r, N, 0);
	first_msg = text(r.m->hdr.msgid);
	first = text(sync_of(r.m)->kids[0].cmdid);
	while (!r.m->final) {
		status(&r, text(r.m->hdr.msgid), "0", "SyncHdr", 200);
		plain_alert(&r, 222);
		(void)post(&r, 0);
	}
	msg = text(r.m->hdr.msgid);
	last = text(sync_of(r.m)->kids[sync_of(r.m)->kid_n - 1].cmdid);
	status(&r, msg, "0", "SyncHdr", 200);
	(void)post(&r, FINAL);
	assert_true(r.m->final);
	status(&r, first_msg, first, "Add", 500);
	status(&r, msg, last, "Add", 500);
	(void)post(&r, FINAL);
	ask(&r, "2", 200, "n1", "n2");
	assert_int_equal(count(r.m, SML_ADD), 1);
}

/* ---- large objects ------------------------------------------------------ */

static const char *
long_name(char *buf, size_t n, char fill)
{
	memset(buf, fill, n - 1);
	buf[n - 1] = '\0';
	return buf;
}

/* One item of some thousand octets for a device that takes few. */
static void
offer_large(struct raw *r, int max_msg)
{
	struct raw o;
	char name[3000];

	open_raw(&o, "IMEI:9", "1");
	alert(&o, 201, "contacts", NULL, "x");
	(void)post(&o, FINAL | CRED);
	answer_all(&o, 200);
	one_change(&o, "contacts", "Add", "u0",
		   long_name(name, sizeof(name), 'L'));
	(void)post(&o, FINAL);
	finish(&o);
	open_raw(r, "IMEI:1", "1");
	r->max_msg = max_msg;
	alert(r, 201, "contacts", NULL, "n1");
	(void)post(r, FINAL | CRED);
	while (!r->m->final) {
		answer_all(r, 200);
		plain_alert(r, 222);
		(void)post(r, 0);
	}
	answer_all(r, 200);
	sync_open(r, "contacts");
	sync_close(r);
	(void)post(r, FINAL);
}

static const struct sml_item *
piece_of(const struct raw *r)
{
	const struct sml_cmd *s = sync_of(r->m);

	return s == NULL || s->kid_n == 0 ? NULL : &s->kids[0].items[0];
}

/* All pieces but the answer to the last one; gives its end's CmdID. */
static void
take_pieces(struct raw *r)
{
	int rounds = 0;

	while (piece_of(r) == NULL || piece_of(r)->more) {
		assert_true(rounds++ < 40);
		answer_all(r, 213);
		plain_alert(r, 222);
		(void)post(r, 0);
	}
}

/* 200 or 201 where 213 is due: it took a piece for the whole item. No second
   piece comes, in no session, and of what it has no absence counts; where the
   item fits into a message, it gets it under the LUID of the half. */
static void
a_piece_taken_for_the_whole(void **state)
{
	(void)state;
	for (int late = 0; late < 2; late++) {
		struct slice ours;
		struct raw r;

		offer_large(&r, 2700);
		assert_true(piece_of(&r)->more);
		ours = piece_of(&r)->source;
		answer_all(&r, 201);
		if (late == 1)
			(void)post(&r, 0);
		map_open(&r, "contacts");
		map_item(&r, ours, "half");
		map_close(&r);
		(void)post(&r, FINAL);
		assert_true(r.m->final);
		assert_null(piece_of(&r));
		ask(&r, "2", 200, "n1", "n2");
		assert_null(piece_of(&r));
		finish(&r);
		/* Its user edits what it has: nothing is lost by that. */
		again(&r, "3");
		alert(&r, 200, "contacts", "n2", "n3");
		(void)post(&r, FINAL | CRED);
		answer_all(&r, 200);
		one_change(&r, "contacts", "Replace", "half", "L");
		(void)post(&r, FINAL);
		assert_int_equal(items_stored(), 1);
		assert_null(piece_of(&r));
		finish(&r);
		r.max_msg = 20000;
		ask(&r, "4", 200, "n3", "n4");
		assert_int_equal(count(r.m, SML_REPLACE), 1);
		assert_true(slice_is(piece_of(&r)->target, "half"));
		assert_true(piece_of(&r)->data.n > 5000);
		finish(&r);
		ask(&r, "5", 200, "n4", "n5");
		assert_null(piece_of(&r));
		bench_close(&bench);
		bench_open(&bench);
	}
}

static void
no_end_of_data_after_the_last_piece(void **state)
{
	struct raw r;

	(void)state;
	offer_large(&r, 2700);
	take_pieces(&r);
	answer_all(&r, 0);
	plain_alert(&r, 223);
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Alert"), 200);
	assert_true(r.m->final);
	r.max_msg = 20000;
	ask(&r, "2", 200, "n1", "n2");
	assert_int_equal(count(r.m, SML_ADD), 1);
	finish(&r);
	ask(&r, "3", 200, "n2", "n3");
	assert_int_equal(count(r.m, SML_ADD), 0);
}

/* Some restarts, then the object waits for the next session. */
static void
no_end_of_data_again_and_again(void **state)
{
	struct raw r;
	int rounds = 0;

	(void)state;
	offer_large(&r, 2700);
	while (!r.m->final) {
		assert_true(rounds++ < 10);
		status(&r, text(r.m->hdr.msgid), "0", "SyncHdr", 200);
		plain_alert(&r, 223);
		(void)post(&r, 0);
	}
	finish(&r);
	r.max_msg = 20000;
	ask(&r, "2", 200, "n1", "n2");
	assert_int_equal(count(r.m, SML_ADD), 1);
}

/* Its messages become too small for the rest of an object: it is given up,
   the session ends as it should, and not after rounds without end. */
static void
no_room_for_the_next_piece(void **state)
{
	struct raw r;
	int rounds = 0;

	(void)state;
	offer_large(&r, 2700);
	assert_true(piece_of(&r)->more);
	r.max_msg = 1250;
	while (!r.m->final) {
		assert_true(rounds++ < SML_IDLE_ROUNDS_MAX);
		answer_all(&r, 213);
		plain_alert(&r, 222);
		(void)post(&r, 0);
		assert_int_equal(code_of(r.m, "SyncHdr"), 200);
	}
	finish(&r);
	r.max_msg = 20000;
	ask(&r, "2", 200, "n1", "n2");
	assert_int_equal(count(r.m, SML_ADD), 1);
}

/* The Alert 223 that we owe finds no room in a message full of Statuses. */
static void
our_223_waits_for_room(void **state)
{
	struct raw r;
	char luid[32];
	int rounds = 0;
	int heard = 0;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	r.max_msg = 2700;
	alert(&r, 201, "contacts", NULL, "n1");
	(void)post(&r, FINAL | CRED);
	while (!r.m->final) {
		answer_all(&r, 200);
		plain_alert(&r, 222);
		(void)post(&r, 0);
	}
	answer_all(&r, 200);
	sync_open(&r, "contacts");
	piece(&r, "half", 5000, SLICE_LIT("BEGIN:VCARD"), true);
	sync_close(&r);
	(void)post(&r, 0);
	assert_int_equal(code_of(r.m, "Add"), 213);
	sync_open(&r, "contacts");
	for (int i = 0; i < 40; i++) {
		(void)snprintf(luid, sizeof(luid), "n%d", i);
		change(&r, "Add", luid, luid);
	}
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(our_alert(r.m), 0);
	while (!r.m->final) {
		assert_true(rounds++ < 20);
		answer_all(&r, 200);
		plain_alert(&r, 222);
		(void)post(&r, 0);
		heard += our_alert(r.m) == 223 ? 1 : 0;
	}
	assert_int_equal(heard, 1);
}

/* ---- Get ---------------------------------------------------------------- */

static void
get_devinf(struct raw *r)
{
	buf_printf(&r->body,
		   "<Get><CmdID>%d</CmdID><Item><Target><LocURI>./devinf12"
		   "</LocURI></Target></Item></Get>",
		   ++r->cmdid);
}

static int
results_for(const struct sml_msg *m, const char *cmdref)
{
	int n = 0;

	for (size_t i = 0; i < m->cmd_n; i++)
		n += m->cmds[i].tag == SML_RESULTS &&
			     slice_is(m->cmds[i].cmdref, cmdref)
			 ? 1
			 : 0;
	return n;
}

static void
every_get_has_its_results(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	get_devinf(&r);
	get_devinf(&r);
	alert(&r, 201, "contacts", NULL, "n1");
	get_devinf(&r);
	(void)post(&r, FINAL | CRED);
	for (int i = 0; i < 3; i++)
		assert_int_equal(code_nth(r.m, "Get", i), 200);
	assert_int_equal(results_for(r.m, "1"), 1);
	assert_int_equal(results_for(r.m, "2"), 1);
	assert_int_equal(results_for(r.m, "4"), 1);
	again(&r, "2");
	for (int i = 0; i <= SML_GETS_MAX; i++)
		get_devinf(&r);
	(void)post(&r, FINAL | CRED);
	assert_int_equal(code_nth(r.m, "Get", SML_GETS_MAX - 1), 200);
	assert_int_equal(code_nth(r.m, "Get", SML_GETS_MAX), 417);
}

/* ---- two items under one LUID ------------------------------------------- */

/* The device keeps equal items once: every Add gets the same LUID. */
static void
two_items_under_one_luid(void **state)
{
	static const char *const next[] = { "n1", "n2", "n3", "n4", "n5" };
	static const char *const sid[] = { "1", "2", "3", "4", "5" };
	struct raw r;
	struct slice a, b;
	int adds[5] = { 0 };

	(void)state;
	offer(&r, 2, 0);
	a = id_of(&r, 0);
	b = id_of(&r, 1);
	for (int i = 0; i < 5; i++) {
		int n;

		if (i > 0)
			ask(&r, sid[i], 200, next[i - 1], next[i]);
		n = adds[i] = count(r.m, SML_ADD);
		answer_all(&r, 201);
		if (n > 0) {
			map_open(&r, "contacts");
			if (i == 0) {
				map_item(&r, a, "5");
				map_item(&r, b, "5");
			} else {
				map_item(&r, a, "5");
			}
			map_close(&r);
		}
		(void)post(&r, FINAL);
	}
	assert_int_equal(adds[0], 2);
	assert_int_equal(adds[1], 1); /* a, once more */
	assert_int_equal(adds[2], 0);
	assert_int_equal(adds[3], 0);
	assert_int_equal(items_stored(), 2);
	/* b has the LUID; a is sent again when it has changed. */
	elsewhere("2", "x", "x2", "Replace", 0, 2);
	ask(&r, "6", 200, "n5", "n6");
	assert_int_equal(count(r.m, SML_ADD), 1);
	assert_int_equal(count(r.m, SML_REPLACE), 1);
	a = SLICE_LIT("");
	for (size_t i = 0; i < sync_of(r.m)->kid_n; i++) {
		if (sync_of(r.m)->kids[i].tag == SML_ADD)
			a = sync_of(r.m)->kids[i].items[0].source;
	}
	answer_all(&r, 201);
	map_one(&r, a, "6"); /* two items from now on */
	(void)post(&r, FINAL);
	elsewhere("3", "x2", "x3", "Replace", 0, 2);
	ask(&r, "7", 200, "n6", "n7");
	assert_int_equal(count(r.m, SML_ADD), 0);
	assert_int_equal(count(r.m, SML_REPLACE), 2);
}

/* The other one gets its own LUID when it is sent alone. */
static void
one_luid_given_twice_by_mistake(void **state)
{
	struct raw r;
	struct slice a, b;

	(void)state;
	offer(&r, 2, 0);
	a = id_of(&r, 0);
	b = id_of(&r, 1);
	answer_all(&r, 201);
	map_one(&r, a, "5");
	map_one(&r, b, "5");
	map_one(&r, a, "5"); /* the last word */
	(void)post(&r, FINAL);
	ask(&r, "2", 200, "n1", "n2");
	assert_int_equal(count(r.m, SML_ADD), 1);
	assert_true(slice_eq(id_of(&r, 0), b));
	answer_all(&r, 201);
	map_one(&r, b, "6");
	(void)post(&r, FINAL);
	elsewhere("2", "x", "x2", "Replace", 0, 2);
	ask(&r, "3", 200, "n2", "n3");
	assert_int_equal(count(r.m, SML_REPLACE), 2);
	assert_int_equal(count(r.m, SML_ADD), 0);
}

/* Two items change their LUIDs in one Map: nothing goes out for it. */
static void
luids_that_change_places(void **state)
{
	struct raw r;
	struct slice a, b;

	(void)state;
	offer(&r, 2, 0);
	a = id_of(&r, 0);
	b = id_of(&r, 1);
	answer_all(&r, 201);
	map_open(&r, "contacts");
	map_item(&r, a, "5");
	map_item(&r, b, "6");
	map_close(&r);
	(void)post(&r, FINAL);
	ask(&r, "2", 200, "n1", "n2");
	answer_all(&r, 201);
	map_open(&r, "contacts");
	map_item(&r, a, "6");
	map_item(&r, b, "5");
	map_close(&r);
	(void)post(&r, FINAL);
	ask(&r, "3", 200, "n2", "n3");
	assert_int_equal(count(r.m, SML_ADD), 0);
	assert_int_equal(items_stored(), 2);
}

/* ---- Atomic ------------------------------------------------------------- */

static void
begin_sync(struct raw *r, const char *sid, const char *last, const char *next)
{
	again(r, sid);
	alert(r, 200, "contacts", last, next);
	(void)post(r, FINAL | CRED);
	assert_int_equal(our_alert(r->m), 200);
	answer_all(r, 200);
	sync_open(r, "contacts");
}

static void
atomic_in_sequence_in_atomic(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 1, "n1");
	begin_sync(&r, "2", "n1", "n2");
	open_command(&r, "Atomic");
	change(&r, "Add", "1", "One");
	open_command(&r, "Sequence");
	open_command(&r, "Atomic");
	change(&r, "Add", "2", "Two");
	close_command(&r, "Atomic");
	close_command(&r, "Sequence");
	change(&r, "Add", "3", NULL); /* fails */
	close_command(&r, "Atomic");
	change(&r, "Add", "4", "Four");
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_nth(r.m, "Atomic", 0), 500);
	for (int i = 0; i < 3; i++)
		assert_int_equal(code_nth(r.m, "Add", i), 500);
	assert_int_equal(code_nth(r.m, "Add", 3), 201);
	assert_int_equal(items_stored(), 2);
}

/* ---- deletions ---------------------------------------------------------- */

static void
deletes_after_an_early_final(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 5, "n1");
	begin_sync(&r, "2", "n1", "n2");
	sync_close(&r);
	(void)post(&r, FINAL);
	answer_all(&r, 200);
	one_change(&r, "contacts", "Delete", "u0", NULL);
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Delete"), 200);
	assert_int_equal(items_stored(), 4);
	finish(&r);
	ask(&r, "3", 200, "n2", "n3");
	assert_int_equal(sync_of(r.m)->kid_n, 0);
}

/* The brake counts what a session deletes, not what one package does. */
static void
brake_over_many_finals(void **state)
{
	struct raw r;
	char luid[32];

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 30, "n1");
	begin_sync(&r, "2", "n1", "n2");
	for (int i = 0; i < 20; i++) {
		(void)snprintf(luid, sizeof(luid), "u%d", i);
		change(&r, "Delete", luid, NULL);
		if (i % 5 != 4)
			continue;
		sync_close(&r);
		(void)post(&r, FINAL);
		answer_all(&r, 200);
		sync_open(&r, "contacts");
	}
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(items_stored(), 20); /* 10 went, then it held */
}

/* Deleted, and the LUID used for a new item at once: both are heard. */
static void
luid_used_again_after_its_delete(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 3, "n1");
	begin_sync(&r, "2", "n1", "n2");
	change(&r, "Delete", "u0", NULL);
	change(&r, "Add", "u0", "Somebody else");
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Delete"), 200);
	assert_int_equal(code_of(r.m, "Add"), 201);
	assert_int_equal(count(r.m, SML_ADD), 0); /* it does not come back */
	assert_int_equal(items_stored(), 3);
	finish(&r);
}

/* ---- very small messages ------------------------------------------------ */

static void
messages_too_small_for_an_answer(void **state)
{
	static const char *const dev[] = {
		"IMEI:1",
		"urn:uuid:11111111-2222-3333-4444-555555555555-a-long-name-of"
		"-a-device-that-somebody-thought-was-needed-here-and-there",
	};

	(void)state;
	for (int max = 200; max <= 1400; max += 60) {
		struct raw r;
		int rounds = 0;

		open_raw(&r, dev[max / 60 % 2], "1");
		r.max_msg = max;
		alert(&r, 201, "contacts", NULL, "n1");
		alert(&r, 201, "notes", NULL, "m1");
		get_devinf(&r);
		(void)post(&r, FINAL | CRED);
		for (; !r.m->final; rounds++) {
			assert_true(rounds < SML_IDLE_ROUNDS_MAX);
			answer_all(&r, 200);
			plain_alert(&r, 222);
			(void)post(&r, 0);
			assert_int_equal(code_of(r.m, "SyncHdr"), 200);
		}
		answer_all(&r, 200);
		one_change(&r, "contacts", "Add", "1", "Mine");
		sync_open(&r, "notes");
		sync_close(&r);
		(void)post(&r, FINAL);
		for (rounds = 0; !r.m->final; rounds++) {
			assert_true(rounds < 2 * SML_IDLE_ROUNDS_MAX);
			answer_all(&r, 200);
			plain_alert(&r, 222);
			(void)post(&r, 0);
			if (code_of(r.m, "SyncHdr") != 200)
				fail_msg("%d: ended: %.*s", max,
					 SLICE_ARG(r.raw.body));
		}
		assert_int_equal(items_stored(), 1);
		bench_close(&bench);
		bench_open(&bench);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(error_after_an_early_final),
		T(good_status_after_an_early_final),
		T(error_for_a_delete_after_an_early_final),
		T(delete_in_a_session_that_broke),
		T(assumed_entries_are_bounded),
		T(a_piece_taken_for_the_whole),
		T(no_end_of_data_after_the_last_piece),
		T(no_end_of_data_again_and_again),
		T(no_room_for_the_next_piece),
		T(our_223_waits_for_room),
		T(every_get_has_its_results),
		T(two_items_under_one_luid),
		T(one_luid_given_twice_by_mistake),
		T(luids_that_change_places),
		T(atomic_in_sequence_in_atomic),
		T(deletes_after_an_early_final),
		T(brake_over_many_finals),
		T(luid_used_again_after_its_delete),
		T(messages_too_small_for_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
