/*
 * docs/conformance.md: device information: who sends it when, and what follows
 * from what it says.
 */
#include "tests/syncml/conform.h"

#include "syncml/devinf.h"

#define RX21                                                                   \
	"<Rx-Pref><CTType>text/x-vcard</CTType><VerCT>2.1</VerCT></Rx-Pref>"

static const char *
devid(int version)
{
	return version == 10   ? "IMEI:10"
	       : version == 11 ? "IMEI:11"
			       : "IMEI:12";
}

static const char *
uri(int version)
{
	return version == 10   ? "./devinf10"
	       : version == 11 ? "./devinf11"
			       : "./devinf12";
}

/* Its own: flags before the databases, one database, more. */
static void
put_devinf(struct raw *r, const char *flags, const char *store,
	   const char *more)
{
	say(r,
	    "<Put><CmdID>#</CmdID><Meta><Type " MI ">application/vnd.syncml-"
	    "devinf+xml</Type></Meta><Item><Source><LocURI>%s</LocURI>"
	    "</Source><Data><DevInf xmlns='syncml:devinf'><VerDTD>1.%d"
	    "</VerDTD><Man>Example</Man><Mod>M</Mod><DevID>x</DevID><DevTyp>"
	    "phone</DevTyp>%s<DataStore><SourceRef>./Ccontacts</SourceRef>%s"
	    "</DataStore>%s</DevInf></Data></Item></Put>",
	    uri(r->version), r->version % 10, flags, store, more);
}

static void
get_devinf(struct raw *r, const char *target)
{
	say(r,
	    "<Get><CmdID>#</CmdID><Meta><Type " MI ">application/vnd.syncml-"
	    "devinf+xml</Type></Meta><Item><Target><LocURI>%s</LocURI>"
	    "</Target></Item></Get>",
	    target);
}

static struct sml_devinf *
devinf_of(const struct sml_cmd *results)
{
	struct sml_node *root;
	struct sml_devinf *d;
	struct err e;

	assert_non_null(results);
	assert_int_equal(results->item_n, 1);
	assert_int_equal(
	    sml_read_devinf(bench.a, results->items[0].data_node, &root, &e),
	    0);
	assert_non_null(root);
	assert_int_equal(sml_devinf_read(bench.a, root, &d, &e), 0);
	return d;
}

/* R-DEV-1, R-DEV-3, R-DEV-13, R-DEV-14, R-DEV-24: ours, in each version, for
 * their Get. */
static void
get_in_each_version(void **state)
{
	struct raw r;

	(void)state;
	for (int version = 10; version <= 12; version++) {
		const struct sml_cmd *res;
		const struct sml_devinf *d;

		open_raw(&r, devid(version), "1");
		r.version = version;
		say(&r, "<Alert><CmdID>#</CmdID><Data>201</Data><Item><Target>"
			"<LocURI>contacts</LocURI></Target><Source><LocURI>"
			"./Ccontacts</LocURI></Source><Meta><Anchor " MI ">"
			"<Next>1</Next></Anchor></Meta></Item></Alert>");
		get_devinf(&r, uri(version));
		(void)post(&r, FINAL | CRED);
		assert_int_equal(code_of(r.m, "Get"), 200);
		res = nth_cmd(r.m, SML_RESULTS, 0);
		d = devinf_of(res);
		assert_text(res->msgref, "1");
		assert_text(res->cmdref, "2");
		assert_text(res->meta.type,
			    "application/vnd.syncml-devinf+xml");
		assert_text(res->items[0].source, uri(version));
		assert_int_equal(d->version, version);
		assert_text(d->man, "Funicular");
		assert_text(d->devtyp, "server");
		assert_int_equal(d->utc, version > 10);
		assert_int_equal(d->large_objs, version > 10);
		assert_int_equal(d->number_of_changes, version > 10);
		assert_int_equal(d->store_n, 5);
		/* As the Alert spelled it, not as we call it. */
		assert_text(d->stores[0].source_ref, "contacts");
		assert_text(d->stores[1].source_ref, "./calendar");
		for (size_t i = 0; i < d->store_n; i++) {
			const struct sml_datastore *s = &d->stores[i];

			assert_int_equal(s->sync_types, 0xFE);
			assert_true(s->rx_n > 0 && s->rx[0].pref);
			assert_true(s->tx_n > 0 && s->tx[0].pref);
			/* Notes have no properties to tell of. */
			assert_true(has_text(s->source_ref, "notes") ||
				    s->ctcap[0].caps.prop_n > 10);
		}
		assert_false(has_text(r.raw.body, "<SyncType>8"));
		assert_int_equal(has_text(r.raw.body, "<Property>"),
				 version == 12);
		assert_false(version == 10 &&
			     has_text(r.raw.body, "<DataType>"));
	}
}

/* R-DEV-2, R-DEV-3, S-CMD-10, S-CMD-11: any spelling; nothing else can be got
   or put. */
static size_t
times(struct slice text, const char *what)
{
	size_t n = 0;
	size_t at;

	while ((at = slice_find_str(text, what)) != SIZE_MAX) {
		text = slice_from(text, at + strlen(what));
		n++;
	}
	return n;
}

/* Filters are of 1.2: the grammar for each database, windows of dates where
   items have dates, and the properties that an item can have. R-DEV-30 */
static void
filters_are_announced(void **state)
{
	struct raw r;
	struct slice text;

	(void)state;
	for (int version = 11; version <= 12; version++) {
		size_t each = version == 12 ? 1 : 0;

		open_raw(&r, devid(version), "1");
		r.version = version;
		get_devinf(&r, uri(version));
		(void)post(&r, FINAL | CRED);
		text = r.raw.body;
		assert_int_equal(
		    times(text, "<Filter-Rx><CTType>syncml:filtertype-cgi"
				"</CTType><VerCT>1.0</VerCT></Filter-Rx>"),
		    5 * each);
		/* Events, tasks and both in one: old form and new one. */
		assert_int_equal(times(text,
				       "<FilterKeyword>SINCE</FilterKeyword>"
				       "<FilterKeyword>BEFORE</FilterKeyword>"),
				 6 * each);
		assert_int_equal(times(text, "<FilterKeyword>"), 12 * each);
		while (slice_find_str(text, "<FilterCap>") != SIZE_MAX) {
			size_t from = slice_find_str(text, "<FilterCap>");
			size_t to = slice_find_str(text, "</FilterCap>");
			struct slice cap = slice_sub(text, from, to - from);

			text = slice_from(text, to + 1);
			assert_int_equal(times(cap, "<PropName>BEGIN<"), 0);
			assert_int_equal(times(cap, "<PropName>VERSION<"), 0);
			if (times(cap, "text/plain") == 0)
				assert_int_equal(
				    times(cap, "<PropName>CATEGORIES<"), 1);
		}
	}
}

static void
other_things(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	get_devinf(&r, "devinf12");
	get_devinf(&r, "./contacts");
	get_devinf(&r, "");
	say(&r, "<Get><CmdID>#</CmdID></Get><Put><CmdID>#</CmdID></Put>"
		"<Put><CmdID>#</CmdID><Item><Source><LocURI>./other</LocURI>"
		"</Source><Data>x</Data></Item></Put><Put><CmdID>#</CmdID>"
		"<Item><Source><LocURI>devinf12</LocURI></Source><Data>"
		"no device information</Data></Item></Put>"
		"<Put><CmdID>#</CmdID><Item><Source><LocURI>devinf12</LocURI>"
		"</Source></Item></Put>");
	alert(&r, 201, "contacts", NULL, "n1");
	(void)post(&r, FINAL | CRED);
	assert_int_equal(code_nth(r.m, "Get", 0), 200);
	assert_int_equal(code_nth(r.m, "Get", 1), 404);
	assert_int_equal(code_nth(r.m, "Get", 2), 404);
	assert_int_equal(code_nth(r.m, "Get", 3), 400);
	assert_int_equal(code_nth(r.m, "Put", 0), 400);
	assert_int_equal(code_nth(r.m, "Put", 1), 403);
	assert_int_equal(code_nth(r.m, "Put", 2), 400);
	assert_int_equal(code_nth(r.m, "Put", 3), 400);
	assert_non_null(nth_cmd(r.m, SML_RESULTS, 0));
	assert_int_equal(our_alert(r.m), 201);
}

/* R-DEV-4, R-DEV-5, S-CMD-9: we ask once, where none is known; Results may come
   late; what is known is kept for later sessions, and replaced by the next Put.
 */
static void
asked_for_once(void **state)
{
	struct raw r;
	const struct sml_cmd *get;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	begin(&r, "1", 201, NULL, "n1");
	get = nth_cmd(r.m, SML_GET, 0);
	assert_non_null(get);
	assert_text(get->items[0].target, "./devinf12");
	assert_text(get->meta.type, "application/vnd.syncml-devinf+xml");
	status(&r, "1", text(get->cmdid), "Get", 200);
	one_change(&r, "contacts", "Add", "1", "Anna");
	say(&r,
	    "<Results><CmdID>#</CmdID><CmdRef>%s</CmdRef>"
	    "<Item><Source><LocURI>./devinf12</LocURI></Source><Data><DevInf>"
	    "<VerDTD>1.2</VerDTD><Man>Example</Man></DevInf></Data></Item>"
	    "</Results>",
	    text(get->cmdid));
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Results"), 200);
	assert_int_equal(code_of(r.m, "Add"), 201);
	finish(&r);
	begin(&r, "2", 200, "n1", "n2");
	assert_null(nth_cmd(r.m, SML_GET, 0));
	/* A device that gives none is asked in each session, and served. */
	open_raw(&r, "IMEI:2", "1");
	first_sync(&r, 1, "n1");
	begin(&r, "2", 200, "n1", "n2");
	get = nth_cmd(r.m, SML_GET, 0);
	assert_non_null(get);
	status(&r, "1", text(get->cmdid), "Get", 404);
	sync_open(&r, "contacts");
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_non_null(sync_of(r.m));
	assert_null(nth_cmd(r.m, SML_GET, 0));
}

/* R-DEV-6: a smaller message gets it without its lists; and never more than its
   MaxMsgSize. */
static void
devinf_in_small_messages(void **state)
{
	size_t whole = 0;
	bool all = false;
	bool bare = false;

	(void)state;
	for (int max = 62000; max >= 2000; max -= 3000) {
		struct raw r;
		struct sml_devinf *d;
		int rounds = 0;

		open_raw(&r, "IMEI:1", "1");
		r.max_msg = max;
		alert(&r, 201, "contacts", NULL, "n1");
		get_devinf(&r, "./devinf12");
		(void)post(&r, FINAL | CRED);
		while (nth_cmd(r.m, SML_RESULTS, 0) == NULL && !r.m->final) {
			assert_true(rounds++ < 5);
			answer_all(&r, 200);
			plain_alert(&r, 222);
			(void)post(&r, 0);
		}
		assert_true(r.raw.body.n <= (size_t)max);
		if (nth_cmd(r.m, SML_RESULTS, 0) == NULL)
			continue;
		d = devinf_of(nth_cmd(r.m, SML_RESULTS, 0));
		/* Those that were alerted are the last to go. */
		assert_true(d->store_n >= 1);
		assert_text(d->stores[0].source_ref, "./contacts");
		if (has_text(r.raw.body, "<PropName>")) {
			assert_int_equal(d->store_n, 5);
			assert_false(bare);
			all = true;
			assert_true(whole == 0 || whole == r.raw.body.n);
		} else {
			bare = true;
		}
	}
	assert_true(all);
	assert_true(bare);
}

/* R-DEV-2, R-WBXML-25: in WBXML both ways as a document of its own. */
static void
devinf_in_wbxml(void **state)
{
	struct raw r;
	const struct sml_cmd *res;

	(void)state;
	for (int version = 10; version <= 12; version++) {
		open_raw(&r, devid(version), "1");
		r.version = version;
		alert(&r, 201, "contacts", NULL, "n1");
		put_devinf(&r, "", RX21, "");
		get_devinf(&r, uri(version));
		(void)post_wbxml(&r, FINAL | CRED);
		assert_int_equal(code_of(r.m, "Put"), 200);
		assert_int_equal(code_of(r.m, "Get"), 200);
		res = nth_cmd(r.m, SML_RESULTS, 0);
		assert_text(res->meta.type,
			    "application/vnd.syncml-devinf+wbxml");
		assert_int_equal(devinf_of(res)->version, version);
		assert_null(nth_cmd(r.m, SML_GET, 0));
	}
}

/* ---- what follows from it ----------------------------------------------- */

#define EVENT                                                                  \
	"BEGIN:VCALENDAR\nVERSION:1.0\nBEGIN:VEVENT\nSUMMARY:Meet\n"           \
	"DTSTART:20260601T090000Z\nDTEND:20260601T100000Z\nEND:VEVENT\n"       \
	"END:VCALENDAR\n"

/* R-DEV-16: no UTC in DevInf: local times from 1.1 on; without any, Z. */
static void
utc_flag(void **state)
{
	static const struct {
		int version;
		const char *flags;
		bool utc;
	} rows[] = {
		{ 10, "", true },   { 11, "<UTC/>", true },
		{ 11, "", false },  { 12, "<UTC/>", true },
		{ 12, "", false },  { 10, NULL, true },
		{ 11, NULL, true }, { 12, NULL, true },
	};
	struct raw o;

	(void)state;
	open_raw(&o, "IMEI:9", "1");
	alert(&o, 201, "calendar", NULL, "o1");
	(void)post(&o, FINAL | CRED);
	answer_all(&o, 200);
	sync_open(&o, "calendar");
	say_item(&o, "Add", "1", "", EVENT);
	sync_close(&o);
	assert_int_equal(code_of(post(&o, FINAL), "Add"), 201);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct raw r;
		const struct sml_cmd *c;

		open_raw(&r, arena_printf(bench.a, "D%zu", i).p, "1");
		r.version = rows[i].version;
		alert(&r, 201, "calendar", NULL, "n1");
		if (rows[i].flags != NULL)
			put_devinf(&r, rows[i].flags, "", "");
		(void)post(&r, FINAL | CRED);
		answer_all(&r, 200);
		sync_open(&r, "calendar");
		sync_close(&r);
		(void)post(&r, FINAL);
		c = nth_kid(r.m, SML_ADD, 0);
		assert_non_null(c);
		assert_true(has_text(c->items[0].data,
				     rows[i].utc
					 ? "DTSTART:20260601T090000Z"
					 : "DTSTART:20260601T110000\n"));
	}
}

/* What a device with this in its database gets. */
static struct slice
what_it_gets(int version, const char *store, const char *more)
{
	struct raw r;

	open_raw(&r, devid(version), "1");
	r.version = version;
	alert(&r, 201, "contacts", NULL, "n1");
	put_devinf(&r, "", store, more);
	(void)post(&r, FINAL | CRED);
	answer_all(&r, 200);
	sync_open(&r, "contacts");
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_non_null(nth_kid(r.m, SML_ADD, 0));
	return nth_kid(r.m, SML_ADD, 0)->items[0].data;
}

static void
offer(struct raw *o, const char *more)
{
	open_raw(o, "IMEI:9", "1");
	begin(o, "1", 201, NULL, "o1");
	sync_open(o, "contacts");
	say_item(o, "Add", "1", "", card(&bench, "Anna", "+491", more));
	sync_close(o);
	assert_int_equal(code_of(post(o, FINAL), "Add"), 201);
}

/* A whole ordinary or slow sync in which it sends what is said before; gives
   the first item that it gets. */
static struct slice
sync_with(struct raw *r, const char *sid, int code, const char *last,
	  const char *next, const char *put, const char *changes)
{
	struct slice got = SLICE_LIT("");
	const struct sml_cmd *c;

	again(r, sid);
	alert(r, code, "contacts", last, next);
	if (put != NULL)
		say(r,
		    "<Put><CmdID>#</CmdID><Item><Source><LocURI>./devinf12"
		    "</LocURI></Source><Data><DevInf><VerDTD>1.2</VerDTD>%s"
		    "</DevInf></Data></Item></Put>",
		    put);
	(void)post(r, FINAL | CRED);
	assert_int_equal(our_alert(r->m), code);
	answer_all(r, 200);
	sync_open(r, "contacts");
	say(r, "%s", changes);
	sync_close(r);
	(void)post(r, FINAL);
	c = nth_kid(r->m, SML_ADD, 0);
	if (c == NULL)
		c = nth_kid(r->m, SML_REPLACE, 0);
	if (c != NULL)
		got = c->items[0].data;
	answer_all(r, 201);
	if (nth_kid(r->m, SML_ADD, 0) != NULL) {
		map_open(r, "contacts");
		map_item(r, nth_kid(r->m, SML_ADD, 0)->items[0].source, "M");
		map_close(r);
	}
	(void)post(r, FINAL);
	return got;
}

/* R-DEV-32, R-DEV-5: the maker decides, in this session and in later ones. */
static void
quirks_by_maker(void **state)
{
	static const char stranger[] = "<Man>Example</Man><Mod>E71</Mod>";
	static const char nokia[] = "<Man>NOKIA</Man><Mod>E71</Mod>";
	static const char sony[] = "<Man>SonyEricsson</Man><Mod>K750i</Mod>";
	struct raw r, o;
	struct slice got;

	(void)state;
	offer(&o, "EMAIL;TYPE=HOME:a@example.com\nTITLE:\xC3\xBC\n");
	finish(&o);
	open_raw(&r, "IMEI:1", "1");
	got = sync_with(&r, "1", 201, NULL, "n1", stranger, "");
	assert_true(has_text(got, "EMAIL;HOME:a@"));
	assert_true(has_text(got, "TITLE;CHARSET=UTF-8:\xC3\xBC"));
	open_raw(&r, "IMEI:2", "1");
	got = sync_with(&r, "1", 201, NULL, "n1", sony, "");
	assert_true(has_text(got, "CHARSET=ISO-8859-1"));
	assert_true(has_text(got, "=FC"));
	open_raw(&r, "IMEI:3", "1");
	got = sync_with(&r, "1", 201, NULL, "n1", nokia, "");
	assert_true(has_text(got, "EMAIL;INTERNET;HOME:a@"));
	begin(&o, "2", 200, "o1", "o2");
	sync_open(&o, "contacts");
	say_item(
	    &o, "Replace", "1", "",
	    card(&bench, "Anna", "+492", "EMAIL;TYPE=HOME:b@example.com\n"));
	sync_close(&o);
	(void)post(&o, FINAL);
	got = sync_with(&r, "2", 200, "n1", "n2", NULL, "");
	assert_true(has_text(got, "EMAIL;INTERNET;HOME:b@"));
}

#define STORE_OF(props)                                                        \
	"<DataStore><SourceRef>./Ccontacts</SourceRef>" RX21                   \
	"<CTCap><CTType>text/x-vcard</CTType><VerCT>2.1</VerCT><Property>"     \
	"<PropName>N</PropName></Property><Property><PropName>TEL</PropName>"  \
	"</Property>" props "</CTCap></DataStore>"

/* P-KEEP-1, P-KEEP-4, R-DEV-5: it tells that it can hold more now. What it was
   not given then is no deletion, and what it has is not sent anew. */
static void
another_devinf(void **state)
{
	static const char little[] = STORE_OF("");
	static const char more[] =
	    STORE_OF("<Property><PropName>TITLE</PropName></Property>");
	static const char edit[] =
	    "<Replace><CmdID>#</CmdID><Item><Source><LocURI>M</LocURI>"
	    "</Source><Data>BEGIN:VCARD\nVERSION:2.1\nN:Anna;;;;\n"
	    "TEL;CELL:+49%d\nEND:VCARD\n</Data></Item></Replace>";
	struct raw r, o;
	struct slice got;

	(void)state;
	offer(&o, "TITLE:Chief\nROLE:Cook\n");
	open_raw(&r, "IMEI:1", "1");
	got = sync_with(&r, "1", 201, NULL, "n1", little, "");
	assert_true(has_text(got, "+491"));
	assert_false(has_text(got, "TITLE"));
	(void)sync_with(&r, "2", 200, "n1", "n2", NULL,
			arena_printf(bench.a, edit, 2).p);
	assert_non_null(stored("+492"));
	assert_true(has_text(slice_c(stored("+492")), "TITLE:Chief"));
	got = sync_with(&r, "3", 200, "n2", "n3", more, "");
	assert_int_equal(got.n, 0);
	/* It edits without ever having seen the title. */
	(void)sync_with(&r, "4", 200, "n3", "n4", NULL,
			arena_printf(bench.a, edit, 3).p);
	assert_true(has_text(slice_c(stored("+493")), "TITLE:Chief"));
	assert_true(has_text(slice_c(stored("+493")), "ROLE:Cook"));
	assert_int_equal(items_stored(), 1);
}

/* R-DEV-17 to R-DEV-23, R-DEV-28: only properties that it lists, as often and
   as long as it says; in the flat and the nested grammar. No list: all of them.
 */
static void
capabilities(void **state)
{
	struct raw o;
	struct slice got;

	(void)state;
	offer(&o, "TEL;TYPE=WORK:+492\nTEL;TYPE=HOME:+493\nTITLE:Chief\n"
		  "NOTE:0123456789\nROLE:abcdefgh\nCLASS:CONFIDENTIAL\n");
	got = what_it_gets(10, RX21, "");
	assert_true(has_text(got, "TITLE:Chief"));
	assert_true(has_text(got, "NOTE:0123456789"));
	got = what_it_gets(
	    11, RX21,
	    "<Ext><XNam>X-Odd</XNam><XVal>1</XVal></Ext>"
	    "<CTCap><CTType>text/x-vcard</CTType><PropName>VERSION</PropName>"
	    "<ValEnum>2.1</ValEnum><PropName>N</PropName><PropName>TEL"
	    "</PropName><ParamName>CELL</ParamName><PropName>NOTE</PropName>"
	    "<DataType>chr</DataType><Size>4</Size></CTCap>");
	assert_true(has_text(got, "TEL;CELL:+491"));
	assert_true(has_text(got, "NOTE:0123\n"));
	assert_false(has_text(got, "TITLE"));
	got = what_it_gets(
	    12,
	    RX21
	    "<CTCap><CTType>text/x-vcard</CTType><VerCT>2.1</VerCT>"
	    "<Property><PropName>N</PropName></Property><Property><PropName>"
	    "TEL</PropName><MaxOccur>2</MaxOccur></Property><Property>"
	    "<PropName>NOTE</PropName><MaxSize>4</MaxSize></Property>"
	    "<Property><PropName>ROLE</PropName><MaxSize>4</MaxSize>"
	    "<NoTruncate/></Property><Property><PropName>CLASS</PropName>"
	    "<ValEnum>PUBLIC</ValEnum></Property></CTCap>",
	    "");
	assert_true(has_text(got, "+491"));
	assert_true(has_text(got, "+492"));
	assert_false(has_text(got, "+493"));
	assert_true(has_text(got, "NOTE:0123\n"));
	assert_false(has_text(got, "ROLE"));
	assert_false(has_text(got, "CLASS"));
	assert_false(has_text(got, "TITLE"));
}

/* R-DEV-15, S-LARGE-12: no pieces for who does not join them: 1.0 never, later
   ones if their DevInf does not say so, or without one their MaxObjSize. The
   item waits; the rest comes. */
static void
large_objects_flag(void **state)
{
	static const struct {
		int version;
		const char *flags; /* NULL: no DevInf */
		bool no_obj;
		bool pieces;
	} rows[] = {
		{ 10, "", false, false },
		{ 10, NULL, false, false },
		{ 11, "", false, false },
		{ 11, "<SupportLargeObjs/>", true, true },
		{ 11, NULL, true, false },
		{ 11, NULL, false, true },
		{ 12, "<SupportLargeObjs/>", false, true },
		{ 12, "", false, false },
		{ 12, NULL, true, false },
		{ 12, NULL, false, true },
	};
	struct raw o;
	struct buf note = BUF_IN(bench.a);

	(void)state;
	buf_str(&note, "NOTE:");
	for (int i = 0; i < 6000; i++)
		buf_byte(&note, (unsigned char)('a' + i % 26));
	buf_byte(&note, '\n');
	offer(&o, text(buf_slice(&note)));
	finish(&o);
	begin(&o, "2", 200, "o1", "o2");
	one_change(&o, "contacts", "Add", "2", "Bert");
	(void)post(&o, FINAL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct raw r;
		int adds = 0;
		int pieces = 0;

		open_raw(&r, arena_printf(bench.a, "D%zu", i).p, "1");
		r.version = rows[i].version;
		r.max_obj = rows[i].no_obj ? -1 : 0;
		r.max_msg = 3000;
		alert(&r, 201, "contacts", NULL, "n1");
		if (rows[i].flags != NULL)
			put_devinf(&r, rows[i].flags, RX21, "");
		(void)post(&r, FINAL | CRED);
		answer_all(&r, 200);
		sync_open(&r, "contacts");
		sync_close(&r);
		(void)post(&r, FINAL);
		for (int round = 0;; round++) {
			const struct sml_cmd *c;

			assert_true(round < 10);
			for (int k = 0; (c = nth_kid(r.m, SML_ADD, k)) != NULL;
			     k++) {
				adds += c->items[0].more ? 0 : 1;
				pieces += c->items[0].more ? 1 : 0;
			}
			assert_true(r.raw.body.n <= 3000);
			if (r.m->final)
				break;
			answer_all(&r, 213);
			plain_alert(&r, 222);
			(void)post(&r, 0);
		}
		assert_int_equal(adds, rows[i].pieces ? 2 : 1);
		assert_int_equal(pieces > 0, rows[i].pieces);
		finish(&r);
	}
}

/* R-DEV-12: an id longer than its MaxGUIDSize never goes out. */
static void
max_guid_size(void **state)
{
	struct raw o;

	(void)state;
	open_raw(&o, "IMEI:9", "1");
	first_sync(&o, 2, "o1");
	for (int size = 0; size <= 4; size++) {
		struct raw r;
		const struct sml_cmd *c;

		open_raw(&r, arena_printf(bench.a, "D%d", size).p, "1");
		alert(&r, 201, "contacts", NULL, "n1");
		put_devinf(
		    &r, "",
		    arena_printf(bench.a, "<MaxGUIDSize>%d</MaxGUIDSize>", size)
			.p,
		    "");
		(void)post(&r, FINAL | CRED);
		answer_all(&r, 200);
		sync_open(&r, "contacts");
		sync_close(&r);
		(void)post(&r, FINAL);
		for (int i = 0; (c = nth_kid(r.m, SML_ADD, i)) != NULL; i++)
			assert_true(size == 0 ||
				    c->items[0].source.n <= (size_t)size);
		assert_true(size == 1 || count(r.m, SML_ADD) == 2);
	}
}

/* R-META-11: no more Adds than it has ids for; the rest comes when it has. */
static void
free_ids(void **state)
{
	struct raw r, o;

	(void)state;
	open_raw(&o, "IMEI:9", "1");
	first_sync(&o, 5, "o1");
	open_raw(&r, "IMEI:1", "1");
	begin(&r, "1", 201, NULL, "n1");
	say(&r, "<Sync><CmdID>#</CmdID><Target><LocURI>./contacts</LocURI>"
		"</Target><Source><LocURI>./Ccontacts</LocURI></Source><Meta>"
		"<Mem " MI "><FreeMem>8000</FreeMem><FreeID>2</FreeID></Mem>"
		"</Meta></Sync>");
	(void)post(&r, FINAL);
	assert_int_equal(count(r.m, SML_ADD), 2);
	answer_all(&r, 201);
	(void)post(&r, FINAL);
	ask(&r, "2", 200, "n1", "n2");
	assert_int_equal(count(r.m, SML_ADD), 3);
}

/* ---- numbers: kinds and how many ----------------------------------------- */

#define KIND(k) "<PropParam><ParamName>" k "</ParamName></PropParam>"
#define KINDS                                                                  \
	"<DataStore><SourceRef>./Ccontacts</SourceRef>" RX21                   \
	"<CTCap><CTType>text/x-vcard</CTType><VerCT>2.1</VerCT><Property>"     \
	"<PropName>N</PropName></Property><Property><PropName>TEL</PropName>"  \
	"<MaxOccur>5</MaxOccur>" KIND("CELL") KIND("HOME") KIND("FAX")         \
	    KIND("WORK") "</Property><Property><PropName>EMAIL</PropName>"     \
			 "</Property></CTCap></DataStore>"

/* A change of the contact M, of which the phone has these lines. */
static const char *
edit_of(const char *cmd, const char *lines)
{
	return arena_printf(bench.a,
			    "<%s><CmdID>#</CmdID><Item><Source><LocURI>M"
			    "</LocURI></Source><Data>BEGIN:VCARD\nVERSION:2.1\n"
			    "N:Anna;;;;\n%sEND:VCARD\n</Data></Item></%s>",
			    cmd, lines, cmd)
	    .p;
}

static bool
has_stored(const char *text)
{
	return has_text(slice_c(stored("N:Anna")), text);
}

/* P-KEEP-5, P-KEEP-13: what a phone has no field for is not deleted by its
   edits; what it has one for is. */
static void
numbers_beyond_its_fields(void **state)
{
	struct raw r, o;
	struct slice got;

	(void)state;
	offer(&o, "TEL;TYPE=PAGER:+492\nTEL;TYPE=HOME:+493\n"
		  "TEL;TYPE=HOME:+494\nTEL;TYPE=WORK:+495\n");
	open_raw(&r, "IMEI:1", "1");
	got = sync_with(&r, "1", 201, NULL, "n1", KINDS, "");
	assert_true(has_text(got, "TEL;CELL:+491"));
	assert_false(has_text(got, "+492"));
	assert_true(has_text(got, "TEL;HOME:+493"));
	assert_true(has_text(got, "TEL;WORK:+495"));
	got = sync_with(&r, "2", 200, "n1", "n2", NULL,
			edit_of("Replace", "TEL;CELL:+491\nTEL;HOME:+494\n"
					   "TEL;WORK:+495\n"
					   "EMAIL;INTERNET:a@example.com\n"));
	assert_false(has_text(got, "+492"));
	assert_true(has_stored("TEL;TYPE=PAGER:+492"));
	assert_true(has_stored("TEL;TYPE=HOME:+493"));
	assert_true(has_stored("TEL;TYPE=HOME:+494"));
	assert_true(has_stored("a@example.com"));
	/* Now its user takes numbers away: there may be a second HOME that it
	   does not show, but no second WORK. */
	(void)sync_with(&r, "3", 200, "n2", "n3", NULL,
			edit_of("Replace", "TEL;CELL:+491\n"));
	assert_false(has_stored("+495"));
	assert_false(has_stored("a@example.com"));
	assert_true(has_stored("+491"));
	assert_true(has_stored("+492"));
	assert_true(has_stored("+493"));
	assert_true(has_stored("+494"));
}

/* P-KEEP-13: a number that came from elsewhere, shown and deleted. */
static void
number_deleted_on_a_phone(void **state)
{
	struct raw r, o;

	(void)state;
	offer(&o, "TEL;TYPE=HOME:+492\nTEL;TYPE=FAX:+493\n");
	open_raw(&r, "IMEI:1", "1");
	(void)sync_with(&r, "1", 201, NULL, "n1", KINDS, "");
	(void)sync_with(&r, "2", 200, "n1", "n2", NULL,
			edit_of("Replace", "TEL;CELL:+491\nTEL;FAX:+493\n"));
	assert_false(has_stored("+492"));
	assert_true(has_stored("+493"));
	assert_int_equal(items_stored(), 1);
}

/* P-KEEP-13: what a phone sent itself it can hold: more of one kind, and kinds
   that it does not list. It gets them back, and its deletions count. */
static void
numbers_of_its_own(void **state)
{
	struct raw r, o;
	struct slice got;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	(void)sync_with(&r, "1", 201, NULL, "n1", KINDS,
			edit_of("Add", "TEL;HOME:+491\nTEL;HOME:+492\n"
				       "TEL;PAGER:+493\nTEL;PAGER:+494\n"));
	(void)sync_with(&r, "2", 200, "n1", "n2", NULL,
			edit_of("Replace", "TEL;HOME:+492\nTEL;PAGER:+493\n"));
	assert_false(has_stored("+491"));
	assert_true(has_stored("+492"));
	assert_true(has_stored("+493"));
	assert_false(has_stored("+494"));
	open_raw(&o, "IMEI:9", "1");
	begin(&o, "1", 201, NULL, "o1");
	sync_open(&o, "contacts");
	say_item(&o, "Add", "1", "",
		 "BEGIN:VCARD\nVERSION:2.1\nN:Anna;;;;\nTEL;HOME:+492\n"
		 "TEL;PAGER:+493\nEMAIL;INTERNET:a@example.com\nEND:VCARD\n");
	sync_close(&o);
	(void)post(&o, FINAL);
	assert_int_equal(items_stored(), 1);
	got = sync_with(&r, "3", 200, "n2", "n3", NULL, "");
	assert_true(has_text(got, "a@example.com"));
	assert_true(has_text(got, "TEL;PAGER:+493"));
}

/* P-QUIRK-4: Series 40 takes less than it says. */
static void
small_messages_by_model(void **state)
{
	static const struct {
		const char *mod;
		size_t most;
	} rows[] = { { "6111", 5000 }, { "E71", 20000 } };
	struct raw o;

	(void)state;
	open_raw(&o, "IMEI:9", "1");
	first_sync(&o, 120, "o1");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t largest = 0;
		int adds = 0;
		struct raw r;

		open_raw(&r, rows[i].mod, "1");
		r.max_msg = 20000;
		alert(&r, 201, "contacts", NULL, "n1");
		say(&r,
		    "<Put><CmdID>#</CmdID><Item><Source><LocURI>./devinf12"
		    "</LocURI></Source><Data><DevInf><VerDTD>1.2</VerDTD><Man>"
		    "Nokia</Man><Mod>%s</Mod></DevInf></Data></Item></Put>",
		    rows[i].mod);
		(void)post(&r, FINAL | CRED);
		answer_all(&r, 200);
		sync_open(&r, "contacts");
		sync_close(&r);
		for (int n = 0; n == 0 || !r.m->final; n++) {
			assert_true(n < 30);
			(void)post(&r, FINAL);
			if (r.raw.body.n > largest)
				largest = r.raw.body.n;
			adds += count(r.m, SML_ADD);
			answer_all(&r, 201);
		}
		assert_int_equal(adds, 120);
		assert_true(largest <= rows[i].most);
		assert_true(largest > rows[i].most / 2);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(get_in_each_version),
		T(other_things),
		T(asked_for_once),
		T(devinf_in_small_messages),
		T(devinf_in_wbxml),
		T(utc_flag),
		T(quirks_by_maker),
		T(another_devinf),
		T(capabilities),
		T(large_objects_flag),
		T(max_guid_size),
		T(free_ids),
		T(filters_are_announced),
		T(numbers_beyond_its_fields),
		T(number_deleted_on_a_phone),
		T(numbers_of_its_own),
		T(small_messages_by_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
