/*
 * The client's engine against the fake server: every sync type, version and
 * encoding, what servers may answer, and what a client must not let happen.
 */
#include "tests/client/fake_server.h"
#include "tests/client/memdb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct world {
	struct fake f;
	struct memdb m;
	struct cli_conf conf;
	struct cli_db *dbs[1];
	enum cli_verdict verdict;
	struct err e;
	struct cli_learned learned;
	char nonce[64];
	char url[128];       /* that the last message went to */
	unsigned suspend_at; /* message; 0: never */
};

static int64_t
fixed_now(const struct clk *c)
{
	(void)c;
	return 1767225600000; /* 2026-01-01T00:00:00Z */
}

static const struct clk fixed_clock = { fixed_now };

static void
begin(struct world *w)
{
	*w = (struct world){ 0 };
	fake_init(&w->f);
	memdb_init(&w->m, "contacts");
	w->dbs[0] = &w->m.db;
	w->conf = (struct cli_conf){
		.url = SLICE_LIT("http://h/sync"),
		.dev_id = SLICE_LIT("fc-test"),
		.sid = SLICE_LIT("1"),
		.user = SLICE_LIT("anna"),
		.password = SLICE_LIT("secret"),
		.enc = SML_WBXML,
		.version = 12,
		.max_msg_bytes = 100000,
		.max_obj_bytes = 1000000,
		.man = SLICE_LIT("Funicular"),
		.mod = SLICE_LIT("test"),
		.swv = SLICE_LIT("1"),
		.devtyp = SLICE_LIT("workstation"),
		.clk = &fixed_clock,
	};
}

static void
end(struct world *w)
{
	fake_free(&w->f);
	memdb_free(&w->m);
}

/* A whole session. Returns what cli_reply or cli_next said last. */
static int
session(struct world *w)
{
	struct cli *c;
	struct arena *a = arena_new(256u * 1024 * 1024);
	unsigned n = 0;
	int r;

	w->e = (struct err){ 0 };
	w->f.messages = 0;
	fake_begin(&w->f);
	assert_int_equal(cli_new(&w->conf, w->dbs, 1, &c, &w->e), 0);
	for (;;) {
		struct slice body, url, answer;

		if (++n == w->suspend_at)
			cli_suspend(c);
		r = cli_next(c, &body, &url, &w->verdict, &w->e);
		if (r != 0 || w->verdict != CLI_RUNNING)
			break;
		assert_true(n < 2000);
		snprintf(w->url, sizeof(w->url), "%.*s", SLICE_ARG(url));
		arena_reset(a);
		fake_handle(&w->f, a, body, &answer);
		r = cli_reply(c, slice_c(cli_content_type(c)), answer, &w->e);
		if (r != 0) { /* ... and it stays over */
			assert_int_equal(
			    cli_next(c, &body, &url, &w->verdict, NULL), 0);
			break;
		}
	}
	cli_learned(c, &w->learned);
	snprintf(w->nonce, sizeof(w->nonce), "%.*s",
		 SLICE_ARG(w->learned.nonce));
	w->learned.nonce = slice_c(w->nonce);
	cli_free(&c);
	arena_free(&a);
	return r;
}

static void
session_ok(struct world *w)
{
	if (session(w) != 0)
		fail_msg("session failed: %s", w->e.msg);
	assert_int_equal(w->verdict, CLI_DONE);
	if (!w->m.db.ok)
		fail_msg("database failed: %s", w->m.db.why);
}

static size_t
card(char *out, size_t n, unsigned i)
{
	int w = snprintf(out, n,
			 "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Smith%u;Anna;;;\r\n"
			 "FN:Anna Smith%u\r\nTEL;TYPE=CELL:+4930%07u\r\n"
			 "NOTE:5 < 6 & \xC3\xBC\r\nEND:VCARD\r\n",
			 i, i, i);

	return (size_t)w;
}

static void
client_adds(struct world *w, unsigned from, unsigned n)
{
	char text[512];

	for (unsigned i = from; i < from + n; i++) {
		size_t len = card(text, sizeof(text), i);

		memdb_add(&w->m, text, len);
	}
}

static void
server_adds(struct world *w, unsigned from, unsigned n)
{
	char text[512];

	for (unsigned i = from; i < from + n; i++) {
		size_t len = card(text, sizeof(text), i);

		fake_add(&w->f, text, len);
	}
}

/* Both sides hold the same, pair by pair. XML may have lost CRs. */
static void
same_everywhere(struct world *w)
{
	assert_int_equal(memdb_live(&w->m), fake_live(&w->f));
	for (size_t i = 0; i < w->m.n; i++) {
		const struct mem_item *it = &w->m.items[i];
		char luid[24];

		if (!it->live)
			continue;
		snprintf(luid, sizeof(luid), "%zu", i + 1);
		struct fake_item *other = fake_by_luid(&w->f, slice_c(luid));
		assert_non_null(other);
		const char *x = it->body, *y = other->body;
		while (*x != '\0' || *y != '\0') {
			if (*x == '\r')
				x++;
			else if (*y == '\r')
				y++;
			else
				assert_int_equal(*x++, *y++);
		}
	}
}

/* ---- types, versions, encodings
 * ------------------------------------------------- */

static void
test_all_forms(void **state)
{
	static const struct {
		enum sml_enc enc;
		int version;
	} forms[] = { { SML_WBXML, 12 }, { SML_WBXML, 11 }, { SML_WBXML, 10 },
		      { SML_XML, 12 },   { SML_XML, 11 },   { SML_XML, 10 } };

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct world w;

		begin(&w);
		w.conf.enc = forms[i].enc;
		w.conf.version = forms[i].version;
		client_adds(&w, 0, 20);
		server_adds(&w, 100, 15);
		w.f.alert_status = 508;
		session_ok(&w);
		assert_int_equal(w.m.db.type, CLI_SLOW);
		assert_int_equal(w.m.db.sent.add, 20);
		assert_int_equal(w.m.db.received.add, 15);
		assert_int_equal(w.m.confirmed, 15);
		same_everywhere(&w);
		/* Then only what changed goes over the wire. */
		w.f.alert_status = 200;
		memdb_change(&w.m, 3, "BEGIN:VCARD\r\nEND:VCARD\r\n", 24);
		memdb_delete(&w.m, 4);
		w.f.items[2].changed = true;
		session_ok(&w);
		assert_int_equal(w.m.db.type, CLI_TWO_WAY);
		assert_int_equal(w.m.db.sent.add, 0);
		assert_int_equal(w.m.db.sent.replace, 1);
		assert_int_equal(w.m.db.sent.del, 1);
		assert_int_equal(w.m.db.received.replace, 1);
		same_everywhere(&w);
		if (forms[i].version > 10)
			assert_int_equal(w.f.noc, 2);
		end(&w);
	}
}

static void
test_nothing_changed(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	client_adds(&w, 0, 3);
	session_ok(&w);
	assert_int_equal(w.f.puts, 1);
	assert_int_equal(w.f.gets, 1);
	assert_true(w.learned.peer.known && w.learned.peer.large_objs);
	w.conf.devinf_known = w.learned.devinf_known;
	w.conf.peer = w.learned.peer;
	session_ok(&w);
	assert_int_equal(w.f.messages, 3);
	/* What each knows of the other is not said again. */
	assert_int_equal(w.f.puts, 1);
	assert_int_equal(w.f.gets, 1);
	assert_int_equal(w.m.db.sent.add + w.m.db.sent.replace, 0);
	end(&w);
}

static void
test_one_way(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	client_adds(&w, 0, 3);
	server_adds(&w, 10, 2);
	w.m.db.ask = CLI_FROM_CLIENT;
	session_ok(&w);
	assert_int_equal(w.m.db.sent.add, 3);
	assert_int_equal(w.m.db.received.add, 0);
	assert_int_equal(memdb_live(&w.m), 3);
	client_adds(&w, 5, 1);
	w.m.db.ask = CLI_FROM_SERVER;
	session_ok(&w);
	assert_int_equal(w.m.db.sent.add, 0);
	assert_int_equal(w.m.db.received.add, 2);
	/* What the one-way sync kept back goes out later. */
	w.m.db.ask = CLI_TWO_WAY;
	session_ok(&w);
	assert_int_equal(w.m.db.sent.add, 1);
	same_everywhere(&w);
	end(&w);
}

static void
test_refresh(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	client_adds(&w, 0, 3);
	w.m.db.ask = CLI_REFRESH_FROM_CLIENT;
	session_ok(&w);
	assert_int_equal(w.m.db.sent.add, 3);
	assert_int_equal(w.f.client_last[0], '\0');
	w.m.db.ask = CLI_REFRESH_FROM_SERVER;
	for (size_t i = 0; i < w.f.n; i++)
		w.f.items[i].luid[0] = '\0'; /* its map begins anew */
	session_ok(&w);
	assert_int_equal(w.f.client_last[0], '\0');
	assert_int_equal(w.m.db.received.add, 3);
	same_everywhere(&w);
	end(&w);
}

static void
test_anchors(void **state)
{
	struct world w;
	char first[64];

	(void)state;
	begin(&w);
	session_ok(&w);
	assert_string_equal(w.f.client_last, "");
	snprintf(first, sizeof(first), "%s", w.f.client_next);
	session_ok(&w);
	assert_string_equal(w.f.client_last, first);
	/* The clock stands still, the anchor must not. */
	assert_string_not_equal(w.f.client_next, first);
	snprintf(first, sizeof(first), "%s", w.f.client_next);
	session_ok(&w);
	assert_string_equal(w.f.client_last, first);
	assert_string_not_equal(w.f.client_next, first);
	/* The server speaks of another sync: slow. */
	w.f.last = "somewhen";
	session_ok(&w);
	assert_int_equal(w.m.db.type, CLI_SLOW);
	end(&w);
}

/* A session that breaks must not move the anchors. */
static void
test_broken_session(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	client_adds(&w, 0, 3);
	session_ok(&w);
	unsigned finished = w.m.finished;
	w.f.header_status = 500;
	assert_int_equal(session(&w), -1);
	assert_int_equal(w.verdict, CLI_FAILED);
	w.f.header_status = 503;
	assert_int_equal(session(&w), -1);
	assert_int_equal(w.e.code, ERR_UNAVAILABLE);
	assert_int_equal(w.m.finished, finished);
	assert_false(w.m.db.ok);
	end(&w);
}

/* ---- logging in
 * ---------------------------------------------------------------------- */

static void
test_login(void **state)
{
	struct world w;

	(void)state;
	for (int md5 = 0; md5 < 2; md5++)
		for (int every = 0; every < 2; every++) {
			begin(&w);
			w.f.user = "anna";
			w.f.password = "secret";
			w.f.md5 = md5;
			w.f.every_message = every;
			client_adds(&w, 0, 200);
			w.f.max_msg = 4000;
			session_ok(&w);
			assert_int_equal(w.f.bad_auth, 1);
			assert_int_equal(w.m.db.sent.add, 200);
			assert_int_equal(w.learned.auth,
					 md5 ? SML_AUTH_MD5 : SML_AUTH_BASIC);
			/* Next time the first message is right at once. */
			w.conf.auth = w.learned.auth;
			w.conf.nonce = w.learned.nonce;
			session_ok(&w);
			assert_int_equal(w.f.bad_auth, 1);
			end(&w);
		}
}

static void
test_login_1_0(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	w.f.user = "anna";
	w.f.password = "secret";
	w.f.md5 = true;
	w.conf.version = 10;
	w.conf.enc = SML_XML;
	session_ok(&w);
	end(&w);
}

static void
test_login_refused(void **state)
{
	struct world w;

	(void)state;
	for (int md5 = 0; md5 < 2; md5++) {
		begin(&w);
		w.f.user = "anna";
		w.f.password = "other";
		w.f.md5 = md5;
		assert_int_equal(session(&w), -1);
		assert_int_equal(w.e.code, ERR_AUTH);
		assert_true(w.f.bad_auth <= 3);
		end(&w);
	}
}

/* --auth md5 must not be talked into sending the password. */
static void
test_no_downgrade(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	w.f.user = "anna";
	w.f.password = "secret";
	w.conf.auth = SML_AUTH_MD5;
	w.conf.auth_fixed = true;
	assert_int_equal(session(&w), -1);
	assert_int_equal(w.e.code, ERR_AUTH);
	assert_int_equal(w.f.bad_auth, 1);
	end(&w);
}

static void
test_version_fallback(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	w.f.max_version = 11;
	client_adds(&w, 0, 3);
	session_ok(&w);
	assert_int_equal(w.learned.version, 11);
	w.f.max_version = 9;
	assert_int_equal(session(&w), -1);
	assert_int_equal(w.e.code, ERR_UNSUPPORTED);
	end(&w);
}

/* ---- sizes
 * ------------------------------------------------------------------------------
 */

static void
test_many_messages(void **state)
{
	struct world w;

	(void)state;
	for (int quiet = 0; quiet < 2; quiet++)
		for (int enc = 0; enc < 2; enc++) {
			begin(&w);
			w.conf.enc = enc == 0 ? SML_XML : SML_WBXML;
			w.conf.max_msg_bytes = 3000;
			w.f.max_msg = 3000;
			w.f.no_222 = quiet;
			client_adds(&w, 0, 100);
			server_adds(&w, 1000, 100);
			session_ok(&w);
			same_everywhere(&w);
			assert_int_equal(w.m.db.sent.add, 100);
			assert_int_equal(w.m.db.received.add, 100);
			assert_true(w.f.messages > 10);
			assert_true(w.f.largest <= 3000);
			assert_int_equal(w.f.finals, 3);
			assert_int_equal(w.f.noc, 100);
			end(&w);
		}
}

static char *
big_card(size_t n, size_t *len)
{
	char *p = malloc(n + 200);
	int at;

	assert_non_null(p);
	at = snprintf(p, 200, "BEGIN:VCARD\nVERSION:3.0\nFN:Big\nNOTE:");
	for (size_t i = 0; i < n; i += 4) /* characters of two bytes, and < */
		memcpy(p + (size_t)at + i, "\xC3\xA4<&", 4);
	*len = (size_t)at + n;
	*len += (size_t)snprintf(p + *len, 100, "\nEND:VCARD\n");
	return p;
}

static void
test_large_objects(void **state)
{
	struct world w;

	(void)state;
	for (int enc = 0; enc < 2; enc++) {
		size_t n;
		char *big = big_card(40000, &n);

		begin(&w);
		w.conf.enc = enc == 0 ? SML_XML : SML_WBXML;
		w.conf.max_msg_bytes = 5000;
		w.f.max_msg = 5000;
		client_adds(&w, 0, 3);
		memdb_add(&w.m, big, n);
		client_adds(&w, 3, 3);
		server_adds(&w, 100, 3);
		fake_add(&w.f, big, n);
		fake_add(&w.f, big, n / 2);
		server_adds(&w, 103, 3);
		session_ok(&w);
		same_everywhere(&w);
		assert_int_equal(w.m.db.sent.add, 7);
		assert_int_equal(w.m.db.received.add, 8);
		assert_true(w.f.chunks > 5);
		assert_true(w.f.largest <= 5000);
		assert_int_equal(w.f.alert_223, 0);
		end(&w);
		free(big);
	}
}

/* What is too large for the server stays, and the others go on. */
static void
test_too_large(void **state)
{
	struct world w;
	size_t n;
	char *big = big_card(40000, &n);

	(void)state;
	begin(&w);
	w.f.max_msg = 5000;
	w.f.max_obj = 20000;
	memdb_add(&w.m, big, n);
	client_adds(&w, 0, 2);
	session_ok(&w);
	assert_int_equal(w.m.db.sent.add, 2);
	assert_int_equal(w.m.db.refused, 1);
	assert_false(w.m.items[0].known);
	/* SyncML 1.0 has no chunks at all. */
	w.conf.version = 10;
	w.f.max_obj = 0;
	session_ok(&w);
	assert_int_equal(w.m.db.refused, 1);
	assert_int_equal(w.f.chunks, 0);
	/* The server refuses a chunk: no further ones of it. */
	w.conf.version = 12;
	w.f.item_status = 413;
	session_ok(&w);
	assert_int_equal(w.m.db.refused, 1);
	assert_int_equal(w.f.chunks, 1);
	assert_false(w.m.items[0].known);
	end(&w);
	free(big);
}

/* The server's object is larger than we said we take. */
static void
test_too_large_for_us(void **state)
{
	struct world w;
	size_t n;
	char *big = big_card(40000, &n);

	(void)state;
	begin(&w);
	w.conf.max_msg_bytes = 5000;
	w.conf.max_obj_bytes = 20000;
	fake_add(&w.f, big, n);
	server_adds(&w, 0, 2);
	session_ok(&w);
	assert_int_equal(w.m.db.received.add, 2);
	assert_true(w.m.db.failed >= 1);
	assert_int_equal(w.f.items[0].status, 416);
	end(&w);
	free(big);
}

static void
test_binary(void **state)
{
	static const char odd[] =
	    "BEGIN:VCARD\r\nFN:J\xFCrgen\x01\r\nEND:VCARD";
	struct world w;

	(void)state;
	for (int enc = 0; enc < 2; enc++) {
		begin(&w);
		w.conf.enc = enc == 0 ? SML_XML : SML_WBXML;
		w.f.b64 = enc == 0;
		memdb_add(&w.m, odd, sizeof(odd) - 1);
		fake_add(&w.f, odd, sizeof(odd) - 1);
		session_ok(&w);
		assert_int_equal(w.f.n, 2);
		assert_int_equal(w.m.n, 2);
		assert_memory_equal(w.f.items[1].body, odd, sizeof(odd));
		assert_memory_equal(w.m.items[1].body, odd, sizeof(odd));
		end(&w);
	}
}

/* ---- what servers do
 * ---------------------------------------------------------------------- */

static void
test_server_habits(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	w.f.no_alert = true;
	w.f.no_results = true;
	w.f.get_devinf = true;
	w.f.respuri = "http://h/sync?s=token";
	client_adds(&w, 0, 5);
	server_adds(&w, 10, 5);
	session_ok(&w);
	same_everywhere(&w);
	assert_int_equal(w.f.results, 1);
	assert_string_equal(w.url, "http://h/sync?s=token");
	w.conf.ignore_respuri = true;
	session_ok(&w);
	assert_string_equal(w.url, "http://h/sync");
	end(&w);
}

static void
test_respuri_keeps_tls(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	w.conf.url = SLICE_LIT("https://h/sync");
	w.f.respuri = "http://h/sync?s=token";
	session_ok(&w);
	assert_string_equal(w.url, "https://h/sync");
	w.f.respuri = "ftp://h/sync";
	session_ok(&w);
	assert_string_equal(w.url, "https://h/sync");
	end(&w);
}

static void
test_alert_refused(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	client_adds(&w, 0, 3);
	w.f.alert_status = 404;
	assert_int_equal(session(&w), 0);
	assert_int_equal(w.verdict, CLI_DONE);
	assert_false(w.m.db.ok);
	assert_non_null(strstr(w.m.db.why, "404"));
	assert_int_equal(w.f.syncs, 0);
	end(&w);
}

/* The server may not turn a two-way sync into one that removes things. */
static void
test_no_destructive_switch(void **state)
{
	static const int types[] = { 202, 203, 204, 205 };
	struct world w;

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		begin(&w);
		client_adds(&w, 0, 3);
		w.f.type = types[i];
		assert_int_equal(session(&w), 0);
		assert_false(w.m.db.ok);
		assert_int_equal(memdb_live(&w.m), 3);
		assert_int_equal(w.f.adds, 0);
		end(&w);
	}
}

static void
test_items_refused(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	client_adds(&w, 0, 3);
	server_adds(&w, 10, 3);
	w.f.item_status = 415;
	w.m.refuse = 420;
	session_ok(&w);
	assert_int_equal(w.m.db.refused, 3);
	assert_int_equal(w.m.db.failed, 3);
	assert_int_equal(w.f.items[0].status, 420);
	assert_int_equal(w.f.maps, 0);
	w.f.item_status = 0;
	w.m.refuse = 0;
	session_ok(&w);
	assert_int_equal(w.m.db.sent.add, 3);
	same_everywhere(&w);
	end(&w);
}

/* A Map that was not confirmed goes out again, early. */
static void
test_pending_maps(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	server_adds(&w, 0, 30);
	w.f.no_map_status = true;
	session_ok(&w);
	assert_int_equal(w.m.confirmed, 0);
	w.f.no_map_status = false;
	w.f.maps = 0;
	session_ok(&w);
	assert_int_equal(w.m.confirmed, 30);
	assert_int_equal(w.m.db.received.add, 0);
	session_ok(&w);
	assert_int_equal(w.m.confirmed, 30);
	same_everywhere(&w);
	end(&w);
}

static void
test_suspend(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	client_adds(&w, 0, 100);
	w.f.max_msg = 3000;
	w.suspend_at = 4;
	assert_int_equal(session(&w), 0);
	assert_int_equal(w.verdict, CLI_SUSPENDED);
	assert_int_equal(w.f.alert_224, 1);
	assert_int_equal(w.m.finished, 0);
	w.suspend_at = 0;
	session_ok(&w);
	assert_int_equal(fake_live(&w.f), 100);
	same_everywhere(&w);
	/* Before 1.2 there is no word for it. */
	w.conf.version = 11;
	w.suspend_at = 2;
	assert_int_equal(session(&w), 0);
	assert_int_equal(w.verdict, CLI_SUSPENDED);
	assert_int_equal(w.f.alert_224, 1);
	end(&w);
}

/* ---- hostile replies
 * -------------------------------------------------------------------- */

/* Each byte of each reply once replaced: the client may fail, not fall. */
static void
test_damaged_replies(void **state)
{
	struct arena *a = arena_new(64u * 1024 * 1024);
	unsigned seed = 1;

	(void)state;
	for (unsigned round = 0; round < 1500; round++) {
		struct world w;
		struct cli *c;
		struct err e = { 0 };
		enum cli_verdict v;
		unsigned n = 0, hit = round % 4;

		begin(&w);
		w.conf.enc = round % 2 == 0 ? SML_WBXML : SML_XML;
		w.conf.max_msg_bytes = 2500;
		client_adds(&w, 0, 4);
		server_adds(&w, 10, 8);
		fake_begin(&w.f);
		assert_int_equal(cli_new(&w.conf, w.dbs, 1, &c, &e), 0);
		while (n < 60) {
			struct slice body, url, answer;

			if (cli_next(c, &body, &url, &v, &e) != 0 ||
			    v != CLI_RUNNING)
				break;
			arena_reset(a);
			fake_handle(&w.f, a, body, &answer);
			char *p = arena_alloc(a, answer.n);
			memcpy(p, answer.p, answer.n);
			if (n++ >= hit) {
				seed = seed * 1103515245 + 12345;
				p[(seed >> 8) % answer.n] = (char)(seed >> 24);
			}
			answer.p = p;
			if (cli_reply(c, SLICE_LIT(""), answer, &e) != 0)
				break;
		}
		cli_free(&c);
		end(&w);
	}
	arena_free(&a);
}

/* A server that never ends is left. */
static void
test_endless_server(void **state)
{
	struct world w;
	struct cli *c;
	struct err e = { 0 };
	struct arena *a = arena_new(1024 * 1024);
	enum cli_verdict v;
	unsigned n = 0;

	(void)state;
	begin(&w);
	assert_int_equal(cli_new(&w.conf, w.dbs, 1, &c, &e), 0);
	for (;; n++) {
		struct slice body, url, answer;

		assert_true(n < 100);
		if (cli_next(c, &body, &url, &v, &e) != 0)
			break;
		arena_reset(a);
		answer = arena_printf(
		    a,
		    "<SyncML><SyncHdr><VerDTD>1.2</VerDTD><VerProto>SyncML/1.2"
		    "</VerProto><SessionID>1</SessionID><MsgID>%u</MsgID>"
		    "<Target><LocURI>fc-test</LocURI></Target><Source><LocURI>"
		    "http://h/sync</LocURI></Source></SyncHdr><SyncBody>"
		    "<Status><CmdID>1</CmdID><MsgRef>%u</MsgRef><CmdRef>0"
		    "</CmdRef><Cmd>SyncHdr</Cmd><Data>200</Data></Status>"
		    "</SyncBody></SyncML>",
		    n + 1, n + 1);
		if (cli_reply(c, SLICE_LIT(""), answer, &e) != 0)
			break;
	}
	assert_int_equal(e.code, ERR_PARSE);
	cli_free(&c);
	arena_free(&a);
	end(&w);
}

static void
test_wrong_session(void **state)
{
	static const char reply[] =
	    "<SyncML><SyncHdr><VerDTD>1.2</VerDTD><VerProto>SyncML/1.2"
	    "</VerProto><SessionID>99</SessionID><MsgID>1</MsgID></SyncHdr>"
	    "<SyncBody><Final/></SyncBody></SyncML>";
	struct world w;
	struct cli *c;
	struct err e = { 0 };
	struct slice body, url;
	enum cli_verdict v;

	(void)state;
	begin(&w);
	assert_int_equal(cli_new(&w.conf, w.dbs, 1, &c, &e), 0);
	assert_int_equal(cli_next(c, &body, &url, &v, &e), 0);
	assert_int_equal(cli_reply(c, SLICE_LIT(""), slice_c(reply), &e), -1);
	assert_int_equal(e.code, ERR_PARSE);
	cli_free(&c);
	end(&w);
}

/* Ours vouches for our bytes; a wrong one of the server ends the session. */
static void
test_mac(void **state)
{
	static const char *const header[] = {
		"", "username=\"here\", mac=uaE1YYB4TkcgBauTvux7BQ==", "x"
	};
	struct slice answer = SLICE_LIT("<SyncML/>");
	struct world w;

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct arena *a = arena_new(1 << 20);
		struct slice body, url, h;
		struct sml_mac m;
		enum cli_verdict v;
		struct cli *c;
		struct err e = { 0 };

		begin(&w);
		w.conf.auth = SML_AUTH_MAC;
		w.conf.nonce = SLICE_LIT("n0nce-1");
		assert_int_equal(cli_new(&w.conf, w.dbs, 1, &c, &e), 0);
		assert_int_equal(cli_next(c, &body, &url, &v, &e), 0);
		assert_int_equal(
		    sml_auth_mac(a, SLICE_LIT("anna"), SLICE_LIT("secret"),
				 SLICE_LIT("n0nce-1"), body, &m, &e),
		    0);
		assert_true(slice_eq(cli_mac(c), sml_auth_mac_write(a, &m)));
		assert_true(slice_find_str(body, "Cred") == SIZE_MAX);
		/* Nothing was asked yet: the empty nonce. */
		assert_int_equal(sml_auth_mac(a, SLICE_LIT("here"),
					      SLICE_LIT("secret"),
					      SLICE_LIT(""), answer, &m, &e),
				 0);
		h = i == 3 ? sml_auth_mac_write(a, &m) : slice_c(header[i]);
		assert_int_equal(cli_check_mac(c, h, answer, &e),
				 i == 0 || i == 3 ? 0 : -1);
		if (i == 1 || i == 2)
			assert_int_equal(e.code, ERR_AUTH);
		cli_free(&c);
		arena_free(&a);
		end(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mac),
		cmocka_unit_test(test_all_forms),
		cmocka_unit_test(test_nothing_changed),
		cmocka_unit_test(test_one_way),
		cmocka_unit_test(test_refresh),
		cmocka_unit_test(test_anchors),
		cmocka_unit_test(test_broken_session),
		cmocka_unit_test(test_login),
		cmocka_unit_test(test_login_1_0),
		cmocka_unit_test(test_login_refused),
		cmocka_unit_test(test_no_downgrade),
		cmocka_unit_test(test_version_fallback),
		cmocka_unit_test(test_many_messages),
		cmocka_unit_test(test_large_objects),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_too_large_for_us),
		cmocka_unit_test(test_binary),
		cmocka_unit_test(test_server_habits),
		cmocka_unit_test(test_respuri_keeps_tls),
		cmocka_unit_test(test_alert_refused),
		cmocka_unit_test(test_no_destructive_switch),
		cmocka_unit_test(test_items_refused),
		cmocka_unit_test(test_pending_maps),
		cmocka_unit_test(test_suspend),
		cmocka_unit_test(test_damaged_replies),
		cmocka_unit_test(test_endless_server),
		cmocka_unit_test(test_wrong_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
