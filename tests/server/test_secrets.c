#include "server/secrets.h"

#include "base/digest.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fake_clock {
	struct clk c;
	int64_t ms;
};

static int64_t
fake_now(const struct clk *c)
{
	return ((const struct fake_clock *)c)->ms;
}

struct fix {
	struct fake_clock clk;
	char dir[64];
	char key[96];
	struct arena *a;
	struct srv_secrets *s;
};

static int
setup(void **state)
{
	static struct fix f;
	struct err e;

	f = (struct fix){ .clk = { { fake_now }, 1700000000000 },
			  .dir = "/tmp/funicular-test-XXXXXX" };
	if (mkdtemp(f.dir) == NULL)
		return -1;
	(void)snprintf(f.key, sizeof(f.key), "%s/key", f.dir);
	f.a = arena_new(1 << 20);
	*state = &f;
	return srv_secrets_open(f.key, 2, &f.clk.c, &f.s, &e);
}

static int
teardown(void **state)
{
	struct fix *f = *state;

	srv_secrets_close(&f->s);
	assert_null(f->s);
	arena_free(&f->a);
	(void)unlink(f->key);
	return rmdir(f->dir); /* nothing was left beside the key */
}

static void
test_key_file(void **state)
{
	struct fix *f = *state;
	struct srv_secrets *again;
	struct stat st;
	char text[80];
	struct err e;
	int fd = open(f->key, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(read(fd, text, sizeof(text)), 65);
	(void)close(fd);
	assert_int_equal(text[64], '\n');
	assert_int_equal(srv_secrets_open(f->key, 1, &f->clk.c, &again, &e), 0);
	/* all nodes with this file share the key */
	assert_int_equal(f->s->s.node_key.n, 32);
	assert_true(slice_eq(f->s->s.node_key, again->s.node_key));
	srv_secrets_close(&again);
}

static void
test_key_file_refused(void **state)
{
	static const mode_t bad[] = { 0644, 0640, 0660, 0604, 0602, 0601 };
	struct fix *f = *state;
	struct srv_secrets *s = NULL;
	struct err e;
	int fd;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(chmod(f->key, bad[i]), 0);
		assert_int_equal(srv_secrets_open(f->key, 1, &f->clk.c, &s, &e),
				 -1);
		assert_null(s);
		assert_int_equal(e.code, ERR_CONFIG);
		assert_non_null(strstr(e.msg, "chmod 600"));
	}
	assert_int_equal(chmod(f->key, 0600), 0);
	fd = open(f->key, O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, "0123\n", 5), 5);
	(void)close(fd);
	assert_int_equal(srv_secrets_open(f->key, 1, &f->clk.c, &s, &e), -1);
	assert_int_equal(e.code, ERR_CONFIG);
	assert_int_equal(
	    srv_secrets_open("/nonexistent/dir/key", 1, &f->clk.c, &s, &e), -1);
	assert_int_equal(e.code, ERR_IO);
}

static bool
fits(struct fix *f, int64_t account, int64_t gen, struct slice hash,
     const char *password)
{
	struct err e = { 0 };
	bool ok = false;

	assert_int_equal(f->s->s.verify(&f->s->s, account, gen, hash,
					slice_c(password), &ok, &e),
			 0);
	return ok;
}

static void
test_verify(void **state)
{
	struct fix *f = *state;
	struct slice hash;
	struct err e;

	assert_int_equal(srv_secrets_hash(f->a, SLICE_LIT("s3cret"), &hash, &e),
			 0);
	assert_true(slice_starts(hash, "$argon2id$v=19$m=65536,t=2,p=1$"));
	assert_true(fits(f, 1, 1, hash, "s3cret"));
	assert_false(fits(f, 1, 1, hash, "S3cret"));
	assert_false(fits(f, 1, 1, hash, ""));
	assert_false(fits(f, 1, 1, SLICE_LIT(""), "s3cret"));
	assert_false(fits(f, 1, 1, SLICE_LIT("$argon2id$rubbish"), "s3cret"));
}

static int64_t
ms_of(struct fix *f, int64_t gen, struct slice hash, const char *password)
{
	int64_t t0 = clk_mono_ms();

	(void)fits(f, 1, gen, hash, password);
	return clk_mono_ms() - t0;
}

/* Nobody there costs the same kind of work as a wrong password. */
static void
test_unknown_costs_the_same(void **state)
{
	struct fix *f = *state;
	int64_t known = INT64_MAX, unknown = INT64_MAX;
	struct slice hash;
	struct err e;

	assert_int_equal(srv_secrets_hash(f->a, SLICE_LIT("s3cret"), &hash, &e),
			 0);
	for (int i = 0; i < 5; i++) {
		int64_t k = ms_of(f, 1, hash, "wrong");
		int64_t u = ms_of(f, 1, SLICE_LIT(""), "wrong");

		known = k < known ? k : known;
		unknown = u < unknown ? u : unknown;
	}
	assert_true(unknown * 2 >= known);
	assert_true(known * 2 >= unknown);
}

/* A good answer is remembered for ten minutes and for this generation. */
static void
test_cache(void **state)
{
	struct fix *f = *state;
	struct slice hash;
	struct err e;
	int64_t slow, fast;

	assert_int_equal(srv_secrets_hash(f->a, SLICE_LIT("pw"), &hash, &e), 0);
	slow = ms_of(f, 7, hash, "pw");
	fast = INT64_MAX;
	for (int i = 0; i < 5; i++) {
		int64_t t = ms_of(f, 7, hash, "pw");

		fast = t < fast ? t : fast;
	}
	assert_true(fast * 4 < slow);
	assert_true(ms_of(f, 8, hash, "pw") > fast * 4);
	f->clk.ms += 10 * 60 * 1000;
	assert_true(ms_of(f, 7, hash, "pw") > fast * 4);
	/* wrong answers are never remembered */
	assert_false(fits(f, 1, 7, hash, "pX"));
	assert_false(fits(f, 1, 7, hash, "pX"));
	assert_false(fits(f, 2, 9, SLICE_LIT(""), "pw"));
}

static void
test_seal(void **state)
{
	struct fix *f = *state;
	struct slice clear = SLICE_LIT("pa\xc3\x9f:w\0rd");
	struct slice s1, s2, out, bad;
	struct err e;

	assert_int_equal(srv_secrets_seal(f->s, f->a, clear, &s1, &e), 0);
	assert_int_equal(srv_secrets_seal(f->s, f->a, clear, &s2, &e), 0);
	assert_false(slice_eq(s1, s2));
	assert_int_equal(f->s->s.unseal(&f->s->s, f->a, s1, &out, &e), 0);
	assert_true(slice_eq(out, clear));
	for (size_t i = 0; i < s1.n; i++) {
		char *p;

		bad = arena_copy(f->a, s1);
		p = arena_alloc(f->a, s1.n);
		memcpy(p, s1.p, s1.n);
		p[i] ^= 1;
		bad.p = p;
		assert_int_equal(f->s->s.unseal(&f->s->s, f->a, bad, &out, &e),
				 -1);
		bad = slice_sub(s1, 0, i);
		assert_int_equal(f->s->s.unseal(&f->s->s, f->a, bad, &out, &e),
				 -1);
	}
	assert_int_equal(e.code, ERR_CONFIG);
}

static void
test_seal_other_key(void **state)
{
	struct fix *f = *state;
	struct srv_secrets *other;
	struct slice sealed, out;
	char path[128];
	struct err e;

	(void)snprintf(path, sizeof(path), "%s/other", f->dir);
	assert_int_equal(srv_secrets_open(path, 1, &f->clk.c, &other, &e), 0);
	assert_false(slice_eq(f->s->s.node_key, other->s.node_key));
	assert_int_equal(
	    srv_secrets_seal(f->s, f->a, SLICE_LIT("x"), &sealed, &e), 0);
	assert_int_equal(other->s.unseal(&other->s, f->a, sealed, &out, &e),
			 -1);
	assert_int_equal(e.code, ERR_CONFIG);
	srv_secrets_close(&other);
	(void)unlink(path);
}

static void
test_device_hash(void **state)
{
	struct fix *f = *state;
	struct slice secret = SLICE_LIT("abcdefghijklmnopqrstuvwxyz");
	unsigned char want[DIGEST_HASH_BYTES];
	struct slice out;
	struct err e;

	assert_int_equal(srv_secrets_device_hash(f->a, secret, &out, &e), 0);
	digest_hash(SLICE_LIT(""), &secret, 1, want);
	assert_int_equal(out.n, sizeof(want));
	assert_memory_equal(out.p, want, sizeof(want));
}

/* ---- the queue ---- */

enum { CROWD = 80 };

struct crowd {
	struct fix *f;
	pthread_barrier_t start;
	struct {
		pthread_t thread;
		struct slice hash;
		int rc;
		bool ok;
		enum err_code code;
	} one[CROWD];
};

struct job {
	struct crowd *c;
	size_t i;
};

static void *
job_run(void *p)
{
	struct job *j = p;
	struct crowd *c = j->c;
	struct sml_secrets *s = &c->f->s->s;
	struct err e = { 0 };

	(void)pthread_barrier_wait(&c->start);
	c->one[j->i].rc = s->verify(s, (int64_t)j->i, 1, c->one[j->i].hash,
				    SLICE_LIT("pw"), &c->one[j->i].ok, &e);
	c->one[j->i].code = e.code;
	return NULL;
}

/* More at once than may wait: some are told to come again, none is lost. */
static void
test_queue(void **state)
{
	struct fix *f = *state;
	struct crowd *c = calloc(1, sizeof(*c));
	struct job job[CROWD];
	size_t served = 0, refused = 0;
	struct slice hash;
	struct err e;

	c->f = f;
	assert_int_equal(srv_secrets_hash(f->a, SLICE_LIT("pw"), &hash, &e), 0);
	assert_int_equal(pthread_barrier_init(&c->start, NULL, CROWD), 0);
	for (size_t i = 0; i < CROWD; i++) {
		job[i] = (struct job){ c, i };
		/* every second one is nobody */
		c->one[i].hash = i % 2 == 0 ? hash : SLICE_LIT("");
		assert_int_equal(
		    pthread_create(&c->one[i].thread, NULL, job_run, &job[i]),
		    0);
	}
	for (size_t i = 0; i < CROWD; i++)
		(void)pthread_join(c->one[i].thread, NULL);
	for (size_t i = 0; i < CROWD; i++) {
		if (c->one[i].rc < 0) {
			assert_int_equal(c->one[i].code, ERR_BUSY);
			refused++;
			continue;
		}
		assert_int_equal(c->one[i].ok, i % 2 == 0);
		served++;
	}
	assert_true(served >= 66);
	assert_int_equal(served + refused, CROWD);
	/* and the queue is empty again */
	assert_true(fits(f, 1000, 1, hash, "pw"));
	(void)pthread_barrier_destroy(&c->start);
	free(c);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_key_file),       T(test_key_file_refused),
		T(test_verify),         T(test_unknown_costs_the_same),
		T(test_cache),          T(test_seal),
		T(test_seal_other_key), T(test_device_hash),
		T(test_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
