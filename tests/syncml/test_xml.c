/* XML, read and written. */
#include "syncml/msg.h"
#include "tests/syncml/wire.h"

#include <unistd.h>

static struct sml_node *
must_read(struct arena *a, const char *text, struct sml_doc *doc)
{
	return t_read(a, SML_XML, slice_c(text), doc);
}

static enum err_code
code_of(struct arena *a, struct slice body, const struct sml_limits *lim)
{
	struct slice tight = t_tight(body);
	struct err e = { .code = ERR_NONE };
	struct sml_node *root;
	struct sml_doc doc;
	int r = sml_read(a, SML_XML, tight, lim, &doc, &root, &e);

	t_tight_free(tight);
	if (r == 0)
		return ERR_NONE;
	assert_null(root);
	assert_true(strlen(e.msg) > 0);
	return e.code;
}

static struct slice
written(struct arena *a, const struct sml_doc *doc, const struct sml_node *n)
{
	struct buf out = BUF_IN(a);

	sml_write(&out, doc, n);
	assert_true(buf_ok(&out));
	return buf_slice(&out);
}

/* ---- reading ---------------------------------------------------------------
 */

static void
test_versions(void **state)
{
	static const struct {
		const char *text;
		int version;
		bool no_xmlns;
	} rows[] = {
		{ "<SyncML xmlns='SYNCML:SYNCML1.0'/>", 10, false },
		{ "<SyncML xmlns=\"syncml:SYNCML1.1\"/>", 11, false },
		{ "<SyncML xmlns='syncml:syncml1.2'/>", 12, false },
		{ "<SyncML xmlns='SYNCML:SYNCML1.3'/>", 0, false },
		{ "<SyncML xmlns='other'/>", 0, false },
		{ "<SyncML/>", 0, true },
		{ "<s:SyncML xmlns:s='SYNCML:SYNCML1.1'/>", 11, false },
		{ "\xEF\xBB\xBF<SyncML/>", 0, true },
		{ "<?xml version=\"1.0\"?>\n<!-- x -->\n<SyncML/>\n", 0, true },
		{ "<!DOCTYPE SyncML PUBLIC \"-//SYNCML//DTD SyncML 1.1//EN\" "
		  "\"http://dtd.example/x.dtd\"><SyncML/>",
		  0, true },
		{ "<!DOCTYPE SyncML><SyncML/>", 0, true },
	};
	struct arena *a = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sml_doc doc;

		assert_int_equal(must_read(a, rows[i].text, &doc)->tag,
				 SML_SYNCML);
		assert_int_equal(doc.version, rows[i].version);
		assert_int_equal(doc.no_xmlns, rows[i].no_xmlns);
	}
}

/* With prefixes, with the right namespaces, without: one and the same. */
static void
test_namespaces_do_not_matter(void **state)
{
	static const char *const forms[] = {
		"<SyncML xmlns='SYNCML:SYNCML1.1'><Item><Meta>"
		"<Size xmlns='syncml:metinf'>7</Size>"
		"<Anchor xmlns='syncml:metinf'><Next>1</Next></Anchor></Meta>"
		"<Data><DevInf xmlns='syncml:devinf'><CTCap><Size>9</Size>"
		"</CTCap></DevInf></Data></Item></SyncML>",
		"<SyncML><Item><Meta><Size>7</Size><Anchor><Next>1</Next>"
		"</Anchor></Meta><Data><DevInf><CTCap><Size>9</Size></CTCap>"
		"</DevInf></Data></Item></SyncML>",
		"<s:SyncML xmlns:s='SYNCML:SYNCML1.1' xmlns:m='syncml:metinf' "
		"xmlns:d='syncml:devinf'><s:Item><s:Meta><m:Size>7</m:Size>"
		"<m:Anchor><m:Next>1</m:Next></m:Anchor></s:Meta><s:Data>"
		"<d:DevInf><d:CTCap><d:MaxSize>9</d:MaxSize></d:CTCap>"
		"</d:DevInf></s:Data></s:Item></s:SyncML>",
		/* A prefix that was never declared. */
		"<SyncML><Item><Meta><m:Size>7</m:Size><m:Anchor><m:Next>1"
		"</m:Next></m:Anchor></Meta><Data><DevInf><CTCap>"
		"<Size unit='x'>9</Size></CTCap></DevInf></Data></Item>"
		"</SyncML>",
	};
	struct arena *a = *state;
	const struct sml_node *first = must_read(a, forms[0], NULL);
	const struct sml_node *item = first->kids;

	assert_int_equal(sml_kid(item, SML_META)->kids->tag, SML_MI_SIZE);
	assert_int_equal(sml_kid(item, SML_DATA)->kids->kids->kids->tag,
			 SML_DI_SIZE);
	for (size_t i = 1; i < sizeof(forms) / sizeof(forms[0]); i++)
		t_assert_same_tree(a, first, must_read(a, forms[i], NULL));
}

static struct slice
data_of(struct arena *a, const char *inner, struct sml_doc *doc)
{
	struct slice text = arena_printf(
	    a, "<SyncML><Item><Data>%s</Data></Item></SyncML>", inner);

	return must_read(a, text.p, doc)->kids->kids->text;
}

static void
test_texts(void **state)
{
	struct arena *a = *state;
	struct sml_doc doc;

	t_assert_text(data_of(a, "", NULL), "");
	t_assert_text(data_of(a, " a  b ", NULL), " a  b ");
	t_assert_text(data_of(a, "&lt;a&gt; &amp;&quot;&apos;", NULL),
		      "<a> &\"'");
	t_assert_text(data_of(a, "a&#13;&#10;b&#xE9;", NULL), "a\r\nb\xC3\xA9");
	t_assert_text(data_of(a, "a\r\nb\rc\nd", &doc), "a\nb\nc\nd");
	assert_false(doc.cdata);
	t_assert_text(data_of(a, "a<![CDATA[<b>&amp;]]]]><![CDATA[>]]>c", &doc),
		      "a<b>&amp;]]>c");
	assert_true(doc.cdata);
	t_assert_text(data_of(a, "x<!-- no -->y<?pi no?>z", NULL), "xyz");
	t_assert_text(data_of(a, "a<Email>in<b/></Email>b", NULL), "ab");
	/* CDATA elsewhere is no wish for CDATA in items. */
	(void)must_read(a,
			"<SyncML><Cred><Data><![CDATA[x]]></Data></Cred>"
			"</SyncML>",
			&doc);
	assert_false(doc.cdata);
}

/* Pieces of several elements' texts in turn: the copies stay linear. */
static void
test_interleaved_texts(void **state)
{
	enum { TIMES = 20000 };
	struct arena *a = *state;
	struct buf b = BUF_IN(a);
	const struct sml_node *data;
	size_t before;

	buf_str(&b, "<SyncML><Data>");
	for (int i = 0; i < TIMES; i++)
		buf_str(&b, "a&amp;b<LocURI>c&lt;d</LocURI>");
	buf_str(&b, "</Data></SyncML>");
	before = arena_used(a);
	data = t_read(a, SML_XML, buf_slice(&b), NULL)->kids;
	assert_int_equal(data->text.n, 3 * TIMES);
	t_assert_text(slice_sub(data->text, 0, 6), "a&ba&b");
	t_assert_text(data->last->text, "c<d");
	/* Nodes, and at most four times the text. */
	assert_true(arena_used(a) - before <
		    TIMES * (sizeof(struct sml_node) + 16) + 4 * b.n);
}

static void
test_unknown_elements(void **state)
{
	struct arena *a = *state;
	const struct sml_node *root =
	    must_read(a,
		      "<SyncML><x><Final/><y>t<Final/></y></x>"
		      "<Ghost/><Final></Final><Item xml:lang='en'/></SyncML>",
		      NULL);

	assert_int_equal(root->kids->tag, SML_FINAL);
	assert_int_equal(root->kids->next->tag, SML_ITEM);
	assert_null(root->kids->next->next);
}

/* The same document, in another encoding. */
static struct slice
widen(struct arena *a, const char *text, bool big, bool mark)
{
	struct buf b = BUF_IN(a);

	if (mark)
		buf_str(&b, big ? "\xFE\xFF" : "\xFF\xFE");
	for (; *text != '\0'; text++) {
		if (big)
			buf_byte(&b, 0);
		buf_byte(&b, (unsigned char)*text);
		if (!big)
			buf_byte(&b, 0);
	}
	return buf_slice(&b);
}

static void
test_encodings(void **state)
{
	static const char latin1[] =
	    "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>"
	    "<SyncML><Item><Data>\xFC\xE4<![CDATA[\xF6]]></Data></Item>"
	    "</SyncML>";
	static const char wide[] =
	    "<?xml version=\"1.0\" encoding=\"UTF-16\"?>"
	    "<SyncML><Item><Data>\xFC\xE4</Data></Item></SyncML>";
	struct arena *a = *state;
	const struct sml_node *root = must_read(a, latin1, NULL);

	t_assert_text(root->kids->kids->text, "\xC3\xBC\xC3\xA4\xC3\xB6");
	for (int i = 0; i < 2; i++) {
		root = t_read(a, SML_XML, widen(a, wide, i == 1, true), NULL);
		t_assert_text(root->kids->kids->text, "\xC3\xBC\xC3\xA4");
	}
}

/*
 * The pieces in which the parser is fed must not show. In CDATA the push
 * parser leaves CR LF as it was sent, which is what the lengths that clients
 * announce are counted from; in other text it is folded, as XML says.
 */
static void
test_long_documents(void **state)
{
	static const char *const heads[] = {
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
		"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>",
	};
	struct arena *a = *state;

	for (int kind = 0; kind < 4; kind++) {
		struct buf b = BUF_IN(a);
		struct buf want = BUF_IN(a);
		const struct sml_node *item;
		const char *u = kind % 2 == 0 ? "\xE2\x82\xAC" : "\xA4";
		const char *wu = kind % 2 == 0 ? "\xE2\x82\xAC" : "\xC2\xA4";

		buf_str(&b, heads[kind % 2]);
		buf_str(&b, "<SyncML><Item><Data>");
		if (kind >= 2)
			buf_str(&b, "<![CDATA[");
		for (int i = 0; i < 30000; i++) {
			buf_printf(&b, "%d%s\r\n", i, u);
			buf_printf(&want, "%d%s%s\n", i, wu,
				   kind >= 2 ? "\r" : "");
		}
		buf_str(&b, kind >= 2 ? "]]></Data></Item>" : "</Data></Item>");
		for (int i = 0; i < 5000; i++)
			buf_printf(&b, "<Item><Data>%d</Data></Item>", i);
		buf_str(&b, "</SyncML>");
		item = t_read(a, SML_XML, buf_slice(&b), NULL)->kids;
		t_assert_bytes(item->kids->text, buf_slice(&want));
		for (int i = 0; i < 5000; i++) {
			int64_t v;

			item = item->next;
			assert_true(slice_i64(item->kids->text, &v));
			assert_int_equal(v, i);
		}
		arena_reset(a);
	}
}

static void
test_malformed(void **state)
{
	static const char *const rows[] = {
		"",
		" ",
		"x",
		"<",
		"<SyncML",
		"<SyncML>",
		"<SyncML><Item></SyncML>",
		"<SyncML></SyncML><SyncML/>",
		"<SyncML/>x",
		"<Other/>",
		"<SyncML><Data>\xFC</Data></SyncML>",
		"<SyncML><Data><![CDATA[\xFC]]></Data></SyncML>",
		"<SyncML><Data><![CDATA[x</Data></SyncML>",
		"<SyncML><Data>\x01</Data></SyncML>",
		"<SyncML><Data>&#1;</Data></SyncML>",
		"<SyncML><Data>&nbsp;</Data></SyncML>",
		"<SyncML><Data>a & b</Data></SyncML>",
		"<SyncML><Data>]]></Data></SyncML>",
		"<SyncML a='1' a='2'/>",
		"<?xml version=\"1.0\" encoding=\"x-nothing\"?><SyncML/>",
		"<?xml version=\"1.0\" encoding=\"UTF-7\"?><SyncML/>",
		"<?xml version=\"1.0\" encoding=\"UTF-7\"?>+ADw-SyncML/>",
		"<?xml version=\"1.0\" encoding=\"ISO-2022-JP\"?><SyncML/>",
		"<?xml version=\"1.0\" encoding=\"IBM037\"?><SyncML/>",
		/* Declarations: none, whatever they say. */
		"<!DOCTYPE SyncML []><SyncML/>",
		"<!DOCTYPE SyncML [<!ENTITY x 'y'>]><SyncML>&x;</SyncML>",
		"<!DOCTYPE SyncML [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"
		"<SyncML><Data>&x;</Data></SyncML>",
		"<!DOCTYPE SyncML SYSTEM 'http://dtd.example/' "
		"[<!ENTITY % p SYSTEM 'http://dtd.example/'> %p;]><SyncML/>",
		"<!DOCTYPE SyncML SYSTEM 'http://dtd.example/'>"
		"<SyncML><Data>&x;</Data></SyncML>",
		"<!DOCTYPE SyncML SYSTEM 'http://dtd.example/'>"
		"<SyncML><Data a='&x;'>z</Data></SyncML>",
	};
	struct arena *a = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (code_of(a, slice_c(rows[i]), NULL) != ERR_PARSE)
			fail_msg("not refused: %s", rows[i]);
	}
	assert_int_equal(
	    code_of(a, (struct slice){ "<SyncML>\0</SyncML>", 18 }, NULL),
	    ERR_PARSE);
}

/* ---- what is mended ------------------------------------------------------ */

/* R-HTTP-3: a document that does not read is cleaned once. The Data of its
   command; NULL: it is refused all the same. */
static void
test_mended(void **state)
{
	static const struct {
		const char *type; /* parameters of the header */
		const char *decl, *data;
		size_t tail; /* octets of NUL behind all */
		const char *is;
	} rows[] = {
		{ "", "",
		  "a\x0B"
		  "b",
		  0, "a b" },
		{ "", "", "a&#11;b&#x1F;c&#0;d", 0, "a b c d" },
		{ "", "", "a&#xD800;b&#xFFFE;c&#1114112;d", 0, "a b c d" },
		{ "", "", "\x0B&#10;&#xfc;", 0, " \n\xC3\xBC" },
		{ "", "", "M\xFCller", 0, "M\xC3\xBCller" },
		{ "", "<?xml version='1.0' encoding='UTF-8'?>",
		  "M\xFCller \xC3\xBC", 0, "M\xC3\xBCller \xC3\xBC" },
		{ "; charset=ISO-8859-2", "", "Wa\xB3\xEAsa", 0,
		  "Wa\xC5\x82\xC4\x99sa" },
		{ "; charset=\"windows-1251\"",
		  "<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "\xC8\xE2", 0,
		  "\xD0\x98\xD0\xB2" },
		/* The declaration comes before the header. */
		{ "; charset=ISO-8859-2",
		  "<?xml version='1.0' encoding='iso-8859-1'?>", "\x0B\xB3", 0,
		  " \xC2\xB3" },
		{ "; charset=ISO-8859-2", "", "\xC5\x82", 0, "\xC5\x82" },
		{ "; charset=ISO-2022-JP", "", "\xFC", 0, "\xC3\xBC" },
		{ "; charset='?><!--", "", "\xFC", 0, "\xC3\xBC" },
		{ "; charset=utf-16", "", "\xFC", 0, "\xC3\xBC" },
		{ "", "", "x", 1, "x" },
		{ "", "", "x", 3, "x" },
		{ "", "\r\n<?xml version='1.0'?>", "x", 0, "x" },
		{ "", "", "<![CDATA[\x0B&#11;\xFC]]>&#11;", 0,
		  " &#11;\xC3\xBC " },
		{ "", "", "\xEF\xBF\xBE\x01", 0, "  " },
		{ "", "", "\xED\xA0\x80", 0, "\xC3\xAD\xC2\xA0\xC2\x80" },
		/* Nothing is guessed, and nothing let in. */
		{ "", "", "&#11", 0, NULL },
		{ "", "", "&#;", 0, NULL },
		{ "", "", "\x0B&nbsp;", 0, NULL },
		{ "", "",
		  "\x0B"
		  "a & b",
		  0, NULL },
		{ "", "", "\x0B</Data>", 0, NULL },
		{ "", "<!DOCTYPE x [<!ENTITY y 'z'>]>", "\x0B&y;", 0, NULL },
		{ "", "<?xml version='1.0' encoding='UTF-7'?>", "\x0B", 0,
		  NULL },
	};
	struct arena *a = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = { .code = ERR_NONE };
		struct sml_msg *m = NULL;
		struct buf b = BUF_IN(a);
		struct slice tight;
		int r;

		buf_printf(&b,
			   "%s<SyncML><SyncHdr/><SyncBody><Alert><Item><Data>"
			   "%s</Data></Item></Alert></SyncBody></SyncML>",
			   rows[i].decl, rows[i].data);
		for (size_t k = 0; k < rows[i].tail; k++)
			buf_byte(&b, 0);
		tight = t_tight(buf_slice(&b));
		r = sml_msg_read_mended(
		    a, arena_printf(a, "text/xml%s", rows[i].type), tight, &m,
		    &e);
		t_tight_free(tight);
		if (r != (rows[i].is == NULL ? -1 : i == 9 ? 0 : 1))
			fail_msg("row %zu: %d %s", i, r, e.msg);
		if (r < 0)
			assert_int_equal(e.code, ERR_PARSE);
		else if (!slice_is(m->cmds[0].items[0].data, rows[i].is))
			fail_msg("row %zu: %.*s", i,
				 SLICE_ARG(m->cmds[0].items[0].data));
	}
}

/* Any octet anywhere: the second reading never takes what is no document, and
   what reads at first is not touched. */
static void
test_mended_everywhere(void **state)
{
	static const char good[] =
	    "<?xml version='1.0'?><SyncML><SyncHdr/><SyncBody><Alert><Item>"
	    "<Data>a&#10;b</Data></Item></Alert></SyncBody></SyncML>";
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t at = 0; at < sizeof(good) - 1; at++) {
		for (unsigned c = 0; c < 256; c += c < 32 || c > 247 ? 1 : 5) {
			struct err e = { .code = ERR_NONE };
			struct sml_msg *m = NULL;
			struct slice s;
			char *text;

			arena_reset(a);
			text = arena_cstr(a, slice_c(good));
			text[at] = (char)c;
			s = (struct slice){ text, sizeof(good) - 1 };
			if (sml_msg_read_mended(a, SLICE_LIT(""), s, &m, &e) <
			    0)
				assert_true(e.code == ERR_PARSE && m == NULL);
			else
				assert_int_equal(m->cmd_n, 1);
		}
	}
	arena_free(&a);
}

static void
test_message_says_why(void **state)
{
	struct arena *a = *state;
	struct sml_node *root;
	struct sml_doc doc;
	struct err e;

	assert_int_equal(sml_read(a, SML_XML,
				  SLICE_LIT("<SyncML>\n<Item>\n</SyncML>"),
				  NULL, &doc, &root, &e),
			 -1);
	assert_string_equal(e.where, "xml.read");
	assert_non_null(strstr(e.msg, "not well-formed XML, line 3: "));
	assert_null(strchr(e.msg, '\n'));
}

/* A stranger's document prints nothing: the errors go to the caller. */
static void
test_nothing_is_printed(void **state)
{
	/* UTF-16 with half a surrogate pair: fails in the converter. */
	static const char half[] = "\xFE\xFF\0<\0S\xD8\x02\0x\0>";
	struct arena *a = *state;
	FILE *f = tmpfile();
	int saved = dup(STDERR_FILENO);
	enum err_code code[2];
	long n;

	assert_non_null(f);
	(void)fflush(stderr);
	assert_true(dup2(fileno(f), STDERR_FILENO) >= 0);
	code[0] = code_of(a, (struct slice){ half, sizeof(half) - 1 }, NULL);
	code[1] = code_of(a, SLICE_LIT("<SyncML><b></SyncML>"), NULL);
	(void)fflush(stderr);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	(void)close(saved);
	(void)fseek(f, 0, SEEK_END);
	n = ftell(f);
	(void)fclose(f);
	assert_int_equal(n, 0);
	assert_int_equal(code[0], ERR_PARSE);
	assert_int_equal(code[1], ERR_PARSE);
}

/* ---- limits ----------------------------------------------------------------
 */

static struct slice
nested(struct arena *a, int depth, const char *name)
{
	struct buf b = BUF_IN(a);

	buf_str(&b, "<SyncML>");
	for (int i = 1; i < depth; i++)
		buf_printf(&b, "<%s>", name);
	for (int i = 1; i < depth; i++)
		buf_printf(&b, "</%s>", name);
	buf_str(&b, "</SyncML>");
	return buf_slice(&b);
}

static void
test_depth_limit(void **state)
{
	static const char *const names[] = { "Item", "nobody" };
	struct arena *a = *state;

	for (size_t i = 0; i < 2; i++) {
		for (int d = SML_DEPTH_MAX - 1; d <= SML_DEPTH_MAX + 1; d++)
			assert_int_equal(
			    code_of(a, nested(a, d, names[i]), NULL),
			    d <= SML_DEPTH_MAX ? ERR_NONE : ERR_LIMIT);
		assert_int_equal(code_of(a, nested(a, 100000, names[i]), NULL),
				 ERR_LIMIT);
	}
}

static void
test_nodes_limit(void **state)
{
	struct arena *a = *state;

	for (int more = -1; more <= 1; more++) {
		struct buf b = BUF_IN(a);

		buf_str(&b, "<SyncML>");
		for (int i = 1; i < SML_NODES_MAX + more; i++)
			buf_str(&b, i % 2 == 0 ? "<x/>" : "<Final/>");
		buf_str(&b, "</SyncML>");
		assert_int_equal(code_of(a, buf_slice(&b), NULL),
				 more <= 0 ? ERR_NONE : ERR_LIMIT);
		arena_reset(a);
	}
}

static void
test_text_limit(void **state)
{
	struct arena *a = *state;

	for (int more = -1; more <= 1; more++) {
		struct buf b = BUF_IN(a);
		size_t n = (size_t)(SML_EXPANDED_BYTES_MAX + more);
		char *p;

		buf_str(&b, "<SyncML><Data>");
		p = buf_room(&b, n);
		assert_non_null(p);
		memset(p, 'A', n);
		buf_str(&b, "</Data></SyncML>");
		assert_int_equal(code_of(a, buf_slice(&b), NULL),
				 more <= 0 ? ERR_NONE : ERR_LIMIT);
		arena_reset(a);
	}
	assert_int_equal(code_of(a, SLICE_LIT("<SyncML><x>abc</x></SyncML>"),
				 &(struct sml_limits){ .expanded_bytes = 2 }),
			 ERR_LIMIT);
}

/*
 * What costs the parser the square of its length is cut off before: a tag
 * with very many attributes or namespaces.
 */
static void
test_many_attributes(void **state)
{
	static const struct {
		int n;
		bool namespaces;
		enum err_code code;
	} rows[] = {
		{ 64, false, ERR_NONE },      { 65, false, ERR_LIMIT },
		{ 100000, false, ERR_LIMIT }, { 16, true, ERR_NONE },
		{ 17, true, ERR_LIMIT },      { 100000, true, ERR_LIMIT },
	};
	struct arena *a = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf b = BUF_IN(a);

		buf_str(&b, "<SyncML");
		for (int k = 0; k < rows[i].n; k++) {
			buf_str(&b, rows[i].namespaces ? " xmlns:" : " ");
			buf_printf(&b, "a%d='x'", k);
		}
		buf_str(&b, "/>");
		assert_int_equal(code_of(a, buf_slice(&b), NULL), rows[i].code);
		arena_reset(a);
	}
}

static void
test_truncated_everywhere(void **state)
{
	struct arena *a = *state;
	struct sml_node *root;
	struct sml_doc doc;
	struct buf out = BUF_IN(a);
	struct err e;

	assert_int_equal(sml_msg_write(a, t_message(a, SML_XML, 12), &out, &e),
			 0);
	for (size_t n = 0; n < out.n; n++) {
		struct arena *b = arena_new(SML_ARENA_BYTES_MAX);
		struct slice cut = t_tight(slice_sub(buf_slice(&out), 0, n));

		assert_int_equal(
		    sml_read(b, SML_XML, cut, NULL, &doc, &root, &e), -1);
		assert_int_equal(e.code, ERR_PARSE);
		t_tight_free(cut);
		arena_free(&b);
	}
}

/* ---- writing ---------------------------------------------------------------
 */

static void
test_write_document(void **state)
{
	struct arena *a = *state;
	struct sml_doc doc = { .enc = SML_XML, .version = 11 };
	struct sml_node *meta = sml_node_new(a, NULL, SML_META);
	struct sml_node *mem = sml_node_new(a, meta, SML_MI_MEM);
	struct buf out = BUF_IN(a);

	(void)sml_node_new(a, mem, SML_MI_SHAREDMEM);
	sml_node_text(a, mem, SML_MI_FREEID, SLICE_LIT("7"));
	sml_node_text(a, meta, SML_MI_TYPE, SLICE_LIT("a&b"));
	sml_write_open(&out, &doc);
	sml_write(&out, &doc, meta);
	sml_write_body(&out, &doc);
	sml_write_close(&out, &doc, true);
	t_assert_text(buf_slice(&out),
		      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
		      "<SyncML xmlns='SYNCML:SYNCML1.1'><Meta>"
		      "<Mem xmlns='syncml:metinf'><SharedMem/><FreeID>7"
		      "</FreeID></Mem><Type xmlns='syncml:metinf'>a&amp;b"
		      "</Type></Meta><SyncBody><Final/></SyncBody></SyncML>");
	out = BUF_IN(a);
	doc.no_xmlns = true;
	sml_write_open(&out, &doc);
	sml_write_body(&out, &doc);
	sml_write_close(&out, &doc, false);
	t_assert_text(buf_slice(&out),
		      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
		      "<SyncML><SyncBody></SyncBody></SyncML>");
}

/* Item/Data with this text, as bytes. */
static struct slice
item_data(struct arena *a, struct slice text, bool cdata)
{
	struct sml_doc doc = { .enc = SML_XML, .version = 12, .cdata = cdata };
	struct sml_node *item = sml_node_new(a, NULL, SML_ITEM);
	struct slice s;

	sml_node_text(a, item, SML_DATA, text);
	s = written(a, &doc, item);
	assert_true(slice_starts(s, "<Item><Data>"));
	assert_true(slice_ends(s, "</Data></Item>"));
	return slice_sub(s, 12, s.n - 12 - 14);
}

static void
test_write_item_data(void **state)
{
	struct arena *a = *state;
	struct sml_doc doc = { .enc = SML_XML, .version = 12 };
	struct sml_node uri = { .tag = SML_LOCURI,
				.text = SLICE_INIT("a<b>\r\n&c") };

	t_assert_text(item_data(a, SLICE_LIT("a<b>\r\n&c\td"), false),
		      "a&lt;b&gt;\r\n&amp;c\td");
	t_assert_text(item_data(a, SLICE_LIT("a<b>\r\n&c\td"), true),
		      "<![CDATA[a<b>\r\n&c\td]]>");
	t_assert_text(item_data(a, SLICE_LIT("plain"), true), "plain");
	t_assert_text(item_data(a, SLICE_LIT("]]>]]>\n]]"), true),
		      "<![CDATA[]]]]><![CDATA[>]]]]><![CDATA[>\n]]]]>");
	t_assert_text(item_data(a, SLICE_LIT("]]>"), false), "]]&gt;");
	t_assert_text(written(a, &doc, &uri),
		      "<LocURI>a&lt;b&gt;\r\n&amp;c</LocURI>");
	/* What XML cannot say. */
	for (int cdata = 0; cdata < 2; cdata++) {
		t_assert_text(item_data(a,
					SLICE_LIT("a\0\1\x0B\x1F\x7F"
						  "b"),
					cdata != 0),
			      "a\x7F"
			      "b");
		t_assert_text(item_data(a,
					SLICE_LIT("\xFC|\xC3|\xED\xA0\x80|"
						  "\xEF\xBF\xBE|\xC3\xBC"),
					cdata != 0),
			      "\xEF\xBF\xBD|\xEF\xBF\xBD|\xEF\xBF\xBD\xEF\xBF"
			      "\xBD\xEF\xBF\xBD|\xEF\xBF\xBD|\xC3\xBC");
	}
}

/* Any text comes back, to the octet but for folded line ends. */
static void
test_item_data_comes_back(void **state)
{
	static const char *const parts[] = { "]]>",      "]",    ">",  "<",
					     "&",        "\r\n", "\n", "a",
					     "\xC3\xBC", "\r",   "\t" };
	enum { N = sizeof(parts) / sizeof(parts[0]) };
	struct arena *a = *state;

	for (unsigned i = 0; i < N * N * N; i++) {
		struct buf text = BUF_IN(a);
		struct slice doc;

		buf_str(&text, parts[i % N]);
		buf_str(&text, parts[i / N % N]);
		buf_str(&text, parts[i / N / N]);
		doc = item_data(a, buf_slice(&text), false);
		t_assert_bytes(data_of(a, arena_cstr(a, doc), NULL),
			       sml_xml_folded(a, buf_slice(&text)));
		doc = item_data(a, buf_slice(&text), true);
		t_assert_bytes(data_of(a, arena_cstr(a, doc), NULL),
			       buf_slice(&text));
	}
}

static void
test_write_devinf_names(void **state)
{
	struct arena *a = *state;
	struct sml_doc doc = { .enc = SML_XML, .version = 12 };
	struct sml_node *data = sml_node_new(a, NULL, SML_DATA);
	struct sml_node *d = sml_node_new(a, data, SML_DI_DEVINF);
	struct buf out = BUF_IN(a);

	sml_node_text(a, d, SML_DI_SIZE, SLICE_LIT("9"));
	t_assert_text(written(a, &doc, data),
		      "<Data><DevInf xmlns='syncml:devinf'><MaxSize>9"
		      "</MaxSize></DevInf></Data>");
	doc.version = 11;
	t_assert_text(written(a, &doc, data),
		      "<Data><DevInf xmlns='syncml:devinf'><Size>9"
		      "</Size></DevInf></Data>");
	sml_write_devinf(&out, &doc, d);
	t_assert_text(buf_slice(&out),
		      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
		      "<DevInf xmlns='syncml:devinf'><Size>9</Size></DevInf>");
}

#define T(f) cmocka_unit_test_setup_teardown(f, t_setup, t_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_versions),
		T(test_namespaces_do_not_matter),
		T(test_texts),
		T(test_interleaved_texts),
		T(test_unknown_elements),
		T(test_encodings),
		T(test_long_documents),
		T(test_malformed),
		T(test_message_says_why),
		T(test_mended),
		T(test_mended_everywhere),
		T(test_nothing_is_printed),
		T(test_depth_limit),
		T(test_nodes_limit),
		T(test_text_limit),
		T(test_many_attributes),
		T(test_truncated_everywhere),
		T(test_write_document),
		T(test_write_item_data),
		T(test_item_data_comes_back),
		T(test_write_devinf_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
