/*
 * funicular-crashy: the daemon's own objects, linked with this file between the
 * engine and its store (ld --wrap=store_open), and with a file system that
 * fails when told to. Without FUNICULAR_CRASH in the environment it is the
 * daemon.
 */
#include "backends/fault.h"
#include "tests/crash/control.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int __real_store_open(const char *uri, bool migrate, struct store **out,
		      struct err *e);
int __wrap_store_open(const char *uri, bool migrate, struct store **out,
		      struct err *e);

static struct control *control;
static struct store *inner;

/* ---- dying -------------------------------------------------------------- */

static _Noreturn void
die(const char *in)
{
	(void)snprintf(control->died_in, sizeof(control->died_in), "%s", in);
	(void)kill(getpid(), SIGKILL);
	abort();
}

/* Housekeeping runs beside the messages, whenever it likes: what it calls and
   writes makes no point, or the points of a message would not be the same ones
   twice. */
static _Thread_local bool housekeeping;

static bool
of_the_house(const char *fn)
{
	static const char *const call[] = { "prune",       "throttle_share",
					    "node_beat",   "lease_take",
					    "auth_count",  "logins_due",
					    "effects_due", "mail_buckets" };

	for (size_t i = 0; i < sizeof(call) / sizeof(call[0]); i++)
		if (strcmp(fn, call[i]) == 0)
			return true;
	return false;
}

/* ---- stopping -----------------------------------------------------------
 */

/* A call that a reading transaction refuses. */
static bool
writes(const char *fn)
{
	static const char *const end[] = { "_put", "_add", "_set",
					   "_supersede" };
	size_t n = strlen(fn);

	for (size_t i = 0; i < sizeof(end) / sizeof(end[0]); i++) {
		size_t k = strlen(end[i]);

		if (n > k && strcmp(fn + n - k, end[i]) == 0)
			return true;
	}
	return false;
}

/* Whoever counts it down to nothing stops here, and everybody with him. */
static void
stop(const char *fn)
{
	uint64_t left = control->stop_at;

	while (left > 0 && !atomic_compare_exchange_weak(&control->stop_at,
							 &left, left - 1))
		;
	if (left != 1)
		return;
	(void)snprintf(control->stopped_in, sizeof(control->stopped_in), "%s",
		       fn);
	(void)raise(SIGSTOP);
}

static void
maybe_stop(const char *fn, enum store_fault_when when)
{
	static _Thread_local bool wrote;
	bool commit = strcmp(fn, "commit") == 0;

	if (strcmp(fn, "begin") == 0)
		wrote = false;
	else if (writes(fn))
		wrote = true;
	if (control->stop_at > 0 && wrote &&
	    (commit && when == STORE_FAULT_AFTER) ==
		(control->stop_behind != 0))
		stop(fn);
	if (commit && when == STORE_FAULT_AFTER)
		wrote = false;
}

static void
on_call(void *ctx, const char *fn, uint64_t n, enum store_fault_when when)
{
	uint64_t at;

	(void)ctx;
	(void)n;
	if (of_the_house(fn)) {
		housekeeping = when == STORE_FAULT_BEFORE;
		return;
	}
	maybe_stop(fn, when);
	if (when == STORE_FAULT_BEFORE)
		at = ++control->count * 2 - 1;
	else
		at = control->count * 2;
	if (control->die_at == at)
		die(fn);
}

/* ---- the disk -------------------------------------------------------------
 */

static sqlite3_vfs vfs;
static sqlite3_vfs *under;
static int (*was_write)(sqlite3_file *, const void *, int, sqlite3_int64);
static int (*was_sync)(sqlite3_file *, int);

/* SQLite has a table of functions for each way of locking a file. */
enum { TABLES = 4 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	const sqlite3_io_methods *was;
	sqlite3_io_methods ours;
} table[TABLES];

static void
on_disk(const char *what)
{
	if (!housekeeping && ++control->writes == control->die_at_write)
		die(what);
}

static int
on_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	int disk = control->disk;

	on_disk("write");
	if (disk != DISK_FULL && disk != DISK_BROKEN)
		return was_write(f, p, n, at);
	control->refused++;
	return disk == DISK_FULL ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static int
on_sync(sqlite3_file *f, int flags)
{
	on_disk("sync");
	if (control->disk != DISK_SYNC_BAD)
		return was_sync(f, flags);
	control->refused++;
	return SQLITE_IOERR_FSYNC;
}

static int
on_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out)
{
	int rc = under->xOpen(v, name, f, flags, out);
	size_t i = 0;

	if (rc != SQLITE_OK || f->pMethods == NULL)
		return rc;
	(void)pthread_mutex_lock(&lock);
	while (i < TABLES && table[i].was != NULL &&
	       table[i].was != f->pMethods)
		i++;
	if (i == TABLES)
		abort();
	if (table[i].was == NULL) {
		table[i].was = f->pMethods;
		table[i].ours = *f->pMethods;
		was_write = f->pMethods->xWrite;
		was_sync = f->pMethods->xSync;
		table[i].ours.xWrite = on_write;
		table[i].ours.xSync = on_sync;
	}
	f->pMethods = &table[i].ours;
	(void)pthread_mutex_unlock(&lock);
	return rc;
}

/* ---- between engine and store -------------------------------------------- */

static bool
attach(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return false;
	control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE,
		       MAP_SHARED, fd, 0);
	(void)close(fd);
	if (control == MAP_FAILED)
		return false;
	under = sqlite3_vfs_find(NULL);
	vfs = *under;
	vfs.zName = "crashy";
	vfs.xOpen = on_open;
	return sqlite3_vfs_register(&vfs, 1) == SQLITE_OK;
}

static void
close_inner(void)
{
	inner->v->close(&inner);
}

int
__wrap_store_open(const char *uri, bool migrate, struct store **out,
		  struct err *e)
{
	const char *path = getenv("FUNICULAR_CRASH");

	if (path == NULL)
		return __real_store_open(uri, migrate, out, e);
	if (!attach(path))
		return err_set(e, ERR_CONFIG, "crashy", "cannot use %s", path);
	if (__real_store_open(uri, migrate, &inner, e) < 0)
		return -1;
	(void)atexit(close_inner);
	if (store_fault_new(inner, out, e) < 0)
		return -1;
	store_fault_on_call(*out, on_call, NULL);
	return 0;
}
