/* Mail: its head, its forms, cutting, merging. */
#include "pim/mail.h"
#include "pim/mime.h"
#include "tests/pim/core_help.h"

#include <string.h>

#define MULTI                                                                  \
	"From: =?utf-8?Q?J=C3=BCrgen?= <J@Example.com>\r\n"                    \
	"To: b@example.com\r\n"                                                \
	"Subject: =?iso-8859-1?q?Gr=FC=DFe?= =?UTF-8?B?IHVuZCBtZWhy?=\r\n"     \
	"Date: Tue, 12 May 2009 08:29:00 +0200\r\n"                            \
	"Message-ID: <one@example.com>\r\n"                                    \
	"MIME-Version: 1.0\r\n"                                                \
	"Content-Type: multipart/mixed;\r\n boundary=\"b-1\"\r\n\r\n"          \
	"preamble\r\n"                                                         \
	"--b-1\r\nContent-Type: multipart/alternative; boundary=b-2\r\n\r\n"   \
	"--b-2\r\nContent-Type: text/plain\r\n\r\nHello ]]> you\r\n"           \
	"--b-2\r\nContent-Type: text/html\r\n\r\n<p>Hello</p>\r\n"             \
	"--b-2--\r\n"                                                          \
	"--b-1\r\nContent-Type: image/jpeg; name=\"old.jpg\"\r\n"              \
	"Content-Transfer-Encoding: base64\r\n"                                \
	"Content-Disposition: attachment;"                                     \
	" filename*=utf-8''%C3%84pfel.jpg\r\n\r\n"                             \
	"QUJDREVGR0g=\r\n"                                                     \
	"--b-1\r\nContent-Type: text/plain\r\n"                                \
	"Content-Disposition: attachment; filename*0=long;"                    \
	" filename*1=name.txt\r\n\r\nlines\r\n"                                \
	"--b-1--\r\nepilogue\r\n"

static struct pim_item *
mail(struct arena *a, const char *text)
{
	struct pim_item *it = NULL;

	assert_int_equal(
	    pim_mail_item(a, slice_c(text), (int64_t)strlen(text), &it, NULL),
	    0);
	return it;
}

static struct pim_item *
stored(struct arena *a, const struct pim_item *it)
{
	struct pim_item *back;
	struct slice canon;

	assert_int_equal(pim_canon(a, it, &canon, NULL), 0);
	assert_int_equal(pim_parse(a, it->kind, canon, &back, NULL), 0);
	return back;
}

static void
head(void **state)
{
	struct arena *a = *state;
	struct pim_item *it = mail(a, MULTI);
	struct pim_ids ids;
	struct pim_ids back_ids;
	const struct pim_mail *m;
	struct pim_item *back;

	it->mail->flags = PIM_MAIL_READ | PIM_MAIL_FLAGGED;
	it->mail->received_ms = INT64_C(1242109800000);
	back = stored(a, it);
	m = back->mail;
	assert_true(slice_is(m->from, "j@example.com"));
	assert_true(slice_is(m->to, "b@example.com"));
	assert_true(slice_is(m->subject, "Gr\xC3\xBC\xC3\x9F"
					 "e und mehr"));
	assert_true(slice_is(m->message_id, "one@example.com"));
	assert_true(m->date_ms == INT64_C(1242109740000));
	assert_true(m->received_ms == INT64_C(1242109800000));
	assert_int_equal(m->flags, PIM_MAIL_READ | PIM_MAIL_FLAGGED);
	assert_true(m->size == (int64_t)strlen(MULTI) && m->held == m->size);
	assert_int_equal(m->attach_n, 2);
	assert_true(slice_is(m->attach[0].name, "\xC3\x84pfel.jpg"));
	assert_true(slice_is(m->attach[0].type, "image/jpeg"));
	assert_true(m->attach[0].size == 8);
	assert_true(slice_is(m->attach[1].name, "longname.txt"));
	assert_true(m->bytes.p == NULL);
	/* what it is does not change by being stored; its flags count */
	assert_int_equal(pim_identify(a, it, &ids, NULL), 0);
	assert_int_equal(pim_identify(a, back, &back_ids, NULL), 0);
	assert_true(ids.h_content == back_ids.h_content && ids.h_uid != 0 &&
		    ids.h_uid == back_ids.h_uid &&
		    ids.h_identity == back_ids.h_identity);
	assert_true(ids.span.set && ids.span.from_ms == ids.span.to_ms);
	assert_true(pim_same(a, it, back));
	back->mail->flags = 0;
	assert_false(pim_same(a, it, back));
	assert_int_equal(pim_score(a, it, back), 100);
	assert_true(slice_starts(pim_title(a, it), "j@example.com: Gr"));
}

/* Whatever the bytes: a head, and nothing in it that is no line of text. */
static void
broken(void **state)
{
	static const char *const texts[] = {
		"",
		"\r\n",
		"no header at all",
		"Subject: =?utf-8?Q?=0D=0Aflags: read?=\r\n\r\n",
		"Subject: =?utf-8?B?!!!?= =?x?Q? =?utf-8?Q?=?=\r\n\r\n",
		"Subject: =?iso-8859-6?q?=00=41?=\r\n\r\n",
		"Subject: \xFF\xFE\r\nFrom: <\r\nMessage-ID: >\r\n\r\n",
		"Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n",
		"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a",
		"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a--\r\n--a",
		"Content-Type: a/b; name*0*=%; name*1*='\r\n\r\nx",
		"Content-Type: a/b; =; ;;name\r\n\r\nx",
		"Date: 99 Foo 1 1:1\r\n\r\n",
		"Date: Tue, 31 Feb 2009 25:00:00 +9999\r\n\r\n",
	};
	struct arena *a = *state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct pim_item *it = mail(a, texts[i]);
		struct pim_item *back = stored(a, it);

		assert_int_equal(back->mail->flags, 0);
		assert_true(back->mail->date_ms == 0);
		assert_true(pim_same(a, it, back));
		assert_true(slice_find(it->mail->subject, '\n') == SIZE_MAX);
	}
}

/* Parts and depth have limits; what is beyond is no crash and no part. */
static void
many_parts(void **state)
{
	struct arena *a = *state;
	struct buf b = BUF_IN(a);
	struct pim_part *part;
	size_t n;

	buf_str(&b, "Content-Type: multipart/mixed; boundary=x\r\n\r\n");
	for (int i = 0; i < PIM_MAIL_PARTS_MAX + 100; i++)
		buf_str(&b, "--x\r\nContent-Type: a/b; name=n\r\n\r\ny\r\n");
	assert_int_equal(pim_mime_parts(a, buf_slice(&b), &part, &n), 0);
	assert_int_equal(n, PIM_MAIL_PARTS_MAX);
	b = BUF_IN(a);
	for (int i = 0; i < PIM_MAIL_DEPTH_MAX + 20; i++)
		buf_printf(&b,
			   "Content-Type: multipart/mixed; boundary=x%d\r\n\r\n"
			   "--x%d\r\n",
			   i, i);
	assert_int_equal(pim_mime_parts(a, buf_slice(&b), &part, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(part[0].depth, PIM_MAIL_DEPTH_MAX);
	assert_true(mail(a, b.p)->mail->attach_n <= PIM_MAIL_ATTACH_MAX);
}

static struct slice
written(struct arena *a, const struct pim_view *v, const struct pim_item *it)
{
	struct buf b = BUF_IN(a);

	assert_int_equal(pim_write(a, v, it, &b, NULL), 0);
	return buf_slice(&b);
}

static void
holds(struct slice s, const char *text)
{
	if (slice_find_str(s, text) == SIZE_MAX)
		fail_msg("no \"%s\" in %.*s", text, SLICE_ARG(s));
}

static void
holds_not(struct slice s, const char *text)
{
	if (slice_find_str(s, text) != SIZE_MAX)
		fail_msg("\"%s\" in %.*s", text, SLICE_ARG(s));
}

/* Both forms bring back what went out. */
static void
round_trips(void **state)
{
	static const enum pim_form forms[] = { PIM_EMAIL, PIM_RFC822 };
	static const char *const texts[] = {
		MULTI,
		"Subject: x\r\n\r\n]]>]]>\r\n&amp;<b>\r\n",
		"Subject: x\r\n\r\n8 bit \xFF\x01 and more",
		"Subject: x\r\n\r\n",
	};
	struct arena *a = *state;

	for (size_t i = 0; i < 8; i++) {
		struct pim_view v = { .form = forms[i % 2] };
		struct pim_item *it = mail(a, texts[i / 2]);
		struct pim_item *back;

		it->mail->flags = PIM_MAIL_REPLIED;
		it->mail->received_ms = 1000;
		assert_int_equal(
		    pim_read(a, &v, v.form, written(a, &v, it), &back, NULL),
		    0);
		assert_true(slice_eq(back->mail->bytes, it->mail->bytes));
		assert_int_equal(back->mail->flags, PIM_MAIL_REPLIED);
		assert_true((back->mail->said & PIM_MAIL_REPLIED) != 0);
		assert_true(v.form == PIM_RFC822 ||
			    back->mail->received_ms == 1000);
		assert_true(pim_same(a, it, back));
	}
}

/* The object as Funambol's clients write it. */
static void
email_object(void **state)
{
	struct arena *a = *state;
	struct pim_view v = { .form = PIM_EMAIL };
	struct pim_item *it = t_read(
	    a, &v, PIM_EMAIL,
	    SLICE_LIT("<?xml version=\"1.0\"?>\n<Email>\n<read>true</read>"
		      "<!-- x --><forwarded>false</forwarded>"
		      "<received>20090512T063000Z</received>"
		      "<emailitem enc='quoted-printable'><![CDATA[\n"
		      "From: a@example.com\nSubject: Hi=20there\n\n"
		      "soft=\nbreak]]></emailitem>"
		      "<Ext><XNam>x</XNam><XVal>1</XVal></Ext></Email>"));

	assert_int_equal(it->mail->flags, PIM_MAIL_READ);
	assert_int_equal(it->mail->said, PIM_MAIL_READ | PIM_MAIL_FORWARDED);
	assert_true(it->mail->received_ms == INT64_C(1242109800000));
	assert_true(slice_is(it->mail->bytes, "From: a@example.com\r\n"
					      "Subject: Hi there\r\n\r\n"
					      "softbreak"));
	/* escaped instead of CDATA, and base64 */
	it = t_read(a, &v, PIM_EMAIL,
		    SLICE_LIT("<Email><emailitem>Subject: &lt;&#228;&amp;"
			      "&#x26;&nope;\n\nx</emailitem></Email>"));
	assert_true(slice_is(it->mail->subject, "<\xC3\xA4&&&nope;"));
	assert_int_equal(it->mail->said, 0);
	it = t_read(a, &v, PIM_EMAIL,
		    SLICE_LIT("<Email><emailitem enc=\"base64\">U3ViamVjdDog\n"
			      "eA0KDQp5</emailitem></Email>"));
	assert_true(slice_is(it->mail->bytes, "Subject: x\r\n\r\ny"));
	/* flags alone */
	it = t_read(a, &v, PIM_EMAIL,
		    SLICE_LIT("<Email><read>1</read></Email>"));
	assert_true(it->mail->bytes.p == NULL);
	assert_true(slice_is(written(a, &v, stored(a, it)),
			     "<Email><read>true</read>"
			     "<forwarded>false</forwarded>"
			     "<replied>false</replied>"
			     "<flagged>false</flagged></Email>"));
}

static void
no_object(void **state)
{
	static const char *const texts[] = {
		"",
		"<",
		"<Email",
		"<Mail></Mail>",
		"<!DOCTYPE x [<!ENTITY a 'b'>]><Email/>",
	};
	struct arena *a = *state;
	struct pim_view v = { .form = PIM_EMAIL };
	struct pim_item *it;
	struct err e;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(
		    pim_read(a, &v, PIM_EMAIL, slice_c(texts[i]), &it, &e), -1);
		assert_int_equal(e.code, ERR_PARSE);
	}
	assert_int_equal(
	    pim_parse(a, PIM_MAIL, SLICE_LIT("subject x\n"), &it, &e), -1);
	assert_int_equal(e.code, ERR_PARSE);
}

static void
cutting(void **state)
{
	struct arena *a = *state;
	struct pim_view v = { .form = PIM_EMAIL };
	struct pim_item *it = mail(a, MULTI);
	struct pim_item *back;
	struct slice s;

	/* everything */
	s = written(a, &v, it);
	holds(s, "<XNam>x-funambol-size</XNam>");
	holds(s, "QUJDREVGR0g=");
	holds_not(s, "x-funambol-body");
	holds_not(s, "x-funambol-attach");
	/* headers */
	v.mail.parts = PIM_MAIL_HEADERS;
	s = written(a, &v, it);
	holds(s, "Message-ID");
	holds_not(s, "preamble");
	holds(s, "<XNam>x-funambol-body</XNam>");
	holds(s, "<XNam>x-funambol-attach-n</XNam><XVal>2</XVal>");
	holds(s, "<XVal>\xC3\x84pfel.jpg</XVal><XVal>8</XVal>"
		 "<XVal>image/jpeg</XVal>");
	/* text: MIME that still holds together */
	v.mail.parts = PIM_MAIL_TEXT;
	s = written(a, &v, it);
	holds(s, "<p>Hello</p>");
	holds_not(s, "QUJDREVGR0g=");
	assert_int_equal(pim_read(a, &v, PIM_EMAIL, s, &back, NULL), 0);
	assert_int_equal(back->mail->attach_n, 0);
	holds(back->mail->bytes, "--b-2--\r\n--b-1--\r\nepilogue");
	/* small attachments only */
	v.mail.parts = PIM_MAIL_ALL;
	v.mail.attach = 7;
	s = written(a, &v, it);
	holds_not(s, "QUJDREVGR0g=");
	holds(s, "lines");
	holds(s, "<XNam>x-funambol-attach-n</XNam><XVal>1</XVal>");
	/* so many bytes */
	v.mail.attach = 0;
	v.mail.bytes = 10;
	s = written(a, &v, it);
	holds(s, "<![CDATA[From: =?ut]]>");
	/* a message that is one attachment keeps its header */
	it = mail(a, "Content-Type: application/pdf\r\n\r\n%PDF");
	v.mail = (struct pim_mail_cut){ .parts = PIM_MAIL_TEXT };
	s = written(a, &v, it);
	holds(s, "application/pdf");
	holds_not(s, "%PDF");
	/* the plain form says it in a field */
	v.form = PIM_RFC822;
	holds(written(a, &v, it), "X-Sync-Message-Size: 37\r\n");
	/* another cut is another view */
	pim_view_seal(&v);
	back = NULL;
	{
		struct pim_view all = v;

		all.mail.parts = PIM_MAIL_ALL;
		pim_view_seal(&all);
		assert_true(all.id != v.id);
	}
}

static void
folder(void **state)
{
	struct arena *a = *state;
	struct pim_view v = { .form = PIM_OFOLDER };
	struct pim_item *it =
	    t_read(a, &v, PIM_OFOLDER,
		   SLICE_LIT("<Folder><name>In &amp; out</name>"
			     "<role>inbox</role></Folder>"));
	struct pim_item *back = stored(a, it);

	assert_true(back->kind == PIM_FOLDER &&
		    slice_is(back->folder->name, "In & out"));
	assert_true(slice_is(written(a, &v, back),
			     "<Folder><name>In &amp; out</name>"
			     "<role>inbox</role></Folder>"));
	assert_int_equal(pim_score(a, it, back), 100);
}

static unsigned
merged(struct arena *a, unsigned was, unsigned now, unsigned inc, unsigned said,
       bool base, struct pim_merged *out)
{
	struct pim_item *x = mail(a, MULTI);
	struct pim_item *y = mail(a, MULTI);
	struct pim_item *z = mail(a, MULTI);
	const struct pim_item *list[1] = { x };
	struct pim_merge in = { .current = y,
				.incoming = z,
				.base = list,
				.base_n = base ? 1 : 0 };

	x->mail->flags = was;
	y->mail->flags = now;
	z->mail->flags = inc;
	z->mail->said = said;
	assert_int_equal(pim_merge(a, &in, out, NULL), 0);
	return out->item->mail->flags;
}

static void
merging(void **state)
{
	enum { R = PIM_MAIL_READ, F = PIM_MAIL_FLAGGED, P = PIM_MAIL_REPLIED };
	struct arena *a = *state;
	struct pim_merged m;

	/* each side changed another flag */
	assert_int_equal(merged(a, 0, F, R, 31, true, &m), R | F);
	assert_true(m.differs_current && m.differs_incoming && m.clashes == 0);
	/* unread again by the device; the server's is as it was */
	assert_int_equal(merged(a, R, R, 0, 31, true, &m), 0);
	/* of what it does not speak nothing is deleted */
	assert_int_equal(merged(a, P, P, R, R, true, &m), R | P);
	assert_false(m.differs_incoming);
	/* ... but the device is told what changed elsewhere of it */
	assert_int_equal(merged(a, 0, F, R, R, true, &m), R | F);
	assert_true(m.differs_incoming);
	/* nothing known: what either set is set */
	assert_int_equal(merged(a, 0, R, P, 31, false, &m), R | P);
	assert_int_equal(merged(a, 0, R, R, 31, true, &m), R);
	assert_false(m.differs_current || m.differs_incoming);
}

static void
detected(void **state)
{
	(void)state;
	assert_int_equal(pim_detect(SLICE_LIT("BEGIN:VCARD\r\n"),
				    SLICE_LIT("message/rfc822")),
			 PIM_RFC822);
	assert_int_equal(pim_detect(SLICE_LIT("Subject: x\r\n\r\n"),
				    SLICE_LIT("text/message")),
			 PIM_RFC822);
	assert_int_equal(
	    pim_detect(SLICE_LIT("<Email>"),
		       SLICE_LIT("application/vnd.omads-email+xml")),
	    PIM_EMAIL);
	assert_int_equal(pim_form_default(PIM_MAIL), PIM_EMAIL);
}

static int
setup(void **state)
{
	*state = arena_new(T_ARENA_BYTES);
	return *state == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	struct arena *a = *state;

	arena_free(&a);
	return 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(head),         T(broken),
		T(many_parts),   T(round_trips),
		T(email_object), T(no_object),
		T(cutting),      T(folder),
		T(merging),      cmocka_unit_test(detected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
