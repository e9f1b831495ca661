/*
 * The client against a server that lies. A well-behaved server (the tests'
 * own) answers, and the input says how its answers are damaged on the way:
 * bytes changed, left out, doubled or put in, whole answers swapped for others.
 * Whatever comes, the client ends its session, and says why.
 */
#include "clients/client.h"
#include "tests/client/fake_server.h"
#include "tests/client/memdb.h"
#include "tests/fuzz/fuzz.h"

enum { MESSAGES_MAX = 60, EDITS_MAX = 8 };

static int64_t
no_time(const struct clk *c)
{
	(void)c;
	return 1767225600000; /* 2026-01-01 */
}

static const struct clk clock_2026 = { .now_ms = no_time };

static void
set_server(struct fake *f, struct slice *in)
{
	static const int alert[] = { 200, 508, 404, 200, 500, 401, 200, 200 };
	static const int item[] = { 0, 201, 500, 420, 424, 213, 404, 0 };
	unsigned how = fuzz_byte(in);
	unsigned more = fuzz_byte(in);

	f->user = (how & 1) != 0 ? "anna" : NULL;
	f->password = "secret";
	f->md5 = (how & 2) != 0;
	f->every_message = (how & 4) != 0;
	f->no_alert = (how & 8) != 0;
	f->no_222 = (how & 0x10) != 0;
	f->b64 = (how & 0x20) != 0;
	f->get_devinf = (how & 0x40) != 0;
	f->no_map_status = (how & 0x80) != 0;
	f->alert_status = alert[more & 7];
	f->item_status = item[more >> 3 & 7];
	f->max_msg = (more & 0x40) != 0 ? 400 + 20 * fuzz_byte(in) : 0;
	f->max_obj = (more & 0x80) != 0 ? 100 + 10 * fuzz_byte(in) : 0;
	f->max_version = 12;
	f->respuri = fuzz_below(in, 4) == 0 ? "http://h/other?s=1" : NULL;
}

static void
add_items(struct fake *f, struct memdb *m, struct slice *in)
{
	static const char card[] = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:A;B\r\n"
				   "FN:B A\r\nEND:VCARD\r\n";
	static const char long_one[] =
	    "BEGIN:VCARD\r\nVERSION:3.0\r\nN:A;B\r\nFN:B A\r\nNOTE:0123456789"
	    "012345678901234567890123456789012345678901234567890123456789012345"
	    "012345678901234567890123456789012345678901234567890123456789012345"
	    "012345678901234567890123456789012345678901234567890123456789012345"
	    "012345678901234567890123456789012345678901234567890123456789012345"
	    "\r\nEND:VCARD\r\n";
	unsigned n = fuzz_byte(in);

	for (unsigned i = 0; i < (n & 3); i++)
		(void)fake_add(f, card, sizeof(card) - 1);
	for (unsigned i = 0; i < (n >> 2 & 3); i++)
		(void)memdb_add(m, card, sizeof(card) - 1);
	if ((n & 0x10) != 0)
		(void)fake_add(f, long_one, sizeof(long_one) - 1);
	if ((n & 0x20) != 0)
		(void)memdb_add(m, long_one, sizeof(long_one) - 1);
}

/* One change of an answer, as the input says. */
static struct slice
edit(struct arena *a, struct slice s, struct slice *in)
{
	unsigned how = fuzz_byte(in);
	size_t at = fuzz_byte(in) * 256U;
	size_t n;
	struct slice put = { "", 0 };
	struct buf b = BUF_IN(a);

	at += fuzz_byte(in);
	at = s.n == 0 ? 0 : at % s.n;
	n = fuzz_byte(in);
	if ((how & 1) != 0)
		put = fuzz_piece(in);
	if ((how & 2) != 0) /* double a part of it */
		put = slice_sub(s, at, n * 4);
	buf_add(&b, slice_sub(s, 0, at));
	buf_add(&b, put);
	buf_add(&b, slice_from(s, at + ((how & 4) != 0 ? n : put.n)));
	return buf_slice(&b);
}

static struct slice
answer(struct arena *a, struct fake *f, struct slice body, struct slice *last,
       struct slice *in)
{
	unsigned how = fuzz_byte(in);
	struct slice s;

	fake_handle(f, a, body, &s);
	if (how == 0xFF)
		return fuzz_piece(in);
	if (how == 0xFE)
		return *last;
	*last = s;
	for (unsigned i = 0; i < how % EDITS_MAX && how > 0x40; i++)
		s = edit(a, s, in);
	return s;
}

/* One session; the verdict that it ended with. */
static enum cli_verdict
session(struct arena *a, struct cli *c, struct fake *f, struct slice *in)
{
	enum cli_verdict verdict = CLI_RUNNING;
	struct slice last = { "", 0 };

	for (int i = 0; i < MESSAGES_MAX; i++) {
		struct err e = { .code = ERR_NONE };
		struct slice body;
		struct slice url;
		struct slice type;

		if (cli_next(c, &body, &url, &verdict, &e) != 0) {
			FUZZ_CHECK(e.code != ERR_NONE && e.code != ERR_BUG);
			return CLI_FAILED;
		}
		if (verdict != CLI_RUNNING)
			return verdict;
		FUZZ_CHECK(body.n > 0 && url.n > 0);
		type = slice_c(cli_content_type(c));
		body = answer(a, f, body, &last, in);
		if (cli_reply(c, type, body, &e) != 0) {
			FUZZ_CHECK(e.code != ERR_NONE && e.code != ERR_BUG);
			return CLI_FAILED;
		}
		if (fuzz_below(in, 32) == 31)
			cli_suspend(c);
	}
	return CLI_RUNNING;
}

static void
run(struct arena *a, struct memdb *m, struct fake *f, struct slice *in)
{
	struct cli_db *dbs[] = { &m->db };
	unsigned how = fuzz_byte(in);
	struct cli_conf conf = {
		.url = SLICE_LIT("http://h/sync"),
		.dev_id = SLICE_LIT("dev-a"),
		.sid = SLICE_LIT("1"),
		.user = SLICE_LIT("anna"),
		.password = SLICE_LIT("secret"),
		.enc = (how & 1) != 0 ? SML_WBXML : SML_XML,
		.version = 10 + (int)(how >> 1 & 3) % 3,
		.auth = (how & 8) != 0 ? SML_AUTH_NONE : SML_AUTH_BASIC,
		.max_msg_bytes = (how & 0x10) != 0 ? 2000 : 0,
		.max_obj_bytes = (how & 0x20) != 0 ? 5000 : 0,
		.never_get = (how & 0x40) != 0,
		.man = SLICE_LIT("M"),
		.mod = SLICE_LIT("m"),
		.swv = SLICE_LIT("1"),
		.devtyp = SLICE_LIT("pda"),
		.clk = &clock_2026,
	};
	struct cli *c;

	fake_begin(f);
	m->db.ask = CLI_TWO_WAY + (int)fuzz_below(in, 6);
	FUZZ_CHECK(cli_new(&conf, dbs, 1, &c, NULL) == 0);
	(void)session(a, c, f, in);
	cli_free(&c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(FUZZ_MEMORY_MAX);
	struct slice in = fuzz_input(data, size);
	struct memdb m;
	struct fake f;

	if (a == NULL)
		return 0;
	memdb_init(&m, "contacts");
	fake_init(&f);
	set_server(&f, &in);
	add_items(&f, &m, &in);
	run(a, &m, &f, &in);
	if (in.n > 0)
		run(a, &m, &f, &in); /* what the first left behind */
	fake_free(&f);
	memdb_free(&m);
	fuzz_arena_end(&a);
	return 0;
}
