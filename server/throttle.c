#include "server/throttle.h"

#include "base/digest.h"
#include "base/random.h"

#include <pthread.h>
#include <stdlib.h>

enum { WAYS = 8, BY_PEER = 0, BY_USER, BY_DEVICE, BY_ALL, KEY_N };

struct counter {
	uint64_t key; /* 0: free */
	unsigned fails;
	int64_t last_ms;  /* of the last wrong try */
	int64_t until_ms; /* no try is looked at before */
};

struct known {
	uint64_t key; /* 0: free */
	int64_t last_ms;
};

struct srv_throttle {
	pthread_mutex_t lock;
	const struct clk *clk;
	unsigned char secret[DIGEST_HASH_BYTES]; /* of the hash */
	struct counter counter[SRV_THROTTLE_SLOTS];
	struct known known[SRV_THROTTLE_KNOWN];
};

struct srv_throttle *
srv_throttle_new(const struct clk *clk)
{
	struct srv_throttle *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->clk = clk;
	rnd_system.fill(&rnd_system, t->secret, sizeof(t->secret));
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

/* Find it or take the place that matters least: fewest tries, then oldest. */
static struct counter *
counter_take(struct srv_throttle *t, uint64_t key, int64_t now)
{
	struct counter *row =
	    &t->counter[key % (SRV_THROTTLE_SLOTS / WAYS) * WAYS];
	struct counter *found = counter_find(t, key, now);

	if (found != NULL)
		return found;
	found = &row[0];
	for (size_t i = 0; i < WAYS; i++) {
		struct counter *c = &row[i];

		if (stale(c, now)) {
			found = c;
			break;
		}
		if (c->fails < found->fails ||
		    (c->fails == found->fails && c->last_ms < found->last_ms))
			found = c;
	}
	*found = (struct counter){ .key = key };
	return found;
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

static void
make_known(struct srv_throttle *t, uint64_t key, int64_t now)
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
	*place = (struct known){ key, now };
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

	keys_of(t, who, key);
	(void)pthread_mutex_lock(&t->lock);
	for (size_t i = BY_USER; i < KEY_N; i++) {
		c = counter_find(t, key[i], now);
		if (c != NULL)
			*c = (struct counter){ 0 };
	}
	/* The address is forgiven one try only: with an account of one's own,
	   the guesses at those of others could be washed away. */
	c = counter_find(t, key[BY_PEER], now);
	if (c != NULL && c->fails > 0) {
		c->fails--;
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
