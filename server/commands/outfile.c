#include "server/commands/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char where[] = "outfile";

static int
failed(const char *what, const char *path, struct err *e)
{
	int why = errno;

	return err_errno(e, ERR_IO, why, where, "cannot %s %s", what, path);
}

int
srv_outfile_open(struct arena *a, const char *path, struct srv_outfile *o,
		 struct err *e)
{
	int fd;

	*o = (struct srv_outfile){ .f = stdout };
	if (path == NULL)
		return 0;
	o->path = arena_cstr(a, slice_c(path));
	o->tmp = arena_cstr(a, arena_printf(a, "%s.XXXXXX", path));
	if (o->path == NULL || o->tmp == NULL) {
		o->f = NULL;
		return err_set(e, ERR_NOMEM, where, "out of memory");
	}
	fd = mkostemp(o->tmp, O_CLOEXEC); /* mode 0600 */
	o->f = fd < 0 ? NULL : fdopen(fd, "w");
	if (o->f != NULL)
		return 0;
	if (fd >= 0) {
		(void)close(fd);
		(void)unlink(o->tmp);
	}
	return failed("create", path, e);
}

int
srv_outfile_commit(struct srv_outfile *o, struct err *e)
{
	FILE *f = o->f;
	bool bad;

	o->f = NULL;
	if (o->path == NULL) {
		if (fflush(f) == 0 && !ferror(f))
			return 0;
		return failed("write", "standard output", e);
	}
	bad = fflush(f) != 0 || ferror(f) || fsync(fileno(f)) < 0;
	if (bad) {
		(void)failed("write", o->path, e);
		(void)fclose(f);
		(void)unlink(o->tmp);
		return -1;
	}
	if (fclose(f) == 0 && rename(o->tmp, o->path) == 0)
		return 0;
	(void)failed("write", o->path, e);
	(void)unlink(o->tmp);
	return -1;
}

void
srv_outfile_abort(struct srv_outfile *o)
{
	if (o->f == NULL || o->path == NULL)
		return;
	(void)fclose(o->f);
	(void)unlink(o->tmp);
	o->f = NULL;
}

int
srv_outfile_dir(const char *path, struct err *e)
{
	struct stat st;

	if (mkdir(path, 0700) == 0)
		return 0;
	if (errno != EEXIST)
		return failed("create", path, e);
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	return err_set(e, ERR_IO, where, "%s is there and is no directory",
		       path);
}
