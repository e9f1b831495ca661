/*
 * What each command of a client is answered, and what it does: alerts, odd and
 * optional commands, Atomic, sizes.
 */
#include "tests/syncml/raw.h"

#include <pthread.h>

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
nothing_left(struct raw *r, const char *sid, const char *last, const char *next)
{
	ask(r, sid, 200, last, next);
	assert_int_equal(sync_of(r->m)->kid_n, 0);
	finish(r);
}

static void
fresh_bench(void)
{
	bench_close(&bench);
	bench_open(&bench);
}

/* ---- Alert -------------------------------------------------------------- */

/* 206 to 210 are answered as such, and do what 200 and 202 to 205 do. */
static void
types_that_the_server_alerted(void **state)
{
	static const struct {
		int code, data, after;
	} c[] = {
		{ 206, 201, 2 }, { 207, 201, 2 }, { 208, 201, 1 },
		{ 209, 403, 1 }, { 210, 403, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		struct raw r;

		open_raw(&r, "IMEI:1", "1");
		first_sync(&r, 1, "n1");
		again(&r, "2");
		alert(&r, c[i].code, "contacts", "n1", "n2");
		(void)post(&r, FINAL | CRED);
		assert_int_equal(code_of(r.m, "Alert"), 200);
		assert_int_equal(our_alert(r.m), c[i].code);
		answer_all(&r, 200);
		one_change(&r, "contacts", "Add", "new", "New");
		(void)post(&r, FINAL);
		assert_int_equal(code_of(r.m, "Add"), c[i].data);
		finish(&r);
		assert_int_equal(items_stored(), c[i].after);
		fresh_bench();
	}
}

/* Their anchors do not fit: the slow or refresh form of the same. */
static void
alerted_types_without_anchors(void **state)
{
	static const struct {
		int code, reply;
	} c[] = { { 206, 201 },
		  { 207, 201 },
		  { 209, 210 },
		  { 202, 201 },
		  { 204, 205 } };
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 1, "n1");
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		again(&r, "2");
		alert(&r, c[i].code, "contacts", "other", "n2");
		(void)post(&r, FINAL | CRED);
		assert_int_equal(code_of(r.m, "Alert"), 508);
		assert_int_equal(our_alert(r.m), c[i].reply);
	}
	bench.conf.strict_508 = true;
	again(&r, "2");
	alert(&r, 207, "contacts", "other", "n2");
	(void)post(&r, FINAL | CRED);
	assert_int_equal(our_alert(r.m), 208);
}

static void
alerts_that_start_no_sync(void **state)
{
	static const struct {
		int code, status;
	} c[] = { { 100, 200 }, { 101, 406 }, { 150, 406 }, { 211, 406 },
		  { 221, 400 }, { 222, 200 }, { 223, 200 }, { 226, 406 },
		  { 250, 406 }, { 666, 406 }, { 1201, 406 } };
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++)
		plain_alert(&r, c[i].code);
	buf_printf(&r.body,
		   "<Alert><CmdID>%d</CmdID><Data>100</Data><Item><Data>Hello"
		   "</Data></Item></Alert><Alert><CmdID>%d</CmdID><Data>two"
		   "</Data></Alert>",
		   r.cmdid + 1, r.cmdid + 2);
	r.cmdid += 2;
	alert(&r, 201, "contacts", NULL, "n1");
	(void)post(&r, FINAL | CRED);
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++)
		assert_int_equal(code_nth(r.m, "Alert", (int)i), c[i].status);
	assert_int_equal(code_nth(r.m, "Alert", 11), 200);
	assert_int_equal(code_nth(r.m, "Alert", 12), 400);
	assert_int_equal(code_nth(r.m, "Alert", 13), 200);
	assert_int_equal(our_alert(r.m), 201);
}

/* The last one counts, and each is answered. */
static void
several_alerts_of_one_database(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 2, "n1");
	again(&r, "2");
	alert(&r, 201, "contacts", "n1", "n2");
	alert(&r, 203, "contacts", "n1", "n2");
	alert(&r, 200, "contacts", "n1", "n2");
	(void)post(&r, FINAL | CRED);
	for (int i = 0; i < 3; i++)
		assert_int_equal(code_nth(r.m, "Alert", i), 200);
	assert_int_equal(our_alert(r.m), 200);
	answer_all(&r, 200);
	one_change(&r, "contacts", "Add", "new", "New");
	(void)post(&r, FINAL);
	assert_int_equal(count(r.m, SML_ADD), 0);
	finish(&r);
	assert_int_equal(items_stored(), 3);
	nothing_left(&r, "3", "n2", "n3");
}

/* 101: busy. It has not answered yet, and does later or never. */
static void
busy_is_no_answer(void **state)
{
	(void)state;
	for (int later = 0; later < 2; later++) {
		struct raw r, o;
		const char *msg, *cmd;

		open_raw(&o, "IMEI:9", "1");
		first_sync(&o, 1, "x");
		open_raw(&r, "IMEI:1", "1");
		alert(&r, 201, "contacts", NULL, "n1");
		(void)post(&r, FINAL | CRED);
		answer_all(&r, 200);
		sync_open(&r, "contacts");
		sync_close(&r);
		(void)post(&r, FINAL);
		msg = text(r.m->hdr.msgid);
		cmd = text(sync_of(r.m)->kids[0].cmdid);
		status(&r, msg, "0", "SyncHdr", 101);
		status(&r, msg, cmd, "Add", 101);
		(void)post(&r, 0);
		assert_int_equal(code_of(r.m, "SyncHdr"), 200);
		if (later) {
			status(&r, msg, cmd, "Add", 500);
			(void)post(&r, FINAL);
		}
		ask(&r, "2", 200, "n1", "n2");
		assert_int_equal(count(r.m, SML_ADD), 1);
		fresh_bench();
	}
}

/* ---- packages ----------------------------------------------------------- */

/* No Status for our Get, our Alert, our Results; no Map; no word at all. */
static void
a_client_that_never_answers(void **state)
{
	struct raw r;
	int gets = 0;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	buf_printf(&r.body,
		   "<Get><CmdID>%d</CmdID><Item><Target><LocURI>./devinf12"
		   "</LocURI></Target></Item></Get>",
		   ++r.cmdid);
	alert(&r, 201, "contacts", NULL, "n1");
	(void)post(&r, FINAL | CRED);
	for (int i = 0; i < 2; i++) {
		for (size_t k = 0; k < r.m->cmd_n; k++)
			gets += r.m->cmds[k].tag == SML_GET ? 1 : 0;
		one_change(&r, "contacts", "Add", i == 0 ? "a" : "b",
			   i == 0 ? "A" : "B");
		(void)post(&r, i == 0 ? 0 : FINAL);
		assert_int_equal(code_of(r.m, "Add"), 201);
	}
	assert_int_equal(gets, 1);
	(void)post(&r, FINAL);
	assert_true(r.m->final);
	nothing_left(&r, "2", "n1", "n2");
	assert_int_equal(items_stored(), 2);
}

/* No Final where package 1 ends: Alerts, then Sync, then at last a Final. */
static void
final_too_late(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	alert(&r, 201, "contacts", NULL, "n1");
	(void)post(&r, CRED);
	assert_int_equal(code_of(r.m, "Alert"), 200);
	one_change(&r, "contacts", "Add", "a", "A");
	(void)post(&r, 0);
	assert_int_equal(code_of(r.m, "Add"), 201);
	assert_int_equal(our_alert(r.m), 201);
	plain_alert(&r, 222);
	(void)post(&r, 0);
	answer_all(&r, 200);
	(void)post(&r, FINAL);
	assert_non_null(sync_of(r.m));
	finish(&r);
	nothing_left(&r, "2", "n1", "n2");
}

struct twice {
	struct sml_request rq;
	struct sml_reply out;
	struct arena *a;
};

static void *
handle(void *arg)
{
	struct twice *t = arg;

	sml_server_handle(&bench.srv, t->a, &t->rq, &t->out);
	return NULL;
}

/* The client lost patience: both copies are on their way at once. */
static void
the_same_message_twice_at_once(void **state)
{
	struct raw r;
	struct twice t[2];
	pthread_t th[2];

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	alert(&r, 201, "contacts", NULL, "n1");
	(void)post(&r, FINAL | CRED);
	answer_all(&r, 200);
	sync_open(&r, "contacts");
	for (int i = 0; i < 100; i++)
		change(&r, "Add", arena_printf(bench.a, "n%d", i).p,
		       arena_printf(bench.a, "Name %d", i).p);
	sync_close(&r);
	prepare(&r, FINAL);
	for (int i = 0; i < 2; i++) {
		t[i].a = arena_new(SIZE_MAX / 2);
		t[i].rq = (struct sml_request){
			.content_type = SLICE_LIT("application/vnd.syncml+xml"),
			.body = r.sent,
			.token = slice_c(r.token),
			.peer = slice_c(r.peer),
			.base_url = SLICE_LIT("http://h/sync"),
		};
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&th[i], NULL, handle, &t[i]),
				 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_join(th[i], NULL), 0);
	assert_int_equal(t[0].out.http, 200);
	assert_int_equal(t[1].out.http, 200);
	assert_true(t[0].out.duplicate != t[1].out.duplicate);
	assert_true(slice_eq(t[0].out.body, t[1].out.body));
	assert_int_equal(items_stored(), 100);
	for (int i = 0; i < 2; i++)
		arena_free(&t[i].a);
}

/* ---- Atomic, Sequence --------------------------------------------------- */

static void
atomic_all_or_nothing(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 2, "n1");
	begin_sync(&r, "2", "n1", "n2");
	open_command(&r, "Atomic");
	change(&r, "Add", "a", "A");
	change(&r, "Replace", "u0", "Changed");
	change(&r, "Delete", "u1", NULL);
	change(&r, "Add", "b", NULL); /* fails: no data */
	close_command(&r, "Atomic");
	change(&r, "Add", "c", "C"); /* after it, on its own */
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Atomic"), 507);
	assert_int_equal(code_nth(r.m, "Add", 0), 216);
	assert_int_equal(code_of(r.m, "Replace"), 216);
	assert_int_equal(code_of(r.m, "Delete"), 216);
	assert_int_equal(code_nth(r.m, "Add", 1), 415);
	assert_int_equal(code_nth(r.m, "Add", 2), 201);
	assert_int_equal(items_stored(), 3); /* u0, u1, c */
	finish(&r);
	nothing_left(&r, "3", "n2", "n3");
	begin_sync(&r, "4", "n3", "n4");
	open_command(&r, "Atomic");
	change(&r, "Add", "a", "A");
	open_command(&r, "Sequence");
	change(&r, "Delete", "u1", NULL);
	change(&r, "Replace", "u0", "Changed");
	close_command(&r, "Sequence");
	close_command(&r, "Atomic");
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Atomic"), 200);
	assert_int_equal(code_of(r.m, "Sequence"), 200);
	assert_int_equal(code_of(r.m, "Add"), 201);
	assert_int_equal(code_of(r.m, "Delete"), 200);
	assert_int_equal(code_of(r.m, "Replace"), 200);
	assert_int_equal(items_stored(), 3); /* u0, c, a */
	finish(&r);
	nothing_left(&r, "5", "n4", "n5");
}

/* What was undone takes no part of the quota. */
static void
atomic_gives_its_quota_back(void **state)
{
	struct raw r;
	struct store_tx *tx;
	struct store_account acc;
	struct err e;

	(void)state;
	assert_int_equal(bench.store->v->begin(bench.store, bench.account,
					       STORE_WRITE, bench.now, &tx, &e),
			 0);
	assert_int_equal(tx->v->account_get(tx, bench.a, &acc, &e), 0);
	acc.quota_items = 2;
	assert_int_equal(tx->v->account_set(tx, &acc, &e), 0);
	assert_int_equal(tx->v->commit(&tx, &e), 0);
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 1, "n1");
	begin_sync(&r, "2", "n1", "n2");
	open_command(&r, "Atomic");
	change(&r, "Add", "a", "A");
	change(&r, "Add", "b", "B"); /* one too many */
	close_command(&r, "Atomic");
	change(&r, "Add", "c", "C");
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Atomic"), 507);
	assert_int_equal(code_nth(r.m, "Add", 0), 216);
	assert_int_equal(code_nth(r.m, "Add", 1), 420);
	assert_int_equal(code_nth(r.m, "Add", 2), 201);
	assert_int_equal(items_stored(), 2);
}

/* A Sequence outside of Sync: its commands, in their order. */
static void
sequence_around_other_commands(void **state)
{
	struct raw r, o;
	struct slice id;

	(void)state;
	open_raw(&o, "IMEI:9", "1");
	first_sync(&o, 1, "x");
	open_raw(&r, "IMEI:1", "1");
	open_command(&r, "Sequence");
	alert(&r, 201, "contacts", NULL, "n1");
	close_command(&r, "Sequence");
	(void)post(&r, FINAL | CRED);
	assert_int_equal(code_of(r.m, "Sequence"), 200);
	assert_int_equal(code_of(r.m, "Alert"), 200);
	assert_int_equal(our_alert(r.m), 201);
	answer_all(&r, 200);
	open_command(&r, "Sequence");
	one_change(&r, "contacts", "Add", "a", "A");
	close_command(&r, "Sequence");
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Sync"), 200);
	assert_int_equal(code_of(r.m, "Add"), 201);
	id = sync_of(r.m)->kids[0].items[0].source;
	answer_all(&r, 201);
	open_command(&r, "Sequence");
	map_open(&r, "contacts");
	map_item(&r, id, "m");
	map_close(&r);
	close_command(&r, "Sequence");
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Map"), 200);
	begin_sync(&r, "2", "n1", "n2");
	change(&r, "Delete", "m", NULL); /* it is known by that name */
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Delete"), 200);
	assert_int_equal(items_stored(), 1);
}

/* ---- optional commands -------------------------------------------------- */

static void
optional_commands_are_refused(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 1, "n1");
	begin_sync(&r, "2", "n1", "n2");
	change(&r, "Move", "u0", NULL);
	sync_close(&r);
	buf_printf(&r.body,
		   "<Exec><CmdID>%d</CmdID><Item><Target><LocURI>./format"
		   "</LocURI></Target></Item></Exec>"
		   "<Search><CmdID>%d</CmdID><Target><LocURI>./contacts"
		   "</LocURI></Target><Source><LocURI>./C</LocURI></Source>"
		   "<Lang>en</Lang><Meta><Type xmlns='syncml:metinf'>"
		   "application/sql</Type></Meta><Data>all</Data></Search>",
		   r.cmdid + 1, r.cmdid + 2);
	r.cmdid += 2;
	open_command(&r, "Atomic"); /* outside of Sync */
	change(&r, "Add", "x", "X");
	close_command(&r, "Atomic");
	buf_printf(&r.body,
		   "<Get><CmdID>%d</CmdID><Item><Target><LocURI>./contacts/1"
		   "</LocURI></Target></Item></Get>"
		   "<Put><CmdID>%d</CmdID><Item><Source><LocURI>./secret"
		   "</LocURI></Source><Data>x</Data></Item></Put>",
		   r.cmdid + 1, r.cmdid + 2);
	r.cmdid += 2;
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Move"), 406);
	assert_int_equal(code_of(r.m, "Exec"), 406);
	assert_int_equal(code_of(r.m, "Search"), 406);
	assert_int_equal(code_of(r.m, "Atomic"), 406);
	assert_int_equal(code_of(r.m, "Add"), 406);
	assert_int_equal(code_of(r.m, "Get"), 404);
	assert_int_equal(code_of(r.m, "Put"), 403);
	assert_int_equal(items_stored(), 1);
	finish(&r);
	nothing_left(&r, "3", "n2", "n3");
}

static void
delete_of_every_kind(void **state)
{
	static const char *const kind[] = { "", "<Archive/>", "<SftDel/>" };
	static const int code[] = { 200, 210, 200 };
	static const int left[] = { 2, 2, 3 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct raw r;

		open_raw(&r, "IMEI:1", "1");
		first_sync(&r, 3, "n1");
		begin_sync(&r, "2", "n1", "n2");
		for (int k = 0; k < 2; k++)
			buf_printf(&r.body,
				   "<Delete><CmdID>%d</CmdID>%s<Item><Source>"
				   "<LocURI>%s</LocURI></Source></Item>"
				   "</Delete>",
				   ++r.cmdid, kind[i],
				   k == 0 ? "u0" : "unknown");
		sync_close(&r);
		(void)post(&r, FINAL);
		assert_int_equal(code_nth(r.m, "Delete", 0), code[i]);
		assert_int_equal(code_nth(r.m, "Delete", 1), 211);
		assert_int_equal(items_stored(), left[i]);
		finish(&r);
		nothing_left(&r, "3", "n2", "n3"); /* it does not come back */
		fresh_bench();
	}
}

/* Some fields of an item, as if they were all: refused, not applied. */
static void
field_level_replace(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 1, "n1");
	begin_sync(&r, "2", "n1", "n2");
	buf_printf(&r.body,
		   "<Replace><CmdID>%d</CmdID><Meta><Type "
		   "xmlns='syncml:metinf'>text/vcard</Type><FieldLevel "
		   "xmlns='syncml:metinf'/></Meta><Item><Source><LocURI>u0"
		   "</LocURI></Source><Data>BEGIN:VCARD\r\nVERSION:3.0\r\n"
		   "N:u0;;;;\r\nEND:VCARD\r\n</Data></Item></Replace>",
		   ++r.cmdid);
	sync_close(&r);
	assert_int_equal(code_of(post(&r, FINAL), "Replace"), 406);
}

/* ---- sizes -------------------------------------------------------------- */

static void
note_add(struct raw *r, const char *luid, int size, struct slice data,
	 bool more)
{
	buf_printf(&r->body,
		   "<Add><CmdID>%d</CmdID><Meta><Type xmlns='syncml:metinf'>"
		   "text/plain</Type>",
		   ++r->cmdid);
	if (size > 0)
		buf_printf(&r->body, "<Size xmlns='syncml:metinf'>%d</Size>",
			   size);
	buf_printf(&r->body,
		   "</Meta><Item><Source><LocURI>%s</LocURI></Source><Data>"
		   "%.*s</Data>%s</Item></Add>",
		   luid, SLICE_ARG(data), more ? "<MoreData/>" : "");
}

static int
note_code(struct raw *r, int size, const char *data, bool more)
{
	sync_open(r, "notes");
	note_add(r, "L", size, slice_c(data), more);
	sync_close(r);
	return code_of(post(r, 0), "Add");
}

static void
sizes_of_what_comes_in(void **state)
{
	struct raw r;

	(void)state;
	bench.conf.max_obj_bytes = 40;
	open_raw(&r, "IMEI:1", "1");
	alert(&r, 201, "notes", NULL, "n1");
	(void)post(&r, FINAL | CRED);
	answer_all(&r, 200);
	/* One piece: 413. Announced: 416. More than announced: 413. */
	assert_int_equal(note_code(&r, 0,
				   "12345678901234567890123456789012345678901",
				   false),
			 413);
	assert_int_equal(note_code(&r, 41, "first", true), 416);
	assert_int_equal(
	    note_code(&r, 40, "123456789012345678901234567890", true), 213);
	assert_int_equal(note_code(&r, 0, "12345678901", true), 413);
	/* No Size: 411. No data: 412. Other length than announced: 424. */
	assert_int_equal(note_code(&r, 0, "first", true), 413); /* the rest */
	bench.now += 1000;
	(void)post(&r, 0); /* another message between */
	assert_int_equal(note_code(&r, 0, "first", true), 411);
	(void)post(&r, 0);
	assert_int_equal(note_code(&r, 20, "", true), 412);
	assert_int_equal(note_code(&r, 20, "first", true), 213);
	assert_int_equal(note_code(&r, 0, "last", false), 424);
	assert_int_equal(items_stored(), 0);
	/* CR LF counted, LF come; characters counted instead of octets. */
	assert_int_equal(note_code(&r, 12, "one\ntwo\n", true), 213);
	assert_int_equal(note_code(&r, 0, "xy", false), 201);
	sync_open(&r, "notes");
	note_add(&r, "M", 6, SLICE_LIT("\xc3\xa4\xc3\xb6\xc3\xbc"), true);
	sync_close(&r);
	assert_int_equal(code_of(post(&r, 0), "Add"), 213);
	sync_open(&r, "notes");
	note_add(&r, "M", 0, SLICE_LIT("abc"), false);
	sync_close(&r);
	assert_int_equal(code_of(post(&r, 0), "Add"), 201);
	assert_int_equal(items_stored(), 2);
}

/* What the device cannot take stays here, and goes when it can. */
static void
sizes_of_what_goes_out(void **state)
{
	struct raw r, o;
	char name[400];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	open_raw(&o, "IMEI:9", "1");
	alert(&o, 201, "contacts", NULL, "x");
	(void)post(&o, FINAL | CRED);
	answer_all(&o, 200);
	sync_open(&o, "contacts");
	change(&o, "Add", "long", name);
	change(&o, "Add", "short", "Short");
	sync_close(&o);
	(void)post(&o, FINAL);
	finish(&o);
	for (int i = 0; i < 3; i++) {
		again(&r, "1");
		if (i == 0)
			open_raw(&r, "IMEI:1", "1");
		buf_printf(&r.body,
			   "<Alert><CmdID>%d</CmdID><Data>%d</Data><Item>"
			   "<Target><LocURI>./contacts</LocURI></Target>"
			   "<Source><LocURI>./C</LocURI></Source><Meta><Anchor "
			   "xmlns='syncml:metinf'>%s<Next>n%d</Next></Anchor>"
			   "<MaxObjSize xmlns='syncml:metinf'>%d</MaxObjSize>"
			   "</Meta></Item></Alert>",
			   ++r.cmdid, i == 0 ? 201 : 200,
			   i == 0   ? ""
			   : i == 1 ? "<Last>n0</Last>"
				    : "<Last>n1</Last>",
			   i, i < 2 ? 300 : 3000);
		(void)post(&r, FINAL | CRED);
		answer_all(&r, 200);
		buf_printf(&r.body,
			   "<Sync><CmdID>%d</CmdID><Target><LocURI>./contacts"
			   "</LocURI></Target><Source><LocURI>./C</LocURI>"
			   "</Source></Sync>",
			   ++r.cmdid);
		(void)post(&r, FINAL);
		assert_int_equal(count(r.m, SML_ADD), i == 1 ? 0 : 1);
		finish(&r);
	}
}

/* DevInf that says how long our ids may be. */
static void
put_devinf(struct raw *r, int max_guid)
{
	buf_printf(
	    &r->body,
	    "<Put><CmdID>%d</CmdID><Meta><Type xmlns='syncml:metinf'>"
	    "application/vnd.syncml-devinf+xml</Type></Meta><Item><Source>"
	    "<LocURI>./devinf12</LocURI></Source><Data><DevInf "
	    "xmlns='syncml:devinf'><VerDTD>1.2</VerDTD><DevID>IMEI:1</DevID>"
	    "<DevTyp>phone</DevTyp><DataStore><SourceRef>./Ccontacts"
	    "</SourceRef><MaxGUIDSize>%d</MaxGUIDSize><Rx-Pref><CTType>"
	    "text/vcard</CTType><VerCT>3.0</VerCT></Rx-Pref><Tx-Pref><CTType>"
	    "text/vcard</CTType><VerCT>3.0</VerCT></Tx-Pref><SyncCap><SyncType>"
	    "1</SyncType></SyncCap></DataStore></DevInf></Data></Item></Put>",
	    ++r->cmdid, max_guid);
}

static void
short_ids(void **state)
{
	static const int max[] = { 4, 1 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct raw r, o;
		int adds = 0;

		open_raw(&o, "IMEI:9", "1");
		o.max_msg = 400000;
		first_sync(&o, 300, "x");
		open_raw(&r, "IMEI:1", "1");
		r.max_msg = 400000;
		put_devinf(&r, max[i]);
		alert(&r, 201, "contacts", NULL, "n1");
		(void)post(&r, FINAL | CRED);
		assert_int_equal(code_of(r.m, "Put"), 200);
		answer_all(&r, 200);
		sync_open(&r, "contacts");
		sync_close(&r);
		(void)post(&r, FINAL);
		for (size_t k = 0; k < sync_of(r.m)->kid_n; k++) {
			assert_true(sync_of(r.m)->kids[k].items[0].source.n <=
				    (size_t)max[i]);
			adds++;
		}
		if (i == 0)
			assert_int_equal(adds, 300);
		else
			assert_true(adds < 36);
		finish(&r);
		fresh_bench();
	}
}

/* Every kind of answer within 2,700 bytes: DevInf, Alerts, Statuses, items. */
static void
answers_in_2700_bytes(void **state)
{
	static const char *const db[] = { "contacts", "calendar", "tasks",
					  "notes" };
	struct raw r, o;
	int rounds = 0;
	int adds = 0;
	int results = 0;

	(void)state;
	open_raw(&o, "IMEI:9", "1");
	o.max_msg = 400000;
	first_sync(&o, 30, "x");
	open_raw(&r, "IMEI:1", "1");
	r.max_msg = 2700;
	for (int i = 0; i < 2; i++)
		buf_printf(&r.body,
			   "<Get><CmdID>%d</CmdID><Item><Target><LocURI>"
			   "./devinf12</LocURI></Target></Item></Get>",
			   ++r.cmdid);
	for (int i = 0; i < 4; i++)
		alert(&r, 201, db[i], NULL, "n1");
	for (int i = 0; i < 10; i++)
		plain_alert(&r, 999);
	(void)post(&r, FINAL | CRED);
	for (;;) {
		assert_true(rounds++ < 30);
		assert_true(r.raw.body.n <= 2700);
		for (size_t i = 0; i < r.m->cmd_n; i++)
			results += r.m->cmds[i].tag == SML_RESULTS ? 1 : 0;
		if (r.m->final)
			break;
		answer_all(&r, 200);
		plain_alert(&r, 222);
		(void)post(&r, 0);
	}
	assert_int_equal(results, 2);
	answer_all(&r, 200);
	for (int i = 0; i < 4; i++) {
		sync_open(&r, db[i]);
		if (i == 0) {
			open_command(&r, "Atomic");
			for (int k = 0; k < 40; k++)
				change(&r, "Add",
				       arena_printf(bench.a, "n%d", k).p,
				       arena_printf(bench.a, "Name%d", k).p);
			close_command(&r, "Atomic");
		}
		sync_close(&r);
	}
	(void)post(&r, FINAL);
	for (;;) {
		assert_true(rounds++ < 90);
		assert_true(r.raw.body.n <= 2700);
		adds += count(r.m, SML_ADD);
		if (r.m->final)
			break;
		answer_all(&r, 201);
		plain_alert(&r, 222);
		(void)post(&r, 0);
		assert_int_equal(code_of(r.m, "SyncHdr"), 200);
	}
	assert_int_equal(adds, 30);
	assert_int_equal(items_stored(), 70);
	finish(&r);
}

/* No room for any device information: 413, and no Results come. */
static void
get_that_finds_no_room(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "urn:uuid:11111111-2222-3333-4444-555555555555-a-long-id",
		 "1");
	r.max_msg = 1250;
	buf_printf(&r.body,
		   "<Get><CmdID>%d</CmdID><Item><Target><LocURI>./devinf12"
		   "</LocURI></Target></Item></Get>",
		   ++r.cmdid);
	(void)post(&r, FINAL | CRED);
	assert_int_equal(code_of(r.m, "Get"), 413);
	for (size_t i = 0; i < r.m->cmd_n; i++)
		assert_true(r.m->cmds[i].tag != SML_RESULTS);
}

/* ---- Add under a LUID that is known ------------------------------------- */

static void
add_again_under_a_known_luid(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 2, "n1");
	begin_sync(&r, "2", "n1", "n2");
	change(&r, "Add", "u0", "u0"); /* the very same */
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Add"), 201);
	assert_int_equal(items_stored(), 2);
	finish(&r);
	begin_sync(&r, "3", "n2", "n3");
	change(&r, "Add", "u0", "Somebody else"); /* another item now */
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Add"), 201);
	assert_int_equal(items_stored(), 3);
	assert_int_equal(count(r.m, SML_ADD), 1); /* u0 comes back to it */
	answer_all(&r, 201);
	map_open(&r, "contacts");
	map_item(&r, sync_of(r.m)->kids[0].items[0].source, "u9");
	map_close(&r);
	(void)post(&r, FINAL);
	nothing_left(&r, "4", "n3", "n4");
}

/* ---- devices that are not who they were --------------------------------- */

/* Restored from a backup: older content must not win, nothing is doubled. */
static void
phone_restored_from_a_backup(void **state)
{
	(void)state;
	for (int old = 0; old < 2; old++) {
		struct raw r;
		const struct sml_cmd *s;
		bool edited = false;

		open_raw(&r, "IMEI:1", "1");
		first_sync(&r, 3, "n1");
		begin_sync(&r, "2", "n1", "n2");
		change(&r, "Replace", "u0", "Edited");
		change(&r, "Add", "u3", "u3");
		sync_close(&r);
		(void)post(&r, FINAL);
		finish(&r);
		if (old == 1) /* two syncs back: its anchor is forgotten */
			nothing_left(&r, "3", "n2", "n3");
		again(&r, "4");
		alert(&r, 200, "contacts", "n1", "n4");
		(void)post(&r, FINAL | CRED);
		assert_int_equal(our_alert(r.m), old == 1 ? 201 : 200);
		answer_all(&r, 200);
		sync_open(&r, "contacts");
		for (int i = 0; i < 3 && old == 1; i++)
			change(&r, "Replace", arena_printf(bench.a, "u%d", i).p,
			       arena_printf(bench.a, "u%d", i).p);
		sync_close(&r);
		(void)post(&r, FINAL);
		s = sync_of(r.m);
		for (size_t i = 0; i < s->kid_n; i++) {
			const struct sml_item *it = &s->kids[i].items[0];

			edited =
			    edited ||
			    (slice_is(it->target, "u0") &&
			     slice_find_str(it->data, "Edited") != SIZE_MAX);
		}
		assert_true(edited);
		status(&r, text(r.m->hdr.msgid), "0", "SyncHdr", 200);
		for (size_t i = 0; i < s->kid_n; i++)
			status(&r, text(r.m->hdr.msgid), text(s->kids[i].cmdid),
			       sml_tag_name(s->kids[i].tag),
			       slice_is(s->kids[i].items[0].target, "u3")
				   ? 404
				   : 200);
		(void)post(&r, FINAL);
		assert_int_equal(items_stored(), 4);
		ask(&r, "5", 200, "n4", "n5");
		/* u3, which it lost, is an Add by now. */
		assert_int_equal(count(r.m, SML_REPLACE), 0);
		assert_int_equal(count(r.m, SML_ADD), old == 1 ? 0 : 1);
		fresh_bench();
	}
}

/* Two phones, one device id (a cloned IMEI): slow, and nothing is lost. */
static void
two_phones_with_one_id(void **state)
{
	struct raw r[2];
	int adds = 0;

	(void)state;
	for (int round = 0; round < 6; round++) {
		int p = round % 2;
		const char *name = p == 0 ? "Ann" : "Bob";
		const char *other = p == 0 ? "Bob" : "Ann";
		const struct sml_cmd *s;

		if (round < 2)
			open_raw(&r[p], "IMEI:1", "1");
		again(&r[p], "1");
		alert(&r[p], 200, "contacts",
		      round < 2
			  ? NULL
			  : arena_printf(bench.a, "%d-%d", p, round - 2).p,
		      arena_printf(bench.a, "%d-%d", p, round).p);
		(void)post(&r[p], FINAL | CRED);
		assert_int_equal(our_alert(r[p].m), 201);
		answer_all(&r[p], 200);
		sync_open(&r[p], "contacts");
		change(&r[p], "Replace", "1", name); /* the same LUID */
		if (round > 1)
			change(&r[p], "Replace", "2", other);
		sync_close(&r[p]);
		(void)post(&r[p], FINAL);
		s = sync_of(r[p].m);
		adds += count(r[p].m, SML_ADD);
		answer_all(&r[p], 201);
		if (s->kid_n > 0) {
			map_open(&r[p], "contacts");
			map_item(&r[p], s->kids[0].items[0].source, "2");
			map_close(&r[p]);
		}
		(void)post(&r[p], FINAL);
	}
	assert_int_equal(items_stored(), 2);
	assert_true(adds <= 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(types_that_the_server_alerted),
		T(alerted_types_without_anchors),
		T(alerts_that_start_no_sync),
		T(several_alerts_of_one_database),
		T(busy_is_no_answer),
		T(a_client_that_never_answers),
		T(final_too_late),
		T(the_same_message_twice_at_once),
		T(atomic_all_or_nothing),
		T(atomic_gives_its_quota_back),
		T(sequence_around_other_commands),
		T(optional_commands_are_refused),
		T(delete_of_every_kind),
		T(field_level_replace),
		T(sizes_of_what_comes_in),
		T(sizes_of_what_goes_out),
		T(short_ids),
		T(answers_in_2700_bytes),
		T(get_that_finds_no_room),
		T(add_again_under_a_known_luid),
		T(phone_restored_from_a_backup),
		T(two_phones_with_one_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
