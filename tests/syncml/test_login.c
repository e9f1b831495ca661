/*
 * Logins against a real store. The process's secrets are a double here, which
 * counts what it was asked for: the slow hash is "H:" and the password, sealing
 * is "S:" and the secret.
 */
#include "base/digest.h"
#include "syncml/login.h"
#include "syncml/nonce.h"
#include "syncml/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define DEVICE_SECRET "abcdefghijklmnopqrstuvwxyz"

struct fix {
	struct sml_secrets secrets; /* first */
	struct clk clk;             /* second: see now_of() */
	int64_t ms;
	struct store_vtbl spy;
	const struct store_vtbl *real;
	struct sml_server_conf conf;
	struct sml_server srv;
	struct store *store;
	struct arena *a;
	int64_t account;
	char dir[64], uri[128];
	/* what was asked for */
	int verified, failed, passed, writes;
	int64_t wait;
	unsigned tries;
};

static struct fix *fix; /* the spies have no other way to find it */

static int64_t
now_of(const struct clk *c)
{
	(void)c;
	return fix->ms;
}

/* ---- doubles ---- */

static int
fake_verify(struct sml_secrets *s, int64_t account, int64_t cred_gen,
	    struct slice hash, struct slice password, bool *ok, struct err *e)
{
	(void)s;
	(void)account;
	(void)cred_gen;
	(void)e;
	fix->verified++;
	*ok =
	    slice_starts(hash, "H:") && slice_eq(slice_from(hash, 2), password);
	return 0;
}

static int
busy_verify(struct sml_secrets *s, int64_t account, int64_t cred_gen,
	    struct slice hash, struct slice password, bool *ok, struct err *e)
{
	(void)s;
	(void)account;
	(void)cred_gen;
	(void)hash;
	(void)password;
	(void)ok;
	return err_set(e, ERR_BUSY, "test", "busy");
}

static int
fake_unseal(struct sml_secrets *s, struct arena *a, struct slice sealed,
	    struct slice *clear, struct err *e)
{
	(void)s;
	(void)a;
	if (!slice_starts(sealed, "S:"))
		return err_set(e, ERR_CONFIG, "test", "does not open");
	*clear = slice_from(sealed, 2);
	return 0;
}

static int64_t
fake_wait(struct sml_secrets *s, struct slice peer, struct slice user,
	  struct slice dev_id)
{
	(void)s;
	(void)peer;
	(void)user;
	(void)dev_id;
	return fix->wait;
}

static void
fake_failed(struct sml_secrets *s, struct slice peer, struct slice user,
	    struct slice dev_id)
{
	(void)s;
	(void)peer;
	(void)user;
	(void)dev_id;
	fix->failed++;
	fix->tries++;
}

static void
fake_passed(struct sml_secrets *s, struct slice peer, struct slice user,
	    struct slice dev_id)
{
	(void)s;
	(void)peer;
	(void)user;
	(void)dev_id;
	fix->passed++;
	fix->tries = 0;
}

static unsigned
fake_tries(struct sml_secrets *s, struct slice peer, struct slice user,
	   struct slice dev_id)
{
	(void)s;
	(void)peer;
	(void)user;
	(void)dev_id;
	return fix->tries;
}

static int
spy_begin(struct store *s, int64_t account, enum store_mode mode,
	  int64_t now_ms, struct store_tx **tx, struct err *e)
{
	if (mode == STORE_WRITE)
		fix->writes++;
	return fix->real->begin(s, account, mode, now_ms, tx, e);
}

/* ---- the site ---- */

static struct store_tx *
begin_write(void)
{
	struct store_tx *tx;
	struct err e;

	assert_int_equal(fix->real->begin(fix->store, fix->account, STORE_WRITE,
					  fix->ms, &tx, &e),
			 0);
	return tx;
}

static void
commit(struct store_tx *tx)
{
	struct err e;

	assert_int_equal(fix->real->commit(&tx, &e), 0);
}

static int64_t
add_cred(enum store_cred_kind kind, struct slice hash, const char *sealed)
{
	struct store_tx *tx = begin_write();
	struct store_cred c = { .kind = kind,
				.label = SLICE_LIT("label"),
				.hash = hash,
				.sealed = slice_c(sealed),
				.created_ms = fix->ms };
	struct err e;

	c.id = tx->next_id++;
	assert_int_equal(fix->real->cred_put(tx, &c, &e), 0);
	commit(tx);
	return c.id;
}

static int64_t
add_device_secret(const char *secret, bool md5)
{
	static unsigned char hash[DIGEST_HASH_BYTES];
	struct slice s = slice_c(secret);
	char sealed[128];

	digest_hash(SLICE_LIT(""), &s, 1, hash);
	(void)snprintf(sealed, sizeof(sealed), "S:%s", secret);
	return add_cred(STORE_CRED_DEVICE,
			(struct slice){ (const char *)hash, sizeof(hash) },
			md5 ? sealed : NULL);
}

static int64_t
add_account(const char *user)
{
	struct store_account in = { .user = slice_c(user),
				    .zone = SLICE_LIT("Europe/Berlin"),
				    .created_ms = fix->ms };
	struct err e;

	assert_int_equal(
	    fix->real->account_create(fix->store, &in, &fix->account, &e), 0);
	return fix->account;
}

static int
setup(void **state)
{
	static struct fix f;
	struct err e;

	f = (struct fix){
		.secrets = { .verify = fake_verify,
			     .unseal = fake_unseal,
			     .node_key = SLICE_LIT("the site's key"),
			     .wait_ms = fake_wait,
			     .failed = fake_failed,
			     .passed = fake_passed,
			     .tries = fake_tries },
		.clk = { now_of },
		.ms = 1700000000000,
		.dir = "/tmp/funicular-test-XXXXXX",
	};
	fix = &f;
	*state = &f;
	if (mkdtemp(f.dir) == NULL)
		return -1;
	(void)snprintf(f.uri, sizeof(f.uri), "sqlite:%s/db", f.dir);
	if (store_open(f.uri, true, &f.store, &e) < 0) {
		print_error("%s\n", e.msg);
		return -1;
	}
	f.real = f.store->v;
	f.spy = *f.real;
	f.spy.begin = spy_begin;
	f.store->v = &f.spy;
	f.a = arena_new(16 << 20);
	f.srv = (struct sml_server){ .store = f.store,
				     .clk = &f.clk,
				     .rnd = &rnd_system,
				     .secrets = &f.secrets,
				     .conf = &f.conf };
	add_account("Anna");
	return f.a == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	static const char *const tail[] = { "", "-wal", "-shm" };
	struct fix *f = *state;

	f->store->v = f->real;
	f->real->close(&f->store);
	arena_free(&f->a);
	for (size_t i = 0; i < 3; i++) {
		char path[128];

		(void)snprintf(path, sizeof(path), "%s/db%s", f->dir, tail[i]);
		(void)unlink(path);
	}
	return rmdir(f->dir);
}

/* ---- tries ---- */

struct client {
	const char *user, *password, *dev;
	int version;
};

static const struct client anna = { "anna", "s3cret", "IMEI:1", 12 };

static struct sml_login
login_with(const struct sml_cred *c, const char *hint, const char *dev,
	   int version)
{
	struct sml_login_in in = { .cred = c,
				   .user_hint = slice_c(hint),
				   .dev_id = slice_c(dev),
				   .peer = SLICE_LIT("192.0.2.9"),
				   .version = version };
	struct sml_login out;
	struct err e;

	assert_int_equal(sml_login(&fix->srv, fix->a, &in, &out, &e), 0);
	return out;
}

static struct sml_login
basic(struct client c)
{
	struct sml_cred cred;
	struct err e;

	assert_int_equal(sml_auth_cred(fix->a, SML_AUTH_BASIC, slice_c(c.user),
				       slice_c(c.password), SLICE_LIT(""),
				       false, &cred, &e),
			 0);
	return login_with(&cred, NULL, c.dev, c.version);
}

static struct sml_login
md5_form(struct client c, struct slice nonce, bool old)
{
	struct sml_cred cred;
	struct err e;

	assert_int_equal(sml_auth_cred(fix->a, SML_AUTH_MD5, slice_c(c.user),
				       slice_c(c.password), nonce, old, &cred,
				       &e),
			 0);
	return login_with(&cred, c.user, c.dev, c.version);
}

static struct sml_login
md5(struct client c, struct slice nonce)
{
	return md5_form(c, nonce, c.version == 10);
}

/* What the client reads from a challenge. */
static struct slice
challenge_after(const struct sml_login *l, const char *dev)
{
	struct sml_chal chal;
	struct slice nonce;
	struct err e;

	assert_int_equal(
	    sml_login_challenge(&fix->srv, fix->a, l, slice_c(dev), &chal, &e),
	    0);
	assert_true(slice_is(chal.type, "syncml:auth-md5"));
	assert_true(slice_is(chal.format, "b64"));
	assert_true(digest_unb64(fix->a, chal.next_nonce, &nonce));
	return nonce;
}

static struct slice
challenge(const char *dev)
{
	const struct sml_login unknown = { .scheme = SML_AUTH_MD5 };

	return challenge_after(&unknown, dev);
}

/* As the engine does it; *next is the nonce for the next time. */
static int
finish(const struct sml_login *in, const char *dev, struct slice *next,
       struct err *e)
{
	struct store_tx *tx = begin_write();
	struct store_device *d, fresh = { .dev_id = slice_c(dev) };

	assert_int_equal(fix->real->device_get(tx, fix->a, slice_c(dev), &d, e),
			 0);
	if (d == NULL) {
		fresh.id = tx->next_id++;
		fresh.first_ms = fix->ms;
		d = &fresh;
	}
	if (sml_login_commit(&fix->srv, tx, fix->a, in, d, e) < 0) {
		fix->real->rollback(&tx);
		return -1;
	}
	assert_int_equal(fix->real->device_put(tx, d, e), 0);
	*next = d->nonce;
	commit(tx);
	return 0;
}

static struct store_cred
cred_now(int64_t id)
{
	struct store_tx *tx = begin_write();
	struct store_cred *c, found = { 0 };
	struct err e;
	size_t n;

	assert_int_equal(fix->real->cred_list(tx, fix->a, &c, &n, &e), 0);
	for (size_t i = 0; i < n; i++)
		if (c[i].id == id)
			found = c[i];
	fix->real->rollback(&tx);
	return found;
}

/* ---- basic ---- */

static void
test_password(void **state)
{
	int64_t id = add_cred(STORE_CRED_PASSWORD, SLICE_LIT("H:s3cret"), NULL);
	struct sml_login l = basic(anna);
	struct slice next;
	struct err e;

	(void)state;
	assert_int_equal(l.verdict, SML_LOGIN_OK);
	assert_int_equal(l.account, fix->account);
	assert_int_equal(l.scheme, SML_AUTH_BASIC);
	assert_int_equal(l.cred.id, id);
	assert_true(slice_is(l.user, "Anna"));
	assert_int_equal(fix->passed, 1);
	assert_int_equal(finish(&l, "IMEI:1", &next, &e), 0);
	assert_int_equal(next.n, SML_NONCE_BYTES);
	assert_int_equal(cred_now(id).used_ms, fix->ms);
	assert_int_equal(cred_now(id).device.n, 0);
}

/* Who does not exist gets the same answer for the same work. */
static void
test_wrong_and_unknown(void **state)
{
	static const struct client wrong[] = {
		{ "anna", "S3cret", "IMEI:1", 12 },
		{ "anna", "", "IMEI:1", 12 },
		{ "nobody", "s3cret", "IMEI:1", 12 },
		{ "nobody", "", "IMEI:1", 12 },
	};

	(void)state;
	add_cred(STORE_CRED_PASSWORD, SLICE_LIT("H:s3cret"), NULL);
	for (size_t i = 0; i < 4; i++) {
		struct sml_login l = basic(wrong[i]);

		assert_int_equal(l.verdict, SML_LOGIN_WRONG);
		assert_int_equal(l.scheme, SML_AUTH_BASIC);
		assert_int_equal(l.account, 0);
		assert_int_equal(fix->verified, (int)i + 1);
		assert_int_equal(fix->failed, (int)i + 1);
	}
	assert_int_equal(fix->writes, 0);
	assert_int_equal(fix->passed, 0);
}

static void
test_account_without_password(void **state)
{
	(void)state;
	add_device_secret(DEVICE_SECRET, false);
	/* no password: the slow hash is computed all the same */
	assert_int_equal(basic(anna).verdict, SML_LOGIN_WRONG);
	assert_int_equal(fix->verified, 1);
}

static void
test_device_secret(void **state)
{
	int64_t id = add_device_secret(DEVICE_SECRET, false);
	struct client c = { "ANNA", DEVICE_SECRET, "IMEI:1", 11 };
	struct client thief = { "anna", DEVICE_SECRET, "IMEI:2", 11 };
	struct sml_login l = basic(c);
	struct slice next;
	struct err e;

	(void)state;
	assert_int_equal(l.verdict, SML_LOGIN_OK);
	assert_int_equal(fix->verified, 0);
	assert_int_equal(finish(&l, "IMEI:1", &next, &e), 0);
	assert_true(slice_is(cred_now(id).device, "IMEI:1"));
	assert_int_equal(basic(c).verdict, SML_LOGIN_OK);
	/* bound: another device cannot use it */
	assert_int_equal(basic(thief).verdict, SML_LOGIN_WRONG);
	assert_int_equal(fix->verified, 1);
}

static void
test_two_devices_race(void **state)
{
	struct client c = { "anna", DEVICE_SECRET, "IMEI:1", 12 };
	struct client d = { "anna", DEVICE_SECRET, "IMEI:2", 12 };
	struct sml_login l, m;
	struct slice next;
	struct err e;

	(void)state;
	add_device_secret(DEVICE_SECRET, false);
	l = basic(c);
	m = basic(d);
	assert_int_equal(l.verdict, SML_LOGIN_OK);
	assert_int_equal(m.verdict, SML_LOGIN_OK);
	assert_int_equal(finish(&l, "IMEI:1", &next, &e), 0);
	assert_int_equal(finish(&m, "IMEI:2", &next, &e), -1);
	assert_int_equal(e.code, ERR_AUTH);
}

static void
test_changed_meanwhile(void **state)
{
	int64_t id = add_cred(STORE_CRED_PASSWORD, SLICE_LIT("H:s3cret"), NULL);
	struct sml_login l = basic(anna);
	struct store_tx *tx = begin_write();
	struct slice next;
	struct err e;

	(void)state;
	assert_int_equal(fix->real->cred_drop(tx, id, &e), 0);
	commit(tx);
	assert_int_equal(finish(&l, "IMEI:1", &next, &e), -1);
	assert_int_equal(e.code, ERR_AUTH);
}

static void
test_latin1(void **state)
{
	struct client c = { "anna", "pa\xdf", "IMEI:1", 12 };
	struct client d = { "J\xfcrgen", "pa\xdf", "IMEI:1", 12 };
	struct slice n;

	(void)state;
	add_cred(STORE_CRED_PASSWORD, SLICE_LIT("H:pa\xc3\x9f"),
		 "S:pa\xc3\x9f");
	assert_int_equal(basic(c).verdict, SML_LOGIN_OK);
	assert_int_equal(fix->verified, 1);
	n = challenge("IMEI:1");
	assert_int_equal(md5(c, n).verdict, SML_LOGIN_OK);
	c.password = "pa\xc3\x9f";
	assert_int_equal(basic(c).verdict, SML_LOGIN_OK);
	assert_int_equal(md5(c, n).verdict, SML_LOGIN_OK);
	add_account("J\xc3\xbcrgen");
	add_cred(STORE_CRED_PASSWORD, SLICE_LIT("H:pa\xc3\x9f"),
		 "S:pa\xc3\x9f");
	assert_int_equal(basic(d).verdict, SML_LOGIN_OK);
	assert_int_equal(basic(d).account, fix->account);
	assert_int_equal(md5(d, n).verdict, SML_LOGIN_OK);
}

static void
set_disabled(bool account, bool device)
{
	struct store_tx *tx = begin_write();
	struct store_account acc;
	struct store_device d = { .dev_id = SLICE_LIT("IMEI:1"),
				  .disabled = device };
	struct err e;

	assert_int_equal(fix->real->account_get(tx, fix->a, &acc, &e), 0);
	acc.disabled = account;
	assert_int_equal(fix->real->account_set(tx, &acc, &e), 0);
	d.id = tx->next_id++;
	assert_int_equal(fix->real->device_put(tx, &d, &e), 0);
	commit(tx);
}

static void
test_disabled(void **state)
{
	struct client wrong = { "anna", "x", "IMEI:1", 12 };

	(void)state;
	add_cred(STORE_CRED_PASSWORD, SLICE_LIT("H:s3cret"), "S:s3cret");
	set_disabled(true, false);
	assert_int_equal(basic(anna).verdict, SML_LOGIN_FORBIDDEN);
	assert_int_equal(md5(anna, challenge("IMEI:1")).verdict,
			 SML_LOGIN_FORBIDDEN);
	assert_int_equal(basic(wrong).verdict, SML_LOGIN_WRONG);
	assert_int_equal(fix->passed, 0);
}

static void
test_device_disabled(void **state)
{
	struct client other = { "anna", "s3cret", "IMEI:2", 12 };
	struct client wrong = { "anna", "x", "IMEI:1", 12 };

	(void)state;
	add_cred(STORE_CRED_PASSWORD, SLICE_LIT("H:s3cret"), NULL);
	set_disabled(false, true);
	assert_int_equal(basic(anna).verdict, SML_LOGIN_FORBIDDEN);
	assert_int_equal(basic(wrong).verdict, SML_LOGIN_WRONG);
	assert_int_equal(basic(other).verdict, SML_LOGIN_OK);
}

/* ---- what does not even get looked at ---- */

static void
test_early(void **state)
{
	struct sml_cred c = { 0 };

	(void)state;
	add_cred(STORE_CRED_PASSWORD, SLICE_LIT("H:s3cret"), NULL);
	assert_int_equal(login_with(&c, "anna", "d", 12).verdict,
			 SML_LOGIN_MISSING);
	c.present = true;
	assert_int_equal(login_with(&c, "anna", "d", 12).verdict,
			 SML_LOGIN_NODATA);
	c.data = SLICE_LIT("YW5uYTpzM2NyZXQ=");
	assert_int_equal(login_with(&c, "anna", "d", 12).verdict, SML_LOGIN_OK);
	c.meta.format = SLICE_LIT("xml");
	assert_int_equal(login_with(&c, "anna", "d", 12).verdict,
			 SML_LOGIN_FORMAT);
	c.meta.format = SLICE_LIT("b64");
	c.meta.type = SLICE_LIT("syncml:auth-other");
	assert_int_equal(login_with(&c, "anna", "d", 12).verdict,
			 SML_LOGIN_SCHEME);
	assert_int_equal(fix->failed, 0);
	c.meta.type = SLICE_LIT("syncml:auth-basic");
	c.data = SLICE_LIT("YW5uYQ==");
	assert_int_equal(login_with(&c, "anna", "d", 12).verdict,
			 SML_LOGIN_WRONG);
	assert_int_equal(fix->failed, 1);
	assert_int_equal(fix->verified, 1);
}

static void
test_throttled(void **state)
{
	struct sml_login l;

	(void)state;
	add_cred(STORE_CRED_PASSWORD, SLICE_LIT("H:s3cret"), NULL);
	fix->wait = 1;
	l = basic(anna);
	assert_int_equal(l.verdict, SML_LOGIN_WRONG);
	assert_string_equal(l.why, "too many wrong tries");
	assert_int_equal(fix->verified, 0);
	assert_int_equal(fix->failed, 0);
}

static void
test_busy(void **state)
{
	struct sml_cred c = { .present = true,
			      .data = SLICE_LIT("anna:s3cret") };
	struct sml_login_in in = { .cred = &c,
				   .dev_id = SLICE_LIT("d"),
				   .peer = SLICE_LIT("p"),
				   .version = 12 };
	struct sml_login out;
	struct err e;

	(void)state;
	fix->secrets.verify = busy_verify;
	assert_int_equal(sml_login(&fix->srv, fix->a, &in, &out, &e), -1);
	assert_int_equal(e.code, ERR_BUSY);
	assert_int_equal(fix->failed, 0);
}

/* ---- MD5 ---- */

static void
test_md5_chain(void **state)
{
	struct slice nonce = challenge("IMEI:1"), next, later;
	struct sml_login l;
	struct err e;

	(void)state;
	add_cred(STORE_CRED_PASSWORD, SLICE_LIT("H:s3cret"), "S:s3cret");
	assert_int_equal(nonce.n, SML_NONCE_BYTES);
	l = md5(anna, nonce);
	assert_int_equal(l.verdict, SML_LOGIN_OK);
	assert_int_equal(l.nonce_issued_ms, sml_nonce_step(fix->ms));
	assert_true(slice_eq(l.nonce_used, nonce));
	assert_int_equal(finish(&l, "IMEI:1", &next, &e), 0);
	/* used up: the same digest again */
	assert_int_equal(md5(anna, nonce).verdict, SML_LOGIN_WRONG);
	/* the stored one is good for once */
	l = md5(anna, next);
	assert_int_equal(l.verdict, SML_LOGIN_OK);
	assert_int_equal(l.nonce_issued_ms, 0);
	assert_int_equal(finish(&l, "IMEI:1", &later, &e), 0);
	assert_false(slice_eq(next, later));
	assert_int_equal(md5(anna, next).verdict, SML_LOGIN_WRONG);
	assert_int_equal(md5(anna, later).verdict, SML_LOGIN_OK);
	/* a basic login changes the nonce too */
	l = basic(anna);
	assert_int_equal(finish(&l, "IMEI:1", &next, &e), 0);
	assert_int_equal(md5(anna, later).verdict, SML_LOGIN_WRONG);
	assert_int_equal(md5(anna, next).verdict, SML_LOGIN_OK);
}

/* Two messages with one digest at the same time: one of them gets in. */
static void
test_md5_race(void **state)
{
	struct slice nonce = challenge("IMEI:1"), next;
	struct sml_login l, m;
	struct err e;

	(void)state;
	add_cred(STORE_CRED_PASSWORD, SLICE_LIT("H:s3cret"), "S:s3cret");
	l = md5(anna, nonce);
	m = md5(anna, nonce);
	assert_int_equal(l.verdict, SML_LOGIN_OK);
	assert_int_equal(m.verdict, SML_LOGIN_OK);
	assert_int_equal(finish(&l, "IMEI:1", &next, &e), 0);
	assert_int_equal(finish(&m, "IMEI:1", &next, &e), -1);
	assert_int_equal(e.code, ERR_AUTH);
	l = md5(anna, next);
	m = md5(anna, next);
	assert_int_equal(finish(&l, "IMEI:1", &next, &e), 0);
	assert_int_equal(finish(&m, "IMEI:1", &next, &e), -1);
	assert_int_equal(e.code, ERR_AUTH);
}

static void
test_md5_lifetime(void **state)
{
	struct slice nonce = challenge("IMEI:1");
	struct slice other = challenge("IMEI:2");
	int64_t at = sml_nonce_step(fix->ms);

	(void)state;
	add_cred(STORE_CRED_PASSWORD, SLICE_LIT("H:s3cret"), "S:s3cret");
	assert_false(slice_eq(nonce, other));
	assert_int_equal(md5(anna, other).verdict, SML_LOGIN_WRONG);
	fix->ms = at + SML_NONCE_LIFE_MS;
	assert_int_equal(md5(anna, nonce).verdict, SML_LOGIN_OK);
	fix->ms = at + SML_NONCE_LIFE_MS + SML_NONCE_STEP_MS;
	assert_int_equal(md5(anna, nonce).verdict, SML_LOGIN_WRONG);
	/* a node whose clock is behind ours by a second */
	fix->ms = at - 1000;
	assert_int_equal(md5(anna, nonce).verdict, SML_LOGIN_OK);
	fix->ms = at - SML_NONCE_AHEAD_MS - SML_NONCE_STEP_MS;
	assert_int_equal(md5(anna, nonce).verdict, SML_LOGIN_WRONG);
	fix->ms = at;
	fix->secrets.node_key = SLICE_LIT("another site's key");
	assert_int_equal(md5(anna, nonce).verdict, SML_LOGIN_WRONG);
}

static void
test_md5_older_nonce_after_newer(void **state)
{
	struct slice old = challenge("IMEI:1"), fresh, next;
	struct sml_login l;
	struct err e;

	(void)state;
	add_cred(STORE_CRED_PASSWORD, SLICE_LIT("H:s3cret"), "S:s3cret");
	fix->ms += SML_NONCE_STEP_MS;
	fresh = challenge("IMEI:1");
	assert_false(slice_eq(old, fresh));
	l = md5(anna, fresh);
	assert_int_equal(finish(&l, "IMEI:1", &next, &e), 0);
	assert_int_equal(md5(anna, old).verdict, SML_LOGIN_WRONG);
}

/* A device that comes again and again without its last nonce, faster than time
   of issue counts: each challenge holds a nonce that opens. */
static void
test_md5_challenged_twice_at_once(void **state)
{
	struct slice nonce = challenge("IMEI:1"), next;
	struct sml_login l;
	struct err e;

	(void)state;
	add_cred(STORE_CRED_PASSWORD, SLICE_LIT("H:s3cret"), "S:s3cret");
	for (int i = 0; i < SML_NONCE_AHEAD_MS / SML_NONCE_STEP_MS; i++) {
		l = md5(anna, nonce);
		assert_int_equal(l.verdict, SML_LOGIN_OK);
		assert_int_equal(finish(&l, "IMEI:1", &next, &e), 0);
		assert_int_equal(md5(anna, nonce).verdict, SML_LOGIN_WRONG);
		l = md5(anna, SLICE_LIT(""));
		assert_int_equal(l.verdict, SML_LOGIN_WRONG);
		nonce = challenge_after(&l, "IMEI:1");
	}
	assert_int_equal(md5(anna, nonce).verdict, SML_LOGIN_OK);
}

static void
test_md5_versions(void **state)
{
	struct slice n = challenge("IMEI:1");
	struct client c = anna;
	static const struct {
		int version;
		bool old, ok;
	} v[] = {
		{ 10, true, true },  { 10, false, true }, { 11, true, true },
		{ 11, false, true }, { 12, false, true }, { 12, true, false }
	};

	(void)state;
	add_cred(STORE_CRED_PASSWORD, SLICE_LIT("H:s3cret"), "S:s3cret");
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		c.version = v[i].version;
		assert_int_equal(md5_form(c, n, v[i].old).verdict,
				 v[i].ok ? SML_LOGIN_OK : SML_LOGIN_WRONG);
	}
}

static void
test_md5_hex_only_for_10(void **state)
{
	struct slice nonce = challenge("IMEI:1");
	unsigned char d[16];
	struct sml_cred c = { .present = true,
			      .meta = { .type = SLICE_LIT("syncml:auth-md5"),
					.format = SLICE_LIT("b64") } };
	struct err e;

	(void)state;
	add_cred(STORE_CRED_PASSWORD, SLICE_LIT("H:s3cret"), "S:s3cret");
	assert_int_equal(sml_auth_md5(fix->a, SLICE_LIT("anna"),
				      SLICE_LIT("s3cret"), nonce, true, d, &e),
			 0);
	c.data = digest_b64(
	    fix->a, digest_hex(fix->a, (struct slice){ (char *)d, 16 }));
	assert_int_equal(login_with(&c, "anna", "IMEI:1", 10).verdict,
			 SML_LOGIN_OK);
	assert_int_equal(login_with(&c, "anna", "IMEI:1", 11).verdict,
			 SML_LOGIN_WRONG);
}

/* Everything that must not open the door by MD5. */
static void
test_md5_refused(void **state)
{
	struct slice n = challenge("IMEI:1");
	struct client hashed = { "anna", "s3cret", "IMEI:1", 12 };
	struct client dummy = { "nobody", "no secret of anybody", "IMEI:1",
				12 };

	(void)state;
	add_cred(STORE_CRED_PASSWORD, SLICE_LIT("H:s3cret"), NULL);
	assert_int_equal(md5(hashed, n).verdict, SML_LOGIN_WRONG);
	assert_int_equal(md5(dummy, n).verdict, SML_LOGIN_WRONG);
	dummy.user = "anna";
	assert_int_equal(md5(dummy, n).verdict, SML_LOGIN_WRONG);
	assert_int_equal(fix->failed, 3);
	/* a secret that another key file closed is passed over */
	add_cred(STORE_CRED_DEVICE, SLICE_LIT("x"), "sealed elsewhere");
	assert_int_equal(md5(hashed, n).verdict, SML_LOGIN_WRONG);
	add_device_secret(DEVICE_SECRET, true);
	hashed.password = DEVICE_SECRET;
	assert_int_equal(md5(hashed, n).verdict, SML_LOGIN_OK);
	assert_int_equal(fix->writes, 0);
}

/* Many clients try the empty nonce first: no way in, and no guess either. */
static void
test_md5_empty_nonce(void **state)
{
	struct client wrong = { "anna", "x", "IMEI:1", 12 };
	struct sml_login l;

	(void)state;
	add_cred(STORE_CRED_PASSWORD, SLICE_LIT("H:s3cret"), "S:s3cret");
	l = md5(anna, SLICE_LIT(""));
	assert_int_equal(l.verdict, SML_LOGIN_WRONG);
	assert_int_equal(l.scheme, SML_AUTH_MD5);
	assert_int_equal(fix->failed, 0);
	assert_int_equal(md5(wrong, SLICE_LIT("")).verdict, SML_LOGIN_WRONG);
	assert_int_equal(fix->failed, 1);
}

static void
test_md5_bound_secret(void **state)
{
	struct client c = { "anna", DEVICE_SECRET, "IMEI:1", 12 };
	struct client thief = { "anna", DEVICE_SECRET, "IMEI:2", 12 };
	struct sml_login l;
	struct slice next;
	struct err e;

	(void)state;
	add_device_secret(DEVICE_SECRET, true);
	l = md5(c, challenge("IMEI:1"));
	assert_int_equal(l.verdict, SML_LOGIN_OK);
	assert_int_equal(finish(&l, "IMEI:1", &next, &e), 0);
	assert_int_equal(md5(thief, challenge("IMEI:2")).verdict,
			 SML_LOGIN_WRONG);
}

/* ---- which scheme is asked for ---- */

static void
test_scheme(void **state)
{
	struct client wrong = { "anna", "x", "IMEI:1", 12 };
	struct client nobody = { "nobody", "x", "IMEI:1", 12 };
	struct client *who[] = { &wrong, &nobody };
	struct sml_cred none = { 0 };

	(void)state;
	add_cred(STORE_CRED_PASSWORD, SLICE_LIT("H:s3cret"), NULL);
	for (int i = 0; i < 4; i++) {
		fix->conf.auth_first = i >= 2 ? SML_AUTH_MD5 : SML_AUTH_NONE;
		fix->tries = 0;
		assert_int_equal(login_with(&none, "anna", "d", 12).scheme,
				 i >= 2 ? SML_AUTH_MD5 : SML_AUTH_BASIC);
		assert_int_equal(md5(*who[i % 2], SLICE_LIT("")).scheme,
				 SML_AUTH_MD5);
		assert_int_equal(md5(*who[i % 2], challenge("IMEI:1")).scheme,
				 i >= 2 ? SML_AUTH_MD5 : SML_AUTH_BASIC);
		assert_int_equal(basic(*who[i % 2]).scheme, SML_AUTH_BASIC);
	}
}

static void
test_md5_without_user(void **state)
{
	struct sml_cred c = { .present = true,
			      .meta = { .type = SLICE_LIT("syncml:auth-md5") },
			      .data = SLICE_LIT("Zz6EivR3yeaaENcRN6lpAQ==") };
	struct sml_login l = login_with(&c, "", "IMEI:1", 12);
	struct sml_chal chal;
	struct err e;

	(void)state;
	assert_int_equal(l.verdict, SML_LOGIN_WRONG);
	assert_int_equal(l.scheme, SML_AUTH_BASIC);
	assert_int_equal(sml_login_challenge(&fix->srv, fix->a, &l,
					     SLICE_LIT("IMEI:1"), &chal, &e),
			 0);
	assert_true(slice_is(chal.type, "syncml:auth-basic"));
	assert_int_equal(chal.next_nonce.n, 0);
}

static void
test_next_chal(void **state)
{
	struct sml_chal chal;

	(void)state;
	assert_int_equal(
	    sml_login_next(fix->a, SML_AUTH_MD5, SLICE_LIT("n0nce-1"), &chal),
	    0);
	assert_true(slice_is(chal.next_nonce, "bjBuY2UtMQ=="));
}

/* ---- nonces ---- */

enum { NONCES = 1000000, RANDOM_NONCES = 100000 };

static int
nonce_order(const void *x, const void *y)
{
	return memcmp(x, y, SML_NONCE_BYTES + 1);
}

static void
test_nonces_differ(void **state)
{
	size_t n = NONCES + RANDOM_NONCES, w = SML_NONCE_BYTES + 1;
	char *all = malloc(n * w);

	(void)state;
	assert_non_null(all);
	for (size_t i = 0; i < NONCES; i++)
		sml_nonce_at(fix->secrets.node_key,
			     i % 2 == 0 ? SLICE_LIT("IMEI:1")
					: SLICE_LIT("IMEI:2"),
			     fix->ms + (int64_t)(i / 2) * SML_NONCE_STEP_MS,
			     all + i * w);
	for (size_t i = NONCES; i < n; i++)
		rnd_text(&rnd_system, all + i * w, w);
	for (size_t i = 0; i < n * w; i++)
		assert_true((i + 1) % w == 0
				? all[i] == '\0'
				: (all[i] >= '0' && all[i] <= '9') ||
				      (all[i] >= 'A' && all[i] <= 'Z') ||
				      (all[i] >= 'a' && all[i] <= 'z'));
	qsort(all, n, w, nonce_order);
	for (size_t i = 1; i < n; i++)
		assert_true(nonce_order(all + (i - 1) * w, all + i * w) != 0);
	free(all);
}

/* ---- memory ---- */

/* Wherever memory runs out: no way in without credentials, no crash. */
static void
test_memory(void **state)
{
	struct slice n = challenge("IMEI:1");
	struct sml_cred good, bad;
	struct sml_login_in in = { .user_hint = SLICE_LIT("anna"),
				   .dev_id = SLICE_LIT("IMEI:1"),
				   .peer = SLICE_LIT("p"),
				   .version = 11 };
	struct sml_login out;
	struct err e;
	bool done = false;

	(void)state;
	add_cred(STORE_CRED_PASSWORD, SLICE_LIT("H:s3cret"), "S:s3cret");
	add_device_secret(DEVICE_SECRET, true);
	assert_int_equal(sml_auth_cred(fix->a, SML_AUTH_MD5, SLICE_LIT("anna"),
				       SLICE_LIT("s3cret"), n, false, &good,
				       &e),
			 0);
	assert_int_equal(sml_auth_cred(fix->a, SML_AUTH_MD5, SLICE_LIT("anna"),
				       SLICE_LIT("wrong"), n, false, &bad, &e),
			 0);
	for (size_t i = 1; !done; i++) {
		int rc;

		arena_fail_at(fix->a, i, true);
		in.cred = &bad;
		rc = sml_login(&fix->srv, fix->a, &in, &out, &e);
		assert_true(rc < 0 || out.verdict == SML_LOGIN_WRONG);
		arena_fail_at(fix->a, i, true);
		in.cred = &good;
		rc = sml_login(&fix->srv, fix->a, &in, &out, &e);
		done = rc == 0 && out.verdict == SML_LOGIN_OK;
		assert_true(i < 1000);
	}
	arena_fail_at(fix->a, 0, false);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_password),
		T(test_wrong_and_unknown),
		T(test_account_without_password),
		T(test_device_secret),
		T(test_two_devices_race),
		T(test_changed_meanwhile),
		T(test_latin1),
		T(test_disabled),
		T(test_device_disabled),
		T(test_early),
		T(test_throttled),
		T(test_busy),
		T(test_md5_chain),
		T(test_md5_race),
		T(test_md5_lifetime),
		T(test_md5_older_nonce_after_newer),
		T(test_md5_challenged_twice_at_once),
		T(test_md5_versions),
		T(test_md5_hex_only_for_10),
		T(test_md5_refused),
		T(test_md5_empty_nonce),
		T(test_md5_bound_secret),
		T(test_scheme),
		T(test_md5_without_user),
		T(test_next_chal),
		T(test_nonces_differ),
		T(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
