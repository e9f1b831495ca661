/* WBXML, read and written: golden bytes, every token, every limit. */
#include "tests/syncml/wire.h"

/* Package 1 in 1.1 form: made with another encoder. */
#define GOLDEN_HEADER "02 9f53 6a 00"
#define GOLDEN_BODY                                                            \
	"6d6c 71 03 \"1.1\" 00 01 72 03 \"SyncML/1.1\" 00 01"                  \
	"65 03 \"1\" 00 01 5b 03 \"1\" 00 01"                                  \
	"6e 57 03 \"IMEI:350001\" 00 01 01 67 57 03 \"http://s/sync\" 00 "     \
	"01 01 01"                                                             \
	"6b 46 4b 03 \"1\" 00 01 4f 03 \"206\" 00 01"                          \
	"54 67 57 03 \"./card\" 00 01 01 5a 00 01 53 03 \"text/x-vcard\" 00 "  \
	"01 01 01 01 00 00 12 01 01"

#define H12 "02 a401 6a 00"

static int
try_read(struct arena *a, const char *hex, struct sml_node **root,
	 struct sml_doc *doc, struct err *e)
{
	*e = (struct err){ .code = ERR_NONE };
	return sml_read(a, SML_WBXML, t_bytes(a, hex), NULL, doc, root, e);
}

static struct sml_node *
must_read(struct arena *a, const char *hex, struct sml_doc *doc)
{
	return t_read(a, SML_WBXML, t_bytes(a, hex), doc);
}

static void
must_fail(struct arena *a, const char *hex, enum err_code code)
{
	struct slice tight = t_tight(t_bytes(a, hex));
	struct sml_node *root;
	struct sml_doc doc;
	struct err e = { .code = ERR_NONE };

	if (sml_read(a, SML_WBXML, tight, NULL, &doc, &root, &e) == 0)
		fail_msg("was read: %s", hex);
	t_tight_free(tight);
	assert_null(root);
	assert_int_equal(e.code, code);
	assert_true(strlen(e.msg) > 0);
}

/* ---- golden bytes ---------------------------------------------------------
 */

static void
test_golden_read(void **state)
{
	struct arena *a = *state;
	struct sml_msg *m;
	struct err e;

	assert_int_equal(sml_msg_read(a, SML_WBXML,
				      t_bytes(a, GOLDEN_HEADER GOLDEN_BODY),
				      NULL, &m, &e),
			 0);
	assert_int_equal(m->doc.version, 11);
	assert_false(m->doc.textual_id);
	t_assert_text(m->hdr.verdtd, "1.1");
	t_assert_text(m->hdr.verproto, "SyncML/1.1");
	t_assert_text(m->hdr.target, "IMEI:350001");
	t_assert_text(m->hdr.source, "http://s/sync");
	assert_int_equal(m->cmd_n, 1);
	assert_int_equal(m->cmds[0].tag, SML_ALERT);
	t_assert_text(m->cmds[0].data, "206");
	t_assert_text(m->cmds[0].items[0].source, "./card");
	t_assert_text(m->cmds[0].items[0].meta.type, "text/x-vcard");
	assert_true(m->final);
}

static void
test_golden_write(void **state)
{
	struct arena *a = *state;
	struct slice golden = t_bytes(a, GOLDEN_HEADER GOLDEN_BODY);
	struct buf out = BUF_IN(a);
	struct sml_msg *m;
	struct err e;

	assert_int_equal(sml_msg_read(a, SML_WBXML, golden, NULL, &m, &e), 0);
	assert_int_equal(sml_msg_write(a, m, &out, &e), 0);
	t_assert_bytes(buf_slice(&out), golden);
}

static void
test_golden_status(void **state)
{
	struct arena *a = *state;
	struct sml_doc doc = { .enc = SML_WBXML, .version = 12 };
	struct sml_node *data = sml_node_new(a, NULL, SML_DATA);
	struct sml_item it = sml_item_none();
	struct sml_cmd c = sml_cmd_none(SML_STATUS);
	struct buf out = BUF_IN(a);

	sml_node_text(a, sml_node_new(a, data, SML_MI_ANCHOR), SML_MI_NEXT,
		      SLICE_LIT("276"));
	it.data_node = data;
	c.cmdid = c.msgref = c.cmdref = SLICE_LIT("1");
	c.cmd = SLICE_LIT("Alert");
	c.data = SLICE_LIT("200");
	c.items = &it;
	c.item_n = 1;
	sml_cmd_write(a, &out, &doc, &c);
	t_assert_bytes(buf_slice(&out),
		       t_bytes(a, "69 4b 03 3100 01 5c 03 3100 01 4c 03 3100 "
				  "01 4a 03 \"Alert\" 00 01 4f 03 \"200\" 00 "
				  "01 54 4f 0001 45 4f 03 \"276\" 00 "
				  "0101010101 0000"));
}

static void
test_golden_devinf(void **state)
{
	struct arena *a = *state;
	struct sml_doc doc = { .enc = SML_WBXML, .version = 12 };
	struct sml_node *data = sml_node_new(a, NULL, SML_DATA);
	struct sml_node *d = sml_node_new(a, data, SML_DI_DEVINF);
	struct buf out = BUF_IN(a);
	struct sml_node *root;
	struct err e;

	sml_node_text(a, d, SML_DI_VERDTD, SLICE_LIT("1.2"));
	(void)sml_node_new(a, d, SML_DI_UTC);
	sml_write(&out, &doc, data);
	t_assert_bytes(buf_slice(&out),
		       t_bytes(a, "4f c3 0f 02 a403 6a 00 4a 65 03 \"1.2\" 00 "
				  "01 28 01 01"));
	/* And back: the octets are a document of their own. */
	data = must_read(a,
			 H12 "6d 4f c3 0f 02 a403 6a 00 4a 65 03 \"1.2\" 00 "
			     "01 28 01 01 01",
			 NULL)
		   ->kids;
	assert_int_equal(sml_read_devinf(a, data, &root, &e), 0);
	assert_non_null(root);
	t_assert_text(sml_kid_text(root, SML_DI_VERDTD), "1.2");
	assert_non_null(sml_kid(root, SML_DI_UTC));
}

static void
test_public_ids(void **state)
{
	static const struct {
		int version;
		bool textual;
		const char *head;
	} rows[] = {
		{ 10, false, "02 9f51 6a 00" },
		{ 11, false, "02 9f53 6a 00" },
		{ 12, false, "02 a401 6a 00" },
		{ 10, true,
		  "02 00 00 6a 1d \"-//SYNCML//DTD SyncML 1.0//EN\"" },
		{ 12, true,
		  "02 00 00 6a 1d \"-//SYNCML//DTD SyncML 1.2//EN\"" },
	};
	struct arena *a = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sml_doc doc = {
			.enc = SML_WBXML,
			.version = rows[i].version,
			.textual_id = rows[i].textual,
		};
		struct sml_doc got;
		struct buf out = BUF_IN(a);

		sml_write_open(&out, &doc);
		sml_write_body(&out, &doc);
		sml_write_close(&out, &doc, true);
		t_assert_bytes(
		    slice_sub(buf_slice(&out), 0, t_bytes(a, rows[i].head).n),
		    t_bytes(a, rows[i].head));
		(void)t_read(a, SML_WBXML, buf_slice(&out), &got);
		assert_int_equal(got.version, doc.version);
		assert_int_equal(got.textual_id, doc.textual_id);
	}
}

static void
test_headers_accepted(void **state)
{
	static const struct {
		const char *hex;
		int version;
	} rows[] = {
		{ "00 9f53 00 2d", 11 },        /* WBXML 1.0: no charset */
		{ "01 9f53 6a 00 2d", 11 },     /* 1.1 */
		{ "03 9f53 6a 00 2d", 11 },     /* 1.3 */
		{ "02 01 6a 00 2d", 0 },        /* unknown public id */
		{ "02 9f53 00 00 2d", 11 },     /* unknown charset */
		{ "02 9f53 03 00 2d", 11 },     /* US-ASCII */
		{ "02 9f53 04 00 2d", 11 },     /* ISO-8859-1 */
		{ "02 80809f53 6a 00 2d", 11 }, /* number with leading zeros */
		{ "02 a401 6a 00 00 00 2d", 12 }, /* page switch first */
		{ "02 a401 6a 00 43 05 01 2d",
		  12 },                     /* processing instruction */
		{ "02 9f52 6a 00 0a", 10 }, /* DevInf */
		/* Text id: with its NUL, and not at the table's start. */
		{ "02 00 03 6a 21 \"ab\" 00 "
		  "\"-//SYNCML//DTD SyncML 1.1//EN\" 00 2d",
		  11 },
		{ "02 00 00 6a 03 \"odd\" 2d", 0 },
	};
	struct arena *a = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sml_doc doc;

		(void)must_read(a, rows[i].hex, &doc);
		assert_int_equal(doc.version, rows[i].version);
	}
}

static void
test_headers_refused(void **state)
{
	static const char *const rows[] = {
		"",
		"02",
		"04 a401 6a 00 2d",       /* no such version */
		"02 ffffffff7f 6a 00 2d", /* number too long */
		"02 9080808000 6a 00 2d", /* 33 bits */
		"02 a401 6b 00 2d",       /* charset */
		"02 a401 6a 05 \"abc\"",  /* table past the end */
		"02 a401 6a ffffff7f",
		"02 00 00 6a 00 2d",           /* id in an empty table */
		"02 00 05 6a 05 \"abcde\" 2d", /* id past the table */
		"02 a401 6a 00",               /* no root */
		"02 a401 6a 00 01",
		"02 a401 6a 00 03 \"x\" 00 2d", /* text before the root */
		"02 a401 6a 00 46",             /* root is an Alert */
		"02 a401 6a 00 44 00 01",       /* root is a literal */
	};
	struct arena *a = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i], "02 a401 6a ffffff7f") == 0)
			must_fail(a, rows[i], ERR_LIMIT);
		else
			must_fail(a, rows[i], ERR_PARSE);
	}
}

/* ---- texts ----------------------------------------------------------------
 */

static struct slice
data_of(struct arena *a, const char *hex)
{
	return sml_kid(must_read(a, hex, NULL), SML_DATA)->text;
}

static void
test_texts(void **state)
{
	struct arena *a = *state;

	t_assert_text(data_of(a, H12 "6d 4f 03 \"abc\" 00 01 01"), "abc");
	t_assert_text(data_of(a, H12 "6d 4f c3 03 \"abc\" 01 01"), "abc");
	t_assert_text(data_of(a, H12 "6d 4f 01 01"), "");
	t_assert_text(data_of(a, H12 "6d 0f 01"), "");
	t_assert_text(data_of(a, H12 "6d 4f 02 41 02 8169 02 c12c 02 87ac00 "
				     "01 01"),
		      "A\xC3\xA9\xE2\x82\xAC\xF0\x9D\x98\x80");
	/* All of them in one element, joined. */
	t_assert_text(data_of(a, "02 a401 6a 06 \"one\" 00 \"tw\" 6d 4f "
				 "83 00 03 \"-\" 00 83 04 c3 02 \"xy\" 02 21 "
				 "83 01 01 01"),
		      "one-twxy!ne");
	/* Text around an element belongs to the outer one. */
	t_assert_text(data_of(a, H12 "6d 4f 03 \"a\" 00 57 03 \"b\" 00 01 "
				     "03 \"c\" 00 57 01 03 \"d\" 00 01 01"),
		      "acd");
}

static void
test_one_token_is_not_copied(void **state)
{
	struct arena *a = *state;
	struct slice body = t_bytes(a, H12 "6d 4f 03 \"abc\" 00 01 "
					   "4f c3 03 \"def\" 01 01");
	const struct sml_node *n = t_read(a, SML_WBXML, body, NULL)->kids;

	assert_ptr_equal(n->text.p, body.p + 8);
	assert_false(n->opaque);
	assert_true(n->next->opaque);
	assert_true(n->next->text.p > body.p);
	assert_true(n->next->text.p < body.p + body.n);
}

static void
test_charsets(void **state)
{
	struct arena *a = *state;
	const struct sml_node *n;

	/* ISO-8859-1 is converted; octets are left alone. */
	n = must_read(a,
		      "02 a401 04 00 6d 57 03 fc6265 72 00 01 "
		      "4f c3 01 fc 01 4f 03 e4 00 03 \"x\" 00 01 01",
		      NULL)
		->kids;
	t_assert_text(n->text, "\xC3\xBC"
			       "ber");
	t_assert_text(n->next->text, "\xFC");
	t_assert_text(n->next->next->text, "\xC3\xA4x");
	/* UTF-8 said, ISO-8859-1 sent: made good in names, kept in Data. */
	n = must_read(a, H12 "6d 57 03 fc 00 01 4f 03 fc 00 01 01", NULL)->kids;
	t_assert_text(n->text, "\xC3\xBC");
	t_assert_text(n->next->text, "\xFC");
}

static void
test_bad_texts(void **state)
{
	static const char *const rows[] = {
		H12 "6d 4f 03 \"abc\"",    /* no end of string */
		H12 "6d 4f c3 04 \"abc\"", /* opaque past the end */
		H12 "6d 4f c3 ffffffff0f 41",
		H12 "6d 4f c3",
		H12 "6d 4f 83 00 01 01", /* no string table */
		"02 a401 6a 02 \"ab\" 6d 4f 83 02 01 01",
		"02 a401 6a 02 \"ab\" 6d 4f 83 ffffffff0f 01 01",
		H12 "6d 4f 02 00 01 01",     /* NUL */
		H12 "6d 4f 02 83b000 01 01", /* surrogate */
		H12 "6d 4f 02 c48000 01 01", /* 0x110000 */
		H12 "6d 4f 02 8880808000 01 01",
	};
	struct arena *a = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		must_fail(a, rows[i], ERR_PARSE);
}

/* ---- elements -------------------------------------------------------------
 */

static void
test_unknown_elements(void **state)
{
	static const char *const rows[] = {
		H12 "6d 70 03 \"x\" 00 46 01 01 12 01", /* reserved token */
		H12 "6d 7e 01 3e 12 01",                /* not assigned */
		"02 a401 6a 01 \"n\" 6d 44 00 46 01 01 04 00 12 01",
		/* Literal with attributes, with and without content. */
		"02 a401 6a 01 \"n\" 6d c4 00 05 01 46 01 01 84 00 05 01 12 "
		"01",
		/* Unknown code page: all of its tokens. */
		H12 "6d 00 07 46 03 \"x\" 00 01 12 00 00 12 01",
		/* MetInf has no token 0x30. */
		H12 "6d 00 01 70 01 00 00 12 01",
	};
	struct arena *a = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sml_node *root = must_read(a, rows[i], NULL);

		assert_non_null(root->kids);
		assert_int_equal(root->kids->tag, SML_FINAL);
		assert_null(root->kids->next);
	}
}

static void
test_attributes_are_skipped(void **state)
{
	struct arena *a = *state;
	const struct sml_node *root =
	    must_read(a,
		      "02 a401 6a 02 \"ab\" ed 05 85 03 \"v\" 00 83 00 02 41 "
		      "00 03 04 01 c3 03 010101 43 01 d7 06 01 03 \"u\" 00 01 "
		      "92 05 01 01",
		      NULL);

	assert_int_equal(root->kids->tag, SML_LOCURI);
	t_assert_text(root->kids->text, "u");
	assert_int_equal(root->kids->next->tag, SML_FINAL);
	must_fail(a, H12 "ed 40 \"x\" 00 01 01", ERR_PARSE);
	must_fail(a, H12 "ed 80 00 01 01", ERR_PARSE);
	must_fail(a, H12 "ed c1 01 01", ERR_PARSE);
	must_fail(a, H12 "ed 05 c3 09", ERR_PARSE);
	must_fail(a, H12 "ed 05", ERR_PARSE);
}

static void
test_extension_tokens_are_errors(void **state)
{
	static const unsigned char tokens[] = { 0x40, 0x41, 0x42, 0x80, 0x81,
						0x82, 0xC0, 0xC1, 0xC2 };
	struct arena *a = *state;

	for (size_t i = 0; i < sizeof(tokens); i++) {
		struct slice hex = arena_printf(a,
						H12 "6d 4f %02x \"x\" 00 01 "
						    "01",
						tokens[i]);

		must_fail(a, hex.p, ERR_PARSE);
	}
}

static void
test_pages(void **state)
{
	struct arena *a = *state;
	const struct sml_node *root;

	/* A page stays until the next switch, past the element's end. */
	root = must_read(a,
			 H12 "6d 5a 00 01 53 03 \"t\" 00 01 01 "
			     "52 03 \"9\" 00 01 00 00 12 01",
			 NULL);
	assert_int_equal(root->kids->tag, SML_META);
	assert_int_equal(root->kids->kids->tag, SML_MI_TYPE);
	assert_int_equal(root->kids->next->tag, SML_MI_SIZE);
	assert_int_equal(root->kids->next->next->tag, SML_FINAL);
	/* DevInf has one page; others are unknown. */
	root = must_read(a, "02 a403 6a 00 4a 00 01 28 00 00 28 01", NULL);
	assert_int_equal(root->tag, SML_DI_DEVINF);
	assert_int_equal(root->kids->tag, SML_DI_UTC);
	assert_null(root->kids->next);
	must_fail(a, H12 "6d 00", ERR_PARSE);
}

static void
test_the_end(void **state)
{
	struct arena *a = *state;

	/* Garbage behind the root is not looked at. */
	(void)must_read(a, H12 "6d 12 01 ff c3 ff ff", NULL);
	(void)must_read(a, H12 "2d 03", NULL);
	must_fail(a, H12 "6d 12", ERR_PARSE);
	must_fail(a, H12 "6d 6b 12 01", ERR_PARSE);
}

/* Inputs that end or hang other decoders. */
static void
test_crashers(void **state)
{
	struct arena *a = *state;
	struct sml_limits lim = { .depth = 0 };
	struct buf b = BUF_IN(a);
	struct sml_node *root;
	struct sml_doc doc;
	struct err e;

	must_fail(a, "00 10 00 41 c3 00", ERR_PARSE);
	must_fail(a, "02 a401 6a 00 6d 02 8880808000 01", ERR_PARSE);
	/* 200,000 elements inside each other. */
	buf_add(&b, t_bytes(a, H12 "6d"));
	for (int i = 0; i < 200000; i++)
		buf_byte(&b, 0x6A);
	assert_int_equal(
	    sml_read(a, SML_WBXML, buf_slice(&b), &lim, &doc, &root, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	/* 100,000 beside each other: linear, see the benchmark. */
	b = BUF_IN(a);
	buf_add(&b, t_bytes(a, H12 "6d 6b"));
	for (int i = 0; i < 100000; i++)
		buf_add(&b, (struct slice){ "\x46\x01", 2 });
	buf_add(&b, (struct slice){ "\x01\x01", 2 });
	root = t_read(a, SML_WBXML, buf_slice(&b), NULL);
	assert_int_equal(root->kids->last->tag, SML_ALERT);
}

/* ---- limits ----------------------------------------------------------------
 */

static struct slice
nested(struct arena *a, unsigned depth, unsigned char token)
{
	struct buf b = BUF_IN(a);

	buf_add(&b, t_bytes(a, H12 "6d"));
	for (unsigned i = 1; i < depth; i++)
		buf_byte(&b, token);
	for (unsigned i = 0; i < depth; i++)
		buf_byte(&b, 0x01);
	return buf_slice(&b);
}

static enum err_code
code_of(struct arena *a, struct slice body, const struct sml_limits *lim)
{
	struct err e = { .code = ERR_NONE };
	struct sml_node *root;
	struct sml_doc doc;

	if (sml_read(a, SML_WBXML, body, lim, &doc, &root, &e) == 0)
		return ERR_NONE;
	return e.code;
}

static void
test_depth_limit(void **state)
{
	/* SyncBody, and an element that is not known. */
	static const unsigned char tokens[] = { 0x6B, 0x70 };
	struct arena *a = *state;

	for (size_t i = 0; i < sizeof(tokens); i++) {
		for (unsigned d = SML_DEPTH_MAX - 1; d <= SML_DEPTH_MAX + 1;
		     d++)
			assert_int_equal(
			    code_of(a, nested(a, d, tokens[i]), NULL),
			    d <= SML_DEPTH_MAX ? ERR_NONE : ERR_LIMIT);
	}
	assert_int_equal(
	    code_of(a, nested(a, 3, 0x6B), &(struct sml_limits){ .depth = 3 }),
	    ERR_NONE);
	assert_int_equal(
	    code_of(a, nested(a, 4, 0x6B), &(struct sml_limits){ .depth = 3 }),
	    ERR_LIMIT);
}

static void
test_nodes_limit(void **state)
{
	/* Known and unknown elements count alike. */
	static const char kinds[] = { 0x12, 0x30 };
	struct arena *a = *state;

	for (size_t k = 0; k < sizeof(kinds); k++) {
		for (int more = -1; more <= 1; more++) {
			struct buf b = BUF_IN(a);

			buf_add(&b, t_bytes(a, H12 "6d"));
			for (int i = 1; i < SML_NODES_MAX + more; i++)
				buf_byte(&b, (unsigned char)kinds[k]);
			buf_byte(&b, 0x01);
			assert_int_equal(code_of(a, buf_slice(&b), NULL),
					 more <= 0 ? ERR_NONE : ERR_LIMIT);
			arena_reset(a);
		}
	}
}

/* What stands behind the root is not looked at, but was sent. */
static void
pad(struct buf *b, size_t n)
{
	while (b->n < n)
		buf_byte(b, 0);
}

/* A document of `wire` bytes with `text` bytes of text. */
static struct slice
expanding(struct arena *a, size_t wire, size_t text)
{
	enum { LEN = 1000 };
	struct buf b = BUF_IN(a);

	buf_add(&b, t_bytes(a, "02 a401 6a 8768"));
	for (int i = 0; i < LEN; i++)
		buf_byte(&b, 'A');
	buf_add(&b, t_bytes(a, "6d 4f"));
	for (size_t i = 0; i < text / LEN; i++)
		buf_add(&b, (struct slice){ "\x83\0", 2 });
	buf_byte(&b, 0x03);
	for (size_t i = 0; i < text % LEN; i++)
		buf_byte(&b, 'B');
	buf_add(&b, (struct slice){ "\0\x01\x01", 3 });
	assert_true(b.n <= wire);
	pad(&b, wire);
	return buf_slice(&b);
}

static void
test_expansion_limit(void **state)
{
	/* Where the free bytes end, where the ratio counts, and between. */
	static const size_t wire[] = {
		3000,
		SML_EXPANSION_FREE_BYTES / SML_EXPANSION_RATIO_MAX,
		SML_EXPANSION_FREE_BYTES / SML_EXPANSION_RATIO_MAX + 1,
		10000,
	};
	struct arena *a = *state;

	for (size_t i = 0; i < sizeof(wire) / sizeof(wire[0]); i++) {
		size_t most = wire[i] * SML_EXPANSION_RATIO_MAX;

		if (most < SML_EXPANSION_FREE_BYTES)
			most = SML_EXPANSION_FREE_BYTES;
		for (size_t n = most - 1; n <= most + 1; n++)
			assert_int_equal(
			    code_of(a, expanding(a, wire[i], n), NULL),
			    n <= most ? ERR_NONE : ERR_LIMIT);
	}
}

/* Few bytes that refer to one long string again and again. */
static void
test_string_table_bomb(void **state)
{
	enum { LEN = 50000, TIMES = SML_EXPANDED_BYTES_MAX / LEN };
	struct arena *a = *state;

	for (int more = -1; more <= 1; more++) {
		struct buf b = BUF_IN(a);
		char *p;

		buf_add(&b, t_bytes(a, "02 a401 6a 838650")); /* 50,000 */
		p = buf_room(&b, LEN);
		assert_non_null(p);
		memset(p, 'A', LEN);
		buf_add(&b, t_bytes(a, "6d 4f"));
		for (int i = 0; i < TIMES; i++)
			buf_add(&b, (struct slice){ "\x83\0", 2 });
		if (more < 0)
			buf_cut(&b, b.n - 2);
		if (more > 0)
			buf_add(&b, t_bytes(a, "03 \"x\" 00"));
		buf_add(&b, (struct slice){ "\x01\x01", 2 });
		/* Long enough for its ratio not to matter. */
		pad(&b, SML_EXPANDED_BYTES_MAX / SML_EXPANSION_RATIO_MAX);
		assert_int_equal(code_of(a, buf_slice(&b), NULL),
				 more <= 0 ? ERR_NONE : ERR_LIMIT);
		arena_reset(a);
	}
	/* The same inside of an unknown element, which keeps nothing. */
	assert_int_equal(code_of(a,
				 t_bytes(a, "02 a401 6a 03 \"abc\" 6d 70 83 00 "
					    "83 00 01 01"),
				 &(struct sml_limits){ .expanded_bytes = 5 }),
			 ERR_LIMIT);
	assert_int_equal(code_of(a,
				 t_bytes(a, "02 a401 6a 03 \"abc\" 6d 70 83 00 "
					    "83 00 01 01"),
				 &(struct sml_limits){ .expanded_bytes = 6 }),
			 ERR_NONE);
}

static void
test_string_table_limit(void **state)
{
	struct arena *a = *state;

	for (int more = -1; more <= 1; more++) {
		struct buf b = BUF_IN(a);
		unsigned n = (unsigned)(SML_STRTBL_BYTES_MAX + more);
		char *p;

		buf_add(&b, t_bytes(a, "02 a401 6a"));
		buf_byte(&b, (unsigned char)(0x80 | n >> 14));
		buf_byte(&b, (unsigned char)(0x80 | (n >> 7 & 0x7F)));
		buf_byte(&b, (unsigned char)(n & 0x7F));
		p = buf_room(&b, n);
		assert_non_null(p);
		memset(p, 'A', n);
		buf_byte(&b, 0x2D);
		assert_int_equal(code_of(a, buf_slice(&b), NULL),
				 more <= 0 ? ERR_NONE : ERR_LIMIT);
	}
}

/* ISO-8859-1 grows when it is converted: the growth counts. */
static void
test_converted_text_counts(void **state)
{
	struct arena *a = *state;
	struct slice body = t_bytes(a, "02 a401 04 00 6d 57 03 e4e4 00 01 01");

	assert_int_equal(
	    code_of(a, body, &(struct sml_limits){ .expanded_bytes = 4 }),
	    ERR_NONE);
	assert_int_equal(
	    code_of(a, body, &(struct sml_limits){ .expanded_bytes = 3 }),
	    ERR_LIMIT);
}

/* ---- what is written -------------------------------------------------------
 */

static void
test_write_texts(void **state)
{
	struct arena *a = *state;
	struct sml_doc doc = { .enc = SML_WBXML, .version = 12 };
	struct sml_node n = { .tag = SML_DATA };
	struct buf out = BUF_IN(a);

	sml_write(&out, &doc, &n);
	n.text = SLICE_LIT("abc");
	sml_write(&out, &doc, &n);
	n.opaque = true;
	sml_write(&out, &doc, &n);
	n.opaque = false;
	n.text = SLICE_LIT("a\0c");
	sml_write(&out, &doc, &n);
	t_assert_bytes(buf_slice(&out),
		       t_bytes(a, "0f 4f 03 \"abc\" 00 01 4f c3 03 \"abc\" 01 "
				  "4f c3 03 610063 01"));
}

static void
test_write_stands_alone(void **state)
{
	struct arena *a = *state;
	struct sml_doc doc = { .enc = SML_WBXML, .version = 12 };
	struct sml_node *meta = sml_node_new(a, NULL, SML_META);
	struct sml_node odd = { .tag = SML_UNKNOWN };
	struct buf out = BUF_IN(a);

	sml_node_text(a, meta, SML_MI_TYPE, SLICE_LIT("t"));
	sml_write(&out, &doc, meta);
	sml_write(&out, &doc, meta->kids);
	sml_write(&out, &doc, &odd);
	t_assert_bytes(buf_slice(&out),
		       t_bytes(a, "5a 0001 53 03 7400 01 01 0000 "
				  "0001 53 03 7400 01 0000"));
}

/* A tree deeper than any that can be read is refused, not walked into. */
static void
test_write_too_deep(void **state)
{
	struct arena *a = *state;

	for (int enc = 0; enc < 2; enc++) {
		struct sml_doc doc = {
			.enc = enc == 0 ? SML_WBXML : SML_XML,
			.version = 12,
		};
		struct sml_node *top = sml_node_new(a, NULL, SML_ITEM);
		struct sml_node *n = top;
		struct buf out = BUF_IN(a);

		for (int i = 1; i < SML_DEPTH_MAX; i++)
			n = sml_node_new(a, n, SML_ITEM);
		sml_write(&out, &doc, top);
		assert_true(buf_ok(&out));
		for (int i = 0; i < 20; i++)
			n = sml_node_new(a, n, SML_ITEM);
		sml_write(&out, &doc, top);
		assert_false(buf_ok(&out));
	}
}

static void
test_long_numbers(void **state)
{
	static const size_t sizes[] = { 127, 128, 16383, 16384 };
	struct arena *a = *state;
	struct sml_doc doc = { .enc = SML_WBXML, .version = 12 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct sml_node n = { .tag = SML_DATA, .opaque = true };
		struct buf out = BUF_IN(a);
		const struct sml_node *got;

		n.text.p = arena_alloc(a, sizes[i]);
		n.text.n = sizes[i];
		assert_non_null(n.text.p);
		sml_write_open(&out, &doc);
		sml_write(&out, &doc, &n);
		sml_write_end(&out, &doc, SML_SYNCML);
		got = t_read(a, SML_WBXML, buf_slice(&out), NULL)->kids;
		t_assert_bytes(got->text, n.text);
	}
}

static void
test_detect(void **state)
{
	static const struct {
		const char *type;
		const char *body;
		int result; /* -1: neither; else enum sml_enc */
	} rows[] = {
		{ "application/vnd.syncml+xml", "3c", SML_XML },
		{ "application/vnd.syncml+wbxml", "02a401", SML_WBXML },
		/* The bytes are surer than the type. */
		{ "application/vnd.syncml+xml", "02a401", SML_WBXML },
		{ "application/vnd.syncml+wbxml; charset=utf-8", "3c",
		  SML_XML },
		{ "application/vnd.syncml-xml", "20 0a 3c", SML_XML },
		{ "", "efbbbf3c", SML_XML },
		{ "", "003c", SML_XML },
		{ "", "3c00", SML_XML },
		{ "", "fffe3c00", SML_XML },
		{ "", "00 9f53 00", SML_WBXML },
		{ "text/xml", "3c", SML_XML },
		{ "application/octet-stream", "03", SML_WBXML },
		{ "", "", -1 },
		{ "application/vnd.syncml+wbxml", "", SML_WBXML },
		{ "application/vnd.syncml.dm+xml", "3c", -1 },
		{ "application/vnd.syncml.ds.notification", "02", -1 },
		{ "application/x-www-form-urlencoded", "3c", -1 },
		{ "application/vnd.syncml+xml", "7b", -1 },
		{ "text/html", "3c", -1 },
	};
	struct arena *a = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum sml_enc enc = SML_XML;
		bool ok = sml_enc_detect(slice_c(rows[i].type),
					 t_bytes(a, rows[i].body), &enc);

		if (ok != (rows[i].result >= 0) ||
		    (ok && (int)enc != rows[i].result))
			fail_msg("row %zu: %d %d", i, ok, (int)enc);
	}
}

static void
test_message_says_why(void **state)
{
	struct arena *a = *state;
	struct sml_node *root;
	struct sml_doc doc;
	struct err e;

	assert_int_equal(try_read(a, H12 "6d 4f c3 09", &root, &doc, &e), -1);
	assert_string_equal(e.where, "wbxml.read");
	assert_string_equal(e.msg, "a length goes past the end (byte 9)");
}

#define T(f) cmocka_unit_test_setup_teardown(f, t_setup, t_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_golden_read),
		T(test_golden_write),
		T(test_golden_status),
		T(test_golden_devinf),
		T(test_public_ids),
		T(test_headers_accepted),
		T(test_headers_refused),
		T(test_texts),
		T(test_one_token_is_not_copied),
		T(test_charsets),
		T(test_bad_texts),
		T(test_unknown_elements),
		T(test_attributes_are_skipped),
		T(test_extension_tokens_are_errors),
		T(test_pages),
		T(test_the_end),
		T(test_crashers),
		T(test_depth_limit),
		T(test_nodes_limit),
		T(test_expansion_limit),
		T(test_string_table_bomb),
		T(test_string_table_limit),
		T(test_converted_text_counts),
		T(test_write_texts),
		T(test_write_stands_alone),
		T(test_write_too_deep),
		T(test_long_numbers),
		T(test_detect),
		T(test_message_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
