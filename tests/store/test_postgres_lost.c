/*
 * A connection that is lost at every moment of a message: a relay stands
 * between the store and PostgreSQL, and cuts the line, swallows what is said
 * or keeps the answer to itself. What the caller hears must be true, what it
 * cannot know must be one of the two, and the next message must work.
 */
#include "tests/store/t_message.h"

#include "backends/postgres/pg.h"
#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { LINES = 16, LAST_MOMENT_MS = 30000 };

/* What the relay does with the n-th time that the client speaks. */
enum cut {
	CUT_NEVER,
	CUT_BEFORE, /* the server never hears it */
	CUT_AFTER,  /* it does it, but its answer is lost */
	CUT_SILENT, /* it never hears it, and the line stays open */
};

struct relay {
	char dir[80];
	int listening;
	struct sockaddr_un server;
	pthread_t thread;
	atomic_int cut;
	atomic_int at;   /* counts down */
	atomic_int done; /* cuts made */
	atomic_bool refuse;
	atomic_bool stop;
	int line[LINES][2]; /* client, server; -1: free */
	bool answer_lost[LINES];
	bool deaf[LINES];
};

static int
dial(const struct sockaddr_un *to)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) != 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

static void
hang_up(struct relay *r, int i)
{
	for (int side = 0; side < 2; side++) {
		if (r->line[i][side] >= 0)
			(void)close(r->line[i][side]);
		r->line[i][side] = -1;
	}
	r->answer_lost[i] = false;
	r->deaf[i] = false;
}

static void
answer_phone(struct relay *r)
{
	int fd = accept4(r->listening, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	for (int i = 0; i < LINES; i++) {
		if (r->line[i][0] >= 0)
			continue;
		r->line[i][0] = fd;
		r->line[i][1] = r->refuse ? -1 : dial(&r->server);
		if (r->line[i][1] < 0)
			hang_up(r, i);
		return;
	}
	(void)close(fd);
}

static bool
send_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return true;
}

/* What this time the client's words become. */
static enum cut
fate(struct relay *r)
{
	enum cut c = (enum cut)atomic_load(&r->cut);

	if (c == CUT_NEVER || atomic_fetch_sub(&r->at, 1) != 1)
		return CUT_NEVER;
	atomic_store(&r->cut, CUT_NEVER);
	return c;
}

/* Move what one side said to the other. */
static void
carry(struct relay *r, int i, int side)
{
	char part[65536];
	ssize_t n = recv(r->line[i][side], part, sizeof(part), 0);
	enum cut c = CUT_NEVER;

	if (n <= 0) {
		hang_up(r, i);
		return;
	}
	if (side == 1 && r->answer_lost[i]) {
		/* It is done there, and nobody hears of it. */
		hang_up(r, i);
		atomic_fetch_add(&r->done, 1);
		return;
	}
	if (side == 0)
		c = fate(r);
	if (c == CUT_SILENT)
		r->deaf[i] = true;
	if (c == CUT_SILENT || c == CUT_BEFORE)
		atomic_fetch_add(&r->done, 1);
	if (r->deaf[i])
		return;
	if (c == CUT_BEFORE ||
	    !send_all(r->line[i][1 - side], part, (size_t)n)) {
		hang_up(r, i);
		return;
	}
	if (c == CUT_AFTER)
		r->answer_lost[i] = true;
}

static void *
relay_run(void *p)
{
	struct relay *r = p;

	while (!atomic_load(&r->stop)) {
		struct pollfd fd[1 + 2 * LINES];
		int whose[1 + 2 * LINES];
		nfds_t n = 0;

		fd[n++] = (struct pollfd){ r->listening, POLLIN, 0 };
		for (int k = 0; k < 2 * LINES; k++) {
			if (r->line[k / 2][k % 2] < 0)
				continue;
			whose[n] = k;
			fd[n++] =
			    (struct pollfd){ r->line[k / 2][k % 2], POLLIN, 0 };
		}
		if (poll(fd, n, 20) <= 0)
			continue;
		for (nfds_t k = 1; k < n; k++) {
			/* The first of a pair may have ended both. */
			if (fd[k].revents != 0 &&
			    r->line[whose[k] / 2][whose[k] % 2] == fd[k].fd)
				carry(r, whose[k] / 2, whose[k] % 2);
		}
		if (fd[0].revents != 0)
			answer_phone(r);
	}
	return NULL;
}

/* The value of a word of the server's conninfo. */
static void
word_of(const char *conninfo, const char *key, char *out, size_t n)
{
	const char *at = strstr(conninfo, key);

	assert_non_null(at);
	at += strlen(key);
	(void)snprintf(out, n, "%.*s", (int)strcspn(at, " "), at);
}

static void
relay_start(struct relay *r, struct t_env *env, char *uri, size_t n)
{
	struct sockaddr_un here = { .sun_family = AF_UNIX };
	char conninfo[256], host[80], port[16];

	*r = (struct relay){ .server = { .sun_family = AF_UNIX } };
	place_conninfo(&env->place, conninfo, sizeof(conninfo));
	word_of(conninfo, "host=", host, sizeof(host));
	word_of(conninfo, "port=", port, sizeof(port));
	(void)snprintf(r->server.sun_path, sizeof(r->server.sun_path),
		       "%s/.s.PGSQL.%s", host, port);
	(void)snprintf(r->dir, sizeof(r->dir), "%s", env->dir);
	(void)snprintf(here.sun_path, sizeof(here.sun_path), "%s/.s.PGSQL.%s",
		       r->dir, port);
	r->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(
	    bind(r->listening, (const struct sockaddr *)&here, sizeof(here)),
	    0);
	assert_int_equal(listen(r->listening, LINES), 0);
	for (int i = 0; i < LINES; i++)
		r->line[i][0] = r->line[i][1] = -1;
	assert_int_equal(pthread_create(&r->thread, NULL, relay_run, r), 0);
	(void)snprintf(uri, n, "%s host=%s pool=4", env->uri, r->dir);
}

static void
relay_end(struct relay *r)
{
	atomic_store(&r->stop, true);
	(void)pthread_join(r->thread, NULL);
	for (int i = 0; i < LINES; i++)
		hang_up(r, i);
	(void)close(r->listening);
}

static void
arm(struct relay *r, enum cut c, int at)
{
	atomic_store(&r->done, 0);
	atomic_store(&r->at, at);
	atomic_store(&r->cut, c);
}

/* ---- the tests
 * ----------------------------------------------------------------- */

/* Messages that are there, whole; asked past the relay. */
static int64_t
rounds(struct t_env *env)
{
	struct store_tx *tx = t_begin(env, env->anna, STORE_READ, 0);
	struct store_account acc;

	OK(env, tx->v->account_get(tx, env->a, &acc, &env->e));
	t_commit(env, &tx);
	return acc.used_items / 2;
}

/* A message that nobody cuts; a connection may have to be opened first, which
   waits a moment after a failure. */
static void
pass(struct t_env *env, struct store *s, int64_t round)
{
	int64_t until = clk_mono_ms() + LAST_MOMENT_MS;

	while (t_message(s, env->anna, round, &env->e) < 0) {
		assert_int_equal(env->e.code, ERR_UNAVAILABLE);
		assert_true(clk_mono_ms() < until);
	}
}

/*
 * One message after the other, each cut at a later moment, until one goes
 * through untouched. Where the line was cut before the server heard it, the
 * message must not be there; where its answer was lost, it is there exactly if
 * it was the COMMIT's. Then the same message is sent again by whoever sees
 * that it is not there, as a phone does.
 */
static void
at_every_moment(struct t_env *env, enum cut cut)
{
	struct store *s = NULL;
	struct err e = { 0 };
	int64_t have = 0;
	int unknown = 0;
	struct relay r;
	char uri[400];
	int at = 0;

	t_message_prepare(env);
	relay_start(&r, env, uri, sizeof(uri));
	OK(env, store_open(uri, false, &s, &env->e));
	do {
		int64_t now;
		int rc;

		/* On a connection that knows all statements already. */
		pass(env, s, ++have);
		arm(&r, cut, ++at);
		rc = t_message(s, env->anna, have + 1, &e);
		now = rounds(env);
		t_message_holds(env, now);
		if (rc == 0) {
			assert_int_equal(now, have + 1);
		} else {
			assert_int_equal(e.code, ERR_UNAVAILABLE);
			assert_true(now == have || now == have + 1);
			assert_true(cut == CUT_AFTER || now == have);
			unknown += now == have + 1;
		}
		have = now;
	} while (atomic_load(&r.done) > 0);
	arm(&r, CUT_NEVER, 0);
	/* begin, several calls, commit: all were cut, and the commit's answer
	   was lost once where that was asked for. */
	assert_true(at > 4);
	assert_int_equal(unknown, cut == CUT_AFTER);
	s->v->close(&s);
	relay_end(&r);
	t_sound(env);
}

static void
before(void **state)
{
	at_every_moment(*state, CUT_BEFORE);
}

static void
after(void **state)
{
	at_every_moment(*state, CUT_AFTER);
}

/* The line is open, and nobody speaks: a frozen server, a network that drops
   everything. The caller hears so in time. */
static void
silence(void **state)
{
	struct t_env *env = *state;
	struct store *s = NULL;
	struct store_tx *tx = NULL;
	struct store_account acc;
	struct relay r;
	char uri[400];
	int64_t began;

	relay_start(&r, env, uri, sizeof(uri));
	OK(env, store_open(uri, false, &s, &env->e));
	OK(env, s->v->begin(s, env->anna, STORE_WRITE, 5, &tx, &env->e));
	((struct pg_tx *)(void *)tx)->c->wait_ms = 200;
	arm(&r, CUT_SILENT, 1);
	began = clk_mono_ms();
	FAILS(env, ERR_UNAVAILABLE,
	      tx->v->account_get(tx, env->a, &acc, &env->e));
	assert_true(clk_mono_ms() - began < LAST_MOMENT_MS);
	assert_non_null(strstr(env->e.msg, "did not answer"));
	tx->v->rollback(&tx);
	/* The relay closes the server's side when it hears the client's end,
	   and the lock is free. */
	OK(env, s->v->begin(s, env->anna, STORE_WRITE, 5, &tx, &env->e));
	t_commit(env, &tx);
	s->v->close(&s);
	relay_end(&r);
}

/* A server that is gone for a while: each caller hears so at once, few of
   them knock, and when it is back the first one who may gets in. */
static void
gone_for_a_while(void **state)
{
	struct t_env *env = *state;
	struct store *s = NULL;
	struct store_tx *tx = NULL;
	int64_t until;
	struct relay r;
	char uri[400];
	int knocks = 0;

	relay_start(&r, env, uri, sizeof(uri));
	OK(env, store_open(uri, false, &s, &env->e));
	atomic_store(&r.refuse, true);
	OK(env, s->v->begin(s, env->anna, STORE_WRITE, 5, &tx, &env->e));
	arm(&r, CUT_BEFORE, 1);
	FAILS(env, ERR_UNAVAILABLE, tx->v->commit(&tx, &env->e));
	until = clk_mono_ms() + 300;
	while (clk_mono_ms() < until) {
		int64_t opened = pg_of(s)->retry_ms;

		FAILS(env, ERR_UNAVAILABLE,
		      s->v->begin(s, env->anna, STORE_WRITE, 5, &tx, &env->e));
		knocks += pg_of(s)->retry_ms != opened;
	}
	assert_true(knocks >= 1 && knocks < 20);
	assert_int_equal(pg_of(s)->open, 0);
	atomic_store(&r.refuse, false);
	until = clk_mono_ms() + LAST_MOMENT_MS;
	while (s->v->begin(s, env->anna, STORE_WRITE, 5, &tx, &env->e) < 0)
		assert_true(clk_mono_ms() < until);
	t_commit(env, &tx);
	assert_int_equal(pg_of(s)->backoff_ms, 0);
	s->v->close(&s);
	relay_end(&r);
}

/* The server ended all connections while they were idle, as it does when it
   is restarted: nobody notices. */
static void
idle_ones_die_unseen(void **state)
{
	static const char all[] =
	    "SELECT count(pg_terminate_backend(pid, 10000)) FROM"
	    " pg_stat_activity WHERE datname = current_database()"
	    " AND pid <> pg_backend_pid()";
	struct t_env *env = *state;
	struct store_tx *tx[3] = { NULL };
	struct slice *v;
	char conninfo[256];
	PGresult *res;
	PGconn *c;

	place_conninfo(&env->place, conninfo, sizeof(conninfo));
	for (int i = 0; i < 3; i++)
		tx[i] = t_begin(env, env->anna, STORE_READ, 5);
	for (int i = 0; i < 3; i++)
		t_commit(env, &tx[i]);
	c = PQconnectdb(conninfo);
	res = PQexec(c, all);
	assert_string_equal(PQgetvalue(res, 0, 0), "3");
	PQclear(res);
	PQfinish(c);
	OK(env, env->s->v->site_get(env->s, env->a, "epoch", &v, &env->e));
	tx[0] = t_begin(env, env->anna, STORE_WRITE, 5);
	t_commit(env, &tx[0]);
	assert_int_equal(pg_of(env->s)->open, 1);
}

static const struct CMUnitTest TESTS[] = {
	T(before),
	T(after),
	T(silence),
	T(gone_for_a_while),
	T(idle_ones_die_unseen),
};

int
main(int argc, char **argv)
{
	return cmocka_run_group_tests_name(place_name(t_choose_by(argc, argv)),
					   TESTS, NULL, NULL);
}
