/*
 * The head of a request as our own code judges it: target, headers, what
 * proxies say of the client, the body's coding. The library that reads the
 * bytes is left out: its two functions are here and hand over what the input
 * says.
 */
#include "server/http/front_int.h"
#include "server/http/inflate.h"
#include "tests/fuzz/fuzz.h"

#include <arpa/inet.h>

enum { HEADERS_MAX = 64, BODY_MAX = 200000 };

/* A request in the making; the library would hold it. */
struct MHD_Connection {
	char *key[HEADERS_MAX], *value[HEADERS_MAX];
	size_t n;
	struct sockaddr_storage peer;
	union MHD_ConnectionInfo info;
};

int
MHD_get_connection_values(struct MHD_Connection *c, enum MHD_ValueKind kind,
			  MHD_KeyValueIterator it, void *cls)
{
	for (size_t i = 0; i < c->n; i++)
		(void)it(cls, kind, c->key[i], c->value[i]);
	return (int)c->n;
}

const union MHD_ConnectionInfo *
MHD_get_connection_info(struct MHD_Connection *c,
			enum MHD_ConnectionInfoType what, ...)
{
	FUZZ_CHECK(what == MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	return &c->info;
}

static struct srv_settings *
settings(struct arena *a, unsigned how)
{
	static const char *const text[] = {
		"",
		"trusted_proxies = 127.0.0.1 ::1 10.0.0.0/8\n",
		("trusted_proxies = 127.0.0.1 192.0.2.0/24 2001:db8::/32\n"
		 "proxy_header = forwarded\n"),
		"public_url = https://sync.example.com/\n",
	};
	struct srv_settings *s = ARENA_NEW(a, struct srv_settings);

	FUZZ_CHECK(s != NULL);
	FUZZ_CHECK(srv_conf_parse(a, "fuzz", slice_c(text[how % 4]), &s->conf,
				  NULL) == 0);
	FUZZ_CHECK(
	    srv_nets_parse(a, s->conf.trusted_proxies, &s->trusted, NULL) == 0);
	s->kind = how % 4 == 2 ? SRV_FORWARD_RFC7239 : SRV_FORWARD_X;
	s->body_max = BODY_MAX;
	return s;
}

static void
set_peer(struct MHD_Connection *c, unsigned how)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	in.sin_addr.s_addr = htonl(how % 3 == 0 ? 0x7F000001 : 0xC0000207);
	in6.sin6_addr.s6_addr[15] = 1;
	if (how % 3 == 2)
		memcpy(&c->peer, &in6, sizeof(in6));
	else
		memcpy(&c->peer, &in, sizeof(in));
	c->info.client_addr = (struct sockaddr *)&c->peer;
}

static void
read_headers(struct arena *a, struct slice *in, struct MHD_Connection *c)
{
	struct slice line;

	while (c->n < HEADERS_MAX && slice_split(in, '\n', &line)) {
		size_t colon = slice_find(line, ':');

		if (line.n == 0)
			return;
		if (colon == SIZE_MAX)
			continue;
		c->key[c->n] = arena_cstr(a, slice_sub(line, 0, colon));
		c->value[c->n] =
		    arena_cstr(a, slice_trim(slice_from(line, colon + 1)));
		if (c->key[c->n] != NULL && c->value[c->n] != NULL)
			c->n++;
	}
}

static void
check_address(const struct srv_rq *rq)
{
	char text[SRV_ADDR_TEXT_BYTES];
	struct srv_addr addr;

	FUZZ_CHECK(srv_addr_parse(slice_c(rq->peer), &addr));
	FUZZ_CHECK(strcmp(srv_addr_text(&addr, text), rq->peer) == 0);
}

static void
check(const struct srv_rq *rq, const char *method)
{
	check_address(rq);
	FUZZ_CHECK(memchr(rq->path, 0, sizeof(rq->path)) != NULL);
	FUZZ_CHECK(memchr(rq->token, 0, sizeof(rq->token)) != NULL);
	FUZZ_CHECK(rq->announced >= -1);
	if (rq->http == 0) { /* its body may come */
		FUZZ_CHECK(strcmp(method, "POST") == 0 && !rq->path_cut);
		FUZZ_CHECK(rq->announced <= BODY_MAX && rq->announced != 0);
		FUZZ_CHECK(
		    srv_settings_path_ok(rq->settings, slice_c(rq->path)));
		FUZZ_CHECK(rq->base[0] == '\0' ||
			   slice_starts(slice_c(rq->base), "http"));
		FUZZ_CHECK(strpbrk(rq->base, " \t\"<>?#") == NULL);
	} else {
		FUZZ_CHECK(rq->page || rq->text != NULL);
	}
}

static void
use_body(struct arena *a, struct slice in)
{
	struct err e = { .code = ERR_NONE };
	struct slice out;

	if (srv_inflate(a, in, BODY_MAX, &out, &e) == 0)
		FUZZ_CHECK(out.n <= BODY_MAX);
	else
		FUZZ_CHECK(e.code == ERR_PARSE || e.code == ERR_LIMIT);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(FUZZ_MEMORY_MAX);
	struct slice in = fuzz_input(data, size);
	struct MHD_Connection c = { .n = 0 };
	struct srv_rq rq = { .announced = -1, .mhd = &c };
	struct slice line;
	struct slice method;
	const char *word[3] = { "", "", "HTTP/1.1" };
	unsigned how;

	if (a == NULL)
		return 0;
	how = fuzz_byte(&in);
	rq.settings = settings(a, how);
	set_peer(&c, how >> 2);
	if (slice_split(&in, '\n', &line)) {
		for (size_t i = 0; i < 3 && slice_split(&line, ' ', &method);
		     i++) {
			const char *s = arena_cstr(a, method);

			if (s != NULL)
				word[i] = s;
		}
	}
	read_headers(a, &in, &c);
	srv_rq_uri(&rq, word[1]);
	srv_rq_check(&rq, word[0], word[2]);
	check(&rq, word[0]);
	if (rq.coding != RQ_PLAIN && in.p != NULL)
		use_body(a, in);
	fuzz_arena_end(&a);
	return 0;
}
