/* Messages: structs to bytes and back, in both encodings and all versions. */
#include "tests/syncml/wire.h"

static struct slice
bytes_of(struct arena *a, const struct sml_msg *m)
{
	struct buf out = BUF_IN(a);
	struct err e;

	if (sml_msg_write(a, m, &out, &e) < 0)
		fail_msg("%s: %s", e.where, e.msg);
	return buf_slice(&out);
}

static struct sml_msg *
msg_of(struct arena *a, enum sml_enc enc, struct slice body)
{
	struct sml_msg *m;
	struct err e;

	if (sml_msg_read(a, enc, body, NULL, &m, &e) < 0)
		fail_msg("%s: %s in %.*s", e.where, e.msg, SLICE_ARG(body));
	return m;
}

static struct sml_msg *
xml_msg(struct arena *a, const char *hdr, const char *in)
{
	struct slice s = arena_printf(a,
				      "<SyncML><SyncHdr>%s</SyncHdr><SyncBody>"
				      "%s</SyncBody></SyncML>",
				      hdr, in);

	return msg_of(a, SML_XML, s);
}

static enum err_code
xml_code(struct arena *a, const char *hdr, const char *in)
{
	struct slice s = arena_printf(a,
				      "<SyncML><SyncHdr>%s</SyncHdr><SyncBody>"
				      "%s</SyncBody></SyncML>",
				      hdr, in);
	struct sml_msg *m;
	struct err e;

	if (sml_msg_read(a, SML_XML, s, NULL, &m, &e) == 0)
		return ERR_NONE;
	assert_null(m);
	return e.code;
}

/* ---- round trips ------------------------------------------------------------
 */

static void
check_content(struct arena *a, const struct sml_cmd *c, const char *cmdid,
	      const char *luid)
{
	t_assert_text(c->cmdid, cmdid);
	t_assert_text(c->meta.type, "text/x-vcard");
	assert_int_equal(c->item_n, 2);
	t_assert_text(c->items[0].source, luid);
	assert_false(c->items[0].has_target);
	if (c->tag == SML_DELETE) {
		assert_false(c->items[0].has_data);
		return;
	}
	assert_true(c->items[0].has_data);
	t_assert_text(sml_xml_folded(a, c->items[0].data),
		      "BEGIN:VCARD\nVERSION:2.1\n"
		      "N:Sm\xC3\xBCth;A & B <c>\n"
		      "NOTE:]]> end\nEND:VCARD\n");
	t_assert_text(c->items[1].data, "plain");
}

static void
check_sync(struct arena *a, const struct sml_cmd *c)
{
	assert_int_equal(c->tag, SML_SYNC);
	t_assert_text(c->target, "./contacts");
	t_assert_text(c->source, "./C");
	assert_int_equal(c->meta.free_mem, 123456);
	assert_int_equal(c->meta.free_id, 0);
	assert_int_equal(c->meta.size, -1);
	assert_int_equal(c->number_of_changes, 0);
	assert_int_equal(c->kid_n, 3);
	assert_int_equal(c->kids[0].tag, SML_ADD);
	assert_int_equal(c->kids[0].meta.size, 3000);
	assert_int_equal(c->kids[0].number_of_changes, -1);
	assert_true(c->kids[0].items[1].more);
	assert_false(c->kids[0].items[0].more);
	check_content(a, &c->kids[0], "4", "11");
	assert_true(c->kids[1].sftdel);
	assert_true(c->kids[1].archive);
	check_content(a, &c->kids[1], "5", "12");
	assert_int_equal(c->kids[2].tag, SML_ATOMIC);
	assert_int_equal(c->kids[2].kid_n, 1);
	assert_true(c->kids[2].kids[0].noresp);
	check_content(a, &c->kids[2].kids[0], "7", "13");
}

static void
check_status(const struct sml_cmd *c)
{
	assert_int_equal(c->tag, SML_STATUS);
	t_assert_text(c->msgref, "1");
	t_assert_text(c->cmdref, "0");
	t_assert_text(c->cmd, "SyncHdr");
	assert_int_equal(c->target_ref_n, 1);
	t_assert_text(c->target_refs[0], "http://sync.example/sync");
	t_assert_text(c->source_refs[0], "IMEI:350000000000001");
	assert_true(c->chal.present);
	t_assert_text(c->chal.type, "syncml:auth-md5");
	t_assert_text(c->chal.format, "b64");
	t_assert_text(c->chal.next_nonce, "bjBuY2UtMQ==");
	t_assert_text(c->data, "212");
	t_assert_text(
	    sml_kid_text(sml_kid(c->items[0].data_node, SML_MI_ANCHOR),
			 SML_MI_NEXT),
	    "276");
}

static void
check_alert(const struct sml_cmd *c, int version)
{
	const struct sml_item *it = c->items;

	t_assert_text(c->data, "200");
	t_assert_text(it->target, "./contacts");
	t_assert_text(it->target_name, "Contacts");
	t_assert_text(it->source, "./C\\Contacts.cdb");
	assert_true(it->meta.anchor.present);
	t_assert_text(it->meta.anchor.last, "275");
	t_assert_text(it->meta.anchor.next, "276");
	assert_int_equal(it->meta.max_obj_size, 40000);
	assert_int_equal(it->filter.present, version == 12);
	if (version != 12)
		return;
	t_assert_text(it->filter.type, "text/x-vcalendar");
	t_assert_text(it->filter.record_type, "syncml:filtertype-cgi");
	t_assert_text(it->filter.record, "&SINCE;20260101");
	t_assert_text(it->filter.filter_type, "INCLUSIVE");
}

static void
check_devinf(struct arena *a, const struct sml_cmd *c, int version)
{
	struct sml_node *root;
	struct sml_devinf *d;
	struct err e;

	assert_int_equal(sml_read_devinf(a, c->items[0].data_node, &root, &e),
			 0);
	assert_non_null(root);
	assert_int_equal(sml_devinf_read(a, root, &d, &e), 0);
	assert_int_equal(d->version, version);
	t_assert_text(d->mod, "Phone <1>");
	assert_int_equal(d->store_n, 2);
}

static void
check_message(struct arena *a, const struct sml_msg *m, int version)
{
	assert_int_equal(m->doc.version, version);
	t_assert_text(m->hdr.sid, "4711");
	t_assert_text(m->hdr.msgid, "2");
	t_assert_text(m->hdr.target, "http://sync.example/sync?a=1&b=2");
	t_assert_text(m->hdr.source, "IMEI:350000000000001");
	t_assert_text(m->hdr.source_name, "anna");
	t_assert_text(m->hdr.respuri, "http://sync.example/sync?s=Zz9");
	assert_true(m->hdr.cred.present);
	t_assert_text(m->hdr.cred.data, "YW5uYTpzZWNyZXQ=");
	t_assert_text(m->hdr.cred.meta.type, "syncml:auth-basic");
	assert_int_equal(m->hdr.meta.max_msg_size, 16000);
	assert_int_equal(m->hdr.meta.max_obj_size, 500000);
	assert_false(m->hdr.noresp);
	assert_int_equal(m->cmd_n, 6);
	/* Alert, Sync, Add, Delete, Atomic, Replace, Map, Put, Results. */
	assert_int_equal(m->cmd_total, 9);
	assert_true(m->final);
	check_status(&m->cmds[0]);
	check_alert(&m->cmds[1], version);
	check_sync(a, &m->cmds[2]);
	assert_int_equal(m->cmds[3].tag, SML_MAP);
	assert_int_equal(m->cmds[3].item_n, 2);
	t_assert_text(m->cmds[3].items[1].target, "1b");
	t_assert_text(m->cmds[3].items[1].source, "2");
	assert_int_equal(m->cmds[4].tag, SML_PUT);
	check_devinf(a, &m->cmds[4], version);
	assert_int_equal(m->cmds[5].tag, SML_RESULTS);
	t_assert_text(m->cmds[5].cmdref, "4");
	check_devinf(a, &m->cmds[5], version);
}

static void
test_round_trips(void **state)
{
	struct arena *a = *state;

	for (int version = 10; version <= 12; version++) {
		for (int form = 0; form < 4; form++) {
			enum sml_enc enc = form < 2 ? SML_XML : SML_WBXML;
			struct sml_msg m = *t_message(a, enc, version);
			struct sml_msg *got;
			struct slice body;

			m.doc.cdata = form == 1;
			m.doc.textual_id = form == 3;
			body = bytes_of(a, &m);
			got = msg_of(a, enc, body);
			assert_int_equal(got->doc.cdata, m.doc.cdata);
			assert_int_equal(got->doc.textual_id, m.doc.textual_id);
			check_message(a, got, version);
			/* What was read writes the same bytes again. */
			if (enc == SML_WBXML)
				t_assert_bytes(bytes_of(a, got), body);
		}
	}
}

/* The same tree, whichever way it came. */
static void
test_both_encodings_agree(void **state)
{
	struct arena *a = *state;

	for (int version = 10; version <= 12; version++) {
		struct sml_msg m = *t_message(a, SML_XML, version);
		struct sml_node *x, *w;

		m.doc.cdata = true; /* in which line ends are not folded */
		x = t_read(a, SML_XML, bytes_of(a, &m), NULL);
		m.doc.enc = SML_WBXML;
		w = t_read(a, SML_WBXML, bytes_of(a, &m), NULL);
		t_expand(a, w);
		t_assert_same_tree(a, x, w);
	}
}

/* ---- what is written
 * --------------------------------------------------------- */

static void
test_order_of_the_dtd(void **state)
{
	struct arena *a = *state;
	struct sml_doc doc = { .enc = SML_XML, .version = 12 };
	struct sml_cmd c = sml_cmd_none(SML_REPLACE);
	struct sml_item it = sml_item_none();
	struct buf out = BUF_IN(a);

	c.cmdid = SLICE_LIT("1");
	c.noresp = true;
	c.cred.present = true;
	c.cred.data = SLICE_LIT("x");
	c.meta.type = SLICE_LIT("t");
	c.meta.format = SLICE_LIT("b64");
	c.meta.mark = SLICE_LIT("draft");
	c.meta.version = SLICE_LIT("2.1");
	c.meta.emi = SLICE_LIT("datapos=5");
	c.meta.field_level = true;
	it.target = SLICE_LIT("1");
	it.source_parent = SLICE_LIT("p");
	it.target_parent = SLICE_LIT("q");
	it.meta.size = 5;
	it.data = SLICE_LIT("d");
	it.more = true;
	c.items = &it;
	c.item_n = 1;
	sml_cmd_write(a, &out, &doc, &c);
	t_assert_text(
	    buf_slice(&out),
	    "<Replace><CmdID>1</CmdID><NoResp/><Cred><Data>x</Data></Cred>"
	    "<Meta><Format xmlns='syncml:metinf'>b64</Format>"
	    "<Type xmlns='syncml:metinf'>t</Type>"
	    "<Mark xmlns='syncml:metinf'>draft</Mark>"
	    "<Version xmlns='syncml:metinf'>2.1</Version>"
	    "<EMI xmlns='syncml:metinf'>datapos=5</EMI>"
	    "<FieldLevel xmlns='syncml:metinf'/></Meta>"
	    "<Item><Target><LocURI>1</LocURI></Target>"
	    "<SourceParent><LocURI>p</LocURI></SourceParent>"
	    "<TargetParent><LocURI>q</LocURI></TargetParent>"
	    "<Meta><Size xmlns='syncml:metinf'>5</Size></Meta>"
	    "<Data>d</Data><MoreData/></Item></Replace>");
}

static void
test_empty_parts(void **state)
{
	struct arena *a = *state;
	struct sml_doc doc = { .enc = SML_XML, .version = 12 };
	struct sml_cmd c = sml_cmd_none(SML_ADD);
	struct sml_item it = sml_item_none();
	struct buf out = BUF_IN(a);

	it.has_source = it.has_data = true;
	c.items = &it;
	c.item_n = 1;
	sml_cmd_write(a, &out, &doc, &c);
	t_assert_text(buf_slice(&out),
		      "<Add><Item><Source><LocURI></LocURI></Source>"
		      "<Data></Data></Item></Add>");
}

/* A DevInf or Anchor may be given without a Data around it. */
static void
test_bare_data_node(void **state)
{
	struct arena *a = *state;
	struct sml_doc doc = { .enc = SML_XML, .version = 12 };
	struct sml_node *anchor = sml_node_new(a, NULL, SML_MI_ANCHOR);
	struct sml_cmd c = sml_cmd_none(SML_STATUS);
	struct sml_item it = sml_item_none();
	struct buf out = BUF_IN(a);

	sml_node_text(a, anchor, SML_MI_NEXT, SLICE_LIT("9"));
	it.data_node = anchor;
	c.items = &it;
	c.item_n = 1;
	sml_cmd_write(a, &out, &doc, &c);
	assert_true(slice_find_str(buf_slice(&out),
				   "<Item><Data><Anchor xmlns='syncml:metinf'>"
				   "<Next>9</Next></Anchor></Data></Item>") !=
		    SIZE_MAX);
}

/* A Sync that is filled in parts is the Sync written whole. */
static void
test_sync_in_parts(void **state)
{
	struct arena *a = *state;

	for (int i = 0; i < 2; i++) {
		enum sml_enc enc = i == 0 ? SML_XML : SML_WBXML;
		const struct sml_msg *m = t_message(a, enc, 12);
		struct sml_cmd whole = m->cmds[2];
		struct sml_cmd open = whole;
		struct buf x = BUF_IN(a);
		struct buf y = BUF_IN(a);

		open.kid_n = 0;
		sml_sync_open(a, &x, &m->doc, &open);
		for (size_t k = 0; k < whole.kid_n; k++)
			sml_cmd_write(a, &x, &m->doc, &whole.kids[k]);
		sml_sync_close(&x, &m->doc);
		sml_cmd_write(a, &y, &m->doc, &whole);
		if (enc == SML_XML)
			t_assert_bytes(buf_slice(&x), buf_slice(&y));
		else /* page switches differ: parts stand alone */
			assert_true(x.n >= y.n && x.n <= y.n + 8);
	}
}

static void
test_content_is_opaque(void **state)
{
	struct arena *a = *state;
	const struct sml_msg *m =
	    msg_of(a, SML_WBXML, bytes_of(a, t_message(a, SML_WBXML, 12)));

	assert_true(m->cmds[2].kids[0].items[0].data_opaque);
	assert_false(m->cmds[1].items[0].data_opaque);
}

static void
test_no_room(void **state)
{
	struct arena *a = *state;
	const struct sml_msg *m = t_message(a, SML_WBXML, 12);
	size_t n = bytes_of(a, m).n;

	for (size_t max = n - 1; max <= n; max++) {
		struct buf out = { .a = a, .max = max };
		struct err e;

		assert_int_equal(sml_msg_write(a, m, &out, &e),
				 max == n ? 0 : -1);
		if (max < n)
			assert_int_equal(e.code, ERR_LIMIT);
	}
}

/* ---- what is read
 * ------------------------------------------------------------- */

static void
test_lenient(void **state)
{
	struct arena *a = *state;
	/* Another order, white space, unknown elements, the last of two. */
	const struct sml_msg *m =
	    xml_msg(a,
		    "<Meta><MetInf><MaxMsgSize> 2700 </MaxMsgSize></MetInf>"
		    "</Meta><Odd><SessionID>9</SessionID></Odd>"
		    "<Source><LocURI> IMEI:1\n</LocURI></Source>"
		    "<SessionID>1</SessionID><SessionID> 2 </SessionID>"
		    "<NoResp/>",
		    "<Final></Final>"
		    "<Alert><Item><Data/><Meta><Anchor><Next>5</Next></Anchor>"
		    "</Meta></Item><Data> 201\n</Data><CmdID>1</CmdID></Alert>"
		    "<Odd><Alert/></Odd>"
		    "<Get><CmdID>2</CmdID><Add/><Meta><Type>t</Type></Meta>"
		    "<Meta><Size>-4</Size></Meta></Get>");

	t_assert_text(m->hdr.sid, "2");
	t_assert_text(m->hdr.source, "IMEI:1");
	t_assert_text(m->hdr.target, "");
	assert_true(m->hdr.noresp);
	assert_false(m->hdr.cred.present);
	assert_int_equal(m->hdr.meta.max_msg_size, 2700);
	assert_int_equal(m->hdr.meta.max_obj_size, -1);
	assert_int_equal(m->cmd_n, 2);
	t_assert_text(m->cmds[0].data, "201");
	assert_true(m->cmds[0].items[0].has_data);
	assert_true(m->cmds[0].items[0].meta.anchor.present);
	t_assert_text(m->cmds[0].items[0].meta.anchor.last, "");
	t_assert_text(m->cmds[1].meta.type, "t");
	assert_int_equal(m->cmds[1].meta.size, -1);
	assert_int_equal(m->cmds[1].kid_n, 0);
	assert_true(m->final);
}

static void
test_item_data_is_not_trimmed(void **state)
{
	struct arena *a = *state;
	const struct sml_msg *m =
	    xml_msg(a, "",
		    "<Add><Item><Source><LocURI> 1 </LocURI></Source>"
		    "<Data> a\n</Data></Item></Add>");

	t_assert_text(m->cmds[0].items[0].data, " a\n");
	t_assert_text(m->cmds[0].items[0].source, "1");
}

/* Old phones send texts as octets, C strings with their NUL among them. */
static void
test_opaque_texts(void **state)
{
	struct arena *a = *state;
	const struct sml_msg *m =
	    msg_of(a, SML_WBXML,
		   t_bytes(a, "02 9f51 6a 00 6d 6c "
			      "65 c3 03 20 31 00 01 "       /* SessionID */
			      "67 57 c3 02 fc 61 01 01 "    /* Source */
			      "4e 4f c3 03 00 ff 20 01 01 " /* Cred */
			      "01 6b 12 01 01"));

	t_assert_text(m->hdr.sid, "1");
	t_assert_text(m->hdr.source, "\xC3\xBC"
				     "a");
	assert_true(m->hdr.cred.opaque);
	t_assert_bytes(m->hdr.cred.data, ((struct slice){ "\0\xFF ", 3 }));
}

static void
test_refused(void **state)
{
	static const char *const docs[] = {
		"<SyncML><SyncHdr/></SyncML>",
		"<SyncML><SyncBody/></SyncML>",
		"<SyncML/>",
		"<DevInf/>",
	};
	struct arena *a = *state;
	struct sml_msg *m;
	struct err e;

	for (size_t i = 0; i < sizeof(docs) / sizeof(docs[0]); i++) {
		assert_int_equal(
		    sml_msg_read(a, SML_XML, slice_c(docs[i]), NULL, &m, &e),
		    -1);
		assert_int_equal(e.code, ERR_PARSE);
	}
	assert_int_equal(xml_code(a, "", ""), ERR_NONE);
}

static const char *
repeat(struct arena *a, char c, size_t n)
{
	char *p = arena_alloc(a, n + 1);

	assert_non_null(p);
	memset(p, c, n);
	return p;
}

static void
test_length_limits(void **state)
{
	static const struct {
		size_t max;
		const char *hdr;
		const char *in;
	} rows[] = {
		{ SML_SID_BYTES_MAX, "<SessionID>%s</SessionID>", "" },
		{ SML_SID_BYTES_MAX, "<MsgID>%s</MsgID>", "" },
		{ SML_CMDID_BYTES_MAX, "", "<Add><CmdID>%s</CmdID></Add>" },
		{ SML_CMDID_BYTES_MAX, "",
		  "<Status><CmdRef>%s</CmdRef></Status>" },
		{ SML_CMDID_BYTES_MAX, "",
		  "<Sync><Atomic><Add><CmdID>%s</CmdID></Add></Atomic>"
		  "</Sync>" },
	};
	struct arena *a = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t n = rows[i].max - 1; n <= rows[i].max + 1; n++) {
			const char *form =
			    rows[i].hdr[0] != '\0' ? rows[i].hdr : rows[i].in;
			struct slice at =
			    slice_sub(slice_c(form), 0,
				      slice_find_str(slice_c(form), "%s"));
			struct slice part =
			    arena_printf(a, "%.*s%s%s", SLICE_ARG(at),
					 repeat(a, '7', n), form + at.n + 2);

			assert_int_equal(
			    rows[i].hdr[0] != '\0' ? xml_code(a, part.p, "")
						   : xml_code(a, "", part.p),
			    n <= rows[i].max ? ERR_NONE : ERR_PARSE);
		}
	}
}

/* A LocURI that is too long is the engine's to answer, with 414. */
static void
test_long_locuri_is_kept(void **state)
{
	struct arena *a = *state;
	struct slice in = arena_printf(
	    a, "<Add><Item><Source><LocURI>%s</LocURI></Source></Item></Add>",
	    repeat(a, 'u', SML_LOCURI_BYTES_MAX + 1));
	const struct sml_msg *m = xml_msg(a, "", in.p);

	assert_int_equal(m->cmds[0].items[0].source.n,
			 SML_LOCURI_BYTES_MAX + 1);
}

static void
test_command_limit(void **state)
{
	struct arena *a = *state;

	for (int more = -1; more <= 1; more++) {
		struct buf b = BUF_IN(a);
		struct sml_msg *m;
		struct err e;

		/* Header, body, one Sync; Statuses do not count. */
		buf_add(&b, t_bytes(a, "02 a401 6a 00 6d 2c 6b 29 29 6a"));
		for (int i = 1; i < SML_COMMANDS_MAX + more; i++)
			buf_byte(&b, 0x05);
		buf_add(&b, t_bytes(a, "01 01 01"));
		if (sml_msg_read(a, SML_WBXML, buf_slice(&b), NULL, &m, &e) ==
		    0) {
			assert_true(more <= 0);
			assert_int_equal(m->cmd_total, SML_COMMANDS_MAX + more);
			assert_int_equal(m->cmd_n, 3);
		} else {
			assert_int_equal(more, 1);
			assert_int_equal(e.code, ERR_LIMIT);
		}
	}
}

/* Commands inside each other, as deep as elements may be. */
static void
test_nested_commands(void **state)
{
	enum { DEPTH = SML_DEPTH_MAX - 3 };
	struct arena *a = *state;
	struct buf b = BUF_IN(a);
	const struct sml_cmd *c;
	struct sml_msg *m;

	for (int i = 0; i < DEPTH; i++)
		buf_str(&b, "<Atomic>");
	buf_str(&b, "<Add/>");
	for (int i = 0; i < DEPTH; i++)
		buf_str(&b, "</Atomic>");
	buf_byte(&b, 0);
	m = xml_msg(a, "", buf_slice(&b).p);
	assert_int_equal(m->cmd_total, DEPTH + 1);
	c = &m->cmds[0];
	for (int i = 1; i < DEPTH; i++) {
		assert_int_equal(c->kid_n, 1);
		c = c->kids;
	}
	assert_int_equal(c->kids->tag, SML_ADD);
	m->doc.enc = SML_WBXML;
	assert_int_equal(msg_of(a, SML_WBXML, bytes_of(a, m))->cmd_total,
			 DEPTH + 1);
}

/* Hundreds of containers beside each other, with their own order kept. */
static void
test_many_containers(void **state)
{
	struct arena *a = *state;
	struct buf b = BUF_IN(a);
	const struct sml_msg *m;

	for (int i = 0; i < 300; i++)
		buf_printf(&b,
			   "<Sync><CmdID>%d</CmdID><Sequence><Add><CmdID>%d"
			   "</CmdID></Add><Delete/></Sequence></Sync>",
			   i, i + 1000);
	buf_byte(&b, 0);
	m = xml_msg(a, "", buf_slice(&b).p);
	assert_int_equal(m->cmd_n, 300);
	for (int i = 0; i < 300; i++) {
		int64_t v;

		assert_int_equal(m->cmds[i].kids[0].kid_n, 2);
		assert_true(slice_i64(m->cmds[i].kids[0].kids[0].cmdid, &v));
		assert_int_equal(v, i + 1000);
	}
}

/* ---- faults
 * -------------------------------------------------------------------- */

static void
test_truncated_everywhere(void **state)
{
	struct arena *a = *state;
	struct slice body = bytes_of(a, t_message(a, SML_WBXML, 12));

	for (size_t n = 0; n < body.n; n++) {
		struct arena *b = arena_new(SML_ARENA_BYTES_MAX);
		struct slice cut = t_tight(slice_sub(body, 0, n));
		struct sml_msg *m;
		struct err e;

		assert_int_equal(sml_msg_read(b, SML_WBXML, cut, NULL, &m, &e),
				 -1);
		assert_int_equal(e.code, ERR_PARSE);
		t_tight_free(cut);
		arena_free(&b);
	}
}

/* One octet changed: read or refused, never more than that. */
static void
test_damaged_everywhere(void **state)
{
	struct arena *a = *state;
	static const unsigned char masks[] = { 0x01, 0x80, 0xFF, 0x43 };

	for (int enc = 0; enc < 2; enc++) {
		enum sml_enc form = enc == 0 ? SML_WBXML : SML_XML;
		struct slice body = bytes_of(a, t_message(a, form, 12));

		for (size_t i = 0; i < body.n * 4; i++) {
			struct arena *b = arena_new(SML_ARENA_BYTES_MAX);
			union {
				const char *c;
				char *w;
			} bad;
			struct sml_msg *m;
			struct err e = { .code = ERR_NONE };

			bad.c = t_tight(body).p;
			bad.w[i / 4] = (char)(bad.w[i / 4] ^ masks[i % 4]);
			if (sml_msg_read(b, form,
					 (struct slice){ bad.c, body.n }, NULL,
					 &m, &e) < 0)
				assert_true(e.code == ERR_PARSE ||
					    e.code == ERR_LIMIT);
			else
				assert_non_null(m);
			free(bad.w);
			arena_free(&b);
		}
	}
}

/* Every allocation fails in turn, alone and from there on. */
static void
test_memory_short_everywhere(void **state)
{
	struct arena *a = *state;

	for (int enc = 0; enc < 2; enc++) {
		enum sml_enc form = enc == 0 ? SML_WBXML : SML_XML;
		const struct sml_msg *in = t_message(a, form, 12);
		struct slice body = bytes_of(a, in);

		for (int kind = 0; kind < 4; kind++) {
			struct err e = { .code = ERR_NONE };
			size_t n = 1;

			for (;; n++) {
				struct arena *b =
				    arena_new(SML_ARENA_BYTES_MAX);
				struct buf out = BUF_IN(b);
				struct sml_msg *m;
				int r;

				arena_fail_at(b, n, kind % 2 == 1);
				r = kind < 2 ? sml_msg_read(b, form, body, NULL,
							    &m, &e)
					     : sml_msg_write(b, in, &out, &e);
				arena_free(&b);
				if (r == 0)
					break;
				assert_int_equal(e.code, ERR_NOMEM);
			}
			assert_true(n > 50);
		}
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, t_setup, t_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_round_trips),
		T(test_both_encodings_agree),
		T(test_order_of_the_dtd),
		T(test_empty_parts),
		T(test_bare_data_node),
		T(test_sync_in_parts),
		T(test_content_is_opaque),
		T(test_no_room),
		T(test_lenient),
		T(test_item_data_is_not_trimmed),
		T(test_opaque_texts),
		T(test_refused),
		T(test_length_limits),
		T(test_long_locuri_is_kept),
		T(test_command_limit),
		T(test_nested_commands),
		T(test_many_containers),
		T(test_truncated_everywhere),
		T(test_damaged_everywhere),
		T(test_memory_short_everywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
