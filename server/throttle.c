#include "server/throttle.h"

#include "base/digest.h"

#include <pthread.h>
#include <stdlib.h>

enum { WAYS = 8, BY_PEER = 0, BY_USER, BY_DEVICE, BY_ALL, KEY_N };

struct counter {
	uint64_t key; /* 0: free */
	unsigned fails;
	int64_t last_ms;  /* of the last wrong try */
	int64_t until_ms; /* no try is looked at before */
	/* Not shared yet: */
	int delta;
	bool reset, dirty;
};

struct known {
	uint64_t key; /* 0: free */
	int64_t last_ms;
	bool dirty; /* not shared yet */
};

struct srv_throttle {
	pthread_mutex_t lock;
	const struct clk *clk;
	unsigned char secret[DIGEST_HASH_BYTES]; /* of the hash */
	struct counter counter[SRV_THROTTLE_SLOTS];
	struct known known[SRV_THROTTLE_KNOWN];
	bool dirty;   /* something is not shared yet */
	int64_t seen; /* in the store */
};

struct srv_throttle *
srv_throttle_new(const struct clk *clk, struct slice key)
{
	struct srv_throttle *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->clk = clk;
	digest_hash(SLICE_LIT(""), &key, 1, t->secret);
	if (pthread_mutex_init(&t->lock, NULL) != 0) {
		free(t);
		return NULL;
	}
	return t;
}

void
srv_throttle_free(struct srv_throttle **t)
{
	if (*t == NULL)
		return;
	(void)pthread_mutex_destroy(&(*t)->lock);
	free(*t);
	*t = NULL;
}

/* ---- keys ---- */

/* Each part with its length in front: no two lists of parts look alike. */
static uint64_t
key_of(const struct srv_throttle *t, char what, const struct slice *part,
       size_t n)
{
	struct slice secret = { (const char *)t->secret, sizeof(t->secret) };
	unsigned char hash[DIGEST_HASH_BYTES];
	struct slice all[1 + 2 * KEY_N] = { { &what, 1 } };
	size_t len[KEY_N];
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++) {
		len[i] = part[i].n;
		all[1 + 2 * i] =
		    (struct slice){ (const char *)&len[i], sizeof(len[i]) };
		all[2 + 2 * i] = part[i];
	}
	digest_hash(secret, all, 1 + 2 * n, hash);
	for (size_t i = 0; i < sizeof(v); i++)
		v = v << 8 | hash[i];
	return v == 0 ? 1 : v;
}

enum { NAME_BYTES_MAX = 256 };

/* The directory of logins compares names by ASCII case. */
static struct slice
lower(struct slice s, char out[static NAME_BYTES_MAX])
{
	size_t n = s.n < NAME_BYTES_MAX ? s.n : NAME_BYTES_MAX;

	for (size_t i = 0; i < n; i++)
		out[i] = slice_lower(s.p[i]);
	return (struct slice){ out, n };
}

static void
keys_of(const struct srv_throttle *t, const struct srv_throttle_who *who,
	uint64_t key[static KEY_N])
{
	char name[NAME_BYTES_MAX];
	struct slice part[3] = { who->peer, lower(who->user, name),
				 who->dev_id };

	/* What is not said is not counted: all who say nothing would share
	   one counter. The hash is part of nothing, so 0 is "no counter". */
	key[BY_PEER] = part[0].n == 0 ? 0 : key_of(t, 'p', &part[0], 1);
	key[BY_USER] = part[1].n == 0 ? 0 : key_of(t, 'u', &part[1], 1);
	key[BY_DEVICE] = part[2].n == 0 ? 0 : key_of(t, 'd', &part[2], 1);
	key[BY_ALL] = key_of(t, 'a', part, 3);
}

/* ---- tables ---- */

static bool
stale(const struct counter *c, int64_t now)
{
	return c->key == 0 || c->last_ms + SRV_THROTTLE_FORGET_MS <= now;
}

static struct counter *
counter_find(struct srv_throttle *t, uint64_t key, int64_t now)
{
	struct counter *row =
	    &t->counter[key % (SRV_THROTTLE_SLOTS / WAYS) * WAYS];

	for (size_t i = 0; key != 0 && i < WAYS; i++)
		if (row[i].key == key && !stale(&row[i], now))
			return &row[i];
	return NULL;
}

/* Fewest tries first, then oldest. */
static bool
matters_less(const struct counter *c, int64_t fails, int64_t last_ms)
{
	return c->fails < fails || (c->fails == fails && c->last_ms < last_ms);
}

/* The place of a new counter: a free one, or that which matters least. */
static struct counter *
counter_place(struct srv_throttle *t, uint64_t key, int64_t now)
{
	struct counter *row =
	    &t->counter[key % (SRV_THROTTLE_SLOTS / WAYS) * WAYS];
	struct counter *found = &row[0];

	for (size_t i = 0; i < WAYS; i++) {
		if (stale(&row[i], now))
			return &row[i];
		if (matters_less(&row[i], found->fails, found->last_ms))
			found = &row[i];
	}
	return found;
}

static struct counter *
counter_take(struct srv_throttle *t, uint64_t key, int64_t now)
{
	struct counter *c = counter_find(t, key, now);

	if (c != NULL)
		return c;
	c = counter_place(t, key, now);
	*c = (struct counter){ .key = key };
	return c;
}

static void
touch(struct srv_throttle *t, struct counter *c, int delta)
{
	c->delta += delta;
	c->dirty = t->dirty = true;
}

static struct known *
known_row(struct srv_throttle *t, uint64_t key)
{
	return &t->known[key % (SRV_THROTTLE_KNOWN / WAYS) * WAYS];
}

static bool
is_known(struct srv_throttle *t, uint64_t key, int64_t now)
{
	struct known *row = known_row(t, key);

	for (size_t i = 0; i < WAYS; i++)
		if (row[i].key == key &&
		    row[i].last_ms + SRV_THROTTLE_KNOWN_MS > now)
			return true;
	return false;
}

/* Its place, or the one that matters least. */
static struct known *
known_take(struct srv_throttle *t, uint64_t key)
{
	struct known *row = known_row(t, key);
	struct known *place = &row[0];

	for (size_t i = 0; i < WAYS; i++) {
		if (row[i].key == key) {
			place = &row[i];
			break;
		}
		if (row[i].last_ms < place->last_ms)
			place = &row[i];
	}
	return place;
}

static void
make_known(struct srv_throttle *t, uint64_t key, int64_t now)
{
	struct known *k = known_take(t, key);
	/* Who comes daily is written once a day. */
	bool news = k->key != key || k->last_ms + SRV_THROTTLE_AGAIN_MS <= now;

	if (!news)
		return;
	*k = (struct known){ .key = key, .last_ms = now, .dirty = true };
	t->dirty = true;
}

/* ---- what the process calls ---- */

static int64_t
delay_ms(unsigned fails)
{
	int64_t delay = SRV_THROTTLE_FIRST_MS;

	if (fails <= SRV_THROTTLE_FREE)
		return 0;
	for (unsigned i = SRV_THROTTLE_FREE + 1; i < fails; i++) {
		delay *= 2;
		if (delay >= SRV_THROTTLE_LONGEST_MS)
			return SRV_THROTTLE_LONGEST_MS;
	}
	return delay;
}

int64_t
srv_throttle_wait_ms(struct srv_throttle *t, const struct srv_throttle_who *who)
{
	int64_t now = t->clk->now_ms(t->clk), wait = 0;
	struct counter *c[KEY_N] = { NULL };
	uint64_t key[KEY_N];
	size_t from;

	keys_of(t, who, key);
	(void)pthread_mutex_lock(&t->lock);
	from = is_known(t, key[BY_ALL], now) ? BY_ALL : BY_PEER;
	for (size_t i = from; i < KEY_N; i++) {
		c[i] = counter_find(t, key[i], now);
		if (c[i] != NULL && c[i]->until_ms - now > wait)
			wait = c[i]->until_ms - now;
	}
	/* A clock that was set back must not lock anybody out for longer. */
	if (wait > SRV_THROTTLE_LONGEST_MS)
		wait = SRV_THROTTLE_LONGEST_MS;
	for (size_t i = from; wait == 0 && i < KEY_N; i++)
		if (c[i] != NULL && c[i]->fails >= SRV_THROTTLE_FREE)
			c[i]->until_ms = now + delay_ms(c[i]->fails + 1);
	(void)pthread_mutex_unlock(&t->lock);
	return wait;
}

void
srv_throttle_failed(struct srv_throttle *t, const struct srv_throttle_who *who)
{
	int64_t now = t->clk->now_ms(t->clk);
	uint64_t key[KEY_N];

	keys_of(t, who, key);
	(void)pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < KEY_N; i++) {
		struct counter *c;

		if (key[i] == 0)
			continue;
		c = counter_take(t, key[i], now);
		c->fails++;
		touch(t, c, 1);
		c->last_ms = now;
		c->until_ms = now + delay_ms(c->fails);
	}
	(void)pthread_mutex_unlock(&t->lock);
}

void
srv_throttle_passed(struct srv_throttle *t, const struct srv_throttle_who *who)
{
	int64_t now = t->clk->now_ms(t->clk);
	struct counter *c;
	uint64_t key[KEY_N];
	unsigned own = 0;

	keys_of(t, who, key);
	(void)pthread_mutex_lock(&t->lock);
	for (size_t i = BY_USER; i < KEY_N; i++) {
		c = counter_find(t, key[i], now);
		if (c == NULL || c->fails == 0)
			continue;
		if (i == BY_ALL)
			own = c->fails;
		/* It stays, at nothing, until the others know. */
		*c = (struct counter){ .key = key[i],
				       .last_ms = now,
				       .reset = true };
		touch(t, c, 0);
	}
	/* The address is forgiven what this very device tried as this user:
	   else, with an account of one's own, the guesses at those of others
	   could be washed away. */
	c = counter_find(t, key[BY_PEER], now);
	if (c != NULL && c->fails > 0) {
		own = own < c->fails ? own : c->fails;
		c->fails -= own;
		if (own > 0)
			touch(t, c, -(int)own);
		c->until_ms = c->last_ms + delay_ms(c->fails);
	}
	make_known(t, key[BY_ALL], now);
	(void)pthread_mutex_unlock(&t->lock);
}

unsigned
srv_throttle_tries(struct srv_throttle *t, const struct srv_throttle_who *who)
{
	int64_t now = t->clk->now_ms(t->clk);
	const struct counter *c;
	uint64_t key[KEY_N];
	unsigned n;

	keys_of(t, who, key);
	(void)pthread_mutex_lock(&t->lock);
	c = counter_find(t, key[BY_ALL], now);
	n = c == NULL ? 0 : c->fails;
	(void)pthread_mutex_unlock(&t->lock);
	return n;
}

/* ---- sharing ---------------------------------------------------------- */

/* What is not shared yet, as far as it fits. */
static size_t
collect(struct srv_throttle *t, struct store_throttle *out)
{
	size_t n = 0;

	if (!t->dirty)
		return 0;
	t->dirty = false;
	for (size_t i = 0; i < SRV_THROTTLE_SLOTS; i++) {
		struct counter *c = &t->counter[i];

		if (!c->dirty)
			continue;
		if (n == SRV_THROTTLE_BATCH) {
			t->dirty = true;
			return n;
		}
		out[n++] =
		    (struct store_throttle){ STORE_THROTTLE_WRONG, c->key,
					     c->reset, c->delta, c->last_ms };
		c->delta = 0;
		c->dirty = c->reset = false;
	}
	for (size_t i = 0; i < SRV_THROTTLE_KNOWN; i++) {
		struct known *k = &t->known[i];

		if (!k->dirty)
			continue;
		if (n == SRV_THROTTLE_BATCH) {
			t->dirty = true;
			return n;
		}
		out[n++] =
		    (struct store_throttle){ .kind = STORE_THROTTLE_KNOWN,
					     .key = k->key,
					     .last_ms = k->last_ms };
		k->dirty = false;
	}
	return n;
}

/* The store did not take them: they wait for the next time. */
static void
put_back(struct srv_throttle *t, const struct store_throttle *in, size_t n)
{
	int64_t now = t->clk->now_ms(t->clk);

	for (size_t i = 0; i < n; i++) {
		struct counter *c;
		struct known *k;

		if (in[i].kind == STORE_THROTTLE_WRONG) {
			c = counter_find(t, in[i].key, now);
			if (c == NULL)
				continue;
			/* One that came since then counts for both. */
			if (!c->reset) {
				c->reset = in[i].reset;
				c->delta += (int)in[i].fails;
			}
			c->dirty = true;
		} else {
			k = known_take(t, in[i].key);
			if (k->key == in[i].key)
				k->dirty = true;
		}
	}
	t->dirty = t->dirty || n > 0;
}

/* A counter as the store has it, and what was counted here since. */
static void
learn_counter(struct srv_throttle *t, const struct store_throttle *row,
	      int64_t now)
{
	struct counter *c = counter_find(t, row->key, now);
	int64_t fails = row->fails;

	if (row->last_ms + SRV_THROTTLE_FORGET_MS <= now ||
	    (c == NULL && fails == 0))
		return;
	if (c == NULL) {
		c = counter_place(t, row->key, now);
		if (!stale(c, now) && !matters_less(c, fails, row->last_ms))
			return;
		*c = (struct counter){ .key = row->key };
	}
	fails = (c->reset ? 0 : fails) + c->delta;
	c->fails = fails < 0           ? 0
		   : fails > INT32_MAX ? INT32_MAX
				       : (unsigned)fails;
	if (c->last_ms < row->last_ms)
		c->last_ms = row->last_ms;
	if (c->fails == 0)
		c->until_ms = 0;
	else if (c->until_ms < c->last_ms + delay_ms(c->fails))
		c->until_ms = c->last_ms + delay_ms(c->fails);
}

static void
learn(struct srv_throttle *t, const struct store_throttle *row, size_t n)
{
	int64_t now = t->clk->now_ms(t->clk);

	for (size_t i = 0; i < n; i++) {
		struct known *k;

		if (row[i].key == 0)
			continue;
		if (row[i].kind == STORE_THROTTLE_WRONG) {
			learn_counter(t, &row[i], now);
			continue;
		}
		k = known_take(t, row[i].key);
		if (k->last_ms < row[i].last_ms)
			*k = (struct known){ .key = row[i].key,
					     .last_ms = row[i].last_ms };
	}
}

int
srv_throttle_share(struct srv_throttle *t, struct store *s, struct err *e)
{
	enum { ARENA_BYTES = 32 << 20 };
	int64_t now = t->clk->now_ms(t->clk);
	const struct store_throttle_keep keep[STORE_THROTTLE_KINDS] = {
		{ now - SRV_THROTTLE_FORGET_MS, SRV_THROTTLE_SLOTS },
		{ now - SRV_THROTTLE_KNOWN_MS, SRV_THROTTLE_KNOWN },
	};
	struct arena *a = arena_new(ARENA_BYTES);
	struct store_throttle *in, *out = NULL;
	size_t n, out_n = 0;
	int rc;

	in = a == NULL
		 ? NULL
		 : ARENA_ARRAY(a, SRV_THROTTLE_BATCH, struct store_throttle);
	if (in == NULL) {
		arena_free(&a);
		return err_set(e, ERR_NOMEM, "throttle.share", "out of memory");
	}
	(void)pthread_mutex_lock(&t->lock);
	n = collect(t, in);
	(void)pthread_mutex_unlock(&t->lock);
	rc = s->v->throttle_share(s, a, in, n, keep, &t->seen, &out, &out_n, e);
	(void)pthread_mutex_lock(&t->lock);
	if (rc < 0)
		put_back(t, in, n);
	else
		learn(t, out, out_n);
	(void)pthread_mutex_unlock(&t->lock);
	arena_free(&a);
	return rc;
}
