/*
 * A process that dies before or after any call: what was committed is there,
 * whole, and nothing else is.
 */
#include "tests/store/t_message.h"

#include "backends/fault.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 4 };

/* Points count by two: before a call, after it. */
static void
die(void *ctx, const char *fn, uint64_t n, enum store_fault_when when)
{
	(void)fn;
	if (n * 2 - (when == STORE_FAULT_BEFORE) == *(uint64_t *)ctx)
		_exit(9);
}

/* The child: ROUNDS messages, dead at point `at`; tells each commit. */
static void
child(const char *uri, int64_t account, uint64_t at, int tell)
{
	struct store *s = NULL;
	struct store *f = NULL;
	struct err e;

	if (store_open(uri, false, &s, &e) < 0 ||
	    store_fault_new(s, &f, &e) < 0)
		_exit(1);
	store_fault_on_call(f, die, &at);
	for (int64_t k = 1; k <= ROUNDS; k++) {
		if (t_message(f, account, k, &e) < 0 ||
		    write(tell, "c", 1) != 1)
			_exit(1);
	}
	_exit(0);
}

static int64_t
count_until_end(int fd)
{
	int64_t n = 0;
	char c;

	while (read(fd, &c, 1) == 1)
		n++;
	(void)close(fd);
	return n;
}

/* Is the message that was not told of there? Killed behind its commit. */
static bool
one_more(struct t_env *env, int64_t committed)
{
	struct store_tx *tx = t_begin(env, env->anna, STORE_READ, 0);
	struct store_account acc;

	OK(env, tx->v->account_get(tx, env->a, &acc, &env->e));
	t_commit(env, &tx);
	return acc.used_items == (committed + 1) * 2;
}

/* Dead before and after every single call in turn. */
static void
at_every_call(void **state)
{
	struct t_env *env = *state;
	bool died = true;
	int untold = 0;

	t_message_prepare(env);
	env->s->v->close(&env->s);
	for (uint64_t at = 1; died; at++) {
		char copy[128];
		int64_t committed;
		int fd[2];
		pid_t pid;
		int rc;

		OK(env, store_open(env->uri, false, &env->s, &env->e));
		(void)snprintf(copy, sizeof(copy), "%s/at%d.db", env->dir,
			       (int)at);
		OK(env, env->s->v->backup(env->s, copy, &env->e));
		env->s->v->close(&env->s);
		(void)snprintf(copy, sizeof(copy), "sqlite:%s/at%d.db",
			       env->dir, (int)at);
		assert_int_equal(pipe(fd), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			child(copy, env->anna, at, fd[1]);
		(void)close(fd[1]);
		committed = count_until_end(fd[0]);
		assert_int_equal(waitpid(pid, &rc, 0), pid);
		assert_true(WIFEXITED(rc));
		died = WEXITSTATUS(rc) == 9;
		assert_true(died || WEXITSTATUS(rc) == 0);
		OK(env, store_open(copy, false, &env->s, &env->e));
		if (one_more(env, committed)) {
			committed++;
			untold++;
		}
		t_message_holds(env, committed);
		/* The message that died runs again as new. */
		if (committed < ROUNDS) {
			OK(env, t_message(env->s, env->anna, committed + 1,
					  &env->e));
			t_message_holds(env, committed + 1);
		}
		env->s->v->close(&env->s);
		assert_true(at < 1000);
	}
	assert_int_equal(untold, ROUNDS);
}

/* Killed from outside at any moment, also inside a commit. */
static void
killed(void **state)
{
	struct t_env *env = *state;
	int64_t before = 0;

	t_message_prepare(env);
	env->s->v->close(&env->s);
	for (int round = 0; round < 20; round++) {
		struct store_tx *tx;
		struct store_account acc;
		struct slice *finding;
		int64_t told = 0;
		size_t n;
		int fd[2];
		pid_t pid;
		char c;

		assert_int_equal(pipe(fd), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			struct store *s = NULL;
			struct err e;

			if (store_open(env->uri, false, &s, &e) < 0)
				_exit(1);
			for (int64_t k = 1;; k++) {
				if (t_message(s, env->anna, k, &e) < 0 ||
				    write(fd[1], "c", 1) != 1)
					_exit(1);
			}
		}
		(void)close(fd[1]);
		while (told < 1 + round % 5 && read(fd[0], &c, 1) == 1)
			told++;
		assert_int_equal(kill(pid, SIGKILL), 0);
		told += count_until_end(fd[0]);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		OK(env, store_open(env->uri, false, &env->s, &env->e));
		tx = t_begin(env, env->anna, STORE_READ, 0);
		OK(env, tx->v->account_get(tx, env->a, &acc, &env->e));
		t_commit(env, &tx);
		/* All that it told of, and at most the one it was about to. */
		assert_true(acc.used_items >= before + told * 2);
		assert_true(acc.used_items <= before + told * 2 + 2);
		before = acc.used_items;
		OK(env,
		   env->s->v->check(env->s, env->a, &finding, &n, &env->e));
		assert_int_equal(n, 0);
		env->s->v->close(&env->s);
	}
}

static const struct CMUnitTest TESTS[] = { T(at_every_call), T(killed) };

int
main(void)
{
	t_choose(PLACE_SQLITE);
	return cmocka_run_group_tests_name("crash", TESTS, NULL, NULL);
}
