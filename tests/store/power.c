#include "tests/store/power.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

enum { SECTOR = 512, FILES = 2, METHODS = 2 };

struct change { /* not synced yet */
	struct change *next;
	bool truncates;
	size_t at, n; /* truncates: to `at` bytes */
	unsigned char data[];
};

struct file {
	char *path;       /* NULL: never seen */
	bool there;       /* its name is on the disk */
	unsigned char *p; /* what is synced */
	size_t n, cap;
	struct change *first, **last;
};

static struct {
	sqlite3_vfs vfs, *under;
	bool pass, sync_lies;
	uint64_t random;
	void (*hook)(void *ctx);
	void *ctx;
	struct file file[FILES]; /* the database, its log */
	/* SQLite has one table of functions for each way of locking. */
	const sqlite3_io_methods *was[METHODS];
	sqlite3_io_methods ours[METHODS];
	/* Which of our files an open one is. */
	struct {
		const sqlite3_file *f;
		struct file *is;
	} open[64];
} power;

uint64_t
power_random(uint64_t n)
{
	uint64_t x = power.random += 0x9E3779B97F4A7C15u;

	x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
	x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
	return (x ^ (x >> 31)) % n;
}

/* ---- what is on the disk --------------------------------------------------
 */

static void
grow(unsigned char **p, size_t *n, size_t *cap, size_t to)
{
	if (to > *cap) {
		*cap = to * 2;
		*p = realloc(*p, *cap);
		assert(*p != NULL);
	}
	if (to > *n)
		memset(*p + *n, 0, to - *n);
	*n = to;
}

static void
put(unsigned char **p, size_t *n, size_t *cap, const struct change *c)
{
	if (c->truncates) {
		grow(p, n, cap, c->at);
		return;
	}
	if (c->at + c->n > *n)
		grow(p, n, cap, c->at + c->n);
	memcpy(*p + c->at, c->data, c->n);
}

/* Some sectors of it, some of those as garbage. */
static void
put_torn(unsigned char **p, size_t *n, size_t *cap, const struct change *c)
{
	if (c->at + c->n > *n)
		grow(p, n, cap, c->at + c->n);
	for (size_t i = 0; i < c->n; i += SECTOR) {
		size_t part = c->n - i < SECTOR ? c->n - i : SECTOR;
		uint64_t fate = power_random(8);

		if (fate < 4)
			memcpy(*p + c->at + i, c->data + i, part);
		else if (fate == 4)
			memset(*p + c->at + i, (int)power_random(256), part);
	}
}

static void
forget_changes(struct file *f)
{
	while (f->first != NULL) {
		struct change *c = f->first;

		f->first = c->next;
		free(c);
	}
	f->last = &f->first;
}

static void
synced(struct file *f)
{
	for (const struct change *c = f->first; c != NULL; c = c->next)
		put(&f->p, &f->n, &f->cap, c);
	forget_changes(f);
	f->there = true;
}

static void
changed(struct file *f, bool truncates, size_t at, const void *p, size_t n)
{
	struct change *c = calloc(1, sizeof(*c) + n);

	assert(c != NULL);
	c->truncates = truncates;
	c->at = at;
	c->n = n;
	if (n > 0)
		memcpy(c->data, p, n);
	*f->last = c;
	f->last = &c->next;
}

/* How much of what was not synced comes through, this time. */
enum weather { NOTHING, EVERYTHING, SOME, WEATHERS };

static void
image(struct file *f, unsigned char **out, size_t *out_n)
{
	enum weather w = (enum weather)power_random(WEATHERS);
	size_t cap = f->n;

	*out_n = 0;
	*out = NULL;
	if (f->path == NULL || (!f->there && power_random(2) == 0))
		return;
	*out = malloc(f->n + 1);
	assert(*out != NULL);
	if (f->n > 0)
		memcpy(*out, f->p, f->n);
	*out_n = f->n;
	for (const struct change *c = f->first; c != NULL; c = c->next) {
		uint64_t fate = power_random(3);

		if (w == NOTHING || (w == SOME && fate == 0))
			continue;
		if (w == EVERYTHING || c->truncates || fate == 1)
			put(out, out_n, &cap, c);
		else
			put_torn(out, out_n, &cap, c);
	}
}

bool
power_writes_back(void)
{
	return power.file[0].first != NULL;
}

void
power_loss(struct power_image *out)
{
	image(&power.file[0], &out->db, &out->db_n);
	image(&power.file[1], &out->wal, &out->wal_n);
}

/* ---- between SQLite and its files -----------------------------------------
 */

static struct file *
is(const sqlite3_file *f)
{
	for (size_t i = 0; i < sizeof(power.open) / sizeof(power.open[0]); i++)
		if (power.open[i].f == f)
			return power.open[i].is;
	abort(); /* it was never opened */
}

/* Its own functions: those of a database lock, others do not. */
static const sqlite3_io_methods *
was(const sqlite3_file *f)
{
	for (size_t i = 0; i < METHODS; i++)
		if (f->pMethods == &power.ours[i])
			return power.was[i];
	abort(); /* it is not ours */
}

static int
on_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	power.hook(power.ctx);
	changed(is(f), false, (size_t)at, p, (size_t)n);
	return was(f)->xWrite(f, p, n, at);
}

static int
on_truncate(sqlite3_file *f, sqlite3_int64 n)
{
	power.hook(power.ctx);
	changed(is(f), true, (size_t)n, NULL, 0);
	return was(f)->xTruncate(f, n);
}

static int
on_sync(sqlite3_file *f, int flags)
{
	int rc;

	power.hook(power.ctx);
	rc = was(f)->xSync(f, flags);
	if (rc == SQLITE_OK && !power.sync_lies)
		synced(is(f));
	power.hook(power.ctx);
	return rc;
}

static int
on_close(sqlite3_file *f)
{
	const sqlite3_io_methods *m = was(f);

	for (size_t i = 0; i < sizeof(power.open) / sizeof(power.open[0]); i++)
		if (power.open[i].f == f)
			power.open[i].f = NULL;
	return m->xClose(f);
}

static void
take(sqlite3_file *f, struct file *as)
{
	size_t i = 0;

	while (i < METHODS && power.was[i] != NULL &&
	       power.was[i] != f->pMethods)
		i++;
	assert(i < METHODS);
	power.was[i] = f->pMethods;
	power.ours[i] = *f->pMethods;
	power.ours[i].xWrite = on_write;
	power.ours[i].xTruncate = on_truncate;
	power.ours[i].xSync = on_sync;
	power.ours[i].xClose = on_close;
	f->pMethods = &power.ours[i];
	for (i = 0; power.open[i].f != NULL; i++)
		assert(i + 1 < sizeof(power.open) / sizeof(power.open[0]));
	power.open[i].f = f;
	power.open[i].is = as;
}

static int
on_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out)
{
	int rc = power.under->xOpen(v, name, f, flags, out);
	bool wal = (flags & SQLITE_OPEN_WAL) != 0;
	struct file *as = &power.file[wal ? 1 : 0];

	if (rc != SQLITE_OK || power.pass ||
	    (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) == 0)
		return rc;
	if (as->path == NULL) {
		as->path = strdup(name);
		as->last = &as->first;
		/* The store made the database's file itself. */
		as->there = !wal;
	}
	assert(strcmp(as->path, name) == 0);
	take(f, as);
	return rc;
}

static int
on_delete(sqlite3_vfs *v, const char *name, int dir_sync)
{
	struct file *f = &power.file[1];

	if (f->path != NULL && strcmp(f->path, name) == 0) {
		forget_changes(f);
		f->n = 0;
		f->there = false;
	}
	return power.under->xDelete(v, name, dir_sync);
}

void
power_on(uint64_t seed, bool sync_lies, void (*hook)(void *ctx), void *ctx)
{
	memset(&power, 0, sizeof(power));
	power.random = seed;
	power.sync_lies = sync_lies;
	power.hook = hook;
	power.ctx = ctx;
	power.under = sqlite3_vfs_find("unix");
	assert(power.under != NULL);
	power.vfs = *power.under;
	power.vfs.zName = "power";
	power.vfs.xOpen = on_open;
	power.vfs.xDelete = on_delete;
	assert(sqlite3_vfs_register(&power.vfs, 1) == SQLITE_OK);
}

void
power_pass(bool pass)
{
	power.pass = pass;
}

void
power_off(void)
{
	(void)sqlite3_vfs_unregister(&power.vfs);
	for (size_t i = 0; i < FILES; i++) {
		if (power.file[i].path != NULL)
			forget_changes(&power.file[i]);
		free(power.file[i].path);
		free(power.file[i].p);
	}
}
