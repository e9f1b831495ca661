/*
 * docs/conformance.md: large objects in pieces, in both directions, and the
 * sizes that both sides announce.
 */
#include "tests/syncml/conform.h"

#define SIZE(n) "<Size " MI ">" n "</Size>"

static struct slice
big_card(const char *name, int n)
{
	struct buf b = BUF_IN(bench.a);

	buf_printf(&b, "BEGIN:VCARD\nVERSION:3.0\nN:%s;;;;\nFN:%s\nNOTE:", name,
		   name);
	for (int i = 0; i < n; i++)
		buf_byte(&b, (unsigned char)('a' + i % 26));
	buf_str(&b, "\nEND:VCARD\n");
	return buf_slice(&b);
}

/* A piece; size -1: none; where: 'c' command, 'i' item. */
static void
part(struct raw *r, const char *cmd, const char *luid, long size, char where,
     const char *meta, struct slice data, bool more)
{
	const char *s =
	    size < 0 ? "" : arena_printf(bench.a, SIZE("%ld"), size).p;

	sync_open(r, "contacts");
	say(r, "<%s><CmdID>#</CmdID><Meta>%s%s</Meta><Item><Source><LocURI>",
	    cmd, meta, where == 'c' ? s : "");
	say(r, "%s</LocURI></Source>", luid);
	if (where == 'i' && size >= 0)
		say(r, "<Meta>%s</Meta>", s);
	say(r, "<Data>");
	buf_add(&r->body, data);
	say(r, "</Data>%s</Item></%s>", more ? "<MoreData/>" : "", cmd);
	sync_close(r);
}

/* S-LARGE-1, S-LARGE-2, S-LARGE-4, S-LARGE-9: Size of the command or of the
   item; pieces may end anywhere; the last Status has the last piece's ids. */
static void
pieces_that_make_a_whole(void **state)
{
	struct raw r;

	(void)state;
	for (int where = 0; where < 2; where++) {
		for (size_t cut = 40; cut < 60; cut += 3) {
			struct slice all = big_card("\xC3\xBC\xC3\xBC", 100);
			const char *luid = arena_printf(bench.a, "%zu", cut).p;

			open_raw(&r, where ? "IMEI:1" : "IMEI:2", luid);
			begin(&r, luid, 201, NULL, "n1");
			part(&r, "Add", luid, (long)all.n, where ? 'c' : 'i',
			     "", slice_utf8_cut(all, cut), true);
			(void)post(&r, 0);
			assert_int_equal(code_of(r.m, "Add"), 213);
			assert_int_equal(our_alert(r.m), 222);
			r.cmdid = 40;
			part(&r, "Add", luid, -1, 'c', "",
			     slice_from(all, slice_utf8_cut(all, cut).n),
			     false);
			(void)post(&r, FINAL);
			assert_int_equal(code_of(r.m, "Add"), 201);
			assert_text(status_for(r.m, "Add", 0)->cmdref, "42");
			finish(&r);
			assert_int_equal(items_stored(), 1);
			assert_non_null(stored("N:\xC3\xBC\xC3\xBC;"));
		}
	}
}

/* S-LARGE-3, S-LARGE-5, S-LARGE-7, S-LARGE-8: what Size says. */
static void
sizes(void **state)
{
	static const struct {
		long more;  /* than it has octets; -1000: no Size at all */
		char count; /* 'o' octets, 'u' characters, 'n' with CRs */
		int first, last;
	} rows[] = {
		{ 0, 'o', 213, 201 },       { 0, 'u', 213, 201 },
		{ 0, 'n', 213, 201 },       { 1, 'o', 213, 424 },
		{ -1, 'o', 213, 424 },      { 500, 'o', 213, 424 },
		{ -1000, 'o', 411, 0 },     { 3000000, 'o', 416, 0 },
		{ 1999000, 'o', 213, 424 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct slice all = big_card("J\xC3\xBCrgen", 200);
		struct raw r;
		long size = (long)all.n;

		if (rows[i].count == 'u')
			size -= 2; /* two characters of two octets */
		if (rows[i].count == 'n')
			size += 6; /* six lines */
		size = rows[i].more == -1000 ? -1 : size + rows[i].more;
		open_raw(&r, "IMEI:1", "1");
		begin(&r, "1", 201, NULL, "n1");
		part(&r, "Add", "1", size, 'c', "", slice_sub(all, 0, 100),
		     true);
		(void)post(&r, 0);
		if (code_of(r.m, "Add") != rows[i].first)
			fail_msg("row %zu: %d", i, code_of(r.m, "Add"));
		if (rows[i].last != 0) {
			part(&r, "Add", "1", -1, 'c', "", slice_from(all, 100),
			     false);
			(void)post(&r, FINAL);
			if (code_of(r.m, "Add") != rows[i].last)
				fail_msg("row %zu: then %d", i,
					 code_of(r.m, "Add"));
		}
		assert_int_equal(items_stored(), rows[i].last == 201 ? 1 : 0);
		bench_close(&bench);
		bench_open(&bench);
	}
}

/* S-LARGE-7: more than the limit although Size said less; a whole one that is
   over it. */
static void
over_the_limit(void **state)
{
	struct slice all = big_card("Anna", 4000);
	struct raw r;

	(void)state;
	bench.conf.max_obj_bytes = 3000;
	open_raw(&r, "IMEI:1", "1");
	begin(&r, "1", 201, NULL, "n1");
	part(&r, "Add", "1", 2000, 'c', "", slice_sub(all, 0, 2000), true);
	assert_int_equal(code_of(post(&r, 0), "Add"), 213);
	part(&r, "Add", "1", -1, 'c', "", slice_sub(all, 2000, 1500), true);
	assert_int_equal(code_of(post(&r, 0), "Add"), 413);
	part(&r, "Add", "2", -1, 'c', "", all, false);
	part(&r, "Add", "3", -1, 'c', "", big_card("Bert", 100), false);
	(void)post(&r, FINAL);
	assert_int_equal(code_nth(r.m, "Add", 0), 413);
	assert_int_equal(code_nth(r.m, "Add", 1), 201);
	assert_int_equal(items_stored(), 1);
}

/* S-LARGE-9: base64 is joined first, wherever it was cut. */
static void
base64_in_pieces(void **state)
{
	static const char all[] =
	    "QkVHSU46VkNBUkQKVkVSU0lPTjoyLjEKTjpNdWVsbGVyO0FubmEKVEVMO0NFTEw6"
	    "KzQ5MQpFTkQ6VkNBUkQK";
	struct raw r;

	(void)state;
	for (size_t cut = 1; cut < sizeof(all) - 1; cut += 9) {
		const char *luid = arena_printf(bench.a, "%zu", cut).p;

		open_raw(&r, "IMEI:1", luid);
		begin(&r, luid, 201, NULL, "n1");
		part(&r, "Replace", luid, (long)sizeof(all) - 1, 'c',
		     "<Format " MI ">b64</Format>",
		     slice_sub(slice_c(all), 0, cut), true);
		assert_int_equal(code_of(post(&r, 0), "Replace"), 213);
		/* Format may be said again, or not. */
		part(&r, "Replace", luid, -1, 'c',
		     cut % 2 == 0 ? "<Format " MI ">b64</Format>" : "",
		     slice_from(slice_c(all), cut), false);
		(void)post(&r, FINAL);
		assert_int_equal(code_of(r.m, "Replace"), cut == 1 ? 201 : 200);
		finish(&r);
		assert_int_equal(items_stored(), 1);
	}
	assert_non_null(stored("N:Mueller;Anna"));
}

/* S-LARGE-6: another command or LUID ends it: Alert 223 names it,
   the other is done. */
static void
something_else_comes(void **state)
{
	static const struct {
		const char *cmd, *luid;
	} rows[] = { { "Replace", "1" }, { "Add", "2" }, { "Delete", "2" } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct slice all = big_card("Anna", 300);
		const struct sml_cmd *a;
		struct raw r;

		open_raw(&r, "IMEI:1", "1");
		first_sync(&r, 1, "n0");
		begin(&r, "2", 200, "n0", "n1");
		part(&r, "Add", "1", (long)all.n, 'c', "",
		     slice_sub(all, 0, 100), true);
		assert_int_equal(code_of(post(&r, 0), "Add"), 213);
		one_change(&r, "contacts", rows[i].cmd, rows[i].luid,
			   i == 2 ? NULL : "Other");
		(void)post(&r, 0);
		assert_int_equal(code_of(r.m, rows[i].cmd), i == 2 ? 211 : 201);
		assert_int_equal(our_alert(r.m), 223);
		a = nth_cmd(r.m, SML_ALERT, 0);
		assert_text(a->items[0].source, "1");
		assert_int_equal(items_stored(), i == 2 ? 1 : 2);
		bench_close(&bench);
		bench_open(&bench);
	}
}

/* S-LARGE-3: a piece that holds nothing. */
static void
empty_piece(void **state)
{
	struct raw r;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	begin(&r, "1", 201, NULL, "n1");
	part(&r, "Add", "1", 100, 'c', "", SLICE_LIT(""), true);
	assert_int_equal(code_of(post(&r, 0), "Add"), 412);
	one_change(&r, "contacts", "Add", "2", "Bert");
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "Add"), 201);
	assert_int_equal(items_stored(), 1);
}

/* ---- ours --------------------------------------------------------------- */

static void
store_big(int n)
{
	struct raw o;
	struct slice all = big_card("Large", n);

	open_raw(&o, "IMEI:9", "1");
	begin(&o, "1", 201, NULL, "o1");
	part(&o, "Add", "L", -1, 'c', "", all, false);
	one_change(&o, "contacts", "Add", "S", "Small");
	(void)post(&o, FINAL);
	assert_int_equal(code_nth(o.m, "Add", 1), 201);
}

/* S-LARGE-13 to S-LARGE-16: the first piece has Size, all but the last have
   MoreData, one stands in a message, as its last command, and no message is
   larger than the device takes. */
static void
pieces_of_ours(void **state)
{
	(void)state;
	store_big(20000);
	for (int wbxml = 0; wbxml < 2; wbxml++) {
		struct buf whole = BUF_IN(bench.a);
		struct raw r;
		int64_t size = -1;
		int pieces = 0;

		open_raw(&r, wbxml ? "IMEI:1" : "IMEI:2", "1");
		r.max_msg = 3000;
		alert(&r, 201, "contacts", NULL, "n1");
		(void)(wbxml ? post_wbxml : post)(&r, FINAL | CRED);
		answer_all(&r, 200);
		sync_open(&r, "contacts");
		sync_close(&r);
		(void)(wbxml ? post_wbxml : post)(&r, FINAL);
		for (int round = 0; !r.m->final; round++) {
			const struct sml_cmd *s = sync_of(r.m);
			int here = 0;

			assert_true(round < 30);
			assert_true(r.raw.body.n <= 3000);
			for (size_t k = 0; s != NULL && k < s->kid_n; k++) {
				const struct sml_item *it = s->kids[k].items;

				if (size >= 0 || it->more) {
					here++;
					pieces++;
					assert_int_equal(s->kids[k].meta.size >=
							     0,
							 size < 0);
					if (size < 0)
						size = s->kids[k].meta.size;
					buf_add(&whole, it->data);
				}
				if (it->more) {
					assert_int_equal(k, s->kid_n - 1);
					assert_ptr_equal(
					    s, &r.m->cmds[r.m->cmd_n - 1]);
				} else if (size >= 0 &&
					   (int64_t)whole.n == size) {
					break;
				}
			}
			assert_true(here <= 1);
			answer_all(&r, 213);
			plain_alert(&r, 222);
			(void)(wbxml ? post_wbxml : post)(&r, 0);
		}
		for (size_t k = 0;
		     k < sync_of(r.m)->kid_n && (int64_t)whole.n < size; k++)
			buf_add(&whole, sync_of(r.m)->kids[k].items[0].data);
		assert_true(pieces > 6);
		assert_int_equal(whole.n, size);
		assert_true(has_text(buf_slice(&whole),
				     wbxml ? "END:VCARD\r\n" : "END:VCARD\n"));
	}
}

/* S-LARGE-11, R-META-10: nothing larger than its MaxObjSize, wherever it said
   it; the last word counts. The rest comes, and the large one when it may. */
static void
max_obj_size(void **state)
{
	static const struct {
		int hdr, alert, sync;
		int adds;
	} rows[] = {
		{ 0, 0, 0, 2 },
		{ 3000, 0, 0, 1 },
		{ 0, 3000, 0, 1 },
		{ 0, 0, 3000, 1 },
		{ 3000, 90000, 0, 2 },
		{ 3000, 90000, 3000, 1 },
		{ 90000, 3000, 90000, 2 },
	};

	(void)state;
	store_big(5000);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct raw r;
		const char *h;

		open_raw(&r, arena_printf(bench.a, "D%zu", i).p, "1");
		h = arena_printf(
			bench.a,
			"<VerDTD>1.2</VerDTD><VerProto>SyncML/1.2</VerProto>"
			"<SessionID>1</SessionID><MsgID>1</MsgID><Target>"
			"<LocURI>x</LocURI></Target><Source><LocURI>%s"
			"</LocURI></Source><Cred><Data>YW5uYTpzZWNyZXQ="
			"</Data></Cred><Meta>",
			r.dev)
			.p;
		if (rows[i].hdr > 0)
			h = arena_printf(bench.a,
					 "%s<MaxObjSize>%d</MaxObjSize>", h,
					 rows[i].hdr)
				.p;
		(void)post_whole(
		    &r, arena_printf(bench.a, "%s</Meta>", h).p,
		    arena_printf(
			bench.a,
			"<Alert><CmdID>1</CmdID><Data>201</Data><Item><Target>"
			"<LocURI>./contacts</LocURI></Target><Source><LocURI>"
			"./Ccontacts</LocURI></Source><Meta><Anchor><Next>1"
			"</Next></Anchor>%s</Meta></Item></Alert><Final/>",
			rows[i].alert == 0
			    ? ""
			    : arena_printf(bench.a,
					   "<MaxObjSize>%d</MaxObjSize>",
					   rows[i].alert)
				  .p)
			.p);
		r.msgid = 2;
		answer_all(&r, 200);
		say(&r,
		    "<Sync><CmdID>#</CmdID><Target><LocURI>./contacts</LocURI>"
		    "</Target><Source><LocURI>./Ccontacts</LocURI></Source>");
		if (rows[i].sync > 0)
			say(&r, "<Meta><MaxObjSize>%d</MaxObjSize></Meta>",
			    rows[i].sync);
		sync_close(&r);
		(void)post(&r, FINAL);
		if (count(r.m, SML_ADD) != rows[i].adds)
			fail_msg("row %zu: %d", i, count(r.m, SML_ADD));
		finish(&r);
		if (rows[i].adds == 2)
			continue;
		ask(&r, "2", 200, "1", "2");
		assert_int_equal(count(r.m, SML_ADD), 1);
	}
}

/* S-SIZE-1: no MaxMsgSize: 64 kB. A new one counts from then on. */
static void
max_msg_size(void **state)
{
	struct raw r, o;
	size_t first;

	(void)state;
	open_raw(&o, "IMEI:9", "1");
	first_sync(&o, 900, "o1");
	open_raw(&r, "IMEI:1", "1");
	begin(&r, "1", 201, NULL, "n1");
	sync_open(&r, "contacts");
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_false(r.m->final);
	first = r.raw.body.n;
	assert_true(first <= 65536 && first > 64000);
	r.max_msg = 5000;
	answer_all(&r, 201);
	plain_alert(&r, 222);
	(void)post(&r, 0);
	assert_true(r.raw.body.n <= 5000 && r.raw.body.n > 4000);
	r.max_msg = 0; /* what it said last holds */
	answer_all(&r, 201);
	plain_alert(&r, 222);
	(void)post(&r, 0);
	assert_true(r.raw.body.n <= 5000 && r.raw.body.n > 4000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(pieces_that_make_a_whole),
		T(sizes),
		T(over_the_limit),
		T(base64_in_pieces),
		T(something_else_comes),
		T(empty_piece),
		T(pieces_of_ours),
		T(max_obj_size),
		T(max_msg_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
