/* Notifications against worked examples that other implementations read. */
#include "syncml/notify.h"

#include "base/digest.h"
#include "syncml/limits.h"
#include "syncml/msg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static int
setup(void **state)
{
	*state = arena_new(1 << 20);
	return *state == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	struct arena *a = *state;

	arena_free(&a);
	return 0;
}

static void
assert_hex(struct arena *a, struct slice s, const char *want)
{
	char *got = arena_cstr(a, digest_hex(a, s));

	assert_non_null(got);
	assert_string_equal(got, want);
}

static const struct sml_notify_sync two[] = {
	{ 206, SLICE_INIT("text/x-vcard"), SLICE_INIT("./card") },
	{ 206, SLICE_INIT("text/x-vcalendar"), SLICE_INIT("./cal") },
};

static struct sml_notify
example(void)
{
	return (struct sml_notify){ .version = 12,
				    .session = 0x2a,
				    .server = SLICE_LIT("groupsrv"),
				    .ui = SML_UI_BACKGROUND,
				    .sync = two,
				    .n = 2 };
}

/* libsynthesis makes and reads the same 54 octets. */
static void
test_san_is_the_worked_example(void **state)
{
	struct sml_notify in = example();
	struct sml_notify_proof proof = { true, SLICE_LIT("srvsecret"),
					  SLICE_LIT("n0nce-1234") };
	struct slice got;

	assert_int_equal(sml_notify_san(*state, &in, &proof, &got, NULL), 0);
	assert_hex(*state, got,
		   "76fce1909d48df6ee13853862e910735"
		   "0318000000002a0867726f757073727620"
		   "60000007062e2f6361726460000006052e2f63616c");
}

static void
test_san_without_proof_has_zeros(void **state)
{
	struct sml_notify in = example();
	struct sml_notify_proof none = { .there = false };
	struct slice got;

	in.ui = SML_UI_ASK;
	in.version = 11;
	in.session = 0xfffe;
	in.n = 0;
	assert_int_equal(sml_notify_san(*state, &in, &none, &got, NULL), 0);
	assert_hex(*state, got,
		   "00000000000000000000000000000000"
		   "02f8000000fffe0867726f757073727600");
}

/* The nonce may hold any octets, and be empty: other digests each time. */
static void
test_san_digest_hangs_on_all(void **state)
{
	struct sml_notify in = example();
	struct sml_notify_proof proof[] = {
		{ true, SLICE_INIT("srvsecret"), SLICE_INIT("") },
		{ true, SLICE_INIT("srvsecret"), SLICE_INIT("\0\xff:") },
		{ true, SLICE_INIT("srvsecres"), SLICE_INIT("") },
	};
	struct slice got[4];

	for (size_t i = 0; i < 3; i++)
		assert_int_equal(
		    sml_notify_san(*state, &in, &proof[i], &got[i], NULL), 0);
	in.session++;
	assert_int_equal(sml_notify_san(*state, &in, &proof[0], &got[3], NULL),
			 0);
	for (size_t i = 0; i < 4; i++) {
		for (size_t k = i + 1; k < 4; k++)
			assert_false(slice_eq(slice_sub(got[i], 0, 16),
					      slice_sub(got[k], 0, 16)));
	}
}

static void
test_san_fields_have_limits(void **state)
{
	struct sml_notify_sync many[SML_NOTIFY_SYNCS_MAX + 1];
	struct sml_notify_proof none = { .there = false };
	struct sml_notify in = example();
	char name[256];
	struct slice got;
	struct err e = { .code = ERR_NONE };

	for (size_t i = 0; i <= SML_NOTIFY_SYNCS_MAX; i++)
		many[i] =
		    (struct sml_notify_sync){ 210, SLICE_LIT("text/plain"),
					      SLICE_LIT("./n") };
	in.sync = many;
	in.n = SML_NOTIFY_SYNCS_MAX;
	assert_int_equal(sml_notify_san(*state, &in, &none, &got, NULL), 0);
	assert_int_equal(got.n, 16 + 7 + 9 + 1 + 15 * 8);
	assert_int_equal((unsigned char)got.p[32], 0xf0);
	assert_int_equal((unsigned char)got.p[33], 0xa0);
	in.n++; /* more than can be counted: all */
	assert_int_equal(sml_notify_san(*state, &in, &none, &got, NULL), 0);
	assert_int_equal(got.n, 16 + 7 + 9 + 1);
	assert_int_equal(got.p[32], 0);

	memset(name, 'x', sizeof(name));
	in = example();
	in.server = (struct slice){ name, 255 };
	assert_int_equal(sml_notify_san(*state, &in, &none, &got, NULL), 0);
	in.server.n++;
	assert_int_equal(sml_notify_san(*state, &in, &none, &got, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	in = example();
	many[0].code = 205;
	in.sync = many;
	assert_int_equal(sml_notify_san(*state, &in, &none, &got, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	in = example();
	in.session = 0;
	assert_int_equal(sml_notify_san(*state, &in, &none, &got, &e), -1);
}

/* The bytes are those that libwbxml makes of the same document. */
static void
test_message_is_the_worked_example(void **state)
{
	struct sml_notify in = {
		.version = 11,
		.session = 1,
		.server = SLICE_LIT("http://s/sync"),
		.device = SLICE_LIT("IMEI:350001"),
		.sync = two,
		.n = 1,
	};
	struct slice got;

	assert_int_equal(sml_notify_message(*state, &in, SML_WBXML, &got, NULL),
			 0);
	assert_int_equal(got.n, 129);
	assert_hex(
	    *state, got,
	    "029f536a006d6c7103312e310001720353796e634d4c2f312e31000165033100"
	    "015b033100016e5703494d45493a333530303031000101675703687474703a2f"
	    "2f732f73796e63000101016b464b033100014f033230360001546757032e2f63"
	    "6172640001015a00015303746578742f782d7663617264000101010100001201"
	    "01");
}

/* Every version and encoding reads back as what was meant. */
static void
test_message_reads_back(void **state)
{
	static const int version[] = { 10, 11 };
	struct sml_notify in = example();

	in.device = SLICE_LIT("IMEI:1");
	for (size_t i = 0; i < 4; i++) {
		enum sml_enc enc = i % 2 == 0 ? SML_XML : SML_WBXML;
		struct sml_msg *m;
		struct slice got;

		in.version = version[i / 2];
		assert_int_equal(
		    sml_notify_message(*state, &in, enc, &got, NULL), 0);
		assert_int_equal(sml_msg_read(*state, enc, got, NULL, &m, NULL),
				 0);
		assert_int_equal(m->doc.version, in.version);
		assert_true(m->final);
		assert_true(slice_is(m->hdr.sid, "2A"));
		assert_true(slice_is(m->hdr.target, "IMEI:1"));
		assert_int_equal(m->cmd_n, 2);
		for (size_t k = 0; k < 2; k++) {
			assert_int_equal(m->cmds[k].tag, SML_ALERT);
			assert_true(slice_is(m->cmds[k].data, "206"));
			assert_true(
			    slice_eq(m->cmds[k].items[0].source, two[k].uri));
			assert_true(slice_eq(m->cmds[k].items[0].meta.type,
					     two[k].type));
		}
	}
}

static void
test_numbers_of_content_types(void **state)
{
	(void)state;
	assert_int_equal(sml_notify_type(SLICE_LIT("text/x-vCard")), 7);
	assert_int_equal(sml_notify_type(SLICE_LIT("text/calendar")), 0x305);
	assert_int_equal(
	    sml_notify_type(SLICE_LIT("application/vnd.omads-email+xml")),
	    0x306);
	assert_int_equal(sml_notify_type(SLICE_LIT("text/x-s4j-sifc")), 0);
	assert_int_equal(sml_notify_type(SLICE_LIT("")), 0);
}

static void
test_session_ids_that_answer(void **state)
{
	(void)state;
	assert_true(sml_notify_answers(42, SLICE_LIT("2A")));
	assert_true(sml_notify_answers(42, SLICE_LIT("2a")));
	assert_true(sml_notify_answers(42, SLICE_LIT("42")));
	assert_false(sml_notify_answers(42, SLICE_LIT("02A")));
	assert_false(sml_notify_answers(42, SLICE_LIT("")));
	assert_false(sml_notify_answers(42, SLICE_LIT("1")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_san_is_the_worked_example,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_san_without_proof_has_zeros, setup, teardown),
		cmocka_unit_test_setup_teardown(test_san_digest_hangs_on_all,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_san_fields_have_limits,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_message_is_the_worked_example, setup, teardown),
		cmocka_unit_test_setup_teardown(test_message_reads_back, setup,
						teardown),
		cmocka_unit_test(test_numbers_of_content_types),
		cmocka_unit_test(test_session_ids_that_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
