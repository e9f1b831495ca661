/*
 * docs/conformance.md: what each status code of the device does to our Add,
 * Replace and Delete. Told by the session that follows.
 */
#include "tests/syncml/conform.h"

enum what { NOTHING = 0, ADD = 1, REPLACE = 2, DELETE = 4 };

/* Codes that mean "done"; all others mean "not done". */
static const int good[] = { 200, 201, 202, 203, 204, 205, 207, 208,
			    209, 210, 211, 212, 214, 304, 418, 419 };
static const int codes[] = {
	200, 201, 202, 203, 204, 205, 206, 207, 208, 209, 210, 211, 212, 214,
	215, 216, 300, 301, 302, 303, 304, 305, 400, 401, 402, 403, 404, 405,
	406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 419,
	420, 421, 422, 423, 424, 425, 426, 427, 428, 500, 501, 502, 503, 504,
	505, 506, 507, 508, 509, 510, 511, 512, 513, 514, 516, 517, 599, 999,
};
enum { CODES = sizeof(codes) / sizeof(codes[0]) };

static bool
is_good(int code)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (good[i] == code)
			return true;
	}
	return false;
}

/* One of our commands of this kind goes out to "IMEI:1". */
static void
provoke(struct raw *r, enum what kind)
{
	struct raw o;

	open_raw(&o, "IMEI:9", "1");
	first_sync(&o, 3, "o1");
	open_raw(r, "IMEI:1", "1");
	begin(r, "1", 201, NULL, "n1");
	sync_open(r, "contacts");
	for (int i = kind == ADD ? 1 : 0; i < 3; i++) {
		const char *u = arena_printf(bench.a, "u%d", i).p;

		change(r, "Add", arena_printf(bench.a, "L%d", i).p, u);
	}
	sync_close(r);
	(void)post(r, FINAL);
	if (kind == ADD)
		return;
	finish(r);
	begin(&o, "2", 200, "o1", "o2");
	one_change(&o, "contacts", kind == REPLACE ? "Replace" : "Delete", "u0",
		   kind == REPLACE ? "u0 changed" : NULL);
	(void)post(&o, FINAL);
	finish(&o);
	ask(r, "2", 200, "n1", "n2");
}

/* What the next session sends, as kinds. */
static int
then(struct raw *r, enum what kind)
{
	if (kind == ADD)
		ask(r, "3", 200, "n1", "n3");
	else
		ask(r, "3", 200, "n2", "n3");
	assert_true(count(r->m, SML_ADD) + count(r->m, SML_REPLACE) +
			count(r->m, SML_DELETE) <=
		    1);
	return (count(r->m, SML_ADD) > 0 ? ADD : 0) |
	       (count(r->m, SML_REPLACE) > 0 ? REPLACE : 0) |
	       (count(r->m, SML_DELETE) > 0 ? DELETE : 0);
}

static void
all_codes(enum what kind, int (*want)(int code))
{
	for (int i = 0; i < CODES; i++) {
		struct raw r;
		int got;

		provoke(&r, kind);
		assert_int_equal(count(r.m, kind == ADD       ? SML_ADD
					    : kind == REPLACE ? SML_REPLACE
							      : SML_DELETE),
				 1);
		answer_all(&r, codes[i]);
		(void)post(&r, FINAL);
		assert_true(r.m->final);
		got = then(&r, kind);
		if (got != want(codes[i]))
			fail_msg("status %d: then %d", codes[i], got);
		bench_close(&bench);
		bench_open(&bench);
	}
}

static int
after_add(int code)
{
	return is_good(code) ? NOTHING : ADD;
}

/* K-STATUS-200 to K-STATUS-599, S-ERR-1, S-ERR-2, S-ERR-5: an Add that did not
   work comes again. */
static void
codes_for_our_add(void **state)
{
	(void)state;
	all_codes(ADD, after_add);
}

static int
after_replace(int code)
{
	if (code == 404 || code == 410)
		return ADD;
	return is_good(code) ? NOTHING : REPLACE;
}

/* S-ERR-4, S-MAP-6: it has lost the item: it goes out as an Add. */
static void
codes_for_our_replace(void **state)
{
	(void)state;
	all_codes(REPLACE, after_replace);
}

static int
after_delete(int code)
{
	return is_good(code) || code == 404 || code == 410 ? NOTHING : DELETE;
}

/* S-ERR-3, S-MAP-7: who has not got it need not delete it. */
static void
codes_for_our_delete(void **state)
{
	(void)state;
	all_codes(DELETE, after_delete);
}

/* K-STATUS-101: not finished: what follows counts. */
static void
in_progress(void **state)
{
	static const int rows[][2] = { { 200, NOTHING }, { 500, ADD } };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct raw r;
		const char *msg;
		const char *cmd;

		provoke(&r, ADD);
		msg = text(r.m->hdr.msgid);
		cmd = text(nth_kid(r.m, SML_ADD, 0)->cmdid);
		status(&r, msg, "0", "SyncHdr", 200);
		status(&r, msg, cmd, "Add", 101);
		(void)post(&r, 0);
		status(&r, msg, cmd, "Add", rows[i][0]);
		(void)post(&r, FINAL);
		assert_int_equal(then(&r, ADD), rows[i][1]);
		bench_close(&bench);
		bench_open(&bench);
	}
}

/* S-ERR-6, K-STATUS-420: full: no further Add in this sync, and it ends well;
   changes and deletions go on. */
static void
device_full(void **state)
{
	struct raw r, o;
	int adds = 0;

	(void)state;
	open_raw(&o, "IMEI:9", "1");
	first_sync(&o, 40, "o1");
	open_raw(&r, "IMEI:1", "1");
	r.max_msg = 3000;
	begin(&r, "1", 201, NULL, "n1");
	sync_open(&r, "contacts");
	sync_close(&r);
	(void)post(&r, FINAL);
	adds = count(r.m, SML_ADD);
	assert_true(adds > 1 && adds < 20);
	for (int round = 0; !r.m->final; round++) {
		assert_true(round < 20);
		answer_all(&r, 420);
		plain_alert(&r, 222);
		(void)post(&r, 0);
		adds += count(r.m, SML_ADD);
	}
	/* What was under way when it said so, and no more. */
	assert_true(adds < 20);
	finish(&r);
	r.max_msg = 60000;
	ask(&r, "2", 200, "n1", "n2");
	assert_int_equal(count(r.m, SML_ADD), 40);
}

/* S-STAT-7: no Status at the package's end, and the session breaks there: it
   comes again. */
static void
no_status_and_broken(void **state)
{
	struct raw r;

	(void)state;
	provoke(&r, REPLACE); /* the answer is lost on its way */
	again(&r, "3");
	alert(&r, 200, "contacts", "n1", "n3");
	(void)post(&r, FINAL | CRED);
	assert_int_equal(code_of(r.m, "Alert"), 200);
	answer_all(&r, 200);
	sync_open(&r, "contacts");
	sync_close(&r);
	(void)post(&r, FINAL);
	assert_int_equal(count(r.m, SML_REPLACE), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(codes_for_our_add),    T(codes_for_our_replace),
		T(codes_for_our_delete), T(in_progress),
		T(device_full),          T(no_status_and_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
