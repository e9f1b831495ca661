/*
 * Messages that are well-formed and wrong: what is missing, doubled, out of
 * place, of the wrong kind or far too long gets its defined answer, harms
 * nothing else in its message, and the answer stays short.
 * docs/hostile-input.md is the table of them all.
 */
#include "tests/syncml/raw.h"

/* Longer than any field may be, without being a large message. */
enum { LONG = 100000, HUGE_URI = 900000, ANSWER_MAX = 16000 };

struct row {
	const char *name;
	const char *text; /* "%s" is LONG letters; NULL: the next one says */
	const char *cmd;  /* whose Status is looked at; NULL: the header's */
	int code;         /* of it; 0: no Status; < 0: minus HTTP's */
};

static const char *
longer(const char *form, size_t n)
{
	struct buf b = BUF_IN(bench.a);
	struct slice s = slice_c(form);
	size_t at = slice_find_str(s, "%s");

	if (at == SIZE_MAX)
		return form;
	buf_add(&b, slice_sub(s, 0, at));
	for (size_t i = 0; i < n; i++)
		buf_byte(&b, 'x');
	buf_add(&b, slice_from(s, at + 2));
	return arena_cstr(bench.a, buf_slice(&b));
}

/* HTTP's code, and the answer where it is a message. */
static int
send_any(struct raw *r, const char *whole)
{
	struct sml_request rq = {
		.content_type = SLICE_LIT("application/vnd.syncml+xml"),
		.body = slice_c(whole),
		.token = slice_c(r->token),
		.peer = slice_c(r->peer),
		.base_url = SLICE_LIT("http://h/sync"),
	};

	bench.now += 1000;
	sml_server_handle(&bench.srv, bench.a, &rq, &r->raw);
	assert_true(r->raw.note.n > 0); /* the log says what it was */
	r->m = NULL;
	if (r->raw.http == 200)
		read_answer(r);
	return r->raw.http;
}

static int
send_text(struct raw *r, const char *whole)
{
	int http = send_any(r, whole);

	assert_true(r->raw.body.n <= ANSWER_MAX);
	return http;
}

static void
judge(const struct row *row, struct raw *r, int http)
{
	int code = -http;

	if (http == 200)
		code = code_of(r->m, row->cmd == NULL ? "SyncHdr" : row->cmd);
	if (code != row->code)
		fail_msg("%s: %d, not %d: %.*s", row->name, code, row->code,
			 SLICE_ARG(r->raw.note));
}

/* A good session of another device goes well after whatever came before. */
static void
still_works(void)
{
	static int n;
	struct raw r;

	open_raw(&r, arena_printf(bench.a, "IMEI:good%d", ++n).p, "1");
	first_sync(&r, 1, "n1");
}

#define VER "<VerDTD>1.2</VerDTD><VerProto>SyncML/1.2</VerProto>"
#define SID "<SessionID>1</SessionID>"
#define MID "<MsgID>1</MsgID>"
#define TGT "<Target><LocURI>http://h/sync</LocURI></Target>"
#define SRC "<Source><LocURI>IMEI:1</LocURI></Source>"
#define CREDS                                                                  \
	"<Cred><Meta><Type>syncml:auth-basic</Type></"                         \
	"Meta><Data>YW5uYTpzZWNyZXQ=</Data></Cred>"
#define HDR_AND(x)                                                             \
	"<SyncML><SyncHdr>" VER SID MID TGT SRC CREDS "</SyncHdr><SyncBody>" x \
	"<Final/></SyncBody></SyncML>"
#define BODY "<SyncBody><Final/></SyncBody>"
#define HDR(x) "<SyncML><SyncHdr>" x "</SyncHdr>" BODY "</SyncML>"

static const struct row headers_rows[] = {
	{ "good", HDR(VER SID MID TGT SRC CREDS), NULL, 212 },
	{ "no credentials", HDR(VER SID MID TGT SRC), NULL, 407 },
	{ "empty document", "<SyncML/>", NULL, -400 },
	{ "no header", "<SyncML>" BODY "</SyncML>", NULL, -400 },
	{ "no body",
	  "<SyncML><SyncHdr>" VER SID MID TGT SRC CREDS "</SyncHdr></SyncML>",
	  NULL, -400 },
	{ "body first",
	  "<SyncML>" BODY "<SyncHdr>" VER SID MID TGT SRC CREDS
	  "</SyncHdr></SyncML>",
	  NULL, 212 },
	{ "empty header", HDR(""), NULL, 513 },
	{ "DevInf instead", "<DevInf><VerDTD>1.2</VerDTD></DevInf>", NULL,
	  -400 },
	{ "message in a message",
	  "<SyncML><SyncHdr>" VER SID MID TGT SRC CREDS
	  "</SyncHdr><SyncBody><SyncML>" BODY "</SyncML></SyncBody></SyncML>",
	  NULL, 212 },
	{ "VerProto missing", HDR("<VerDTD>1.2</VerDTD>" SID MID TGT SRC CREDS),
	  NULL, 513 },
	{ "VerProto unknown",
	  HDR("<VerDTD>1.2</VerDTD><VerProto>SyncML/9.9</VerProto>" SID MID TGT
		  SRC CREDS),
	  NULL, 513 },
	{ "VerProto of DM",
	  HDR("<VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto>" SID MID TGT SRC
		  CREDS),
	  NULL, 513 },
	{ "VerProto long",
	  HDR("<VerDTD>1.2</VerDTD><VerProto>%s</VerProto>" SID MID TGT SRC
		  CREDS),
	  NULL, 513 },
	{ "VerDTD missing",
	  HDR("<VerProto>SyncML/1.2</VerProto>" SID MID TGT SRC CREDS), NULL,
	  505 },
	{ "VerDTD of another",
	  HDR("<VerDTD>1.1</VerDTD><VerProto>SyncML/1.2</VerProto>" SID MID TGT
		  SRC CREDS),
	  NULL, 505 },
	{ "SessionID missing", HDR(VER MID TGT SRC CREDS), NULL, 400 },
	{ "SessionID empty", HDR(VER "<SessionID/>" MID TGT SRC CREDS), NULL,
	  400 },
	{ "SessionID long",
	  HDR(VER "<SessionID>%s</SessionID>" MID TGT SRC CREDS), NULL, -400 },
	{ "MsgID missing", HDR(VER SID TGT SRC CREDS), NULL, 400 },
	{ "MsgID empty", HDR(VER SID "<MsgID/>" TGT SRC CREDS), NULL, 400 },
	{ "MsgID a word", HDR(VER SID "<MsgID>one</MsgID>" TGT SRC CREDS), NULL,
	  400 },
	{ "MsgID a fraction", HDR(VER SID "<MsgID>1.5</MsgID>" TGT SRC CREDS),
	  NULL, 400 },
	{ "MsgID zero", HDR(VER SID "<MsgID>0</MsgID>" TGT SRC CREDS), NULL,
	  400 },
	{ "MsgID negative", HDR(VER SID "<MsgID>-1</MsgID>" TGT SRC CREDS),
	  NULL, 400 },
	{ "MsgID beyond 64 bits",
	  HDR(VER SID "<MsgID>18446744073709551617</MsgID>" TGT SRC CREDS),
	  NULL, 400 },
	{ "MsgID long", HDR(VER SID "<MsgID>%s</MsgID>" TGT SRC CREDS), NULL,
	  -400 },
	{ "MsgID twice", HDR(VER SID "<MsgID>7</MsgID>" MID TGT SRC CREDS),
	  NULL, 212 },
	{ "Source missing", HDR(VER SID MID TGT CREDS), NULL, 400 },
	{ "Source empty", HDR(VER SID MID TGT "<Source/>" CREDS), NULL, 400 },
	{ "Source without text",
	  HDR(VER SID MID TGT "<Source><LocURI> </LocURI></Source>" CREDS),
	  NULL, 400 },
	{ "Source long",
	  HDR(VER SID MID TGT "<Source><LocURI>%s</LocURI></Source>" CREDS),
	  NULL, 400 },
	{ "Source LocName long",
	  HDR(VER SID MID TGT
	      "<Source><LocURI>IMEI:1</LocURI><LocName>%s</LocName></"
	      "Source>" CREDS),
	  NULL, 212 },
	{ "Target missing", HDR(VER SID MID SRC CREDS), NULL, 212 },
	{ "Target empty", HDR(VER SID MID "<Target/>" SRC CREDS), NULL, 212 },
	{ "Target long",
	  HDR(VER SID MID
	      "<Target><LocURI>http://%s</LocURI></Target>" SRC CREDS),
	  NULL, 400 },
	{ "RespURI long",
	  HDR(VER SID MID TGT SRC "<RespURI>%s</RespURI>" CREDS), NULL, 212 },
	{ "Cred empty", HDR(VER SID MID TGT SRC "<Cred/>"), NULL, 400 },
	{ "Cred of an unknown type",
	  HDR(VER SID MID TGT SRC "<Cred><Meta><Type>syncml:auth-x</Type></"
				  "Meta><Data>YTpi</Data></Cred>"),
	  NULL, 406 },
	{ "Cred type long",
	  HDR(VER SID MID TGT SRC "<Cred><Meta><Type>%s</Type></"
				  "Meta><Data>YTpi</Data></Cred>"),
	  NULL, 406 },
	{ "Cred no base64",
	  HDR(VER SID MID TGT SRC "<Cred><Meta><Type>syncml:auth-basic</Type></"
				  "Meta><Data>!!!</Data></Cred>"),
	  NULL, 401 },
	{ "Cred data long",
	  HDR(VER SID MID TGT SRC "<Cred><Meta><Type>syncml:auth-basic</Type></"
				  "Meta><Data>%s</Data></Cred>"),
	  NULL, 401 },
	{ "Cred wrong",
	  HDR(VER SID MID TGT SRC "<Cred><Meta><Type>syncml:auth-basic</Type></"
				  "Meta><Data>YW5uYTp3cm9uZw==</Data></Cred>"),
	  NULL, 401 },
	{ "MaxMsgSize zero",
	  HDR(VER SID MID TGT SRC CREDS
	      "<Meta><MaxMsgSize>0</MaxMsgSize></Meta>"),
	  NULL, 212 },
	{ "MaxMsgSize one",
	  HDR(VER SID MID TGT SRC CREDS
	      "<Meta><MaxMsgSize>1</MaxMsgSize></Meta>"),
	  NULL, 212 },
	{ "MaxMsgSize negative",
	  HDR(VER SID MID TGT SRC CREDS
	      "<Meta><MaxMsgSize>-5</MaxMsgSize></Meta>"),
	  NULL, 212 },
	{ "MaxMsgSize a word",
	  HDR(VER SID MID TGT SRC CREDS
	      "<Meta><MaxMsgSize>big</MaxMsgSize></Meta>"),
	  NULL, 212 },
	{ "MaxMsgSize huge",
	  HDR(VER SID MID TGT SRC CREDS
	      "<Meta><MaxMsgSize>9223372036854775807</"
	      "MaxMsgSize><MaxObjSize>-1</MaxObjSize></Meta>"),
	  NULL, 212 },
	{ "an unknown element",
	  HDR(VER SID MID TGT SRC CREDS
	      "<Bogus><SessionID>9</SessionID></Bogus>"),
	  NULL, 212 },
	{ "text between elements",
	  HDR("words" VER SID MID TGT SRC CREDS "words"), NULL, 212 },
	{ "NoResp", HDR(VER SID MID TGT SRC CREDS "<NoResp/>"), NULL, 0 },
};

static void
headers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(headers_rows) / sizeof(headers_rows[0]);
	     i++) {
		struct raw r;

		open_raw(&r, "IMEI:1", "1");
		bench.now += SML_SESSION_IDLE_MS + 1;
		judge(&headers_rows[i], &r,
		      send_text(&r, longer(headers_rows[i].text, LONG)));
	}
	still_works();
}

#define ALERT(x) "<Alert><CmdID>1</CmdID>" x "</Alert>"
#define ITEM(x) "<Item>" x "</Item>"
#define DB                                                                     \
	"<Target><LocURI>./contacts</LocURI></Target><Source><LocURI>./C</"    \
	"LocURI></Source>"
#define NEXT "<Meta><Anchor><Next>n1</Next></Anchor></Meta>"

static const struct row first_messages_rows[] = {
	{ "good", ALERT("<Data>201</Data>" ITEM(DB NEXT)), "Alert", 200 },
	{ "no command", "", NULL, 212 },
	{ "Alert empty", "<Alert/>", "Alert", 400 },
	{ "Alert without CmdID",
	  "<Alert><Data>201</Data>" ITEM(DB NEXT) "</Alert>", "Alert", 200 },
	{ "Alert CmdID long",
	  "<Alert><CmdID>%s</CmdID><Data>201</Data>" ITEM(DB NEXT) "</Alert>",
	  "Alert", -400 },
	{ "Alert without Data", ALERT(ITEM(DB NEXT)), "Alert", 400 },
	{ "Alert Data a word", ALERT("<Data>slow</Data>" ITEM(DB NEXT)),
	  "Alert", 400 },
	{ "Alert Data unknown", ALERT("<Data>299</Data>" ITEM(DB NEXT)),
	  "Alert", 406 },
	{ "Alert Data beyond 32 bits",
	  ALERT("<Data>4294967497</Data>" ITEM(DB NEXT)), "Alert", 400 },
	{ "Alert Data long", ALERT("<Data>%s</Data>" ITEM(DB NEXT)), "Alert",
	  400 },
	{ "Alert without Item", ALERT("<Data>201</Data>"), "Alert", 400 },
	{ "Alert Item empty", ALERT("<Data>201</Data><Item/>"), "Alert", 404 },
	{ "Alert without Target",
	  ALERT("<Data>201</Data>" ITEM(
	      "<Source><LocURI>./C</LocURI></Source>" NEXT)),
	  "Alert", 404 },
	{ "Alert of an unknown database",
	  ALERT("<Data>201</Data>" ITEM(
	      "<Target><LocURI>./nothing</LocURI></Target>" NEXT)),
	  "Alert", 404 },
	{ "Alert path",
	  ALERT("<Data>201</Data>" ITEM("<Target><LocURI>../../../etc/"
					"passwd</LocURI></Target>" NEXT)),
	  "Alert", 404 },
	{ "Alert SQL",
	  ALERT("<Data>201</Data>" ITEM("<Target><LocURI>x'; DROP TABLE item; "
					"--</LocURI></Target>" NEXT)),
	  "Alert", 404 },
	{ "Alert Target long",
	  ALERT("<Data>201</Data>" ITEM(
	      "<Target><LocURI>%s</LocURI></Target>" NEXT)),
	  "Alert", 414 },
	{ "Alert Source long",
	  ALERT("<Data>201</Data>" ITEM(
	      "<Target><LocURI>./contacts</LocURI></"
	      "Target><Source><LocURI>%s</LocURI></Source>" NEXT)),
	  "Alert", 414 },
	{ "Alert without Source",
	  ALERT("<Data>201</Data>" ITEM(
	      "<Target><LocURI>./contacts</LocURI></Target>" NEXT)),
	  "Alert", 200 },
	{ "Alert without anchors", ALERT("<Data>201</Data>" ITEM(DB)), "Alert",
	  200 },
	{ "Anchor Next empty",
	  ALERT("<Data>200</Data>" ITEM(
	      DB "<Meta><Anchor><Next/></Anchor></Meta>")),
	  "Alert", 508 },
	{ "Anchor Next long",
	  ALERT("<Data>201</Data>" ITEM(
	      DB "<Meta><Anchor><Next>%s</Next></Anchor></Meta>")),
	  "Alert", 400 },
	{ "Anchor Last long",
	  ALERT("<Data>200</Data>" ITEM(
	      DB "<Meta><Anchor><Last>%s</Last><Next>2</Next></"
		 "Anchor></Meta>")),
	  "Alert", 508 },
	{ "Sync before Alert",
	  "<Sync><CmdID>1</CmdID>" DB
	  "<Add><CmdID>2</CmdID><Item><Source><LocURI>1</LocURI></"
	  "Source><Data>x</Data></Item></Add></Sync>",
	  "Sync", 403 },
	{ "Add outside of Sync",
	  "<Add><CmdID>2</CmdID><Item><Source><LocURI>1</LocURI></"
	  "Source><Data>x</Data></Item></Add>",
	  "Add", 403 },
	{ "Add without Item outside", "<Add/>", "Add", 403 },
	{ "Map before Alert", "<Map><CmdID>1</CmdID>" DB "</Map>", "Map", 404 },
	{ "Map empty", "<Map/>", "Map", 404 },
	{ "Status of nothing", "<Status/>", NULL, 212 },
	{ "Status of what was never sent",
	  "<Status><CmdID>1</CmdID><MsgRef>77</MsgRef><CmdRef>9</"
	  "CmdRef><Cmd>Add</Cmd><Data>200</Data></Status>",
	  NULL, 212 },
	{ "Status with words",
	  "<Status><CmdID>1</CmdID><MsgRef>a</MsgRef><CmdRef>b</"
	  "CmdRef><Cmd>Add</Cmd><Data>fine</Data></Status>",
	  NULL, 212 },
	{ "Status CmdRef long", "<Status><CmdRef>%s</CmdRef></Status>", NULL,
	  -400 },
	{ "Results never asked for",
	  "<Results><CmdID>1</CmdID><Item><Source><LocURI>./x</"
	  "LocURI></Source><Data>x</Data></Item></Results>",
	  "Results", 403 },
	{ "Put empty", "<Put><CmdID>1</CmdID></Put>", "Put", 400 },
	{ "Put of another thing",
	  "<Put><CmdID>1</CmdID><Item><Source><LocURI>./x</LocURI></"
	  "Source><Data>x</Data></Item></Put>",
	  "Put", 403 },
	{ "Put DevInf empty",
	  "<Put><CmdID>1</CmdID><Item><Source><LocURI>./devinf12</"
	  "LocURI></Source></Item></Put>",
	  "Put", 400 },
	{ "Put DevInf text",
	  "<Put><CmdID>1</CmdID><Item><Source><LocURI>./devinf12</"
	  "LocURI></Source><Data>no device "
	  "information</Data></Item></Put>",
	  "Put", 400 },
	{ "Put DevInf long Man",
	  "<Put><CmdID>1</CmdID><Item><Source><LocURI>./devinf12</"
	  "LocURI></Source><Data><DevInf><VerDTD>1.2</VerDTD><Man>%s</"
	  "Man></DevInf></Data></Item></Put>",
	  "Put", 200 },
	{ "Get empty", "<Get><CmdID>1</CmdID></Get>", "Get", 400 },
	{ "Get of another thing",
	  "<Get><CmdID>1</CmdID><Item><Target><LocURI>./etc/passwd</"
	  "LocURI></Target></Item></Get>",
	  "Get", 404 },
	{ "Get long",
	  "<Get><CmdID>1</CmdID><Item><Target><LocURI>%s</LocURI></"
	  "Target></Item></Get>",
	  "Get", 404 },
	{ "Exec",
	  "<Exec><CmdID>1</CmdID><Item><Target><LocURI>./x</LocURI></"
	  "Target></Item></Exec>",
	  "Exec", 406 },
	{ "Search", "<Search><CmdID>1</CmdID><Data>x</Data></Search>", "Search",
	  406 },
	{ "Copy", "<Copy><CmdID>1</CmdID><Item/></Copy>", "Copy", 406 },
	{ "Move", "<Move><CmdID>1</CmdID><Item/></Move>", "Move", 406 },
	{ "Atomic empty", "<Atomic/>", "Atomic", 406 },
	{ "an unknown command", "<Bogus><CmdID>1</CmdID><Alert/></Bogus>", NULL,
	  212 },
	{ "DevInf as a command", "<DevInf><Man>x</Man></DevInf>", NULL, 212 },
	{ "Final twice", "<Final/><Final/>", NULL, 212 },
	{ "suspend before all", ALERT("<Data>224</Data>" ITEM(DB)), "Alert",
	  200 },
	{ "resume of nothing", ALERT("<Data>225</Data>" ITEM(DB NEXT)), "Alert",
	  200 },
	{ "two databases in one Alert",
	  ALERT("<Data>201</Data>" ITEM(
	      "<Target><LocURI>./nothing</LocURI></Target>") ITEM(DB NEXT)),
	  "Alert", 404 },
};

static void
first_messages(void **state)
{
	(void)state;
	for (size_t i = 0;
	     i < sizeof(first_messages_rows) / sizeof(first_messages_rows[0]);
	     i++) {
		struct raw r;

		open_raw(&r, "IMEI:1", "1");
		bench.now += SML_SESSION_IDLE_MS + 1;
		buf_str(&r.body, longer(first_messages_rows[i].text, LONG));
		prepare(&r, CRED | FINAL);
		judge(&first_messages_rows[i], &r, send_text(&r, text(r.sent)));
	}
	still_works();
}

#define ADD(x) "<Add><CmdID>3</CmdID>" x "</Add>"
#define CARD "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Z;;;;\r\nFN:Z\r\nEND:VCARD\r\n"
#define TYPE "<Meta><Type>text/vcard</Type></Meta>"
#define LUID "<Source><LocURI>7</LocURI></Source>"
#define DATA(x) "<Data>" x "</Data>"

static const struct row items_rows[] = {
	{ "good", ADD(TYPE ITEM(LUID DATA(CARD))), "Add", 201 },
	{ "Add empty", "<Add/>", "Add", 400 },
	{ "Item empty", ADD(TYPE "<Item/>"), "Add", 400 },
	{ "no LUID", ADD(TYPE ITEM(DATA(CARD))), "Add", 400 },
	{ "LUID empty", ADD(TYPE ITEM("<Source><LocURI/></Source>" DATA(CARD))),
	  "Add", 400 },
	{ "LUID long",
	  ADD(TYPE ITEM("<Source><LocURI>%s</LocURI></Source>" DATA(CARD))),
	  "Add", 414 },
	{ "no CmdID", "<Add>" TYPE ITEM(LUID DATA(CARD)) "</Add>", "Add", 201 },
	{ "no Data", ADD(TYPE ITEM(LUID)), "Add", 415 },
	{ "Data empty", ADD(TYPE ITEM(LUID DATA(""))), "Add", 415 },
	{ "Data no vCard", ADD(TYPE ITEM(LUID DATA("hello"))), "Add", 415 },
	{ "Data cut", ADD(TYPE ITEM(LUID DATA("BEGIN:VCARD\r\nN:X"))), "Add",
	  201 },
	{ "Data of another type",
	  ADD(TYPE ITEM(LUID DATA("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:"
				  "x\r\nEND:VEVENT\r\nEND:VCALENDAR"))),
	  "Add", 415 },
	{ "Data long line",
	  ADD(TYPE ITEM(
	      LUID DATA("BEGIN:VCARD\r\nVERSION:3.0\r\nN:%s\r\nEND:VCARD"))),
	  "Add", 201 },
	{ "Type missing", ADD(ITEM(LUID DATA(CARD))), "Add", 201 },
	{ "Type unknown",
	  ADD("<Meta><Type>image/png</Type></Meta>" ITEM(LUID DATA(CARD))),
	  "Add", 201 },
	{ "Type long",
	  ADD("<Meta><Type>%s</Type></Meta>" ITEM(LUID DATA(CARD))), "Add",
	  201 },
	{ "Format unknown",
	  ADD("<Meta><Type>text/vcard</Type><Format>rot13</Format></"
	      "Meta>" ITEM(LUID DATA(CARD))),
	  "Add", 415 },
	{ "Format b64, no base64",
	  ADD("<Meta><Type>text/vcard</Type><Format>b64</Format></"
	      "Meta>" ITEM(LUID DATA("!!!"))),
	  "Add", 415 },
	{ "Delete of nothing",
	  "<Delete><CmdID>3</CmdID><Item><Source><LocURI>none</"
	  "LocURI></Source></Item></Delete>",
	  "Delete", 403 },
	{ "Delete without Item", "<Delete><CmdID>3</CmdID></Delete>", "Delete",
	  400 },
	{ "Replace of nothing",
	  "<Replace><CmdID>3</CmdID>" TYPE ITEM(
	      "<Source><LocURI>none</LocURI></Source>" DATA(CARD)) "</Replace>",
	  "Replace", 201 },
	{ "Copy", "<Copy><CmdID>3</CmdID>" ITEM(LUID) "</Copy>", "Copy", 404 },
	{ "Move", "<Move><CmdID>3</CmdID>" ITEM(LUID) "</Move>", "Move", 406 },
	{ "Sync in Sync",
	  "<Sync><CmdID>3</CmdID>" DB ADD(TYPE ITEM(LUID DATA(CARD))) "</Sync>",
	  "Add", 406 },
	{ "Status in Sync",
	  "<Status><CmdID>3</CmdID><MsgRef>1</MsgRef><CmdRef>1</"
	  "CmdRef><Cmd>Add</Cmd><Data>500</Data></Status>",
	  "Status", 0 },
	{ "Alert in Sync", ALERT("<Data>201</Data>" ITEM(DB NEXT)), "Alert",
	  406 },
	{ "Map in Sync", "<Map><CmdID>3</CmdID>" DB "</Map>", "Map", 406 },
	{ "SyncHdr in Sync", "<SyncHdr><MsgID>9</MsgID></SyncHdr>", NULL, 200 },
	{ "Final in Sync", "<Final/>", NULL, 200 },
	{ "Atomic of bad and good",
	  "<Atomic><CmdID>3</CmdID>" ADD(
	      TYPE ITEM(LUID DATA("hello"))) "</Atomic>",
	  "Atomic", 507 },
	{ "Sequence of bad",
	  "<Sequence><CmdID>3</CmdID>" ADD(
	      TYPE ITEM(LUID DATA("hello"))) "</Sequence>",
	  "Add", 415 },
	{ "MoreData without Size",
	  ADD(TYPE ITEM(LUID DATA("BEGIN:") "<MoreData/>")), "Add", 411 },
	{ "MoreData, Size zero",
	  ADD("<Meta><Type>text/vcard</Type><Size>0</Size></Meta>" ITEM(
	      LUID DATA("BEGIN:") "<MoreData/>")),
	  "Add", 213 },
	{ "MoreData, Size negative",
	  ADD("<Meta><Type>text/vcard</Type><Size>-5</Size></"
	      "Meta>" ITEM(LUID DATA("BEGIN:") "<MoreData/>")),
	  "Add", 411 },
	{ "MoreData, Size too large",
	  ADD("<Meta><Type>text/vcard</Type><Size>9000000000</Size></"
	      "Meta>" ITEM(LUID DATA("BEGIN:") "<MoreData/>")),
	  "Add", 416 },
	{ "MoreData, Size beyond 64 bits",
	  ADD("<Meta><Type>text/vcard</"
	      "Type><Size>99999999999999999999</Size></Meta>" ITEM(
		  LUID DATA("BEGIN:") "<MoreData/>")),
	  "Add", 411 },
	{ "NumberOfChanges wrong", "<NumberOfChanges>-7</NumberOfChanges>",
	  NULL, 200 },
	{ "NumberOfChanges huge",
	  "<NumberOfChanges>99999999999999999999</NumberOfChanges>", NULL,
	  200 },
	{ "Target parent",
	  ADD(TYPE ITEM(
	      "<TargetParent><LocURI>%s</LocURI></TargetParent>" LUID DATA(
		  CARD))),
	  "Add", 201 },
};

/* Inside of a Sync, with a good Add behind it that must be done. */
static void
items(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(items_rows) / sizeof(items_rows[0]);
	     i++) {
		struct raw r;
		int n;

		tear_down(state);
		set_up(state);
		open_raw(&r, "IMEI:1", "1");
		bench.now += SML_SESSION_IDLE_MS + 1;
		alert(&r, 201, "contacts", NULL, "n1");
		(void)post(&r, FINAL | CRED);
		answer_all(&r, 200);
		sync_open(&r, "contacts");
		buf_str(&r.body, longer(items_rows[i].text, LONG));
		change(&r, "Replace", "good", "Good");
		sync_close(&r);
		prepare(&r, FINAL);
		judge(&items_rows[i], &r, send_text(&r, text(r.sent)));
		for (n = 0; code_nth(r.m, "Replace", n) != 0;)
			n++;
		if (n == 0 || code_nth(r.m, "Replace", n - 1) != 201)
			fail_msg("%s: the good item suffers",
				 items_rows[i].name);
	}
	still_works();
}

/* URIs as long as a message: neither kept nor sent back. */
static void
huge_uris(void **state)
{
	static const struct row rows[] = {
		{ "Source",
		  HDR(VER SID MID TGT
		      "<Source><LocURI>%s</LocURI></Source>" CREDS),
		  NULL, 400 },
		{ "Target",
		  HDR(VER SID MID
		      "<Target><LocURI>%s</LocURI></Target>" SRC CREDS),
		  NULL, 400 },
		{ "Alert",
		  HDR_AND(ALERT("<Data>201</Data>" ITEM(
		      "<Target><LocURI>%s</LocURI></Target>" NEXT))),
		  "Alert", 414 },
		{ "Delete",
		  HDR_AND("<Delete><CmdID>1</CmdID><Item><Target><LocURI>%s</"
			  "LocURI></Target></Item></Delete>"),
		  "Delete", 403 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct raw r;

		open_raw(&r, "IMEI:1", "1");
		bench.now += SML_SESSION_IDLE_MS + 1;
		judge(&rows[i], &r,
		      send_text(&r, longer(rows[i].text, HUGE_URI)));
	}
	still_works();
}

/* The same id, or the same item, twice in a message: the last one counts. */
static void
doubles(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	alert(&r, 201, "contacts", NULL, "n1");
	(void)post(&r, FINAL | CRED);
	answer_all(&r, 200);
	sync_open(&r, "contacts");
	change(&r, "Add", "7", "First");
	r.cmdid--;
	change(&r, "Add", "7", "Second");
	change(&r, "Delete", "8", NULL);
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(code_nth(r.m, "Add", 0), 201);
	assert_true(code_nth(r.m, "Add", 1) >= 200);
	finish(&r);
	still_works();
}

/* As many commands as a message may have, and one more. */
static void
command_limit(void **state)
{
	struct raw r;

	(void)state;
	for (int more = -1; more <= 1; more++) {
		int http;

		open_raw(&r, "IMEI:1", "1");
		bench.now += SML_SESSION_IDLE_MS + 1;
		for (int i = 0; i < SML_COMMANDS_MAX + more; i++)
			buf_str(&r.body, "<Get/>");
		prepare(&r, CRED | FINAL);
		http = send_any(&r, text(r.sent));
		assert_int_equal(http, more <= 0 ? 200 : 413);
	}
	still_works();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(headers),   T(first_messages), T(items),
		T(huge_uris), T(doubles),        T(command_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
