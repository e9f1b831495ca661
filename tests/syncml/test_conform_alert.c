/*
 * docs/conformance.md: Alerts, anchors, the sync types and what each of them
 * moves.
 */
#include "tests/syncml/conform.h"

/* ---- package 2 ---------------------------------------------------------- */

/* S-ALERT-6, S-ALERT-7, S-ANCH-3, S-ANCH-6: our Alert says whose database is
   whose, as the device spells them, and both of our anchors. */
static void
our_alert_in_package_2(void **state)
{
	struct raw r;
	const struct sml_cmd *a;
	char last[40];

	(void)state;
	for (int version = 10; version <= 12; version++) {
		open_raw(&r, "IMEI:1", "1");
		r.version = version;
		say(&r, "<Alert><CmdID>#</CmdID><Data>201</Data><Item><Target>"
			"<LocURI>http://h/sync/Contacts?N&amp;CON;a</LocURI></"
			"Target>"
			"<Source><LocURI>C:\\Data\\Cont.cdb</LocURI></Source>"
			"<Meta><Anchor " MI "><Next>n1</Next></Anchor></Meta>"
			"</Item></Alert>");
		(void)post(&r, FINAL | CRED);
		assert_int_equal(code_of(r.m, "Alert"), 200);
		a = nth_cmd(r.m, SML_ALERT, 0);
		assert_text(a->data, "201");
		assert_text(a->items[0].target, "C:\\Data\\Cont.cdb");
		assert_text(a->items[0].source,
			    "http://h/sync/Contacts?N&CON;a");
		assert_int_equal(a->items[0].meta.anchor.last.n, 0);
		assert_true(a->items[0].meta.anchor.next.n > 0);
		assert_int_equal(a->items[0].meta.max_obj_size,
				 version == 10 ? -1 : 2000000);
		assert_null(nth_cmd(r.m, SML_ALERT, 1));
		bench_close(&bench);
		bench_open(&bench);
	}
	/* The pair of the last sync comes back as Last. */
	open_raw(&r, "IMEI:1", "1");
	alert(&r, 201, "contacts", NULL, "n1");
	(void)post(&r, FINAL | CRED);
	a = nth_cmd(r.m, SML_ALERT, 0);
	(void)snprintf(last, sizeof(last), "%.*s",
		       SLICE_ARG(a->items[0].meta.anchor.next));
	answer_all(&r, 200);
	sync_open(&r, "contacts");
	sync_close(&r);
	(void)post(&r, FINAL);
	finish(&r);
	begin(&r, "2", 200, "n1", "n2");
	a = nth_cmd(r.m, SML_ALERT, 0);
	assert_text(a->items[0].meta.anchor.last, last);
	assert_false(slice_is(a->items[0].meta.anchor.next, last));
}

/* S-ALERT-1, S-ANCH-1, S-SUBST-1 to S-SUBST-4, S-SUBST-6: what each type
   becomes where the anchors fit, where they do not, and where there is no Last.
 */
static void
types_and_anchors(void **state)
{
	static const struct {
		int asked, fits, status, fails;
		int strict; /* with strict_508 */
	} rows[] = {
		{ 200, 200, 508, 201, 201 }, { 201, 201, 200, 201, 201 },
		{ 202, 202, 508, 201, 203 }, { 203, 203, 200, 203, 203 },
		{ 204, 204, 508, 205, 205 }, { 205, 205, 200, 205, 205 },
	};
	static const char *const never[] = { NULL, "",  "0", "00000000T000000Z",
					     "N1", "n0" };
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 1, "n1");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		again(&r, arena_printf(bench.a, "f%zu", i).p);
		alert(&r, rows[i].asked, "contacts", "n1", "x");
		(void)post(&r, FINAL | CRED);
		assert_int_equal(code_of(r.m, "Alert"), 200);
		assert_int_equal(our_alert(r.m), rows[i].fits);
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t k = 0; k < 2 * sizeof(never) / sizeof(never[0]);
		     k++) {
			bench.conf.strict_508 = k % 2 == 1;
			again(&r, arena_printf(bench.a, "n%zu-%zu", i, k).p);
			alert(&r, rows[i].asked, "contacts", never[k / 2], "x");
			(void)post(&r, FINAL | CRED);
			assert_int_equal(code_of(r.m, "Alert"), rows[i].status);
			assert_int_equal(our_alert(r.m), k % 2 == 1
							     ? rows[i].strict
							     : rows[i].fails);
		}
	}
}

/* K-ALERT-226, K-ALERT-227, K-ALERT-666, K-ALERT-1200, S-CMD-2: codes that
   mean nothing to us. */
static void
alert_codes(void **state)
{
	static const struct {
		const char *code;
		int status;
	} rows[] = {
		{ "100", 200 },   { "101", 406 },  { "150", 406 },
		{ "199", 406 },   { "211", 406 },  { "220", 406 },
		{ "226", 406 },   { "227", 406 },  { "250", 406 },
		{ "666", 406 },   { "1100", 406 }, { "1200", 406 },
		{ "1201", 406 },  { "1226", 406 }, { "0", 406 },
		{ "", 400 },      { "two", 400 },  { "-200", 400 },
		{ "200.5", 400 },
	};
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		say(&r,
		    "<Alert><CmdID>#</CmdID><Data>%s</Data><Item><Target>"
		    "<LocURI>./contacts</LocURI></Target><Source><LocURI>C"
		    "</LocURI></Source><Data>words</Data></Item></Alert>",
		    rows[i].code);
	(void)post(&r, FINAL | CRED);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (code_nth(r.m, "Alert", (int)i) != rows[i].status)
			fail_msg("Alert %s: %d", rows[i].code,
				 code_nth(r.m, "Alert", (int)i));
	}
	assert_int_equal(our_alert(r.m), 0);
}

/* S-SUSP-2: 1.0 and 1.1 know neither; the session goes on. */
static void
suspend_before_1_2(void **state)
{
	struct raw r;

	(void)state;
	for (int version = 10; version < 12; version++) {
		open_raw(&r, version == 10 ? "IMEI:1" : "IMEI:2", "1");
		r.version = version;
		begin(&r, "1", 201, NULL, "n1");
		plain_alert(&r, 224);
		alert(&r, 225, "notes", "x", "y");
		one_change(&r, "contacts", "Add", "1", "Anna");
		(void)post(&r, FINAL);
		assert_int_equal(code_nth(r.m, "Alert", 0), 406);
		assert_int_equal(code_nth(r.m, "Alert", 1), 406);
		assert_int_equal(code_of(r.m, "Add"), 201);
		assert_non_null(sync_of(r.m));
	}
}

/* How the newest session ended. */
static void
ended(const char *verdict, bool failed)
{
	struct store_session *s;
	struct store_tx *tx = NULL;
	struct err e = { 0 };

	assert_int_equal(bench.store->v->begin(bench.store, bench.account,
					       STORE_READ, 0, &tx, &e),
			 0);
	s = bench_session(&bench, tx);
	assert_string_equal(text(s->verdict), verdict);
	assert_int_equal(s->failed != 0, failed);
	tx->v->rollback(&tx);
}

/* Nothing was synced, and the administrator hears of it. */
static void
unknown_databases_are_told(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	alert(&r, 201, "contact", NULL, "n1");
	(void)post(&r, FINAL | CRED);
	assert_int_equal(code_of(r.m, "Alert"), 404);
	ended("failed: it asked for a database that is not here", true);

	open_raw(&r, "IMEI:1", "2");
	alert(&r, 201, "contacts", NULL, "n2");
	alert(&r, 201, "contact", NULL, "n2");
	(void)post(&r, FINAL | CRED);
	sync_open(&r, "contacts");
	sync_close(&r);
	(void)post(&r, FINAL);
	while (!r.m->final)
		(void)post(&r, FINAL);
	answer_all(&r, 200);
	(void)post(&r, FINAL);
	ended("ok: contacts slow -> +0 ~0 -0 <- +0 ~0 -0; it asked for a "
	      "database that is not here",
	      false);
}

/* S-ID-4, S-ALERT-9: ways to name a database. */
static void
names_of_databases(void **state)
{
	static const struct {
		const char *uri;
		int status;
	} rows[] = {
		{ "./contacts", 200 },
		{ "contacts", 200 },
		{ "/contacts", 200 },
		{ "./contacts/", 200 },
		{ "contacts?N&amp;CON;a", 200 },
		{ "http://h/sync/contacts", 200 },
		{ "http://other.example:80/contacts", 200 },
		{ "./Contacts", 200 },
		{ "./card", 200 }, /* its alias */
		{ "./contact", 404 },
		{ "./contacts2", 404 },
		{ "", 200 }, /* by its Source */
	};
	struct raw r;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		open_raw(&r, "IMEI:1", "1");
		say(&r,
		    "<Alert><CmdID>#</CmdID><Data>201</Data><Item><Target>"
		    "<LocURI>%s</LocURI></Target><Source><LocURI>contacts"
		    "</LocURI></Source><Meta><Anchor " MI "><Next>n</Next>"
		    "</Anchor></Meta></Item></Alert>",
		    rows[i].uri);
		(void)post(&r, FINAL | CRED);
		if (code_of(r.m, "Alert") != rows[i].status)
			fail_msg("%s: %d", rows[i].uri, code_of(r.m, "Alert"));
	}
	/* No Target element at all, here and in the Sync. */
	open_raw(&r, "IMEI:2", "1");
	say(&r, "<Alert><CmdID>#</CmdID><Data>201</Data><Item><Source><LocURI>"
		"./contacts</LocURI></Source><Meta><Anchor " MI "><Next>n"
		"</Next></Anchor></Meta></Item></Alert>");
	(void)post(&r, FINAL | CRED);
	assert_int_equal(code_of(r.m, "Alert"), 200);
	say(&r, "<Sync><CmdID>#</CmdID><Source><LocURI>./contacts</LocURI>"
		"</Source>");
	change(&r, "Add", "1", "Anna");
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Add"), 201);
}

/* S-ID-5: the same as a Sync and a Map spell it. */
static void
names_in_sync_and_map(void **state)
{
	static const char *const uri[] = { "./contacts", "contacts",
					   "http://h/sync/Contacts",
					   "./contacts?N&amp;CON;a" };
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	begin(&r, "1", 201, NULL, "n1");
	for (size_t i = 0; i < sizeof(uri) / sizeof(uri[0]); i++) {
		say(&r,
		    "<Sync><CmdID>#</CmdID><Target><LocURI>%s</LocURI>"
		    "</Target><Source><LocURI>./Ccontacts</LocURI></Source>"
		    "</Sync><Map><CmdID>#</CmdID><Target><LocURI>%s</LocURI>"
		    "</Target><Source><LocURI>./Ccontacts</LocURI></Source>"
		    "</Map>",
		    uri[i], uri[i]);
	}
	(void)post(&r, FINAL);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(code_nth(r.m, "Sync", i), 200);
		assert_int_equal(code_nth(r.m, "Map", i), 200);
	}
}

/* S-ALERT-8: each Item of an Alert is an Alert. */
static void
several_databases_in_one_alert(void **state)
{
	static const char *const db[] = { "contacts", "nowhere", "notes" };
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	say(&r, "<Alert><CmdID>#</CmdID><Data>201</Data>");
	for (int i = 0; i < 3; i++)
		say(&r,
		    "<Item><Target><LocURI>%s</LocURI></Target><Source>"
		    "<LocURI>C%d</LocURI></Source><Meta><Anchor " MI ">"
		    "<Next>n</Next></Anchor></Meta></Item>",
		    db[i], i);
	say(&r, "</Alert>");
	(void)post(&r, FINAL | CRED);
	assert_int_equal(code_nth(r.m, "Alert", 0), 200);
	assert_int_equal(code_nth(r.m, "Alert", 1), 404);
	assert_int_equal(code_nth(r.m, "Alert", 2), 200);
	assert_text(status_for(r.m, "Alert", 2)->target_refs[0], "notes");
	assert_text(nth_cmd(r.m, SML_ALERT, 0)->items[0].target, "C0");
	assert_text(nth_cmd(r.m, SML_ALERT, 1)->items[0].target, "C2");
}

/* ---- anchors ------------------------------------------------------------ */

/* S-ANCH-5: until its package 3 is complete nothing moves. */
static void
anchors_of_a_broken_session(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 2, "n1");
	begin(&r, "2", 200, "n1", "n2");
	one_change(&r, "contacts", "Add", "7", "Seven");
	(void)post(&r, 0);
	/* It does not come back with n2. */
	again(&r, "3");
	alert(&r, 200, "contacts", "n2", "n3");
	(void)post(&r, FINAL | CRED);
	assert_int_equal(code_of(r.m, "Alert"), 508);
	again(&r, "4");
	alert(&r, 200, "contacts", "n1", "n4");
	(void)post(&r, FINAL | CRED);
	assert_int_equal(code_of(r.m, "Alert"), 200);
}

/* S-ANCH-2: each pair of databases of each device has anchors of its own. */
static void
anchors_for_each_pair(void **state)
{
	struct raw r, q;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 1, "n1");
	again(&r, "2");
	alert(&r, 200, "notes", "n1", "n2");
	(void)post(&r, FINAL | CRED);
	assert_int_equal(code_of(r.m, "Alert"), 508);
	open_raw(&q, "IMEI:2", "1");
	alert(&q, 200, "contacts", "n1", "n2");
	(void)post(&q, FINAL | CRED);
	assert_int_equal(code_of(q.m, "Alert"), 508);
	again(&r, "3");
	say(&r, "<Alert><CmdID>#</CmdID><Data>200</Data><Item><Target>"
		"<LocURI>./contacts</LocURI></Target><Source><LocURI>./other"
		"</LocURI></Source><Meta><Anchor " MI "><Last>n1</Last><Next>"
		"n2</Next></Anchor></Meta></Item></Alert>");
	(void)post(&r, FINAL | CRED);
	assert_int_equal(code_of(r.m, "Alert"), 508);
}

/* ---- the types ---------------------------------------------------------- */

static void
edit_by_another(const char *dev, const char *luid, const char *name)
{
	struct raw o;

	open_raw(&o, dev, "1");
	begin(&o, "1", 201, NULL, "o1");
	one_change(&o, "contacts", "Add", luid, name);
	(void)post(&o, FINAL);
	assert_true(code_of(o.m, "Add") == 201);
	finish(&o);
}

/* S-SYNC-4: from client: statuses and an empty Sync; ours wait. */
static void
one_way_from_client(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 1, "n1");
	edit_by_another("IMEI:2", "z", "Zoe");
	begin(&r, "2", 202, "n1", "n2");
	assert_int_equal(our_alert(r.m), 202);
	sync_open(&r, "contacts");
	change(&r, "Add", "5", "Five");
	change(&r, "Replace", "u0", "Nul");
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Add"), 201);
	assert_int_equal(code_of(r.m, "Replace"), 200);
	assert_non_null(sync_of(r.m));
	assert_int_equal(sync_of(r.m)->kid_n, 0);
	assert_true(r.m->final);
	finish(&r);
	ask(&r, "3", 200, "n2", "n3");
	assert_int_equal(count(r.m, SML_ADD), 1);
	assert_true(has_text(nth_kid(r.m, SML_ADD, 0)->items[0].data, "Zoe"));
}

/* S-SYNC-5, S-SYNC-6: refresh from the client: only what it sent is left,
   under the ids it sent, and not before its package is complete. */
static void
refresh_from_client(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 3, "n1");
	begin(&r, "2", 203, NULL, "n2");
	assert_int_equal(our_alert(r.m), 203);
	one_change(&r, "contacts", "Add", "u0", "u0");
	(void)post(&r, 0);
	assert_int_equal(code_of(r.m, "Add"), 201);
	assert_int_equal(items_stored(), 3);
	one_change(&r, "contacts", "Replace", "new", "New");
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Replace"), 201);
	assert_int_equal(items_stored(), 2);
	assert_int_equal(sync_of(r.m) == NULL ? 0 : (int)sync_of(r.m)->kid_n,
			 0);
	finish(&r);
	assert_non_null(stored("FN:u0"));
	assert_non_null(stored("FN:New"));
	assert_null(stored("FN:u1"));
	ask(&r, "3", 200, "n2", "n3");
	assert_int_equal(count(r.m, SML_ADD) + count(r.m, SML_DELETE), 0);
}

/* S-SYNC-6: one that broke leaves everything as it was. */
static void
refresh_from_client_breaks(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 3, "n1");
	begin(&r, "2", 203, NULL, "n2");
	one_change(&r, "contacts", "Add", "u0", "u0");
	(void)post(&r, 0);
	assert_int_equal(items_stored(), 3);
	ask(&r, "3", 200, "n1", "n3");
	assert_int_equal(count(r.m, SML_DELETE), 0);
	assert_int_equal(items_stored(), 3);
}

/* S-SYNC-7, S-SYNC-8: from the server, with an empty Sync or without one. */
static void
one_way_from_server(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 1, "n1");
	edit_by_another("IMEI:2", "z", "Zoe");
	for (int with = 0; with < 2; with++) {
		begin(&r, with ? "2" : "3", 204, "n1", "x");
		if (with) {
			sync_open(&r, "contacts");
			sync_close(&r);
		}
		(void)post(&r, FINAL);
		assert_int_equal(count(r.m, SML_ADD), 1);
	}
	answer_all(&r, 201);
	(void)post(&r, FINAL);
	/* All of it. */
	for (int with = 0; with < 2; with++) {
		begin(&r, with ? "4" : "5", 205, NULL, "y");
		if (with) {
			sync_open(&r, "contacts");
			sync_close(&r);
		}
		(void)post(&r, FINAL);
		assert_int_equal(count(r.m, SML_ADD), 2);
		assert_int_equal(count(r.m, SML_REPLACE), 0);
	}
	assert_int_equal(items_stored(), 2);
}

/* S-SYNC-3, S-SYNC-2: slow sync: Add and Replace mean the same; who has a twin
   gets 201 for Add, 200 for Replace; what has none is added. No Delete of
   ours comes. */
static void
slow_sync(void **state)
{
	struct raw r;

	(void)state;
	edit_by_another("IMEI:2", "a", "Anna");
	edit_by_another("IMEI:3", "b", "Bert");
	edit_by_another("IMEI:4", "c", "Carl");
	open_raw(&r, "IMEI:1", "1");
	begin(&r, "1", 201, NULL, "n1");
	sync_open(&r, "contacts");
	change(&r, "Add", "1", "Anna");
	change(&r, "Replace", "2", "Bert");
	change(&r, "Add", "3", "Dora");
	change(&r, "Replace", "4", "Emil");
	change(&r, "Delete", "1", NULL);
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_nth(r.m, "Add", 0), 201);
	assert_int_equal(code_nth(r.m, "Replace", 0), 200);
	assert_int_equal(code_nth(r.m, "Add", 1), 201);
	assert_int_equal(code_nth(r.m, "Replace", 1), 201);
	assert_int_equal(code_of(r.m, "Delete"), 403);
	assert_int_equal(count(r.m, SML_ADD), 1);
	assert_true(has_text(nth_kid(r.m, SML_ADD, 0)->items[0].data, "Carl"));
	assert_int_equal(count(r.m, SML_DELETE), 0);
	assert_int_equal(items_stored(), 5);
}

/* S-SYNC-1, S-ITEM-1, S-ITEM-2, S-STAT-10: our Add has our id as Source;
   Replace and Delete have the LUID as Target, and nothing else. */
static void
items_of_package_4(void **state)
{
	struct raw r, o;
	const struct sml_cmd *c;

	(void)state;
	open_raw(&o, "IMEI:2", "1");
	first_sync(&o, 3, "o1");
	open_raw(&r, "IMEI:1", "1");
	begin(&r, "1", 201, NULL, "n1");
	sync_open(&r, "contacts");
	for (int i = 0; i < 3; i++) {
		const char *u = arena_printf(bench.a, "u%d", i).p;

		change(&r, "Add", arena_printf(bench.a, "L%d", i).p, u);
	}
	sync_close(&r);
	(void)post(&r, FINAL);
	finish(&r);
	begin(&o, "2", 200, "o1", "o2");
	sync_open(&o, "contacts");
	change(&o, "Replace", "u0", "Other");
	change(&o, "Delete", "u1", NULL);
	change(&o, "Add", "u9", "New");
	sync_close(&o);
	(void)post(&o, FINAL);
	finish(&o);
	ask(&r, "2", 200, "n1", "n2");
	assert_text(sync_of(r.m)->target, "./Ccontacts");
	assert_text(sync_of(r.m)->source, "./contacts");
	assert_int_equal(sync_of(r.m)->number_of_changes, 3);
	for (size_t i = 0; i < sync_of(r.m)->kid_n; i++)
		assert_int_equal(sync_of(r.m)->kids[i].item_n, 1);
	c = nth_kid(r.m, SML_ADD, 0);
	assert_false(c->items[0].has_target);
	assert_true(c->items[0].source.n > 0 && c->items[0].source.n <= 4);
	c = nth_kid(r.m, SML_REPLACE, 0);
	assert_text(c->items[0].target, "L0");
	assert_false(c->items[0].has_source);
	assert_true(has_text(c->items[0].data, "Other"));
	c = nth_kid(r.m, SML_DELETE, 0);
	assert_text(c->items[0].target, "L1");
	assert_false(c->items[0].has_source);
	assert_false(c->items[0].has_data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(our_alert_in_package_2),
		T(types_and_anchors),
		T(alert_codes),
		T(suspend_before_1_2),
		T(names_of_databases),
		T(unknown_databases_are_told),
		T(names_in_sync_and_map),
		T(several_databases_in_one_alert),
		T(anchors_of_a_broken_session),
		T(anchors_for_each_pair),
		T(one_way_from_client),
		T(refresh_from_client),
		T(refresh_from_client_breaks),
		T(one_way_from_server),
		T(slow_sync),
		T(items_of_package_4),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
