/*
 * Guessing passwords at the real thing: store, Argon2, throttle and logins
 * together, under a clock of the test.
 */
#include "server/commands/account.h"
#include "server/secrets.h"
#include "server/throttle.h"
#include "syncml/nonce.h"
#include "syncml/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { TRIES = 10000, STEP_MS = 10, MOST_LOOKED_AT = 20 };

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
	char dir[64], key[96], uri[96];
	struct srv_site site;
	struct sml_server_conf conf;
	struct sml_server srv;
	struct arena *a;
};

static int
open_site(struct fix *f, struct err *e)
{
	f->site = (struct srv_site){ .a = arena_new(1 << 20),
				     .clk = &f->clk.c,
				     .conf = { .zone = "UTC" } };
	if (srv_secrets_open(f->key, 2, &f->clk.c, &f->site.secrets, e) < 0 ||
	    store_open(f->uri, true, &f->site.store, e) < 0)
		return -1;
	f->srv = (struct sml_server){ .store = f->site.store,
				      .clk = &f->clk.c,
				      .rnd = &rnd_system,
				      .secrets = &f->site.secrets->s,
				      .conf = &f->conf };
	return 0;
}

static int
setup(void **state)
{
	static struct fix f;
	struct srv_account_new in = { .user = SLICE_LIT("anna"),
				      .password = SLICE_LIT("s3cret"),
				      .md5 = true };
	struct err e;
	int64_t id;

	f = (struct fix){ .clk = { { fake_now }, 1700000000000 },
			  .dir = "/tmp/funicular-test-XXXXXX" };
	*state = &f;
	if (mkdtemp(f.dir) == NULL)
		return -1;
	(void)snprintf(f.key, sizeof(f.key), "%s/key", f.dir);
	(void)snprintf(f.uri, sizeof(f.uri), "sqlite:%s/db", f.dir);
	f.a = arena_new(64 << 20);
	if (open_site(&f, &e) < 0 ||
	    srv_account_create(&f.site, f.a, &in, &id, &e) < 0) {
		print_error("%s\n", e.msg);
		return -1;
	}
	return 0;
}

static int
teardown(void **state)
{
	static const char *const name[] = { "db", "db-wal", "db-shm", "key" };
	struct fix *f = *state;

	srv_site_close(&f->site);
	arena_free(&f->a);
	for (size_t i = 0; i < 4; i++) {
		char path[128];

		(void)snprintf(path, sizeof(path), "%s/%s", f->dir, name[i]);
		(void)unlink(path);
	}
	return rmdir(f->dir);
}

static struct sml_login
try(struct fix *f, enum sml_auth scheme, const char *password,
    struct slice nonce, const char *from)
{
	struct sml_login_in in;
	struct sml_login out;
	struct sml_cred c;
	struct err e;

	assert_int_equal(sml_auth_cred(f->a, scheme, SLICE_LIT("anna"),
				       slice_c(password), nonce, false, &c, &e),
			 0);
	in = (struct sml_login_in){ .cred = &c,
				    .user_hint = SLICE_LIT("anna"),
				    .dev_id = slice_c(from),
				    .peer = slice_c(from),
				    .version = 12 };
	assert_int_equal(sml_login(&f->srv, f->a, &in, &out, &e), 0);
	return out;
}

static bool
looked_at(const struct sml_login *l)
{
	return strcmp(l->why, "too many wrong tries") != 0;
}

static void
guess(struct fix *f, enum sml_auth scheme)
{
	uint64_t hashed = srv_secrets_hashed(f->site.secrets);
	int n = 0;

	for (int i = 0; i < TRIES; i++) {
		struct sml_login l;
		char from[32], password[32];

		arena_reset(f->a);
		(void)snprintf(from, sizeof(from), "host-%d", i);
		(void)snprintf(password, sizeof(password), "guess-%d", i);
		l = try(f, scheme, password, SLICE_LIT("nonce"), from);
		assert_int_equal(l.verdict, SML_LOGIN_WRONG);
		n += looked_at(&l);
		f->clk.ms += STEP_MS;
	}
	assert_in_range(n, 5, MOST_LOOKED_AT);
	hashed = srv_secrets_hashed(f->site.secrets) - hashed;
	assert_int_equal(hashed, scheme == SML_AUTH_BASIC ? n : 0);
}

static void
test_basic(void **state)
{
	struct fix *f = *state;
	struct sml_login l;

	/* Known before the attack: not held up by it. */
	l = try(f, SML_AUTH_BASIC, "s3cret", SLICE_LIT(""), "phone");
	assert_int_equal(l.verdict, SML_LOGIN_OK);
	guess(f, SML_AUTH_BASIC);
	l = try(f, SML_AUTH_BASIC, "s3cret", SLICE_LIT(""), "phone");
	assert_int_equal(l.verdict, SML_LOGIN_OK);
}

static void
test_md5(void **state)
{
	struct fix *f = *state;

	guess(f, SML_AUTH_MD5);
	/* Right or wrong: nobody new gets in meanwhile, or learns which. */
	assert_false(looked_at(&(struct sml_login){
	    .why = try(f, SML_AUTH_BASIC, "s3cret", SLICE_LIT(""), "new").why,
	}));
}

static void
add_account(struct fix *f, const char *user, const char *password, bool off)
{
	struct srv_account_new in = { .user = slice_c(user),
				      .password = slice_c(password) };
	struct store_account acc;
	struct store_tx *tx;
	struct err e;
	int64_t id;

	assert_int_equal(srv_account_create(&f->site, f->a, &in, &id, &e), 0);
	assert_int_equal(f->site.store->v->begin(f->site.store, id, STORE_WRITE,
						 f->clk.ms, &tx, &e),
			 0);
	assert_int_equal(tx->v->account_get(tx, f->a, &acc, &e), 0);
	acc.disabled = off;
	assert_int_equal(tx->v->account_set(tx, &acc, &e), 0);
	assert_int_equal(tx->v->commit(&tx, &e), 0);
}

/* Whoever it is that is not let in: one slow hash, and one answer. */
static void
test_same_work(void **state)
{
	static const char *const user[] = { "anna", "off", "bare", "nobody",
					    "Nobody else" };
	struct fix *f = *state;

	add_account(f, "off", "s3cret", true);
	add_account(f, "bare", NULL, false);
	for (int i = 0; i < 50; i++) {
		uint64_t hashed = srv_secrets_hashed(f->site.secrets);
		struct sml_login_in in;
		struct sml_login out;
		struct sml_cred c;
		struct err e;
		char dev[32], password[32];

		(void)snprintf(dev, sizeof(dev), "dev-%d", i);
		(void)snprintf(password, sizeof(password), "no-%d", i);
		assert_int_equal(sml_auth_cred(f->a, SML_AUTH_BASIC,
					       slice_c(user[i % 5]),
					       slice_c(i < 5 ? "" : password),
					       SLICE_LIT(""), false, &c, &e),
				 0);
		in = (struct sml_login_in){ .cred = &c,
					    .dev_id = slice_c(dev),
					    .peer = slice_c(dev),
					    .version = 12 };
		assert_int_equal(sml_login(&f->srv, f->a, &in, &out, &e), 0);
		assert_int_equal(out.verdict, SML_LOGIN_WRONG);
		assert_int_equal(out.scheme, SML_AUTH_BASIC);
		assert_int_equal(srv_secrets_hashed(f->site.secrets) - hashed,
				 1);
		f->clk.ms += SRV_THROTTLE_LONGEST_MS;
	}
}

/* As SyncEvolution does it: empty nonce first, then the one we gave. */
static void
test_many_behind_one_address(void **state)
{
	struct fix *f = *state;

	for (int i = 0; i < 50; i++) {
		struct sml_login_in in;
		struct sml_login l;
		struct sml_cred c;
		struct err e;
		char dev[32], nonce[SML_NONCE_BYTES + 1];

		(void)snprintf(dev, sizeof(dev), "IMEI:%d", i);
		for (int round = 0; round < 2; round++) {
			sml_nonce_at(f->srv.secrets->node_key, slice_c(dev),
				     sml_nonce_step(f->clk.ms), nonce);
			assert_int_equal(
			    sml_auth_cred(f->a, SML_AUTH_MD5, SLICE_LIT("anna"),
					  SLICE_LIT("s3cret"),
					  slice_c(round == 0 ? "" : nonce),
					  false, &c, &e),
			    0);
			in = (struct sml_login_in){
				.cred = &c,
				.user_hint = SLICE_LIT("anna"),
				.dev_id = slice_c(dev),
				.peer = SLICE_LIT("192.0.2.1"),
				.version = 12,
			};
			assert_int_equal(sml_login(&f->srv, f->a, &in, &l, &e),
					 0);
		}
		assert_int_equal(l.verdict, SML_LOGIN_OK);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_basic),
		T(test_md5),
		T(test_same_work),
		T(test_many_behind_one_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
