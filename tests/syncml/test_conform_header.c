/*
 * docs/conformance.md: the header, versions, and Statuses. Each test names the
 * lines that it proves.
 */
#include "tests/syncml/conform.h"

#define CRED_XML                                                               \
	"<Cred><Meta><Type>syncml:auth-basic</Type></Meta>"                    \
	"<Data>YW5uYTpzZWNyZXQ=</Data></Cred>"
#define ALERT_XML                                                              \
	"<Alert><CmdID>1</CmdID><Data>201</Data><Item><Target><LocURI>"        \
	"contacts</LocURI></Target><Source><LocURI>C</LocURI></Source><Meta>"  \
	"<Anchor><Next>1</Next></Anchor></Meta></Item></Alert><Final/>"

static const char *
hdr(const char *dtd, const char *proto, const char *sid, const char *msgid,
    const char *dev)
{
	return arena_printf(bench.a,
			    "<VerDTD>%s</VerDTD><VerProto>%s</VerProto>"
			    "<SessionID>%s</SessionID><MsgID>%s</MsgID><Target>"
			    "<LocURI>http://h/sync</LocURI></Target><Source>"
			    "<LocURI>%s</LocURI></Source>" CRED_XML,
			    dtd, proto, sid, msgid, dev)
	    .p;
}

/* S-HDR-1, S-HDR-2: the version is VerProto's, and VerDTD has to fit. */
static void
versions(void **state)
{
	static const struct {
		const char *dtd, *proto;
		int code;
		const char *item, *answer;
	} rows[] = {
		{ "1.0", "SyncML/1.0", 212, NULL, "SyncML/1.0" },
		{ "1.1", "SyncML/1.1", 212, NULL, "SyncML/1.1" },
		{ "1.2", "SyncML/1.2", 212, NULL, "SyncML/1.2" },
		{ " 1.2\n", "\tsyncml/1.2 ", 212, NULL, "SyncML/1.2" },
		{ "1.1", "SyncML/1.2", 505, "1.2", "SyncML/1.2" },
		{ "1.2", "SyncML/1.0", 505, "1.0", "SyncML/1.0" },
		{ "", "SyncML/1.1", 505, "1.1", "SyncML/1.1" },
		{ "1.3", "SyncML/1.3", 513,
		  "SyncML/1.0, SyncML/1.1, SyncML/1.2", "SyncML/1.2" },
		{ "1.2", "DM/1.2", 513, "SyncML/1.0, SyncML/1.1, SyncML/1.2",
		  "SyncML/1.2" },
		{ "", "", 513, "SyncML/1.0, SyncML/1.1, SyncML/1.2",
		  "SyncML/1.2" },
	};
	struct raw r;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct sml_cmd *st;

		open_raw(&r, "IMEI:1", "1");
		(void)post_whole(
		    &r, hdr(rows[i].dtd, rows[i].proto, "1", "1", "IMEI:1"),
		    ALERT_XML);
		st = status_for(r.m, "SyncHdr", 0);
		assert_int_equal(code_of(r.m, "SyncHdr"), rows[i].code);
		assert_text(r.m->hdr.verproto, rows[i].answer);
		if (rows[i].item == NULL) {
			assert_int_equal(st->item_n, 0);
			assert_int_equal(our_alert(r.m), 201);
			continue;
		}
		assert_int_equal(st->item_n, 1);
		assert_text(st->items[0].data, rows[i].item);
		assert_int_equal(code_of(r.m, "Alert"), rows[i].code);
		assert_int_equal(our_alert(r.m), 0);
		assert_int_equal(items_stored(), 0);
	}
}

/* S-HDR-3: it stays what it was in the first message. */
static void
version_changes_within_a_session(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	begin(&r, "1", 201, NULL, "n1");
	r.version = 11;
	one_change(&r, "contacts", "Add", "1", "Anna");
	assert_int_equal(code_of(post(&r, FINAL), "SyncHdr"), 400);
	assert_int_equal(items_stored(), 0);
}

/* S-HDR-8, S-HDR-5: MsgID is a number from 1 on; SessionID any text. */
static void
ids_of_the_header(void **state)
{
	static const struct {
		const char *sid, *msgid;
		int code;
	} rows[] = {
		{ "1", "1", 212 },
		{ "1613468436", " 1\n", 212 },
		{ "0xAF", "1", 212 },
		{ "a session id of sixty-four octets, no more and no less, "
		  "as is...",
		  "1", 212 },
		{ "2", "", 400 },
		{ "2", "one", 400 },
		{ "2", "0", 400 },
		{ "2", "-1", 400 },
		{ "2", "1.5", 400 },
		{ "", "1", 400 },
	};
	struct raw r;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		open_raw(&r, "IMEI:1", "1");
		(void)post_whole(&r,
				 hdr("1.2", "SyncML/1.2", rows[i].sid,
				     rows[i].msgid, "IMEI:1"),
				 ALERT_XML);
		if (code_of(r.m, "SyncHdr") != rows[i].code)
			fail_msg("SessionID %s, MsgID %s: %d", rows[i].sid,
				 rows[i].msgid, code_of(r.m, "SyncHdr"));
		if (rows[i].code == 212)
			assert_text(r.m->hdr.sid, rows[i].sid);
	}
	(void)post_whole(&r, hdr("1.2", "SyncML/1.2", "3", "1", ""), ALERT_XML);
	assert_int_equal(code_of(r.m, "SyncHdr"), 400);
}

/* S-HDR-6: our MsgIDs follow those of the device, from its first on. */
static void
our_msgids(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	alert(&r, 201, "contacts", NULL, "n1");
	r.msgid = 3; /* after two refused ones, which left no session */
	(void)post(&r, FINAL | CRED);
	assert_int_equal(code_of(r.m, "SyncHdr"), 212);
	assert_text(r.m->hdr.msgid, "3");
	answer_all(&r, 200);
	sync_open(&r, "contacts");
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_text(r.m->hdr.msgid, "4");
}

/* S-HDR-4, S-HDR-9, S-HDR-10, S-HDR-12, S-STAT-2: our header. */
static void
our_header(void **state)
{
	struct raw r;

	(void)state;
	for (int version = 10; version <= 12; version++) {
		const struct sml_hdr *h;
		const struct sml_cmd *st;

		open_raw(&r,
			 version == 10   ? "IMEI:1"
			 : version == 11 ? "IMEI:2"
					 : "IMEI:3",
			 "77");
		r.version = version;
		alert(&r, 201, "contacts", NULL, "n1");
		(void)post(&r, FINAL | CRED);
		h = &r.m->hdr;
		assert_text(h->sid, "77");
		assert_text(h->target, r.dev);
		assert_text(h->source, "http://h/sync");
		assert_true(slice_starts(h->respuri, "http://h/sync?s="));
		assert_false(h->cred.present);
		assert_int_equal(h->meta.max_msg_size, 200000);
		assert_int_equal(h->meta.max_obj_size,
				 version == 10 ? -1 : 2000000);
		/* The first command is the header's Status. */
		st = &r.m->cmds[0];
		assert_int_equal(st->tag, SML_STATUS);
		assert_text(st->cmd, "SyncHdr");
		assert_text(st->cmdref, "0");
		assert_text(st->msgref, "1");
		assert_text(st->target_refs[0], "http://h/sync");
		assert_text(st->source_refs[0], r.dev);
	}
}

/* S-HDR-9: whatever address it thinks it has for us. */
static void
any_target(void **state)
{
	static const char *const target[] = {
		"http://other.example:8080/funambol/ds", "/sync", "", "x"
	};
	struct raw r;

	(void)state;
	for (size_t i = 0; i < sizeof(target) / sizeof(target[0]); i++) {
		struct slice h = arena_printf(
		    bench.a,
		    "<VerDTD>1.2</VerDTD><VerProto>SyncML/1.2</VerProto>"
		    "<SessionID>%zu</SessionID><MsgID>1</MsgID><Target>"
		    "<LocURI>%s</LocURI></Target><Source><LocURI>IMEI:1"
		    "</LocURI></Source>" CRED_XML,
		    i, target[i]);

		open_raw(&r, "IMEI:1", "1");
		(void)post_whole(&r, h.p, ALERT_XML);
		assert_int_equal(code_of(r.m, "SyncHdr"), 212);
		assert_text(r.m->hdr.source, target[i]);
	}
}

/* S-HDR-12, S-HDR-13, S-AUTH-12: RespURI only once it is known who asks. */
static void
no_respuri_for_strangers(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	alert(&r, 201, "contacts", NULL, "n1");
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "SyncHdr"), 407);
	assert_int_equal(r.m->hdr.respuri.n, 0);
	alert(&r, 201, "contacts", NULL, "n1");
	(void)post(&r, FINAL | BADCRED);
	assert_int_equal(code_of(r.m, "SyncHdr"), 401);
	assert_int_equal(r.m->hdr.respuri.n, 0);
	/* Its own RespURI changes nothing: the answer goes where it asked. */
	(void)post_whole(
	    &r,
	    arena_printf(bench.a,
			 "%s<RespURI>http://phone.example/"
			 "</RespURI>",
			 hdr("1.2", "SyncML/1.2", "1", "3", "IMEI:1"))
		.p,
	    ALERT_XML);
	assert_int_equal(code_of(r.m, "SyncHdr"), 212);
	assert_text(r.m->hdr.target, "IMEI:1");
}

/* S-AUTH-2, S-AUTH-10: a refusal has Statuses only, all of one code. */
static void
refused_commands_have_the_headers_code(void **state)
{
	static const char *const cmds[] = { "Alert", "Put", "Get",
					    "Sync",  "Add", "Map" };
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	for (int bad = 0; bad < 2; bad++) {
		alert(&r, 201, "contacts", NULL, "n1");
		say(&r, "<Put><CmdID>#</CmdID><Item><Source><LocURI>./devinf12"
			"</LocURI></Source><Data><DevInf/></Data></Item></Put>"
			"<Get><CmdID>#</CmdID><Item><Target><LocURI>./devinf12"
			"</LocURI></Target></Item></Get>");
		one_change(&r, "contacts", "Add", "1", "Anna");
		map_open(&r, "contacts");
		map_item(&r, SLICE_LIT("1"), "2");
		map_close(&r);
		(void)post(&r, FINAL | (bad ? BADCRED : 0));
		assert_int_equal(code_of(r.m, "SyncHdr"), bad ? 401 : 407);
		for (size_t i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++)
			assert_int_equal(code_of(r.m, cmds[i]),
					 bad ? 401 : 407);
		for (size_t i = 0; i < r.m->cmd_n; i++)
			assert_int_equal(r.m->cmds[i].tag, SML_STATUS);
		assert_true(status_for(r.m, "SyncHdr", 0)->chal.present);
		assert_true(r.m->final);
	}
	assert_int_equal(items_stored(), 0);
}

/* S-AUTH-6 to S-AUTH-8: what cannot even be looked at; the session may still
   begin with good ones. */
static void
credentials_that_are_none(void **state)
{
	static const struct {
		const char *cred;
		int code;
	} rows[] = {
		{ "<Meta><Type>syncml:auth-x509</Type></Meta><Data>x</Data>",
		  406 },
		{ "<Meta><Type>syncml:auth-basic</Type><Format>xml</Format>"
		  "</Meta><Data>x</Data>",
		  415 },
		{ "<Meta><Type>syncml:auth-basic</Type></Meta>", 400 },
		{ "<Meta><Type>syncml:auth-basic</Type></Meta><Data></Data>",
		  400 },
		{ "<Meta><Type>syncml:auth-basic</Type></Meta><Data>"
		  "YW5uYTp3cm9uZw==</Data>",
		  401 },
		{ "<Data>YW5uYTpzZWNyZXQ=</Data>", 212 },
	};
	struct raw r;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct slice h = arena_printf(
		    bench.a,
		    "<VerDTD>1.2</VerDTD><VerProto>SyncML/1.2</VerProto>"
		    "<SessionID>1</SessionID><MsgID>%zu</MsgID><Target><LocURI>"
		    "x</LocURI></Target><Source><LocURI>IMEI:1</LocURI>"
		    "</Source><Cred>%s</Cred>",
		    i + 1, rows[i].cred);

		open_raw(&r, "IMEI:1", "1");
		(void)post_whole(&r, h.p, ALERT_XML);
		if (code_of(r.m, "SyncHdr") != rows[i].code)
			fail_msg("row %zu: %d", i, code_of(r.m, "SyncHdr"));
		if (rows[i].code == 212)
			continue;
		assert_int_equal(code_of(r.m, "Alert"), rows[i].code);
		assert_int_equal(status_for(r.m, "SyncHdr", 0)->chal.present,
				 rows[i].code == 401);
	}
}

/* ---- Statuses ----------------------------------------------------------- */

static void
assert_status(const struct sml_msg *m, const char *cmd, int nth,
	      const char *cmdref, const char *target, const char *source,
	      const char *code)
{
	const struct sml_cmd *st = status_for(m, cmd, nth);

	assert_text(st->cmdref, cmdref);
	assert_text(st->data, code);
	assert_int_equal(st->target_ref_n, target == NULL ? 0 : 1);
	assert_int_equal(st->source_ref_n, source == NULL ? 0 : 1);
	if (target != NULL)
		assert_text(st->target_refs[0], target);
	if (source != NULL)
		assert_text(st->source_refs[0], source);
}

/* S-STAT-1, S-STAT-3, S-STAT-5, S-STAT-6: one for each command, and for each
   item, with the names that the command had. */
static void
statuses_name_the_command(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	alert(&r, 200, "contacts", "old", "n1");
	say(&r, "<Put><CmdID>#</CmdID><Item><Source><LocURI>./devinf12"
		"</LocURI></Source><Data><DevInf/></Data></Item></Put>"
		"<Get><CmdID>#</CmdID><Item><Target><LocURI>./devinf12"
		"</LocURI></Target></Item></Get>");
	(void)post(&r, FINAL | CRED);
	assert_status(r.m, "Alert", 0, "1", "./contacts", "./Ccontacts", "508");
	assert_text(sml_kid_text(
			sml_kid(status_for(r.m, "Alert", 0)->items[0].data_node,
				SML_MI_ANCHOR),
			SML_MI_NEXT),
		    "n1");
	assert_status(r.m, "Put", 0, "2", NULL, "./devinf12", "200");
	assert_status(r.m, "Get", 0, "3", "./devinf12", NULL, "200");
	answer_all(&r, 200);
	r.cmdid = 10;
	sync_open(&r, "contacts");
	say(&r,
	    "<Add><CmdID>#</CmdID><Meta><Type " MI ">text/vcard</Type></Meta>"
	    "<Item><Source><LocURI>1</LocURI></Source><Data>%s</Data></Item>"
	    "<Item><Source><LocURI>2</LocURI></Source><Data>%s</Data></Item>"
	    "<Item><Source><LocURI>3</LocURI></Source><Data>x</Data></Item>"
	    "</Add><Replace><CmdID>#</CmdID><Item><Target><LocURI>9</LocURI>"
	    "</Target><Source><LocURI>4</LocURI></Source><Data>%s</Data>"
	    "</Item></Replace>",
	    card(&bench, "A", "+1", NULL), card(&bench, "B", "+2", NULL),
	    card(&bench, "C", "+3", NULL));
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_status(r.m, "Sync", 0, "11", "./contacts", "./Ccontacts", "200");
	assert_status(r.m, "Add", 0, "12", NULL, "1", "201");
	assert_status(r.m, "Add", 1, "12", NULL, "2", "201");
	assert_status(r.m, "Add", 2, "12", NULL, "3", "415");
	assert_status(r.m, "Replace", 0, "13", "9", "4", "201");
	answer_all(&r, 200);
	r.cmdid = 20;
	map_open(&r, "contacts");
	map_close(&r);
	(void)post(&r, FINAL);
	assert_status(r.m, "Map", 0, "21", "./contacts", "./Ccontacts", "200");
}

/* S-STAT-4: in the order of the commands; a Sync's before its children's. */
static void
statuses_in_order(void **state)
{
	static const char *const want[] = { "0", "1", "2", "3",
					    "4", "5", "6", "7" };
	struct raw r;
	size_t n = 0;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	alert(&r, 201, "contacts", NULL, "n1");
	alert(&r, 201, "notes", NULL, "n1");
	(void)post(&r, FINAL | CRED);
	sync_open(&r, "contacts");
	change(&r, "Add", "1", "Anna");
	change(&r, "Delete", "2", NULL);
	sync_close(&r);
	sync_open(&r, "notes");
	say_item(&r, "Add", "1", "", "a note");
	sync_close(&r);
	plain_alert(&r, 100);
	say(&r, "<Exec><CmdID>#</CmdID></Exec>");
	(void)post(&r, FINAL);
	for (size_t i = 0; i < r.m->cmd_n && r.m->cmds[i].tag == SML_STATUS;
	     i++)
		assert_text(r.m->cmds[i].cmdref, want[n++]);
	assert_int_equal(n, 8);
}

/* S-HDR-14: our CmdIDs begin with 1 in each message, and no two are one. */
static void
our_cmdids(void **state)
{
	struct raw r, other;

	(void)state;
	open_raw(&other, "IMEI:9", "1");
	first_sync(&other, 5, "x");
	open_raw(&r, "IMEI:1", "1");
	begin(&r, "1", 201, NULL, "n1");
	for (int round = 0; round < 2; round++) {
		int64_t last = 0;
		int64_t id;

		for (size_t i = 0; i < r.m->cmd_n; i++) {
			assert_true(slice_i64(r.m->cmds[i].cmdid, &id));
			assert_int_equal(id, ++last);
			for (size_t k = 0; k < r.m->cmds[i].kid_n; k++) {
				assert_true(
				    slice_i64(r.m->cmds[i].kids[k].cmdid, &id));
				assert_int_equal(id, ++last);
			}
		}
		assert_true(last > 3);
		sync_open(&r, "contacts");
		sync_close(&r);
		(void)post(&r, FINAL);
	}
	assert_int_equal(count(r.m, SML_ADD), 0);
}

/* S-STAT-1, S-STAT-8, S-HDR-15: Statuses of all kinds get none, whatever they
   speak of, with and without a CmdID; Results get one. */
static void
statuses_get_no_status(void **state)
{
	struct raw r;
	int n = 0;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 2, "n1");
	begin(&r, "2", 200, "n1", "n2");
	status(&r, "77", "1", "Add", 200);
	status(&r, "1", "4711", "Add", 500);
	status(&r, "x", "y", "Nonsense", 9999);
	say(&r, "<Status/><Status><MsgRef>1</MsgRef><CmdRef>0</CmdRef><Cmd>"
		"SyncHdr</Cmd><Data>200</Data></Status>");
	say(&r, "<Results><CmdID>#</CmdID><MsgRef>1</MsgRef><CmdRef>9</CmdRef>"
		"<Item><Source><LocURI>./devinf12</LocURI></Source><Data>"
		"<DevInf><VerDTD>1.2</VerDTD></DevInf></Data></Item>"
		"</Results>");
	sync_open(&r, "contacts");
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Results"), 200);
	for (size_t i = 0; i < r.m->cmd_n; i++)
		n += r.m->cmds[i].tag == SML_STATUS ? 1 : 0;
	assert_int_equal(n, 3); /* SyncHdr, Results, Sync */
	finish(&r);
	ask(&r, "3", 200, "n2", "n3");
	assert_int_equal(count(r.m, SML_ADD) + count(r.m, SML_REPLACE), 0);
}

/* S-HDR-16: white space around numbers, ids and codes says nothing. */
static void
white_space(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	say(&r, "<Alert><CmdID> # </CmdID><Data>\n201\n</Data><Item><Target>"
		"<LocURI> ./contacts </LocURI></Target><Source><LocURI>\t./C"
		"</LocURI></Source><Meta><Anchor " MI "><Next> n1 </Next>"
		"</Anchor></Meta></Item></Alert>");
	(void)post(&r, FINAL | CRED);
	assert_int_equal(our_alert(r.m), 201);
	assert_text(status_for(r.m, "Alert", 0)->cmdref, "1");
	say(&r, "<Sync><CmdID>#</CmdID><Target><LocURI>\n./contacts</LocURI>"
		"</Target><Source><LocURI>./C </LocURI></Source>"
		"<NumberOfChanges> 7 </NumberOfChanges>");
	say_item(&r, "Add", "\n 11 \n",
		 "<Type " MI ">\n text/vcard </Type><Format " MI "> chr "
		 "</Format>",
		 card(&bench, "Anna", "+1", NULL));
	say_item(&r, "Replace", "11", "",
		 card(&bench, "Anna", "+1", "TITLE:x\n"));
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Sync"), 200);
	assert_int_equal(code_of(r.m, "Add"), 201);
	assert_int_equal(code_of(r.m, "Replace"), 200);
	assert_int_equal(items_stored(), 1);
}

/* S-HDR-17: what SyncML names nothing is left alone. */
static void
header_elements_in_any_order(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	(void)post_whole(
	    &r,
	    "<Meta><MetInf><MaxMsgSize>3000</MaxMsgSize></MetInf></Meta>"
	    "<Odd>x</Odd>" CRED_XML "<Source><LocName>anna</LocName><LocURI>"
	    "IMEI:1</LocURI></Source><Target><LocURI>http://h/sync</LocURI>"
	    "</Target><MsgID>7</MsgID><MsgID>1</MsgID><SessionID>5"
	    "</SessionID><VerProto>SyncML/1.1</VerProto><VerDTD>1.1</VerDTD>",
	    ALERT_XML);
	assert_int_equal(code_of(r.m, "SyncHdr"), 212);
	assert_int_equal(our_alert(r.m), 201);
	assert_text(r.m->hdr.msgid, "1");
	/* It used no namespace, and gets none. */
	assert_false(has_text(r.raw.body, "'SYNCML:SYNCML"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(versions),
		T(version_changes_within_a_session),
		T(ids_of_the_header),
		T(our_msgids),
		T(our_header),
		T(any_target),
		T(no_respuri_for_strangers),
		T(refused_commands_have_the_headers_code),
		T(credentials_that_are_none),
		T(statuses_name_the_command),
		T(statuses_in_order),
		T(our_cmdids),
		T(statuses_get_no_status),
		T(white_space),
		T(header_elements_in_any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
