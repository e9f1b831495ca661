/*
 * What only the SQLite store has: its file, its schema, its plans, and what it
 * says when the machine fails it.
 */
#include "tests/store/t_store.h"

#include "backends/sqlite/lite.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *
path_of(const struct t_env *env)
{
	return env->uri + strlen("sqlite:");
}

/* Work on the file behind the store's back. */
static void
raw(struct t_env *env, const char *sql)
{
	struct lite_conn *c = NULL;

	OK(env, lite_connect(path_of(env), false, &c, &env->e));
	(void)sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
	OK(env, lite_script(c, sql, "test", &env->e));
	lite_disconnect(&c);
}

static int64_t
raw_number(struct t_env *env, const char *sql)
{
	struct lite_conn *c = NULL;
	struct lite_q q;
	int64_t v;

	OK(env, lite_connect(path_of(env), false, &c, &env->e));
	OK(env, lite_prepare(c, &q, sql, "test", &env->e));
	assert_int_equal(lite_step(&q, &env->e), 1);
	v = lite_col(&q, 0);
	lite_end(&q);
	lite_disconnect(&c);
	return v;
}

static void
close_store(struct t_env *env)
{
	env->s->v->close(&env->s);
}

static void
reopen(struct t_env *env)
{
	OK(env, store_open(env->uri, false, &env->s, &env->e));
}

/* ---- opening --------------------------------------------------------------
 */

static void
uris(void **state)
{
	struct t_env *env = *state;
	struct store *s = NULL;
	char uri[128];

	FAILS(env, ERR_CONFIG, store_open("mysql:x", true, &s, &env->e));
	FAILS(env, ERR_CONFIG, store_open("", true, &s, &env->e));
	FAILS(env, ERR_CONFIG, store_open("sqlite:", true, &s, &env->e));
	FAILS(env, ERR_CONFIG,
	      store_open("sqlite::memory:", true, &s, &env->e));
	(void)snprintf(uri, sizeof(uri), "sqlite:%s", env->dir);
	FAILS(env, ERR_CONFIG, store_open(uri, true, &s, &env->e));
	(void)snprintf(uri, sizeof(uri), "sqlite:%s/none/x.db", env->dir);
	FAILS(env, ERR_CONFIG, store_open(uri, true, &s, &env->e));
	(void)snprintf(uri, sizeof(uri), "sqlite:%s/new.db", env->dir);
	FAILS(env, ERR_CONFIG, store_open(uri, false, &s, &env->e));
	assert_non_null(strstr(env->e.msg, "funicular migrate"));
	assert_null(s);
}

static void
file_mode(void **state)
{
	struct t_env *env = *state;
	struct stat st;
	char name[160];

	(void)t_item(env, env->anna, 1, "x", 1);
	assert_int_equal(stat(path_of(env), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	(void)snprintf(name, sizeof(name), "%s-wal", path_of(env));
	assert_int_equal(stat(name, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void
older_schema(void **state)
{
	struct t_env *env = *state;
	struct store *s = NULL;

	close_store(env);
	raw(env, "PRAGMA writable_schema = ON;"
		 "DELETE FROM sqlite_schema WHERE type = 'view';"
		 "DELETE FROM migration WHERE number >= 2");
	FAILS(env, ERR_CONFIG, store_open(env->uri, false, &s, &env->e));
	assert_non_null(strstr(env->e.msg, "funicular migrate"));
	OK(env, store_open(env->uri, true, &env->s, &env->e));
	t_sound(env);
	assert_int_equal(raw_number(env, "SELECT count(*) FROM migration"),
			 lite_migrations_n);
	assert_int_equal(raw_number(env, "SELECT count(*) FROM report_items"),
			 0);
}

static void
newer_schema(void **state)
{
	struct t_env *env = *state;
	struct store *s = NULL;

	close_store(env);
	raw(env, "INSERT INTO migration VALUES (9999, 'later', 1)");
	FAILS(env, ERR_CONFIG, store_open(env->uri, false, &s, &env->e));
	assert_non_null(strstr(env->e.msg, "newer program"));
	FAILS(env, ERR_CONFIG, store_open(env->uri, true, &s, &env->e));
}

static void
foreign_database(void **state)
{
	struct t_env *env = *state;
	struct store *s = NULL;

	close_store(env);
	raw(env, "PRAGMA application_id = 7");
	FAILS(env, ERR_CONFIG, store_open(env->uri, true, &s, &env->e));
	assert_non_null(strstr(env->e.msg, "another program"));
}

/* A script that fails in its middle leaves nothing behind. */
static void
broken_migration(void **state)
{
	struct t_env *env = *state;
	struct store *s = NULL;

	close_store(env);
	raw(env, "PRAGMA writable_schema = ON;"
		 "DELETE FROM sqlite_schema WHERE type = 'view'"
		 " AND name <> 'report_changes';"
		 "DELETE FROM migration WHERE number >= 2");
	FAILS(env, ERR_BUG, store_open(env->uri, true, &s, &env->e));
	assert_int_equal(raw_number(env, "SELECT count(*) FROM sqlite_schema"
					 " WHERE type = 'view'"),
			 1);
	assert_int_equal(raw_number(env, "SELECT max(number) FROM migration"),
			 1);
}

enum { MIGRATORS = 6 };

/* Many processes open a new database at once: each script runs once. */
static void
migrate_together(void **state)
{
	struct t_env *env = *state;
	pid_t pid[MIGRATORS];
	int gate[2];
	int rc;

	close_store(env);
	(void)snprintf(env->uri, sizeof(env->place.uri),
		       "sqlite:%s/together.db", env->dir);
	assert_int_equal(pipe(gate), 0);
	for (size_t i = 0; i < MIGRATORS; i++) {
		pid[i] = fork();
		assert_true(pid[i] >= 0);
		if (pid[i] == 0) {
			struct store *s = NULL;
			struct err e;
			char c;

			(void)close(gate[1]);
			/* The end of file starts all together. */
			if (read(gate[0], &c, 1) != 0 ||
			    store_open(env->uri, true, &s, &e) < 0) {
				(void)fprintf(stderr, "%s\n", e.msg);
				_exit(1);
			}
			s->v->close(&s);
			_exit(0);
		}
	}
	(void)close(gate[0]);
	(void)close(gate[1]);
	for (size_t i = 0; i < MIGRATORS; i++) {
		assert_int_equal(waitpid(pid[i], &rc, 0), pid[i]);
		assert_int_equal(rc, 0);
	}
	assert_int_equal(raw_number(env, "SELECT count(*) FROM migration"),
			 lite_migrations_n);
	reopen(env);
	t_sound(env);
}

/* ---- trouble ----------------------------------------------------------------
 */

static void
not_a_database(void **state)
{
	struct t_env *env = *state;
	struct store *s = NULL;
	FILE *f;

	close_store(env);
	f = fopen(path_of(env), "w");
	assert_non_null(f);
	for (int i = 0; i < 500; i++)
		(void)fputs("this is no database\n", f);
	assert_int_equal(fclose(f), 0);
	FAILS(env, ERR_CONFIG, store_open(env->uri, false, &s, &env->e));
	assert_non_null(strstr(env->e.msg, "backup"));
}

/* Every second page with bodies is overwritten, as a dying disk does it. */
static void
spoil(struct t_env *env)
{
	char junk[4096];
	struct lite_conn *c = NULL;
	struct lite_q q;
	int fd = open(path_of(env), O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	memset(junk, 0xA5, sizeof(junk));
	OK(env, lite_connect(path_of(env), false, &c, &env->e));
	OK(env, lite_prepare(c, &q,
			     "SELECT pageno FROM dbstat WHERE name ="
			     " 'revision' AND pageno % 2 = 0",
			     "test", &env->e));
	while (lite_step(&q, &env->e) == 1)
		assert_int_equal(
		    pwrite(fd, junk, sizeof(junk),
			   (lite_col(&q, 0) - 1) * (off_t)sizeof(junk)),
		    sizeof(junk));
	lite_end(&q);
	lite_disconnect(&c);
	assert_int_equal(close(fd), 0);
}

static void
damaged(void **state)
{
	struct t_env *env = *state;
	struct slice *finding;
	struct store_item *out;
	struct store_tx *tx;
	size_t n;
	int rc;

	tx = t_begin(env, env->anna, STORE_WRITE, 1);
	for (uint64_t i = 0; i < 500; i++)
		t_put(env, tx, t_new(tx, i, "body of some length or other"));
	t_commit(env, &tx);
	close_store(env);
	spoil(env);
	reopen(env);
	OK(env, env->s->v->check(env->s, env->a, &finding, &n, &env->e));
	assert_true(n > 0);
	tx = t_begin(env, env->anna, STORE_READ, 1);
	rc = tx->v->item_page(tx, env->a, 1, 0, 1000, true, true, &out, &n,
			      &env->e);
	FAILS(env, ERR_UNAVAILABLE, rc);
	assert_non_null(strstr(env->e.msg, "restore the last backup"));
	assert_true(env->e.lasting);
	tx->v->rollback(&tx);
}

/* The connection that the next transaction will get. */
static sqlite3 *
next_db(struct t_env *env)
{
	assert_non_null(lite_of(env->s)->idle);
	return lite_of(env->s)->idle->db;
}

static void
put_many(struct t_env *env, struct store_tx *tx, enum err_code want)
{
	char big[60000];
	struct store_write w;
	int rc = 0;

	memset(big, 'x', sizeof(big));
	for (uint64_t i = 0; rc == 0 && i < 200; i++) {
		w = t_new(tx, i, "");
		w.body = (struct slice){ big, sizeof(big) };
		rc = tx->v->item_put(tx, &w, 1, &env->e);
	}
	FAILS(env, want, rc);
}

/* The disk is full in the middle of a message; later there is room again. */
static void
disk_full(void **state)
{
	struct t_env *env = *state;
	int64_t id = t_item(env, env->anna, 999, "before", 1);
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 2);
	struct store_account acc;
	struct lite_conn *c = ((struct lite_tx *)(void *)tx)->c;

	OK(env, lite_script(c, "PRAGMA max_page_count = 200", "test", &env->e));
	OK(env, tx->v->save(tx, 1, &env->e));
	put_many(env, tx, ERR_UNAVAILABLE);
	assert_non_null(strstr(env->e.msg, "free space"));
	assert_true(env->e.lasting);
	/* SQLite has rolled all of it back by itself: nothing may go on as
	   if it were still inside. */
	FAILS(env, ERR_BUG, tx->v->account_get(tx, env->a, &acc, &env->e));
	FAILS(env, ERR_UNAVAILABLE, tx->v->save_undo(tx, 1, &env->e));
	FAILS(env, ERR_BUG, tx->v->commit(&tx, &env->e));
	t_sound(env);
	tx = t_begin(env, env->anna, STORE_READ, 2);
	OK(env, tx->v->account_get(tx, env->a, &acc, &env->e));
	assert_int_equal(acc.used_items, 1);
	SLICE_IS(t_head(env, tx, id).body, "before");
	t_commit(env, &tx);
	tx = t_begin(env, env->anna, STORE_WRITE, 2);
	c = ((struct lite_tx *)(void *)tx)->c;
	OK(env,
	   lite_script(c, "PRAGMA max_page_count = 1000000", "test", &env->e));
	t_put(env, tx, t_new(tx, 1, "after"));
	t_commit(env, &tx);
	t_sound(env);
}

static void
run_file_limit(struct t_env *env)
{
	static char big[900000];
	const struct rlimit small = { 600000, 600000 };
	struct store_write w;
	struct store_tx *tx;

	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	tx = t_begin(env, env->anna, STORE_WRITE, 2);
	w = t_new(tx, 1, "");
	w.body = (struct slice){ big, sizeof(big) };
	t_put(env, tx, w); /* into the page cache */
	FAILS(env, ERR_UNAVAILABLE, tx->v->commit(&tx, &env->e));
	assert_null(tx);
}

/* Run in a process of its own; cmocka's failure leaves it with a code. */
static void
apart(struct t_env *env, void (*run)(struct t_env *env))
{
	pid_t pid;
	int rc;

	close_store(env);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		reopen(env);
		run(env);
		close_store(env);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &rc, 0), pid);
	assert_int_equal(rc, 0);
	reopen(env);
}

/* Writes fail in the kernel (EFBIG stands for any write error). */
static void
write_error(void **state)
{
	struct t_env *env = *state;
	int64_t id = t_item(env, env->anna, 999, "before", 1);
	struct store_tx *tx;

	apart(env, run_file_limit);
	t_sound(env);
	tx = t_begin(env, env->anna, STORE_READ, 2);
	SLICE_IS(t_head(env, tx, id).body, "before");
	t_commit(env, &tx);
}

/* The file belongs to somebody else and may only be read. */
static void
read_only(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = NULL;
	struct lite_conn *c;
	pid_t pid;
	int rc;

	(void)t_item(env, env->anna, 999, "before", 1);
	close_store(env);
	assert_int_equal(chmod(path_of(env), 0444), 0);
	assert_int_equal(chmod(env->dir, 0555), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct store *s = NULL;

		if (geteuid() == 0)
			assert_int_equal(setresuid(65534, 65534, 65534), 0);
		FAILS(env, ERR_CONFIG,
		      store_open(env->uri, false, &s, &env->e));
		assert_non_null(strstr(env->e.msg, "own the file"));
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &rc, 0), pid);
	assert_int_equal(chmod(env->dir, 0700), 0);
	assert_int_equal(chmod(path_of(env), 0600), 0);
	assert_int_equal(rc, 0);
	/* And while it runs: as if the mode had been changed under it. */
	reopen(env);
	c = lite_of(env->s)->idle;
	OK(env, lite_script(c, "PRAGMA query_only = ON", "test", &env->e));
	FAILS(
	    env, ERR_UNAVAILABLE,
	    env->s->v->begin(env->s, env->anna, STORE_WRITE, 2, &tx, &env->e));
	assert_non_null(strstr(env->e.msg, "own the file"));
}

/* Another process is in the middle of a long write. */
static void
locked(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = NULL;
	struct lite_conn *c = NULL;

	OK(env, lite_connect(path_of(env), false, &c, &env->e));
	OK(env, lite_script(c, "BEGIN IMMEDIATE", "test", &env->e));
	(void)sqlite3_busy_timeout(next_db(env), 20);
	FAILS(
	    env, ERR_UNAVAILABLE,
	    env->s->v->begin(env->s, env->anna, STORE_WRITE, 2, &tx, &env->e));
	assert_non_null(strstr(env->e.msg, "another process"));
	assert_null(tx);
	/* Readers do not wait for writers. */
	tx = t_begin(env, env->anna, STORE_READ, 2);
	t_commit(env, &tx);
	OK(env, lite_script(c, "ROLLBACK", "test", &env->e));
	lite_disconnect(&c);
	tx = t_begin(env, env->anna, STORE_WRITE, 2);
	t_commit(env, &tx);
}

/* Within one process the turn is waited for, then given up. */
static void
no_turn(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 2);
	struct store_tx *other = NULL;
	int64_t id;

	lite_of(env->s)->busy_ms = 20;
	for (int i = 0; i < 2; i++) {
		FAILS(env, ERR_UNAVAILABLE,
		      env->s->v->begin(env->s, env->bert, STORE_WRITE, 2,
				       &other, &env->e));
		assert_non_null(strstr(env->e.msg, "no turn"));
		assert_null(other);
	}
	FAILS(env, ERR_UNAVAILABLE,
	      env->s->v->account_create(
		  env->s, &(struct store_account){ .user = SLICE_LIT("c") },
		  &id, &env->e));
	t_commit(env, &tx);
	other = t_begin(env, env->bert, STORE_WRITE, 2);
	t_commit(env, &other);
}

static const struct CMUnitTest TESTS[] = {
	T(uris),
	T(file_mode),
	T(older_schema),
	T(newer_schema),
	T(foreign_database),
	T(broken_migration),
	T(migrate_together),
	T(not_a_database),
	T(damaged),
	T(disk_full),
	T(write_error),
	T(read_only),
	T(locked),
	T(no_turn),
};

int
main(void)
{
	t_choose(PLACE_SQLITE);
	return cmocka_run_group_tests_name("sqlite: file and trouble", TESTS,
					   NULL, NULL);
}
