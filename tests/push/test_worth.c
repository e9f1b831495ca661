/* What is worth waking a device for, and what it hears when it comes. */
#include "tests/push/kit.h"

#include "pim/mail.h"
#include "syncml/mail_folder.h"

#include <stdio.h>

#define DAY_MS INT64_C(86400000)

enum where { INBOX, LISTS, SENT, DRAFTS, OUTBOX, TRASH, BOXES };

static int64_t box[BOXES];
static int64_t number; /* of the next mail */

/* ---- mail ---------------------------------------------------------------- */

static void
make_boxes(void)
{
	static const struct {
		const char *name;
		enum store_mail_role role;
	} boxes[BOXES] = {
		{ "mail", STORE_MAIL_INBOX },
		{ "mail/Lists", STORE_MAIL_NONE },
		{ "mail/Sent", STORE_MAIL_SENT },
		{ "mail/Drafts", STORE_MAIL_DRAFTS },
		{ "mail/Outbox", STORE_MAIL_OUTBOX },
		{ "mail/Trash", STORE_MAIL_TRASH },
	};
	struct store_tx *tx = w_begin(STORE_WRITE);

	for (int i = 0; i < BOXES; i++)
		box[i] = bench_folder(tx, boxes[i].name, boxes[i].name,
				      boxes[i].role);
	w_commit(&tx);
}

/* The second phone syncs these folders, too, and waits for news. */
static void
syncs(const char *db, int sid, const char *ways)
{
	phone_init(&two, &bench, "IMEI:2");
	two.db = db;
	two.type = "application/vnd.omads-email+xml";
	two.sid = sid;
	assert_true(phone_sync(&two, 201));
	assert_true(phone_sync(&two, 200));
	w_wants(ways);
	w_saw(0);
}

static void
syncs_mail(enum where where, const char *ways)
{
	static const char *const name[BOXES] = { "mail",        "mail/Lists",
						 "mail/Sent",   "mail/Drafts",
						 "mail/Outbox", "mail/Trash" };

	syncs(name[where], 500 + (int)where, ways);
}

static int
mail_set_up(void **state)
{
	int rc = w_set_up(state);

	make_boxes();
	number = 1;
	return rc;
}

static void
put_head(struct store_tx *tx, struct store_write *w, const struct pim_item *it)
{
	struct pim_ids ids;

	assert_int_equal(pim_canon(bench.a, it, &w->body, NULL), 0);
	assert_int_equal(pim_identify(bench.a, it, &ids, NULL), 0);
	w->kind = PIM_MAIL;
	w->uid = ids.uid;
	w->h_uid = ids.h_uid;
	w->h_content = ids.h_content;
	w->h_identity = ids.h_identity;
	w->span = (struct store_span){ ids.span.set, ids.span.from_ms,
				       ids.span.to_ms };
	w->origin = STORE_BY_MAILBOX;
	assert_int_equal(tx->v->item_put(tx, w, 1, NULL), 0);
}

/* What the mirror does with a mail that came so many days ago. */
static int64_t
comes(enum where where, unsigned flags, int days)
{
	struct slice text = arena_printf(
	    bench.a,
	    "From: b@example.com\r\nSubject: S\r\nMessage-ID: <%lld@b>\r\n\r\n"
	    "Text\r\n",
	    (long long)number++);
	struct store_tx *tx = w_begin(STORE_WRITE);
	struct store_write w = { .item = tx->next_id++,
				 .create = true,
				 .collection = box[where],
				 .revision = 1 };
	const struct store_mail_body body = { w.item, true, text };
	struct pim_item *it;

	assert_int_equal(
	    pim_mail_item(bench.a, text, (int64_t)text.n, &it, NULL), 0);
	it->mail->flags = flags;
	it->mail->received_ms = bench.now - days * DAY_MS;
	put_head(tx, &w, it);
	assert_int_equal(tx->v->mail->body_put(tx, &body, 1, NULL), 0);
	w_commit(&tx);
	return w.item;
}

/* Somebody else flagged it at IMAP; -1: it is gone there. */
static void
at_imap(int64_t item, int flags)
{
	struct store_tx *tx = w_begin(STORE_WRITE);
	struct store_item *head;
	struct pim_item *it;
	size_t n;

	assert_int_equal(
	    tx->v->item_get(tx, bench.a, &item, 1, true, &head, &n, NULL), 0);
	assert_int_equal(n, 1);

	struct store_write w = { .item = item,
				 .collection = head->collection,
				 .revision = head->last_revision + 1,
				 .old_size = head->size,
				 .kind = PIM_MAIL,
				 .deleted = flags < 0,
				 .origin = STORE_BY_MAILBOX };

	if (flags < 0) {
		assert_int_equal(tx->v->item_put(tx, &w, 1, NULL), 0);
	} else {
		assert_int_equal(
		    pim_parse(bench.a, PIM_MAIL, head->body, &it, NULL), 0);
		it->mail->flags = (unsigned)flags;
		put_head(tx, &w, it);
	}
	w_commit(&tx);
}

/* New mail is; what becomes of it elsewhere is not, but comes along. */
static void
new_mail(void **state)
{
	int64_t first, second;

	(void)state;
	syncs_mail(INBOX, "");
	first = comes(INBOX, 0, 0);
	w_saw(1);
	assert_true(phone_sync(&two, 206));
	assert_int_equal(two.got_add, 1);
	bench.now += 10 * W_MINUTE;
	at_imap(first, PIM_MAIL_READ);
	w_saw(1);
	at_imap(first, PIM_MAIL_READ | PIM_MAIL_FLAGGED);
	w_saw(1);
	/* Behind the flags there is news again. */
	second = comes(INBOX, PIM_MAIL_FLAGGED, 0);
	w_saw(2);
	assert_true(phone_sync(&two, 206));
	assert_int_equal(two.got_add, 1);
	assert_int_equal(two.got_replace, 1);
	bench.now += 10 * W_MINUTE;
	at_imap(second, -1);
	w_saw(2);
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.got_delete, 1);
	w_saw(2);
}

/* A device that shall be as the mailbox is at any time. */
static void
all_of_mail(void **state)
{
	int64_t item;

	(void)state;
	syncs_mail(INBOX, "mail all\ngap 0\n");
	item = comes(INBOX, PIM_MAIL_READ, 0);
	w_saw(1);
	assert_true(phone_sync(&two, 206));
	at_imap(item, PIM_MAIL_READ | PIM_MAIL_REPLIED);
	w_saw(2);
	assert_true(phone_sync(&two, 206));
	at_imap(item, -1);
	w_saw(3);
}

/* Read by somebody before the phone was told: it is in no hurry. */
static void
read_elsewhere(void **state)
{
	(void)state;
	syncs_mail(INBOX, "gap 0\n");
	(void)comes(INBOX, PIM_MAIL_READ, 0);
	w_saw(0);
	(void)comes(INBOX, 0, 0);
	w_saw(1);
	assert_true(phone_sync(&two, 206));
	assert_int_equal(two.got_add, 2);
}

/* Read at a desk while the message waited, or before it was repeated: it stays
   at home, and the next mail is told as ever. */
static void
read_meanwhile(void **state)
{
	int64_t item;

	(void)state;
	syncs_mail(INBOX, "quiet 08:55-10:00\n"); /* it is 09:00 */
	item = comes(INBOX, 0, 0);
	w_saw(0);
	bench.now += 30 * W_MINUTE;
	at_imap(item, PIM_MAIL_READ);
	bench.now += 31 * W_MINUTE;
	w_saw(0);
	assert_int_equal(w_last_notice().answer, STORE_NOTICE_VOID);
	assert_true(slice_is(
	    w_row(arena_cstr(bench.a, w_last_notice().delivery)).reason,
	    "nothing is new any more"));
	bench.now += 5 * W_MINUTE;
	item = comes(INBOX, 0, 0);
	w_saw(1);
	bench.now += 5 * W_MINUTE;
	at_imap(item, PIM_MAIL_READ);
	bench.now += 6 * W_MINUTE;
	w_saw(1);
	/* One of two is enough. */
	item = comes(INBOX, 0, 0);
	(void)comes(INBOX, 0, 0);
	w_saw(2);
	at_imap(item, PIM_MAIL_READ);
	bench.now += 11 * W_MINUTE;
	w_saw(3);
}

/* Who reads at a desk all day does not put his phone to sleep by that. */
static void
reads_all_day(void **state)
{
	(void)state;
	syncs_mail(INBOX, "");
	(void)comes(INBOX, 0, 0);
	w_saw(1);
	assert_true(phone_sync(&two, 206));
	for (int i = 0; i < 8; i++) {
		int64_t item = comes(INBOX, 0, 0);

		w_go();
		bench.now += W_MINUTE / 2;
		at_imap(item, PIM_MAIL_READ);
		bench.now += W_MINUTE / 2;
		w_saw(1);
	}
	(void)comes(INBOX, 0, 0);
	bench.now += W_MINUTE;
	w_saw(2);
}

/* EMN says "there is mail": of a contact nobody says that. */
static void
mail_by_emn(void **state)
{
	(void)state;
	syncs_mail(INBOX, "form emn\nmailbox mailat:anna@example.com\ngap 0\n");
	w_one_adds("Bert");
	w_saw(0);
	(void)comes(INBOX, 0, 0);
	w_saw(1);
	assert_string_equal(gate.msg[0].type, "application/vnd.wap.emn+wbxml");
	assert_string_equal(gate.msg[0].app, "x-wap-application:emn.ua");
	assert_memory_equal(gate.msg[0].body, "\x02\x0d\x6a", 3);
	/* It shall have heard of the contact, if it is told another way. */
	w_wants("gap 0\n");
	w_saw(2);
}

/* What the user puts somewhere is no news to him. */
static void
folders(void **state)
{
	(void)state;
	for (int i = LISTS; i < BOXES; i++) {
		syncs_mail((enum where)i, "gap 0\n");
		(void)comes((enum where)i, 0, 0);
		w_saw(i == LISTS);
		if (i == LISTS)
			assert_true(phone_sync(&two, 206));
		gate.n = 0;
	}
}

/* Folders are items of a combined database, and no news: this phone does not
   even take them. */
static void
the_list_of_folders(void **state)
{
	struct store_tx *tx = w_begin(STORE_WRITE);
	struct store_collection all = { .id = tx->next_id++,
					.name = SLICE_LIT("mailbox"),
					.display = SLICE_LIT("Mailbox"),
					.kinds = PIM_MAIL,
					.member_n = 2 };

	(void)state;
	all.member[0] = box[0];
	all.member[1] = box[LISTS];
	assert_int_equal(tx->v->collection_put(tx, &all, NULL), 0);
	assert_int_equal(sml_mail_folders(tx, bench.a, NULL), 0);
	w_commit(&tx);
	syncs("mailbox", 600, "gap 0\n");
	(void)comes(LISTS, 0, 0);
	w_saw(1);
}

/* A thousand flags are no reason to overlook what came among them, nor to ask
   of all of them each time. */
static void
among_many_flags(void **state)
{
	static int64_t item[400];

	(void)state;
	for (size_t i = 0; i < 400; i++)
		item[i] = comes(INBOX, 0, 1);
	syncs_mail(INBOX, "");
	for (size_t i = 0; i < 200; i++)
		at_imap(item[i], PIM_MAIL_READ);
	w_saw(0);
	(void)comes(INBOX, PIM_MAIL_READ, 0);
	w_saw(0);
	for (size_t i = 200; i < 400; i++)
		at_imap(item[i], PIM_MAIL_READ);
	(void)comes(INBOX, 0, 0);
	w_saw(1);
	assert_true(phone_sync(&two, 206));
	assert_int_equal(two.got_add, 2);
}

static void
set_window(int64_t past, int64_t count)
{
	struct store_tx *tx = w_begin(STORE_WRITE);
	struct store_link *l;
	size_t n;

	assert_int_equal(tx->v->link_list(tx, bench.a, w_device(tx, two.dev).id,
					  &l, &n, NULL),
			 0);
	l[n - 1].past_days = past;
	l[n - 1].mail_count = count;
	assert_int_equal(tx->v->link_put(tx, &l[n - 1], NULL), 0);
	w_commit(&tx);
	assert_true(phone_sync(&two, 200));
}

/* Old mail that somebody moved here is not shown, so nobody comes for it. */
static void
window_of_mail(void **state)
{
	(void)state;
	syncs_mail(INBOX, "gap 0\n");
	set_window(7, 0);
	(void)comes(INBOX, 0, 30);
	w_saw(0);
	bench.now += 5 * DAY_MS;
	(void)comes(INBOX, 0, 0);
	w_saw(1);
	assert_true(phone_sync(&two, 206));
	assert_int_equal(two.got_add, 1);
	/* The newest so many. */
	set_window(0, 1);
	(void)comes(INBOX, 0, 3);
	w_saw(1);
	(void)comes(INBOX, 0, 0);
	w_saw(2);
}

/* ---- windows and filters ------------------------------------------------- */

/* An hour, so many days from now. */
static const char *
event(const char *name, int days)
{
	char iso[17];

	clk_iso_basic(bench.now + days * DAY_MS, iso);
	return arena_printf(bench.a,
			    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\n"
			    "UID:%s@example.com\r\nSUMMARY:%s\r\nDTSTART:%s\r\n"
			    "DURATION:PT1H\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
			    name, name, iso)
	    .p;
}

static const char *
record(const char *terms)
{
	return arena_printf(
		   bench.a,
		   "<Filter><Meta><Type xmlns='syncml:metinf'>text/calendar"
		   "</Type></Meta><Record><Item><Meta><Type xmlns="
		   "'syncml:metinf'>syncml:filtertype-cgi</Type></Meta><Data>"
		   "<![CDATA[%s]]></Data></Item></Record></Filter>",
		   terms)
	    .p;
}

static void
both_sync_events(const char *filter)
{
	phone_init(&one, &bench, "IMEI:1");
	phone_init(&two, &bench, "IMEI:2");
	one.db = two.db = "calendar";
	one.type = two.type = "text/calendar";
	one.sid = two.sid = 500;
	two.filter = filter;
	assert_true(phone_sync(&one, 201));
	assert_true(phone_sync(&two, 201));
	assert_true(phone_sync(&two, 200));
	w_wants("gap 0\n");
	w_saw(0);
}

static void
adds(const char *name, int days)
{
	(void)phone_add(&one, event(name, days));
	assert_true(phone_sync(&one, 200));
}

static void
window_of_dates(void **state)
{
	(void)state;
	both_sync_events(NULL);
	set_window(30, 0);
	adds("long ago", -90);
	w_saw(0);
	adds("soon", 4);
	w_saw(1);
	assert_true(phone_sync(&two, 206));
	assert_int_equal(two.got_add, 1);
	/* What it holds concerns it wherever it goes. */
	phone_edit(phone_find(&one, "soon"), event("soon", -90), &one);
	assert_true(phone_sync(&one, 200));
	w_saw(2);
	assert_true(phone_sync(&two, 206));
	assert_int_equal(two.got_delete, 1);
}

/* A window moves on with the days: what is beyond its end now may be inside
   when the device comes. */
static void
window_moves(void **state)
{
	(void)state;
	both_sync_events("");
	two.filter = NULL;
	{
		struct store_tx *tx = w_begin(STORE_WRITE);
		struct store_link *l;
		size_t n;

		assert_int_equal(tx->v->link_list(tx, bench.a,
						  w_device(tx, two.dev).id, &l,
						  &n, NULL),
				 0);
		l[n - 1].future_days = 10;
		assert_int_equal(tx->v->link_put(tx, &l[n - 1], NULL), 0);
		w_commit(&tx);
	}
	assert_true(phone_sync(&two, 200));
	adds("next year", 400);
	w_saw(0);
	bench.now += 20 * DAY_MS;
	adds("after ten days", 5);
	w_saw(1);
	assert_true(phone_sync(&two, 206));
	assert_int_equal(two.got_add, 1);
}

static void
filter_of_its_own(void **state)
{
	(void)state;
	both_sync_events(record("SUMMARY&CON;work"));
	adds("home", 1);
	w_saw(0);
	adds("work", 2);
	w_saw(1);
	assert_true(phone_sync(&two, 206));
	assert_int_equal(two.got_add, 1);
	/* It wants all from now on. */
	two.filter = NULL;
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.got_add, 1);
	adds("other", 3);
	w_saw(2);
}

#define M(f) cmocka_unit_test_setup_teardown(f, mail_set_up, w_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		M(new_mail),          M(all_of_mail),
		M(read_elsewhere),    M(read_meanwhile),
		M(reads_all_day),     M(mail_by_emn),
		M(folders),           M(the_list_of_folders),
		M(among_many_flags),  M(window_of_mail),
		W(window_of_dates),   W(window_moves),
		W(filter_of_its_own),
	};

	return cmocka_run_group_tests_name("worth", tests, NULL, NULL);
}
