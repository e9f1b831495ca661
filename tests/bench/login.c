/*
 * How long a refused login takes, for an account that is there and for one that
 * is not, in turn, by each scheme; and whether the difference means anything
 * (Welch's t: below 4.5 it does not). Without the throttle, which lets nobody
 * measure more than a handful. Argon2 is left out: it is the same for both, and
 * its noise would only hide the rest.
 *
 * usage: bench_login [SAMPLES]
 */
#include "base/clock.h"
#include "base/digest.h"
#include "syncml/nonce.h"
#include "tests/syncml/secrets.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct mean {
	double n, mean, m2;
};

static void
take(struct mean *m, double v)
{
	double d = v - m->mean;

	m->n++;
	m->mean += d / m->n;
	m->m2 += d * (v - m->mean);
}

/* No password is right. */
static int
verify(struct sml_secrets *s, int64_t account, int64_t gen, struct slice hash,
       struct slice password, bool *ok, struct err *e)
{
	(void)s;
	(void)account;
	(void)gen;
	(void)hash;
	(void)password;
	(void)e;
	*ok = false;
	return 0;
}

static void
die(const char *what, const struct err *e)
{
	(void)fprintf(stderr, "bench_login: %s: %s\n", what, e->msg);
	exit(1);
}

static void
fill(struct store *s, struct arena *a)
{
	struct store_account acc = { .user = SLICE_LIT("anna"),
				     .zone = SLICE_LIT("UTC") };
	struct store_cred c = { .kind = STORE_CRED_PASSWORD,
				.hash = SLICE_LIT("x"),
				.sealed = SLICE_LIT("secret") };
	struct store_tx *tx = NULL;
	struct err e;
	int64_t id;

	(void)a;
	if (s->v->account_create(s, &acc, &id, &e) < 0 ||
	    s->v->begin(s, id, STORE_WRITE, 1, &tx, &e) < 0)
		die("account", &e);
	c.id = tx->next_id++;
	if (tx->v->cred_put(tx, &c, &e) < 0 || tx->v->commit(&tx, &e) < 0)
		die("credential", &e);
}

static double
one(const struct sml_server *srv, struct arena *a, enum sml_auth scheme,
    const char *user)
{
	struct timespec from, to;
	struct sml_login_in in = { .user_hint = slice_c(user),
				   .dev_id = SLICE_LIT("IMEI:1"),
				   .peer = SLICE_LIT("192.0.2.1"),
				   .version = 12 };
	struct sml_login out;
	struct sml_cred c;
	struct err e;

	arena_reset(a);
	if (sml_auth_cred(a, scheme, slice_c(user), SLICE_LIT("wrong"),
			  SLICE_LIT("nonce"), false, &c, &e) < 0)
		die("cred", &e);
	in.cred = &c;
	(void)clock_gettime(CLOCK_MONOTONIC, &from);
	if (sml_login(srv, a, &in, &out, &e) < 0)
		die("login", &e);
	(void)clock_gettime(CLOCK_MONOTONIC, &to);
	return (double)(to.tv_sec - from.tv_sec) * 1e6 +
	       (double)(to.tv_nsec - from.tv_nsec) / 1e3;
}

static void
measure(const struct sml_server *srv, enum sml_auth scheme, int64_t samples)
{
	struct arena *a = arena_new(16 << 20);
	struct mean m[2] = { { 0 } };
	double t, va, vb;

	for (int64_t i = -100; i < 2 * samples; i++) {
		int who = (int)(i & 1);
		double us = one(srv, a, scheme, who == 0 ? "anna" : "olga");

		if (i >= 0)
			take(&m[who], us);
	}
	arena_free(&a);
	va = m[0].m2 / (m[0].n - 1);
	vb = m[1].m2 / (m[1].n - 1);
	t = (m[0].mean - m[1].mean) / sqrt(va / m[0].n + vb / m[1].n);
	(void)printf("%-6s known %9.1f us (sd %.1f)  unknown %9.1f us "
		     "(sd %.1f)  t = %.1f\n",
		     scheme == SML_AUTH_BASIC ? "basic" : "md5", m[0].mean,
		     sqrt(va), m[1].mean, sqrt(vb), t);
}

int
main(int argc, char **argv)
{
	static const char *const tail[] = { "", "-wal", "-shm" };
	char dir[] = "/tmp/funicular-bench-XXXXXX", path[128];
	struct sml_secrets secrets = plain_secrets();
	struct sml_server_conf conf = { 0 };
	struct sml_server srv = { .clk = &clk_system,
				  .rnd = &rnd_system,
				  .secrets = &secrets,
				  .conf = &conf };
	struct arena *a = arena_new(1 << 20);
	int64_t samples = 10000;
	struct err e;

	secrets.verify = verify;
	if (argc > 1 && (!slice_i64(slice_c(argv[1]), &samples) || samples < 2))
		return 2;
	if (mkdtemp(dir) == NULL)
		return 1;
	(void)snprintf(path, sizeof(path), "sqlite:%s/db", dir);
	if (store_open(path, true, &srv.store, &e) < 0)
		die("store", &e);
	fill(srv.store, a);
	measure(&srv, SML_AUTH_BASIC, samples);
	measure(&srv, SML_AUTH_MD5, samples);
	srv.store->v->close(&srv.store);
	arena_free(&a);
	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof(path), "%s/db%s", dir, tail[i]);
		(void)unlink(path);
	}
	return rmdir(dir);
}
