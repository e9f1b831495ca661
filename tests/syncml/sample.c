/* Messages and device information of our own making, with everything in. */
#include "tests/syncml/wire.h"

static struct slice *
list1(struct arena *a, const char *s)
{
	struct slice *p = ARENA_NEW(a, struct slice);

	assert_non_null(p);
	*p = slice_c(s);
	return p;
}

static struct sml_item *
items(struct arena *a, size_t n)
{
	struct sml_item *p = ARENA_ARRAY(a, n, struct sml_item);

	assert_non_null(p);
	for (size_t i = 0; i < n; i++)
		p[i] = sml_item_none();
	return p;
}

static void
fill_hdr(struct sml_hdr *h, int version)
{
	static const char *const dtd[] = { "1.0", "1.1", "1.2" };
	static const char *const proto[] = { "SyncML/1.0", "SyncML/1.1",
					     "SyncML/1.2" };

	*h = (struct sml_hdr){
		.verdtd = slice_c(dtd[version - 10]),
		.verproto = slice_c(proto[version - 10]),
		.sid = SLICE_LIT("4711"),
		.msgid = SLICE_LIT("2"),
		.target = SLICE_LIT("http://sync.example/sync?a=1&b=2"),
		.source = SLICE_LIT("IMEI:350000000000001"),
		.source_name = SLICE_LIT("anna"),
		.respuri = SLICE_LIT("http://sync.example/sync?s=Zz9"),
		.meta = sml_meta_none(),
		.cred = { .present = true, .meta = sml_meta_none() },
	};
	h->cred.meta.format = SLICE_LIT("b64");
	h->cred.meta.type = SLICE_LIT("syncml:auth-basic");
	h->cred.data = SLICE_LIT("YW5uYTpzZWNyZXQ=");
	h->meta.max_msg_size = 16000;
	h->meta.max_obj_size = 500000;
}

static struct sml_cmd
make_status(struct arena *a)
{
	struct sml_cmd c = sml_cmd_none(SML_STATUS);
	struct sml_node *data = sml_node_new(a, NULL, SML_DATA);
	struct sml_node *anchor = sml_node_new(a, data, SML_MI_ANCHOR);

	sml_node_text(a, anchor, SML_MI_NEXT, SLICE_LIT("276"));
	c.cmdid = SLICE_LIT("1");
	c.msgref = SLICE_LIT("1");
	c.cmdref = SLICE_LIT("0");
	c.cmd = SLICE_LIT("SyncHdr");
	c.target_refs = list1(a, "http://sync.example/sync");
	c.source_refs = list1(a, "IMEI:350000000000001");
	c.target_ref_n = c.source_ref_n = 1;
	c.chal.present = true;
	c.chal.type = SLICE_LIT("syncml:auth-md5");
	c.chal.format = SLICE_LIT("b64");
	c.chal.next_nonce = SLICE_LIT("bjBuY2UtMQ==");
	c.data = SLICE_LIT("212");
	c.items = items(a, 1);
	c.items[0].has_data = true;
	c.items[0].data_node = data;
	c.item_n = 1;
	return c;
}

static struct sml_cmd
make_alert(struct arena *a, int version)
{
	struct sml_cmd c = sml_cmd_none(SML_ALERT);
	struct sml_item *it = items(a, 1);

	c.cmdid = SLICE_LIT("2");
	c.data = SLICE_LIT("200");
	c.items = it;
	c.item_n = 1;
	it->target = SLICE_LIT("./contacts");
	it->source = SLICE_LIT("./C\\Contacts.cdb");
	it->has_target = it->has_source = true;
	it->target_name = SLICE_LIT("Contacts");
	it->meta.anchor.present = true;
	it->meta.anchor.last = SLICE_LIT("275");
	it->meta.anchor.next = SLICE_LIT("276");
	it->meta.max_obj_size = 40000;
	if (version == 12) {
		it->filter.present = true;
		it->filter.type = SLICE_LIT("text/x-vcalendar");
		it->filter.record_type = SLICE_LIT("syncml:filtertype-cgi");
		it->filter.record = SLICE_LIT("&SINCE;20260101");
		it->filter.filter_type = SLICE_LIT("INCLUSIVE");
	}
	return c;
}

static struct sml_cmd
make_content(struct arena *a, enum sml_tag tag, const char *cmdid,
	     const char *luid)
{
	struct sml_cmd c = sml_cmd_none(tag);
	struct sml_item *it = items(a, 2);

	c.cmdid = slice_c(cmdid);
	c.meta.type = SLICE_LIT("text/x-vcard");
	c.meta.size = tag == SML_ADD ? 3000 : -1;
	c.items = it;
	c.item_n = 2;
	for (size_t i = 0; i < 2; i++) {
		it[i].source = slice_c(luid);
		it[i].has_source = true;
		if (tag == SML_DELETE)
			continue;
		it[i].has_data = true;
		it[i].data = i == 0 ? SLICE_LIT("BEGIN:VCARD\r\nVERSION:2.1\r\n"
						"N:Sm\xC3\xBCth;A & B <c>\r\n"
						"NOTE:]]> end\r\nEND:VCARD\r\n")
				    : SLICE_LIT("plain");
	}
	it[1].more = tag == SML_ADD;
	return c;
}

static struct sml_cmd
make_sync(struct arena *a)
{
	struct sml_cmd c = sml_cmd_none(SML_SYNC);
	struct sml_cmd *atomic;

	c.cmdid = SLICE_LIT("3");
	c.target = SLICE_LIT("./contacts");
	c.source = SLICE_LIT("./C");
	c.meta.free_mem = 123456;
	c.meta.free_id = 0;
	c.number_of_changes = 0;
	c.kid_n = 3;
	c.kids = ARENA_ARRAY(a, c.kid_n, struct sml_cmd);
	assert_non_null(c.kids);
	c.kids[0] = make_content(a, SML_ADD, "4", "11");
	c.kids[1] = make_content(a, SML_DELETE, "5", "12");
	c.kids[1].sftdel = true;
	c.kids[1].archive = true;
	atomic = &c.kids[2];
	*atomic = sml_cmd_none(SML_ATOMIC);
	atomic->cmdid = SLICE_LIT("6");
	atomic->kid_n = 1;
	atomic->kids = ARENA_NEW(a, struct sml_cmd);
	assert_non_null(atomic->kids);
	atomic->kids[0] = make_content(a, SML_REPLACE, "7", "13");
	atomic->kids[0].noresp = true;
	return c;
}

static struct sml_cmd
make_map(struct arena *a)
{
	struct sml_cmd c = sml_cmd_none(SML_MAP);

	c.cmdid = SLICE_LIT("8");
	c.target = SLICE_LIT("./contacts");
	c.source = SLICE_LIT("./C");
	c.items = items(a, 2);
	c.item_n = 2;
	for (size_t i = 0; i < 2; i++) {
		c.items[i].target = i == 0 ? SLICE_LIT("1a") : SLICE_LIT("1b");
		c.items[i].source = i == 0 ? SLICE_LIT("1") : SLICE_LIT("2");
		c.items[i].has_target = c.items[i].has_source = true;
	}
	return c;
}

static struct sml_cmd
make_devinf(struct arena *a, enum sml_tag tag, enum sml_enc enc, int version)
{
	struct sml_cmd c = sml_cmd_none(tag);
	struct sml_item *it = items(a, 1);

	c.cmdid = tag == SML_PUT ? SLICE_LIT("9") : SLICE_LIT("10");
	if (tag == SML_RESULTS) {
		c.msgref = SLICE_LIT("1");
		c.cmdref = SLICE_LIT("4");
	}
	c.meta.type = enc == SML_XML
			  ? SLICE_LIT("application/vnd.syncml-devinf+xml")
			  : SLICE_LIT("application/vnd.syncml-devinf+wbxml");
	it->source = version == 10   ? SLICE_LIT("./devinf10")
		     : version == 11 ? SLICE_LIT("./devinf11")
				     : SLICE_LIT("./devinf12");
	it->has_source = true;
	it->data_node = sml_devinf_node(a, t_devinf(a, version), false);
	it->has_data = true;
	c.items = it;
	c.item_n = 1;
	return c;
}

const struct sml_msg *
t_message(struct arena *a, enum sml_enc enc, int version)
{
	struct sml_msg *m = ARENA_NEW(a, struct sml_msg);

	assert_non_null(m);
	m->doc = (struct sml_doc){ .enc = enc, .version = version };
	fill_hdr(&m->hdr, version);
	m->cmd_n = 6;
	m->cmds = ARENA_ARRAY(a, m->cmd_n, struct sml_cmd);
	assert_non_null(m->cmds);
	m->cmds[0] = make_status(a);
	m->cmds[1] = make_alert(a, version);
	m->cmds[2] = make_sync(a);
	m->cmds[3] = make_map(a);
	m->cmds[4] = make_devinf(a, SML_PUT, enc, version);
	m->cmds[5] = make_devinf(a, SML_RESULTS, enc, version);
	m->final = true;
	return m;
}

/* ---- device information -------------------------------------------------- */

static void
fill_caps(struct arena *a, struct sml_ctcap *c, const char *type,
	  const char *version, bool rich)
{
	struct pim_cap *p = ARENA_ARRAY(a, 3, struct pim_cap);

	assert_non_null(p);
	c->type = slice_c(type);
	c->version = slice_c(version);
	c->caps.props = p;
	c->caps.prop_n = 3;
	p[0].name = SLICE_LIT("VERSION");
	p[0].values = list1(a, version);
	p[0].value_n = 1;
	p[1].name = SLICE_LIT("NOTE");
	p[1].max_bytes = 255;
	p[1].max_occur = rich ? 2 : 0;
	p[1].no_truncate = rich;
	p[2].name = SLICE_LIT("TEL");
	p[2].params = ARENA_ARRAY(a, 2, struct pim_cap_param);
	assert_non_null(p[2].params);
	p[2].param_n = 2;
	p[2].params[0].name = SLICE_LIT("TYPE");
	p[2].params[0].values = ARENA_ARRAY(a, 2, struct slice);
	assert_non_null(p[2].params[0].values);
	p[2].params[0].values[0] = SLICE_LIT("HOME");
	p[2].params[0].values[1] = SLICE_LIT("CELL");
	p[2].params[0].value_n = 2;
	p[2].params[1].name = SLICE_LIT("CHARSET");
}

static void
fill_store(struct arena *a, struct sml_datastore *s, const char *ref,
	   const char *type, const char *version, bool rich)
{
	*s = (struct sml_datastore){
		.source_ref = slice_c(ref),
		.display = SLICE_LIT("A & B"),
		.max_guid_size = 64,
		.sync_types = 0xFE,
		.max_mem = 65536,
		.max_id = 500,
		.hierarchical = rich,
	};
	s->rx = ARENA_ARRAY(a, 2, struct sml_ctype);
	s->ctcap = ARENA_NEW(a, struct sml_ctcap);
	assert_non_null(s->rx);
	assert_non_null(s->ctcap);
	s->rx[0] = (struct sml_ctype){ slice_c(type), slice_c(version), true };
	s->rx[1] = (struct sml_ctype){ SLICE_LIT("text/plain"),
				       SLICE_LIT("1.0"), false };
	s->rx_n = 2;
	s->tx = s->rx;
	s->tx_n = 1;
	fill_caps(a, s->ctcap, type, version, rich);
	s->ctcap_n = 1;
}

const struct sml_devinf *
t_devinf(struct arena *a, int version)
{
	struct sml_devinf *d = ARENA_NEW(a, struct sml_devinf);
	bool rich = version == 12;

	assert_non_null(d);
	*d = (struct sml_devinf){
		.version = version,
		.man = SLICE_LIT("Example"),
		.mod = SLICE_LIT("Phone <1>"),
		.oem = SLICE_LIT("O"),
		.fwv = SLICE_LIT("F1"),
		.swv = SLICE_LIT("S1"),
		.hwv = SLICE_LIT("H1"),
		.devid = SLICE_LIT("IMEI:350000000000001"),
		.devtyp = SLICE_LIT("phone"),
		.utc = version > 10,
		.large_objs = version > 10,
		.number_of_changes = version > 10,
	};
	d->stores = ARENA_ARRAY(a, 2, struct sml_datastore);
	assert_non_null(d->stores);
	fill_store(a, &d->stores[0], "./contacts", "text/x-vcard", "2.1", rich);
	fill_store(a, &d->stores[1], "./C\\Calendar?x=1", "text/x-vcalendar",
		   "1.0", rich);
	d->store_n = 2;
	return d;
}
