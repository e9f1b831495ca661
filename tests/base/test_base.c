/* The base library: views, arenas, buffers, digests, time, log values. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/log.h"
#include "base/random.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void
slices_compare_and_cut(void **state)
{
	struct slice s = SLICE_LIT("  Anchor=276 \r\n");
	struct slice rest = SLICE_LIT("a;;b");
	struct slice f;

	(void)state;
	assert_true(slice_is(slice_trim(s), "Anchor=276"));
	assert_true(slice_eq_nocase(SLICE_LIT("TyPe"), SLICE_LIT("tYpE")));
	assert_false(slice_eq_nocase(SLICE_LIT("\xC4"), SLICE_LIT("\xE4")));
	assert_int_equal(slice_find(s, '='), 8);
	assert_int_equal(slice_find(s, '#'), SIZE_MAX);
	assert_int_equal(slice_find_str(s, "27"), 9);
	assert_int_equal(slice_from(s, 1000).n, 0);
	assert_true(slice_cmp(SLICE_LIT("ab"), SLICE_LIT("abc")) < 0);
	assert_true(slice_cmp(SLICE_LIT("b"), SLICE_LIT("abc")) > 0);
	assert_true(slice_split(&rest, ';', &f) && slice_is(f, "a"));
	assert_true(slice_split(&rest, ';', &f) && f.n == 0);
	assert_true(slice_split(&rest, ';', &f) && slice_is(f, "b"));
	assert_false(slice_split(&rest, ';', &f));
	rest = SLICE_LIT(" ,one  two,");
	assert_true(slice_word(&rest, " ,", &f) && slice_is(f, "one"));
	assert_true(slice_word(&rest, " ,", &f) && slice_is(f, "two"));
	assert_false(slice_word(&rest, " ,", &f));
	assert_false(slice_word(&rest, " ,", &f));
	rest = (struct slice){ "a\0b", 3 }; /* a NUL is a byte, no gap */
	assert_true(slice_word(&rest, " ", &f) && f.n == 3);
	assert_int_equal(slice_upper('z'), 'Z');
	assert_int_equal(slice_lower('Z'), 'z');
	assert_int_equal(slice_upper('{'), '{');
	assert_int_equal(slice_lower('['), '[');
	assert_int_equal(slice_upper('\xE4'), '\xE4');
}

static void
numbers_are_strict(void **state)
{
	int64_t v = 7;
	uint32_t u = 7;

	(void)state;
	assert_true(slice_i64(SLICE_LIT(" -42\n"), &v));
	assert_int_equal(v, -42);
	assert_true(slice_i64(SLICE_LIT("9223372036854775807"), &v));
	assert_true(v == INT64_MAX);
	v = 7;
	assert_false(slice_i64(SLICE_LIT("9223372036854775808"), &v));
	assert_false(slice_i64(SLICE_LIT("12x"), &v));
	assert_false(slice_i64(SLICE_LIT(""), &v));
	assert_false(slice_i64(SLICE_LIT("-"), &v));
	assert_int_equal(v, 7);
	assert_true(slice_u32(SLICE_LIT("4294967295"), &u));
	assert_false(slice_u32(SLICE_LIT("4294967296"), &u));
	assert_false(slice_u32(SLICE_LIT("-1"), &u));
}

static void
utf8_is_checked_and_cut(void **state)
{
	static const struct {
		struct slice s;
		bool ok;
	} row[] = {
		{ SLICE_INIT("Gr\xC3\xBC\xC3\x9F\x65"), true },
		{ SLICE_INIT("\xF0\x9F\x98\x80"), true },
		{ SLICE_INIT("\xC0\xAF"), false },         /* overlong */
		{ SLICE_INIT("\xE0\x80\x80"), false },     /* overlong */
		{ SLICE_INIT("\xED\xA0\x80"), false },     /* surrogate */
		{ SLICE_INIT("\xF4\x90\x80\x80"), false }, /* > U+10FFFF */
		{ SLICE_INIT("\xE2\x82"), false },         /* cut short */
		{ SLICE_INIT("\x80"), false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		assert_int_equal(slice_utf8_ok(row[i].s), row[i].ok);
	assert_int_equal(slice_utf8_count(row[0].s), 5);
	assert_int_equal(slice_utf8_cut(row[0].s, 3).n, 2);
	assert_int_equal(slice_utf8_cut(row[0].s, 4).n, 4);
}

static void
arenas_have_a_cap(void **state)
{
	struct arena *a = arena_new(10000);
	size_t total = 0;
	char *p;

	(void)state;
	assert_non_null(a);
	while ((p = arena_alloc(a, 100)) != NULL) {
		assert_int_equal((uintptr_t)p % 16, 0);
		assert_int_equal(p[0] | p[99], 0);
		p[0] = 1;
		total += 112;
	}
	assert_true(total <= 10000 && total > 9800);
	assert_null(arena_alloc(a, SIZE_MAX));
	assert_null(arena_array(a, SIZE_MAX / 2, 4));
	arena_reset(a);
	p = arena_alloc(a, 100);
	assert_non_null(p);
	assert_int_equal(p[0], 0); /* zeroed again */
	arena_fail_at(a, 2, false);
	assert_non_null(arena_alloc(a, 1));
	assert_null(arena_alloc(a, 1));
	assert_non_null(arena_alloc(a, 1));
	arena_fail_at(a, 1, true);
	assert_null(arena_alloc(a, 1));
	assert_null(arena_alloc(a, 1));
	arena_free(&a);
	assert_null(a);
}

static void
arenas_go_back(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct arena_mark empty = arena_mark(a);
	struct arena_mark m;
	size_t used;
	char *kept;
	char *p;

	(void)state;
	kept = arena_alloc(a, 100);
	assert_non_null(kept);
	memset(kept, 'k', 100);
	m = arena_mark(a);
	used = arena_used(a);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 100; i++) {
			p = arena_alloc(a, 1000); /* several blocks */
			assert_non_null(p);
			for (int k = 0; k < 1000; k++)
				assert_int_equal(p[k], 0);
			memset(p, 'x', 1000);
		}
		arena_rewind(a, m);
		assert_int_equal(arena_used(a), used);
	}
	for (int k = 0; k < 100; k++)
		assert_int_equal(kept[k], 'k');
	arena_rewind(a, empty);
	assert_int_equal(arena_used(a), 0);
	assert_non_null(arena_alloc(a, 1000));
	arena_free(&a);
}

static void
strings_in_arenas(void **state)
{
	struct arena *a = arena_new(100000);

	(void)state;
	assert_null(arena_cstr(a, (struct slice){ "a\0b", 3 }));
	assert_string_equal(arena_cstr(a, (struct slice){ "abc", 2 }), "ab");
	assert_true(slice_is(arena_printf(a, "%d-%s", 7, "x"), "7-x"));
	assert_non_null(arena_copy(a, (struct slice){ NULL, 0 }).p);
	arena_free(&a);
}

static void
buffers_grow_and_stick(void **state)
{
	struct arena *a = arena_new(1000000);
	struct buf b = BUF_IN(a);
	char big[600];

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	for (int i = 0; i < 1000; i++)
		buf_byte(&b, 'a');
	buf_printf(&b, "%s", big);
	buf_str(&b, "end");
	assert_true(buf_ok(&b));
	assert_int_equal(buf_slice(&b).n, 1000 + 599 + 3);
	assert_true(slice_ends(buf_slice(&b), "xend"));
	buf_cut(&b, 5);
	assert_true(slice_is(buf_slice(&b), "aaaaa"));
	b = BUF_IN(a);
	b.max = 10;
	buf_str(&b, "12345678");
	buf_str(&b, "90abc");
	buf_str(&b, "x");
	assert_false(buf_ok(&b));
	assert_true(slice_is(buf_slice(&b), "12345678"));
	arena_free(&a);
}

static void
digests_have_known_values(void **state)
{
	struct arena *a = arena_new(100000);
	struct slice part[2] = { SLICE_LIT("anna:"), SLICE_LIT("secret") };
	unsigned char md5[DIGEST_MD5_BYTES];
	struct slice raw = { (char *)md5, sizeof(md5) };
	struct slice out;

	(void)state;
	digest_md5(part, 2, md5);
	assert_true(slice_is(digest_b64(a, raw), "uM8xDNOSVQxTSBKi/NNtsg=="));
	assert_true(slice_is(digest_hex(a, SLICE_LIT("\x01\xFF")), "01ff"));
	assert_true(digest_unb64(a, SLICE_LIT("YW5u\r\n YTpzZWNyZXQ"), &out));
	assert_true(slice_is(out, "anna:secret"));
	assert_false(digest_unb64(a, SLICE_LIT("YW5u*"), &out));
	assert_true(digest_unb64(a, SLICE_LIT(""), &out) && out.n == 0);
	assert_true(digest_same(SLICE_LIT("abc"), SLICE_LIT("abc")));
	assert_false(digest_same(SLICE_LIT("abc"), SLICE_LIT("abd")));
	assert_false(digest_same(SLICE_LIT("abc"), SLICE_LIT("ab")));
	assert_true(digest_u64(SLICE_LIT("a")) == digest_u64(SLICE_LIT("a")));
	assert_true(digest_u64(SLICE_LIT("a")) != digest_u64(SLICE_LIT("b")));
	arena_free(&a);
}

static void
time_is_written_in_utc(void **state)
{
	char basic[17];
	char ext[21];

	(void)state;
	clk_iso_basic(951868799123, basic);
	clk_iso(951868799123, ext);
	assert_string_equal(basic, "20000229T235959Z");
	assert_string_equal(ext, "2000-02-29T23:59:59Z");
}

static void
randomness_repeats_only_from_a_seed(void **state)
{
	struct rnd_seeded x;
	struct rnd_seeded y;
	char a[33];
	char b[33];

	(void)state;
	rnd_seed(&x, 5);
	rnd_seed(&y, 5);
	rnd_text(&x.r, a, sizeof(a));
	rnd_text(&y.r, b, sizeof(b));
	assert_string_equal(a, b);
	assert_int_equal(strlen(a), 32);
	rnd_text(&x.r, b, sizeof(b));
	assert_string_not_equal(a, b);
	rnd_text(&rnd_system, b, sizeof(b));
	assert_string_not_equal(a, b);
}

static void
log_values_cannot_forge_lines(void **state)
{
	char out[201];
	char small[12];

	(void)state;
	assert_string_equal(
	    log_quote(SLICE_LIT("a\nlevel=error\x7F"), out, sizeof(out)),
	    "a\\x0alevel=error\\x7f");
	assert_string_equal(log_quote(SLICE_LIT("\xFF\\"), out, sizeof(out)),
			    "\\xff\\x5c");
	assert_string_equal(log_quote(SLICE_LIT("abcdef\xC3\xBC\xC3\xBC"),
				      small, sizeof(small)),
			    "abcdef");
}

static void
errors_carry_their_reason(void **state)
{
	char longer[300] = "";
	struct err e;

	(void)state;
	assert_int_equal(err_set(&e, ERR_LIMIT, "t.x", "%d bytes", 5), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_string_equal(e.msg, "5 bytes");
	assert_int_equal(err_set(NULL, ERR_BUG, "t.x", "nobody listens"), -1);
	assert_int_equal(err_errno(NULL, ERR_IO, EIO, "t.x", "nobody"), -1);
	assert_int_equal(err_errno(&e, ERR_IO, ENOENT, "t.y", "open %s", "f"),
			 -1);
	assert_int_equal(e.code, ERR_IO);
	assert_int_equal(e.sys, ENOENT);
	assert_string_equal(e.msg, "open f: No such file or directory");
	memset(longer, 'x', sizeof(longer) - 1);
	(void)err_errno(&e, ERR_IO, EACCES, "t.y", "%s", longer);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
	assert_string_equal(err_name(ERR_UNAVAILABLE), "unavailable");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slices_compare_and_cut),
		cmocka_unit_test(numbers_are_strict),
		cmocka_unit_test(utf8_is_checked_and_cut),
		cmocka_unit_test(arenas_have_a_cap),
		cmocka_unit_test(arenas_go_back),
		cmocka_unit_test(strings_in_arenas),
		cmocka_unit_test(buffers_grow_and_stick),
		cmocka_unit_test(digests_have_known_values),
		cmocka_unit_test(time_is_written_in_utc),
		cmocka_unit_test(randomness_repeats_only_from_a_seed),
		cmocka_unit_test(log_values_cannot_forge_lines),
		cmocka_unit_test(errors_carry_their_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
