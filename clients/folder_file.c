#include "base/digest.h"
#include "clients/folder_int.h"
#include "clients/maildir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_BYTES = 256 };

/* File names of our rows came from readdir or from folder_name(): no slash,
   no NUL. Checked all the same, since the state is a file that others may
   write. */
static bool
c_name(struct slice name, char out[NAME_BYTES])
{
	if (name.n == 0 || name.n >= NAME_BYTES || name.p[0] == '.' ||
	    memchr(name.p, '/', name.n) != NULL ||
	    memchr(name.p, '\0', name.n) != NULL)
		return false;
	memcpy(out, name.p, name.n);
	out[name.n] = '\0';
	return true;
}

void
folder_hash(struct slice body, unsigned char out[CLI_HASH_BYTES])
{
	digest_hash(SLICE_LIT(""), &body, 1, out);
}

static bool
read_all(int fd, char *p, size_t n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t r = read(fd, p + got, n - got);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return false;
		got += (size_t)r;
	}
	return true;
}

static enum folder_read
read_path(struct cli_folder *f, struct arena *a, const char *c,
	  struct slice *out)
{
	struct stat sb;
	enum folder_read r = FOLDER_BAD;
	int fd =
	    openat(f->dir, c, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return errno == ENOENT ? FOLDER_GONE : FOLDER_BAD;
	if (fstat(fd, &sb) == 0 && S_ISREG(sb.st_mode)) {
		if (sb.st_size > f->conf.max_item_bytes) {
			r = FOLDER_BIG;
		} else {
			char *p = arena_alloc(a, (size_t)sb.st_size + 1);

			if (p != NULL && read_all(fd, p, (size_t)sb.st_size)) {
				*out = (struct slice){ p, (size_t)sb.st_size };
				r = FOLDER_OK;
			}
		}
	}
	close(fd);
	return r;
}

enum folder_read
folder_file_read(struct cli_folder *f, struct arena *a, struct slice name,
		 struct slice *out)
{
	char c[NAME_BYTES];
	const char *path;
	enum folder_read r;

	if (!c_name(name, c))
		return FOLDER_BAD;
	if (f->maildir == NULL)
		return read_path(f, a, c, out);
	path = maildir_path(f, name);
	if (path == NULL)
		return FOLDER_GONE;
	r = read_path(f, a, path, out);
	if (r != FOLDER_OK)
		return r;
	*out = maildir_content(a, path, *out);
	return out->p == NULL ? FOLDER_BAD : FOLDER_OK;
}

enum folder_read
folder_file_hash(struct cli_folder *f, struct slice name,
		 unsigned char out[CLI_HASH_BYTES])
{
	struct arena *a =
	    arena_new(4 * (size_t)f->conf.max_item_bytes + (size_t)1024 * 1024);
	struct slice body;
	enum folder_read r;

	if (a == NULL)
		return FOLDER_BAD;
	r = folder_file_read(f, a, name, &body);
	if (r == FOLDER_OK)
		folder_hash(body, out);
	arena_free(&a);
	return r;
}

/* ---- writing ----------------------------------------------------------------
 */

static int
write_all(int fd, struct slice s, bool sync)
{
	while (s.n > 0) {
		ssize_t w = write(fd, s.p, s.n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -1;
		s = slice_from(s, (size_t)w);
	}
	return sync ? fsync(fd) : 0;
}

int
folder_file_stage(struct cli_folder *f, struct slice body, bool sync,
		  char tmp[FOLDER_TMP_BYTES], struct err *e)
{
	int fd, saved;

	if (f->maildir != NULL)
		body = maildir_stage(f, body, tmp);
	else
		snprintf(tmp, FOLDER_TMP_BYTES, ".funicular-tmp-%u",
			 f->tmp_no++);
	cli_state_step(f->state);
	unlinkat(f->dir, tmp, 0);
	fd = openat(f->dir, tmp,
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_errno(e, ERR_IO, errno, "folder.write",
				 "cannot create a file in %s", f->conf.path);
	if (write_all(fd, body, sync) != 0) {
		saved = errno;
		close(fd);
		unlinkat(f->dir, tmp, 0);
		return err_errno(e, ERR_IO, saved, "folder.write",
				 "cannot write in %s", f->conf.path);
	}
	close(fd);
	return 0;
}

int
folder_file_place(struct cli_folder *f, const char *tmp, struct slice name,
		  bool fresh, struct err *e)
{
	char c[NAME_BYTES];
	int r;

	if (!c_name(name, c))
		return err_set(e, ERR_BUG, "folder.place", "unsafe name");
	if (f->maildir != NULL)
		return maildir_place(f, tmp, name, e);
	cli_state_step(f->state);
	r = renameat2(f->dir, tmp, f->dir, c, fresh ? RENAME_NOREPLACE : 0);
	/* Not every file system knows NOREPLACE; the name was free before. */
	if (r != 0 && fresh && errno == EINVAL)
		r = renameat(f->dir, tmp, f->dir, c);
	if (r != 0)
		return err_errno(e, errno == EEXIST ? ERR_CONFLICT : ERR_IO,
				 errno, "folder.place", "cannot name %s", c);
	cli_state_step(f->state);
	return 0;
}

int
folder_file_remove(struct cli_folder *f, struct slice name, struct err *e)
{
	char c[NAME_BYTES];
	const char *path = c;

	if (!c_name(name, c))
		return err_set(e, ERR_BUG, "folder.remove", "unsafe name");
	cli_state_step(f->state);
	if (f->maildir != NULL)
		path = maildir_path(f, name);
	if (path != NULL && unlinkat(f->dir, path, 0) != 0 && errno != ENOENT)
		return err_errno(e, ERR_IO, errno, "folder.remove",
				 "cannot remove %s", path);
	if (f->maildir != NULL)
		maildir_gone(f, name);
	cli_state_step(f->state);
	return 0;
}

int
folder_file_trash(struct cli_folder *f, struct slice name, struct err *e)
{
	char c[NAME_BYTES], to[NAME_BYTES + 64];
	const char *path = c;

	if (!c_name(name, c))
		return err_set(e, ERR_BUG, "folder.trash", "unsafe name");
	mkdirat(f->dir, ".funicular", 0700);
	mkdirat(f->dir, ".funicular/trash", 0700);
	snprintf(to, sizeof(to), ".funicular/trash/%lld-%u-%s",
		 (long long)f->conf.clk->now_ms(f->conf.clk), f->tmp_no++, c);
	if (f->maildir != NULL)
		path = maildir_path(f, name);
	if (path != NULL && linkat(f->dir, path, f->dir, to, 0) != 0 &&
	    errno != ENOENT)
		return err_errno(e, ERR_IO, errno, "folder.trash",
				 "cannot keep a copy of %s", c);
	folder_warn(f, "%s was changed here and not sent; kept as %s", c, to);
	return 0;
}

int
folder_sync(struct cli_folder *f, bool all, struct err *e)
{
	if ((all ? syncfs(f->dir) : fsync(f->dir)) != 0 && errno != EINVAL)
		return err_errno(e, ERR_IO, errno, "folder.sync",
				 "cannot sync %s to disk", f->conf.path);
	return 0;
}

void
folder_clean(struct cli_folder *f)
{
	int fd = openat(f->dir, f->maildir != NULL ? "tmp" : ".",
			O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	if (d == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((de = readdir(d)) != NULL)
		if (slice_starts(slice_c(de->d_name), ".funicular-tmp-"))
			unlinkat(fd, de->d_name, 0);
	closedir(d);
}

/* ---- names
 * ---------------------------------------------------------------------- */

static const char *
extension(enum pim_form form)
{
	switch (form) {
	case PIM_VCARD21:
	case PIM_VCARD30:
	case PIM_VCARD40:
		return ".vcf";
	case PIM_VCAL10:
		return ".vcs";
	case PIM_ICAL20:
		return ".ics";
	case PIM_TEXT:
	case PIM_VNOTE:
	case PIM_EMAIL:
	case PIM_RFC822: /* they have directories instead */
	case PIM_OFOLDER:
	case PIM_SIFC:
	case PIM_SIFE:
	case PIM_SIFT:
	case PIM_SIFN:
	case PIM_FORM_NONE:
		break;
	}
	return ".txt";
}

static bool
ends_nocase(struct slice name, const char *end)
{
	size_t n = strlen(end);

	return name.n > n && slice_is_nocase(slice_from(name, name.n - n), end);
}

bool
folder_is_ours(enum pim_form form, const char *name)
{
	struct slice s = slice_c(name);

	if (s.n == 0 || s.n >= NAME_BYTES || s.p[0] == '.')
		return false;
	if (ends_nocase(s, extension(form)))
		return true;
	/* Both forms of calendars go by both names. */
	return (form == PIM_VCAL10 && ends_nocase(s, ".ics")) ||
	       (form == PIM_ICAL20 && ends_nocase(s, ".vcs")) ||
	       (form == PIM_TEXT && ends_nocase(s, ".note"));
}

/* The line that a person would name it by. */
static struct slice
title(struct slice body)
{
	struct slice rest = body, line, n = SLICE_LIT("");

	if (!slice_starts_nocase(slice_trim(body), "BEGIN:")) {
		slice_split(&rest, '\n', &line);
		return slice_sub(line, 0, 40);
	}
	while (slice_split(&rest, '\n', &line)) {
		size_t colon = slice_find(line, ':');
		struct slice head = slice_sub(line, 0, colon);

		if (colon == SIZE_MAX)
			continue;
		line = slice_from(line, colon + 1);
		head = slice_sub(head, 0, slice_find(head, ';'));
		if (slice_is_nocase(head, "FN") ||
		    slice_is_nocase(head, "SUMMARY"))
			return line;
		if (slice_is_nocase(head, "N") && n.n == 0)
			n = line;
	}
	return n;
}

/* Letters, digits and single hyphens are all that a peer may put there. */
static size_t
slug(struct slice s, char *out, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n && n < max; i++) {
		char c = slice_lower(s.p[i]);

		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			out[n++] = c;
		else if (n > 0 && out[n - 1] != '-')
			out[n++] = '-';
	}
	while (n > 0 && out[n - 1] == '-')
		n--;
	return n;
}

int
folder_name(struct cli_folder *f, struct slice body, int64_t luid,
	    struct slice *out, struct err *e)
{
	char base[48], name[128];
	size_t n = slug(title(body), base, 40);

	if (f->maildir != NULL)
		return maildir_name(f, luid, out, e);
	if (n == 0) {
		n = slug(SLICE_LIT("item"), base, sizeof(base));
	}
	for (unsigned i = 0; i < 1000; i++) {
		struct stat sb;
		char tail[16] = "";

		if (i > 0)
			snprintf(tail, sizeof(tail), "-%u", i);
		snprintf(name, sizeof(name), "%.*s-%lld%s%s", (int)n, base,
			 (long long)luid, tail, extension(f->conf.form));
		if (fstatat(f->dir, name, &sb, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		*out = arena_copy(f->a, slice_c(name));
		return out->p != NULL
			   ? 0
			   : err_set(e, ERR_NOMEM, "folder.name", "no memory");
	}
	return err_set(e, ERR_CONFLICT, "folder.name",
		       "no free name for item %lld", (long long)luid);
}
