/*
 * Credentials of a message: read, and checked against an account with a
 * password that allows MD5. The input makes up the Cred, or makes a right one
 * and damages it. Nobody comes in without the secret, and who has it does.
 */
#include "base/digest.h"
#include "syncml/nonce.h"
#include "tests/fuzz/world.h"

static const struct slice user = SLICE_INIT("anna");
static const struct slice password = SLICE_INIT("secret");

struct made {
	struct sml_cred cred;
	struct slice name;  /* LocName */
	struct slice nonce; /* of MD5 */
	bool right;         /* it must be let in */
	struct slice mac;   /* x-syncml-hmac */
};

/* ---- the account ----------------------------------------------------------
 */

static void
allow_md5(struct world *w, struct slice nonce)
{
	struct store *st = w->b->store;
	struct store_cred *cred;
	struct store_device dev = { .dev_id = SLICE_LIT("dev-a") };
	struct store_tx *tx;
	struct err e;
	size_t n;

	FUZZ_CHECK(st->v->begin(st, w->b->account, STORE_WRITE, w->b->now, &tx,
				&e) == 0);
	FUZZ_CHECK(tx->v->cred_list(tx, w->a, &cred, &n, &e) == 0 && n == 1);
	cred[0].sealed = password;
	FUZZ_CHECK(tx->v->cred_put(tx, &cred[0], &e) == 0);
	dev.id = tx->next_id++;
	dev.nonce = nonce;
	FUZZ_CHECK(tx->v->device_put(tx, &dev, &e) == 0);
	FUZZ_CHECK(tx->v->commit(&tx, &e) == 0);
}

/* ---- credentials ----------------------------------------------------------
 */

static struct slice
b64_of_piece(struct arena *a, struct slice *in)
{
	struct slice s = fuzz_piece(in);

	return fuzz_below(in, 2) == 0 ? s : digest_b64(a, s);
}

/* Any words as type, format and data. */
static void
make_up(struct arena *a, struct made *m, struct slice *in)
{
	static const char *const type[] = { "syncml:auth-basic",
					    "syncml:auth-md5",
					    "syncml:auth-MAC", "" };
	unsigned how = fuzz_byte(in);

	m->cred.present = true;
	m->cred.meta = sml_meta_none();
	m->cred.meta.type =
	    (how & 4) != 0 ? fuzz_piece(in) : slice_c(type[how & 3]);
	m->cred.meta.format = (how & 8) != 0    ? fuzz_piece(in)
			      : (how & 16) != 0 ? SLICE_LIT("")
						: SLICE_LIT("b64");
	m->cred.data = b64_of_piece(a, in);
	m->cred.opaque = (how & 32) != 0;
}

/* As a client makes them, of these nonces. */
static void
make(struct world *w, struct made *m, enum sml_auth type, int version,
     struct slice *in)
{
	bool old = version == 10;
	struct slice pass = password;
	char fresh[SML_NONCE_BYTES + 1];
	int64_t at = sml_nonce_step(w->b->now - 1000 * fuzz_byte(in));

	m->right = true;
	if (fuzz_below(in, 2) == 1) {
		pass = fuzz_piece(in);
		m->right = slice_eq(pass, password);
	}
	if (fuzz_below(in, 2) == 1) {
		sml_nonce_at(w->b->secrets.node_key, SLICE_LIT("dev-a"), at,
			     fresh);
		m->nonce = arena_copy(w->a, slice_c(fresh));
	}
	FUZZ_CHECK(sml_auth_cred(w->a, type, user, pass, m->nonce, old,
				 &m->cred, NULL) == 0);
}

/* ---- what must hold -------------------------------------------------------
 */

static bool
md5_is_right(struct world *w, const struct made *m, const struct sml_login *l,
	     bool old)
{
	unsigned char want[16];
	unsigned char got[16];
	bool hex;

	FUZZ_CHECK(sml_auth_md5(w->a, user, password, l->nonce_used, old, want,
				NULL) == 0);
	return sml_auth_digest(w->a, &m->cred, &hex, got) &&
	       memcmp(want, got, sizeof(want)) == 0;
}

static void
check(struct world *w, const struct made *m, const struct sml_login *l)
{
	struct slice who;
	struct slice pass;

	if (l->verdict != SML_LOGIN_OK) {
		FUZZ_CHECK(!m->right && l->account == 0);
		FUZZ_CHECK(l->why != NULL && l->why[0] != '\0');
		return;
	}
	FUZZ_CHECK(l->account == w->b->account);
	if (l->scheme == SML_AUTH_BASIC) {
		FUZZ_CHECK(sml_auth_basic(w->a, &m->cred, &who, &pass));
		FUZZ_CHECK(slice_eq_nocase(who, user));
		FUZZ_CHECK(slice_eq(pass, password));
		return;
	}
	FUZZ_CHECK(l->scheme == SML_AUTH_MD5 && l->nonce_used.n > 0);
	FUZZ_CHECK(md5_is_right(w, m, l, true) || md5_is_right(w, m, l, false));
}

static void
log_in(struct world *w, const struct made *m, int version)
{
	const struct sml_login_in proof = {
		.cred = &m->cred,
		.mac = m->mac,
		.body = SLICE_LIT("<SyncML/>"),
		.user_hint = m->name,
		.dev_id = SLICE_LIT("dev-a"),
		.peer = SLICE_LIT("192.0.2.7"),
		.version = version,
	};
	struct sml_login l;
	struct sml_chal chal;
	struct err e = { .code = ERR_NONE };

	FUZZ_CHECK(sml_login(&w->b->srv, w->a, &proof, &l, &e) == 0);
	check(w, m, &l);
	FUZZ_CHECK(sml_login_challenge(&w->b->srv, w->a, &l, SLICE_LIT("dev-a"),
				       &chal, &e) == 0);
	FUZZ_CHECK(chal.present && chal.type.n > 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = fuzz_input(data, size);
	struct world w;
	struct made m = { .name = user };
	unsigned how = fuzz_byte(&in);
	int version = 10 + (int)fuzz_below(&in, 3);

	world_begin(&w);
	m.nonce = SLICE_LIT("nonce of the device");
	allow_md5(&w, m.nonce);
	switch (how & 3) {
	case 0:
		make(&w, &m, SML_AUTH_BASIC, version, &in);
		break;
	case 1:
		make(&w, &m, SML_AUTH_MD5, version, &in);
		break;
	default:
		make_up(w.a, &m, &in);
		break;
	}
	if ((how & 4) != 0) {
		m.name = fuzz_piece(&in);
		m.right = m.right &&
			  ((how & 3) == 0 || slice_eq_nocase(m.name, user));
	}
	if (in.n > 0 && (how & 8) != 0 && m.cred.data.n > 0) {
		/* Another octet somewhere. */
		struct slice copy = arena_copy(w.a, m.cred.data);
		struct buf b = BUF_IN(w.a);
		size_t at = fuzz_byte(&in) % copy.n;

		buf_add(&b, slice_sub(copy, 0, at));
		buf_byte(&b, (unsigned char)fuzz_byte(&in));
		buf_add(&b, slice_from(copy, at + 1));
		m.right = m.right && slice_eq(buf_slice(&b), m.cred.data);
		m.cred.data = buf_slice(&b);
	}
	/* Where there is a MAC it decides, and none can be made up. */
	if ((how & 16) != 0)
		m.mac = fuzz_piece(&in);
	m.right = m.right && m.mac.n == 0;
	log_in(&w, &m, version);
	world_end(&w, false);
	return 0;
}
