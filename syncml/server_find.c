/*
 * Which session does a message belong to? Found by the unguessable token that
 * our RespURI carries, bound to account and device. A client that ignores
 * RespURI is taken only if exactly one live session fits its device id,
 * SessionID, MsgID and address.
 */
#include "base/digest.h"
#include "syncml/session.h"

enum { TOKEN_TEXT = 33, ACCOUNTS_MAX = 8 };

static struct slice
hash_of(struct arena *a, struct slice s)
{
	unsigned char h[DIGEST_HASH_BYTES];

	digest_hash(SLICE_LIT(""), &s, 1, h);
	return arena_copy(a, (struct slice){ (char *)h, sizeof(h) });
}

struct slice
sml_body_hash(struct sml_ctx *c)
{
	return hash_of(c->a, c->rq->body);
}

struct slice
sml_token_new(struct sml_ctx *c, struct slice *hash)
{
	char secret[TOKEN_TEXT];
	struct slice token;

	/* 32 characters of 62: 190 bits. */
	rnd_text(c->srv->rnd, secret, sizeof(secret));
	token =
	    arena_printf(c->a, "%.*s-%s",
			 SLICE_ARG(sml_wire_id(c->a, c->tx->account)), secret);
	*hash = hash_of(c->a, token);
	return token;
}

static bool
token_account(struct slice token, int64_t *account)
{
	size_t at = slice_find(token, '-');

	return at != SIZE_MAX && token.n <= 64 &&
	       sml_wire_item(slice_sub(token, 0, at), account);
}

bool
sml_session_live(const struct sml_ctx *c, const struct store_session *s)
{
	return s->state.n > 0 &&
	       c->now - s->last_ms <= c->srv->conf->session_idle_ms &&
	       c->now - s->started_ms <= SML_SESSION_LIFE_MS;
}

enum fit { FIT_NONE, FIT_NEXT, FIT_DUPLICATE };

/* Does this device's session in one account take the message? */
static int
look(struct sml_ctx *c, int64_t account, struct slice body_hash, enum fit *fit)
{
	struct store_tx *tx = NULL;
	struct store_device *dev = NULL;
	struct store_session *s = NULL;
	int r = -1;

	*fit = FIT_NONE;
	if (c->srv->store->v->begin(c->srv->store, account, STORE_READ, c->now,
				    &tx, &c->e) < 0)
		return c->e.code == ERR_NOTFOUND ? 0 : -1;
	if (tx->v->device_get(tx, c->a, c->msg->hdr.source, &dev, &c->e) < 0)
		goto out;
	r = 0;
	if (dev == NULL)
		goto out;
	r = tx->v->session_find(tx, c->a, (struct slice){ NULL, 0 }, dev->id,
				c->msg->hdr.sid, &s, &c->e);
	if (r < 0 || s == NULL)
		goto out;
	/* Without a token only its address, or the credentials that are in
	   it, say that it comes from the same device. */
	if (c->msgid == s->last_msgid && digest_same(s->body_hash, body_hash) &&
	    (slice_eq(s->peer, c->rq->peer) || c->msg->hdr.cred.present))
		*fit = FIT_DUPLICATE;
	else if (sml_session_live(c, s) && c->msgid == s->last_msgid + 1 &&
		 slice_eq(s->peer, c->rq->peer))
		*fit = FIT_NEXT;
out:
	tx->v->rollback(&tx);
	return r;
}

static int
find_by_device(struct sml_ctx *c, struct sml_place *out)
{
	int64_t account[ACCOUNTS_MAX];
	struct slice body = sml_body_hash(c);
	size_t n;
	size_t next = 0;
	int64_t next_account = 0;

	if (c->srv->store->v->device_find(c->srv->store, c->msg->hdr.source,
					  account, ACCOUNTS_MAX, &n, &c->e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		enum fit fit;

		if (look(c, account[i], body, &fit) < 0)
			return -1;
		if (fit == FIT_DUPLICATE) {
			out->account = account[i];
			out->duplicate = true;
			return 0;
		}
		if (fit == FIT_NEXT) {
			next_account = account[i];
			next++;
		}
	}
	if (next == 1)
		out->account = next_account;
	return 0;
}

int
sml_place_find(struct sml_ctx *c, struct sml_place *out)
{
	*out = (struct sml_place){ 0 };
	if (c->rq->token.n > 0 && token_account(c->rq->token, &out->account)) {
		out->by_token = true;
		out->token_hash = hash_of(c->a, c->rq->token);
		if (out->token_hash.p == NULL)
			return err_set(&c->e, ERR_NOMEM, "server.find",
				       "no memory to find a session");
		return 0;
	}
	return find_by_device(c, out);
}

int
sml_token_foreign(struct sml_ctx *c, const struct sml_place *at,
		  const struct sml_login_in *in, bool *foreign)
{
	struct store *st = c->srv->store;
	struct store_tx *tx = NULL;
	struct store_session *s = NULL;
	int64_t named;
	int rc;

	*foreign = false;
	if (!at->by_token)
		return 0;
	if (sml_login_names(c->srv, c->a, in, &named, &c->e) < 0)
		return -1;
	if (named == at->account || named == -1)
		return 0;
	if (st->v->begin(st, at->account, STORE_READ, c->now, &tx, &c->e) < 0)
		return c->e.code == ERR_NOTFOUND ? 0 : -1;
	rc = tx->v->session_find(tx, c->a, at->token_hash, 0,
				 (struct slice){ NULL, 0 }, &s, &c->e);
	tx->v->rollback(&tx);
	*foreign = rc == 0 && s != NULL && sml_session_live(c, s);
	return rc;
}
