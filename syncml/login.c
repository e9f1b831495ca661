#include "syncml/login.h"

#include "base/digest.h"
#include "syncml/nonce.h"
#include "syncml/server.h"

enum {
	USER_BYTES_MAX = 255,
	PASSWORD_BYTES_MAX = 1024,
	/* MD5 keys tried for one login: credentials times forms */
	KEYS_MAX = 64,
	MD5_TRIES_MAX = 2,
	/* An account with fewer secrets that open by MD5 costs as much work as
	   one with so many: none and the usual one or two look alike. */
	SECRETS_LEAST = 2,
};

/* One try: what came in, and what the store knows about it. */
struct
try {
	const struct sml_server *srv;
	struct arena *a;
	struct slice user, password, dev_id, peer;
	int version;
	/* auth-md5 and auth-MAC */
	enum sml_auth scheme;
	unsigned char digest[16];
	struct slice body; /* of a MAC: sml_auth_body() */
	int64_t now_ms;
	/* from the store */
	bool known;
	struct store_account account;
	struct store_cred *cred;
	size_t cred_n;
	struct store_device *device; /* NULL: not seen yet */
};

static enum sml_auth
preferred(const struct sml_server *srv)
{
	return srv->conf->auth_first == SML_AUTH_NONE ? SML_AUTH_BASIC
						      : srv->conf->auth_first;
}

static bool
by_digest(enum sml_auth scheme)
{
	return scheme == SML_AUTH_MD5 || scheme == SML_AUTH_MAC;
}

static void
say(struct sml_login *out, enum sml_login_verdict verdict, const char *why)
{
	out->verdict = verdict;
	out->why = why;
}

/* ---- what the store knows ---- */

static int
load_rows(struct try *t, struct store_tx *tx, struct err *e)
{
	const struct store_vtbl *v = tx->v;

	if (v->account_get(tx, t->a, &t->account, e) < 0 ||
	    v->cred_list(tx, t->a, &t->cred, &t->cred_n, e) < 0)
		return -1;
	return v->device_get(tx, t->a, t->dev_id, &t->device, e);
}

/* The transaction ends before any slow hash is computed. */
static int
load(struct try *t, struct err *e)
{
	struct store *s = t->srv->store;
	struct err why = { 0 };
	struct store_tx *tx = NULL;
	int64_t account = 0;
	int rc;

	if (s->v->login_find(s, t->user, &account, e) < 0)
		return -1;
	if (account == 0)
		return 0;
	if (s->v->begin(s, account, STORE_READ, t->now_ms, &tx, &why) < 0) {
		/* Erased a moment ago: as good as never there. */
		if (why.code == ERR_NOTFOUND)
			return 0;
		return err_set(e, why.code, why.where, "%s", why.msg);
	}
	rc = load_rows(t, tx, e);
	s->v->rollback(&tx);
	t->known = rc == 0;
	return rc;
}

static bool
cred_for_device(const struct store_cred *c, struct slice dev_id)
{
	return c->device.n == 0 || slice_eq(c->device, dev_id);
}

/* ---- text in another charset ---- */

static bool
is_ascii(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

/* Some phones write credentials in ISO-8859-1; ours are all UTF-8. */
static int
from_latin1(struct arena *a, struct slice *s, struct err *e)
{
	struct buf b = BUF_IN(a);

	if (slice_utf8_ok(*s))
		return 0;
	for (size_t i = 0; i < s->n; i++) {
		unsigned char c = (unsigned char)s->p[i];

		if (c < 0x80) {
			buf_byte(&b, c);
			continue;
		}
		buf_byte(&b, (unsigned char)(0xc0 | c >> 6));
		buf_byte(&b, (unsigned char)(0x80 | (c & 0x3f)));
	}
	if (!buf_ok(&b))
		return err_set(e, ERR_NOMEM, "login.latin1", "out of memory");
	*s = buf_slice(&b);
	return 0;
}

/* false: it holds characters that ISO-8859-1 has not, or memory is short. */
static bool
to_latin1(struct arena *a, struct slice *s)
{
	struct buf b = BUF_IN(a);

	for (size_t i = 0; i < s->n; i++) {
		unsigned char c = (unsigned char)s->p[i];

		if (c < 0x80) {
			buf_byte(&b, c);
			continue;
		}
		if ((c & 0xfe) != 0xc2 || i + 1 >= s->n)
			return false;
		i++;
		buf_byte(&b, (unsigned char)(c << 6 | (s->p[i] & 0x3f)));
	}
	*s = buf_slice(&b);
	return buf_ok(&b);
}

/* ---- basic ---- */

static const struct store_cred *
device_secret(const struct try *t)
{
	unsigned char hash[DIGEST_HASH_BYTES];
	struct slice have = { (const char *)hash, sizeof(hash) };
	const struct store_cred *found = NULL;

	digest_hash(SLICE_LIT(""), &t->password, 1, hash);
	for (size_t i = 0; i < t->cred_n; i++) {
		const struct store_cred *c = &t->cred[i];

		if (c->kind == STORE_CRED_DEVICE &&
		    digest_same(c->hash, have) && cred_for_device(c, t->dev_id))
			found = c;
	}
	return found;
}

/* An account has one password; were there more, the last one set counts. */
static const struct store_cred *
password_of(const struct try *t)
{
	const struct store_cred *found = NULL;

	for (size_t i = 0; i < t->cred_n; i++)
		if (t->cred[i].kind == STORE_CRED_PASSWORD)
			found = &t->cred[i];
	return found;
}

static int
try_basic(const struct try *t, const struct store_cred **fits, struct err *e)
{
	struct sml_secrets *s = t->srv->secrets;
	const struct store_cred *c;
	bool ok = false;

	*fits = NULL;
	if (t->known)
		*fits = device_secret(t);
	if (*fits != NULL)
		return 0;
	/* Whatever is missing, one slow hash is computed: the time tells
	   nothing about the account. */
	c = password_of(t);
	if (s->verify(s, t->account.id, t->account.cred_gen,
		      c == NULL ? SLICE_LIT("") : c->hash, t->password, &ok,
		      e) < 0)
		return -1;
	if (ok && c != NULL)
		*fits = c;
	return 0;
}

/* The names in a basic credential; user stays empty when it is malformed. */
static int
read_basic(struct try *t, const struct sml_cred *cred, struct err *e)
{
	struct slice user, password;

	t->user = SLICE_LIT("");
	if (!sml_auth_basic(t->a, cred, &user, &password) ||
	    user.n > USER_BYTES_MAX || password.n > PASSWORD_BYTES_MAX)
		return 0;
	t->user = user;
	t->password = password;
	if (from_latin1(t->a, &t->user, e) < 0)
		return -1;
	return from_latin1(t->a, &t->password, e);
}

static int
login_basic(struct try *t, const struct store_cred **fits,
	    struct sml_login *out, struct err *e)
{
	if (load(t, e) < 0)
		return -1;
	out->why = t->known ? "wrong password" : "no such user";
	return try_basic(t, fits, e);
}

/* ---- MD5 and MAC ---- */

struct keys {
	struct sml_auth_key key[KEYS_MAX];
	const struct store_cred *cred[KEYS_MAX];
	size_t n;
};

static int
add_forms(const struct try *t, struct keys *k, const struct store_cred *cred,
	  struct slice user, struct slice secret, struct err *e)
{
	/* 1.0 has its own formula, and 1.1 clients that mix them up exist. */
	bool both =
	    t->scheme == SML_AUTH_MD5 && (t->version == 10 || t->version == 11);

	for (int old = 0; old <= (both ? 1 : 0) && k->n < KEYS_MAX; old++) {
		if (sml_auth_key(t->a, user, secret, old == 1, &k->key[k->n],
				 e) < 0)
			return -1;
		k->key[k->n].body = t->body;
		k->cred[k->n++] = cred;
	}
	return 0;
}

/* The forms of one secret: both formulas, and once more in ISO-8859-1. */
static int
add_secret(const struct try *t, struct keys *k, const struct store_cred *cred,
	   struct slice secret, struct err *e)
{
	struct slice user = t->user;

	if (add_forms(t, k, cred, user, secret, e) < 0)
		return -1;
	if (is_ascii(user) && is_ascii(secret))
		return 0;
	if (!to_latin1(t->a, &user) || !to_latin1(t->a, &secret))
		return 0;
	return add_forms(t, k, cred, user, secret, e);
}

static int
collect_keys(const struct try *t, struct keys *k, struct err *e)
{
	struct sml_secrets *s = t->srv->secrets;
	size_t secrets = 0;

	for (size_t i = 0; i < t->cred_n && k->n < KEYS_MAX; i++) {
		const struct store_cred *c = &t->cred[i];
		struct slice secret;
		struct err why = { 0 };

		if (c->sealed.n == 0 || !cred_for_device(c, t->dev_id))
			continue;
		if (s->unseal(s, t->a, c->sealed, &secret, &why) < 0) {
			/* The others may still open, and an error would tell
			   that there is such an account. */
			log_line(t->srv->log, LOG_LVL_ERROR,
				 "account=%lld credential=%lld: %s",
				 (long long)t->account.id, (long long)c->id,
				 why.msg);
			continue;
		}
		if (add_secret(t, k, c, secret, e) < 0)
			return -1;
		secrets++;
	}
	/* Nobody, or nobody with MD5: the same work for nothing. */
	for (; secrets < SECRETS_LEAST; secrets++) {
		if (add_secret(t, k, NULL, SLICE_LIT("no secret of anybody"),
			       e) < 0)
			return -1;
	}
	return 0;
}

static int
find_nonce(struct try *t, const struct keys *k, const struct store_cred **fits,
	   bool *stale, struct sml_login *out, struct err *e)
{
	struct sml_nonce_try nt = { .node_key = t->srv->secrets->node_key,
				    .dev_id = t->dev_id,
				    .now_ms = t->now_ms };
	struct sml_nonce_hit hit;

	if (t->device != NULL) {
		nt.stored = t->device->nonce;
		nt.floor_ms = t->device->nonce_floor_ms;
		out->nonce_floor_ms = nt.floor_ms;
	}
	sml_nonce_find(&nt, k->key, k->n, t->digest, &hit);
	if (hit.stale && k->cred[hit.key] != NULL) {
		*stale = true;
		out->why = "digest with the empty nonce";
	}
	if (!hit.fits || k->cred[hit.key] == NULL)
		return 0;
	*fits = k->cred[hit.key];
	out->nonce_issued_ms = hit.issued_ms;
	out->nonce_used = hit.issued_ms == 0
			      ? nt.stored
			      : arena_copy(t->a, slice_c(hit.nonce));
	if (out->nonce_used.p == NULL)
		return err_set(e, ERR_NOMEM, "login.digest", "out of memory");
	return 0;
}

static int
login_digest(struct try *t, const struct store_cred **fits, bool *stale,
	     struct sml_login *out, struct err *e)
{
	struct keys *k = ARENA_NEW(t->a, struct keys);

	if (k == NULL)
		return err_set(e, ERR_NOMEM, "login.digest", "out of memory");
	if (load(t, e) < 0 || collect_keys(t, k, e) < 0)
		return -1;
	out->why = t->known ? "wrong digest" : "no such user";
	return find_nonce(t, k, fits, stale, out, e);
}

/* ---- verdict ---- */

/* Decided by what came in alone; false: the credentials must be looked at. */
static bool
decide_early(const struct sml_server *srv, const struct sml_login_in *in,
	     struct sml_login *out)
{
	const struct sml_cred *cred = in->cred;

	out->scheme = in->mac.n > 0 ? SML_AUTH_MAC : sml_auth_type(cred);
	if (in->mac.n > 0)
		return false;
	if (out->scheme == SML_AUTH_NONE || out->scheme == SML_AUTH_OTHER) {
		if (out->scheme == SML_AUTH_NONE)
			say(out, SML_LOGIN_MISSING, "no credentials");
		else
			say(out, SML_LOGIN_SCHEME, "unknown scheme");
		out->scheme = preferred(srv);
		return true;
	}
	if (out->scheme == SML_AUTH_MAC) {
		say(out, SML_LOGIN_WRONG, "auth-MAC without its header");
		return true;
	}
	if (cred->data.n == 0) {
		say(out, SML_LOGIN_NODATA, "credentials without data");
		return true;
	}
	if (!sml_auth_format_ok(cred)) {
		say(out, SML_LOGIN_FORMAT, "credentials in an unknown format");
		return true;
	}
	return false;
}

/* User and digest of the transport header; user stays empty when they make no
   sense, as with read_basic(). */
static int
read_mac(struct try *t, const struct sml_login_in *in, struct err *e)
{
	struct sml_mac mac;

	t->user = SLICE_LIT("");
	if (!sml_auth_mac_read(t->a, in->mac, &mac) ||
	    mac.user.n > USER_BYTES_MAX)
		return 0;
	t->user = mac.user;
	memcpy(t->digest, mac.digest, sizeof(t->digest));
	if (from_latin1(t->a, &t->user, e) < 0)
		return -1;
	return sml_auth_body(t->a, in->body, &t->body, e);
}

static int
read_md5(struct try *t, const struct sml_login_in *in, struct err *e)
{
	bool hex;

	t->user = slice_trim(in->user_hint);
	if (t->user.n > USER_BYTES_MAX ||
	    !sml_auth_digest(t->a, in->cred, &hex, t->digest) ||
	    (hex && t->version != 10))
		t->user = SLICE_LIT("");
	return from_latin1(t->a, &t->user, e);
}

static int
read_in(struct try *t, const struct sml_login_in *in, struct err *e)
{
	if (t->scheme == SML_AUTH_MAC)
		return read_mac(t, in, e);
	if (t->scheme == SML_AUTH_MD5)
		return read_md5(t, in, e);
	return read_basic(t, in->cred, e);
}

static void
wrong(const struct try *t, bool guess, struct sml_login *out)
{
	struct sml_secrets *s = t->srv->secrets;
	unsigned tries;

	out->verdict = SML_LOGIN_WRONG;
	if (guess)
		s->failed(s, t->peer, t->user, t->dev_id);
	tries = s->tries(s, t->peer, t->user, t->dev_id);
	if (by_digest(out->scheme) && tries >= MD5_TRIES_MAX)
		out->scheme = preferred(t->srv);
}

static void
right(const struct try *t, const struct store_cred *fits, struct sml_login *out)
{
	struct sml_secrets *s = t->srv->secrets;

	out->account = t->account.id;
	out->user = t->account.user;
	out->cred = *fits;
	if (t->account.disabled) {
		say(out, SML_LOGIN_FORBIDDEN, "the account is disabled");
		return;
	}
	if (t->device != NULL && t->device->disabled) {
		say(out, SML_LOGIN_FORBIDDEN, "the device is disabled");
		return;
	}
	s->passed(s, t->peer, t->user, t->dev_id);
	say(out, SML_LOGIN_OK, "");
}

static struct try
begin_try(const struct sml_server *srv, struct arena *a,
	  const struct sml_login_in *in)
{
	return (struct try){ .srv = srv,
			     .a = a,
			     .dev_id = in->dev_id,
			     .peer = in->peer,
			     .version = in->version,
			     .now_ms = srv->clk->now_ms(srv->clk) };
}

int
sml_login(const struct sml_server *srv, struct arena *a,
	  const struct sml_login_in *in, struct sml_login *out, struct err *e)
{
	struct sml_secrets *s = srv->secrets;
	struct try t = begin_try(srv, a, in);
	const struct store_cred *fits = NULL;
	bool stale = false;
	int rc = 0;

	*out = (struct sml_login){ .why = "" };
	if (decide_early(srv, in, out))
		return 0;
	t.scheme = out->scheme;
	if (t.scheme == SML_AUTH_MD5 && slice_trim(in->user_hint).n == 0) {
		say(out, SML_LOGIN_WRONG, "MD5 without a user name");
		out->scheme = SML_AUTH_BASIC;
		return 0;
	}
	if (read_in(&t, in, e) < 0)
		return -1;
	out->user = t.user;
	if (s->wait_ms(s, in->peer, t.user, in->dev_id) > 0) {
		say(out, SML_LOGIN_WRONG, "too many wrong tries");
		return 0;
	}
	if (t.user.n == 0)
		out->why = "malformed credentials";
	else if (t.scheme == SML_AUTH_BASIC)
		rc = login_basic(&t, &fits, out, e);
	else
		rc = login_digest(&t, &fits, &stale, out, e);
	if (rc < 0)
		return -1;
	if (fits == NULL)
		wrong(&t, !stale, out);
	else
		right(&t, fits, out);
	return 0;
}

int
sml_login_names(const struct sml_server *srv, struct arena *a,
		const struct sml_login_in *in, int64_t *account, struct err *e)
{
	struct try t = begin_try(srv, a, in);

	*account = -1;
	t.scheme = in->mac.n > 0 ? SML_AUTH_MAC : sml_auth_type(in->cred);
	if (t.scheme == SML_AUTH_NONE || t.scheme == SML_AUTH_OTHER ||
	    (t.scheme == SML_AUTH_MAC && in->mac.n == 0))
		return 0;
	if (read_in(&t, in, e) < 0)
		return -1;
	if (t.user.n == 0)
		return 0;
	return srv->store->v->login_find(srv->store, t.user, account, e);
}

/* ---- making it last ---- */

static int
use_nonce(const struct sml_login *in, struct store_device *dev, struct err *e)
{
	if (!by_digest(in->scheme))
		return 0;
	if (in->nonce_issued_ms == 0) {
		if (in->nonce_used.n > 0 &&
		    digest_same(in->nonce_used, dev->nonce))
			return 0;
	} else if (in->nonce_issued_ms > dev->nonce_floor_ms) {
		dev->nonce_floor_ms = in->nonce_issued_ms;
		return 0;
	}
	return err_set(e, ERR_AUTH, "login.commit",
		       "the nonce was used meanwhile");
}

static int
use_cred(struct store_tx *tx, struct arena *a, const struct sml_login *in,
	 struct slice dev_id, struct err *e)
{
	struct store_cred *cred, *c = NULL;
	size_t n;

	if (tx->v->cred_list(tx, a, &cred, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (cred[i].id == in->cred.id)
			c = &cred[i];
	if (c == NULL || !digest_same(c->hash, in->cred.hash) ||
	    !cred_for_device(c, dev_id))
		return err_set(e, ERR_AUTH, "login.commit",
			       "the credential was changed meanwhile");
	if (c->kind == STORE_CRED_DEVICE)
		c->device = dev_id;
	c->used_ms = tx->now_ms;
	return tx->v->cred_put(tx, c, e);
}

int
sml_login_commit(const struct sml_server *srv, struct store_tx *tx,
		 struct arena *a, const struct sml_login *in,
		 struct store_device *dev, struct err *e)
{
	char nonce[SML_NONCE_BYTES + 1];

	if (use_nonce(in, dev, e) < 0 ||
	    use_cred(tx, a, in, dev->dev_id, e) < 0)
		return -1;
	rnd_text(srv->rnd, nonce, sizeof(nonce));
	dev->nonce = arena_copy(a, slice_c(nonce));
	if (dev->nonce.p == NULL)
		return err_set(e, ERR_NOMEM, "login.commit", "out of memory");
	return 0;
}

/* ---- challenges ---- */

int
sml_login_next(struct arena *a, enum sml_auth scheme, struct slice nonce,
	       struct sml_chal *out)
{
	*out = (struct sml_chal){ .present = true,
				  .type = sml_auth_name(scheme),
				  .format = SLICE_LIT("b64") };
	if (!by_digest(scheme))
		return 0;
	out->next_nonce = digest_b64(a, nonce);
	return out->next_nonce.p == NULL ? -1 : 0;
}

int
sml_login_challenge(const struct sml_server *srv, struct arena *a,
		    const struct sml_login *l, struct slice dev_id,
		    struct sml_chal *out, struct err *e)
{
	char nonce[SML_NONCE_BYTES + 1];
	int64_t step = sml_nonce_step(srv->clk->now_ms(srv->clk));

	/* Challenged twice within one step: the first one may be used. */
	if (step <= l->nonce_floor_ms)
		step = sml_nonce_step(l->nonce_floor_ms) + SML_NONCE_STEP_MS;
	sml_nonce_at(srv->secrets->node_key, dev_id, step, nonce);
	if (sml_login_next(a, by_digest(l->scheme) ? l->scheme : SML_AUTH_BASIC,
			   slice_c(nonce), out) < 0)
		return err_set(e, ERR_NOMEM, "login.challenge",
			       "out of memory");
	return 0;
}
