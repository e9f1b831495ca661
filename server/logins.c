#include "server/logins.h"

#include "server/addr.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { DAY_MS = 24 * 60 * 60 * 1000, OTHERS = STORE_AUTH_HELD + 1 };

struct row {
	int64_t day;
	char user[SRV_LOGINS_USER_BYTES];
	size_t user_n;
	char net[SRV_LOGINS_NET_BYTES];
	enum store_auth what;
	int64_t n; /* 0: free */
	int64_t last_ms;
};

struct table {
	struct row row[SRV_LOGINS_ROWS];
	size_t n;
	struct row other[OTHERS]; /* of each kind, when it is full */
};

struct srv_logins {
	const struct clk *clk;
	pthread_mutex_t lock; /* guards `now` */
	struct table *now;
	struct table *out; /* being written: one thread's */
};

struct srv_logins *
srv_logins_new(const struct clk *clk)
{
	struct srv_logins *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->clk = clk;
	l->now = calloc(1, sizeof(*l->now));
	l->out = calloc(1, sizeof(*l->out));
	if (l->now == NULL || l->out == NULL ||
	    pthread_mutex_init(&l->lock, NULL) != 0) {
		free(l->now);
		free(l->out);
		free(l);
		return NULL;
	}
	return l;
}

void
srv_logins_free(struct srv_logins **l)
{
	if (*l == NULL)
		return;
	(void)pthread_mutex_destroy(&(*l)->lock);
	free((*l)->now);
	free((*l)->out);
	free(*l);
	*l = NULL;
}

const char *
srv_logins_net(struct slice peer, char out[static SRV_LOGINS_NET_BYTES])
{
	static const unsigned char v4[12] = { [10] = 0xff, [11] = 0xff };
	struct srv_addr a;
	bool is_v4;
	char text[SRV_ADDR_TEXT_BYTES];

	if (!srv_addr_parse(peer, &a)) {
		(void)snprintf(out, SRV_LOGINS_NET_BYTES, "unknown");
		return out;
	}
	if (srv_addr_loopback(&a)) {
		(void)snprintf(out, SRV_LOGINS_NET_BYTES, "local");
		return out;
	}
	is_v4 = memcmp(a.b, v4, sizeof(v4)) == 0;
	memset(is_v4 ? &a.b[15] : &a.b[6], 0, is_v4 ? 1 : 10);
	(void)snprintf(out, SRV_LOGINS_NET_BYTES, "%s/%d",
		       srv_addr_text(&a, text), is_v4 ? 24 : 48);
	return out;
}

static bool
same(const struct row *r, const struct row *k)
{
	return r->day == k->day && r->what == k->what &&
	       r->user_n == k->user_n &&
	       memcmp(r->user, k->user, k->user_n) == 0 &&
	       strcmp(r->net, k->net) == 0;
}

/* Collisions cost a walk through the table at worst, which is small. */
static size_t
place(const struct row *k)
{
	uint32_t h = 2166136261U ^ (uint32_t)k->what;

	for (size_t i = 0; i < k->user_n; i++)
		h = (h ^ (unsigned char)k->user[i]) * 16777619U;
	for (const char *p = k->net; *p != '\0'; p++)
		h = (h ^ (unsigned char)*p) * 16777619U;
	return h % SRV_LOGINS_ROWS;
}

static struct row *
row_for(struct table *t, const struct row *k)
{
	size_t at = place(k);

	for (size_t i = 0; i < SRV_LOGINS_ROWS; i++) {
		struct row *r = &t->row[(at + i) % SRV_LOGINS_ROWS];

		if (r->n > 0 && same(r, k))
			return r;
		if (r->n > 0)
			continue;
		*r = *k;
		r->n = 0;
		t->n++;
		return r;
	}
	return NULL;
}

static void
add(struct table *t, const struct row *k)
{
	struct row *r = row_for(t, k);

	if (r == NULL) {
		r = &t->other[k->what];
		if (r->n == 0) {
			*r = (struct row){ .day = k->day, .what = k->what };
			(void)snprintf(r->net, sizeof(r->net), "other");
		}
	}
	r->n += k->n;
	if (r->last_ms < k->last_ms)
		r->last_ms = k->last_ms;
}

void
srv_logins_count(struct srv_logins *l, struct slice peer, struct slice user,
		 enum store_auth what)
{
	int64_t now = l->clk->now_ms(l->clk);
	struct row k = {
		.day = now / DAY_MS, .what = what, .n = 1, .last_ms = now
	};

	(void)srv_logins_net(peer, k.net);
	if (user.n <= sizeof(k.user)) {
		for (size_t i = 0; i < user.n; i++)
			k.user[i] = slice_lower(user.p[i]);
		k.user_n = user.n;
	}
	(void)pthread_mutex_lock(&l->lock);
	add(l->now, &k);
	(void)pthread_mutex_unlock(&l->lock);
}

static struct store_auth_day
as_stored(const struct row *r)
{
	return (struct store_auth_day){ .day = r->day,
					.user = { r->user, r->user_n },
					.net = slice_c(r->net),
					.what = r->what,
					.n = r->n,
					.last_ms = r->last_ms };
}

/* The other table counts from now on; this one is ours. */
static struct table *
swap(struct srv_logins *l)
{
	struct table *t;

	(void)pthread_mutex_lock(&l->lock);
	t = l->now;
	l->now = l->out;
	l->out = t;
	(void)pthread_mutex_unlock(&l->lock);
	return t;
}

/* The store did not take them. */
static void
put_back(struct srv_logins *l, const struct table *t)
{
	(void)pthread_mutex_lock(&l->lock);
	for (size_t i = 0; i < SRV_LOGINS_ROWS; i++) {
		if (t->row[i].n > 0)
			add(l->now, &t->row[i]);
	}
	for (size_t i = 0; i < OTHERS; i++) {
		if (t->other[i].n > 0)
			add(l->now, &t->other[i]);
	}
	(void)pthread_mutex_unlock(&l->lock);
}

int
srv_logins_share(struct srv_logins *l, struct store *s, struct err *e)
{
	struct store_auth_day in[SRV_LOGINS_ROWS + OTHERS];
	struct table *t = swap(l);
	size_t n = 0;
	int rc;

	for (size_t i = 0; i < SRV_LOGINS_ROWS && t->n > 0; i++) {
		if (t->row[i].n > 0)
			in[n++] = as_stored(&t->row[i]);
	}
	for (size_t i = 0; i < OTHERS; i++) {
		if (t->other[i].n > 0)
			in[n++] = as_stored(&t->other[i]);
	}
	if (n == 0)
		return 0;
	rc = s->v->auth_count(s, in, n, SRV_LOGINS_DAY_ROWS, e);
	if (rc < 0)
		put_back(l, t);
	memset(t, 0, sizeof(*t));
	return rc;
}
