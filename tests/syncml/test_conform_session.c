/*
 * docs/conformance.md: packages, conflicts, and sessions beside each other.
 */
#include "tests/syncml/conform.h"

/* ---- packages ----------------------------------------------------------- */

/* S-PKG-1, S-PKG-6, S-MULTI-1: what each package of ours holds at least, and
   Final at the end of each. */
static void
six_packages(void **state)
{
	struct raw r, o;
	const struct sml_cmd *c;

	(void)state;
	open_raw(&o, "IMEI:9", "1");
	first_sync(&o, 1, "o1");
	open_raw(&r, "IMEI:1", "1");
	/* 1 and 2 */
	alert(&r, 201, "contacts", NULL, "n1");
	alert(&r, 201, "notes", NULL, "n1");
	(void)post(&r, FINAL | CRED);
	assert_true(r.m->final);
	assert_int_equal(code_nth(r.m, "Alert", 0), 200);
	assert_int_equal(code_nth(r.m, "Alert", 1), 200);
	assert_non_null(nth_cmd(r.m, SML_ALERT, 1));
	assert_null(nth_cmd(r.m, SML_ALERT, 2));
	assert_null(sync_of(r.m));
	/* 3 and 4 */
	answer_all(&r, 200);
	one_change(&r, "contacts", "Add", "1", "Mine");
	sync_open(&r, "notes");
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_true(r.m->final);
	assert_int_equal(code_nth(r.m, "Sync", 1), 200);
	assert_text(nth_cmd(r.m, SML_SYNC, 0)->target, "./Ccontacts");
	assert_text(nth_cmd(r.m, SML_SYNC, 1)->target, "./Cnotes");
	assert_int_equal(nth_cmd(r.m, SML_SYNC, 1)->kid_n, 0);
	c = nth_kid(r.m, SML_ADD, 0);
	assert_non_null(c);
	/* 5 and 6 */
	map_open(&r, "contacts");
	map_item(&r, c->items[0].source, "2");
	map_close(&r);
	answer_all(&r, 201);
	(void)post(&r, FINAL);
	assert_true(r.m->final);
	assert_int_equal(r.m->cmd_n, 2);
	assert_int_equal(code_of(r.m, "SyncHdr"), 200);
	assert_int_equal(code_of(r.m, "Map"), 200);
	assert_true(r.raw.session_ended);
}

/* S-PKG-4, S-PKG-3: a package 5 without a Map is one; and one that comes after
   a sync from the client only is answered too. */
static void
package_5_without_map(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 1, "n1");
	begin(&r, "2", 202, "n1", "n2");
	sync_open(&r, "contacts");
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_true(r.m->final);
	/* It may stop here. */
	begin(&r, "3", 200, "n2", "n3");
	assert_int_equal(our_alert(r.m), 200);
	sync_open(&r, "contacts");
	sync_close(&r);
	(void)post(&r, FINAL);
	answer_all(&r, 200);
	(void)post(&r, FINAL);
	assert_true(r.m->final);
	assert_int_equal(r.m->cmd_n, 1);
	assert_int_equal(code_of(r.m, "SyncHdr"), 200);
}

/* S-MULTI-8, S-MULTI-2: who is not through gets Statuses and Alert 222, and no
   Final, with the names of both sides in it. */
static void
next_message(void **state)
{
	struct raw r;
	const struct sml_cmd *a;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	begin(&r, "1", 201, NULL, "n1");
	one_change(&r, "contacts", "Add", "1", "Anna");
	(void)post(&r, 0);
	assert_false(r.m->final);
	a = nth_cmd(r.m, SML_ALERT, 0);
	assert_text(a->data, "222");
	assert_text(a->items[0].target, "IMEI:1");
	assert_text(a->items[0].source, "http://h/sync");
	assert_int_equal(r.m->cmd_n, 4); /* SyncHdr, Sync, Add, 222 */
	/* Its own 222 is good whatever it names. */
	say(&r, "<Alert><CmdID>#</CmdID><Data>222</Data><Item><Target><LocURI>"
		"nonsense</LocURI></Target></Item></Alert>");
	(void)post(&r, 0);
	assert_int_equal(code_of(r.m, "Alert"), 200);
}

/* ---- conflicts ---------------------------------------------------------- */

static void
set_collection(enum store_policy policy, bool read_only)
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
		col[i].policy = policy;
		col[i].read_only = read_only;
		assert_int_equal(tx->v->collection_put(tx, &col[i], &e), 0);
	}
	assert_int_equal(tx->v->commit(&tx, &e), 0);
}

static void
change_to(struct raw *r, const char *luid, const char *more)
{
	sync_open(r, "contacts");
	if (more != NULL)
		say_item(r, "Replace", luid, "",
			 card(&bench, "u0", "+491", more));
	else
		change(r, "Delete", luid, NULL);
	sync_close(r);
	(void)post(r, FINAL);
}

struct conflict {
	enum store_policy policy;
	const char *server, *client; /* NULL: deleted */
	int status;
	enum sml_tag sent; /* then by the server; SML_UNKNOWN: nothing */
	const char *kept;  /* in the store; '!': not in it */
	int items;
};

/* S-CONF-1 to S-CONF-11. The server's edit was made later. */
static const struct conflict conflicts[] = {
	/* both edit, each something else */
	{ STORE_POLICY_NEWEST, "TITLE:s\n", "ROLE:c\n", 207, SML_REPLACE,
	  "TITLE:s", 1 },
	{ STORE_POLICY_SERVER, "TITLE:s\n", "ROLE:c\n", 207, SML_REPLACE,
	  "ROLE:c", 1 },
	/* both edit the same */
	{ STORE_POLICY_CLIENT, "TITLE:s\n", "TITLE:c\n", 208, SML_UNKNOWN,
	  "TITLE:c", 1 },
	{ STORE_POLICY_SERVER, "TITLE:s\n", "TITLE:c\n", 419, SML_REPLACE,
	  "TITLE:s", 1 },
	{ STORE_POLICY_DUPLICATE, "TITLE:s\n", "TITLE:c\n", 209, SML_ADD,
	  "TITLE:c", 2 },
	/* ... at times that both tell, and where one does not */
	{ STORE_POLICY_NEWEST, "TITLE:s\nREV:20251230T100000Z\n",
	  "TITLE:c\nREV:20251230T090000Z\n", 419, SML_REPLACE, "TITLE:s", 1 },
	{ STORE_POLICY_NEWEST, "TITLE:s\nREV:20251230T090000Z\n",
	  "TITLE:c\nREV:20251230T100000Z\n", 208, SML_UNKNOWN, "TITLE:c", 1 },
	{ STORE_POLICY_NEWEST, "TITLE:s\nREV:20251230T090000Z\n", "TITLE:c\n",
	  208, SML_UNKNOWN, "TITLE:c", 1 },
	{ STORE_POLICY_NEWEST, "TITLE:s\n", "TITLE:c\nREV:20251230T090000Z\n",
	  208, SML_UNKNOWN, "TITLE:c", 1 },
	/* both the same edit */
	{ STORE_POLICY_NEWEST, "TITLE:x\n", "TITLE:x\n", 200, SML_UNKNOWN,
	  "TITLE:x", 1 },
	/* only the client */
	{ STORE_POLICY_SERVER, "", "TITLE:c\n", 200, SML_UNKNOWN, "TITLE:c",
	  1 },
	/* edit against delete */
	{ STORE_POLICY_NEWEST, "TITLE:s\n", NULL, 200, SML_ADD, "TITLE:s", 1 },
	{ STORE_POLICY_NEWEST, NULL, "TITLE:c\n", 200, SML_UNKNOWN, "TITLE:c",
	  1 },
	{ STORE_POLICY_NEWEST, NULL, NULL, 200, SML_UNKNOWN, "!FN:u0", 0 },
};

static void
one_conflict(const struct conflict *t)
{
	static const enum sml_tag tags[] = { SML_ADD, SML_REPLACE, SML_DELETE };
	const char *cmd = t->client == NULL ? "Delete" : "Replace";
	struct raw r, o;

	open_raw(&o, "IMEI:9", "1");
	first_sync(&o, 1, "o1");
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 1, "n1");
	set_collection(t->policy, false);
	begin(&o, "2", 200, "o1", "o2");
	change_to(&o, "u0", t->server);
	finish(&o);
	begin(&r, "2", 200, "n1", "n2");
	change_to(&r, "u0", t->client);
	if (code_of(r.m, cmd) != t->status)
		fail_msg(
		    "%s against %s: %d", t->server == NULL ? "-" : t->server,
		    t->client == NULL ? "-" : t->client, code_of(r.m, cmd));
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		assert_int_equal(count(r.m, tags[i]), tags[i] == t->sent);
	finish(&r);
	assert_int_equal(items_stored(), t->items);
	if (t->kept[0] == '!')
		assert_null(stored(t->kept + 1));
	else
		assert_non_null(stored(t->kept));
}

static void
conflicts_by_policy(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(conflicts) / sizeof(conflicts[0]); i++) {
		one_conflict(&conflicts[i]);
		bench_close(&bench);
		bench_open(&bench);
	}
}

/* S-CONF-12: what a read-only database is sent changes nothing in it, and the
   device gets the server's back. */
static void
read_only(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 2, "n1");
	set_collection(STORE_POLICY_NEWEST, true);
	begin(&r, "2", 200, "n1", "n2");
	sync_open(&r, "contacts");
	change(&r, "Replace", "u0", "Changed");
	change(&r, "Delete", "u1", NULL);
	change(&r, "Add", "9", "New");
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Replace"), 200);
	assert_int_equal(code_of(r.m, "Delete"), 200);
	assert_int_equal(code_of(r.m, "Add"), 403);
	assert_int_equal(count(r.m, SML_REPLACE), 1);
	assert_int_equal(count(r.m, SML_ADD), 1);
	assert_int_equal(items_stored(), 2);
	assert_null(stored("Changed"));
	finish(&r);
	/* The same in a slow sync: a twin is known, and stays as it is; what
	   is equal need not be sent. */
	begin(&r, "3", 201, NULL, "n3");
	sync_open(&r, "contacts");
	say_item(&r, "Add", "u0", "",
		 card(&bench, "u0", "+491", "TITLE:Chief\n"));
	say_item(&r, "Add", "u1", "", card(&bench, "u1", "+491", NULL));
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_nth(r.m, "Add", 0), 201);
	assert_int_equal(code_nth(r.m, "Add", 1), 201);
	assert_int_equal(count(r.m, SML_REPLACE), 1);
	assert_int_equal(count(r.m, SML_ADD), 0);
	assert_int_equal(items_stored(), 2);
	assert_null(stored("TITLE:Chief"));
	finish(&r);
	ask(&r, "4", 200, "n3", "n4");
	assert_int_equal(sync_of(r.m)->kid_n, 0);
}

/* ---- sessions beside each other ----------------------------------------- */

/* S-END-4: what another device changes while a session runs is in this one or
   in the next, and never lost. */
static void
changes_meanwhile(void **state)
{
	(void)state;
	for (int when = 0; when < 3; when++) {
		struct raw r, o;
		int got = 0;

		open_raw(&o, "IMEI:9", "1");
		first_sync(&o, 1, "o1");
		open_raw(&r, "IMEI:1", "1");
		first_sync(&r, 1, "n1");
		for (int step = 0; step < 3; step++) {
			if (step == 0)
				begin(&r, "2", 200, "n1", "n2");
			if (step == when) {
				begin(&o, "2", 200, "o1", "o2");
				one_change(&o, "contacts", "Add", "z", "Zoe");
				(void)post(&o, FINAL);
				finish(&o);
			}
			if (step == 1) {
				sync_open(&r, "contacts");
				sync_close(&r);
				(void)post(&r, FINAL);
				got += count(r.m, SML_ADD);
			}
			if (step == 2) {
				answer_all(&r, 201);
				(void)post(&r, FINAL);
			}
		}
		assert_int_equal(got, when < 2 ? 1 : 0);
		ask(&r, "3", 200, "n2", "n3");
		assert_int_equal(got + count(r.m, SML_ADD), 1);
		bench_close(&bench);
		bench_open(&bench);
	}
}

/* S-END-5: what a device sent is not sent back to it. */
static void
no_echo(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 3, "n1");
	begin(&r, "2", 200, "n1", "n2");
	sync_open(&r, "contacts");
	change(&r, "Replace", "u0", "Changed");
	change(&r, "Delete", "u1", NULL);
	change(&r, "Add", "9", "New");
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(sync_of(r.m)->kid_n, 0);
	finish(&r);
	ask(&r, "3", 200, "n2", "n3");
	assert_int_equal(sync_of(r.m)->kid_n, 0);
}

/* ---- the store -----------------------------------------------------------
 */

static const struct store_vtbl *real;

/* Writing a note fails for a reason that a second try would not mend. */
static int
no_notes(struct store_tx *tx, const struct store_write *w, size_t n,
	 struct err *e)
{
	if (n > 0 && w[0].kind == PIM_NOTE)
		return err_set(e, ERR_IO, "test", "the disk says no");
	return real->item_put(tx, w, n, e);
}

static int
begin_spied(struct store *s, int64_t account, enum store_mode mode,
	    int64_t now_ms, struct store_tx **tx, struct err *e)
{
	static struct store_vtbl spy;
	int rc = real->begin(s, account, mode, now_ms, tx, e);

	spy = *real;
	spy.item_put = no_notes;
	if (rc == 0)
		(*tx)->v = &spy;
	return rc;
}

/* S-CMD-22, K-STATUS-510: one database fails: nothing of its Sync is stored,
   its neighbour goes on; its anchors stay. */
static void
a_database_that_fails(void **state)
{
	struct store_vtbl v;
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	alert(&r, 201, "notes", NULL, "m1");
	alert(&r, 201, "contacts", NULL, "n1");
	(void)post(&r, FINAL | CRED);
	answer_all(&r, 200);
	sync_open(&r, "notes");
	say_item(&r, "Add", "1", "", "a note");
	sync_close(&r);
	one_change(&r, "contacts", "Add", "1", "Anna");
	real = bench.store->v;
	v = *real;
	v.begin = begin_spied;
	bench.store->v = &v;
	(void)post(&r, FINAL);
	bench.store->v = real;
	assert_int_equal(code_nth(r.m, "Sync", 0), 510);
	assert_int_equal(code_nth(r.m, "Add", 0), 510);
	assert_int_equal(code_nth(r.m, "Sync", 1), 200);
	assert_int_equal(code_nth(r.m, "Add", 1), 201);
	assert_int_equal(items_stored(), 1);
	finish(&r);
	again(&r, "2");
	alert(&r, 200, "notes", "m1", "m2");
	alert(&r, 200, "contacts", "n1", "n2");
	(void)post(&r, FINAL | CRED);
	assert_int_equal(code_nth(r.m, "Alert", 0), 508);
	assert_int_equal(code_nth(r.m, "Alert", 1), 200);
}

/* ---- Map ---------------------------------------------------------------- */

/* S-MAP-2, S-MAP-4, S-MAP-9: from the Map on it is the LUID that we speak of;
   the same again does nothing. */
static void
map_gives_the_name(void **state)
{
	struct raw r, o;
	struct slice id;

	(void)state;
	open_raw(&o, "IMEI:9", "1");
	first_sync(&o, 1, "o1");
	open_raw(&r, "IMEI:1", "1");
	begin(&r, "1", 201, NULL, "n1");
	sync_open(&r, "contacts");
	sync_close(&r);
	(void)post(&r, FINAL);
	id = nth_kid(r.m, SML_ADD, 0)->items[0].source;
	answer_all(&r, 201);
	for (int i = 0; i < 2; i++) {
		map_open(&r, "contacts");
		map_item(&r, id, "a/long id?");
		map_close(&r);
	}
	(void)post(&r, FINAL);
	assert_int_equal(code_nth(r.m, "Map", 0), 200);
	assert_int_equal(code_nth(r.m, "Map", 1), 200);
	begin(&o, "2", 200, "o1", "o2");
	change_to(&o, "u0", "TITLE:new\n");
	finish(&o);
	ask(&r, "2", 200, "n1", "n2");
	assert_text(nth_kid(r.m, SML_REPLACE, 0)->items[0].target,
		    "a/long id?");
	/* Its own edit under that name is an edit of that item. */
	answer_all(&r, 200);
	(void)post(&r, FINAL);
	begin(&r, "3", 200, "n2", "n3");
	change_to(&r, "a/long id?", "TITLE:newer\n");
	assert_int_equal(code_of(r.m, "Replace"), 200);
	assert_int_equal(items_stored(), 1);
	assert_non_null(stored("TITLE:newer"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(six_packages),
		T(package_5_without_map),
		T(next_message),
		T(conflicts_by_policy),
		T(read_only),
		T(changes_meanwhile),
		T(no_echo),
		T(a_database_that_fails),
		T(map_gives_the_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
