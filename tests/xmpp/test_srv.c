/* SRV records: what an answer says, in which order it is tried, and a name
   server that answers, lies or says nothing of use. */
#include "backends/xmpp/srv.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct packet {
	unsigned char p[4096];
	size_t n;
};

static void
put16(struct packet *b, unsigned v)
{
	b->p[b->n++] = (unsigned char)(v >> 8);
	b->p[b->n++] = (unsigned char)v;
}

/* "a.b" in labels. */
static void
put_name(struct packet *b, const char *name)
{
	while (*name != '\0') {
		size_t n = strcspn(name, ".");

		b->p[b->n++] = (unsigned char)n;
		memcpy(b->p + b->n, name, n);
		b->n += n;
		name += n + (name[n] == '.');
	}
	b->p[b->n++] = 0;
}

static void
head(struct packet *b, unsigned rcode, unsigned answers)
{
	memset(b, 0, sizeof(*b));
	put16(b, 1);
	put16(b, 0x8180 | rcode);
	put16(b, 1);
	put16(b, answers);
	put16(b, 0);
	put16(b, 0);
	put_name(b, "_xmpp-client._tcp.example.org");
	put16(b, 33);
	put16(b, 1);
}

static void
record(struct packet *b, unsigned priority, unsigned weight, unsigned port,
       const char *host)
{
	size_t len;
	size_t from;

	put16(b, 0xc00c); /* the name that was asked for */
	put16(b, 33);
	put16(b, 1);
	put16(b, 0);
	put16(b, 60);
	len = b->n;
	put16(b, 0);
	from = b->n;
	put16(b, priority);
	put16(b, weight);
	put16(b, port);
	put_name(b, host);
	b->p[len] = (unsigned char)((b->n - from) >> 8);
	b->p[len + 1] = (unsigned char)(b->n - from);
}

static void
reads(void **state)
{
	struct im_srv v[IM_SRV_MAX];
	struct packet b;
	size_t n;

	(void)state;
	head(&b, 0, 2);
	record(&b, 10, 5, 5222, "one.example.net");
	record(&b, 20, 0, 5269, "two.example.net");
	assert_int_equal(im_srv_read(b.p, b.n, v, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(v[0].host, "one.example.net");
	assert_true(v[0].priority == 10 && v[0].weight == 5 &&
		    v[0].port == 5222);
	assert_string_equal(v[1].host, "two.example.net");
	/* cut anywhere: no more than what was whole, and no crash */
	for (size_t cut = 0; cut < b.n; cut++) {
		(void)im_srv_read(b.p, cut, v, &n);
		assert_true(n < 2);
	}
	head(&b, 3, 0);
	assert_int_equal(im_srv_read(b.p, b.n, v, &n), -1);
	head(&b, 0, 0);
	assert_int_equal(im_srv_read(b.p, b.n, v, &n), 0);
	assert_int_equal(n, 0);
}

static void
hostile(void **state)
{
	struct im_srv v[IM_SRV_MAX];
	struct packet b;
	size_t n;
	size_t at;

	(void)state;
	head(&b, 0, 30);
	for (unsigned i = 0; i < 30; i++)
		record(&b, i, 0, i, "x.example.net");
	(void)im_srv_read(b.p, b.n, v, &n);
	assert_int_equal(n, IM_SRV_MAX);
	/* a name that leads to itself */
	head(&b, 0, 1);
	at = b.n;
	record(&b, 1, 1, 1, "abc");
	b.p[b.n - 5] = 0xc0;
	b.p[b.n - 4] = (unsigned char)(b.n - 5);
	(void)im_srv_read(b.p, b.n, v, &n);
	assert_int_equal(n, 0);
	/* data that is too short, and any byte changed */
	head(&b, 0, 1);
	record(&b, 1, 1, 1, "abc");
	for (size_t i = 0; i < b.n; i++) {
		struct packet c = b;

		for (unsigned x = 1; x < 256; x += 17) {
			c.p[i] = (unsigned char)(b.p[i] ^ x);
			(void)im_srv_read(c.p, c.n, v, &n);
			assert_true(n <= 1);
		}
	}
	assert_true(at > 0);
}

static void
in_order(void **state)
{
	struct rnd_seeded rnd;
	int first[3] = { 0 };

	(void)state;
	rnd_seed(&rnd, 3);
	for (int i = 0; i < 3000; i++) {
		struct im_srv v[4] = {
			{ "later", 1, 20, 100 },
			{ "a", 2, 10, 10 },
			{ "b", 3, 10, 30 },
			{ "c", 4, 10, 0 },
		};

		im_srv_order(v, 4, &rnd.r);
		assert_string_equal(v[3].host, "later");
		assert_true(strlen(v[0].host) == 1);
		first[v[0].host[0] - 'a']++;
	}
	/* 11 : 31 : 1 of 43 */
	assert_true(first[0] > 600 && first[0] < 950);
	assert_true(first[1] > 1900 && first[1] < 2400);
	assert_true(first[2] > 20 && first[2] < 150);
	im_srv_order(NULL, 0, &rnd.r);
}

/* ---- a name server ----------------------------------------------------------
 */

struct dns {
	int fd;
	pthread_t thread;
	struct sockaddr_in at;
	struct packet answer;
};

/* One question, one answer. */
static void *
serve(void *arg)
{
	struct dns *d = arg;
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	unsigned char q[512];
	ssize_t n =
	    recvfrom(d->fd, q, sizeof(q), 0, (struct sockaddr *)&from, &len);

	assert_true(n > 12);
	memcpy(d->answer.p, q, 2);
	assert_true(sendto(d->fd, d->answer.p, d->answer.n, 0,
			   (struct sockaddr *)&from, len) > 0);
	return NULL;
}

static void
dns_start(struct dns *d)
{
	socklen_t len = sizeof(d->at);

	d->at = (struct sockaddr_in){ .sin_family = AF_INET };
	d->at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	d->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(d->fd, (struct sockaddr *)&d->at, sizeof(d->at)),
			 0);
	assert_int_equal(getsockname(d->fd, (struct sockaddr *)&d->at, &len),
			 0);
	assert_int_equal(pthread_create(&d->thread, NULL, serve, d), 0);
}

static void
dns_end(struct dns *d)
{
	assert_int_equal(pthread_join(d->thread, NULL), 0);
	assert_int_equal(close(d->fd), 0);
}

static void
asks(void **state)
{
	struct im_srv v[IM_SRV_MAX];
	struct err e = { 0 };
	struct dns d;
	size_t n;

	(void)state;
	head(&d.answer, 0, 2);
	record(&d.answer, 20, 0, 1, "second.example.net");
	record(&d.answer, 10, 0, 5222, "first.example.net");
	dns_start(&d);
	assert_int_equal(
	    im_srv_find("example.org", &d.at, &rnd_system, v, &n, &e), 0);
	dns_end(&d);
	assert_int_equal(n, 2);
	assert_string_equal(v[0].host, "first.example.net");
	assert_int_equal(v[0].port, 5222);

	/* "." means that there is none; no records: look at the domain */
	head(&d.answer, 0, 1);
	record(&d.answer, 0, 0, 0, "");
	dns_start(&d);
	assert_int_equal(
	    im_srv_find("example.org", &d.at, &rnd_system, v, &n, &e), -1);
	dns_end(&d);
	assert_int_equal(e.code, ERR_CONFIG);
	head(&d.answer, 3, 0);
	dns_start(&d);
	assert_int_equal(
	    im_srv_find("example.org", &d.at, &rnd_system, v, &n, &e), 0);
	dns_end(&d);
	assert_int_equal(n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),
		cmocka_unit_test(hostile),
		cmocka_unit_test(in_order),
		cmocka_unit_test(asks),
	};

	return cmocka_run_group_tests_name("xmpp: srv", tests, NULL, NULL);
}
