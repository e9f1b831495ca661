#include "tests/client/local.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- files
 * ---------------------------------------------------------------------- */

void
local_begin(struct local *l)
{
	const char *tmp = getenv("TMPDIR");

	*l = (struct local){ .type = CLI_TWO_WAY, .form = PIM_VCARD30 };
	snprintf(l->dir, sizeof(l->dir), "%s/fc-test-XXXXXX",
		 tmp == NULL ? "/tmp" : tmp);
	char *made = mkdtemp(l->dir);
	assert(made != NULL);
	(void)made;
	fake_init(&l->f);
}

static int
remove_one(const char *path, const struct stat *sb, int kind, struct FTW *at)
{
	(void)sb;
	(void)kind;
	(void)at;
	return remove(path);
}

void
local_end(struct local *l)
{
	nftw(l->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	fake_free(&l->f);
}

static void
path_of(const struct local *l, const char *name, char *out, size_t n)
{
	snprintf(out, n, "%s/%s", l->dir, name);
}

void
local_write(struct local *l, const char *name, const char *text)
{
	char path[512];
	FILE *f;

	path_of(l, name, path, sizeof(path));
	f = fopen(path, "w");
	assert(f != NULL);
	fputs(text, f);
	fclose(f);
}

char *
local_read(struct local *l, const char *name)
{
	char path[512], *p = calloc(1, 65536);
	FILE *f;

	path_of(l, name, path, sizeof(path));
	f = fopen(path, "r");
	assert(p != NULL);
	if (f == NULL) {
		free(p);
		return NULL;
	}
	size_t n = fread(p, 1, 65535, f);
	p[n] = '\0';
	fclose(f);
	return p;
}

void
local_remove(struct local *l, const char *name)
{
	char path[512];

	path_of(l, name, path, sizeof(path));
	unlink(path);
}

bool
local_has(struct local *l, const char *name)
{
	char path[512];

	path_of(l, name, path, sizeof(path));
	return access(path, F_OK) == 0;
}

char **
local_names(struct local *l, size_t *n)
{
	char **names = calloc(4096, sizeof(*names));
	DIR *d = opendir(l->dir);
	struct dirent *de;

	assert(names != NULL && d != NULL);
	*n = 0;
	while ((de = readdir(d)) != NULL && *n < 4096)
		if (de->d_name[0] != '.')
			names[(*n)++] = strdup(de->d_name);
	closedir(d);
	return names;
}

/* ---- the pipe
 * ---------------------------------------------------------------------- */

static bool
read_whole(int fd, void *p, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t r = read(fd, (char *)p + at, n - at);

		if (r <= 0)
			return false;
		at += (size_t)r;
	}
	return true;
}

static bool
write_whole(int fd, const void *p, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t r = write(fd, (const char *)p + at, n - at);

		if (r <= 0)
			return false;
		at += (size_t)r;
	}
	return true;
}

static bool
give(int fd, struct slice s)
{
	return write_whole(fd, &s.n, sizeof(s.n)) && write_whole(fd, s.p, s.n);
}

static bool
take(int fd, struct arena *a, struct slice *s)
{
	size_t n;
	char *p;

	if (!read_whole(fd, &n, sizeof(n)))
		return false;
	p = arena_alloc(a, n + 1);
	if (p == NULL || !read_whole(fd, p, n))
		return false;
	*s = (struct slice){ p, n };
	return true;
}

/* ---- the client's process
 * -------------------------------------------------------------- */

struct result {
	struct cli_counts sent, received;
	unsigned refused, failed, steps;
	int did;
	bool ok;
};

static void
on_step(void *ctx)
{
	struct local *l = ctx;

	if (++l->steps == l->kill_at)
		kill(getpid(), SIGKILL);
	if (l->steps == l->meddle_at && l->meddle != NULL)
		l->meddle(l);
}

static int
talk(int fd, struct cli *c, struct err *e)
{
	struct arena *a = arena_new(64u * 1024 * 1024);
	enum cli_verdict v = CLI_FAILED;
	int r;

	for (;;) {
		struct slice body, url, reply;

		r = cli_next(c, &body, &url, &v, e);
		if (r != 0 || v != CLI_RUNNING)
			break;
		arena_reset(a);
		if (!give(fd, body) || !take(fd, a, &reply))
			_exit(3);
		r = cli_reply(c, SLICE_LIT(""), reply, e);
		if (r != 0)
			break;
	}
	arena_free(&a);
	return r == 0 && v == CLI_DONE ? 0 : -1;
}

static void
warn(void *ctx, const char *line)
{
	(void)ctx;
	if (getenv("FC_TEST_VERBOSE") != NULL)
		fprintf(stderr, "client: %s\n", line);
}

static int
client(struct local *l, int fd, struct err *e)
{
	struct cli_conf conf = {
		.url = SLICE_LIT("http://h/sync"),
		.dev_id = SLICE_LIT("fc-test"),
		.sid = SLICE_LIT("1"),
		.enc = SML_WBXML,
		.version = 12,
		.max_msg_bytes = 2000,
		.max_obj_bytes = 100000,
		.man = SLICE_LIT("Funicular"),
		.mod = SLICE_LIT("test"),
		.swv = SLICE_LIT("1"),
		.devtyp = SLICE_LIT("workstation"),
		.clk = &clk_system,
	};
	struct cli_folder_conf fc = {
		.path = l->dir,
		.url = conf.url,
		.key = SLICE_LIT("."),
		.remote = SLICE_LIT("contacts"),
		.form = l->form,
		.max_item_bytes = 100000,
		.phone = l->phone,
		.allow_empty = true,
		.clk = &clk_system,
		.warn = warn,
	};
	struct cli_state *s = NULL;
	struct cli_folder *f = NULL;
	struct cli *c = NULL;
	struct result res = { 0 };
	int r = cli_state_open(l->dir, on_step, l, &s, e);

	l->steps = 0;
	if (r == 0)
		r = cli_folder_open(s, &fc, &f, e);
	if (r == 0) {
		struct cli_db *db = cli_folder_db(f);

		db->local = SLICE_LIT("contacts");
		db->ask =
		    cli_folder_redo(f) != 0 ? cli_folder_redo(f) : l->type;
		r = cli_new(&conf, &db, 1, &c, e);
		if (r == 0)
			r = talk(fd, c, e);
		res = (struct result){ db->sent,   db->received, db->refused,
				       db->failed, l->steps,     db->type,
				       db->ok };
	}
	cli_free(&c);
	cli_folder_close(&f);
	cli_state_close(&s);
	give(fd, SLICE_LIT(""));
	write_whole(fd, &res, sizeof(res));
	return r == 0 && res.ok ? 0 : 1;
}

/* ---- the server's process
 * ---------------------------------------------------------------- */

static void
serve(struct local *l, int fd)
{
	struct arena *a = arena_new(64u * 1024 * 1024);
	struct slice in, out;

	fake_begin(&l->f);
	for (;;) {
		arena_reset(a);
		if (!take(fd, a, &in))
			break;
		if (in.n == 0) {
			struct result r;

			if (read_whole(fd, &r, sizeof(r))) {
				l->sent = r.sent;
				l->received = r.received;
				l->refused = r.refused;
				l->failed = r.failed;
				l->steps = r.steps;
				l->did = r.did;
			}
			break;
		}
		fake_handle(&l->f, a, in, &out);
		if (!give(fd, out))
			break;
	}
	arena_free(&a);
}

int
local_sync(struct local *l)
{
	int fd[2], status = 0, made;
	pid_t pid;

	made = socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
	assert(made == 0);
	(void)made;
	signal(SIGPIPE, SIG_IGN);
	fflush(NULL);
	pid = fork();
	assert(pid >= 0);
	if (pid == 0) {
		struct err e = { 0 };
		int r;

		close(fd[0]);
		r = client(l, fd[1], &e);
		if (r != 0 && e.msg[0] != '\0')
			fprintf(stderr, "client: %s\n", e.msg);
		_exit(r);
	}
	close(fd[1]);
	serve(l, fd[0]);
	close(fd[0]);
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		return WTERMSIG(status);
	return WEXITSTATUS(status);
}

/* ---- comparing
 * --------------------------------------------------------------------------------
 */

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

bool
local_same(struct local *l)
{
	size_t n, m = 0;
	char **mine = local_names(l, &n);
	char **theirs = calloc(l->f.n + 1, sizeof(*theirs));
	bool same;

	assert(theirs != NULL);
	for (size_t i = 0; i < n; i++) {
		char *text = local_read(l, mine[i]);

		free(mine[i]);
		mine[i] = text;
	}
	for (size_t i = 0; i < l->f.n; i++)
		if (l->f.items[i].live)
			theirs[m++] = l->f.items[i].body;
	qsort(mine, n, sizeof(*mine), by_text);
	qsort(theirs, m, sizeof(*theirs), by_text);
	same = n == m;
	for (size_t i = 0; same && i < n; i++)
		same = strcmp(mine[i], theirs[i]) == 0;
	if (!same) {
		fprintf(stderr, "client has %zu, server %zu\n", n, m);
		for (size_t i = 0; i < n || i < m; i++)
			fprintf(stderr, "  %-40.40s | %.40s\n",
				i < n ? mine[i] : "", i < m ? theirs[i] : "");
	}
	for (size_t i = 0; i < n; i++)
		free(mine[i]);
	free(mine);
	free(theirs);
	return same;
}
