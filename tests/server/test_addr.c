/* Addresses, networks, and which client a chain of proxies speaks for. */
#include "server/http/forward.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct srv_addr
addr(const char *text)
{
	struct srv_addr a;

	if (!srv_addr_parse(slice_c(text), &a))
		fail_msg("not an address: %s", text);
	return a;
}

static void
check_text(const char *in, const char *want)
{
	char out[SRV_ADDR_TEXT_BYTES];
	struct srv_addr a = addr(in);

	assert_string_equal(srv_addr_text(&a, out), want);
}

static void
forms(void **state)
{
	static const char *const bad[] = {
		"",           " ",        "unknown",
		"_hidden",    "1.2.3",    "1.2.3.4.5",
		"256.1.1.1",  "[::1",     "[1.2.3.4x",
		"::1]",       "1.2.3.4:", "1.2.3.4:99999999",
		"[::1]x",     "[::1]:",   "[]",
		"\"\"",       "a:b",      "host.example",
		"1.2.3.4:8o", "g::1",     "[::1]:12:3"
	};

	(void)state;
	check_text("192.0.2.1", "192.0.2.1");
	check_text(" 192.0.2.1:4711 ", "192.0.2.1");
	check_text("\"192.0.2.1\"", "192.0.2.1");
	check_text("2001:DB8::1", "2001:db8::1");
	check_text("[2001:db8::1]", "2001:db8::1");
	check_text("\"[2001:db8::1]:443\"", "2001:db8::1");
	check_text("fe80::1%eth0", "fe80::1");
	check_text("::ffff:10.0.0.1", "10.0.0.1");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct srv_addr a;

		if (srv_addr_parse(slice_c(bad[i]), &a))
			fail_msg("taken as an address: \"%s\"", bad[i]);
	}
	assert_false(srv_addr_parse(SLICE_LIT("1.2.3.4\0"),
				    &(struct srv_addr){ { 0 } }));
}

static void
sockets(void **state)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr_storage other = { .ss_family = AF_UNIX };
	struct srv_addr a;
	struct srv_addr b = addr("127.0.0.1");

	(void)state;
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(srv_addr_of((struct sockaddr *)&in, &a));
	assert_true(srv_addr_same(&a, &b));
	/* The same peer through an IPv6 socket. */
	memcpy(&in6.sin6_addr, "\0\0\0\0\0\0\0\0\0\0\xFF\xFF\x7F\0\0\1", 16);
	assert_true(srv_addr_of((struct sockaddr *)&in6, &a));
	assert_true(srv_addr_same(&a, &b));
	assert_false(srv_addr_of((struct sockaddr *)&other, &a));
	assert_false(srv_addr_of(NULL, &a));
	assert_true(srv_addr_loopback(&b));
	a = addr("::1");
	assert_true(srv_addr_loopback(&a));
	a = addr("128.0.0.1");
	assert_false(srv_addr_loopback(&a));
	a = addr("0.0.0.0");
	assert_true(srv_addr_any(&a));
	a = addr("::");
	assert_true(srv_addr_any(&a));
	assert_false(srv_addr_any(&b));
}

static bool
in_nets(const char *nets, const char *who)
{
	struct arena *a = arena_new(1 << 16);
	struct srv_nets n;
	struct srv_addr w = addr(who);
	struct err e = { 0 };
	bool in;

	if (srv_nets_parse(a, nets, &n, &e) != 0)
		fail_msg("%s: %s", nets, e.msg);
	in = srv_nets_have(&n, &w);
	arena_free(&a);
	return in;
}

static void
networks(void **state)
{
	static const char *const bad[] = { "10.0.0.0/33", "::/129",
					   "x",           "10.0.0.0/",
					   "/8",          "1.2.3.4/-1",
					   "1.2.3.4/8/8" };
	struct arena *a = arena_new(1 << 16);

	(void)state;
	assert_true(in_nets("10.0.0.0/8", "10.255.255.255"));
	assert_false(in_nets("10.0.0.0/8", "11.0.0.0"));
	assert_true(in_nets("192.0.2.128/25", "192.0.2.128"));
	assert_false(in_nets("192.0.2.128/25", "192.0.2.127"));
	assert_true(in_nets("192.0.2.7", "192.0.2.7"));
	assert_false(in_nets("192.0.2.7", "192.0.2.6"));
	assert_true(in_nets(" 1.1.1.1,  ::1 2001:db8::/33", "2001:db8:1::"));
	assert_false(in_nets("2001:db8::/33", "2001:db8:8000::"));
	assert_true(in_nets("0.0.0.0/0", "203.0.113.9"));
	assert_false(in_nets("0.0.0.0/0", "2001:db8::1"));
	assert_true(in_nets("::/0", "203.0.113.9"));
	assert_false(in_nets("", "127.0.0.1"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct srv_nets n;
		struct err e = { 0 };

		if (srv_nets_parse(a, bad[i], &n, &e) != -1)
			fail_msg("taken as a network: %s", bad[i]);
		assert_int_equal(e.code, ERR_CONFIG);
	}
	arena_free(&a);
}

struct chain {
	const char *peer;         /* the socket's other end */
	const char *line[3];      /* header lines */
	const char *client;       /* what must come out */
	const char *proto, *host; /* "": not told */
};

static const struct chain xff[] = {
	/* A stranger's headers do not count. */
	{ "203.0.113.9", { "198.51.100.1" }, "203.0.113.9", "", "" },
	{ "10.0.0.1", { "198.51.100.1" }, "198.51.100.1", "https", "h:1" },
	/* Left of the last believed hop everything may be made up. */
	{ "10.0.0.1",
	  { "6.6.6.6, 198.51.100.1" },
	  "198.51.100.1",
	  "https",
	  "h:1" },
	{ "10.0.0.1",
	  { "6.6.6.6, 198.51.100.1, 10.0.0.2" },
	  "198.51.100.1",
	  "https",
	  "h:1" },
	/* Several lines are one list. */
	{ "10.0.0.1",
	  { "6.6.6.6", "198.51.100.1", "10.0.0.2" },
	  "198.51.100.1",
	  "https",
	  "h:1" },
	/* What cannot be read ends the walk at the last good one. */
	{ "10.0.0.1",
	  { "198.51.100.1, junk, 10.0.0.2" },
	  "10.0.0.2",
	  "https",
	  "h:1" },
	{ "10.0.0.1", { "unknown" }, "10.0.0.1", "https", "h:1" },
	{ "10.0.0.1", { "" }, "10.0.0.1", "https", "h:1" },
	{ "10.0.0.1", { NULL }, "10.0.0.1", "https", "h:1" },
	{ "10.0.0.1", { "10.0.0.3, 10.0.0.2" }, "10.0.0.3", "https", "h:1" },
	{ "10.0.0.1", { "[2001:db8::5]:99" }, "2001:db8::5", "https", "h:1" },
	/* An unbalanced quote of the client's swallows nothing of the
	   proxy's. */
	{ "10.0.0.1", { "\", 198.51.100.1" }, "198.51.100.1", "https", "h:1" },
};

static const struct chain rfc[] = {
	{ "10.0.0.1",
	  { "for=198.51.100.1;proto=https;host=sync.example.org" },
	  "198.51.100.1",
	  "https",
	  "sync.example.org" },
	{ "10.0.0.1",
	  { "for=6.6.6.6;host=evil, For=\"[2001:db8::7]:80\"; Proto=http" },
	  "2001:db8::7",
	  "http",
	  "real" },
	{ "10.0.0.1",
	  { "for=198.51.100.1;proto=ftp;host=\"a b\"" },
	  "198.51.100.1",
	  "",
	  "" },
	{ "10.0.0.1", { "for=_x, for=unknown" }, "10.0.0.1", "", "real" },
	{ "10.0.0.1", { "proto=https" }, "10.0.0.1", "", "real" },
	{ "203.0.113.9", { "for=1.1.1.1;proto=https" }, "203.0.113.9", "", "" },
	{ "10.0.0.1",
	  { "for=\"198.51.100.1\";by=\"a,b\"" },
	  "198.51.100.1",
	  "",
	  "real" },
};

static void
run(const struct chain *c, enum srv_forward_kind kind,
    const struct srv_nets *trusted)
{
	struct srv_forward_in in = { .kind = kind };
	struct srv_addr peer = addr(c->peer);
	struct srv_addr want = addr(c->client);
	struct srv_forward out;

	for (size_t i = 0; i < 3 && c->line[i] != NULL; i++)
		srv_forward_push(&in.hops, slice_c(c->line[i]));
	in.host_header = SLICE_LIT("real");
	if (kind == SRV_FORWARD_X) {
		srv_forward_push(&in.proto, SLICE_LIT("http, HTTPS"));
		srv_forward_push(&in.host, SLICE_LIT("evil, h:1"));
	}
	srv_forward_find(trusted, &peer, &in, &out);
	if (!srv_addr_same(&out.client, &want)) {
		char t[SRV_ADDR_TEXT_BYTES];

		fail_msg("%s | %s: client %s", c->peer,
			 c->line[0] == NULL ? "-" : c->line[0],
			 srv_addr_text(&out.client, t));
	}
	if (!slice_is(out.proto, c->proto) || !slice_is(out.host, c->host))
		fail_msg("%s: proto %.*s host %.*s", c->line[0],
			 SLICE_ARG(out.proto), SLICE_ARG(out.host));
}

static void
proxies(void **state)
{
	struct arena *a = arena_new(1 << 16);
	struct srv_nets trusted;

	(void)state;
	assert_int_equal(srv_nets_parse(a, "10.0.0.0/8", &trusted, NULL), 0);
	for (size_t i = 0; i < sizeof(xff) / sizeof(xff[0]); i++)
		run(&xff[i], SRV_FORWARD_X, &trusted);
	for (size_t i = 0; i < sizeof(rfc) / sizeof(rfc[0]); i++)
		run(&rfc[i], SRV_FORWARD_RFC7239, &trusted);
	arena_free(&a);
}

/* More header lines, and more hops, than anybody honest has. */
static void
floods(void **state)
{
	struct arena *a = arena_new(1 << 16);
	struct srv_forward_in in = { .kind = SRV_FORWARD_X };
	struct srv_addr peer = addr("10.0.0.1");
	struct srv_addr want = addr("198.51.100.1");
	struct srv_nets trusted;
	struct srv_forward out;
	char many[2000] = "";
	size_t n = 0;

	(void)state;
	assert_int_equal(srv_nets_parse(a, "10.0.0.0/8", &trusted, NULL), 0);
	for (int i = 0; i < 20; i++)
		srv_forward_push(&in.hops, SLICE_LIT("6.6.6.6"));
	srv_forward_push(&in.hops, SLICE_LIT("198.51.100.1"));
	srv_forward_find(&trusted, &peer, &in, &out);
	assert_true(srv_addr_same(&out.client, &want));
	for (int i = 0; i < 150; i++)
		n += (size_t)snprintf(many + n, sizeof(many) - n, "10.0.0.2,");
	in.hops.n = 0;
	srv_forward_push(&in.hops, SLICE_LIT("198.51.100.1"));
	srv_forward_push(&in.hops, (struct slice){ many, n - 1 });
	srv_forward_find(&trusted, &peer, &in, &out);
	assert_false(srv_addr_same(&out.client, &want));
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms),    cmocka_unit_test(sockets),
		cmocka_unit_test(networks), cmocka_unit_test(proxies),
		cmocka_unit_test(floods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
