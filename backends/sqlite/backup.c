/*
 * An online copy: one snapshot, made while others read and write.
 */
#include "backends/sqlite/lite.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <unistd.h>

/* Made here, so that nothing is overwritten and nobody else may read it. */
static int
make_new(const char *path, struct err *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 && errno == EEXIST)
		return err_sys(e, ERR_CONFLICT, errno, "store.backup",
			       "%s exists already: name a new file", path);
	if (fd < 0 || close(fd) < 0)
		return err_errno(e, ERR_IO, errno, "store.backup",
				 "cannot create %s", path);
	return 0;
}

/* In one step: between two steps another writer would start it anew. In WAL
   mode nobody waits for it meanwhile. */
static int
copy(struct lite_conn *from, struct lite_conn *to, struct err *e)
{
	sqlite3_backup *b =
	    sqlite3_backup_init(to->db, "main", from->db, "main");
	int rc;
	int end;

	if (b == NULL)
		return lite_fail(to, sqlite3_extended_errcode(to->db),
				 "store.backup", e);
	rc = sqlite3_backup_step(b, -1);
	end = sqlite3_backup_finish(b);
	if (rc == SQLITE_DONE && end == SQLITE_OK)
		return 0;
	if (rc == SQLITE_DONE)
		rc = end;
	return lite_fail(to, rc, "store.backup", e);
}

/* A copy that cannot be read is worse than none. */
static int
verify(struct lite_conn *c, const char *path, struct err *e)
{
	static const char sql[] = "PRAGMA quick_check(1)";
	struct lite_q q;
	int rc;

	if (lite_prepare(c, &q, sql, "store.backup", e) < 0)
		return -1;
	rc = lite_step(&q, e);
	if (rc == 1 &&
	    sqlite3_stricmp((const char *)sqlite3_column_text(q.st, 0), "ok") !=
		0)
		rc = err_set(e, ERR_IO, "store.backup",
			     "the copy %s cannot be read back (%s): run "
			     "`funicular check`",
			     path, (const char *)sqlite3_column_text(q.st, 0));
	lite_end(&q);
	return rc < 0 ? -1 : 0;
}

/* The new name must survive a power cut as well as the bytes. */
static int
sync_folder(const char *path, struct err *e)
{
	char *copy_of = strdup(path);
	int fd;
	int rc = 0;

	if (copy_of == NULL)
		return lite_nomem("store.backup", e);
	fd = open(dirname(copy_of), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		rc = err_errno(e, ERR_IO, errno, "store.backup",
			       "cannot make %s durable", path);
	if (fd >= 0)
		(void)close(fd);
	free(copy_of);
	return rc;
}

/* The copy comes out in WAL mode like its source; one file without a log
   beside it is easier to carry away. */
static int
single_file(struct lite_conn *c, struct err *e)
{
	return lite_script(c, "PRAGMA journal_mode = DELETE", "store.backup",
			   e);
}

int
lite_backup(struct store *s, const char *path, struct err *e)
{
	struct lite_conn *from = NULL;
	struct lite_conn *to = NULL;
	int rc;

	if (lite_take(lite_of(s), &from, e) < 0)
		return -1;
	rc = make_new(path, e);
	if (rc < 0) {
		lite_give(lite_of(s), from);
		return -1;
	}
	rc = lite_connect(path, false, &to, e);
	if (rc == 0)
		rc = copy(from, to, e);
	if (rc == 0)
		rc = single_file(to, e);
	if (rc == 0)
		rc = verify(to, path, e);
	lite_disconnect(&to);
	lite_give(lite_of(s), from);
	if (rc == 0)
		rc = sync_folder(path, e);
	if (rc < 0)
		(void)unlink(path);
	return rc;
}
