/* The configuration: every key, its limits, and what mistakes say. */
#include "server/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static int
parse(struct arena *a, const char *text, struct srv_conf *c, struct err *e)
{
	*e = (struct err){ 0 };
	return srv_conf_parse(a, "x.conf", slice_c(text), c, e);
}

static void
defaults(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct srv_conf c;
	struct err e;

	(void)state;
	assert_int_equal(parse(a, "", &c, &e), 0);
	assert_string_equal(c.listen, "127.0.0.1:8880 [::1]:8880");
	assert_string_equal(c.public_url, "");
	assert_false(c.allow_plain);
	assert_int_equal(c.max_msg_bytes, 500000);
	assert_int_equal(c.history_days, 90);
	assert_int_equal(c.log_level, LOG_LVL_INFO);
	arena_free(&a);
}

/* The sample says what holds anyway: every default is one of its key. */
static void
sample(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct buf out = { .a = a };
	struct buf open = { .a = a };
	struct srv_conf c;
	struct srv_conf d;
	struct slice rest;
	struct slice line;
	struct err e;

	(void)state;
	srv_conf_sample(&out);
	assert_true(buf_ok(&out));
	rest = buf_slice(&out);
	while (slice_split(&rest, '\n', &line)) {
		bool key = line.n > 1 && line.p[0] == '#' && line.p[1] != ' ';

		assert_true(line.n <= 197);
		buf_add(&open, key ? slice_from(line, 1) : line);
		buf_str(&open, "\n");
	}
	buf_byte(&open, 0);
	if (parse(a, open.p, &c, &e) != 0)
		fail_msg("%s", e.msg);
	assert_int_equal(parse(a, "", &d, &e), 0);
	for (size_t i = 0; i < srv_conf_key_n; i++) {
		const struct srv_conf_key *k = &srv_conf_keys[i];
		char set[80];

		if (!srv_conf_same(k, &c, &d))
			fail_msg("%s differs from its default", k->name);
		/* Each key is there once, with a text for people. */
		(void)snprintf(set, sizeof(set), "\n#%s =", k->name);
		assert_true(slice_find_str(buf_slice(&out), set) != SIZE_MAX);
		assert_true(strlen(k->help) > 10);
	}
	arena_free(&a);
}

static void
values(void **state)
{
	static const char text[] = "# comment\n"
				   "; another\n"
				   "\n"
				   "listen = 10.0.0.1:80\n"
				   "   [::1]:81\n"
				   "\t10.0.0.2:82\n"
				   "max_message = 200 kB\n"
				   "max_object=2MiB\n"
				   "session_idle: 10 min\n"
				   "keepalive = 2m in\n";
	struct arena *a = arena_new(1 << 20);
	struct srv_conf c;
	struct err e;

	(void)state;
	assert_int_equal(parse(a, text, &c, &e), -1);
	assert_non_null(strstr(e.msg, "x.conf line 10: keepalive"));
	assert_int_equal(
	    parse(a,
		  "listen = 10.0.0.1:80\n   [::1]:81\n\t1.1.1.1:2\n"
		  "max_message = 200 kB\r\nmax_object=2MiB\n"
		  "session_idle: 10 min\nallow_plain = YES\n"
		  "log_level = Warning\nzone = Europe/Berlin ; x\n"
		  "tls_priority = NORMAL:%COMPAT",
		  &c, &e),
	    0);
	assert_string_equal(c.listen, "10.0.0.1:80 [::1]:81 1.1.1.1:2");
	assert_int_equal(c.max_msg_bytes, 200000);
	assert_int_equal(c.max_obj_bytes, 2097152);
	assert_int_equal(c.session_idle_s, 600);
	assert_true(c.allow_plain);
	assert_int_equal(c.log_level, LOG_LVL_WARN);
	assert_string_equal(c.zone, "Europe/Berlin");
	assert_string_equal(c.tls_priority, "NORMAL:%COMPAT");
	arena_free(&a);
}

static const struct {
	const char *text, *says;
} wrong[] = {
	{ "\n\nlsten = 1", "x.conf line 3: \"lsten\" is no key" },
	{ "[http]\nlisten = x", "line 2: [http]: this file has no sections" },
	{ "workers = many", "line 1: workers = many: must be a number from 0 "
			    "to 512 threads" },
	{ "workers = 513", "must be a number" },
	{ "workers = -1", "must be a number" },
	{ "workers = 99999999999999999999", "must be a number" },
	{ "workers = ", "must be a number" },
	{ "max_message = 5 XB", "must be a number" },
	{ "quota_bytes = 9223372036854775807 GB", "must be a number" },
	{ "allow_plain = maybe", "must be yes or no" },
	{ "log_level = loud", "must be debug, info, warning or error" },
	{ "zone = a\nzone = b", "line 2: zone was already set in line 1" },
	{ "zone = a\n b", "goes on with the one above" },
	{ "listen = a\n# x\n\nlisten = b", "line 4: listen was already set" },
	{ "queue = 1\nsomething\n", "line 2: neither a comment nor" },
	{ "proxy_protocol = yes", "proxy_protocol is not offered" },
	{ "public_url = sync.example.org", "public_url must start with" },
	{ "auth_first = digest", "basic, md5 or mac" },
	{ "proxy_header = x-real-ip", "x-forwarded-for or forwarded" },
	{ "tls_cert = /x", "belong together" },
	{ "tls_key = /x", "belong together" },
	{ "zone = a\x01z", "control character" },
	{ "allow_plain = \x1b[31mred", "\\x1b[31mred" },
};

static void
mistakes(void **state)
{
	struct arena *a = arena_new(1 << 22);
	char line[400];
	struct srv_conf c;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (parse(a, wrong[i].text, &c, &e) != -1)
			fail_msg("taken: %s", wrong[i].text);
		assert_int_equal(e.code, ERR_CONFIG);
		if (strstr(e.msg, wrong[i].says) == NULL)
			fail_msg("%s: %s", wrong[i].text, e.msg);
	}
	memset(line, 'a', sizeof(line));
	memcpy(line, "\nzone = ", 8);
	line[sizeof(line) - 1] = '\0';
	assert_int_equal(parse(a, line, &c, &e), -1);
	assert_non_null(strstr(e.msg, "line 2: the line is longer than 197"));
	assert_int_equal(
	    srv_conf_parse(a, "x.conf", SLICE_LIT("zone=a\0b"), &c, &e), -1);
	assert_non_null(strstr(e.msg, "NUL"));
	arena_free(&a);
}

/* Every number at its limits, one below and one above. */
static void
limits(void **state)
{
	struct arena *a = arena_new(8 << 20);
	struct srv_conf c;
	struct err e;

	(void)state;
	for (size_t i = 0; i < srv_conf_key_n; i++) {
		const struct srv_conf_key *k = &srv_conf_keys[i];
		char text[120];

		if (k->type != SRV_CONF_INT && k->type != SRV_CONF_BYTES &&
		    k->type != SRV_CONF_SECONDS)
			continue;
		for (int d = -1; d <= 1; d++) {
			(void)snprintf(text, sizeof(text), "%s = %lld", k->name,
				       (long long)k->min + d);
			assert_int_equal(parse(a, text, &c, &e) == 0, d >= 0);
			(void)snprintf(text, sizeof(text), "%s = %lld", k->name,
				       (long long)k->max + d);
			assert_int_equal(parse(a, text, &c, &e) == 0, d <= 0);
		}
	}
	arena_free(&a);
}

/* Memory that runs out anywhere is a failure, never a crash. */
static void
no_memory(void **state)
{
	for (size_t n = 1; n < 200; n++) {
		struct arena *a = arena_new(1 << 20);
		struct srv_conf c;
		struct err e;
		int rc;

		(void)state;
		arena_fail_at(a, n, true);
		rc = parse(a, "listen = a:1\n b:2\nzone = x\n", &c, &e);
		arena_free(&a);
		if (rc == 0)
			return;
		assert_int_equal(e.code, ERR_NOMEM);
	}
	fail_msg("never done");
}

static void
files(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct srv_conf c;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(srv_conf_load(a, "/nonexistent/x", &c, &e), -1);
	assert_int_equal(e.code, ERR_CONFIG);
	assert_non_null(strstr(e.msg, "/nonexistent/x: No such file"));
	assert_int_equal(srv_conf_load(a, "/", &c, &e), -1);
	assert_non_null(strstr(e.msg, "is it a directory"));
	assert_int_equal(setenv("FUNICULAR_CONF", "/nonexistent/y", 1), 0);
	assert_int_equal(srv_conf_load(a, NULL, &c, &e), -1);
	assert_non_null(strstr(e.msg, "/nonexistent/y"));
	assert_int_equal(unsetenv("FUNICULAR_CONF"), 0);
	arena_free(&a);
}

static void
same_file(struct arena *a, const char *path, void (*print)(struct buf *out))
{
	enum { MAX = 1 << 18 };
	struct buf out = { .a = a };
	char *there = arena_alloc(a, MAX);
	FILE *f = fopen(path, "re");
	size_t n;

	if (f == NULL)
		fail_msg("%s is missing", path);
	assert_non_null(there);
	n = fread(there, 1, MAX, f);
	(void)fclose(f);
	print(&out);
	assert_true(buf_ok(&out));
	if (!slice_eq(buf_slice(&out), (struct slice){ there, n }))
		fail_msg("%s is not what funicular prints: print it again",
			 path);
}

/* `funicular serve --print-config` and --print-man make these files. */
static void
docs(void **state)
{
	struct arena *a = arena_new(1 << 20);

	(void)state;
	same_file(a, DOCS_DIR "/funicular.conf", srv_conf_sample);
	same_file(a, DOCS_DIR "/man/funicular.conf.5", srv_conf_man);
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults), cmocka_unit_test(sample),
		cmocka_unit_test(values),   cmocka_unit_test(mistakes),
		cmocka_unit_test(limits),   cmocka_unit_test(no_memory),
		cmocka_unit_test(files),    cmocka_unit_test(docs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
