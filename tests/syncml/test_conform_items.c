/*
 * docs/conformance.md: items in both directions: types, formats, texts, ids,
 * and what each command does.
 */
#include "tests/syncml/conform.h"

#define CARD21                                                                 \
	"BEGIN:VCARD\nVERSION:2.1\nN:Mueller;Anna\nTEL;CELL:+491\nEND:VCARD\n"
#define CARD30                                                                 \
	"BEGIN:VCARD\nVERSION:3.0\nN:Mueller;Anna\nFN:Anna Mueller\nTEL;TYPE=" \
	"CELL:+491\nEND:VCARD\n"
#define TYPE(t) "<Type " MI ">" t "</Type>"
#define FORMAT(f) "<Format " MI ">" f "</Format>"
/* CARD21 in base64. */
#define CARD_B64                                                               \
	"QkVHSU46VkNBUkQKVkVSU0lPTjoyLjEKTjpNdWVsbGVyO0FubmEKVEVMO0NFTEw6Kz"   \
	"Q5MQpFTkQ6VkNBUkQK"

struct form {
	const char *cmd_meta, *item_meta, *data;
	int code;
};

/* Each is the only item of a slow sync of its own. */
static void
run_forms(const struct form *f, size_t n, const char *db, const char *want)
{
	for (size_t i = 0; i < n; i++) {
		struct raw r;

		open_raw(&r, "IMEI:1", "1");
		alert(&r, 201, db, NULL, "n");
		(void)post(&r, FINAL | CRED);
		answer_all(&r, 200);
		sync_open(&r, db);
		say(&r, "<Add><CmdID>#</CmdID><Meta>%s</Meta>", f[i].cmd_meta);
		say(&r,
		    "<Item><Source><LocURI>1</LocURI></Source><Meta>%s</Meta>"
		    "<Data>",
		    f[i].item_meta);
		buf_str(&r.body, f[i].data);
		say(&r, "</Data></Item></Add>");
		sync_close(&r);
		(void)post(&r, FINAL);
		if (code_of(r.m, "Add") != f[i].code)
			fail_msg("row %zu: %d", i, code_of(r.m, "Add"));
		if (f[i].code == 201 && stored(want) == NULL)
			fail_msg("row %zu: not stored as %s", i, want);
		assert_int_equal(items_stored(), f[i].code == 201 ? 1 : 0);
		bench_close(&bench);
		bench_open(&bench);
	}
}

/* S-ITEM-5, R-MIME-5, P-TYPE-1: the body says what it is; Meta/Type breaks
   ties, the item's before the command's; without one it is what the database
   holds. */
static void
types(void **state)
{
	static const struct form rows[] = {
		{ TYPE("text/x-vcard"), "", CARD21, 201 },
		{ "", TYPE("text/x-vcard"), CARD21, 201 },
		{ TYPE("TEXT/X-VCARD; charset=utf-8"), "", CARD21, 201 },
		{ TYPE("text/vcard;charset=UTF-8"), "", CARD30, 201 },
		{ TYPE("text/directory;profile=vCard"), "", CARD30, 201 },
		{ TYPE("text/vcard"), "", CARD21, 201 },
		{ TYPE("text/x-vcard"), "", CARD30, 201 },
		{ "", "", CARD21, 201 },
		{ "", "", CARD30, 201 },
		{ TYPE("text/plain"), TYPE("text/x-vcard"), CARD21, 201 },
		{ "<MetInf><Type>text/x-vcard</Type></MetInf>", "", CARD21,
		  201 },
		{ TYPE("text/x-vcard"), "",
		  "BEGIN:VCARD\nVERSION:2.1\nN:Mueller;Anna\n"
		  "NOTE;CHARSET=windows-1251;ENCODING=QUOTED-PRINTABLE:"
		  "=C0=ED=ED=E0\nEND:VCARD\n",
		  201 },
		/* a charset that nobody knows, and bytes that are no UTF-8 */
		{ TYPE("text/x-vcard"), "",
		  "BEGIN:VCARD\nVERSION:2.1\nN;CHARSET=X-NONE;"
		  "ENCODING=QUOTED-PRINTABLE:M=FCller;Anna\nEND:VCARD\n",
		  415 },
		{ TYPE("text/x-vcard"), "", "words", 415 },
		{ TYPE("text/plain"), "", "words", 415 },
		{ TYPE("text/x-s4j-sifc"), "",
		  "&lt;contact&gt;&lt;LastName&gt;Mueller&lt;/LastName&gt;"
		  "&lt;FirstName&gt;Anna&lt;/FirstName&gt;&lt;/contact&gt;",
		  201 },
		{ TYPE("text/x-s4j-sifc"), "", "&lt;contact&gt;", 415 },
		{ TYPE("text/x-s4j-sifn"), "", "&lt;note/&gt;", 415 },
		{ TYPE("message/rfc822"), "", "Subject: x", 415 },
		{ TYPE("text/x-vcalendar"), "",
		  "BEGIN:VCALENDAR\nVERSION:1.0\nBEGIN:VEVENT\nSUMMARY:x\n"
		  "DTSTART:20260101T100000Z\nEND:VEVENT\nEND:VCALENDAR\n",
		  415 },
	};

	(void)state;
	run_forms(rows, sizeof(rows) / sizeof(rows[0]), "contacts",
		  "N:Mueller;Anna");
}

/* S-ITEM-6, R-META-2: chr (or nothing), b64, bin; others that are none: 415. */
static void
formats(void **state)
{
	static const struct form rows[] = {
		{ FORMAT("chr"), "", CARD21, 201 },
		{ FORMAT("b64"), "", CARD_B64, 201 },
		/* R-META-6: a Size that is none of a large object's. */
		{ "<Size " MI ">5</Size>", "", CARD21, 201 },
		{ "", "<Size " MI ">99999999</Size>", CARD21, 201 },
		/* R-META-5, R-META-7 */
		{ "<Mark " MI ">final</Mark><EMI " MI ">x=1</EMI>",
		  "<Version " MI ">3.0</Version>", CARD21, 201 },
		{ "", FORMAT("b64"), CARD_B64, 201 },
		{ FORMAT("b64"), FORMAT("chr"), CARD21, 201 },
		{ FORMAT(" B64\n"), "", "\n " CARD_B64 "\n", 201 },
		{ FORMAT("bin"), "", CARD21, 201 },
		/* Said to be Base64, and plain. */
		{ FORMAT("b64"), "", CARD21, 201 },
		{ FORMAT("b64"), "", "\n" CARD21, 201 },
		{ FORMAT("b64"), "", "N:Mueller", 415 },
		{ FORMAT("rot13"), "", CARD21, 415 },
		{ "", FORMAT("x"), CARD21, 415 },
	};

	(void)state;
	run_forms(rows, sizeof(rows) / sizeof(rows[0]), "contacts",
		  "N:Mueller;Anna");
}

/* P-NOTE-1, P-NOTE-2, S-ITEM-5: a database of notes takes any text. */
static void
notes(void **state)
{
	static const struct form rows[] = {
		{ TYPE("text/plain"), "", "Title\n\na note", 201 },
		{ TYPE("text/plain; charset=utf-8"), "", "a note", 201 },
		{ "", "", "a note", 201 },
		{ TYPE("text/plain"), FORMAT("b64"), "YSBub3Rl", 201 },
		{ TYPE("text/x-vnote"), "",
		  "BEGIN:VNOTE\nVERSION:1.1\nBODY;ENCODING=QUOTED-PRINTABLE:"
		  "a=20note\nEND:VNOTE\n",
		  201 },
		{ TYPE("text/plain"), "",
		  "BEGIN:VNOTE\nVERSION:1.1\nBODY:a note\nEND:VNOTE\n", 201 },
		{ TYPE("text/calendar"), "",
		  "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VJOURNAL\n"
		  "DESCRIPTION:a note\nEND:VJOURNAL\nEND:VCALENDAR\n",
		  201 },
		{ TYPE("text/html"), "", "&lt;p&gt;a note", 415 },
		{ TYPE("text/x-vcard"), "", CARD21, 415 },
	};

	(void)state;
	run_forms(rows, sizeof(rows) / sizeof(rows[0]), "notes", "a note");
}

/* R-XML-9, R-XML-11: escaped, in CDATA, in both; any line ends. */
static void
texts(void **state)
{
	static const struct form rows[] = {
		{ "", "", "<![CDATA[" CARD21 "]]>", 201 },
		{ "", "",
		  "BEGIN:VCARD\n<![CDATA[VERSION:2.1\nN:Mueller;Anna\n]]>TEL;"
		  "CELL:+491\nEND:VCARD",
		  201 },
		{ "", "",
		  "BEGIN:VCARD&#13;&#10;VERSION:2.1&#13;&#10;N:Mueller;Anna"
		  "&#13;&#10;END:VCARD&#13;&#10;",
		  201 },
		{ "", "",
		  "BEGIN:VCARD&#13;VERSION:2.1&#13;N:Mueller;Anna&#13;"
		  "END:VCARD&#13;",
		  201 },
		{ "", "",
		  "\r\n  BEGIN:VCARD\r\nVERSION:2.1\r\nN:Mueller;Anna\r\n"
		  "END:VCARD\r\n  \r\n",
		  201 },
	};

	(void)state;
	run_forms(rows, sizeof(rows) / sizeof(rows[0]), "contacts",
		  "N:Mueller;Anna");
}

/* R-XML-9: CDATA goes to those who used it, and to nobody else. */
static void
cdata_for_those_who_use_it(void **state)
{
	static const char data[] =
	    "BEGIN:VCARD\nVERSION:2.1\nN:A &amp; B &lt;x&gt;;\nEND:VCARD\n";
	struct raw r, o;

	(void)state;
	open_raw(&o, "IMEI:9", "1");
	begin(&o, "1", 201, NULL, "o");
	sync_open(&o, "contacts");
	say_item(&o, "Add", "1", "", data);
	sync_close(&o);
	(void)post(&o, FINAL);
	for (int cdata = 0; cdata < 2; cdata++) {
		open_raw(&r, cdata ? "IMEI:1" : "IMEI:2", "1");
		begin(&r, "1", 201, NULL, "n1");
		sync_open(&r, "contacts");
		say_item(&r, "Add", "1", "",
			 cdata ? "<![CDATA[" CARD21 "]]>" : CARD21);
		sync_close(&r);
		(void)post(&r, FINAL);
		assert_int_equal(has_text(r.raw.body, "<![CDATA["), cdata);
		assert_true(has_text(r.raw.body,
				     cdata ? "A & B <x>" : "A &amp; B &lt;x"));
		/* Plug-ins that know five entities take "&#13;" for text. */
		assert_true(has_text(r.raw.body, "VERSION:2.1\r\n"));
		assert_false(has_text(r.raw.body, "&#"));
		finish(&r);
	}
}

/* S-ITEM-3, S-ITEM-4: whose ids are what. */
static void
ids(void **state)
{
	static const struct {
		const char *names;
		int code;
	} rows[] = {
		{ "<Source><LocURI>a1</LocURI></Source>", 201 },
		{ "<Source><LocURI>b1</LocURI></Source><Target><LocURI>zz"
		  "</LocURI></Target>",
		  201 },
		{ "<Source><LocURI>id with blanks &amp; &lt;signs&gt;</LocURI>"
		  "</Source>",
		  201 },
		{ "<Target><LocURI>c1</LocURI></Target>", 201 },
		{ "<Source><LocURI> </LocURI></Source>", 400 },
		{ "", 400 },
	};
	struct raw r;
	struct buf big = BUF_IN(bench.a);

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	begin(&r, "1", 201, NULL, "n1");
	sync_open(&r, "contacts");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		say(&r,
		    "<Add><CmdID>#</CmdID><Item>%s<Data>BEGIN:VCARD\n"
		    "VERSION:2.1\nN:Name%zu\nEND:VCARD\n</Data></Item></Add>",
		    rows[i].names, i);
	for (int i = 0; i <= SML_LOCURI_BYTES_MAX; i++)
		buf_byte(&big, 'x');
	change(&r, "Add", text(buf_slice(&big)), "Long");
	sync_close(&r);
	(void)post(&r, FINAL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(code_nth(r.m, "Add", (int)i), rows[i].code);
	assert_int_equal(code_nth(r.m, "Add", 6), 414);
	assert_text(status_for(r.m, "Add", 2)->source_refs[0],
		    "id with blanks & <signs>");
	assert_int_equal(items_stored(), 4);
}

/* S-CMD-4 to S-CMD-7: what the three commands do in an ordinary sync. */
static void
add_replace_delete(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 3, "n1");
	begin(&r, "2", 200, "n1", "n2");
	sync_open(&r, "contacts");
	change(&r, "Replace", "u0", "Changed");
	change(&r, "Replace", "new", "Implicit");
	change(&r, "Delete", "u1", NULL);
	change(&r, "Delete", "u1", NULL);
	change(&r, "Delete", "never", NULL);
	say(&r, "<Delete><CmdID>#</CmdID><Item><Target><LocURI>u2</LocURI>"
		"</Target></Item></Delete>");
	change(&r, "Add", "u0", "Changed"); /* again, under a known LUID */
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_nth(r.m, "Replace", 0), 200);
	assert_int_equal(code_nth(r.m, "Replace", 1), 201);
	assert_int_equal(code_nth(r.m, "Delete", 0), 200);
	assert_int_equal(code_nth(r.m, "Delete", 2), 211);
	assert_int_equal(code_nth(r.m, "Delete", 3), 200);
	assert_int_equal(code_of(r.m, "Add"), 201);
	assert_int_equal(items_stored(), 2);
	assert_non_null(stored("FN:Changed"));
	assert_non_null(stored("FN:Implicit"));
	assert_null(stored("FN:u1"));
}

/* S-CMD-24: commands for one item in one message, in their order. */
static void
one_item_again_and_again(void **state)
{
	struct raw r;

	(void)state;
	for (int type = 200; type <= 201; type++) {
		open_raw(&r, "IMEI:1", "1");
		first_sync(&r, 1, "n1");
		begin(&r, "2", type, "n1", "n2");
		sync_open(&r, "contacts");
		change(&r, "Add", "x", "Xaver");
		say_item(&r, "Replace", "x", "",
			 card(&bench, "Xaver", "+491", "TITLE:one\n"));
		if (type == 200)
			change(&r, "Delete", "x", NULL);
		change(&r, "Add", "x", "Xaver");
		say_item(&r, "Replace", "x", "",
			 card(&bench, "Xaver", "+491", "TITLE:two\n"));
		sync_close(&r);
		(void)post(&r, 0);
		assert_int_equal(code_nth(r.m, "Add", 0), 201);
		assert_int_equal(code_nth(r.m, "Replace", 0), 200);
		assert_int_equal(code_nth(r.m, "Add", 1), 201);
		/* What it made anew may have got back what it deleted. */
		assert_int_equal(code_nth(r.m, "Replace", 1),
				 type == 200 ? 208 : 200);
		assert_non_null(stored("TITLE:two"));
		sync_open(&r, "contacts");
		say_item(&r, "Replace", "x", "",
			 card(&bench, "Xaver", "+491", "TITLE:one\n"));
		sync_close(&r);
		(void)post(&r, FINAL);
		assert_int_equal(code_of(r.m, "Replace"), 200);
		assert_int_equal(items_stored(), 2);
		assert_non_null(stored("TITLE:one"));
		assert_int_equal(count(r.m, SML_DELETE), 0);
		finish(&r);
		ask(&r, "3", 200, "n2", "n3");
		assert_int_equal(sync_of(r.m)->kid_n, 0);
		bench_close(&bench);
		bench_open(&bench);
	}
}

/* S-CMD-8: it freed memory: the item stays, and does not come back. */
static void
soft_delete(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 2, "n1");
	begin(&r, "2", 200, "n1", "n2");
	sync_open(&r, "contacts");
	say(&r, "<Delete><CmdID>#</CmdID><SftDel/><Item><Source><LocURI>u0"
		"</LocURI></Source></Item></Delete>");
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Delete"), 200);
	assert_int_equal(count(r.m, SML_ADD), 0);
	finish(&r);
	assert_int_equal(items_stored(), 2);
	ask(&r, "3", 200, "n2", "n3");
	assert_int_equal(count(r.m, SML_ADD) + count(r.m, SML_DELETE), 0);
}

/* S-CMD-12, S-CMD-13, S-CMD-20: refused by name, never by silence. */
static void
refused_commands(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	begin(&r, "1", 201, NULL, "n1");
	say(&r, "<Exec><CmdID>#</CmdID><Item><Target><LocURI>x</LocURI>"
		"</Target></Item></Exec><Search><CmdID>#</CmdID><Source>"
		"<LocURI>contacts</LocURI></Source><Meta/><Data>x</Data>"
		"</Search><Unheard><CmdID>99</CmdID></Unheard>");
	sync_open(&r, "contacts");
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Exec"), 406);
	assert_int_equal(code_of(r.m, "Search"), 406);
	assert_int_equal(code_of(r.m, "Sync"), 200);
	assert_null(nth_cmd(r.m, SML_RESULTS, 0));
}

/* S-MULTI-1, S-MULTI-5, S-MULTI-6, S-NOC-2: a Sync in several messages, each
   with its own Status; the number it announces binds nobody. */
static void
sync_in_parts(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	begin(&r, "1", 201, NULL, "n1");
	for (int i = 0; i < 3; i++) {
		say(&r, "<Sync><CmdID>#</CmdID><Target><LocURI>contacts"
			"</LocURI></Target><Source><LocURI>./Ccontacts"
			"</LocURI></Source>");
		if (i == 0)
			say(&r, "<NumberOfChanges>1</NumberOfChanges>");
		change(&r, "Add", arena_printf(bench.a, "a%d", i).p,
		       arena_printf(bench.a, "N%d", i).p);
		sync_close(&r);
		(void)post(&r, i == 2 ? FINAL : 0);
		assert_int_equal(code_of(r.m, "Sync"), 200);
		assert_int_equal(code_of(r.m, "Add"), 201);
		/* Nothing of ours while it still sends. */
		assert_int_equal(sync_of(r.m) != NULL, i == 2);
		assert_int_equal(our_alert(r.m), i == 2 ? 0 : 222);
		assert_int_equal(r.m->final, i == 2);
	}
	assert_int_equal(items_stored(), 3);
}

/* S-NOC-1: ours stands in the first Sync of a database, since 1.1. */
static void
number_of_changes(void **state)
{
	struct raw r, o;

	(void)state;
	open_raw(&o, "IMEI:9", "1");
	first_sync(&o, 30, "o1");
	for (int version = 10; version <= 12; version++) {
		int rounds = 0;

		open_raw(&r,
			 version == 10   ? "IMEI:1"
			 : version == 11 ? "IMEI:2"
					 : "IMEI:3",
			 "1");
		r.version = version;
		r.max_msg = 4000;
		begin(&r, "1", 201, NULL, "n1");
		sync_open(&r, "contacts");
		sync_close(&r);
		(void)post(&r, FINAL);
		for (;; rounds++) {
			assert_int_equal(sync_of(r.m)->number_of_changes,
					 version == 10 || rounds > 0 ? -1 : 30);
			if (r.m->final)
				break;
			answer_all(&r, 201);
			plain_alert(&r, 222);
			(void)post(&r, 0);
		}
		assert_true(rounds > 1);
	}
}

/* R-WBXML-24, R-HTTP-6: a whole sync in WBXML is answered in WBXML, items as
   octets with their CR LF. */
static void
a_sync_in_wbxml(void **state)
{
	struct raw r, o;
	const struct sml_cmd *c;

	(void)state;
	open_raw(&o, "IMEI:9", "1");
	first_sync(&o, 1, "o1");
	open_raw(&r, "IMEI:1", "1");
	alert(&r, 201, "contacts", NULL, "n1");
	(void)post_wbxml(&r, FINAL | CRED);
	assert_true(
	    slice_is(r.raw.content_type, "application/vnd.syncml+wbxml"));
	assert_int_equal(code_of(r.m, "SyncHdr"), 212);
	assert_int_equal(our_alert(r.m), 201);
	answer_all(&r, 200);
	sync_open(&r, "contacts");
	say_item(&r, "Add", "1", TYPE("text/x-vcard"), CARD21);
	sync_close(&r);
	(void)post_wbxml(&r, FINAL);
	assert_int_equal(code_of(r.m, "Add"), 201);
	c = nth_kid(r.m, SML_ADD, 0);
	assert_non_null(c);
	assert_true(c->items[0].data_opaque);
	assert_true(has_text(c->items[0].data, "BEGIN:VCARD\r\n"));
	assert_text(c->meta.format, "");
	answer_all(&r, 201);
	map_open(&r, "contacts");
	map_item(&r, c->items[0].source, "2");
	map_close(&r);
	(void)post_wbxml(&r, FINAL);
	assert_int_equal(code_of(r.m, "Map"), 200);
	assert_true(r.m->final);
}

/* R-WBXML-4, R-WBXML-5, R-WBXML-7: the answer names its version as the
   question did. */
static void
public_ids_are_answered_alike(void **state)
{
	struct raw r;

	(void)state;
	for (int i = 0; i < 6; i++) {
		open_raw(&r, arena_printf(bench.a, "D%d", i).p, "1");
		r.version = 10 + i % 3;
		alert(&r, 201, "contacts", NULL, "n1");
		(void)post_wbxml(&r, FINAL | CRED | (i < 3 ? 0 : TEXTUAL));
		assert_int_equal(our_alert(r.m), 201);
		assert_int_equal(r.m->doc.textual_id, i >= 3);
		assert_int_equal(r.m->doc.version, r.version);
	}
}

/* R-DEV-10: the form that is sent: what the device says it takes; else what it
   sends; else the old forms. */
static void
form_of_what_is_sent(void **state)
{
	static const struct {
		const char *rx;   /* in its DevInf; NULL: it sends none */
		const char *own;  /* what it sends */
		const char *type; /* what it gets */
	} rows[] = {
		{ NULL, CARD21, "text/x-vcard" },
		{ NULL, CARD30, "text/vcard" },
		{ NULL, NULL, "text/x-vcard" },
		{ NULL, "BEGIN:VCARD\nVERSION:4.0\nFN:Anna\nEND:VCARD\n",
		  "text/vcard" },
		{ "<Rx-Pref><CTType>text/vcard</CTType><VerCT>3.0</VerCT>"
		  "</Rx-Pref>",
		  CARD21, "text/vcard" },
		{ "<Rx-Pref><CTType>text/x-vcard</CTType><VerCT>2.1</VerCT>"
		  "</Rx-Pref><Rx><CTType>text/vcard</CTType><VerCT>3.0"
		  "</VerCT></Rx>",
		  CARD30, "text/x-vcard" },
		{ "<Rx-Pref><CTType>text/x-s4j-sifc</CTType><VerCT>1.0"
		  "</VerCT></Rx-Pref><Rx><CTType>text/vcard</CTType><VerCT>"
		  "3.0</VerCT></Rx>",
		  CARD21, "text/x-s4j-sifc" },
		{ "<Rx-Pref><CTType>image/png</CTType><VerCT>1</VerCT>"
		  "</Rx-Pref>",
		  CARD30, "text/vcard" },
	};
	struct raw r, o;
	const struct sml_cmd *c;

	(void)state;
	open_raw(&o, "IMEI:9", "1");
	first_sync(&o, 1, "o1");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		open_raw(&r, arena_printf(bench.a, "D%zu", i).p, "1");
		alert(&r, 201, "contacts", NULL, "n1");
		if (rows[i].rx != NULL)
			say(&r,
			    "<Put><CmdID>#</CmdID><Item><Source><LocURI>"
			    "./devinf12</LocURI></Source><Data><DevInf>"
			    "<VerDTD>1.2</VerDTD><DataStore><SourceRef>"
			    "./Ccontacts</SourceRef>%s</DataStore></DevInf>"
			    "</Data></Item></Put>",
			    rows[i].rx);
		(void)post(&r, FINAL | CRED);
		answer_all(&r, 200);
		sync_open(&r, "contacts");
		if (rows[i].own != NULL)
			say_item(&r, "Add", "1", "", rows[i].own);
		sync_close(&r);
		(void)post(&r, FINAL);
		c = nth_kid(r.m, SML_ADD, 0);
		assert_non_null(c);
		if (!slice_is(c->meta.type, rows[i].type))
			fail_msg("row %zu: %.*s", i, SLICE_ARG(c->meta.type));
		/* SIF is Base64 even to one that sends vCards as they are. */
		assert_true(
		    slice_is(c->meta.format, "b64") ==
		    pim_is_sif(pim_form_of(c->meta.type, c->meta.type)));
		if (c->meta.format.n > 0)
			continue;
		assert_true(has_text(c->items[0].data,
				     slice_is(c->meta.type, "text/vcard")
					 ? "VERSION:3.0"
					 : "VERSION:2.1"));
	}
}

#define MEETING(lines)                                                         \
	"BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:m1\nSUMMARY:"         \
	"Meet\n" lines "END:VEVENT\nEND:VCALENDAR\n"

/* An empty phone asks for all; its two items, the series first. */
static void
both_meetings(struct slice body[2])
{
	struct raw r;

	open_raw(&r, "IMEI:2", "1");
	alert(&r, 201, "calendar", NULL, "n");
	(void)post(&r, FINAL | CRED);
	answer_all(&r, 200);
	sync_open(&r, "calendar");
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(count(r.m, SML_ADD), 2);
	for (int i = 0; i < 2; i++) {
		struct slice data = nth_kid(r.m, SML_ADD, i)->items[0].data;

		body[has_text(data, "RRULE") ? 0 : 1] =
		    arena_copy(bench.a, data);
	}
	assert_true(has_text(body[0], "UID:m1\n"));
	assert_true(has_text(body[1], "UID:m1/RECURRENCE-ID-20270310T080000Z"));
	assert_false(has_text(body[1], "\nRECURRENCE-ID"));
}

/* P-CAL-12: a series and its changed instance, on phones that know no
   RECURRENCE-ID and keep UIDs: whoever brings them again, in whatever order and
   messages, brings nothing new. */
static void
changed_instances(void **state)
{
	struct slice body[2];
	const char *lunch;
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	alert(&r, 201, "calendar", NULL, "n");
	(void)post(&r, FINAL | CRED);
	answer_all(&r, 200);
	sync_open(&r, "calendar");
	say_item(&r, "Add", "1", TYPE("text/calendar"),
		 MEETING("DTSTART;TZID=Europe/Berlin:20270303T090000\n"
			 "DTEND;TZID=Europe/Berlin:20270303T100000\n"
			 "RRULE:FREQ=WEEKLY;COUNT=5\n"));
	say_item(&r, "Add", "2", TYPE("text/calendar"),
		 MEETING("DTSTART;TZID=Europe/Berlin:20270310T140000\n"
			 "DTEND;TZID=Europe/Berlin:20270310T150000\n"
			 "RECURRENCE-ID;TZID=Europe/Berlin:20270310T090000\n"));
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(items_stored(), 2);
	both_meetings(body);
	for (int i = 0; i < 4; i++) {
		int first = i % 2;

		open_raw(&r, arena_printf(bench.a, "D%d", i).p, "1");
		alert(&r, 201, "calendar", NULL, "n");
		(void)post(&r, FINAL | CRED);
		answer_all(&r, 200);
		sync_open(&r, "calendar");
		say_item(&r, "Replace", "71", TYPE("text/x-vcalendar"),
			 text(body[first]));
		if (i >= 2) { /* the other one in a message of its own */
			sync_close(&r);
			(void)post(&r, 0);
			assert_int_equal(code_of(r.m, "Replace"), 200);
			sync_open(&r, "calendar");
		}
		say_item(&r, "Replace", "72", TYPE("text/x-vcalendar"),
			 text(body[1 - first]));
		sync_close(&r);
		(void)post(&r, FINAL);
		assert_int_equal(code_of(r.m, "Replace"), 200);
		assert_int_equal(count(r.m, SML_ADD), 0);
		assert_int_equal(count(r.m, SML_REPLACE), 0);
		assert_int_equal(items_stored(), 2);
		assert_non_null(stored("RECURRENCE-ID;TZID=Europe/Berlin:"
				       "20270310T090000"));
	}
	/* an edit there is one of the instance */
	(void)post(&r, FINAL);
	again(&r, "2");
	alert(&r, 200, "calendar", "n", "o");
	(void)post(&r, FINAL | CRED);
	answer_all(&r, 200);
	sync_open(&r, "calendar");
	say_item(&r, "Replace", "71", TYPE("text/x-vcalendar"),
		 "BEGIN:VCALENDAR\nVERSION:1.0\nBEGIN:VEVENT\n"
		 "UID:m1/RECURRENCE-ID-20270310T080000Z\nSUMMARY:Lunch\n"
		 "DTSTART:20270310T110000Z\nDTEND:20270310T120000Z\n"
		 "END:VEVENT\nEND:VCALENDAR\n");
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Replace"), 200);
	lunch = stored("SUMMARY:Lunch");
	assert_non_null(lunch);
	assert_non_null(strstr(lunch, "UID:m1\r\n"));
	assert_non_null(strstr(lunch, "RECURRENCE-ID:20270310T080000Z\r\n"));
	assert_non_null(strstr(lunch, "DTSTART:20270310T110000Z\r\n"));
	assert_int_equal(items_stored(), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(types),
		T(formats),
		T(notes),
		T(texts),
		T(cdata_for_those_who_use_it),
		T(ids),
		T(add_replace_delete),
		T(one_item_again_and_again),
		T(soft_delete),
		T(refused_commands),
		T(sync_in_parts),
		T(number_of_changes),
		T(a_sync_in_wbxml),
		T(public_ids_are_answered_alike),
		T(form_of_what_is_sent),
		T(changed_instances),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
