/*
 * Words from node to node: NOTIFY behind a commit, and a connection of its own
 * that hears what the other nodes say.
 */
#include "backends/postgres/pg.h"

#include "base/clock.h"
#include "base/random.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	AGAIN_MIN_MS = 1000, /* the first pause; doubled each time */
	AGAIN_MAX_MS = 60000,
};

struct pg_listen {
	struct pg *s;
	pthread_t thread;
	int stop; /* eventfd */
	int64_t again_ms;
	bool said; /* that it does not work */
};

/* ---- saying ----------------------------------------------------------------
 */

/*
 * Not in the transaction that wrote: a commit that notifies holds a lock of
 * the whole database until it is on the disk, and all others that notify stand
 * behind it. This one writes nothing, waits for no disk and holds the lock for
 * an instant. Its failure is no one's: rows are looked at anyway.
 */
static void
notify(struct pg *s, enum store_wake what, int64_t account, int64_t due_ms)
{
	static const char sql[] =
	    "SELECT set_config('synchronous_commit', 'off', true),"
	    " pg_notify('funicular', $1)";
	struct pg_conn *c;
	struct pg_q q;
	char text[96];

	(void)snprintf(text, sizeof(text), "%s %d %lld %lld", s->tag, (int)what,
		       (long long)account, (long long)due_ms);
	if (pg_site_begin(&s->s, &c, NULL) < 0)
		return;
	pg_start(c, &q, sql, "store.notify");
	pg_text(&q, slice_c(text));
	(void)pg_once(&q, NULL);
	pg_site_end(&s->s, c);
}

void
pg_tell(struct pg *s, const struct store_tx *said)
{
	store_ears_tell(&s->ears, said->account, said->word);
	if (s->uri.listen == NULL)
		return;
	for (int i = 0; i < STORE_WAKES; i++) {
		const struct store_word *w = &said->word[i];

		if (w->set && w->due_ms - said->now_ms < STORE_WAKE_SOON_MS)
			notify(s, (enum store_wake)i, said->account, w->due_ms);
	}
}

/* ---- hearing ---------------------------------------------------------------
 */

static void
state(struct pg_listen *l, bool up, const char *why)
{
	struct store_ears *ears = &l->s->ears;

	(void)pthread_mutex_lock(&ears->lock);
	if (ears->ear.state != NULL)
		ears->ear.state(ears->ear.ctx, up, why);
	(void)pthread_mutex_unlock(&ears->lock);
}

/* "TAG KIND ACCOUNT DUE". Whoever may connect may say anything: what is not
   one of ours is not heard, and at worst rows are looked at in vain. */
static void
heard(struct pg_listen *l, struct slice text)
{
	struct store_word word[STORE_WAKES] = { { .set = false } };
	int64_t v[3];
	struct slice one;

	if (!slice_split(&text, ' ', &one) || slice_is(one, l->s->tag))
		return;
	for (int i = 0; i < 3; i++) {
		if (!slice_split(&text, ' ', &one) || !slice_i64(one, &v[i]))
			return;
	}
	if (v[0] < 0 || v[0] >= STORE_WAKES)
		return;
	word[v[0]] = (struct store_word){ true, v[2] };
	store_ears_tell(&l->s->ears, v[1], word);
}

/* false: it is to end. */
static bool
rest(const struct pg_listen *l, int fd, int ms)
{
	struct pollfd p[2] = { { l->stop, POLLIN, 0 }, { fd, POLLIN, 0 } };

	(void)poll(p, fd < 0 ? 1 : 2, ms);
	return p[0].revents == 0;
}

static int
listening(struct pg_listen *l, struct pg_conn **c, struct err *e)
{
	struct pg_uri at = { .conninfo = l->s->uri.listen, .prepare = true };

	if (pg_connect(&at, c, e) < 0)
		return -1;
	pg_say(*c, "LISTEN funicular", "store.listen");
	return pg_sync(*c, e);
}

/* Until the line breaks; false: it is to end. */
static bool
hear(struct pg_listen *l, struct pg_conn *c)
{
	PGnotify *n;

	do {
		if (PQconsumeInput(c->pg) == 0 ||
		    PQstatus(c->pg) != CONNECTION_OK)
			return true;
		while ((n = PQnotifies(c->pg)) != NULL) {
			heard(l, slice_c(n->extra));
			PQfreemem(n);
		}
	} while (rest(l, PQsocket(c->pg), -1));
	return false;
}

/* Half of it to all of it, so that many nodes do not come back at once. */
static int
pause_ms(struct pg_listen *l)
{
	uint32_t draw;
	int64_t ms = l->again_ms;

	rnd_system.fill(&rnd_system, &draw, sizeof(draw));
	l->again_ms = ms * 2 < AGAIN_MAX_MS ? ms * 2 : AGAIN_MAX_MS;
	return (int)(ms / 2 + (int64_t)(draw % (uint32_t)ms) / 2);
}

static void *
run(void *arg)
{
	struct pg_listen *l = arg;
	bool go = true;

	while (go) {
		struct err e = { .code = ERR_NONE };
		struct pg_conn *c = NULL;

		if (listening(l, &c, &e) == 0) {
			state(l, true, NULL);
			l->said = false;
			l->again_ms = AGAIN_MIN_MS;
			/* What was said while nobody listened. */
			store_ears_all(&l->s->ears);
			go = hear(l, c);
			(void)err_set(&e, ERR_UNAVAILABLE, "store.listen",
				      "the connection is lost");
		}
		pg_disconnect(&c);
		if (go && !l->said)
			state(l, false, e.msg);
		l->said = true;
		go = go && rest(l, -1, pause_ms(l));
	}
	return NULL;
}

static int
begin(struct pg *s, struct err *e)
{
	struct pg_listen *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return pg_nomem("store.hear", e);
	*l = (struct pg_listen){ .s = s,
				 .stop = eventfd(0, EFD_CLOEXEC),
				 .again_ms = AGAIN_MIN_MS };
	if (l->stop < 0 || pthread_create(&l->thread, NULL, run, l) != 0) {
		if (l->stop >= 0)
			(void)close(l->stop);
		free(l);
		return err_set(e, ERR_UNAVAILABLE, "store.hear",
			       "cannot start a thread");
	}
	s->listen = l;
	return 0;
}

static void
end(struct pg *s)
{
	struct pg_listen *l = s->listen;
	uint64_t one = 1;

	if (l == NULL)
		return;
	(void)!write(l->stop, &one, sizeof(one));
	(void)pthread_join(l->thread, NULL);
	(void)close(l->stop);
	free(l);
	s->listen = NULL;
}

int
pg_hear(struct store *s, const struct store_ear *ear, struct err *e)
{
	struct pg *pg = pg_of(s);

	store_ears_set(&pg->ears, ear);
	if (ear == NULL) {
		end(pg);
		return 0;
	}
	return pg->uri.listen == NULL || pg->listen != NULL ? 0 : begin(pg, e);
}
