/* The credential formulas against vectors that other implementations share. */
#include "syncml/auth.h"

#include "base/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

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

static struct sml_cred
cred_of(const char *type, const char *format, struct slice data)
{
	return (struct sml_cred){ .present = true,
				  .meta = { .type = slice_c(type),
					    .format = slice_c(format) },
				  .data = data };
}

static void
assert_slice(struct slice s, const char *want)
{
	assert_int_equal(s.n, strlen(want));
	assert_memory_equal(s.p, want, s.n);
}

struct basic {
	const char *user, *password, *data;
};

static const struct basic basics[] = {
	{ "Bruce2", "OhBehave", "QnJ1Y2UyOk9oQmVoYXZl" },
	{ "anna", "secret", "YW5uYTpzZWNyZXQ=" },
	{ "j\xc3\xbcrgen", "pa\xc3\x9f", "asO8cmdlbjpwYcOf" },
	{ "", "", "Og==" },
	{ "a", "b:c:d", "YTpiOmM6ZA==" },
};

static void
test_basic_vectors(void **state)
{
	for (size_t i = 0; i < sizeof(basics) / sizeof(basics[0]); i++) {
		const struct basic *v = &basics[i];
		struct sml_cred c =
		    cred_of("syncml:auth-basic", "b64", slice_c(v->data));
		struct slice user, password;
		struct sml_cred made;
		struct err e;

		assert_true(sml_auth_basic(*state, &c, &user, &password));
		assert_slice(user, v->user);
		assert_slice(password, v->password);
		assert_int_equal(
		    sml_auth_cred(*state, SML_AUTH_BASIC, slice_c(v->user),
				  slice_c(v->password), SLICE_LIT("x"), false,
				  &made, &e),
		    0);
		assert_slice(made.data, v->data);
		assert_int_equal(sml_auth_type(&made), SML_AUTH_BASIC);
	}
}

static bool
basic_reads(struct arena *a, const char *format, struct slice data,
	    const char *user, const char *password)
{
	struct sml_cred c = cred_of(NULL, format, data);
	struct slice u, p;

	return sml_auth_basic(a, &c, &u, &p) && slice_is(u, user) &&
	       slice_is(p, password);
}

static void
test_basic_lenient(void **state)
{
	/* as it is, without Format (BBDB) */
	assert_true(basic_reads(*state, NULL, SLICE_LIT("anna:secret"), "anna",
				"secret"));
	/* base64 without Format, wrapped, without padding */
	assert_true(basic_reads(*state, NULL, SLICE_LIT("YW5uYTpzZWNyZXQ="),
				"anna", "secret"));
	assert_true(basic_reads(*state, "b64",
				SLICE_LIT("\n YW5uYTpz\r\nZWNy"
					  "ZXQ\n"),
				"anna", "secret"));
	/* a NUL at the end: "anna:secret\0" */
	assert_true(basic_reads(*state, "b64", SLICE_LIT("YW5uYTpzZWNyZXQA"),
				"anna", "secret"));
	assert_true(basic_reads(*state, NULL, SLICE_LIT("anna:secret\0"),
				"anna", "secret"));
}

static void
test_basic_malformed(void **state)
{
	struct slice u, p;
	static const struct slice bad[] = {
		SLICE_INIT("YW5uYQ=="),     /* no colon */
		SLICE_INIT("YW4AbmE6eA=="), /* NUL in the name */
		SLICE_INIT("####"),         SLICE_INIT("YW5uYTpzZWNyZXQ=x"),
		SLICE_INIT("====="),        SLICE_INIT("\0"),
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct sml_cred c = cred_of(NULL, "b64", bad[i]);

		assert_false(sml_auth_basic(*state, &c, &u, &p));
	}
	/* encoded twice is not decoded twice */
	assert_false(basic_reads(*state, "b64",
				 SLICE_LIT("WVc1dVlUcHpaV055WlhRPQ=="), "anna",
				 "secret"));
}

struct md5 {
	const char *user, *password;
	struct slice nonce;
	const char *inner, *data, *data10;
};

static const struct md5 md5s[] = {
	{ "Bruce2", "OhBehave", SLICE_INIT("Nonce"), "PtEdr8lBQ45IbT1bZIkrOQ==",
	  "Zz6EivR3yeaaENcRN6lpAQ==", "UmkqAAZhiQvXXhfaf/u+OQ==" },
	{ "anna", "secret", SLICE_INIT(""), "uM8xDNOSVQxTSBKi/NNtsg==",
	  "FrgXan5jdGjlmzc0ItHSNg==", "kb0VevheX2TgECcTbKnUzQ==" },
	{ "anna", "secret", SLICE_INIT("n0nce-1"), "uM8xDNOSVQxTSBKi/NNtsg==",
	  "SaxJs4AJQQRm2ZpDQ0co0A==", "vvsISIG+wYfuPcY8NWxr9g==" },
	{ "anna", "secret",
	  SLICE_INIT("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d"
		     "\x0e\x0f"),
	  "uM8xDNOSVQxTSBKi/NNtsg==", "IdciY8SoRVB6Z4DDI1kujw==",
	  "SjbR23EaUhaWLc1igRyGPQ==" },
	{ "j\xc3\xbcrgen", "pa\xc3\x9f", SLICE_INIT("n0nce-1"),
	  "thONUjjKhk4G62zBsElCAA==", "YxlTsi4Zr2Ftlp/yGnzvug==",
	  "6Xn2cIQY/xwYyXl761M57g==" },
	{ "guest", "guest", SLICE_INIT("\x00\xff\x3a\x00\x0a\x0d\x20\x80"),
	  "08O1y1XTxtDGEi7tzMPc8w==", "QHNkrh2CLJDPFuMBqNY6Zg==",
	  "eX0MqfHH5rMqEPz0OPbvhA==" },
	/* CTP: the same formula */
	{ "anna", "secret",
	  SLICE_INIT("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e"
		     "\x0f\x10"),
	  "uM8xDNOSVQxTSBKi/NNtsg==", "Z9djaH7saUarhVKY2HWPHQ==", NULL },
};

static void
check_md5(struct arena *a, const struct md5 *v, bool old, const char *data)
{
	struct sml_cred c = cred_of("syncml:auth-md5", "b64", slice_c(data));
	unsigned char made[16], sent[16];
	struct sml_cred wire;
	bool hex = true;
	struct err e;

	assert_int_equal(sml_auth_md5(a, slice_c(v->user), slice_c(v->password),
				      v->nonce, old, made, &e),
			 0);
	assert_true(sml_auth_digest(a, &c, &hex, sent));
	assert_false(hex);
	assert_memory_equal(made, sent, 16);
	assert_int_equal(sml_auth_cred(a, SML_AUTH_MD5, slice_c(v->user),
				       slice_c(v->password), v->nonce, old,
				       &wire, &e),
			 0);
	assert_slice(wire.data, data);
	assert_slice(wire.meta.type, "syncml:auth-md5");
	assert_slice(wire.meta.format, "b64");
}

static void
test_md5_vectors(void **state)
{
	for (size_t i = 0; i < sizeof(md5s) / sizeof(md5s[0]); i++) {
		const struct md5 *v = &md5s[i];
		struct sml_auth_key k;
		struct err e;

		assert_int_equal(sml_auth_key(*state, slice_c(v->user),
					      slice_c(v->password), false, &k,
					      &e),
				 0);
		assert_slice(k.part[0], v->inner);
		check_md5(*state, v, false, v->data);
		if (v->data10 != NULL)
			check_md5(*state, v, true, v->data10);
	}
}

static bool
digest_reads(struct arena *a, const char *format, struct slice data, bool *hex)
{
	static const unsigned char want[16] = {
		0x52, 0x69, 0x2a, 0x00, 0x06, 0x61, 0x89, 0x0b,
		0xd7, 0x5e, 0x17, 0xda, 0x7f, 0xfb, 0xbe, 0x39,
	};
	struct sml_cred c = cred_of("syncml:auth-md5", format, data);
	unsigned char got[16];

	return sml_auth_digest(a, &c, hex, got) &&
	       memcmp(got, want, sizeof(want)) == 0;
}

static void
test_digest_lenient(void **state)
{
	static const struct slice raw = SLICE_INIT(
	    "\x52\x69\x2a\x00\x06\x61\x89\x0b\xd7\x5e\x17\xda\x7f\xfb\xbe\x39");
	bool hex;

	assert_true(digest_reads(*state, "b64",
				 SLICE_LIT("UmkqAAZhiQvXXhfaf/u+OQ=="), &hex));
	assert_false(hex);
	/* no padding, wrapped */
	assert_true(digest_reads(*state, "b64",
				 SLICE_LIT(" UmkqAAZhiQvX\r\n XhfaVw"),
				 &hex) == false);
	assert_true(digest_reads(
	    *state, "b64", SLICE_LIT(" UmkqAAZhiQvX\r\n Xhfaf/u+OQ"), &hex));
	/* raw octets, as WBXML clients send them without Format */
	assert_true(digest_reads(*state, NULL, raw, &hex));
	assert_false(hex);
	/* base64 of the 32 hex digits: the example of the 1.0 texts */
	assert_true(digest_reads(
	    *state, "b64",
	    SLICE_LIT("NTI2OTJhMDAwNjYxODkwYmQ3NWUxN2RhN2ZmYmJlMzk="), &hex));
	assert_true(hex);
	assert_true(digest_reads(
	    *state, NULL, SLICE_LIT("52692A000661890BD75E17DA7FFBBE39"), &hex));
	assert_true(hex);
}

static void
test_digest_malformed(void **state)
{
	static const struct slice bad[] = {
		SLICE_INIT("Umkq"),
		SLICE_INIT("!!!!"),
		SLICE_INIT("UmkqAAZhiQvXXhfaf/u+OTk5"),
		SLICE_INIT("52692A000661890BD75E17DA7FFBBE3G"),
		SLICE_INIT(""),
	};
	unsigned char out[16];
	bool hex;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct sml_cred c = cred_of("syncml:auth-md5", "b64", bad[i]);

		assert_false(sml_auth_digest(*state, &c, &hex, out));
	}
}

static void
test_types(void **state)
{
	struct sml_cred c = { 0 };

	(void)state;
	assert_int_equal(sml_auth_type(&c), SML_AUTH_NONE);
	c.present = true;
	assert_int_equal(sml_auth_type(&c), SML_AUTH_BASIC);
	c.meta.type = SLICE_LIT(" syncml:auth-basic\n");
	assert_int_equal(sml_auth_type(&c), SML_AUTH_BASIC);
	c.meta.type = SLICE_LIT("syncml:auth-MD5");
	assert_int_equal(sml_auth_type(&c), SML_AUTH_MD5);
	c.meta.type = SLICE_LIT("syncml:auth-mac");
	assert_int_equal(sml_auth_type(&c), SML_AUTH_MAC);
	c.meta.type = SLICE_LIT("syncml:auth-x");
	assert_int_equal(sml_auth_type(&c), SML_AUTH_OTHER);
	assert_true(sml_auth_format_ok(&c));
	c.meta.format = SLICE_LIT("B64");
	assert_true(sml_auth_format_ok(&c));
	c.meta.format = SLICE_LIT("chr");
	assert_false(sml_auth_format_ok(&c));
}

/* ---- MAC ---- */

static const char body_a[] = "<SyncML><SyncHdr/><SyncBody/></SyncML>";
/* Package 0 of a server that speaks 1.1, made with another encoder. */
static const char body_b[] =
    "029f536a006d6c7103312e310001720353796e634d4c2f312e31000165033100015b033100"
    "016e5703494d45493a333530303031000101675703687474703a2f2f732f73796e63000101"
    "016b464b033100014f033230360001546757032e2f636172640001015a00015303746578"
    "742f782d766361726400010101010000120101";

static struct slice
from_hex(struct arena *a, const char *hex)
{
	size_t n = strlen(hex) / 2;
	unsigned char *p = arena_alloc(a, n);

	for (size_t i = 0; i < n; i++) {
		unsigned v;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &v), 1);
		p[i] = (unsigned char)v;
	}
	return (struct slice){ (const char *)p, n };
}

static void
test_mac_vectors(void **state)
{
	static const unsigned char low[16] = { 0, 1, 2,  3,  4,  5,  6,  7,
					       8, 9, 10, 11, 12, 13, 14, 15 };
	struct slice a = slice_c(body_a), b = from_hex(*state, body_b);
	struct slice octets = { (const char *)low, sizeof(low) };
	const struct {
		struct slice nonce, body;
		const char *mac;
	} v[] = {
		{ SLICE_LIT(""), a, "wdrUfKnUyYyrAadqVxUwpQ==" },
		{ SLICE_LIT("n0nce-1"), a, "uaE1YYB4TkcgBauTvux7BQ==" },
		{ octets, a, "zIbylguFnVCgAlKp9ESFqQ==" },
		{ SLICE_LIT("n0nce-1"), b, "g9aXOWP62+TjFyQnQVK3TA==" },
		{ SLICE_LIT("n0nce-1"), SLICE_LIT(""),
		  "E+VRdNxshJqO4CuDBgog8Q==" },
	};
	struct slice text;
	struct err e;

	assert_int_equal(b.n, 129);
	assert_int_equal(sml_auth_body(*state, b, &text, &e), 0);
	assert_slice(text, "nRg+ag6l3HWFbqg9M2X3GQ==");
	assert_int_equal(sml_auth_body(*state, a, &text, &e), 0);
	assert_slice(text, "Pc/LvYnEwgNZK/tDZ/1phw==");
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct sml_mac m;
		struct slice raw = { (const char *)m.digest, 16 };

		assert_int_equal(sml_auth_mac(*state, SLICE_LIT("anna"),
					      SLICE_LIT("secret"), v[i].nonce,
					      v[i].body, &m, &e),
				 0);
		assert_slice(digest_b64(*state, raw), v[i].mac);
	}
}

static void
test_mac_header(void **state)
{
	static const char *const good[] = {
		"algorithm=MD5, username=\"anna\", "
		"mac=uaE1YYB4TkcgBauTvux7BQ==",
		"username=\"anna\",mac=uaE1YYB4TkcgBauTvux7BQ==",
		" mac = \"uaE1YYB4TkcgBauTvux7BQ==\" , UserName=\"an\\na\"",
		"mac=uaE1YYB4TkcgBauTvux7BQ, username=anna, x=\"a,b\"",
		"username=\"bert\", username=\"anna\", algorithm=md5 ,"
		"mac=uaE1YYB4TkcgBauTvux7BQ==,",
	};
	static const char *const bad[] = {
		"x",
		"algorithm=MD5",
		"username=\"anna\"",
		"mac=uaE1YYB4TkcgBauTvux7BQ==",
		"username=\"\", mac=uaE1YYB4TkcgBauTvux7BQ==",
		"username=\"anna, mac=uaE1YYB4TkcgBauTvux7BQ==",
		"username=\"anna\" mac=uaE1YYB4TkcgBauTvux7BQ==",
		"username=\"anna\", mac=uaE1YYB4TkcgBauTvux7",
		"username=\"anna\", mac=####",
		"username=\"anna\\",
		"algorithm=SHA1, username=\"anna\", "
		"mac=uaE1YYB4TkcgBauTvux7BQ==",
		/* hex digits, as old texts show it */
		"username=\"anna\", "
		"mac=YjlhMTM1NjE4MDc4NGU0NzIwMDVhYjkzYmVlYzdi"
		"MDU=",
	};
	static const char want[] = "algorithm=MD5, username=\"an\\\"na\\\\\", "
				   "mac=uaE1YYB4TkcgBauTvux7BQ==";
	struct sml_mac m = { .user = SLICE_LIT("") };

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(sml_auth_mac_read(*state, slice_c(good[i]), &m));
		assert_slice(m.user, "anna");
		assert_int_equal(m.digest[0], 0xb9);
		assert_int_equal(m.digest[15], 0x05);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (sml_auth_mac_read(*state, slice_c(bad[i]), &m))
			fail_msg("taken: %s", bad[i]);
	}
	/* No line of HTTP can be made of a name. */
	assert_true(sml_auth_mac_read(*state, slice_c(good[0]), &m));
	m.user = SLICE_LIT("an\"na\r\n\\");
	assert_slice(sml_auth_mac_write(*state, &m), want);
}

static void
test_cred_refuses(void **state)
{
	struct sml_cred c;
	struct err e;

	assert_int_equal(sml_auth_cred(*state, SML_AUTH_BASIC, SLICE_LIT("a:b"),
				       SLICE_LIT("c"), SLICE_LIT(""), false, &c,
				       &e),
			 -1);
	assert_int_equal(e.code, ERR_UNSUPPORTED);
	assert_int_equal(sml_auth_cred(*state, SML_AUTH_OTHER, SLICE_LIT("a"),
				       SLICE_LIT("c"), SLICE_LIT(""), false, &c,
				       &e),
			 -1);
	assert_int_equal(sml_auth_cred(*state, SML_AUTH_NONE, SLICE_LIT("a"),
				       SLICE_LIT("c"), SLICE_LIT(""), false, &c,
				       &e),
			 0);
	assert_false(c.present);
	arena_fail_at(*state, 1, true);
	assert_int_equal(sml_auth_cred(*state, SML_AUTH_MD5, SLICE_LIT("a"),
				       SLICE_LIT("c"), SLICE_LIT("n"), false,
				       &c, &e),
			 -1);
	assert_int_equal(e.code, ERR_NOMEM);
	arena_fail_at(*state, 0, false);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_basic_vectors),   T(test_basic_lenient),
		T(test_basic_malformed), T(test_md5_vectors),
		T(test_digest_lenient),  T(test_digest_malformed),
		T(test_types),           T(test_cred_refuses),
		T(test_mac_vectors),     T(test_mac_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
