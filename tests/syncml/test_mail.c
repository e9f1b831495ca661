/*
 * Mail: what a device sees of a mirrored mailbox, what it may change, and what
 * is noted to be done at the server for it.
 */
#include "backends/fault.h"
#include "pim/mail.h"
#include "tests/syncml/phone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define DAY_MS INT64_C(86400000)

static struct phone one, two;
static struct bench bench;

enum { INBOX, SENT, DRAFTS, OUTBOX, BOXES, ALL = BOXES, COLLECTIONS };
static int64_t box[COLLECTIONS];

static struct store_tx *
begin(enum store_mode mode)
{
	struct store_tx *tx;
	struct err e;

	assert_int_equal(bench.store->v->begin(bench.store, bench.account, mode,
					       bench.now, &tx, &e),
			 0);
	return tx;
}

static void
commit(struct store_tx *tx)
{
	struct err e;

	assert_int_equal(tx->v->commit(&tx, &e), 0);
}

/* A mailbox of four folders, and a database that shows them all. */
static void
make_boxes(void)
{
	static const struct {
		const char *name, *display;
		enum store_mail_role role;
	} boxes[BOXES] = {
		{ "mail", "Mail", STORE_MAIL_INBOX },
		{ "mail/Sent", "Sent mail", STORE_MAIL_SENT },
		{ "mail/Drafts", "Drafts", STORE_MAIL_DRAFTS },
		{ "mail/Outbox", "Outbox", STORE_MAIL_OUTBOX },
	};
	struct store_tx *tx = begin(STORE_WRITE);
	struct store_collection all = {
		.name = SLICE_LIT("mailbox"),
		.display = SLICE_LIT("Mailbox"),
		.kinds = PIM_MAIL,
		.member_n = BOXES,
	};
	struct err e;

	for (int i = 0; i < BOXES; i++)
		all.member[i] = box[i] = bench_folder(
		    tx, boxes[i].name, boxes[i].display, boxes[i].role);
	all.id = box[ALL] = tx->next_id++;
	assert_int_equal(tx->v->collection_put(tx, &all, &e), 0);
	commit(tx);
}

static int
set_up(void **state)
{
	(void)state;
	bench_open(&bench);
	make_boxes();
	phone_init(&one, &bench, "IMEI:1");
	phone_init(&two, &bench, "IMEI:2");
	one.db = two.db = "mail";
	one.type = two.type = "application/vnd.omads-email+xml";
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	bench_close(&bench);
	return 0;
}

/* ---- the mirror's part
 * ------------------------------------------------------- */

static const char *
message(const char *id, const char *subject, const char *more)
{
	return arena_printf(bench.a,
			    "From: a@example.com\r\nTo: anna@example.com\r\n"
			    "Subject: %s\r\nMessage-ID: <%s@example.com>\r\n"
			    "Date: Thu, 1 Jan 2026 10:00:00 +0000\r\n%s\r\n"
			    "Text of %s.\r\n",
			    subject, id, more == NULL ? "" : more, subject)
	    .p;
}

static void
put_head(struct store_tx *tx, struct store_write *w, const struct pim_item *it)
{
	struct pim_ids ids;
	struct err e;

	assert_int_equal(pim_canon(bench.a, it, &w->body, &e), 0);
	assert_int_equal(pim_identify(bench.a, it, &ids, &e), 0);
	w->kind = PIM_MAIL;
	w->uid = ids.uid;
	w->h_uid = ids.h_uid;
	w->h_content = ids.h_content;
	w->h_identity = ids.h_identity;
	w->span = (struct store_span){ ids.span.set, ids.span.from_ms,
				       ids.span.to_ms };
	w->origin = STORE_BY_MAILBOX;
	assert_int_equal(tx->v->item_put(tx, w, 1, &e), 0);
}

/* A mail that came `days` ago. */
static int64_t
deliver(int where, const char *text, unsigned flags, int days)
{
	struct store_tx *tx = begin(STORE_WRITE);
	struct store_write w = { .item = tx->next_id++,
				 .create = true,
				 .collection = box[where],
				 .revision = 1 };
	const struct store_mail_body body = { w.item, true, slice_c(text) };
	struct pim_item *it;
	struct err e;

	assert_int_equal(
	    pim_mail_item(bench.a, body.bytes, (int64_t)body.bytes.n, &it, &e),
	    0);
	it->mail->flags = flags;
	it->mail->received_ms = bench.now - days * DAY_MS;
	put_head(tx, &w, it);
	assert_int_equal(tx->v->mail->body_put(tx, &body, 1, &e), 0);
	commit(tx);
	return w.item;
}

static struct store_item
head_of(int64_t item)
{
	struct store_tx *tx = begin(STORE_READ);
	struct store_item *it;
	struct err e;
	size_t n;

	assert_int_equal(
	    tx->v->item_get(tx, bench.a, &item, 1, true, &it, &n, &e), 0);
	assert_int_equal(n, 1);
	tx->v->rollback(&tx);
	return it[0];
}

static unsigned
flags_of(int64_t item)
{
	struct store_item head = head_of(item);
	struct pim_item *it;
	struct err e;

	assert_false(head.deleted);
	assert_int_equal(pim_parse(bench.a, PIM_MAIL, head.body, &it, &e), 0);
	return it->mail->flags;
}

/* Somebody else changed them at IMAP; -1: the mail is gone there. */
static void
at_imap(int64_t item, int flags)
{
	struct store_item head = head_of(item);
	struct store_tx *tx = begin(STORE_WRITE);
	struct store_write w = { .item = item,
				 .collection = head.collection,
				 .revision = head.last_revision + 1,
				 .old_size = head.size,
				 .kind = PIM_MAIL,
				 .deleted = flags < 0,
				 .origin = STORE_BY_MAILBOX };
	struct pim_item *it;
	struct err e;

	if (flags < 0) {
		assert_int_equal(tx->v->item_put(tx, &w, 1, &e), 0);
	} else {
		assert_int_equal(
		    pim_parse(bench.a, PIM_MAIL, head.body, &it, &e), 0);
		it->mail->flags = (unsigned)flags;
		put_head(tx, &w, it);
	}
	commit(tx);
}

static struct store_mail_effect *
effects(size_t *n)
{
	struct store_tx *tx = begin(STORE_READ);
	struct store_mail_effect *f;
	struct err e;

	assert_int_equal(
	    tx->v->mail->effect_list(tx, bench.a, 0, 100, &f, n, &e), 0);
	tx->v->rollback(&tx);
	return f;
}

static struct store_mail_effect
only_effect(enum store_effect_what what)
{
	size_t n;
	struct store_mail_effect *f = effects(&n);

	assert_int_equal(n, 1);
	assert_int_equal(f->what, what);
	assert_int_equal(f->state, STORE_EFFECT_QUEUED);
	return *f;
}

static size_t
effects_n(void)
{
	size_t n;

	(void)effects(&n);
	return n;
}

static struct slice
body_of(int64_t item)
{
	struct store_tx *tx = begin(STORE_READ);
	struct store_mail_body *b;
	struct err e;
	size_t n;

	assert_int_equal(
	    tx->v->mail->body_get(tx, bench.a, &item, 1, 0, &b, &n, &e), 0);
	tx->v->rollback(&tx);
	return n == 0 ? (struct slice){ NULL, 0 } : b->bytes;
}

static void
sound(void)
{
	struct slice *finding;
	struct err e;
	size_t n;

	assert_int_equal(
	    bench.store->v->check(bench.store, bench.a, &finding, &n, &e), 0);
	if (n > 0)
		fail_msg("%.*s", SLICE_ARG(finding[0]));
}

static const char *
email(const char *flags, const char *text)
{
	if (text == NULL)
		return arena_printf(bench.a, "<Email>%s</Email>", flags).p;
	return arena_printf(bench.a,
			    "<Email>%s<emailitem><![CDATA[%s]]></emailitem>"
			    "</Email>",
			    flags, text)
	    .p;
}

static void
quiet(struct phone *p)
{
	assert_true(phone_sync(p, 200));
	assert_int_equal(p->alert, 200);
	assert_int_equal(p->bad_status, 0);
	assert_int_equal(p->got_add + p->got_replace + p->got_delete, 0);
}

static void
holds(const struct phone_item *it, const char *text)
{
	assert_non_null(it);
	if (slice_find_str(it->body, text) == SIZE_MAX)
		fail_msg("no %s in %.*s", text, SLICE_ARG(it->body));
}

/* ---- what it gets
 * --------------------------------------------------------------- */

static void
the_first_sync(void **state)
{
	struct phone_item *it;

	(void)state;
	(void)deliver(INBOX, message("1", "First", NULL), 0, 2);
	(void)deliver(INBOX, message("2", "Second", NULL), PIM_MAIL_READ, 1);
	(void)deliver(SENT, message("3", "Elsewhere", NULL), 0, 1);
	assert_true(phone_sync(&one, 201));
	assert_int_equal(one.got_add, 2);
	it = phone_find(&one, "Subject: First");
	holds(it, "<read>false</read>");
	holds(it, "<received>20251230T000000Z</received>");
	holds(it, "Text of First.");
	holds(phone_find(&one, "Subject: Second"), "<read>true</read>");
	quiet(&one);
	/* slow again: each is found by its Message-ID, none is sent twice */
	assert_true(phone_sync(&one, 201));
	assert_int_equal(one.got_add + one.got_replace + one.got_delete, 0);
	assert_int_equal(phone_live(&one), 2);
	assert_int_equal(effects_n(), 0);
	quiet(&one);
	sound();
}

static void
flags_come_alone(void **state)
{
	int64_t id;

	(void)state;
	id = deliver(INBOX, message("1", "First", NULL), 0, 1);
	assert_true(phone_sync(&one, 201));
	at_imap(id, PIM_MAIL_READ | PIM_MAIL_FLAGGED);
	assert_true(phone_sync(&one, 200));
	assert_int_equal(one.got_replace, 1);
	holds(phone_find(&one, "<read>true"), "<flagged>true</flagged>");
	assert_null(phone_find(&one, "emailitem"));
	quiet(&one);
	at_imap(id, -1);
	assert_true(phone_sync(&one, 200));
	assert_int_equal(one.got_delete, 1);
	assert_int_equal(effects_n(), 0);
	quiet(&one);
}

static void
a_large_one_comes_in_pieces(void **state)
{
	enum { BYTES = 300000 };
	char *big = arena_alloc(bench.a, BYTES + 1);
	struct slice bytes;

	(void)state;
	memset(big, 'x', BYTES);
	for (int i = 70; i < BYTES; i += 72)
		memcpy(big + i, "\r\n", 2);
	bytes = slice_c(
	    arena_printf(bench.a, "%s%s", message("1", "Big", NULL), big).p);
	(void)deliver(INBOX, bytes.p, 0, 1);
	one.max_msg = 20000;
	assert_true(phone_sync(&one, 201));
	assert_int_equal(one.got_add, 1);
	/* XML folds its line ends. */
	assert_true(one.item[0].body.n > BYTES - BYTES / 72);
	assert_true(slice_ends(one.item[0].body, "</Ext></Email>"));
	quiet(&one);
}

static void
as_the_message_itself(void **state)
{
	int64_t id;
	struct phone_item *it;

	(void)state;
	one.type = "message/rfc822";
	/* what it sends tells what it likes */
	one.db = "mail/Drafts";
	(void)phone_add(&one, message("1", "Draft", NULL));
	id = deliver(DRAFTS, message("2", "Other", "X: \xFF\r\n"),
		     PIM_MAIL_DRAFT, 1);
	assert_true(phone_sync(&one, 201));
	it = phone_find(&one, "Subject: Other");
	if (it == NULL) /* no text: in base64 */
		assert_int_equal(one.got_add, 1);
	assert_true(slice_eq(body_of(only_effect(STORE_EFFECT_APPEND).item),
			     slice_c(message("1", "Draft", NULL))));
	it = phone_find(&one, "Subject: Draft");
	phone_edit(it,
		   arena_printf(bench.a, "X-Sync-Message-Flagged: true\r\n%s",
				message("1", "Draft", NULL))
		       .p,
		   &one);
	assert_true(phone_sync(&one, 200));
	assert_int_equal(effects_n(), 2);
	assert_int_equal(flags_of(id), PIM_MAIL_DRAFT);
	quiet(&one);
}

/* ---- windows
 * -------------------------------------------------------------------- */

static void
set_link(const char *dev, int64_t days, int64_t count, int64_t parts,
	 int64_t bytes)
{
	struct store_tx *tx = begin(STORE_WRITE);
	struct store_device *d;
	struct store_link *l;
	struct err e;
	size_t n;

	assert_int_equal(tx->v->device_get(tx, bench.a, slice_c(dev), &d, &e),
			 0);
	assert_int_equal(tx->v->link_list(tx, bench.a, d->id, &l, &n, &e), 0);
	assert_int_equal(n, 1);
	l[0].past_days = days;
	l[0].mail_count = count;
	l[0].mail_parts = parts;
	l[0].mail_bytes = bytes;
	assert_int_equal(tx->v->link_put(tx, &l[0], &e), 0);
	commit(tx);
}

static void
windows(void **state)
{
	int64_t old;

	(void)state;
	old = deliver(INBOX, message("1", "Old", NULL), 0, 40);
	(void)deliver(INBOX, message("2", "Week", NULL), 0, 5);
	(void)deliver(INBOX, message("3", "New", NULL), 0, 1);
	assert_true(phone_sync(&one, 201));
	assert_int_equal(one.got_add, 3);
	set_link("IMEI:1", 30, 0, 0, 0);
	assert_true(phone_sync(&one, 200));
	assert_int_equal(one.got_delete, 1);
	assert_null(phone_find(&one, "Subject: Old"));
	set_link("IMEI:1", 30, 1, 0, 0);
	assert_true(phone_sync(&one, 200));
	assert_int_equal(one.got_delete, 1);
	assert_non_null(phone_find(&one, "Subject: New"));
	quiet(&one);
	/* a newer one takes the place */
	(void)deliver(INBOX, message("4", "Newest", NULL), 0, 0);
	assert_true(phone_sync(&one, 200));
	assert_int_equal(one.got_add, 1);
	assert_int_equal(one.got_delete, 1);
	quiet(&one);
	set_link("IMEI:1", 0, 0, 0, 0);
	assert_true(phone_sync(&one, 200));
	assert_int_equal(one.got_add, 3);
	/* nothing of it was anybody's deletion */
	assert_int_equal(effects_n(), 0);
	assert_int_equal(flags_of(old), 0);
	sound();
}

static void
parts_of_each(void **state)
{
	(void)state;
	assert_true(phone_sync(&one, 201));
	set_link("IMEI:1", 0, 0, PIM_MAIL_HEADERS, 0);
	(void)deliver(INBOX, message("1", "Cut", NULL), 0, 1);
	assert_true(phone_sync(&one, 200));
	holds(phone_find(&one, "Subject: Cut"), "x-funambol-body");
	assert_null(phone_find(&one, "Text of Cut"));
	set_link("IMEI:1", 0, 0, PIM_MAIL_ALL, 40);
	(void)deliver(INBOX, message("2", "Short", NULL), 0, 1);
	assert_true(phone_sync(&one, 200));
	holds(phone_find(&one, "To: anna@example.co]]>"), "x-funambol-size");
	quiet(&one);
}

static const char *
fields(const char *terms, const char *property)
{
	const char *record =
	    terms[0] == '\0'
		? ""
		: arena_printf(bench.a,
			       "<Record><Item><Meta><Type xmlns="
			       "'syncml:metinf'>syncml:filtertype-cgi"
			       "</Type></Meta><Data><![CDATA[%s]]></Data>"
			       "</Item></Record>",
			       terms)
		      .p;
	const char *field =
	    property[0] == '\0'
		? ""
		: arena_printf(bench.a,
			       "<Field><Item><Meta><Type xmlns='syncml:metinf'>"
			       "application/vnd.syncml-devinf+xml</Type></Meta>"
			       "<Data>%s</Data></Item></Field>",
			       property)
		      .p;

	return arena_printf(bench.a,
			    "<Filter><Meta><Type xmlns='syncml:metinf'>"
			    "application/vnd.omads-email+xml</Type></Meta>%s%s"
			    "<FilterType>INCLUSIVE</FilterType></Filter>",
			    field, record)
	    .p;
}

#define PROPERTY(more)                                                         \
	"<Property xmlns='syncml:devinf'><PropName>emailitem</PropName>" more  \
	"</Property>"

/* The mirror has a part of it only. */
static void
cut_at_the_mirror(int64_t id)
{
	struct store_item head = head_of(id);
	struct store_tx *tx = begin(STORE_WRITE);
	struct store_write w = { .item = id,
				 .collection = head.collection,
				 .revision = head.last_revision + 1,
				 .old_size = head.size };
	struct pim_item *it;
	struct err e;

	assert_int_equal(pim_parse(bench.a, PIM_MAIL, head.body, &it, &e), 0);
	it->mail->size += 1000;
	put_head(tx, &w, it);
	commit(tx);
}

static const char *
named(const struct phone_item *it)
{
	return arena_printf(bench.a, "&LUID;&EQ;%s", it->luid).p;
}

/* As Funambol's clients ask: the header first, then all of one of them. */
static void
the_rest_of_one(void **state)
{
	int64_t id;

	(void)state;
	id = deliver(INBOX, message("1", "First", NULL), 0, 1);
	(void)deliver(INBOX, message("2", "Second", NULL), 0, 1);
	one.filter = fields("", PROPERTY(""));
	assert_true(phone_sync(&one, 201));
	assert_int_equal(one.got_add, 2);
	assert_null(phone_find(&one, "Text of First"));
	quiet(&one);
	one.filter =
	    fields(named(phone_find(&one, "Subject: First")),
		   PROPERTY("<PropParam><ParamName>attachtype</ParamName>"
			    "</PropParam>"));
	assert_true(phone_sync(&one, 200));
	assert_int_equal(one.got_replace, 1);
	assert_int_equal(one.got_add + one.got_delete, 0);
	assert_non_null(phone_find(&one, "Text of First"));
	assert_null(phone_find(&one, "Text of Second"));
	assert_int_equal(effects_n(), 0);
	/* with all of it in the mirror nothing is fetched, else it is */
	cut_at_the_mirror(id);
	one.filter = fields(named(phone_find(&one, "Subject: Second")), "");
	assert_true(phone_sync(&one, 200));
	assert_non_null(phone_find(&one, "Text of Second"));
	assert_int_equal(effects_n(), 0);
	one.filter = fields(named(phone_find(&one, "Subject: First")), "");
	assert_true(phone_sync(&one, 200));
	assert_int_equal(only_effect(STORE_EFFECT_FETCH).item, id);
	sound();
}

/* The mirror has all of it now. */
static void
whole_in_the_mirror(int64_t id)
{
	struct store_item head = head_of(id);
	struct store_mail_effect f = only_effect(STORE_EFFECT_FETCH);
	struct store_tx *tx = begin(STORE_WRITE);
	struct store_write w = { .item = id,
				 .collection = head.collection,
				 .revision = head.last_revision + 1,
				 .old_size = head.size };
	struct store_mail_body body = { .item = id, .whole = true };
	struct pim_item *it;
	struct err e;

	assert_int_equal(pim_parse(bench.a, PIM_MAIL, head.body, &it, &e), 0);
	body.bytes = arena_printf(bench.a, "%s%0*d",
				  message("1", "First", NULL), 1000, 7);
	it->mail->size = it->mail->held = (int64_t)body.bytes.n;
	put_head(tx, &w, it);
	assert_int_equal(tx->v->mail->body_put(tx, &body, 1, &e), 0);
	f.state = STORE_EFFECT_DONE;
	f.next_ms = INT64_MAX;
	assert_int_equal(tx->v->mail->effect_set(tx, &f, 1, &e), 0);
	commit(tx);
}

/* What is fetched meanwhile is owed; all else waits for a sync of its own. */
static void
the_rest_comes(void **state)
{
	struct phone_item *it;
	int64_t id;

	(void)state;
	assert_true(phone_sync(&one, 201));
	id = deliver(INBOX, message("1", "First", NULL), 0, 1);
	(void)deliver(INBOX, message("2", "Second", NULL), 0, 1);
	cut_at_the_mirror(id);
	set_link("IMEI:1", 0, 0, PIM_MAIL_HEADERS, 0);
	assert_true(phone_sync(&one, 200));
	quiet(&one);
	it = phone_find(&one, "Subject: First");
	one.filter = fields(named(it), "");
	(void)deliver(INBOX, message("3", "Third", NULL), 0, 1);
	assert_true(phone_sync(&one, 200));
	assert_int_equal(only_effect(STORE_EFFECT_FETCH).item, id);
	assert_int_equal(one.got_add + one.got_replace + one.got_delete, 0);
	one.filter = NULL;
	whole_in_the_mirror(id);
	assert_true(phone_sync(&one, 200));
	assert_int_equal(one.got_add, 1);
	assert_int_equal(one.got_replace, 1);
	holds(it, "Text of First");
	holds(it, "00007]]>");
	assert_null(phone_find(&one, "Text of Second"));
	assert_null(phone_find(&one, "Text of Third"));
	quiet(&one);
	/* It has more than its window shows: that is not taken away. */
	at_imap(id, PIM_MAIL_READ);
	assert_true(phone_sync(&one, 200));
	assert_int_equal(one.got_replace, 1);
	holds(it, "<read>true</read>");
	assert_true(slice_find_str(it->body, "<emailitem") == SIZE_MAX);
	quiet(&one);
	sound();
}

#define ATTACHED                                                               \
	"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"   \
	"\r\n--b\r\n\r\nInside\r\n--b\r\nContent-Type: image/png\r\n"          \
	"Content-Disposition: attachment\r\n\r\nPICTURE\r\n--b--\r\n"

/* What was cut and is shown now comes; what gains nothing does not. */
static void
a_wider_window(void **state)
{
	int64_t id;

	(void)state;
	assert_true(phone_sync(&one, 201));
	(void)deliver(INBOX, message("1", "Plain", NULL), 0, 1);
	id = deliver(INBOX, message("2", "Picture", ATTACHED), 0, 1);
	(void)deliver(INBOX, message("3", "Old", NULL), 0, 40);
	set_link("IMEI:1", 30, 0, PIM_MAIL_HEADERS, 0);
	assert_true(phone_sync(&one, 200));
	assert_int_equal(one.got_add, 2);
	quiet(&one);
	set_link("IMEI:1", 30, 0, PIM_MAIL_TEXT, 0);
	assert_true(phone_sync(&one, 200));
	assert_int_equal(one.got_replace, 2);
	assert_int_equal(one.got_add + one.got_delete, 0);
	assert_non_null(phone_find(&one, "Text of Plain"));
	assert_non_null(phone_find(&one, "Inside"));
	assert_null(phone_find(&one, "PICTURE"));
	quiet(&one);
	set_link("IMEI:1", 30, 0, PIM_MAIL_ALL, 0);
	assert_true(phone_sync(&one, 200));
	assert_int_equal(one.got_replace, 1);
	assert_non_null(phone_find(&one, "PICTURE"));
	quiet(&one);
	/* A narrower one takes nothing away, now or with the next flag. */
	set_link("IMEI:1", 30, 0, PIM_MAIL_TEXT, 20);
	quiet(&one);
	at_imap(id, PIM_MAIL_READ);
	assert_true(phone_sync(&one, 200));
	assert_int_equal(one.got_replace, 1);
	assert_null(
	    phone_find(&one, "<emailitem><![CDATA[From: a@example.com]"));
	quiet(&one);
	/* And nothing that it has comes again. */
	set_link("IMEI:1", 30, 0, PIM_MAIL_TEXT, 0);
	assert_true(phone_sync(&one, 200));
	assert_int_equal(one.got_add + one.got_delete, 0);
	sound();
}

/* Text and so many octets; and what is no such filter. */
static void
parts_asked_for(void **state)
{
	(void)state;
	(void)deliver(INBOX, message("1", "First", NULL), 0, 1);
	one.filter =
	    fields("", PROPERTY("<MaxSize>21</MaxSize><PropParam><ParamName>"
				"texttype</ParamName></PropParam>"));
	assert_true(phone_sync(&one, 201));
	holds(&one.item[0], "<![CDATA[From: a@example.com");
	assert_null(phone_find(&one, "To: anna"));
	one.filter = fields("FROM&CON;example&AND;READ&EQ;false", "");
	assert_true(phone_sync(&one, 200));
	assert_int_equal(phone_live(&one), 1);
	two.filter = fields("SUBJECT&EQ;other", "");
	assert_true(phone_sync(&two, 201));
	assert_int_equal(two.got_add, 0);
	two.filter = fields("", "<Property xmlns='syncml:devinf'><PropName>"
				"nothing</PropName></Property>");
	(void)phone_sync(&two, 200);
	assert_int_equal(two.alert_status, 406);
}

/* ---- what it changes
 * ---------------------------------------------------------------- */

static void
read_on_the_device(void **state)
{
	struct store_mail_effect f;
	int64_t id;

	(void)state;
	id = deliver(INBOX, message("1", "First", NULL), PIM_MAIL_FLAGGED, 1);
	assert_true(phone_sync(&one, 201));
	assert_true(phone_sync(&two, 201));
	phone_edit(&one.item[0],
		   email("<read>true</read><replied>true</replied>", NULL),
		   &one);
	assert_true(phone_sync(&one, 200));
	assert_int_equal(one.bad_status, 0);
	assert_int_equal(flags_of(id),
			 PIM_MAIL_FLAGGED | PIM_MAIL_READ | PIM_MAIL_REPLIED);
	f = only_effect(STORE_EFFECT_FLAGS);
	assert_true(f.item == id && f.collection == box[INBOX] &&
		    f.flags_on == (PIM_MAIL_READ | PIM_MAIL_REPLIED) &&
		    f.flags_off == 0);
	assert_true(slice_is(f.message_id, "1@example.com"));
	/* its bytes are as they were, and the other device hears of it */
	assert_true(
	    slice_eq(body_of(id), slice_c(message("1", "First", NULL))));
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.got_replace, 1);
	quiet(&two);
	quiet(&one);
	sound();
}

/* Both sides: only what a side changed counts. */
static void
flags_of_both_sides(void **state)
{
	int64_t id;

	(void)state;
	id = deliver(INBOX, message("1", "First", NULL), PIM_MAIL_READ, 1);
	assert_true(phone_sync(&one, 201));
	at_imap(id, PIM_MAIL_READ | PIM_MAIL_REPLIED);
	phone_edit(&one.item[0],
		   email("<read>false</read><replied>false</replied>"
			 "<flagged>false</flagged>",
			 NULL),
		   &one);
	assert_true(phone_sync(&one, 200));
	assert_int_equal(flags_of(id), PIM_MAIL_REPLIED);
	assert_int_equal(only_effect(STORE_EFFECT_FLAGS).flags_off,
			 PIM_MAIL_READ);
	assert_int_equal(one.got_replace, 1);
	holds(&one.item[0], "<replied>true</replied>");
	quiet(&one);
}

/* A device's shorter text never takes the server's place. */
static void
its_text_is_not_taken(void **state)
{
	int64_t id;

	(void)state;
	id = deliver(INBOX, message("1", "First", NULL), 0, 1);
	assert_true(phone_sync(&one, 201));
	phone_edit(&one.item[0],
		   email("<read>true</read>", "Subject: Cut off\n\n"), &one);
	assert_true(phone_sync(&one, 200));
	assert_int_equal(flags_of(id), PIM_MAIL_READ);
	assert_true(
	    slice_eq(body_of(id), slice_c(message("1", "First", NULL))));
	assert_true(slice_find_str(head_of(id).body, "subject: First") !=
		    SIZE_MAX);
}

static void
deleted_on_the_device(void **state)
{
	struct store_mail_effect f;
	int64_t id;

	(void)state;
	id = deliver(INBOX, message("1", "First", NULL), 0, 1);
	(void)deliver(INBOX, message("2", "Second", NULL), 0, 1);
	assert_true(phone_sync(&one, 201));
	/* flags that somebody changed do not bring it back */
	at_imap(id, PIM_MAIL_READ);
	phone_delete(phone_find(&one, "Subject: First"));
	assert_true(phone_sync(&one, 200));
	assert_true(head_of(id).deleted);
	f = only_effect(STORE_EFFECT_DELETE);
	assert_true(f.item == id && f.collection == box[INBOX]);
	assert_int_equal(phone_live(&one), 1);
	quiet(&one);
	sound();
}

/* An edit of a mail that is gone at the server brings it back nowhere. */
static void
gone_at_the_server(void **state)
{
	int64_t id;

	(void)state;
	id = deliver(INBOX, message("1", "First", NULL), 0, 1);
	assert_true(phone_sync(&one, 201));
	at_imap(id, -1);
	phone_edit(&one.item[0], email("<read>true</read>", NULL), &one);
	assert_true(phone_sync(&one, 200));
	assert_int_equal(one.got_delete, 1);
	assert_true(head_of(id).deleted);
	assert_int_equal(effects_n(), 0);
	quiet(&one);
}

static void
added_to_the_inbox(void **state)
{
	(void)state;
	assert_true(phone_sync(&one, 201));
	(void)phone_add(&one, email("", message("9", "Mine", NULL)));
	assert_true(phone_sync(&one, 200));
	assert_int_equal(one.bad_status, 403);
	assert_int_equal(one.got_delete, 1);
	assert_int_equal(phone_live(&one), 0);
	assert_int_equal(effects_n(), 0);
	quiet(&one);
	sound();
}

/* The brake holds for mail too; what left the window does not count. */
static void
many_deleted(void **state)
{
	(void)state;
	for (int i = 0; i < 30; i++) {
		const char *id = arena_printf(bench.a, "%d", i).p;

		(void)deliver(INBOX, message(id, id, NULL), 0, i + 1);
	}
	assert_true(phone_sync(&one, 201));
	for (int i = 0; i < 30; i++)
		phone_delete(&one.item[i]);
	assert_true(phone_sync(&one, 200));
	assert_int_equal(effects_n(), 0);
}

static void
refresh_from_the_client(void **state)
{
	int64_t id;

	(void)state;
	id = deliver(INBOX, message("1", "First", NULL), 0, 1);
	assert_true(phone_sync(&one, 203));
	assert_false(head_of(id).deleted);
	assert_int_equal(effects_n(), 0);
}

/* ---- drafts and sending
 * ------------------------------------------------------------- */

static void
a_draft(void **state)
{
	struct store_mail_effect *f;
	size_t n;
	int64_t id;

	(void)state;
	one.db = "mail/Drafts";
	(void)phone_add(&one, email("", message("5", "Draft", NULL)));
	assert_true(phone_sync(&one, 201));
	assert_int_equal(one.bad_status, 0);
	id = only_effect(STORE_EFFECT_APPEND).item;
	assert_int_equal(flags_of(id), PIM_MAIL_READ | PIM_MAIL_DRAFT);
	assert_true(slice_is(only_effect(STORE_EFFECT_APPEND).message_id,
			     "5@example.com"));
	quiet(&one);
	/* written on: the old one goes, the new one is appended */
	phone_edit(&one.item[0], email("", message("5", "Draft, longer", NULL)),
		   &one);
	assert_true(phone_sync(&one, 200));
	assert_true(head_of(id).deleted);
	f = effects(&n);
	assert_int_equal(n, 3);
	for (size_t i = 0; i < n; i++) {
		if (f[i].what == STORE_EFFECT_APPEND && f[i].item != id)
			assert_true(slice_eq(
			    body_of(f[i].item),
			    slice_c(message("5", "Draft, longer", NULL))));
		if (f[i].what == STORE_EFFECT_DELETE)
			assert_true(f[i].item == id);
	}
	quiet(&one);
	sound();
}

static void
sent_once(void **state)
{
	struct store_mail_effect f;
	struct phone copy;

	(void)state;
	one.db = "mail/Outbox";
	(void)phone_add(&one, email("", "To: b@example.com\nSubject: Hi\n\nx"));
	assert_true(phone_sync(&one, 201));
	assert_int_equal(one.bad_status, 0);
	f = only_effect(STORE_EFFECT_SEND);
	assert_true(f.collection == box[OUTBOX] && f.message_id.n > 0);
	assert_true(slice_starts(body_of(f.item), "Message-ID: <"));
	quiet(&one);
	/* it forgot all, and sends it again */
	copy = one;
	one.last[0] = '\0';
	one.item[0].change = 'A';
	assert_true(phone_sync(&one, 201));
	assert_int_equal(effects_n(), 1);
	/* sent, and taken away; once more from a backup */
	at_imap(f.item, -1);
	assert_true(phone_sync(&one, 200));
	assert_int_equal(one.got_delete, 1);
	assert_int_equal(phone_live(&one), 0);
	one = copy;
	one.last[0] = '\0';
	one.item[0].change = 'A';
	assert_true(phone_sync(&one, 201));
	assert_int_equal(effects_n(), 1);
	assert_int_equal(one.bad_status, 0);
	assert_true(phone_sync(&one, 200));
	assert_int_equal(phone_live(&one), 0);
	sound();
}

/* The answer to the Add is lost at each message: one mail goes out. */
static void
lost_answers(void **state)
{
	(void)state;
	one.db = "mail/Outbox";
	assert_true(phone_sync(&one, 201));
	for (int at = 1; at < 6; at++) {
		size_t before = effects_n();
		struct phone_item *it = phone_add(
		    &one,
		    email("",
			  arena_printf(bench.a, "Subject: no. %d\n\nx", at).p));

		one.lose_reply_of = at;
		(void)phone_sync(&one, 200);
		one.lose_reply_of = 0;
		if (it->change == 0)
			it->change = 'A';
		assert_true(phone_sync(&one, 200));
		assert_int_equal(effects_n(), before + 1);
	}
	sound();
}

static void
withdrawn(void **state)
{
	size_t n;

	(void)state;
	one.db = "mail/Outbox";
	(void)phone_add(&one, email("", "Subject: Hi\n\nx"));
	assert_true(phone_sync(&one, 201));
	phone_delete(&one.item[0]);
	assert_true(phone_sync(&one, 200));
	assert_int_equal(effects(&n)->state, STORE_EFFECT_FAILED);
	assert_int_equal(n, 1);
	assert_true(effects(&n)->next_ms == INT64_MAX);
}

/* ---- all folders in one
 * ------------------------------------------------------------- */

static void
folders_in_one(void **state)
{
	struct store_mail_effect *f;
	struct phone_item *it;
	size_t n;
	int64_t id;

	(void)state;
	one.db = "mailbox";
	id = deliver(INBOX, message("1", "First", NULL), 0, 1);
	(void)deliver(SENT, message("2", "Sent", NULL), PIM_MAIL_READ, 1);
	assert_true(phone_sync(&one, 201));
	assert_int_equal(one.got_add, 2);
	it = phone_find(&one, "Subject: First");
	assert_true(slice_is(it->parent, "ROOT/I"));
	assert_true(
	    slice_is(phone_find(&one, "Subject: Sent")->parent, "ROOT/S"));
	/* moved on the device */
	it->parent = SLICE_LIT("ROOT/D");
	it->change = 'R';
	assert_true(phone_sync(&one, 200));
	f = effects(&n);
	assert_int_equal(n, 1);
	assert_int_equal(f->what, STORE_EFFECT_MOVE);
	assert_true(f->collection == box[INBOX] && f->to == box[DRAFTS]);
	assert_true(head_of(id).deleted);
	assert_true(head_of(f->item).collection == box[DRAFTS]);
	assert_true(
	    slice_eq(body_of(f->item), slice_c(message("1", "First", NULL))));
	assert_null(body_of(id).p);
	quiet(&one);
	/* a new one into the outbox */
	it = phone_add(&one, email("", message("7", "Out", NULL)));
	it->parent = SLICE_LIT("ROOT/O");
	assert_true(phone_sync(&one, 200));
	assert_int_equal(effects_n(), 2);
	assert_int_equal(one.bad_status, 0);
	quiet(&one);
	sound();
}

/* Moved by one device: the other ones hear where it lies now. */
static void
moved_between(void **state)
{
	struct phone three;
	struct phone_item *it;
	struct phone_item *theirs;
	int64_t id;

	(void)state;
	phone_init(&three, &bench, "IMEI:3");
	three.type = one.type;
	three.db = "mail";
	one.db = two.db = "mailbox";
	id = deliver(INBOX, message("1", "First", NULL), 0, 1);
	(void)deliver(INBOX, message("2", "Second", NULL), 0, 1);
	assert_true(phone_sync(&one, 201));
	assert_true(phone_sync(&two, 201));
	assert_true(phone_sync(&three, 201));
	theirs = phone_find(&two, "Subject: First");
	it = phone_find(&one, "Subject: First");
	it->parent = SLICE_LIT("ROOT/S");
	it->change = 'R';
	assert_true(phone_sync(&one, 200));
	assert_true(head_of(id).deleted);
	quiet(&one);
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.got_replace, 1);
	assert_int_equal(two.got_add + two.got_delete, 0);
	it = theirs;
	assert_true(slice_is(it->parent, "ROOT/S"));
	assert_true(slice_find_str(it->body, "<emailitem") == SIZE_MAX);
	quiet(&two);
	/* Who sees one folder sees it leave. */
	assert_true(phone_sync(&three, 200));
	assert_int_equal(three.got_delete, 1);
	assert_int_equal(three.got_add + three.got_replace, 0);
	/* It is the same mail for its device. */
	phone_edit(it, email("<read>true</read>", NULL), &two);
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.bad_status, 0);
	assert_true(phone_sync(&one, 200));
	assert_int_equal(one.got_replace, 1);
	sound();
}

/* ---- every store call fails in turn
 * ------------------------------------------------- */

static uint64_t
faulty_run(uint64_t at, enum store_fault_when when)
{
	struct store_fault_plan plan = { .at = at, .when = when };
	struct store *faulty;
	struct err e;
	uint64_t calls;
	int64_t id;

	(void)set_up(NULL);
	assert_int_equal(store_fault_new(bench.store, &faulty, &e), 0);
	id = deliver(DRAFTS, message("1", "First", NULL), 0, 1);
	(void)deliver(DRAFTS, message("2", "Second", NULL), 0, 1);
	bench.srv.store = faulty;
	one.retries = 3;
	one.db = "mail/Drafts";
	store_fault_set(faulty, plan);
	assert_true(phone_sync(&one, 201));
	phone_edit(phone_find(&one, "Subject: First"),
		   email("<read>true</read>", NULL), &one);
	phone_delete(phone_find(&one, "Subject: Second"));
	(void)phone_add(&one, email("", message("3", "Third", NULL)));
	assert_true(phone_sync(&one, 200));
	calls = store_fault_calls(faulty);
	store_fault_set(faulty, (struct store_fault_plan){ 0 });
	quiet(&one);
	assert_int_equal(flags_of(id), PIM_MAIL_READ);
	assert_int_equal(effects_n(), 3);
	assert_int_equal(phone_live(&one), 2);
	sound();
	faulty->v->close(&faulty);
	(void)tear_down(NULL);
	return calls;
}

static void
every_call_fails_in_turn(void **state)
{
	enum { STEP = 3 };
	uint64_t calls;

	(void)state;
	calls = faulty_run(0, STORE_FAULT_BEFORE);
	for (uint64_t at = 1; at <= calls; at += STEP) {
		(void)faulty_run(at, STORE_FAULT_BEFORE);
		(void)faulty_run(at, STORE_FAULT_AFTER);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_first_sync),
		T(flags_come_alone),
		T(a_large_one_comes_in_pieces),
		T(as_the_message_itself),
		T(windows),
		T(parts_of_each),
		T(the_rest_of_one),
		T(the_rest_comes),
		T(a_wider_window),
		T(parts_asked_for),
		T(read_on_the_device),
		T(flags_of_both_sides),
		T(its_text_is_not_taken),
		T(deleted_on_the_device),
		T(gone_at_the_server),
		T(added_to_the_inbox),
		T(many_deleted),
		T(refresh_from_the_client),
		T(a_draft),
		T(sent_once),
		T(lost_answers),
		T(withdrawn),
		T(folders_in_one),
		T(moved_between),
		cmocka_unit_test(every_call_fails_in_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
