/*
 * A Maildir as a directory of items. An item's name is the part of a file's
 * name that stays; its content, as the rest of the folder's code sees it, is
 * the message behind fields that say how it stands, and that is the very form
 * in which the server sends it (message/rfc822, docs/mail.md). So a change of
 * flags, which renames the file, is a change of content; and what is written
 * goes to the place that its flags ask for.
 */
#include "clients/maildir.h"
#include "base/digest.h"
#include "clients/folder_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 300, FLAG_N = 5 };

static const struct {
	const char *field;
	char letter;
} flags[FLAG_N] = {
	{ "X-Sync-Message-Read: ", 'S' },
	{ "X-Sync-Message-Replied: ", 'R' },
	{ "X-Sync-Message-Forwarded: ", 'P' },
	{ "X-Sync-Message-Flagged: ", 'F' },
	{ "X-Sync-Message-Draft: ", 'D' },
};

/* ---- which file an item is
 * ----------------------------------------------------- */

struct entry {
	struct slice name;     /* empty: free */
	char path[PATH_BYTES]; /* "cur/name:2,S"; "": it is gone */
};

struct maildir {
	struct entry *v;
	size_t cap, n; /* cap: a power of 2 */
};

static struct entry *
slot(struct entry *v, size_t cap, struct slice name)
{
	size_t at = (size_t)digest_u64(name) & (cap - 1);

	while (v[at].name.n > 0 && !slice_eq(v[at].name, name))
		at = (at + 1) & (cap - 1);
	return &v[at];
}

static bool
grow(struct maildir *m)
{
	size_t cap = m->cap == 0 ? 256 : m->cap * 2;
	struct entry *v = calloc(cap, sizeof(*v));

	if (v == NULL)
		return false;
	for (size_t i = 0; i < m->cap; i++) {
		if (m->v[i].name.n > 0)
			*slot(v, cap, m->v[i].name) = m->v[i];
	}
	free(m->v);
	m->v = v;
	m->cap = cap;
	return true;
}

static struct entry *
find(const struct cli_folder *f, struct slice name)
{
	struct maildir *m = f->maildir;
	struct entry *e;

	if (m->cap == 0 || name.n == 0)
		return NULL;
	e = slot(m->v, m->cap, name);
	return e->name.n > 0 && e->path[0] != '\0' ? e : NULL;
}

static struct entry *
note(struct cli_folder *f, struct slice name, const char *path)
{
	struct maildir *m = f->maildir;
	struct entry *e;

	if (2 * (m->n + 1) > m->cap && !grow(m))
		return NULL;
	e = slot(m->v, m->cap, name);
	if (e->name.n == 0) {
		e->name = arena_copy(f->a, name);
		if (e->name.p == NULL) {
			e->name.n = 0;
			return NULL;
		}
		m->n++;
	}
	(void)snprintf(e->path, sizeof(e->path), "%s", path);
	return e;
}

static int
no_news(void *ctx, struct slice name, struct err *e)
{
	(void)ctx;
	(void)name;
	(void)e;
	return 0;
}

/* What a killed run left is put right before anybody lists the files. */
int
maildir_open(struct cli_folder *f, struct err *e)
{
	static const char *const parts[] = { "tmp", "new", "cur" };

	f->maildir = calloc(1, sizeof(*f->maildir));
	if (f->maildir == NULL)
		return err_set(e, ERR_NOMEM, "maildir.open", "no memory");
	for (size_t i = 0; i < 3; i++) {
		if (mkdirat(f->dir, parts[i], 0700) != 0 && errno != EEXIST)
			return err_errno(e, ERR_IO, errno, "maildir.open",
					 "cannot make %s in %s", parts[i],
					 f->conf.path);
	}
	return maildir_list(f, no_news, NULL, e);
}

void
maildir_close(struct cli_folder *f)
{
	if (f->maildir == NULL)
		return;
	free(f->maildir->v);
	free(f->maildir);
	f->maildir = NULL;
}

/* ---- listing
 * ---------------------------------------------------------------------- */

/* What follows ":2," in a file's name; empty in new/. */
static struct slice
letters(const char *path)
{
	struct slice s = slice_c(path);
	size_t at = slice_find_str(s, ":2,");

	return at == SIZE_MAX || !slice_starts(s, "cur/")
		   ? SLICE_LIT("")
		   : slice_from(s, at + 3);
}

static int
list_part(struct cli_folder *f, const char *part, maildir_fn *fn, void *ctx,
	  struct err *e)
{
	int fd = openat(f->dir, part, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	char path[PATH_BYTES];
	struct dirent *de;
	int rc = 0;

	if (d == NULL) {
		if (fd >= 0)
			close(fd);
		return err_set(e, ERR_IO, "maildir.list", "cannot read %s/%s",
			       f->conf.path, part);
	}
	while (rc == 0 && (de = readdir(d)) != NULL) {
		struct slice name = slice_c(de->d_name);
		int n = snprintf(path, sizeof(path), "%s/%s", part, de->d_name);

		if (name.p[0] == '.' || n < 0 || (size_t)n >= sizeof(path))
			continue;
		name = slice_sub(name, 0, slice_find(name, ':'));
		/* Thrown away by the mail program: as good as gone. */
		if (name.n == 0 || slice_find(letters(path), 'T') != SIZE_MAX)
			continue;
		/* In both: moved to cur/ while we looked. */
		if (find(f, name) != NULL) {
			(void)note(f, name, path);
			continue;
		}
		if (note(f, name, path) == NULL)
			rc = err_set(e, ERR_NOMEM, "maildir.list", "no memory");
		else
			rc = fn(ctx, name, e);
	}
	closedir(d);
	return rc;
}

int
maildir_list(struct cli_folder *f, maildir_fn *fn, void *ctx, struct err *e)
{
	for (size_t i = 0; i < f->maildir->cap; i++)
		f->maildir->v[i].path[0] = '\0';
	/* new/ first: what a mail program moves on meanwhile is met in cur/. */
	if (list_part(f, "new", fn, ctx, e) < 0)
		return -1;
	return list_part(f, "cur", fn, ctx, e);
}

/* ---- reading
 * ------------------------------------------------------------------------ */

static void
put_flags(struct buf *b, struct slice have)
{
	for (size_t i = 0; i < FLAG_N; i++)
		buf_printf(b, "%s%s\r\n", flags[i].field,
			   slice_find(have, flags[i].letter) != SIZE_MAX
			       ? "true"
			       : "false");
}

const char *
maildir_path(const struct cli_folder *f, struct slice name)
{
	const struct entry *e = find(f, name);

	return e == NULL ? NULL : e->path;
}

struct slice
maildir_content(struct arena *a, const char *path, struct slice bytes)
{
	struct buf b = BUF_IN(a);

	put_flags(&b, letters(path));
	buf_add(&b, bytes);
	return buf_ok(&b) ? buf_slice(&b) : (struct slice){ NULL, 0 };
}

/* The fields at the front; *have: the letters of those that are true. */
static struct slice
take_flags(struct slice body, char have[FLAG_N + 1])
{
	size_t n = 0;
	struct slice line;

	for (;;) {
		struct slice rest = body;
		size_t i = 0;

		if (!slice_split(&rest, '\n', &line))
			break;
		while (i < FLAG_N && !slice_starts_nocase(line, flags[i].field))
			i++;
		if (i == FLAG_N)
			break;
		line = slice_trim(slice_from(line, strlen(flags[i].field)));
		if (slice_is_nocase(line, "true") && n < FLAG_N)
			have[n++] = flags[i].letter;
		body = rest.p == NULL ? SLICE_LIT("") : rest;
	}
	have[n] = '\0';
	return body;
}

struct slice
maildir_normal(struct arena *a, struct slice body)
{
	char have[FLAG_N + 1];
	struct buf b = BUF_IN(a);

	body = take_flags(body, have);
	put_flags(&b, slice_c(have));
	buf_add(&b, body);
	return buf_ok(&b) ? buf_slice(&b) : (struct slice){ NULL, 0 };
}

struct slice
maildir_flags_only(struct slice content)
{
	char have[FLAG_N + 1];
	struct slice body = take_flags(content, have);

	return slice_sub(content, 0, content.n - body.n);
}

/* ---- writing
 * ------------------------------------------------------------------------- */

static int
by_letter(const void *x, const void *y)
{
	return *(const char *)x - *(const char *)y;
}

/* The flags stand in the new file's name until it is placed. */
struct slice
maildir_stage(struct cli_folder *f, struct slice body,
	      char tmp[FOLDER_TMP_BYTES])
{
	char have[FLAG_N + 1];

	body = take_flags(body, have);
	qsort(have, strlen(have), 1, by_letter);
	(void)snprintf(tmp, FOLDER_TMP_BYTES, "tmp/.funicular-tmp-%u-%s",
		       f->tmp_no++, have);
	return body;
}

/* Never two files of one message: the old one goes to the new place first. */
int
maildir_place(struct cli_folder *f, const char *tmp, struct slice name,
	      struct err *e)
{
	const char *have = strrchr(tmp, '-');
	struct entry *old = find(f, name);
	char path[PATH_BYTES];
	int n;

	have = have == NULL ? "" : have + 1;
	n = have[0] == '\0'
		? snprintf(path, sizeof(path), "new/%.*s", SLICE_ARG(name))
		: snprintf(path, sizeof(path), "cur/%.*s:2,%s", SLICE_ARG(name),
			   have);
	if (n < 0 || (size_t)n >= sizeof(path))
		return err_set(e, ERR_BUG, "maildir.place", "unsafe name");
	cli_state_step(f->state);
	if (old != NULL && strcmp(old->path, path) != 0 &&
	    renameat(f->dir, old->path, f->dir, path) != 0 && errno != ENOENT)
		return err_errno(e, ERR_IO, errno, "maildir.place",
				 "cannot move %s", old->path);
	cli_state_step(f->state);
	if (renameat(f->dir, tmp, f->dir, path) != 0)
		return err_errno(e, ERR_IO, errno, "maildir.place",
				 "cannot name %s", path);
	if (note(f, name, path) == NULL)
		return err_set(e, ERR_NOMEM, "maildir.place", "no memory");
	cli_state_step(f->state);
	return 0;
}

void
maildir_gone(struct cli_folder *f, struct slice name)
{
	struct entry *e = find(f, name);

	if (e != NULL)
		e->path[0] = '\0';
}

int
maildir_name(struct cli_folder *f, int64_t luid, struct slice *out,
	     struct err *e)
{
	int64_t s = f->conf.clk->now_ms(f->conf.clk) / 1000;

	for (unsigned i = 0; i < 1000; i++) {
		*out = arena_printf(f->a, "%lld.L%lldN%u.funicular",
				    (long long)s, (long long)luid, i);
		if (out->p == NULL)
			return err_set(e, ERR_NOMEM, "maildir.name",
				       "no memory");
		if (find(f, *out) == NULL)
			return 0;
	}
	return err_set(e, ERR_CONFLICT, "maildir.name",
		       "no free name for item %lld", (long long)luid);
}
